/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TESTS_FAKENODE_H
#define OCF_AWS_TESTS_FAKENODE_H

#include "fake.h"

#include "ocf.h"

/*
 * An EC2 instance made of nothing: the loopback, the one link that every host has, is its network
 * interface. IMDS and AWS answer from the script of struct fake.
 */

#define FAKE_IMDS    "http://192.0.2.254"
#define FAKE_LINK    "lo"
#define FAKE_MAC     "00:00:00:00:00:00"
#define FAKE_MACS    "/latest/meta-data/network/interfaces/macs/" FAKE_MAC "/"
#define FAKE_ENI     "eni-0123456789abcdef0"
#define FAKE_VPC     "vpc-0123456789abcdef0"
#define FAKE_SUBNET  "subnet-0123456789abcdef0"
#define FAKE_ANOTHER "eni-0fedcba9876543210" /* of another node */

/* Lines of the script. */
#define IMDS_GIVES_TOKEN                                                                           \
    {                                                                                              \
        .method = "PUT", .status = 200, .answer = "imds-token"                                     \
    }
#define IMDS_GIVES(path, text)                                                                     \
    {                                                                                              \
        .url = FAKE_IMDS path, .status = 200, .answer = (text)                                     \
    }
#define IMDS_LACKS(path)                                                                           \
    {                                                                                              \
        .url = FAKE_IMDS path, .status = 404                                                       \
    }
#define IMDS_GIVES_IDS                                                                             \
    IMDS_GIVES(FAKE_MACS "interface-id", FAKE_ENI), IMDS_GIVES(FAKE_MACS "vpc-id", FAKE_VPC),      \
        IMDS_GIVES(FAKE_MACS "subnet-id", FAKE_SUBNET)

/*!
 * \brief What ocf_main() hands to the callbacks of an agent, for a recurring monitor of "vip"
 *
 * \param[in] agent  borrowed; NULL for one that has a name and nothing else
 */
void fakenode_init(struct fake *f, struct ocf_ctx *ctx, const struct ocf_agent *agent);

void fakenode_done(struct ocf_ctx *ctx);

#define FAKENODE OCF_CLEANUP(fakenode_done) struct ocf_ctx

/* What is written to stderr meanwhile. */
struct fakenode_stderr {
    int saved;
    int fd;
};

/*! \brief Catch what goes to stderr until fakenode_stderr_end(); no assertion in between. */
void fakenode_stderr_begin(struct fakenode_stderr *s);

/*! \brief Let stderr be as it was; what was written goes to \p ret, a text of at most \p size. */
void fakenode_stderr_end(struct fakenode_stderr *s, char *ret, size_t size);

#endif
