// SPDX-License-Identifier: MIT
/*
 * sem_simd_wide.c - Advanced SIMD that doubles or halves the element size.
 *
 * Follows Arm ARM DDI 0487J.a C4.1.96 "Advanced SIMD three different", the long forms of "vector x
 * indexed element", the widening and narrowing members of "two-register miscellaneous" and of
 * "shift by immediate", and their scalar forms, C7.2. Element size L in the names here is that of
 * the narrow element.
 */
#include "src/a64/simd.h"

/* Lanes: T narrow, TW twice as wide; long results have WLANES lanes. */
// clang-format off
#define WIDE_TYPES_b(K) SIMD_TYPES_b(K); WIDE_TYPES(WIDE_##K(int16_t))
#define WIDE_TYPES_h(K) SIMD_TYPES_h(K); WIDE_TYPES(WIDE_##K(int32_t))
#define WIDE_TYPES_s(K) SIMD_TYPES_s(K); WIDE_TYPES(WIDE_##K(int64_t))
#define WIDE_U(t) u##t
#define WIDE_S(t) t
#define WIDE_TYPES(t) \
    typedef t TW __attribute__((may_alias)); \
    enum { WLANES = LANES / 2, WSIZE = 2 * ESIZE }

/* A register, masked, as narrow lanes l and wide lanes w. */
#define WIDE_COPY(x, reg, mask) \
    const union { simd_U_d v; T l[LANES]; TW w[WLANES]; } x = {.v = simd_get(cpu, reg) & (mask)}

/* ---- Long: wide d = narrow a, narrow b; `wide` forms take aw from Vn as it is. Q picks the half. ---- */
enum { LONG_UPPER = 1 << 8 }; /* in op->imm, above an element's index */

#define LONG_(name, L, K, bmask, belem, expr) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        WIDE_TYPES_##L(K); \
        const unsigned at = op->imm & LONG_UPPER ? WLANES : 0; \
        WIDE_COPY(n, op->rn, simd_mask(op->ra)); \
        WIDE_COPY(m, op->rm, simd_mask(bmask)); \
        WIDE_COPY(o, op->rd, simd_mask(SIMD_128)); \
        union { simd_U_d v; TW w[WLANES]; } r; \
        bool qc = false; \
        SIMD_VAR(at); \
        for (unsigned i = 0; i < WLANES; i++) { \
            const TW aw = n.w[i], a = n.l[at + i], b = m.l[belem], d = o.w[i]; \
            SIMD_VAR(aw); \
            SIMD_VAR(a); \
            SIMD_VAR(d); \
            r.w[i] = (TW)(expr); \
        } \
        cpu->fpsr |= qc ? FPSR_QC : 0; \
        /* A scalar's result is the one wide element. */ \
        simd_put(cpu, op->rd, r.v & simd_mask(op->ra >= SIMD_B ? op->ra + 1u : SIMD_128)); \
        A64_NEXT; \
    }
#define LONG_V(name, L, K, expr) LONG_(name, L, K, op->ra, at + i, expr)
#define LONG_E(name, L, K, expr) LONG_(name, L, K, SIMD_128, op->imm & 15, expr)
// clang-format on

static void dec_long(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    const bool scalar = simd_scalar(insn);
    simd_regs(op, insn);
    op->imm = !scalar && simd_q(insn) ? LONG_UPPER : 0;
    op->ra = (uint8_t)(scalar ? SIMD_B + simd_size(insn) : SIMD_128);
    op->fn = fns[simd_size(insn)] ? fns[simd_size(insn)] : a64_undef;
}

static void dec_long_elem(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    simd_dec_elem(op, insn, fns);
    if (!simd_scalar(insn)) {
        op->imm |= simd_q(insn) ? LONG_UPPER : 0;
        op->ra = SIMD_128;
    }
}

