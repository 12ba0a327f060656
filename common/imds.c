/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "imds.h"

#include "exchange.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_TTL_S     "21600" /* six hours, the longest there is */
#define TOKEN_MAX       1024
#define VALUE_MAX       65536
#define URL_MAX         512
#define ATTEMPT_MS      1000 /* a link-local service answers in a few */
#define TOKEN_CACHE_KEY "imds-token "

/* A token with what surrounds it in a header line. */
#define TOKEN_HEADER_MAX (TOKEN_MAX + sizeof("X-aws-ec2-metadata-token: "))

/* What the steps of one imds_get() share. */
struct fetch {
    struct imds *m;
    struct imds_item *items;
    char (*urls)[URL_MAX];
    char token_header[TOKEN_HEADER_MAX];
};

void
imds_init(struct imds *m, const struct http_transport *transport, const struct cache *cache,
          const char *base_url)
{
    *m = (struct imds){.transport = transport,
                       .cache = cache,
                       .base_url = base_url,
                       .base_len = (int)strlen(base_url),
                       .token = BUF_INIT_SECRET(TOKEN_MAX)};
    while (m->base_len > 0 && base_url[m->base_len - 1] == '/') {
        m->base_len--;
    }
}

void
imds_done(struct imds *m)
{
    buf_done(&m->token);
}

/* Turn the state of an ended exchange into an error. */
static int
judge_status(const struct imds *m, const char *path, const struct http_exchange *x, struct err *e)
{
    if (x->error.code < 0) {
        *e = x->error;
        return e->code;
    }
    switch (x->answer.status) {
    case 200:
        return 0;
    case 401:
        return err_set(e, ERR_CREDENTIALS, "IMDS no longer knows the session token");
    case 403:
        return err_set(e, ERR_IMDS_DISABLED,
                       "IMDS %s refuses (403): enable the metadata endpoint of this instance",
                       m->base_url);
    case 404:
        return err_set(e, ERR_NOT_FOUND, "IMDS has no %s", path);
    default:
        return err_set(e, ERR_SERVICE, "IMDS %s answers %ld", m->base_url, x->answer.status);
    }
}

static int
make_url(const struct imds *m, const char *path, char out[URL_MAX], struct err *e)
{
    int n = snprintf(out, URL_MAX, "%.*s/latest/%s", m->base_len, m->base_url, path);

    return n < 0 || n >= URL_MAX
               ? err_set(e, ERR_PARAM, "metadata URL is too long: %.100s", m->base_url)
               : 0;
}

