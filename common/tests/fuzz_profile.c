/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "profile.h"

/* A credentials file, and a config file behind a line of FUZZ_CUT. */

static const char *const profiles[] = {"default", "ha", "profile", "a b"};
static const char *const keys[] = {"aws_access_key_id", "aws_secret_access_key", "role_arn",
                                   "source_profile", "region"};

static void
ask(const struct profile_files *f, struct buf *trace)
{
    for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
        bool exists = profile_exists(f, profiles[p]);

        fuzz_say(trace, "%s %d\n", profiles[p], exists);
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            OCF_BUF struct buf value = BUF_INIT_SECRET(512);

            if (!profile_value(f, profiles[p], keys[k], &value)) {
                FUZZ_CHECK(value.len == 0);
                continue;
            }
            FUZZ_CHECK(exists && value.len > 0);
            FUZZ_CHECK(memchr(value.data, '\n', value.len) == NULL);
            FUZZ_CHECK(strchr(" \t\r", value.data[0]) == NULL);
            FUZZ_CHECK(strchr(" \t\r", value.data[value.len - 1]) == NULL);
            fuzz_say(trace, "%s=%s\n", keys[k], buf_str(&value));
        }
    }
}

/* A file is read as it is; one with a NUL is no text. */
static void
read_file(const char *text, size_t len, struct buf *trace)
{
    OCF_BUF struct buf got = BUF_INIT_SECRET(PROFILE_FILE_MAX);
    char path[sizeof(fuzz_cache()->dir) + sizeof("/profile")];
    struct err e = {0};
    int fd = -1;
    int rc = 0;

    (void)snprintf(path, sizeof(path), "%s/profile", fuzz_cache()->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len && close(fd) == 0);
    rc = profile_read_file(path, &got, &e);
    FUZZ_CHECK(unlink(path) == 0);
    if (rc < 0) {
        FUZZ_CHECK(memchr(text, '\0', len) != NULL);
        fuzz_error(trace, rc, &e);
        return;
    }
    FUZZ_CHECK(got.len == len && (len == 0 || memcmp(got.data, text, len) == 0));
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    struct profile_files f = {.credentials = BUF_INIT_SECRET(PROFILE_FILE_MAX),
                              .config = BUF_INIT_SECRET(PROFILE_FILE_MAX)};
    const char *piece = "";
    size_t piece_len = 0;

    read_file(text, len, trace);
    FUZZ_CHECK(fuzz_next_piece(&text, &len, &piece, &piece_len));
    FUZZ_CHECK(buf_add(&f.credentials, piece, piece_len) == 0);
    if (fuzz_next_piece(&text, &len, &piece, &piece_len)) {
        FUZZ_CHECK(buf_add(&f.config, piece, piece_len) == 0);
    }
    ask(&f, trace);
    profile_files_done(&f);
}
