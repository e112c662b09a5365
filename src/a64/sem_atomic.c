// SPDX-License-Identifier: MIT
/*
 * sem_atomic.c - A64 exclusives, load-acquire and store-release, and the atomic instructions of
 * FEAT_LSE.
 *
 * Follows Arm ARM DDI 0487J.a B2.3.11 (ordering), B2.12 (exclusives), C6.2. The exclusive monitor
 * remembers host address and value of the load; the store is a compare-and-swap. So a location that
 * was changed and changed back in between counts as unchanged, and other CPUs' stores of the same
 * value go unseen, which no algorithm that is correct with compare-and-swap minds. Ordinary stores
 * of this CPU leave its monitor alone.
 *
 * Order: STLR and LDAR are sequentially consistent among themselves (RCsc), so STLR is the costly
 * store as soon as there are two CPUs. Read-modify-writes are always sequentially consistent, which
 * costs nothing on hosts whose locked instructions are. LORegions are not there: LDLAR is LDAR,
 * STLLR is STLR.
 */
#include "src/a64/sem_mem.h"

/* ---- the host's atomics by size ---- */
#define HOST_TYPE_1      uint8_t
#define HOST_TYPE_2      uint16_t
#define HOST_TYPE_4      uint32_t
#define HOST_TYPE_8      uint64_t
#define HOST_STYPE_1     int8_t
#define HOST_STYPE_2     int16_t
#define HOST_STYPE_4     int32_t
#define HOST_STYPE_8     int64_t
#define HOST_TYPE(size)  HOST_TYPE_##size
#define HOST_STYPE(size) HOST_STYPE_##size

/*
 * Swaps in hi:lo for old[1]:old[0] when that is there; `old` becomes what was there. x86-64 without
 * 16-byte compare-and-swap is older than anything that runs this; hosts other than x86-64 and
 * AArch64 take a lock, which keeps 16-byte accesses atomic among themselves.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#ifdef __x86_64__
__attribute__((target("cx16")))
#endif
static bool
cas16(void *p, uint64_t old[2], uint64_t lo, uint64_t hi)
{
    unsigned __int128 want = (unsigned __int128)hi << 64 | lo;
    unsigned __int128 expected = (unsigned __int128)old[1] << 64 | old[0];
    unsigned __int128 was =
        __sync_val_compare_and_swap((volatile unsigned __int128 *)p, expected, want);
    old[0] = (uint64_t)was;
    old[1] = (uint64_t)(was >> 64);
    return was == expected;
}
#else
static bool cas16(void *p, uint64_t old[2], uint64_t lo, uint64_t hi)
{
    static atomic_flag lock = ATOMIC_FLAG_INIT;
    const uint64_t want[2] = {lo, hi};
    uint64_t was[2];
    while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
        ;
    memcpy(was, p, 16);
    bool same = was[0] == old[0] && was[1] == old[1];
    if (same)
        memcpy(p, want, 16);
    atomic_flag_clear_explicit(&lock, memory_order_release);
    memcpy(old, was, 16);
    return same;
}
#endif

/*
 * An atomic instruction on an aligned address in RAM: BODY(p, size) does it at host address p. As
 * in sem_mem.h, what is no TLB hit goes to the slow function.
 */
#define ATOMIC_OP(name, size, write, BODY)                                                         \
    static A64_COLD A64_OP(name##_slow)                                                            \
    {                                                                                              \
        void *p;                                                                                   \
        if (!a64_sp_ok(cpu, op) || !(p = a64_atomic_hva(cpu, op, X(rn), size, write)))             \
            return cpu->resume;                                                                    \
        BODY(p, size);                                                                             \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        uint64_t va = X(rn), tag = va | 0xfff;                                                     \
        const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);                                     \
        if (unlikely(t->tag_r != tag) || ((write) && unlikely(t->tag_w != tag)) ||                 \
            unlikely(va & ((size)-1)) || unlikely(op->rn == A64_SP))                               \
            return a64_op_##name##_slow(cpu, op);                                                  \
        void *p = a64_hva(t, va);                                                                  \
        BODY(p, size);                                                                             \
        A64_NEXT;                                                                                  \
    }

/* ---- load-acquire, store-release ----
 * These also reach devices. Misaligned ones take an alignment fault, which a64_atomic_hva() knows
 * to make.
 */
