/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A public address that follows the resource: the association of an Elastic IP. */
#include "eip.h"
#include "mark.h"

struct params {
    struct aws_params aws;
    struct eip_params eip;
    /* What the last probe found. */
    struct node_nic nic;
    struct ec2_elastic_ip now;
};

static const struct param rows[] = {
    {.name = "allocation_id",
     .type = PARAM_ID,
     .unique_group = "address",
     .allowed = "eipalloc",
     .offset = offsetof(struct params, eip.allocation_id),
     .shortdesc = {"Allocation id of the Elastic IP", "Elastic IP の割り当て ID"},
     .longdesc = {"Allocation id of the Elastic IP. Either this or public_ip is required.",
                  "Elastic IP の割り当て ID。これか public_ip のどちらか一方が必須です。"}},
    {.name = "public_ip",
     .type = PARAM_ADDRESS,
     .unique_group = "address",
     .allowed = "IPv4",
     .offset = offsetof(struct params, eip.public_ip),
     .shortdesc = {"Public address of the Elastic IP", "Elastic IP のパブリックアドレス"},
     .longdesc = {"Public address of the Elastic IP. Either this or allocation_id is required.",
                  "Elastic IP のパブリックアドレス。これか allocation_id のどちらか一方が"
                  "必須です。"}},
    {.name = "private_ip",
     .type = PARAM_ADDRESS,
     .flags = PARAM_RELOADABLE,
     .allowed = "IPv4",
     .offset = offsetof(struct params, eip.private_ip),
     .shortdesc = {"Private address that it leads to", "対応させるプライベートアドレス"},
     .longdesc = {"Private address of the interface that the Elastic IP leads to. Default: the "
                  "interface's primary one.",
                  "Elastic IP を対応させる、インターフェイスのプライベートアドレス。省略時は"
                  "プライマリのアドレス。"}},
    {0},
};

static int
check(struct ocf_ctx *ctx, struct err *e)
{
    const struct params *p = ctx->params;

    if ((p->eip.allocation_id[0] != '\0') == (p->eip.public_ip.family != 0)) {
        return err_set(e, ERR_PARAM, "exactly one of allocation_id and public_ip is required%s%s",
                       p->eip.allocation_id[0] == '\0' ? ", none is set" : ", not both: ",
                       p->eip.allocation_id);
    }
    return node_check_interface(p->eip.interface, e);
}

static bool
shown_by_imds(struct ocf_ctx *ctx)
{
    struct params *p = ctx->params;

    return eip_shown_by_imds(ctx, &p->eip);
}

static enum ocf_verdict
ask_aws(struct ocf_ctx *ctx, struct err *why)
{
    struct params *p = ctx->params;

    return eip_ask_aws(ctx, &p->eip, &p->nic, &p->now, why);
}

/*
 * Start marks this node; whether the address still leads here is for IMDS and AWS to say, and where
 * the mark does not tell, too: a stop takes it away.
 */
static enum ocf_verdict
probe(struct ocf_ctx *ctx, struct err *why)
{
    ctx->local = mark_look(ctx, why);
    return ocf_probe_by_imds(ctx, ctx->local == OCF_ABSENT ? OCF_ABSENT : OCF_HERE, shown_by_imds,
                             ask_aws, why);
}

static int
acquire(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;
    struct aws_session *session = NULL;
    struct deadline d = ctx->deadline;
    struct err ignored = {0};
    bool here = eip_judge(&p->eip, &p->now, p->nic.eni_id, &ignored) == OCF_HERE;
    int rc = mark_set(ctx, e);

    rc = rc < 0 ? rc : ocf_aws(ctx, &session, e);
    ctx->idle = here && !ocf_is_anew(ctx);
    if (rc < 0 || ctx->idle) {
        return rc;
    }
    if (here) {
        d = deadline_cap(d, ctx->aws_params->api_timeout_ms);
    }
    rc = ec2_associate_elastic_ip(session, p->now.allocation_id, p->nic.eni_id, &p->eip.private_ip,
                                  false, d, e);
    ctx->idle = here && rc < 0;
    return here ? ocf_written_again(ctx, e) : rc;
}

static int
release(struct ocf_ctx *ctx, struct err *e)
{
    (void)e;
    mark_remove(ctx);
    return 0;
}

static int
let_go(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;
    struct aws_session *session = NULL;
    enum ocf_verdict v = ask_aws(ctx, e);
    int rc = v == OCF_UNKNOWN ? e->code : ocf_aws(ctx, &session, e);

    if (rc < 0 || (v != OCF_HERE && v != OCF_DEGRADED)) {
        return rc;
    }
    rc = ec2_disassociate_elastic_ip(session, p->now.association_id, false, ctx->deadline, e);
    return rc == -ERR_NOT_FOUND ? 0 : rc; /* associated elsewhere meanwhile */
}

/* One that a dry run can name: that of an Elastic IP which leads nowhere does not exist. */
static const char *
some_association(const struct ec2_elastic_ip *now)
{
    return now->association_id[0] != '\0' ? now->association_id : "eipassoc-00000000000000000";
}

static void
preflight(struct ocf_ctx *ctx)
{
    struct params *p = ctx->params;
    struct aws_session *session = NULL;
    struct err e = {0};

    if (ask_aws(ctx, &e) == OCF_UNKNOWN || ocf_aws(ctx, &session, &e) < 0) {
        ocf_finding_of(ctx, "ec2:DescribeAddresses", &e);
        return;
    }
    ocf_finding(ctx, 0, "ec2:DescribeAddresses: %s leads to %s", p->now.allocation_id,
                p->now.eni_id[0] == '\0' ? "no interface" : p->now.eni_id);
    e = (struct err){0};
    (void)!ec2_associate_elastic_ip(session, p->now.allocation_id, p->nic.eni_id,
                                    &p->eip.private_ip, true, ctx->deadline, &e);
    ocf_finding_of(ctx, "ec2:AssociateAddress", &e);
    e = (struct err){0};
    if (ec2_disassociate_elastic_ip(session, some_association(&p->now), true, ctx->deadline, &e) ==
        -ERR_NOT_FOUND) {
        e = (struct err){0}; /* told only to whoever may */
    }
    ocf_finding_of(ctx, "ec2:DisassociateAddress", &e);
}

int
main(int argc, char **argv)
{
    static const struct param_table tables[] = {
        {rows, 0},
        {awsparam_interface_rows, offsetof(struct params, eip.interface)},
        {awsparam_rows, offsetof(struct params, aws)},
        {awsparam_drift_rows, offsetof(struct params, aws)},
        {0}};
    static const struct ocf_agent agent = {
        .meta = {.name = "elastic-ip",
                 .shortdesc = "Elastic IP address",
                 .longdesc = "Moves an Elastic IP, a public IPv4 address, between nodes: it is "
                             "associated with the network interface of the node that has the "
                             "resource.",
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
