/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_ROUTE53_H
#define OCF_AWS_ROUTE53_H

#include "addr.h"
#include "awscall.h"
#include "dnsname.h"

/*
 * The Route 53 API, version 2013-04-01: one function a call, typed results. All agents of a node
 * together make three calls a second, for the quota is five a second of the whole account. `e` is
 * not NULL anywhere here, and is only written on failure. Names are canonical (dnsname.h).
 */

#define ROUTE53_ID_MAX 33 /* of a zone or a change, without "/hostedzone/" or "/change/" */

/*!
 * \brief Take an id, with or without "/hostedzone/" or "/change/" before it
 *
 * \return false when it is none
 */
bool route53_id(const char *text, char ret[ROUTE53_ID_MAX]) OCF_MUST_CHECK;

struct route53_zone {
    char id[ROUTE53_ID_MAX];
    char name[DNSNAME_MAX];
    bool is_private;
    bool in_vpc; /* route53_get_zone() only: associated with the VPC that was asked about */
};

struct route53_zones {
    struct route53_zone *items;
    size_t n;
};

void route53_zones_done(struct route53_zones *z);

/*!
 * \brief ListHostedZonesByName, all pages that can have it: the zones of exactly this name
 *
 * AWS lists the zones from the name on, in the order of their reversed labels.
 *
 * \param[out] ret  untouched on failure; free with route53_zones_done()
 *
 * Source: Route 53 API Reference, ListHostedZonesByName.
 */
int route53_find_zones(struct aws_session *s, const char *name, struct route53_zones *ret,
                       struct deadline d, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief GetHostedZone
 *
 * \param[in] vpc_id  sets ret->in_vpc
 *
 * \return 0; -ERR_NOT_FOUND (NoSuchHostedZone); else as aws_call_all()
 */
int route53_get_zone(struct aws_session *s, const char *id, const char *vpc_id,
                     struct route53_zone *ret, struct deadline d, struct err *e) OCF_MUST_CHECK;

/*
 * A set of records of one name and type. What of it is not understood here is kept as it was read:
 * weight, region, health check and whatever is yet to be invented.
 */
struct route53_set {
    char type[16];        /* "A", "AAAA", "CNAME" ... */
    char *set_identifier; /* NULL: a simple record */
    bool has_values;      /* else it is an alias, or of a traffic policy */
    uint64_t ttl_s;
    struct addr *values; /* one that is no address has no family */
    size_t n_values;
    char *before; /* XML, in the order that AWS wants: what comes before TTL and values, ... */
    char *data;   /* ... these ... */
    char *after;  /* ... and what comes after them */
};

struct route53_sets {
    struct route53_set *items;
    size_t n;
};

void route53_sets_done(struct route53_sets *sets);

/*!
 * \brief ListResourceRecordSets: the sets of exactly this name, of every type
 *
 * One call when there are at most 300. It shows what was accepted, PENDING or not.
 *
 * \param[out] ret  untouched on failure; free with route53_sets_done()
 *
 * \return 0; -ERR_NOT_FOUND (NoSuchHostedZone); else as aws_call_all()
 *
 * Source: Route 53 API Reference, ListResourceRecordSets, "Sort order" and "Changes that are
 * pending".
 */
int route53_list_sets(struct aws_session *s, const char *zone_id, const char *name,
                      struct route53_sets *ret, struct deadline d, struct err *e) OCF_MUST_CHECK;

/* What shall become of one set. Borrowed. */
struct route53_change {
    const struct route53_set *old; /* as it was read: it is deleted; NULL: there is none */
    const char *type;              /* of the new one, "A" or "AAAA" */
    const struct addr *values;     /* of the new one, which has all else of the old ... */
    size_t n_values;               /* ... 0: there is no new one */
    uint64_t ttl_s;
};

struct route53_change_info {
    char id[ROUTE53_ID_MAX];
    bool in_sync; /* INSYNC: every name server of Route 53 has it */
};

/*!
 * \brief ChangeResourceRecordSets: all changes, or none
 *
 * Each is a DELETE of the set as it was read and a CREATE, never an UPSERT: when somebody else was
 * faster the DELETE does not fit, or the CREATE finds a set, and the whole is refused.
 *
 * \return 0; -ERR_CONFLICT when it was refused (InvalidChangeBatch); -ERR_NOT_FOUND; else as
 *         aws_call_all()
 *
 * Source: Route 53 API Reference, ChangeResourceRecordSets, "Change Batches and Transactional
 * Changes".
 */
int route53_change_sets(struct aws_session *s, const char *zone_id, const char *name,
                        const struct route53_change *changes, size_t n,
                        struct route53_change_info *ret, struct deadline d,
                        struct err *e) OCF_MUST_CHECK;

/*! \brief GetChange: whether a change is INSYNC by now. 0; -ERR_NOT_FOUND; as aws_call_all(). */
int route53_get_change(struct aws_session *s, const char *id, struct route53_change_info *ret,
                       struct deadline d, struct err *e) OCF_MUST_CHECK;

#endif
