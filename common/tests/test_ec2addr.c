/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "ec2addr.h"

#define VPC   "vpc-0123456789abcdef0"
#define OURS  "eni-0123456789abcdef0"
#define OTHER "eni-0fedcba9876543210"
#define THIRD "eni-00000003"
#define ALLOC "eipalloc-0123456789abcdef0"
#define ASSOC "eipassoc-0123456789abcdef0"
#define WEB   "52.9.0.12"

#define FINE   "<R><return>true</return></R>"
#define DENIES FAKE_EC2_ERROR("UnauthorizedOperation", "m")

static struct addr
ip(const char *text)
{
    struct addr a = {0};

    assert_true(addr_parse(text, &a));
    return a;
}

/* --- Elastic IPs ---------------------------------------------------------------------------- */

#define ELASTIC_IPS(items)                                                                         \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeAddressesResponse "                      \
    "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</"                            \
    "requestId><addressesSet>" items "</addressesSet></DescribeAddressesResponse>"
#define IDLE(address, allocation)                                                                  \
    "<item><publicIp>" address "</publicIp><allocationId>" allocation                              \
    "</allocationId><domain>vpc</domain><publicIpv4Pool>amazon</publicIpv4Pool></item>"
#define LEADS(address, allocation, association, eni, private)                                      \
    "<item><publicIp>" address "</publicIp><allocationId>" allocation                              \
    "</allocationId><domain>vpc</domain><instanceId>i-0123456789abcdef0</instanceId>"              \
    "<associationId>" association "</associationId><networkInterfaceId>" eni                       \
    "</networkInterfaceId><networkInterfaceOwnerId>123456789012</networkInterfaceOwnerId>"         \
    "<privateIpAddress>" private "</privateIpAddress></item>"

static const struct ec2_elastic_ip untouched = {.allocation_id = "before"};

/* By allocation id, or by address when there is none. */
static int
describe(struct fake *f, const char *allocation_id, const char *public_ip,
         struct ec2_elastic_ip *ret, struct err *e)
{
    struct addr a = {0};

    if (public_ip != NULL) {
        a = ip(public_ip);
    }
    return ec2_describe_elastic_ip(&f->session, allocation_id, &a, ret, fake_deadline(f, 30000), e);
}

static void
ec2_describe_elastic_ip_by_id_and_by_address(void **state)
{
    struct fake *f = *state;
    struct ec2_elastic_ip found = untouched;
    struct err e = {0};
    struct addr web = ip(WEB);
    struct addr private = ip("10.0.1.10");

    FAKE_SCRIPT(
        f, {.status = 200, .answer = ELASTIC_IPS(LEADS(WEB, ALLOC, ASSOC, OTHER, "10.0.1.10"))},
        {.status = 200, .answer = ELASTIC_IPS(IDLE(WEB, ALLOC))});
    assert_int_equal(describe(f, ALLOC, "52.9.0.99", &found, &e), 0);
    assert_string_equal(f->requests[0].body, "Action=DescribeAddresses&Version=2016-11-15"
                                             "&AllocationId.1=" ALLOC);
    assert_false(f->requests[0].fresh);
    assert_string_equal(found.allocation_id, ALLOC);
    assert_string_equal(found.association_id, ASSOC);
    assert_string_equal(found.eni_id, OTHER);
    assert_true(addr_equal(&found.public_ip, &web));
    assert_true(addr_equal(&found.private_ip, &private));
    /* Nothing of what was there before stays. */
    assert_int_equal(describe(f, "", WEB, &found, &e), 0);
    assert_string_equal(f->requests[1].body, "Action=DescribeAddresses&Version=2016-11-15"
                                             "&PublicIp.1=" WEB);
    assert_string_equal(found.allocation_id, ALLOC);
    assert_string_equal(found.association_id, "");
    assert_string_equal(found.eni_id, "");
    assert_int_equal(found.private_ip.family, 0);
    assert_int_equal(e.code, 0);
}

