/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "routeplan.h"

#define OURS  "eni-0123456789abcdef0"
#define OTHER "eni-00000000"
#define VPC   "vpc-00000001"
#define A     "rtb-0000000a"
#define B     "rtb-0000000b"
#define C     "rtb-0000000c"
#define V4    "10.1.0.10/32"
#define V6    "2001:db8::1/128"

#define FINE "<R><return>true</return></R>"

static struct addr
cidr(const char *text)
{
    struct addr a;

    assert_true(addr_parse_cidr(text, &a));
    return a;
}

/* A table in a case: its id, and up to three routes as "DESTINATION", "TARGET" or "TARGET!". */
struct table_case {
    const char *id;
    const char *routes[3][2]; /* a target ending in '!' is a blackhole */
};

struct world {
    struct ec2_route_table tables[4];
    struct ec2_route routes[4][3];
    struct ec2_route_tables all;
    struct addr destinations[4];
    struct routeplan_input in;
};

static void
make_world(struct world *w, const struct table_case tables[4], const char *const destinations[4])
{
    *w = (struct world){.all = {.tables = w->tables}};
    w->in = (struct routeplan_input){
        .tables = &w->all, .destinations = w->destinations, .eni_id = OURS};
    for (; w->all.n < 4 && tables[w->all.n].id != NULL; w->all.n++) {
        const struct table_case *c = &tables[w->all.n];
        struct ec2_route_table *t = &w->tables[w->all.n];

        t->routes = w->routes[w->all.n];
        (void)snprintf(t->id, sizeof(t->id), "%s", c->id);
        for (; t->n_routes < 3 && c->routes[t->n_routes][0] != NULL; t->n_routes++) {
            struct ec2_route *r = &t->routes[t->n_routes];
            const char *target = c->routes[t->n_routes][1];
            size_t len = strcspn(target, "!");

            r->destination = cidr(c->routes[t->n_routes][0]);
            r->blackhole = target[len] == '!';
            (void)snprintf(r->target, sizeof(r->target), "%.*s", (int)len, target);
        }
    }
    for (; w->in.n_destinations < 4 && destinations[w->in.n_destinations] != NULL;
         w->in.n_destinations++) {
        w->destinations[w->in.n_destinations] = cidr(destinations[w->in.n_destinations]);
    }
}

