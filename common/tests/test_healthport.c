/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "healthport.h"
#include "listener.h"
#include "tcpport.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* This program is its own listener, and others that are not as ours is. */
#define LATER "later-listener" /* answers questions in its own way */
#define DYING "/die"           /* the path for which the listener ends at once */

#define WAIT_MS  20000
#define DRAIN_MS 200
#define AGENT    "nlb-health-probe"
#define INSTANCE "vip"
#define HTTP     1

/* What that listener gets beside its control socket and its port. */
#define LATER_FD_TOLD (LISTENER_FD_PORTS + 1)

static struct ocf_ctx
context(const struct cache *cache)
{
    static const struct ocf_agent agent = {.meta = {.name = AGENT}};

    return (struct ocf_ctx){.agent = &agent,
                            .instance = INSTANCE,
                            .operation = OCF_OP_MONITOR,
                            .deadline = deadline_in(&clock_system, NULL, WAIT_MS, -1),
                            .local = OCF_UNKNOWN,
                            .cache = *cache};
}

static struct addr
loopback(void)
{
    struct addr a;

    assert_true(addr_parse("127.0.0.1", &a));
    return a;
}

static uint16_t
port_of(int fd)
{
    struct sockaddr_in local;
    socklen_t len = sizeof(local);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
    return ntohs(local.sin_port);
}

/* A listening socket, and parameters with its port. */
static struct healthport_params
open_port(int *ret_fd)
{
    struct healthport_params p = {.bind = {.items = {loopback()}, .n = 1}, .path = "/"};
    const struct tcpport any = {.address = p.bind.items[0]};

    assert_int_equal(tcpport_listen(&any, ret_fd, NULL), 0);
    p.port = port_of(*ret_fd);
    return p;
}

/* Parameters with a port that nobody has. */
static struct healthport_params
free_port(void)
{
    int fd = -1;
    struct healthport_params p = open_port(&fd);

    (void)close(fd);
    return p;
}

static struct daemon
place(struct fake *f)
{
    struct daemon d;

    assert_int_equal(daemon_at(&d, &f->cache, "listener " AGENT " " INSTANCE, NULL), 0);
    return d;
}

/* --- a listener that a package upgrade has left behind, seen from the new agent -------------- */

struct later {
    struct daemon_id id;
    struct healthport_params params;
    int told; /* each command that came, a byte */
};

/* With a port, or with none that answers. */
static struct later
start_later(struct fake *f, bool has_port)
{
    struct daemon at = place(f);
    struct daemon_file control = daemon_file(&at, ".sock");
    char name[] = LATER;
    char *argv[] = {name, NULL};
    struct later l;
    int port_fd = -1;
    int control_fd = -1;
    int ends[2];

    l.params = open_port(&port_fd);
    assert_int_equal(
        probectl_listen(f->cache.dir_fd, f->cache.dir, control.name, &control_fd, NULL), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    {
        const int fds[] = {control_fd, has_port ? port_fd : ends[1], ends[1]};
        const struct daemon_program program = {.argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds)};

        assert_int_equal(daemon_spawn(&at, &program, &l.id, NULL), 0);
    }
    (void)close(control_fd);
    (void)close(port_fd);
    (void)close(ends[1]);
    l.told = ends[0];
    return l;
}

static void
end_later(struct later *l)
{
    (void)kill(l->id.pid, SIGKILL);
    (void)waitpid(l->id.pid, NULL, 0);
    daemon_id_done(&l->id);
    (void)close(l->told);
}

/* In the process: answers with a number that no version has, and more than is asked for. */
static int
be_later(void)
{
    const uint32_t answer[64] = {PROBECTL_VERSION + 1};
    struct pollfd p[] = {{.fd = LISTENER_FD_CONTROL, .events = POLLIN},
                         {.fd = LISTENER_FD_PORTS, .events = POLLIN}};

    if (daemon_hold() < 0) {
        return 4;
    }
    while (poll(p, ARRAY_LEN(p), -1) > 0) {
        int asker = p[0].revents == 0 ? -1 : accept4(p[0].fd, NULL, NULL, SOCK_CLOEXEC);
        int checker = p[1].revents == 0 ? -1 : accept4(p[1].fd, NULL, NULL, SOCK_CLOEXEC);

        if (asker >= 0) {
            unsigned char command = (unsigned char)probectl_read(asker);

            (void)!write(LATER_FD_TOLD, &command, 1);
            (void)!send(asker, answer, sizeof(answer), MSG_NOSIGNAL);
            (void)close(asker);
        }
        base_close_p(&checker);
    }
    return 5;
}

static void
healthport_look_at_a_listener_of_another_version_goes_by_its_port(void **state)
{
    struct fake *f = *state;

    for (unsigned has_port = 0; has_port <= 1; has_port++) {
        struct later l = start_later(f, has_port != 0);
        struct ocf_ctx ctx = context(&f->cache);
        struct probectl_status status = {.checks = 7};
        struct err why = {0};
        enum ocf_verdict v = healthport_look(&ctx, &l.params, &status, &why);

        end_later(&l);
        assert_int_equal(ctx.local, OCF_HERE);
        assert_int_equal(v, has_port != 0 ? OCF_HERE : OCF_FAILED);
        assert_int_equal(status.checks, 0);
        assert_int_equal(why.code, has_port != 0 ? 0 : -ERR_SYSTEM);
    }
}

