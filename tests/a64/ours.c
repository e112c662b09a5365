// SPDX-License-Identifier: MIT
/*
 * ours.c - runs blocks on the software CPU: EL0, 2 MiB of Normal memory in pages, flat but for the
 * second page of the scratch, which is elsewhere, so that an access over its start needs both
 * translations; and beside it a block for EL1 with the translation tables and, as vectors, HVC:
 * every exception ends a block.
 */
#include "tests/a64/ours.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/a64/a64_internal.h"

#define TABLES_VA                                                                                  \
    (CODE_VA + MIB(2)) /* level 1, level 2, vectors, level 3, scratch: a page each                 \
                        */
#define L2_VA     (TABLES_VA + A64_PAGE)
#define VECTORS   (TABLES_VA + 2 * A64_PAGE)
#define L3_VA     (TABLES_VA + 3 * A64_PAGE)
#define SCRATCH_2 (TABLES_VA + 4 * A64_PAGE) /* where SCRATCH_VA leads */
#define RAM_SIZE  MIB(4)

struct ours {
    struct a64_vm *vm;
    struct a64_cpu *cpu;
    uint8_t *ram;
};

static void put64(struct ours *m, uint64_t va, uint64_t v)
{
    le64_put(m->ram + (va - CODE_VA), v);
}

struct ours *ours_new(enum hv_soft soft, bool eager)
{
    struct err err = {0};
    const struct hv_config config = {.cpus = 1, .soft = soft};
    struct ours *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->ram == MAP_FAILED || a64_vm_new(&m->vm, &config, &err) ||
        a64_vm_map(m->vm, CODE_VA, m->ram, RAM_SIZE, false, &err) ||
        a64_cpu_new(m->vm, 0, &m->cpu, &err)) {
        fprintf(stderr, "the software CPU does not start: %s\n", err.text);
        free(m);
        return NULL;
    }
    struct a64_cpu *cpu = m->cpu;
    a64_core_of(cpu)->jit.eager = eager;
    /* Level 1: 1 GiB each; level 2: 2 MiB each; level 3: pages. AF, inner shareable, MAIR index 0;
     * AP[1] lets EL0 in. */
    put64(m, TABLES_VA + 8 * (CODE_VA >> 30), L2_VA | 3);
    put64(m, L2_VA + 8 * (CODE_VA >> 21 & 511), L3_VA | 3);
    for (unsigned i = 0; i < 512; i++)
        put64(m, L3_VA + 8 * i, (CODE_VA + i * UINT64_C(4096)) | 0x743);
    put64(m, L3_VA + 8 * ((SCRATCH_VA - CODE_VA) / A64_PAGE), SCRATCH_2 | 0x743);
    put64(m, L2_VA + 8 * (TABLES_VA >> 21 & 511), TABLES_VA | 0x701);
    for (unsigned off = 0; off < 0x800; off += 0x80)
        le32_put(m->ram + (VECTORS + off - CODE_VA), 0xd4000002); /* hvc #0 */

    a64_cpu_reset(cpu, CODE_VA, 0);
    cpu->sr.mair = 0xff;
    cpu->sr.tcr = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | UINT64_C(2) << 32; /* 39 bits, EPD1 */
    cpu->sr.ttbr0 = TABLES_VA;
    cpu->sr.vbar = VECTORS;
    cpu->sr.cpacr = 3 << 20;
    cpu->sr.sctlr |= A64_SCTLR_M | 1 << 2 | 1 << 12 | 1 << 4; /* M, C, I, SA0 */
    a64_context_init(cpu);
    return m;
}

void ours_code(struct ours *m, const void *code, uint32_t len)
{
    memcpy(m->ram, code, len);
    a64_vm_ram_written(m->vm, CODE_VA, len);
}

void ours_run(struct ours *m, struct state *s)
{
    struct a64_cpu *cpu = m->cpu;
    struct hv_regs regs = {.sp = s->sp, .pc = s->pc, .pstate = s->nzcv}; /* EL0t */
    memcpy(regs.x, s->x, sizeof regs.x);
    a64_cpu_set_regs(cpu, &regs);
    memcpy(cpu->v, s->v, sizeof s->v);
    cpu->fpcr = s->fpcr;
    cpu->fpsr = s->fpsr;
    uint8_t *half[2] = {m->ram + (SCRATCH_AT - CODE_VA), m->ram + (SCRATCH_2 - CODE_VA)};
    memcpy(half[0], s->scratch, SCRATCH_SIZE / 2);
    memcpy(half[1], s->scratch + SCRATCH_SIZE / 2, SCRATCH_SIZE / 2);
    cpu->excl_hva = NULL;

    const struct hv_exit e = a64_cpu_run(cpu);

    a64_cpu_get_regs(cpu, &regs);
    memcpy(s->x, regs.x, sizeof regs.x);
    s->sp = cpu->sr.sp_el0;
    s->pc = cpu->sr.elr;
    s->nzcv = (uint32_t)cpu->sr.spsr & 0xf0000000;
    s->fpcr = cpu->fpcr;
    s->fpsr = cpu->fpsr;
    memcpy(s->v, cpu->v, sizeof s->v);
    memcpy(s->scratch, half[0], SCRATCH_SIZE / 2);
    memcpy(s->scratch + SCRATCH_SIZE / 2, half[1], SCRATCH_SIZE / 2);
    const unsigned ec = (unsigned)(cpu->sr.esr >> 26) & 63;
    s->stop = e.reason != HV_EXIT_CALL ? 100u + e.reason
              : ec == A64_EC_BRK       ? STOP_BRK
              : ec == A64_EC_UNKNOWN   ? STOP_UNDEF
                                       : STOP_FAULT;
}
