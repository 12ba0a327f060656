/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_HOSTEDZONE_H
#define OCF_AWS_HOSTEDZONE_H

#include "ocf.h"
#include "route53.h"

/*
 * Which hosted zone a parameter means. A private and a public zone may have one name, and so may
 * several private ones, of which this node's VPC decides. The ids found by name are kept in the
 * node's cache, so that a warm agent asks for none.
 */

#define HOSTEDZONE_MAX 2 /* a private and a public one */

enum hostedzone_visibility { HOSTEDZONE_PRIVATE, HOSTEDZONE_PUBLIC, HOSTEDZONE_BOTH };

/* Borrowed. */
struct hostedzone_query {
    const char *id;        /* as the user wrote it; NULL: by name */
    const char *name;      /* canonical */
    int visibility;        /* of those of that name */
    const char *interface; /* whose VPC decides between private ones; NULL: the primary one */
};

/*!
 * \brief Find the ids
 *
 * \param[out] ret_n  1, or 2 for HOSTEDZONE_BOTH: the private one first
 *
 * \return 0; -ERR_PARAM when there is none, or more than one that it could be, with their ids;
 *         else as aws_call_all() and node_nic()
 */
int hostedzone_find(struct ocf_ctx *ctx, const struct hostedzone_query *q,
                    char ret_ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX], size_t *ret_n,
                    struct err *e) OCF_MUST_CHECK;

/*! \brief Drop the ids from the cache, after one has turned out not to exist (any more). */
void hostedzone_forget(const struct ocf_ctx *ctx, const struct hostedzone_query *q);

#endif
