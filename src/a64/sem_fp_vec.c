// SPDX-License-Identifier: MIT
/*
 * sem_fp_vec.c - Advanced SIMD floating point, vector and scalar forms.
 *
 * Arm ARM DDI 0487J.a C7.2 for what they do, C4.1.96 for their encodings. What compilers emit most
 * (add, subtract, multiply, divide, fused multiply-add on 2S, 4S, 2D) has handlers that use the
 * host's vector unit; all else goes lane by lane through tables of functions. Not there: FEAT_FP16,
 * FEAT_FHM, FEAT_FCMA.
 *
 * In slots of lane by lane handlers, ra is the row of the function table, and imm holds what FPV_*
 * says.
 */
#include "src/a64/fp_host.h"
#include "src/a64/sem.h"

/* imm: lanes (1, 2, 4), format, source lane of the by-element forms or upper half, fraction bits.
 */
enum { FPV_LANES = 7, FPV_DOUBLE = 8, FPV_LANE_SHIFT = 4, FPV_FBITS_SHIFT = 8 };

/* What is common to the encodings: Q or scalar (bit 28), size (bit 22), registers. */
static void fpv_fields(struct a64_op *op, uint32_t insn, bool dbl)
{
    bool scalar = insn >> 28 & 1, q = insn >> 30 & 1;
    op->rd = (uint8_t)a64_bits(insn, 0, 5);
    op->rn = (uint8_t)a64_bits(insn, 5, 5);
    op->rm = (uint8_t)a64_bits(insn, 16, 5);
    op->insn = (scalar ? 1u : (q ? 4u : 2u) >> dbl) | (dbl ? FPV_DOUBLE : 0);
}

static unsigned fpv_lanes(const struct a64_op *op)
{
    return op->insn & FPV_LANES;
}

static bool fpv_double(const struct a64_op *op)
{
    return op->insn & FPV_DOUBLE;
}

static const struct fp_fmt *fpv_fmt(const struct a64_op *op)
{
    return fpv_double(op) ? &fp_f64 : &fp_f32;
}

static unsigned fpv_lane_arg(const struct a64_op *op)
{
    return op->insn >> FPV_LANE_SHIFT & 3;
}

FP_INLINE uint64_t fpv_get(const union a64_vreg *v, unsigned i, bool dbl)
{
    return dbl ? v->d[i] : v->s[i];
}

FP_INLINE void fpv_set(union a64_vreg *v, unsigned i, bool dbl, uint64_t a)
{
    if (dbl)
        v->d[i] = a;
    else
        v->s[i] = (uint32_t)a;
}

/* U, bit 23 and the five opcode bits: the row of a table. */
#define FPV_ROW(u, a, opcode) ((u) << 6 | (a) << 5 | (opcode))

static uint8_t fpv_row(uint32_t insn, unsigned opcode_lo)
{
    return (uint8_t)FPV_ROW(a64_bits(insn, 29, 1), a64_bits(insn, 23, 1),
                            a64_bits(insn, opcode_lo, 5));
}

/* ---- Three same, lane by lane ---- */

static fp_fn2 *const fpv_fns2[128] = {
    [FPV_ROW(0, 0, 0x18)] = fp_maxnm,
    [FPV_ROW(0, 0, 0x1b)] = fp_mulx,
    [FPV_ROW(0, 0, 0x1c)] = fp_cmeq,
    [FPV_ROW(0, 0, 0x1e)] = fp_max,
    [FPV_ROW(0, 0, 0x1f)] = fp_recps,
    [FPV_ROW(0, 1, 0x18)] = fp_minnm,
    [FPV_ROW(0, 1, 0x1e)] = fp_min,
    [FPV_ROW(0, 1, 0x1f)] = fp_rsqrts,
    [FPV_ROW(1, 0, 0x1c)] = fp_cmge,
    [FPV_ROW(1, 0, 0x1d)] = fp_acge,
    [FPV_ROW(1, 1, 0x1a)] = fp_abd,
    [FPV_ROW(1, 1, 0x1c)] = fp_cmgt,
    [FPV_ROW(1, 1, 0x1d)] = fp_acgt,
    /* pairwise */
    [FPV_ROW(1, 0, 0x18)] = fp_maxnm,
    [FPV_ROW(1, 0, 0x1a)] = fp_add,
    [FPV_ROW(1, 0, 0x1e)] = fp_max,
    [FPV_ROW(1, 1, 0x18)] = fp_minnm,
    [FPV_ROW(1, 1, 0x1e)] = fp_min,
};

