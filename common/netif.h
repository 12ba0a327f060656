/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_NETIF_H
#define OCF_AWS_NETIF_H

#include "addr.h"
#include "err.h"

#include <net/if.h>

/* Links and addresses of this host by rtnetlink: no forks, no text of other programs. */

#define NETIF_MAC_LEN   18 /* "02:00:00:00:00:01" */
#define NETIF_LABEL_MAX 15 /* IFNAMSIZ - 1: the kernel's limit for an address label */

struct netif_link {
    int index;
    char name[IFNAMSIZ];
    char mac[NETIF_MAC_LEN]; /* lower case, as IMDS spells it */
    bool up;                 /* administratively up */
};

/*! \brief Find a link by name. 0; -ERR_NO_LINK naming the links there are; -ERR_SYSTEM. */
int netif_by_name(const char *name, struct netif_link *ret, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Find a link by MAC address (any case)
 *
 * Of several with one MAC (VLANs, bonds, bridges over it) the one without a lower device wins.
 * Errors as netif_by_name().
 */
int netif_by_mac(const char *mac, struct netif_link *ret, struct err *e) OCF_MUST_CHECK;

/* Where an address was found; of several places the one with the longest prefix. */
struct netif_hit {
    int index; /* of the link */
    int prefix_len;
};

/*!
 * \brief Whether this host has the address: exact comparison, on any link
 *
 * An IPv6 address that failed duplicate address detection, or is still tentative, counts as
 * absent.
 *
 * \param[in]  index  only this link, 0 for any
 * \param[out] ret    may be NULL; untouched when absent
 *
 * \return 1 present, 0 absent, -ERR_SYSTEM
 */
int netif_has_addr(const struct addr *a, int index, struct netif_hit *ret,
                   struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Put the address on a link as /32 or /128 (IPv6: without duplicate address detection,
 *        deprecated as a source so that the node's own traffic keeps its own address)
 *
 * \param[in] label  IPv4 label, complete ("eth0:vip"), NULL for none
 *
 * \return 0, also when it is there already; -ERR_SYSTEM
 */
int netif_add_addr(const struct addr *a, int index, const char *label,
                   struct err *e) OCF_MUST_CHECK;

/*! \brief Take the address off every link that has it, whatever its prefix. 0 or -ERR_SYSTEM. */
int netif_del_addr(const struct addr *a, struct err *e) OCF_MUST_CHECK;

#endif
