/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_LISTENER_H
#define OCF_AWS_LISTENER_H

#include "daemon.h"

/*
 * The process that answers health checks: one thread, one libqb loop, no fork for anybody. It gets
 * its sockets from who starts it, has no rights, no files and no secrets, and writes nothing.
 *
 * Anybody may send it anything, so all is bounded: connections, bytes of each and time of each.
 * When there is no room for one more connection, the oldest is closed for it, so a new health check
 * is always let in, and it is served before later ones can push it out.
 */

#define LISTENER_NAME "probe-listener" /* its argv[0] */

/* What it gets, by the numbers that daemon_spawn() gives them. */
#define LISTENER_FD_CONTROL DAEMON_FD_FIRST
#define LISTENER_FD_PORTS   (DAEMON_FD_FIRST + 1) /* this and all after it */
#define LISTENER_PORTS_MAX  (DAEMON_FDS_MAX - 1)

enum { LISTENER_ARG_NAME, LISTENER_ARG_INSTANCE, LISTENER_ARG_PATH, LISTENER_ARGS };

/*! \brief Whether the program was started as a listener. */
bool listener_is(int argc, char *const *argv);

/*!
 * \brief Be the listener until a signal ends it
 *
 * \param[in] argv  LISTENER_NAME; the instance, for `ps`; the path that HTTP asks for, "" for bare
 *                  connections
 *
 * \return exit code of the process: it could not begin
 */
int listener_main(char *const *argv);

#endif
