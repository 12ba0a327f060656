/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "creds.h"

#include <dirent.h>

#define IMDS   "http://192.0.2.254"
#define ROLES  "/latest/meta-data/iam/security-credentials/"
#define SOON_S 299 /* within the five minutes in which new ones are asked for */

#define IN_AN_HOUR "2026-11-21T13:00:00Z"
#define IN_2_MIN   "2026-11-21T12:02:00Z"

#define JSON(key, expiration)                                                                      \
    "{\"Code\":\"Success\",\"LastUpdated\":\"x\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"" key     \
    "\",\"SecretAccessKey\":\"s-" key "\",\"Token\":\"t-" key "\",\"Expiration\":\"" expiration    \
    "\"}\n"
#define ASSUMED(action, key)                                                                       \
    "<" action "Response><" action "Result><Credentials><AccessKeyId>" key                         \
    "</AccessKeyId><SecretAccessKey>s-" key "</SecretAccessKey><SessionToken>t-" key               \
    "</SessionToken><Expiration>" IN_AN_HOUR "</Expiration></Credentials></" action                \
    "Result></" action "Response>"
#define STS_DENIES                                                                                 \
    "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"

#define GIVES_TOKEN                                                                                \
    {                                                                                              \
        .method = "PUT", .status = 200, .answer = "imds-token"                                     \
    }
#define GIVES_ROLE                                                                                 \
    {                                                                                              \
        .url = ROLES, .status = 200, .answer = "node-role\n"                                       \
    }
#define GIVES_KEYS(json)                                                                           \
    {                                                                                              \
        .url = ROLES "node-role", .status = 200, .answer = (json)                                  \
    }

/* A chain with its own IMDS client; the keys of the fixture's session are never used. */
struct chain {
    struct imds imds;
    struct creds creds;
};

static void
init(struct fake *f, struct chain *c)
{
    f->session.credentials = (struct aws_credentials_source){.get = NULL};
    imds_init(&c->imds, &f->transport, &f->cache, IMDS);
    c->creds = (struct creds){.session = &f->session,
                              .transport = &f->transport,
                              .imds = &c->imds,
                              .cache = &f->cache,
                              .getenv = fake_getenv};
    creds_init(&c->creds);
    fake_env("HOME", f->dir);
}

static void
done(struct chain *c)
{
    creds_done(&c->creds);
    imds_done(&c->imds);
}

#define CHAIN OCF_CLEANUP(done) struct chain

/* The key that the chain gives; an error must be whole. */
static int
get_key(struct fake *f, struct chain *c, bool renew, char key[64], struct err *e)
{
    static const struct aws_credentials untouched;
    const struct aws_credentials *found = &untouched;
    int rc = 0;

    *e = (struct err){0};
    rc = creds_get(&c->creds, renew, fake_deadline(f, 20000), &found, e);
    if (rc < 0) {
        assert_ptr_equal(found, &untouched);
        assert_int_equal(e->code, rc); /* a call without credentials must not look done */
        assert_true(e->text[0] != '\0');
        key[0] = '\0';
        return rc;
    }
    assert_ptr_not_equal(found, &untouched);
    assert_true(found->access_key_id.secret && found->secret_access_key.secret);
    (void)snprintf(key, 64, "%s", buf_str(&found->access_key_id));
    return 0;
}

static void
assert_key(struct fake *f, struct chain *c, const char *expected)
{
    struct err e;
    char key[64];

    if (get_key(f, c, false, key, &e) < 0) {
        fail_msg("%s", e.text);
    }
    assert_string_equal(key, expected);
}

static void
assert_refused(struct fake *f, struct chain *c, int code, const char *text)
{
    struct err e;
    char key[64];

    assert_int_equal(get_key(f, c, false, key, &e), code);
    print_message("  %s\n", e.text);
    assert_non_null(strstr(e.text, text));
}

/* --- instance role -------------------------------------------------------------------------- */

static void
creds_instance_role_by_imds(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)));
    assert_key(f, &c, "ASIA1");
    assert_string_equal(buf_str(&c.creds.current.secret_access_key), "s-ASIA1");
    assert_string_equal(buf_str(&c.creds.current.session_token), "t-ASIA1");
    assert_int_equal(c.creds.current.expires_s, FAKE_WALL_S + 3600);
    assert_string_equal(c.creds.current.source, "instance role node-role");
    assert_string_equal(f->requests[2].url, IMDS ROLES "node-role");
    assert_true(f->requests[2].secret);
    assert_key(f, &c, "ASIA1"); /* in hand */
    assert_int_equal(f->n_requests, 3);
}