static void
routeplan_make_table_of_cases(void **state)
{
    static const struct {
        const char *name;
        struct table_case tables[4];
        const char *destinations[4];
        bool every_table;
        bool create;
        bool again;
        enum ocf_verdict verdict;
        size_t n_ours;
        size_t n_dead;
        size_t n_others;
        size_t n_missing;
        const char *text;
        const char *changes[4]; /* "TABLE DESTINATION" or "TABLE DESTINATION new" */
    } cases[] = {
        {.name = "one table, ours",
         .tables = {{A, {{V4, OURS}}}},
         .destinations = {V4},
         .verdict = OCF_HERE,
         .n_ours = 1,
         .text = ""},
        {.name = "two tables, ours",
         .tables = {{A, {{V4, OURS}}}, {B, {{V4, OURS}}}},
         .destinations = {V4},
         .verdict = OCF_HERE,
         .n_ours = 2,
         .text = ""},
        {.name = "another node's",
         .tables = {{A, {{V4, OTHER}}}},
         .destinations = {V4},
         .verdict = OCF_ELSEWHERE,
         .n_others = 1,
         .text = A ": " V4 " -> " OTHER,
         .changes = {A " " V4}},
        {.name = "another node's, dead",
         .tables = {{A, {{V4, OTHER "!"}}}},
         .destinations = {V4},
         .verdict = OCF_ELSEWHERE,
         .n_others = 1,
         .text = A ": " V4 " -> " OTHER " (blackhole)",
         .changes = {A " " V4}},
        {.name = "ours, dead",
         .tables = {{A, {{V4, OURS "!"}}}},
         .destinations = {V4},
         .verdict = OCF_DEGRADED,
         .n_dead = 1,
         .text = A ": " V4 " -> " OURS " (blackhole)",
         .changes = {A " " V4}},
        {.name = "to nothing",
         .tables = {{A, {{V4, "!"}}}},
         .destinations = {V4},
         .verdict = OCF_ELSEWHERE,
         .n_others = 1,
         .text = A ": " V4 " -> nothing (blackhole)",
         .changes = {A " " V4}},
        {.name = "some ours, some not",
         .tables = {{A, {{V4, OURS}}}, {B, {{V4, OTHER}}}, {C, {{V4, "igw-1"}}}},
         .destinations = {V4},
         .verdict = OCF_DEGRADED,
         .n_ours = 1,
         .n_others = 2,
         .text = B ": " V4 " -> " OTHER " (and 1 more)",
         .changes = {B " " V4, C " " V4}},
        {.name = "no table found",
         .destinations = {V4},
         .verdict = OCF_ABSENT,
         .n_missing = 1,
         .text = "no route table: " V4 " has a route"},
        {.name = "no table found, creating does not know where",
         .destinations = {V4},
         .create = true,
         .verdict = OCF_ABSENT,
         .n_missing = 1,
         .text = "no route table: " V4 " has a route"},
        {.name = "found by one address, not by the other",
         .tables = {{A, {{V4, OURS}}}},
         .destinations = {V4, V6},
         .verdict = OCF_DEGRADED,
         .n_ours = 1,
         .n_missing = 1,
         .text = "no route table: " V6 " has a route"},
        {.name = "each address in a table of its own",
         .tables = {{A, {{V4, OURS}}}, {B, {{V6, OURS}}}},
         .destinations = {V4, V6},
         .verdict = OCF_HERE,
         .n_ours = 2,
         .text = ""},
        {.name = "named table without the route",
         .tables = {{A, {{V4, OURS}}}, {B, {{NULL, NULL}}}},
         .destinations = {V4},
         .every_table = true,
         .verdict = OCF_DEGRADED,
         .n_ours = 1,
         .n_missing = 1,
         .text = B ": " V4 " has no route"},
        {.name = "named tables, all without the route",
         .tables = {{A, {{NULL, NULL}}}, {B, {{NULL, NULL}}}},
         .destinations = {V4},
         .every_table = true,
         .verdict = OCF_ABSENT,
         .n_missing = 2,
         .text = A ": " V4 " has no route (and 1 more)"},
        {.name = "named tables, creating",
         .tables = {{A, {{V4, OTHER}}}, {B, {{NULL, NULL}}}},
         .destinations = {V4, V6},
         .every_table = true,
         .create = true,
         .verdict = OCF_ELSEWHERE,
         .n_others = 1,
         .n_missing = 3,
         .text = A ": " V4 " -> " OTHER " (and 3 more)",
         .changes = {A " " V4, B " " V4 " new", A " " V6 " new", B " " V6 " new"}},
        {.name = "a network and an address of it are two destinations",
         .tables = {{A, {{"10.1.0.0/24", OTHER}, {"10.1.0.1/32", OURS}}}},
         .destinations = {"10.1.0.1/32"},
         .verdict = OCF_HERE,
         .n_ours = 1,
         .text = ""},
        {.name = "a longer id that begins like ours",
         .tables = {{A, {{V4, OURS "0"}}}},
         .destinations = {V4},
         .verdict = OCF_ELSEWHERE,
         .n_others = 1,
         .text = A ": " V4 " -> " OURS "0",
         .changes = {A " " V4}},
        {.name = "what is here already is written again",
         .tables = {{A, {{V4, OURS}}}, {B, {{V4, OTHER}}}, {C, {{V4, OURS "!"}}}},
         .destinations = {V4},
         .again = true,
         .verdict = OCF_DEGRADED,
         .n_ours = 1,
         .n_dead = 1,
         .n_others = 1,
         .text = B ": " V4 " -> " OTHER " (and 1 more)",
         .changes = {A " " V4 " again", B " " V4, C " " V4}},
        {.name = "nothing asked for", .verdict = OCF_HERE, .text = ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OCF_CLEANUP(routeplan_done) struct routeplan p = {.n_ours = 9};
        struct world w;
        size_t n = 0;

        print_message("  %s\n", cases[i].name);
        make_world(&w, cases[i].tables, cases[i].destinations);
        w.in.every_table = cases[i].every_table;
        w.in.create = cases[i].create;
        w.in.again = cases[i].again;
        assert_int_equal(routeplan_make(&w.in, &p), 0);
        assert_int_equal(p.n_ours, cases[i].n_ours);
        assert_int_equal(p.n_dead, cases[i].n_dead);
        assert_int_equal(p.n_others, cases[i].n_others);
        assert_int_equal(p.n_missing, cases[i].n_missing);
        assert_string_equal(p.text, cases[i].text);
        assert_int_equal(routeplan_verdict(&p), cases[i].verdict);
        for (; n < 4 && cases[i].changes[n] != NULL; n++) {
            char text[ADDR_TEXT_MAX];
            char what[128];

            assert_true(n < p.n_changes);
            (void)snprintf(what, sizeof(what), "%s %s%s%s", p.changes[n].table_id,
                           addr_cidr_text(&p.changes[n].destination, text),
                           p.changes[n].create ? " new" : "", p.changes[n].again ? " again" : "");
            assert_string_equal(what, cases[i].changes[n]);
            assert_string_equal(p.changes[n].target, OURS);
        }
        assert_int_equal(p.n_changes, n);
    }
}

/* --- with AWS ------------------------------------------------------------------------------- */

/* A context whose session is the fake's; its HTTP is never used. */
static struct ocf_ctx
context(struct fake *f)
{
    static const struct ocf_agent agent = {.meta = {.name = "route-table-vip"}};
    static const struct aws_params params;
    static char http;

    return (struct ocf_ctx){.agent = &agent,
                            .instance = "vip",
                            .cache = f->cache,
                            .aws_params = &params,
                            .operation = OCF_OP_START,
                            .deadline = fake_deadline(f, 30000),
                            .http = (struct http *)(void *)&http,
                            .transport = f->transport,
                            .session = f->session};
}

static struct node_nic
our_nic(void)
{
    return (struct node_nic){.eni_id = OURS, .vpc_id = VPC};
}

static struct param_addresses
addresses(const char *first, const char *second)
{
    struct param_addresses list = {.n = second == NULL ? 1 : 2};

    list.items[0] = cidr(first);
    if (second != NULL) {
        list.items[1] = cidr(second);
    }
    return list;
}

#define TABLE(id, routes)                                                                          \
    "<item><routeTableId>" id "</routeTableId><vpcId>" VPC "</vpcId><routeSet>" routes             \
    "</routeSet></item>"
#define ROUTE(target)                                                                              \
    "<item><destinationCidrBlock>" V4 "</destinationCidrBlock><networkInterfaceId>" target         \
    "</networkInterfaceId><state>active</state></item>"
#define TABLES(tables)                                                                             \
    "<DescribeRouteTablesResponse><routeTableSet>" tables                                          \
    "</routeTableSet></DescribeRouteTablesResponse>"

static void
routeplan_read_discovers_tables_in_one_call(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(routeplan_done) struct routeplan p = {.n_ours = 0};
    static const struct param_ids none;
    struct param_addresses destinations = addresses(V4, NULL);
    struct node_nic nic = our_nic();
    struct ocf_ctx ctx = context(f);
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.body = "Filter.1.Value.1=" VPC,
                 .status = 200,
                 .answer = TABLES(TABLE(A, ROUTE(OURS)) TABLE(B, ROUTE(OTHER)))},
                {.status = 200, .answer = TABLES(TABLE(A, ROUTE(OURS)))});
    assert_int_equal(routeplan_read(&ctx, &nic, &none, &destinations, false, &p, &e), 0);
    assert_int_equal(f->n_requests, 1);
    assert_int_equal(p.n_ours, 1);
    assert_int_equal(p.n_others, 1);
    /* The plan before is replaced. */
    assert_int_equal(routeplan_read(&ctx, &nic, &none, &destinations, false, &p, &e), 0);
    assert_int_equal(p.n_ours, 1);
    assert_int_equal(p.n_others, 0);
    assert_int_equal(routeplan_verdict(&p), OCF_HERE);
}

