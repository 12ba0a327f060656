/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TESTS_HARNESS_H
#define OCF_AWS_TESTS_HARNESS_H

/* What cmocka.h asks to be included before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Write a small file of /proc in one go. */
static inline bool
harness_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0) {
        (void)close(fd);
    }
    return written;
}

/*!
 * \brief Move this process into namespaces of its own, as root in them
 *
 * What a test makes there - mounts, links, addresses - ends with the process.
 *
 * \return false, with the reason printed, when the kernel forbids it
 */
static inline bool
harness_unshare(int namespaces)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char map[64];

    if (unshare(uid == 0 ? namespaces : namespaces | CLONE_NEWUSER) < 0) {
        print_message("[  NOTE    ] no namespaces of our own: %s\n", strerror(errno));
        return false;
    }
    if (uid == 0) {
        return true;
    }
    (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
    if (!harness_write("/proc/self/uid_map", map) ||
        !harness_write("/proc/self/setgroups", "deny")) {
        print_message("[  NOTE    ] cannot map the user: %s\n", strerror(errno));
        return false;
    }
    (void)snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
    return harness_write("/proc/self/gid_map", map);
}

/*! \brief Whether there are pidfds: not under an older valgrind, which has not heard of them. */
static inline bool
harness_has_pidfd(void)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    if (fd < 0) {
        print_message("[  NOTE    ] no pidfds: %s\n", strerror(errno));
        return false;
    }
    (void)close(fd);
    return true;
}

/*! \brief As harness_unshare(CLONE_NEWNS), with an empty tmpfs on /mnt. */
static inline bool
harness_private_mnt(void)
{
    if (!harness_unshare(CLONE_NEWNS)) {
        return false;
    }
    if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0) {
        print_message("[  NOTE    ] cannot mount a tmpfs: %s\n", strerror(errno));
        return false;
    }
    return true;
}

#endif
