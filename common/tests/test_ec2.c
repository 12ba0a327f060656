/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "ec2.h"

#define VPC "vpc-0123456789abcdef0"
#define A   "rtb-0000000a"
#define B   "rtb-0000000b"
#define ENI "eni-0123456789abcdef0"

#define TABLE(id, routes)                                                                          \
    "<item><routeTableId>" id "</routeTableId><vpcId>" VPC "</vpcId><routeSet>" routes             \
    "</routeSet><associationSet/></item>"
#define ROUTE(destination, target)                                                                 \
    "<item><destinationCidrBlock>" destination "</destinationCidrBlock>" target                    \
    "<state>active</state><origin>CreateRoute</origin></item>"
#define ROUTE6(destination, target)                                                                \
    "<item><destinationIpv6CidrBlock>" destination "</destinationIpv6CidrBlock>" target            \
    "<state>active</state></item>"
#define TO_ENI(id) "<networkInterfaceId>" id "</networkInterfaceId>"
#define ANSWER(tables, more)                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeRouteTablesResponse "                    \
    "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>"                  \
    "<routeTableSet>" tables "</routeTableSet>" more "</DescribeRouteTablesResponse>"

static struct addr
cidr(const char *text)
{
    struct addr a;

    assert_true(addr_parse_cidr(text, &a));
    return a;
}

/* The tables of the VPC, or those named, with routes to the destinations. */
struct question {
    const char *destinations[4];
    const char *ids[4];
};

static int
describe(struct fake *f, const struct question *question, struct ec2_route_tables *ret,
         struct err *e)
{
    struct addr destinations[4];
    char ids[4][AWS_ID_MAX];
    struct ec2_table_query q = {.vpc_id = VPC, .ids = ids, .destinations = destinations};

    while (q.n_destinations < 4 && question->destinations[q.n_destinations] != NULL) {
        destinations[q.n_destinations] = cidr(question->destinations[q.n_destinations]);
        q.n_destinations++;
    }
    while (q.n_ids < 4 && question->ids[q.n_ids] != NULL) {
        (void)snprintf(ids[q.n_ids], AWS_ID_MAX, "%s", question->ids[q.n_ids]);
        q.n_ids++;
    }
    return ec2_describe_route_tables(&f->session, &q, ret, fake_deadline(f, 30000), e);
}

static void
ec2_describe_route_tables_filters_by_vpc_and_destination(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200,
                    .answer = ANSWER(TABLE(A, ROUTE("10.0.0.0/16", "<gatewayId>local</gatewayId>")
                                                  ROUTE("10.1.0.10/32", TO_ENI(ENI)))
                                         TABLE(B, ROUTE("10.1.0.11/32", TO_ENI("eni-0000000b"))),
                                     "")});
    assert_int_equal(
        describe(f, &(struct question){.destinations = {"10.1.0.10/32", "10.1.0.11/32"}}, &t, &e),
        0);
    assert_string_equal(f->requests[0].body,
                        "Action=DescribeRouteTables&Version=2016-11-15&Filter.1.Name=vpc-id"
                        "&Filter.1.Value.1=" VPC "&Filter.2.Name=route.destination-cidr-block"
                        "&Filter.2.Value.1=10.1.0.10%2F32&Filter.2.Value.2=10.1.0.11%2F32");
    assert_int_equal(f->n_requests, 1);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.tables[0].id, A);
    assert_string_equal(t.tables[0].vpc_id, VPC);
    assert_int_equal(t.tables[0].n_routes, 1);
    assert_string_equal(t.tables[0].routes[0].target, ENI);
    assert_false(t.tables[0].routes[0].blackhole);
    assert_string_equal(t.tables[1].routes[0].target, "eni-0000000b");
}

static void
ec2_describe_route_tables_ipv6_filter(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200,
                    .answer = ANSWER(TABLE(A, "<item><destinationIpv6CidrBlock>2001:db8:0:0::1/128"
                                              "</destinationIpv6CidrBlock>" TO_ENI(
                                                  ENI) "<state>active</state></item>"),
                                     "")});
    assert_int_equal(describe(f, &(struct question){.destinations = {"2001:db8::1/128"}}, &t, &e),
                     0);
    assert_non_null(strstr(f->requests[0].body,
                           "&Filter.2.Name=route.destination-ipv6-cidr-block&Filter.2.Value.1="
                           "2001%3Adb8%3A%3A1%2F128"));
    assert_int_equal(t.n, 1);
    assert_int_equal(t.tables[0].n_routes, 1);
}

