/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "verdict.h"

#define OK       PCMK_OCF_OK
#define GENERIC  PCMK_OCF_UNKNOWN_ERROR
#define STOPPED  PCMK_OCF_NOT_RUNNING
#define DEGRADED PCMK_OCF_DEGRADED

/* The numbers are Pacemaker's interface: a header that changed them would change what we mean. */
static void
verdict_exit_code_numbers_are_ocf(void **state)
{
    (void)state;
    assert_int_equal(OK, 0);
    assert_int_equal(GENERIC, 1);
    assert_int_equal(PCMK_OCF_INVALID_PARAM, 2);
    assert_int_equal(PCMK_OCF_INSUFFICIENT_PRIV, 4);
    assert_int_equal(PCMK_OCF_NOT_CONFIGURED, 6);
    assert_int_equal(STOPPED, 7);
    assert_int_equal(DEGRADED, 190);
}

static void
verdict_exit_code_known_state_whatever_the_policy(void **state)
{
    static const struct {
        enum ocf_verdict v;
        int probe;
        int monitor;
    } cases[] = {
        {OCF_HERE, OK, OK},
        {OCF_SETTLING, OK, OK},
        {OCF_DEGRADED, OK, DEGRADED},
        {OCF_FAILED, GENERIC, GENERIC},
        {OCF_ELSEWHERE, STOPPED, STOPPED},
        {OCF_ABSENT, STOPPED, STOPPED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int policy = ON_UNKNOWN_DEGRADED; policy <= ON_UNKNOWN_FAIL; policy++) {
            for (int local = OCF_HERE; local <= OCF_UNKNOWN; local++) {
                assert_int_equal(verdict_exit_code(cases[i].v, OCF_OP_PROBE, local, policy),
                                 cases[i].probe);
                assert_int_equal(verdict_exit_code(cases[i].v, OCF_OP_MONITOR, local, policy),
                                 cases[i].monitor);
            }
        }
    }
}

static void
verdict_exit_code_unknown_monitor_by_policy_never_7(void **state)
{
    (void)state;
    for (int local = OCF_HERE; local <= OCF_UNKNOWN; local++) {
        assert_int_equal(verdict_exit_code(OCF_UNKNOWN, OCF_OP_MONITOR, local, ON_UNKNOWN_DEGRADED),
                         DEGRADED);
        assert_int_equal(verdict_exit_code(OCF_UNKNOWN, OCF_OP_MONITOR, local, ON_UNKNOWN_OK), OK);
        assert_int_equal(verdict_exit_code(OCF_UNKNOWN, OCF_OP_MONITOR, local, ON_UNKNOWN_FAIL),
                         GENERIC);
    }
}

static void
verdict_exit_code_unknown_probe_by_local_evidence(void **state)
{
    static const int expected[] = {
        [OCF_HERE] = OK,        [OCF_SETTLING] = OK,       [OCF_DEGRADED] = OK,
        [OCF_FAILED] = GENERIC, [OCF_ELSEWHERE] = STOPPED, [OCF_ABSENT] = STOPPED,
        [OCF_UNKNOWN] = GENERIC};

    (void)state;
    for (int policy = ON_UNKNOWN_DEGRADED; policy <= ON_UNKNOWN_FAIL; policy++) {
        for (size_t local = 0; local < ARRAY_LEN(expected); local++) {
            assert_int_equal(verdict_exit_code(OCF_UNKNOWN, OCF_OP_PROBE, local, policy),
                             expected[local]);
        }
    }
}

static void
verdict_exit_code_of_error_every_class(void **state)
{
    static const struct {
        enum err_code code;
        int exit_code;
    } cases[] = {
        {ERR_NONE, OK},
        {ERR_PARAM, PCMK_OCF_NOT_CONFIGURED},
        {ERR_PARAM_LOCAL, PCMK_OCF_INVALID_PARAM},
        {ERR_DENIED, PCMK_OCF_INSUFFICIENT_PRIV},
        {ERR_PROFILE, GENERIC},
        {ERR_NOMEM, GENERIC},
        {ERR_SYSTEM, GENERIC},
        {ERR_NO_LINK, GENERIC},
        {ERR_TLS, GENERIC},
        {ERR_NO_CREDENTIALS, GENERIC},
        {ERR_CREDENTIALS, GENERIC},
        {ERR_CLOCK_SKEW, GENERIC},
        {ERR_IMDS_DISABLED, GENERIC},
        {ERR_NOT_FOUND, GENERIC},
        {ERR_CONFLICT, GENERIC},
        {ERR_REJECTED, GENERIC},
        {ERR_THROTTLED, GENERIC},
        {ERR_RESOLVE, GENERIC},
        {ERR_CONNECT, GENERIC},
        {ERR_TIMEOUT, GENERIC},
        {ERR_NETWORK, GENERIC},
        {ERR_SERVICE, GENERIC},
        {ERR_UNCERTAIN, GENERIC},
        {ERR_TOO_BIG, GENERIC},
        {ERR_MALFORMED, GENERIC},
        {ERR_DEADLINE, GENERIC},
        {ERR_CANCELLED, GENERIC},
        {ERR_BUG, GENERIC},
    };

    (void)state;
    assert_int_equal(ARRAY_LEN(cases), ERR_CODE_END); /* none is forgotten */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(verdict_exit_code_of_error(-(int)cases[i].code), cases[i].exit_code);
    }
}

