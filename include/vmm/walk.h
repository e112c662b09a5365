// SPDX-License-Identifier: MIT
/*
 * walk.h - where a guest's virtual address leads, by the guest's own page tables; read from
 * outside, for the diagnosis and for semihosting.
 */
#ifndef VMM_WALK_H
#define VMM_WALK_H

#include "vmm/board.h"
#include "vmm/hv.h"
#include "vmm/mem.h"

#define WALK_STEPS_MAX 5 /* x86 with LA57 */

struct walk {
    bool mapped; /* rights aside */
    gpa_t gpa;   /* where to, when mapped */
    /* The entries that were read, from the root down; the last one ends the walk. None with paging
     * off. */
    unsigned n_steps;
    struct walk_step {
        gpa_t at;
        uint64_t entry;
        bool ram; /* false: `at` is not RAM, there is no entry */
    } steps[WALK_STEPS_MAX];
};

/* By the registers of a vCPU of that architecture. Returns out->mapped. Any thread. */
bool walk(enum board_arch arch, const struct hv_regs *regs, const struct guest_mem *mem,
          uint64_t gva, struct walk *out);

#endif
