/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netif.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

/* The kernel answers from memory: this only ends a wait that has no reason. */
#define ANSWER_TIMEOUT_S 2
/* A dump is cut into messages of the size that the reader offers, 32 KiB at most. */
#define CHUNK_SIZE 32768
/* A dump is void when links or addresses changed meanwhile; a busy host does that now and then. */
#define DUMP_TRIES 10

#define ERRNO_MAX         4095 /* of the kernel; MAX_ERRNO in its err.h */
#define LINKS_PER_MAC_MAX 64
#define REMOVALS_MAX      64
#define MAC_LEN           6
#define LIFETIME_FOREVER  UINT32_MAX

/* A request under construction. */
struct request {
    struct nlmsghdr *header;
    _Alignas(struct nlmsghdr) char data[256];
};

/*
 * Functions that talk to the kernel return 0 or an errno: EINTR for a dump that is void,
 * ETIMEDOUT for no answer.
 */

static void
close_p(struct mnl_socket **s)
{
    if (*s != NULL) {
        (void)mnl_socket_close(*s);
    }
}

static int
open_socket(struct mnl_socket **ret)
{
    static const struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};
    OCF_CLEANUP(close_p) struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

    if (s == NULL || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
        setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0) {
        return errno;
    }
    *ret = OCF_STEAL(s);
    return 0;
}

/* NLMSG_ERROR (0: an acknowledgement) and NLMSG_DONE both begin with a negative errno or 0. */
static int
on_end(const struct nlmsghdr *h, void *arg)
{
    int error = -EBADMSG;

    (void)arg;
    if (mnl_nlmsg_get_payload_len(h) >= sizeof(error)) {
        memcpy(&error, mnl_nlmsg_get_payload(h), sizeof(error));
        error = error < -ERRNO_MAX ? -EBADMSG : error;
    }
    if (error >= 0) {
        return MNL_CB_STOP;
    }
    errno = -error;
    return MNL_CB_ERROR;
}

static int
receive(struct mnl_socket *s, unsigned seq, mnl_cb_t on_message, void *arg)
{
    mnl_cb_t on_control[] = {[NLMSG_ERROR] = on_end, [NLMSG_DONE] = on_end};
    _Alignas(struct nlmsghdr) char chunk[CHUNK_SIZE];

    for (;;) {
        ssize_t n = mnl_socket_recvfrom(s, chunk, sizeof(chunk));
        int verdict = 0;

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN ? ETIMEDOUT : errno;
        }
        verdict = mnl_cb_run2(chunk, (size_t)n, seq, mnl_socket_get_portid(s), on_message, arg,
                              on_control, ARRAY_LEN(on_control));
        if (verdict < MNL_CB_STOP) {
            return errno; /* EINTR for NLM_F_DUMP_INTR */
        }
        if (verdict == MNL_CB_STOP) {
            return 0;
        }
    }
}

/* A socket each time, so that nothing of a dump that was given up is read as the next answer. */
static int
exchange(const struct request *q, mnl_cb_t on_message, void *arg)
{
    OCF_CLEANUP(close_p) struct mnl_socket *s = NULL;
    int error = open_socket(&s);

    if (error != 0) {
        return error;
    }
    if (mnl_socket_sendto(s, q->header, q->header->nlmsg_len) < 0) {
        return errno;
    }
    return receive(s, q->header->nlmsg_seq, on_message, arg);
}

static void *
request_init(struct request *q, uint16_t type, uint16_t flags, size_t extra_len)
{
    memset(q->data, 0, sizeof(q->data)); /* libmnl leaves the padding as it is */
    q->header = mnl_nlmsg_put_header(q->data);
    q->header->nlmsg_type = type;
    q->header->nlmsg_flags = NLM_F_REQUEST | flags;
    q->header->nlmsg_seq = 1;
    return mnl_nlmsg_put_extra_header(q->header, extra_len);
}

static int
malformed(void)
{
    errno = EBADMSG;
    return MNL_CB_ERROR;
}

/* Links -------------------------------------------------------------------------------------- */

struct link_match {
    struct netif_link link;
    int lower;      /* the link that this one is stacked on, 0 for none */
    int master;     /* the bond or bridge that this one belongs to, 0 for none */
    bool elsewhere; /* `lower` is an index in another network namespace */
};

