/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include <ftw.h>
#include <strings.h>
#include <sys/stat.h>

#define MONO_START_MS   1000000
#define ENVIRONMENT_MAX 32

static struct {
    const char *name;
    const char *value;
} environment[ENVIRONMENT_MAX];
static size_t n_environment;

/* --- clock --------------------------------------------------------------------------------- */

static uint64_t
clock_mono_ms(void *arg)
{
    const struct fake *f = arg;

    return f->mono_ms;
}

static int64_t
clock_wall_s(void *arg)
{
    const struct fake *f = arg;

    return FAKE_WALL_S + (int64_t)((f->mono_ms - MONO_START_MS) / MS_PER_S) + f->wall_off_s;
}

static int
clock_sleep_ms(void *arg, uint64_t ms, int cancel_fd)
{
    struct fake *f = arg;

    (void)cancel_fd;
    f->n_sleeps++;
    if (f->n_sleeps == f->cancel_sleep) {
        return -ERR_CANCELLED;
    }
    f->slept_ms += ms;
    f->mono_ms += ms;
    return 0;
}

static const struct clock_ops fake_clock = {
    .mono_ms = clock_mono_ms, .wall_s = clock_wall_s, .sleep_ms = clock_sleep_ms};

struct deadline
fake_deadline(struct fake *f, uint64_t ms)
{
    return deadline_in(&fake_clock, f, ms, -1);
}

/* --- transport ----------------------------------------------------------------------------- */

static char *
copy(const char *text)
{
    char *s = strdup(text);

    assert_non_null(s);
    return s;
}

static void
record(struct fake *f, const struct http_request *q)
{
    struct fake_request *r = &f->requests[f->n_requests];

    if (f->n_requests == FAKE_REQUESTS_MAX) {
        fail_msg("more than %d requests", FAKE_REQUESTS_MAX);
    }
    assert_true(q->n_headers <= HTTP_HEADERS_MAX);
    *r = (struct fake_request){.method = copy(q->method),
                               .url = copy(q->url),
                               .body = strndup(q->body == NULL ? "" : q->body, q->body_len),
                               .n_headers = q->n_headers,
                               .wave = f->n_waves,
                               .at_ms = f->mono_ms,
                               .attempt_ms = q->attempt_ms,
                               .max_answer = q->max_answer,
                               .direct = q->direct,
                               .fresh = q->fresh,
                               .secret = q->secret};
    for (size_t i = 0; i < q->n_headers; i++) {
        r->headers[i] = copy(q->headers[i]);
    }
    f->n_requests++;
}

static bool
has_header_part(const struct fake_request *q, const char *part)
{
    for (size_t i = 0; i < q->n_headers; i++) {
        if (strstr(q->headers[i], part) != NULL) {
            return true;
        }
    }
    return false;
}

static bool
fits(const struct fake_rule *rule, const struct fake_request *q)
{
    return (rule->method == NULL || strcmp(rule->method, q->method) == 0) &&
           (rule->url == NULL || strstr(q->url, rule->url) != NULL) &&
           (rule->body == NULL || strstr(q->body, rule->body) != NULL) &&
           (rule->header == NULL || has_header_part(q, rule->header));
}

static const struct fake_rule *
find_rule(struct fake *f, const struct fake_request *q)
{
    for (size_t i = 0; i < f->n_rules; i++) {
        unsigned times = f->rules[i].times == 0 ? 1 : f->rules[i].times;

        if (f->used[i] < times && fits(&f->rules[i], q)) {
            f->used[i]++;
            return &f->rules[i];
        }
    }
    fail_msg("the script has no answer to request %zu: %s %s %s", f->n_requests, q->method, q->url,
             q->body);
    return NULL;
}

uint64_t
fake_answer(const struct fake_rule *rule, struct http_exchange *x, struct deadline d)
{
    uint64_t left_ms = deadline_left_ms(deadline_cap(d, x->request.attempt_ms));
    size_t len = rule->answer == NULL ? 0 : strlen(rule->answer);

    http_exchange_done(x);
    x->error = (struct err){0};
    x->answer.body = x->request.secret ? BUF_INIT_SECRET(x->request.max_answer)
                                       : BUF_INIT(x->request.max_answer);
    x->answer.sent = true;
    if (rule->takes_ms > left_ms) {
        (void)err_set(&x->error, ERR_TIMEOUT, "fake: no answer in time");
        return left_ms;
    }
    if (rule->error != ERR_NONE) {
        (void)err_set(&x->error, rule->error, "fake: %s", err_text(-(int)rule->error));
        x->answer.sent = rule->sent;
        return rule->takes_ms;
    }
    x->answer.status = rule->status;
    x->answer.date_s = rule->date_s;
    (void)snprintf(x->answer.request_id, sizeof(x->answer.request_id), "%s",
                   rule->request_id == NULL ? "" : rule->request_id);
    if (buf_add(&x->answer.body, rule->answer, rule->answer_len > 0 ? rule->answer_len : len) < 0) {
        (void)err_set(&x->error, ERR_TOO_BIG, "fake: answer too large");
    }
    return rule->takes_ms;
}

static int
perform(void *arg, struct http_exchange *const *exchanges, size_t n, struct deadline d)
{
    struct fake *f = arg;
    uint64_t longest_ms = 0;

    f->n_waves++;
    for (size_t i = 0; i < n; i++) {
        const struct fake_rule *rule = NULL;
        uint64_t took_ms = 0;

        record(f, &exchanges[i]->request);
        rule = find_rule(f, &f->requests[f->n_requests - 1]);
        if (rule->given_up < 0) {
            return rule->given_up;
        }
        took_ms = fake_answer(rule, exchanges[i], d);
        longest_ms = took_ms > longest_ms ? took_ms : longest_ms;
    }
    f->mono_ms += longest_ms;
    return 0;
}

