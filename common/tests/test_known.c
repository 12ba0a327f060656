/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "known.h"

#define TOKYO "ap-northeast-1"
#define OSAKA "ap-northeast-3"
#define V4    "10.1.0.10/32"
#define V6    "2001:db8:200::10/128"
#define A     "rtb-0000000a"
#define B     "rtb-0000000b"

#define LINES TOKYO " " A " " V4 "\n" TOKYO " " B " " V6 "\n" OSAKA " " A " " V4 "\n"

static struct addr
cidr(const char *text)
{
    struct addr a;

    assert_true(addr_parse_cidr(text, &a));
    return a;
}

static struct known
parsed(const char *lines)
{
    struct known k = {.n = 0};

    assert_int_equal(known_parse(lines, &k), 0);
    return k;
}

static void
assert_lines(const struct known *k, const char *lines)
{
    OCF_BUF struct buf text = BUF_INIT(1024);

    assert_int_equal(known_format(k, &text), 0);
    assert_string_equal(buf_str(&text), lines);
}

#define KNOWN OCF_CLEANUP(known_done) struct known

static void
known_format_parse_round_trip(void **state)
{
    struct addr v4 = cidr(V4);
    struct addr v6 = cidr(V6);
    KNOWN k = {.n = 0};
    KNOWN again = parsed(LINES);
    KNOWN nothing = parsed("");

    (void)state;
    assert_int_equal(known_add(&k, TOKYO, A, &v4), 0);
    assert_int_equal(known_add(&k, TOKYO, B, &v6), 0);
    assert_int_equal(known_add(&k, TOKYO, A, &v4), 0);
    assert_int_equal(known_add(&k, OSAKA, A, &v4), 0);
    assert_int_equal(k.n, 3);
    assert_lines(&k, LINES);
    assert_lines(&again, LINES);
    assert_int_equal(nothing.n, 0);
}

static void
known_parse_refuses_what_it_would_not_write(void **state)
{
    static const char *const bad[] = {
        "\n",
        TOKYO "\n",
        TOKYO " " A "\n",
        TOKYO " " A " " V4, /* cut off */
        TOKYO " " A " " V4 " x\n",
        TOKYO " " A " 10.1.0.10\n", /* no prefix */
        TOKYO " tgw-rtb-0000000a " V4 "\n",
        "tokyo " A " " V4 "\n",
        TOKYO "  " A " " V4 "\n",
        LINES "\n",
        LINES OSAKA,
    };
    struct known k = {.n = 99};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(known_parse(bad[i], &k), -ERR_MALFORMED);
        assert_int_equal(k.n, 99);
    }
}

/* Regions in `arg`, a text, have told all. */
static bool
is_in(const char *region, const void *arg)
{
    return strstr(arg, region) != NULL;
}

/* What is missed when AWS shows `found`, as lines. */
static void
compare(struct fake *f, enum ocf_operation operation, bool standby, const char *found,
        const char *answered, const char *lost)
{
    static const char *const wanted[] = {V4, V6};
    struct addr destinations[] = {cidr(wanted[0]), cidr(wanted[1])};
    KNOWN now = parsed(found);
    KNOWN missed = {.n = 0};
    struct known_look look = {.found = &now,
                              .destinations = destinations,
                              .n_destinations = ARRAY_LEN(destinations),
                              .has_answered = answered == NULL ? NULL : is_in,
                              .arg = answered};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    ctx.operation = operation;
    ctx.everything = standby;
    assert_int_equal(known_compare(&ctx, &look, &missed), 0);
    assert_lines(&missed, lost);
}

#define ALL_OF_TOKYO TOKYO " " A " " V4 "\n" TOKYO " " B " " V4 "\n"
#define ONE_OF_TOKYO TOKYO " " A " " V4 "\n"
#define TOKYO_LOST   TOKYO " " B " " V4 "\n"
#define ONE_OF_OSAKA OSAKA " " A " " V4 "\n"

static void
known_compare_misses_in_a_monitor_until_the_next_start(void **state)
{
    struct fake *f = *state;
    FAKENODE ctx;

    /* Nothing is known, and nothing missed. */
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_START, false, ALL_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, NULL, TOKYO_LOST);
    /* Neither do those who only look make it known, nor a standby node. */
    compare(f, OCF_OP_PROBE, false, ONE_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_MONITOR, true, ONE_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_VALIDATE, false, ONE_OF_TOKYO, NULL, TOKYO_LOST);
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, NULL, TOKYO_LOST);
    /* It has come back, and goes again. */
    compare(f, OCF_OP_MONITOR, false, ALL_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, NULL, TOKYO_LOST);
    compare(f, OCF_OP_RELOAD, false, ONE_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, NULL, "");
    /* After a stop it is no matter of this node. */
    compare(f, OCF_OP_START, false, ALL_OF_TOKYO, NULL, "");
    fakenode_init(f, &ctx, NULL);
    known_drop(&ctx);
    compare(f, OCF_OP_VALIDATE, false, ONE_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, NULL, "");
}

