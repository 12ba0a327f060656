/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "eip.h"

#define WEB   "52.9.0.12"
#define ALLOC "eipalloc-0123456789abcdef0"
#define ASSOC "eipassoc-0123456789abcdef0"
#define LEAF  FAKE_MACS "ipv4-associations/" WEB
#define V4S   FAKE_MACS "local-ipv4s"

#define IMDS_GIVES_NIC                                                                             \
    IMDS_GIVES_TOKEN, IMDS_GIVES_IDS, IMDS_GIVES(V4S, "10.0.1.10\n10.0.1.11\n10.0.1.1")

#define LEADS_TO(address, eni, private)                                                            \
    {                                                                                              \
        .body = "Action=DescribeAddresses", .status = 200,                                         \
        .answer = "<DescribeAddressesResponse><addressesSet><item><publicIp>" address              \
                  "</publicIp><allocationId>" ALLOC "</allocationId><associationId>" ASSOC         \
                  "</associationId><networkInterfaceId>" eni                                       \
                  "</networkInterfaceId><privateIpAddress>" private "</privateIpAddress></item></" \
                                                                    "addressesSet></"              \
                                                                    "DescribeAddressesResponse>"   \
    }
#define LEADS_NOWHERE                                                                              \
    {                                                                                              \
        .body = "Action=DescribeAddresses", .status = 200,                                         \
        .answer = "<DescribeAddressesResponse><addressesSet><item><publicIp>" WEB                  \
                  "</publicIp><allocationId>" ALLOC                                                \
                  "</allocationId></item></addressesSet></DescribeAddressesResponse>"              \
    }
#define REFUSES(status_, code)                                                                     \
    {                                                                                              \
        .body = "Action=DescribeAddresses", .status = (status_),                                   \
        .answer = FAKE_EC2_ERROR(code, "m")                                                        \
    }

static struct addr
ip(const char *text)
{
    struct addr a = {0};

    assert_true(text == NULL || addr_parse(text, &a));
    return a;
}

/* By address, and by allocation id when there is none. */
static struct eip_params
params(const char *public_ip, const char *private_ip)
{
    struct eip_params p = {
        .public_ip = ip(public_ip), .private_ip = ip(private_ip), .interface = FAKE_LINK};

    if (public_ip == NULL) {
        (void)snprintf(p.allocation_id, sizeof(p.allocation_id), "%s", ALLOC);
    }
    return p;
}

/* --- what IMDS shows ------------------------------------------------------------------------ */

static void
eip_shown_by_imds_asks_for_this_address_only(void **state)
{
    static const struct {
        const char *name;
        const char *private_ip;
        const char *answer; /* NULL: 404 */
        bool shown;
    } cases[] = {
        {"leads here", NULL, "10.0.1.10", true},
        {"leads here, with a line end", NULL, "10.0.1.10\n", true},
        {"to an address that is not the primary one", NULL, "10.0.1.11", false},
        {"to one that the primary one begins like", NULL, "10.0.1.1", false},
        {"to the primary one among others", NULL, "10.0.1.11\n10.0.1.10", true},
        {"does not", NULL, NULL, false},
        {"is empty", NULL, "", false},
        {"to the address wanted", "10.0.1.10", "10.0.1.10", true},
        {"to one that begins like it", "10.0.1.1", "10.0.1.10", false},
        {"to one that it begins like", "10.0.1.10", "10.0.1.1", false},
        {"to another", "10.0.1.10", "10.0.1.11", false},
        {"among others", "10.0.1.11", "10.0.1.10\n10.0.1.11", true},
        {"what is no address", NULL, "<html/>", false},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_NIC);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct eip_params p = params(WEB, cases[i].private_ip);
        size_t before = f->n_requests;
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        fakenode_init(f, &ctx, NULL);
        FAKE_SCRIPT(f, {.url = LEAF,
                        .status = cases[i].answer == NULL ? 404 : 200,
                        .answer = cases[i].answer});
        assert_int_equal(eip_shown_by_imds(&ctx, &p), cases[i].shown);
        assert_string_equal(f->requests[f->n_requests - 1].url, FAKE_IMDS LEAF);
        assert_int_equal(f->n_requests - before, i == 0 ? 6 : 1); /* warm: one request */
    }
    assert_int_equal(fake_count(f, "Action="), 0);
    assert_int_equal(f->n_gets, 0);
}

