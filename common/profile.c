/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int
profile_read_file(const char *path, struct buf *ret, struct err *e)
{
    OCF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int rc = 0;

    if (fd < 0) {
        return err_set(e, ERR_PROFILE, "%s: %s", path, strerror(errno));
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return err_set(e, ERR_PROFILE, "%s: not a regular file", path);
    }
    if ((st.st_mode & S_IWOTH) != 0) {
        return err_set(e, ERR_PROFILE, "%s: anybody can write to it: chmod 600", path);
    }
    if ((st.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        log_warning("%s can be read by others than its owner: chmod 600", path);
    }
    rc = buf_read(ret, fd);
    if (rc < 0) {
        return err_set(e, ERR_PROFILE, "%s: %s", path,
                       rc == -ERR_TOO_BIG ? "file is too large" : strerror(errno));
    }
    if (strlen(buf_str(ret)) != ret->len) {
        return err_set(e, ERR_PROFILE, "%s: not a text file: it holds a NUL", path);
    }
    return 0;
}

/* ~/.aws/NAME of the user we run as; the cluster manager sets no HOME. */
static int
home_path(const char *name, const char *(*getenv_fn)(const char *), char *out, size_t size)
{
    const char *home = getenv_fn("HOME");
    struct passwd pw;
    struct passwd *found = NULL;
    char block[4096];
    int n = 0;

    if (home == NULL || *home == '\0') {
        if (getpwuid_r(geteuid(), &pw, block, sizeof(block), &found) != 0 || found == NULL) {
            return -ERR_SYSTEM;
        }
        home = found->pw_dir;
    }
    n = snprintf(out, size, "%s/.aws/%s", home, name);
    return n < 0 || (size_t)n >= size ? -ERR_SYSTEM : 0;
}

/* A file that was named must be readable; the one at the standard place may be missing. */
static int
read_standard(const char *variable, const char *name, const char *(*getenv_fn)(const char *),
              struct buf *ret, struct err *e)
{
    const char *named = getenv_fn(variable);
    char path[4096];

    if (named != NULL && *named != '\0') {
        return profile_read_file(named, ret, e);
    }
    if (home_path(name, getenv_fn, path, sizeof(path)) < 0 || access(path, F_OK) < 0) {
        return 0;
    }
    return profile_read_file(path, ret, e);
}

int
profile_files_read(const char *credentials_path, const char *(*getenv_fn)(const char *),
                   struct profile_files *ret, struct err *e)
{
    struct profile_files f = {.credentials = BUF_INIT_SECRET(PROFILE_FILE_MAX),
                              .config = BUF_INIT_SECRET(PROFILE_FILE_MAX)};
    int rc = 0;

    if (credentials_path != NULL) {
        rc = profile_read_file(credentials_path, &f.credentials, e);
    } else {
        rc = read_standard("AWS_SHARED_CREDENTIALS_FILE", "credentials", getenv_fn, &f.credentials,
                           e);
        rc = rc < 0 ? rc : read_standard("AWS_CONFIG_FILE", "config", getenv_fn, &f.config, e);
    }
    if (rc < 0) {
        profile_files_done(&f);
        return rc;
    }
    *ret = f;
    return 0;
}

void
profile_files_done(struct profile_files *f)
{
    buf_done(&f->credentials);
    buf_done(&f->config);
}

/* A piece of the file's text. */
struct span {
    const char *start;
    size_t len;
};

static struct span
trim(struct span s)
{
    while (s.len > 0 && strchr(" \t\r", s.start[0]) != NULL) {
        s.start++;
        s.len--;
    }
    while (s.len > 0 && strchr(" \t\r", s.start[s.len - 1]) != NULL) {
        s.len--;
    }
    return s;
}

static bool
span_is(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.start, text, s.len) == 0;
}

/* Cut the next line off; false at the end. */
static bool
next_line(struct span *rest, struct span *line)
{
    const char *newline = NULL;

    if (rest->len == 0) {
        return false;
    }
    newline = memchr(rest->start, '\n', rest->len);
    line->start = rest->start;
    line->len = newline == NULL ? rest->len : (size_t)(newline - rest->start);
    rest->start += line->len + (newline == NULL ? 0 : 1);
    rest->len -= line->len + (newline == NULL ? 0 : 1);
    return true;
}

/*
 * Whether a line is the head of the section of this profile: [NAME] or [profile NAME]. A comment
 * may follow.
 */
static bool
is_head_of(struct span line, const char *profile)
{
    const char *end = memchr(line.start, ']', line.len);
    struct span name;

    if (end == NULL) {
        return false;
    }
    name = trim((struct span){line.start + 1, (size_t)(end - line.start) - 1});
    if (span_is(name, profile)) {
        return true;
    }
    if (name.len > 8 && memcmp(name.start, "profile", 7) == 0 &&
        (name.start[7] == ' ' || name.start[7] == '\t')) {
        return span_is(trim((struct span){name.start + 7, name.len - 7}), profile);
    }
    return false;
}

/*
 * Look for a key of a profile; with key NULL for the profile itself. An indented line belongs to
 * a nested section of the key before it, and a comment starts a line.
 */
static bool
look_up(const struct buf *file, const char *profile, const char *key, struct span *ret)
{
    struct span rest = {buf_str(file), file->len};
    struct span line;
    bool inside = false;

    while (next_line(&rest, &line)) {
        struct span whole = trim(line);
        const char *equals = NULL;

        if (whole.len == 0 || whole.start[0] == '#' || whole.start[0] == ';') {
            continue;
        }
        if (whole.start[0] == '[') {
            inside = is_head_of(whole, profile);
            if (inside && key == NULL) {
                return true;
            }
            continue;
        }
        equals = memchr(whole.start, '=', whole.len);
        if (!inside || key == NULL || equals == NULL || whole.start != line.start) {
            continue;
        }
        if (span_is(trim((struct span){whole.start, (size_t)(equals - whole.start)}), key)) {
            *ret = trim((struct span){equals + 1, whole.len - (size_t)(equals + 1 - whole.start)});
            return ret->len > 0;
        }
    }
    return false;
}

bool
profile_exists(const struct profile_files *f, const char *profile)
{
    struct span unused = {0};

    return look_up(&f->credentials, profile, NULL, &unused) ||
           look_up(&f->config, profile, NULL, &unused);
}

bool
profile_value(const struct profile_files *f, const char *profile, const char *key, struct buf *ret)
{
    struct span found = {0};

    if (!look_up(&f->credentials, profile, key, &found) &&
        !look_up(&f->config, profile, key, &found)) {
        return false;
    }
    return buf_add(ret, found.start, found.len) == 0;
}
