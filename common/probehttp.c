/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probehttp.h"

#include <stdio.h>

#define METHOD_MAX 16 /* characters; the longest that is registered */

/* The first one is for a status that is not here. */
static const struct answer {
    int status;
    const char *reason;
    const char *header;
} answers[] = {
    {503, "Service Unavailable", ""},
    {200, "OK", ""},
    {400, "Bad Request", ""},
    {404, "Not Found", ""},
    {405, "Method Not Allowed", "Allow: GET, HEAD\r\n"},
    {431, "Request Header Fields Too Large", ""},
    {505, "HTTP Version Not Supported", ""},
};

/* A piece of a request line, not ended by a NUL. */
struct piece {
    const char *text;
    size_t len;
};

static bool
piece_is(struct piece p, const char *text)
{
    return p.len == strlen(text) && memcmp(p.text, text, p.len) == 0;
}

static bool
piece_begins(struct piece p, const char *text)
{
    return p.len >= strlen(text) && memcmp(p.text, text, strlen(text)) == 0;
}

/* A line ends with CR LF, or with LF alone, which a recipient may take for one (RFC 9112, 2.2). */
static bool
is_whole(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (text[i] == '\n' &&
            (text[i - 1] == '\n' || (i >= 2 && text[i - 1] == '\r' && text[i - 2] == '\n'))) {
            return true;
        }
    }
    return false;
}

/* Whether the beginning of a request can be one: a method in capitals, then no control character
 * in its first line. */
static bool
can_be_request(const char *text, size_t len)
{
    size_t method = 0;

    while (method < len && text[method] >= 'A' && text[method] <= 'Z') {
        method++;
    }
    if (method > METHOD_MAX || (method < len && (method == 0 || text[method] != ' '))) {
        return false;
    }
    for (size_t i = method; i < len && text[i] != '\n'; i++) {
        bool ends_line = text[i] == '\r' && (i + 1 == len || text[i + 1] == '\n');

        if (((unsigned char)text[i] < ' ' && !ends_line) || text[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Cut off what comes before a space, or before the end of the line. */
static struct piece
next_piece(struct piece *line)
{
    struct piece p = {.text = line->text};

    while (p.len < line->len && line->text[p.len] != ' ') {
        p.len++;
    }
    line->text += p.len;
    line->len -= p.len;
    if (line->len > 0) {
        line->text++;
        line->len--;
    }
    return p;
}

/* The path alone: without a query, and without the host that a proxy's form of the target has. */
static struct piece
path_of(struct piece target)
{
    static const char scheme[] = "http://";
    struct piece p = target;

    if (piece_begins(p, scheme)) {
        p.text += strlen(scheme);
        p.len -= strlen(scheme);
        while (p.len > 0 && *p.text != '/') {
            p.text++;
            p.len--;
        }
    }
    for (size_t i = 0; i < p.len; i++) {
        if (p.text[i] == '?') {
            p.len = i;
        }
    }
    return p;
}

static int
status_of_line(struct piece line, const char *path, bool *ret_head_only)
{
    struct piece method = next_piece(&line);
    struct piece target = next_piece(&line);
    struct piece version = next_piece(&line);

    *ret_head_only = piece_is(method, "HEAD");
    if (target.len == 0 || line.len > 0 || !piece_begins(version, "HTTP/")) {
        return 400;
    }
    if (!piece_is(version, "HTTP/1.1") && !piece_is(version, "HTTP/1.0")) {
        return 505;
    }
    if (!piece_is(method, "GET") && !piece_is(method, "HEAD")) {
        return 405;
    }
    return piece_is(path_of(target), path) ? 200 : 404;
}

int
probehttp_status(const char *text, size_t len, const char *path, bool *ret_head_only)
{
    struct piece line = {.text = text};

    *ret_head_only = false;
    if (!can_be_request(text, len)) {
        return 400;
    }
    if (!is_whole(text, len)) {
        return len < PROBEHTTP_HEAD_MAX ? 0 : 431;
    }
    while (text[line.len] != '\n') {
        line.len++;
    }
    if (text[line.len - 1] == '\r') {
        line.len--;
    }
    return status_of_line(line, path, ret_head_only);
}

size_t
probehttp_answer(int status, bool head_only, char out[PROBEHTTP_ANSWER_MAX])
{
    const struct answer *a = &answers[0];
    int len = 0;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        if (answers[i].status == status) {
            a = &answers[i];
        }
    }
    len = snprintf(out, PROBEHTTP_ANSWER_MAX,
                   "HTTP/1.1 %d %s\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                   "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s%s",
                   a->status, a->reason, a->header, strlen(a->reason) + 1,
                   head_only ? "" : a->reason, head_only ? "" : "\n");
    return len < PROBEHTTP_ANSWER_MAX ? (size_t)len : PROBEHTTP_ANSWER_MAX - 1;
}
