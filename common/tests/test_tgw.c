/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "tgw.h"

#define HERE  "ec2.ap-northeast-1."
#define THERE "ec2.eu-west-1."

#define TGW    "tgw-0000000000000000a"
#define PEER   "tgw-0000000000000000b"
#define VPC    "vpc-0123456789abcdef0"
#define RTB    "rtb-0000000a"
#define TABLE  "tgw-rtb-0000000000000000a"
#define TABLE2 "tgw-rtb-0000000000000000b"
#define ATTACH "tgw-attach-0000000000000000a"
#define PEERED "tgw-attach-0000000000000000b"

/* --- answers -------------------------------------------------------------------------------- */

#define ANSWER(action, list, items, more)                                                          \
    "<" action "Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r"          \
    "</requestId><" list ">" items "</" list ">" more "</" action "Response>"
#define NEXT(token) "<nextToken>" token "</nextToken>"

#define VPC_TABLE(id, destination, family, to)                                                     \
    "<item><routeTableId>" id "</routeTableId><vpcId>" VPC                                         \
    "</vpcId><routeSet><item><destination" family "CidrBlock>" destination "</destination" family  \
    "CidrBlock><transitGatewayId>" to "</transitGatewayId><state>active</state></item></routeSet>" \
    "</item>"
#define VPC_TABLES_MORE(items, more) ANSWER("DescribeRouteTables", "routeTableSet", items, more)
#define VPC_TABLES(items)            VPC_TABLES_MORE(items, "")

#define TGW_TABLE_IN(id, state)                                                                    \
    "<item><transitGatewayRouteTableId>" id "</transitGatewayRouteTableId><transitGatewayId>" TGW  \
    "</transitGatewayId><state>" state "</state></item>"
#define TGW_TABLE(id) TGW_TABLE_IN(id, "available")
#define TABLES_MORE(items, more)                                                                   \
    ANSWER("DescribeTransitGatewayRouteTables", "transitGatewayRouteTables", items, more)
#define TABLES(items) TABLES_MORE(items, "")

#define ATTACHMENT(id, type, resource, state, more)                                                \
    "<item><transitGatewayAttachmentId>" id "</transitGatewayAttachmentId><transitGatewayId>" TGW  \
    "</transitGatewayId><resourceType>" type "</resourceType><resourceId>" resource                \
    "</resourceId><state>" state "</state>" more "</item>"
#define ASSOCIATED(table, state)                                                                   \
    "<association><transitGatewayRouteTableId>" table "</transitGatewayRouteTableId><state>" state \
    "</state></association>"
#define ATTACHMENTS_MORE(items, more)                                                              \
    ANSWER("DescribeTransitGatewayAttachments", "transitGatewayAttachments", items, more)
#define ATTACHMENTS(items) ATTACHMENTS_MORE(items, "")

#define SIDE(which, what, region)                                                                  \
    "<" which "TgwInfo>" what "<region>" region "</region></" which "TgwInfo>"
#define TGW_ID(id) "<transitGatewayId>" id "</transitGatewayId>"
#define PEERING(accepter, state)                                                                   \
    "<item><transitGatewayAttachmentId>" PEERED                                                    \
    "</transitGatewayAttachmentId>" SIDE("requester", TGW_ID(TGW), "ap-northeast-1") accepter      \
        "<state>" state "</state></item>"
#define PEERINGS_MORE(items, more)                                                                 \
    ANSWER("DescribeTransitGatewayPeeringAttachments", "transitGatewayPeeringAttachments", items,  \
           more)
#define PEERINGS(items) PEERINGS_MORE(items, "")

#define TO(attachment)                                                                             \
    "<transitGatewayAttachments><item><resourceId>" VPC                                            \
    "</resourceId><transitGatewayAttachmentId>" attachment                                         \
    "</transitGatewayAttachmentId><resourceType>vpc</resourceType></item>"                         \
    "</transitGatewayAttachments>"
#define TGW_ROUTE(destination, to, type, state)                                                    \
    "<item><destinationCidrBlock>" destination "</destinationCidrBlock>" to "<type>" type          \
    "</type><state>" state "</state></item>"
#define ROUTES_MORE(items, more) ANSWER("SearchTransitGatewayRoutes", "routeSet", items, more)
#define ROUTES(items)                                                                              \
    ROUTES_MORE(items, "<additionalRoutesAvailable>false"                                          \
                       "</additionalRoutesAvailable>")

