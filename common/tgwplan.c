/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwplan.h"

#include "array.h"
#include "tgwpath.h"

#include <stdio.h>
#include <string.h>

/* The text of a problem is "WHAT: REMEDY". */
#define WHAT_MAX   190
#define REMEDY_MAX ROUTEPLAN_COMMAND_MAX
_Static_assert(WHAT_MAX + REMEDY_MAX <= ERR_TEXT_MAX, "both fit");

/* A plan in the making. */
struct making {
    const struct tgwplan_input *in;
    struct tgwpath path;
    struct tgwplan plan;
    bool no_memory;
};

/* A route that exists. */
struct present {
    size_t region;
    bool transit;
    const char *table_id;
    const struct addr *destination;
    const char *target;
    bool blackhole;
};

/* A problem, in the two parts of its text. */
struct trouble {
    enum tgwplan_kind kind;
    size_t region;
    const char *object;
    const struct addr *destination;
    bool each; /* a problem of its own for each destination */
    char what[WHAT_MAX];
    char remedy[REMEDY_MAX];
};

static const struct tgw_route *
find_route(const struct tgw_table *t, const struct addr *destination)
{
    for (size_t i = 0; i < t->n_routes; i++) {
        if (addr_equal(&t->routes[i].destination, destination)) {
            return &t->routes[i];
        }
    }
    return NULL;
}

static bool
is_own_vpc(const struct making *m, size_t region, const struct ec2_route_table *t)
{
    return region == m->plan.own && strcmp(t->vpc_id, m->in->vpc_id) == 0;
}

static void
note_route(struct making *m, const struct present *r)
{
    struct tgwplan_region *region = &m->plan.regions[r->region];

    routeplan_note_route(region->text, &region->n_wrong, r->table_id, r->destination, r->target,
                         r->blackhole);
}

static void
add_change(struct making *m, const struct present *r, const char *target, struct tgwplan_change c)
{
    c.region = m->plan.regions[r->region].name;
    c.transit = r->transit;
    c.destination = *r->destination;
    (void)snprintf(c.table_id, sizeof(c.table_id), "%s", r->table_id);
    (void)snprintf(c.target, sizeof(c.target), "%s", target);
    (void)snprintf(c.seen, sizeof(c.seen), "%s", r->target);
    m->no_memory |= ARRAY_ADD(&m->plan.changes, &m->plan.n_changes, SIZE_MAX, &c) < 0;
}

static bool
is_told(const struct making *m, const struct trouble *t)
{
    for (size_t i = 0; i < m->plan.n_problems; i++) {
        const struct tgwplan_problem *p = &m->plan.problems[i];

        if (p->kind == t->kind && p->region == m->plan.regions[t->region].name &&
            strcmp(p->object, t->object) == 0 &&
            (!t->each || addr_equal(&p->destination, t->destination))) {
            return true;
        }
    }
    return false;
}

/* Add a problem, unless it has been told. */
static void
report(struct making *m, const struct trouble *t)
{
    struct tgwplan_region *region = &m->plan.regions[t->region];
    struct tgwplan_problem p = {
        .kind = t->kind, .region = region->name, .destination = *t->destination};

    if (is_told(m, t)) {
        return;
    }
    (void)snprintf(p.object, sizeof(p.object), "%s", t->object);
    (void)snprintf(p.text, sizeof(p.text), "%s: %s", t->what, t->remedy);
    m->no_memory |= ARRAY_ADD(&m->plan.problems, &m->plan.n_problems, SIZE_MAX, &p) < 0;
    routeplan_note(region->text, &region->n_wrong, "%s", t->what);
}