static void
healthport_stop_drains_a_listener_of_another_version(void **state)
{
    struct fake *f = *state;
    struct later l = start_later(f, true);
    struct ocf_ctx ctx = context(&f->cache);
    struct err e = {0};
    unsigned char command = 0;
    int rc = 0;

    l.params.drain_ms = DRAIN_MS;
    rc = healthport_stop(&ctx, &l.params, &e);
    assert_int_equal(waitpid(l.id.pid, NULL, 0), l.id.pid);
    assert_int_equal(rc, 0);
    assert_int_equal(read(l.told, &command, 1), 1);
    assert_int_equal(command, PROBECTL_DRAIN);
    /* It was given the whole time: nothing told how much of it was over. */
    assert_true(deadline_left_ms(ctx.deadline) <= WAIT_MS - DRAIN_MS);
    daemon_id_done(&l.id);
    (void)close(l.told);
}

/* --- our own -------------------------------------------------------------------------------- */

static void
healthport_start_look_and_stop(void **state)
{
    struct fake *f = *state;
    struct healthport_params p = free_port();
    struct ocf_ctx ctx = context(&f->cache);
    struct probectl_status status;
    struct err e = {0};

    assert_int_equal(healthport_look(&ctx, &p, &status, &e), OCF_ABSENT);
    assert_int_equal(ctx.local, OCF_ABSENT);
    assert_int_equal(healthport_start(&ctx, &p, &e), 0);
    assert_int_equal(healthport_look(&ctx, &p, &status, &e), OCF_HERE);
    assert_int_equal(ctx.local, OCF_HERE);
    assert_int_equal(status.version, PROBECTL_VERSION);
    assert_int_equal(status.own, 1); /* the start's look; this one's came after the count */
    assert_int_equal(healthport_stop(&ctx, &p, &e), 0);
    assert_int_equal(healthport_look(&ctx, &p, &status, &e), OCF_ABSENT);
    assert_int_equal(healthport_stop(&ctx, &p, &e), 0);
}

/* Of two starts at once only one gets the port: the other must not cut it off from its agent. */
static void
healthport_start_without_the_port_leaves_the_socket_of_who_has_it(void **state)
{
    struct fake *f = *state;
    struct daemon at = place(f);
    struct daemon_file control = daemon_file(&at, ".sock");
    struct ocf_ctx ctx = context(&f->cache);
    struct stat before;
    struct stat after;
    struct err e = {0};
    int port_fd = -1;
    int control_fd = -1;
    struct healthport_params p = open_port(&port_fd);

    assert_int_equal(
        probectl_listen(f->cache.dir_fd, f->cache.dir, control.name, &control_fd, NULL), 0);
    assert_int_equal(fstatat(f->cache.dir_fd, control.name, &before, 0), 0);
    assert_int_equal(healthport_start(&ctx, &p, &e), -ERR_SYSTEM);
    assert_int_equal(e.code, -ERR_SYSTEM);
    assert_non_null(strstr(e.text, "in use"));
    assert_int_equal(fstatat(f->cache.dir_fd, control.name, &after, 0), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    (void)close(port_fd);
    (void)close(control_fd);
}

static void
healthport_start_of_one_that_ends_at_once_says_how(void **state)
{
    struct fake *f = *state;
    struct healthport_params p = free_port();
    struct ocf_ctx ctx = context(&f->cache);
    struct err e = {0};
    int rc = 0;

    p.protocol = HTTP;
    p.path = DYING;
    rc = healthport_start(&ctx, &p, &e);
    assert_int_equal(rc, -ERR_SYSTEM);
    assert_int_equal(e.code, rc);
    assert_non_null(strstr(e.text, "exit code 3"));
}

/* /run cannot be written to: nothing was ever started there, so a stop must not fail. */
static void
healthport_without_a_state_directory(void **state)
{
    struct healthport_params p = free_port();
    struct probectl_status status;
    struct cache missing;
    struct ocf_ctx ctx;
    struct err e = {0};

    (void)state;
    cache_open(&missing, "/proc/none");
    ctx = context(&missing);
    assert_int_equal(healthport_look(&ctx, &p, &status, &e), OCF_ABSENT);
    assert_int_equal(ctx.local, OCF_ABSENT);
    assert_int_equal(healthport_stop(&ctx, &p, &e), 0);
    assert_int_equal(healthport_start(&ctx, &p, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, "/proc/none"));
}

int
main(int argc, char **argv)
{
    static const struct CMUnitTest without[] = {
        FAKE_TEST(healthport_start_without_the_port_leaves_the_socket_of_who_has_it),
        FAKE_TEST(healthport_without_a_state_directory),
    };
    static const struct CMUnitTest processes[] = {
        FAKE_TEST(healthport_start_look_and_stop),
        FAKE_TEST(healthport_start_of_one_that_ends_at_once_says_how),
        FAKE_TEST(healthport_look_at_a_listener_of_another_version_goes_by_its_port),
        FAKE_TEST(healthport_stop_drains_a_listener_of_another_version),
    };
    int failed = 0;

    if (listener_is(argc, argv)) {
        return strcmp(argv[LISTENER_ARG_PATH], DYING) == 0 ? 3 : listener_main(argv);
    }
    if (argc > 0 && strcmp(argv[0], LATER) == 0) {
        return be_later();
    }
    failed = cmocka_run_group_tests_name("healthport", without, NULL, NULL);
    if (harness_has_pidfd()) {
        failed += cmocka_run_group_tests_name("healthport processes", processes, NULL, NULL);
    }
    return failed;
}
