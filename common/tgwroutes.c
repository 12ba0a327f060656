/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwroutes.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

#define WROTE_KEY "tgw-wrote"

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

int
tgwroutes_plan(const struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
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
                               .again = ocf_is_anew(ctx) && !t->written,
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

size_t
tgwroutes_n_changes(const struct tgwvip *t, size_t region)
{
    size_t n = 0;

    for (size_t i = 0; i < t->plan.n_changes; i++) {
        n += region_of(t, &t->plan.changes[i]) == region;
    }
    return n;
}

void
tgwroutes_keep_own(struct tgwvip *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->plan.n_changes; i++) {
        if (region_of(t, &t->plan.changes[i]) == 0) {
            t->plan.changes[n++] = t->plan.changes[i];
        }
    }
    t->plan.n_changes = n;
}

/* --- writing --------------------------------------------------------------------------------- */

static struct ec2_route_change
write_of(const struct ocf_ctx *ctx, const struct tgwvip *t, const struct tgwplan_change *c)
{
    size_t region = region_of(t, c);
    struct ec2_route_change w = {
        .destination = c->destination,
        .target = c->target,
        .create = c->create,
        .again = c->again,
        .session = t->sessions[region],
        .within_ms = region == 0 && !c->again ? 0 : ctx->aws_params->api_timeout_ms};

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

int
tgwroutes_write(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    int rc = change_routes(ctx, t, false, e);
    bool written = false;

    t->written = true;
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

int
tgwroutes_ask(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    return change_routes(ctx, t, true, e);
}

bool
tgwroutes_are_settling(const struct ocf_ctx *ctx)
{
    uint64_t ago_ms = 0;

    return ocf_time_since(ctx, WROTE_KEY, &ago_ms) && ago_ms < OCF_SETTLE_MS;
}

size_t
tgwroutes_n_accepted_own(const struct tgwvip *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];

        n += region_of(t, c) == 0 && c->error.code == 0;
    }
    return n;
}

/* What became of the writes to the own region's VPC tables, or to its TGW tables. */
static int
sum_up_kind(struct ocf_ctx *ctx, const struct tgwvip *t, bool transit, struct err *e)
{
    struct routeplan_sum sum = {.n = 0};

    for (size_t i = 0; i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];

        if (region_of(t, c) == 0 && c->transit == transit) {
            routeplan_sum_add(&sum, c->table_id, c->again, &c->error);
        }
    }
    return routeplan_sum_up(ctx, &sum, e);
}

/* The two kinds need permissions of their own: one that is denied altogether is told as that. */
int
tgwroutes_sum_up_own(struct ocf_ctx *ctx, const struct tgwvip *t, struct err *e)
{
    struct err transit = {0};
    int rc = sum_up_kind(ctx, t, false, e);
    int rc2 = sum_up_kind(ctx, t, true, &transit);

    if (rc2 < 0 && (rc == 0 || err_class(rc) == ERR_CLASS_UNCERTAIN)) {
        *e = transit;
    }
    return rc < 0 || rc2 < 0 ? err_prefix(e, "%s", t->regions[0].name) : 0;
}