/* Filters are ANDed: a table with a route of one family only would be missed. */
static void
ec2_describe_route_tables_both_families_filtered_here(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200,
                    .answer = ANSWER(TABLE(A, ROUTE("10.1.0.10/32", TO_ENI(ENI)))
                                         TABLE(B, ROUTE("10.9.0.0/16", TO_ENI(ENI))),
                                     "")});
    assert_int_equal(
        describe(f, &(struct question){.destinations = {"10.1.0.10/32", "2001:db8::1/128"}}, &t,
                 &e),
        0);
    assert_null(strstr(f->requests[0].body, "Filter.2"));
    assert_int_equal(t.n, 1);
    assert_string_equal(t.tables[0].id, A);
}

/* A region, not a VPC; and the two families in two queries, read into the same tables. */
static void
ec2_describe_route_tables_of_all_vpcs_by_halves(void **state)
{
    struct fake *f = *state;
    struct addr v4 = cidr("10.1.0.10/32");
    struct addr v6 = cidr("2001:db8::1/128");
    struct ec2_table_query queries[] = {{.destinations = &v4, .n_destinations = 1},
                                        {.destinations = &v6, .n_destinations = 1}};
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
    struct aws_call calls[2];

    FAKE_SCRIPT(f,
                {.body = "Filter.1.Name=route.destination-cidr-block&",
                 .status = 200,
                 .answer = ANSWER(TABLE(A, ROUTE("10.1.0.10/32", TO_ENI(ENI))), "")},
                {.body = "Filter.1.Name=route.destination-ipv6-cidr-block&",
                 .status = 200,
                 .answer = ANSWER(TABLE(A, ROUTE6("2001:db8::1/128", TO_ENI(ENI)))
                                      TABLE(B, ROUTE6("2001:db8::1/128", TO_ENI(ENI))),
                                  "<nextToken>more</nextToken>")});
    for (size_t i = 0; i < 2; i++) {
        ec2_init_describe_route_tables(&calls[i], &queries[i], "");
    }
    assert_int_equal(aws_call_all(&f->session, calls, 2, fake_deadline(f, 30000)), 0);
    for (size_t i = 0; i < 2; i++) {
        char token[EC2_TOKEN_MAX] = "before";
        struct err e = {0};

        assert_null(strstr(f->requests[i].body, "vpc-id"));
        assert_int_equal(ec2_read_route_tables(&calls[i], &queries[i], &t, token, &e), 0);
        assert_string_equal(token, i == 0 ? "" : "more");
        aws_call_done(&calls[i]);
    }
    assert_int_equal(t.n, 2);
    assert_string_equal(t.tables[0].id, A);
    assert_int_equal(t.tables[0].n_routes, 2);
    assert_true(addr_equal(&t.tables[0].routes[0].destination, &v4));
    assert_true(addr_equal(&t.tables[0].routes[1].destination, &v6));
    assert_string_equal(t.tables[1].id, B);
}

static void
ec2_describe_route_tables_named_ids_kept_without_routes(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.status = 200,
                 .answer = ANSWER(TABLE(A, ROUTE("10.1.0.10/32", TO_ENI(ENI))) TABLE(B, ""), "")});
    assert_int_equal(
        describe(f, &(struct question){.destinations = {"10.1.0.10/32"}, .ids = {A, B}}, &t, &e),
        0);
    assert_string_equal(f->requests[0].body, "Action=DescribeRouteTables&Version=2016-11-15"
                                             "&RouteTableId.1=" A "&RouteTableId.2=" B);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.tables[1].n_routes, 0);
}

static void
ec2_describe_route_tables_exact_destination_only(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200,
                    .answer = ANSWER(TABLE(A, ROUTE("10.1.0.10/32", TO_ENI("eni-00000010"))
                                                  ROUTE("10.1.0.1/32", TO_ENI("eni-00000001"))
                                                      ROUTE("10.1.0.0/24", TO_ENI("eni-00000000"))
                                                          ROUTE("110.1.0.1/32", TO_ENI(ENI)) ROUTE(
                                                              "garbage", TO_ENI(ENI)) "<item/>"),
                                     "")});
    assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.1/32"}}, &t, &e), 0);
    assert_int_equal(t.tables[0].n_routes, 1);
    assert_string_equal(t.tables[0].routes[0].target, "eni-00000001");
}