static void
report_not_attached(struct making *m, size_t region, const char *vpc_id,
                    const struct addr *destination)
{
    struct trouble t = {.kind = TGWPLAN_NOT_ATTACHED,
                        .region = region,
                        .object = vpc_id,
                        .destination = destination};

    (void)snprintf(t.what, sizeof(t.what), "%s: attached to no transit gateway", vpc_id);
    (void)snprintf(t.remedy, sizeof(t.remedy),
                   "aws ec2 create-transit-gateway-vpc-attachment --region %s --vpc-id %s "
                   "--transit-gateway-id TGW --subnet-ids SUBNET",
                   m->plan.regions[region].name, vpc_id);
    report(m, &t);
}

/* The command that makes a static route of a TGW, which comes before a propagated one. */
static void
say_create(const struct making *m, struct trouble *t, const char *table_id, const char *target)
{
    char text[ADDR_TEXT_MAX];

    (void)snprintf(t->remedy, sizeof(t->remedy),
                   "aws ec2 create-transit-gateway-route --region %s "
                   "--transit-gateway-route-table-id %s --destination-cidr-block %s "
                   "--transit-gateway-attachment-id %s",
                   m->plan.regions[t->region].name, table_id, addr_cidr_text(t->destination, text),
                   target);
}

static void
report_no_route(struct making *m, size_t region, const struct tgw_table *table,
                const struct addr *destination, const char *target)
{
    struct trouble t = {.kind = TGWPLAN_NO_ROUTE,
                        .region = region,
                        .object = table->id,
                        .destination = destination,
                        .each = true};
    char text[ADDR_TEXT_MAX];

    (void)snprintf(t.what, sizeof(t.what), "%s: no route to %s", table->id,
                   addr_cidr_text(destination, text));
    say_create(m, &t, table->id, target);
    report(m, &t);
}

static void
report_propagated(struct making *m, const struct present *r, const char *target)
{
    struct trouble t = {.kind = TGWPLAN_PROPAGATED,
                        .region = r->region,
                        .object = r->table_id,
                        .destination = r->destination,
                        .each = true};
    char text[ADDR_TEXT_MAX];

    (void)snprintf(t.what, sizeof(t.what), "%s: %s is propagated from %s%s", r->table_id,
                   addr_cidr_text(r->destination, text), r->target,
                   r->blackhole ? " (blackhole)" : "");
    say_create(m, &t, r->table_id, target);
    report(m, &t);
}

static void
report_not_associated(struct making *m, size_t region, const struct tgw_attachment *a,
                      const struct addr *destination)
{
    struct trouble t = {.kind = TGWPLAN_NOT_ASSOCIATED,
                        .region = region,
                        .object = a->id,
                        .destination = destination};

    (void)snprintf(t.what, sizeof(t.what), "%s: associated with no route table of %s", a->id,
                   a->tgw_id);
    (void)snprintf(t.remedy, sizeof(t.remedy),
                   "aws ec2 associate-transit-gateway-route-table --region %s "
                   "--transit-gateway-attachment-id %s --transit-gateway-route-table-id TGW-RTB",
                   m->plan.regions[region].name, a->id);
    report(m, &t);
}

static void
report_unreadable(struct making *m, size_t region, const struct tgw_attachment *a,
                  const struct addr *destination)
{
    struct trouble t = {.kind = TGWPLAN_UNREADABLE,
                        .region = region,
                        .object = a->table_id,
                        .destination = destination};

    (void)snprintf(t.what, sizeof(t.what), "%s: not shown, but associated with %s", a->table_id,
                   a->id);
    (void)snprintf(t.remedy, sizeof(t.remedy), "set role_arn to a role of the account that owns %s",
                   a->tgw_id);
    report(m, &t);
}

static void
report_lost(struct making *m, const struct known_route *route)
{
    struct trouble t = {.kind = TGWPLAN_LOST_ROUTE,
                        .object = route->table_id,
                        .destination = &route->destination,
                        .each = true,
                        .remedy = KNOWN_REMEDY};
    char text[ADDR_TEXT_MAX];

    while (t.region < m->plan.n_regions &&
           strcmp(m->plan.regions[t.region].name, route->region) != 0) {
        t.region++;
    }
    if (t.region < m->plan.n_regions) {
        (void)snprintf(t.what, sizeof(t.what), "%s: " KNOWN_WHAT " %s", route->table_id,
                       addr_cidr_text(&route->destination, text));
        report(m, &t);
    }
}

