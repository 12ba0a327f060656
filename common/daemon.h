/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_DAEMON_H
#define OCF_AWS_DAEMON_H

#include "cache.h"
#include "clock.h"
#include "digest.h"

#include <sys/types.h>

/*
 * A process that goes on when the agent has ended: at most one for each key, found again by
 * locks that the kernel keeps, and never taken for another process.
 *
 * Its lock file lies in the node's state directory and is empty; what counts are two locks:
 *
 *   byte 0  of the open file description, taken by who starts the process, and inherited: it is
 *           held without a gap from before the fork to the end of the process
 *   byte 1  of the process itself (POSIX): the kernel tells whose pid that is
 *
 * A pid that is only written down may be another's by the time it is read. Here it is asked from
 * the kernel before and after a pidfd is opened, and signals are sent through that.
 * Source: fcntl(2), "Advisory record locking" and "Open file description locks"; pidfd_open(2).
 */

#define DAEMON_FD_LOCK    3 /* in the started process */
#define DAEMON_FD_FIRST   4 /* the first descriptor that was passed, and the others after it */
#define DAEMON_FDS_MAX    40
#define DAEMON_SUFFIX_MAX 8

/* Where the process of a key is to be found. */
struct daemon {
    int dir_fd;      /* borrowed; -1: there is no such directory */
    const char *dir; /* borrowed; for messages */
    char base[DIGEST_HEX_SIZE];
};

/* A name in the state directory. */
struct daemon_file {
    char name[DIGEST_HEX_SIZE + DAEMON_SUFFIX_MAX];
};

/* A process that lives; the pidfd cannot become another's. Close with daemon_id_done(). */
struct daemon_id {
    pid_t pid;
    int pidfd;
};

/* What to run. */
struct daemon_program {
    char *const *argv; /* of this very executable; its environment is empty */
    const int *fds;
    size_t n_fds;
};

/*!
 * \brief The place of a key's process; nothing is opened
 *
 * \param[in] cache  borrowed for as long as the place is used
 *
 * \return 0, also when the state directory is missing: then there is no process, and none can be
 *         started; -ERR_SYSTEM when it cannot be used
 */
int daemon_at(struct daemon *d, const struct cache *cache, const char *key,
              struct err *e) OCF_MUST_CHECK;

/*! \brief The name of a file of this process: daemon_file(d, ".lock"). */
struct daemon_file daemon_file(const struct daemon *d, const char *suffix);

/*!
 * \brief Look for the process; nothing is changed
 *
 * One that has been forked but does not hold its own lock yet is waited for.
 *
 * \param[out] ret  set when it lives
 *
 * \return 1 it lives, 0 there is none, -ERR_TIMEOUT, -ERR_CANCELLED, -ERR_SYSTEM
 */
int daemon_find(const struct daemon *d, struct deadline until, struct daemon_id *ret,
                struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Start the process: session of its own, "/", /dev/null, no other descriptor, no
 *        environment, all signals as at first
 *
 * It runs this executable with \p program 's arguments and must call daemon_hold() at once.
 *
 * \param[out] ret  the child; reap it with daemon_reap() when it has failed
 *
 * \return 0; -ERR_CONFLICT when there is one already; -ERR_SYSTEM
 */
int daemon_spawn(const struct daemon *d, const struct daemon_program *program,
                 struct daemon_id *ret, struct err *e) OCF_MUST_CHECK;

/*! \brief In the started process: take its own lock. 0 or -ERR_SYSTEM. */
int daemon_hold(void) OCF_MUST_CHECK;

/*!
 * \brief End the process: SIGTERM, and after a while SIGKILL
 *
 * \return 0 when it has ended; -ERR_TIMEOUT, -ERR_CANCELLED, -ERR_SYSTEM
 */
int daemon_end(const struct daemon_id *id, struct deadline d, struct err *e) OCF_MUST_CHECK;

/*! \brief How a child that has ended did so: "exit code 1" or "signal 9". */
void daemon_reap(const struct daemon_id *id, char *ret, size_t size);

static inline void
daemon_id_done(const struct daemon_id *id)
{
    base_close_p(&id->pidfd);
}

#define OCF_DAEMON_ID OCF_CLEANUP(daemon_id_done)

#endif
