/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_NODE_H
#define OCF_AWS_NODE_H

#include "addr.h"
#include "awsid.h"
#include "creds.h"
#include "netif.h"

/*
 * This node as AWS knows it. What does not change while the machine is up (region, and which ENI
 * a MAC address belongs to) is cached under its boot id, so that a warm agent asks IMDS nothing.
 */
struct node {
    struct imds imds;
    const struct cache *cache;
};

/* A network interface of this node, on both sides. */
struct node_nic {
    struct netif_link link;
    char eni_id[AWS_ID_MAX];
    char vpc_id[AWS_ID_MAX];
    char subnet_id[AWS_ID_MAX];
};

/*! \brief Region of this node, appended to \p ret. Errors as imds_get(), but a 404 is
 *         -ERR_MALFORMED: no instance is without it. */
int node_region(struct node *n, struct deadline d, struct buf *ret, struct err *e) OCF_MUST_CHECK;

/*! \brief Id of this instance, "i-...", appended to \p ret. Errors as node_region(). */
int node_instance_id(struct node *n, struct deadline d, struct buf *ret,
                     struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Find an interface and its ENI
 *
 * \param[in] interface  name of the link; NULL for the primary one (device number 0)
 *
 * \return 0; -ERR_PARAM_LOCAL when there is no such link, or when the link is no ENI; -ERR_SYSTEM;
 *         errors as node_region()
 */
int node_nic(struct node *n, const char *interface, struct deadline d, struct node_nic *ret,
             struct err *e) OCF_MUST_CHECK;

/*! \brief Whether an interface that was asked for exists here; NULL does. 0; -ERR_PARAM_LOCAL;
 *         -ERR_SYSTEM when the host does not tell. */
int node_check_interface(const char *interface, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief The primary private IPv4 address of a NIC; asked once, since it never changes
 *
 * \return 0; -ERR_NOT_FOUND when it has no IPv4; errors as node_nic_addresses()
 *
 * Source: EC2 User Guide, "Instance metadata categories": the first of local-ipv4s.
 */
int node_primary_ip(struct node *n, const struct node_nic *nic, struct deadline d, struct addr *ret,
                    struct err *e) OCF_MUST_CHECK;

#define NODE_LEAVES_MAX 4

/*!
 * \brief Addresses that IMDS has for a NIC now; one round trip, never from the cache
 *
 * \param[in]  leaves  which lists, at most NODE_LEAVES_MAX: "local-ipv4s", "ipv6s", "public-ipv4s",
 *                     "ipv4-associations/PUBLIC"; one that is not there is empty
 * \param[out] ret     all of them; untouched on failure
 *
 * \return 0; -ERR_MALFORMED for what is no address; errors as imds_get()
 *
 * Source: EC2 User Guide, "Instance metadata categories".
 */
int node_nic_addresses(struct node *n, const struct node_nic *nic, const char *const *leaves,
                       size_t n_leaves, struct deadline d, struct addr_list *ret,
                       struct err *e) OCF_MUST_CHECK;

#endif
