/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "sts.h"

#define ROLE_ARN "arn:aws:iam::123456789012:role/vip"

#define ASSUMED(action, key, secret, token, expiration)                                            \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" action             \
    "Result><AssumedRoleUser><Arn>x</Arn></AssumedRoleUser><Credentials>"                          \
    "<AccessKeyId>" key "</AccessKeyId><SecretAccessKey>" secret "</SecretAccessKey>"              \
    "<SessionToken>" token "</SessionToken><Expiration>" expiration "</Expiration>"                \
    "</Credentials></" action "Result></" action "Response>"

static void
sts_assume_role_gives_credentials(void **state)
{
    struct fake *f = *state;
    const struct sts_role role = {.role_arn = ROLE_ARN, .session_name = "n1", .external_id = "e/1"};
    struct aws_credentials c = AWS_CREDENTIALS_INIT;
    struct err e = {0};

    FAKE_SCRIPT(
        f, {.status = 200,
            .answer = ASSUMED("AssumeRole", "ASIA1", "se/cret", "to+ken", "2026-11-21T13:00:00Z")});
    assert_int_equal(sts_assume_role(&f->session, &role, &c, fake_deadline(f, 9000), &e), 0);
    assert_string_equal(buf_str(&c.access_key_id), "ASIA1");
    assert_string_equal(buf_str(&c.secret_access_key), "se/cret");
    assert_string_equal(buf_str(&c.session_token), "to+ken");
    assert_int_equal(c.expires_s, FAKE_WALL_S + 3600);
    assert_string_equal(c.source, "role " ROLE_ARN);
    assert_true(c.secret_access_key.secret && c.session_token.secret);
    assert_string_equal(f->requests[0].url, "https://sts.ap-northeast-1.amazonaws.com/");
    assert_string_equal(f->requests[0].body,
                        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
                        "123456789012%3Arole%2Fvip&RoleSessionName=n1&ExternalId=e%2F1");
    assert_true(f->requests[0].secret);
    assert_non_null(fake_header(&f->requests[0], "Authorization"));
    aws_credentials_done(&c);
}

static void
sts_assume_role_with_web_identity_is_not_signed(void **state)
{
    struct fake *f = *state;
    const struct sts_role role = {
        .role_arn = ROLE_ARN, .session_name = "n1", .web_identity_token = "eyJ.a.b"};
    struct aws_credentials c = AWS_CREDENTIALS_INIT;
    struct err e = {0};

    f->get_error = -ERR_NO_CREDENTIALS;
    FAKE_SCRIPT(f, {.status = 200,
                    .answer = ASSUMED("AssumeRoleWithWebIdentity", "ASIA2", "s", "t",
                                      "2026-11-21T13:00:00.123Z")});
    assert_int_equal(sts_assume_role(&f->session, &role, &c, fake_deadline(f, 9000), &e), 0);
    assert_string_equal(buf_str(&c.access_key_id), "ASIA2");
    assert_non_null(strstr(f->requests[0].body, "Action=AssumeRoleWithWebIdentity&"));
    assert_non_null(strstr(f->requests[0].body, "&WebIdentityToken=eyJ.a.b"));
    assert_null(fake_header(&f->requests[0], "Authorization"));
    aws_credentials_done(&c);
}

static void
sts_assume_role_refused_names_the_role(void **state)
{
    struct fake *f = *state;
    const struct sts_role role = {.role_arn = ROLE_ARN, .session_name = "n1"};
    struct aws_credentials c = {.expires_s = 42};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 403,
                    .request_id = "id-1",
                    .answer = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User is not "
                              "authorized</Message></Error></ErrorResponse>"});
    assert_int_equal(sts_assume_role(&f->session, &role, &c, fake_deadline(f, 9000), &e),
                     -ERR_DENIED);
    assert_int_equal(e.code, -ERR_DENIED);
    assert_non_null(strstr(e.text, ROLE_ARN));
    assert_string_equal(e.aws_code, "AccessDenied");
    assert_string_equal(e.action, "sts:AssumeRole");
    assert_string_equal(e.request_id, "id-1");
    assert_int_equal(c.expires_s, 42); /* untouched */
}

static void
sts_assume_role_unusable_answers_refused_untouched(void **state)
{
    static const struct {
        const char *name;
        const char *answer;
    } cases[] = {
        {"another root's", "<x/>"},
        {"no credentials", "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"},
        {"empty key", ASSUMED("AssumeRole", "", "s", "t", "2026-11-21T13:00:00Z")},
        {"empty secret", ASSUMED("AssumeRole", "k", "", "t", "2026-11-21T13:00:00Z")},
        {"no time", ASSUMED("AssumeRole", "k", "s", "t", "")},
        {"time of another form", ASSUMED("AssumeRole", "k", "s", "t", "in an hour")},
        {"web identity's answer",
         ASSUMED("AssumeRoleWithWebIdentity", "k", "s", "t", "2026-11-21T13:00:00Z")},
    };
    const struct sts_role role = {.role_arn = ROLE_ARN, .session_name = "n1"};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct aws_credentials c = {.expires_s = 42};
        struct err e = {0};

        print_message("  %s\n", cases[i].name);
        FAKE_SCRIPT(f, {.status = 200, .answer = cases[i].answer});
        assert_int_equal(sts_assume_role(&f->session, &role, &c, fake_deadline(f, 9000), &e),
                         -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_string_equal(e.text, "AssumeRole: answer has no usable credentials");
        assert_int_equal(c.expires_s, 42);
        assert_null(c.access_key_id.data);
    }
}

