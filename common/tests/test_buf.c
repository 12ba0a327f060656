/* SPDX-License-Identifier: GPL-2.0-or-later */

/* This file defines explicit_bzero() itself: not as the inline function that this would make it. */
#undef _FORTIFY_SOURCE

#include "harness.h"

#include "buf.h"
#include "err.h"

/* Bytes wiped since the last look, seen by standing in for libc's function. */
static size_t wiped;

void
explicit_bzero(void *data, size_t len)
{
    volatile char *p = data;

    for (size_t i = 0; i < len; i++) {
        p[i] = 0;
    }
    wiped += len;
}

/* What a fortified caller calls. */
void __explicit_bzero_chk(void *data, size_t len, size_t size);

void
__explicit_bzero_chk(void *data, size_t len, size_t size)
{
    assert_true(len <= size);
    explicit_bzero(data, len);
}

static void
buf_str_nothing_added_is_empty(void **state)
{
    OCF_BUF struct buf b = BUF_INIT(10);

    (void)state;
    assert_string_equal(buf_str(&b), "");
    assert_null(b.data);
    assert_int_equal(buf_adds(&b, ""), 0);
    assert_string_equal(buf_str(&b), "");
}

static void
buf_add_pieces_are_joined_and_terminated(void **state)
{
    OCF_BUF struct buf b = BUF_INIT(1000);
    char want[1001] = "";

    (void)state;
    for (int i = 0; i < 1000; i++) {
        want[i] = (char)('a' + i % 26);
        assert_int_equal(buf_add(&b, &want[i], 1), 0);
        assert_int_equal(b.len, i + 1);
        assert_string_equal(b.data, want);
    }
}

static void
buf_add_nul_bytes_are_kept(void **state)
{
    OCF_BUF struct buf b = BUF_INIT(10);

    (void)state;
    assert_int_equal(buf_add(&b, "a\0b", 3), 0);
    assert_int_equal(buf_add(&b, "\0", 1), 0);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "a\0b\0", 5);
}

static void
buf_add_beyond_maximum_refused_unchanged(void **state)
{
    OCF_BUF struct buf b = BUF_INIT(8);

    (void)state;
    assert_int_equal(buf_add(&b, "123456789", 9), -ERR_TOO_BIG);
    assert_null(b.data);
    assert_int_equal(buf_add(&b, "12345678", 8), 0);
    assert_int_equal(buf_add(&b, "9", 1), -ERR_TOO_BIG);
    assert_int_equal(buf_adds(&b, "9"), -ERR_TOO_BIG);
    assert_int_equal(buf_addf(&b, "%d", 9), -ERR_TOO_BIG);
    assert_int_equal(buf_add_uri(&b, "9", ""), -ERR_TOO_BIG);
    assert_int_equal(buf_add(&b, "", 0), 0);
    assert_string_equal(buf_str(&b), "12345678");
}

static void
buf_add_huge_length_does_not_overflow(void **state)
{
    OCF_BUF struct buf b = BUF_INIT(8);

    (void)state;
    assert_int_equal(buf_adds(&b, "1234"), 0);
    assert_int_equal(buf_add(&b, "x", SIZE_MAX), -ERR_TOO_BIG);
    assert_int_equal(buf_add(&b, "x", SIZE_MAX - 3), -ERR_TOO_BIG);
    assert_string_equal(buf_str(&b), "1234");
}

static void
buf_add_large_maximum_takes_no_memory_ahead(void **state)
{
    OCF_BUF struct buf b = BUF_INIT(SIZE_MAX / 2 - 1);

    (void)state;
    assert_int_equal(buf_adds(&b, "1234"), 0);
    assert_true(b.cap < 1024);
}

static void
buf_addf_formats_behind(void **state)
{
    OCF_BUF struct buf b = BUF_INIT(1000);
    char want[600];

    (void)state;
    assert_int_equal(buf_addf(&b, "%s", ""), 0);
    assert_int_equal(buf_addf(&b, "%s-%03d", "a", 7), 0);
    assert_int_equal(buf_addf(&b, "%%%500d", 1), 0);
    (void)snprintf(want, sizeof(want), "a-007%%%500d", 1);
    assert_string_equal(buf_str(&b), want);
    assert_int_equal(b.len, strlen(want));
}

