/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_LOG_H
#define OCF_AWS_LOG_H

#include "base.h"

#include <syslog.h>

/*
 * Messages go to Pacemaker's own log through libqb. Library code logs at debug; only ocf_main()
 * says more. A value that is a secret (or may contain one: a header, a token, a body) is never an
 * argument here; `make lint` looks for that.
 */

/*! \brief Open the log under \p entity ("route-table-vip(vip)"); once, before the first message. */
void log_open(const char *entity);

void log_write(int priority, const char *function, const char *file, int line, const char *format,
               ...) OCF_PRINTF(5, 6);

#define log_at(priority, ...) log_write((priority), __func__, __FILE__, __LINE__, __VA_ARGS__)
#define log_debug(...)        log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)         log_at(LOG_INFO, __VA_ARGS__)
#define log_notice(...)       log_at(LOG_NOTICE, __VA_ARGS__)
#define log_warning(...)      log_at(LOG_WARNING, __VA_ARGS__)
#define log_error(...)        log_at(LOG_ERR, __VA_ARGS__)

#endif
