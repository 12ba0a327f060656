/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * meter PROGRAM [ARGUMENT...]: what a run of a program costs, as a line of exit code, CPU
 * microseconds and peak KiB. In C, because a process inherits the peak of whoever forked it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long
microseconds(const struct timeval *t)
{
    return t->tv_sec * 1000000L + t->tv_usec;
}

static void
run(char **argv)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0) {
        (void)execvp(argv[0], argv);
    }
    perror(argv[0]);
    _exit(127);
}

int
main(int argc, char **argv)
{
    struct rusage used;
    int status = 0;
    pid_t pid = argc > 1 ? fork() : -1;

    if (pid == 0) {
        run(&argv[1]);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
        perror("meter");
        return 1;
    }
    (void)printf("%d %ld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                 microseconds(&used.ru_utime) + microseconds(&used.ru_stime), used.ru_maxrss);
    return 0;
}
