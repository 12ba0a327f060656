/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_ELBV2_H
#define OCF_AWS_ELBV2_H

#include "awscall.h"

/* The API of Elastic Load Balancing, version 2015-12-01. */

#define ELBV2_TARGETS_MAX 1000 /* of one group: twice the default quota */

struct elbv2_target {
    char id[64];    /* an instance, or an address */
    char port[8];   /* of the traffic */
    char state[24]; /* "healthy", "unhealthy", "initial", "draining", "unused", ... */
    char reason[64];
    char description[160];
};

struct elbv2_targets {
    struct elbv2_target *items;
    size_t n;
};

void elbv2_targets_done(struct elbv2_targets *t);

/*!
 * \brief DescribeTargetHealth of all targets of a group
 *
 * \param[out] ret  untouched on failure; free with elbv2_targets_done()
 *
 * \return 0; -ERR_NOT_FOUND when there is no such group; else as aws_call_all()
 *
 * Source: Elastic Load Balancing API Reference 2015-12-01, DescribeTargetHealth.
 */
int elbv2_describe_target_health(struct aws_session *s, const char *target_group_arn,
                                 struct elbv2_targets *ret, struct deadline d,
                                 struct err *e) OCF_MUST_CHECK;

#endif
