/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "secondary.h"

#define V4S FAKE_MACS "local-ipv4s"
#define V6S FAKE_MACS "ipv6s"

#define FINE "<R><return>true</return></R>"
#define REFUSES(body_, status_, code)                                                              \
    {                                                                                              \
        .body = (body_), .status = (status_), .answer = FAKE_EC2_ERROR(code, "m")                  \
    }
#define INTERFACES(items)                                                                          \
    "<DescribeNetworkInterfacesResponse><networkInterfaceSet>" items                               \
    "</networkInterfaceSet></DescribeNetworkInterfacesResponse>"
#define INTERFACE(id, v4, v6)                                                                      \
    "<item><networkInterfaceId>" id "</networkInterfaceId><privateIpAddressesSet>" v4              \
    "</privateIpAddressesSet><ipv6AddressesSet>" v6 "</ipv6AddressesSet></item>"
#define V4(address, primary)                                                                       \
    "<item><privateIpAddress>" address "</privateIpAddress><primary>" primary "</primary></item>"
#define V6(address) "<item><ipv6Address>" address "</ipv6Address></item>"

#define ADDRESSES_MAX 4

/* The resource of a case. */
static struct secondary
resource(const char *const addresses[ADDRESSES_MAX])
{
    struct secondary s = {.vip = {.interface = FAKE_LINK}};

    for (size_t i = 0; i < ADDRESSES_MAX && addresses[i] != NULL; i++) {
        assert_true(addr_parse(addresses[i], &s.vip.addresses.items[s.vip.addresses.n++]));
    }
    return s;
}

/* --- what IMDS shows ------------------------------------------------------------------------ */

static void
secondary_shown_by_imds_all_of_them_and_none_as_primary(void **state)
{
    static const struct {
        const char *name;
        const char *addresses[ADDRESSES_MAX];
        const char *v4s; /* NULL: 404 */
        const char *v6s;
        bool shown;
    } cases[] = {
        {"one", {"10.0.1.100"}, "10.0.1.10\n10.0.1.100", NULL, true},
        {"one, after another", {"10.0.1.100"}, "10.0.1.10\n10.0.1.50\n10.0.1.100\n", NULL, true},
        {"not there", {"10.0.1.100"}, "10.0.1.10", NULL, false},
        {"one that begins like it", {"10.0.1.10"}, "10.0.1.9\n10.0.1.100", NULL, false},
        {"one that it begins like", {"10.0.1.100"}, "10.0.1.9\n10.0.1.10", NULL, false},
        {"one that ends like it", {"10.0.1.10"}, "10.0.1.9\n110.0.1.10", NULL, false},
        {"two", {"10.0.1.100", "10.0.1.101"}, "10.0.1.10\n10.0.1.101\n10.0.1.100", NULL, true},
        {"one of two", {"10.0.1.100", "10.0.1.101"}, "10.0.1.10\n10.0.1.101", NULL, false},
        {"as the primary one", {"10.0.1.10"}, "10.0.1.10\n10.0.1.100", NULL, false},
        {"one as the primary one",
         {"10.0.1.100", "10.0.1.10"},
         "10.0.1.10\n10.0.1.100",
         NULL,
         false},
        {"IPv6", {"2001:db8::100"}, "10.0.1.10", "2001:db8::1\n2001:db8::100", true},
        {"IPv6, spelt otherwise",
         {"2001:DB8:0::100"},
         "10.0.1.10",
         "2001:0db8:0000:0000:0000:0000:0000:0100",
         true},
        {"IPv6, not there", {"2001:db8::100"}, "10.0.1.10", "2001:db8::1", false},
        {"both families",
         {"10.0.1.100", "2001:db8::100"},
         "10.0.1.10\n10.0.1.100",
         "2001:db8::100",
         true},
        {"one family of two",
         {"10.0.1.100", "2001:db8::100"},
         "10.0.1.10\n10.0.1.100",
         NULL,
         false},
        {"an interface with IPv6 only", {"2001:db8::100"}, NULL, "2001:db8::100", true},
        {"an interface with nothing", {"10.0.1.100"}, NULL, NULL, false},
        {"what is no address", {"10.0.1.100"}, "10.0.1.10\n10.0.1.100\nx", NULL, false},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct secondary s = resource(cases[i].addresses);
        size_t before = f->n_requests;
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        fakenode_init(f, &ctx, NULL);
        FAKE_SCRIPT(
            f, {.url = V4S, .status = cases[i].v4s == NULL ? 404 : 200, .answer = cases[i].v4s},
            {.url = V6S, .status = cases[i].v6s == NULL ? 404 : 200, .answer = cases[i].v6s});
        assert_int_equal(secondary_shown_by_imds(&ctx, &s), cases[i].shown);
        assert_int_equal(f->n_requests - before, i == 0 ? 6 : 2);
        assert_string_equal(f->requests[f->n_requests - 2].url, FAKE_IMDS V4S);
        assert_string_equal(f->requests[f->n_requests - 1].url, FAKE_IMDS V6S);
        assert_int_equal(f->requests[f->n_requests - 2].wave, f->n_waves); /* at once */
        assert_string_equal(s.nic.eni_id, FAKE_ENI);
    }
    assert_int_equal(fake_count(f, "Action="), 0);
    assert_int_equal(f->n_gets, 0);
}

