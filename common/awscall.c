/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "awscall.h"

#include "awstime.h"
#include "exchange.h"
#include "log.h"
#include "sigv4.h"

#include <stdio.h>
#include <string.h>

#define URL_MAX         2048
#define HEADER_LINES    4
#define CONTENT_FORM    "application/x-www-form-urlencoded; charset=utf-8"
#define CONTENT_XML     "application/xml"
#define USER_AGENT_LINE "User-Agent: ocf-aws/" OCF_AWS_VERSION

/* A session of some of the calls, and the credentials that it signs them with. */
struct party {
    struct aws_session *session;
    const struct aws_credentials *credentials; /* borrowed from their source; NULL: see error */
    struct err error;
};

/* A call while it is on its way: what the HTTP request borrows from. */
struct sending {
    struct party *party;
    struct deadline deadline;
    char url[URL_MAX];
    struct buf lines[HEADER_LINES]; /* Content-Type, X-Amz-Date, -Security-Token, Authorization */
    size_t n_lines;
    unsigned generation; /* of credentials and clock it was signed with */
};

struct flight {
    struct aws_session *session; /* of the calls that have none of their own */
    struct aws_call *calls;
    size_t n_calls;
    struct sending *sending;
    struct party *parties;
    size_t n_parties;
    uint64_t sought_ms; /* spent on credentials for calls that are given up before the deadline */
    struct deadline deadline;
};

int
aws_credentials_set(struct aws_credentials *ret, const char *key_id, const char *secret,
                    const char *token)
{
    const char *text = token == NULL ? "" : token;
    int rc = 0;

    if (*key_id == '\0' || *secret == '\0' || !base_is_word(key_id) || !base_is_word(secret) ||
        !base_is_word(text)) {
        return -ERR_MALFORMED;
    }
    rc = buf_adds(&ret->access_key_id, key_id);
    rc = rc < 0 ? rc : buf_adds(&ret->secret_access_key, secret);
    return rc < 0 ? rc : buf_adds(&ret->session_token, text);
}

void
aws_credentials_done(struct aws_credentials *c)
{
    buf_done(&c->access_key_id);
    buf_done(&c->secret_access_key);
    buf_done(&c->session_token);
}

void
aws_call_init(struct aws_call *c, const struct aws_service *service, const char *action)
{
    *c = (struct aws_call){.service = service, .action = action, .body = BUF_INIT(AWS_FORM_MAX)};
    c->failed = buf_addf(&c->body, "Action=%s&Version=%s", action, service->version);
}

void
aws_call_init_rest(struct aws_call *c, const struct aws_service *service, const char *action,
                   const char *method, const char *path)
{
    *c = (struct aws_call){.service = service,
                           .action = action,
                           .method = method,
                           .path = path,
                           .body = BUF_INIT(AWS_FORM_MAX)};
}

void
aws_call_param(struct aws_call *c, const char *value, const char *name, ...)
{
    char field[128];
    va_list args;
    int n = 0;

    va_start(args, name);
    n = vsnprintf(field, sizeof(field), name, args);
    va_end(args);
    if (c->failed == 0) {
        c->failed =
            n < 0 || (size_t)n >= sizeof(field) ? -ERR_BUG : buf_addf(&c->body, "&%s=", field);
    }
    if (c->failed == 0) {
        c->failed = buf_add_uri(&c->body, value, "");
    }
}

void
aws_call_done(struct aws_call *c)
{
    buf_done(&c->body);
    if (c->secret) {
        xmlq_wipe(c->answer);
    }
    xmlq_free(c->answer);
    c->answer = NULL;
}

