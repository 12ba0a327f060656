/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "pending.h"

#define OSAKA     "ap-northeast-3"
#define SINGAPORE "ap-southeast-1"
#define V4        "10.1.0.10/32"
#define V6        "2001:db8:200::10/128"
#define RTB       "rtb-0000000a"
#define TGW_RTB   "tgw-rtb-0000000a"
#define SEEN      "tgw-attach-0000000a"

static struct addr
cidr(const char *text)
{
    struct addr a;

    assert_true(addr_parse_cidr(text, &a));
    return a;
}

static void
add(struct pending *p, const char *region, const char *table_id, const char *destination,
    const char *seen)
{
    struct pending_item item = {0};

    if (table_id == NULL) {
        assert_int_equal(pending_add_region(p, region), 0);
        return;
    }
    (void)snprintf(item.region, sizeof(item.region), "%s", region);
    (void)snprintf(item.table_id, sizeof(item.table_id), "%s", table_id);
    (void)snprintf(item.seen, sizeof(item.seen), "%s", seen);
    item.destination = cidr(destination);
    assert_int_equal(pending_add(p, &item), 0);
}

#define LINES OSAKA " " TGW_RTB " " V4 " " SEEN "\n" OSAKA " " RTB " " V6 " -\n" SINGAPORE "\n"

static void
pending_format_parse_round_trip(void **state)
{
    OCF_CLEANUP(pending_done) struct pending p = {0};
    OCF_CLEANUP(pending_done) struct pending again = {0};
    OCF_BUF struct buf text = BUF_INIT(1024);
    OCF_BUF struct buf text_again = BUF_INIT(1024);

    (void)state;
    assert_true(pending_is_empty(&p));
    add(&p, OSAKA, TGW_RTB, V4, SEEN);
    add(&p, OSAKA, RTB, V6, "");
    add(&p, SINGAPORE, NULL, NULL, NULL);
    assert_false(pending_is_empty(&p));
    assert_int_equal(pending_format(&p, &text), 0);
    assert_string_equal(buf_str(&text), LINES);
    assert_int_equal(pending_parse(buf_str(&text), &again), 0);
    assert_int_equal(again.n, 3);
    assert_false(again.everything);
    assert_string_equal(again.items[1].seen, "");
    assert_int_equal(pending_format(&again, &text_again), 0);
    assert_string_equal(buf_str(&text_again), LINES);
}

static void
pending_format_parse_what_is_beyond(void **state)
{
    OCF_CLEANUP(pending_done) struct pending p = {0};
    OCF_CLEANUP(pending_done) struct pending nothing = {.beyond = true};
    OCF_BUF struct buf text = BUF_INIT(1024);

    (void)state;
    assert_int_equal(pending_parse("*\n" SINGAPORE "\n", &p), 0);
    assert_true(p.beyond);
    assert_int_equal(p.n, 1);
    assert_int_equal(pending_format(&p, &text), 0);
    assert_string_equal(buf_str(&text), "*\n" SINGAPORE "\n");
    /* Without a region that was left there is nothing beyond it. */
    buf_clear(&text);
    assert_true(pending_is_empty(&nothing));
    assert_int_equal(pending_format(&nothing, &text), 0);
    assert_string_equal(buf_str(&text), "");
}

static void
pending_add_says_nothing_twice(void **state)
{
    OCF_CLEANUP(pending_done) struct pending p = {0};

    (void)state;
    add(&p, OSAKA, NULL, NULL, NULL);
    add(&p, OSAKA, NULL, NULL, NULL);
    add(&p, OSAKA, RTB, V4, SEEN);
    assert_int_equal(p.n, 1);
    add(&p, SINGAPORE, RTB, V4, SEEN);
    assert_int_equal(p.n, 2);
    add(&p, SINGAPORE, RTB, V4, "");
    assert_int_equal(p.n, 2);
    add(&p, SINGAPORE, RTB, V6, SEEN);
    assert_int_equal(p.n, 3);
}

