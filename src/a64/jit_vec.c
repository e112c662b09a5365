// SPDX-License-Identifier: MIT
/*
 * jit_vec.c - the JIT's Advanced SIMD on floating point. When a host operation stands is told in
 * fp_host.h.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"
#include "src/a64/sem.h"

static bool is_q(uint32_t word)
{
    return word >> 30 & 1;
}

static unsigned is_double(uint32_t word)
{
    return word >> 22 & 1;
}

/* ---- floating point ---- */

/* What check_sound() found suspicious (`arg`: in doubles): only NaNs and the smallest normal number
 * do not stand. */
static void stub_sound(struct jit_unit *u, const struct jit_stub *s)
{
    struct jit_out *o = &u->o;
    unsigned dbl = s->arg;
    em_sse_rr(o, 0, 0, 0x28, XMM1, XMM0);
    em_sse_rr(o, SSE_P(dbl), 0, 0xc2, XMM1, XMM0); /* cmpunord: quiet NaNs raise nothing */
    em8(o, 3);
    em_imm(o, RAX, dbl ? 0x00200000 : 0x01000000); /* its upper word without the sign, << 1 */
    em_sse_rr(o, 0x66, 0, 0x6e, XMM3, RAX);
    em_sse_rr(o, 0x66, 0, 0x70, XMM3, XMM3); /* pshufd: 0, K, 0, K or K in all */
    em8(o, dbl ? 0x11 : 0x00);
    em_sse_rr(o, 0, 0, 0x28, XMM2, XMM0);
    em_sse_rr(o, 0x66, 0, dbl ? 0xd4 : 0xfe, XMM2, XMM2); /* paddq, paddd */
    em_sse_rr(o, 0x66, 0, 0x76, XMM2, XMM3);              /* pcmpeqd */
    if (dbl) {                                            /* both words of a lane */
        em_sse_rr(o, 0x66, 0, 0x70, XMM3, XMM2);
        em8(o, 0xb1);
        em_sse_rr(o, 0x66, 0, 0xdb, XMM2, XMM3); /* pand */
    }
    em_sse_rr(o, 0x66, 0, 0xeb, XMM1, XMM2);      /* por */
    em_sse_rr(o, SSE_P(dbl), 0, 0x50, RAX, XMM1); /* movmskps, movmskpd */
    em_rr(o, 0, 0x85, RAX, RAX);
    em_jcc_to(o, CC_E, s->back);
    jit_to_handler(u, s->in);
}

/*
 * Lanes of XMM0 that are NaNs or, with `tiny`, the smallest normal number: to the handler. The
 * second check looks at the upper 16 bits of a lane, doubled: with exponent 0, 1 or all ones, and
 * only then, one exponent more is below 3 exponents; that much below 0 as signed numbers, so that
 * a saturating sum tells.
 */
static void check_sound(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, bool tiny)
{
    struct jit_out *o = &u->o;
    em_sse_rr(o, 0, 0, 0x28, XMM1, XMM0);
    if (tiny) {
        em_sse_rr(o, 0x66, 0, 0xfd, XMM1, XMM1); /* paddw */
        jit_vop_const(u, in, 0x66, 0xfd, XMM1, dbl ? JC_SOUND_D : JC_SOUND_S);
        jit_vop_const(u, in, 0x66, 0xed, XMM1, dbl ? JC_SOUND_D2 : JC_SOUND_S2); /* paddsw */
    } else {
        em_sse_rr(o, SSE_P(dbl), 0, 0xc2, XMM1, XMM0); /* cmpunord */
        em8(o, 3);
    }
    em_sse_rr(o, SSE_P(dbl), 0, 0x50, RAX, XMM1); /* movmskps, movmskpd */
    if (is_q(in->word)) {
        em_rr(o, 0, 0x85, RAX, RAX);
    } else {
        em8(o, 0xa8); /* test al, imm */
        em8(o, 3);
    }
    if (tiny) {
        struct jit_stub *s = jit_stub(u, in, em_jcc32(o, CC_NE), stub_sound);
        s->back = o->p;
        s->arg = dbl;
    } else {
        jit_handler_if(u, in, CC_NE);
    }
}

static bool is_div(uint32_t word)
{
    return word >> 29 & 1 && word >> 13 & 1;
}

/* A division of 64-bit registers would divide 0 by 0 in the upper half. */
static unsigned props_arith(uint32_t word)
{
    return is_div(word) && !is_q(word) ? ~0u : JP_EXIT;
}

static void emit_arith(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned dbl = is_double(in->word);
    bool mul = in->word >> 29 & 1;
    unsigned op = is_div(in->word) ? 0x5e : mul ? 0x59 : in->word >> 23 & 1 ? 0x5c : 0x58;
    jit_fp_check_fz(u, in);
    jit_vget(u, XMM0, in->op.rn, jit_vsize(in->word));
    jit_vget(u, XMM1, in->op.rm, jit_vsize(in->word));
    em_sse_rr(&u->o, SSE_P(dbl), 0, op, XMM0, XMM1);
    check_sound(u, in, dbl, mul);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

static unsigned props_fma(uint32_t word)
{
    (void)word;
    return jit_props_host(A64_HOST_FMA);
}

static void emit_mla(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned dbl = is_double(in->word);
    jit_fp_check_fz(u, in);
    jit_vget(u, XMM0, in->op.rd, jit_vsize(in->word));
    jit_vget(u, XMM1, in->op.rn, jit_vsize(in->word));
    jit_vget(u, XMM2, in->op.rm, jit_vsize(in->word));
    em_fma(&u->o, dbl, in->word >> 23 & 1 ? 0xbc : 0xb8); /* FMLS: vfnmadd231p, FMLA: vfmadd231p */
    check_sound(u, in, dbl, true);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

// clang-format off
const struct jit_rule jit_vec_rules[] = {
    {a64_dec_fpv_arith,    NULL, props_arith,      emit_arith},
    {a64_dec_fpv_mla,      NULL, props_fma,        emit_mla},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
