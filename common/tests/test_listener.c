/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "listener.h"
#include "probectl.h"
#include "tcpport.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* This program is its own listener: daemon_spawn() runs it with the arguments of one. */

#define WAIT_MS  20000
#define SHORT_MS 50
#define CONTROL  "control"
#define OPEN_MAX 512 /* as the listener has it, where descriptors allow */
#define REQUEST  "GET /health HTTP/1.1\r\n\r\n"

struct running {
    struct fake *f;
    struct daemon daemon;
    struct daemon_id id;
    struct tcpport port;
};

static struct deadline
in(uint64_t ms)
{
    return deadline_in(&clock_system, NULL, ms, -1);
}

static struct running
start(struct fake *f, const char *path)
{
    struct running r = {.f = f, .port.address = {.family = AF_INET, .prefix_len = 32}};
    char name[] = LISTENER_NAME;
    char instance[] = "test";
    char own_path[32];
    char *argv[] = {name, instance, own_path, NULL};
    struct sockaddr_in local;
    socklen_t len = sizeof(local);
    int fds[2];
    const struct daemon_program program = {.argv = argv, .fds = fds, .n_fds = 2};

    r.port.address.ip.v4.s_addr = htonl(INADDR_LOOPBACK);
    (void)snprintf(own_path, sizeof(own_path), "%s", path);
    assert_int_equal(daemon_at(&r.daemon, &f->cache, "listener", NULL), 0);
    assert_int_equal(probectl_listen(f->cache.dir_fd, f->cache.dir, CONTROL, &fds[0], NULL), 0);
    assert_int_equal(tcpport_listen(&r.port, &fds[1], NULL), 0);
    assert_int_equal(getsockname(fds[1], (struct sockaddr *)&local, &len), 0);
    r.port.port = ntohs(local.sin_port);
    assert_int_equal(daemon_spawn(&r.daemon, &program, &r.id, NULL), 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return r;
}

static struct probectl_status
ask(const struct running *r, enum probectl_command command)
{
    struct probectl_status s;
    struct err e = {0};

    if (probectl_ask(r->f->cache.dir_fd, CONTROL, command, in(WAIT_MS), &s, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return s;
}

static void
stop(struct running *r)
{
    (void)kill(r->id.pid, SIGKILL);
    (void)waitpid(r->id.pid, NULL, 0);
    daemon_id_done(&r->id);
    assert_int_equal(unlinkat(r->f->cache.dir_fd, CONTROL, 0), 0);
}

static int
connect_to(const struct running *r)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(r->port.port), .sin_addr = r->port.address.ip.v4};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* Whether the other side has closed the connection, or does within the time. */
static bool
is_closed(int fd, uint64_t ms)
{
    char byte = 0;

    return deadline_poll(in(ms), fd, POLLIN) == 0 && recv(fd, &byte, 1, 0) <= 0;
}

static void
listener_counts_connections_of_this_host_apart(void **state)
{
    struct running r = start(*state, "");

    for (unsigned i = 1; i <= 3; i++) {
        struct probectl_status s;

        assert_int_equal(tcpport_check(&r.port, NULL, in(WAIT_MS), NULL), 0);
        s = ask(&r, PROBECTL_STATUS);
        assert_int_equal(s.accepted, i);
        assert_int_equal(s.own, i);
        assert_int_equal(s.checks, 0);
        assert_int_equal(s.open, 0);
    }
    stop(&r);
}

/* Nothing in it runs beside anything else: there is nothing to lock. */
static void
listener_has_one_thread(void **state)
{
    struct running r = start(*state, "/health");
    int fd = connect_to(&r);
    unsigned n_threads = 0;
    char path[64];
    DIR *tasks = NULL;

    assert_int_equal(tcpport_check(&r.port, "/health", in(WAIT_MS), NULL), 0);
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)r.id.pid);
    tasks = opendir(path);
    assert_non_null(tasks);
    for (const struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks)) {
        n_threads += entry->d_name[0] != '.';
    }
    (void)closedir(tasks);
    assert_int_equal(n_threads, 1);
    (void)close(fd);
    stop(&r);
}

