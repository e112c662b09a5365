// SPDX-License-Identifier: MIT
/*
 * fuzz_image.c - ARM64 Image headers: the magic is put in, so that every input gets that far.
 */
#include "fuzz_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    fuzz_must(copy != NULL);
    memcpy(copy, data, size);
    if (size >= 64)
        memcpy(copy + 0x38, "ARM\x64", 4);
    fuzz_boot(copy, size);
    free(copy);
    return 0;
}
