// SPDX-License-Identifier: MIT
/*
 * jit_vec.c - the JIT's Advanced SIMD on floating point. When a host operation stands is told in
 * fp_host.h.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"
#include "src/a64/sem.h"

static unsigned is_double(uint32_t word)
{
    return word >> 22 & 1;
}

static bool is_scalar(uint32_t word)
{
    return word >> 28 & 1;
}

/* What an instruction takes of a register: lanes that do not exist are 0, and so raise nothing. */
static enum jit_vsize size_of(uint32_t word)
{
    return !is_scalar(word) ? jit_vsize(word) : is_double(word) ? JV_D : JV_S;
}

/* The prefix of its host's operation. */
static unsigned prefix_of(uint32_t word)
{
    return is_scalar(word) ? SSE_F(is_double(word)) : SSE_P(is_double(word));
}

static void get(struct jit_unit *u, const struct jit_insn *in, unsigned xmm, unsigned v)
{
    jit_vget(u, xmm, v, size_of(in->word));
}

/* A scalar's XMM0 has zeros above it: it was loaded with them. */
static void put(struct jit_unit *u, const struct jit_insn *in)
{
    jit_vput(u, XMM0, in->op.rd, is_scalar(in->word) ? JV_Q : jit_vsize(in->word));
}

static void copy(struct jit_unit *u, unsigned to, unsigned from)
{
    em_sse_rr(&u->o, 0, 0, 0x28, to, from); /* movaps */
}

static void zero(struct jit_unit *u, unsigned xmm)
{
    em_sse_rr(&u->o, 0x66, 0, 0xef, xmm, xmm); /* pxor */
}

static void pshufd(struct jit_unit *u, unsigned to, unsigned v, unsigned imm)
{
    jit_vop(u, 0x66, 0x70, to, v);
    em8(&u->o, imm);
}

/* Some lane of an XMM register has its sign set: to the handler, or the stub that is returned. */
static struct jit_stub *if_signs(struct jit_unit *u, const struct jit_insn *in, unsigned dbl,
                                 unsigned xmm, bool low,
                                 void (*stub)(struct jit_unit *u, const struct jit_stub *s))
{
    struct jit_out *o = &u->o;
    em_sse_rr(o, SSE_P(dbl), 0, 0x50, RAX, xmm); /* movmskps, movmskpd */
    if (low) {                                   /* the lower 8 bytes count */
        em8(o, 0xa8);                            /* test al, imm */
        em8(o, dbl ? 1 : 3);
    } else {
        em_rr(o, 0, 0x85, RAX, RAX);
    }
    return jit_stub(u, in, em_jcc32(o, CC_NE), stub);
}

/* ---- results that stand ---- */

/* What check_lanes() found suspicious (`arg`: in doubles): only NaNs and the smallest normal number
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
 * Lanes of XMM0 that are NaNs or, with `tiny`, the smallest normal number: to the handler. All that
 * is not at least twice that number goes to the stub first. Without AVX, which has a compare that
 * raises nothing for NaNs: the upper 16 bits of a lane, doubled, say that the exponent is 0, 1 or
 * all ones when one exponent more is below 3 exponents; that much below 0 as signed numbers, so
 * that a saturating sum tells.
 */
static void check_lanes(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, bool tiny,
                        bool low)
{
    enum { NGE_UQ = 0x19 };
    struct jit_out *o = &u->o;
    if (tiny && a64_host() & A64_HOST_FMA) {
        jit_vop3_const(u, in, 0, 0x54, XMM1, XMM0, dbl ? JC_ABS_D : JC_ABS_S, -1); /* vandps */
        jit_vop3_const(u, in, SSE_P(dbl), 0xc2, XMM1, XMM1, dbl ? JC_NORMAL2_D : JC_NORMAL2_S,
                       NGE_UQ); /* vcmpps, vcmppd */
    } else if (tiny) {
        copy(u, XMM1, XMM0);
        em_sse_rr(o, 0x66, 0, 0xfd, XMM1, XMM1); /* paddw */
        jit_vop_const(u, in, 0x66, 0xfd, XMM1, dbl ? JC_SOUND_D : JC_SOUND_S);
        jit_vop_const(u, in, 0x66, 0xed, XMM1, dbl ? JC_SOUND_D2 : JC_SOUND_S2); /* paddsw */
    } else {
        copy(u, XMM1, XMM0);
        em_sse_rr(o, SSE_P(dbl), 0, 0xc2, XMM1, XMM0); /* cmpunord */
        em8(o, 3);
    }
    struct jit_stub *s = if_signs(u, in, dbl, XMM1, low, tiny ? stub_sound : jit_stub_handler);
    s->back = o->p;
    s->arg = dbl;
}

