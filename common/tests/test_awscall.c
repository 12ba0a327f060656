/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "awstime.h"
#include "sigv4.h"

#include <dlfcn.h>
#include <libxml/tree.h>

#define EC2_HOST "ec2.ap-northeast-1.amazonaws.com"
#define FORM     "application/x-www-form-urlencoded; charset=utf-8"
#define FINE     "<R><return>true</return></R>"

static const struct aws_service ec2 = {
    .prefix = "ec2", .env_name = "EC2", .version = "2016-11-15", .protocol = AWS_PROTOCOL_QUERY};
static const struct aws_service route53 = {.prefix = "route53",
                                           .env_name = "ROUTE_53",
                                           .version = "2013-04-01",
                                           .protocol = AWS_PROTOCOL_REST_XML};

#define EC2_ERROR(code, message)                                                                   \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>" code             \
    "</Code><Message>" message "</Message></Error></Errors><RequestID>r</RequestID></Response>"
#define QUERY_ERROR(code, message)                                                                 \
    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender"       \
    "</Type><Code>" code "</Code><Message>" message                                                \
    "</Message></Error><RequestId>r</RequestId></ErrorResponse>"

/* The text that the last freed XML document still had: libxml2's function, and a look before. */
static char freed_text[256];

void
xmlFreeDoc(xmlDocPtr doc)
{
    void (*libxml2s)(xmlDocPtr) = NULL;
    void *found = dlsym(RTLD_NEXT, "xmlFreeDoc");

    if (doc != NULL) {
        xmlChar *text = xmlNodeGetContent((const xmlNode *)doc);

        (void)snprintf(freed_text, sizeof(freed_text), "%s", (const char *)text);
        xmlFree(text);
    }
    assert_non_null(found);
    memcpy(&libxml2s, &found, sizeof(found));
    libxml2s(doc);
}

/* One call with the session of the fixture. */
static int
call(struct fake *f, struct aws_call *c)
{
    return aws_call_all(&f->session, c, 1, fake_deadline(f, 30000));
}

static int
call_action(struct fake *f, bool write, struct err *ret)
{
    OCF_AWS_CALL struct aws_call c;
    int rc = 0;

    aws_call_init(&c, &ec2, write ? "ReplaceRoute" : "DescribeRouteTables");
    c.write = write;
    rc = call(f, &c);
    assert_int_equal(c.error.code, rc);
    assert_int_equal(c.answer != NULL, rc == 0);
    *ret = c.error;
    return rc;
}

/* --- requests ------------------------------------------------------------------------------- */

static void
awscall_query_form_is_encoded_and_answer_parsed(void **state)
{
    struct fake *f = *state;
    OCF_AWS_CALL struct aws_call c;
    const struct fake_request *q = &f->requests[0];

    aws_call_init(&c, &ec2, "DescribeRouteTables");
    aws_call_param(&c, "a b/=&+\xe6\x9d\xb1~", "Filter.%d.Name", 1);
    aws_call_param(&c, "", "Empty");
    FAKE_SCRIPT(f, {.status = 200, .answer = FINE});
    assert_int_equal(call(f, &c), 0);
    assert_string_equal(xmlq_text(xmlq_root(c.answer, "R"), "return"), "true");
    assert_string_equal(q->method, "POST");
    assert_string_equal(q->url, "https://" EC2_HOST "/");
    assert_string_equal(q->body, "Action=DescribeRouteTables&Version=2016-11-15&Filter.1.Name="
                                 "a%20b%2F%3D%26%2B%E6%9D%B1~&Empty=");
    assert_string_equal(fake_header(q, "Content-Type"), FORM);
    assert_non_null(fake_header(q, "User-Agent"));
    assert_string_equal(fake_header(q, "Expect"), ""); /* no "100-continue" */
    assert_int_equal(q->attempt_ms, 5000);
    assert_false(q->direct);
    assert_false(q->secret);
}

/* The Authorization that sigv4 makes of what was sent. */
static void
assert_signed(const struct fake_request *q, const struct sigv4_request *like, const char *key_id,
              const char *token)
{
    OCF_CLEANUP(sigv4_result_done) struct sigv4_result expected = {.token = NULL};
    const struct sigv4_header type = {"Content-Type", fake_header(q, "Content-Type")};
    struct sigv4_request r = *like;

    r.method = q->method;
    r.headers = &type;
    r.n_headers = type.value == NULL ? 0 : 1;
    r.body = q->body;
    r.body_len = strlen(q->body);
    assert_int_equal(sigv4_sign(&r,
                                &(struct sigv4_credentials){.access_key_id = key_id,
                                                            .secret_access_key = FAKE_SECRET,
                                                            .session_token = token},
                                &expected),
                     0);
    assert_string_equal(fake_header(q, "X-Amz-Date"), expected.date);
    assert_string_equal(fake_header(q, "Authorization"), buf_str(&expected.authorization));
    if (token == NULL) {
        assert_null(fake_header(q, "X-Amz-Security-Token"));
    } else {
        assert_string_equal(fake_header(q, "X-Amz-Security-Token"), token);
    }
}

static void
awscall_query_is_signed_for_its_service_and_region(void **state)
{
    struct fake *f = *state;
    struct aws_call calls[2];

    aws_call_init(&calls[0], &ec2, "DescribeRouteTables");
    aws_call_init(&calls[1], &ec2, "DescribeVpcs");
    calls[1].region = "eu-west-1";
    FAKE_SCRIPT(f, {.status = 200, .answer = FINE, .times = 2});
    assert_int_equal(aws_call_all(&f->session, calls, 2, fake_deadline(f, 30000)), 0);
    assert_signed(&f->requests[0],
                  &(struct sigv4_request){.host = EC2_HOST,
                                          .path = "/",
                                          .query = "",
                                          .service = "ec2",
                                          .region = FAKE_REGION,
                                          .time_s = FAKE_WALL_S},
                  FAKE_KEY_ID, NULL);
    assert_string_equal(f->requests[1].url, "https://ec2.eu-west-1.amazonaws.com/");
    assert_signed(&f->requests[1],
                  &(struct sigv4_request){.host = "ec2.eu-west-1.amazonaws.com",
                                          .path = "/",
                                          .query = "",
                                          .service = "ec2",
                                          .region = "eu-west-1",
                                          .time_s = FAKE_WALL_S},
                  FAKE_KEY_ID, NULL);
    aws_call_done(&calls[0]);
    aws_call_done(&calls[1]);
}

