/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_PROBEHTTP_H
#define OCF_AWS_PROBEHTTP_H

#include "base.h"

/* The little HTTP that a health check speaks, without any input or output of its own. */

#define PROBEHTTP_HEAD_MAX   2048 /* bytes of a request up to its empty line */
#define PROBEHTTP_ANSWER_MAX 256

/*!
 * \brief Read what has come of a request so far
 *
 * What cannot become a request is refused at its first wrong byte, so that who sends noise is not
 * listened to. The rest is looked at once it is whole: an answer before that could be lost with
 * the bytes that nobody read.
 *
 * \param[in]  text           all bytes so far, at most PROBEHTTP_HEAD_MAX
 * \param[in]  path           the path that is healthy, "/..."
 * \param[out] ret_head_only  set when the answer is to have no content (HEAD); may be changed
 *                            while 0 is returned
 *
 * \return 0 while more is needed, else the status to answer: 200, 400, 404 (another path), 405
 *         (neither GET nor HEAD), 431 (too long), 505 (not HTTP/1)
 *
 * Source: RFC 9112, sections 2.2, 3 and 3.2.
 */
int probehttp_status(const char *text, size_t len, const char *path,
                     bool *ret_head_only) OCF_MUST_CHECK;

/*!
 * \brief Write the whole answer; the connection is closed after it
 *
 * \param[in] status  one of probehttp_status(), or 503
 *
 * \return bytes written to \p out
 */
size_t probehttp_answer(int status, bool head_only, char out[PROBEHTTP_ANSWER_MAX]);

#endif
