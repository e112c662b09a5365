// SPDX-License-Identifier: MIT
/*
 * sem_simd_perm.c - Advanced SIMD that moves elements: immediates, copies, extract, permute, table
 * lookup.
 *
 * Follows Arm ARM DDI 0487J.a C4.1.96 "Advanced SIMD modified immediate", "copy", "extract",
 * "permute", "table lookup", C7.2; AdvSIMDExpandImm in the shared pseudocode.
 */
#include "src/a64/simd.h"

/* ---- Modified immediate: the 64-bit pattern is made when decoding ---- */
static uint8_t imm8_of(uint32_t insn)
{
    return (uint8_t)((insn >> 16 & 7) << 5 | (insn >> 5 & 31));
}

static unsigned cmode_of(uint32_t insn)
{
    return insn >> 12 & 15;
}

/* What fits the slot: a 32-bit pattern in op->imm, that each half of 64 bits repeats. */
// clang-format off
#define IMM_OP(name, expr) \
    static A64_OP(name) \
    { \
        A64_FP_CHECK; \
        const uint64_t i = (uint32_t)op->imm * UINT64_C(0x100000001); \
        const simd_U_d imm = {i, i}, d = simd_get(cpu, op->rd); \
        SIMD_VAR(d); \
        simd_put_masked(cpu, op, expr); \
        A64_NEXT; \
    }
IMM_OP(imm_mov, imm)
IMM_OP(imm_orr, d | imm)
IMM_OP(imm_bic, d & ~imm)
// clang-format on

static void dec_imm(struct a64_op *op, uint32_t insn, a64_fn *fn, uint32_t pattern)
{
    op->rd = insn & 31;
    op->ra = (uint8_t)simd_q(insn);
    op->imm = (int32_t)pattern;
    op->fn = fn;
}

static uint32_t imm_32(uint32_t insn)
{
    return (uint32_t)imm8_of(insn) << 8 * (cmode_of(insn) >> 1 & 3);
}

static uint32_t imm_16(uint32_t insn)
{
    return ((uint32_t)imm8_of(insn) << 8 * (cmode_of(insn) >> 1 & 1)) * 0x10001;
}

static uint32_t imm_msl(uint32_t insn)
{
    const unsigned sh = 8u << (cmode_of(insn) & 1);
    return (uint32_t)imm8_of(insn) << sh | ((1u << sh) - 1);
}

/* VFPExpandImm for 32 bits: sign, exponent NOT(b6):b6*5:b5:b4, four bits of fraction. */
static uint32_t imm_fp32(uint32_t insn)
{
    const uint32_t i = imm8_of(insn);
    return (i >> 7) << 31 | (i & 0x40 ? 0x1fu << 25 : 1u << 30) | (i & 0x3f) << 19;
}

SIMD_DEC(movi_32, dec_imm, a64_op_imm_mov, imm_32(insn))
SIMD_DEC(mvni_32, dec_imm, a64_op_imm_mov, ~imm_32(insn))
SIMD_DEC(orr_imm_32, dec_imm, a64_op_imm_orr, imm_32(insn))
SIMD_DEC(bic_imm_32, dec_imm, a64_op_imm_bic, imm_32(insn))
SIMD_DEC(movi_16, dec_imm, a64_op_imm_mov, imm_16(insn))
SIMD_DEC(mvni_16, dec_imm, a64_op_imm_mov, ~imm_16(insn))
SIMD_DEC(orr_imm_16, dec_imm, a64_op_imm_orr, imm_16(insn))
SIMD_DEC(bic_imm_16, dec_imm, a64_op_imm_bic, imm_16(insn))
SIMD_DEC(movi_msl, dec_imm, a64_op_imm_mov, imm_msl(insn))
SIMD_DEC(mvni_msl, dec_imm, a64_op_imm_mov, ~imm_msl(insn))
SIMD_DEC(movi_8, dec_imm, a64_op_imm_mov, imm8_of(insn) * 0x01010101u)
SIMD_DEC(fmov_imm_32, dec_imm, a64_op_imm_mov, imm_fp32(insn))

