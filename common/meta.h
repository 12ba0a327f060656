/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_META_H
#define OCF_AWS_META_H

#include "buf.h"
#include "param.h"

/* What an agent says about itself. All of it comes from one descriptor, so it cannot disagree. */

/* An advertised action. Times in seconds; 0 leaves the attribute out. */
struct meta_action {
    const char *name;
    unsigned timeout_s;
    unsigned interval_s;
    unsigned depth;
};

struct meta_agent {
    const char *name;
    const char *shortdesc; /* English: ra-api-1.dtd allows one of each, unlike for parameters */
    const char *longdesc;
    const struct param_table *tables;  /* ended by one without rows */
    const struct meta_action *actions; /* ended by one without a name */
};

/*!
 * \brief The metadata as XML, appended to \p ret
 *
 * It is valid against both ra-api-1.dtd, which knows nothing of OCF 1.1, and OCF 1.1 schemas: an
 * internal subset of the DOCTYPE declares what the DTD lacks.
 *
 * Source: OCF Resource Agent API 1.1, "Resource agent metadata".
 */
int meta_xml(const struct meta_agent *a, struct buf *ret) OCF_MUST_CHECK;

/*! \brief Usage text for people, appended to \p ret. */
int meta_usage(const struct meta_agent *a, struct buf *ret) OCF_MUST_CHECK;

/*! \brief The advertised action of this name with the least depth, NULL when there is none. */
const struct meta_action *meta_action(const struct meta_agent *a, const char *name);

#endif
