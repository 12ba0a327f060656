/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "http.h"

#include "log.h"

#include <curl/curl.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define STATUS_MIN         100 /* RFC 9110, section 15: three digits */
#define STATUS_MAX         999
#define POLL_MAX_MS        1000
#define FDS_OWN            12 /* descriptors of the rest of the process */
#define FDS_PER_CONNECTION 4
#define FDS_PLENTY         1000
#define RESOLVER_STACK     (512 * 1024) /* bytes */
#define HEAD_MAX           65536        /* bytes of all header lines and trailers of an answer */

struct http {
    const struct http_options *options;
    CURLM *multi;
    size_t room;       /* bytes of bodies that may still come, of all exchanges made at once */
    bool hashed_trust; /* the system's trust store is a directory that OpenSSL can look things up in
                        */
};

/* One exchange while libcurl works on it. */
struct running {
    struct http *h;
    struct http_exchange *x;
    CURL *easy;
    struct curl_slist *headers;
    char detail[CURL_ERROR_SIZE];
    size_t head_len;
    bool too_big;
    bool ended;
};

/*
 * A bundle is parsed whole at every start of a program: many times the cost of all else a monitor
 * does. A hashed directory with the same certificates is read only where a handshake asks.
 */
static bool
is_hashed_directory(const char *path)
{
    DIR *dir = path == NULL ? NULL : opendir(path);
    const struct dirent *entry = NULL;
    bool found = false;

    if (dir == NULL) {
        return false;
    }
    while (!found && (entry = readdir(dir)) != NULL) {
        found = strlen(entry->d_name) == 10 && strspn(entry->d_name, "0123456789abcdef") == 8 &&
                strcmp(entry->d_name + 8, ".0") == 0;
    }
    (void)closedir(dir);
    return found;
}

static bool
system_trust_is_hashed(void)
{
#if LIBCURL_VERSION_NUM >= 0x075400
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

    return v->age >= CURLVERSION_TENTH && is_hashed_directory(v->capath);
#else
    return false;
#endif
}

/*
 * How many connections fit into the descriptors that this process may have; 0 is "no limit". Each
 * needs up to four during its handshake, and too few would look like a damaged trust store.
 */
static long
max_connections(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > FDS_PLENTY) {
        return 0;
    }
    return limit.rlim_cur < FDS_OWN + 2 * FDS_PER_CONNECTION
               ? 1
               : (long)((limit.rlim_cur - FDS_OWN) / FDS_PER_CONNECTION);
}

/*
 * libcurl looks each host name up in a thread of its own. The usual stack of megabytes would count
 * a dozen times against a limit of memory when several regions are asked at once; without one, a
 * thread does not start and the name "does not resolve".
 */
static void
keep_stacks_small(void)
{
    pthread_attr_t attributes;

    if (pthread_attr_init(&attributes) != 0) {
        return;
    }
    if (pthread_attr_setstacksize(&attributes, RESOLVER_STACK) == 0) {
        (void)pthread_setattr_default_np(&attributes);
    }
    (void)pthread_attr_destroy(&attributes);
}

/* OpenSSL would wait for the writer of a FIFO, or read a device for ever. */
static int
check_ca_file(const char *path, struct err *e)
{
    struct stat st;

    if (path == NULL || stat(path, &st) < 0) {
        return 0;
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(e, ERR_PARAM_LOCAL, "ca_file %s: not a regular file", path);
    }
    if ((st.st_mode & S_IWOTH) != 0) {
        return err_set(e, ERR_PARAM_LOCAL, "ca_file %s: anybody can write to it: chmod o-w", path);
    }
    return 0;
}

int
http_new(const struct http_options *options, struct http **ret, struct err *e)
{
    struct http *h = NULL;
    int rc = check_ca_file(options->ca_file, e);

    if (rc < 0) {
        return rc;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return err_set(e, ERR_SYSTEM, "libcurl cannot be initialised");
    }
    keep_stacks_small();
    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    h->options = options;
    h->multi = curl_multi_init();
    if (h->multi == NULL || curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                                              max_connections()) != CURLM_OK) {
        (void)curl_multi_cleanup(h->multi);
        free(h);
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    h->hashed_trust = system_trust_is_hashed();
    *ret = h;
    return 0;
}

void
http_free(struct http *h)
{
    if (h != NULL) {
        (void)curl_multi_cleanup(h->multi);
        curl_global_cleanup();
        free(h);
    }
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
    struct running *r = arg;
    struct buf *body = &r->x->answer.body;
    size_t len = size * n;

    if (len > r->h->room || buf_add(body, data, len) < 0) {
        r->too_big = true;
        /* Nobody reads a part of it, and others need the room. */
        r->h->room += body->len;
        buf_done(body);
        return 0;
    }
    r->h->room -= len;
    return len;
}

