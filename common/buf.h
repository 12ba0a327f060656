/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_BUF_H
#define OCF_AWS_BUF_H

#include "base.h"

/*
 * A growable byte buffer with a mandatory maximum. Its content is always followed by a NUL, so
 * that `data` of a non-empty buffer is a C string when no NUL was added. A secret buffer is wiped
 * when it grows, shrinks or is freed.
 */
struct buf {
    char *data; /* NULL until the first byte */
    size_t len;
    size_t cap;
    size_t max; /* most bytes it will ever hold, the NUL not counted */
    bool secret;
};

#define BUF_INIT(max_)        ((struct buf){.max = (max_)})
#define BUF_INIT_SECRET(max_) ((struct buf){.max = (max_), .secret = true})

/*!
 * \brief Append bytes
 *
 * \return 0, -ERR_TOO_BIG when the maximum would be passed, -ERR_NOMEM; unchanged on error
 */
int buf_add(struct buf *b, const void *data, size_t len) OCF_MUST_CHECK;

/*! \brief Append a C string; errors as buf_add(). */
int buf_adds(struct buf *b, const char *s) OCF_MUST_CHECK;

/*! \brief Append formatted text; errors as buf_add(). Not for secrets: printf keeps copies. */
int buf_addf(struct buf *b, const char *format, ...) OCF_MUST_CHECK OCF_PRINTF(2, 3);

/*!
 * \brief Append \p s percent-encoded by RFC 3986: everything but A-Z a-z 0-9 - . _ ~ and the
 *        characters in \p keep
 *
 * Errors as buf_add().
 */
int buf_add_uri(struct buf *b, const char *s, const char *keep) OCF_MUST_CHECK;

/*!
 * \brief Append all that can be read from a descriptor
 *
 * \return 0; -ERR_SYSTEM with errno when a read fails; else as buf_add()
 */
int buf_read(struct buf *b, int fd) OCF_MUST_CHECK;

/*! \brief The content as a C string, "" when empty; borrowed until the buffer changes. */
const char *buf_str(const struct buf *b);

/*! \brief Forget the content, keep the memory (wiped when secret). */
void buf_clear(struct buf *b);

/*! \brief Hand over the memory (NULL when nothing was ever added); the caller frees. */
char *buf_steal(struct buf *b);

/*! \brief Free; wiped first when secret. The buffer can be used again. */
void buf_done(struct buf *b);

#define OCF_BUF OCF_CLEANUP(buf_done)

#endif
