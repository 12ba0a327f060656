/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "node.h"

#define IMDS   "http://192.0.2.254"
#define MAC    "00:00:00:00:00:00" /* of the loopback, the one link that every host has */
#define MACS   "/latest/meta-data/network/interfaces/macs/" MAC "/"
#define ENI    "eni-0123456789abcdef0"
#define VPC    "vpc-0123456789abcdef0"
#define SUBNET "subnet-0123456789abcdef0"

#define GIVES_TOKEN                                                                                \
    {                                                                                              \
        .method = "PUT", .status = 200, .answer = "imds-token"                                     \
    }
#define GIVES(path, text)                                                                          \
    {                                                                                              \
        .url = IMDS path, .status = 200, .answer = (text)                                          \
    }
#define GIVES_IDS                                                                                  \
    GIVES(MACS "interface-id", ENI), GIVES(MACS "vpc-id", VPC), GIVES(MACS "subnet-id", SUBNET)

static void
init(struct fake *f, struct node *n)
{
    *n = (struct node){.cache = &f->cache};
    imds_init(&n->imds, &f->transport, &f->cache, IMDS);
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
cache_key(char key[128], const char *what, const char *of, bool this_boot)
{
    char boot_id[37] = "00000000-0000-0000-0000-000000000000";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    if (this_boot) {
        assert_int_equal(read(fd, boot_id, 36), 36);
    }
    (void)close(fd);
    (void)snprintf(key, 128, "%s %s %s", what, of, boot_id);
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
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES("/latest/meta-data/placement/region", "ap-northeast-3"));
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
    char key[128];
    NODE n;

    cache_key(key, "imds", "meta-data/placement/region", false);
    cache_put(&f->cache, key, "us-east-1", 9);
    init(f, &n);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES("/latest/meta-data/placement/region", "eu-west-1"));
    assert_int_equal(region(f, &n, found, &e), 0);
    assert_string_equal(found, "eu-west-1");
    /* While what this boot has cached is. */
    cache_key(key, "imds", "meta-data/placement/region", true);
    cache_put(&f->cache, key, "us-east-2", 9);
    assert_int_equal(region(f, &n, found, &e), 0);
    assert_string_equal(found, "us-east-2");
}

static void
node_region_not_a_single_word_refused_and_not_cached(void **state)
{
    static const char *const answers[] = {"", "two words", "a\n", "<html>", "\"quoted\"", "it's"};
    struct fake *f = *state;
    OCF_BUF struct buf b = BUF_INIT(63);
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, GIVES_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        FAKE_SCRIPT(f, GIVES("/latest/meta-data/placement/region", answers[i]));
        assert_int_equal(node_region(&n, fake_deadline(f, 10000), &b, &e), -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_int_equal(b.len, 0); /* untouched: it is tried again */
    }
    FAKE_SCRIPT(f, GIVES("/latest/meta-data/placement/region", "eu-west-1"));
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
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES("/latest/meta-data/placement/region", answer));
    assert_int_equal(region(f, &n, found, &e), -ERR_TOO_BIG);
    assert_int_equal(e.code, -ERR_TOO_BIG);
}