static void
ec2_describe_route_tables_targets_of_every_kind(void **state)
{
    static const struct {
        const char *xml;
        const char *target;
    } cases[] = {
        {TO_ENI("eni-1"), "eni-1"},
        {"<instanceId>i-1</instanceId><instanceOwnerId>1</instanceOwnerId>" TO_ENI("eni-1"),
         "eni-1"},
        {"<instanceId>i-1</instanceId>", "i-1"},
        {"<gatewayId>igw-1</gatewayId>", "igw-1"},
        {"<gatewayId>local</gatewayId>", "local"},
        {"<gatewayId>vpce-1</gatewayId>", "vpce-1"},
        {"<natGatewayId>nat-1</natGatewayId>", "nat-1"},
        {"<transitGatewayId>tgw-1</transitGatewayId>", "tgw-1"},
        {"<vpcPeeringConnectionId>pcx-1</vpcPeeringConnectionId>", "pcx-1"},
        {"<localGatewayId>lgw-1</localGatewayId>", "lgw-1"},
        {"<carrierGatewayId>cagw-1</carrierGatewayId>", "cagw-1"},
        {"<egressOnlyInternetGatewayId>eigw-1</egressOnlyInternetGatewayId>", "eigw-1"},
        {"<coreNetworkArn>arn:aws:networkmanager::1:core-network/1</coreNetworkArn>",
         "arn:aws:networkmanager::1:core-network/1"},
        {"<networkInterfaceId/><gatewayId>igw-1</gatewayId>", "igw-1"},
        {"", ""},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
        OCF_BUF struct buf answer = BUF_INIT(65536);
        struct err e = {0};

        assert_int_equal(
            buf_addf(&answer, ANSWER(TABLE(A, ROUTE("10.1.0.10/32", "%s")), ""), cases[i].xml), 0);
        FAKE_SCRIPT(f, {.status = 200, .answer = answer.data});
        assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.10/32"}}, &t, &e),
                         0);
        assert_string_equal(t.tables[0].routes[0].target, cases[i].target);
    }
}

static void
ec2_describe_route_tables_blackhole_unless_active(void **state)
{
    static const struct {
        const char *state;
        bool blackhole;
    } cases[] = {{"<state>active</state>", false},
                 {"<state>blackhole</state>", true},
                 {"<state>something-new</state>", true},
                 {"", true}};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
        OCF_BUF struct buf answer = BUF_INIT(65536);
        struct err e = {0};

        assert_int_equal(
            buf_addf(&answer,
                     ANSWER(TABLE(A, "<item><destinationCidrBlock>10.1.0.10/32"
                                     "</destinationCidrBlock>" TO_ENI(ENI) "%s</item>"),
                            ""),
                     cases[i].state),
            0);
        FAKE_SCRIPT(f, {.status = 200, .answer = answer.data});
        assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.10/32"}}, &t, &e),
                         0);
        assert_int_equal(t.tables[0].routes[0].blackhole, cases[i].blackhole);
    }
}

static void
ec2_describe_route_tables_follows_pages(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.status = 200,
                 .answer = ANSWER(TABLE(A, ROUTE("10.1.0.10/32", TO_ENI(ENI))),
                                  "<nextToken>page/2</nextToken>")},
                {.body = "&NextToken=page%2F2",
                 .status = 200,
                 .answer = ANSWER(TABLE(B, ROUTE("10.1.0.10/32", TO_ENI(ENI))), "<nextToken/>")});
    assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.10/32"}}, &t, &e), 0);
    assert_int_equal(t.n, 2);
    assert_null(strstr(f->requests[0].body, "NextToken"));
}

static void
ec2_describe_route_tables_endless_pages_end(void **state)
{
    struct fake *f = *state;
    struct ec2_route_tables t = {.n = 7};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200,
                    .answer = ANSWER(TABLE(A, ROUTE("10.1.0.10/32", TO_ENI(ENI))),
                                     "<nextToken>again</nextToken>"),
                    .times = FAKE_ALWAYS});
    assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.10/32"}}, &t, &e),
                     -ERR_TOO_BIG);
    assert_int_equal(e.code, -ERR_TOO_BIG);
    assert_int_equal(t.n, 7);
    assert_true(f->n_requests <= 20);
}

