/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "tgwback.h"
#include "tgwworld.h"

/* A node in Tokyo, a client in Osaka, and a TGW in each. */
#define TOKYO "ap-northeast-1"
#define OSAKA "ap-northeast-3"

#define V4        "10.1.0.10/32"
#define NETWORK   "10.2.0.0/16"
#define NETWORK6  "2001:db8:102::/56"
#define RTB_T     "rtb-0000000a"
#define RTB_O     "rtb-0000000b"
#define VPC_O     "vpc-0000000b"
#define TGW_T     "tgw-0000000a"
#define TGW_O     "tgw-0000000b"
#define TGW_RTB_T "tgw-rtb-0000000a"
#define TGW_RTB_O "tgw-rtb-0000000b"
#define ATTACH_T  "tgw-attach-0000000a"
#define ATTACH_O  "tgw-attach-0000000b"
#define PEER      "tgw-attach-000000ab"
#define CLIENT    NETWORK " of " VPC_O " (" OSAKA ")"

#define ITEM(destination, kind, target)                                                            \
    "<item><destinationCidrBlock>" destination "</destinationCidrBlock><" kind ">" target          \
    "</" kind "><state>active</state></item>"
#define ITEM6(destination, kind, target)                                                           \
    "<item><destinationIpv6CidrBlock>" destination "</destinationIpv6CidrBlock><" kind ">" target  \
    "</" kind "><state>active</state></item>"
#define TABLE(id, vpc, items)                                                                      \
    "<DescribeRouteTablesResponse><routeTableSet><item><routeTableId>" id                          \
    "</routeTableId><vpcId>" vpc "</vpcId><routeSet>" items                                        \
    "</routeSet></item></routeTableSet></DescribeRouteTablesResponse>"
#define NO_TABLE "<DescribeRouteTablesResponse><routeTableSet/></DescribeRouteTablesResponse>"
#define LOCAL_T  ITEM("10.0.0.0/16", "gatewayId", "local")
#define LEADS_TO(attachment)                                                                       \
    "<transitGatewayAttachments><item><transitGatewayAttachmentId>" attachment                     \
    "</transitGatewayAttachmentId></item></transitGatewayAttachments>"
#define ROUTE(destination, attachment, state)                                                      \
    "<R><routeSet><item><destinationCidrBlock>" destination                                        \
    "</destinationCidrBlock>" LEADS_TO(attachment) "<type>static</type><state>" state              \
                                                   "</state></item></routeSet></R>"
#define LEADS(attachment) ROUTE(NETWORK, attachment, "active")
#define NOWHERE           "<R><routeSet/></R>"

#define AT(region) .url = "ec2." region "."

static void
make_world(struct tgwworld *w)
{
    struct addr vip;
    size_t tokyo = 0;
    size_t osaka = 0;

    memset(w, 0, sizeof(*w));
    tokyo = tgwworld_region(w, TOKYO);
    osaka = tgwworld_region(w, OSAKA);
    assert_true(addr_parse_cidr(V4, &vip));
    (void)tgwworld_table(w, tokyo, TGW_RTB_T, TGW_T);
    (void)tgwworld_table(w, osaka, TGW_RTB_O, TGW_O);
    (void)tgwworld_attach(w, tokyo, ATTACH_T, TGW_T, TGW_VPC, FAKE_VPC, TGW_RTB_T);
    (void)tgwworld_attach(w, tokyo, PEER, TGW_T, TGW_PEERING, TGW_O, TGW_RTB_T);
    (void)tgwworld_attach(w, osaka, ATTACH_O, TGW_O, TGW_VPC, VPC_O, TGW_RTB_O);
    (void)tgwworld_attach(w, osaka, PEER, TGW_O, TGW_PEERING, TGW_T, TGW_RTB_O);
    (void)tgwworld_vpc_route(tgwworld_vpc_table(w, tokyo, RTB_T, FAKE_VPC), &vip, FAKE_ENI);
    (void)tgwworld_vpc_route(tgwworld_vpc_table(w, osaka, RTB_O, VPC_O), &vip, TGW_O);
}

