/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "route53.h"

/* What Route 53 tells of zones, of record sets and of changes; and the sets as they go back. */

#define NAME "db.corp.example."
#define ZONE "Z0123456789ABCDEFGHIJ"
#define VPC  "vpc-0123456789abcdef0"

FUZZ_XML_MUTATOR

static void
check_zone(const struct route53_zone *z, struct buf *trace)
{
    char again[ROUTE53_ID_MAX];
    char name[DNSNAME_MAX];

    FUZZ_CHECK(route53_id(z->id, again) && strcmp(z->id, again) == 0);
    FUZZ_CHECK(dnsname_canonical(z->name, name) && strcmp(z->name, name) == 0);
    fuzz_say(trace, "%s %s %d %d\n", z->id, z->name, z->is_private, z->in_vpc);
}

static void
read_zones(const char *text, size_t len, struct buf *trace)
{
    OCF_CLEANUP(route53_zones_done) struct route53_zones zones = {.n = 0};
    struct route53_zone zone = {.id = "untouched"};
    struct err e = {0};
    int rc = route53_find_zones(fuzz_answers(text, len), NAME, &zones, fuzz_deadline(), &e);

    if (rc < 0) {
        FUZZ_CHECK(zones.n == 0 && zones.items == NULL);
        fuzz_error(trace, rc, &e);
    }
    for (size_t i = 0; i < zones.n; i++) {
        check_zone(&zones.items[i], trace);
        FUZZ_CHECK(strcmp(zones.items[i].name, NAME) == 0);
    }
    rc = route53_get_zone(fuzz_answers(text, len), ZONE, VPC, &zone, fuzz_deadline(), &e);
    if (rc < 0) {
        FUZZ_CHECK(strcmp(zone.id, "untouched") == 0);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(strcmp(zone.id, ZONE) == 0);
    check_zone(&zone, trace);
}

/* Write two documents' texts down: that of the same elements must be the same. */
static void
say_element(const struct xmlq_node *n, struct buf *trace)
{
    const struct xmlq_node *child = xmlq_first(n);

    fuzz_say(trace, "<%s>", xmlq_name(n));
    FUZZ_CHECK(child != NULL || buf_adds(trace, xmlq_text(n, "")) == 0);
    for (; child != NULL; child = xmlq_next(child)) {
        say_element(child, trace);
    }
    fuzz_say(trace, "</>");
}

/* The parts of a set are XML that says the same as what was read: it is sent back to delete it. */
static void
check_set(const struct route53_set *set, struct buf *trace)
{
    OCF_BUF struct buf copy = BUF_INIT(4 * AWS_ANSWER_MAX);
    OCF_BUF struct buf again = BUF_INIT(4 * AWS_ANSWER_MAX);
    OCF_XMLQ struct xmlq *doc = NULL;
    const struct xmlq_node *root = NULL;
    struct err e = {0};

    FUZZ_CHECK(buf_adds(&copy, "<s>") == 0 && buf_adds(&copy, set->before) == 0 &&
               buf_adds(&copy, set->data) == 0 && buf_adds(&copy, set->after) == 0 &&
               buf_adds(&copy, "</s>") == 0);
    FUZZ_CHECK(xmlq_parse(copy.data, copy.len, &doc, &e) == 0);
    root = xmlq_root(doc, "s");
    FUZZ_CHECK(xmlq_is(root, "Type", set->type));
    FUZZ_CHECK(set->set_identifier == NULL ? xmlq_find(root, "SetIdentifier") == NULL
                                           : xmlq_is(root, "SetIdentifier", set->set_identifier));
    say_element(root, &again);
    FUZZ_CHECK(buf_adds(trace, buf_str(&again)) == 0);
    fuzz_say(trace, "\n%s %d %llu\n", set->type, set->has_values, (unsigned long long)set->ttl_s);
    for (size_t i = 0; i < set->n_values; i++) {
        if (set->values[i].family != 0) {
            fuzz_say_addr(trace, &set->values[i]);
        }
    }
}

static void
write_sets(const char *text, size_t len, const struct route53_sets *sets, struct buf *trace)
{
    struct route53_change change = {.type = "A", .n_values = 1, .ttl_s = 60};
    struct route53_change_info info = {.id = ""};
    struct addr value;
    struct err e = {0};
    int rc = 0;

    FUZZ_CHECK(addr_parse("10.1.0.10", &value));
    change.values = &value;
    change.old = sets->n == 0 ? NULL : &sets->items[0];
    rc = route53_change_sets(fuzz_answers(text, len), ZONE, NAME, &change, 1, &info,
                             fuzz_deadline(), &e);
    if (rc == -ERR_BUG) {
        fuzz_say(trace, "the batch does not fit into a request\n");
    } else if (rc < 0) {
        fuzz_error(trace, rc, &e);
    } else {
        fuzz_say(trace, "%s %d\n", info.id, info.in_sync);
    }
    rc = route53_get_change(fuzz_answers(text, len), "C123ABC", &info, fuzz_deadline(), &e);
    if (rc < 0) {
        fuzz_error(trace, rc, &e);
    } else {
        fuzz_word(info.id);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    OCF_CLEANUP(route53_sets_done) struct route53_sets sets = {.n = 0};
    struct err e = {0};
    int rc = route53_list_sets(fuzz_answers(text, len), ZONE, NAME, &sets, fuzz_deadline(), &e);

    if (rc < 0) {
        FUZZ_CHECK(sets.n == 0 && sets.items == NULL);
        fuzz_error(trace, rc, &e);
    }
    for (size_t i = 0; i < sets.n; i++) {
        check_set(&sets.items[i], trace);
    }
    read_zones(text, len, trace);
    write_sets(text, len, &sets, trace);
}
