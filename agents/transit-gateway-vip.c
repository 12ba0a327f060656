/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address that follows the resource between regions: routes of VPCs and Transit Gateways. */
#include "tgwvip.h"

struct params {
    struct aws_params aws;
    struct tgwvip vip;
};

static const struct param rows[] = {
    {.name = "ip",
     .type = PARAM_ADDRESSES,
     .flags = PARAM_REQUIRED,
     .unique_group = "address",
     .offset = offsetof(struct params, vip.vip.addresses),
     .shortdesc = {"Virtual IP addresses", "仮想 IP アドレス"},
     .longdesc = {"One or more IPv4 or IPv6 addresses outside the networks of all VPCs. A route in "
                  "a VPC's table makes that VPC a client, in any region.",
                  "すべての VPC のネットワークに含まれない IPv4 または IPv6 アドレス (複数可)。"
                  "ルートテーブルにこのアドレスへの経路を持つ VPC が、リージョンを問わず"
                  "クライアントになります。"}},
    {.name = "regions",
     .type = PARAM_REGIONS,
     .flags = PARAM_RELOADABLE,
     .offset = offsetof(struct params, vip.only),
     .shortdesc = {"Regions to work in", "対象リージョン"},
     .longdesc = {"Names of the regions whose routes follow the resource; that of the node always "
                  "does. Default: every region that peerings of Transit Gateways lead to.",
                  "リソースと共に経路を移すリージョンの名前。ノード自身のリージョンは常に含まれ"
                  "ます。省略時は Transit Gateway のピアリングで到達できるすべてのリージョン。"}},
    {.name = "create_routes",
     .type = PARAM_BOOLEAN,
     .flags = PARAM_RELOADABLE,
     .initial = "false",
     .offset = offsetof(struct params, vip.routes.create_routes),
     .shortdesc = {"Create missing Transit Gateway routes", "無い Transit Gateway 経路を作成する"},
     .longdesc = {"Create the routes that Transit Gateway route tables lack on the way from a "
                  "client. Without it they are reported with the command that creates them. Routes "
                  "of VPCs are never created.",
                  "クライアントからの経路上にある Transit Gateway ルートテーブルに無い経路を作成"
                  "します。false の場合は作成するコマンドと共に報告します。VPC の経路は作成"
                  "しません。"}},
    {0},
};

static int
check(struct ocf_ctx *ctx, struct err *e)
{
    return node_check_interface(((const struct params *)ctx->params)->vip.vip.interface, e);
}

static enum ocf_verdict
look_at_routes(struct ocf_ctx *ctx, struct err *why)
{
    struct tgwvip *t = &((struct params *)ctx->params)->vip;
    enum ocf_verdict routes = tgwvip_look(ctx, t, why);

    if (routes == OCF_HERE && ctx->local == OCF_HERE && ctx->depth >= 10) {
        return routeplan_check_eni(ctx, t->nic.eni_id, why);
    }
    return routes;
}

static enum ocf_verdict
probe(struct ocf_ctx *ctx, struct err *why)
{
    return vip_probe(ctx, &((struct params *)ctx->params)->vip.vip, look_at_routes, why);
}

/* Where no route leads, the address may be that of another node, which it would hide from us. */
static int
acquire(struct ocf_ctx *ctx, struct err *e)
{
    struct tgwvip *t = &((struct params *)ctx->params)->vip;
    int rc = tgwvip_check(t, e);

    rc = rc < 0 ? rc : vip_assign(ctx, &t->vip, &t->nic.link, e);
    return rc < 0 ? rc : tgwvip_apply(ctx, t, e);
}

static enum ocf_verdict
finish(struct ocf_ctx *ctx, enum ocf_verdict v, struct err *why)
{
    return tgwvip_finish(ctx, &((struct params *)ctx->params)->vip, v, why);
}

/* The routes stay: the next owner replaces them, and AWS may not be reachable now. */
static int
release(struct ocf_ctx *ctx, struct err *e)
{
    pending_drop(ctx);
    known_drop(ctx);
    return vip_remove(ctx, &((struct params *)ctx->params)->vip.vip, e);
}

static void
preflight(struct ocf_ctx *ctx)
{
    tgwvip_preflight(ctx, &((struct params *)ctx->params)->vip);
}

static void
done(struct ocf_ctx *ctx)
{
    tgwvip_done(&((struct params *)ctx->params)->vip);
}

int
main(int argc, char **argv)
{
    static const struct param_table tables[] = {
        {rows, 0},
        {awsparam_interface_rows, offsetof(struct params, vip.vip.interface)},
        {vip_rows, offsetof(struct params, vip.vip)},
        {route_rows, offsetof(struct params, vip.routes)},
        {awsparam_rows, offsetof(struct params, aws)},
        {awsparam_drift_rows, offsetof(struct params, aws)},
        {0}};
    static const struct ocf_agent agent = {
        .meta = {.name = "transit-gateway-vip",
                 .shortdesc = "Virtual IP address between regions by Transit Gateways",
                 .longdesc =
                     "Moves an IP address outside the networks of all VPCs between nodes in any "
                     "region: the address is put on the interface, and the routes of the VPCs and "
                     "of the Transit Gateways between them are led to this node, in all regions. "
                     "A region that does not answer does not keep it from starting: what is left "
                     "there is written when it answers again.",
                 .tables = tables,
                 .actions = ocf_standard_actions},
        .params_size = sizeof(struct params),
        .aws_offset = offsetof(struct params, aws),
        .check = check,
        .probe = probe,
        .acquire = acquire,
        .release = release,
        .finish = finish,
        .preflight = preflight,
        .done = done};

    return ocf_main(&agent, argc, argv);
}
