/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answers53.h"
#include "fakenode.h"

#include "hostedzone.h"

#define NAME   "corp.example."
#define LISTS  "/hostedzonesbyname"
#define ASKS   "/hostedzone/"
#define LONG   "AAAAAAAAAAAAAAAAAAAAAAAAAA" /* an id may be long */
#define OTHERS "vpc-0fedcba9876543210"

#define LISTED(zones)                                                                              \
    {                                                                                              \
        .method = "GET", .url = LISTS, .status = 200, .answer = ZONES(zones, COMPLETE)             \
    }
/* A private zone, and the VPC that it is associated with. */
#define IN_VPC(id, vpc)                                                                            \
    {                                                                                              \
        .method = "GET", .url = ASKS id, .status = 200,                                            \
        .answer = "<GetHostedZoneResponse" NS                                                      \
                  ">" ZONE_OF(id, NAME, "true") "<VPCs><VPC><VPCId>" vpc                           \
                                                "</VPCId></VPC></VPCs></GetHostedZoneResponse>"    \
    }
#define REFUSED(id, status_, code)                                                                 \
    {                                                                                              \
        .method = "GET", .url = ASKS id, .status = (status_), .answer = ERROR(code, "m")           \
    }
#define IMDS_GIVES_NIC IMDS_GIVES_TOKEN, IMDS_GIVES_IDS

#define PRIVATE ZONE_OF("Z1", NAME, "true")
#define PUBLIC  ZONE_OF("Z2", NAME, "false")
#define SECOND  ZONE_OF("Z3", NAME, "true")

static struct hostedzone_query
named(int visibility)
{
    return (struct hostedzone_query){
        .name = NAME, .visibility = visibility, .interface = FAKE_LINK};
}

/* What is found, as "Z1 Z2"; the text of the error for a failure. */
static int
find(struct fake *f, const struct aws_params *aws, const struct hostedzone_query *q, char ret[512])
{
    char ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX] = {"", ""};
    size_t n = 42;
    struct err e = {0};
    FAKENODE ctx;
    int rc = 0;

    fakenode_init(f, &ctx, NULL);
    ctx.aws_params = aws != NULL ? aws : ctx.aws_params;
    rc = hostedzone_find(&ctx, q, ids, &n, &e);
    assert_int_equal(e.code, rc);
    if (rc < 0) {
        assert_int_equal(n, 42);
        (void)snprintf(ret, 512, "%s", e.text);
    } else {
        (void)snprintf(ret, 512, "%s%s%s", ids[0], n > 1 ? " " : "", n > 1 ? ids[1] : "");
    }
    return rc;
}

static void
assert_finds(struct fake *f, int visibility, const char *expected)
{
    struct hostedzone_query q = named(visibility);
    char found[512];

    assert_int_equal(find(f, NULL, &q, found), 0);
    assert_string_equal(found, expected);
}

static void
hostedzone_find_by_id_asks_nobody(void **state)
{
    static const struct {
        const char *id;
        int rc;
        const char *found;
    } cases[] = {
        {"Z0123", 0, "Z0123"},
        {"/hostedzone/Z0123", 0, "Z0123"},
        {"corp.example", -ERR_PARAM, "hosted_zone_id=\"corp.example\": allowed is an id like Z..."},
        {"", -ERR_PARAM, "hosted_zone_id=\"\": allowed is an id like Z..."},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hostedzone_query q = {.id = cases[i].id};
        char found[512];

        assert_int_equal(find(f, NULL, &q, found), cases[i].rc);
        assert_string_equal(found, cases[i].found);
    }
    assert_int_equal(f->n_requests, 0);
}

