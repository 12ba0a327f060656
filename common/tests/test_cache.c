/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "cache.h"
#include "clock.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define RSCTMP "/mnt/rsctmp"
#define DIR_   RSCTMP "/ocf-aws"
#define KEY    "role-credentials"

static bool private_mnt;

static int
enter(void **state)
{
    (void)state;
    private_mnt = harness_private_mnt();
    return 0;
}

/* A tmpfs of its own for each test, and an open cache in it. */
static int
setup(void **state)
{
    struct cache *c = NULL;

    if (!private_mnt) {
        return 0;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL || mkdir(RSCTMP, 0755) < 0 ||
        mount("tmpfs", RSCTMP, "tmpfs", 0, "mode=0755,size=1m") < 0) {
        return -1;
    }
    cache_open(c, RSCTMP);
    *state = c;
    return c->dir_fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
    struct cache *c = *state;

    if (c != NULL) {
        cache_close(c);
        free(c);
        return umount2(RSCTMP, MNT_DETACH) == 0 && rmdir(RSCTMP) == 0 ? 0 : -1;
    }
    return 0;
}

static struct cache *
cache_of(void **state)
{
    if (*state == NULL) {
        skip(); /* the reason was printed by enter() */
    }
    return *state;
}

static void
assert_hit(const struct cache *c, const char *key, const void *data, size_t len)
{
    OCF_BUF struct buf b = BUF_INIT(CACHE_ENTRY_MAX);

    assert_true(cache_get(c, key, &b));
    assert_int_equal(b.len, len);
    if (len > 0) {
        assert_memory_equal(b.data, data, len);
    }
}

static void
assert_miss(const struct cache *c, const char *key)
{
    OCF_BUF struct buf b = BUF_INIT(CACHE_ENTRY_MAX);

    assert_false(cache_get(c, key, &b));
    assert_int_equal(b.len, 0);
}

/* Path of the one file in the directory; how many files there are. */
static int
find_file(char ret[PATH_MAX])
{
    DIR *dir = opendir(DIR_);
    int n = 0;

    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            (void)snprintf(ret, PATH_MAX, DIR_ "/%s", e->d_name);
            n++;
        }
    }
    (void)closedir(dir);
    return n;
}

static size_t
read_file(const char *path, char *ret, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, ret, size);

    (void)close(fd);
    assert_true(n >= 0);
    return (size_t)n;
}

static void
write_file(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, data, len), len);
    (void)close(fd);
}

/* Put an entry and return the path of its file. */
static void
put_and_find(const struct cache *c, char ret[PATH_MAX])
{
    cache_put(c, KEY, "value", 5);
    assert_hit(c, KEY, "value", 5);
    assert_int_equal(find_file(ret), 1);
}

static void
cache_get_absent_misses(void **state)
{
    assert_miss(cache_of(state), KEY);
}

static void
cache_get_after_put_returns_bytes(void **state)
{
    const struct cache *c = cache_of(state);

    cache_put(c, KEY, "a\0b\n\xff", 5);
    assert_hit(c, KEY, "a\0b\n\xff", 5);
}

static void
cache_get_empty_entry_hits(void **state)
{
    const struct cache *c = cache_of(state);

    cache_put(c, KEY, NULL, 0);
    assert_hit(c, KEY, "", 0);
}

static void
cache_get_largest_entry_hits(void **state)
{
    static char data[CACHE_ENTRY_MAX];
    const struct cache *c = cache_of(state);

    memset(data, 'x', sizeof(data));
    cache_put(c, KEY, data, sizeof(data));
    assert_hit(c, KEY, data, sizeof(data));
}

static void
cache_store_oversized_refused(void **state)
{
    static const char data[CACHE_ENTRY_MAX + 1];
    const struct cache *c = cache_of(state);
    struct err e = {0};

    assert_int_equal(cache_store(c, KEY, data, sizeof(data), &e), -ERR_BUG);
    assert_miss(c, KEY);
}

