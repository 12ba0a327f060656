/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "healthport.h"

#include "listener.h"
#include "log.h"
#include "tcpport.h"

#include <poll.h>
#include <stdio.h>

#define PATH_MAX_LEN    255
#define HOUR_MS         3600000
#define CHECK_MS        5000 /* for one answer of the listener */
#define BEGIN_MS        20000
#define ENDING_MS       500  /* an end closes the sockets first, and is seen after that */
#define END_MS          3000 /* what a stop keeps for the end of the process */
#define CONTROL_SUFFIX  ".sock"
#define DRAIN_MARGIN_MS 5000 /* of the advertised timeout of a stop, for all but draining */

_Static_assert(PARAM_LIST_MAX <= LISTENER_PORTS_MAX, "a port for each address");

enum protocol { PROTOCOL_TCP, PROTOCOL_HTTP };

const struct param healthport_rows[] = {
    {.name = "port",
     .type = PARAM_PORT,
     .flags = PARAM_REQUIRED,
     .unique_group = "listen",
     .offset = offsetof(struct healthport_params, port),
     .shortdesc = {"Port of the health checks", "ヘルスチェック用ポート"},
     .longdesc = {"TCP port on which health checks of the load balancer are answered: the health "
                  "check port of the target group, not that of the service.",
                  "ロードバランサーのヘルスチェックに応答する TCP ポート。サービスのポートでは"
                  "なく、ターゲットグループのヘルスチェックポートです。"}},
    {.name = "bind",
     .type = PARAM_ADDRESSES,
     .unique_group = "listen",
     .offset = offsetof(struct healthport_params, bind),
     .shortdesc = {"Addresses to listen on", "待ち受けるアドレス"},
     .longdesc =
         {"Addresses of this node to listen on; 0.0.0.0 is all of IPv4, :: all of IPv6. "
          "Default: all of both. A virtual address must have been started before.",
          "待ち受けるこのノードのアドレス。0.0.0.0 は IPv4 の、:: は IPv6 のすべて。省略時は"
          "両方のすべて。仮想アドレスは先に起動している必要があります。"}},
    {.name = "protocol",
     .type = PARAM_CHOICE,
     .initial = "tcp",
     .allowed = "tcp|http",
     .offset = offsetof(struct healthport_params, protocol),
     .shortdesc = {"Protocol of the health checks", "ヘルスチェックのプロトコル"},
     .longdesc = {"tcp: a connection that is accepted is healthy. http: GET or HEAD of path is "
                  "answered with 200, and with 503 while draining.",
                  "tcp は接続を受け付ければ正常です。http は path への GET と HEAD に 200、"
                  "drain 中は 503 を返します。"}},
    {.name = "path",
     .type = PARAM_STRING,
     .initial = "/",
     .max = PATH_MAX_LEN,
     .offset = offsetof(struct healthport_params, path),
     .shortdesc = {"Path of HTTP health checks", "HTTP ヘルスチェックのパス"},
     .longdesc = {"Path that is answered with 200; every other one with 404.",
                  "200 を返すパス。他のパスには 404 を返します。"}},
    {.name = "drain",
     .type = PARAM_DURATION,
     .flags = PARAM_RELOADABLE,
     .initial = "0s",
     .max = HOUR_MS,
     .offset = offsetof(struct healthport_params, drain_ms),
     .shortdesc = {"How long a stop refuses health checks first",
                   "停止前にヘルスチェックを拒否する時間"},
     .longdesc =
         {"On stop, health checks are refused for so long before the rest of the group stops, "
          "so that the load balancer moves clients first to other nodes, where the service "
          "must run too: at least interval times unhealthy threshold of the target group. The "
          "stop's timeout must be longer.",
          "停止時、他の何よりも先にこの時間ヘルスチェックを拒否し、ロードバランサーに"
          "先にクライアントを他のノードへ移させます (そこでもサービスが稼働している必要が"
          "あります)。ターゲットグループの間隔 × 非正常しきい値以上にします。stop "
          "のタイムアウトはこれより長くしてください。"}},
    {0},
};

