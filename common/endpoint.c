/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "endpoint.h"

#include <stdio.h>
#include <string.h>

struct partition {
    const char *id;
    const char *prefix;           /* of its regions */
    const char *suffix;           /* of its host names */
    const char *dualstack_suffix; /* of those that have IPv6 too */
    const char *global_region;    /* where requests to its global services are signed for */
    bool fips_is_plain;           /* the plain names of regional services are FIPS endpoints */
};

/* The first is the one for regions that fit none of the others. */
static const struct partition partitions[] = {
    {
        .id = "aws",
        .prefix = "",
        .suffix = "amazonaws.com",
        .dualstack_suffix = "api.aws",
        .global_region = "us-east-1",
    },
    {
        .id = "aws-cn",
        .prefix = "cn-",
        .suffix = "amazonaws.com.cn",
        .dualstack_suffix = "api.amazonwebservices.com.cn",
        .global_region = "cn-northwest-1",
    },
    {
        .id = "aws-eusc",
        .prefix = "eusc-",
        .suffix = "amazonaws.eu",
        .dualstack_suffix = "api.amazonwebservices.eu",
        .global_region = "eusc-de-east-1",
    },
    {
        .id = "aws-iso",
        .prefix = "us-iso-",
        .suffix = "c2s.ic.gov",
        .dualstack_suffix = "api.aws.ic.gov",
        .global_region = "us-iso-east-1",
    },
    {
        .id = "aws-iso-b",
        .prefix = "us-isob-",
        .suffix = "sc2s.sgov.gov",
        .dualstack_suffix = "api.aws.scloud",
        .global_region = "us-isob-east-1",
    },
    {
        .id = "aws-iso-e",
        .prefix = "eu-isoe-",
        .suffix = "cloud.adc-e.uk",
        .dualstack_suffix = "api.cloud-aws.adc-e.uk",
        .global_region = "eu-isoe-west-1",
    },
    {
        .id = "aws-iso-f",
        .prefix = "us-isof-",
        .suffix = "csp.hci.ic.gov",
        .dualstack_suffix = "api.aws.hci.ic.gov",
        .global_region = "us-isof-south-1",
    },
    {
        .id = "aws-us-gov",
        .prefix = "us-gov-",
        .suffix = "amazonaws.com",
        .dualstack_suffix = "api.aws",
        .global_region = "us-gov-west-1",
        .fips_is_plain = true,
    },
};

enum variant { PLAIN, DUALSTACK, FIPS, FIPS_DUALSTACK };

/* Global services with a name of their own, beside the rule SERVICE[-fips].SUFFIX. */
static const struct {
    const char *service;
    const char *partition;
    enum variant variant;
    const char *host;
} global_hosts[] = {
    {"route53", "aws", DUALSTACK, "route53.global.api.aws"},
    {"route53", "aws", FIPS_DUALSTACK, "route53-fips.global.api.aws"},
    {"route53", "aws-cn", DUALSTACK, "route53.global.api.amazonwebservices.com.cn"},
    {"route53", "aws-eusc", DUALSTACK, "route53.global.api.amazonwebservices.eu"},
    {"route53", "aws-us-gov", PLAIN, "route53.us-gov.amazonaws.com"},
    {"route53", "aws-us-gov", FIPS, "route53.us-gov.amazonaws.com"},
    {"route53", "aws-us-gov", DUALSTACK, "route53.us-gov.api.aws"},
    {"route53", "aws-us-gov", FIPS_DUALSTACK, "route53.us-gov.api.aws"},
};

/* "aws-cn-global" is how SDKs call the place of a partition's global services. */
static bool
is_pseudo_region(const struct partition *p, const char *region)
{
    size_t len = strlen(p->id);

    return strncmp(region, p->id, len) == 0 && strcmp(region + len, "-global") == 0;
}

static const struct partition *
partition_of(const char *region)
{
    for (size_t i = 1; i < ARRAY_LEN(partitions); i++) {
        const struct partition *p = &partitions[i];

        if (strncmp(region, p->prefix, strlen(p->prefix)) == 0 || is_pseudo_region(p, region)) {
            return p;
        }
    }
    return &partitions[0];
}

const char *
endpoint_partition(const char *region)
{
    return partition_of(region)->id;
}

static bool
is_region_name(const char *region)
{
    size_t len = strlen(region);

    return len > 0 && len < sizeof(((struct endpoint *)NULL)->signing_region) &&
           strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && region[0] != '-' &&
           region[len - 1] != '-';
}

static enum variant
variant_of(struct endpoint_variant v)
{
    if (v.fips) {
        return v.dualstack ? FIPS_DUALSTACK : FIPS;
    }
    return v.dualstack ? DUALSTACK : PLAIN;
}

/* Whether the service has one endpoint for all regions of the partition. */
static bool
is_global(const char *service, const struct partition *p, const char *region, enum variant v)
{
    return strcmp(service, "route53") == 0 || (strcmp(service, "sts") == 0 && v == PLAIN &&
                                               p == &partitions[0] && is_pseudo_region(p, region));
}

static int
global_host(const char *service, const struct partition *p, enum variant v, char *ret, size_t size)
{
    bool fips = v == FIPS || v == FIPS_DUALSTACK;
    bool dualstack = v == DUALSTACK || v == FIPS_DUALSTACK;

    for (size_t i = 0; i < ARRAY_LEN(global_hosts); i++) {
        if (strcmp(service, global_hosts[i].service) == 0 &&
            strcmp(p->id, global_hosts[i].partition) == 0 && v == global_hosts[i].variant) {
            return snprintf(ret, size, "%s", global_hosts[i].host);
        }
    }
    return snprintf(ret, size, "%s%s.%s", service, fips ? "-fips" : "",
                    dualstack ? p->dualstack_suffix : p->suffix);
}

static int
regional_host(const char *service, const struct partition *p, const char *region, enum variant v,
              char *ret, size_t size)
{
    bool fips = v == FIPS_DUALSTACK || (v == FIPS && !p->fips_is_plain);
    bool dualstack = v == DUALSTACK || v == FIPS_DUALSTACK;

    return snprintf(ret, size, "%s%s.%s.%s", service, fips ? "-fips" : "", region,
                    dualstack ? p->dualstack_suffix : p->suffix);
}

int
endpoint_resolve(const char *service, const char *region, struct endpoint_variant variant,
                 struct endpoint *ret, struct err *e)
{
    const struct partition *p = partition_of(region);
    enum variant v = variant_of(variant);
    struct endpoint found;
    bool global = is_global(service, p, region, v);
    int len = 0;

    if (!is_region_name(region)) {
        return err_set(e, ERR_PARAM,
                       "\"%s\" is not a region: lower-case letters, digits and '-' are allowed, as "
                       "in \"ap-northeast-1\"",
                       region);
    }
    len = global ? global_host(service, p, v, found.host, sizeof(found.host))
                 : regional_host(service, p, region, v, found.host, sizeof(found.host));
    if (len < 0 || (size_t)len >= sizeof(found.host)) {
        return err_set(e, ERR_BUG, "no room for the host name of service \"%s\"", service);
    }
    (void)snprintf(found.signing_region, sizeof(found.signing_region), "%s",
                   global ? p->global_region : region);
    *ret = found;
    return 0;
}
