/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "routeplan.h"

#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct param route_create_rows[] = {
    {.name = "create_routes",
     .type = PARAM_BOOLEAN,
     .flags = PARAM_RELOADABLE,
     .initial = "false",
     .offset = offsetof(struct route_params, create_routes),
     .shortdesc = {"Create missing routes", "無い経路を作成する"},
     .longdesc = {"Create a route that a named route table lacks. Without it a missing route is an "
                  "error, and the message has the command that creates it.",
                  "指定したルートテーブルに無い経路を作成します。false の場合はエラーとし、"
                  "作成するコマンドをメッセージに示します。"}},
    {0},
};

const struct param route_rows[] = {
    {.name = "disable_source_dest_check",
     .type = PARAM_BOOLEAN,
     .flags = PARAM_RELOADABLE,
     .initial = "false",
     .offset = offsetof(struct route_params, disable_source_dest_check),
     .shortdesc = {"Turn the source/dest check off", "送信元/送信先チェックを無効にする"},
     .longdesc = {"Turn the source/destination check of the ENI off at start. With the check on, "
                  "AWS drops what is sent to the address.",
                  "起動時に ENI の送信元/送信先チェックを無効にします。有効なままでは、この"
                  "アドレス宛のパケットを AWS が破棄します。"}},
    {0},
};

/* A plan in the making. */
struct making {
    const struct routeplan_input *in;
    struct routeplan plan;
    size_t n_wrong;
};

void
routeplan_note(char text[ERR_TEXT_MAX], size_t *n, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if ((*n)++ == 0) {
        (void)vsnprintf(text, ERR_TEXT_MAX, format, args);
    }
    va_end(args);
}

void
routeplan_note_rest(char text[ERR_TEXT_MAX], size_t n)
{
    size_t used = strnlen(text, ERR_TEXT_MAX);

    if (n > 1) {
        (void)snprintf(text + used, ERR_TEXT_MAX - used, " (and %zu more)", n - 1);
    }
}

void
routeplan_note_route(char text[ERR_TEXT_MAX], size_t *n, const char *table_id,
                     const struct addr *destination, const char *target, bool blackhole)
{
    char buf[ADDR_TEXT_MAX];

    routeplan_note(text, n, "%s: %s -> %s%s", table_id, addr_cidr_text(destination, buf),
                   target[0] == '\0' ? "nothing" : target, blackhole ? " (blackhole)" : "");
}

static void
add_change(struct making *m, const char *table_id, const struct addr *destination,
           struct ec2_route_change c)
{
    c.destination = *destination;
    c.target = m->in->eni_id;
    (void)snprintf(c.table_id, sizeof(c.table_id), "%s", table_id);
    m->plan.changes[m->plan.n_changes++] = c;
}

static void
note_missing(struct making *m, const char *table_id, const struct addr *destination)
{
    struct routeplan_missing *missing = &m->plan.missing[m->plan.n_missing++];
    char text[ADDR_TEXT_MAX];

    missing->destination = *destination;
    (void)snprintf(missing->table_id, sizeof(missing->table_id), "%s", table_id);
    routeplan_note(m->plan.text, &m->n_wrong,
                   table_id[0] == '\0' ? "no route table%s: %s has a route" : "%s: %s has no route",
                   table_id, addr_cidr_text(destination, text));
    if (m->in->create && table_id[0] != '\0') {
        add_change(m, table_id, destination, (struct ec2_route_change){.create = true});
    }
}

static void
consider(struct making *m, const struct ec2_route_table *t, const struct addr *destination)
{
    const struct ec2_route *r = ec2_find_route(t, destination);

    if (r == NULL) {
        if (m->in->every_table) {
            note_missing(m, t->id, destination);
        }
        return;
    }
    if (strcmp(r->target, m->in->eni_id) == 0 && !r->blackhole) {
        m->plan.n_ours++;
        if (m->in->again) {
            add_change(m, t->id, destination, (struct ec2_route_change){.again = true});
        }
        return;
    }
    if (strcmp(r->target, m->in->eni_id) == 0) {
        m->plan.n_dead++;
    } else {
        m->plan.n_others++;
    }
    routeplan_note_route(m->plan.text, &m->n_wrong, t->id, destination, r->target, r->blackhole);
    add_change(m, t->id, destination, (struct ec2_route_change){0});
}

static bool
in_any_table(const struct routeplan_input *in, const struct addr *destination)
{
    for (size_t i = 0; i < in->tables->n; i++) {
        if (ec2_find_route(&in->tables->tables[i], destination) != NULL) {
            return true;
        }
    }
    return false;
}

