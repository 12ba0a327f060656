/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwworld.h"

#include "tgwplan.h"

#define D4 "10.1.0.10/32"
#define D6 "2001:db8::10/128"

/*
 * A world is written in lines. A table's routes are "DESTINATION=TARGET", where 4 and 6 stand for
 * the two addresses, x for another one, "!" after the target for a blackhole, "~" for propagated.
 *
 *   region NAME                    the lines below are of this region
 *   silent NAME                    a region that did not answer
 *   vpc TABLE VPC [ROUTE]...
 *   table TABLE TGW [ROUTE]...
 *   inside ID TGW VPC TABLE        an attachment; "-" for no table
 *   peer ID TGW TGW TABLE
 *   other ID TGW RESOURCE TABLE
 *   peering TGW REGION TGW REGION
 */

static struct addr
destination_of(char c)
{
    struct addr a = {0};

    assert_true(addr_parse_cidr(c == '4' ? D4 : c == '6' ? D6 : "10.1.0.11/32", &a));
    return a;
}

/* The routes of the table that was added last. */
static void
read_routes(const char *p, struct ec2_route_table *vpc_table, struct tgw_table *table)
{
    char word[64];
    int used = 0;

    for (; sscanf(p, " %63[^ \n]%n", word, &used) == 1 && p[strspn(p, " ")] != '\n'; p += used) {
        struct addr destination = destination_of(word[0]);
        size_t len = strcspn(word + 2, "!~");
        bool blackhole = strchr(word + 2, '!') != NULL;
        bool propagated = strchr(word + 2, '~') != NULL;

        word[2 + len] = '\0';
        if (table != NULL) {
            struct tgw_route *r = tgwworld_route(table, &destination, word + 2);

            r->blackhole = blackhole;
            r->propagated = propagated;
        } else {
            tgwworld_vpc_route(vpc_table, &destination, word + 2)->blackhole = blackhole;
        }
    }
}

static void
read_line(struct tgwworld *w, const char *line)
{
    char kind[16];
    char words[4][AWS_ID_MAX] = {""};
    struct tgw_peering peering = {0};
    int used = 0;
    int n = sscanf(line, "%15s %39s %39s%n %39s %39s", kind, words[0], words[1], &used, words[2],
                   words[3]);

    assert_true(n >= 2);
    if (strcmp(kind, "region") == 0 || strcmp(kind, "silent") == 0) {
        w->regions[tgwworld_region(w, words[0])].answered = kind[0] == 'r';
    } else if (strcmp(kind, "vpc") == 0) {
        read_routes(line + used, tgwworld_vpc_table(w, w->n - 1, words[0], words[1]), NULL);
    } else if (strcmp(kind, "table") == 0) {
        read_routes(line + used, NULL, tgwworld_table(w, w->n - 1, words[0], words[1]));
    } else if (strcmp(kind, "peering") == 0) {
        assert_int_equal(sscanf(line, "%*s %39s %31s %39s %31s", peering.tgw_id[0],
                                peering.region[0], peering.tgw_id[1], peering.region[1]),
                         4);
        tgwworld_peering(w, w->n - 1, &peering);
    } else {
        tgwworld_attach(w, w->n - 1, words[0], words[1],
                        kind[0] == 'i'   ? TGW_VPC
                        : kind[0] == 'p' ? TGW_PEERING
                                         : TGW_OTHER,
                        words[2], words[3][0] == '-' ? "" : words[3]);
    }
}

static void
read_world(struct tgwworld *w, const char *text)
{
    char line[256];
    int used = 0;

    *w = (struct tgwworld){0};
    for (; sscanf(text, "%255[^\n]\n%n", line, &used) == 1; text += used) {
        (void)snprintf(line + strlen(line), 2, "\n");
        read_line(w, line);
    }
    assert_int_equal(text[0], '\0');
}

/* A plan in lines: changes, problems, and what the two verdicts are. */
static void
write_plan(const struct tgwplan *p, char *out, size_t size)
{
    FILE *f = fmemopen(out, size, "w");
    char text[ERR_TEXT_MAX];

    assert_non_null(f);
    for (size_t i = 0; i < p->n_changes; i++) {
        const struct tgwplan_change *c = &p->changes[i];

        (void)fprintf(f, "%s: %s%s %s %s %s (%s)\n", c->region, c->create ? "new " : "",
                      c->transit ? "table" : "vpc", c->table_id,
                      c->destination.family == AF_INET ? "4" : "6", c->target, c->seen);
    }
    for (size_t i = 0; i < p->n_problems; i++) {
        (void)fprintf(f, "! %s: %s\n", p->problems[i].region, p->problems[i].text);
    }
    (void)fprintf(f, "%s %s\n", verdict_name(tgwplan_verdict(p)), p->regions[p->own].text);
    (void)fprintf(f, "%s", verdict_name(tgwplan_others_verdict(p, text)));
    (void)fprintf(f, " %s\n", text);
    (void)fclose(f);
}