static void
secondary_shown_by_imds_not_without_imds_or_interface(void **state)
{
    struct fake *f = *state;
    struct secondary s = resource((const char *const[ADDRESSES_MAX]){"10.0.1.100"});
    FAKENODE ctx;
    FAKENODE half;

    fakenode_init(f, &ctx, NULL);
    s.vip.interface = "nope";
    assert_false(secondary_shown_by_imds(&ctx, &s));
    assert_int_equal(f->n_requests, 0);
    s.vip.interface = FAKE_LINK;
    FAKE_SCRIPT(f, {.method = "PUT", .status = 403});
    assert_false(secondary_shown_by_imds(&ctx, &s));
    /* Of two lists only one came. */
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS, IMDS_GIVES(V4S, "10.0.1.10\n10.0.1.100"),
                {.url = V6S, .status = 403});
    fakenode_init(f, &half, NULL);
    assert_false(secondary_shown_by_imds(&half, &s));
}

/* --- what AWS says -------------------------------------------------------------------------- */

static void
hold(struct ec2_holder *holder, const char *eni_id)
{
    *holder = (struct ec2_holder){.primary = eni_id[0] == '!'};
    (void)snprintf(holder->eni_id, sizeof(holder->eni_id), "%s", eni_id + strspn(eni_id, "!"));
}

