/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "retry.h"

#define UNTOUCHED 12345
#define HALF      0x80000000U

static void
retry_decide_table_of_cases(void **state)
{
    static const struct {
        const char *name;
        struct retry_input in;
        enum retry_verdict verdict;
        uint64_t sleep_ms;
    } cases[] = {
        {"first throttle",
         {ERR_CLASS_THROTTLED, .attempt = 1, .left_ms = 30000, .random = HALF},
         RETRY_SLEEP,
         250},
        {"second throttle doubles",
         {ERR_CLASS_THROTTLED, .attempt = 2, .left_ms = 30000, .random = HALF},
         RETRY_SLEEP,
         500},
        {"throttle is capped",
         {ERR_CLASS_THROTTLED, .attempt = 5, .left_ms = 30000, .random = HALF},
         RETRY_SLEEP,
         2500},
        {"throttle stays capped",
         {ERR_CLASS_THROTTLED, .attempt = UINT32_MAX, .left_ms = 30000, .random = HALF},
         RETRY_SLEEP,
         2500},
        {"first fault",
         {ERR_CLASS_TRANSIENT, .attempt = 1, .left_ms = 30000, .random = HALF},
         RETRY_SLEEP,
         100},
        {"fourth fault",
         {ERR_CLASS_TRANSIENT, .attempt = 4, .left_ms = 30000, .random = HALF},
         RETRY_SLEEP,
         800},
        {"fault is capped",
         {ERR_CLASS_TRANSIENT, .attempt = 6, .left_ms = 30000, .random = HALF},
         RETRY_SLEEP,
         2500},
        {"least jitter", {ERR_CLASS_TRANSIENT, .attempt = 1, .left_ms = 1}, RETRY_SLEEP, 0},
        {"most jitter stays under the bound",
         {ERR_CLASS_TRANSIENT, .attempt = 1, .left_ms = 30000, .random = UINT32_MAX},
         RETRY_SLEEP,
         199},
        {"credentials renewed after the sleeps of other errors",
         {ERR_CLASS_AUTH, .attempt = 9, .left_ms = 1},
         RETRY_REFRESH,
         UNTOUCHED},
        {"sleep just fits",
         {ERR_CLASS_TRANSIENT, .attempt = 1, .left_ms = 101, .random = HALF},
         RETRY_SLEEP,
         100},
        {"sleep ends at the deadline",
         {ERR_CLASS_TRANSIENT, .attempt = 1, .left_ms = 100, .random = HALF},
         RETRY_STOP,
         UNTOUCHED},
        {"no time left", {ERR_CLASS_TRANSIENT, .attempt = 1}, RETRY_STOP, UNTOUCHED},
        {"first refusal", {ERR_CLASS_AUTH, .attempt = 1, .left_ms = 1}, RETRY_REFRESH, UNTOUCHED},
        {"second refusal",
         {ERR_CLASS_AUTH, .attempt = 2, .refreshed = 1, .left_ms = 30000},
         RETRY_STOP,
         UNTOUCHED},
        {"refusal, no time left", {ERR_CLASS_AUTH, .attempt = 1}, RETRY_STOP, UNTOUCHED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t sleep_ms = UNTOUCHED;
        enum retry_verdict verdict = retry_decide(&cases[i].in, &sleep_ms);

        if (verdict != cases[i].verdict || sleep_ms != cases[i].sleep_ms) {
            fail_msg("%s: verdict %d, sleep %llu ms", cases[i].name, (int)verdict,
                     (unsigned long long)sleep_ms);
        }
    }
}

static void
retry_decide_other_classes_stop(void **state)
{
    static const enum err_class classes[] = {
        ERR_CLASS_NONE,      ERR_CLASS_CONFIG,   ERR_CLASS_ENVIRONMENT, ERR_CLASS_DENIED,
        ERR_CLASS_NOT_FOUND, ERR_CLASS_CONFLICT, ERR_CLASS_UNCERTAIN,   ERR_CLASS_PROTOCOL,
        ERR_CLASS_DEADLINE,  ERR_CLASS_BUG,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        struct retry_input in = {classes[i], .attempt = 1, .left_ms = 30000};
        uint64_t sleep_ms = UNTOUCHED;

        assert_int_equal(retry_decide(&in, &sleep_ms), RETRY_STOP);
        assert_int_equal(sleep_ms, UNTOUCHED);
    }
}

/* Whatever is drawn: no sleep reaches the deadline, none is longer than the cap. */
static void
retry_decide_any_draw_keeps_its_bounds(void **state)
{
    static const uint64_t lefts[] = {1, 2, 99, 500, 4999, 5000, 5001, 180000};

    (void)state;
    for (unsigned attempt = 1; attempt < 40; attempt++) {
        for (size_t i = 0; i < ARRAY_LEN(lefts); i++) {
            for (uint64_t random = 0; random <= UINT32_MAX; random += 0x01234567) {
                struct retry_input in = {ERR_CLASS_THROTTLED, .attempt = attempt,
                                         .left_ms = lefts[i], .random = (uint32_t)random};
                uint64_t sleep_ms = UNTOUCHED;

                if (retry_decide(&in, &sleep_ms) == RETRY_SLEEP) {
                    assert_true(sleep_ms < lefts[i]);
                    assert_true(sleep_ms < 5000);
                }
            }
        }
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_decide_table_of_cases),
        cmocka_unit_test(retry_decide_other_classes_stop),
        cmocka_unit_test(retry_decide_any_draw_keeps_its_bounds),
    };

    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