/* Tokyo has the ENI, eni-1 in vpc-t; the arguments are targets of its three tables. */
#define TOKYO(rtb, vpcs, peers)                                                                    \
    "region tokyo\n"                                                                               \
    "vpc rtb-t vpc-t 4=" rtb "\n"                                                                  \
    "table vpcs-t tgw-t 4=" vpcs "\n"                                                              \
    "table peers-t tgw-t 4=" peers "\n"                                                            \
    "inside att-t tgw-t vpc-t vpcs-t\n"                                                            \
    "peer p-to tgw-t tgw-o peers-t\n"                                                              \
    "peering tgw-t tokyo tgw-o osaka\n"
#define OSAKA(rtb, vpcs, peers)                                                                    \
    "region osaka\n"                                                                               \
    "vpc rtb-o vpc-o 4=" rtb "\n"                                                                  \
    "table vpcs-o tgw-o 4=" vpcs "\n"                                                              \
    "table peers-o tgw-o 4=" peers "\n"                                                            \
    "inside att-o tgw-o vpc-o vpcs-o\n"                                                            \
    "peer p-to tgw-o tgw-t peers-o\n"                                                              \
    "peering tgw-t tokyo tgw-o osaka\n"
#define TOKYO_HERE TOKYO("eni-1", "att-t", "att-t")
#define OSAKA_HERE OSAKA("tgw-o", "p-to", "p-to")
#define FINE       "HERE \nHERE \n"

#define TGW_ROUTE(region, table, destination, target)                                              \
    "aws ec2 create-transit-gateway-route --region " region                                        \
    " --transit-gateway-route-table-id " table " --destination-cidr-block " destination            \
    " --transit-gateway-attachment-id " target

struct plan_case {
    const char *name;
    const char *world;
    const char *destinations; /* NULL: "4" */
    bool create;
    const char *plan;
};

static void
run_cases(const struct plan_case *cases, size_t n)
{
    static struct tgwworld w;
    char got[4096];

    for (size_t i = 0; i < n; i++) {
        const char *letters = cases[i].destinations != NULL ? cases[i].destinations : "4";
        struct addr destinations[2] = {{0}};
        struct tgwplan_input in = {.regions = w.regions,
                                   .region = "tokyo",
                                   .vpc_id = "vpc-t",
                                   .eni_id = "eni-1",
                                   .destinations = destinations,
                                   .create = cases[i].create};
        struct tgwplan p = {0};

        print_message("%s\n", cases[i].name);
        read_world(&w, cases[i].world);
        in.n_regions = w.n;
        for (; letters[in.n_destinations] != '\0'; in.n_destinations++) {
            destinations[in.n_destinations] = destination_of(letters[in.n_destinations]);
        }
        assert_int_equal(tgwplan_make(&in, &p), 0);
        write_plan(&p, got, sizeof(got));
        assert_string_equal(got, cases[i].plan);
        tgwplan_done(&p);
    }
}

static void
tgwplan_make_routes_led_right(void **state)
{
    static const struct plan_case cases[] = {
        {.name = "all is right", .world = TOKYO_HERE OSAKA_HERE, .plan = FINE},
        {.name = "one region, no transit gateway",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\nvpc rtb-u vpc-t 4=eni-1\n",
         .plan = FINE},
        {.name = "another node of the same VPC: only its routes tell",
         .world = TOKYO("eni-2", "att-t", "att-t") OSAKA_HERE,
         .plan = "tokyo: vpc rtb-t 4 eni-1 (eni-2)\n"
                 "ELSEWHERE rtb-t: " D4 " -> eni-2\n"
                 "HERE \n"},
        {.name = "from the other region",
         .world = TOKYO("tgw-t", "p-to", "p-to") OSAKA("eni-9", "att-o", "att-o"),
         .plan = "tokyo: vpc rtb-t 4 eni-1 (tgw-t)\n"
                 "tokyo: table vpcs-t 4 att-t (p-to)\n"
                 "tokyo: table peers-t 4 att-t (p-to)\n"
                 "osaka: vpc rtb-o 4 tgw-o (eni-9)\n"
                 "osaka: table vpcs-o 4 p-to (att-o)\n"
                 "osaka: table peers-o 4 p-to (att-o)\n"
                 "ELSEWHERE rtb-t: " D4 " -> tgw-t (and 2 more)\n"
                 "DEGRADED osaka: rtb-o: " D4 " -> eni-9 (and 2 more)\n"},
        {.name = "blackholes, static ones among them",
         .world = TOKYO("eni-1!", "att-t!", "!") OSAKA("tgw-o!", "p-to", "p-to"),
         .plan = "tokyo: vpc rtb-t 4 eni-1 (eni-1)\n"
                 "tokyo: table vpcs-t 4 att-t (att-t)\n"
                 "tokyo: table peers-t 4 att-t ()\n"
                 "osaka: vpc rtb-o 4 tgw-o (tgw-o)\n"
                 "DEGRADED rtb-t: " D4 " -> eni-1 (blackhole) (and 2 more)\n"
                 "DEGRADED osaka: rtb-o: " D4 " -> tgw-o (blackhole)\n"},
        {.name = "a blackhole of another node",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-2!\n",
         .plan = "tokyo: vpc rtb-t 4 eni-1 (eni-2)\n"
                 "ELSEWHERE rtb-t: " D4 " -> eni-2 (blackhole)\n"
                 "HERE \n"},
        {.name = "the routes are ours, transit is not",
         .world = TOKYO("eni-1", "p-to", "att-t") OSAKA_HERE,
         .plan = "tokyo: table vpcs-t 4 att-t (p-to)\n"
                 "DEGRADED vpcs-t: " D4 " -> p-to\n"
                 "HERE \n"},
        {.name = "a client in another VPC of the region",
         .world = TOKYO_HERE "vpc rtb-c vpc-c 4=eni-1\ninside att-c tgw-t vpc-c vpcs-t\n",
         .plan = "tokyo: vpc rtb-c 4 tgw-t (eni-1)\n"
                 "DEGRADED rtb-c: " D4 " -> eni-1\n"
                 "HERE \n"},
        {.name = "other destinations are nobody's business",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1 x=eni-2\n"
                  "table vpcs-t tgw-t x=p-to\ninside att-t tgw-t vpc-t vpcs-t\n",
         .plan = FINE},
        {.name = "two families",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1 6=eni-2\n"
                  "table vpcs-t tgw-t 4=att-t 6=!\ninside att-t tgw-t vpc-t vpcs-t\n",
         .destinations = "46",
         .plan = "tokyo: vpc rtb-t 6 eni-1 (eni-2)\n"
                 "tokyo: table vpcs-t 6 att-t ()\n"
                 "DEGRADED rtb-t: " D6 " -> eni-2 (and 1 more)\n"
                 "HERE \n"},
    };

    (void)state;
    run_cases(cases, ARRAY_LEN(cases));
}

