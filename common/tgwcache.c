/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwcache.h"

#include "fields.h"

#include <stdio.h>
#include <string.h>

/*
 * An inventory is lines that begin with what they tell of:
 *   at MS                                    when it was read, by the clock of deadlines
 *   table ID TGW
 *   attachment ID TGW RESOURCE TABLE         the resource's id tells its kind
 *   peering TGW REGION TGW REGION
 */
#define REGIONS_KEY   "tgw-regions"
#define INVENTORY_KEY "tgw-inventory"

static bool
copy(char *out, size_t size, const char *field)
{
    return (size_t)snprintf(out, size, "%s", field) < size;
}

static bool
read_table(struct tgw_region *r, char f[FIELDS_MAX][FIELD_MAX])
{
    struct tgw_table *t = &r->tables[r->n_tables++];

    return copy(t->id, sizeof(t->id), f[1]) && copy(t->tgw_id, sizeof(t->tgw_id), f[2]) &&
           awsid_is(t->id, "tgw-rtb") && awsid_is(t->tgw_id, "tgw");
}

static bool
read_attachment(struct tgw_region *r, char f[FIELDS_MAX][FIELD_MAX])
{
    struct tgw_attachment *a = &r->attachments[r->n_attachments++];

    a->kind = awsid_is(f[3], "vpc") ? TGW_VPC : awsid_is(f[3], "tgw") ? TGW_PEERING : TGW_OTHER;
    return copy(a->id, sizeof(a->id), f[1]) && copy(a->tgw_id, sizeof(a->tgw_id), f[2]) &&
           copy(a->resource_id, sizeof(a->resource_id), f[3]) &&
           copy(a->table_id, sizeof(a->table_id), f[4]) && awsid_is(a->id, "tgw-attach") &&
           awsid_is(a->tgw_id, "tgw") && (a->kind != TGW_OTHER || a->resource_id[0] == '\0') &&
           (a->table_id[0] == '\0' || awsid_is(a->table_id, "tgw-rtb"));
}

static bool
read_peering(struct tgw_region *r, char f[FIELDS_MAX][FIELD_MAX])
{
    struct tgw_peering *p = &r->peerings[r->n_peerings++];

    for (size_t i = 0; i < 2; i++) {
        if (!copy(p->tgw_id[i], AWS_ID_MAX, f[1 + 2 * i]) ||
            !copy(p->region[i], TGW_REGION_MAX, f[2 + 2 * i]) || !awsid_is(p->tgw_id[i], "tgw") ||
            !awsid_is_region(p->region[i])) {
            return false;
        }
    }
    return true;
}

static bool
read_line(struct tgw_region *r, char f[FIELDS_MAX][FIELD_MAX], size_t n)
{
    static const struct {
        const char *word;
        size_t n;
        bool (*read)(struct tgw_region *r, char f[FIELDS_MAX][FIELD_MAX]);
    } kinds[] = {
        {"table", 3, read_table}, {"attachment", 5, read_attachment}, {"peering", 5, read_peering}};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(f[0], kinds[i].word) == 0 && n == kinds[i].n) {
            return kinds[i].read(r, f);
        }
    }
    return false;
}

/* Whether the first line, which is cut off, says that what follows is young enough. */
static bool
is_young(const struct ocf_ctx *ctx, const char **rest)
{
    uint64_t now_ms = deadline_now_ms(ctx->deadline);
    char f[FIELDS_MAX][FIELD_MAX];
    uint64_t at_ms = 0;

    return fields_next_line(rest, f) == 2 && strcmp(f[0], "at") == 0 &&
           param_parse_number(f[1], &at_ms) && at_ms <= now_ms &&
           now_ms - at_ms < TGWCACHE_MAX_AGE_MS;
}

/* The arrays have room for as many as there are lines. */
static bool
read_inventory(const char *text, struct tgw_region *ret)
{
    char f[FIELDS_MAX][FIELD_MAX];
    size_t n_lines = 1;

    for (const char *c = text; *c != '\0'; c++) {
        n_lines += *c == '\n';
    }
    ret->tables = calloc(n_lines, sizeof(*ret->tables));
    ret->attachments = calloc(n_lines, sizeof(*ret->attachments));
    ret->peerings = calloc(n_lines, sizeof(*ret->peerings));
    if (ret->tables == NULL || ret->attachments == NULL || ret->peerings == NULL) {
        return false;
    }
    while (*text != '\0') {
        size_t n = fields_next_line(&text, f);

        if (n == 0 || !read_line(ret, f, n)) {
            return false;
        }
    }
    return true;
}

