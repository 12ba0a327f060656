/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_EC2_H
#define OCF_AWS_EC2_H

#include "addr.h"
#include "awscall.h"
#include "awsid.h"

/*
 * The EC2 API, version 2016-11-15: one function a call, typed results. `e` is not NULL anywhere
 * here, and is only written on failure.
 */

extern const struct aws_service ec2_service;

/*! \brief Make the good answer of a dry run, which is an error "DryRunOperation", no error. */
void ec2_settle_dry_run(struct err *e);

#define EC2_TARGET_MAX 96  /* an id, or the ARN of a core network */
#define EC2_TABLES_MAX 500 /* route tables of one answer; the default quota of a VPC is 200 */

struct ec2_route {
    struct addr destination;
    char target[EC2_TARGET_MAX]; /* the ENI when there is one, else what AWS names */
    bool blackhole;              /* state is not "active": the target is gone or stopped */
};

/* A route table, with the routes that were asked for and no other. */
struct ec2_route_table {
    char id[AWS_ID_MAX];
    char vpc_id[AWS_ID_MAX];
    struct ec2_route *routes;
    size_t n_routes;
};

struct ec2_route_tables {
    struct ec2_route_table *tables;
    size_t n;
};

void ec2_route_tables_done(struct ec2_route_tables *t);

/*! \brief The route to exactly this destination; NULL when there is none. */
const struct ec2_route *ec2_find_route(const struct ec2_route_table *t,
                                       const struct addr *destination);

/*! \brief The route that a packet to an address takes, the one with the longest prefix; NULL when
 *         there is none. */
const struct ec2_route *ec2_route_to(const struct ec2_route_table *t, const struct addr *address);

/* Which tables to read. Borrowed. */
struct ec2_table_query {
    const char *vpc_id;            /* with no ids: the tables of this VPC, of all VPCs when NULL */
    const char (*ids)[AWS_ID_MAX]; /* ... or exactly these */
    size_t n_ids;
    const char *subnet_id; /* with no ids: the table that this subnet is associated with; "": the
                              main table of the VPC. NULL: any */
    const struct addr *destinations; /* the routes to report; tables without any are left out when
                                        no ids are given */
    size_t n_destinations;
    bool every_route; /* report all routes, and no destinations */
};

/*!
 * \brief DescribeRouteTables, all pages
 *
 * One call when the answer is one page: the destinations are filtered by AWS when they are of one
 * family, and here in any case, by exact comparison.
 *
 * \param[out] ret  untouched on failure; free with ec2_route_tables_done()
 *
 * \return 0; -ERR_NOT_FOUND when a table of \p ids does not exist; else as aws_call_all()
 *
 * Source: EC2 API Reference, DescribeRouteTables.
 */
int ec2_describe_route_tables(struct aws_session *s, const struct ec2_table_query *query,
                              struct ec2_route_tables *ret, struct deadline d,
                              struct err *e) OCF_MUST_CHECK;

/* The answers of a describe call come in pages, each with the token of the next. */
#define EC2_TOKEN_MAX 1024
#define EC2_PAGES_MAX 20

/*! \brief Set up one call of ec2_describe_route_tables(); \p token: of the page, "" for the first.
 */
void ec2_init_describe_route_tables(struct aws_call *c, const struct ec2_table_query *query,
                                    const char *token);

/*!
 * \brief Add a page of tables to \p all, which owns them
 *
 * A table that is there already gets the routes of this page too: queries of the two families may
 * be read into the same tables.
 *
 * \param[in]  c      answered without an error
 * \param[out] token  of the next page, "" when this is the last
 *
 * \return 0; -ERR_MALFORMED; -ERR_TOO_BIG; -ERR_NOMEM
 */
int ec2_read_route_tables(const struct aws_call *c, const struct ec2_table_query *query,
                          struct ec2_route_tables *all, char token[EC2_TOKEN_MAX],
                          struct err *e) OCF_MUST_CHECK;

/*!
 * \brief The token of the page after this answer, "" when it is the last; -ERR_MALFORMED when it
 *        is longer than any of AWS's
 */
int ec2_next_token(const struct aws_call *c, char token[EC2_TOKEN_MAX],
                   struct err *e) OCF_MUST_CHECK;

/* One route to write, of a VPC's table or a Transit Gateway's. */
struct ec2_route_change {
    char table_id[AWS_ID_MAX]; /* "rtb-...", or "tgw-rtb-..." */
    struct addr destination;
    const char *target;          /* "eni-..." or "tgw-...", or "tgw-attach-..."; borrowed */
    bool create;                 /* CreateRoute instead of ReplaceRoute */
    bool again;                  /* for who applies it: it is shown to be like that already */
    struct aws_session *session; /* as in struct aws_call: the table's region and account ... */
    uint64_t within_ms;          /* ... and its patience */
    struct err error;            /* out; code 0 when the write was accepted */
};

/*!
 * \brief ReplaceRoute or CreateRoute, or of a Transit Gateway, all at once
 *
 * A route that does not exist (any more) is -ERR_NOT_FOUND, as are a table and a target, one that
 * exists already -ERR_CONFLICT.
 *
 * \param[in] dry_run  ask only whether it would be allowed
 *
 * \return 0 when all were accepted, else the first error; each change has its own
 *
 * Source: EC2 API Reference, ReplaceRoute, CreateRoute, ReplaceTransitGatewayRoute and
 * CreateTransitGatewayRoute; "DryRunOperation" in "Error codes".
 */
int ec2_change_routes(struct aws_session *s, struct ec2_route_change *changes, size_t n,
                      bool dry_run, struct deadline d) OCF_MUST_CHECK;

struct ec2_eni {
    bool source_dest_check;
    char vpc_id[AWS_ID_MAX];
};

/*! \brief DescribeNetworkInterfaces of one. 0; -ERR_NOT_FOUND; as aws_call_all(). */
int ec2_describe_eni(struct aws_session *s, const char *eni_id, struct ec2_eni *ret,
                     struct deadline d, struct err *e) OCF_MUST_CHECK;

/*! \brief ModifyNetworkInterfaceAttribute: switch the source/dest check. */
int ec2_set_source_dest_check(struct aws_session *s, const char *eni_id, bool on, bool dry_run,
                              struct deadline d, struct err *e) OCF_MUST_CHECK;

#endif
