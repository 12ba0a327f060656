/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "tgwcache.h"

#define OSAKA "ap-northeast-3"

/* Osaka: a TGW with two tables, a VPC, a VPN and a peering with Tokyo. */
static struct tgw_region
osaka(void)
{
    static struct tgw_table tables[] = {{.id = "tgw-rtb-0000000a", .tgw_id = "tgw-0000000a"},
                                        {.id = "tgw-rtb-0000000b", .tgw_id = "tgw-0000000a"}};
    static struct tgw_attachment attachments[] = {
        {.id = "tgw-attach-0000000a",
         .tgw_id = "tgw-0000000a",
         .kind = TGW_VPC,
         .resource_id = "vpc-0000000a",
         .table_id = "tgw-rtb-0000000a"},
        {.id = "tgw-attach-0000000b",
         .tgw_id = "tgw-0000000a",
         .kind = TGW_PEERING,
         .resource_id = "tgw-0000000b"},
        {.id = "tgw-attach-0000000c", .tgw_id = "tgw-0000000a", .kind = TGW_OTHER},
    };
    static struct tgw_peering peerings[] = {
        {.tgw_id = {"tgw-0000000b", "tgw-0000000a"}, .region = {"ap-northeast-1", OSAKA}}};

    return (struct tgw_region){.name = OSAKA,
                               .answered = true,
                               .tables = tables,
                               .n_tables = ARRAY_LEN(tables),
                               .attachments = attachments,
                               .n_attachments = ARRAY_LEN(attachments),
                               .peerings = peerings,
                               .n_peerings = ARRAY_LEN(peerings)};
}

static void
tgwcache_put_get_is_the_inventory(void **state)
{
    struct fake *f = *state;
    struct tgw_region in = osaka();
    OCF_CLEANUP(tgw_region_done) struct tgw_region out = {.n_tables = 0};
    FAKENODE ctx;
    FAKENODE vip2;

    fakenode_init(f, &ctx, NULL);
    fakenode_init(f, &vip2, NULL);
    vip2.instance = "vip2";
    assert_false(tgwcache_get(&ctx, OSAKA, &out));
    tgwcache_put(&ctx, &in);
    assert_false(tgwcache_get(&ctx, "ap-northeast-1", &out));
    assert_false(tgwcache_get(&vip2, OSAKA, &out)); /* may have another role */
    assert_true(tgwcache_get(&ctx, OSAKA, &out));
    assert_string_equal(out.name, OSAKA);
    assert_false(out.answered);
    assert_int_equal(out.n_tables, 2);
    assert_memory_equal(out.tables, in.tables, 2 * sizeof(*in.tables));
    assert_int_equal(out.n_attachments, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(out.attachments[i].id, in.attachments[i].id);
        assert_string_equal(out.attachments[i].tgw_id, in.attachments[i].tgw_id);
        assert_string_equal(out.attachments[i].resource_id, in.attachments[i].resource_id);
        assert_string_equal(out.attachments[i].table_id, in.attachments[i].table_id);
        assert_int_equal(out.attachments[i].kind, in.attachments[i].kind);
    }
    assert_int_equal(out.n_peerings, 1);
    assert_string_equal(out.peerings[0].tgw_id[1], "tgw-0000000a");
    assert_string_equal(out.peerings[0].region[0], "ap-northeast-1");
    assert_string_equal(out.peerings[0].region[1], OSAKA);
}

static void
tgwcache_get_for_five_minutes(void **state)
{
    struct fake *f = *state;
    struct tgw_region in = osaka();
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    f->mono_ms = 1000;
    tgwcache_put(&ctx, &in);
    for (uint64_t age_ms = 0; age_ms <= TGWCACHE_MAX_AGE_MS; age_ms += TGWCACHE_MAX_AGE_MS - 1) {
        OCF_CLEANUP(tgw_region_done) struct tgw_region out = {.n_tables = 0};

        f->mono_ms = 1000 + age_ms;
        assert_true(tgwcache_get(&ctx, OSAKA, &out));
    }
    f->mono_ms = 1000 + TGWCACHE_MAX_AGE_MS;
    assert_false(tgwcache_get(&ctx, OSAKA, &in));
    f->mono_ms = 999; /* from before the boot */
    assert_false(tgwcache_get(&ctx, OSAKA, &in));
    assert_int_equal(in.n_tables, 2);
}