#define SAYS(host, action, text)                                                                   \
    {                                                                                              \
        .url = (host), .body = "Action=" action "&", .status = 200, .answer = (text)               \
    }
#define FAILS(host, action, aws_code)                                                              \
    {                                                                                              \
        .url = (host), .body = "Action=" action "&", .status = 400,                                \
        .answer = FAKE_EC2_ERROR(aws_code, "m")                                                    \
    }

/* A region with a VPC, a TGW, and one peering. */
#define SAYS_VPC_TABLES(host)                                                                      \
    SAYS(host, "DescribeRouteTables", VPC_TABLES(VPC_TABLE(RTB, "10.1.0.10/32", "", TGW)))
#define SAYS_TABLES(host) SAYS(host, "DescribeTransitGatewayRouteTables", TABLES(TGW_TABLE(TABLE)))
#define SAYS_ATTACHMENTS(host)                                                                     \
    SAYS(host, "DescribeTransitGatewayAttachments",                                                \
         ATTACHMENTS(ATTACHMENT(ATTACH, "vpc", VPC, "available", ASSOCIATED(TABLE, "associated"))  \
                         ATTACHMENT(PEERED, "peering", PEER, "available", "")))
#define SAYS_PEERINGS(host)                                                                        \
    SAYS(host, "DescribeTransitGatewayPeeringAttachments",                                         \
         PEERINGS(PEERING(SIDE("accepter", TGW_ID(PEER), "eu-west-1"), "available")))
#define SAYS_INVENTORY(host) SAYS_TABLES(host), SAYS_ATTACHMENTS(host), SAYS_PEERINGS(host)
#define SAYS_ROUTES(host)                                                                          \
    SAYS(host, "SearchTransitGatewayRoutes",                                                       \
         ROUTES(TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "active")))
#define SAYS_ALL(host) SAYS_VPC_TABLES(host), SAYS_INVENTORY(host), SAYS_ROUTES(host)

/* --- the world ------------------------------------------------------------------------------ */

#define REGIONS_MAX 2

/* The own region and another one, with a session each. */
struct world {
    struct aws_session sessions[REGIONS_MAX];
    struct tgw_query queries[REGIONS_MAX];
    struct tgw_region regions[REGIONS_MAX];
    struct addr destinations[2];
    size_t n_destinations;
};

static void
world_init(struct world *w, struct fake *f)
{
    static const char *const names[] = {FAKE_REGION, "eu-west-1"};

    *w = (struct world){.n_destinations = 1};
    for (size_t i = 0; i < REGIONS_MAX; i++) {
        w->sessions[i] = f->session;
        w->sessions[i].region = names[i];
        w->queries[i] = (struct tgw_query){.region = names[i], .session = &w->sessions[i]};
    }
    assert_true(addr_parse_cidr("10.1.0.10/32", &w->destinations[0]));
    assert_true(addr_parse_cidr("2001:db8::1/128", &w->destinations[1]));
}

static void
world_clear(struct world *w)
{
    for (size_t i = 0; i < REGIONS_MAX; i++) {
        tgw_region_done(&w->regions[i]);
    }
}

#define WORLD OCF_CLEANUP(world_clear) struct world

static int
read_regions(struct fake *f, struct world *w, size_t n)
{
    world_clear(w);
    return tgw_read(&f->session, w->queries, n, w->destinations, w->n_destinations, w->regions,
                    fake_deadline(f, 30000));
}

static void
assert_whole(const struct tgw_region *r, const char *name)
{
    assert_string_equal(r->name, name);
    assert_true(r->answered);
    assert_int_equal(r->error.code, 0);
    assert_int_equal(r->vpc_tables.n, 1);
    assert_string_equal(r->vpc_tables.tables[0].routes[0].target, TGW);
    assert_int_equal(r->n_tables, 1);
    assert_string_equal(r->tables[0].id, TABLE);
    assert_string_equal(r->tables[0].tgw_id, TGW);
    assert_int_equal(r->tables[0].n_routes, 1);
    assert_string_equal(r->tables[0].routes[0].attachment_id, ATTACH);
    assert_false(r->tables[0].routes[0].propagated);
    assert_false(r->tables[0].routes[0].blackhole);
    assert_int_equal(r->n_attachments, 2);
    assert_int_equal(r->n_peerings, 1);
}

static size_t
count_in_wave(const struct fake *f, unsigned wave)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_requests; i++) {
        n += f->requests[i].wave == wave ? 1 : 0;
    }
    return n;
}

