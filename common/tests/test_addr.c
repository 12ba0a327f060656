/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "addr.h"
#include "base.h"

static struct addr
cidr(const char *text)
{
    struct addr a = {0};

    assert_true(addr_parse_cidr(text, &a));
    return a;
}

static void
addr_parse_valid_gives_canonical_text(void **state)
{
    static const struct {
        const char *text;
        int family;
        const char *canonical;
        const char *cidr;
    } cases[] = {
        {"10.1.0.10", AF_INET, "10.1.0.10", "10.1.0.10/32"},
        {"0.0.0.0", AF_INET, "0.0.0.0", "0.0.0.0/32"},
        {"255.255.255.255", AF_INET, "255.255.255.255", "255.255.255.255/32"},
        {"2001:db8::1", AF_INET6, "2001:db8::1", "2001:db8::1/128"},
        {"2001:DB8:0:0:0:0:0:1", AF_INET6, "2001:db8::1", "2001:db8::1/128"},
        {"::", AF_INET6, "::", "::/128"},
        {"::ffff:10.1.0.10", AF_INET6, "::ffff:10.1.0.10", "::ffff:10.1.0.10/128"},
        {"2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", AF_INET6,
         "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/128"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr a = {0};
        char text[ADDR_TEXT_MAX];

        assert_true(addr_parse(cases[i].text, &a));
        assert_int_equal(a.family, cases[i].family);
        assert_int_equal(addr_len(&a), cases[i].family == AF_INET ? 4 : 16);
        assert_int_equal(a.prefix_len, addr_len(&a) * 8);
        assert_string_equal(addr_text(&a, text), cases[i].canonical);
        assert_string_equal(addr_cidr_text(&a, text), cases[i].cidr);
    }
}

static void
addr_parse_invalid_refused_untouched(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "10.1.0",
        "10.1.0.10/32",
        "10.1.0.10/24",
        "10.1.0.10 ",
        " 10.1.0.10",
        "10.1.0.256",
        "10.1.0.010",
        "10.1.0.10.1",
        "10.1.0.1a",
        "0x0a.1.0.10",
        "167837706",
        "10.1..10",
        "-10.1.0.10",
        "2001:db8::1%1",
        "2001:db8:::1",
        "2001:db8",
        "::1/128",
        "1:2:3:4:5:6",
        "1:2:3:4:5:6:7",
        "g::1",
        "[::1]",
        "localhost",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct addr a = {.family = 99};

        assert_false(addr_parse(texts[i], &a));
        assert_int_equal(a.family, 99);
    }
}

static void
addr_parse_cidr_valid_keeps_prefix(void **state)
{
    static const struct {
        const char *text;
        int prefix_len;
    } cases[] = {
        {"10.1.0.0/16", 16},
        {"10.1.0.10/32", 32},
        {"0.0.0.0/0", 0},
        {"128.0.0.0/1", 1},
        {"10.1.0.8/29", 29},
        {"10.1.0.10/31", 31},
        {"::/0", 0},
        {"8000::/1", 1},
        {"2001:db8::/32", 32},
        {"2001:db8::1/128", 128},
        {"2001:db8::/127", 127},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr a = cidr(cases[i].text);
        char text[ADDR_TEXT_MAX];

        assert_int_equal(a.prefix_len, cases[i].prefix_len);
        assert_string_equal(addr_cidr_text(&a, text), cases[i].text);
    }
}

static void
addr_parse_cidr_invalid_refused_untouched(void **state)
{
    static const char *const texts[] = {
        "",
        "/",
        "10.1.0.0",
        "10.1.0.0/",
        "/16",
        "10.1.0.0/33",
        "10.1.0.0/016",
        "10.1.0.0/-1",
        "10.1.0.0/+16",
        "10.1.0.0/ 16",
        "10.1.0.0/16 ",
        "10.1.0.0/16/16",
        "10.1.0.0/1616",
        "10.1.0.0/4294967312",
        "10.1.0.0/255.255.0.0",
        "10.1.0.1/16", /* host bits */
        "10.1.0.10/28",
        "128.0.0.0/0",
        "2001:db8::1/127",
        "2001:db8::/129",
        "2001:db8::1/64",
        "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff:2001:db8:aaaa:bbbb/64",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct addr a = {.family = 99};

        assert_false(addr_parse_cidr(texts[i], &a));
        assert_int_equal(a.family, 99);
    }
}

static void
addr_equal_any_difference_is_unequal(void **state)
{
    static const char *const texts[] = {
        "10.1.0.10/32", "10.1.0.100/32", "10.1.0.1/32",          "10.1.0.0/24",     "10.1.0.0/16",
        "a01:a::/32",   "::/32",         "::ffff:10.1.0.10/128", "2001:db8::1/128", "0.0.0.0/32",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t j = 0; j < ARRAY_LEN(texts); j++) {
            struct addr a = cidr(texts[i]);
            struct addr b = cidr(texts[j]);

            assert_int_equal(addr_equal(&a, &b), i == j);
        }
    }
}

