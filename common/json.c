/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#define DEPTH_MAX 8

/* The opaque type is json-c's own object: no second allocation, and no json-c header in ours. */
static struct json_object *
object_of(const struct json *j)
{
    return (struct json_object *)(uintptr_t)j;
}

static bool
is_space(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0' || strchr(" \t\r\n", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

int
json_parse(const char *text, size_t len, struct json **ret, struct err *e)
{
    struct json_tokener *tokener = NULL;
    struct json_object *object = NULL;
    bool complete = false;
    size_t end = 0;

    if (len == 0 || len > INT_MAX) {
        return err_set(e, ERR_MALFORMED, "empty answer where a JSON object is expected");
    }
    tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL) {
        return err_set(e, ERR_NOMEM, "out of memory");
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    object = json_tokener_parse_ex(tokener, text, (int)len);
    end = json_tokener_get_parse_end(tokener);
    complete =
        json_tokener_get_error(tokener) == json_tokener_success && is_space(text + end, len - end);
    json_tokener_free(tokener);
    if (!complete || !json_object_is_type(object, json_type_object)) {
        json_free((struct json *)object);
        return err_set(e, ERR_MALFORMED, "answer is not a JSON object");
    }
    *ret = (struct json *)object;
    return 0;
}

const char *
json_string(const struct json *j, const char *key)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(object_of(j), key, &value) ||
        !json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    return json_object_get_string(value);
}

static void
wipe_value(struct json_object *o)
{
    if (json_object_is_type(o, json_type_string)) {
        explicit_bzero((void *)(uintptr_t)json_object_get_string(o),
                       (size_t)json_object_get_string_len(o));
    }
}

void
json_free(struct json *j)
{
    struct json_object *o = object_of(j);

    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, key, value)
        {
            (void)key;
            wipe_value(value);
        }
    }
    (void)json_object_put(o);
}
