/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "creds.h"

#include "addr.h"
#include "exchange.h"
#include "json.h"
#include "log.h"
#include "param.h"
#include "profile.h"
#include "sts.h"

#include <stdio.h>
#include <string.h>

#define RENEW_BEFORE_S   300   /* use role credentials until five minutes before they expire */
#define RENEW_ATTEMPT_MS 3000  /* for new ones, while the old ones are still good */
#define RENEW_AGAIN_MS   10000 /* not before, when new ones are refused too, or not to be had */
#define PROFILE_DEPTH    4     /* source_profile of a source_profile of ... */
#define NAME_MAX_LEN     1024  /* a role with a path has some 600 */
#define CACHE_KEY_MAX    16384
#define CONTAINER_HOST   "http://169.254.170.2"
#define CONTAINER_MS     2000
#define ROLE_PATH        "meta-data/iam/security-credentials/"
#define ROLE_NAME_MAX    128 /* IAM allows 64 */

void
creds_init(struct creds *c)
{
    c->current = AWS_CREDENTIALS_INIT;
    c->renewed = false;
    c->renewed_ms = 0;
    c->stuck = false;
    c->stuck_ms = 0;
}

void
creds_done(struct creds *c)
{
    aws_credentials_done(&c->current);
}

static const char *
env(const struct creds *c, const char *name)
{
    const char *value = c->getenv(name);

    return value == NULL || *value == '\0' ? NULL : value;
}

/* --- what IMDS and the container endpoint answer ------------------------------------------- */

static int
read_json(const struct buf *body, const char *who, struct aws_credentials *ret, struct err *e)
{
    OCF_JSON struct json *j = NULL;
    const char *code = NULL;
    const char *key = NULL;
    const char *secret = NULL;
    const char *token = NULL;
    const char *expiration = NULL;
    int rc = json_parse(buf_str(body), body->len, &j, e);

    if (rc < 0) {
        return err_prefix(e, "%s", who);
    }
    code = json_string(j, "Code");
    if (code != NULL && strcmp(code, "Success") != 0) {
        return err_set(e, ERR_NO_CREDENTIALS, "%s says %.60s", who, code);
    }
    key = json_string(j, "AccessKeyId");
    secret = json_string(j, "SecretAccessKey");
    token = json_string(j, "Token");
    expiration = json_string(j, "Expiration");
    if (key == NULL || secret == NULL) {
        return err_set(e, ERR_MALFORMED, "%s sent no usable credentials", who);
    }
    if (expiration != NULL) {
        ret->expires_s = sts_parse_time(expiration);
        if (ret->expires_s == 0) {
            return err_set(e, ERR_MALFORMED, "%s sent an unreadable time of expiry", who);
        }
    }
    rc = aws_credentials_set(ret, key, secret, token);
    if (rc == -ERR_MALFORMED) {
        return err_set(e, ERR_MALFORMED, "%s sent no usable credentials", who);
    }
    return rc < 0 ? err_set(e, (enum err_code) - rc, "%s: %s", who, err_text(rc)) : 0;
}

/* --- instance role ------------------------------------------------------------------------- */

