/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TCPPORT_H
#define OCF_AWS_TCPPORT_H

#include "addr.h"
#include "clock.h"
#include "err.h"

/* TCP ports of this host: opened, asked, and whose they are. */

#define TCPPORT_TEXT_MAX (ADDR_TEXT_MAX + 8)

/* Where to listen. */
struct tcpport {
    struct addr address; /* family 0: every address, IPv6 and IPv4 */
    uint16_t port;
};

/*! \brief "10.0.2.10:5432", "[2001:db8::1]:5432" or "*:5432", into \p out; returns it. */
const char *tcpport_text(const struct tcpport *t, char out[TCPPORT_TEXT_MAX]);

/*!
 * \brief Bind and listen
 *
 * \param[out] ret_fd  non-blocking; the caller closes
 *
 * \return 0; -ERR_PARAM_LOCAL when no interface of this host has the address; -ERR_SYSTEM, with
 *         the process that has the port when it is in use
 */
int tcpport_listen(const struct tcpport *t, int *ret_fd, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Make a connection as a health check does, and see it answered
 *
 * Without a path, by the end of the connection: that the connection is made is the kernel's doing,
 * and says nothing about the process.
 *
 * \param[in] path  ask for it by HTTP, and accept status 200 alone; NULL for a bare connection
 *
 * \return 0; -ERR_CONNECT, -ERR_TIMEOUT, -ERR_CANCELLED, -ERR_SERVICE (another status),
 *         -ERR_SYSTEM
 */
int tcpport_check(const struct tcpport *t, const char *path, struct deadline d,
                  struct err *e) OCF_MUST_CHECK;

#endif
