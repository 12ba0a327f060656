/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "creds.h"

/*
 * The providers that read what others wrote: the instance's role (the pieces answer the token, the
 * role's name and its keys), the container endpoint, and a credentials file, whose roles STS has.
 * What was had once is had from the node's cache the next time.
 */

#define CONTAINER "/v2/credentials"
#define FILE_NAME "credentials"

static const char *container;

static const char *
environment(const char *name)
{
    return strcmp(name, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == 0 ? container : NULL;
}

/* What can be signed with goes into header lines, and into lines of the cache. */
static void
check(const struct aws_credentials *c)
{
    FUZZ_CHECK(c->access_key_id.len > 0 && c->secret_access_key.len > 0);
    FUZZ_CHECK(strlen(c->access_key_id.data) == c->access_key_id.len);
    FUZZ_CHECK(strnlen(c->source, sizeof(c->source)) < sizeof(c->source));
    for (const char *s = c->source; *s != '\0'; s++) {
        FUZZ_CHECK(*s != '\n');
    }
}

static void
get(const struct ocf_ctx *ctx, struct imds *imds, const char *file, const char *text, size_t len,
    struct buf *trace)
{
    struct creds cold = {.options = {.credentials_file = file},
                         .session = fuzz_answers(text, len),
                         .transport = fuzz_transport(),
                         .imds = imds,
                         .cache = &ctx->cache,
                         .getenv = environment};
    struct creds warm = cold;
    const struct aws_credentials *got = NULL;
    const struct aws_credentials *again = NULL;
    struct err e = {0};
    int rc = 0;

    creds_init(&cold);
    creds_init(&warm);
    rc = creds_get(&cold, false, fuzz_deadline(), &got, &e);
    if (rc < 0) {
        fuzz_error(trace, rc, &e);
    } else {
        check(got);
        fuzz_say(trace, "%s %lld %s\n", buf_str(&got->access_key_id), (long long)got->expires_s,
                 got->source);
    }
    if (rc == 0 && got->expires_s > FAKE_WALL_S + 100000) {
        /* There is nobody to ask any more. */
        (void)fuzz_answers("-TIMEOUT", 8);
        FUZZ_CHECK(creds_get(&warm, false, fuzz_deadline(), &again, &e) == 0);
        FUZZ_CHECK(strcmp(buf_str(&again->access_key_id), buf_str(&got->access_key_id)) == 0);
        FUZZ_CHECK(strcmp(buf_str(&again->secret_access_key), buf_str(&got->secret_access_key)) ==
                   0);
        FUZZ_CHECK(strcmp(buf_str(&again->session_token), buf_str(&got->session_token)) == 0);
        FUZZ_CHECK(again->expires_s == got->expires_s && strcmp(again->source, got->source) == 0);
    }
    creds_done(&cold);
    creds_done(&warm);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    char path[sizeof(((struct cache *)NULL)->dir) + sizeof("/" FILE_NAME)];
    FAKENODE ctx;
    struct imds imds;
    int fd = -1;

    fuzz_node(&ctx);
    imds_init(&imds, fuzz_transport(), &ctx.cache, FAKE_IMDS);
    container = NULL;
    get(&ctx, &imds, NULL, text, len, trace);
    container = CONTAINER;
    get(&ctx, &imds, NULL, text, len, trace);
    container = NULL;
    (void)snprintf(path, sizeof(path), "%s/" FILE_NAME, ctx.cache.dir);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len && close(fd) == 0);
    get(&ctx, &imds, path, text, len, trace);
    imds_done(&imds);
}