/* Sorted by class; what is not here is decided by the HTTP status. */
static const struct {
    const char *aws_code;
    enum err_code code;
} code_table[] = {
    {"RequestLimitExceeded", ERR_THROTTLED},
    {"Throttling", ERR_THROTTLED},
    {"ThrottlingException", ERR_THROTTLED},
    {"ThrottledException", ERR_THROTTLED},
    {"RequestThrottled", ERR_THROTTLED},
    {"TooManyRequestsException", ERR_THROTTLED},
    {"SlowDown", ERR_THROTTLED},
    {"BandwidthLimitExceeded", ERR_THROTTLED},
    {"EC2ThrottledException", ERR_THROTTLED},
    {"PriorRequestNotComplete", ERR_THROTTLED},
    {"InternalError", ERR_SERVICE},
    {"InternalFailure", ERR_SERVICE},
    {"ServiceUnavailable", ERR_SERVICE},
    {"Unavailable", ERR_SERVICE},
    {"RequestTimeout", ERR_SERVICE},
    {"IDPCommunicationError", ERR_SERVICE},
    {"ExpiredToken", ERR_CREDENTIALS},
    {"ExpiredTokenException", ERR_CREDENTIALS},
    {"RequestExpired", ERR_CREDENTIALS},
    {"RequestTimeTooSkewed", ERR_CREDENTIALS},
    {"InvalidClientTokenId", ERR_CREDENTIALS},
    {"UnrecognizedClientException", ERR_CREDENTIALS},
    {"AuthFailure", ERR_CREDENTIALS},
    {"SignatureDoesNotMatch", ERR_CREDENTIALS},
    {"InvalidSignatureException", ERR_CREDENTIALS},
    {"IncompleteSignature", ERR_CREDENTIALS},
    {"MissingAuthenticationToken", ERR_CREDENTIALS},
    {"UnauthorizedOperation", ERR_DENIED},
    {"Client.UnauthorizedOperation", ERR_DENIED},
    {"AccessDenied", ERR_DENIED},
    {"AccessDeniedException", ERR_DENIED},
    {"OptInRequired", ERR_DENIED},
    {"NoSuchHostedZone", ERR_NOT_FOUND},
    {"NoSuchChange", ERR_NOT_FOUND},
    {"TargetGroupNotFound", ERR_NOT_FOUND},
    {"IncorrectState", ERR_CONFLICT},
    {"InvalidChangeBatch", ERR_CONFLICT},
    {"Resource.AlreadyAssociated", ERR_CONFLICT},
    {"RouteAlreadyExists", ERR_CONFLICT},
};

enum err_code
aws_classify(const char *aws_code, long status)
{
    size_t len = strlen(aws_code);

    for (size_t i = 0; i < ARRAY_LEN(code_table); i++) {
        if (strcmp(aws_code, code_table[i].aws_code) == 0) {
            return code_table[i].code;
        }
    }
    if (len > 9 && strcmp(aws_code + len - 9, ".NotFound") == 0) {
        return ERR_NOT_FOUND;
    }
    if (status == 429) {
        return ERR_THROTTLED;
    }
    if (status >= 500) {
        return ERR_SERVICE;
    }
    if (status >= 400) {
        return aws_code[0] != '\0' ? ERR_REJECTED : ERR_MALFORMED;
    }
    return status == 200 ? ERR_NONE : ERR_MALFORMED;
}

/* Replace {service} and {region} in a URL template. */
static int
expand_template(const char *template, const char *service, const char *region, struct buf *ret)
{
    int rc = 0;

    while (rc == 0 && *template != '\0') {
        if (strncmp(template, "{service}", 9) == 0) {
            rc = buf_adds(ret, service);
            template += 9;
        } else if (strncmp(template, "{region}", 8) == 0) {
            rc = buf_adds(ret, region);
            template += 8;
        } else {
            rc = buf_add(ret, template ++, 1);
        }
    }
    return rc;
}

static bool
env_is_true(const struct aws_session *s, const char *name)
{
    const char *value = s->getenv(name);

    return value != NULL && strcasecmp(value, "true") == 0;
}

static const char *
region_of(const struct aws_session *s, const struct aws_call *c)
{
    return c->region != NULL ? c->region : s->region;
}

/*
 * The base URL: the parameter, else AWS_ENDPOINT_URL_<SERVICE>, else AWS_ENDPOINT_URL, else the
 * table of endpoints. Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
 */
static int
base_url_of(const struct aws_session *s, const struct aws_call *c, const struct endpoint *standard,
            struct buf *ret)
{
    char name[64];
    const char *url = s->endpoint_url;

    if (url == NULL) {
        (void)snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", c->service->env_name);
        url = s->getenv(name);
    }
    if (url == NULL || *url == '\0') {
        url = s->getenv("AWS_ENDPOINT_URL");
    }
    if (url == NULL || *url == '\0') {
        return buf_addf(ret, "https://%s", standard->host);
    }
    return expand_template(url, c->service->prefix, region_of(s, c), ret);
}

/* Where a call goes to and what it is signed for. */
struct destination {
    struct http_url url;
    struct endpoint endpoint;
};

