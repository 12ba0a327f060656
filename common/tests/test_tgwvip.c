/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "tgwvip.h"

/*
 * Tokyo is the node's own region, and Osaka has clients: in each a VPC with one table and a TGW
 * with one, between them a peering. Singapore lies behind Osaka.
 */
#define TOKYO     "ap-northeast-1"
#define OSAKA     "ap-northeast-3"
#define SINGAPORE "ap-southeast-1"

#define V4 "10.1.0.10/32"

#define TGW_T "tgw-0000000a"
#define TGW_O "tgw-0000000b"
#define TGW_S "tgw-0000000c"
#define RTB_T "rtb-0000000a"
#define RTB_O "rtb-0000000b"
#define RTB_S "rtb-0000000c"
#define VPC_O "vpc-0000000b"
#define VPC_S "vpc-0000000c"

#define TGW_RTB_T "tgw-rtb-0000000a"
#define TGW_RTB_O "tgw-rtb-0000000b"
#define TGW_RTB_S "tgw-rtb-0000000c"
#define ATTACH_T  "tgw-attach-0000000a" /* VPCs */
#define ATTACH_O  "tgw-attach-0000000b"
#define ATTACH_S  "tgw-attach-0000000c"
#define PEER_TO   "tgw-attach-000000ab"
#define PEER_OS   "tgw-attach-000000bc"
#define ELSEWHERE "tgw-attach-000000ff"

/* --- what AWS answers ------------------------------------------------------------------------ */

#define VPC_TABLES(items)                                                                          \
    "<DescribeRouteTablesResponse><routeTableSet>" items                                           \
    "</routeTableSet></DescribeRouteTablesResponse>"
#define ONE_TABLE(id, vpc, target, state)                                                          \
    "<item><routeTableId>" id "</routeTableId><vpcId>" vpc                                         \
    "</vpcId><routeSet><item><destinationCidrBlock>" V4 "</destinationCidrBlock>" target           \
    "<state>" state "</state></item></routeSet></item>"
#define VPC_TABLE(id, vpc, target) VPC_TABLES(ONE_TABLE(id, vpc, target, "active"))
#define TO_ENI(target)                                                                             \
    VPC_TABLE(RTB_T, FAKE_VPC, "<networkInterfaceId>" target "</networkInterfaceId>")
#define TO_TGW(id, vpc, target)                                                                    \
    VPC_TABLE(id, vpc, "<transitGatewayId>" target "</transitGatewayId>")
#define TABLES(id, tgw)                                                                            \
    "<R><transitGatewayRouteTables><item><transitGatewayRouteTableId>" id                          \
    "</transitGatewayRouteTableId><transitGatewayId>" tgw                                          \
    "</transitGatewayId><state>available</state></item></transitGatewayRouteTables></R>"
#define ATTACHMENT(id, tgw, type, resource, table)                                                 \
    "<item><transitGatewayAttachmentId>" id "</transitGatewayAttachmentId><transitGatewayId>" tgw  \
    "</transitGatewayId><resourceType>" type "</resourceType><resourceId>" resource                \
    "</resourceId><state>available</state><association><transitGatewayRouteTableId>" table         \
    "</transitGatewayRouteTableId><state>associated</state></association></item>"
#define ATTACHMENTS(items) "<R><transitGatewayAttachments>" items "</transitGatewayAttachments></R>"
#define PEERING(tgw1, region1, tgw2, region2)                                                      \
    "<item><requesterTgwInfo><transitGatewayId>" tgw1 "</transitGatewayId><region>" region1        \
    "</region></requesterTgwInfo><accepterTgwInfo><transitGatewayId>" tgw2                         \
    "</transitGatewayId><region>" region2                                                          \
    "</region></accepterTgwInfo><state>available</state></item>"
#define PEERINGS(items)                                                                            \
    "<R><transitGatewayPeeringAttachments>" items "</transitGatewayPeeringAttachments></R>"
#define TGW_ROUTE(attachment, type)                                                                \
    "<R><routeSet><item><destinationCidrBlock>" V4 "</"                                            \
    "destinationCidrBlock><transitGatewayAttachments><item><"                                      \
    "transitGatewayAttachmentId>" attachment                                                       \
    "</transitGatewayAttachmentId></item></transitGatewayAttachments><type>" type                  \
    "</type><state>active</state></item></routeSet></R>"
#define ROUTE(attachment)      TGW_ROUTE(attachment, "static")
#define PROPAGATED(attachment) TGW_ROUTE(attachment, "propagated")

#define AT(region) .url = "ec2." region "."
#define GIVES(region, what, text)                                                                  \
    {                                                                                              \
        AT(region), .body = "Action=" what, .times = FAKE_ALWAYS, .status = 200, .answer = (text)  \
    }
#define GIVES_ONCE(region, what, text)                                                             \
    {                                                                                              \
        AT(region), .body = "Action=" what, .status = 200, .answer = (text)                        \
    }
#define HANGS(region)                                                                              \
    {                                                                                              \
        AT(region), .times = FAKE_ALWAYS, .takes_ms = 60000                                        \
    }
#define TAKES_WRITES(region)                                                                       \
    {                                                                                              \
        AT(region), .body = "Action=Replace", .times = FAKE_ALWAYS, .status = 200,                 \
                    .answer = "<R/>"                                                               \
    }

/* A region's inventory and its routes. */
#define TOKYO_IS                                                                                   \
    GIVES(TOKYO, "DescribeTransitGatewayRouteTables", TABLES(TGW_RTB_T, TGW_T)),                   \
        GIVES(TOKYO, "DescribeTransitGatewayAttachments",                                          \
              ATTACHMENTS(ATTACHMENT(ATTACH_T, TGW_T, "vpc", FAKE_VPC, TGW_RTB_T)                  \
                              ATTACHMENT(PEER_TO, TGW_T, "peering", TGW_O, TGW_RTB_T))),           \
        GIVES(TOKYO, "DescribeTransitGatewayPeeringAttachments",                                   \
              PEERINGS(PEERING(TGW_T, TOKYO, TGW_O, OSAKA)))
#define OSAKA_IS(peerings)                                                                         \
    GIVES(OSAKA, "DescribeTransitGatewayRouteTables", TABLES(TGW_RTB_O, TGW_O)),                   \
        GIVES(OSAKA, "DescribeTransitGatewayAttachments",                                          \
              ATTACHMENTS(ATTACHMENT(ATTACH_O, TGW_O, "vpc", VPC_O, TGW_RTB_O)                     \
                              ATTACHMENT(PEER_TO, TGW_O, "peering", TGW_T, TGW_RTB_O)              \
                                  ATTACHMENT(PEER_OS, TGW_O, "peering", TGW_S, TGW_RTB_O))),       \
        GIVES(OSAKA, "DescribeTransitGatewayPeeringAttachments", PEERINGS(peerings))
#define OSAKA_IS_LAST OSAKA_IS(PEERING(TGW_T, TOKYO, TGW_O, OSAKA))
#define OSAKA_LEADS_ON                                                                             \
    OSAKA_IS(PEERING(TGW_T, TOKYO, TGW_O, OSAKA) PEERING(TGW_O, OSAKA, TGW_S, SINGAPORE))
#define SINGAPORE_IS                                                                               \
    GIVES(SINGAPORE, "DescribeTransitGatewayRouteTables", TABLES(TGW_RTB_S, TGW_S)),               \
        GIVES(SINGAPORE, "DescribeTransitGatewayAttachments",                                      \
              ATTACHMENTS(ATTACHMENT(ATTACH_S, TGW_S, "vpc", VPC_S, TGW_RTB_S)                     \
                              ATTACHMENT(PEER_OS, TGW_S, "peering", TGW_O, TGW_RTB_S))),           \
        GIVES(SINGAPORE, "DescribeTransitGatewayPeeringAttachments",                               \
              PEERINGS(PEERING(TGW_O, OSAKA, TGW_S, SINGAPORE)))
