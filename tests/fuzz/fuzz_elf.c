// SPDX-License-Identifier: MIT
/*
 * fuzz_elf.c - ELF64 headers, segments and symbol tables.
 */
#include "fuzz_boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_boot(data, size);
    return 0;
}
