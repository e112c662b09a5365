// SPDX-License-Identifier: MIT
/*
 * sem_simd.c - Advanced SIMD, element by element: three same, and by element of the same width.
 *
 * Follows Arm ARM DDI 0487J.a C4.1.96 "Advanced SIMD three same", "three same extra" (FEAT_RDM
 * only), "vector x indexed element" and their scalar forms, C7.2. The long forms are in
 * sem_simd_wide.c, floating point is elsewhere. How handlers are made is in simd.h.
 */
#include "src/a64/simd.h"

#define ONES ~UINT64_C(0)

const union a64_vreg simd_masks[SIMD_MASKS] = {
    [SIMD_64] = {.d = {ONES, 0}},      [SIMD_128] = {.d = {ONES, ONES}},
    [SIMD_B] = {.d = {UINT8_MAX, 0}},  [SIMD_H] = {.d = {UINT16_MAX, 0}},
    [SIMD_S] = {.d = {UINT32_MAX, 0}}, [SIMD_D] = {.d = {ONES, 0}},
};

/* Three same, and what is laid out like it: size in 23:22; no vector form has one 64-bit lane. */
void simd_dec_same(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    const unsigned size = simd_size(insn);
    simd_regs(op, insn);
    op->imm = 0;
    op->ra = (uint8_t)(simd_scalar(insn) ? SIMD_B + size : simd_q(insn));
    op->fn = fns[size];
    if (!op->fn || (!simd_scalar(insn) && size == 3 && !simd_q(insn)))
        op->fn = a64_undef;
}

/* Bitwise operations: size selects the operation and is no size. */
static void simd_dec_bits(struct a64_op *op, uint32_t insn, a64_fn *fn)
{
    simd_regs(op, insn);
    op->ra = (uint8_t)simd_q(insn);
    op->fn = fn;
}

/* By element, H or S: index H:L:M with Vm in 0..15, or H:L (C7.2 "MUL (by element)"). */
void simd_dec_elem(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    const unsigned size = simd_size(insn), h = insn >> 11 & 1, l = insn >> 21 & 1,
                   m = insn >> 20 & 1;
    simd_regs(op, insn);
    op->ra = (uint8_t)(simd_scalar(insn) ? SIMD_B + size : simd_q(insn));
    op->fn = fns[size] ? fns[size] : a64_undef;
    if (size == 1) {
        op->rm &= 15;
        op->imm = (int32_t)(h << 2 | l << 1 | m);
    } else {
        op->imm = (int32_t)(h << 1 | l);
    }
}

// clang-format off
#define SAME(name, SIZES, M, ...) SIZES(M, name, __VA_ARGS__) SIMD_DEC(name, simd_dec_same, name##_fns)

/* ---- Sums, differences, products ---- */
SAME(add_v, SIMD_BHSD, SIMD_VEC, U, a + b)
SAME(sub_v, SIMD_BHSD, SIMD_VEC, U, a - b)
SAME(mul_v, SIMD_BHS, SIMD_VEC, U, a * b)
SAME(mla_v, SIMD_BHS, SIMD_VEC, U, d + a * b)
SAME(mls_v, SIMD_BHS, SIMD_VEC, U, d - a * b)

/* Halving without the carry bit: a + b = 2 (a & b) + (a ^ b) = 2 (a | b) - (a ^ b). */
SAME(shadd_v, SIMD_BHS, SIMD_VEC, S, (a & b) + ((a ^ b) >> 1))
SAME(uhadd_v, SIMD_BHS, SIMD_VEC, U, (a & b) + ((a ^ b) >> 1))
SAME(srhadd_v, SIMD_BHS, SIMD_VEC, S, (a | b) - ((a ^ b) >> 1))
SAME(urhadd_v, SIMD_BHS, SIMD_VEC, U, (a | b) - ((a ^ b) >> 1))
/* a - b = (a ^ b) - 2 (~a & b). */
SAME(shsub_v, SIMD_BHS, SIMD_VEC, S, ((a ^ b) >> 1) - (~a & b))
SAME(uhsub_v, SIMD_BHS, SIMD_VEC, U, ((a ^ b) >> 1) - (~a & b))

#define ABD SIMD_SEL(a > b, (VU)a - (VU)b, (VU)b - (VU)a)
SAME(sabd_v, SIMD_BHS, SIMD_VEC, S, ABD)
SAME(uabd_v, SIMD_BHS, SIMD_VEC, U, ABD)
SAME(saba_v, SIMD_BHS, SIMD_VEC, S, (VU)d + (VU)ABD)
SAME(uaba_v, SIMD_BHS, SIMD_VEC, U, d + ABD)

