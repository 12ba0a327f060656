/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwvip.h"

#include "log.h"
#include "tgwback.h"

#include <stdio.h>
#include <string.h>

#define LEFT_PATIENCE_MS 2000 /* for a region that was silent before */
#define WROTE_KEY        "tgw-wrote"

/* --- regions --------------------------------------------------------------------------------- */

/* Add a region to those that are known, unless it is one of them. */
static void
add_region(struct tgwvip *t, const char *name)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        if (strcmp(t->regions[i].name, name) == 0) {
            return;
        }
    }
    if (t->n_regions == TGWVIP_REGIONS_MAX) {
        log_warning("%s: more than %d regions: not looked at", name, TGWVIP_REGIONS_MAX);
        return;
    }
    (void)snprintf(t->regions[t->n_regions++].name, TGW_REGION_MAX, "%s", name);
}

/* Add the regions that peerings lead to. */
static void
discover(struct tgwvip *t)
{
    for (size_t i = 0; t->only.n == 0 && i < t->n_regions; i++) {
        const struct tgw_region *r = &t->regions[i];

        for (size_t k = 0; k < r->n_peerings; k++) {
            add_region(t, r->peerings[k].region[0]);
            add_region(t, r->peerings[k].region[1]);
        }
    }
}

/* Whether a peering leads to or from a region. */
static bool
is_peered(const struct tgwvip *t, const char *name)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        const struct tgw_region *r = &t->regions[i];

        for (size_t k = 0; k < r->n_peerings; k++) {
            if (strcmp(r->peerings[k].region[0], name) == 0 ||
                strcmp(r->peerings[k].region[1], name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool
have_all_answered(const struct tgwvip *t)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        if (!t->regions[i].answered) {
            return false;
        }
    }
    return true;
}

/* Remember the regions, for the day when the one that leads to another does not answer. */
static void
remember(const struct ocf_ctx *ctx, struct tgwvip *t)
{
    struct tgwcache_regions now = {.n = 0};
    bool certain = have_all_answered(t);

    if (t->only.n > 0) {
        return;
    }
    for (size_t i = 1; i < t->n_regions; i++) {
        if (!certain || is_peered(t, t->regions[i].name)) {
            (void)snprintf(now.names[now.n++], TGW_REGION_MAX, "%s", t->regions[i].name);
        }
    }
    if (memcmp(&now, &t->remembered, sizeof(now)) != 0) {
        tgwcache_put_regions(ctx, &now);
        t->remembered = now;
    }
}

/* Find our ENI, and the regions that are known without asking AWS. 0 or an error. */
static int
begin(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    struct aws_session *aws = NULL;
    struct err unread = {0};
    int rc = ocf_nic(ctx, t->vip.interface, &t->nic, e);

    rc = rc < 0 ? rc : ocf_aws(ctx, &aws, e);
    if (rc < 0 || t->n_regions > 0) {
        return rc;
    }
    if (pending_load(ctx, &t->left, &unread) < 0) {
        log_warning("whether a start has left something is not known: %s", unread.text);
    }
    add_region(t, aws->region);
    for (size_t i = 0; i < t->only.n; i++) {
        add_region(t, t->only.items[i]);
    }
    if (t->only.n == 0) {
        tgwcache_get_regions(ctx, &t->remembered);
    }
    for (size_t i = 0; i < t->remembered.n; i++) {
        add_region(t, t->remembered.names[i]);
    }
    for (size_t i = 0; t->only.n == 0 && i < t->left.n; i++) {
        add_region(t, t->left.items[i].region);
    }
    return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Regions that are asked at once. */
struct wave {
    size_t at[TGWVIP_REGIONS_MAX]; /* place among the known ones */
    struct tgw_query queries[TGWVIP_REGIONS_MAX];
    struct tgw_region known[TGWVIP_REGIONS_MAX];
    struct tgw_region found[TGWVIP_REGIONS_MAX];
    size_t n;
};

/* The own region's calls may take the whole action; others' are to cost one attempt at most. */
static uint64_t
patience_ms(const struct ocf_ctx *ctx, const struct tgwvip *t, size_t region)
{
    uint64_t attempt_ms = ctx->aws_params->api_timeout_ms;

    if (region == 0) {
        return 0;
    }
    return pending_has_region(&t->left, t->regions[region].name) && attempt_ms > LEFT_PATIENCE_MS
               ? LEFT_PATIENCE_MS
               : attempt_ms;
}

/* Who only looks goes by an inventory of minutes ago. */
static bool
is_looking(const struct ocf_ctx *ctx)
{
    return ctx->operation == OCF_OP_MONITOR || ctx->operation == OCF_OP_PROBE;
}

/* For who is going to write the inventory is read. */
static bool
may_use_cache(const struct ocf_ctx *ctx, const struct tgwvip *t)
{
    return is_looking(ctx) && pending_is_empty(&t->left) && !t->describe;
}

static void
add_query(struct ocf_ctx *ctx, const struct tgwvip *t, size_t region, struct wave *w)
{
    const struct tgw_region *r = &t->regions[region];
    struct tgw_query *q = &w->queries[w->n];

    q->region = r->name;
    q->within_ms = patience_ms(ctx, t, region);
    if (ocf_aws_in(ctx, r->name, &q->session, &q->error) < 0) {
        q->session = NULL;
    }
    if (r->answered && (t->described[region] || !t->describe)) {
        q->known = r;
    } else if (may_use_cache(ctx, t) && tgwcache_get(ctx, r->name, &w->known[w->n])) {
        q->known = &w->known[w->n];
    }
    w->at[w->n++] = region;
}

/* Put what was found in the place of what was known before. */
static void
take_over(struct ocf_ctx *ctx, struct tgwvip *t, struct wave *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct tgw_region *r = &t->regions[w->at[i]];
        char name[TGW_REGION_MAX];

        (void)snprintf(name, sizeof(name), "%s", r->name);
        tgw_region_done(r);
        tgw_region_done(&w->known[i]);
        *r = w->found[i];
        (void)snprintf(r->name, sizeof(r->name), "%s", name);
        t->asked[w->at[i]] = true;
        t->described[w->at[i]] |= w->queries[i].described;
        t->sessions[w->at[i]] = w->queries[i].session;
        if (r->answered && w->queries[i].described) {
            tgwcache_put(ctx, r);
        }
        if (!r->answered) {
            log_info("%s: no answer: %s", r->name, r->error.text);
        }
    }
}

/*
 * Read the regions from one place on, up to another. What was silent in this action is not asked
 * again, and what has answered only when it is wanted `anew`; the own region always.
 */
static int
read_wave(struct ocf_ctx *ctx, struct tgwvip *t, size_t from, size_t to, bool anew, struct err *e)
{
    OCF_FREE struct wave *w = calloc(1, sizeof(*w));
    int rc = 0;

    if (w == NULL) {
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    for (size_t i = from; i < to; i++) {
        if (i == 0 || !t->asked[i] || (anew && t->regions[i].answered)) {
            add_query(ctx, t, i, w);
        }
    }
    if (w->n == 0) {
        return 0;
    }
    rc = tgw_read(&ctx->session, w->queries, w->n, t->vip.addresses.items, t->vip.addresses.n,
                  w->found, ctx->deadline);
    take_over(ctx, t, w);
    return rc < 0 ? err_set(e, (enum err_code) - rc, "%s", err_text(rc)) : 0;
}

/* Add a route to what is left, or a whole region. */
static int
leave(struct pending *left, const char *region, const struct tgwplan_change *c)
{
    struct pending_item item = {.region = ""};

    (void)snprintf(item.region, sizeof(item.region), "%s", region);
    if (c != NULL) {
        item.destination = c->destination;
        (void)snprintf(item.table_id, sizeof(item.table_id), "%s", c->table_id);
        (void)snprintf(item.seen, sizeof(item.seen), "%s", c->seen);
    }
    return pending_add(left, &item);
}

static bool
is_remembered(const struct tgwvip *t, const char *name)
{
    for (size_t i = 0; i < t->remembered.n; i++) {
        if (strcmp(t->remembered.names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * A start knew nothing of the regions that only a silent one leads to, and left them too. They are
 * noted as soon as they are found, since from then on they are among those that are known.
 */
static int
adopt(const struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    size_t before = t->left.n;
    struct err unkept = {0};
    int rc = 0;

    for (size_t i = 1; t->left.beyond && rc == 0 && i < t->n_regions; i++) {
        if (!is_remembered(t, t->regions[i].name)) {
            rc = leave(&t->left, t->regions[i].name, NULL);
        }
    }
    if (rc < 0) {
        return err_set(e, (enum err_code) - rc, "%s", err_text(rc));
    }
    if (t->left.n > before && pending_store(ctx, &t->left, &unkept) < 0) {
        log_warning("%s", unkept.text); /* nor are the regions kept: they are found again */
    }
    return 0;
}

/* Read the regions from one place on, and those that they lead to, until there are no others. */
static int
read_regions(struct ocf_ctx *ctx, struct tgwvip *t, size_t from, bool anew, struct err *e)
{
    int rc = 0;

    discover(t);
    while (rc == 0 && from < t->n_regions) {
        size_t to = t->n_regions;

        rc = read_wave(ctx, t, from, to, anew, e);
        from = to;
        discover(t);
    }
    if (rc == 0 && ctx->operation == OCF_OP_MONITOR && !ocf_is_standby(ctx)) {
        rc = adopt(ctx, t, e);
    }
    if (rc == 0) {
        remember(ctx, t);
    }
    return rc;
}

/* --- the plan -------------------------------------------------------------------------------- */

/* The routes that tables of VPCs have, in all regions. */
static int
find_known(const struct tgwvip *t, struct known *ret)
{
    const struct param_addresses *wanted = &t->vip.addresses;
    int rc = 0;

    for (size_t i = 0; i < t->n_regions; i++) {
        const struct ec2_route_tables *all = &t->regions[i].vpc_tables;

        for (size_t k = 0; rc == 0 && k < all->n * wanted->n; k++) {
            const struct ec2_route_table *table = &all->tables[k / wanted->n];
            const struct addr *destination = &wanted->items[k % wanted->n];

            if (ec2_find_route(table, destination) != NULL) {
                rc = known_add(ret, t->regions[i].name, table->id, destination);
            }
        }
    }
    return rc;
}

static bool
has_answered(const char *region, const void *arg)
{
    const struct tgwvip *t = arg;

    for (size_t i = 0; i < t->n_regions; i++) {
        if (strcmp(t->regions[i].name, region) == 0) {
            return t->regions[i].answered;
        }
    }
    return false;
}

/* Which routes of VPCs are gone; nothing is said of a region that is not known. */
static int
find_lost(const struct ocf_ctx *ctx, const struct tgwvip *t, struct known *ret)
{
    OCF_CLEANUP(known_done) struct known found = {0};
    struct known_look look = {.found = &found,
                              .destinations = t->vip.addresses.items,
                              .n_destinations = t->vip.addresses.n,
                              .has_answered = has_answered,
                              .arg = t};
    int rc = find_known(t, &found);

    return rc < 0 ? rc : known_compare(ctx, &look, ret);
}

static int
make_plan(const struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    OCF_CLEANUP(known_done) struct known lost = {0};
    struct tgwplan_input in = {.regions = t->regions,
                               .n_regions = t->n_regions,
                               .region = t->regions[0].name,
                               .vpc_id = t->nic.vpc_id,
                               .eni_id = t->nic.eni_id,
                               .destinations = t->vip.addresses.items,
                               .n_destinations = t->vip.addresses.n,
                               .create = t->routes.create_routes,
                               .lost = &lost};
    struct tgwplan plan = {0};
    int rc = find_lost(ctx, t, &lost);

    rc = rc < 0 ? rc : tgwplan_make(&in, &plan);

    if (rc < 0) {
        return err_set(e, (enum err_code) - rc, "%s", err_text(rc));
    }
    tgwplan_done(&t->plan);
    t->plan = plan;
    return 0;
}

/* The place of a change's region; it has answered, or nothing would have been planned there. */
static size_t
region_of(const struct tgwvip *t, const struct tgwplan_change *c)
{
    size_t i = 0;

    while (i + 1 < t->n_regions && strcmp(t->regions[i].name, c->region) != 0) {
        i++;
    }
    return i;
}

/* How many of the changes are a region's. */
static size_t
n_changes_of(const struct tgwvip *t, size_t region)
{
    size_t n = 0;

    for (size_t i = 0; i < t->plan.n_changes; i++) {
        n += region_of(t, &t->plan.changes[i]) == region;
    }
    return n;
}

/* Whether all is ours of the own region that can be. */
static bool
is_own_region_ours(const struct tgwvip *t)
{
    const struct tgwplan *p = &t->plan;

    return p->n_ours > 0 && p->n_others + p->n_dead + p->n_missing == 0 && n_changes_of(t, 0) == 0;
}

/* What is wrong; what mends it has no room here, but where it is the write of a route. */
static void
tell_wrong(const struct tgwvip *t, const char *text, struct err *why)
{
    (void)err_set(why, ERR_NOT_FOUND, "%s%s", text,
                  t->plan.n_problems == 0 ? "" : "; validate-all tells what mends it");
}

/* What the own region says. */
static enum ocf_verdict
own_verdict(const struct tgwvip *t, struct err *why)
{
    enum ocf_verdict v = tgwplan_verdict(&t->plan);
    char text[ERR_TEXT_MAX];

    if (v == OCF_UNKNOWN) {
        *why = t->regions[0].error;
        (void)err_prefix(why, "%s", t->regions[0].name);
    } else if (v != OCF_HERE) {
        (void)snprintf(text, sizeof(text), "%s: %.*s", t->regions[0].name,
                       ERR_TEXT_MAX - TGW_REGION_MAX - 2, t->plan.regions[t->plan.own].text);
        tell_wrong(t, text, why);
    }
    return v;
}

/* The other regions that are silent, all by name; NULL for none, else the first. */
static const struct tgw_region *
find_silent(const struct tgwvip *t, char names[ERR_TEXT_MAX])
{
    const struct tgw_region *first = NULL;
    size_t used = 0;

    for (size_t i = 1; i < t->n_regions; i++) {
        if (!t->regions[i].answered && used < ERR_TEXT_MAX) {
            used += (size_t)snprintf(names + used, ERR_TEXT_MAX - used, "%s%s",
                                     first == NULL ? "" : ", ", t->regions[i].name);
            first = first == NULL ? &t->regions[i] : first;
        }
    }
    return first;
}

/* What all regions say; a silent one is worse news than a route that is wrong. */
static enum ocf_verdict
verdict_of_all(const struct tgwvip *t, struct err *why)
{
    enum ocf_verdict v = own_verdict(t, why);
    const struct tgw_region *silent = NULL;
    char names[ERR_TEXT_MAX];
    char text[ERR_TEXT_MAX];

    if (v != OCF_HERE && v != OCF_DEGRADED) {
        return v;
    }
    silent = find_silent(t, names);
    if (silent != NULL && v == OCF_DEGRADED) {
        (void)snprintf(text, sizeof(text), "%s", why->text);
        (void)err_set(why, ERR_NOT_FOUND, "no answer from %s; %s", names, text);
        return v;
    }
    if (silent != NULL) {
        verdict_reason(names, &silent->error, text);
        (void)err_set(why, ERR_NOT_FOUND, "%s", text);
        return OCF_DEGRADED;
    }
    if (v == OCF_DEGRADED) {
        return v;
    }
    v = tgwplan_others_verdict(&t->plan, text);
    if (v != OCF_HERE) {
        tell_wrong(t, text, why);
    }
    return v;
}

/*
 * What is wrong while the address is here may be that the inventory is old: an attachment has come
 * in the place of another. As long as something is, each monitor reads it. To a standby node all is
 * wrong that leads to the active one.
 */
static void
forget_wrong(const struct ocf_ctx *ctx, const struct tgwvip *t)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        if (t->plan.n_ours > 0 && t->plan.regions[i].n_wrong > 0) {
            tgwcache_drop(ctx, t->regions[i].name);
        }
    }
}

enum ocf_verdict
tgwvip_look(struct ocf_ctx *ctx, struct tgwvip *t, struct err *why)
{
    bool monitor = ctx->operation == OCF_OP_MONITOR;
    bool writes = !is_looking(ctx);
    int rc = begin(ctx, t, why);
    enum ocf_verdict v = OCF_UNKNOWN;

    if (rc == 0) {
        rc = monitor ? read_regions(ctx, t, 0, true, why) : read_wave(ctx, t, 0, 1, true, why);
    }
    discover(t);
    rc = rc < 0 ? rc : make_plan(ctx, t, why);
    if (rc < 0) {
        return OCF_UNKNOWN;
    }
    forget_wrong(ctx, t);
    if (monitor) {
        return verdict_of_all(t, why);
    }
    v = own_verdict(t, why);
    if (writes && v == OCF_DEGRADED && is_own_region_ours(t)) {
        v = OCF_HERE; /* what is wrong there is nothing that a start can put right */
    }
    if (writes && v == OCF_HERE && !t->applied && t->n_regions > 1) {
        (void)err_set(why, ERR_NOT_FOUND, "%s: not looked at yet", t->regions[1].name);
        return OCF_DEGRADED;
    }
    return v;
}

/* --- writing --------------------------------------------------------------------------------- */

static struct ec2_route_change
write_of(const struct ocf_ctx *ctx, const struct tgwvip *t, const struct tgwplan_change *c)
{
    size_t region = region_of(t, c);
    struct ec2_route_change w = {.destination = c->destination,
                                 .target = c->target,
                                 .create = c->create,
                                 .session = t->sessions[region],
                                 .within_ms = region == 0 ? 0 : ctx->aws_params->api_timeout_ms};

    (void)snprintf(w.table_id, sizeof(w.table_id), "%s", c->table_id);
    return w;
}

/*
 * Make, or only ask about, all changes that are planned; the own region's come first then.
 * -ERR_CANCELLED or -ERR_NOMEM, else 0 and each change has its error.
 */
static int
change_routes(struct ocf_ctx *ctx, struct tgwvip *t, bool dry_run, struct err *e)
{
    size_t n = t->plan.n_changes;
    OCF_FREE struct ec2_route_change *writes = calloc(n + 1, sizeof(*writes));
    int rc = 0;

    if (writes == NULL) {
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        writes[i] = write_of(ctx, t, &t->plan.changes[i]);
    }
    rc = n == 0 ? 0 : ec2_change_routes(&ctx->session, writes, n, dry_run, ctx->deadline);
    if (rc == -ERR_CANCELLED || rc == -ERR_NOMEM) {
        return err_set(e, (enum err_code) - rc, "%s", err_text(rc));
    }
    for (size_t i = 0; i < n; i++) {
        t->plan.changes[i].error = writes[i].error;
    }
    return 0;
}

/* Make the changes. What was accepted is taken as read: the next plan is made from what holds. */
static int
write_plan(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    int rc = change_routes(ctx, t, false, e);
    bool written = false;

    for (size_t i = 0; rc == 0 && i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];
        char text[ADDR_TEXT_MAX];

        log_info("%s: %s: %s -> %s: %s", c->region, c->table_id,
                 addr_cidr_text(&c->destination, text), c->target,
                 c->error.code == 0 ? "written" : c->error.text);
        if (c->error.code == 0) {
            tgwplan_written(&t->regions[region_of(t, c)], c);
            written = true;
        }
    }
    if (written) {
        ocf_time_note(ctx, WROTE_KEY);
    }
    return rc;
}

/* What became of the writes to the own region's VPC tables, or to its TGW tables. */
static int
sum_up_kind(const struct tgwvip *t, bool transit, struct err *e)
{
    struct routeplan_sum sum = {.n = 0};

    for (size_t i = 0; i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];

        if (region_of(t, c) == 0 && c->transit == transit) {
            routeplan_sum_add(&sum, c->table_id, &c->error);
        }
    }
    return routeplan_sum_up(&sum, e);
}

/* The two kinds need permissions of their own: one that is denied altogether is told as that. */
static int
sum_up_own(const struct tgwvip *t, struct err *e)
{
    struct err transit = {0};
    int rc = sum_up_kind(t, false, e);
    int rc2 = sum_up_kind(t, true, &transit);

    if (rc2 < 0 && (rc == 0 || err_class(rc) == ERR_CLASS_UNCERTAIN)) {
        *e = transit;
    }
    return rc < 0 || rc2 < 0 ? err_prefix(e, "%s", t->regions[0].name) : 0;
}

/* --- what is left ---------------------------------------------------------------------------- */

/* Of a region that is not known: what was left there before, or all of it. */
static int
leave_region(struct pending *left, const struct pending *before, const char *region)
{
    int rc = 0;

    if (before->everything || !pending_has_region(before, region)) {
        return leave(left, region, NULL);
    }
    for (size_t i = 0; rc == 0 && i < before->n; i++) {
        if (strcmp(before->items[i].region, region) == 0) {
            rc = pending_add(left, &before->items[i]);
        }
    }
    return rc;
}

/* Whether what there is to write in a region is not known, or not yet all of it. */
static bool
is_unknown(const struct tgwvip *t, size_t region)
{
    return !t->regions[region].answered || t->plan.regions[region].n_open > 0;
}

/*
 * Store what could not be written for the monitors, whatever the reason: should it go away, nobody
 * has to write it by hand. A start leaves all of a region that is not known, and what an earlier
 * one left counts no more; a monitor leaves what was left there before, and no other region.
 */
static void
store_left(const struct ocf_ctx *ctx, struct tgwvip *t)
{
    static const struct pending nothing = {.n = 0};
    const struct pending *before = ctx->operation == OCF_OP_START ? &nothing : &t->left;
    bool all = ctx->operation != OCF_OP_MONITOR;
    struct pending left = {.beyond = t->only.n == 0 && (all || before->beyond)};
    bool silent = false;
    struct err e = {0};
    int rc = 0;

    for (size_t i = 1; rc == 0 && i < t->n_regions; i++) {
        const char *name = t->regions[i].name;

        if (is_unknown(t, i) && (all || pending_has_region(before, name))) {
            rc = leave_region(&left, before, name);
            silent |= !t->regions[i].answered;
        }
    }
    left.beyond = left.beyond && silent;
    for (size_t i = 0; rc == 0 && i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];

        if (c->error.code < 0 && region_of(t, c) > 0) {
            rc = leave(&left, c->region, c);
        }
    }
    rc = rc < 0 ? err_set(&e, (enum err_code) - rc, "%s", err_text(rc))
                : pending_store(ctx, &left, &e);
    if (rc < 0) {
        ocf_warn(ctx, "what is left cannot be remembered", &e);
    }
    pending_done(&t->left);
    t->left = left;
}

/* The first change of a region that failed; NULL when none did. */
static const struct tgwplan_change *
first_failed(const struct tgwvip *t, size_t region)
{
    for (size_t i = 0; i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];

        if (c->error.code < 0 && region_of(t, c) == region) {
            return c;
        }
    }
    return NULL;
}