/* --- what is asked, and when ---------------------------------------------------------------- */

static void
tgw_read_asks_all_regions_at_once_in_two_round_trips(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(f, SAYS_ALL(HERE), SAYS_ALL(THERE));
    assert_int_equal(read_regions(f, &w, 2), 0);
    assert_int_equal(f->n_waves, 2);
    assert_int_equal(count_in_wave(f, 1), 8);
    assert_int_equal(count_in_wave(f, 2), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_whole(&w.regions[i], w.queries[i].region);
        assert_true(w.queries[i].described);
    }
    assert_string_equal(f->requests[0].body, "Action=DescribeRouteTables&Version=2016-11-15"
                                             "&Filter.1.Name=route.destination-cidr-block"
                                             "&Filter.1.Value.1=10.1.0.10%2F32");
    assert_string_equal(f->requests[2].body,
                        "Action=DescribeTransitGatewayAttachments&Version=2016-11-15"
                        "&Filter.1.Name=state&Filter.1.Value.1=available"
                        "&Filter.1.Value.2=modifying");
    assert_string_equal(f->requests[8].body, "Action=SearchTransitGatewayRoutes&Version=2016-11-15"
                                             "&TransitGatewayRouteTableId=" TABLE
                                             "&Filter.1.Name=route-search.exact-match"
                                             "&Filter.1.Value.1=10.1.0.10%2F32");
    for (size_t i = 0; i < f->n_requests; i++) {
        assert_false(f->requests[i].fresh); /* no write */
    }
}

static void
tgw_read_with_known_inventory_takes_one_round_trip(void **state)
{
    struct fake *f = *state;
    struct tgw_region known = {.n_tables = 0};
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(f, SAYS_ALL(HERE), SAYS_VPC_TABLES(HERE), SAYS_ROUTES(HERE));
    assert_int_equal(read_regions(f, &w, 1), 0);
    known = w.regions[0];
    w.regions[0] = (struct tgw_region){.n_tables = 0};
    w.queries[0].known = &known;
    assert_int_equal(read_regions(f, &w, 1), 0);
    assert_int_equal(f->n_waves, 3);
    assert_int_equal(count_in_wave(f, 3), 2);
    assert_false(w.queries[0].described);
    tgw_region_done(&known); /* nothing of it is borrowed */
    assert_whole(&w.regions[0], FAKE_REGION);
}

/* A table is gone, another one is there: the rest of the regions does not mind. */
static void
tgw_read_with_stale_inventory_describes_anew(void **state)
{
    struct fake *f = *state;
    struct tgw_table gone[] = {{.id = TABLE2, .tgw_id = TGW}};
    struct tgw_region known = {.tables = gone, .n_tables = 1};
    WORLD w;

    world_init(&w, f);
    w.queries[0].known = &known;
    FAKE_SCRIPT(f, SAYS_VPC_TABLES(HERE),
                FAILS(HERE, "SearchTransitGatewayRoutes", "InvalidRouteTableID.NotFound"),
                SAYS_ALL(HERE), SAYS_ALL(THERE));
    assert_int_equal(read_regions(f, &w, 2), 0);
    assert_int_equal(f->n_waves, 3);
    assert_whole(&w.regions[0], FAKE_REGION);
    assert_whole(&w.regions[1], "eu-west-1");
    assert_true(w.queries[0].described);
}

/* What was described just now, and is no more: that is not asked for ever. */
static void
tgw_read_table_gone_after_describing_fails_the_region(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(f, SAYS_VPC_TABLES(HERE), SAYS_INVENTORY(HERE),
                FAILS(HERE, "SearchTransitGatewayRoutes", "InvalidRouteTableID.NotFound"));
    assert_int_equal(read_regions(f, &w, 1), 0);
    assert_false(w.regions[0].answered);
    assert_int_equal(w.regions[0].error.code, -ERR_NOT_FOUND);
}

