/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include <sys/resource.h>

static void
init(struct fake *f, struct node *n)
{
    *n = (struct node){.cache = &f->cache};
    imds_init(&n->imds, &f->transport, &f->cache, FAKE_IMDS);
}

static void
done(struct node *n)
{
    imds_done(&n->imds);
}

#define NODE OCF_CLEANUP(done) struct node

static int
region(struct fake *f, struct node *n, char ret[64], struct err *e)
{
    OCF_BUF struct buf b = BUF_INIT(63);
    int rc = node_region(n, fake_deadline(f, 10000), &b, e);

    (void)snprintf(ret, 64, "%s", buf_str(&b));
    return rc;
}

/* The key under which a value is cached: with the boot id, or another one. */
static void
cache_key(char key[256], const char *what, const char *of, bool this_boot)
{
    char boot_id[37] = "00000000-0000-0000-0000-000000000000";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    if (this_boot) {
        assert_int_equal(read(fd, boot_id, 36), 36);
    }
    (void)close(fd);
    (void)snprintf(key, 256, "%s %s %s " FAKE_IMDS, what, of, boot_id);
}

static void
node_region_asked_once_per_boot(void **state)
{
    struct fake *f = *state;
    struct err e = {0};
    char found[64];
    NODE first;
    NODE second;

    init(f, &first);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN,
                IMDS_GIVES("/latest/meta-data/placement/region", "ap-northeast-3"));
    assert_int_equal(region(f, &first, found, &e), 0);
    assert_string_equal(found, "ap-northeast-3");
    init(f, &second);
    assert_int_equal(region(f, &second, found, &e), 0);
    assert_string_equal(found, "ap-northeast-3");
    assert_int_equal(f->n_requests, 2);
}

static void
node_region_of_another_boot_not_believed(void **state)
{
    struct fake *f = *state;
    struct err e = {0};
    char found[64];
    char key[256];
    NODE n;

    cache_key(key, "imds", "meta-data/placement/region", false);
    cache_put(&f->cache, key, "us-east-1", 9);
    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES("/latest/meta-data/placement/region", "eu-west-1"));
    assert_int_equal(region(f, &n, found, &e), 0);
    assert_string_equal(found, "eu-west-1");
    /* While what this boot has cached is. */
    cache_key(key, "imds", "meta-data/placement/region", true);
    cache_put(&f->cache, key, "us-east-2", 9);
    assert_int_equal(region(f, &n, found, &e), 0);
    assert_string_equal(found, "us-east-2");
}

/* What a metadata service said that was none is not what the right one says. */
static void
node_region_of_another_metadata_service_not_believed(void **state)
{
    struct fake *f = *state;
    struct err e = {0};
    char found[64];
    NODE wrong;
    NODE n;

    init(f, &wrong);
    imds_done(&wrong.imds);
    imds_init(&wrong.imds, &f->transport, &f->cache, "http://192.0.2.253");
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN,
                {.url = "http://192.0.2.253/latest/meta-data/placement/region",
                 .status = 200,
                 .answer = "us-east-1"},
                IMDS_GIVES_TOKEN, IMDS_GIVES("/latest/meta-data/placement/region", "eu-west-1"));
    assert_int_equal(region(f, &wrong, found, &e), 0);
    assert_string_equal(found, "us-east-1");
    init(f, &n);
    assert_int_equal(region(f, &n, found, &e), 0);
    assert_string_equal(found, "eu-west-1");
}

static void
node_region_not_a_single_word_refused_and_not_cached(void **state)
{
    static const char *const answers[] = {"",           "two words", "a\n",  "<html>",
                                          "\"quoted\"", "it's",      "\x01", "\xc3\xa4"};
    struct fake *f = *state;
    OCF_BUF struct buf b = BUF_INIT(63);
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        FAKE_SCRIPT(f, IMDS_GIVES("/latest/meta-data/placement/region", answers[i]));
        assert_int_equal(node_region(&n, fake_deadline(f, 10000), &b, &e), -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_int_equal(b.len, 0); /* untouched: it is tried again */
    }
    FAKE_SCRIPT(f, IMDS_GIVES("/latest/meta-data/placement/region", "eu-west-1"));
    assert_int_equal(node_region(&n, fake_deadline(f, 10000), &b, &e), 0);
    assert_string_equal(buf_str(&b), "eu-west-1");
}

