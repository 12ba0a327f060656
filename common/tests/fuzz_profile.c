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

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    struct profile_files f = {.credentials = BUF_INIT_SECRET(PROFILE_FILE_MAX),
                              .config = BUF_INIT_SECRET(PROFILE_FILE_MAX)};
    const char *piece = "";
    size_t piece_len = 0;

    FUZZ_CHECK(fuzz_next_piece(&text, &len, &piece, &piece_len));
    FUZZ_CHECK(buf_add(&f.credentials, piece, piece_len) == 0);
    if (fuzz_next_piece(&text, &len, &piece, &piece_len)) {
        FUZZ_CHECK(buf_add(&f.config, piece, piece_len) == 0);
    }
    ask(&f, trace);
    profile_files_done(&f);
}