static void
tgw_read_both_families_asked_apart_and_put_together(void **state)
{
    struct fake *f = *state;
    const struct ec2_route_table *t = NULL;
    WORLD w;

    world_init(&w, f);
    w.n_destinations = 2;
    FAKE_SCRIPT(f, SAYS_INVENTORY(HERE),
                {.body = "Name=route.destination-cidr-block&",
                 .status = 200,
                 .answer = VPC_TABLES(VPC_TABLE(RTB, "10.1.0.10/32", "", TGW))},
                {.body = "Name=route.destination-ipv6-cidr-block&",
                 .status = 200,
                 .answer = VPC_TABLES(VPC_TABLE(RTB, "2001:db8::1/128", "Ipv6", PEER) VPC_TABLE(
                     "rtb-0000000b", "2001:db8::1/128", "Ipv6", PEER))},
                {.body = "exact-match&Filter.1.Value.1=10.1.0.10%2F32",
                 .status = 200,
                 .answer = ROUTES(TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "active"))},
                {.body = "exact-match&Filter.1.Value.1=2001%3Adb8%3A%3A1%2F128",
                 .status = 200,
                 .answer = ROUTES(TGW_ROUTE("2001:db8::1/128", TO(PEERED), "static", "active"))});
    assert_int_equal(read_regions(f, &w, 1), 0);
    assert_true(w.regions[0].answered);
    assert_int_equal(f->n_waves, 2);
    assert_int_equal(w.regions[0].vpc_tables.n, 2);
    t = &w.regions[0].vpc_tables.tables[0];
    assert_string_equal(t->id, RTB);
    assert_int_equal(t->n_routes, 2);
    assert_string_equal(t->routes[0].target, TGW);
    assert_string_equal(t->routes[1].target, PEER);
    assert_int_equal(w.regions[0].tables[0].n_routes, 2);
}

/* Each answer has a second page; the routes are asked for when the tables are all there. */
static void
tgw_read_follows_the_pages_of_every_answer(void **state)
{
    struct fake *f = *state;
    const struct tgw_region *r = NULL;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(
        f, {.body = "NextToken=a%2F1", .status = 200, .answer = VPC_TABLES("")},
        {.body = "NextToken=b", .status = 200, .answer = TABLES(TGW_TABLE(TABLE2))},
        {.body = "NextToken=c",
         .status = 200,
         .answer = ATTACHMENTS(ATTACHMENT(PEERED, "peering", PEER, "available", ""))},
        {.body = "NextToken=d", .status = 200, .answer = PEERINGS("")},
        {.body = "NextToken=e",
         .status = 200,
         .answer = ROUTES(TGW_ROUTE("10.1.0.10/32", TO(PEERED), "static", "active"))},
        SAYS(HERE, "DescribeRouteTables",
             VPC_TABLES_MORE(VPC_TABLE(RTB, "10.1.0.10/32", "", TGW), NEXT("a/1"))),
        SAYS(HERE, "DescribeTransitGatewayRouteTables", TABLES_MORE(TGW_TABLE(TABLE), NEXT("b"))),
        SAYS(HERE, "DescribeTransitGatewayAttachments",
             ATTACHMENTS_MORE(ATTACHMENT(ATTACH, "vpc", VPC, "available", ""), NEXT("c"))),
        SAYS(HERE, "DescribeTransitGatewayPeeringAttachments", PEERINGS_MORE("", NEXT("d"))),
        {.body = "RouteTableId=" TABLE "&",
         .status = 200,
         .answer = ROUTES_MORE(
             "", "<additionalRoutesAvailable>true</additionalRoutesAvailable>" NEXT("e"))},
        {.body = "RouteTableId=" TABLE2 "&", .status = 200, .answer = ROUTES("")});
    assert_int_equal(read_regions(f, &w, 1), 0);
    r = &w.regions[0];
    assert_true(r->answered);
    assert_int_equal(f->n_waves, 4);
    assert_int_equal(count_in_wave(f, 2), 4);
    assert_int_equal(count_in_wave(f, 3), 2);
    assert_int_equal(r->n_tables, 2);
    assert_int_equal(r->n_attachments, 2);
    assert_string_equal(r->tables[0].routes[0].attachment_id, PEERED);
    assert_int_equal(r->tables[1].n_routes, 0);
}

static void
tgw_read_region_without_anything_has_answered(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(f, SAYS(HERE, "DescribeRouteTables", VPC_TABLES("")),
                SAYS(HERE, "DescribeTransitGatewayRouteTables", TABLES("")),
                SAYS(HERE, "DescribeTransitGatewayAttachments", ATTACHMENTS("")),
                SAYS(HERE, "DescribeTransitGatewayPeeringAttachments", PEERINGS("")));
    assert_int_equal(read_regions(f, &w, 1), 0);
    assert_true(w.regions[0].answered);
    assert_int_equal(f->n_waves, 1);
    assert_int_equal(w.regions[0].n_tables, 0);
    assert_int_equal(tgw_read(&f->session, NULL, 0, w.destinations, 1, NULL, fake_deadline(f, 1)),
                     0);
}

