/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_CREDS_H
#define OCF_AWS_CREDS_H

#include "awscall.h"
#include "cache.h"
#include "imds.h"

/*
 * The credential provider chain. With a profile: that profile. Without: environment, web
 * identity, container, instance role. Over it, when asked, a role to assume. Temporary credentials
 * are kept in the node's cache and used until five minutes before they expire; when new ones
 * cannot be had then, the old ones are used to their last second.
 * Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
 */

/* Borrowed strings, NULL when not set. */
struct creds_options {
    const char *profile;
    const char *credentials_file;
    const char *role_arn;
    const char *external_id;
};

/* The chain and what it needs; all pointers are borrowed until creds_done(). */
struct creds {
    struct creds_options options;
    const struct aws_session *session; /* for calls to STS: region, endpoints, transport */
    const struct http_transport *transport;
    struct imds *imds;
    const struct cache *cache;
    const char *(*getenv)(const char *name);
    struct aws_credentials current; /* empty until the first get */
    bool renewed;                   /* since the others were refused ... */
    uint64_t renewed_ms;            /* ... at this time */
    bool stuck;                     /* those in hand could not be renewed in good time ... */
    uint64_t stuck_ms;              /* ... at this one */
};

/*! \brief Start with nothing in hand; the members before `current` are set by the caller. */
void creds_init(struct creds *c);

void creds_done(struct creds *c);

/*!
 * \brief Get credentials; fits aws_credentials_source.get with \p arg a struct creds
 *
 * \param[in] renew  those in hand were refused. When they are new ones, of seconds ago, they are
 * not renewed again: who polls would ask its provider each time
 *
 * \return 0; -ERR_CREDENTIALS when they have just been renewed; -ERR_NO_CREDENTIALS when no
 * provider has any, naming what was tried; -ERR_PROFILE; -ERR_DENIED when a role may not be
 * assumed; TRANSIENT codes of IMDS or STS
 */
int creds_get(void *arg, bool renew, struct deadline d, const struct aws_credentials **ret,
              struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Keep what is in hand for this action alone; fits aws_credentials_source.denied
 *
 * The instance may have got another role meanwhile, or the profile in a file another identity: who
 * mends a permission like that must not wait for hours until what is cached expires.
 */
void creds_denied(void *arg);

#endif
