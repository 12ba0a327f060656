/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "meta.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LONG_MAX_LEN 2048 /* bytes of a description with its default */

/* Output that remembers its first failure: one check at the end instead of one a line. */
struct out {
    struct buf *buf;
    int rc;
};

static void put(struct out *o, const char *format, ...) OCF_PRINTF(2, 3);

static void
put(struct out *o, const char *format, ...)
{
    OCF_FREE char *text = NULL;
    va_list args;

    va_start(args, format);
    if (o->rc == 0 && vasprintf(&text, format, args) < 0) {
        text = NULL;
        o->rc = -ERR_NOMEM;
    }
    va_end(args);
    if (o->rc == 0) {
        o->rc = buf_adds(o->buf, text);
    }
}

/* Text as XML character data, good inside a quoted attribute too. */
static void
put_text(struct out *o, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            put(o, "&amp;");
            break;
        case '<':
            put(o, "&lt;");
            break;
        case '>':
            put(o, "&gt;");
            break;
        case '"':
            put(o, "&quot;");
            break;
        default:
            put(o, "%c", *text);
            break;
        }
    }
}

static void
put_element(struct out *o, const char *indent, const char *element, const char *lang,
            const char *text)
{
    put(o, "%s<%s lang=\"%s\">", indent, element, lang);
    put_text(o, text);
    put(o, "</%s>\n", element);
}

static void
put_texts(struct out *o, const char *element, const struct param_text *t)
{
    put_element(o, "      ", element, "en", t->en);
    put_element(o, "      ", element, "ja", t->ja);
}

/* The default is told in the text too: pcs shows it nowhere else. */
static void
put_long(struct out *o, const struct param_text *t, const char *initial)
{
    char en[LONG_MAX_LEN];
    char ja[LONG_MAX_LEN];

    if (initial == NULL) {
        put_texts(o, "longdesc", t);
        return;
    }
    (void)snprintf(en, sizeof(en), "%s Default: %s.", t->en, initial);
    (void)snprintf(ja, sizeof(ja), "%s既定値: %s。", t->ja, initial);
    put_texts(o, "longdesc", &(struct param_text){.en = en, .ja = ja});
}

static void
put_param(struct out *o, const struct param *p)
{
    put(o, "    <parameter name=\"%s\" required=\"%d\" unique=\"%d\"", p->name,
        (p->flags & PARAM_REQUIRED) != 0, p->unique_group != NULL);
    if (p->unique_group != NULL) {
        put(o, " unique-group=\"%s\"", p->unique_group);
    }
    put(o, " reloadable=\"%d\">\n", (p->flags & PARAM_RELOADABLE) != 0);
    put_long(o, &p->longdesc, p->initial);
    put_texts(o, "shortdesc", &p->shortdesc);
    put(o, "      <content type=\"%s\"", param_content_type(p->type));
    if (p->initial != NULL) {
        put(o, " default=\"");
        put_text(o, p->initial);
        put(o, "\"");
    }
    put(o, "/>\n    </parameter>\n");
}

static void
put_action(struct out *o, const struct meta_action *a)
{
    put(o, "    <action name=\"%s\" timeout=\"%us\"", a->name, a->timeout_s);
    if (a->interval_s > 0) {
        put(o, " interval=\"%us\"", a->interval_s);
    }
    if (a->depth > 0 || a->interval_s > 0) {
        put(o, " depth=\"%u\"", a->depth);
    }
    put(o, "/>\n");
}

int
meta_xml(const struct meta_agent *a, struct buf *ret)
{
    struct out o = {.buf = ret};

    put(&o, "<?xml version=\"1.0\"?>\n"
            "<!DOCTYPE resource-agent SYSTEM \"ra-api-1.dtd\" [\n"
            "  <!ATTLIST parameter unique-group CDATA #IMPLIED reloadable (0|1) \"0\">\n"
            "  <!ATTLIST action name CDATA #REQUIRED>\n"
            "]>\n");
    put(&o, "<resource-agent name=\"%s\" version=\"%s\">\n  <version>1.1</version>\n", a->name,
        OCF_AWS_VERSION);
    put_element(&o, "  ", "longdesc", "en", a->longdesc);
    put_element(&o, "  ", "shortdesc", "en", a->shortdesc);
    put(&o, "  <parameters>\n");
    for (const struct param_table *t = a->tables; t->rows != NULL; t++) {
        for (const struct param *p = t->rows; p->name != NULL; p++) {
            put_param(&o, p);
        }
    }
    put(&o, "  </parameters>\n  <actions>\n");
    for (const struct meta_action *action = a->actions; action->name != NULL; action++) {
        put_action(&o, action);
    }
    put(&o, "  </actions>\n</resource-agent>\n");
    return o.rc;
}

static void
put_usage(struct out *o, const struct param *p)
{
    put(o, "  %-26s %s%s%s%s\n", p->name, p->shortdesc.en,
        (p->flags & PARAM_REQUIRED) != 0 ? " (required)" : "",
        p->initial != NULL ? "; default " : "", p->initial != NULL ? p->initial : "");
}

int
meta_usage(const struct meta_agent *a, struct buf *ret)
{
    struct out o = {.buf = ret};

    put(&o, "usage: %s ACTION\n\n%s\n\nActions:", a->name, a->shortdesc);
    for (const struct meta_action *action = a->actions; action->name != NULL; action++) {
        if (meta_action(a, action->name) == action) {
            put(&o, " %s", action->name);
        }
    }
    put(&o, "\n\nParameters, from the environment as " PARAM_PREFIX "NAME:\n");
    for (const struct param_table *t = a->tables; t->rows != NULL; t++) {
        for (const struct param *p = t->rows; p->name != NULL; p++) {
            put_usage(&o, p);
        }
    }
    return o.rc;
}

const struct meta_action *
meta_action(const struct meta_agent *a, const char *name)
{
    const struct meta_action *best = NULL;

    for (const struct meta_action *action = a->actions; action->name != NULL; action++) {
        if (strcmp(action->name, name) == 0 && (best == NULL || action->depth < best->depth)) {
            best = action;
        }
    }
    return best;
}
