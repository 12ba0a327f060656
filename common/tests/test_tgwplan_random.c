/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwworld.h"

#include "tgwplan.h"

/*
 * Plans of random worlds. What they have to achieve is found out by a walker that follows packets
 * from table to table and knows nothing of how plans are made, and by distances of its own.
 *
 * OCF_AWS_SEED=N runs the world of that seed alone.
 */

#define WORLDS    4000
#define HUBS      (WORLD_REGIONS * 3)
#define VPCS      (WORLD_REGIONS * 3)
#define LINKS     (HUBS * HUBS / 2)
#define STEPS_MAX 100
#define FAR       1000u
#define ENI       "eni-00000001"
#define OTHER_ENI "eni-00000002"

/* A peering: its two TGWs and the attachment on each. */
struct link {
    size_t hub[2];
    char id[2][AWS_ID_MAX];
};

/* A world as it is, silent regions too. */
struct truth {
    struct tgwworld w;
    bool silent[WORLD_REGIONS];
    char hub_id[HUBS][AWS_ID_MAX];
    size_t hub_region[HUBS];
    size_t n_hubs;
    char vpc_id[VPCS][AWS_ID_MAX];
    size_t vpc_region[VPCS];
    size_t n_vpcs;
    struct link links[LINKS];
    size_t n_links;
    unsigned distance[2][HUBS][HUBS]; /* [1]: over what regions that are not silent show */
    struct addr destinations[3];      /* the last is nobody's business */
    struct tgw_region shown[WORLD_REGIONS];
    struct known lost;
    struct tgwplan_input in;
};

/* Chances in percent of a world. */
struct chances {
    unsigned link;
    unsigned attach;
    unsigned no_table;
    unsigned has_route;
    unsigned propagated;
    unsigned blackhole;
    unsigned silent;
    unsigned lost; /* of the tables of VPCs without a route */
};

static unsigned current_seed;

static unsigned
below(unsigned *seed, unsigned n)
{
    return (unsigned)rand_r(seed) % n;
}

static bool
chance(unsigned *seed, unsigned percent)
{
    return below(seed, 100) < percent;
}

/* Fail, and say which world it was. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("OCF_AWS_SEED=%u: %s: ", current_seed, #condition);                        \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* --- worlds ------------------------------------------------------------------------------- */

/* An id that is unique, and whose order among others of its kind is as random as the number. */
static const char *
new_id(unsigned *seed, const char *prefix, char out[AWS_ID_MAX])
{
    static unsigned serial;

    (void)snprintf(out, AWS_ID_MAX, "%s-%04x%04x", prefix, below(seed, 0x10000), ++serial & 0xffff);
    return out;
}

/* One of the tables of a TGW, or "". */
static const char *
any_table(const struct truth *t, size_t hub, unsigned no_table, unsigned *seed)
{
    const struct tgw_region *r = &t->w.regions[t->hub_region[hub]];
    const char *table_id = "";
    unsigned n = 0;

    for (size_t i = 0; i < r->n_tables; i++) {
        if (strcmp(r->tables[i].tgw_id, t->hub_id[hub]) == 0 && below(seed, ++n) == 0) {
            table_id = r->tables[i].id;
        }
    }
    return chance(seed, no_table) ? "" : table_id;
}

static void
make_hubs(struct truth *t, size_t region, unsigned *seed)
{
    unsigned n = 1 + below(seed, 3);
    char table_id[AWS_ID_MAX];

    for (unsigned i = 0; i < n; i++) {
        size_t hub = t->n_hubs++;
        unsigned n_tables = 1 + below(seed, 3);

        t->hub_region[hub] = region;
        (void)new_id(seed, "tgw", t->hub_id[hub]);
        for (unsigned k = 0; k < n_tables; k++) {
            (void)tgwworld_table(&t->w, region, new_id(seed, "tgw-rtb", table_id), t->hub_id[hub]);
        }
    }
}

static void
make_vpcs(struct truth *t, size_t region, const struct chances *c, unsigned *seed)
{
    unsigned n = 1 + below(seed, 3);
    char id[AWS_ID_MAX];

    for (unsigned i = 0; i < n; i++) {
        const char *vpc_id = new_id(seed, "vpc", t->vpc_id[t->n_vpcs]);
        unsigned n_tables = 1 + below(seed, 2);

        t->vpc_region[t->n_vpcs++] = region;
        for (unsigned k = 0; k < n_tables; k++) {
            (void)tgwworld_vpc_table(&t->w, region, new_id(seed, "rtb", id), vpc_id);
        }
        for (size_t hub = 0; hub < t->n_hubs; hub++) {
            if (t->hub_region[hub] == region && chance(seed, c->attach)) {
                (void)tgwworld_attach(&t->w, region, new_id(seed, "tgw-attach", id), t->hub_id[hub],
                                      TGW_VPC, vpc_id, any_table(t, hub, c->no_table, seed));
            }
        }
    }
}

