/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "endpoint.h"

/* Base URLs, templates of them, and names of regions. */

static void
parse_url(const char *text, struct buf *trace)
{
    struct http_url u = {.host = "untouched"};
    struct http_url again;
    struct err e = {0};
    int rc = http_url_parse(text, &u, &e);

    if (rc < 0) {
        FUZZ_CHECK(strcmp(u.host, "untouched") == 0 && u.path == NULL && u.base == NULL);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(u.host[0] != '\0' && strnlen(u.host, sizeof(u.host)) < sizeof(u.host));
    FUZZ_CHECK(strncmp(u.base, u.tls ? "https://" : "http://", u.tls ? 8 : 7) == 0);
    FUZZ_CHECK(strcmp(u.base + (u.tls ? 8 : 7), u.host) == 0);
    FUZZ_CHECK(u.path[0] == '\0' || (u.path[0] == '/' && u.path[strlen(u.path) - 1] != '/'));
    /* It says all that is used: to whom, and how. */
    FUZZ_CHECK(http_url_parse(u.base, &again, &e) == 0);
    FUZZ_CHECK(strcmp(u.host, again.host) == 0 && u.tls == again.tls && again.path[0] == '\0');
    fuzz_say(trace, "%s %s %s\n", u.base, u.host, u.path);
    http_url_done(&u);
    http_url_done(&again);
}

static void
resolve(const char *text, struct buf *trace)
{
    static const char *const services[] = {"ec2", "sts", "route53", "elasticloadbalancing"};

    for (unsigned i = 0; i < 4 * ARRAY_LEN(services); i++) {
        struct endpoint_variant v = {.dualstack = (i & 1) != 0, .fips = (i & 2) != 0};
        struct endpoint found = {.host = "untouched"};
        struct err e = {0};
        int rc = endpoint_resolve(services[i / 4], text, v, &found, &e);

        if (rc < 0) {
            FUZZ_CHECK(strcmp(found.host, "untouched") == 0);
            fuzz_error(trace, rc, &e);
            return;
        }
        FUZZ_CHECK(found.host[strspn(found.host, "abcdefghijklmnopqrstuvwxyz0123456789-.")] ==
                   '\0');
        FUZZ_CHECK(strncmp(found.host, services[i / 4], strlen(services[i / 4])) == 0);
        FUZZ_CHECK(strchr(found.signing_region, '.') == NULL && found.signing_region[0] != '\0');
        fuzz_say(trace, "%s %s %s\n", found.host, found.signing_region, endpoint_partition(text));
    }
}

/* A call to what the user gave as endpoint_url or as region: an error, or a request that is well
 * formed, which the transport checks. */
static void
call(const char *url, const char *region, struct buf *trace)
{
    static const struct aws_service service = {
        .prefix = "ec2", .env_name = "EC2", .version = "2016-11-15"};
    struct aws_session s = *fuzz_answers("200\n<a/>", 8);
    OCF_AWS_CALL struct aws_call c;
    int rc = 0;

    s.endpoint_url = url;
    s.region = region;
    aws_call_init(&c, &service, "DescribeRouteTables");
    rc = aws_call_all(&s, &c, 1, fuzz_deadline());
    if (rc < 0) {
        fuzz_error(trace, rc, &c.error);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    (void)len;
    parse_url(text, trace);
    resolve(text, trace);
    call(NULL, text, trace);
    if (strncmp(text, "https://", 8) == 0) {
        call(text, FAKE_REGION, trace);
    }
}