/* Everything that belongs to one listener. */
struct place {
    struct daemon daemon;
    struct daemon_file control;
    struct tcpport ports[LISTENER_PORTS_MAX];
    size_t n_ports;
    const char *path; /* NULL: bare connections */
};

int
healthport_check(const struct ocf_ctx *ctx, const struct healthport_params *p, struct err *e)
{
    const struct meta_action *stop = meta_action(&ctx->agent->meta, "stop");
    struct err warning = {0};

    if (p->path[0] != '/' || strpbrk(p->path, " ?#") != NULL) {
        return err_set(e, ERR_PARAM, "path=\"%.60s\": allowed is /... without spaces, '?' and '#'",
                       p->path);
    }
    if (ctx->operation == OCF_OP_VALIDATE &&
        p->drain_ms + DRAIN_MARGIN_MS > stop->timeout_s * MS_PER_S) {
        (void)err_set(&warning, ERR_PARAM, "%llus needs op stop timeout=%llus or more",
                      (unsigned long long)(p->drain_ms / MS_PER_S),
                      (unsigned long long)((p->drain_ms + DRAIN_MARGIN_MS) / MS_PER_S));
        ocf_warn(ctx, "drain", &warning);
    }
    return 0;
}

static int
place_of(const struct ocf_ctx *ctx, const struct healthport_params *p, struct place *ret,
         struct err *e)
{
    char key[256];
    int rc = 0;

    *ret = (struct place){.path = p->protocol == PROTOCOL_HTTP ? p->path : NULL, .n_ports = 1};
    ret->ports[0].port = p->port;
    for (size_t i = 0; i < p->bind.n; i++) {
        ret->ports[i] = (struct tcpport){.address = p->bind.items[i], .port = p->port};
        ret->n_ports = i + 1;
    }
    (void)snprintf(key, sizeof(key), "listener %s %s", ctx->agent->meta.name, ctx->instance);
    rc = daemon_at(&ret->daemon, &ctx->cache, key, e);
    ret->control = daemon_file(&ret->daemon, CONTROL_SUFFIX);
    return rc;
}

/* What fails between two programs of one host is no fault of AWS, its network or an endpoint. */
static int
blame_host(int rc, struct err *e)
{
    if (rc < 0 && rc != -ERR_CANCELLED) {
        e->code = rc = -ERR_SYSTEM;
    }
    return rc;
}

/*
 * Tell the listener something. One that a package upgrade has left behind does what it is told and
 * counts in its own way: nothing is known of its counters then, and it is no fault of the service.
 */
static int
ask(const struct place *at, enum probectl_command command, struct deadline d,
    struct probectl_status *ret, struct err *e)
{
    struct err why = {0};
    int rc = probectl_ask(at->daemon.dir_fd, at->control.name, command, d, ret, &why);

    if (rc == -ERR_MALFORMED) {
        log_debug("%s: what it counts is not known until the next start", why.text);
        *ret = (struct probectl_status){.version = 0};
        return 0;
    }
    if (rc < 0) {
        *e = why;
    }
    return blame_host(rc, e);
}

/* Ask for the counters, and see each port answer. */
static int
examine(const struct place *at, struct deadline d, struct probectl_status *ret, struct err *e)
{
    int rc = ask(at, PROBECTL_STATUS, d, ret, e);

    if (rc == 0 && ret->draining != 0) {
        return err_set(e, ERR_SYSTEM, "it drains, since a stop was cut short: stop it again");
    }
    for (size_t i = 0; rc == 0 && i < at->n_ports; i++) {
        rc = tcpport_check(&at->ports[i], at->path, d, e);
    }
    return blame_host(rc, e);
}

enum ocf_verdict
healthport_look(struct ocf_ctx *ctx, const struct healthport_params *p, struct probectl_status *ret,
                struct err *why)
{
    struct deadline d = deadline_cap(ctx->deadline, CHECK_MS);
    struct daemon_id id OCF_DAEMON_ID = {.pidfd = -1};
    struct place at;
    int rc = place_of(ctx, p, &at, why);

