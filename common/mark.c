/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mark.h"

#define KEY "active"

/* Whether it is being found out if the resource runs here, and the cluster does not know it. */
static bool
is_in_question(const struct ocf_ctx *ctx)
{
    return ctx->operation == OCF_OP_PROBE || ctx->operation == OCF_OP_STOP || ocf_is_standby(ctx);
}

enum ocf_verdict
mark_look(const struct ocf_ctx *ctx, struct err *why)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    int rc = ocf_key(ctx, KEY, &key, why);

    rc = rc < 0 ? rc : cache_has(&ctx->cache, buf_str(&key), why);
    if (rc == 0) {
        (void)err_set(why, ERR_NOT_FOUND, "not started on this node");
        return OCF_ABSENT;
    }
    if (rc > 0 && is_in_question(ctx)) {
        rc = cache_may_remove(&ctx->cache, buf_str(&key), why);
    }
    return rc < 0 ? OCF_UNKNOWN : OCF_HERE;
}

int
mark_set(const struct ocf_ctx *ctx, struct err *e)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    int rc = ocf_key(ctx, KEY, &key, e);

    return rc < 0 ? rc : cache_touch(&ctx->cache, buf_str(&key), e);
}

void
mark_remove(const struct ocf_ctx *ctx)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    struct err e = {0};

    if (ocf_key(ctx, KEY, &key, NULL) == 0 && cache_remove(&ctx->cache, buf_str(&key), &e) < 0) {
        ocf_warn(ctx, "stopped; its mark stays", &e);
    }
}

void
mark_drop(const struct ocf_ctx *ctx)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);

    if (ocf_key(ctx, KEY, &key, NULL) == 0) {
        cache_drop(&ctx->cache, buf_str(&key));
    }
}
