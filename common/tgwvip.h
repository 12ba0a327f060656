/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWVIP_H
#define OCF_AWS_TGWVIP_H

#include "tgwregions.h"

/*
 * An address that VPCs of several regions reach by Transit Gateways, and its routes in all of them.
 *
 * The node's own region decides: what is said of the resource is what its routes say, and a start
 * fails for nothing but them. Other regions are read and written all at once. One that does not
 * answer within the time of one attempt is asked nothing more in that action, and what is left
 * there is for the monitors of this node.
 */

/*!
 * \brief What AWS says: a recurring monitor asks all regions, everything else only the own one
 *
 * Before tgwvip_apply() a start is told DEGRADED when there are other regions, which it has to
 * look at; after that, what cannot be put right by writing a route does not keep it from HERE.
 */
enum ocf_verdict tgwvip_look(struct ocf_ctx *ctx, struct tgwvip *t, struct err *why);

/*!
 * \brief Whether the node's VPC has a route to each address, by the last tgwvip_look()
 *
 * \return 0; -ERR_PARAM_LOCAL, with the command that mends it: no node of this VPC can help that,
 *         but one elsewhere may
 */
int tgwvip_check(const struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Write the routes of the own region, then those of all others, as the last tgwvip_look()
 *        found them
 *
 * \return 0, also when something was left in other regions, which is stored and warned of;
 *         -ERR_CONFLICT when a monitor would take a region back from another node; as
 *         tgwvip_check(), and as routeplan_sum_up() for the own region's routes
 */
int tgwvip_apply(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*! \brief The finish() of struct ocf_agent: write what was left, while the rest is ours. */
enum ocf_verdict tgwvip_finish(struct ocf_ctx *ctx, struct tgwvip *t, enum ocf_verdict v,
                               struct err *why);

/*! \brief Findings of the preflight: regions, routes, paths, permissions, source/dest check. */
void tgwvip_preflight(struct ocf_ctx *ctx, struct tgwvip *t);

void tgwvip_done(struct tgwvip *t);

#endif