static void
addr_equal_ignores_unused_bytes(void **state)
{
    struct addr a = cidr("10.1.0.10/32");
    struct addr b = cidr("10.1.0.10/32");

    (void)state;
    memset(b.ip.bytes + 4, 0xff, 12);
    assert_true(addr_equal(&a, &b));
}

static void
addr_contains_compares_bits(void **state)
{
    static const struct {
        const char *net;
        const char *a;
        bool want;
    } cases[] = {
        {"10.0.0.0/16", "10.0.255.255/32", true},
        {"10.0.0.0/16", "10.1.0.0/32", false},
        {"10.0.0.0/16", "10.0.2.0/24", true},
        {"10.0.2.0/24", "10.0.0.0/16", false},
        {"10.0.0.0/16", "10.0.0.0/16", true},
        {"10.0.0.0/15", "10.1.0.10/32", true},
        {"10.0.0.0/15", "10.2.0.10/32", false},
        {"10.1.0.8/29", "10.1.0.15/32", true},
        {"10.1.0.8/29", "10.1.0.16/32", false},
        {"10.1.0.10/32", "10.1.0.10/32", true},
        {"10.1.0.10/32", "10.1.0.11/32", false},
        {"0.0.0.0/0", "255.255.255.255/32", true},
        {"0.0.0.0/0", "::1/128", false},
        {"::/0", "10.1.0.10/32", false},
        {"::/0", "2001:db8::1/128", true},
        {"2001:db8:100::/56", "2001:db8:100:ff::1/128", true},
        {"2001:db8:100::/56", "2001:db8:100:100::1/128", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr net = cidr(cases[i].net);
        struct addr a = cidr(cases[i].a);

        assert_int_equal(addr_contains(&net, &a), cases[i].want);
    }
}

static void
addr_text_no_family_is_empty(void **state)
{
    struct addr none = {0};
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_string_equal(addr_text(&none, text), "");
}

static void
addr_list_has_exact_address_only(void **state)
{
    static const char *const texts[] = {"52.9.0.123/32", "10.1.0.10/32", "2001:db8::10/128",
                                        "10.2.0.0/16"};
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"52.9.0.123/32", true},    {"52.9.0.12/32", false},    {"52.9.0.1/32", false},
        {"10.1.0.10/32", true},     {"10.1.0.1/32", false},     {"10.1.0.100/32", false},
        {"10.1.0.10/31", false},    {"10.1.0.0/24", false},     {"110.1.0.10/32", false},
        {"10.2.0.1/32", false},     {"10.2.0.0/16", true},      {"0.0.0.0/32", false},
        {"2001:db8::10/128", true}, {"2001:db8::1/128", false}, {"2001:db8:0:0:0:0:0:10/128", true},
    };
    struct addr_list list = {.n = 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr a = cidr(cases[i].text);

        list.n = 0;
        assert_false(addr_list_has(&list, &a));
        while (list.n < ARRAY_LEN(texts)) {
            list.items[list.n] = cidr(texts[list.n]);
            list.n++;
        }
        assert_int_equal(addr_list_has(&list, &a), cases[i].want);
    }
}

static void
addr_list_has_at_every_place_and_not_behind_the_end(void **state)
{
    static struct addr_list list;
    struct addr a = cidr("10.1.0.10/32");
    struct addr other = cidr("10.1.0.11/32");

    (void)state;
    for (size_t i = 0; i < ADDR_LIST_MAX; i++) {
        list.items[i] = other;
    }
    for (size_t i = 0; i < ADDR_LIST_MAX; i++) {
        list.items[i] = a;
        list.n = i;
        assert_false(addr_list_has(&list, &a));
        list.n = i + 1;
        assert_true(addr_list_has(&list, &a));
        list.n = ADDR_LIST_MAX;
        assert_true(addr_list_has(&list, &a));
        list.items[i] = other;
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(addr_parse_valid_gives_canonical_text),
        cmocka_unit_test(addr_parse_invalid_refused_untouched),
        cmocka_unit_test(addr_parse_cidr_valid_keeps_prefix),
        cmocka_unit_test(addr_parse_cidr_invalid_refused_untouched),
        cmocka_unit_test(addr_equal_any_difference_is_unequal),
        cmocka_unit_test(addr_equal_ignores_unused_bytes),
        cmocka_unit_test(addr_contains_compares_bits),
        cmocka_unit_test(addr_text_no_family_is_empty),
        cmocka_unit_test(addr_list_has_exact_address_only),
        cmocka_unit_test(addr_list_has_at_every_place_and_not_behind_the_end),
    };

    return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