static void
tgwcache_get_of_what_it_would_not_write_is_a_miss(void **state)
{
    static const char *const bad[] = {
        "",
        "at\n",
        "at x\n",
        "at 0 0\n",
        "at 0\nat 0\n",
        "at 0\ntable tgw-rtb-0000000a\n",
        "at 0\ntable rtb-0000000a tgw-0000000a\n",
        "at 0\ntable tgw-rtb-0000000a vpc-0000000a\n",
        "at 0\ntable tgw-rtb-0000000a tgw-0000000a",
        "at 0\nattachment tgw-attach-0000000a tgw-0000000a vpc-0000000a\n",
        "at 0\nattachment vpc-0000000a tgw-0000000a vpc-0000000a -\n",
        "at 0\nattachment tgw-attach-0000000a tgw-0000000a vpc-0000000a rtb-0000000a\n",
        "at 0\nattachment tgw-attach-0000000a tgw-0000000a vpn-0000000a -\n",
        "at 0\npeering tgw-0000000a tokyo tgw-0000000b " OSAKA "\n",
        "at 0\npeering - " OSAKA " tgw-0000000b " OSAKA "\n",
        "at 0\ntable tgw-rtb-0000000a "
        "tgw-00000000000000000000000000000000000000000000000000000000000\n",
    };
    struct fake *f = *state;
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    struct tgw_region out = {.n_tables = 9};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    f->mono_ms = 0;
    assert_int_equal(ocf_key(&ctx, "tgw-inventory " OSAKA, &key, NULL), 0);
    cache_put(&f->cache, buf_str(&key), "at 0\n", strlen("at 0\n"));
    assert_true(tgwcache_get(&ctx, OSAKA, &out));
    tgw_region_done(&out);
    out.n_tables = 9;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cache_put(&f->cache, buf_str(&key), bad[i], strlen(bad[i]));
        assert_false(tgwcache_get(&ctx, OSAKA, &out));
        assert_int_equal(out.n_tables, 9);
    }
}

static void
tgwcache_regions_are_remembered(void **state)
{
    static const struct tgwcache_regions two = {.names = {OSAKA, "ap-southeast-1"}, .n = 2};
    struct fake *f = *state;
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(4096);
    struct tgwcache_regions found = {.n = 9};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    tgwcache_get_regions(&ctx, &found);
    assert_int_equal(found.n, 0);
    tgwcache_put_regions(&ctx, &two);
    tgwcache_get_regions(&ctx, &found);
    assert_memory_equal(&found, &two, sizeof(two));
    /* More than there can be, and none at all. */
    for (unsigned i = 0; i <= TGWCACHE_REGIONS_MAX; i++) {
        assert_int_equal(buf_addf(&text, "xx-east-%u\n", i), 0);
    }
    assert_int_equal(ocf_key(&ctx, "tgw-regions", &key, NULL), 0);
    cache_put(&f->cache, buf_str(&key), text.data, text.len);
    tgwcache_get_regions(&ctx, &found);
    assert_int_equal(found.n, TGWCACHE_REGIONS_MAX);
    cache_put(&f->cache, buf_str(&key), OSAKA "\ntokyo\n", strlen(OSAKA "\ntokyo\n"));
    tgwcache_get_regions(&ctx, &found);
    assert_int_equal(found.n, 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(tgwcache_put_get_is_the_inventory),
        FAKE_TEST(tgwcache_get_for_five_minutes),
        FAKE_TEST(tgwcache_get_of_what_it_would_not_write_is_a_miss),
        FAKE_TEST(tgwcache_regions_are_remembered),
    };

    return cmocka_run_group_tests_name("tgwcache", tests, NULL, NULL);
}