/* MOVI 64-bit: bit i of imm8 is byte i, all or nothing. The scalar form (Q = 0) clears the upper
 * half. */
static A64_OP(movi_64)
{
    A64_FP_CHECK;
    const uint64_t spread =
        ((uint64_t)(uint8_t)op->imm * UINT64_C(0x0101010101010101)) & UINT64_C(0x8040201008040201);
    const simd_U_b bits = (simd_U_b)(simd_U_d){spread, spread};
    simd_put_masked(cpu, op, (simd_U_d)(bits != 0));
    A64_NEXT;
}

/* FMOV vector 64-bit: the upper word of the pattern; the lower is 0. */
static A64_OP(fmov_imm_64)
{
    A64_FP_CHECK;
    const uint64_t v = (uint64_t)(uint32_t)op->imm << 32;
    simd_put(cpu, op->rd, (simd_U_d){v, v});
    A64_NEXT;
}

static uint32_t imm_fp64_upper(uint32_t insn)
{
    const uint32_t i = imm8_of(insn);
    return (i >> 7) << 31 | (i & 0x40 ? 0xffu << 22 : 1u << 30) | (i & 0x3f) << 16;
}

SIMD_DEC(movi_64, dec_imm, a64_op_movi_64, imm8_of(insn))
SIMD_DEC(fmov_imm_64, dec_imm, a64_op_fmov_imm_64, imm_fp64_upper(insn))

/*
 * ---- Copy ----
 * imm5's lowest set bit is the element size, the bits above it the index.
 */
static unsigned imm5_of(uint32_t insn)
{
    return insn >> 16 & 31;
}

/* 0..3; 4 when imm5 is x0000, which is reserved. */
static unsigned imm5_size(uint32_t insn)
{
    return (unsigned)__builtin_ctz(imm5_of(insn) | 16);
}

// clang-format off
#define DUP_ELEM(name, L) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        const simd_U_##L v = (simd_U_##L){0} + cpu->v[op->rn].L[op->imm]; \
        simd_put_masked(cpu, op, (simd_U_d)v); \
        A64_NEXT; \
    }
#define DUP_GEN(name, L, type) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        const simd_U_##L v = (simd_U_##L){0} + (type)cpu->x[op->rn]; \
        simd_put_masked(cpu, op, (simd_U_d)v); \
        A64_NEXT; \
    }
DUP_ELEM(dup_elem, b)
DUP_ELEM(dup_elem, h)
DUP_ELEM(dup_elem, s)
DUP_ELEM(dup_elem, d)
DUP_GEN(dup_gen, b, uint8_t)
DUP_GEN(dup_gen, h, uint16_t)
DUP_GEN(dup_gen, s, uint32_t)
DUP_GEN(dup_gen, d, uint64_t)

#define MOV_OUT(name, L, lane, type) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        const type v = (type)cpu->v[op->rn].lane[op->imm]; \
        cpu->x[op->rd] = v; \
        A64_NEXT; \
    }
MOV_OUT(umov, b, b, uint64_t)
MOV_OUT(umov, h, h, uint64_t)
MOV_OUT(umov, s, s, uint64_t)
MOV_OUT(umov, d, d, uint64_t)
MOV_OUT(smov_x, b, sb, uint64_t)
MOV_OUT(smov_x, h, sh, uint64_t)
MOV_OUT(smov_x, s, ss, uint64_t)
MOV_OUT(smov_w, b, sb, uint32_t)
MOV_OUT(smov_w, h, sh, uint32_t)

