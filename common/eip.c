/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "eip.h"

#include <stdio.h>
#include <string.h>

/* The address, for messages and for IMDS; of an allocation id once AWS has told it. */
static bool
public_ip_text(const struct ocf_ctx *ctx, const struct eip_params *p, char out[ADDR_TEXT_MAX])
{
    OCF_BUF struct buf cached = BUF_INIT(ADDR_TEXT_MAX - 1);
    struct addr a = p->public_ip;

    if (a.family == 0 &&
        (!cache_get(&ctx->cache, p->allocation_id, &cached) || !addr_parse(buf_str(&cached), &a))) {
        return false;
    }
    (void)addr_text(&a, out);
    return true;
}

/* The default of private_ip. Where the metadata does not tell, any address of the NIC will do. */
static void
fill_private_ip(struct ocf_ctx *ctx, struct eip_params *p, const struct node_nic *nic)
{
    struct err ignored = {0};

    if (p->private_ip.family == 0) {
        (void)!node_primary_ip(&ctx->node, nic, ctx->deadline, &p->private_ip, &ignored);
    }
}

bool
eip_shown_by_imds(struct ocf_ctx *ctx, struct eip_params *p)
{
    struct err ignored = {0};
    struct node_nic nic;
    struct addr_list found = {.n = 0};
    char text[ADDR_TEXT_MAX];
    char leaf[ADDR_TEXT_MAX + 32];
    const char *const leaves[] = {leaf};
    int rc = 0;

    if (!public_ip_text(ctx, p, text)) {
        return false;
    }
    (void)snprintf(leaf, sizeof(leaf), "ipv4-associations/%s", text);
    rc = ocf_nic(ctx, p->interface, &nic, &ignored);
    if (rc == 0) {
        fill_private_ip(ctx, p, &nic);
        rc = node_nic_addresses(&ctx->node, &nic, leaves, 1, ctx->deadline, &found, &ignored);
    }
    return rc == 0 &&
           (p->private_ip.family == 0 ? found.n > 0 : addr_list_has(&found, &p->private_ip));
}

enum ocf_verdict
eip_judge(const struct eip_params *p, const struct ec2_elastic_ip *now, const char *eni_id,
          struct err *why)
{
    char public[ADDR_TEXT_MAX];
    char private[ADDR_TEXT_MAX];

    (void)addr_text(&now->public_ip, public);
    if (now->eni_id[0] == '\0') {
        (void)err_set(why, ERR_NOT_FOUND, "%s is associated with no interface", public);
        return OCF_ABSENT;
    }
    if (strcmp(now->eni_id, eni_id) != 0) {
        (void)err_set(why, ERR_NOT_FOUND, "%s leads to %s, not to our %s", public, now->eni_id,
                      eni_id);
        return OCF_ELSEWHERE;
    }
    if (p->private_ip.family != 0 && !addr_equal(&p->private_ip, &now->private_ip)) {
        (void)err_set(why, ERR_NOT_FOUND, "%s leads to %s, another address of our %s", public,
                      addr_text(&now->private_ip, private), eni_id);
        return OCF_DEGRADED;
    }
    return OCF_HERE;
}

/*
 * The account that was asked has no such Elastic IP: it was given back, which is a loss, unless the
 * address still leads here. Then the credentials are of another account, and the service is well.
 */
static enum ocf_verdict
tell_not_found(struct ocf_ctx *ctx, struct eip_params *p, struct err *why)
{
    bool by_id = p->allocation_id[0] != '\0';
    char text[ADDR_TEXT_MAX] = "";

    if (!by_id) {
        (void)addr_text(&p->public_ip, text);
    }
    (void)err_set(why, ERR_PARAM, "%s=\"%s\": this account has no such Elastic IP in this region",
                  by_id ? "allocation_id" : "public_ip", by_id ? p->allocation_id : text);
    if (ctx->operation != OCF_OP_MONITOR && ctx->operation != OCF_OP_PROBE) {
        return OCF_UNKNOWN;
    }
    return eip_shown_by_imds(ctx, p) ? OCF_DEGRADED : OCF_ABSENT;
}

enum ocf_verdict
eip_ask_aws(struct ocf_ctx *ctx, struct eip_params *p, struct node_nic *ret_nic,
            struct ec2_elastic_ip *ret, struct err *why)
{
    struct aws_session *session = NULL;
    char text[ADDR_TEXT_MAX];
    int rc = ocf_nic(ctx, p->interface, ret_nic, why);

    rc = rc < 0 ? rc : ocf_aws(ctx, &session, why);
    rc = rc < 0 ? rc
                : ec2_describe_elastic_ip(session, p->allocation_id, &p->public_ip, ret,
                                          ctx->deadline, why);
    if (rc < 0) {
        return rc == -ERR_NOT_FOUND ? tell_not_found(ctx, p, why) : OCF_UNKNOWN;
    }
    fill_private_ip(ctx, p, ret_nic);
    (void)addr_text(&ret->public_ip, text);
    cache_put(&ctx->cache, ret->allocation_id, text, strlen(text));
    return eip_judge(p, ret, ret_nic->eni_id, why);
}
