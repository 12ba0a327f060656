/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include "vip.h"

#include <net/if.h>
#include <sys/ioctl.h>

#define VIP "10.1.0.10"
#define OWN "127.0.0.1" /* of the loopback, with the prefix of its network */

static bool isolated;
static char told[1024]; /* what was written to stderr */

/* Once, for all tests: addresses of a network namespace of the test's own. */
static int
isolate(void **state)
{
    struct ifreq lo = {.ifr_name = FAKE_LINK, .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = -1;

    (void)state;
    isolated = harness_unshare(CLONE_NEWNET);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    isolated = isolated && fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
    (void)close(fd);
    return 0;
}

static struct addr
address(const char *text)
{
    struct addr a;

    assert_true(addr_parse(text, &a));
    return a;
}

/* The prefix length of the address, 0 when no link has it. */
static int
prefix_len(const char *text)
{
    struct addr a = address(text);
    struct netif_hit hit = {0};
    struct err e = {0};

    assert_in_range(netif_has_addr(&a, 0, &hit, &e), 0, 1);
    return hit.prefix_len;
}

static struct vip_params
vip_of(const char *first, const char *second)
{
    return (struct vip_params){.addresses = {.items = {address(first), address(second)}, .n = 2},
                               .assign_address = true};
}

static int
remove_all(struct fake *f, const struct vip_params *v)
{
    struct fakenode_stderr caught;
    struct err e = {0};
    FAKENODE ctx;
    int rc = 0;

    fakenode_init(f, &ctx, NULL);
    ctx.operation = OCF_OP_STOP;
    fakenode_stderr_begin(&caught);
    rc = vip_remove(&ctx, v, &e);
    fakenode_stderr_end(&caught, told, sizeof(told));
    return rc;
}

static void
vip_remove_takes_off_what_a_start_put_there(void **state)
{
    const struct vip_params v = vip_of(VIP, "2001:db8::10");
    struct netif_link lo;
    struct err e = {0};
    FAKENODE ctx;

    if (!isolated) {
        skip();
    }
    fakenode_init(*state, &ctx, NULL);
    assert_int_equal(netif_by_name(FAKE_LINK, &lo, &e), 0);
    assert_int_equal(vip_assign(&ctx, &v, &lo, &e), 0);
    assert_int_equal(prefix_len(VIP), 32);
    assert_int_equal(remove_all(*state, &v), 0);
    assert_string_equal(told, "");
    assert_int_equal(prefix_len(VIP), 0);
    assert_int_equal(prefix_len("2001:db8::10"), 0);
}

/* A spelling error in `ip` must not cost the node the address by which the cluster reaches it. */
static void
vip_remove_leaves_an_address_of_the_node(void **state)
{
    const struct vip_params v = vip_of(OWN, VIP);
    struct addr vip = address(VIP);
    struct netif_link lo;
    struct err e = {0};

    if (!isolated) {
        skip();
    }
    assert_int_equal(netif_by_name(FAKE_LINK, &lo, &e), 0);
    assert_int_equal(netif_add_addr(&vip, lo.index, NULL, &e), 0);
    assert_int_equal(remove_all(*state, &v), 0);
    assert_int_equal(prefix_len(OWN), 8);
    assert_int_equal(prefix_len(VIP), 0);
    assert_string_equal(told, "WARNING: address left on its interface: " OWN
                              "/8 was not put there by a start: check ip\n");
}

/* Another has put it there, too: with the one beside it of the start, it is the resource's. */
static void
vip_remove_takes_off_what_a_start_has_taken_over(void **state)
{
    const struct vip_params v = vip_of(OWN, VIP);
    struct netif_link lo;
    struct err e = {0};
    FAKENODE ctx;

    if (!isolated) {
        skip();
    }
    fakenode_init(*state, &ctx, NULL);
    assert_int_equal(netif_by_name(FAKE_LINK, &lo, &e), 0);
    assert_int_equal(vip_assign(&ctx, &v, &lo, &e), 0);
    assert_int_equal(remove_all(*state, &v), 0);
    assert_string_equal(told, "");
    assert_int_equal(prefix_len(OWN), 0);
    assert_int_equal(prefix_len(VIP), 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(vip_remove_takes_off_what_a_start_put_there),
        FAKE_TEST(vip_remove_leaves_an_address_of_the_node),
        FAKE_TEST(vip_remove_takes_off_what_a_start_has_taken_over),
    };

    return cmocka_run_group_tests_name("vip", tests, isolate, NULL);
}
