/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "fields.h"

static void
fields_next_line_words_of_a_line(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        const char *first;
        const char *last;
    } cases[] = {
        {"a\n", 1, "a", "a"},
        {"a - c\nnext", 3, "a", "c"},
        {"a b c d -\n", 5, "a", ""},
        {"", 0, NULL, NULL},
        {"\n", 0, NULL, NULL},
        {"a", 0, NULL, NULL},
        {"a b", 0, NULL, NULL},
        {"a  b\n", 0, NULL, NULL},
        {"a \n", 0, NULL, NULL},
        {" a\n", 0, NULL, NULL},
        {"a b c d e f\n", 0, NULL, NULL},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxx"
         "xx\n",
         0, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char f[FIELDS_MAX][FIELD_MAX];
        const char *rest = cases[i].text;

        assert_int_equal(fields_next_line(&rest, f), cases[i].n);
        if (cases[i].n > 0) {
            assert_string_equal(f[0], cases[i].first);
            assert_string_equal(f[cases[i].n - 1], cases[i].last);
            assert_int_equal(rest[-1], '\n');
        }
    }
    assert_string_equal(fields_word(""), "-");
    assert_string_equal(fields_word("a"), "a");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_next_line_words_of_a_line),
    };

    return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
