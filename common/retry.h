/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_RETRY_H
#define OCF_AWS_RETRY_H

#include "err.h"

/* What is known when an attempt has failed. */
struct retry_input {
    enum err_class class;
    unsigned attempt;   /* attempts made so far, 1 after the first */
    unsigned refreshed; /* how often the credentials (or the clock) were renewed for this call */
    uint64_t left_ms;   /* until the deadline */
    uint32_t random;    /* any 32 bits */
};

enum retry_verdict {
    RETRY_STOP,    /* hand the error to the caller */
    RETRY_SLEEP,   /* sleep, then send again */
    RETRY_REFRESH, /* renew the credentials or the clock, then send again at once */
};

/*!
 * \brief Whether and when to send again; a pure function
 *
 * THROTTLED and TRANSIENT are sent again after a sleep of "full jitter": a random time between 0
 * and a bound that doubles from 200 ms (TRANSIENT) or 500 ms (THROTTLED) up to 5 s. AUTH is sent
 * again once, with new credentials. All else is the caller's to decide; an UNCERTAIN write above
 * all, for which the state must be read first. Never sleeps past the deadline.
 *
 * \param[out] ret_sleep_ms  set for RETRY_SLEEP, less than in->left_ms
 *
 * Source: AWS SDKs and Tools Reference Guide, "Retry behavior"; AWS Architecture Blog,
 * "Exponential Backoff And Jitter".
 */
enum retry_verdict retry_decide(const struct retry_input *in, uint64_t *ret_sleep_ms);

#endif
