// SPDX-License-Identifier: MIT
/*
 * jit_fp.c - the JIT's scalar floating point, by the host's SSE2 and FMA3: arithmetic, moves,
 * compares.
 *
 * When a host operation gives Arm's bits and Arm's flags is told in fp_host.h: not with FPCR.FZ,
 * not when the result is a NaN or, after what may underflow, the smallest normal number. Code
 * checks that before it writes anything, and leaves such an instruction to its handler, which
 * starts anew; the flags that the host has set by then are among those the handler sets.
 */
#include "src/a64/fp_host.h"
#include "src/a64/jit.h"
#include "src/a64/sem.h"

static unsigned is_double(uint32_t word)
{
    return word >> 22 & 1;
}

static enum jit_vsize size_of(unsigned dbl)
{
    return dbl ? JV_D : JV_S;
}

void jit_fp_check(struct jit_unit *u, const struct jit_insn *in)
{
    if (u->sure & SURE_FZ)
        return;
    em_test_m8(&u->o, RDI, CPU(fpcr) + 3, FPCR_FZ >> 24);
    jit_handler_if(u, in, CC_NE);
    u->ef = EF_NONE;
    u->sure |= SURE_FZ;
}

/* What jit_fp_sound() found suspicious, `arg` says of which size: only NaNs and the smallest normal
 * number do not stand. */
static void stub_sound(struct jit_unit *u, const struct jit_stub *s)
{
    struct jit_out *o = &u->o;
    unsigned dbl = s->arg;
    em_sse_rr(o, 0x66, dbl, 0x7e, XMM0, RAX);
    em_rr(o, dbl, 0x03, RAX, RAX); /* the sign goes */
    em_imm(o, RCX, dbl ? UINT64_C(0x0020000000000000) : 0x01000000);
    em_alu_rr(o, dbl, ALU_CMP, RAX, RCX);
    uint8_t *tiny = em_jcc8(o, CC_E);
    em_imm(o, RCX, dbl ? UINT64_C(0xffe0000000000000) : 0xff000000);
    em_alu_rr(o, dbl, ALU_CMP, RAX, RCX);
    em_jcc_to(o, CC_BE, s->back);
    em_here8(o, tiny);
    jit_to_handler(u, s->in);
}

/*
 * What may be tiny goes to the stub when all bits of its exponent but the lowest are 0 (PTEST: ZF;
 * zeros, subnormals, the smallest normal ones) or are 1 (CF; NaNs, infinities, the greatest ones).
 * Without SSE4: the exponent is in the upper 16 bits; one more is 0 or 1 for NaNs and infinities, 1
 * for zeros and subnormals, 2 for the smallest ones: all below 4, with 0x7ff or 0xff plus 1
 * wrapping around into the sign.
 */
void jit_fp_sound(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, bool tiny)
{
    struct jit_out *o = &u->o;
    unsigned suspicious = CC_BE;
    if (!tiny) {
        em_sse_rr(o, SSE_P(dbl), 0, 0x2e, XMM0, XMM0); /* ucomis: quiet NaNs raise nothing */
        jit_handler_if(u, in, CC_P);
        return;
    }
    if (a64_host() & A64_HOST_SSE4) {
        jit_vop_const(u, in, 0x66, 0x3817, XMM0, dbl ? JC_EXP_D1 : JC_EXP_S1); /* ptest */
    } else {
        em_sse_rr(o, 0x66, 0, 0xc5, RAX, XMM0); /* pextrw */
        em8(o, dbl ? 3 : 1);
        em_alu_ri(o, 0, ALU_SUB, RAX, dbl ? -0x10 : -0x80);
        em8(o, 0xa9); /* test eax, imm */
        em32(o, dbl ? 0x7fc0 : 0x7e00);
        suspicious = CC_E;
    }
    struct jit_stub *s = jit_stub(u, in, em_jcc32(o, suspicious), stub_sound);
    s->back = o->p;
    s->arg = dbl;
}

static void zero(struct jit_unit *u, unsigned xmm)
{
    em_sse_rr(&u->o, 0x66, 0, 0xef, xmm, xmm); /* pxor */
}

/* ---- arithmetic ---- */
enum { OP_MUL, OP_DIV, OP_ADD, OP_SUB, OP_MAX, OP_MIN, OP_MAXNM, OP_MINNM, OP_NMUL };