static void
cache_get_small_buffer_misses_unchanged(void **state)
{
    const struct cache *c = cache_of(state);
    OCF_BUF struct buf b = BUF_INIT(8);

    cache_put(c, KEY, "123456", 6);
    assert_int_equal(buf_adds(&b, "old"), 0);
    assert_false(cache_get(c, KEY, &b));
    assert_string_equal(buf_str(&b), "old");
}

static void
cache_put_again_replaces(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];

    cache_put(c, KEY, "first, longer", 13);
    cache_put(c, KEY, "second", 6);
    assert_hit(c, KEY, "second", 6);
    assert_int_equal(find_file(path), 1);
}

static void
cache_put_other_key_keeps_apart(void **state)
{
    const struct cache *c = cache_of(state);

    cache_put(c, "../" KEY, "one", 3);
    cache_put(c, "", "two", 3);
    assert_hit(c, "../" KEY, "one", 3);
    assert_hit(c, "", "two", 3);
    assert_miss(c, KEY);
}

static void
cache_drop_removes_only_its_key(void **state)
{
    const struct cache *c = cache_of(state);

    cache_put(c, KEY, "one", 3);
    cache_put(c, "other", "two", 3);
    cache_drop(c, KEY);
    cache_drop(c, "absent");
    assert_miss(c, KEY);
    assert_hit(c, "other", "two", 3);
}

static void
cache_has_and_remove_tell_absence_from_failure(void **state)
{
    const struct cache *c = cache_of(state);
    const struct cache none = {.dir_fd = -1, .dir = "/nowhere", .why = "gone"};
    struct cache missing;
    struct err e = {0};

    assert_int_equal(cache_has(c, KEY, &e), 0);
    assert_int_equal(cache_remove(c, KEY, &e), 0);
    assert_int_equal(cache_touch(c, KEY, &e), 0);
    assert_int_equal(cache_touch(c, KEY, &e), 0);
    assert_int_equal(cache_has(c, KEY, &e), 1);
    assert_int_equal(cache_has(c, "other", &e), 0);
    assert_int_equal(cache_remove(c, KEY, &e), 0);
    assert_int_equal(cache_has(c, KEY, &e), 0);
    assert_int_equal(cache_has(&none, KEY, &e), -ERR_SYSTEM);
    assert_int_equal(cache_touch(&none, KEY, &e), -ERR_SYSTEM);
    assert_string_equal(e.text, "cannot use /nowhere: gone");
    assert_int_equal(cache_remove(&none, KEY, &e), -ERR_SYSTEM);
    e = (struct err){0};
    cache_open(&missing, "/proc/none");
    assert_int_equal(missing.dir_fd, -1);
    assert_int_equal(cache_has(&missing, KEY, &e), 0);
    assert_int_equal(cache_remove(&missing, KEY, &e), 0);
    assert_int_equal(cache_touch(&missing, KEY, &e), -ERR_SYSTEM);
    cache_drop(&none, KEY);
}

static void
cache_put_file_is_private(void **state)
{
    char path[PATH_MAX];
    struct stat st;
    mode_t old = umask(0);

    put_and_find(cache_of(state), path);
    (void)umask(old);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(DIR_, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void
cache_get_truncated_misses(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];
    char content[256];
    size_t len = 0;

    put_and_find(c, path);
    len = read_file(path, content, sizeof(content));
    for (size_t i = 0; i < len; i++) {
        write_file(path, content, i);
        assert_miss(c, KEY);
    }
    write_file(path, content, len);
    assert_hit(c, KEY, "value", 5);
}

static void
cache_get_flipped_bit_misses(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];
    char content[256];
    size_t len = 0;

    put_and_find(c, path);
    len = read_file(path, content, sizeof(content));
    for (size_t i = 0; i < len * 8; i++) {
        content[i / 8] = (char)(content[i / 8] ^ 1 << i % 8);
        write_file(path, content, len);
        assert_miss(c, KEY);
        content[i / 8] = (char)(content[i / 8] ^ 1 << i % 8);
    }
}

