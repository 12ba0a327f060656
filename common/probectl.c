/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probectl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 8

/* The path of a state directory may be longer than the address of a socket can be. */
static bool
address_of(int dir_fd, const char *name, struct sockaddr_un *ret)
{
    int len = 0;

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    len = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
    return len > 0 && (size_t)len < sizeof(ret->sun_path);
}

static int
new_socket(void)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int
probectl_listen(int dir_fd, const char *dir, const char *name, int *ret_fd, struct err *e)
{
    OCF_CLOSE int fd = new_socket();
    struct sockaddr_un address;

    if (!address_of(dir_fd, name, &address)) {
        return err_set(e, ERR_BUG, "%s: the name of a socket is too long", name);
    }
    (void)unlinkat(dir_fd, name, 0);
    /* The mode of the socket becomes that of the file: it is never open to others. */
    if (fd < 0 || fchmod(fd, 0600) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0) {
        return err_set(e, ERR_SYSTEM, "cannot open a socket in %s: %s", dir, strerror(errno));
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int
probectl_ask(int dir_fd, const char *name, enum probectl_command command, struct deadline d,
             struct probectl_status *ret, struct err *e)
{
    const struct probectl_question question = {.magic = PROBECTL_MAGIC, .command = command};
    OCF_CLOSE int fd = new_socket();
    struct probectl_status status = {0};
    struct sockaddr_un address;
    ssize_t n = 0;
    int rc = 0;

    if (fd < 0 || !address_of(dir_fd, name, &address)) {
        return err_set(e, ERR_SYSTEM, "cannot open a socket: %s", strerror(errno));
    }
    /* EAGAIN: as many others wait for an answer as there is room for. */
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        send(fd, &question, sizeof(question), MSG_NOSIGNAL) < 0) {
        return err_set(e, errno == EAGAIN ? ERR_TIMEOUT : ERR_CONNECT,
                       "the listener cannot be asked: %s", strerror(errno));
    }
    rc = deadline_poll(d, fd, POLLIN);
    if (rc < 0) {
        return err_set(e, (enum err_code) - rc, "the listener does not answer");
    }
    n = recv(fd, &status, sizeof(status), MSG_TRUNC);
    if (n <= 0) {
        return err_set(e, ERR_CONNECT, "the listener does not answer: %s",
                       n == 0 ? "it has closed the connection" : strerror(errno));
    }
    if (n != (ssize_t)sizeof(status) || status.version != PROBECTL_VERSION) {
        return err_set(e, ERR_MALFORMED,
                       "the listener is of another version of this agent, which counts otherwise");
    }
    *ret = status;
    return 0;
}

uint32_t
probectl_read(int fd)
{
    struct probectl_question question;

    /* MSG_TRUNC: the length that was sent, or the beginning of another thing is a question too. */
    return recv(fd, &question, sizeof(question), MSG_TRUNC) == (ssize_t)sizeof(question) &&
                   question.magic == PROBECTL_MAGIC
               ? question.command
               : 0;
}

void
probectl_answer(int fd, const struct probectl_status *status)
{
    (void)!send(fd, status, sizeof(*status), MSG_NOSIGNAL | MSG_DONTWAIT);
}