/* --- regions that do not answer ------------------------------------------------------------- */

static void
tgw_read_silent_region_costs_its_patience_once(void **state)
{
    struct fake *f = *state;
    uint64_t begun_ms = f->mono_ms;
    WORLD w;

    world_init(&w, f);
    w.queries[1].within_ms = 2000;
    FAKE_SCRIPT(f, SAYS_ALL(HERE), {.url = THERE, .takes_ms = UINT64_MAX, .times = 4});
    assert_int_equal(read_regions(f, &w, 2), 0);
    assert_whole(&w.regions[0], FAKE_REGION);
    assert_false(w.regions[1].answered);
    assert_int_equal(w.regions[1].error.code, -ERR_TIMEOUT);
    assert_string_equal(w.regions[1].name, "eu-west-1");
    assert_int_equal(f->mono_ms - begun_ms, 2000);
}

static void
tgw_read_denied_region_names_the_permission(void **state)
{
    static const char *const actions[] = {
        "DescribeRouteTables", "DescribeTransitGatewayRouteTables",
        "DescribeTransitGatewayAttachments", "DescribeTransitGatewayPeeringAttachments",
        "SearchTransitGatewayRoutes"};

    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        struct fake *f = *state;
        char body[96];
        char action[96];
        WORLD w;

        world_init(&w, f);
        (void)snprintf(body, sizeof(body), "Action=%s&", actions[i]);
        (void)snprintf(action, sizeof(action), "ec2:%s", actions[i]);
        f->n_rules = 0;
        memset(f->used, 0, sizeof(f->used));
        FAKE_SCRIPT(f, {.url = THERE,
                        .body = body,
                        .status = 403,
                        .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m"),
                        .times = FAKE_ALWAYS});
        FAKE_SCRIPT(f, SAYS_ALL(HERE), SAYS_ALL(THERE));
        for (size_t k = 0; k < f->n_rules; k++) {
            f->rules[k].times = FAKE_ALWAYS;
        }
        assert_int_equal(read_regions(f, &w, 2), 0);
        assert_whole(&w.regions[0], FAKE_REGION);
        assert_false(w.regions[1].answered);
        assert_int_equal(w.regions[1].error.code, -ERR_DENIED);
        assert_string_equal(w.regions[1].error.action, action);
    }
}

static void
tgw_read_region_without_a_session_is_not_asked(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    w.queries[1].session = NULL;
    (void)err_set(&w.queries[1].error, ERR_PARAM, "no way there");
    FAKE_SCRIPT(f, SAYS_ALL(HERE));
    assert_int_equal(read_regions(f, &w, 2), 0);
    assert_whole(&w.regions[0], FAKE_REGION);
    assert_false(w.regions[1].answered);
    assert_string_equal(w.regions[1].error.text, "no way there");
    assert_string_equal(w.regions[1].name, "eu-west-1");
    assert_false(w.queries[1].described);
}

static void
tgw_read_cancelled_no_region_has_answered(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(f, {.given_up = -ERR_CANCELLED});
    assert_int_equal(read_regions(f, &w, 2), -ERR_CANCELLED);
    for (size_t i = 0; i < 2; i++) {
        assert_false(w.regions[i].answered);
        assert_int_equal(w.regions[i].error.code, -ERR_CANCELLED);
        assert_string_equal(w.regions[i].name, w.queries[i].region);
    }
}

/* --- what the answers mean ------------------------------------------------------------------ */

