/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_JSON_H
#define OCF_AWS_JSON_H

#include "base.h"
#include "err.h"

/* A parsed JSON object, read only; the answers of IMDS and of the container endpoint. */
struct json;

/*!
 * \brief Parse a text whose top is an object, at most 8 levels deep, strictly
 *
 * \param[out] ret  untouched on failure; free with json_free(), which wipes all strings
 *
 * \return 0 or -ERR_MALFORMED
 */
int json_parse(const char *text, size_t len, struct json **ret, struct err *e) OCF_MUST_CHECK;

/*! \brief The string under \p key, NULL when absent or no string; borrowed until json_free(). */
const char *json_string(const struct json *j, const char *key);

/*! \brief Wipe all strings and free; \p j may be NULL. */
void json_free(struct json *j);

static inline void
json_free_p(struct json **j)
{
    json_free(*j);
}

#define OCF_JSON OCF_CLEANUP(json_free_p)

#endif