static int
inventory_key(const struct ocf_ctx *ctx, const char *region, struct buf *ret)
{
    char what[sizeof(INVENTORY_KEY) + TGW_REGION_MAX];

    (void)snprintf(what, sizeof(what), INVENTORY_KEY " %s", region);
    return ocf_key(ctx, what, ret, NULL);
}

bool
tgwcache_get(const struct ocf_ctx *ctx, const char *region, struct tgw_region *ret)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(CACHE_ENTRY_MAX);
    struct tgw_region found = {0};
    const char *rest = NULL;

    if (inventory_key(ctx, region, &key) < 0 || !cache_get(&ctx->cache, buf_str(&key), &text)) {
        return false;
    }
    rest = buf_str(&text);
    if (!is_young(ctx, &rest) || !read_inventory(rest, &found)) {
        tgw_region_done(&found);
        return false;
    }
    (void)snprintf(found.name, sizeof(found.name), "%s", region);
    *ret = found;
    return true;
}

static int
write_inventory(const struct tgw_region *r, uint64_t at_ms, struct buf *ret)
{
    int rc = buf_addf(ret, "at %llu\n", (unsigned long long)at_ms);

    for (size_t i = 0; rc == 0 && i < r->n_tables; i++) {
        rc = buf_addf(ret, "table %s %s\n", r->tables[i].id, r->tables[i].tgw_id);
    }
    for (size_t i = 0; rc == 0 && i < r->n_attachments; i++) {
        const struct tgw_attachment *a = &r->attachments[i];

        rc = buf_addf(ret, "attachment %s %s %s %s\n", a->id, a->tgw_id,
                      fields_word(a->resource_id), fields_word(a->table_id));
    }
    for (size_t i = 0; rc == 0 && i < r->n_peerings; i++) {
        const struct tgw_peering *p = &r->peerings[i];

        rc = buf_addf(ret, "peering %s %s %s %s\n", p->tgw_id[0], p->region[0], p->tgw_id[1],
                      p->region[1]);
    }
    return rc;
}

void
tgwcache_put(const struct ocf_ctx *ctx, const struct tgw_region *region)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(CACHE_ENTRY_MAX);

    if (inventory_key(ctx, region->name, &key) == 0 &&
        write_inventory(region, deadline_now_ms(ctx->deadline), &text) == 0) {
        cache_put(&ctx->cache, buf_str(&key), text.data, text.len);
    }
}

void
tgwcache_drop(const struct ocf_ctx *ctx, const char *region)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);

    if (inventory_key(ctx, region, &key) == 0) {
        cache_drop(&ctx->cache, buf_str(&key));
    }
}

void
tgwcache_get_regions(const struct ocf_ctx *ctx, struct tgwcache_regions *ret)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(CACHE_ENTRY_MAX);
    struct tgwcache_regions found = {.n = 0};
    const char *rest = NULL;

    *ret = found;
    if (ocf_key(ctx, REGIONS_KEY, &key, NULL) < 0 ||
        !cache_get(&ctx->cache, buf_str(&key), &text)) {
        return;
    }
    for (rest = buf_str(&text); *rest != '\0' && found.n < TGWCACHE_REGIONS_MAX; found.n++) {
        char f[FIELDS_MAX][FIELD_MAX];

        if (fields_next_line(&rest, f) != 1 || !awsid_is_region(f[0])) {
            return;
        }
        (void)snprintf(found.names[found.n], TGW_REGION_MAX, "%s", f[0]);
    }
    *ret = found;
}

void
tgwcache_put_regions(const struct ocf_ctx *ctx, const struct tgwcache_regions *regions)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(CACHE_ENTRY_MAX);
    int rc = ocf_key(ctx, REGIONS_KEY, &key, NULL);

    for (size_t i = 0; rc == 0 && i < regions->n; i++) {
        rc = buf_addf(&text, "%s\n", regions->names[i]);
    }
    if (rc == 0) {
        cache_put(&ctx->cache, buf_str(&key), text.data, text.len);
    }
}