static void
awscall_rest_path_and_query_are_signed(void **state)
{
    struct fake *f = *state;
    OCF_AWS_CALL struct aws_call c;
    OCF_AWS_CALL struct aws_call post;

    aws_call_init_rest(&c, &route53, "ListResourceRecordSets", "GET",
                       "/2013-04-01/hostedzone/Z1/rrset?name=a.example.com&type=A");
    FAKE_SCRIPT(f, {.method = "GET", .status = 200, .answer = FINE},
                {.method = "POST", .status = 200, .answer = FINE});
    f->session.endpoint_url = "http://lab:8080/base/";
    assert_int_equal(call(f, &c), 0);
    assert_string_equal(f->requests[0].url, "http://lab:8080/base/2013-04-01/hostedzone/Z1/"
                                            "rrset?name=a.example.com&type=A");
    assert_null(fake_header(&f->requests[0], "Content-Type"));
    assert_signed(&f->requests[0],
                  &(struct sigv4_request){.host = "lab:8080",
                                          .path = "/base/2013-04-01/hostedzone/Z1/rrset",
                                          .query = "name=a.example.com&type=A",
                                          .service = "route53",
                                          .region = "us-east-1",
                                          .time_s = FAKE_WALL_S},
                  FAKE_KEY_ID, NULL);
    f->session.endpoint_url = NULL;
    aws_call_init_rest(&post, &route53, "ChangeResourceRecordSets", "POST", "/2013-04-01/x");
    assert_int_equal(buf_adds(&post.body, "<x/>"), 0);
    assert_int_equal(call(f, &post), 0);
    assert_string_equal(f->requests[1].url, "https://route53.amazonaws.com/2013-04-01/x");
    assert_string_equal(fake_header(&f->requests[1], "Content-Type"), "application/xml");
    assert_string_equal(f->requests[1].body, "<x/>");
}

static void
awscall_session_token_is_sent_and_signed(void **state)
{
    struct fake *f = *state;
    struct err e;

    assert_int_equal(buf_adds(&f->keys.session_token, "the-token"), 0);
    FAKE_SCRIPT(f, {.status = 200, .answer = FINE});
    assert_int_equal(call_action(f, false, &e), 0);
    assert_signed(&f->requests[0],
                  &(struct sigv4_request){.host = EC2_HOST,
                                          .path = "/",
                                          .query = "",
                                          .service = "ec2",
                                          .region = FAKE_REGION,
                                          .time_s = FAKE_WALL_S},
                  FAKE_KEY_ID, "the-token");
}

static void
awscall_anonymous_call_has_no_signature_and_asks_no_keys(void **state)
{
    struct fake *f = *state;
    OCF_AWS_CALL struct aws_call c;

    f->get_error = -ERR_NO_CREDENTIALS;
    aws_call_init(&c, &ec2, "AssumeRoleWithWebIdentity");
    c.anonymous = true;
    FAKE_SCRIPT(f, {.status = 403, .answer = QUERY_ERROR("ExpiredTokenException", "m")});
    assert_int_equal(call(f, &c), -ERR_CREDENTIALS);
    assert_int_equal(f->n_gets, 0);
    assert_null(fake_header(&f->requests[0], "Authorization"));
    assert_null(fake_header(&f->requests[0], "X-Amz-Date"));
    assert_non_null(fake_header(&f->requests[0], "Content-Type"));
}

