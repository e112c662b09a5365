// SPDX-License-Identifier: MIT
/*
 * fuzz_zboot.c - EFI zboot headers, with the magic put in; the payload from byte 64 on is packed
 * when byte 2 is odd.
 */
#include "fuzz_boot.h"
#include "fuzz_gz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = 0;
    uint8_t *gz = NULL, *copy;
    if (size < 64)
        return 0;
    if (data[2] & 1)
        gz = fuzz_deflate(data + 64, size - 64, &len);
    copy = malloc(size + len);
    fuzz_must(copy != NULL);
    memcpy(copy, data, size);
    memcpy(copy, "MZ", 2);
    memcpy(copy + 4, "zimg", 4);
    if (gz) {
        memcpy(copy + 24, "gzip", 5);
        le32_put(copy + 8, 64);
        le32_put(copy + 12, (uint32_t)len);
        memcpy(copy + 64, gz, len);
        size = 64 + len;
    }
    fuzz_boot(copy, size);
    free(copy);
    free(gz);
    return 0;
}