/* 52.9.0.12 and 52.9.0.123: another leaf, so neither is ever taken for the other. */
static void
eip_shown_by_imds_longer_and_shorter_address_told_apart(void **state)
{
    struct fake *f = *state;
    struct eip_params web = params(WEB, NULL);
    struct eip_params other = params("52.9.0.123", NULL);
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    FAKE_SCRIPT(f, IMDS_GIVES_NIC,
                IMDS_GIVES(FAKE_MACS "ipv4-associations/52.9.0.123", "10.0.1.10"),
                IMDS_LACKS(LEAF));
    assert_true(eip_shown_by_imds(&ctx, &other));
    assert_string_equal(f->requests[f->n_requests - 1].url,
                        FAKE_IMDS FAKE_MACS "ipv4-associations/52.9.0.123");
    assert_false(eip_shown_by_imds(&ctx, &web));
    assert_string_equal(f->requests[f->n_requests - 1].url, FAKE_IMDS LEAF);
}

static void
eip_shown_by_imds_not_without_imds_or_interface(void **state)
{
    struct fake *f = *state;
    struct eip_params p = params(WEB, NULL);
    FAKENODE ctx;
    FAKENODE disabled;
    FAKENODE silent;

    fakenode_init(f, &ctx, NULL);
    p.interface = "nope";
    assert_false(eip_shown_by_imds(&ctx, &p));
    assert_int_equal(f->n_requests, 0);
    p.interface = FAKE_LINK;
    FAKE_SCRIPT(f, {.method = "PUT", .status = 403});
    fakenode_init(f, &disabled, NULL);
    assert_false(eip_shown_by_imds(&disabled, &p));
    FAKE_SCRIPT(f, {.takes_ms = UINT64_MAX, .times = FAKE_ALWAYS});
    fakenode_init(f, &silent, NULL);
    assert_false(eip_shown_by_imds(&silent, &p));
}

/* IMDS knows addresses only: that of an allocation id is known once AWS has told it. */
static void
eip_shown_by_imds_by_allocation_id_once_it_is_known(void **state)
{
    struct fake *f = *state;
    struct eip_params p = params(NULL, NULL);
    struct node_nic nic;
    struct ec2_elastic_ip now;
    struct err e = {0};
    FAKENODE ctx;
    FAKENODE next;

    fakenode_init(f, &ctx, NULL);
    assert_false(eip_shown_by_imds(&ctx, &p));
    assert_int_equal(f->n_requests, 0);
    FAKE_SCRIPT(f, IMDS_GIVES_NIC, LEADS_TO(WEB, FAKE_ENI, "10.0.1.10"));
    assert_int_equal(eip_ask_aws(&ctx, &p, &nic, &now, &e), OCF_HERE);
    FAKE_SCRIPT(f, IMDS_GIVES(LEAF, "10.0.1.10"));
    fakenode_init(f, &next, NULL);
    assert_true(eip_shown_by_imds(&next, &p));
    assert_int_equal(fake_count(f, "Action="), 1);
    /* What is no address was not put there by us. */
    cache_put(&f->cache, ALLOC, "junk", 4);
    assert_false(eip_shown_by_imds(&next, &p));
}

/* --- what AWS says -------------------------------------------------------------------------- */

