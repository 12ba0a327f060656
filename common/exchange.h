/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_EXCHANGE_H
#define OCF_AWS_EXCHANGE_H

#include "http.h"

/*
 * Many HTTP exchanges at once, each tried again as retry_decide() says until it has an answer or
 * the deadline is near. What a request looks like and what an answer means is the caller's:
 * EC2, Route 53, STS and IMDS all go through here.
 */
struct exchange_ops {
    /*!
     * Fill in `x->request` of item \p i, before every attempt: a signature is only good for one.
     * What it points to must live until the next prepare() of the item.
     */
    int (*prepare)(void *arg, size_t i, struct http_exchange *x, struct err *e);
    /*! Decide what the ended exchange means: 0, or -ERR_x with \p e filled. */
    int (*judge)(void *arg, size_t i, struct http_exchange *x, struct err *e);
    /*! Get other credentials (or another idea of the time) after item \p i ended with \p code.
     * NULL: there are no others. */
    int (*refresh)(void *arg, size_t i, int code, struct deadline d, struct err *e);
    /*! The deadline of item \p i, attempts and pauses included, not later than the whole's. It is
     * given up then, with the error of its last attempt. NULL: that of the whole for all. */
    struct deadline (*deadline)(void *arg, size_t i);
};

/*!
 * \brief Make \p n exchanges
 *
 * \param[out] x     n exchanges; the caller frees each with http_exchange_done()
 * \param[out] errs  n errors; errs[i].code is 0 where exchange i succeeded
 *
 * \return 0 when all succeeded, else the first error's code. -ERR_CANCELLED when the process was
 *         asked to end: errs tell which were still open.
 */
int exchange_all(const struct http_transport *transport, const struct exchange_ops *ops, void *arg,
                 struct http_exchange *x, struct err *errs, size_t n,
                 struct deadline d) OCF_MUST_CHECK;

#endif
