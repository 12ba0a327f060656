/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_HEALTHPORT_H
#define OCF_AWS_HEALTHPORT_H

#include "ocf.h"
#include "probectl.h"

/*
 * A port that answers the health checks of a load balancer while the resource is on this node: the
 * agent's side of the listener. Nothing here knows AWS.
 */

struct healthport_params {
    uint16_t port;
    struct param_addresses bind; /* none: every address */
    int protocol;
    const char *path;
    uint64_t drain_ms;
};

/*! \brief Their rows, for a struct param_table whose base is the offset of that member. */
extern const struct param healthport_rows[];

/*!
 * \brief Fit of the parameters; warns when a stop with its advertised timeout cannot drain so long
 *
 * \return 0 or -ERR_PARAM
 */
int healthport_check(const struct ocf_ctx *ctx, const struct healthport_params *p,
                     struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Ask the listener for its counters, and make a health check on every address
 *
 * Sets ctx->local.
 *
 * \param[out] ret  set for HERE; all zeros when the listener is of another version of this agent
 *
 * \return HERE; FAILED when it lives and does not answer, or drains; ABSENT when there is none;
 *         UNKNOWN when it cannot be looked for. \p why is set for all but HERE.
 */
enum ocf_verdict healthport_look(struct ocf_ctx *ctx, const struct healthport_params *p,
                                 struct probectl_status *ret, struct err *why);

/*!
 * \brief Start the listener, in the place of one that does not answer, and see it answer
 *
 * \return 0; -ERR_PARAM_LOCAL when an address is not on this node; -ERR_SYSTEM, with who has the
 *         port; -ERR_TIMEOUT, -ERR_CONNECT, -ERR_SERVICE when it does not answer
 */
int healthport_start(struct ocf_ctx *ctx, const struct healthport_params *p,
                     struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Drain and end the listener; also when there is none
 *
 * Drains no longer than the action's deadline allows, with a warning.
 *
 * \return 0; -ERR_SYSTEM, -ERR_TIMEOUT, -ERR_CANCELLED
 */
int healthport_stop(struct ocf_ctx *ctx, const struct healthport_params *p,
                    struct err *e) OCF_MUST_CHECK;

/*! \brief Findings: the listener runs, or its ports are free. */
void healthport_preflight(struct ocf_ctx *ctx, const struct healthport_params *p);

#endif
