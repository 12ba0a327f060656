/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host name that follows the resource: an A and an AAAA record in Route 53. */
#include "mark.h"
#include "record.h"

struct params {
    struct aws_params aws;
    struct record_params record;
    /* What the last probe found, and what was written. */
    struct record now;
    bool seen_right; /* nothing is left to write, and nothing need be read again */
    bool was_here;   /* before the stop */
};

static int
check(struct ocf_ctx *ctx, struct err *e)
{
    const struct params *p = ctx->params;

    return record_check(&p->record, e);
}

/*
 * What keeps us from reading. That the zone has gone, or that the record was made an alias, is
 * nothing that another node could mend: the service goes on, and a start says what is wrong.
 */
static enum ocf_verdict
judge_error(const struct ocf_ctx *ctx, struct err *why)
{
    bool looking = ctx->operation == OCF_OP_MONITOR || ctx->operation == OCF_OP_PROBE;
    bool gone = why->code == -ERR_NOT_FOUND;

    if (looking && (gone || err_class(why->code) == ERR_CLASS_CONFIG)) {
        return OCF_DEGRADED;
    }
    if (gone) {
        why->code = -ERR_PARAM; /* ids are not used again */
    }
    return OCF_UNKNOWN;
}

static enum ocf_verdict
look_deeper(struct ocf_ctx *ctx, struct err *why)
{
    struct params *p = ctx->params;
    enum ocf_verdict v = OCF_HERE;

    if (ctx->depth >= 10) {
        v = record_check_zones(ctx, &p->record, &p->now, why);
    }
    if (v == OCF_HERE && ctx->depth >= 20) {
        v = record_check_answer(ctx, &p->record, &p->now, why);
    }
    return v;
}

static enum ocf_verdict
look_at_changes(struct ocf_ctx *ctx, struct err *why)
{
    struct params *p = ctx->params;

    return p->record.wait_insync ? record_look_at_changes(ctx, &p->record, &p->now, why) : OCF_HERE;
}

static enum ocf_verdict
look_at_records(struct ocf_ctx *ctx, struct err *why)
{
    struct params *p = ctx->params;
    enum ocf_verdict v = OCF_UNKNOWN;

    if (p->seen_right) {
        return look_at_changes(ctx, why);
    }
    if (record_read(ctx, &p->record, &p->now, why) < 0) {
        return judge_error(ctx, why);
    }
    v = record_verdict(&p->now, why);
    if (v != OCF_HERE) {
        return v;
    }
    p->seen_right = ctx->operation == OCF_OP_START || ctx->operation == OCF_OP_RELOAD;
    if (ctx->local == OCF_ABSENT) {
        (void)err_set(why, ERR_NOT_FOUND, "not started on this node");
        return OCF_ABSENT;
    }
    return p->seen_right ? look_at_changes(ctx, why) : look_deeper(ctx, why);
}

/* The records stay as they are after a stop. */
static enum ocf_verdict
probe(struct ocf_ctx *ctx, struct err *why)
{
    struct err unsure = {0};

    ctx->local = mark_look(ctx, &unsure);
    if (ctx->local == OCF_ABSENT && !ctx->everything) {
        *why = unsure;
        return OCF_ABSENT;
    }
    return ocf_settled_by_aws(ctx, &unsure, look_at_records(ctx, why), why);
}

/* The mark comes first: a start that ends halfway is then seen by whoever looks. */
static int
acquire(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;
    int rc = mark_set(ctx, e);

    return rc < 0 ? rc : record_write(ctx, &p->now, e);
}

static int
release(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;
    struct err why = {0};

    (void)e;
    p->was_here = mark_look(ctx, &why) == OCF_HERE;
    mark_remove(ctx);
    return 0;
}

/*
 * The record stays for the next owner to change, unless the user wants otherwise. With a value that
 * is the same on all nodes it may be another's: a stop where nothing was started leaves it alone.
 */
static int
let_go(struct ocf_ctx *ctx, struct err *e)
{
    struct params *p = ctx->params;

    return p->record.delete_on_stop && p->was_here ? record_delete(ctx, &p->record, &p->now, e) : 0;
}

static void
preflight(struct ocf_ctx *ctx)
{
    struct params *p = ctx->params;

    record_preflight(ctx, &p->record, &p->now);
}

static void
done(struct ocf_ctx *ctx)
{
    struct params *p = ctx->params;

    record_done(&p->now);
}

/* Route 53 takes five requests a second of the whole account: a monitor a minute is its measure. */
static const struct meta_action actions[] = {
    {.name = "start", .timeout_s = 180},
    {.name = "stop", .timeout_s = 30},
    {.name = "monitor", .timeout_s = 30, .interval_s = 60},
    {.name = "reload-agent", .timeout_s = 60},
    {.name = "validate-all", .timeout_s = 30},
    {.name = "meta-data", .timeout_s = 5},
    {0},
};

int
main(int argc, char **argv)
{
    static const struct param_table tables[] = {
        {record_rows, offsetof(struct params, record)},
        {awsparam_interface_rows, offsetof(struct params, record.interface)},
        {awsparam_rows, offsetof(struct params, aws)},
        {awsparam_drift_rows, offsetof(struct params, aws)},
        {0}};
    static const struct ocf_agent agent = {
        .meta = {.name = "route53-record",
                 .shortdesc = "Host name by Route 53",
                 .longdesc = "Moves a host name between nodes anywhere: its A and AAAA records in "
                             "private and public hosted zones of Route 53 are set to this node's "
                             "addresses.",
                 .tables = tables,
                 .actions = actions},
        .params_size = sizeof(struct params),
        .aws_offset = offsetof(struct params, aws),
        .check = check,
        .probe = probe,
        .acquire = acquire,
        .release = release,
        .let_go = let_go,
        .preflight = preflight,
        .done = done};

    return ocf_main(&agent, argc, argv);
}
