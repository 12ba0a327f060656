/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange.h"

#include "log.h"
#include "retry.h"

#include <sys/random.h>

struct item {
    bool ended;
    unsigned attempts;
    unsigned refreshed;
    uint64_t due_ms;
    struct deadline deadline;
};

/* Everything that the steps of one exchange_all() share. */
struct batch {
    const struct http_transport *transport;
    const struct exchange_ops *ops;
    void *arg;
    struct http_exchange *x;
    struct err *errs;
    struct item *items;
    struct http_exchange **wave; /* the exchanges of one round */
    size_t *wave_item;
    size_t n;
    struct deadline deadline;
};

static uint32_t
random_bits(void)
{
    uint32_t bits = 0;

    /* Without randomness the sleep is its own bound: slower, and still right. */
    return getrandom(&bits, sizeof(bits), GRND_NONBLOCK) == sizeof(bits) ? bits : UINT32_MAX;
}

/* Prepare item i for an attempt: 0 or the error that ends it. */
static int
get_ready(struct batch *b, size_t i)
{
    uint64_t left_ms = deadline_left_ms(b->items[i].deadline);
    struct http_request *q = &b->x[i].request;
    int rc = 0;

    if (left_ms == 0) {
        /* The others took so long. What the last attempt came to says more. */
        return b->errs[i].code < 0 ? b->errs[i].code
                                   : err_set(&b->errs[i], ERR_TIMEOUT, "no time left to ask");
    }
    rc = b->ops->prepare(b->arg, i, &b->x[i], &b->errs[i]);
    if (rc == 0 && q->attempt_ms > left_ms) {
        q->attempt_ms = left_ms;
    }
    return rc;
}

/* Prepare all that are due; those that cannot be prepared have ended. */
static size_t
gather(struct batch *b)
{
    uint64_t now_ms = deadline_now_ms(b->deadline);
    size_t m = 0;

    for (size_t i = 0; i < b->n; i++) {
        int rc = 0;

        if (b->items[i].ended || b->items[i].due_ms > now_ms) {
            continue;
        }
        rc = get_ready(b, i);
        if (rc < 0) {
            b->errs[i].code = rc;
            b->items[i].ended = true;
            continue;
        }
        b->wave_item[m] = i;
        b->wave[m++] = &b->x[i];
    }
    return m;
}

static void
decide(struct batch *b, size_t i)
{
    struct item *item = &b->items[i];
    struct err *e = &b->errs[i];
    struct retry_input in = {.class = err_class(e->code),
                             .attempt = item->attempts,
                             .refreshed = item->refreshed,
                             .left_ms = deadline_left_ms(item->deadline),
                             .random = random_bits()};
    uint64_t sleep_ms = 0;

    switch (retry_decide(&in, &sleep_ms)) {
    case RETRY_STOP:
        item->ended = true;
        break;
    case RETRY_SLEEP:
        log_debug("attempt %u: %s; next in %llu ms", item->attempts, e->text,
                  (unsigned long long)sleep_ms);
        item->due_ms = deadline_now_ms(b->deadline) + sleep_ms;
        break;
    case RETRY_REFRESH:
        item->refreshed++;
        log_debug("attempt %u: %s; renewing", item->attempts, e->text);
        item->ended =
            b->ops->refresh == NULL || b->ops->refresh(b->arg, i, e->code, item->deadline, e) < 0;
        break;
    }
}

static int
round_trip(struct batch *b, size_t m)
{
    int rc = b->transport->perform(b->transport->arg, b->wave, m, b->deadline);

    if (rc < 0) {
        return rc;
    }
    for (size_t k = 0; k < m; k++) {
        size_t i = b->wave_item[k];
        struct err before = b->errs[i];

        b->items[i].attempts++;
        b->errs[i] = (struct err){0};
        b->errs[i].code = b->ops->judge(b->arg, i, &b->x[i], &b->errs[i]);
        if (b->errs[i].code == -ERR_TIMEOUT && before.code < 0 &&
            deadline_left_ms(b->items[i].deadline) == 0) {
            b->errs[i] = before; /* our deadline cut it short: what came before says more */
        }
        if (b->errs[i].code == 0) {
            b->items[i].ended = true;
        } else {
            decide(b, i);
        }
    }
    return 0;
}

/* When the next item is due; false when all have ended. */
static bool
next_due(const struct batch *b, uint64_t *ret_ms)
{
    bool open = false;

    for (size_t i = 0; i < b->n; i++) {
        if (!b->items[i].ended && (!open || b->items[i].due_ms < *ret_ms)) {
            *ret_ms = b->items[i].due_ms;
            open = true;
        }
    }
    return open;
}

static int
run(struct batch *b)
{
    uint64_t due_ms = 0;

    while (next_due(b, &due_ms)) {
        uint64_t now_ms = deadline_now_ms(b->deadline);
        size_t m = 0;
        int rc = due_ms > now_ms ? deadline_sleep(b->deadline, due_ms - now_ms) : 0;

        if (rc < 0) {
            return rc;
        }
        if (deadline_left_ms(b->deadline) == 0) {
            return -ERR_DEADLINE;
        }
        m = gather(b);
        rc = m > 0 ? round_trip(b, m) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/*
 * Items that were still open when the whole ended keep the error of their last attempt; when the
 * process was asked to end, only its text: the caller must not take them for failed.
 */
static int
conclude(struct batch *b, int rc)
{
    int first = 0;

    for (size_t i = 0; i < b->n; i++) {
        bool open = rc < 0 && !b->items[i].ended;

        if (open && b->errs[i].code == 0) {
            (void)err_set(&b->errs[i], (enum err_code) - rc, "%s", err_text(rc));
        } else if (open && rc == -ERR_CANCELLED) {
            b->errs[i].code = rc;
        }
        if (first == 0) {
            first = b->errs[i].code;
        }
    }
    return rc == -ERR_CANCELLED ? rc : first;
}

int
exchange_all(const struct http_transport *transport, const struct exchange_ops *ops, void *arg,
             struct http_exchange *x, struct err *errs, size_t n, struct deadline d)
{
    OCF_FREE struct item *items = calloc(n, sizeof(*items));
    OCF_FREE struct http_exchange **wave = calloc(n, sizeof(struct http_exchange *));
    OCF_FREE size_t *wave_item = calloc(n, sizeof(*wave_item));
    struct batch b = {.transport = transport,
                      .ops = ops,
                      .arg = arg,
                      .x = x,
                      .errs = errs,
                      .items = items,
                      .wave = wave,
                      .wave_item = wave_item,
                      .n = n,
                      .deadline = d};

    bool ready = n == 0 || (items != NULL && wave != NULL && wave_item != NULL);

    for (size_t i = 0; i < n; i++) {
        errs[i] = (struct err){0};
        if (!ready) {
            (void)err_set(&errs[i], ERR_NOMEM, "out of memory");
        } else {
            items[i].deadline = ops->deadline == NULL ? d : ops->deadline(arg, i);
        }
    }
    if (!ready) {
        return -ERR_NOMEM;
    }
    return conclude(&b, run(&b));
}
