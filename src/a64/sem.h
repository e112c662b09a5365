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

/* sem_int.c: the immediate of AND, ORR, EOR, ANDS. */
uint64_t a64_bit_mask(uint32_t insn);

/* ---- flags ---- */
static inline bool a64_carry(const struct a64_cpu *cpu)
{
    return cpu->hf & A64_HF_C;
}

static inline void a64_flags(struct a64_cpu *cpu, bool n, bool z, bool c, bool v)
{
    cpu->hf = (uint16_t)(n * A64_HF_N | z * A64_HF_Z | c * A64_HF_C | v * A64_HF_V);
}

#if defined(__x86_64__) && defined(__GNUC__)
/* The host computes them: an instruction on (r, b), then Arm's sense of the carry, then LAHF, SETO.
 */
#define A64_HOST_FLAGS(cpu, insn, sense, r, b)                                                     \
    __asm__(insn " %[B], %[R]\n\t" sense "lahf\n\tseto %%al"                                       \
            : [R] "+&r"(r), "=&a"((cpu)->hf)                                                       \
            : [B] "r"(b)                                                                           \
            : "cc")
#define A64_BORROW "cmc\n\t"

static inline void a64_flags_logic64(struct a64_cpu *cpu, uint64_t r)
{
    A64_HOST_FLAGS(cpu, "test", "", r, r);
}

static inline void a64_flags_logic32(struct a64_cpu *cpu, uint32_t r)
{
    A64_HOST_FLAGS(cpu, "test", "", r, r);
}

static inline uint64_t a64_adds64(struct a64_cpu *cpu, uint64_t a, uint64_t b)
{
    A64_HOST_FLAGS(cpu, "add", "", a, b);
    return a;
}

static inline uint64_t a64_subs64(struct a64_cpu *cpu, uint64_t a, uint64_t b)
{
    A64_HOST_FLAGS(cpu, "sub", A64_BORROW, a, b);
    return a;
}

static inline uint32_t a64_adds32(struct a64_cpu *cpu, uint32_t a, uint32_t b)
{
    A64_HOST_FLAGS(cpu, "add", "", a, b);
    return a;
}

static inline uint32_t a64_subs32(struct a64_cpu *cpu, uint32_t a, uint32_t b)
{
    A64_HOST_FLAGS(cpu, "sub", A64_BORROW, a, b);
    return a;
}
#else
static inline void a64_flags_logic64(struct a64_cpu *cpu, uint64_t r)
{
    a64_flags(cpu, r >> 63, r == 0, false, false);
}

static inline void a64_flags_logic32(struct a64_cpu *cpu, uint32_t r)
{
    a64_flags(cpu, r >> 31, r == 0, false, false);
}

static inline uint64_t a64_adds64(struct a64_cpu *cpu, uint64_t a, uint64_t b)
{
    uint64_t r;
    int64_t s;
    bool c = __builtin_add_overflow(a, b, &r);
    a64_flags(cpu, r >> 63, r == 0, c, __builtin_add_overflow((int64_t)a, (int64_t)b, &s));
    return r;
}

static inline uint64_t a64_subs64(struct a64_cpu *cpu, uint64_t a, uint64_t b)
{
    int64_t s;
    uint64_t r = a - b;
    a64_flags(cpu, r >> 63, r == 0, a >= b, __builtin_sub_overflow((int64_t)a, (int64_t)b, &s));
    return r;
}

static inline uint32_t a64_adds32(struct a64_cpu *cpu, uint32_t a, uint32_t b)
{
    uint32_t r;
    int32_t s;
    bool c = __builtin_add_overflow(a, b, &r);
    a64_flags(cpu, r >> 31, r == 0, c, __builtin_add_overflow((int32_t)a, (int32_t)b, &s));
    return r;
}

static inline uint32_t a64_subs32(struct a64_cpu *cpu, uint32_t a, uint32_t b)
{
    int32_t s;
    uint32_t r = a - b;
    a64_flags(cpu, r >> 31, r == 0, a >= b, __builtin_sub_overflow((int32_t)a, (int32_t)b, &s));
    return r;
}
#endif

/* AddWithCarry() (Arm ARM J1.3.3); subtraction passes ~b. */
static inline uint64_t a64_adcs64(struct a64_cpu *cpu, uint64_t a, uint64_t b)
{
    uint64_t t, r;
    bool c1 = __builtin_add_overflow(a, b, &t);
    bool c2 = __builtin_add_overflow(t, (uint64_t)a64_carry(cpu), &r);
    a64_flags(cpu, r >> 63, r == 0, c1 | c2, ((a ^ r) & (b ^ r)) >> 63);
    return r;
}

static inline uint32_t a64_adcs32(struct a64_cpu *cpu, uint32_t a, uint32_t b)
{
    uint64_t sum = (uint64_t)a + b + a64_carry(cpu);
    uint32_t r = (uint32_t)sum;
    a64_flags(cpu, r >> 31, r == 0, sum >> 32, ((a ^ r) & (b ^ r)) >> 31);
    return r;
}

/* ConditionHolds() (Arm ARM C1.2.4). With a constant `cond` this is a test or two. */
static inline __attribute__((always_inline)) bool a64_cond(const struct a64_cpu *cpu, unsigned cond)
{
    uint32_t hf = cpu->hf;
    bool r;
    switch (cond >> 1) {
    case 0: /* EQ */
        r = hf & A64_HF_Z;
        break;
    case 1: /* CS */
        r = hf & A64_HF_C;
        break;
    case 2: /* MI */
        r = hf & A64_HF_N;
        break;
    case 3: /* VS */
        r = hf & A64_HF_V;
        break;
    case 4: /* HI */
        r = (hf & (A64_HF_C | A64_HF_Z)) == A64_HF_C;
        break;
    case 5: /* GE */
        r = !((hf >> 15 ^ hf) & 1);
        break;
    case 6: /* GT */
        r = !((hf >> 15 ^ hf) & 1) & !(hf & A64_HF_Z);
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