/* Tokyo and Osaka are not peers, but both are of Seoul, and of Taipei. */
#define FAR_TOKYO                                                                                  \
    "region tokyo\n"                                                                               \
    "vpc rtb-t vpc-t 4=eni-1\n"                                                                    \
    "table all-t tgw-t 4=att-t\n"                                                                  \
    "inside att-t tgw-t vpc-t all-t\n"                                                             \
    "peer p-st tgw-t tgw-s all-t\n"                                                                \
    "peer p-tt tgw-t tgw-p all-t\n"                                                                \
    "peering tgw-t tokyo tgw-s seoul\n"                                                            \
    "peering tgw-p taipei tgw-t tokyo\n"
#define FAR_OSAKA(route)                                                                           \
    "region osaka\n"                                                                               \
    "vpc rtb-o vpc-o 4=tgw-o\n"                                                                    \
    "table all-o tgw-o " route "\n"                                                                \
    "inside att-o tgw-o vpc-o all-o\n"                                                             \
    "peer p-os tgw-o tgw-s all-o\n"                                                                \
    "peer p-op tgw-o tgw-p all-o\n"                                                                \
    "peering tgw-o osaka tgw-s seoul\n"                                                            \
    "peering tgw-o osaka tgw-p taipei\n"
#define FAR_SEOUL(route)                                                                           \
    "region seoul\n"                                                                               \
    "table all-s tgw-s " route "\n"                                                                \
    "peer p-st tgw-s tgw-t all-s\n"                                                                \
    "peer p-os tgw-s tgw-o all-s\n"
#define FAR_TAIPEI(route)                                                                          \
    "region taipei\n"                                                                              \
    "table all-p tgw-p " route "\n"                                                                \
    "peer p-tt tgw-p tgw-t all-p\n"                                                                \
    "peer p-op tgw-p tgw-o all-p\n"

