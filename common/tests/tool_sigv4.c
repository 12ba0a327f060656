/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signs the requests that it reads, one JSON object a line, and prints one JSON object a line:
 * what each stage made, or {"error": CODE}. cts/test_sigv4.py compares that with botocore.
 */
#include "err.h"
#include "sigv4.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define STAGE_MAX 1048576

static const char *
text_of(struct json_object *request, const char *name)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(request, name, &value) ? json_object_get_string(value) : "";
}

static size_t
read_headers(struct json_object *request, struct sigv4_header *ret, size_t max)
{
    struct json_object *list = NULL;
    size_t n = 0;

    if (!json_object_object_get_ex(request, "headers", &list)) {
        return 0;
    }
    for (; n < json_object_array_length(list) && n < max; n++) {
        struct json_object *pair = json_object_array_get_idx(list, n);

        ret[n].name = json_object_get_string(json_object_array_get_idx(pair, 0));
        ret[n].value = json_object_get_string(json_object_array_get_idx(pair, 1));
    }
    return n;
}

static int
sign(const struct sigv4_request *r, const struct sigv4_credentials *c, struct json_object *answer)
{
    OCF_BUF struct buf canonical = BUF_INIT_SECRET(STAGE_MAX);
    OCF_BUF struct buf names = BUF_INIT(STAGE_MAX);
    OCF_BUF struct buf to_sign = BUF_INIT(STAGE_MAX);
    OCF_CLEANUP(sigv4_result_done) struct sigv4_result result = {.token = NULL};
    int rc = sigv4_canonical_request(r, c, &canonical, &names);

    if (rc == 0) {
        rc = sigv4_string_to_sign(r, buf_str(&canonical), &to_sign);
    }
    if (rc == 0) {
        rc = sigv4_sign(r, c, &result);
    }
    if (rc < 0) {
        return rc;
    }
    json_object_object_add(answer, "canonical", json_object_new_string(buf_str(&canonical)));
    json_object_object_add(answer, "to_sign", json_object_new_string(buf_str(&to_sign)));
    json_object_object_add(answer, "date", json_object_new_string(result.date));
    json_object_object_add(answer, "authorization",
                           json_object_new_string(buf_str(&result.authorization)));
    json_object_object_add(answer, "token",
                           result.token == NULL ? NULL : json_object_new_string(result.token));
    return 0;
}

static void
answer_line(struct json_object *request)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
    struct sigv4_credentials credentials = {
        .access_key_id = text_of(request, "access_key_id"),
        .secret_access_key = text_of(request, "secret_access_key"),
        .session_token = text_of(request, "session_token"),
    };
    struct sigv4_request r = {
        .method = text_of(request, "method"),
        .host = text_of(request, "host"),
        .path = text_of(request, "path"),
        .query = text_of(request, "query"),
        .headers = headers,
        .n_headers = read_headers(request, headers, ARRAY_LEN(headers)),
        .body = text_of(request, "body"),
        .body_len = strlen(text_of(request, "body")),
        .service = text_of(request, "service"),
        .region = text_of(request, "region"),
        .time_s = json_object_get_int64(json_object_object_get(request, "time_s")),
    };
    struct json_object *answer = json_object_new_object();
    int rc = sign(&r, &credentials, answer);

    if (rc < 0) {
        json_object_object_add(answer, "error", json_object_new_string(err_text(rc)));
    }
    puts(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN));
    json_object_put(answer);
}

int
main(void)
{
    OCF_FREE char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        struct json_object *request = json_tokener_parse(line);

        if (request == NULL) {
            fputs("tool_sigv4: a line is not JSON\n", stderr);
            return 1;
        }
        answer_line(request);
        json_object_put(request);
    }
    return 0;
}
