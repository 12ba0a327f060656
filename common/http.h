/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_HTTP_H
#define OCF_AWS_HTTP_H

#include "buf.h"
#include "clock.h"
#include "err.h"

/*
 * HTTP, one attempt of one or many requests at once. Redirects are never followed, certificates
 * and host names are always checked, TLS is 1.2 or newer, also to a proxy, and head and body of
 * every answer have a limit. HTTP/2, compression, cookies, netrc, HSTS and alternative services
 * are not used: a request goes where its URL says, or nowhere. Retrying is not done here.
 */

#define HTTP_HEADERS_MAX    32
#define HTTP_HOST_MAX       264
#define HTTP_REQUEST_ID_MAX 64
/* Bytes of the bodies of all exchanges made at once: a program has 32 MiB, of which libraries take
 * more than half. */
#define HTTP_BODIES_MAX (4 * 1024 * 1024)

/* All pointers are borrowed until the exchange has ended. */
struct http_request {
    const char *method; /* "GET", "PUT", "POST" */
    const char *url;
    const char *headers[HTTP_HEADERS_MAX]; /* complete lines, "Name: value" */
    size_t n_headers;
    const char *body; /* NULL for none */
    size_t body_len;
    size_t max_answer;   /* bytes of the answer's body; more, or more than HTTP_BODIES_MAX
                            together with others, is -ERR_TOO_BIG */
    uint64_t attempt_ms; /* cap of this attempt; the deadline may be nearer */
    bool direct;         /* never through a proxy: link-local services */
    bool fresh;          /* a write, on a new connection: libcurl repeats a request unasked when one
                            that it reuses turns out to be dead, and it may have been done; and what
                            of it has not gone out when it is given up never does */
    bool secret;         /* the answer holds a secret */
};

struct http_answer {
    long status;                          /* 200; 0 when no answer came */
    struct buf body;                      /* freed by http_exchange_done() */
    int64_t date_s;                       /* Date header, seconds since 1970; 0 when absent */
    char request_id[HTTP_REQUEST_ID_MAX]; /* x-amzn-RequestId or x-amz-request-id; "" */
    bool sent;                            /* at least a part of the request went out */
};

/* One request and what came of it: error.code 0 when an answer of any status is there. */
struct http_exchange {
    struct http_request request;
    struct http_answer answer;
    struct err error;
};

/* A way to make exchanges: libcurl, or what a test puts in its place. */
struct http_transport {
    /*!
     * Make all \p n exchanges at once and return when each has ended.
     *
     * \return 0 when each has its own result; -ERR_CANCELLED, -ERR_NOMEM or -ERR_SYSTEM when the
     *         whole was given up
     */
    int (*perform)(void *arg, struct http_exchange *const *exchanges, size_t n, struct deadline d);
    void *arg;
};

struct http_options {
    const char *proxy;   /* NULL: the standard environment variables decide */
    const char *ca_file; /* NULL: the system's trust store */
};

struct http;

/*!
 * \brief A transport on libcurl, with one pool of connections
 *
 * \param[in]  options  borrowed until http_free()
 * \param[out] ret      untouched on failure; free with http_free()
 *
 * \return 0; -ERR_PARAM_LOCAL when ca_file is there and not a regular file; -ERR_SYSTEM; -ERR_NOMEM
 */
int http_new(const struct http_options *options, struct http **ret, struct err *e) OCF_MUST_CHECK;

/*! \brief Close all connections; \p h may be NULL. */
void http_free(struct http *h);

/*! \brief The transport of \p h, valid as long as \p h. */
struct http_transport http_transport(struct http *h);

/*! \brief Free what the answer holds; the exchange can be used again. */
void http_exchange_done(struct http_exchange *x);

/* A base URL taken apart. */
struct http_url {
    char host[HTTP_HOST_MAX]; /* as in the Host header: ":port" only when not the default */
    char *path;               /* never NULL; without a trailing '/'; free with http_url_done() */
    char *base;               /* scheme://host[:port]; free with http_url_done() */
    bool tls;
};

/*!
 * \brief Take a base URL apart
 *
 * \return 0; -ERR_PARAM when it is not http:// or https:// with a host, or has a user, a query or
 *         a fragment; -ERR_NOMEM
 */
int http_url_parse(const char *url, struct http_url *ret, struct err *e) OCF_MUST_CHECK;

void http_url_done(struct http_url *u);

#endif
