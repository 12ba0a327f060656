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

#endif
