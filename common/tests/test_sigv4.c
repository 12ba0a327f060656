/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "err.h"
#include "sigv4.h"

/*
 * The texts below were written by the description in the IAM User Guide, "Create a signed AWS API
 * request"; their digests and the signature were made with Python's hashlib and hmac. A comparison
 * with an SDK's signer is in cts/test_sigv4.py.
 */

#define STAGE_MAX 65536
#define BODY      "Action=DescribeRouteTables&Version=2016-11-15"
#define BODY_SHA  "1732d4b128d27cd99c04206dcfdf973ded4df03fd0ba4691763d13febf64384d"
#define EMPTY_SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SCOPE     "20261121/ap-northeast-1/ec2/aws4_request"
#define SIGNATURE "0d147251c83ea3bbaca7375a9be273efdeb15cc1eff01ec66d61fa2371f8bef4"

#define CANONICAL                                                                                  \
    "POST\n"                                                                                       \
    "/\n"                                                                                          \
    "\n"                                                                                           \
    "content-type:application/x-www-form-urlencoded; charset=utf-8\n"                              \
    "host:ec2.ap-northeast-1.amazonaws.com\n"                                                      \
    "x-amz-date:20261121T012345Z\n"                                                                \
    "x-amz-security-token:token/for+tests==\n"                                                     \
    "\n"                                                                                           \
    "content-type;host;x-amz-date;x-amz-security-token\n" BODY_SHA

#define TO_SIGN                                                                                    \
    "AWS4-HMAC-SHA256\n"                                                                           \
    "20261121T012345Z\n" SCOPE                                                                     \
    "\n79690bb53a00adad311c76c586cf81c2dc2f59d7098c0a9dfeb1b5e235c5d9fd"

static const struct sigv4_header form_header = {"Content-Type",
                                                "application/x-www-form-urlencoded; charset=utf-8"};

static const struct sigv4_credentials temporary = {
    .access_key_id = "AKIDEXAMPLE",
    .secret_access_key = "a/secret+for/tests",
    .session_token = "token/for+tests==",
};

static const struct sigv4_credentials lasting = {
    .access_key_id = "AKIDEXAMPLE",
    .secret_access_key = "a/secret+for/tests",
};

static const struct sigv4_request ec2_call = {
    .method = "POST",
    .host = "ec2.ap-northeast-1.amazonaws.com",
    .path = "/",
    .query = "",
    .headers = &form_header,
    .n_headers = 1,
    .body = BODY,
    .body_len = sizeof(BODY) - 1,
    .service = "ec2",
    .region = "ap-northeast-1",
    .time_s = 1795224225,
};

/* A request with neither headers nor body, for the tables. */
static const struct sigv4_request bare = {
    .method = "GET",
    .host = "host",
    .path = "/",
    .query = "",
    .service = "ec2",
    .region = "ap-northeast-1",
    .time_s = 1795224225,
};

static int
canonical_rc(const struct sigv4_request *r, const struct sigv4_credentials *c)
{
    OCF_BUF struct buf text = BUF_INIT_SECRET(STAGE_MAX);
    OCF_BUF struct buf names = BUF_INIT(STAGE_MAX);

    return sigv4_canonical_request(r, c, &text, &names);
}

static void
assert_canonical(const struct sigv4_request *r, const char *want, const char *want_names)
{
    OCF_BUF struct buf text = BUF_INIT(STAGE_MAX);
    OCF_BUF struct buf names = BUF_INIT(STAGE_MAX);

    assert_int_equal(sigv4_canonical_request(r, &lasting, &text, &names), 0);
    assert_string_equal(buf_str(&text), want);
    assert_string_equal(buf_str(&names), want_names);
}

static void
sigv4_canonical_request_ec2_call_is_as_described(void **state)
{
    OCF_BUF struct buf text = BUF_INIT_SECRET(STAGE_MAX);
    OCF_BUF struct buf names = BUF_INIT(STAGE_MAX);

    (void)state;
    assert_int_equal(sigv4_canonical_request(&ec2_call, &temporary, &text, &names), 0);
    assert_string_equal(buf_str(&text), CANONICAL);
    assert_string_equal(buf_str(&names), "content-type;host;x-amz-date;x-amz-security-token");
}

