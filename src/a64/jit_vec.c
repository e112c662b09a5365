// SPDX-License-Identifier: MIT
/*
 * jit_vec.c - the JIT's Advanced SIMD: floating-point arithmetic, the commonest integer
 * instructions, and loads that fill a register. When a host operation stands is told in fp_host.h.
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

static enum jit_vsize size_of(uint32_t word)
{
    return is_q(word) ? JV_Q : JV_D;
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
    jit_vget(u, XMM0, in->op.rn, size_of(in->word));
    jit_vget(u, XMM1, in->op.rm, size_of(in->word));
    em_sse_rr(&u->o, SSE_P(dbl), 0, op, XMM0, XMM1);
    check_sound(u, in, dbl, mul);
    jit_vput(u, XMM0, in->op.rd, size_of(in->word));
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
    jit_vget(u, XMM0, in->op.rd, size_of(in->word));
    jit_vget(u, XMM1, in->op.rn, size_of(in->word));
    jit_vget(u, XMM2, in->op.rm, size_of(in->word));
    em_fma(&u->o, dbl, in->word >> 23 & 1 ? 0xbc : 0xb8); /* FMLS: vfnmadd231p, FMLA: vfmadd231p */
    check_sound(u, in, dbl, true);
    jit_vput(u, XMM0, in->op.rd, size_of(in->word));
}

/* ---- integer: the same operation on all lanes ---- */
static const struct same {
    void (*dec)(struct a64_op *op, uint32_t insn);
    uint8_t ops[4]; /* 66 0f xx by element size; 0: none */
    bool swap;      /* PANDN inverts its first operand, BIC the second */
} sames[] = {
    {a64_dec_add_v,  {0xfc, 0xfd, 0xfe, 0xd4}, false}, /* paddb */
    {a64_dec_sub_v,  {0xf8, 0xf9, 0xfa, 0xfb}, false}, /* psubb */
    {a64_dec_cmeq_v, {0x74, 0x75, 0x76, 0},    false}, /* pcmpeqb */
    {a64_dec_cmgt_v, {0x64, 0x65, 0x66, 0},    false}, /* pcmpgtb */
    {a64_dec_and_v,  {0xdb, 0xdb, 0xdb, 0xdb}, false}, /* pand */
    {a64_dec_bic_v,  {0xdf, 0xdf, 0xdf, 0xdf}, true }, /* pandn */
    {a64_dec_orr_v,  {0xeb, 0xeb, 0xeb, 0xeb}, false}, /* por */
    {a64_dec_eor_v,  {0xef, 0xef, 0xef, 0xef}, false}, /* pxor */
};

/* Scalar ones share the decode functions; add, sub, cmeq, cmgt of 64-bit lanes have no SSE2 all. */
static unsigned props_same(uint32_t word)
{
    bool scalar = word >> 28 & 1, logic = (word >> 10 & 63) == 7;
    bool compare = (word >> 11 & 31) == 6 || ((word >> 11 & 31) == 17 && word >> 29 & 1);
    return scalar || (!logic && compare && (word >> 22 & 3) == 3) ? ~0u : JP_EXIT;
}

static void emit_same(struct jit_unit *u, const struct jit_insn *in)
{
    const struct same *s = sames;
    while (s->dec != in->rule->dec)
        s++;
    jit_fp_check(u, in);
    jit_vget(u, XMM0, s->swap ? in->op.rm : in->op.rn, JV_Q);
    jit_vop(u, 0x66, 0, s->ops[in->word >> 22 & 3], XMM0, s->swap ? in->op.rn : in->op.rm);
    jit_vput(u, XMM0, in->op.rd, size_of(in->word));
}

/* XMM0 = RDX's low 1 << log bytes (zero-extended) in all lanes */
static void replicate(struct jit_unit *u, unsigned log)
{
    struct jit_out *o = &u->o;
    if (log == 0) { /* imul edx, edx, 0x01010101 */
        em_rr(o, 0, 0x69, RDX, RDX);
        em32(o, 0x01010101);
    } else if (log == 1) {
        em_rr(o, 0, 0x69, RDX, RDX);
        em32(o, 0x00010001);
    }
    em_sse_rr(o, 0x66, log == 3, 0x6e, XMM0, RDX);
    em_sse_rr(o, 0x66, 0, 0x70, XMM0, XMM0); /* pshufd */
    em8(o, log == 3 ? 0x44 : 0x00);
}

/* DUP (general) */
static void emit_dup(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned log = (unsigned)__builtin_ctz(in->word >> 16 & 31);
    jit_fp_check(u, in);
    jit_get(u, log == 3, RDX, in->op.rn);
    if (log < 2)
        em_rr(o, 0, 0x0fb6 + log, RDX, RDX); /* movzx */
    replicate(u, log);
    jit_vput(u, XMM0, in->op.rd, size_of(in->word));
}

/* LD1R of one register: L = 1, R = 0, opcode = 110 */
static unsigned props_lane(uint32_t word)
{
    return (word & 0x0060f000) == 0x0040c000 ? JP_EXIT : ~0u;
}

static void emit_ld1r(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned log = in->word >> 10 & 3, rm = in->word >> 16 & 31;
    jit_fp_check(u, in);
    jit_get(u, 1, RAX, in->op.rn);
    jit_l0(u, in, 1u << log, false, BANK_OWN);
    em_rx(o, log == 3, log < 2 ? 0x0fb6 + log : 0x8b, RDX, RCX, RAX, 0, 0);
    replicate(u, log);
    jit_vput(u, XMM0, in->op.rd, size_of(in->word));
    if (in->word >> 23 & 1) { /* post-index, by a register or the size */
        if (rm == 31) {
            em_alu_ri(o, 1, ALU_ADD, RAX, 1 << log);
        } else {
            jit_get(u, 1, RCX, rm);
            em_alu_rr(o, 1, ALU_ADD, RAX, RCX);
        }
        jit_put(u, RAX, in->op.rn);
    }
}

static unsigned props_exit(uint32_t word)
{
    (void)word;
    return JP_EXIT;
}

// clang-format off
const struct jit_rule jit_vec_rules[] = {
    {a64_dec_fpv_arith,    NULL, props_arith,      emit_arith},
    {a64_dec_fpv_mla,      NULL, props_fma, emit_mla},
    {a64_dec_add_v,        NULL, props_same,       emit_same},
    {a64_dec_sub_v,        NULL, props_same,       emit_same},
    {a64_dec_cmeq_v,       NULL, props_same,       emit_same},
    {a64_dec_cmgt_v,       NULL, props_same,       emit_same},
    {a64_dec_and_v,        NULL, props_same,       emit_same},
    {a64_dec_bic_v,        NULL, props_same,       emit_same},
    {a64_dec_orr_v,        NULL, props_same,       emit_same},
    {a64_dec_eor_v,        NULL, props_same,       emit_same},
    {a64_dec_dup_gen,      NULL, props_exit,       emit_dup},
    {a64_dec_ld_lane,      NULL, props_lane,       emit_ld1r},
    {a64_dec_ld_lane_post, NULL, props_lane,       emit_ld1r},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
