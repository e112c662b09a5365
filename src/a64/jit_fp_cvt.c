// SPDX-License-Identifier: MIT
/*
 * jit_fp_cvt.c - the JIT's conversions of scalars: between single and double, to and from integers
 * and fixed point, and rounding to integers.
 *
 * To integers: what does not fit, and NaNs, are the handler's. IE is raised for them by both; PE
 * must be raised for nothing else than a value that fits and changes.
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

static unsigned props_cvt(uint32_t word)
{
    unsigned from = word >> 22 & 3, to = word >> 15 & 3;
    return from < 2 && to < 2 ? JP_EXIT : ~0u;
}

static void emit_cvt(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned dbl = is_double(in->word); /* of the source */
    jit_fp_check(u, in);
    em_sse_rr(&u->o, 0x66, 0, 0xef, XMM0, XMM0);
    jit_vop(u, SSE_F(dbl), 0x5a, XMM0, in->op.rn);
    jit_fp_sound(u, in, !dbl, dbl);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

/* ---- rounding ---- */
enum { ROUND_NEAREST, ROUND_UP, ROUND_DOWN, ROUND_ZERO, ROUND_AWAY }; /* as in FRINT's opcode */
enum { ROUND_QUIET = 8, ROUND_CURRENT = 4 };                          /* of ROUNDSD */

static unsigned round_imm(unsigned mode)
{
    static const uint8_t imm[8] = {0, 2, 1, 3, 0, 0, ROUND_CURRENT, ROUND_CURRENT};
    return imm[mode];
}

/* ROUNDSS, ROUNDSD, ROUNDPS, ROUNDPD */
void jit_roundsd(struct jit_unit *u, unsigned dbl, bool packed, unsigned to, unsigned from,
                 unsigned imm)
{
    em_sse_rr(&u->o, 0x66, 0, (packed ? 0x3a08 : 0x3a0a) + dbl, to, from);
    em8(&u->o, imm);
}

static void roundsd(struct jit_unit *u, unsigned dbl, unsigned to, unsigned from, unsigned imm)
{
    jit_roundsd(u, dbl, false, to, from, imm);
}

/* |XMM from| is 2^log or more, or a NaN: to the handler. */
static void handler_if_big(struct jit_unit *u, const struct jit_insn *in, unsigned dbl,
                           unsigned from, unsigned log)
{
    struct jit_out *o = &u->o;
    em_sse_rr(o, 0x66, dbl, 0x7e, from, RAX);
    em_rr(o, dbl, 0x03, RAX, RAX);
    em_imm(o, RCX, dbl ? (UINT64_C(1023) + log) << 53 : (127u + log) << 24);
    em_alu_rr(o, dbl, ALU_CMP, RAX, RCX);
    jit_handler_if(u, in, CC_AE);
}

void jit_fp_away(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, bool packed)
{
    struct jit_out *o = &u->o;
    unsigned prefix = packed ? SSE_P(dbl) : SSE_F(dbl);
    em_sse_rr(o, 0, 0, 0x28, XMM2, XMM1);
    em_sse_rr(o, 0, 0, 0x28, XMM0, XMM1);
    jit_roundsd(u, dbl, packed, XMM0, XMM1, 3 | ROUND_QUIET);
    em_sse_rr(o, prefix, 0, 0x5c, XMM1, XMM0); /* sub, add */
    em_sse_rr(o, prefix, 0, 0x58, XMM1, XMM1);
    jit_roundsd(u, dbl, packed, XMM1, XMM1, 3 | ROUND_QUIET);
    em_sse_rr(o, prefix, 0, 0x58, XMM0, XMM1);
    jit_vop_const(u, in, 0, 0x54, XMM0, dbl ? JC_ABS_D : JC_ABS_S); /* andps */
    jit_vop_const(u, in, 0, 0x54, XMM2, dbl ? JC_NEG_D : JC_NEG_S);
    em_sse_rr(o, 0, 0, 0x56, XMM0, XMM2); /* orps */
}

void jit_fp_round(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, unsigned mode,
                  bool quiet)
{
    if (mode == ROUND_AWAY) {
        jit_vget(u, XMM1, in->op.rn, size_of(dbl));
        handler_if_big(u, in, dbl, XMM1, dbl ? 52 : 23);
        jit_fp_away(u, in, dbl, false);
        return;
    }
    jit_vget(u, XMM0, in->op.rn, size_of(dbl));
    roundsd(u, dbl, XMM0, XMM0, round_imm(mode) | (quiet ? ROUND_QUIET : 0));
}

