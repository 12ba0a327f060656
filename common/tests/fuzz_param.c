/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "param.h"

/* A value for parameters of every type. It is an environment variable: bytes up to the first NUL.
 */

struct values {
    const char *string;
    const char *url;
    uint64_t duration_ms;
    struct addr address;
    struct addr ipv4;
    struct param_addresses addresses;
    struct param_addresses cidrs;
    struct param_ids ids;
    struct param_ids regions;
    struct param_roles roles;
    int choice;
    char id[AWS_ID_MAX];
    uint16_t port;
    bool boolean;
};

#define ROW(type_, member, ...)                                                                    \
    {                                                                                              \
        .name = #member, .type = (type_), .offset = offsetof(struct values, member), __VA_ARGS__   \
    }

static const struct param rows[] = {
    ROW(PARAM_STRING, string, .max = 128),
    ROW(PARAM_URL, url),
    ROW(PARAM_BOOLEAN, boolean),
    ROW(PARAM_DURATION, duration_ms, .min = 100, .max = 3600000),
    ROW(PARAM_PORT, port),
    ROW(PARAM_ADDRESS, address),
    ROW(PARAM_ADDRESS, ipv4, .allowed = "IPv4"),
    ROW(PARAM_ADDRESSES, addresses, .allowed = "private|public"),
    ROW(PARAM_CIDRS, cidrs),
    ROW(PARAM_ID, id, .allowed = "eipalloc"),
    ROW(PARAM_IDS, ids, .allowed = "rtb"),
    ROW(PARAM_REGIONS, regions),
    ROW(PARAM_ROLES, roles),
    ROW(PARAM_CHOICE, choice, .allowed = "degraded|ok|fail"),
    {.name = NULL},
};

static void
check_addresses(const struct param_addresses *list, struct buf *trace)
{
    FUZZ_CHECK(list->n <= PARAM_LIST_MAX && (list->word == 0 || list->n == 0));
    for (size_t i = 0; i < list->n; i++) {
        fuzz_say_addr(trace, &list->items[i]);
        for (size_t k = 0; k < i; k++) {
            FUZZ_CHECK(!addr_equal(&list->items[i], &list->items[k]));
        }
    }
}

static void
check_ids(const struct param_ids *list, const char *prefix, struct buf *trace)
{
    FUZZ_CHECK(list->n <= PARAM_IDS_MAX);
    for (size_t i = 0; i < list->n; i++) {
        FUZZ_CHECK(prefix == NULL ? awsid_is_region(list->items[i])
                                  : awsid_is(list->items[i], prefix));
        fuzz_say(trace, "%s\n", list->items[i]);
    }
}

static void
check_roles(const struct param_roles *roles, struct buf *trace)
{
    FUZZ_CHECK(roles->n <= PARAM_ROLES_MAX);
    for (size_t i = 0; i < roles->n; i++) {
        FUZZ_CHECK(roles->items[i].region[0] == '\0' || awsid_is_region(roles->items[i].region));
        FUZZ_CHECK(strncmp(roles->items[i].arn, "arn:aws", 7) == 0);
        fuzz_word(roles->items[i].arn);
        FUZZ_CHECK(param_role(roles, roles->items[i].region) == roles->items[i].arn);
        fuzz_say(trace, "%s=%s\n", roles->items[i].region, roles->items[i].arn);
    }
}

static void
check_words(const struct values *v, struct buf *trace)
{
    if (v->string != NULL) {
        FUZZ_CHECK(strlen(v->string) <= 128);
        for (const char *s = v->string; *s != '\0'; s++) {
            FUZZ_CHECK((unsigned char)*s >= ' ' && *s != 0x7f);
        }
    }
    if (v->url != NULL) {
        FUZZ_CHECK(strncmp(v->url, "http", 4) == 0 && strpbrk(v->url, " \t\r\n?#@") == NULL);
    }
    FUZZ_CHECK(v->duration_ms == 0 || (v->duration_ms >= 100 && v->duration_ms <= 3600000));
    FUZZ_CHECK(v->ipv4.family == 0 || v->ipv4.family == AF_INET);
    FUZZ_CHECK(v->choice >= 0 && v->choice < 3);
    fuzz_id(v->id, "eipalloc", true);
    fuzz_say(trace, "%s %s %llu %u %d %d\n", v->string == NULL ? "" : v->string,
             v->url == NULL ? "" : v->url, (unsigned long long)v->duration_ms, v->port, v->boolean,
             v->choice);
}

static const char *value;

static const char *
environment(const char *name)
{
    return strncmp(name, PARAM_PREFIX, strlen(PARAM_PREFIX)) == 0 ? value : NULL;
}

/* All at once: the first that is wrong is told, and the others are set as they are one by one. */
static void
load(const struct values *one_by_one, struct buf *trace)
{
    static const struct param_table tables[] = {{.rows = rows}, {.rows = NULL}};
    OCF_FREE struct values *all = calloc(1, sizeof(*all));
    struct err e = {0};
    int rc = 0;

    FUZZ_CHECK(all != NULL);
    rc = param_load(tables, environment, all, &e);
    if (rc < 0) {
        fuzz_error(trace, rc, &e);
    }
    FUZZ_CHECK(*value == '\0' || all->port == one_by_one->port);
    FUZZ_CHECK(*value == '\0' || all->duration_ms == one_by_one->duration_ms);
    FUZZ_CHECK(all->ids.n == one_by_one->ids.n && all->cidrs.n == one_by_one->cidrs.n);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static const struct param_table tables[] = {{.rows = rows}, {.rows = NULL}};
    OCF_FREE struct values *v = calloc(1, sizeof(*v));
    const char *nearest = NULL;

    (void)len;
    FUZZ_CHECK(v != NULL);
    for (size_t i = 0; rows[i].name != NULL; i++) {
        struct err e = {0};
        int rc = param_set(&rows[i], text, v, &e);

        if (rc < 0) {
            FUZZ_CHECK(rc == -ERR_PARAM);
            FUZZ_CHECK(strncmp(e.text, rows[i].name, strlen(rows[i].name)) == 0);
            fuzz_error(trace, rc, &e);
        }
    }
    check_addresses(&v->addresses, trace);
    check_addresses(&v->cidrs, trace);
    check_ids(&v->ids, "rtb", trace);
    check_ids(&v->regions, NULL, trace);
    check_roles(&v->roles, trace);
    check_words(v, trace);
    value = text;
    load(v, trace);
    nearest = param_nearest(tables, text);
    FUZZ_CHECK(nearest == NULL || param_known(tables, nearest));
}
