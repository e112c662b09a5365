// SPDX-License-Identifier: MIT
/*
 * simd.h - templates for the Advanced SIMD handlers.
 *
 * Most Advanced SIMD instructions do one thing to every lane. A handler is made from an expression
 * over the lanes a (Vn), b (Vm) and d (Vd), for each element size, by one of two templates: VEC,
 * where a, b and d are whole vectors and the expression uses the compiler's vector operators; and
 * LANE, a loop over lanes.
 *
 * All 16 bytes are always computed; a mask in op->ra keeps what the form writes: 8 bytes, 16 bytes,
 * or the one element of a scalar form. So vector and scalar forms of an instruction share a
 * handler. LANE templates also mask their sources, because a saturation in a lane that does not
 * exist must not set FPSR.QC; every expression used with them gives 0 without saturating when its
 * sources are 0.
 */
#ifndef A64_SIMD_H
#define A64_SIMD_H

#include "src/a64/cpu.h"

#include "a64_table.h"

#define SIMD_VECTOR __attribute__((vector_size(16), may_alias))
typedef uint8_t simd_U_b SIMD_VECTOR;
typedef uint16_t simd_U_h SIMD_VECTOR;
typedef uint32_t simd_U_s SIMD_VECTOR;
typedef uint64_t simd_U_d SIMD_VECTOR;
typedef int8_t simd_S_b SIMD_VECTOR;
typedef int16_t simd_S_h SIMD_VECTOR;
typedef int32_t simd_S_s SIMD_VECTOR;
typedef int64_t simd_S_d SIMD_VECTOR;

/* What a form keeps: values of op->ra. SIMD_B + size is the scalar of that size. */
enum { SIMD_64, SIMD_128, SIMD_B, SIMD_H, SIMD_S, SIMD_D, SIMD_MASKS };
extern const union a64_vreg simd_masks[SIMD_MASKS];

#define FPSR_QC (UINT32_C(1) << 27)

static inline simd_U_d simd_mask(unsigned kind)
{
    return *(const simd_U_d *)&simd_masks[kind];
}

static inline simd_U_d simd_get(const struct a64_cpu *cpu, unsigned n)
{
    return *(const simd_U_d *)&cpu->v[n];
}

/* Writes the whole register. */
static inline void simd_put(struct a64_cpu *cpu, unsigned n, simd_U_d v)
{
    *(simd_U_d *)&cpu->v[n] = v;
}

static inline void simd_put_masked(struct a64_cpu *cpu, const struct a64_op *op, simd_U_d v)
{
    simd_put(cpu, op->rd, v & simd_mask(op->ra));
}

/* The result of an instruction whose Q bit chooses the half (XTN2 and the like), 64 bits wide. */
static inline void simd_put_half(struct a64_cpu *cpu, unsigned n, bool upper, uint64_t v)
{
    simd_put(cpu, n, upper ? (simd_U_d){cpu->v[n].d[0], v} : (simd_U_d){v, 0});
}

/* ---- Lane types: T is the lane (U or S), W wide enough for one sum of two lanes ---- */
// clang-format off
#define SIMD_UNUSED __attribute__((unused))
#define SIMD_TYPES(K, ut, st, wt, bits) \
    typedef ut U SIMD_UNUSED __attribute__((may_alias)); \
    typedef st S SIMD_UNUSED __attribute__((may_alias)); \
    typedef wt W SIMD_UNUSED; \
    typedef K T __attribute__((may_alias)); \
    enum { ESIZE = bits, LANES = 128 / bits }
#define SIMD_TYPES_b(K) SIMD_TYPES(K, uint8_t, int8_t, int64_t, 8)
#define SIMD_TYPES_h(K) SIMD_TYPES(K, uint16_t, int16_t, int64_t, 16)
#define SIMD_TYPES_s(K) SIMD_TYPES(K, uint32_t, int32_t, int64_t, 32)
#define SIMD_TYPES_d(K) SIMD_TYPES(K, uint64_t, int64_t, __int128, 64)

/* The element of twice the size, for the long and narrow forms of element size L. */
#define SIMD_WIDE_b(K) simd_##K##_h
#define SIMD_WIDE_h(K) simd_##K##_s
#define SIMD_WIDE_s(K) simd_##K##_d

/* Declares const T x[LANES]: a masked copy of a register. */
#define SIMD_COPY(x, reg, mask) \
    union { simd_U_d v; T l[LANES]; } x##_u = {.v = simd_get(cpu, reg) & (mask)}; \
    const T *x = x##_u.l

#define SIMD_VAR(x) (void)(x)

/* VEC: the expression is over vectors; V is their type, VU and VS the same unsigned and signed. */
#define SIMD_VEC_(name, L, K, mload, expr) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        typedef simd_##K##_##L V SIMD_UNUSED; \
        typedef simd_U_##L VU SIMD_UNUSED; \
        typedef simd_S_##L VS SIMD_UNUSED; \
        enum { ESIZE SIMD_UNUSED = 8 * sizeof(((V){0})[0]) }; \
        const V a = (V)simd_get(cpu, op->rn), b = (mload), d = (V)simd_get(cpu, op->rd); \
        SIMD_VAR(a); \
        SIMD_VAR(b); \
        SIMD_VAR(d); \
        simd_put_masked(cpu, op, (simd_U_d)(expr)); \
        A64_NEXT; \
    }