/* A table that is found by its route is missed when it has lost it; one that was named is told. */
static void
routeplan_read_misses_the_table_that_has_lost_its_route(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(routeplan_done) struct routeplan p = {.n_ours = 0};
    static const struct param_ids none;
    struct param_addresses destinations = addresses(V4, NULL);
    struct node_nic nic = our_nic();
    struct ocf_ctx ctx = context(f);
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200, .answer = TABLES(TABLE(A, ROUTE(OURS)) TABLE(B, ROUTE(OURS)))},
                {.times = 2, .status = 200, .answer = TABLES(TABLE(A, ROUTE(OURS)))},
                {.times = 2, .status = 200, .answer = TABLES("")});
    assert_int_equal(routeplan_read(&ctx, &nic, &none, &destinations, false, &p, &e), 0);
    assert_int_equal(routeplan_verdict(&p), OCF_HERE);
    ctx.operation = OCF_OP_MONITOR;
    assert_int_equal(routeplan_read(&ctx, &nic, &none, &destinations, false, &p, &e), 0);
    assert_int_equal(routeplan_verdict(&p), OCF_DEGRADED);
    assert_string_equal(p.text, B
                        ": had a route to " V4
                        ": create it, or if that is meant crm_resource --force-start on this node");
    /* Nothing keeps the others from being written. */
    assert_int_equal(p.n_missing + p.n_changes, 0);
    ctx.operation = OCF_OP_PROBE;
    assert_int_equal(routeplan_read(&ctx, &nic, &none, &destinations, false, &p, &e), 0);
    assert_int_equal(routeplan_verdict(&p), OCF_HERE);
    /* Without any there is no address, whatever was there. */
    ctx.operation = OCF_OP_MONITOR;
    assert_int_equal(routeplan_read(&ctx, &nic, &none, &destinations, false, &p, &e), 0);
    assert_int_equal(routeplan_verdict(&p), OCF_ABSENT);
    ctx.operation = OCF_OP_START;
    assert_int_equal(routeplan_read(&ctx, &nic, &none, &destinations, false, &p, &e), 0);
    assert_int_equal(p.lost.n, 0);
}