static int
find_destination(const struct aws_session *s, const struct aws_call *c, struct destination *ret,
                 struct err *e)
{
    struct endpoint_variant variant = {.dualstack = env_is_true(s, "AWS_USE_DUALSTACK_ENDPOINT"),
                                       .fips = env_is_true(s, "AWS_USE_FIPS_ENDPOINT")};
    OCF_BUF struct buf base = BUF_INIT(URL_MAX);
    int rc = endpoint_resolve(c->service->prefix, region_of(s, c), variant, &ret->endpoint, e);

    if (rc < 0) {
        return rc;
    }
    rc = base_url_of(s, c, &ret->endpoint, &base);
    if (rc < 0) {
        return err_set(e, ERR_PARAM, "endpoint_url is longer than %d characters", URL_MAX);
    }
    return http_url_parse(buf_str(&base), &ret->url, e);
}

/* Append the header line "name: value" to the request; the line is a secret as far as we know. */
static int
add_line(struct sending *out, struct http_request *q, const char *name, const char *value)
{
    struct buf *line = &out->lines[out->n_lines];
    int rc = 0;

    if (value == NULL || *value == '\0') {
        return 0;
    }
    out->n_lines++;
    *line = BUF_INIT_SECRET(2 * AWS_SECRET_MAX);
    rc = buf_adds(line, name);
    rc = rc < 0 ? rc : buf_adds(line, ": ");
    rc = rc < 0 ? rc : buf_adds(line, value);
    if (rc == 0) {
        q->headers[q->n_headers++] = line->data;
    }
    return rc;
}

static void
sending_clear(struct sending *out)
{
    while (out->n_lines > 0) {
        buf_done(&out->lines[--out->n_lines]);
    }
}

static int
add_signature(const struct flight *f, struct sending *out, const struct destination *to,
              const struct sigv4_request *unsigned_request, struct http_request *q)
{
    const struct aws_credentials *c = out->party->credentials;
    struct sigv4_request r = *unsigned_request;
    struct sigv4_result result = {0};
    int rc = 0;

    r.host = to->url.host;
    r.region = to->endpoint.signing_region;
    r.time_s = deadline_wall_s(f->deadline) + out->party->session->skew_s;
    rc = sigv4_sign(&r,
                    &(struct sigv4_credentials){.access_key_id = buf_str(&c->access_key_id),
                                                .secret_access_key = buf_str(&c->secret_access_key),
                                                .session_token = buf_str(&c->session_token)},
                    &result);
    if (rc < 0) {
        return rc;
    }
    rc = add_line(out, q, "X-Amz-Date", result.date);
    rc = rc < 0 ? rc : add_line(out, q, "X-Amz-Security-Token", result.token);
    rc = rc < 0 ? rc : add_line(out, q, "Authorization", buf_str(&result.authorization));
    sigv4_result_done(&result);
    return rc;
}

static int
fill_request(const struct flight *f, size_t i, const struct destination *to, struct http_request *q)
{
    const struct aws_call *c = &f->calls[i];
    struct sending *out = &f->sending[i];
    const char *path = c->path == NULL ? "/" : c->path;
    size_t path_len = strcspn(path, "?");
    OCF_FREE char *full_path = NULL;
    struct sigv4_header type = {"Content-Type", c->method == NULL ? CONTENT_FORM : CONTENT_XML};
    int rc = 0;

    if (asprintf(&full_path, "%s%.*s", to->url.path, (int)path_len, path) < 0) {
        return -ERR_NOMEM;
    }
    if (snprintf(out->url, URL_MAX, "%s%s%s", to->url.base, to->url.path, path) >= URL_MAX) {
        return -ERR_TOO_BIG;
    }
    *q = (struct http_request){.method = c->method == NULL ? "POST" : c->method,
                               .url = out->url,
                               .headers = {USER_AGENT_LINE, "Expect:"},
                               .n_headers = 2,
                               .body = c->body.len > 0 ? c->body.data : NULL,
                               .body_len = c->body.len,
                               .max_answer = AWS_ANSWER_MAX,
                               .attempt_ms = out->party->session->attempt_ms,
                               .fresh = c->write,
                               .secret = c->secret};
    if (q->body != NULL) {
        rc = add_line(out, q, type.name, type.value);
    }
    if (rc == 0 && !c->anonymous) {
        rc = add_signature(
            f, out, to,
            &(struct sigv4_request){.method = q->method,
                                    .path = full_path,
                                    .query = path[path_len] == '?' ? path + path_len + 1 : "",
                                    .headers = &type,
                                    .n_headers = q->body == NULL ? 0 : 1,
                                    .body = q->body,
                                    .body_len = q->body_len,
                                    .service = c->service->prefix},
            q);
    }
    return rc;
}

