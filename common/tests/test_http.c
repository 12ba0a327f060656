/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "http.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/*
 * A server in a child process: what it does with a request is told by the path. What it was sent
 * it leaves in shared memory. Each connection has a process of its own, so that none waits for
 * another.
 */

#define REQUEST_MAX  4096
#define REQUESTS_MAX 64
#define BIG_BODY     100000

struct seen {
    unsigned n_connections;
    unsigned n_requests;
    unsigned n_tls_bytes; /* of application data that came through TLS */
    char requests[REQUESTS_MAX][REQUEST_MAX];
};

static struct seen *seen;
static pid_t server_pid = -1;
static char plain[64]; /* http://127.0.0.1:PORT */
static char tls[64];   /* https://127.0.0.1:PORT, with a certificate for that address */
static char wrong[64]; /* https://127.0.0.1:PORT, with a certificate for another host */
static char old[64];   /* https://127.0.0.1:PORT, TLS 1.1 with a certificate for that address */
static char ca_path[64];
static char wrong_ca_path[64];
static char old_ca_path[64];
static char openssl_path[64];

enum { PLAIN, TLS, WRONG, OLD, N_SERVERS };

enum ending { CLOSE, RESET, HOLD };

static const struct {
    const char *path;
    const char *answer;
    enum ending ending;
} pages[] = {
    {"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", CLOSE},
    {"/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", CLOSE},
    {"/chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n",
     CLOSE},
    {"/until-close", "HTTP/1.0 200 OK\r\n\r\nhello", CLOSE},
    {"/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", CLOSE},
    {"/fault", "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", CLOSE},
    {"/redirect", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", CLOSE},
    {"/truncated", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", CLOSE},
    {"/truncated-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello", CLOSE},
    {"/reset", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", RESET},
    {"/reset-early", "", RESET},
    {"/close-early", "", CLOSE},
    {"/garbage", "SSH-2.0-OpenSSH\r\n", CLOSE},
    {"/no-status", "HTTP/200 L0 OK\r\n\r\n", CLOSE},
    {"/long-status", "HTTP/2403403\r\n\r\n", CLOSE},
    {"/silent", "", HOLD},
    {"/stuck", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", HOLD},
    {"/headers",
     "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
     "x-amzn-RequestId:  12345678-1234-1234-1234-123456789012 \r\nContent-Length: 0\r\n\r\n",
     CLOSE},
    {"/route53",
     "HTTP/1.1 200 OK\r\nX-Amz-Request-Id: abc/DEF+=._\r\ndate:Sat, 21 Nov 2026 12:00:01 "
     "GMT\r\nContent-Length: 0\r\n\r\n",
     CLOSE},
    {"/bad-headers",
     "HTTP/1.1 200 OK\r\nDate: yesterday\r\nx-amzn-RequestId: two words\r\n"
     "x-amzn-RequestIdX: other\r\nContent-Length: 0\r\n\r\n",
     CLOSE},
    {"/continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     CLOSE},
};

static void
send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return;
        }
        data += n;
        len -= (size_t)n;
    }
}

/* Headers whose values are one character longer than there is room for, and a big body. */
static void
send_generated(int fd, const char *request)
{
    char line[512];
    char filler[300];

    memset(filler, 'i', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    if (strncmp(request, "GET /long-id", 12) == 0) {
        int len =
            snprintf(line, sizeof(line),
                     "HTTP/1.1 200 OK\r\nx-amzn-RequestId: %.*s\r\nDate: %s\r\n"
                     "Content-Length: 0\r\n\r\n",
                     strncmp(request, "GET /long-id-fits", 17) == 0 ? 63 : 64, filler, filler);

        send_all(fd, line, (size_t)len);
    } else if (strncmp(request, "GET /endless-", 13) == 0) {
        bool trailers = strncmp(request, "GET /endless-trailers", 21) == 0;
        int len = snprintf(line, sizeof(line), "X-Filler: %s\r\n", filler);
        const char *head = trailers ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
                                    : "HTTP/1.1 200 OK\r\n";

        send_all(fd, head, strlen(head));
        while (send(fd, line, (size_t)len, MSG_NOSIGNAL) == len) {
        }
    } else if (strncmp(request, "GET /big", 8) == 0) {
        int len =
            snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG_BODY);

        send_all(fd, line, (size_t)len);
        for (int sent = 0; sent < BIG_BODY; sent += 100) {
            send_all(fd, filler, 100);
        }
    }
}

static void
end_connection(int fd, enum ending ending)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    switch (ending) {
    case CLOSE:
        break;
    case RESET:
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        break;
    case HOLD:
        (void)pause();
        break;
    }
    (void)close(fd);
}

/* Whether the head, and as much of a body as it promises, is there. */
static bool
is_complete(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length:");
    size_t body_len = 0;

    if (end == NULL) {
        return false;
    }
    if (length != NULL && length < end) {
        (void)sscanf(strchr(length, ':') + 1, "%zu", &body_len);
    }
    return strlen(end + 4) >= body_len;
}

/* Be a proxy: all bytes in both directions until one side ends. `target` is 127.0.0.1:PORT. */
static void
tunnel(int fd, const char *target)
{
    static const char ok[] = "HTTP/1.1 200 Connection established\r\n\r\n";
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN}};
    unsigned port = 0;
    char data[4096];

    if (sscanf(target, "127.0.0.1:%u", &port) != 1) {
        return;
    }
    a.sin_port = htons((uint16_t)port);
    if (connect(p[1].fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        return;
    }
    send_all(fd, ok, sizeof(ok) - 1);
    while (poll(p, 2, -1) > 0) {
        for (size_t i = 0; i < 2; i++) {
            ssize_t n = p[i].revents == 0 ? 0 : recv(p[i].fd, data, sizeof(data), 0);

            if (p[i].revents != 0 && n <= 0) {
                return;
            }
            send_all(p[1 - i].fd, data, (size_t)n);
        }
    }
}

