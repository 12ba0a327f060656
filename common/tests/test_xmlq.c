/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "buf.h"
#include "xmlq.h"

#include <libxml/tree.h>

static struct xmlq *
parse(const char *text)
{
    struct xmlq *x = NULL;
    struct err e = {0};

    if (xmlq_parse(text, strlen(text), &x, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return x;
}

static void
xmlq_parse_bad_texts_refused_untouched(void **state)
{
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"empty", ""},
        {"space", "  \n"},
        {"no XML", "502 Bad Gateway"},
        {"truncated", "<Response><routeTableSet><item>"},
        {"truncated in a tag", "<Response><routeTab"},
        {"two roots", "<a/><b/>"},
        {"junk behind", "<a/>x"},
        {"HTML", "<html><hr><body>502</body></html>"},
        {"invalid UTF-8", "<a>\xff\xfe</a>"},
        {"invalid EUC-JP", "<?xml version='1.0' encoding='EUC-JP'?><a>\xff\xfe</a>"},
        {"unknown encoding", "<?xml version='1.0' encoding='x-none'?><a>\xff\xfe</a>"},
        {"undeclared entity", "<a>&lol;</a>"},
        {"document type", "<!DOCTYPE a><a/>"},
        {"document type on the net", "<!DOCTYPE a SYSTEM \"http://192.0.2.1/a.dtd\"><a/>"},
        {"file by an entity", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"},
        {"entity bomb", "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaaaaaaaa\">"
                        "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
                        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
                        "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">"
                        "<!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\">"
                        "<!ENTITY f \"&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;\">"
                        "<!ENTITY g \"&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;\">"
                        "<!ENTITY h \"&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;\">]><a b=\"&h;\">&h;</a>"},
    };
    static const char untouched;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct xmlq *x = (struct xmlq *)(uintptr_t)&untouched;
        struct err e = {0};

        struct fakenode_stderr caught;
        char said[256];
        int rc = 0;

        print_message("  %s\n", cases[i].name);
        fakenode_stderr_begin(&caught);
        rc = xmlq_parse(cases[i].text, strlen(cases[i].text), &x, &e);
        fakenode_stderr_end(&caught, said, sizeof(said));
        assert_int_equal(rc, -ERR_MALFORMED);
        assert_string_equal(said, "");
        assert_ptr_equal(x, &untouched);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_true(e.text[0] != '\0');
    }
}

/* Markup of four bytes makes a node of more than a hundred. */
static void
xmlq_parse_more_nodes_than_allowed_refused(void **state)
{
    static const struct {
        const char *part;
        size_t n;
        int code;
    } cases[] = {
        {"<a/>", XMLQ_NODES_MAX - 1, 0},
        {"<a/>", XMLQ_NODES_MAX, -ERR_TOO_BIG},
        {"<a/>x", XMLQ_NODES_MAX / 2 - 1, 0},
        {"<a/>x", XMLQ_NODES_MAX / 2, -ERR_TOO_BIG},
        {"<a b=''/>", XMLQ_NODES_MAX / 3 + 1, -ERR_TOO_BIG},
        {"<!---->", XMLQ_NODES_MAX, -ERR_TOO_BIG},
        {"x", 2 * XMLQ_NODES_MAX, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OCF_BUF struct buf text = BUF_INIT(1024 * 1024);
        OCF_XMLQ struct xmlq *x = NULL;
        struct err e = {0};

        assert_int_equal(buf_adds(&text, "<r>"), 0);
        for (size_t k = 0; k < cases[i].n; k++) {
            assert_int_equal(buf_adds(&text, cases[i].part), 0);
        }
        assert_int_equal(buf_adds(&text, "</r>"), 0);
        assert_int_equal(xmlq_parse(text.data, text.len, &x, &e), cases[i].code);
        assert_int_equal(strncmp(e.text, "answer too large", 16) == 0, cases[i].code < 0);
    }
}

static void
xmlq_parse_nesting_bomb_refused(void **state)
{
    OCF_BUF struct buf bomb = BUF_INIT(1024 * 1024);
    struct xmlq *x = NULL;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(buf_adds(&bomb, "<a>"), 0);
    }
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(buf_adds(&bomb, "</a>"), 0);
    }
    assert_int_equal(xmlq_parse(bomb.data, bomb.len, &x, NULL), -ERR_MALFORMED);
    assert_null(x);
}

static void
xmlq_root_by_name_without_namespace(void **state)
{
    OCF_XMLQ struct xmlq *x = parse("<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- c -->\n"
                                    "<e:R xmlns:e=\"http://ec2.amazonaws.com/doc/\"><e:a>1</e:a>"
                                    "</e:R>");

    (void)state;
    assert_non_null(xmlq_root(x, "R"));
    assert_ptr_equal(xmlq_root(x, NULL), xmlq_root(x, "R"));
    assert_null(xmlq_root(x, "r"));
    assert_null(xmlq_root(x, "Re"));
    assert_null(xmlq_root(NULL, NULL));
    assert_string_equal(xmlq_name(xmlq_root(x, NULL)), "R");
    assert_string_equal(xmlq_text(xmlq_root(x, NULL), "a"), "1");
}

