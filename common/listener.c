/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "listener.h"

#include "probectl.h"
#include "probehttp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <qb/qbloop.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define OPEN_MAX_WANTED 512  /* connections at once */
#define OPEN_MS         5000 /* a whole request must have come by then */
#define ACCEPT_BATCH    64   /* before those that are open get their turn */
#define PAUSE_MS        100  /* when the host has no descriptors for anybody */
#define ASKING_MAX      8    /* questions of agents at once */
#define FDS_BESIDE      (LISTENER_FD_PORTS + LISTENER_PORTS_MAX + ASKING_MAX + 8)
#define NS_PER_MS       1000000ULL
#define NOBODY          65534 /* the kernel's overflow id, which owns nothing */

struct listener;

/* An open connection that has not sent its whole request. */
struct connection {
    struct listener *l;
    struct connection *older;
    struct connection *newer;
    uint64_t until_ms;
    int fd;
    bool own;
    bool polled;
    size_t len;
    char text[PROBEHTTP_HEAD_MAX];
};

struct listener {
    qb_loop_t *loop;
    struct deadline clock; /* only to tell the time */
    const char *path;      /* NULL: bare connections */
    uid_t asker;           /* who may ask */
    unsigned asking;
    size_t n_ports; /* open ones: 0 when a bare listener drains */
    struct connection *slots;
    struct connection *unused; /* by ->newer */
    struct connection *oldest;
    struct connection *newest;
    qb_loop_timer_handle expiry;
    bool expiry_armed;
    uint64_t last_check_ms;
    uint64_t draining_since_ms;
    struct probectl_status counts;
};

static int32_t on_accept(int32_t fd, int32_t revents, void *data);
static void on_expiry(void *data);

static uint64_t
now_ms(const struct listener *l)
{
    return deadline_now_ms(l->clock);
}

/* --- connections ------------------------------------------------------------------------------ */

/* Take a connection out of the list of the open ones, oldest first. */
static void
forget(struct connection *c)
{
    struct listener *l = c->l;

    *(c->older != NULL ? &c->older->newer : &l->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &l->newest) = c->older;
    c->newer = l->unused;
    l->unused = c;
    l->counts.open--;
}

/* Close; in its own turn of the loop, who says -1 there ends the polling, too. */
static int32_t
finish(struct connection *c)
{
    (void)close(c->fd);
    forget(c);
    return -1;
}

static void
drop(struct connection *c)
{
    if (c->polled) {
        (void)qb_loop_poll_del(c->l->loop, c->fd);
    }
    c->l->counts.dropped++;
    (void)finish(c);
}

static void
count_answer(struct listener *l, bool good, bool own)
{
    if (!good) {
        l->counts.refused++;
    } else if (!own) {
        l->counts.checks++;
        l->last_check_ms = now_ms(l);
    }
}

