/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "imds.h"

#define BASE   "http://192.0.2.254"
#define TOKEN  "AQAEAtoken=="
#define SECOND "AQAEAsecond=="

#define GIVES_TOKEN(token)                                                                         \
    {                                                                                              \
        .method = "PUT", .url = BASE "/latest/api/token", .status = 200, .answer = (token)         \
    }

static void
init(struct fake *f, struct imds *m)
{
    imds_init(m, &f->transport, &f->cache, BASE);
}

static int
get(struct imds *m, struct fake *f, const char *path, char ret[256], struct err *e)
{
    OCF_BUF struct buf b = BUF_INIT(255);
    int rc = imds_get_one(m, path, fake_deadline(f, 10000), &b, e);

    (void)snprintf(ret, 256, "%s", buf_str(&b));
    return rc;
}

static void
imds_get_asks_with_a_session_token(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];

    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.method = "GET", .status = 200, .answer = "r1"});
    assert_int_equal(get(&m, f, "meta-data/placement/region", value, &e), 0);
    assert_string_equal(value, "r1");
    assert_string_equal(fake_header(&f->requests[0], "X-aws-ec2-metadata-token-ttl-seconds"),
                        "21600");
    assert_string_equal(f->requests[1].url, BASE "/latest/meta-data/placement/region");
    assert_string_equal(fake_header(&f->requests[1], "X-aws-ec2-metadata-token"), TOKEN);
    for (size_t i = 0; i < 2; i++) {
        assert_true(f->requests[i].direct); /* a proxy must never see the token */
        assert_true(f->requests[i].attempt_ms <= 1000);
    }
    assert_true(f->requests[0].secret);
    assert_false(f->requests[1].secret);
}

static void
imds_get_token_is_shared_by_clients_through_the_cache(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds first;
    OCF_CLEANUP(imds_done) struct imds second;
    OCF_CLEANUP(imds_done) struct imds elsewhere;
    struct err e = {0};
    char value[256];

    init(f, &first);
    init(f, &second);
    imds_init(&elsewhere, &f->transport, &f->cache, "http://192.0.2.253");
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN),
                {.method = "GET", .header = TOKEN, .status = 200, .answer = "v", .times = 3},
                {.method = "PUT", .url = "192.0.2.253", .status = 200, .answer = SECOND},
                {.method = "GET", .header = SECOND, .status = 200, .answer = "w"});
    assert_int_equal(get(&first, f, "a", value, &e), 0);
    assert_int_equal(get(&first, f, "b", value, &e), 0);
    assert_int_equal(get(&second, f, "c", value, &e), 0);
    assert_int_equal(fake_count(f, "api/token"), 1);
    assert_int_equal(get(&elsewhere, f, "d", value, &e), 0); /* another service, another token */
    assert_string_equal(value, "w");
}

static void
imds_get_without_cache_works(void **state)
{
    struct fake *f = *state;
    const struct cache none = {.dir_fd = -1};
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];

    imds_init(&m, &f->transport, &none, BASE);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.method = "GET", .status = 200, .answer = "v", .times = 2});
    assert_int_equal(get(&m, f, "a", value, &e), 0);
    assert_int_equal(get(&m, f, "b", value, &e), 0);
    assert_int_equal(fake_count(f, "api/token"), 1);
}