static void
node_region_too_long_is_told(void **state)
{
    struct fake *f = *state;
    char answer[100] = "";
    char found[64];
    struct err e = {0};
    NODE n;

    memset(answer, 'r', sizeof(answer) - 1);
    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES("/latest/meta-data/placement/region", answer));
    assert_int_equal(region(f, &n, found, &e), -ERR_TOO_BIG);
    assert_int_equal(e.code, -ERR_TOO_BIG);
}

static void
node_region_without_one_is_no_answer_of_imds(void **state)
{
    struct fake *f = *state;
    char found[64];
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, {.method = "GET", .status = 404});
    assert_int_equal(region(f, &n, found, &e), -ERR_MALFORMED);
    assert_int_equal(e.code, -ERR_MALFORMED);
    assert_string_equal(e.text, "IMDS has no meta-data/placement/region");
    FAKE_SCRIPT(f, {.method = "GET", .status = 403});
    assert_int_equal(region(f, &n, found, &e), -ERR_IMDS_DISABLED);
    assert_int_equal(e.code, -ERR_IMDS_DISABLED);
}

static int
nic(struct fake *f, struct node *n, const char *interface, struct node_nic *ret, struct err *e)
{
    return node_nic(n, interface, fake_deadline(f, 10000), ret, e);
}

static void
node_nic_primary_by_its_mac(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = ""};
    struct err e = {0};
    NODE first;
    NODE second;

    init(f, &first);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES("/latest/meta-data/mac", FAKE_MAC), IMDS_GIVES_IDS);
    assert_int_equal(nic(f, &first, NULL, &found, &e), 0);
    assert_string_equal(found.link.name, "lo");
    assert_string_equal(found.link.mac, FAKE_MAC);
    assert_string_equal(found.eni_id, FAKE_ENI);
    assert_string_equal(found.vpc_id, FAKE_VPC);
    assert_string_equal(found.subnet_id, FAKE_SUBNET);
    /* The three ids are asked for together. */
    assert_int_equal(f->requests[2].wave, f->requests[4].wave);
    /* A warm node asks nothing. */
    init(f, &second);
    found = (struct node_nic){.eni_id = ""};
    assert_int_equal(nic(f, &second, NULL, &found, &e), 0);
    assert_string_equal(found.eni_id, FAKE_ENI);
    assert_string_equal(found.link.name, "lo");
    assert_int_equal(f->n_requests, 5);
}

static void
node_nic_named_needs_no_primary(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = ""};
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS);
    assert_int_equal(nic(f, &n, "lo", &found, &e), 0);
    assert_string_equal(found.eni_id, FAKE_ENI);
    assert_int_equal(fake_count(f, "meta-data/mac"), 0);
}

static void
node_nic_unknown_name_is_wrong_on_this_host(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = "before"};
    struct err e = {0};
    NODE n;

    init(f, &n);
    assert_int_equal(nic(f, &n, "nope", &found, &e), -ERR_PARAM_LOCAL);
    assert_int_equal(e.code, -ERR_PARAM_LOCAL);
    assert_int_equal(strncmp(e.text, "interface=\"nope\": ", 18), 0);
    assert_non_null(strstr(e.text, "lo")); /* what there is */
    assert_string_equal(found.eni_id, "before");
    assert_int_equal(f->n_requests, 0);
}

static void
node_nic_primary_without_link_is_no_parameter(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = "before"};
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES("/latest/meta-data/mac", "02:00:00:00:fe:ed"));
    assert_int_equal(nic(f, &n, NULL, &found, &e), -ERR_NO_LINK);
    assert_non_null(strstr(e.text, "02:00:00:00:fe:ed"));
}

static void
node_nic_link_that_is_no_eni_is_told(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = "before"};
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, {.url = FAKE_MACS, .status = 404, .times = 3});
    assert_int_equal(nic(f, &n, "lo", &found, &e), -ERR_PARAM_LOCAL);
    assert_string_equal(e.text, "interface=\"lo\": " FAKE_MAC
                                " is no network interface of this EC2 instance");
    assert_string_equal(found.eni_id, "before");
}

