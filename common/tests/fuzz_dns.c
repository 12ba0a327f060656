/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "dns.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

/*
 * Answers of a name server. The first byte is what libc's resolver makes of it: 0 to 3 for a
 * failure, else the message is handed on, as it came.
 */

static const unsigned char *message;
static int message_len;
static int failure;

/* In the place of libc's, which asks the network. */
int
res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
    FUZZ_CHECK(class == ns_c_in && (type == ns_t_a || type == ns_t_aaaa) && name[0] != '\0');
    FUZZ_CHECK(state->nscount == 1);
    if (failure != 0) {
        state->res_h_errno = failure;
        return -1;
    }
    FUZZ_CHECK(message_len <= size);
    if (message_len > 0) {
        memcpy(answer, message, (size_t)message_len);
    }
    return message_len;
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    static const int failures[] = {HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA};
    static const int families[] = {AF_INET, AF_INET6};
    static const char *const servers[] = {"10.0.0.2", "fd00:ec2::253"};

    if (len == 0 || len > NS_MAXMSG) {
        return;
    }
    failure = (size_t)(unsigned char)text[0] < ARRAY_LEN(failures) ? failures[(int)text[0]] : 0;
    message = (const unsigned char *)text + 1;
    message_len = (int)len - 1;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        struct addr_list list = {.n = 12345};
        struct err e = {0};
        struct addr server;
        int rc = 0;

        FUZZ_CHECK(addr_parse(servers[i], &server));
        rc = dns_addresses(&server, "db.corp.example.", families[i], fuzz_deadline(), &list, &e);
        if (rc < 0) {
            FUZZ_CHECK(list.n == 12345);
            fuzz_error(trace, rc, &e);
            continue;
        }
        FUZZ_CHECK(list.n <= ADDR_LIST_MAX);
        for (size_t k = 0; k < list.n; k++) {
            FUZZ_CHECK(list.items[k].family == families[i]);
            fuzz_say_addr(trace, &list.items[k]);
        }
    }
}
