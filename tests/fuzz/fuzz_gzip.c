// SPDX-License-Identifier: MIT
/*
 * fuzz_gzip.c - gzip streams, and what is inside: the first byte says whether the rest is a stream
 * or gets packed.
 */
#include "fuzz_boot.h"
#include "fuzz_gz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] & 1) {
        size_t len = 0;
        uint8_t *gz = fuzz_deflate(data + 1, size - 1, &len);
        fuzz_boot(gz, len);
        free(gz);
    } else if (size) {
        fuzz_boot(data + 1, size - 1);
    }
    return 0;
}