static void
cache_get_extra_byte_misses(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];
    char content[256] = "";
    size_t len = 0;

    put_and_find(c, path);
    len = read_file(path, content, sizeof(content));
    write_file(path, content, len + 1);
    assert_miss(c, KEY);
}

static void
cache_get_oversized_file_misses(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];

    put_and_find(c, path);
    assert_int_equal(truncate(path, 1 << 30), 0);
    assert_miss(c, KEY);
}

static void
cache_get_readable_by_others_misses(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];

    put_and_find(c, path);
    assert_int_equal(chmod(path, 0604), 0);
    assert_miss(c, KEY);
    assert_int_equal(chmod(path, 0600), 0);
    assert_hit(c, KEY, "value", 5);
}

static void
cache_get_owned_by_another_misses(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];

    put_and_find(c, path);
    if (chown(path, 1, 1) < 0) {
        print_message("cannot give a file away: %s\n", strerror(errno));
        skip();
    }
    assert_miss(c, KEY);
    cache_put(c, KEY, "ours", 4);
    assert_hit(c, KEY, "ours", 4);
}

static void
cache_get_symlink_misses_put_replaces_it(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];
    char content[256];
    size_t len = 0;
    size_t after = 0;

    put_and_find(c, path);
    assert_int_equal(rename(path, RSCTMP "/elsewhere"), 0);
    assert_int_equal(symlink(RSCTMP "/elsewhere", path), 0);
    assert_miss(c, KEY);
    len = read_file(RSCTMP "/elsewhere", content, sizeof(content));
    cache_put(c, KEY, "new", 3);
    assert_hit(c, KEY, "new", 3);
    after = read_file(RSCTMP "/elsewhere", content, sizeof(content));
    assert_int_equal(after, len);
}

static void
cache_get_fifo_misses_at_once(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];

    put_and_find(c, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)alarm(10); /* a get that waits for a writer would end the program */
    assert_miss(c, KEY);
    (void)alarm(0);
}

static void
cache_entry_is_directory_misses_and_store_tells(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];
    char other[PATH_MAX];
    struct err e = {0};

    put_and_find(c, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_miss(c, KEY);
    cache_drop(c, KEY);
    assert_int_equal(cache_store(c, KEY, "new", 3, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, strrchr(path, '/') + 1));
    assert_non_null(strstr(e.text, strerror(EISDIR)));
    assert_int_equal(find_file(other), 1); /* the file written aside is gone */
}

static void
cache_store_full_keeps_old_entry(void **state)
{
    static char data[CACHE_ENTRY_MAX];
    const struct cache *c = cache_of(state);
    struct err e = {0};
    char path[PATH_MAX];
    char key[16];
    int rc = 0;

    put_and_find(c, path);
    for (int i = 0; rc == 0 && i < 100; i++) {
        (void)snprintf(key, sizeof(key), "fill-%d", i);
        rc = cache_store(c, key, data, sizeof(data), &e);
    }
    assert_int_equal(rc, -ERR_SYSTEM);
    assert_non_null(strstr(e.text, strerror(ENOSPC)));
    assert_int_equal(cache_store(c, KEY, data, sizeof(data), &e), -ERR_SYSTEM);
    assert_hit(c, KEY, "value", 5);
    assert_miss(c, key);
}

