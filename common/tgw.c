/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgw.h"

void
tgw_region_done(struct tgw_region *r)
{
    for (size_t i = 0; i < r->n_tables; i++) {
        free(r->tables[i].routes);
    }
    free(r->tables);
    free(r->attachments);
    free(r->peerings);
    ec2_route_tables_done(&r->vpc_tables);
    *r = (struct tgw_region){0};
}