static A64_OP(fpv_2)
{
    A64_FP_CHECK;
    const union a64_vreg *n = &cpu->v[op->rn], *m = &cpu->v[op->rm];
    fp_fn2 *fn = fpv_fns2[op->ra];
    bool dbl = fpv_double(op);
    __uint128_t r = 0;
    for (unsigned i = 0; i < fpv_lanes(op); i++)
        r |= (__uint128_t)fn(cpu, fpv_fmt(op), fpv_get(n, i, dbl), fpv_get(m, i, dbl))
             << (dbl ? i * 64 : i * 32);
    cpu->v[op->rd].q = r;
    A64_NEXT;
}

void a64_dec_fpv_2(struct a64_op *op, uint32_t insn)
{
    fpv_fields(op, insn, insn >> 22 & 1);
    op->ra = fpv_row(insn, 11);
    op->fn = a64_op_fpv_2;
}

/* Vn's pairs of lanes make the lower half of the result, Vm's the upper. */
static A64_OP(fpv_pair)
{
    A64_FP_CHECK;
    fp_fn2 *fn = fpv_fns2[op->ra];
    bool dbl = fpv_double(op);
    unsigned half = fpv_lanes(op) / 2;
    __uint128_t r = 0;
    for (unsigned i = 0; i < half * 2; i++) {
        const union a64_vreg *v = &cpu->v[i < half ? op->rn : op->rm];
        unsigned lane = (i < half ? i : i - half) * 2;
        r |= (__uint128_t)fn(cpu, fpv_fmt(op), fpv_get(v, lane, dbl), fpv_get(v, lane + 1, dbl))
             << (dbl ? i * 64 : i * 32);
    }
    cpu->v[op->rd].q = r;
    A64_NEXT;
}

void a64_dec_fpv_pair(struct a64_op *op, uint32_t insn)
{
    fpv_fields(op, insn, insn >> 22 & 1);
    op->ra = fpv_row(insn, 11);
    op->fn = a64_op_fpv_pair;
}

/* ---- Scalar pairwise; across lanes: of the halves of a vector, recursively (Reduce()) ---- */

static fp_fn2 *const fpv_reduce_fns[128] = {
    [FPV_ROW(1, 0, 0x0c)] = fp_maxnm, [FPV_ROW(1, 0, 0x0d)] = fp_add,
    [FPV_ROW(1, 0, 0x0f)] = fp_max,   [FPV_ROW(1, 1, 0x0c)] = fp_minnm,
    [FPV_ROW(1, 1, 0x0f)] = fp_min,
};

static A64_OP(fpv_reduce)
{
    A64_FP_CHECK;
    const union a64_vreg *n = &cpu->v[op->rn];
    fp_fn2 *fn = fpv_reduce_fns[op->ra];
    bool dbl = fpv_double(op);
    uint64_t r = fn(cpu, fpv_fmt(op), fpv_get(n, 0, dbl), fpv_get(n, 1, dbl));
    if (fpv_lanes(op) == 4) {
        uint64_t hi = fn(cpu, &fp_f32, n->s[2], n->s[3]);
        r = fn(cpu, &fp_f32, r, hi);
    }
    cpu->v[op->rd].q = r;
    A64_NEXT;
}

