/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWPATH_H
#define OCF_AWS_TGWPATH_H

#include "tgw.h"

/*
 * Shortest ways to a VPC over Transit Gateways (TGW) and their peerings. Pure functions.
 *
 * A peering is known by its attachment on either TGW. Where both regions answered, both must show
 * it; where one did, that one proves it, but only the other could tell how to enter it from there.
 */

#define TGWPATH_FAR SIZE_MAX

/* A TGW. */
struct tgwpath_hub {
    const char *id;
    const struct tgw_region *region; /* NULL: not seen in any region that answered */
    const char *region_name;         /* "": not known */
    size_t distance;                 /* peerings between it and the VPC, 0: the VPC is attached;
                                        TGWPATH_FAR: no way is known */
    size_t island;                   /* the same number for all that peerings connect */
};

/* One direction of a peering; there is always the other one too. */
struct tgwpath_edge {
    size_t from; /* hubs */
    size_t to;
    const struct tgw_attachment *attachment; /* of `from`; NULL: not known */
};

/* What is borrowed must outlive it. */
struct tgwpath {
    const struct tgw_region *regions;
    size_t n_regions;
    const char *vpc_id; /* where all ways end */
    struct tgwpath_hub *hubs;
    size_t n_hubs;
    struct tgwpath_edge *edges;
    size_t n_edges;
};

/* A step towards the VPC. */
struct tgwpath_way {
    const char *target;                      /* what the route has to name; NULL: no step */
    const struct tgw_attachment *attachment; /* by which it leaves the VPC or the TGW */
    size_t hub;                              /* where it leads; n_hubs: into the VPC */
    size_t distance;                         /* of that, 0 for the VPC */
};

/*! \brief Find all ways to a VPC. 0 or -ERR_NOMEM; free with tgwpath_done(). */
int tgwpath_make(const struct tgw_region *regions, size_t n_regions, const char *vpc_id,
                 struct tgwpath *ret) OCF_MUST_CHECK;

void tgwpath_done(struct tgwpath *p);

/*! \brief Index of a TGW; n_hubs when it is not known. */
size_t tgwpath_hub_of(const struct tgwpath *p, const char *tgw_id);

/*!
 * \brief Which TGW a VPC's route should name
 *
 * The nearest that the VPC is attached to; of several the present one, else the lowest id.
 *
 * \param[in] region   the VPC's
 * \param[in] current  what the route names now
 *
 * \return no step when the VPC is attached to none; distance TGWPATH_FAR when no way is known
 */
struct tgwpath_way tgwpath_enter(const struct tgwpath *p, const struct tgw_region *region,
                                 const char *vpc_id, const char *current);

/*!
 * \brief Which attachment a route of a TGW should name
 *
 * One to the VPC itself, or to the nearest peer; of several the present one, else one to a TGW of a
 * region that answered, else the lowest id.
 *
 * \param[in] hub      of a region that answered
 * \param[in] current  what the route names now
 *
 * \return no step when no way is known
 */
struct tgwpath_way tgwpath_next(const struct tgwpath *p, size_t hub, const char *current);

/*! \brief The attachment of a TGW by which it is entered on a way from \p from; NULL: not known. */
const struct tgw_attachment *tgwpath_arrival(const struct tgwpath *p, size_t from,
                                             const struct tgwpath_way *way);

/*! \brief Whether regions that did not answer may hide a way from a hub that has none known. */
bool tgwpath_may_exist(const struct tgwpath *p, size_t hub);

#endif
