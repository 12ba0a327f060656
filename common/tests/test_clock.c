/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "clock.h"
#include "err.h"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

/* A clock that stands still unless somebody sleeps. */
struct fake {
    uint64_t now_ms;
    uint64_t slept_ms;
    int cancel_fd; /* as given to the last sleep */
    int sleep_rc;
};

static uint64_t
fake_mono_ms(void *arg)
{
    const struct fake *f = arg;

    return f->now_ms;
}

static int64_t
fake_wall_s(void *arg)
{
    (void)arg;
    return 1795224225;
}

static int
fake_sleep_ms(void *arg, uint64_t ms, int cancel_fd)
{
    struct fake *f = arg;

    f->now_ms += ms;
    f->slept_ms += ms;
    f->cancel_fd = cancel_fd;
    return f->sleep_rc;
}

static const struct clock_ops fake_clock = {
    .mono_ms = fake_mono_ms,
    .wall_s = fake_wall_s,
    .sleep_ms = fake_sleep_ms,
};

static void
deadline_left_counts_down_to_zero(void **state)
{
    struct fake f = {.now_ms = 5000};
    struct deadline d = deadline_in(&fake_clock, &f, 100, -1);

    (void)state;
    assert_int_equal(deadline_now_ms(d), 5000);
    assert_int_equal(deadline_left_ms(d), 100);
    f.now_ms += 99;
    assert_int_equal(deadline_left_ms(d), 1);
    f.now_ms += 1;
    assert_int_equal(deadline_left_ms(d), 0);
    f.now_ms += 1000;
    assert_int_equal(deadline_left_ms(d), 0);
}

static void
deadline_very_far_away_does_not_wrap(void **state)
{
    struct fake f = {.now_ms = 5000};
    struct deadline d = deadline_in(&fake_clock, &f, UINT64_MAX - 1, -1);

    (void)state;
    assert_int_equal(deadline_left_ms(d), UINT64_MAX - 5000);
    assert_int_equal(deadline_left_ms(deadline_cap(d, UINT64_MAX)), UINT64_MAX - 5000);
}

static void
deadline_wall_is_the_clocks(void **state)
{
    struct fake f = {.now_ms = 0};

    (void)state;
    assert_int_equal(deadline_wall_s(deadline_in(&fake_clock, &f, 100, -1)), 1795224225);
}

static void
deadline_cap_takes_the_earlier(void **state)
{
    struct fake f = {.now_ms = 5000};
    struct deadline d = deadline_in(&fake_clock, &f, 100, 7);

    (void)state;
    assert_int_equal(deadline_left_ms(deadline_cap(d, 30)), 30);
    assert_int_equal(deadline_left_ms(deadline_cap(d, 100)), 100);
    assert_int_equal(deadline_left_ms(deadline_cap(d, 300)), 100);
    assert_int_equal(deadline_left_ms(deadline_cap(d, 0)), 0);
    assert_int_equal(deadline_cap(d, 30).cancel_fd, 7);
    f.now_ms += 200;
    assert_int_equal(deadline_left_ms(deadline_cap(d, 300)), 0);
}

static void
deadline_sleep_in_time_sleeps_all(void **state)
{
    struct fake f = {.now_ms = 5000};
    struct deadline d = deadline_in(&fake_clock, &f, 100, 7);

    (void)state;
    assert_int_equal(deadline_sleep(d, 99), 0);
    assert_int_equal(f.slept_ms, 99);
    assert_int_equal(f.cancel_fd, 7);
}

static void
deadline_sleep_past_deadline_returns_at_once(void **state)
{
    static const uint64_t sleeps[] = {100, 101, 5000, UINT64_MAX};
    struct fake f = {.now_ms = 5000};
    struct deadline d = deadline_in(&fake_clock, &f, 100, -1);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sleeps); i++) {
        assert_int_equal(deadline_sleep(d, sleeps[i]), -ERR_DEADLINE);
    }
    f.now_ms += 100;
    assert_int_equal(deadline_sleep(d, 0), -ERR_DEADLINE);
    assert_int_equal(f.slept_ms, 0);
}

