/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "array.h"
#include "err.h"

struct pair {
    char key[8];
    uint64_t value;
};

static void
array_add_copies_the_items_in_their_order(void **state)
{
    OCF_FREE struct pair *items = NULL;
    size_t n = 0;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct pair p = {.key = "k", .value = i};

        assert_int_equal(ARRAY_ADD(&items, &n, 1000, &p), 0);
        p.value = UINT64_MAX; /* it is a copy */
    }
    assert_int_equal(n, 1000);
    for (uint64_t i = 0; i < n; i++) {
        assert_string_equal(items[i].key, "k");
        assert_int_equal(items[i].value, i);
    }
}

static void
array_add_of_one_too_many_changes_nothing(void **state)
{
    OCF_FREE uint64_t *items = NULL;
    const uint64_t *before = NULL;
    uint64_t item = 7;
    size_t n = 0;

    (void)state;
    assert_int_equal(ARRAY_ADD(&items, &n, 0, &item), -ERR_TOO_BIG);
    assert_null(items);
    assert_int_equal(ARRAY_ADD(&items, &n, 1, &item), 0);
    before = items;
    assert_int_equal(ARRAY_ADD(&items, &n, 1, &item), -ERR_TOO_BIG);
    assert_int_equal(n, 1);
    assert_ptr_equal(items, before);
    assert_int_equal(items[0], 7);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(array_add_copies_the_items_in_their_order),
        cmocka_unit_test(array_add_of_one_too_many_changes_nothing),
    };

    return cmocka_run_group_tests_name("array", tests, NULL, NULL);
}