static void
awscall_endpoint_precedence(void **state)
{
    static const struct {
        const char *name;
        const char *parameter;
        const char *service;
        const char *general;
        const char *dualstack;
        const char *fips;
        const char *url;
    } cases[] = {
        {"the table", NULL, NULL, NULL, NULL, NULL, "https://" EC2_HOST "/"},
        {"the parameter wins", "https://p:1", "http://s:2", "http://g:3", NULL, NULL,
         "https://p:1/"},
        {"then the service's variable", NULL, "http://s:2/x/", "http://g:3", NULL, NULL,
         "http://s:2/x/"},
        {"then the general one", NULL, NULL, "http://g:3", NULL, NULL, "http://g:3/"},
        {"empty is not set", NULL, "", "", NULL, NULL, "https://" EC2_HOST "/"},
        {"template", "https://{service}.{region}.vpce.example.com/{region}", NULL, NULL, NULL, NULL,
         "https://ec2.ap-northeast-1.vpce.example.com/ap-northeast-1/"},
        {"template in the environment", NULL, NULL, "http://{service}:1", NULL, NULL,
         "http://ec2:1/"},
        {"brace of nothing", "https://h/{x}", NULL, NULL, NULL, NULL, "https://h/{x}/"},
        {"dual stack", NULL, NULL, NULL, "true", NULL, "https://ec2.ap-northeast-1.api.aws/"},
        {"FIPS", NULL, NULL, NULL, NULL, "TRUE", "https://ec2-fips.ap-northeast-1.amazonaws.com/"},
        {"not true", NULL, NULL, NULL, "yes", "1", "https://" EC2_HOST "/"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e;
        size_t k = f->n_requests;

        print_message("  %s\n", cases[i].name);
        f->session.endpoint_url = cases[i].parameter;
        fake_env("AWS_ENDPOINT_URL_EC2", cases[i].service);
        fake_env("AWS_ENDPOINT_URL", cases[i].general);
        fake_env("AWS_USE_DUALSTACK_ENDPOINT", cases[i].dualstack);
        fake_env("AWS_USE_FIPS_ENDPOINT", cases[i].fips);
        FAKE_SCRIPT(f, {.status = 200, .answer = FINE});
        assert_int_equal(call_action(f, false, &e), 0);
        assert_string_equal(f->requests[k].url, cases[i].url);
    }
}

static void
awscall_bad_set_up_told_and_nothing_sent(void **state)
{
    struct fake *f = *state;
    OCF_FREE char *big = calloc(1, AWS_FORM_MAX + 1);
    OCF_AWS_CALL struct aws_call oversized;
    OCF_AWS_CALL struct aws_call long_name;
    char name[200] = "";
    char url[3000] = "https://h/";
    struct err e;

    f->session.region = "Not A Region";
    assert_int_equal(call_action(f, false, &e), -ERR_PARAM);
    assert_non_null(strstr(e.text, "Not A Region"));
    f->session.region = FAKE_REGION;
    f->session.endpoint_url = "gopher://h";
    assert_int_equal(call_action(f, false, &e), -ERR_PARAM);
    assert_non_null(strstr(e.text, "gopher://h"));
    memset(url + 10, 'x', sizeof(url) - 11);
    f->session.endpoint_url = url;
    assert_int_equal(call_action(f, false, &e), -ERR_PARAM);
    f->session.endpoint_url = NULL;
    memset(big, 'x', AWS_FORM_MAX);
    aws_call_init(&oversized, &ec2, "X");
    aws_call_param(&oversized, big, "Name");
    aws_call_param(&oversized, "v", "Other"); /* after a failure nothing is added */
    assert_int_equal(call(f, &oversized), -ERR_BUG);
    memset(name, 'n', sizeof(name) - 1);
    aws_call_init(&long_name, &ec2, "X");
    aws_call_param(&long_name, "v", "%s", name);
    assert_int_equal(call(f, &long_name), -ERR_BUG);
    assert_int_equal(f->n_requests, 0);
}

static void
awscall_keys_with_line_break_send_nothing(void **state)
{
    struct fake *f = *state;
    struct err e;

    assert_int_equal(buf_adds(&f->keys.session_token, "a\r\nX-Evil: 1"), 0);
    f->renew_error = -ERR_NO_CREDENTIALS;
    assert_int_equal(call_action(f, false, &e), -ERR_CREDENTIALS);
    assert_int_equal(f->n_requests, 0);
}

static void
awscall_no_credentials_fails_all_calls(void **state)
{
    struct fake *f = *state;
    struct aws_call both[2];

    f->get_error = -ERR_NO_CREDENTIALS;
    aws_call_init(&both[0], &ec2, "A");
    aws_call_init(&both[1], &ec2, "B");
    assert_int_equal(aws_call_all(&f->session, both, 2, fake_deadline(f, 30000)),
                     -ERR_NO_CREDENTIALS);
    assert_int_equal(both[0].error.code, -ERR_NO_CREDENTIALS);
    assert_int_equal(both[1].error.code, -ERR_NO_CREDENTIALS);
    assert_string_equal(both[1].error.text, "fake: no keys");
    aws_call_done(&both[0]);
    aws_call_done(&both[1]);
}

/* --- answers -------------------------------------------------------------------------------- */

static void
awscall_error_bodies_of_every_form(void **state)
{
    static const struct {
        const char *name;
        long status;
        const char *answer;
        int code;
        const char *aws_code;
        const char *text;
    } cases[] = {
        {"EC2", 403, EC2_ERROR("UnauthorizedOperation", "You are not authorized."), -ERR_DENIED,
         "UnauthorizedOperation",
         "DescribeRouteTables: UnauthorizedOperation: You are not authorized."},
        {"Query", 403, QUERY_ERROR("AccessDenied", "no"), -ERR_DENIED, "AccessDenied",
         "DescribeRouteTables: AccessDenied: no"},
        {"Route 53's batch", 400,
         "<?xml version=\"1.0\"?><InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/"
         "2013-04-01/\"><Messages><Message>Tried to create</Message></Messages></"
         "InvalidChangeBatch>",
         -ERR_CONFLICT, "InvalidChangeBatch",
         "DescribeRouteTables: InvalidChangeBatch: Tried to create"},
        {"no message", 400,
         "<Response><Errors><Error><Code>X.NotFound</Code></Error></Errors>"
         "</Response>",
         -ERR_NOT_FOUND, "X.NotFound", "DescribeRouteTables: X.NotFound"},
        {"message of two lines", 400, EC2_ERROR("C", "one\ntwo\tthree"), -ERR_REJECTED, "C",
         "DescribeRouteTables: C: one two three"},
        {"empty code", 400, EC2_ERROR("", "m"), -ERR_MALFORMED, "",
         "DescribeRouteTables: HTTP status 400 without an AWS error code"},
        {"empty body", 403, "", -ERR_MALFORMED, "",
         "DescribeRouteTables: HTTP status 403 without an AWS error code"},
        {"redirect", 301, "", -ERR_MALFORMED, "",
         "DescribeRouteTables: HTTP status 301 without an AWS error code"},
        {"no content", 204, "", -ERR_MALFORMED, "",
         "DescribeRouteTables: HTTP status 204 without an AWS error code"},
        {"a proxy's page that is XML", 403, "<html><body><h1>403 Forbidden</h1></body></html>",
         -ERR_MALFORMED, "", "DescribeRouteTables: HTTP status 403 without an AWS error code"},
        {"truncated", 403, "<Response><Errors><Error><Code>UnauthorizedOp", -ERR_MALFORMED, "",
         "DescribeRouteTables: HTTP status 403 without an AWS error code"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e;

        print_message("  %s\n", cases[i].name);
        FAKE_SCRIPT(f,
                    {.status = cases[i].status, .answer = cases[i].answer, .request_id = "id-1"});
        assert_int_equal(call_action(f, false, &e), cases[i].code);
        assert_string_equal(e.text, cases[i].text);
        assert_string_equal(e.aws_code, cases[i].aws_code);
        assert_string_equal(e.request_id, "id-1");
        assert_string_equal(e.action, "ec2:DescribeRouteTables");
    }
}

static void
awscall_oversized_error_texts_are_cut(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf body = BUF_INIT(65536);
    struct err e;

    assert_int_equal(buf_adds(&body, "<Response><Errors><Error><Code>"), 0);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(buf_adds(&body, "ABCDEFGHIJ"), 0);
    }
    assert_int_equal(buf_adds(&body, "</Code><Message>"), 0);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(buf_adds(&body, "0123456789"), 0);
    }
    assert_int_equal(buf_adds(&body, "</Message></Error></Errors></Response>"), 0);
    FAKE_SCRIPT(f, {.status = 400, .answer = body.data});
    assert_int_equal(call_action(f, false, &e), -ERR_REJECTED);
    assert_int_equal(strlen(e.aws_code), sizeof(e.aws_code) - 1);
    assert_true(strlen(e.text) < sizeof(e.text));
}

static void
awscall_unreadable_good_answers_refused(void **state)
{
    static const char *const answers[] = {
        "", "<R>", "502 Bad Gateway", "<!DOCTYPE R [<!ENTITY a \"b\">]><R>&a;</R>", "<a>\xff</a>"};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct err e;

        FAKE_SCRIPT(f, {.status = 200, .answer = answers[i]},
                    {.status = 200, .answer = answers[i]});
        assert_int_equal(call_action(f, false, &e), -ERR_MALFORMED);
        assert_int_equal(strncmp(e.text, "DescribeRouteTables: ", 21), 0);
        assert_int_equal(call_action(f, true, &e), -ERR_UNCERTAIN); /* a write may be done */
    }
    assert_int_equal(f->n_requests, 2 * ARRAY_LEN(answers)); /* none is repeated */
}