/* The findings, and the worst of them in *ret_code. */
static void
preflight(struct fake *f, struct tgwworld *w, char told[4096], int *ret_code)
{
    static const struct ocf_agent agent = {.meta = {.name = "transit-gateway-vip"}};
    static const struct node_nic nic = {.vpc_id = FAKE_VPC, .subnet_id = FAKE_SUBNET};
    struct param_addresses addresses = {.n = 1};
    struct aws_session sessions[2] = {f->session, f->session};
    struct aws_session *by_region[] = {&sessions[0], &sessions[1]};
    struct tgwback b = {.regions = w->regions,
                        .n_regions = w->n,
                        .sessions = by_region,
                        .nic = &nic,
                        .addresses = &addresses};
    struct fakenode_stderr caught;
    FAKENODE ctx;

    sessions[1].region = OSAKA;
    assert_true(addr_parse("10.1.0.10", &addresses.items[0]));
    fakenode_init(f, &ctx, &agent);
    ctx.operation = OCF_OP_VALIDATE;
    fakenode_stderr_begin(&caught);
    tgwback_preflight(&ctx, &b);
    fakenode_stderr_end(&caught, told, 4096);
    *ret_code = ctx.worst_finding;
}

static void
tgwback_preflight_follows_the_way_to_each_client(void **state)
{
    static const struct {
        const char *name;
        const char *own;   /* of the table of the node's subnet */
        const char *tokyo; /* what its TGW table says; NULL: not asked */
        const char *osaka;
        int code;
        const char *told;
        const char *command; /* ends the line; NULL: none */
    } cases[] = {
        {"all the way", ITEM(NETWORK, "transitGatewayId", TGW_T), LEADS(PEER), LEADS(ATTACH_O), 0,
         "ok: " TOKYO ": answers reach " CLIENT "\n", NULL},
        {"by a wider route", ITEM("10.0.0.0/8", "transitGatewayId", TGW_T),
         ROUTE("10.0.0.0/8", PEER, "active"), LEADS(ATTACH_O), 0,
         "ok: " TOKYO ": answers reach " CLIENT "\n", NULL},
        {"by routes of its parts",
         ITEM("10.2.0.0/17", "transitGatewayId", TGW_T)
             ITEM("10.2.128.0/17", "transitGatewayId", TGW_T),
         LEADS(PEER), LEADS(ATTACH_O), 0, "ok: ", NULL},
        {"no route in the VPC", "", NULL, NULL, 1,
         "ERROR: " TOKYO ": " RTB_T ": no route to " CLIENT,
         "aws ec2 create-route --region " TOKYO " --route-table-id " RTB_T
         " --destination-cidr-block " NETWORK " --transit-gateway-id " TGW_T "\n"},
        {"to the internet", ITEM("0.0.0.0/0", "gatewayId", "igw-0000000a"), NULL, NULL, 1,
         "ERROR: " TOKYO ": " RTB_T ": a route elsewhere to " CLIENT,
         "--transit-gateway-id " TGW_T "\n"},
        {"by a peering of the VPCs", ITEM(NETWORK, "vpcPeeringConnectionId", "pcx-0000000a"), NULL,
         NULL, 0, "", NULL},
        {"no route in the first TGW", ITEM(NETWORK, "transitGatewayId", TGW_T), NOWHERE, NULL, 1,
         "ERROR: " TOKYO ": " TGW_RTB_T ": no route to " CLIENT,
         "aws ec2 create-transit-gateway-route --region " TOKYO
         " --transit-gateway-route-table-id " TGW_RTB_T " --destination-cidr-block " NETWORK
         " --transit-gateway-attachment-id " PEER "\n"},
        {"no route in the second TGW", ITEM(NETWORK, "transitGatewayId", TGW_T), LEADS(PEER),
         NOWHERE, 1, "ERROR: " OSAKA ": " TGW_RTB_O ": no route to " CLIENT,
         "--transit-gateway-attachment-id " ATTACH_O "\n"},
        {"a blackhole", ITEM(NETWORK, "transitGatewayId", TGW_T), ROUTE(NETWORK, PEER, "blackhole"),
         NULL, 1, "ERROR: " TOKYO ": " TGW_RTB_T ": a blackhole to " CLIENT, PEER "\n"},
        {"to another VPC", ITEM(NETWORK, "transitGatewayId", TGW_T), LEADS(ATTACH_T), NULL, 1,
         "ERROR: " TOKYO ": " TGW_RTB_T ": a route elsewhere to " CLIENT, PEER "\n"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct tgwworld w;
        char own[2048];
        char told[4096];
        int code = 0;

        print_message("  %s\n", cases[i].name);
        make_world(&w);
        f->n_rules = 0;
        memset(f->used, 0, sizeof(f->used));
        (void)snprintf(own, sizeof(own), TABLE(RTB_T, FAKE_VPC, LOCAL_T "%s"), cases[i].own);
        FAKE_SCRIPT(f,
                    {AT(OSAKA), .body = "RouteTableId.1=" RTB_O, .status = 200,
                     .answer = TABLE(RTB_O, VPC_O,
                                     ITEM(NETWORK, "gatewayId", "local")
                                         ITEM6(NETWORK6, "gatewayId", "local")
                                             ITEM(V4, "transitGatewayId", TGW_O))},
                    {AT(TOKYO),
                     .body = "Filter.2.Name=association.subnet-id&Filter.2.Value.1=" FAKE_SUBNET,
                     .status = 200, .answer = own});
        if (cases[i].tokyo != NULL) {
            FAKE_SCRIPT(f, {AT(TOKYO), .body = "Filter.1.Value.1=10.2.0.0%2F32", .status = 200,
                            .answer = cases[i].tokyo});
        }
        if (cases[i].osaka != NULL) {
            FAKE_SCRIPT(f, {AT(OSAKA), .body = "Filter.1.Name=route-search.longest-prefix-match",
                            .status = 200, .answer = cases[i].osaka});
        }
        preflight(f, &w, told, &code);
        assert_int_equal(code, cases[i].code);
        assert_int_equal(strncmp(told, cases[i].told, strlen(cases[i].told)), 0);
        assert_true(cases[i].told[0] != '\0' || told[0] == '\0');
        if (cases[i].command != NULL) {
            assert_non_null(strstr(told, cases[i].command));
        }
    }
}

/* The main table of the VPC is that of a subnet that has none of its own. */
static void
tgwback_preflight_by_the_main_table(void **state)
{
    struct fake *f = *state;
    struct tgwworld w;
    char told[4096];
    int code = 0;

    make_world(&w);
    FAKE_SCRIPT(f,
                {AT(OSAKA), .status = 200,
                 .answer = TABLE(RTB_O, VPC_O, ITEM(NETWORK, "gatewayId", "local"))},
                {AT(TOKYO), .body = "association.subnet-id", .status = 200, .answer = NO_TABLE},
                {AT(TOKYO), .body = "Filter.2.Name=association.main&Filter.2.Value.1=true",
                 .status = 200, .answer = TABLE(RTB_T, FAKE_VPC, LOCAL_T)});
    preflight(f, &w, told, &code);
    assert_int_equal(code, 1);
    assert_non_null(strstr(told, RTB_T ": no route to " CLIENT));
}

static void
tgwback_preflight_without_clients_asks_nothing(void **state)
{
    struct fake *f = *state;
    struct tgwworld w;
    char told[4096];
    int code = 0;

    make_world(&w);
    w.regions[1].vpc_tables.n = 0;
    preflight(f, &w, told, &code);
    assert_int_equal(f->n_requests, 0);
    assert_string_equal(told, "");
    make_world(&w);
    w.regions[1].answered = false; /* told elsewhere */
    preflight(f, &w, told, &code);
    assert_int_equal(f->n_requests, 0);
    assert_string_equal(told, "");
}

/* What cannot be asked is told, and the rest is looked at. */
static void
tgwback_preflight_tells_what_it_could_not_ask(void **state)
{
    static const char denied[] = FAKE_EC2_ERROR("UnauthorizedOperation", "m");
    struct fake *f = *state;
    struct tgwworld w;
    char told[4096];
    int code = 0;

    make_world(&w);
    FAKE_SCRIPT(f, {AT(OSAKA), .status = 403, .answer = denied});
    preflight(f, &w, told, &code);
    assert_int_equal(code, 4);
    assert_non_null(strstr(told, "ERROR: " OSAKA ": IAM denies ec2:DescribeRouteTables"));
    f->n_rules = 0;
    memset(f->used, 0, sizeof(f->used));
    FAKE_SCRIPT(f,
                {AT(OSAKA), .status = 200,
                 .answer = TABLE(RTB_O, VPC_O, ITEM(NETWORK, "gatewayId", "local"))},
                {AT(TOKYO), .body = "Action=DescribeRouteTables", .status = 200,
                 .answer = TABLE(RTB_T, FAKE_VPC, ITEM(NETWORK, "transitGatewayId", TGW_T))},
                {AT(TOKYO), .status = 403, .answer = denied});
    preflight(f, &w, told, &code);
    assert_int_equal(code, 4);
    assert_non_null(strstr(told, "ERROR: " TOKYO ": IAM denies ec2:SearchTransitGatewayRoutes"));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(tgwback_preflight_follows_the_way_to_each_client),
        FAKE_TEST(tgwback_preflight_by_the_main_table),
        FAKE_TEST(tgwback_preflight_without_clients_asks_nothing),
        FAKE_TEST(tgwback_preflight_tells_what_it_could_not_ask),
    };

    return cmocka_run_group_tests_name("tgwback", tests, NULL, NULL);
}
