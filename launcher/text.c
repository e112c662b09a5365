// SPDX-License-Identifier: MIT
/*
 * text.c - text to descriptors: one write(2) per message, no stdio.
 *
 * A message is written whole, so lines of several threads do not mix. While the terminal is raw a
 * newline needs its carriage return.
 */
#include "launcher.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/host.h"

static bool text_room(struct text *t, size_t len)
{
    if (t->cut)
        return false;
    if (len < t->cap - t->len)
        return true;
    size_t cap = MAX(t->cap * 2, t->len + len + 256);
    char *p = realloc(t->p, cap);
    if (!p) {
        t->cut = true;
        return false;
    }
    t->p = p;
    t->cap = cap;
    return true;
}

void text_bytes(struct text *t, const char *p, size_t len)
{
    if (!text_room(t, len))
        return;
    memcpy(t->p + t->len, p, len);
    t->len += len;
    t->p[t->len] = '\0';
}

static void text_vadd(struct text *t, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(t->p ? t->p + t->len : NULL, t->p ? t->cap - t->len : 0, fmt, ap);
    if (n >= 0 && (!t->p || (size_t)n >= t->cap - t->len) && text_room(t, (size_t)n))
        n = vsnprintf(t->p + t->len, t->cap - t->len, fmt, again);
    if (n >= 0 && !t->cut)
        t->len += (size_t)n;
    else if (t->p)
        t->p[t->len] = '\0';
    va_end(again);
}

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_vadd(t, fmt, ap);
    va_end(ap);
}

void text_size(struct text *t, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    unsigned u = 0;
    while (u + 1 < ARRAY_LEN(units) && bytes && bytes % 1024 == 0) {
        bytes /= 1024;
        u++;
    }
    uint64_t hundredths = 0;
    for (; u && u + 1 < ARRAY_LEN(units) && bytes >= 100000; u++) {
        hundredths = bytes % 1024 * 100 / 1024;
        bytes /= 1024;
    }
    text_add(t, "%" PRIu64, bytes);
    if (hundredths)
        text_add(t, ".%02" PRIu64, hundredths);
    text_add(t, " %s", units[u]);
}

void text_free(struct text *t)
{
    free(t->p);
    *t = (struct text){0};
}

static int write_all(int fd, const char *p, size_t len)
{
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n >= 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd pfd = {.fd = fd, .events = POLLOUT};
            poll(&pfd, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int text_write(const struct text *t, int fd)
{
    return t->cut ? -ENOMEM : write_all(fd, t->p, t->len);
}

int text_print(struct text *t)
{
    int rc = text_write(t, STDOUT_FILENO);
    text_free(t);
    if (rc)
        say("standard output: %s", strerror(-rc));
    return rc ? STATUS_HOST : 0;
}

/* Lines of `p` to standard error, each with the program's name, in one write. */
static void say_lines(const char *p)
{
    struct text out = {0};
    const char *eol = term_is_raw() ? "\r\n" : "\n";
    while (*p) {
        size_t n = strcspn(p, "\n");
        text_add(&out, "vibevmm: %.*s%s", (int)n, p, eol);
        p += n + (p[n] == '\n');
    }
    write_all(STDERR_FILENO, out.p, out.len); /* when that fails there is nobody left to tell */
    text_free(&out);
}

void say(const char *fmt, ...)
{
    struct text t = {0};
    va_list ap;
    va_start(ap, fmt);
    text_vadd(&t, fmt, ap);
    va_end(ap);
    say_text(&t);
}

void say_text(struct text *t)
{
    if (t->p)
        say_lines(t->p);
    text_free(t);
}

int say_err(const struct err *err)
{
    static const int statuses[] = {
        [ERR_HOST] = STATUS_HOST,
        [ERR_IMAGE] = STATUS_IMAGE,
        [ERR_FILE] = STATUS_FILE,
    };
    say("%s", err->text);
    return statuses[err->kind];
}