static void
node_region_failures_of_imds_are_handed_on(void **state)
{
    struct fake *f = *state;
    char found[64];
    struct err e = {0};
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, GIVES_TOKEN, {.method = "GET", .status = 404});
    assert_int_equal(region(f, &n, found, &e), -ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "meta-data/placement/region"));
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
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES("/latest/meta-data/mac", MAC), GIVES_IDS);
    assert_int_equal(nic(f, &first, NULL, &found, &e), 0);
    assert_string_equal(found.link.name, "lo");
    assert_string_equal(found.link.mac, MAC);
    assert_string_equal(found.eni_id, ENI);
    assert_string_equal(found.vpc_id, VPC);
    assert_string_equal(found.subnet_id, SUBNET);
    /* The three ids are asked for together. */
    assert_int_equal(f->requests[2].wave, f->requests[4].wave);
    /* A warm node asks nothing. */
    init(f, &second);
    found = (struct node_nic){.eni_id = ""};
    assert_int_equal(nic(f, &second, NULL, &found, &e), 0);
    assert_string_equal(found.eni_id, ENI);
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
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_IDS);
    assert_int_equal(nic(f, &n, "lo", &found, &e), 0);
    assert_string_equal(found.eni_id, ENI);
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
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES("/latest/meta-data/mac", "02:00:00:00:fe:ed"));
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
    FAKE_SCRIPT(f, GIVES_TOKEN, {.url = MACS, .status = 404, .times = 3});
    assert_int_equal(nic(f, &n, "lo", &found, &e), -ERR_PARAM_LOCAL);
    assert_string_equal(e.text,
                        "interface=\"lo\": " MAC " is no network interface of this EC2 instance");
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
        {"not an ENI", "i-0123456789abcdef0", VPC, SUBNET},
        {"not a VPC", ENI, "vpc-xyz", SUBNET},
        {"not a subnet", ENI, VPC, "subnet-"},
        {"empty", "", VPC, SUBNET},
        {"all empty", "", "", ""},
        {"two in one", ENI " " ENI, VPC, SUBNET},
        {"too long", ENI "0123456789abcdef0123456789abcdef", VPC, SUBNET},
        {"HTML", "<html>", "<html>", "<html>"},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, GIVES_TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct node_nic found = {.eni_id = "before"};
        struct err e = {0};
        NODE n;

        print_message("  %s\n", cases[i].name);
        init(f, &n);
        FAKE_SCRIPT(f, GIVES(MACS "interface-id", cases[i].eni), GIVES(MACS "vpc-id", cases[i].vpc),
                    GIVES(MACS "subnet-id", cases[i].subnet));
        assert_int_equal(nic(f, &n, "lo", &found, &e), -ERR_MALFORMED);
        assert_int_equal(e.code, -ERR_MALFORMED);
        assert_non_null(strstr(e.text, MAC));
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
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES(MACS "interface-id", answer), GIVES(MACS "vpc-id", VPC),
                GIVES(MACS "subnet-id", SUBNET));
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
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES(MACS "interface-id", ENI), GIVES(MACS "subnet-id", SUBNET),
                {.url = MACS "vpc-id", .status = 403});
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
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES(MACS "interface-id", ENI), GIVES(MACS "subnet-id", SUBNET),
                {.url = MACS "vpc-id", .status = 503, .times = FAKE_ALWAYS});
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
    char key[128];
    NODE n;

    cache_key(key, "nic", MAC, false);
    cache_put(&f->cache, key, other, strlen(other));
    cache_key(key, "nic", "02:00:00:00:00:01", true);
    cache_put(&f->cache, key, other, strlen(other));
    init(f, &n);
    FAKE_SCRIPT(f, GIVES_TOKEN, GIVES_IDS);
    assert_int_equal(nic(f, &n, "lo", &found, &e), 0);
    assert_string_equal(found.eni_id, ENI);
    cache_key(key, "nic", MAC, true);
    cache_put(&f->cache, key, other, strlen(other));
    assert_int_equal(nic(f, &n, "lo", &found, &e), 0);
    assert_string_equal(found.eni_id, "eni-00000000");
    /* An entry that cannot be read is asked for anew. */
    cache_put(&f->cache, key, "junk", 4);
    FAKE_SCRIPT(f, GIVES_IDS);
    assert_int_equal(nic(f, &n, "lo", &found, &e), 0);
    assert_string_equal(found.eni_id, ENI);
}

static void
node_primary_ip_is_the_first_and_asked_once(void **state)
{
    const struct node_nic lo = {.link = {.name = "lo", .mac = MAC}, .eni_id = ENI};
    struct fake *f = *state;
    struct addr found = {0};
    struct err e = {0};
    char text[ADDR_TEXT_MAX];
    NODE n;

    init(f, &n);
    FAKE_SCRIPT(f, GIVES_TOKEN, {.url = MACS "local-ipv4s", .status = 404});
    assert_int_equal(node_primary_ip(&n, &lo, fake_deadline(f, 10000), &found, &e), -ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, ENI));
    assert_int_equal(found.family, 0);
    FAKE_SCRIPT(f, GIVES(MACS "local-ipv4s", "10.0.2.50\n10.0.2.5"));
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
        FAKE_TEST(node_region_not_a_single_word_refused_and_not_cached),
        FAKE_TEST(node_region_too_long_is_told),
        FAKE_TEST(node_region_failures_of_imds_are_handed_on),
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
    };

    return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