static void
ec2_describe_route_tables_too_many_tables_refused(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf answer = BUF_INIT(AWS_ANSWER_MAX);
    struct ec2_route_tables t = {.n = 7};
    struct err e = {0};

    assert_int_equal(buf_adds(&answer, "<DescribeRouteTablesResponse><routeTableSet>"), 0);
    for (unsigned i = 0; i <= EC2_TABLES_MAX; i++) {
        assert_int_equal(
            buf_addf(&answer, TABLE("rtb-%08x", ROUTE("10.1.0.10/32", TO_ENI(ENI))), i), 0);
    }
    assert_int_equal(buf_adds(&answer, "</routeTableSet></DescribeRouteTablesResponse>"), 0);
    FAKE_SCRIPT(f, {.status = 200, .answer = answer.data});
    assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.10/32"}}, &t, &e),
                     -ERR_TOO_BIG);
    assert_int_equal(t.n, 7);
}

static void
ec2_describe_route_tables_second_page_fails_gives_nothing(void **state)
{
    struct fake *f = *state;
    struct ec2_route_tables t = {.n = 7};
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.status = 200,
                 .answer = ANSWER(TABLE(A, ROUTE("10.1.0.10/32", TO_ENI(ENI))),
                                  "<nextToken>2</nextToken>")},
                {.status = 403, .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")});
    assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.10/32"}}, &t, &e),
                     -ERR_DENIED);
    assert_int_equal(t.n, 7);
    assert_string_equal(e.action, "ec2:DescribeRouteTables");
}

static void
ec2_describe_route_tables_wrong_answers_refused(void **state)
{
    static const struct {
        const char *name;
        const char *answer;
    } cases[] = {
        {"wrong root", "<DescribeVpcsResponse><routeTableSet/></DescribeVpcsResponse>"},
        {"no set", "<DescribeRouteTablesResponse/>"},
        {"no id", ANSWER("<item><vpcId>" VPC "</vpcId></item>", "")},
        {"no VPC", ANSWER("<item><routeTableId>" A "</routeTableId></item>", "")},
        {"id of something else", ANSWER(TABLE("eni-0000000a", ""), "")},
        {"id with a surprise", ANSWER(TABLE("rtb-0000000a;x", ""), "")},
        {"VPC of another form",
         ANSWER("<item><routeTableId>" A "</routeTableId><vpcId>vpc 1</vpcId></item>", "")},
        {"target of two lines",
         ANSWER(TABLE(A, ROUTE("10.1.0.10/32", "<gatewayId>igw-1\nap-northeast-3</gatewayId>")),
                "")},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ec2_route_tables t = {.n = 7};
        struct err e = {0};

        print_message("  %s\n", cases[i].name);
        FAKE_SCRIPT(f, {.status = 200, .answer = cases[i].answer});
        assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.10/32"}}, &t, &e),
                         -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_int_equal(strncmp(e.text, "DescribeRouteTables: ", 21), 0);
        assert_int_equal(t.n, 7);
    }
}

static void
ec2_describe_route_tables_oversized_token_refused(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf answer = BUF_INIT(65536);
    struct ec2_route_tables t = {.n = 7};
    struct err e = {0};
    char token[1025];

    memset(token, 't', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    assert_int_equal(buf_addf(&answer, ANSWER("", "<nextToken>%s</nextToken>"), token), 0);
    FAKE_SCRIPT(f, {.status = 200, .answer = answer.data});
    assert_int_equal(describe(f, &(struct question){.destinations = {"10.1.0.10/32"}}, &t, &e),
                     -ERR_MALFORMED);
}

static void
ec2_describe_route_tables_unknown_id_not_found(void **state)
{
    struct fake *f = *state;
    struct ec2_route_tables t = {.n = 7};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 400,
                    .answer = FAKE_EC2_ERROR("InvalidRouteTableID.NotFound",
                                             "The routeTable ID 'rtb-0000000b' does not exist")});
    assert_int_equal(
        describe(f, &(struct question){.destinations = {"10.1.0.10/32"}, .ids = {A, B}}, &t, &e),
        -ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, B));
}

/* --- changes -------------------------------------------------------------------------------- */

static struct ec2_route_change
change(const char *table_id, const char *destination, bool create)
{
    struct ec2_route_change c = {.destination = cidr(destination), .target = ENI, .create = create};

    (void)snprintf(c.table_id, sizeof(c.table_id), "%s", table_id);
    return c;
}

#define REPLACED "<ReplaceRouteResponse><return>true</return></ReplaceRouteResponse>"
#define CREATED  "<CreateRouteResponse><return>true</return></CreateRouteResponse>"