static void
tgwplan_make_paths(void **state)
{
    static const struct plan_case cases[] = {
        {.name = "two hops, the present of two ways stays, the other one is not wanted",
         .world = FAR_TOKYO FAR_OSAKA("4=p-os") FAR_SEOUL("4=p-os") FAR_TAIPEI(""),
         .plan = "seoul: table all-s 4 p-st (p-os)\n"
                 "HERE \n"
                 "DEGRADED seoul: all-s: " D4 " -> p-os\n"},
        {.name = "two hops, the lowest id of two",
         .world = FAR_TOKYO FAR_OSAKA("4=") FAR_SEOUL("4=p-st") FAR_TAIPEI("4=p-tt"),
         .plan = "osaka: table all-o 4 p-op ()\n"
                 "HERE \n"
                 "DEGRADED osaka: all-o: " D4 " -> nothing\n"},
        {.name = "of two ways rather the one over a region that answers",
         .world = FAR_TOKYO FAR_OSAKA("4=") FAR_SEOUL("4=p-st") "silent taipei\n",
         .plan = "osaka: table all-o 4 p-os ()\n"
                 "HERE \n"
                 "DEGRADED osaka (and 1 more region): all-o: " D4 " -> nothing\n"},
        {.name = "a way over a region that does not answer is proved from both sides",
         .world = FAR_TOKYO FAR_OSAKA("4=") "silent seoul\nsilent taipei\n",
         .plan = "osaka: table all-o 4 p-op ()\n"
                 "HERE \n"
                 "DEGRADED osaka (and 2 more regions): all-o: " D4 " -> nothing\n"},
        {.name = "a peering within the region has an id on either side",
         .world = "region tokyo\n"
                  "vpc rtb-t vpc-t 4=eni-1\n"
                  "vpc rtb-c vpc-c 4=tgw-c\n"
                  "table all-t tgw-t 4=att-t\n"
                  "table all-c tgw-c 4=p-near\n"
                  "inside att-t tgw-t vpc-t all-t\n"
                  "inside att-c tgw-c vpc-c all-c\n"
                  "peer p-near tgw-t tgw-c all-t\n"
                  "peer p-away tgw-c tgw-t all-c\n",
         .plan = "tokyo: table all-c 4 p-away (p-near)\n"
                 "DEGRADED all-c: " D4 " -> p-near\n"
                 "HERE \n"},
        {.name = "a VPC on two transit gateways names the nearer",
         .world = FAR_TOKYO FAR_SEOUL("4=p-st") FAR_OSAKA("4=p-os")
             FAR_TAIPEI("4=p-tt") "vpc rtb-d vpc-d 4=tgw-f\n"
                                  "inside att-d tgw-f vpc-d all-f\n"
                                  "inside att-e tgw-p vpc-d all-p\n"
                                  "table all-f tgw-f 4=p-fp\n"
                                  "peer p-fp tgw-f tgw-p all-f\n"
                                  "peer p-pf tgw-p tgw-f all-p\n",
         .plan = "taipei: vpc rtb-d 4 tgw-p (tgw-f)\n"
                 "HERE \n"
                 "DEGRADED taipei: rtb-d: " D4 " -> tgw-f\n"},
        {.name = "the node's VPC on two transit gateways: either is the end of ways",
         .world = "region tokyo\n"
                  "vpc rtb-t vpc-t 4=eni-1\n"
                  "vpc rtb-c vpc-c 4=tgw-2\n"
                  "vpc rtb-d vpc-c 4=igw-1\n"
                  "table all-1 tgw-1 4=att-2\n"
                  "table all-2 tgw-2 4=att-1\n"
                  "inside att-1 tgw-1 vpc-t all-1\n"
                  "inside att-2 tgw-2 vpc-t all-2\n"
                  "inside att-4 tgw-2 vpc-c all-2\n"
                  "inside att-3 tgw-1 vpc-c all-1\n",
         .plan = "tokyo: vpc rtb-d 4 tgw-1 (igw-1)\n"
                 "tokyo: table all-1 4 att-1 (att-2)\n"
                 "tokyo: table all-2 4 att-2 (att-1)\n"
                 "DEGRADED rtb-d: " D4 " -> igw-1 (and 2 more)\n"
                 "HERE \n"},
        {.name = "a region with clients only, of a transit gateway that nobody else uses",
         .world = TOKYO_HERE OSAKA_HERE "peer p-os tgw-o tgw-s peers-o\n"
                                        "region singapore\n"
                                        "vpc rtb-s vpc-s 4=tgw-s\n"
                                        "table vpcs-s tgw-s 4=att-s\n"
                                        "inside att-s tgw-s vpc-s vpcs-s\n"
                                        "peer p-os tgw-s tgw-o vpcs-s\n",
         .plan = "singapore: table vpcs-s 4 p-os (att-s)\n"
                 "HERE \n"
                 "DEGRADED singapore: vpcs-s: " D4 " -> att-s\n"},
    };

    (void)state;
    run_cases(cases, ARRAY_LEN(cases));
}