void a64_dec_fpv_reduce(struct a64_op *op, uint32_t insn)
{
    fpv_fields(op, insn, insn >> 22 & 1);
    op->ra = fpv_row(insn, 12);
    op->fn = a64_op_fpv_reduce;
}

/* ---- Two registers, lane by lane ---- */

// clang-format off
#define FPV_RINT(name, rm, exact) \
    static uint64_t name(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a) \
    { \
        return fp_round_int(cpu, f, a, rm, exact); \
    }
FPV_RINT(fpv_rintn, FP_TIEEVEN, false)
FPV_RINT(fpv_rintp, FP_POSINF, false)
FPV_RINT(fpv_rintm, FP_NEGINF, false)
FPV_RINT(fpv_rintz, FP_ZERO, false)
FPV_RINT(fpv_rinta, FP_TIEAWAY, false)
FPV_RINT(fpv_rintx, fp_rm(cpu), true)
FPV_RINT(fpv_rinti, fp_rm(cpu), false)

#define FPV_TO_INT(name, rm) \
    static uint64_t name##s(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a) \
    { \
        return fp_to_fixed(cpu, f, a, f->n, 0, false, rm); \
    } \
    static uint64_t name##u(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a) \
    { \
        return fp_to_fixed(cpu, f, a, f->n, 0, true, rm); \
    }
FPV_TO_INT(fpv_cvtn, FP_TIEEVEN)
FPV_TO_INT(fpv_cvtp, FP_POSINF)
FPV_TO_INT(fpv_cvtm, FP_NEGINF)
FPV_TO_INT(fpv_cvta, FP_TIEAWAY)

static uint64_t fpv_cvtzs(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    return f->n == 64 ? fp_quick_to_int_d(cpu, a, 64, false) : fp_quick_to_int_s(cpu, (uint32_t)a, 32, false);
}

static uint64_t fpv_cvtzu(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    return f->n == 64 ? fp_quick_to_int_d(cpu, a, 64, true) : fp_quick_to_int_s(cpu, (uint32_t)a, 32, true);
}

static uint64_t fpv_scvtf(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    return f->n == 64 ? fp_quick_from_int_d(cpu, (int64_t)a) : fp_quick_from_int_s(cpu, (int32_t)(uint32_t)a);
}

static uint64_t fpv_ucvtf(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    return fp_from_fixed(cpu, f, a, 0, true, fp_rm(cpu));
}

static uint64_t fpv_sqrt(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    return f->n == 64 ? fp_quick_sqrt_d(cpu, a) : fp_quick_sqrt_s(cpu, (uint32_t)a);
}

#define FPV_CMP0(name, expr) \
    static uint64_t name(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a) \
    { \
        return expr; \
    }
FPV_CMP0(fpv_cmeq0, fp_cmeq(cpu, f, a, 0))
FPV_CMP0(fpv_cmge0, fp_cmge(cpu, f, a, 0))
FPV_CMP0(fpv_cmgt0, fp_cmgt(cpu, f, a, 0))
FPV_CMP0(fpv_cmle0, fp_cmge(cpu, f, 0, a))
FPV_CMP0(fpv_cmlt0, fp_cmgt(cpu, f, 0, a))

static uint64_t fpv_urecpe(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    (void)cpu;
    (void)f;
    return fp_urecpe((uint32_t)a);
}

static uint64_t fpv_ursqrte(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    (void)cpu;
    (void)f;
    return fp_ursqrte((uint32_t)a);
}

