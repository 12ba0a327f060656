/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pending.h"

#include "array.h"
#include "fields.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define KEY    "pending"
#define BEYOND "*"

void
pending_done(struct pending *p)
{
    free(p->items);
    *p = (struct pending){0};
}

bool
pending_is_empty(const struct pending *p)
{
    return !p->everything && p->n == 0;
}

static bool
is_whole_region(const struct pending_item *item)
{
    return item->table_id[0] == '\0';
}

int
pending_add(struct pending *p, const struct pending_item *item)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct pending_item *said = &p->items[i];

        if (strcmp(said->region, item->region) == 0 &&
            (is_whole_region(said) || (strcmp(said->table_id, item->table_id) == 0 &&
                                       addr_equal(&said->destination, &item->destination)))) {
            return 0;
        }
    }
    return ARRAY_ADD(&p->items, &p->n, SIZE_MAX, item);
}

int
pending_add_region(struct pending *p, const char *region)
{
    struct pending_item item = {.table_id = ""};

    (void)snprintf(item.region, sizeof(item.region), "%s", region);
    return pending_add(p, &item);
}

bool
pending_has_region(const struct pending *p, const char *region)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->items[i].region, region) == 0) {
            return true;
        }
    }
    return p->everything;
}

enum pending_route
pending_look(const struct pending *p, const char *region, const char *table_id,
             const struct addr *destination, const char *target)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct pending_item *item = &p->items[i];

        if (strcmp(item->region, region) != 0) {
            continue;
        }
        if (is_whole_region(item)) {
            return PENDING_LEFT;
        }
        if (strcmp(item->table_id, table_id) == 0 && addr_equal(&item->destination, destination)) {
            return strcmp(item->seen, target) == 0 ? PENDING_LEFT : PENDING_CHANGED;
        }
    }
    return p->everything ? PENDING_LEFT : PENDING_NOT;
}

int
pending_format(const struct pending *p, struct buf *ret)
{
    int rc = p->beyond && p->n > 0 ? buf_adds(ret, BEYOND "\n") : 0;

    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        const struct pending_item *item = &p->items[i];
        char text[ADDR_TEXT_MAX];

        rc = is_whole_region(item)
                 ? buf_addf(ret, "%s\n", item->region)
                 : buf_addf(ret, "%s %s %s %s\n", item->region, item->table_id,
                            addr_cidr_text(&item->destination, text), fields_word(item->seen));
    }
    return rc;
}

static bool
read_item(char fields[FIELDS_MAX][FIELD_MAX], size_t n, struct pending_item *ret)
{
    bool whole = n == 1;

    if ((!whole && n != 4) || !awsid_is_region(fields[0])) {
        return false;
    }
    *ret = (struct pending_item){0};
    (void)snprintf(ret->region, sizeof(ret->region), "%s", fields[0]);
    if (whole) {
        return true;
    }
    (void)snprintf(ret->table_id, sizeof(ret->table_id), "%s", fields[1]);
    (void)snprintf(ret->seen, sizeof(ret->seen), "%s", fields[3]);
    return (awsid_is(fields[1], "rtb") || awsid_is(fields[1], "tgw-rtb")) &&
           addr_parse_cidr(fields[2], &ret->destination);
}

int
pending_parse(const char *text, struct pending *ret)
{
    struct pending found = {0};
    int rc = *text == '\0' ? -ERR_MALFORMED : 0;

    while (rc == 0 && *text != '\0') {
        char fields[FIELDS_MAX][FIELD_MAX];
        struct pending_item item;
        size_t n = fields_next_line(&text, fields);

        if (n == 1 && strcmp(fields[0], BEYOND) == 0 && !found.beyond) {
            found.beyond = true;
            continue;
        }
        rc = n > 0 && read_item(fields, n, &item) ? pending_add(&found, &item) : -ERR_MALFORMED;
    }
    rc = rc == 0 && found.n == 0 ? -ERR_MALFORMED : rc;
    if (rc < 0) {
        pending_done(&found);
        return rc;
    }
    *ret = found;
    return 0;
}

int
pending_load(const struct ocf_ctx *ctx, struct pending *ret, struct err *e)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(CACHE_ENTRY_MAX);
    int rc = ocf_key(ctx, KEY, &key, e);

    rc = rc < 0 ? rc : cache_has(&ctx->cache, buf_str(&key), e);
    if (rc <= 0) {
        *ret = (struct pending){0};
        return rc;
    }
    (void)cache_get(&ctx->cache, buf_str(&key), &text);
    rc = pending_parse(buf_str(&text), ret);
    if (rc == -ERR_MALFORMED) {
        log_info("what was left is not known: every other region is looked at");
        *ret = (struct pending){.everything = true};
        return 0;
    }
    return rc < 0 ? err_set(e, (enum err_code) - rc, "%s", err_text(rc)) : 0;
}

int
pending_store(const struct ocf_ctx *ctx, const struct pending *p, struct err *e)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(CACHE_ENTRY_MAX);
    int rc = ocf_key(ctx, KEY, &key, e);

    if (rc < 0 || pending_is_empty(p)) {
        return rc < 0 ? rc : cache_remove(&ctx->cache, buf_str(&key), e);
    }
    if (!p->everything && pending_format(p, &text) == 0 &&
        cache_store(&ctx->cache, buf_str(&key), text.data, text.len, e) == 0) {
        return 0;
    }
    cache_drop(&ctx->cache, buf_str(&key)); /* an older one says something else */
    return cache_touch(&ctx->cache, buf_str(&key), e);
}

void
pending_drop(const struct ocf_ctx *ctx)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);

    if (ocf_key(ctx, KEY, &key, NULL) == 0) {
        cache_drop(&ctx->cache, buf_str(&key));
    }
}
