/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "xmlq.h"

/* Any document: every element is visited by each of the questions, and all texts are wiped. */

FUZZ_XML_MUTATOR

#define ELEMENTS_MAX 4096
#define SHARED_MAX   3

static size_t
walk(const struct xmlq_node *n, size_t seen, struct buf *trace)
{
    for (; n != NULL && seen < ELEMENTS_MAX; n = xmlq_next(n)) {
        const char *text = xmlq_text(n, "");

        FUZZ_CHECK(text != NULL && xmlq_is(n, "", text) && xmlq_find(n, "") == n);
        if (xmlq_first(n) != NULL && strchr(xmlq_name(xmlq_first(n)), '/') == NULL) {
            FUZZ_CHECK(xmlq_find(n, xmlq_name(xmlq_first(n))) == xmlq_first(n));
        }
        fuzz_say(trace, "%s=%s\n", xmlq_name(n), text);
        seen = walk(xmlq_first(n), seen + 1, trace);
    }
    return seen;
}

static void
check_wiped(const struct xmlq_node *n, size_t depth)
{
    for (; n != NULL && depth > 0; n = xmlq_next(n)) {
        const char *text = xmlq_text(n, "");

        /* The library shares white space and texts as short as these; they are no secrets. */
        FUZZ_CHECK(strlen(text) <= SHARED_MAX || text[strspn(text, " \t\r\n")] == '\0');
        check_wiped(xmlq_first(n), depth - 1);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    OCF_XMLQ struct xmlq *x = NULL;
    struct err e = {0};
    int rc = xmlq_parse(text, len, &x, &e);

    if (rc < 0) {
        FUZZ_CHECK(x == NULL);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(xmlq_root(x, NULL) != NULL);
    FUZZ_CHECK(xmlq_root(x, xmlq_name(xmlq_root(x, NULL))) == xmlq_root(x, NULL));
    (void)walk(xmlq_root(x, NULL), 0, trace);
    xmlq_wipe(x);
    check_wiped(xmlq_root(x, NULL), 64);
}
