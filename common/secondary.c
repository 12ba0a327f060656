/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "secondary.h"

#include <string.h>

/* Reads lag behind by seconds: as long as that a refusal may be due to what they did not show. */
#define REFUSED_MAX 5
#define REFUSED_MS  2000

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
        n += addr_list_has(&found, a) && (a->family != AF_INET || !addr_equal(a, &found.items[0]));
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
                          "ip=\"%s\" is the primary address of %s: allowed is a secondary one",
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

static bool
has_ipv6(const struct secondary *s)
{
    for (size_t i = 0; i < s->vip.addresses.n; i++) {
        if (s->vip.addresses.items[i].family == AF_INET6) {
            return true;
        }
    }
    return false;
}

int
secondary_move(struct ocf_ctx *ctx, struct secondary *s, struct err *e)
{
    struct aws_session *session = NULL;
    struct deadline soon = deadline_cap(ctx->deadline, ctx->aws_params->api_timeout_ms);
    struct err ignored = {0};
    enum ocf_verdict shown = secondary_judge(s, &ignored);
    bool here = shown == OCF_HERE;
    bool anew = ocf_is_anew(ctx);
    int rc = ocf_aws(ctx, &session, e);

    ctx->idle = here && !anew;
    if (rc < 0 || ctx->idle) {
        return rc;
    }
    rc = ec2_move_addresses(session, s->nic.eni_id, s->vip.addresses.items, s->holders,
                            s->vip.addresses.n, anew, here ? soon : ctx->deadline,
                            here && !has_ipv6(s) ? soon : ctx->deadline, e);
    if (rc == -ERR_REJECTED && has_ipv6(s) && ++s->n_refused < REFUSED_MAX &&
        deadline_sleep(ctx->deadline, REFUSED_MS) == 0) {
        e->code = rc = -ERR_UNCERTAIN;
    }
    if (!here || secondary_judge(s, &ignored) != OCF_HERE) {
        /* Some are not here, or were and have been taken off. */
        ctx->unsettled =
            anew && (here || shown == OCF_DEGRADED) && err_class(rc) == ERR_CLASS_UNCERTAIN;
        return rc;
    }
    ctx->idle = here && rc < 0;
    /* Nobody gives an IPv6 address up, and it is taken: reads show it here, but it is not. */
    return here && (rc != -ERR_REJECTED || !has_ipv6(s)) ? ocf_written_again(ctx, e) : rc;
}

/* The findings about the permissions for a family, when one of the addresses is of it. */
static void
preflight_family(struct ocf_ctx *ctx, struct aws_session *session, const struct secondary *s,
                 int family)
{
    bool wanted = false;

    for (size_t i = 0; i < s->vip.addresses.n; i++) {
        wanted = wanted || s->vip.addresses.items[i].family == family;
    }
    for (int assign = 1; wanted && assign >= 0; assign--) {
        struct err e = {0};

        (void)!ec2_may_change_addresses(session, s->nic.eni_id, family, assign, ctx->deadline, &e);
        if (e.code == 0) {
            ocf_finding(ctx, 0, "%s is not denied: asked for %s, as it has no dry run",
                        ec2_address_action(family, assign),
                        family == AF_INET ? "127.0.0.1" : "::1");
        } else {
            ocf_finding_of(ctx, ec2_address_action(family, assign), &e);
        }
    }
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
    preflight_family(ctx, session, s, AF_INET);
    preflight_family(ctx, session, s, AF_INET6);
}
