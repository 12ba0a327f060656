/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "ec2.h"

/* Errors of AWS, and of whoever answers in its place: one read, one write and one REST call. */

FUZZ_XML_MUTATOR

static const struct aws_service rest = {.prefix = "route53",
                                        .env_name = "ROUTE_53",
                                        .version = "2013-04-01",
                                        .protocol = AWS_PROTOCOL_REST_XML};

static void
call(struct aws_call *c, const char *text, size_t len, struct buf *trace)
{
    int rc = aws_call_all(fuzz_answers(text, len), c, 1, fuzz_deadline());

    FUZZ_CHECK(c->error.code == rc);
    FUZZ_CHECK((rc == 0) == (c->answer != NULL));
    if (rc < 0) {
        fuzz_error(trace, rc, &c->error);
        /* A write that went out, and nobody knows what became of it, is not made again. */
        FUZZ_CHECK(c->write || rc != -ERR_UNCERTAIN);
        FUZZ_CHECK(!c->write || (rc != -ERR_TIMEOUT && rc != -ERR_NETWORK && rc != -ERR_TOO_BIG));
    } else {
        fuzz_say(trace, "%s\n", xmlq_name(xmlq_root(c->answer, NULL)));
    }
    aws_call_done(c);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    struct aws_call c;

    aws_call_init(&c, &ec2_service, "DescribeRouteTables");
    call(&c, text, len, trace);
    aws_call_init(&c, &ec2_service, "ReplaceRoute");
    c.write = true;
    call(&c, text, len, trace);
    aws_call_init_rest(&c, &rest, "GetChange", "GET", "/2013-04-01/change/C1?a=b");
    c.secret = true;
    call(&c, text, len, trace);
}
