/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_RECORDPLAN_H
#define OCF_AWS_RECORDPLAN_H

#include "param.h"
#include "route53.h"
#include "verdict.h"

/*
 * From the record sets of a name, as they are in one hosted zone, to the changes that must be
 * made. Pure functions.
 */

#define RECORD_FAMILIES 2 /* IPv4 and A, IPv6 and AAAA */

/* What the name shall stand for. */
struct record_values {
    struct param_addresses of[RECORD_FAMILIES]; /* none of a family: its records are not touched */
    bool found; /* what the node was found to have, and not what the user asked for by name */
};

/* What is wanted, and what there is. Borrowed. */
struct recordplan_input {
    const char *name; /* for messages, like the zone */
    const char *zone_id;
    const struct route53_sets *sets;
    const char *set_identifier; /* NULL: the simple record */
    const struct record_values *values;
    uint64_t ttl_s; /* of a simple record; a member of a set keeps its own, for all
                       members must have the same */
};

/* What there is, counted in sets, and what to do. It borrows from its input. */
struct recordplan {
    unsigned n_right;
    unsigned n_drifted; /* our value with another TTL */
    unsigned n_others;  /* another value */
    unsigned n_missing;
    struct route53_change changes[RECORD_FAMILIES];
    size_t n_changes;
    const struct route53_set *ours[RECORD_FAMILIES]; /* with our value, whatever the TTL; NULL */
    const struct route53_set *leftover; /* a set of a family that there is no value for; NULL */
    char text[ERR_TEXT_MAX];            /* the first set that is not right; "" for none */
};

/*!
 * \brief Make a plan
 *
 * \param[out] ret  untouched on failure
 *
 * \return 0; -ERR_PARAM when the name's records are of a kind that cannot be moved by this:
 *         an alias, a CNAME, a simple record where a set identifier is given or the other way
 *         round, or no member of that identifier
 */
int recordplan_make(const struct recordplan_input *in, struct recordplan *ret,
                    struct err *e) OCF_MUST_CHECK;

/*!
 * \brief What the plans of all zones say together: HERE when all is right, ELSEWHERE when nothing
 *        is ours, ABSENT when there is nothing at all, DEGRADED for anything between
 */
enum ocf_verdict recordplan_verdict(const struct recordplan *plans, size_t n);

#endif
