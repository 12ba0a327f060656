/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ec2addr.h"

#include <stdio.h>
#include <string.h>

/* Make one call that changes something and has nothing to read in its answer; ends it. */
static int
write_one(struct aws_session *s, struct aws_call *c, bool dry_run, struct deadline d, struct err *e)
{
    int rc = 0;

    c->write = !dry_run;
    if (dry_run) {
        aws_call_param(c, "true", "DryRun");
    }
    rc = aws_call_all(s, c, 1, d);
    if (rc < 0) {
        ec2_settle_dry_run(&c->error);
        rc = c->error.code;
    }
    if (rc < 0) {
        *e = c->error;
    }
    aws_call_done(c);
    return rc;
}

/* --- Elastic IPs --------------------------------------------------------------------------- */

static bool
read_id(const struct xmlq_node *item, const char *name, const char *prefix, char ret[AWS_ID_MAX])
{
    const char *text = xmlq_text(item, name);

    if (text == NULL || *text == '\0') {
        ret[0] = '\0';
        return true;
    }
    if (!awsid_is(text, prefix)) {
        return false;
    }
    (void)snprintf(ret, AWS_ID_MAX, "%s", text);
    return true;
}

static bool
read_elastic_ip(const struct xmlq_node *item, struct ec2_elastic_ip *ret)
{
    const char *public_ip = xmlq_text(item, "publicIp");
    const char *private_ip = xmlq_text(item, "privateIpAddress");

    return public_ip != NULL && addr_parse(public_ip, &ret->public_ip) &&
           read_id(item, "allocationId", "eipalloc", ret->allocation_id) &&
           ret->allocation_id[0] != '\0' &&
           read_id(item, "associationId", "eipassoc", ret->association_id) &&
           read_id(item, "networkInterfaceId", "eni", ret->eni_id) &&
           (private_ip == NULL || addr_parse(private_ip, &ret->private_ip));
}

int
ec2_describe_elastic_ip(struct aws_session *s, const char *allocation_id,
                        const struct addr *public_ip, struct ec2_elastic_ip *ret, struct deadline d,
                        struct err *e)
{
    OCF_AWS_CALL struct aws_call c;
    const struct xmlq_node *item = NULL;
    struct ec2_elastic_ip found = {0};
    char text[ADDR_TEXT_MAX];
    int rc = 0;

    aws_call_init(&c, &ec2_service, "DescribeAddresses");
    if (allocation_id[0] != '\0') {
        aws_call_param(&c, allocation_id, "AllocationId.1");
    } else {
        aws_call_param(&c, addr_text(public_ip, text), "PublicIp.1");
    }
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0) {
        *e = c.error;
        return rc;
    }
    item = xmlq_find(xmlq_root(c.answer, "DescribeAddressesResponse"), "addressesSet/item");
    if (item == NULL || !read_elastic_ip(item, &found) ||
        (allocation_id[0] != '\0' ? strcmp(found.allocation_id, allocation_id) != 0
                                  : !addr_equal(&found.public_ip, public_ip))) {
        return err_set(e, ERR_MALFORMED, "DescribeAddresses: the answer lacks %s",
                       allocation_id[0] != '\0' ? allocation_id : addr_text(public_ip, text));
    }
    *ret = found;
    return 0;
}

int
ec2_associate_elastic_ip(struct aws_session *s, const char *allocation_id, const char *eni_id,
                         const struct addr *private_ip, bool dry_run, struct deadline d,
                         struct err *e)
{
    struct aws_call c;
    char text[ADDR_TEXT_MAX];

    aws_call_init(&c, &ec2_service, "AssociateAddress");
    aws_call_param(&c, allocation_id, "AllocationId");
    aws_call_param(&c, eni_id, "NetworkInterfaceId");
    if (private_ip->family != 0) {
        aws_call_param(&c, addr_text(private_ip, text), "PrivateIpAddress");
    }
    aws_call_param(&c, "true", "AllowReassociation");
    return write_one(s, &c, dry_run, d, e);
}

int
ec2_disassociate_elastic_ip(struct aws_session *s, const char *association_id, bool dry_run,
                            struct deadline d, struct err *e)
{
    struct aws_call c;

    aws_call_init(&c, &ec2_service, "DisassociateAddress");
    aws_call_param(&c, association_id, "AssociationId");
    return write_one(s, &c, dry_run, d, e);
}

/* --- private addresses --------------------------------------------------------------------- */

/* The filter and the answer's members of a family. */
struct family {
    int family;
    const char *filter;
    const char *set;
    const char *member;
    const char *primary;
};

static const struct family families[] = {
    {AF_INET, "addresses.private-ip-address", "privateIpAddressesSet", "privateIpAddress",
     "primary"},
    {AF_INET6, "ipv6-addresses.ipv6-address", "ipv6AddressesSet", "ipv6Address", "isPrimaryIpv6"},
};