static fp_fn1 *const fpv_fns1[128] = {
    [FPV_ROW(0, 0, 0x18)] = fpv_rintn, [FPV_ROW(0, 0, 0x19)] = fpv_rintm,
    [FPV_ROW(0, 0, 0x1a)] = fpv_cvtns, [FPV_ROW(0, 0, 0x1b)] = fpv_cvtms,
    [FPV_ROW(0, 0, 0x1c)] = fpv_cvtas, [FPV_ROW(0, 0, 0x1d)] = fpv_scvtf,
    [FPV_ROW(0, 1, 0x0c)] = fpv_cmgt0, [FPV_ROW(0, 1, 0x0d)] = fpv_cmeq0,
    [FPV_ROW(0, 1, 0x0e)] = fpv_cmlt0, [FPV_ROW(0, 1, 0x0f)] = fp_abs,
    [FPV_ROW(0, 1, 0x18)] = fpv_rintp, [FPV_ROW(0, 1, 0x19)] = fpv_rintz,
    [FPV_ROW(0, 1, 0x1a)] = fpv_cvtps, [FPV_ROW(0, 1, 0x1b)] = fpv_cvtzs,
    [FPV_ROW(0, 1, 0x1c)] = fpv_urecpe, [FPV_ROW(0, 1, 0x1d)] = fp_recpe,
    [FPV_ROW(0, 1, 0x1f)] = fp_recpx,
    [FPV_ROW(1, 0, 0x18)] = fpv_rinta, [FPV_ROW(1, 0, 0x19)] = fpv_rintx,
    [FPV_ROW(1, 0, 0x1a)] = fpv_cvtnu, [FPV_ROW(1, 0, 0x1b)] = fpv_cvtmu,
    [FPV_ROW(1, 0, 0x1c)] = fpv_cvtau, [FPV_ROW(1, 0, 0x1d)] = fpv_ucvtf,
    [FPV_ROW(1, 1, 0x0c)] = fpv_cmge0, [FPV_ROW(1, 1, 0x0d)] = fpv_cmle0,
    [FPV_ROW(1, 1, 0x0f)] = fp_neg,
    [FPV_ROW(1, 1, 0x19)] = fpv_rinti,
    [FPV_ROW(1, 1, 0x1a)] = fpv_cvtpu, [FPV_ROW(1, 1, 0x1b)] = fpv_cvtzu,
    [FPV_ROW(1, 1, 0x1c)] = fpv_ursqrte, [FPV_ROW(1, 1, 0x1d)] = fp_rsqrte,
    [FPV_ROW(1, 1, 0x1f)] = fpv_sqrt,
};
// clang-format on

static A64_OP(fpv_1)
{
    A64_FP_CHECK;
    const union a64_vreg *n = &cpu->v[op->rn];
    fp_fn1 *fn = fpv_fns1[op->ra];
    bool dbl = fpv_double(op);
    __uint128_t r = 0;
    for (unsigned i = 0; i < fpv_lanes(op); i++)
        r |= (__uint128_t)fn(cpu, fpv_fmt(op), fpv_get(n, i, dbl)) << (dbl ? i * 64 : i * 32);
    cpu->v[op->rd].q = r;
    A64_NEXT;
}

void a64_dec_fpv_1(struct a64_op *op, uint32_t insn)
{
    fpv_fields(op, insn, insn >> 22 & 1);
    op->ra = fpv_row(insn, 12);
    op->fn = a64_op_fpv_1;
}

/* ---- Fixed point: ra is 0 SCVTF, 1 UCVTF, 2 FCVTZS, 3 FCVTZU ---- */

static A64_OP(fpv_fix)
{
    A64_FP_CHECK;
    const union a64_vreg *n = &cpu->v[op->rn];
    const struct fp_fmt *f = fpv_fmt(op);
    bool dbl = fpv_double(op), is_unsigned = op->ra & 1;
    unsigned fbits = op->insn >> FPV_FBITS_SHIFT;
    __uint128_t r = 0;
    for (unsigned i = 0; i < fpv_lanes(op); i++) {
        uint64_t a = fpv_get(n, i, dbl);
        if (op->ra & 2)
            a = fp_to_fixed(cpu, f, a, f->n, fbits, is_unsigned, FP_ZERO);
        else
            a = fp_from_fixed(cpu, f, is_unsigned ? a : (uint64_t)bits_sext(a, f->n), fbits,
                              is_unsigned, fp_rm(cpu));
        r |= (__uint128_t)a << (dbl ? i * 64 : i * 32);
    }
    cpu->v[op->rd].q = r;
    A64_NEXT;
}