static void
creds_instance_role_failures_are_told(void **state)
{
    static const struct {
        const char *name;
        struct fake_rule rules[2];
        int code;
        const char *text;
    } cases[] = {
        {"no role", {{.status = 404}}, -ERR_NO_CREDENTIALS, "attach an instance profile"},
        {"empty name", {{.status = 200, .answer = "\n"}}, -ERR_NO_CREDENTIALS, "no IAM role"},
        {"role went away", {GIVES_ROLE, {.status = 404}}, -ERR_NO_CREDENTIALS, "no IAM role"},
        {"disabled", {{.status = 403}}, -ERR_IMDS_DISABLED, "refuses"},
        {"not usable",
         {GIVES_ROLE, {.status = 200, .answer = "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}"}},
         -ERR_NO_CREDENTIALS,
         "IMDS says AssumeRoleUnauthorizedAccess"},
        {"name of no role",
         {{.status = 200, .answer = "a b"}},
         -ERR_MALFORMED,
         "no usable name of a role"},
        {"no JSON", {GIVES_ROLE, {.status = 200, .answer = "<html/>"}}, -ERR_MALFORMED, "IMDS"},
        {"empty", {GIVES_ROLE, {.status = 200}}, -ERR_MALFORMED, "IMDS"},
        {"truncated",
         {GIVES_ROLE, {.status = 200, .answer = "{\"AccessKeyId\":\"A"}},
         -ERR_MALFORMED,
         "IMDS"},
        {"no secret",
         {GIVES_ROLE, {.status = 200, .answer = "{\"AccessKeyId\":\"A\"}"}},
         -ERR_MALFORMED,
         "no usable credentials"},
        {"empty key",
         {GIVES_ROLE,
          {.status = 200, .answer = "{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"s\"}"}},
         -ERR_MALFORMED,
         "no usable credentials"},
        {"line break",
         {GIVES_ROLE, {.status = 200, .answer = JSON("A\\nB", IN_AN_HOUR)}},
         -ERR_MALFORMED,
         "no usable credentials"},
        {"unreadable time",
         {GIVES_ROLE, {.status = 200, .answer = JSON("A", "tomorrow")}},
         -ERR_MALFORMED,
         "time of expiry"},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, GIVES_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHAIN c;

        print_message("%s\n", cases[i].name);
        init(f, &c);
        fake_script(f, cases[i].rules, cases[i].rules[1].status > 0 ? 2 : 1);
        assert_refused(f, &c, cases[i].code, cases[i].text);
    }
}

static void
creds_instance_role_oversized_name_is_told(void **state)
{
    static const size_t lengths[] = {480, 500, 512, 513, 1000};
    struct fake *f = *state;

    FAKE_SCRIPT(f, GIVES_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        char name[1001] = "";
        struct err e;
        char key[64];
        CHAIN c;

        init(f, &c);
        memset(name, 'r', lengths[i]);
        FAKE_SCRIPT(f, {.url = ROLES, .status = 200, .answer = name});
        assert_true(get_key(f, &c, false, key, &e) < 0);
    }
}

static void
creds_instance_role_oversized_answer_is_told(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf answer = BUF_INIT(65536);
    struct err e;
    char key[64];
    CHAIN c;

    assert_int_equal(
        buf_adds(&answer, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\""), 0);
    for (int i = 0; i < AWS_SECRET_MAX; i++) {
        assert_int_equal(buf_adds(&answer, "t"), 0);
    }
    assert_int_equal(buf_adds(&answer, "\"}"), 0);
    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(answer.data));
    assert_int_equal(get_key(f, &c, false, key, &e), -ERR_TOO_BIG);
}

/* --- environment ---------------------------------------------------------------------------- */

static void
creds_environment_before_all_but_a_profile(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    fake_env("AWS_ACCESS_KEY_ID", "AKIAENV");
    fake_env("AWS_SECRET_ACCESS_KEY", "s");
    fake_env("AWS_SESSION_TOKEN", "t");
    fake_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2");
    fake_env("AWS_ROLE_ARN", "arn:r");
    fake_env("AWS_WEB_IDENTITY_TOKEN_FILE", "/nothing");
    assert_key(f, &c, "AKIAENV");
    assert_string_equal(buf_str(&c.creds.current.session_token), "t");
    assert_int_equal(c.creds.current.expires_s, 0);
    assert_string_equal(c.creds.current.source, "environment");
    assert_int_equal(f->n_requests, 0);
}

static void
creds_environment_half_set_refused(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    fake_env("AWS_ACCESS_KEY_ID", "AKIAENV");
    fake_env("AWS_SECRET_ACCESS_KEY", "");
    assert_refused(f, &c, -ERR_NO_CREDENTIALS, "not both set");
    fake_env("AWS_SECRET_ACCESS_KEY", "s\n");
    assert_refused(f, &c, -ERR_NO_CREDENTIALS, "no key has");
}

static void
creds_environment_oversized_key_refused(void **state)
{
    struct fake *f = *state;
    OCF_FREE char *big = calloc(1, AWS_SECRET_MAX + 2);
    CHAIN c;

    memset(big, 'k', AWS_SECRET_MAX + 1);
    init(f, &c);
    fake_env("AWS_ACCESS_KEY_ID", big);
    fake_env("AWS_SECRET_ACCESS_KEY", "s");
    assert_refused(f, &c, -ERR_TOO_BIG, "environment");
}

/* --- web identity --------------------------------------------------------------------------- */

