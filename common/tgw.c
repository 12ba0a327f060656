/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgw.h"

#include "array.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define TABLES_MAX      200  /* of a region; the default quotas allow 5 TGWs with 20 each */
#define ATTACHMENTS_MAX 5000 /* of a region; the quota of one TGW */
#define PEERINGS_MAX    500  /* of a region; the default quota of one TGW is 50 */
#define ROUTES_MAX      64   /* routes to the destinations asked for, in one table */

void
tgw_region_done(struct tgw_region *r)
{
    for (size_t i = 0; i < r->n_tables; i++) {
        free(r->tables[i].routes);
    }
    free(r->tables);
    free(r->attachments);
    free(r->peerings);
    ec2_route_tables_done(&r->vpc_tables);
    *r = (struct tgw_region){0};
}

/* --- what the answers say ------------------------------------------------------------------- */

/* Copy an id; false when there is none, or it has another form than PREFIX-... */
static bool
take_id(const struct xmlq_node *n, const char *name, const char *prefix, char ret[AWS_ID_MAX])
{
    const char *id = xmlq_text(n, name);

    if (id == NULL || !awsid_is(id, prefix)) {
        return false;
    }
    (void)snprintf(ret, AWS_ID_MAX, "%s", id);
    return true;
}

static int
read_table(const struct xmlq_node *n, struct tgw_region *r)
{
    struct tgw_table t = {0};

    if (!xmlq_is(n, "state", "available")) {
        return 0;
    }
    if (!take_id(n, "transitGatewayRouteTableId", "tgw-rtb", t.id) ||
        !take_id(n, "transitGatewayId", "tgw", t.tgw_id)) {
        return -ERR_MALFORMED;
    }
    return ARRAY_ADD(&r->tables, &r->n_tables, TABLES_MAX, &t);
}

/* A peering with a core network of Cloud WAN has no TGW at its other side, and is another kind. */
static enum tgw_resource
kind_of(const struct xmlq_node *n)
{
    const char *id = xmlq_text(n, "resourceId");

    if (xmlq_is(n, "resourceType", "vpc")) {
        return TGW_VPC;
    }
    return xmlq_is(n, "resourceType", "peering") && id != NULL && awsid_is(id, "tgw") ? TGW_PEERING
                                                                                      : TGW_OTHER;
}

static int
read_attachment(const struct xmlq_node *n, struct tgw_region *r)
{
    struct tgw_attachment a = {.kind = kind_of(n)};

    if (!xmlq_is(n, "state", "available") && !xmlq_is(n, "state", "modifying")) {
        return 0;
    }
    if (!take_id(n, "transitGatewayAttachmentId", "tgw-attach", a.id) ||
        !take_id(n, "transitGatewayId", "tgw", a.tgw_id)) {
        return -ERR_MALFORMED;
    }
    if (a.kind != TGW_OTHER &&
        !take_id(n, "resourceId", a.kind == TGW_VPC ? "vpc" : "tgw", a.resource_id)) {
        return -ERR_MALFORMED;
    }
    if (xmlq_is(n, "association/state", "associated")) {
        /* It may be with a policy table instead, which has no routes. */
        (void)take_id(n, "association/transitGatewayRouteTableId", "tgw-rtb", a.table_id);
    }
    return ARRAY_ADD(&r->attachments, &r->n_attachments, ATTACHMENTS_MAX, &a);
}

static int
read_peering(const struct xmlq_node *n, struct tgw_region *r)
{
    static const char *const sides[] = {"requesterTgwInfo", "accepterTgwInfo"};
    struct tgw_peering p = {0};

    if (!xmlq_is(n, "state", "available")) {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        const struct xmlq_node *side = xmlq_find(n, sides[i]);
        const char *region = xmlq_text(side, "region");

        if (xmlq_text(side, "coreNetworkId") != NULL) {
            return 0; /* of Cloud WAN: not between TGWs */
        }
        if (!take_id(side, "transitGatewayId", "tgw", p.tgw_id[i]) || region == NULL ||
            !awsid_is_region(region)) {
            return -ERR_MALFORMED;
        }
        (void)snprintf(p.region[i], sizeof(p.region[i]), "%s", region);
    }
    return ARRAY_ADD(&r->peerings, &r->n_peerings, PEERINGS_MAX, &p);
}