static void
verdict_name_of_each(void **state)
{
    (void)state;
    assert_string_equal(verdict_name(OCF_HERE), "HERE");
    assert_string_equal(verdict_name(OCF_SETTLING), "SETTLING");
    assert_string_equal(verdict_name(OCF_DEGRADED), "DEGRADED");
    assert_string_equal(verdict_name(OCF_ELSEWHERE), "ELSEWHERE");
    assert_string_equal(verdict_name(OCF_ABSENT), "ABSENT");
    assert_string_equal(verdict_name(OCF_UNKNOWN), "UNKNOWN");
}

static void
verdict_reason_table_of_errors(void **state)
{
    static const struct {
        const char *prefix;
        struct err e;
        const char *reason;
    } cases[] = {
        {"cannot ask AWS",
         {.code = -ERR_DENIED,
          .text = "ReplaceRoute: UnauthorizedOperation: You are not authorized to ...",
          .aws_code = "UnauthorizedOperation",
          .action = "ec2:ReplaceRoute",
          .request_id = "12345678-1234-1234-1234-123456789012"},
         "cannot ask AWS: IAM denies ec2:ReplaceRoute, request "
         "12345678-1234-1234-1234-123456789012; allow it in the IAM policy"},
        {"cannot ask AWS",
         {.code = -ERR_DENIED,
          .text = "t",
          .action = "ec2:DescribeNetworkInterfaces",
          .request_id = "12345678-1234-1234-1234-123456789012"},
         "cannot ask AWS: IAM denies ec2:DescribeNetworkInterfaces; allow it in the IAM policy"},
        {"start failed",
         {.code = -ERR_DENIED, .text = "t", .action = "ec2:ReplaceRoute"},
         "start failed: IAM denies ec2:ReplaceRoute; allow it in the IAM policy"},
        {"p", {.code = -ERR_DENIED, .text = "t"}, "p: t; allow it in the IAM policy"},
        {"p", {.code = -ERR_THROTTLED, .text = "t"}, "p: t; ask fewer times or raise the quota"},
        {"p", {.code = -ERR_CONNECT, .text = "t"}, "p: t; check network, DNS and security group"},
        {"p", {.code = -ERR_SERVICE, .text = "t"}, "p: t; check endpoint and proxy"},
        {"p", {.code = -ERR_SERVICE, .text = "t", .aws_code = "c"}, "p: t; AWS is at fault: wait"},
        {"p", {.code = -ERR_TLS, .text = "t"}, "p: t; check CA bundle, endpoint and clock"},
        {"p", {.code = -ERR_MALFORMED, .text = "t"}, "p: t; check endpoint and proxy"},
        {"p", {.code = -ERR_UNCERTAIN, .text = "t"}, "p: t; check the network"},
        {"p",
         {.code = -ERR_CREDENTIALS, .text = "t", .aws_code = "c"},
         "p: t; check role, keys and clock"},
        {"p",
         {.code = -ERR_THROTTLED, .text = "t", .request_id = "12345678-1234"},
         "p: t, request 12345678-1234; ask fewer times or raise the quota"},
        {"cannot ask AWS",
         {.code = -ERR_THROTTLED,
          .text = "DescribeRouteTables: RequestLimitExceeded: too many",
          .request_id = "12345678-1234-1234-1234-123456789012"},
         "cannot ask AWS: DescribeRouteTables: RequestLimitExceeded: too many; ask fewer times or "
         "raise the quota"},
        {"cannot ask AWS",
         {.code = -ERR_CONNECT,
          .text = "DescribeRouteTables: cannot connect: ec2.ap-northeast-1.amazonaws.com "
                  "(Failed to connect (a second time) to port 443)"},
         "cannot ask AWS: DescribeRouteTables: cannot connect: "
         "ec2.ap-northeast-1.amazonaws.com; check network, DNS and security group"},
        {"p",
         {.code = -ERR_CONNECT,
          .text =
              "a parenthesis that nothing opened, at the end of a text that is much longer than "
              "what an exit reason has room for, whatever it says)"},
         "p: a parenthesis that nothing opened, at the end of a text that is much longer than what "
         "; "
         "check network, DNS and security group"},
        {"p",
         {.code = -ERR_CONNECT, .text = "cannot connect: host (Connection refused)"},
         "p: cannot connect: host (Connection refused); check network, DNS and security group"},
        {"p", {.code = -ERR_NO_CREDENTIALS, .text = "t"}, "p: t"},
        {"p", {.code = -ERR_PARAM, .text = "t"}, "p: t"},
        {"p", {.code = -ERR_NOT_FOUND, .text = "t"}, "p: t"},
        {"p", {.code = -ERR_CANCELLED, .text = "t"}, "p: t"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char reason[VERDICT_REASON_MAX + 1];

        verdict_reason(cases[i].prefix, &cases[i].e, reason);
        assert_string_equal(reason, cases[i].reason);
    }
}

/* Every code, with texts as long as they get: within the limit, and the advice whole. */
static void
verdict_reason_long_texts_keep_the_advice(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_CODE_END; code++) {
        struct err e = {.code = -code};
        char brief[VERDICT_REASON_MAX + 1];
        char guarded[VERDICT_REASON_MAX + 1 + 8];
        const char *advice = NULL;

        (void)snprintf(e.text, sizeof(e.text), "t");
        verdict_reason("p", &e, brief);
        advice = brief + strlen("p: t");
        memset(e.text, 'x', sizeof(e.text) - 1);
        memset(e.request_id, 'r', sizeof(e.request_id) - 1);
        memset(guarded, 'G', sizeof(guarded));
        verdict_reason("cannot ask AWS", &e, guarded);
        assert_int_equal(strlen(guarded), VERDICT_REASON_MAX);
        assert_string_equal(guarded + VERDICT_REASON_MAX - strlen(advice), advice);
        assert_int_equal(guarded[VERDICT_REASON_MAX + 1], 'G');
    }
}

