/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_AWSID_H
#define OCF_AWS_AWSID_H

#include "base.h"

#include <string.h>

#define AWS_ID_MAX 40 /* "rtb-0123456789abcdef0", "eipassoc-...", "tgw-attach-..." with the NUL */

/*! \brief Whether \p id is "PREFIX-" and 8 or 17 hex digits, the two forms of resource ids. */
static inline bool
awsid_is(const char *id, const char *prefix)
{
    size_t len = strlen(prefix);
    size_t digits = 0;

    if (strncmp(id, prefix, len) != 0 || id[len] != '-') {
        return false;
    }
    digits = strspn(id + len + 1, "0123456789abcdef");
    return id[len + 1 + digits] == '\0' && (digits == 8 || digits == 17);
}

#define AWS_REGION_MAX 32 /* "ap-northeast-1" with the NUL */

/*! \brief Whether \p name has the form of a region's name, "ap-northeast-1" or "us-gov-west-1". */
static inline bool
awsid_is_region(const char *name)
{
    const char *rest = name;
    size_t words = 0;
    size_t digits = 0;

    for (size_t len = strspn(rest, "abcdefghijklmnopqrstuvwxyz"); len > 0 && rest[len] == '-';
         len = strspn(rest, "abcdefghijklmnopqrstuvwxyz")) {
        words++;
        rest += len + 1;
    }
    digits = strspn(rest, "0123456789");
    return words >= 2 && digits > 0 && rest[digits] == '\0' && strlen(name) < AWS_REGION_MAX;
}

#endif