/* VPNs: one for every fourth TGW. */
static void
make_vpns(struct truth *t, const struct chances *c, unsigned *seed)
{
    char id[AWS_ID_MAX];

    for (size_t hub = 0; hub < t->n_hubs; hub++) {
        if (chance(seed, 25)) {
            (void)tgwworld_attach(&t->w, t->hub_region[hub], new_id(seed, "tgw-attach", id),
                                  t->hub_id[hub], TGW_OTHER, "vpn-00000001",
                                  any_table(t, hub, c->no_table, seed));
        }
    }
}

static void
make_link(struct truth *t, size_t a, size_t b, const struct chances *c, unsigned *seed)
{
    struct link *l = &t->links[t->n_links++];
    struct tgw_peering peering = {0};

    l->hub[0] = a;
    l->hub[1] = b;
    (void)new_id(seed, "tgw-attach", l->id[0]);
    memcpy(l->id[1], l->id[0], AWS_ID_MAX);
    if (t->hub_region[a] == t->hub_region[b]) {
        (void)new_id(seed, "tgw-attach", l->id[1]);
    }
    for (size_t side = 0; side < 2; side++) {
        size_t hub = l->hub[side];

        (void)tgwworld_attach(&t->w, t->hub_region[hub], l->id[side], t->hub_id[hub], TGW_PEERING,
                              t->hub_id[l->hub[1 - side]], any_table(t, hub, c->no_table, seed));
        (void)snprintf(peering.tgw_id[side], AWS_ID_MAX, "%s", t->hub_id[hub]);
        (void)snprintf(peering.region[side], TGW_REGION_MAX, "%s",
                       t->w.regions[t->hub_region[hub]].name);
    }
    tgwworld_peering(&t->w, t->hub_region[a], &peering);
    if (t->hub_region[a] != t->hub_region[b]) {
        tgwworld_peering(&t->w, t->hub_region[b], &peering);
    }
}

/* A target such as some former state may have left. */
static const char *
any_target(const struct truth *t, size_t region, bool transit, const char *tgw_id, unsigned *seed)
{
    const struct tgw_region *r = &t->w.regions[region];
    const char *target = transit ? "tgw-attach-00000000" : OTHER_ENI;
    unsigned n = 0;

    for (size_t i = 0; i < r->n_attachments; i++) {
        const struct tgw_attachment *a = &r->attachments[i];

        if (transit && strcmp(a->tgw_id, tgw_id) == 0 && below(seed, ++n) == 0) {
            target = a->id;
        } else if (!transit && chance(seed, 20)) {
            target = a->tgw_id;
        }
    }
    if (!transit && region == 0 && chance(seed, 50)) {
        target = ENI;
    }
    return target;
}

static void
make_routes(struct truth *t, size_t region, const struct chances *c, unsigned *seed)
{
    struct tgw_region *r = &t->w.regions[region];

    for (size_t d = 0; d < ARRAY_LEN(t->destinations); d++) {
        for (size_t i = 0; i < r->vpc_tables.n; i++) {
            if (chance(seed, c->has_route)) {
                tgwworld_vpc_route(&r->vpc_tables.tables[i], &t->destinations[d],
                                   any_target(t, region, false, "", seed))
                    ->blackhole = chance(seed, c->blackhole);
            }
        }
        for (size_t i = 0; i < r->n_tables; i++) {
            const char *target = any_target(t, region, true, r->tables[i].tgw_id, seed);

            if (chance(seed, c->has_route)) {
                bool propagated = chance(seed, c->propagated);
                bool blackhole = chance(seed, c->blackhole);
                struct tgw_route *route =
                    tgwworld_route(&r->tables[i], &t->destinations[d],
                                   blackhole && !propagated && chance(seed, 50) ? "" : target);

                route->propagated = propagated;
                route->blackhole = blackhole;
            }
        }
    }
}