static void
routeplan_read_named_tables_need_every_route(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(routeplan_done) struct routeplan p = {.n_ours = 0};
    struct param_ids ids = {.items = {A, B}, .n = 2};
    struct param_addresses destinations = addresses(V4, NULL);
    struct node_nic nic = our_nic();
    struct ocf_ctx ctx = context(f);
    struct err e = {0};

    FAKE_SCRIPT(f, {.body = "RouteTableId.2=" B,
                    .status = 200,
                    .answer = TABLES(TABLE(A, ROUTE(OURS)) TABLE(B, ""))});
    assert_int_equal(routeplan_read(&ctx, &nic, &ids, &destinations, true, &p, &e), 0);
    assert_int_equal(p.n_missing, 1);
    assert_string_equal(p.missing[0].table_id, B);
    assert_int_equal(p.n_changes, 1);
    assert_true(p.changes[0].create);
}

static void
routeplan_read_fails_keeps_the_plan_before(void **state)
{
    struct fake *f = *state;
    struct routeplan p = {.n_ours = 9};
    struct param_ids ids = {.items = {A}, .n = 1};
    struct param_addresses destinations = addresses(V4, NULL);
    struct node_nic nic = our_nic();
    struct ocf_ctx ctx = context(f);
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 400, .answer = FAKE_EC2_ERROR("InvalidRouteTableID.NotFound", "m")});
    assert_int_equal(routeplan_read(&ctx, &nic, &ids, &destinations, false, &p, &e),
                     -ERR_NOT_FOUND);
    assert_int_equal(e.code, -ERR_NOT_FOUND);
    assert_int_equal(p.n_ours, 9);
}

/* A plan for three tables, of which each has to be written. */
static struct routeplan
plan_of_three(struct world *w)
{
    static const struct table_case tables[4] = {
        {A, {{V4, OTHER}}}, {B, {{V4, OTHER}}}, {C, {{V4, OTHER}}}};
    static const char *const destinations[4] = {V4};
    struct routeplan p;

    make_world(w, tables, destinations);
    assert_int_equal(routeplan_make(&w->in, &p), 0);
    return p;
}

