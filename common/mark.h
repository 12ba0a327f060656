/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_MARK_H
#define OCF_AWS_MARK_H

#include "ocf.h"

/*
 * A mark in the node's state directory says that start put this resource on this node. It is the
 * local evidence of agents that leave nothing else on the node: made by start, removed by stop, and
 * gone after a boot.
 */

/*!
 * \brief Whether start has marked this node
 *
 * \return HERE; ABSENT, with \p why set; UNKNOWN, with the error in \p why: a mark that cannot be
 *         looked for is not known to be absent
 */
enum ocf_verdict mark_look(const struct ocf_ctx *ctx, struct err *why);

/*! \brief Set it. 0 or -ERR_SYSTEM. */
int mark_set(const struct ocf_ctx *ctx, struct err *e) OCF_MUST_CHECK;

/*! \brief Remove it; also when there is none. 0 or -ERR_SYSTEM. */
int mark_remove(const struct ocf_ctx *ctx, struct err *e) OCF_MUST_CHECK;

/*! \brief Remove it where it is not needed: a failure is of no consequence. */
void mark_drop(const struct ocf_ctx *ctx);

#endif