/* Distances between all TGWs, over all links or over those that somebody shows. */
static void
measure(struct truth *t, bool shown)
{
    unsigned(*d)[HUBS] = t->distance[shown ? 1 : 0];

    for (size_t a = 0; a < t->n_hubs; a++) {
        for (size_t b = 0; b < t->n_hubs; b++) {
            d[a][b] = a == b ? 0 : FAR;
        }
    }
    for (size_t i = 0; i < t->n_links; i++) {
        size_t a = t->links[i].hub[0];
        size_t b = t->links[i].hub[1];

        if (!shown || !t->silent[t->hub_region[a]] || !t->silent[t->hub_region[b]]) {
            d[a][b] = d[b][a] = 1;
        }
    }
    for (size_t k = 0; k < t->n_hubs; k++) {
        for (size_t a = 0; a < t->n_hubs; a++) {
            for (size_t b = 0; b < t->n_hubs; b++) {
                d[a][b] = d[a][k] + d[k][b] < d[a][b] ? d[a][k] + d[k][b] : d[a][b];
            }
        }
    }
}

/* Tables of VPCs in regions that answer which had a route once. */
static void
lose_routes(struct truth *t, const struct chances *c, unsigned *seed)
{
    for (size_t i = 0; i < t->w.n; i++) {
        const struct tgw_region *r = &t->w.regions[i];

        for (size_t k = 0; !t->silent[i] && k < r->vpc_tables.n; k++) {
            const struct ec2_route_table *table = &r->vpc_tables.tables[k];

            if (ec2_find_route(table, &t->destinations[0]) == NULL && chance(seed, c->lost)) {
                assert_int_equal(known_add(&t->lost, r->name, table->id, &t->destinations[0]), 0);
            }
        }
    }
}

/* What the plan gets to see, and what it is asked. */
static void
show(struct truth *t, bool create)
{
    for (size_t i = 0; i < t->w.n; i++) {
        t->shown[i] = t->w.regions[i];
        t->shown[i].answered = !t->silent[i]; /* what else is in it does not count then */
    }
    t->in = (struct tgwplan_input){.regions = t->shown,
                                   .n_regions = t->w.n,
                                   .region = t->w.regions[0].name,
                                   .vpc_id = t->vpc_id[0],
                                   .eni_id = ENI,
                                   .destinations = t->destinations,
                                   .n_destinations = 2,
                                   .create = create,
                                   .lost = &t->lost};
}

static void
make_world(struct truth *t, unsigned *seed)
{
    static const char *const texts[] = {"10.1.0.10/32", "2001:db8::10/128", "10.1.0.11/32"};
    static const unsigned links[] = {15, 25, 40, 80};
    struct chances c = {.link = links[below(seed, 4)],
                        .attach = 40 + below(seed, 60),
                        .no_table = chance(seed, 30) ? 15 : 0,
                        .has_route = chance(seed, 40) ? 100 : 50 + below(seed, 50),
                        .propagated = chance(seed, 30) ? 15 : 0,
                        .blackhole = chance(seed, 50) ? 20 : 0,
                        .silent = chance(seed, 40) ? 40 : 0,
                        .lost = chance(seed, 20) ? 30 : 0};
    unsigned n = 1 + below(seed, WORLD_REGIONS);
    char name[TGW_REGION_MAX];

    *t = (struct truth){0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_true(addr_parse_cidr(texts[i], &t->destinations[i]));
    }
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "region-%u", i);
        t->silent[tgwworld_region(&t->w, name)] = i > 0 && chance(seed, c.silent);
        make_hubs(t, i, seed);
        make_vpcs(t, i, &c, seed);
    }
    make_vpns(t, &c, seed);
    for (size_t a = 0; a < t->n_hubs; a++) {
        for (size_t b = a + 1; b < t->n_hubs; b++) {
            if (chance(seed, c.link)) {
                make_link(t, a, b, &c, seed);
            }
        }
    }
    for (size_t i = 0; i < t->w.n; i++) {
        make_routes(t, i, &c, seed);
    }
    lose_routes(t, &c, seed);
    measure(t, false);
    measure(t, true);
    show(t, chance(seed, 50));
}

/* --- what is true ------------------------------------------------------------------------- */

static size_t
hub_of(const struct truth *t, const char *tgw_id)
{
    for (size_t i = 0; i < t->n_hubs; i++) {
        if (strcmp(t->hub_id[i], tgw_id) == 0) {
            return i;
        }
    }
    CHECK(false, "no hub %s", tgw_id);
    return 0;
}

static bool
is_attached(const struct truth *t, size_t region, const char *vpc_id, size_t hub)
{
    const struct tgw_region *r = &t->w.regions[region];

    for (size_t i = 0; i < r->n_attachments; i++) {
        if (r->attachments[i].kind == TGW_VPC &&
            strcmp(r->attachments[i].resource_id, vpc_id) == 0 &&
            (hub == HUBS || strcmp(r->attachments[i].tgw_id, t->hub_id[hub]) == 0)) {
            return true;
        }
    }
    return false;
}

