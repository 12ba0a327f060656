/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_PARAM_H
#define OCF_AWS_PARAM_H

#include "addr.h"
#include "awsid.h"
#include "err.h"

/*
 * Resource parameters: OCF_RESKEY_* into an agent's own typed struct. One row a parameter drives
 * default, check, metadata, usage and manual page.
 */

#define PARAM_PREFIX   "OCF_RESKEY_"
#define PARAM_LIST_MAX 32  /* addresses in a list */
#define PARAM_IDS_MAX  200 /* ids in a list: the default quota of route tables a VPC */

/* The member at `offset` has the type named here. */
enum param_type {
    PARAM_STRING,    /* const char *, NULL when not set; borrowed from the environment */
    PARAM_URL,       /* const char *; http:// or https:// */
    PARAM_BOOLEAN,   /* bool */
    PARAM_DURATION,  /* uint64_t, ms; "10", "10s", "500ms", "2min" */
    PARAM_PORT,      /* uint16_t, 1 to 65535 */
    PARAM_ADDRESS,   /* struct addr, family 0 when not set; `allowed`, "IPv4", limits the family */
    PARAM_ADDRESSES, /* struct param_addresses, single addresses, or a word of `allowed` */
    PARAM_CIDRS,     /* struct param_addresses, with prefix lengths */
    PARAM_ID,        /* char[AWS_ID_MAX], "" when not set; `allowed` is the prefix: "eipalloc" */
    PARAM_IDS,       /* struct param_ids; `allowed` is the prefix: "rtb" */
    PARAM_REGIONS,   /* struct param_ids of names of regions */
    PARAM_ROLES,     /* struct param_roles, ARNs of IAM roles, of some regions or all others */
    PARAM_CHOICE,    /* int, index into `allowed`: "degraded|ok|fail" */
};

struct param_addresses {
    struct addr items[PARAM_LIST_MAX];
    size_t n;
    int word; /* place in `allowed`, from 1, of the word that stands instead; 0: none */
};

struct param_ids {
    char items[PARAM_IDS_MAX][AWS_ID_MAX];
    size_t n;
};

#define PARAM_ARN_MAX   640 /* of a role: a path of 512 characters and a name of 64 at most */
#define PARAM_ROLES_MAX 40  /* one for each region */

struct param_roles {
    struct {
        char region[AWS_REGION_MAX]; /* "": every region that is not named */
        char arn[PARAM_ARN_MAX];
    } items[PARAM_ROLES_MAX];
    size_t n;
};

/*! \brief The role for a region, NULL when there is none; borrowed. */
const char *param_role(const struct param_roles *roles, const char *region);

enum param_flags {
    PARAM_REQUIRED = 1 << 0,
    PARAM_RELOADABLE = 1 << 1, /* a change needs no stop: reload-agent does it */
};

/* A text in the languages of the metadata. */
struct param_text {
    const char *en;
    const char *ja;
};

struct param {
    const char *name;
    enum param_type type;
    unsigned flags;
    const char *unique_group;
    const char *initial; /* the default as the user would write it; NULL: none */
    const char *allowed; /* see the types */
    uint64_t min;        /* DURATION, ms */
    uint64_t max;        /* DURATION, ms; STRING: characters; 0: no limit */
    size_t offset;       /* into the agent's struct */
    struct param_text shortdesc;
    struct param_text longdesc;
};

/* The rows of a table, ended by a row without a name, and where in the struct its offsets start. */
struct param_table {
    const struct param *rows; /* NULL ends a list of tables */
    size_t base;
};

/*!
 * \brief Fill the struct at \p ret with all parameters
 *
 * \param[in]  tables     a list of tables, ended by one without rows
 * \param[in]  getenv_fn  the environment; strings are borrowed from it
 * \param[out] ret        zeroed by the caller; all that is right is set even when another is
 *                        wrong, and what is wrong has its default
 *
 * \return 0; -ERR_PARAM for the first that is wrong, with parameter, value and what is allowed
 */
int param_load(const struct param_table *tables, const char *(*getenv_fn)(const char *), void *ret,
               struct err *e) OCF_MUST_CHECK;

/*! \brief Set one parameter from a text; \p base is where its table starts in the struct. */
int param_set(const struct param *p, const char *value, void *base, struct err *e) OCF_MUST_CHECK;

/*! \brief Whether the tables have a parameter of this name. */
bool param_known(const struct param_table *tables, const char *name);

/*! \brief The nearest name to an unknown one, for "did you mean"; NULL when none is near. */
const char *param_nearest(const struct param_table *tables, const char *unknown);

/*! \brief Content type of the metadata: "string", "boolean" or "integer". */
const char *param_content_type(enum param_type type);

/*! \brief Parse a number of decimal digits and nothing else; false also when it does not fit. */
bool param_parse_number(const char *text, uint64_t *ret) OCF_MUST_CHECK;

/*!
 * \brief Parse "10", "10s", "500ms", "2min", "1h" into milliseconds
 *
 * \return false for anything else, a negative number among it
 */
bool param_parse_duration(const char *text, uint64_t *ret_ms) OCF_MUST_CHECK;

#endif