#define TOKYO_LEADS(eni, attachment)                                                               \
    GIVES(TOKYO, "DescribeRouteTables", TO_ENI(eni)),                                              \
        GIVES(TOKYO, "SearchTransitGatewayRoutes", ROUTE(attachment))
#define TOKYO_LEADS_FIRST(eni, attachment)                                                         \
    GIVES_ONCE(TOKYO, "DescribeRouteTables", TO_ENI(eni)),                                         \
        GIVES_ONCE(TOKYO, "SearchTransitGatewayRoutes", ROUTE(attachment))
#define TOKYO_IS_OURS TOKYO_LEADS(FAKE_ENI, ATTACH_T)
#define OSAKA_LEADS(attachment)                                                                    \
    GIVES(OSAKA, "DescribeRouteTables", TO_TGW(RTB_O, VPC_O, TGW_O)),                              \
        GIVES(OSAKA, "SearchTransitGatewayRoutes", ROUTE(attachment))
#define SINGAPORE_LEADS(attachment)                                                                \
    GIVES(SINGAPORE, "DescribeRouteTables", TO_TGW(RTB_S, VPC_S, TGW_S)),                          \
        GIVES(SINGAPORE, "SearchTransitGatewayRoutes", ROUTE(attachment))

/* --- the resource ---------------------------------------------------------------------------- */

static struct tgwvip
resource(void)
{
    struct tgwvip t = {.vip = {.interface = FAKE_LINK}};

    assert_true(addr_parse("10.1.0.10", &t.vip.addresses.items[t.vip.addresses.n++]));
    return t;
}

#define RESOURCE OCF_CLEANUP(tgwvip_done) struct tgwvip

/* The first request of the action; a test may have several. */
static size_t first_request;

/* Begin an action, and its script. */
static void
act(struct fake *f, struct ocf_ctx *ctx, enum ocf_operation operation)
{
    static const struct ocf_agent agent = {.meta = {.name = "transit-gateway-vip"}};

    fakenode_init(f, ctx, &agent);
    ctx->operation = operation;
    first_request = f->n_requests;
    f->n_rules = 0;
    memset(f->used, 0, sizeof(f->used));
    FAKE_SCRIPT(f, {.method = "PUT", .times = FAKE_ALWAYS, .status = 200, .answer = "imds-token"},
                {.url = FAKE_IMDS FAKE_MACS "interface-id",
                 .times = FAKE_ALWAYS,
                 .status = 200,
                 .answer = FAKE_ENI},
                {.url = FAKE_IMDS FAKE_MACS "vpc-id",
                 .times = FAKE_ALWAYS,
                 .status = 200,
                 .answer = FAKE_VPC},
                {.url = FAKE_IMDS FAKE_MACS "subnet-id",
                 .times = FAKE_ALWAYS,
                 .status = 200,
                 .answer = FAKE_SUBNET});
}

/* A start as the framework does it: look, take over, look again. What it tells goes to `told`. */
static int
start(struct ocf_ctx *ctx, struct tgwvip *t, char told[4096], struct err *e)
{
    struct fakenode_stderr caught;
    enum ocf_verdict v = OCF_UNKNOWN;
    int rc = 0;

    fakenode_stderr_begin(&caught);
    v = tgwvip_look(ctx, t, e);
    rc = v == OCF_HERE ? 0 : tgwvip_apply(ctx, t, e);
    if (rc == 0) {
        v = tgwvip_look(ctx, t, e);
    }
    fakenode_stderr_end(&caught, told, 4096);
    assert_true(rc < 0 || v == OCF_HERE);
    return rc;
}

static enum ocf_verdict
monitor(struct ocf_ctx *ctx, struct tgwvip *t, struct err *why)
{
    return tgwvip_finish(ctx, t, tgwvip_look(ctx, t, why), why);
}

/* How many requests have a part in their URL or body. */
static size_t
n_with(const struct fake *f, const char *part)
{
    size_t n = 0;

    for (size_t i = first_request; i < f->n_requests; i++) {
        n += strstr(f->requests[i].url, part) != NULL || strstr(f->requests[i].body, part) != NULL;
    }
    return n;
}

/* In how many round trips a region was asked. */
static size_t
n_trips(const struct fake *f, const char *region)
{
    size_t n = 0;
    unsigned last = 0;

    for (size_t i = first_request; i < f->n_requests; i++) {
        if (strstr(f->requests[i].url, region) != NULL && f->requests[i].wave != last) {
            n++;
            last = f->requests[i].wave;
        }
    }
    return n;
}

/* The first or the last request to a region for an action. */
static unsigned
wave_of(const struct fake *f, const char *region, const char *action, bool last)
{
    unsigned wave = 0;

    for (size_t i = first_request; i < f->n_requests && (last || wave == 0); i++) {
        if (strstr(f->requests[i].url, region) != NULL &&
            strstr(f->requests[i].body, action) != NULL) {
            wave = f->requests[i].wave;
        }
    }
    assert_true(wave > 0);
    return wave;
}

static void
store(struct ocf_ctx *ctx, const char *lines)
{
    OCF_CLEANUP(pending_done) struct pending p = {0};
    struct err e = {0};

    assert_int_equal(pending_parse(lines, &p), 0);
    assert_int_equal(pending_store(ctx, &p, &e), 0);
}

static void
assert_left(struct ocf_ctx *ctx, const char *lines)
{
    OCF_CLEANUP(pending_done) struct pending p = {0};
    OCF_BUF struct buf text = BUF_INIT(4096);
    struct err e = {0};

    assert_int_equal(pending_load(ctx, &p, &e), 0);
    assert_false(p.everything);
    assert_int_equal(pending_format(&p, &text), 0);
    assert_string_equal(buf_str(&text), lines);
}

/* --- start ----------------------------------------------------------------------------------- */

static void
tgwvip_start_own_region_first_in_four_and_three_round_trips(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(f, TOKYO_LEADS_FIRST(FAKE_ANOTHER, PEER_TO), TOKYO_IS, TOKYO_IS_OURS,
                TAKES_WRITES(TOKYO), OSAKA_IS_LAST, OSAKA_LEADS(ATTACH_O), TAKES_WRITES(OSAKA));
    assert_int_equal(start(&ctx, &t, told, &e), 0);
    assert_string_equal(told, "");
    assert_int_equal(n_trips(f, TOKYO), 4);
    assert_int_equal(n_trips(f, OSAKA), 3);
    assert_true(wave_of(f, TOKYO, "Action=Replace", true) < wave_of(f, OSAKA, "Action=", false));
    assert_int_equal(n_with(f, "Action=ReplaceRoute&"), 1);
    assert_int_equal(n_with(f, "NetworkInterfaceId=" FAKE_ENI), 1);
    assert_int_equal(n_with(f, "Action=ReplaceTransitGatewayRoute&"), 2);
    assert_int_equal(n_with(f, "TransitGatewayAttachmentId=" ATTACH_T), 1);
    assert_int_equal(n_with(f, "TransitGatewayAttachmentId=" PEER_TO), 1);
    assert_left(&ctx, "");
}

static void
tgwvip_start_of_what_is_ours_writes_nothing(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST, OSAKA_LEADS(PEER_TO));
    assert_int_equal(tgwvip_look(&ctx, &t, &e), OCF_DEGRADED);
    assert_string_equal(e.text, OSAKA ": not looked at yet");
    assert_int_equal(n_with(f, OSAKA), 0);
    assert_int_equal(start(&ctx, &t, told, &e), 0);
    assert_int_equal(n_with(f, "Action=Replace"), 0);
    assert_true(n_with(f, OSAKA) > 0);
}

static void
tgwvip_start_without_other_regions_needs_none(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(
        f, GIVES(TOKYO, "DescribeTransitGatewayRouteTables", "<R><transitGatewayRouteTables/></R>"),
        GIVES(TOKYO, "DescribeTransitGatewayAttachments", ATTACHMENTS("")),
        GIVES(TOKYO, "DescribeTransitGatewayPeeringAttachments", PEERINGS("")),
        GIVES(TOKYO, "DescribeRouteTables", TO_ENI(FAKE_ENI)));
    assert_int_equal(tgwvip_look(&ctx, &t, &e), OCF_HERE);
    assert_int_equal(n_with(f, "amazonaws.com"), 4);
}

