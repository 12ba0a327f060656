/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "ec2.h"

/* What EC2 tells of route tables, of a network interface, and of a write. */

#define ENI "eni-0123456789abcdef0"
#define VPC "vpc-0123456789abcdef0"

FUZZ_XML_MUTATOR

static void
check_table(const struct ec2_route_table *t, const struct ec2_table_query *q, struct buf *trace)
{
    fuzz_id(t->id, "rtb", false);
    fuzz_id(t->vpc_id, "vpc", false);
    FUZZ_CHECK(t->n_routes > 0 || q->n_ids > 0);
    fuzz_say(trace, "%s %s\n", t->id, t->vpc_id);
    for (size_t i = 0; i < t->n_routes; i++) {
        const struct ec2_route *r = &t->routes[i];
        bool wanted = q->every_route;

        for (size_t k = 0; k < q->n_destinations; k++) {
            wanted = wanted || addr_equal(&q->destinations[k], &r->destination);
        }
        FUZZ_CHECK(wanted && ec2_find_route(t, &r->destination) != NULL);
        fuzz_word(r->target);
        fuzz_say_addr(trace, &r->destination);
        fuzz_say(trace, "%s %d\n", r->target, r->blackhole);
    }
}

static void
read_tables(const char *text, size_t len, const struct ec2_table_query *q, struct buf *trace)
{
    OCF_CLEANUP(ec2_route_tables_done) struct ec2_route_tables t = {.n = 0};
    struct err e = {0};
    int rc = ec2_describe_route_tables(fuzz_answers(text, len), q, &t, fuzz_deadline(), &e);

    if (rc < 0) {
        FUZZ_CHECK(t.n == 0 && t.tables == NULL);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(t.n <= EC2_TABLES_MAX);
    for (size_t i = 0; i < t.n; i++) {
        check_table(&t.tables[i], q, trace);
        for (size_t k = 0; k < i; k++) {
            FUZZ_CHECK(strcmp(t.tables[i].id, t.tables[k].id) != 0);
        }
    }
}

static void
read_eni(const char *text, size_t len, struct buf *trace)
{
    struct ec2_eni eni = {.vpc_id = "untouched"};
    struct err e = {0};
    int rc = ec2_describe_eni(fuzz_answers(text, len), ENI, &eni, fuzz_deadline(), &e);

    if (rc < 0) {
        FUZZ_CHECK(strcmp(eni.vpc_id, "untouched") == 0);
        fuzz_error(trace, rc, &e);
        return;
    }
    fuzz_id(eni.vpc_id, "vpc", false);
    fuzz_say(trace, "%s %d\n", eni.vpc_id, eni.source_dest_check);
}

static void
write_routes(const char *text, size_t len, const struct addr *destinations, struct buf *trace)
{
    struct ec2_route_change changes[] = {
        {.table_id = "rtb-0123456789abcdef0", .destination = destinations[0], .target = ENI},
        {.table_id = "rtb-0123456789abcdef0",
         .destination = destinations[1],
         .target = "tgw-0123456789abcdef0",
         .create = true},
        {.table_id = "tgw-rtb-0123456789abcdef0",
         .destination = destinations[1],
         .target = "tgw-attach-0123456789abcdef0"}};

    for (int dry_run = 0; dry_run < 2; dry_run++) {
        struct aws_session *s = fuzz_answers(text, len);
        int rc = ec2_change_routes(s, changes, ARRAY_LEN(changes), dry_run, fuzz_deadline());
        int first = 0;

        for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
            int code = changes[i].error.code;

            first = first == 0 ? code : first;
            if (code < 0) {
                fuzz_error(trace, code, &changes[i].error);
            }
        }
        FUZZ_CHECK(rc == first);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static const char ids[][AWS_ID_MAX] = {"rtb-0000000a", "rtb-0000000b"};
    struct addr destinations[2];
    struct ec2_table_query q = {
        .vpc_id = VPC, .destinations = destinations, .n_destinations = ARRAY_LEN(destinations)};
    struct err e = {0};
    int rc = 0;

    FUZZ_CHECK(addr_parse("10.1.0.10", &destinations[0]));
    FUZZ_CHECK(addr_parse("2001:db8:200::10", &destinations[1]));
    read_tables(text, len, &q, trace);
    q.every_route = true;
    read_tables(text, len, &q, trace);
    q.every_route = false;
    q.ids = ids;
    q.n_ids = ARRAY_LEN(ids);
    read_tables(text, len, &q, trace);
    read_eni(text, len, trace);
    write_routes(text, len, destinations, trace);
    rc = ec2_set_source_dest_check(fuzz_answers(text, len), ENI, false, true, fuzz_deadline(), &e);
    if (rc < 0) {
        fuzz_error(trace, rc, &e);
    }
}
