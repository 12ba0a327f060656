/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "dnsname.h"

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"

static void
dnsname_canonical_spellings_are_one(void **state)
{
    static const struct {
        const char *text;
        const char *canonical;
    } cases[] = {
        {"db.corp.example", "db.corp.example."},
        {"db.corp.example.", "db.corp.example."},
        {"DB.Corp.EXAMPLE", "db.corp.example."},
        {"*.corp.example", "\\052.corp.example."},
        {"\\052.corp.example.", "\\052.corp.example."},
        {"_sip._tcp.example", "_sip._tcp.example."},
        {"\\104b.example", "db.example."}, /* an escaped D */
        {"a\\056b.example", "a\\056b.example."},
        {"a/b.example", "a\\057b.example."},
        {"\\000\\377.x", "\\000\\377.x."},
        {LABEL_63 ".x", LABEL_63 ".x."},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[DNSNAME_MAX];

        print_message("%s\n", cases[i].text);
        assert_true(dnsname_canonical(cases[i].text, name));
        assert_string_equal(name, cases[i].canonical);
    }
}

static void
dnsname_canonical_no_name_refused(void **state)
{
    static const char *const cases[] = {
        "",
        ".",
        "..",
        ".x",
        "a..b",
        "a b.x",
        "a\tb",
        "\\52.x",
        "\\08.x",
        "\\400.x",
        "\\777.x",
        "\\",
        "a\\",
        "\\05",
        "d\xc3\xbc.x",
        LABEL_63 "4.x",
        LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 ".x",
    };
    char name[DNSNAME_MAX] = "untouched";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i]);
        assert_false(dnsname_canonical(cases[i], name));
        assert_string_equal(name, "untouched");
    }
}

/* 255 bytes with the lengths of its labels, all of them escapes: the longest text there is. */
static void
dnsname_canonical_longest_name_fits(void **state)
{
    char text[DNSNAME_MAX] = "";
    char name[DNSNAME_MAX];
    size_t len = 0;

    (void)state;
    for (unsigned label = 0; label < 4; label++) {
        for (unsigned i = 0; i < (label < 3 ? 63 : 61); i++) {
            text[len++] = '*';
        }
        text[len++] = '.';
    }
    assert_true(dnsname_canonical(text, name));
    assert_int_equal(strlen(name), 250 * 4 + 4);
    text[len - 1] = '*';
    assert_false(dnsname_canonical(text, name));
}

static void
dnsname_is_within_whole_labels_only(void **state)
{
    (void)state;
    assert_true(dnsname_is_within("db.corp.example.", "corp.example."));
    assert_true(dnsname_is_within("corp.example.", "corp.example."));
    assert_true(dnsname_is_within("a.b.corp.example.", "corp.example."));
    assert_false(dnsname_is_within("xcorp.example.", "corp.example."));
    assert_false(dnsname_is_within("example.", "corp.example."));
    assert_false(dnsname_is_within("corp.example.org.", "corp.example."));
}

static void
dnsname_for_resolver_escapes_are_decimal(void **state)
{
    char name[DNSNAME_MAX];

    (void)state;
    dnsname_for_resolver("\\052.corp.example.", name);
    assert_string_equal(name, "\\042.corp.example.");
    dnsname_for_resolver("a\\377b.\\000.", name);
    assert_string_equal(name, "a\\255b.\\000.");
    dnsname_for_resolver("db.corp.example.", name);
    assert_string_equal(name, "db.corp.example.");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dnsname_canonical_spellings_are_one),
        cmocka_unit_test(dnsname_canonical_no_name_refused),
        cmocka_unit_test(dnsname_canonical_longest_name_fits),
        cmocka_unit_test(dnsname_is_within_whole_labels_only),
        cmocka_unit_test(dnsname_for_resolver_escapes_are_decimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