/* The disaster that this is for. */
static void
tgwvip_start_leaves_a_silent_region_within_one_attempt(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(f, TOKYO_LEADS_FIRST(FAKE_ANOTHER, PEER_TO), TOKYO_IS, TOKYO_IS_OURS,
                TAKES_WRITES(TOKYO), HANGS(OSAKA));
    assert_int_equal(start(&ctx, &t, told, &e), 0);
    assert_int_equal(deadline_left_ms(ctx.deadline), 30000 - 5000);
    assert_int_equal(strncmp(told, "WARNING: " OSAKA " left for later: ", 40), 0);
    assert_left(&ctx, "*\n" OSAKA "\n");
    assert_int_equal(n_trips(f, OSAKA), 1);
}

/*
 * What an earlier start left there is out of date: since then another node may have had the
 * resource, and written the rest of the region. All of it is this node's to write now.
 */
static void
tgwvip_start_leaves_all_of_a_silent_region_whatever_was_left_before(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    store(&ctx, OSAKA " " TGW_RTB_O " " V4 " " ELSEWHERE "\n");
    FAKE_SCRIPT(f, TOKYO_LEADS_FIRST(FAKE_ANOTHER, PEER_TO), TOKYO_IS, TOKYO_IS_OURS,
                TAKES_WRITES(TOKYO), HANGS(OSAKA));
    assert_int_equal(start(&ctx, &t, told, &e), 0);
    assert_left(&ctx, "*\n" OSAKA "\n");
}

/*
 * Singapore answers, and leads here by Osaka, which is silent: between which of its TGWs there is a
 * peering only Osaka knows. What Singapore lacks is not known either, and left until it is.
 */
#define OTHER_TGW_O "tgw-000000b2"
#define SINGAPORE_IS_BEHIND_OSAKA                                                                  \
    GIVES(SINGAPORE, "DescribeTransitGatewayRouteTables", TABLES(TGW_RTB_S, TGW_S)),               \
        GIVES(SINGAPORE, "DescribeTransitGatewayAttachments",                                      \
              ATTACHMENTS(ATTACHMENT(ATTACH_S, TGW_S, "vpc", VPC_S, TGW_RTB_S)                     \
                              ATTACHMENT(PEER_OS, TGW_S, "peering", OTHER_TGW_O, TGW_RTB_S))),     \
        GIVES(SINGAPORE, "DescribeTransitGatewayPeeringAttachments",                               \
              PEERINGS(PEERING(OTHER_TGW_O, OSAKA, TGW_S, SINGAPORE)))

static void
tgwvip_left_a_region_whose_way_a_silent_one_knows(void **state)
{
    static const enum ocf_operation operations[] = {OCF_OP_START, OCF_OP_MONITOR};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        char told[4096];
        FAKENODE ctx;

        t.only = (struct param_ids){.items = {OSAKA, SINGAPORE}, .n = 2};
        act(f, &ctx, operations[i]);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, HANGS(OSAKA), SINGAPORE_IS_BEHIND_OSAKA,
                    SINGAPORE_LEADS(ATTACH_S));
        if (operations[i] == OCF_OP_START) {
            assert_int_equal(start(&ctx, &t, told, &e), 0);
        } else {
            assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
        }
        assert_int_equal(n_with(f, "Action=Replace"), 0);
        assert_left(&ctx, OSAKA "\n" SINGAPORE "\n");
    }
}

/* A region that hangs when it is written costs no more, and what it showed is remembered. */
static void
tgwvip_start_leaves_a_region_that_takes_no_writes(void **state)
{
    static const struct {
        const char *name;
        struct fake_rule rule;
        const char *told;
    } cases[] = {
        {"silent",
         {AT(OSAKA), .body = "Action=Replace", .times = FAKE_ALWAYS, .takes_ms = 60000},
         "WARNING: " OSAKA " left for later: " TGW_RTB_O ": ReplaceTransitGatewayRoute: "},
        {"throttled for ever",
         {AT(OSAKA), .body = "Action=Replace", .times = FAKE_ALWAYS, .status = 503,
          .answer = FAKE_EC2_ERROR("RequestLimitExceeded", "m")},
         "WARNING: " OSAKA " left for later: " TGW_RTB_O ": ReplaceTransitGatewayRoute: "},
        {"denied",
         {AT(OSAKA), .body = "Action=Replace", .times = FAKE_ALWAYS, .status = 403,
          .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")},
         "WARNING: " OSAKA " left for later: " TGW_RTB_O
         ": IAM denies ec2:ReplaceTransitGatewayRoute"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        char told[4096];
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        act(f, &ctx, OCF_OP_START);
        FAKE_SCRIPT(f, TOKYO_LEADS_FIRST(FAKE_ANOTHER, PEER_TO), TOKYO_IS, TOKYO_IS_OURS,
                    TAKES_WRITES(TOKYO), OSAKA_IS_LAST, OSAKA_LEADS(ATTACH_O));
        fake_script(f, &cases[i].rule, 1);
        assert_int_equal(start(&ctx, &t, told, &e), 0);
        assert_true(deadline_left_ms(ctx.deadline) >= 25000);
        assert_int_equal(strncmp(told, cases[i].told, strlen(cases[i].told)), 0);
        assert_left(&ctx, OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n");
    }
}

static void
tgwvip_start_denied_to_read_another_region_is_a_success_with_a_warning(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS,
                {AT(OSAKA), .times = FAKE_ALWAYS, .status = 403,
                 .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")});
    assert_int_equal(start(&ctx, &t, told, &e), 0);
    assert_non_null(strstr(told, OSAKA " left for later: IAM denies ec2:Describe"));
    assert_non_null(strstr(told, "allow it in the IAM policy"));
}

static void
tgwvip_start_fails_for_a_write_to_its_own_region(void **state)
{
    static const struct {
        const char *name;
        const char *body;
        int code;
        const char *text;
    } cases[] = {
        {"of the VPC", "Action=ReplaceRoute&", -ERR_DENIED,
         TOKYO ": " RTB_T " (1 of 1 routes failed): "},
        {"of the TGW", "Action=ReplaceTransitGatewayRoute&", -ERR_DENIED,
         TOKYO ": " TGW_RTB_T " (1 of 1 routes failed): "},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        char told[4096];
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        act(f, &ctx, OCF_OP_START);
        FAKE_SCRIPT(f,
                    {AT(TOKYO), .body = cases[i].body, .status = 403,
                     .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")},
                    TAKES_WRITES(TOKYO), TOKYO_IS, TOKYO_LEADS(FAKE_ANOTHER, PEER_TO));
        assert_int_equal(start(&ctx, &t, told, &e), cases[i].code);
        assert_int_equal(strncmp(e.text, cases[i].text, strlen(cases[i].text)), 0);
        assert_int_equal(n_with(f, OSAKA), 0);
        assert_false(t.applied);
        assert_left(&ctx, "");
    }
}

/* In a VPC of another region there may be one: only these nodes are not to be tried again. */
static void
tgwvip_start_without_a_route_in_its_vpc_tells_the_command(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(
        f, TOKYO_IS,
        GIVES(TOKYO, "DescribeRouteTables",
              "<DescribeRouteTablesResponse><routeTableSet/></DescribeRouteTablesResponse>"),
        GIVES(TOKYO, "SearchTransitGatewayRoutes", ROUTE(PEER_TO)));
    assert_int_equal(start(&ctx, &t, told, &e), -ERR_PARAM_LOCAL);
    assert_int_equal(strncmp(e.text, TOKYO ": ", strlen(TOKYO ": ")), 0);
    assert_non_null(strstr(e.text, "aws ec2 create-route --region " TOKYO));
    assert_int_equal(n_with(f, "Action=Replace"), 0);
}

/* What no write mends is the operator's, and no reason not to run. */
static void
tgwvip_start_with_a_propagated_route_is_a_success_with_a_warning(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(f, TOKYO_IS, GIVES(TOKYO, "DescribeRouteTables", TO_ENI(FAKE_ENI)),
                GIVES(TOKYO, "SearchTransitGatewayRoutes", PROPAGATED(ELSEWHERE)), OSAKA_IS_LAST,
                OSAKA_LEADS(PEER_TO));
    assert_int_equal(start(&ctx, &t, told, &e), 0);
    assert_int_equal(strncmp(told, "WARNING: " TOKYO ": " TGW_RTB_T ": ", 43), 0);
    assert_non_null(strstr(told, "propagated"));
    assert_non_null(strstr(told, "aws ec2 create-transit-gateway-route --region " TOKYO));
    assert_non_null(strstr(told, ATTACH_T "\n")); /* told whole */
    assert_int_equal(n_with(f, "Action=Replace"), 0);
}

static void
tgwvip_start_finds_the_regions_behind_others(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(PEER_TO), SINGAPORE_IS,
                SINGAPORE_LEADS(ATTACH_S), TAKES_WRITES(SINGAPORE));
    assert_int_equal(start(&ctx, &t, told, &e), 0);
    assert_int_equal(n_with(f, "TransitGatewayAttachmentId=" PEER_OS), 1);
    assert_int_equal(n_trips(f, SINGAPORE), 3);
    assert_int_equal(t.remembered.n, 2);
}

static void
tgwvip_start_works_in_the_regions_that_were_named(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    char told[4096];
    FAKENODE ctx;

    t.only = (struct param_ids){.items = {OSAKA}, .n = 1};
    act(f, &ctx, OCF_OP_START);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(PEER_TO));
    assert_int_equal(start(&ctx, &t, told, &e), 0);
    assert_true(n_with(f, OSAKA) > 0);
    assert_int_equal(t.n_regions, 2); /* Singapore is not asked */
}

/* --- probe ----------------------------------------------------------------------------------- */

static void
tgwvip_probe_asks_its_own_region_and_writes_nothing(void **state)
{
    static const struct {
        const char *eni;
        const char *attachment;
        enum ocf_verdict verdict;
    } cases[] = {
        {TO_ENI(FAKE_ENI), ROUTE(ATTACH_T), OCF_HERE},
        {TO_ENI(FAKE_ENI), ROUTE(PEER_TO), OCF_DEGRADED},
        {TO_ENI(FAKE_ANOTHER), ROUTE(ATTACH_T), OCF_ELSEWHERE},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_PROBE);
        FAKE_SCRIPT(f, TOKYO_IS, GIVES(TOKYO, "DescribeRouteTables", cases[i].eni),
                    GIVES(TOKYO, "SearchTransitGatewayRoutes", cases[i].attachment));
        assert_int_equal(tgwvip_look(&ctx, &t, &e), cases[i].verdict);
        assert_int_equal(n_with(f, OSAKA), 0);
        assert_int_equal(n_with(f, "Action=Replace"), 0);
        assert_true(cases[i].verdict == OCF_HERE ||
                    strncmp(e.text, TOKYO ": ", strlen(TOKYO ": ")) == 0);
    }
}

static void
tgwvip_look_own_region_silent_is_unknown(void **state)
{
    static const enum ocf_operation operations[] = {OCF_OP_PROBE, OCF_OP_START, OCF_OP_MONITOR};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, operations[i]);
        FAKE_SCRIPT(f, HANGS(TOKYO));
        assert_int_equal(tgwvip_look(&ctx, &t, &e), OCF_UNKNOWN);
        assert_int_equal(strncmp(e.text, TOKYO ": ", strlen(TOKYO ": ")), 0);
        assert_true(e.code < 0);
    }
}

