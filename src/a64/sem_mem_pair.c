// SPDX-License-Identifier: MIT
/*
 * sem_mem_pair.c - A64 loads and stores of two general registers (LDP, STP, LDPSW, LDNP, STNP).
 *
 * Follows Arm ARM DDI 0487J.a C6.2. rd and rm of a slot are the registers, ra is not used. Both
 * elements can be accessed before the first one is, so a fault leaves memory and registers as they
 * were. The choices for overlapping registers are those of sem_mem.c; of two loads to one register
 * the first wins.
 */
#include "src/a64/sem_mem.h"

#define PAIR_LOAD(name, size, CONV, ADDR, WB)                                                      \
    static A64_COLD A64_OP(name##_slow)                                                            \
    {                                                                                              \
        uint64_t va = ADDR(X(rn)), v1, v2;                                                         \
        if (!a64_sp_ok(cpu, op) || !a64_probe(cpu, op, va, 2 * (size), size, false) ||             \
            !a64_load_slow(cpu, op, cpu->bank, va, size, &v1) ||                                   \
            !a64_load_slow(cpu, op, cpu->bank, va + (size), size, &v2))                            \
            return cpu->resume;                                                                    \
        X(rm) = CONV(v2);                                                                          \
        X(rd) = CONV(v1);                                                                          \
        WB(X(rn), va);                                                                             \
        A64_NEXT_LOOP;                                                                             \
    }                                                                                              \
    PAIR_LOAD_FAST(name, name, X(rn), false, size, CONV, ADDR, WB)                                 \
    PAIR_LOAD_FAST(name##_sp, name, cpu->x[A64_SP], SP_MISALIGNED, size, CONV, ADDR, WB)
#define PAIR_LOAD_FAST(fast, name, base, bad, size, CONV, ADDR, WB)                                \
    static A64_OP(fast)                                                                            \
    {                                                                                              \
        uint64_t va = ADDR(base);                                                                  \
        const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);                                     \
        A64_COUNT_ACCESS(cpu, op, va, 0);                                                          \
        if (bad || !a64_hit(t->tag_r, t, va, 2, size))                                             \
            return a64_op_##name##_slow(cpu, op);                                                  \
        const char *p = a64_hva(t, va);                                                            \
        uint64_t v1 = a64_host_load(p, size), v2 = a64_host_load(p + (size), size);                \
        X(rm) = CONV(v2);                                                                          \
        X(rd) = CONV(v1);                                                                          \
        WB(base, va);                                                                              \
        A64_NEXT;                                                                                  \
    }

#define PAIR_STORE(name, size, ADDR, WB)                                                           \
    static A64_COLD A64_OP(name##_slow)                                                            \
    {                                                                                              \
        uint64_t va = ADDR(X(rn));                                                                 \
        if (!a64_sp_ok(cpu, op) || !a64_probe(cpu, op, va, 2 * (size), size, true) ||              \
            !a64_store_slow(cpu, op, cpu->bank, va, size, X(rd)) ||                                \
            !a64_store_slow(cpu, op, cpu->bank, va + (size), size, X(rm)))                         \
            return cpu->resume;                                                                    \
        WB(X(rn), va);                                                                             \
        A64_NEXT_LOOP;                                                                             \
    }                                                                                              \
    PAIR_STORE_FAST(name, name, X(rn), false, size, ADDR, WB)                                      \
    PAIR_STORE_FAST(name##_sp, name, cpu->x[A64_SP], SP_MISALIGNED, size, ADDR, WB)
#define PAIR_STORE_FAST(fast, name, base, bad, size, ADDR, WB)                                     \
    static A64_OP(fast)                                                                            \
    {                                                                                              \
        uint64_t va = ADDR(base);                                                                  \
        const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);                                     \
        A64_COUNT_ACCESS(cpu, op, va, 1);                                                          \
        if (bad || !a64_hit(t->tag_w, t, va, 2, size))                                             \
            return a64_op_##name##_slow(cpu, op);                                                  \
        char *p = a64_hva(t, va);                                                                  \
        a64_host_store(p, size, X(rd));                                                            \
        a64_host_store(p + (size), size, X(rm));                                                   \
        WB(base, va);                                                                              \
        A64_NEXT;                                                                                  \
    }

#define PAIR_TABLE(k)                                                                              \
    static a64_fn *const k##_fns[3][2] = {                                                         \
        {a64_op_##k##_off,    a64_op_##k##_off_sp   },                                                   \
        {a64_op_##k##_postix, a64_op_##k##_postix_sp},                                             \
        {a64_op_##k##_preix,  a64_op_##k##_preix_sp },                                               \
    };
#define PAIR_LOADS(k, size, CONV)                                                                  \
    PAIR_LOAD(k##_off, size, CONV, AT_OFF, WB_NONE)                                                \
    PAIR_LOAD(k##_postix, size, CONV, AT_BASE, WB_POST)                                            \
    PAIR_LOAD(k##_preix, size, CONV, AT_OFF, WB_PRE)                                               \
    PAIR_TABLE(k)
#define PAIR_STORES(k, size)                                                                       \
    PAIR_STORE(k##_off, size, AT_OFF, WB_NONE)                                                     \
    PAIR_STORE(k##_postix, size, AT_BASE, WB_POST)                                                 \
    PAIR_STORE(k##_preix, size, AT_OFF, WB_PRE)                                                    \
    PAIR_TABLE(k)

PAIR_LOADS(ldp32, 4, TO_U)
PAIR_LOADS(ldp64, 8, TO_U)
PAIR_LOADS(ldpsw, 4, TO_SW64)
PAIR_STORES(stp32, 4)
PAIR_STORES(stp64, 8)

void a64_dec_ldst_pair(struct a64_op *op, uint32_t insn)
{
    static const uint8_t modes[] = {0, 1, 0, 2}; /* no-allocate, post, offset, pre */
    unsigned opc = insn >> 30, rt = a64_rd(insn), rt2 = a64_ra(insn);
    bool load = insn >> 22 & 1;
    a64_fn *const(*k)[2] = !load      ? (opc ? stp64_fns : stp32_fns)
                           : opc == 1 ? ldpsw_fns
                           : opc      ? ldp64_fns
                                      : ldp32_fns;
    op->rd = load ? a64_dst(rt) : a64_src(rt);
    op->rm = load ? a64_dst(rt2) : a64_src(rt2);
    op->rn = (uint8_t)a64_rn(insn);
    op->imm = a64_sbits(insn, 15, 7) * (opc == 2 ? 8 : 4);
    op->fn = k[modes[a64_bits(insn, 23, 2)]][op->rn == A64_SP];
}