static void
creds_web_identity_by_sts(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    fake_env("AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
    fake_env("AWS_WEB_IDENTITY_TOKEN_FILE", fake_file(f, "jwt", "eyJ.a.b"));
    FAKE_SCRIPT(f, {.url = "https://sts.",
                    .body = "WebIdentityToken=eyJ.a.b",
                    .status = 200,
                    .answer = ASSUMED("AssumeRoleWithWebIdentity", "ASIAWEB")});
    assert_key(f, &c, "ASIAWEB");
    assert_non_null(strstr(f->requests[0].body, "RoleSessionName=ocf-aws-"));
    assert_null(fake_header(&f->requests[0], "Authorization"));
    assert_string_equal(c.creds.current.source, "role arn:aws:iam::1:role/web");
}

static void
creds_web_identity_missing_file_named(void **state)
{
    struct fake *f = *state;
    const char *path = fake_path(f, "no-jwt");
    CHAIN c;

    init(f, &c);
    fake_env("AWS_ROLE_ARN", "arn:r");
    fake_env("AWS_WEB_IDENTITY_TOKEN_FILE", path);
    assert_refused(f, &c, -ERR_PROFILE, path);
}

/*
 * A profile may name any file, and so may who can write parameters: nothing but a token is sent,
 * and nothing of the file is told.
 */
static void
creds_web_identity_of_another_file_is_not_sent(void **state)
{
    static const char *const texts[] = {"",
                                        "\n",
                                        "eyJ.a",
                                        "eyJ.a.b.c",
                                        "eyJ..b",
                                        ".a.b",
                                        "eyJ.a.",
                                        "eyJ.a b",
                                        "eyJ.a.b\neyJ.a.b",
                                        "top-secret",
                                        "root:$y$j9T$x.y:19000::::::\n"};
    struct fake *f = *state;

    fake_env("AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CHAIN c;

        init(f, &c);
        fake_env("AWS_WEB_IDENTITY_TOKEN_FILE", fake_file(f, "other", texts[i]));
        assert_refused(f, &c, -ERR_PROFILE, "not a web identity token");
    }
    assert_int_equal(f->n_requests, 0);
}

/* --- container ------------------------------------------------------------------------------ */

static void
creds_container_relative_and_full(void **state)
{
    struct fake *f = *state;
    CHAIN relative;
    CHAIN full;

    init(f, &relative);
    fake_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    FAKE_SCRIPT(f, {.url = "http://169.254.170.2/v2/credentials/1",
                    .status = 200,
                    .answer = JSON("ASIAECS", IN_AN_HOUR)});
    assert_key(f, &relative, "ASIAECS");
    assert_string_equal(relative.creds.current.source, "container endpoint");
    assert_true(f->requests[0].direct);
    assert_true(f->requests[0].secret);
    assert_int_equal(f->requests[0].n_headers, 0);

    init(f, &full);
    fake_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
    fake_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    fake_env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "ignored");
    fake_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", fake_file(f, "auth", "of-the-file"));
    FAKE_SCRIPT(f, {.url = "http://169.254.170.23/v1/credentials",
                    .status = 200,
                    .answer = JSON("ASIAEKS", IN_AN_HOUR)});
    assert_key(f, &full, "ASIAEKS");
    assert_string_equal(fake_header(&f->requests[1], "Authorization"), "of-the-file");
}

static void
creds_container_hosts_allowed_and_not(void **state)
{
    static const struct {
        const char *url;
        bool allowed;
    } cases[] = {
        {"http://169.254.170.2/x", true},
        {"http://169.254.170.23:80/x", true},
        {"http://[fd00:ec2::23]/x", true},
        {"http://[fd00:ec2::23]:80/x", true},
        {"http://127.0.0.1:1234/x", true},
        {"http://127.9.9.9/x", true},
        {"http://[::1]/x", true},
        {"http://localhost/x", true},
        {"http://localhost:80/x", true},
        {"https://creds.example.com/x", true},
        {"http://169.254.170.3/x", false},
        {"http://169.254.169.254/x", false},
        {"http://169.254.170.2.example.com/x", false},
        {"http://169.254.170.2@evil.example.com/x", false},
        {"http://localhost.example.com/x", false},
        {"http://localhost@evil/x", false},
        {"http://127.0.0.1.example.com/x", false},
        {"http://[fd00:ec2::24]/x", false},
        {"http://[::1", false},
        {"http://[::1]x/", false},
        {"http://127.0.0.1:x@evil.example.com/", false},
        {"http://[::1]:x@evil.example.com/", false},
        {"http://localhost:x@evil.example.com/", false},
        {"http://creds.example.com/x", false},
        {"http://2130706433/x", false},
        {"http:///x", false},
        {"ftp://127.0.0.1/x", false},
        {"file:///etc/passwd", false},
        {"127.0.0.1", false},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e;
        char key[64];
        CHAIN c;

        print_message("  %s\n", cases[i].url);
        init(f, &c);
        fake_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", cases[i].url);
        if (cases[i].allowed) {
            FAKE_SCRIPT(f, {.url = cases[i].url, .status = 200, .answer = JSON("A", IN_AN_HOUR)});
            assert_key(f, &c, "A");
        } else {
            assert_int_equal(get_key(f, &c, false, key, &e), -ERR_PROFILE);
            assert_non_null(strstr(e.text, "plain http is allowed only"));
        }
    }
}

static void
creds_container_url_is_of_printable_ascii(void **state)
{
    static const char *const urls[] = {"https://creds.example.com/a b",
                                       "https://127.0.0.1/\r\nA: b", "http://127.0.0.1/\x80",
                                       "http://localhost/\x7f"};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct err e;
        char key[64];
        CHAIN c;

        init(f, &c);
        fake_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", urls[i]);
        assert_int_equal(get_key(f, &c, false, key, &e), -ERR_PROFILE);
        assert_non_null(strstr(e.text, "character that no URL has"));
        assert_int_equal(f->n_requests, 0);
    }
}

