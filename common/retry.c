/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "retry.h"

#define BASE_TRANSIENT_MS 200
#define BASE_THROTTLED_MS 500
#define BOUND_MAX_MS      5000

static uint64_t
jittered(uint64_t base_ms, unsigned attempt, uint32_t random)
{
    uint64_t bound_ms = base_ms;

    for (unsigned i = 1; i < attempt && bound_ms < BOUND_MAX_MS; i++) {
        bound_ms *= 2;
    }
    if (bound_ms > BOUND_MAX_MS) {
        bound_ms = BOUND_MAX_MS;
    }
    return bound_ms * random >> 32;
}

enum retry_verdict
retry_decide(const struct retry_input *in, uint64_t *ret_sleep_ms)
{
    uint64_t sleep_ms = 0;

    switch (in->class) {
    case ERR_CLASS_AUTH:
        return in->refreshed == 0 && in->left_ms > 0 ? RETRY_REFRESH : RETRY_STOP;
    case ERR_CLASS_THROTTLED:
        sleep_ms = jittered(BASE_THROTTLED_MS, in->attempt, in->random);
        break;
    case ERR_CLASS_TRANSIENT:
        sleep_ms = jittered(BASE_TRANSIENT_MS, in->attempt, in->random);
        break;
    case ERR_CLASS_NONE:
    case ERR_CLASS_CONFIG:
    case ERR_CLASS_ENVIRONMENT:
    case ERR_CLASS_DENIED:
    case ERR_CLASS_NOT_FOUND:
    case ERR_CLASS_CONFLICT:
    case ERR_CLASS_UNCERTAIN:
    case ERR_CLASS_PROTOCOL:
    case ERR_CLASS_DEADLINE:
    case ERR_CLASS_BUG:
        return RETRY_STOP;
    }
    if (sleep_ms >= in->left_ms) {
        return RETRY_STOP;
    }
    *ret_sleep_ms = sleep_ms;
    return RETRY_SLEEP;
}
