/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads lines "SERVICE REGION DUALSTACK FIPS" (the last two 0 or 1) and prints lines "HOST
 * SIGNING-REGION PARTITION", or "error TEXT". cts/test_endpoints.py compares that with botocore.
 */
#include "endpoint.h"

#include <stdio.h>

int
main(void)
{
    char service[64];
    char region[64];
    char dualstack[2];
    char fips[2];

    while (scanf("%63s %63s %1[01] %1[01]", service, region, dualstack, fips) == 4) {
        struct endpoint_variant variant = {.dualstack = dualstack[0] == '1',
                                           .fips = fips[0] == '1'};
        struct endpoint endpoint;
        struct err e;

        if (endpoint_resolve(service, region, variant, &endpoint, &e) < 0) {
            printf("error %s\n", e.text);
        } else {
            printf("%s %s %s\n", endpoint.host, endpoint.signing_region,
                   endpoint_partition(region));
        }
    }
    return 0;
}