/* The first problem of a region; NULL when it has none. */
static const struct tgwplan_problem *
first_problem(const struct tgwvip *t, size_t region)
{
    for (size_t i = 0; i < t->plan.n_problems; i++) {
        if (strcmp(t->plan.problems[i].region, t->regions[region].name) == 0) {
            return &t->plan.problems[i];
        }
    }
    return NULL;
}

/* One line for each region where something is not as it should be. */
static void
warn_of_left(const struct ocf_ctx *ctx, const struct tgwvip *t)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        const struct tgw_region *r = &t->regions[i];
        const struct tgwplan_change *failed = first_failed(t, i);
        const struct tgwplan_problem *problem = first_problem(t, i);
        char prefix[TGW_REGION_MAX + AWS_ID_MAX + 32];
        struct err e = {0};

        if (!r->answered) {
            (void)snprintf(prefix, sizeof(prefix), "%s left for later", r->name);
            ocf_warn(ctx, prefix, &r->error);
        } else if (failed != NULL) {
            (void)snprintf(prefix, sizeof(prefix), "%s left for later: %s", r->name,
                           failed->table_id);
            ocf_warn(ctx, prefix, &failed->error);
        } else if (problem != NULL) {
            (void)err_set(&e, ERR_PARAM, "%s", problem->text);
            ocf_warn(ctx, r->name, &e);
        }
    }
}

