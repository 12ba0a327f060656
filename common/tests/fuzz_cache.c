/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "cache.h"
#include "digest.h"

/* A file in the state directory: as somebody may have put it there, and as an entry of ours. */

#define KEY "key"

static void
put_file(const struct cache *c, const char *text, size_t len)
{
    char name[DIGEST_HEX_SIZE];
    int fd = -1;

    FUZZ_CHECK(digest_sha256_hex(KEY, strlen(KEY), name) == 0);
    fd = openat(c->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len && close(fd) == 0);
}

/* What is taken for an entry is one: it is written again as the file was. */
static void
read_file(const struct cache *c, const char *text, size_t len, struct buf *trace)
{
    OCF_BUF struct buf got = BUF_INIT_SECRET(CACHE_ENTRY_MAX);
    OCF_BUF struct buf file = BUF_INIT(2 * CACHE_ENTRY_MAX);
    char name[DIGEST_HEX_SIZE];
    int fd = -1;

    if (!cache_get(c, KEY, &got)) {
        FUZZ_CHECK(got.len == 0);
        fuzz_say(trace, "miss\n");
        return;
    }
    fuzz_say(trace, "%zu %s\n", got.len, buf_str(&got));
    cache_put(c, KEY, got.data, got.len);
    FUZZ_CHECK(digest_sha256_hex(KEY, strlen(KEY), name) == 0);
    fd = openat(c->dir_fd, name, O_RDONLY | O_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && buf_read(&file, fd) == 0 && close(fd) == 0);
    FUZZ_CHECK(file.len == len && memcmp(file.data, text, len) == 0);
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    OCF_BUF struct buf got = BUF_INIT_SECRET(CACHE_ENTRY_MAX);
    FAKENODE ctx;
    struct err e = {0};

    fuzz_node(&ctx);
    put_file(&ctx.cache, text, len);
    read_file(&ctx.cache, text, len, trace);
    if (len > CACHE_ENTRY_MAX) {
        FUZZ_CHECK(cache_store(&ctx.cache, KEY, text, len, &e) == -ERR_BUG);
        return;
    }
    FUZZ_CHECK(cache_store(&ctx.cache, KEY, text, len, &e) == 0);
    FUZZ_CHECK(cache_get(&ctx.cache, KEY, &got));
    FUZZ_CHECK(got.len == len && (len == 0 || memcmp(got.data, text, len) == 0));
    FUZZ_CHECK(cache_remove(&ctx.cache, KEY, &e) == 0 && cache_has(&ctx.cache, KEY, &e) == 0);
}
