/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_EIP_H
#define OCF_AWS_EIP_H

#include "ec2addr.h"
#include "ocf.h"

/* Where an Elastic IP leads, as the node's metadata and as AWS have it. */

/* A member of the agent's struct. Either allocation_id or public_ip is set. */
struct eip_params {
    char allocation_id[AWS_ID_MAX];
    struct addr public_ip;
    const char *interface;
    struct addr private_ip; /* family 0: the interface's primary one, filled in when asked */
};

/*!
 * \brief Whether IMDS shows the address at our interface; no API call and no credentials
 *
 * False also when it does not answer, or when the address of the allocation id is not known yet.
 */
bool eip_shown_by_imds(struct ocf_ctx *ctx, struct eip_params *p);

/*!
 * \brief Where AWS says that it leads
 *
 * \param[out] ret_nic  our interface
 * \param[out] ret      the Elastic IP as it is
 *
 * \return as eip_judge(); ABSENT when a monitor or a probe finds that the account has it no more;
 *         UNKNOWN with the error, -ERR_PARAM for an Elastic IP that does not exist
 */
enum ocf_verdict eip_ask_aws(struct ocf_ctx *ctx, struct eip_params *p, struct node_nic *ret_nic,
                             struct ec2_elastic_ip *ret, struct err *why);

/*!
 * \brief Compare what is with what is wanted; a pure function
 *
 * \return HERE; DEGRADED when it leads to another address of our ENI; ELSEWHERE; ABSENT
 */
enum ocf_verdict eip_judge(const struct eip_params *p, const struct ec2_elastic_ip *now,
                           const char *eni_id, struct err *why);

#endif
