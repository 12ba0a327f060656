/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include "dns.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define ASK_MAX_MS  10000 /* the longest pause between two looks at a change */
#define REFUSED_MAX 5     /* batches of one start that come too late: then it is not chance */
#define NO_CHANGE   "C00000000000000" /* an id that no change has */
#define TTL_MAX_MS  (2147483647 * MS_PER_S)

static const int families[RECORD_FAMILIES] = {AF_INET, AF_INET6};

const struct param record_rows[] = {
    {.name = "name",
     .type = PARAM_STRING,
     .flags = PARAM_REQUIRED,
     .unique_group = "record",
     .max = DNSNAME_MAX - 1,
     .offset = offsetof(struct record_params, name),
     .shortdesc = {"Host name", "ホスト名"},
     .longdesc = {"Name of the record, with or without a dot at the end.",
                  "レコードの名前。末尾のドットは省略できます。"}},
    {.name = "hosted_zone_id",
     .type = PARAM_STRING,
     .unique_group = "record",
     .max = 64,
     .offset = offsetof(struct record_params, hosted_zone_id),
     .shortdesc = {"Id of the hosted zone", "ホストゾーンの ID"},
     .longdesc = {"Id of the hosted zone that has the record. Either this or zone is required.",
                  "レコードのあるホストゾーンの ID。これか zone のどちらか一方が必須です。"}},
    {.name = "zone",
     .type = PARAM_STRING,
     .unique_group = "record",
     .max = DNSNAME_MAX - 1,
     .offset = offsetof(struct record_params, zone),
     .shortdesc = {"Name of the hosted zone", "ホストゾーンの名前"},
     .longdesc = {"Name of the hosted zone that has the record; zone_visibility says which of "
                  "those of this name. Either this or hosted_zone_id is required.",
                  "レコードのあるホストゾーンの名前。同名のゾーンは zone_visibility で選びます。"
                  "これか hosted_zone_id のどちらか一方が必須です。"}},
    {.name = "zone_visibility",
     .type = PARAM_CHOICE,
     .unique_group = "record",
     .initial = "private",
     .allowed = "private|public|both",
     .offset = offsetof(struct record_params, visibility),
     .shortdesc = {"Which zones of that name", "同名ゾーンの選択"},
     .longdesc = {"With zone: the private zone (of several, the one that is associated with the "
                  "node's VPC), the public one, or both, which then have the same value. Private "
                  "by default, as the value is: a private address is nothing for the Internet.",
                  "zone 指定時に対象とするゾーン。private (複数あればノードの VPC に関連付け"
                  "られたもの)、public、または both (両方に同じ値を設定)。既定の値はプライベート"
                  "アドレスなので、既定のゾーンも private です。"}},
    {.name = "value",
     .type = PARAM_ADDRESSES,
     .flags = PARAM_RELOADABLE,
     .initial = "private",
     .allowed = "private|public",
     .offset = offsetof(struct record_params, value),
     .shortdesc = {"What the name stands for", "レコードの値"},
     .longdesc = {"private or public: the first private or public IPv4 address of the interface, "
                  "and its first IPv6 address when it has one. Or a list of addresses. IPv4 makes "
                  "an A record, IPv6 an AAAA record; a family without an address is left alone.",
                  "private または public: インターフェイスの最初のプライベート/パブリック IPv4 "
                  "アドレスと、あれば最初の IPv6 アドレス。またはアドレスの一覧。IPv4 は A "
                  "レコード、IPv6 は AAAA レコードになり、アドレスの無い種別には触れません。"}},
    {.name = "ttl",
     .type = PARAM_DURATION,
     .flags = PARAM_RELOADABLE,
     .initial = "10s",
     .max = TTL_MAX_MS,
     .offset = offsetof(struct record_params, ttl_ms),
     .shortdesc = {"Time to live of the record", "レコードの TTL"},
     .longdesc = {"How long resolvers keep the answer, in whole seconds: clients follow a move "
                  "after that. With set_identifier the record keeps its own.",
                  "リゾルバーが応答を保持する時間 (秒単位)。切り替え後、クライアントはこの時間で"
                  "追従します。set_identifier 指定時はレコードの TTL を維持します。"}},
    {.name = "set_identifier",
     .type = PARAM_STRING,
     .unique_group = "record",
     .max = 128,
     .offset = offsetof(struct record_params, set_identifier),
     .shortdesc = {"Member of a set of records", "レコード集合の識別子"},
     .longdesc = {"Works on that member of a weighted, failover or other set, which must exist; "
                  "all but its value is kept.",
                  "加重、フェイルオーバーなどの集合のうち、この識別子を持つ既存のレコードを対象と"
                  "します。値以外は維持します。"}},
    {.name = "wait_insync",
     .type = PARAM_BOOLEAN,
     .flags = PARAM_RELOADABLE,
     .initial = "true",
     .offset = offsetof(struct record_params, wait_insync),
     .shortdesc = {"Wait for all name servers", "全ネームサーバーへの反映を待つ"},
     .longdesc = {"A start waits until all name servers of Route 53 have the change (INSYNC). "
                  "When they have not by its timeout, it succeeds with a warning.",
                  "start は Route 53 の全ネームサーバーへの反映 (INSYNC) を待ちます。"
                  "タイムアウトまでに終わらなければ警告付きで成功します。"}},
    {.name = "insync_interval",
     .type = PARAM_DURATION,
     .flags = PARAM_RELOADABLE,
     .initial = "2s",
     .min = 500,
     .max = 60000,
     .offset = offsetof(struct record_params, insync_interval_ms),
     .shortdesc = {"First pause of that wait", "反映確認の初回間隔"},
     .longdesc = {"Pause before the state of the change is asked for; it doubles up to 10s.",
                  "反映状況を確認するまでの間隔。10 秒まで倍に増えます。"}},
    {.name = "resolver",
     .type = PARAM_ADDRESS,
     .flags = PARAM_RELOADABLE,
     .initial = "169.254.169.253",
     .offset = offsetof(struct record_params, resolver),
     .shortdesc = {"Name server asked at depth 20", "深さ 20 で問い合わせる DNS サーバー"},
     .longdesc = {"A monitor with OCF_CHECK_LEVEL=20 asks this name server for the name. Default: "
                  "the VPC's own resolver, which is fd00:ec2::253 by IPv6; for a public zone with "
                  "a private one of its name, say one outside the VPC.",
                  "OCF_CHECK_LEVEL=20 の監視が問い合わせる DNS サーバー。省略時は VPC のリゾルバー"
                  "(IPv6 では fd00:ec2::253)。同名のプライベートゾーンがあるパブリックゾーンでは "
                  "VPC の外のサーバーを指定します。"}},
    {.name = "delete_on_stop",
     .type = PARAM_BOOLEAN,
     .flags = PARAM_RELOADABLE,
     .initial = "false",
     .offset = offsetof(struct record_params, delete_on_stop),
     .shortdesc = {"Delete the record on stop", "停止時にレコードを削除する"},
     .longdesc = {"By default stop leaves the record, which the next node changes. With true it is "
                  "deleted when it has this node's value; that AWS cannot be reached does not "
                  "make the stop fail.",
                  "既定では stop はレコードを残し、次のノードが書き換えます。true では、この"
                  "ノードの値を持つ場合に削除します。AWS に届かなくても stop は失敗しません。"}},
    {0},
};