/* Peerings between a TGW and the node's VPC. */
static unsigned
hub_distance(const struct truth *t, size_t hub, bool shown)
{
    unsigned least = FAR;

    for (size_t i = 0; i < t->n_hubs; i++) {
        if (is_attached(t, 0, t->vpc_id[0], i) && t->distance[shown ? 1 : 0][hub][i] < least) {
            least = t->distance[shown ? 1 : 0][hub][i];
        }
    }
    return least;
}

static unsigned
vpc_distance(const struct truth *t, size_t region, const char *vpc_id, bool shown)
{
    unsigned least = FAR;

    for (size_t i = 0; i < t->n_hubs; i++) {
        if (is_attached(t, region, vpc_id, i) && hub_distance(t, i, shown) < least) {
            least = hub_distance(t, i, shown);
        }
    }
    return least;
}

static struct tgw_table *
table_of(const struct truth *t, size_t region, const char *id)
{
    const struct tgw_region *r = &t->w.regions[region];

    for (size_t i = 0; i < r->n_tables; i++) {
        if (strcmp(r->tables[i].id, id) == 0) {
            return &r->tables[i];
        }
    }
    return NULL;
}

static struct ec2_route_table *
vpc_table_of(const struct truth *t, size_t region, const char *id)
{
    const struct ec2_route_tables *all = &t->w.regions[region].vpc_tables;

    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->tables[i].id, id) == 0) {
            return &all->tables[i];
        }
    }
    return NULL;
}

static struct tgw_route *
route_of(const struct tgw_table *table, const struct addr *d)
{
    for (size_t i = 0; i < table->n_routes; i++) {
        if (addr_equal(&table->routes[i].destination, d)) {
            return &table->routes[i];
        }
    }
    return NULL;
}

static struct ec2_route *
vpc_route_of(const struct ec2_route_table *table, const struct addr *d)
{
    for (size_t i = 0; i < table->n_routes; i++) {
        if (addr_equal(&table->routes[i].destination, d)) {
            return &table->routes[i];
        }
    }
    return NULL;
}

static const struct tgw_attachment *
attachment_of(const struct truth *t, size_t hub, const char *id)
{
    const struct tgw_region *r = &t->w.regions[t->hub_region[hub]];

    for (size_t i = 0; i < r->n_attachments; i++) {
        if (strcmp(r->attachments[i].id, id) == 0 &&
            strcmp(r->attachments[i].tgw_id, t->hub_id[hub]) == 0) {
            return &r->attachments[i];
        }
    }
    return NULL;
}

/* The TGW behind an attachment, and the attachment by which it is entered. */
static size_t
cross(const struct truth *t, size_t hub, const char *id, const struct tgw_attachment **ret_entry)
{
    for (size_t i = 0; i < t->n_links; i++) {
        const struct link *l = &t->links[i];

        for (size_t side = 0; side < 2; side++) {
            if (l->hub[side] == hub && strcmp(l->id[side], id) == 0) {
                *ret_entry = attachment_of(t, l->hub[1 - side], l->id[1 - side]);
                return l->hub[1 - side];
            }
        }
    }
    CHECK(false, "no peering %s", id);
    return 0;
}

static bool
is_of_node(const struct truth *t, size_t region, const struct ec2_route_table *table)
{
    return region == 0 && strcmp(table->vpc_id, t->vpc_id[0]) == 0;
}

/* --- the walker --------------------------------------------------------------------------- */

struct walk {
    enum { REACHED, STUCK, SILENT, ENDLESS } end;
    unsigned hops;                     /* peerings crossed */
    bool propagated;                   /* a propagated route was followed */
    const char *places[3 * STEPS_MAX]; /* tables and attachments that it came by */
    size_t n_places;
};

static void
enter_node_vpc(const struct truth *t, struct walk *walk, const struct addr *d)
{
    const struct ec2_route_tables *all = &t->w.regions[0].vpc_tables;
    size_t n = 0;

    walk->places[walk->n_places++] = "";
    for (size_t i = 0; i < all->n; i++) {
        const struct ec2_route *r = vpc_route_of(&all->tables[i], d);

        if (r == NULL || !is_of_node(t, 0, &all->tables[i])) {
            continue;
        }
        n++;
        if (strcmp(r->target, ENI) != 0 || r->blackhole) {
            walk->end = STUCK;
            return;
        }
    }
    walk->end = n > 0 ? REACHED : STUCK;
}

