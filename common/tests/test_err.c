/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "err.h"

#include <limits.h>

static void
err_class_every_code_has_class_and_text(void **state)
{
    (void)state;
    for (int code = 1; code < ERR_CODE_END; code++) {
        assert_int_not_equal(err_class(-code), ERR_CLASS_NONE);
        assert_true(strlen(err_text(-code)) > 0);
    }
    assert_int_equal(err_class(0), ERR_CLASS_NONE);
    assert_string_equal(err_text(0), "no error");
}

static void
err_class_documented_codes_keep_their_class(void **state)
{
    /* What retry and the exit codes rest on. */
    static const struct {
        int code;
        enum err_class class;
    } cases[] = {
        {ERR_PARAM, ERR_CLASS_CONFIG},        {ERR_PARAM_LOCAL, ERR_CLASS_ENVIRONMENT},
        {ERR_SYSTEM, ERR_CLASS_ENVIRONMENT},  {ERR_TLS, ERR_CLASS_ENVIRONMENT},
        {ERR_NO_CREDENTIALS, ERR_CLASS_AUTH}, {ERR_CREDENTIALS, ERR_CLASS_AUTH},
        {ERR_CLOCK_SKEW, ERR_CLASS_AUTH},     {ERR_DENIED, ERR_CLASS_DENIED},
        {ERR_NOT_FOUND, ERR_CLASS_NOT_FOUND}, {ERR_CONFLICT, ERR_CLASS_CONFLICT},
        {ERR_THROTTLED, ERR_CLASS_THROTTLED}, {ERR_RESOLVE, ERR_CLASS_TRANSIENT},
        {ERR_CONNECT, ERR_CLASS_TRANSIENT},   {ERR_TIMEOUT, ERR_CLASS_TRANSIENT},
        {ERR_NETWORK, ERR_CLASS_TRANSIENT},   {ERR_SERVICE, ERR_CLASS_TRANSIENT},
        {ERR_UNCERTAIN, ERR_CLASS_UNCERTAIN}, {ERR_TOO_BIG, ERR_CLASS_PROTOCOL},
        {ERR_MALFORMED, ERR_CLASS_PROTOCOL},  {ERR_DEADLINE, ERR_CLASS_DEADLINE},
        {ERR_CANCELLED, ERR_CLASS_DEADLINE},  {ERR_BUG, ERR_CLASS_BUG},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(err_class(-cases[i].code), cases[i].class);
    }
}

static void
err_class_unknown_code_is_bug(void **state)
{
    static const int codes[] = {1, ERR_DENIED, INT_MAX, -ERR_CODE_END, -1000, INT_MIN};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        assert_int_equal(err_class(codes[i]), ERR_CLASS_BUG);
        assert_string_equal(err_text(codes[i]), err_text(-ERR_BUG));
    }
}

static void
err_set_clears_what_was_known(void **state)
{
    struct err e = {.aws_code = "Old", .request_id = "old", .action = "ec2:Old"};

    (void)state;
    assert_int_equal(err_set(&e, ERR_CONNECT, "host \"%s\": %d", "h", 7), -ERR_CONNECT);
    assert_int_equal(e.code, -ERR_CONNECT);
    assert_string_equal(e.text, "host \"h\": 7");
    assert_string_equal(e.aws_code, "");
    assert_string_equal(e.request_id, "");
    assert_string_equal(e.action, "");
}

static void
err_set_null_returns_code_only(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_TLS, "%s", "text"), -ERR_TLS);
}

static void
err_set_long_text_is_cut(void **state)
{
    char text[2 * ERR_TEXT_MAX];
    struct err e = {0};

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)err_set(&e, ERR_TLS, "%s", text);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
}

static void
err_texts_are_one_line(void **state)
{
    struct err e = {0};

    (void)state;
    (void)err_set(&e, ERR_PARAM, "%s", "a\nb\x01\x7f\xe3\x81\x82");
    assert_string_equal(e.text, "a b  \xe3\x81\x82");
    (void)err_prefix(&e, "%s", "c\r\nd");
    assert_string_equal(e.text, "c  d: a b  \xe3\x81\x82");
}

static void
err_texts_are_utf8(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"\xc3\xa4 \xe3\x81\x82 \xf0\x9f\x98\x80", "\xc3\xa4 \xe3\x81\x82 \xf0\x9f\x98\x80"},
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"},
        {"cut \xe3\x81", "cut ??"},
        {"cut \xf0\x9f\x98", "cut ???"},
        {"\xe3\x81x", "??x"},
        {"alone \x80\xff", "alone ??"},
        {"too long \xc0\x80 \xe0\x80\x80 \xf0\x80\x80\x80", "too long ?? ??? ????"},
        {"half a pair \xed\xa0\x80", "half a pair ???"},
        {"beyond the last \xf4\x90\x80\x80", "beyond the last ????"},
        {"not in XML \xef\xbf\xbe \xef\xbf\xbf \xef\xbf\xbd", "not in XML ??? ??? \xef\xbf\xbd"},
        {"\x1b[2J\x1b]0;title\a", " [2J ]0;title "},
        {"csi \xc2\x9b"
         "31m nel \xc2\x85 nbsp \xc2\xa0",
         "csi   31m nel    nbsp \xc2\xa0"},
    };
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)err_set(&e, ERR_PARAM, "%s", cases[i].text);
        assert_string_equal(e.text, cases[i].expected);
    }
    /* Cut by the reader of an answer, in the middle of a character. */
    (void)err_set(&e, ERR_REJECTED, "%.4s", "ab\xe3\x81\x82");
    assert_string_equal(e.text, "ab??");
}

static void
err_prefix_goes_before_and_keeps_the_rest(void **state)
{
    struct err e = {0};

    (void)state;
    (void)err_set(&e, ERR_DENIED, "not allowed");
    (void)snprintf(e.aws_code, sizeof(e.aws_code), "UnauthorizedOperation");
    assert_int_equal(err_prefix(&e, "rtb-%d", 1), -ERR_DENIED);
    assert_int_equal(err_prefix(&e, "start"), -ERR_DENIED);
    assert_string_equal(e.text, "start: rtb-1: not allowed");
    assert_string_equal(e.aws_code, "UnauthorizedOperation");
}

static void
err_prefix_long_texts_are_cut(void **state)
{
    char text[2 * ERR_TEXT_MAX];
    struct err e = {0};

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)err_set(&e, ERR_DENIED, "%s", text);
    assert_int_equal(err_prefix(&e, "rtb-1"), -ERR_DENIED);
    assert_int_equal(strncmp(e.text, "rtb-1: xxx", 10), 0);
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
    text[0] = 'y';
    (void)err_prefix(&e, "%s", text);
    assert_int_equal(e.text[0], 'y');
    assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_class_every_code_has_class_and_text),
        cmocka_unit_test(err_class_documented_codes_keep_their_class),
        cmocka_unit_test(err_class_unknown_code_is_bug),
        cmocka_unit_test(err_set_clears_what_was_known),
        cmocka_unit_test(err_set_null_returns_code_only),
        cmocka_unit_test(err_set_long_text_is_cut),
        cmocka_unit_test(err_texts_are_one_line),
        cmocka_unit_test(err_texts_are_utf8),
        cmocka_unit_test(err_prefix_goes_before_and_keeps_the_rest),
        cmocka_unit_test(err_prefix_long_texts_are_cut),
    };

    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
