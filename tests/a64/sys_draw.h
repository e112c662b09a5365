// SPDX-License-Identifier: MIT
/*
 * sys_draw.h - random programs for the differential test of EL1.
 */
#ifndef TESTS_A64_SYS_DRAW_H
#define TESTS_A64_SYS_DRAW_H

#include "tests/a64/draw.h"
#include "tests/a64/sys.h"

struct sys_draw {
    struct draw d;
    /* What QEMU 7.2 does otherwise is left out: it has no faults of cache maintenance, no hardware
     * access flag, no SP alignment check, may have stored half of what then faults (which is
     * allowed, and seen when the page that is put right is another one), has op1 and op2 the other
     * way round in the syndrome of a trapped MSR DAIFSet (D17.2.37 has op2 in bits 19:17), and says
     * of an atomic instruction that may not read that it may not write (WnR is 0 then). */
    bool qemu;
    unsigned blocks, passes;
    bool uci;     /* EL0 may maintain caches */
    uint8_t *ram; /* SYS_SIZE, for SYS_RAM */
    uint64_t entry[SYS_BLOCKS];
    unsigned length[SYS_BLOCKS];
    unsigned pa_of[SYS_SPACES][512]; /* pages of the first pool */
    bool global[512];
};

/*
 * Fills in s->ram: a program of s->blocks blocks that run s->passes times, for the monitor (its
 * code, `len` bytes).
 */
void sys_draw(struct sys_draw *s, const void *monitor, size_t len);

static inline struct sys_image *sys_image(struct sys_draw *s)
{
    return (struct sys_image *)(void *)(s->ram + (SYS_IMAGE - SYS_RAM));
}

#endif