void
fake_script(struct fake *f, const struct fake_rule *rules, size_t n)
{
    assert_true(f->n_rules + n <= FAKE_REQUESTS_MAX);
    memcpy(f->rules + f->n_rules, rules, n * sizeof(*rules));
    f->n_rules += n;
}

const char *
fake_header(const struct fake_request *q, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < q->n_headers; i++) {
        if (strncasecmp(q->headers[i], name, len) == 0 && q->headers[i][len] == ':') {
            return q->headers[i] + len + 1 + strspn(q->headers[i] + len + 1, " ");
        }
    }
    return NULL;
}

size_t
fake_count(const struct fake *f, const char *part)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_requests; i++) {
        n += strstr(f->requests[i].url, part) != NULL || strstr(f->requests[i].body, part) != NULL;
    }
    return n;
}

/* --- environment and files ------------------------------------------------------------------ */

const char *
fake_getenv(const char *name)
{
    for (size_t i = 0; i < n_environment; i++) {
        if (strcmp(environment[i].name, name) == 0) {
            return environment[i].value;
        }
    }
    return NULL;
}

void
fake_env(const char *name, const char *value)
{
    for (size_t i = 0; i < n_environment; i++) {
        if (strcmp(environment[i].name, name) == 0) {
            environment[i].value = value;
            return;
        }
    }
    assert_true(n_environment < ENVIRONMENT_MAX);
    environment[n_environment].name = name;
    environment[n_environment++].value = value;
}

const char *
fake_path(struct fake *f, const char *name)
{
    assert_true(f->n_paths < ARRAY_LEN(f->paths));
    assert_true(asprintf(&f->paths[f->n_paths], "%s/%s", f->dir, name) > 0);
    return f->paths[f->n_paths++];
}

const char *
fake_file(struct fake *f, const char *name, const char *text)
{
    const char *path = fake_path(f, name);
    OCF_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return path;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* --- the fixture ---------------------------------------------------------------------------- */

static int
get_keys(void *arg, bool renew, struct deadline d, const struct aws_credentials **ret,
         struct err *e)
{
    struct fake *f = arg;

    (void)d;
    f->n_gets++;
    f->n_renewals += renew ? 1 : 0;
    if (renew && f->renew_error < 0) {
        return err_set(e, (enum err_code) - f->renew_error, "fake: no new keys");
    }
    if (!renew && f->get_error < 0) {
        return err_set(e, (enum err_code) - f->get_error, "fake: no keys");
    }
    *ret = renew ? &f->new_keys : &f->keys;
    return 0;
}

static void
set_keys(struct aws_credentials *c, const char *key_id, const char *token)
{
    *c = AWS_CREDENTIALS_INIT;
    assert_int_equal(buf_adds(&c->access_key_id, key_id), 0);
    assert_int_equal(buf_adds(&c->secret_access_key, FAKE_SECRET), 0);
    assert_int_equal(buf_adds(&c->session_token, token), 0);
}

int
fake_setup(void **state)
{
    struct fake *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return -1;
    }
    *state = f;
    n_environment = 0;
    f->mono_ms = MONO_START_MS;
    f->transport = (struct http_transport){.perform = perform, .arg = f};
    set_keys(&f->keys, FAKE_KEY_ID, "");
    set_keys(&f->new_keys, FAKE_NEW_KEY_ID, FAKE_NEW_TOKEN);
    f->session = (struct aws_session){.transport = f->transport,
                                      .credentials = {.get = get_keys, .arg = f},
                                      .region = FAKE_REGION,
                                      .getenv = fake_getenv,
                                      .attempt_ms = 5000};
    (void)snprintf(f->dir, sizeof(f->dir), "%s", P_tmpdir "/ocf-aws-test-XXXXXX");
    if (mkdtemp(f->dir) == NULL) {
        return -1;
    }
    cache_open(&f->cache, f->dir);
    return f->cache.dir_fd < 0 ? -1 : 0;
}

static int
count_unused(const struct fake *f)
{
    int unused = 0;

    for (size_t i = 0; i < f->n_rules; i++) {
        const struct fake_rule *rule = &f->rules[i];
        unsigned times = rule->times == 0 ? 1 : rule->times;

        if (times != FAKE_ALWAYS && f->used[i] < times) {
            print_error("line %zu of the script was used %u times of %u: %s %s %s\n", i, f->used[i],
                        times, rule->method == NULL ? "*" : rule->method,
                        rule->url == NULL ? "*" : rule->url, rule->body == NULL ? "*" : rule->body);
            unused++;
        }
    }
    return unused;
}

int
fake_teardown(void **state)
{
    struct fake *f = *state;
    int unused = count_unused(f);

    for (size_t i = 0; i < f->n_requests; i++) {
        struct fake_request *r = &f->requests[i];

        free(r->method);
        free(r->url);
        free(r->body);
        for (size_t k = 0; k < r->n_headers; k++) {
            free(r->headers[k]);
        }
    }
    for (size_t i = 0; i < f->n_paths; i++) {
        free(f->paths[i]);
    }
    aws_credentials_done(&f->keys);
    aws_credentials_done(&f->new_keys);
    cache_close(&f->cache);
    (void)nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return unused == 0 ? 0 : -1;
}
