/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "awsparam.h"

struct params {
    const char *string;
    const char *name;
    const char *url;
    bool boolean;
    uint64_t duration;
    uint64_t unbounded;
    uint16_t port;
    struct addr address;
    char id[AWS_ID_MAX];
    struct param_addresses addresses;
    struct param_addresses optional;
    struct param_addresses cidrs;
    struct param_ids ids;
    struct param_ids regions;
    struct param_roles roles;
    int choice;
};

#define ROW(name_, type_, member, ...)                                                             \
    {                                                                                              \
        .name = (name_), .type = (type_), .offset = offsetof(struct params, member), __VA_ARGS__   \
    }

enum {
    STRING,
    NAME,
    URL,
    BOOLEAN,
    DURATION,
    UNBOUNDED,
    PORT,
    ADDRESS,
    ADDRESS4,
    ID_ONE,
    ADDRESSES,
    OPTIONAL,
    CIDRS,
    IDS,
    REGIONS,
    ROLES,
    CHOICE
};

static const struct param rows[] = {
    [STRING] = ROW("string", PARAM_STRING, string, .max = 8),
    [NAME] = ROW("name", PARAM_STRING, name, .flags = PARAM_REQUIRED),
    [URL] = ROW("endpoint_url", PARAM_URL, url, .flags = 0),
    [BOOLEAN] = ROW("boolean", PARAM_BOOLEAN, boolean, .initial = "true"),
    [DURATION] =
        ROW("api_timeout", PARAM_DURATION, duration, .initial = "5s", .min = 100, .max = 60000),
    [UNBOUNDED] = ROW("unbounded", PARAM_DURATION, unbounded, .min = 1000),
    [PORT] = ROW("port", PARAM_PORT, port, .initial = "80"),
    [ADDRESS] = ROW("bind", PARAM_ADDRESS, address, .flags = 0),
    [ADDRESS4] = ROW("public_ip", PARAM_ADDRESS, address, .allowed = "IPv4"),
    [ID_ONE] = ROW("allocation_id", PARAM_ID, id, .allowed = "eipalloc"),
    [ADDRESSES] = ROW("ip", PARAM_ADDRESSES, addresses, .flags = PARAM_REQUIRED,
                      .shortdesc = {"Virtual IP addresses", ""}),
    [OPTIONAL] = ROW("more", PARAM_ADDRESSES, optional, .flags = 0),
    [CIDRS] = ROW("cidr_routes", PARAM_CIDRS, cidrs, .flags = 0),
    [IDS] = ROW("route_tables", PARAM_IDS, ids, .allowed = "rtb"),
    [REGIONS] = ROW("regions", PARAM_REGIONS, regions, .flags = 0),
    [ROLES] = ROW("role_arn", PARAM_ROLES, roles, .flags = 0),
    [CHOICE] = ROW("on_unknown", PARAM_CHOICE, choice, .allowed = "degraded|ok|fail"),
    {0},
};

static const struct param_table tables[] = {{rows, 0}, {0}};

static int
set(int row, const char *value, struct params *p, struct err *e)
{
    *p = (struct params){.choice = -1};
    return param_set(&rows[row], value, p, e);
}

#define LONG_64  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define ADDR     "IPv4 or IPv6 addresses like 10.1.0.10, without a prefix length"
#define CIDR     "networks like 192.168.0.0/24 or 2001:db8::/64, host bits zero"
#define ID       "ids like rtb-0123456789abcdef0, at most 200"
#define BASE_URL "http://HOST[:PORT][/PATH] or https://..."
#define TIME     "a duration like 5s, 500ms or 2min, 100ms to 60s"