#define SIMD_VEC(name, L, K, expr) SIMD_VEC_(name, L, K, (V)simd_get(cpu, op->rm), expr)
/* By element: b is lane op->imm of Vm, everywhere. */
#define SIMD_VEC_E(name, L, K, expr) \
    SIMD_VEC_(name, L, K, (V){0} + ((const V *)&cpu->v[op->rm])[0][op->imm], expr)
/* x where the mask is set, else y. */
#define SIMD_SEL(mask, x, y) ((V)(((VU)(mask) & (VU)(x)) | (~(VU)(mask) & (VU)(y))))

/* LANE: the expression is over lanes. SIMD_SATS/SIMD_SATU clamp and note saturation. */
#define SIMD_LANE_(name, L, K, bmask, belem, expr) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        SIMD_TYPES_##L(K); \
        const simd_U_d mask = simd_mask(op->ra); \
        SIMD_COPY(n_, op->rn, mask); \
        SIMD_COPY(d_, op->rd, mask); \
        SIMD_COPY(m_, op->rm, simd_mask(bmask)); \
        union { simd_U_d v; T l[LANES]; } r; \
        bool qc = false; \
        SIMD_VAR(m_); \
        SIMD_VAR(d_); \
        for (unsigned i = 0; i < LANES; i++) { \
            const T a = n_[i], b = m_[belem], d = d_[i]; \
            SIMD_VAR(a); \
            SIMD_VAR(b); \
            SIMD_VAR(d); \
            r.l[i] = (T)(expr); \
        } \
        cpu->fpsr |= qc ? FPSR_QC : 0; \
        simd_put(cpu, op->rd, r.v & mask); \
        A64_NEXT; \
    }
#define SIMD_LANE(name, L, K, expr) SIMD_LANE_(name, L, K, op->ra, i, expr)
#define SIMD_LANE_E(name, L, K, expr) SIMD_LANE_(name, L, K, SIMD_128, op->imm, expr)

#define SIMD_SMAX ((W)(((U)1 << (ESIZE - 1)) - 1))
#define SIMD_CLAMP(v, lo, hi) \
    ({ \
        const __typeof__(v) v_ = (v); \
        const __typeof__(v) hi_ = (hi), lo_ = (lo); \
        const __typeof__(v) c_ = v_ > hi_ ? hi_ : v_ < lo_ ? lo_ : v_; \
        qc |= c_ != v_; \
        c_; \
    })
#define SIMD_SATS(v) ((S)SIMD_CLAMP(v, (__typeof__(v))(-SIMD_SMAX - 1), (__typeof__(v))SIMD_SMAX))
#define SIMD_SATU(v) ((U)SIMD_CLAMP(v, 0, (__typeof__(v))(U)~(U)0))

/* The handlers of one instruction for the element sizes it has, in a table by size. */
#define SIMD_BHSD(M, name, ...) \
    M(name, b, __VA_ARGS__) M(name, h, __VA_ARGS__) M(name, s, __VA_ARGS__) M(name, d, __VA_ARGS__) \
    static a64_fn *const name##_fns[4] = {a64_op_##name##_b, a64_op_##name##_h, a64_op_##name##_s, \
                                          a64_op_##name##_d};
#define SIMD_BHS(M, name, ...) \
    M(name, b, __VA_ARGS__) M(name, h, __VA_ARGS__) M(name, s, __VA_ARGS__) \
    static a64_fn *const name##_fns[4] = {a64_op_##name##_b, a64_op_##name##_h, a64_op_##name##_s};
#define SIMD_HS(M, name, ...) \
    M(name, h, __VA_ARGS__) M(name, s, __VA_ARGS__) \
    static a64_fn *const name##_fns[4] = {NULL, a64_op_##name##_h, a64_op_##name##_s};
#define SIMD_BH(M, name, ...) \
    M(name, b, __VA_ARGS__) M(name, h, __VA_ARGS__) \
    static a64_fn *const name##_fns[4] = {a64_op_##name##_b, a64_op_##name##_h};
#define SIMD_ONLY_B(M, name, ...) \
    M(name, b, __VA_ARGS__) \
    static a64_fn *const name##_fns[4] = {a64_op_##name##_b};

/* The decode function of table row `name`. */
#define SIMD_DEC(name, how, ...) \
    void a64_dec_##name(struct a64_op *op, uint32_t insn) \
    { \
        how(op, insn, __VA_ARGS__); \
    }
/* A row whose handler gets the instruction fields only. */
#define SIMD_OP(name) \
    A64_OP(name)
// clang-format on

/* Fields every class has. */
static inline unsigned simd_q(uint32_t insn)
{
    return insn >> 30 & 1;
}

static inline unsigned simd_size(uint32_t insn)
{
    return insn >> 22 & 3;
}

static inline bool simd_scalar(uint32_t insn)
{
    return insn >> 28 & 1;
}

/* Rd, Rn, Rm as V register numbers. */
static inline void simd_regs(struct a64_op *op, uint32_t insn)
{
    op->rd = insn & 31;
    op->rn = insn >> 5 & 31;
    op->rm = insn >> 16 & 31;
}

/* The classes' decoders. A NULL handler is an unallocated size. */
void simd_dec_same(struct a64_op *op, uint32_t insn, a64_fn *const fns[4]);
void simd_dec_misc(struct a64_op *op, uint32_t insn, a64_fn *const fns[4]);
void simd_dec_elem(struct a64_op *op, uint32_t insn, a64_fn *const fns[4]);

#endif