/* A TGW that the ENI's VPC is attached to; NULL when there is none. */
static const struct tgwpath_hub *
find_end(const struct tgwpath *path)
{
    for (size_t i = 0; i < path->n_hubs; i++) {
        if (path->hubs[i].distance == 0) {
            return &path->hubs[i];
        }
    }
    return NULL;
}

/*
 * Nothing leads from a hub to the ENI's VPC: say what is missing, if that is certain. All hubs of
 * an island miss the same link; it is told of the first.
 */
static bool
report_no_path(struct making *m, size_t hub, const struct addr *destination)
{
    const struct tgwpath_hub *from = &m->path.hubs[m->path.hubs[hub].island];
    const struct tgwpath_hub *to = find_end(&m->path);
    struct trouble t = {.kind = TGWPLAN_NO_PATH,
                        .region = (size_t)(from->region - m->in->regions),
                        .object = from->id,
                        .destination = destination};

    if (to == NULL) {
        report_not_attached(m, m->plan.own, m->in->vpc_id, destination);
        return true;
    }
    if (tgwpath_may_exist(&m->path, hub)) {
        return false;
    }
    (void)snprintf(t.what, sizeof(t.what), "no peerings lead from %s (%s) to %s (%s)", from->id,
                   from->region_name, to->id, to->region_name);
    (void)snprintf(t.remedy, sizeof(t.remedy),
                   "aws ec2 create-transit-gateway-peering-attachment --region %s "
                   "--transit-gateway-id %s --peer-transit-gateway-id %s --peer-region %s "
                   "--peer-account-id ACCOUNT",
                   from->region_name, from->id, to->id, to->region_name);
    report(m, &t);
    return true;
}

/* A route from whose hub no way is known. */
static void
have_no_path(struct making *m, size_t hub, const struct present *r)
{
    if (report_no_path(m, hub, r->destination)) {
        note_route(m, r);
    } else {
        m->plan.regions[r->region].n_open++;
    }
}

/* Bring a route to its target. */
static void
lead(struct making *m, const struct present *r, const char *target)
{
    if (strcmp(r->target, target) == 0 && !r->blackhole) {
        m->plan.regions[r->region].n_right++;
        return;
    }
    note_route(m, r);
    add_change(m, r, target, (struct tgwplan_change){0});
}

static void
count_own(struct making *m, const struct present *r)
{
    if (strcmp(r->target, m->in->eni_id) != 0) {
        m->plan.n_others++;
    } else if (r->blackhole) {
        m->plan.n_dead++;
    } else {
        m->plan.n_ours++;
    }
}

static void
consider_vpc_table(struct making *m, size_t region, const struct ec2_route_table *t,
                   const struct addr *destination)
{
    const struct ec2_route *route = ec2_find_route(t, destination);
    struct present r = {.region = region, .table_id = t->id, .destination = destination};
    struct tgwpath_way way = {0};

    if (route == NULL) {
        return;
    }
    r.target = route->target;
    r.blackhole = route->blackhole;
    if (is_own_vpc(m, region, t)) {
        count_own(m, &r);
        lead(m, &r, m->in->eni_id);
        if (m->in->again && strcmp(r.target, m->in->eni_id) == 0 && !r.blackhole) {
            add_change(m, &r, m->in->eni_id, (struct tgwplan_change){.again = true});
        }
        return;
    }
    way = tgwpath_enter(&m->path, &m->in->regions[region], t->vpc_id, r.target);
    if (way.target == NULL) {
        report_not_attached(m, region, t->vpc_id, destination);
        note_route(m, &r);
    } else if (way.distance != TGWPATH_FAR) {
        lead(m, &r, way.target);
    } else {
        have_no_path(m, way.hub, &r);
    }
}

