/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answers53.h"
#include "fake.h"

#include "route53.h"

#define ZONE "Z0123456789ABCDEFGHIJ"
#define NAME "db.corp.example."
#define VPC  "vpc-0123456789abcdef0"

static struct addr
address(const char *text)
{
    struct addr a;

    assert_true(addr_parse(text, &a));
    return a;
}

static void
assert_address(const struct addr *a, const char *text)
{
    struct addr expected = address(text);

    assert_true(addr_equal(a, &expected));
}

static int
list(struct fake *f, const char *name, struct route53_sets *ret, struct err *e)
{
    return route53_list_sets(&f->session, ZONE, name, ret, fake_deadline(f, 30000), e);
}

/* Read the one set of the answer. */
static void
read_one(struct fake *f, const char *answer, struct route53_sets *ret)
{
    struct err e = {0};

    FAKE_SCRIPT(f, {.method = "GET", .status = 200, .answer = answer});
    assert_int_equal(list(f, NAME, ret, &e), 0);
    assert_int_equal(ret->n, 1);
}

static int
change(struct fake *f, const struct route53_change *changes, size_t n,
       struct route53_change_info *ret, struct err *e)
{
    return route53_change_sets(&f->session, ZONE, NAME, changes, n, ret, fake_deadline(f, 30000),
                               e);
}

/* --- ids and zones ------------------------------------------------------------------------- */

static void
route53_id_with_and_without_its_path(void **state)
{
    static const char *const no_ids[] = {"",
                                         "/hostedzone/",
                                         "/hostedzone/Z1/rrset",
                                         "Z 1",
                                         "Z1?x=1",
                                         "../Z1",
                                         "Z12345678901234567890123456789012"};
    char id[ROUTE53_ID_MAX] = "untouched";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no_ids); i++) {
        assert_false(route53_id(no_ids[i], id));
        assert_string_equal(id, "untouched");
    }
    assert_true(route53_id("/hostedzone/" ZONE, id));
    assert_string_equal(id, ZONE);
    assert_true(route53_id("Z1", id));
    assert_string_equal(id, "Z1");
    assert_true(route53_id("/change/C1", id));
    assert_string_equal(id, "C1");
}

static void
route53_find_zones_exact_name_only(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_zones_done) struct route53_zones zones = {0};
    struct err e = {0};

    FAKE_SCRIPT(f, {.method = "GET",
                    .status = 200,
                    .answer = ZONES(ZONE_OF("Z1", "corp.example.", "true")
                                        ZONE_OF("Z2", "corp.example.", "false")
                                            ZONE_OF("Z3", "a.corp.example.", "true")
                                                ZONE_OF("Z4", "corp.example.org.", "true"),
                                    COMPLETE)});
    assert_int_equal(
        route53_find_zones(&f->session, "corp.example.", &zones, fake_deadline(f, 30000), &e), 0);
    assert_int_equal(zones.n, 2);
    assert_string_equal(zones.items[0].id, "Z1");
    assert_true(zones.items[0].is_private);
    assert_string_equal(zones.items[1].id, "Z2");
    assert_false(zones.items[1].is_private);
    assert_string_equal(f->requests[0].url,
                        "https://route53.amazonaws.com/2013-04-01/hostedzonesbyname"
                        "?dnsname=corp.example.&maxitems=100");
    assert_non_null(strstr(fake_header(&f->requests[0], "Authorization"), "/us-east-1/route53/"));
}

/* A page ends where it will, also between two zones of one name. */
static void
route53_find_zones_pages_followed_while_they_have_the_name(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_zones_done) struct route53_zones zones = {0};
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.url = "dnsname=corp.example.&maxitems=100",
                 .status = 200,
                 .answer = ZONES(ZONE_OF("Z1", "corp.example.", "true"),
                                 "<IsTruncated>true</IsTruncated><NextDNSName>corp.example."
                                 "</NextDNSName><NextHostedZoneId>Z2</NextHostedZoneId>")},
                {.url = "dnsname=corp.example.&hostedzoneid=Z2&maxitems=100",
                 .status = 200,
                 .answer = ZONES(ZONE_OF("Z2", "corp.example.", "true"),
                                 "<IsTruncated>true</IsTruncated><NextDNSName>dev.example."
                                 "</NextDNSName><NextHostedZoneId>Z3</NextHostedZoneId>")});
    assert_int_equal(
        route53_find_zones(&f->session, "corp.example.", &zones, fake_deadline(f, 30000), &e), 0);
    assert_int_equal(zones.n, 2);
    assert_int_equal(f->n_requests, 2);
}

