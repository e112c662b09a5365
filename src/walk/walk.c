// SPDX-License-Identifier: MIT
/*
 * walk.c - the walk of the vCPU's architecture, and a record of what it read.
 */
#include "vmm/walk.h"

#include "walk_arm64.h"
#include "walk_x86.h"

struct walk_ctx {
    const struct guest_mem *mem;
    struct walk *out;
};

static bool walk_read(void *arg, gpa_t gpa, uint64_t *val)
{
    struct walk_ctx *c = arg;
    *val = 0;
    bool ram = mem_read(c->mem, gpa, val, sizeof *val);
    if (c->out->n_steps < WALK_STEPS_MAX)
        c->out->steps[c->out->n_steps++] = (struct walk_step){gpa, *val, ram};
    return ram;
}

bool walk(enum board_arch arch, const struct hv_regs *regs, const struct guest_mem *mem,
          uint64_t gva, struct walk *out)
{
    struct walk_ctx c = {mem, out};
    *out = (struct walk){0};
    if (arch == ARCH_X86_64) {
        struct walk_x86 w = {
            .cr0 = regs->x86.cr0,
            .cr3 = regs->x86.cr3,
            .cr4 = regs->x86.cr4,
            .efer = regs->x86.efer,
            .read = walk_read,
            .ctx = &c,
        };
        out->mapped = walk_x86(&w, gva, &out->gpa);
    } else {
        struct walk_arm64 w = {
            .sctlr = regs->sctlr,
            .tcr = regs->tcr,
            .ttbr0 = regs->ttbr0,
            .ttbr1 = regs->ttbr1,
            .read = walk_read,
            .ctx = &c,
        };
        out->mapped = walk_arm64(&w, gva, &out->gpa);
    }
    return out->mapped;
}