static void
sigv4_canonical_request_paths_normalised_and_encoded(void **state)
{
    static const struct {
        const char *path;
        const char *want;
    } cases[] = {
        {"", "/"},
        {"/", "/"},
        {"//", "/"},
        {"/.", "/"},
        {"/..", "/"},
        {"/../..", "/"},
        {"/./", "/"},
        {"/a", "/a"},
        {"/a/", "/a/"},
        {"/a/.", "/a"},
        {"/a/./", "/a/"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/a/../b", "/b"},
        {"/a/b/../../c/", "/c/"},
        {"/../a", "/a"},
        {"//a///b//", "/a/b/"},
        {"/...", "/..."},
        {"/.a", "/.a"},
        {"/a..", "/a.."},
        {"/2013-04-01/hostedzone/Z1/rrset", "/2013-04-01/hostedzone/Z1/rrset"},
        {"/a%20b", "/a%2520b"},
        {"/%2e%2e/a", "/%252e%252e/a"},
        {"/a%2Fb", "/a%252Fb"},
        {"/a b", "/a%20b"},
        {"/-._~", "/-._~"},
        {"/!$&'()*+,;=:@", "/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40"},
        {"/\xe6\xbc\xa2", "/%E6%BC%A2"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sigv4_request r = bare;
        char want[256];

        r.path = cases[i].path;
        (void)snprintf(want, sizeof(want),
                       "GET\n%s\n\nhost:host\nx-amz-date:20261121T012345Z\n\nhost;x-amz-date\n%s",
                       cases[i].want, EMPTY_SHA);
        assert_canonical(&r, want, "host;x-amz-date");
    }
}

static void
sigv4_canonical_request_queries_sorted(void **state)
{
    static const struct {
        const char *query;
        const char *want;
    } cases[] = {
        {"", ""},
        {"a=1", "a=1"},
        {"a", "a="},
        {"a=", "a="},
        {"=", "="},
        {"=v", "=v"},
        {"&", "=&="},
        {"b=1&a=2", "a=2&b=1"},
        {"a=2&a=1", "a=1&a=2"},
        {"a=1&a=1", "a=1&a=1"},
        {"a&a=1&a=", "a=&a=&a=1"},
        {"a=b=c", "a=b=c"},
        {"b=1&B=1&%20=1", "%20=1&B=1&b=1"},
        /* By name first: as whole strings "a-b=1" would come before "a=2". */
        {"a-b=1&a=2", "a=2&a-b=1"},
        {"a=%E6%BC%A2&a=%2F", "a=%2F&a=%E6%BC%A2"},
        {"name=vip.example.com.&type=A&maxitems=1", "maxitems=1&name=vip.example.com.&type=A"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sigv4_request r = bare;
        char want[256];

        r.query = cases[i].query;
        (void)snprintf(want, sizeof(want),
                       "GET\n/\n%s\nhost:host\nx-amz-date:20261121T012345Z\n\nhost;x-amz-date\n%s",
                       cases[i].want, EMPTY_SHA);
        assert_canonical(&r, want, "host;x-amz-date");
    }
}

static void
sigv4_canonical_request_header_values_folded(void **state)
{
    static const struct {
        const char *value;
        const char *want;
    } cases[] = {
        {"", ""},
        {" ", ""},
        {"\t \t", ""},
        {"a", "a"},
        {" a ", "a"},
        {"a  b", "a b"},
        {"a \t b", "a b"},
        {"\ta\tb\t", "a b"},
        {"\"a  b\"", "\"a b\""},
        {"a, b", "a, b"},
        {"\xe6\xbc\xa2 x", "\xe6\xbc\xa2 x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct sigv4_header header = {"X-B", cases[i].value};
        struct sigv4_request r = bare;
        char want[256];

        r.headers = &header;
        r.n_headers = 1;
        (void)snprintf(want, sizeof(want),
                       "GET\n/\n\nhost:host\nx-amz-date:20261121T012345Z\nx-b:%s\n\n"
                       "host;x-amz-date;x-b\n%s",
                       cases[i].want, EMPTY_SHA);
        assert_canonical(&r, want, "host;x-amz-date;x-b");
    }
}

static void
sigv4_canonical_request_headers_sorted_and_joined(void **state)
{
    static const struct sigv4_header headers[] = {
        {"X-Zz", "last"},      {"accept", "2"},   {"x-b", " one "}, {"Accept", "1"},
        {"X-B", "two  three"}, {"X-B3", "other"}, {"ACCEPT", ""},
    };
    struct sigv4_request r = bare;

    (void)state;
    r.headers = headers;
    r.n_headers = ARRAY_LEN(headers);
    assert_canonical(&r,
                     "GET\n/\n\n"
                     "accept:2,1,\n"
                     "host:host\n"
                     "x-amz-date:20261121T012345Z\n"
                     "x-b:one,two three\n"
                     "x-b3:other\n"
                     "x-zz:last\n"
                     "\n"
                     "accept;host;x-amz-date;x-b;x-b3;x-zz\n" EMPTY_SHA,
                     "accept;host;x-amz-date;x-b;x-b3;x-zz");
}

static void
sigv4_canonical_request_changeable_headers_left_out(void **state)
{
    static const struct sigv4_header headers[] = {
        {"User-Agent", "x"}, {"expect", "100-continue"}, {"X-Amzn-Trace-Id", "x"},
        {"Connection", "x"}, {"Transfer-Encoding", "x"}, {"TE", "x"},
    };
    struct sigv4_request r = bare;

    (void)state;
    r.headers = headers;
    r.n_headers = ARRAY_LEN(headers);
    assert_canonical(
        &r, "GET\n/\n\nhost:host\nx-amz-date:20261121T012345Z\n\nhost;x-amz-date\n" EMPTY_SHA,
        "host;x-amz-date");
}

static void
sigv4_canonical_request_signers_own_header_is_bug(void **state)
{
    static const char *const names[] = {
        "Host",       "Date",
        "X-Amz-Date", "X-Amz-Security-Token",
        "x-amz-date", "X-Amz-Content-Sha256",
        "",           "Authorization",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct sigv4_header header = {names[i], "x"};
        struct sigv4_request r = bare;

        r.headers = &header;
        r.n_headers = 1;
        assert_int_equal(canonical_rc(&r, &lasting), -ERR_BUG);
    }
}

static void
sigv4_canonical_request_many_headers_limited(void **state)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
    char names[SIGV4_HEADERS_MAX + 1][8];
    struct sigv4_request r = bare;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "x-%zu", i);
        headers[i] = (struct sigv4_header){names[i], "v"};
    }
    r.headers = headers;
    r.n_headers = SIGV4_HEADERS_MAX;
    assert_int_equal(canonical_rc(&r, &temporary), 0);
    r.n_headers = SIGV4_HEADERS_MAX + 1;
    assert_int_equal(canonical_rc(&r, &temporary), -ERR_BUG);
}

static void
sigv4_canonical_request_long_header_name_limited(void **state)
{
    char name[65];
    const struct sigv4_header header = {name, "x"};
    struct sigv4_request r = bare;

    (void)state;
    memset(name, 'x', sizeof(name));
    r.headers = &header;
    r.n_headers = 1;
    name[64] = '\0';
    assert_int_equal(canonical_rc(&r, &lasting), -ERR_BUG);
    name[63] = '\0';
    assert_int_equal(canonical_rc(&r, &lasting), 0);
}

static void
sigv4_canonical_request_control_character_refused(void **state)
{
    static const char *const bad[] = {"/a\nb", "/a\rb", "/a\x01", "/a\x7f", "\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct sigv4_header in_value = {"x-b", bad[i]};
        const struct sigv4_header in_name = {bad[i], "v"};
        struct sigv4_request r[8] = {bare, bare, bare, bare, bare, bare, bare, bare};
        struct sigv4_credentials key_id = lasting;
        struct sigv4_credentials token = lasting;

        r[0].method = bad[i];
        r[1].host = bad[i];
        r[2].path = bad[i];
        r[3].query = bad[i];
        r[4].service = bad[i];
        r[5].region = bad[i];
        r[6].headers = &in_value;
        r[6].n_headers = 1;
        r[7].headers = &in_name;
        r[7].n_headers = 1;
        for (size_t j = 0; j < ARRAY_LEN(r); j++) {
            assert_int_equal(canonical_rc(&r[j], &lasting), -ERR_BUG);
        }
        key_id.access_key_id = bad[i];
        assert_int_equal(canonical_rc(&bare, &key_id), -ERR_CREDENTIALS);
        token.session_token = bad[i];
        assert_int_equal(canonical_rc(&bare, &token), -ERR_CREDENTIALS);
    }
}

static void
sigv4_canonical_request_relative_path_is_bug(void **state)
{
    struct sigv4_request r = bare;

    (void)state;
    r.path = "a/b";
    assert_int_equal(canonical_rc(&r, &lasting), -ERR_BUG);
}

static void
sigv4_canonical_request_body_bytes_are_hashed(void **state)
{
    OCF_BUF struct buf text = BUF_INIT(STAGE_MAX);
    OCF_BUF struct buf names = BUF_INIT(STAGE_MAX);
    struct sigv4_request r = bare;
    char digest[DIGEST_HEX_SIZE];

    (void)state;
    r.body = "a\0b";
    r.body_len = 3;
    assert_int_equal(digest_sha256_hex("a\0b", 3, digest), 0);
    assert_int_equal(sigv4_canonical_request(&r, &lasting, &text, &names), 0);
    assert_string_equal(buf_str(&text) + text.len - strlen(digest), digest);
}

static void
sigv4_canonical_request_buffer_too_small_is_told(void **state)
{
    (void)state;
    for (size_t max = 1; max < sizeof(CANONICAL) - 1; max++) {
        OCF_BUF struct buf text = BUF_INIT_SECRET(max);
        OCF_BUF struct buf names = BUF_INIT(STAGE_MAX);

        assert_int_equal(sigv4_canonical_request(&ec2_call, &temporary, &text, &names),
                         -ERR_TOO_BIG);
        assert_int_equal(names.len, 0);
    }
}

static void
sigv4_string_to_sign_ec2_call_is_as_described(void **state)
{
    OCF_BUF struct buf text = BUF_INIT(STAGE_MAX);

    (void)state;
    assert_int_equal(sigv4_string_to_sign(&ec2_call, CANONICAL, &text), 0);
    assert_string_equal(buf_str(&text), TO_SIGN);
}

static void
sigv4_string_to_sign_dates_are_utc(void **state)
{
    static const struct {
        int64_t time_s;
        const char *date;
    } cases[] = {
        {0, "19700101T000000Z"},
        {951782400, "20000229T000000Z"},
        {1709164799, "20240228T235959Z"},
        {4102444800, "21000101T000000Z"},
        {253402300799, "99991231T235959Z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OCF_BUF struct buf text = BUF_INIT(STAGE_MAX);
        struct sigv4_request r = bare;

        r.time_s = cases[i].time_s;
        assert_int_equal(sigv4_string_to_sign(&r, "", &text), 0);
        assert_memory_equal(buf_str(&text) + strlen("AWS4-HMAC-SHA256\n"), cases[i].date,
                            strlen(cases[i].date));
    }
}

static void
sigv4_string_to_sign_impossible_date_is_bug(void **state)
{
    static const int64_t times[] = {253402300800, INT64_MAX, INT64_MIN};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        OCF_BUF struct buf text = BUF_INIT(STAGE_MAX);
        struct sigv4_request r = bare;

        r.time_s = times[i];
        assert_int_equal(sigv4_string_to_sign(&r, "", &text), -ERR_BUG);
    }
}

static void
sigv4_signature_ec2_call_is_as_described(void **state)
{
    char signature[DIGEST_HEX_SIZE];

    (void)state;
    assert_int_equal(sigv4_signature(&ec2_call, &temporary, TO_SIGN, signature), 0);
    assert_string_equal(signature, SIGNATURE);
}

static void
sigv4_signature_any_input_changed_differs(void **state)
{
    struct sigv4_credentials other_secret = temporary;
    struct sigv4_request other[3] = {ec2_call, ec2_call, ec2_call};
    char signature[DIGEST_HEX_SIZE];

    (void)state;
    other_secret.secret_access_key = "a/secret+for/testt";
    assert_int_equal(sigv4_signature(&ec2_call, &other_secret, TO_SIGN, signature), 0);
    assert_string_not_equal(signature, SIGNATURE);
    assert_int_equal(sigv4_signature(&ec2_call, &temporary, TO_SIGN " ", signature), 0);
    assert_string_not_equal(signature, SIGNATURE);
    other[0].time_s += 86400;
    other[1].region = "ap-northeast-3";
    other[2].service = "sts";
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        assert_int_equal(sigv4_signature(&other[i], &temporary, TO_SIGN, signature), 0);
        assert_string_not_equal(signature, SIGNATURE);
    }
}

