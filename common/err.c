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

const char *err_class_name(enum err_class class)
{
    switch (class) {
    case ERR_CLASS_NONE:
        return "NONE";
    case ERR_CLASS_CONFIG:
        return "CONFIG";
    case ERR_CLASS_ENVIRONMENT:
        return "ENVIRONMENT";
    case ERR_CLASS_AUTH:
        return "AUTH";
    case ERR_CLASS_DENIED:
        return "DENIED";
    case ERR_CLASS_NOT_FOUND:
        return "NOT_FOUND";
    case ERR_CLASS_CONFLICT:
        return "CONFLICT";
    case ERR_CLASS_THROTTLED:
        return "THROTTLED";
    case ERR_CLASS_TRANSIENT:
        return "TRANSIENT";
    case ERR_CLASS_UNCERTAIN:
        return "UNCERTAIN";
    case ERR_CLASS_PROTOCOL:
        return "PROTOCOL";
    case ERR_CLASS_DEADLINE:
        return "DEADLINE";
    case ERR_CLASS_BUG:
        return "BUG";
    }
    return "BUG";
}

void
err_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            *text = ' ';
        }
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