/* --- whose it is ---------------------------------------------------------------------------- */

/* Whether a region that answered, and where nothing was left, does not lead here. */
static bool
is_astray(const struct tgwvip *t, size_t region)
{
    return t->regions[region].answered && !pending_has_region(&t->left, t->regions[region].name) &&
           n_changes_of(t, region) > 0;
}

static bool
is_any_astray(const struct tgwvip *t)
{
    for (size_t i = 1; i < t->n_regions; i++) {
        if (is_astray(t, i)) {
            return true;
        }
    }
    return false;
}

/* Whether a region is silent where nothing was left: who may have taken over there is not known. */
static bool
is_any_unheard(const struct tgwvip *t)
{
    for (size_t i = 1; i < t->n_regions; i++) {
        if (!t->regions[i].answered && !pending_has_region(&t->left, t->regions[i].name)) {
            return true;
        }
    }
    return false;
}

static bool
leads_to_eni(const struct ec2_route_table *t)
{
    for (size_t i = 0; i < t->n_routes; i++) {
        if (!awsid_is(t->routes[i].target, "eni") || t->routes[i].blackhole) {
            return false;
        }
    }
    return true;
}

/* Whether all routes of a VPC lead to ENIs that are there: only an owner in it writes them so. */
static bool
has_owner(const struct tgw_region *r, const char *vpc_id)
{
    for (size_t i = 0; i < r->vpc_tables.n; i++) {
        const struct ec2_route_table *t = &r->vpc_tables.tables[i];

        if (strcmp(t->vpc_id, vpc_id) == 0 && !leads_to_eni(t)) {
            return false;
        }
    }
    return true;
}

