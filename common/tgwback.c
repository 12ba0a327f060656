/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwback.h"

#include "tgwpath.h"

#include <stdio.h>
#include <string.h>

#define CLIENTS_MAX 256
#define HOPS_MAX    16

/* A network of a VPC that has a route to one of the addresses. */
struct client {
    size_t region;
    char vpc_id[AWS_ID_MAX];
    struct addr network;
};

/* A walk towards a client. */
struct walk {
    struct ocf_ctx *ctx;
    const struct tgwback *b;
    const struct client *to;
    struct addr address;                /* a packet is for the first of the network */
    struct tgwpath path;                /* what would lead there, for the remedies */
    size_t region;                      /* where it is ... */
    const struct tgw_attachment *entry; /* ... by which it has come into a TGW */
};

static const char *
client_text(const struct tgwback *b, const struct client *c, char *out, size_t size)
{
    char text[ADDR_TEXT_MAX];

    (void)snprintf(out, size, "%s of %s (%s)", addr_cidr_text(&c->network, text), c->vpc_id,
                   b->regions[c->region].name);
    return out;
}

static const char *
option_of(const struct addr *a)
{
    return a->family == AF_INET ? "cidr-block" : "ipv6-cidr-block";
}

/* --- the clients ----------------------------------------------------------------------------- */

static bool
is_family_wanted(const struct tgwback *b, int family)
{
    for (size_t i = 0; i < b->addresses->n; i++) {
        if (b->addresses->items[i].family == family) {
            return true;
        }
    }
    return false;
}

static size_t
add_client(struct client *clients, size_t n, const struct client *new)
{
    for (size_t i = 0; i < n; i++) {
        if (clients[i].region == new->region && strcmp(clients[i].vpc_id, new->vpc_id) == 0 &&
            addr_equal(&clients[i].network, &new->network)) {
            return n;
        }
    }
    if (n < CLIENTS_MAX) {
        clients[n++] = *new;
    }
    return n;
}

/* The networks of a VPC are its local routes, which each of its tables has. */
static size_t
add_networks(const struct tgwback *b, size_t region, const struct ec2_route_table *t,
             struct client *clients, size_t n)
{
    struct client c = {.region = region};

    (void)snprintf(c.vpc_id, sizeof(c.vpc_id), "%s", t->vpc_id);
    for (size_t i = 0; i < t->n_routes; i++) {
        c.network = t->routes[i].destination;
        if (strcmp(t->routes[i].target, "local") == 0 && is_family_wanted(b, c.network.family)) {
            n = add_client(clients, n, &c);
        }
    }
    return n;
}

/* Add the clients of a region; their number, the same as before when it does not tell. */
static size_t
find_clients(struct ocf_ctx *ctx, const struct tgwback *b, size_t region, struct client *clients,
             size_t n)
{
    const struct ec2_route_tables *known = &b->regions[region].vpc_tables;
    OCF_FREE char(*ids)[AWS_ID_MAX] = calloc(known->n + 1, sizeof(*ids));
    struct ec2_table_query query = {.ids = ids, .every_route = true};
    struct ec2_route_tables tables = {0};
    struct err e = {0};

    for (size_t i = 0; ids != NULL && i < known->n; i++) {
        if (region > 0 || strcmp(known->tables[i].vpc_id, b->nic->vpc_id) != 0) {
            memcpy(ids[query.n_ids++], known->tables[i].id, AWS_ID_MAX);
        }
    }
    if (query.n_ids == 0) {
        return n;
    }
    if (ec2_describe_route_tables(b->sessions[region], &query, &tables,
                                  deadline_cap(ctx->deadline, ctx->aws_params->api_timeout_ms),
                                  &e) < 0) {
        ocf_finding_of(ctx, b->regions[region].name, &e);
    }
    for (size_t i = 0; i < tables.n; i++) {
        n = add_networks(b, region, &tables.tables[i], clients, n);
    }
    ec2_route_tables_done(&tables);
    return n;
}

