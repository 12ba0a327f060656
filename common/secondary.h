/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_SECONDARY_H
#define OCF_AWS_SECONDARY_H

#include "ec2addr.h"
#include "vip.h"

/* Which ENI has the secondary private addresses of a resource. */

/* A member of the agent's struct. */
struct secondary {
    struct vip_params vip; /* the parameters */
    /* What was found last. */
    struct node_nic nic;
    struct ec2_holder holders[PARAM_LIST_MAX]; /* in the order of vip.addresses */
    unsigned n_refused;                        /* see secondary_move() */
};

/*! \brief Whether IMDS shows all of them at our interface, none as its primary one. */
bool secondary_shown_by_imds(struct ocf_ctx *ctx, struct secondary *s);

/*! \brief Ask AWS who has them and judge that; UNKNOWN with the error in \p why. */
enum ocf_verdict secondary_ask_aws(struct ocf_ctx *ctx, struct secondary *s, struct err *why);

/*!
 * \brief What the holders say; a pure function
 *
 * \return HERE when all are ours, DEGRADED when some are, ELSEWHERE or ABSENT when none is;
 *         UNKNOWN with -ERR_PARAM when one is the primary address of an ENI, which does not move.
 *         \p why tells of the first that is not right.
 */
enum ocf_verdict secondary_judge(const struct secondary *s, struct err *why);

/*!
 * \brief Assign to our ENI those that the holders found last say are not ours; all of them when
 *        ocf_is_anew()
 *
 * \return 0 when all was accepted; -ERR_UNCERTAIN when EC2 refused an IPv6 address that another
 *         has: a read that lags behind did not show it, and the next decides anew; else the error
 */
int secondary_move(struct ocf_ctx *ctx, struct secondary *s, struct err *e) OCF_MUST_CHECK;

/*! \brief Findings of the preflight: in the subnet, no primary address, writes allowed. */
void secondary_preflight(struct ocf_ctx *ctx, struct secondary *s);

#endif