static struct walk
walk_from(const struct truth *t, size_t hub, const struct tgw_attachment *entry,
          const struct addr *d)
{
    struct walk walk = {.end = STUCK};

    for (; walk.hops < STEPS_MAX; walk.hops++) {
        const struct tgw_table *table = table_of(t, t->hub_region[hub], entry->table_id);
        const struct tgw_route *route = table != NULL ? route_of(table, d) : NULL;

        if (t->silent[t->hub_region[hub]]) {
            walk.end = SILENT;
            return walk;
        }
        walk.places[walk.n_places++] = entry->id;
        walk.places[walk.n_places++] = entry->table_id[0] != '\0' ? entry->table_id : entry->id;
        if (route == NULL || route->blackhole) {
            return walk;
        }
        walk.propagated |= route->propagated;
        entry = attachment_of(t, hub, route->attachment_id);
        if (entry == NULL || entry->kind == TGW_OTHER) {
            return walk;
        }
        if (entry->kind == TGW_VPC) {
            if (strcmp(entry->resource_id, t->vpc_id[0]) == 0) {
                enter_node_vpc(t, &walk, d);
            }
            return walk;
        }
        hub = cross(t, hub, entry->id, &entry);
    }
    walk.end = ENDLESS;
    return walk;
}

/* From a VPC, by what its route names. */
static struct walk
walk_from_vpc(const struct truth *t, size_t region, const struct ec2_route_table *table,
              const struct addr *d)
{
    const struct tgw_region *r = &t->w.regions[region];
    const struct ec2_route *route = vpc_route_of(table, d);
    struct walk walk = {.end = STUCK, .places = {table->vpc_id}, .n_places = 1};

    for (size_t i = 0; i < r->n_attachments && !route->blackhole; i++) {
        const struct tgw_attachment *a = &r->attachments[i];

        if (a->kind == TGW_VPC && strcmp(a->resource_id, table->vpc_id) == 0 &&
            strcmp(a->tgw_id, route->target) == 0) {
            return walk_from(t, hub_of(t, a->tgw_id), a, d);
        }
    }
    return walk;
}

/* --- checks of a plan --------------------------------------------------------------------- */

static struct {
    size_t worlds;
    size_t clients;
    size_t reached;
    size_t far; /* reached over more than one peering */
    size_t behind_silence;
    size_t cut_off; /* no path */
    size_t changes;
    size_t creations;
    size_t problems[TGWPLAN_NO_PATH + 1];
} seen;

static size_t
region_of(const struct truth *t, const char *name)
{
    for (size_t i = 0; i < t->w.n; i++) {
        if (strcmp(t->w.regions[i].name, name) == 0) {
            CHECK(!t->silent[i], "%s is silent", name);
            return i;
        }
    }
    CHECK(false, "no region %s", name);
    return 0;
}

/* Whether a route of a TGW leads where it has to. */
static bool
is_right(const struct truth *t, size_t region, const struct tgw_table *table, const char *target)
{
    size_t hub = hub_of(t, table->tgw_id);
    const struct tgw_attachment *a = attachment_of(t, hub, target);
    const struct tgw_attachment *entry = NULL;
    unsigned distance = hub_distance(t, hub, true);

    assert_int_equal(region, t->hub_region[hub]);
    if (a == NULL || distance == 0) {
        return a != NULL && a->kind == TGW_VPC && strcmp(a->resource_id, t->vpc_id[0]) == 0;
    }
    return a->kind == TGW_PEERING &&
           hub_distance(t, cross(t, hub, target, &entry), true) + 1 == distance;
}

static bool
is_right_of_vpc(const struct truth *t, size_t region, const struct ec2_route_table *table,
                const char *target)
{
    if (is_of_node(t, region, table)) {
        return strcmp(target, ENI) == 0;
    }
    for (size_t hub = 0; hub < t->n_hubs; hub++) {
        if (strcmp(t->hub_id[hub], target) == 0) {
            return is_attached(t, region, table->vpc_id, hub) &&
                   hub_distance(t, hub, true) == vpc_distance(t, region, table->vpc_id, true);
        }
    }
    return false;
}

/* Look at a change, and make it. */
static void
apply_transit(struct truth *t, const struct tgwplan_change *c)
{
    size_t region = region_of(t, c->region);
    struct tgw_table *table = table_of(t, region, c->table_id);
    struct tgw_route *route = NULL;

    CHECK(table != NULL, "%s", c->table_id);
    route = route_of(table, &c->destination);
    CHECK(c->create == (route == NULL), "%s", c->table_id);
    CHECK(!c->create || t->in.create, "%s", c->table_id);
    if (route == NULL) {
        CHECK(c->seen[0] == '\0', "%s", c->table_id);
        (void)tgwworld_route(table, &c->destination, c->target);
        seen.creations++;
        return;
    }
    CHECK(!route->propagated, "%s", c->table_id);
    CHECK(strcmp(route->attachment_id, c->seen) == 0, "%s: %s", c->table_id, c->seen);
    CHECK(route->blackhole || !is_right(t, region, table, c->seen), "%s: %s", c->table_id, c->seen);
    (void)snprintf(route->attachment_id, AWS_ID_MAX, "%s", c->target);
    route->blackhole = false;
}