static void
deadline_sleep_cancelled_is_told(void **state)
{
    struct fake f = {.sleep_rc = -ERR_CANCELLED};

    (void)state;
    assert_int_equal(deadline_sleep(deadline_in(&fake_clock, &f, 100, -1), 10), -ERR_CANCELLED);
}

static uint64_t
elapsed_ms(uint64_t since_ms)
{
    return clock_system.mono_ms(NULL) - since_ms;
}

static void
clock_system_sleep_takes_its_time(void **state)
{
    uint64_t start_ms = clock_system.mono_ms(NULL);

    (void)state;
    assert_int_equal(clock_system.sleep_ms(NULL, 30, -1), 0);
    assert_true(elapsed_ms(start_ms) >= 30);
    assert_int_equal(clock_system.sleep_ms(NULL, 0, -1), 0);
}

static void
clock_system_sleep_readable_descriptor_cancels(void **state)
{
    uint64_t start_ms = clock_system.mono_ms(NULL);
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(clock_system.sleep_ms(NULL, 60000, fds[0]), -ERR_CANCELLED);
    assert_true(elapsed_ms(start_ms) < 30000);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static volatile sig_atomic_t interrupts;

static void
on_alarm(int number)
{
    (void)number;
    interrupts = interrupts + 1;
}

static void
clock_system_sleep_interrupted_goes_on(void **state)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval every = {.it_interval = {.tv_usec = 5000}, .it_value = {.tv_usec = 5000}};
    struct itimerval never = {.it_value = {.tv_sec = 0}};
    uint64_t start_ms = clock_system.mono_ms(NULL);

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
    assert_int_equal(clock_system.sleep_ms(NULL, 50, -1), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_true(elapsed_ms(start_ms) >= 50);
    assert_true(interrupts > 0);
}

static void
clock_system_wall_is_now(void **state)
{
    int64_t now = time(NULL);

    (void)state;
    assert_in_range(clock_system.wall_s(NULL), now, now + 5);
}

static void
deadline_poll_tells_what_comes_first(void **state)
{
    int data[2];
    int cancel[2];
    struct deadline d;

    (void)state;
    assert_int_equal(pipe2(data, O_CLOEXEC), 0);
    assert_int_equal(pipe2(cancel, O_CLOEXEC), 0);
    d = deadline_in(&clock_system, NULL, 20, cancel[0]);
    assert_int_equal(deadline_poll(d, data[0], POLLIN), -ERR_TIMEOUT);
    assert_int_equal(deadline_left_ms(d), 0);
    d = deadline_in(&clock_system, NULL, UINT64_MAX, cancel[0]);
    assert_int_equal(write(cancel[1], "x", 1), 1);
    assert_int_equal(deadline_poll(d, data[0], POLLIN), -ERR_CANCELLED);
    assert_int_equal(write(data[1], "x", 1), 1);
    assert_int_equal(deadline_poll(d, data[0], POLLIN), 0);
    (void)close(data[1]);
    assert_int_equal(read(data[0], (char[2]){0}, 2), 1);
    d.cancel_fd = -1;
    assert_int_equal(deadline_poll(d, data[0], POLLIN), 0); /* it has been hung up */
    (void)close(data[0]);
    (void)close(cancel[0]);
    (void)close(cancel[1]);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadline_left_counts_down_to_zero),
        cmocka_unit_test(deadline_very_far_away_does_not_wrap),
        cmocka_unit_test(deadline_wall_is_the_clocks),
        cmocka_unit_test(deadline_cap_takes_the_earlier),
        cmocka_unit_test(deadline_sleep_in_time_sleeps_all),
        cmocka_unit_test(deadline_sleep_past_deadline_returns_at_once),
        cmocka_unit_test(deadline_sleep_cancelled_is_told),
        cmocka_unit_test(clock_system_sleep_takes_its_time),
        cmocka_unit_test(clock_system_sleep_readable_descriptor_cancels),
        cmocka_unit_test(clock_system_sleep_interrupted_goes_on),
        cmocka_unit_test(clock_system_wall_is_now),
        cmocka_unit_test(deadline_poll_tells_what_comes_first),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
