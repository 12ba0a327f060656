/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_NODE_H
#define OCF_AWS_NODE_H

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

/*! \brief Region of this node, appended to \p ret. Errors as imds_get(). */
int node_region(struct node *n, struct deadline d, struct buf *ret, struct err *e) OCF_MUST_CHECK;

/*! \brief Id of this instance, "i-...", appended to \p ret. Errors as imds_get(). */
int node_instance_id(struct node *n, struct deadline d, struct buf *ret,
                     struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Find an interface and its ENI
 *
 * \param[in] interface  name of the link; NULL for the primary one (device number 0)
 *
 * \return 0; -ERR_PARAM_LOCAL when there is no such link, or when the link is no ENI; errors as
 *         imds_get()
 */
int node_nic(struct node *n, const char *interface, struct deadline d, struct node_nic *ret,
             struct err *e) OCF_MUST_CHECK;

#endif