static void
ec2_describe_elastic_ip_other_address_never_taken_for_it(void **state)
{
    static const struct {
        const char *asked;
        const char *answered;
        const char *answer;
    } cases[] = {
        {WEB, "52.9.0.123", ELASTIC_IPS(LEADS("52.9.0.123", ALLOC, ASSOC, OTHER, "10.0.1.10"))},
        {"52.9.0.123", WEB, ELASTIC_IPS(LEADS(WEB, ALLOC, ASSOC, OTHER, "10.0.1.10"))},
        {WEB, "152.9.0.12", ELASTIC_IPS(LEADS("152.9.0.12", ALLOC, ASSOC, OTHER, "10.0.1.10"))},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ec2_elastic_ip found = untouched;
        struct err e = {0};

        print_message("  %s for %s\n", cases[i].answered, cases[i].asked);
        FAKE_SCRIPT(f, {.status = 200, .answer = cases[i].answer});
        assert_int_equal(describe(f, "", cases[i].asked, &found, &e), -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_non_null(strstr(e.text, cases[i].asked));
        assert_string_equal(found.allocation_id, "before");
    }
}

static void
ec2_describe_elastic_ip_wrong_answers_refused(void **state)
{
    static const struct {
        const char *name;
        const char *answer;
    } cases[] = {
        {"another id",
         ELASTIC_IPS(LEADS(WEB, "eipalloc-0123456789abcdef1", ASSOC, OTHER, "10.0.1.10"))},
        {"longer id", ELASTIC_IPS(IDLE(WEB, ALLOC "0"))},
        {"no item", ELASTIC_IPS("")},
        {"empty item", ELASTIC_IPS("<item/>")},
        {"wrong root", "<DescribeVpcsResponse><addressesSet>" IDLE(
                           WEB, ALLOC) "</addressesSet></DescribeVpcsResponse>"},
        {"no set", "<DescribeAddressesResponse/>"},
        {"truncated", "<DescribeAddressesResponse><addressesSet><item><publicIp>" WEB},
        {"no address",
         ELASTIC_IPS("<item><allocationId>" ALLOC "</allocationId><domain>vpc</domain></item>")},
        {"no allocation id", ELASTIC_IPS("<item><publicIp>" WEB "</publicIp></item>")},
        {"address is none", ELASTIC_IPS(IDLE("52.9.0", ALLOC))},
        {"address with a prefix", ELASTIC_IPS(IDLE(WEB "/32", ALLOC))},
        {"association of another kind",
         ELASTIC_IPS(LEADS(WEB, ALLOC, "rtbassoc-0123456789abcdef0", OTHER, "10.0.1.10"))},
        {"association too long",
         ELASTIC_IPS(LEADS(WEB, ALLOC, ASSOC "0123456789abcdef0123456789abcdef", OTHER,
                           "10.0.1."
                           "10"))},
        {"interface of another kind",
         ELASTIC_IPS(LEADS(WEB, ALLOC, ASSOC, "i-0123456789abcdef0", "10.0.1.10"))},
        {"private address is none", ELASTIC_IPS(LEADS(WEB, ALLOC, ASSOC, OTHER, "ip-10-0-1-10"))},
        {"an error with status 200", DENIES},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ec2_elastic_ip found = untouched;
        struct err e = {0};

        print_message("  %s\n", cases[i].name);
        FAKE_SCRIPT(f, {.status = 200, .answer = cases[i].answer});
        assert_int_equal(describe(f, ALLOC, NULL, &found, &e), -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_int_equal(strncmp(e.text, "DescribeAddresses: ", 19), 0);
        assert_string_equal(found.allocation_id, "before");
    }
}

/* Without the id it could not be associated. */
static void
ec2_describe_elastic_ip_by_address_without_id_refused(void **state)
{
    struct fake *f = *state;
    struct ec2_elastic_ip found = untouched;
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200, .answer = ELASTIC_IPS(IDLE(WEB, ""))},
                {.status = 200,
                 .answer = ELASTIC_IPS("<item><publicIp>" WEB "</publicIp><domain>standard"
                                       "</domain></item>")});
    assert_int_equal(describe(f, "", WEB, &found, &e), -ERR_MALFORMED);
    assert_int_equal(describe(f, "", WEB, &found, &e), -ERR_MALFORMED);
    assert_string_equal(found.allocation_id, "before");
}

/* What a call returns: by the class the framework decides. */
struct refusal {
    struct fake_rule rule;
    int code;
};

#define REFUSES(status_, code)                                                                     \
    {                                                                                              \
        .status = (status_), .answer = FAKE_EC2_ERROR(code, "m")                                   \
    }

static void
ec2_describe_elastic_ip_errors_by_class(void **state)
{
    static const struct refusal cases[] = {
        {REFUSES(400, "InvalidAllocationID.NotFound"), -ERR_NOT_FOUND},
        {REFUSES(400, "InvalidAddress.NotFound"), -ERR_NOT_FOUND},
        {REFUSES(400, "InvalidAllocationID.Malformed"), -ERR_REJECTED},
        {REFUSES(403, "UnauthorizedOperation"), -ERR_DENIED},
        {{.given_up = -ERR_CANCELLED}, -ERR_CANCELLED},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ec2_elastic_ip found = untouched;
        struct err e = {0};

        FAKE_SCRIPT(f, cases[i].rule);
        assert_int_equal(describe(f, ALLOC, NULL, &found, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        assert_string_equal(found.allocation_id, "before");
        assert_string_equal(e.action, e.code == -ERR_CANCELLED ? "" : "ec2:DescribeAddresses");
    }
}

/* A read whose answer was lost is asked again; only a write is uncertain. */
static void
ec2_describe_elastic_ip_lost_answer_asked_again(void **state)
{
    struct fake *f = *state;
    struct ec2_elastic_ip found = untouched;
    struct err e = {0};

    FAKE_SCRIPT(f, {.error = ERR_NETWORK, .sent = true},
                {.status = 200, .answer = ELASTIC_IPS(IDLE(WEB, ALLOC))});
    assert_int_equal(describe(f, ALLOC, NULL, &found, &e), 0);
    assert_string_equal(found.allocation_id, ALLOC);
    assert_int_equal(f->n_requests, 2);
}

static int
associate(struct fake *f, const char *private_ip, bool dry_run, struct err *e)
{
    struct addr a = {0};

    if (private_ip != NULL) {
        a = ip(private_ip);
    }
    return ec2_associate_elastic_ip(&f->session, ALLOC, OURS, &a, dry_run, fake_deadline(f, 30000),
                                    e);
}

static int
disassociate(struct fake *f, bool dry_run, struct err *e)
{
    return ec2_disassociate_elastic_ip(&f->session, ASSOC, dry_run, fake_deadline(f, 30000), e);
}

static void
ec2_associate_elastic_ip_takes_it_from_whom_has_it(void **state)
{
    struct fake *f = *state;
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200, .answer = FINE, .times = 2});
    assert_int_equal(associate(f, NULL, false, &e), 0);
    assert_string_equal(f->requests[0].body,
                        "Action=AssociateAddress&Version=2016-11-15&AllocationId=" ALLOC
                        "&NetworkInterfaceId=" OURS "&AllowReassociation=true");
    assert_int_equal(associate(f, "10.0.1.11", false, &e), 0);
    assert_string_equal(f->requests[1].body,
                        "Action=AssociateAddress&Version=2016-11-15&AllocationId=" ALLOC
                        "&NetworkInterfaceId=" OURS
                        "&PrivateIpAddress=10.0.1.11&AllowReassociation=true");
    assert_true(f->requests[0].fresh); /* libcurl does not repeat it unasked */
    assert_int_equal(e.code, 0);
}