static void check_sound(struct jit_unit *u, const struct jit_insn *in, bool tiny)
{
    unsigned dbl = is_double(in->word);
    if (is_scalar(in->word))
        jit_fp_sound(u, in, dbl, tiny);
    else
        check_lanes(u, in, dbl, tiny, jit_vsize(in->word) == JV_D);
}

/* ---- FADD, FSUB, FMUL, FDIV, FMLA, FMLS ---- */
static void emit_arith(struct jit_unit *u, const struct jit_insn *in)
{
    bool mul = in->word >> 29 & 1, div = mul && in->word >> 13 & 1;
    unsigned op = div ? 0x5e : mul ? 0x59 : in->word >> 23 & 1 ? 0x5c : 0x58;
    jit_fp_check(u, in);
    if (jit_vsize(in->word) == JV_Q) {
        jit_vbinary(u, prefix_of(in->word), op, in->op.rn, in->op.rm, JV_Q);
    } else if (div) { /* no 0 by 0: the same twice */
        pshufd(u, XMM0, in->op.rn, 0x44);
        pshufd(u, XMM1, in->op.rm, 0x44);
        em_sse_rr(&u->o, prefix_of(in->word), 0, op, XMM0, XMM1);
    } else {
        get(u, in, XMM0, in->op.rn);
        get(u, in, XMM1, in->op.rm);
        em_sse_rr(&u->o, prefix_of(in->word), 0, op, XMM0, XMM1);
    }
    check_sound(u, in, mul);
    put(u, in);
}

static unsigned props_fma(uint32_t word)
{
    (void)word;
    return jit_props_host(A64_HOST_FMA);
}

/* vfmadd231, vfnmadd231 */
static unsigned fma_op(uint32_t word, bool sub)
{
    return (sub ? 0x38bcu : 0x38b8u) + is_scalar(word);
}

static void emit_mla(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned dbl = is_double(in->word), op = fma_op(in->word, in->word >> 23 & 1);
    jit_fp_check(u, in);
    if (size_of(in->word) == JV_Q) {
        jit_vfma(u, dbl, op, in->op.rd, in->op.rn, in->op.rm, JV_Q);
    } else {
        get(u, in, XMM0, in->op.rd);
        get(u, in, XMM1, in->op.rn);
        get(u, in, XMM2, in->op.rm);
        em_vex_rr(&u->o, 0x66, dbl, op, XMM0, XMM1, XMM2);
    }
    check_sound(u, in, true);
    put(u, in);
}

/* By element: opcode 0001 FMLA, 0101 FMLS, 1001 FMUL; with U FMULX, whose flags differ. */
static unsigned props_elem(uint32_t word)
{
    bool mul = word >> 15 & 1;
    return word >> 29 & 1 ? ~0u : mul ? JP_EXIT : jit_props_host(A64_HOST_FMA);
}

static void emit_elem(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), h = in->word >> 11 & 1, l = in->word >> 21 & 1;
    jit_fp_check(u, in);
    jit_vdup_lane(u, XMM2, in->op.rm, 2 + dbl, dbl ? h : h << 1 | l);
    if (size_of(in->word) != JV_Q)
        em_sse_rr(o, 0xf3, 0, 0x7e, XMM2, XMM2); /* movq */
    if (in->word >> 15 & 1) {
        get(u, in, XMM0, in->op.rn);
        em_sse_rr(o, prefix_of(in->word), 0, 0x59, XMM0, XMM2);
    } else {
        get(u, in, XMM0, in->op.rd);
        get(u, in, XMM1, in->op.rn);
        em_vex_rr(o, 0x66, dbl, fma_op(in->word, in->word >> 14 & 1), XMM0, XMM1, XMM2);
    }
    check_sound(u, in, true);
    put(u, in);
}

