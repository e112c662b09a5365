// SPDX-License-Identifier: MIT
/*
 * sem_mem.h - how load and store handlers of general registers are built.
 *
 * Each one is three functions. The fast path and its variant for SP as the base register look into
 * the data TLB and use no stack; anything they do not expect goes to the slow function, which runs
 * the instruction from its start by way of mmu.c.
 */
#ifndef A64_SEM_MEM_H
#define A64_SEM_MEM_H

#include "src/a64/sem.h"

/* Does the TLB entry take an access of n elements of `size` bytes at va? */
static inline __attribute__((always_inline)) bool a64_hit(uint64_t tag, const struct a64_dtlb *t,
                                                          uint64_t va, unsigned n, unsigned size)
{
    return likely(tag == ((va + n * size - 1) | 0xfff)) && likely(!(va & t->amask & (size - 1)));
}

static inline void *a64_hva(const struct a64_dtlb *t, uint64_t va)
{
    return (void *)(uintptr_t)(va + t->addend);
}

/* Banks: of the current privilege, and that of LDTR and STTR (Arm ARM C3.2.5). */
#define BANK_CUR  (cpu->bank)
#define BANK_USER (cpu->el ? cpu->user : cpu->bank)

/* SP must be aligned when it is a base register; the slow path knows whether it is checked. */
#define SP_MISALIGNED unlikely(cpu->x[A64_SP] & 15)

/*
 * A load: ADDR(base) is the address, WB(base, va) the write-back, CONV(v) what goes to the
 * register. The write-back wins when both name the same register.
 */
#define LOAD(name, size, CONV, ADDR, WB, BANK)                                                     \
    static A64_COLD A64_OP(name##_slow)                                                            \
    {                                                                                              \
        uint64_t va = ADDR(X(rn)), v;                                                              \
        if (!a64_sp_ok(cpu, op) || !a64_load_slow(cpu, op, BANK, va, size, &v))                    \
            return cpu->resume;                                                                    \
        X(rd) = CONV(v);                                                                           \
        WB(X(rn), va);                                                                             \
        A64_NEXT_LOOP;                                                                             \
    }                                                                                              \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        uint64_t va = ADDR(X(rn));                                                                 \
        const struct a64_dtlb *t = a64_dtlb_of(BANK, va);                                          \
        A64_COUNT_ACCESS(cpu, op, va, 0);                                                          \
        if (!a64_hit(t->tag_r, t, va, 1, size))                                                    \
            return a64_op_##name##_slow(cpu, op);                                                  \
        uint64_t v = a64_host_load(a64_hva(t, va), size);                                          \
        X(rd) = CONV(v);                                                                           \
        WB(X(rn), va);                                                                             \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name##_sp)                                                                       \
    {                                                                                              \
        uint64_t va = ADDR(cpu->x[A64_SP]);                                                        \
        const struct a64_dtlb *t = a64_dtlb_of(BANK, va);                                          \
        A64_COUNT_ACCESS(cpu, op, va, 0);                                                          \
        if (SP_MISALIGNED || !a64_hit(t->tag_r, t, va, 1, size))                                   \
            return a64_op_##name##_slow(cpu, op);                                                  \
        uint64_t v = a64_host_load(a64_hva(t, va), size);                                          \
        X(rd) = CONV(v);                                                                           \
        WB(cpu->x[A64_SP], va);                                                                    \
        A64_NEXT;                                                                                  \
    }

/* A store. The stored value is the one from before the write-back. */
#define STORE(name, size, ADDR, WB, BANK)                                                          \
    static A64_COLD A64_OP(name##_slow)                                                            \
    {                                                                                              \
        uint64_t va = ADDR(X(rn));                                                                 \
        if (!a64_sp_ok(cpu, op) || !a64_store_slow(cpu, op, BANK, va, size, X(rd)))                \
            return cpu->resume;                                                                    \
        WB(X(rn), va);                                                                             \
        A64_NEXT_LOOP;                                                                             \
    }                                                                                              \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        uint64_t va = ADDR(X(rn));                                                                 \
        const struct a64_dtlb *t = a64_dtlb_of(BANK, va);                                          \
        A64_COUNT_ACCESS(cpu, op, va, 1);                                                          \
        if (!a64_hit(t->tag_w, t, va, 1, size))                                                    \
            return a64_op_##name##_slow(cpu, op);                                                  \
        a64_host_store(a64_hva(t, va), size, X(rd));                                               \
        WB(X(rn), va);                                                                             \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name##_sp)                                                                       \
    {                                                                                              \
        uint64_t va = ADDR(cpu->x[A64_SP]);                                                        \
        const struct a64_dtlb *t = a64_dtlb_of(BANK, va);                                          \
        A64_COUNT_ACCESS(cpu, op, va, 1);                                                          \
        if (SP_MISALIGNED || !a64_hit(t->tag_w, t, va, 1, size))                                   \
            return a64_op_##name##_slow(cpu, op);                                                  \
        a64_host_store(a64_hva(t, va), size, X(rd));                                               \
        WB(cpu->x[A64_SP], va);                                                                    \
        A64_NEXT;                                                                                  \
    }

/* Addresses and write-backs. */
#define IMM64          ((uint64_t)(int64_t)op->imm)
#define AT_OFF(b)      ((b) + IMM64)
#define AT_BASE(b)     (b)
#define WB_NONE(b, va) (void)0
#define WB_PRE(b, va)  (b) = (va)
#define WB_POST(b, va) (b) = (va) + IMM64

/* Values. */
#define TO_U(v)    (v)
#define TO_SB64(v) (uint64_t)(int8_t)(v)
#define TO_SH64(v) (uint64_t)(int16_t)(v)
#define TO_SW64(v) (uint64_t)(int32_t)(v)
#define TO_SB32(v) (uint64_t)(uint32_t)(int8_t)(v)
#define TO_SH32(v) (uint64_t)(uint32_t)(int16_t)(v)

#endif