/* --- the walk -------------------------------------------------------------------------------- */

/* Something is wrong in a table: what, and the command that mends it. */
static void
tell_table(const struct walk *w, const char *table_id, const char *what, const char *command)
{
    char client[ADDR_TEXT_MAX + AWS_ID_MAX + TGW_REGION_MAX + 16];

    ocf_finding(w->ctx, -ERR_CONFLICT, "%s: %s: %s to %s, so no answer reaches it: %s",
                w->b->regions[w->region].name, table_id, what,
                client_text(w->b, w->to, client, sizeof(client)), command);
}

static void
tell_vpc_table(const struct walk *w, const struct ec2_route_table *t, const char *what)
{
    struct tgwpath_way way = tgwpath_enter(&w->path, &w->b->regions[0], w->b->nic->vpc_id, "");
    char command[ERR_TEXT_MAX];
    char text[ADDR_TEXT_MAX];

    (void)snprintf(command, sizeof(command),
                   "aws ec2 create-route --region %s --route-table-id %s --destination-%s %s "
                   "--transit-gateway-id %s",
                   w->b->regions[0].name, t->id, option_of(&w->to->network),
                   addr_cidr_text(&w->to->network, text), way.target == NULL ? "TGW" : way.target);
    tell_table(w, t->id, what, command);
}

static void
tell_tgw_table(const struct walk *w, const char *what)
{
    size_t hub = tgwpath_hub_of(&w->path, w->entry->tgw_id);
    struct tgwpath_way way = {0};
    char command[ERR_TEXT_MAX];
    char text[ADDR_TEXT_MAX];

    if (hub < w->path.n_hubs) {
        way = tgwpath_next(&w->path, hub, "");
    }
    (void)snprintf(command, sizeof(command),
                   "aws ec2 create-transit-gateway-route --region %s "
                   "--transit-gateway-route-table-id %s --destination-cidr-block %s "
                   "--transit-gateway-attachment-id %s",
                   w->b->regions[w->region].name, w->entry->table_id,
                   addr_cidr_text(&w->to->network, text),
                   way.target == NULL ? "TGW-ATTACH" : way.target);
    tell_table(w, w->entry->table_id, what, command);
}

static const struct tgw_attachment *
find_attachment(const struct tgw_region *r, const char *id, const char *tgw_id)
{
    for (size_t i = 0; i < r->n_attachments; i++) {
        if (strcmp(r->attachments[i].id, id) == 0 &&
            strcmp(r->attachments[i].tgw_id, tgw_id) == 0) {
            return &r->attachments[i];
        }
    }
    return NULL;
}

/* The attachment of a resource to a TGW; NULL when there is none. */
static const struct tgw_attachment *
find_resource(const struct tgw_region *r, const char *tgw_id, const char *resource_id)
{
    for (size_t i = 0; r->answered && i < r->n_attachments; i++) {
        if (strcmp(r->attachments[i].tgw_id, tgw_id) == 0 &&
            strcmp(r->attachments[i].resource_id, resource_id) == 0) {
            return &r->attachments[i];
        }
    }
    return NULL;
}

/* Enter the TGW at the other end of a peering; false when no region shows that. */
static bool
cross(struct walk *w, const struct tgw_attachment *peering)
{
    for (size_t i = 0; i < w->b->n_regions; i++) {
        const struct tgw_region *r = &w->b->regions[i];
        const struct tgw_attachment *same = find_attachment(r, peering->id, peering->resource_id);

        /* Between regions both ends have the same id, and there may be several peerings. */
        w->entry = r->answered && same != NULL
                       ? same
                       : find_resource(r, peering->resource_id, peering->tgw_id);
        if (w->entry != NULL) {
            w->region = i;
            return true;
        }
    }
    return false;
}