static void
creds_container_failures_are_told(void **state)
{
    struct fake *f = *state;
    OCF_FREE char *big = calloc(1, AWS_SECRET_MAX + 2);
    CHAIN c;

    memset(big, 'k', AWS_SECRET_MAX + 1);
    fake_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
    init(f, &c);
    FAKE_SCRIPT(f, {.status = 404}, {.status = 400}, {.status = 200, .answer = "no"},
                {.status = 500}, {.error = ERR_CONNECT},
                {.status = 200, .answer = JSON("A", IN_AN_HOUR)});
    assert_refused(f, &c, -ERR_NO_CREDENTIALS, "answers 404");
    assert_refused(f, &c, -ERR_NO_CREDENTIALS, "answers 400");
    assert_refused(f, &c, -ERR_MALFORMED, "container endpoint");
    assert_key(f, &c, "A"); /* after a fault and a refused connection */
    done(&c);
    init(f, &c);
    fake_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/y");
    fake_env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX-Evil: 1");
    assert_refused(f, &c, -ERR_PROFILE, "line break");
    fake_env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer \xff");
    assert_refused(f, &c, -ERR_PROFILE, "character that no token has");
    fake_env("AWS_CONTAINER_AUTHORIZATION_TOKEN", big);
    assert_refused(f, &c, -ERR_TOO_BIG, "authorization token");
    fake_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", fake_path(f, "nothing"));
    assert_refused(f, &c, -ERR_PROFILE, "nothing");
}

/* --- profiles ------------------------------------------------------------------------------- */

static void
creds_profile_with_keys(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    fake_env("AWS_ACCESS_KEY_ID", "AKIAENV"); /* a named profile goes before it */
    fake_env("AWS_SECRET_ACCESS_KEY", "s");
    c.creds.options.profile = "vip";
    c.creds.options.credentials_file =
        fake_file(f, "c",
                  "[default]\naws_access_key_id=AKIADEF\naws_secret_access_key=d\n"
                  "[vip]\naws_access_key_id = AKIAVIP\naws_secret_access_key = v/+=\n"
                  "aws_session_token = tok\n");
    assert_key(f, &c, "AKIAVIP");
    assert_string_equal(buf_str(&c.creds.current.secret_access_key), "v/+=");
    assert_string_equal(buf_str(&c.creds.current.session_token), "tok");
    assert_string_equal(c.creds.current.source, "profile vip");
    creds_done(&c.creds);
    creds_init(&c.creds);
    c.creds.options.profile = NULL; /* a file without a profile: its default */
    assert_key(f, &c, "AKIADEF");
    creds_done(&c.creds);
    creds_init(&c.creds);
    fake_env("AWS_PROFILE", "vip");
    assert_key(f, &c, "AKIAVIP");
}

static void
assert_nothing_cached(const struct fake *f)
{
    DIR *dir = opendir(f->cache.dir);

    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        assert_int_equal(entry->d_name[0], '.');
    }
    (void)closedir(dir);
}

/* New keys in the file need no restart: long-term keys are never cached on disk. */
static void
creds_profile_keys_read_anew_each_run(void **state)
{
    struct fake *f = *state;
    CHAIN first;
    CHAIN second;

    init(f, &first);
    first.creds.options.credentials_file =
        fake_file(f, "c", "[default]\naws_access_key_id=OLD\naws_secret_access_key=d\n");
    assert_key(f, &first, "OLD");
    init(f, &second);
    second.creds.options.credentials_file =
        fake_file(f, "c", "[default]\naws_access_key_id=NEW\naws_secret_access_key=d\n");
    assert_key(f, &second, "NEW");
    assert_nothing_cached(f);
}

static void
creds_profile_chain_of_roles(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    c.creds.options.profile = "top";
    c.creds.options.credentials_file =
        fake_file(f, "c",
                  "[profile top]\nrole_arn=arn:top\nsource_profile=middle\nexternal_id=x-1\n"
                  "[middle]\nrole_arn=arn:middle\nsource_profile=bottom\n"
                  "[bottom]\naws_access_key_id=AKIABOTTOM\naws_secret_access_key=b\n");
    FAKE_SCRIPT(f,
                {.body = "RoleArn=arn%3Amiddle",
                 .header = "Credential=AKIABOTTOM/",
                 .status = 200,
                 .answer = ASSUMED("AssumeRole", "ASIAMIDDLE")},
                {.body = "RoleArn=arn%3Atop",
                 .header = "Credential=ASIAMIDDLE/",
                 .status = 200,
                 .answer = ASSUMED("AssumeRole", "ASIATOP")});
    assert_key(f, &c, "ASIATOP");
    assert_null(strstr(f->requests[0].body, "ExternalId"));
    assert_non_null(strstr(f->requests[1].body, "&ExternalId=x-1"));
    assert_string_equal(fake_header(&f->requests[1], "X-Amz-Security-Token"), "t-ASIAMIDDLE");
}

