/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "daemon.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

/* This program is its own daemon: argv[0] says which kind of it. */
#define HOLDER   "holder"   /* as it should be */
#define MUTE     "mute"     /* does not take its own lock */
#define STUBBORN "stubborn" /* does not end by SIGTERM */
#define FAILING  "failing"  /* ends at once */

#define WAIT_MS  20000
#define SHORT_MS 50

static struct deadline
in(uint64_t ms)
{
    return deadline_in(&clock_system, NULL, ms, -1);
}

static struct daemon
place(struct fake *f, const char *key)
{
    struct daemon d;

    assert_int_equal(daemon_at(&d, &f->cache, key, NULL), 0);
    return d;
}

static struct daemon_id
spawn(const struct daemon *d, const char *kind)
{
    char name[16];
    char *argv[] = {name, NULL};
    const struct daemon_program program = {.argv = argv};
    struct daemon_id id;
    struct err e = {0};

    (void)snprintf(name, sizeof(name), "%s", kind);
    if (daemon_spawn(d, &program, &id, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return id;
}

/* End the child by force, whatever it is doing. */
static void
put_away(struct daemon_id *id)
{
    (void)kill(id->pid, SIGKILL);
    (void)waitpid(id->pid, NULL, 0);
    daemon_id_done(id);
}

static void
daemon_find_before_any_start_finds_none(void **state)
{
    struct daemon d = place(*state, "a");
    struct daemon_id id;

    assert_int_equal(daemon_find(&d, in(0), &id, NULL), 0);
}

static void
daemon_spawn_is_found_until_it_ends(void **state)
{
    struct daemon d = place(*state, "a");
    struct daemon other = place(*state, "b");
    struct daemon_id child = spawn(&d, HOLDER);
    struct daemon_id found;
    char how[32];

    assert_int_equal(daemon_find(&d, in(WAIT_MS), &found, NULL), 1);
    assert_int_equal(found.pid, child.pid);
    assert_int_equal(daemon_find(&other, in(0), &found, NULL), 0);
    assert_int_equal(daemon_end(&child, in(WAIT_MS), NULL), 0);
    daemon_reap(&child, how, sizeof(how));
    assert_string_equal(how, "signal 15");
    assert_int_equal(daemon_find(&d, in(0), &found, NULL), 0);
    daemon_id_done(&child);
}

/* From the return of daemon_spawn() on there is no moment in which it could be overlooked. */
static void
daemon_spawn_is_never_overlooked(void **state)
{
    struct daemon d = place(*state, "a");

    for (unsigned i = 0; i < 50; i++) {
        struct daemon_id child = spawn(&d, HOLDER);
        struct daemon_id found;

        assert_int_equal(daemon_find(&d, in(WAIT_MS), &found, NULL), 1);
        assert_int_equal(found.pid, child.pid);
        daemon_id_done(&found);
        put_away(&child);
        assert_int_equal(daemon_find(&d, in(0), &found, NULL), 0);
    }
}

static void
daemon_spawn_beside_another_is_a_conflict(void **state)
{
    struct daemon d = place(*state, "a");
    struct daemon_id child = spawn(&d, HOLDER);
    char name[] = HOLDER;
    char *argv[] = {name, NULL};
    const struct daemon_program program = {.argv = argv};
    struct daemon_id second;

    assert_int_equal(daemon_spawn(&d, &program, &second, NULL), -ERR_CONFLICT);
    put_away(&child);
}

static void
daemon_spawn_gives_descriptors_in_their_order_and_nothing_else(void **state)
{
    struct daemon d = place(*state, "a");
    char name[] = HOLDER;
    char *argv[] = {name, NULL};
    int ends[2];
    int fds[2];
    const struct daemon_program program = {.argv = argv, .fds = fds, .n_fds = 2};
    struct daemon_id child;
    char path[64];
    char link[64];
    char buffer[8];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fds[0] = ends[1];
    fds[1] = ends[0];
    assert_int_equal(daemon_spawn(&d, &program, &child, NULL), 0);
    /* It has its own lock, and has been executed. */
    {
        struct daemon_id found;

        assert_int_equal(daemon_find(&d, in(WAIT_MS), &found, NULL), 1);
        daemon_id_done(&found);
    }
    for (int fd = 0; fd < 12; fd++) {
        ssize_t n = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)child.pid, fd);
        n = readlink(path, link, sizeof(link) - 1);
        assert_int_equal(n > 0, fd <= DAEMON_FD_FIRST + 1);
        link[n < 0 ? 0 : n] = '\0';
        assert_int_equal(strncmp(link, "pipe:", 5) == 0, fd >= DAEMON_FD_FIRST && n > 0);
        assert_int_equal(strcmp(link, "/dev/null") == 0, fd <= STDERR_FILENO);
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)child.pid);
    {
        OCF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

        assert_int_equal(read(fd, buffer, sizeof(buffer)), 0);
    }
    assert_int_equal(getsid(child.pid), child.pid);
    (void)close(ends[0]);
    (void)close(ends[1]);
    put_away(&child);
}

