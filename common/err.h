/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_ERR_H
#define OCF_AWS_ERR_H

#include "base.h"

#include <stdarg.h>

/*
 * Errors are a code, and the class is a property of the code. Retry and the mapping to exit codes
 * look at the class only; the text is for people.
 *
 *   CONFIG       the configuration is wrong, on every node alike
 *   ENVIRONMENT  something on this host is wrong or missing
 *   AUTH         credentials missing, expired or refused: another set may do
 *   DENIED       the credentials are good, and IAM does not allow the call
 *   NOT_FOUND    the object does not exist
 *   CONFLICT     the object is in a state that forbids the call
 *   THROTTLED    too many calls
 *   TRANSIENT    the network or the service had a fault that passes
 *   UNCERTAIN    a write whose answer was lost: read before writing again
 *   PROTOCOL     an answer that cannot be what the service sends
 *   DEADLINE     no time left
 *   BUG          an error of ours
 */
enum err_class {
    ERR_CLASS_NONE = 0,
    ERR_CLASS_CONFIG,
    ERR_CLASS_ENVIRONMENT,
    ERR_CLASS_AUTH,
    ERR_CLASS_DENIED,
    ERR_CLASS_NOT_FOUND,
    ERR_CLASS_CONFLICT,
    ERR_CLASS_THROTTLED,
    ERR_CLASS_TRANSIENT,
    ERR_CLASS_UNCERTAIN,
    ERR_CLASS_PROTOCOL,
    ERR_CLASS_DEADLINE,
    ERR_CLASS_BUG,
};

/* One row an error: code, class, text. Functions return 0 or -ERR_x. */
#define ERR_LIST(X)                                                                                \
    X(PARAM, CONFIG, "invalid parameter")                                                          \
    X(PARAM_LOCAL, ENVIRONMENT, "parameter does not fit this host")                                \
    X(PROFILE, ENVIRONMENT, "unusable credentials profile")                                        \
    X(NOMEM, ENVIRONMENT, "out of memory")                                                         \
    X(SYSTEM, ENVIRONMENT, "system call failed")                                                   \
    X(NO_LINK, ENVIRONMENT, "no such network interface")                                           \
    X(TLS, ENVIRONMENT, "TLS: certificate not accepted")                                           \
    X(NO_CREDENTIALS, AUTH, "no credentials")                                                      \
    X(CREDENTIALS, AUTH, "credentials refused")                                                    \
    X(CLOCK_SKEW, AUTH, "clock differs from AWS's")                                                \
    X(IMDS_DISABLED, AUTH, "instance metadata service refuses")                                    \
    X(DENIED, DENIED, "not authorised")                                                            \
    X(NOT_FOUND, NOT_FOUND, "not found")                                                           \
    X(CONFLICT, CONFLICT, "state forbids the call")                                                \
    X(REJECTED, CONFLICT, "request rejected")                                                      \
    X(THROTTLED, THROTTLED, "throttled")                                                           \
    X(RESOLVE, TRANSIENT, "host name does not resolve")                                            \
    X(CONNECT, TRANSIENT, "cannot connect")                                                        \
    X(TIMEOUT, TRANSIENT, "no answer in time")                                                     \
    X(NETWORK, TRANSIENT, "connection broke")                                                      \
    X(SERVICE, TRANSIENT, "service fault")                                                         \
    X(UNCERTAIN, UNCERTAIN, "answer to a write was lost")                                          \
    X(TOO_BIG, PROTOCOL, "answer too large")                                                       \
    X(MALFORMED, PROTOCOL, "answer cannot be understood")                                          \
    X(DEADLINE, DEADLINE, "deadline reached")                                                      \
    X(CANCELLED, DEADLINE, "ended by a signal")                                                    \
    X(BUG, BUG, "internal error")

#define ERR_ENUM_ROW(name, class, text) ERR_##name,
enum err_code { ERR_NONE = 0, ERR_LIST(ERR_ENUM_ROW) ERR_CODE_END };
#undef ERR_ENUM_ROW

#define ERR_TEXT_MAX 512

/* What a caller may want to know beyond the code. All strings are empty when unknown. */
struct err {
    int code;                /* -ERR_x, as returned */
    char text[ERR_TEXT_MAX]; /* what, on which object, why */
    char aws_code[64];       /* the service's own code: UnauthorizedOperation, ... */
    char request_id[64];     /* the service's id of the request, for a support case */
    char action[96];         /* the IAM action that was refused or failed: ec2:ReplaceRoute */
};

/*! \brief Class of a code as returned (negative or 0). Unknown codes are BUG. */
enum err_class err_class(int code);

/*! \brief Short text of a code as returned; static storage. */
const char *err_text(int code);

/*!
 * \brief Replace control characters by spaces, and what is no UTF-8 by '?'
 *
 * Control characters are those of C1, too. Log and exit reasons are lines and go to terminals, and
 * an exit reason becomes a part of the cluster's XML. Texts that are cut to fit may end in half a
 * character.
 */
void err_one_line(char *text);

/*!
 * \brief Fill \p e with a code and a formatted text, made one line, and return the code negated
 *
 * \param[out] e     may be NULL; AWS code, request id and action are cleared
 * \param[in]  code  ERR_x, positive
 *
 * \return -code, so that `return err_set(e, ERR_CONNECT, ...)` reads well
 */
int err_set(struct err *e, enum err_code code, const char *format, ...) OCF_PRINTF(3, 4);

/*! \brief Put context before the text of \p e ("rtb-1: text"); \p e may be NULL; returns e->code.
 */
int err_prefix(struct err *e, const char *format, ...) OCF_PRINTF(2, 3);

#endif