/* The value of header `name` in a line that is not NUL-terminated, into out; false when other. */
static bool
header_value(const char *line, size_t len, const char *name, char *out, size_t out_size)
{
    size_t name_len = strlen(name);
    size_t start = name_len + 1;

    if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0) {
        return false;
    }
    while (start < len && (line[start] == ' ' || line[start] == '\t')) {
        start++;
    }
    while (len > start &&
           (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' ')) {
        len--;
    }
    if (len - start >= out_size) {
        return false;
    }
    memcpy(out, line + start, len - start);
    out[len - start] = '\0';
    return true;
}

/* A request id goes into messages: keep it only when it is made of harmless characters. */
static bool
is_token(const char *s)
{
    return *s != '\0' &&
           s[strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "-_.=+/")] == '\0';
}

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
    struct running *r = arg;
    char value[HTTP_REQUEST_ID_MAX];

    r->head_len += size * n;
    if (r->head_len > HEAD_MAX) {
        r->too_big = true;
        return 0;
    }
    if (header_value(data, size * n, "date", value, sizeof(value))) {
        time_t t = curl_getdate(value, NULL);

        r->x->answer.date_s = t > 0 ? (int64_t)t : 0;
    } else if ((header_value(data, size * n, "x-amzn-requestid", value, sizeof(value)) ||
                header_value(data, size * n, "x-amz-request-id", value, sizeof(value))) &&
               is_token(value)) {
        memcpy(r->x->answer.request_id, value, sizeof(value));
    }
    return size * n;
}

static bool
set_headers(struct running *r)
{
    for (size_t i = 0; i < r->x->request.n_headers; i++) {
        struct curl_slist *more = curl_slist_append(r->headers, r->x->request.headers[i]);

        if (more == NULL) {
            return false;
        }
        r->headers = more;
    }
    return curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK;
}

/* What is trusted, for AWS and for a proxy that is itself spoken to in TLS. */
static bool
set_trust(const struct http *h, CURL *easy)
{
    const char *file = h->options->ca_file;

    if (file != NULL) {
        /* The bundle that was asked for, and nothing beside it. */
        return curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, file) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL) == CURLE_OK;
    }
    return !h->hashed_trust || (curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
                                curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL) == CURLE_OK);
}

static bool
set_schemes(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS)) ==
           CURLE_OK;
#endif
}

/*
 * libc leaves a name server that is silent for the next one after five seconds, when an attempt is
 * over: look-ups are kept short. And libcurl waits for the end of one that it has given up, past
 * any deadline; newer ones leave it alone when asked.
 * Source: CURLOPT_QUICK_EXIT(3); resolv.conf(5), "options" and RES_OPTIONS.
 */
static bool
keep_lookups_short(CURL *easy)
{
    bool kept = setenv("RES_OPTIONS", "timeout:1 attempts:1", 0) == 0;

#if LIBCURL_VERSION_NUM >= 0x075700
    return kept && curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#else
    return kept && easy != NULL;
#endif
}

static bool
set_proxy(const struct http *h, const struct http_request *q, CURL *easy)
{
    if (q->direct) {
        return curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    }
    /* What a proxy says of a tunnel is not what AWS says: no Date, no request id. */
    return curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
           (h->options->proxy == NULL ||
            curl_easy_setopt(easy, CURLOPT_PROXY, h->options->proxy) == CURLE_OK);
}

/*
 * What close(2), or the end of the process, does with what has not gone out: the kernel goes on
 * sending it for minutes, or throws it away and resets the connection. Source: socket(7),
 * SO_LINGER.
 */
static int
set_reset_on_close(curl_socket_t fd, bool reset)
{
    struct linger l = {.l_onoff = reset ? 1 : 0, .l_linger = 0};

    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

/*
 * A write that is given up must not reach AWS later, when a cut network is whole again: another
 * node may have taken over by then.
 */
static int
on_write_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)purpose;
    return set_reset_on_close(fd, true) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

static bool
set_freshness(const struct http_request *q, CURL *easy)
{
    return !q->fresh ||
           (curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_write_socket) == CURLE_OK);
}

/* All of a write has gone out, and was answered: the connection may end in order. */
static void
let_end_in_order(CURL *easy)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD) {
        (void)set_reset_on_close(fd, false);
    }
}

static bool
set_body(const struct http_request *q, CURL *easy)
{
    return q->body == NULL || (curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                                (curl_off_t)q->body_len) == CURLE_OK &&
                               curl_easy_setopt(easy, CURLOPT_POSTFIELDS, q->body) == CURLE_OK);
}

#define SET(option, value) (curl_easy_setopt(r->easy, (option), (value)) == CURLE_OK)

