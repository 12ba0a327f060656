/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TESTS_TGWWORLD_H
#define OCF_AWS_TESTS_TGWWORLD_H

#include "harness.h"

#include "tgw.h"

/* Regions with Transit Gateways that need no freeing. Too much of anything fails the test. */

#define WORLD_REGIONS     6
#define WORLD_ATTACHMENTS 64
#define WORLD_TABLES      12
#define WORLD_ROUTES      4

struct tgwworld {
    struct tgw_region regions[WORLD_REGIONS];
    size_t n;
    struct tgw_attachment attachments[WORLD_REGIONS][WORLD_ATTACHMENTS];
    struct tgw_peering peerings[WORLD_REGIONS][WORLD_ATTACHMENTS];
    struct tgw_table tables[WORLD_REGIONS][WORLD_TABLES];
    struct tgw_route routes[WORLD_REGIONS][WORLD_TABLES][WORLD_ROUTES];
    struct ec2_route_table vpc_tables[WORLD_REGIONS][WORLD_TABLES];
    struct ec2_route vpc_routes[WORLD_REGIONS][WORLD_TABLES][WORLD_ROUTES];
};

/*! \brief Add a region that answered and has nothing; returns its index. */
size_t tgwworld_region(struct tgwworld *w, const char *name);

struct tgw_attachment *tgwworld_attach(struct tgwworld *w, size_t region, const char *id,
                                       const char *tgw_id, enum tgw_resource kind,
                                       const char *resource_id, const char *table_id);

void tgwworld_peering(struct tgwworld *w, size_t region, const struct tgw_peering *peering);

struct tgw_table *tgwworld_table(struct tgwworld *w, size_t region, const char *id,
                                 const char *tgw_id);

struct ec2_route_table *tgwworld_vpc_table(struct tgwworld *w, size_t region, const char *id,
                                           const char *vpc_id);

/*! \brief Add a route to a table that one of the above returned. */
struct tgw_route *tgwworld_route(struct tgw_table *t, const struct addr *destination,
                                 const char *attachment_id);
struct ec2_route *tgwworld_vpc_route(struct ec2_route_table *t, const struct addr *destination,
                                     const char *target);

#endif