static void
serve_plain(int fd)
{
    char text[REQUEST_MAX] = "";
    size_t len = 0;
    size_t path_at = 0;
    size_t path_len = 0;
    unsigned k = 0;

    while (!is_complete(text)) {
        ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);

        if (n <= 0) {
            _exit(0);
        }
        len += (size_t)n;
        text[len] = '\0';
    }
    k = __atomic_fetch_add(&seen->n_requests, 1, __ATOMIC_SEQ_CST);
    if (k < REQUESTS_MAX) {
        memcpy(seen->requests[k], text, len + 1);
    }
    if (strncmp(text, "CONNECT ", 8) == 0) {
        tunnel(fd, text + 8);
        return;
    }
    path_at = strcspn(text, " ") + 1;
    /* As a proxy we are sent the whole URL. */
    if (strncmp(text + path_at, "http://", 7) == 0) {
        path_at += 7 + strcspn(text + path_at + 7, "/");
    }
    path_len = strcspn(text + path_at, " ?");
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (strlen(pages[i].path) == path_len &&
            strncmp(text + path_at, pages[i].path, path_len) == 0) {
            send_all(fd, pages[i].answer, strlen(pages[i].answer));
            end_connection(fd, pages[i].ending);
            return;
        }
    }
    send_generated(fd, text);
    end_connection(fd, CLOSE);
}

static void
serve_tls(int fd, SSL_CTX *context)
{
    SSL *ssl = SSL_new(context);
    char text[REQUEST_MAX];
    int n = 0;

    if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1) {
        n = SSL_read(ssl, text, sizeof(text));
        if (n > 0) {
            (void)__atomic_fetch_add(&seen->n_tls_bytes, (unsigned)n, __ATOMIC_SEQ_CST);
            (void)SSL_write(ssl, pages[0].answer, (int)strlen(pages[0].answer));
            (void)SSL_shutdown(ssl);
        }
    }
    SSL_free(ssl);
}

/* A key and a certificate that signs itself, for one host; the certificate is written to path. */
static SSL_CTX *
make_context(const char *host, const char *path)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_NAME_new();
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, host);
    FILE *file = fopen(path, "we");

    assert_true(context != NULL && key != NULL && cert != NULL && name != NULL && san != NULL);
    assert_non_null(file);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)"ocf-aws test", -1, -1, 0),
                     1);
    assert_true(X509_set_version(cert, 2) && X509_set_subject_name(cert, name) &&
                X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key) &&
                X509_add_ext(cert, san, -1) && X509_gmtime_adj(X509_getm_notBefore(cert), -60) &&
                X509_gmtime_adj(X509_getm_notAfter(cert), 3600) &&
                X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    (void)fclose(file);
    assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_EXTENSION_free(san);
    X509_NAME_free(name);
    X509_free(cert);
    EVP_PKEY_free(key);
    return context;
}

static int
listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

/* The server's life: a process a connection; all of them end with their parent. */
static void
serve(const int listeners[N_SERVERS], SSL_CTX *const contexts[N_SERVERS])
{
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        struct pollfd p[N_SERVERS];

        for (size_t i = 0; i < N_SERVERS; i++) {
            p[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
        }
        (void)poll(p, N_SERVERS, -1);
        for (size_t i = 0; i < N_SERVERS; i++) {
            int fd =
                (p[i].revents & POLLIN) == 0 ? -1 : accept4(listeners[i], NULL, NULL, SOCK_CLOEXEC);

            if (fd >= 0 && fork() == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)__atomic_fetch_add(&seen->n_connections, 1, __ATOMIC_SEQ_CST);
                if (contexts[i] == NULL) {
                    serve_plain(fd);
                } else {
                    serve_tls(fd, contexts[i]);
                }
                _exit(0);
            }
            if (fd >= 0) {
                (void)close(fd);
            }
        }
    }
}

static void
make_path(char path[64])
{
    int fd = -1;

    (void)snprintf(path, 64, "%s", P_tmpdir "/ocf-aws-ca-XXXXXX");
    fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(fd);
}

/* From here on OpenSSL allows what systems allowed ten years ago: what refuses it is ours. */
static void
allow_old_tls(void)
{
    static const char text[] = "openssl_conf = all\n[all]\nssl_conf = ssl\n"
                               "[ssl]\nsystem_default = old\n"
                               "[old]\nMinProtocol = TLSv1\nCipherString = ALL@SECLEVEL=0\n";
    FILE *file = NULL;

    make_path(openssl_path);
    file = fopen(openssl_path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("OPENSSL_CONF", openssl_path, 1), 0);
}

static int
start_server(void **state)
{
    int listeners[N_SERVERS];
    uint16_t ports[N_SERVERS];
    SSL_CTX *contexts[N_SERVERS] = {NULL};

    (void)state;
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED) {
        return -1;
    }
    allow_old_tls();
    for (size_t i = 0; i < N_SERVERS; i++) {
        listeners[i] = listen_on_loopback(&ports[i]);
    }
    make_path(ca_path);
    make_path(wrong_ca_path);
    make_path(old_ca_path);
    contexts[TLS] = make_context("IP:127.0.0.1", ca_path);
    contexts[WRONG] = make_context("DNS:other.example.com", wrong_ca_path);
    contexts[OLD] = make_context("IP:127.0.0.1", old_ca_path);
    assert_int_equal(SSL_CTX_set_max_proto_version(contexts[OLD], TLS1_1_VERSION), 1);
    (void)snprintf(plain, sizeof(plain), "http://127.0.0.1:%hu", ports[PLAIN]);
    (void)snprintf(tls, sizeof(tls), "https://127.0.0.1:%hu", ports[TLS]);
    (void)snprintf(wrong, sizeof(wrong), "https://127.0.0.1:%hu", ports[WRONG]);
    (void)snprintf(old, sizeof(old), "https://127.0.0.1:%hu", ports[OLD]);
    (void)unsetenv("http_proxy");
    (void)unsetenv("https_proxy");
    (void)unsetenv("HTTPS_PROXY");
    (void)unsetenv("all_proxy");
    (void)unsetenv("ALL_PROXY");
    (void)unsetenv("no_proxy");
    (void)unsetenv("NO_PROXY");
    server_pid = fork();
    if (server_pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listeners, contexts);
    }
    for (size_t i = 0; i < N_SERVERS; i++) {
        (void)close(listeners[i]);
        SSL_CTX_free(contexts[i]);
    }
    return server_pid > 0 ? 0 : -1;
}