/* --- parameters ------------------------------------------------------------------------------ */

/* The names in the spelling that AWS has for them; zone is "" when an id was given. */
static int
parse_names(const struct record_params *p, char name[DNSNAME_MAX], char zone[DNSNAME_MAX],
            struct err *e)
{
    zone[0] = '\0';
    if (p->name == NULL) {
        return err_set(e, ERR_PARAM, "name is not set, and is required");
    }
    if (!dnsname_canonical(p->name, name)) {
        return err_set(e, ERR_PARAM,
                       "name=\"%.60s\": allowed is a host name like db.corp.example, with "
                       "characters beyond ASCII in Punycode",
                       p->name);
    }
    if ((p->hosted_zone_id == NULL) == (p->zone == NULL)) {
        return err_set(e, ERR_PARAM, "exactly one of hosted_zone_id and zone is required, %s",
                       p->zone == NULL ? "none is set" : "not both");
    }
    if (p->zone == NULL) {
        return 0;
    }
    if (!dnsname_canonical(p->zone, zone)) {
        return err_set(e, ERR_PARAM,
                       "zone=\"%.60s\": allowed is the name of a hosted zone like corp.example",
                       p->zone);
    }
    if (!dnsname_is_within(name, zone)) {
        return err_set(e, ERR_PARAM, "name=\"%.60s\": allowed is a name in zone=\"%.60s\"", p->name,
                       p->zone);
    }
    return 0;
}

