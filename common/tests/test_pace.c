/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "pace.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define WHAT "route53"

static const struct pace_rate rate = {.per_second = 3, .burst = 2};

static int
turn(struct fake *f, struct deadline d, struct err *e)
{
    return pace_wait(&f->cache, WHAT, rate, d, e);
}

static void
pace_file(const struct fake *f, char ret[256])
{
    (void)snprintf(ret, 256, "%s/pace-" WHAT, f->cache.dir);
}

/* The most calls that any second has, of those at these times. */
static unsigned
most_in_a_second(const uint64_t *at_ms, size_t n)
{
    unsigned most = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned in_window = 0;

        for (size_t j = i; j < n && at_ms[j] < at_ms[i] + MS_PER_S; j++) {
            in_window++;
        }
        most = in_window > most ? in_window : most;
    }
    return most;
}

static void
pace_wait_many_calls_stay_under_five_a_second(void **state)
{
    struct fake *f = *state;
    uint64_t at_ms[100];
    struct err e = {0};

    for (size_t i = 0; i < ARRAY_LEN(at_ms); i++) {
        assert_int_equal(turn(f, fake_deadline(f, 60000), &e), 0);
        at_ms[i] = f->mono_ms;
        /* Some of them come late, after which others may catch up. */
        f->mono_ms += i % 10 == 9 ? 2000 : i % 3;
    }
    assert_true(at_ms[1] - at_ms[0] < 10);
    assert_in_range(most_in_a_second(at_ms, ARRAY_LEN(at_ms)), 3, 5);
}

static void
pace_wait_without_a_pause_three_a_second(void **state)
{
    struct fake *f = *state;
    uint64_t began_ms = f->mono_ms;
    struct err e = {0};

    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(turn(f, fake_deadline(f, 60000), &e), 0);
    }
    assert_in_range(f->mono_ms - began_ms, 9900, 10100); /* two at once, then one a third */
}

static void
pace_wait_turn_after_the_deadline_reserves_nothing(void **state)
{
    struct fake *f = *state;
    uint64_t began_ms = f->mono_ms;
    struct err e = {0};

    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(turn(f, fake_deadline(f, 60000), &e), 0);
    }
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(turn(f, fake_deadline(f, 100), &e), -ERR_DEADLINE);
    }
    assert_non_null(strstr(e.text, "3 calls of route53 a second"));
    assert_int_equal(turn(f, fake_deadline(f, 60000), &e), 0);
    assert_in_range(f->mono_ms - began_ms, 1000, 1010);
}

static void
pace_wait_cancelled(void **state)
{
    struct fake *f = *state;
    struct err e = {0};

    f->cancel_sleep = 1;
    assert_int_equal(turn(f, fake_deadline(f, 60000), &e), 0);
    assert_int_equal(turn(f, fake_deadline(f, 60000), &e), 0);
    assert_int_equal(turn(f, fake_deadline(f, 60000), &e), -ERR_CANCELLED);
}

static void
pace_wait_each_name_counts_for_itself(void **state)
{
    struct fake *f = *state;
    struct err e = {0};

    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(turn(f, fake_deadline(f, 1000), &e), 0);
        assert_int_equal(pace_wait(&f->cache, "other", rate, fake_deadline(f, 1000), &e), 0);
    }
    assert_int_equal(f->n_sleeps, 0);
}

static void
pace_wait_nowhere_to_meet_not_paced(void **state)
{
    struct fake *f = *state;
    struct cache closed = {.dir_fd = -1};
    struct err e = {0};

    for (unsigned i = 0; i < 20; i++) {
        struct deadline d = fake_deadline(f, 10);

        assert_int_equal(pace_wait(NULL, WHAT, rate, d, &e), 0);
        assert_int_equal(pace_wait(&closed, WHAT, rate, d, &e), 0);
        assert_int_equal(pace_wait(&f->cache, WHAT, (struct pace_rate){0}, d, &e), 0);
    }
    assert_int_equal(f->n_sleeps, 0);
}

static void
pace_wait_file_of_others_not_paced(void **state)
{
    struct fake *f = *state;
    char path[256];
    struct err e = {0};

    pace_file(f, path);
    assert_int_equal(symlink("/dev/null", path), 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(turn(f, fake_deadline(f, 10), &e), 0);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(turn(f, fake_deadline(f, 10), &e), 0);
    }
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(f->n_sleeps, 0);
}

/* What cannot be a time near now is no reason to wait for an hour, or for ever. */
static void
pace_wait_damaged_file_begins_anew(void **state)
{
    static const char *const damaged[] = {
        "",
        "x",
        "99999999999999999999\n",
        "00000000000000000001\n",
        "not a number at all\n\n\n",
        "18446744073709551615\n",
        "18446744073710561616\n", /* 64 bits of it are soon */
        "0000000000000100:000\n", /* so are they if ':' were ten */
    };
    struct fake *f = *state;
    char path[256];
    struct err e = {0};

    pace_file(f, path);
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, damaged[i], strlen(damaged[i])), strlen(damaged[i]));
        (void)close(fd);
        print_message("%s\n", damaged[i]);
        assert_int_equal(turn(f, fake_deadline(f, 10), &e), 0);
        assert_int_equal(turn(f, fake_deadline(f, 10), &e), 0);
        assert_int_equal(turn(f, fake_deadline(f, 10), &e), -ERR_DEADLINE);
    }
}

/* Who was stopped while holding the lock holds up the others for a moment, not for good. */
static void
pace_wait_lock_held_on_to_goes_unpaced(void **state)
{
    struct fake *f = *state;
    char path[256];
    struct err e = {0};
    int fd = -1;

    pace_file(f, path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(turn(f, fake_deadline(f, 60000), &e), 0);
    assert_in_range(f->slept_ms, 1, 1000);
    (void)close(fd);
}

/* Processes that reserve at the same time each get a turn of their own. */
static void
pace_wait_processes_do_not_share_a_turn(void **state)
{
    enum { CHILDREN = 8 };
    struct fake *f = *state;
    pid_t children[CHILDREN];
    uint64_t began_ms = deadline_now_ms(deadline_in(&clock_system, NULL, 0, -1));
    unsigned long long used_ms = 0;
    char path[256];
    FILE *file = NULL;

    for (unsigned i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct err e = {0};

            _exit(pace_wait(&f->cache, WHAT, rate, deadline_in(&clock_system, NULL, 60000, -1),
                            &e) == 0
                      ? 0
                      : 1);
        }
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        int status = 0;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    pace_file(f, path);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%llu", &used_ms), 1);
    (void)fclose(file);
    assert_true(used_ms - began_ms >= CHILDREN * 334);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(pace_wait_many_calls_stay_under_five_a_second),
        FAKE_TEST(pace_wait_without_a_pause_three_a_second),
        FAKE_TEST(pace_wait_turn_after_the_deadline_reserves_nothing),
        FAKE_TEST(pace_wait_cancelled),
        FAKE_TEST(pace_wait_each_name_counts_for_itself),
        FAKE_TEST(pace_wait_nowhere_to_meet_not_paced),
        FAKE_TEST(pace_wait_file_of_others_not_paced),
        FAKE_TEST(pace_wait_damaged_file_begins_anew),
        FAKE_TEST(pace_wait_lock_held_on_to_goes_unpaced),
        FAKE_TEST(pace_wait_processes_do_not_share_a_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