static void
imds_get_stale_token_renewed_once_for_several(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    OCF_CLEANUP(imds_done) struct imds later;
    struct imds_item items[] = {{.path = "a"}, {.path = "b", .secret = true}, {.path = "c"}};
    struct err e = {0};
    char value[256];

    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN),
                {.method = "GET", .header = TOKEN, .status = 401, .times = 3}, GIVES_TOKEN(SECOND),
                {.url = "latest/a", .header = SECOND, .status = 200, .answer = "1"},
                {.url = "latest/b", .header = SECOND, .status = 200, .answer = "2"},
                {.url = "latest/c", .header = SECOND, .status = 200, .answer = "3"});
    assert_int_equal(imds_get(&m, items, ARRAY_LEN(items), fake_deadline(f, 10000)), 0);
    assert_string_equal(buf_str(&items[0].value), "1");
    assert_string_equal(buf_str(&items[1].value), "2");
    assert_string_equal(buf_str(&items[2].value), "3");
    assert_true(items[1].value.secret);
    assert_int_equal(fake_count(f, "api/token"), 2);
    assert_int_equal(f->n_sleeps, 0);
    imds_items_done(items, ARRAY_LEN(items));
    /* The cache has the new one. */
    FAKE_SCRIPT(f, {.url = "latest/d", .header = SECOND, .status = 200, .answer = "4"});
    init(f, &later);
    assert_int_equal(get(&later, f, "d", value, &e), 0);
}

static void
imds_get_token_refused_twice_fails(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];

    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.method = "GET", .status = 401}, GIVES_TOKEN(SECOND),
                {.method = "GET", .status = 401});
    assert_int_equal(get(&m, f, "a", value, &e), -ERR_CREDENTIALS);
    assert_int_equal(e.code, -ERR_CREDENTIALS);
    assert_string_equal(value, "");
}

static void
imds_get_renewal_fails_tells_why(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];

    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.method = "GET", .status = 401},
                {.method = "PUT", .status = 403});
    assert_int_equal(get(&m, f, "a", value, &e), -ERR_IMDS_DISABLED);
    assert_int_equal(e.code, -ERR_IMDS_DISABLED);
}

/* Without a token a request would be one of version 1, which an instance may answer. */
static void
imds_get_renewal_fails_for_several_sends_nothing_without_a_token(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct imds_item items[] = {{.path = "x"}, {.path = "y"}, {.path = "z"}};

    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN),
                {.method = "GET", .header = TOKEN, .status = 401, .times = 3},
                {.method = "PUT", .status = 403, .times = 3},
                {.method = "GET", .status = 200, .answer = "v", .times = FAKE_ALWAYS});
    assert_int_equal(imds_get(&m, items, ARRAY_LEN(items), fake_deadline(f, 10000)),
                     -ERR_IMDS_DISABLED);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        assert_int_equal(items[i].error.code, -ERR_IMDS_DISABLED);
    }
    assert_int_equal(fake_count(f, "latest/x"), 1);
    assert_int_equal(fake_count(f, "latest/y"), 1);
    assert_int_equal(fake_count(f, "latest/z"), 1);
    imds_items_done(items, ARRAY_LEN(items));
}

static void
imds_get_renewal_fails_for_a_busy_one_sends_nothing_without_a_token(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct imds_item items[] = {{.path = "x"}, {.path = "y"}};

    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.url = "latest/x", .header = TOKEN, .status = 401},
                {.url = "latest/y", .header = TOKEN, .status = 503},
                {.method = "PUT", .status = 404},
                {.url = "latest/y", .header = TOKEN, .status = 200, .answer = "2"});
    assert_int_equal(imds_get(&m, items, ARRAY_LEN(items), fake_deadline(f, 10000)),
                     -ERR_NOT_FOUND);
    assert_string_equal(buf_str(&items[1].value), "2");
    imds_items_done(items, ARRAY_LEN(items));
}