static int
note_lost(struct making *m)
{
    int rc = 0;

    for (size_t i = 0; m->in->lost != NULL && rc == 0 && i < m->in->lost->n; i++) {
        const struct known_route *route = &m->in->lost->items[i];
        char text[ADDR_TEXT_MAX];

        routeplan_note(m->plan.text, &m->n_wrong, "%s: " KNOWN_WHAT " %s: " KNOWN_REMEDY,
                       route->table_id, addr_cidr_text(&route->destination, text));
        rc = known_add(&m->plan.lost, route->region, route->table_id, &route->destination);
    }
    return rc;
}

int
routeplan_make(const struct routeplan_input *in, struct routeplan *ret)
{
    struct making m = {.in = in};
    size_t max = (in->tables->n + 1) * in->n_destinations + 1;

    m.plan.changes = calloc(max, sizeof(*m.plan.changes));
    m.plan.missing = calloc(max, sizeof(*m.plan.missing));
    if (m.plan.changes == NULL || m.plan.missing == NULL) {
        routeplan_done(&m.plan);
        return -ERR_NOMEM;
    }
    for (size_t k = 0; k < in->n_destinations; k++) {
        if (!in->every_table && !in_any_table(in, &in->destinations[k])) {
            note_missing(&m, "", &in->destinations[k]);
        }
        for (size_t i = 0; i < in->tables->n; i++) {
            consider(&m, &in->tables->tables[i], &in->destinations[k]);
        }
    }
    if (note_lost(&m) < 0) {
        routeplan_done(&m.plan);
        return -ERR_NOMEM;
    }
    routeplan_note_rest(m.plan.text, m.n_wrong);
    *ret = m.plan;
    return 0;
}

void
routeplan_done(struct routeplan *p)
{
    known_done(&p->lost);
    free(p->changes);
    free(p->missing);
    *p = (struct routeplan){0};
}

enum ocf_verdict
routeplan_verdict(const struct routeplan *p)
{
    size_t n_wrong = p->n_others + p->n_missing + p->n_dead + p->lost.n;

    if (n_wrong == 0) {
        return OCF_HERE;
    }
    if (p->n_ours + p->n_dead > 0) {
        return OCF_DEGRADED;
    }
    return p->n_others > 0 ? OCF_ELSEWHERE : OCF_ABSENT;
}

/* Whether the state has to be read again before the write is repeated or given up. */
static bool
is_open(int code)
{
    enum err_class class = err_class(code);

    return class == ERR_CLASS_UNCERTAIN || class == ERR_CLASS_NOT_FOUND;
}

/* The routes that tables of a region have, of those that are wanted. */
static int
find_known(const struct routeplan_input *in, const char *region, struct known *ret)
{
    int rc = 0;

    for (size_t i = 0; i < in->tables->n; i++) {
        const struct ec2_route_table *t = &in->tables->tables[i];

        for (size_t k = 0; rc == 0 && k < in->n_destinations; k++) {
            if (ec2_find_route(t, &in->destinations[k]) != NULL) {
                rc = known_add(ret, region, t->id, &in->destinations[k]);
            }
        }
    }
    return rc;
}

/* A plan; of tables that are found by their routes, with those that have lost one. */
static int
plan_with_known(const struct ocf_ctx *ctx, const char *region, struct routeplan_input *in,
                struct routeplan *ret)
{
    OCF_CLEANUP(known_done) struct known found = {0};
    OCF_CLEANUP(known_done) struct known lost = {0};
    struct known_look look = {
        .found = &found, .destinations = in->destinations, .n_destinations = in->n_destinations};
    int rc = in->every_table ? 0 : find_known(in, region, &found);

    if (rc == 0 && !in->every_table) {
        rc = known_compare(ctx, &look, &lost);
    }
    in->lost = &lost;
    rc = rc < 0 ? rc : routeplan_make(in, ret);
    in->lost = NULL;
    return rc;
}

int
routeplan_read(struct ocf_ctx *ctx, const struct node_nic *nic, const struct param_ids *ids,
               const struct param_addresses *destinations, bool create, struct routeplan *ret,
               struct err *e)
{
    struct ec2_table_query query = {.vpc_id = nic->vpc_id,
                                    .ids = ids->items,
                                    .n_ids = ids->n,
                                    .destinations = destinations->items,
                                    .n_destinations = destinations->n};
    struct ec2_route_tables tables = {0};
    struct routeplan_input in = {.tables = &tables,
                                 .destinations = destinations->items,
                                 .n_destinations = destinations->n,
                                 .eni_id = nic->eni_id,
                                 .every_table = ids->n > 0,
                                 .create = create,
                                 .again = ocf_is_anew(ctx)};
    struct routeplan plan = {0};
    struct aws_session *aws = NULL;
    int rc = ocf_aws(ctx, &aws, e);

