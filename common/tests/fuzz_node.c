/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "node.h"

/*
 * IMDS: its token, single words and lists of addresses. Each question of the node is asked with
 * all pieces, and again when the answer is in the cache.
 */

static void
ask_word(struct ocf_ctx *ctx, const char *text, size_t len,
         int (*ask)(struct node *n, struct deadline d, struct buf *ret, struct err *e),
         struct buf *trace)
{
    OCF_BUF struct buf first = BUF_INIT(512);
    OCF_BUF struct buf second = BUF_INIT(512);
    struct node *n = NULL;
    struct err e = {0};
    int rc = 0;

    (void)fuzz_answers(text, len);
    FUZZ_CHECK(ocf_node(ctx, &n, &e) == 0);
    rc = ask(n, fuzz_deadline(), &first, &e);
    if (rc < 0) {
        FUZZ_CHECK(first.len == 0);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(first.len > 0);
    fuzz_word(buf_str(&first));
    fuzz_say(trace, "%s\n", buf_str(&first));
    (void)fuzz_answers("-TIMEOUT", 8);
    FUZZ_CHECK(ask(n, fuzz_deadline(), &second, &e) == 0);
    FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
}

static void
ask_nic(struct ocf_ctx *ctx, const char *text, size_t len, struct buf *trace)
{
    struct node_nic nic = {.eni_id = "untouched"};
    struct node_nic again;
    struct node *n = NULL;
    struct err e = {0};
    int rc = 0;

    (void)fuzz_answers(text, len);
    FUZZ_CHECK(ocf_node(ctx, &n, &e) == 0);
    rc = node_nic(n, FAKE_LINK, fuzz_deadline(), &nic, &e);
    if (rc < 0) {
        FUZZ_CHECK(strcmp(nic.eni_id, "untouched") == 0);
        fuzz_error(trace, rc, &e);
        return;
    }
    fuzz_id(nic.eni_id, "eni", false);
    fuzz_id(nic.vpc_id, "vpc", false);
    fuzz_id(nic.subnet_id, "subnet", false);
    fuzz_say(trace, "%s %s %s\n", nic.eni_id, nic.vpc_id, nic.subnet_id);
    (void)fuzz_answers("-TIMEOUT", 8);
    FUZZ_CHECK(node_nic(n, FAKE_LINK, fuzz_deadline(), &again, &e) == 0);
    FUZZ_CHECK(strcmp(nic.eni_id, again.eni_id) == 0 && strcmp(nic.vpc_id, again.vpc_id) == 0 &&
               strcmp(nic.subnet_id, again.subnet_id) == 0);
}

static void
ask_addresses(struct ocf_ctx *ctx, const char *text, size_t len, struct buf *trace)
{
    static const char *const leaves[] = {"local-ipv4s", "ipv6s", "public-ipv4s"};
    struct node_nic nic = {.link = {.name = FAKE_LINK, .mac = FAKE_MAC}, .eni_id = FAKE_ENI};
    struct addr_list list = {.n = 12345};
    struct node *n = NULL;
    struct err e = {0};
    struct addr primary;
    int rc = 0;

    (void)fuzz_answers(text, len);
    FUZZ_CHECK(ocf_node(ctx, &n, &e) == 0);
    rc = node_nic_addresses(n, &nic, leaves, ARRAY_LEN(leaves), fuzz_deadline(), &list, &e);
    if (rc < 0) {
        FUZZ_CHECK(list.n == 12345);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(list.n <= ADDR_LIST_MAX);
    for (size_t i = 0; i < list.n; i++) {
        fuzz_say_addr(trace, &list.items[i]);
    }
    (void)fuzz_answers(text, len);
    rc = node_primary_ip(n, &nic, fuzz_deadline(), &primary, &e);
    if (rc == 0) {
        fuzz_say_addr(trace, &primary);
    } else {
        fuzz_error(trace, rc, &e);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static void (*const questions[])(struct ocf_ctx * ctx, const char *text, size_t len,
                                     struct buf *trace) = {ask_nic, ask_addresses};
    static int (*const words[])(struct node * n, struct deadline d, struct buf * ret,
                                struct err * e) = {node_region, node_instance_id};

    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        FAKENODE ctx;

        fuzz_node(&ctx);
        questions[i](&ctx, text, len, trace);
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        FAKENODE ctx;

        fuzz_node(&ctx);
        ask_word(&ctx, text, len, words[i], trace);
    }
}