    ctx->local = OCF_UNKNOWN;
    rc = rc < 0 ? rc : daemon_find(&at.daemon, d, &id, why);
    if (rc < 0) {
        return OCF_UNKNOWN;
    }
    if (rc == 0) {
        (void)err_set(why, ERR_NOT_FOUND, "no listener runs on this node");
        ctx->local = OCF_ABSENT;
        return OCF_ABSENT;
    }
    ctx->local = OCF_HERE;
    rc = examine(&at, d, ret, why);
    if (rc < 0) {
        (void)err_prefix(why, "listener (pid %d)", (int)id.pid);
        return rc == -ERR_CANCELLED ? OCF_UNKNOWN : OCF_FAILED;
    }
    log_debug("listener (pid %d): %llu connections, %llu of this host, %llu good checks, %llu "
              "refused, %llu dropped, %llu open",
              (int)id.pid, (unsigned long long)ret->accepted, (unsigned long long)ret->own,
              (unsigned long long)ret->checks, (unsigned long long)ret->refused,
              (unsigned long long)ret->dropped, (unsigned long long)ret->open);
    return OCF_HERE;
}

/* --- start ------------------------------------------------------------------------------------ */

/* An older one that does not do its work is in the way. */
static int
clear_place(const struct ocf_ctx *ctx, const struct place *at, struct err *e)
{
    struct daemon_id id OCF_DAEMON_ID = {.pidfd = -1};
    int rc = daemon_find(&at->daemon, ctx->deadline, &id, e);

    return rc <= 0 ? rc : daemon_end(&id, ctx->deadline, e);
}

/* Open all sockets and give them to a new process. Ours are closed then, whatever becomes of it. */
static int
spawn(const struct ocf_ctx *ctx, const struct place *at, struct daemon_id *ret, struct err *e)
{
    char name[] = LISTENER_NAME;
    OCF_FREE char *instance = strdup(ctx->instance);
    OCF_FREE char *path = strdup(at->path == NULL ? "" : at->path);
    char *argv[] = {name, instance, path, NULL};
    int fds[1 + LISTENER_PORTS_MAX];
    struct daemon_program program = {.argv = argv, .fds = fds, .n_fds = 1};
    int rc = instance == NULL || path == NULL ? err_set(e, ERR_NOMEM, "out of memory") : 0;

    fds[0] = -1;
    for (size_t i = 1; rc == 0 && i <= at->n_ports; i++) {
        rc = tcpport_listen(&at->ports[i - 1], &fds[i], e);
        program.n_fds += rc == 0;
    }
    /* Last, for it replaces the socket of whoever has the ports. */
    rc = rc < 0 ? rc
                : probectl_listen(at->daemon.dir_fd, at->daemon.dir, at->control.name, &fds[0], e);
    rc = rc < 0 ? rc : daemon_spawn(&at->daemon, &program, ret, e);
    for (size_t i = 0; i < program.n_fds; i++) {
        base_close_p(&fds[i]);
    }
    return rc;
}

/* Why a new listener does not answer; it is not left behind. */
static int
clean_up(struct deadline d, const struct daemon_id *id, struct err *e)
{
    char how[32];

    d.cancel_fd = -1; /* when we were asked to end, this is to be done first */
    if (deadline_poll(deadline_cap(d, ENDING_MS), id->pidfd, POLLIN) == 0) {
        daemon_reap(id, how, sizeof(how));
        return err_set(e, ERR_SYSTEM, "the listener has ended at once: %s", how);
    }
    if (daemon_end(id, deadline_cap(d, END_MS), NULL) < 0) {
        log_error("process %d does not end", (int)id->pid);
    }
    return e->code;
}