static void
awscall_html_502_retried_then_fine(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f, {.status = 502, .answer = "<html><hr><body>502</body></html>"},
                {.status = 502, .answer = "<html><body>502</body></html>"},
                {.status = 200, .answer = FINE});
    assert_int_equal(call_action(f, false, &e), 0);
    assert_int_equal(f->n_requests, 3);
}

static void
awscall_html_502_forever_is_service_fault_without_code(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f, {.status = 502,
                    .answer = "<html><body><h1>502 Bad Gateway</h1></body></html>",
                    .times = FAKE_ALWAYS,
                    .takes_ms = 1000});
    assert_int_equal(call_action(f, false, &e), -ERR_SERVICE);
    assert_string_equal(e.aws_code, "");
    assert_string_equal(e.text, "DescribeRouteTables: HTTP status 502 without an AWS error code");
}

static void
awscall_lost_answers_uncertain_for_writes_only(void **state)
{
    static const struct {
        const char *name;
        struct fake_rule rule;
        bool uncertain; /* for a write */
    } cases[] = {
        {"broken after sending", {.error = ERR_NETWORK, .sent = true}, true},
        {"silent", {.takes_ms = UINT64_MAX}, true},
        {"too big", {.error = ERR_TOO_BIG, .sent = true}, true},
        {"a gateway's 502", {.status = 502, .answer = "<html>502</html>"}, true},
        {"a gateway's 504 without a body", {.status = 504}, true},
        {"a fault of AWS",
         {.status = 500,
          .answer =
              "<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>"},
         false},
        {"broken before sending", {.error = ERR_NETWORK}, false},
        {"connect timed out", {.error = ERR_TIMEOUT}, false},
        {"refused", {.error = ERR_CONNECT}, false},
        {"unknown name", {.error = ERR_RESOLVE}, false},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool retried = cases[i].rule.error != ERR_TOO_BIG;
        struct err e;
        size_t k = f->n_requests;

        print_message("  %s\n", cases[i].name);
        fake_script(f, &cases[i].rule, 1);
        if (cases[i].uncertain) {
            assert_int_equal(call_action(f, true, &e), -ERR_UNCERTAIN);
            assert_int_equal(f->n_requests, k + 1);
            assert_string_equal(e.action, "ec2:ReplaceRoute");
            assert_int_equal(strncmp(e.text, "ReplaceRoute: ", 14), 0);
        } else {
            FAKE_SCRIPT(f, {.status = 200, .answer = FINE});
            assert_int_equal(call_action(f, true, &e), 0);
            assert_int_equal(f->n_requests, k + 2);
        }
        /* A read is just read again. */
        k = f->n_requests;
        fake_script(f, &cases[i].rule, 1);
        if (retried) {
            FAKE_SCRIPT(f, {.status = 200, .answer = FINE});
        }
        assert_int_equal(call_action(f, false, &e), retried ? 0 : -ERR_TOO_BIG);
        assert_int_equal(f->n_requests, k + (retried ? 2 : 1));
    }
}

static void
awscall_bad_certificate_never_retried_nor_uncertain(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f, {.error = ERR_TLS, .sent = true, .times = 2});
    assert_int_equal(call_action(f, true, &e), -ERR_TLS);
    assert_int_equal(call_action(f, false, &e), -ERR_TLS);
    assert_int_equal(f->n_requests, 2);
}

static void
awscall_throttled_then_fine_invisible(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f, {.status = 503, .answer = EC2_ERROR("RequestLimitExceeded", "m"), .times = 4},
                {.status = 200, .answer = FINE});
    assert_int_equal(call_action(f, true, &e), 0);
    assert_int_equal(f->n_requests, 5);
    assert_int_equal(f->n_renewals, 0);
}

/* libcurl would repeat a request by itself on a connection that it used before. */
static void
awscall_only_writes_go_out_on_a_fresh_connection(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f, {.status = 200, .answer = FINE, .times = 2});
    assert_int_equal(call_action(f, true, &e), 0);
    assert_int_equal(call_action(f, false, &e), 0);
    assert_true(f->requests[0].fresh);
    assert_false(f->requests[1].fresh);
}

/* --- credentials and clock ------------------------------------------------------------------ */

static void
awscall_expired_token_renewed_once_and_signed_anew(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f, {.status = 400, .answer = QUERY_ERROR("ExpiredToken", "m")},
                {.header = FAKE_NEW_KEY_ID, .status = 200, .answer = FINE});
    assert_int_equal(call_action(f, true, &e), 0);
    assert_int_equal(f->n_renewals, 1);
    assert_string_equal(fake_header(&f->requests[1], "X-Amz-Security-Token"), FAKE_NEW_TOKEN);
    assert_int_equal(f->n_sleeps, 0);
}

static void
awscall_several_refused_together_renew_once(void **state)
{
    struct fake *f = *state;
    struct aws_call calls[3];

    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        aws_call_init(&calls[i], &ec2, "DescribeRouteTables");
    }
    FAKE_SCRIPT(f, {.status = 401, .answer = EC2_ERROR("AuthFailure", "m"), .times = 3},
                {.header = FAKE_NEW_KEY_ID, .status = 200, .answer = FINE, .times = 3});
    assert_int_equal(aws_call_all(&f->session, calls, 3, fake_deadline(f, 30000)), 0);
    assert_int_equal(f->n_renewals, 1);
    assert_int_equal(f->n_waves, 2);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        aws_call_done(&calls[i]);
    }
}

static void
awscall_renewal_fails_tells_the_refusal(void **state)
{
    struct fake *f = *state;
    struct err e;

    f->renew_error = -ERR_NO_CREDENTIALS;
    FAKE_SCRIPT(f, {.status = 403, .answer = QUERY_ERROR("SignatureDoesNotMatch", "m")});
    assert_int_equal(call_action(f, false, &e), -ERR_CREDENTIALS);
    assert_string_equal(e.aws_code, "SignatureDoesNotMatch");
    assert_int_equal(f->n_requests, 1);
}

