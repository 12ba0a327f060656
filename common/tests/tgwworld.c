/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwworld.h"

#define SET(field, text) (void)snprintf((field), sizeof(field), "%s", (text))

size_t
tgwworld_region(struct tgwworld *w, const char *name)
{
    size_t i = w->n++;
    struct tgw_region *r = &w->regions[i];

    assert_true(i < WORLD_REGIONS);
    *r = (struct tgw_region){.answered = true,
                             .vpc_tables = {.tables = w->vpc_tables[i]},
                             .tables = w->tables[i],
                             .attachments = w->attachments[i],
                             .peerings = w->peerings[i]};
    SET(r->name, name);
    return i;
}

struct tgw_attachment *
tgwworld_attach(struct tgwworld *w, size_t region, const char *id, const char *tgw_id,
                enum tgw_resource kind, const char *resource_id, const char *table_id)
{
    struct tgw_region *r = &w->regions[region];
    struct tgw_attachment *a = &r->attachments[r->n_attachments++];

    assert_true(r->n_attachments <= WORLD_ATTACHMENTS);
    *a = (struct tgw_attachment){.kind = kind};
    SET(a->id, id);
    SET(a->tgw_id, tgw_id);
    SET(a->resource_id, resource_id);
    SET(a->table_id, table_id);
    return a;
}

void
tgwworld_peering(struct tgwworld *w, size_t region, const struct tgw_peering *peering)
{
    struct tgw_region *r = &w->regions[region];

    assert_true(r->n_peerings < WORLD_ATTACHMENTS);
    r->peerings[r->n_peerings++] = *peering;
}

struct tgw_table *
tgwworld_table(struct tgwworld *w, size_t region, const char *id, const char *tgw_id)
{
    struct tgw_region *r = &w->regions[region];
    struct tgw_table *t = &r->tables[r->n_tables];

    assert_true(r->n_tables < WORLD_TABLES);
    *t = (struct tgw_table){.routes = w->routes[region][r->n_tables++]};
    SET(t->id, id);
    SET(t->tgw_id, tgw_id);
    return t;
}

struct ec2_route_table *
tgwworld_vpc_table(struct tgwworld *w, size_t region, const char *id, const char *vpc_id)
{
    struct ec2_route_tables *all = &w->regions[region].vpc_tables;
    struct ec2_route_table *t = &all->tables[all->n];

    assert_true(all->n < WORLD_TABLES);
    *t = (struct ec2_route_table){.routes = w->vpc_routes[region][all->n++]};
    SET(t->id, id);
    SET(t->vpc_id, vpc_id);
    return t;
}

struct tgw_route *
tgwworld_route(struct tgw_table *t, const struct addr *destination, const char *attachment_id)
{
    struct tgw_route *r = &t->routes[t->n_routes++];

    assert_true(t->n_routes <= WORLD_ROUTES);
    *r = (struct tgw_route){.destination = *destination};
    SET(r->attachment_id, attachment_id);
    return r;
}

struct ec2_route *
tgwworld_vpc_route(struct ec2_route_table *t, const struct addr *destination, const char *target)
{
    struct ec2_route *r = &t->routes[t->n_routes++];

    assert_true(t->n_routes <= WORLD_ROUTES);
    *r = (struct ec2_route){.destination = *destination};
    SET(r->target, target);
    return r;
}