static void
answer(struct connection *c, int status, bool head_only)
{
    char text[PROBEHTTP_ANSWER_MAX];
    size_t len = 0;

    if (status == 200 && c->l->counts.draining != 0) {
        status = 503;
    }
    len = probehttp_answer(status, head_only, text);
    /* It fits into an empty socket buffer; who does not take it gets no second one. */
    (void)!send(c->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    count_answer(c->l, status == 200, c->own);
}

/* Read what is there, once. False when the connection has come to its end. */
static bool
serve(struct connection *c)
{
    ssize_t n = recv(c->fd, c->text + c->len, sizeof(c->text) - c->len, MSG_DONTWAIT);
    bool head_only = false;
    int status = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (n <= 0) {
        c->l->counts.dropped++;
        return false;
    }
    c->len += (size_t)n;
    status = probehttp_status(c->text, c->len, c->l->path, &head_only);
    if (status != 0) {
        answer(c, status, head_only);
    }
    return status == 0;
}

static int32_t
on_readable(int32_t fd, int32_t revents, void *data)
{
    struct connection *c = data;

    (void)fd;
    (void)revents;
    return serve(c) ? 0 : finish(c);
}

/* Wake up when the oldest connection has had its time. */
static void
arm_expiry(struct listener *l)
{
    uint64_t now = now_ms(l);
    uint64_t wait_ms = 1;

    if (l->expiry_armed || l->oldest == NULL) {
        return;
    }
    if (l->oldest->until_ms > now) {
        wait_ms = l->oldest->until_ms - now;
    }
    l->expiry_armed = qb_loop_timer_add(l->loop, QB_LOOP_HIGH, wait_ms * NS_PER_MS, l, on_expiry,
                                        &l->expiry) == 0;
}

static void
on_expiry(void *data)
{
    struct listener *l = data;
    uint64_t now = now_ms(l);

    l->expiry_armed = false;
    while (l->oldest != NULL && l->oldest->until_ms <= now) {
        drop(l->oldest);
    }
    arm_expiry(l);
}

static struct connection *
remember(struct listener *l, int fd, bool own)
{
    struct connection *c = l->unused != NULL ? l->unused : l->oldest;

    assert(c != NULL);
    if (l->unused == NULL) {
        drop(c);
    }
    l->unused = c->newer;
    c->fd = fd;
    c->own = own;
    c->polled = false;
    c->len = 0;
    c->until_ms = now_ms(l) + OPEN_MS;
    c->newer = NULL;
    c->older = l->newest;
    *(l->newest != NULL ? &l->newest->newer : &l->oldest) = c;
    l->newest = c;
    l->counts.open++;
    return c;
}

/* Its request has mostly come with it, and is answered without another turn of the loop. */
static void
admit(struct listener *l, int fd, bool own)
{
    struct connection *c = remember(l, fd, own);

    if (!serve(c)) {
        (void)finish(c);
        return;
    }
    c->polled = qb_loop_poll_add(l->loop, QB_LOOP_HIGH, fd, POLLIN, c, on_readable) == 0;
    if (!c->polled) {
        drop(c);
    }
    arm_expiry(l);
}

/* --- ports ------------------------------------------------------------------------------------ */

/*
 * Whether a connection comes from this host: then both its ends have one address. No other host can
 * send from it, so what the agent asks itself is never taken for a health check.
 */
static bool
is_own(int fd, const struct sockaddr_in6 *peer)
{
    struct sockaddr_in6 local = {0};
    socklen_t len = sizeof(local);

    if (getsockname(fd, (struct sockaddr *)&local, &len) < 0 ||
        local.sin6_family != peer->sin6_family) {
        return false;
    }
    if (local.sin6_family == AF_INET6) {
        return memcmp(&local.sin6_addr, &peer->sin6_addr, sizeof(local.sin6_addr)) == 0;
    }
    return ((const struct sockaddr_in *)&local)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)peer)->sin_addr.s_addr;
}

static int
poll_port(struct listener *l, int fd)
{
    return qb_loop_poll_add(l->loop, QB_LOOP_MED, fd, POLLIN, l, on_accept);
}

static void
on_pause_over(void *data)
{
    struct listener *l = data;

    for (size_t i = 0; i < l->n_ports; i++) {
        (void)poll_port(l, LISTENER_FD_PORTS + (int)i);
    }
}

/* The host is short of descriptors or memory, and we have none to give back. */
static void
pause_accepting(struct listener *l)
{
    qb_loop_timer_handle unused = 0;

    if (qb_loop_timer_add(l->loop, QB_LOOP_HIGH, PAUSE_MS * NS_PER_MS, l, on_pause_over, &unused) ==
        0) {
        for (size_t i = 0; i < l->n_ports; i++) {
            (void)qb_loop_poll_del(l->loop, LISTENER_FD_PORTS + (int)i);
        }
    }
}

/* What to do when accept4() has failed: whether to call it again now. */
static bool
is_worth_another(struct listener *l, int error)
{
    switch (error) {
    case EAGAIN:
    case EBADF:
    case EINVAL:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        if (l->oldest == NULL) {
            pause_accepting(l);
            return false;
        }
        drop(l->oldest);
        return true;
    default:
        return true; /* the fault of that one connection: accept(2), "Error handling" */
    }
}

static int32_t
on_accept(int32_t fd, int32_t revents, void *data)
{
    struct listener *l = data;

    (void)revents;
    for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_in6 peer = {0};
        socklen_t len = sizeof(peer);
        int new_fd = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        bool own = false;

        if (new_fd < 0) {
            if (!is_worth_another(l, errno)) {
                break;
            }
            continue;
        }
        own = is_own(new_fd, &peer);
        l->counts.accepted++;
        l->counts.own += own;
        if (l->path != NULL) {
            admit(l, new_fd, own);
        } else {
            count_answer(l, true, own);
            (void)close(new_fd);
        }
    }
    return 0;
}

/* Refuse health checks: by HTTP with a status, else with no port to connect to. */
static void
drain(struct listener *l)
{
    if (l->counts.draining != 0) {
        return;
    }
    l->counts.draining = 1;
    l->draining_since_ms = now_ms(l);
    for (size_t i = 0; l->path == NULL && i < l->n_ports; i++) {
        (void)qb_loop_poll_del(l->loop, LISTENER_FD_PORTS + (int)i);
        (void)close(LISTENER_FD_PORTS + (int)i);
    }
    l->n_ports = l->path == NULL ? 0 : l->n_ports;
}