/* A node whose /run is full can still note that a resource was started, and that it was not. */
static void
cache_touch_full_has_room_for_empty_entries(void **state)
{
    static char data[CACHE_ENTRY_MAX];
    const struct cache *c = cache_of(state);
    struct err e = {0};
    char key[32];

    for (size_t len = sizeof(data); len > 0; len = len > 1 ? 1 : 0) {
        int rc = 0;

        for (int i = 0; rc == 0 && i < 100; i++) {
            (void)snprintf(key, sizeof(key), "%zu-%d", len, i);
            rc = cache_store(c, key, data, len, &e);
        }
        assert_int_equal(rc, -ERR_SYSTEM);
        assert_non_null(strstr(e.text, strerror(ENOSPC)));
    }
    e = (struct err){0};
    assert_int_equal(cache_touch(c, KEY, &e), 0);
    assert_int_equal(cache_has(c, KEY, &e), 1);
    assert_int_equal(cache_touch(c, KEY, &e), 0);
    assert_int_equal(cache_remove(c, KEY, &e), 0);
    assert_int_equal(cache_has(c, KEY, &e), 0);
    assert_int_equal(e.code, 0);
}

static void
cache_touch_makes_a_private_entry_once(void **state)
{
    const struct cache *c = cache_of(state);
    struct err e = {0};
    struct stat st;
    char path[PATH_MAX];
    mode_t old = umask(0);

    assert_int_equal(cache_touch(c, KEY, &e), 0);
    (void)umask(old);
    assert_int_equal(find_file(path), 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0600);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(cache_has(c, "another", &e), 0);
    /* What is there already stays as it is. */
    cache_put(c, KEY, "value", 5);
    assert_int_equal(cache_touch(c, KEY, &e), 0);
    assert_hit(c, KEY, "value", 5);
}

/* What is no file of ours is told, and not waited for. */
static void
cache_touch_what_is_no_file_is_told(void **state)
{
    const struct cache *c = cache_of(state);
    char path[PATH_MAX];
    char link_to[] = "/mnt/elsewhere";

    put_and_find(c, path);
    for (unsigned kind = 0; kind < 3; kind++) {
        static const int errnos[] = {ENXIO, ELOOP, EISDIR};
        struct err e = {0};

        assert_int_equal(kind == 0   ? unlink(path) == 0 && mkfifo(path, 0600) == 0
                         : kind == 1 ? unlink(path) == 0 && symlink(link_to, path) == 0
                                     : unlink(path) == 0 && mkdir(path, 0700) == 0,
                         1);
        assert_int_equal(cache_touch(c, KEY, &e), -ERR_SYSTEM);
        assert_int_equal(e.code, -ERR_SYSTEM);
        assert_non_null(strstr(e.text, strrchr(path, '/') + 1));
        assert_non_null(strstr(e.text, strerror(errnos[kind])));
        assert_int_equal(access(link_to, F_OK), -1);
    }
}