int
record_check(const struct record_params *p, struct err *e)
{
    char name[DNSNAME_MAX];
    char zone[DNSNAME_MAX];
    char id[ROUTE53_ID_MAX];
    int rc = parse_names(p, name, zone, e);

    if (rc < 0) {
        return rc;
    }
    if (p->hosted_zone_id != NULL && !route53_id(p->hosted_zone_id, id)) {
        return err_set(e, ERR_PARAM, "hosted_zone_id=\"%.60s\": allowed is an id like Z...",
                       p->hosted_zone_id);
    }
    if (p->ttl_ms % MS_PER_S != 0) {
        return err_set(e, ERR_PARAM, "ttl=\"%llums\": allowed are whole seconds",
                       (unsigned long long)p->ttl_ms);
    }
    if (p->delete_on_stop && p->set_identifier != NULL) {
        return err_set(e, ERR_PARAM,
                       "delete_on_stop=\"true\": not with set_identifier, or the record's weight "
                       "and health check would be lost");
    }
    return node_check_interface(p->interface, e);
}

/* --- reading --------------------------------------------------------------------------------- */

void
record_done(struct record *r)
{
    for (size_t i = 0; i < HOSTEDZONE_MAX; i++) {
        route53_sets_done(&r->zones[i].sets);
    }
}

/* The addresses by family, at most so many of each. */
static void
sort_values(const struct addr *addresses, size_t n, size_t most, struct record_values *ret)
{
    for (size_t i = 0; i < n; i++) {
        struct param_addresses *of = &ret->of[addresses[i].family == AF_INET ? 0 : 1];

        if (of->n < most) {
            of->items[of->n++] = addresses[i];
        }
    }
}

/* Of what IMDS lists for a family, the first is the interface's primary address. */
static int
find_values(struct ocf_ctx *ctx, const struct record_params *p, struct record_values *ret,
            struct err *e)
{
    bool public = p->value.word == RECORD_PUBLIC;
    const char *leaves[] = {public ? "public-ipv4s" : "local-ipv4s", "ipv6s"};
    struct addr_list addresses = {.n = 0};
    struct node_nic nic = {0};
    struct node *node = NULL;
    int rc = 0;

    *ret = (struct record_values){.found = p->value.word != 0};
    if (!ret->found) {
        sort_values(p->value.items, p->value.n, PARAM_LIST_MAX, ret);
        return 0;
    }
    rc = ocf_node(ctx, &node, e);
    rc = rc < 0 ? rc : node_nic(node, p->interface, ctx->deadline, &nic, e);
    rc = rc < 0 ? rc
                : node_nic_addresses(node, &nic, leaves, ARRAY_LEN(leaves), ctx->deadline,
                                     &addresses, e);
    if (rc < 0) {
        return rc;
    }
    sort_values(addresses.items, addresses.n, 1, ret);
    if (addresses.n == 0) {
        const char *word = public ? "public" : "private";

        return err_set(e, ERR_PARAM_LOCAL,
                       "value=\"%s\": %s has no %s IPv4 address and no IPv6 address: give it one, "
                       "or say another interface or value",
                       word, nic.link.name, word);
    }
    return 0;
}