/* ---- to integers and fixed point ---- */
static unsigned to_gen_mode(uint32_t word)
{
    return word >> 18 & 1 ? ROUND_AWAY : word >> 19 & 3;
}

static unsigned props_to_gen(uint32_t word)
{
    return to_gen_mode(word) == ROUND_ZERO ? JP_EXIT : jit_props_host(A64_HOST_SSE4);
}

/* XMM0 = V * 2^fbits: exact, when it does not overflow. */
static void scale_up(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, unsigned fbits)
{
    struct jit_out *o = &u->o;
    jit_vget(u, XMM0, in->op.rn, size_of(dbl));
    handler_if_big(u, in, dbl, XMM0, 63);
    em_imm(o, RAX, dbl ? (UINT64_C(1023) + fbits) << 52 : (127u + fbits) << 23);
    em_sse_rr(o, 0x66, dbl, 0x6e, XMM1, RAX);
    em_sse_rr(o, SSE_F(dbl), 0, 0x59, XMM0, XMM1);
}

/* RAX = XMM0, truncated. Unsigned: what a signed 64-bit conversion can take. */
static void to_integer(struct jit_unit *u, const struct jit_insn *in, unsigned dbl)
{
    struct jit_out *o = &u->o;
    unsigned sf = in->word >> 31;
    if (in->word >> 16 & 1) {
        uint64_t top = sf ? 63 : 32;
        em_sse_rr(o, 0x66, dbl, 0x7e, XMM0, RAX);
        em_imm(o, RCX, dbl ? (1023 + top) << 52 : (127 + top) << 23);
        em_alu_rr(o, dbl, ALU_CMP, RAX, RCX);
        jit_handler_if(u, in, CC_AE);
        em_sse_rr(o, SSE_F(dbl), 1, 0x2c, RAX, XMM0);
        if (!sf)
            em_mov_rr(o, 0, RAX, RAX);
    } else { /* what does not fit gives the most negative number */
        em_sse_rr(o, SSE_F(dbl), sf, 0x2c, RAX, XMM0);
        em_imm(o, RCX, sf ? UINT64_C(1) << 63 : UINT64_C(1) << 31);
        em_alu_rr(o, sf, ALU_CMP, RAX, RCX);
        jit_handler_if(u, in, CC_E);
    }
}

static void emit_to_gen(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned dbl = is_double(in->word), mode = to_gen_mode(in->word);
    jit_fp_check(u, in);
    if (in->op.insn)
        scale_up(u, in, dbl, in->op.insn);
    else if (mode == ROUND_ZERO)
        jit_vget(u, XMM0, in->op.rn, size_of(dbl));
    else
        jit_fp_round(u, in, dbl, mode, true);
    to_integer(u, in, dbl);
    if (mode != ROUND_ZERO) { /* it fits: PE, when it changed */
        jit_vget(u, XMM0, in->op.rn, size_of(dbl));
        roundsd(u, dbl, XMM0, XMM0, 0);
    }
    jit_put(u, RAX, in->op.rd);
}

/* ---- from them: of what a signed 64-bit integer holds ---- */
static void emit_from_gen(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), sf = in->word >> 31, fbits = in->op.insn;
    bool is_unsigned = in->word >> 16 & 1;
    em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM0);
    jit_get(u, sf, RAX, in->op.rn);
    if (sf && is_unsigned) {
        em_rr(o, 1, 0x85, RAX, RAX);
        jit_handler_if(u, in, CC_S);
    }
    em_sse_rr(o, SSE_F(dbl), sf | is_unsigned, 0x2a, XMM0, RAX);
    if (fbits) { /* exact: no result is small */
        em_imm(o, RAX, dbl ? (UINT64_C(1023) - fbits) << 52 : (127u - fbits) << 23);
        em_sse_rr(o, 0x66, dbl, 0x6e, XMM1, RAX);
        em_sse_rr(o, SSE_F(dbl), 0, 0x59, XMM0, XMM1);
    }
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

// clang-format off
const struct jit_rule jit_fp_cvt_rules[] = {
    {a64_dec_fp_cvt,      NULL, props_cvt,      emit_cvt},
    {a64_dec_fp_to_gen,   NULL, props_to_gen,   emit_to_gen},
    {a64_dec_fp_from_gen, NULL, jit_props_exit,     emit_from_gen},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