    rc = rc < 0 ? rc : ec2_describe_route_tables(aws, &query, &tables, ctx->deadline, e);
    if (rc < 0) {
        return rc;
    }
    rc = plan_with_known(ctx, aws->region, &in, &plan);
    ec2_route_tables_done(&tables);
    if (rc < 0) {
        return err_set(e, (enum err_code) - rc, "%s", err_text(rc));
    }
    routeplan_done(ret);
    *ret = plan;
    return 0;
}

/* Whether there are missing routes that are not going to be created. */
static bool
lacks_routes(const struct routeplan *p, const struct route_params *params)
{
    return p->n_missing > 0 && (!params->create_routes || p->missing[0].table_id[0] == '\0');
}

const char *
routeplan_create_command(const struct routeplan_missing *missing, const char *region,
                         const char *eni_id, char out[ROUTEPLAN_COMMAND_MAX])
{
    char text[ADDR_TEXT_MAX];

    (void)snprintf(out, ROUTEPLAN_COMMAND_MAX,
                   "aws ec2 create-route%s%s --route-table-id %s --destination-%s %s "
                   "--network-interface-id %s",
                   region[0] == '\0' ? "" : " --region ", region,
                   missing->table_id[0] == '\0' ? "RTB" : missing->table_id,
                   missing->destination.family == AF_INET ? "cidr-block" : "ipv6-cidr-block",
                   addr_cidr_text(&missing->destination, text), eni_id);
    return out;
}

/* The command that creates a missing route. */
static int
tell_missing(const struct routeplan_missing *missing, const char *eni_id, struct err *e)
{
    char command[ROUTEPLAN_COMMAND_MAX];

    return err_set(e, ERR_PARAM, "no route: %s",
                   routeplan_create_command(missing, "", eni_id, command));
}

int
routeplan_check(const struct routeplan *p, const struct route_params *params, const char *eni_id,
                struct err *e)
{
    return lacks_routes(p, params) ? tell_missing(&p->missing[0], eni_id, e) : 0;
}

/* Keep the first of them, with the table that it is of. */
static void
keep_first(struct err *first, const char *table_id, const struct err *error)
{
    if (first->code == 0) {
        *first = *error;
        (void)err_prefix(first, "%s", table_id);
    }
}

void
routeplan_sum_add(struct routeplan_sum *s, const char *table_id, bool again,
                  const struct err *error)
{
    s->n++;
    if (is_open(error->code)) {
        keep_first(&s->open, table_id, error);
        s->unsettled = s->unsettled || again;
    } else if (error->code < 0 && again) {
        s->n_again++;
        keep_first(&s->again, table_id, error);
    } else if (error->code < 0 && s->n_failed++ == 0) {
        s->first = *error;
        (void)snprintf(s->table_id, sizeof(s->table_id), "%s", table_id);
    }
}

int
routeplan_sum_up(struct ocf_ctx *ctx, const struct routeplan_sum *s, struct err *e)
{
    size_t n_failed = s->n_failed + s->n_again;

    if (s->n_failed > 0) {
        *e = s->first;
        (void)err_prefix(e, "%s (%zu of %zu routes failed)", s->table_id, n_failed, s->n);
        e->code = n_failed < s->n ? -ERR_REJECTED : e->code;
        return e->code;
    }
    if (s->open.code < 0) {
        *e = s->open;
        e->code = -ERR_UNCERTAIN;
        return s->unsettled ? ocf_written_again(ctx, e) : e->code;
    }
    if (s->again.code < 0) {
        *e = s->again;
        e->code = ocf_written_again(ctx, &s->again);
        return e->code;
    }
    return 0;
}

/* What became of the writes. */
static int
sum_up(struct ocf_ctx *ctx, const struct routeplan *p, struct err *e)
{
    struct routeplan_sum sum = {.n = 0};

    for (size_t i = 0; i < p->n_changes; i++) {
        const struct ec2_route_change *c = &p->changes[i];
        char text[ADDR_TEXT_MAX];

        log_info("%s: %s -> %s: %s", c->table_id, addr_cidr_text(&c->destination, text), c->target,
                 c->error.code == 0 ? "written" : c->error.text);
        routeplan_sum_add(&sum, c->table_id, c->again, &c->error);
    }
    ctx->idle = sum.n == sum.n_again;
    return routeplan_sum_up(ctx, &sum, e);
}

