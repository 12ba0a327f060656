/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ec2.h"

#include "array.h"

#include <stdio.h>
#include <string.h>

#define ROUTES_MAX      1200 /* routes of one table: the quota can be raised to 1000 */
#define DESTINATION_MAX 64   /* filter values of one request: AWS takes 200 */

const struct aws_service ec2_service = {
    .prefix = "ec2", .env_name = "EC2", .version = "2016-11-15", .protocol = AWS_PROTOCOL_QUERY};

void
ec2_route_tables_done(struct ec2_route_tables *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->tables[i].routes);
    }
    free(t->tables);
    *t = (struct ec2_route_tables){0};
}

const struct ec2_route *
ec2_find_route(const struct ec2_route_table *t, const struct addr *destination)
{
    for (size_t i = 0; i < t->n_routes; i++) {
        if (addr_equal(&t->routes[i].destination, destination)) {
            return &t->routes[i];
        }
    }
    return NULL;
}

const struct ec2_route *
ec2_route_to(const struct ec2_route_table *t, const struct addr *address)
{
    const struct ec2_route *best = NULL;

    for (size_t i = 0; i < t->n_routes; i++) {
        const struct ec2_route *r = &t->routes[i];

        if (addr_contains(&r->destination, address) &&
            (best == NULL || r->destination.prefix_len > best->destination.prefix_len)) {
            best = r;
        }
    }
    return best;
}

/* Destinations of one family can be filtered by AWS; filters are ANDed, so of two they cannot. */
static bool
of_one_family(const struct ec2_table_query *q)
{
    for (size_t i = 1; i < q->n_destinations; i++) {
        if (q->destinations[i].family != q->destinations[0].family) {
            return false;
        }
    }
    return q->n_destinations > 0 && q->n_destinations <= DESTINATION_MAX;
}

static void
add_filters(struct aws_call *c, const struct ec2_table_query *q)
{
    char text[ADDR_TEXT_MAX];
    unsigned n = 0;

    if (q->vpc_id != NULL) {
        n++;
        aws_call_param(c, "vpc-id", "Filter.%u.Name", n);
        aws_call_param(c, q->vpc_id, "Filter.%u.Value.1", n);
    }
    if (q->subnet_id != NULL) {
        n++;
        aws_call_param(c, q->subnet_id[0] == '\0' ? "association.main" : "association.subnet-id",
                       "Filter.%u.Name", n);
        aws_call_param(c, q->subnet_id[0] == '\0' ? "true" : q->subnet_id, "Filter.%u.Value.1", n);
    }
    if (!of_one_family(q)) {
        return;
    }
    n++;
    aws_call_param(c,
                   q->destinations[0].family == AF_INET ? "route.destination-cidr-block"
                                                        : "route.destination-ipv6-cidr-block",
                   "Filter.%u.Name", n);
    for (size_t i = 0; i < q->n_destinations; i++) {
        aws_call_param(c, addr_cidr_text(&q->destinations[i], text), "Filter.%u.Value.%zu", n,
                       i + 1);
    }
}

/* What a route leads to; an instance's route names its ENI too, and the ENI is what counts. */
static const char *
target_of(const struct xmlq_node *route)
{
    static const char *const names[] = {"networkInterfaceId",
                                        "transitGatewayId",
                                        "gatewayId",
                                        "natGatewayId",
                                        "vpcPeeringConnectionId",
                                        "localGatewayId",
                                        "carrierGatewayId",
                                        "egressOnlyInternetGatewayId",
                                        "coreNetworkArn",
                                        "instanceId"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *text = xmlq_text(route, names[i]);

        if (text != NULL && *text != '\0') {
            return text;
        }
    }
    return "";
}

static bool
is_wanted(const struct ec2_table_query *q, const struct addr *destination)
{
    for (size_t i = 0; i < q->n_destinations; i++) {
        if (addr_equal(&q->destinations[i], destination)) {
            return true;
        }
    }
    return q->every_route;
}