/* ---- of two sources and of one; op.ra tells which, as rows of the interpreter's tables do ---- */
#define ROW(u, a, opcode) ((u) << 6 | (a) << 5 | (opcode))

struct kind {
    uint8_t row;
    uint8_t op; /* of the host's operation, or the CMPPS predicate */
    void (*shape)(struct jit_unit *u, const struct jit_insn *in, unsigned op);
    uint8_t need; /* A64_HOST_... */
};

static const struct kind *kind_of(const struct kind *k, unsigned n, unsigned row)
{
    for (unsigned i = 0; i < n; i++)
        if (k[i].row == row)
            return k + i;
    return NULL;
}

static unsigned row_of(uint32_t word, unsigned opcode_lo)
{
    return ROW(word >> 29 & 1, word >> 23 & 1, word >> opcode_lo & 31);
}

enum { CMP_EQ, CMP_LT, CMP_LE, CMP_ABS = 8 }; /* CMPEQ is quiet, the others are not, as Arm's */

static void cmpps(struct jit_unit *u, const struct jit_insn *in, unsigned predicate)
{
    em_sse_rr(&u->o, prefix_of(in->word), 0, 0xc2, XMM0, XMM1);
    em8(&u->o, predicate);
}

/* n >= m is m <= n. */
static void compare(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    get(u, in, XMM0, in->op.rm);
    get(u, in, XMM1, in->op.rn);
    for (unsigned x = XMM0; op & CMP_ABS && x <= XMM1; x++) /* andps */
        jit_vop_const(u, in, 0, 0x54, x, is_double(in->word) ? JC_ABS_D : JC_ABS_S);
    cmpps(u, in, op & 7);
}

static void compare_zero(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    get(u, in, XMM0, in->op.rn);
    zero(u, XMM1);
    cmpps(u, in, op);
}

static void zero_compare(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    get(u, in, XMM1, in->op.rn);
    zero(u, XMM0);
    cmpps(u, in, op);
}

static void distance(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    get(u, in, XMM0, in->op.rn);
    get(u, in, XMM1, in->op.rm);
    em_sse_rr(&u->o, prefix_of(in->word), 0, op, XMM0, XMM1);
    check_sound(u, in, false);
    jit_vop_const(u, in, 0, 0x54, XMM0, is_double(in->word) ? JC_ABS_D : JC_ABS_S);
}

/* XMM0 = the greater or lesser lanes of XMM0 and XMM1: as jit_fp.c does for scalars. */
static void extreme(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word);
    copy(u, XMM2, XMM0);
    em_sse_rr(o, prefix_of(in->word), 0, 0xc2, XMM2, XMM1); /* cmpunord */
    em8(o, 3);
    if_signs(u, in, dbl, XMM2, size_of(in->word) != JV_Q, jit_stub_handler);
    copy(u, XMM2, XMM0);
    em_sse_rr(o, prefix_of(in->word), 0, op, XMM0, XMM1);
    em_sse_rr(o, prefix_of(in->word), 0, op, XMM1, XMM2);
    em_sse_rr(o, 0, 0, op == 0x5d ? 0x56 : 0x54, XMM0, XMM1); /* orps, andps */
}

static void max_min(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    get(u, in, XMM0, in->op.rn);
    get(u, in, XMM1, in->op.rm);
    extreme(u, in, op);
}

static const struct kind twos[] = {
    {ROW(0, 0, 0x1c), CMP_EQ,           compare,  0},
    {ROW(1, 0, 0x1c), CMP_LE,           compare,  0},
    {ROW(1, 1, 0x1c), CMP_LT,           compare,  0},
    {ROW(1, 0, 0x1d), CMP_LE | CMP_ABS, compare,  0},
    {ROW(1, 1, 0x1d), CMP_LT | CMP_ABS, compare,  0},
    {ROW(1, 1, 0x1a), 0x5c,             distance, 0},
    {ROW(0, 0, 0x18), 0x5f,             max_min,  0}, /* FMAXNM, FMAX, FMINNM, FMIN */
    {ROW(0, 0, 0x1e), 0x5f,             max_min,  0},
    {ROW(0, 1, 0x18), 0x5d,             max_min,  0},
    {ROW(0, 1, 0x1e), 0x5d,             max_min,  0},
};