static void
ec2_disassociate_elastic_ip_names_the_association_only(void **state)
{
    struct fake *f = *state;
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200, .answer = FINE});
    assert_int_equal(disassociate(f, false, &e), 0);
    assert_string_equal(f->requests[0].body,
                        "Action=DisassociateAddress&Version=2016-11-15&AssociationId=" ASSOC);
    assert_true(f->requests[0].fresh);
}

static void
ec2_elastic_ip_writes_fail_by_class(void **state)
{
    static const struct refusal cases[] = {
        {REFUSES(400, "InvalidAssociationID.NotFound"), -ERR_NOT_FOUND},
        {REFUSES(400, "InvalidAllocationID.NotFound"), -ERR_NOT_FOUND},
        {REFUSES(400, "Resource.AlreadyAssociated"), -ERR_CONFLICT},
        {REFUSES(400, "IncorrectState"), -ERR_CONFLICT},
        {REFUSES(400, "InvalidParameterValue"), -ERR_REJECTED},
        {REFUSES(403, "UnauthorizedOperation"), -ERR_DENIED},
        {{.error = ERR_NETWORK, .sent = true}, -ERR_UNCERTAIN},
        {{.takes_ms = UINT64_MAX}, -ERR_UNCERTAIN},
        {{.status = 200, .answer = "<R><return>tr"}, -ERR_UNCERTAIN},
        {{.status = 502, .answer = "<html>Bad Gateway</html>"}, -ERR_UNCERTAIN},
        {{.given_up = -ERR_CANCELLED}, -ERR_CANCELLED},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};

        FAKE_SCRIPT(f, cases[i].rule, cases[i].rule);
        assert_int_equal(associate(f, NULL, false, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        e = (struct err){0};
        assert_int_equal(disassociate(f, false, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        assert_int_equal(f->n_requests, 2 * (i + 1)); /* no write is repeated unseen */
    }
}

static void
ec2_elastic_ip_write_throttled_is_repeated(void **state)
{
    struct fake *f = *state;
    struct err e = {0};

    FAKE_SCRIPT(f, REFUSES(503, "RequestLimitExceeded"), {.status = 200, .answer = FINE});
    assert_int_equal(associate(f, NULL, false, &e), 0);
    assert_int_equal(f->n_requests, 2);
    assert_int_equal(e.code, 0);
}

static void
ec2_elastic_ip_dry_runs_write_nothing(void **state)
{
    struct fake *f = *state;
    struct err e = {.code = -ERR_CONNECT, .text = "before"};

    FAKE_SCRIPT(f,
                {.body = "Action=AssociateAddress",
                 .status = 412,
                 .answer = FAKE_EC2_ERROR("DryRunOperation", "Request would have succeeded")},
                {.body = "Action=DisassociateAddress", .error = ERR_NETWORK, .sent = true},
                {.body = "Action=DisassociateAddress",
                 .status = 412,
                 .answer = FAKE_EC2_ERROR("DryRunOperation", "Request would have succeeded")},
                {.status = 403, .answer = DENIES, .times = 2});
    assert_int_equal(associate(f, NULL, true, &e), 0);
    assert_non_null(strstr(f->requests[0].body, "&DryRun=true"));
    /* It changes nothing: a lost answer is not uncertain, and it is asked again. */
    assert_int_equal(disassociate(f, true, &e), 0);
    assert_non_null(strstr(f->requests[1].body, "&DryRun=true"));
    assert_false(f->requests[1].fresh);
    assert_string_equal(e.text, "before"); /* only written on failure */
    assert_int_equal(associate(f, NULL, true, &e), -ERR_DENIED);
    assert_string_equal(e.action, "ec2:AssociateAddress");
    assert_int_equal(disassociate(f, true, &e), -ERR_DENIED);
    assert_string_equal(e.action, "ec2:DisassociateAddress");
}

/* --- who has an address --------------------------------------------------------------------- */

#define INTERFACES(items)                                                                          \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeNetworkInterfacesResponse "              \
    "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>"                  \
    "<networkInterfaceSet>" items "</networkInterfaceSet></DescribeNetworkInterfacesResponse>"
#define INTERFACE(id, v4, v6)                                                                      \
    "<item><networkInterfaceId>" id "</networkInterfaceId><vpcId>" VPC "</vpcId>"                  \
    "<privateIpAddressesSet>" v4 "</privateIpAddressesSet><ipv6AddressesSet>" v6                   \
    "</ipv6AddressesSet></item>"
#define V4(address, primary)                                                                       \
    "<item><privateIpAddress>" address "</privateIpAddress><primary>" primary "</primary></item>"
#define V6(address) "<item><ipv6Address>" address "</ipv6Address></item>"
#define V6_PRIMARY(address)                                                                        \
    "<item><ipv6Address>" address "</ipv6Address><isPrimaryIpv6>true</isPrimaryIpv6></item>"

/* The addresses of a case. */
struct list {
    struct addr items[ADDR_LIST_MAX + 1];
    size_t n;
};

static void
fill(struct list *list, const char *const texts[4])
{
    list->n = 0;
    while (list->n < 4 && texts[list->n] != NULL) {
        list->items[list->n] = ip(texts[list->n]);
        list->n++;
    }
}

static int
find(struct fake *f, const struct list *list, struct ec2_holder *ret, struct err *e)
{
    return ec2_find_holders(&f->session, VPC, list->items, list->n, ret, fake_deadline(f, 30000),
                            e);
}

static void
ec2_find_holders_asks_for_each_family_at_once(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"10.0.1.100", "2001:DB8:0:0::100", "10.0.1.101", NULL});
    FAKE_SCRIPT(f,
                {.body = "addresses.private-ip-address",
                 .status = 200,
                 .answer = INTERFACES(
                     INTERFACE(OURS, V4("10.0.1.10", "true") V4("10.0.1.101", "false"), "")
                         INTERFACE(OTHER, V4("10.0.1.11", "true") V4("10.0.1.100", "false"), ""))},
                {.body = "ipv6-addresses.ipv6-address",
                 .status = 200,
                 .answer = INTERFACES(INTERFACE(THIRD, V4("10.0.1.12", "true"),
                                                V6("2001:0db8::1") V6("2001:0db8:0::0100")))});
    assert_int_equal(find(f, &list, holders, &e), 0);
    assert_int_equal(f->n_waves, 1);
    assert_int_equal(f->n_requests, 2);
    assert_string_equal(f->requests[0].body,
                        "Action=DescribeNetworkInterfaces&Version=2016-11-15"
                        "&Filter.1.Name=vpc-id&Filter.1.Value.1=" VPC
                        "&Filter.2.Name=addresses.private-ip-address"
                        "&Filter.2.Value.1=10.0.1.100&Filter.2.Value.2=10.0.1.101");
    assert_string_equal(f->requests[1].body, "Action=DescribeNetworkInterfaces&Version=2016-11-15"
                                             "&Filter.1.Name=vpc-id&Filter.1.Value.1=" VPC
                                             "&Filter.2.Name=ipv6-addresses.ipv6-address"
                                             "&Filter.2.Value.1=2001%3Adb8%3A%3A100");
    assert_string_equal(holders[0].eni_id, OTHER);
    assert_string_equal(holders[1].eni_id, THIRD); /* another spelling of the same */
    assert_string_equal(holders[2].eni_id, OURS);
    for (size_t i = 0; i < list.n; i++) {
        assert_false(holders[i].primary);
    }
}

static void
ec2_find_holders_exact_address_only(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    memset(holders, 'x', sizeof(holders));
    fill(&list, (const char *const[4]){WEB, "52.9.0.123", "10.0.1.1", NULL});
    FAKE_SCRIPT(f,
                {.status = 200,
                 .answer = INTERFACES(INTERFACE(OURS, V4("52.9.0.123", "true"), "") INTERFACE(
                     OTHER, V4("110.0.1.1", "true") V4("10.0.1.10", "false"), V6("::10.0.1.1")))});
    assert_int_equal(find(f, &list, holders, &e), 0);
    assert_string_equal(holders[0].eni_id, "");
    assert_string_equal(holders[1].eni_id, OURS);
    assert_true(holders[1].primary);
    assert_string_equal(holders[2].eni_id, "");
    assert_false(holders[0].primary);
    assert_false(holders[2].primary);
}

static void
ec2_find_holders_none_has_them(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    memset(holders, 'x', sizeof(holders));
    fill(&list, (const char *const[4]){"10.0.1.100", NULL});
    FAKE_SCRIPT(f, {.status = 200, .answer = INTERFACES("")});
    assert_int_equal(find(f, &list, holders, &e), 0);
    assert_string_equal(holders[0].eni_id, "");
    assert_false(holders[0].primary);
}

static void
ec2_find_holders_primary_of_both_families(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"10.0.1.10", "2001:db8::1", "2001:db8::2", NULL});
    FAKE_SCRIPT(
        f,
        {.body = "Filter.2.Name=addresses.",
         .status = 200,
         .answer = INTERFACES(INTERFACE(OTHER, V4("10.0.1.10", "true"), ""))},
        {.body = "Filter.2.Name=ipv6-addresses.",
         .status = 200,
         .answer = INTERFACES(INTERFACE(OTHER, "", V6_PRIMARY("2001:db8::1") V6("2001:db8::2")))});
    assert_int_equal(find(f, &list, holders, &e), 0);
    assert_true(holders[0].primary);
    assert_true(holders[1].primary);
    assert_false(holders[2].primary);
    assert_string_equal(holders[2].eni_id, OTHER);
}

