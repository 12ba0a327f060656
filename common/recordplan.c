/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recordplan.h"

#include <stdio.h>
#include <string.h>

static const char *const types[RECORD_FAMILIES] = {"A", "AAAA"};

/* Whether the set has these values and no others, in any order. */
static bool
has_values(const struct route53_set *set, const struct param_addresses *values)
{
    if (set->n_values != values->n) {
        return false;
    }
    for (size_t i = 0; i < values->n; i++) {
        size_t k = 0;

        while (k < set->n_values && !addr_equal(&set->values[k], &values->items[i])) {
            k++;
        }
        if (k == set->n_values) {
            return false;
        }
    }
    return true;
}

/* The first value of a set, for people. */
static const char *
value_text(const struct route53_set *set, char out[ADDR_TEXT_MAX])
{
    if (set->n_values == 0 || set->values[0].family == 0) {
        return "another value";
    }
    return addr_text(&set->values[0], out);
}

static void OCF_PRINTF(4, 5) note(const struct recordplan_input *in, const char *type,
                                  struct recordplan *p, const char *format, ...)
{
    char what[ERR_TEXT_MAX / 2];
    va_list args;

    if (p->text[0] != '\0') {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)snprintf(p->text, sizeof(p->text), "%s of %.200s in %s %s", type, in->name, in->zone_id,
                   what);
}

/* Whether there is a record that no A or AAAA may stand beside, or that is not moved by values. */
static int
check_kind(const struct recordplan_input *in, const struct route53_set *set, struct err *e)
{
    const char *asked = in->set_identifier;

    if (strcmp(set->type, "CNAME") == 0) {
        return err_set(e, ERR_PARAM, "%s is a CNAME in %s: delete it, or give another name",
                       in->name, in->zone_id);
    }
    if (asked == NULL && set->set_identifier != NULL) {
        return err_set(e, ERR_PARAM,
                       "%s of %s in %s is a set of several: say which by set_identifier, as in "
                       "\"%.60s\"",
                       set->type, in->name, in->zone_id, set->set_identifier);
    }
    if (asked != NULL && set->set_identifier == NULL) {
        return err_set(e, ERR_PARAM,
                       "set_identifier=\"%.60s\": %s of %s in %s is a simple record, without one",
                       asked, set->type, in->name, in->zone_id);
    }
    if (!set->has_values && (asked == NULL || strcmp(asked, set->set_identifier) == 0)) {
        return err_set(e, ERR_PARAM,
                       "%s of %s in %s is an alias or of a traffic policy: it has no value to set",
                       set->type, in->name, in->zone_id);
    }
    return 0;
}

/* The set of this type that is ours to keep; NULL when there is none. */
static int
find_set(const struct recordplan_input *in, const char *type, const struct route53_set **ret,
         struct err *e)
{
    *ret = NULL;
    for (size_t i = 0; i < in->sets->n; i++) {
        const struct route53_set *set = &in->sets->items[i];
        bool same_type = strcmp(set->type, type) == 0;
        int rc = same_type || strcmp(set->type, "CNAME") == 0 ? check_kind(in, set, e) : 0;

        if (rc < 0) {
            return rc;
        }
        if (same_type &&
            (in->set_identifier == NULL || strcmp(set->set_identifier, in->set_identifier) == 0)) {
            *ret = set;
        }
    }
    return 0;
}

static void
plan_change(const struct recordplan_input *in, size_t family, const struct route53_set *old,
            struct recordplan *p)
{
    bool keeps_ttl = old != NULL && in->set_identifier != NULL;

    p->changes[p->n_changes++] =
        (struct route53_change){.old = old,
                                .type = types[family],
                                .values = in->values->of[family].items,
                                .n_values = in->values->of[family].n,
                                .ttl_s = keeps_ttl ? old->ttl_s : in->ttl_s};
}

/* Compare a set with what is wanted. */
static void
plan_set(const struct recordplan_input *in, size_t family, const struct route53_set *set,
         struct recordplan *p)
{
    char text[ADDR_TEXT_MAX];

    if (!has_values(set, &in->values->of[family])) {
        p->n_others++;
        note(in, types[family], p, "is %s", value_text(set, text));
    } else if (in->set_identifier == NULL && set->ttl_s != in->ttl_s) {
        p->n_drifted++;
        p->ours[family] = set;
        note(in, types[family], p, "has TTL %llus and not %llus", (unsigned long long)set->ttl_s,
             (unsigned long long)in->ttl_s);
    } else {
        p->n_right++;
        p->ours[family] = set;
        return;
    }
    plan_change(in, family, set, p);
}

/* A member of a set cannot be made anew: its weight, region or place is not known here. */
static int
tell_no_member(const struct recordplan_input *in, const char *type, struct err *e)
{
    return err_set(e, ERR_PARAM,
                   "set_identifier=\"%.60s\": %s of %s in %s has no such member: create it first, "
                   "with the weight, region or failover that it shall have",
                   in->set_identifier, type, in->name, in->zone_id);
}

int
recordplan_make(const struct recordplan_input *in, struct recordplan *ret, struct err *e)
{
    struct recordplan p = {.n_right = 0};
    const char *no_member = NULL;
    unsigned n_found = 0;

    for (size_t f = 0; f < RECORD_FAMILIES; f++) {
        const struct route53_set *set = NULL;
        int rc = find_set(in, types[f], &set, in->values->of[f].n > 0 ? e : NULL);

        if (in->values->of[f].n == 0) {
            p.leftover = rc == 0 && set != NULL ? set : p.leftover;
            continue;
        }
        if (rc < 0) {
            return rc;
        }
        if (set != NULL) {
            n_found++;
            plan_set(in, f, set, &p);
        } else if (in->set_identifier == NULL) {
            p.n_missing++;
            note(in, types[f], &p, "does not exist");
            plan_change(in, f, NULL, &p);
        } else {
            no_member = no_member == NULL ? types[f] : no_member;
        }
    }
    if (no_member != NULL && (n_found == 0 || !in->values->found)) {
        return tell_no_member(in, no_member, e);
    }
    *ret = p;
    return 0;
}

enum ocf_verdict
recordplan_verdict(const struct recordplan *plans, size_t n)
{
    unsigned ours = 0;
    unsigned right = 0;
    unsigned others = 0;
    unsigned all = 0;

    for (size_t i = 0; i < n; i++) {
        const struct recordplan *p = &plans[i];

        right += p->n_right;
        ours += p->n_right + p->n_drifted;
        others += p->n_others;
        all += p->n_right + p->n_drifted + p->n_others + p->n_missing;
    }
    if (right == all) {
        return OCF_HERE;
    }
    if (ours > 0) {
        return OCF_DEGRADED;
    }
    return others > 0 ? OCF_ELSEWHERE : OCF_ABSENT;
}
