// SPDX-License-Identifier: MIT
/*
 * jit_vec_perm.c - the JIT's Advanced SIMD that moves lanes: immediates, copies, extract, permute,
 * table lookup.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"

#include "a64_table.h"

static void copy(struct jit_unit *u, unsigned to, unsigned from)
{
    em_sse_rr(&u->o, 0, 0, 0x28, to, from); /* movaps */
}

static void pshufd(struct jit_unit *u, unsigned to, unsigned from, unsigned imm)
{
    em_sse_rr(&u->o, 0x66, 0, 0x70, to, from);
    em8(&u->o, imm);
}

/* ---- MOVI, MVNI, FMOV, ORR and BIC of immediates ---- */

/* XMM = 64 bits twice */
static void pattern(struct jit_unit *u, unsigned xmm, uint64_t v)
{
    struct jit_out *o = &u->o;
    bool words = v >> 32 == (uint32_t)v;
    if (!v || v == UINT64_MAX) {
        em_sse_rr(o, 0x66, 0, v ? 0x76 : 0xef, xmm, xmm); /* pcmpeqd, pxor */
        return;
    }
    em_imm(o, RAX, words ? (uint32_t)v : v);
    em_sse_rr(o, 0x66, !words, 0x6e, xmm, RAX);
    pshufd(u, xmm, xmm, words ? 0x00 : 0x44);
}

/* MOVI of 64 bits: bit i of imm8 is byte i, all or nothing. */
static uint64_t byte_mask(unsigned imm8)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= imm8 >> i & 1 ? UINT64_C(0xff) << 8 * i : 0;
    return v;
}