static int
from_instance(struct creds *c, struct deadline d, struct aws_credentials *ret, struct err *e)
{
    OCF_BUF struct buf role = BUF_INIT(ROLE_NAME_MAX);
    OCF_BUF struct buf path = BUF_INIT(sizeof(ROLE_PATH) + ROLE_NAME_MAX);
    OCF_BUF struct buf body = BUF_INIT_SECRET(AWS_SECRET_MAX);
    int rc = imds_get_one(c->imds, ROLE_PATH, d, &role, e);

    if (rc == 0) {
        size_t len = strcspn(buf_str(&role), "\r\n");

        if (role.len > 0) {
            role.data[len] = '\0';
        }
        if (!base_is_word(buf_str(&role))) { /* it becomes a part of a URL */
            return err_set(e, ERR_MALFORMED, "IMDS sent no usable name of a role");
        }
        rc =
            len == 0 ? -ERR_NOT_FOUND : buf_addf(&path, ROLE_PATH "%.*s", (int)len, buf_str(&role));
        if (rc < 0) {
            (void)err_set(e, (enum err_code) - rc, "instance role: %s", err_text(rc));
        }
        (void)snprintf(ret->source, sizeof(ret->source), "instance role %.*s", (int)len,
                       buf_str(&role));
    }
    rc = rc < 0 ? rc : imds_get_one(c->imds, buf_str(&path), d, &body, e);
    if (rc == -ERR_NOT_FOUND) {
        return err_set(e, ERR_NO_CREDENTIALS,
                       "no IAM role on this instance: attach an instance profile, or set profile=");
    }
    return rc < 0 ? rc : read_json(&body, "IMDS", ret, e);
}

/* --- container ----------------------------------------------------------------------------- */

struct container_fetch {
    const char *url;
    const char *header; /* NULL or the complete line */
};

static int
prepare_container(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    const struct container_fetch *f = arg;

    (void)i;
    (void)e;
    x->request = (struct http_request){.method = "GET",
                                       .url = f->url,
                                       .headers = {f->header},
                                       .n_headers = f->header == NULL ? 0 : 1,
                                       .max_answer = AWS_SECRET_MAX,
                                       .attempt_ms = CONTAINER_MS,
                                       .direct = true,
                                       .secret = true};
    return 0;
}

static int
judge_container(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    (void)arg;
    (void)i;
    if (x->error.code < 0) {
        *e = x->error;
        return e->code;
    }
    if (x->answer.status != 200) {
        return err_set(e, x->answer.status >= 500 ? ERR_SERVICE : ERR_NO_CREDENTIALS,
                       "container credentials endpoint answers %ld", x->answer.status);
    }
    return 0;
}

/*
 * Plain HTTP is for the host itself and the link-local endpoints of ECS and EKS only. What looks
 * like a host may be a user: "http://127.0.0.1:x@example.com/".
 */
static bool
is_allowed_container_url(const char *url)
{
    static const char *const networks[] = {"127.0.0.0/8", "::1/128", "169.254.170.2/32",
                                           "169.254.170.23/32", "fd00:ec2::23/128"};
    char host[ADDR_TEXT_MAX] = "";
    struct addr a;
    size_t len = 0;
    bool bracketed = false;

    if (strncmp(url, "https://", 8) == 0) {
        return true;
    }
    if (strncmp(url, "http://", 7) != 0 || memchr(url + 7, '@', strcspn(url + 7, "/?#")) != NULL) {
        return false;
    }
    url += 7;
    bracketed = *url == '[';
    url += bracketed ? 1 : 0;
    len = strcspn(url, bracketed ? "]" : ":/?#");
    if (bracketed && (url[len] == '\0' || strchr(":/?#", url[len + 1]) == NULL)) {
        return false;
    }
    if (len == 9 && strncmp(url, "localhost", 9) == 0) {
        return true;
    }
    if (len >= sizeof(host)) {
        return false;
    }
    memcpy(host, url, len);
    for (size_t i = 0; addr_parse(host, &a) && i < ARRAY_LEN(networks); i++) {
        struct addr net;

        if (addr_parse_cidr(networks[i], &net) && addr_contains(&net, &a)) {
            return true;
        }
    }
    return false;
}

/* Whether a text is of printable ASCII, with blanks. */
static bool
is_printable(const char *text)
{
    for (; *text >= ' ' && *text <= '~'; text++) {
    }
    return *text == '\0';
}