/* Whether an item of a routeSet is a route that is to be reported. */
static bool
take_route(const struct xmlq_node *n, const struct ec2_table_query *q, struct ec2_route *ret)
{
    const char *destination = xmlq_text(n, "destinationCidrBlock");

    if (destination == NULL) {
        destination = xmlq_text(n, "destinationIpv6CidrBlock");
    }
    ret->blackhole = !xmlq_is(n, "state", "active");
    (void)snprintf(ret->target, sizeof(ret->target), "%s", target_of(n));
    return destination != NULL && addr_parse_cidr(destination, &ret->destination) &&
           is_wanted(q, &ret->destination);
}

static int
read_routes(const struct xmlq_node *item, const struct ec2_table_query *q,
            struct ec2_route_table *ret)
{
    const struct xmlq_node *first = xmlq_first(xmlq_find(item, "routeSet"));
    struct ec2_route r = {.blackhole = false};
    size_t n_found = 0;

    for (const struct xmlq_node *n = first; n != NULL; n = xmlq_next(n)) {
        if (!take_route(n, q, &r)) {
            continue;
        }
        if (!base_is_word(r.target)) { /* it goes into lines of the state directory */
            return -ERR_MALFORMED;
        }
        n_found++;
    }
    if (n_found == 0 || n_found > ROUTES_MAX) {
        return n_found == 0 ? 0 : -ERR_TOO_BIG;
    }
    ret->routes = calloc(n_found, sizeof(*ret->routes));
    if (ret->routes == NULL) {
        return -ERR_NOMEM;
    }
    for (const struct xmlq_node *n = first; n != NULL; n = xmlq_next(n)) {
        if (take_route(n, q, &r)) {
            ret->routes[ret->n_routes++] = r;
        }
    }
    return 0;
}

/* Routes of another page or query to a table that is there. */
static int
append_routes(struct ec2_route_table *to, const struct ec2_route_table *t)
{
    struct ec2_route *more = NULL;

    if (t->n_routes == 0) {
        return 0;
    }
    if (to->n_routes + t->n_routes > ROUTES_MAX) {
        return -ERR_TOO_BIG;
    }
    more = reallocarray(to->routes, to->n_routes + t->n_routes, sizeof(*more));
    if (more == NULL) {
        return -ERR_NOMEM;
    }
    memcpy(more + to->n_routes, t->routes, t->n_routes * sizeof(*more));
    to->routes = more;
    to->n_routes += t->n_routes;
    return 0;
}

/* Hand the table over to all, which owns its routes when this succeeds. */
static int
append_table(struct ec2_route_tables *all, struct ec2_route_table *t)
{
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->tables[i].id, t->id) == 0) {
            int rc = append_routes(&all->tables[i], t);

            if (rc == 0) {
                free(t->routes);
            }
            return rc;
        }
    }
    return ARRAY_ADD(&all->tables, &all->n, EC2_TABLES_MAX, t);
}

static int
read_tables(const struct xmlq_node *root, const struct ec2_table_query *q,
            struct ec2_route_tables *all)
{
    const struct xmlq_node *n = xmlq_first(xmlq_find(root, "routeTableSet"));

    for (; n != NULL; n = xmlq_next(n)) {
        struct ec2_route_table t = {0};
        const char *id = xmlq_text(n, "routeTableId");
        const char *vpc_id = xmlq_text(n, "vpcId");
        int rc = 0;

        if (id == NULL || vpc_id == NULL || !awsid_is(id, "rtb") || !awsid_is(vpc_id, "vpc")) {
            return -ERR_MALFORMED;
        }
        (void)snprintf(t.id, sizeof(t.id), "%s", id);
        (void)snprintf(t.vpc_id, sizeof(t.vpc_id), "%s", vpc_id);
        rc = read_routes(n, q, &t);
        if (rc == 0 && (t.n_routes > 0 || q->n_ids > 0)) {
            rc = append_table(all, &t);
        }
        if (rc < 0) {
            free(t.routes);
            return rc;
        }
    }
    return 0;
}

