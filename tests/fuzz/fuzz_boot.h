// SPDX-License-Identifier: MIT
/*
 * fuzz_boot.h - one boot_load() of hostile bytes, and what must hold afterwards.
 */
#ifndef TESTS_FUZZ_BOOT_H
#define TESTS_FUZZ_BOOT_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/boot.h"

#define FUZZ_DTB UINT64_C(0x2000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct guest_mem fuzz_mem;

static void fuzz_must(bool ok)
{
    if (!ok)
        abort();
}

/* RAM with a hole, as on board vibe. */
static void fuzz_mem_once(void)
{
    static const struct mem_region two[] = {
        {0,        0x200000, NULL},
        {0x203000, 0x400000, NULL}
    };
    struct err err;
    if (!fuzz_mem.n)
        fuzz_must(mem_init(&fuzz_mem, two, 2, &err) == 0);
}

static void fuzz_boot(const uint8_t *data, size_t size)
{
    static const struct board_ram ram[] = {
        {0,        0x200000},
        {0x203000, 0x400000}
    };
    static const struct board board = {.name = "fuzz", .ram = ram, .n_ram = 2, .raw_off = 0x10000};
    char path[32], sym[64];
    struct boot_result res;
    struct err err = {0};
    int fd = memfd_create("fuzz", 0);
    fuzz_mem_once();
    fuzz_must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct boot_params p = {.board = &board, .image = path, .dtb_room = FUZZ_DTB};
    int rc = boot_load(&p, &fuzz_mem, &res, &err);
    if (rc) {
        fuzz_must(rc < 0 && err.code == -rc && *err.text && !res.syms);
    } else {
        /* what was loaded lies in RAM, and the device tree clear of an Image and of raw code */
        fuzz_must(mem_hva(&fuzz_mem, res.start.entry, 1) != NULL);
        fuzz_must(mem_hva(&fuzz_mem, res.load_gpa, 1) != NULL);
        if (res.has_dtb)
            fuzz_must(mem_hva(&fuzz_mem, res.dtb_gpa, FUZZ_DTB) && res.dtb_gpa % 8 == 0);
        if (res.has_dtb && res.kind == IMAGE_ARM64)
            fuzz_must(res.dtb_gpa >= res.load_gpa + res.load_len ||
                      res.dtb_gpa + FUZZ_DTB <= res.load_gpa);
        for (uint64_t pc = 0; pc < 64; pc += 4)
            if (boot_symbol(&res, res.start.entry + pc, sym, sizeof sym))
                fuzz_must(strlen(sym) < sizeof sym);
        boot_symbol(&res, UINT64_C(0xffff800008000000), sym, sizeof sym);
        boot_fini(&res);
    }
    close(fd);
}

#endif
