/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers that a kernel gives seldom or never: dumps that changed meanwhile, errors, broken
 * messages. The two functions by which netif.c talks to the kernel are replaced here by a script;
 * what the real kernel does is in test_netif.c.
 */
#include "harness.h"

#include "netif.h"

#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <netinet/ether.h>

#define MAC "02:00:00:00:00:0a"

/* One answer: an errno, or messages. */
struct answer {
    int error;
    size_t len;
    _Alignas(struct nlmsghdr) char data[32768];
};

/* The script is read from `next` on; when `cycle` is set, from the start again at its end. */
static struct answer script[8];
static size_t script_len;
static size_t next;
static bool cycle;

/* How often each type of request was sent. */
static unsigned requests[RTM_MAX];

ssize_t
mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t len)
{
    const struct nlmsghdr *h = data;

    (void)socket;
    assert_true(mnl_nlmsg_ok(h, (int)len));
    assert_true(h->nlmsg_type < RTM_MAX);
    requests[h->nlmsg_type]++;
    return (ssize_t)len;
}

/* Messages are given the port of whoever asks, as the kernel does. */
static void
address_to(unsigned port, void *data, size_t len)
{
    struct nlmsghdr *h = data;
    int left = (int)len;

    for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
        h->nlmsg_pid = port;
    }
}

ssize_t
mnl_socket_recvfrom(const struct mnl_socket *socket, void *data, size_t size)
{
    const struct answer *a = &script[next];

    assert_true(next < script_len);
    next = cycle ? (next + 1) % script_len : next + 1;
    if (a->error != 0) {
        errno = a->error;
        return -1;
    }
    assert_true(a->len <= size);
    memcpy(data, a->data, a->len);
    address_to(mnl_socket_get_portid(socket), data, a->len);
    return (ssize_t)a->len;
}

static int
setup(void **state)
{
    (void)state;
    memset(script, 0, sizeof(script));
    memset(requests, 0, sizeof(requests));
    script_len = 0;
    next = 0;
    cycle = false;
    return 0;
}

static struct answer *
new_answer(void)
{
    assert_true(script_len < ARRAY_LEN(script));
    return &script[script_len++];
}

static void
answer_error(int error)
{
    new_answer()->error = error;
}

static struct nlmsghdr *
begin(struct answer *a, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(a->data + a->len);

    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_MULTI | flags;
    h->nlmsg_seq = 1;
    return h;
}

static void
finish(struct answer *a, const struct nlmsghdr *h)
{
    a->len += MNL_ALIGN(h->nlmsg_len);
    assert_true(a->len < sizeof(a->data));
}

/* A message that begins with an errno: the end of a dump, or of anything else. */
static void
put_end(struct answer *a, uint16_t type, uint16_t flags, int error)
{
    struct nlmsghdr *h = begin(a, type, flags);

    memcpy(mnl_nlmsg_put_extra_header(h, sizeof(struct nlmsgerr)), &error, sizeof(error));
    finish(a, h);
}

struct link_text {
    const char *name;
    const char *mac;
    int index;
    int lower;
    int master;
    bool elsewhere;
};

static void
put_link(struct answer *a, uint16_t flags, const struct link_text *l)
{
    struct nlmsghdr *h = begin(a, RTM_NEWLINK, flags);
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));
    struct ether_addr mac;

    assert_non_null(ether_aton_r(l->mac, &mac));
    info->ifi_index = l->index;
    mnl_attr_put_strz(h, IFLA_IFNAME, l->name);
    mnl_attr_put(h, IFLA_ADDRESS, sizeof(mac), &mac);
    if (l->lower != 0) {
        mnl_attr_put_u32(h, IFLA_LINK, (uint32_t)l->lower);
    }
    if (l->elsewhere) {
        mnl_attr_put_u32(h, IFLA_LINK_NETNSID, 0);
    }
    if (l->master != 0) {
        mnl_attr_put_u32(h, IFLA_MASTER, (uint32_t)l->master);
    }
    finish(a, h);
}

