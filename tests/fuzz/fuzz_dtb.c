// SPDX-License-Identifier: MIT
/*
 * fuzz_dtb.c - device trees from a file: refused, or patched into a tree that is still whole.
 */
#include <libfdt.h>
#include <stdlib.h>

#include "vmm/dtb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct guest_mem mem = {
        .n = 2, .regions = {{0x40000000, 0x1000000, NULL}, {0x50000000, 0x1000, NULL}}
    };
    static const struct dtb_run run = {.mem = &mem,
                                       .cpus = 2,
                                       .bootargs = "console=ttyAMA0 quiet",
                                       .initrd_gpa = 0x48000000,
                                       .initrd_len = 1,
                                       .seed = {1},
                                       .kaslr_seed = 1};
    struct err err = {0};
    size_t room = dtb_room(size, &run);
    /* exactly as large as asked for, and aligned as in guest RAM: a byte too far is seen */
    void *buf = aligned_alloc(8, room), *base = aligned_alloc(8, align_up(size + 1, 8));
    if (!buf || !base)
        abort();
    memcpy(base, data, size);
    int rc = dtb_patch(base, size, true, &run, buf, room, &err);
    if (rc ? !*err.text : fdt_check_full(buf, room) != 0)
        abort();
    free(base);
    free(buf);
    return 0;
}