static void
node_nic_unreadable_ids_refused_and_not_cached(void **state)
{
    static const struct {
        const char *name;
        const char *eni;
        const char *vpc;
        const char *subnet;
    } cases[] = {
        {"not an ENI", "i-0123456789abcdef0", FAKE_VPC, FAKE_SUBNET},
        {"not a VPC", FAKE_ENI, "vpc-xyz", FAKE_SUBNET},
        {"not a subnet", FAKE_ENI, FAKE_VPC, "subnet-"},
        {"empty", "", FAKE_VPC, FAKE_SUBNET},
        {"all empty", "", "", ""},
        {"two in one", FAKE_ENI " " FAKE_ENI, FAKE_VPC, FAKE_SUBNET},
        {"too long", FAKE_ENI "0123456789abcdef0123456789abcdef", FAKE_VPC, FAKE_SUBNET},
        {"HTML", "<html>", "<html>", "<html>"},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct node_nic found = {.eni_id = "before"};
        struct err e = {0};
        NODE n;

        print_message("  %s\n", cases[i].name);
        init(f, &n);
        FAKE_SCRIPT(f, IMDS_GIVES(FAKE_MACS "interface-id", cases[i].eni),
                    IMDS_GIVES(FAKE_MACS "vpc-id", cases[i].vpc),
                    IMDS_GIVES(FAKE_MACS "subnet-id", cases[i].subnet));
        assert_int_equal(nic(f, &n, "lo", &found, &e), -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_non_null(strstr(e.text, FAKE_MAC));
        assert_string_equal(found.eni_id, "before");
    }
}

static void
node_nic_oversized_ids_refused(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = "before"};
    char answer[1000] = "";
    struct err e = {0};
    NODE n;

    memset(answer, 'x', sizeof(answer) - 1);
    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES(FAKE_MACS "interface-id", answer),
                IMDS_GIVES(FAKE_MACS "vpc-id", FAKE_VPC),
                IMDS_GIVES(FAKE_MACS "subnet-id", FAKE_SUBNET));
    assert_int_equal(nic(f, &n, "lo", &found, &e), -ERR_MALFORMED);
    assert_int_equal(e.code, -ERR_MALFORMED);
}

static void
node_nic_one_id_lost_hands_on_its_error(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = "before"};
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES(FAKE_MACS "interface-id", FAKE_ENI),
                IMDS_GIVES(FAKE_MACS "subnet-id", FAKE_SUBNET),
                {.url = FAKE_MACS "vpc-id", .status = 403});
    assert_int_equal(nic(f, &n, "lo", &found, &e), -ERR_IMDS_DISABLED);
    assert_int_equal(e.code, -ERR_IMDS_DISABLED);
    assert_true(e.text[0] != '\0');
}

static void
node_nic_cancelled_tells_so(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = "before"};
    struct err e = {0};
    NODE n;

    init(f, &n);
    f->cancel_sleep = 1;
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES(FAKE_MACS "interface-id", FAKE_ENI),
                IMDS_GIVES(FAKE_MACS "subnet-id", FAKE_SUBNET),
                {.url = FAKE_MACS "vpc-id", .status = 503, .times = FAKE_ALWAYS});
    assert_int_equal(nic(f, &n, "lo", &found, &e), -ERR_CANCELLED);
    assert_int_equal(e.code, -ERR_CANCELLED);
}

static void
node_nic_cached_for_this_boot_and_mac_only(void **state)
{
    static const char other[] = "eni-00000000 vpc-00000000 subnet-00000000";
    struct fake *f = *state;
    struct node_nic found = {.eni_id = ""};
    struct err e = {0};
    char key[256];
    NODE n;

    cache_key(key, "nic", FAKE_MAC, false);
    cache_put(&f->cache, key, other, strlen(other));
    cache_key(key, "nic", "02:00:00:00:00:01", true);
    cache_put(&f->cache, key, other, strlen(other));
    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS);
    assert_int_equal(nic(f, &n, "lo", &found, &e), 0);
    assert_string_equal(found.eni_id, FAKE_ENI);
    cache_key(key, "nic", FAKE_MAC, true);
    cache_put(&f->cache, key, other, strlen(other));
    assert_int_equal(nic(f, &n, "lo", &found, &e), 0);
    assert_string_equal(found.eni_id, "eni-00000000");
    /* An entry that cannot be read is asked for anew. */
    cache_put(&f->cache, key, "junk", 4);
    FAKE_SCRIPT(f, IMDS_GIVES_IDS);
    assert_int_equal(nic(f, &n, "lo", &found, &e), 0);
    assert_string_equal(found.eni_id, FAKE_ENI);
}

/* "Not found" is about what AWS does not have: an agent would take the resource for lost. */
static void
node_nic_primary_that_imds_lacks_is_not_not_found(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = "before"};
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_LACKS("/latest/meta-data/mac"));
    assert_int_equal(nic(f, &n, NULL, &found, &e), -ERR_MALFORMED);
    assert_int_equal(e.code, -ERR_MALFORMED);
    assert_string_equal(found.eni_id, "before");
}

