/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "digest.h"
#include "err.h"

static void
digest_sha256_known_messages_equal_standard(void **state)
{
    /* FIPS 180-4's example messages, and the empty one. */
    static const struct {
        const char *message;
        const char *hex;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[DIGEST_HEX_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(digest_sha256_hex(cases[i].message, strlen(cases[i].message), hex), 0);
        assert_string_equal(hex, cases[i].hex);
    }
}

static void
digest_sha256_null_of_no_bytes_is_the_empty_message(void **state)
{
    char hex[DIGEST_HEX_SIZE];
    char empty[DIGEST_HEX_SIZE];

    (void)state;
    assert_int_equal(digest_sha256_hex(NULL, 0, hex), 0);
    assert_int_equal(digest_sha256_hex("", 0, empty), 0);
    assert_string_equal(hex, empty);
}

static void
digest_hmac_known_keys_equal_rfc4231(void **state)
{
    static const struct {
        const char *key;
        size_t key_len;
        const char *message;
        const char *hex;
    } cases[] = {
        {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20,
         "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", 4, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t mac[DIGEST_SHA256_LEN];
        char hex[DIGEST_HEX_SIZE];

        assert_int_equal(digest_hmac_sha256(cases[i].key, cases[i].key_len, cases[i].message,
                                            strlen(cases[i].message), mac),
                         0);
        digest_hex(mac, hex);
        assert_string_equal(hex, cases[i].hex);
    }
}

static void
digest_hmac_key_as_output_gives_the_same(void **state)
{
    uint8_t apart[DIGEST_SHA256_LEN];
    uint8_t in_place[DIGEST_SHA256_LEN];

    (void)state;
    memset(in_place, 0xaa, sizeof(in_place));
    assert_int_equal(digest_hmac_sha256(in_place, sizeof(in_place), "x", 1, apart), 0);
    assert_int_equal(digest_hmac_sha256(in_place, sizeof(in_place), "x", 1, in_place), 0);
    assert_memory_equal(in_place, apart, sizeof(apart));
}

static void
digest_hmac_key_beyond_int_refused_untouched(void **state)
{
    uint8_t mac[DIGEST_SHA256_LEN] = {1};

    (void)state;
    assert_int_equal(digest_hmac_sha256("k", (size_t)INT32_MAX + 1, "x", 1, mac), -ERR_SYSTEM);
    assert_int_equal(mac[0], 1);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_sha256_known_messages_equal_standard),
        cmocka_unit_test(digest_sha256_null_of_no_bytes_is_the_empty_message),
        cmocka_unit_test(digest_hmac_known_keys_equal_rfc4231),
        cmocka_unit_test(digest_hmac_key_as_output_gives_the_same),
        cmocka_unit_test(digest_hmac_key_beyond_int_refused_untouched),
    };

    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