static void
known_compare_learns_in_a_monitor(void **state)
{
    struct fake *f = *state;

    compare(f, OCF_OP_START, false, ONE_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_MONITOR, false, ALL_OF_TOKYO, NULL, "");
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, NULL, TOKYO_LOST);
}

static void
known_compare_misses_nothing_of_a_silent_region(void **state)
{
    struct fake *f = *state;

    compare(f, OCF_OP_START, false, ONE_OF_TOKYO ONE_OF_OSAKA, TOKYO OSAKA, "");
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, TOKYO, "");
    /* A start looks at its own region first, and not all others have to answer then. */
    compare(f, OCF_OP_START, false, ONE_OF_TOKYO, TOKYO, "");
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, TOKYO OSAKA, ONE_OF_OSAKA);
    compare(f, OCF_OP_START, false, ONE_OF_TOKYO, TOKYO OSAKA, "");
    compare(f, OCF_OP_MONITOR, false, ONE_OF_TOKYO, TOKYO OSAKA, "");
}

static void
known_compare_forgets_what_is_not_wanted(void **state)
{
    struct fake *f = *state;
    struct addr destination = cidr(V6);
    KNOWN nothing = {.n = 0};
    KNOWN lost = {.n = 0};
    struct known_look look = {.found = &nothing, .destinations = &destination, .n_destinations = 1};
    FAKENODE ctx;

    compare(f, OCF_OP_START, false, ONE_OF_TOKYO, NULL, "");
    fakenode_init(f, &ctx, NULL);
    assert_int_equal(known_compare(&ctx, &look, &lost), 0);
    assert_int_equal(lost.n, 0);
    compare(f, OCF_OP_MONITOR, false, "", NULL, "");
}

static void
known_compare_without_a_list_that_can_be_read_misses_nothing(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    KNOWN nothing = {.n = 0};
    KNOWN lost = {.n = 0};
    struct known_look look = {.found = &nothing};
    struct err e = {0};
    FAKENODE ctx;

    compare(f, OCF_OP_START, false, ONE_OF_TOKYO, NULL, "");
    fakenode_init(f, &ctx, NULL);
    assert_int_equal(ocf_key(&ctx, "known-routes", &key, &e), 0);
    cache_put(&f->cache, buf_str(&key), "nonsense\n", strlen("nonsense\n"));
    compare(f, OCF_OP_MONITOR, false, "", NULL, "");
    ctx.cache = (struct cache){.dir_fd = -1, .dir = "/run/x/ocf-aws", .why = "no space"};
    assert_int_equal(known_compare(&ctx, &look, &lost), 0);
    assert_int_equal(lost.n, 0);
}

static void
known_compare_more_than_an_entry_holds_is_forgotten(void **state)
{
    struct fake *f = *state;
    struct addr destination = cidr(V4);
    KNOWN found = {.n = 0};
    KNOWN lost = {.n = 0};
    struct known_look look = {.found = &found, .destinations = &destination, .n_destinations = 1};
    char table_id[AWS_ID_MAX];
    FAKENODE ctx;

    compare(f, OCF_OP_START, false, ONE_OF_TOKYO, NULL, "");
    fakenode_init(f, &ctx, NULL);
    ctx.operation = OCF_OP_START;
    for (unsigned i = 0; i < 1600; i++) {
        (void)snprintf(table_id, sizeof(table_id), "rtb-%08x", i);
        assert_int_equal(known_add(&found, TOKYO, table_id, &destination), 0);
    }
    assert_int_equal(known_compare(&ctx, &look, &lost), 0);
    compare(f, OCF_OP_MONITOR, false, "", NULL, "");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_format_parse_round_trip),
        cmocka_unit_test(known_parse_refuses_what_it_would_not_write),
        FAKE_TEST(known_compare_misses_in_a_monitor_until_the_next_start),
        FAKE_TEST(known_compare_learns_in_a_monitor),
        FAKE_TEST(known_compare_misses_nothing_of_a_silent_region),
        FAKE_TEST(known_compare_forgets_what_is_not_wanted),
        FAKE_TEST(known_compare_without_a_list_that_can_be_read_misses_nothing),
        FAKE_TEST(known_compare_more_than_an_entry_holds_is_forgotten),
    };

    return cmocka_run_group_tests_name("known", tests, NULL, NULL);
}
