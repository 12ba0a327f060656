/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict.h"

#include <stdio.h>
#include <string.h>

static int
unknown_monitor(enum awsparam_on_unknown on_unknown)
{
    switch (on_unknown) {
    case ON_UNKNOWN_DEGRADED:
        return PCMK_OCF_DEGRADED;
    case ON_UNKNOWN_OK:
        return PCMK_OCF_OK;
    case ON_UNKNOWN_FAIL:
        return PCMK_OCF_UNKNOWN_ERROR;
    }
    return PCMK_OCF_DEGRADED;
}

static int
unknown_probe(enum ocf_verdict local)
{
    switch (local) {
    case OCF_HERE:
    case OCF_SETTLING:
    case OCF_DEGRADED:
        return PCMK_OCF_OK;
    case OCF_FAILED:
        return PCMK_OCF_UNKNOWN_ERROR;
    case OCF_ELSEWHERE:
    case OCF_ABSENT:
        return PCMK_OCF_NOT_RUNNING;
    case OCF_UNKNOWN:
        return PCMK_OCF_UNKNOWN_ERROR;
    }
    return PCMK_OCF_UNKNOWN_ERROR;
}

int
verdict_exit_code(enum ocf_verdict v, enum ocf_operation operation, enum ocf_verdict local,
                  enum awsparam_on_unknown on_unknown)
{
    bool recurring = operation == OCF_OP_MONITOR;

    switch (v) {
    case OCF_HERE:
    case OCF_SETTLING:
        return PCMK_OCF_OK;
    case OCF_DEGRADED:
        return recurring ? PCMK_OCF_DEGRADED : PCMK_OCF_OK;
    case OCF_FAILED:
        return PCMK_OCF_UNKNOWN_ERROR;
    case OCF_ELSEWHERE:
    case OCF_ABSENT:
        return PCMK_OCF_NOT_RUNNING;
    case OCF_UNKNOWN:
        return recurring ? unknown_monitor(on_unknown) : unknown_probe(local);
    }
    return PCMK_OCF_UNKNOWN_ERROR;
}

int
verdict_exit_code_of_error(int code)
{
    if (code == -ERR_PARAM_LOCAL) {
        return PCMK_OCF_INVALID_PARAM;
    }
    switch (err_class(code)) {
    case ERR_CLASS_NONE:
        return PCMK_OCF_OK;
    case ERR_CLASS_CONFIG:
        return PCMK_OCF_NOT_CONFIGURED;
    case ERR_CLASS_DENIED:
        return PCMK_OCF_INSUFFICIENT_PRIV;
    case ERR_CLASS_ENVIRONMENT:
    case ERR_CLASS_AUTH:
    case ERR_CLASS_NOT_FOUND:
    case ERR_CLASS_CONFLICT:
    case ERR_CLASS_THROTTLED:
    case ERR_CLASS_TRANSIENT:
    case ERR_CLASS_UNCERTAIN:
    case ERR_CLASS_PROTOCOL:
    case ERR_CLASS_DEADLINE:
    case ERR_CLASS_BUG:
        return PCMK_OCF_UNKNOWN_ERROR;
    }
    return PCMK_OCF_UNKNOWN_ERROR;
}

const char *
verdict_name(enum ocf_verdict v)
{
    switch (v) {
    case OCF_HERE:
        return "HERE";
    case OCF_SETTLING:
        return "SETTLING";
    case OCF_DEGRADED:
        return "DEGRADED";
    case OCF_FAILED:
        return "FAILED";
    case OCF_ELSEWHERE:
        return "ELSEWHERE";
    case OCF_ABSENT:
        return "ABSENT";
    case OCF_UNKNOWN:
        return "UNKNOWN";
    }
    return "UNKNOWN";
}

/* What an operator can do about an error of the class, NULL when its text says it already. */
static const char *
advice_for(const struct err *e)
{
    switch (err_class(e->code)) {
    case ERR_CLASS_DENIED:
        return "allow it in the IAM policy";
    case ERR_CLASS_AUTH:
        return e->aws_code[0] != '\0' ? "check role, keys and clock" : NULL;
    case ERR_CLASS_THROTTLED:
        return "ask fewer times or raise the quota";
    case ERR_CLASS_TRANSIENT:
        if (e->aws_code[0] != '\0') {
            return "AWS is at fault: wait";
        }
        return e->code == -ERR_SERVICE ? "check endpoint and proxy"
                                       : "check network, DNS and security group";
    case ERR_CLASS_UNCERTAIN:
        return "check the network";
    case ERR_CLASS_PROTOCOL:
        return "check endpoint and proxy";
    case ERR_CLASS_ENVIRONMENT:
        return e->code == -ERR_TLS ? "check CA bundle, endpoint and clock" : NULL;
    case ERR_CLASS_NONE:
    case ERR_CLASS_CONFIG:
    case ERR_CLASS_NOT_FOUND:
    case ERR_CLASS_CONFLICT:
    case ERR_CLASS_DEADLINE:
    case ERR_CLASS_BUG:
        return NULL;
    }
    return NULL;
}

/* The id is of use to AWS's support when it is whole, and only then. */
static void
add_request_id(const struct err *e, char *what, size_t room)
{
    size_t len = strlen(what);

    if (e->request_id[0] != '\0' && len + strlen(", request ") + strlen(e->request_id) <= room) {
        (void)snprintf(what + len, room + 1 - len, ", request %s", e->request_id);
    }
}

/* A detail in parentheses at the end is for the log: shown whole or not at all. */
static void
drop_cut_detail(char *what, size_t room)
{
    size_t len = strlen(what);
    size_t depth = 0;

    if (len <= room || what[len - 1] != ')') {
        return;
    }
    for (size_t i = len; i-- > 0;) {
        depth += what[i] == ')';
        depth -= what[i] == '(';
        if (depth == 0) {
            what[i > 0 && what[i - 1] == ' ' ? i - 1 : i] = '\0';
            return;
        }
    }
}

void
verdict_reason(const char *prefix, const struct err *e, char out[VERDICT_REASON_MAX + 1])
{
    verdict_line(prefix, e, out, VERDICT_REASON_MAX + 1);
}

void
verdict_line(const char *prefix, const struct err *e, char *out, size_t size)
{
    const char *advice = advice_for(e);
    char what[ERR_TEXT_MAX + 256];
    size_t room = size - 1 - (advice == NULL ? 0 : strlen(advice) + 2);

    if (err_class(e->code) == ERR_CLASS_DENIED && e->action[0] != '\0') {
        /* The text of AWS says in many words what the action and the code say in two. */
        (void)snprintf(what, sizeof(what), "%s: IAM denies %s", prefix, e->action);
    } else {
        (void)snprintf(what, sizeof(what), "%s: %s", prefix, e->text);
        drop_cut_detail(what, room);
    }
    add_request_id(e, what, room);
    (void)snprintf(out, size, "%.*s%s%s", base_utf8_fit(what, room), what,
                   advice == NULL ? "" : "; ", advice == NULL ? "" : advice);
}
