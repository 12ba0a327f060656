/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ocf.h"

#include "awstime.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define MARGIN_MIN_MS  500   /* what is left of the timeout when the answer is given ... */
#define MARGIN_DIVISOR 20    /* ... or a twentieth of it, when that is more */
#define POLL_FIRST_MS  200   /* until what was accepted can be seen, the pause doubles ... */
#define POLL_MAX_MS    2000  /* ... up to this */
#define CONFIRM_MS     2000  /* before a loss that only AWS tells of is believed, it is ... */
#define CONFIRM_TIMES  3     /* ... read again so often: one read may lag behind a write */
#define LET_GO_MS      10000 /* what a stop spends on AWS at most */
#define METADATA_MAX   262144
#define REASON_PREFIX  "ocf-exit-reason:"
#define UNKNOWN_KEY    "unknown-since"

/*
 * Deeper monitors are not advertised: pcs would add each to every new resource, and with it calls
 * and permissions that the user did not ask for. OCF_CHECK_LEVEL of an operation asks for them.
 */
const struct meta_action ocf_standard_actions[] = {
    {.name = "start", .timeout_s = 180},
    {.name = "stop", .timeout_s = 30},
    {.name = "monitor", .timeout_s = 30, .interval_s = 10},
    {.name = "reload-agent", .timeout_s = 60},
    {.name = "validate-all", .timeout_s = 30},
    {.name = "meta-data", .timeout_s = 5},
    {0},
};

/* --- what the user sees -------------------------------------------------------------------- */

static const char *
get_environment(const char *name)
{
    return getenv(name);
}

static const char *
operation_name(enum ocf_operation operation)
{
    switch (operation) {
    case OCF_OP_START:
        return "start";
    case OCF_OP_STOP:
        return "stop";
    case OCF_OP_MONITOR:
        return "monitor";
    case OCF_OP_PROBE:
        return "probe";
    case OCF_OP_RELOAD:
        return "reload-agent";
    case OCF_OP_VALIDATE:
        return "validate-all";
    }
    return "action";
}

/* One line for the log, and the exit reason that crm_mon shows; before it what does not fit in. */
static void
tell(const struct ocf_ctx *ctx, int priority, const char *prefix, const struct err *e)
{
    char reason[VERDICT_REASON_MAX + 1];

    if (strlen(prefix) + strlen(": ") + strlen(e->text) > VERDICT_REASON_MAX) {
        (void)fprintf(stderr, "%s: %s\n", prefix, e->text);
    }
    verdict_reason(prefix, e, reason);
    (void)fprintf(stderr, REASON_PREFIX "%s\n", reason);
    log_at(priority, "%s: %s: %s%s%s%s%s", operation_name(ctx->operation), prefix, e->text,
           e->aws_code[0] != '\0' ? " code=" : "", e->aws_code,
           e->request_id[0] != '\0' ? " request=" : "", e->request_id);
}

void
ocf_warn(const struct ocf_ctx *ctx, const char *prefix, const struct err *e)
{
    char reason[VERDICT_REASON_MAX + 1];

    if (err_class(e->code) == ERR_CLASS_CONFIG) {
        (void)fprintf(stderr, "WARNING: %s: %s\n", prefix, e->text); /* it names the remedy */
    } else {
        verdict_reason(prefix, e, reason);
        (void)fprintf(stderr, "WARNING: %s\n", reason);
    }
    log_warning("%s: %s: %s%s%s", operation_name(ctx->operation), prefix, e->text,
                e->request_id[0] != '\0' ? " request=" : "", e->request_id);
}

bool
ocf_is_anew(const struct ocf_ctx *ctx)
{
    return ctx->operation == OCF_OP_START && (ctx->local == OCF_ABSENT || ctx->unsettled);
}

int
ocf_written_again(struct ocf_ctx *ctx, const struct err *e)
{
    enum err_class class = err_class(e->code);

    ctx->unsettled = class == ERR_CLASS_UNCERTAIN || class == ERR_CLASS_NOT_FOUND;
    if (ctx->unsettled) {
        return -ERR_UNCERTAIN;
    }
    if (class == ERR_CLASS_NONE || e->code == -ERR_CANCELLED) {
        return e->code;
    }
    ocf_warn(ctx, "here by what AWS shows, which could not be written again", e);
    return 0;
}

bool
ocf_finding(struct ocf_ctx *ctx, int code, const char *format, ...)
{
    int exit_code = verdict_exit_code_of_error(code);
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    err_one_line(text);
    (void)fprintf(stderr, "%s: %s\n", exit_code == PCMK_OCF_OK ? "ok" : "ERROR", text);
    if (exit_code <= ctx->worst_finding) {
        return false;
    }
    ctx->worst_finding = exit_code;
    (void)snprintf(ctx->worst_text, sizeof(ctx->worst_text), "%s", text);
    return true;
}

