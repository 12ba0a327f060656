/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "json.h"

/* Parse from memory that ends with the text, so that reading behind it is seen by ASan. */
static int
parse(const char *text, size_t len, struct json **ret, struct err *e)
{
    OCF_FREE char *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, text, len);
    return json_parse(exact, len, ret, e);
}

static void
json_parse_good_texts_accepted(void **state)
{
    static const char *const texts[] = {
        "{}",
        " {\"a\":1} ",
        "{\"a\":\"b\"}\r\n\t ",
        "{\"a\":[[[[[[1]]]]]]}", /* 7 levels */
        "{\"a\":\"\xe6\x9d\xb1\xe4\xba\xac\"}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct json *j = NULL;
        struct err e = {0};

        print_message("  %s\n", texts[i]);
        assert_int_equal(parse(texts[i], strlen(texts[i]), &j, &e), 0);
        assert_non_null(j);
        json_free(j);
    }
}

static void
json_parse_bad_texts_refused_untouched(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        size_t len; /* 0: strlen() */
    } cases[] = {
        {"empty", "", 0},
        {"space", "  ", 0},
        {"truncated object", "{\"a\":\"b\"", 0},
        {"truncated string", "{\"a\":\"b", 0},
        {"array at the top", "[{\"a\":1}]", 0},
        {"string at the top", "\"a\"", 0},
        {"null at the top", "null", 0},
        {"two objects", "{}{}", 0},
        {"junk behind", "{} x", 0},
        {"comma at the end", "{\"a\":1,}", 0},
        {"comment", "{/*x*/}", 0},
        {"HTML", "<html><body>502</body></html>", 0},
        {"invalid UTF-8", "{\"a\":\"\xff\xfe\"}", 0},
        {"NUL behind", "{}\0", 3},
        {"NUL inside", "{\"a\":\0\"b\"}", 11},
        {"too deep", "{\"a\":[[[[[[[[[1]]]]]]]]]}", 0},
    };
    static const char untouched;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json *j = (struct json *)(uintptr_t)&untouched;
        struct err e = {0};
        size_t len = cases[i].len > 0 ? cases[i].len : strlen(cases[i].text);

        print_message("  %s\n", cases[i].name);
        assert_int_equal(parse(cases[i].text, len, &j, &e), -ERR_MALFORMED);
        assert_ptr_equal(j, &untouched);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_true(e.text[0] != '\0');
    }
}

static void
json_parse_nesting_bomb_refused(void **state)
{
    size_t len = 1024 * 1024;
    OCF_FREE char *bomb = malloc(len);
    struct json *j = NULL;

    (void)state;
    assert_non_null(bomb);
    for (size_t i = 0; i + 4 < len; i += 5) {
        memcpy(bomb + i, "{\"a\":", 5);
    }
    assert_int_equal(json_parse(bomb, len - len % 5, &j, NULL), -ERR_MALFORMED);
    assert_null(j);
}

static void
json_string_by_key_only_strings(void **state)
{
    static const char text[] =
        "{\"Code\":\"Success\",\"empty\":\"\",\"n\":5,\"null\":null,\"yes\":true,"
        "\"list\":[\"x\"],\"inner\":{\"Code\":\"no\"},\"esc\":\"a\\u0041\\n\\\"\","
        "\"twice\":\"first\",\"twice\":\"last\"}";
    OCF_JSON struct json *j = NULL;

    (void)state;
    assert_int_equal(json_parse(text, strlen(text), &j, NULL), 0);
    assert_string_equal(json_string(j, "Code"), "Success");
    assert_string_equal(json_string(j, "empty"), "");
    assert_string_equal(json_string(j, "esc"), "aA\n\"");
    assert_string_equal(json_string(j, "twice"), "last");
    assert_null(json_string(j, "n"));
    assert_null(json_string(j, "null"));
    assert_null(json_string(j, "yes"));
    assert_null(json_string(j, "list"));
    assert_null(json_string(j, "inner"));
    assert_null(json_string(j, "absent"));
    assert_null(json_string(j, "code"));
}

static void
json_free_null_is_fine(void **state)
{
    (void)state;
    json_free(NULL);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_parse_good_texts_accepted),
        cmocka_unit_test(json_parse_bad_texts_refused_untouched),
        cmocka_unit_test(json_parse_nesting_bomb_refused),
        cmocka_unit_test(json_string_by_key_only_strings),
        cmocka_unit_test(json_free_null_is_fine),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