void a64_dec_fpv_fix(struct a64_op *op, uint32_t insn)
{
    bool dbl = insn >> 22 & 1; /* the top bit of immh */
    fpv_fields(op, insn, dbl);
    op->insn |= ((dbl ? 128 : 64) - a64_bits(insn, 16, 7)) << FPV_FBITS_SHIFT;
    /* opcode 11100 SCVTF, 11111 FCVTZS */
    op->ra = (uint8_t)((insn >> 11 & 2) | (insn >> 29 & 1));
    op->fn = a64_op_fpv_fix;
}

/* ---- Narrow and long: FCVTN, FCVTXN, FCVTL; FPV_DOUBLE is the size of the wide side ---- */

static void fpv_half_fields(struct a64_op *op, uint32_t insn)
{
    bool dbl = insn >> 22 & 1, scalar = insn >> 28 & 1, upper = insn >> 30 & 1;
    fpv_fields(op, insn, dbl);
    op->insn = (scalar ? 1u : dbl ? 2u : 4u) | (dbl ? FPV_DOUBLE : 0);
    if (upper && !scalar)
        op->insn |= 1 << FPV_LANE_SHIFT;
}

/* ra: FCVTXN, to odd. */
static A64_OP(fpv_narrow)
{
    A64_FP_CHECK;
    const union a64_vreg *n = &cpu->v[op->rn];
    bool dbl = fpv_double(op);
    enum fp_rm rm = op->ra ? FP_ODD : fp_rm(cpu);
    uint64_t r = 0;
    for (unsigned i = 0; i < fpv_lanes(op); i++)
        if (dbl)
            r |= (op->ra ? fp_convert(cpu, &fp_f32, &fp_f64, n->d[i], rm)
                         : fp_quick_d_to_s(cpu, n->d[i]))
                 << i * 32;
        else
            r |= fp_convert(cpu, &fp_f16, &fp_f32, n->s[i], rm) << i * 16;
    if (fpv_lane_arg(op)) {
        cpu->v[op->rd].d[1] = r;
    } else {
        cpu->v[op->rd].q = r;
    }
    A64_NEXT;
}

void a64_dec_fpv_narrow(struct a64_op *op, uint32_t insn)
{
    fpv_half_fields(op, insn);
    op->ra = insn >> 29 & 1;
    op->fn = a64_op_fpv_narrow;
}

static A64_OP(fpv_long)
{
    A64_FP_CHECK;
    uint64_t a = cpu->v[op->rn].d[fpv_lane_arg(op)];
    union a64_vreg r;
    if (fpv_double(op)) {
        r.d[0] = fp_quick_s_to_d(cpu, (uint32_t)a);
        r.d[1] = fp_quick_s_to_d(cpu, (uint32_t)(a >> 32));
    } else {
        for (unsigned i = 0; i < 4; i++)
            r.s[i] = (uint32_t)fp_convert(cpu, &fp_f32, &fp_f16, a >> i * 16 & 0xffff, fp_rm(cpu));
    }
    cpu->v[op->rd] = r;
    A64_NEXT;
}

void a64_dec_fpv_long(struct a64_op *op, uint32_t insn)
{
    fpv_half_fields(op, insn);
    op->fn = a64_op_fpv_long;
}

/* ---- Arithmetic by the host's vector unit ---- */

enum fpv_shape { FPV_2S, FPV_4S, FPV_2D };

/* Vm, or one lane of it everywhere (E). */
FP_INLINE union a64_vreg fpv_operand(const struct a64_cpu *cpu, const struct a64_op *op,
                                     enum fpv_shape shape, bool elem)
{
    union a64_vreg m = cpu->v[op->rm];
    if (!elem)
        return m;
    if (shape == FPV_2D) {
        uint64_t e = cpu->v[op->rm].d[fpv_lane_arg(op)];
        return (union a64_vreg){
            .d = {e, e}
        };
    }
    uint32_t e = cpu->v[op->rm].s[fpv_lane_arg(op)];
    return (union a64_vreg){
        .s = {e, e, e, e}
    };
}

