/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sigv4.h"

#include "err.h"

#include <string.h>
#include <time.h>

#define ALGORITHM      "AWS4-HMAC-SHA256"
#define TERMINATOR     "aws4_request"
#define DATE_SIZE      sizeof("20261231T235959Z")
#define DAY_LEN        (sizeof("20261231") - 1)
#define NAME_SIZE      64
#define SECRET_KEY_MAX 1024
/* The longest session tokens are a few KiB; a query or a header is never near that. */
#define CANONICAL_MAX 65536

/* Append several strings. */
#define ADD(b, ...)                                                                                \
    add_strings((b), (const char *const[]){__VA_ARGS__},                                           \
                ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

/* A header that will be signed: lower-case name. */
struct signed_header {
    char name[NAME_SIZE];
    const char *value;
};

/* Headers in canonical order; room for Host, X-Amz-Date and X-Amz-Security-Token. */
struct signed_headers {
    struct signed_header at[SIGV4_HEADERS_MAX + 3];
    size_t n;
};

/* A string taken apart in place at a separator. */
struct parts {
    char *text;
    char **at;
    size_t n;
};

static int
add_strings(struct buf *b, const char *const *strings, size_t n)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = buf_adds(b, strings[i]);
    }
    return rc;
}

static void
parts_done(struct parts *p)
{
    free(p->at);
    free(p->text);
}

static int
parts_split(const char *text, char separator, struct parts *ret)
{
    size_t n = 1;

    for (const char *s = text; *s != '\0'; s++) {
        n += *s == separator;
    }
    ret->text = strdup(text);
    ret->at = calloc(n, sizeof(*ret->at));
    if (ret->text == NULL || ret->at == NULL) {
        return -ERR_NOMEM;
    }
    for (char *s = ret->text; s != NULL; ret->n++) {
        char *end = strchr(s, separator);

        ret->at[ret->n] = s;
        if (end != NULL) {
            *end++ = '\0';
        }
        s = end;
    }
    return 0;
}

/* A control character could add a line of its own to what is signed, or to what is sent. */
static bool
is_line(const char *s)
{
    for (; *s != '\0'; s++) {
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

static int
check_request(const struct sigv4_request *r, const struct sigv4_credentials *c)
{
    const char *const lines[] = {r->method, r->host, r->path, r->query, r->service, r->region};

    if (!is_line(c->access_key_id) || (c->session_token != NULL && !is_line(c->session_token))) {
        return -ERR_CREDENTIALS;
    }
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (!is_line(lines[i])) {
            return -ERR_BUG;
        }
    }
    return r->path[0] == '/' || r->path[0] == '\0' ? 0 : -ERR_BUG;
}

static int
format_date(int64_t time_s, char ret[DATE_SIZE])
{
    time_t t = (time_t)time_s;
    struct tm tm = {0};

    /* A year of five digits does not fit: strftime() then returns 0. */
    if (gmtime_r(&t, &tm) == NULL ||
        strftime(ret, DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm) != DATE_SIZE - 1) {
        return -ERR_BUG;
    }
    return 0;
}

/* "20261231/ap-northeast-1/ec2/aws4_request" */
static int
add_scope(const struct sigv4_request *r, const char *date, struct buf *ret)
{
    int rc = buf_add(ret, date, DAY_LEN);

    return rc < 0 ? rc : ADD(ret, "/", r->region, "/", r->service, "/", TERMINATOR);
}

/* Remove "." and ".." (RFC 3986, 5.2.4) and, as AWS does, empty segments. Returns how many stay. */
static size_t
normalize_segments(char **segments, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(segments[i], "..") == 0) {
            kept -= kept > 0;
        } else if (segments[i][0] != '\0' && strcmp(segments[i], ".") != 0) {
            segments[kept++] = segments[i];
        }
    }
    return kept;
}