static void
imds_get_refusals_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        struct fake_rule rule;
        int code;
        const char *text;
        size_t n_requests;
    } cases[] = {
        {"disabled", {.method = "PUT", .status = 403}, -ERR_IMDS_DISABLED, BASE " refuses", 1},
        {"no answer to the token",
         {.method = "PUT", .error = ERR_TLS},
         -ERR_TLS,
         "not accepted",
         1},
        {"proxy's page",
         {.method = "PUT", .status = 200, .answer = "<html> <body>"},
         -ERR_MALFORMED,
         "no usable session token",
         1},
        {"empty token", {.method = "PUT", .status = 200}, -ERR_MALFORMED, "session token", 1},
        {"token of two lines",
         {.method = "PUT", .status = 200, .answer = "a\r\nX-Evil: 1"},
         -ERR_MALFORMED,
         "session token",
         1},
        {"token with a NUL",
         {.method = "PUT", .status = 200, .answer = "a\0b", .answer_len = 3},
         -ERR_MALFORMED,
         "session token",
         1},
        {"token not ASCII",
         {.method = "PUT", .status = 200, .answer = "\xe6\x9d\xb1"},
         -ERR_MALFORMED,
         "session token",
         1},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OCF_CLEANUP(imds_done) struct imds m;
        struct err e = {0};
        char value[256];
        size_t before = f->n_requests;

        print_message("  %s\n", cases[i].name);
        init(f, &m);
        fake_script(f, &cases[i].rule, 1);
        assert_int_equal(get(&m, f, "a", value, &e), cases[i].code);
        assert_int_equal(e.code, cases[i].code);
        assert_non_null(strstr(e.text, cases[i].text));
        assert_int_equal(f->n_requests - before, cases[i].n_requests);
    }
}

static void
imds_get_oversized_token_refused(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    char token[1026] = "";
    struct err e = {0};
    char value[256];

    init(f, &m);
    memset(token, 't', sizeof(token) - 1);
    FAKE_SCRIPT(f, GIVES_TOKEN(token));
    assert_int_equal(get(&m, f, "a", value, &e), -ERR_TOO_BIG);
    assert_int_equal(e.code, -ERR_TOO_BIG);
}

static void
imds_get_longest_token_sent_whole(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    char token[1025] = "";
    struct err e = {0};
    char value[256];

    init(f, &m);
    memset(token, 't', sizeof(token) - 1);
    FAKE_SCRIPT(f, GIVES_TOKEN(token), {.method = "GET", .status = 200, .answer = "v"});
    assert_int_equal(get(&m, f, "a", value, &e), 0);
    assert_string_equal(fake_header(&f->requests[1], "X-aws-ec2-metadata-token"), token);
}

static void
imds_get_absent_path_is_not_found(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];

    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.status = 404, .answer = "<html>Not Found</html>"});
    assert_int_equal(get(&m, f, "meta-data/nothing", value, &e), -ERR_NOT_FOUND);
    assert_string_equal(e.text, "IMDS has no meta-data/nothing");
    assert_string_equal(value, "");
}

static void
imds_get_items_different_fates_each_its_own(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct imds_item items[] = {{.path = "a"}, {.path = "b"}, {.path = "c"}};

    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.url = "/a", .status = 200, .answer = ""},
                {.url = "/b", .status = 404}, {.url = "/c", .status = 503},
                {.url = "/c", .status = 200, .answer = "3"});
    assert_int_equal(imds_get(&m, items, ARRAY_LEN(items), fake_deadline(f, 10000)),
                     -ERR_NOT_FOUND);
    assert_int_equal(items[0].error.code, 0);
    assert_int_equal(items[0].value.len, 0);
    assert_int_equal(items[1].error.code, -ERR_NOT_FOUND);
    assert_int_equal(items[2].error.code, 0);
    assert_string_equal(buf_str(&items[2].value), "3");
    imds_items_done(items, ARRAY_LEN(items));
}

static void
imds_get_busy_service_retried(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];

    init(f, &m);
    FAKE_SCRIPT(f, {.method = "PUT", .status = 503, .times = 3}, GIVES_TOKEN(TOKEN),
                {.method = "GET", .error = ERR_CONNECT}, {.method = "GET", .status = 503},
                {.method = "GET", .status = 200, .answer = "v"});
    assert_int_equal(get(&m, f, "a", value, &e), 0);
    assert_string_equal(value, "v");
}

