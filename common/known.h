/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_KNOWN_H
#define OCF_AWS_KNOWN_H

#include "ocf.h"

/*
 * Routes that a node has seen. Route tables that nobody has named are found by the routes that
 * they have, so one that loses its route would not be missed: the clients of its subnets have lost
 * the service, and all that is found is as it should be. The list lies in the node's state
 * directory under the resource's name, a line each: REGION TABLE DESTINATION
 *
 * It is a cache: one that cannot be read or kept is made anew from what is found. A recurring
 * monitor adds to it. Start and reload-agent begin it anew, and so does an operator who means a
 * route to be gone, by `crm_resource --force-start` on the active node. It ends with a stop.
 */

struct known_route {
    char region[AWS_REGION_MAX];
    char table_id[AWS_ID_MAX];
    struct addr destination;
};

struct known {
    struct known_route *items;
    size_t n;
};

void known_done(struct known *k);

/*! \brief Add a route, unless it is there. 0 or -ERR_NOMEM. */
int known_add(struct known *k, const char *region, const char *table_id,
              const struct addr *destination) OCF_MUST_CHECK;

/*! \brief Append the lines. 0; errors as buf_add(). */
int known_format(const struct known *k, struct buf *ret) OCF_MUST_CHECK;

/*!
 * \brief Read the lines
 *
 * \param[out] ret  untouched on failure; free with known_done()
 *
 * \return 0, -ERR_MALFORMED for what known_format() does not write, -ERR_NOMEM
 */
int known_parse(const char *text, struct known *ret) OCF_MUST_CHECK;

/* What a look at AWS says of routes. */
struct known_look {
    const struct known *found;
    const struct addr *destinations; /* that are wanted; others are forgotten */
    size_t n_destinations;
    /* Whether a region has told all its routes; NULL: each has. */
    bool (*has_answered)(const char *region, const void *arg);
    const void *arg;
};

/*!
 * \brief Which routes were there before and are not found, and remember what there is
 *
 * Only a recurring monitor of the active node and validate-all miss anything; only that monitor,
 * start and reload-agent remember.
 *
 * \param[out] ret_lost  routes that are missed; untouched on failure; free with known_done()
 *
 * \return 0 or -ERR_NOMEM
 */
int known_compare(const struct ocf_ctx *ctx, const struct known_look *look,
                  struct known *ret_lost) OCF_MUST_CHECK;

/*! \brief Forget them: the resource has left this node. */
void known_drop(const struct ocf_ctx *ctx);

#define KNOWN_WHAT   "had a route to"
#define KNOWN_REMEDY "create it, or if that is meant crm_resource --force-start on this node"

#endif