static void
node_instance_id_asked_once_per_boot(void **state)
{
    struct fake *f = *state;
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN,
                IMDS_GIVES("/latest/meta-data/instance-id", "i-0123456789abcdef0"));
    for (unsigned i = 0; i < 2; i++) {
        OCF_BUF struct buf id = BUF_INIT(63);

        assert_int_equal(node_instance_id(&n, fake_deadline(f, 10000), &id, &e), 0);
        assert_string_equal(buf_str(&id), "i-0123456789abcdef0");
    }
    assert_int_equal(f->n_requests, 2);
}

static void
node_check_interface_by_name(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(node_check_interface(NULL, &e), 0);
    assert_int_equal(node_check_interface(FAKE_LINK, &e), 0);
    assert_int_equal(e.code, 0);
    assert_int_equal(node_check_interface("nope", &e), -ERR_PARAM_LOCAL);
    assert_int_equal(e.code, -ERR_PARAM_LOCAL);
    assert_int_equal(strncmp(e.text, "interface=\"nope\": ", 18), 0);
    assert_non_null(strstr(e.text, FAKE_LINK));
    assert_int_equal(node_check_interface("", &e), -ERR_PARAM_LOCAL);
    assert_int_equal(node_check_interface("l", &e), -ERR_PARAM_LOCAL);
    assert_int_equal(node_check_interface("loo", &e), -ERR_PARAM_LOCAL);
    assert_int_equal(node_check_interface("a-name-longer-than-any-link", &e), -ERR_PARAM_LOCAL);
}

/* A host that cannot tell does not make the parameter wrong, which would ban the node. */
static void
node_interface_that_the_host_cannot_look_for_is_no_parameter(void **state)
{
    struct fake *f = *state;
    struct node_nic found = {.eni_id = "before"};
    struct err checked = {0};
    struct err looked = {0};
    struct rlimit old;
    struct rlimit none;
    int rc_checked = 0;
    int rc_looked = 0;
    NODE n;

    init(f, &n);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    rc_checked = node_check_interface(FAKE_LINK, &checked);
    rc_looked = nic(f, &n, FAKE_LINK, &found, &looked);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(rc_checked, -ERR_SYSTEM);
    assert_int_equal(checked.code, -ERR_SYSTEM);
    assert_non_null(strstr(checked.text, strerror(EMFILE)));
    assert_int_equal(rc_looked, -ERR_SYSTEM);
    assert_int_equal(looked.code, -ERR_SYSTEM);
    assert_string_equal(found.eni_id, "before");
}

/* --- addresses of a NIC --------------------------------------------------------------------- */

static int
addresses(struct fake *f, struct node *n, const char *const *leaves, size_t n_leaves,
          struct addr_list *ret, struct err *e)
{
    struct node_nic nic = {.link = {.mac = FAKE_MAC}};

    return node_nic_addresses(n, &nic, leaves, n_leaves, fake_deadline(f, 10000), ret, e);
}

static void
assert_addresses(const struct addr_list *found, const char *const wanted[4])
{
    size_t n = 0;
    char text[ADDR_TEXT_MAX];

    for (; n < 4 && wanted[n] != NULL; n++) {
        assert_true(n < found->n);
        assert_string_equal(addr_text(&found->items[n], text), wanted[n]);
    }
    assert_int_equal(found->n, n);
}

static void
node_nic_addresses_words_of_a_leaf(void **state)
{
    static const struct {
        const char *answer; /* NULL: 404 */
        const char *wanted[4];
    } cases[] = {
        {"10.0.1.10", {"10.0.1.10"}},
        {"10.0.1.10\n", {"10.0.1.10"}},
        {"10.0.1.10\n10.0.1.100\n10.0.1.11", {"10.0.1.10", "10.0.1.100", "10.0.1.11"}},
        {"10.0.1.10\r\n10.0.1.11\r\n", {"10.0.1.10", "10.0.1.11"}},
        {"10.0.1.10 10.0.1.11", {"10.0.1.10", "10.0.1.11"}},
        {"2001:0DB8::0001\n2001:db8::2", {"2001:db8::1", "2001:db8::2"}},
        {"", {NULL}},
        {NULL, {NULL}},
    };
    static const char *const leaf[] = {"local-ipv4s"};
    struct fake *f = *state;
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr_list found = {.n = 7};
        struct err e = {0};

        FAKE_SCRIPT(f, {.url = FAKE_IMDS FAKE_MACS "local-ipv4s",
                        .status = cases[i].answer == NULL ? 404 : 200,
                        .answer = cases[i].answer});
        assert_int_equal(addresses(f, &n, leaf, 1, &found, &e), 0);
        assert_addresses(&found, cases[i].wanted);
        assert_int_equal(e.code, 0);
        assert_int_equal(f->n_requests, i + 2); /* never from the cache */
    }
}