/* INS: op->imm is the lane written, op->rm the lane read. */
#define INS(L, type) \
    static A64_OP(ins_gen_##L) \
    { \
        A64_FP_CHECK; \
        cpu->v[op->rd].L[op->imm] = (type)cpu->x[op->rn]; \
        A64_NEXT; \
    } \
    static A64_OP(ins_elem_##L) \
    { \
        A64_FP_CHECK; \
        cpu->v[op->rd].L[op->imm] = cpu->v[op->rn].L[op->rm]; \
        A64_NEXT; \
    }
INS(b, uint8_t)
INS(h, uint16_t)
INS(s, uint32_t)
INS(d, uint64_t)

#define COPY_FNS(name) \
    static a64_fn *const name##_fns[5] = {a64_op_##name##_b, a64_op_##name##_h, a64_op_##name##_s, \
                                          a64_op_##name##_d};
COPY_FNS(dup_elem)
COPY_FNS(dup_gen)
COPY_FNS(umov)
COPY_FNS(ins_gen)
COPY_FNS(ins_elem)
// clang-format on

static a64_fn *const smov_x_fns[5] = {a64_op_smov_x_b, a64_op_smov_x_h, a64_op_smov_x_s};
static a64_fn *const smov_w_fns[5] = {a64_op_smov_w_b, a64_op_smov_w_h};

static void dec_copy(struct a64_op *op, uint32_t insn, a64_fn *const fns[5])
{
    const unsigned size = imm5_size(insn);
    simd_regs(op, insn);
    op->imm = (int32_t)(imm5_of(insn) >> (size + 1));
    op->ra = (uint8_t)simd_q(insn);
    op->fn = fns[size] ? fns[size] : a64_undef;
}

/* DUP: a vector of one 64-bit lane is reserved; the scalar form keeps one lane. */
static void dec_dup(struct a64_op *op, uint32_t insn, a64_fn *const fns[5], bool gen)
{
    dec_copy(op, insn, fns);
    if (simd_scalar(insn))
        op->ra = (uint8_t)(SIMD_B + imm5_size(insn) % 4);
    else if (imm5_size(insn) == 3 && !simd_q(insn))
        op->fn = a64_undef;
    if (gen)
        op->rn = a64_src(op->rn);
}

/* SMOV and UMOV: Q is the width of the destination. UMOV is for 64 bits exactly when it is X. */
static void dec_mov_out(struct a64_op *op, uint32_t insn, a64_fn *const fns[5], bool is_signed)
{
    dec_copy(op, insn, fns);
    op->rd = a64_dst(op->rd);
    if (!is_signed && simd_q(insn) != (imm5_size(insn) == 3))
        op->fn = a64_undef;
}

static void dec_ins(struct a64_op *op, uint32_t insn, a64_fn *const fns[5], bool gen)
{
    dec_copy(op, insn, fns);
    op->rm = (uint8_t)((insn >> 11 & 15) >> imm5_size(insn));
    if (gen)
        op->rn = a64_src(op->rn);
}

SIMD_DEC(dup_elem, dec_dup, dup_elem_fns, false)
SIMD_DEC(dup_gen, dec_dup, dup_gen_fns, true)
SIMD_DEC(smov, dec_mov_out, simd_q(insn) ? smov_x_fns : smov_w_fns, true)
SIMD_DEC(umov, dec_mov_out, umov_fns, false)
SIMD_DEC(ins_gen, dec_ins, ins_gen_fns, true)
SIMD_DEC(ins_elem, dec_ins, ins_elem_fns, false)

/* ---- EXT: bytes imm.. of Vm:Vn ---- */
static A64_OP(ext_16)
{
    A64_FP_CHECK;
    const unsigned sh = 8 * (unsigned)op->imm; /* 0..120 */
    const __uint128_t n = cpu->v[op->rn].q, m = cpu->v[op->rm].q;
    cpu->v[op->rd].q = n >> sh | m << (127 - sh) << 1;
    A64_NEXT;
}

static A64_OP(ext_8)
{
    A64_FP_CHECK;
    const unsigned sh = 8 * (unsigned)op->imm; /* 0..56 */
    const uint64_t n = cpu->v[op->rn].d[0], m = cpu->v[op->rm].d[0];
    simd_put(cpu, op->rd, (simd_U_d){n >> sh | m << (63 - sh) << 1, 0});
    A64_NEXT;
}

void a64_dec_ext_v(struct a64_op *op, uint32_t insn)
{
    simd_regs(op, insn);
    op->imm = (int32_t)(insn >> 11 & 15);
    op->fn = simd_q(insn) ? a64_op_ext_16 : op->imm & 8 ? a64_undef : a64_op_ext_8;
}

/* ---- ZIP, UZP, TRN: lane i of the result is lane `expr` of Vm:Vn; lanes counts those of the form
 * ---- */
// clang-format off
#define PERMUTE(name, L, expr) \
    static A64_OP(name##_##L) \
    { \
        A64_FP_CHECK; \
        SIMD_TYPES_##L(U); \
        union { simd_U_d v[2]; T l[2 * LANES]; } s; \
        union { simd_U_d v; T l[LANES]; } r; \
        const simd_U_d n = simd_get(cpu, op->rn), m = simd_get(cpu, op->rm); \
        s.v[0] = n; \
        s.v[1] = m; \
        if (op->ra == SIMD_128) { \
            const unsigned lanes = LANES; \
            for (unsigned i = 0; i < LANES; i++) \
                r.l[i] = s.l[expr]; \
        } else { \
            const unsigned lanes = LANES / 2; \
            s.v[0] = (simd_U_d){n[0], m[0]}; \
            r.v = (simd_U_d){0, 0}; \
            for (unsigned i = 0; i < LANES / 2; i++) \
                r.l[i] = s.l[expr]; \
        } \
        simd_put(cpu, op->rd, r.v); \
        A64_NEXT; \
    }
#define PERM(name, expr) SIMD_BHSD(PERMUTE, name, expr) SIMD_DEC(name, simd_dec_same, name##_fns)
PERM(zip1_v, i / 2 + i % 2 * lanes)
PERM(zip2_v, lanes / 2 + i / 2 + i % 2 * lanes)
PERM(uzp1_v, 2 * i + 0 * lanes)
PERM(uzp2_v, 2 * i + 1 + 0 * lanes)
PERM(trn1_v, i / 2 * 2 + i % 2 * lanes)
PERM(trn2_v, i / 2 * 2 + 1 + i % 2 * lanes)
// clang-format on

/* ---- TBL, TBX: op->imm + 1 registers from Vn on, that wrap around after V31 ---- */
static inline simd_U_d table_lookup(const struct a64_cpu *cpu, const struct a64_op *op,
                                    simd_U_d otherwise)
{
    union {
        simd_U_d v[4];
        uint8_t b[64];
    } t;
    union {
        simd_U_d v;
        uint8_t b[16];
    } r = {.v = otherwise}, m = {.v = simd_get(cpu, op->rm)};
    const unsigned regs = (unsigned)op->imm + 1;
    for (unsigned i = 0; i < regs; i++)
        t.v[i] = simd_get(cpu, (op->rn + i) % 32);
    for (unsigned i = 0; i < 16; i++)
        if (m.b[i] < 16 * regs)
            r.b[i] = t.b[m.b[i]];
    return r.v;
}

static A64_OP(tbl)
{
    A64_FP_CHECK;
    simd_put_masked(cpu, op, table_lookup(cpu, op, (simd_U_d){0, 0}));
    A64_NEXT;
}

static A64_OP(tbx)
{
    A64_FP_CHECK;
    simd_put_masked(cpu, op, table_lookup(cpu, op, simd_get(cpu, op->rd)));
    A64_NEXT;
}

static void dec_table(struct a64_op *op, uint32_t insn, a64_fn *fn)
{
    simd_regs(op, insn);
    op->imm = (int32_t)(insn >> 13 & 3);
    op->ra = (uint8_t)simd_q(insn);
    op->fn = fn;
}

SIMD_DEC(tbl_v, dec_table, a64_op_tbl)
SIMD_DEC(tbx_v, dec_table, a64_op_tbx)
