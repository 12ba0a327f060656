/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "buf.h"

#include "err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
wipe_and_free(struct buf *b)
{
    if (b->data != NULL && b->secret) {
        explicit_bzero(b->data, b->cap);
    }
    free(b->data);
}

/* Make room for `extra` more bytes and the NUL. realloc() would leave a copy of a secret behind. */
static int
reserve(struct buf *b, size_t extra)
{
    size_t need = 0;
    size_t cap = b->cap == 0 ? 64 : b->cap;
    char *data = NULL;

    assert(b->max > 0 && b->max < SIZE_MAX / 2);
    if (extra > b->max || b->len > b->max - extra) {
        return -ERR_TOO_BIG;
    }
    need = b->len + extra + 1;
    if (need <= b->cap) {
        return 0;
    }
    while (cap < need) {
        cap *= 2;
    }
    if (cap > b->max + 1) {
        cap = b->max + 1;
    }
    data = b->secret ? malloc(cap) : realloc(b->data, cap);
    if (data == NULL) {
        return -ERR_NOMEM;
    }
    if (b->secret) {
        if (b->len > 0) {
            memcpy(data, b->data, b->len);
        }
        wipe_and_free(b);
    }
    b->data = data;
    b->cap = cap;
    b->data[b->len] = '\0';
    return 0;
}

int
buf_add(struct buf *b, const void *data, size_t len)
{
    int rc = reserve(b, len);

    if (rc < 0) {
        return rc;
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int
buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

int
buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;
    int need = 0;
    int rc = 0;

    va_start(args, format);
    need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0) {
        return -ERR_BUG;
    }
    rc = reserve(b, (size_t)need);
    if (rc < 0) {
        return rc;
    }
    va_start(args, format);
    (void)vsnprintf(b->data + b->len, (size_t)need + 1, format, args);
    va_end(args);
    b->len += (size_t)need;
    return 0;
}

int
buf_read(struct buf *b, int fd)
{
    char chunk[4096];
    int rc = 0;

    while (rc == 0) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n == 0) {
            break;
        }
        if (n > 0) {
            rc = buf_add(b, chunk, (size_t)n);
        } else if (errno != EINTR) {
            rc = -ERR_SYSTEM;
        }
    }
    explicit_bzero(chunk, sizeof(chunk));
    return rc;
}

static bool
is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

int
buf_add_uri(struct buf *b, const char *s, const char *keep)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        char out[3] = {'%', hex[c >> 4], hex[c & 15]};
        bool plain = is_unreserved(c) || strchr(keep, c) != NULL;
        int rc = plain ? buf_add(b, s, 1) : buf_add(b, out, sizeof(out));

        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

const char *
buf_str(const struct buf *b)
{
    return b->data == NULL ? "" : b->data;
}

void
buf_clear(struct buf *b)
{
    if (b->data != NULL) {
        if (b->secret) {
            explicit_bzero(b->data, b->cap);
        }
        b->data[0] = '\0';
    }
    b->len = 0;
}

char *
buf_steal(struct buf *b)
{
    char *data = b->data;

    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    return data;
}

void
buf_done(struct buf *b)
{
    wipe_and_free(b);
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
}