static int
stop_server(void **state)
{
    (void)state;
    (void)kill(server_pid, SIGKILL);
    (void)waitpid(server_pid, NULL, 0);
    (void)unlink(ca_path);
    (void)unlink(wrong_ca_path);
    (void)unlink(old_ca_path);
    (void)unlink(openssl_path);
    return munmap(seen, sizeof(*seen));
}

static int
forget(void **state)
{
    (void)state;
    memset(seen, 0, sizeof(*seen));
    return 0;
}

static uint64_t
now_ms(void)
{
    return clock_system.mono_ms(NULL);
}

/* One request by a transport of its own. */
struct once {
    const char *base;
    const char *path;
    const char *method; /* NULL: GET */
    const char *headers[4];
    const char *body;
    size_t max_answer;   /* 0: 1000 */
    uint64_t attempt_ms; /* 0: 5000 */
    bool direct;
    bool fresh;
    bool secret;
    struct http_options options;
    int cancel_fd; /* 0: none */
};

static int
ask(const struct once *o, struct http_exchange *x)
{
    struct deadline d =
        deadline_in(&clock_system, NULL, 20000, o->cancel_fd == 0 ? -1 : o->cancel_fd);
    struct http_exchange *const all[] = {x};
    struct http_transport transport;
    struct http *h = NULL;
    char url[256];
    int rc = 0;

    (void)snprintf(url, sizeof(url), "%s%s", o->base == NULL ? plain : o->base, o->path);
    *x = (struct http_exchange){.request = {.method = o->method == NULL ? "GET" : o->method,
                                            .url = url,
                                            .body = o->body,
                                            .body_len = o->body == NULL ? 0 : strlen(o->body),
                                            .max_answer = o->max_answer == 0 ? 1000 : o->max_answer,
                                            .attempt_ms = o->attempt_ms == 0 ? 5000 : o->attempt_ms,
                                            .direct = o->direct,
                                            .fresh = o->fresh,
                                            .secret = o->secret}};
    while (x->request.n_headers < ARRAY_LEN(o->headers) &&
           o->headers[x->request.n_headers] != NULL) {
        x->request.headers[x->request.n_headers] = o->headers[x->request.n_headers];
        x->request.n_headers++;
    }
    assert_int_equal(http_new(&o->options, &h, &x->error), 0);
    transport = http_transport(h);
    rc = transport.perform(transport.arg, all, 1, d);
    http_free(h);
    return rc;
}

static void
http_answers_with_status_and_body(void **state)
{
    static const struct {
        const char *path;
        long status;
        const char *body;
    } cases[] = {
        {"/ok", 200, "hello"},          {"/empty", 200, ""},     {"/chunked", 200, "hello there"},
        {"/until-close", 200, "hello"}, {"/fault", 503, "busy"}, {"/continue", 200, "ok"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_exchange x;

        print_message("  %s\n", cases[i].path);
        assert_int_equal(ask(&(struct once){.path = cases[i].path}, &x), 0);
        assert_int_equal(x.error.code, 0);
        assert_int_equal(x.answer.status, cases[i].status);
        assert_string_equal(buf_str(&x.answer.body), cases[i].body);
        assert_true(x.answer.sent);
        http_exchange_done(&x);
    }
}

static void
http_redirect_not_followed(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(ask(&(struct once){.path = "/redirect"}, &x), 0);
    assert_int_equal(x.error.code, 0);
    assert_int_equal(x.answer.status, 302);
    assert_int_equal(seen->n_requests, 1);
    http_exchange_done(&x);
}

static void
http_broken_answers_are_errors_that_name_the_host(void **state)
{
    static const struct {
        const char *path;
        enum err_code code;
    } cases[] = {
        {"/truncated", ERR_NETWORK},   {"/truncated-chunk", ERR_NETWORK},
        {"/reset", ERR_NETWORK},       {"/reset-early", ERR_NETWORK},
        {"/close-early", ERR_NETWORK}, {"/garbage", ERR_MALFORMED},
        {"/no-status", ERR_MALFORMED}, {"/long-status", ERR_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_exchange x;

        print_message("  %s\n", cases[i].path);
        assert_int_equal(ask(&(struct once){.path = cases[i].path}, &x), 0);
        assert_int_equal(x.error.code, -(int)cases[i].code);
        assert_non_null(strstr(x.error.text, plain + strlen("http://")));
        assert_null(strstr(x.error.text, cases[i].path));
        assert_true(x.answer.sent);
        http_exchange_done(&x);
    }
}

static void
http_silent_server_times_out_at_the_cap(void **state)
{
    static const char *const paths[] = {"/silent", "/stuck"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        uint64_t begun_ms = now_ms();
        struct http_exchange x;

        assert_int_equal(ask(&(struct once){.path = paths[i], .attempt_ms = 200}, &x), 0);
        assert_int_equal(x.error.code, -ERR_TIMEOUT);
        assert_true(x.answer.sent);
        assert_true(now_ms() - begun_ms >= 190);
        assert_true(now_ms() - begun_ms < 3000);
        http_exchange_done(&x);
    }
}

/* --- what becomes of a write that is given up ------------------------------------------------- */

#define SMALL_BUFFER 4096
#define LARGE_BODY   (16U << 20) /* more than the buffers of both ends hold */

/* A server of this process that has not accepted anything yet; its base URL goes to out. */
static int
listen_unread(char out[64])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int small = SMALL_BUFFER;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(out, 64, "http://127.0.0.1:%d", ntohs(a.sin_port));
    return fd;
}

/* Read all that still comes: 0 when it ends in order, else errno. */
static int
read_to_end(int fd)
{
    char data[65536];
    ssize_t n = 0;

    do {
        n = recv(fd, data, sizeof(data), 0);
    } while (n > 0);
    return n == 0 ? 0 : errno;
}

/* What the kernel holds of it must not go out when the network is whole again. */
static void
http_write_given_up_is_not_sent_later(void **state)
{
    OCF_FREE char *body = malloc(LARGE_BODY + 1);
    char base[64];
    OCF_CLOSE int listener = listen_unread(base);
    OCF_CLOSE int fd = -1;
    struct http_exchange x;

    (void)state;
    memset(body, 'x', LARGE_BODY);
    body[LARGE_BODY] = '\0';
    assert_int_equal(ask(&(struct once){.base = base,
                                        .path = "/",
                                        .method = "POST",
                                        .body = body,
                                        .attempt_ms = 200,
                                        .fresh = true},
                         &x),
                     0);
    assert_int_equal(x.error.code, -ERR_TIMEOUT);
    http_exchange_done(&x);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read_to_end(fd), ECONNRESET);
}