static void
apply_vpc(struct truth *t, const struct tgwplan_change *c)
{
    size_t region = region_of(t, c->region);
    struct ec2_route_table *table = vpc_table_of(t, region, c->table_id);
    struct ec2_route *route = NULL;

    CHECK(table != NULL && !c->create, "%s", c->table_id);
    route = vpc_route_of(table, &c->destination);
    CHECK(route != NULL && strcmp(route->target, c->seen) == 0, "%s: %s", c->table_id, c->seen);
    CHECK(route->blackhole || !is_right_of_vpc(t, region, table, c->seen), "%s: %s", c->table_id,
          c->seen);
    (void)snprintf(route->target, sizeof(route->target), "%s", c->target);
    route->blackhole = false;
}

static void
apply(struct truth *t, const struct tgwplan *p)
{
    for (size_t i = 0; i < p->n_changes; i++) {
        const struct tgwplan_change *c = &p->changes[i];

        CHECK(!addr_equal(&c->destination, &t->destinations[2]), "%s", c->table_id);
        for (size_t k = 0; k < i; k++) {
            CHECK(strcmp(c->table_id, p->changes[k].table_id) != 0 ||
                      !addr_equal(&c->destination, &p->changes[k].destination),
                  "%s twice", c->table_id);
        }
        if (c->transit) {
            apply_transit(t, c);
        } else {
            apply_vpc(t, c);
        }
    }
    seen.changes += p->n_changes;
}

/* A route that a region shows leads where it has to, when a way is known. */
static void
check_routes(const struct truth *t, size_t region, const struct addr *d)
{
    const struct tgw_region *r = &t->w.regions[region];

    for (size_t i = 0; i < r->vpc_tables.n; i++) {
        const struct ec2_route_table *table = &r->vpc_tables.tables[i];
        const struct ec2_route *route = vpc_route_of(table, d);

        if (route != NULL &&
            (is_of_node(t, region, table) || vpc_distance(t, region, table->vpc_id, true) < FAR)) {
            CHECK(!route->blackhole && is_right_of_vpc(t, region, table, route->target), "%s",
                  table->id);
        }
    }
    for (size_t i = 0; i < r->n_tables; i++) {
        const struct tgw_route *route = route_of(&r->tables[i], d);

        if (route != NULL && !route->propagated &&
            hub_distance(t, hub_of(t, r->tables[i].tgw_id), true) < FAR) {
            CHECK(!route->blackhole && is_right(t, region, &r->tables[i], route->attachment_id),
                  "%s", r->tables[i].id);
        }
    }
}

static bool
is_of_each_destination(enum tgwplan_kind kind)
{
    return kind == TGWPLAN_NO_NODE_ROUTE || kind == TGWPLAN_NO_ROUTE ||
           kind == TGWPLAN_PROPAGATED || kind == TGWPLAN_LOST_ROUTE;
}

static const struct tgwplan_problem *
find_problem(const struct tgwplan *p, const char *object, const struct addr *d)
{
    for (size_t i = 0; i < p->n_problems; i++) {
        const struct tgwplan_problem *problem = &p->problems[i];

        if (strcmp(problem->object, object) == 0 &&
            (!is_of_each_destination(problem->kind) || addr_equal(&problem->destination, d))) {
            return problem;
        }
    }
    return NULL;
}

static bool
is_unassociated(const struct truth *t, size_t region, const char *id)
{
    const struct tgw_region *r = &t->w.regions[region];

    for (size_t i = 0; i < r->n_attachments; i++) {
        if (strcmp(r->attachments[i].id, id) == 0 && r->attachments[i].table_id[0] == '\0') {
            return true;
        }
    }
    return false;
}

/* The missing link is really missing, and is named. */
static bool
is_true_of_link(const struct truth *t, const struct tgwplan_problem *p)
{
    size_t from = hub_of(t, p->object);

    for (size_t to = 0; to < t->n_hubs; to++) {
        if (is_attached(t, 0, t->vpc_id[0], to) && strstr(p->text, t->hub_id[to]) != NULL) {
            return hub_distance(t, from, false) == FAR && strstr(p->text, p->object) != NULL &&
                   strstr(p->text, p->region) != NULL &&
                   strstr(p->text, t->w.regions[0].name) != NULL;
        }
    }
    return false;
}