struct link_query {
    const char *name; /* one of these two is NULL */
    const char *mac;
    struct link_match match[LINKS_PER_MAC_MAX];
    size_t n;
    char names[160]; /* of all links, for people */
};

static bool
read_index(const struct nlattr *attr, int *ret)
{
    if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0) {
        return false;
    }
    *ret = (int)mnl_attr_get_u32(attr);
    return true;
}

static bool
read_name(const struct nlattr *attr, char ret[IFNAMSIZ])
{
    if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ||
        mnl_attr_get_payload_len(attr) > IFNAMSIZ) {
        return false;
    }
    memcpy(ret, mnl_attr_get_str(attr), mnl_attr_get_payload_len(attr));
    return true;
}

/* Links that are not Ethernet have longer or shorter addresses, and no MAC. */
static bool
read_mac(const struct nlattr *attr, char ret[NETIF_MAC_LEN])
{
    const uint8_t *mac = mnl_attr_get_payload(attr);

    if (mnl_attr_get_payload_len(attr) == MAC_LEN) {
        (void)snprintf(ret, NETIF_MAC_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                       mac[3], mac[4], mac[5]);
    }
    return true;
}

static bool
read_link_attr(const struct nlattr *attr, struct link_match *m)
{
    switch (mnl_attr_get_type(attr)) {
    case IFLA_IFNAME:
        return read_name(attr, m->link.name);
    case IFLA_ADDRESS:
        return read_mac(attr, m->link.mac);
    case IFLA_LINK:
        return read_index(attr, &m->lower);
    case IFLA_MASTER:
        return read_index(attr, &m->master);
    case IFLA_LINK_NETNSID:
        m->elsewhere = true;
        return true;
    default:
        return true;
    }
}

static bool
read_link(const struct nlmsghdr *h, struct link_match *ret)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
    const struct nlattr *attr = NULL;

    if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(*info)) {
        return false;
    }
    ret->link.index = info->ifi_index;
    ret->link.up = (info->ifi_flags & IFF_UP) != 0;
    mnl_attr_for_each(attr, h, sizeof(*info))
    {
        if (!read_link_attr(attr, ret)) {
            return false;
        }
    }
    return true;
}

/* "lo, eth0": cut at the end of the space there is. */
static void
add_name(struct link_query *q, const char *name)
{
    size_t used = strlen(q->names);

    (void)snprintf(q->names + used, sizeof(q->names) - used, "%s%s", used > 0 ? ", " : "", name);
}

static int
on_link(const struct nlmsghdr *h, void *arg)
{
    struct link_query *q = arg;
    struct link_match m = {.lower = 0};

    if (!read_link(h, &m)) {
        return malformed();
    }
    add_name(q, m.link.name);
    if (q->name != NULL ? strcmp(q->name, m.link.name) != 0 : strcasecmp(q->mac, m.link.mac) != 0) {
        return MNL_CB_OK;
    }
    if (q->n == LINKS_PER_MAC_MAX) {
        errno = E2BIG;
        return MNL_CB_ERROR;
    }
    q->match[q->n++] = m;
    return MNL_CB_OK;
}

static int
query_links(const char *name, const char *mac, struct link_query *q, struct err *e)
{
    struct request request;
    int error = EINTR;

    for (int i = 0; error == EINTR && i < DUMP_TRIES; i++) {
        struct ifinfomsg *info = request_init(&request, RTM_GETLINK, NLM_F_DUMP, sizeof(*info));

        info->ifi_family = AF_UNSPEC;
        *q = (struct link_query){.name = name, .mac = mac};
        error = exchange(&request, on_link, q);
    }
    if (error != 0) {
        return err_set(e, ERR_SYSTEM, "cannot list the network interfaces: %s", strerror(error));
    }
    return 0;
}

/* Whether `a` is made of `b`: a VLAN on it, or a bond or bridge that it belongs to. */
static bool
is_stacked_on(const struct link_match *a, const struct link_match *b)
{
    return (a->lower == b->link.index && !a->elsewhere && a != b) || b->master == a->link.index;
}