static bool
has_any_owner(const struct tgw_region *r)
{
    for (size_t i = 0; i < r->vpc_tables.n; i++) {
        if (has_owner(r, r->vpc_tables.tables[i].vpc_id)) {
            return true;
        }
    }
    return false;
}

/* A region that another node has taken, since nothing in it leads here, or a VPC leads there. */
static const char *
taken_region(const struct tgwvip *t)
{
    for (size_t i = 1; i < t->n_regions; i++) {
        const struct tgw_region *r = &t->regions[i];

        if (is_astray(t, i) && (t->plan.regions[i].n_right == 0 || has_any_owner(r))) {
            return r->name;
        }
    }
    return NULL;
}

/* Whether reads may still show what this node has just replaced. */
static bool
is_settling(const struct ocf_ctx *ctx)
{
    uint64_t ago_ms = 0;

    return ocf_time_since(ctx, WROTE_KEY, &ago_ms) && ago_ms < OCF_SETTLE_MS;
}

/* --- start ----------------------------------------------------------------------------------- */

/* The node's VPC has no route to an address: no node there can help that, but one elsewhere may. */
static int
require_own_routes(const struct tgwvip *t, struct err *e)
{
    for (size_t i = 0; i < t->plan.n_problems; i++) {
        const struct tgwplan_problem *p = &t->plan.problems[i];

        if (p->kind == TGWPLAN_NO_NODE_ROUTE) {
            return err_set(e, ERR_PARAM_LOCAL, "%s: %s", p->region, p->text);
        }
    }
    return 0;
}

