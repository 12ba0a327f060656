/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LOCK_SUFFIX ".lock"
#define LIFE_BYTE   0
#define PID_BYTE    1
#define LOOK_MS     10   /* between two looks at a process that is just beginning */
#define GRACE_MS    2000 /* between SIGTERM and SIGKILL */

int
daemon_at(struct daemon *d, const struct cache *cache, const char *key, struct err *e)
{
    if (cache->dir_fd < 0 && !cache->missing) {
        return err_set(e, ERR_SYSTEM, "cannot use %s: %s", cache->dir, cache->why);
    }
    *d = (struct daemon){.dir_fd = cache->dir_fd, .dir = cache->dir};
    if (digest_sha256_hex(key, strlen(key), d->base) < 0) {
        return err_set(e, ERR_SYSTEM, "cannot compute SHA-256");
    }
    return 0;
}

struct daemon_file
daemon_file(const struct daemon *d, const char *suffix)
{
    struct daemon_file f;

    (void)snprintf(f.name, sizeof(f.name), "%s%s", d->base, suffix);
    return f;
}

static struct flock
write_lock(off_t byte)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

/*
 * Who would be in the way of a lock on a byte: 0 nobody; a pid; -1 an open file description, or a
 * process that this one cannot see. Asked as for an open file description, so that no lock of
 * this process would be overlooked.
 */
static int
holder_of(int fd, off_t byte, pid_t *ret)
{
    struct flock lock = write_lock(byte);

    if (fcntl(fd, F_OFD_GETLK, &lock) < 0) {
        return -1;
    }
    *ret = 0;
    if (lock.l_type != F_UNLCK) {
        *ret = lock.l_pid > 0 ? lock.l_pid : -1;
    }
    return 0;
}

