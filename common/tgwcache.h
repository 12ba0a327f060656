/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWCACHE_H
#define OCF_AWS_TGWCACHE_H

#include "ocf.h"
#include "tgw.h"

/*
 * What this node remembers of the regions of a resource, in its state directory and until the
 * boot: which regions there are, so that one behind a region that is dead is known still, and for a
 * few minutes which TGW tables, attachments and peerings each one has, so that a monitor needs one
 * round trip. A cache: what is not remembered is asked again.
 */

#define TGWCACHE_MAX_AGE_MS  UINT64_C(300000)
#define TGWCACHE_REGIONS_MAX 40 /* more than any partition of AWS has */

/* Names of regions. */
struct tgwcache_regions {
    char names[TGWCACHE_REGIONS_MAX][TGW_REGION_MAX];
    size_t n;
};

/*! \brief The regions that were remembered, none when there are none. */
void tgwcache_get_regions(const struct ocf_ctx *ctx, struct tgwcache_regions *ret);

/*! \brief Remember these, and no others any more. */
void tgwcache_put_regions(const struct ocf_ctx *ctx, const struct tgwcache_regions *regions);

/*!
 * \brief The inventory of a region, when it was read within TGWCACHE_MAX_AGE_MS
 *
 * \param[out] ret  name, tables without routes, attachments and peerings; untouched by a miss; free
 *                  with tgw_region_done()
 */
bool tgwcache_get(const struct ocf_ctx *ctx, const char *region,
                  struct tgw_region *ret) OCF_MUST_CHECK;

/*! \brief Remember the inventory of a region that was read just now. */
void tgwcache_put(const struct ocf_ctx *ctx, const struct tgw_region *region);

/*! \brief Forget the inventory of a region, which is to be read anew. */
void tgwcache_drop(const struct ocf_ctx *ctx, const char *region);

#endif