static bool
is_true(const struct truth *t, const struct tgwplan_problem *p)
{
    size_t region = region_of(t, p->region);
    const struct tgw_table *table = table_of(t, region, p->object);
    const struct tgw_route *route = table != NULL ? route_of(table, &p->destination) : NULL;

    switch (p->kind) {
    case TGWPLAN_NO_NODE_ROUTE:
        for (size_t i = 0; i < t->w.regions[0].vpc_tables.n; i++) {
            const struct ec2_route_table *of_vpc = &t->w.regions[0].vpc_tables.tables[i];

            if (is_of_node(t, 0, of_vpc) && vpc_route_of(of_vpc, &p->destination) != NULL) {
                return false;
            }
        }
        return region == 0;
    case TGWPLAN_LOST_ROUTE:
        return vpc_route_of(vpc_table_of(t, region, p->object), &p->destination) == NULL;
    case TGWPLAN_NO_ROUTE:
        return !t->in.create && table != NULL && route == NULL;
    case TGWPLAN_PROPAGATED:
        return route != NULL && route->propagated;
    case TGWPLAN_NOT_ATTACHED:
        return !is_attached(t, region, p->object, HUBS);
    case TGWPLAN_NOT_ASSOCIATED:
        return is_unassociated(t, region, p->object);
    case TGWPLAN_UNREADABLE:
        return false;
    case TGWPLAN_NO_PATH:
        return is_true_of_link(t, p);
    }
    return false;
}

static void
check_problems(const struct truth *t, const struct tgwplan *p)
{
    for (size_t i = 0; i < p->n_problems; i++) {
        const struct tgwplan_problem *a = &p->problems[i];

        CHECK(is_true(t, a), "%s: %s", a->region, a->text);
        seen.problems[a->kind]++;
        for (size_t k = 0; k < i; k++) {
            const struct tgwplan_problem *b = &p->problems[k];

            CHECK(a->kind != b->kind || strcmp(a->region, b->region) != 0 ||
                      strcmp(a->object, b->object) != 0 ||
                      (is_of_each_destination(a->kind) &&
                       !addr_equal(&a->destination, &b->destination)),
                  "twice: %s", a->text);
            CHECK(a->kind != TGWPLAN_NO_PATH || b->kind != TGWPLAN_NO_PATH ||
                      t->distance[1][hub_of(t, a->object)][hub_of(t, b->object)] == FAR,
                  "twice: %s / %s", a->text, b->text);
        }
    }
}

/* Whether somebody was told why a walk did not get there. */
static bool
is_explained(const struct tgwplan *p, const struct walk *walk, const struct addr *d)
{
    for (size_t i = 0; i < walk->n_places; i++) {
        if (find_problem(p, walk->places[i], d) != NULL) {
            return true;
        }
    }
    return false;
}

/* Whether the link is told that a client lacks: the TGW of a told one can be reached from here. */
static bool
is_link_told(const struct truth *t, const struct tgwplan *p, size_t hub)
{
    for (size_t i = 0; i < p->n_problems; i++) {
        if (p->problems[i].kind == TGWPLAN_NO_PATH &&
            t->distance[0][hub][hub_of(t, p->problems[i].object)] < FAR) {
            return true;
        }
    }
    return false;
}

/* \param[in] distance  of the client, as far as ways are known */
static void
check_client(const struct tgwplan *p, const char *name, const struct walk *walk, unsigned distance,
             const struct addr *d)
{
    seen.clients++;
    if (walk->end == REACHED) {
        CHECK(distance < FAR, "%s got there without a way", name);
        CHECK(walk->hops == distance || walk->propagated, "%s: %u peerings", name, walk->hops);
        seen.reached++;
        seen.far += walk->hops > 1;
    } else if (walk->end == SILENT) {
        seen.behind_silence++;
    } else if (distance < FAR) {
        CHECK(is_explained(p, walk, d), "%s: nobody says why it ends at %s", name,
              walk->n_places > 0 ? walk->places[walk->n_places - 1] : "its VPC");
    } else {
        seen.cut_off++;
    }
}

static bool
is_anything_silent(const struct truth *t)
{
    bool any = false;

    for (size_t i = 0; i < t->w.n; i++) {
        any |= t->silent[i];
    }
    return any;
}

/* A client that no way is known for: if nobody is silent, it is told what is missing. */
static void
check_cut_off(const struct truth *t, const struct tgwplan *p, size_t region, const char *vpc_id)
{
    bool told = find_problem(p, t->vpc_id[0], &t->destinations[0]) != NULL ||
                find_problem(p, vpc_id, &t->destinations[0]) != NULL;

    for (size_t hub = 0; hub < t->n_hubs; hub++) {
        told |= is_attached(t, region, vpc_id, hub) && is_link_told(t, p, hub);
    }
    CHECK(told || is_anything_silent(t), "%s is cut off and nobody says so", vpc_id);
}

