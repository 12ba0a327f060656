/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "param.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS " \t\n,"
#define NAME_SIZE  64

#define VALUE_SHOWN_MAX 60

/* What is allowed, in words: part of every complaint about a value. */
static int
complain(const struct param *p, const char *value, const char *allowed, struct err *e)
{
    const char *after = p->type == PARAM_URL ? base_after_user(value) : NULL;

    if (after != NULL) {
        return err_set(e, ERR_PARAM, "%s=\"...@%.*s\": allowed is %s", p->name,
                       base_utf8_fit(after, VALUE_SHOWN_MAX), after, allowed);
    }
    return err_set(e, ERR_PARAM, "%s=\"%.*s\": allowed is %s", p->name,
                   base_utf8_fit(value, VALUE_SHOWN_MAX), value, allowed);
}

static int
set_string(const struct param *p, const char *value, void *ret, struct err *e)
{
    char allowed[64];

    if (*value == '\0' && (p->flags & PARAM_REQUIRED) != 0) {
        return complain(p, value, "a text that is not empty", e);
    }
    if (p->max > 0 && strlen(value) > p->max) {
        (void)snprintf(allowed, sizeof(allowed), "a text of at most %llu characters",
                       (unsigned long long)p->max);
        return complain(p, value, allowed, e);
    }
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            return complain(p, value, "a text without control characters", e);
        }
    }
    *(const char **)ret = value;
    return 0;
}

static int
set_url(const struct param *p, const char *value, void *ret, struct err *e)
{
    size_t scheme = strncmp(value, "https://", 8) == 0  ? 8
                    : strncmp(value, "http://", 7) == 0 ? 7
                                                        : 0;

    if (scheme == 0 || value[scheme] == '\0' || strpbrk(value, " \t\r\n?#@") != NULL) {
        return complain(p, value, "http://HOST[:PORT][/PATH] or https://...", e);
    }
    *(const char **)ret = value;
    return 0;
}

static int
set_boolean(const struct param *p, const char *value, void *ret, struct err *e)
{
    static const char *const yes[] = {"true", "yes", "on", "y", "1"};
    static const char *const no[] = {"false", "no", "off", "n", "0"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcasecmp(value, yes[i]) == 0) {
            *(bool *)ret = true;
            return 0;
        }
        if (strcasecmp(value, no[i]) == 0) {
            *(bool *)ret = false;
            return 0;
        }
    }
    return complain(p, value, "true or false", e);
}

/* Decimal digits only; false when there are none or it does not fit. */
static bool
parse_digits(const char *text, char **ret_end, uint64_t *ret)
{
    unsigned long long value = 0;

    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    value = strtoull(text, ret_end, 10);
    *ret = value;
    return errno == 0;
}

bool
param_parse_number(const char *text, uint64_t *ret)
{
    char *end = NULL;
    uint64_t value = 0;

    if (!parse_digits(text, &end, &value) || *end != '\0') {
        return false;
    }
    *ret = value;
    return true;
}

bool
param_parse_duration(const char *text, uint64_t *ret_ms)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"", 1000},   {"s", 1000},    {"sec", 1000},  {"ms", 1},      {"msec", 1},
                 {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"hr", 3600000}};
    char *end = NULL;
    uint64_t value = 0;

    if (!parse_digits(text, &end, &value)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].name) == 0 && value <= UINT64_MAX / units[i].ms / 1000) {
            *ret_ms = value * units[i].ms;
            return true;
        }
    }
    return false;
}

static int
set_duration(const struct param *p, const char *value, void *ret, struct err *e)
{
    char allowed[128];
    char range[64];
    uint64_t ms = 0;

    if (!param_parse_duration(value, &ms) || ms < p->min || (p->max > 0 && ms > p->max)) {
        (void)snprintf(range, sizeof(range), p->max > 0 ? "%llums to %llus" : "at least %llums",
                       (unsigned long long)p->min, (unsigned long long)(p->max / MS_PER_S));
        (void)snprintf(allowed, sizeof(allowed), "a duration like 5s, 500ms or 2min, %s", range);
        return complain(p, value, allowed, e);
    }
    *(uint64_t *)ret = ms;
    return 0;
}

static int
set_port(const struct param *p, const char *value, void *ret, struct err *e)
{
    uint64_t port = 0;

    if (!param_parse_number(value, &port) || port < 1 || port > 65535) {
        return complain(p, value, "a port, 1 to 65535", e);
    }
    *(uint16_t *)ret = (uint16_t)port;
    return 0;
}

