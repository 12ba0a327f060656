/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWROUTES_H
#define OCF_AWS_TGWROUTES_H

#include "tgwregions.h"

/*
 * The routes of a resource of tgwvip.h, from what its regions answered: the plan, and its writes.
 * Regions are told by their place in the struct; 0 is the node's own.
 */

/*!
 * \brief Make a plan of what is known, in the place of the one before, which is freed
 *
 * \return 0 or -ERR_NOMEM; -ERR_BUG as tgwplan_make()
 */
int tgwroutes_plan(const struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*! \brief How many changes are planned in a region. */
size_t tgwroutes_n_changes(const struct tgwvip *t, size_t region);

/*! \brief Keep of the plan what is to be written in the own region. */
void tgwroutes_keep_own(struct tgwvip *t);

/*!
 * \brief Make the changes that are planned, in all regions at once
 *
 * What was accepted is taken as read: the next plan is made from what holds.
 *
 * \return 0, and each change has its error; -ERR_CANCELLED or -ERR_NOMEM
 */
int tgwroutes_write(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*! \brief As tgwroutes_write(), but only ask whether each change would be allowed. */
int tgwroutes_ask(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*! \brief How many writes to the own region were accepted. */
size_t tgwroutes_n_accepted_own(const struct tgwvip *t);

/*!
 * \brief What became of the writes to the own region
 *
 * \return 0; as routeplan_sum_up(), of the VPC's tables before those of Transit Gateways
 */
int tgwroutes_sum_up_own(struct ocf_ctx *ctx, const struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*! \brief Whether reads may still show what this node has just replaced. */
bool tgwroutes_are_settling(const struct ocf_ctx *ctx);

#endif