int
routeplan_let_pass(struct ocf_ctx *ctx, const struct route_params *params, const char *eni_id,
                   struct err *e)
{
    int rc = params->disable_source_dest_check
                 ? ec2_set_source_dest_check(&ctx->session, eni_id, false, false, ctx->deadline, e)
                 : 0;

    if (err_class(rc) == ERR_CLASS_UNCERTAIN) {
        ctx->unsettled = ocf_is_anew(ctx); /* no route was written yet */
    }
    return rc;
}

int
routeplan_apply(struct ocf_ctx *ctx, struct routeplan *p, const struct route_params *params,
                const char *eni_id, struct err *e)
{
    int rc = routeplan_check(p, params, eni_id, e);

    rc = rc < 0 ? rc : routeplan_let_pass(ctx, params, eni_id, e);
    ctx->idle = p->n_changes == 0;
    if (rc < 0 || ctx->idle) {
        return rc;
    }
    for (size_t i = 0; i < p->n_changes; i++) {
        p->changes[i].within_ms = p->changes[i].again ? ctx->aws_params->api_timeout_ms : 0;
    }
    rc = ec2_change_routes(&ctx->session, p->changes, p->n_changes, false, ctx->deadline);
    if (rc == -ERR_CANCELLED || rc == -ERR_NOMEM) {
        return err_set(e, (enum err_code) - rc, "%s", err_text(rc));
    }
    return sum_up(ctx, p, e);
}

/* Whether each planned write would be allowed; without any, there is none to ask about. */
static void
preflight_writes(struct ocf_ctx *ctx, struct routeplan *p)
{
    if (p->n_changes > 0 && ec2_change_routes(&ctx->session, p->changes, p->n_changes, true,
                                              ctx->deadline) == -ERR_NOMEM) {
        ocf_finding(ctx, -ERR_NOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < p->n_changes; i++) {
        char text[ADDR_TEXT_MAX];
        char what[AWS_ID_MAX + ADDR_TEXT_MAX + 32];

        (void)snprintf(what, sizeof(what), "%s of %s in %s",
                       p->changes[i].create ? "CreateRoute" : "ReplaceRoute",
                       addr_cidr_text(&p->changes[i].destination, text), p->changes[i].table_id);
        ocf_finding_of(ctx, what, &p->changes[i].error);
    }
}

enum ocf_verdict
routeplan_check_eni(struct ocf_ctx *ctx, const char *eni_id, struct err *why)
{
    struct ec2_eni eni = {0};

    if (ec2_describe_eni(&ctx->session, eni_id, &eni, ctx->deadline, why) < 0) {
        return OCF_UNKNOWN;
    }
    if (eni.source_dest_check) {
        (void)err_set(why, ERR_PARAM_LOCAL,
                      "source/dest check of %s is on: set disable_source_dest_check=true, or turn "
                      "it off by hand",
                      eni_id);
        return OCF_DEGRADED;
    }
    return OCF_HERE;
}

void
routeplan_preflight_eni(struct ocf_ctx *ctx, const struct route_params *params, const char *eni_id)
{
    struct err e = {0};

    if (params->disable_source_dest_check) {
        (void)!ec2_set_source_dest_check(&ctx->session, eni_id, false, true, ctx->deadline, &e);
        ocf_finding_of(ctx, "ec2:ModifyNetworkInterfaceAttribute", &e);
    } else if (routeplan_check_eni(ctx, eni_id, &e) == OCF_HERE) {
        ocf_finding(ctx, 0, "source/dest check of %s is off", eni_id);
    } else {
        ocf_finding_of(ctx, "source/dest check", &e);
    }
}

void
routeplan_preflight(struct ocf_ctx *ctx, struct routeplan *p, const struct route_params *params,
                    const char *eni_id)
{
    bool lacking = lacks_routes(p, params);

    for (size_t i = 0; lacking && i < p->n_missing; i++) {
        struct err e = {0};

        (void)tell_missing(&p->missing[i], eni_id, &e);
        ocf_finding(ctx, -ERR_PARAM, "%s", e.text);
    }
    for (size_t i = 0; i < p->lost.n; i++) {
        char text[ADDR_TEXT_MAX];

        ocf_finding(ctx, -ERR_CONFLICT, "%s: " KNOWN_WHAT " %s: " KNOWN_REMEDY,
                    p->lost.items[i].table_id, addr_cidr_text(&p->lost.items[i].destination, text));
    }
    if (!lacking) {
        ocf_finding(ctx, 0, "routes: %zu here, %zu elsewhere, %zu to create", p->n_ours,
                    p->n_others + p->n_dead, p->n_missing);
    }
    preflight_writes(ctx, p);
    routeplan_preflight_eni(ctx, params, eni_id);
}
