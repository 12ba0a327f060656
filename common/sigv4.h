/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_SIGV4_H
#define OCF_AWS_SIGV4_H

#include "buf.h"
#include "digest.h"

/*
 * AWS Signature Version 4, pure functions: nothing is read from the clock, the environment or the
 * network. The three stages are public so that each is tested by itself.
 * Source: IAM User Guide, "Create a signed AWS API request".
 */

#define SIGV4_HEADERS_MAX 32

/*
 * A header as it is sent; name in any case, at most 63 characters. Borrowed. Several of one name
 * are allowed. Not Host, Date, X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256 or
 * Authorization: those are the signer's. Headers that proxies may change (User-Agent, Connection
 * and the like) are left unsigned.
 */
struct sigv4_header {
    const char *name;
    const char *value;
};

/* Borrowed strings; session_token NULL or "" for long-term keys. */
struct sigv4_credentials {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token;
};

struct sigv4_request {
    const char *method;
    const char *host;  /* as in the Host header: with ":port" when it is not the scheme's default */
    const char *path;  /* as on the wire, percent-encoded once; begins with '/', or "" for "/" */
    const char *query; /* as on the wire, without '?'; "" when there is none */
    const struct sigv4_header *headers; /* to be signed, beside Host, X-Amz-Date and token */
    size_t n_headers;
    const char *body; /* may be NULL when body_len is 0 */
    size_t body_len;
    const char *service; /* signing name: "ec2" */
    const char *region;  /* signing region */
    int64_t time_s;      /* seconds since 1970, UTC */
};

/* The headers to add to the request. `authorization` and `token` are secrets. */
struct sigv4_result {
    char date[sizeof("20261231T235959Z")]; /* X-Amz-Date */
    struct buf authorization;              /* Authorization */
    const char *token;                     /* X-Amz-Security-Token, NULL for none; borrowed */
};

/*!
 * \brief Stage 1: the canonical request
 *
 * \param[out] ret         appended to; it contains the session token, so give a secret buffer
 * \param[out] ret_signed  appended to: the signed header names, "host;x-amz-date"
 *
 * \return 0; -ERR_NOMEM; -ERR_TOO_BIG; -ERR_SYSTEM when libcrypto fails; -ERR_CREDENTIALS when
 *         the credentials hold control characters; -ERR_BUG when another field does, for a path
 *         without '/', and for a header that is the signer's or one more than SIGV4_HEADERS_MAX
 */
int sigv4_canonical_request(const struct sigv4_request *r, const struct sigv4_credentials *c,
                            struct buf *ret, struct buf *ret_signed) OCF_MUST_CHECK;

/*! \brief Stage 2: the string to sign, from the canonical request. Errors as stage 1. */
int sigv4_string_to_sign(const struct sigv4_request *r, const char *canonical_request,
                         struct buf *ret) OCF_MUST_CHECK;

/*! \brief Stage 3: hex signature of the string to sign. 0, -ERR_NOMEM, -ERR_SYSTEM. */
int sigv4_signature(const struct sigv4_request *r, const struct sigv4_credentials *c,
                    const char *string_to_sign, char ret[DIGEST_HEX_SIZE]) OCF_MUST_CHECK;

/*!
 * \brief All stages; errors as stage 1
 *
 * \param[out] ret  untouched on failure; free with sigv4_result_done(); `token` borrows from \p c
 */
int sigv4_sign(const struct sigv4_request *r, const struct sigv4_credentials *c,
               struct sigv4_result *ret) OCF_MUST_CHECK;

void sigv4_result_done(struct sigv4_result *r);

#endif
