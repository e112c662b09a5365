// SPDX-License-Identifier: MIT
/*
 * jit_fp.c - the JIT's scalar floating point, by the host's SSE2 and FMA3.
 *
 * When a host operation gives Arm's bits and Arm's flags is told in fp_host.h: not with FPCR.FZ,
 * not when the result is a NaN or, after what may underflow, the smallest normal number. Code
 * checks that before it writes anything, and leaves such an instruction to its handler, which
 * starts anew; the flags that the host has set by then are among those the handler sets.
 */
#include <assert.h>

#include "src/a64/fp_host.h"
#include "src/a64/jit.h"
#include "src/a64/sem.h"

static unsigned is_double(uint32_t word)
{
    return word >> 22 & 1;
}

void jit_fp_check(struct jit_unit *u, const struct jit_insn *in)
{
    (void)in;
    assert(u->fp);
}

void jit_fp_check_fz(struct jit_unit *u, const struct jit_insn *in)
{
    jit_fp_check(u, in);
    if (u->sure & SURE_FZ)
        return;
    em_test_m8(&u->o, RDI, CPU(fpcr) + 3, FPCR_FZ >> 24);
    jit_handler_if(u, in, CC_NE);
    u->ef = EF_NONE;
    u->sure |= SURE_FZ;
}

/* XMM = the scalar, the rest of it 0 */
static void get(struct jit_unit *u, unsigned dbl, unsigned xmm, unsigned v)
{
    em_sse_rm(&u->o, SSE_F(dbl), 0, 0x10, xmm, VREG(v));
}

static void put(struct jit_unit *u, unsigned v)
{
    em_sse_rm(&u->o, 0, 0, 0x29, XMM0, VREG(v)); /* movaps */
}

/* RAX to a register, zero-extended. */
static void put_rax(struct jit_unit *u, unsigned w, unsigned v)
{
    em_sse_rr(&u->o, 0x66, w, 0x6e, XMM0, RAX); /* movd, movq */
    put(u, v);
}

/* fp_sound_s() and fp_sound_d() of XMM0, or to the handler. */
static void check_sound(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, bool tiny)
{
    struct jit_out *o = &u->o;
    em_sse_rr(o, SSE_P(dbl), 0, 0x2e, XMM0, XMM0); /* ucomis: quiet NaNs raise nothing */
    jit_handler_if(u, in, CC_P);
    if (!tiny)
        return;
    em_sse_rr(o, 0x66, dbl, 0x7e, XMM0, RAX);
    em_rr(o, dbl, 0x03, RAX, RAX); /* the sign goes */
    if (dbl) {
        em_imm(o, RCX, UINT64_C(0x0020000000000000));
        em_alu_rr(o, 1, ALU_CMP, RAX, RCX);
    } else {
        em_alu_ri(o, 0, ALU_CMP, RAX, 0x01000000);
    }
    jit_handler_if(u, in, CC_E);
}

/* ---- arithmetic ---- */
static unsigned props_2src(uint32_t word)
{
    return (word >> 12 & 15) < 4 ? JP_EXIT : ~0u;
}

static void emit_2src(struct jit_unit *u, const struct jit_insn *in)
{
    static const uint8_t ops[] = {0x59, 0x5e, 0x58, 0x5c}; /* mul, div, add, sub */
    unsigned dbl = is_double(in->word), op = in->word >> 12 & 15;
    jit_fp_check_fz(u, in);
    get(u, dbl, XMM0, in->op.rn);
    em_sse_rm(&u->o, SSE_F(dbl), 0, ops[op], XMM0, VREG(in->op.rm));
    check_sound(u, in, dbl, op < 2);
    put(u, in->op.rd);
}

unsigned jit_fp_props_fma(uint32_t word)
{
    int fma = atomic_load_explicit(&fp_fma_state, memory_order_relaxed);
    (void)word;
    return fma > 0 || (fma < 0 && fp_fma_probe()) ? JP_EXIT : ~0u;
}

