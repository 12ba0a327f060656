/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_ADDR_H
#define OCF_AWS_ADDR_H

#include "base.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* An IPv4 or IPv6 address with a prefix length; a single address has /32 or /128. */
struct addr {
    int family; /* AF_INET or AF_INET6; 0 for none */
    union {
        struct in_addr v4;
        struct in6_addr v6;
        uint8_t bytes[16];
    } ip;
    uint8_t prefix_len;
};

#define ADDR_LIST_MAX 128 /* an ENI has at most 50 IPv4 and 50 IPv6 addresses */

struct addr_list {
    struct addr items[ADDR_LIST_MAX];
    size_t n;
};

#define ADDR_TEXT_MAX (INET6_ADDRSTRLEN + 5)

/*! \brief Parse "10.1.0.10" or "2001:db8::1"; no prefix, no zone, no leading zeros. */
bool addr_parse(const char *text, struct addr *ret) OCF_MUST_CHECK;

/*! \brief Parse "10.1.0.0/16"; the host bits must be zero. */
bool addr_parse_cidr(const char *text, struct addr *ret) OCF_MUST_CHECK;

/*! \brief Exact equality: family, address and prefix length. */
bool addr_equal(const struct addr *a, const struct addr *b);

/*! \brief Whether \p net covers \p a. */
bool addr_contains(const struct addr *net, const struct addr *a);

/*! \brief Bytes of the address: 4 or 16. */
size_t addr_len(const struct addr *a);

/*! \brief Canonical text without the prefix (RFC 5952), into \p out[ADDR_TEXT_MAX]; returns it. */
const char *addr_text(const struct addr *a, char out[ADDR_TEXT_MAX]);

/*! \brief Canonical text with the prefix, "10.1.0.10/32": what EC2 calls the destination. */
const char *addr_cidr_text(const struct addr *a, char out[ADDR_TEXT_MAX]);

/*! \brief Whether exactly this address is in the list. */
bool addr_list_has(const struct addr_list *list, const struct addr *a);

#endif