static void
consider_tgw_table(struct making *m, size_t region, const struct tgw_table *t,
                   const struct addr *destination)
{
    const struct tgw_route *route = find_route(t, destination);
    size_t hub = tgwpath_hub_of(&m->path, t->tgw_id);
    struct present r = {
        .region = region, .transit = true, .table_id = t->id, .destination = destination};
    struct tgwpath_way way = {0};

    if (route == NULL) {
        return;
    }
    r.target = route->attachment_id;
    r.blackhole = route->blackhole;
    way = tgwpath_next(&m->path, hub, r.target);
    if (way.target == NULL) {
        have_no_path(m, hub, &r);
    } else if (route->propagated && (r.blackhole || strcmp(r.target, way.target) != 0)) {
        report_propagated(m, &r, way.target);
    } else {
        lead(m, &r, way.target);
    }
}

static const struct tgw_table *
find_table(const struct tgw_region *region, const char *id)
{
    for (size_t i = 0; i < region->n_tables; i++) {
        if (strcmp(region->tables[i].id, id) == 0) {
            return &region->tables[i];
        }
    }
    return NULL;
}

static bool
is_being_created(const struct making *m, const char *table_id, const struct addr *destination)
{
    for (size_t i = 0; i < m->plan.n_changes; i++) {
        const struct tgwplan_change *c = &m->plan.changes[i];

        if (c->create && strcmp(c->table_id, table_id) == 0 &&
            addr_equal(&c->destination, destination)) {
            return true;
        }
    }
    return false;
}

static void
miss_route(struct making *m, size_t region, const struct tgw_table *t,
           const struct addr *destination, const char *target)
{
    struct present r = {.region = region,
                        .transit = true,
                        .table_id = t->id,
                        .destination = destination,
                        .target = ""};
    char text[ADDR_TEXT_MAX];

    if (!m->in->create) {
        report_no_route(m, region, t, destination, target);
    } else if (!is_being_created(m, t->id, destination)) {
        routeplan_note(m->plan.regions[region].text, &m->plan.regions[region].n_wrong,
                       "%s: no route to %s", t->id, addr_cidr_text(destination, text));
        add_change(m, &r, target, (struct tgwplan_change){.create = true});
    }
}

/*
 * Follow a packet from the attachment by which it enters a TGW to the ENI's VPC, or to where nobody
 * answered. Each step is one peering nearer.
 */
static void
follow(struct making *m, size_t hub, const struct tgw_attachment *entry,
       const struct addr *destination)
{
    while (entry != NULL && hub < m->path.n_hubs) {
        const struct tgw_region *region = m->path.hubs[hub].region;
        size_t at = (size_t)(region - m->in->regions);
        const struct tgw_table *t = find_table(region, entry->table_id);
        const struct tgw_route *route = t != NULL ? find_route(t, destination) : NULL;
        struct tgwpath_way way = {0};

        if (entry->table_id[0] == '\0') {
            report_not_associated(m, at, entry, destination);
            return;
        }
        if (t == NULL) {
            report_unreadable(m, at, entry, destination);
            return;
        }
        way = tgwpath_next(&m->path, hub, route != NULL ? route->attachment_id : "");
        if (way.target == NULL) {
            return;
        }
        if (route == NULL) {
            miss_route(m, at, t, destination, way.target);
        }
        entry = way.hub < m->path.n_hubs ? tgwpath_arrival(&m->path, hub, &way) : NULL;
        hub = way.hub;
    }
}