static void
put_address(struct answer *a, uint16_t flags, const char *text, int index)
{
    struct nlmsghdr *h = begin(a, RTM_NEWADDR, flags);
    struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));
    struct addr address = {0};

    assert_true(addr_parse(text, &address));
    info->ifa_family = (uint8_t)address.family;
    info->ifa_prefixlen = address.prefix_len;
    info->ifa_index = (uint32_t)index;
    mnl_attr_put(h, IFA_LOCAL, addr_len(&address), address.ip.bytes);
    finish(a, h);
}

/* A message with one attribute of any content. */
static void
put_attribute(struct answer *a, uint16_t type, size_t header_len, uint16_t attribute,
              const void *data, size_t len)
{
    struct nlmsghdr *h = begin(a, type, 0);

    (void)mnl_nlmsg_put_extra_header(h, header_len);
    mnl_attr_put(h, attribute, len, data);
    finish(a, h);
}

/* A whole dump with these links. */
static void
answer_links(const struct link_text *links, size_t n)
{
    struct answer *a = new_answer();

    for (size_t i = 0; i < n; i++) {
        put_link(a, 0, &links[i]);
    }
    put_end(a, NLMSG_DONE, 0, 0);
}

static struct addr
vip(void)
{
    struct addr a = {0};

    assert_true(addr_parse("10.1.0.10", &a));
    return a;
}

static int
has_vip(struct netif_hit *hit, struct err *e)
{
    struct addr a = vip();

    return netif_has_addr(&a, 0, hit, e);
}

static const struct link_text eth0 = {"eth0", MAC, .index = 2};

static void
netif_dump_changed_meanwhile_is_read_again(void **state)
{
    struct netif_hit hit = {0};
    struct err e = {0};

    (void)state;
    put_address(new_answer(), 0, "10.1.0.10", 2); /* seen, and then the dump is void */
    put_address(new_answer(), NLM_F_DUMP_INTR, "10.1.0.11", 2);
    put_end(new_answer(), NLMSG_DONE, 0, 0);
    assert_int_equal(has_vip(&hit, &e), 0);
    assert_int_equal(hit.index, 0);
    assert_int_equal(requests[RTM_GETADDR], 2);
}

static void
netif_dump_changed_at_its_end_is_read_again(void **state)
{
    static const struct link_text other = {"eth1", "02:00:00:00:00:0b", .index = 3};
    struct netif_link link = {0};
    struct err e = {0};
    struct answer *a = new_answer();

    (void)state;
    put_link(a, 0, &eth0);
    put_end(a, NLMSG_DONE, NLM_F_DUMP_INTR, 0);
    answer_links(&other, 1);
    assert_int_equal(netif_by_name("eth0", &link, &e), -ERR_NO_LINK);
    assert_null(strstr(e.text, "eth0,")); /* what the void dump said is forgotten */
    assert_non_null(strstr(e.text, "only eth1"));
    assert_int_equal(requests[RTM_GETLINK], 2);
}

static void
netif_dump_that_never_settles_is_given_up(void **state)
{
    struct netif_link link = {0};
    struct err e = {0};

    (void)state;
    cycle = true;
    put_end(new_answer(), NLMSG_DONE, NLM_F_DUMP_INTR, 0);
    assert_int_equal(has_vip(NULL, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, strerror(EINTR)));
    assert_int_equal(requests[RTM_GETADDR], 10);
    assert_int_equal(netif_by_name("eth0", &link, &e), -ERR_SYSTEM);
    assert_int_equal(requests[RTM_GETLINK], 10);
}

static void
netif_receive_interrupted_goes_on(void **state)
{
    struct netif_hit hit = {0};
    struct answer *a = NULL;

    (void)state;
    answer_error(EINTR);
    answer_error(EINTR);
    put_address(new_answer(), 0, "10.1.0.10", 2);
    answer_error(EINTR);
    a = new_answer();
    put_end(a, NLMSG_DONE, 0, 0);
    assert_int_equal(has_vip(&hit, NULL), 1);
    assert_int_equal(hit.index, 2);
    assert_int_equal(requests[RTM_GETADDR], 1);
}