static void
xmlq_find_paths_exact_names(void **state)
{
    OCF_XMLQ struct xmlq *x = parse("<r> text <ab>no</ab><a><x/><b>yes</b></a><a><b>second</b></a>"
                                    "<empty/></r>");
    const struct xmlq_node *r = xmlq_root(x, "r");

    (void)state;
    assert_string_equal(xmlq_text(r, "a/b"), "yes");
    assert_string_equal(xmlq_text(r, "ab"), "no");
    assert_string_equal(xmlq_text(r, "a/x"), "");
    assert_string_equal(xmlq_text(r, "empty"), "");
    assert_string_equal(xmlq_text(xmlq_find(r, "ab"), ""), "no");
    assert_null(xmlq_text(r, "a/c"));
    assert_null(xmlq_text(r, "b"));
    assert_null(xmlq_text(r, "a/b/c"));
    assert_null(xmlq_text(NULL, "a"));
    assert_null(xmlq_find(r, "A"));
    assert_null(xmlq_find(NULL, "a"));
    assert_true(xmlq_is(r, "a/b", "yes"));
    assert_false(xmlq_is(r, "a/b", "ye"));
    assert_false(xmlq_is(r, "a/b", "yes "));
    assert_false(xmlq_is(r, "nothing", ""));
    assert_false(xmlq_is(NULL, "a", ""));
}

static void
xmlq_next_all_siblings_elements_only(void **state)
{
    static const char *const names[] = {"a", "b", "a"};
    OCF_XMLQ struct xmlq *x = parse("<r>\n <a/><!-- c --><?pi x?>t<b/>\n<a/>\n</r>");
    const struct xmlq_node *n = xmlq_first(xmlq_root(x, "r"));
    size_t i = 0;

    (void)state;
    for (; n != NULL; n = xmlq_next(n)) {
        assert_true(i < ARRAY_LEN(names));
        assert_string_equal(xmlq_name(n), names[i++]);
    }
    assert_int_equal(i, ARRAY_LEN(names));
    assert_null(xmlq_first(NULL));
    assert_null(xmlq_next(NULL));
    assert_null(xmlq_first(xmlq_find(xmlq_root(x, "r"), "a")));
}

static void
xmlq_text_escapes_and_cdata_read_as_text(void **state)
{
    OCF_XMLQ struct xmlq *x =
        parse("<r><a>x &lt;&amp;&gt; y</a><b><![CDATA[<raw>]]></b><c>&#x6771;</c></r>");
    const struct xmlq_node *r = xmlq_root(x, "r");

    (void)state;
    assert_string_equal(xmlq_text(r, "a"), "x <&> y");
    assert_string_equal(xmlq_text(r, "b"), "<raw>");
    assert_string_equal(xmlq_text(r, "c"), "\xe6\x9d\xb1");
}

/* What is copied of such an element would say something else than what was read of it. */
static void
xmlq_text_between_elements_is_none(void **state)
{
    OCF_XMLQ struct xmlq *x = parse("<r><a>A<b/></a><c><b/>A</c><d>A<!-- c --></d></r>");
    const struct xmlq_node *r = xmlq_root(x, "r");

    (void)state;
    assert_string_equal(xmlq_text(r, "a"), "");
    assert_string_equal(xmlq_text(r, "c"), "");
    assert_string_equal(xmlq_text(r, "d"), "A");
}

/* libxml2 shares texts of up to three characters among documents: no secret is as short. */
static void
xmlq_wipe_every_text_is_gone(void **state)
{
    OCF_XMLQ struct xmlq *x = parse("<r>first<a><b>a-long-secret-of-many-characters</b><c>four</c>"
                                    "</a><d><![CDATA[fifth]]></d><e/>last</r>");
    const struct xmlq_node *r = xmlq_root(x, "r");
    xmlChar *all = NULL;

    (void)state;
    xmlq_wipe(x);
    all = xmlNodeGetContent(xmlDocGetRootElement((xmlDocPtr)(uintptr_t)x));
    assert_string_equal(all, "");
    xmlFree(all);
    assert_string_equal(xmlq_text(r, "a/b"), "");
    assert_string_equal(xmlq_text(r, "a/c"), "");
    assert_string_equal(xmlq_text(r, "d"), "");
    assert_string_equal(xmlq_name(xmlq_find(r, "a/c")), "c"); /* the names stay */
    xmlq_wipe(NULL);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(xmlq_parse_bad_texts_refused_untouched),
        cmocka_unit_test(xmlq_parse_more_nodes_than_allowed_refused),
        cmocka_unit_test(xmlq_parse_nesting_bomb_refused),
        cmocka_unit_test(xmlq_root_by_name_without_namespace),
        cmocka_unit_test(xmlq_find_paths_exact_names),
        cmocka_unit_test(xmlq_next_all_siblings_elements_only),
        cmocka_unit_test(xmlq_text_escapes_and_cdata_read_as_text),
        cmocka_unit_test(xmlq_text_between_elements_is_none),
        cmocka_unit_test(xmlq_wipe_every_text_is_gone),
    };

    return cmocka_run_group_tests_name("xmlq", tests, NULL, NULL);
}