/* A child that makes the request; its end says nothing. */
static pid_t
ask_in_child(const struct once *o)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct http_exchange x;

        (void)ask(o, &x);
        _exit(0);
    }
    return pid;
}

/* The executor kills who does not end in time, and the kernel whoever uses too much. */
static void
http_write_of_a_process_that_is_killed_is_not_sent_later(void **state)
{
    OCF_FREE char *body = malloc(LARGE_BODY + 1);
    char base[64];
    char first[1];
    OCF_CLOSE int listener = listen_unread(base);
    OCF_CLOSE int fd = -1;
    pid_t pid = -1;

    (void)state;
    memset(body, 'x', LARGE_BODY);
    body[LARGE_BODY] = '\0';
    pid = ask_in_child(
        &(struct once){.base = base, .path = "/", .method = "POST", .body = body, .fresh = true});
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(recv(fd, first, sizeof(first), 0), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(read_to_end(fd), ECONNRESET);
}

static void
http_write_that_was_answered_ends_in_order(void **state)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char base[64];
    char request[REQUEST_MAX];
    OCF_CLOSE int listener = listen_unread(base);
    OCF_CLOSE int fd = -1;
    pid_t pid = -1;

    (void)state;
    pid = ask_in_child(
        &(struct once){.base = base, .path = "/", .method = "POST", .body = "x", .fresh = true});
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(recv(fd, request, sizeof(request), 0) > 0);
    assert_int_equal(send(fd, answer, sizeof(answer) - 1, 0), sizeof(answer) - 1);
    assert_int_equal(read_to_end(fd), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
http_deadline_nearer_than_the_cap_wins(void **state)
{
    struct http_exchange x = {.request = {.method = "GET", .max_answer = 100, .attempt_ms = 10000}};
    struct http_exchange *const all[] = {&x};
    const struct http_options options = {.proxy = NULL};
    uint64_t begun_ms = now_ms();
    struct http_transport transport;
    struct http *h = NULL;
    char url[100];

    (void)state;
    (void)snprintf(url, sizeof(url), "%s/silent", plain);
    x.request.url = url;
    assert_int_equal(http_new(&options, &h, NULL), 0);
    transport = http_transport(h);
    assert_int_equal(
        transport.perform(transport.arg, all, 1, deadline_in(&clock_system, NULL, 200, -1)), 0);
    assert_int_equal(x.error.code, -ERR_TIMEOUT);
    /* Over already: an attempt, but no wait. 0 must not mean "no limit". */
    assert_int_equal(
        transport.perform(transport.arg, all, 1, deadline_in(&clock_system, NULL, 0, -1)), 0);
    assert_int_equal(x.error.code, -ERR_TIMEOUT);
    assert_true(now_ms() - begun_ms < 3000);
    http_exchange_done(&x);
    http_free(h);
}

static void
http_body_at_and_over_the_maximum(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(ask(&(struct once){.path = "/big", .max_answer = BIG_BODY}, &x), 0);
    assert_int_equal(x.error.code, 0);
    assert_int_equal(x.answer.body.len, BIG_BODY);
    http_exchange_done(&x);
    assert_int_equal(ask(&(struct once){.path = "/big", .max_answer = BIG_BODY - 1}, &x), 0);
    assert_int_equal(x.error.code, -ERR_TOO_BIG);
    assert_true(x.answer.body.cap <= BIG_BODY);
    http_exchange_done(&x);
    assert_int_equal(ask(&(struct once){.path = "/chunked", .max_answer = 10}, &x), 0);
    assert_int_equal(x.error.code, -ERR_TOO_BIG);
    http_exchange_done(&x);
}

/* Each of them may be so large, but not all of them at once. */
static void
http_bodies_together_have_a_maximum(void **state)
{
    enum { N = HTTP_BODIES_MAX / BIG_BODY + 5 };
    struct http_exchange x[N] = {0};
    struct http_exchange *all[N];
    const struct http_options options = {.proxy = NULL};
    struct http_transport transport;
    struct http *h = NULL;
    size_t kept = 0;
    char url[100];

    (void)state;
    (void)snprintf(url, sizeof(url), "%s/big", plain);
    for (size_t i = 0; i < N; i++) {
        x[i].request = (struct http_request){
            .method = "GET", .url = url, .max_answer = BIG_BODY, .attempt_ms = 60000};
        all[i] = &x[i];
    }
    assert_int_equal(http_new(&options, &h, NULL), 0);
    transport = http_transport(h);
    for (int round = 0; round < 2; round++) {
        kept = 0;
        assert_int_equal(
            transport.perform(transport.arg, all, N, deadline_in(&clock_system, NULL, 60000, -1)),
            0);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(x[i].error.code, x[i].answer.body.len > 0 ? 0 : -ERR_TOO_BIG);
            kept += x[i].answer.body.len;
        }
        assert_in_range(kept, BIG_BODY, HTTP_BODIES_MAX);
    }
    for (size_t i = 0; i < N; i++) {
        http_exchange_done(&x[i]);
    }
    http_free(h);
}

/* Who answers cannot make us keep more than a little, in no part of the answer. */
static void
http_endless_head_is_too_big(void **state)
{
    static const char *const paths[] = {"/endless-head", "/endless-trailers"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct http_exchange x;

        print_message("  %s\n", paths[i]);
        assert_int_equal(ask(&(struct once){.path = paths[i], .attempt_ms = 20000}, &x), 0);
        assert_int_equal(x.error.code, -ERR_TOO_BIG);
        http_exchange_done(&x);
    }
}

/* An answer that says it is compressed is what it is; none is asked for. */
static void
http_body_is_never_decompressed(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(ask(&(struct once){.path = "/gzip"}, &x), 0);
    assert_int_equal(x.error.code, 0);
    assert_string_equal(buf_str(&x.answer.body), "hello");
    assert_null(strcasestr(seen->requests[0], "Accept-Encoding"));
    http_exchange_done(&x);
}

static void
http_secret_answer_in_a_wiping_buffer(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(ask(&(struct once){.path = "/ok", .secret = true}, &x), 0);
    assert_true(x.answer.body.secret);
    http_exchange_done(&x);
    assert_int_equal(ask(&(struct once){.path = "/ok"}, &x), 0);
    assert_false(x.answer.body.secret);
    http_exchange_done(&x);
}

static void
http_date_and_request_id_of_the_answer(void **state)
{
    static const struct {
        const char *path;
        int64_t date_s;
        const char *id;
    } cases[] = {
        {"/headers", 1795262400, "12345678-1234-1234-1234-123456789012"},
        {"/route53", 1795262401, "abc/DEF+=._"},
        {"/bad-headers", 0, ""},
        {"/ok", 0, ""},
        {"/long-id-fits", 0, "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"},
        {"/long-id", 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_exchange x;

        print_message("  %s\n", cases[i].path);
        assert_int_equal(ask(&(struct once){.path = cases[i].path}, &x), 0);
        assert_int_equal(x.error.code, 0);
        assert_int_equal(x.answer.date_s, cases[i].date_s);
        assert_string_equal(x.answer.request_id, cases[i].id);
        http_exchange_done(&x);
    }
}

static void
http_request_is_sent_as_given(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(ask(&(struct once){.path = "/ok?a=b%20c",
                                        .method = "POST",
                                        .headers = {"X-One: 1", "Content-Type: text/x", "Expect:"},
                                        .body = "the body"},
                         &x),
                     0);
    assert_int_equal(x.answer.status, 200);
    http_exchange_done(&x);
    assert_non_null(strstr(seen->requests[0], "POST /ok?a=b%20c HTTP/1.1\r\n"));
    assert_non_null(strstr(seen->requests[0], "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(seen->requests[0], "\r\nContent-Type: text/x\r\n"));
    assert_non_null(strstr(seen->requests[0], "\r\n\r\nthe body"));
    assert_null(strcasestr(seen->requests[0], "Expect"));
    assert_int_equal(ask(&(struct once){.path = "/ok", .method = "PUT"}, &x), 0);
    http_exchange_done(&x);
    assert_non_null(strstr(seen->requests[1], "PUT /ok HTTP/1.1\r\n"));
}

static void
http_refused_connection_sends_nothing(void **state)
{
    struct http_exchange x;
    char base[64];
    uint16_t port = 0;
    int fd = listen_on_loopback(&port);

    (void)state;
    (void)close(fd); /* nobody listens there now */
    (void)snprintf(base, sizeof(base), "http://127.0.0.1:%hu", port);
    assert_int_equal(ask(&(struct once){.base = base, .path = "/ok"}, &x), 0);
    assert_int_equal(x.error.code, -ERR_CONNECT);
    assert_false(x.answer.sent);
    assert_int_equal(x.answer.status, 0);
    http_exchange_done(&x);
}

static void
http_unknown_host_and_scheme_are_told_apart(void **state)
{
    struct http_exchange x;

    (void)state;
    /* No DNS server is asked about a name that cannot be one. */
    assert_int_equal(ask(&(struct once){.base = "http://a..b", .path = "/"}, &x), 0);
    assert_int_equal(x.error.code, -ERR_RESOLVE);
    assert_false(x.answer.sent);
    http_exchange_done(&x);
    assert_int_equal(ask(&(struct once){.base = "file:///etc/passwd", .path = ""}, &x), 0);
    assert_int_equal(x.error.code, -ERR_PARAM);
    assert_int_equal(x.answer.body.len, 0);
    http_exchange_done(&x);
}

/* --- name servers, in namespaces of a process of its own ------------------------------------ */

#define ISOLATED_SKIP 77

static int
name_server(const char *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && inet_pton(AF_INET, address, &at.sin_addr) == 1 &&
                   bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0
               ? fd
               : -1;
}

/* Every name is at 127.0.0.1 and has no IPv6 address; until it is killed. */
static void
answer_names(int fd)
{
    static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1};

    for (;;) {
        uint8_t message[512];
        struct sockaddr_in from;
        socklen_t from_len = sizeof(from);
        ssize_t len = recvfrom(fd, message, sizeof(message) - sizeof(record), 0,
                               (struct sockaddr *)&from, &from_len);
        size_t end = 12;

        if (len < 12) {
            continue;
        }
        while (message[end] != 0) {
            end += message[end] + 1u;
        }
        end += 5; /* the empty label, type and class */
        message[2] = 0x81;
        message[3] = 0x80;
        message[7] = message[end - 3] == 1; /* type A */
        message[11] = 0;                    /* no EDNS */
        memcpy(message + end, record, sizeof(record));
        (void)!sendto(fd, message, end + (message[7] != 0 ? sizeof(record) : 0), 0,
                      (struct sockaddr *)&from, from_len);
    }
}

/* Put a text in the place of a file of /etc, for this process. */
static bool
replace_file(const char *path, const char *text)
{
    char with[] = "/tmp/test_http-XXXXXX";
    int fd = mkstemp(with);
    bool replaced = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
                    fchmod(fd, 0644) == 0 && mount(with, path, "none", MS_BIND, NULL) == 0;

    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(with);
    }
    return replaced;
}

static bool
isolate(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = -1;
    bool isolated = harness_unshare(CLONE_NEWNET | CLONE_NEWNS) &&
                    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;

    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    isolated = isolated && fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
    (void)close(fd);
    return isolated && replace_file("/etc/nsswitch.conf", "hosts: dns\n") &&
           replace_file("/etc/resolv.conf", "nameserver 127.0.0.2\nnameserver 127.0.0.3\n");
}

/* What comes of a request for a name, as an exit status, when the first name server is silent. */
static int
look_up_behind_silent_server(void)
{
    int silent = -1;
    int answers = -1;
    pid_t server = -1;
    struct http_exchange x;
    int code = 0;

    if (!isolate()) {
        return ISOLATED_SKIP;
    }
    silent = name_server("127.0.0.2");
    answers = name_server("127.0.0.3");
    if (silent < 0 || answers < 0) {
        return ISOLATED_SKIP;
    }
    server = fork();
    if (server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        answer_names(answers);
    }
    code = ask(&(struct once){.base = "http://ec2.example.com:9", .path = "/ok"}, &x);
    if (code == 0) {
        print_message("  %s\n", x.error.text);
        code = x.error.code;
        http_exchange_done(&x);
    }
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    return -code;
}

/* With its usual patience libc asks the second server when an attempt is over. */
static void
http_first_name_server_silent_second_is_asked(void **state)
{
    pid_t child = fork();
    int status = 0;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        _exit(look_up_behind_silent_server());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == ISOLATED_SKIP) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), ERR_CONNECT); /* nobody listens there */
}