static void
sigv4_signature_oversized_secret_is_told(void **state)
{
    char secret[4096];
    struct sigv4_credentials c = lasting;
    char signature[DIGEST_HEX_SIZE];

    (void)state;
    memset(secret, 'x', sizeof(secret) - 1);
    secret[sizeof(secret) - 1] = '\0';
    c.secret_access_key = secret;
    assert_int_equal(sigv4_signature(&ec2_call, &c, TO_SIGN, signature), -ERR_TOO_BIG);
}

static void
sigv4_sign_ec2_call_gives_headers(void **state)
{
    OCF_CLEANUP(sigv4_result_done) struct sigv4_result result = {.token = NULL};

    (void)state;
    assert_int_equal(sigv4_sign(&ec2_call, &temporary, &result), 0);
    assert_string_equal(result.date, "20261121T012345Z");
    assert_ptr_equal(result.token, temporary.session_token);
    assert_string_equal(buf_str(&result.authorization),
                        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" SCOPE
                        ", SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"
                        ", Signature=" SIGNATURE);
    assert_true(result.authorization.secret);
}

static void
sigv4_sign_empty_token_is_no_token(void **state)
{
    OCF_CLEANUP(sigv4_result_done) struct sigv4_result with_null = {.token = "x"};
    OCF_CLEANUP(sigv4_result_done) struct sigv4_result with_empty = {.token = "x"};
    struct sigv4_credentials empty = lasting;

    (void)state;
    empty.session_token = "";
    assert_int_equal(sigv4_sign(&ec2_call, &lasting, &with_null), 0);
    assert_int_equal(sigv4_sign(&ec2_call, &empty, &with_empty), 0);
    assert_null(with_null.token);
    assert_null(with_empty.token);
    assert_string_equal(buf_str(&with_null.authorization), buf_str(&with_empty.authorization));
    assert_null(strstr(buf_str(&with_null.authorization), "x-amz-security-token"));
}