static void
route53_find_zones_endless_pages_given_up(void **state)
{
    struct fake *f = *state;
    struct route53_zones zones = {.n = 42};
    struct err e = {0};

    FAKE_SCRIPT(f, {.times = FAKE_ALWAYS,
                    .status = 200,
                    .answer = ZONES("", "<IsTruncated>true</IsTruncated><NextDNSName>corp.example."
                                        "</NextDNSName><NextHostedZoneId>Z2</NextHostedZoneId>")});
    assert_int_equal(
        route53_find_zones(&f->session, "corp.example.", &zones, fake_deadline(f, 30000), &e),
        -ERR_TOO_BIG);
    assert_int_equal(zones.n, 42);
}

static void
route53_find_zones_signed_for_the_partition(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_zones_done) struct route53_zones zones = {0};
    struct err e = {0};

    f->session.region = "cn-north-1";
    FAKE_SCRIPT(f, {.url = "https://route53.amazonaws.com.cn/2013-04-01/",
                    .status = 200,
                    .answer = ZONES("", COMPLETE)});
    assert_int_equal(
        route53_find_zones(&f->session, "corp.example.", &zones, fake_deadline(f, 30000), &e), 0);
    assert_non_null(
        strstr(fake_header(&f->requests[0], "Authorization"), "/cn-northwest-1/route53/"));
}

static void
route53_get_zone_knows_its_vpcs(void **state)
{
    struct fake *f = *state;
    struct route53_zone zone = {.in_vpc = false};
    struct err e = {0};

    FAKE_SCRIPT(f, {.url = "/2013-04-01/hostedzone/Z1",
                    .times = 2,
                    .status = 200,
                    .answer = "<GetHostedZoneResponse" NS ">" ZONE_OF(
                        "Z1", "Corp.example.", "true") "<VPCs><VPC><VPCRegion>eu-west-1</VPCRegion>"
                                                       "<VPCId>vpc-other</VPCId></VPC><VPC>"
                                                       "<VPCRegion>ap-northeast-1</VPCRegion>"
                                                       "<VPCId>" VPC "</VPCId></VPC></VPCs>"
                                                       "</GetHostedZoneResponse>"});
    assert_int_equal(route53_get_zone(&f->session, "Z1", VPC, &zone, fake_deadline(f, 30000), &e),
                     0);
    assert_string_equal(zone.id, "Z1");
    assert_string_equal(zone.name, "corp.example.");
    assert_true(zone.is_private);
    assert_true(zone.in_vpc);
    assert_int_equal(
        route53_get_zone(&f->session, "Z1", "vpc-none", &zone, fake_deadline(f, 30000), &e), 0);
    assert_false(zone.in_vpc);
}

static void
route53_get_zone_answers_that_cannot_be(void **state)
{
    static const struct fake_rule answers[] = {
        {.status = 200, .answer = "<GetHostedZoneResponse/>"},
        {.status = 200, .answer = "<Other/>"},
        {.status = 200,
         .answer =
             "<GetHostedZoneResponse>" ZONE_OF("Z2", "x.", "true") "</GetHostedZoneResponse>"},
        {.status = 200,
         .answer = "<GetHostedZoneResponse>" ZONE_OF("", "x.", "true") "</GetHostedZoneResponse>"},
        {.status = 200, .answer = ""},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct route53_zone zone = {.id = "untouched"};
        struct err e = {0};

        fake_script(f, &answers[i], 1);
        assert_int_equal(
            route53_get_zone(&f->session, "Z1", VPC, &zone, fake_deadline(f, 30000), &e),
            -ERR_MALFORMED);
        assert_string_equal(zone.id, "untouched");
        assert_true(e.text[0] != '\0');
    }
}

static void
route53_get_zone_gone_not_found(void **state)
{
    struct fake *f = *state;
    struct route53_zone zone = {.in_vpc = false};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 404,
                    .answer = ERROR("NoSuchHostedZone", "No hosted zone found with ID: Z1")});
    assert_int_equal(route53_get_zone(&f->session, "Z1", VPC, &zone, fake_deadline(f, 30000), &e),
                     -ERR_NOT_FOUND);
    assert_string_equal(e.aws_code, "NoSuchHostedZone");
    assert_string_equal(e.action, "route53:GetHostedZone");
}

/* --- reading record sets ------------------------------------------------------------------- */