/* --- monitor --------------------------------------------------------------------------------- */

static void
tgwvip_monitor_one_round_trip_with_the_inventory_of_before(void **state)
{
    struct fake *f = *state;

    for (unsigned i = 0; i < 3; i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        f->mono_ms += i == 2 ? TGWCACHE_MAX_AGE_MS : 10000;
        act(f, &ctx, OCF_OP_MONITOR);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST, OSAKA_LEADS(PEER_TO));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_HERE);
        assert_int_equal(n_trips(f, TOKYO), i == 1 ? 1 : 2);
        assert_int_equal(n_trips(f, OSAKA), i == 1 ? 1 : 2);
        assert_int_equal(n_with(f, "Action=Replace"), 0);
        /* All at once, once it is known which. */
        assert_true(i == 0 ||
                    wave_of(f, TOKYO, "Action=", false) == wave_of(f, OSAKA, "Action=", false));
    }
}

/* A VPC was attached anew, and the routes led to the new attachment: seen by the next monitor. */
static void
tgwvip_monitor_reads_the_inventory_while_something_is_wrong(void **state)
{
    static const enum ocf_verdict verdicts[] = {OCF_HERE, OCF_DEGRADED, OCF_HERE, OCF_HERE};
    static const unsigned trips[] = {2, 1, 2, 1};
    struct fake *f = *state;

    for (unsigned i = 0; i < ARRAY_LEN(verdicts); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        f->mono_ms += 10000;
        act(f, &ctx, OCF_OP_MONITOR);
        if (i > 0) {
            FAKE_SCRIPT(
                f,
                GIVES(TOKYO, "DescribeTransitGatewayAttachments",
                      ATTACHMENTS(ATTACHMENT(ELSEWHERE, TGW_T, "vpc", FAKE_VPC, TGW_RTB_T)
                                      ATTACHMENT(PEER_TO, TGW_T, "peering", TGW_O, TGW_RTB_T))),
                TOKYO_LEADS(FAKE_ENI, ELSEWHERE));
        }
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST, OSAKA_LEADS(PEER_TO));
        assert_int_equal(monitor(&ctx, &t, &e), verdicts[i]);
        assert_int_equal(n_trips(f, TOKYO), trips[i]);
    }
}

static void
tgwvip_monitor_tells_what_is_wrong_region_first(void **state)
{
    static const struct {
        const char *name;
        struct fake_rule rules[2]; /* come first */
        enum ocf_verdict verdict;
        const char *text;
    } cases[] = {
        {"all ours", {{.url = NULL}}, OCF_HERE, ""},
        {"another region leads elsewhere",
         {GIVES_ONCE(OSAKA, "SearchTransitGatewayRoutes", ROUTE(ELSEWHERE))},
         OCF_DEGRADED,
         OSAKA ": " TGW_RTB_O ": " V4 " -> " ELSEWHERE},
        {"another region is silent", {HANGS(OSAKA)}, OCF_DEGRADED, OSAKA ": "},
        {"another region denies",
         {{AT(OSAKA), .times = FAKE_ALWAYS, .status = 403,
           .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")}},
         OCF_DEGRADED,
         OSAKA ": IAM denies ec2:Describe"},
        {"another region lacks a route",
         {GIVES_ONCE(OSAKA, "SearchTransitGatewayRoutes", "<R><routeSet/></R>")},
         OCF_DEGRADED,
         OSAKA ": " TGW_RTB_O ": no route to " V4 "; validate-all tells what mends it"},
        {"own region in part",
         {GIVES_ONCE(TOKYO, "SearchTransitGatewayRoutes", ROUTE(ELSEWHERE))},
         OCF_DEGRADED,
         TOKYO ": " TGW_RTB_T ": " V4 " -> " ELSEWHERE},
        {"another node has it",
         {GIVES_ONCE(TOKYO, "DescribeRouteTables", TO_ENI(FAKE_ANOTHER))},
         OCF_ELSEWHERE,
         TOKYO ": " RTB_T ": " V4 " -> " FAKE_ANOTHER},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        act(f, &ctx, OCF_OP_MONITOR);
        if (cases[i].rules[0].url != NULL) {
            fake_script(f, cases[i].rules, 1);
        }
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST, OSAKA_LEADS(PEER_TO));
        assert_int_equal(monitor(&ctx, &t, &e), cases[i].verdict);
        assert_int_equal(strncmp(e.text, cases[i].text, strlen(cases[i].text)), 0);
        assert_int_equal(n_with(f, "Action=Replace"), 0);
    }
}

/* The way to Singapore is known from before: that it is not to be asked about either is told. */
static void
tgwvip_monitor_knows_the_region_behind_a_silent_one(void **state)
{
    struct fake *f = *state;

    for (unsigned i = 0; i < 2; i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_MONITOR);
        if (i == 1) {
            f->mono_ms += TGWCACHE_MAX_AGE_MS;
            ctx.deadline = fake_deadline(f, 30000);
            FAKE_SCRIPT(f, HANGS(OSAKA), HANGS(SINGAPORE));
        }
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(PEER_TO), SINGAPORE_IS,
                    SINGAPORE_LEADS(PEER_OS));
        assert_int_equal(monitor(&ctx, &t, &e), i == 0 ? OCF_HERE : OCF_DEGRADED);
        assert_true(n_with(f, SINGAPORE) > 0);
        assert_int_equal(t.remembered.n, 2);
    }
}