static int
find_zones(struct ocf_ctx *ctx, const struct record_params *p, const char *zone, bool again,
           char ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX], size_t *ret_n, struct err *e)
{
    struct hostedzone_query q = {.id = p->hosted_zone_id,
                                 .name = zone,
                                 .visibility = p->visibility,
                                 .interface = p->interface};

    if (again) {
        hostedzone_forget(ctx, &q);
    }
    return hostedzone_find(ctx, &q, ids, ret_n, e);
}

/* One zone: its sets, and what is to be done about them. */
static int
read_zone(struct ocf_ctx *ctx, const struct record_params *p, const struct record *r,
          const char *zone_id, struct route53_sets *ret_sets, struct recordplan *ret_plan,
          struct err *e)
{
    struct recordplan_input in = {.name = r->name,
                                  .zone_id = zone_id,
                                  .sets = ret_sets,
                                  .set_identifier = p->set_identifier,
                                  .values = &r->values,
                                  .ttl_s = p->ttl_ms / MS_PER_S};
    int rc = route53_list_sets(&ctx->session, zone_id, r->name, ret_sets, ctx->deadline, e);

    return rc < 0 ? rc : recordplan_make(&in, ret_plan, e);
}

static void
take_zone(struct record_zone *zone, const char *id, const struct route53_sets *sets)
{
    if (strcmp(zone->id, id) != 0) {
        zone->change = (struct route53_change_info){.id = ""};
    }
    (void)snprintf(zone->id, sizeof(zone->id), "%s", id);
    route53_sets_done(&zone->sets);
    zone->sets = *sets;
}

/* Read all zones into r; again: not those that the cache remembers. */
static int
read_zones(struct ocf_ctx *ctx, const struct record_params *p, const char *zone, bool again,
           struct record *r, struct err *e)
{
    char ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX];
    size_t n = 0;
    int rc = find_zones(ctx, p, zone, again, ids, &n, e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct route53_sets sets = {.n = 0};

        rc = read_zone(ctx, p, r, ids[i], &sets, &r->plans[i], e);
        if (rc == 0) {
            take_zone(&r->zones[i], ids[i], &sets);
        } else {
            route53_sets_done(&sets);
        }
    }
    r->n_zones = rc < 0 ? r->n_zones : n;
    return rc;
}

int
record_read(struct ocf_ctx *ctx, const struct record_params *p, struct record *r, struct err *e)
{
    char zone[DNSNAME_MAX];
    int rc = parse_names(p, r->name, zone, e);

    for (size_t i = 0; i < HOSTEDZONE_MAX; i++) {
        r->plans[i] = (struct recordplan){.n_changes = 0}; /* what failed is not acted upon */
    }
    rc = rc < 0 ? rc : find_values(ctx, p, &r->values, e);
    if (rc < 0) {
        return rc;
    }
    rc = read_zones(ctx, p, zone, false, r, e);
    if (rc == -ERR_NOT_FOUND && p->hosted_zone_id == NULL) {
        rc = read_zones(ctx, p, zone, true, r, e);
    }
    if (rc == -ERR_NOT_FOUND && p->hosted_zone_id != NULL) {
        (void)snprintf(e->text, sizeof(e->text),
                       "hosted_zone_id=\"%.60s\": this account has no such hosted zone",
                       p->hosted_zone_id);
    }
    return rc;
}

enum ocf_verdict
record_verdict(const struct record *r, struct err *why)
{
    enum ocf_verdict v = recordplan_verdict(r->plans, r->n_zones);

    for (size_t i = r->n_zones; v != OCF_HERE && i-- > 0;) {
        if (r->plans[i].text[0] != '\0') {
            (void)err_set(why, ERR_NOT_FOUND, "%s", r->plans[i].text);
        }
    }
    return v;
}

/* --- writing --------------------------------------------------------------------------------- */