static void
route53_list_sets_exact_name_every_type(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_sets_done) struct route53_sets sets = {0};
    struct err e = {0};

    FAKE_SCRIPT(
        f, {.status = 200,
            .answer = SETS(SET("DB.corp.example.", "A", "", DATA("10", "10.0.2.10"))
                               SET(NAME, "AAAA", "", DATA("60", "2001:DB8:0::1"))
                                   SET(NAME, "TXT", "", DATA("60", "\"a &lt; b\""))
                                       SET("db2.corp.example.", "A", "", DATA("10", "10.0.2.10")),
                           COMPLETE)});
    assert_int_equal(list(f, NAME, &sets, &e), 0);
    assert_string_equal(f->requests[0].url,
                        "https://route53.amazonaws.com/2013-04-01/hostedzone/" ZONE
                        "/rrset?name=db.corp.example.&maxitems=16");
    assert_int_equal(sets.n, 3);
    assert_string_equal(sets.items[0].type, "A");
    assert_null(sets.items[0].set_identifier);
    assert_true(sets.items[0].has_values);
    assert_int_equal(sets.items[0].ttl_s, 10);
    assert_int_equal(sets.items[0].n_values, 1);
    assert_address(&sets.items[0].values[0], "10.0.2.10");
    assert_string_equal(sets.items[1].type, "AAAA");
    assert_address(&sets.items[1].values[0], "2001:db8::1");
    assert_int_equal(sets.items[2].values[0].family, 0);
}

static void
route53_list_sets_wildcard_asked_and_compared(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_sets_done) struct route53_sets sets = {0};
    struct err e = {0};

    FAKE_SCRIPT(f, {.url = "?name=%5C052.corp.example.&",
                    .status = 200,
                    .answer = SETS(SET("\\052.corp.example.", "A", "", DATA("10", "10.0.2.10")),
                                   COMPLETE)});
    assert_int_equal(list(f, "\\052.corp.example.", &sets, &e), 0);
    assert_int_equal(sets.n, 1);
}

static void
route53_list_sets_pages_followed_within_the_name(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_sets_done) struct route53_sets sets = {0};
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.status = 200,
                 .answer = SETS(
                     SET(NAME, "A", "<SetIdentifier>n1</SetIdentifier>", DATA("10", "10.0.2.10")),
                     "<IsTruncated>true</IsTruncated><NextRecordName>DB.corp.example."
                     "</NextRecordName><NextRecordType>A</NextRecordType>"
                     "<NextRecordIdentifier>n &amp; 2</NextRecordIdentifier>")},
                {.url = "&type=A&identifier=n%20%26%202&",
                 .status = 200,
                 .answer = SETS(SET(NAME, "A", "<SetIdentifier>n &amp; 2</SetIdentifier>",
                                    DATA("10", "10.0.4.10")),
                                "<IsTruncated>true</IsTruncated><NextRecordName>e.corp.example."
                                "</NextRecordName><NextRecordType>A</NextRecordType>")});
    assert_int_equal(list(f, NAME, &sets, &e), 0);
    assert_int_equal(sets.n, 2);
    assert_string_equal(sets.items[1].set_identifier, "n & 2");
}

static void
route53_list_sets_alias_and_policy_have_no_values(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_sets_done) struct route53_sets sets = {0};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200,
                    .answer = SETS(SET(NAME, "A", "",
                                       "<AliasTarget><HostedZoneId>Z9</HostedZoneId><DNSName>"
                                       "lb.example.</DNSName><EvaluateTargetHealth>false"
                                       "</EvaluateTargetHealth></AliasTarget>")
                                       SET(NAME, "AAAA", "",
                                           DATA("10", "::1") "<TrafficPolicyInstanceId>i"
                                                             "</TrafficPolicyInstanceId>"),
                                   COMPLETE)});
    assert_int_equal(list(f, NAME, &sets, &e), 0);
    assert_false(sets.items[0].has_values);
    assert_false(sets.items[1].has_values);
}

