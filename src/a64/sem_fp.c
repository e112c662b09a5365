// SPDX-License-Identifier: MIT
/*
 * sem_fp.c - scalar floating-point instructions.
 *
 * Arm ARM DDI 0487J.a C7.2 for what they do, C4.1.96 for their encodings. A scalar result clears
 * the rest of the register. Handlers come in pairs, _s and _d. Not there: FEAT_FP16, FJCVTZS,
 * FRINT32/64.
 */
#include "src/a64/fp_host.h"
#include "src/a64/sem.h"

#define SREG(n) (cpu->v[op->n].s[0])
#define DREG(n) (cpu->v[op->n].d[0])

FP_INLINE void fp_put(struct a64_cpu *cpu, const struct a64_op *op, uint64_t v)
{
    cpu->v[op->rd].q = v;
}

static bool fp_is_double(uint32_t insn)
{
    return insn >> 22 & 1;
}

static void fp_fields(struct a64_op *op, uint32_t insn)
{
    op->rd = (uint8_t)a64_bits(insn, 0, 5);
    op->rn = (uint8_t)a64_bits(insn, 5, 5);
    op->rm = (uint8_t)a64_bits(insn, 16, 5);
}

// clang-format off
/* A handler whose result is an expression, for a size each. */
#define FP_OP(name, expr) \
    static A64_OP(name) \
    { \
        A64_FP_CHECK; \
        fp_put(cpu, op, (expr)); \
        A64_NEXT; \
    }