static void
routeplan_apply_outcomes_of_three_writes(void **state)
{
    static const char denied[] = FAKE_EC2_ERROR("UnauthorizedOperation", "m");
    static const char gone[] =
        FAKE_EC2_ERROR("InvalidParameterValue", "There is no route defined for");
    static const struct {
        const char *name;
        struct fake_rule rules[3]; /* for A, B and C */
        int code;
        const char *text; /* the beginning */
    } cases[] = {
        {"all written", {{.status = 200}, {.status = 200}, {.status = 200}}, 0, ""},
        {"one denied",
         {{.status = 200}, {.status = 403, .answer = denied}, {.status = 200}},
         -ERR_REJECTED,
         B " (1 of 3 routes failed): ReplaceRoute: UnauthorizedOperation"},
        {"all denied",
         {{.status = 403, .answer = denied},
          {.status = 403, .answer = denied},
          {.status = 403, .answer = denied}},
         -ERR_DENIED,
         A " (3 of 3 routes failed): ReplaceRoute: UnauthorizedOperation"},
        {"one answer lost",
         {{.status = 200}, {.error = ERR_NETWORK, .sent = true}, {.status = 200}},
         -ERR_UNCERTAIN,
         B ": ReplaceRoute: "},
        {"one route went meanwhile",
         {{.status = 200}, {.status = 400, .answer = gone}, {.status = 200}},
         -ERR_UNCERTAIN,
         B ": ReplaceRoute: InvalidParameterValue"},
        {"one lost, one denied",
         {{.error = ERR_NETWORK, .sent = true}, {.status = 200}, {.status = 403, .answer = denied}},
         -ERR_REJECTED,
         C " (1 of 3 routes failed)"},
        {"unusable answer",
         {{.status = 200}, {.status = 200}, {.status = 200, .answer = "<html>"}},
         -ERR_UNCERTAIN,
         C ": ReplaceRoute: "},
    };
    static const char *const tables[] = {A, B, C};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        OCF_CLEANUP(routeplan_done) struct routeplan p = plan_of_three(&w);
        const struct route_params params = {.create_routes = false};
        struct ocf_ctx ctx = context(f);
        struct err e = {0};
        size_t before = f->n_requests;

        print_message("  %s\n", cases[i].name);
        for (size_t k = 0; k < 3; k++) {
            struct fake_rule rule = cases[i].rules[k];

            rule.body = tables[k];
            if (rule.status == 200 && rule.answer == NULL) {
                rule.answer = FINE;
            }
            fake_script(f, &rule, 1);
        }
        assert_int_equal(routeplan_apply(&ctx, &p, &params, OURS, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        assert_int_equal(strncmp(e.text, cases[i].text, strlen(cases[i].text)), 0);
        assert_int_equal(f->n_requests - before, 3); /* none stops another, none is repeated */
    }
}

static void
routeplan_apply_missing_route_gives_the_command(void **state)
{
    static const struct {
        struct table_case tables[4];
        const char *destination;
        bool create;
        const char *text;
    } cases[] = {
        {{{.id = NULL}},
         V4,
         false,
         "no route: aws ec2 create-route --route-table-id RTB --destination-cidr-block " V4
         " --network-interface-id " OURS},
        {{{.id = NULL}},
         V6,
         true,
         "no route: aws ec2 create-route --route-table-id RTB --destination-ipv6-cidr-block " V6
         " --network-interface-id " OURS},
        {{{A, {{NULL, NULL}}}},
         V4,
         false,
         "no route: aws ec2 create-route --route-table-id " A " --destination-cidr-block " V4
         " --network-interface-id " OURS},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const destinations[4] = {cases[i].destination};
        const struct route_params params = {.create_routes = cases[i].create,
                                            .disable_source_dest_check = true};
        struct ocf_ctx ctx = context(f);
        struct world w;
        struct routeplan p;
        struct err e = {0};

        make_world(&w, cases[i].tables, destinations);
        w.in.every_table = cases[i].tables[0].id != NULL;
        w.in.create = cases[i].create;
        assert_int_equal(routeplan_make(&w.in, &p), 0);
        assert_int_equal(routeplan_check(&p, &params, OURS, &e), -ERR_PARAM);
        assert_string_equal(e.text, cases[i].text);
        e = (struct err){0};
        assert_int_equal(routeplan_apply(&ctx, &p, &params, OURS, &e), -ERR_PARAM);
        assert_string_equal(e.text, cases[i].text);
        routeplan_done(&p);
    }
    assert_int_equal(f->n_requests, 0); /* nothing was changed */
}

static void
routeplan_apply_creates_when_it_may(void **state)
{
    static const struct table_case tables[4] = {{A, {{NULL, NULL}}}};
    static const char *const destinations[4] = {V4};
    const struct route_params params = {.create_routes = true};
    struct fake *f = *state;
    struct ocf_ctx ctx = context(f);
    struct world w;
    struct routeplan p;
    struct err e = {0};

    make_world(&w, tables, destinations);
    w.in.every_table = true;
    w.in.create = true;
    assert_int_equal(routeplan_make(&w.in, &p), 0);
    FAKE_SCRIPT(f, {.body = "Action=CreateRoute", .status = 200, .answer = FINE});
    assert_int_equal(routeplan_check(&p, &params, OURS, &e), 0);
    assert_int_equal(routeplan_apply(&ctx, &p, &params, OURS, &e), 0);
    routeplan_done(&p);
}

static void
routeplan_apply_check_turned_off_first(void **state)
{
    const struct route_params params = {.disable_source_dest_check = true};
    struct fake *f = *state;
    struct ocf_ctx ctx = context(f);
    struct world w;
    OCF_CLEANUP(routeplan_done) struct routeplan p = plan_of_three(&w);
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.body = "SourceDestCheck.Value=false",
                 .status = 403,
                 .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")},
                {.body = "SourceDestCheck.Value=false", .status = 200, .answer = FINE},
                {.body = "Action=ReplaceRoute", .status = 200, .answer = FINE, .times = 3});
    assert_int_equal(routeplan_apply(&ctx, &p, &params, OURS, &e), -ERR_DENIED);
    assert_int_equal(f->n_requests, 1); /* a route to an ENI that drops would help nobody */
    assert_int_equal(routeplan_apply(&ctx, &p, &params, OURS, &e), 0);
    assert_int_equal(f->n_waves, 3);
}

