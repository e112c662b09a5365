// SPDX-License-Identifier: MIT
/*
 * text.c - strings and messages, and the functions that compilers call by themselves.
 */
#include "init.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    while (n--)
        *d++ = *s++;
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    uint8_t *d = dst;
    while (n--)
        *d++ = (uint8_t)c;
    return dst;
}

size_t text_len(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

bool text_is(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

bool text_join(char *buf, size_t size, const char *const *parts)
{
    size_t at = 0;
    for (; *parts; parts++)
        for (const char *p = *parts; *p; p++) {
            if (at + 1 >= size)
                return false;
            buf[at++] = *p;
        }
    buf[at] = '\0';
    return true;
}

/* One write, so that lines of several processes do not mix; a long name is cut. */
void say(const char *const *parts)
{
    char line[512] = "vibevmm: ";
    size_t at = text_len(line);
    text_join(line + at, sizeof line - at - 1, parts);
    at = text_len(line);
    line[at++] = '\n';
    sys(write, 2, line, at);
}
