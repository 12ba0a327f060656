/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/*
 * A name server on port 53 of a network namespace of the test's own. The child answers one
 * question after the other with what is written here: the header's code and counts, and records.
 * By TCP it accepts, and is silent for ever.
 */

#define NAME "db.corp.example."
/* A record about the name of the question, which begins at byte 12 of the message. */
#define RR(type, len, data) "\xc0\x0c\x00" type "\x00\x01\x00\x00\x00\x0a\x00" len data
#define A_RR(data)          RR("\x01", "\x04", data)
#define AAAA_RR(data)       RR("\x1c", "\x10", data)

struct script {
    unsigned char code; /* of the header: 0, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED */
    unsigned char n;    /* answers */
    const char *records;
    size_t len;
    bool silent;
    bool truncated; /* it does not fit ... */
    bool edns;      /* ... unless it is asked with EDNS */
};

static bool isolated;

static struct addr
address(const char *text)
{
    struct addr a;

    assert_true(addr_parse(text, &a));
    return a;
}

/* Once, for all tests; without it there is no port 53 to be had. */
static void
isolate(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = -1;

    if (!isolated) {
        isolated = harness_unshare(CLONE_NEWNET);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        isolated = isolated && fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
        (void)close(fd);
    }
    if (!isolated) {
        skip();
    }
}

static void
serve(int fd, const struct script *s)
{
    unsigned char message[NS_MAXMSG];
    struct sockaddr_in6 from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(fd, message, 512, 0, (struct sockaddr *)&from, &from_len);
    bool cut = s->truncated || (s->edns && message[11] == 0);
    size_t end = NS_HFIXEDSZ;

    if (len < NS_HFIXEDSZ || s->silent) {
        return;
    }
    while (message[end] != 0) {
        end += message[end] + 1u;
    }
    end += 5; /* the empty label, type and class */
    message[2] = (unsigned char)(0x81 | (cut ? 0x02 : 0));
    message[3] = 0x80 | s->code;
    message[7] = cut ? 0 : s->n;
    message[11] = 0; /* no EDNS */
    if (!cut) {
        memcpy(message + end, s->records, s->len);
        end += s->len;
    }
    (void)!sendto(fd, message, end, 0, (struct sockaddr *)&from, from_len);
}

static int
bound(int type)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
    int on = 1;

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    return fd;
}

/* Ask the server that does as the script says. */
static int
ask(const struct script *s, const char *server, int family, struct addr_list *ret, struct err *e)
{
    struct addr a = address(server);
    int udp = bound(SOCK_DGRAM);
    int tcp = bound(SOCK_STREAM);
    pid_t child = -1;
    int rc = 0;

    assert_int_equal(listen(tcp, 1), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (;;) {
            serve(udp, s);
        }
    }
    (void)close(udp);
    (void)close(tcp);
    rc = dns_addresses(&a, NAME, family, deadline_in(&clock_system, NULL, 10000, -1), ret, e);
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return rc;
}

#define SCRIPT(n_, text, ...)                                                                      \
    (&(struct script){.n = (n_), .records = (text), .len = sizeof(text) - 1, __VA_ARGS__})

static void
dns_addresses_of_the_family_asked_for(void **state)
{
    struct addr_list found = {.n = 0};
    struct addr expected = address("10.0.2.10");
    struct addr expected6 = address("2001:db8::10");
    struct err e = {0};

    (void)state;
    isolate();
    assert_int_equal(ask(SCRIPT(2, A_RR("\x0a\x00\x02\x0a") A_RR("\x0a\x00\x02\x0b"), .code = 0),
                         "127.0.0.1", AF_INET, &found, &e),
                     0);
    assert_int_equal(found.n, 2);
    assert_true(addr_equal(&found.items[0], &expected));
    assert_int_equal(
        ask(SCRIPT(1, AAAA_RR("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x10"), .code = 0), "::1",
            AF_INET6, &found, &e),
        0);
    assert_int_equal(found.n, 1);
    assert_true(addr_equal(&found.items[0], &expected6));
}

static void
dns_addresses_by_way_of_a_cname(void **state)
{
    struct addr_list found = {.n = 0};
    struct err e = {0};

    (void)state;
    isolate();
    assert_int_equal(
        ask(SCRIPT(2, RR("\x05", "\x04", "\x02xy\x00") A_RR("\x0a\x00\x02\x0a"), .code = 0),
            "127.0.0.1", AF_INET, &found, &e),
        0);
    assert_int_equal(found.n, 1);
}