static void
param_set_bad_values_exact_message(void **state)
{
    static const struct {
        int row;
        const char *value;
        const char *shown; /* NULL: the value */
        const char *allowed;
    } cases[] = {
        {STRING, "123456789", NULL, "a text of at most 8 characters"},
        {STRING, "a\nb", "a b", "a text without control characters"},
        {STRING, "a\x7f", "a ", "a text without control characters"},
        {NAME, "", NULL, "a text that is not empty"},
        {URL, "ec2.example.com", NULL, BASE_URL},
        {URL, "ftp://host", NULL, BASE_URL},
        {URL, "https://", NULL, BASE_URL},
        {URL, "https://host/?x", NULL, BASE_URL},
        {URL, "https://host/#x", NULL, BASE_URL},
        {URL, "https://user@host", "...@host", BASE_URL},
        {URL, "http://user:secret@proxy:3128", "...@proxy:3128", BASE_URL},
        {URL, "user:se@cret@proxy", "...@proxy", BASE_URL},
        {URL, "https://ho st", NULL, BASE_URL},
        {URL, "HTTPS//host", NULL, BASE_URL},
        {BOOLEAN, "maybe", NULL, "true or false"},
        {BOOLEAN, "", NULL, "true or false"},
        {BOOLEAN, "2", NULL, "true or false"},
        {BOOLEAN, "true ", NULL, "true or false"},
        {DURATION, "-1", NULL, TIME},
        {DURATION, "", NULL, TIME},
        {DURATION, "5x", NULL, TIME},
        {DURATION, "5 s", NULL, TIME},
        {DURATION, " 5", NULL, TIME},
        {DURATION, "1.5s", NULL, TIME},
        {DURATION, "99ms", NULL, TIME},
        {DURATION, "0", NULL, TIME},
        {DURATION, "61s", NULL, TIME},
        {DURATION, "60001ms", NULL, TIME},
        {DURATION, "18446744073709551616", NULL, TIME},
        {DURATION, "s", NULL, TIME},
        {UNBOUNDED, "999ms", NULL, "a duration like 5s, 500ms or 2min, at least 1000ms"},
        {PORT, "0", NULL, "a port, 1 to 65535"},
        {PORT, "65536", NULL, "a port, 1 to 65535"},
        {PORT, "80 ", NULL, "a port, 1 to 65535"},
        {PORT, "-80", NULL, "a port, 1 to 65535"},
        {PORT, "0x50", NULL, "a port, 1 to 65535"},
        {PORT, "http", NULL, "a port, 1 to 65535"},
        {PORT, "99999999999999999999", NULL, "a port, 1 to 65535"},
        {ADDRESS, "", NULL, "one IPv4 or IPv6 address like 10.1.0.10"},
        {ADDRESS, "10.1.0.10/32", NULL, "one IPv4 or IPv6 address like 10.1.0.10"},
        {ADDRESS, "10.1.0.10 10.1.0.11", NULL, "one IPv4 or IPv6 address like 10.1.0.10"},
        {ADDRESS4, "2001:db8::1", NULL, "one IPv4 address like 10.1.0.10"},
        {ID_ONE, "", NULL, "one id like eipalloc-0123456789abcdef0"},
        {ID_ONE, "eipassoc-0123456789abcdef0", NULL, "one id like eipalloc-0123456789abcdef0"},
        {ID_ONE, "eipalloc-01234567,", NULL, "one id like eipalloc-0123456789abcdef0"},
        {ID_ONE, "eipalloc-0123456789abcdef00123456789abcdef0", NULL,
         "one id like eipalloc-0123456789abcdef0"},
        {ADDRESSES, "", NULL, ADDR},
        {ADDRESSES, " , ", NULL, ADDR},
        {ADDRESSES, "10.1.0", NULL, ADDR},
        {ADDRESSES, "10.1.0.10/24", NULL, ADDR},
        {ADDRESSES, "10.1.0.256", NULL, ADDR},
        {ADDRESSES, "10.1.0.010", NULL, ADDR},
        {ADDRESSES, "10.1.0.10;10.1.0.11", NULL, ADDR},
        {ADDRESSES, "10.1.0.10 10.1.0.x", NULL, ADDR},
        {ADDRESSES, "fe80::1%eth0", NULL, ADDR},
        {ADDRESSES, LONG_64, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", ADDR},
        {ADDRESSES, "10.1.0.10 10.1.0.10", NULL, "each address once"},
        {ADDRESSES, "2001:db8::1 2001:DB8:0::1", NULL, "each address once"},
        {CIDRS, "192.168.0.0", NULL, CIDR},
        {CIDRS, "192.168.0.1/24", NULL, CIDR},
        {CIDRS, "192.168.0.0/33", NULL, CIDR},
        {CIDRS, "192.168.0.0/24 192.168.0.0/24", NULL, "each address once"},
        {IDS, "rtb-xyz", NULL, ID},
        {IDS, "rtb-0123456789abcdef", NULL, ID},   /* 16 digits */
        {IDS, "rtb-0123456789abcdef01", NULL, ID}, /* 18 digits */
        {IDS, "eni-0123456789abcdef0", NULL, ID},
        {IDS, "rtb-0123456789ABCDEF0", NULL, ID},
        {IDS, "rtb", NULL, ID},
        {IDS, LONG_64, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", ID},
        {IDS, "rtb-01234567 rtb-01234567", NULL, "each id once"},
        {CHOICE, "maybe", NULL, "degraded or ok or fail"},
        {CHOICE, "", NULL, "degraded or ok or fail"},
        {CHOICE, "degrade", NULL, "degraded or ok or fail"},
        {CHOICE, "degraded|ok", NULL, "degraded or ok or fail"},
        {CHOICE, "OK", NULL, "degraded or ok or fail"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct params untouched = {.choice = -1};
        struct params p;
        struct err e = {0};
        char expected[ERR_TEXT_MAX];

        (void)snprintf(expected, sizeof(expected), "%s=\"%s\": allowed is %s",
                       rows[cases[i].row].name,
                       cases[i].shown == NULL ? cases[i].value : cases[i].shown, cases[i].allowed);
        assert_int_equal(set(cases[i].row, cases[i].value, &p, &e), -ERR_PARAM);
        assert_string_equal(e.text, expected);
        assert_int_equal(e.code, -ERR_PARAM);
        assert_memory_equal(&p, &untouched, offsetof(struct params, addresses));
        assert_int_equal(p.addresses.n + p.cidrs.n + p.ids.n, 0);
        assert_int_equal(p.choice, -1);
    }
}

static void
param_set_cut_value_stays_utf8(void **state)
{
    struct params p;
    struct err e = {0};
    char value[100];

    (void)state;
    (void)snprintf(value, sizeof(value), "%s",
                   "x\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82"
                   "\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82"
                   "\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82"
                   "\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82"
                   "\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82\xe3\x81\x82"
                   "\xe3\x81\x82\xe3\x81\x82");
    assert_int_equal(set(ADDRESSES, value, &p, &e), -ERR_PARAM);
    /* Sixty bytes would end inside the twentieth character; 58 end behind the nineteenth. */
    value[58] = '\0';
    assert_non_null(strstr(e.text, value));
    assert_non_null(strstr(e.text, "\x82\": allowed is "));
}

static void
param_set_booleans(void **state)
{
    static const struct {
        const char *value;
        bool expected;
    } cases[] = {{"true", true}, {"yes", true}, {"on", true},     {"y", true},   {"1", true},
                 {"TRUE", true}, {"Yes", true}, {"false", false}, {"no", false}, {"off", false},
                 {"n", false},   {"0", false},  {"FALSE", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct params p = {.boolean = !cases[i].expected};

        assert_int_equal(param_set(&rows[BOOLEAN], cases[i].value, &p, NULL), 0);
        assert_int_equal(p.boolean, cases[i].expected);
    }
}

static void
param_parse_duration_units_in_ms(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"0", 0},         {"10", 10000},    {"10s", 10000},
        {"10sec", 10000}, {"500ms", 500},   {"500msec", 500},
        {"2m", 120000},   {"2min", 120000}, {"1h", 3600000},
        {"1hr", 3600000}, {"007", 7000},    {"18446744073709551ms", 18446744073709551},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t ms = 1;

        assert_true(param_parse_duration(cases[i].text, &ms));
        assert_int_equal(ms, cases[i].ms);
    }
}

static void
param_parse_duration_overflow_refused_untouched(void **state)
{
    static const char *const texts[] = {"18446744073709551615",
                                        "18446744073709551615h",
                                        "5124095576031h",
                                        "99999999999999999999ms",
                                        "-0",
                                        "+1",
                                        "1S",
                                        "1d",
                                        "1 ",
                                        "1s1s"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint64_t ms = 42;

        assert_false(param_parse_duration(texts[i], &ms));
        assert_int_equal(ms, 42);
    }
}

static void
param_set_good_values_fill_the_struct(void **state)
{
    struct params p;
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(set(STRING, "12345678", &p, NULL), 0);
    assert_string_equal(p.string, "12345678");
    assert_int_equal(set(STRING, "\xe6\x9d\xb1", &p, NULL), 0);
    assert_int_equal(set(URL, "https://{service}.example.com:8443/{region}", &p, NULL), 0);
    assert_int_equal(set(URL, "http://[fd00:ec2::254]", &p, NULL), 0);
    assert_int_equal(set(DURATION, "100ms", &p, NULL), 0);
    assert_int_equal(p.duration, 100);
    assert_int_equal(set(DURATION, "1min", &p, NULL), 0);
    assert_int_equal(p.duration, 60000);
    assert_int_equal(set(UNBOUNDED, "1000h", &p, NULL), 0);
    assert_int_equal(set(PORT, "65535", &p, NULL), 0);
    assert_int_equal(p.port, 65535);
    assert_int_equal(set(CHOICE, "fail", &p, NULL), 0);
    assert_int_equal(p.choice, ON_UNKNOWN_FAIL);
    assert_int_equal(set(CHOICE, "degraded", &p, NULL), 0);
    assert_int_equal(p.choice, ON_UNKNOWN_DEGRADED);
    assert_int_equal(set(ADDRESSES, "10.1.0.10,10.1.0.1\t2001:db8::1\n", &p, NULL), 0);
    assert_int_equal(p.addresses.n, 3);
    assert_string_equal(addr_cidr_text(&p.addresses.items[2], text), "2001:db8::1/128");
    assert_int_equal(set(OPTIONAL, "", &p, NULL), 0);
    assert_int_equal(p.optional.n, 0);
    assert_int_equal(set(CIDRS, "192.168.0.0/24 192.168.0.0/25 0.0.0.0/0", &p, NULL), 0);
    assert_int_equal(p.cidrs.n, 3);
    assert_int_equal(set(IDS, "rtb-01234567, rtb-0123456789abcdef0", &p, NULL), 0);
    assert_int_equal(p.ids.n, 2);
    assert_string_equal(p.ids.items[1], "rtb-0123456789abcdef0");
    assert_int_equal(set(IDS, "", &p, NULL), 0);
    assert_int_equal(p.ids.n, 0);
    assert_int_equal(set(REGIONS, "ap-northeast-1,us-gov-west-1 eusc-de-east-1", &p, NULL), 0);
    assert_int_equal(p.regions.n, 3);
    assert_string_equal(p.regions.items[1], "us-gov-west-1");
}

static void
param_set_lists_at_and_over_their_limit(void **state)
{
    OCF_BUF struct buf addresses = BUF_INIT(65536);
    OCF_BUF struct buf ids = BUF_INIT(65536);
    struct params p;
    struct err e = {0};

    (void)state;
    for (int i = 0; i < PARAM_LIST_MAX; i++) {
        assert_int_equal(buf_addf(&addresses, "10.1.0.%d ", i), 0);
    }
    assert_int_equal(set(ADDRESSES, buf_str(&addresses), &p, &e), 0);
    assert_int_equal(p.addresses.n, PARAM_LIST_MAX);
    assert_int_equal(buf_adds(&addresses, "10.2.0.1"), 0);
    assert_int_equal(set(ADDRESSES, buf_str(&addresses), &p, &e), -ERR_PARAM);
    assert_non_null(strstr(e.text, "allowed is a list of at most 32"));
    for (int i = 0; i < PARAM_IDS_MAX; i++) {
        assert_int_equal(buf_addf(&ids, "rtb-%08x ", (unsigned)i), 0);
    }
    assert_int_equal(set(IDS, buf_str(&ids), &p, &e), 0);
    assert_int_equal(p.ids.n, PARAM_IDS_MAX);
    assert_int_equal(buf_adds(&ids, "rtb-ffffffff"), 0);
    assert_int_equal(set(IDS, buf_str(&ids), &p, &e), -ERR_PARAM);
    assert_non_null(strstr(e.text, ID));
}

static void
param_set_bad_regions_exact_message(void **state)
{
    static const char *const bad[] = {
        "tokyo",
        "ap-northeast-1a",
        "ap-northeast",
        "ap-1",
        "AP-northeast-1",
        "ap--1",
        "-ap-northeast-1",
        "ap-northeast-1-",
        "ap-northeast-1 osaka",
        "ap-northeastnortheastnortheast-1", /* a letter too long */
        "ap-northeastnortheastnortheastnortheastnortheast-1",
    };
    char text[ERR_TEXT_MAX];
    struct params p;
    struct err e = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        (void)snprintf(text, sizeof(text),
                       "regions=\"%s\": not a region name; allowed are names such as "
                       "ap-northeast-1",
                       bad[i]);
        assert_int_equal(set(REGIONS, bad[i], &p, &e), -ERR_PARAM);
        assert_string_equal(e.text, text);
        assert_int_equal(p.regions.n, 0);
    }
    assert_int_equal(set(REGIONS, "ap-northeast-1 ap-northeast-1", &p, &e), -ERR_PARAM);
    assert_non_null(strstr(e.text, "allowed is each region once"));
}

#define ROLE(name) "arn:aws:iam::123456789012:role/" name

static void
param_set_roles_of_regions(void **state)
{
    static const struct {
        const char *value;
        const char *tokyo;
        const char *osaka;
    } cases[] = {
        {"", NULL, NULL},
        {ROLE("all"), ROLE("all"), ROLE("all")},
        {"ap-northeast-1=" ROLE("a"), ROLE("a"), NULL},
        {"ap-northeast-1=" ROLE("a") ", ap-northeast-3=" ROLE("b"), ROLE("a"), ROLE("b")},
        {"ap-northeast-1=" ROLE("a") "\n" ROLE("c"), ROLE("a"), ROLE("c")},
        {ROLE("c") ",ap-northeast-3=" ROLE("b"), ROLE("c"), ROLE("b")},
        {"arn:aws-us-gov:iam::123456789012:role/p/q/a=b+@._-c",
         "arn:aws-us-gov:iam::123456789012:"
         "role/p/q/a=b+@._-c",
         "arn:aws-us-gov:iam::123456789012:role/p/q/a=b+@._-c"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const expected[] = {cases[i].tokyo, cases[i].osaka};
        static const char *const regions[] = {"ap-northeast-1", "ap-northeast-3"};
        struct params p;

        print_message("  %s\n", cases[i].value);
        assert_int_equal(set(ROLES, cases[i].value, &p, NULL), 0);
        for (size_t k = 0; k < 2; k++) {
            const char *found = param_role(&p.roles, regions[k]);

            assert_int_equal(found == NULL, expected[k] == NULL);
            assert_true(found == NULL || strcmp(found, expected[k]) == 0);
        }
    }
}

#define FORM "ARN or REGION=ARN of a role, like arn:aws:iam::123456789012:role/NAME"

/* The word that is wrong is shown, not the list it is in. */
static void
param_set_bad_roles_exact_message(void **state)
{
    static const struct {
        const char *value;
        const char *shown;
        const char *allowed;
    } cases[] = {
        {"my-role", "my-role", FORM},
        {ROLE("") "x arn:aws:iam::12345:role/x", "arn:aws:iam::12345:role/x", FORM},
        {"arn:aws:iam::1234567890123:role/x", "arn:aws:iam::1234567890123:role/x", FORM},
        {"arn:aws:iam::123456789012:user/x", "arn:aws:iam::123456789012:user/x", FORM},
        {"arn:gcp:iam::123456789012:role/x", "arn:gcp:iam::123456789012:role/x", FORM},
        {"arn:aws:sts::123456789012:role/x", "arn:aws:sts::123456789012:role/x", FORM},
        {ROLE(""), ROLE(""), FORM},
        {ROLE("path/"), ROLE("path/"), FORM},
        {ROLE("r\xc3\xb6le"), ROLE("r\xc3\xb6le"), FORM},
        {"tokyo=" ROLE("x"), "tokyo=" ROLE("x"), FORM},
        {"=" ROLE("x"), "=" ROLE("x"), FORM},
        {"ap-northeast-1=", "ap-northeast-1=", FORM},
        {"ap-northeast-1", "ap-northeast-1", FORM},
        {"ap-northeastnortheastnortheastnortheastnorth-1=x",
         "ap-northeastnortheastnortheastnortheastnorth-1=x", FORM},
        {"ap-northeast-1=" ROLE("a") " ap-northeast-1=" ROLE("a"), "ap-northeast-1=" ROLE("a"),
         "each region once"},
        {ROLE("a") " " ROLE("b"), ROLE("b"), "one ARN without a region"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[ERR_TEXT_MAX];
        struct err e = {0};
        struct params p;

        (void)snprintf(text, sizeof(text), "role_arn=\"%s\": allowed is %s", cases[i].shown,
                       cases[i].allowed);
        assert_int_equal(set(ROLES, cases[i].value, &p, &e), -ERR_PARAM);
        assert_string_equal(e.text, text);
        assert_int_equal(p.roles.n, 0);
    }
}

static void
param_set_roles_bounded_in_number_and_length(void **state)
{
    char list[PARAM_ROLES_MAX * 80 + 80] = "";
    char arn[PARAM_ARN_MAX + 64];
    size_t len = 0;
    struct params p;

    (void)state;
    for (unsigned i = 0; i < PARAM_ROLES_MAX; i++) {
        len +=
            (size_t)snprintf(list + len, sizeof(list) - len, "us-east-%u=" ROLE("r%u") " ", i, i);
    }
    assert_int_equal(set(ROLES, list, &p, NULL), 0);
    assert_int_equal(p.roles.n, PARAM_ROLES_MAX);
    assert_string_equal(param_role(&p.roles, "us-east-39"), ROLE("r39"));
    (void)snprintf(list + len, sizeof(list) - len, ROLE("one-more"));
    assert_int_equal(set(ROLES, list, &p, NULL), -ERR_PARAM);
    for (size_t size = PARAM_ARN_MAX; size <= sizeof(arn); size += 32) {
        memset(arn, 'x', sizeof(arn));
        memcpy(arn, ROLE(""), strlen(ROLE("")));
        arn[size - 1] = '\0';
        assert_int_equal(set(ROLES, arn, &p, NULL), size == PARAM_ARN_MAX ? 0 : -ERR_PARAM);
    }
}

static void
param_load_defaults_and_environment(void **state)
{
    struct params p = {.string = NULL};
    struct err e = {0};

    (void)state;
    fake_env("OCF_RESKEY_ip", "10.1.0.10");
    fake_env("OCF_RESKEY_name", "n");
    fake_env("OCF_RESKEY_port", ""); /* as good as not set */
    fake_env("OCF_RESKEY_on_unknown", "ok");
    assert_int_equal(param_load(tables, fake_getenv, &p, &e), 0);
    assert_int_equal(p.addresses.n, 1);
    assert_int_equal(p.port, 80);
    assert_int_equal(p.duration, 5000);
    assert_true(p.boolean);
    assert_int_equal(p.choice, ON_UNKNOWN_OK);
    assert_null(p.string);
    assert_null(p.url);
}

static void
param_load_required_missing_or_empty_refused(void **state)
{
    struct params p = {.string = NULL};
    struct err e = {0};

    (void)state;
    fake_env("OCF_RESKEY_name", "n");
    assert_int_equal(param_load(tables, fake_getenv, &p, &e), -ERR_PARAM);
    assert_string_equal(e.text, "ip is not set, and is required: Virtual IP addresses");
    fake_env("OCF_RESKEY_ip", "");
    assert_int_equal(param_load(tables, fake_getenv, &p, &e), -ERR_PARAM);
    assert_string_equal(e.text, "ip=\"\": allowed is " ADDR);
}

static void
param_load_tells_the_first_and_sets_the_rest(void **state)
{
    struct params p = {.string = NULL};
    struct err e = {0};

    (void)state;
    fake_env("OCF_RESKEY_name", "n");
    fake_env("OCF_RESKEY_api_timeout", "-1");
    fake_env("OCF_RESKEY_port", "http");
    fake_env("OCF_RESKEY_ip", "10.1.0.10");
    assert_int_equal(param_load(tables, fake_getenv, &p, &e), -ERR_PARAM);
    assert_non_null(strstr(e.text, "api_timeout=\"-1\""));
    assert_int_equal(p.addresses.n, 1); /* a stop must know what to release */
    assert_int_equal(p.port, 80);       /* its default */
}

static void
param_load_wrong_value_leaves_the_default(void **state)
{
    const struct param_table shared[] = {{awsparam_rows, 0}, {awsparam_drift_rows, 0}, {0}};
    struct aws_params p = {.region = NULL};

    (void)state;
    fake_env("OCF_RESKEY_api_timeout", "soon");
    fake_env("OCF_RESKEY_on_drift", "pray");
    assert_int_equal(param_load(shared, fake_getenv, &p, NULL), -ERR_PARAM);
    assert_int_equal(p.api_timeout_ms, 5000);
    assert_int_equal(p.on_drift, ON_DRIFT_REPORT);
}

static void
param_load_several_tables_each_at_its_base(void **state)
{
    struct two {
        char before[3];
        struct params own;
        struct aws_params aws;
    } p = {.before = ""};
    const struct param_table both[] = {{rows, offsetof(struct two, own)},
                                       {awsparam_rows, offsetof(struct two, aws)},
                                       {awsparam_drift_rows, offsetof(struct two, aws)},
                                       {0}};

    (void)state;
    fake_env("OCF_RESKEY_name", "n");
    fake_env("OCF_RESKEY_ip", "10.1.0.10");
    fake_env("OCF_RESKEY_region", "eu-west-1");
    fake_env("OCF_RESKEY_on_drift", "repair");
    assert_int_equal(param_load(both, fake_getenv, &p, NULL), 0);
    assert_int_equal(p.own.addresses.n, 1);
    assert_string_equal(p.aws.region, "eu-west-1");
    assert_int_equal(p.aws.api_timeout_ms, 5000);
    assert_int_equal(p.aws.on_drift, ON_DRIFT_REPAIR);
    assert_null(p.aws.proxy);
}

static void
param_nearest_of_unknown_names(void **state)
{
    static const struct {
        const char *unknown;
        const char *nearest;
    } cases[] = {
        {"ipp", "ip"},
        {"IP", "ip"},
        {"route_table", "route_tables"},
        {"routetables", "route_tables"},
        {"on_unknwon", "on_unknown"},
        {"apitimeout", "api_timeout"},
        {"cidrs_route", "cidr_routes"},
        {"zzzzzz", NULL},
        {"", NULL},
        {LONG_64 "x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *nearest = param_nearest(tables, cases[i].unknown);

        print_message("  %s\n", cases[i].unknown);
        if (cases[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].nearest);
        }
    }
}

static void
param_known_exact_names(void **state)
{
    (void)state;
    assert_true(param_known(tables, "ip"));
    assert_true(param_known(tables, "on_unknown"));
    assert_false(param_known(tables, "IP"));
    assert_false(param_known(tables, "i"));
    assert_false(param_known(tables, "ip2"));
    assert_false(param_known(tables, ""));
}

/* What every agent inherits must itself be a good value. */
static void
param_defaults_of_the_shared_rows_are_valid(void **state)
{
    struct aws_params p;

    (void)state;
    assert_int_equal(param_set(awsparam_drift_rows, awsparam_drift_rows->initial, &p, NULL), 0);
    for (const struct param *row = awsparam_rows; row->name != NULL; row++) {
        struct err e = {0};

        if (row->initial != NULL) {
            assert_int_equal(param_set(row, row->initial, &p, &e), 0);
        }
        assert_non_null(row->shortdesc.en);
        assert_non_null(row->shortdesc.ja);
        assert_non_null(row->longdesc.en);
        assert_non_null(row->longdesc.ja);
    }
}

static void
param_set_one_address_and_one_id(void **state)
{
    struct params p;
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(set(ADDRESS, "2001:DB8::1", &p, NULL), 0);
    assert_string_equal(addr_text(&p.address, text), "2001:db8::1");
    assert_int_equal(set(ADDRESS4, "52.9.0.12", &p, NULL), 0);
    assert_string_equal(addr_text(&p.address, text), "52.9.0.12");
    assert_int_equal(set(ID_ONE, "eipalloc-0123456789abcdef0", &p, NULL), 0);
    assert_string_equal(p.id, "eipalloc-0123456789abcdef0");
}

static void
param_content_type_of_every_type(void **state)
{
    (void)state;
    assert_string_equal(param_content_type(PARAM_STRING), "string");
    assert_string_equal(param_content_type(PARAM_URL), "string");
    assert_string_equal(param_content_type(PARAM_BOOLEAN), "boolean");
    assert_string_equal(param_content_type(PARAM_DURATION), "string");
    assert_string_equal(param_content_type(PARAM_PORT), "integer");
    assert_string_equal(param_content_type(PARAM_ADDRESSES), "string");
    assert_string_equal(param_content_type(PARAM_ADDRESS), "string");
    assert_string_equal(param_content_type(PARAM_CIDRS), "string");
    assert_string_equal(param_content_type(PARAM_ID), "string");
    assert_string_equal(param_content_type(PARAM_IDS), "string");
    assert_string_equal(param_content_type(PARAM_REGIONS), "string");
    assert_string_equal(param_content_type(PARAM_ROLES), "string");
    assert_string_equal(param_content_type(PARAM_CHOICE), "string");
}

static void
param_number_digits_only_and_only_what_fits(void **state)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1s", "0x1", "1.5", "18446744073709551616"};
    uint64_t value = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(param_parse_number(bad[i], &value));
        assert_int_equal(value, 7);
    }
    assert_true(param_parse_number("18446744073709551615", &value));
    assert_int_equal(value, UINT64_MAX);
    assert_true(param_parse_number("007", &value));
    assert_int_equal(value, 7);
}

/* A word stands for addresses that are found out later: it is one of them, whole and alone. */
static void
param_set_word_in_the_place_of_addresses(void **state)
{
    static const struct param row =
        ROW("value", PARAM_ADDRESSES, addresses, .allowed = "private|public");
    static const char *const wrong[] = {
        "", "Private", "priv", "private|public", "privat ", "public private", "public 10.0.0.1",
        ","};
    struct params p = {.port = 0};
    struct err e = {0};

    (void)state;
    assert_int_equal(param_set(&row, "public", &p, &e), 0);
    assert_int_equal(p.addresses.word, 2);
    assert_int_equal(p.addresses.n, 0);
    assert_int_equal(param_set(&row, "private", &p, &e), 0);
    assert_int_equal(p.addresses.word, 1);
    assert_int_equal(param_set(&row, "10.0.0.1 ::1", &p, &e), 0);
    assert_int_equal(p.addresses.word, 0);
    assert_int_equal(p.addresses.n, 2);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        print_message("%s\n", wrong[i]);
        assert_int_equal(param_set(&row, wrong[i], &p, &e), -ERR_PARAM);
        assert_int_equal(p.addresses.n, 2);
    }
    assert_string_equal(e.text, "value=\",\": allowed is private or public or IPv4 or IPv6 "
                                "addresses like 10.1.0.10");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(param_number_digits_only_and_only_what_fits),
        FAKE_TEST(param_set_bad_values_exact_message),
        FAKE_TEST(param_set_cut_value_stays_utf8),
        FAKE_TEST(param_set_booleans),
        FAKE_TEST(param_parse_duration_units_in_ms),
        FAKE_TEST(param_parse_duration_overflow_refused_untouched),
        FAKE_TEST(param_set_good_values_fill_the_struct),
        FAKE_TEST(param_set_lists_at_and_over_their_limit),
        FAKE_TEST(param_set_bad_regions_exact_message),
        FAKE_TEST(param_set_roles_of_regions),
        FAKE_TEST(param_set_bad_roles_exact_message),
        FAKE_TEST(param_set_roles_bounded_in_number_and_length),
        FAKE_TEST(param_load_defaults_and_environment),
        FAKE_TEST(param_load_required_missing_or_empty_refused),
        FAKE_TEST(param_load_tells_the_first_and_sets_the_rest),
        FAKE_TEST(param_load_wrong_value_leaves_the_default),
        FAKE_TEST(param_load_several_tables_each_at_its_base),
        FAKE_TEST(param_nearest_of_unknown_names),
        FAKE_TEST(param_known_exact_names),
        FAKE_TEST(param_defaults_of_the_shared_rows_are_valid),
        FAKE_TEST(param_set_one_address_and_one_id),
        FAKE_TEST(param_set_word_in_the_place_of_addresses),
        FAKE_TEST(param_content_type_of_every_type),
    };

    return cmocka_run_group_tests_name("param", tests, NULL, NULL);
}