FP_INLINE unsigned fpv_shape_lanes(enum fpv_shape shape)
{
    return shape == FPV_4S ? 4 : 2;
}

static __attribute__((noinline)) void fpv_exact2(struct a64_cpu *cpu, unsigned rd,
                                                 enum fpv_shape shape, fp_fn2 *fn, union a64_vreg a,
                                                 union a64_vreg b)
{
    union a64_vreg r = {
        .d = {0, 0}
    };
    bool dbl = shape == FPV_2D;
    for (unsigned i = 0; i < fpv_shape_lanes(shape); i++)
        fpv_set(&r, i, dbl,
                fn(cpu, dbl ? &fp_f64 : &fp_f32, fpv_get(&a, i, dbl), fpv_get(&b, i, dbl)));
    cpu->v[rd] = r;
}

static __attribute__((noinline)) void fpv_exactf(struct a64_cpu *cpu, unsigned rd,
                                                 enum fpv_shape shape, enum fp_fop fop,
                                                 union a64_vreg a, union a64_vreg b)
{
    union a64_vreg r =
                       {
                           .d = {0, 0}
    },
                   c = cpu->v[rd];
    bool dbl = shape == FPV_2D;
    for (unsigned i = 0; i < fpv_shape_lanes(shape); i++)
        fpv_set(&r, i, dbl,
                fp_fused(cpu, dbl ? &fp_f64 : &fp_f32, fop, fpv_get(&c, i, dbl),
                         fpv_get(&a, i, dbl), fpv_get(&b, i, dbl)));
    cpu->v[rd] = r;
}

#if A64_FP_SSE
/* As fp_sound_s() for every lane. The compares are quiet: a result is never a signaling NaN. */
FP_INLINE bool fpv_sound_ps(__m128 r, bool tiny)
{
    __m128 bad = _mm_cmpunord_ps(r, r);
    if (tiny)
        bad = _mm_or_ps(bad, _mm_cmpeq_ps(_mm_andnot_ps(_mm_set1_ps(-0.0f), r),
                                          _mm_castsi128_ps(_mm_set1_epi32(0x00800000))));
    return likely(!_mm_movemask_ps(bad));
}

FP_INLINE bool fpv_sound_pd(__m128d r, bool tiny)
{
    __m128d bad = _mm_cmpunord_pd(r, r);
    if (tiny)
        bad = _mm_or_pd(bad, _mm_cmpeq_pd(_mm_andnot_pd(_mm_set1_pd(-0.0), r),
                                          _mm_castsi128_pd(_mm_set1_epi64x(0x0010000000000000))));
    return likely(!_mm_movemask_pd(bad));
}

/* The lower half, and an upper half that raises no flags: 0 in one operand, 1.0 in the other. */
FP_INLINE __m128 fpv_low(union a64_vreg v, float upper)
{
    __m128 lo = _mm_castsi128_ps(_mm_cvtsi64_si128((int64_t)v.d[0]));
    return upper != 0 ? _mm_movelh_ps(lo, _mm_set1_ps(upper)) : lo;
}

FP_INLINE __m128 fpv_ps(union a64_vreg v)
{
    return _mm_load_ps(v.f);
}

FP_INLINE __m128d fpv_pd(union a64_vreg v)
{
    return _mm_load_pd(v.df);
}
#endif

