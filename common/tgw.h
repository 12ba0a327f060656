/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGW_H
#define OCF_AWS_TGW_H

#include "ec2.h"

/*
 * Transit Gateways (TGW) of one region, as the EC2 API tells of them.
 *
 * A TGW has attachments: VPCs, peerings with other TGWs, and others. Each may be associated with
 * one route table of the TGW, which decides where a packet goes that comes in by the attachment.
 *
 * Source: EC2 API Reference, TransitGatewayAttachment, TransitGatewayRouteTable,
 * TransitGatewayRoute; VPC Transit Gateways guide, "How Transit Gateways work".
 */

#define TGW_REGION_MAX AWS_REGION_MAX

enum tgw_resource {
    TGW_VPC,
    TGW_PEERING,
    TGW_OTHER, /* VPN, Direct Connect gateway, Connect */
};

/*
 * An attachment in state "available", or "modifying": what gets another subnet passes packets on
 * while it does. A peering is one attachment on each of its two TGWs. Between regions both have the
 * same id; within a region they have two, and only the id of a TGW's own side may be named in its
 * route tables.
 */
struct tgw_attachment {
    char id[AWS_ID_MAX];
    char tgw_id[AWS_ID_MAX];
    enum tgw_resource kind;
    char resource_id[AWS_ID_MAX]; /* "vpc-...", or "tgw-..." of the peer */
    char table_id[AWS_ID_MAX];    /* "tgw-rtb-..." it is associated with; "": none */
};

/* A peering in state "available": which regions its two TGWs are in. */
struct tgw_peering {
    char tgw_id[2][AWS_ID_MAX]; /* requester, accepter */
    char region[2][TGW_REGION_MAX];
};

struct tgw_route {
    struct addr destination;
    char attachment_id[AWS_ID_MAX]; /* "": made as a blackhole, without an attachment */
    bool propagated;                /* not static: cannot be replaced */
    bool blackhole;                 /* state is not "active" */
};

/* A route table of a TGW, with the routes that were asked for and no other. */
struct tgw_table {
    char id[AWS_ID_MAX];
    char tgw_id[AWS_ID_MAX];
    struct tgw_route *routes;
    size_t n_routes;
};

/* What a region has that matters to a set of destinations. */
struct tgw_region {
    char name[TGW_REGION_MAX];
    bool answered;                      /* else only the name and the error mean anything */
    struct err error;                   /* why it did not */
    struct ec2_route_tables vpc_tables; /* of all VPCs, those with a route for a destination */
    struct tgw_table *tables;           /* all, with and without such routes */
    size_t n_tables;
    struct tgw_attachment *attachments;
    size_t n_attachments;
    struct tgw_peering *peerings;
    size_t n_peerings;
};

/*! \brief Free what is in \p r, and forget it. */
void tgw_region_done(struct tgw_region *r);

/* A region to read. Borrowed. */
struct tgw_query {
    const char *region;
    struct aws_session *session;    /* of that region; NULL: none, for the reason in `error` */
    struct err error;               /* in, see session */
    uint64_t within_ms;             /* patience of each of its calls, as in struct aws_call */
    const struct tgw_region *known; /* its inventory as it was read before: the ids of its tables,
                                       its attachments and its peerings. NULL: none */
    bool described;                 /* out: the inventory was read, and is not the known one */
};

/*!
 * \brief Read \p n regions at once: their inventory, and the routes to the destinations
 *
 * Two round trips, one with a known inventory; one more for each further page of an answer. When
 * a table of the known inventory is no more, the inventory is read after all. A region of which
 * any call fails did not answer, and is asked nothing more; the others do not mind, but for the
 * time that its patience allows.
 *
 * \param[in]     s        whose transport is used
 * \param[in,out] queries  n regions
 * \param[out]    ret      n regions in the same order, each set in any case; free each with
 *                         tgw_region_done()
 *
 * \return 0 when each region has answered or has its error; -ERR_CANCELLED; -ERR_NOMEM
 *
 * Source: EC2 API Reference, DescribeRouteTables, DescribeTransitGatewayRouteTables,
 * DescribeTransitGatewayAttachments, DescribeTransitGatewayPeeringAttachments and
 * SearchTransitGatewayRoutes.
 */
int tgw_read(struct aws_session *s, struct tgw_query *queries, size_t n,
             const struct addr *destinations, size_t n_destinations, struct tgw_region *ret,
             struct deadline d) OCF_MUST_CHECK;

/*!
 * \brief SearchTransitGatewayRoutes for the route that a packet to an address takes: the one with
 *        the longest prefix
 *
 * \param[in]  within_ms  patience, as in struct aws_call
 * \param[out] ret        untouched on failure
 *
 * \return 0; -ERR_NOT_FOUND when no route covers it, or there is no such table; -ERR_MALFORMED;
 *         else as aws_call_all()
 */
int tgw_route_to(struct aws_session *s, const char *table_id, const struct addr *address,
                 uint64_t within_ms, struct tgw_route *ret, struct deadline d,
                 struct err *e) OCF_MUST_CHECK;

#endif
