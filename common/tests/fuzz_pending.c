/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "pending.h"

/* What a start has left, as it lies in the state directory. */

static void
check_item(const struct pending *p, const struct pending_item *item, struct buf *trace)
{
    FUZZ_CHECK(awsid_is_region(item->region) && pending_has_region(p, item->region));
    if (item->table_id[0] == '\0') {
        fuzz_say(trace, "%s\n", item->region);
        return;
    }
    FUZZ_CHECK(awsid_is(item->table_id, "rtb") || awsid_is(item->table_id, "tgw-rtb"));
    FUZZ_CHECK(strpbrk(item->seen, " \n") == NULL);
    FUZZ_CHECK(pending_look(p, item->region, item->table_id, &item->destination, item->seen) !=
               PENDING_NOT);
    fuzz_say(trace, "%s %s %s ", item->region, item->table_id, item->seen);
    fuzz_say_addr(trace, &item->destination);
}

/* What is read is written so that the same is read again. */
static void
round_trip(const struct pending *p)
{
    OCF_BUF struct buf once = BUF_INIT(CACHE_ENTRY_MAX);
    OCF_BUF struct buf twice = BUF_INIT(CACHE_ENTRY_MAX);
    struct pending again = {.n = 0};

    FUZZ_CHECK(pending_format(p, &once) == 0);
    FUZZ_CHECK(pending_parse(buf_str(&once), &again) == 0);
    FUZZ_CHECK(again.n == p->n && !again.everything);
    FUZZ_CHECK(pending_format(&again, &twice) == 0);
    FUZZ_CHECK(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    pending_done(&again);
}

static void
load(const char *text, size_t len, struct buf *trace)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    struct pending p = {.n = 0};
    struct pending again = {.n = 0};
    struct err e = {0};
    FAKENODE ctx;

    fuzz_node(&ctx);
    FUZZ_CHECK(ocf_key(&ctx, "pending", &key, &e) == 0);
    cache_put(&ctx.cache, buf_str(&key), text, len);
    FUZZ_CHECK(pending_load(&ctx, &p, &e) == 0);
    FUZZ_CHECK(!pending_is_empty(&p) && (!p.everything || p.n == 0));
    FUZZ_CHECK(pending_store(&ctx, &p, &e) == 0 && pending_load(&ctx, &again, &e) == 0);
    FUZZ_CHECK(p.everything == again.everything && p.n == again.n);
    fuzz_say(trace, "%d %zu\n", p.everything, p.n);
    pending_done(&p);
    pending_done(&again);
    pending_drop(&ctx);
    FUZZ_CHECK(pending_load(&ctx, &p, &e) == 0 && pending_is_empty(&p));
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    struct pending p = {.n = 12345};

    if (len > CACHE_ENTRY_MAX) {
        return;
    }
    if (pending_parse(text, &p) == 0) {
        FUZZ_CHECK(p.n > 0 && !p.everything);
        for (size_t i = 0; i < p.n; i++) {
            check_item(&p, &p.items[i], trace);
        }
        round_trip(&p);
        pending_done(&p);
    } else {
        FUZZ_CHECK(p.n == 12345);
    }
    load(text, len, trace);
}