static void
node_nic_addresses_of_all_leaves_at_once_in_their_order(void **state)
{
    static const char *const leaves[] = {"local-ipv4s", "ipv6s", "public-ipv4s",
                                         "ipv4-associations/52.9.0.12"};
    struct fake *f = *state;
    struct addr_list found;
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN,
                IMDS_GIVES(FAKE_MACS "ipv4-associations/52.9.0.12", "10.0.1.10"),
                IMDS_GIVES(FAKE_MACS "local-ipv4s", "10.0.1.10\n10.0.1.11"),
                IMDS_LACKS(FAKE_MACS "ipv6s"), IMDS_GIVES(FAKE_MACS "public-ipv4s", "52.9.0.12"));
    assert_int_equal(addresses(f, &n, leaves, ARRAY_LEN(leaves), &found, &e), 0);
    assert_addresses(&found,
                     (const char *const[4]){"10.0.1.10", "10.0.1.11", "52.9.0.12", "10.0.1.10"});
    assert_int_equal(f->n_requests, 5);
    assert_int_equal(f->n_waves, 2); /* the token, then all of them */
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
        const char *url = f->requests[i + 1].url;

        assert_int_equal(strncmp(url, FAKE_IMDS FAKE_MACS, strlen(FAKE_IMDS FAKE_MACS)), 0);
        assert_string_equal(url + strlen(FAKE_IMDS FAKE_MACS), leaves[i]);
    }
}

static void
node_nic_addresses_what_is_none_is_refused(void **state)
{
    static const char *const answers[] = {
        "<html/>",
        "10.0.1",
        "10.0.1.10/32",
        "10.0.1.10\nx",
        "10.0.1.10,10.0.1.11",
        "\n10.0.1.10",
        "0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    static const char *const leaves[] = {"local-ipv4s", "ipv6s"};
    struct fake *f = *state;
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct addr_list found = {.n = 7};
        struct err e = {0};

        print_message("  %s\n", answers[i]);
        FAKE_SCRIPT(f, IMDS_GIVES(FAKE_MACS "local-ipv4s", "10.0.1.10"),
                    IMDS_GIVES(FAKE_MACS "ipv6s", answers[i]));
        assert_int_equal(addresses(f, &n, leaves, ARRAY_LEN(leaves), &found, &e), -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_non_null(strstr(e.text, FAKE_MAC "/ipv6s"));
        assert_int_equal(found.n, 7);
    }
}

static void
node_nic_addresses_as_many_as_a_list_holds(void **state)
{
    static const char *const leaves[] = {"local-ipv4s", "ipv6s"};
    struct fake *f = *state;
    OCF_BUF struct buf most = BUF_INIT(65536);
    struct addr_list found;
    struct addr_list same = {.n = 7};
    struct err e = {0};
    NODE n;

    for (unsigned i = 1; i < ADDR_LIST_MAX; i++) {
        assert_int_equal(buf_addf(&most, "10.0.1.%u\n", i), 0);
    }
    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES(FAKE_MACS "local-ipv4s", most.data),
                IMDS_GIVES(FAKE_MACS "ipv6s", "2001:db8::1"),
                IMDS_GIVES(FAKE_MACS "local-ipv4s", most.data),
                IMDS_GIVES(FAKE_MACS "ipv6s", "2001:db8::1\n2001:db8::2"));
    assert_int_equal(addresses(f, &n, leaves, ARRAY_LEN(leaves), &found, &e), 0);
    assert_int_equal(found.n, ADDR_LIST_MAX);
    assert_int_equal(addresses(f, &n, leaves, ARRAY_LEN(leaves), &same, &e), -ERR_MALFORMED);
    assert_int_equal(same.n, 7);
}

static void
node_nic_addresses_more_leaves_than_can_be_asked_refused(void **state)
{
    static const char *const leaves[NODE_LEAVES_MAX + 1] = {"a", "b", "c", "d", "e"};
    struct fake *f = *state;
    struct addr_list found = {.n = 7};
    struct err e = {0};
    NODE n;

    init(f, &n);
    assert_int_equal(addresses(f, &n, leaves, ARRAY_LEN(leaves), &found, &e), -ERR_BUG);
    assert_int_equal(e.code, -ERR_BUG);
    assert_int_equal(found.n, 7);
    assert_int_equal(f->n_requests, 0);
}