static void
sigv4_sign_failure_leaves_result(void **state)
{
    struct sigv4_result result = {.date = "before", .token = "before"};
    struct sigv4_request r = ec2_call;
    OCF_FREE char *query = malloc(100001);

    (void)state;
    assert_non_null(query);
    memset(query, 'q', 100000);
    query[100000] = '\0';
    r.query = query;
    assert_int_equal(sigv4_sign(&r, &temporary, &result), -ERR_TOO_BIG);
    r = ec2_call;
    r.region = "\n";
    assert_int_equal(sigv4_sign(&r, &temporary, &result), -ERR_BUG);
    assert_string_equal(result.date, "before");
    assert_string_equal(result.token, "before");
    assert_null(result.authorization.data);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sigv4_canonical_request_ec2_call_is_as_described),
        cmocka_unit_test(sigv4_canonical_request_paths_normalised_and_encoded),
        cmocka_unit_test(sigv4_canonical_request_queries_sorted),
        cmocka_unit_test(sigv4_canonical_request_header_values_folded),
        cmocka_unit_test(sigv4_canonical_request_headers_sorted_and_joined),
        cmocka_unit_test(sigv4_canonical_request_changeable_headers_left_out),
        cmocka_unit_test(sigv4_canonical_request_signers_own_header_is_bug),
        cmocka_unit_test(sigv4_canonical_request_many_headers_limited),
        cmocka_unit_test(sigv4_canonical_request_long_header_name_limited),
        cmocka_unit_test(sigv4_canonical_request_control_character_refused),
        cmocka_unit_test(sigv4_canonical_request_relative_path_is_bug),
        cmocka_unit_test(sigv4_canonical_request_body_bytes_are_hashed),
        cmocka_unit_test(sigv4_canonical_request_buffer_too_small_is_told),
        cmocka_unit_test(sigv4_string_to_sign_ec2_call_is_as_described),
        cmocka_unit_test(sigv4_string_to_sign_dates_are_utc),
        cmocka_unit_test(sigv4_string_to_sign_impossible_date_is_bug),
        cmocka_unit_test(sigv4_signature_ec2_call_is_as_described),
        cmocka_unit_test(sigv4_signature_any_input_changed_differs),
        cmocka_unit_test(sigv4_signature_oversized_secret_is_told),
        cmocka_unit_test(sigv4_sign_ec2_call_gives_headers),
        cmocka_unit_test(sigv4_sign_empty_token_is_no_token),
        cmocka_unit_test(sigv4_sign_failure_leaves_result),
    };

    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