static void
pending_parse_refuses_what_it_would_not_write(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "*\n",
        "*\n*\n" OSAKA "\n",
        "* " OSAKA "\n",
        " \n",
        OSAKA, /* cut off before the end of the line */
        OSAKA " \n",
        "osaka\n",
        OSAKA " " RTB "\n",
        OSAKA " " RTB " " V4 "\n",
        OSAKA " " RTB " " V4 " " SEEN,
        OSAKA " " RTB " " V4 " " SEEN " more\n",
        OSAKA " " RTB " 10.1.0.10 " SEEN "\n", /* no prefix */
        OSAKA " " RTB "  " V4 " " SEEN "\n",
        OSAKA " vpc-0000000a " V4 " " SEEN "\n",
        OSAKA "\n" SINGAPORE "\nx",
        OSAKA "\n\n",
        OSAKA " " RTB " " V4
              " xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
              "xxxxxxxxxxxxxxxxxxx\n",
    };
    struct pending p = {.n = 99};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(pending_parse(bad[i], &p), -ERR_MALFORMED);
        assert_int_equal(p.n, 99);
    }
}

static void
pending_look_writes_only_over_what_was_seen(void **state)
{
    static const struct {
        const char *region;
        const char *table_id;
        const char *destination;
        const char *target;
        enum pending_route look;
    } cases[] = {
        {OSAKA, TGW_RTB, V4, SEEN, PENDING_LEFT},
        {OSAKA, TGW_RTB, V4, SEEN "0", PENDING_CHANGED},
        {OSAKA, TGW_RTB, V4, "", PENDING_CHANGED},
        {OSAKA, TGW_RTB, V6, SEEN, PENDING_NOT}, /* another address, another table: not left */
        {OSAKA, RTB, V4, SEEN, PENDING_NOT},
        {OSAKA, RTB, V6, "", PENDING_LEFT},
        {OSAKA, RTB, V6, SEEN, PENDING_CHANGED},
        {SINGAPORE, RTB, V4, SEEN, PENDING_LEFT},
        {SINGAPORE, TGW_RTB, V6, "", PENDING_LEFT},
        {"ap-northeast-1", TGW_RTB, V4, SEEN, PENDING_NOT},
    };
    OCF_CLEANUP(pending_done) struct pending p = {0};
    static const struct pending everything = {.everything = true};

    (void)state;
    assert_int_equal(pending_parse(LINES, &p), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr destination = cidr(cases[i].destination);

        assert_int_equal(
            pending_look(&p, cases[i].region, cases[i].table_id, &destination, cases[i].target),
            cases[i].look);
        assert_int_equal(pending_look(&everything, cases[i].region, cases[i].table_id, &destination,
                                      cases[i].target),
                         PENDING_LEFT);
    }
    assert_true(pending_has_region(&p, OSAKA));
    assert_true(pending_has_region(&p, SINGAPORE));
    assert_false(pending_has_region(&p, "ap-northeast-1"));
    assert_true(pending_has_region(&everything, "ap-northeast-1"));
    assert_false(pending_is_empty(&everything));
}

/* --- on the node ----------------------------------------------------------------------------- */

static void
pending_store_load_drop(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(pending_done) struct pending p = {0};
    OCF_CLEANUP(pending_done) struct pending found = {0};
    OCF_CLEANUP(pending_done) struct pending others = {0};
    static const struct pending nothing;
    struct err e = {0};
    FAKENODE ctx;
    FAKENODE vip2;

    fakenode_init(f, &ctx, NULL);
    fakenode_init(f, &vip2, NULL);
    vip2.instance = "vip2";
    assert_int_equal(pending_load(&ctx, &found, &e), 0);
    assert_true(pending_is_empty(&found));
    add(&p, OSAKA, RTB, V4, SEEN);
    assert_int_equal(pending_store(&ctx, &p, &e), 0);
    assert_int_equal(pending_load(&ctx, &found, &e), 0);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.items[0].seen, SEEN);
    assert_int_equal(pending_load(&vip2, &others, &e), 0);
    assert_true(pending_is_empty(&others)); /* another resource's */
    pending_done(&found);
    assert_int_equal(pending_store(&ctx, &nothing, &e), 0); /* all was done */
    assert_int_equal(pending_load(&ctx, &found, &e), 0);
    assert_true(pending_is_empty(&found));
    assert_int_equal(pending_store(&ctx, &p, &e), 0);
    pending_drop(&ctx);
    pending_drop(&ctx);
    assert_int_equal(pending_load(&ctx, &found, &e), 0);
    assert_true(pending_is_empty(&found));
    assert_int_equal(e.code, 0);
}