/* Cut the next word of a list off into out; false at the end or when it does not fit. */
static bool
next_word(const char **rest, char *out, size_t size, bool *ret_too_long)
{
    size_t len = 0;

    *rest += strspn(*rest, SEPARATORS);
    len = strcspn(*rest, SEPARATORS);
    *ret_too_long = len >= size;
    if (len == 0 || *ret_too_long) {
        return false;
    }
    memcpy(out, *rest, len);
    out[len] = '\0';
    *rest += len;
    return true;
}

static int
set_address(const struct param *p, const char *value, void *ret, struct err *e)
{
    char allowed[64];
    struct addr a;

    if (!addr_parse(value, &a) || (p->allowed != NULL && a.family != AF_INET)) {
        (void)snprintf(allowed, sizeof(allowed), "one %s address like 10.1.0.10",
                       p->allowed == NULL ? "IPv4 or IPv6" : p->allowed);
        return complain(p, value, allowed, e);
    }
    *(struct addr *)ret = a;
    return 0;
}

/* Place of the value among the words "a|b|c", from 1; 0 when it is none of them. */
static int
place_of(const char *words, const char *value)
{
    for (int i = 1; words != NULL && *words != '\0'; i++) {
        size_t len = strcspn(words, "|");

        if (strlen(value) == len && strncmp(words, value, len) == 0) {
            return i;
        }
        words += len + (words[len] == '|' ? 1 : 0);
    }
    return 0;
}

/* "a|b|c" for people: "a or b or c". */
static void
words_text(const char *words, char *out, size_t size)
{
    size_t used = 0;

    for (; *words != '\0' && used < size - 5; words++) {
        used += (size_t)snprintf(out + used, size - used, *words == '|' ? " or " : "%c", *words);
    }
}

static int
complain_about_addresses(const struct param *p, const char *value, struct err *e)
{
    char words[64] = "";
    char allowed[128];

    if (p->type == PARAM_CIDRS) {
        return complain(p, value, "networks like 192.168.0.0/24 or 2001:db8::/64, host bits zero",
                        e);
    }
    if (p->allowed == NULL) {
        return complain(p, value, "IPv4 or IPv6 addresses like 10.1.0.10, without a prefix length",
                        e);
    }
    words_text(p->allowed, words, sizeof(words));
    (void)snprintf(allowed, sizeof(allowed), "%s or IPv4 or IPv6 addresses like 10.1.0.10", words);
    return complain(p, value, allowed, e);
}

static int
set_addresses(const struct param *p, const char *value, void *ret, struct err *e)
{
    struct param_addresses *list = ret;
    struct param_addresses found = {.word = place_of(p->allowed, value)};
    const char *rest = found.word > 0 ? "" : value;
    char word[ADDR_TEXT_MAX];
    bool too_long = false;

    while (next_word(&rest, word, sizeof(word), &too_long)) {
        struct addr a;

        if (!(p->type == PARAM_CIDRS ? addr_parse_cidr(word, &a) : addr_parse(word, &a))) {
            return complain_about_addresses(p, value, e);
        }
        for (size_t i = 0; i < found.n; i++) {
            if (addr_equal(&found.items[i], &a)) {
                return complain(p, value, "each address once", e);
            }
        }
        if (found.n == PARAM_LIST_MAX) {
            return complain(p, value, "a list of at most 32", e);
        }
        found.items[found.n++] = a;
    }
    if (too_long || (found.n == 0 && found.word == 0 &&
                     ((p->flags & PARAM_REQUIRED) != 0 || p->allowed != NULL))) {
        return complain_about_addresses(p, value, e);
    }
    *list = found;
    return 0;
}

static int
set_id(const struct param *p, const char *value, void *ret, struct err *e)
{
    char allowed[96];

    if (!awsid_is(value, p->allowed)) {
        (void)snprintf(allowed, sizeof(allowed), "one id like %s-0123456789abcdef0", p->allowed);
        return complain(p, value, allowed, e);
    }
    memcpy(ret, value, strlen(value) + 1);
    return 0;
}

static bool
is_item(const struct param *p, const char *word)
{
    return p->type == PARAM_REGIONS ? awsid_is_region(word) : awsid_is(word, p->allowed);
}

