/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_STS_H
#define OCF_AWS_STS_H

#include "awscall.h"

/* The Security Token Service, version 2011-06-15; `e` is not NULL. */

/* A role to assume. Borrowed; unused members are NULL. */
struct sts_role {
    const char *role_arn;
    const char *session_name;
    const char *external_id;
    const char *web_identity_token; /* AssumeRoleWithWebIdentity when set: not signed */
};

/*!
 * \brief AssumeRole or AssumeRoleWithWebIdentity
 *
 * \param[out] ret  untouched on failure; free with aws_credentials_done()
 *
 * Source: STS API Reference, AssumeRole and AssumeRoleWithWebIdentity.
 */
int sts_assume_role(struct aws_session *s, const struct sts_role *role, struct aws_credentials *ret,
                    struct deadline d, struct err *e) OCF_MUST_CHECK;

/*! \brief GetCallerIdentity: the ARN that the calls are made as, appended to \p ret_arn. */
int sts_get_caller_identity(struct aws_session *s, struct buf *ret_arn, struct deadline d,
                            struct err *e) OCF_MUST_CHECK;

/*! \brief "2026-11-21T12:00:00Z" (fractions are dropped) as seconds since 1970; 0 when malformed.
 */
int64_t sts_parse_time(const char *text);

#endif
