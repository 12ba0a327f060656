/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_PACE_H
#define OCF_AWS_PACE_H

#include "cache.h"
#include "clock.h"

/*
 * Calls a second, counted over all agents of the node: some quotas hold for a whole account, and
 * are so low that a node with many resources passes them by itself.
 *
 * The generic cell rate algorithm: one number, the time up to which the allowance is used up, in a
 * file of the cache directory, on the clock that goes on over a suspend. A reservation moves it
 * on, and the caller waits for its own turn.
 * Source: ITU-T Recommendation I.371, annex on the GCRA (virtual scheduling).
 */
struct pace_rate {
    unsigned per_second; /* in the long run; 0: not paced */
    unsigned burst;      /* so many at once; no second has more than the sum of both */
};

/*!
 * \brief Wait for this node's turn to make one call
 *
 * A file that cannot be used, or a lock that is held on to, costs the pace and not the call.
 *
 * \param[in] cache  where the node's agents meet; NULL: not paced
 * \param[in] name   what is counted: "route53"
 *
 * \return 0 when it may go; -ERR_DEADLINE, at once and with nothing reserved, when the turn would
 *         come after the deadline; -ERR_CANCELLED
 */
int pace_wait(const struct cache *cache, const char *name, struct pace_rate rate, struct deadline d,
              struct err *e) OCF_MUST_CHECK;

#endif
