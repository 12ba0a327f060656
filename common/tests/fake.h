/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TESTS_FAKE_H
#define OCF_AWS_TESTS_FAKE_H

#include "harness.h"

#include "awscall.h"
#include "cache.h"

#include <limits.h>

/*
 * What surrounds the modules above HTTP, made of nothing: a transport that answers from a script,
 * a clock that moves only when somebody sleeps or waits for an answer, an environment, a session
 * with keys, and a directory that ends with the test.
 */

#define FAKE_WALL_S       INT64_C(1795262400) /* 2026-11-21T12:00:00Z, when a test begins */
#define FAKE_ALWAYS       UINT_MAX            /* as rule.times: any number of times, or never */
#define FAKE_REQUESTS_MAX 256
#define FAKE_REGION       "ap-northeast-1"
#define FAKE_KEY_ID       "AKIDEXAMPLE"
#define FAKE_SECRET       "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define FAKE_NEW_KEY_ID   "AKIDRENEWED"
#define FAKE_NEW_TOKEN    "renewed-token"

/*
 * One line of the script. A request gets the first one that fits it and is not used up. A request
 * that none fits fails the test, and so does a line that is never used.
 */
struct fake_rule {
    /* What a request must be like; NULL: anything. */
    const char *method;
    const char *url;    /* a part of it */
    const char *body;   /* a part of it */
    const char *header; /* a part of one of its header lines */
    unsigned times;     /* for how many requests; 0 is 1 */

    /* What it gets: an answer, unless there is an error. */
    long status;
    const char *answer;
    size_t answer_len; /* 0: strlen() */
    int64_t date_s;
    const char *request_id;
    enum err_code error;
    bool sent;         /* with an error: a part of the request went out */
    uint64_t takes_ms; /* more than the attempt may take: -ERR_TIMEOUT, sent */
    int given_up;      /* the code that the transport itself returns, for all */
};

/* A request as it was seen. */
struct fake_request {
    char *method;
    char *url;
    char *body; /* "" for none */
    char *headers[HTTP_HEADERS_MAX];
    size_t n_headers;
    unsigned wave; /* 1 for the requests of the first perform(), and so on */
    uint64_t at_ms;
    uint64_t attempt_ms;
    size_t max_answer;
    bool direct;
    bool fresh;
    bool secret;
};

struct fake {
    struct http_transport transport;
    struct fake_rule rules[FAKE_REQUESTS_MAX];
    unsigned used[FAKE_REQUESTS_MAX];
    size_t n_rules;
    struct fake_request requests[FAKE_REQUESTS_MAX];
    size_t n_requests;
    unsigned n_waves;

    uint64_t mono_ms;
    int64_t wall_off_s; /* this host's clock differs from the world's by so much */
    unsigned n_sleeps;
    uint64_t slept_ms;
    unsigned cancel_sleep; /* the sleep, from 1, during which the process is asked to end */

    struct aws_session session;
    struct aws_credentials keys;
    struct aws_credentials new_keys;
    unsigned n_gets;
    unsigned n_renewals;
    int renew_error; /* as returned; 0: the new keys */
    int get_error;

    char dir[64];
    char *paths[16];
    size_t n_paths;
    struct cache cache;
};

/* An error of the EC2 API. */
#define FAKE_EC2_ERROR(code, message)                                                              \
    "<Response><Errors><Error><Code>" code "</Code><Message>" message                              \
    "</Message></Error></Errors></Response>"

#define FAKE_TEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

/*! \brief Fixture: *state becomes a struct fake. */
int fake_setup(void **state);

/*! \brief Fails when a line of the script was not used. */
int fake_teardown(void **state);

/*! \brief Add lines to the script; the texts are borrowed. */
void fake_script(struct fake *f, const struct fake_rule *rules, size_t n);

#define FAKE_SCRIPT(f, ...)                                                                        \
    fake_script((f), (const struct fake_rule[]){__VA_ARGS__},                                      \
                ARRAY_LEN(((const struct fake_rule[]){__VA_ARGS__})))

/*! \brief Do with an answer what libcurl's transport does, without libcurl; returns the ms it took.
 */
uint64_t fake_answer(const struct fake_rule *rule, struct http_exchange *x, struct deadline d);

/*! \brief A deadline on the fake clock. */
struct deadline fake_deadline(struct fake *f, uint64_t ms);

/*! \brief The value of a header of a request, NULL when it has none. */
const char *fake_header(const struct fake_request *q, const char *name);

/*! \brief How many requests have \p part in their URL or body. */
size_t fake_count(const struct fake *f, const char *part);

/*! \brief The environment of the test: empty, and what fake_env() puts there. */
const char *fake_getenv(const char *name);
void fake_env(const char *name, const char *value);

/*! \brief A file in a directory of the test's own; its path is borrowed until the teardown. */
const char *fake_file(struct fake *f, const char *name, const char *text);

/*! \brief A path in that directory where there is nothing yet. */
const char *fake_path(struct fake *f, const char *name);

#endif
