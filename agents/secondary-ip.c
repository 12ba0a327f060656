/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An address of the subnet that follows the resource: a secondary private address of the ENI. */
#include "secondary.h"

struct params {
    struct aws_params aws;
    struct secondary secondary;
};

static const struct param rows[] = {
    {.name = "ip",
     .type = PARAM_ADDRESSES,
     .flags = PARAM_REQUIRED,
     .unique_group = "address",
     .offset = offsetof(struct params, secondary.vip.addresses),
     .shortdesc = {"Secondary IP addresses", "セカンダリ IP アドレス"},
     .longdesc = {"One or more IPv4 or IPv6 addresses of the subnet, each a secondary one: all "
                  "nodes are in this subnet.",
                  "サブネット内の IPv4 または IPv6 アドレス (複数可)。セカンダリアドレスとして"
                  "使い、全ノードがこのサブネットに属する必要があります。"}},
    {0},
};

static int
check(struct ocf_ctx *ctx, struct err *e)
{
    const struct params *p = ctx->params;

    return node_check_interface(p->secondary.vip.interface, e);
}

static bool
shown_by_imds(struct ocf_ctx *ctx)
{
    struct params *p = ctx->params;

    return secondary_shown_by_imds(ctx, &p->secondary);
}

static enum ocf_verdict
ask_aws(struct ocf_ctx *ctx, struct err *why)
{
    struct params *p = ctx->params;

    return secondary_ask_aws(ctx, &p->secondary, why);
}

static enum ocf_verdict
probe(struct ocf_ctx *ctx, struct err *why)
{
    const struct params *p = ctx->params;
    enum ocf_verdict local = vip_look(ctx, &p->secondary.vip, why);

    if (local == OCF_UNKNOWN && !p->secondary.vip.assign_address) {
        local = OCF_HERE; /* the mark does not tell: AWS does, since a stop takes it away there */
    }
    return ocf_probe_by_imds(ctx, local, shown_by_imds, ask_aws, why);
}

static int
acquire(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;
    struct secondary *s = &p->secondary;
    int rc = vip_assign(ctx, &s->vip, &s->nic.link, e);

    return rc < 0 ? rc : secondary_move(ctx, s, e);
}

static int
release(struct ocf_ctx *ctx, struct err *e)
{
    const struct params *p = ctx->params;

    return vip_remove(ctx, &p->secondary.vip, e);
}

static int
let_go(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;
    const struct secondary *s = &p->secondary;
    struct aws_session *session = NULL;
    int rc = ask_aws(ctx, e) == OCF_UNKNOWN ? e->code : 0;

    /* A primary address among them stays where it is, and keeps none of the others. */
    rc = rc < 0 && rc != -ERR_PARAM ? rc : ocf_aws(ctx, &session, e);
    return rc < 0 ? rc
                  : ec2_unassign_addresses(session, s->nic.eni_id, s->vip.addresses.items,
                                           s->holders, s->vip.addresses.n, ctx->deadline, e);
}

static void
preflight(struct ocf_ctx *ctx)
{
    struct params *p = ctx->params;

    secondary_preflight(ctx, &p->secondary);
}

int
main(int argc, char **argv)
{
    static const struct param_table tables[] = {
        {rows, 0},
        {awsparam_interface_rows, offsetof(struct params, secondary.vip.interface)},
        {vip_rows, offsetof(struct params, secondary.vip)},
        {awsparam_rows, offsetof(struct params, aws)},
        {awsparam_drift_rows, offsetof(struct params, aws)},
        {0}};
    static const struct ocf_agent agent = {
        .meta = {.name = "secondary-ip",
                 .shortdesc = "Secondary private IP address",
                 .longdesc = "Moves a secondary private address of the subnet between nodes of "
                             "one Availability Zone: AWS assigns it to the network interface of "
                             "the node that has the resource, and it is put on that interface.",
                 .tables = tables,
                 .actions = ocf_standard_actions},
        .params_size = sizeof(struct params),
        .aws_offset = offsetof(struct params, aws),
        .check = check,
        .probe = probe,
        .acquire = acquire,
        .release = release,
        .let_go = let_go,
        .preflight = preflight};

    return ocf_main(&agent, argc, argv);
}
