/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#define PORT         53
#define FLAGS        2 /* the first byte of them in a message */
#define CUT_SHORT    0x02
#define TRIES        2
#define FIRST_WAIT_S 1
#define NEEDED_MS    3500 /* one second for the first try, two for the second */

/*
 * Let a resolver ask this server and no other. It takes an IPv6 address in a place beside the list
 * of IPv4 addresses, from memory that res_nclose() frees.
 */
static int
set_server(struct __res_state *state, const struct addr *server)
{
    /* libc waits for TCP without an end: what does not fit says so, and with EDNS it fits. */
    state->options &= ~(unsigned long)(RES_ROTATE | RES_USE_DNSSEC | RES_USEVC);
    state->options |= RES_IGNTC | RES_USE_EDNS0;
    state->retrans = FIRST_WAIT_S;
    state->retry = TRIES;
    state->nscount = 1;
    if (server->family == AF_INET) {
        state->nsaddr_list[0] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = server->ip.v4};
        return 0;
    }
    if (state->_u._ext.nsaddrs[0] == NULL) {
        state->_u._ext.nsaddrs[0] = calloc(1, sizeof(struct sockaddr_in6));
    }
    if (state->_u._ext.nsaddrs[0] == NULL) {
        return -ERR_NOMEM;
    }
    *state->_u._ext.nsaddrs[0] = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_addr = server->ip.v6};
    state->_u._ext.nscount = 1;
    state->nsaddr_list[0].sin_family = 0;
    return 0;
}

/* The addresses of an answer's records. */
static int
read_answer(const unsigned char *answer, int len, int family, struct addr_list *ret)
{
    ns_type wanted = family == AF_INET ? ns_t_a : ns_t_aaaa;
    size_t size = family == AF_INET ? 4 : 16;
    ns_msg message;

    if (ns_initparse(answer, len, &message) < 0) {
        return -ERR_MALFORMED;
    }
    if ((answer[FLAGS] & CUT_SHORT) != 0) {
        return -ERR_TOO_BIG;
    }
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        struct addr a = {.family = family, .prefix_len = (uint8_t)(size * 8)};
        ns_rr rr;

        if (ns_parserr(&message, ns_s_an, i, &rr) < 0) {
            return -ERR_MALFORMED;
        }
        if (ns_rr_type(rr) != wanted || ns_rr_rdlen(rr) != size || ret->n == ADDR_LIST_MAX) {
            continue;
        }
        memcpy(a.ip.bytes, ns_rr_rdata(rr), size);
        ret->items[ret->n++] = a;
    }
    return 0;
}

/* What an answer that cannot be used means. One that is cut short may have lost all records. */
static int
judge(const struct __res_state *state, const unsigned char *answer, const char *server,
      const char *name, struct err *e)
{
    switch (state->res_h_errno) {
    case HOST_NOT_FOUND:
        return 0;
    case NO_DATA:
        return (answer[FLAGS] & CUT_SHORT) != 0 ? -ERR_TOO_BIG : 0;
    case TRY_AGAIN:
        return err_set(e, ERR_TIMEOUT, "resolver %s has no answer for %s", server, name);
    default:
        return err_set(e, ERR_SERVICE, "resolver %s cannot tell about %s", server, name);
    }
}

int
dns_addresses(const struct addr *server, const char *name, int family, struct deadline d,
              struct addr_list *ret, struct err *e)
{
    unsigned char answer[NS_MAXMSG] = {0};
    struct __res_state state = {.retry = 0};
    struct addr_list found = {.n = 0};
    char query[DNSNAME_MAX];
    char text[ADDR_TEXT_MAX];
    int len = 0;
    int rc = 0;

    if (deadline_left_ms(d) < NEEDED_MS) {
        return err_set(e, ERR_DEADLINE, "no time left to ask resolver %s", addr_text(server, text));
    }
    if (res_ninit(&state) < 0) {
        return err_set(e, ERR_SYSTEM, "the resolver library cannot be used: %s", strerror(errno));
    }
    dnsname_for_resolver(name, query);
    rc = set_server(&state, server);
    if (rc == 0) {
        len = res_nquery(&state, query, ns_c_in, family == AF_INET ? ns_t_a : ns_t_aaaa, answer,
                         sizeof(answer));
        rc = len < 0 ? judge(&state, answer, addr_text(server, text), name, e)
                     : read_answer(answer, len, family, &found);
    }
    res_nclose(&state);
    if (rc == -ERR_TOO_BIG) {
        return err_set(e, ERR_TOO_BIG,
                       "resolver %s: its answer for %s does not fit into UDP: set another",
                       addr_text(server, text), name);
    }
    if (rc == -ERR_NOMEM || rc == -ERR_MALFORMED) {
        return err_set(e, (enum err_code) - rc, "resolver %s: %s", addr_text(server, text),
                       err_text(rc));
    }
    if (rc == 0) {
        *ret = found;
    }
    return rc;
}