void
ec2_init_describe_route_tables(struct aws_call *c, const struct ec2_table_query *q,
                               const char *token)
{
    aws_call_init(c, &ec2_service, "DescribeRouteTables");
    for (size_t i = 0; i < q->n_ids; i++) {
        aws_call_param(c, q->ids[i], "RouteTableId.%zu", i + 1);
    }
    if (q->n_ids == 0) {
        add_filters(c, q);
    }
    if (token[0] != '\0') {
        aws_call_param(c, token, "NextToken");
    }
}

int
ec2_next_token(const struct aws_call *c, char token[EC2_TOKEN_MAX], struct err *e)
{
    const char *next = xmlq_text(xmlq_root(c->answer, NULL), "nextToken");

    if (next != NULL && strlen(next) >= EC2_TOKEN_MAX) {
        return err_set(e, ERR_MALFORMED, "%s: nextToken is too long", c->action);
    }
    (void)snprintf(token, EC2_TOKEN_MAX, "%s", next == NULL ? "" : next);
    return 0;
}

int
ec2_read_route_tables(const struct aws_call *c, const struct ec2_table_query *q,
                      struct ec2_route_tables *all, char token[EC2_TOKEN_MAX], struct err *e)
{
    const struct xmlq_node *root = xmlq_root(c->answer, "DescribeRouteTablesResponse");
    int rc = 0;

    if (xmlq_find(root, "routeTableSet") == NULL) {
        return err_set(e, ERR_MALFORMED, "%s: answer has no routeTableSet", c->action);
    }
    rc = read_tables(root, q, all);
    if (rc < 0) {
        return err_set(e, (enum err_code) - rc, "%s: %s", c->action, err_text(rc));
    }
    return ec2_next_token(c, token, e);
}

/* One page; *token is the page to ask for, and then the next one ("" at the end). */
static int
read_page(struct aws_session *s, const struct ec2_table_query *q, char token[EC2_TOKEN_MAX],
          struct ec2_route_tables *all, struct deadline d, struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    int rc = 0;

    ec2_init_describe_route_tables(&c, q, token);
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0) {
        *e = c.error;
        return rc;
    }
    return ec2_read_route_tables(&c, q, all, token, e);
}

int
ec2_describe_route_tables(struct aws_session *s, const struct ec2_table_query *query,
                          struct ec2_route_tables *ret, struct deadline d, struct err *e)
{
    struct ec2_route_tables all = {0};
    struct err own = {0};
    char token[EC2_TOKEN_MAX] = "";
    int rc = 0;

    for (unsigned page = 0; rc == 0 && (page == 0 || token[0] != '\0'); page++) {
        rc = page < EC2_PAGES_MAX
                 ? read_page(s, query, token, &all, d, &own)
                 : err_set(&own, ERR_TOO_BIG, "DescribeRouteTables: more than %d pages",
                           EC2_PAGES_MAX);
    }
    if (rc < 0) {
        ec2_route_tables_done(&all);
        if (e != NULL) {
            *e = own;
        }
        return rc;
    }
    *ret = all;
    return 0;
}

void
ec2_settle_dry_run(struct err *e)
{
    if (strcmp(e->aws_code, "DryRunOperation") == 0) {
        *e = (struct err){0};
    }
}

/* A Transit Gateway has one name for destinations of both families, a VPC has one for each. */
static void
init_route_change(struct aws_call *c, const struct ec2_route_change *change, bool dry_run)
{
    bool transit = awsid_is(change->table_id, "tgw-rtb");
    const char *to_vpc = change->create ? "CreateRoute" : "ReplaceRoute";
    const char *to_tgw =
        change->create ? "CreateTransitGatewayRoute" : "ReplaceTransitGatewayRoute";
    char text[ADDR_TEXT_MAX];

    aws_call_init(c, &ec2_service, transit ? to_tgw : to_vpc);
    c->session = change->session;
    c->within_ms = change->within_ms;
    c->write = !dry_run;
    aws_call_param(c, change->table_id, transit ? "TransitGatewayRouteTableId" : "RouteTableId");
    aws_call_param(c, addr_cidr_text(&change->destination, text),
                   transit || change->destination.family == AF_INET ? "DestinationCidrBlock"
                                                                    : "DestinationIpv6CidrBlock");
    aws_call_param(c, change->target,
                   transit                           ? "TransitGatewayAttachmentId"
                   : awsid_is(change->target, "tgw") ? "TransitGatewayId"
                                                     : "NetworkInterfaceId");
    if (dry_run) {
        aws_call_param(c, "true", "DryRun");
    }
}