FP_INLINE void fpv_arith(struct a64_cpu *cpu, const struct a64_op *op, enum fpv_shape shape,
                         bool elem, enum fp_hop hop, fp_fn2 *exact)
{
    union a64_vreg a = cpu->v[op->rn], b = fpv_operand(cpu, op, shape, elem);
#if A64_FP_SSE
    union a64_vreg *d = &cpu->v[op->rd];
    bool tiny = fp_may_be_tiny(hop);
    if (fp_host_usable(cpu)) {
        if (shape == FPV_2D) {
            __m128d r = fp_host_pd(hop, fpv_pd(a), fpv_pd(b));
            if (fpv_sound_pd(r, tiny)) {
                _mm_store_pd(d->df, r);
                return;
            }
        } else if (shape == FPV_4S) {
            __m128 r = fp_host_ps(hop, fpv_ps(a), fpv_ps(b));
            if (fpv_sound_ps(r, tiny)) {
                _mm_store_ps(d->f, r);
                return;
            }
        } else {
            __m128 r = fp_host_ps(hop, fpv_low(a, 0), fpv_low(b, 1));
            if (fpv_sound_ps(r, tiny)) {
                d->q = (uint64_t)_mm_cvtsi128_si64(_mm_castps_si128(r));
                return;
            }
        }
    }
#else
    (void)hop;
#endif
    fpv_exact2(cpu, op->rd, shape, exact, a, b);
}

FP_INLINE void fpv_fused(struct a64_cpu *cpu, const struct a64_op *op, enum fpv_shape shape,
                         bool elem, enum fp_fop fop)
{
    union a64_vreg a = cpu->v[op->rn], b = fpv_operand(cpu, op, shape, elem);
#if A64_FP_SSE
    union a64_vreg *d = &cpu->v[op->rd];
    if (fp_fma_usable(cpu)) {
        if (shape == FPV_2D) {
            __m128d r = fp_hostf_pd(fop, fpv_pd(*d), fpv_pd(a), fpv_pd(b));
            if (fpv_sound_pd(r, true)) {
                _mm_store_pd(d->df, r);
                return;
            }
        } else if (shape == FPV_4S) {
            __m128 r = fp_hostf_ps(fop, fpv_ps(*d), fpv_ps(a), fpv_ps(b));
            if (fpv_sound_ps(r, true)) {
                _mm_store_ps(d->f, r);
                return;
            }
        } else {
            __m128 r = fp_hostf_ps(fop, fpv_low(*d, 0), fpv_low(a, 0), fpv_low(b, 1));
            if (fpv_sound_ps(r, true)) {
                d->q = (uint64_t)_mm_cvtsi128_si64(_mm_castps_si128(r));
                return;
            }
        }
    }
#endif
    fpv_exactf(cpu, op->rd, shape, fop, a, b);
}

// clang-format off
#define FPV_OP(name, call) \
    static A64_OP(name) \
    { \
        A64_FP_CHECK; \
        call; \
        A64_NEXT; \
    }
