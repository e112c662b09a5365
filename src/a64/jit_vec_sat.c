// SPDX-License-Identifier: MIT
/*
 * jit_vec_sat.c - the JIT's Advanced SIMD that saturates or rounds: sums, doubling products,
 * shifts, narrowing.
 *
 * Whether a lane has saturated is seen by comparing with what does not saturate; a stub sets
 * FPSR.QC then.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"

#include "a64_table.h"

#define FPSR_QC (1 << 27)

enum { PSRL = 2, PSRA = 4, PSLL = 6 };

static void copy(struct jit_unit *u, unsigned to, unsigned from)
{
    em_sse_rr(&u->o, 0, 0, 0x28, to, from); /* movaps */
}

/* By size of the lane, from halves on. */
static void psh(struct jit_unit *u, unsigned xmm, unsigned kind, unsigned size, unsigned n)
{
    em_sse_rr(&u->o, 0x66, 0, 0x70 + size, kind, xmm);
    em8(&u->o, n);
}

static void stub_qc(struct jit_unit *u, const struct jit_stub *s)
{
    em_alu_mi(&u->o, 0, ALU_OR, RDI, CPU(fpsr), FPSR_QC);
    em_jmp_to(&u->o, s->back);
}

/* RAX = the signs of XMM1's bytes; QC when they are not `good`. */
static void qc_unless(struct jit_unit *u, const struct jit_insn *in, int32_t good)
{
    struct jit_out *o = &u->o;
    em_sse_rr(o, 0x66, 0, 0xd7, RAX, XMM1); /* pmovmskb */
    em_alu_ri(o, 0, ALU_CMP, RAX, good);
    struct jit_stub *s = jit_stub(u, in, em_jcc32(o, CC_NE), stub_qc);
    s->back = o->p;
}

static unsigned size_of(uint32_t word)
{
    return word >> 22 & 3;
}

static unsigned shift_size(uint32_t word)
{
    return 28u - (unsigned)__builtin_clz(word >> 16 & 127);
}

/* ---- SQADD, UQADD, SQSUB, UQSUB of bytes and halves ---- */
static unsigned props_addsub(uint32_t word)
{
    return word >> 28 & 1 || size_of(word) > 1 ? ~0u : JP_EXIT;
}

