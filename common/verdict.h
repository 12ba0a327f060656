/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_VERDICT_H
#define OCF_AWS_VERDICT_H

#include "awsparam.h"
#include "err.h"

#include <crm/common/results.h>

/* What a probe found. */
enum ocf_verdict {
    OCF_HERE,      /* all of it is on this node */
    OCF_SETTLING,  /* it is here, and AWS is still spreading the news: a start waits for that */
    OCF_DEGRADED,  /* it is here, and a part of it is not as it should be */
    OCF_FAILED,    /* it is here, and does not work */
    OCF_ELSEWHERE, /* another node has it */
    OCF_ABSENT,    /* no node has it */
    OCF_UNKNOWN,   /* cannot tell; never read as "not running" */
};

/* What is being done. */
enum ocf_operation {
    OCF_OP_START,
    OCF_OP_STOP,
    OCF_OP_MONITOR, /* recurring, or by hand without an interval */
    OCF_OP_PROBE,   /* monitor with interval 0 */
    OCF_OP_RELOAD,
    OCF_OP_VALIDATE,
};

/*!
 * \brief Exit code of a monitor or probe; a pure function
 *
 * A probe that cannot ask AWS goes by the local evidence: what only start puts on this node means
 * that the resource is here, and stopping it for an outage of the API would be the greater harm.
 *
 * \param[in] local       HERE, ABSENT, or UNKNOWN when only AWS can tell
 * \param[in] on_unknown  for a recurring monitor
 *
 * Source: OCF Resource Agent API 1.1, "Exit status"; Pacemaker Administration, "How are OCF
 * return codes interpreted".
 */
int verdict_exit_code(enum ocf_verdict v, enum ocf_operation operation, enum ocf_verdict local,
                      enum awsparam_on_unknown on_unknown);

/*!
 * \brief Exit code of an action that failed with \p code (negative); a pure function
 *
 * 2 and 6 only for parameters that are wrong here or everywhere, 4 for what IAM denies, and 1 for
 * all that can heal by itself.
 */
int verdict_exit_code_of_error(int code);

/*! \brief "HERE", for the log; static storage. */
const char *verdict_name(enum ocf_verdict v);

#define VERDICT_REASON_MAX 128 /* characters of an exit reason that Pacemaker keeps */

/*!
 * \brief Put an error into the words of an exit reason: what failed, on which object, the AWS code
 *        and request id, and what to do
 *
 * The advice is kept whole; what failed is cut when both do not fit, and the request id is left out
 * when it does not fit whole.
 *
 * \param[in]  prefix  what was being done: "cannot check"
 * \param[out] out     at most VERDICT_REASON_MAX bytes and a NUL
 */
void verdict_reason(const char *prefix, const struct err *e, char out[VERDICT_REASON_MAX + 1]);

/*!
 * \brief The same for a line that need not be so short
 *
 * \param[in] size  of \p out, which gets a NUL too
 */
void verdict_line(const char *prefix, const struct err *e, char *out, size_t size);

#endif