/* The path is encoded once more ("every service except S3"): a '%' on the wire becomes %25. */
static int
add_canonical_path(const char *path, struct buf *ret)
{
    OCF_CLEANUP(parts_done) struct parts segments = {0};
    size_t path_len = strlen(path);
    size_t n = 0;
    int rc = parts_split(path, '/', &segments);

    if (rc < 0) {
        return rc;
    }
    n = normalize_segments(segments.at, segments.n);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = buf_adds(ret, "/");
        if (rc == 0) {
            rc = buf_add_uri(ret, segments.at[i], "");
        }
    }
    if (rc == 0 && (n == 0 || path[path_len - 1] == '/')) {
        rc = buf_adds(ret, "/");
    }
    return rc;
}

struct query_pair {
    const char *key;
    const char *value;
};

static int
query_pair_cmp(const void *a, const void *b)
{
    const struct query_pair *x = a;
    const struct query_pair *y = b;
    int order = strcmp(x->key, y->key);

    return order != 0 ? order : strcmp(x->value, y->value);
}

static int
add_sorted_pairs(const struct parts *query, struct buf *ret)
{
    OCF_FREE struct query_pair *pairs = calloc(query->n, sizeof(*pairs));
    int rc = 0;

    if (pairs == NULL) {
        return -ERR_NOMEM;
    }
    for (size_t i = 0; i < query->n; i++) {
        char *equals = strchr(query->at[i], '=');

        pairs[i] = (struct query_pair){.key = query->at[i], .value = ""};
        if (equals != NULL) {
            *equals = '\0';
            pairs[i].value = equals + 1;
        }
    }
    qsort(pairs, query->n, sizeof(*pairs), query_pair_cmp);
    for (size_t i = 0; rc == 0 && i < query->n; i++) {
        rc = ADD(ret, i > 0 ? "&" : "", pairs[i].key, "=", pairs[i].value);
    }
    return rc;
}

/* The query is encoded already: sorted by name, then by value, and "name" becomes "name=". */
static int
add_canonical_query(const char *query, struct buf *ret)
{
    OCF_CLEANUP(parts_done) struct parts pairs = {0};
    int rc = 0;

    if (query[0] == '\0') {
        return 0;
    }
    rc = parts_split(query, '&', &pairs);
    return rc < 0 ? rc : add_sorted_pairs(&pairs, ret);
}

