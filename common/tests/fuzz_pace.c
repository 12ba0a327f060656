/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "pace.h"

/* The file by which the agents of a node keep a rate, as somebody may have left it. */

#define NAME       "fuzz"
#define FILE_NAME  "pace-" NAME
#define NUMBER_LEN 20
#define CALLS      8

static void
put_file(const struct cache *c, const char *text, size_t len)
{
    int fd = openat(c->dir_fd, FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len && close(fd) == 0);
}

static bool
is_number(const char *text, size_t len)
{
    return len >= NUMBER_LEN && strspn(text, "0123456789") >= NUMBER_LEN;
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    const struct pace_rate rate = {.per_second = 2, .burst = 2};
    FAKENODE ctx;

    fuzz_node(&ctx);
    put_file(&ctx.cache, text, len);
    for (unsigned i = 0; i < CALLS; i++) {
        struct err e = {0};
        uint64_t before_ms = deadline_now_ms(ctx.deadline);
        int rc = pace_wait(&ctx.cache, NAME, rate, ctx.deadline, &e);
        uint64_t waited_ms = deadline_now_ms(ctx.deadline) - before_ms;

        /* Who cannot have a turn in time is told so at once; a turn is no more than a pause away
         * from the one before, and what is no number keeps nobody waiting. */
        FUZZ_CHECK(rc == 0 || rc == -ERR_DEADLINE);
        FUZZ_CHECK(rc == 0 || (waited_ms == 0 && is_number(text, len)));
        FUZZ_CHECK(i == 0 || waited_ms <= 500);
        FUZZ_CHECK(i > 0 || waited_ms == 0 || is_number(text, len));
        fuzz_say(trace, "%d %llu\n", rc, (unsigned long long)waited_ms);
        if (rc < 0) {
            fuzz_error(trace, rc, &e);
        }
    }
}