static void
verdict_reason_denied_long_action_keeps_the_advice(void **state)
{
    struct err e = {.code = -ERR_DENIED, .text = "t"};
    char reason[VERDICT_REASON_MAX + 1];

    (void)state;
    memset(e.action, 'a', sizeof(e.action) - 1);
    memset(e.request_id, 'r', sizeof(e.request_id) - 1);
    verdict_reason("here, but cannot ask AWS", &e, reason);
    assert_int_equal(strlen(reason), VERDICT_REASON_MAX);
    assert_non_null(strstr(reason, "; allow it in the IAM policy"));
}

/* Pacemaker puts the reason into XML: half a character would make that unreadable. */
static void
verdict_reason_cut_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        struct err e = {.code = -ERR_THROTTLED};
        char reason[VERDICT_REASON_MAX + 1];
        size_t i = 0;

        memset(e.text, 'x', shift);
        for (size_t at = shift; at + 3 < sizeof(e.text); at += 3) {
            memcpy(e.text + at, "\xe6\x9d\xb1", 3);
        }
        verdict_reason("p", &e, reason);
        assert_true(strlen(reason) <= VERDICT_REASON_MAX);
        assert_true(strlen(reason) > VERDICT_REASON_MAX - 3);
        for (i = strlen("p: ") + shift; (unsigned char)reason[i] == 0xe6; i += 3) {
            assert_memory_equal(reason + i, "\xe6\x9d\xb1", 3);
        }
        assert_string_equal(reason + i, "; ask fewer times or raise the quota");
    }
}

static void
verdict_reason_long_prefix_within_limit(void **state)
{
    struct err e = {.code = -ERR_TLS, .text = "t"};
    char prefix[1024] = "";
    char reason[VERDICT_REASON_MAX + 1];

    (void)state;
    memset(prefix, 'p', sizeof(prefix) - 1);
    verdict_reason(prefix, &e, reason);
    assert_int_equal(strlen(reason), VERDICT_REASON_MAX);
    assert_non_null(strstr(reason, "p; check CA bundle, endpoint and clock"));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_exit_code_numbers_are_ocf),
        cmocka_unit_test(verdict_exit_code_known_state_whatever_the_policy),
        cmocka_unit_test(verdict_exit_code_unknown_monitor_by_policy_never_7),
        cmocka_unit_test(verdict_exit_code_unknown_probe_by_local_evidence),
        cmocka_unit_test(verdict_exit_code_of_error_every_class),
        cmocka_unit_test(verdict_name_of_each),
        cmocka_unit_test(verdict_reason_table_of_errors),
        cmocka_unit_test(verdict_reason_long_texts_keep_the_advice),
        cmocka_unit_test(verdict_reason_denied_long_action_keeps_the_advice),
        cmocka_unit_test(verdict_reason_cut_between_characters),
        cmocka_unit_test(verdict_reason_long_prefix_within_limit),
    };

    return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