/* A loss is looked at several times before it is believed. */
static void
tgwvip_monitor_asks_a_silent_region_once(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_LEADS(FAKE_ANOTHER, ATTACH_T), HANGS(OSAKA));
    assert_int_equal(tgwvip_look(&ctx, &t, &e), OCF_ELSEWHERE);
    assert_int_equal(tgwvip_look(&ctx, &t, &e), OCF_ELSEWHERE);
    assert_int_equal(n_trips(f, OSAKA), 1);
    assert_int_equal(n_trips(f, TOKYO), 3);
    assert_int_equal(deadline_left_ms(ctx.deadline), 25000);
}

/* One that peerings do not lead to any more is forgotten when all have answered. */
static void
tgwvip_monitor_forgets_a_region_that_is_gone(void **state)
{
    static const struct tgwcache_regions before = {.names = {OSAKA, SINGAPORE}, .n = 2};
    struct fake *f = *state;
    RESOURCE t = resource();
    struct tgwcache_regions after;
    struct err e = {0};
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    tgwcache_put_regions(&ctx, &before);
    FAKE_SCRIPT(
        f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST, OSAKA_LEADS(PEER_TO),
        GIVES(SINGAPORE, "DescribeTransitGatewayRouteTables",
              "<R><transitGatewayRouteTables/></R>"),
        GIVES(SINGAPORE, "DescribeTransitGatewayAttachments", ATTACHMENTS("")),
        GIVES(SINGAPORE, "DescribeTransitGatewayPeeringAttachments", PEERINGS("")),
        GIVES(SINGAPORE, "DescribeRouteTables",
              "<DescribeRouteTablesResponse><routeTableSet/></DescribeRouteTablesResponse>"));
    assert_int_equal(monitor(&ctx, &t, &e), OCF_HERE);
    tgwcache_get_regions(&ctx, &after);
    assert_int_equal(after.n, 1);
    assert_string_equal(after.names[0], OSAKA);
}

/* Of its own region and of others, and not while they are silent. */
static void
tgwvip_monitor_misses_a_table_that_has_lost_its_route(void **state)
{
    static const char none[] =
        "<DescribeRouteTablesResponse><routeTableSet/></DescribeRouteTablesResponse>";
    static const struct {
        struct fake_rule osaka[2];
        enum ocf_verdict verdict;
        const char *text;
    } cases[] = {
        {{OSAKA_LEADS(PEER_TO)}, OCF_HERE, ""},
        {{HANGS(OSAKA)}, OCF_DEGRADED, OSAKA ": DescribeRouteTables: fake: no answer in time"},
        {{GIVES(OSAKA, "DescribeRouteTables", none),
          GIVES(OSAKA, "SearchTransitGatewayRoutes", ROUTE(PEER_TO))},
         OCF_DEGRADED,
         OSAKA ": " RTB_O ": had a route to " V4 "; validate-all tells what mends it"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_MONITOR);
        fake_script(f, cases[i].osaka, cases[i].osaka[1].url == NULL ? 1 : 2);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST);
        assert_int_equal(monitor(&ctx, &t, &e), cases[i].verdict);
        assert_int_equal(strncmp(e.text, cases[i].text, strlen(cases[i].text)), 0);
    }
}

/* --- what was left --------------------------------------------------------------------------- */

static void
tgwvip_finish_writes_what_was_left_and_nothing_else(void **state)
{
    static const struct {
        const char *name;
        const char *left;
        const char *shows; /* Osaka's TGW table */
        struct fake_rule write;
        enum ocf_verdict verdict;
        unsigned n_writes;
        const char *text;
        const char *left_after;
    } cases[] = {
        {"nothing was left", "", ROUTE(ATTACH_O), {0}, OCF_DEGRADED, 0, OSAKA ": " TGW_RTB_O, ""},
        {"a region that was silent",
         OSAKA "\n",
         ROUTE(ATTACH_O),
         {.status = 200, .answer = "<R/>"},
         OCF_HERE,
         1,
         "",
         ""},
        {"a route that shows what it showed",
         OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n",
         ROUTE(ATTACH_O),
         {.status = 200, .answer = "<R/>"},
         OCF_HERE,
         1,
         "",
         ""},
        {"a route that others have changed",
         OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n",
         ROUTE(ELSEWHERE),
         {0},
         OCF_DEGRADED,
         0,
         OSAKA ": " TGW_RTB_O ": " V4 " -> " ELSEWHERE,
         ""},
        {"a route that is right by now",
         OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n",
         ROUTE(PEER_TO),
         {0},
         OCF_HERE,
         0,
         "",
         ""},
        {"the answer to the write is lost",
         OSAKA "\n",
         ROUTE(ATTACH_O),
         {.takes_ms = 60000},
         OCF_DEGRADED,
         1,
         OSAKA ": " TGW_RTB_O ": ",
         OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n"},
        {"the write is denied",
         OSAKA "\n",
         ROUTE(ATTACH_O),
         {.status = 403, .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")},
         OCF_DEGRADED,
         1,
         OSAKA ": " TGW_RTB_O ": IAM denies ec2:ReplaceTransitGatewayRoute; allow it in",
         OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake_rule write = cases[i].write;
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        act(f, &ctx, OCF_OP_MONITOR);
        pending_drop(&ctx);
        if (cases[i].left[0] != '\0') {
            store(&ctx, cases[i].left);
        }
        write.url = "ec2." OSAKA ".";
        write.body = "Action=Replace";
        write.times = FAKE_ALWAYS;
        fake_script(f, &write, 1);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST,
                    GIVES(OSAKA, "DescribeRouteTables", TO_TGW(RTB_O, VPC_O, TGW_O)),
                    GIVES(OSAKA, "SearchTransitGatewayRoutes", cases[i].shows));
        assert_int_equal(monitor(&ctx, &t, &e), cases[i].verdict);
        assert_int_equal(n_with(f, "Action=Replace") > 0, cases[i].n_writes > 0);
        if (cases[i].verdict != OCF_HERE) {
            assert_int_equal(strncmp(e.text, cases[i].text, strlen(cases[i].text)), 0);
        }
        assert_left(&ctx, cases[i].left_after);
    }
}

/* While it is silent it is asked for a moment only, and what is known of it is kept. */
static void
tgwvip_finish_keeps_what_was_left_in_a_silent_region(void **state)
{
    static const char *const left[] = {OSAKA "\n", OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n"};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_MONITOR);
        store(&ctx, left[i]);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, HANGS(OSAKA));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
        assert_int_equal(strncmp(e.text, OSAKA ": ", strlen(OSAKA ": ")), 0);
        assert_left(&ctx, left[i]);
        assert_int_equal(deadline_left_ms(ctx.deadline), 28000);
    }
}

/*
 * A node that has just been booted knows only the regions that its own one leads to. What a silent
 * one of them leads to was left with it, and is found when it answers.
 */
static void
tgwvip_finish_writes_regions_behind_one_that_was_left(void **state)
{
    struct fake *f = *state;
    char told[4096];

    {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_START);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, HANGS(OSAKA));
        assert_int_equal(start(&ctx, &t, told, &e), 0);
        assert_left(&ctx, "*\n" OSAKA "\n");
    }
    {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        /* Osaka answers, and Singapore does not yet: what is known of it by now is kept. */
        act(f, &ctx, OCF_OP_MONITOR);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(ATTACH_O),
                    TAKES_WRITES(OSAKA), HANGS(SINGAPORE));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
        assert_int_equal(n_with(f, "TransitGatewayAttachmentId=" PEER_TO), 1);
        assert_left(&ctx, "*\n" SINGAPORE "\n");
    }
    {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_MONITOR);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(PEER_TO), SINGAPORE_IS,
                    SINGAPORE_LEADS(ATTACH_S), TAKES_WRITES(SINGAPORE));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_HERE);
        assert_int_equal(n_with(f, "TransitGatewayAttachmentId=" PEER_OS), 1);
        assert_left(&ctx, "");
    }
}