static void emit_3src(struct jit_unit *u, const struct jit_insn *in)
{
    static const uint8_t ops[] = {0xb9, 0xbd, 0xbf, 0xbb}; /* as fp_hostf_*() */
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word);
    jit_fp_check_fz(u, in);
    get(u, dbl, XMM0, in->op.ra);
    get(u, dbl, XMM1, in->op.rn);
    get(u, dbl, XMM2, in->op.rm);
    em_fma(o, dbl, ops[(in->word >> 21 & 1) * 2 + (in->word >> 15 & 1)]);
    check_sound(u, in, dbl, true);
    put(u, in->op.rd);
}

static unsigned props_1src(uint32_t word)
{
    return (word >> 15 & 63) < 4 ? JP_EXIT : ~0u;
}

static void emit_1src(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), op = in->word >> 15 & 63;
    if (op == 3) { /* FSQRT */
        jit_fp_check_fz(u, in);
        em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM0);
        em_sse_rm(o, SSE_F(dbl), 0, 0x51, XMM0, VREG(in->op.rn));
        check_sound(u, in, dbl, false);
        put(u, in->op.rd);
        return;
    }
    jit_fp_check(u, in);
    em_load(o, dbl, RAX, RDI, VREG(in->op.rn));
    if (op) { /* FABS: btr, FNEG: btc */
        em_rr(o, dbl, 0x0fba, op == 1 ? 6 : 7, RAX);
        em8(o, dbl ? 63 : 31);
    }
    put_rax(u, dbl, in->op.rd);
}

/* ---- conversions ---- */
static unsigned props_cvt(uint32_t word)
{
    unsigned from = word >> 22 & 3, to = word >> 15 & 3;
    return from < 2 && to < 2 ? JP_EXIT : ~0u;
}

static void emit_cvt(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word); /* of the source */
    jit_fp_check_fz(u, in);
    em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM0);
    em_sse_rm(o, SSE_F(dbl), 0, 0x5a, XMM0, VREG(in->op.rn));
    check_sound(u, in, !dbl, dbl);
    put(u, in->op.rd);
}

/* FCVTZS, FCVTZU to integers */
static unsigned props_to_gen(uint32_t word)
{
    bool fixed = !(word >> 21 & 1), zero = (word >> 19 & 3) == 3 && !(word >> 18 & 1);
    return !fixed && zero ? JP_EXIT : ~0u;
}

static void emit_to_gen(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), sf = in->word >> 31;
    jit_fp_check_fz(u, in);
    if (in->word >> 16 & 1) { /* unsigned: what a signed 64-bit conversion can take */
        uint64_t top = sf ? 63 : 32;
        em_load(o, dbl, RAX, RDI, VREG(in->op.rn));
        em_imm(o, RCX, dbl ? (1023 + top) << 52 : (127 + top) << 23);
        em_alu_rr(o, dbl, ALU_CMP, RAX, RCX);
        jit_handler_if(u, in, CC_AE);
        em_sse_rm(o, SSE_F(dbl), 1, 0x2c, RAX, VREG(in->op.rn));
        if (!sf)
            em_mov_rr(o, 0, RAX, RAX);
    } else { /* what does not fit gives the most negative number */
        em_sse_rm(o, SSE_F(dbl), sf, 0x2c, RAX, VREG(in->op.rn));
        em_imm(o, RCX, sf ? UINT64_C(1) << 63 : UINT64_C(1) << 31);
        em_alu_rr(o, sf, ALU_CMP, RAX, RCX);
        jit_handler_if(u, in, CC_E);
    }
    jit_put(u, RAX, in->op.rd);
}

/* SCVTF, UCVTF of what a signed 64-bit integer holds */
static unsigned props_from_gen(uint32_t word)
{
    bool fixed = !(word >> 21 & 1), wide = word >> 31 && word >> 16 & 1;
    return !fixed && !wide ? JP_EXIT : ~0u;
}

