/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "creds.h"

/*
 * The providers that read what others wrote: the instance's role (the pieces answer the token, the
 * role's name and its keys), the container endpoint, and a credentials file, whose roles STS has.
 * The first piece is a web identity token, too; its first line is what a variable of the
 * environment says. What was had once is had from the node's cache the next time.
 */

#define CONTAINER "/v2/credentials"
#define FILE_NAME "credentials"
#define ROLE      "arn:aws:iam::123456789012:role/ocf-aws"

/* The environment; the end has no name. */
struct variable {
    const char *name;
    const char *value;
};

static const struct variable *variables;

static const char *
environment(const char *name)
{
    const struct variable *v = variables;

    while (v->name != NULL && strcmp(v->name, name) != 0) {
        v++;
    }
    return v->value;
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

static void
write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len && close(fd) == 0);
}

/* The providers that the environment asks for. */
static void
get_by_environment(const struct ocf_ctx *ctx, struct imds *imds, const char *file, const char *text,
                   size_t len, struct buf *trace)
{
    const char *piece = "";
    size_t piece_len = 0;
    char line[256] = "";
    const struct variable container[] = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", CONTAINER},
                                         {0}};
    const struct variable elsewhere[] = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", line},
                                         {"AWS_CONTAINER_AUTHORIZATION_TOKEN", line},
                                         {0}};
    const struct variable guarded[] = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", CONTAINER},
                                       {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file},
                                       {0}};
    const struct variable identity[] = {
        {"AWS_ROLE_ARN", ROLE}, {"AWS_WEB_IDENTITY_TOKEN_FILE", file}, {0}};
    const struct variable keys[] = {
        {"AWS_ACCESS_KEY_ID", line}, {"AWS_SECRET_ACCESS_KEY", line}, {0}};
    const struct variable *const all[] = {container, elsewhere, guarded, identity, keys};

    variables = container;
    get(ctx, imds, NULL, text, len, trace);
    FUZZ_CHECK(fuzz_next_piece(&text, &len, &piece, &piece_len));
    write_file(file, piece, piece_len);
    (void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(piece, "\n"), piece);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        variables = all[i];
        get(ctx, imds, NULL, text == NULL ? "" : text, len, trace);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static const struct variable nothing[] = {{0}};
    char path[sizeof(((struct cache *)NULL)->dir) + sizeof("/" FILE_NAME)];
    FAKENODE ctx;
    struct imds imds;

    fuzz_node(&ctx);
    imds_init(&imds, fuzz_transport(), &ctx.cache, FAKE_IMDS);
    (void)snprintf(path, sizeof(path), "%s/" FILE_NAME, ctx.cache.dir);
    variables = nothing;
    get(&ctx, &imds, NULL, text, len, trace);
    write_file(path, text, len);
    get(&ctx, &imds, path, text, len, trace);
    get_by_environment(&ctx, &imds, path, text, len, trace);
    imds_done(&imds);
}