static int
complain_about_items(const struct param *p, const char *value, struct err *e)
{
    char allowed[96];

    if (p->type == PARAM_REGIONS) {
        return err_set(e, ERR_PARAM,
                       "%s=\"%.*s\": not a region name; allowed are names such as ap-northeast-1",
                       p->name, base_utf8_fit(value, VALUE_SHOWN_MAX), value);
    }
    (void)snprintf(allowed, sizeof(allowed), "ids like %s-0123456789abcdef0, at most %d",
                   p->allowed, PARAM_IDS_MAX);
    return complain(p, value, allowed, e);
}

static int
set_ids(const struct param *p, const char *value, void *ret, struct err *e)
{
    struct param_ids found = {.n = 0};
    const char *rest = value;
    char word[AWS_ID_MAX];
    bool too_long = false;

    while (next_word(&rest, word, sizeof(word), &too_long)) {
        if (found.n == PARAM_IDS_MAX || !is_item(p, word)) {
            return complain_about_items(p, value, e);
        }
        for (size_t i = 0; i < found.n; i++) {
            if (strcmp(found.items[i], word) == 0) {
                return complain(p, value,
                                p->type == PARAM_REGIONS ? "each region once" : "each id once", e);
            }
        }
        memcpy(found.items[found.n++], word, sizeof(word));
    }
    if (too_long || (found.n == 0 && (p->flags & PARAM_REQUIRED) != 0)) {
        return complain_about_items(p, value, e);
    }
    *(struct param_ids *)ret = found;
    return 0;
}

/* "arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME" */
static bool
is_role_arn(const char *text)
{
    if (strncmp(text, "arn:aws", 7) != 0) {
        return false;
    }
    text += 4 + strspn(text + 4, "abcdefghijklmnopqrstuvwxyz-");
    if (strncmp(text, ":iam::", 6) != 0 || strspn(text + 6, "0123456789") != 12 ||
        strncmp(text + 18, ":role/", 6) != 0) {
        return false;
    }
    for (text += 24; *text > ' ' && *text <= '~'; text++) {
        if (text[0] != '/' && text[1] == '\0') {
            return true;
        }
    }
    return false;
}

const char *
param_role(const struct param_roles *roles, const char *region)
{
    const char *other = NULL;

    for (size_t i = 0; i < roles->n; i++) {
        if (strcmp(roles->items[i].region, region) == 0) {
            return roles->items[i].arn;
        }
        if (roles->items[i].region[0] == '\0') {
            other = roles->items[i].arn;
        }
    }
    return other;
}

/* Add a word of the list, "ARN" or "REGION=ARN". NULL, or what would be allowed. */
static const char *
add_role(struct param_roles *roles, const char *word)
{
    size_t region_len = is_role_arn(word) ? 0 : strcspn(word, "=");
    const char *arn = word + region_len + (word[region_len] == '=' ? 1 : 0);
    char region[AWS_REGION_MAX] = "";

    if (region_len < sizeof(region)) {
        memcpy(region, word, region_len);
    }
    if ((arn != word && !awsid_is_region(region)) || !is_role_arn(arn) ||
        strlen(arn) >= PARAM_ARN_MAX) {
        return "ARN or REGION=ARN of a role, like arn:aws:iam::123456789012:role/NAME";
    }
    for (size_t i = 0; i < roles->n; i++) {
        if (strcmp(roles->items[i].region, region) == 0) {
            return region_len == 0 ? "one ARN without a region" : "each region once";
        }
    }
    if (roles->n == PARAM_ROLES_MAX) {
        return "a list of at most 40";
    }
    memcpy(roles->items[roles->n].region, region, sizeof(region));
    (void)snprintf(roles->items[roles->n++].arn, PARAM_ARN_MAX, "%s", arn);
    return NULL;
}

static int
set_roles(const struct param *p, const char *value, void *ret, struct err *e)
{
    struct param_roles found = {.n = 0};
    const char *rest = value;
    char word[AWS_REGION_MAX + PARAM_ARN_MAX];
    bool too_long = false;

    while (next_word(&rest, word, sizeof(word), &too_long)) {
        const char *allowed = add_role(&found, word);

        if (allowed != NULL) {
            return complain(p, word, allowed, e);
        }
    }
    if (too_long) {
        return complain(p, value, "ARNs of at most 639 characters", e);
    }
    *(struct param_roles *)ret = found;
    return 0;
}

