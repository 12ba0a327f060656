/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip.h"

#include "mark.h"

#include <stdio.h>
#include <string.h>

const struct param vip_rows[] = {
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

enum ocf_verdict
vip_look(struct ocf_ctx *ctx, const struct vip_params *v, struct err *why)
{
    char text[ADDR_TEXT_MAX];

    ctx->local = v->assign_address ? OCF_HERE : mark_look(ctx, why);
    for (size_t i = 0; v->assign_address && i < v->addresses.n && ctx->local == OCF_HERE; i++) {
        const struct addr *a = &v->addresses.items[i];
        struct netif_hit hit;
        int rc = netif_has_addr(a, 0, &hit, why);

        if (rc < 0) {
            ctx->local = OCF_UNKNOWN;
        } else if (rc == 0) {
            (void)err_set(why, ERR_NOT_FOUND, "%s is on no network interface of this node",
                          addr_text(a, text));
            ctx->local = OCF_ABSENT;
        } else if (ctx->operation == OCF_OP_START && a->family == AF_INET &&
                   hit.prefix_len < a->prefix_len) {
            /*
             * Put there by others: with a /32 beside it a stop knows that it was started. IPv6 has
             * no address twice on a link: there it stays what it is.
             */
            (void)err_set(why, ERR_NOT_FOUND, "%s/%d was not put there by a start",
                          addr_text(a, text), hit.prefix_len);
            ctx->local = OCF_ABSENT;
        }
    }
    return ctx->local;
}

enum ocf_verdict
vip_probe(struct ocf_ctx *ctx, const struct vip_params *v,
          enum ocf_verdict (*look_at_routes)(struct ocf_ctx *ctx, struct err *why), struct err *why)
{
    struct err local_why = {0};
    enum ocf_verdict local = vip_look(ctx, v, &local_why);
    enum ocf_verdict routes = OCF_UNKNOWN;

    if (local != OCF_ABSENT || ctx->everything) {
        routes = ocf_settled_by_aws(ctx, &local_why, look_at_routes(ctx, why), why);
        if (routes != OCF_HERE || local == OCF_HERE) {
            return routes;
        }
    }
    *why = local_why;
    return local;
}

int
vip_assign(struct ocf_ctx *ctx, const struct vip_params *v, const struct netif_link *link,
           struct err *e)
{
    char label[IFNAMSIZ];
    int rc = 0;

    if (!v->assign_address) {
        return mark_set(ctx, e); /* else the addresses themselves tell that they are here */
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

/*
 * Whether the address is on an interface with the prefix of a network alone. It may be the node's
 * own, which a spelling error in `ip` must not cost. Start puts addresses on the link as /32 and
 * /128, IPv4 also beside what others have put there.
 */
static bool
is_of_others(const struct addr *a, struct err *why)
{
    struct netif_hit hit;
    char text[ADDR_TEXT_MAX];

    if (netif_has_addr(a, 0, &hit, why) != 1 || hit.prefix_len >= a->prefix_len) {
        return false;
    }
    (void)err_set(why, ERR_NOT_FOUND, "%s/%d was not put there by a start: check ip",
                  addr_text(a, text), hit.prefix_len);
    return true;
}

static int
remove_one(const struct ocf_ctx *ctx, const struct addr *a, struct err *e)
{
    struct err why = {0};

    if (is_of_others(a, &why)) {
        ocf_warn(ctx, "address left on its interface", &why);
        return 0;
    }
    return netif_del_addr(a, e);
}

int
vip_remove(struct ocf_ctx *ctx, const struct vip_params *v, struct err *e)
{
    int first = 0;

    if (v->assign_address) {
        mark_drop(ctx);
    } else {
        mark_remove(ctx);
    }
    for (size_t i = 0; v->assign_address && i < v->addresses.n; i++) {
        int rc = remove_one(ctx, &v->addresses.items[i], first == 0 ? e : NULL);

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

/* Where the addresses must lie, or must not. */
struct network {
    const char *leaves[2]; /* of IMDS, for IPv4 and for IPv6 */
    const char *id;        /* of AWS */
    const char *name;      /* for people */
    bool inside;
};

static void
preflight_one(struct ocf_ctx *ctx, const struct addr *a, const char *mac, const struct network *n)
{
    OCF_BUF struct buf networks = BUF_INIT(16384);
    char path[128];
    char text[ADDR_TEXT_MAX];
    char net[ADDR_TEXT_MAX] = "";
    struct err e = {0};
    bool covered = false;
    int rc = 0;

    (void)snprintf(path, sizeof(path), "meta-data/network/interfaces/macs/%s/%s", mac,
                   n->leaves[a->family == AF_INET ? 0 : 1]);
    rc = imds_get_one(&ctx->node.imds, path, ctx->deadline, &networks, &e);
    if (rc < 0 && rc != -ERR_NOT_FOUND) { /* 404: it has none of this family */
        ocf_finding_of(ctx, n->name, &e);
        return;
    }
    covered = covered_by(buf_str(&networks), a, net);
    (void)addr_text(a, text);
    if (covered == n->inside) {
        ocf_finding(ctx, 0, "%s lies %s %s", text, n->inside ? "inside" : "outside", n->id);
    } else if (covered) {
        ocf_finding(ctx, -ERR_PARAM,
                    "ip=\"%s\" lies inside %s of %s: allowed is an address outside %s", text, net,
                    n->id, n->name);
    } else {
        ocf_finding(ctx, -ERR_PARAM_LOCAL,
                    "ip=\"%s\" lies outside %s: allowed is an address inside %s", text, n->id,
                    n->name);
    }
}

void
vip_preflight_outside_vpc(struct ocf_ctx *ctx, const struct vip_params *v,
                          const struct node_nic *nic)
{
    const struct network vpc = {.leaves = {"vpc-ipv4-cidr-blocks", "vpc-ipv6-cidr-blocks"},
                                .id = nic->vpc_id,
                                .name = "the VPC's networks",
                                .inside = false};

    for (size_t i = 0; i < v->addresses.n; i++) {
        preflight_one(ctx, &v->addresses.items[i], nic->link.mac, &vpc);
    }
}

void
vip_preflight_inside_subnet(struct ocf_ctx *ctx, const struct vip_params *v,
                            const struct node_nic *nic)
{
    const struct network subnet = {.leaves = {"subnet-ipv4-cidr-block", "subnet-ipv6-cidr-blocks"},
                                   .id = nic->subnet_id,
                                   .name = "the subnet's networks",
                                   .inside = true};

    for (size_t i = 0; i < v->addresses.n; i++) {
        preflight_one(ctx, &v->addresses.items[i], nic->link.mac, &subnet);
    }
}
