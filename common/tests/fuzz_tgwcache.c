/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "tgwcache.h"

/* Regions and inventories as they lie in the state directory. */

#define REGION "ap-northeast-3"

static void
put(const struct ocf_ctx *ctx, const char *what, const char *text, size_t len)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    struct err e = {0};

    FUZZ_CHECK(ocf_key(ctx, what, &key, &e) == 0);
    cache_put(&ctx->cache, buf_str(&key), text, len);
}

static void
say(const struct tgw_region *r, struct buf *trace)
{
    for (size_t i = 0; i < r->n_tables; i++) {
        fuzz_id(r->tables[i].id, "tgw-rtb", false);
        fuzz_id(r->tables[i].tgw_id, "tgw", false);
        FUZZ_CHECK(r->tables[i].n_routes == 0);
        fuzz_say(trace, "%s %s\n", r->tables[i].id, r->tables[i].tgw_id);
    }
    for (size_t i = 0; i < r->n_attachments; i++) {
        const struct tgw_attachment *a = &r->attachments[i];

        fuzz_id(a->id, "tgw-attach", false);
        fuzz_id(a->tgw_id, "tgw", false);
        fuzz_id(a->table_id, "tgw-rtb", true);
        FUZZ_CHECK(a->kind == TGW_VPC       ? awsid_is(a->resource_id, "vpc")
                   : a->kind == TGW_PEERING ? awsid_is(a->resource_id, "tgw")
                                            : a->resource_id[0] == '\0');
        fuzz_say(trace, "%s %s %s %s\n", a->id, a->tgw_id, a->resource_id, a->table_id);
    }
    for (size_t i = 0; i < r->n_peerings; i++) {
        for (size_t k = 0; k < 2; k++) {
            fuzz_id(r->peerings[i].tgw_id[k], "tgw", false);
            FUZZ_CHECK(awsid_is_region(r->peerings[i].region[k]));
            fuzz_say(trace, "%s %s\n", r->peerings[i].tgw_id[k], r->peerings[i].region[k]);
        }
    }
}

static void
read_inventory(const struct ocf_ctx *ctx, struct buf *trace)
{
    OCF_BUF struct buf first = BUF_INIT(FUZZ_TRACE_MAX);
    OCF_BUF struct buf second = BUF_INIT(FUZZ_TRACE_MAX);
    struct tgw_region r = {.name = "untouched"};
    struct tgw_region again = {.answered = false};

    if (!tgwcache_get(ctx, REGION, &r)) {
        FUZZ_CHECK(strcmp(r.name, "untouched") == 0);
        return;
    }
    FUZZ_CHECK(strcmp(r.name, REGION) == 0);
    say(&r, &first);
    tgwcache_put(ctx, &r);
    FUZZ_CHECK(tgwcache_get(ctx, REGION, &again));
    say(&again, &second);
    FUZZ_CHECK(strcmp(buf_str(&first), buf_str(&second)) == 0);
    FUZZ_CHECK(buf_adds(trace, buf_str(&first)) == 0);
    tgw_region_done(&r);
    tgw_region_done(&again);
}

static void
read_regions(const struct ocf_ctx *ctx, struct buf *trace)
{
    struct tgwcache_regions regions;
    struct tgwcache_regions again;

    tgwcache_get_regions(ctx, &regions);
    FUZZ_CHECK(regions.n <= TGWCACHE_REGIONS_MAX);
    for (size_t i = 0; i < regions.n; i++) {
        FUZZ_CHECK(awsid_is_region(regions.names[i]));
        fuzz_say(trace, "%s\n", regions.names[i]);
    }
    tgwcache_put_regions(ctx, &regions);
    tgwcache_get_regions(ctx, &again);
    FUZZ_CHECK(regions.n == again.n);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    FAKENODE ctx;

    if (len > CACHE_ENTRY_MAX) {
        return;
    }
    fuzz_node(&ctx);
    put(&ctx, "tgw-inventory " REGION, text, len);
    put(&ctx, "tgw-regions", text, len);
    read_inventory(&ctx, trace);
    read_regions(&ctx, trace);
}