static int
set_choice(const struct param *p, const char *value, void *ret, struct err *e)
{
    int place = place_of(p->allowed, value);
    char allowed[96] = "";

    if (place == 0) {
        words_text(p->allowed, allowed, sizeof(allowed));
        return complain(p, value, allowed, e);
    }
    *(int *)ret = place - 1;
    return 0;
}

int
param_set(const struct param *p, const char *value, void *base, struct err *e)
{
    void *member = (char *)base + p->offset;

    switch (p->type) {
    case PARAM_STRING:
        return set_string(p, value, member, e);
    case PARAM_URL:
        return set_url(p, value, member, e);
    case PARAM_BOOLEAN:
        return set_boolean(p, value, member, e);
    case PARAM_DURATION:
        return set_duration(p, value, member, e);
    case PARAM_PORT:
        return set_port(p, value, member, e);
    case PARAM_ADDRESS:
        return set_address(p, value, member, e);
    case PARAM_ADDRESSES:
    case PARAM_CIDRS:
        return set_addresses(p, value, member, e);
    case PARAM_ID:
        return set_id(p, value, member, e);
    case PARAM_IDS:
    case PARAM_REGIONS:
        return set_ids(p, value, member, e);
    case PARAM_ROLES:
        return set_roles(p, value, member, e);
    case PARAM_CHOICE:
        return set_choice(p, value, member, e);
    }
    return err_set(e, ERR_BUG, "%s: unknown parameter type", p->name);
}

static int
load_one(const struct param *p, const char *(*getenv_fn)(const char *), void *base, struct err *e)
{
    bool required = (p->flags & PARAM_REQUIRED) != 0;
    char name[sizeof(PARAM_PREFIX) + NAME_SIZE];
    const char *value = NULL;
    int rc = 0;

    (void)snprintf(name, sizeof(name), PARAM_PREFIX "%s", p->name);
    value = getenv_fn(name);
    if (value == NULL && required) {
        return err_set(e, ERR_PARAM, "%s is not set, and is required: %s", p->name,
                       p->shortdesc.en);
    }
    if (value == NULL || (*value == '\0' && !required)) {
        value = p->initial;
    }
    rc = value == NULL ? 0 : param_set(p, value, base, e);
    if (rc < 0 && p->initial != NULL) {
        (void)!param_set(p, p->initial, base, NULL); /* a stop goes on with the default */
    }
    return rc;
}

int
param_load(const struct param_table *tables, const char *(*getenv_fn)(const char *), void *ret,
           struct err *e)
{
    int first = 0;

    for (; tables->rows != NULL; tables++) {
        for (const struct param *p = tables->rows; p->name != NULL; p++) {
            int rc = load_one(p, getenv_fn, (char *)ret + tables->base, first == 0 ? e : NULL);

            first = first == 0 ? rc : first;
        }
    }
    return first;
}

bool
param_known(const struct param_table *tables, const char *name)
{
    for (; tables->rows != NULL; tables++) {
        for (const struct param *p = tables->rows; p->name != NULL; p++) {
            if (strcmp(p->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Levenshtein distance of two short names, case folded; at least `give_up` when one is long. */
static unsigned
distance(const char *a, const char *b, unsigned give_up)
{
    unsigned row[NAME_SIZE + 1];
    size_t n = strlen(b);

    if (n > NAME_SIZE || strlen(a) > NAME_SIZE) {
        return give_up;
    }
    for (size_t j = 0; j <= n; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned best = diagonal + (strncasecmp(&a[i - 1], &b[j - 1], 1) == 0 ? 0 : 1);

            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    return row[n];
}

const char *
param_nearest(const struct param_table *tables, const char *unknown)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)strlen(unknown) / 2 + 1;

    for (; tables->rows != NULL; tables++) {
        for (const struct param *p = tables->rows; p->name != NULL; p++) {
            unsigned d = distance(unknown, p->name, best_distance);

            if (d < best_distance) {
                best_distance = d;
                best = p->name;
            }
        }
    }
    return best;
}

const char *
param_content_type(enum param_type type)
{
    switch (type) {
    case PARAM_BOOLEAN:
        return "boolean";
    case PARAM_PORT:
        return "integer";
    case PARAM_STRING:
    case PARAM_URL:
    case PARAM_DURATION:
    case PARAM_ADDRESS:
    case PARAM_ADDRESSES:
    case PARAM_CIDRS:
    case PARAM_ID:
    case PARAM_IDS:
    case PARAM_REGIONS:
    case PARAM_ROLES:
    case PARAM_CHOICE:
        return "string";
    }
    return "string";
}
