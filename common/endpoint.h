/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_ENDPOINT_H
#define OCF_AWS_ENDPOINT_H

#include "err.h"

struct endpoint_variant {
    bool dualstack; /* AWS_USE_DUALSTACK_ENDPOINT */
    bool fips;      /* AWS_USE_FIPS_ENDPOINT */
};

/* Where a service is in a region. */
struct endpoint {
    char host[160];          /* ec2.ap-northeast-1.amazonaws.com */
    char signing_region[40]; /* the region of the credential scope; us-east-1 for route53 */
};

/*!
 * \brief Host and signing region of a service, from a table of partitions; no network
 *
 * A region that is not known is placed by its prefix, so that new regions work. Every partition
 * names its dual-stack and FIPS endpoints by rule, whether or not they exist: one that does not
 * is found out by its name not resolving.
 *
 * \param[in]  service  endpoint prefix: "ec2", "sts", "route53" or "elasticloadbalancing"
 * \param[in]  region   "ap-northeast-1"; lower-case letters, digits and '-'
 * \param[out] ret      untouched on failure
 *
 * \return 0; -ERR_PARAM for a region that cannot be one
 *
 * Source: AWS General Reference, "Service endpoints and quotas"; botocore's partitions.json and
 * endpoint rule sets, with which a test compares every region.
 */
int endpoint_resolve(const char *service, const char *region, struct endpoint_variant variant,
                     struct endpoint *ret, struct err *e) OCF_MUST_CHECK;

/*! \brief Partition of a region, "aws", "aws-cn" ...: for ARNs; "aws" when unknown. Static. */
const char *endpoint_partition(const char *region);

#endif