/* That something was left is known, and what is not: it may be any other region. */
static void
pending_load_what_cannot_be_read_is_everything(void **state)
{
    static const char *const texts[] = {"nonsense\n", OSAKA "\ncut of", OSAKA " " RTB "\n"};
    struct fake *f = *state;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    for (size_t i = 0; i <= ARRAY_LEN(texts); i++) {
        OCF_CLEANUP(pending_done) struct pending p = {0};
        OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);

        assert_int_equal(ocf_key(&ctx, "pending", &key, &e), 0);
        cache_drop(&f->cache, buf_str(&key));
        if (i < ARRAY_LEN(texts)) {
            cache_put(&f->cache, buf_str(&key), texts[i], strlen(texts[i]));
        } else {
            assert_int_equal(cache_touch(&f->cache, buf_str(&key), &e), 0);
        }
        assert_int_equal(pending_load(&ctx, &p, &e), 0);
        assert_true(p.everything);
        assert_int_equal(p.n, 0);
    }
    pending_drop(&ctx);
}

static void
pending_store_more_than_an_entry_holds_is_everything(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(pending_done) struct pending p = {0};
    OCF_CLEANUP(pending_done) struct pending found = {0};
    struct err e = {0};
    char table_id[AWS_ID_MAX];
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    add(&p, OSAKA, RTB, V4, SEEN);
    assert_int_equal(pending_store(&ctx, &p, &e), 0); /* which must not be read again */
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(table_id, sizeof(table_id), "tgw-rtb-%08x", i);
        add(&p, OSAKA, table_id, V6, SEEN);
    }
    assert_int_equal(pending_store(&ctx, &p, &e), 0);
    assert_int_equal(pending_load(&ctx, &found, &e), 0);
    assert_true(found.everything);
    assert_int_equal(pending_store(&ctx, &found, &e), 0); /* and stays so */
    assert_int_equal(pending_load(&ctx, &found, &e), 0);
    assert_true(found.everything);
    pending_drop(&ctx);
}

static void
pending_where_nothing_can_be_kept_is_told(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(pending_done) struct pending p = {0};
    struct pending found = {.n = 9};
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    ctx.cache = (struct cache){.dir_fd = -1, .dir = "/run/x/ocf-aws", .why = "no space"};
    add(&p, OSAKA, NULL, NULL, NULL);
    assert_int_equal(pending_store(&ctx, &p, &e), -ERR_SYSTEM);
    assert_string_equal(e.text, "cannot use /run/x/ocf-aws: no space");
    e = (struct err){0};
    assert_int_equal(pending_load(&ctx, &found, &e), -ERR_SYSTEM);
    assert_int_equal(found.n, 0);
    pending_drop(&ctx); /* of no consequence */
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pending_format_parse_round_trip),
        cmocka_unit_test(pending_format_parse_what_is_beyond),
        cmocka_unit_test(pending_add_says_nothing_twice),
        cmocka_unit_test(pending_parse_refuses_what_it_would_not_write),
        cmocka_unit_test(pending_look_writes_only_over_what_was_seen),
        FAKE_TEST(pending_store_load_drop),
        FAKE_TEST(pending_load_what_cannot_be_read_is_everything),
        FAKE_TEST(pending_store_more_than_an_entry_holds_is_everything),
        FAKE_TEST(pending_where_nothing_can_be_kept_is_told),
    };

    return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