/* STS shows what it would have signed: the header lines, with the session token. */
static void
awscall_message_ends_before_what_was_sent(void **state)
{
    struct fake *f = *state;
    struct err e;

    f->renew_error = -ERR_NO_CREDENTIALS;
    FAKE_SCRIPT(f, {.status = 403,
                    .answer = QUERY_ERROR("SignatureDoesNotMatch",
                                          "\nIt does not match.\n\nThe Canonical String should "
                                          "have been\n'POST\n/\n\nx-amz-security-token:IQoJb3'")});
    assert_int_equal(call_action(f, false, &e), -ERR_CREDENTIALS);
    assert_non_null(strstr(e.text, "It does not match."));
    assert_null(strstr(e.text, "Canonical"));
    assert_null(strstr(e.text, "IQoJ"));
}

static void
awscall_skewed_clock_corrected_once_by_date(void **state)
{
    static const int64_t offsets[] = {600, -600, 86400};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        struct err e;
        size_t k = f->n_requests;
        int64_t world_s = 0;

        f->session.skew_s = 0;
        world_s = deadline_wall_s(fake_deadline(f, 1)) + offsets[i];
        FAKE_SCRIPT(f,
                    {.status = 400, .answer = EC2_ERROR("RequestExpired", "m"), .date_s = world_s},
                    {.status = 200, .answer = FINE});
        assert_int_equal(call_action(f, true, &e), 0);
        assert_int_equal(f->session.skew_s, offsets[i]);
        assert_int_equal(f->n_requests, k + 2);
        assert_signed(&f->requests[k + 1],
                      &(struct sigv4_request){.host = EC2_HOST,
                                              .path = "/",
                                              .query = "",
                                              .service = "ec2",
                                              .region = FAKE_REGION,
                                              .time_s = world_s},
                      FAKE_KEY_ID, NULL);
    }
    assert_int_equal(f->n_renewals, 0); /* the keys are good */
}

/* The first refusal tells all later actions of the node, whatever becomes of its clock. */
static void
awscall_skewed_clock_is_remembered(void **state)
{
    static const int64_t offsets[] = {600, -86400, 31557600, 0, -31557600};
    struct fake *f = *state;
    struct err e;

    f->session.cache = &f->cache;
    f->wall_off_s = -3600;
    FAKE_SCRIPT(f,
                {.status = 400, .answer = EC2_ERROR("RequestExpired", "m"), .date_s = FAKE_WALL_S},
                {.status = 200, .answer = FINE, .times = 1 + ARRAY_LEN(offsets)});
    assert_int_equal(call_action(f, true, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        f->wall_off_s = offsets[i];
        f->session.skew_s = awstime_skew(&f->cache, fake_deadline(f, 1));
        assert_int_equal(call_action(f, true, &e), 0);
        assert_int_equal(f->n_requests, 3 + i);
        assert_signed(&f->requests[2 + i],
                      &(struct sigv4_request){.host = EC2_HOST,
                                              .path = "/",
                                              .query = "",
                                              .service = "ec2",
                                              .region = FAKE_REGION,
                                              .time_s = FAKE_WALL_S},
                      FAKE_KEY_ID, NULL);
    }
}

static void
awscall_skewed_clock_of_several_corrected_once(void **state)
{
    struct fake *f = *state;
    struct aws_call calls[2];

    aws_call_init(&calls[0], &ec2, "A");
    aws_call_init(&calls[1], &ec2, "B");
    FAKE_SCRIPT(f,
                {.status = 403,
                 .answer = QUERY_ERROR("SignatureDoesNotMatch", "m"),
                 .date_s = FAKE_WALL_S + 900,
                 .times = 2},
                {.status = 200, .answer = FINE, .times = 2});
    assert_int_equal(aws_call_all(&f->session, calls, 2, fake_deadline(f, 30000)), 0);
    assert_int_equal(f->session.skew_s, 900);
    assert_int_equal(f->n_renewals, 0);
    aws_call_done(&calls[0]);
    aws_call_done(&calls[1]);
}

static void
awscall_skew_that_does_not_help_ends(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f, {.status = 403,
                    .answer = QUERY_ERROR("RequestExpired", "m"),
                    .date_s = FAKE_WALL_S + 900,
                    .times = 2});
    assert_int_equal(call_action(f, false, &e), -ERR_CREDENTIALS);
    assert_int_equal(f->n_requests, 2);
}

static void
awscall_small_difference_of_clocks_is_not_the_reason(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f,
                {.status = 403,
                 .answer = QUERY_ERROR("SignatureDoesNotMatch", "m"),
                 .date_s = FAKE_WALL_S + 200},
                {.status = 200, .answer = FINE});
    assert_int_equal(call_action(f, false, &e), 0);
    assert_int_equal(f->session.skew_s, 0);
    assert_int_equal(f->n_renewals, 1);
}

/* --- several sessions at once --------------------------------------------------------------- */

/* Where another session's credentials come from. */
struct keys {
    struct aws_credentials now;
    struct aws_credentials renewed;
    int error;        /* as returned; 0: the keys */
    uint64_t *now_ms; /* NULL, or the clock while nothing comes of it until the deadline */
    uint64_t left_ms;
    unsigned n_gets;
    unsigned n_renewals;
    unsigned n_denied;
};

static int
get_keys(void *arg, bool renew, struct deadline d, const struct aws_credentials **ret,
         struct err *e)
{
    struct keys *k = arg;

    k->n_gets++;
    k->n_renewals += renew ? 1 : 0;
    k->left_ms = deadline_left_ms(d);
    if (k->now_ms != NULL) {
        *k->now_ms += k->left_ms;
        return err_set(e, ERR_TIMEOUT, "no keys in time");
    }
    if (k->error < 0) {
        return err_set(e, (enum err_code) - k->error, "no keys there");
    }
    *ret = renew ? &k->renewed : &k->now;
    return 0;
}

static void
count_denial(void *arg)
{
    struct keys *k = arg;

    k->n_denied++;
}

static void
keys_init(struct keys *k)
{
    *k = (struct keys){.now = AWS_CREDENTIALS_INIT, .renewed = AWS_CREDENTIALS_INIT};
    assert_int_equal(buf_adds(&k->now.access_key_id, "AKIDELSEWHERE"), 0);
    assert_int_equal(buf_adds(&k->now.secret_access_key, FAKE_SECRET), 0);
    assert_int_equal(buf_adds(&k->renewed.access_key_id, "AKIDELSEWHERENEW"), 0);
    assert_int_equal(buf_adds(&k->renewed.secret_access_key, FAKE_SECRET), 0);
}

static void
keys_done(struct keys *k)
{
    aws_credentials_done(&k->now);
    aws_credentials_done(&k->renewed);
}

/* The own session, two of another account, and one of the own again, of the same kind. */
struct world {
    struct keys keys;
    struct aws_session there;
    struct aws_call calls[4];
};