static void
tgwplan_make_missing_routes(void **state)
{
    static const struct plan_case cases[] = {
        {.name = "the table that a client enters by, and the one that the peering enters by",
         .world = FAR_TOKYO FAR_OSAKA("x=p-os") FAR_SEOUL("4=p-st") FAR_TAIPEI(""),
         .plan = "! osaka: all-o: no route to " D4 ": " TGW_ROUTE(
             "osaka", "all-o", D4,
             "p-op") "\n"
                     "! taipei: all-p: no route to " D4 ": " TGW_ROUTE(
                         "taipei", "all-p", D4,
                         "p-tt") "\n"
                                 "HERE \n"
                                 "DEGRADED osaka (and 1 more region): all-o: no route to " D4 "\n"},
        {.name = "they are created",
         .world = FAR_TOKYO FAR_OSAKA("x=p-os") FAR_SEOUL("4=p-st") FAR_TAIPEI(""),
         .create = true,
         .plan = "osaka: new table all-o 4 p-op ()\n"
                 "taipei: new table all-p 4 p-tt ()\n"
                 "HERE \n"
                 "DEGRADED osaka (and 1 more region): all-o: no route to " D4 "\n"},
        {.name = "in the last transit gateway, told once for two clients, IPv6",
         .world = "region tokyo\n"
                  "vpc rtb-t vpc-t 6=eni-1\n"
                  "vpc rtb-c vpc-c 6=tgw-t\n"
                  "vpc rtb-d vpc-d 6=tgw-t\n"
                  "table all-t tgw-t\n"
                  "inside att-t tgw-t vpc-t -\n"
                  "inside att-c tgw-t vpc-c all-t\n"
                  "inside att-d tgw-t vpc-d all-t\n",
         .destinations = "6",
         .plan = "! tokyo: all-t: no route to " D6 ": " TGW_ROUTE(
             "tokyo", "all-t", D6, "att-t") "\n"
                                            "DEGRADED all-t: no route to " D6 "\n"
                                            "HERE \n"},
        {.name = "created once for two clients, for each address",
         .world = "region tokyo\n"
                  "vpc rtb-t vpc-t 4=eni-1 6=eni-1\n"
                  "vpc rtb-c vpc-c 6=tgw-t 4=tgw-t\n"
                  "vpc rtb-d vpc-d 6=tgw-t\n"
                  "table all-t tgw-t\n"
                  "inside att-t tgw-t vpc-t -\n"
                  "inside att-c tgw-t vpc-c all-t\n"
                  "inside att-d tgw-t vpc-d all-t\n",
         .destinations = "46",
         .create = true,
         .plan = "tokyo: new table all-t 4 att-t ()\n"
                 "tokyo: new table all-t 6 att-t ()\n"
                 "DEGRADED all-t: no route to " D4 " (and 1 more)\n"
                 "HERE \n"},
        {.name = "no client needs it",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\nvpc rtb-c vpc-c x=tgw-t\n"
                  "table all-t tgw-t\ninside att-t tgw-t vpc-t all-t\n"
                  "inside att-c tgw-t vpc-c all-t\n",
         .plan = FINE},
        {.name = "a VPN whose table has the route is a client, one without is not",
         .world = TOKYO("eni-1", "att-t", "att-t") "region osaka\n"
                                                   "table vpn-o tgw-o 4=p-to\n"
                                                   "table wan-o tgw-o\n"
                                                   "table peers-o tgw-o\n"
                                                   "other v-o tgw-o vpn-1 vpn-o\n"
                                                   "other w-o tgw-o vpn-2 wan-o\n"
                                                   "peer p-to tgw-o tgw-t peers-o\n",
         .plan = FINE},
        {.name = "what a VPN's way lacks",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\n"
                  "table all-t tgw-t\ninside att-t tgw-t vpc-t -\n"
                  "peer p-to tgw-t tgw-o all-t\n"
                  "region osaka\ntable vpn-o tgw-o 4=p-to\nother v-o tgw-o vpn-1 vpn-o\n"
                  "peer p-to tgw-o tgw-t -\n",
         .plan = "! tokyo: all-t: no route to " D4 ": " TGW_ROUTE(
             "tokyo", "all-t", D4, "att-t") "\n"
                                            "DEGRADED all-t: no route to " D4 "\n"
                                            "HERE \n"},
        {.name = "what a silent region lacks is not known",
         .world = TOKYO_HERE OSAKA("tgw-o", "p-to", "p-to") "silent seoul\n",
         .plan = "HERE \n"
                 "DEGRADED seoul: no answer\n"},
        {.name = "no table of the node's VPC has the route, which is never created",
         .world = "region tokyo\nvpc rtb-c vpc-c 4=tgw-t\ntable all-t tgw-t 4=att-t\n"
                  "inside att-t tgw-t vpc-t all-t\ninside att-c tgw-t vpc-c all-t\n",
         .create = true,
         .plan =
             "! tokyo: vpc-t: no route to " D4 ": aws ec2 create-route --region tokyo "
             "--route-table-id RTB --destination-cidr-block " D4 " --network-interface-id eni-1\n"
             "ABSENT vpc-t: no route to " D4 "\n"
             "HERE \n"},
        {.name = "nor is the other address's",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\n",
         .destinations = "46",
         .plan = "! tokyo: vpc-t: no route to " D6 ": aws ec2 create-route --region tokyo "
                 "--route-table-id RTB --destination-ipv6-cidr-block " D6
                 " --network-interface-id eni-1\n"
                 "DEGRADED vpc-t: no route to " D6 "\n"
                 "HERE \n"},
        {.name = "a table of the same VPC id in another region is not of the node's VPC",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\n"
                  "region osaka\nvpc rtb-o vpc-t 4=tgw-o\ntable all-o tgw-o 4=p-to\n",
         .plan = "! osaka: vpc-t: attached to no transit gateway: "
                 "aws ec2 create-transit-gateway-vpc-attachment --region osaka --vpc-id vpc-t "
                 "--transit-gateway-id TGW --subnet-ids SUBNET\n"
                 "! tokyo: vpc-t: attached to no transit gateway: "
                 "aws ec2 create-transit-gateway-vpc-attachment --region tokyo --vpc-id vpc-t "
                 "--transit-gateway-id TGW --subnet-ids SUBNET\n"
                 "DEGRADED vpc-t: attached to no transit gateway\n"
                 "DEGRADED osaka: vpc-t: attached to no transit gateway (and 2 more)\n"},
    };

    (void)state;
    run_cases(cases, ARRAY_LEN(cases));
}

