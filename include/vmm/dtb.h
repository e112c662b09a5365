// SPDX-License-Identifier: MIT
/*
 * dtb.h - flat device trees: made from a board's rows when the board is built, patched for one run.
 */
#ifndef VMM_DTB_H
#define VMM_DTB_H

#include "vmm/board.h"
#include "vmm/err.h"
#include "vmm/mem.h"

/* What differs from run to run. */
struct dtb_run {
    const struct guest_mem *mem; /* becomes /memory */
    unsigned cpus;
    const char *bootargs; /* NULL or "": no property */
    gpa_t initrd_gpa;
    uint64_t initrd_len; /* 0: none */
    bool flash; /* the flash banks answer in this run, or there are none; else their node is taken
                   out */
    bool gicv2; /* the interrupt controller is one, at the places of the GICv3's windows */
    uint8_t seed[32];    /* /chosen rng-seed; all zero: left out */
    uint64_t kaslr_seed; /* /chosen kaslr-seed; 0: left out */
};

/*
 * The blob from the board's rows: all its CPUs, mem_default of RAM (host tool). *len: bytes used of
 * `room`. -ENOSPC when the room is too small.
 */
int dtb_make(const struct board *board, void *buf, size_t room, size_t *len, struct err *err);

/* Bytes dtb_patch() needs at most for this base and run. */
size_t dtb_room(size_t base_len, const struct dtb_run *run);

/*
 * Copy `base` to `buf` (of `room` bytes) and put the run's facts in. `base` is a board's blob, or a
 * file's bytes (--dtb): then it is checked first, and cpu nodes are left as they are. 0, or -errno
 * with err (ERR_IMAGE) saying what is wrong with the file.
 */
int dtb_patch(const void *base, size_t base_len, bool from_file, const struct dtb_run *run,
              void *buf, size_t room, struct err *err);

#endif
