/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tgwvip.h"

#include "log.h"
#include "tgwback.h"
#include "tgwleft.h"
#include "tgwroutes.h"

#include <stdio.h>
#include <string.h>

/* --- the verdict ----------------------------------------------------------------------------- */

/* Whether all is ours of the own region that can be. */
static bool
is_own_region_ours(const struct tgwvip *t)
{
    const struct tgwplan *p = &t->plan;

    return p->n_ours > 0 && p->n_others + p->n_dead + p->n_missing == 0 &&
           tgwroutes_n_changes(t, 0) == 0;
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
    bool writes = !monitor && ctx->operation != OCF_OP_PROBE;
    int rc = tgwregions_begin(ctx, t, why);
    enum ocf_verdict v = OCF_UNKNOWN;

    if (rc == 0) {
        rc = monitor ? tgwregions_read_all(ctx, t, why) : tgwregions_read_own(ctx, t, why);
    }
    rc = rc < 0 ? rc : tgwroutes_plan(ctx, t, why);
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

/* --- whose it is ---------------------------------------------------------------------------- */

/* Whether a region that answered, and where nothing was left, does not lead here. */
static bool
is_astray(const struct tgwvip *t, size_t region)
{
    return t->regions[region].answered && !pending_has_region(&t->left, t->regions[region].name) &&
           tgwroutes_n_changes(t, region) > 0;
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

/* --- start ----------------------------------------------------------------------------------- */

int
tgwvip_check(const struct tgwvip *t, struct err *e)
{
    for (size_t i = 0; i < t->plan.n_problems; i++) {
        const struct tgwplan_problem *p = &t->plan.problems[i];

        if (p->kind == TGWPLAN_NO_NODE_ROUTE) {
            return err_set(e, ERR_PARAM_LOCAL, "%s: %s", p->region, p->text);
        }
    }
    return 0;
}

/*
 * A monitor that repairs writes in other regions only while it hears all of them: an owner may be
 * in one that it does not.
 */
static bool
writes_elsewhere(const struct ocf_ctx *ctx, const struct tgwvip *t)
{
    return ctx->operation != OCF_OP_MONITOR || tgwregions_have_all_answered(t);
}

/* Make a plan of what is known, and write it; the own region decides. */
static int
plan_and_write(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e)
{
    int rc = tgwroutes_plan(ctx, t, e);

    if (rc == 0 && !writes_elsewhere(ctx, t)) {
        tgwroutes_keep_own(t);
    }
    rc = rc < 0 ? rc : tgwroutes_write(ctx, t, e);
    ctx->idle = ctx->idle && rc == 0 && tgwroutes_n_accepted_own(t) == 0;
    return rc < 0 ? rc : tgwroutes_sum_up_own(ctx, t, e);
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
        rc = tgwregions_read_all(ctx, t, e);
        rc = rc < 0 ? rc : tgwroutes_plan(ctx, t, e);
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

    rc = rc < 0 ? rc : tgwvip_check(t, e);
    rc = rc < 0 ? rc : routeplan_let_pass(ctx, &t->routes, t->nic.eni_id, e);
    ctx->idle = true;
    t->written = false;
    if (rc == 0 && !are_all_asked(t)) {
        rc = plan_and_write(ctx, t, e);
        rc = rc < 0 ? rc : tgwregions_read_others(ctx, t, e);
    }
    rc = rc < 0 ? rc : plan_and_write(ctx, t, e);
    if (rc < 0) {
        return rc;
    }
    if (writes_elsewhere(ctx, t)) { /* else what was left is left as it was */
        tgwleft_store(ctx, t);
    }
    tgwleft_warn(ctx, t);
    t->applied = true;
    return 0;
}

/* --- monitor --------------------------------------------------------------------------------- */

/* Write what was left, and say what holds then. */
static enum ocf_verdict
write_left(struct ocf_ctx *ctx, struct tgwvip *t, enum ocf_verdict v, struct err *why)
{
    const struct tgwplan_change *failed = NULL;
    bool writes = false;
    struct err e = {0};

    tgwleft_keep(t);
    writes = t->plan.n_changes > 0;
    if (tgwroutes_write(ctx, t, &e) < 0) {
        *why = e;
        return OCF_UNKNOWN;
    }
    tgwleft_store(ctx, t);
    for (size_t i = 1; failed == NULL && i < t->n_regions; i++) {
        failed = tgwleft_first_failed(t, i);
    }
    if (failed != NULL) {
        char prefix[TGW_REGION_MAX + AWS_ID_MAX + 4];

        (void)snprintf(prefix, sizeof(prefix), "%s: %s", failed->region, failed->table_id);
        verdict_reason(prefix, &failed->error, e.text);
        (void)err_set(why, ERR_NOT_FOUND, "%s", e.text);
        return OCF_DEGRADED;
    }
    if (tgwroutes_plan(ctx, t, &e) < 0) {
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
    if (is_any_astray(t) && tgwroutes_are_settling(ctx)) {
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
                        tgwroutes_n_changes(t, i));
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

    if (tgwroutes_ask(ctx, t, &e) < 0) {
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
    int rc = tgwregions_begin(ctx, t, &e);

    if (t->nic.eni_id[0] != '\0') {
        vip_preflight_outside_vpc(ctx, &t->vip, &t->nic);
    }
    rc = rc < 0 ? rc : tgwregions_read_all(ctx, t, &e);
    rc = rc < 0 ? rc : tgwroutes_plan(ctx, t, &e);
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
