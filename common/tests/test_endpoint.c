/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "endpoint.h"

/* A comparison of every region with an SDK's rules is in cts/test_endpoints.py. */

static const struct endpoint_variant plain;
static const struct endpoint_variant dualstack = {.dualstack = true};
static const struct endpoint_variant fips = {.fips = true};
static const struct endpoint_variant both = {.dualstack = true, .fips = true};

static void
endpoint_resolve_known_regions_give_hosts(void **state)
{
    static const struct {
        const char *service;
        const char *region;
        const struct endpoint_variant *variant;
        const char *host;
        const char *signing_region;
    } cases[] = {
        {"ec2", "ap-northeast-1", &plain, "ec2.ap-northeast-1.amazonaws.com", "ap-northeast-1"},
        {"ec2", "ap-northeast-1", &dualstack, "ec2.ap-northeast-1.api.aws", "ap-northeast-1"},
        {"ec2", "us-east-1", &fips, "ec2-fips.us-east-1.amazonaws.com", "us-east-1"},
        {"ec2", "us-east-1", &both, "ec2-fips.us-east-1.api.aws", "us-east-1"},
        {"ec2", "us-gov-west-1", &fips, "ec2.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
        {"sts", "cn-north-1", &plain, "sts.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"sts", "us-isob-east-1", &plain, "sts.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
        {"elasticloadbalancing", "eusc-de-east-1", &plain,
         "elasticloadbalancing.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
        {"route53", "ap-northeast-1", &plain, "route53.amazonaws.com", "us-east-1"},
        {"route53", "cn-north-1", &plain, "route53.amazonaws.com.cn", "cn-northwest-1"},
        {"route53", "us-gov-east-1", &plain, "route53.us-gov.amazonaws.com", "us-gov-west-1"},
        {"route53", "us-iso-west-1", &plain, "route53.c2s.ic.gov", "us-iso-east-1"},
        {"ec2", "ap-future-9", &plain, "ec2.ap-future-9.amazonaws.com", "ap-future-9"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct endpoint found = {.host = ""};
        struct err e = {0};

        assert_int_equal(
            endpoint_resolve(cases[i].service, cases[i].region, *cases[i].variant, &found, &e), 0);
        assert_string_equal(found.host, cases[i].host);
        assert_string_equal(found.signing_region, cases[i].signing_region);
    }
}

static void
endpoint_resolve_bad_region_refused_untouched(void **state)
{
    static const char *const regions[] = {
        "",
        "-",
        "ap-northeast-1-",
        "-ap-northeast-1",
        "ap northeast 1",
        "AP-NORTHEAST-1",
        "ap-northeast-1.example.com",
        "ap-northeast-1/",
        "ap-northeast-1\n",
        "ap-northeast-1#",
        "user@ap-northeast-1",
        "cn-north-1:80",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* 40 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        struct endpoint found = {.host = "before"};
        struct err e = {0};
        char shown[64];

        (void)snprintf(shown, sizeof(shown), "%s", regions[i]);
        err_one_line(shown);
        assert_int_equal(endpoint_resolve("ec2", regions[i], plain, &found, &e), -ERR_PARAM);
        assert_string_equal(found.host, "before");
        assert_non_null(strstr(e.text, shown));
        assert_non_null(strstr(e.text, "are allowed"));
    }
}

static void
endpoint_resolve_longest_region_fits(void **state)
{
    struct endpoint found = {.host = ""};
    char longest[sizeof(found.signing_region)] = "cn-";

    (void)state;
    memset(longest + 3, 'a', sizeof(longest) - 4);
    assert_int_equal(endpoint_resolve("elasticloadbalancing", longest, both, &found, NULL), 0);
    assert_string_equal(found.signing_region, longest);
    assert_non_null(strstr(found.host, ".api.amazonwebservices.com.cn"));
}

static void
endpoint_resolve_oversized_service_is_bug(void **state)
{
    struct endpoint found = {.host = "before"};
    char service[200];

    (void)state;
    memset(service, 's', sizeof(service) - 1);
    service[sizeof(service) - 1] = '\0';
    assert_int_equal(endpoint_resolve(service, "us-east-1", plain, &found, NULL), -ERR_BUG);
    assert_string_equal(found.host, "before");
}

static void
endpoint_partition_regions_are_placed(void **state)
{
    static const struct {
        const char *region;
        const char *partition;
    } cases[] = {
        {"ap-northeast-1", "aws"},
        {"us-east-1", "aws"},
        {"aws-global", "aws"},
        {"cn-northwest-1", "aws-cn"},
        {"aws-cn-global", "aws-cn"},
        {"us-gov-east-1", "aws-us-gov"},
        {"us-iso-east-1", "aws-iso"},
        {"us-isob-east-1", "aws-iso-b"},
        {"eu-isoe-west-1", "aws-iso-e"},
        {"us-isof-south-1", "aws-iso-f"},
        {"eusc-de-east-1", "aws-eusc"},
        {"aws-iso-b-global", "aws-iso-b"},
        {"", "aws"},
        {"cnx", "aws"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(endpoint_partition(cases[i].region), cases[i].partition);
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint_resolve_known_regions_give_hosts),
        cmocka_unit_test(endpoint_resolve_bad_region_refused_untouched),
        cmocka_unit_test(endpoint_resolve_longest_region_fits),
        cmocka_unit_test(endpoint_resolve_oversized_service_is_bug),
        cmocka_unit_test(endpoint_partition_regions_are_placed),
    };

    return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