static void
http_proxy_used_unless_direct(void **state)
{
    struct http_exchange x;

    (void)state;
    /* The server is the proxy here, so that it is sent whole URLs. */
    assert_int_equal(ask(&(struct once){.base = "http://host.invalid",
                                        .path = "/ok",
                                        .options = {.proxy = plain}},
                         &x),
                     0);
    assert_int_equal(x.answer.status, 200);
    assert_non_null(strstr(seen->requests[0], "GET http://host.invalid/ok HTTP/1.1\r\n"));
    http_exchange_done(&x);
    assert_int_equal(ask(&(struct once){.path = "/ok",
                                        .direct = true,
                                        .options = {.proxy = "http://127.0.0.1:1"}},
                         &x),
                     0);
    assert_int_equal(x.answer.status, 200);
    http_exchange_done(&x);
}

static void
http_environment_proxy_not_used_for_direct(void **state)
{
    struct http_exchange direct;
    struct http_exchange usual;

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(ask(&(struct once){.path = "/ok", .direct = true}, &direct), 0);
    assert_int_equal(ask(&(struct once){.path = "/ok"}, &usual), 0);
    (void)unsetenv("http_proxy");
    assert_int_equal(direct.answer.status, 200);
    assert_int_equal(usual.error.code, -ERR_CONNECT);
    http_exchange_done(&direct);
    http_exchange_done(&usual);
}

