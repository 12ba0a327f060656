/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_PENDING_H
#define OCF_AWS_PENDING_H

#include "ec2.h"
#include "ocf.h"

/*
 * What a start had to leave in regions that did not answer, for the monitors of this node to
 * finish. It is kept in the node's state directory under the resource's name, and ends with the
 * boot. One line each:
 *
 *   *                               and what only silent ones of these regions lead to
 *   REGION                          nothing is known of it: it has never answered
 *   REGION TABLE DESTINATION SEEN   a route that was not written, and what it led to; "-": nothing
 *
 * An entry that is there and cannot be read says that something was left, and not what: that is
 * every other region. An empty entry, which also fits into a full file system, is made to say that.
 */

struct pending_item {
    char region[AWS_REGION_MAX];
    char table_id[AWS_ID_MAX]; /* "": all of the region */
    struct addr destination;
    char seen[EC2_TARGET_MAX]; /* "": nothing */
};

struct pending {
    bool everything; /* every other region, and there are no items */
    bool beyond;     /* regions, too, that are found only when a silent one answers */
    struct pending_item *items;
    size_t n;
};

void pending_done(struct pending *p);

/*! \brief Add an item; what an item has said already, of the route or its whole region, is not said
 *         twice. 0 or -ERR_NOMEM. */
int pending_add(struct pending *p, const struct pending_item *item) OCF_MUST_CHECK;

/*! \brief Add all of a region, of which nothing is known. 0 or -ERR_NOMEM. */
int pending_add_region(struct pending *p, const char *region) OCF_MUST_CHECK;

/*! \brief Whether there is nothing: no items, and so no beyond. */
bool pending_is_empty(const struct pending *p);

/*! \brief Whether something is left in a region, which is not this node's own. */
bool pending_has_region(const struct pending *p, const char *region);

/* What is known of a route that is not as it should be. */
enum pending_route {
    PENDING_NOT,     /* it was not left: others have changed it */
    PENDING_LEFT,    /* it was left, and shows what it showed then, if that is known */
    PENDING_CHANGED, /* it was left, and others have changed it since */
};

/*! \brief Whether a route was left that now leads to \p target ("": nothing). */
enum pending_route pending_look(const struct pending *p, const char *region, const char *table_id,
                                const struct addr *destination, const char *target);

/*! \brief Append the lines. 0; errors as buf_add(). */
int pending_format(const struct pending *p, struct buf *ret) OCF_MUST_CHECK;

/*!
 * \brief Read the lines
 *
 * \param[out] ret  untouched on failure; free with pending_done()
 *
 * \return 0; -ERR_MALFORMED for what pending_format() does not write, no line at all among it;
 *         -ERR_NOMEM
 */
int pending_parse(const char *text, struct pending *ret) OCF_MUST_CHECK;

/*!
 * \brief What this node has left for the resource
 *
 * \param[out] ret  empty when there is no entry; everything for one that cannot be read
 *
 * \return 0; -ERR_SYSTEM when the host does not tell whether there is one; -ERR_NOMEM
 */
int pending_load(const struct ocf_ctx *ctx, struct pending *ret, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Write it down in place of what was there, or remove that when there is nothing
 *
 * What does not fit, into the entry or the file system, is written down as every other region.
 *
 * \return 0; -ERR_SYSTEM when not even that can be
 */
int pending_store(const struct ocf_ctx *ctx, const struct pending *p, struct err *e) OCF_MUST_CHECK;

/*! \brief Forget it: this node is not the owner any more, and the next start writes it anew. A
 *         failure is of no consequence, since a route is only written while it shows what was seen.
 */
void pending_drop(const struct ocf_ctx *ctx);

#endif
