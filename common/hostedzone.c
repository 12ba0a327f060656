/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostedzone.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX  65536
#define IDS_TEXT 160 /* of the ids in a message */

static const char *const words[] = {"private", "public"};

/* Zones are of an account, and accounts are told apart by how its credentials are come by. */
static int
cache_key(const struct ocf_ctx *ctx, const char *name, int visibility, struct buf *ret)
{
    const struct aws_params *p = ctx->aws_params;
    const char *const parts[] = {words[visibility], name, p->profile, p->credentials_file,
                                 p->endpoint_url};
    int rc = buf_adds(ret, "route53-zone");

    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(parts); i++) {
        rc = buf_addf(ret, "\n%s", parts[i] == NULL ? "" : parts[i]);
    }
    for (size_t i = 0; rc == 0 && i < p->role_arn.n; i++) {
        rc = buf_addf(ret, "\n%s=%s", p->role_arn.items[i].region, p->role_arn.items[i].arn);
    }
    return rc;
}

static bool
cached(const struct ocf_ctx *ctx, const char *name, int visibility, char ret[ROUTE53_ID_MAX])
{
    OCF_BUF struct buf key = BUF_INIT(KEY_MAX);
    OCF_BUF struct buf id = BUF_INIT(ROUTE53_ID_MAX);

    return cache_key(ctx, name, visibility, &key) == 0 &&
           cache_get(&ctx->cache, buf_str(&key), &id) && route53_id(buf_str(&id), ret);
}

static void
remember(const struct ocf_ctx *ctx, const char *name, int visibility, const char *id)
{
    OCF_BUF struct buf key = BUF_INIT(KEY_MAX);

    if (cache_key(ctx, name, visibility, &key) == 0) {
        cache_put(&ctx->cache, buf_str(&key), id, strlen(id));
    }
}

void
hostedzone_forget(const struct ocf_ctx *ctx, const struct hostedzone_query *q)
{
    for (int v = HOSTEDZONE_PRIVATE; q->id == NULL && v <= HOSTEDZONE_PUBLIC; v++) {
        OCF_BUF struct buf key = BUF_INIT(KEY_MAX);

        if (cache_key(ctx, q->name, v, &key) == 0) {
            cache_drop(&ctx->cache, buf_str(&key));
        }
    }
}

/* The ids of the zones of one visibility, "Z1, Z2"; returns how many there are, and the last. */
static size_t
list_ids(const struct route53_zones *zones, int visibility, char out[IDS_TEXT], const char **ret_id)
{
    size_t len = 0;
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < zones->n; i++) {
        if (zones->items[i].is_private == (visibility == HOSTEDZONE_PRIVATE)) {
            n++;
            *ret_id = zones->items[i].id;
            len += (size_t)snprintf(out + len, len < IDS_TEXT ? IDS_TEXT - len : 0, "%s%s",
                                    len > 0 ? ", " : "", zones->items[i].id);
            len = len < IDS_TEXT ? len : IDS_TEXT - 1;
        }
    }
    return n;
}

static int
tell_none(const struct hostedzone_query *q, const struct route53_zones *zones, int visibility,
          struct err *e)
{
    int other = visibility == HOSTEDZONE_PRIVATE ? HOSTEDZONE_PUBLIC : HOSTEDZONE_PRIVATE;
    const char *id = NULL;
    char ids[IDS_TEXT];

    if (list_ids(zones, other, ids, &id) > 0) {
        return err_set(e, ERR_PARAM,
                       "zone=\"%.200s\": no %s zone has this name, but a %s one: %s; see "
                       "zone_visibility",
                       q->name, words[visibility], words[other], ids);
    }
    return err_set(e, ERR_PARAM, "zone=\"%.200s\": this account has no %s zone of this name",
                   q->name, words[visibility]);
}

/* Of several private zones, the one that this node's VPC is associated with; 0 when not just one.
 */
static int
ask_vpc(struct ocf_ctx *ctx, const struct hostedzone_query *q, const struct route53_zones *zones,
        const char **ret_id, struct err *e)
{
    struct node_nic nic = {0};
    struct node *node = NULL;
    const char *found = NULL;
    int rc = ocf_node(ctx, &node, e);

    rc = rc < 0 ? rc : node_nic(node, q->interface, ctx->deadline, &nic, e);
    for (size_t i = 0; rc == 0 && i < zones->n; i++) {
        struct route53_zone zone = {.in_vpc = false};

        if (!zones->items[i].is_private) {
            continue;
        }
        rc = route53_get_zone(&ctx->session, zones->items[i].id, nic.vpc_id, &zone, ctx->deadline,
                              e);
        if (rc == 0 && zone.in_vpc) {
            if (found != NULL) {
                return 0;
            }
            found = zones->items[i].id;
        }
    }
    *ret_id = rc < 0 ? NULL : found;
    return rc;
}

/* The one zone of a visibility. */
static int
choose(struct ocf_ctx *ctx, const struct hostedzone_query *q, const struct route53_zones *zones,
       int visibility, char ret[ROUTE53_ID_MAX], struct err *e)
{
    const char *id = NULL;
    char ids[IDS_TEXT];
    size_t n = list_ids(zones, visibility, ids, &id);
    int rc = 0;

    if (n == 0) {
        return tell_none(q, zones, visibility, e);
    }
    if (n > 1) {
        id = NULL;
        rc = visibility == HOSTEDZONE_PRIVATE ? ask_vpc(ctx, q, zones, &id, e) : 0;
    }
    if (rc == 0 && id == NULL) {
        return err_set(e, ERR_PARAM,
                       "zone=\"%.200s\": %zu %s zones have this name: say which by "
                       "hosted_zone_id: %s",
                       q->name, n, words[visibility], ids);
    }
    if (rc < 0) {
        return rc;
    }
    (void)snprintf(ret, ROUTE53_ID_MAX, "%s", id);
    log_info("%s zone %s is %s", words[visibility], q->name, ret);
    remember(ctx, q->name, visibility, ret);
    return 0;
}

int
hostedzone_find(struct ocf_ctx *ctx, const struct hostedzone_query *q,
                char ret_ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX], size_t *ret_n, struct err *e)
{
    OCF_CLEANUP(route53_zones_done) struct route53_zones zones = {0};
    int first = q->visibility == HOSTEDZONE_PUBLIC ? HOSTEDZONE_PUBLIC : HOSTEDZONE_PRIVATE;
    int last = q->visibility == HOSTEDZONE_PRIVATE ? HOSTEDZONE_PRIVATE : HOSTEDZONE_PUBLIC;
    struct aws_session *aws = NULL;
    bool asked = false;
    size_t n = 0;
    int rc = ocf_aws(ctx, &aws, e);

    if (rc == 0 && q->id != NULL && !route53_id(q->id, ret_ids[n++])) {
        return err_set(e, ERR_PARAM, "hosted_zone_id=\"%.60s\": allowed is an id like Z...", q->id);
    }
    for (int v = first; rc == 0 && q->id == NULL && v <= last; v++, n++) {
        if (cached(ctx, q->name, v, ret_ids[n])) {
            continue;
        }
        rc = asked ? 0 : route53_find_zones(aws, q->name, &zones, ctx->deadline, e);
        asked = true;
        rc = rc < 0 ? rc : choose(ctx, q, &zones, v, ret_ids[n], e);
    }
    if (rc == 0) {
        *ret_n = n;
    }
    return rc;
}