/* The keys of a source go before its role: a profile may be its own source. */
static void
creds_profile_source_with_keys_and_a_role_gives_its_keys(void **state)
{
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"itself", "[p]\nrole_arn=arn:p\nsource_profile=p\n"
                   "aws_access_key_id=AKIABASE\naws_secret_access_key=s\n"},
        {"another", "[p]\nrole_arn=arn:p\nsource_profile=q\n"
                    "[q]\nrole_arn=arn:q\nsource_profile=r\n"
                    "aws_access_key_id=AKIABASE\naws_secret_access_key=s\n"
                    "[r]\naws_access_key_id=AKIAOTHER\naws_secret_access_key=s\n"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char file[8];
        CHAIN c;

        print_message("  %s\n", cases[i].name);
        (void)snprintf(file, sizeof(file), "c%zu", i);
        init(f, &c);
        c.creds.options.profile = "p";
        c.creds.options.credentials_file = fake_file(f, file, cases[i].text);
        FAKE_SCRIPT(f, {.body = "RoleArn=arn%3Ap",
                        .header = "Credential=AKIABASE/",
                        .status = 200,
                        .answer = ASSUMED("AssumeRole", "ASIAROLE")});
        assert_key(f, &c, "ASIAROLE");
        assert_int_equal(f->n_requests, i + 1);
    }
}

static void
creds_profile_chain_at_and_over_its_limit(void **state)
{
    static const char text[] =
        "[p0]\nrole_arn=arn:0\nsource_profile=p1\n[p1]\nrole_arn=arn:1\nsource_profile=p2\n"
        "[p2]\nrole_arn=arn:2\nsource_profile=p3\n[p3]\nrole_arn=arn:3\nsource_profile=p4\n"
        "[p4]\naws_access_key_id=AKIA4\naws_secret_access_key=s\n";
    struct fake *f = *state;
    CHAIN four;
    CHAIN five;

    init(f, &four);
    four.creds.options.profile = "p1";
    four.creds.options.credentials_file = fake_file(f, "c", text);
    FAKE_SCRIPT(f, {.status = 200, .answer = ASSUMED("AssumeRole", "ASIA"), .times = 3});
    assert_key(f, &four, "ASIA");
    init(f, &five);
    five.creds.options.profile = "p0";
    five.creds.options.credentials_file = four.creds.options.credentials_file;
    assert_refused(f, &five, -ERR_PROFILE, "more than 4 source_profile");
    assert_int_equal(f->n_requests, 3);
}

static void
creds_profile_that_cannot_be_used_refused(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        const char *complaint;
    } cases[] = {
        {"absent", "[other]\n", "no profile \"p\""},
        {"empty", "[p]\n", "neither aws_access_key_id and aws_secret_access_key nor role_arn"},
        {"no secret", "[p]\naws_access_key_id=A\n", "neither aws_access_key_id"},
        {"no key has this", "[p]\naws_access_key_id=A\naws_secret_access_key=s \xc3\xa4\n",
         "no key has"},
        {"its own source", "[p]\nrole_arn=r\nsource_profile=p\n", "more than 4 source_profile"},
        {"loop", "[p]\nrole_arn=r\nsource_profile=q\n[q]\nrole_arn=r\nsource_profile=p\n",
         "more than 4 source_profile"},
        {"source is absent", "[p]\nrole_arn=r\nsource_profile=q\n", "no profile \"q\""},
        {"role without source", "[p]\nrole_arn=r\n", "without source_profile or credential_source"},
        {"unknown source", "[p]\nrole_arn=r\ncredential_source=Moon\n", "\"Moon\""},
        {"container outside one", "[p]\nrole_arn=r\ncredential_source=EcsContainer\n",
         "EcsContainer (inside a container)"},
        {"process", "[p]\ncredential_process=/bin/x\n", "credential_process or SSO"},
        {"SSO", "[p]\nsso_session=x\n", "credential_process or SSO"},
        {"old SSO", "[p]\nsso_account_id=1\n", "credential_process or SSO"},
        {"web token missing", "[p]\nrole_arn=r\nweb_identity_token_file=/nonexistent/jwt\n",
         "/nonexistent/jwt"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHAIN c;

        print_message("%s\n", cases[i].name);
        init(f, &c);
        c.creds.options.profile = "p";
        c.creds.options.credentials_file = fake_file(f, "c", cases[i].text);
        assert_refused(f, &c, -ERR_PROFILE, cases[i].complaint);
    }
    assert_int_equal(f->n_requests, 0);
}

static void
creds_profile_roles_over_other_sources(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        const char *base; /* the key that STS is asked with */
    } cases[] = {
        {"environment", "[p]\nrole_arn=r1\ncredential_source=Environment\n", "AKIAENV"},
        {"instance", "[p]\nrole_arn=r2\ncredential_source=Ec2InstanceMetadata\n", "ASIANODE"},
        {"container", "[p]\nrole_arn=r3\ncredential_source=EcsContainer\n", "ASIAECS"},
    };
    struct fake *f = *state;

    fake_env("AWS_ACCESS_KEY_ID", "AKIAENV");
    fake_env("AWS_SECRET_ACCESS_KEY", "s");
    fake_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIANODE", IN_AN_HOUR)),
                {.url = "170.2/x", .status = 200, .answer = JSON("ASIAECS", IN_AN_HOUR)});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char file[8];
        CHAIN c;

        print_message("  %s\n", cases[i].name);
        (void)snprintf(file, sizeof(file), "c%zu", i);
        init(f, &c);
        c.creds.options.profile = "p";
        c.creds.options.credentials_file = fake_file(f, file, cases[i].text);
        FAKE_SCRIPT(
            f,
            {.header = cases[i].base, .status = 200, .answer = ASSUMED("AssumeRole", "ASIAROLE")});
        assert_key(f, &c, "ASIAROLE");
    }
}