/* Keep of the plan what is to be written in the own region. */
static void
keep_own(struct tgwvip *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->plan.n_changes; i++) {
        if (region_of(t, &t->plan.changes[i]) == 0) {
            t->plan.changes[n++] = t->plan.changes[i];
        }
    }
    t->plan.n_changes = n;
}

/*
 * Make a plan of what is known, and write it; the own region decides. A monitor that repairs writes
 * in other regions only while it hears all of them: an owner may be in one that it does not.
 */
static int
plan_and_write(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    int rc = make_plan(ctx, t, e);

    if (rc == 0 && ctx->operation == OCF_OP_MONITOR && !have_all_answered(t)) {
        keep_own(t);
    }
    ctx->idle = ctx->idle && rc == 0 && n_changes_of(t, 0) == 0;
    rc = rc < 0 ? rc : write_plan(ctx, t, e);
    return rc < 0 ? rc : sum_up_own(t, e);
}

static bool
are_all_asked(const struct tgwvip *t)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        if (!t->asked[i]) {
            return false;
        }
    }
    return true;
}

static bool
are_all_described(const struct tgwvip *t)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        if (t->regions[i].answered && !t->described[i]) {
            return false;
        }
    }
    return true;
}

/* A monitor that is going to write: by an inventory of now, and not against another node. */
static int
prepare_repair(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    enum ocf_verdict own = OCF_UNKNOWN;
    const char *taken = NULL;
    int rc = 0;

    if (!are_all_described(t)) {
        t->describe = true;
        rc = read_regions(ctx, t, 0, true, e);
        rc = rc < 0 ? rc : make_plan(ctx, t, e);
    }
    own = tgwplan_verdict(&t->plan);
    if (rc == 0 && (own == OCF_ELSEWHERE || own == OCF_ABSENT)) {
        return err_set(e, ERR_CONFLICT, "%s: leads here no more: not taken back by a monitor",
                       t->regions[0].name);
    }
    taken = rc < 0 ? NULL : taken_region(t);
    if (taken != NULL) {
        return err_set(e, ERR_CONFLICT, "%s: leads to another node: not taken back by a monitor",
                       taken);
    }
    return rc;
}

