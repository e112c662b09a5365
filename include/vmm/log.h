// SPDX-License-Identifier: MIT
/*
 * log.h - what the machine does, for the user who asks (--log 0..4). Never the way to report an
 * error.
 */
#ifndef VMM_LOG_H
#define VMM_LOG_H

enum log_level {
    LOG_QUIET, /* 0: nothing */
    LOG_WARN,  /* 1: the guest did something odd (the default) */
    LOG_INFO,  /* 2: what was loaded where, which engine (-v) */
    LOG_DEBUG, /* 3: exits that are rare, register writes that matter */
    LOG_TRACE, /* 4: every exit */
};

/* The most that is shown; read by log_on(). Set once by the launcher before any thread starts. */
extern enum log_level log_max;

/* Where lines go (no newline at the end). Set once by the launcher; without one, lines are dropped.
 */
extern void (*log_sink)(enum log_level level, const char *line);

#define log_on(level) ((level) <= log_max)

/* Formats only when the level is shown. Any thread; one call is one line. */
#define log_at(level, ...) (log_on(level) ? log_write((level), __VA_ARGS__) : (void)0)

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
