/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "probehttp.h"

#include <stdlib.h>

#define PATH "/health"

/* The status for a text of which all has come. */
static int
status_of(const char *text, bool *ret_head_only)
{
    return probehttp_status(text, strlen(text), PATH, ret_head_only);
}

static void
probehttp_status_of_whole_requests(void **state)
{
    static const struct {
        const char *text;
        int status;
        bool head_only;
    } cases[] = {
        {"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 200, false},
        {"GET /health HTTP/1.0\r\n\r\n", 200, false},
        {"GET /health HTTP/1.1\nHost: a\n\n", 200, false},
        {"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /more", 200, false},
        {"HEAD /health HTTP/1.1\r\n\r\n", 200, true},
        {"GET /health?a=b HTTP/1.1\r\n\r\n", 200, false},
        {"GET http://10.0.2.10:3998/health HTTP/1.1\r\n\r\n", 200, false},
        {"GET http://10.0.2.10 HTTP/1.1\r\n\r\n", 404, false},
        {"GET / HTTP/1.1\r\n\r\n", 404, false},
        {"GET /healthy HTTP/1.1\r\n\r\n", 404, false},
        {"GET /healt HTTP/1.1\r\n\r\n", 404, false},
        {"GET /HEALTH HTTP/1.1\r\n\r\n", 404, false},
        {"GET ?/health HTTP/1.1\r\n\r\n", 404, false},
        {"HEAD / HTTP/1.1\r\n\r\n", 404, true},
        {"POST /health HTTP/1.1\r\n\r\n", 405, false},
        {"GETS /health HTTP/1.1\r\n\r\n", 405, false},
        {"OPTIONS * HTTP/1.1\r\n\r\n", 405, false},
        {"GET /health HTTP/2.0\r\n\r\n", 505, false},
        {"GET /health HTTP/1.10\r\n\r\n", 505, false},
        {"GET /health HTTP/\r\n\r\n", 505, false},
        {"GET /health\r\n\r\n", 400, false},
        {"GET\r\n\r\n", 400, false},
        {"GET /health  HTTP/1.1\r\n\r\n", 400, false},
        {"GET /health HTTP/1.1 x\r\n\r\n", 400, false},
        {"GET  HTTP/1.1\r\n\r\n", 400, false},
        {"GET /health http/1.1\r\n\r\n", 400, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool head_only = !cases[i].head_only;

        if (status_of(cases[i].text, &head_only) != cases[i].status ||
            head_only != cases[i].head_only) {
            fail_msg("%s", cases[i].text);
        }
    }
}

/* Each beginning of a request asks for more, until its last byte has come. */
static void
probehttp_status_byte_by_byte_waits_for_the_end(void **state)
{
    static const char text[] = "HEAD /health HTTP/1.1\r\nHost: a\r\nX: y z\r\n\r\n";
    bool head_only = false;

    (void)state;
    for (size_t len = 0; len < strlen(text); len++) {
        assert_int_equal(probehttp_status(text, len, PATH, &head_only), 0);
    }
    assert_int_equal(probehttp_status(text, strlen(text), PATH, &head_only), 200);
}

static void
probehttp_status_refuses_noise_at_its_first_byte(void **state)
{
    static const char *const noise[] = {"\x16\x03\x01",
                                        "get /health",
                                        " GET",
                                        "\r\n",
                                        "1",
                                        "GET\t/health",
                                        "GET /\x01",
                                        "G\r",
                                        "GET /\r /",
                                        "GET /health\x7f",
                                        "PRI * \x80\x01",
                                        "SSH-2.0",
                                        "ABCDEFGHIJKLMNOPQ"};
    bool head_only = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(noise); i++) {
        if (status_of(noise[i], &head_only) != 400) {
            fail_msg("%s", noise[i]);
        }
    }
    assert_int_equal(probehttp_status("GET /\0", 6, PATH, &head_only), 400);
}

static void
probehttp_status_of_a_head_that_does_not_end_is_431(void **state)
{
    char text[PROBEHTTP_HEAD_MAX];
    bool head_only = false;

    (void)state;
    memset(text, 'x', sizeof(text));
    memcpy(text, "GET /", strlen("GET /"));
    assert_int_equal(probehttp_status(text, sizeof(text) - 1, PATH, &head_only), 0);
    assert_int_equal(probehttp_status(text, sizeof(text), PATH, &head_only), 431);
    memcpy(text + sizeof(text) - 4, "\r\n\r\n", 4);
    assert_int_equal(probehttp_status(text, sizeof(text), PATH, &head_only), 400);
}

/* Whatever comes, the answer is one of those that are known, and no byte beyond is read. */
static void
probehttp_status_of_random_bytes(void **state)
{
    static const char some[] = "GETHAD /:?.\r\n\thealthP1\x01\x80";
    unsigned seed = 7;

    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        size_t len = (size_t)rand_r(&seed) % 48;
        char *text = malloc(len == 0 ? 1 : len);
        bool head_only = false;
        int status = 0;

        assert_non_null(text);
        for (size_t i = 0; i < len; i++) {
            text[i] = some[(size_t)rand_r(&seed) % (sizeof(some) - 1)];
        }
        status = probehttp_status(text, len, PATH, &head_only);
        assert_true(status == 0 || status == 200 || status == 400 || status == 404 ||
                    status == 405 || status == 505);
        free(text);
    }
}

static void
probehttp_answer_is_whole(void **state)
{
    static const int statuses[] = {200, 400, 404, 405, 431, 503, 505};
    char text[PROBEHTTP_ANSWER_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        char begin[16];
        char length[48];
        const char *content = NULL;
        size_t len = probehttp_answer(statuses[i], false, text);

        assert_in_range(len, 1, sizeof(text) - 2);
        assert_int_equal(strlen(text), len);
        (void)snprintf(begin, sizeof(begin), "HTTP/1.1 %d ", statuses[i]);
        assert_memory_equal(text, begin, strlen(begin));
        content = strstr(text, "\r\n\r\n");
        assert_non_null(content);
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(content + 4));
        assert_non_null(strstr(text, length));
        assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
        assert_int_equal(strstr(text, "\r\nAllow: GET, HEAD\r\n") != NULL, statuses[i] == 405);
    }
}

static void
probehttp_answer_to_head_has_no_content(void **state)
{
    char with[PROBEHTTP_ANSWER_MAX];
    char without[PROBEHTTP_ANSWER_MAX];
    size_t len = probehttp_answer(200, true, without);

    (void)state;
    assert_true(probehttp_answer(200, false, with) > len);
    assert_memory_equal(with, without, len);
    assert_string_equal(without + len - 4, "\r\n\r\n");
}

static void
probehttp_answer_unknown_status_is_not_healthy(void **state)
{
    char text[PROBEHTTP_ANSWER_MAX];

    (void)state;
    (void)probehttp_answer(299, false, text);
    assert_memory_equal(text, "HTTP/1.1 503 ", 13);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(probehttp_status_of_whole_requests),
        cmocka_unit_test(probehttp_status_byte_by_byte_waits_for_the_end),
        cmocka_unit_test(probehttp_status_refuses_noise_at_its_first_byte),
        cmocka_unit_test(probehttp_status_of_a_head_that_does_not_end_is_431),
        cmocka_unit_test(probehttp_status_of_random_bytes),
        cmocka_unit_test(probehttp_answer_is_whole),
        cmocka_unit_test(probehttp_answer_to_head_has_no_content),
        cmocka_unit_test(probehttp_answer_unknown_status_is_not_healthy),
    };

    return cmocka_run_group_tests_name("probehttp", tests, NULL, NULL);
}