/* When somebody else was faster, or the zone has gone since, the next read decides anew. */
static int
judge_write(struct record *r, struct err *e)
{
    bool late = e->code == -ERR_CONFLICT && ++r->n_refused <= REFUSED_MAX;

    if (late || e->code == -ERR_NOT_FOUND) {
        e->code = -ERR_UNCERTAIN;
    }
    return e->code;
}

int
record_write(struct ocf_ctx *ctx, struct record *r, struct err *e)
{
    int worst = 0;

    for (size_t i = 0; i < r->n_zones; i++) {
        struct record_zone *zone = &r->zones[i];
        struct err own = {0};
        int rc = 0;

        if (r->plans[i].n_changes == 0) {
            continue;
        }
        rc = route53_change_sets(&ctx->session, zone->id, r->name, r->plans[i].changes,
                                 r->plans[i].n_changes, &zone->change, ctx->deadline, &own);
        rc = rc < 0 ? judge_write(r, &own) : 0;
        log_info("%s: %s: %s", zone->id, r->plans[i].text, rc == 0 ? "written" : own.text);
        if (rc < 0 && (worst == 0 || worst == -ERR_UNCERTAIN)) {
            worst = rc;
            *e = own;
            (void)err_prefix(e, "%s", zone->id);
        }
    }
    r->ask_each_ms = 0;
    return worst;
}

int
record_delete(struct ocf_ctx *ctx, const struct record_params *p, struct record *r, struct err *e)
{
    int rc = record_read(ctx, p, r, e);

    for (size_t i = 0; rc == 0 && i < r->n_zones; i++) {
        struct route53_change changes[RECORD_FAMILIES];
        struct route53_change_info info;
        size_t n = 0;

        for (size_t f = 0; f < RECORD_FAMILIES; f++) {
            if (r->plans[i].ours[f] != NULL) {
                changes[n++] = (struct route53_change){.old = r->plans[i].ours[f]};
            }
        }
        rc = n == 0 ? 0
                    : route53_change_sets(&ctx->session, r->zones[i].id, r->name, changes, n, &info,
                                          ctx->deadline, e);
        if (rc == -ERR_CONFLICT) {
            log_info("%s: %s; it is another's by now", r->zones[i].id, e->text);
            rc = 0;
        }
    }
    return rc;
}

/* --- waiting --------------------------------------------------------------------------------- */

static bool
is_pending(const struct route53_change_info *change)
{
    return change->id[0] != '\0' && !change->in_sync;
}

static bool
is_spreading(const struct record *r)
{
    for (size_t i = 0; i < r->n_zones; i++) {
        if (is_pending(&r->zones[i].change)) {
            return true;
        }
    }
    return false;
}

/* Whether it is time to ask; the pause before the first look is the one that was asked for. */
static bool
is_due(const struct ocf_ctx *ctx, const struct record_params *p, struct record *r)
{
    uint64_t now_ms = deadline_now_ms(ctx->deadline);
    bool first = r->ask_each_ms == 0;

    if (!first && now_ms < r->ask_at_ms) {
        return false;
    }
    r->ask_each_ms = first ? p->insync_interval_ms : r->ask_each_ms * 2;
    if (r->ask_each_ms > ASK_MAX_MS && r->ask_each_ms > p->insync_interval_ms) {
        r->ask_each_ms = p->insync_interval_ms > ASK_MAX_MS ? p->insync_interval_ms : ASK_MAX_MS;
    }
    r->ask_at_ms = now_ms + r->ask_each_ms;
    return !first;
}

/* Ask for one change. What cannot be known is not waited for. */
static void
ask_change(struct ocf_ctx *ctx, struct record_zone *zone, struct err *why)
{
    struct err e = {0};
    int rc = route53_get_change(&ctx->session, zone->change.id, &zone->change, ctx->deadline, &e);

    if (rc < 0 && (err_class(rc) == ERR_CLASS_DENIED || err_class(rc) == ERR_CLASS_NOT_FOUND)) {
        ocf_warn(ctx, "written, but not known to be INSYNC", &e);
        zone->change.in_sync = true;
    } else if (rc < 0) {
        *why = e;
    }
}