static void
netif_receive_errors_are_told(void **state)
{
    static const struct {
        int error;
        int shown;
    } cases[] = {{EAGAIN, ETIMEDOUT}, {ENOSPC, ENOSPC}, {ENOBUFS, ENOBUFS}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct netif_link link = {.index = 99};
        struct err e = {0};

        (void)setup(state);
        put_link(new_answer(), 0, &eth0);
        answer_error(cases[i].error);
        assert_int_equal(netif_by_name("eth0", &link, &e), -ERR_SYSTEM);
        assert_non_null(strstr(e.text, strerror(cases[i].shown)));
        assert_int_equal(link.index, 99);
    }
}

static void
netif_dump_ends_in_error_is_told(void **state)
{
    static const uint16_t ends[] = {NLMSG_DONE, NLMSG_ERROR};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct err e = {0};
        struct answer *a = NULL;

        (void)setup(state);
        a = new_answer();
        put_address(a, 0, "10.1.0.10", 2);
        put_end(a, ends[i], 0, -EPERM);
        assert_int_equal(has_vip(NULL, &e), -ERR_SYSTEM);
        assert_non_null(strstr(e.text, strerror(EPERM)));
    }
}

static void
netif_dump_ends_in_no_errno_is_refused(void **state)
{
    static const int errors[] = {INT_MIN, -4096};

    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct err e = {0};

        (void)setup(state);
        put_end(new_answer(), NLMSG_ERROR, 0, errors[i]);
        assert_int_equal(has_vip(NULL, &e), -ERR_SYSTEM);
        assert_non_null(strstr(e.text, strerror(EBADMSG)));
    }
}

static void
netif_answer_to_another_request_is_refused(void **state)
{
    struct answer *a = new_answer();
    struct nlmsghdr *h = (struct nlmsghdr *)a->data;

    (void)state;
    put_address(a, 0, "10.1.0.10", 2);
    h->nlmsg_seq = 2;
    assert_int_equal(has_vip(NULL, NULL), -ERR_SYSTEM);
}

static void
netif_links_malformed_are_refused(void **state)
{
    struct link_text long_name = {"a-name-that-is-too-long", MAC, .index = 2};
    size_t n = 6;

    for (size_t i = 0; i < n; i++) {
        struct netif_link link = {0};
        struct err e = {0};
        struct answer *a = NULL;

        (void)setup(state);
        a = new_answer();
        switch (i) {
        case 0:
            put_link(a, 0, &long_name);
            break;
        case 1:
            put_attribute(a, RTM_NEWLINK, sizeof(struct ifinfomsg), IFLA_IFNAME, "eth0", 4);
            break;
        case 2:
            put_attribute(a, RTM_NEWLINK, sizeof(struct ifinfomsg), IFLA_LINK, "ab", 2);
            break;
        case 3:
            put_attribute(a, RTM_NEWLINK, sizeof(struct ifinfomsg), IFLA_MASTER, "abcdefgh", 8);
            break;
        case 4:
            finish(a, begin(a, RTM_NEWLINK, 0)); /* a header and nothing else */
            break;
        default:
            put_address(a, 0, "10.1.0.10", 2); /* an address is no link */
        }
        put_end(a, NLMSG_DONE, 0, 0);
        assert_int_equal(netif_by_name("eth0", &link, &e), -ERR_SYSTEM);
        assert_non_null(strstr(e.text, strerror(EBADMSG)));
    }
}