static void
route53_list_sets_answers_that_cannot_be(void **state)
{
    static const struct fake_rule answers[] = {
        {.status = 200, .answer = "<ListResourceRecordSetsResponse/>"},
        {.status = 200, .answer = "<Other><ResourceRecordSets/></Other>"},
        {.status = 200, .answer = SETS("<ResourceRecordSet/>", COMPLETE)},
        {.status = 200, .answer = SETS(SET("a..b", "A", "", DATA("10", "10.0.0.1")), COMPLETE)},
        {.status = 200, .answer = SETS(SET(NAME, "AAAAAAAAAAAAAAAAAAAA", "", ""), COMPLETE)},
        {.status = 200, .answer = SETS(SET(NAME, "A", "", DATA("ten", "10.0.0.1")), COMPLETE)},
        {.status = 200, .answer = SETS(SET(NAME, "A", "", DATA("-1", "10.0.0.1")), COMPLETE)},
        {.status = 200,
         .answer = SETS(SET(NAME, "A", "", DATA("99999999999", "10.0.0.1")), COMPLETE)},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct route53_sets sets = {.n = 42};
        struct err e = {0};

        fake_script(f, &answers[i], 1);
        print_message("%s\n", answers[i].answer);
        assert_int_equal(list(f, NAME, &sets, &e), -ERR_MALFORMED);
        assert_int_equal(sets.n, 42);
    }
}

static void
route53_list_sets_too_deep_refused(void **state)
{
    struct fake *f = *state;
    struct route53_sets sets = {.n = 42};
    struct err e = {0};

    FAKE_SCRIPT(f, {.status = 200,
                    .answer = SETS(SET(NAME, "A",
                                       "<a><a><a><a><a><a><a><a><a/></a></a></a></a>"
                                       "</a></a></a></a>",
                                       DATA("10", "10.0.0.1")),
                                   COMPLETE)});
    assert_int_equal(list(f, NAME, &sets, &e), -ERR_TOO_BIG);
}

/* --- changes ------------------------------------------------------------------------------- */

static void
route53_change_sets_new_set_created(void **state)
{
    struct fake *f = *state;
    struct addr values[] = {address("2001:db8::1"), address("2001:db8::2")};
    struct route53_change_info info = {.in_sync = true};
    struct err e = {0};

    FAKE_SCRIPT(f, {.method = "POST", .status = 200, .answer = CHANGED("PENDING")});
    assert_int_equal(change(f,
                            &(struct route53_change){
                                .type = "AAAA", .values = values, .n_values = 2, .ttl_s = 30},
                            1, &info, &e),
                     0);
    assert_string_equal(f->requests[0].url,
                        "https://route53.amazonaws.com/2013-04-01/hostedzone/" ZONE "/rrset/");
    assert_string_equal(
        f->requests[0].body,
        HEAD CREATES(SET(NAME, "AAAA", "",
                         "<TTL>30</TTL><ResourceRecords><ResourceRecord><Value>2001:db8::1</Value>"
                         "</ResourceRecord><ResourceRecord><Value>2001:db8::2</Value>"
                         "</ResourceRecord></ResourceRecords>")) TAIL);
    assert_string_equal(fake_header(&f->requests[0], "Content-Type"), "application/xml");
    assert_true(f->requests[0].fresh);
    assert_string_equal(info.id, "C123ABC");
    assert_false(info.in_sync);
}

#define WEIGHTED                                                                                   \
    "<SetIdentifier>n1 &amp; &lt;co&gt;&#13;</SetIdentifier><Weight>70</Weight><Region>eu-west-1"  \
    "</Region><GeoLocation><ContinentCode>EU</ContinentCode></GeoLocation><Failover>PRIMARY"       \
    "</Failover><MultiValueAnswer>true</MultiValueAnswer>"
#define AFTER                                                                                      \
    "<HealthCheckId>abc-1</HealthCheckId><CidrRoutingConfig><CollectionId>c</CollectionId>"        \
    "<LocationName>l</LocationName></CidrRoutingConfig><Invented><Later>1</Later></Invented>"

static void
route53_change_sets_old_deleted_as_read_attributes_kept(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_sets_done) struct route53_sets sets = {0};
    struct addr value = address("10.0.4.10");
    struct route53_change_info info = {.in_sync = false};
    struct err e = {0};

    read_one(f,
             SETS(SET("DB.corp.example.", "A", WEIGHTED, DATA("60", "10.0.2.10") AFTER), COMPLETE),
             &sets);
    FAKE_SCRIPT(f, {.method = "POST", .status = 200, .answer = CHANGED("INSYNC")});
    assert_int_equal(
        change(
            f,
            &(struct route53_change){
                .old = &sets.items[0], .type = "A", .values = &value, .n_values = 1, .ttl_s = 10},
            1, &info, &e),
        0);
    assert_string_equal(
        f->requests[1].body,
        HEAD DELETES(SET("DB.corp.example.", "A", WEIGHTED, DATA("60", "10.0.2.10") AFTER))
            CREATES(SET("DB.corp.example.", "A", WEIGHTED, DATA("10", "10.0.4.10") AFTER)) TAIL);
    assert_true(info.in_sync);
}