#define PEERING_COMMAND(region, tgw, peer, peer_region)                                            \
    "aws ec2 create-transit-gateway-peering-attachment --region " region                           \
    " --transit-gateway-id " tgw " --peer-transit-gateway-id " peer " --peer-region " peer_region  \
    " --peer-account-id ACCOUNT"

static void
tgwplan_make_problems(void **state)
{
    static const struct plan_case cases[] = {
        {.name = "propagated from elsewhere: told, whatever may be created",
         .world = TOKYO_HERE OSAKA("tgw-o", "att-o~", "p-to~"),
         .create = true,
         .plan = "! osaka: vpcs-o: " D4 " is propagated from att-o: " TGW_ROUTE(
             "osaka", "vpcs-o", D4, "p-to") "\n"
                                            "HERE \n"
                                            "DEGRADED osaka: vpcs-o: " D4
                                            " is propagated from att-o\n"},
        {.name = "propagated, and a blackhole",
         .world = TOKYO("eni-1", "att-t!~", "att-t~"),
         .plan = "! tokyo: vpcs-t: " D4 " is propagated from att-t (blackhole): " TGW_ROUTE(
             "tokyo", "vpcs-t", D4, "att-t") "\n"
                                             "DEGRADED vpcs-t: " D4
                                             " is propagated from att-t (blackhole)\n"
                                             "HERE \n"},
        {.name = "a client's attachment without a table",
         .world = TOKYO_HERE "vpc rtb-c vpc-c 4=tgw-t\ninside att-c tgw-t vpc-c -\n",
         .plan = "! tokyo: att-c: associated with no route table of tgw-t: "
                 "aws ec2 associate-transit-gateway-route-table --region tokyo "
                 "--transit-gateway-attachment-id att-c --transit-gateway-route-table-id TGW-RTB\n"
                 "DEGRADED att-c: associated with no route table of tgw-t\n"
                 "HERE \n"},
        {.name = "a peering's attachment without a table, told once for two clients",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\n"
                  "inside att-t tgw-t vpc-t -\npeer p-to tgw-t tgw-o -\n" OSAKA_HERE
                  "vpc rtb-p vpc-o 4=tgw-o\n",
         .plan = "! tokyo: p-to: associated with no route table of tgw-t: "
                 "aws ec2 associate-transit-gateway-route-table --region tokyo "
                 "--transit-gateway-attachment-id p-to --transit-gateway-route-table-id TGW-RTB\n"
                 "DEGRADED p-to: associated with no route table of tgw-t\n"
                 "HERE \n"},
        {.name = "a table of another account",
         .world = TOKYO_HERE "vpc rtb-c vpc-c 4=tgw-t\ninside att-c tgw-t vpc-c shared-t\n",
         .plan = "! tokyo: shared-t: not shown, but associated with att-c: "
                 "set role_arn to a role of the account that owns tgw-t\n"
                 "DEGRADED shared-t: not shown, but associated with att-c\n"
                 "HERE \n"},
        {.name = "a client's VPC on no transit gateway",
         .world = TOKYO_HERE "vpc rtb-c vpc-c 4=igw-1\nvpc rtb-d vpc-c 4=igw-1\n",
         .plan = "! tokyo: vpc-c: attached to no transit gateway: "
                 "aws ec2 create-transit-gateway-vpc-attachment --region tokyo --vpc-id vpc-c "
                 "--transit-gateway-id TGW --subnet-ids SUBNET\n"
                 "DEGRADED vpc-c: attached to no transit gateway (and 2 more)\n"
                 "HERE \n"},
        {.name = "the node's VPC on no transit gateway, with clients elsewhere",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\npeer p-to tgw-t tgw-o -\n" OSAKA_HERE,
         .plan = "! tokyo: vpc-t: attached to no transit gateway: "
                 "aws ec2 create-transit-gateway-vpc-attachment --region tokyo --vpc-id vpc-t "
                 "--transit-gateway-id TGW --subnet-ids SUBNET\n"
                 "DEGRADED vpc-t: attached to no transit gateway\n"
                 "DEGRADED osaka: rtb-o: " D4 " -> tgw-o (and 2 more)\n"},
        {.name = "two regions without a peering",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\ninside att-t tgw-t vpc-t -\n"
                  "region osaka\nvpc rtb-o vpc-o 4=tgw-o\ntable all-o tgw-o 4=att-o\n"
                  "inside att-o tgw-o vpc-o all-o\n",
         .plan = "! osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo): " PEERING_COMMAND(
             "osaka", "tgw-o", "tgw-t",
             "tokyo") "\n"
                      "HERE \n"
                      "DEGRADED osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo) "
                      "(and 2 more)\n"},
        {.name = "one missing link for two regions is told once",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\ninside att-t tgw-t vpc-t -\n" OSAKA_HERE
                  "peer p-os tgw-o tgw-s peers-o\n"
                  "region seoul\ntable all-s tgw-s 4=p-os\npeer p-os tgw-s tgw-o all-s\n",
         .plan = "! osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo): " PEERING_COMMAND(
             "osaka", "tgw-o", "tgw-t",
             "tokyo") "\n"
                      "HERE \n"
                      "DEGRADED osaka (and 1 more region): no peerings lead from tgw-o (osaka) to "
                      "tgw-t (tokyo) (and 3 more)\n"},
        {.name = "a peering that only one of two sides shows is none",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\ninside att-t tgw-t vpc-t -\n"
                  "region osaka\ntable all-o tgw-o 4=p-to\npeer p-to tgw-o tgw-t all-o\n",
         .plan = "! osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo): " PEERING_COMMAND(
             "osaka", "tgw-o", "tgw-t",
             "tokyo") "\n"
                      "HERE \n"
                      "DEGRADED osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo) "
                      "(and 1 more)\n"},
        {.name = "two silent regions may be peers: then nothing is missing for certain",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\ninside att-t tgw-t vpc-t -\n"
                  "peer p-ts tgw-t tgw-s -\npeering tgw-t tokyo tgw-s seoul\n"
                  "region osaka\ntable all-o tgw-o 4=igw-1\npeer p-op tgw-o tgw-p all-o\n"
                  "peering tgw-o osaka tgw-p taipei\nsilent seoul\nsilent taipei\n",
         .plan = "HERE \n"
                 "DEGRADED seoul (and 1 more region): no answer\n"},
        {.name = "one of them answers, and has no such peering",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\ninside att-t tgw-t vpc-t -\n"
                  "peer p-ts tgw-t tgw-s -\npeering tgw-t tokyo tgw-s seoul\n"
                  "region osaka\ntable all-o tgw-o 4=igw-1\npeer p-op tgw-o tgw-p all-o\n"
                  "peering tgw-o osaka tgw-p taipei\nsilent taipei\n"
                  "region seoul\npeer p-ts tgw-s tgw-t -\n",
         .plan = "! osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo): " PEERING_COMMAND(
             "osaka", "tgw-o", "tgw-t",
             "tokyo") "\n"
                      "HERE \n"
                      "DEGRADED osaka (and 1 more region): no peerings lead from tgw-o (osaka) to "
                      "tgw-t (tokyo) (and 1 more)\n"},
        {.name = "peers in regions that nobody asks hide nothing",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\ninside att-t tgw-t vpc-t -\n"
                  "peer p-ts tgw-t tgw-s -\npeering tgw-t tokyo tgw-s seoul\n"
                  "region osaka\ntable all-o tgw-o 4=igw-1\npeer p-op tgw-o tgw-p all-o\n"
                  "peering tgw-o osaka tgw-p taipei\n",
         .plan = "! osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo): " PEERING_COMMAND(
             "osaka", "tgw-o", "tgw-t",
             "tokyo") "\n"
                      "HERE \n"
                      "DEGRADED osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo) "
                      "(and 1 more)\n"},
        {.name = "nor do peers of another account, in regions that answer",
         .world = "region tokyo\nvpc rtb-t vpc-t 4=eni-1\ninside att-t tgw-t vpc-t -\n"
                  "peer p-ts tgw-t tgw-s -\npeering tgw-t tokyo tgw-s seoul\n"
                  "region osaka\ntable all-o tgw-o 4=igw-1\npeer p-op tgw-o tgw-p all-o\n"
                  "peering tgw-o osaka tgw-p seoul\nregion seoul\nsilent taipei\n",
         .plan = "! osaka: no peerings lead from tgw-o (osaka) to tgw-t (tokyo): " PEERING_COMMAND(
             "osaka", "tgw-o", "tgw-t",
             "tokyo") "\n"
                      "HERE \n"
                      "DEGRADED osaka (and 1 more region): no peerings lead from tgw-o (osaka) to "
                      "tgw-t (tokyo) (and 1 more)\n"},
        {.name = "the node's own region does not answer",
         .world = "silent tokyo\n" OSAKA("eni-1", "igw-1", ""),
         .plan = "UNKNOWN no answer\n"
                 "HERE \n"},
    };

    (void)state;
    run_cases(cases, ARRAY_LEN(cases));
}