static void
listener_makes_room_for_the_newest(void **state)
{
    static int fds[OPEN_MAX + 10];
    struct running r = start(*state, "/health");
    struct probectl_status s;

    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = connect_to(&r);
        /* In their order, so that it is known which is the oldest. */
        do {
            s = ask(&r, PROBECTL_STATUS);
        } while (s.accepted <= i);
    }
    assert_int_equal(s.open, OPEN_MAX);
    assert_int_equal(s.dropped, ARRAY_LEN(fds) - OPEN_MAX);
    assert_true(is_closed(fds[0], WAIT_MS));
    assert_true(is_closed(fds[9], WAIT_MS));
    assert_false(is_closed(fds[10], 0));
    assert_int_equal(tcpport_check(&r.port, "/health", in(WAIT_MS), NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        (void)close(fds[i]);
    }
    stop(&r);
}

static void
listener_closes_who_does_not_ask_in_time(void **state)
{
    struct running r = start(*state, "/health");
    int fd = connect_to(&r);
    struct probectl_status s;

    assert_int_equal(write(fd, REQUEST, 5), 5);
    assert_true(is_closed(fd, WAIT_MS));
    s = ask(&r, PROBECTL_STATUS);
    assert_int_equal(s.dropped, 1);
    assert_int_equal(s.open, 0);
    (void)close(fd);
    stop(&r);
}

static void
listener_answers_a_request_in_pieces(void **state)
{
    struct running r = start(*state, "/health");
    int fd = connect_to(&r);
    char answer[16] = "";

    for (size_t i = 0; i < strlen(REQUEST); i++) {
        assert_int_equal(write(fd, REQUEST + i, 1), 1);
        (void)ask(&r, PROBECTL_STATUS); /* so that it has had a turn */
    }
    assert_int_equal(recv(fd, answer, 12, MSG_WAITALL), 12);
    assert_string_equal(answer, "HTTP/1.1 200");
    (void)close(fd);
    stop(&r);
}

static void
listener_refuses_while_it_drains(void **state)
{
    struct running bare = start(*state, "");
    struct probectl_status s = ask(&bare, PROBECTL_DRAIN);

    assert_int_equal(s.draining, 1);
    assert_int_equal(tcpport_check(&bare.port, NULL, in(WAIT_MS), NULL), -ERR_CONNECT);
    assert_int_equal(ask(&bare, PROBECTL_STATUS).draining, 1);
    assert_true(ask(&bare, PROBECTL_DRAIN).draining_ms >= s.draining_ms);
    stop(&bare);
    {
        struct running web = start(*state, "/health");

        assert_int_equal(ask(&web, PROBECTL_DRAIN).draining, 1);
        assert_int_equal(tcpport_check(&web.port, "/health", in(WAIT_MS), NULL), -ERR_SERVICE);
        assert_int_equal(ask(&web, PROBECTL_STATUS).refused, 1);
        stop(&web);
    }
}

/* Whether each check is answered beside connections that send nothing, of which some are closed. */
static bool
serves_with(struct fake *f, rlim_t descriptors)
{
    const struct rlimit few = {descriptors, descriptors};
    struct running r;
    int idle[3];
    bool good = setrlimit(RLIMIT_NOFILE, &few) == 0;

    r = start(f, "/health");
    for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
        idle[i] = connect_to(&r);
    }
    for (unsigned i = 0; good && i < 20; i++) {
        int more = connect_to(&r);

        good = tcpport_check(&r.port, "/health", in(WAIT_MS), NULL) == 0 &&
               ask(&r, PROBECTL_STATUS).own >= 2 * i;
        (void)close(more);
    }
    for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
        base_close_p(&idle[i]);
    }
    stop(&r);
    return good;
}

/* In a process of its own: a limit that was lowered cannot be raised again. */
static void
listener_with_few_descriptors_answers(void **state)
{
    static const rlim_t limits[] = {70, 20, 16};

    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        pid_t pid = fork();
        int status = 0;

        if (pid == 0) {
            _exit(serves_with(*state, limits[i]) ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status != 0) {
            fail_msg("with %u descriptors: status %d", (unsigned)limits[i], status);
        }
    }
}

static void
probectl_listen_is_for_us_alone(void **state)
{
    struct fake *f = *state;
    struct stat st;

    for (unsigned i = 0; i < 2; i++) { /* an old socket is replaced */
        int fd = -1;

        assert_int_equal(probectl_listen(f->cache.dir_fd, f->cache.dir, CONTROL, &fd, NULL), 0);
        assert_int_equal(fstatat(f->cache.dir_fd, CONTROL, &st, 0), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 0777, 0600);
        (void)close(fd);
    }
    assert_int_equal(unlinkat(f->cache.dir_fd, CONTROL, 0), 0);
}