static void
node_nic_addresses_one_lost_hands_on_its_error(void **state)
{
    static const char *const leaves[] = {"local-ipv4s", "ipv6s"};
    struct fake *f = *state;
    struct addr_list found = {.n = 7};
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_LACKS(FAKE_MACS "local-ipv4s"),
                {.url = FAKE_MACS "ipv6s", .status = 403});
    assert_int_equal(addresses(f, &n, leaves, ARRAY_LEN(leaves), &found, &e), -ERR_IMDS_DISABLED);
    assert_int_equal(e.code, -ERR_IMDS_DISABLED);
    assert_int_equal(found.n, 7);
    f->cancel_sleep = f->n_sleeps + 1;
    FAKE_SCRIPT(f, IMDS_GIVES(FAKE_MACS "local-ipv4s", "10.0.1.10"),
                {.url = FAKE_MACS "ipv6s", .status = 503, .times = FAKE_ALWAYS});
    assert_int_equal(addresses(f, &n, leaves, ARRAY_LEN(leaves), &found, &e), -ERR_CANCELLED);
    assert_int_equal(e.code, -ERR_CANCELLED);
    assert_int_equal(found.n, 7);
}

static void
node_primary_ip_is_the_first_and_asked_once(void **state)
{
    const struct node_nic lo = {.link = {.name = "lo", .mac = FAKE_MAC}, .eni_id = FAKE_ENI};
    struct fake *f = *state;
    struct addr found = {0};
    struct err e = {0};
    char text[ADDR_TEXT_MAX];
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, {.url = FAKE_MACS "local-ipv4s", .status = 404});
    assert_int_equal(node_primary_ip(&n, &lo, fake_deadline(f, 10000), &found, &e), -ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, FAKE_ENI));
    assert_int_equal(found.family, 0);
    FAKE_SCRIPT(f, IMDS_GIVES(FAKE_MACS "local-ipv4s", "10.0.2.50\n10.0.2.5"));
    for (int i = 0; i < 2; i++) {
        found = (struct addr){0};
        assert_int_equal(node_primary_ip(&n, &lo, fake_deadline(f, 10000), &found, &e), 0);
        assert_string_equal(addr_text(&found, text), "10.0.2.50");
    }
    assert_int_equal(f->n_requests, 3);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(node_region_asked_once_per_boot),
        FAKE_TEST(node_region_of_another_boot_not_believed),
        FAKE_TEST(node_region_of_another_metadata_service_not_believed),
        FAKE_TEST(node_region_not_a_single_word_refused_and_not_cached),
        FAKE_TEST(node_region_too_long_is_told),
        FAKE_TEST(node_region_without_one_is_no_answer_of_imds),
        FAKE_TEST(node_nic_primary_by_its_mac),
        FAKE_TEST(node_nic_named_needs_no_primary),
        FAKE_TEST(node_nic_unknown_name_is_wrong_on_this_host),
        FAKE_TEST(node_nic_primary_without_link_is_no_parameter),
        FAKE_TEST(node_nic_link_that_is_no_eni_is_told),
        FAKE_TEST(node_nic_unreadable_ids_refused_and_not_cached),
        FAKE_TEST(node_nic_oversized_ids_refused),
        FAKE_TEST(node_nic_one_id_lost_hands_on_its_error),
        FAKE_TEST(node_nic_cancelled_tells_so),
        FAKE_TEST(node_nic_cached_for_this_boot_and_mac_only),
        FAKE_TEST(node_primary_ip_is_the_first_and_asked_once),
        FAKE_TEST(node_nic_primary_that_imds_lacks_is_not_not_found),
        FAKE_TEST(node_instance_id_asked_once_per_boot),
        FAKE_TEST(node_check_interface_by_name),
        FAKE_TEST(node_interface_that_the_host_cannot_look_for_is_no_parameter),
        FAKE_TEST(node_nic_addresses_words_of_a_leaf),
        FAKE_TEST(node_nic_addresses_of_all_leaves_at_once_in_their_order),
        FAKE_TEST(node_nic_addresses_what_is_none_is_refused),
        FAKE_TEST(node_nic_addresses_as_many_as_a_list_holds),
        FAKE_TEST(node_nic_addresses_more_leaves_than_can_be_asked_refused),
        FAKE_TEST(node_nic_addresses_one_lost_hands_on_its_error),
    };

    return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
