/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * meter FILE PROGRAM [ARGUMENT...]: run a program and append to FILE what it costs, as a line of
 * exit code, CPU microseconds, peak KiB and microseconds from begin to end. Ends as the program
 * did. In C, because a process inherits the peak of whoever forked it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long
microseconds(const struct timeval *t)
{
    return t->tv_sec * 1000000L + t->tv_usec;
}

static long
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* One write to a file opened for appending: lines of several writers do not mix. */
static int
note(const char *path, int status, const struct rusage *used, long wall)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int length = 0;

    if (fd < 0) {
        return -1;
    }
    length = dprintf(
        fd, "%d %ld %ld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
        microseconds(&used->ru_utime) + microseconds(&used->ru_stime), used->ru_maxrss, wall);
    return close(fd) == 0 && length > 0 ? 0 : -1;
}

int
main(int argc, char **argv)
{
    struct rusage used;
    int status = 0;
    long began = now();
    pid_t pid = argc > 2 ? fork() : -1;

    if (pid == 0) {
        (void)execvp(argv[2], &argv[2]);
        perror(argv[2]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid ||
        note(argv[1], status, &used, now() - began) != 0) {
        perror("meter");
        return 1;
    }
    if (WIFSIGNALED(status)) {
        (void)signal(WTERMSIG(status), SIG_DFL);
        (void)raise(WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}
