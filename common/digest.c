/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "digest.h"

#include "err.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

void
digest_hex(const uint8_t digest[DIGEST_SHA256_LEN], char ret[DIGEST_HEX_SIZE])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_SHA256_LEN; i++) {
        ret[2 * i] = hex[digest[i] >> 4];
        ret[2 * i + 1] = hex[digest[i] & 15];
    }
    ret[DIGEST_HEX_SIZE - 1] = '\0';
}

int
digest_sha256_hex(const void *data, size_t len, char ret[DIGEST_HEX_SIZE])
{
    uint8_t digest[DIGEST_SHA256_LEN];

    if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return -ERR_SYSTEM;
    }
    digest_hex(digest, ret);
    return 0;
}

int
digest_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                   uint8_t ret[DIGEST_SHA256_LEN])
{
    uint8_t mac[DIGEST_SHA256_LEN];

    /* HMAC() takes an int. The one-shot form is not deprecated in OpenSSL 3, HMAC_CTX is. */
    if (key_len > INT_MAX || HMAC(EVP_sha256(), key, (int)key_len, data, len, mac, NULL) == NULL) {
        return -ERR_SYSTEM;
    }
    memcpy(ret, mac, sizeof(mac));
    explicit_bzero(mac, sizeof(mac));
    return 0;
}
