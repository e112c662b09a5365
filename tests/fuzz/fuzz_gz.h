// SPDX-License-Identifier: MIT
/*
 * fuzz_gz.h - bytes as a good gzip member, so that a fuzzer gets past the checksum.
 */
#ifndef TESTS_FUZZ_GZ_H
#define TESTS_FUZZ_GZ_H

#include <zlib.h>

#include "fuzz_boot.h"

/* malloc'ed; *len of it are used. */
static uint8_t *fuzz_deflate(const uint8_t *data, size_t size, size_t *len)
{
    z_stream z = {0};
    size_t room = size + size / 8 + 256;
    uint8_t *out = malloc(room);
    fuzz_must(out &&
              deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (uint8_t *)(uintptr_t)data;
    z.avail_in = (unsigned)size;
    z.next_out = out;
    z.avail_out = (unsigned)room;
    fuzz_must(deflate(&z, Z_FINISH) == Z_STREAM_END);
    *len = z.total_out;
    deflateEnd(&z);
    return out;
}

#endif
