/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "awsparam.h"
#include "meta.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>

struct params {
    struct param_addresses ip;
    uint16_t port;
    bool flag;
    const char *text;
};

static const struct param rows[] = {
    {.name = "ip",
     .type = PARAM_ADDRESSES,
     .flags = PARAM_REQUIRED,
     .unique_group = "address",
     .offset = offsetof(struct params, ip),
     .shortdesc = {"Addresses", "\xe4\xbb\xae\xe6\x83\xb3"},
     .longdesc = {"One & <more> \"addresses\" ]]>", "\xe4\xbb\xae\xe6\x83\xb3 & <IP>"}},
    {.name = "port",
     .type = PARAM_PORT,
     .flags = PARAM_RELOADABLE,
     .initial = "80",
     .offset = offsetof(struct params, port),
     .shortdesc = {"Port", "p"},
     .longdesc = {"Port.", "p"}},
    {.name = "flag",
     .type = PARAM_BOOLEAN,
     .initial = "false",
     .offset = offsetof(struct params, flag),
     .shortdesc = {"Flag", "f"},
     .longdesc = {"Flag.", "f"}},
    {.name = "text",
     .type = PARAM_STRING,
     .initial = "a \"quoted\" <& default>",
     .offset = offsetof(struct params, text),
     .shortdesc = {"Text", "t"},
     .longdesc = {"", ""}},
    {0},
};

static const struct param more[] = {
    {.name = "more", .type = PARAM_URL, .shortdesc = {"More", "m"}, .longdesc = {"More.", "m"}},
    {0},
};

static const struct param_table tables[] = {{rows, 0}, {more, 0}, {awsparam_rows, 0}, {0}};

static const struct meta_action actions[] = {
    {.name = "start", .timeout_s = 180},
    {.name = "monitor", .timeout_s = 40, .interval_s = 60, .depth = 10},
    {.name = "monitor", .timeout_s = 30, .interval_s = 10},
    {.name = "meta-data", .timeout_s = 5},
    {0},
};

static const struct meta_agent agent = {.name = "test-agent",
                                        .shortdesc = "Short & <short>",
                                        .longdesc = "Long",
                                        .tables = tables,
                                        .actions = actions};

/* The metadata as libxml2 reads it, its internal subset included. */
static xmlDocPtr
parse_metadata(struct buf *text)
{
    xmlDocPtr doc = NULL;

    assert_int_equal(meta_xml(&agent, text), 0);
    doc =
        xmlReadMemory(text->data, (int)text->len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_PEDANTIC);
    assert_non_null(doc);
    return doc;
}

static void
assert_xpath(xmlDocPtr doc, const char *question, const char *answer)
{
    xmlXPathContextPtr context = xmlXPathNewContext(doc);
    xmlXPathObjectPtr found = xmlXPathEvalExpression((const xmlChar *)question, context);
    xmlChar *text = xmlXPathCastToString(found);

    print_message("  %s\n", question);
    assert_string_equal((const char *)text, answer);
    xmlFree(text);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
}

static void
meta_xml_well_formed_with_every_attribute(void **state)
{
    static const struct {
        const char *question;
        const char *answer;
    } cases[] = {
        {"string(/resource-agent/@name)", "test-agent"},
        {"string(/resource-agent/@version)", OCF_AWS_VERSION},
        {"string(/resource-agent/version)", "1.1"},
        {"string(/resource-agent/shortdesc[@lang='en'])", "Short & <short>"},
        {"count(/resource-agent/longdesc)", "1"}, /* ra-api-1.dtd allows one */
        {"count(/resource-agent/shortdesc)", "1"},
        {"string(//parameter[@name='ip']/@required)", "1"},
        {"string(//parameter[@name='ip']/@unique)", "1"},
        {"string(//parameter[@name='ip']/@unique-group)", "address"},
        {"string(//parameter[@name='ip']/@reloadable)", "0"},
        {"string(//parameter[@name='ip']/content/@type)", "string"},
        {"count(//parameter[@name='ip']/content/@default)", "0"},
        {"string(//parameter[@name='ip']/longdesc[@lang='en'])", "One & <more> \"addresses\" ]]>"},
        {"string(//parameter[@name='ip']/longdesc[@lang='ja'])", "\xe4\xbb\xae\xe6\x83\xb3 & <IP>"},
        {"name(//parameter[@name='ip']/*[1])", "longdesc"},
        {"name(//parameter[@name='ip']/*[3])", "shortdesc"},
        {"name(//parameter[@name='ip']/*[5])", "content"},
        {"string(//parameter[@name='port']/@required)", "0"},
        {"string(//parameter[@name='port']/@unique)", "0"},
        {"count(//parameter[@name='port']/@unique-group)", "0"},
        {"string(//parameter[@name='port']/@reloadable)", "1"},
        {"string(//parameter[@name='port']/content/@type)", "integer"},
        {"string(//parameter[@name='port']/content/@default)", "80"},
        {"string(//parameter[@name='flag']/content/@type)", "boolean"},
        {"string(//parameter[@name='text']/content/@default)", "a \"quoted\" <& default>"},
        {"count(//parameter[@name='more'])", "1"},
        {"count(//parameter[@name='region'])", "1"},
        {"count(//action)", "4"},
        {"string(//action[@name='start']/@timeout)", "180s"},
        {"count(//action[@name='start']/@interval)", "0"},
        {"count(//action[@name='start']/@depth)", "0"},
        {"string(//action[@name='monitor'][1]/@depth)", "10"},
        {"string(//action[@name='monitor'][1]/@interval)", "60s"},
        {"string(//action[@name='monitor'][2]/@depth)", "0"},
        {"string(//action[@name='monitor'][2]/@interval)", "10s"},
    };
    OCF_BUF struct buf text = BUF_INIT(1024 * 1024);
    xmlDocPtr doc = parse_metadata(&text);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_xpath(doc, cases[i].question, cases[i].answer);
    }
    xmlFreeDoc(doc);
}