static void
ec2_change_routes_all_at_once(void **state)
{
    struct fake *f = *state;
    struct ec2_route_change c[] = {change(A, "10.1.0.10/32", false),
                                   change(B, "2001:db8::1/128", false),
                                   change(B, "10.1.0.10/32", true)};

    FAKE_SCRIPT(f, {.body = "Action=ReplaceRoute", .status = 200, .answer = REPLACED, .times = 2},
                {.body = "Action=CreateRoute", .status = 200, .answer = CREATED});
    assert_int_equal(
        ec2_change_routes(&f->session, c, ARRAY_LEN(c), false, fake_deadline(f, 30000)), 0);
    assert_int_equal(f->n_waves, 1);
    assert_string_equal(f->requests[0].body,
                        "Action=ReplaceRoute&Version=2016-11-15&RouteTableId=" A
                        "&DestinationCidrBlock=10.1.0.10%2F32&NetworkInterfaceId=" ENI);
    assert_non_null(
        strstr(f->requests[1].body, "&DestinationIpv6CidrBlock=2001%3Adb8%3A%3A1%2F128"));
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        assert_int_equal(c[i].error.code, 0);
        assert_true(f->requests[i].fresh);
        assert_null(strstr(f->requests[i].body, "DryRun"));
    }
}

#define TGW      "tgw-0123456789abcdef0"
#define TGW_RTB  "tgw-rtb-0123456789abcdef0"
#define ATTACH   "tgw-attach-0123456789abcdef0"
#define REROUTED "<ReplaceTransitGatewayRouteResponse><route/></ReplaceTransitGatewayRouteResponse>"
#define ROUTED   "<CreateTransitGatewayRouteResponse><route/></CreateTransitGatewayRouteResponse>"

/* In a VPC's table to a TGW, and in a TGW's table, of another region. */
static void
ec2_change_routes_of_transit_gateways(void **state)
{
    struct fake *f = *state;
    struct aws_session there = f->session;
    struct ec2_route_change c[] = {
        change(A, "10.1.0.10/32", false),          change(TGW_RTB, "10.1.0.10/32", false),
        change(TGW_RTB, "2001:db8::1/128", false), change(TGW_RTB, "10.1.0.10/32", true),
        change(B, "10.1.0.10/32", false),
    };

    there.region = "eu-west-1";
    for (size_t i = 0; i < 4; i++) {
        c[i].target = i == 0 ? TGW : ATTACH;
        c[i].session = &there;
        c[i].within_ms = 2000;
    }
    FAKE_SCRIPT(f,
                {.url = "ec2.eu-west-1.",
                 .body = "Action=ReplaceRoute&",
                 .status = 200,
                 .answer = REPLACED},
                {.url = "ec2.eu-west-1.",
                 .body = "Action=ReplaceTransitGatewayRoute&",
                 .status = 200,
                 .answer = REROUTED,
                 .times = 2},
                {.url = "ec2.eu-west-1.",
                 .body = "Action=CreateTransitGatewayRoute&",
                 .status = 200,
                 .answer = ROUTED},
                {.url = "ec2." FAKE_REGION ".",
                 .body = "Action=ReplaceRoute&",
                 .status = 200,
                 .answer = REPLACED});
    assert_int_equal(
        ec2_change_routes(&f->session, c, ARRAY_LEN(c), false, fake_deadline(f, 30000)), 0);
    assert_int_equal(f->n_waves, 1);
    assert_string_equal(f->requests[0].body,
                        "Action=ReplaceRoute&Version=2016-11-15&RouteTableId=" A
                        "&DestinationCidrBlock=10.1.0.10%2F32&TransitGatewayId=" TGW);
    assert_string_equal(f->requests[1].body,
                        "Action=ReplaceTransitGatewayRoute&Version=2016-11-15"
                        "&TransitGatewayRouteTableId=" TGW_RTB
                        "&DestinationCidrBlock=10.1.0.10%2F32&TransitGatewayAttachmentId=" ATTACH);
    assert_non_null(strstr(f->requests[2].body, "&DestinationCidrBlock=2001%3Adb8%3A%3A1%2F128&"));
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        assert_true(f->requests[i].fresh);
        assert_int_equal(f->requests[i].attempt_ms, i < 4 ? 2000 : 5000);
    }
}