static unsigned props_2(uint32_t word)
{
    return kind_of(twos, ARRAY_LEN(twos), row_of(word, 11)) ? JP_EXIT : ~0u;
}

static void emit_2(struct jit_unit *u, const struct jit_insn *in)
{
    const struct kind *k = kind_of(twos, ARRAY_LEN(twos), row_of(in->word, 11));
    jit_fp_check(u, in);
    k->shape(u, in, k->op);
    put(u, in);
}

/* Of pairs: FADDP, FMAXP and others. */
static void emit_pair(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned opcode = in->word >> 11 & 31;
    jit_fp_check(u, in);
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    jit_vget(u, XMM1, in->op.rm, JV_Q);
    jit_unzip(u, in, 2 + is_double(in->word));
    if (opcode == 0x1a) {
        em_sse_rr(&u->o, prefix_of(in->word), 0, 0x58, XMM0, XMM1);
        check_sound(u, in, false);
    } else {
        extreme(u, in, in->word >> 23 & 1 ? 0x5d : 0x5f);
    }
    put(u, in);
}

/*
 * The two lanes of a scalar form: opcode 01101 FADDP; or four lanes, of which, without NaNs, the
 * order does not matter.
 */
static void emit_reduce(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word), op = in->word >> 23 & 1 ? 0x5d : 0x5f;
    jit_fp_check(u, in);
    get(u, in, XMM0, in->op.rn);
    pshufd(u, XMM1, in->op.rn, dbl || !is_scalar(in->word) ? 0xee : 0x55);
    if ((in->word >> 12 & 31) == 0x0d) {
        em_sse_rr(o, prefix_of(in->word), 0, 0x58, XMM0, XMM1);
        check_sound(u, in, false);
    } else {
        extreme(u, in, op);
        if (!is_scalar(in->word)) {
            em_sse_rr(o, 0x66, 0, 0x70, XMM1, XMM0); /* pshufd */
            em8(o, 0x55);
            extreme(u, in, op);
        }
        em_sse_rr(o, 0x66, dbl, 0x7e, XMM0, RAX); /* what is above it goes */
        em_sse_rr(o, 0x66, dbl, 0x6e, XMM0, RAX);
    }
    put(u, in);
}

/* ---- of one source ---- */
static void bits(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    bool dbl = is_double(in->word), neg = op == 0x57;
    get(u, in, XMM0, in->op.rn);
    jit_vop_const(u, in, 0, op, XMM0, neg ? dbl ? JC_NEG_D : JC_NEG_S : dbl ? JC_ABS_D : JC_ABS_S);
}

static void root(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    get(u, in, XMM1, in->op.rn);
    em_sse_rr(&u->o, prefix_of(in->word), 0, op, XMM0, XMM1);
    check_sound(u, in, false);
}

/* op is ROUNDPS' immediate. */
static void round_lanes(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    get(u, in, XMM1, in->op.rn);
    jit_roundsd(u, is_double(in->word), true, XMM0, XMM1, op);
    check_sound(u, in, false);
}

/* FRINTA; lanes of 2^23 or 2^52 and more, and NaNs, are the handler's. */
static void round_away(struct jit_unit *u, const struct jit_insn *in, unsigned op)
{
    unsigned dbl = is_double(in->word);
    (void)op;
    get(u, in, XMM1, in->op.rn);
    copy(u, XMM2, XMM1);
    jit_vop_const(u, in, 0, 0x54, XMM2, dbl ? JC_ABS_D : JC_ABS_S);
    jit_vop_const(u, in, 0x66, 0x66, XMM2, dbl ? JC_BELOW_2_52 : JC_BELOW_2_23); /* pcmpgtd */
    if_signs(u, in, dbl, XMM2, false, jit_stub_handler);
    jit_fp_away(u, in, dbl, true);
}

static unsigned lanes_of(uint32_t word)
{
    return is_scalar(word) ? 1 : (jit_vsize(word) == JV_Q ? 4u : 2u) >> is_double(word);
}

