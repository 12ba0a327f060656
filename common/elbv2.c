/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "elbv2.h"

#include <stdio.h>

static const struct aws_service service = {.prefix = "elasticloadbalancing",
                                           .env_name = "ELASTIC_LOAD_BALANCING_V2",
                                           .version = "2015-12-01",
                                           .protocol = AWS_PROTOCOL_QUERY};

void
elbv2_targets_done(struct elbv2_targets *t)
{
    free(t->items);
    *t = (struct elbv2_targets){0};
}

static void
copy_text(const struct xmlq_node *n, const char *path, char *ret, size_t size)
{
    const char *text = xmlq_text(n, path);

    (void)snprintf(ret, size, "%s", text == NULL ? "" : text);
}

static int
read_target(const struct xmlq_node *n, struct elbv2_target *ret)
{
    *ret = (struct elbv2_target){0};
    copy_text(n, "Target/Id", ret->id, sizeof(ret->id));
    copy_text(n, "Target/Port", ret->port, sizeof(ret->port));
    copy_text(n, "TargetHealth/State", ret->state, sizeof(ret->state));
    copy_text(n, "TargetHealth/Reason", ret->reason, sizeof(ret->reason));
    copy_text(n, "TargetHealth/Description", ret->description, sizeof(ret->description));
    return ret->id[0] == '\0' || ret->state[0] == '\0' ? -ERR_MALFORMED : 0;
}

static int
read_targets(const struct xmlq_node *set, struct elbv2_targets *all)
{
    size_t n = 0;

    for (const struct xmlq_node *m = xmlq_first(set); m != NULL; m = xmlq_next(m)) {
        n++;
    }
    if (n > ELBV2_TARGETS_MAX) {
        return -ERR_TOO_BIG;
    }
    all->items = calloc(n + 1, sizeof(*all->items));
    if (all->items == NULL) {
        return -ERR_NOMEM;
    }
    for (const struct xmlq_node *m = xmlq_first(set); m != NULL; m = xmlq_next(m)) {
        int rc = read_target(m, &all->items[all->n++]);

        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int
elbv2_describe_target_health(struct aws_session *s, const char *target_group_arn,
                             struct elbv2_targets *ret, struct deadline d, struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    struct elbv2_targets all = {0};
    const struct xmlq_node *set = NULL;
    int rc = 0;

    aws_call_init(&c, &service, "DescribeTargetHealth");
    aws_call_param(&c, target_group_arn, "TargetGroupArn");
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0) {
        *e = c.error;
        return rc;
    }
    set = xmlq_find(xmlq_root(c.answer, "DescribeTargetHealthResponse"),
                    "DescribeTargetHealthResult/TargetHealthDescriptions");
    if (set == NULL) {
        return err_set(e, ERR_MALFORMED, "DescribeTargetHealth: answer has no descriptions");
    }
    rc = read_targets(set, &all);
    if (rc < 0) {
        elbv2_targets_done(&all);
        return err_set(e, (enum err_code) - rc, "DescribeTargetHealth: %s", err_text(rc));
    }
    *ret = all;
    return 0;
}
