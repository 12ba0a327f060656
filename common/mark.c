/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mark.h"

#define KEY "active"

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
    return rc < 0 ? OCF_UNKNOWN : OCF_HERE;
}

int
mark_set(const struct ocf_ctx *ctx, struct err *e)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    int rc = ocf_key(ctx, KEY, &key, e);

    return rc < 0 ? rc : cache_touch(&ctx->cache, buf_str(&key), e);
}

int
mark_remove(const struct ocf_ctx *ctx, struct err *e)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    int rc = ocf_key(ctx, KEY, &key, e);

    return rc < 0 ? rc : cache_remove(&ctx->cache, buf_str(&key), e);
}

void
mark_drop(const struct ocf_ctx *ctx)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);

    if (ocf_key(ctx, KEY, &key, NULL) == 0) {
        cache_drop(&ctx->cache, buf_str(&key));
    }
}
