/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_ROUTEPLAN_H
#define OCF_AWS_ROUTEPLAN_H

#include "ec2.h"
#include "known.h"

/*
 * From the route tables as they are to the routes that must be written. routeplan_make() is a
 * pure function.
 */

/* The parameters of every agent that leads routes to an ENI: a member of its struct. */
struct route_params {
    bool create_routes;
    bool disable_source_dest_check;
};

/*! \brief The row of disable_source_dest_check; base: the offset of that member. */
extern const struct param route_rows[];

/*! \brief The row of create_routes for an agent whose user may name the tables; with that base. */
extern const struct param route_create_rows[];

/* What is wanted. Borrowed. */
struct routeplan_input {
    const struct ec2_route_tables *tables;
    const struct addr *destinations;
    size_t n_destinations;
    const char *eni_id; /* every route shall lead here */
    bool every_table;   /* each table needs each route (tables named by the user); else each route
                           is needed in one table at least (tables found by their routes) */
    bool create;        /* plan to create what is missing */
    bool again;         /* plan to write what leads here already, too: see ocf_is_anew() */
    const struct known *lost; /* routes that tables had before and have not now; NULL: none */
};

/* A route that does not exist. */
struct routeplan_missing {
    struct addr destination;
    char table_id[AWS_ID_MAX]; /* "" when no table has it and none was named */
};

/* What there is, counted in routes, and what to do. */
struct routeplan {
    size_t n_ours;     /* lead to our ENI and are active */
    size_t n_dead;     /* lead to our ENI and are blackholes */
    size_t n_others;   /* lead elsewhere */
    struct known lost; /* of tables found by their routes: those that they had before */
    struct routeplan_missing *missing;
    size_t n_missing;
    struct ec2_route_change *changes;
    size_t n_changes;
    char text[ERR_TEXT_MAX]; /* the first route that is not right, and how many more; "" for none */
};

/*! \brief Make a plan. 0 or -ERR_NOMEM; free with routeplan_done(). */
int routeplan_make(const struct routeplan_input *in, struct routeplan *ret) OCF_MUST_CHECK;

/*!
 * \brief Read route tables and make a plan: one EC2 call, and no call to IMDS when warm
 *
 * \param[in]  nic  the ENI to lead to, and the VPC to search
 * \param[in]  ids  the tables; none: all tables of the VPC that have a route for a destination
 * \param[out] ret  a plan, which is replaced
 *
 * \return 0; -ERR_NOT_FOUND when one of \p ids does not exist; else as aws_call_all()
 */
int routeplan_read(struct ocf_ctx *ctx, const struct node_nic *nic, const struct param_ids *ids,
                   const struct param_addresses *destinations, bool create, struct routeplan *ret,
                   struct err *e) OCF_MUST_CHECK;

void routeplan_done(struct routeplan *p);

/*!
 * \brief What the routes say: HERE when all are ours, ELSEWHERE when they all lead to others,
 *        ABSENT when there are none, DEGRADED for anything between
 */
enum ocf_verdict routeplan_verdict(const struct routeplan *p);

/*!
 * \brief Whether there is a way to lead here: -ERR_PARAM, with the command that mends it, when a
 *        route is missing and may not be created
 */
int routeplan_check(const struct routeplan *p, const struct route_params *params,
                    const char *eni_id, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Have the ENI pass on what is sent to the address, when the parameters say so: before any
 *        route is written
 *
 * \return 0, or as aws_call_all()
 */
int routeplan_let_pass(struct ocf_ctx *ctx, const struct route_params *params, const char *eni_id,
                       struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Write the changes, all at once; before that, the source/dest check as \p params say
 *
 * One that fails does not stop the others. When only some fail the error is -ERR_REJECTED and
 * names the first; -ERR_UNCERTAIN when the state must be read again before anything is repeated
 * (an answer was lost, or a route came or went meanwhile).
 *
 * \return also as routeplan_check()
 */
int routeplan_apply(struct ocf_ctx *ctx, struct routeplan *p, const struct route_params *params,
                    const char *eni_id, struct err *e) OCF_MUST_CHECK;

/* What became of writes that went out at once. */
struct routeplan_sum {
    size_t n;
    size_t n_failed; /* of these, but for ... */
    size_t n_again;  /* ... what is shown to be like that already */
    struct err first, again;
    char table_id[AWS_ID_MAX]; /* of first */
    struct err open;           /* the first after which the state has to be read */
    bool unsettled;            /* one of those is */
};

/*!
 * \brief Count a write
 *
 * \param[in] again  it was of what is shown to be like that already: see ocf_written_again()
 * \param[in] error  has the code 0 when it was accepted
 */
void routeplan_sum_add(struct routeplan_sum *s, const char *table_id, bool again,
                       const struct err *error);

/*! \brief The error of all of them, as routeplan_apply() has it. */
int routeplan_sum_up(struct ocf_ctx *ctx, const struct routeplan_sum *s,
                     struct err *e) OCF_MUST_CHECK;

/*!
 * \brief The check of a monitor at depth 10: HERE when the ENI passes on what is sent to the
 *        address, DEGRADED when its source/dest check is on, UNKNOWN when AWS does not tell
 */
enum ocf_verdict routeplan_check_eni(struct ocf_ctx *ctx, const char *eni_id, struct err *why);

#define ROUTEPLAN_COMMAND_MAX 320

/*!
 * \brief The command that creates a missing route, into \p out; returns it
 *
 * \param[in] region  for the command; "": it names none
 */
const char *routeplan_create_command(const struct routeplan_missing *missing, const char *region,
                                     const char *eni_id, char out[ROUTEPLAN_COMMAND_MAX]);

/*! \brief Count a thing that is wrong, and keep the words for the first. */
void routeplan_note(char text[ERR_TEXT_MAX], size_t *n, const char *format, ...) OCF_PRINTF(3, 4);

/*! \brief routeplan_note() for a route that leads to \p target ("": nothing). */
void routeplan_note_route(char text[ERR_TEXT_MAX], size_t *n, const char *table_id,
                          const struct addr *destination, const char *target, bool blackhole);

/*! \brief Say how many of \p n such things the words are silent of. */
void routeplan_note_rest(char text[ERR_TEXT_MAX], size_t n);

/*! \brief Findings of the preflight: routes present, writes allowed, source/dest check off. */
void routeplan_preflight(struct ocf_ctx *ctx, struct routeplan *p,
                         const struct route_params *params, const char *eni_id);

/*! \brief Finding of the preflight: the source/dest check is off, or may be switched off. */
void routeplan_preflight_eni(struct ocf_ctx *ctx, const struct route_params *params,
                             const char *eni_id);

#endif