static void
route53_change_sets_without_values_deletes(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(route53_sets_done) struct route53_sets sets = {0};
    struct route53_change_info info = {.in_sync = false};
    struct err e = {0};

    read_one(f, SETS(SET(NAME, "A", "", DATA("60", "10.0.2.10")), COMPLETE), &sets);
    FAKE_SCRIPT(f, {.method = "POST", .status = 200, .answer = CHANGED("INSYNC")});
    assert_int_equal(
        change(f, &(struct route53_change){.old = &sets.items[0], .type = "A"}, 1, &info, &e), 0);
    assert_string_equal(f->requests[1].body,
                        HEAD DELETES(SET(NAME, "A", "", DATA("60", "10.0.2.10"))) TAIL);
}

/* Whoever else was faster: either form of the error, and no second attempt. */
static void
route53_change_sets_stale_is_a_conflict(void **state)
{
    static const char *const answers[] = {
        ERROR("InvalidChangeBatch", "[Tried to delete resource record set but it was not found]"),
        "<InvalidChangeBatch" NS "><Messages><Message>Tried to delete resource record set but it "
        "was not found</Message></Messages><RequestId>r</RequestId></InvalidChangeBatch>",
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct route53_change_info info = {.id = "untouched"};
        struct addr value = address("10.0.4.10");
        struct err e = {0};

        FAKE_SCRIPT(f, {.status = 400, .answer = answers[i]});
        assert_int_equal(
            change(f, &(struct route53_change){.type = "A", .values = &value, .n_values = 1}, 1,
                   &info, &e),
            -ERR_CONFLICT);
        assert_string_equal(e.aws_code, "InvalidChangeBatch");
        assert_non_null(strstr(e.text, "was not found"));
        assert_string_equal(info.id, "untouched");
    }
}

static void
route53_change_sets_prior_request_waited_for(void **state)
{
    struct fake *f = *state;
    struct route53_change_info info = {.in_sync = false};
    struct addr value = address("10.0.4.10");
    struct err e = {0};

    FAKE_SCRIPT(
        f,
        {.times = 3,
         .status = 400,
         .answer = ERROR("PriorRequestNotComplete", "The request was rejected because ...")},
        {.status = 200, .answer = CHANGED("PENDING")});
    assert_int_equal(change(f,
                            &(struct route53_change){.type = "A", .values = &value, .n_values = 1},
                            1, &info, &e),
                     0);
    assert_int_equal(f->n_requests, 4);
}