static void
sts_assume_role_oversized_token_refused(void **state)
{
    const struct sts_role role = {.role_arn = ROLE_ARN, .session_name = "n1"};
    OCF_BUF struct buf answer = BUF_INIT(65536);
    struct fake *f = *state;
    struct aws_credentials c = {.expires_s = 42};
    struct err e = {0};

    assert_int_equal(buf_adds(&answer, "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
                                       "<AccessKeyId>k</AccessKeyId><SecretAccessKey>s"
                                       "</SecretAccessKey><Expiration>2026-11-21T13:00:00Z"
                                       "</Expiration><SessionToken>"),
                     0);
    for (int i = 0; i <= AWS_SECRET_MAX; i++) {
        assert_int_equal(buf_adds(&answer, "t"), 0);
    }
    assert_int_equal(buf_adds(&answer, "</SessionToken></Credentials></AssumeRoleResult>"
                                       "</AssumeRoleResponse>"),
                     0);
    FAKE_SCRIPT(f, {.status = 200, .answer = answer.data});
    assert_int_equal(sts_assume_role(&f->session, &role, &c, fake_deadline(f, 9000), &e),
                     -ERR_TOO_BIG);
    assert_int_equal(e.code, -ERR_TOO_BIG);
    assert_int_equal(c.expires_s, 42);
}

static void
sts_get_caller_identity_gives_arn(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf arn = BUF_INIT(2048);
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.body = "Action=GetCallerIdentity&Version=2011-06-15",
                 .status = 200,
                 .answer = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::1"
                           "</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"},
                {.status = 200, .answer = "<GetCallerIdentityResponse/>"},
                {.status = 403, .answer = "<E><Error><Code>AccessDenied</Code></Error></E>"});
    assert_int_equal(sts_get_caller_identity(&f->session, &arn, fake_deadline(f, 9000), &e), 0);
    assert_string_equal(buf_str(&arn), "arn:aws:sts::1");
    assert_int_equal(sts_get_caller_identity(&f->session, &arn, fake_deadline(f, 9000), &e),
                     -ERR_MALFORMED);
    assert_int_equal(e.code, -ERR_MALFORMED);
    assert_int_equal(sts_get_caller_identity(&f->session, &arn, fake_deadline(f, 9000), &e),
                     -ERR_DENIED);
    assert_int_equal(e.code, -ERR_DENIED);
    assert_string_equal(buf_str(&arn), "arn:aws:sts::1");
}

static void
sts_get_caller_identity_no_room_for_arn_told(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf small = BUF_INIT(3);
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200,
                    .answer = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws"
                              "</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"});
    assert_int_equal(sts_get_caller_identity(&f->session, &small, fake_deadline(f, 9000), &e),
                     -ERR_TOO_BIG);
    assert_int_equal(e.code, -ERR_TOO_BIG);
}

static void
sts_parse_time_table(void **state)
{
    static const struct {
        const char *text;
        int64_t time_s;
    } cases[] = {
        {"2026-11-21T12:00:00Z", FAKE_WALL_S},
        {"2026-11-21T12:00:00.999Z", FAKE_WALL_S},
        {"2026-11-21T12:00:00.Z", FAKE_WALL_S},
        {"2026-11-21T12:00:00+00:00", FAKE_WALL_S},
        {"2028-02-29T00:00:00Z", 1835395200},
        {"2100-01-01T00:00:00Z", 4102444800},
        {"", 0},
        {"2026-11-21", 0},
        {"2026-11-21T12:00:00", 0},
        {"2026-11-21T12:00:00+09:00", 0},
        {"2026-11-21T12:00:00Zx", 0},
        {"2026-13-21T12:00:00Z", 0},
        {"2026-11-32T12:00:00Z", 0},
        {"2026-02-29T12:00:00Z", 0},
        {"2026-06-31T00:00:00Z", 0},
        {"2016-12-31T23:59:60Z", 1483228800}, /* a leap second */
        {"2026-11-21T25:00:00Z", 0},
        {"1795262400", 0},
        {"Sat, 21 Nov 2026 12:00:00 GMT", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("  %s\n", cases[i].text);
        assert_int_equal(sts_parse_time(cases[i].text), cases[i].time_s);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(sts_assume_role_gives_credentials),
        FAKE_TEST(sts_assume_role_with_web_identity_is_not_signed),
        FAKE_TEST(sts_assume_role_refused_names_the_role),
        FAKE_TEST(sts_assume_role_unusable_answers_refused_untouched),
        FAKE_TEST(sts_assume_role_oversized_token_refused),
        FAKE_TEST(sts_get_caller_identity_gives_arn),
        FAKE_TEST(sts_get_caller_identity_no_room_for_arn_told),
        cmocka_unit_test(sts_parse_time_table),
    };

    return cmocka_run_group_tests_name("sts", tests, NULL, NULL);
}