/* 0 is "no limit" to libcurl, so an attempt always gets at least a millisecond. */
static bool
set_options(const struct http *h, struct running *r, struct deadline d)
{
    const struct http_request *q = &r->x->request;
    uint64_t left_ms = deadline_left_ms(deadline_cap(d, q->attempt_ms));
    long timeout_ms = left_ms > 0 ? (long)left_ms : 1;

    return SET(CURLOPT_URL, q->url) && set_body(q, r->easy) &&
           SET(CURLOPT_CUSTOMREQUEST, q->method) && set_headers(r) && set_trust(h, r->easy) &&
           set_schemes(r->easy) && keep_lookups_short(r->easy) && set_proxy(h, q, r->easy) &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
           SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           set_freshness(q, r->easy) && SET(CURLOPT_TIMEOUT_MS, timeout_ms) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) && SET(CURLOPT_WRITEFUNCTION, on_body) &&
           SET(CURLOPT_WRITEDATA, r) && SET(CURLOPT_HEADERFUNCTION, on_header) &&
           SET(CURLOPT_HEADERDATA, r) && SET(CURLOPT_ERRORBUFFER, r->detail) &&
           SET(CURLOPT_PRIVATE, r);
}

static int
start(struct http *h, struct running *r, struct http_exchange *x, struct deadline d)
{
    r->h = h;
    r->x = x;
    http_exchange_done(x);
    x->error = (struct err){0};
    x->answer.body = x->request.secret ? BUF_INIT_SECRET(x->request.max_answer)
                                       : BUF_INIT(x->request.max_answer);
    r->easy = curl_easy_init();
    if (r->easy == NULL || !set_options(h, r, d) ||
        curl_multi_add_handle(h->multi, r->easy) != CURLM_OK) {
        return -ERR_NOMEM;
    }
    return 0;
}

static enum err_code
code_of(CURLcode c, const struct running *r)
{
    switch (c) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return ERR_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        return ERR_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return ERR_TLS;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NOMEM;
    case CURLE_WRITE_ERROR:
        return r->too_big ? ERR_TOO_BIG : ERR_NETWORK;
    case CURLE_URL_MALFORMAT:
        return ERR_PARAM;
    case CURLE_UNSUPPORTED_PROTOCOL: /* of the URL, or of who answered */
        return r->x->answer.sent ? ERR_MALFORMED : ERR_PARAM;
    default:
        return ERR_NETWORK;
    }
}

struct origin {
    const char *start;
    int len;
};

/* "host:port" of a URL: enough for a message, and never a query. */
static struct origin
origin_of(const char *url)
{
    const char *host = strstr(url, "://");

    host = host == NULL ? url : host + 3;
    return (struct origin){.start = host, .len = (int)strcspn(host, "/?")};
}

static void
finish(struct running *r, CURLcode c)
{
    struct http_exchange *x = r->x;
    long request_size = 0;

    r->ended = true;
    (void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &x->answer.status);
    (void)curl_easy_getinfo(r->easy, CURLINFO_REQUEST_SIZE, &request_size);
    x->answer.sent = request_size > 0;
    if (c == CURLE_OK && x->request.fresh) {
        let_end_in_order(r->easy);
    }
    if (c != CURLE_OK) {
        enum err_code code = code_of(c, r);

        struct origin origin = origin_of(x->request.url);

        (void)err_set(&x->error, code, "%s: %.*s (%s)", err_text(-(int)code), origin.len,
                      origin.start, r->detail[0] != '\0' ? r->detail : curl_easy_strerror(c));
    } else if (x->answer.status < STATUS_MIN || x->answer.status > STATUS_MAX) {
        /* libcurl passes lines like "HTTP/200 OK" and "HTTP/2403403" off as a status. */
        struct origin origin = origin_of(x->request.url);

        (void)err_set(&x->error, ERR_MALFORMED, "%s: %.*s (no HTTP status)",
                      err_text(-ERR_MALFORMED), origin.len, origin.start);
    }
}

static int
run(struct http *h, struct deadline d)
{
    int n_running = 1;

    while (n_running > 0) {
        struct curl_waitfd cancel = {.fd = d.cancel_fd, .events = CURL_WAIT_POLLIN};
        const CURLMsg *m = NULL;
        int queued = 0;

        if (curl_multi_perform(h->multi, &n_running) != CURLM_OK) {
            return -ERR_SYSTEM;
        }
        while ((m = curl_multi_info_read(h->multi, &queued)) != NULL) {
            char *private = NULL;

            if (m->msg == CURLMSG_DONE &&
                curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private) == CURLE_OK) {
                finish((struct running *)(void *)private, m->data.result);
            }
        }
        if (n_running > 0 && curl_multi_poll(h->multi, &cancel, d.cancel_fd >= 0 ? 1 : 0,
                                             POLL_MAX_MS, NULL) != CURLM_OK) {
            return -ERR_SYSTEM;
        }
        if (cancel.revents != 0) {
            return -ERR_CANCELLED;
        }
    }
    return 0;
}