static void emit_imm(struct jit_unit *u, const struct jit_insn *in)
{
    pattern(u, XMM0, (uint32_t)in->op.imm * UINT64_C(0x100000001));
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

static void emit_imm_64(struct jit_unit *u, const struct jit_insn *in)
{
    pattern(u, XMM0, byte_mask((uint8_t)in->op.imm));
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

static void emit_imm_fp64(struct jit_unit *u, const struct jit_insn *in)
{
    pattern(u, XMM0, (uint64_t)(uint32_t)in->op.imm << 32);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

static void emit_imm_logic(struct jit_unit *u, const struct jit_insn *in)
{
    bool bic = in->word >> 29 & 1;
    pattern(u, XMM0, (uint32_t)in->op.imm * UINT64_C(0x100000001));
    jit_vop(u, 0x66, bic ? 0xdf : 0xeb, XMM0, in->op.rd); /* pandn, por */
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

/* ---- copies: op.imm is the lane, of the size that imm5 says ---- */
static unsigned copy_log(uint32_t word)
{
    return (unsigned)__builtin_ctz(word >> 16 & 31);
}

void jit_vdup(struct jit_unit *u, unsigned xmm, unsigned log)
{
    struct jit_out *o = &u->o;
    if (log < 2) { /* imul edx, edx, ... */
        em_rr(o, 0, 0x69, RDX, RDX);
        em32(o, log ? 0x00010001 : 0x01010101);
    }
    em_sse_rr(o, 0x66, log == 3, 0x6e, xmm, RDX);
    pshufd(u, xmm, xmm, log == 3 ? 0x44 : 0x00);
}

void jit_vdup_lane(struct jit_unit *u, unsigned xmm, unsigned v, unsigned log, unsigned i)
{
    if (log < 2) {
        jit_vlane_get(u, RDX, v, log, i, -1);
        jit_vdup(u, xmm, log);
    } else {
        jit_vop(u, 0x66, 0x70, xmm, v);
        em8(&u->o, log == 3 ? i ? 0xee : 0x44 : i * 0x55);
    }
}

static void emit_dup_gen(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned log = copy_log(in->word);
    jit_get(u, log == 3, RDX, in->op.rn);
    if (log < 2)
        em_rr(&u->o, 0, 0x0fb6 + log, RDX, RDX); /* movzx */
    jit_vdup(u, XMM0, log);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

static void emit_dup_elem(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned log = copy_log(in->word), lane = (unsigned)in->op.imm;
    if (in->word >> 28 & 1) { /* the scalar form */
        jit_vlane_get(u, RAX, in->op.rn, log, lane, -1);
        jit_vput_gpr(u, log == 3, RAX, in->op.rd);
    } else {
        jit_vdup_lane(u, XMM0, in->op.rn, log, lane);
        jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
    }
}

/* SMOV: Q is the size of the destination. */
static void emit_mov_out(struct jit_unit *u, const struct jit_insn *in)
{
    bool sign = !(in->word >> 12 & 1);
    jit_vlane_get(u, RAX, in->op.rn, copy_log(in->word), (unsigned)in->op.imm,
                  sign ? (int)(in->word >> 30 & 1) : -1);
    jit_put(u, RAX, in->op.rd);
}

static void emit_ins(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned log = copy_log(in->word);
    if (in->word >> 29 & 1) /* from element op.rm */
        jit_vlane_get(u, RAX, in->op.rn, log, in->op.rm, -1);
    else
        jit_get(u, log == 3, RAX, in->op.rn);
    jit_vlane_put(u, RAX, in->op.rd, log, (unsigned)in->op.imm);
}

/* ---- EXT ---- */
static void emit_ext(struct jit_unit *u, const struct jit_insn *in)
{
    if (jit_vsize(in->word) == JV_Q) {
        jit_vget(u, XMM0, in->op.rm, JV_Q);
        jit_vop(u, 0x66, 0x3a0f, XMM0, in->op.rn); /* palignr */
    } else {
        jit_vget(u, XMM0, in->op.rn, JV_Q);
        jit_vop(u, 0x66, 0x6c, XMM0, in->op.rm);  /* punpcklqdq */
        em_sse_rr(&u->o, 0x66, 0, 0x73, 3, XMM0); /* psrldq */
    }
    em8(&u->o, (unsigned)in->op.imm);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

/* ---- ZIP, UZP, TRN ---- */

/* XMM0, XMM1 = the lanes of even and of odd numbers of XMM1:XMM0; XMM2 and XMM3 are used up */
void jit_unzip_q(struct jit_unit *u, const struct jit_insn *in, unsigned size)
{
    static const uint8_t packs[] = {0x67, 0x2b}; /* packuswb, packusdw (66 0f 38) */
    struct jit_out *o = &u->o;
    copy(u, XMM2, XMM0);
    if (size == 3) {
        em_sse_rr(o, 0x66, 0, 0x6c, XMM0, XMM1); /* punpcklqdq, punpckhqdq */
        em_sse_rr(o, 0x66, 0, 0x6d, XMM2, XMM1);
    } else if (size == 2) {
        em_sse_rr(o, 0, 0, 0xc6, XMM0, XMM1); /* shufps */
        em8(o, 0x88);
        em_sse_rr(o, 0, 0, 0xc6, XMM2, XMM1);
        em8(o, 0xdd);
    } else { /* halves of lanes twice as wide, then pack them */
        unsigned op = size ? 0x3800 | packs[1] : packs[0], n = 8u << size;
        copy(u, XMM3, XMM1);
        for (unsigned x = XMM2; x <= XMM3; x++) {
            em_sse_rr(o, 0x66, 0, 0x71 + size, 2, x); /* psrl */
            em8(o, n);
        }
        for (unsigned x = XMM0; x <= XMM1; x++)
            jit_vop_const(u, in, 0x66, 0xdb, x, size ? JC_LOW_H : JC_LOW_B); /* pand */
        em_sse_rr(o, 0x66, 0, op, XMM0, XMM1);
        em_sse_rr(o, 0x66, 0, op, XMM2, XMM3);
    }
    copy(u, XMM1, XMM2);
}

void jit_unzip(struct jit_unit *u, const struct jit_insn *in, unsigned size)
{
    if (jit_vsize(in->word) == JV_D) {
        em_sse_rr(&u->o, 0x66, 0, 0x6c, XMM0, XMM1); /* punpcklqdq: both in one */
        copy(u, XMM1, XMM0);
    }
    jit_unzip_q(u, in, size);
}

static unsigned size_of(uint32_t word)
{
    return word >> 22 & 3;
}

static void emit_uzp(struct jit_unit *u, const struct jit_insn *in)
{
    bool odd = in->word >> 14 & 1;
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    jit_vget(u, XMM1, in->op.rm, JV_Q);
    jit_unzip(u, in, size_of(in->word));
    jit_vput(u, odd ? XMM1 : XMM0, in->op.rd, jit_vsize(in->word));
}

static void emit_zip(struct jit_unit *u, const struct jit_insn *in)
{
    static const uint8_t low[] = {0x60, 0x61, 0x62, 0x6c}, high[] = {0x68, 0x69, 0x6a, 0x6d};
    bool second = in->word >> 14 & 1, q = jit_vsize(in->word) == JV_Q;
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    jit_vop(u, 0x66, (second && q ? high : low)[size_of(in->word)], XMM0, in->op.rm);
    if (second && !q) {
        em_sse_rr(&u->o, 0x66, 0, 0x73, 3, XMM0); /* psrldq */
        em8(&u->o, 8);
    }
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

static void shift(struct jit_unit *u, unsigned xmm, unsigned kind, unsigned size)
{
    em_sse_rr(&u->o, 0x66, 0, 0x71 + size, kind, xmm);
    em8(&u->o, 8u << size);
}

/* Lanes twice as wide: the lower (upper) half of n below that of m. */
static void emit_trn(struct jit_unit *u, const struct jit_insn *in)
{
    enum { PSRL = 2, PSLL = 6 };
    struct jit_out *o = &u->o;
    unsigned size = size_of(in->word);
    bool second = in->word >> 14 & 1;
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    if (size == 3) {
        jit_vop(u, 0x66, second ? 0x6d : 0x6c, XMM0, in->op.rm);
    } else {
        jit_vget(u, XMM1, in->op.rm, JV_Q);
        if (second) {
            shift(u, XMM0, PSRL, size);
            shift(u, XMM1, PSRL, size);
        } else {
            shift(u, XMM0, PSLL, size);
            shift(u, XMM0, PSRL, size);
        }
        shift(u, XMM1, PSLL, size);
        em_sse_rr(o, 0x66, 0, 0xeb, XMM0, XMM1);
    }
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

/*
 * TBL: op.imm + 1 registers. An index of 16 or more, plus 0x70, has bit 7, for which PSHUFB gives
 * 0; the next register's are 16 less.
 */
static void emit_tbl(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    jit_vget(u, XMM3, in->op.rm, JV_Q);
    for (unsigned i = 0; i <= (unsigned)in->op.imm; i++) {
        unsigned to = i ? XMM1 : XMM0;
        copy(u, XMM2, XMM3);
        jit_vop_const(u, in, 0x66, 0xdc, XMM2, JC_BYTES_70); /* paddusb */
        jit_vget(u, to, (in->op.rn + i) % 32, JV_Q);
        em_sse_rr(o, 0x66, 0, 0x3800, to, XMM2); /* pshufb */
        if (i)
            em_sse_rr(o, 0x66, 0, 0xeb, XMM0, XMM1);
        if (i < (unsigned)in->op.imm)
            jit_vop_const(u, in, 0x66, 0xf8, XMM3, JC_BYTES_10); /* psubb */
    }
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

// clang-format off
const struct jit_rule jit_vec_perm_rules[] = {
    {a64_dec_movi_32,     NULL, jit_props_exit, emit_imm},
    {a64_dec_mvni_32,     NULL, jit_props_exit, emit_imm},
    {a64_dec_movi_16,     NULL, jit_props_exit, emit_imm},
    {a64_dec_mvni_16,     NULL, jit_props_exit, emit_imm},
    {a64_dec_movi_msl,    NULL, jit_props_exit, emit_imm},
    {a64_dec_mvni_msl,    NULL, jit_props_exit, emit_imm},
    {a64_dec_movi_8,      NULL, jit_props_exit, emit_imm},
    {a64_dec_fmov_imm_32, NULL, jit_props_exit, emit_imm},
    {a64_dec_movi_64,     NULL, jit_props_exit, emit_imm_64},
    {a64_dec_fmov_imm_64, NULL, jit_props_exit, emit_imm_fp64},
    {a64_dec_orr_imm_32,  NULL, jit_props_exit, emit_imm_logic},
    {a64_dec_orr_imm_16,  NULL, jit_props_exit, emit_imm_logic},
    {a64_dec_bic_imm_32,  NULL, jit_props_exit, emit_imm_logic},
    {a64_dec_bic_imm_16,  NULL, jit_props_exit, emit_imm_logic},
    {a64_dec_dup_elem,    NULL, jit_props_exit, emit_dup_elem},
    {a64_dec_dup_gen,     NULL, jit_props_exit, emit_dup_gen},
    {a64_dec_smov,        NULL, jit_props_exit, emit_mov_out},
    {a64_dec_umov,        NULL, jit_props_exit, emit_mov_out},
    {a64_dec_ins_gen,     NULL, jit_props_exit, emit_ins},
    {a64_dec_ins_elem,    NULL, jit_props_exit, emit_ins},
    {a64_dec_ext_v,       NULL, jit_props_sse4, emit_ext},
    {a64_dec_uzp1_v,      NULL, jit_props_sse4, emit_uzp},
    {a64_dec_uzp2_v,      NULL, jit_props_sse4, emit_uzp},
    {a64_dec_zip1_v,      NULL, jit_props_exit, emit_zip},
    {a64_dec_zip2_v,      NULL, jit_props_exit, emit_zip},
    {a64_dec_trn1_v,      NULL, jit_props_exit, emit_trn},
    {a64_dec_trn2_v,      NULL, jit_props_exit, emit_trn},
    {a64_dec_tbl_v,       NULL, jit_props_sse4, emit_tbl},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