/* Follow the ways of all clients: of other VPCs, and of what comes in by a VPN or alike. */
static void
follow_clients(struct making *m, size_t region, const struct addr *destination)
{
    const struct tgw_region *r = &m->in->regions[region];

    for (size_t i = 0; i < r->vpc_tables.n; i++) {
        const struct ec2_route_table *t = &r->vpc_tables.tables[i];
        const struct ec2_route *route = ec2_find_route(t, destination);

        if (route != NULL && !is_own_vpc(m, region, t)) {
            struct tgwpath_way way = tgwpath_enter(&m->path, r, t->vpc_id, route->target);

            follow(m, way.hub, way.attachment, destination);
        }
    }
    for (size_t i = 0; i < r->n_attachments; i++) {
        const struct tgw_attachment *a = &r->attachments[i];
        const struct tgw_table *t = find_table(r, a->table_id);

        if (a->kind == TGW_OTHER && t != NULL && find_route(t, destination) != NULL) {
            follow(m, tgwpath_hub_of(&m->path, a->tgw_id), a, destination);
        }
    }
}

/* The route has to be in one table of the ENI's VPC at least. */
static void
require_own_route(struct making *m, const struct addr *destination)
{
    const struct ec2_route_tables *tables = &m->in->regions[m->plan.own].vpc_tables;
    struct routeplan_missing missing = {.destination = *destination};
    struct trouble t = {.kind = TGWPLAN_NO_NODE_ROUTE,
                        .region = m->plan.own,
                        .object = "",
                        .destination = destination,
                        .each = true};
    char text[ADDR_TEXT_MAX];

    for (size_t i = 0; i < tables->n; i++) {
        if (is_own_vpc(m, m->plan.own, &tables->tables[i]) &&
            ec2_find_route(&tables->tables[i], destination) != NULL) {
            return;
        }
    }
    m->plan.n_missing++;
    (void)snprintf(t.what, sizeof(t.what), "%s: no route to %s", m->in->vpc_id,
                   addr_cidr_text(destination, text));
    (void)routeplan_create_command(&missing, m->in->region, m->in->eni_id, t.remedy);
    report(m, &t);
}

static void
plan_destination(struct making *m, const struct addr *destination)
{
    require_own_route(m, destination);
    for (size_t i = 0; i < m->in->n_regions; i++) {
        const struct tgw_region *r = &m->in->regions[i];

        for (size_t k = 0; r->answered && k < r->vpc_tables.n; k++) {
            consider_vpc_table(m, i, &r->vpc_tables.tables[k], destination);
        }
        for (size_t k = 0; r->answered && k < r->n_tables; k++) {
            consider_tgw_table(m, i, &r->tables[k], destination);
        }
    }
    for (size_t i = 0; i < m->in->n_regions; i++) {
        if (m->in->regions[i].answered) {
            follow_clients(m, i, destination);
        }
    }
}

/* What can be said of the regions before their routes are looked at. */
static int
begin(struct making *m)
{
    const struct tgwplan_input *in = m->in;

    m->plan.regions = calloc(in->n_regions + 1, sizeof(*m->plan.regions));
    if (m->plan.regions == NULL) {
        return -ERR_NOMEM;
    }
    m->plan.n_regions = in->n_regions;
    m->plan.own = in->n_regions;
    for (size_t i = 0; i < in->n_regions; i++) {
        const struct tgw_region *r = &in->regions[i];
        struct tgwplan_region *region = &m->plan.regions[i];

        region->name = r->name;
        region->answered = r->answered;
        if (!r->answered) {
            (void)snprintf(region->text, sizeof(region->text), "no answer%s%.*s",
                           r->error.text[0] == '\0' ? "" : ": ", ERR_TEXT_MAX - 16, r->error.text);
        }
        if (strcmp(r->name, in->region) == 0) {
            m->plan.own = i;
        }
    }
    return m->plan.own < in->n_regions ? 0 : -ERR_BUG;
}

