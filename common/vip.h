/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_VIP_H
#define OCF_AWS_VIP_H

#include "ocf.h"

/*
 * The addresses of a resource on a network interface: the local half of every agent that moves an
 * address. When the user has them assigned by something else, a mark in the node's state
 * directory stands for them: it is made by start, removed by stop, and gone after a boot.
 */

/* A member of the agent's struct. */
struct vip_params {
    struct param_addresses addresses; /* `ip`, which each agent describes in its own words */
    const char *interface;            /* of awsparam_interface_rows */
    bool assign_address;
    const char *label; /* IPv4 label without the interface's name; NULL: none */
};

/*! \brief The rows of assign_address and label; base: the offset of that member. */
extern const struct param vip_rows[];

/*!
 * \brief Whether they are here; sets ctx->local, and \p why when one is missing
 *
 * \return HERE when all are, ABSENT when one is not, UNKNOWN when this host does not tell
 */
enum ocf_verdict vip_look(struct ocf_ctx *ctx, const struct vip_params *v, struct err *why);

/*!
 * \brief The probe of addresses that routes lead to; a stop leaves the routes as they are
 *
 * \param[in]  look_at_routes  the verdict of AWS; not asked when the addresses are not here, unless
 *                             ctx->everything
 * \param[out] why             see the probe of struct ocf_agent
 */
enum ocf_verdict vip_probe(struct ocf_ctx *ctx, const struct vip_params *v,
                           enum ocf_verdict (*look_at_routes)(struct ocf_ctx *ctx, struct err *why),
                           struct err *why);

/*! \brief Put them on the link. 0; -ERR_PARAM_LOCAL for a label too long; -ERR_SYSTEM. */
int vip_assign(struct ocf_ctx *ctx, const struct vip_params *v, const struct netif_link *link,
               struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Take them off, all of them, whatever happens to one
 *
 * One that is on an interface with the prefix of a network alone is left there, with a warning: it
 * may be the interface's own address.
 *
 * \return 0 or -ERR_SYSTEM
 */
int vip_remove(struct ocf_ctx *ctx, const struct vip_params *v, struct err *e) OCF_MUST_CHECK;

/*! \brief Findings of the preflight: each address lies inside the NIC's subnet. */
void vip_preflight_inside_subnet(struct ocf_ctx *ctx, const struct vip_params *v,
                                 const struct node_nic *nic);

/*! \brief Findings of the preflight: each address lies outside the networks of the NIC's VPC. */
void vip_preflight_outside_vpc(struct ocf_ctx *ctx, const struct vip_params *v,
                               const struct node_nic *nic);

#endif