/* It was accepted, perhaps: never a failure, and never a reason to write again unseen. */
static void
route53_change_sets_lost_answer_uncertain(void **state)
{
    static const struct fake_rule answers[] = {
        {.status = 200, .answer = "<ChangeResourceRecordSetsResponse/>"},
        {.status = 200, .answer = "<Other/>"},
        {.status = 200, .answer = "<ChangeResour"},
        {.error = ERR_NETWORK, .sent = true},
        {.error = ERR_TIMEOUT, .sent = true},
        {.status = 502, .answer = "<html>bad gateway</html>"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct route53_change_info info = {.id = "untouched"};
        struct addr value = address("10.0.4.10");
        struct err e = {0};

        fake_script(f, &answers[i], 1);
        assert_int_equal(
            change(f, &(struct route53_change){.type = "A", .values = &value, .n_values = 1}, 1,
                   &info, &e),
            -ERR_UNCERTAIN);
        assert_string_equal(info.id, "untouched");
    }
}

static void
route53_change_sets_too_long_refused(void **state)
{
    struct fake *f = *state;
    OCF_FREE char *big = calloc(1, AWS_FORM_MAX);
    struct route53_set old = {.before = big, .data = big, .after = big};
    struct route53_change_info info = {.in_sync = false};
    struct err e = {0};

    assert_non_null(big);
    memset(big, 'x', AWS_FORM_MAX - 1);
    assert_int_equal(change(f, &(struct route53_change){.old = &old, .type = "A"}, 1, &info, &e),
                     -ERR_BUG);
    assert_int_equal(f->n_requests, 0);
}

static void
route53_get_change_pending_then_in_sync(void **state)
{
    struct fake *f = *state;
    struct route53_change_info info = {.in_sync = true};
    struct err e = {0};

    FAKE_SCRIPT(f,
                {.method = "GET",
                 .url = "https://route53.amazonaws.com/2013-04-01/change/C123ABC",
                 .status = 200,
                 .answer = "<GetChangeResponse><ChangeInfo><Id>/change/C123ABC</Id><Status>PENDING"
                           "</Status></ChangeInfo></GetChangeResponse>"},
                {.method = "GET",
                 .status = 200,
                 .answer = "<GetChangeResponse><ChangeInfo><Id>/change/C123ABC</Id><Status>INSYNC"
                           "</Status></ChangeInfo></GetChangeResponse>"},
                {.method = "GET",
                 .status = 404,
                 .answer = ERROR("NoSuchChange", "Could not find resource with ID: C123ABC")});
    assert_int_equal(route53_get_change(&f->session, "C123ABC", &info, fake_deadline(f, 30000), &e),
                     0);
    assert_false(info.in_sync);
    assert_int_equal(route53_get_change(&f->session, "C123ABC", &info, fake_deadline(f, 30000), &e),
                     0);
    assert_true(info.in_sync);
    assert_int_equal(route53_get_change(&f->session, "C123ABC", &info, fake_deadline(f, 30000), &e),
                     -ERR_NOT_FOUND);
}

/* --- the pace ------------------------------------------------------------------------------ */

/* Every attempt has its turn, also one that was throttled. */
static void
route53_calls_and_retries_keep_the_pace(void **state)
{
    struct fake *f = *state;
    struct err e = {0};

    f->session.cache = &f->cache;
    FAKE_SCRIPT(f, {.times = 8, .status = 400, .answer = ERROR("Throttling", "Rate exceeded")},
                {.times = 32, .status = 200, .answer = SETS("", COMPLETE)});
    for (unsigned i = 0; i < 32; i++) {
        OCF_CLEANUP(route53_sets_done) struct route53_sets sets = {0};

        assert_int_equal(list(f, NAME, &sets, &e), 0);
    }
    assert_int_equal(f->n_requests, 40);
    for (size_t i = 5; i < f->n_requests; i++) {
        assert_true(f->requests[i].at_ms >= f->requests[i - 5].at_ms + MS_PER_S);
    }
}

static void
route53_no_turn_before_the_deadline_no_request(void **state)
{
    struct fake *f = *state;
    struct route53_sets sets = {0};
    struct err e = {0};

    f->session.cache = &f->cache;
    FAKE_SCRIPT(f, {.times = 2, .status = 200, .answer = SETS("", COMPLETE)});
    assert_int_equal(list(f, NAME, &sets, &e), 0);
    assert_int_equal(list(f, NAME, &sets, &e), 0);
    assert_int_equal(route53_list_sets(&f->session, ZONE, NAME, &sets, fake_deadline(f, 100), &e),
                     -ERR_DEADLINE);
    assert_non_null(strstr(e.text, "ListResourceRecordSets: no turn in time"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(route53_id_with_and_without_its_path),
        FAKE_TEST(route53_find_zones_exact_name_only),
        FAKE_TEST(route53_find_zones_pages_followed_while_they_have_the_name),
        FAKE_TEST(route53_find_zones_endless_pages_given_up),
        FAKE_TEST(route53_find_zones_signed_for_the_partition),
        FAKE_TEST(route53_get_zone_knows_its_vpcs),
        FAKE_TEST(route53_get_zone_answers_that_cannot_be),
        FAKE_TEST(route53_get_zone_gone_not_found),
        FAKE_TEST(route53_list_sets_exact_name_every_type),
        FAKE_TEST(route53_list_sets_wildcard_asked_and_compared),
        FAKE_TEST(route53_list_sets_pages_followed_within_the_name),
        FAKE_TEST(route53_list_sets_alias_and_policy_have_no_values),
        FAKE_TEST(route53_list_sets_answers_that_cannot_be),
        FAKE_TEST(route53_list_sets_too_deep_refused),
        FAKE_TEST(route53_change_sets_new_set_created),
        FAKE_TEST(route53_change_sets_old_deleted_as_read_attributes_kept),
        FAKE_TEST(route53_change_sets_without_values_deletes),
        FAKE_TEST(route53_change_sets_stale_is_a_conflict),
        FAKE_TEST(route53_change_sets_prior_request_waited_for),
        FAKE_TEST(route53_change_sets_lost_answer_uncertain),
        FAKE_TEST(route53_change_sets_too_long_refused),
        FAKE_TEST(route53_get_change_pending_then_in_sync),
        FAKE_TEST(route53_calls_and_retries_keep_the_pace),
        FAKE_TEST(route53_no_turn_before_the_deadline_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
