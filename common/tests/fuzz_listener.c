/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "listener.h"
#include "probectl.h"
#include "probehttp.h"
#include "tcpport.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/*
 * Health checks over sockets, in pieces, of several at once. A piece begins with the digit of the
 * one that sends it; one that sends nothing hangs up. The listener is a process of its own, which
 * runs this program as an agent would run itself.
 */

#define PATH    "/healthz"
#define CONTROL "control"
#define CHECKS  4 /* at once */
#define WAIT_MS 20000

struct check {
    int fd;
    bool ended; /* by us */
    size_t len;
    char text[PROBEHTTP_HEAD_MAX];
};

static struct tcpport port;
static struct daemon_id listener = {.pid = -1};
static uint64_t n_accepted;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (listener_is(*argc, *argv)) {
        _exit(listener_main(*argv));
    }
    return 0;
}

/* The listener ends when this process does, in whatever way. */
static void
watch(void)
{
    struct pollfd self = {.fd = (int)syscall(SYS_pidfd_open, getpid(), 0), .events = POLLIN};
    pid_t pid = fork();

    FUZZ_CHECK(self.fd >= 0 && pid >= 0);
    if (pid == 0) {
        while (poll(&self, 1, -1) < 0 && errno == EINTR) {
        }
        (void)syscall(SYS_pidfd_send_signal, listener.pidfd, SIGKILL, NULL, 0);
        _exit(0);
    }
    FUZZ_CHECK(close(self.fd) == 0);
}

static void
start(void)
{
    char name[] = LISTENER_NAME;
    char instance[] = "fuzz";
    char path[] = PATH;
    char *argv[] = {name, instance, path, NULL};
    struct sockaddr_in local;
    socklen_t len = sizeof(local);
    struct err e = {0};
    struct daemon daemon;
    int fds[2];
    const struct daemon_program program = {.argv = argv, .fds = fds, .n_fds = 2};

    port.address = (struct addr){.family = AF_INET, .prefix_len = 32};
    port.address.ip.v4.s_addr = htonl(INADDR_LOOPBACK);
    FUZZ_CHECK(daemon_at(&daemon, fuzz_cache(), "listener", &e) == 0);
    FUZZ_CHECK(probectl_listen(fuzz_cache()->dir_fd, fuzz_cache()->dir, CONTROL, &fds[0], &e) == 0);
    FUZZ_CHECK(tcpport_listen(&port, &fds[1], &e) == 0);
    FUZZ_CHECK(getsockname(fds[1], (struct sockaddr *)&local, &len) == 0);
    port.port = ntohs(local.sin_port);
    FUZZ_CHECK(daemon_spawn(&daemon, &program, &listener, &e) == 0);
    FUZZ_CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
    watch();
}

static void
open_check(struct check *c)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port.port), .sin_addr = port.address.ip.v4};
    const struct linger reset = {.l_onoff = 1};
    int on = 1;

    *c = (struct check){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    FUZZ_CHECK(c->fd >= 0 && connect(c->fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    FUZZ_CHECK(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    /* Closed ones would wait for a minute each, until there is no port left. */
    FUZZ_CHECK(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
    n_accepted++;
}

static int
status_of(const struct check *c, bool *head_only)
{
    return probehttp_status(c->text, c->len, PATH, head_only);
}

/* Send a piece, unless what has been sent is answered already. */
static void
send_piece(struct check *c, const char *piece, size_t len)
{
    bool head_only = false;

    if (c->ended || status_of(c, &head_only) != 0) {
        return;
    }
    len = len < sizeof(c->text) - c->len ? len : sizeof(c->text) - c->len;
    if (len == 0) {
        c->ended = true;
        FUZZ_CHECK(shutdown(c->fd, SHUT_WR) == 0);
        return;
    }
    memcpy(c->text + c->len, piece, len);
    c->len += len;
    FUZZ_CHECK(send(c->fd, piece, len, MSG_NOSIGNAL) == (ssize_t)len);
}

/* The listener answers what it must, and nothing else, and hangs up. */
static void
end_check(struct check *c, struct buf *trace)
{
    char wanted[PROBEHTTP_ANSWER_MAX] = "";
    char got[2 * PROBEHTTP_ANSWER_MAX];
    bool head_only = false;
    int status = status_of(c, &head_only);
    size_t wanted_len = status == 0 ? 0 : probehttp_answer(status, head_only, wanted);
    size_t len = 0;
    ssize_t n = 1;

    FUZZ_CHECK(c->ended || status != 0 || shutdown(c->fd, SHUT_WR) == 0);
    while (n > 0) {
        FUZZ_CHECK(deadline_poll(deadline_in(&clock_system, NULL, WAIT_MS, -1), c->fd, POLLIN) ==
                   0);
        FUZZ_CHECK(len < sizeof(got));
        n = recv(c->fd, got + len, sizeof(got) - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    FUZZ_CHECK(close(c->fd) == 0);
    FUZZ_CHECK(len == wanted_len && memcmp(got, wanted, len) == 0);
    fuzz_say(trace, "%d\n", status);
}

/* All connections were counted, none as a health check of a load balancer, and none is open. */
static void
check_counts(void)
{
    struct probectl_status s = {.version = 0};
    struct err e = {0};

    FUZZ_CHECK(probectl_ask(fuzz_cache()->dir_fd, CONTROL, PROBECTL_STATUS,
                            deadline_in(&clock_system, NULL, WAIT_MS, -1), &s, &e) == 0);
    FUZZ_CHECK(s.accepted == n_accepted && s.own == n_accepted);
    FUZZ_CHECK(s.checks == 0 && s.open == 0 && s.draining == 0);
    FUZZ_CHECK(s.refused + s.dropped <= n_accepted);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static struct check checks[CHECKS];
    const char *rest = text;
    size_t rest_len = len;
    const char *piece = NULL;
    size_t piece_len = 0;

    if (listener.pid < 0) {
        start();
    }
    for (size_t i = 0; i < CHECKS; i++) {
        open_check(&checks[i]);
    }
    while (fuzz_next_piece(&rest, &rest_len, &piece, &piece_len)) {
        if (piece_len > 0 && *piece >= '0' && *piece < '0' + CHECKS) {
            send_piece(&checks[*piece - '0'], piece + 1, piece_len - 1);
        }
    }
    for (size_t i = 0; i < CHECKS; i++) {
        end_check(&checks[i], trace);
    }
    check_counts();
}
