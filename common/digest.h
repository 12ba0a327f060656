/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_DIGEST_H
#define OCF_AWS_DIGEST_H

#include "base.h"

#define DIGEST_SHA256_LEN 32
#define DIGEST_HEX_SIZE   (2 * DIGEST_SHA256_LEN + 1) /* with the NUL */

/*! \brief Lower-case hex SHA-256 of bytes. 0 or -ERR_SYSTEM, \p ret untouched. */
int digest_sha256_hex(const void *data, size_t len, char ret[DIGEST_HEX_SIZE]) OCF_MUST_CHECK;

/*!
 * \brief HMAC-SHA-256 of bytes
 *
 * \param[out] ret  may be \p key itself; untouched on failure
 *
 * \return 0 or -ERR_SYSTEM
 */
int digest_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       uint8_t ret[DIGEST_SHA256_LEN]) OCF_MUST_CHECK;

/*! \brief Lower-case hex of a digest. */
void digest_hex(const uint8_t digest[DIGEST_SHA256_LEN], char ret[DIGEST_HEX_SIZE]);

#endif