/* A reason says that validate-all tells more: it may be the first to find them. */
static void
tgwvip_finish_writes_regions_that_a_preflight_has_found(void **state)
{
    static const enum ocf_operation operations[] = {OCF_OP_START, OCF_OP_VALIDATE, OCF_OP_MONITOR};
    struct fake *f = *state;
    char told[4096];

    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, operations[i]);
        if (operations[i] == OCF_OP_START) {
            FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, HANGS(OSAKA));
            assert_int_equal(start(&ctx, &t, told, &e), 0);
            assert_left(&ctx, "*\n" OSAKA "\n");
            continue;
        }
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(ATTACH_O),
                    TAKES_WRITES(OSAKA), SINGAPORE_IS, SINGAPORE_LEADS(ATTACH_S),
                    TAKES_WRITES(SINGAPORE));
        if (operations[i] == OCF_OP_VALIDATE) {
            FAKE_SCRIPT(f, {.times = FAKE_ALWAYS, .status = 404});
            tgwvip_preflight(&ctx, &t);
            continue;
        }
        assert_int_equal(monitor(&ctx, &t, &e), OCF_HERE);
        assert_left(&ctx, "");
    }
}

/* Regions were named since the start: that it left what is beyond a silent one says nothing of
 * them. */
static void
tgwvip_finish_leaves_no_named_region_that_was_not_left(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    FAKENODE ctx;

    t.only = (struct param_ids){.items = {OSAKA, SINGAPORE}, .n = 2};
    act(f, &ctx, OCF_OP_MONITOR);
    store(&ctx, "*\n" OSAKA "\n");
    FAKE_SCRIPT(
        f, TOKYO_IS, TOKYO_IS_OURS, HANGS(OSAKA), SINGAPORE_IS,
        GIVES(SINGAPORE, "DescribeRouteTables",
              VPC_TABLE(RTB_S, VPC_S, "<networkInterfaceId>" FAKE_ANOTHER "</networkInterfaceId>")),
        GIVES(SINGAPORE, "SearchTransitGatewayRoutes", ROUTE(ATTACH_S)), TAKES_WRITES(SINGAPORE));
    assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
    assert_int_equal(n_with(f, "Action=Replace"), 0);
}

/* A region that was left is asked, also when the list of regions is lost and nothing leads there.
 */
static void
tgwvip_finish_asks_what_was_left_though_nothing_leads_there(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    store(&ctx, OSAKA "\n" SINGAPORE "\n");
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, HANGS(OSAKA), HANGS(SINGAPORE));
    assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
    /* Each that is silent is named. */
    assert_int_equal(strncmp(e.text, OSAKA ", " SINGAPORE ": ", strlen(OSAKA ", " SINGAPORE ": ")),
                     0);
    assert_left(&ctx, OSAKA "\n" SINGAPORE "\n");
}

/* A drift of the own region hides no region that is silent. */
static void
tgwvip_monitor_names_silent_regions_before_a_drift(void **state)
{
    static const char text[] = "no answer from " OSAKA "; " TOKYO ": " TGW_RTB_T ": ";
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_LEADS(FAKE_ENI, PEER_TO), HANGS(OSAKA));
    assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
    assert_int_equal(strncmp(e.text, text, strlen(text)), 0);
}

/* That something was left is known, and not what: after a full /run. */
static void
tgwvip_finish_after_a_full_disk_writes_every_other_region(void **state)
{
    static const struct pending everything = {.everything = true};
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    assert_int_equal(pending_store(&ctx, &everything, &e), 0);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(ATTACH_O),
                TAKES_WRITES(OSAKA), HANGS(SINGAPORE));
    assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
    assert_int_equal(n_with(f, "TransitGatewayAttachmentId=" PEER_TO), 1);
    assert_left(&ctx, "*\n" SINGAPORE "\n");
}

/* Nor is it known which regions a silent one leads to: they were left with all others. */
static void
tgwvip_finish_after_a_full_disk_writes_regions_behind_a_silent_one(void **state)
{
    static const struct pending everything = {.everything = true};
    struct fake *f = *state;

    for (size_t i = 0; i < 2; i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_MONITOR);
        if (i == 0) {
            assert_int_equal(pending_store(&ctx, &everything, &e), 0);
            FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, HANGS(OSAKA));
            assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
            assert_left(&ctx, "*\n" OSAKA "\n");
            continue;
        }
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(ATTACH_O),
                    TAKES_WRITES(OSAKA), SINGAPORE_IS, SINGAPORE_LEADS(ATTACH_S),
                    TAKES_WRITES(SINGAPORE));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_HERE);
        assert_left(&ctx, "");
    }
}

/* Who may have taken over in a region that is silent, and where nothing was left, is not known. */
static void
tgwvip_finish_waits_while_a_region_that_was_not_left_is_silent(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    store(&ctx, OSAKA "\n");
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(ATTACH_O),
                TAKES_WRITES(OSAKA), HANGS(SINGAPORE));
    assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
    assert_int_equal(strncmp(e.text, SINGAPORE ": ", strlen(SINGAPORE ": ")), 0);
    assert_int_equal(n_with(f, "Action=Replace"), 0);
    assert_left(&ctx, OSAKA "\n");
}

/* A read that lags behind this node's own write is no takeover by another: what was left is kept.
 */
static void
tgwvip_finish_waits_until_what_was_written_is_seen(void **state)
{
    static const struct {
        uint64_t ago_ms;
        bool kept;
    } cases[] = {{0, true}, {OCF_SETTLE_MS - 1000, true}, {OCF_SETTLE_MS, false}};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_MONITOR);
        store(&ctx, OSAKA "\n");
        ocf_time_note(&ctx, "tgw-wrote");
        f->mono_ms += cases[i].ago_ms;
        ctx.deadline.at_ms += cases[i].ago_ms;
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_LEADS_ON, OSAKA_LEADS(ATTACH_O), SINGAPORE_IS,
                    GIVES(SINGAPORE, "DescribeRouteTables", TO_TGW(RTB_S, VPC_S, "tgw-000000ff")),
                    GIVES(SINGAPORE, "SearchTransitGatewayRoutes", ROUTE(ATTACH_S)));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
        assert_int_equal(n_with(f, "Action=Replace"), 0);
        assert_left(&ctx, cases[i].kept ? OSAKA "\n" : "");
    }
}