static void
world_init(struct world *w, struct fake *f)
{
    keys_init(&w->keys);
    w->there = f->session;
    w->there.region = "eu-west-1";
    w->there.credentials =
        (struct aws_credentials_source){.get = get_keys, .denied = count_denial, .arg = &w->keys};
    for (size_t i = 0; i < ARRAY_LEN(w->calls); i++) {
        aws_call_init(&w->calls[i], &ec2, i % 2 == 0 ? "HereCall" : "ThereCall");
        w->calls[i].session = i % 2 == 0 ? NULL : &w->there;
    }
}

static void
world_done(struct world *w)
{
    for (size_t i = 0; i < ARRAY_LEN(w->calls); i++) {
        aws_call_done(&w->calls[i]);
    }
    keys_done(&w->keys);
}

#define WORLD OCF_CLEANUP(world_done) struct world

static int
call_world(struct fake *f, struct world *w)
{
    return aws_call_all(&f->session, w->calls, ARRAY_LEN(w->calls), fake_deadline(f, 30000));
}

static void
awscall_sessions_sign_with_their_own_keys_for_their_region(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(f,
                {.url = EC2_HOST,
                 .body = "HereCall",
                 .header = FAKE_KEY_ID "/",
                 .status = 200,
                 .answer = FINE,
                 .times = 2},
                {.url = "ec2.eu-west-1.",
                 .body = "ThereCall",
                 .header = "AKIDELSEWHERE/20261121/eu-west-1/",
                 .status = 200,
                 .answer = FINE,
                 .times = 2});
    assert_int_equal(call_world(f, &w), 0);
    assert_int_equal(f->n_waves, 1);
    assert_int_equal(f->n_gets, 1);
    assert_int_equal(w.keys.n_gets, 1);
}

static void
awscall_session_refused_is_renewed_and_the_other_untouched(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(f, {.body = "HereCall", .status = 200, .answer = FINE, .times = 2},
                {.header = "AKIDELSEWHERE/",
                 .status = 400,
                 .answer = EC2_ERROR("ExpiredToken", "m"),
                 .times = 2},
                {.header = "AKIDELSEWHERENEW/", .status = 200, .answer = FINE, .times = 2});
    assert_int_equal(call_world(f, &w), 0);
    assert_int_equal(w.keys.n_renewals, 1);
    assert_int_equal(w.there.generation, 1);
    assert_int_equal(f->n_gets, 1);
    assert_int_equal(f->session.generation, 0);
}

static void
awscall_sessions_correct_their_own_clock(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    FAKE_SCRIPT(f, {.body = "HereCall", .status = 200, .answer = FINE, .times = 2},
                {.body = "ThereCall",
                 .status = 400,
                 .answer = EC2_ERROR("RequestExpired", "m"),
                 .date_s = FAKE_WALL_S + 900,
                 .times = 2},
                {.body = "ThereCall", .status = 200, .answer = FINE, .times = 2});
    assert_int_equal(call_world(f, &w), 0);
    assert_int_equal(w.there.skew_s, 900);
    assert_int_equal(f->session.skew_s, 0);
    assert_int_equal(f->n_requests, 6);
}

static void
awscall_session_without_credentials_fails_its_own_calls_only(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    w.keys.error = -ERR_DENIED;
    FAKE_SCRIPT(f, {.body = "HereCall", .status = 200, .answer = FINE, .times = 2});
    assert_int_equal(call_world(f, &w), -ERR_DENIED);
    assert_int_equal(f->n_requests, 2);
    assert_int_equal(w.keys.n_gets, 1);
    for (size_t i = 0; i < ARRAY_LEN(w.calls); i++) {
        assert_int_equal(w.calls[i].error.code, i % 2 == 0 ? 0 : -ERR_DENIED);
        assert_int_equal(w.calls[i].answer != NULL, i % 2 == 0);
    }
    assert_string_equal(w.calls[1].error.text, "no keys there");
}

/* Who waits for credentials must not wait longer than for all the rest. */
static void
awscall_credentials_sought_as_long_as_the_most_patient_call(void **state)
{
    static const struct {
        uint64_t within_ms[2];
        uint64_t left_ms;
    } cases[] = {
        {{2000, 3000}, 3000}, {{3000, 2000}, 3000}, {{0, 2000}, 30000}, {{2000, 90000}, 30000}};
    struct fake *f = *state;

    FAKE_SCRIPT(f, {.status = 200, .answer = FINE, .times = 4 * ARRAY_LEN(cases)});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        WORLD w;

        world_init(&w, f);
        w.calls[1].within_ms = cases[i].within_ms[0];
        w.calls[3].within_ms = cases[i].within_ms[1];
        assert_int_equal(call_world(f, &w), 0);
        assert_int_equal(w.keys.left_ms, cases[i].left_ms);
    }
}

/* However many regions have roles of their own that are not to be had. */
static void
awscall_silent_credentials_cost_the_patience_for_one(void **state)
{
    struct fake *f = *state;
    uint64_t begun_ms = f->mono_ms;
    struct keys keys[3];
    struct aws_session there[ARRAY_LEN(keys)];
    struct aws_call calls[1 + ARRAY_LEN(keys)];

    aws_call_init(&calls[0], &ec2, "HereCall");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        keys_init(&keys[i]);
        keys[i].now_ms = &f->mono_ms;
        there[i] = f->session;
        there[i].credentials = (struct aws_credentials_source){.get = get_keys, .arg = &keys[i]};
        aws_call_init(&calls[1 + i], &ec2, "ThereCall");
        calls[1 + i].session = &there[i];
        calls[1 + i].within_ms = 5000;
    }
    FAKE_SCRIPT(f, {.body = "HereCall", .status = 200, .answer = FINE});
    assert_int_equal(aws_call_all(&f->session, calls, ARRAY_LEN(calls), fake_deadline(f, 30000)),
                     -ERR_TIMEOUT);
    assert_int_equal(calls[0].error.code, 0);
    assert_int_equal(f->mono_ms - begun_ms, 5000);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        assert_int_equal(keys[i].n_gets, 1); /* it may have them in its cache */
        keys_done(&keys[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        aws_call_done(&calls[i]);
    }
}

