/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "netif.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netinet/ether.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define MAC_A "02:00:00:00:00:0a"
#define MAC_B "02:00:00:00:00:0b"

/* "a0" and "b0" are the ends of a veth pair, "lo" the loopback of a new network namespace. */
static bool have_net;
static int a0;
static int b0;

/* A request of the test's own, so that what is tested does not prepare its test. */
struct nl_request {
    struct nlmsghdr *header;
    _Alignas(struct nlmsghdr) char data[1024];
};

static void *
nl_init(struct nl_request *q, uint16_t type, uint16_t flags, size_t extra)
{
    memset(q, 0, sizeof(*q));
    q->header = mnl_nlmsg_put_header(q->data);
    q->header->nlmsg_type = type;
    q->header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    q->header->nlmsg_seq = 7;
    return mnl_nlmsg_put_extra_header(q->header, extra);
}

/* 0 or an errno. */
static int
nl_send(const struct nl_request *q)
{
    _Alignas(struct nlmsghdr) char answer[4096];
    struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    int error = 0;
    ssize_t n = 0;

    assert_non_null(s);
    assert_int_equal(mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID), 0);
    assert_true(mnl_socket_sendto(s, q->header, q->header->nlmsg_len) > 0);
    n = mnl_socket_recvfrom(s, answer, sizeof(answer));
    assert_true(n > 0);
    if (mnl_cb_run(answer, (size_t)n, 7, mnl_socket_get_portid(s), NULL, NULL) < 0) {
        error = errno;
    }
    (void)mnl_socket_close(s);
    return error;
}

static void
put_mac(struct nl_request *q, const char *text)
{
    struct ether_addr mac;

    assert_non_null(ether_aton_r(text, &mac));
    mnl_attr_put(q->header, IFLA_ADDRESS, sizeof(mac), &mac);
}

