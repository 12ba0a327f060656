/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "err.h"
#include "tcpport.h"

#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WAIT_MS  20000
#define SHORT_MS 50
#define PATH     "/health"
#define OK_TEXT  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

static struct deadline
in(uint64_t ms)
{
    return deadline_in(&clock_system, NULL, ms, -1);
}

static struct tcpport
port_of(const char *address)
{
    struct tcpport t = {.port = 0};

    assert_true(address == NULL || addr_parse(address, &t.address));
    return t;
}

/* Listen on a port that the kernel chooses, which *t is then told. */
static int
listen_somewhere(struct tcpport *t)
{
    struct sockaddr_in6 local;
    socklen_t len = sizeof(local);
    struct err e = {0};
    int fd = -1;

    if (tcpport_listen(t, &fd, &e) < 0) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
    t->port = ntohs(local.sin6_port); /* of both families at the same place */
    return fd;
}

/* Answer one connection from another process; NULL: end it without a word. */
static pid_t
answer_once(int fd, const char *answer)
{
    pid_t pid = fork();

    if (pid == 0) {
        char request[512];
        int flags = fcntl(fd, F_GETFL);
        int peer = fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0
                       ? -1
                       : accept4(fd, NULL, NULL, SOCK_CLOEXEC);

        if (peer >= 0 && answer != NULL) {
            (void)!read(peer, request, sizeof(request));
            (void)!write(peer, answer, strlen(answer));
        }
        _exit(peer < 0);
    }
    assert_true(pid > 0);
    return pid;
}

static int
check_answered(const char *address, const char *path, const char *answer, struct err *e)
{
    struct tcpport t = port_of(address);
    int fd = listen_somewhere(&t);
    pid_t pid = answer_once(fd, answer);
    int status = 0;
    int rc = tcpport_check(&t, path, in(WAIT_MS), e);

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    (void)close(fd);
    return rc;
}

static void
tcpport_check_of_an_answer(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(check_answered("127.0.0.1", NULL, NULL, &e), 0);
    assert_int_equal(check_answered(NULL, NULL, NULL, &e), 0);
    assert_int_equal(check_answered("127.0.0.1", PATH, OK_TEXT, &e), 0);
    assert_int_equal(check_answered("127.0.0.1", PATH, "HTTP/1.1 503 No\r\n\r\n", &e),
                     -ERR_SERVICE);
    assert_non_null(strstr(e.text, "does not answer a health check: HTTP/1.1 503 No"));
    assert_int_equal(check_answered("127.0.0.1", PATH, "SSH-2.0-x\r\n", &e), -ERR_SERVICE);
}

/* The kernel makes the connection, and nobody takes it. */
static void
tcpport_check_of_a_process_that_hangs_is_no_answer(void **state)
{
    struct tcpport t = port_of("127.0.0.1");
    int fd = listen_somewhere(&t);
    struct err e = {0};

    (void)state;
    assert_int_equal(tcpport_check(&t, NULL, in(SHORT_MS), &e), -ERR_TIMEOUT);
    assert_int_equal(tcpport_check(&t, PATH, in(SHORT_MS), &e), -ERR_TIMEOUT);
    (void)close(fd);
    assert_int_equal(tcpport_check(&t, NULL, in(WAIT_MS), &e), -ERR_CONNECT);
    assert_non_null(strstr(e.text, "127.0.0.1:"));
}

static void
tcpport_listen_in_use_says_by_whom(void **state)
{
    static const char *const addresses[] = {NULL, "127.0.0.1"};
    char who[96];
    char name[17] = "";

    (void)state;
    assert_int_equal(prctl(PR_GET_NAME, name, 0, 0, 0), 0);
    (void)snprintf(who, sizeof(who), "Address already in use, by %s (pid %d)", name, (int)getpid());
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct tcpport t = port_of(addresses[i]);
        int fd = listen_somewhere(&t);
        struct err e = {0};
        int second = -1;

        t.address = (struct addr){.family = 0};
        assert_int_equal(tcpport_listen(&t, &second, &e), -ERR_SYSTEM);
        if (strstr(e.text, who) == NULL) {
            fail_msg("%s", e.text);
        }
        assert_int_equal(second, -1);
        (void)close(fd);
    }
}

/* Of all addresses of one family none is of the other. */
static void
tcpport_listen_on_both_families_by_name(void **state)
{
    struct tcpport v6 = port_of("::");
    struct tcpport v4 = port_of("0.0.0.0");
    int fds[2] = {listen_somewhere(&v6), -1};
    struct err e = {0};

    (void)state;
    v4.port = v6.port;
    if (tcpport_listen(&v4, &fds[1], &e) < 0) {
        fail_msg("%s", e.text);
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
tcpport_listen_on_an_address_of_another_host(void **state)
{
    struct tcpport t = port_of("192.0.2.1");
    struct err e = {0};
    int fd = -1;

    (void)state;
    t.port = 5432;
    assert_int_equal(tcpport_listen(&t, &fd, &e), -ERR_PARAM_LOCAL);
    assert_non_null(strstr(e.text, "192.0.2.1:5432"));
}

static void
tcpport_text_forms(void **state)
{
    static const struct {
        const char *address;
        const char *text;
    } cases[] = {
        {NULL, "*:80"}, {"10.0.2.10", "10.0.2.10:80"}, {"2001:db8::1", "[2001:db8::1]:80"}};
    char text[TCPPORT_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tcpport t = port_of(cases[i].address);

        t.port = 80;
        assert_string_equal(tcpport_text(&t, text), cases[i].text);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcpport_check_of_an_answer),
        cmocka_unit_test(tcpport_check_of_a_process_that_hangs_is_no_answer),
        cmocka_unit_test(tcpport_listen_in_use_says_by_whom),
        cmocka_unit_test(tcpport_listen_on_both_families_by_name),
        cmocka_unit_test(tcpport_listen_on_an_address_of_another_host),
        cmocka_unit_test(tcpport_text_forms),
    };

    return cmocka_run_group_tests_name("tcpport", tests, NULL, NULL);
}
