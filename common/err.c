/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "err.h"

#include <stdio.h>
#include <string.h>

struct err_row {
    enum err_class class;
    const char *text;
};

#define ERR_TABLE_ROW(name, class_, text_) [ERR_##name] = {ERR_CLASS_##class_, text_},
static const struct err_row err_table[ERR_CODE_END] = {[ERR_NONE] = {ERR_CLASS_NONE, "no error"},
                                                       ERR_LIST(ERR_TABLE_ROW)};
#undef ERR_TABLE_ROW

static const struct err_row *
row_of(int code)
{
    if (code > 0 || code <= -ERR_CODE_END) {
        return &err_table[ERR_BUG];
    }
    return &err_table[-code];
}

enum err_class
err_class(int code)
{
    return row_of(code)->class;
}

const char *
err_text(int code)
{
    return row_of(code)->text;
}

/*
 * Bytes of the UTF-8 character at s; 0 when it is none, or none that XML may hold.
 * Source: RFC 3629, section 4; XML 1.0, "Characters".
 */
static size_t
character_len(const unsigned char *s)
{
    static const struct {
        unsigned char first, last; /* of the first byte ... */
        unsigned char low, high;   /* ... and of the second; those behind it are 80 to BF */
        size_t len;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (s[0] >= rows[i].first && s[0] <= rows[i].last &&
            (rows[i].len == 1 || (s[1] >= rows[i].low && s[1] <= rows[i].high))) {
            len = rows[i].len;
        }
    }
    for (size_t i = 2; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe ? 0 : len;
}

/* C0, DEL, and C1, in which terminals find the beginning of a command, too. */
static bool
is_control(const unsigned char *s)
{
    return s[0] < ' ' || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

void
err_one_line(char *text)
{
    unsigned char *s = (unsigned char *)text;

    while (*s != '\0') {
        size_t len = character_len(s);

        if (len == 0) {
            *s = '?';
        } else if (is_control(s)) {
            memset(s, ' ', len);
        }
        s += len == 0 ? 1 : len;
    }
}

int
err_set(struct err *e, enum err_code code, const char *format, ...)
{
    va_list args;

    if (e != NULL) {
        memset(e, 0, sizeof(*e));
        e->code = -(int)code;
        va_start(args, format);
        (void)vsnprintf(e->text, sizeof(e->text), format, args);
        va_end(args);
        err_one_line(e->text);
    }
    return -(int)code;
}

int
err_prefix(struct err *e, const char *format, ...)
{
    char old[ERR_TEXT_MAX];
    va_list args;
    int used = 0;

    if (e == NULL) {
        return -ERR_BUG;
    }
    memcpy(old, e->text, sizeof(old));
    va_start(args, format);
    used = vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof(e->text)) {
        (void)snprintf(e->text + used, sizeof(e->text) - (size_t)used, ": %s", old);
    }
    err_one_line(e->text);
    return e->code;
}
