/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_AWSPARAM_H
#define OCF_AWS_AWSPARAM_H

#include "param.h"

/* What a recurring monitor says when AWS cannot be asked, in the order of the choices. */
enum awsparam_on_unknown { ON_UNKNOWN_DEGRADED, ON_UNKNOWN_OK, ON_UNKNOWN_FAIL };

/* What a recurring monitor does about a part of the resource that is not as it should be. */
enum awsparam_on_drift { ON_DRIFT_REPORT, ON_DRIFT_REPAIR };

/* The parameters that all agents which call AWS share: a member of each one's own struct. */
struct aws_params {
    const char *region;
    const char *profile;
    const char *credentials_file;
    struct param_roles role_arn;
    const char *external_id;
    const char *endpoint_url;
    const char *metadata_url;
    const char *proxy;
    const char *ca_file;
    uint64_t api_timeout_ms;
    int on_unknown;
    uint64_t unknown_limit_ms;
    int on_drift;
};

/*! \brief Their rows, for a struct param_table whose base is the offset of that member. */
extern const struct param awsparam_rows[];

/*! \brief The row of on_drift, with the same base: for agents that can put a part right. */
extern const struct param awsparam_drift_rows[];

/*! \brief The row of interface; base: the offset of a const char *, NULL for the primary one. */
extern const struct param awsparam_interface_rows[];

#endif
