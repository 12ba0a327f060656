/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "elbv2.h"

#define ARN                                                                                        \
    "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/db/0123456789abcdef"

#define ANSWER(members)                                                                            \
    "<DescribeTargetHealthResponse "                                                               \
    "xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">"                         \
    "<DescribeTargetHealthResult><TargetHealthDescriptions>" members                               \
    "</TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>"

static void
elbv2_describe_target_health_reads_targets(void **state)
{
    struct fake *f = *state;
    struct elbv2_targets t = {0};
    struct err e = {0};

    FAKE_SCRIPT(
        f, {.status = 200,
            .answer = ANSWER("<member><HealthCheckPort>3999</HealthCheckPort><TargetHealth>"
                             "<State>healthy</State></TargetHealth><Target><Port>5432</Port>"
                             "<Id>i-0123456789abcdef0</Id></Target></member>"
                             "<member><TargetHealth><State>unhealthy</State>"
                             "<Reason>Target.Timeout</Reason>"
                             "<Description>Request timed out</Description></TargetHealth>"
                             "<Target><Port>5432</Port><Id>10.0.4.10</Id></Target></member>")});
    assert_int_equal(elbv2_describe_target_health(&f->session, ARN, &t, fake_deadline(f, 9000), &e),
                     0);
    assert_string_equal(f->requests[0].url,
                        "https://elasticloadbalancing.ap-northeast-1.amazonaws.com/");
    assert_string_equal(f->requests[0].body,
                        "Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=arn%3Aaws%3A"
                        "elasticloadbalancing%3Aap-northeast-1%3A123456789012%3Atargetgroup%2Fdb%2F"
                        "0123456789abcdef");
    assert_int_equal(t.n, 2);
    assert_string_equal(t.items[0].id, "i-0123456789abcdef0");
    assert_string_equal(t.items[0].port, "5432");
    assert_string_equal(t.items[0].state, "healthy");
    assert_string_equal(t.items[0].reason, "");
    assert_string_equal(t.items[1].id, "10.0.4.10");
    assert_string_equal(t.items[1].state, "unhealthy");
    assert_string_equal(t.items[1].reason, "Target.Timeout");
    assert_string_equal(t.items[1].description, "Request timed out");
    elbv2_targets_done(&t);
    assert_int_equal(t.n, 0);
}

static void
elbv2_describe_target_health_of_an_empty_group(void **state)
{
    struct fake *f = *state;
    struct elbv2_targets t = {.n = 7};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200, .answer = ANSWER("")});
    assert_int_equal(elbv2_describe_target_health(&f->session, ARN, &t, fake_deadline(f, 9000), &e),
                     0);
    assert_int_equal(t.n, 0);
    elbv2_targets_done(&t);
}

static void
elbv2_describe_target_health_unusable_answers_refused_untouched(void **state)
{
    static const char *const answers[] = {
        ANSWER("<member><Target><Id>i-1</Id></Target></member>"),
        ANSWER("<member><TargetHealth><State>healthy</State></TargetHealth></member>"),
        "<DescribeTargetHealthResponse><DescribeTargetHealthResult/></"
        "DescribeTargetHealthResponse>",
        "<DescribeTargetGroupsResponse/>",
    };

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct fake *f = *state;
        struct elbv2_targets t = {.n = 7};
        struct err e = {0};

        FAKE_SCRIPT(f, {.status = 200, .answer = answers[i]});
        assert_int_equal(
            elbv2_describe_target_health(&f->session, ARN, &t, fake_deadline(f, 9000), &e),
            -ERR_MALFORMED);
        assert_int_equal(t.n, 7);
        assert_null(t.items);
    }
}

static void
elbv2_describe_target_health_oversized_answer_refused(void **state)
{
    static const char member[] = "<member><Target><Id>i-1</Id></Target><TargetHealth><State>x"
                                 "</State></TargetHealth></member>";
    struct fake *f = *state;
    OCF_BUF struct buf answer = BUF_INIT(1 << 20);
    struct elbv2_targets t = {.n = 7};
    struct err e = {0};

    assert_int_equal(buf_adds(&answer, "<DescribeTargetHealthResponse><DescribeTargetHealthResult>"
                                       "<TargetHealthDescriptions>"),
                     0);
    for (unsigned i = 0; i <= ELBV2_TARGETS_MAX; i++) {
        assert_int_equal(buf_adds(&answer, member), 0);
    }
    assert_int_equal(buf_adds(&answer, "</TargetHealthDescriptions></DescribeTargetHealthResult>"
                                       "</DescribeTargetHealthResponse>"),
                     0);
    FAKE_SCRIPT(f, {.status = 200, .answer = buf_str(&answer)});
    assert_int_equal(elbv2_describe_target_health(&f->session, ARN, &t, fake_deadline(f, 9000), &e),
                     -ERR_TOO_BIG);
    assert_int_equal(t.n, 7);
}

static void
elbv2_describe_target_health_of_no_group_is_not_found(void **state)
{
    struct fake *f = *state;
    struct elbv2_targets t = {0};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 400,
                    .answer = "<ErrorResponse><Error><Code>TargetGroupNotFound</Code><Message>One "
                              "or more target groups not found</Message></Error></ErrorResponse>"});
    assert_int_equal(elbv2_describe_target_health(&f->session, ARN, &t, fake_deadline(f, 9000), &e),
                     -ERR_NOT_FOUND);
    assert_string_equal(e.aws_code, "TargetGroupNotFound");
    assert_string_equal(e.action, "elasticloadbalancing:DescribeTargetHealth");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(elbv2_describe_target_health_reads_targets),
        FAKE_TEST(elbv2_describe_target_health_of_an_empty_group),
        FAKE_TEST(elbv2_describe_target_health_unusable_answers_refused_untouched),
        FAKE_TEST(elbv2_describe_target_health_oversized_answer_refused),
        FAKE_TEST(elbv2_describe_target_health_of_no_group_is_not_found),
    };

    return cmocka_run_group_tests_name("elbv2", tests, NULL, NULL);
}