void
ocf_finding_of(struct ocf_ctx *ctx, const char *fine, const struct err *e)
{
    char text[ERR_TEXT_MAX];

    if (e->code == 0) {
        ocf_finding(ctx, 0, "%s", fine);
        return;
    }
    if (err_class(e->code) == ERR_CLASS_CONFIG) {
        ocf_finding(ctx, e->code, "%s", e->text); /* it names parameter, value and remedy itself */
        return;
    }
    verdict_line(fine, e, text, sizeof(text));
    if (ocf_finding(ctx, e->code, "%s", text)) {
        verdict_reason(fine, e, ctx->worst_text); /* one that fits is not cut */
    }
}

/* --- set-up -------------------------------------------------------------------------------- */

int
ocf_key(const struct ocf_ctx *ctx, const char *what, struct buf *ret, struct err *e)
{
    int rc = buf_addf(ret, "%s %s %s", what, ctx->agent->meta.name, ctx->instance);

    return rc < 0 ? err_set(e, (enum err_code) - rc, "%s", err_text(rc)) : 0;
}

void
ocf_time_note(const struct ocf_ctx *ctx, const char *what)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(32);
    unsigned long long now_ms = deadline_now_ms(ctx->deadline);

    if (ocf_key(ctx, what, &key, NULL) == 0 && buf_addf(&text, "%llu", now_ms) == 0) {
        cache_put(&ctx->cache, buf_str(&key), text.data, text.len);
    }
}

bool
ocf_time_since(const struct ocf_ctx *ctx, const char *what, uint64_t *ret_ms)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT(32);
    uint64_t now_ms = deadline_now_ms(ctx->deadline);
    uint64_t at_ms = 0;

    if (ocf_key(ctx, what, &key, NULL) < 0 || !cache_get(&ctx->cache, buf_str(&key), &text) ||
        !param_parse_number(buf_str(&text), &at_ms) || at_ms > now_ms) {
        return false;
    }
    *ret_ms = now_ms - at_ms;
    return true;
}

/* The parameter, else the environment variable when it is not empty, else the last resort. */
static const char *
setting(const char *parameter, const char *variable, const char *otherwise)
{
    const char *value = parameter != NULL ? parameter : getenv(variable);

    return value == NULL || *value == '\0' ? otherwise : value;
}

static int
open_transport(struct ocf_ctx *ctx, struct err *e)
{
    const struct aws_params *p = ctx->aws_params;
    int rc = 0;

    ctx->http_options.proxy = p->proxy;
    ctx->http_options.ca_file = setting(p->ca_file, "AWS_CA_BUNDLE", NULL);
    rc = http_new(&ctx->http_options, &ctx->http, e);
    if (rc == 0) {
        ctx->transport = http_transport(ctx->http);
    }
    return rc;
}

bool
ocf_is_standby(const struct ocf_ctx *ctx)
{
    return ctx->operation == OCF_OP_MONITOR && ctx->everything;
}