/* --- questions -------------------------------------------------------------------------------- */

static int32_t
on_question(int32_t fd, int32_t revents, void *data)
{
    struct listener *l = data;
    uint32_t command = probectl_read(fd);
    uint64_t now = now_ms(l);

    (void)revents;
    if (command == PROBECTL_DRAIN) {
        drain(l);
    }
    if (command == PROBECTL_DRAIN || command == PROBECTL_STATUS) {
        l->counts.idle_ms = now - l->last_check_ms;
        l->counts.draining_ms = l->counts.draining == 0 ? 0 : now - l->draining_since_ms;
        probectl_answer(fd, &l->counts);
    }
    (void)close(fd);
    l->asking--;
    return -1;
}

static int32_t
on_asker(int32_t fd, int32_t revents, void *data)
{
    struct listener *l = data;
    OCF_CLOSE int new_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof(peer);

    (void)revents;
    if (new_fd < 0 && l->oldest != NULL && (errno == EMFILE || errno == ENFILE)) {
        drop(l->oldest); /* it is called again, as somebody still waits */
    }
    if (new_fd >= 0 && l->asking < ASKING_MAX &&
        getsockopt(new_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == l->asker &&
        qb_loop_poll_add(l->loop, QB_LOOP_HIGH, new_fd, POLLIN, l, on_question) == 0) {
        l->asking++;
        new_fd = -1;
    }
    return 0;
}

/* --- the process ------------------------------------------------------------------------------ */

/* As many connections as there may be descriptors for. 0 or -1. */
static int
make_room(struct listener *l)
{
    struct rlimit limit;
    rlim_t wanted = OPEN_MAX_WANTED + FDS_BESIDE;
    size_t n = OPEN_MAX_WANTED;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return -1;
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted) {
        n = limit.rlim_cur > FDS_BESIDE ? (size_t)limit.rlim_cur - FDS_BESIDE : 1;
    }
    l->slots = calloc(n, sizeof(*l->slots));
    for (size_t i = 0; l->slots != NULL && i < n; i++) {
        l->slots[i].l = l;
        l->slots[i].newer = l->unused;
        l->unused = &l->slots[i];
    }
    return l->slots == NULL ? -1 : 0;
}

/* Who can make it misbehave shall gain nothing. */
static int
drop_rights(void)
{
    struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return -1;
    }
    return geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                              setresuid(NOBODY, NOBODY, NOBODY) < 0)
               ? -1
               : 0;
}

/* The descriptors that were passed, which come one after the other. */
static size_t
count_ports(void)
{
    size_t n = 0;

    while (n < LISTENER_PORTS_MAX && fcntl(LISTENER_FD_PORTS + (int)n, F_SETFD, FD_CLOEXEC) == 0) {
        n++;
    }
    return n;
}

static int
poll_all(struct listener *l)
{
    int rc = fcntl(LISTENER_FD_CONTROL, F_SETFD, FD_CLOEXEC);

    for (size_t i = 0; rc == 0 && i < l->n_ports; i++) {
        rc = poll_port(l, LISTENER_FD_PORTS + (int)i);
    }
    return rc < 0
               ? rc
               : qb_loop_poll_add(l->loop, QB_LOOP_HIGH, LISTENER_FD_CONTROL, POLLIN, l, on_asker);
}

static int
run(struct listener *l)
{
    l->loop = qb_loop_create();
    if (l->loop == NULL || poll_all(l) < 0) {
        return EXIT_FAILURE;
    }
    qb_loop_run(l->loop);
    return EXIT_SUCCESS;
}

bool
listener_is(int argc, char *const *argv)
{
    return argc == LISTENER_ARGS && strcmp(argv[LISTENER_ARG_NAME], LISTENER_NAME) == 0;
}

int
listener_main(char *const *argv)
{
    const char *path = argv[LISTENER_ARG_PATH];
    struct listener l = {.clock = deadline_in(&clock_system, NULL, 0, -1),
                         .path = *path == '\0' ? NULL : path,
                         .asker = geteuid(),
                         .counts = {.version = PROBECTL_VERSION}};
    int rc = EXIT_FAILURE;

    (void)prctl(PR_SET_NAME, LISTENER_NAME, 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    l.last_check_ms = now_ms(&l);
    l.n_ports = count_ports(); /* before there are descriptors of our own */
    if (daemon_hold() == 0 && make_room(&l) == 0 && drop_rights() == 0) {
        rc = run(&l);
    }
    free(l.slots);
    return rc;
}