#define FPV_ARITH(name, hop, elem) \
    FPV_OP(fpv_##name##_2s, fpv_arith(cpu, op, FPV_2S, elem, hop, fp_##name)) \
    FPV_OP(fpv_##name##_4s, fpv_arith(cpu, op, FPV_4S, elem, hop, fp_##name)) \
    FPV_OP(fpv_##name##_2d, fpv_arith(cpu, op, FPV_2D, elem, hop, fp_##name))
#define FPV_FUSED(name, fop, elem) \
    FPV_OP(fpv_##name##_2s, fpv_fused(cpu, op, FPV_2S, elem, fop)) \
    FPV_OP(fpv_##name##_4s, fpv_fused(cpu, op, FPV_4S, elem, fop)) \
    FPV_OP(fpv_##name##_2d, fpv_fused(cpu, op, FPV_2D, elem, fop))
#define FPV_SHAPES(name) {a64_op_fpv_##name##_2s, a64_op_fpv_##name##_4s, a64_op_fpv_##name##_2d}
// clang-format on

FPV_ARITH(add, FP_HADD, false)
FPV_ARITH(sub, FP_HSUB, false)
FPV_ARITH(mul, FP_HMUL, false)
FPV_ARITH(div, FP_HDIV, false)
FPV_FUSED(mla, FP_FMADD, false)
FPV_FUSED(mls, FP_FMSUB, false)

static enum fpv_shape fpv_shape_of(const struct a64_op *op)
{
    return fpv_double(op) ? FPV_2D : fpv_lanes(op) == 4 ? FPV_4S : FPV_2S;
}

void a64_dec_fpv_arith(struct a64_op *op, uint32_t insn)
{
    /* FADD, FSUB, FMUL, FDIV: by U and the bit that tells each from the other. */
    static a64_fn *const fns[4][3] = {FPV_SHAPES(add), FPV_SHAPES(sub), FPV_SHAPES(mul),
                                      FPV_SHAPES(div)};
    bool u = insn >> 29 & 1, sub = insn >> 23 & 1, div = insn >> 13 & 1;
    fpv_fields(op, insn, insn >> 22 & 1);
    op->fn = fns[u ? 2 + div : sub][fpv_shape_of(op)];
}

void a64_dec_fpv_mla(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[2][3] = {FPV_SHAPES(mla), FPV_SHAPES(mls)};
    fpv_fields(op, insn, insn >> 22 & 1);
    op->fn = fns[insn >> 23 & 1][fpv_shape_of(op)];
}

/* ---- By element ---- */

/* FMULX is exact only: infinity by 0 is 2.0 without a flag, which the host's multiplication would
 * raise. */
// clang-format off
#define FPV_MULX(shape, s) \
    FPV_OP(fpv_mulx_e_##s, fpv_exact2(cpu, op->rd, shape, fp_mulx, cpu->v[op->rn], \
                                      fpv_operand(cpu, op, shape, true)))
// clang-format on
FPV_MULX(FPV_2S, 2s)
FPV_MULX(FPV_4S, 4s)
FPV_MULX(FPV_2D, 2d)

#define fp_mul_e fp_mul
FPV_ARITH(mul_e, FP_HMUL, true)
FPV_FUSED(mla_e, FP_FMADD, true)
FPV_FUSED(mls_e, FP_FMSUB, true)

/* Scalar: ra is 0 FMLA, 1 FMLS, 2 FMUL, 3 FMULX. */
static A64_OP(fpv_elem_scalar)
{
    A64_FP_CHECK;
    bool dbl = fpv_double(op);
    const struct fp_fmt *f = fpv_fmt(op);
    uint64_t a = fpv_get(&cpu->v[op->rn], 0, dbl);
    uint64_t b = fpv_get(&cpu->v[op->rm], fpv_lane_arg(op), dbl);
    uint64_t c = fpv_get(&cpu->v[op->rd], 0, dbl);
    if (op->ra & 2)
        c = (op->ra & 1 ? fp_mulx : fp_mul)(cpu, f, a, b);
    else
        c = fp_fused(cpu, f, op->ra & 1 ? FP_FMSUB : FP_FMADD, c, a, b);
    cpu->v[op->rd].q = c;
    A64_NEXT;
}

void a64_dec_fpv_elem(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[4][3] = {FPV_SHAPES(mla_e), FPV_SHAPES(mls_e), FPV_SHAPES(mul_e),
                                      FPV_SHAPES(mulx_e)};
    bool dbl = insn >> 22 & 1;
    unsigned h = a64_bits(insn, 11, 1), l = a64_bits(insn, 21, 1);
    fpv_fields(op, insn, dbl);
    op->insn |= (dbl ? h : h << 1 | l) << FPV_LANE_SHIFT;
    /* opcode 0001 FMLA, 0101 FMLS, 1001 FMUL or with U FMULX */
    op->ra = (uint8_t)(insn >> 15 & 1 ? 2 | (insn >> 29 & 1) : insn >> 14 & 1);
    op->fn = insn >> 28 & 1 ? a64_op_fpv_elem_scalar : fns[op->ra][fpv_shape_of(op)];
}
