/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "secondary.h"

#include <string.h>

bool
secondary_shown_by_imds(struct ocf_ctx *ctx, struct secondary *s)
{
    static const char *const leaves[] = {"local-ipv4s", "ipv6s"};
    struct addr_list found = {.n = 0};
    struct err ignored = {0};
    size_t n = 0;

    if (ocf_nic(ctx, s->vip.interface, &s->nic, &ignored) < 0 ||
        node_nic_addresses(&ctx->node, &s->nic, leaves, ARRAY_LEN(leaves), ctx->deadline, &found,
                           &ignored) < 0) {
        return false;
    }
    for (size_t i = 0; i < s->vip.addresses.n; i++) {
        const struct addr *a = &s->vip.addresses.items[i];

        /* The first of local-ipv4s is the primary one: that is for AWS to complain of. */
        n += addr_list_has(&found, a) && !addr_equal(a, &found.items[0]);
    }
    return n == s->vip.addresses.n;
}

enum ocf_verdict
secondary_judge(const struct secondary *s, struct err *why)
{
    const struct ec2_holder *strange = NULL;
    size_t ours = 0;
    char text[ADDR_TEXT_MAX];

    for (size_t i = 0; i < s->vip.addresses.n; i++) {
        const struct ec2_holder *h = &s->holders[i];

        (void)addr_text(&s->vip.addresses.items[i], text);
        if (h->primary) {
            (void)err_set(why, ERR_PARAM,
                          "ip=\"%s\": is the primary address of %s, which does not move: allowed "
                          "is a secondary one",
                          text, h->eni_id);
            return OCF_UNKNOWN;
        }
        if (strcmp(h->eni_id, s->nic.eni_id) == 0) {
            ours++;
        } else if (strange == NULL) {
            strange = h;
            (void)err_set(why, ERR_NOT_FOUND, "%s is on %s, not on our %s", text,
                          h->eni_id[0] == '\0' ? "no interface" : h->eni_id, s->nic.eni_id);
        }
    }
    if (strange == NULL) {
        return OCF_HERE;
    }
    return ours > 0 ? OCF_DEGRADED : strange->eni_id[0] != '\0' ? OCF_ELSEWHERE : OCF_ABSENT;
}

enum ocf_verdict
secondary_ask_aws(struct ocf_ctx *ctx, struct secondary *s, struct err *why)
{
    struct aws_session *session = NULL;
    int rc = ocf_nic(ctx, s->vip.interface, &s->nic, why);

    rc = rc < 0 ? rc : ocf_aws(ctx, &session, why);
    rc = rc < 0 ? rc
                : ec2_find_holders(session, s->nic.vpc_id, s->vip.addresses.items,
                                   s->vip.addresses.n, s->holders, ctx->deadline, why);
    return rc < 0 ? OCF_UNKNOWN : secondary_judge(s, why);
}

/* The finding of a dry run. */
static void
try_address(struct ocf_ctx *ctx, struct aws_session *session, const struct secondary *s,
            const struct addr *a, bool assign)
{
    struct err e = {0};

    (void)!ec2_try_address(session, s->nic.eni_id, a, assign, ctx->deadline, &e);
    ocf_finding_of(ctx, ec2_address_action(a, assign), &e);
}

void
secondary_preflight(struct ocf_ctx *ctx, struct secondary *s)
{
    struct aws_session *session = NULL;
    struct err e = {0};

    if (secondary_ask_aws(ctx, s, &e) == OCF_UNKNOWN || ocf_aws(ctx, &session, &e) < 0) {
        ocf_finding_of(ctx, "ec2:DescribeNetworkInterfaces", &e);
        return;
    }
    ocf_finding(ctx, 0, "ec2:DescribeNetworkInterfaces");
    vip_preflight_inside_subnet(ctx, &s->vip, &s->nic);
    for (size_t i = 0; i < s->vip.addresses.n; i++) {
        try_address(ctx, session, s, &s->vip.addresses.items[i], true);
        try_address(ctx, session, s, &s->vip.addresses.items[i], false);
    }
}