static void
netif_addresses_malformed_are_refused(void **state)
{
    for (size_t i = 0; i < 3; i++) {
        struct err e = {0};
        struct answer *a = NULL;

        (void)setup(state);
        a = new_answer();
        switch (i) {
        case 0:
            finish(a, begin(a, RTM_NEWADDR, 0));
            break;
        case 1:
            put_link(a, 0, &eth0);
            break;
        default:
            finish(a, begin(a, NLMSG_ERROR, 0)); /* an error without its number */
        }
        put_end(a, NLMSG_DONE, 0, 0);
        assert_int_equal(has_vip(NULL, &e), -ERR_SYSTEM);
        assert_non_null(strstr(e.text, strerror(EBADMSG)));
    }
}

static void
netif_address_of_odd_length_is_another(void **state)
{
    static const uint8_t bytes[16] = {10, 1, 0, 10};

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct ifaddrmsg *info = NULL;
        struct answer *a = NULL;

        (void)setup(state);
        a = new_answer();
        put_attribute(a, RTM_NEWADDR, sizeof(*info), IFA_LOCAL, bytes, len);
        info = mnl_nlmsg_get_payload((struct nlmsghdr *)a->data);
        info->ifa_family = AF_INET;
        put_end(a, NLMSG_DONE, 0, 0);
        assert_int_equal(has_vip(NULL, NULL), len == 4);
    }
}

static void
netif_address_without_attributes_is_another(void **state)
{
    struct answer *a = new_answer();
    struct nlmsghdr *h = begin(a, RTM_NEWADDR, 0);
    struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));

    (void)state;
    info->ifa_family = AF_INET;
    finish(a, h);
    put_end(a, NLMSG_DONE, 0, 0);
    assert_int_equal(has_vip(NULL, NULL), 0);
}

/* On a point-to-point link there are two, in either order. */
static void
netif_address_with_peer_is_the_local_one(void **state)
{
    static const uint8_t own[4] = {10, 1, 0, 10};
    static const uint8_t peer[4] = {10, 1, 0, 11};
    static const uint16_t first[] = {IFA_LOCAL, IFA_ADDRESS};

    for (size_t i = 0; i < 2 * ARRAY_LEN(first); i++) {
        uint16_t type = first[i % 2];
        bool local_is_vip = i < 2;
        const uint8_t *local = local_is_vip ? own : peer;
        const uint8_t *other = local_is_vip ? peer : own;
        struct ifaddrmsg *info = NULL;
        struct nlmsghdr *h = NULL;
        struct answer *a = NULL;

        (void)setup(state);
        a = new_answer();
        h = begin(a, RTM_NEWADDR, 0);
        info = mnl_nlmsg_put_extra_header(h, sizeof(*info));
        info->ifa_family = AF_INET;
        mnl_attr_put(h, type, 4, type == IFA_LOCAL ? local : other);
        type = type == IFA_LOCAL ? IFA_ADDRESS : IFA_LOCAL;
        mnl_attr_put(h, type, 4, type == IFA_LOCAL ? local : other);
        finish(a, h);
        put_end(a, NLMSG_DONE, 0, 0);
        assert_int_equal(has_vip(NULL, NULL), local_is_vip);
    }
}

static void
netif_by_name_longest_name_is_found(void **state)
{
    static const struct link_text longest = {"fifteen-letters", MAC, .index = 2};
    struct netif_link link = {0};

    (void)state;
    answer_links(&longest, 1);
    assert_int_equal(netif_by_name("fifteen-letters", &link, NULL), 0);
    assert_string_equal(link.name, "fifteen-letters");
}

/* The link that netif_by_mac() takes of these. */
static void
assert_chosen(const struct link_text *links, size_t n, const char *name)
{
    struct netif_link link = {0};

    (void)setup(NULL);
    answer_links(links, n);
    assert_int_equal(netif_by_mac(MAC, &link, NULL), 0);
    assert_string_equal(link.name, name);
}