#define FP_OPS(name, expr_s, expr_d) \
    FP_OP(name##_s, expr_s) \
    FP_OP(name##_d, expr_d)

/* ---- Two sources ---- */

#define FP_QUICK2(name, hop) \
    FP_OPS(name, fp_quick2_s(cpu, hop, fp_##name, SREG(rn), SREG(rm)), \
           fp_quick2_d(cpu, hop, fp_##name, DREG(rn), DREG(rm)))
FP_QUICK2(add, FP_HADD)
FP_QUICK2(sub, FP_HSUB)
FP_QUICK2(mul, FP_HMUL)
FP_QUICK2(div, FP_HDIV)
FP_OPS(nmul, fp_quick2_s(cpu, FP_HMUL, fp_mul, SREG(rn), SREG(rm)) ^ 1u << 31,
       fp_quick2_d(cpu, FP_HMUL, fp_mul, DREG(rn), DREG(rm)) ^ UINT64_C(1) << 63)

#define FP_EXACT2(name) \
    FP_OPS(name, fp_##name(cpu, &fp_f32, SREG(rn), SREG(rm)), \
           fp_##name(cpu, &fp_f64, DREG(rn), DREG(rm)))
FP_EXACT2(max)
FP_EXACT2(min)
FP_EXACT2(maxnm)
FP_EXACT2(minnm)

#define FP_PAIR(name) {a64_op_##name##_s, a64_op_##name##_d}
void a64_dec_fp_2src(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[9][2] = {
        FP_PAIR(mul), FP_PAIR(div), FP_PAIR(add),   FP_PAIR(sub),   FP_PAIR(max),
        FP_PAIR(min), FP_PAIR(maxnm), FP_PAIR(minnm), FP_PAIR(nmul),
    };
    fp_fields(op, insn);
    op->fn = fns[a64_bits(insn, 12, 4)][fp_is_double(insn)];
}

/* ---- Three sources ---- */

#define FP_FUSED(name, fop) \
    FP_OPS(name, fp_quickf_s(cpu, fop, SREG(ra), SREG(rn), SREG(rm)), \
           fp_quickf_d(cpu, fop, DREG(ra), DREG(rn), DREG(rm)))
FP_FUSED(fmadd, FP_FMADD)
FP_FUSED(fmsub, FP_FMSUB)
FP_FUSED(fnmadd, FP_FNMADD)
FP_FUSED(fnmsub, FP_FNMSUB)

void a64_dec_fp_3src(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[4][2] = {
        FP_PAIR(fmadd), FP_PAIR(fmsub), FP_PAIR(fnmadd), FP_PAIR(fnmsub),
    };
    fp_fields(op, insn);
    op->ra = (uint8_t)a64_bits(insn, 10, 5);
    op->fn = fns[a64_bits(insn, 21, 1) * 2 + a64_bits(insn, 15, 1)][fp_is_double(insn)];
}

/* ---- One source ---- */

FP_OPS(mov, SREG(rn), DREG(rn))
FP_OPS(abs, SREG(rn) & ~(1u << 31), DREG(rn) & ~(UINT64_C(1) << 63))
FP_OPS(neg, SREG(rn) ^ 1u << 31, DREG(rn) ^ UINT64_C(1) << 63)
FP_OPS(sqrt, fp_quick_sqrt_s(cpu, SREG(rn)), fp_quick_sqrt_d(cpu, DREG(rn)))

#define FP_RINT(name, rm, exact) \
    FP_OPS(name, fp_round_int(cpu, &fp_f32, SREG(rn), rm, exact), \
           fp_round_int(cpu, &fp_f64, DREG(rn), rm, exact))
FP_RINT(rintn, FP_TIEEVEN, false)
FP_RINT(rintp, FP_POSINF, false)
FP_RINT(rintm, FP_NEGINF, false)
FP_RINT(rintz, FP_ZERO, false)
FP_RINT(rinta, FP_TIEAWAY, false)
FP_RINT(rintx, fp_rm(cpu), true)
FP_RINT(rinti, fp_rm(cpu), false)

void a64_dec_fp_1src(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[16][2] = {
        [0] = FP_PAIR(mov),    [1] = FP_PAIR(abs),    [2] = FP_PAIR(neg),    [3] = FP_PAIR(sqrt),
        [8] = FP_PAIR(rintn),  [9] = FP_PAIR(rintp),  [10] = FP_PAIR(rintm), [11] = FP_PAIR(rintz),
        [12] = FP_PAIR(rinta), [14] = FP_PAIR(rintx), [15] = FP_PAIR(rinti),
    };
    fp_fields(op, insn);
    op->fn = fns[a64_bits(insn, 15, 4)][fp_is_double(insn)];
}

/* FCVT: names are destination_source. */
#define HREG(n) (cpu->v[op->n].h[0])
FP_OP(cvt_d_s, fp_quick_s_to_d(cpu, SREG(rn)))
FP_OP(cvt_s_d, fp_quick_d_to_s(cpu, DREG(rn)))
FP_OP(cvt_h_s, fp_convert(cpu, &fp_f16, &fp_f32, SREG(rn), fp_rm(cpu)))
FP_OP(cvt_h_d, fp_convert(cpu, &fp_f16, &fp_f64, DREG(rn), fp_rm(cpu)))
FP_OP(cvt_s_h, fp_convert(cpu, &fp_f32, &fp_f16, HREG(rn), fp_rm(cpu)))
FP_OP(cvt_d_h, fp_convert(cpu, &fp_f64, &fp_f16, HREG(rn), fp_rm(cpu)))
// clang-format on

void a64_dec_fp_cvt(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[4][4] = {
  /* By source (ftype), then destination (opc): 0 single, 1 double, 3 half. */
        {NULL,           a64_op_cvt_d_s, NULL, a64_op_cvt_h_s},
        {a64_op_cvt_s_d, NULL,           NULL, a64_op_cvt_h_d},
        {NULL,           NULL,           NULL, NULL          },
        {a64_op_cvt_s_h, a64_op_cvt_d_h, NULL, NULL          },
    };
    fp_fields(op, insn);
    op->fn = fns[a64_bits(insn, 22, 2)][a64_bits(insn, 15, 2)];
}

/* ---- Compare, select, immediate ---- */

/* FCMP: bit 0 of the kind is the size, bit 1 a compare with zero, bit 2 FCMPE. */
#define FP_CMP(name, K, a, b, signal)                                                              \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        A64_FP_CHECK;                                                                              \
        a64_nzcv_set(cpu, fp_quick_compare_##K(cpu, a, b, signal));                                \
        A64_NEXT;                                                                                  \
    }
FP_CMP(cmp_s, s, SREG(rn), SREG(rm), false)
FP_CMP(cmp_d, d, DREG(rn), DREG(rm), false)
FP_CMP(cmp0_s, s, SREG(rn), 0, false)
FP_CMP(cmp0_d, d, DREG(rn), 0, false)
FP_CMP(cmpe_s, s, SREG(rn), SREG(rm), true)
FP_CMP(cmpe_d, d, DREG(rn), DREG(rm), true)
FP_CMP(cmpe0_s, s, SREG(rn), 0, true)
FP_CMP(cmpe0_d, d, DREG(rn), 0, true)

void a64_dec_fp_cmp(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[4][2] = {
        FP_PAIR(cmp),
        FP_PAIR(cmp0),
        FP_PAIR(cmpe),
        FP_PAIR(cmpe0),
    };
    fp_fields(op, insn);
    op->fn = fns[a64_bits(insn, 3, 2)][fp_is_double(insn)];
}

/* FCCMP, FCCMPE: rd holds the condition, imm the flags when it fails; bit 0 of ra is FCMPE. */
#define FP_CCMP(name, K, a, b)                                                                     \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        A64_FP_CHECK;                                                                              \
        if (!a64_cond(cpu, op->rd))                                                                \
            a64_nzcv_set(cpu, op->insn);                                                           \
        else if (op->ra)                                                                           \
            a64_nzcv_set(cpu, fp_quick_compare_##K(cpu, a, b, true));                              \
        else                                                                                       \
            a64_nzcv_set(cpu, fp_quick_compare_##K(cpu, a, b, false));                             \
        A64_NEXT;                                                                                  \
    }
FP_CCMP(ccmp_s, s, SREG(rn), SREG(rm))
FP_CCMP(ccmp_d, d, DREG(rn), DREG(rm))

void a64_dec_fp_ccmp(struct a64_op *op, uint32_t insn)
{
    fp_fields(op, insn);
    op->rd = (uint8_t)a64_bits(insn, 12, 4);
    op->ra = insn >> 4 & 1;
    op->insn = insn << 28;
    op->fn = fp_is_double(insn) ? a64_op_ccmp_d : a64_op_ccmp_s;
}

/* FCSEL: ra holds the condition. */
FP_OP(csel_s, a64_cond(cpu, op->ra) ? SREG(rn) : SREG(rm))
FP_OP(csel_d, a64_cond(cpu, op->ra) ? DREG(rn) : DREG(rm))

void a64_dec_fp_csel(struct a64_op *op, uint32_t insn)
{
    fp_fields(op, insn);
    op->ra = (uint8_t)a64_bits(insn, 12, 4);
    op->fn = fp_is_double(insn) ? a64_op_csel_d : a64_op_csel_s;
}

/* VFPExpandImm(): imm8 as a single, or as the upper word of a double. */
FP_OP(movi_s, op->insn)
FP_OP(movi_d, (uint64_t)op->insn << 32)

void a64_dec_fp_imm(struct a64_op *op, uint32_t insn)
{
    uint32_t imm = a64_bits(insn, 13, 8);
    uint32_t sign = imm >> 7 << 31, b = imm >> 6 & 1, rest = imm & 0x3f;
    fp_fields(op, insn);
    if (fp_is_double(insn)) {
        op->insn = sign | (b ? 0x3fc00000 : 0x40000000) | rest << 16;
        op->fn = a64_op_movi_d;
    } else {
        op->insn = sign | (b ? 0x3e000000 : 0x40000000) | rest << 19;
        op->fn = a64_op_movi_s;
    }
}

/* ---- Between general and FP registers ---- */

#define FP_TO_X(name, expr)                                                                        \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        A64_FP_CHECK;                                                                              \
        cpu->x[op->rd] = (expr);                                                                   \
        A64_NEXT;                                                                                  \
    }
FP_TO_X(mov_w_s, SREG(rn))
FP_TO_X(mov_x_d, DREG(rn))
FP_TO_X(mov_x_top, cpu->v[op->rn].d[1])
FP_OP(mov_s_w, (uint32_t)cpu->x[op->rn])
FP_OP(mov_d_x, cpu->x[op->rn])

static A64_OP(mov_top_x)
{
    A64_FP_CHECK;
    cpu->v[op->rd].d[1] = cpu->x[op->rn];
    A64_NEXT;
}

/* General to FP: the source is an X register. From: the destination is one. */
static void fp_gen_fields(struct a64_op *op, uint32_t insn, bool to_fp)
{
    fp_fields(op, insn);
    if (to_fp)
        op->rn = a64_src(op->rn);
    else
        op->rd = a64_dst(op->rd);
}

void a64_dec_fp_mov_gen(struct a64_op *op, uint32_t insn)
{
    /* By ftype (0 single, 1 double, 2 top half), then direction. */
    static a64_fn *const fns[3][2] = {
        {a64_op_mov_w_s,   a64_op_mov_s_w  },
        {a64_op_mov_x_d,   a64_op_mov_d_x  },
        {a64_op_mov_x_top, a64_op_mov_top_x},
    };
    bool to_fp = insn >> 16 & 1;
    fp_gen_fields(op, insn, to_fp);
    op->fn = fns[a64_bits(insn, 22, 2)][to_fp];
}

/* FCVTZS and FCVTZU, the casts of C; names are source, destination. */
FP_TO_X(zs_s_w, fp_quick_to_int_s(cpu, SREG(rn), 32, false))
FP_TO_X(zs_s_x, fp_quick_to_int_s(cpu, SREG(rn), 64, false))
FP_TO_X(zs_d_w, fp_quick_to_int_d(cpu, DREG(rn), 32, false))
FP_TO_X(zs_d_x, fp_quick_to_int_d(cpu, DREG(rn), 64, false))
FP_TO_X(zu_s_w, fp_quick_to_int_s(cpu, SREG(rn), 32, true))
FP_TO_X(zu_s_x, fp_quick_to_int_s(cpu, SREG(rn), 64, true))
FP_TO_X(zu_d_w, fp_quick_to_int_d(cpu, DREG(rn), 32, true))
FP_TO_X(zu_d_x, fp_quick_to_int_d(cpu, DREG(rn), 64, true))

/* All the others. imm is the number of fraction bits; ra has the rounding mode and these: */
enum { FP_GEN_RM = 7, FP_GEN_UNSIGNED = 8, FP_GEN_64 = 16 };

#define FP_TO_FIXED(name, fmt, a)                                                                  \
    FP_TO_X(name, fp_to_fixed(cpu, &fmt, a, op->ra &FP_GEN_64 ? 64 : 32, op->insn,                 \
                              op->ra &FP_GEN_UNSIGNED, (enum fp_rm)(op->ra & FP_GEN_RM)))
FP_TO_FIXED(to_fixed_s, fp_f32, SREG(rn))
FP_TO_FIXED(to_fixed_d, fp_f64, DREG(rn))

/* SF or FIXED: bit 21 clear says fixed point, with 64 - scale fraction bits. */
static uint32_t fp_gen_fbits(uint32_t insn)
{
    return insn >> 21 & 1 ? 0 : 64 - a64_bits(insn, 10, 6);
}

void a64_dec_fp_to_gen(struct a64_op *op, uint32_t insn)
{
    /* By unsigned, size, sf. */
    static a64_fn *const casts[2][2][2] = {
        {{a64_op_zs_s_w, a64_op_zs_s_x}, {a64_op_zs_d_w, a64_op_zs_d_x}},
        {{a64_op_zu_s_w, a64_op_zu_s_x}, {a64_op_zu_d_w, a64_op_zu_d_x}},
    };
    unsigned is_unsigned = insn >> 16 & 1, dbl = fp_is_double(insn), sf = insn >> 31;
    unsigned rm = insn >> 18 & 1 ? FP_TIEAWAY : a64_bits(insn, 19, 2);
    fp_gen_fields(op, insn, false);
    op->insn = fp_gen_fbits(insn);
    op->ra = (uint8_t)(rm | (is_unsigned ? FP_GEN_UNSIGNED : 0) | (sf ? FP_GEN_64 : 0));
    if (rm == FP_ZERO && !op->insn)
        op->fn = casts[is_unsigned][dbl][sf];
    else
        op->fn = dbl ? a64_op_to_fixed_d : a64_op_to_fixed_s;
}

/* SCVTF and UCVTF of integers that fit a signed 64-bit one. */
FP_OPS(from_sw, fp_quick_from_int_s(cpu, (int32_t)(uint32_t)cpu->x[op->rn]),
       fp_quick_from_int_d(cpu, (int32_t)(uint32_t)cpu->x[op->rn]))
FP_OPS(from_sx, fp_quick_from_int_s(cpu, (int64_t)cpu->x[op->rn]),
       fp_quick_from_int_d(cpu, (int64_t)cpu->x[op->rn]))
FP_OPS(from_uw, fp_quick_from_int_s(cpu, (uint32_t)cpu->x[op->rn]),
       fp_quick_from_int_d(cpu, (uint32_t)cpu->x[op->rn]))

FP_INLINE uint64_t fp_from_gen(struct a64_cpu *cpu, const struct a64_op *op, const struct fp_fmt *f)
{
    uint64_t a = cpu->x[op->rn];
    bool is_unsigned = op->ra & FP_GEN_UNSIGNED;
    if (!(op->ra & FP_GEN_64))
        a = is_unsigned ? (uint32_t)a : (uint64_t)(int64_t)(int32_t)(uint32_t)a;
    return fp_from_fixed(cpu, f, a, op->insn, is_unsigned, fp_rm(cpu));
}
FP_OPS(from_fixed, fp_from_gen(cpu, op, &fp_f32), fp_from_gen(cpu, op, &fp_f64))

void a64_dec_fp_from_gen(struct a64_op *op, uint32_t insn)
{
    /* By unsigned, sf, size. */
    static a64_fn *const ints[2][2][2] = {
        {FP_PAIR(from_sw), FP_PAIR(from_sx)   },
        {FP_PAIR(from_uw), FP_PAIR(from_fixed)},
    };
    unsigned is_unsigned = insn >> 16 & 1, dbl = fp_is_double(insn), sf = insn >> 31;
    fp_gen_fields(op, insn, true);
    op->insn = fp_gen_fbits(insn);
    op->ra = (uint8_t)((is_unsigned ? FP_GEN_UNSIGNED : 0) | (sf ? FP_GEN_64 : 0));
    if (op->insn)
        op->fn = dbl ? a64_op_from_fixed_d : a64_op_from_fixed_s;
    else
        op->fn = ints[is_unsigned][sf][dbl];
}