static void
http_cancel_fd_gives_up_at_once(void **state)
{
    uint64_t begun_ms = now_ms();
    struct http_exchange x;
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(
        ask(&(struct once){.path = "/silent", .attempt_ms = 10000, .cancel_fd = ends[0]}, &x),
        -ERR_CANCELLED);
    assert_int_equal(x.error.code, -ERR_CANCELLED);
    assert_true(now_ms() - begun_ms < 3000);
    http_exchange_done(&x);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void
http_many_at_once_take_as_long_as_the_longest(void **state)
{
    enum { N = 40 };
    struct http_exchange x[N] = {0};
    struct http_exchange *all[N];
    char urls[N][100];
    const struct http_options options = {.proxy = NULL};
    uint64_t begun_ms = now_ms();
    struct http_transport transport;
    struct http *h = NULL;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(urls[i], sizeof(urls[i]), "%s%s", plain,
                       i % 4 == 3   ? "/silent"
                       : i % 4 == 2 ? "/fault"
                                    : "/ok");
        x[i].request = (struct http_request){
            .method = "GET", .url = urls[i], .max_answer = 100, .attempt_ms = 4000};
        all[i] = &x[i];
    }
    assert_int_equal(http_new(&options, &h, NULL), 0);
    transport = http_transport(h);
    assert_int_equal(
        transport.perform(transport.arg, all, N, deadline_in(&clock_system, NULL, 60000, -1)), 0);
    assert_true(now_ms() - begun_ms < 19000); /* ten silent ones, one after the other, take 40 s */
    for (size_t i = 0; i < N; i++) {
        if (i % 4 == 3) {
            assert_int_equal(x[i].error.code, -ERR_TIMEOUT);
        } else {
            assert_int_equal(x[i].error.code, 0);
            assert_int_equal(x[i].answer.status, i % 4 == 2 ? 503 : 200);
        }
        http_exchange_done(&x[i]);
    }
    http_free(h);
}

static void
http_exchange_used_again_starts_afresh(void **state)
{
    struct http_exchange x = {.request = {.method = "GET", .max_answer = 100, .attempt_ms = 5000}};
    struct http_exchange *const all[] = {&x};
    const struct http_options options = {.proxy = NULL};
    struct http_transport transport;
    struct http *h = NULL;
    char url[100];

    (void)state;
    assert_int_equal(http_new(&options, &h, NULL), 0);
    transport = http_transport(h);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(url, sizeof(url), "%s%s", plain, i == 0 ? "/truncated" : "/ok");
        x.request.url = url;
        assert_int_equal(
            transport.perform(transport.arg, all, 1, deadline_in(&clock_system, NULL, 9999, -1)),
            0);
    }
    assert_int_equal(x.error.code, 0);
    assert_string_equal(buf_str(&x.answer.body), "hello");
    http_exchange_done(&x);
    http_free(h);
}