/* Same-named zones are told apart by visibility, and each is asked for once. */
static void
hostedzone_find_by_visibility_then_from_the_cache(void **state)
{
    struct fake *f = *state;

    FAKE_SCRIPT(f, LISTED(PUBLIC PRIVATE), LISTED(PUBLIC PRIVATE));
    assert_finds(f, HOSTEDZONE_PUBLIC, "Z2");
    assert_int_equal(f->n_requests, 1);
    assert_finds(f, HOSTEDZONE_BOTH, "Z1 Z2");
    assert_int_equal(f->n_requests, 2);
    assert_finds(f, HOSTEDZONE_BOTH, "Z1 Z2");
    assert_finds(f, HOSTEDZONE_PRIVATE, "Z1");
    assert_finds(f, HOSTEDZONE_PUBLIC, "Z2");
    assert_int_equal(f->n_requests, 2);
}

static void
hostedzone_find_both_in_one_call(void **state)
{
    struct fake *f = *state;

    FAKE_SCRIPT(f, LISTED(PUBLIC PRIVATE));
    assert_finds(f, HOSTEDZONE_BOTH, "Z1 Z2");
}

/* A page may end between the public zone and the private one of the same name. */
static void
hostedzone_find_on_the_second_page(void **state)
{
    struct fake *f = *state;

    FAKE_SCRIPT(f,
                {.url = LISTS,
                 .status = 200,
                 .answer = ZONES(PUBLIC, "<IsTruncated>true</IsTruncated><NextDNSName>" NAME
                                         "</NextDNSName><NextHostedZoneId>Z1</NextHostedZoneId>")},
                {.url = "hostedzoneid=Z1",
                 .status = 200,
                 .answer = ZONES(PRIVATE ZONE_OF("Z9", "corp.example.org.", "true"), COMPLETE)});
    assert_finds(f, HOSTEDZONE_PRIVATE, "Z1");
}

static void
hostedzone_find_none_says_what_there_is(void **state)
{
    static const struct {
        const char *answer;
        int visibility;
        const char *says;
    } cases[] = {
        {ZONES("", COMPLETE), HOSTEDZONE_PRIVATE,
         "zone=\"" NAME "\": this account has no private zone of this name"},
        {ZONES(ZONE_OF("Z9", "a." NAME, "false"), COMPLETE), HOSTEDZONE_PUBLIC,
         "zone=\"" NAME "\": this account has no public zone of this name"},
        {ZONES(PUBLIC, COMPLETE), HOSTEDZONE_PRIVATE,
         "zone=\"" NAME "\": no private zone has this name, but a public one: Z2; see "
         "zone_visibility"},
        {ZONES(PRIVATE SECOND, COMPLETE), HOSTEDZONE_PUBLIC,
         "zone=\"" NAME "\": no public zone has this name, but a private one: Z1, Z3; see "
         "zone_visibility"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hostedzone_query q = named(cases[i].visibility);
        char said[512];

        FAKE_SCRIPT(f, {.url = LISTS, .status = 200, .answer = cases[i].answer});
        assert_int_equal(find(f, NULL, &q, said), -ERR_PARAM);
        assert_string_equal(said, cases[i].says);
    }
}

/* One of two that cannot be found leaves the other out, too: both or none. */
static void
hostedzone_find_both_with_one_missing_fails(void **state)
{
    struct hostedzone_query q = named(HOSTEDZONE_BOTH);
    struct fake *f = *state;
    char said[512];

    FAKE_SCRIPT(f, LISTED(PRIVATE));
    assert_int_equal(find(f, NULL, &q, said), -ERR_PARAM);
}

/* Of several private zones the one that the node's VPC sees is meant. */
static void
hostedzone_find_private_one_by_its_vpc(void **state)
{
    static const struct {
        const char *name;
        const char *vpcs[2]; /* of Z1 and of Z3 */
        const char *found;   /* NULL: it cannot be told */
    } cases[] = {
        {"the first", {FAKE_VPC, OTHERS}, "Z1"},
        {"the second", {OTHERS, FAKE_VPC}, "Z3"},
        {"none", {OTHERS, OTHERS}, NULL},
        {"a VPC that ours begins like", {FAKE_VPC "0", OTHERS}, NULL},
        {"both", {FAKE_VPC, FAKE_VPC}, NULL},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_NIC);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake_rule of[] = {IN_VPC("Z1", FAKE_VPC), IN_VPC("Z1", OTHERS),
                                 IN_VPC("Z1", FAKE_VPC "0"), IN_VPC("Z3", FAKE_VPC),
                                 IN_VPC("Z3", OTHERS)};
        struct hostedzone_query q = named(HOSTEDZONE_PRIVATE);
        struct ocf_ctx ctx;
        char said[512];

        print_message("  %s\n", cases[i].name);
        FAKE_SCRIPT(f, LISTED(PRIVATE SECOND));
        for (size_t z = 0; z < 2; z++) {
            for (size_t k = 0; k < ARRAY_LEN(of); k++) {
                char vpc[64];

                (void)snprintf(vpc, sizeof(vpc), "<VPCId>%s</VPCId>", cases[i].vpcs[z]);
                if (strcmp(of[k].url, z == 0 ? ASKS "Z1" : ASKS "Z3") == 0 &&
                    strstr(of[k].answer, vpc) != NULL) {
                    fake_script(f, &of[k], 1);
                }
            }
        }
        assert_int_equal(find(f, NULL, &q, said), cases[i].found == NULL ? -ERR_PARAM : 0);
        assert_string_equal(said, cases[i].found != NULL
                                      ? cases[i].found
                                      : "zone=\"" NAME
                                        "\": 2 private zones have this name: say which "
                                        "by hosted_zone_id: Z1, Z3");
        fakenode_init(f, &ctx, NULL);
        hostedzone_forget(&ctx, &q);
    }
}

