/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pace.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#define LOCK_TRIES    100 /* the lock is held for microseconds; who holds on to it was stopped */
#define LOCK_PAUSE_MS 5
#define FUTURE_MAX_MS 3600000 /* nobody waits so long: the file is damaged, or of another boot */
#define NUMBER_LEN    20      /* digits of the file, always all of them */

/* The file, locked; -1, with the reason logged, when it cannot be used. Closing it unlocks. */
static int
open_locked(const struct cache *cache, const char *name, struct deadline d)
{
    char file[64];
    int fd = -1;

    (void)snprintf(file, sizeof(file), "pace-%s", name);
    fd = openat(cache->dir_fd, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    for (unsigned i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        int error = errno;

        if ((error == EWOULDBLOCK || error == EINTR) && i < LOCK_TRIES &&
            deadline_sleep(d, LOCK_PAUSE_MS) == 0) {
            continue;
        }
        (void)close(fd);
        fd = -1;
        errno = error;
    }
    if (fd < 0) {
        log_debug("%s/%s: %s; not paced", cache->dir, file, strerror(errno));
    }
    return fd;
}

/* The time up to which the allowance is used up; now when the file does not say. */
static uint64_t
read_used(int fd, uint64_t now_ms)
{
    char text[NUMBER_LEN];
    uint64_t used_ms = 0;

    if (pread(fd, text, sizeof(text), 0) != (ssize_t)sizeof(text)) {
        return now_ms;
    }
    for (size_t i = 0; i < sizeof(text); i++) {
        if (text[i] < '0' || text[i] > '9') {
            return now_ms;
        }
        used_ms = used_ms * 10 + (uint64_t)(text[i] - '0');
        if (used_ms > now_ms + FUTURE_MAX_MS) {
            return now_ms;
        }
    }
    return used_ms < now_ms ? now_ms : used_ms;
}

/* Reserve the next turn and say when it comes. 0 or -ERR_DEADLINE. */
static int
reserve(int fd, struct pace_rate rate, struct deadline d, uint64_t *ret_wait_ms)
{
    uint64_t each_ms = (MS_PER_S + rate.per_second - 1) / rate.per_second;
    uint64_t ahead_ms = each_ms * (rate.burst > 0 ? rate.burst - 1 : 0);
    uint64_t now_ms = deadline_now_ms(d);
    uint64_t used_ms = read_used(fd, now_ms);
    uint64_t wait_ms = used_ms - now_ms > ahead_ms ? used_ms - now_ms - ahead_ms : 0;
    unsigned long long next_ms = used_ms + each_ms;
    char text[NUMBER_LEN + 2];

    if (wait_ms > 0 && wait_ms >= deadline_left_ms(d)) {
        return -ERR_DEADLINE;
    }
    (void)snprintf(text, sizeof(text), "%020llu\n", next_ms);
    if (pwrite(fd, text, sizeof(text) - 1, 0) != (ssize_t)sizeof(text) - 1) {
        log_debug("pace: %s; not paced", strerror(errno));
        wait_ms = 0;
    }
    *ret_wait_ms = wait_ms;
    return 0;
}

int
pace_wait(const struct cache *cache, const char *name, struct pace_rate rate, struct deadline d,
          struct err *e)
{
    uint64_t wait_ms = 0;
    int fd = -1;
    int rc = 0;

    if (rate.per_second == 0 || cache == NULL || cache->dir_fd < 0) {
        return 0;
    }
    fd = open_locked(cache, name, d);
    if (fd < 0) {
        return 0;
    }
    rc = reserve(fd, rate, d, &wait_ms);
    (void)close(fd);
    if (rc == 0 && wait_ms > 0) {
        rc = deadline_sleep(d, wait_ms);
    }
    return rc < 0 ? err_set(e, (enum err_code) - rc,
                            "no turn in time: this node's agents make %u calls of %s a second",
                            rate.per_second, name)
                  : 0;
}