/* Two regions of one account: its keys are renewed once for both. */
static void
awscall_sessions_of_one_source_renew_once(void **state)
{
    struct fake *f = *state;
    struct aws_session second = f->session;
    struct aws_call calls[2];

    aws_call_init(&calls[0], &ec2, "HereCall");
    aws_call_init(&calls[1], &ec2, "ThereCall");
    calls[1].session = &second;
    FAKE_SCRIPT(f, {.status = 401, .answer = EC2_ERROR("AuthFailure", "m"), .times = 2},
                {.header = FAKE_NEW_KEY_ID, .status = 200, .answer = FINE, .times = 2});
    assert_int_equal(aws_call_all(&f->session, calls, 2, fake_deadline(f, 30000)), 0);
    assert_int_equal(f->n_gets, 2);
    assert_int_equal(f->n_renewals, 1);
    aws_call_done(&calls[0]);
    aws_call_done(&calls[1]);
}

/* Whose keys may do too little hears of it, and of no other failure. */
static void
awscall_denied_is_told_to_the_source(void **state)
{
    static const struct {
        int status;
        const char *answer;
        unsigned n_denied;
    } cases[] = {
        {403, EC2_ERROR("UnauthorizedOperation", "m"), 1},
        {400, EC2_ERROR("InvalidRouteTableID.NotFound", "m"), 0},
        {200, FINE, 0},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        WORLD w;

        world_init(&w, f);
        FAKE_SCRIPT(f, {.body = "HereCall", .status = 200, .answer = FINE, .times = 2},
                    {.body = "ThereCall", .status = 200, .answer = FINE},
                    {.body = "ThereCall", .status = cases[i].status, .answer = cases[i].answer});
        (void)call_world(f, &w);
        assert_int_equal(w.keys.n_denied, cases[i].n_denied);
    }
}

static void
awscall_sessions_of_one_source_without_credentials_ask_once(void **state)
{
    struct fake *f = *state;
    struct aws_session second = f->session;
    struct aws_call calls[2];

    f->get_error = -ERR_NO_CREDENTIALS;
    aws_call_init(&calls[0], &ec2, "HereCall");
    aws_call_init(&calls[1], &ec2, "ThereCall");
    calls[1].session = &second;
    assert_int_equal(aws_call_all(&f->session, calls, 2, fake_deadline(f, 30000)),
                     -ERR_NO_CREDENTIALS);
    assert_int_equal(f->n_gets, 1);
    assert_int_equal(calls[0].error.code, -ERR_NO_CREDENTIALS);
    assert_int_equal(calls[1].error.code, -ERR_NO_CREDENTIALS);
    aws_call_done(&calls[0]);
    aws_call_done(&calls[1]);
}

static void
awscall_cancelled_while_credentials_are_sought_sends_nothing(void **state)
{
    struct fake *f = *state;
    WORLD w;

    world_init(&w, f);
    w.keys.error = -ERR_CANCELLED;
    assert_int_equal(call_world(f, &w), -ERR_CANCELLED);
    assert_int_equal(f->n_requests, 0);
    assert_int_equal(w.calls[0].error.code, -ERR_CANCELLED);
}

/* A region that says nothing holds the others as long as its patience, however often it is asked.
 */
static void
awscall_silent_call_holds_the_others_no_longer_than_its_patience(void **state)
{
    struct fake *f = *state;
    uint64_t begun_ms = f->mono_ms;
    WORLD w;

    world_init(&w, f);
    w.calls[1].within_ms = 1500;
    w.calls[3].within_ms = 5000;
    FAKE_SCRIPT(f, {.body = "HereCall", .status = 200, .answer = FINE, .times = 2},
                {.body = "ThereCall", .takes_ms = UINT64_MAX},
                {.body = "ThereCall", .error = ERR_CONNECT},
                {.body = "ThereCall", .status = 200, .answer = FINE});
    assert_int_equal(call_world(f, &w), -ERR_TIMEOUT);
    assert_int_equal(w.calls[1].error.code, -ERR_TIMEOUT);
    assert_int_equal(w.calls[3].error.code, 0);
    assert_int_equal(f->requests[1].attempt_ms, 1500);
    assert_true(f->mono_ms - begun_ms < 2000); /* the pause of the other began meanwhile */
}

static void
awscall_patience_counts_attempts_and_pauses_together(void **state)
{
    struct fake *f = *state;
    OCF_AWS_CALL struct aws_call c;
    uint64_t begun_ms = f->mono_ms;

    aws_call_init(&c, &ec2, "DescribeRouteTables");
    c.within_ms = 4000;
    FAKE_SCRIPT(f, {.status = 503,
                    .answer = EC2_ERROR("RequestLimitExceeded", "m"),
                    .takes_ms = 300,
                    .times = FAKE_ALWAYS});
    assert_int_equal(call(f, &c), -ERR_THROTTLED);
    assert_true(f->n_requests > 1);
    assert_true(f->mono_ms - begun_ms <= 4000);
}

/* --- the rest ------------------------------------------------------------------------------- */

static void
awscall_cancelled_tells_so(void **state)
{
    struct fake *f = *state;
    struct err e;

    FAKE_SCRIPT(f, {.given_up = -ERR_CANCELLED});
    assert_int_equal(call_action(f, true, &e), -ERR_CANCELLED);
}

static void
awscall_secret_answer_asked_for_and_wiped(void **state)
{
    static const char answer[] = "<R><SecretAccessKey>very-secret-key</SecretAccessKey></R>";
    struct fake *f = *state;

    for (int secret = 0; secret < 2; secret++) {
        OCF_AWS_CALL struct aws_call c;

        aws_call_init(&c, &ec2, "AssumeRole");
        c.secret = secret == 1;
        FAKE_SCRIPT(f, {.status = 200, .answer = answer});
        assert_int_equal(call(f, &c), 0);
        assert_int_equal(f->requests[secret].secret, secret == 1);
        freed_text[0] = '\0';
        aws_call_done(&c);
        assert_null(c.answer);
        assert_string_equal(freed_text, secret == 1 ? "" : "very-secret-key");
    }
}

static void
awscall_no_secret_in_any_error(void **state)
{
    struct fake *f = *state;
    struct err e;

    assert_int_equal(buf_adds(&f->keys.session_token, "the-token"), 0);
    f->session.endpoint_url = "gopher://h";
    (void)!call_action(f, false, &e);
    assert_null(strstr(e.text, FAKE_SECRET));
    f->session.endpoint_url = NULL;
    FAKE_SCRIPT(f, {.error = ERR_NETWORK, .sent = true});
    (void)!call_action(f, true, &e);
    assert_null(strstr(e.text, FAKE_SECRET));
    assert_null(strstr(e.text, "the-token"));
}