/* What keeps us from telling them apart is told as it is, and nothing is remembered. */
static void
hostedzone_find_vpc_that_cannot_be_asked_about(void **state)
{
    static const struct {
        struct fake_rule answer;
        int rc;
    } cases[] = {
        {REFUSED("Z1", 403, "AccessDenied"), -ERR_DENIED},
        {REFUSED("Z1", 404, "NoSuchHostedZone"), -ERR_NOT_FOUND},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_NIC);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hostedzone_query q = named(HOSTEDZONE_PRIVATE);
        char said[512];

        FAKE_SCRIPT(f, LISTED(PRIVATE SECOND));
        fake_script(f, &cases[i].answer, 1);
        assert_int_equal(find(f, NULL, &q, said), cases[i].rc);
    }
    assert_int_equal(fake_count(f, LISTS), ARRAY_LEN(cases));
}

/* Two public zones of one name have different name servers: nothing here says which is meant. */
static void
hostedzone_find_several_public_ones_names_them(void **state)
{
    struct hostedzone_query q = named(HOSTEDZONE_PUBLIC);
    struct fake *f = *state;
    char said[512];

    FAKE_SCRIPT(f, LISTED(PUBLIC ZONE_OF("Z4", NAME, "false")),
                LISTED(ZONE_OF("Z1" LONG, NAME, "false") ZONE_OF("Z2" LONG, NAME, "false")
                           ZONE_OF("Z3" LONG, NAME, "false") ZONE_OF("Z4" LONG, NAME, "false")
                               ZONE_OF("Z5" LONG, NAME, "false") ZONE_OF("Z6" LONG, NAME, "false")
                                   ZONE_OF("Z7" LONG, NAME, "false")));
    assert_int_equal(find(f, NULL, &q, said), -ERR_PARAM);
    assert_string_equal(said, "zone=\"" NAME "\": 2 public zones have this name: say which by "
                              "hosted_zone_id: Z2, Z4");
    assert_int_equal(find(f, NULL, &q, said), -ERR_PARAM);
    assert_non_null(strstr(said, "7 public zones"));
    assert_non_null(strstr(said, "Z1" LONG ", Z2" LONG));
}

static void
hostedzone_find_error_of_aws_is_told(void **state)
{
    struct hostedzone_query q = named(HOSTEDZONE_PRIVATE);
    struct fake *f = *state;
    char said[512];

    FAKE_SCRIPT(f, {.url = LISTS, .status = 403, .answer = ERROR("AccessDenied", "no")},
                {.url = LISTS, .times = FAKE_ALWAYS, .error = ERR_CONNECT});
    assert_int_equal(find(f, NULL, &q, said), -ERR_DENIED);
    assert_int_equal(find(f, NULL, &q, said), -ERR_CONNECT);
}