static int
prepare_token(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    struct fetch *f = arg;
    int rc = make_url(f->m, "api/token", f->urls[i], e);

    if (rc < 0) {
        return rc;
    }
    x->request =
        (struct http_request){.method = "PUT",
                              .url = f->urls[i],
                              .headers = {"X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_TTL_S},
                              .n_headers = 1,
                              .max_answer = TOKEN_MAX,
                              .attempt_ms = ATTEMPT_MS,
                              .direct = true,
                              .secret = true};
    return 0;
}

/* The token goes into a header line: it must be printable and of one line. */
static bool
is_plausible_token(const struct buf *b)
{
    for (size_t i = 0; i < b->len; i++) {
        if (b->data[i] <= ' ' || b->data[i] > '~') {
            return false;
        }
    }
    return b->len > 0;
}

static int
judge_token(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    const struct fetch *f = arg;
    int rc = judge_status(f->m, "api/token", x, e);

    (void)i;
    if (rc == 0 && !is_plausible_token(&x->answer.body)) {
        return err_set(e, ERR_MALFORMED, "IMDS %s sent no usable session token", f->m->base_url);
    }
    return rc;
}

static void
token_key(const struct imds *m, char key[URL_MAX])
{
    (void)snprintf(key, URL_MAX, TOKEN_CACHE_KEY "%.*s", m->base_len, m->base_url);
}

static int
fetch_token(struct imds *m, struct deadline d, struct err *e)
{
    static const struct exchange_ops ops = {.prepare = prepare_token, .judge = judge_token};
    char url[1][URL_MAX];
    char key[URL_MAX];
    struct fetch f = {.m = m, .urls = url};
    struct http_exchange x = {0};
    int rc = exchange_all(m->transport, &ops, &f, &x, e, 1, d);

    /* The old one stays until there is another: a header without a value is not sent. */
    if (rc == 0) {
        buf_done(&m->token);
        m->token = x.answer.body;
        x.answer.body = (struct buf){0};
        token_key(m, key);
        cache_put(m->cache, key, m->token.data, m->token.len);
    }
    http_exchange_done(&x);
    return rc;
}

/*
 * The cached token carries no time of expiry: IMDS answers 401 to one that has expired, which
 * costs one more request every six hours and cannot be wrong about the clock.
 */
static int
have_token(struct imds *m, struct deadline d, struct err *e)
{
    char key[URL_MAX];

    if (m->token.len > 0) {
        return 0;
    }
    token_key(m, key);
    if (cache_get(m->cache, key, &m->token) && is_plausible_token(&m->token)) {
        return 0;
    }
    buf_clear(&m->token);
    return fetch_token(m, d, e);
}

static int
prepare_value(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    struct fetch *f = arg;
    int rc = make_url(f->m, f->items[i].path, f->urls[i], e);

    if (rc < 0) {
        return rc;
    }
    (void)snprintf(f->token_header, sizeof(f->token_header), "X-aws-ec2-metadata-token: %s",
                   buf_str(&f->m->token));
    x->request = (struct http_request){.method = "GET",
                                       .url = f->urls[i],
                                       .headers = {f->token_header},
                                       .n_headers = 1,
                                       .max_answer = VALUE_MAX,
                                       .attempt_ms = ATTEMPT_MS,
                                       .direct = true,
                                       .secret = f->items[i].secret};
    return 0;
}

static int
judge_value(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    const struct fetch *f = arg;

    return judge_status(f->m, f->items[i].path, x, e);
}

static int
refresh_token(void *arg, size_t i, int code, struct deadline d, struct err *e)
{
    struct fetch *f = arg;
    char sent[TOKEN_HEADER_MAX];

    (void)i;
    if (code == -ERR_IMDS_DISABLED) {
        return code;
    }
    /* Of several values that found the token stale, the first renews it for all, if it can. */
    (void)snprintf(sent, sizeof(sent), "X-aws-ec2-metadata-token: %s", buf_str(&f->m->token));
    if (strcmp(sent, f->token_header) != 0) {
        return 0;
    }
    return fetch_token(f->m, d, e);
}

/* One item a value; the token is there. */
static int
fetch_values(struct imds *m, struct imds_item *items, size_t n, struct deadline d)
{
    static const struct exchange_ops ops = {
        .prepare = prepare_value, .judge = judge_value, .refresh = refresh_token};
    OCF_FREE struct http_exchange *x = calloc(n, sizeof(*x));
    OCF_FREE struct err *errs = calloc(n, sizeof(*errs));
    OCF_FREE char(*urls)[URL_MAX] = calloc(n, URL_MAX);
    struct fetch f = {.m = m, .items = items, .urls = urls};
    int rc = 0;

    if (x == NULL || errs == NULL || urls == NULL) {
        for (size_t i = 0; i < n; i++) {
            (void)err_set(&items[i].error, ERR_NOMEM, "out of memory");
        }
        return -ERR_NOMEM;
    }
    rc = exchange_all(m->transport, &ops, &f, x, errs, n, d);
    for (size_t i = 0; i < n; i++) {
        items[i].error = errs[i];
        if (errs[i].code == 0) {
            items[i].value = x[i].answer.body;
            x[i].answer.body = (struct buf){0};
        }
        http_exchange_done(&x[i]);
    }
    explicit_bzero(f.token_header, sizeof(f.token_header));
    return rc;
}

int
imds_get(struct imds *m, struct imds_item *items, size_t n, struct deadline d)
{
    struct err e = {0};
    int rc = have_token(m, d, &e);

    if (rc == 0) {
        return fetch_values(m, items, n, d);
    }
    for (size_t i = 0; i < n; i++) {
        items[i].error = e;
    }
    return rc;
}

void
imds_items_done(struct imds_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_done(&items[i].value);
    }
}

int
imds_get_one(struct imds *m, const char *path, struct deadline d, struct buf *ret, struct err *e)
{
    struct imds_item item = {.path = path, .secret = ret->secret};
    int rc = imds_get(m, &item, 1, d);

    if (rc == 0) {
        rc = buf_add(ret, buf_str(&item.value), item.value.len);
        if (rc < 0) {
            (void)err_set(&item.error, (enum err_code) - rc, "IMDS: %s: %s", path, err_text(rc));
        }
    }
    if (rc < 0 && e != NULL) {
        *e = item.error;
    }
    imds_items_done(&item, 1);
    return rc;
}