enum ocf_verdict
record_look_at_changes(struct ocf_ctx *ctx, const struct record_params *p, struct record *r,
                       struct err *why)
{
    bool due = is_due(ctx, p, r);

    *why = (struct err){0};
    for (size_t i = 0; i < r->n_zones; i++) {
        struct record_zone *zone = &r->zones[i];

        if (due && is_pending(&zone->change)) {
            ask_change(ctx, zone, why);
        }
        if (is_pending(&zone->change) && why->code == 0) {
            (void)err_set(why, ERR_NOT_FOUND, "change %s of %s is PENDING", zone->change.id,
                          zone->id);
        }
    }
    return is_spreading(r) ? OCF_SETTLING : OCF_HERE;
}

/* --- deeper looks ---------------------------------------------------------------------------- */

static enum ocf_verdict
check_zone(struct ocf_ctx *ctx, const struct record *r, const char *zone_id,
           const struct node_nic *nic, struct err *why)
{
    struct route53_zone zone = {.in_vpc = false};
    int rc = route53_get_zone(&ctx->session, zone_id, nic->vpc_id, &zone, ctx->deadline, why);

    if (rc < 0) {
        return rc == -ERR_NOT_FOUND ? OCF_DEGRADED : OCF_UNKNOWN;
    }
    if (!dnsname_is_within(r->name, zone.name)) {
        (void)err_set(why, ERR_PARAM, "%.200s lies outside zone %s, %.200s", r->name, zone_id,
                      zone.name);
        return OCF_DEGRADED;
    }
    if (zone.is_private && !zone.in_vpc) {
        (void)err_set(why, ERR_PARAM_LOCAL,
                      "private zone %s is not associated with %s: associate it (aws route53 "
                      "associate-vpc-with-hosted-zone), unless a Route 53 Profile does",
                      zone_id, nic->vpc_id);
        return OCF_DEGRADED;
    }
    return OCF_HERE;
}

/* A record of a family that this node has no address of leads clients to another node. */
static enum ocf_verdict
check_leftover(const struct record *r, size_t i, struct err *why)
{
    const struct route53_set *set = r->plans[i].leftover;

    if (set == NULL || !r->values.found) {
        return OCF_HERE;
    }
    (void)err_set(why, ERR_PARAM_LOCAL,
                  "%s of %.200s in %s is not this node's, which has no such address: give it one, "
                  "or delete the record",
                  set->type, r->name, r->zones[i].id);
    return OCF_DEGRADED;
}

enum ocf_verdict
record_check_zones(struct ocf_ctx *ctx, const struct record_params *p, const struct record *r,
                   struct err *why)
{
    struct node_nic nic = {0};
    struct node *node = NULL;
    enum ocf_verdict v = OCF_HERE;
    int rc = ocf_node(ctx, &node, why);

    rc = rc < 0 ? rc : node_nic(node, p->interface, ctx->deadline, &nic, why);
    if (rc < 0) {
        return OCF_UNKNOWN;
    }
    for (size_t i = 0; v == OCF_HERE && i < r->n_zones; i++) {
        v = check_zone(ctx, r, r->zones[i].id, &nic, why);
        v = v == OCF_HERE ? check_leftover(r, i, why) : v;
    }
    return v;
}

/* Whether the answer has exactly these addresses. */
static bool
is_answer(const struct addr_list *answer, const struct param_addresses *values)
{
    for (size_t i = 0; i < values->n; i++) {
        if (!addr_list_has(answer, &values->items[i])) {
            return false;
        }
    }
    return answer->n == values->n;
}

