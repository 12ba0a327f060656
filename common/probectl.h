/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_PROBECTL_H
#define OCF_AWS_PROBECTL_H

#include "clock.h"
#include "err.h"

/*
 * Questions of the agent to its listener, and their answers: datagrams on a connected unix socket
 * (SOCK_SEQPACKET) in the node's state directory, which root alone can enter. Each connection is
 * for one question.
 *
 * Not libqb's IPC, whose server makes files and buffers for a client before it asks whether the
 * client may: its sockets are abstract, so every user of the host reaches them, and the size of
 * the buffer is the client's choice.
 */

/*
 * A listener outlives the package that started it: the agent that asks may be of a later version.
 * A question is understood by all of them, so it never changes; an answer says what it is.
 */
#define PROBECTL_MAGIC   0x70726231U /* of a question */
#define PROBECTL_VERSION 1U          /* of an answer: changes with struct probectl_status */

enum probectl_command { PROBECTL_STATUS = 1, PROBECTL_DRAIN };

struct probectl_question {
    uint32_t magic;
    uint32_t command;
};

/* What has come in, since the listener began. A connection of this host is not a health check. */
struct probectl_status {
    uint32_t version;
    uint32_t draining;
    uint64_t accepted;    /* connections, all */
    uint64_t own;         /* of this host */
    uint64_t checks;      /* health checks that were answered well */
    uint64_t refused;     /* answered with another status than 200 */
    uint64_t dropped;     /* without a request in time, or to make room */
    uint64_t open;        /* now */
    uint64_t idle_ms;     /* since the last health check, or since the listener began */
    uint64_t draining_ms; /* 0 when it is not draining */
};

/*!
 * \brief Open the listener's side, with nobody's but our own access; an old socket is replaced
 *
 * \param[in] dir_fd  the state directory; \p dir is its path, for messages
 *
 * \return 0 or -ERR_SYSTEM
 */
int probectl_listen(int dir_fd, const char *dir, const char *name, int *ret_fd,
                    struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Ask the listener
 *
 * \return 0; -ERR_CONNECT when nobody listens; -ERR_TIMEOUT when it does not answer;
 *         -ERR_CANCELLED; -ERR_SYSTEM; -ERR_MALFORMED when it has done as it was told, and its
 *         answer is of another version
 */
int probectl_ask(int dir_fd, const char *name, enum probectl_command command, struct deadline d,
                 struct probectl_status *ret, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief In the listener: read the question of an accepted connection
 *
 * \return the command; 0 when there is none to be answered
 */
uint32_t probectl_read(int fd);

/*! \brief In the listener: answer. An asker that is gone is nobody's loss. */
void probectl_answer(int fd, const struct probectl_status *status);

#endif
