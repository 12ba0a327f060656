/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct aws_service service = {
    .prefix = "sts", .env_name = "STS", .version = "2011-06-15", .protocol = AWS_PROTOCOL_QUERY};

/* Whether the month has the day: timegm() would make March 2 of February 30. */
static bool
is_date(const struct tm *tm)
{
    struct tm date = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};

    (void)timegm(&date);
    return date.tm_mday == tm->tm_mday;
}

int64_t
sts_parse_time(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (end == NULL || !is_date(&tm)) {
        return 0;
    }
    if (*end == '.') {
        end += 1 + strspn(end + 1, "0123456789");
    }
    return strcmp(end, "Z") == 0 || strcmp(end, "+00:00") == 0 ? (int64_t)timegm(&tm) : 0;
}

static int
read_credentials(const struct xmlq_node *n, struct aws_credentials *ret)
{
    const char *key = xmlq_text(n, "AccessKeyId");
    const char *secret = xmlq_text(n, "SecretAccessKey");
    const char *token = xmlq_text(n, "SessionToken");
    const char *expiration = xmlq_text(n, "Expiration");

    if (key == NULL || secret == NULL || token == NULL || expiration == NULL) {
        return -ERR_MALFORMED;
    }
    ret->expires_s = sts_parse_time(expiration);
    if (ret->expires_s == 0) {
        return -ERR_MALFORMED;
    }
    return aws_credentials_set(ret, key, secret, token);
}

int
sts_assume_role(struct aws_session *s, const struct sts_role *role, struct aws_credentials *ret,
                struct deadline d, struct err *e)
{
    bool web = role->web_identity_token != NULL;
    OCF_AWS_CALL struct aws_call c;
    struct aws_credentials found = AWS_CREDENTIALS_INIT;
    int rc = 0;

    aws_call_init(&c, &service, web ? "AssumeRoleWithWebIdentity" : "AssumeRole");
    c.secret = true;
    c.body.secret = true;
    c.anonymous = web;
    aws_call_param(&c, role->role_arn, "RoleArn");
    aws_call_param(&c, role->session_name, "RoleSessionName");
    if (role->external_id != NULL) {
        aws_call_param(&c, role->external_id, "ExternalId");
    }
    if (web) {
        aws_call_param(&c, role->web_identity_token, "WebIdentityToken");
    }
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0) {
        *e = c.error;
        return err_prefix(e, "%s", role->role_arn);
    }
    rc = read_credentials(
        xmlq_find(xmlq_root(c.answer, NULL), web ? "AssumeRoleWithWebIdentityResult/Credentials"
                                                 : "AssumeRoleResult/Credentials"),
        &found);
    if (rc < 0) {
        aws_credentials_done(&found);
        return err_set(e, (enum err_code) - rc, "%s: answer has no usable credentials", c.action);
    }
    (void)snprintf(found.source, sizeof(found.source), "role %.80s", role->role_arn);
    *ret = found;
    return 0;
}

int
sts_get_caller_identity(struct aws_session *s, struct buf *ret_arn, struct deadline d,
                        struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    const char *arn = NULL;
    int rc = 0;

    aws_call_init(&c, &service, "GetCallerIdentity");
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0) {
        *e = c.error;
        return rc;
    }
    arn =
        xmlq_text(xmlq_root(c.answer, "GetCallerIdentityResponse"), "GetCallerIdentityResult/Arn");
    if (arn == NULL || *arn == '\0') {
        return err_set(e, ERR_MALFORMED, "GetCallerIdentity: answer has no Arn");
    }
    rc = buf_adds(ret_arn, arn);
    return rc < 0 ? err_set(e, (enum err_code) - rc, "GetCallerIdentity: %s", err_text(rc)) : 0;
}
