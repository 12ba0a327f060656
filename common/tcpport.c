/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcpport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#define BACKLOG    4096 /* the kernel cuts it to net.core.somaxconn */
#define COMM_MAX   16
#define INODE_MAX  32
#define REQUEST    "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
#define STATUS_OK  "HTTP/1.1 200 "
#define ANSWER_MAX 128

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t
socket_address(const struct addr *a, uint16_t port, union socket_address *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (a->family == AF_INET) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_addr = a->ip.v4;
        ret->v4.sin_port = htons(port);
        return sizeof(ret->v4);
    }
    ret->v6.sin6_family = AF_INET6;
    ret->v6.sin6_addr = a->ip.v6;
    ret->v6.sin6_port = htons(port);
    return sizeof(ret->v6);
}

const char *
tcpport_text(const struct tcpport *t, char out[TCPPORT_TEXT_MAX])
{
    char text[ADDR_TEXT_MAX] = "*";

    if (t->address.family != 0) {
        (void)addr_text(&t->address, text);
    }
    (void)snprintf(out, TCPPORT_TEXT_MAX, t->address.family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
                   t->port);
    return out;
}

/* --- whose it is ------------------------------------------------------------------------------ */

/* The inode of a socket that listens on the port, from the kernel's table of one family. */
static bool
find_inode(const char *table, uint16_t port, char ret[INODE_MAX])
{
    FILE *file = fopen(table, "re");
    char line[512];
    char end[8];
    bool found = false;

    (void)snprintf(end, sizeof(end), ":%04X", port);
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        char local[64] = "";
        char state[4] = "";
        size_t len = 0;

        found = sscanf(line, "%*s %63s %*s %3s %*s %*s %*s %*s %*s %31s", local, state, ret) == 3 &&
                strcmp(state, "0A") == 0 && (len = strlen(local)) > strlen(end) &&
                strcmp(local + len - strlen(end), end) == 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

/* Whether one of a process's descriptors is this: "socket:[INODE]". */
static bool
has_descriptor(int proc_fd, const char *pid, const char *what)
{
    char path[64];
    int fd = -1;
    DIR *dir = NULL;
    bool found = false;

    (void)snprintf(path, sizeof(path), "%.32s/fd", pid);
    fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL && !found;
         entry = readdir(dir)) {
        char target[64] = "";
        ssize_t n = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);

        found = n > 0 && strcmp(target, what) == 0;
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return found;
}

static void
read_comm(int proc_fd, const char *pid, char ret[COMM_MAX])
{
    char path[64];
    OCF_CLOSE int fd = -1;
    ssize_t n = 0;

    (void)snprintf(path, sizeof(path), "%.32s/comm", pid);
    fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, ret, COMM_MAX - 1);
    ret[n < 0 ? 0 : n] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

/* ", by postgres (pid 1234)"; empty when it cannot be found out. */
static void
describe_owner(uint16_t port, char *ret, size_t size)
{
    char inode[INODE_MAX] = "";
    char what[INODE_MAX + 16];
    DIR *proc = NULL;

    *ret = '\0';
    if (!find_inode("/proc/net/tcp6", port, inode) && !find_inode("/proc/net/tcp", port, inode)) {
        return;
    }
    (void)snprintf(what, sizeof(what), "socket:[%s]", inode);
    proc = opendir("/proc");
    for (struct dirent *entry = proc == NULL ? NULL : readdir(proc); entry != NULL && *ret == '\0';
         entry = readdir(proc)) {
        char comm[COMM_MAX] = "";

        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            has_descriptor(dirfd(proc), entry->d_name, what)) {
            read_comm(dirfd(proc), entry->d_name, comm);
            (void)snprintf(ret, size, ", by %s (pid %.16s)", comm, entry->d_name);
        }
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
}

/* --- listen ----------------------------------------------------------------------------------- */

static int
refuse_bind(const struct tcpport *t, int error, struct err *e)
{
    char where[TCPPORT_TEXT_MAX];
    char owner[64] = "";

    if (error == EADDRNOTAVAIL) {
        return err_set(e, ERR_PARAM_LOCAL,
                       "cannot listen on %s: no network interface of this node has the address; if "
                       "it is a virtual one, it must start first",
                       tcpport_text(t, where));
    }
    if (error == EADDRINUSE) {
        describe_owner(t->port, owner, sizeof(owner));
    }
    return err_set(e, ERR_SYSTEM, "cannot listen on %s: %s%s", tcpport_text(t, where),
                   strerror(error), owner);
}