static void
creds_profile_with_web_identity(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf text = BUF_INIT(1024);
    CHAIN c;

    init(f, &c);
    assert_int_equal(buf_addf(&text, "[p]\nrole_arn=arn:w\nweb_identity_token_file=%s\n",
                              fake_file(f, "jwt", "eyJ.a.b\n")),
                     0);
    c.creds.options.profile = "p";
    c.creds.options.credentials_file = fake_file(f, "c", text.data);
    FAKE_SCRIPT(f, {.body = "WebIdentityToken=eyJ.a.b",
                    .status = 200,
                    .answer = ASSUMED("AssumeRoleWithWebIdentity", "ASIAWEB")});
    assert_key(f, &c, "ASIAWEB");
}

/* --- a role on top -------------------------------------------------------------------------- */

static void
creds_role_arn_assumed_over_the_chain(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    c.creds.options.role_arn = "arn:cross";
    c.creds.options.external_id = "x-2";
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIANODE", IN_AN_HOUR)),
                {.url = "https://sts.",
                 .header = "Credential=ASIANODE/",
                 .status = 200,
                 .answer = ASSUMED("AssumeRole", "ASIACROSS")});
    assert_key(f, &c, "ASIACROSS");
    assert_non_null(strstr(f->requests[3].body, "RoleArn=arn%3Across&"));
    assert_non_null(strstr(f->requests[3].body, "&ExternalId=x-2"));
}

static void
creds_role_arn_denied_names_the_role(void **state)
{
    struct fake *f = *state;
    struct err e;
    char key[64];
    CHAIN c;

    init(f, &c);
    fake_env("AWS_ACCESS_KEY_ID", "AKIAENV");
    fake_env("AWS_SECRET_ACCESS_KEY", "s");
    c.creds.options.role_arn = "arn:cross";
    FAKE_SCRIPT(f, {.status = 403, .answer = STS_DENIES});
    assert_int_equal(get_key(f, &c, false, key, &e), -ERR_DENIED);
    assert_non_null(strstr(e.text, "arn:cross"));
    assert_string_equal(e.action, "sts:AssumeRole");
    assert_null(strstr(e.text, "AKIAENV"));
}

static void
creds_role_arn_base_refused_not_asked_twice(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    fake_env("AWS_ACCESS_KEY_ID", "AKIAENV");
    fake_env("AWS_SECRET_ACCESS_KEY", "s");
    c.creds.options.role_arn = "arn:cross";
    FAKE_SCRIPT(
        f, {.status = 403, .answer = "<E><Error><Code>InvalidClientTokenId</Code></Error></E>"});
    assert_refused(f, &c, -ERR_CREDENTIALS, "InvalidClientTokenId");
}

/* --- the cache ------------------------------------------------------------------------------ */

static void
creds_cached_for_the_next_run(void **state)
{
    struct fake *f = *state;
    CHAIN first;
    CHAIN second;

    init(f, &first);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)));
    assert_key(f, &first, "ASIA1");
    init(f, &second);
    assert_key(f, &second, "ASIA1");
    assert_string_equal(buf_str(&second.creds.current.secret_access_key), "s-ASIA1");
    assert_string_equal(buf_str(&second.creds.current.session_token), "t-ASIA1");
    assert_string_equal(second.creds.current.source, "instance role node-role");
    assert_int_equal(second.creds.current.expires_s, FAKE_WALL_S + 3600);
    assert_int_equal(f->n_requests, 3);
}

static void
creds_cache_is_apart_for_whatever_decides(void **state)
{
    static const struct {
        const char *name;
        const char *variable;
        const char *role_arn;
        const char *external_id;
        const char *region;
        const char *endpoint_url;
    } cases[] = {
        {"role", NULL, "arn:other", NULL, FAKE_REGION, NULL},
        {"external id", NULL, "arn:a", "x", FAKE_REGION, NULL},
        {"region", NULL, "arn:a", NULL, "eu-west-1", NULL},
        {"endpoint", NULL, "arn:a", NULL, FAKE_REGION, "http://lab"},
        {"key id", "AWS_ACCESS_KEY_ID", "arn:a", NULL, FAKE_REGION, NULL},
    };
    struct fake *f = *state;
    CHAIN first;

    fake_env("AWS_ACCESS_KEY_ID", "AKIAENV");
    fake_env("AWS_SECRET_ACCESS_KEY", "s");
    init(f, &first);
    first.creds.options.role_arn = "arn:a";
    FAKE_SCRIPT(f, {.status = 200, .answer = ASSUMED("AssumeRole", "ASIA1")});
    assert_key(f, &first, "ASIA1");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHAIN c;

        print_message("  %s\n", cases[i].name);
        init(f, &c);
        if (cases[i].variable != NULL) {
            fake_env(cases[i].variable, "other");
        }
        c.creds.options.role_arn = cases[i].role_arn;
        c.creds.options.external_id = cases[i].external_id;
        f->session.region = cases[i].region;
        f->session.endpoint_url = cases[i].endpoint_url;
        FAKE_SCRIPT(f, {.status = 200, .answer = ASSUMED("AssumeRole", "ASIA2")});
        assert_key(f, &c, "ASIA2");
    }
}