static void
cache_touch_without_a_place_is_told(void **state)
{
    const struct cache *c = cache_of(state);
    struct cache none = {.dir_fd = -1, .dir = "/run/x/ocf-aws", .why = "no space"};
    struct err e = {0};

    assert_int_equal(cache_touch(&none, KEY, &e), -ERR_SYSTEM);
    assert_string_equal(e.text, "cannot use /run/x/ocf-aws: no space");
    assert_int_equal(mount("none", RSCTMP, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_int_equal(cache_touch(c, KEY, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, strerror(EROFS)));
    assert_int_equal(cache_has(c, KEY, &e), 0);
}

static void
cache_read_only_reads_and_store_tells(void **state)
{
    const struct cache *c = cache_of(state);
    struct err e = {0};
    char path[PATH_MAX];

    put_and_find(c, path);
    assert_int_equal(mount("none", RSCTMP, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
    cache_put(c, KEY, "new", 3);
    cache_drop(c, KEY);
    assert_hit(c, KEY, "value", 5);
    assert_int_equal(cache_store(c, KEY, "new", 3, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, strerror(EROFS)));
}

static void
cache_open_read_only_uses_what_is_there(void **state)
{
    const struct cache *c = cache_of(state);
    struct cache again;

    cache_put(c, KEY, "value", 5);
    assert_int_equal(mount("none", RSCTMP, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
    cache_open(&again, RSCTMP);
    assert_hit(&again, KEY, "value", 5);
    cache_close(&again);
}

static void
cache_no_descriptor_left_misses_and_store_tells(void **state)
{
    const struct cache *c = cache_of(state);
    struct rlimit old;
    struct rlimit none = {0};
    struct cache again;
    struct err e = {0};

    cache_put(c, KEY, "value", 5);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_miss(c, KEY);
    assert_int_equal(cache_store(c, KEY, "new", 3, &e), -ERR_SYSTEM);
    cache_open(&again, RSCTMP);
    assert_int_equal(again.dir_fd, -1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_non_null(strstr(e.text, strerror(EMFILE)));
    assert_string_equal(again.why, strerror(EMFILE));
    assert_hit(c, KEY, "value", 5);
}

/* The clock that files go by may be stepped while one is written: that alone makes none stale. */
static void
cache_put_sweeps_stale_files_only(void **state)
{
    static const struct {
        int64_t written_s; /* from now, by the clock that no one sets */
        int64_t stamped_s; /* from now, by the one that files go by */
        int left;          /* of access() */
    } cases[] = {
        {0, 0, 0},       {-30, 0, 0},           {-30, -3600, 0}, {-30, 3600, 0}, {-90, 0, -1},
        {-90, 3600, -1}, {-90, -315576000, -1}, {30, 0, 0},      {90, 0, -1},
    };
    const struct cache *c = cache_of(state);
    char paths[ARRAY_LEN(cases)][128];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t stamp_s = time(NULL) + cases[i].stamped_s;
        struct timespec stamps[2] = {{.tv_sec = stamp_s}, {.tv_sec = stamp_s}};
        uint64_t at_ms = clock_system.mono_ms(NULL) + (uint64_t)(cases[i].written_s * 1000);

        (void)snprintf(paths[i], sizeof(paths[i]), DIR_ "/.new-%016llx-%016zx",
                       (unsigned long long)at_ms, i);
        write_file(paths[i], "x", 1);
        assert_int_equal(utimensat(AT_FDCWD, paths[i], stamps, 0), 0);
    }
    write_file(DIR_ "/.new-nobody", "x", 1);
    write_file(DIR_ "/other", "x", 1);
    cache_put(c, KEY, "value", 5);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("  %lld %lld\n", (long long)cases[i].written_s,
                      (long long)cases[i].stamped_s);
        assert_int_equal(access(paths[i], F_OK), cases[i].left);
    }
    assert_int_equal(access(DIR_ "/.new-nobody", F_OK), -1);
    assert_int_equal(access(DIR_ "/other", F_OK), 0);
}

/* A process that puts entries of one repeated letter until it is killed. */
static pid_t
start_writer(const struct cache *c, char letter)
{
    static char data[20000];
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should an assertion end the test */
        memset(data, letter, sizeof(data));
        for (size_t len = 1;; len = len * 7 % sizeof(data) + 1) {
            cache_put(c, KEY, data, len);
        }
    }
    return pid;
}

static void
end_writer(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Whether there is an entry; it must be of one letter. */
static bool
get_uniform(const struct cache *c)
{
    OCF_BUF struct buf b = BUF_INIT(CACHE_ENTRY_MAX);

    if (!cache_get(c, KEY, &b)) {
        return false;
    }
    for (size_t i = 1; i < b.len; i++) {
        assert_int_equal(b.data[i], b.data[0]);
    }
    return true;
}

static void
cache_get_while_writers_race_is_whole(void **state)
{
    const struct cache *c = cache_of(state);
    pid_t writers[3];

    cache_put(c, KEY, "x", 1);
    for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
        writers[i] = start_writer(c, (char)('a' + i));
    }
    for (int i = 0; i < 2000; i++) {
        assert_true(get_uniform(c)); /* once there, an entry is never missing */
    }
    for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
        end_writer(writers[i]);
    }
}

static void
cache_get_after_writer_killed_is_whole(void **state)
{
    const struct cache *c = cache_of(state);

    cache_put(c, KEY, "x", 1);
    for (long i = 0; i < 40; i++) {
        pid_t pid = start_writer(c, (char)('a' + i % 26));

        (void)nanosleep(&(struct timespec){.tv_nsec = i * 100000}, NULL); /* a random moment */
        end_writer(pid);
        assert_true(get_uniform(c));
    }
}

/* What cache_open() must refuse, and why. */
static void
assert_open_refused(const char *why)
{
    struct cache c;
    struct err e = {0};

    cache_open(&c, RSCTMP "/sub");
    assert_int_equal(c.dir_fd, -1);
    assert_non_null(strstr(c.why, why));
    assert_string_equal(c.dir, RSCTMP "/sub/ocf-aws");
    assert_miss(&c, KEY);
    cache_put(&c, KEY, "x", 1);
    cache_drop(&c, KEY);
    assert_int_equal(cache_store(&c, KEY, "x", 1, &e), -ERR_SYSTEM);
    assert_non_null(strstr(e.text, RSCTMP "/sub/ocf-aws"));
    assert_non_null(strstr(e.text, why));
    cache_close(&c);
}

static void
cache_open_no_parent_creates_two_levels(void **state)
{
    struct cache c;
    struct stat st;

    (void)cache_of(state);
    cache_open(&c, RSCTMP "/sub");
    assert_true(c.dir_fd >= 0);
    assert_string_equal(c.why, "");
    assert_int_equal(stat(RSCTMP "/sub/ocf-aws", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(RSCTMP "/sub", &st), 0);
    assert_int_equal(st.st_mode & 022, 0);
    cache_close(&c);
}

static void
cache_open_no_grandparent_refused(void **state)
{
    struct cache c;

    (void)cache_of(state);
    cache_open(&c, RSCTMP "/sub/sub");
    assert_int_equal(c.dir_fd, -1);
    assert_string_equal(c.why, strerror(ENOENT));
    assert_int_equal(access(RSCTMP "/sub", F_OK), -1);
}

static void
cache_open_symlink_refused(void **state)
{
    (void)cache_of(state);
    assert_int_equal(mkdir(RSCTMP "/sub", 0755), 0);
    assert_int_equal(symlink(DIR_, RSCTMP "/sub/ocf-aws"), 0);
    assert_open_refused(strerror(ENOTDIR));
}

static void
cache_open_parent_symlink_accepted(void **state)
{
    const struct cache *c = cache_of(state);
    struct cache again;

    cache_put(c, KEY, "value", 5);
    assert_int_equal(symlink(RSCTMP, RSCTMP "/sub"), 0); /* as /var/run is one */
    cache_open(&again, RSCTMP "/sub");
    assert_hit(&again, KEY, "value", 5);
    cache_close(&again);
}

static void
cache_open_file_refused(void **state)
{
    (void)cache_of(state);
    assert_int_equal(mkdir(RSCTMP "/sub", 0755), 0);
    write_file(RSCTMP "/sub/ocf-aws", "", 0);
    assert_open_refused(strerror(ENOTDIR));
}

/* Where others could read and not write nobody has put anything: it is closed, and used. */
static void
cache_open_readable_by_others_closed(void **state)
{
    struct cache c;
    struct stat st;

    (void)cache_of(state);
    assert_int_equal(mkdir(RSCTMP "/sub", 0755), 0);
    assert_int_equal(mkdir(RSCTMP "/sub/ocf-aws", 0755), 0);
    cache_open(&c, RSCTMP "/sub");
    assert_true(c.dir_fd >= 0);
    assert_int_equal(stat(RSCTMP "/sub/ocf-aws", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    cache_close(&c);
}

static void
cache_open_writable_by_others_refused(void **state)
{
    static const mode_t modes[] = {0720, 0702, 0777};

    (void)cache_of(state);
    assert_int_equal(mkdir(RSCTMP "/sub", 0755), 0);
    assert_int_equal(mkdir(RSCTMP "/sub/ocf-aws", 0700), 0);
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        assert_int_equal(chmod(RSCTMP "/sub/ocf-aws", modes[i]), 0);
        assert_open_refused("ours alone");
    }
}

static void
cache_open_owned_by_another_refused(void **state)
{
    (void)cache_of(state);
    assert_int_equal(mkdir(RSCTMP "/sub", 0755), 0);
    assert_int_equal(mkdir(RSCTMP "/sub/ocf-aws", 0700), 0);
    if (chown(RSCTMP "/sub/ocf-aws", 1, 1) < 0) {
        print_message("cannot give a directory away: %s\n", strerror(errno));
        skip();
    }
    assert_open_refused("ours alone");
}

static void
cache_open_no_directory_named_takes_default(void **state)
{
    struct cache c;

    (void)cache_of(state);
    assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"), 0);
    cache_open(&c, NULL);
    assert_true(c.dir_fd >= 0);
    assert_string_equal(c.dir, "/run/resource-agents/ocf-aws");
    assert_int_equal(fcntl(c.dir_fd, F_GETFD), FD_CLOEXEC);
    cache_put(&c, KEY, "value", 5);
    cache_close(&c);
    cache_open(&c, "");
    assert_hit(&c, KEY, "value", 5);
    cache_close(&c);
    assert_int_equal(umount2("/run", MNT_DETACH), 0);
}

static void
cache_open_long_path_refused(void **state)
{
    char path[400];
    struct cache c;

    (void)state;
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    cache_open(&c, path);
    assert_int_equal(c.dir_fd, -1);
    assert_string_equal(c.why, strerror(ENAMETOOLONG));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(cache_get_absent_misses),
        TEST(cache_get_after_put_returns_bytes),
        TEST(cache_get_empty_entry_hits),
        TEST(cache_get_largest_entry_hits),
        TEST(cache_store_oversized_refused),
        TEST(cache_get_small_buffer_misses_unchanged),
        TEST(cache_put_again_replaces),
        TEST(cache_put_other_key_keeps_apart),
        TEST(cache_drop_removes_only_its_key),
        TEST(cache_has_and_remove_tell_absence_from_failure),
        TEST(cache_put_file_is_private),
        TEST(cache_get_truncated_misses),
        TEST(cache_get_flipped_bit_misses),
        TEST(cache_get_extra_byte_misses),
        TEST(cache_get_oversized_file_misses),
        TEST(cache_get_readable_by_others_misses),
        TEST(cache_get_owned_by_another_misses),
        TEST(cache_get_symlink_misses_put_replaces_it),
        TEST(cache_get_fifo_misses_at_once),
        TEST(cache_entry_is_directory_misses_and_store_tells),
        TEST(cache_store_full_keeps_old_entry),
        TEST(cache_touch_full_has_room_for_empty_entries),
        TEST(cache_touch_makes_a_private_entry_once),
        TEST(cache_touch_what_is_no_file_is_told),
        TEST(cache_touch_without_a_place_is_told),
        TEST(cache_read_only_reads_and_store_tells),
        TEST(cache_open_read_only_uses_what_is_there),
        TEST(cache_no_descriptor_left_misses_and_store_tells),
        TEST(cache_put_sweeps_stale_files_only),
        TEST(cache_get_while_writers_race_is_whole),
        TEST(cache_get_after_writer_killed_is_whole),
        TEST(cache_open_no_parent_creates_two_levels),
        TEST(cache_open_no_grandparent_refused),
        TEST(cache_open_symlink_refused),
        TEST(cache_open_parent_symlink_accepted),
        TEST(cache_open_file_refused),
        TEST(cache_open_readable_by_others_closed),
        TEST(cache_open_writable_by_others_refused),
        TEST(cache_open_owned_by_another_refused),
        TEST(cache_open_no_directory_named_takes_default),
        TEST(cache_open_long_path_refused),
    };

    return cmocka_run_group_tests_name("cache", tests, enter, NULL);
}