static void
ec2_find_holders_no_address_asks_nothing(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[1];
    struct list list = {.n = 0};
    struct err e = {0};

    f->get_error = -ERR_NO_CREDENTIALS; /* nor for credentials */
    assert_int_equal(find(f, &list, holders, &e), 0);
    assert_int_equal(f->n_requests, 0);
    assert_int_equal(f->n_gets, 0);
}

static void
ec2_find_holders_wrong_answers_leave_the_result(void **state)
{
    static const struct {
        const char *name;
        const char *answer;
    } cases[] = {
        {"wrong root", "<DescribeVpcsResponse><networkInterfaceSet/></DescribeVpcsResponse>"},
        {"no set", "<DescribeNetworkInterfacesResponse/>"},
        {"truncated", "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item>"},
        {"no id", INTERFACES("<item><vpcId>" VPC "</vpcId></item>")},
        {"id of something else", INTERFACES(INTERFACE("i-0123456789abcdef0", "", ""))},
        {"id too long", INTERFACES(INTERFACE(OURS "0123456789abcdef0123456789", "", ""))},
        {"an item without an address", INTERFACES(INTERFACE(OURS, "<item/>", ""))},
        {"what is no address", INTERFACES(INTERFACE(OURS, V4("10.0.1", "false"), ""))},
        {"right first, wrong then",
         INTERFACES(INTERFACE(OURS, V4("10.0.1.100", "false"), "") INTERFACE("junk", "", ""))},
    };
    struct fake *f = *state;
    struct list list;

    fill(&list, (const char *const[4]){"10.0.1.100", NULL});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ec2_holder holders[] = {{.eni_id = "before", .primary = true}};
        struct err e = {0};

        print_message("  %s\n", cases[i].name);
        FAKE_SCRIPT(f, {.status = 200, .answer = cases[i].answer});
        assert_int_equal(find(f, &list, holders, &e), -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_int_equal(strncmp(e.text, "DescribeNetworkInterfaces: ", 27), 0);
        assert_string_equal(holders[0].eni_id, "before");
        assert_true(holders[0].primary);
    }
}

