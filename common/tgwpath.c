/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwpath.h"

#include <string.h>

size_t
tgwpath_hub_of(const struct tgwpath *p, const char *tgw_id)
{
    size_t i = 0;

    while (i < p->n_hubs && strcmp(p->hubs[i].id, tgw_id) != 0) {
        i++;
    }
    return i;
}

/* The region of a TGW, as a peering in any region tells it. */
static const char *
name_of_region(const struct tgwpath *p, const char *tgw_id)
{
    for (size_t i = 0; i < p->n_regions; i++) {
        const struct tgw_region *r = &p->regions[i];

        for (size_t k = 0; r->answered && k < r->n_peerings; k++) {
            for (size_t side = 0; side < 2; side++) {
                if (strcmp(r->peerings[k].tgw_id[side], tgw_id) == 0) {
                    return r->peerings[k].region[side];
                }
            }
        }
    }
    return "";
}

/* \param[in] region  NULL: it was only named as a peer */
static void
add_hub(struct tgwpath *p, const char *tgw_id, const struct tgw_region *region)
{
    if (tgwpath_hub_of(p, tgw_id) == p->n_hubs) {
        p->hubs[p->n_hubs] = (struct tgwpath_hub){
            .id = tgw_id,
            .region = region,
            .region_name = region != NULL ? region->name : name_of_region(p, tgw_id),
            .distance = TGWPATH_FAR,
            .island = p->n_hubs};
        p->n_hubs++;
    }
}

static void
add_hubs(struct tgwpath *p)
{
    for (size_t i = 0; i < p->n_regions; i++) {
        const struct tgw_region *r = &p->regions[i];

        for (size_t k = 0; r->answered && k < r->n_tables; k++) {
            add_hub(p, r->tables[k].tgw_id, r);
        }
        for (size_t k = 0; r->answered && k < r->n_attachments; k++) {
            add_hub(p, r->attachments[k].tgw_id, r);
        }
    }
    /* Only now is it clear which peers are in no region that answered. */
    for (size_t i = 0; i < p->n_regions; i++) {
        const struct tgw_region *r = &p->regions[i];

        for (size_t k = 0; r->answered && k < r->n_attachments; k++) {
            if (r->attachments[k].kind == TGW_PEERING) {
                add_hub(p, r->attachments[k].resource_id, NULL);
            }
        }
    }
}

static bool
shows_peering(const struct tgwpath_hub *hub, const char *peer_id)
{
    for (size_t i = 0; i < hub->region->n_attachments; i++) {
        const struct tgw_attachment *a = &hub->region->attachments[i];

        if (a->kind == TGW_PEERING && strcmp(a->tgw_id, hub->id) == 0 &&
            strcmp(a->resource_id, peer_id) == 0) {
            return true;
        }
    }
    return false;
}

static void
add_edges(struct tgwpath *p)
{
    for (size_t i = 0; i < p->n_regions; i++) {
        const struct tgw_region *r = &p->regions[i];

        for (size_t k = 0; r->answered && k < r->n_attachments; k++) {
            const struct tgw_attachment *a = &r->attachments[k];
            size_t from = tgwpath_hub_of(p, a->tgw_id);
            size_t to = tgwpath_hub_of(p, a->resource_id);

            if (a->kind != TGW_PEERING) {
                continue;
            }
            if (p->hubs[to].region == NULL) {
                p->edges[p->n_edges++] = (struct tgwpath_edge){.from = to, .to = from};
            } else if (!shows_peering(&p->hubs[to], a->tgw_id)) {
                continue;
            }
            p->edges[p->n_edges++] = (struct tgwpath_edge){.from = from, .to = to, .attachment = a};
        }
    }
}

/* Take a step if it is better than the best so far. */
static void
offer(const struct tgwpath *p, struct tgwpath_way *best, struct tgwpath_way way,
      const char *current)
{
    bool best_unread =
        best->target != NULL && best->hub < p->n_hubs && p->hubs[best->hub].region == NULL;
    bool unread = way.hub < p->n_hubs && p->hubs[way.hub].region == NULL;
    bool better = false;

    if (best->target == NULL || way.distance != best->distance) {
        better = best->target == NULL || way.distance < best->distance;
    } else if (strcmp(best->target, current) == 0 || strcmp(way.target, current) == 0) {
        better = strcmp(way.target, current) == 0;
    } else if (unread != best_unread) {
        better = best_unread;
    } else {
        better = strcmp(way.target, best->target) < 0;
    }
    if (better) {
        *best = way;
    }
}

/* The step from a TGW into the VPC itself. */
static struct tgwpath_way
step_into_vpc(const struct tgwpath *p, size_t hub, const char *current)
{
    const struct tgw_region *region = p->hubs[hub].region;
    struct tgwpath_way best = {0};

    for (size_t i = 0; region != NULL && i < region->n_attachments; i++) {
        const struct tgw_attachment *a = &region->attachments[i];

        if (a->kind == TGW_VPC && strcmp(a->resource_id, p->vpc_id) == 0 &&
            strcmp(a->tgw_id, p->hubs[hub].id) == 0) {
            offer(p, &best,
                  (struct tgwpath_way){.target = a->id, .attachment = a, .hub = p->n_hubs},
                  current);
        }
    }
    return best;
}

