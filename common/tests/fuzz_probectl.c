/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "probectl.h"

#include <pthread.h>
#include <sys/socket.h>

/* A datagram, as the listener gets it for a question and as the agent gets it for an answer. */

#define NAME        "probe.sock"
#define PATIENCE_MS 5000

static const char *datagram;
static size_t datagram_len;
static int listening = -1;

static void
ask_listener(struct buf *trace)
{
    const struct probectl_status answer = {.version = PROBECTL_VERSION, .checks = 1};
    struct probectl_status got = {.version = 0};
    struct probectl_question q = {.magic = 0};
    uint32_t command = 0;
    int fds[2];

    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    FUZZ_CHECK(send(fds[0], datagram, datagram_len, 0) == (ssize_t)datagram_len);
    command = probectl_read(fds[1]);
    probectl_answer(fds[1], &answer);
    FUZZ_CHECK(recv(fds[0], &got, sizeof(got), 0) == sizeof(got));
    FUZZ_CHECK(memcmp(&got, &answer, sizeof(got)) == 0);
    FUZZ_CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
    if (datagram_len == sizeof(q)) {
        memcpy(&q, datagram, sizeof(q));
    }
    FUZZ_CHECK(command == (q.magic == PROBECTL_MAGIC ? q.command : 0));
    fuzz_say(trace, "%u\n", command);
}

static void *
serve(void *arg)
{
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    struct probectl_question q;

    (void)arg;
    FUZZ_CHECK(fd >= 0 && recv(fd, &q, sizeof(q), 0) == sizeof(q));
    (void)!send(fd, datagram, datagram_len, MSG_NOSIGNAL);
    (void)close(fd);
    return NULL;
}

static void
ask_as_agent(struct buf *trace)
{
    struct probectl_status status = {.version = 12345};
    struct probectl_status sent = {.version = 0};
    struct err e = {0};
    pthread_t server;
    int rc = 0;

    FUZZ_CHECK(pthread_create(&server, NULL, serve, NULL) == 0);
    rc = probectl_ask(fuzz_cache()->dir_fd, NAME, PROBECTL_STATUS,
                      deadline_in(&clock_system, NULL, PATIENCE_MS, -1), &status, &e);
    FUZZ_CHECK(pthread_join(server, NULL) == 0);
    if (rc < 0) {
        FUZZ_CHECK(status.version == 12345);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(datagram_len == sizeof(sent));
    memcpy(&sent, datagram, sizeof(sent));
    FUZZ_CHECK(memcmp(&sent, &status, sizeof(sent)) == 0 && sent.version == PROBECTL_VERSION);
    fuzz_say(trace, "%llu\n", (unsigned long long)status.checks);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    struct err e = {0};

    if (listening < 0) {
        FUZZ_CHECK(probectl_listen(fuzz_cache()->dir_fd, fuzz_cache()->dir, NAME, &listening, &e) ==
                   0);
        /* It is this side that waits here. */
        FUZZ_CHECK(fcntl(listening, F_SETFL, 0) == 0);
    }
    datagram = text;
    datagram_len = len;
    ask_listener(trace);
    ask_as_agent(trace);
}
