/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "known.h"

#include "array.h"
#include "fields.h"

#include <stdio.h>
#include <string.h>

#define KEY "known-routes"

void
known_done(struct known *k)
{
    free(k->items);
    *k = (struct known){0};
}

static bool
is_same(const struct known_route *a, const struct known_route *b)
{
    return strcmp(a->region, b->region) == 0 && strcmp(a->table_id, b->table_id) == 0 &&
           addr_equal(&a->destination, &b->destination);
}

static bool
has(const struct known *k, const struct known_route *route)
{
    for (size_t i = 0; i < k->n; i++) {
        if (is_same(&k->items[i], route)) {
            return true;
        }
    }
    return false;
}

static int
add(struct known *k, const struct known_route *route)
{
    return has(k, route) ? 0 : ARRAY_ADD(&k->items, &k->n, SIZE_MAX, route);
}

int
known_add(struct known *k, const char *region, const char *table_id, const struct addr *destination)
{
    struct known_route route = {.destination = *destination};

    (void)snprintf(route.region, sizeof(route.region), "%s", region);
    (void)snprintf(route.table_id, sizeof(route.table_id), "%s", table_id);
    return add(k, &route);
}

int
known_format(const struct known *k, struct buf *ret)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < k->n; i++) {
        char text[ADDR_TEXT_MAX];

        rc = buf_addf(ret, "%s %s %s\n", k->items[i].region, k->items[i].table_id,
                      addr_cidr_text(&k->items[i].destination, text));
    }
    return rc;
}

int
known_parse(const char *text, struct known *ret)
{
    struct known found = {0};
    int rc = 0;

    while (rc == 0 && *text != '\0') {
        char f[FIELDS_MAX][FIELD_MAX];
        struct addr destination;
        bool fits = fields_next_line(&text, f) == 3 && awsid_is_region(f[0]) &&
                    awsid_is(f[1], "rtb") && addr_parse_cidr(f[2], &destination);

        rc = fits ? known_add(&found, f[0], f[1], &destination) : -ERR_MALFORMED;
    }
    if (rc < 0) {
        known_done(&found);
        return rc;
    }
    *ret = found;
    return 0;
}

/* What was seen before; nothing when it cannot be read. */
static int
load(const struct ocf_ctx *ctx, const char *key, struct known *ret)
{
    OCF_BUF struct buf text = BUF_INIT(CACHE_ENTRY_MAX);
    int rc = cache_get(&ctx->cache, key, &text) ? known_parse(buf_str(&text), ret) : 0;

    return rc == -ERR_NOMEM ? rc : 0;
}

static void
store(const struct ocf_ctx *ctx, const char *key, const struct known *k)
{
    OCF_BUF struct buf text = BUF_INIT(CACHE_ENTRY_MAX);

    if (known_format(k, &text) == 0) {
        cache_put(&ctx->cache, key, text.data, text.len);
    } else {
        cache_drop(&ctx->cache, key); /* more than an entry holds */
    }
}

static bool
is_wanted(const struct known_look *look, const struct known_route *route)
{
    for (size_t i = 0; i < look->n_destinations; i++) {
        if (addr_equal(&look->destinations[i], &route->destination)) {
            return true;
        }
    }
    return false;
}

/* Sort what was seen before and is not found: what is missed, and what is remembered on. */
static int
sort(const struct known_look *look, const struct known *before, bool misses, struct known *now,
     struct known *lost)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < before->n; i++) {
        const struct known_route *route = &before->items[i];
        bool answered = look->has_answered == NULL || look->has_answered(route->region, look->arg);

        if (has(look->found, route) || !is_wanted(look, route)) {
            continue;
        }
        rc = answered && misses ? add(lost, route) : 0;
        rc = rc == 0 && (misses || !answered) ? add(now, route) : rc;
    }
    return rc;
}

static bool
is_same_list(const struct known *a, const struct known *b)
{
    for (size_t i = 0; i < a->n; i++) {
        if (!has(b, &a->items[i])) {
            return false;
        }
    }
    return a->n == b->n;
}

int
known_compare(const struct ocf_ctx *ctx, const struct known_look *look, struct known *ret_lost)
{
    bool monitors = ctx->operation == OCF_OP_MONITOR && !ocf_is_standby(ctx);
    bool begins = ctx->operation == OCF_OP_START || ctx->operation == OCF_OP_RELOAD;
    bool misses = monitors || ctx->operation == OCF_OP_VALIDATE;
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_CLEANUP(known_done) struct known before = {0};
    OCF_CLEANUP(known_done) struct known now = {0};
    struct known lost = {0};
    int rc = ocf_key(ctx, KEY, &key, NULL);

    rc = rc < 0 ? rc : load(ctx, buf_str(&key), &before);
    for (size_t i = 0; rc == 0 && i < look->found->n; i++) {
        rc = add(&now, &look->found->items[i]);
    }
    rc = rc < 0 ? rc : sort(look, &before, misses, &now, &lost);
    if (rc < 0) {
        known_done(&lost);
        return rc;
    }
    if ((monitors || begins) && !is_same_list(&before, &now)) {
        store(ctx, buf_str(&key), &now);
    }
    *ret_lost = lost;
    return 0;
}

void
known_drop(const struct ocf_ctx *ctx)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);

    if (ocf_key(ctx, KEY, &key, NULL) == 0) {
        cache_drop(&ctx->cache, buf_str(&key));
    }
}
