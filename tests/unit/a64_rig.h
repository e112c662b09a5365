// SPDX-License-Identifier: MIT
/*
 * a64_rig.h - a bare software CPU with RAM, a vector table whose every entry leaves run(), and the
 * few instruction words tests need. No board, no interrupt controller.
 */
#ifndef TESTS_A64_RIG_H
#define TESTS_A64_RIG_H

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/a64/a64_internal.h"
#include "tests/tap.h"

#define RIG_RAM      0x40000000u
#define RIG_RAM_SIZE MIB(16)
#define RIG_VECTORS  (RIG_RAM + 0x1000)
#define RIG_CODE     (RIG_RAM + 0x10000)
#define RIG_STACK    (RIG_RAM + 0x20000)
#define RIG_DATA     (RIG_RAM + 0x30000)
#define RIG_TABLES   (RIG_RAM + 0x100000)

struct rig {
    struct a64_vm *vm;
    struct a64_cpu *cpu[2];
    uint8_t *ram;
    gpa_t at; /* where rig_emit() goes on */
    /* What the timer told. */
    bool line[32];
    uint64_t armed;
    unsigned arms;
};

static inline void rig_timer_line(void *ctx, unsigned cpu, unsigned intid, bool level)
{
    (void)cpu;
    ((struct rig *)ctx)->line[intid] = level;
}

static inline void rig_timer_arm(void *ctx, unsigned cpu, uint64_t deadline_ns)
{
    (void)cpu;
    ((struct rig *)ctx)->armed = deadline_ns;
    ((struct rig *)ctx)->arms++;
}

static inline void *rig_hva(struct rig *r, gpa_t gpa)
{
    return r->ram + (gpa - RIG_RAM);
}

static inline void rig_emit(struct rig *r, uint32_t insn)
{
    le32_put(rig_hva(r, r->at), insn);
    r->at += 4;
}

/* hvc #n */
static inline uint32_t i_hvc(unsigned n)
{
    return 0xd4000002u | n << 5;
}

