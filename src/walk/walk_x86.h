// SPDX-License-Identifier: MIT
/*
 * walk_x86.h - an x86 guest's page tables, read from outside.
 */
#ifndef WALK_X86_H
#define WALK_X86_H

#include "vmm/base.h"
#include "vmm/mem.h"

struct walk_x86 {
    uint64_t cr0, cr3, cr4, efer;
    /* 8 bytes of guest memory at gpa, little-endian; false where there is none. */
    bool (*read)(void *ctx, gpa_t gpa, uint64_t *val);
    void *ctx;
};

/* Where the linear address gva leads, rights aside; false when it leads nowhere. */
bool walk_x86(const struct walk_x86 *w, uint64_t gva, gpa_t *gpa);

#endif
