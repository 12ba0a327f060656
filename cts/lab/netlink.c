/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library to be preloaded: netlink as it was before Linux 6.9. The mark that ends a list then
 * came as a message of its own; now it may end the last of the list, where booth 1.0 does not see
 * it and waits for ever (https://github.com/ClusterLabs/booth/pull/139).
 */
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The mark that has been taken off a message, and the socket it was for; 0 when there is none. */
static int held_for = -1;
static char held[NLMSG_SPACE(sizeof(int))];
static size_t held_len;

/* Take the mark off a message of so many bytes; the bytes that are left. */
static size_t
take_mark(int fd, char *message, size_t len)
{
    for (size_t at = 0; at + sizeof(struct nlmsghdr) <= len;) {
        struct nlmsghdr h;

        memcpy(&h, message + at, sizeof(h));
        if (h.nlmsg_type == NLMSG_DONE && at > 0 && len - at <= sizeof(held)) {
            held_for = fd;
            held_len = len - at;
            memcpy(held, message + at, held_len);
            return at;
        }
        if (h.nlmsg_len < sizeof(h)) {
            break;
        }
        at += NLMSG_ALIGN(h.nlmsg_len);
    }
    return len;
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
    const struct sockaddr_nl *from = message->msg_name;
    char *text = message->msg_iovlen > 0 ? message->msg_iov[0].iov_base : NULL;
    ssize_t n = 0;

    if (fd == held_for && text != NULL && message->msg_iov[0].iov_len >= held_len) {
        memcpy(text, held, held_len);
        held_for = -1;
        return (ssize_t)held_len;
    }
    n = syscall(SYS_recvmsg, fd, message, flags);
    if (n > 0 && text != NULL && from != NULL && from->nl_family == AF_NETLINK) {
        n = (ssize_t)take_mark(fd, text, (size_t)n);
    }
    return n;
}