static void
hostedzone_forget_ids_by_name(void **state)
{
    struct fake *f = *state;
    struct hostedzone_query by_name = named(HOSTEDZONE_PRIVATE);
    struct hostedzone_query by_id = {.id = "Z1", .name = NAME};
    struct ocf_ctx ctx;

    FAKE_SCRIPT(f, LISTED(PUBLIC PRIVATE), LISTED(ZONE_OF("Z7", NAME, "true") PUBLIC),
                LISTED(ZONE_OF("Z7", NAME, "true") ZONE_OF("Z8", NAME, "false")));
    fakenode_init(f, &ctx, NULL);
    assert_finds(f, HOSTEDZONE_BOTH, "Z1 Z2");
    hostedzone_forget(&ctx, &by_id);
    assert_finds(f, HOSTEDZONE_BOTH, "Z1 Z2");
    assert_int_equal(f->n_requests, 1);
    hostedzone_forget(&ctx, &by_name);
    assert_finds(f, HOSTEDZONE_PRIVATE, "Z7");
    assert_finds(f, HOSTEDZONE_PUBLIC, "Z8");
    assert_int_equal(f->n_requests, 3);
}

/* The zone of one account is never taken for that of another. */
static void
hostedzone_find_remembers_by_account(void **state)
{
    static const struct aws_params accounts[] = {
        {.api_timeout_ms = 5000},
        {.api_timeout_ms = 5000, .role_arn = {.items = {{.arn = "arn:aws:iam::1:role/r"}}, .n = 1}},
        {.api_timeout_ms = 5000,
         .role_arn = {.items = {{.region = "eu-west-1", .arn = "arn:aws:iam::1:role/r"}}, .n = 1}},
        {.api_timeout_ms = 5000, .profile = "other"},
        {.api_timeout_ms = 5000, .credentials_file = "/other"},
        {.api_timeout_ms = 5000, .endpoint_url = "https://aws.test"},
    };
    static const struct fake_rule answers[] = {
        LISTED(ZONE_OF("Z0", NAME, "true")), LISTED(ZONE_OF("Z1", NAME, "true")),
        LISTED(ZONE_OF("Z2", NAME, "true")), LISTED(ZONE_OF("Z3", NAME, "true")),
        LISTED(ZONE_OF("Z4", NAME, "true")), LISTED(ZONE_OF("Z5", NAME, "true"))};
    struct fake *f = *state;

    fake_script(f, answers, ARRAY_LEN(answers));
    for (unsigned again = 0; again < 2; again++) {
        for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
            struct hostedzone_query q = named(HOSTEDZONE_PRIVATE);
            char found[512];

            assert_int_equal(find(f, &accounts[i], &q, found), 0);
            assert_int_equal(found[1], '0' + (int)i);
        }
    }
    assert_int_equal(f->n_requests, ARRAY_LEN(accounts));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(hostedzone_find_by_id_asks_nobody),
        FAKE_TEST(hostedzone_find_by_visibility_then_from_the_cache),
        FAKE_TEST(hostedzone_find_both_in_one_call),
        FAKE_TEST(hostedzone_find_on_the_second_page),
        FAKE_TEST(hostedzone_find_none_says_what_there_is),
        FAKE_TEST(hostedzone_find_both_with_one_missing_fails),
        FAKE_TEST(hostedzone_find_private_one_by_its_vpc),
        FAKE_TEST(hostedzone_find_vpc_that_cannot_be_asked_about),
        FAKE_TEST(hostedzone_find_several_public_ones_names_them),
        FAKE_TEST(hostedzone_find_error_of_aws_is_told),
        FAKE_TEST(hostedzone_forget_ids_by_name),
        FAKE_TEST(hostedzone_find_remembers_by_account),
    };

    return cmocka_run_group_tests_name("hostedzone", tests, NULL, NULL);
}