/* Destinations of one family. */
struct family {
    struct addr *items;
    size_t n;
};

static bool
is_wanted(const struct family *f, const struct addr *destination)
{
    for (size_t i = 0; i < f->n; i++) {
        if (addr_equal(&f->items[i], destination)) {
            return true;
        }
    }
    return false;
}

/*
 * A route of a prefix list cannot be replaced by itself either, as little as one that is
 * propagated; one that leads to several attachments at once is always propagated.
 */
static int
read_route(const struct xmlq_node *n, const struct family *wanted, struct tgw_table *t)
{
    struct tgw_route route = {.propagated = !xmlq_is(n, "type", "static") ||
                                            xmlq_text(n, "prefixListId") != NULL,
                              .blackhole = xmlq_is(n, "state", "blackhole")};
    const char *destination = xmlq_text(n, "destinationCidrBlock");
    const struct xmlq_node *to = xmlq_find(n, "transitGatewayAttachments/item");

    if (xmlq_is(n, "state", "deleting") || xmlq_is(n, "state", "deleted")) {
        return 0;
    }
    if (destination == NULL || !addr_parse_cidr(destination, &route.destination)) {
        return -ERR_MALFORMED;
    }
    if (wanted != NULL && !is_wanted(wanted, &route.destination)) {
        return 0;
    }
    if (to != NULL &&
        !take_id(to, "transitGatewayAttachmentId", "tgw-attach", route.attachment_id)) {
        return -ERR_MALFORMED;
    }
    return ARRAY_ADD(&t->routes, &t->n_routes, ROUTES_MAX, &route);
}

/* --- the questions -------------------------------------------------------------------------- */

enum ask { ASK_VPC_TABLES, ASK_TABLES, ASK_ATTACHMENTS, ASK_PEERINGS, ASK_ROUTES };

/* A page of an answer to ask for, and after it the next. */
struct page {
    enum ask ask;
    size_t region;               /* index */
    const struct family *wanted; /* VPC_TABLES, ROUTES */
    size_t table;                /* ROUTES: index */
    unsigned n_read;
    bool ended;
    char token[EC2_TOKEN_MAX];
};

/* All regions while they are read. */
struct reading {
    struct tgw_query *queries;
    struct tgw_region *regions;
    bool *searching; /* of each region: its inventory is there, and its routes are asked for */
    size_t n;
    struct family families[2];
    struct page *pages;
    size_t n_pages;
};

/* The questions about the inventory. */
static const struct {
    const char *action;
    const char *list; /* of the answer */
    int (*read)(const struct xmlq_node *n, struct tgw_region *r);
} inventory[] = {
    [ASK_TABLES] = {"DescribeTransitGatewayRouteTables", "transitGatewayRouteTables", read_table},
    [ASK_ATTACHMENTS] = {"DescribeTransitGatewayAttachments", "transitGatewayAttachments",
                         read_attachment},
    [ASK_PEERINGS] = {"DescribeTransitGatewayPeeringAttachments",
                      "transitGatewayPeeringAttachments", read_peering},
};

static struct ec2_table_query
vpc_query(const struct page *p)
{
    return (struct ec2_table_query){.destinations = p->wanted->items,
                                    .n_destinations = p->wanted->n};
}

static void
init_search(struct aws_call *c, const struct page *p, const char *table_id)
{
    char text[ADDR_TEXT_MAX];

    aws_call_init(c, &ec2_service, "SearchTransitGatewayRoutes");
    aws_call_param(c, table_id, "TransitGatewayRouteTableId");
    aws_call_param(c, "route-search.exact-match", "Filter.1.Name");
    for (size_t i = 0; i < p->wanted->n; i++) {
        aws_call_param(c, addr_cidr_text(&p->wanted->items[i], text), "Filter.1.Value.%zu", i + 1);
    }
}

