/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_IMDS_H
#define OCF_AWS_IMDS_H

#include "cache.h"
#include "http.h"

/*
 * The EC2 instance metadata service, version 2 only: a session token is fetched first and sent
 * with every request. The token is cached per node, so a warm agent makes one request a value.
 * Source: EC2 User Guide, "Use the Instance Metadata Service to access instance metadata".
 */

#define IMDS_DEFAULT_URL "http://169.254.169.254"

/* The client; the pointers are borrowed until imds_done(). */
struct imds {
    const struct http_transport *transport;
    const struct cache *cache;
    const char *base_url;
    int base_len;     /* of base_url without slashes at its end */
    struct buf token; /* empty until it is known */
};

/* A value to fetch. */
struct imds_item {
    const char *path; /* "meta-data/placement/region" */
    struct buf value; /* out; free with imds_items_done() */
    struct err error; /* out; code 0 when the value is there */
    bool secret;      /* wipe the value when it is freed */
};

/*! \brief Set up a client; no request is made. Free with imds_done(). */
void imds_init(struct imds *m, const struct http_transport *transport, const struct cache *cache,
               const char *base_url);

void imds_done(struct imds *m);

/*!
 * \brief Fetch several values at once
 *
 * A busy or silent service is asked again until the deadline; a token it no longer knows (401) is
 * renewed once.
 *
 * \return 0 when all are there, else the first error: -ERR_NOT_FOUND (404), -ERR_IMDS_DISABLED
 *         (403: the service is switched off or the hop limit is too low), TRANSIENT codes
 */
int imds_get(struct imds *m, struct imds_item *items, size_t n, struct deadline d) OCF_MUST_CHECK;

void imds_items_done(struct imds_item *items, size_t n);

/*! \brief Fetch one value into \p ret (appended); errors as imds_get(). */
int imds_get_one(struct imds *m, const char *path, struct deadline d, struct buf *ret,
                 struct err *e) OCF_MUST_CHECK;

#endif