static int
add_veth(const char *name, const char *mac, const char *peer, const char *peer_mac)
{
    struct ifinfomsg none = {.ifi_family = AF_UNSPEC};
    struct nl_request q;
    struct nlattr *info = NULL;
    struct nlattr *data = NULL;
    struct nlattr *other = NULL;

    (void)nl_init(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(q.header, IFLA_IFNAME, name);
    put_mac(&q, mac);
    info = mnl_attr_nest_start(q.header, IFLA_LINKINFO);
    mnl_attr_put_str(q.header, IFLA_INFO_KIND, "veth");
    data = mnl_attr_nest_start(q.header, IFLA_INFO_DATA);
    other = mnl_attr_nest_start(q.header, VETH_INFO_PEER);
    memcpy(mnl_nlmsg_put_extra_header(q.header, sizeof(none)), &none, sizeof(none));
    mnl_attr_put_strz(q.header, IFLA_IFNAME, peer);
    put_mac(&q, peer_mac);
    mnl_attr_nest_end(q.header, other);
    mnl_attr_nest_end(q.header, data);
    mnl_attr_nest_end(q.header, info);
    return nl_send(&q);
}

static int
add_vlan(const char *name, int lower, uint16_t id)
{
    struct nl_request q;
    struct nlattr *info = NULL;
    struct nlattr *data = NULL;

    (void)nl_init(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(q.header, IFLA_IFNAME, name);
    mnl_attr_put_u32(q.header, IFLA_LINK, (uint32_t)lower);
    info = mnl_attr_nest_start(q.header, IFLA_LINKINFO);
    mnl_attr_put_str(q.header, IFLA_INFO_KIND, "vlan");
    data = mnl_attr_nest_start(q.header, IFLA_INFO_DATA);
    mnl_attr_put_u16(q.header, IFLA_VLAN_ID, id);
    mnl_attr_nest_end(q.header, data);
    mnl_attr_nest_end(q.header, info);
    return nl_send(&q);
}

static int
add_bridge(const char *name, const char *mac)
{
    struct nl_request q;
    struct nlattr *info = NULL;

    (void)nl_init(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(q.header, IFLA_IFNAME, name);
    put_mac(&q, mac);
    info = mnl_attr_nest_start(q.header, IFLA_LINKINFO);
    mnl_attr_put_str(q.header, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(q.header, info);
    return nl_send(&q);
}

/* Change a link: up or down, and its master (0 for none). */
static int
change_link(int index, bool up, int master)
{
    struct nl_request q;
    struct ifinfomsg *info = nl_init(&q, RTM_SETLINK, 0, sizeof(*info));

    info->ifi_index = index;
    info->ifi_flags = up ? IFF_UP : 0;
    info->ifi_change = IFF_UP;
    mnl_attr_put_u32(q.header, IFLA_MASTER, (uint32_t)master);
    return nl_send(&q);
}

static int
del_link(int index)
{
    struct nl_request q;
    struct ifinfomsg *info = nl_init(&q, RTM_DELLINK, 0, sizeof(*info));

    info->ifi_index = index;
    return nl_send(&q);
}

struct address {
    const char *local;
    const char *peer; /* NULL for none */
    int index;
    uint8_t prefix_len;
    uint8_t flags;
};

static int
change_address(uint16_t type, const struct address *a)
{
    struct nl_request q;
    struct addr local = {0};
    struct addr peer = {0};
    struct ifaddrmsg *info =
        nl_init(&q, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(*info));

    assert_true(addr_parse(a->local, &local));
    peer = local;
    assert_true(a->peer == NULL || addr_parse(a->peer, &peer));
    info->ifa_family = (uint8_t)local.family;
    info->ifa_index = (uint32_t)a->index;
    info->ifa_prefixlen = a->prefix_len;
    info->ifa_flags = a->flags;
    mnl_attr_put(q.header, IFA_LOCAL, addr_len(&local), local.ip.bytes);
    mnl_attr_put(q.header, IFA_ADDRESS, addr_len(&peer), peer.ip.bytes);
    return nl_send(&q);
}

static int
enter(void **state)
{
    int lo = 0;

    (void)state;
    if (!harness_unshare(CLONE_NEWNET)) {
        return 0;
    }
    lo = (int)if_nametoindex("lo");
    if (add_veth("a0", MAC_A, "b0", MAC_B) != 0 || change_link(lo, true, 0) != 0) {
        print_message("[  NOTE    ] cannot make a veth pair\n");
        return 0;
    }
    a0 = (int)if_nametoindex("a0");
    b0 = (int)if_nametoindex("b0");
    have_net = change_link(a0, true, 0) == 0 && change_link(b0, true, 0) == 0;
    return 0;
}

static void
need_net(void)
{
    if (!have_net) {
        skip(); /* the reason was printed by enter() */
    }
}

static struct addr
address(const char *text)
{
    struct addr a = {0};

    assert_true(addr_parse(text, &a));
    return a;
}

/* What netif_has_addr() says of an address on any link. */
static int
has(const char *text, int index)
{
    struct addr a = address(text);
    struct err e = {0};

    return netif_has_addr(&a, index, NULL, &e);
}

static void
add(const char *text, int index, const char *label)
{
    struct addr a = address(text);
    struct err e = {0};

    assert_int_equal(netif_add_addr(&a, index, label, &e), 0);
}

static void
del(const char *text)
{
    struct addr a = address(text);
    struct err e = {0};

    assert_int_equal(netif_del_addr(&a, &e), 0);
    assert_int_equal(has(text, 0), 0);
}

static void
netif_by_name_known_fills_link(void **state)
{
    struct netif_link link = {0};
    struct err e = {0};

    (void)state;
    need_net();
    assert_int_equal(netif_by_name("a0", &link, &e), 0);
    assert_int_equal(link.index, a0);
    assert_string_equal(link.name, "a0");
    assert_string_equal(link.mac, MAC_A);
    assert_true(link.up);
}

static void
netif_by_name_unknown_names_the_links(void **state)
{
    struct netif_link link = {.index = 99};
    struct err e = {0};

    (void)state;
    need_net();
    assert_int_equal(netif_by_name("eth9", &link, &e), -ERR_NO_LINK);
    assert_int_equal(link.index, 99);
    assert_non_null(strstr(e.text, "named \"eth9\""));
    assert_non_null(strstr(e.text, "a0"));
    assert_non_null(strstr(e.text, "b0"));
    assert_non_null(strstr(e.text, "lo"));
}

static void
netif_by_name_prefix_or_empty_is_unknown(void **state)
{
    static const char *const names[] = {"", "a", "a00", "A0", "a0 "};
    struct netif_link link = {0};

    (void)state;
    need_net();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(netif_by_name(names[i], &link, NULL), -ERR_NO_LINK);
    }
}

static void
netif_by_name_link_down_tells(void **state)
{
    struct netif_link link = {0};

    (void)state;
    need_net();
    assert_int_equal(change_link(b0, false, 0), 0);
    assert_int_equal(netif_by_name("b0", &link, NULL), 0);
    assert_false(link.up);
    assert_int_equal(change_link(b0, true, 0), 0);
}

static void
netif_by_mac_any_case_finds(void **state)
{
    struct netif_link link = {0};
    struct err e = {0};

    (void)state;
    need_net();
    assert_int_equal(netif_by_mac("02:00:00:00:00:0B", &link, &e), 0);
    assert_int_equal(link.index, b0);
    assert_string_equal(link.mac, MAC_B);
}

static void
netif_by_mac_unknown_or_malformed_is_no_link(void **state)
{
    static const char *const macs[] = {"",
                                       "02",
                                       "02:00:00:00:00:0c",
                                       "02:00:00:00:00:0",
                                       "02:00:00:00:00:0a:",
                                       "02-00-00-00-00-0a",
                                       "02000000000a"};
    struct netif_link link = {0};
    struct err e = {0};

    (void)state;
    need_net();
    for (size_t i = 0; i < ARRAY_LEN(macs); i++) {
        assert_int_equal(netif_by_mac(macs[i], &link, &e), -ERR_NO_LINK);
        assert_non_null(strstr(e.text, "with MAC address"));
        assert_non_null(strstr(e.text, macs[i]));
    }
}

static void
netif_by_mac_vlans_on_it_finds_lower(void **state)
{
    struct netif_link link = {0};
    int error = 0;

    (void)state;
    need_net();
    error = add_vlan("a0.7", a0, 7);
    if (error != 0) {
        print_message("no VLANs in this kernel: %s\n", strerror(error));
        skip();
    }
    assert_int_equal(add_vlan("a0.8", a0, 8), 0);
    assert_int_equal(netif_by_mac(MAC_A, &link, NULL), 0);
    assert_string_equal(link.name, "a0");
    assert_int_equal(del_link((int)if_nametoindex("a0.7")), 0);
    assert_int_equal(del_link((int)if_nametoindex("a0.8")), 0);
}

static void
netif_by_mac_bridge_over_it_finds_port(void **state)
{
    struct netif_link link = {0};
    int error = 0;
    int bridge = 0;

    (void)state;
    need_net();
    error = add_bridge("br0", MAC_A);
    if (error != 0) {
        print_message("no bridges in this kernel: %s\n", strerror(error));
        skip();
    }
    bridge = (int)if_nametoindex("br0");
    assert_int_equal(change_link(a0, true, bridge), 0);
    assert_int_equal(netif_by_mac(MAC_A, &link, NULL), 0);
    assert_string_equal(link.name, "a0");
    assert_int_equal(change_link(a0, true, 0), 0);
    assert_int_equal(del_link(bridge), 0);
}

static void
netif_has_addr_absent_is_0(void **state)
{
    struct addr a = address("10.1.0.10");
    struct netif_hit hit = {.index = 99};
    struct err e = {0};

    (void)state;
    need_net();
    assert_int_equal(netif_has_addr(&a, 0, &hit, &e), 0);
    assert_int_equal(hit.index, 99);
    assert_int_equal(has("2001:db8::1", 0), 0);
}

static void
netif_has_addr_compares_exactly(void **state)
{
    (void)state;
    need_net();
    add("10.1.0.100", a0, NULL);
    add("2001:db8::10", a0, NULL);
    assert_int_equal(has("10.1.0.100", 0), 1);
    assert_int_equal(has("10.1.0.10", 0), 0);
    assert_int_equal(has("10.1.0.1", 0), 0);
    assert_int_equal(has("110.1.0.100", 0), 0);
    assert_int_equal(has("2001:db8::10", 0), 1);
    assert_int_equal(has("2001:db8::1", 0), 0);
    assert_int_equal(has("::10.1.0.100", 0), 0);
    assert_int_equal(has("::ffff:10.1.0.100", 0), 0);
    del("10.1.0.100");
    del("2001:db8::10");
}

static void
netif_has_addr_other_link_depends_on_index(void **state)
{
    struct addr a = address("10.1.0.10");
    struct netif_hit hit = {0};
    struct err e = {0};

    (void)state;
    need_net();
    add("10.1.0.10", b0, NULL);
    assert_int_equal(has("10.1.0.10", a0), 0);
    assert_int_equal(has("10.1.0.10", 12345), 0);
    assert_int_equal(netif_has_addr(&a, 0, &hit, &e), 1);
    assert_int_equal(hit.index, b0);
    assert_int_equal(hit.prefix_len, 32);
    del("10.1.0.10");
}

static void
netif_has_addr_peer_is_not_ours(void **state)
{
    struct address p = {.local = "192.0.2.1", .peer = "192.0.2.2", .index = a0, .prefix_len = 32};

    (void)state;
    need_net();
    p.index = a0;
    assert_int_equal(change_address(RTM_NEWADDR, &p), 0);
    assert_int_equal(has("192.0.2.1", 0), 1);
    assert_int_equal(has("192.0.2.2", 0), 0);
    del("192.0.2.1");
}

static void
netif_has_addr_tentative_is_absent_and_add_mends_it(void **state)
{
    struct address t = {.local = "2001:db8::77", .index = a0, .prefix_len = 64};

    (void)state;
    need_net();
    /* Without a carrier, duplicate address detection does not begin: tentative for good. */
    assert_int_equal(change_link(b0, false, 0), 0);
    assert_int_equal(change_address(RTM_NEWADDR, &t), 0);
    assert_int_equal(has("2001:db8::77", 0), 0);
    add("2001:db8::77", a0, NULL);
    assert_int_equal(has("2001:db8::77", a0), 1);
    assert_int_equal(change_link(b0, true, 0), 0);
    del("2001:db8::77");
}

static void
netif_has_addr_many_addresses_reads_all_chunks(void **state)
{
    char text[32];
    struct netif_hit hit = {0};
    struct addr last = address("10.9.7.207");

    (void)state;
    need_net();
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(text, sizeof(text), "10.9.%d.%d", i / 256, i % 256);
        assert_int_equal(
            change_address(RTM_NEWADDR,
                           &(struct address){.local = text, .index = a0, .prefix_len = 32}),
            0);
    }
    assert_int_equal(netif_has_addr(&last, 0, &hit, NULL), 1);
    assert_int_equal(has("10.9.7.208", 0), 0);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(text, sizeof(text), "10.9.%d.%d", i / 256, i % 256);
        assert_int_equal(
            change_address(RTM_DELADDR,
                           &(struct address){.local = text, .index = a0, .prefix_len = 32}),
            0);
    }
}

static void
netif_add_addr_twice_is_success(void **state)
{
    (void)state;
    need_net();
    add("10.1.0.10", a0, NULL);
    add("10.1.0.10", a0, NULL);
    add("2001:db8::1", a0, NULL);
    add("2001:db8::1", a0, NULL);
    del("10.1.0.10");
    del("2001:db8::1");
}

/* The label that the kernel shows for an address of a link (SIOCGIFADDR by label finds it). */
static bool
label_has_address(const char *label, const char *text)
{
    struct ifreq request = {.ifr_addr = {.sa_family = AF_INET}};
    struct sockaddr_in got;
    struct addr want = address(text);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = 0;

    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", label);
    rc = ioctl(fd, SIOCGIFADDR, &request);
    (void)close(fd);
    memcpy(&got, &request.ifr_addr, sizeof(got));
    return rc == 0 && got.sin_addr.s_addr == want.ip.v4.s_addr;
}

static void
netif_add_addr_label_is_set(void **state)
{
    (void)state;
    need_net();
    add("10.1.0.10", a0, "a0:vip");
    assert_true(label_has_address("a0:vip", "10.1.0.10"));
    del("10.1.0.10");
}

static void
netif_add_addr_long_label_refused(void **state)
{
    struct addr a = address("10.1.0.10");
    struct err e = {0};

    (void)state;
    need_net();
    assert_int_equal(netif_add_addr(&a, a0, "a0:6789012345678", &e), -ERR_BUG);
    assert_int_equal(has("10.1.0.10", 0), 0);
    add("10.1.0.10", a0, "a0:678901234567");
    del("10.1.0.10");
}

static void
netif_add_addr_v6_is_usable_at_once_but_no_source(void **state)
{
    struct sockaddr_in6 there = {.sin6_family = AF_INET6, .sin6_port = 9};
    struct sockaddr_in6 here = {0};
    socklen_t len = sizeof(here);
    struct addr own = address("2001:db8::5");
    struct addr peer = address("2001:db8::6");
    int fd = -1;

    (void)state;
    need_net();
    add("2001:db8::1", a0, NULL);
    assert_int_equal(has("2001:db8::1", a0), 1);
    assert_int_equal(change_address(RTM_NEWADDR, &(struct address){.local = "2001:db8::5",
                                                                   .index = a0,
                                                                   .prefix_len = 64,
                                                                   .flags = IFA_F_NODAD}),
                     0);
    fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    there.sin6_addr = peer.ip.v6;
    assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof(there)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &len), 0);
    (void)close(fd);
    assert_memory_equal(&here.sin6_addr, &own.ip.v6, sizeof(own.ip.v6));
    del("2001:db8::1");
    del("2001:db8::5");
}