static void
buf_add_uri_encodes_by_rfc3986(void **state)
{
    static const struct {
        const char *text;
        const char *keep;
        const char *want;
    } cases[] = {
        {"", "", ""},
        {"AZaz09-._~", "", "AZaz09-._~"},
        {"a b+c", "", "a%20b%2Bc"},
        {"/a/b", "", "%2Fa%2Fb"},
        {"/a/b", "/", "/a/b"},
        {"%41", "", "%2541"},
        {"\x01\x7f\xff", "", "%01%7F%FF"},
        {"\xe6\xbc\xa2", "/~", "%E6%BC%A2"},
        {"!*'()", "", "%21%2A%27%28%29"},
        {"@[`{", "", "%40%5B%60%7B"},
        {"!*'()", "!*", "!*%27%28%29"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OCF_BUF struct buf b = BUF_INIT(100);

        assert_int_equal(buf_add_uri(&b, cases[i].text, cases[i].keep), 0);
        assert_string_equal(buf_str(&b), cases[i].want);
    }
}

static void
buf_clear_keeps_memory(void **state)
{
    OCF_BUF struct buf b = BUF_INIT(100);
    const char *data = NULL;

    (void)state;
    buf_clear(&b);
    assert_int_equal(buf_adds(&b, "text"), 0);
    data = b.data;
    buf_clear(&b);
    assert_string_equal(buf_str(&b), "");
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_adds(&b, "more"), 0);
    assert_ptr_equal(b.data, data);
    assert_string_equal(buf_str(&b), "more");
}

static void
buf_steal_hands_over_once(void **state)
{
    struct buf b = BUF_INIT(100);
    char *text = NULL;

    (void)state;
    assert_null(buf_steal(&b));
    assert_int_equal(buf_adds(&b, "text"), 0);
    text = buf_steal(&b);
    assert_string_equal(text, "text");
    assert_string_equal(buf_str(&b), "");
    assert_null(buf_steal(&b));
    free(text);
    buf_done(&b);
}

static void
buf_done_buffer_is_usable_again(void **state)
{
    struct buf b = BUF_INIT(4);

    (void)state;
    assert_int_equal(buf_adds(&b, "1234"), 0);
    buf_done(&b);
    buf_done(&b);
    assert_string_equal(buf_str(&b), "");
    assert_int_equal(buf_adds(&b, "5678"), 0);
    assert_int_equal(buf_adds(&b, "9"), -ERR_TOO_BIG);
    buf_done(&b);
}

static void
buf_secret_every_copy_is_wiped(void **state)
{
    struct buf b = BUF_INIT_SECRET(1000);
    size_t allocated = 0;
    size_t cap = 0;

    (void)state;
    wiped = 0;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buf_add(&b, "s", 1), 0);
        if (b.cap != cap) {
            allocated += cap; /* the old memory, which the new one replaced */
            cap = b.cap;
        }
    }
    assert_int_equal(wiped, allocated);
    assert_true(allocated > 0);
    buf_clear(&b);
    assert_int_equal(wiped, allocated + cap);
    for (size_t i = 0; i < b.cap; i++) {
        assert_int_equal(b.data[i], 0);
    }
    buf_done(&b);
    assert_int_equal(wiped, allocated + 2 * cap);
}

static void
buf_plain_is_not_wiped(void **state)
{
    struct buf b = BUF_INIT(1000);

    (void)state;
    wiped = 0;
    assert_int_equal(buf_addf(&b, "%900d", 1), 0);
    buf_clear(&b);
    buf_done(&b);
    assert_int_equal(wiped, 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_str_nothing_added_is_empty),
        cmocka_unit_test(buf_add_pieces_are_joined_and_terminated),
        cmocka_unit_test(buf_add_nul_bytes_are_kept),
        cmocka_unit_test(buf_add_beyond_maximum_refused_unchanged),
        cmocka_unit_test(buf_add_huge_length_does_not_overflow),
        cmocka_unit_test(buf_add_large_maximum_takes_no_memory_ahead),
        cmocka_unit_test(buf_addf_formats_behind),
        cmocka_unit_test(buf_add_uri_encodes_by_rfc3986),
        cmocka_unit_test(buf_clear_keeps_memory),
        cmocka_unit_test(buf_steal_hands_over_once),
        cmocka_unit_test(buf_done_buffer_is_usable_again),
        cmocka_unit_test(buf_secret_every_copy_is_wiped),
        cmocka_unit_test(buf_plain_is_not_wiped),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
