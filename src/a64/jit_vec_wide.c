// SPDX-License-Identifier: MIT
/*
 * jit_vec_wide.c - the JIT's Advanced SIMD that doubles or halves the size of lanes. Sizes are
 * those of the narrow lanes.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"

#include "a64_table.h"

enum { PSRL = 2, PSLL = 6 };

/* By size of the narrow lane: PMOVZX, PMOVSX; PADD, PSUB and the product of the wide ones. */
static const uint16_t zexts[] = {0x3830, 0x3833, 0x3835}, sexts[] = {0x3820, 0x3823, 0x3825};
static const uint16_t adds[] = {0xfd, 0xfe, 0xd4}, subs[] = {0xf9, 0xfa, 0xfb};
static const uint16_t umuls[] = {0xd5, 0x3840, 0xf4}, smuls[] = {0xd5, 0x3840, 0x3828};

static unsigned size_of(uint32_t word)
{
    return word >> 22 & 3;
}

static unsigned shift_size(uint32_t word)
{
    return 28u - (unsigned)__builtin_clz(word >> 16 & 127);
}

static bool is_unsigned(uint32_t word)
{
    return word >> 29 & 1;
}

/* Shifts by a whole lane or more give 0. */
static void shift(struct jit_unit *u, unsigned xmm, unsigned kind, unsigned size, unsigned n)
{
    if (!n)
        return;
    em_sse_rr(&u->o, 0x66, 0, 0x71 + size, kind, xmm); /* of the wide lanes */
    em8(&u->o, n);
}

/* XMM = the lower (Q: upper) half of a register, widened */
static void widen(struct jit_unit *u, const struct jit_insn *in, unsigned xmm, unsigned v,
                  unsigned op)
{
    if (in->word >> 30 & 1) {
        jit_vop(u, 0x66, 0x70, xmm, v); /* pshufd */
        em8(&u->o, 0xee);
        em_sse_rr(&u->o, 0x66, 0, op, xmm, xmm);
    } else {
        jit_vop(u, 0x66, op, xmm, v);
    }
}

/* The low 8 bytes of XMM0 are the result: alone, or (Q) above those of Vd. */
void jit_vput_half(struct jit_unit *u, const struct jit_insn *in)
{
    if (in->word >> 30 & 1) {
        jit_vget(u, XMM1, in->op.rd, JV_Q);
        em_sse_rr(&u->o, 0x66, 0, 0x6c, XMM1, XMM0); /* punpcklqdq */
        jit_vput(u, XMM1, in->op.rd, JV_Q);
    } else {
        jit_vput(u, XMM0, in->op.rd, JV_D);
    }
}

/* ---- SSHLL, USHLL, SHLL: op.rm is the distance ---- */
static unsigned props_scalar(uint32_t word)
{
    return word >> 28 & 1 ? ~0u : jit_props_host(A64_HOST_SSE4);
}