static bool
is_one_of(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Hop-by-hop and tracing headers, which a proxy may change: no AWS SDK signs them. */
static bool
is_unsigned(const char *name)
{
    static const char *const list[] = {
        "baggage",     "connection", "expect",     "keep-alive",        "proxy-authenticate",
        "traceparent", "tracestate", "trailer",    "transfer-encoding", "proxy-authorization",
        "te",          "upgrade",    "user-agent", "x-amzn-trace-id",
    };

    return is_one_of(name, list, ARRAY_LEN(list));
}

static bool
is_signers_own(const char *name)
{
    static const char *const list[] = {
        "authorization",        "date",       "host",
        "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
    };

    return is_one_of(name, list, ARRAY_LEN(list));
}

/* Lower case whatever the locale says. */
static int
copy_name(const char *name, char ret[NAME_SIZE])
{
    size_t len = strlen(name);

    if (len == 0 || len >= NAME_SIZE) {
        return -ERR_BUG;
    }
    for (size_t i = 0; i <= len; i++) {
        ret[i] = name[i];
        if (name[i] >= 'A' && name[i] <= 'Z') {
            ret[i] = (char)(name[i] - 'A' + 'a');
        }
    }
    return 0;
}

/* Behind the headers of the same name, so that their values keep the order they are sent in. */
static void
insert_header(struct signed_headers *h, const char *name, const char *value)
{
    size_t i = h->n++;

    for (; i > 0 && strcmp(h->at[i - 1].name, name) > 0; i--) {
        h->at[i] = h->at[i - 1];
    }
    memcpy(h->at[i].name, name, strlen(name) + 1);
    h->at[i].value = value;
}

static int
collect_headers(const struct sigv4_request *r, const struct sigv4_credentials *c, const char *date,
                struct signed_headers *h)
{
    if (r->n_headers > SIGV4_HEADERS_MAX) {
        return -ERR_BUG;
    }
    for (size_t i = 0; i < r->n_headers; i++) {
        char name[NAME_SIZE];
        int rc = copy_name(r->headers[i].name, name);

        if (rc < 0 || !is_line(name) || !is_line(r->headers[i].value) || is_signers_own(name)) {
            return -ERR_BUG;
        }
        if (!is_unsigned(name)) {
            insert_header(h, name, r->headers[i].value);
        }
    }
    insert_header(h, "host", r->host);
    insert_header(h, "x-amz-date", date);
    if (c->session_token != NULL && c->session_token[0] != '\0') {
        insert_header(h, "x-amz-security-token", c->session_token);
    }
    return 0;
}

/* White space around the value goes, and runs of it inside become one space. */
static int
add_folded(struct buf *b, const char *value)
{
    static const char space[] = " \t";
    const char *word = value + strspn(value, space);
    const char *glue = "";
    int rc = 0;

    while (rc == 0 && *word != '\0') {
        size_t len = strcspn(word, space);

        rc = buf_adds(b, glue);
        if (rc == 0) {
            rc = buf_add(b, word, len);
        }
        glue = " ";
        word += len;
        word += strspn(word, space);
    }
    return rc;
}

/* A line of its own, or the next value of the same name. */
static int
begin_value(const struct signed_headers *h, size_t i, struct buf *ret, struct buf *ret_signed)
{
    const char *name = h->at[i].name;
    int rc = 0;

    if (i > 0 && strcmp(h->at[i - 1].name, name) == 0) {
        return buf_adds(ret, ",");
    }
    rc = ADD(ret, i > 0 ? "\n" : "", name, ":");
    return rc < 0 ? rc : ADD(ret_signed, i > 0 ? ";" : "", name);
}

/* "name:value\n" a header; the values of repeated ones are joined by a comma. */
static int
add_canonical_headers(const struct signed_headers *h, struct buf *ret, struct buf *ret_signed)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < h->n; i++) {
        rc = begin_value(h, i, ret, ret_signed);
        if (rc == 0) {
            rc = add_folded(ret, h->at[i].value);
        }
    }
    return rc < 0 ? rc : buf_adds(ret, "\n");
}

int
sigv4_canonical_request(const struct sigv4_request *r, const struct sigv4_credentials *c,
                        struct buf *ret, struct buf *ret_signed)
{
    OCF_BUF struct buf names = BUF_INIT(CANONICAL_MAX);
    struct signed_headers headers = {.n = 0};
    char date[DATE_SIZE];
    char body_digest[DIGEST_HEX_SIZE];
    int rc = check_request(r, c);

    if (rc < 0 || (rc = format_date(r->time_s, date)) < 0 ||
        (rc = collect_headers(r, c, date, &headers)) < 0 ||
        (rc = digest_sha256_hex(r->body, r->body_len, body_digest)) < 0) {
        return rc;
    }
    if ((rc = ADD(ret, r->method, "\n")) < 0 || (rc = add_canonical_path(r->path, ret)) < 0 ||
        (rc = buf_adds(ret, "\n")) < 0 || (rc = add_canonical_query(r->query, ret)) < 0 ||
        (rc = buf_adds(ret, "\n")) < 0 || (rc = add_canonical_headers(&headers, ret, &names)) < 0 ||
        (rc = ADD(ret, "\n", buf_str(&names), "\n", body_digest)) < 0) {
        return rc;
    }
    return buf_adds(ret_signed, buf_str(&names));
}