static void emit_from_gen(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), sf = in->word >> 31;
    bool is_unsigned = in->word >> 16 & 1;
    jit_fp_check(u, in);
    em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM0);
    jit_op(u, sf, 0x8b, RAX, in->op.rn);
    em_sse_rr(o, SSE_F(dbl), sf | is_unsigned, 0x2a, XMM0, RAX);
    put(u, in->op.rd);
}

/* ---- moves ---- */
static unsigned props_exit(uint32_t word)
{
    (void)word;
    return JP_EXIT;
}

static void emit_imm(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned dbl = is_double(in->word);
    jit_fp_check(u, in);
    em_imm(&u->o, RAX, dbl ? (uint64_t)in->op.insn << 32 : in->op.insn);
    put_rax(u, dbl, in->op.rd);
}

static void emit_mov_gen(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    bool to_fp = in->word >> 16 & 1, top = (in->word >> 22 & 3) == 2;
    unsigned w = in->word >> 31;
    int32_t half = top ? 8 : 0;
    jit_fp_check(u, in);
    if (!to_fp) {
        em_load(o, w, RAX, RDI, VREG(in->op.rn) + half);
        jit_put(u, RAX, in->op.rd);
    } else {
        jit_op(u, w, 0x8b, RAX, in->op.rn);
        if (top)
            em_store(o, 1, RAX, RDI, VREG(in->op.rd) + 8);
        else
            put_rax(u, w, in->op.rd);
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
    jit_fp_check(u, in);
    unsigned cc = cond < 14 ? jit_cond(u, cond) : 0;
    em_load(o, dbl, RAX, RDI, VREG(cond < 14 ? in->op.rm : in->op.rn));
    if (cond < 14)
        em_rm(o, dbl, 0x0f40 | cc, RAX, RDI, VREG(in->op.rn));
    put_rax(u, dbl, in->op.rd);
}

/* ---- compare ---- */
static unsigned props_cmp(uint32_t word)
{
    (void)word;
    return JP_EXIT | JP_WRITE;
}

/*
 * Ordered operands give y = (a > b) + (a >= b), 0 to 2, and y - 1 has just the flags that Arm
 * wants: less is negative and borrows, equal is zero, greater neither.
 */
static void emit_cmp(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), signal = in->word >> 4 & 1;
    jit_fp_check_fz(u, in);
    get(u, dbl, XMM0, in->op.rn);
    if (in->word >> 3 & 1) { /* with zero */
        em_sse_rr(o, 0x66, 0, 0xef, XMM1, XMM1);
        em_sse_rr(o, SSE_P(dbl), 0, 0x2e + signal, XMM0, XMM1);
    } else {
        em_sse_rm(o, SSE_P(dbl), 0, 0x2e + signal, XMM0, VREG(in->op.rm));
    }
    jit_handler_if(u, in, CC_P);
    em_rr(o, 0, 0x0f90 | CC_A, 0, RAX);
    em_rr(o, 0, 0x0f90 | CC_AE, 0, RCX);
    em_rr(o, 0, 0x02, RAX, RCX); /* add al, cl */
    em8(o, 0x3c);                /* cmp al, 1 */
    em8(o, 1);
    jit_flags(u, in, EF_SUB);
}

// clang-format off
const struct jit_rule jit_fp_rules[] = {
    {a64_dec_fp_2src,     NULL, props_2src,     emit_2src},
    {a64_dec_fp_3src,     NULL, jit_fp_props_fma,     emit_3src},
    {a64_dec_fp_1src,     NULL, props_1src,     emit_1src},
    {a64_dec_fp_cvt,      NULL, props_cvt,      emit_cvt},
    {a64_dec_fp_to_gen,   NULL, props_to_gen,   emit_to_gen},
    {a64_dec_fp_from_gen, NULL, props_from_gen, emit_from_gen},
    {a64_dec_fp_imm,      NULL, props_exit,     emit_imm},
    {a64_dec_fp_mov_gen,  NULL, props_exit,     emit_mov_gen},
    {a64_dec_fp_csel,     NULL, props_csel,     emit_csel},
    {a64_dec_fp_cmp,      NULL, props_cmp,      emit_cmp},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