/* The link that is stacked on no other of the matches; of several the oldest. */
static const struct netif_link *
lowest(const struct link_query *q)
{
    const struct netif_link *best = NULL;

    for (size_t i = 0; i < q->n; i++) {
        bool stacked = false;

        for (size_t j = 0; j < q->n; j++) {
            stacked = stacked || is_stacked_on(&q->match[i], &q->match[j]);
        }
        if (!stacked && (best == NULL || q->match[i].link.index < best->index)) {
            best = &q->match[i].link;
        }
    }
    return best;
}

static int
find_link(const char *name, const char *mac, struct netif_link *ret, struct err *e)
{
    struct link_query q;
    const struct netif_link *found = NULL;
    int rc = query_links(name, mac, &q, e);

    if (rc < 0) {
        return rc;
    }
    found = lowest(&q);
    if (found == NULL) {
        return err_set(e, ERR_NO_LINK, "no network interface %s \"%s\" on this host, only %s",
                       name != NULL ? "named" : "with MAC address", name != NULL ? name : mac,
                       q.names);
    }
    *ret = *found;
    return 0;
}

int
netif_by_name(const char *name, struct netif_link *ret, struct err *e)
{
    return find_link(name, NULL, ret, e);
}

int
netif_by_mac(const char *mac, struct netif_link *ret, struct err *e)
{
    return find_link(NULL, mac, ret, e);
}

/* Addresses ---------------------------------------------------------------------------------- */

struct addr_query {
    const struct addr *addr;
    int index;   /* 0 for any */
    bool usable; /* skip what duplicate address detection holds back */
    bool found;
    struct netif_hit hit; /* the one with the longest prefix */
};

/* On a point-to-point link IFA_ADDRESS is the peer's, and IFA_LOCAL ours. */
static const struct nlattr *
local_attr(const struct nlmsghdr *h)
{
    const struct nlattr *local = NULL;
    const struct nlattr *attr = NULL;

    mnl_attr_for_each(attr, h, sizeof(struct ifaddrmsg))
    {
        uint16_t type = mnl_attr_get_type(attr);

        if (type == IFA_LOCAL || (type == IFA_ADDRESS && local == NULL)) {
            local = attr;
        }
    }
    return local;
}