/* Nothing is written over what another node has written, and nothing while that is not sure. */
static void
tgwvip_finish_writes_nothing_unless_the_rest_is_ours(void **state)
{
    static const struct {
        const char *name;
        const char *tokyo;
        const char *tokyo_tgw;
        const char *osaka;
        const char *singapore;
        const char *singapore_tgw;
        enum ocf_verdict verdict;
        bool kept;
    } cases[] = {
        {"own region leads to another node", TO_ENI(FAKE_ANOTHER), ROUTE(ATTACH_T), ROUTE(ATTACH_O),
         TO_TGW(RTB_S, VPC_S, TGW_S), ROUTE(PEER_OS), OCF_ELSEWHERE, false},
        {"own region in part", TO_ENI(FAKE_ENI), ROUTE(PEER_TO), ROUTE(ATTACH_O),
         TO_TGW(RTB_S, VPC_S, TGW_S), ROUTE(PEER_OS), OCF_DEGRADED, true},
        {"another region was taken over", TO_ENI(FAKE_ENI), ROUTE(ATTACH_T), ROUTE(ATTACH_O),
         TO_TGW(RTB_S, VPC_S, "tgw-000000ff"), ROUTE(ATTACH_S), OCF_DEGRADED, false},
        {"another region in part", TO_ENI(FAKE_ENI), ROUTE(ATTACH_T), ROUTE(ATTACH_O),
         TO_TGW(RTB_S, VPC_S, TGW_S), ROUTE(ATTACH_S), OCF_DEGRADED, true},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        act(f, &ctx, OCF_OP_MONITOR);
        store(&ctx, OSAKA "\n");
        FAKE_SCRIPT(f, TOKYO_IS, OSAKA_LEADS_ON, SINGAPORE_IS,
                    GIVES(TOKYO, "DescribeRouteTables", cases[i].tokyo),
                    GIVES(TOKYO, "SearchTransitGatewayRoutes", cases[i].tokyo_tgw),
                    GIVES(OSAKA, "DescribeRouteTables", TO_TGW(RTB_O, VPC_O, TGW_O)),
                    GIVES(OSAKA, "SearchTransitGatewayRoutes", cases[i].osaka),
                    GIVES(SINGAPORE, "DescribeRouteTables", cases[i].singapore),
                    GIVES(SINGAPORE, "SearchTransitGatewayRoutes", cases[i].singapore_tgw));
        assert_int_equal(monitor(&ctx, &t, &e), cases[i].verdict);
        assert_int_equal(n_with(f, "Action=Replace"), 0);
        assert_left(&ctx, cases[i].kept ? OSAKA "\n" : "");
    }
}

/* on_drift=repair: all at once, and each once. */
static void
tgwvip_apply_in_a_monitor_writes_each_route_once(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    struct fakenode_stderr caught;
    char told[4096];
    int rc = 0;
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_LEADS(FAKE_ENI, PEER_TO), OSAKA_IS_LAST, OSAKA_LEADS(ATTACH_O),
                TAKES_WRITES(TOKYO),
                {AT(OSAKA), .body = "Action=Replace", .times = FAKE_ALWAYS, .status = 400,
                 .answer = FAKE_EC2_ERROR("IncorrectState", "m")});
    assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
    fakenode_stderr_begin(&caught);
    rc = tgwvip_apply(&ctx, &t, &e);
    fakenode_stderr_end(&caught, told, sizeof(told));
    assert_int_equal(rc, 0);
    assert_int_equal(wave_of(f, TOKYO, "Action=Replace", false),
                     wave_of(f, OSAKA, "Action=Replace", true));
    assert_int_equal(n_with(f, "Action=Replace"), 2);
    assert_left(&ctx, OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n");
}

/* A region that is silent now is left by no start: it may be another node's by the time it answers.
 */
static void
tgwvip_apply_in_a_monitor_leaves_no_region_that_was_not_left(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    struct fakenode_stderr caught;
    char told[4096];
    int rc = 0;
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_LEADS(FAKE_ENI, PEER_TO), TAKES_WRITES(TOKYO), HANGS(OSAKA));
    assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
    fakenode_stderr_begin(&caught);
    rc = tgwvip_apply(&ctx, &t, &e);
    fakenode_stderr_end(&caught, told, sizeof(told));
    assert_int_equal(rc, 0);
    assert_int_equal(n_with(f, "Action=Replace"), 1);
    assert_left(&ctx, "");
}

/* An owner may be in a region that is silent: the own region is put right, and no other. */
static void
tgwvip_apply_in_a_monitor_writes_elsewhere_only_while_it_hears_all(void **state)
{
    struct fake *f = *state;
    RESOURCE t = resource();
    struct err e = {0};
    struct fakenode_stderr caught;
    char told[4096];
    int rc = 0;
    FAKENODE ctx;

    act(f, &ctx, OCF_OP_MONITOR);
    FAKE_SCRIPT(f, TOKYO_IS, TOKYO_LEADS(FAKE_ENI, PEER_TO), TAKES_WRITES(TOKYO), OSAKA_LEADS_ON,
                OSAKA_LEADS(ATTACH_O), HANGS(SINGAPORE));
    assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
    fakenode_stderr_begin(&caught);
    rc = tgwvip_apply(&ctx, &t, &e);
    fakenode_stderr_end(&caught, told, sizeof(told));
    assert_int_equal(rc, 0);
    assert_int_equal(n_with(f, "Action=Replace"), 1);
    assert_int_equal(n_with(f, "TransitGatewayAttachmentId=" ATTACH_T), 1);
    assert_left(&ctx, "");
}

/* It writes nothing there then, and what a start left is still to be written. */
static void
tgwvip_apply_in_a_monitor_keeps_what_was_left_while_it_does_not_hear_all(void **state)
{
    static const struct {
        const char *name;
        const char *left;
        const char *tokyo_tgw;
    } cases[] = {
        {"all of a region", OSAKA "\n", ROUTE(ATTACH_T)},
        {"a route", OSAKA " " TGW_RTB_O " " V4 " " ATTACH_O "\n", ROUTE(ATTACH_T)},
        {"and the own region is repaired", OSAKA "\n", ROUTE(PEER_TO)},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        struct fakenode_stderr caught;
        char told[4096];
        int rc = 0;
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        act(f, &ctx, OCF_OP_MONITOR);
        store(&ctx, cases[i].left);
        FAKE_SCRIPT(f, TOKYO_IS, GIVES(TOKYO, "DescribeRouteTables", TO_ENI(FAKE_ENI)),
                    GIVES(TOKYO, "SearchTransitGatewayRoutes", cases[i].tokyo_tgw),
                    TAKES_WRITES(TOKYO), OSAKA_LEADS_ON, OSAKA_LEADS(ATTACH_O), HANGS(SINGAPORE));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
        fakenode_stderr_begin(&caught);
        rc = tgwvip_apply(&ctx, &t, &e);
        fakenode_stderr_end(&caught, told, sizeof(told));
        assert_int_equal(rc, 0);
        assert_int_equal(n_with(f, "TransitGatewayAttachmentId=" PEER_TO), 0);
        assert_left(&ctx, cases[i].left);
    }
}

/* An attachment in the place of another is not in an inventory of minutes ago. */
static void
tgwvip_apply_in_a_monitor_goes_by_an_inventory_of_now(void **state)
{
    static const char new_peering[] =
        ATTACHMENTS(ATTACHMENT(ATTACH_O, TGW_O, "vpc", VPC_O, TGW_RTB_O)
                        ATTACHMENT("tgw-attach-000000ee", TGW_O, "peering", TGW_T, TGW_RTB_O));
    struct fake *f = *state;

    for (size_t i = 0; i < 2; i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_MONITOR);
        if (i == 0) { /* which keeps what it has read */
            FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST, OSAKA_LEADS(PEER_TO));
            assert_int_equal(monitor(&ctx, &t, &e), OCF_HERE);
            continue;
        }
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS,
                    GIVES(OSAKA, "DescribeTransitGatewayRouteTables", TABLES(TGW_RTB_O, TGW_O)),
                    GIVES(OSAKA, "DescribeTransitGatewayAttachments", new_peering),
                    GIVES(OSAKA, "DescribeTransitGatewayPeeringAttachments",
                          PEERINGS(PEERING(TGW_T, TOKYO, TGW_O, OSAKA))),
                    OSAKA_LEADS(ELSEWHERE), TAKES_WRITES(OSAKA));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
        assert_int_equal(tgwvip_apply(&ctx, &t, &e), 0);
        assert_int_equal(n_with(f, "Action=Replace"), 1);
        assert_int_equal(n_with(f, "TransitGatewayAttachmentId=tgw-attach-000000ee"), 1);
    }
}