static void
end(struct http *h, struct running *r)
{
    if (r->easy != NULL) {
        (void)curl_multi_remove_handle(h->multi, r->easy);
        curl_easy_cleanup(r->easy);
    }
    curl_slist_free_all(r->headers);
    if (r->x != NULL && !r->ended) {
        (void)err_set(&r->x->error, ERR_CANCELLED, "given up before the answer came");
    }
}

static int
attempt(struct http *h, struct http_exchange *const *exchanges, size_t n, struct deadline d)
{
    struct running *all = calloc(n, sizeof(*all));
    int rc = 0;

    if (all == NULL) {
        return -ERR_NOMEM;
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = start(h, &all[i], exchanges[i], d);
    }
    if (rc == 0) {
        rc = run(h, d);
    }
    for (size_t i = 0; i < n; i++) {
        end(h, &all[i]);
    }
    free(all);
    return rc;
}

/*
 * Someone may have added an authority to the system's bundle and not to its directory. Nothing was
 * sent where the certificate was not accepted, so those exchanges can be made again.
 */
static int
attempt_with_bundle(struct http *h, struct http_exchange *const *exchanges, size_t n,
                    struct deadline d)
{
    OCF_FREE struct http_exchange **refused = calloc(n, sizeof(struct http_exchange *));
    size_t n_refused = 0;

    if (refused == NULL) {
        return -ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (exchanges[i]->error.code == -ERR_TLS) {
            refused[n_refused++] = exchanges[i];
        }
    }
    if (n_refused == 0) {
        return 0;
    }
    h->hashed_trust = false;
    return attempt(h, refused, n_refused, d);
}

static int
perform(void *arg, struct http_exchange *const *exchanges, size_t n, struct deadline d)
{
    struct http *h = arg;
    int rc = 0;

    h->room = HTTP_BODIES_MAX;
    rc = attempt(h, exchanges, n, d);
    return rc == 0 && h->hashed_trust && h->options->ca_file == NULL
               ? attempt_with_bundle(h, exchanges, n, d)
               : rc;
}

struct http_transport
http_transport(struct http *h)
{
    return (struct http_transport){.perform = perform, .arg = h};
}

void
http_exchange_done(struct http_exchange *x)
{
    buf_done(&x->answer.body);
    x->answer = (struct http_answer){0};
}

/* Copy the parts that a base URL may have; -ERR_PARAM when it has others. */
static int
take_apart(CURLU *u, const char *url, struct http_url *ret)
{
    OCF_FREE char *path = NULL;
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *curl_path = NULL;
    char *other = NULL;
    int rc = -ERR_PARAM;

    if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0) &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PATH, &curl_path, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_USER, &other, 0) != CURLUE_OK &&
        curl_url_get(u, CURLUPART_QUERY, &other, 0) != CURLUE_OK &&
        curl_url_get(u, CURLUPART_FRAGMENT, &other, 0) != CURLUE_OK) {
        bool has_port = curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_OK;
        size_t len = strlen(curl_path);
        int n = snprintf(ret->host, sizeof(ret->host), "%s%s%s", host, has_port ? ":" : "",
                         has_port ? port : "");

        while (len > 0 && curl_path[len - 1] == '/') {
            len--;
        }
        path = strndup(curl_path, len);
        /* libcurl has decoded what was percent-encoded. */
        if (n > 0 && (size_t)n < sizeof(ret->host) && base_is_word(ret->host)) {
            rc = -ERR_NOMEM;
            if (path != NULL && asprintf(&ret->base, "%s://%s", scheme, ret->host) > 0) {
                ret->tls = strcmp(scheme, "https") == 0;
                ret->path = OCF_STEAL(path);
                rc = 0;
            }
        }
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(curl_path);
    curl_free(other);
    return rc;
}

int
http_url_parse(const char *url, struct http_url *ret, struct err *e)
{
    struct http_url parsed = {0};
    CURLU *u = curl_url();
    int rc = u == NULL ? -ERR_NOMEM : -ERR_PARAM;

    /* libcurl would send another host than what is signed (IDN), or another path. */
    if (u != NULL && base_is_word(url)) {
        rc = take_apart(u, url, &parsed);
    }

    curl_url_cleanup(u);
    if (rc == -ERR_PARAM) {
        const char *rest = base_after_user(url);

        return err_set(e, ERR_PARAM,
                       "\"%s%.200s\" is not a base URL: http://HOST[:PORT][/PATH] or https://...",
                       rest == NULL ? "" : "...@", rest == NULL ? url : rest);
    }
    if (rc < 0) {
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    *ret = parsed;
    return 0;
}

void
http_url_done(struct http_url *u)
{
    free(u->path);
    free(u->base);
    *u = (struct http_url){0};
}