static void
init_call(struct aws_call *c, const struct reading *r, const struct page *p)
{
    const struct tgw_query *q = &r->queries[p->region];

    if (p->ask == ASK_VPC_TABLES) {
        struct ec2_table_query query = vpc_query(p);

        ec2_init_describe_route_tables(c, &query, p->token);
    } else if (p->ask == ASK_ROUTES) {
        init_search(c, p, r->regions[p->region].tables[p->table].id);
    } else {
        aws_call_init(c, &ec2_service, inventory[p->ask].action);
        aws_call_param(c, "state", "Filter.1.Name");
        aws_call_param(c, "available", "Filter.1.Value.1");
    }
    if (p->ask == ASK_ATTACHMENTS) {
        aws_call_param(c, "modifying", "Filter.1.Value.2");
    }
    if (p->ask != ASK_VPC_TABLES && p->token[0] != '\0') {
        aws_call_param(c, p->token, "NextToken");
    }
    c->session = q->session;
    c->within_ms = q->within_ms;
}

/* Read the items of the list that is called so in the answer. */
static int
read_list(const struct aws_call *c, struct page *p, struct tgw_region *r, struct err *e)
{
    const struct xmlq_node *root = xmlq_root(c->answer, NULL);
    const char *name = p->ask == ASK_ROUTES ? "routeSet" : inventory[p->ask].list;
    const struct xmlq_node *list = xmlq_find(root, name);
    int rc = list == NULL ? -ERR_MALFORMED : 0;

    for (const struct xmlq_node *n = xmlq_first(list); rc == 0 && n != NULL; n = xmlq_next(n)) {
        rc = p->ask == ASK_ROUTES ? read_route(n, p->wanted, &r->tables[p->table])
                                  : inventory[p->ask].read(n, r);
    }
    if (rc < 0) {
        return err_set(e, (enum err_code) - rc, "%s: %s: %s", c->action, name, err_text(rc));
    }
    rc = ec2_next_token(c, p->token, e);
    if (rc == 0 && p->token[0] == '\0' && xmlq_is(root, "additionalRoutesAvailable", "true")) {
        return err_set(e, ERR_TOO_BIG, "%s: more routes than AWS tells", c->action);
    }
    return rc;
}

/* What an answer says; the page becomes the next one, or has ended. */
static int
read_page(const struct aws_call *c, struct page *p, struct tgw_region *r, struct err *e)
{
    int rc = 0;

    if (p->ask == ASK_VPC_TABLES) {
        struct ec2_table_query query = vpc_query(p);

        rc = ec2_read_route_tables(c, &query, &r->vpc_tables, p->token, e);
    } else {
        rc = read_list(c, p, r, e);
    }
    p->ended = p->token[0] == '\0';
    if (rc == 0 && !p->ended && ++p->n_read == EC2_PAGES_MAX) {
        return err_set(e, ERR_TOO_BIG, "%s: more than %d pages", c->action, EC2_PAGES_MAX);
    }
    return rc;
}

/* --- all regions ---------------------------------------------------------------------------- */

static int
add_page(struct reading *r, const struct page *p)
{
    return ARRAY_ADD(&r->pages, &r->n_pages, SIZE_MAX, p);
}

/* One question for each family of destinations. */
static int
add_for_families(struct reading *r, struct page p)
{
    int rc = 0;

    for (size_t f = 0; rc == 0 && f < ARRAY_LEN(r->families); f++) {
        p.wanted = &r->families[f];
        rc = p.wanted->n > 0 ? add_page(r, &p) : 0;
    }
    return rc;
}

static int
ask_for_routes(struct reading *r, size_t region)
{
    int rc = 0;

    r->searching[region] = true;
    for (size_t t = 0; rc == 0 && t < r->regions[region].n_tables; t++) {
        rc = add_for_families(r, (struct page){.ask = ASK_ROUTES, .region = region, .table = t});
    }
    return rc;
}

