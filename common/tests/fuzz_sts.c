/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "sts.h"

#include <time.h>

/* Credentials of STS, who we are, and the time stamps that all credentials have. */

#define ROLE "arn:aws:iam::123456789012:role/failover"

FUZZ_XML_MUTATOR

static void
assume(const char *text, size_t len, const char *web_identity_token, struct buf *trace)
{
    struct sts_role role = {.role_arn = ROLE,
                            .session_name = "ocf-aws-n1",
                            .external_id = "x",
                            .web_identity_token = web_identity_token};
    struct aws_credentials c = AWS_CREDENTIALS_INIT;
    struct err e = {0};
    int rc = sts_assume_role(fuzz_answers(text, len), &role, &c, fuzz_deadline(), &e);

    if (rc < 0) {
        FUZZ_CHECK(c.access_key_id.data == NULL && c.expires_s == 0);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(c.access_key_id.len > 0 && c.secret_access_key.len > 0);
    FUZZ_CHECK(c.expires_s != 0);
    fuzz_word(buf_str(&c.access_key_id));
    fuzz_word(buf_str(&c.secret_access_key));
    fuzz_word(buf_str(&c.session_token));
    FUZZ_CHECK(strcmp(c.source, "role " ROLE) == 0);
    fuzz_say(trace, "%s %lld\n", buf_str(&c.access_key_id), (long long)c.expires_s);
    aws_credentials_done(&c);
}

/* A time that was read is written as the same date and time of day, but for a leap second. */
static void
read_time(const char *text, struct buf *trace)
{
    int64_t t = sts_parse_time(text);
    time_t seconds = (time_t)t;
    char written[64];
    char date[32];
    struct tm tm;
    int y = 0;
    int m = 0;
    int d = 0;

    if (t == 0) {
        return;
    }
    FUZZ_CHECK(gmtime_r(&seconds, &tm) != NULL);
    FUZZ_CHECK(tm.tm_year >= -1900 && tm.tm_year <= 8100);
    FUZZ_CHECK(strftime(written, sizeof(written), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
    fuzz_say(trace, "%lld %s\n", (long long)t, written);
    FUZZ_CHECK(sscanf(text, "%d-%d-%d", &y, &m, &d) == 3);
    (void)snprintf(date, sizeof(date), "%d-%d-%d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    if (strstr(text, ":60") == NULL && strstr(text, ":61") == NULL) {
        char wanted[64];

        (void)snprintf(wanted, sizeof(wanted), "%d-%d-%d", y, m, d);
        FUZZ_CHECK(strcmp(date, wanted) == 0);
    }
    if (tm.tm_year >= -900) {
        FUZZ_CHECK(sts_parse_time(written) == t);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    OCF_BUF struct buf arn = BUF_INIT(2048);
    struct err e = {0};
    int rc = 0;

    read_time(text, trace);
    assume(text, len, NULL, trace);
    assume(text, len, "web-identity-token", trace);
    rc = sts_get_caller_identity(fuzz_answers(text, len), &arn, fuzz_deadline(), &e);
    if (rc < 0) {
        FUZZ_CHECK(arn.len == 0);
        fuzz_error(trace, rc, &e);
    } else {
        FUZZ_CHECK(arn.len > 0);
        fuzz_say(trace, "%s\n", buf_str(&arn));
    }
}
