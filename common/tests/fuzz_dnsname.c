/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "dnsname.h"

/* Names of domains, as users and as Route 53 write them. */

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    char name[DNSNAME_MAX] = "untouched";
    char again[DNSNAME_MAX];
    char resolver[DNSNAME_MAX];

    (void)len;
    if (!dnsname_canonical(text, name)) {
        FUZZ_CHECK(strcmp(name, "untouched") == 0);
        return;
    }
    FUZZ_CHECK(strlen(name) < DNSNAME_MAX && name[strlen(name) - 1] == '.');
    FUZZ_CHECK(dnsname_canonical(name, again) && strcmp(name, again) == 0);
    FUZZ_CHECK(dnsname_is_within(name, name));
    for (const char *dot = strchr(name, '.'); dot != NULL && dot[1] != '\0';
         dot = strchr(dot + 1, '.')) {
        FUZZ_CHECK(dnsname_is_within(name, dot + 1) && !dnsname_is_within(dot + 1, name));
    }
    dnsname_for_resolver(name, resolver);
    FUZZ_CHECK(strlen(resolver) == strlen(name));
    fuzz_word(name);
    fuzz_word(resolver);
    fuzz_say(trace, "%s %s\n", name, resolver);
}