static void
http_untrusted_certificate_sends_nothing(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(
        ask(&(struct once){.base = tls, .path = "/ok", .headers = {"X-Secret: s"}}, &x), 0);
    assert_int_equal(x.error.code, -ERR_TLS);
    assert_false(x.answer.sent);
    assert_int_equal(x.answer.status, 0);
    http_exchange_done(&x);
    assert_int_equal(seen->n_tls_bytes, 0);
}

static void
http_certificate_of_another_host_sends_nothing(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(
        ask(&(struct once){.base = wrong, .path = "/ok", .options = {.ca_file = wrong_ca_path}},
            &x),
        0);
    assert_int_equal(x.error.code, -ERR_TLS);
    assert_false(x.answer.sent);
    http_exchange_done(&x);
    assert_int_equal(seen->n_tls_bytes, 0);
}

static void
http_old_tls_sends_nothing(void **state)
{
    const struct once cases[] = {
        {.base = old, .path = "/ok", .options = {.ca_file = old_ca_path}},
        {.path = "/ok", .options = {.ca_file = old_ca_path, .proxy = old}}, /* as a proxy */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_exchange x;

        memset(seen, 0, sizeof(*seen));
        assert_int_equal(ask(&cases[i], &x), 0);
        assert_true(x.error.code < 0);
        assert_false(x.answer.sent);
        http_exchange_done(&x);
        assert_int_equal(seen->n_connections, 1);
        assert_int_equal(seen->n_tls_bytes, 0);
    }
}

