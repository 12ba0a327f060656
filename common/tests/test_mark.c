/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "mark.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* Let nothing in a directory be made or removed, as on a read-only file system, or again. */
static bool
make_immutable(int dir_fd, bool immutable)
{
    unsigned flags = 0;

    if (ioctl(dir_fd, FS_IOC_GETFLAGS, &flags) < 0) {
        return false;
    }
    flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~(unsigned)FS_IMMUTABLE_FL;
    return ioctl(dir_fd, FS_IOC_SETFLAGS, &flags) == 0;
}

/* Removing the mark is a warning that names the reason. */
static void
assert_warns(const struct ocf_ctx *ctx, const char *reason)
{
    struct fakenode_stderr caught;
    char told[512];

    fakenode_stderr_begin(&caught);
    mark_remove(ctx);
    fakenode_stderr_end(&caught, told, sizeof(told));
    assert_int_equal(strncmp(told, "WARNING: stopped; its mark stays: ", 34), 0);
    assert_non_null(strstr(told, reason));
}

static void
mark_look_tells_a_started_node_from_a_stopped_one(void **state)
{
    struct fake *f = *state;
    FAKENODE ctx;
    struct err e = {0};

    fakenode_init(f, &ctx, NULL);
    assert_int_equal(mark_look(&ctx, &e), OCF_ABSENT);
    assert_int_equal(e.code, -ERR_NOT_FOUND);
    assert_string_equal(e.text, "not started on this node");
    e = (struct err){0};
    assert_int_equal(mark_set(&ctx, &e), 0);
    assert_int_equal(mark_look(&ctx, &e), OCF_HERE);
    assert_int_equal(mark_set(&ctx, &e), 0); /* a start of what runs */
    assert_int_equal(mark_look(&ctx, &e), OCF_HERE);
    mark_remove(&ctx);
    assert_int_equal(mark_look(&ctx, &e), OCF_ABSENT);
    mark_remove(&ctx); /* a stop of what is stopped */
}

/* Another process finds it: the node's state, not the process's. */
static void
mark_set_outlives_the_action(void **state)
{
    struct fake *f = *state;
    struct cache again;
    struct err e = {0};
    FAKENODE start;
    FAKENODE monitor;

    fakenode_init(f, &start, NULL);
    assert_int_equal(mark_set(&start, &e), 0);
    cache_open(&again, f->dir);
    fakenode_init(f, &monitor, NULL);
    monitor.cache = again;
    assert_int_equal(mark_look(&monitor, &e), OCF_HERE);
    cache_close(&again);
}

static void
mark_of_another_resource_or_agent_is_another(void **state)
{
    static const struct ocf_agent other = {.meta = {.name = "test-agent2"}};
    struct fake *f = *state;
    struct err e = {0};
    FAKENODE vip;
    FAKENODE vip2;
    FAKENODE elsewise;

    fakenode_init(f, &vip, NULL);
    fakenode_init(f, &vip2, NULL);
    vip2.instance = "vip2";
    fakenode_init(f, &elsewise, &other);
    assert_int_equal(mark_set(&vip, &e), 0);
    assert_int_equal(mark_look(&vip2, &e), OCF_ABSENT);
    assert_int_equal(mark_look(&elsewise, &e), OCF_ABSENT);
    assert_int_equal(mark_set(&vip2, &e), 0);
    mark_remove(&vip2);
    mark_drop(&elsewise);
    assert_int_equal(mark_look(&vip, &e), OCF_HERE);
}

static void
mark_drop_removes_it(void **state)
{
    struct fake *f = *state;
    struct err e = {0};
    FAKENODE ctx;

    fakenode_init(f, &ctx, NULL);
    assert_int_equal(mark_set(&ctx, &e), 0);
    mark_drop(&ctx);
    assert_int_equal(mark_look(&ctx, &e), OCF_ABSENT);
    mark_drop(&ctx);
}