/* Note the ENI as the holder of those of its addresses that were asked for. */
static int
read_holder(const struct xmlq_node *eni, const struct family *f, const struct addr *addrs, size_t n,
            struct ec2_holder *ret)
{
    const char *id = xmlq_text(eni, "networkInterfaceId");

    if (id == NULL || !awsid_is(id, "eni")) {
        return -ERR_MALFORMED;
    }
    for (const struct xmlq_node *item = xmlq_first(xmlq_find(eni, f->set)); item != NULL;
         item = xmlq_next(item)) {
        const char *text = xmlq_text(item, f->member);
        struct addr a;

        if (text == NULL || !addr_parse(text, &a)) {
            return -ERR_MALFORMED;
        }
        for (size_t i = 0; i < n; i++) {
            if (addr_equal(&addrs[i], &a)) {
                (void)snprintf(ret[i].eni_id, sizeof(ret[i].eni_id), "%s", id);
                ret[i].primary = xmlq_is(item, f->primary, "true");
            }
        }
    }
    return 0;
}

/* Set up the question for one family; false when there is no address of it. */
static bool
init_find(struct aws_call *c, const struct family *f, const char *vpc_id, const struct addr *addrs,
          size_t n)
{
    size_t values = 0;
    char text[ADDR_TEXT_MAX];

    aws_call_init(c, &ec2_service, "DescribeNetworkInterfaces");
    aws_call_param(c, "vpc-id", "Filter.1.Name");
    aws_call_param(c, vpc_id, "Filter.1.Value.1");
    aws_call_param(c, f->filter, "Filter.2.Name");
    for (size_t i = 0; i < n; i++) {
        if (addrs[i].family == f->family) {
            aws_call_param(c, addr_text(&addrs[i], text), "Filter.2.Value.%zu", ++values);
        }
    }
    if (values == 0) {
        aws_call_done(c);
    }
    return values > 0;
}

static int
read_holders(const struct aws_call *c, const struct family *f, const struct addr *addrs, size_t n,
             struct ec2_holder *ret, struct err *e)
{
    const struct xmlq_node *set =
        xmlq_find(xmlq_root(c->answer, "DescribeNetworkInterfacesResponse"), "networkInterfaceSet");
    int rc = set == NULL ? -ERR_MALFORMED : 0;

    for (const struct xmlq_node *eni = xmlq_first(set); rc == 0 && eni != NULL;
         eni = xmlq_next(eni)) {
        rc = read_holder(eni, f, addrs, n, ret);
    }
    return rc < 0 ? err_set(e, (enum err_code) - rc, "%s: %s", c->action, err_text(rc)) : 0;
}

/* More addresses than an ENI can have are never asked for: the arrays here hold no more. */
static int
check_count(size_t n, struct err *e)
{
    return n <= ADDR_LIST_MAX ? 0 : err_set(e, ERR_BUG, "more than %d addresses", ADDR_LIST_MAX);
}

/* Make the calls, at once; of one that failed with the code that is returned, the error is told. */
static int
call_all(struct aws_session *s, struct aws_call *calls, size_t n, struct deadline d, struct err *e)
{
    int rc = n == 0 ? 0 : aws_call_all(s, calls, n, d);

    for (size_t i = 0; rc < 0 && i < n; i++) {
        if (calls[i].error.code == rc) {
            *e = calls[i].error;
            break;
        }
    }
    return rc;
}

int
ec2_find_holders(struct aws_session *s, const char *vpc_id, const struct addr *addrs, size_t n,
                 struct ec2_holder *ret, struct deadline d, struct err *e)
{
    struct ec2_holder found[ADDR_LIST_MAX] = {0};
    struct aws_call calls[ARRAY_LEN(families)];
    const struct family *of[ARRAY_LEN(families)];
    size_t n_calls = 0;
    int rc = check_count(n, e);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (init_find(&calls[n_calls], &families[i], vpc_id, addrs, n)) {
            of[n_calls++] = &families[i];
        }
    }
    rc = call_all(s, calls, n_calls, d, e);
    for (size_t i = 0; i < n_calls; i++) {
        rc = rc < 0 ? rc : read_holders(&calls[i], of[i], addrs, n, found, e);
        aws_call_done(&calls[i]);
    }
    if (rc == 0) {
        memcpy(ret, found, n * sizeof(*ret));
    }
    return rc;
}

/* One address to give to an ENI, or to take from it. */
struct change {
    const char *eni_id;
    const struct addr *address;
    bool assign;
};

const char *
ec2_address_action(int family, bool assign)
{
    if (family == AF_INET) {
        return assign ? "ec2:AssignPrivateIpAddresses" : "ec2:UnassignPrivateIpAddresses";
    }
    return assign ? "ec2:AssignIpv6Addresses" : "ec2:UnassignIpv6Addresses";
}