/* One family's answer is no use without the other's. */
static void
ec2_find_holders_one_family_lost_is_its_error(void **state)
{
    struct fake *f = *state;
    struct list list;

    fill(&list, (const char *const[4]){"10.0.1.100", "2001:db8::100", NULL});
    for (unsigned v6_fails = 0; v6_fails < 2; v6_fails++) {
        static const char *const filters[] = {"Filter.2.Name=addresses.",
                                              "Filter.2.Name=ipv6-addresses."};
        struct ec2_holder holders[] = {{.eni_id = "before"}, {.eni_id = "before"}};
        struct err e = {0};

        FAKE_SCRIPT(f, {.body = filters[v6_fails], .status = 403, .answer = DENIES},
                    {.body = filters[1 - v6_fails],
                     .status = 200,
                     .answer = INTERFACES(
                         INTERFACE(OURS, V4("10.0.1.100", "false"), V6("2001:db8::100")))});
        assert_int_equal(find(f, &list, holders, &e), -ERR_DENIED);
        assert_int_equal(e.code, -ERR_DENIED);
        assert_string_equal(e.action, "ec2:DescribeNetworkInterfaces");
        assert_string_equal(holders[0].eni_id, "before");
        assert_string_equal(holders[1].eni_id, "before");
    }
}

static void
ec2_find_holders_cancelled_tells_so(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[] = {{.eni_id = "before"}, {.eni_id = "before"}};
    struct list list;
    struct err e = {0};

    f->cancel_sleep = 1;
    fill(&list, (const char *const[4]){"10.0.1.100", "2001:db8::100", NULL});
    FAKE_SCRIPT(f, {.body = "Filter.2.Name=addresses.", .status = 403, .answer = DENIES},
                REFUSES(503, "RequestLimitExceeded"));
    assert_int_equal(find(f, &list, holders, &e), -ERR_CANCELLED);
    assert_int_equal(e.code, -ERR_CANCELLED);
    assert_string_equal(holders[0].eni_id, "before");
}

static void
ec2_find_holders_more_than_an_interface_has_refused(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[ADDR_LIST_MAX + 1] = {{.eni_id = "before"}};
    struct list list = {.n = ADDR_LIST_MAX + 1};
    struct err e = {0};

    assert_int_equal(find(f, &list, holders, &e), -ERR_BUG);
    assert_int_equal(e.code, -ERR_BUG);
    assert_string_equal(holders[0].eni_id, "before");
    assert_int_equal(f->n_requests, 0);
}

/* --- moving addresses ----------------------------------------------------------------------- */

static void
hold(struct ec2_holder *holder, const char *eni_id)
{
    *holder = (struct ec2_holder){.eni_id = ""};
    (void)snprintf(holder->eni_id, sizeof(holder->eni_id), "%s", eni_id);
}

static int
move(struct fake *f, const struct list *list, struct ec2_holder *holders, struct err *e)
{
    return ec2_move_addresses(&f->session, OURS, list->items, holders, list->n, false,
                              fake_deadline(f, 30000), fake_deadline(f, 30000), e);
}

static int
unassign(struct fake *f, const struct list *list, const struct ec2_holder *holders, struct err *e)
{
    return ec2_unassign_addresses(&f->session, OURS, list->items, holders, list->n,
                                  fake_deadline(f, 30000), e);
}

static void
ec2_move_addresses_ipv4_reassigned_in_one_call(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"10.0.1.100", "10.0.1.101", "10.0.1.102", NULL});
    hold(&holders[0], OTHER);
    hold(&holders[1], OURS); /* here already: not asked for again */
    hold(&holders[2], "");
    FAKE_SCRIPT(f, {.status = 200, .answer = FINE});
    assert_int_equal(move(f, &list, holders, &e), 0);
    assert_string_equal(f->requests[0].body,
                        "Action=AssignPrivateIpAddresses&Version=2016-11-15"
                        "&NetworkInterfaceId=" OURS "&PrivateIpAddress.1=10.0.1.100"
                        "&PrivateIpAddress.2=10.0.1.102&AllowReassignment=true");
    assert_true(f->requests[0].fresh);
    assert_int_equal(f->n_requests, 1);
    assert_int_equal(e.code, 0);
}