static int
container_header(const struct creds *c, struct buf *ret, struct err *e)
{
    const char *file = env(c, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *value = env(c, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    int rc = file == NULL && value == NULL ? 0 : buf_adds(ret, "Authorization: ");

    if (rc == 0 && file == NULL && value != NULL) {
        rc = buf_adds(ret, value);
    }
    if (rc < 0) {
        return err_set(e, (enum err_code) - rc, "container authorization token: %s", err_text(rc));
    }
    rc = file == NULL ? 0 : profile_read_file(file, ret, e);
    if (rc == 0 && !is_printable(buf_str(ret))) {
        rc = err_set(e, ERR_PROFILE,
                     "the container authorization token has a line break or another character "
                     "that no token has");
    }
    return rc;
}

static int
from_container(struct creds *c, struct deadline d, struct aws_credentials *ret, struct err *e)
{
    static const struct exchange_ops ops = {.prepare = prepare_container, .judge = judge_container};
    const char *relative = env(c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = env(c, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    OCF_BUF struct buf url = BUF_INIT(2048);
    OCF_BUF struct buf header = BUF_INIT_SECRET(AWS_SECRET_MAX);
    struct container_fetch f = {0};
    struct http_exchange x = {0};
    int rc = buf_addf(&url, "%s%s", relative != NULL ? CONTAINER_HOST : "",
                      relative != NULL ? relative : full);

    if (rc == 0 && !base_is_word(buf_str(&url))) {
        return err_set(
            e, ERR_PROFILE,
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, or _FULL_URI, has a blank or another "
            "character that no URL has");
    }
    if (rc < 0 || !is_allowed_container_url(buf_str(&url))) {
        return err_set(e, ERR_PROFILE,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI: plain http is allowed only to this "
                       "host and to the ECS and EKS agents");
    }
    rc = container_header(c, &header, e);
    if (rc < 0) {
        return rc;
    }
    f.url = buf_str(&url);
    f.header = header.len > 0 ? buf_str(&header) : NULL;
    rc = exchange_all(c->transport, &ops, &f, &x, e, 1, d);
    if (rc == 0) {
        (void)snprintf(ret->source, sizeof(ret->source), "container endpoint");
        rc = read_json(&x.answer.body, "container endpoint", ret, e);
    }
    http_exchange_done(&x);
    return rc;
}

/* --- roles --------------------------------------------------------------------------------- */

static int
get_fixed(void *arg, bool renew, struct deadline d, const struct aws_credentials **ret,
          struct err *e)
{
    (void)d;
    if (renew) {
        return err_set(e, ERR_CREDENTIALS, "credentials were refused, and there are no others");
    }
    *ret = arg;
    return 0;
}

/* CloudTrail shows the name: the host's, of the characters that a session name may have. */
static void
session_name(char *out, size_t size)
{
    char host[65] = "";

    if (gethostname(host, sizeof(host) - 1) < 0) {
        host[0] = '\0';
    }
    for (char *p = host; *p != '\0'; p++) {
        if (strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.", *p) ==
            NULL) {
            *p = '-';
        }
    }
    (void)snprintf(out, size, "ocf-aws-%.50s", host);
}

/* Assume a role with `base`, or with a web identity token and no credentials at all. */
static int
assume(const struct creds *c, const struct aws_credentials *base, const char *role_arn,
       const char *external_id, const char *web_identity_token, struct deadline d,
       struct aws_credentials *ret, struct err *e)
{
    struct aws_session session = *c->session;
    char name[64];
    struct sts_role role = {.role_arn = role_arn,
                            .session_name = name,
                            .external_id = external_id,
                            .web_identity_token = web_identity_token};
    struct aws_credentials assumed;
    int rc = 0;

    session_name(name, sizeof(name));
    session.credentials =
        (struct aws_credentials_source){.get = get_fixed, .arg = (void *)(uintptr_t)base};
    rc = sts_assume_role(&session, &role, &assumed, d, e);
    if (rc < 0) {
        return rc;
    }
    aws_credentials_done(ret);
    *ret = assumed;
    return 0;
}

/*
 * Cut off white space at the end, and see whether it is a JSON Web Token: base64url, two dots. The
 * path may come from who may write parameters and not read files: no other file leaves this host.
 */
static bool
is_web_identity(struct buf *b)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *part = buf_str(b);

    while (b->len > 0 && strchr(" \t\r\n", b->data[b->len - 1]) != NULL) {
        b->data[--b->len] = '\0';
    }
    for (unsigned i = 0; i < 3; i++) {
        size_t len = strspn(part, letters);

        if (len == 0 || part[len] != (i < 2 ? '.' : '\0')) {
            return false;
        }
        part += len + 1;
    }
    return part == b->data + b->len + 1;
}

static int
from_web_identity(const struct creds *c, const char *role_arn, const char *file, struct deadline d,
                  struct aws_credentials *ret, struct err *e)
{
    OCF_BUF struct buf text = BUF_INIT_SECRET(AWS_SECRET_MAX);
    int rc = profile_read_file(file, &text, e);

    if (rc == 0 && !is_web_identity(&text)) {
        return err_set(e, ERR_PROFILE, "%s: not a web identity token (JWT)", file);
    }
    return rc < 0 ? rc : assume(c, NULL, role_arn, NULL, buf_str(&text), d, ret, e);
}

/* --- environment and profiles -------------------------------------------------------------- */

static int
from_environment(const struct creds *c, struct aws_credentials *ret, struct err *e)
{
    const char *key = env(c, "AWS_ACCESS_KEY_ID");
    const char *secret = env(c, "AWS_SECRET_ACCESS_KEY");
    int rc = 0;

    if (key == NULL || secret == NULL) {
        return err_set(e, ERR_NO_CREDENTIALS,
                       "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set");
    }
    (void)snprintf(ret->source, sizeof(ret->source), "environment");
    rc = aws_credentials_set(ret, key, secret, env(c, "AWS_SESSION_TOKEN"));
    if (rc == -ERR_MALFORMED) {
        return err_set(e, ERR_NO_CREDENTIALS,
                       "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN has a blank "
                       "or another character that no key has");
    }
    return rc < 0 ? err_set(e, (enum err_code) - rc, "environment: %s", err_text(rc)) : 0;
}

static int
from_source(struct creds *c, const char *name, struct deadline d, struct aws_credentials *ret,
            struct err *e)
{
    if (strcmp(name, "Environment") == 0) {
        return from_environment(c, ret, e);
    }
    if (strcmp(name, "Ec2InstanceMetadata") == 0) {
        return from_instance(c, d, ret, e);
    }
    if (strcmp(name, "EcsContainer") == 0 &&
        (env(c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
         env(c, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL)) {
        return from_container(c, d, ret, e);
    }
    return err_set(e, ERR_PROFILE,
                   "credential_source \"%.40s\": allowed are Environment, Ec2InstanceMetadata and "
                   "EcsContainer (inside a container)",
                   name);
}

static int from_profile(struct creds *c, const struct profile_files *f, const char *profile,
                        unsigned depth, struct deadline d, struct aws_credentials *ret,
                        struct err *e);

/* A profile that is a role over another source. */
static int
from_profile_role(struct creds *c, const struct profile_files *f, const char *profile,
                  const char *role_arn, unsigned depth, struct deadline d,
                  struct aws_credentials *ret, struct err *e)
{
    OCF_BUF struct buf source = BUF_INIT(NAME_MAX_LEN);
    OCF_BUF struct buf external_id = BUF_INIT_SECRET(2048);
    struct aws_credentials base = AWS_CREDENTIALS_INIT;
    const char *id = NULL;
    int rc = 0;

    if (profile_value(f, profile, "web_identity_token_file", &source)) {
        return from_web_identity(c, role_arn, buf_str(&source), d, ret, e);
    }
    if (profile_value(f, profile, "source_profile", &source)) {
        rc = from_profile(c, f, buf_str(&source), depth + 1, d, &base, e);
    } else if (profile_value(f, profile, "credential_source", &source)) {
        rc = from_source(c, buf_str(&source), d, &base, e);
    } else {
        rc = err_set(e, ERR_PROFILE,
                     "profile \"%.60s\" has role_arn without source_profile or credential_source",
                     profile);
    }
    if (rc == 0) {
        id = profile_value(f, profile, "external_id", &external_id) ? buf_str(&external_id) : NULL;
        rc = assume(c, &base, role_arn, id, NULL, d, ret, e);
    }
    aws_credentials_done(&base);
    return rc;
}

/* 1 when the profile has keys, 0 when it has none. */
static int
from_profile_keys(const struct profile_files *f, const char *profile, struct aws_credentials *ret,
                  struct err *e)
{
    OCF_BUF struct buf key = BUF_INIT_SECRET(AWS_SECRET_MAX);
    OCF_BUF struct buf secret = BUF_INIT_SECRET(AWS_SECRET_MAX);
    OCF_BUF struct buf token = BUF_INIT_SECRET(AWS_SECRET_MAX);
    int rc = 0;

    if (!profile_value(f, profile, "aws_access_key_id", &key) ||
        !profile_value(f, profile, "aws_secret_access_key", &secret)) {
        return 0;
    }
    (void)profile_value(f, profile, "aws_session_token", &token);
    rc = aws_credentials_set(ret, buf_str(&key), buf_str(&secret), buf_str(&token));
    if (rc == -ERR_MALFORMED) {
        return err_set(e, ERR_PROFILE,
                       "profile \"%.60s\": a key or token has a blank or another character that no "
                       "key has",
                       profile);
    }
    return rc < 0 ? err_set(e, (enum err_code) - rc, "profile \"%.60s\": %s", profile, err_text(rc))
                  : 1;
}

static int
from_profile(struct creds *c, const struct profile_files *f, const char *profile, unsigned depth,
             struct deadline d, struct aws_credentials *ret, struct err *e)
{
    OCF_BUF struct buf role_arn = BUF_INIT(NAME_MAX_LEN);
    OCF_BUF struct buf unused = BUF_INIT(AWS_SECRET_MAX);
    bool is_role = profile_value(f, profile, "role_arn", &role_arn);
    int rc = 0;

    if (depth >= PROFILE_DEPTH) {
        return err_set(e, ERR_PROFILE, "profile \"%.60s\": more than %d source_profile in a row",
                       profile, PROFILE_DEPTH);
    }
    if (!profile_exists(f, profile)) {
        return err_set(e, ERR_PROFILE, "no profile \"%.60s\" in the credentials or config file",
                       profile);
    }
    (void)snprintf(ret->source, sizeof(ret->source), "profile %.80s", profile);
    /* Keys of a source go before its role, as in the SDKs: a profile may be its own source. */
    rc = is_role && depth == 0 ? 0 : from_profile_keys(f, profile, ret, e);
    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    if (is_role) {
        return from_profile_role(c, f, profile, buf_str(&role_arn), depth, d, ret, e);
    }
    if (profile_value(f, profile, "credential_process", &unused) ||
        profile_value(f, profile, "sso_session", &unused) ||
        profile_value(f, profile, "sso_account_id", &unused)) {
        return err_set(e, ERR_PROFILE,
                       "profile \"%.60s\" uses credential_process or SSO, which a cluster node "
                       "cannot: use keys, a role or the instance's role",
                       profile);
    }
    return err_set(e, ERR_PROFILE,
                   "profile \"%.60s\" has neither aws_access_key_id and aws_secret_access_key nor "
                   "role_arn",
                   profile);
}

/* --- the chain ----------------------------------------------------------------------------- */

static const char *
profile_of(const struct creds *c)
{
    return c->options.profile != NULL ? c->options.profile : env(c, "AWS_PROFILE");
}

static int
from_chain(struct creds *c, struct deadline d, struct aws_credentials *ret, struct err *e)
{
    const char *profile = profile_of(c);
    const char *role_arn = env(c, "AWS_ROLE_ARN");
    const char *web_identity = env(c, "AWS_WEB_IDENTITY_TOKEN_FILE");

    if (profile != NULL || c->options.credentials_file != NULL) {
        struct profile_files f;
        int rc = profile_files_read(c->options.credentials_file, c->getenv, &f, e);

        if (rc < 0) {
            return rc;
        }
        rc = from_profile(c, &f, profile == NULL ? "default" : profile, 0, d, ret, e);
        profile_files_done(&f);
        return rc;
    }
    if (env(c, "AWS_ACCESS_KEY_ID") != NULL) {
        return from_environment(c, ret, e);
    }
    if (role_arn != NULL && web_identity != NULL) {
        return from_web_identity(c, role_arn, web_identity, d, ret, e);
    }
    if (env(c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
        env(c, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL) {
        return from_container(c, d, ret, e);
    }
    return from_instance(c, d, ret, e);
}

static int
fetch(struct creds *c, struct deadline d, struct aws_credentials *ret, struct err *e)
{
    struct aws_credentials found = AWS_CREDENTIALS_INIT;
    int rc = from_chain(c, d, &found, e);

    if (rc == 0 && c->options.role_arn != NULL) {
        struct aws_credentials base = found;

        found = AWS_CREDENTIALS_INIT;
        rc = assume(c, &base, c->options.role_arn, c->options.external_id, NULL, d, &found, e);
        aws_credentials_done(&base);
    }
    if (rc < 0) {
        aws_credentials_done(&found);
        return rc;
    }
    *ret = found;
    return 0;
}

/* --- the cache ----------------------------------------------------------------------------- */

/* Everything that decides whose credentials they are. */
static int
cache_key(const struct creds *c, struct buf *ret)
{
    const char *parts[] = {profile_of(c),
                           c->options.credentials_file,
                           c->options.role_arn,
                           c->options.external_id,
                           c->imds->base_url,
                           env(c, "AWS_ACCESS_KEY_ID"),
                           env(c, "AWS_ROLE_ARN"),
                           env(c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
                           env(c, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
                           env(c, "AWS_WEB_IDENTITY_TOKEN_FILE"),
                           env(c, "AWS_SHARED_CREDENTIALS_FILE"),
                           env(c, "AWS_CONFIG_FILE"),
                           c->session->region,
                           c->session->endpoint_url};
    int rc = buf_adds(ret, "credentials");

    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(parts); i++) {
        rc = buf_addf(ret, "\n%s", parts[i] == NULL ? "" : parts[i]);
    }
    return rc;
}

/* Five lines: key, secret, token, time of expiry, source. */
static void
write_cache(const struct creds *c, const struct aws_credentials *found)
{
    OCF_BUF struct buf key = BUF_INIT(CACHE_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT_SECRET(CACHE_ENTRY_MAX);
    const char *lines[] = {buf_str(&found->access_key_id),     "\n",
                           buf_str(&found->secret_access_key), "\n",
                           buf_str(&found->session_token),     "\n"};
    int rc = cache_key(c, &key);

    if (found->expires_s == 0) {
        return; /* long-term keys are read from where they are */
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(lines); i++) {
        rc = buf_adds(&text, lines[i]);
    }
    rc = rc < 0 ? rc : buf_addf(&text, "%lld\n%s\n", (long long)found->expires_s, found->source);
    if (rc == 0) {
        cache_put(c->cache, buf_str(&key), text.data, text.len);
    }
}

static const char *
take_line(const char *text, struct buf *ret)
{
    size_t len = strcspn(text, "\n");

    return text[len] == '\n' && buf_add(ret, text, len) == 0 ? text + len + 1 : NULL;
}

static bool
parse_cached(const char *text, struct aws_credentials *ret)
{
    OCF_BUF struct buf expires = BUF_INIT(32);
    OCF_BUF struct buf source = BUF_INIT(sizeof(ret->source) - 1);
    uint64_t expires_s = 0;

    text = take_line(text, &ret->access_key_id);
    text = text == NULL ? NULL : take_line(text, &ret->secret_access_key);
    text = text == NULL ? NULL : take_line(text, &ret->session_token);
    text = text == NULL ? NULL : take_line(text, &expires);
    text = text == NULL ? NULL : take_line(text, &source);
    if (text == NULL || !param_parse_number(buf_str(&expires), &expires_s) || expires_s == 0 ||
        ret->access_key_id.len == 0 || ret->secret_access_key.len == 0) {
        return false;
    }
    ret->expires_s = (int64_t)expires_s;
    (void)snprintf(ret->source, sizeof(ret->source), "%s", buf_str(&source));
    return true;
}

static void
read_cache(struct creds *c)
{
    OCF_BUF struct buf key = BUF_INIT(CACHE_KEY_MAX);
    OCF_BUF struct buf text = BUF_INIT_SECRET(CACHE_ENTRY_MAX);
    struct aws_credentials found = AWS_CREDENTIALS_INIT;

    if (cache_key(c, &key) == 0 && cache_get(c->cache, buf_str(&key), &text) &&
        parse_cached(buf_str(&text), &found)) {
        aws_credentials_done(&c->current);
        c->current = found;
        return;
    }
    aws_credentials_done(&found);
}

/* Seconds until the credentials in hand expire; very many for those that never do. */
static int64_t
seconds_left(const struct creds *c, struct deadline d)
{
    if (c->current.access_key_id.len == 0) {
        return 0;
    }
    return c->current.expires_s == 0
               ? INT64_MAX
               : c->current.expires_s - (deadline_wall_s(d) + c->session->skew_s);
}

/* Whether what was refused is itself the outcome of a renewal, a moment ago. */
static bool
is_just_renewed(const struct creds *c, struct deadline d)
{
    return c->renewed && deadline_now_ms(d) - c->renewed_ms < RENEW_AGAIN_MS;
}

/* Whether there is nothing new to be had for those in hand, by an attempt of a moment ago. */
static bool
is_stuck(const struct creds *c, struct deadline d)
{
    return c->stuck && deadline_now_ms(d) - c->stuck_ms < RENEW_AGAIN_MS;
}

int
creds_get(void *arg, bool renew, struct deadline d, const struct aws_credentials **ret,
          struct err *e)
{
    struct creds *c = arg;
    struct aws_credentials found;
    int64_t left_s = 0;
    int rc = 0;

    if (!renew && c->current.access_key_id.len == 0) {
        read_cache(c);
    }
    left_s = seconds_left(c, d);
    if (!renew && (left_s > RENEW_BEFORE_S || (left_s > 0 && is_stuck(c, d)))) {
        *ret = &c->current;
        return 0;
    }
    if (renew && is_just_renewed(c, d)) {
        return err_set(e, ERR_CREDENTIALS, "credentials were renewed a moment ago");
    }
    rc = fetch(c, !renew && left_s > 0 ? deadline_cap(d, RENEW_ATTEMPT_MS) : d, &found, e);
    if (rc < 0 && !renew && left_s > 0) {
        log_warning("credentials expire in %lld s and cannot be renewed: %s", (long long)left_s,
                    e == NULL ? err_text(rc) : e->text);
        c->stuck = true;
        c->stuck_ms = deadline_now_ms(d);
        *ret = &c->current;
        return 0;
    }
    if (rc < 0) {
        return rc;
    }
    log_debug("credentials from %s", found.source);
    aws_credentials_done(&c->current);
    c->current = found;
    c->renewed = c->renewed || renew;
    c->renewed_ms = renew ? deadline_now_ms(d) : c->renewed_ms;
    write_cache(c, &c->current);
    *ret = &c->current;
    return 0;
}

void
creds_denied(void *arg)
{
    const struct creds *c = arg;
    OCF_BUF struct buf key = BUF_INIT(CACHE_KEY_MAX);

    if (cache_key(c, &key) == 0) {
        cache_drop(c->cache, buf_str(&key));
    }
}