static int
prepare(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    struct flight *f = arg;
    const struct aws_call *c = &f->calls[i];
    struct sending *out = &f->sending[i];
    const struct aws_session *s = out->party->session;
    struct destination to = {0};
    struct err before = *e;
    int rc = c->failed;

    if (rc < 0) {
        return err_set(e, ERR_BUG, "%s: request cannot be built: %s", c->action, err_text(rc));
    }
    if (!c->anonymous && out->party->credentials == NULL) {
        *e = out->party->error;
        return e->code;
    }
    rc = pace_wait(s->cache, c->service->prefix, c->service->rate, out->deadline, e);
    if (rc == -ERR_DEADLINE && before.code < 0) {
        *e = before; /* what came before says more */
        return e->code;
    }
    if (rc < 0) {
        return err_prefix(e, "%s", c->action);
    }
    rc = find_destination(s, c, &to, e);
    if (rc < 0) {
        return rc;
    }
    sending_clear(out);
    out->generation = s->generation;
    rc = fill_request(f, i, &to, &x->request);
    if (rc < 0) {
        rc = err_set(e, (enum err_code) - rc, "%s: request cannot be signed: %s", c->action,
                     err_text(rc));
    }
    http_url_done(&to.url);
    return rc;
}

/* The texts of an error answer: <Response><Errors><Error> (ec2) or <ErrorResponse><Error>. */
static void
read_error(const struct http_exchange *x, char code[64], char message[256])
{
    OCF_XMLQ struct xmlq *doc = NULL;
    const struct xmlq_node *root = NULL;
    const struct xmlq_node *error = NULL;
    const char *text = NULL;
    const char *blank = NULL;

    if (xmlq_parse(buf_str(&x->answer.body), x->answer.body.len, &doc, NULL) < 0) {
        return;
    }
    root = xmlq_root(doc, NULL);
    error = xmlq_find(root, "Errors/Error");
    error = error != NULL ? error : xmlq_find(root, "Error");
    text = xmlq_text(error, "Code");
    if (error == NULL && xmlq_root(doc, "InvalidChangeBatch") != NULL) {
        text = xmlq_name(root); /* Route 53 alone: the root names the error */
        error = root;
    }
    (void)snprintf(code, 64, "%s", text == NULL ? "" : text);
    text = xmlq_text(error, "Message");
    text = text != NULL ? text : xmlq_text(error, "Messages/Message");
    text = text == NULL ? "" : text + strspn(text, "\n");
    /* After a blank line STS shows what it would have signed, with the session token in it. */
    blank = strstr(text, "\n\n");
    (void)snprintf(message, 256, "%.*s",
                   (int)(blank == NULL ? strlen(text) : (size_t)(blank - text)), text);
}

/* A refused signature whose answer shows that the clocks differ is about the clock. */
static bool
correct_clock(struct aws_session *s, struct deadline d, const struct http_exchange *x)
{
    int64_t ours_s = deadline_wall_s(d);
    int64_t off_s = x->answer.date_s - (ours_s + s->skew_s);

    if (x->answer.date_s == 0 || llabs(off_s) < AWSTIME_SKEW_MIN_S) {
        return false;
    }
    s->skew_s = x->answer.date_s - ours_s;
    s->generation++;
    if (s->cache != NULL) {
        awstime_learn(s->cache, d, x->answer.date_s);
    }
    log_warning("this host's clock differs from AWS's by %lld s: mend its time synchronisation",
                (long long)s->skew_s);
    return true;
}

/* Errors of AWS, and of whoever answers in its place. */
static int
judge_refusal(struct flight *f, size_t i, const struct http_exchange *x, struct err *e)
{
    const struct aws_call *c = &f->calls[i];
    char aws_code[64] = "";
    char message[256] = "";
    enum err_code code = ERR_NONE;

    read_error(x, aws_code, message);
    err_one_line(aws_code);
    code = aws_classify(aws_code, x->answer.status);
    if (code == ERR_CREDENTIALS && correct_clock(f->sending[i].party->session, f->deadline, x)) {
        code = ERR_CLOCK_SKEW;
    }
    (void)err_set(e, code, "%s: %s%s%s", c->action, aws_code[0] != '\0' ? aws_code : "HTTP status",
                  message[0] != '\0' ? ": " : "", message);
    if (aws_code[0] == '\0') {
        /* Not AWS, but a gateway before it: what became of a write behind it is not known. */
        code = code == ERR_SERVICE && c->write ? ERR_UNCERTAIN : code;
        (void)err_set(e, code, "%s: HTTP status %ld without an AWS error code", c->action,
                      x->answer.status);
    }
    (void)snprintf(e->aws_code, sizeof(e->aws_code), "%s", aws_code);
    return e->code;
}