static void
check_clients(const struct truth *t, const struct tgwplan *p, size_t region, const struct addr *d)
{
    const struct tgw_region *r = &t->w.regions[region];

    for (size_t i = 0; i < r->vpc_tables.n; i++) {
        const struct ec2_route_table *table = &r->vpc_tables.tables[i];
        struct walk walk = {0};

        if (vpc_route_of(table, d) != NULL && !is_of_node(t, region, table)) {
            unsigned distance = vpc_distance(t, region, table->vpc_id, true);

            walk = walk_from_vpc(t, region, table, d);
            check_client(p, table->id, &walk, distance, d);
            if (distance == FAR) {
                check_cut_off(t, p, region, table->vpc_id);
            }
        }
    }
    for (size_t i = 0; i < r->n_attachments; i++) {
        const struct tgw_attachment *a = &r->attachments[i];
        const struct tgw_table *table = table_of(t, region, a->table_id);

        if (a->kind == TGW_OTHER && table != NULL && route_of(table, d) != NULL) {
            size_t hub = hub_of(t, a->tgw_id);
            struct walk walk = walk_from(t, hub, a, d);

            check_client(p, a->id, &walk, hub_distance(t, hub, true), d);
        }
    }
}

/* The plan after the plan was carried out. */
static void
check_again(const struct truth *t, const struct tgwplan *first)
{
    struct tgwplan p = {0};
    char text[ERR_TEXT_MAX];
    bool here = false;

    assert_int_equal(tgwplan_make(&t->in, &p), 0);
    CHECK(p.n_changes == 0, "%zu changes, first %s", p.n_changes, p.changes[0].table_id);
    CHECK(p.n_problems == first->n_problems, "%zu and %zu", p.n_problems, first->n_problems);
    CHECK(p.n_dead == 0 && p.n_others == 0, "%zu, %zu", p.n_dead, p.n_others);
    here = tgwplan_others_verdict(&p, text) == OCF_HERE && tgwplan_verdict(&p) == OCF_HERE;
    CHECK(here == (p.n_problems == 0 && !is_anything_silent(t)), "%s / %s", text,
          p.regions[p.own].text);
    tgwplan_done(&p);
}

static void
check_world(unsigned seed)
{
    static struct truth t;
    unsigned state = seed;
    struct tgwplan p = {0};

    current_seed = seed;
    make_world(&t, &state);
    assert_int_equal(tgwplan_make(&t.in, &p), 0);
    apply(&t, &p);
    check_problems(&t, &p);
    for (size_t i = 0; i < t.w.n; i++) {
        for (size_t k = 0; k < t.in.n_destinations && !t.silent[i]; k++) {
            check_routes(&t, i, &t.destinations[k]);
            check_clients(&t, &p, i, &t.destinations[k]);
        }
    }
    for (size_t i = 0; i < t.lost.n; i++) {
        CHECK(find_problem(&p, t.lost.items[i].table_id, &t.destinations[0]) != NULL,
              "%s is not missed", t.lost.items[i].table_id);
    }
    check_again(&t, &p);
    tgwplan_done(&p);
    known_done(&t.lost);
    seen.worlds++;
}

static void
tgwplan_make_random_worlds(void **state)
{
    const char *text = getenv("OCF_AWS_SEED");
    unsigned seed = 0;

    (void)state;
    if (text != NULL) {
        assert_int_equal(sscanf(text, "%u", &seed), 1);
        check_world(seed);
        return;
    }
    for (seed = 1; seed <= WORLDS; seed++) {
        check_world(seed);
    }
    print_message("seeds 1 to %d: %zu clients: %zu reach the node, %zu of them over more peerings "
                  "than one; %zu enter a silent region, %zu have no way; %zu changes, %zu of them "
                  "new routes\n",
                  WORLDS, seen.clients, seen.reached, seen.far, seen.behind_silence, seen.cut_off,
                  seen.changes, seen.creations);
    assert_true(seen.reached > WORLDS && seen.far > WORLDS / 4);
    assert_true(seen.behind_silence > WORLDS / 8 && seen.cut_off > WORLDS / 4);
    assert_true(seen.creations > WORLDS / 4);
    for (size_t i = 0; i < ARRAY_LEN(seen.problems); i++) {
        print_message("problems of kind %zu: %zu\n", i, seen.problems[i]);
        assert_true(seen.problems[i] > 100 || i == TGWPLAN_UNREADABLE);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tgwplan_make_random_worlds),
    };

    return cmocka_run_group_tests_name("tgwplan_random", tests, NULL, NULL);
}