static void
meta_xml_doctype_declares_what_the_dtd_lacks(void **state)
{
    OCF_BUF struct buf text = BUF_INIT(1024 * 1024);
    xmlDocPtr doc = parse_metadata(&text);

    (void)state;
    assert_non_null(doc->intSubset);
    assert_string_equal((const char *)doc->intSubset->name, "resource-agent");
    assert_string_equal((const char *)doc->intSubset->SystemID, "ra-api-1.dtd");
    assert_non_null(xmlGetDtdAttrDesc(doc->intSubset, (const xmlChar *)"parameter",
                                      (const xmlChar *)"reloadable"));
    assert_non_null(xmlGetDtdAttrDesc(doc->intSubset, (const xmlChar *)"parameter",
                                      (const xmlChar *)"unique-group"));
    xmlFreeDoc(doc);
}

static void
meta_xml_every_parameter_has_both_languages(void **state)
{
    OCF_BUF struct buf text = BUF_INIT(1024 * 1024);
    xmlDocPtr doc = parse_metadata(&text);

    (void)state;
    assert_xpath(doc,
                 "count(//parameter[count(longdesc[@lang='en'])=1 and "
                 "count(longdesc[@lang='ja'])=1 and count(shortdesc[@lang='en'])=1 and "
                 "count(shortdesc[@lang='ja'])=1]) = count(//parameter)",
                 "true");
    xmlFreeDoc(doc);
}

static void
meta_xml_too_small_buffer_is_told(void **state)
{
    OCF_BUF struct buf small = BUF_INIT(1000);

    (void)state;
    assert_int_equal(meta_xml(&agent, &small), -ERR_TOO_BIG);
}

static void
meta_usage_names_each_action_once_and_every_parameter(void **state)
{
    OCF_BUF struct buf text = BUF_INIT(65536);
    OCF_BUF struct buf small = BUF_INIT(20);

    (void)state;
    assert_int_equal(meta_usage(&agent, &text), 0);
    assert_non_null(strstr(text.data, "usage: test-agent ACTION\n"));
    assert_non_null(strstr(text.data, "Actions: start monitor meta-data\n"));
    assert_non_null(strstr(text.data, "  ip                         Addresses (required)\n"));
    assert_non_null(strstr(text.data, "  port                       Port; default 80\n"));
    assert_non_null(strstr(text.data, "\n  region "));
    assert_int_equal(meta_usage(&agent, &small), -ERR_TOO_BIG);
}

static void
meta_action_least_depth_wins(void **state)
{
    (void)state;
    assert_ptr_equal(meta_action(&agent, "monitor"), &actions[2]);
    assert_ptr_equal(meta_action(&agent, "start"), &actions[0]);
    assert_null(meta_action(&agent, "promote"));
    assert_null(meta_action(&agent, "monitor-"));
    assert_null(meta_action(&agent, ""));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(meta_xml_well_formed_with_every_attribute),
        cmocka_unit_test(meta_xml_doctype_declares_what_the_dtd_lacks),
        cmocka_unit_test(meta_xml_every_parameter_has_both_languages),
        cmocka_unit_test(meta_xml_too_small_buffer_is_told),
        cmocka_unit_test(meta_usage_names_each_action_once_and_every_parameter),
        cmocka_unit_test(meta_action_least_depth_wins),
    };

    return cmocka_run_group_tests_name("meta", tests, NULL, NULL);
}