/* SCVTF, UCVTF: 4 or 2 signed words at once, else one by one. */
static void from_int(struct jit_unit *u, const struct jit_insn *in, unsigned is_unsigned)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word);
    if (!dbl && !is_unsigned && !is_scalar(in->word)) {
        get(u, in, XMM1, in->op.rn);
        em_sse_rr(o, 0, 0, 0x5b, XMM0, XMM1); /* cvtdq2ps */
        return;
    }
    for (unsigned i = 0; i < lanes_of(in->word); i++) {
        unsigned to = i ? XMM1 : XMM0;
        jit_vlane_get(u, RAX, in->op.rn, 2 + dbl, i, -1);
        if (dbl && is_unsigned) { /* what a signed one has not */
            em_rr(o, 1, 0x85, RAX, RAX);
            jit_handler_if(u, in, CC_S);
        }
        zero(u, to);
        em_sse_rr(o, SSE_F(dbl), dbl | is_unsigned, 0x2a, to, RAX);
        if (i && dbl) {
            em_sse_rr(o, 0x66, 0, 0x6c, XMM0, XMM1); /* punpcklqdq */
        } else if (i) {
            em_sse_rr(o, 0x66, 0, 0x3a21, XMM0, XMM1); /* insertps */
            em8(o, i << 4);
        }
    }
}

/* FCVTZS: what does not fit gives the most negative number, which is the handler's. FCVTZU: so is
 * all that is not below 2^31 (words of vectors), 2^32 or 2^63, or has a sign. */
static void to_ints(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    if (in->word >> 29 & 1) {
        copy(u, XMM2, XMM1);
        jit_vop_const(u, in, 0x66, 0x66, XMM2, JC_BELOW_2_31); /* pcmpgtd */
        em_sse_rr(o, 0x66, 0, 0xeb, XMM2, XMM1);
        if_signs(u, in, 0, XMM2, false, jit_stub_handler);
    }
    em_sse_rr(o, 0xf3, 0, 0x5b, XMM0, XMM1); /* cvttps2dq */
    if (!(in->word >> 29 & 1)) {
        copy(u, XMM1, XMM0);
        jit_vop_const(u, in, 0x66, 0x76, XMM1, JC_NEG_S); /* pcmpeqd */
        if_signs(u, in, 0, XMM1, false, jit_stub_handler);
    }
}

static void to_int(struct jit_unit *u, const struct jit_insn *in, unsigned is_unsigned)
{
    struct jit_out *o = &u->o;
    unsigned dbl = is_double(in->word);
    get(u, in, XMM1, in->op.rn);
    if (!dbl && !is_scalar(in->word)) {
        to_ints(u, in);
        return;
    }
    for (unsigned i = 0; i < lanes_of(in->word); i++) {
        if (i) {
            em_sse_rr(o, 0x66, 0, 0x70, XMM1, XMM1); /* pshufd */
            em8(o, 0xee);
        }
        if (is_unsigned) {
            em_sse_rr(o, 0x66, dbl, 0x7e, XMM1, RAX);
            em_imm(o, RCX, dbl ? (UINT64_C(1023) + 63) << 52 : (127u + 32) << 23);
            em_alu_rr(o, dbl, ALU_CMP, RAX, RCX);
            jit_handler_if(u, in, CC_AE);
        }
        em_sse_rr(o, SSE_F(dbl), dbl | is_unsigned, 0x2c, RAX, XMM1);
        if (!is_unsigned) {
            em_imm(o, RCX, dbl ? UINT64_C(1) << 63 : UINT64_C(1) << 31);
            em_alu_rr(o, dbl, ALU_CMP, RAX, RCX);
            jit_handler_if(u, in, CC_E);
        }
        em_sse_rr(o, 0x66, dbl, 0x6e, i ? XMM2 : XMM0, RAX);
    }
    if (lanes_of(in->word) > 1)
        em_sse_rr(o, 0x66, 0, 0x6c, XMM0, XMM2); /* punpcklqdq */
}

