/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakenode.h"

#include <sys/mman.h>

void
fakenode_init(struct fake *f, struct ocf_ctx *ctx, const struct ocf_agent *agent)
{
    static const struct aws_params params = {.metadata_url = FAKE_IMDS, .api_timeout_ms = 5000};
    static const struct ocf_agent nameless = {.meta = {.name = "test-agent"}};

    *ctx = (struct ocf_ctx){.agent = agent == NULL ? &nameless : agent,
                            .aws_params = &params,
                            .instance = "vip",
                            .operation = OCF_OP_MONITOR,
                            .deadline = fake_deadline(f, 30000),
                            .local = OCF_UNKNOWN,
                            .cache = f->cache,
                            .transport = f->transport,
                            .region = BUF_INIT(64),
                            .session = f->session};
}

void
fakenode_done(struct ocf_ctx *ctx)
{
    ocf_aws_done(ctx);
    imds_done(&ctx->node.imds);
    buf_done(&ctx->region);
}

void
fakenode_stderr_begin(struct fakenode_stderr *s)
{
    (void)fflush(stderr);
    s->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    s->fd = memfd_create("stderr", MFD_CLOEXEC);
    assert_true(s->saved >= 0 && s->fd >= 0);
    assert_int_equal(dup2(s->fd, STDERR_FILENO), STDERR_FILENO);
}

void
fakenode_stderr_end(struct fakenode_stderr *s, char *ret, size_t size)
{
    ssize_t n = 0;

    (void)fflush(stderr);
    (void)dup2(s->saved, STDERR_FILENO);
    (void)close(s->saved);
    n = pread(s->fd, ret, size - 1, 0);
    (void)close(s->fd);
    assert_true(n >= 0);
    ret[n] = '\0';
}