static void
routeplan_apply_nothing_to_do_asks_nothing(void **state)
{
    static const struct table_case tables[4] = {{A, {{V4, OURS}}}};
    static const char *const destinations[4] = {V4};
    const struct route_params params = {.create_routes = true};
    struct fake *f = *state;
    struct ocf_ctx ctx = context(f);
    struct world w;
    struct routeplan p;
    struct err e = {0};

    make_world(&w, tables, destinations);
    assert_int_equal(routeplan_make(&w.in, &p), 0);
    assert_int_equal(routeplan_apply(&ctx, &p, &params, OURS, &e), 0);
    assert_int_equal(f->n_requests, 0);
    routeplan_done(&p);
}

static void
routeplan_apply_cancelled_tells_so(void **state)
{
    const struct route_params params = {.create_routes = false};
    struct fake *f = *state;
    struct ocf_ctx ctx = context(f);
    struct world w;
    OCF_CLEANUP(routeplan_done) struct routeplan p = plan_of_three(&w);
    struct err e = {0};

    /* All were planned anew, or all are shown to be here already. */
    for (unsigned again = 0; again < 2; again++) {
        for (size_t i = 0; i < p.n_changes; i++) {
            p.changes[i].again = again != 0;
        }
        e = (struct err){0};
        FAKE_SCRIPT(f, {.given_up = -ERR_CANCELLED});
        assert_int_equal(routeplan_apply(&ctx, &p, &params, OURS, &e), -ERR_CANCELLED);
        assert_int_equal(e.code, -ERR_CANCELLED);
    }
}

