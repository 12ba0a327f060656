/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWBACK_H
#define OCF_AWS_TGWBACK_H

#include "ocf.h"
#include "tgw.h"

/*
 * The way back: whether an answer of the node reaches the VPCs of its clients. Their networks are
 * in no plan, since no address of ours moves with them; the user routes them once.
 */

/* Borrowed. */
struct tgwback {
    const struct tgw_region *regions; /* the node's own first */
    size_t n_regions;
    struct aws_session *const *sessions; /* of the regions that answered */
    const struct node_nic *nic;
    const struct param_addresses *addresses;
};

/*!
 * \brief A finding of the preflight for each network of each client: the way is followed from the
 *        table of the node's subnet over the TGW tables, by the first address of the network
 *
 * A client is another VPC with a route to one of the addresses. Where no region answered the way is
 * followed no further.
 */
void tgwback_preflight(struct ocf_ctx *ctx, const struct tgwback *b);

#endif
