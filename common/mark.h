/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_MARK_H
#define OCF_AWS_MARK_H

#include "ocf.h"

/*
 * A mark in the node's state directory says that start put this resource on this node. It is the
 * local evidence of agents that leave nothing else on the node: made by start, removed by stop, and
 * gone after a boot.
 *
 * A stop that cannot remove it is a success all the same, since a failed stop would have the node
 * fenced. So a mark that could not be removed proves nothing where the cluster does not know either
 * whether the resource runs here: in a probe, in a stop, and in a monitor of role Stopped.
 */

/*!
 * \brief Whether start has marked this node
 *
 * \return HERE; ABSENT, with \p why set; UNKNOWN, with the error in \p why: a mark that cannot be
 *         looked for is not known to be absent, and one that cannot be removed proves nothing
 */
enum ocf_verdict mark_look(const struct ocf_ctx *ctx, struct err *why);

/*! \brief Set it. 0 or -ERR_SYSTEM. */
int mark_set(const struct ocf_ctx *ctx, struct err *e) OCF_MUST_CHECK;

/*! \brief Remove it, if there is one. That it cannot be removed is a warning. */
void mark_remove(const struct ocf_ctx *ctx);

/*! \brief Remove it where it is not needed: a failure is of no consequence. */
void mark_drop(const struct ocf_ctx *ctx);

#endif