static void
probectl_ask_without_an_answer(void **state)
{
    struct fake *f = *state;
    struct probectl_status s;
    int fd = -1;

    assert_int_equal(probectl_ask(f->cache.dir_fd, CONTROL, PROBECTL_STATUS, in(WAIT_MS), &s, NULL),
                     -ERR_CONNECT);
    assert_int_equal(probectl_listen(f->cache.dir_fd, f->cache.dir, CONTROL, &fd, NULL), 0);
    assert_int_equal(
        probectl_ask(f->cache.dir_fd, CONTROL, PROBECTL_STATUS, in(SHORT_MS), &s, NULL),
        -ERR_TIMEOUT);
    (void)close(fd);
    assert_int_equal(probectl_ask(f->cache.dir_fd, CONTROL, PROBECTL_STATUS, in(WAIT_MS), &s, NULL),
                     -ERR_CONNECT);
    assert_int_equal(unlinkat(f->cache.dir_fd, CONTROL, 0), 0);
}

/* What another version answers, and who closes without a word. */
static void
probectl_read_takes_a_whole_question_only(void **state)
{
    static const struct {
        struct probectl_question question;
        uint32_t more;
    } sent = {{.magic = PROBECTL_MAGIC, .command = PROBECTL_DRAIN}, 0};
    static const struct {
        size_t len;
        uint32_t command;
    } cases[] = {{sizeof(sent.question), PROBECTL_DRAIN}, {sizeof(sent), 0}, {4, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(send(fds[0], &sent, cases[i].len, 0), cases[i].len);
        assert_int_equal(probectl_read(fds[1]), cases[i].command);
        (void)close(fds[0]);
        (void)close(fds[1]);
    }
}

static void
probectl_ask_of_another_version(void **state)
{
    static const struct {
        struct {
            struct probectl_status status;
            uint64_t more;
        } answer;
        size_t len;
        int rc;
    } cases[] = {
        {{{.version = PROBECTL_VERSION}, 0}, sizeof(struct probectl_status), 0},
        {{{.version = PROBECTL_VERSION + 1}, 0}, sizeof(struct probectl_status), -ERR_MALFORMED},
        {{{.version = PROBECTL_VERSION}, 0}, 8, -ERR_MALFORMED},
        {{{.version = PROBECTL_VERSION}, 1}, sizeof(struct probectl_status) + 8, -ERR_MALFORMED},
        {{{.version = 0}, 0}, 0, -ERR_CONNECT}};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct probectl_status s;
        int fd = -1;
        pid_t pid = -1;

        assert_int_equal(probectl_listen(f->cache.dir_fd, f->cache.dir, CONTROL, &fd, NULL), 0);
        pid = fork();
        if (pid == 0) {
            int peer = deadline_poll(in(WAIT_MS), fd, POLLIN) < 0
                           ? -1
                           : accept4(fd, NULL, NULL, SOCK_CLOEXEC);

            _exit(probectl_read(peer) != PROBECTL_STATUS ||
                  (cases[i].len > 0 && send(peer, &cases[i].answer, cases[i].len, 0) < 0));
        }
        assert_int_equal(
            probectl_ask(f->cache.dir_fd, CONTROL, PROBECTL_STATUS, in(WAIT_MS), &s, NULL),
            cases[i].rc);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        (void)close(fd);
        assert_int_equal(unlinkat(f->cache.dir_fd, CONTROL, 0), 0);
    }
}

int
main(int argc, char **argv)
{
    static const struct CMUnitTest questions[] = {
        FAKE_TEST(probectl_listen_is_for_us_alone),
        FAKE_TEST(probectl_ask_without_an_answer),
        FAKE_TEST(probectl_ask_of_another_version),
        cmocka_unit_test(probectl_read_takes_a_whole_question_only),
    };
    static const struct CMUnitTest processes[] = {
        FAKE_TEST(listener_counts_connections_of_this_host_apart),
        FAKE_TEST(listener_has_one_thread),
        FAKE_TEST(listener_makes_room_for_the_newest),
        FAKE_TEST(listener_closes_who_does_not_ask_in_time),
        FAKE_TEST(listener_answers_a_request_in_pieces),
        FAKE_TEST(listener_refuses_while_it_drains),
        FAKE_TEST(listener_with_few_descriptors_answers),
    };
    int failed = 0;

    if (listener_is(argc, argv)) {
        return listener_main(argv);
    }
    failed = cmocka_run_group_tests_name("probectl", questions, NULL, NULL);
    if (harness_has_pidfd()) {
        failed += cmocka_run_group_tests_name("listener", processes, NULL, NULL);
    }
    return failed;
}
