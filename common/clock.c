/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clock.h"

#include "err.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

static uint64_t
system_mono_ms(void *arg)
{
    struct timespec ts;

    (void)arg;
    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * MS_PER_S + (uint64_t)ts.tv_nsec / 1000000;
}

static int64_t
system_wall_s(void *arg)
{
    (void)arg;
    return (int64_t)time(NULL);
}

static int
system_sleep_ms(void *arg, uint64_t ms, int cancel_fd)
{
    uint64_t until = system_mono_ms(arg) + ms;

    for (;;) {
        struct pollfd p = {.fd = cancel_fd, .events = POLLIN};
        uint64_t now = system_mono_ms(arg);
        int n = 0;

        if (now >= until) {
            return 0;
        }
        n = poll(&p, 1, until - now > 60 * MS_PER_S ? 60 * (int)MS_PER_S : (int)(until - now));
        if (n > 0) {
            return -ERR_CANCELLED;
        }
        if (n < 0 && errno != EINTR) {
            return -ERR_SYSTEM;
        }
    }
}

const struct clock_ops clock_system = {
    .mono_ms = system_mono_ms,
    .wall_s = system_wall_s,
    .sleep_ms = system_sleep_ms,
};

/* `ms` after `now_ms`, at most the end of time. */
static uint64_t
later(uint64_t now_ms, uint64_t ms)
{
    return ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + ms;
}

struct deadline
deadline_in(const struct clock_ops *ops, void *arg, uint64_t ms, int cancel_fd)
{
    return (struct deadline){
        .ops = ops, .arg = arg, .at_ms = later(ops->mono_ms(arg), ms), .cancel_fd = cancel_fd};
}

struct deadline
deadline_cap(struct deadline d, uint64_t ms)
{
    uint64_t at_ms = later(deadline_now_ms(d), ms);

    if (at_ms < d.at_ms) {
        d.at_ms = at_ms;
    }
    return d;
}

uint64_t
deadline_left_ms(struct deadline d)
{
    uint64_t now = deadline_now_ms(d);

    return now >= d.at_ms ? 0 : d.at_ms - now;
}

uint64_t
deadline_now_ms(struct deadline d)
{
    return d.ops->mono_ms(d.arg);
}

int64_t
deadline_wall_s(struct deadline d)
{
    return d.ops->wall_s(d.arg);
}

int
deadline_sleep(struct deadline d, uint64_t ms)
{
    if (ms >= deadline_left_ms(d)) {
        return -ERR_DEADLINE;
    }
    return d.ops->sleep_ms(d.arg, ms, d.cancel_fd);
}

int
deadline_poll(struct deadline d, int fd, short events)
{
    for (;;) {
        struct pollfd p[] = {{.fd = fd, .events = events}, {.fd = d.cancel_fd, .events = POLLIN}};
        uint64_t left_ms = deadline_left_ms(d);
        int n = poll(p, ARRAY_LEN(p), left_ms > INT_MAX ? INT_MAX : (int)left_ms);

        if (n < 0 && errno != EINTR) {
            return -ERR_SYSTEM;
        }
        if (n > 0) {
            return p[0].revents != 0 ? 0 : -ERR_CANCELLED;
        }
        if (n == 0 && deadline_left_ms(d) == 0) {
            return -ERR_TIMEOUT;
        }
    }
}