int
tgwvip_apply(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    int rc = ctx->operation == OCF_OP_MONITOR ? prepare_repair(ctx, t, e) : 0;

    rc = rc < 0 ? rc : require_own_routes(t, e);
    if (rc == 0 && t->routes.disable_source_dest_check) {
        rc =
            ec2_set_source_dest_check(&ctx->session, t->nic.eni_id, false, false, ctx->deadline, e);
    }
    ctx->idle = true;
    if (rc == 0 && !are_all_asked(t)) {
        rc = plan_and_write(ctx, t, e);
        rc = rc < 0 ? rc : read_regions(ctx, t, 1, false, e);
    }
    rc = rc < 0 ? rc : plan_and_write(ctx, t, e);
    if (rc < 0) {
        return rc;
    }
    store_left(ctx, t);
    warn_of_left(ctx, t);
    t->applied = true;
    return 0;
}

/* --- monitor --------------------------------------------------------------------------------- */

/* Keep of the plan what was left and shows what it showed then. */
static void
keep_left(struct tgwvip *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];
        enum pending_route look =
            pending_look(&t->left, c->region, c->table_id, &c->destination, c->seen);

        if (look == PENDING_LEFT) {
            t->plan.changes[n++] = *c;
        } else if (look == PENDING_CHANGED) {
            log_notice("%s: %s was left by the start and changed by others since: not written",
                       c->region, c->table_id);
        }
    }
    t->plan.n_changes = n;
}