int
tgwplan_make(const struct tgwplan_input *in, struct tgwplan *ret)
{
    struct making m = {.in = in};
    int rc = begin(&m);

    if (rc == 0 && m.plan.regions[m.plan.own].answered) {
        rc = tgwpath_make(in->regions, in->n_regions, in->vpc_id, &m.path);
        for (size_t i = 0; rc == 0 && i < in->n_destinations; i++) {
            plan_destination(&m, &in->destinations[i]);
        }
        for (size_t i = 0; rc == 0 && in->lost != NULL && i < in->lost->n; i++) {
            report_lost(&m, &in->lost->items[i]);
        }
        tgwpath_done(&m.path);
    }
    if (rc < 0 || m.no_memory) {
        tgwplan_done(&m.plan);
        return rc < 0 ? rc : -ERR_NOMEM;
    }
    for (size_t i = 0; i < m.plan.n_regions; i++) {
        routeplan_note_rest(m.plan.regions[i].text, m.plan.regions[i].n_wrong);
    }
    *ret = m.plan;
    return 0;
}

void
tgwplan_done(struct tgwplan *p)
{
    free(p->regions);
    free(p->changes);
    free(p->problems);
    *p = (struct tgwplan){0};
}

enum ocf_verdict
tgwplan_verdict(const struct tgwplan *p)
{
    struct routeplan own = {.n_ours = p->n_ours,
                            .n_dead = p->n_dead,
                            .n_others = p->n_others,
                            .n_missing = p->n_missing};
    enum ocf_verdict v = routeplan_verdict(&own);

    if (!p->regions[p->own].answered) {
        return OCF_UNKNOWN;
    }
    return v == OCF_HERE && p->regions[p->own].n_wrong > 0 ? OCF_DEGRADED : v;
}

enum ocf_verdict
tgwplan_others_verdict(const struct tgwplan *p, char text[ERR_TEXT_MAX])
{
    const struct tgwplan_region *first = NULL;
    char more[48] = "";
    size_t n = 0;

    for (size_t i = 0; i < p->n_regions; i++) {
        const struct tgwplan_region *r = &p->regions[i];

        if (i != p->own && (!r->answered || r->n_wrong > 0)) {
            first = n++ == 0 ? r : first;
        }
    }
    text[0] = '\0';
    if (first == NULL) {
        return OCF_HERE;
    }
    if (n > 1) {
        (void)snprintf(more, sizeof(more), " (and %zu more region%s)", n - 1, n > 2 ? "s" : "");
    }
    (void)snprintf(text, ERR_TEXT_MAX, "%s%s: %.*s", first->name, more,
                   ERR_TEXT_MAX - TGW_REGION_MAX - (int)sizeof(more), first->text);
    return OCF_DEGRADED;
}

static void
write_vpc_route(struct ec2_route_table *t, const struct tgwplan_change *c)
{
    for (size_t i = 0; i < t->n_routes; i++) {
        if (addr_equal(&t->routes[i].destination, &c->destination)) {
            (void)snprintf(t->routes[i].target, sizeof(t->routes[i].target), "%s", c->target);
            t->routes[i].blackhole = false;
        }
    }
}

static void
write_tgw_route(struct tgw_table *t, const struct tgwplan_change *c)
{
    struct tgw_route now = {.destination = c->destination};

    (void)snprintf(now.attachment_id, sizeof(now.attachment_id), "%s", c->target);
    for (size_t i = 0; i < t->n_routes; i++) {
        if (addr_equal(&t->routes[i].destination, &c->destination)) {
            t->routes[i] = now;
            return;
        }
    }
    /* Without memory it is not there, and a later look says so. */
    (void)!ARRAY_ADD(&t->routes, &t->n_routes, SIZE_MAX, &now);
}

void
tgwplan_written(struct tgw_region *region, const struct tgwplan_change *c)
{
    for (size_t i = 0; !c->transit && i < region->vpc_tables.n; i++) {
        if (strcmp(region->vpc_tables.tables[i].id, c->table_id) == 0) {
            write_vpc_route(&region->vpc_tables.tables[i], c);
        }
    }
    for (size_t i = 0; c->transit && i < region->n_tables; i++) {
        if (strcmp(region->tables[i].id, c->table_id) == 0) {
            write_tgw_route(&region->tables[i], c);
        }
    }
}