// clang-format off
#define LONG(name, SIZES, K, expr) SIZES(LONG_V, name, K, expr) SIMD_DEC(name, dec_long, name##_fns)
#define ELEM(name, K, expr) SIMD_HS(LONG_E, name, K, expr) SIMD_DEC(name, dec_long_elem, name##_fns)

LONG(saddl_v, SIMD_BHS, S, a + b)
LONG(uaddl_v, SIMD_BHS, U, a + b)
LONG(ssubl_v, SIMD_BHS, S, a - b)
LONG(usubl_v, SIMD_BHS, U, a - b)
LONG(saddw_v, SIMD_BHS, S, (uint64_t)aw + (uint64_t)b)
LONG(uaddw_v, SIMD_BHS, U, aw + b)
LONG(ssubw_v, SIMD_BHS, S, (uint64_t)aw - (uint64_t)b)
LONG(usubw_v, SIMD_BHS, U, aw - b)
#define ABDL (a > b ? a - b : b - a)
LONG(sabdl_v, SIMD_BHS, S, ABDL)
LONG(uabdl_v, SIMD_BHS, U, ABDL)
LONG(sabal_v, SIMD_BHS, S, (uint64_t)d + (uint64_t)ABDL)
LONG(uabal_v, SIMD_BHS, U, d + ABDL)

/* Products of two narrow elements fit the wide one; sums with d wrap. */
#define MUL64 ((uint64_t)a * (uint64_t)b)
LONG(smull_v, SIMD_BHS, S, MUL64)
LONG(umull_v, SIMD_BHS, U, MUL64)
LONG(smlal_v, SIMD_BHS, S, (uint64_t)d + MUL64)
LONG(umlal_v, SIMD_BHS, U, (uint64_t)d + MUL64)
LONG(smlsl_v, SIMD_BHS, S, (uint64_t)d - MUL64)
LONG(umlsl_v, SIMD_BHS, U, (uint64_t)d - MUL64)
ELEM(smull_e, S, MUL64)
ELEM(umull_e, U, MUL64)
ELEM(smlal_e, S, (uint64_t)d + MUL64)
ELEM(umlal_e, U, (uint64_t)d + MUL64)
ELEM(smlsl_e, S, (uint64_t)d - MUL64)
ELEM(umlsl_e, U, (uint64_t)d - MUL64)
// clang-format on

/* The doubled product saturates, then the sum does (C7.2 "SQDMLAL"). */
static inline __int128 sat_wide(__int128 v, unsigned bits, bool *qc)
{
    const __int128 max = ((__int128)1 << (bits - 1)) - 1, c = v > max        ? max
                                                              : v < -max - 1 ? -max - 1
                                                                             : v;
    *qc |= c != v;
    return c;
}

// clang-format off
#define SATW(v) sat_wide((v), WSIZE, &qc)
#define QDMUL SATW((__int128)2 * a * b)
LONG(sqdmull_v, SIMD_HS, S, QDMUL)
LONG(sqdmlal_v, SIMD_HS, S, SATW(d + QDMUL))
LONG(sqdmlsl_v, SIMD_HS, S, SATW(d - QDMUL))
ELEM(sqdmull_e, S, QDMUL)
ELEM(sqdmlal_e, S, SATW(d + QDMUL))
ELEM(sqdmlsl_e, S, SATW(d - QDMUL))
// clang-format on

/* ---- PMULL: carry-less products of bytes, or of 64-bit elements ---- */
static inline uint16_t pmul16(uint16_t a, uint16_t b)
{
    unsigned r = 0;
    for (unsigned i = 0; i < 8; i++)
        r ^= (b >> i & 1 ? (unsigned)a : 0) << i;
    return (uint16_t)r;
}

static A64_OP(pmull_d)
{
    A64_FP_CHECK;
    const unsigned at = op->imm & LONG_UPPER ? 1 : 0;
    const __uint128_t a = cpu->v[op->rn].d[at];
    const uint64_t b = cpu->v[op->rm].d[at];
    __uint128_t r = 0;
    for (unsigned i = 0; i < 64; i++)
        r ^= (a << i) & -(__uint128_t)(b >> i & 1);
    cpu->v[op->rd].q = r;
    A64_NEXT;
}

