/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_ARRAY_H
#define OCF_AWS_ARRAY_H

#include "base.h"

/*
 * Arrays that grow by one item at a time: a pointer that free() takes, NULL when there is none, and
 * how many items there are.
 */

/*!
 * \brief Append a copy of an item; ARRAY_ADD() looks after the types
 *
 * \param[in,out] array  address of the pointer to the first item; the items may move
 * \param[in,out] n      how many there are
 * \param[in]     max    how many there may be
 * \param[in]     item   one more, of \p size bytes; not in the array
 *
 * \return 0; -ERR_TOO_BIG, -ERR_NOMEM: all is as before
 */
int array_add(void *array, size_t *n, size_t max, const void *item, size_t size) OCF_MUST_CHECK;

/* array_add() for an item of the array's type: ARRAY_ADD(&all->items, &all->n, MAX, &item). */
#define ARRAY_ADD(array, n, max, item)                                                             \
    ({                                                                                             \
        const __typeof__(**(array)) *array_item_ = (item);                                         \
        array_add((array), (n), (max), array_item_, sizeof(*array_item_));                         \
    })

#endif