static void
tgw_read_only_what_is_available_counts(void **state)
{
    struct fake *f = *state;
    const struct tgw_region *r = NULL;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(
        f, SAYS(HERE, "DescribeRouteTables", VPC_TABLES("")),
        SAYS(HERE, "DescribeTransitGatewayRouteTables",
             TABLES(TGW_TABLE_IN(TABLE, "deleting") TGW_TABLE_IN(TABLE2, "pending"))),
        SAYS(HERE, "DescribeTransitGatewayAttachments",
             ATTACHMENTS(ATTACHMENT(ATTACH, "vpc", VPC, "rollingBack", "") ATTACHMENT(
                 PEERED, "peering", PEER, "pendingAcceptance",
                 "") ATTACHMENT("tgw-attach-0000000c", "vpc", VPC, "modifying",
                                ASSOCIATED(TABLE, "associating"))
                             ATTACHMENT("tgw-attach-0000000d", "vpn", "vpn-1", "available",
                                        ASSOCIATED(TABLE, "associated"))
                                 ATTACHMENT("tgw-attach-0000000e", "peering", "core-network-1",
                                            "available", "")
                                     ATTACHMENT("tgw-attach-0000000f", "peering", PEER, "available",
                                                ASSOCIATED(TABLE2, "associated")))),
        SAYS(HERE, "DescribeTransitGatewayPeeringAttachments",
             PEERINGS(PEERING(SIDE("accepter", TGW_ID(PEER), "eu-west-1"), "deleted") PEERING(
                 SIDE("accepter", "<coreNetworkId>core-network-1</coreNetworkId>", "eu-west-1"),
                 "available") PEERING(SIDE("accepter", TGW_ID(PEER), "eu-west-2"), "available"))));
    assert_int_equal(read_regions(f, &w, 1), 0);
    r = &w.regions[0];
    assert_true(r->answered);
    assert_int_equal(r->n_tables, 0);
    assert_int_equal(r->n_attachments, 4);
    assert_int_equal(r->attachments[0].kind, TGW_VPC);
    assert_string_equal(r->attachments[0].resource_id, VPC);
    assert_string_equal(r->attachments[0].table_id, ""); /* not yet */
    assert_int_equal(r->attachments[1].kind, TGW_OTHER);
    assert_string_equal(r->attachments[1].table_id, TABLE);
    assert_int_equal(r->attachments[2].kind, TGW_OTHER); /* Cloud WAN */
    assert_int_equal(r->attachments[3].kind, TGW_PEERING);
    assert_string_equal(r->attachments[3].resource_id, PEER);
    assert_string_equal(r->attachments[3].id, "tgw-attach-0000000f");
    assert_int_equal(r->n_peerings, 1);
    assert_string_equal(r->peerings[0].tgw_id[0], TGW);
    assert_string_equal(r->peerings[0].tgw_id[1], PEER);
    assert_string_equal(r->peerings[0].region[0], "ap-northeast-1");
    assert_string_equal(r->peerings[0].region[1], "eu-west-2");
}

static void
tgw_read_routes_of_every_kind(void **state)
{
    static const struct {
        const char *name;
        const char *routes;
        size_t n;
        struct tgw_route expected;
    } cases[] = {
        {"static",
         TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "active"),
         1,
         {.attachment_id = ATTACH}},
        {"being made",
         TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "pending"),
         1,
         {.attachment_id = ATTACH}},
        {"propagated",
         TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "propagated", "active"),
         1,
         {.attachment_id = ATTACH, .propagated = true}},
        {"of two tunnels",
         TGW_ROUTE("10.1.0.10/32", TO(ATTACH) TO(PEERED), "propagated", "active"),
         1,
         {.attachment_id = ATTACH, .propagated = true}},
        {"of a prefix list",
         TGW_ROUTE("10.1.0.10/32", "<prefixListId>pl-1</prefixListId>" TO(ATTACH), "static",
                   "active"),
         1,
         {.attachment_id = ATTACH, .propagated = true}},
        {"made as a blackhole",
         TGW_ROUTE("10.1.0.10/32", "", "static", "blackhole"),
         1,
         {.blackhole = true}},
        {"attachment is gone",
         TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "blackhole"),
         1,
         {.attachment_id = ATTACH, .blackhole = true}},
        {"being deleted",
         TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "deleting"),
         0,
         {.attachment_id = ""}},
        {"deleted",
         TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "deleted"),
         0,
         {.attachment_id = ""}},
        {"other destinations",
         TGW_ROUTE("10.1.0.0/24", TO(ATTACH), "static", "active")
             TGW_ROUTE("10.1.0.11/32", TO(ATTACH), "static", "active"),
         0,
         {.attachment_id = ""}},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tgw_table tables[] = {{.id = TABLE, .tgw_id = TGW}};
        struct tgw_region known = {.tables = tables, .n_tables = 1};
        char answer[2048];
        const struct tgw_table *t = NULL;
        WORLD w;

        print_message("  %s\n", cases[i].name);
        world_init(&w, f);
        w.queries[0].known = &known;
        (void)snprintf(answer, sizeof(answer), ROUTES("%s"), cases[i].routes);
        FAKE_SCRIPT(f, SAYS_VPC_TABLES(HERE), SAYS(HERE, "SearchTransitGatewayRoutes", answer));
        assert_int_equal(read_regions(f, &w, 1), 0);
        assert_true(w.regions[0].answered);
        t = &w.regions[0].tables[0];
        assert_int_equal(t->n_routes, cases[i].n);
        if (cases[i].n > 0) {
            assert_true(addr_equal(&t->routes[0].destination, &w.destinations[0]));
            assert_string_equal(t->routes[0].attachment_id, cases[i].expected.attachment_id);
            assert_int_equal(t->routes[0].propagated, cases[i].expected.propagated);
            assert_int_equal(t->routes[0].blackhole, cases[i].expected.blackhole);
        }
    }
}

