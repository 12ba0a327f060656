/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "array.h"

#include "err.h"

/* A pointer to items of a type that is not known here. */
typedef void *__attribute__((may_alias)) items_ptr;

int
array_add(void *array, size_t *n, size_t max, const void *item, size_t size)
{
    items_ptr *place = array;
    char *items = NULL;

    if (*n >= max) {
        return -ERR_TOO_BIG;
    }
    items = reallocarray(*place, *n + 1, size);
    if (items == NULL) {
        return -ERR_NOMEM;
    }
    memcpy(items + *n * size, item, size);
    *place = items;
    ++*n;
    return 0;
}
