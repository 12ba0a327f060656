/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_CACHE_H
#define OCF_AWS_CACHE_H

#include "buf.h"
#include "err.h"

/*
 * Small files that outlive one run of an agent: session token, identity of the instance, role
 * credentials. The directory is $HA_RSCTMP/ocf-aws (default /run/resource-agents/ocf-aws), 0700
 * and ours, or it is not used at all; files are 0600, written aside and renamed. They live on
 * tmpfs and so end with the boot. A cache that cannot be used costs time and nothing else: every
 * failure here is logged at debug and reads as a miss.
 */

#define CACHE_ENTRY_MAX 65536

/* An open cache. */
struct cache {
    int dir_fd;    /* -1: no cache, every get is a miss and every put a no-op */
    bool missing;  /* -1, since there is no such directory and it cannot be made */
    char dir[160]; /* path of the directory, for messages */
    char why[128]; /* why dir_fd is -1 */
};

/*!
 * \brief Open the directory under \p rsctmp (HA_RSCTMP); NULL or "" for the default
 *
 * Creates it, and \p rsctmp itself, but nothing above that. Refuses (dir_fd = -1) a directory that
 * is a symbolic link, belongs to another user or is open to group or others.
 */
void cache_open(struct cache *c, const char *rsctmp);

void cache_close(struct cache *c);

/*!
 * \brief Read an entry
 *
 * \param[in]  key  any string; the file's name is made from a hash of it
 * \param[out] ret  appended to, unchanged by a miss; may hold a secret, so use a secret buffer
 *                  where it does
 *
 * \return true when there is an entry that is a regular file, ours, closed to group and others,
 *         whole (its length and digest fit) and at most CACHE_ENTRY_MAX; false for a miss
 */
bool cache_get(const struct cache *c, const char *key, struct buf *ret);

/*! \brief Write an entry, all or nothing; two writers at once leave one whole entry. */
void cache_put(const struct cache *c, const char *key, const void *data, size_t len);

/*! \brief Remove an entry, if there. */
void cache_drop(const struct cache *c, const char *key);

/*!
 * \brief Whether there is an entry, for state that is more than a cache: no miss for a failure
 *
 * A directory that is missing has none.
 *
 * \return 1, 0, or -ERR_SYSTEM with the path and errno's text in \p e when it cannot be told
 */
int cache_has(const struct cache *c, const char *key, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Whether an entry that is there could be removed; nothing is removed
 *
 * \return 0, or -ERR_SYSTEM with the path and errno's text in \p e: the file system is read-only,
 *         or the file immutable
 */
int cache_may_remove(const struct cache *c, const char *key, struct err *e) OCF_MUST_CHECK;

/*! \brief As cache_drop(), but the failure is told: 0, also when it was not there; -ERR_SYSTEM. */
int cache_remove(const struct cache *c, const char *key, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief As cache_put(), for state that is more than a cache: the failure is told
 *
 * \return 0; -ERR_SYSTEM with the path and errno's text in \p e; -ERR_BUG above CACHE_ENTRY_MAX
 */
int cache_store(const struct cache *c, const char *key, const void *data, size_t len,
                struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Make an empty entry, for cache_has(): a full file system has room for that
 *
 * \return 0, also when there is one; -ERR_SYSTEM with the path and errno's text in \p e
 */
int cache_touch(const struct cache *c, const char *key, struct err *e) OCF_MUST_CHECK;

#endif