// clang-format off
static const struct kind ones[] = {
    {ROW(0, 1, 0x0c), CMP_LT, zero_compare, 0}, /* FCMGT, FCMEQ, FCMLT, FCMGE, FCMLE of 0 */
    {ROW(0, 1, 0x0d), CMP_EQ, zero_compare, 0},
    {ROW(0, 1, 0x0e), CMP_LT, compare_zero, 0},
    {ROW(1, 1, 0x0c), CMP_LE, zero_compare, 0},
    {ROW(1, 1, 0x0d), CMP_LE, compare_zero, 0},
    {ROW(0, 1, 0x0f), 0x54,   bits,         0}, /* FABS: andps, FNEG: xorps */
    {ROW(1, 1, 0x0f), 0x57,   bits,         0},
    {ROW(1, 1, 0x1f), 0x51,   root,         0},
    {ROW(0, 0, 0x18), 8,      round_lanes,         A64_HOST_SSE4}, /* FRINTN, M, P, Z, A, X, I */
    {ROW(0, 0, 0x19), 8 | 1,  round_lanes,         A64_HOST_SSE4},
    {ROW(0, 1, 0x18), 8 | 2,  round_lanes,         A64_HOST_SSE4},
    {ROW(0, 1, 0x19), 8 | 3,  round_lanes,         A64_HOST_SSE4},
    {ROW(1, 0, 0x18), 0,      round_away,   A64_HOST_SSE4},
    {ROW(1, 0, 0x19), 4,      round_lanes,         A64_HOST_SSE4},
    {ROW(1, 1, 0x19), 8 | 4,  round_lanes,         A64_HOST_SSE4},
    {ROW(0, 0, 0x1d), 0,      from_int,     A64_HOST_SSE4}, /* SCVTF, UCVTF, FCVTZS, FCVTZU */
    {ROW(1, 0, 0x1d), 1,      from_int,     A64_HOST_SSE4},
    {ROW(0, 1, 0x1b), 0,      to_int,       0},
    {ROW(1, 1, 0x1b), 1,      to_int,       0},
};
// clang-format on

static unsigned props_1(uint32_t word)
{
    const struct kind *k = kind_of(ones, ARRAY_LEN(ones), row_of(word, 12));
    return k ? jit_props_host(k->need) : ~0u;
}

static void emit_1(struct jit_unit *u, const struct jit_insn *in)
{
    const struct kind *k = kind_of(ones, ARRAY_LEN(ones), row_of(in->word, 12));
    if (k->shape != bits && k->shape != from_int)
        jit_fp_check(u, in);
    k->shape(u, in, k->op);
    put(u, in);
}

/* ---- FCVTL, FCVTN between single and double; Q: the upper half ---- */
static unsigned props_half(uint32_t word)
{
    bool odd = word >> 29 & 1; /* FCVTXN */
    return is_double(word) && !odd ? JP_EXIT : ~0u;
}

static void emit_long(struct jit_unit *u, const struct jit_insn *in)
{
    jit_fp_check(u, in);
    pshufd(u, XMM1, in->op.rn, in->word >> 30 & 1 ? 0xee : 0x44);
    em_sse_rr(&u->o, 0, 0, 0x5a, XMM0, XMM1); /* cvtps2pd */
    check_lanes(u, in, 1, false, false);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

static void emit_narrow(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    jit_fp_check(u, in);
    jit_vop(u, 0x66, 0x5a, XMM0, in->op.rn); /* cvtpd2ps */
    check_lanes(u, in, 0, true, true);
    if (in->word >> 30 & 1) {
        jit_vget(u, XMM1, in->op.rd, JV_Q);
        em_sse_rr(o, 0x66, 0, 0x6c, XMM1, XMM0); /* punpcklqdq */
        copy(u, XMM0, XMM1);
    }
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

// clang-format off
const struct jit_rule jit_vec_rules[] = {
    {a64_dec_fpv_arith,  NULL, jit_props_exit,   emit_arith},
    {a64_dec_fpv_mla,    NULL, props_fma,    emit_mla},
    {a64_dec_fpv_elem,   NULL, props_elem,   emit_elem},
    {a64_dec_fpv_2,      NULL, props_2,      emit_2},
    {a64_dec_fpv_pair,   NULL, jit_props_sse4,   emit_pair},
    {a64_dec_fpv_reduce, NULL, jit_props_exit,   emit_reduce},
    {a64_dec_fpv_1,      NULL, props_1,      emit_1},
    {a64_dec_fpv_long,   NULL, props_half,   emit_long},
    {a64_dec_fpv_narrow, NULL, props_half,   emit_narrow},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