/* Only what tells who of the ENI's VPC has the address: the rest is the same for all of them. */
static void
tgwplan_make_writes_the_nodes_vpc_again(void **state)
{
    static struct tgwworld w;
    struct addr destination = destination_of('4');
    struct tgwplan_input in = {.regions = w.regions,
                               .region = "tokyo",
                               .vpc_id = "vpc-t",
                               .eni_id = "eni-1",
                               .destinations = &destination,
                               .n_destinations = 1,
                               .again = true};
    struct tgwplan p = {0};

    (void)state;
    read_world(&w, TOKYO_HERE "vpc rtb-u vpc-t 4=eni-2\nvpc rtb-v vpc-t 4=eni-1!\n");
    in.n_regions = w.n;
    assert_int_equal(tgwplan_make(&in, &p), 0);
    assert_int_equal(p.n_ours, 1);
    assert_int_equal(p.regions[0].n_wrong, 2);
    assert_int_equal(p.n_changes, 3);
    for (size_t i = 0; i < p.n_changes; i++) {
        assert_false(p.changes[i].transit);
        assert_string_equal(p.changes[i].target, "eni-1");
        assert_int_equal(p.changes[i].again, strcmp(p.changes[i].table_id, "rtb-t") == 0);
    }
    tgwplan_done(&p);
}