LONG_V(pmull_v, b, U, pmul16(a, b))
static a64_fn *const pmull_v_fns[4] = {a64_op_pmull_v_b, NULL, NULL, a64_op_pmull_d};
SIMD_DEC(pmull_v, dec_long, pmull_v_fns)

/*
 * ---- Widening by one operand: SSHLL, USHLL (SXTL, UXTL), SHLL ----
 * op->rm is the shift, op->ra the half.
 */
// clang-format off
#define SHIFT_LONG(name, L, K) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        WIDE_TYPES_##L(K); \
        const T *n = (const T *)(const void *)&cpu->v[op->rn].d[op->ra]; \
        union { simd_U_d v; TW w[WLANES]; } r; \
        for (unsigned i = 0; i < WLANES; i++) \
            r.w[i] = (TW)((uint64_t)n[i] << op->rm); \
        simd_put(cpu, op->rd, r.v); \
        A64_NEXT; \
    }
SIMD_BHS(SHIFT_LONG, sshll_i, S)
SIMD_BHS(SHIFT_LONG, ushll_i, U)
// clang-format on

/* immh:immb is esize + shift; immh's highest set bit is the element size. */
static void dec_shift_long(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    const unsigned imm = insn >> 16 & 127, size = 28u - (unsigned)__builtin_clz(imm);
    simd_regs(op, insn);
    op->ra = (uint8_t)simd_q(insn);
    op->rm = (uint8_t)(imm - (8u << size));
    op->fn = fns[size] ? fns[size] : a64_undef;
}

static void dec_shll(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    const unsigned size = simd_size(insn);
    simd_regs(op, insn);
    op->ra = (uint8_t)simd_q(insn);
    op->rm = (uint8_t)(8u << size);
    op->fn = fns[size] ? fns[size] : a64_undef;
}

SIMD_DEC(sshll_i, dec_shift_long, sshll_i_fns)
SIMD_DEC(ushll_i, dec_shift_long, ushll_i_fns)
SIMD_DEC(shll_v, dec_shll, ushll_i_fns)

/*
 * ---- Narrowing: the wide lanes of a (and b) make 64 bits, that go to the half chosen by Q ----
 * op->imm is the half, op->ra the mask of the source. A scalar source is masked to its one element;
 * the others then give 0. `sh` is the shift of the immediate forms, in op->rm, 1..ESIZE.
 */
// clang-format off
#define NARROW(name, L, K, expr) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        WIDE_TYPES_##L(K); \
        WIDE_COPY(n, op->rn, simd_mask(op->ra)); \
        WIDE_COPY(m, op->rm % 32, simd_mask(SIMD_128)); \
        union { uint64_t v; U l[WLANES]; } r; \
        const unsigned sh = op->rm; \
        bool qc = false; \
        SIMD_VAR(sh); \
        for (unsigned i = 0; i < WLANES; i++) { \
            const TW a = n.w[i], b = m.w[i]; \
            SIMD_VAR(b); \
            r.l[i] = (U)(expr); \
        } \
        cpu->fpsr |= qc ? FPSR_QC : 0; \
        simd_put_half(cpu, op->rd, op->imm, r.v); \
        A64_NEXT; \
    }
// clang-format on

static void dec_narrow(struct a64_op *op, uint32_t insn, unsigned size, a64_fn *const fns[4])
{
    const bool scalar = simd_scalar(insn);
    simd_regs(op, insn);
    op->imm = !scalar && simd_q(insn);
    op->ra = (uint8_t)(scalar ? SIMD_B + size + 1 : SIMD_128);
    op->fn = fns[size] ? fns[size] : a64_undef;
}

static void dec_narrow_reg(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    dec_narrow(op, insn, simd_size(insn), fns);
}