int
healthport_start(struct ocf_ctx *ctx, const struct healthport_params *p, struct err *e)
{
    struct deadline d = deadline_cap(ctx->deadline, BEGIN_MS);
    struct daemon_id id OCF_DAEMON_ID = {.pidfd = -1};
    struct probectl_status status;
    struct place at;
    int rc = place_of(ctx, p, &at, e);

    rc = rc < 0 ? rc : clear_place(ctx, &at, e);
    rc = rc < 0 ? rc : spawn(ctx, &at, &id, e);
    if (rc < 0) {
        return rc;
    }
    rc = examine(&at, d, &status, e);
    return rc < 0 ? clean_up(ctx->deadline, &id, e) : 0;
}

/* --- stop ------------------------------------------------------------------------------------- */

/* Refuse health checks as long as was asked for and the deadline allows. */
static int
drain(const struct ocf_ctx *ctx, const struct healthport_params *p, const struct place *at,
      const struct daemon_id *id, struct err *e)
{
    struct probectl_status status = {0};
    struct err warning = {0};
    uint64_t left_ms = 0;
    uint64_t wait_ms = p->drain_ms;
    int rc = ask(at, PROBECTL_DRAIN, deadline_cap(ctx->deadline, CHECK_MS), &status, &warning);

    if (rc == -ERR_CANCELLED) {
        *e = warning;
        return rc;
    }
    if (rc < 0) {
        ocf_warn(ctx, "not drained", &warning);
        return 0;
    }
    left_ms = deadline_left_ms(ctx->deadline);
    left_ms = left_ms > END_MS ? left_ms - END_MS : 0;
    /* A stop that was killed while it drained is followed by another. */
    wait_ms = wait_ms > status.draining_ms ? wait_ms - status.draining_ms : 0;
    if (wait_ms > left_ms) {
        (void)err_set(&warning, ERR_PARAM, "cut to %llus of %llus: give the stop a longer timeout",
                      (unsigned long long)(left_ms / MS_PER_S),
                      (unsigned long long)(wait_ms / MS_PER_S));
        ocf_warn(ctx, "drain", &warning);
        wait_ms = left_ms;
    }
    rc = deadline_poll(deadline_cap(ctx->deadline, wait_ms), id->pidfd, POLLIN);
    return rc == -ERR_CANCELLED || rc == -ERR_SYSTEM
               ? err_set(e, (enum err_code) - rc, "draining: %s", err_text(rc))
               : 0;
}

int
healthport_stop(struct ocf_ctx *ctx, const struct healthport_params *p, struct err *e)
{
    struct daemon_id id OCF_DAEMON_ID = {.pidfd = -1};
    struct place at;
    int rc = place_of(ctx, p, &at, e);

    rc = rc < 0 ? rc : daemon_find(&at.daemon, ctx->deadline, &id, e);
    if (rc < 0) {
        return rc;
    }
    if (rc > 0) {
        rc = p->drain_ms > 0 ? drain(ctx, p, &at, &id, e) : 0;
        rc = rc < 0 ? rc : daemon_end(&id, ctx->deadline, e);
    }
    if (rc == 0) {
        (void)unlinkat(at.daemon.dir_fd, at.control.name, 0);
    }
    return rc;
}

/* --- validate-all ----------------------------------------------------------------------------- */

void
healthport_preflight(struct ocf_ctx *ctx, const struct healthport_params *p)
{
    struct probectl_status status;
    struct err e = {0};
    struct place at;
    enum ocf_verdict v = healthport_look(ctx, p, &status, &e);

    if (v != OCF_ABSENT) {
        ocf_finding_of(ctx, "the listener runs on this node", &e);
        return;
    }
    if (place_of(ctx, p, &at, &e) < 0) {
        ocf_finding(ctx, e.code, "%s", e.text);
        return;
    }
    for (size_t i = 0; i < at.n_ports; i++) {
        char where[TCPPORT_TEXT_MAX];
        OCF_CLOSE int fd = -1;

        e = (struct err){0};
        if (tcpport_listen(&at.ports[i], &fd, &e) < 0) {
            ocf_finding(ctx, e.code, "%s", e.text);
        } else {
            ocf_finding(ctx, 0, "%s is free", tcpport_text(&at.ports[i], where));
        }
    }
}