#define ORDERED(size)                                                                              \
    static A64_COLD A64_OP(ldar##size##_slow)                                                      \
    {                                                                                              \
        uint64_t va = X(rn), v;                                                                    \
        if (!a64_sp_ok(cpu, op) ||                                                                 \
            ((va & (size - 1)) && !a64_atomic_hva(cpu, op, va, size, false)) ||                    \
            !a64_load_slow(cpu, op, cpu->bank, va, size, &v))                                      \
            return cpu->resume;                                                                    \
        atomic_thread_fence(memory_order_acquire);                                                 \
        X(rd) = v;                                                                                 \
        A64_NEXT_LOOP;                                                                             \
    }                                                                                              \
    static A64_OP(ldar##size)                                                                      \
    {                                                                                              \
        uint64_t va = X(rn);                                                                       \
        const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);                                     \
        if (unlikely(t->tag_r != (va | 0xfff) || (va & (size - 1)) || op->rn == A64_SP))           \
            return a64_op_ldar##size##_slow(cpu, op);                                              \
        X(rd) = __atomic_load_n((HOST_TYPE(size) *)a64_hva(t, va), __ATOMIC_SEQ_CST);              \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_COLD A64_OP(stlr##size##_slow)                                                      \
    {                                                                                              \
        uint64_t va = X(rn);                                                                       \
        atomic_thread_fence(memory_order_release);                                                 \
        if (!a64_sp_ok(cpu, op) ||                                                                 \
            ((va & (size - 1)) && !a64_atomic_hva(cpu, op, va, size, true)) ||                     \
            !a64_store_slow(cpu, op, cpu->bank, va, size, X(rd)))                                  \
            return cpu->resume;                                                                    \
        atomic_thread_fence(memory_order_seq_cst);                                                 \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(stlr##size)                                                                      \
    {                                                                                              \
        uint64_t va = X(rn);                                                                       \
        const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);                                     \
        if (unlikely(t->tag_w != (va | 0xfff) || (va & (size - 1)) || op->rn == A64_SP))           \
            return a64_op_stlr##size##_slow(cpu, op);                                              \
        HOST_TYPE(size) *p = a64_hva(t, va);                                                       \
        if (cpu->smp)                                                                              \
            __atomic_store_n(p, (HOST_TYPE(size))X(rd), __ATOMIC_SEQ_CST);                         \
        else                                                                                       \
            __atomic_store_n(p, (HOST_TYPE(size))X(rd), __ATOMIC_RELEASE);                         \
        A64_NEXT;                                                                                  \
    }
ORDERED(1)
ORDERED(2)
ORDERED(4)
ORDERED(8)

void a64_dec_ldar(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[] = {a64_op_ldar1, a64_op_ldar2, a64_op_ldar4, a64_op_ldar8};
    op->rd = a64_dst(a64_rd(insn));
    op->rn = (uint8_t)a64_rn(insn);
    op->fn = fns[insn >> 30];
}

void a64_dec_stlr(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[] = {a64_op_stlr1, a64_op_stlr2, a64_op_stlr4, a64_op_stlr8};
    op->rd = a64_src(a64_rd(insn));
    op->rn = (uint8_t)a64_rn(insn);
    op->fn = fns[insn >> 30];
}

/* ---- exclusives: rd is Rt, ra is Rt2, rm is the status register Rs ---- */
#define LDXR(p, size)                                                                              \
    cpu->excl_hva = p;                                                                             \
    cpu->excl_size = size;                                                                         \
    X(rd) = cpu->excl_val[0] = __atomic_load_n((HOST_TYPE(size) *)p, __ATOMIC_SEQ_CST)
#define STXR(p, size)                                                                              \
    HOST_TYPE(size) old = (HOST_TYPE(size))cpu->excl_val[0];                                       \
    X(rm) = !(cpu->excl_hva == p && cpu->excl_size == (size) &&                                    \
              host_cas((HOST_TYPE(size) *)p, &old, (HOST_TYPE(size))X(rd)));                       \
    cpu->excl_hva = NULL
#define host_cas(p, old, want)                                                                     \
    __atomic_compare_exchange_n(p, old, want, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
ATOMIC_OP(ldxr1, 1, false, LDXR)
ATOMIC_OP(ldxr2, 2, false, LDXR)
ATOMIC_OP(ldxr4, 4, false, LDXR)
ATOMIC_OP(ldxr8, 8, false, LDXR)
ATOMIC_OP(stxr1, 1, true, STXR)
ATOMIC_OP(stxr2, 2, true, STXR)
ATOMIC_OP(stxr4, 4, true, STXR)
ATOMIC_OP(stxr8, 8, true, STXR)

/* A pair of words is one access of 8 bytes, the first register in the low half. */
#define LDXP4(p, size)                                                                             \
    uint64_t v = __atomic_load_n((uint64_t *)p, __ATOMIC_SEQ_CST);                                 \
    cpu->excl_hva = p;                                                                             \
    cpu->excl_size = size;                                                                         \
    cpu->excl_val[0] = v;                                                                          \
    X(ra) = v >> 32;                                                                               \
    X(rd) = (uint32_t)v
#define STXP4(p, size)                                                                             \
    uint64_t old = cpu->excl_val[0], want = X(ra) << 32 | W(rd);                                   \
    X(rm) =                                                                                        \
        !(cpu->excl_hva == p && cpu->excl_size == (size) && host_cas((uint64_t *)p, &old, want));  \
    cpu->excl_hva = NULL
ATOMIC_OP(ldxp4, 8, false, LDXP4)
ATOMIC_OP(stxp4, 8, true, STXP4)

/* The halves may be of different times; then the store-exclusive finds that out (B2.12.1 allows
 * that). */
#define LDXP8(p, size)                                                                             \
    uint64_t lo = __atomic_load_n((uint64_t *)p, __ATOMIC_SEQ_CST);                                \
    uint64_t hi = __atomic_load_n((uint64_t *)p + 1, __ATOMIC_SEQ_CST);                            \
    cpu->excl_hva = p;                                                                             \
    cpu->excl_size = size;                                                                         \
    cpu->excl_val[0] = lo;                                                                         \
    cpu->excl_val[1] = hi;                                                                         \
    X(ra) = hi;                                                                                    \
    X(rd) = lo
#define STXP8(p, size)                                                                             \
    uint64_t old[2] = {cpu->excl_val[0], cpu->excl_val[1]};                                        \
    X(rm) = !(cpu->excl_hva == p && cpu->excl_size == (size) && cas16(p, old, X(rd), X(ra)));      \
    cpu->excl_hva = NULL
ATOMIC_OP(ldxp8, 16, false, LDXP8)
ATOMIC_OP(stxp8, 16, true, STXP8)

static void dec_excl(struct a64_op *op, uint32_t insn, bool load)
{
    op->rd = load ? a64_dst(a64_rd(insn)) : a64_src(a64_rd(insn));
    op->ra = load ? a64_dst(a64_ra(insn)) : a64_src(a64_ra(insn));
    op->rn = (uint8_t)a64_rn(insn);
    op->rm = a64_dst(a64_rm(insn));
}

void a64_dec_ldxr(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[] = {a64_op_ldxr1, a64_op_ldxr2, a64_op_ldxr4, a64_op_ldxr8};
    dec_excl(op, insn, true);
    op->fn = fns[insn >> 30];
}

void a64_dec_stxr(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[] = {a64_op_stxr1, a64_op_stxr2, a64_op_stxr4, a64_op_stxr8};
    dec_excl(op, insn, false);
    op->fn = fns[insn >> 30];
}

void a64_dec_ldxp(struct a64_op *op, uint32_t insn)
{
    dec_excl(op, insn, true);
    op->fn = insn >> 30 & 1 ? a64_op_ldxp8 : a64_op_ldxp4;
}

void a64_dec_stxp(struct a64_op *op, uint32_t insn)
{
    dec_excl(op, insn, false);
    op->fn = insn >> 30 & 1 ? a64_op_stxp8 : a64_op_stxp4;
}

/* ---- compare and swap: rd is Rt; Rs is read by ra and written by rm ---- */
#define CAS(p, size)                                                                               \
    HOST_TYPE(size) old = (HOST_TYPE(size))X(ra);                                                  \
    host_cas((HOST_TYPE(size) *)p, &old, (HOST_TYPE(size))X(rd));                                  \
    X(rm) = old
ATOMIC_OP(cas1, 1, true, CAS)
ATOMIC_OP(cas2, 2, true, CAS)
ATOMIC_OP(cas4, 4, true, CAS)
ATOMIC_OP(cas8, 8, true, CAS)

void a64_dec_cas(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[] = {a64_op_cas1, a64_op_cas2, a64_op_cas4, a64_op_cas8};
    op->rd = a64_src(a64_rd(insn));
    op->ra = a64_src(a64_rm(insn));
    op->rm = a64_dst(a64_rm(insn));
    op->rn = (uint8_t)a64_rn(insn);
    op->fn = fns[insn >> 30];
}

/* CASP: Rs (rm) and Rt (rd) are even numbers; the odd register after X30 is XZR. */
static inline uint64_t casp_odd(const struct a64_cpu *cpu, unsigned even)
{
    return cpu->x[a64_src(even + 1)];
}

#define CASP4(p, size)                                                                             \
    uint64_t old = casp_odd(cpu, op->rm) << 32 | W(rm);                                            \
    uint64_t want = casp_odd(cpu, op->rd) << 32 | W(rd);                                           \
    host_cas((uint64_t *)p, &old, want);                                                           \
    X(rm) = (uint32_t)old;                                                                         \
    cpu->x[a64_dst(op->rm + 1u)] = old >> 32
#define CASP8(p, size)                                                                             \
    uint64_t old[2] = {X(rm), casp_odd(cpu, op->rm)};                                              \
    cas16(p, old, X(rd), casp_odd(cpu, op->rd));                                                   \
    X(rm) = old[0];                                                                                \
    cpu->x[a64_dst(op->rm + 1u)] = old[1]
ATOMIC_OP(casp4, 8, true, CASP4)
ATOMIC_OP(casp8, 16, true, CASP8)

void a64_dec_casp(struct a64_op *op, uint32_t insn)
{
    op->rd = (uint8_t)a64_rd(insn);
    op->rm = (uint8_t)a64_rm(insn);
    op->rn = (uint8_t)a64_rn(insn);
    op->fn = insn >> 30 & 1 ? a64_op_casp8 : a64_op_casp4;
}

/* ---- LDADD and its kind, SWP: rm is Rs, rd is Rt; ST<op> is LD<op> to XZR ---- */
#define RMW(p, size, EXPR)                                                                         \
    HOST_TYPE(size) *at = p, v = (HOST_TYPE(size))X(rm), old;                                      \
    EXPR;                                                                                          \
    X(rd) = old
#define RMW_ADD(p, size) RMW(p, size, old = __atomic_fetch_add(at, v, __ATOMIC_SEQ_CST))
#define RMW_CLR(p, size)                                                                           \
    RMW(p, size, old = __atomic_fetch_and(at, (HOST_TYPE(size)) ~v, __ATOMIC_SEQ_CST))
#define RMW_EOR(p, size) RMW(p, size, old = __atomic_fetch_xor(at, v, __ATOMIC_SEQ_CST))
#define RMW_SET(p, size) RMW(p, size, old = __atomic_fetch_or(at, v, __ATOMIC_SEQ_CST))
#define RMW_SWP(p, size) RMW(p, size, old = __atomic_exchange_n(at, v, __ATOMIC_SEQ_CST))
#define RMW_PICK(p, T, size, CMP)                                                                  \
    RMW(p, size, old = __atomic_load_n(at, __ATOMIC_SEQ_CST);                                      \
        while (!host_cas(at, &old, (T)old CMP(T) v ? old : v)))
#define RMW_SMAX(p, size) RMW_PICK(p, HOST_STYPE(size), size, >)
#define RMW_SMIN(p, size) RMW_PICK(p, HOST_STYPE(size), size, <)
#define RMW_UMAX(p, size) RMW_PICK(p, HOST_TYPE(size), size, >)
#define RMW_UMIN(p, size) RMW_PICK(p, HOST_TYPE(size), size, <)
#define LSE_SIZES(name, BODY)                                                                      \
    ATOMIC_OP(name##1, 1, true, BODY)                                                              \
    ATOMIC_OP(name##2, 2, true, BODY)                                                              \
    ATOMIC_OP(name##4, 4, true, BODY)                                                              \
    ATOMIC_OP(name##8, 8, true, BODY)
LSE_SIZES(lse_add, RMW_ADD)
LSE_SIZES(lse_clr, RMW_CLR)
LSE_SIZES(lse_eor, RMW_EOR)
LSE_SIZES(lse_set, RMW_SET)
LSE_SIZES(lse_smax, RMW_SMAX)
LSE_SIZES(lse_smin, RMW_SMIN)
LSE_SIZES(lse_umax, RMW_UMAX)
LSE_SIZES(lse_umin, RMW_UMIN)
LSE_SIZES(lse_swp, RMW_SWP)

void a64_dec_atomic(struct a64_op *op, uint32_t insn)
{
#define LSE_ROW(name)                                                                              \
    {                                                                                              \
        a64_op_##name##1, a64_op_##name##2, a64_op_##name##4, a64_op_##name##8                     \
    }
    static a64_fn *const fns[9][4] = {/* by o3 and opc, then size */
                                      LSE_ROW(lse_add),  LSE_ROW(lse_clr),  LSE_ROW(lse_eor),
                                      LSE_ROW(lse_set),  LSE_ROW(lse_smax), LSE_ROW(lse_smin),
                                      LSE_ROW(lse_umax), LSE_ROW(lse_umin), LSE_ROW(lse_swp)};
    op->rd = a64_dst(a64_rd(insn));
    op->rm = a64_src(a64_rm(insn));
    op->rn = (uint8_t)a64_rn(insn);
    op->fn = fns[a64_bits(insn, 12, 4)][insn >> 30];
}