static void
dns_addresses_truncated_is_an_error_at_once(void **state)
{
    struct addr_list found = {.n = 0};
    struct err e = {0};

    (void)state;
    isolate();
    found.n = 42;
    assert_int_equal(ask(SCRIPT(1, A_RR("\x0a\x00\x02\x0a"), .truncated = true), "127.0.0.1",
                         AF_INET, &found, &e),
                     -ERR_TOO_BIG);
    assert_string_equal(e.text, "resolver 127.0.0.1: its answer for " NAME
                                " does not fit into UDP: set another");
    assert_int_equal(found.n, 42);
}

#define EIGHT                                                                                      \
    A_RR("\x0a\x00\x02\x0a")                                                                       \
    A_RR("\x0a\x00\x02\x0a")                                                                       \
    A_RR("\x0a\x00\x02\x0a")                                                                       \
    A_RR("\x0a\x00\x02\x0a")                                                                       \
    A_RR("\x0a\x00\x02\x0a")                                                                       \
    A_RR("\x0a\x00\x02\x0a") A_RR("\x0a\x00\x02\x0a") A_RR("\x0a\x00\x02\x0a")

/* By UDP, whatever the node's resolver is told to do. */
static void
dns_addresses_32_fit_by_edns(void **state)
{
    struct addr_list found = {.n = 0};
    struct err e = {0};

    (void)state;
    isolate();
    assert_int_equal(setenv("RES_OPTIONS", "use-vc", 1), 0);
    assert_int_equal(
        ask(SCRIPT(32, EIGHT EIGHT EIGHT EIGHT, .edns = true), "127.0.0.1", AF_INET, &found, &e),
        0);
    assert_int_equal(unsetenv("RES_OPTIONS"), 0);
    assert_int_equal(found.n, 32);
}

static void
dns_addresses_no_such_name_is_an_answer(void **state)
{
    struct addr_list found = {.n = 42};
    struct err e = {0};

    (void)state;
    isolate();
    assert_int_equal(ask(SCRIPT(0, "", .code = ns_r_nxdomain), "127.0.0.1", AF_INET, &found, &e),
                     0);
    assert_int_equal(found.n, 0);
    found.n = 42;
    assert_int_equal(ask(SCRIPT(0, "", .code = 0), "127.0.0.1", AF_INET, &found, &e), 0);
    assert_int_equal(found.n, 0);
}

static void
dns_addresses_servers_that_do_not_tell(void **state)
{
    static const struct {
        struct script script;
        int rc;
    } cases[] = {
        {{.code = ns_r_servfail, .records = ""}, -ERR_TIMEOUT},
        {{.silent = true, .records = ""}, -ERR_TIMEOUT},
        {{.n = 9, .records = A_RR("\x0a\x00\x02\x0a"), .len = 16}, -ERR_MALFORMED},
    };

    (void)state;
    isolate();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr_list found = {.n = 42};
        struct err e = {0};

        assert_int_equal(ask(&cases[i].script, "127.0.0.1", AF_INET, &found, &e), cases[i].rc);
        print_message("%s\n", e.text);
        assert_non_null(strstr(e.text, "resolver 127.0.0.1"));
        assert_int_equal(found.n, 42);
    }
}

static void
dns_addresses_no_time_left_not_asked(void **state)
{
    struct fake *f = *state;
    struct addr server = address("127.0.0.1");
    struct addr_list found = {.n = 42};
    struct err e = {0};

    assert_int_equal(dns_addresses(&server, NAME, AF_INET, fake_deadline(f, 1000), &found, &e),
                     -ERR_DEADLINE);
    assert_int_equal(found.n, 42);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_addresses_of_the_family_asked_for),
        cmocka_unit_test(dns_addresses_by_way_of_a_cname),
        cmocka_unit_test(dns_addresses_truncated_is_an_error_at_once),
        cmocka_unit_test(dns_addresses_32_fit_by_edns),
        cmocka_unit_test(dns_addresses_no_such_name_is_an_answer),
        cmocka_unit_test(dns_addresses_servers_that_do_not_tell),
        FAKE_TEST(dns_addresses_no_time_left_not_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