/* Not known to be absent, so never a reason to say "not running". */
static void
mark_that_cannot_be_looked_for_is_unknown(void **state)
{
    struct fake *f = *state;
    FAKENODE ctx;
    struct err e = {0};

    fakenode_init(f, &ctx, NULL);
    ctx.cache = (struct cache){.dir_fd = -1, .dir = "/run/x/ocf-aws", .why = "no space"};
    assert_int_equal(mark_look(&ctx, &e), OCF_UNKNOWN);
    assert_int_equal(e.code, -ERR_SYSTEM);
    assert_string_equal(e.text, "cannot use /run/x/ocf-aws: no space");
    e = (struct err){0};
    assert_int_equal(mark_set(&ctx, &e), -ERR_SYSTEM);
    assert_int_equal(e.code, -ERR_SYSTEM);
    assert_warns(&ctx, "no space");
    mark_drop(&ctx); /* of no consequence */
}

/* What cannot be set keeps a start from lying. */
static void
mark_in_a_directory_that_went_away_is_told(void **state)
{
    struct fake *f = *state;
    FAKENODE ctx;
    struct err e = {0};

    fakenode_init(f, &ctx, NULL);
    assert_int_equal(rmdir(f->cache.dir), 0);
    assert_int_equal(mark_set(&ctx, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, f->cache.dir));
    assert_non_null(strstr(e.text, strerror(ENOENT)));
    assert_int_equal(mark_look(&ctx, &e), OCF_ABSENT);
    mark_remove(&ctx);
}

/*
 * The stop is a success, or the node would be fenced; so the mark that stays says nothing to those
 * who ask whether the resource runs, and remains what it is to the monitor of what was started.
 */
static void
mark_that_cannot_be_removed_proves_nothing(void **state)
{
    static const struct {
        enum ocf_operation operation;
        bool everything;
        enum ocf_verdict verdict;
    } cases[] = {
        {OCF_OP_PROBE, false, OCF_UNKNOWN},  {OCF_OP_STOP, false, OCF_UNKNOWN},
        {OCF_OP_MONITOR, true, OCF_UNKNOWN}, /* of role Stopped */
        {OCF_OP_MONITOR, false, OCF_HERE},   {OCF_OP_START, true, OCF_HERE},
        {OCF_OP_RELOAD, false, OCF_HERE},
    };
    struct fake *f = *state;
    FAKENODE ctx;
    struct err e = {0};

    fakenode_init(f, &ctx, NULL);
    assert_int_equal(mark_set(&ctx, &e), 0);
    if (!make_immutable(ctx.cache.dir_fd, true)) {
        skip(); /* not root, or a file system without such a flag */
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ctx.operation = cases[i].operation;
        ctx.everything = cases[i].everything;
        assert_int_equal(mark_look(&ctx, &e), cases[i].verdict);
    }
    assert_warns(&ctx, strerror(EPERM));
    assert_true(make_immutable(ctx.cache.dir_fd, false));
    ctx.operation = OCF_OP_PROBE;
    assert_int_equal(mark_look(&ctx, &e), OCF_HERE);
    mark_remove(&ctx);
    assert_int_equal(mark_look(&ctx, &e), OCF_ABSENT);
}

static void
mark_of_a_name_too_long_is_unknown_and_not_set(void **state)
{
    struct fake *f = *state;
    char name[1200];
    FAKENODE ctx;
    struct err e = {0};

    memset(name, 'v', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    fakenode_init(f, &ctx, NULL);
    ctx.instance = name;
    assert_int_equal(mark_look(&ctx, &e), OCF_UNKNOWN);
    assert_int_equal(e.code, -ERR_TOO_BIG);
    assert_int_equal(mark_set(&ctx, &e), -ERR_TOO_BIG);
    mark_remove(&ctx); /* there is none */
    mark_drop(&ctx);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(mark_look_tells_a_started_node_from_a_stopped_one),
        FAKE_TEST(mark_set_outlives_the_action),
        FAKE_TEST(mark_of_another_resource_or_agent_is_another),
        FAKE_TEST(mark_drop_removes_it),
        FAKE_TEST(mark_that_cannot_be_looked_for_is_unknown),
        FAKE_TEST(mark_in_a_directory_that_went_away_is_told),
        FAKE_TEST(mark_that_cannot_be_removed_proves_nothing),
        FAKE_TEST(mark_of_a_name_too_long_is_unknown_and_not_set),
    };

    return cmocka_run_group_tests_name("mark", tests, NULL, NULL);
}