static void
netif_by_mac_stacked_links_finds_lowest(void **state)
{
    static const struct link_text vlans[] = {{"eth0.7", MAC, .index = 1, .lower = 9},
                                             {"eth0.8", MAC, .index = 2, .lower = 9},
                                             {"eth0", MAC, .index = 9}};
    static const struct link_text bridge[] = {{"br0", MAC, .index = 1},
                                              {"eth0", MAC, .index = 9, .master = 1}};
    static const struct link_text both[] = {{"br0.7", MAC, .index = 1, .lower = 2},
                                            {"br0", MAC, .index = 2},
                                            {"eth0", MAC, .index = 9, .master = 2}};
    static const struct link_text late[] = {{"eth0", MAC, .index = 9},
                                            {"eth0.7", MAC, .index = 1, .lower = 9}};
    static const struct link_text foreign[] = {{"eth0", MAC, .index = 2, .lower = 9},
                                               {"eth1", "02:00:00:00:00:0b", .index = 9}};

    (void)state;
    assert_chosen(vlans, ARRAY_LEN(vlans), "eth0");
    assert_chosen(bridge, ARRAY_LEN(bridge), "eth0");
    assert_chosen(both, ARRAY_LEN(both), "eth0");
    assert_chosen(late, ARRAY_LEN(late), "eth0");
    assert_chosen(foreign, ARRAY_LEN(foreign), "eth0");
}

static void
netif_by_mac_peer_in_another_namespace_is_no_lower_link(void **state)
{
    static const struct link_text links[] = {{"b", MAC, .index = 7},
                                             {"a", MAC, .index = 5, .lower = 7, .elsewhere = true}};

    (void)state;
    assert_chosen(links, ARRAY_LEN(links), "a");
}

static void
netif_by_mac_link_on_itself_is_found(void **state)
{
    static const struct link_text links[] = {{"eth0", MAC, .index = 2, .lower = 2}};

    (void)state;
    assert_chosen(links, ARRAY_LEN(links), "eth0");
}

static void
netif_by_mac_too_many_links_is_told(void **state)
{
    struct netif_link link = {0};
    struct err e = {0};

    (void)state;
    for (int i = 1; i <= 65; i++) {
        struct answer *a = i == 1 ? new_answer() : &script[0];
        char name[IFNAMSIZ];

        (void)snprintf(name, sizeof(name), "eth%d", i);
        put_link(a, 0, &(struct link_text){name, MAC, .index = i});
    }
    put_end(&script[0], NLMSG_DONE, 0, 0);
    assert_int_equal(netif_by_mac(MAC, &link, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, strerror(E2BIG)));
}

static void
netif_by_name_many_links_message_is_cut(void **state)
{
    struct netif_link link = {0};
    struct err e = {0};
    struct answer *a = new_answer();

    (void)state;
    for (int i = 1; i <= 200; i++) {
        char name[IFNAMSIZ];

        (void)snprintf(name, sizeof(name), "interface%d", i);
        put_link(a, 0, &(struct link_text){name, MAC, .index = i});
    }
    put_end(a, NLMSG_DONE, 0, 0);
    assert_int_equal(netif_by_name("nope", &link, &e), -ERR_NO_LINK);
    assert_non_null(strstr(e.text, "only interface1, interface2, "));
    assert_true(strlen(e.text) < 300);
}

/* An address that is there, and the answer to its removal. */
static void
answer_removal(int error)
{
    struct answer *a = new_answer();

    put_address(a, 0, "10.1.0.10", 2);
    put_end(a, NLMSG_DONE, 0, 0);
    put_end(new_answer(), NLMSG_ERROR, 0, error);
}

static void
netif_del_addr_gone_meanwhile_is_success(void **state)
{
    static const int errors[] = {0, -EADDRNOTAVAIL, -ENODEV};

    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct addr a = vip();

        (void)setup(state);
        answer_removal(errors[i]);
        put_end(new_answer(), NLMSG_DONE, 0, 0);
        assert_int_equal(netif_del_addr(&a, NULL), 0);
        assert_int_equal(requests[RTM_DELADDR], 1);
        assert_int_equal(requests[RTM_GETADDR], 2);
    }
}

