/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "awstime.h"

#define YEAR_S INT64_C(31557600)

static int64_t
skew(struct fake *f)
{
    return awstime_skew(&f->cache, fake_deadline(f, 1000));
}

/* What AWS's clock says, whatever this host's says. */
static int64_t
aws_s(struct fake *f)
{
    return deadline_wall_s(fake_deadline(f, 1000)) - f->wall_off_s;
}

static void
awstime_skew_of_nothing_known_is_none(void **state)
{
    struct fake *f = *state;

    assert_int_equal(skew(f), 0);
    f->wall_off_s = -YEAR_S;
    assert_int_equal(skew(f), 0);
}

/* Learnt once, it holds for every later step of the host's clock, and when that is right again. */
static void
awstime_skew_holds_over_steps_of_the_clock(void **state)
{
    static const int64_t steps[] = {600,   -600, 3 * YEAR_S, -3 * YEAR_S, 0,
                                    -3600, 239,  240,        -240,        0};
    struct fake *f = *state;

    f->wall_off_s = YEAR_S;
    awstime_learn(&f->cache, fake_deadline(f, 1000), aws_s(f));
    assert_int_equal(skew(f), -YEAR_S);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        f->mono_ms += 3600 * MS_PER_S;
        f->wall_off_s = steps[i];
        assert_int_equal(skew(f), llabs(steps[i]) < AWSTIME_SKEW_MIN_S ? 0 : -steps[i]);
    }
}

static void
awstime_learn_replaces_what_was_wrong(void **state)
{
    struct fake *f = *state;

    awstime_learn(&f->cache, fake_deadline(f, 1000), aws_s(f) + 1000);
    assert_int_equal(skew(f), 1000);
    awstime_learn(&f->cache, fake_deadline(f, 1000), aws_s(f));
    assert_int_equal(skew(f), 0);
}

static void
awstime_skew_of_a_damaged_memory_is_none(void **state)
{
    static const char *const texts[] = {"", "1", "00000000000x", "-00000000001", "0000000000000"};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        cache_put(&f->cache, "aws-clock", texts[i], strlen(texts[i]));
        assert_int_equal(skew(f), 0);
    }
}

static void
awstime_learn_of_a_time_before_the_boot_is_not_kept(void **state)
{
    struct fake *f = *state;

    awstime_learn(&f->cache, fake_deadline(f, 1000), 0);
    awstime_learn(&f->cache, fake_deadline(f, 1000), INT64_MAX / 2);
    assert_int_equal(skew(f), 0);
}

static void
awstime_without_a_cache_knows_nothing(void **state)
{
    struct fake *f = *state;
    struct cache none = {.dir_fd = -1};

    f->wall_off_s = YEAR_S;
    awstime_learn(&none, fake_deadline(f, 1000), aws_s(f));
    assert_int_equal(awstime_skew(&none, fake_deadline(f, 1000)), 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(awstime_skew_of_nothing_known_is_none),
        FAKE_TEST(awstime_skew_holds_over_steps_of_the_clock),
        FAKE_TEST(awstime_learn_replaces_what_was_wrong),
        FAKE_TEST(awstime_skew_of_a_damaged_memory_is_none),
        FAKE_TEST(awstime_learn_of_a_time_before_the_boot_is_not_kept),
        FAKE_TEST(awstime_without_a_cache_knows_nothing),
    };

    return cmocka_run_group_tests_name("awstime", tests, NULL, NULL);
}
