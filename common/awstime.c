/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "awstime.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY        "aws-clock"
#define NUMBER_LEN 12 /* digits of an entry, always all of them */

/* An entry is the time, in seconds since 1970 by AWS's clock, at which CLOCK_BOOTTIME was 0. */
static bool
parse(const struct buf *text, int64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (text->data[i] - '0');
    }
    return text->len == NUMBER_LEN;
}

static int64_t
boot_s(struct deadline d)
{
    return (int64_t)(deadline_now_ms(d) / MS_PER_S);
}

int64_t
awstime_skew(const struct cache *cache, struct deadline d)
{
    OCF_BUF struct buf text = BUF_INIT(NUMBER_LEN);
    int64_t begin_s = 0;
    int64_t skew_s = 0;

    if (!cache_get(cache, KEY, &text) || !parse(&text, &begin_s)) {
        return 0;
    }
    skew_s = begin_s + boot_s(d) - deadline_wall_s(d);
    return llabs(skew_s) < AWSTIME_SKEW_MIN_S ? 0 : skew_s;
}

void
awstime_learn(const struct cache *cache, struct deadline d, int64_t aws_s)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%0*lld", NUMBER_LEN, (long long)(aws_s - boot_s(d)));

    if (len == NUMBER_LEN && text[0] != '-') {
        cache_put(cache, KEY, text, NUMBER_LEN);
    }
}