/* ---- Comparisons ---- */
SAME(smax_v, SIMD_BHS, SIMD_VEC, S, SIMD_SEL(a > b, a, b))
SAME(umax_v, SIMD_BHS, SIMD_VEC, U, SIMD_SEL(a > b, a, b))
SAME(smin_v, SIMD_BHS, SIMD_VEC, S, SIMD_SEL(a < b, a, b))
SAME(umin_v, SIMD_BHS, SIMD_VEC, U, SIMD_SEL(a < b, a, b))
SAME(cmgt_v, SIMD_BHSD, SIMD_VEC, S, a > b)
SAME(cmge_v, SIMD_BHSD, SIMD_VEC, S, a >= b)
SAME(cmhi_v, SIMD_BHSD, SIMD_VEC, U, a > b)
SAME(cmhs_v, SIMD_BHSD, SIMD_VEC, U, a >= b)
SAME(cmeq_v, SIMD_BHSD, SIMD_VEC, U, a == b)
SAME(cmtst_v, SIMD_BHSD, SIMD_VEC, U, (a & b) != 0)

/* ---- Bits ---- */
#define BITS(name, expr) \
    SIMD_VEC(name, d, U, expr) \
    SIMD_DEC(name, simd_dec_bits, a64_op_##name##_d)
BITS(and_v, a & b)
BITS(bic_v, a & ~b)
BITS(orr_v, a | b)
BITS(orn_v, a | ~b)
BITS(eor_v, a ^ b)
BITS(bsl_v, b ^ ((b ^ a) & d))
BITS(bit_v, d ^ ((d ^ a) & b))
BITS(bif_v, d ^ ((d ^ a) & ~b))

/* ---- Saturating sums; W holds any sum or difference of two lanes ---- */
SAME(sqadd_v, SIMD_BHSD, SIMD_LANE, S, SIMD_SATS((W)a + (W)b))
SAME(uqadd_v, SIMD_BHSD, SIMD_LANE, U, SIMD_SATU((W)a + (W)b))
SAME(sqsub_v, SIMD_BHSD, SIMD_LANE, S, SIMD_SATS((W)a - (W)b))
SAME(uqsub_v, SIMD_BHSD, SIMD_LANE, U, SIMD_SATU((W)a - (W)b))
// clang-format on

/* ---- Shifts by register: the signed low byte of b, left when positive (C7.2 "SSHL" and others)
 * ---- */

static inline uint64_t shift_u(uint64_t a, int sh, int esize, bool round, bool saturate, bool *qc)
{
    const uint64_t max = esize == 64 ? ONES : BIT(esize) - 1;
    if (sh >= 0) {
        const bool lost = sh >= esize ? a != 0 : a > max >> sh;
        if (saturate && lost) {
            *qc = true;
            return max;
        }
        return sh >= esize ? 0 : a << sh;
    }
    const int n = -sh;
    if (n > esize)
        return 0;
    /* Shifting by n - 1 first keeps a shift by the whole width defined. */
    return (a >> (n - 1) >> 1) + (round ? a >> (n - 1) & 1 : 0);
}

static inline int64_t shift_s(int64_t a, int sh, int esize, bool round, bool saturate, bool *qc)
{
    if (sh >= 0) {
        const int64_t max = (int64_t)(ONES >> (65 - esize)), min = -max - 1;
        const bool lost = sh >= esize ? a != 0 : a > max >> sh || a < min >> sh;
        if (saturate && lost) {
            *qc = true;
            return a < 0 ? min : max;
        }
        return sh >= esize ? 0 : (int64_t)((uint64_t)a << sh);
    }
    const int n = -sh;
    if (n > esize)
        return round ? 0 : a >> 63;
    return (a >> (n - 1) >> 1) + (round ? a >> (n - 1) & 1 : 0);
}

// clang-format off
#define SHIFT(f, round, saturate) f(a, (int8_t)b, ESIZE, round, saturate, &qc)
SAME(sshl_v, SIMD_BHSD, SIMD_LANE, S, SHIFT(shift_s, false, false))
SAME(srshl_v, SIMD_BHSD, SIMD_LANE, S, SHIFT(shift_s, true, false))
SAME(sqshl_v, SIMD_BHSD, SIMD_LANE, S, SHIFT(shift_s, false, true))
SAME(sqrshl_v, SIMD_BHSD, SIMD_LANE, S, SHIFT(shift_s, true, true))
SAME(ushl_v, SIMD_BHSD, SIMD_LANE, U, SHIFT(shift_u, false, false))
SAME(urshl_v, SIMD_BHSD, SIMD_LANE, U, SHIFT(shift_u, true, false))
SAME(uqshl_v, SIMD_BHSD, SIMD_LANE, U, SHIFT(shift_u, false, true))
SAME(uqrshl_v, SIMD_BHSD, SIMD_LANE, U, SHIFT(shift_u, true, true))

/* ---- Doubling products, high half. For S lanes the sums need more than 64 bits. ---- */
#define PRODUCT2 ((__int128)2 * a * b)
#define ROUND_HALF ((__int128)1 << (ESIZE - 1))
#define QDMULH SIMD_SATS(PRODUCT2 >> ESIZE)
#define QRDMULH SIMD_SATS((PRODUCT2 + ROUND_HALF) >> ESIZE)
#define QRDMLAH SIMD_SATS((((__int128)d * ((__int128)1 << ESIZE)) + PRODUCT2 + ROUND_HALF) >> ESIZE)
#define QRDMLSH SIMD_SATS((((__int128)d * ((__int128)1 << ESIZE)) - PRODUCT2 + ROUND_HALF) >> ESIZE)
SAME(sqdmulh_v, SIMD_HS, SIMD_LANE, S, QDMULH)
SAME(sqrdmulh_v, SIMD_HS, SIMD_LANE, S, QRDMULH)
SAME(sqrdmlah_v, SIMD_HS, SIMD_LANE, S, QRDMLAH)
SAME(sqrdmlsh_v, SIMD_HS, SIMD_LANE, S, QRDMLSH)

/* ---- By element ---- */
#define ELEM(name, M, ...) SIMD_HS(M, name, __VA_ARGS__) SIMD_DEC(name, simd_dec_elem, name##_fns)
ELEM(mul_e, SIMD_VEC_E, U, a * b)
ELEM(mla_e, SIMD_VEC_E, U, d + a * b)
ELEM(mls_e, SIMD_VEC_E, U, d - a * b)
ELEM(sqdmulh_e, SIMD_LANE_E, S, QDMULH)
ELEM(sqrdmulh_e, SIMD_LANE_E, S, QRDMULH)
ELEM(sqrdmlah_e, SIMD_LANE_E, S, QRDMLAH)
ELEM(sqrdmlsh_e, SIMD_LANE_E, S, QRDMLSH)
// clang-format on

/* ---- Carry-less product of bytes ---- */
static inline uint8_t pmul8(uint8_t a, uint8_t b)
{
    unsigned r = 0;
    for (unsigned i = 0; i < 8; i++)
        r ^= (b >> i & 1 ? (unsigned)a : 0) << i;
    return (uint8_t)r;
}

// clang-format off
SAME(pmul_v, SIMD_ONLY_B, SIMD_LANE, U, pmul8(a, b))

/*
 * ---- Pairwise: the lanes of Vm:Vn, in pairs ----
 * For a 64-bit form, lanes come from the low halves only.
 */
#define PAIRWISE(name, L, K, expr) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        SIMD_TYPES_##L(K); \
        union { simd_U_d v[2]; T l[2 * LANES]; } s; \
        union { simd_U_d v; T l[LANES]; } r; \
        const simd_U_d n = simd_get(cpu, op->rn), m = simd_get(cpu, op->rm); \
        s.v[0] = op->ra == SIMD_64 ? (simd_U_d){n[0], m[0]} : n; \
        s.v[1] = m; \
        for (unsigned i = 0; i < LANES; i++) { \
            const T a = s.l[2 * i], b = s.l[2 * i + 1]; \
            r.l[i] = (T)(expr); \
        } \
        simd_put_masked(cpu, op, r.v); \
        A64_NEXT; \
    }
SAME(addp_v, SIMD_BHSD, PAIRWISE, U, a + b)
SAME(smaxp_v, SIMD_BHS, PAIRWISE, S, a > b ? a : b)
SAME(sminp_v, SIMD_BHS, PAIRWISE, S, a < b ? a : b)
SAME(umaxp_v, SIMD_BHS, PAIRWISE, U, a > b ? a : b)
SAME(uminp_v, SIMD_BHS, PAIRWISE, U, a < b ? a : b)

static A64_OP(addp_s)
{
    A64_FP_CHECK;
    simd_put(cpu, op->rd, (simd_U_d){cpu->v[op->rn].d[0] + cpu->v[op->rn].d[1], 0});
    A64_NEXT;
}
SIMD_DEC(addp_s, simd_dec_bits, a64_op_addp_s)
// clang-format on