/* One TGW: true when the packet goes on to another one. */
static bool
pass(struct walk *w)
{
    const struct tgw_region *r = &w->b->regions[w->region];
    char client[ADDR_TEXT_MAX + AWS_ID_MAX + TGW_REGION_MAX + 16];
    const struct tgw_attachment *out = NULL;
    struct tgw_route route = {0};
    struct err e = {0};
    int rc = 0;

    if (w->entry->table_id[0] == '\0') {
        return false; /* told with the way there, where it is the same attachment */
    }
    rc = tgw_route_to(w->b->sessions[w->region], w->entry->table_id, &w->address,
                      w->region == 0 ? 0 : w->ctx->aws_params->api_timeout_ms, &route,
                      w->ctx->deadline, &e);
    if (rc < 0 && rc != -ERR_NOT_FOUND) {
        ocf_finding_of(w->ctx, r->name, &e);
        return false;
    }
    out = rc < 0 ? NULL : find_attachment(r, route.attachment_id, w->entry->tgw_id);
    if (out == NULL || route.blackhole) {
        tell_tgw_table(w, rc < 0 ? "no route" : "a blackhole");
        return false;
    }
    if (out->kind == TGW_VPC && strcmp(out->resource_id, w->to->vpc_id) == 0) {
        ocf_finding(w->ctx, 0, "%s: answers reach %s", w->b->regions[0].name,
                    client_text(w->b, w->to, client, sizeof(client)));
        return false;
    }
    if (out->kind != TGW_PEERING) {
        tell_tgw_table(w, "a route elsewhere");
        return false;
    }
    return cross(w, out);
}

/* Follow a packet from the table of the node's subnet. */
static void
follow(struct walk *w, const struct ec2_route_table *own)
{
    const struct ec2_route *route = ec2_route_to(own, &w->address);

    if (route != NULL && !route->blackhole && awsid_is(route->target, "pcx")) {
        return; /* a peering of the VPCs themselves */
    }
    if (route == NULL || route->blackhole || !awsid_is(route->target, "tgw")) {
        tell_vpc_table(w, own, route == NULL ? "no route" : "a route elsewhere");
        return;
    }
    w->entry = find_resource(&w->b->regions[0], route->target, w->b->nic->vpc_id);
    for (unsigned hops = 0; w->entry != NULL && hops < HOPS_MAX && pass(w); hops++) {
    }
}

/* The table of the node's subnet, which may be the main one of the VPC. */
static int
read_own_table(struct ocf_ctx *ctx, const struct tgwback *b, struct ec2_route_tables *ret,
               struct err *e)
{
    struct ec2_table_query query = {
        .vpc_id = b->nic->vpc_id, .subnet_id = b->nic->subnet_id, .every_route = true};
    int rc = ec2_describe_route_tables(b->sessions[0], &query, ret, ctx->deadline, e);

    if (rc == 0 && ret->n == 0) {
        query.subnet_id = "";
        rc = ec2_describe_route_tables(b->sessions[0], &query, ret, ctx->deadline, e);
    }
    return rc < 0 || ret->n > 0
               ? rc
               : err_set(e, ERR_MALFORMED, "%s: no route table is shown", b->nic->subnet_id);
}

void
tgwback_preflight(struct ocf_ctx *ctx, const struct tgwback *b)
{
    OCF_FREE struct client *clients = calloc(CLIENTS_MAX, sizeof(*clients));
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables own = {0};
    struct err e = {0};
    size_t n = 0;

    for (size_t i = 0; clients != NULL && i < b->n_regions; i++) {
        n = b->regions[i].answered ? find_clients(ctx, b, i, clients, n) : n;
    }
    if (n > 0 && read_own_table(ctx, b, &own, &e) < 0) {
        ocf_finding_of(ctx, b->regions[0].name, &e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct walk w = {.ctx = ctx, .b = b, .to = &clients[i], .address = clients[i].network};

        w.address.prefix_len = (uint8_t)(addr_len(&w.address) * 8);
        if (tgwpath_make(b->regions, b->n_regions, clients[i].vpc_id, &w.path) == 0) {
            follow(&w, &own.tables[0]);
            tgwpath_done(&w.path);
        }
    }
}
