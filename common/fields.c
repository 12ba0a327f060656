/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fields.h"

#include <string.h>

size_t
fields_next_line(const char **rest, char fields[FIELDS_MAX][FIELD_MAX])
{
    for (size_t n = 0; n < FIELDS_MAX; n++) {
        size_t len = strcspn(*rest, " \n");
        char end = (*rest)[len];

        if (len == 0 || len >= FIELD_MAX || end == '\0') {
            return 0;
        }
        memcpy(fields[n], *rest, len);
        fields[n][len] = '\0';
        if (strcmp(fields[n], FIELD_NOTHING) == 0) {
            fields[n][0] = '\0';
        }
        *rest += len + 1;
        if (end == '\n') {
            return n + 1;
        }
    }
    return 0;
}

const char *
fields_word(const char *text)
{
    return *text == '\0' ? FIELD_NOTHING : text;
}