static void
imds_get_silent_service_ends_before_deadline(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];
    uint64_t begun_ms = f->mono_ms;

    init(f, &m);
    FAKE_SCRIPT(f, {.takes_ms = UINT64_MAX, .times = FAKE_ALWAYS});
    assert_int_equal(get(&m, f, "a", value, &e), -ERR_TIMEOUT);
    assert_true(f->mono_ms - begun_ms <= 10000);
    assert_true(f->n_requests >= 3);
}

static void
imds_get_cancelled_tells_so(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];

    init(f, &m);
    f->cancel_sleep = 1;
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.method = "GET", .status = 503, .times = FAKE_ALWAYS});
    assert_int_equal(get(&m, f, "a", value, &e), -ERR_CANCELLED);
    assert_int_equal(e.code, -ERR_CANCELLED);
}

static void
imds_get_oversized_values_refused_with_a_reason(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    OCF_FREE char *big = calloc(1, 65536 + 2);
    struct err e = {0};
    char value[256];

    assert_non_null(big);
    memset(big, 'x', 65537);
    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN), {.url = "/a", .status = 200, .answer = big});
    assert_int_equal(get(&m, f, "a", value, &e), -ERR_TOO_BIG);
    assert_int_equal(e.code, -ERR_TOO_BIG);
    /* Within IMDS's limit, and more than the caller has room for. */
    big[256] = '\0';
    FAKE_SCRIPT(f, {.url = "/b", .status = 200, .answer = big});
    e = (struct err){0};
    assert_int_equal(get(&m, f, "meta-data/b", value, &e), -ERR_TOO_BIG);
    assert_int_equal(e.code, -ERR_TOO_BIG);
    assert_non_null(strstr(e.text, "meta-data/b"));
}

static void
imds_get_too_long_url_refused(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    char path[600] = "";
    struct err e = {0};
    char value[256];

    init(f, &m);
    memset(path, 'p', sizeof(path) - 1);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN));
    assert_int_equal(get(&m, f, path, value, &e), -ERR_PARAM);
    assert_int_equal(f->n_requests, 1);
}

/* A token that someone else put into the cache is not sent on when it could not be one. */
static void
imds_get_damaged_cached_token_replaced(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(imds_done) struct imds m;
    struct err e = {0};
    char value[256];

    cache_put(&f->cache, "imds-token " BASE, "bad\r\ntoken", 10);
    init(f, &m);
    FAKE_SCRIPT(f, GIVES_TOKEN(TOKEN),
                {.method = "GET", .header = ": " TOKEN, .status = 200, .answer = "v"});
    assert_int_equal(get(&m, f, "a", value, &e), 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(imds_get_asks_with_a_session_token),
        FAKE_TEST(imds_get_token_is_shared_by_clients_through_the_cache),
        FAKE_TEST(imds_get_without_cache_works),
        FAKE_TEST(imds_get_stale_token_renewed_once_for_several),
        FAKE_TEST(imds_get_token_refused_twice_fails),
        FAKE_TEST(imds_get_renewal_fails_tells_why),
        FAKE_TEST(imds_get_renewal_fails_for_several_sends_nothing_without_a_token),
        FAKE_TEST(imds_get_renewal_fails_for_a_busy_one_sends_nothing_without_a_token),
        FAKE_TEST(imds_get_refusals_are_told_apart),
        FAKE_TEST(imds_get_oversized_token_refused),
        FAKE_TEST(imds_get_longest_token_sent_whole),
        FAKE_TEST(imds_get_absent_path_is_not_found),
        FAKE_TEST(imds_get_items_different_fates_each_its_own),
        FAKE_TEST(imds_get_busy_service_retried),
        FAKE_TEST(imds_get_silent_service_ends_before_deadline),
        FAKE_TEST(imds_get_cancelled_tells_so),
        FAKE_TEST(imds_get_oversized_values_refused_with_a_reason),
        FAKE_TEST(imds_get_too_long_url_refused),
        FAKE_TEST(imds_get_damaged_cached_token_replaced),
    };

    return cmocka_run_group_tests_name("imds", tests, NULL, NULL);
}