/* Write what was left, and say what holds then. */
static enum ocf_verdict
write_left(struct ocf_ctx *ctx, struct tgwvip *t, enum ocf_verdict v, struct err *why)
{
    const struct tgwplan_change *failed = NULL;
    bool writes = false;
    struct err e = {0};

    keep_left(t);
    writes = t->plan.n_changes > 0;
    if (write_plan(ctx, t, &e) < 0) {
        *why = e;
        return OCF_UNKNOWN;
    }
    store_left(ctx, t);
    for (size_t i = 1; failed == NULL && i < t->n_regions; i++) {
        failed = first_failed(t, i);
    }
    if (failed != NULL) {
        char prefix[TGW_REGION_MAX + AWS_ID_MAX + 4];

        (void)snprintf(prefix, sizeof(prefix), "%s: %s", failed->region, failed->table_id);
        verdict_reason(prefix, &failed->error, e.text);
        (void)err_set(why, ERR_NOT_FOUND, "%s", e.text);
        return OCF_DEGRADED;
    }
    if (make_plan(ctx, t, &e) < 0) {
        *why = e;
        return OCF_UNKNOWN;
    }
    return writes ? verdict_of_all(t, why) : v;
}

enum ocf_verdict
tgwvip_finish(struct ocf_ctx *ctx, struct tgwvip *t, enum ocf_verdict v, struct err *why)
{
    if (v == OCF_ELSEWHERE || v == OCF_ABSENT) {
        pending_drop(ctx);
        return v;
    }
    if (v == OCF_UNKNOWN || pending_is_empty(&t->left) || !is_own_region_ours(t)) {
        return v;
    }
    if (is_any_astray(t) && is_settling(ctx)) {
        log_info("what was written is not seen in all regions yet: what was left waits");
        return v;
    }
    if (taken_region(t) != NULL) {
        log_notice("another node has taken over: what was left is left to it");
        pending_drop(ctx);
        return v;
    }
    return is_any_astray(t) || is_any_unheard(t) ? v : write_left(ctx, t, v, why);
}

