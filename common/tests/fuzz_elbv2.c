/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "elbv2.h"

/* What Elastic Load Balancing tells of the targets of a group. */

#define ARN                                                                                        \
    "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/db/0123456789abcdef"

FUZZ_XML_MUTATOR

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    OCF_CLEANUP(elbv2_targets_done) struct elbv2_targets t = {.n = 0};
    struct err e = {0};
    int rc = elbv2_describe_target_health(fuzz_answers(text, len), ARN, &t, fuzz_deadline(), &e);

    if (rc < 0) {
        FUZZ_CHECK(t.n == 0 && t.items == NULL);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(t.n <= ELBV2_TARGETS_MAX);
    for (size_t i = 0; i < t.n; i++) {
        const struct elbv2_target *target = &t.items[i];

        FUZZ_CHECK(target->id[0] != '\0' && target->state[0] != '\0');
        fuzz_say(trace, "%s %s %s %s %s\n", target->id, target->port, target->state, target->reason,
                 target->description);
    }
}
