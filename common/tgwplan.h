/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWPLAN_H
#define OCF_AWS_TGWPLAN_H

#include "routeplan.h"
#include "tgw.h"

/*
 * From the route tables of VPCs and Transit Gateways (TGW) of some regions, as they are, to the
 * routes that must be written so that each of them leads to one ENI. Pure functions.
 *
 * Where a route that exists has to lead:
 *  - in a VPC of its own, which is the ENI's: to the ENI
 *  - in another VPC: to the TGW that this VPC is attached to; of several, the nearest to the
 *    ENI's VPC
 *  - in a TGW that the ENI's VPC is attached to: to that attachment
 *  - in another TGW: to the peering attachment that is the next hop of a shortest path
 * Of several that are as good, the present one stays; else one towards a region that answered is
 * taken, and of these the one with the lowest id.
 *
 * A route in a VPC's table is what makes that VPC a client. From each client (and from a VPN or
 * alike whose TGW table has the route) the way is followed to the ENI's VPC, from TGW table to TGW
 * table; one on the way that lacks the route is missing. What a region that did not answer may
 * have is neither changed nor called missing.
 */

/* What is wanted, and what there is. Borrowed. */
struct tgwplan_input {
    const struct tgw_region *regions; /* the ENI's among them; one that was not asked is put in
                                         as one that did not answer */
    size_t n_regions;
    const char *region; /* of the ENI, like its VPC */
    const char *vpc_id;
    const char *eni_id;
    const struct addr *destinations;
    size_t n_destinations;
    bool create; /* plan to create the routes that TGW tables lack */
    bool again;  /* plan to write what leads to the ENI already, too: see ocf_is_anew() */
    const struct known
        *lost; /* routes that tables of VPCs had before and have not now; NULL: none */
};

/* One route to write. */
struct tgwplan_change {
    const char *region; /* the name in the input's regions, borrowed */
    bool transit;       /* a route of a TGW, else of a VPC */
    char table_id[AWS_ID_MAX];
    struct addr destination;
    char target[AWS_ID_MAX];   /* "eni-..." or "tgw-..." in a VPC; "tgw-attach-..." in a TGW */
    char seen[EC2_TARGET_MAX]; /* the target it has now; "": none, or the route does not exist */
    bool create;               /* it does not exist */
    bool again;                /* it is shown to lead there already */
    struct err error;          /* for who applies it; 0 here */
};

enum tgwplan_kind {
    TGWPLAN_NO_NODE_ROUTE,  /* no table of the ENI's VPC has the route; never created */
    TGWPLAN_LOST_ROUTE,     /* a VPC's table had the route before; never created */
    TGWPLAN_NO_ROUTE,       /* a TGW table on a client's way lacks the route, and create is off */
    TGWPLAN_PROPAGATED,     /* a TGW table has it propagated from elsewhere */
    TGWPLAN_NOT_ATTACHED,   /* a VPC is attached to no TGW */
    TGWPLAN_NOT_ASSOCIATED, /* an attachment on a client's way has no table */
    TGWPLAN_UNREADABLE,     /* an attachment's table is not among those of its region */
    TGWPLAN_NO_PATH,        /* no peerings lead from a TGW to one of the ENI's VPC */
};

/* What cannot be put right by a change. Each is told once. */
struct tgwplan_problem {
    enum tgwplan_kind kind;
    const char *region;      /* where it is to be mended; the name in the input's regions */
    char object[AWS_ID_MAX]; /* the table, VPC, attachment or TGW; "" for NO_NODE_ROUTE */
    struct addr destination; /* the first of those that it hits */
    char text[ERR_TEXT_MAX]; /* what, and the command that mends it; without the region's name */
};

/* How one region fares. */
struct tgwplan_region {
    const char *name; /* borrowed from the input */
    bool answered;
    size_t n_right;          /* routes that lead where they have to */
    size_t n_wrong;          /* routes that do not or are missing, and other problems */
    size_t n_open;           /* routes whose way only a region that did not answer may know */
    char text[ERR_TEXT_MAX]; /* the first thing that is wrong, and how many more; else "" */
};

struct tgwplan {
    size_t n_ours;                  /* routes of the ENI's VPC: to the ENI and active, */
    size_t n_dead;                  /* to the ENI and blackholes, */
    size_t n_others;                /* to others, */
    size_t n_missing;               /* destinations that no table of it has a route for */
    struct tgwplan_region *regions; /* in the order of the input */
    size_t n_regions;
    size_t own; /* the ENI's, an index into regions */
    struct tgwplan_change *changes;
    size_t n_changes;
    struct tgwplan_problem *problems;
    size_t n_problems;
};

/*!
 * \brief Make a plan
 *
 * When the ENI's region is among those that did not answer, nothing is known and nothing planned.
 *
 * \param[out] ret  untouched on failure; it borrows names from \p in; free with tgwplan_done()
 *
 * \return 0, -ERR_NOMEM, or -ERR_BUG when the ENI's region is not among the regions
 */
int tgwplan_make(const struct tgwplan_input *in, struct tgwplan *ret) OCF_MUST_CHECK;

void tgwplan_done(struct tgwplan *p);

/*!
 * \brief What the ENI's region says; why is in its text
 *
 * Only routes of the ENI's VPC tell who has the address, as with routeplan_verdict(): what leads
 * there from elsewhere is the same for all nodes of that VPC. HERE when nothing in the region is
 * wrong, DEGRADED when those routes are ours and something else is wrong, UNKNOWN when the region
 * did not answer.
 */
enum ocf_verdict tgwplan_verdict(const struct tgwplan *p);

/*!
 * \brief What all other regions say: HERE, or DEGRADED when one did not answer or has something
 *        wrong
 *
 * \param[out] text  DEGRADED: "REGION: what is wrong" of the first such region, and how many more
 *                   there are; else ""
 */
enum ocf_verdict tgwplan_others_verdict(const struct tgwplan *p, char text[ERR_TEXT_MAX]);

/*! \brief Make of a region what it is once a change was accepted, so that a next plan does without
 *         reading it again; a route that there is no memory for stays missing. */
void tgwplan_written(struct tgw_region *region, const struct tgwplan_change *c);

#endif
