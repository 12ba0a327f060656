/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mark.h"

#define KEY_MAX 1024

static int
mark_key(const struct ocf_ctx *ctx, struct buf *ret, struct err *e)
{
    int rc = buf_addf(ret, "active %s %s", ctx->agent->meta.name, ctx->instance);

    return rc < 0 ? err_set(e, (enum err_code) - rc, "%s", err_text(rc)) : 0;
}

enum ocf_verdict
mark_look(const struct ocf_ctx *ctx, struct err *why)
{
    OCF_BUF struct buf key = BUF_INIT(KEY_MAX);
    int rc = mark_key(ctx, &key, why);

    rc = rc < 0 ? rc : cache_has(&ctx->cache, buf_str(&key), why);
    if (rc == 0) {
        (void)err_set(why, ERR_NOT_FOUND, "not started on this node");
        return OCF_ABSENT;
    }
    return rc < 0 ? OCF_UNKNOWN : OCF_HERE;
}

int
mark_set(const struct ocf_ctx *ctx, struct err *e)
{
    OCF_BUF struct buf key = BUF_INIT(KEY_MAX);
    int rc = mark_key(ctx, &key, e);

    return rc < 0 ? rc : cache_touch(&ctx->cache, buf_str(&key), e);
}

int
mark_remove(const struct ocf_ctx *ctx, struct err *e)
{
    OCF_BUF struct buf key = BUF_INIT(KEY_MAX);
    int rc = mark_key(ctx, &key, e);

    return rc < 0 ? rc : cache_remove(&ctx->cache, buf_str(&key), e);
}

void
mark_drop(const struct ocf_ctx *ctx)
{
    OCF_BUF struct buf key = BUF_INIT(KEY_MAX);

    if (mark_key(ctx, &key, NULL) == 0) {
        cache_drop(&ctx->cache, buf_str(&key));
    }
}