/* What became of a write whose answer cannot be read is not known. */
static int
judge_lost(const struct aws_call *c, const struct http_exchange *x, struct err *e)
{
    enum err_class class = err_class(e->code);

    if (c->write && x->answer.sent && e->code != -ERR_CONNECT &&
        (class == ERR_CLASS_TRANSIENT || class == ERR_CLASS_PROTOCOL)) {
        e->code = -ERR_UNCERTAIN;
    }
    return e->code;
}

/* The answer as XML; all that are there at once share a bound. */
static int
read_answer(const struct flight *f, struct aws_call *c, const struct buf *body, struct err *e)
{
    size_t n_nodes = xmlq_nodes(buf_str(body), body->len);
    size_t n_all = n_nodes;
    int rc = 0;

    for (size_t i = 0; i < f->n_calls; i++) {
        n_all += f->calls[i].answer != NULL ? f->calls[i].n_nodes : 0;
    }
    if (n_all > AWS_NODES_MAX) {
        return err_set(e, ERR_TOO_BIG, "answer too large: more than %d XML nodes", AWS_NODES_MAX);
    }
    rc = xmlq_parse(buf_str(body), body->len, &c->answer, e);
    if (rc == 0) {
        c->n_nodes = n_nodes;
    }
    return rc;
}

static int
judge(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    struct flight *f = arg;
    struct aws_call *c = &f->calls[i];
    int rc = 0;

    if (x->error.code < 0) {
        *e = x->error;
        (void)err_prefix(e, "%s", c->action);
        rc = judge_lost(c, x, e);
    } else if (x->answer.status != 200) {
        rc = judge_refusal(f, i, x, e);
    } else {
        rc = read_answer(f, c, &x->answer.body, e);
        if (rc < 0) {
            (void)err_prefix(e, "%s", c->action);
            rc = judge_lost(c, x, e);
        }
    }
    if (rc < 0) {
        (void)snprintf(e->request_id, sizeof(e->request_id), "%s", x->answer.request_id);
        (void)snprintf(e->action, sizeof(e->action), "%s:%s", c->service->prefix, c->action);
    }
    buf_done(&x->answer.body);
    return rc;
}

static bool
same_source(const struct party *a, const struct party *b)
{
    return a->session->credentials.get == b->session->credentials.get &&
           a->session->credentials.arg == b->session->credentials.arg;
}

/* What one party has got from its source goes for all that share it: the last ones are gone. */
static void
share_credentials(struct flight *f, const struct party *from)
{
    for (size_t i = 0; i < f->n_parties; i++) {
        struct party *p = &f->parties[i];

        if (p != from && same_source(p, from)) {
            p->credentials = from->credentials;
            p->session->generation++;
        }
    }
}

static int
refresh(void *arg, size_t i, int code, struct deadline d, struct err *e)
{
    struct flight *f = arg;
    struct party *p = f->sending[i].party;
    const struct aws_credentials_source *source = &p->session->credentials;
    struct err why = *e;
    int rc = 0;

    if (f->calls[i].anonymous) {
        return code;
    }
    /* Of several calls that were refused together, the first renews for all. */
    if (f->sending[i].generation != p->session->generation) {
        return 0;
    }
    rc = source->get(source->arg, true, d, &p->credentials, e);
    if (rc < 0) {
        *e = why; /* the refusal says more than that there is nothing better */
        return rc;
    }
    p->session->generation++;
    share_credentials(f, p);
    return 0;
}

static struct deadline
deadline_of(void *arg, size_t i)
{
    const struct flight *f = arg;

    return f->sending[i].deadline;
}

static void
fail_all(struct aws_call *calls, size_t n, const struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        calls[i].error = *e;
    }
}

static struct party *
party_of(struct flight *f, const struct aws_call *c)
{
    struct aws_session *s = c->session != NULL ? c->session : f->session;

    for (size_t i = 0; i < f->n_parties; i++) {
        if (f->parties[i].session == s) {
            return &f->parties[i];
        }
    }
    f->parties[f->n_parties].session = s;
    return &f->parties[f->n_parties++];
}