/* Every object that is no more is the same class: the plan is out of date. */
static void
ec2_change_routes_of_transit_gateways_that_are_gone(void **state)
{
    static const struct {
        const char *aws_code;
        bool create;
        int code;
    } cases[] = {
        {"InvalidRoute.NotFound", false, -ERR_NOT_FOUND},
        {"InvalidRouteTableID.NotFound", false, -ERR_NOT_FOUND},
        {"InvalidTransitGatewayAttachmentID.NotFound", false, -ERR_NOT_FOUND},
        {"RouteAlreadyExists", true, -ERR_CONFLICT},
        {"IncorrectState", false, -ERR_CONFLICT},
        {"InvalidParameterValue", false, -ERR_REJECTED},
        {"UnauthorizedOperation", false, -ERR_DENIED},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ec2_route_change c = change(TGW_RTB, "10.1.0.10/32", cases[i].create);
        char answer[256];

        c.target = ATTACH;
        (void)snprintf(answer, sizeof(answer), FAKE_EC2_ERROR("%s", "m"), cases[i].aws_code);
        FAKE_SCRIPT(f, {.status = 400, .answer = answer});
        assert_int_equal(ec2_change_routes(&f->session, &c, 1, false, fake_deadline(f, 30000)),
                         cases[i].code);
        assert_string_equal(c.error.action, cases[i].create ? "ec2:CreateTransitGatewayRoute"
                                                            : "ec2:ReplaceTransitGatewayRoute");
    }
}

static void
ec2_change_routes_of_transit_gateways_dry_run(void **state)
{
    struct fake *f = *state;
    struct ec2_route_change c[] = {change(TGW_RTB, "10.1.0.10/32", false),
                                   change(TGW_RTB, "10.1.0.10/32", true)};

    c[0].target = ATTACH;
    c[1].target = ATTACH;
    FAKE_SCRIPT(f, {.body = "&DryRun=true",
                    .status = 412,
                    .answer = FAKE_EC2_ERROR("DryRunOperation", "Request would have succeeded"),
                    .times = 2});
    assert_int_equal(ec2_change_routes(&f->session, c, 2, true, fake_deadline(f, 30000)), 0);
    assert_false(f->requests[0].fresh);
}