/* The known inventory, without routes. */
static int
take_known(struct tgw_region *r, const struct tgw_region *known)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < known->n_tables; i++) {
        struct tgw_table t = known->tables[i];

        t.routes = NULL;
        t.n_routes = 0;
        rc = ARRAY_ADD(&r->tables, &r->n_tables, known->n_tables, &t);
    }
    for (size_t i = 0; rc == 0 && i < known->n_attachments; i++) {
        rc = ARRAY_ADD(&r->attachments, &r->n_attachments, known->n_attachments,
                       &known->attachments[i]);
    }
    for (size_t i = 0; rc == 0 && i < known->n_peerings; i++) {
        rc = ARRAY_ADD(&r->peerings, &r->n_peerings, known->n_peerings, &known->peerings[i]);
    }
    return rc;
}

/* Nothing is known of the region yet, except that there is no way to ask it. */
static void
clear_region(const struct reading *r, size_t region)
{
    const struct tgw_query *q = &r->queries[region];
    struct tgw_region *found = &r->regions[region];

    *found = (struct tgw_region){0};
    (void)snprintf(found->name, sizeof(found->name), "%s", q->region);
    if (q->session == NULL) {
        found->error = q->error;
    }
}

/* Ask the first questions about a region, by its known inventory when there is one. */
static int
begin(struct reading *r, size_t region, const struct tgw_region *known)
{
    static const enum ask asks[] = {ASK_TABLES, ASK_ATTACHMENTS, ASK_PEERINGS};
    struct tgw_query *q = &r->queries[region];
    struct tgw_region *found = &r->regions[region];
    int rc = 0;

    clear_region(r, region);
    q->described = known == NULL && q->session != NULL;
    r->searching[region] = false;
    if (q->session == NULL) {
        return 0;
    }
    rc = add_for_families(r, (struct page){.ask = ASK_VPC_TABLES, .region = region});
    if (rc == 0 && known != NULL) {
        rc = take_known(found, known);
        return rc < 0 ? rc : ask_for_routes(r, region);
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(asks); i++) {
        rc = add_page(r, &(struct page){.ask = asks[i], .region = region});
    }
    return rc;
}

/* Take away the pages that have ended, and those of regions that did not answer. */
static void
drop_pages(struct reading *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->n_pages; i++) {
        if (!r->pages[i].ended && r->regions[r->pages[i].region].error.code == 0) {
            r->pages[kept++] = r->pages[i];
        }
    }
    r->n_pages = kept;
}

static bool
is_inventory_open(const struct reading *r, size_t region)
{
    for (size_t i = 0; i < r->n_pages; i++) {
        const struct page *p = &r->pages[i];

        if (p->region == region && p->ask != ASK_VPC_TABLES && p->ask != ASK_ROUTES) {
            return true;
        }
    }
    return false;
}

/* What the answers of a round make it possible to ask. */
static int
go_on(struct reading *r)
{
    int rc = 0;

    drop_pages(r);
    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        struct tgw_query *q = &r->queries[i];
        struct tgw_region *found = &r->regions[i];

        if (q->session != NULL && !q->described &&
            err_class(found->error.code) == ERR_CLASS_NOT_FOUND) {
            log_debug("%s: %s; describing it anew", q->region, found->error.text);
            tgw_region_done(found);
            rc = begin(r, i, NULL);
        } else if (found->error.code == 0 && !r->searching[i] && !is_inventory_open(r, i)) {
            rc = ask_for_routes(r, i);
        }
    }
    return rc;
}

