/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip.h"

#include "mark.h"

#include <stdio.h>
#include <string.h>

const struct param vip_rows[] = {
    {.name = "interface",
     .type = PARAM_STRING,
     .max = IFNAMSIZ - 1,
     .offset = offsetof(struct vip_params, interface),
     .shortdesc = {"Network interface", "ネットワークインターフェイス"},
     .longdesc = {"Interface of this node, and so its ENI. Default: the primary one.",
                  "使用するインターフェイス (とその ENI)。省略時はプライマリ。"}},
    {.name = "assign_address",
     .type = PARAM_BOOLEAN,
     .initial = "true",
     .offset = offsetof(struct vip_params, assign_address),
     .shortdesc = {"Put the address on the interface", "アドレスを付与する"},
     .longdesc =
         {"Put the addresses on the interface as /32 or /128. Say false when IPaddr2 or the "
          "service does that.",
          "アドレスを /32 または /128 としてインターフェイスに付与します。IPaddr2 や"
          "サービスが付与する場合は false にします。"}},
    {.name = "label",
     .type = PARAM_STRING,
     .max = NETIF_LABEL_MAX - 2,
     .offset = offsetof(struct vip_params, label),
     .shortdesc = {"Label of the address", "アドレスのラベル"},
     .longdesc = {"IPv4 address label INTERFACE:LABEL, at most 15 characters in all.",
                  "IPv4 アドレスのラベル (INTERFACE:LABEL、全体で 15 文字以内)。"}},
    {0},
};

int
vip_check(const struct vip_params *v, struct err *e)
{
    struct netif_link link;
    struct err why = {0};

    if (v->interface != NULL && netif_by_name(v->interface, &link, &why) < 0) {
        return err_set(e, ERR_PARAM_LOCAL, "interface=\"%s\": %.400s", v->interface, why.text);
    }
    return 0;
}

enum ocf_verdict
vip_look(struct ocf_ctx *ctx, const struct vip_params *v, struct err *why)
{
    char text[ADDR_TEXT_MAX];

    ctx->local = v->assign_address ? OCF_HERE : mark_look(ctx, why);
    for (size_t i = 0; v->assign_address && i < v->addresses.n && ctx->local == OCF_HERE; i++) {
        int rc = netif_has_addr(&v->addresses.items[i], 0, NULL, why);

        if (rc < 0) {
            ctx->local = OCF_UNKNOWN;
        } else if (rc == 0) {
            (void)err_set(why, ERR_NOT_FOUND, "%s is on no network interface of this node",
                          addr_text(&v->addresses.items[i], text));
            ctx->local = OCF_ABSENT;
        }
    }
    return ctx->local;
}

int
vip_assign(struct ocf_ctx *ctx, const struct vip_params *v, const struct netif_link *link,
           struct err *e)
{
    char label[IFNAMSIZ];
    int rc = 0;

    if (!v->assign_address) {
        return mark_set(ctx, e);
    }
    if (v->label != NULL &&
        (size_t)snprintf(label, sizeof(label), "%s:%s", link->name, v->label) >= sizeof(label)) {
        return err_set(e, ERR_PARAM_LOCAL,
                       "label=\"%s\": with the interface, \"%s:%s\", it may have %d characters",
                       v->label, link->name, v->label, NETIF_LABEL_MAX);
    }
    for (size_t i = 0; rc == 0 && i < v->addresses.n; i++) {
        rc =
            netif_add_addr(&v->addresses.items[i], link->index, v->label == NULL ? NULL : label, e);
    }
    return rc;
}

int
vip_remove(struct ocf_ctx *ctx, const struct vip_params *v, struct err *e)
{
    int first = 0;

    if (v->assign_address) {
        mark_drop(ctx); /* of a time when something else assigned them */
    } else {
        first = mark_remove(ctx, e);
    }
    for (size_t i = 0; v->assign_address && i < v->addresses.n; i++) {
        int rc = netif_del_addr(&v->addresses.items[i], first == 0 ? e : NULL);

        first = first == 0 ? rc : first;
    }
    return first;
}

/* Whether one of the networks, a line each, covers the address; the network goes to out. */
static bool
covered_by(const char *networks, const struct addr *a, char out[ADDR_TEXT_MAX])
{
    while (*networks != '\0') {
        size_t len = strcspn(networks, "\r\n");
        struct addr net;

        (void)snprintf(out, ADDR_TEXT_MAX, "%.*s", (int)len, networks);
        if (addr_parse_cidr(out, &net) && addr_contains(&net, a)) {
            return true;
        }
        networks += len + strspn(networks + len, "\r\n");
    }
    return false;
}

void
vip_preflight_outside_vpc(struct ocf_ctx *ctx, const struct vip_params *v,
                          const struct node_nic *nic)
{
    for (size_t i = 0; i < v->addresses.n; i++) {
        const struct addr *a = &v->addresses.items[i];
        OCF_BUF struct buf networks = BUF_INIT(16384);
        char path[128];
        char text[ADDR_TEXT_MAX];
        char net[ADDR_TEXT_MAX];
        struct err e = {0};
        int rc = 0;

        (void)snprintf(path, sizeof(path), "meta-data/network/interfaces/macs/%s/%s", nic->link.mac,
                       a->family == AF_INET ? "vpc-ipv4-cidr-blocks" : "vpc-ipv6-cidr-blocks");
        rc = imds_get_one(&ctx->node.imds, path, ctx->deadline, &networks, &e);
        (void)addr_text(a, text);
        if (rc < 0 && rc != -ERR_NOT_FOUND) { /* 404: the VPC has none of this family */
            ocf_finding_of(ctx, "networks of the VPC", &e);
        } else if (covered_by(buf_str(&networks), a, net)) {
            ocf_finding(ctx, -ERR_PARAM,
                        "ip=\"%s\" lies inside %s of %s: allowed is an address outside the VPC's "
                        "networks",
                        text, net, nic->vpc_id);
        } else {
            ocf_finding(ctx, 0, "%s lies outside the networks of %s", text, nic->vpc_id);
        }
    }
}
