/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address outside the VPC's networks that follows the resource: routes to this node's ENI. */
#include "routeplan.h"
#include "vip.h"

struct params {
    struct aws_params aws;
    struct vip_params vip;
    struct param_addresses cidr_routes;
    struct param_ids route_tables;
    struct route_params routes;
    /* What the last probe found. */
    struct node_nic nic;
    struct routeplan plan;
};

static const struct param rows[] = {
    {.name = "ip",
     .type = PARAM_ADDRESSES,
     .flags = PARAM_REQUIRED,
     .unique_group = "address",
     .offset = offsetof(struct params, vip.addresses),
     .shortdesc = {"Virtual IP addresses", "仮想 IP アドレス"},
     .longdesc = {"One or more IPv4 or IPv6 addresses outside the networks of the VPC.",
                  "VPC のネットワークに含まれない IPv4 または IPv6 アドレス (複数可)。"}},
    {.name = "cidr_routes",
     .type = PARAM_CIDRS,
     .flags = PARAM_RELOADABLE,
     .offset = offsetof(struct params, cidr_routes),
     .shortdesc = {"Further networks routed to this node", "このノードに向ける追加ネットワーク"},
     .longdesc = {"Networks whose routes follow the resource too, without an address on the "
                  "interface: for a VPN or gateway node.",
                  "リソースと共に経路を移すネットワーク。インターフェイスには付与しません。"
                  "VPN やゲートウェイのノード用です。"}},
    {.name = "route_tables",
     .type = PARAM_IDS,
     .flags = PARAM_RELOADABLE,
     .allowed = "rtb",
     .offset = offsetof(struct params, route_tables),
     .shortdesc = {"Route tables to change", "変更するルートテーブル"},
     .longdesc =
         {"Ids of the route tables. Default: every table of the node's VPC that has a route "
          "for one of the addresses.",
          "ルートテーブルの ID。省略時は、ノードの VPC でこのアドレスへの経路を持つ"
          "すべてのルートテーブル。"}},
    {0},
};

static int
check(struct ocf_ctx *ctx, struct err *e)
{
    const struct params *p = ctx->params;

    if (p->routes.create_routes && p->route_tables.n == 0) {
        return err_set(e, ERR_PARAM, "create_routes=\"true\": needs route_tables=rtb-...");
    }
    if (p->vip.addresses.n + p->cidr_routes.n > PARAM_LIST_MAX) {
        return err_set(e, ERR_PARAM, "ip and cidr_routes: at most %d together", PARAM_LIST_MAX);
    }
    return node_check_interface(p->vip.interface, e);
}

/* Find our ENI, read the tables and compare. 0 or an error. */
static int
plan_routes(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;
    struct param_addresses destinations = p->vip.addresses;
    int rc = ocf_nic(ctx, p->vip.interface, &p->nic, e);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < p->cidr_routes.n && destinations.n < PARAM_LIST_MAX; i++) {
        destinations.items[destinations.n++] = p->cidr_routes.items[i];
    }
    return routeplan_read(ctx, &p->nic, &p->route_tables, &destinations, p->routes.create_routes,
                          &p->plan, e);
}

/* A table that was named does not exist: no node can help that, and ids are never used again. */
static void
blame_route_tables(struct err *e)
{
    e->code = -ERR_PARAM;
    (void)err_prefix(e, "route_tables");
}

static enum ocf_verdict
look_at_routes(struct ocf_ctx *ctx, struct err *why)
{
    struct params *p = ctx->params;
    enum ocf_verdict routes = OCF_UNKNOWN;
    int rc = plan_routes(ctx, why);

    if (rc == -ERR_NOT_FOUND && ctx->operation != OCF_OP_START) {
        return OCF_DEGRADED; /* the service goes on by the other tables */
    }
    if (rc < 0) {
        if (rc == -ERR_NOT_FOUND) {
            blame_route_tables(why);
        }
        return OCF_UNKNOWN;
    }
    routes = routeplan_verdict(&p->plan);
    if (routes != OCF_HERE) {
        (void)err_set(why, ERR_NOT_FOUND, "%s", p->plan.text);
        return routes;
    }
    if (ctx->local == OCF_HERE && ctx->depth >= 10) {
        return routeplan_check_eni(ctx, p->nic.eni_id, why);
    }
    return OCF_HERE;
}

static enum ocf_verdict
probe(struct ocf_ctx *ctx, struct err *why)
{
    return vip_probe(ctx, &((struct params *)ctx->params)->vip, look_at_routes, why);
}

/* Where no route leads, the address may be that of another node, which it would hide from us. */
static int
acquire(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;
    int rc = routeplan_check(&p->plan, &p->routes, p->nic.eni_id, e);

    rc = rc < 0 ? rc : vip_assign(ctx, &p->vip, &p->nic.link, e);
    return rc < 0 ? rc : routeplan_apply(ctx, &p->plan, &p->routes, p->nic.eni_id, e);
}

/* The routes stay: the next owner replaces them, and AWS may not be reachable now. */
static int
release(struct ocf_ctx *ctx, struct err *e)
{
    known_drop(ctx);
    return vip_remove(ctx, &((struct params *)ctx->params)->vip, e);
}

static void
preflight(struct ocf_ctx *ctx)
{
    struct params *p = ctx->params;
    struct err e = {0};
    int rc = plan_routes(ctx, &e);

    if (p->nic.eni_id[0] != '\0') {
        vip_preflight_outside_vpc(ctx, &p->vip, &p->nic);
    }
    if (rc == -ERR_NOT_FOUND) {
        blame_route_tables(&e);
        ocf_finding(ctx, e.code, "%s", e.text);
    } else {
        ocf_finding_of(ctx, "ec2:DescribeRouteTables", &e);
    }
    if (rc == 0) {
        routeplan_preflight(ctx, &p->plan, &p->routes, p->nic.eni_id);
    }
}

static void
done(struct ocf_ctx *ctx)
{
    routeplan_done(&((struct params *)ctx->params)->plan);
}

int
main(int argc, char **argv)
{
    static const struct param_table tables[] = {
        {rows, 0},
        {awsparam_interface_rows, offsetof(struct params, vip.interface)},
        {vip_rows, offsetof(struct params, vip)},
        {route_create_rows, offsetof(struct params, routes)},
        {route_rows, offsetof(struct params, routes)},
        {awsparam_rows, offsetof(struct params, aws)},
        {awsparam_drift_rows, offsetof(struct params, aws)},
        {0}};
    static const struct ocf_agent agent = {
        .meta = {.name = "route-table-vip",
                 .shortdesc = "Virtual IP address by VPC route tables",
                 .longdesc =
                     "Moves an IP address outside the networks of the VPC between nodes in any "
                     "Availability Zone: the address is put on the interface, and the routes "
                     "of the VPC's route tables are led to this node.",
                 .tables = tables,
                 .actions = ocf_standard_actions},
        .params_size = sizeof(struct params),
        .aws_offset = offsetof(struct params, aws),
        .check = check,
        .probe = probe,
        .acquire = acquire,
        .release = release,
        .preflight = preflight,
        .done = done};

    return ocf_main(&agent, argc, argv);
}
