/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "tgw.h"

/*
 * What EC2 tells of the Transit Gateways of two regions. The pieces answer, for each of them, the
 * route tables of VPCs (IPv4, IPv6), the tables, the attachments and the peerings, and then the
 * searches.
 */

FUZZ_XML_MUTATOR

static void
check_tables(const struct tgw_region *r, const struct addr *destinations, size_t n,
             struct buf *trace)
{
    for (size_t i = 0; i < r->n_tables; i++) {
        const struct tgw_table *t = &r->tables[i];

        fuzz_id(t->id, "tgw-rtb", false);
        fuzz_id(t->tgw_id, "tgw", false);
        fuzz_say(trace, "table %s %s\n", t->id, t->tgw_id);
        for (size_t k = 0; k < t->n_routes; k++) {
            const struct tgw_route *route = &t->routes[k];
            bool wanted = false;

            for (size_t d = 0; d < n; d++) {
                wanted = wanted || addr_equal(&destinations[d], &route->destination);
            }
            FUZZ_CHECK(wanted);
            fuzz_id(route->attachment_id, "tgw-attach", true);
            fuzz_say_addr(trace, &route->destination);
            fuzz_say(trace, "%s %d %d\n", route->attachment_id, route->propagated,
                     route->blackhole);
        }
    }
}

static void
check_inventory(const struct tgw_region *r, struct buf *trace)
{
    for (size_t i = 0; i < r->n_attachments; i++) {
        const struct tgw_attachment *a = &r->attachments[i];

        fuzz_id(a->id, "tgw-attach", false);
        fuzz_id(a->tgw_id, "tgw", false);
        fuzz_id(a->table_id, "tgw-rtb", true);
        FUZZ_CHECK(a->kind == TGW_VPC       ? awsid_is(a->resource_id, "vpc")
                   : a->kind == TGW_PEERING ? awsid_is(a->resource_id, "tgw")
                                            : a->resource_id[0] == '\0');
        fuzz_say(trace, "attachment %s %s %s %s\n", a->id, a->tgw_id, a->resource_id, a->table_id);
    }
    for (size_t i = 0; i < r->n_peerings; i++) {
        const struct tgw_peering *p = &r->peerings[i];

        for (size_t k = 0; k < 2; k++) {
            fuzz_id(p->tgw_id[k], "tgw", false);
            FUZZ_CHECK(awsid_is_region(p->region[k]));
            fuzz_say(trace, "peering %s %s\n", p->tgw_id[k], p->region[k]);
        }
    }
    for (size_t i = 0; i < r->vpc_tables.n; i++) {
        const struct ec2_route_table *t = &r->vpc_tables.tables[i];

        fuzz_id(t->id, "rtb", false);
        FUZZ_CHECK(t->n_routes > 0);
        for (size_t k = 0; k < t->n_routes; k++) {
            fuzz_word(t->routes[k].target);
        }
        fuzz_say(trace, "vpc table %s %s %zu\n", t->id, t->vpc_id, t->n_routes);
    }
}

static void
read_regions(const char *text, size_t len, const struct addr *destinations, size_t n,
             const struct tgw_region *known, struct buf *trace)
{
    struct aws_session *s = fuzz_answers(text, len);
    struct tgw_query queries[] = {{.region = "ap-northeast-1", .session = s, .known = known},
                                  {.region = "ap-northeast-3", .session = s}};
    struct tgw_region found[ARRAY_LEN(queries)];
    int rc = tgw_read(s, queries, ARRAY_LEN(queries), destinations, n, found, fuzz_deadline());

    FUZZ_CHECK(rc == 0);
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct tgw_region *r = &found[i];

        FUZZ_CHECK(strcmp(r->name, queries[i].region) == 0);
        FUZZ_CHECK(r->answered == (r->error.code == 0));
        if (r->answered) {
            check_tables(r, destinations, n, trace);
            check_inventory(r, trace);
        } else {
            fuzz_error(trace, r->error.code, &r->error);
        }
    }
    if (known == NULL && found[0].answered) {
        read_regions(text, len, destinations, n, &found[0], trace);
    }
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        tgw_region_done(&found[i]);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    struct addr destinations[2];

    FUZZ_CHECK(addr_parse("10.1.0.10", &destinations[0]));
    FUZZ_CHECK(addr_parse("2001:db8:200::10", &destinations[1]));
    read_regions(text, len, destinations, ARRAY_LEN(destinations), NULL, trace);
}