/* What is read before it writes may show that another node has taken over since the look. */
static void
tgwvip_apply_in_a_monitor_takes_its_own_region_not_back(void **state)
{
    struct fake *f = *state;

    for (size_t i = 0; i < 2; i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        act(f, &ctx, OCF_OP_MONITOR);
        if (i == 0) { /* which keeps what it has read */
            FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST, OSAKA_LEADS(PEER_TO));
            assert_int_equal(monitor(&ctx, &t, &e), OCF_HERE);
            continue;
        }
        FAKE_SCRIPT(f, TOKYO_LEADS_FIRST(FAKE_ENI, PEER_TO), TOKYO_IS,
                    TOKYO_LEADS(FAKE_ANOTHER, PEER_TO), OSAKA_IS_LAST, OSAKA_LEADS(PEER_TO));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
        assert_int_equal(tgwvip_apply(&ctx, &t, &e), -ERR_CONFLICT);
        assert_string_equal(e.text, TOKYO ": leads here no more: not taken back by a monitor");
        assert_int_equal(n_with(f, "Action=Replace"), 0);
    }
}

/*
 * on_drift=repair takes nothing back from a node of another region, which has it for a reason: all
 * that a VPC has leads to an ENI there. One route of several is somebody's mistake.
 */
#define OSAKA_ENI "<networkInterfaceId>" FAKE_ANOTHER "</networkInterfaceId>"
#define OSAKA_TGW "<transitGatewayId>" TGW_O "</transitGatewayId>"

static void
tgwvip_apply_in_a_monitor_takes_nothing_back(void **state)
{
    static const struct {
        const char *name;
        const char *tables;
        const char *route;
        int code;
    } cases[] = {
        {"all of the region", VPC_TABLE(RTB_O, VPC_O, OSAKA_ENI), ROUTE(ATTACH_O), -ERR_CONFLICT},
        {"all of its VPC", VPC_TABLE(RTB_O, VPC_O, OSAKA_ENI), ROUTE(PEER_TO), -ERR_CONFLICT},
        {"one table of two",
         VPC_TABLES(ONE_TABLE(RTB_O, VPC_O, OSAKA_ENI, "active")
                        ONE_TABLE("rtb-000000b2", VPC_O, OSAKA_TGW, "active")),
         ROUTE(PEER_TO), 0},
        {"an ENI that is gone", VPC_TABLES(ONE_TABLE(RTB_O, VPC_O, OSAKA_ENI, "blackhole")),
         ROUTE(PEER_TO), 0},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RESOURCE t = resource();
        struct err e = {0};
        FAKENODE ctx;

        print_message("  %s\n", cases[i].name);
        act(f, &ctx, OCF_OP_MONITOR);
        FAKE_SCRIPT(f, TOKYO_IS, TOKYO_IS_OURS, OSAKA_IS_LAST,
                    GIVES(OSAKA, "DescribeRouteTables", cases[i].tables),
                    GIVES(OSAKA, "SearchTransitGatewayRoutes", cases[i].route),
                    TAKES_WRITES(OSAKA));
        assert_int_equal(monitor(&ctx, &t, &e), OCF_DEGRADED);
        assert_int_equal(tgwvip_apply(&ctx, &t, &e), cases[i].code);
        assert_int_equal(n_with(f, "Action=Replace"), cases[i].code < 0 ? 0 : 1);
        if (cases[i].code < 0) {
            assert_string_equal(e.text,
                                OSAKA ": leads to another node: not taken back by a monitor");
        }
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(tgwvip_start_own_region_first_in_four_and_three_round_trips),
        FAKE_TEST(tgwvip_start_of_what_is_ours_writes_nothing),
        FAKE_TEST(tgwvip_start_without_other_regions_needs_none),
        FAKE_TEST(tgwvip_start_leaves_a_silent_region_within_one_attempt),
        FAKE_TEST(tgwvip_start_leaves_all_of_a_silent_region_whatever_was_left_before),
        FAKE_TEST(tgwvip_left_a_region_whose_way_a_silent_one_knows),
        FAKE_TEST(tgwvip_start_leaves_a_region_that_takes_no_writes),
        FAKE_TEST(tgwvip_start_denied_to_read_another_region_is_a_success_with_a_warning),
        FAKE_TEST(tgwvip_start_fails_for_a_write_to_its_own_region),
        FAKE_TEST(tgwvip_start_without_a_route_in_its_vpc_tells_the_command),
        FAKE_TEST(tgwvip_start_with_a_propagated_route_is_a_success_with_a_warning),
        FAKE_TEST(tgwvip_start_finds_the_regions_behind_others),
        FAKE_TEST(tgwvip_start_works_in_the_regions_that_were_named),
        FAKE_TEST(tgwvip_probe_asks_its_own_region_and_writes_nothing),
        FAKE_TEST(tgwvip_look_own_region_silent_is_unknown),
        FAKE_TEST(tgwvip_monitor_one_round_trip_with_the_inventory_of_before),
        FAKE_TEST(tgwvip_monitor_reads_the_inventory_while_something_is_wrong),
        FAKE_TEST(tgwvip_monitor_tells_what_is_wrong_region_first),
        FAKE_TEST(tgwvip_monitor_knows_the_region_behind_a_silent_one),
        FAKE_TEST(tgwvip_monitor_asks_a_silent_region_once),
        FAKE_TEST(tgwvip_monitor_forgets_a_region_that_is_gone),
        FAKE_TEST(tgwvip_monitor_misses_a_table_that_has_lost_its_route),
        FAKE_TEST(tgwvip_finish_writes_what_was_left_and_nothing_else),
        FAKE_TEST(tgwvip_finish_keeps_what_was_left_in_a_silent_region),
        FAKE_TEST(tgwvip_finish_writes_regions_behind_one_that_was_left),
        FAKE_TEST(tgwvip_finish_writes_regions_that_a_preflight_has_found),
        FAKE_TEST(tgwvip_finish_leaves_no_named_region_that_was_not_left),
        FAKE_TEST(tgwvip_finish_asks_what_was_left_though_nothing_leads_there),
        FAKE_TEST(tgwvip_monitor_names_silent_regions_before_a_drift),
        FAKE_TEST(tgwvip_finish_after_a_full_disk_writes_every_other_region),
        FAKE_TEST(tgwvip_finish_after_a_full_disk_writes_regions_behind_a_silent_one),
        FAKE_TEST(tgwvip_finish_waits_while_a_region_that_was_not_left_is_silent),
        FAKE_TEST(tgwvip_finish_waits_until_what_was_written_is_seen),
        FAKE_TEST(tgwvip_finish_writes_nothing_unless_the_rest_is_ours),
        FAKE_TEST(tgwvip_apply_in_a_monitor_writes_each_route_once),
        FAKE_TEST(tgwvip_apply_in_a_monitor_leaves_no_region_that_was_not_left),
        FAKE_TEST(tgwvip_apply_in_a_monitor_writes_elsewhere_only_while_it_hears_all),
        FAKE_TEST(tgwvip_apply_in_a_monitor_keeps_what_was_left_while_it_does_not_hear_all),
        FAKE_TEST(tgwvip_apply_in_a_monitor_goes_by_an_inventory_of_now),
        FAKE_TEST(tgwvip_apply_in_a_monitor_takes_its_own_region_not_back),
        FAKE_TEST(tgwvip_apply_in_a_monitor_takes_nothing_back),
    };

    return cmocka_run_group_tests_name("tgwvip", tests, NULL, NULL);
}
