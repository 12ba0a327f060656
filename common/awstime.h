/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_AWSTIME_H
#define OCF_AWS_AWSTIME_H

#include "cache.h"
#include "clock.h"

/*
 * What AWS's clock says, remembered on this node where it has been seen to differ from the host's:
 * signatures and the expiry of credentials go by AWS's time, and without a memory each action of
 * a node with a wrong clock would be refused first.
 *
 * It is remembered against the clock that no one sets (CLOCK_BOOTTIME), so that it holds whatever
 * becomes of the host's: when that is put right, nothing is left to correct. A memory that has gone
 * wrong, as on a machine that was halted, costs one refusal, whose Date header replaces it.
 */

#define AWSTIME_SKEW_MIN_S 240 /* AWS allows five minutes: less than this is not the reason */

/*!
 * \brief AWS's clock less the host's, in seconds
 *
 * \return 0 when nothing is remembered, or they differ by less than AWSTIME_SKEW_MIN_S
 */
int64_t awstime_skew(const struct cache *cache, struct deadline d);

/*! \brief Remember that AWS's clock says \p aws_s (seconds since 1970) now. */
void awstime_learn(const struct cache *cache, struct deadline d, int64_t aws_s);

#endif