/* --- preflight ------------------------------------------------------------------------------- */

/* Whether the operator has to mend it for this node, or for all of them. */
static int
code_of(enum tgwplan_kind kind)
{
    switch (kind) {
    case TGWPLAN_NO_NODE_ROUTE:
        return -ERR_PARAM_LOCAL;
    case TGWPLAN_NO_ROUTE:
        return -ERR_PARAM;
    case TGWPLAN_LOST_ROUTE:
    case TGWPLAN_PROPAGATED:
    case TGWPLAN_NOT_ATTACHED:
    case TGWPLAN_NOT_ASSOCIATED:
    case TGWPLAN_UNREADABLE:
    case TGWPLAN_NO_PATH:
        break;
    }
    return -ERR_CONFLICT;
}

static void
report_regions(struct ocf_ctx *ctx, const struct tgwvip *t)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        const struct tgwplan_region *r = &t->plan.regions[i];

        if (r->answered) {
            ocf_finding(ctx, 0, "%s: %zu routes lead here, %zu to change", r->name, r->n_right,
                        n_changes_of(t, i));
        } else {
            ocf_finding_of(ctx, r->name, &t->regions[i].error);
        }
    }
    for (size_t i = 0; i < t->plan.n_problems; i++) {
        const struct tgwplan_problem *p = &t->plan.problems[i];

        ocf_finding(ctx, code_of(p->kind), "%s: %s", p->region, p->text);
    }
}

static const char *
call_of(const struct tgwplan_change *c)
{
    if (c->transit) {
        return c->create ? "CreateTransitGatewayRoute" : "ReplaceTransitGatewayRoute";
    }
    return "ReplaceRoute";
}

/* Whether each planned write would be allowed; without any, there is none to ask about. */
static void
preflight_writes(struct ocf_ctx *ctx, struct tgwvip *t)
{
    struct err e = {0};

    if (change_routes(ctx, t, true, &e) < 0) {
        ocf_finding(ctx, e.code, "%s", e.text);
        return;
    }
    for (size_t i = 0; i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];
        char text[ADDR_TEXT_MAX];
        char what[TGW_REGION_MAX + AWS_ID_MAX + ADDR_TEXT_MAX + 64];

        (void)snprintf(what, sizeof(what), "%s: %s of %s in %s", c->region, call_of(c),
                       addr_cidr_text(&c->destination, text), c->table_id);
        ocf_finding_of(ctx, what, &c->error);
    }
}

void
tgwvip_preflight(struct ocf_ctx *ctx, struct tgwvip *t)
{
    struct err e = {0};
    int rc = begin(ctx, t, &e);

    if (t->nic.eni_id[0] != '\0') {
        vip_preflight_outside_vpc(ctx, &t->vip, &t->nic);
    }
    rc = rc < 0 ? rc : read_regions(ctx, t, 0, true, &e);
    rc = rc < 0 ? rc : make_plan(ctx, t, &e);
    if (rc < 0) {
        ocf_finding_of(ctx, "regions", &e);
        return;
    }
    report_regions(ctx, t);
    if (t->regions[0].answered) {
        tgwback_preflight(ctx, &(struct tgwback){.regions = t->regions,
                                                 .n_regions = t->n_regions,
                                                 .sessions = t->sessions,
                                                 .nic = &t->nic,
                                                 .addresses = &t->vip.addresses});
    }
    preflight_writes(ctx, t);
    routeplan_preflight_eni(ctx, &t->routes, t->nic.eni_id);
}

void
tgwvip_done(struct tgwvip *t)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        tgw_region_done(&t->regions[i]);
    }
    tgwplan_done(&t->plan);
    pending_done(&t->left);
}
