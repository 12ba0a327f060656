/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "probehttp.h"

/* A request of a health check, as it comes in pieces. */

#define PATH "/healthz"

static void
check_answer(int status, bool head_only, struct buf *trace)
{
    char answer[PROBEHTTP_ANSWER_MAX];
    size_t len = probehttp_answer(status, head_only, answer);
    const char *end = NULL;

    FUZZ_CHECK(len > 0 && len < sizeof(answer) && strnlen(answer, len) == len);
    answer[len] = '\0';
    end = strstr(answer, "\r\n\r\n");
    FUZZ_CHECK(end != NULL && (end[4] == '\0') == head_only);
    fuzz_say(trace, "%d %s", status, answer);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    size_t whole = len < PROBEHTTP_HEAD_MAX ? len : PROBEHTTP_HEAD_MAX;
    bool head_only = false;
    int status = probehttp_status(text, whole, PATH, &head_only);
    int first = 0;
    bool first_head_only = false;

    FUZZ_CHECK(status == 0 || status == 200 || status == 400 || status == 404 || status == 405 ||
               status == 431 || status == 505);
    FUZZ_CHECK(status != 0 || whole < PROBEHTTP_HEAD_MAX);
    for (size_t n = 1; n < whole && first == 0; n += 1 + n / 16) {
        /* Exactly as many bytes: what is read behind them is seen. */
        OCF_FREE char *piece = malloc(n);

        FUZZ_CHECK(piece != NULL);
        memcpy(piece, text, n);
        first = probehttp_status(piece, n, PATH, &first_head_only);
    }
    /* What has been decided stays so, whatever comes after it. */
    FUZZ_CHECK(first == 0 || first == status);
    FUZZ_CHECK(first == 0 || first_head_only == head_only);
    if (status != 0) {
        check_answer(status, head_only, trace);
    }
}