/* What of writes of both kinds is told. */
static void
routeplan_apply_again_outcomes(void **state)
{
    static const char denied[] = FAKE_EC2_ERROR("UnauthorizedOperation", "m");
    static const struct {
        const char *name;
        struct fake_rule rules[2]; /* for A, which is shown to be ours, and B, which is not */
        int code;
        const char *text; /* the beginning */
        bool unsettled;
        bool warns;
    } cases[] = {
        {.name = "both written", .rules = {{.status = 200}, {.status = 200}}, .text = ""},
        {.name = "what is here is denied",
         .rules = {{.status = 403, .answer = denied}, {.status = 200}},
         .text = A ": ReplaceRoute: UnauthorizedOperation",
         .warns = true},
        {.name = "the other one is denied",
         .rules = {{.status = 200}, {.status = 403, .answer = denied}},
         .code = -ERR_REJECTED,
         .text = B " (1 of 2 routes failed): "},
        {.name = "both denied",
         .rules = {{.status = 403, .answer = denied}, {.status = 403, .answer = denied}},
         .code = -ERR_DENIED,
         .text = B " (2 of 2 routes failed): "},
        {.name = "what is here: answer lost",
         .rules = {{.error = ERR_NETWORK, .sent = true}, {.status = 200}},
         .code = -ERR_UNCERTAIN,
         .text = A ": ReplaceRoute: ",
         .unsettled = true},
        {.name = "the other one: answer lost",
         .rules = {{.status = 200}, {.error = ERR_NETWORK, .sent = true}},
         .code = -ERR_UNCERTAIN,
         .text = B ": ReplaceRoute: "},
    };
    static const char *const ids[] = {A, B};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static const struct table_case tables[4] = {{A, {{V4, OURS}}}, {B, {{V4, OTHER}}}};
        static const char *const destinations[4] = {V4};
        const struct route_params params = {.create_routes = false};
        struct ocf_ctx ctx = context(f);
        struct fakenode_stderr caught;
        char told[1024];
        struct world w;
        struct routeplan p;
        struct err e = {0};

        print_message("  %s\n", cases[i].name);
        make_world(&w, tables, destinations);
        w.in.again = true;
        assert_int_equal(routeplan_make(&w.in, &p), 0);
        assert_int_equal(p.n_changes, 2);
        for (size_t k = 0; k < 2; k++) {
            struct fake_rule rule = cases[i].rules[k];

            rule.body = ids[k];
            rule.answer = rule.status == 200 ? FINE : rule.answer;
            fake_script(f, &rule, 1);
        }
        fakenode_stderr_begin(&caught);
        assert_int_equal(routeplan_apply(&ctx, &p, &params, OURS, &e), cases[i].code);
        fakenode_stderr_end(&caught, told, sizeof(told));
        assert_int_equal(e.code, cases[i].code);
        assert_int_equal(strncmp(e.text, cases[i].text, strlen(cases[i].text)), 0);
        assert_int_equal(ctx.unsettled, cases[i].unsettled);
        assert_int_equal(strstr(told, "WARNING: here by what AWS shows") != NULL, cases[i].warns);
        routeplan_done(&p);
    }
}

/* Of two sums, that of the Transit Gateways' routes says nothing of what the other left open. */
static void
routeplan_sum_up_of_nothing_settles_nothing(void **state)
{
    const struct err lost = {.code = -ERR_UNCERTAIN};
    struct ocf_ctx ctx = context(*state);
    struct routeplan_sum vpc = {.n = 0};
    struct routeplan_sum transit = {.n = 0};
    struct err e = {0};

    routeplan_sum_add(&vpc, A, true, &lost);
    assert_int_equal(routeplan_sum_up(&ctx, &vpc, &e), -ERR_UNCERTAIN);
    assert_true(ctx.unsettled);
    assert_int_equal(routeplan_sum_up(&ctx, &transit, &e), 0);
    assert_true(ctx.unsettled);
}

/* Nothing was written when it was not heard whether the check is off. */
static void
routeplan_let_pass_answer_lost_leaves_the_start_anew(void **state)
{
    const struct route_params params = {.disable_source_dest_check = true};
    struct fake *f = *state;
    struct ocf_ctx ctx = context(f);
    struct err e = {0};

    ctx.operation = OCF_OP_START;
    for (unsigned present = 0; present < 2; present++) {
        ctx.local = present != 0 ? OCF_HERE : OCF_ABSENT;
        ctx.unsettled = false;
        FAKE_SCRIPT(f, {.error = ERR_NETWORK, .sent = true});
        assert_int_equal(routeplan_let_pass(&ctx, &params, OURS, &e), -ERR_UNCERTAIN);
        assert_int_equal(ctx.unsettled, present == 0);
    }
}

#define INTERFACE(check)                                                                           \
    "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>" OURS      \
    "</networkInterfaceId><vpcId>" VPC "</vpcId><sourceDestCheck>" check                           \
    "</sourceDestCheck></item></networkInterfaceSet></DescribeNetworkInterfacesResponse>"

static void
routeplan_check_eni_verdicts(void **state)
{
    struct fake *f = *state;
    struct ocf_ctx ctx = context(f);
    struct err why = {0};

    FAKE_SCRIPT(f, {.status = 200, .answer = INTERFACE("false")},
                {.status = 200, .answer = INTERFACE("true")},
                {.status = 403, .answer = FAKE_EC2_ERROR("UnauthorizedOperation", "m")});
    assert_int_equal(routeplan_check_eni(&ctx, OURS, &why), OCF_HERE);
    assert_int_equal(routeplan_check_eni(&ctx, OURS, &why), OCF_DEGRADED);
    assert_non_null(strstr(why.text, OURS));
    assert_non_null(strstr(why.text, "disable_source_dest_check=true"));
    assert_int_equal(routeplan_check_eni(&ctx, OURS, &why), OCF_UNKNOWN);
    assert_int_equal(why.code, -ERR_DENIED);
}

