// SPDX-License-Identifier: MIT
/*
 * walk_arm64.h - an ARM64 guest's translation tables, read from outside.
 */
#ifndef WALK_ARM64_H
#define WALK_ARM64_H

#include "vmm/base.h"
#include "vmm/mem.h"

struct walk_arm64 {
    uint64_t sctlr, tcr, ttbr0, ttbr1; /* the EL1 registers */
    /* 8 bytes of guest memory at gpa, little-endian; false where there is none. */
    bool (*read)(void *ctx, gpa_t gpa, uint64_t *val);
    void *ctx;
};

/* Where gva leads, rights and attributes aside; false when it leads nowhere. */
bool walk_arm64(const struct walk_arm64 *w, uint64_t gva, gpa_t *gpa);

#endif
