/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_CLOCK_H
#define OCF_AWS_CLOCK_H

#include "base.h"

/*
 * Time behind a table of functions, so that tests own it. All times are milliseconds (ms) unless
 * the name says seconds (s).
 */
struct clock_ops {
    /*! Monotonic time that goes on while the machine sleeps (CLOCK_BOOTTIME). */
    uint64_t (*mono_ms)(void *arg);
    /*! Seconds since 1970, UTC. */
    int64_t (*wall_s)(void *arg);
    /*! Sleep; returns early with -ERR_CANCELLED when cancel_fd becomes readable. */
    int (*sleep_ms)(void *arg, uint64_t ms, int cancel_fd);
};

/*
 * An absolute deadline. Passed by value; `cancel_fd` becomes readable when the process was asked
 * to end (a signalfd), -1 for none: whoever waits, waits for that too.
 */
struct deadline {
    const struct clock_ops *ops;
    void *arg; /* first argument of the functions in ops */
    uint64_t at_ms;
    int cancel_fd;
};

/*! \brief The system's clock. */
extern const struct clock_ops clock_system;

/*! \brief A deadline \p ms from now on the given clock. */
struct deadline deadline_in(const struct clock_ops *ops, void *arg, uint64_t ms, int cancel_fd);

/*! \brief The earlier of \p d and \p ms from now. */
struct deadline deadline_cap(struct deadline d, uint64_t ms);

/*! \brief Milliseconds left, 0 when it has passed. 0 never means "no limit". */
uint64_t deadline_left_ms(struct deadline d);

/*! \brief Monotonic now of the deadline's clock. */
uint64_t deadline_now_ms(struct deadline d);

/*! \brief Wall clock of the deadline's clock, seconds since 1970. */
int64_t deadline_wall_s(struct deadline d);

/*!
 * \brief Sleep, but never past the deadline
 *
 * \return 0 when \p ms have passed, -ERR_DEADLINE (at once) when the deadline comes first,
 *         -ERR_CANCELLED when the process was asked to end
 */
int deadline_sleep(struct deadline d, uint64_t ms) OCF_MUST_CHECK;

/*!
 * \brief Wait for a descriptor, by the system's clock
 *
 * \param[in] events  as for poll(2); errors and hang-ups count as ready, too
 *
 * \return 0 when it is ready, -ERR_TIMEOUT when the deadline comes first, -ERR_CANCELLED when the
 *         process was asked to end, -ERR_SYSTEM
 */
int deadline_poll(struct deadline d, int fd, short events) OCF_MUST_CHECK;

#endif