static void
eip_judge_compares_interface_and_address(void **state)
{
    static const struct {
        const char *name;
        const char *wanted; /* private address; NULL: the primary one */
        const char *eni;
        const char *private;
        enum ocf_verdict verdict;
        const char *text;
    } cases[] = {
        {"here", NULL, FAKE_ENI, "10.0.1.10", OCF_HERE, ""},
        {"here, at the address wanted", "10.0.1.10", FAKE_ENI, "10.0.1.10", OCF_HERE, ""},
        {"another address of ours", "10.0.1.1", FAKE_ENI, "10.0.1.10", OCF_DEGRADED,
         WEB " leads to 10.0.1.10, another address of our " FAKE_ENI},
        {"an address of ours that begins like it", "10.0.1.10", FAKE_ENI, "10.0.1.1", OCF_DEGRADED,
         WEB " leads to 10.0.1.1, another address of our " FAKE_ENI},
        {"another interface", NULL, FAKE_ANOTHER, "10.0.1.11", OCF_ELSEWHERE,
         WEB " leads to " FAKE_ANOTHER ", not to our " FAKE_ENI},
        {"the address wanted, of another interface", "10.0.1.10", FAKE_ANOTHER, "10.0.1.10",
         OCF_ELSEWHERE, WEB " leads to " FAKE_ANOTHER ", not to our " FAKE_ENI},
        {"an interface that ours begins like", NULL, "eni-01234567", "10.0.1.11", OCF_ELSEWHERE,
         WEB " leads to eni-01234567, not to our " FAKE_ENI},
        {"none", NULL, "", NULL, OCF_ABSENT, WEB " is associated with no interface"},
        {"none, with an address wanted", "10.0.1.10", "", NULL, OCF_ABSENT,
         WEB " is associated with no interface"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct eip_params p = params(WEB, cases[i].wanted);
        struct ec2_elastic_ip now = {.public_ip = ip(WEB), .private_ip = ip(cases[i].private)};
        struct err why = {0};

        print_message("  %s\n", cases[i].name);
        (void)snprintf(now.eni_id, sizeof(now.eni_id), "%s", cases[i].eni);
        assert_int_equal(eip_judge(&p, &now, FAKE_ENI, &why), cases[i].verdict);
        assert_string_equal(why.text, cases[i].text);
        assert_int_equal(why.code, cases[i].verdict == OCF_HERE ? 0 : -ERR_NOT_FOUND);
    }
}

static void
eip_ask_aws_by_id_and_by_address(void **state)
{
    struct fake *f = *state;
    struct eip_params by_address = params(WEB, NULL);
    struct eip_params by_id = params(NULL, NULL);
    struct node_nic nic = {.eni_id = ""};
    struct ec2_elastic_ip now = {.eni_id = ""};
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    FAKE_SCRIPT(f, IMDS_GIVES_NIC, LEADS_TO(WEB, FAKE_ENI, "10.0.1.10"),
                LEADS_TO(WEB, FAKE_ANOTHER, "10.0.1.11"), LEADS_NOWHERE);
    assert_int_equal(eip_ask_aws(&ctx, &by_address, &nic, &now, &e), OCF_HERE);
    assert_int_equal(fake_count(f, "&PublicIp.1=" WEB), 1);
    assert_string_equal(nic.eni_id, FAKE_ENI);
    assert_string_equal(nic.link.name, FAKE_LINK);
    assert_string_equal(now.allocation_id, ALLOC);
    assert_string_equal(now.association_id, ASSOC);
    assert_int_equal(eip_ask_aws(&ctx, &by_id, &nic, &now, &e), OCF_ELSEWHERE);
    assert_int_equal(fake_count(f, "&AllocationId.1=" ALLOC), 1);
    assert_string_equal(now.eni_id, FAKE_ANOTHER);
    assert_int_equal(eip_ask_aws(&ctx, &by_id, &nic, &now, &e), OCF_ABSENT);
    assert_string_equal(now.association_id, "");
}

#define NO_SUCH ": this account has no such Elastic IP in this region"

/* An Elastic IP that the account has given back is lost; what would use it is wrong everywhere. */
static void
eip_ask_aws_not_there_is_loss_or_configuration(void **state)
{
    static const struct {
        enum ocf_operation operation;
        enum ocf_verdict verdict;
    } cases[] = {
        {OCF_OP_MONITOR, OCF_ABSENT}, {OCF_OP_PROBE, OCF_ABSENT},   {OCF_OP_START, OCF_UNKNOWN},
        {OCF_OP_STOP, OCF_UNKNOWN},   {OCF_OP_RELOAD, OCF_UNKNOWN}, {OCF_OP_VALIDATE, OCF_UNKNOWN},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_NIC);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct eip_params by_id = params(NULL, NULL);
        struct eip_params by_address = params(WEB, NULL);
        struct ec2_elastic_ip now = {.allocation_id = "before"};
        struct node_nic nic;
        struct err e = {0};
        FAKENODE ctx;

        fakenode_init(f, &ctx, NULL);
        ctx.operation = cases[i].operation;
        if (cases[i].verdict == OCF_ABSENT) {
            FAKE_SCRIPT(f, IMDS_LACKS(LEAF)); /* before it is believed */
        }
        FAKE_SCRIPT(f, REFUSES(400, "InvalidAllocationID.NotFound"),
                    REFUSES(400, "InvalidAddress.NotFound"));
        assert_int_equal(eip_ask_aws(&ctx, &by_id, &nic, &now, &e), cases[i].verdict);
        assert_int_equal(e.code, -ERR_PARAM);
        assert_string_equal(e.text, "allocation_id=\"" ALLOC "\"" NO_SUCH);
        assert_int_equal(eip_ask_aws(&ctx, &by_address, &nic, &now, &e), cases[i].verdict);
        assert_int_equal(e.code, -ERR_PARAM);
        assert_string_equal(e.text, "public_ip=\"" WEB "\"" NO_SUCH);
        assert_string_equal(now.allocation_id, "before");
    }
}