/* --- answers that are none ------------------------------------------------------------------ */

#define TIMES4(x)  x x x x
#define TIMES64(x) TIMES4(TIMES4(TIMES4(x)))

/* The other region answers so to one of the questions, and right to the rest. */
static void
assert_fails_alone(struct fake *f, const char *action, const char *answer, int code)
{
    char body[96];
    WORLD w;

    world_init(&w, f);
    (void)snprintf(body, sizeof(body), "Action=%s&", action);
    f->n_rules = 0;
    memset(f->used, 0, sizeof(f->used));
    FAKE_SCRIPT(f, {.url = THERE, .body = body, .status = 200, .answer = answer});
    FAKE_SCRIPT(f, SAYS_ALL(HERE), SAYS_ALL(THERE));
    for (size_t k = 0; k < f->n_rules; k++) {
        f->rules[k].times = FAKE_ALWAYS;
    }
    assert_int_equal(read_regions(f, &w, 2), 0);
    f->n_rules = 0;
    assert_whole(&w.regions[0], FAKE_REGION);
    assert_false(w.regions[1].answered);
    assert_int_equal(w.regions[1].error.code, code);
    assert_non_null(strstr(w.regions[1].error.text, action));
}

static void
tgw_read_malformed_answers_fail_their_region_only(void **state)
{
    static const struct {
        const char *name;
        const char *action;
        const char *answer;
        int code;
    } cases[] = {
        {"no list", "DescribeRouteTables", "<DescribeRouteTablesResponse/>", -ERR_MALFORMED},
        {"no list", "DescribeTransitGatewayRouteTables", "<R/>", -ERR_MALFORMED},
        {"no list", "DescribeTransitGatewayAttachments", "<R/>", -ERR_MALFORMED},
        {"no list", "DescribeTransitGatewayPeeringAttachments", "<R/>", -ERR_MALFORMED},
        {"no list", "SearchTransitGatewayRoutes", "<R/>", -ERR_MALFORMED},
        {"cut off", "DescribeTransitGatewayRouteTables", "<R><transitGatewayRouteTables><item>",
         -ERR_MALFORMED},
        {"table id", "DescribeTransitGatewayRouteTables", TABLES(TGW_TABLE("rtb-0000000a")),
         -ERR_MALFORMED},
        {"long table id", "DescribeTransitGatewayRouteTables",
         TABLES(TGW_TABLE("tgw-rtb-0000000000000000a0000000000000000a0000000000000000a")),
         -ERR_MALFORMED},
        {"table without TGW", "DescribeTransitGatewayRouteTables",
         TABLES("<item><transitGatewayRouteTableId>" TABLE
                "</transitGatewayRouteTableId><state>available</state></item>"),
         -ERR_MALFORMED},
        {"attachment id", "DescribeTransitGatewayAttachments",
         ATTACHMENTS(ATTACHMENT("x", "vpc", VPC, "available", "")), -ERR_MALFORMED},
        {"VPC of an attachment", "DescribeTransitGatewayAttachments",
         ATTACHMENTS(ATTACHMENT(ATTACH, "vpc", "v", "available", "")), -ERR_MALFORMED},
        {"TGW of a side", "DescribeTransitGatewayPeeringAttachments",
         PEERINGS(PEERING(SIDE("accepter", TGW_ID("x"), "eu-west-1"), "available")),
         -ERR_MALFORMED},
        {"region of a side", "DescribeTransitGatewayPeeringAttachments",
         PEERINGS(PEERING(SIDE("accepter", TGW_ID(PEER), "../etc"), "available")), -ERR_MALFORMED},
        {"no side", "DescribeTransitGatewayPeeringAttachments", PEERINGS(PEERING("", "available")),
         -ERR_MALFORMED},
        {"no destination", "SearchTransitGatewayRoutes",
         ROUTES("<item><type>static</type><state>active</state></item>"), -ERR_MALFORMED},
        {"destination", "SearchTransitGatewayRoutes",
         ROUTES(TGW_ROUTE("10.1.0.10", TO(ATTACH), "static", "active")), -ERR_MALFORMED},
        {"attachment of a route", "SearchTransitGatewayRoutes",
         ROUTES(TGW_ROUTE("10.1.0.10/32", TO("x"), "static", "active")), -ERR_MALFORMED},
        {"more than AWS tells", "SearchTransitGatewayRoutes",
         ROUTES_MORE("", "<additionalRoutesAvailable>true</additionalRoutesAvailable>"),
         -ERR_TOO_BIG},
        {"65 routes", "SearchTransitGatewayRoutes",
         ROUTES(TIMES64(TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "active"))
                    TGW_ROUTE("10.1.0.10/32", TO(ATTACH), "static", "active")),
         -ERR_TOO_BIG},
        {"256 tables", "DescribeTransitGatewayRouteTables",
         TABLES(TIMES4(TIMES64(TGW_TABLE(TABLE)))), -ERR_TOO_BIG},
        {"512 peerings", "DescribeTransitGatewayPeeringAttachments",
         PEERINGS(TIMES4(
             TIMES64(PEERING(SIDE("accepter", TGW_ID(PEER), "eu-west-1"), "available")
                         PEERING(SIDE("accepter", TGW_ID(PEER), "eu-west-1"), "available")))),
         -ERR_TOO_BIG},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("  %s: %s\n", cases[i].action, cases[i].name);
        assert_fails_alone(*state, cases[i].action, cases[i].answer, cases[i].code);
    }
}

