/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwregions.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

#define LEFT_PATIENCE_MS 2000 /* for a region that was silent before */

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

bool
tgwregions_have_all_answered(const struct tgwvip *t)
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
    bool certain = tgwregions_have_all_answered(t);

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

int
tgwregions_begin(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
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
 * noted as soon as they are found, since from then on they are among those that are known; who does
 * not note them must not make them known.
 */
static int
adopt(const struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    size_t before = t->left.n;
    struct err unkept = {0};
    int rc = 0;

    if (t->only.n > 0) {
        return 0; /* none is found */
    }
    for (size_t i = 1; t->left.beyond && rc == 0 && i < t->n_regions; i++) {
        if (!is_remembered(t, t->regions[i].name)) {
            rc = pending_add_region(&t->left, t->regions[i].name);
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
    bool adopts = ctx->operation == OCF_OP_MONITOR && !ocf_is_standby(ctx);
    bool leaves_anew = ctx->operation == OCF_OP_START;
    int rc = 0;

    discover(t);
    while (rc == 0 && from < t->n_regions) {
        size_t to = t->n_regions;

        rc = read_wave(ctx, t, from, to, anew, e);
        from = to;
        discover(t);
    }
    if (rc == 0 && adopts) {
        rc = adopt(ctx, t, e);
    }
    if (rc == 0 && (adopts || leaves_anew || !t->left.beyond)) {
        remember(ctx, t);
    }
    return rc;
}

int
tgwregions_read_own(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    int rc = read_wave(ctx, t, 0, 1, true, e);

    discover(t);
    return rc;
}

int
tgwregions_read_others(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    return read_regions(ctx, t, 1, false, e);
}

int
tgwregions_read_all(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    return read_regions(ctx, t, 0, true, e);
}
