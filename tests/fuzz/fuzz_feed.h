// SPDX-License-Identifier: MIT
/*
 * fuzz_feed.h - a fuzzer's input as a stream of numbers, which gives 0 when it has ended; and what
 * must hold.
 */
#ifndef TESTS_FUZZ_FUZZ_FEED_H
#define TESTS_FUZZ_FUZZ_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool ok)
{
    if (!ok)
        abort();
}

struct feed {
    const uint8_t *p, *end;
};

/* Little-endian, of 1 to 8 bytes. */
static uint64_t take(struct feed *f, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes && f->p < f->end; i++)
        v |= (uint64_t)*f->p++ << (8 * i);
    return v;
}

#endif
