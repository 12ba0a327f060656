/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwleft.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

/* Add a route to what is left. */
static int
leave(struct pending *left, const struct tgwplan_change *c)
{
    struct pending_item item = {.destination = c->destination};

    (void)snprintf(item.region, sizeof(item.region), "%s", c->region);
    (void)snprintf(item.table_id, sizeof(item.table_id), "%s", c->table_id);
    (void)snprintf(item.seen, sizeof(item.seen), "%s", c->seen);
    return pending_add(left, &item);
}

/* Of a region that is not known: what was left there before, or all of it. */
static int
leave_region(struct pending *left, const struct pending *before, const char *region)
{
    int rc = 0;

    if (before->everything || !pending_has_region(before, region)) {
        return pending_add_region(left, region);
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

void
tgwleft_store(const struct ocf_ctx *ctx, struct tgwvip *t)
{
    static const struct pending nothing = {.n = 0};
    const struct pending *before = ctx->operation == OCF_OP_START ? &nothing : &t->left;
    bool all = ctx->operation != OCF_OP_MONITOR;
    bool beyond = all || before->beyond || before->everything;
    struct pending left = {.beyond = t->only.n == 0 && beyond};
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

        if (c->error.code < 0 && strcmp(c->region, t->regions[0].name) != 0) {
            rc = leave(&left, c);
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

const struct tgwplan_change *
tgwleft_first_failed(const struct tgwvip *t, size_t region)
{
    for (size_t i = 0; i < t->plan.n_changes; i++) {
        const struct tgwplan_change *c = &t->plan.changes[i];

        if (c->error.code < 0 && !c->again && strcmp(c->region, t->regions[region].name) == 0) {
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

void
tgwleft_warn(const struct ocf_ctx *ctx, const struct tgwvip *t)
{
    for (size_t i = 0; i < t->n_regions; i++) {
        const struct tgw_region *r = &t->regions[i];
        const struct tgwplan_change *failed = tgwleft_first_failed(t, i);
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

void
tgwleft_keep(struct tgwvip *t)
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
