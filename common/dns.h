/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_DNS_H
#define OCF_AWS_DNS_H

#include "addr.h"
#include "clock.h"
#include "dnsname.h"
#include "err.h"

/*!
 * \brief Ask one name server for the addresses of a name, by libc's resolver
 *
 * By UDP alone, where EDNS makes room for all addresses that an agent takes: libc waits for TCP
 * without an end. A server that is silent is asked twice, which takes 3 s: it is not asked at all
 * when there is less than that until the deadline.
 *
 * \param[in]  name    canonical (dnsname.h); no search list is tried
 * \param[in]  family  AF_INET or AF_INET6
 * \param[out] ret     what it answers, also by way of a CNAME; none when there is no such name, or
 *                     none of this family
 *
 * \return 0; -ERR_TIMEOUT for no answer; -ERR_SERVICE when it cannot tell (SERVFAIL, REFUSED);
 *         -ERR_MALFORMED; -ERR_TOO_BIG when it is cut short; -ERR_DEADLINE; -ERR_SYSTEM
 *
 * Source: resolver(3); RFC 1035.
 */
int dns_addresses(const struct addr *server, const char *name, int family, struct deadline d,
                  struct addr_list *ret, struct err *e) OCF_MUST_CHECK;

#endif