int
ocf_node(struct ocf_ctx *ctx, struct node **ret, struct err *e)
{
    if (ctx->transport.perform == NULL) {
        int rc = open_transport(ctx, e);

        if (rc < 0) {
            return rc;
        }
    }
    if (ctx->node.cache == NULL) {
        ctx->node.cache = &ctx->cache;
        imds_init(&ctx->node.imds, &ctx->transport, &ctx->cache,
                  setting(ctx->aws_params->metadata_url, "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                          IMDS_DEFAULT_URL));
    }
    *ret = &ctx->node;
    return 0;
}

int
ocf_nic(struct ocf_ctx *ctx, const char *interface, struct node_nic *ret, struct err *e)
{
    struct node *node = NULL;
    int rc = ocf_node(ctx, &node, e);

    return rc < 0 ? rc : node_nic(node, interface, ctx->deadline, ret, e);
}

/* Another region that was asked for, in a list. */
struct ocf_remote {
    struct ocf_remote *next;
    char region[AWS_REGION_MAX];
    struct aws_session session;
    struct creds creds; /* not used when the role is that of another session */
};

static void
init_creds(struct ocf_ctx *ctx, struct creds *c, const char *role_arn)
{
    const struct aws_params *p = ctx->aws_params;

    c->options = (struct creds_options){.profile = p->profile,
                                        .credentials_file = p->credentials_file,
                                        .role_arn = role_arn,
                                        .external_id = p->external_id};
    c->session = &ctx->session;
    c->transport = &ctx->transport;
    c->imds = &ctx->node.imds;
    c->cache = &ctx->cache;
    c->getenv = get_environment;
}

int
ocf_aws(struct ocf_ctx *ctx, struct aws_session **ret, struct err *e)
{
    const struct aws_params *p = ctx->aws_params;
    struct node *node = NULL;
    int rc = ocf_node(ctx, &node, e);

    if (rc < 0 || ctx->session.region != NULL) {
        *ret = &ctx->session;
        return rc;
    }
    if (p->region == NULL) {
        rc = node_region(node, ctx->deadline, &ctx->region, e);
        if (rc < 0) {
            return rc;
        }
    }
    ctx->session = (struct aws_session){
        .transport = ctx->transport,
        .credentials = {.get = creds_get, .denied = creds_denied, .arg = &ctx->creds},
        .region = p->region != NULL ? p->region : buf_str(&ctx->region),
        .endpoint_url = p->endpoint_url,
        .getenv = get_environment,
        .cache = &ctx->cache,
        .attempt_ms = p->api_timeout_ms,
        .skew_s = awstime_skew(&ctx->cache, ctx->deadline),
    };
    init_creds(ctx, &ctx->creds, param_role(&p->role_arn, ctx->session.region));
    *ret = &ctx->session;
    return 0;
}

static bool
has_role(const struct creds *c, const char *role_arn)
{
    const char *other = c->options.role_arn;

    return other == role_arn || (other != NULL && role_arn != NULL && strcmp(other, role_arn) == 0);
}

/* Share the credentials of a session with the same role (NULL: none), if there is one. */
static void
set_credentials(struct ocf_ctx *ctx, struct ocf_remote *new)
{
    const char *role_arn = new->creds.options.role_arn;

    if (has_role(&ctx->creds, role_arn)) {
        new->session.credentials = ctx->session.credentials;
        return;
    }
    for (const struct ocf_remote *r = ctx->remotes; r != NULL; r = r->next) {
        if (has_role(&r->creds, role_arn)) {
            new->session.credentials = r->session.credentials;
            return;
        }
    }
    new->session.credentials = (struct aws_credentials_source){
        .get = creds_get, .denied = creds_denied, .arg = &new->creds};
}

int
ocf_aws_in(struct ocf_ctx *ctx, const char *region, struct aws_session **ret, struct err *e)
{
    struct aws_session *own = NULL;
    struct ocf_remote *new = NULL;
    int rc = ocf_aws(ctx, &own, e);

    if (rc < 0) {
        return rc;
    }
    if (strcmp(own->region, region) == 0) {
        *ret = own;
        return 0;
    }
    for (struct ocf_remote *r = ctx->remotes; r != NULL; r = r->next) {
        if (strcmp(r->region, region) == 0) {
            *ret = &r->session;
            return 0;
        }
    }
    new = calloc(1, sizeof(*new));
    if (new == NULL) {
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    (void)snprintf(new->region, sizeof(new->region), "%s", region);
    new->session = *own;
    new->session.region = new->region;
    new->session.generation = 0;
    creds_init(&new->creds);
    init_creds(ctx, &new->creds, param_role(&ctx->aws_params->role_arn, region));
    set_credentials(ctx, new);
    new->next = ctx->remotes;
    ctx->remotes = new;
    *ret = &new->session;
    return 0;
}

void
ocf_aws_done(struct ocf_ctx *ctx)
{
    while (ctx->remotes != NULL) {
        struct ocf_remote *r = ctx->remotes;

        ctx->remotes = r->next;
        creds_done(&r->creds);
        free(r);
    }
    creds_done(&ctx->creds);
}

enum ocf_verdict
ocf_probe_by_imds(struct ocf_ctx *ctx, enum ocf_verdict local, bool (*shown)(struct ocf_ctx *ctx),
                  enum ocf_verdict (*ask)(struct ocf_ctx *ctx, struct err *why), struct err *why)
{
    struct err remote = {0};
    enum ocf_verdict v = OCF_UNKNOWN;

    if (local != OCF_HERE && !ctx->everything) {
        return local;
    }
    if (!ctx->everything && ctx->depth < 10) {
        struct deadline all = ctx->deadline;
        bool here = false;

        /* A silent IMDS must leave time for AWS. */
        ctx->deadline = deadline_cap(all, deadline_left_ms(all) / 2);
        here = shown(ctx);
        ctx->deadline = all;
        if (here) {
            return local;
        }
    }
    v = ask(ctx, &remote);
    if (v == OCF_HERE) {
        return local;
    }
    *why = remote;
    return v;
}

enum ocf_verdict
ocf_settled_by_aws(const struct ocf_ctx *ctx, const struct err *unsure, enum ocf_verdict v,
                   struct err *why)
{
    if (ctx->local != OCF_UNKNOWN || v == OCF_ELSEWHERE || v == OCF_ABSENT) {
        return v;
    }
    *why = *unsure;
    return OCF_UNKNOWN;
}

/* --- monitor ------------------------------------------------------------------------------- */

/* Whether AWS has been silent for longer than unknown_limit; the first silence is written down. */
static bool
silent_for_too_long(const struct ocf_ctx *ctx)
{
    uint64_t ago_ms = 0;

    if (ctx->aws_params->unknown_limit_ms == 0) {
        return false;
    }
    if (ocf_time_since(ctx, UNKNOWN_KEY, &ago_ms)) {
        return ago_ms >= ctx->aws_params->unknown_limit_ms;
    }
    ocf_time_note(ctx, UNKNOWN_KEY);
    return false;
}

static void
forget_silence(const struct ocf_ctx *ctx)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);

    if (ctx->aws_params->unknown_limit_ms > 0 && ocf_key(ctx, UNKNOWN_KEY, &key, NULL) == 0) {
        cache_drop(&ctx->cache, buf_str(&key));
    }
}

/* What the cluster keeps stopped here is stopped as long as nothing shows that it runs. */
static int
monitor_unknown(struct ocf_ctx *ctx, const struct err *why)
{
    int code = verdict_exit_code(OCF_UNKNOWN, ctx->operation, ctx->local,
                                 (enum awsparam_on_unknown)ctx->aws_params->on_unknown);

    if (why->code == -ERR_CANCELLED) {
        code = PCMK_OCF_UNKNOWN_ERROR;
    } else if (ocf_is_standby(ctx)) {
        code = PCMK_OCF_NOT_RUNNING;
    } else if (ctx->operation == OCF_OP_MONITOR && silent_for_too_long(ctx)) {
        code = PCMK_OCF_UNKNOWN_ERROR;
        tell(ctx, LOG_ERR, "unknown_limit is over", why);
        return code;
    }
    tell(ctx, LOG_WARNING, ctx->local == OCF_UNKNOWN ? "cannot tell" : "cannot ask AWS", why);
    return code;
}

/* Put right the part that drifted, and look again. */
static enum ocf_verdict
repair(struct ocf_ctx *ctx, struct err *why)
{
    struct err e = {0};
    int rc = 0;

    log_notice("monitor: %s; repairing, as on_drift=repair says", why->text);
    rc = ctx->agent->acquire(ctx, &e);
    if (rc < 0 && err_class(rc) != ERR_CLASS_UNCERTAIN) {
        log_warning("monitor: repair failed: %s", e.text);
        return OCF_DEGRADED;
    }
    if (rc < 0) {
        log_info("monitor: %s; looking whether it was done", e.text);
    }
    return ctx->agent->probe(ctx, why);
}

/*
 * All is here as far as this node knows, and AWS says that another has it. EC2's reads may lag a
 * write by seconds: a healthy service must not be stopped for one of them, nor for two with no time
 * between them. That is left to the next monitor when the time is short.
 */
static enum ocf_verdict
confirm_loss(struct ocf_ctx *ctx, enum ocf_verdict v, struct err *why)
{
    for (unsigned i = 0;
         i < CONFIRM_TIMES && ctx->local != OCF_ABSENT && (v == OCF_ELSEWHERE || v == OCF_ABSENT);
         i++) {
        int rc = 0;

        log_info("%s: %s; reading again", operation_name(ctx->operation), why->text);
        rc = deadline_sleep(ctx->deadline, CONFIRM_MS);
        if (rc == -ERR_CANCELLED) {
            (void)err_set(why, ERR_CANCELLED, "asked to end before a loss was confirmed");
            return OCF_UNKNOWN;
        }
        if (rc < 0 && i == 0) {
            char seen[ERR_TEXT_MAX];

            (void)snprintf(seen, sizeof(seen), "%s", why->text);
            (void)err_set(why, ERR_DEADLINE, "no time to confirm, raise the timeout: %s", seen);
            return OCF_UNKNOWN;
        }
        if (rc < 0) {
            break;
        }
        v = ctx->agent->probe(ctx, why);
    }
    return v;
}

static int
do_monitor(struct ocf_ctx *ctx)
{
    bool may_write = ctx->operation == OCF_OP_MONITOR && !ocf_is_standby(ctx);
    struct err why = {0};
    enum ocf_verdict v = ctx->agent->probe(ctx, &why);

    if (ctx->local == OCF_ABSENT && v != OCF_ABSENT) {
        /* Whatever AWS says, or does not. */
        log_debug("monitor: not here; %s", why.text);
        (void)err_set(&why, ERR_NOT_FOUND, "not on this node");
        v = OCF_ABSENT;
    }
    v = confirm_loss(ctx, v, &why);
    if (may_write && ctx->agent->finish != NULL) {
        v = ctx->agent->finish(ctx, v, &why);
    }
    if (may_write && v == OCF_DEGRADED && ctx->aws_params->on_drift == ON_DRIFT_REPAIR) {
        v = confirm_loss(ctx, repair(ctx, &why), &why);
    }
    switch (v) {
    case OCF_UNKNOWN:
        return monitor_unknown(ctx, &why);
    case OCF_HERE:
    case OCF_SETTLING:
        log_debug("%s: here", operation_name(ctx->operation));
        break;
    case OCF_DEGRADED:
    case OCF_FAILED:
    case OCF_ELSEWHERE:
    case OCF_ABSENT:
        (void)fprintf(stderr, REASON_PREFIX "%.*s\n", base_utf8_fit(why.text, VERDICT_REASON_MAX),
                      why.text);
        log_info("%s: %s: %s", operation_name(ctx->operation), verdict_name(v), why.text);
        break;
    }
    forget_silence(ctx);
    return verdict_exit_code(v, ctx->operation, ctx->local,
                             (enum awsparam_on_unknown)ctx->aws_params->on_unknown);
}

/* --- start, stop, reload-agent ------------------------------------------------------------- */

/* The state of a start between two probes. */
struct start {
    bool accepted;  /* an acquire was accepted, and its effect is awaited */
    bool fruitless; /* the last one had nothing to ask for, or it is open whether it was done ... */
    struct err open; /* ... for this reason */
    bool settling;   /* it was seen to be here, and AWS is still spreading it */
    uint64_t accepted_ms;
    uint64_t pause_ms;
};

/* Errors that no waiting mends: told at once, so that the operator need not wait for them. */
static bool
is_final(int code)
{
    switch (err_class(code)) {
    case ERR_CLASS_CONFIG:
    case ERR_CLASS_DENIED:
    case ERR_CLASS_BUG:
        return true;
    case ERR_CLASS_ENVIRONMENT:
        return code != -ERR_TLS; /* a certificate may be in the middle of its renewal */
    case ERR_CLASS_NONE:
    case ERR_CLASS_AUTH:
    case ERR_CLASS_NOT_FOUND:
    case ERR_CLASS_CONFLICT:
    case ERR_CLASS_THROTTLED:
    case ERR_CLASS_TRANSIENT:
    case ERR_CLASS_UNCERTAIN:
    case ERR_CLASS_PROTOCOL:
    case ERR_CLASS_DEADLINE:
        return false;
    }
    return true;
}

/*
 * Acquire unless it was just done. An answer that was lost is looked for before it is repeated.
 * Where nothing was written the read before may have been stale: the next one is acted on at once,
 * but not the one after that.
 */
static int
take_over(struct ocf_ctx *ctx, struct start *s, struct err *why)
{
    uint64_t now_ms = deadline_now_ms(ctx->deadline);
    struct err e = {0};
    int rc = 0;

    if (s->accepted && now_ms - s->accepted_ms < OCF_SETTLE_MS) {
        return 0;
    }
    ctx->idle = false;
    rc = ctx->agent->acquire(ctx, &e);
    ctx->unsettled = ctx->unsettled && rc < 0;
    s->accepted = rc == 0 && !ctx->idle;
    s->accepted_ms = now_ms;
    s->pause_ms = !s->accepted && s->fruitless ? s->pause_ms : 0;
    s->fruitless = !s->accepted;
    s->open = e;
    if (rc < 0 && err_class(rc) != ERR_CLASS_UNCERTAIN) {
        *why = e;
        return rc;
    }
    if (rc < 0) {
        log_info("start: %s; looking whether it was done", e.text);
    }
    return 0;
}

static int
pause_until_next(struct ocf_ctx *ctx, struct start *s)
{
    int rc = s->pause_ms == 0 ? 0 : deadline_sleep(ctx->deadline, s->pause_ms);

    s->pause_ms = s->pause_ms == 0 ? POLL_FIRST_MS : s->pause_ms * 2;
    if (s->pause_ms > POLL_MAX_MS) {
        s->pause_ms = POLL_MAX_MS;
    }
    return rc;
}

/* The time is over, or we were asked to end. */
static int
end_waiting(const struct ocf_ctx *ctx, const struct start *s, int rc, struct err *why)
{
    if (rc == -ERR_DEADLINE && s->settling) {
        ocf_warn(ctx, "accepted, and here", why);
        return 0;
    }
    /* Why a write is open, or what was seen last, says more than that the time is over. */
    if (rc == -ERR_DEADLINE && s->open.code < 0) {
        *why = s->open;
    }
    why->code = why->code == 0 || rc == -ERR_CANCELLED ? rc : why->code;
    return rc;
}

/* Whether our deadline ended a call, or kept it from being made at all. */
static bool
is_cut_short(const struct ocf_ctx *ctx, const struct err *why)
{
    return why->code == -ERR_DEADLINE ||
           (why->code == -ERR_TIMEOUT && deadline_left_ms(ctx->deadline) == 0);
}

/* 0 when all is here, else why not. */
static int
bring_here(struct ocf_ctx *ctx, struct err *why)
{
    struct start s = {.pause_ms = POLL_FIRST_MS};
    int rc = 0;

    for (;;) {
        struct err before = *why;
        enum ocf_verdict v = ctx->agent->probe(ctx, why);

        if (v == OCF_HERE && !ctx->unsettled) {
            return 0;
        }
        if (before.code < 0 && is_cut_short(ctx, why)) {
            *why = before; /* it says more */
        }
        if (v == OCF_UNKNOWN && is_final(why->code)) {
            return why->code;
        }
        s.open.code = v == OCF_UNKNOWN ? 0 : s.open.code;
        s.settling = v == OCF_SETTLING || (v == OCF_UNKNOWN && s.settling);
        if (v == OCF_UNKNOWN && err_class(why->code) == ERR_CLASS_THROTTLED) {
            /* The call was repeated while its pauses fitted in: not all over again, and faster. */
            return end_waiting(ctx, &s, -ERR_DEADLINE, why);
        }
        if (v != OCF_UNKNOWN && v != OCF_SETTLING) {
            rc = take_over(ctx, &s, why);
            if (rc < 0) {
                return rc;
            }
        }
        rc = pause_until_next(ctx, &s);
        if (rc < 0) {
            return end_waiting(ctx, &s, rc, why);
        }
    }
}

static int
do_start(struct ocf_ctx *ctx)
{
    struct err why = {0};
    uint64_t begun_ms = deadline_now_ms(ctx->deadline);
    int rc = bring_here(ctx, &why);

    if (rc < 0) {
        tell(ctx, LOG_ERR, rc == -ERR_DEADLINE ? "not done in time" : "start failed", &why);
        return verdict_exit_code_of_error(rc == -ERR_DEADLINE || why.code == 0 ? rc : why.code);
    }
    forget_silence(ctx); /* one that began before it */
    log_notice("start: here after %llu ms",
               (unsigned long long)(deadline_now_ms(ctx->deadline) - begun_ms));
    return PCMK_OCF_OK;
}

/* What is left at AWS is the next owner's to take: only the wish to end makes this fail. */
static int
let_go(struct ocf_ctx *ctx, struct err *e)
{
    int rc = 0;

    if (ctx->agent->let_go == NULL) {
        return 0;
    }
    ctx->deadline = deadline_cap(ctx->deadline, LET_GO_MS);
    rc = ctx->agent->let_go(ctx, e);
    if (rc < 0 && rc != -ERR_CANCELLED) {
        ocf_warn(ctx, "stopped; left at AWS", e);
        return 0;
    }
    return rc;
}

static int
do_stop(struct ocf_ctx *ctx)
{
    struct err e = {0};
    int rc = ctx->agent->release(ctx, &e);

    rc = rc < 0 ? rc : let_go(ctx, &e);
    if (rc < 0) {
        tell(ctx, LOG_ERR, "stop failed", &e);
        return PCMK_OCF_UNKNOWN_ERROR;
    }
    log_notice("stop: released");
    return PCMK_OCF_OK;
}

/*
 * A change of reloadable parameters. The service runs on whatever comes of it: that AWS cannot be
 * asked now, or does not have what the new ones name, is the next monitor's business, not a reason
 * to restart, and even less to stop on all nodes.
 */
static int
do_reload(struct ocf_ctx *ctx)
{
    struct err why = {0};
    int rc = 0;

    (void)ctx->agent->probe(ctx, &why);
    if (ctx->local == OCF_ABSENT) {
        tell(ctx, LOG_ERR, "not running", &why);
        return PCMK_OCF_NOT_RUNNING;
    }
    rc = bring_here(ctx, &why);
    if (rc < 0) {
        tell(ctx, LOG_WARNING, "not yet in effect", &why);
    } else {
        log_notice("reload-agent: in effect");
    }
    return PCMK_OCF_OK;
}

/* --- validate-all -------------------------------------------------------------------------- */

/* Names that Pacemaker and the standard put beside the parameters. */
static bool
is_foreign(const char *name)
{
    static const char *const names[] = {"CRM_meta_", "OCF_CHECK_LEVEL", "crm_feature_set",
                                        "trace_ra",  "trace_file",      "__"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* A parameter with a spelling error is silently not set: say so. */
static void
warn_of_unknown(const struct ocf_agent *agent)
{
    for (char **entry = environ; *entry != NULL; entry++) {
        const char *name = *entry + strlen(PARAM_PREFIX);
        struct err text = {0};
        char bare[64];
        const char *near = NULL;

        if (strncmp(*entry, PARAM_PREFIX, strlen(PARAM_PREFIX)) != 0 || is_foreign(name)) {
            continue;
        }
        (void)snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(name, "="), name);
        if (param_known(agent->meta.tables, bare)) {
            continue;
        }
        near = param_nearest(agent->meta.tables, bare);
        if (near == NULL) { /* its value may be a secret of another program's */
            (void)err_set(&text, ERR_PARAM, "%s: %s has no such parameter", bare, agent->meta.name);
        } else {
            (void)err_set(
                &text, ERR_PARAM, "%s=\"%.60s\": %s has no such parameter; did you mean %s?", bare,
                strchr(name, '=') == NULL ? "" : strchr(name, '=') + 1, agent->meta.name, near);
        }
        (void)fprintf(stderr, "WARNING: %s\n", text.text);
        log_warning("validate-all: %s has no parameter %s", agent->meta.name, bare);
    }
}

/* The signature hides the keys, and nothing hides the session token and what is asked for. */
static void
warn_of_clear_url(const char *name, const char *url)
{
    const char *rest = base_after_user(url);

    if (strncasecmp(url, "http://", 7) == 0) {
        (void)fprintf(stderr,
                      "WARNING: %s=\"%s%.100s\": requests go there unencrypted, with the session "
                      "token: use https://\n",
                      name, rest == NULL ? "" : "http://...@", rest == NULL ? url : rest);
        log_warning("validate-all: %s: requests to AWS are not encrypted", name);
    }
}

/* The parameter comes before the environment, which may have a URL for each service, too. */
static void
warn_of_clear_text(const struct ocf_ctx *ctx)
{
    static const char prefix[] = "AWS_ENDPOINT_URL";

    if (ctx->aws_params->endpoint_url != NULL) {
        warn_of_clear_url("endpoint_url", ctx->aws_params->endpoint_url);
        return;
    }
    for (char **entry = environ; *entry != NULL; entry++) {
        const char *value = strchr(*entry, '=');
        char name[64];

        if (value != NULL && strncmp(*entry, prefix, strlen(prefix)) == 0) {
            (void)snprintf(name, sizeof(name), "%.*s", (int)(value - *entry), *entry);
            warn_of_clear_url(name, value + 1);
        }
    }
}

static int
do_validate(struct ocf_ctx *ctx)
{
    warn_of_unknown(ctx->agent);
    warn_of_clear_text(ctx);
    if (ctx->depth >= 10 && ctx->agent->preflight != NULL) {
        ctx->agent->preflight(ctx);
        if (ctx->worst_finding != PCMK_OCF_OK) {
            (void)fprintf(stderr, REASON_PREFIX "%.*s\n",
                          base_utf8_fit(ctx->worst_text, VERDICT_REASON_MAX), ctx->worst_text);
        }
    }
    return ctx->worst_finding;
}

/* --- dispatch ------------------------------------------------------------------------------ */

struct handler {
    const char *name;
    enum ocf_operation operation;
    int (*run)(struct ocf_ctx *ctx);
};

static const struct handler handlers[] = {
    {"start", OCF_OP_START, do_start},
    {"stop", OCF_OP_STOP, do_stop},
    {"monitor", OCF_OP_MONITOR, do_monitor},
    {"reload-agent", OCF_OP_RELOAD, do_reload},
    {"validate-all", OCF_OP_VALIDATE, do_validate},
};

/*
 * Wrong parameters. A stop must not fail for them, or the cluster would fence a node for a
 * spelling error: what can be read is released, and nothing was started under the rest.
 */
static int
refuse(struct ocf_ctx *ctx, const struct err *e)
{
    if (ctx->operation == OCF_OP_STOP) {
        log_warning("stop: %s", e->text);
        return do_stop(ctx);
    }
    tell(ctx, LOG_ERR, "configuration", e);
    return verdict_exit_code_of_error(e->code);
}

static bool
is_check_due(const struct ocf_ctx *ctx)
{
    return ctx->agent->check != NULL &&
           (ctx->operation == OCF_OP_START || ctx->operation == OCF_OP_VALIDATE ||
            ctx->operation == OCF_OP_RELOAD);
}

static int
run(struct ocf_ctx *ctx, const struct handler *handler)
{
    struct err e = {0};
    int rc = param_load(ctx->agent->meta.tables, get_environment, ctx->params, &e);

    if (rc == 0 && is_check_due(ctx)) {
        rc = ctx->agent->check(ctx, &e);
    }
    return rc < 0 ? refuse(ctx, &e) : handler->run(ctx);
}

/* A number that Pacemaker put into the environment; `otherwise` when it did not. */
static uint64_t
environment_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t value = 0;

    return text != NULL && param_parse_number(text, &value) ? value : otherwise;
}

/* The deadline is nearer than the timeout: Pacemaker kills whoever has not answered by then. */
static struct deadline
action_deadline(const struct ocf_agent *agent, const char *action, int cancel_fd)
{
    const struct meta_action *a = meta_action(&agent->meta, action);
    uint64_t timeout_ms = environment_number("OCF_RESKEY_CRM_meta_timeout",
                                             (a == NULL ? 30 : a->timeout_s) * MS_PER_S);
    uint64_t margin_ms = timeout_ms / MARGIN_DIVISOR;

    if (margin_ms < MARGIN_MIN_MS) {
        margin_ms = MARGIN_MIN_MS;
    }
    return deadline_in(&clock_system, NULL,
                       timeout_ms > 2 * margin_ms ? timeout_ms - margin_ms : timeout_ms / 2,
                       cancel_fd);
}

static void
close_all(struct ocf_ctx *ctx)
{
    if (ctx->agent->done != NULL) {
        ctx->agent->done(ctx);
    }
    ocf_aws_done(ctx);
    imds_done(&ctx->node.imds);
    http_free(ctx->http);
    buf_done(&ctx->region);
    cache_close(&ctx->cache);
}

static bool
is_role_stopped(void)
{
    const char *role = getenv("OCF_RESKEY_CRM_meta_role");

    return role != NULL && strcmp(role, "Stopped") == 0;
}

/*
 * The name under which the cluster runs the resource, borrowed from the environment or \p out. The
 * executor knows all instances of an anonymous clone as "probe", crm_resource as "probe:0".
 */
static const char *
instance_name(char *out, size_t size)
{
    const char *name = getenv("OCF_RESOURCE_INSTANCE");
    const char *unique = getenv("OCF_RESKEY_CRM_meta_globally_unique");
    size_t len = name == NULL ? 0 : strcspn(name, ":");

    if (name == NULL || name[len] == '\0' || len >= size ||
        (unique != NULL && strcmp(unique, "true") == 0)) {
        return name == NULL ? "default" : name;
    }
    (void)snprintf(out, size, "%.*s", (int)len, name);
    return out;
}

static int
run_action(const struct ocf_agent *agent, const struct handler *handler, int cancel_fd)
{
    OCF_FREE void *params = calloc(1, agent->params_size);
    char instance[256];
    struct ocf_ctx ctx = {.agent = agent,
                          .params = params,
                          .instance = instance_name(instance, sizeof(instance)),
                          .operation = handler->operation,
                          .depth = (unsigned)environment_number("OCF_CHECK_LEVEL", 0),
                          .deadline = action_deadline(agent, handler->name, cancel_fd),
                          .local = OCF_UNKNOWN,
                          .region = BUF_INIT(64)};
    char entity[256];
    int code = PCMK_OCF_UNKNOWN_ERROR;

    if (params == NULL) {
        (void)fprintf(stderr, REASON_PREFIX "out of memory\n");
        return code;
    }
    ctx.aws_params = (const struct aws_params *)(const void *)((char *)params + agent->aws_offset);
    if (ctx.operation == OCF_OP_MONITOR &&
        environment_number("OCF_RESKEY_CRM_meta_interval", 1) == 0) {
        ctx.operation = OCF_OP_PROBE;
    }
    ctx.everything =
        ctx.operation == OCF_OP_START || (ctx.operation == OCF_OP_MONITOR && is_role_stopped());
    (void)snprintf(entity, sizeof(entity), "%s(%s)", agent->meta.name, ctx.instance);
    log_open(entity);
    cache_open(&ctx.cache, getenv("HA_RSCTMP"));
    creds_init(&ctx.creds);
    code = run(&ctx, handler);
    close_all(&ctx);
    return code;
}

static int
print(int (*write_text)(const struct meta_agent *, struct buf *), const struct ocf_agent *agent)
{
    OCF_BUF struct buf text = BUF_INIT(METADATA_MAX);

    if (write_text(&agent->meta, &text) < 0 || fputs(buf_str(&text), stdout) == EOF ||
        fflush(stdout) == EOF) {
        (void)fprintf(stderr, REASON_PREFIX "cannot print: %s\n", strerror(errno));
        return PCMK_OCF_UNKNOWN_ERROR;
    }
    return PCMK_OCF_OK;
}

/* SIGTERM and its like are read from a descriptor: whoever waits for the network waits for it. */
static int
open_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
ocf_main(const struct ocf_agent *agent, int argc, char **argv)
{
    const char *action = argc == 2 ? argv[1] : "";
    OCF_CLOSE int cancel_fd = -1;

    if (strcmp(action, "meta-data") == 0) {
        return print(meta_xml, agent);
    }
    if (strcmp(action, "usage") == 0 || strcmp(action, "help") == 0) {
        return print(meta_usage, agent);
    }
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
        if (strcmp(action, handlers[i].name) == 0) {
            struct rlimit none = {0, 0};

            /*
             * A core file would hold credentials. A handler of cores that is a program is stopped
             * by no limit, only by this: core(5), "Piping core dumps to a program".
             */
            (void)setrlimit(RLIMIT_CORE, &none);
            (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
            (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            /* libcurl would write the keys of its connections there: everything sent, in clear. */
            (void)unsetenv("SSLKEYLOGFILE");
            cancel_fd = open_signals();
            return run_action(agent, &handlers[i], cancel_fd);
        }
    }
    (void)fprintf(stderr, REASON_PREFIX "unknown action \"%.40s\": try \"%s usage\"\n",
                  argc == 2 ? action : "(none)", agent->meta.name);
    return argc == 2 ? PCMK_OCF_UNIMPLEMENT_FEATURE : PCMK_OCF_INVALID_PARAM;
}