/* The API takes no IPv6 address from another interface: it is taken off there first. */
static void
ec2_move_addresses_ipv6_unassigned_from_its_holders_first(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"2001:db8::1", "2001:db8::2", "10.0.1.100", "2001:db8::3"});
    hold(&holders[0], OTHER);
    hold(&holders[1], THIRD);
    hold(&holders[2], OTHER);
    hold(&holders[3], "");
    FAKE_SCRIPT(f, {.body = "Action=Unassign", .status = 200, .answer = FINE, .times = 2},
                {.body = "Action=Assign", .status = 200, .answer = FINE, .times = 2});
    assert_int_equal(move(f, &list, holders, &e), 0);
    assert_int_equal(f->n_requests, 4);
    assert_string_equal(f->requests[0].body,
                        "Action=UnassignIpv6Addresses&Version=2016-11-15"
                        "&NetworkInterfaceId=" OTHER "&Ipv6Addresses.1=2001%3Adb8%3A%3A1");
    assert_string_equal(f->requests[1].body,
                        "Action=UnassignIpv6Addresses&Version=2016-11-15"
                        "&NetworkInterfaceId=" THIRD "&Ipv6Addresses.1=2001%3Adb8%3A%3A2");
    assert_string_equal(f->requests[2].body,
                        "Action=AssignIpv6Addresses&Version=2016-11-15&NetworkInterfaceId=" OURS
                        "&Ipv6Addresses.1=2001%3Adb8%3A%3A1&Ipv6Addresses.2=2001%3Adb8%3A%3A2"
                        "&Ipv6Addresses.3=2001%3Adb8%3A%3A3");
    assert_non_null(strstr(f->requests[3].body, "Action=AssignPrivateIpAddresses"));
    assert_int_equal(f->requests[0].wave, f->requests[1].wave);
    assert_int_equal(f->requests[2].wave, f->requests[3].wave);
    assert_int_equal(f->n_waves, 2);
    for (size_t i = 0; i < f->n_requests; i++) {
        assert_true(f->requests[i].fresh);
    }
}

/* What is shown to be ours is taken off our own interface first: EC2 refuses what it has. */
static void
ec2_move_addresses_again_writes_what_is_ours(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"2001:db8::1", "10.0.1.100", NULL});
    hold(&holders[0], OURS);
    hold(&holders[1], OURS);
    FAKE_SCRIPT(f, REFUSES(400, "InvalidParameterValue"),
                {.body = "Action=Assign", .status = 200, .answer = FINE, .times = 2});
    assert_int_equal(ec2_move_addresses(&f->session, OURS, list.items, holders, list.n, true,
                                        fake_deadline(f, 30000), fake_deadline(f, 30000), &e),
                     0);
    assert_int_equal(f->n_requests, 3);
    assert_string_equal(f->requests[0].body,
                        "Action=UnassignIpv6Addresses&Version=2016-11-15"
                        "&NetworkInterfaceId=" OURS "&Ipv6Addresses.1=2001%3Adb8%3A%3A1");
    assert_non_null(strstr(f->requests[1].body, "Action=AssignIpv6Addresses"));
    assert_non_null(strstr(f->requests[2].body, "Action=AssignPrivateIpAddresses"));
}

static void
ec2_move_addresses_all_ours_asks_nothing(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"10.0.1.100", "2001:db8::1", NULL});
    hold(&holders[0], OURS);
    hold(&holders[1], OURS);
    f->get_error = -ERR_NO_CREDENTIALS;
    assert_int_equal(move(f, &list, holders, &e), 0);
    assert_int_equal(f->n_requests, 0);
    assert_int_equal(f->n_gets, 0);
}

/* Reads lag behind writes: the holder that was read may have let go of it meanwhile. */
static void
ec2_move_addresses_holder_that_has_it_no_more_is_no_hindrance(void **state)
{
    static const struct fake_rule refusals[] = {
        REFUSES(400, "InvalidParameterValue"),
        REFUSES(400, "InvalidNetworkInterfaceID.NotFound"),
    };
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;

    fill(&list, (const char *const[4]){"2001:db8::1", "10.0.1.100", NULL});
    hold(&holders[0], OTHER);
    hold(&holders[1], OTHER);
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct err e = {0};

        FAKE_SCRIPT(f, refusals[i],
                    {.body = "Action=Assign", .status = 200, .answer = FINE, .times = 2});
        assert_int_equal(move(f, &list, holders, &e), 0);
        assert_int_equal(e.code, 0);
        assert_int_equal(f->n_requests, 3 * (i + 1));
    }
}

static void
ec2_move_addresses_not_taken_is_not_given(void **state)
{
    static const struct refusal cases[] = {
        {REFUSES(403, "UnauthorizedOperation"), -ERR_DENIED},
        {{.error = ERR_NETWORK, .sent = true}, -ERR_UNCERTAIN},
        {{.given_up = -ERR_CANCELLED}, -ERR_CANCELLED},
    };
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;

    fill(&list, (const char *const[4]){"2001:db8::1", NULL});
    hold(&holders[0], OTHER);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};

        FAKE_SCRIPT(f, cases[i].rule);
        assert_int_equal(move(f, &list, holders, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        assert_int_equal(f->n_requests, i + 1);
        assert_int_equal(fake_count(f, "Action=Unassign"), i + 1);
    }
}

static void
ec2_move_addresses_first_failure_told_after_all_were_tried(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"10.0.1.100", "2001:db8::1", NULL});
    hold(&holders[0], OTHER);
    hold(&holders[1], "");
    FAKE_SCRIPT(f, {.body = "Action=AssignPrivate", .status = 403, .answer = DENIES},
                {.body = "Action=AssignIpv6",
                 .status = 400,
                 .answer = FAKE_EC2_ERROR("PrivateIpAddressLimitExceeded", "m")});
    assert_int_equal(move(f, &list, holders, &e), -ERR_DENIED);
    assert_int_equal(e.code, -ERR_DENIED);
    assert_string_equal(e.action, "ec2:AssignPrivateIpAddresses");
    assert_int_equal(f->n_requests, 2);
    /* The second of them alone. */
    e = (struct err){0};
    FAKE_SCRIPT(f, {.body = "Action=AssignPrivate", .status = 200, .answer = FINE},
                REFUSES(400, "PrivateIpAddressLimitExceeded"));
    assert_int_equal(move(f, &list, holders, &e), -ERR_REJECTED);
    assert_string_equal(e.aws_code, "PrivateIpAddressLimitExceeded");
}