/* Facts of the services, class by class. */
static void
aws_classify_every_known_code(void **state)
{
    static const struct {
        enum err_class class;
        const char *codes[16];
    } cases[] = {
        {ERR_CLASS_THROTTLED,
         {"RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException",
          "RequestThrottled", "TooManyRequestsException", "SlowDown", "BandwidthLimitExceeded",
          "EC2ThrottledException", "PriorRequestNotComplete"}},
        {ERR_CLASS_TRANSIENT,
         {"InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable", "RequestTimeout",
          "IDPCommunicationError"}},
        {ERR_CLASS_AUTH,
         {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed",
          "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure",
          "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature",
          "MissingAuthenticationToken"}},
        {ERR_CLASS_DENIED,
         {"UnauthorizedOperation", "Client.UnauthorizedOperation", "AccessDenied",
          "AccessDeniedException", "OptInRequired"}},
        {ERR_CLASS_NOT_FOUND,
         {"NoSuchHostedZone", "NoSuchChange", "TargetGroupNotFound", "InvalidRouteTableID.NotFound",
          "InvalidNetworkInterfaceID.NotFound", "InvalidVpcID.NotFound",
          "InvalidTransitGatewayID.NotFound", "InvalidTransitGatewayAttachmentID.NotFound",
          "InvalidRoute.NotFound", "X.NotFound"}},
        {ERR_CLASS_CONFLICT,
         {"IncorrectState", "InvalidChangeBatch", "Resource.AlreadyAssociated",
          "RouteAlreadyExists", "InvalidParameterValue", "NotFound", ".NotFound",
          "DryRunOperation"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t k = 0; k < ARRAY_LEN(cases[i].codes) && cases[i].codes[k] != NULL; k++) {
            print_message("  %s\n", cases[i].codes[k]);
            assert_int_equal(err_class(-(int)aws_classify(cases[i].codes[k], 400)), cases[i].class);
        }
    }
}

static void
aws_classify_by_status_without_a_known_code(void **state)
{
    static const struct {
        const char *aws_code;
        long status;
        enum err_code code;
    } cases[] = {
        {"", 200, ERR_NONE},
        {"", 429, ERR_THROTTLED},
        {"X", 429, ERR_THROTTLED},
        {"", 500, ERR_SERVICE},
        {"", 502, ERR_SERVICE},
        {"", 503, ERR_SERVICE},
        {"", 504, ERR_SERVICE},
        {"X", 500, ERR_SERVICE},
        {"X", 400, ERR_REJECTED},
        {"X", 412, ERR_REJECTED},
        {"", 400, ERR_MALFORMED},
        {"", 404, ERR_MALFORMED},
        {"", 302, ERR_MALFORMED},
        {"", 100, ERR_MALFORMED},
        {"", 0, ERR_MALFORMED},
        {"Throttling", 400, ERR_THROTTLED},
        {"throttling", 400, ERR_REJECTED},
        {"AccessDenied", 503, ERR_DENIED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(aws_classify(cases[i].aws_code, cases[i].status), cases[i].code);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(awscall_query_form_is_encoded_and_answer_parsed),
        FAKE_TEST(awscall_query_is_signed_for_its_service_and_region),
        FAKE_TEST(awscall_rest_path_and_query_are_signed),
        FAKE_TEST(awscall_session_token_is_sent_and_signed),
        FAKE_TEST(awscall_anonymous_call_has_no_signature_and_asks_no_keys),
        FAKE_TEST(awscall_endpoint_precedence),
        FAKE_TEST(awscall_bad_set_up_told_and_nothing_sent),
        FAKE_TEST(awscall_keys_with_line_break_send_nothing),
        FAKE_TEST(awscall_no_credentials_fails_all_calls),
        FAKE_TEST(awscall_error_bodies_of_every_form),
        FAKE_TEST(awscall_oversized_error_texts_are_cut),
        FAKE_TEST(awscall_unreadable_good_answers_refused),
        FAKE_TEST(awscall_html_502_retried_then_fine),
        FAKE_TEST(awscall_html_502_forever_is_service_fault_without_code),
        FAKE_TEST(awscall_lost_answers_uncertain_for_writes_only),
        FAKE_TEST(awscall_bad_certificate_never_retried_nor_uncertain),
        FAKE_TEST(awscall_throttled_then_fine_invisible),
        FAKE_TEST(awscall_only_writes_go_out_on_a_fresh_connection),
        FAKE_TEST(awscall_expired_token_renewed_once_and_signed_anew),
        FAKE_TEST(awscall_several_refused_together_renew_once),
        FAKE_TEST(awscall_renewal_fails_tells_the_refusal),
        FAKE_TEST(awscall_message_ends_before_what_was_sent),
        FAKE_TEST(awscall_skewed_clock_corrected_once_by_date),
        FAKE_TEST(awscall_skewed_clock_is_remembered),
        FAKE_TEST(awscall_skewed_clock_of_several_corrected_once),
        FAKE_TEST(awscall_skew_that_does_not_help_ends),
        FAKE_TEST(awscall_small_difference_of_clocks_is_not_the_reason),
        FAKE_TEST(awscall_sessions_sign_with_their_own_keys_for_their_region),
        FAKE_TEST(awscall_session_refused_is_renewed_and_the_other_untouched),
        FAKE_TEST(awscall_sessions_correct_their_own_clock),
        FAKE_TEST(awscall_session_without_credentials_fails_its_own_calls_only),
        FAKE_TEST(awscall_credentials_sought_as_long_as_the_most_patient_call),
        FAKE_TEST(awscall_sessions_of_one_source_renew_once),
        FAKE_TEST(awscall_denied_is_told_to_the_source),
        FAKE_TEST(awscall_sessions_of_one_source_without_credentials_ask_once),
        FAKE_TEST(awscall_cancelled_while_credentials_are_sought_sends_nothing),
        FAKE_TEST(awscall_silent_credentials_cost_the_patience_for_one),
        FAKE_TEST(awscall_silent_call_holds_the_others_no_longer_than_its_patience),
        FAKE_TEST(awscall_patience_counts_attempts_and_pauses_together),
        FAKE_TEST(awscall_cancelled_tells_so),
        FAKE_TEST(awscall_secret_answer_asked_for_and_wiped),
        FAKE_TEST(awscall_no_secret_in_any_error),
        FAKE_TEST(aws_classify_every_known_code),
        FAKE_TEST(aws_classify_by_status_without_a_known_code),
    };

    return cmocka_run_group_tests_name("awscall", tests, NULL, NULL);
}