static void emit_addsub(struct jit_unit *u, const struct jit_insn *in)
{
    /* padds, paddus, psubs, psubus; padd, psub; pcmpeq */
    static const uint8_t saturating[2][2] =
        {
            {0xec, 0xdc},
            {0xe8, 0xd8}
    },
                         wrapping[2] = {0xfc, 0xf8};
    struct jit_out *o = &u->o;
    unsigned size = size_of(in->word), sub = in->word >> 13 & 1;
    jit_vget(u, XMM0, in->op.rn, jit_vsize(in->word));
    jit_vget(u, XMM2, in->op.rm, jit_vsize(in->word));
    copy(u, XMM1, XMM0);
    em_sse_rr(o, 0x66, 0, saturating[sub][in->word >> 29 & 1] + size, XMM0, XMM2);
    em_sse_rr(o, 0x66, 0, wrapping[sub] + size, XMM1, XMM2);
    em_sse_rr(o, 0x66, 0, 0x74 + size, XMM1, XMM0);
    qc_unless(u, in, 0xffff);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

/* ---- SQDMULH, SQRDMULH of halves ---- */
static unsigned props_mulh(uint32_t word)
{
    return word >> 28 & 1 || size_of(word) != 1 ? ~0u : jit_props_host(A64_HOST_SSE4);
}

/* Only -1 by -1 (in fractions) saturates: it gives the most negative number, which nothing else
 * does, and inverted is the greatest one. */
static void mulh(struct jit_unit *u, const struct jit_insn *in, bool round)
{
    struct jit_out *o = &u->o;
    jit_vget(u, XMM0, in->op.rn, jit_vsize(in->word));
    if (round) {
        em_sse_rr(o, 0x66, 0, 0x380b, XMM0, XMM2); /* pmulhrsw */
    } else {
        copy(u, XMM1, XMM0);
        em_sse_rr(o, 0x66, 0, 0xe5, XMM0, XMM2); /* pmulhw, pmullw */
        em_sse_rr(o, 0x66, 0, 0xd5, XMM1, XMM2);
        psh(u, XMM1, PSRL, 1, 15);
        em_sse_rr(o, 0x66, 0, 0xfd, XMM0, XMM0); /* paddw */
        em_sse_rr(o, 0x66, 0, 0xeb, XMM0, XMM1);
    }
    em_sse_rr(o, 0x66, 0, 0x76, XMM1, XMM1); /* pcmpeqd */
    psh(u, XMM1, PSLL, 1, 15);
    em_sse_rr(o, 0x66, 0, 0x75, XMM1, XMM0); /* pcmpeqw */
    em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM1);
    qc_unless(u, in, 0);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

static void emit_mulh(struct jit_unit *u, const struct jit_insn *in)
{
    jit_vget(u, XMM2, in->op.rm, jit_vsize(in->word));
    mulh(u, in, in->word >> 29 & 1);
}

/* By element: opcode 1100, rounding 1101. In a form of 8 bytes Vn has zeros above them. */
static void emit_mulh_elem(struct jit_unit *u, const struct jit_insn *in)
{
    jit_vdup_lane(u, XMM2, in->op.rm, 1, (unsigned)in->op.imm);
    mulh(u, in, in->word >> 12 & 1);
}

/* ---- rounding shifts ---- */

/* XMM0 shifted right by 1 at least, by PSRL or PSRA, and rounded: the last bit that goes is added.
 * XMM1 is used up. */
static void round_shift(struct jit_unit *u, unsigned kind, unsigned size, unsigned n)
{
    static const uint8_t adds[] = {0xfc, 0xfd, 0xfe, 0xd4};
    unsigned top = (8u << size) - 1;
    copy(u, XMM1, XMM0);
    psh(u, XMM0, kind, size, n);
    psh(u, XMM1, PSRL, size, n - 1);
    psh(u, XMM1, PSLL, size, top);
    psh(u, XMM1, PSRL, size, top);
    em_sse_rr(&u->o, 0x66, 0, adds[size], XMM0, XMM1);
}

/* SRSHR, URSHR; SRSRA, URSRA add to Vd. Not of bytes; no PSRAQ. */
static unsigned props_round(uint32_t word)
{
    unsigned size = shift_size(word);
    return !size || (size == 3 && !(word >> 29 & 1)) ? ~0u : JP_EXIT;
}

static void emit_round(struct jit_unit *u, const struct jit_insn *in)
{
    static const uint8_t adds[] = {0xfc, 0xfd, 0xfe, 0xd4};
    unsigned size = shift_size(in->word);
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    round_shift(u, in->word >> 29 & 1 ? PSRL : PSRA, size, (unsigned)in->op.imm);
    if (in->word >> 12 & 1)
        jit_vop(u, 0x66, adds[size], XMM0, in->op.rd);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

/* ---- narrowing, to bytes and halves: without a shift, with one, rounded ---- */
enum { FROM_SIGNED = 1, TO_SIGNED = 2, SHIFT = 4, ROUND = 8 };

static const struct narrow {
    void (*dec)(struct a64_op *op, uint32_t insn);
    uint8_t how;
} narrows[] = {
    {a64_dec_sqxtn_v,    FROM_SIGNED | TO_SIGNED                },
    {a64_dec_sqxtun_v,   FROM_SIGNED                            },
    {a64_dec_uqxtn_v,    0                                      },
    {a64_dec_sqshrn_i,   FROM_SIGNED | TO_SIGNED | SHIFT        },
    {a64_dec_sqshrun_i,  FROM_SIGNED | SHIFT                    },
    {a64_dec_uqshrn_i,   SHIFT                                  },
    {a64_dec_sqrshrn_i,  FROM_SIGNED | TO_SIGNED | SHIFT | ROUND},
    {a64_dec_sqrshrun_i, FROM_SIGNED | SHIFT | ROUND            },
    {a64_dec_uqrshrn_i,  SHIFT | ROUND                          },
};

static unsigned narrow_how(uint32_t word)
{
    const struct narrow *n = narrows;
    while (n->dec != a64_decode(word)->decode)
        n++;
    return n->how;
}

static unsigned narrow_size(uint32_t word)
{
    return narrow_how(word) & SHIFT ? shift_size(word) : size_of(word);
}

static unsigned props_narrow(uint32_t word)
{
    bool scalar = word >> 28 & 1;
    return scalar || narrow_size(word) > 1 ? ~0u : jit_props_host(A64_HOST_SSE4);
}

static void emit_narrow(struct jit_unit *u, const struct jit_insn *in)
{
    /* By size: packsswb and packssdw, packuswb and packusdw; pmovsx, pmovzx; pminuw, pminud;
     * pcmpeqw, pcmpeqd */
    static const uint16_t packs[2][2] =
        {
            {0x67, 0x382b},
            {0x63, 0x6b  }
    },
                          exts[2][2] = {{0x3830, 0x3833}, {0x3820, 0x3823}},
                          mins[] = {0x383a, 0x383b};
    struct jit_out *o = &u->o;
    unsigned how = narrow_how(in->word), size = narrow_size(in->word);
    unsigned kind = how & FROM_SIGNED ? PSRA : PSRL;
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    if (how & ROUND)
        round_shift(u, kind, size + 1, in->op.rm);
    else if (how & SHIFT)
        psh(u, XMM0, kind, size + 1, in->op.rm);
    copy(u, XMM2, XMM0);
    if (!(how & FROM_SIGNED)) { /* packs take signed numbers */
        jit_vop_const(u, in, 0, 0x28, XMM1, size ? JC_LOW_H : JC_LOW_B);
        em_sse_rr(o, 0x66, 0, mins[size], XMM0, XMM1);
    }
    em_sse_rr(o, 0x66, 0, packs[!!(how & TO_SIGNED)][size], XMM0, XMM0);
    em_sse_rr(o, 0x66, 0, exts[!!(how & TO_SIGNED)][size], XMM1, XMM0);
    em_sse_rr(o, 0x66, 0, 0x75 + size, XMM1, XMM2);
    qc_unless(u, in, 0xffff);
    jit_vput_half(u, in);
}

// clang-format off
const struct jit_rule jit_vec_sat_rules[] = {
    {a64_dec_sqadd_v,    NULL, props_addsub, emit_addsub},
    {a64_dec_uqadd_v,    NULL, props_addsub, emit_addsub},
    {a64_dec_sqsub_v,    NULL, props_addsub, emit_addsub},
    {a64_dec_uqsub_v,    NULL, props_addsub, emit_addsub},
    {a64_dec_sqdmulh_v,  NULL, props_mulh,   emit_mulh},
    {a64_dec_sqrdmulh_v, NULL, props_mulh,   emit_mulh},
    {a64_dec_sqdmulh_e,  NULL, props_mulh,   emit_mulh_elem},
    {a64_dec_sqrdmulh_e, NULL, props_mulh,   emit_mulh_elem},
    {a64_dec_srshr_i,    NULL, props_round,  emit_round},
    {a64_dec_urshr_i,    NULL, props_round,  emit_round},
    {a64_dec_srsra_i,    NULL, props_round,  emit_round},
    {a64_dec_ursra_i,    NULL, props_round,  emit_round},
    {a64_dec_sqxtn_v,    NULL, props_narrow, emit_narrow},
    {a64_dec_sqxtun_v,   NULL, props_narrow, emit_narrow},
    {a64_dec_uqxtn_v,    NULL, props_narrow, emit_narrow},
    {a64_dec_sqshrn_i,   NULL, props_narrow, emit_narrow},
    {a64_dec_sqshrun_i,  NULL, props_narrow, emit_narrow},
    {a64_dec_uqshrn_i,   NULL, props_narrow, emit_narrow},
    {a64_dec_sqrshrn_i,  NULL, props_narrow, emit_narrow},
    {a64_dec_sqrshrun_i, NULL, props_narrow, emit_narrow},
    {a64_dec_uqrshrn_i,  NULL, props_narrow, emit_narrow},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
