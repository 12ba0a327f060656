/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

size_t
addr_len(const struct addr *a)
{
    return a->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

bool
addr_parse(const char *text, struct addr *ret)
{
    struct addr a = {.family = AF_INET, .prefix_len = 32};

    if (inet_pton(AF_INET, text, &a.ip.v4) != 1) {
        a = (struct addr){.family = AF_INET6, .prefix_len = 128};
        if (inet_pton(AF_INET6, text, &a.ip.v6) != 1) {
            return false;
        }
    }
    *ret = a;
    return true;
}

/* Whether all bits of the address behind the first `prefix_len` are zero. */
static bool
host_bits_clear(const struct addr *a, unsigned prefix_len)
{
    for (size_t i = 0; i < addr_len(a); i++) {
        unsigned bits = prefix_len > i * 8 ? prefix_len - (unsigned)(i * 8) : 0;
        unsigned mask = bits >= 8 ? 0 : 0xffU >> bits;

        if ((a->ip.bytes[i] & mask) != 0) {
            return false;
        }
    }
    return true;
}

static bool
parse_prefix_len(const char *text, unsigned max, unsigned *ret)
{
    unsigned value = 0;
    size_t len = strlen(text);

    if (len < 1 || len > 3 || (len > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *ret = value;
    return value <= max;
}

bool
addr_parse_cidr(const char *text, struct addr *ret)
{
    char host[INET6_ADDRSTRLEN] = "";
    const char *slash = strchr(text, '/');
    struct addr a = {0};
    unsigned prefix_len = 0;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, (size_t)(slash - text));
    if (!addr_parse(host, &a) || !parse_prefix_len(slash + 1, a.prefix_len, &prefix_len) ||
        !host_bits_clear(&a, prefix_len)) {
        return false;
    }
    a.prefix_len = (uint8_t)prefix_len;
    *ret = a;
    return true;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && a->prefix_len == b->prefix_len &&
           memcmp(a->ip.bytes, b->ip.bytes, addr_len(a)) == 0;
}

bool
addr_contains(const struct addr *net, const struct addr *a)
{
    struct addr difference = *a;

    if (net->family != a->family || net->prefix_len > a->prefix_len) {
        return false;
    }
    for (size_t i = 0; i < addr_len(a); i++) {
        unsigned bits = net->prefix_len > i * 8 ? net->prefix_len - (unsigned)(i * 8) : 0;
        unsigned mask = bits >= 8 ? 0xff : 0xffU & ~(0xffU >> bits);

        difference.ip.bytes[i] = (uint8_t)((a->ip.bytes[i] ^ net->ip.bytes[i]) & mask);
    }
    return host_bits_clear(&difference, 0);
}

const char *
addr_text(const struct addr *a, char out[ADDR_TEXT_MAX])
{
    if (inet_ntop(a->family, a->ip.bytes, out, ADDR_TEXT_MAX) == NULL) {
        out[0] = '\0';
    }
    return out;
}

const char *
addr_cidr_text(const struct addr *a, char out[ADDR_TEXT_MAX])
{
    char text[ADDR_TEXT_MAX];

    (void)snprintf(out, ADDR_TEXT_MAX, "%.*s/%hhu", INET6_ADDRSTRLEN, addr_text(a, text),
                   a->prefix_len);
    return out;
}

bool
addr_list_has(const struct addr_list *list, const struct addr *a)
{
    for (size_t i = 0; i < list->n; i++) {
        if (addr_equal(&list->items[i], a)) {
            return true;
        }
    }
    return false;
}