/* A proxy that is spoken to in TLS is checked as AWS is, and by the same file. */
static void
http_proxy_in_tls_is_checked(void **state)
{
    const struct {
        const char *proxy;
        const char *ca_file;
        bool trusted;
    } cases[] = {
        {tls, ca_path, true},
        {tls, NULL, false},
        {tls, wrong_ca_path, false},
        {wrong, wrong_ca_path, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_exchange x;

        print_message("  %zu\n", i);
        memset(seen, 0, sizeof(*seen));
        assert_int_equal(
            ask(&(struct once){.base = "http://host.invalid",
                               .path = "/ok",
                               .options = {.ca_file = cases[i].ca_file, .proxy = cases[i].proxy}},
                &x),
            0);
        assert_int_equal(x.error.code, cases[i].trusted ? 0 : -ERR_TLS);
        assert_int_equal(seen->n_tls_bytes > 0, cases[i].trusted);
        http_exchange_done(&x);
    }
}

/* The proxy is told the host alone; what is for the host is checked and sent inside the tunnel. */
static void
http_proxy_sees_nothing_but_the_host(void **state)
{
    const struct {
        const char *base;
        const char *ca_file;
        int code;
    } cases[] = {
        {tls, ca_path, 0},
        {tls, NULL, -ERR_TLS},
        {wrong, wrong_ca_path, -ERR_TLS},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_exchange x;

        memset(seen, 0, sizeof(*seen));
        assert_int_equal(
            ask(&(struct once){.base = cases[i].base,
                               .path = "/ok",
                               .headers = {"Authorization: secret"},
                               .options = {.ca_file = cases[i].ca_file, .proxy = plain}},
                &x),
            0);
        assert_int_equal(x.error.code, cases[i].code);
        assert_int_equal(seen->n_tls_bytes > 0, cases[i].code == 0);
        assert_non_null(strstr(seen->requests[0], "CONNECT 127.0.0.1:"));
        assert_null(strstr(seen->requests[0], "secret"));
        http_exchange_done(&x);
    }
}

/* A proxy's password, which only the environment can hold, is in no message. */
static void
http_password_of_a_proxy_is_not_told(void **state)
{
    static const char *const proxies[] = {"http://user:pass-word@127.0.0.1:1",
                                          "http://user:pass-word@host.invalid:1",
                                          "https://user:pass-word@127.0.0.1:1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
        struct http_exchange x;

        assert_int_equal(setenv("https_proxy", proxies[i], 1), 0);
        assert_int_equal(ask(&(struct once){.base = tls, .path = "/ok"}, &x), 0);
        (void)unsetenv("https_proxy");
        assert_true(x.error.code < 0);
        assert_null(strstr(x.error.text, "pass-word"));
        http_exchange_done(&x);
    }
}

static void
http_certificate_in_ca_file_trusted(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(
        ask(&(struct once){.base = tls, .path = "/ok", .options = {.ca_file = ca_path}}, &x), 0);
    assert_int_equal(x.error.code, 0);
    assert_int_equal(x.answer.status, 200);
    http_exchange_done(&x);
    assert_true(seen->n_tls_bytes > 0);
    /* Another bundle is trusted in place of the system's, and this certificate is not in it. */
    assert_int_equal(
        ask(&(struct once){.base = tls, .path = "/ok", .options = {.ca_file = wrong_ca_path}}, &x),
        0);
    assert_int_equal(x.error.code, -ERR_TLS);
    http_exchange_done(&x);
}

static void
http_missing_ca_file_is_tls_error(void **state)
{
    struct http_exchange x;

    (void)state;
    assert_int_equal(ask(&(struct once){.base = tls,
                                        .path = "/ok",
                                        .options = {.ca_file = "/nonexistent/ca.pem"}},
                         &x),
                     0);
    assert_int_equal(x.error.code, -ERR_TLS);
    http_exchange_done(&x);
}

static void
http_ca_file_that_is_no_file_refused_at_once(void **state)
{
    static const char *const others[] = {"/dev/zero", "/"};
    char dir[] = P_tmpdir "/ocf-aws-fifo-XXXXXX";
    char fifo[64];
    struct http *h = NULL;
    struct err e = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(fifo, sizeof(fifo), "%s/f", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(http_new(&(struct http_options){.ca_file = fifo}, &h, &e), -ERR_PARAM_LOCAL);
    assert_non_null(strstr(e.text, fifo));
    (void)unlink(fifo);
    (void)rmdir(dir);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(http_new(&(struct http_options){.ca_file = others[i]}, &h, &e),
                         -ERR_PARAM_LOCAL);
    }
    assert_null(h);
}

static void
http_url_parse_good_urls(void **state)
{
    static const struct {
        const char *url;
        const char *host;
        const char *path;
        const char *base;
        bool tls;
    } cases[] = {
        {"https://ec2.amazonaws.com", "ec2.amazonaws.com", "", "https://ec2.amazonaws.com", true},
        {"https://h/", "h", "", "https://h", true},
        {"https://h:443/a/b/", "h", "/a/b", "https://h", true},
        {"https://h:8443//", "h:8443", "", "https://h:8443", true},
        {"http://h:80", "h", "", "http://h", false},
        {"http://h:443", "h:443", "", "http://h:443", false},
        {"http://127.0.0.1:5000/x%20y", "127.0.0.1:5000", "/x%20y", "http://127.0.0.1:5000", false},
        {"http://[fd00:ec2::254]:81", "[fd00:ec2::254]:81", "", "http://[fd00:ec2::254]:81", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_url u;
        struct err e = {0};

        print_message("  %s\n", cases[i].url);
        assert_int_equal(http_url_parse(cases[i].url, &u, &e), 0);
        assert_string_equal(u.host, cases[i].host);
        assert_string_equal(u.path, cases[i].path);
        assert_string_equal(u.base, cases[i].base);
        assert_int_equal(u.tls, cases[i].tls);
        http_url_done(&u);
        assert_null(u.path);
    }
}

static void
http_url_parse_bad_urls_refused_untouched(void **state)
{
    static const char *const urls[] = {
        "",
        "ec2.amazonaws.com",
        "ftp://h",
        "file:///etc/passwd",
        "https://",
        "https://user@h",
        "https://user:pw@h",
        "https://:pw@h",
        "https://h?x=y",
        "https://\xe4\xbe\x8b.example/",
        "https://h/\xe4\xbe\x8b",
        "https://h/a b",
        "https://%ee.example/",
        "https://h#f",
        "https://h:port",
        "https://h:99999",
        "https://h h",
        "https://h/\n",
        "http://[::1",
    };
    char oversized[HTTP_HOST_MAX + 20] = "https://";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct http_url u = {.host = "before"};
        struct err e = {0};

        print_message("  %s\n", urls[i]);
        assert_int_equal(http_url_parse(urls[i], &u, &e), -ERR_PARAM);
        assert_string_equal(u.host, "before");
        assert_null(u.path);
        assert_non_null(strstr(e.text, "is not a base URL"));
    }
    memset(oversized + 8, 'h', sizeof(oversized) - 9);
    assert_int_equal(http_url_parse(oversized, &(struct http_url){.tls = false}, NULL), -ERR_PARAM);
}

static void
http_free_null_is_fine(void **state)
{
    (void)state;
    http_free(NULL);
}

#define SERVER_TEST(test) cmocka_unit_test_setup(test, forget)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        SERVER_TEST(http_answers_with_status_and_body),
        SERVER_TEST(http_redirect_not_followed),
        SERVER_TEST(http_broken_answers_are_errors_that_name_the_host),
        SERVER_TEST(http_silent_server_times_out_at_the_cap),
        SERVER_TEST(http_write_given_up_is_not_sent_later),
        SERVER_TEST(http_write_of_a_process_that_is_killed_is_not_sent_later),
        SERVER_TEST(http_write_that_was_answered_ends_in_order),
        SERVER_TEST(http_deadline_nearer_than_the_cap_wins),
        SERVER_TEST(http_body_at_and_over_the_maximum),
        SERVER_TEST(http_bodies_together_have_a_maximum),
        SERVER_TEST(http_endless_head_is_too_big),
        SERVER_TEST(http_body_is_never_decompressed),
        SERVER_TEST(http_secret_answer_in_a_wiping_buffer),
        SERVER_TEST(http_date_and_request_id_of_the_answer),
        SERVER_TEST(http_request_is_sent_as_given),
        SERVER_TEST(http_refused_connection_sends_nothing),
        SERVER_TEST(http_unknown_host_and_scheme_are_told_apart),
        SERVER_TEST(http_first_name_server_silent_second_is_asked),
        SERVER_TEST(http_proxy_used_unless_direct),
        SERVER_TEST(http_environment_proxy_not_used_for_direct),
        SERVER_TEST(http_cancel_fd_gives_up_at_once),
        SERVER_TEST(http_many_at_once_take_as_long_as_the_longest),
        SERVER_TEST(http_exchange_used_again_starts_afresh),
        SERVER_TEST(http_untrusted_certificate_sends_nothing),
        SERVER_TEST(http_certificate_of_another_host_sends_nothing),
        SERVER_TEST(http_old_tls_sends_nothing),
        SERVER_TEST(http_proxy_in_tls_is_checked),
        SERVER_TEST(http_proxy_sees_nothing_but_the_host),
        SERVER_TEST(http_password_of_a_proxy_is_not_told),
        SERVER_TEST(http_certificate_in_ca_file_trusted),
        SERVER_TEST(http_missing_ca_file_is_tls_error),
        cmocka_unit_test(http_ca_file_that_is_no_file_refused_at_once),
        cmocka_unit_test(http_url_parse_good_urls),
        cmocka_unit_test(http_url_parse_bad_urls_refused_untouched),
        cmocka_unit_test(http_free_null_is_fine),
    };

    return cmocka_run_group_tests_name("http", tests, start_server, stop_server);
}