/* By the system call: the functions came with glibc 2.36. */
static int
open_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int
signal_pidfd(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

/* One look: 1 identified, 0 nobody, 2 alive and not known yet, -1 with errno. */
static int
identify(int fd, struct daemon_id *ret)
{
    pid_t pid = 0;
    pid_t again = 0;
    int pidfd = -1;

    if (holder_of(fd, LIFE_BYTE, &pid) < 0) {
        return -1;
    }
    if (pid == 0) {
        return 0;
    }
    if (holder_of(fd, PID_BYTE, &pid) < 0) {
        return -1;
    }
    if (pid <= 0) {
        return 2;
    }
    pidfd = open_pidfd(pid);
    if (pidfd < 0) {
        return errno == ESRCH ? 2 : -1;
    }
    /* It held the lock when the pidfd had been opened, so the pidfd is its own. */
    if (holder_of(fd, PID_BYTE, &again) < 0 || again != pid) {
        (void)close(pidfd);
        return 2;
    }
    *ret = (struct daemon_id){.pid = pid, .pidfd = pidfd};
    return 1;
}

int
daemon_find(const struct daemon *d, struct deadline until, struct daemon_id *ret, struct err *e)
{
    struct daemon_file file = daemon_file(d, LOCK_SUFFIX);
    OCF_CLOSE int fd = openat(d->dir_fd, file.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int found = 2;

    if (d->dir_fd < 0 || (fd < 0 && errno == ENOENT)) {
        return 0; /* every process has left its lock file there */
    }
    if (fd < 0) {
        return err_set(e, ERR_SYSTEM, "cannot open %s/%s: %s", d->dir, file.name, strerror(errno));
    }
    for (;;) {
        int rc = 0;

        found = identify(fd, ret);
        if (found < 0) {
            return err_set(e, ERR_SYSTEM, "cannot look at the locks of %s/%s: %s", d->dir,
                           file.name, strerror(errno));
        }
        if (found != 2) {
            return found;
        }
        rc = deadline_sleep(until, LOOK_MS);
        if (rc < 0) {
            rc = rc == -ERR_DEADLINE ? -ERR_TIMEOUT : rc;
            return err_set(e, (enum err_code) - rc,
                           "%s/%s is locked by a process that does not say who it is", d->dir,
                           file.name);
        }
    }
}

/* --- start ----------------------------------------------------------------------------------- */

/* Put the descriptors where the program expects them; what is in the way is moved first. */
static bool
place_fds(int lock_fd, const struct daemon_program *program)
{
    int moved[1 + DAEMON_FDS_MAX];
    int first_free = DAEMON_FD_LOCK + 1 + (int)program->n_fds;

    for (size_t i = 0; i <= program->n_fds; i++) {
        moved[i] = fcntl(i == 0 ? lock_fd : program->fds[i - 1], F_DUPFD_CLOEXEC, first_free);
        if (moved[i] < 0) {
            return false;
        }
    }
    for (size_t i = 0; i <= program->n_fds; i++) {
        if (dup2(moved[i], DAEMON_FD_LOCK + (int)i) < 0) {
            return false;
        }
    }
    return syscall(SYS_close_range, (unsigned)first_free, ~0U, 0) == 0;
}

static bool
place_null(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = STDIN_FILENO; null_fd >= 0 && fd <= STDERR_FILENO; fd++) {
        if (dup2(null_fd, fd) < 0) {
            return false;
        }
    }
    return null_fd >= 0;
}

/* The child. Nothing here may allocate or lock, as after every fork. */
static void
become(int lock_fd, const struct daemon_program *program)
{
    static char *const no_environment[] = {NULL};
    sigset_t none;

    (void)sigemptyset(&none);
    (void)signal(SIGPIPE, SIG_DFL);
    if (setsid() < 0 || chdir("/") < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
        !place_null() || !place_fds(lock_fd, program)) {
        _exit(126);
    }
    (void)umask(077);
    /* Not by its name: a package may be replacing the file right now. */
    (void)execve("/proc/self/exe", program->argv, no_environment);
    _exit(127);
}

/* The lock file with the lock that the child inherits. */
static int
take_lock(const struct daemon *d, int *ret_fd, struct err *e)
{
    struct daemon_file file = daemon_file(d, LOCK_SUFFIX);
    struct flock lock = write_lock(LIFE_BYTE);
    OCF_CLOSE int fd =
        openat(d->dir_fd, file.name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

    if (fd < 0) {
        return err_set(e, ERR_SYSTEM, "cannot open %s/%s: %s", d->dir, file.name,
                       strerror(d->dir_fd < 0 ? ENOENT : errno));
    }
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        return err_set(e, errno == EAGAIN || errno == EACCES ? ERR_CONFLICT : ERR_SYSTEM,
                       "cannot lock %s/%s: %s", d->dir, file.name, strerror(errno));
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int
daemon_spawn(const struct daemon *d, const struct daemon_program *program, struct daemon_id *ret,
             struct err *e)
{
    OCF_CLOSE int lock_fd = -1;
    pid_t pid = -1;
    int pidfd = -1;
    int rc = take_lock(d, &lock_fd, e);

    if (rc < 0) {
        return rc;
    }
    if (program->n_fds > DAEMON_FDS_MAX) {
        return err_set(e, ERR_BUG, "%zu descriptors are too many", program->n_fds);
    }
    pid = fork();
    if (pid == 0) {
        become(lock_fd, program);
    }
    if (pid < 0) {
        return err_set(e, ERR_SYSTEM, "cannot fork: %s", strerror(errno));
    }
    /* A child that is not reaped keeps its pid. */
    pidfd = open_pidfd(pid);
    if (pidfd < 0) {
        rc = err_set(e, ERR_SYSTEM, "cannot open a pidfd: %s", strerror(errno));
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return rc;
    }
    *ret = (struct daemon_id){.pid = pid, .pidfd = pidfd};
    return 0;
}

int
daemon_hold(void)
{
    struct flock lock = write_lock(PID_BYTE);

    /* No other descriptor of the file may be opened here: closing it would drop the lock. */
    return fcntl(DAEMON_FD_LOCK, F_SETFD, FD_CLOEXEC) < 0 ||
                   fcntl(DAEMON_FD_LOCK, F_SETLK, &lock) < 0
               ? -ERR_SYSTEM
               : 0;
}

/* --- end ------------------------------------------------------------------------------------- */

int
daemon_end(const struct daemon_id *id, struct deadline d, struct err *e)
{
    static const int numbers[] = {SIGTERM, SIGKILL};
    int rc = -ERR_TIMEOUT;

    for (size_t i = 0; i < ARRAY_LEN(numbers) && rc == -ERR_TIMEOUT; i++) {
        struct deadline wait = numbers[i] == SIGKILL ? d : deadline_cap(d, GRACE_MS);

        if (signal_pidfd(id->pidfd, numbers[i]) < 0 && errno != ESRCH) {
            return err_set(e, ERR_SYSTEM, "cannot send signal %d to process %d: %s", numbers[i],
                           (int)id->pid, strerror(errno));
        }
        rc = deadline_poll(wait, id->pidfd, POLLIN);
    }
    return rc < 0 ? err_set(e, (enum err_code) - rc, "process %d does not end", (int)id->pid) : 0;
}

void
daemon_reap(const struct daemon_id *id, char *ret, size_t size)
{
    int status = 0;

    (void)snprintf(ret, size, "no known reason");
    if (waitpid(id->pid, &status, WNOHANG) != id->pid) {
        return;
    }
    if (WIFSIGNALED(status)) {
        (void)snprintf(ret, size, "signal %d", WTERMSIG(status));
    } else {
        (void)snprintf(ret, size, "exit code %d", WEXITSTATUS(status));
    }
}