static void
tgw_read_pages_without_end_are_given_up(void **state)
{
    static const struct {
        const char *action;
        const char *answer;
    } cases[] = {
        {"DescribeTransitGatewayAttachments", ATTACHMENTS_MORE("", NEXT("again"))},
        {"SearchTransitGatewayRoutes", ROUTES_MORE("", NEXT("again"))},
        {"DescribeRouteTables", VPC_TABLES_MORE("", NEXT("again"))},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_fails_alone(f, cases[i].action, cases[i].answer, -ERR_TOO_BIG);
        assert_int_equal(fake_count(f, "NextToken"), (i + 1) * (EC2_PAGES_MAX - 1));
    }
}

/* A token that does not fit in is not cut: the rest would be left out without a word. */
static void
tgw_read_oversized_token_is_refused(void **state)
{
    struct fake *f = *state;
    char token[EC2_TOKEN_MAX + 1];
    char answer[4096];
    WORLD w;

    world_init(&w, f);
    memset(token, 'x', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    (void)snprintf(answer, sizeof(answer), ATTACHMENTS_MORE("", NEXT("%s")), token);
    FAKE_SCRIPT(f, SAYS_VPC_TABLES(HERE), SAYS_TABLES(HERE), SAYS_PEERINGS(HERE),
                SAYS(HERE, "DescribeTransitGatewayAttachments", answer));
    assert_int_equal(read_regions(f, &w, 1), 0);
    assert_int_equal(w.regions[0].error.code, -ERR_MALFORMED);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(tgw_read_asks_all_regions_at_once_in_two_round_trips),
        FAKE_TEST(tgw_read_with_known_inventory_takes_one_round_trip),
        FAKE_TEST(tgw_read_with_stale_inventory_describes_anew),
        FAKE_TEST(tgw_read_table_gone_after_describing_fails_the_region),
        FAKE_TEST(tgw_read_both_families_asked_apart_and_put_together),
        FAKE_TEST(tgw_read_follows_the_pages_of_every_answer),
        FAKE_TEST(tgw_read_region_without_anything_has_answered),
        FAKE_TEST(tgw_read_silent_region_costs_its_patience_once),
        FAKE_TEST(tgw_read_denied_region_names_the_permission),
        FAKE_TEST(tgw_read_region_without_a_session_is_not_asked),
        FAKE_TEST(tgw_read_cancelled_no_region_has_answered),
        FAKE_TEST(tgw_read_only_what_is_available_counts),
        FAKE_TEST(tgw_read_routes_of_every_kind),
        FAKE_TEST(tgw_read_malformed_answers_fail_their_region_only),
        FAKE_TEST(tgw_read_pages_without_end_are_given_up),
        FAKE_TEST(tgw_read_oversized_token_is_refused),
    };

    return cmocka_run_group_tests_name("tgw", tests, NULL, NULL);
}