/* The code that is returned and the error that is told are the same. */
static void
ec2_move_addresses_cancelled_after_a_failure_tells_so(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    f->cancel_sleep = 1;
    fill(&list, (const char *const[4]){"10.0.1.100", "2001:db8::1", NULL});
    hold(&holders[0], OTHER);
    hold(&holders[1], "");
    FAKE_SCRIPT(f, {.body = "Action=AssignPrivate", .status = 403, .answer = DENIES},
                {.body = "Action=AssignIpv6",
                 .status = 503,
                 .answer = FAKE_EC2_ERROR("RequestLimitExceeded", "m")});
    assert_int_equal(move(f, &list, holders, &e), -ERR_CANCELLED);
    assert_int_equal(e.code, -ERR_CANCELLED);
}

static void
ec2_move_addresses_lost_answer_is_uncertain_and_not_repeated(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"10.0.1.100", NULL});
    hold(&holders[0], "");
    FAKE_SCRIPT(f, {.takes_ms = UINT64_MAX});
    assert_int_equal(move(f, &list, holders, &e), -ERR_UNCERTAIN);
    assert_int_equal(e.code, -ERR_UNCERTAIN);
    assert_int_equal(f->n_requests, 1);
}

static void
ec2_unassign_addresses_only_what_is_ours_and_secondary(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[5];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"10.0.1.100", "10.0.1.101", "10.0.1.10", "2001:db8::1"});
    list.items[list.n++] = ip("10.0.1.102");
    hold(&holders[0], OURS);
    hold(&holders[1], OTHER);
    hold(&holders[2], OURS);
    holders[2].primary = true;
    hold(&holders[3], OURS);
    hold(&holders[4], "");
    FAKE_SCRIPT(f, {.status = 200, .answer = FINE, .times = 2});
    assert_int_equal(unassign(f, &list, holders, &e), 0);
    assert_int_equal(f->n_waves, 1);
    assert_string_equal(f->requests[0].body,
                        "Action=UnassignPrivateIpAddresses&Version=2016-11-15"
                        "&NetworkInterfaceId=" OURS "&PrivateIpAddress.1=10.0.1.100");
    assert_string_equal(f->requests[1].body,
                        "Action=UnassignIpv6Addresses&Version=2016-11-15"
                        "&NetworkInterfaceId=" OURS "&Ipv6Addresses.1=2001%3Adb8%3A%3A1");
    assert_true(f->requests[0].fresh);
}

static void
ec2_unassign_addresses_none_ours_asks_nothing(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;
    struct err e = {0};

    fill(&list, (const char *const[4]){"10.0.1.100", "10.0.1.101", NULL});
    hold(&holders[0], OTHER);
    hold(&holders[1], "");
    assert_int_equal(unassign(f, &list, holders, &e), 0);
    assert_int_equal(f->n_requests, 0);
}