/* immh:immb is 2 * esize - shift. */
static void dec_narrow_imm(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    const unsigned imm = insn >> 16 & 127, size = 28u - (unsigned)__builtin_clz(imm);
    dec_narrow(op, insn, size, fns);
    op->rm = (uint8_t)((16u << size) - imm);
}

/* a >> sh, rounded to nearest (ties up), without losing the carry; sh is 1 at least. */
static inline uint64_t round_shr_u(uint64_t a, unsigned sh)
{
    return (a >> sh) + (a >> (sh - 1) & 1);
}

static inline int64_t round_shr_s(int64_t a, unsigned sh)
{
    return (a >> sh) + (a >> (sh - 1) & 1);
}

// clang-format off
#define NARROW_REG(name, K, expr) \
    SIMD_BHS(NARROW, name, K, expr) \
    SIMD_DEC(name, dec_narrow_reg, name##_fns)
#define NARROW_IMM(name, K, expr) \
    SIMD_BHS(NARROW, name, K, expr) \
    SIMD_DEC(name, dec_narrow_imm, name##_fns)
/* Sources fit 64 bits, so the clamps compare 64-bit numbers. */
#define NSATS(v) SIMD_SATS((int64_t)(v))
#define NSATSU(v) SIMD_SATU((int64_t)(v)) /* signed to unsigned */
#define NSATU(v) SIMD_SATU((uint64_t)(v))

#define ROUND_NARROW ((uint64_t)1 << (ESIZE - 1))
NARROW_REG(addhn_v, U, ((uint64_t)a + b) >> ESIZE)
NARROW_REG(subhn_v, U, ((uint64_t)a - b) >> ESIZE)
NARROW_REG(raddhn_v, U, ((uint64_t)a + b + ROUND_NARROW) >> ESIZE)
NARROW_REG(rsubhn_v, U, ((uint64_t)a - b + ROUND_NARROW) >> ESIZE)

NARROW_REG(xtn_v, U, a)
NARROW_REG(sqxtn_v, S, NSATS(a))
NARROW_REG(sqxtun_v, S, NSATSU(a))
NARROW_REG(uqxtn_v, U, NSATU(a))

NARROW_IMM(shrn_i, U, (uint64_t)a >> sh)
NARROW_IMM(rshrn_i, U, round_shr_u(a, sh))
NARROW_IMM(sqshrn_i, S, NSATS(a >> sh))
NARROW_IMM(sqrshrn_i, S, NSATS(round_shr_s(a, sh)))
NARROW_IMM(sqshrun_i, S, NSATSU(a >> sh))
NARROW_IMM(sqrshrun_i, S, NSATSU(round_shr_s(a, sh)))
NARROW_IMM(uqshrn_i, U, NSATU(a >> sh))
NARROW_IMM(uqrshrn_i, U, NSATU(round_shr_u(a, sh)))

/* ---- Pairwise long: the sum of each pair of narrow lanes, alone or added to d ---- */
#define PAIR_LONG(name, L, K, acc) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        WIDE_TYPES_##L(K); \
        WIDE_COPY(n, op->rn, simd_mask(SIMD_128)); \
        WIDE_COPY(o, op->rd, simd_mask(SIMD_128)); \
        union { simd_U_d v; TW w[WLANES]; } r; \
        for (unsigned i = 0; i < WLANES; i++) { \
            const uint64_t d = (uint64_t)o.w[i]; \
            r.w[i] = (TW)((uint64_t)n.l[2 * i] + (uint64_t)n.l[2 * i + 1] + ((acc) ? d : 0)); \
        } \
        simd_put_masked(cpu, op, r.v); \
        A64_NEXT; \
    }
#define PAIR(name, K, acc) \
    SIMD_BHS(PAIR_LONG, name, K, acc) \
    SIMD_DEC(name, simd_dec_same, name##_fns)
PAIR(saddlp_v, S, false)
PAIR(uaddlp_v, U, false)
PAIR(sadalp_v, S, true)
PAIR(uadalp_v, U, true)
// clang-format on
