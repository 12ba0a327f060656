/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "ec2addr.h"

/* What EC2 tells of Elastic IPs and of who has private addresses. */

#define ALLOCATION "eipalloc-0123456789abcdef0"
#define ENI        "eni-0123456789abcdef0"
#define VPC        "vpc-0123456789abcdef0"

FUZZ_XML_MUTATOR

static void
read_elastic_ip(const char *text, size_t len, const char *allocation_id,
                const struct addr *public_ip, struct buf *trace)
{
    struct ec2_elastic_ip ip = {.eni_id = "untouched"};
    struct err e = {0};
    int rc = ec2_describe_elastic_ip(fuzz_answers(text, len), allocation_id, public_ip, &ip,
                                     fuzz_deadline(), &e);

    if (rc < 0) {
        FUZZ_CHECK(strcmp(ip.eni_id, "untouched") == 0);
        fuzz_error(trace, rc, &e);
        return;
    }
    fuzz_id(ip.allocation_id, "eipalloc", false);
    fuzz_id(ip.association_id, "eipassoc", true);
    fuzz_id(ip.eni_id, "eni", true);
    FUZZ_CHECK(allocation_id[0] != '\0' ? strcmp(ip.allocation_id, allocation_id) == 0
                                        : addr_equal(&ip.public_ip, public_ip));
    fuzz_say_addr(trace, &ip.public_ip);
    if (ip.private_ip.family != 0) {
        fuzz_say_addr(trace, &ip.private_ip);
    }
    fuzz_say(trace, "%s %s %s\n", ip.allocation_id, ip.association_id, ip.eni_id);
}

static void
find_and_move(const char *text, size_t len, const struct addr *addrs, size_t n, struct buf *trace)
{
    struct ec2_holder holders[4] = {{.eni_id = "untouched"}};
    struct err e = {0};
    int rc = ec2_find_holders(fuzz_answers(text, len), VPC, addrs, n, holders, fuzz_deadline(), &e);

    if (rc < 0) {
        FUZZ_CHECK(strcmp(holders[0].eni_id, "untouched") == 0);
        fuzz_error(trace, rc, &e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fuzz_id(holders[i].eni_id, "eni", true);
        fuzz_say(trace, "%s %d\n", holders[i].eni_id, holders[i].primary);
    }
    rc = ec2_move_addresses(fuzz_answers(text, len), ENI, addrs, holders, n, true, fuzz_deadline(),
                            fuzz_deadline(), &e);
    fuzz_say(trace, "move %d\n", rc);
    rc = ec2_unassign_addresses(fuzz_answers(text, len), ENI, addrs, holders, n, fuzz_deadline(),
                                &e);
    fuzz_say(trace, "unassign %d\n", rc);
}

/* What EC2 answers to writes of an Elastic IP, of which each asks for one. */
static void
write_elastic_ip(const char *text, size_t len, const struct addr *private_ip, bool dry_run,
                 struct buf *trace)
{
    struct err e = {0};
    int rc = ec2_associate_elastic_ip(fuzz_answers(text, len), ALLOCATION, ENI, private_ip, dry_run,
                                      fuzz_deadline(), &e);

    if (rc < 0) {
        fuzz_error(trace, rc, &e);
    }
    rc = ec2_disassociate_elastic_ip(fuzz_answers(text, len), "eipassoc-0123456789abcdef0", dry_run,
                                     fuzz_deadline(), &e);
    if (rc < 0) {
        fuzz_error(trace, rc, &e);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static const char *const texts[] = {"10.0.2.50", "2001:db8:100::50", "10.0.2.51",
                                        "2001:db8:100::51"};
    struct addr addrs[ARRAY_LEN(texts)];
    struct addr public_ip;
    struct err e = {0};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        FUZZ_CHECK(addr_parse(texts[i], &addrs[i]));
    }
    FUZZ_CHECK(addr_parse("203.0.113.10", &public_ip));
    read_elastic_ip(text, len, ALLOCATION, &public_ip, trace);
    read_elastic_ip(text, len, "", &public_ip, trace);
    find_and_move(text, len, addrs, ARRAY_LEN(addrs), trace);
    write_elastic_ip(text, len, &addrs[0], true, trace);
    write_elastic_ip(text, len, &(struct addr){.family = 0}, false, trace);
    rc = ec2_may_change_addresses(fuzz_answers(text, len), ENI, AF_INET, true, fuzz_deadline(), &e);
    if (rc < 0) {
        fuzz_error(trace, rc, &e);
    }
}
