/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "netif.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

/*
 * Messages of rtnetlink. The pieces are what the kernel sends, one datagram each; then it is
 * silent. The two functions by which netif.c talks to it are replaced here.
 */

static struct {
    const char *rest;
    size_t rest_len;
} script;

ssize_t
mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t len)
{
    (void)socket;
    FUZZ_CHECK(mnl_nlmsg_ok(data, (int)len));
    return (ssize_t)len;
}

/*
 * Messages are given the port and the number of the request, as the kernel does, and lengths that
 * fit: libmnl takes those of the kernel for true.
 */
static void
address_to(const struct mnl_socket *socket, void *data, size_t len)
{
    char *next = data;

    while (len >= sizeof(struct nlmsghdr)) {
        struct nlmsghdr *h = (struct nlmsghdr *)next;
        size_t aligned = 0;

        if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > len) {
            h->nlmsg_len = (uint32_t)len;
        }
        h->nlmsg_pid = mnl_socket_get_portid(socket);
        h->nlmsg_seq = 1;
        aligned = NLMSG_ALIGN((size_t)h->nlmsg_len);
        aligned = aligned < len ? aligned : len;
        next += aligned;
        len -= aligned;
    }
}

ssize_t
mnl_socket_recvfrom(const struct mnl_socket *socket, void *data, size_t size)
{
    const char *piece = NULL;
    size_t len = 0;

    if (!fuzz_next_piece(&script.rest, &script.rest_len, &piece, &len)) {
        errno = EAGAIN;
        return -1;
    }
    len = len < size ? len : size;
    len -= len % NLMSG_ALIGNTO;
    memcpy(data, piece, len);
    address_to(socket, data, len);
    return (ssize_t)len;
}

static void
say_link(int rc, const struct netif_link *link, const struct err *e, struct buf *trace)
{
    if (rc < 0) {
        FUZZ_CHECK((rc == -ERR_NO_LINK || rc == -ERR_SYSTEM) && link->index == 12345);
        fuzz_error(trace, rc, e);
        return;
    }
    FUZZ_CHECK(strnlen(link->name, sizeof(link->name)) < sizeof(link->name));
    FUZZ_CHECK(strnlen(link->mac, sizeof(link->mac)) < sizeof(link->mac));
    FUZZ_CHECK(strspn(link->mac, "0123456789abcdef:") == strlen(link->mac));
    fuzz_say(trace, "%d %s %s %d\n", link->index, link->name, link->mac, link->up);
}

static void
read_links(const char *text, size_t len, struct buf *trace)
{
    struct netif_link link = {.index = 12345};
    struct err e = {0};

    script.rest = text;
    script.rest_len = len;
    say_link(netif_by_name("eth0", &link, &e), &link, &e, trace);
    script.rest = text;
    script.rest_len = len;
    link.index = 12345;
    e = (struct err){0};
    say_link(netif_by_mac("02:00:00:00:00:0a", &link, &e), &link, &e, trace);
}

static void
read_addresses(const char *text, size_t len, const char *vip, struct buf *trace)
{
    struct netif_hit hit = {.index = 12345};
    struct err e = {0};
    struct addr a;
    int rc = 0;

    FUZZ_CHECK(addr_parse(vip, &a));
    script.rest = text;
    script.rest_len = len;
    rc = netif_has_addr(&a, 0, &hit, &e);
    FUZZ_CHECK(rc == 1 || hit.index == 12345);
    if (rc < 0) {
        fuzz_error(trace, rc, &e);
    }
    fuzz_say(trace, "%d %d\n", rc, hit.index);
    script.rest = text;
    script.rest_len = len;
    rc = netif_del_addr(&a, &e);
    FUZZ_CHECK(rc == 0 || rc == -ERR_SYSTEM);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    read_links(text, len, trace);
    read_addresses(text, len, "10.1.0.10", trace);
    read_addresses(text, len, "2001:db8:200::10", trace);
}
