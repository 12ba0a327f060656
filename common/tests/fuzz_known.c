/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "known.h"

/* Routes that a node has seen, as they lie in the state directory. */

/* What is read is written so that the same is read again. */
static void
round_trip(const struct known *k)
{
    OCF_BUF struct buf once = BUF_INIT(CACHE_ENTRY_MAX);
    OCF_BUF struct buf twice = BUF_INIT(CACHE_ENTRY_MAX);
    struct known again = {.n = 0};

    FUZZ_CHECK(known_format(k, &once) == 0);
    FUZZ_CHECK(known_parse(buf_str(&once), &again) == 0 && again.n == k->n);
    FUZZ_CHECK(known_format(&again, &twice) == 0);
    FUZZ_CHECK(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    known_done(&again);
}

/* A monitor that finds nothing misses all that it can read, when it is about one of the routes. */
static void
compare(const char *text, size_t len, const struct known *k, struct buf *trace)
{
    OCF_BUF struct buf key = BUF_INIT(OCF_KEY_MAX);
    static const struct known nothing = {.n = 0};
    struct known_look look = {.found = &nothing};
    struct known lost = {.n = 0};
    struct err e = {0};
    FAKENODE ctx;

    fuzz_node(&ctx);
    FUZZ_CHECK(ocf_key(&ctx, "known-routes", &key, &e) == 0);
    cache_put(&ctx.cache, buf_str(&key), text, len);
    if (k->n > 0) {
        look.destinations = &k->items[0].destination;
        look.n_destinations = 1;
    }
    FUZZ_CHECK(known_compare(&ctx, &look, &lost) == 0);
    FUZZ_CHECK((lost.n > 0) == (k->n > 0) && lost.n <= k->n);
    fuzz_say(trace, "%zu\n", lost.n);
    known_done(&lost);
    cache_drop(&ctx.cache, buf_str(&key));
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    struct known k = {.n = 0};

    if (len > CACHE_ENTRY_MAX) {
        return;
    }
    if (known_parse(text, &k) == 0) {
        for (size_t i = 0; i < k.n; i++) {
            FUZZ_CHECK(awsid_is_region(k.items[i].region) && awsid_is(k.items[i].table_id, "rtb"));
            fuzz_say(trace, "%s %s ", k.items[i].region, k.items[i].table_id);
            fuzz_say_addr(trace, &k.items[i].destination);
        }
        round_trip(&k);
    }
    compare(text, strlen(text), &k, trace);
    known_done(&k);
}