/*
 * How long a party may look for credentials: as long as the most patient call that it signs; 0: to
 * the deadline.
 */
static uint64_t
patience_of(const struct flight *f, const struct party *p, size_t n)
{
    uint64_t within_ms = 0;

    for (size_t i = 0; i < n; i++) {
        const struct aws_call *c = &f->calls[i];

        if (f->sending[i].party != p || c->anonymous) {
            continue;
        }
        if (c->within_ms == 0) {
            return 0;
        }
        within_ms = c->within_ms > within_ms ? c->within_ms : within_ms;
    }
    return within_ms;
}

/* One party asks after the other: when many roles are silent, they cost the patience for one. */
static int
seek_credentials(struct flight *f, struct party *p, uint64_t within_ms)
{
    const struct aws_credentials_source *source = &p->session->credentials;
    uint64_t begun_ms = deadline_now_ms(f->deadline);
    struct deadline d = f->deadline;

    if (within_ms > 0) {
        d = deadline_cap(d, within_ms > f->sought_ms ? within_ms - f->sought_ms : 0);
    }
    p->error.code = source->get(source->arg, false, d, &p->credentials, &p->error);
    if (within_ms > 0) {
        f->sought_ms += deadline_now_ms(f->deadline) - begun_ms;
    }
    return p->error.code;
}

static int
get_credentials(struct flight *f, struct party *p, size_t n)
{

    for (const struct party *other = f->parties; other < p; other++) {
        if (same_source(other, p) && (other->credentials != NULL || other->error.code < 0)) {
            p->credentials = other->credentials;
            p->error = other->error;
            return p->error.code;
        }
    }
    return seek_credentials(f, p, patience_of(f, p, n));
}

/* Credentials for all parties that sign; -ERR_CANCELLED when the process was asked to end. */
static int
gather_credentials(struct flight *f, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct party *p = f->sending[i].party;
        bool asked = p->credentials != NULL || p->error.code < 0;

        if (!f->calls[i].anonymous && !asked && get_credentials(f, p, n) == -ERR_CANCELLED) {
            *e = p->error;
            return e->code;
        }
    }
    return 0;
}

static int
fly(struct flight *f, size_t n)
{
    static const struct exchange_ops ops = {
        .prepare = prepare, .judge = judge, .refresh = refresh, .deadline = deadline_of};
    OCF_FREE struct http_exchange *x = calloc(n, sizeof(*x));
    OCF_FREE struct err *errs = calloc(n, sizeof(*errs));
    int rc = 0;

    if (x == NULL || errs == NULL) {
        struct err e;

        rc = err_set(&e, ERR_NOMEM, "out of memory");
        fail_all(f->calls, n, &e);
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t within_ms = f->calls[i].within_ms;

        f->sending[i].deadline =
            within_ms == 0 ? f->deadline : deadline_cap(f->deadline, within_ms);
    }
    rc = exchange_all(&f->session->transport, &ops, f, x, errs, n, f->deadline);
    for (size_t i = 0; i < n; i++) {
        f->calls[i].error = errs[i];
        sending_clear(&f->sending[i]);
        http_exchange_done(&x[i]);
    }
    return rc;
}

static void
tell_denied(const struct flight *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct aws_credentials_source *source = &f->sending[i].party->session->credentials;

        if (f->calls[i].error.code == -ERR_DENIED && source->denied != NULL) {
            source->denied(source->arg);
        }
    }
}

int
aws_call_all(struct aws_session *s, struct aws_call *calls, size_t n, struct deadline d)
{
    OCF_FREE struct sending *sending = calloc(n, sizeof(*sending));
    OCF_FREE struct party *parties = calloc(n, sizeof(*parties));
    struct flight f = {.session = s,
                       .calls = calls,
                       .n_calls = n,
                       .sending = sending,
                       .parties = parties,
                       .deadline = d};

    struct err e = {0};
    int rc = 0;

    if (n > 0 && (sending == NULL || parties == NULL)) {
        rc = err_set(&e, ERR_NOMEM, "out of memory");
        fail_all(calls, n, &e);
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        sending[i].party = party_of(&f, &calls[i]);
    }
    rc = gather_credentials(&f, n, &e);
    if (rc < 0) {
        fail_all(calls, n, &e);
        return rc;
    }
    rc = fly(&f, n);
    tell_denied(&f, n);
    return rc;
}