static bool
is_sought(const struct addr_query *q, const struct ifaddrmsg *info, const struct nlattr *local)
{
    /* Both flags are among the eight that fit into the message's own field. */
    return info->ifa_family == q->addr->family &&
           (q->index == 0 || info->ifa_index == (uint32_t)q->index) &&
           (!q->usable || (info->ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0) &&
           local != NULL && mnl_attr_get_payload_len(local) == addr_len(q->addr) &&
           memcmp(mnl_attr_get_payload(local), q->addr->ip.bytes, addr_len(q->addr)) == 0;
}

static int
on_addr(const struct nlmsghdr *h, void *arg)
{
    struct addr_query *q = arg;
    const struct ifaddrmsg *info = mnl_nlmsg_get_payload(h);

    if (h->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(h) < sizeof(*info)) {
        return malformed();
    }
    if ((!q->found || info->ifa_prefixlen > q->hit.prefix_len) &&
        is_sought(q, info, local_attr(h))) {
        q->found = true;
        q->hit =
            (struct netif_hit){.index = (int)info->ifa_index, .prefix_len = info->ifa_prefixlen};
    }
    return MNL_CB_OK;
}

/* 1 found, 0 not, or an error. */
static int
find_addr(const struct addr *a, int index, bool usable, struct netif_hit *ret, struct err *e)
{
    struct addr_query q;
    struct request request;
    int error = EINTR;

    for (int i = 0; error == EINTR && i < DUMP_TRIES; i++) {
        struct ifaddrmsg *info = request_init(&request, RTM_GETADDR, NLM_F_DUMP, sizeof(*info));

        info->ifa_family = (uint8_t)a->family;
        q = (struct addr_query){.addr = a, .index = index, .usable = usable};
        error = exchange(&request, on_addr, &q);
    }
    if (error != 0) {
        return err_set(e, ERR_SYSTEM, "cannot list this host's addresses: %s", strerror(error));
    }
    if (q.found && ret != NULL) {
        *ret = q.hit;
    }
    return q.found;
}

int
netif_has_addr(const struct addr *a, int index, struct netif_hit *ret, struct err *e)
{
    return find_addr(a, index, true, ret, e);
}

static struct ifaddrmsg *
request_addr(struct request *q, uint16_t type, uint16_t flags, const struct addr *a,
             struct netif_hit where)
{
    struct ifaddrmsg *info = request_init(q, type, NLM_F_ACK | flags, sizeof(*info));

    info->ifa_family = (uint8_t)a->family;
    info->ifa_prefixlen = (uint8_t)where.prefix_len;
    info->ifa_index = (uint32_t)where.index;
    info->ifa_scope = RT_SCOPE_UNIVERSE;
    mnl_attr_put(q->header, IFA_LOCAL, addr_len(a), a->ip.bytes);
    return info;
}

static int
send_add(const struct addr *a, int index, const char *label)
{
    struct netif_hit where = {.index = index, .prefix_len = (int)addr_len(a) * 8};
    struct ifa_cacheinfo deprecated = {.ifa_prefered = 0, .ifa_valid = LIFETIME_FOREVER};
    struct request q;
    struct ifaddrmsg *info = request_addr(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, a, where);

    if (a->family == AF_INET6) {
        info->ifa_flags = IFA_F_NODAD;
        mnl_attr_put(q.header, IFA_CACHEINFO, sizeof(deprecated), &deprecated);
    } else if (label != NULL) {
        mnl_attr_put_strz(q.header, IFA_LABEL, label);
    }
    return exchange(&q, NULL, NULL);
}

/* 0 also when the address or its link went away meanwhile. */
static int
send_del(const struct addr *a, struct netif_hit where)
{
    struct request q;
    int error = 0;

    (void)request_addr(&q, RTM_DELADDR, 0, a, where);
    error = exchange(&q, NULL, NULL);
    return error == EADDRNOTAVAIL || error == ENODEV ? 0 : error;
}

static int
addr_error(const struct addr *a, int index, const char *what, int error, struct err *e)
{
    char text[ADDR_TEXT_MAX];
    char name[IFNAMSIZ] = "?";
    const char *why = strerror(error);

    if (a->family == AF_INET6 && error == EACCES) {
        why = "IPv6 is switched off there (sysctl net.ipv6.conf.*.disable_ipv6)";
    }
    (void)if_indextoname((unsigned)index, name);
    return err_set(e, ERR_SYSTEM, "cannot %s address %s on interface \"%s\" (index %d): %s", what,
                   addr_text(a, text), name, index, why);
}

/* IPv6 keeps an address that failed duplicate address detection, of no use to anyone: anew. */
static int
replace_unusable(const struct addr *a, int index, struct err *e)
{
    struct netif_hit hit = {0};
    int rc = find_addr(a, index, true, NULL, e);
    int error = 0;

    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    rc = find_addr(a, index, false, &hit, e);
    if (rc < 0) {
        return rc;
    }
    error = rc > 0 ? send_del(a, hit) : 0;
    if (error == 0) {
        error = send_add(a, index, NULL);
    }
    return error == 0 ? 0 : addr_error(a, index, "replace", error, e);
}

int
netif_add_addr(const struct addr *a, int index, const char *label, struct err *e)
{
    int error = 0;

    if (label != NULL && strlen(label) > NETIF_LABEL_MAX) {
        return err_set(e, ERR_BUG, "label \"%s\" has more than %d characters", label,
                       NETIF_LABEL_MAX);
    }
    error = send_add(a, index, label);
    if (error == EEXIST) {
        return replace_unusable(a, index, e);
    }
    return error == 0 ? 0 : addr_error(a, index, "add", error, e);
}

int
netif_del_addr(const struct addr *a, struct err *e)
{
    char text[ADDR_TEXT_MAX];

    for (int i = 0; i < REMOVALS_MAX; i++) {
        struct netif_hit hit = {0};
        int rc = find_addr(a, 0, false, &hit, e);
        int error = 0;

        if (rc <= 0) {
            return rc;
        }
        error = send_del(a, hit);
        if (error != 0) {
            return addr_error(a, hit.index, "remove", error, e);
        }
    }
    return err_set(e, ERR_SYSTEM, "address %s is put back as often as it is removed",
                   addr_text(a, text));
}
