// SPDX-License-Identifier: MIT
/*
 * init.h - what the files of process 1 share.
 */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include "sys.h"

/* ---- text.c ---- */

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memset(void *dst, int c, size_t n);
size_t text_len(const char *s);
bool text_is(const char *a, const char *b);
/* The parts, up to a NULL, one after the other into buf; false when they do not fit. */
bool text_join(char *buf, size_t size, const char *const *parts);
/* "vibevmm: " and the parts as a line to descriptor 2. */
void say(const char *const *parts);
#define SAY(...) say((const char *const[]){__VA_ARGS__, NULL})

/* ---- relay.c: one direction of a standard stream, between a port and a pipe ---- */

struct relay {
    int in, out; /* -1: closed. Both non-blocking */
    unsigned at, len;
    uint8_t buf[65536];
};

/* What poll(2) shall wait for: two entries. */
void relay_ask(const struct relay *r, struct pollfd *p);
/* ... and what it found: move what can be moved without waiting. */
void relay_go(struct relay *r, const struct pollfd *p);
/* Nothing more will be written to its pipe: hand on what is in there, however long that takes. */
void relay_drain(struct relay *r);

#endif
