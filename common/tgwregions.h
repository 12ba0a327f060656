/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWREGIONS_H
#define OCF_AWS_TGWREGIONS_H

#include "pending.h"
#include "tgwcache.h"
#include "tgwplan.h"
#include "vip.h"

/*
 * The regions of a resource of tgwvip.h: which there are, and what each of them answers. The plan
 * in its struct is not looked at here.
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
    bool written; /* all that was planned, once in this acquire */
    bool applied;
};

/*!
 * \brief Find our ENI and, the first time, what is known without asking AWS: the regions that were
 *        remembered, and what a start has left
 *
 * \return 0; errors as ocf_nic() and ocf_aws()
 */
int tgwregions_begin(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Read the node's own region anew
 *
 * A region that does not answer is no failure, here and below: it has its error. What was read of
 * it before is freed.
 *
 * \return 0, -ERR_CANCELLED or -ERR_NOMEM
 */
int tgwregions_read_own(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Read the other regions that were not asked in this action, and those that they lead to
 *
 * The regions are remembered, for the day when the one that leads to another is silent, until all
 * have answered and none leads there. Those that a start left without knowing them are added to
 * what is left by a monitor, and remembered by nothing before it but another start.
 *
 * \return 0, -ERR_CANCELLED or -ERR_NOMEM
 */
int tgwregions_read_others(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief As tgwregions_read_others(), and anew the own region and all that have answered
 *
 * With \p t->describe set, an inventory that is not one of this action is read anew, too.
 *
 * \return 0, -ERR_CANCELLED or -ERR_NOMEM
 */
int tgwregions_read_all(struct ocf_ctx *ctx, struct tgwvip *t, struct err *e) OCF_MUST_CHECK;

/*! \brief Whether no known region is silent; one that was not asked is. */
bool tgwregions_have_all_answered(const struct tgwvip *t);

#endif
