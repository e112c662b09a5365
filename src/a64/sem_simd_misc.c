// SPDX-License-Identifier: MIT
/*
 * sem_simd_misc.c - Advanced SIMD with one source: two-register miscellaneous, across lanes.
 *
 * Follows Arm ARM DDI 0487J.a C4.1.96 "Advanced SIMD two-register miscellaneous" and "across lanes"
 * with their scalar forms, C7.2. Long and narrowing members are in sem_simd_wide.c, floating point
 * is elsewhere.
 */
#include "src/a64/simd.h"

// clang-format off
#define MISC(name, SIZES, M, ...) SIZES(M, name, __VA_ARGS__) SIMD_DEC(name, simd_dec_same, name##_fns)

MISC(abs_v, SIMD_BHSD, SIMD_VEC, S, SIMD_SEL(a < 0, -(VU)a, a))
MISC(neg_v, SIMD_BHSD, SIMD_VEC, U, -a)
MISC(cmgt_z, SIMD_BHSD, SIMD_VEC, S, a > 0)
MISC(cmge_z, SIMD_BHSD, SIMD_VEC, S, a >= 0)
MISC(cmeq_z, SIMD_BHSD, SIMD_VEC, S, a == 0)
MISC(cmle_z, SIMD_BHSD, SIMD_VEC, S, a <= 0)
MISC(cmlt_z, SIMD_BHSD, SIMD_VEC, S, a < 0)

MISC(sqabs_v, SIMD_BHSD, SIMD_LANE, S, SIMD_SATS(a < 0 ? -(W)a : (W)a))
MISC(sqneg_v, SIMD_BHSD, SIMD_LANE, S, SIMD_SATS(-(W)a))
/* SUQADD: signed d plus unsigned a, signed saturation; USQADD: unsigned d plus signed a, unsigned. */
MISC(suqadd_v, SIMD_BHSD, SIMD_LANE, S, SIMD_SATS((W)d + (W)(U)a))
MISC(usqadd_v, SIMD_BHSD, SIMD_LANE, U, SIMD_SATU((W)d + (W)(S)a))
// clang-format on

/* ---- Counts ---- */
static inline unsigned clz(uint32_t a, unsigned esize)
{
    return a ? (unsigned)__builtin_clz(a) - (32 - esize) : esize;
}

// clang-format off
/* CLS: the bits below the top one that equal it: leading zeros of a ^ (a << 1), but for its last bit. */
#define CLS (clz((U)(((uint32_t)(U)a ^ (uint32_t)(U)a << 1) >> 1 & (U)~(U)0 >> 1), ESIZE) - 1)
MISC(clz_v, SIMD_BHS, SIMD_LANE, U, clz(a, ESIZE))
MISC(cls_v, SIMD_BHS, SIMD_LANE, U, CLS)

/* Bits in each byte, by the usual sums of neighbours. */
#define PAIRS (a - (a >> 1 & 0x55))
#define NIBBLES ((PAIRS & 0x33) + (PAIRS >> 2 & 0x33))
MISC(cnt_v, SIMD_ONLY_B, SIMD_VEC, U, (NIBBLES + (NIBBLES >> 4)) & 0x0f)

/* ---- Bits; the size field is fixed and is no element size ---- */
static void dec_byte(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    simd_regs(op, insn);
    op->ra = (uint8_t)simd_q(insn);
    op->fn = fns[0];
}
#define MISC_B(name, expr) SIMD_ONLY_B(SIMD_VEC, name, U, expr) SIMD_DEC(name, dec_byte, name##_fns)
#define SWAP_BITS(x, n, mask) (((x) >> (n) & (mask)) | ((x) & (mask)) << (n))
MISC_B(not_v, ~a)
MISC_B(rbit_v, SWAP_BITS(SWAP_BITS(SWAP_BITS(a, 4, 0x0f), 2, 0x33), 1, 0x55))

/* ---- REV16/32/64: lanes reversed inside each group: lane i of a group of 2^k is lane i ^ (2^k - 1) ---- */
#define REV(name, L, group) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        SIMD_TYPES_##L(U); \
        SIMD_COPY(n, op->rn, simd_mask(SIMD_128)); \
        union { simd_U_d v; T l[LANES]; } r; \
        for (unsigned i = 0; i < LANES; i++) \
            r.l[i] = n[i ^ ((group) / ESIZE - 1)]; \
        simd_put_masked(cpu, op, r.v); \
        A64_NEXT; \
    }
MISC(rev64_v, SIMD_BHS, REV, 64)
MISC(rev32_v, SIMD_BH, REV, 32)
MISC(rev16_v, SIMD_ONLY_B, REV, 16)

/* ---- Across lanes: R is the type of the result, s the running value ---- */
#define ACROSS(name, L, K, R, expr) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        SIMD_TYPES_##L(K); \
        SIMD_COPY(n, op->rn, simd_mask(SIMD_128)); \
        const unsigned lanes = op->ra == SIMD_64 ? LANES / 2 : LANES; \
        R s = (R)n[0]; \
        for (unsigned i = 1; i < lanes; i++) { \
            const R a = (R)n[i]; \
            s = (R)(expr); \
        } \
        simd_put(cpu, op->rd, (simd_U_d){(uint64_t)s & (~UINT64_C(0) >> (64 - 8 * sizeof(R))), 0}); \
        A64_NEXT; \
    }
/* SADDLV and UADDLV: the sum in twice the size. */
#define LONG_b(K) LONG_##K(int16_t)
#define LONG_h(K) LONG_##K(int32_t)
#define LONG_s(K) LONG_##K(int64_t)
#define LONG_S(t) t
#define LONG_U(t) u##t
#define ACROSS_LONG(name, L, K) ACROSS(name, L, K, LONG_##L(K), s + a)
// clang-format on

/* H and B for both Q, S for Q = 1 only. */
static void dec_across(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    simd_dec_same(op, insn, fns);
    if (simd_size(insn) == 2 && !simd_q(insn))
        op->fn = a64_undef;
}

// clang-format off
#define ACR(name, M, ...) SIMD_BHS(M, name, __VA_ARGS__) SIMD_DEC(name, dec_across, name##_fns)
ACR(saddlv_v, ACROSS_LONG, S)
ACR(uaddlv_v, ACROSS_LONG, U)
ACR(addv_v, ACROSS, U, T, s + a)
ACR(smaxv_v, ACROSS, S, T, s > a ? s : a)
ACR(sminv_v, ACROSS, S, T, s < a ? s : a)
ACR(umaxv_v, ACROSS, U, T, s > a ? s : a)
ACR(uminv_v, ACROSS, U, T, s < a ? s : a)
// clang-format on