int
sigv4_string_to_sign(const struct sigv4_request *r, const char *canonical_request, struct buf *ret)
{
    char date[DATE_SIZE];
    char digest[DIGEST_HEX_SIZE];
    int rc = format_date(r->time_s, date);

    if (rc < 0 ||
        (rc = digest_sha256_hex(canonical_request, strlen(canonical_request), digest)) < 0 ||
        (rc = ADD(ret, ALGORITHM "\n", date, "\n")) < 0 || (rc = add_scope(r, date, ret)) < 0) {
        return rc;
    }
    return ADD(ret, "\n", digest);
}

/* Each step's result is the key of the next; the last one is the signature. */
static int
chain_hmac(const struct buf *first_key, const char *const *messages, size_t n,
           uint8_t ret[DIGEST_SHA256_LEN])
{
    int rc = digest_hmac_sha256(buf_str(first_key), first_key->len, messages[0],
                                strlen(messages[0]), ret);

    for (size_t i = 1; rc == 0 && i < n; i++) {
        rc = digest_hmac_sha256(ret, DIGEST_SHA256_LEN, messages[i], strlen(messages[i]), ret);
    }
    return rc;
}

int
sigv4_signature(const struct sigv4_request *r, const struct sigv4_credentials *c,
                const char *string_to_sign, char ret[DIGEST_HEX_SIZE])
{
    OCF_BUF struct buf key = BUF_INIT_SECRET(SECRET_KEY_MAX);
    char date[DATE_SIZE];
    const char *const messages[] = {date, r->region, r->service, TERMINATOR, string_to_sign};
    uint8_t mac[DIGEST_SHA256_LEN];
    int rc = format_date(r->time_s, date);

    if (rc < 0 || (rc = ADD(&key, "AWS4", c->secret_access_key)) < 0) {
        return rc;
    }
    date[DAY_LEN] = '\0'; /* the day alone is the first message */
    rc = chain_hmac(&key, messages, ARRAY_LEN(messages), mac);
    if (rc == 0) {
        digest_hex(mac, ret);
    }
    explicit_bzero(mac, sizeof(mac));
    return rc;
}

static int
add_authorization(const struct sigv4_request *r, const struct sigv4_credentials *c,
                  const char *date, const char *signed_names, const char *signature,
                  struct buf *ret)
{
    int rc = ADD(ret, ALGORITHM " Credential=", c->access_key_id, "/");

    if (rc < 0 || (rc = add_scope(r, date, ret)) < 0) {
        return rc;
    }
    return ADD(ret, ", SignedHeaders=", signed_names, ", Signature=", signature);
}

int
sigv4_sign(const struct sigv4_request *r, const struct sigv4_credentials *c,
           struct sigv4_result *ret)
{
    OCF_BUF struct buf canonical = BUF_INIT_SECRET(CANONICAL_MAX);
    OCF_BUF struct buf names = BUF_INIT(CANONICAL_MAX);
    OCF_BUF struct buf to_sign = BUF_INIT_SECRET(CANONICAL_MAX);
    OCF_BUF struct buf authorization = BUF_INIT_SECRET(CANONICAL_MAX);
    char date[DATE_SIZE];
    char signature[DIGEST_HEX_SIZE];
    int rc = format_date(r->time_s, date);

    if (rc < 0 || (rc = sigv4_canonical_request(r, c, &canonical, &names)) < 0 ||
        (rc = sigv4_string_to_sign(r, buf_str(&canonical), &to_sign)) < 0 ||
        (rc = sigv4_signature(r, c, buf_str(&to_sign), signature)) < 0 ||
        (rc = add_authorization(r, c, date, buf_str(&names), signature, &authorization)) < 0) {
        return rc;
    }
    memcpy(ret->date, date, sizeof(date));
    ret->authorization = authorization;
    authorization = BUF_INIT_SECRET(CANONICAL_MAX);
    ret->token = c->session_token != NULL && c->session_token[0] != '\0' ? c->session_token : NULL;
    return 0;
}

void
sigv4_result_done(struct sigv4_result *r)
{
    buf_done(&r->authorization);
}
