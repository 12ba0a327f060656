/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port that answers a load balancer's health checks where the resource is, and nowhere else. */
#include "elbv2.h"
#include "healthport.h"
#include "listener.h"

#include <stdio.h>

#define DAY_MS    86400000
#define DEPTH_AWS 20

struct params {
    struct aws_params aws;
    struct healthport_params listen;
    uint64_t probe_timeout_ms;
    const char *target_group_arn;
};

static const struct param rows[] = {
    {.name = "probe_timeout",
     .type = PARAM_DURATION,
     .flags = PARAM_RELOADABLE,
     .initial = "0s",
     .max = DAY_MS,
     .offset = offsetof(struct params, probe_timeout_ms),
     .shortdesc = {"Longest time without a health check", "ヘルスチェックが来ない時間の上限"},
     .longdesc = {"When no other host has made a health check for so long, the monitor reports "
                  "degraded (190): the load balancer has lost this node. 0: off.",
                  "他のホストからのヘルスチェックがこの時間来なければ、監視は degraded (190) を"
                  "返します (ロードバランサーがこのノードを見失っています)。0 は無効。"}},
    {.name = "target_group_arn",
     .type = PARAM_STRING,
     .flags = PARAM_RELOADABLE,
     .max = 512,
     .offset = offsetof(struct params, target_group_arn),
     .shortdesc = {"Target group to ask about", "問い合わせるターゲットグループ"},
     .longdesc = {"ARN of the target group. A monitor with OCF_CHECK_LEVEL=20 asks AWS whether "
                  "this node is healthy in it. Without it, AWS is never called.",
                  "ターゲットグループの ARN。OCF_CHECK_LEVEL=20 の監視が、このノードが正常と"
                  "判定されているかを AWS に問い合わせます。省略時、AWS は呼び出しません。"}},
    {0},
};

static int
check(struct ocf_ctx *ctx, struct err *e)
{
    const struct params *p = ctx->params;

    if (p->target_group_arn != NULL && (strncmp(p->target_group_arn, "arn:", 4) != 0 ||
                                        strstr(p->target_group_arn, ":targetgroup/") == NULL)) {
        return err_set(e, ERR_PARAM,
                       "target_group_arn=\"%.60s\": allowed is "
                       "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID",
                       p->target_group_arn);
    }
    return healthport_check(ctx, &p->listen, e);
}

/* Whether a target is this node: by an address that it has, or by the id of the instance. */
static int
is_this_node(struct ocf_ctx *ctx, const struct elbv2_target *t, struct err *e)
{
    OCF_BUF struct buf id = BUF_INIT(AWS_ID_MAX);
    struct node *node = NULL;
    struct addr address;
    int rc = 0;

    if (addr_parse(t->id, &address)) {
        return netif_has_addr(&address, 0, NULL, e);
    }
    rc = ocf_node(ctx, &node, e);
    rc = rc < 0 ? rc : node_instance_id(node, ctx->deadline, &id, e);
    return rc < 0 ? rc : strcmp(buf_str(&id), t->id) == 0;
}

/* What the load balancer thinks of this node; of several ports the first that is not healthy. */
static enum ocf_verdict
judge(struct ocf_ctx *ctx, const struct elbv2_targets *targets, struct err *why)
{
    bool known = false;

    for (size_t i = 0; i < targets->n; i++) {
        const struct elbv2_target *t = &targets->items[i];
        int rc = is_this_node(ctx, t, why);

        if (rc < 0) {
            return OCF_UNKNOWN;
        }
        known = known || rc > 0;
        if (rc > 0 && strcmp(t->state, "healthy") != 0) {
            (void)err_set(why, ERR_CONFLICT, "target %s port %s is %s%s%s%s%s", t->id, t->port,
                          t->state, t->reason[0] == '\0' ? "" : ", ", t->reason,
                          t->description[0] == '\0' ? "" : ": ", t->description);
            return OCF_DEGRADED;
        }
    }
    if (!known) {
        (void)err_set(why, ERR_NOT_FOUND, "this node is no target of its target group");
    }
    return known ? OCF_HERE : OCF_DEGRADED;
}

static enum ocf_verdict
look_at_target(struct ocf_ctx *ctx, struct err *why)
{
    const struct params *p = ctx->params;
    struct elbv2_targets targets = {0};
    struct aws_session *session = NULL;
    enum ocf_verdict v = OCF_UNKNOWN;
    int rc = ocf_aws(ctx, &session, why);

    rc = rc < 0 ? rc
                : elbv2_describe_target_health(session, p->target_group_arn, &targets,
                                               ctx->deadline, why);
    if (rc == 0) {
        v = judge(ctx, &targets, why);
    }
    elbv2_targets_done(&targets);
    return rc == -ERR_NOT_FOUND ? OCF_DEGRADED : v;
}

/* What the balancer sees is told by monitors alone: a start could do nothing about it. */
static enum ocf_verdict
probe(struct ocf_ctx *ctx, struct err *why)
{
    const struct params *p = ctx->params;
    struct probectl_status status = {0};
    enum ocf_verdict v = healthport_look(ctx, &p->listen, &status, why);

    if (v != OCF_HERE || ctx->operation != OCF_OP_MONITOR) {
        return v;
    }
    if (p->probe_timeout_ms > 0 && status.idle_ms > p->probe_timeout_ms) {
        (void)err_set(why, ERR_NOT_FOUND,
                      "no health check for %llu s: check target group, security group and network",
                      (unsigned long long)(status.idle_ms / MS_PER_S));
        return OCF_DEGRADED;
    }
    return ctx->depth >= DEPTH_AWS && p->target_group_arn != NULL ? look_at_target(ctx, why) : v;
}

static int
acquire(struct ocf_ctx *ctx, struct err *e)
{
    const struct params *p = ctx->params;

    return healthport_start(ctx, &p->listen, e);
}

static int
release(struct ocf_ctx *ctx, struct err *e)
{
    const struct params *p = ctx->params;

    return healthport_stop(ctx, &p->listen, e);
}

static void
preflight(struct ocf_ctx *ctx)
{
    const struct params *p = ctx->params;
    struct err e = {0};

    healthport_preflight(ctx, &p->listen);
    if (p->target_group_arn != NULL) {
        /* That this node is unhealthy there now is no fault of the configuration. */
        if (look_at_target(ctx, &e) == OCF_DEGRADED && e.code == -ERR_CONFLICT) {
            e = (struct err){0};
        }
        ocf_finding_of(ctx, "elasticloadbalancing:DescribeTargetHealth", &e);
    }
}

int
main(int argc, char **argv)
{
    static const struct param_table tables[] = {{healthport_rows, offsetof(struct params, listen)},
                                                {rows, 0},
                                                {awsparam_rows, offsetof(struct params, aws)},
                                                {0}};
    static const struct ocf_agent agent = {
        .meta = {.name = "nlb-health-probe",
                 .shortdesc = "Answers a load balancer's health checks",
                 .longdesc =
                     "Listens on a port and answers the health checks of a Network Load Balancer, "
                     "so that it sends clients to the node that runs the group of this resource. "
                     "It comes last in the group. It needs neither AWS credentials nor the API.",
                 .tables = tables,
                 .actions = ocf_standard_actions},
        .params_size = sizeof(struct params),
        .aws_offset = offsetof(struct params, aws),
        .check = check,
        .probe = probe,
        .acquire = acquire,
        .release = release,
        .preflight = preflight};

    return listener_is(argc, argv) ? listener_main(argv) : ocf_main(&agent, argc, argv);
}