/* Whatever is written into the file, it is nobody's pid. */
static void
daemon_find_takes_no_pid_from_the_file(void **state)
{
    struct daemon d = place(*state, "a");
    struct daemon_file file = daemon_file(&d, ".lock");
    OCF_CLOSE int fd = openat(d.dir_fd, file.name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct daemon_id id;

    assert_int_equal(write(fd, "1\n", 2), 2);
    assert_int_equal(daemon_find(&d, in(0), &id, NULL), 0);
}

static void
daemon_find_waits_for_one_that_does_not_say_who_it_is(void **state)
{
    struct daemon d = place(*state, "a");
    struct daemon_id child = spawn(&d, MUTE);
    struct daemon_id found;
    struct err e = {0};

    assert_int_equal(daemon_find(&d, in(SHORT_MS), &found, &e), -ERR_TIMEOUT);
    assert_non_null(strstr(e.text, ".lock is locked by a process that does not say"));
    put_away(&child);
    assert_int_equal(daemon_find(&d, in(0), &found, NULL), 0);
}

static void
daemon_find_without_a_directory_is_an_error(void **state)
{
    struct cache none = {.dir_fd = -1, .dir = "/nowhere", .why = "no such thing"};
    struct daemon d;
    struct err e = {0};

    (void)state;
    assert_int_equal(daemon_at(&d, &none, "a", &e), -ERR_SYSTEM);
    assert_string_equal(e.text, "cannot use /nowhere: no such thing");
}

static void
daemon_end_of_one_that_ignores_sigterm(void **state)
{
    struct daemon d = place(*state, "a");
    struct daemon_id child = spawn(&d, STUBBORN);
    struct daemon_id found;
    char how[32];

    assert_int_equal(daemon_find(&d, in(WAIT_MS), &found, NULL), 1);
    assert_int_equal(daemon_end(&found, in(WAIT_MS), NULL), 0);
    daemon_reap(&child, how, sizeof(how));
    assert_string_equal(how, "signal 9");
    daemon_id_done(&found);
    daemon_id_done(&child);
}

static void
daemon_end_of_one_that_has_ended_is_fine(void **state)
{
    struct daemon d = place(*state, "a");
    struct daemon_id child = spawn(&d, FAILING);
    char how[32];

    assert_int_equal(deadline_poll(in(WAIT_MS), child.pidfd, POLLIN), 0);
    assert_int_equal(daemon_end(&child, in(WAIT_MS), NULL), 0);
    daemon_reap(&child, how, sizeof(how));
    assert_string_equal(how, "exit code 3");
    assert_int_equal(daemon_end(&child, in(WAIT_MS), NULL), 0);
    daemon_reap(&child, how, sizeof(how));
    assert_string_equal(how, "no known reason");
    daemon_id_done(&child);
}

static int
be_daemon(const char *kind)
{
    if (strcmp(kind, FAILING) == 0) {
        return 3;
    }
    if (strcmp(kind, STUBBORN) == 0) {
        (void)signal(SIGTERM, SIG_IGN);
    }
    if (strcmp(kind, MUTE) != 0 && daemon_hold() < 0) {
        return 4;
    }
    for (;;) {
        (void)pause();
    }
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = {HOLDER, MUTE, STUBBORN, FAILING};
    static const struct CMUnitTest without[] = {
        FAKE_TEST(daemon_find_before_any_start_finds_none),
        FAKE_TEST(daemon_find_takes_no_pid_from_the_file),
        FAKE_TEST(daemon_find_without_a_directory_is_an_error),
    };
    static const struct CMUnitTest processes[] = {
        FAKE_TEST(daemon_spawn_is_found_until_it_ends),
        FAKE_TEST(daemon_spawn_is_never_overlooked),
        FAKE_TEST(daemon_spawn_beside_another_is_a_conflict),
        FAKE_TEST(daemon_spawn_gives_descriptors_in_their_order_and_nothing_else),
        FAKE_TEST(daemon_find_waits_for_one_that_does_not_say_who_it_is),
        FAKE_TEST(daemon_end_of_one_that_ignores_sigterm),
        FAKE_TEST(daemon_end_of_one_that_has_ended_is_fine),
    };
    int failed = 0;

    for (size_t i = 0; argc > 0 && i < ARRAY_LEN(kinds); i++) {
        if (strcmp(argv[0], kinds[i]) == 0) {
            return be_daemon(kinds[i]);
        }
    }
    failed = cmocka_run_group_tests_name("daemon", without, NULL, NULL);
    if (harness_has_pidfd()) {
        failed += cmocka_run_group_tests_name("daemon processes", processes, NULL, NULL);
    }
    return failed;
}