static bool
go_together(const struct change *a, const struct change *b)
{
    return a->assign == b->assign && a->address->family == b->address->family &&
           strcmp(a->eni_id, b->eni_id) == 0;
}

/* One call for changes[first] and all after it that go with it; those are then done. */
static void
init_change(struct aws_call *c, const struct change *changes, size_t first, size_t n, bool *done)
{
    const struct change *one = &changes[first];
    bool ipv4 = one->address->family == AF_INET;
    size_t values = 0;
    char text[ADDR_TEXT_MAX];

    aws_call_init(c, &ec2_service,
                  ec2_address_action(one->address->family, one->assign) + strlen("ec2:"));
    aws_call_param(c, one->eni_id, "NetworkInterfaceId");
    for (size_t i = first; i < n; i++) {
        if (go_together(one, &changes[i])) {
            aws_call_param(c, addr_text(changes[i].address, text),
                           ipv4 ? "PrivateIpAddress.%zu" : "Ipv6Addresses.%zu", ++values);
            done[i] = true;
        }
    }
    if (ipv4 && one->assign) {
        aws_call_param(c, "true", "AllowReassignment");
    }
}

/* All changes at once, with one call for those that go together. */
static int
make_changes(struct aws_session *s, const struct change *changes, size_t n, struct deadline d,
             struct err *e)
{
    struct aws_call calls[ADDR_LIST_MAX];
    bool done[ADDR_LIST_MAX] = {false};
    size_t n_calls = 0;
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        if (!done[i]) {
            init_change(&calls[n_calls], changes, i, n, done);
            calls[n_calls++].write = true;
        }
    }
    rc = call_all(s, calls, n_calls, d, e);
    for (size_t i = 0; i < n_calls; i++) {
        aws_call_done(&calls[i]);
    }
    return rc;
}

/* Whether a holder refused to give an address up since it has it no more: reads lag. */
static bool
has_let_go(int rc)
{
    return err_class(rc) == ERR_CLASS_NOT_FOUND || err_class(rc) == ERR_CLASS_CONFLICT;
}

int
ec2_move_addresses(struct aws_session *s, const char *eni_id, const struct addr *addrs,
                   struct ec2_holder *holders, size_t n, bool again, struct deadline taking,
                   struct deadline d, struct err *e)
{
    struct change taken[ADDR_LIST_MAX] = {0};
    struct change given[ADDR_LIST_MAX];
    size_t n_taken = 0;
    size_t n_given = 0;
    struct err not_taken = {0};
    int rc = check_count(n, e);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        if (!again && strcmp(holders[i].eni_id, eni_id) == 0) {
            continue;
        }
        given[n_given++] = (struct change){eni_id, &addrs[i], true};
        if (addrs[i].family == AF_INET6 && holders[i].eni_id[0] != '\0') {
            taken[n_taken++] = (struct change){holders[i].eni_id, &addrs[i], false};
        }
    }
    rc = make_changes(s, taken, n_taken, taking, &not_taken);
    if (rc < 0 && !has_let_go(rc)) {
        *e = not_taken;
        return rc;
    }
    for (size_t i = 0; i < n; i++) {
        if (rc == 0 && addrs[i].family == AF_INET6) {
            holders[i] = (struct ec2_holder){0};
        }
    }
    return make_changes(s, given, n_given, d, e);
}

int
ec2_unassign_addresses(struct aws_session *s, const char *eni_id, const struct addr *addrs,
                       const struct ec2_holder *holders, size_t n, struct deadline d, struct err *e)
{
    struct change ours[ADDR_LIST_MAX];
    size_t n_ours = 0;
    int rc = check_count(n, e);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (strcmp(holders[i].eni_id, eni_id) == 0 && !holders[i].primary) {
            ours[n_ours++] = (struct change){eni_id, &addrs[i], false};
        }
    }
    return rc < 0 ? rc : make_changes(s, ours, n_ours, d, e);
}

int
ec2_may_change_addresses(struct aws_session *s, const char *eni_id, int family, bool assign,
                         struct deadline d, struct err *e)
{
    struct addr loopback = {0};
    const struct change change = {eni_id, &loopback, assign};
    struct aws_call c;
    bool done = false;
    int rc = 0;

    if (!addr_parse(family == AF_INET ? "127.0.0.1" : "::1", &loopback)) {
        return err_set(e, ERR_BUG, "no loopback address of family %d", family);
    }
    init_change(&c, &change, 0, 1, &done);
    rc = aws_call_all(s, &c, 1, d);
    if (rc < 0 && rc != -ERR_REJECTED) {
        *e = c.error;
    }
    aws_call_done(&c);
    return rc == -ERR_REJECTED ? 0 : rc;
}