/*
 * One socket for both families needs IPv6; a kernel without it has IPv4 alone. Where
 * addresses are named, :: is of IPv6: 0.0.0.0 may be beside it.
 */
static int
open_socket(const struct tcpport *t, struct addr *ret_address)
{
    int one_family = t->address.family != 0;
    int family = one_family ? t->address.family : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *ret_address = one_family ? t->address : (struct addr){.family = AF_INET6};
    if (fd >= 0 && family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one_family, sizeof(one_family));
    }
    if (fd >= 0 || one_family) {
        return fd;
    }
    *ret_address = (struct addr){.family = AF_INET};
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int
tcpport_listen(const struct tcpport *t, int *ret_fd, struct err *e)
{
    union socket_address address;
    struct addr a;
    socklen_t len = 0;
    OCF_CLOSE int fd = open_socket(t, &a);
    int yes = 1;

    if (fd < 0) {
        return err_set(e, ERR_SYSTEM, "cannot open a socket: %s", strerror(errno));
    }
    len = socket_address(&a, t->port, &address);
    /* Connections of the one before may still be waiting for their end. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, &address.any, len) < 0 || listen(fd, BACKLOG) < 0) {
        return refuse_bind(t, errno, e);
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* --- check ------------------------------------------------------------------------------------ */

static int
broken(const struct tcpport *t, enum err_code code, const char *why, struct err *e)
{
    char where[TCPPORT_TEXT_MAX];

    return err_set(e, code, "%s does not answer a health check: %s", tcpport_text(t, where), why);
}

static int
wait_for(const struct tcpport *t, struct deadline d, int fd, short events, struct err *e)
{
    int rc = deadline_poll(d, fd, events);

    return rc < 0 ? broken(t, (enum err_code) - rc, err_text(rc), e) : 0;
}

static int
connect_to(const struct tcpport *t, int fd, struct deadline d, struct err *e)
{
    union socket_address address;
    struct addr a = t->address;
    socklen_t len = 0;
    int error = 0;
    int rc = 0;

    if (a.family == 0) {
        a = (struct addr){.family = AF_INET, .ip.v4.s_addr = htonl(INADDR_LOOPBACK)};
    }
    len = socket_address(&a, t->port, &address);
    if (connect(fd, &address.any, len) < 0 && errno != EINPROGRESS) {
        return broken(t, ERR_CONNECT, strerror(errno), e);
    }
    rc = wait_for(t, d, fd, POLLOUT, e);
    if (rc < 0) {
        return rc;
    }
    len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error != 0) {
        return broken(t, ERR_CONNECT, strerror(error), e);
    }
    return 0;
}

/* All that comes until the end of the connection, of which the first bytes are kept. */
static int
read_to_end(const struct tcpport *t, int fd, struct deadline d, char ret[ANSWER_MAX], struct err *e)
{
    size_t len = 0;

    for (;;) {
        char more[ANSWER_MAX];
        ssize_t n = 0;
        int rc = wait_for(t, d, fd, POLLIN, e);

        if (rc < 0) {
            return rc;
        }
        n = recv(fd, more, sizeof(more), MSG_DONTWAIT);
        if (n == 0) {
            ret[len] = '\0';
            return 0;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return broken(t, ERR_CONNECT, strerror(errno), e);
        }
        for (ssize_t i = 0; i < n && len < ANSWER_MAX - 1; i++) {
            ret[len++] = more[i];
        }
    }
}

int
tcpport_check(const struct tcpport *t, const char *path, struct deadline d, struct err *e)
{
    OCF_CLOSE int fd = socket(t->address.family == AF_INET6 ? AF_INET6 : AF_INET,
                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char request[512];
    char answer[ANSWER_MAX];
    int rc = 0;

    if (fd < 0) {
        return err_set(e, ERR_SYSTEM, "cannot open a socket: %s", strerror(errno));
    }
    rc = connect_to(t, fd, d, e);
    if (rc == 0 && path != NULL) {
        int len = snprintf(request, sizeof(request), REQUEST, path);

        if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len) {
            return broken(t, ERR_CONNECT, strerror(errno), e);
        }
    }
    rc = rc < 0 ? rc : read_to_end(t, fd, d, answer, e);
    if (rc == 0 && path != NULL && strncmp(answer, STATUS_OK, strlen(STATUS_OK)) != 0) {
        answer[strcspn(answer, "\r\n")] = '\0';
        return broken(t, ERR_SERVICE, answer[0] == '\0' ? "it has closed the connection" : answer,
                      e);
    }
    return rc;
}
