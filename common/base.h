/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_BASE_H
#define OCF_AWS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value must be looked at: every fallible function carries it. */
#define OCF_MUST_CHECK        __attribute__((warn_unused_result))
#define OCF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Run `f(&variable)` when the variable goes out of scope. */
#define OCF_CLEANUP(f) __attribute__((cleanup(f)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define MS_PER_S 1000ULL

/* Two spellings of "whose value": a pointer is handed over, and the old place forgets it. */
#define OCF_STEAL(p)                                                                               \
    ({                                                                                             \
        __typeof__(p) *ocf_steal_from_ = &(p);                                                     \
        __typeof__(p) ocf_steal_value_ = *ocf_steal_from_;                                         \
        *ocf_steal_from_ = NULL;                                                                   \
        ocf_steal_value_;                                                                          \
    })

/* What comes after user and password in a URL, which no message shows; NULL for one without. */
static inline const char *
base_after_user(const char *url)
{
    const char *at = strrchr(url, '@');

    return at == NULL ? NULL : at + 1;
}

/* Bytes of a UTF-8 text that fit into max without half a character: for "%.*s". */
static inline int
base_utf8_fit(const char *s, size_t max)
{
    size_t n = strnlen(s, max + 1);

    if (n > max) {
        n = max;
        while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80) {
            n--;
        }
    }
    return (int)n;
}

/* Whether a text is of printable ASCII without blanks, or empty. */
static inline bool
base_is_word(const char *text)
{
    for (; *text > ' ' && *text <= '~'; text++) {
    }
    return *text == '\0';
}

static inline void
base_free_p(void *pp)
{
    free(*(void **)pp);
}

static inline void
base_close_p(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

#define OCF_FREE  OCF_CLEANUP(base_free_p)
#define OCF_CLOSE OCF_CLEANUP(base_close_p)

#endif