/* Ask all that is open, all at once. */
static int
round_trip(struct reading *r, struct aws_session *s, struct deadline d)
{
    OCF_FREE struct aws_call *calls = calloc(r->n_pages, sizeof(*calls));
    int rc = 0;

    if (calls == NULL) {
        return -ERR_NOMEM;
    }
    for (size_t i = 0; i < r->n_pages; i++) {
        init_call(&calls[i], r, &r->pages[i]);
    }
    rc = aws_call_all(s, calls, r->n_pages, d);
    for (size_t i = 0; i < r->n_pages; i++) {
        struct page *p = &r->pages[i];
        struct tgw_region *found = &r->regions[p->region];

        if (found->error.code == 0 && calls[i].error.code < 0) {
            found->error = calls[i].error;
        } else if (found->error.code == 0) {
            found->error.code = read_page(&calls[i], p, found, &found->error);
        }
        aws_call_done(&calls[i]);
    }
    return rc == -ERR_CANCELLED ? rc : go_on(r);
}

static int
set_up(struct reading *r, const struct addr *destinations, size_t n)
{
    r->searching = calloc(r->n + 1, sizeof(*r->searching));
    if (r->searching == NULL) {
        return -ERR_NOMEM;
    }
    for (size_t f = 0; f < ARRAY_LEN(r->families); f++) {
        r->families[f].items = calloc(n + 1, sizeof(*destinations));
        if (r->families[f].items == NULL) {
            return -ERR_NOMEM;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct family *f = &r->families[destinations[i].family == AF_INET ? 0 : 1];

        f->items[f->n++] = destinations[i];
    }
    return 0;
}

static int
read_all(struct reading *r, struct aws_session *s, const struct addr *destinations,
         size_t n_destinations, struct deadline d)
{
    int rc = set_up(r, destinations, n_destinations);

    for (size_t i = 0; i < r->n; i++) {
        clear_region(r, i);
    }
    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        rc = begin(r, i, r->queries[i].known);
    }
    while (rc == 0 && r->n_pages > 0) {
        rc = round_trip(r, s, d);
    }
    for (size_t i = 0; i < r->n; i++) {
        struct tgw_region *found = &r->regions[i];

        if (rc < 0 && found->error.code == 0) {
            (void)err_set(&found->error, (enum err_code) - rc, "%s", err_text(rc));
        }
        found->answered = found->error.code == 0;
    }
    return rc;
}

int
tgw_read(struct aws_session *s, struct tgw_query *queries, size_t n,
         const struct addr *destinations, size_t n_destinations, struct tgw_region *ret,
         struct deadline d)
{
    struct reading r = {.queries = queries, .regions = ret, .n = n};
    int rc = read_all(&r, s, destinations, n_destinations, d);

    free(r.searching);
    free(r.families[0].items);
    free(r.families[1].items);
    free(r.pages);
    return rc;
}

int
tgw_route_to(struct aws_session *s, const char *table_id, const struct addr *address,
             uint64_t within_ms, struct tgw_route *ret, struct deadline d, struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    struct tgw_table found = {.n_routes = 0};
    const struct xmlq_node *list = NULL;
    char text[ADDR_TEXT_MAX];
    int rc = 0;

    aws_call_init(&c, &ec2_service, "SearchTransitGatewayRoutes");
    c.within_ms = within_ms;
    aws_call_param(&c, table_id, "TransitGatewayRouteTableId");
    aws_call_param(&c, "route-search.longest-prefix-match", "Filter.1.Name");
    aws_call_param(&c, addr_cidr_text(address, text), "Filter.1.Value.1");
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0) {
        *e = c.error;
        return rc;
    }
    list = xmlq_find(xmlq_root(c.answer, NULL), "routeSet");
    rc = list == NULL ? -ERR_MALFORMED : 0;
    for (const struct xmlq_node *n = xmlq_first(list); rc == 0 && n != NULL; n = xmlq_next(n)) {
        rc = read_route(n, NULL, &found);
    }
    rc = rc == 0 && found.n_routes == 0 ? -ERR_NOT_FOUND : rc;
    if (rc == 0) {
        *ret = found.routes[0];
    }
    free(found.routes);
    return rc < 0 ? err_set(e, (enum err_code) - rc, "%s: %s: %s", table_id, text, err_text(rc))
                  : 0;
}