/* The files that the variables name decide whose role it is, too. */
static void
creds_cache_is_apart_for_other_files(void **state)
{
    struct fake *f = *state;
    CHAIN first;
    CHAIN second;

    fake_env("AWS_SHARED_CREDENTIALS_FILE",
             fake_file(f, "one",
                       "[p]\nrole_arn=arn:1\nsource_profile=k\n[k]\n"
                       "aws_access_key_id=A\naws_secret_access_key=s\n"));
    init(f, &first);
    first.creds.options.profile = "p";
    FAKE_SCRIPT(f, {.body = "arn%3A1", .status = 200, .answer = ASSUMED("AssumeRole", "ASIA1")},
                {.body = "arn%3A2", .status = 200, .answer = ASSUMED("AssumeRole", "ASIA2")});
    assert_key(f, &first, "ASIA1");
    fake_env("AWS_SHARED_CREDENTIALS_FILE",
             fake_file(f, "two",
                       "[p]\nrole_arn=arn:2\nsource_profile=k\n[k]\n"
                       "aws_access_key_id=A\naws_secret_access_key=s\n"));
    init(f, &second);
    second.creds.options.profile = "p";
    assert_key(f, &second, "ASIA2");
}

static void
creds_renewed_five_minutes_before_expiry(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)), GIVES_ROLE,
                GIVES_KEYS(JSON("ASIA2", "2026-11-21T18:00:00Z")));
    assert_key(f, &c, "ASIA1");
    f->mono_ms += (3600 - 301) * MS_PER_S;
    assert_key(f, &c, "ASIA1");
    f->mono_ms += 1 * MS_PER_S;
    assert_key(f, &c, "ASIA2");
}

static void
creds_renewal_fails_keeps_the_old_ones_until_expiry(void **state)
{
    struct fake *f = *state;
    uint64_t begun_ms = 0;
    CHAIN c;

    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)));
    assert_key(f, &c, "ASIA1");
    f->mono_ms += (3600 - SOON_S) * MS_PER_S;
    FAKE_SCRIPT(f, {.takes_ms = UINT64_MAX, .times = FAKE_ALWAYS});
    begun_ms = f->mono_ms;
    assert_key(f, &c, "ASIA1");
    assert_true(f->mono_ms - begun_ms <= 3000); /* the old ones are good: no long wait */
    f->mono_ms += SOON_S * MS_PER_S;
    assert_refused(f, &c, -ERR_TIMEOUT, "no answer in time");
}

static void
creds_skew_of_the_clock_counts_for_expiry(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)), GIVES_ROLE,
                GIVES_KEYS(JSON("ASIA2", "2026-11-21T18:00:00Z")));
    assert_key(f, &c, "ASIA1");
    f->session.skew_s = 3600;
    assert_key(f, &c, "ASIA2");
}

static void
creds_renew_ignores_what_is_cached(void **state)
{
    struct fake *f = *state;
    struct err e;
    char key[64];
    CHAIN c;

    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)), GIVES_ROLE,
                GIVES_KEYS(JSON("ASIA2", IN_AN_HOUR)));
    assert_key(f, &c, "ASIA1");
    assert_int_equal(get_key(f, &c, true, key, &e), 0);
    assert_string_equal(key, "ASIA2");
    assert_key(f, &c, "ASIA2");
}

static void
creds_renewed_a_moment_ago_are_not_renewed_again(void **state)
{
    struct fake *f = *state;
    struct err e;
    char key[64];
    CHAIN c;

    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)), GIVES_ROLE,
                GIVES_KEYS(JSON("ASIA2", IN_AN_HOUR)));
    assert_key(f, &c, "ASIA1");
    assert_int_equal(get_key(f, &c, true, key, &e), 0);
    f->mono_ms += 9 * MS_PER_S;
    assert_int_equal(get_key(f, &c, true, key, &e), -ERR_CREDENTIALS);
    assert_key(f, &c, "ASIA2");
    FAKE_SCRIPT(f, GIVES_ROLE, GIVES_KEYS(JSON("ASIA3", IN_AN_HOUR)));
    f->mono_ms += 1 * MS_PER_S;
    assert_int_equal(get_key(f, &c, true, key, &e), 0);
    assert_string_equal(key, "ASIA3");
}

static void
creds_renew_fails_is_an_error_though_old_ones_are_there(void **state)
{
    struct fake *f = *state;
    struct err e;
    char key[64];
    CHAIN c;

    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)), {.status = 403});
    assert_key(f, &c, "ASIA1");
    assert_int_equal(get_key(f, &c, true, key, &e), -ERR_IMDS_DISABLED);
    assert_key(f, &c, "ASIA1"); /* still in hand for whom they are good */
}

static void
creds_expired_in_the_cache_renewed(void **state)
{
    struct fake *f = *state;
    CHAIN first;
    CHAIN second;

    init(f, &first);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_2_MIN)), GIVES_ROLE,
                GIVES_KEYS(JSON("ASIA2", "2026-11-21T18:00:00Z")));
    assert_key(f, &first, "ASIA1");
    f->mono_ms += 3600 * MS_PER_S;
    init(f, &second);
    assert_key(f, &second, "ASIA2");
}