static void
ec2_unassign_addresses_failures_by_class(void **state)
{
    static const struct refusal cases[] = {
        {REFUSES(403, "UnauthorizedOperation"), -ERR_DENIED},
        {REFUSES(400, "InvalidParameterValue"), -ERR_REJECTED},
        {{.error = ERR_NETWORK, .sent = true}, -ERR_UNCERTAIN},
        {{.given_up = -ERR_CANCELLED}, -ERR_CANCELLED},
    };
    struct fake *f = *state;
    struct ec2_holder holders[4];
    struct list list;

    fill(&list, (const char *const[4]){"10.0.1.100", NULL});
    hold(&holders[0], OURS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};

        FAKE_SCRIPT(f, cases[i].rule);
        assert_int_equal(unassign(f, &list, holders, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
    }
}

/* All on interfaces of their own is the largest number of calls there can be. */
static void
ec2_addresses_lists_at_their_limit(void **state)
{
    struct fake *f = *state;
    struct ec2_holder holders[ADDR_LIST_MAX + 1];
    struct list list = {.n = 0};
    struct err e = {0};
    char text[ADDR_TEXT_MAX];

    for (; list.n < ADDR_LIST_MAX + 1; list.n++) {
        (void)snprintf(text, sizeof(text), "2001:db8::%zx", list.n + 1);
        list.items[list.n] = ip(text);
        hold(&holders[list.n], "");
        (void)snprintf(holders[list.n].eni_id, AWS_ID_MAX, "eni-%08zx", list.n);
    }
    assert_int_equal(move(f, &list, holders, &e), -ERR_BUG);
    assert_int_equal(e.code, -ERR_BUG);
    e = (struct err){0};
    assert_int_equal(unassign(f, &list, holders, &e), -ERR_BUG);
    assert_int_equal(e.code, -ERR_BUG);
    assert_int_equal(f->n_requests, 0);
    list.n = ADDR_LIST_MAX;
    FAKE_SCRIPT(f,
                {.body = "Action=UnassignIpv6Addresses",
                 .status = 200,
                 .answer = FINE,
                 .times = ADDR_LIST_MAX},
                {.body = "&Ipv6Addresses.128=2001%3Adb8%3A%3A80", .status = 200, .answer = FINE});
    assert_int_equal(move(f, &list, holders, &e), 0);
    assert_int_equal(f->n_waves, 2);
}

/* --- permissions -------------------------------------------------------------------------------
 */

static void
ec2_address_action_by_family_and_direction(void **state)
{
    (void)state;
    assert_string_equal(ec2_address_action(AF_INET, true), "ec2:AssignPrivateIpAddresses");
    assert_string_equal(ec2_address_action(AF_INET, false), "ec2:UnassignPrivateIpAddresses");
    assert_string_equal(ec2_address_action(AF_INET6, true), "ec2:AssignIpv6Addresses");
    assert_string_equal(ec2_address_action(AF_INET6, false), "ec2:UnassignIpv6Addresses");
}

/* No interface can have the loopback address: whoever is told so may make the call. */
static void
ec2_may_change_addresses_tries_what_cannot_be(void **state)
{
    static const struct {
        int family;
        bool assign;
        const char *body;
    } cases[] = {
        {AF_INET, true,
         "Action=AssignPrivateIpAddresses&Version=2016-11-15&NetworkInterfaceId=" OURS
         "&PrivateIpAddress.1=127.0.0.1&AllowReassignment=true"},
        {AF_INET, false,
         "Action=UnassignPrivateIpAddresses&Version=2016-11-15&NetworkInterfaceId=" OURS
         "&PrivateIpAddress.1=127.0.0.1"},
        {AF_INET6, true,
         "Action=AssignIpv6Addresses&Version=2016-11-15&NetworkInterfaceId=" OURS
         "&Ipv6Addresses.1=%3A%3A1"},
        {AF_INET6, false,
         "Action=UnassignIpv6Addresses&Version=2016-11-15&NetworkInterfaceId=" OURS
         "&Ipv6Addresses.1=%3A%3A1"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct deadline d = fake_deadline(f, 30000);
        struct err e = {.code = -ERR_CONNECT, .text = "before"};

        FAKE_SCRIPT(f, REFUSES(400, "InvalidParameterValue"), REFUSES(403, "UnauthorizedOperation"),
                    {.error = ERR_NETWORK, .sent = true}, REFUSES(400, "InvalidParameterValue"));
        assert_int_equal(
            ec2_may_change_addresses(&f->session, OURS, cases[i].family, cases[i].assign, d, &e),
            0);
        assert_string_equal(f->requests[4 * i].body, cases[i].body);
        assert_string_equal(e.text, "before"); /* only written on failure */
        assert_int_equal(
            ec2_may_change_addresses(&f->session, OURS, cases[i].family, cases[i].assign, d, &e),
            -ERR_DENIED);
        assert_int_equal(e.code, -ERR_DENIED);
        assert_string_equal(e.action, ec2_address_action(cases[i].family, cases[i].assign));
        /* It changes nothing: a lost answer is asked for again. */
        assert_int_equal(
            ec2_may_change_addresses(&f->session, OURS, cases[i].family, cases[i].assign, d, &e),
            0);
    }
    assert_int_equal(f->n_requests, 4 * ARRAY_LEN(cases));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(ec2_describe_elastic_ip_by_id_and_by_address),
        FAKE_TEST(ec2_describe_elastic_ip_other_address_never_taken_for_it),
        FAKE_TEST(ec2_describe_elastic_ip_wrong_answers_refused),
        FAKE_TEST(ec2_describe_elastic_ip_by_address_without_id_refused),
        FAKE_TEST(ec2_describe_elastic_ip_errors_by_class),
        FAKE_TEST(ec2_describe_elastic_ip_lost_answer_asked_again),
        FAKE_TEST(ec2_associate_elastic_ip_takes_it_from_whom_has_it),
        FAKE_TEST(ec2_disassociate_elastic_ip_names_the_association_only),
        FAKE_TEST(ec2_elastic_ip_writes_fail_by_class),
        FAKE_TEST(ec2_elastic_ip_write_throttled_is_repeated),
        FAKE_TEST(ec2_elastic_ip_dry_runs_write_nothing),
        FAKE_TEST(ec2_find_holders_asks_for_each_family_at_once),
        FAKE_TEST(ec2_find_holders_exact_address_only),
        FAKE_TEST(ec2_find_holders_none_has_them),
        FAKE_TEST(ec2_find_holders_primary_of_both_families),
        FAKE_TEST(ec2_find_holders_no_address_asks_nothing),
        FAKE_TEST(ec2_find_holders_wrong_answers_leave_the_result),
        FAKE_TEST(ec2_find_holders_one_family_lost_is_its_error),
        FAKE_TEST(ec2_find_holders_cancelled_tells_so),
        FAKE_TEST(ec2_find_holders_more_than_an_interface_has_refused),
        FAKE_TEST(ec2_move_addresses_ipv4_reassigned_in_one_call),
        FAKE_TEST(ec2_move_addresses_ipv6_unassigned_from_its_holders_first),
        FAKE_TEST(ec2_move_addresses_again_writes_what_is_ours),
        FAKE_TEST(ec2_move_addresses_all_ours_asks_nothing),
        FAKE_TEST(ec2_move_addresses_holder_that_has_it_no_more_is_no_hindrance),
        FAKE_TEST(ec2_move_addresses_not_taken_is_not_given),
        FAKE_TEST(ec2_move_addresses_first_failure_told_after_all_were_tried),
        FAKE_TEST(ec2_move_addresses_cancelled_after_a_failure_tells_so),
        FAKE_TEST(ec2_move_addresses_lost_answer_is_uncertain_and_not_repeated),
        FAKE_TEST(ec2_unassign_addresses_only_what_is_ours_and_secondary),
        FAKE_TEST(ec2_unassign_addresses_none_ours_asks_nothing),
        FAKE_TEST(ec2_unassign_addresses_failures_by_class),
        FAKE_TEST(ec2_addresses_lists_at_their_limit),
        FAKE_TEST(ec2_address_action_by_family_and_direction),
        FAKE_TEST(ec2_may_change_addresses_tries_what_cannot_be),
    };

    return cmocka_run_group_tests_name("ec2addr", tests, NULL, NULL);
}