static void
tgwplan_make_errors_untouched(void **state)
{
    static struct tgwworld w;
    struct addr destination = destination_of('4');
    struct tgwplan_input in = {.regions = w.regions,
                               .region = "paris",
                               .vpc_id = "vpc-t",
                               .eni_id = "eni-1",
                               .destinations = &destination,
                               .n_destinations = 1};
    struct tgwplan p = {.n_ours = 7};

    (void)state;
    read_world(&w, TOKYO_HERE);
    in.n_regions = w.n;
    assert_int_equal(tgwplan_make(&in, &p), -ERR_BUG);
    assert_int_equal(p.n_ours, 7);
}

static void
tgwplan_make_silent_region_tells_why(void **state)
{
    static struct tgwworld w;
    struct addr destination = destination_of('4');
    struct tgwplan_input in = {.regions = w.regions,
                               .region = "tokyo",
                               .vpc_id = "vpc-t",
                               .eni_id = "eni-1",
                               .destinations = &destination,
                               .n_destinations = 1};
    struct tgwplan p = {0};
    char text[ERR_TEXT_MAX];

    (void)state;
    read_world(&w, TOKYO_HERE "silent osaka\n");
    in.n_regions = w.n;
    (void)err_set(&w.regions[1].error, ERR_TIMEOUT, "ec2:DescribeRouteTables: no answer in time");
    assert_int_equal(tgwplan_make(&in, &p), 0);
    assert_int_equal(tgwplan_verdict(&p), OCF_HERE);
    assert_int_equal(tgwplan_others_verdict(&p, text), OCF_DEGRADED);
    assert_string_equal(text, "osaka: no answer: ec2:DescribeRouteTables: no answer in time");
    tgwplan_done(&p);
}

static void
tgwplan_make_counts_of_the_nodes_vpc(void **state)
{
    static struct tgwworld w;
    struct addr destinations[2] = {destination_of('4'), destination_of('6')};
    struct tgwplan_input in = {.regions = w.regions,
                               .region = "tokyo",
                               .vpc_id = "vpc-t",
                               .eni_id = "eni-1",
                               .destinations = destinations,
                               .n_destinations = 2};
    struct tgwplan p = {0};

    (void)state;
    read_world(&w, TOKYO_HERE "vpc rtb-u vpc-t 4=eni-1\nvpc rtb-v vpc-t 4=eni-1!\n"
                              "vpc rtb-w vpc-t 4=eni-2!\n"
                              "vpc rtb-x vpc-x 4=eni-1\n");
    in.n_regions = w.n;
    assert_int_equal(tgwplan_make(&in, &p), 0);
    assert_int_equal(p.n_ours, 2);
    assert_int_equal(p.n_dead, 1);
    assert_int_equal(p.n_others, 1);
    assert_int_equal(p.n_missing, 1);
    assert_int_equal(p.regions[0].n_right, 4);
    assert_int_equal(p.problems[0].kind, TGWPLAN_NOT_ATTACHED);
    assert_string_equal(p.problems[0].object, "vpc-x");
    assert_int_equal(p.problems[1].kind, TGWPLAN_NO_NODE_ROUTE);
    assert_true(addr_equal(&p.problems[1].destination, &destinations[1]));
    tgwplan_done(&p);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tgwplan_make_routes_led_right),
        cmocka_unit_test(tgwplan_make_paths),
        cmocka_unit_test(tgwplan_make_missing_routes),
        cmocka_unit_test(tgwplan_make_problems),
        cmocka_unit_test(tgwplan_make_writes_the_nodes_vpc_again),
        cmocka_unit_test(tgwplan_make_errors_untouched),
        cmocka_unit_test(tgwplan_make_silent_region_tells_why),
        cmocka_unit_test(tgwplan_make_counts_of_the_nodes_vpc),
    };

    return cmocka_run_group_tests_name("tgwplan", tests, NULL, NULL);
}