/* A metadata service that is away is not waited for before each call. */
static void
creds_that_cannot_be_renewed_yet_are_used_without_asking_each_time(void **state)
{
    struct fake *f = *state;
    CHAIN c;

    init(f, &c);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_2_MIN)));
    assert_key(f, &c, "ASIA1");
    FAKE_SCRIPT(f, {.error = ERR_CONNECT, .times = FAKE_ALWAYS});
    assert_key(f, &c, "ASIA1");
    for (size_t before = f->n_requests, i = 0; i < 3; i++) {
        assert_key(f, &c, "ASIA1");
        assert_int_equal(f->n_requests, before);
    }
}

/* Somebody has attached another role to the instance since. */
static void
creds_denied_are_fetched_anew_by_the_next_action(void **state)
{
    struct fake *f = *state;
    CHAIN first;
    CHAIN second;
    CHAIN third;

    init(f, &first);
    init(f, &second);
    init(f, &third);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)));
    assert_key(f, &first, "ASIA1");
    assert_key(f, &second, "ASIA1");
    creds_denied(&second.creds);
    assert_key(f, &second, "ASIA1");
    FAKE_SCRIPT(f, GIVES_ROLE, GIVES_KEYS(JSON("ASIA2", IN_AN_HOUR)));
    assert_key(f, &third, "ASIA2");
}

static void
creds_damaged_cache_entries_are_misses(void **state)
{
    static const char cache_key[] =
        "credentials\n\n\n\n\n" IMDS "\n\n\n\n\n\n\n\n" FAKE_REGION "\n";
    static const char *const entries[] = {
        "A\ns\nt\n1795266000\nx\n", /* the first is good: it shows that the key is right */
        "",
        "A\n",
        "A\ns\nt\n",
        "A\ns\nt\nsoon\nx\n",
        "A\ns\nt\n-5\nx\n",
        "A\ns\nt\n0\nx\n",
        "\ns\nt\n1795266000\nx\n",
        "A\n\nt\n1795266000\nx\n",
        "A\ns\nt\n1795266000",
        "A\ns\nt\n1795266000\nx",
        "A\ns\nt\n17952660001795266000179526600017952660001795266000\nx\n",
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        CHAIN c;

        init(f, &c);
        cache_put(&f->cache, cache_key, entries[i], strlen(entries[i]));
        if (i == 1) {
            FAKE_SCRIPT(f, GIVES_TOKEN);
        }
        if (i > 0) {
            FAKE_SCRIPT(f, GIVES_ROLE, GIVES_KEYS(JSON("ASIA1", IN_AN_HOUR)));
        }
        assert_key(f, &c, i == 0 ? "A" : "ASIA1");
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(creds_instance_role_by_imds),
        FAKE_TEST(creds_instance_role_failures_are_told),
        FAKE_TEST(creds_instance_role_oversized_name_is_told),
        FAKE_TEST(creds_instance_role_oversized_answer_is_told),
        FAKE_TEST(creds_environment_before_all_but_a_profile),
        FAKE_TEST(creds_environment_half_set_refused),
        FAKE_TEST(creds_environment_oversized_key_refused),
        FAKE_TEST(creds_web_identity_by_sts),
        FAKE_TEST(creds_web_identity_missing_file_named),
        FAKE_TEST(creds_web_identity_of_another_file_is_not_sent),
        FAKE_TEST(creds_container_relative_and_full),
        FAKE_TEST(creds_container_hosts_allowed_and_not),
        FAKE_TEST(creds_container_url_is_of_printable_ascii),
        FAKE_TEST(creds_container_failures_are_told),
        FAKE_TEST(creds_profile_with_keys),
        FAKE_TEST(creds_profile_keys_read_anew_each_run),
        FAKE_TEST(creds_profile_chain_of_roles),
        FAKE_TEST(creds_profile_source_with_keys_and_a_role_gives_its_keys),
        FAKE_TEST(creds_profile_chain_at_and_over_its_limit),
        FAKE_TEST(creds_profile_that_cannot_be_used_refused),
        FAKE_TEST(creds_profile_roles_over_other_sources),
        FAKE_TEST(creds_profile_with_web_identity),
        FAKE_TEST(creds_role_arn_assumed_over_the_chain),
        FAKE_TEST(creds_role_arn_denied_names_the_role),
        FAKE_TEST(creds_role_arn_base_refused_not_asked_twice),
        FAKE_TEST(creds_cached_for_the_next_run),
        FAKE_TEST(creds_cache_is_apart_for_whatever_decides),
        FAKE_TEST(creds_cache_is_apart_for_other_files),
        FAKE_TEST(creds_renewed_five_minutes_before_expiry),
        FAKE_TEST(creds_renewal_fails_keeps_the_old_ones_until_expiry),
        FAKE_TEST(creds_skew_of_the_clock_counts_for_expiry),
        FAKE_TEST(creds_renew_ignores_what_is_cached),
        FAKE_TEST(creds_renewed_a_moment_ago_are_not_renewed_again),
        FAKE_TEST(creds_renew_fails_is_an_error_though_old_ones_are_there),
        FAKE_TEST(creds_expired_in_the_cache_renewed),
        FAKE_TEST(creds_that_cannot_be_renewed_yet_are_used_without_asking_each_time),
        FAKE_TEST(creds_denied_are_fetched_anew_by_the_next_action),
        FAKE_TEST(creds_damaged_cache_entries_are_misses),
    };

    return cmocka_run_group_tests_name("creds", tests, NULL, NULL);
}