static void
routeplan_preflight_writes_nothing_and_finds_the_worst(void **state)
{
    static const char fine[] = FAKE_EC2_ERROR("DryRunOperation", "m");
    static const char denied[] = FAKE_EC2_ERROR("UnauthorizedOperation", "m");
    struct fake *f = *state;

    for (int turn = 0; turn < 3; turn++) {
        const struct route_params params = {.disable_source_dest_check = turn == 1};
        struct ocf_ctx ctx = context(f);
        struct world w;
        OCF_CLEANUP(routeplan_done) struct routeplan p = plan_of_three(&w);

        if (turn == 2) {
            FAKE_SCRIPT(f, {.body = "&RouteTableId=" B, .status = 403, .answer = denied},
                        {.body = "Action=ReplaceRoute", .status = 412, .answer = fine, .times = 2});
        } else {
            FAKE_SCRIPT(f,
                        {.body = "Action=ReplaceRoute", .status = 412, .answer = fine, .times = 3});
        }
        if (turn == 1) {
            FAKE_SCRIPT(
                f,
                {.body = "Action=ModifyNetworkInterfaceAttribute", .status = 412, .answer = fine});
        } else {
            FAKE_SCRIPT(f, {.body = "Action=DescribeNetworkInterfaces",
                            .status = 200,
                            .answer = INTERFACE("false")});
        }
        routeplan_preflight(&ctx, &p, &params, OURS);
        assert_int_equal(ctx.worst_finding, turn == 2 ? PCMK_OCF_INSUFFICIENT_PRIV : PCMK_OCF_OK);
    }
    for (size_t i = 0; i < f->n_requests; i++) {
        assert_true(strstr(f->requests[i].body, "DryRun=true") != NULL ||
                    strstr(f->requests[i].body, "Action=Describe") != NULL);
    }
}

static void
routeplan_preflight_tells_missing_route_and_check(void **state)
{
    static const struct table_case tables[4] = {{.id = NULL}};
    static const char *const destinations[4] = {V4, V6};
    const struct route_params params = {.create_routes = false};
    struct fake *f = *state;
    struct ocf_ctx ctx = context(f);
    struct world w;
    struct routeplan p;

    make_world(&w, tables, destinations);
    assert_int_equal(routeplan_make(&w.in, &p), 0);
    FAKE_SCRIPT(f, {.status = 200, .answer = INTERFACE("true")});
    routeplan_preflight(&ctx, &p, &params, OURS);
    assert_int_equal(ctx.worst_finding, PCMK_OCF_NOT_CONFIGURED);
    assert_non_null(strstr(ctx.worst_text, "create-route"));
    routeplan_done(&p);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(routeplan_make_table_of_cases),
        FAKE_TEST(routeplan_read_discovers_tables_in_one_call),
        FAKE_TEST(routeplan_read_misses_the_table_that_has_lost_its_route),
        FAKE_TEST(routeplan_read_named_tables_need_every_route),
        FAKE_TEST(routeplan_read_fails_keeps_the_plan_before),
        FAKE_TEST(routeplan_apply_outcomes_of_three_writes),
        FAKE_TEST(routeplan_apply_missing_route_gives_the_command),
        FAKE_TEST(routeplan_apply_creates_when_it_may),
        FAKE_TEST(routeplan_apply_check_turned_off_first),
        FAKE_TEST(routeplan_apply_nothing_to_do_asks_nothing),
        FAKE_TEST(routeplan_apply_cancelled_tells_so),
        FAKE_TEST(routeplan_apply_again_outcomes),
        FAKE_TEST(routeplan_sum_up_of_nothing_settles_nothing),
        FAKE_TEST(routeplan_let_pass_answer_lost_leaves_the_start_anew),
        FAKE_TEST(routeplan_check_eni_verdicts),
        FAKE_TEST(routeplan_preflight_writes_nothing_and_finds_the_worst),
        FAKE_TEST(routeplan_preflight_tells_missing_route_and_check),
    };

    return cmocka_run_group_tests_name("routeplan", tests, NULL, NULL);
}
