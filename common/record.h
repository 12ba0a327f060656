/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_RECORD_H
#define OCF_AWS_RECORD_H

#include "hostedzone.h"
#include "recordplan.h"

/*
 * A name in Route 53 that stands for this node: finding the zones and the values, comparing,
 * writing, and waiting until the name servers have it.
 */

/* Values that are found out on the node: places of the words of `value`. */
enum record_word { RECORD_PRIVATE = 1, RECORD_PUBLIC };

/* A member of the agent's struct. */
struct record_params {
    const char *name;
    const char *hosted_zone_id;
    const char *zone;
    int visibility;               /* enum hostedzone_visibility */
    struct param_addresses value; /* or a word: enum record_word */
    uint64_t ttl_ms;
    const char *set_identifier;
    const char *interface; /* described by awsparam_interface_rows */
    bool wait_insync;
    uint64_t insync_interval_ms;
    struct addr resolver;
    bool delete_on_stop;
};

/*! \brief Their rows; base: the offset of that member. */
extern const struct param record_rows[];

/*! \brief Whether they are right in themselves, and fit each other and this host; no network. */
int record_check(const struct record_params *p, struct err *e) OCF_MUST_CHECK;

struct record_zone {
    char id[ROUTE53_ID_MAX];
    struct route53_sets sets;          /* of the name, as they were read */
    struct route53_change_info change; /* what this process wrote; no id: nothing */
};

/* What the last read found, and what has been written. */
struct record {
    char name[DNSNAME_MAX];
    struct record_values values;
    struct record_zone zones[HOSTEDZONE_MAX];
    struct recordplan plans[HOSTEDZONE_MAX];
    size_t n_zones;
    unsigned n_refused;   /* batches that came too late */
    uint64_t ask_at_ms;   /* when to ask for the changes next ... */
    uint64_t ask_each_ms; /* ... and the pause after that, which grows */
};

void record_done(struct record *r);

/*!
 * \brief Read and compare: one call a zone, and at most one round trip to IMDS, when warm
 *
 * \return 0; -ERR_PARAM for what start cannot mend either (see recordplan_make() and
 *         hostedzone_find()); -ERR_NOT_FOUND when the zone does not exist; -ERR_PARAM_LOCAL when
 *         this node has no such address; else as aws_call_all()
 */
int record_read(struct ocf_ctx *ctx, const struct record_params *p, struct record *r,
                struct err *e) OCF_MUST_CHECK;

/*! \brief What record_read() found, and \p why when that is not HERE. */
enum ocf_verdict record_verdict(const struct record *r, struct err *why);

/*!
 * \brief Write what is not right, one batch a zone; one that fails does not stop the other
 *
 * \return 0 when all was accepted; -ERR_UNCERTAIN when it must be read again: an answer was lost,
 *         or somebody else was faster, which is an error of its own when it happens again and
 *         again
 */
int record_write(struct ocf_ctx *ctx, struct record *r, struct err *e) OCF_MUST_CHECK;

/*! \brief Delete the sets that have our values, and no others. */
int record_delete(struct ocf_ctx *ctx, const struct record_params *p, struct record *r,
                  struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Ask for the changes when it is time to: HERE when all are INSYNC, else SETTLING
 *
 * \param[out] why  which one is PENDING, or why that is not known
 */
enum ocf_verdict record_look_at_changes(struct ocf_ctx *ctx, const struct record_params *p,
                                        struct record *r, struct err *why);

/*!
 * \brief The check of a monitor at depth 10: each zone has the name and reaches this VPC, and no
 *        record of the other family leads elsewhere. HERE, DEGRADED, or UNKNOWN
 */
enum ocf_verdict record_check_zones(struct ocf_ctx *ctx, const struct record_params *p,
                                    const struct record *r, struct err *why);

/*!
 * \brief The check of a monitor at depth 20: HERE when the resolver answers with our values, else
 *        DEGRADED
 *
 * Of several sets of one name it may answer with any, so there only an empty answer is wrong.
 */
enum ocf_verdict record_check_answer(const struct ocf_ctx *ctx, const struct record_params *p,
                                     const struct record *r, struct err *why);

/*! \brief Findings of the preflight: zones, values, records, permissions as far as reads tell. */
void record_preflight(struct ocf_ctx *ctx, const struct record_params *p, struct record *r);

#endif
