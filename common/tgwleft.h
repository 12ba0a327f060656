/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TGWLEFT_H
#define OCF_AWS_TGWLEFT_H

#include "tgwregions.h"

/*
 * What a resource of tgwvip.h has left in other regions, from a plan whose writes were tried. See
 * pending.h for how it is kept.
 */

/*!
 * \brief Store what could not be written for the monitors, whatever the reason: should it go away,
 *        nobody has to write it by hand
 *
 * A start leaves all of a region that is not known, and what an earlier one left counts no more; a
 * monitor leaves what was left there before, and no other region. A failure is warned of.
 */
void tgwleft_store(const struct ocf_ctx *ctx, struct tgwvip *t);

/*! \brief Keep of the plan what was left and shows what it showed then. */
void tgwleft_keep(struct tgwvip *t);

/*! \brief Warn of what is not as it should be, with one line for each region. */
void tgwleft_warn(const struct ocf_ctx *ctx, const struct tgwvip *t);

/*!
 * \brief The first change of a region that failed; NULL when none did
 *
 * \param[in] region  its place in \p t; 0 is the node's own
 *
 * \return borrowed until the next plan
 */
const struct tgwplan_change *tgwleft_first_failed(const struct tgwvip *t, size_t region);

#endif
