/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include "err.h"

#include <crm/common/logging.h>

#include <qb/qblog.h>
#include <stdarg.h>
#include <stdio.h>

static bool opened;

void
log_open(const char *entity)
{
    /* Not a daemon, nothing on stderr: stderr carries the exit reason, and the executor logs it. */
    (void)crm_log_init(entity, LOG_INFO, FALSE, FALSE, 0, NULL, TRUE);
    opened = true;
}

void
log_write(int priority, const char *function, const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list args;

    if (!opened) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    err_one_line(text);
    qb_log_from_external_source(function, file, "%s", (uint8_t)priority, (uint32_t)line, 0, text);
}