/*
 * A missing route of a VPC is told by the message alone: the code is the general
 * InvalidParameterValue. What a Transit Gateway says is not documented for its calls; the "Error
 * codes" have InvalidRoute.NotFound, and ids that are no more end in .NotFound as all others do.
 */
static void
settle_missing_route(struct err *e)
{
    if (strcmp(e->aws_code, "InvalidParameterValue") == 0 &&
        strstr(e->text, "There is no route defined") != NULL) {
        e->code = -ERR_NOT_FOUND;
    }
}

int
ec2_change_routes(struct aws_session *s, struct ec2_route_change *changes, size_t n, bool dry_run,
                  struct deadline d)
{
    OCF_FREE struct aws_call *calls = calloc(n, sizeof(*calls));
    int first = 0;

    if (calls == NULL) {
        return -ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        init_route_change(&calls[i], &changes[i], dry_run);
    }
    first = aws_call_all(s, calls, n, d);
    if (first != -ERR_CANCELLED) {
        first = 0;
    }
    for (size_t i = 0; i < n; i++) {
        changes[i].error = calls[i].error;
        ec2_settle_dry_run(&changes[i].error);
        settle_missing_route(&changes[i].error);
        first = first == 0 ? changes[i].error.code : first;
        aws_call_done(&calls[i]);
    }
    return first;
}

int
ec2_describe_eni(struct aws_session *s, const char *eni_id, struct ec2_eni *ret, struct deadline d,
                 struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    const struct xmlq_node *item = NULL;
    const char *vpc_id = NULL;
    struct ec2_eni eni = {0};
    int rc = 0;

    aws_call_init(&c, &ec2_service, "DescribeNetworkInterfaces");
    aws_call_param(&c, eni_id, "NetworkInterfaceId.1");
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0) {
        *e = c.error;
        return rc;
    }
    item = xmlq_find(xmlq_root(c.answer, "DescribeNetworkInterfacesResponse"),
                     "networkInterfaceSet/item");
    vpc_id = xmlq_text(item, "vpcId");
    if (!xmlq_is(item, "networkInterfaceId", eni_id) || vpc_id == NULL ||
        !awsid_is(vpc_id, "vpc")) {
        return err_set(e, ERR_MALFORMED, "DescribeNetworkInterfaces: answer lacks %s", eni_id);
    }
    eni.source_dest_check = !xmlq_is(item, "sourceDestCheck", "false");
    (void)snprintf(eni.vpc_id, sizeof(eni.vpc_id), "%s", vpc_id);
    *ret = eni;
    return 0;
}

int
ec2_set_source_dest_check(struct aws_session *s, const char *eni_id, bool on, bool dry_run,
                          struct deadline d, struct err *e)
{
    OCF_AWS_CALL struct aws_call c;

    aws_call_init(&c, &ec2_service, "ModifyNetworkInterfaceAttribute");
    c.write = !dry_run;
    aws_call_param(&c, eni_id, "NetworkInterfaceId");
    aws_call_param(&c, on ? "true" : "false", "SourceDestCheck.Value");
    if (dry_run) {
        aws_call_param(&c, "true", "DryRun");
    }
    if (aws_call_all(s, &c, 1, d) < 0) {
        ec2_settle_dry_run(&c.error);
        *e = c.error;
    }
    return c.error.code;
}
