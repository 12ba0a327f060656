/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cache.h"

#include "clock.h"
#include "digest.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define DEFAULT_RSCTMP "/run/resource-agents"
#define DIR_NAME       "ocf-aws"

/* A file is this line, then the bytes of the entry: "ocf-aws cache 1 LENGTH SHA256\n". */
#define MAGIC       "ocf-aws cache 1"
#define HEADER_SIZE (sizeof(MAGIC " 0123456789abcdef \n") - 1 + DIGEST_HEX_SIZE)
#define HEADER_LEN  (HEADER_SIZE - 1)

/*
 * Files being written: ".new-TIME-RANDOM". A writer needs milliseconds: an older one was killed and
 * left its file. The time is in the name, since that of a file goes by a clock that may be stepped.
 */
#define ASIDE_PREFIX     ".new-"
#define ASIDE_SIZE       sizeof(ASIDE_PREFIX "0123456789abcdef-0123456789abcdef")
#define ASIDE_MAX_AGE_MS (60 * MS_PER_S)
#define WRITE_TIMES      2 /* who was stopped while it wrote may find its file swept away */

static bool
is_private(const struct stat *st)
{
    return st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

/* The directory that holds ours; it may be reached through links (/var/run). */
static int
open_parent(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && (mkdir(path, 0755) == 0 || errno == EEXIST)) {
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    return fd;
}

/* 0 or an errno; EPERM for a directory that is not ours alone. */
static int
open_private_dir(const char *rsctmp, int *ret_fd)
{
    OCF_CLOSE int parent = open_parent(rsctmp);
    OCF_CLOSE int fd = -1;
    struct stat st;

    if (parent < 0) {
        return errno;
    }
    /* Whether it was there or cannot be made is told by openat(). */
    (void)mkdirat(parent, DIR_NAME, 0700);
    fd = openat(parent, DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        return errno;
    }
    /* Nobody else could have put anything there, and the files are 0600: it is closed again. */
    if (st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
        (st.st_mode & 0777) != 0700 && fchmod(fd, 0700) == 0) {
        log_notice("%s/" DIR_NAME " was open to others: closed (mode 0700)", rsctmp);
        st.st_mode = (st.st_mode & ~(mode_t)0777) | 0700;
    }
    if (!is_private(&st)) {
        return EPERM;
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

void
cache_open(struct cache *c, const char *rsctmp)
{
    const char *parent = rsctmp == NULL || rsctmp[0] == '\0' ? DEFAULT_RSCTMP : rsctmp;
    int len = 0;
    int error = 0;

    *c = (struct cache){.dir_fd = -1};
    len = snprintf(c->dir, sizeof(c->dir), "%s/" DIR_NAME, parent);
    error = len < (int)sizeof(c->dir) ? open_private_dir(parent, &c->dir_fd) : ENAMETOOLONG;
    c->missing = error == ENOENT;
    if (error != 0) {
        (void)snprintf(c->why, sizeof(c->why), "%s",
                       error == EPERM ? "not a directory that is ours alone (mode 0700)"
                                      : strerror(error));
        log_debug("cache %s is not used: %s", c->dir, c->why);
    }
}

void
cache_close(struct cache *c)
{
    if (c->dir_fd >= 0) {
        (void)close(c->dir_fd);
    }
    c->dir_fd = -1;
}

static int
make_header(const void *data, size_t len, char ret[HEADER_SIZE])
{
    char digest[DIGEST_HEX_SIZE];
    int rc = digest_sha256_hex(data, len, digest);

    if (rc == 0) {
        (void)snprintf(ret, HEADER_SIZE, MAGIC " %016zx %s\n", len, digest);
    }
    return rc;
}

/* The header is not parsed but made anew from what was read: any difference is a miss. */
static bool
is_whole(const struct buf *file)
{
    char header[HEADER_SIZE];

    return file->len >= HEADER_LEN &&
           make_header(file->data + HEADER_LEN, file->len - HEADER_LEN, header) == 0 &&
           memcmp(file->data, header, HEADER_LEN) == 0;
}

bool
cache_get(const struct cache *c, const char *key, struct buf *ret)
{
    OCF_BUF struct buf file = BUF_INIT_SECRET(HEADER_LEN + CACHE_ENTRY_MAX);
    OCF_CLOSE int fd = -1;
    char name[DIGEST_HEX_SIZE];
    struct stat st;

    if (c->dir_fd < 0 || digest_sha256_hex(key, strlen(key), name) < 0) {
        return false;
    }
    /* O_NONBLOCK: should someone have put a FIFO there, do not wait for its writer. */
    fd = openat(c->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) {
            log_debug("cache %s/%s: %s", c->dir, name, strerror(errno));
        }
        return false;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_private(&st) || buf_read(&file, fd) < 0 ||
        !is_whole(&file)) {
        log_debug("cache %s/%s is not an entry of ours, or is damaged", c->dir, name);
        return false;
    }
    return buf_add(ret, file.data + HEADER_LEN, file.len - HEADER_LEN) == 0;
}

/* The beginning of the names of files that are written at a time; they sort by it. */
static void
aside_prefix(uint64_t at_ms, char ret[ASIDE_SIZE])
{
    (void)snprintf(ret, ASIDE_SIZE, ASIDE_PREFIX "%016llx-", (unsigned long long)at_ms);
}

/* What was written long ago, or at a time yet to come: that was before the boot. */
static bool
is_stale_aside(const char *name, uint64_t now_ms)
{
    char first[ASIDE_SIZE];
    char end[ASIDE_SIZE];

    aside_prefix(now_ms > ASIDE_MAX_AGE_MS ? now_ms - ASIDE_MAX_AGE_MS : 0, first);
    aside_prefix(now_ms + ASIDE_MAX_AGE_MS, end);
    return strncmp(name, ASIDE_PREFIX, strlen(ASIDE_PREFIX)) == 0 &&
           (strcmp(name, first) < 0 || strcmp(name, end) >= 0);
}

/* Remove what writers left behind that were killed. */
static void
sweep(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    uint64_t now_ms = clock_system.mono_ms(NULL);

    if (dir == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (is_stale_aside(entry->d_name, now_ms)) {
            (void)unlinkat(dir_fd, entry->d_name, 0);
        }
    }
    (void)closedir(dir);
}

static int
write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n >= 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

/* Write a new file that only we can read; 0 or an errno. No fsync: the files end with the boot. */
static int
write_aside(int dir_fd, const char *name, const char *header, const void *data, size_t len)
{
    OCF_CLOSE int fd =
        openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || write_all(fd, header, HEADER_LEN) < 0 || write_all(fd, data, len) < 0) {
        return errno;
    }
    return 0;
}

/* 0 or an errno. */
static int
write_and_rename(int dir_fd, const char *name, const char *header, const void *data, size_t len)
{
    char aside[ASIDE_SIZE];
    uint64_t unique = 0;
    int error = 0;

    if (getrandom(&unique, sizeof(unique), 0) != (ssize_t)sizeof(unique)) {
        return errno;
    }
    aside_prefix(clock_system.mono_ms(NULL), aside);
    (void)snprintf(aside + strlen(aside), sizeof(aside) - strlen(aside), "%016llx",
                   (unsigned long long)unique);
    error = write_aside(dir_fd, aside, header, data, len);
    if (error == 0 && renameat(dir_fd, aside, dir_fd, name) < 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlinkat(dir_fd, aside, 0);
    }
    return error;
}

int
cache_store(const struct cache *c, const char *key, const void *data, size_t len, struct err *e)
{
    char name[DIGEST_HEX_SIZE];
    char header[HEADER_SIZE];
    int error = 0;

    if (c->dir_fd < 0) {
        return err_set(e, ERR_SYSTEM, "cannot write to %s: %s", c->dir, c->why);
    }
    if (len > CACHE_ENTRY_MAX) {
        return err_set(e, ERR_BUG, "a cache entry of %zu bytes is too large", len);
    }
    if (digest_sha256_hex(key, strlen(key), name) < 0 || make_header(data, len, header) < 0) {
        return err_set(e, ERR_SYSTEM, "cannot compute SHA-256");
    }
    sweep(c->dir_fd);
    for (unsigned i = 0; i < WRITE_TIMES && (i == 0 || error == ENOENT); i++) {
        error = write_and_rename(c->dir_fd, name, header, data, len);
    }
    if (error != 0) {
        return err_set(e, ERR_SYSTEM, "cannot write to %s: %s (%s)", c->dir, strerror(error), name);
    }
    return 0;
}

void
cache_put(const struct cache *c, const char *key, const void *data, size_t len)
{
    struct err e = {0};

    if (c->dir_fd >= 0 && cache_store(c, key, data, len, &e) < 0) {
        log_debug("%s", e.text);
    }
}

/* The name of an entry's file; -ERR_SYSTEM when there is no directory for it. */
static int
name_of(const struct cache *c, const char *key, char ret[DIGEST_HEX_SIZE], struct err *e)
{
    if (c->dir_fd < 0) {
        return err_set(e, ERR_SYSTEM, "cannot use %s: %s", c->dir, c->why);
    }
    return digest_sha256_hex(key, strlen(key), ret) < 0
               ? err_set(e, ERR_SYSTEM, "cannot compute SHA-256")
               : 0;
}

int
cache_has(const struct cache *c, const char *key, struct err *e)
{
    char name[DIGEST_HEX_SIZE];
    struct stat st;
    int rc = c->missing ? 0 : name_of(c, key, name, e);

    if (rc < 0 || c->missing) {
        return rc;
    }
    if (fstatat(c->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return 1;
    }
    return errno == ENOENT ? 0
                           : err_set(e, ERR_SYSTEM, "cannot look into %s: %s (%s)", c->dir,
                                     strerror(errno), name);
}

int
cache_may_remove(const struct cache *c, const char *key, struct err *e)
{
    char name[DIGEST_HEX_SIZE];
    int rc = name_of(c, key, name, e);

    if (rc == 0 &&
        (faccessat(c->dir_fd, ".", W_OK, 0) < 0 || faccessat(c->dir_fd, name, W_OK, 0) < 0)) {
        rc = err_set(e, ERR_SYSTEM, "cannot remove a file of %s: %s (%s)", c->dir, strerror(errno),
                     name);
    }
    return rc;
}

/* A file system that is read-only says so before it looks whether the file is there. */
static bool
is_there(int dir_fd, const char *name)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int
cache_remove(const struct cache *c, const char *key, struct err *e)
{
    char name[DIGEST_HEX_SIZE];
    int rc = c->missing ? 0 : name_of(c, key, name, e);

    if (rc == 0 && !c->missing && unlinkat(c->dir_fd, name, 0) < 0) {
        int error = errno;

        if (is_there(c->dir_fd, name)) {
            rc = err_set(e, ERR_SYSTEM, "cannot remove a file of %s: %s (%s)", c->dir,
                         strerror(error), name);
        }
    }
    return rc;
}

void
cache_drop(const struct cache *c, const char *key)
{
    struct err e = {0};

    if (c->dir_fd >= 0 && cache_remove(c, key, &e) < 0) {
        log_debug("%s", e.text);
    }
}

int
cache_touch(const struct cache *c, const char *key, struct err *e)
{
    char name[DIGEST_HEX_SIZE];
    OCF_CLOSE int fd = -1;
    int rc = name_of(c, key, name, e);

    if (rc < 0) {
        return rc;
    }
    /* O_NONBLOCK: as in cache_get(). */
    fd = openat(c->dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    return fd >= 0 ? 0
                   : err_set(e, ERR_SYSTEM, "cannot make a file in %s: %s (%s)", c->dir,
                             strerror(errno), name);
}
