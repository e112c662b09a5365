// SPDX-License-Identifier: MIT
/*
 * sem.h - what the files of integer instruction handlers (sem_int*.c, sem_branch.c, sem_mem*.c,
 * sem_atomic.c) share: register and field access, flags, conditions.
 */
#ifndef A64_SEM_H
#define A64_SEM_H

#include "src/a64/cpu.h"

#include "a64_table.h"

/* Kept away from the handlers that run often. */
#define A64_COLD __attribute__((noinline, cold))

/* Registers by the slot's operands. W registers are the low halves; writing one clears the high
 * half. */
#define X(n)  (cpu->x[op->n])
#define W(n)  ((uint32_t)cpu->x[op->n])
#define SX(n) ((int64_t)cpu->x[op->n])
#define SW(n) ((int32_t)(uint32_t)cpu->x[op->n])

/* Fields of an instruction word. */
static inline unsigned a64_bits(uint32_t insn, unsigned lo, unsigned len)
{
    return insn >> lo & ((1u << len) - 1);
}

static inline int32_t a64_sbits(uint32_t insn, unsigned lo, unsigned len)
{
    return (int32_t)(insn << (32 - lo - len)) >> (32 - len);
}

static inline unsigned a64_rd(uint32_t insn)
{
    return insn & 31;
}

static inline unsigned a64_rn(uint32_t insn)
{
    return insn >> 5 & 31;
}

static inline unsigned a64_rm(uint32_t insn)
{
    return insn >> 16 & 31;
}

static inline unsigned a64_ra(uint32_t insn)
{
    return insn >> 10 & 31;
}

/* ---- flags ---- */
static inline void a64_flags_logic64(struct a64_cpu *cpu, uint64_t r)
{
    cpu->nf = r;
    cpu->zf = r;
    cpu->cf = 0;
    cpu->vf = 0;
}

static inline void a64_flags_logic32(struct a64_cpu *cpu, uint32_t r)
{
    cpu->nf = (uint64_t)r << 32;
    cpu->zf = r;
    cpu->cf = 0;
    cpu->vf = 0;
}

static inline uint64_t a64_adds64(struct a64_cpu *cpu, uint64_t a, uint64_t b)
{
    uint64_t r;
    int64_t s;
    cpu->cf = __builtin_add_overflow(a, b, &r);
    cpu->vf = __builtin_add_overflow((int64_t)a, (int64_t)b, &s);
    cpu->nf = r;
    cpu->zf = r;
    return r;
}

static inline uint64_t a64_subs64(struct a64_cpu *cpu, uint64_t a, uint64_t b)
{
    int64_t s;
    uint64_t r = a - b;
    cpu->cf = a >= b;
    cpu->vf = __builtin_sub_overflow((int64_t)a, (int64_t)b, &s);
    cpu->nf = r;
    cpu->zf = r;
    return r;
}

static inline uint32_t a64_adds32(struct a64_cpu *cpu, uint32_t a, uint32_t b)
{
    uint32_t r;
    int32_t s;
    cpu->cf = __builtin_add_overflow(a, b, &r);
    cpu->vf = __builtin_add_overflow((int32_t)a, (int32_t)b, &s);
    cpu->nf = (uint64_t)r << 32;
    cpu->zf = r;
    return r;
}

static inline uint32_t a64_subs32(struct a64_cpu *cpu, uint32_t a, uint32_t b)
{
    int32_t s;
    uint32_t r = a - b;
    cpu->cf = a >= b;
    cpu->vf = __builtin_sub_overflow((int32_t)a, (int32_t)b, &s);
    cpu->nf = (uint64_t)r << 32;
    cpu->zf = r;
    return r;
}

/* AddWithCarry() (Arm ARM J1.3.3); subtraction passes ~b. */
static inline uint64_t a64_adcs64(struct a64_cpu *cpu, uint64_t a, uint64_t b)
{
    uint64_t t, r;
    bool c1 = __builtin_add_overflow(a, b, &t);
    bool c2 = __builtin_add_overflow(t, cpu->cf, &r);
    cpu->cf = c1 | c2;
    cpu->vf = ((a ^ r) & (b ^ r)) >> 63;
    cpu->nf = r;
    cpu->zf = r;
    return r;
}

static inline uint32_t a64_adcs32(struct a64_cpu *cpu, uint32_t a, uint32_t b)
{
    uint64_t sum = (uint64_t)a + b + cpu->cf;
    uint32_t r = (uint32_t)sum;
    cpu->cf = sum >> 32;
    cpu->vf = ((a ^ r) & (b ^ r)) >> 31;
    cpu->nf = (uint64_t)r << 32;
    cpu->zf = r;
    return r;
}

/* ConditionHolds() (Arm ARM C1.2.4). With a constant `cond` this is a test or two. */
static inline __attribute__((always_inline)) bool a64_cond(const struct a64_cpu *cpu, unsigned cond)
{
    bool r;
    switch (cond >> 1) {
    case 0: /* EQ */
        r = cpu->zf == 0;
        break;
    case 1: /* CS */
        r = cpu->cf != 0;
        break;
    case 2: /* MI */
        r = (int64_t)cpu->nf < 0;
        break;
    case 3: /* VS */
        r = cpu->vf != 0;
        break;
    case 4: /* HI */
        r = (cpu->cf != 0) & (cpu->zf != 0);
        break;
    case 5: /* GE */
        r = cpu->nf >> 63 == cpu->vf;
        break;
    case 6: /* GT */
        r = (cpu->nf >> 63 == cpu->vf) & (cpu->zf != 0);
        break;
    default: /* AL, and NV is the same */
        return true;
    }
    return cond & 1 ? !r : r;
}

/* X(macro argument, condition's name, number) for each condition but AL. */
#define A64_EACH_COND(M)                                                                           \
    M(eq, 0)                                                                                       \
    M(ne, 1)                                                                                       \
    M(cs, 2)                                                                                       \
    M(cc, 3)                                                                                       \
    M(mi, 4)                                                                                       \
    M(pl, 5)                                                                                       \
    M(vs, 6)                                                                                       \
    M(vc, 7) M(hi, 8) M(ls, 9) M(ge, 10) M(lt, 11) M(gt, 12) M(le, 13)

static inline uint32_t a64_ror32(uint32_t v, unsigned n)
{
    return v >> (n & 31) | v << (-n & 31);
}

static inline uint64_t a64_ror64(uint64_t v, unsigned n)
{
    return v >> (n & 63) | v << (-n & 63);
}

#endif
