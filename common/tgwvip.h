/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWVIP_H
#define OCF_AWS_TGWVIP_H

#include "pending.h"
#include "tgwcache.h"
#include "tgwplan.h"
#include "vip.h"

/*
 * An address that VPCs of several regions reach by Transit Gateways, and its routes in all of them.
 *
 * The node's own region decides: what is said of the resource is what its routes say, and a start
 * fails for nothing but them. Other regions are read and written all at once. One that does not
 * answer within the time of one attempt is asked nothing more in that action, and what is left
 * there is for the monitors of this node.
 */

#define TGWVIP_REGIONS_MAX TGWCACHE_REGIONS_MAX

/* A member of the agent's struct. */
struct tgwvip {
    /* Parameters. */
    struct vip_params vip;
    struct param_ids only; /* names of regions; none: all that peerings lead to */
    struct route_params routes;

    /* What is known in this action. */
    struct node_nic nic;
    struct tgw_region regions[TGWVIP_REGIONS_MAX]; /* the node's own first */
    bool asked[TGWVIP_REGIONS_MAX];
    bool described[TGWVIP_REGIONS_MAX];               /* the inventory is one of this action */
    bool describe;                                    /* it has to be, wherever it is used */
    struct aws_session *sessions[TGWVIP_REGIONS_MAX]; /* of those that answered; borrowed */
    size_t n_regions;
    struct tgwcache_regions remembered;
    struct pending left; /* by a start before this action */
    struct tgwplan plan;
    bool applied;
};

/*!
 * \brief What AWS says: a recurring monitor asks all regions, everything else only the own one
 *
 * Before tgwvip_apply() a start is told DEGRADED when there are other regions, which it has to
 * look at; after that, what cannot be put right by writing a route does not keep it from HERE.
 */
enum ocf_verdict tgwvip_look(struct ocf_ctx *ctx, struct tgwvip *t, struct err *why);

/*!
 * \brief Write the routes of the own region, then those of all others, as the last tgwvip_look()
 *        found them
 *
 * \return 0, also when something was left in other regions, which is stored and warned of;
 *         -ERR_PARAM_LOCAL, with the command that mends it, when no table of the VPC has a
 *         route: other nodes may have one;
 *         -ERR_CONFLICT when a monitor would take a region back from another node; as
 *         routeplan_sum_up() for the own region's routes
 */
int tgwvip_apply(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*! \brief The finish() of struct ocf_agent: write what was left, while the rest is ours. */
enum ocf_verdict tgwvip_finish(struct ocf_ctx *ctx, struct tgwvip *t, enum ocf_verdict v,
                               struct err *why);

/*! \brief Findings of the preflight: regions, routes, paths, permissions, source/dest check. */
void tgwvip_preflight(struct ocf_ctx *ctx, struct tgwvip *t);

void tgwvip_done(struct tgwvip *t);

#endif