/* Credentials of another account must not stop what leads here. */
static void
eip_ask_aws_not_there_but_shown_by_imds_is_degraded(void **state)
{
    struct fake *f = *state;
    struct eip_params p = params(WEB, NULL);
    struct ec2_elastic_ip now = {0};
    struct node_nic nic;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    ctx.operation = OCF_OP_MONITOR;
    FAKE_SCRIPT(f, IMDS_GIVES_NIC, IMDS_GIVES(LEAF, "10.0.1.10"),
                REFUSES(400, "InvalidAddress.NotFound"));
    assert_int_equal(eip_ask_aws(&ctx, &p, &nic, &now, &e), OCF_DEGRADED);
    assert_string_equal(e.text, "public_ip=\"" WEB "\"" NO_SUCH);
}

static void
eip_ask_aws_failures_are_unknown(void **state)
{
    static const struct {
        struct fake_rule rule;
        int code;
    } cases[] = {
        {REFUSES(403, "UnauthorizedOperation"), -ERR_DENIED},
        {{.status = 200, .answer = "<DescribeAddressesResponse/>"}, -ERR_MALFORMED},
        {LEADS_TO("52.9.0.123", FAKE_ENI, "10.0.1.10"), -ERR_MALFORMED},
        {{.given_up = -ERR_CANCELLED}, -ERR_CANCELLED},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct eip_params p = params(WEB, NULL);
        struct ec2_elastic_ip now = {.allocation_id = "before"};
        struct node_nic nic;
        struct err e = {0};
        FAKENODE ctx;

        fakenode_init(f, &ctx, NULL);
        FAKE_SCRIPT(f, cases[i].rule);
        assert_int_equal(eip_ask_aws(&ctx, &p, &nic, &now, &e), OCF_UNKNOWN);
        assert_int_equal(e.code, cases[i].code);
        assert_string_equal(now.allocation_id, "before");
    }
}