static void
netif_del_addr_refused_is_told(void **state)
{
    struct addr a = vip();
    struct err e = {0};

    (void)state;
    answer_removal(-EPERM);
    assert_int_equal(netif_del_addr(&a, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, "10.1.0.10"));
    assert_non_null(strstr(e.text, strerror(EPERM)));
}

static void
netif_del_addr_put_back_every_time_ends(void **state)
{
    struct addr a = vip();
    struct err e = {0};

    (void)state;
    cycle = true;
    answer_removal(0);
    assert_int_equal(netif_del_addr(&a, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, "put back"));
    assert_int_equal(requests[RTM_DELADDR], 64);
}

static void
netif_add_addr_refused_is_told(void **state)
{
    struct addr a = vip();
    struct err e = {0};

    (void)state;
    put_end(new_answer(), NLMSG_ERROR, 0, -EACCES);
    assert_int_equal(netif_add_addr(&a, 2, NULL, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, strerror(EACCES))); /* the hint at IPv6 is not for IPv4 */
}

static void
netif_add_addr_there_then_gone_adds_again(void **state)
{
    struct addr a = vip();

    (void)state;
    put_end(new_answer(), NLMSG_ERROR, 0, -EEXIST);
    put_end(new_answer(), NLMSG_DONE, 0, 0); /* not usable ... */
    put_end(new_answer(), NLMSG_DONE, 0, 0); /* ... nor there at all by now */
    put_end(new_answer(), NLMSG_ERROR, 0, 0);
    assert_int_equal(netif_add_addr(&a, 2, NULL, NULL), 0);
    assert_int_equal(requests[RTM_NEWADDR], 2);
    assert_int_equal(requests[RTM_DELADDR], 0);
}

static void
netif_add_addr_cannot_look_is_told(void **state)
{
    for (int looks = 0; looks < 2; looks++) {
        struct addr a = vip();
        struct err e = {0};

        (void)setup(state);
        put_end(new_answer(), NLMSG_ERROR, 0, -EEXIST);
        if (looks == 1) {
            put_end(new_answer(), NLMSG_DONE, 0, 0);
        }
        put_end(new_answer(), NLMSG_DONE, 0, -ENOMEM);
        assert_int_equal(netif_add_addr(&a, 2, NULL, &e), -ERR_SYSTEM);
        assert_non_null(strstr(e.text, strerror(ENOMEM)));
    }
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(netif_dump_changed_meanwhile_is_read_again),
        TEST(netif_dump_changed_at_its_end_is_read_again),
        TEST(netif_dump_that_never_settles_is_given_up),
        TEST(netif_receive_interrupted_goes_on),
        TEST(netif_receive_errors_are_told),
        TEST(netif_dump_ends_in_error_is_told),
        TEST(netif_dump_ends_in_no_errno_is_refused),
        TEST(netif_answer_to_another_request_is_refused),
        TEST(netif_links_malformed_are_refused),
        TEST(netif_addresses_malformed_are_refused),
        TEST(netif_address_of_odd_length_is_another),
        TEST(netif_address_without_attributes_is_another),
        TEST(netif_address_with_peer_is_the_local_one),
        TEST(netif_by_name_longest_name_is_found),
        TEST(netif_by_mac_stacked_links_finds_lowest),
        TEST(netif_by_mac_peer_in_another_namespace_is_no_lower_link),
        TEST(netif_by_mac_link_on_itself_is_found),
        TEST(netif_by_mac_too_many_links_is_told),
        TEST(netif_by_name_many_links_message_is_cut),
        TEST(netif_del_addr_gone_meanwhile_is_success),
        TEST(netif_del_addr_refused_is_told),
        TEST(netif_del_addr_put_back_every_time_ends),
        TEST(netif_add_addr_refused_is_told),
        TEST(netif_add_addr_there_then_gone_adds_again),
        TEST(netif_add_addr_cannot_look_is_told),
    };

    return cmocka_run_group_tests_name("netif answers", tests, NULL, NULL);
}
