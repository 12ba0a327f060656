/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dnsname.h"

#include <stdio.h>
#include <string.h>

#define LABEL_MAX  63
#define WIRE_MAX   255 /* with a length byte for each label, and the empty one at the end */
#define ESCAPE_LEN 4   /* "\052" */

static bool
is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* The next byte of a label, escaped or not; false when it cannot be one. */
static bool
take_byte(const char **text, unsigned char *ret)
{
    const char *t = *text;
    unsigned value = 0;

    if (*t != '\\') {
        *ret = (unsigned char)*t;
        *text = t + 1;
        return *ret > ' ' && *ret < 0x7f;
    }
    if (!is_octal(t[1]) || !is_octal(t[2]) || !is_octal(t[3])) {
        return false;
    }
    value = (unsigned)(t[1] - '0') * 64 + (unsigned)(t[2] - '0') * 8 + (unsigned)(t[3] - '0');
    *ret = (unsigned char)value;
    *text = t + ESCAPE_LEN;
    return value <= 0xff;
}

static char *
put_byte(char *out, unsigned char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        byte += 'a' - 'A';
    }
    if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
        byte == '_') {
        *out = (char)byte;
        return out + 1;
    }
    out[0] = '\\';
    out[1] = (char)('0' + byte / 64);
    out[2] = (char)('0' + byte / 8 % 8);
    out[3] = (char)('0' + byte % 8);
    return out + ESCAPE_LEN;
}

bool
dnsname_canonical(const char *text, char ret[DNSNAME_MAX])
{
    char found[WIRE_MAX * ESCAPE_LEN + 1];
    char *out = found;
    size_t wire = 1;

    while (*text != '\0') {
        size_t label = 0;

        for (; *text != '\0' && *text != '.'; label++) {
            unsigned char byte = 0;

            if (!take_byte(&text, &byte) || label == LABEL_MAX || wire + label + 1 >= WIRE_MAX) {
                return false;
            }
            out = put_byte(out, byte);
        }
        if (label == 0) {
            return false;
        }
        wire += label + 1;
        *out++ = '.';
        text += *text == '.' ? 1 : 0;
    }
    *out = '\0';
    if (out == found) {
        return false;
    }
    memcpy(ret, found, (size_t)(out - found) + 1);
    return true;
}

bool
dnsname_is_within(const char *name, const char *zone)
{
    size_t len = strlen(name);
    size_t zone_len = strlen(zone);

    return len >= zone_len && strcmp(name + len - zone_len, zone) == 0 &&
           (len == zone_len || name[len - zone_len - 1] == '.');
}

void
dnsname_for_resolver(const char *name, char ret[DNSNAME_MAX])
{
    char *out = ret;

    while (*name != '\0') {
        unsigned char byte = 0;

        if (*name != '\\' || !take_byte(&name, &byte)) {
            *out++ = *name++;
            continue;
        }
        out[0] = '\\';
        out[1] = (char)('0' + byte / 100);
        out[2] = (char)('0' + byte / 10 % 10);
        out[3] = (char)('0' + byte % 10);
        out += ESCAPE_LEN;
    }
    *out = '\0';
}