/* Distances and islands: what a neighbour knows is passed on until nobody learns anything. */
static void
measure(struct tgwpath *p)
{
    bool learned = true;

    for (size_t i = 0; i < p->n_hubs; i++) {
        if (step_into_vpc(p, i, "").target != NULL) {
            p->hubs[i].distance = 0;
        }
    }
    while (learned) {
        learned = false;
        for (size_t i = 0; i < p->n_edges; i++) {
            struct tgwpath_hub *from = &p->hubs[p->edges[i].from];
            const struct tgwpath_hub *to = &p->hubs[p->edges[i].to];

            if (to->distance != TGWPATH_FAR && to->distance + 1 < from->distance) {
                from->distance = to->distance + 1;
                learned = true;
            }
            if (to->island < from->island) {
                from->island = to->island;
                learned = true;
            }
        }
    }
}

int
tgwpath_make(const struct tgw_region *regions, size_t n_regions, const char *vpc_id,
             struct tgwpath *ret)
{
    struct tgwpath p = {.regions = regions, .n_regions = n_regions, .vpc_id = vpc_id};
    size_t max = 1;

    for (size_t i = 0; i < n_regions; i++) {
        max += 2 * regions[i].n_attachments + regions[i].n_tables;
    }
    p.hubs = calloc(max, sizeof(*p.hubs));
    p.edges = calloc(max, sizeof(*p.edges));
    if (p.hubs == NULL || p.edges == NULL) {
        tgwpath_done(&p);
        return -ERR_NOMEM;
    }
    add_hubs(&p);
    add_edges(&p);
    measure(&p);
    *ret = p;
    return 0;
}

void
tgwpath_done(struct tgwpath *p)
{
    free(p->hubs);
    free(p->edges);
    *p = (struct tgwpath){0};
}

struct tgwpath_way
tgwpath_enter(const struct tgwpath *p, const struct tgw_region *region, const char *vpc_id,
              const char *current)
{
    struct tgwpath_way best = {0};

    for (size_t i = 0; i < region->n_attachments; i++) {
        const struct tgw_attachment *a = &region->attachments[i];

        if (a->kind == TGW_VPC && strcmp(a->resource_id, vpc_id) == 0) {
            size_t hub = tgwpath_hub_of(p, a->tgw_id);

            offer(p, &best,
                  (struct tgwpath_way){.target = p->hubs[hub].id,
                                       .attachment = a,
                                       .hub = hub,
                                       .distance = p->hubs[hub].distance},
                  current);
        }
    }
    return best;
}

struct tgwpath_way
tgwpath_next(const struct tgwpath *p, size_t hub, const char *current)
{
    struct tgwpath_way best = step_into_vpc(p, hub, current);

    if (best.target != NULL) {
        return best;
    }
    for (size_t i = 0; i < p->n_edges; i++) {
        const struct tgwpath_edge *e = &p->edges[i];

        if (e->from == hub && p->hubs[e->to].distance != TGWPATH_FAR) {
            offer(p, &best,
                  (struct tgwpath_way){.target = e->attachment->id,
                                       .attachment = e->attachment,
                                       .hub = e->to,
                                       .distance = p->hubs[e->to].distance},
                  current);
        }
    }
    return best;
}

const struct tgw_attachment *
tgwpath_arrival(const struct tgwpath *p, size_t from, const struct tgwpath_way *way)
{
    const struct tgw_attachment *found = NULL;

    for (size_t i = 0; i < p->n_edges; i++) {
        const struct tgwpath_edge *e = &p->edges[i];

        if (e->from != way->hub || e->to != from || e->attachment == NULL) {
            continue;
        }
        /* The same id, when the peering is one between regions. */
        if (found == NULL || strcmp(e->attachment->id, way->target) == 0) {
            found = e->attachment;
        }
    }
    return found;
}

/* Whether a hub of an island may have peerings that nobody has shown. */
static bool
has_secrets(const struct tgwpath *p, size_t island)
{
    for (size_t i = 0; i < p->n_hubs; i++) {
        const struct tgwpath_hub *hub = &p->hubs[i];

        for (size_t k = 0; hub->island == island && hub->region == NULL && k < p->n_regions; k++) {
            if (!p->regions[k].answered && (hub->region_name[0] == '\0' ||
                                            strcmp(hub->region_name, p->regions[k].name) == 0)) {
                return true;
            }
        }
    }
    return false;
}

bool
tgwpath_may_exist(const struct tgwpath *p, size_t hub)
{
    bool end_has_secrets = false;

    for (size_t i = 0; i < p->n_hubs; i++) {
        end_has_secrets |= p->hubs[i].distance == 0 && has_secrets(p, p->hubs[i].island);
    }
    return end_has_secrets && has_secrets(p, p->hubs[hub].island);
}