/* The service runs, and IMDS answers as if it were none: that tells nothing of the Elastic IP. */
static void
eip_ask_aws_without_what_imds_always_has_is_unknown(void **state)
{
    struct fake *f = *state;
    struct eip_params p = params(WEB, NULL);
    struct ec2_elastic_ip now = {.allocation_id = "before"};
    struct node_nic nic;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    p.interface = NULL;
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_LACKS("/latest/meta-data/mac"));
    assert_int_equal(eip_ask_aws(&ctx, &p, &nic, &now, &e), OCF_UNKNOWN);
    assert_int_equal(e.code, -ERR_MALFORMED);
    assert_string_equal(now.allocation_id, "before");
}

/* Which is the primary address, IMDS alone tells: while it does not, any of the NIC will do. */
static void
eip_primary_address_unknown_any_will_do(void **state)
{
    struct fake *f = *state;
    struct eip_params p = params(WEB, NULL);
    struct ec2_elastic_ip now;
    struct node_nic nic;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS, IMDS_LACKS(V4S), IMDS_GIVES(LEAF, "10.0.1.11"),
                LEADS_TO(WEB, FAKE_ENI, "10.0.1.11"), IMDS_LACKS(V4S),
                LEADS_TO(WEB, FAKE_ENI, "10.0.1.11"), IMDS_GIVES(V4S, "10.0.1.10\n10.0.1.11"));
    assert_true(eip_shown_by_imds(&ctx, &p));
    assert_int_equal(eip_ask_aws(&ctx, &p, &nic, &now, &e), OCF_HERE);
    assert_int_equal(p.private_ip.family, 0);
    /* Once it is known, another one is not as it should be. */
    assert_int_equal(eip_ask_aws(&ctx, &p, &nic, &now, &e), OCF_DEGRADED);
    assert_string_equal(e.text, WEB " leads to 10.0.1.11, another address of our " FAKE_ENI);
}

static void
eip_ask_aws_without_node_or_keys_is_unknown(void **state)
{
    struct fake *f = *state;
    struct eip_params p = params(WEB, NULL);
    struct ec2_elastic_ip now = {.allocation_id = "before"};
    struct node_nic nic;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    p.interface = "nope";
    assert_int_equal(eip_ask_aws(&ctx, &p, &nic, &now, &e), OCF_UNKNOWN);
    assert_int_equal(e.code, -ERR_PARAM_LOCAL);
    p.interface = FAKE_LINK;
    f->get_error = -ERR_NO_CREDENTIALS;
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS);
    assert_int_equal(eip_ask_aws(&ctx, &p, &nic, &now, &e), OCF_UNKNOWN);
    assert_int_equal(e.code, -ERR_NO_CREDENTIALS);
    assert_int_equal(fake_count(f, "Action="), 0);
    assert_string_equal(now.allocation_id, "before");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(eip_shown_by_imds_asks_for_this_address_only),
        FAKE_TEST(eip_shown_by_imds_longer_and_shorter_address_told_apart),
        FAKE_TEST(eip_shown_by_imds_not_without_imds_or_interface),
        FAKE_TEST(eip_shown_by_imds_by_allocation_id_once_it_is_known),
        FAKE_TEST(eip_judge_compares_interface_and_address),
        FAKE_TEST(eip_ask_aws_by_id_and_by_address),
        FAKE_TEST(eip_ask_aws_not_there_is_loss_or_configuration),
        FAKE_TEST(eip_ask_aws_not_there_but_shown_by_imds_is_degraded),
        FAKE_TEST(eip_ask_aws_failures_are_unknown),
        FAKE_TEST(eip_ask_aws_without_what_imds_always_has_is_unknown),
        FAKE_TEST(eip_primary_address_unknown_any_will_do),
        FAKE_TEST(eip_ask_aws_without_node_or_keys_is_unknown),
    };

    return cmocka_run_group_tests_name("eip", tests, NULL, NULL);
}