static void emit_shll(struct jit_unit *u, const struct jit_insn *in)
{
    bool is_reg = !(in->word >> 10 & 1); /* SHLL */
    unsigned size = is_reg ? size_of(in->word) : shift_size(in->word);
    widen(u, in, XMM0, in->op.rn, (is_unsigned(in->word) ? zexts : sexts)[size]);
    shift(u, XMM0, PSLL, size, in->op.rm);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

/* ---- XTN, SHRN, ADDHN, SUBHN, rounding ones: the low halves of wide lanes, shifted ---- */
static void narrow(struct jit_unit *u, const struct jit_insn *in, unsigned size, unsigned n)
{
    struct jit_out *o = &u->o;
    shift(u, XMM0, PSRL, size, n);
    if (size == 2) {
        em_sse_rr(o, 0x66, 0, 0x70, XMM0, XMM0); /* pshufd */
        em8(o, 0x08);
    } else {
        if (n < 8u << size)
            jit_vop_const(u, in, 0x66, 0xdb, XMM0, size ? JC_LOW_H : JC_LOW_B);
        em_sse_rr(o, 0x66, 0, size ? 0x382b : 0x67, XMM0, XMM0); /* packusdw, packuswb */
    }
    jit_vput_half(u, in);
}

static void emit_xtn(struct jit_unit *u, const struct jit_insn *in)
{
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    narrow(u, in, size_of(in->word), 0);
}

/* XMM0 plus half of what a shift by n drops; a carry out of a lane would be dropped, too. */
static void round_up(struct jit_unit *u, unsigned size, unsigned n)
{
    em_sse_rr(&u->o, 0x66, 0, 0x76, XMM1, XMM1); /* pcmpeqd */
    shift(u, XMM1, PSRL, size, (16u << size) - 1);
    shift(u, XMM1, PSLL, size, n - 1);
    em_sse_rr(&u->o, 0x66, 0, adds[size], XMM0, XMM1);
}

/* SHRN, RSHRN: opcode 1000x */
static void emit_shrn(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned size = shift_size(in->word);
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    if (in->word >> 11 & 1)
        round_up(u, size, in->op.rm);
    narrow(u, in, size, in->op.rm);
}

/* ADDHN: opcode 0100, SUBHN: 0110, rounding with U */
static void emit_half(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned size = size_of(in->word);
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    jit_vop(u, 0x66, (in->word >> 13 & 1 ? subs : adds)[size], XMM0, in->op.rm);
    if (is_unsigned(in->word))
        round_up(u, size, 8u << size);
    narrow(u, in, size, 8u << size);
}

/* ---- SADDL, UADDL, SSUBL, USUBL; with W, Vn is wide already: opcode 00 sub W ---- */
static void emit_addl(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned size = size_of(in->word);
    const uint16_t *ext = is_unsigned(in->word) ? zexts : sexts;
    widen(u, in, XMM1, in->op.rm, ext[size]);
    if (in->word >> 12 & 1)
        jit_vget(u, XMM0, in->op.rn, JV_Q);
    else
        widen(u, in, XMM0, in->op.rn, ext[size]);
    em_sse_rr(&u->o, 0x66, 0, (in->word >> 13 & 1 ? subs : adds)[size], XMM0, XMM1);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

/* SABDL, UABDL 0111; SABAL, UABAL 0101 add to Vd. No PABSQ. */
static unsigned props_abdl(uint32_t word)
{
    return size_of(word) > 1 ? ~0u : jit_props_host(A64_HOST_SSE4);
}

static void emit_abdl(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned size = size_of(in->word);
    const uint16_t *ext = is_unsigned(in->word) ? zexts : sexts;
    widen(u, in, XMM0, in->op.rn, ext[size]);
    widen(u, in, XMM1, in->op.rm, ext[size]);
    em_sse_rr(&u->o, 0x66, 0, subs[size], XMM0, XMM1);
    em_sse_rr(&u->o, 0x66, 0, 0x381d + size, XMM0, XMM0); /* pabsw, pabsd */
    if (!(in->word >> 13 & 1))
        jit_vop(u, 0x66, adds[size], XMM0, in->op.rd);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

/* XMM1 times XMM0, wide; added to, or subtracted from, Vd, or alone */
static void product(struct jit_unit *u, const struct jit_insn *in, bool add, bool sub)
{
    struct jit_out *o = &u->o;
    unsigned size = size_of(in->word);
    em_sse_rr(o, 0x66, 0, (is_unsigned(in->word) ? umuls : smuls)[size], XMM1, XMM0);
    if (add || sub) {
        jit_vget(u, XMM0, in->op.rd, JV_Q);
        em_sse_rr(o, 0x66, 0, (sub ? subs : adds)[size], XMM0, XMM1);
    }
    jit_vput(u, add || sub ? XMM0 : XMM1, in->op.rd, JV_Q);
}

/* SMULL, UMULL 1100; SMLAL 1000, SMLSL 1010 */
static void emit_mull(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned opcode = in->word >> 12 & 15;
    const uint16_t *ext = is_unsigned(in->word) ? zexts : sexts;
    widen(u, in, XMM0, in->op.rn, ext[size_of(in->word)]);
    widen(u, in, XMM1, in->op.rm, ext[size_of(in->word)]);
    product(u, in, opcode == 8, opcode == 10);
}

/* By element, op.imm & 15 of Vm: SMULL 1010; SMLAL 0010, SMLSL 0110 */
static void emit_mull_elem(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned opcode = in->word >> 12 & 15, size = size_of(in->word);
    const uint16_t *ext = is_unsigned(in->word) ? zexts : sexts;
    jit_vdup_lane(u, XMM1, in->op.rm, size, (unsigned)in->op.imm & 15);
    em_sse_rr(&u->o, 0x66, 0, ext[size], XMM1, XMM1);
    widen(u, in, XMM0, in->op.rn, ext[size]);
    product(u, in, opcode == 2, opcode == 6);
}

/* MUL 1000, MLA 0000, MLS 0100 by element, of the same size */
static void emit_mul_elem(struct jit_unit *u, const struct jit_insn *in)
{
    static const uint16_t muls[] = {0, 0xd5, 0x3840};
    struct jit_out *o = &u->o;
    unsigned opcode = in->word >> 12 & 15, size = size_of(in->word);
    jit_vdup_lane(u, XMM0, in->op.rm, size, (unsigned)in->op.imm);
    jit_vop(u, 0x66, muls[size], XMM0, in->op.rn);
    if (opcode != 8) {
        em_sse_rr(o, 0, 0, 0x28, XMM1, XMM0);
        jit_vget(u, XMM0, in->op.rd, JV_Q);
        em_sse_rr(o, 0x66, 0, (opcode == 4 ? subs : adds)[size - 1], XMM0, XMM1);
    }
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

// clang-format off
const struct jit_rule jit_vec_wide_rules[] = {
    {a64_dec_sshll_i, NULL, props_scalar, emit_shll},
    {a64_dec_ushll_i, NULL, props_scalar, emit_shll},
    {a64_dec_shll_v,  NULL, props_scalar, emit_shll},
    {a64_dec_xtn_v,   NULL, props_scalar, emit_xtn},
    {a64_dec_shrn_i,  NULL, props_scalar, emit_shrn},
    {a64_dec_rshrn_i,  NULL, props_scalar, emit_shrn},
    {a64_dec_addhn_v,  NULL, props_scalar, emit_half},
    {a64_dec_subhn_v,  NULL, props_scalar, emit_half},
    {a64_dec_raddhn_v, NULL, props_scalar, emit_half},
    {a64_dec_rsubhn_v, NULL, props_scalar, emit_half},
    {a64_dec_sabdl_v,  NULL, props_abdl,   emit_abdl},
    {a64_dec_uabdl_v,  NULL, props_abdl,   emit_abdl},
    {a64_dec_sabal_v,  NULL, props_abdl,   emit_abdl},
    {a64_dec_uabal_v,  NULL, props_abdl,   emit_abdl},
    {a64_dec_saddl_v, NULL, props_scalar, emit_addl},
    {a64_dec_uaddl_v, NULL, props_scalar, emit_addl},
    {a64_dec_ssubl_v, NULL, props_scalar, emit_addl},
    {a64_dec_usubl_v, NULL, props_scalar, emit_addl},
    {a64_dec_saddw_v, NULL, props_scalar, emit_addl},
    {a64_dec_uaddw_v, NULL, props_scalar, emit_addl},
    {a64_dec_ssubw_v, NULL, props_scalar, emit_addl},
    {a64_dec_usubw_v, NULL, props_scalar, emit_addl},
    {a64_dec_smull_v, NULL, props_scalar, emit_mull},
    {a64_dec_umull_v, NULL, props_scalar, emit_mull},
    {a64_dec_smlal_v, NULL, props_scalar, emit_mull},
    {a64_dec_umlal_v, NULL, props_scalar, emit_mull},
    {a64_dec_smlsl_v, NULL, props_scalar, emit_mull},
    {a64_dec_umlsl_v, NULL, props_scalar, emit_mull},
    {a64_dec_smull_e, NULL, props_scalar, emit_mull_elem},
    {a64_dec_umull_e, NULL, props_scalar, emit_mull_elem},
    {a64_dec_smlal_e, NULL, props_scalar, emit_mull_elem},
    {a64_dec_umlal_e, NULL, props_scalar, emit_mull_elem},
    {a64_dec_smlsl_e, NULL, props_scalar, emit_mull_elem},
    {a64_dec_umlsl_e, NULL, props_scalar, emit_mull_elem},
    {a64_dec_mul_e,   NULL, props_scalar, emit_mul_elem},
    {a64_dec_mla_e,   NULL, props_scalar, emit_mul_elem},
    {a64_dec_mls_e,   NULL, props_scalar, emit_mul_elem},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