static void
netif_add_addr_no_such_link_tells(void **state)
{
    struct addr a = address("10.1.0.10");
    struct err e = {0};

    (void)state;
    need_net();
    assert_int_equal(netif_add_addr(&a, 12345, NULL, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, "10.1.0.10"));
    assert_non_null(strstr(e.text, "12345"));
    assert_non_null(strstr(e.text, strerror(ENODEV)));
}

static void
netif_add_addr_v6_switched_off_says_so(void **state)
{
    struct addr a = address("2001:db8::1");
    struct err e = {0};

    (void)state;
    need_net();
    if (!harness_write("/proc/sys/net/ipv6/conf/a0/disable_ipv6", "1")) {
        print_message("cannot switch IPv6 off: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(netif_add_addr(&a, a0, NULL, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, "disable_ipv6"));
    assert_non_null(strstr(e.text, "\"a0\""));
    assert_true(harness_write("/proc/sys/net/ipv6/conf/a0/disable_ipv6", "0"));
}

static void
netif_del_addr_absent_is_success(void **state)
{
    (void)state;
    need_net();
    del("10.1.0.10");
    del("2001:db8::1");
}

static void
netif_del_addr_on_two_links_with_other_prefixes_removes_all(void **state)
{
    (void)state;
    need_net();
    add("10.1.0.10", a0, NULL);
    add("10.1.0.11", a0, NULL);
    assert_int_equal(
        change_address(RTM_NEWADDR,
                       &(struct address){.local = "10.1.0.10", .index = a0, .prefix_len = 24}),
        0);
    assert_int_equal(
        change_address(RTM_NEWADDR,
                       &(struct address){.local = "10.1.0.10", .index = b0, .prefix_len = 16}),
        0);
    del("10.1.0.10");
    assert_int_equal(has("10.1.0.11", a0), 1);
    del("10.1.0.11");
}

static void
netif_del_addr_v6_tentative_removes(void **state)
{
    struct address t = {.local = "2001:db8::77", .index = a0, .prefix_len = 64};

    (void)state;
    need_net();
    assert_int_equal(change_link(b0, false, 0), 0);
    assert_int_equal(change_address(RTM_NEWADDR, &t), 0);
    del("2001:db8::77");
    assert_int_equal(change_address(RTM_DELADDR, &t), EADDRNOTAVAIL);
    assert_int_equal(change_link(b0, true, 0), 0);
}

static void
netif_no_descriptor_left_fails(void **state)
{
    struct addr a = address("10.1.0.10");
    struct netif_link link = {0};
    struct rlimit old;
    struct rlimit none = {0};
    struct err e[4] = {0};
    int rc[4];

    (void)state;
    need_net();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    rc[0] = netif_by_name("a0", &link, &e[0]);
    rc[1] = netif_has_addr(&a, 0, NULL, &e[1]);
    rc[2] = netif_add_addr(&a, a0, NULL, &e[2]);
    rc[3] = netif_del_addr(&a, &e[3]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    for (size_t i = 0; i < ARRAY_LEN(rc); i++) {
        assert_int_equal(rc[i], -ERR_SYSTEM);
        assert_non_null(strstr(e[i].text, strerror(EMFILE)));
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(netif_by_name_known_fills_link),
        cmocka_unit_test(netif_by_name_unknown_names_the_links),
        cmocka_unit_test(netif_by_name_prefix_or_empty_is_unknown),
        cmocka_unit_test(netif_by_name_link_down_tells),
        cmocka_unit_test(netif_by_mac_any_case_finds),
        cmocka_unit_test(netif_by_mac_unknown_or_malformed_is_no_link),
        cmocka_unit_test(netif_by_mac_vlans_on_it_finds_lower),
        cmocka_unit_test(netif_by_mac_bridge_over_it_finds_port),
        cmocka_unit_test(netif_has_addr_absent_is_0),
        cmocka_unit_test(netif_has_addr_compares_exactly),
        cmocka_unit_test(netif_has_addr_other_link_depends_on_index),
        cmocka_unit_test(netif_has_addr_peer_is_not_ours),
        cmocka_unit_test(netif_has_addr_tentative_is_absent_and_add_mends_it),
        cmocka_unit_test(netif_has_addr_many_addresses_reads_all_chunks),
        cmocka_unit_test(netif_add_addr_twice_is_success),
        cmocka_unit_test(netif_add_addr_label_is_set),
        cmocka_unit_test(netif_add_addr_long_label_refused),
        cmocka_unit_test(netif_add_addr_v6_is_usable_at_once_but_no_source),
        cmocka_unit_test(netif_add_addr_no_such_link_tells),
        cmocka_unit_test(netif_add_addr_v6_switched_off_says_so),
        cmocka_unit_test(netif_del_addr_absent_is_success),
        cmocka_unit_test(netif_del_addr_on_two_links_with_other_prefixes_removes_all),
        cmocka_unit_test(netif_del_addr_v6_tentative_removes),
        cmocka_unit_test(netif_no_descriptor_left_fails),
    };

    return cmocka_run_group_tests_name("netif", tests, enter, NULL);
}