/*
 * FMAX, FMIN and, without NaNs, FMAXNM and FMINNM. MAXSD gives its second operand when both are
 * zeros; Arm's order has -0 below +0, which the and (or) of both orders of the operands gives.
 */
static void max_min(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, bool min)
{
    struct jit_out *o = &u->o;
    unsigned op = min ? 0x5d : 0x5f;
    jit_vget(u, XMM0, in->op.rn, size_of(dbl));
    jit_vget(u, XMM1, in->op.rm, size_of(dbl));
    em_sse_rr(o, SSE_P(dbl), 0, 0x2e, XMM0, XMM1); /* ucomis, before MAXSD raises IE for any NaN */
    jit_handler_if(u, in, CC_P);
    em_sse_rr(o, 0, 0, 0x28, XMM2, XMM0);
    em_sse_rr(o, SSE_F(dbl), 0, op, XMM0, XMM1);
    em_sse_rr(o, SSE_F(dbl), 0, op, XMM1, XMM2);
    em_sse_rr(o, 0, 0, min ? 0x56 : 0x54, XMM0, XMM1); /* orps, andps */
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

static void emit_2src(struct jit_unit *u, const struct jit_insn *in)
{
    static const uint8_t ops[] = {0x59, 0x5e, 0x58, 0x5c, [OP_NMUL] = 0x59};
    unsigned dbl = is_double(in->word), op = in->word >> 12 & 15;
    jit_fp_check(u, in);
    if (!ops[op]) {
        max_min(u, in, dbl, op == OP_MIN || op == OP_MINNM);
        return;
    }
    jit_vbinary(u, SSE_F(dbl), ops[op], in->op.rn, in->op.rm, size_of(dbl));
    jit_fp_sound(u, in, dbl, op < OP_ADD || op == OP_NMUL);
    if (op == OP_NMUL)
        jit_vop_const(u, in, 0, 0x57, XMM0, dbl ? JC_NEG_D1 : JC_NEG_S1); /* xorps */
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

static unsigned props_fma(uint32_t word)
{
    (void)word;
    return jit_props_host(A64_HOST_FMA);
}

static void emit_3src(struct jit_unit *u, const struct jit_insn *in)
{
    static const uint8_t ops[] = {0xb9, 0xbd, 0xbf, 0xbb}; /* as fp_hostf_*() */
    unsigned dbl = is_double(in->word);
    jit_fp_check(u, in);
    jit_vfma(u, dbl, 0x3800 | ops[(in->word >> 21 & 1) * 2 + (in->word >> 15 & 1)], in->op.ra,
             in->op.rn, in->op.rm, size_of(dbl));
    jit_fp_sound(u, in, dbl, true);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

/* ---- one source: FMOV, FABS, FNEG, FSQRT, FRINT ---- */
static unsigned props_1src(uint32_t word)
{
    return (word >> 15 & 63) < 4 ? JP_EXIT : jit_props_host(A64_HOST_SSE4);
}

static void emit_1src(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned dbl = is_double(in->word), op = in->word >> 15 & 63;
    if (op >= 3)
        jit_fp_check(u, in);
    if (op > 3) {
        jit_fp_round(u, in, dbl, op & 7, op != 14);
        jit_fp_sound(u, in, dbl, false);
    } else if (op == 3) {
        zero(u, XMM0);
        jit_vop(u, SSE_F(dbl), 0x51, XMM0, in->op.rn);
        jit_fp_sound(u, in, dbl, false);
    } else {
        jit_vget(u, XMM0, in->op.rn, size_of(dbl));
        if (op == 1)
            jit_vop_const(u, in, 0, 0x54, XMM0, dbl ? JC_ABS_D : JC_ABS_S); /* andps */
        else if (op == 2)
            jit_vop_const(u, in, 0, 0x57, XMM0, dbl ? JC_NEG_D1 : JC_NEG_S1);
    }
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

/* ---- moves ---- */
static void emit_imm(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned dbl = is_double(in->word);
    em_imm(&u->o, RAX, dbl ? (uint64_t)in->op.insn << 32 : in->op.insn);
    jit_vput_gpr(u, dbl, RAX, in->op.rd);
}

static void emit_mov_gen(struct jit_unit *u, const struct jit_insn *in)
{
    bool to_fp = in->word >> 16 & 1, top = (in->word >> 22 & 3) == 2;
    unsigned w = in->word >> 31;
    if (!to_fp) {
        jit_vlane_get(u, RAX, in->op.rn, 2 + w, top, -1);
        jit_put(u, RAX, in->op.rd);
    } else {
        jit_get(u, w, RAX, in->op.rn);
        if (top)
            jit_vlane_put(u, RAX, in->op.rd, 3, 1);
        else
            jit_vput_gpr(u, w, RAX, in->op.rd);
    }
}

static unsigned props_csel(uint32_t word)
{
    (void)word;
    return JP_EXIT | JP_READ;
}

static void emit_csel(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), cond = in->op.ra;
    unsigned cc = cond < 14 ? jit_cond(u, cond) : 0;
    jit_vlane_get(u, RAX, in->op.rn, 2 + dbl, 0, -1);
    if (cond < 14) {
        jit_vlane_get(u, RCX, in->op.rm, 2 + dbl, 0, -1);
        em_rr(o, dbl, 0x0f40 | (cc ^ 1), RAX, RCX); /* cmov */
    }
    jit_vput_gpr(u, dbl, RAX, in->op.rd);
}

/* ---- compare ---- */
static unsigned props_cmp(uint32_t word)
{
    (void)word;
    return JP_EXIT | JP_WRITE;
}

static unsigned props_ccmp(uint32_t word)
{
    (void)word;
    return JP_EXIT | JP_READ | JP_WRITE;
}

/*
 * The host's flags, as EF_SUB. UCOMISD of ordered operands gives CF when the first is less, ZF when
 * both are equal. (a > b) - CF is then -1, 0 or 1, and has just the flags that Arm wants: less is
 * negative and borrows, equal is zero, greater neither.
 */
static void compare(struct jit_unit *u, const struct jit_insn *in, bool with_zero)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), signal = in->word >> 4 & 1;
    if (with_zero) {
        jit_vget(u, XMM0, in->op.rn, size_of(dbl));
        zero(u, XMM1);
        em_sse_rr(o, SSE_P(dbl), 0, 0x2e + signal, XMM0, XMM1);
    } else {
        jit_vbinary(u, SSE_P(dbl), 0x2e + signal, in->op.rn, in->op.rm, size_of(dbl));
    }
    jit_handler_if(u, in, CC_P);
    em_rr(o, 0, 0x0f90 | CC_A, 0, RAX);
    em8(o, 0x1c); /* sbb al, 0 */
    em8(o, 0);
}

static void emit_cmp(struct jit_unit *u, const struct jit_insn *in)
{
    jit_fp_check(u, in);
    compare(u, in, in->word >> 3 & 1);
    jit_flags(u, in, EF_SUB);
}

/* rd is the condition, op.insn the flags when it fails. */
static void emit_ccmp(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned cond = in->op.rd;
    jit_fp_check(u, in);
    uint8_t *no = cond < 14 ? em_jcc8(o, jit_cond(u, cond) ^ 1) : NULL;
    compare(u, in, false);
    if (no) {
        uint8_t *end = em_jmp8(o);
        em_here8(o, no);
        em_imm(o, RAX, a64_hf_of(in->op.insn ^ 1u << 29)); /* EF_SUB has CF the other way round */
        em8(o, 0x04);                                      /* add al, 0x7f */
        em8(o, 0x7f);
        em8(o, 0x9e); /* sahf */
        em_here8(o, end);
    }
    jit_flags(u, in, EF_SUB);
}

// clang-format off
const struct jit_rule jit_fp_rules[] = {
    {a64_dec_fp_2src,     NULL, jit_props_exit,     emit_2src},
    {a64_dec_fp_3src,     NULL, props_fma,      emit_3src},
    {a64_dec_fp_1src,     NULL, props_1src,     emit_1src},
    {a64_dec_fp_imm,      NULL, jit_props_exit,     emit_imm},
    {a64_dec_fp_mov_gen,  NULL, jit_props_exit,     emit_mov_gen},
    {a64_dec_fp_csel,     NULL, props_csel,     emit_csel},
    {a64_dec_fp_cmp,      NULL, props_cmp,      emit_cmp},
    {a64_dec_fp_ccmp,     NULL, props_ccmp,     emit_ccmp},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