enum ocf_verdict
record_check_answer(const struct ocf_ctx *ctx, const struct record_params *p,
                    const struct record *r, struct err *why)
{
    for (size_t f = 0; f < RECORD_FAMILIES; f++) {
        const struct param_addresses *values = &r->values.of[f];
        struct addr_list answer = {.n = 0};
        char server[ADDR_TEXT_MAX];
        char first[ADDR_TEXT_MAX];

        if (r->plans[0].ours[f] == NULL) {
            continue; /* nothing of this family is kept there */
        }
        if (dns_addresses(&p->resolver, r->name, families[f], ctx->deadline, &answer, why) < 0) {
            return OCF_DEGRADED;
        }
        if (p->set_identifier != NULL ? answer.n > 0 : is_answer(&answer, values)) {
            continue;
        }
        (void)err_set(why, ERR_NOT_FOUND, "resolver %s answers %s for %.200s%s",
                      addr_text(&p->resolver, server),
                      answer.n == 0 ? "nothing" : addr_text(&answer.items[0], first), r->name,
                      answer.n == 0 ? "" : ": an old answer lives until its TTL is over");
        return OCF_DEGRADED;
    }
    return OCF_HERE;
}

/* --- preflight ------------------------------------------------------------------------------- */

static void
preflight_values(struct ocf_ctx *ctx, const struct record_params *p)
{
    struct record_values values = {.found = false};
    struct err e = {0};
    int rc = find_values(ctx, p, &values, &e);

    if (rc < 0) {
        ocf_finding_of(ctx, "value", &e);
    }
    for (size_t f = 0; rc == 0 && f < RECORD_FAMILIES; f++) {
        char text[ADDR_TEXT_MAX];

        if (values.of[f].n > 0) {
            ocf_finding(ctx, 0, "value %s%s", addr_text(&values.of[f].items[0], text),
                        values.of[f].n > 1 ? " and others" : "");
        }
    }
}

/* The zone's id, when there is one and no other. */
static int
preflight_zones(struct ocf_ctx *ctx, const struct record_params *p)
{
    char ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX];
    char name[DNSNAME_MAX];
    char zone[DNSNAME_MAX];
    struct err e = {0};
    size_t n = 0;
    int rc = parse_names(p, name, zone, &e);

    rc = rc < 0 ? rc : find_zones(ctx, p, zone, true, ids, &n, &e);
    if (rc < 0) {
        ocf_finding_of(ctx, "hosted zone", &e);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        ocf_finding(ctx, 0, "hosted zone %s%s", ids[i],
                    p->hosted_zone_id == NULL ? ", the only one of its name and kind" : "");
    }
    return rc;
}

/* Route 53 has no dry run: a question about a change that does not exist tells of one action. */
static void
preflight_permissions(struct ocf_ctx *ctx, const struct record_params *p)
{
    struct route53_change_info info;
    struct err e = {0};

    if (p->wait_insync) {
        int rc = route53_get_change(&ctx->session, NO_CHANGE, &info, ctx->deadline, &e);

        e.code = rc == -ERR_NOT_FOUND ? 0 : rc;
        ocf_finding_of(ctx, "route53:GetChange", &e);
    }
    ocf_finding(ctx, 0,
                "route53:ChangeResourceRecordSets: the first start shows it, Route 53 has "
                "no dry run");
}

void
record_preflight(struct ocf_ctx *ctx, const struct record_params *p, struct record *r)
{
    struct err e = {0};
    int rc = 0;

    preflight_values(ctx, p);
    if (preflight_zones(ctx, p) < 0) {
        return;
    }
    rc = record_read(ctx, p, r, &e);
    if (rc == -ERR_PARAM_LOCAL) {
        return; /* told above: the value */
    }
    if (rc == -ERR_NOT_FOUND) {
        e.code = -ERR_PARAM;
    }
    ocf_finding_of(ctx, "route53:ListResourceRecordSets", &e);
    if (rc < 0) {
        return;
    }
    for (size_t i = 0; i < r->n_zones; i++) {
        ocf_finding(ctx, 0, "%s",
                    r->plans[i].text[0] != '\0' ? r->plans[i].text : "record is ours");
    }
    (void)record_check_zones(ctx, p, r, &e);
    ocf_finding_of(ctx, "zone has the name and reaches this VPC", &e);
    preflight_permissions(ctx, p);
}