static inline void rig_init_cpus(struct rig *r, unsigned cpus)
{
    memset(r, 0, sizeof *r);
    struct hv_config config = {
        .cpus = cpus, .timer_line = rig_timer_line, .timer_arm = rig_timer_arm, .ctx = r};
    struct err err = {0};
    r->ram = mmap(NULL, RIG_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int rc = a64_vm_new(&r->vm, &config, &err);
    rc |= a64_vm_map(r->vm, RIG_RAM, r->ram, RIG_RAM_SIZE, false, &err);
    for (unsigned i = 0; i < cpus; i++) {
        rc |= a64_cpu_new(r->vm, i, &r->cpu[i], &err);
        a64_cpu_reset(r->cpu[i], RIG_CODE, 0);
        r->cpu[i]->sr.vbar = RIG_VECTORS;
        r->cpu[i]->sr.cpacr = 3 << 20;
        r->cpu[i]->x[A64_SP] = RIG_STACK;
        a64_fp_update(r->cpu[i]);
    }
    if (rc)
        printf("# rig: %s\n", err.text);
    for (unsigned v = 0; v < 16; v++) {
        r->at = RIG_VECTORS + v * 0x80;
        rig_emit(r, i_hvc(v));
    }
    r->at = RIG_CODE;
}

static inline void rig_init(struct rig *r)
{
    rig_init_cpus(r, 1);
}

static inline void rig_fini(struct rig *r)
{
    for (unsigned i = 0; i < 2; i++)
        a64_cpu_free(r->cpu[i]);
    a64_vm_free(r->vm);
    munmap(r->ram, RIG_RAM_SIZE);
}

static inline struct hv_exit rig_run(struct rig *r)
{
    return a64_cpu_run(r->cpu[0]);
}

/* From RIG_CODE on, to an exit. */
static inline struct hv_exit rig_go(struct rig *r)
{
    r->cpu[0]->pc = RIG_CODE;
    r->cpu[0]->mmio_n = 0;
    return rig_run(r);
}

/* The vector that the run ended in, as its offset in the table; -1 when it ended elsewhere. */
static inline int rig_vector(struct rig *r, struct hv_exit e)
{
    uint64_t off = r->cpu[0]->pc - 4 - r->cpu[0]->sr.vbar;
    return e.reason == HV_EXIT_CALL && off < 0x800 && off % 0x80 == 0 ? (int)off : -1;
}

/* ---- instruction words (Arm ARM C6.2) ---- */
static inline uint32_t i_movz(unsigned rd, unsigned imm)
{
    return 0xd2800000u | imm << 5 | rd;
}

static inline uint32_t i_movk(unsigned rd, unsigned imm, unsigned hw)
{
    return 0xf2800000u | hw << 21 | imm << 5 | rd;
}

static inline uint32_t i_ldr(unsigned size, unsigned rt,
                             unsigned rn) /* size: log2 bytes; offset 0 */
{
    return 0x39400000u | size << 30 | rn << 5 | rt;
}

static inline uint32_t i_str(unsigned size, unsigned rt, unsigned rn)
{
    return 0x39000000u | size << 30 | rn << 5 | rt;
}

static inline uint32_t i_ldtr(unsigned rt, unsigned rn) /* 64 bits */
{
    return 0xf8400800u | rn << 5 | rt;
}

static inline uint32_t i_ldp(unsigned rt, unsigned rt2, unsigned rn) /* 64 bits, offset 0 */
{
    return 0xa9400000u | rt2 << 10 | rn << 5 | rt;
}

static inline uint32_t i_stp(unsigned rt, unsigned rt2, unsigned rn)
{
    return 0xa9000000u | rt2 << 10 | rn << 5 | rt;
}

static inline uint32_t i_mrs(uint32_t reg, unsigned rt)
{
    return 0xd5200000u | reg << 5 | rt;
}

static inline uint32_t i_msr(uint32_t reg, unsigned rt)
{
    return 0xd5000000u | reg << 5 | rt;
}

static inline uint32_t i_sys(unsigned op1, unsigned crn, unsigned crm, unsigned op2, unsigned rt)
{
    return 0xd5000000u | (uint32_t)HV_SYSREG(1, op1, crn, crm, op2) << 5 | rt;
}

static inline uint32_t i_b(int words)
{
    return 0x14000000u | ((uint32_t)words & 0x3ffffff);
}

static inline uint32_t i_br(unsigned rn)
{
    return 0xd61f0000u | rn << 5;
}

static inline uint32_t i_cbz(unsigned rt, int words)
{
    return 0xb4000000u | ((uint32_t)words & 0x7ffff) << 5 | rt;
}

static inline uint32_t i_add(unsigned rd, unsigned rn, unsigned imm)
{
    return 0x91000000u | imm << 10 | rn << 5 | rd;
}

static inline uint32_t i_svc(unsigned n)
{
    return 0xd4000001u | n << 5;
}

static inline uint32_t i_brk(unsigned n)
{
    return 0xd4200000u | n << 5;
}

static inline uint32_t i_hlt(unsigned n)
{
    return 0xd4400000u | n << 5;
}

#define I_ERET           0xd69f03e0u
#define I_NOP            0xd503201fu
#define I_WFE            0xd503205fu
#define I_WFI            0xd503207fu
#define I_SEVL           0xd50320bfu
#define I_ISB            0xd5033fdfu
#define I_DSB            0xd5033b9fu
#define I_DAIFSET_ALL    0xd5034fdfu
#define I_DAIFCLR_ALL    0xd5034fffu
#define I_LDXR_X1_X0     0xc85f7c01u
#define I_STXR_W2_X1_X0  0xc8027c01u
#define I_LDADD_X1_X2_X0 0xf8210002u /* ldadd x1, x2, [x0] */
#define I_FMOV_D0_X0     0x9e670000u

#define MRS_ESR  HV_SYSREG(3, 0, 5, 2, 0)
#define SYS_VBAR HV_SYSREG(3, 0, 12, 0, 0)
#define SYS_ELR  HV_SYSREG(3, 0, 4, 0, 1)
#define SYS_SPSR HV_SYSREG(3, 0, 4, 0, 0)

static inline uint32_t rig_ec(struct rig *r)
{
    return (uint32_t)(r->cpu[0]->sr.esr >> 26);
}

static inline uint32_t rig_iss(struct rig *r)
{
    return (uint32_t)r->cpu[0]->sr.esr & 0x1ffffff;
}

#endif
