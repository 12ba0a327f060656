/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_EC2ADDR_H
#define OCF_AWS_EC2ADDR_H

#include "ec2.h"

/*
 * The addresses of ENIs in the EC2 API: Elastic IPs and secondary private addresses. `e` is not
 * NULL anywhere here, and is only written on failure.
 */

/* An Elastic IP. */
struct ec2_elastic_ip {
    char allocation_id[AWS_ID_MAX];
    struct addr public_ip;
    char association_id[AWS_ID_MAX]; /* "" when it is associated with nothing */
    char eni_id[AWS_ID_MAX];         /* "" when associated with nothing */
    struct addr private_ip;          /* family 0 when associated with nothing */
};

/*!
 * \brief DescribeAddresses of one
 *
 * \param[in]  allocation_id  which one; "" to find it by \p public_ip
 * \param[in]  public_ip      not looked at when \p allocation_id is given
 * \param[out] ret            untouched on failure
 *
 * \return 0; -ERR_NOT_FOUND when this account has no such Elastic IP in the region; else as
 *         aws_call_all()
 *
 * Source: EC2 API Reference, DescribeAddresses.
 */
int ec2_describe_elastic_ip(struct aws_session *s, const char *allocation_id,
                            const struct addr *public_ip, struct ec2_elastic_ip *ret,
                            struct deadline d, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief AssociateAddress with a private address of an ENI, wherever it is associated now
 *
 * \param[in] private_ip  family 0 for the primary one
 * \param[in] dry_run     ask only whether it would be allowed
 *
 * Source: EC2 API Reference, AssociateAddress.
 */
int ec2_associate_elastic_ip(struct aws_session *s, const char *allocation_id, const char *eni_id,
                             const struct addr *private_ip, bool dry_run, struct deadline d,
                             struct err *e) OCF_MUST_CHECK;

/*!
 * \brief DisassociateAddress, unless it has been associated anew since: then this id is gone
 *
 * \return 0; -ERR_NOT_FOUND when there is no such association (any more); else as aws_call_all()
 *
 * Source: EC2 API Reference, DisassociateAddress.
 */
int ec2_disassociate_elastic_ip(struct aws_session *s, const char *association_id, bool dry_run,
                                struct deadline d, struct err *e) OCF_MUST_CHECK;

/* Which ENI has a private address. */
struct ec2_holder {
    char eni_id[AWS_ID_MAX]; /* "" for none */
    bool primary;            /* it is the ENI's primary address, which cannot be moved */
};

/*!
 * \brief DescribeNetworkInterfaces of those in a VPC that have one of some addresses
 *
 * One call a family, at once. Their answers are one page: an address is on one ENI.
 *
 * \param[in]  n    at most ADDR_LIST_MAX, here and below
 * \param[out] ret  n holders, in the order of \p addrs; untouched on failure
 *
 * Source: EC2 API Reference, DescribeNetworkInterfaces.
 */
int ec2_find_holders(struct aws_session *s, const char *vpc_id, const struct addr *addrs, size_t n,
                     struct ec2_holder *ret, struct deadline d, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Assign to an ENI those addresses that it has not
 *
 * IPv4 addresses are taken from the ENI that has them. The API has no reassignment for IPv6: such
 * an address is first unassigned from its holder, unless that proves to have it no more.
 *
 * \param[in,out] holders  of ec2_find_holders(), in the order of \p addrs; one that gave its
 *                         addresses up has them no more
 * \param[in]     again    also those that the ENI has by \p holders, which may lag
 * \param[in]     taking   until when holders are asked to give addresses up
 *
 * \return 0 when all was accepted, else the first error
 *
 * Source: EC2 API Reference, AssignPrivateIpAddresses, AssignIpv6Addresses and
 * UnassignIpv6Addresses.
 */
int ec2_move_addresses(struct aws_session *s, const char *eni_id, const struct addr *addrs,
                       struct ec2_holder *holders, size_t n, bool again, struct deadline taking,
                       struct deadline d, struct err *e) OCF_MUST_CHECK;

/*!
 * \brief Unassign from an ENI those addresses that it has
 *
 * \return 0 when all was accepted, else the first error
 *
 * Source: EC2 API Reference, UnassignPrivateIpAddresses and UnassignIpv6Addresses.
 */
int ec2_unassign_addresses(struct aws_session *s, const char *eni_id, const struct addr *addrs,
                           const struct ec2_holder *holders, size_t n, struct deadline d,
                           struct err *e) OCF_MUST_CHECK;

/*! \brief "ec2:AssignPrivateIpAddresses" and its like: the IAM action; static storage. */
const char *ec2_address_action(int family, bool assign);

/*!
 * \brief Whether it would be allowed to assign or unassign addresses of a family
 *
 * These calls have no DryRun. The loopback address is tried, which no subnet can have: EC2 says
 * that it is wrong to whoever may make the call, and changes nothing.
 *
 * \return 0 when it is allowed; else as aws_call_all()
 *
 * Source: EC2 API Reference, AssignPrivateIpAddresses; VPC User Guide, "VPC CIDR blocks".
 */
int ec2_may_change_addresses(struct aws_session *s, const char *eni_id, int family, bool assign,
                             struct deadline d, struct err *e) OCF_MUST_CHECK;

#endif