static void
ec2_change_routes_one_failure_does_not_stop_others(void **state)
{
    struct fake *f = *state;
    struct ec2_route_change c[] = {change(A, "10.1.0.10/32", false),
                                   change(B, "10.1.0.10/32", false),
                                   change("rtb-0000000c", "10.1.0.10/32", false)};

    FAKE_SCRIPT(f,
                {.body = A, .status = 403, .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")},
                {.body = B, .status = 503, .answer = FAKE_EC2_ERROR("RequestLimitExceeded", "m")},
                {.body = B, .status = 200, .answer = REPLACED},
                {.body = "rtb-0000000c", .takes_ms = UINT64_MAX});
    assert_int_equal(
        ec2_change_routes(&f->session, c, ARRAY_LEN(c), false, fake_deadline(f, 30000)),
        -ERR_DENIED);
    assert_int_equal(c[0].error.code, -ERR_DENIED);
    assert_string_equal(c[0].error.action, "ec2:ReplaceRoute");
    assert_int_equal(c[1].error.code, 0);
    assert_int_equal(c[2].error.code, -ERR_UNCERTAIN);
    assert_int_equal(fake_count(f, "rtb-0000000c"), 1); /* not written twice */
}

static void
ec2_change_routes_missing_and_present_routes_told_apart(void **state)
{
    struct fake *f = *state;
    struct ec2_route_change c[] = {change(A, "10.1.0.10/32", false),
                                   change(B, "10.1.0.10/32", true),
                                   change("rtb-0000000c", "10.1.0.10/32", false)};

    FAKE_SCRIPT(
        f,
        {.body = A,
         .status = 400,
         .answer = FAKE_EC2_ERROR("InvalidParameterValue",
                                  "There is no route defined for '10.1.0.10/32' in the route "
                                  "table. Use CreateRoute instead.")},
        {.body = B, .status = 400, .answer = FAKE_EC2_ERROR("RouteAlreadyExists", "m")},
        {.body = "rtb-0000000c",
         .status = 400,
         .answer = FAKE_EC2_ERROR("InvalidParameterValue", "route table and network interface "
                                                           "belong to different networks")});
    assert_int_equal(
        ec2_change_routes(&f->session, c, ARRAY_LEN(c), false, fake_deadline(f, 30000)),
        -ERR_NOT_FOUND);
    assert_int_equal(c[0].error.code, -ERR_NOT_FOUND);
    assert_int_equal(c[1].error.code, -ERR_CONFLICT);
    assert_int_equal(c[2].error.code, -ERR_REJECTED);
}

static void
ec2_change_routes_dry_run_settled(void **state)
{
    struct fake *f = *state;
    struct ec2_route_change c[] = {change(A, "10.1.0.10/32", false),
                                   change(B, "10.1.0.10/32", true)};

    FAKE_SCRIPT(f,
                {.body = "&DryRun=true",
                 .status = 412,
                 .answer = FAKE_EC2_ERROR("DryRunOperation", "Request would have succeeded")},
                {.body = "&DryRun=true",
                 .status = 403,
                 .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")});
    assert_int_equal(ec2_change_routes(&f->session, c, ARRAY_LEN(c), true, fake_deadline(f, 30000)),
                     -ERR_DENIED);
    assert_int_equal(c[0].error.code, 0);
    assert_string_equal(c[0].error.text, "");
    assert_int_equal(c[1].error.code, -ERR_DENIED);
}

static void
ec2_change_routes_dry_run_is_no_write(void **state)
{
    struct fake *f = *state;
    struct ec2_route_change c[] = {change(A, "10.1.0.10/32", false)};

    FAKE_SCRIPT(f, {.error = ERR_NETWORK, .sent = true},
                {.status = 412, .answer = FAKE_EC2_ERROR("DryRunOperation", "m")});
    assert_int_equal(ec2_change_routes(&f->session, c, 1, true, fake_deadline(f, 30000)), 0);
}

static void
ec2_change_routes_cancelled_tells_so(void **state)
{
    struct fake *f = *state;
    struct ec2_route_change c[] = {change(A, "10.1.0.10/32", false),
                                   change(B, "10.1.0.10/32", false)};

    FAKE_SCRIPT(f, {.given_up = -ERR_CANCELLED});
    assert_int_equal(ec2_change_routes(&f->session, c, 2, false, fake_deadline(f, 30000)),
                     -ERR_CANCELLED);
    assert_int_equal(c[1].error.code, -ERR_CANCELLED);
}

static void
ec2_change_routes_without_credentials_writes_nothing(void **state)
{
    struct fake *f = *state;
    struct ec2_route_change c[] = {change(A, "10.1.0.10/32", false)};

    f->get_error = -ERR_NO_CREDENTIALS;
    assert_int_equal(ec2_change_routes(&f->session, c, 1, false, fake_deadline(f, 30000)),
                     -ERR_NO_CREDENTIALS);
    assert_int_equal(c[0].error.code, -ERR_NO_CREDENTIALS);
    assert_int_equal(f->n_requests, 0);
}

/* --- interfaces ----------------------------------------------------------------------------- */

#define INTERFACE(check)                                                                           \
    "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item>"                               \
    "<networkInterfaceId>" ENI "</networkInterfaceId><vpcId>" VPC "</vpcId>" check                 \
    "</item></networkInterfaceSet></DescribeNetworkInterfacesResponse>"

static void
ec2_describe_eni_reads_the_check(void **state)
{
    static const struct {
        const char *answer;
        bool check;
    } cases[] = {{INTERFACE("<sourceDestCheck>true</sourceDestCheck>"), true},
                 {INTERFACE("<sourceDestCheck>false</sourceDestCheck>"), false},
                 {INTERFACE(""), true}};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ec2_eni eni = {.vpc_id = ""};
        struct err e = {0};

        FAKE_SCRIPT(
            f, {.body = "&NetworkInterfaceId.1=" ENI, .status = 200, .answer = cases[i].answer});
        assert_int_equal(ec2_describe_eni(&f->session, ENI, &eni, fake_deadline(f, 30000), &e), 0);
        assert_int_equal(eni.source_dest_check, cases[i].check);
        assert_string_equal(eni.vpc_id, VPC);
    }
}

static void
ec2_describe_eni_failures_leave_the_result(void **state)
{
    static const struct {
        long status;
        const char *answer;
        int code;
    } cases[] = {
        {400, FAKE_EC2_ERROR("InvalidNetworkInterfaceID.NotFound", "m"), -ERR_NOT_FOUND},
        {200, "<DescribeNetworkInterfacesResponse/>", -ERR_MALFORMED},
        {200, "<Other/>", -ERR_MALFORMED},
        {200,
         "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>"
         "eni-00000000</networkInterfaceId><vpcId>" VPC "</vpcId></item></networkInterfaceSet>"
         "</DescribeNetworkInterfacesResponse>",
         -ERR_MALFORMED},
        {200,
         "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>" ENI
         "</networkInterfaceId><vpcId>v</vpcId></item></networkInterfaceSet>"
         "</DescribeNetworkInterfacesResponse>",
         -ERR_MALFORMED},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ec2_eni eni = {.vpc_id = "before"};
        struct err e = {0};

        FAKE_SCRIPT(f, {.status = cases[i].status, .answer = cases[i].answer});
        assert_int_equal(ec2_describe_eni(&f->session, ENI, &eni, fake_deadline(f, 30000), &e),
                         cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        assert_string_equal(eni.vpc_id, "before");
    }
}

static void
ec2_set_source_dest_check_asks_and_settles_dry_run(void **state)
{
    struct fake *f = *state;
    struct err e = {0};

    FAKE_SCRIPT(
        f,
        {.body = "Action=ModifyNetworkInterfaceAttribute&Version=2016-11-15"
                 "&NetworkInterfaceId=" ENI "&SourceDestCheck.Value=false",
         .status = 200,
         .answer = "<R><return>true</return></R>"},
        {.body = "SourceDestCheck.Value=true&DryRun=true",
         .status = 412,
         .answer = FAKE_EC2_ERROR("DryRunOperation", "m")},
        {.status = 403, .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m"), .times = 2});
    assert_int_equal(
        ec2_set_source_dest_check(&f->session, ENI, false, false, fake_deadline(f, 30000), &e), 0);
    assert_null(strstr(f->requests[0].body, "DryRun"));
    assert_true(f->requests[0].fresh);
    assert_int_equal(
        ec2_set_source_dest_check(&f->session, ENI, true, true, fake_deadline(f, 30000), &e), 0);
    assert_int_equal(e.code, 0);
    assert_int_equal(
        ec2_set_source_dest_check(&f->session, ENI, true, true, fake_deadline(f, 30000), &e),
        -ERR_DENIED);
    assert_int_equal(
        ec2_set_source_dest_check(&f->session, ENI, true, false, fake_deadline(f, 30000), &e),
        -ERR_DENIED);
    assert_string_equal(e.action, "ec2:ModifyNetworkInterfaceAttribute");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(ec2_describe_route_tables_filters_by_vpc_and_destination),
        FAKE_TEST(ec2_describe_route_tables_ipv6_filter),
        FAKE_TEST(ec2_describe_route_tables_both_families_filtered_here),
        FAKE_TEST(ec2_describe_route_tables_named_ids_kept_without_routes),
        FAKE_TEST(ec2_describe_route_tables_exact_destination_only),
        FAKE_TEST(ec2_describe_route_tables_targets_of_every_kind),
        FAKE_TEST(ec2_describe_route_tables_blackhole_unless_active),
        FAKE_TEST(ec2_describe_route_tables_follows_pages),
        FAKE_TEST(ec2_describe_route_tables_endless_pages_end),
        FAKE_TEST(ec2_describe_route_tables_too_many_tables_refused),
        FAKE_TEST(ec2_describe_route_tables_second_page_fails_gives_nothing),
        FAKE_TEST(ec2_describe_route_tables_wrong_answers_refused),
        FAKE_TEST(ec2_describe_route_tables_oversized_token_refused),
        FAKE_TEST(ec2_describe_route_tables_unknown_id_not_found),
        FAKE_TEST(ec2_change_routes_all_at_once),
        FAKE_TEST(ec2_change_routes_one_failure_does_not_stop_others),
        FAKE_TEST(ec2_change_routes_missing_and_present_routes_told_apart),
        FAKE_TEST(ec2_describe_route_tables_of_all_vpcs_by_halves),
        FAKE_TEST(ec2_change_routes_of_transit_gateways),
        FAKE_TEST(ec2_change_routes_of_transit_gateways_that_are_gone),
        FAKE_TEST(ec2_change_routes_of_transit_gateways_dry_run),
        FAKE_TEST(ec2_change_routes_dry_run_settled),
        FAKE_TEST(ec2_change_routes_dry_run_is_no_write),
        FAKE_TEST(ec2_change_routes_cancelled_tells_so),
        FAKE_TEST(ec2_change_routes_without_credentials_writes_nothing),
        FAKE_TEST(ec2_describe_eni_reads_the_check),
        FAKE_TEST(ec2_describe_eni_failures_leave_the_result),
        FAKE_TEST(ec2_set_source_dest_check_asks_and_settles_dry_run),
    };

    return cmocka_run_group_tests_name("ec2", tests, NULL, NULL);
}
