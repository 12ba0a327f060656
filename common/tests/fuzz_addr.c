/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "addr.h"

/* Addresses and networks, and the list of addresses that they are looked for in. */

/* Canonical text is read as what it was made of. */
static void
round_trip(const struct addr *a, struct buf *trace)
{
    char text[ADDR_TEXT_MAX];
    char again[ADDR_TEXT_MAX];
    struct addr b;

    fuzz_say_addr(trace, a);
    FUZZ_CHECK(addr_parse_cidr(addr_cidr_text(a, text), &b) && addr_equal(a, &b));
    FUZZ_CHECK(strcmp(text, addr_cidr_text(&b, again)) == 0);
    FUZZ_CHECK(addr_contains(a, &b));
    if (a->prefix_len == 8 * addr_len(a)) {
        FUZZ_CHECK(addr_parse(addr_text(a, text), &b) && addr_equal(a, &b));
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static const struct addr untouched = {.family = 12345};
    struct addr_list list = {.n = 0};
    struct addr one = untouched;
    struct addr net = untouched;

    (void)len;
    if (addr_parse(text, &one)) {
        FUZZ_CHECK(one.prefix_len == 8 * addr_len(&one));
        round_trip(&one, trace);
        FUZZ_CHECK(!addr_list_has(&list, &one));
        list.items[list.n++] = one;
        FUZZ_CHECK(addr_list_has(&list, &one));
    } else {
        FUZZ_CHECK(one.family == untouched.family);
    }
    if (addr_parse_cidr(text, &net)) {
        FUZZ_CHECK(one.family == untouched.family);
        round_trip(&net, trace);
    } else {
        FUZZ_CHECK(net.family == untouched.family);
    }
}
