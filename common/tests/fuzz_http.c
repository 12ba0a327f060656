/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

/* The raw answer of a web server, as libcurl hands it on: status, headers, body. */

#define MAX_ANSWER  1024
#define PATIENCE_MS 5000

static const char *raw;
static size_t raw_len;
static int listening = -1;
static char url[64];

static void
open_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);

    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(listening >= 0);
    FUZZ_CHECK(bind(listening, (struct sockaddr *)&address, sizeof(address)) == 0);
    FUZZ_CHECK(listen(listening, 8) == 0);
    FUZZ_CHECK(getsockname(listening, (struct sockaddr *)&address, &len) == 0);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
}

/* Answer one request, which is read whole: or its rest would break the connection. */
static void *
serve(void *arg)
{
    char request[4096];
    size_t len = 0;
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

    (void)arg;
    FUZZ_CHECK(fd >= 0);
    while (len < 4 || memcmp(request + len - 4, "\r\n\r\n", 4) != 0) {
        ssize_t n = recv(fd, request + len, sizeof(request) - len, 0);

        FUZZ_CHECK(n > 0);
        len += (size_t)n;
    }
    (void)!send(fd, raw, raw_len, MSG_NOSIGNAL);
    (void)close(fd);
    return NULL;
}

static void
check(const struct http_exchange *x, struct buf *trace)
{
    if (x->error.code < 0) {
        fuzz_error(trace, x->error.code, &x->error);
        return;
    }
    FUZZ_CHECK(x->answer.status >= 100 && x->answer.status <= 999);
    FUZZ_CHECK(x->answer.body.len <= MAX_ANSWER && x->answer.sent);
    FUZZ_CHECK(x->answer.date_s >= 0);
    FUZZ_CHECK(strnlen(x->answer.request_id, HTTP_REQUEST_ID_MAX) < HTTP_REQUEST_ID_MAX);
    fuzz_word(x->answer.request_id);
    fuzz_say(trace, "%ld %lld %s %s\n", x->answer.status, (long long)x->answer.date_s,
             x->answer.request_id, buf_str(&x->answer.body));
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static const struct http_options options = {.proxy = NULL};
    struct http_exchange x = {.request = {.method = "GET",
                                          .url = url,
                                          .max_answer = MAX_ANSWER,
                                          .attempt_ms = PATIENCE_MS,
                                          .direct = true,
                                          .fresh = true}};
    struct http_exchange *const all[] = {&x};
    struct http_transport transport;
    struct http *h = NULL;
    struct err e = {0};
    pthread_t server;

    if (listening < 0) {
        open_port();
    }
    raw = text;
    raw_len = len;
    FUZZ_CHECK(http_new(&options, &h, &e) == 0);
    FUZZ_CHECK(pthread_create(&server, NULL, serve, NULL) == 0);
    transport = http_transport(h);
    FUZZ_CHECK(transport.perform(transport.arg, all, 1,
                                 deadline_in(&clock_system, NULL, PATIENCE_MS, -1)) == 0);
    FUZZ_CHECK(x.error.code != -ERR_CONNECT);
    FUZZ_CHECK(pthread_join(server, NULL) == 0);
    check(&x, trace);
    http_exchange_done(&x);
    http_free(h);
}
