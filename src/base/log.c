// SPDX-License-Identifier: MIT
/*
 * log.c - one formatted line at a time to the launcher's sink.
 */
#include "vmm/log.h"

#include <stdarg.h>
#include <stdio.h>

enum log_level log_max = LOG_WARN;
void (*log_sink)(enum log_level level, const char *line);

void log_write(enum log_level level, const char *fmt, ...)
{
    if (!log_sink)
        return;
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    log_sink(level, line);
}