static void
secondary_judge_by_holders(void **state)
{
    static const struct {
        const char *name;
        const char *holders[3]; /* of 10.0.1.100, .101 and .102; '!': as its primary address */
        enum ocf_verdict verdict;
        const char *text;
    } cases[] = {
        {"one of ours", {FAKE_ENI}, OCF_HERE, ""},
        {"all ours", {FAKE_ENI, FAKE_ENI, FAKE_ENI}, OCF_HERE, ""},
        {"nobody's", {""}, OCF_ABSENT, "10.0.1.100 is on no interface, not on our " FAKE_ENI},
        {"another's",
         {FAKE_ANOTHER},
         OCF_ELSEWHERE,
         "10.0.1.100 is on " FAKE_ANOTHER ", not on our " FAKE_ENI},
        {"an interface that ours begins like",
         {"eni-01234567"},
         OCF_ELSEWHERE,
         "10.0.1.100 is on eni-01234567, not on our " FAKE_ENI},
        {"the last is nobody's",
         {FAKE_ENI, FAKE_ENI, ""},
         OCF_DEGRADED,
         "10.0.1.102 is on no interface, not on our " FAKE_ENI},
        {"the first is another's",
         {FAKE_ANOTHER, FAKE_ENI, FAKE_ENI},
         OCF_DEGRADED,
         "10.0.1.100 is on " FAKE_ANOTHER ", not on our " FAKE_ENI},
        {"the first that is not right is told",
         {FAKE_ENI, "", FAKE_ANOTHER},
         OCF_DEGRADED,
         "10.0.1.101 is on no interface, not on our " FAKE_ENI},
        {"none ours",
         {FAKE_ANOTHER, "", ""},
         OCF_ELSEWHERE,
         "10.0.1.100 is on " FAKE_ANOTHER ", not on our " FAKE_ENI},
        {"none anybody's",
         {"", "", ""},
         OCF_ABSENT,
         "10.0.1.100 is on no interface, not on our " FAKE_ENI},
        {"our primary one",
         {"!" FAKE_ENI},
         OCF_UNKNOWN,
         "ip=\"10.0.1.100\" is the primary address of " FAKE_ENI ": allowed is a secondary one"},
        {"another's primary one, behind one of ours",
         {FAKE_ENI, "!" FAKE_ANOTHER},
         OCF_UNKNOWN,
         "ip=\"10.0.1.101\" is the primary address of " FAKE_ANOTHER
         ": allowed is a secondary one"},
        {"a primary one behind one that is not right",
         {"", FAKE_ENI, "!" FAKE_ENI},
         OCF_UNKNOWN,
         "ip=\"10.0.1.102\" is the primary address of " FAKE_ENI ": allowed is a secondary one"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct secondary s =
            resource((const char *const[ADDRESSES_MAX]){"10.0.1.100", "10.0.1.101", "10.0.1.102"});
        struct err why = {0};

        print_message("  %s\n", cases[i].name);
        s.vip.addresses.n = 0;
        (void)snprintf(s.nic.eni_id, sizeof(s.nic.eni_id), FAKE_ENI);
        while (s.vip.addresses.n < 3 && cases[i].holders[s.vip.addresses.n] != NULL) {
            hold(&s.holders[s.vip.addresses.n], cases[i].holders[s.vip.addresses.n]);
            s.vip.addresses.n++;
        }
        assert_int_equal(secondary_judge(&s, &why), cases[i].verdict);
        assert_string_equal(why.text, cases[i].text);
        assert_int_equal(why.code, cases[i].verdict == OCF_HERE      ? 0
                                   : cases[i].verdict == OCF_UNKNOWN ? -ERR_PARAM
                                                                     : -ERR_NOT_FOUND);
    }
}

/* Lists of every length, with the one that is not right at every place. */
static void
secondary_judge_every_length_and_place(void **state)
{
    (void)state;
    for (size_t n = 1; n <= PARAM_LIST_MAX; n++) {
        struct secondary s = {.vip = {.addresses = {.n = n}}};
        struct err why = {0};

        (void)snprintf(s.nic.eni_id, sizeof(s.nic.eni_id), FAKE_ENI);
        for (size_t i = 0; i < n; i++) {
            char text[ADDR_TEXT_MAX];

            (void)snprintf(text, sizeof(text), "10.0.1.%zu", 100 + i);
            assert_true(addr_parse(text, &s.vip.addresses.items[i]));
            hold(&s.holders[i], FAKE_ENI);
        }
        assert_int_equal(secondary_judge(&s, &why), OCF_HERE);
        for (size_t i = 0; i < n; i++) {
            char begins[64];

            (void)snprintf(begins, sizeof(begins), "10.0.1.%zu is on no interface", 100 + i);
            hold(&s.holders[i], "");
            assert_int_equal(secondary_judge(&s, &why), n == 1 ? OCF_ABSENT : OCF_DEGRADED);
            assert_int_equal(strncmp(why.text, begins, strlen(begins)), 0);
            hold(&s.holders[i], "!" FAKE_ANOTHER);
            assert_int_equal(secondary_judge(&s, &why), OCF_UNKNOWN);
            hold(&s.holders[i], FAKE_ENI);
        }
        for (size_t i = 0; i < n; i++) {
            hold(&s.holders[i], FAKE_ANOTHER);
        }
        assert_int_equal(secondary_judge(&s, &why), OCF_ELSEWHERE);
    }
}

static void
secondary_ask_aws_finds_and_judges(void **state)
{
    struct fake *f = *state;
    struct secondary s =
        resource((const char *const[ADDRESSES_MAX]){"10.0.1.100", "2001:db8::100"});
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    FAKE_SCRIPT(
        f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS,
        {.body = "Filter.2.Name=addresses.private-ip-address&Filter.2.Value.1=10.0.1.100",
         .status = 200,
         .answer = INTERFACES(
             INTERFACE(FAKE_ENI, V4("10.0.1.10", "true") V4("10.0.1.100", "false"), ""))},
        {.body = "Filter.2.Name=ipv6-addresses.ipv6-address&Filter.2.Value.1=2001%3Adb8%3A%3A100",
         .status = 200,
         .answer = INTERFACES(
             INTERFACE(FAKE_ANOTHER, V4("10.0.1.11", "true"), V6("2001:db8:0:0::100")))});
    assert_int_equal(secondary_ask_aws(&ctx, &s, &e), OCF_DEGRADED);
    assert_string_equal(e.text, "2001:db8::100 is on " FAKE_ANOTHER ", not on our " FAKE_ENI);
    assert_string_equal(s.holders[0].eni_id, FAKE_ENI);
    assert_string_equal(s.holders[1].eni_id, FAKE_ANOTHER);
    assert_int_equal(fake_count(f, "&Filter.1.Value.1=" FAKE_VPC), 2);
}

static void
secondary_ask_aws_failures_are_unknown(void **state)
{
    static const struct {
        struct fake_rule rule;
        int code;
    } cases[] = {
        {{.status = 403, .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")}, -ERR_DENIED},
        {{.status = 200, .answer = "<DescribeVpcsResponse/>"}, -ERR_MALFORMED},
        {{.status = 200, .answer = INTERFACES(INTERFACE(FAKE_ENI, V4("10.0.1.100", "true"), ""))},
         -ERR_PARAM},
        {{.given_up = -ERR_CANCELLED}, -ERR_CANCELLED},
    };
    struct fake *f = *state;
    struct secondary none = resource((const char *const[ADDRESSES_MAX]){"10.0.1.100"});
    struct err why = {0};
    FAKENODE first;

    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct secondary s = resource((const char *const[ADDRESSES_MAX]){"10.0.1.100"});
        struct err e = {0};
        FAKENODE ctx;

        fakenode_init(f, &ctx, NULL);
        FAKE_SCRIPT(f, cases[i].rule);
        assert_int_equal(secondary_ask_aws(&ctx, &s, &e), OCF_UNKNOWN);
        assert_int_equal(e.code, cases[i].code);
    }
    fakenode_init(f, &first, NULL);
    none.vip.interface = "nope";
    assert_int_equal(secondary_ask_aws(&first, &none, &why), OCF_UNKNOWN);
    assert_int_equal(why.code, -ERR_PARAM_LOCAL);
}

/* --- moving them ---------------------------------------------------------------------------- */

static int
move(struct fake *f, struct secondary *s, struct err *e)
{
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    (void)snprintf(s->nic.eni_id, sizeof(s->nic.eni_id), FAKE_ENI);
    *e = (struct err){0};
    return secondary_move(&ctx, s, e);
}

static void
secondary_move_takes_what_is_not_ours(void **state)
{
    struct fake *f = *state;
    struct secondary s =
        resource((const char *const[ADDRESSES_MAX]){"10.0.1.100", "10.0.1.101", "10.0.1.102"});
    struct err e = {0};

    hold(&s.holders[0], FAKE_ANOTHER);
    hold(&s.holders[1], FAKE_ENI);
    hold(&s.holders[2], "");
    FAKE_SCRIPT(f, {.body = "Action=AssignPrivateIpAddresses", .status = 200, .answer = FINE});
    assert_int_equal(move(f, &s, &e), 0);
    assert_int_equal(f->n_requests, 1);
    assert_non_null(strstr(f->requests[0].body,
                           "&NetworkInterfaceId=" FAKE_ENI "&PrivateIpAddress.1=10.0.1.100"
                           "&PrivateIpAddress.2=10.0.1.102&"));
    f->get_error = -ERR_NO_CREDENTIALS;
    assert_int_equal(move(f, &s, &e), -ERR_NO_CREDENTIALS);
    assert_int_equal(e.code, -ERR_NO_CREDENTIALS);
}

/* An IPv6 address that a lagging read showed nowhere: it is read again, a few times. */
static void
secondary_move_refused_ipv6_is_read_again_a_few_times(void **state)
{
    struct fake *f = *state;
    struct secondary s = resource((const char *const[ADDRESSES_MAX]){"10.0.1.100", "2001:db8::1"});
    struct err e = {0};

    hold(&s.holders[0], FAKE_ENI);
    for (unsigned i = 1; i <= 5; i++) {
        FAKE_SCRIPT(f, REFUSES("Action=AssignIpv6Addresses", 400, "InvalidParameterValue"));
        assert_int_equal(move(f, &s, &e), i < 5 ? -ERR_UNCERTAIN : -ERR_REJECTED);
        assert_int_equal(e.code, i < 5 ? -ERR_UNCERTAIN : -ERR_REJECTED);
        assert_int_equal(f->n_sleeps, i < 5 ? i : 4);
    }
    assert_int_equal(f->n_requests, 5);
}

static void
secondary_move_other_failures_are_told_at_once(void **state)
{
    static const struct {
        const char *address;
        struct fake_rule rule;
        int code;
    } cases[] = {
        {"10.0.1.100", REFUSES("Action=Assign", 400, "InvalidParameterValue"), -ERR_REJECTED},
        {"2001:db8::1", REFUSES("Action=Assign", 403, "UnauthorizedOperation"), -ERR_DENIED},
        {"2001:db8::1", {.error = ERR_NETWORK, .sent = true}, -ERR_UNCERTAIN},
        {"2001:db8::1", {.given_up = -ERR_CANCELLED}, -ERR_CANCELLED},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct secondary s = resource((const char *const[ADDRESSES_MAX]){cases[i].address});
        struct err e = {0};

        FAKE_SCRIPT(f, cases[i].rule);
        assert_int_equal(move(f, &s, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        assert_int_equal(f->n_sleeps, 0);
    }
}

static void
secondary_move_without_time_to_read_again_is_refused(void **state)
{
    struct fake *f = *state;
    struct secondary s = resource((const char *const[ADDRESSES_MAX]){"2001:db8::1"});
    struct err e = {0};

    f->cancel_sleep = 1;
    FAKE_SCRIPT(f, REFUSES("Action=Assign", 400, "InvalidParameterValue"));
    assert_int_equal(move(f, &s, &e), -ERR_REJECTED);
    assert_int_equal(e.code, -ERR_REJECTED);
}

/* --- the preflight -------------------------------------------------------------------------- */

static void
preflight(struct ocf_ctx *ctx, struct secondary *s, char ret[4096])
{
    struct fakenode_stderr caught;

    fakenode_stderr_begin(&caught);
    secondary_preflight(ctx, s);
    fakenode_stderr_end(&caught, ret, 4096);
}

static void
secondary_preflight_tells_all_findings(void **state)
{
    struct fake *f = *state;
    struct secondary s = resource((const char *const[ADDRESSES_MAX]){"10.0.1.100", "10.0.2.100"});
    char text[4096];
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    ctx.operation = OCF_OP_VALIDATE;
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS,
                {.url = FAKE_MACS "subnet-ipv4-cidr-block",
                 .status = 200,
                 .answer = "10.0.1.0/24",
                 .times = 2},
                {.body = "Action=Describe",
                 .status = 200,
                 .answer = INTERFACES(
                     INTERFACE(FAKE_ENI, V4("10.0.1.10", "true") V4("10.0.1.100", "false"), ""))},
                REFUSES("Action=AssignPrivateIpAddresses", 400, "InvalidParameterValue"),
                REFUSES("Action=UnassignPrivateIpAddresses", 403, "UnauthorizedOperation"));
    preflight(&ctx, &s, text);
    assert_string_equal(text, "ok: ec2:DescribeNetworkInterfaces\n"
                              "ok: 10.0.1.100 lies inside " FAKE_SUBNET "\n"
                              "ERROR: ip=\"10.0.2.100\" lies outside " FAKE_SUBNET
                              ": allowed is an address inside the subnet's networks\n"
                              "ok: ec2:AssignPrivateIpAddresses is not denied: asked for "
                              "127.0.0.1, as it has no dry run\n"
                              "ERROR: ec2:UnassignPrivateIpAddresses: IAM denies "
                              "ec2:UnassignPrivateIpAddresses; allow it in the IAM policy\n");
    assert_int_equal(ctx.worst_finding, PCMK_OCF_INSUFFICIENT_PRIV);
    /* Neither what this node has nor what it could have is touched. */
    assert_int_equal(fake_count(f, "ssignPrivateIpAddresses"), 2);
    assert_int_equal(fake_count(f, "&PrivateIpAddress.1=127.0.0.1"), 2);
    assert_int_equal(fake_count(f, "&PrivateIpAddress.1=10."), 0);
}

static void
secondary_preflight_asks_for_the_families_in_use(void **state)
{
    struct fake *f = *state;
    struct secondary s = resource((const char *const[ADDRESSES_MAX]){"2001:db8::100"});
    char text[4096];
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS,
                IMDS_GIVES(FAKE_MACS "subnet-ipv6-cidr-blocks", "2001:db8::/64"),
                {.body = "Action=Describe", .status = 200, .answer = INTERFACES("")},
                REFUSES("Action=AssignIpv6Addresses", 400, "InvalidParameterValue"),
                REFUSES("Action=UnassignIpv6Addresses", 400, "InvalidParameterValue"));
    preflight(&ctx, &s, text);
    assert_string_equal(
        text, "ok: ec2:DescribeNetworkInterfaces\n"
              "ok: 2001:db8::100 lies inside " FAKE_SUBNET "\n"
              "ok: ec2:AssignIpv6Addresses is not denied: asked for ::1, as it has no dry run\n"
              "ok: ec2:UnassignIpv6Addresses is not denied: asked for ::1, as it has no dry run\n");
    assert_int_equal(ctx.worst_finding, PCMK_OCF_OK);
}

static void
secondary_preflight_without_the_read_says_so(void **state)
{
    struct fake *f = *state;
    struct secondary s = resource((const char *const[ADDRESSES_MAX]){"10.0.1.100"});
    char text[4096];
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS,
                {.body = "Action=Describe",
                 .status = 403,
                 .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")});
    preflight(&ctx, &s, text);
    assert_string_equal(text, "ERROR: ec2:DescribeNetworkInterfaces: IAM denies "
                              "ec2:DescribeNetworkInterfaces; allow it in the IAM policy\n");
    assert_int_equal(ctx.worst_finding, PCMK_OCF_INSUFFICIENT_PRIV);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(secondary_shown_by_imds_all_of_them_and_none_as_primary),
        FAKE_TEST(secondary_shown_by_imds_not_without_imds_or_interface),
        FAKE_TEST(secondary_judge_by_holders),
        FAKE_TEST(secondary_judge_every_length_and_place),
        FAKE_TEST(secondary_ask_aws_finds_and_judges),
        FAKE_TEST(secondary_ask_aws_failures_are_unknown),
        FAKE_TEST(secondary_move_takes_what_is_not_ours),
        FAKE_TEST(secondary_move_refused_ipv6_is_read_again_a_few_times),
        FAKE_TEST(secondary_move_other_failures_are_told_at_once),
        FAKE_TEST(secondary_move_without_time_to_read_again_is_refused),
        FAKE_TEST(secondary_preflight_tells_all_findings),
        FAKE_TEST(secondary_preflight_asks_for_the_families_in_use),
        FAKE_TEST(secondary_preflight_without_the_read_says_so),
    };

    return cmocka_run_group_tests_name("secondary", tests, NULL, NULL);
}
