// SPDX-License-Identifier: MIT
/*
 * jit_vec_int.c - the JIT's Advanced SIMD on integers whose lanes keep their size: the same
 * operation on all lanes, on pairs of them, across a register; shifts by immediates.
 *
 * A row of a table says what the host has for each size of a lane; its shape is the rest of the
 * code, which leaves the result in XMM0. Scalar forms are those of one lane of 8 bytes.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"

#include "a64_table.h"

enum { SSE4 = A64_HOST_SSE4 };

/* XMM1 is free for shapes that end so. */
static void invert(struct jit_unit *u)
{
    em_sse_rr(&u->o, 0x66, 0, 0x76, XMM1, XMM1); /* pcmpeqd: all ones */
    em_sse_rr(&u->o, 0x66, 0, 0xef, XMM0, XMM1); /* pxor */
}

static void zero(struct jit_unit *u, unsigned xmm)
{
    em_sse_rr(&u->o, 0x66, 0, 0xef, xmm, xmm);
}

static void copy(struct jit_unit *u, unsigned to, unsigned from)
{
    em_sse_rr(&u->o, 0, 0, 0x28, to, from); /* movaps */
}

/* padd, psub, pcmpeq by size */
static const uint16_t adds[] = {0xfc, 0xfd, 0xfe, 0xd4}, subs[] = {0xf8, 0xf9, 0xfa, 0xfb},
                      equals[] = {0x74, 0x75, 0x76, 0x3829};

struct lanes {
    void (*dec)(struct a64_op *op, uint32_t insn);
    void (*shape)(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size);
    uint8_t need;    /* A64_HOST_... */
    uint16_t ops[4]; /* 66 0f op by element size; 0: the handler's */
};

/* ---- shapes: of two sources ---- */
static void plain(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)size;
    jit_vbinary(u, 0x66, op, in->op.rn, in->op.rm, JV_Q);
}

/* PANDN inverts its first operand, BIC the second. */
static void swapped(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)size;
    jit_vbinary(u, 0x66, op, in->op.rm, in->op.rn, JV_Q);
}

/* n >= m, as not m > n */
static void not_swapped(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    swapped(u, in, op, size);
    invert(u);
}

/* n >= m, unsigned: n is the greater one */
static void high_same(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    plain(u, in, op, size);
    jit_vop(u, 0x66, equals[size], XMM0, in->op.rn);
}

/* n > m, unsigned: m is not the greater one */
static void high(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    plain(u, in, op, size);
    jit_vop(u, 0x66, equals[size], XMM0, in->op.rm);
    invert(u);
}

/* op is pcmpeq */
static void test(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    plain(u, in, 0xdb, size); /* pand */
    zero(u, XMM1);
    em_sse_rr(&u->o, 0x66, 0, op, XMM0, XMM1);
    invert(u);
}

static void or_not(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)size;
    jit_vget(u, XMM0, in->op.rm, JV_Q);
    invert(u);
    jit_vop(u, 0x66, op, XMM0, in->op.rn);
}

/* BSL: d ? n : m */
static void select_d(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)op;
    (void)size;
    jit_vget(u, XMM1, in->op.rd, JV_Q);
    copy(u, XMM0, XMM1);
    jit_vop(u, 0x66, 0xdb, XMM0, in->op.rn); /* pand */
    jit_vop(u, 0x66, 0xdf, XMM1, in->op.rm); /* pandn */
    em_sse_rr(&u->o, 0x66, 0, 0xeb, XMM0, XMM1);
}

/* BIT, BIF: d ^ ((d ^ n) & m), or & ~m; op is pand or pandn */
static void insert(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)size;
    jit_vget(u, XMM1, in->op.rd, JV_Q);
    jit_vop(u, 0x66, 0xef, XMM1, in->op.rn);
    jit_vget(u, XMM0, in->op.rm, JV_Q);
    em_sse_rr(&u->o, 0x66, 0, op, XMM0, XMM1);
    jit_vop(u, 0x66, 0xef, XMM0, in->op.rd);
}

static void plus_d(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    plain(u, in, op, size);
    jit_vop(u, 0x66, adds[size], XMM0, in->op.rd);
}

static void minus_d(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    plain(u, in, op, size);
    copy(u, XMM1, XMM0);
    jit_vget(u, XMM0, in->op.rd, JV_Q);
    em_sse_rr(&u->o, 0x66, 0, subs[size], XMM0, XMM1);
}

/* |n - m|: op is pmax, and each pmin is 4 below it */
static void distance(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    jit_vget(u, XMM1, in->op.rn, JV_Q);
    copy(u, XMM0, XMM1);
    jit_vop(u, 0x66, op, XMM0, in->op.rm);
    jit_vop(u, 0x66, op - 4, XMM1, in->op.rm);
    em_sse_rr(&u->o, 0x66, 0, subs[size], XMM0, XMM1);
}

static void distance_d(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    distance(u, in, op, size);
    jit_vop(u, 0x66, adds[size], XMM0, in->op.rd);
}

/* UHADD: PAVG rounds up; of inverted numbers, inverted, it rounds down. */
static void halving(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    struct jit_out *o = &u->o;
    (void)size;
    em_sse_rr(o, 0x66, 0, 0x76, XMM2, XMM2);
    copy(u, XMM0, XMM2);
    copy(u, XMM1, XMM2);
    jit_vop(u, 0x66, 0xef, XMM0, in->op.rn);
    jit_vop(u, 0x66, 0xef, XMM1, in->op.rm);
    em_sse_rr(o, 0x66, 0, op, XMM0, XMM1);
    em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM2);
}

/* ---- shapes: of one source ---- */
static void from_zero(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)size;
    zero(u, XMM0);
    jit_vop(u, 0x66, op, XMM0, in->op.rn);
}

static void not_from_zero(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    from_zero(u, in, op, size);
    invert(u);
}

static void with_zero(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)size;
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    zero(u, XMM1);
    em_sse_rr(&u->o, 0x66, 0, op, XMM0, XMM1);
}

static void not_with_zero(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    with_zero(u, in, op, size);
    invert(u);
}

static void single(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)size;
    jit_vop(u, 0x66, op, XMM0, in->op.rn);
}

/* Bits of each byte: those of its nibbles, looked up; op is PSHUFB. */
static void count_bits(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    struct jit_out *o = &u->o;
    (void)size;
    jit_vget(u, XMM1, in->op.rn, JV_Q);
    copy(u, XMM2, XMM1);
    em_sse_rr(o, 0x66, 0, 0x71, 2, XMM2); /* psrlw */
    em8(o, 4);
    jit_vop_const(u, in, 0x66, 0xdb, XMM1, JC_NIBBLES); /* pand */
    jit_vop_const(u, in, 0x66, 0xdb, XMM2, JC_NIBBLES);
    jit_vop_const(u, in, 0, 0x28, XMM0, JC_COUNTS);
    copy(u, XMM3, XMM0);
    em_sse_rr(o, 0x66, 0, op, XMM0, XMM1);
    em_sse_rr(o, 0x66, 0, op, XMM3, XMM2);
    em_sse_rr(o, 0x66, 0, 0xfc, XMM0, XMM3);
}

/* REV16, REV32, REV64 by bytes; halves by PSHUFLW and PSHUFHW, words by PSHUFD. */
static void reverse(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    struct jit_out *o = &u->o;
    if (!size) {
        jit_vget(u, XMM0, in->op.rn, JV_Q);
        jit_vop_const(u, in, 0x66, 0x3800, XMM0, (enum jit_const)op); /* pshufb */
    } else if (size == 1) {
        jit_vop(u, 0xf2, 0x70, XMM0, in->op.rn);
        em8(o, op);
        em_sse_rr(o, 0xf3, 0, 0x70, XMM0, XMM0);
        em8(o, op);
    } else {
        jit_vop(u, 0x66, 0x70, XMM0, in->op.rn);
        em8(o, op);
    }
}

/* ---- shapes: pairs of lanes, all lanes ---- */
static void pairs(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    jit_vget(u, XMM1, in->op.rm, JV_Q);
    jit_unzip(u, in, size);
    em_sse_rr(&u->o, 0x66, 0, op, XMM0, XMM1);
}

static void scalar_pair(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    (void)size;
    jit_vop(u, 0x66, 0x70, XMM0, in->op.rn); /* pshufd */
    em8(&u->o, 0xee);
    jit_vop(u, 0x66, op, XMM0, in->op.rn);
}

/* The upper half of what is left onto the lower, until one lane is left. */
static void across(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    struct jit_out *o = &u->o;
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    for (unsigned half = jit_vsize(in->word) == JV_Q ? 8 : 4; half >= 1u << size; half /= 2) {
        copy(u, XMM1, XMM0);
        em_sse_rr(o, 0x66, 0, 0x73, 3, XMM1); /* psrldq */
        em8(o, half);
        em_sse_rr(o, 0x66, 0, op, XMM0, XMM1);
    }
    em_sse_rr(o, 0x66, 0, 0x7e, XMM0, RAX); /* movd */
    if (size < 2)
        em_rr(o, 0, 0x0fb6 + size, RAX, RAX); /* movzx */
    em_sse_rr(o, 0x66, 0, 0x6e, XMM0, RAX);
}

/* UADDLV of bytes; op is PSADBW */
static void across_long(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    struct jit_out *o = &u->o;
    (void)size;
    jit_vget(u, XMM0, in->op.rn, jit_vsize(in->word));
    zero(u, XMM1);
    em_sse_rr(o, 0x66, 0, op, XMM0, XMM1);
    em_sse_rr(o, 0x66, 0, 0x70, XMM1, XMM0); /* pshufd */
    em8(o, 0xee);
    em_sse_rr(o, 0x66, 0, 0xd4, XMM0, XMM1);
    em_sse_rr(o, 0xf3, 0, 0x7e, XMM0, XMM0);
}

/* Sums of neighbours, unsigned, in lanes twice as wide; op adds those. */
static void pairs_long(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    struct jit_out *o = &u->o;
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    copy(u, XMM1, XMM0);
    em_sse_rr(o, 0x66, 0, 0x71 + size, 2, XMM1); /* psrl */
    em8(o, 8u << size);
    em_sse_rr(o, 0x66, 0, 0x71 + size, 6, XMM0); /* psll */
    em8(o, 8u << size);
    em_sse_rr(o, 0x66, 0, 0x71 + size, 2, XMM0);
    em8(o, 8u << size);
    em_sse_rr(o, 0x66, 0, op, XMM0, XMM1);
}

static void pairs_long_d(struct jit_unit *u, const struct jit_insn *in, unsigned op, unsigned size)
{
    pairs_long(u, in, op, size);
    jit_vop(u, 0x66, op, XMM0, in->op.rd);
}

// clang-format off
#define LANES(X) \
    X(add_v,     plain,         0,    0xfc,   0xfd,   0xfe,   0xd4) \
    X(sub_v,     plain,         0,    0xf8,   0xf9,   0xfa,   0xfb) \
    X(and_v,     plain,         0,    0xdb,   0xdb,   0xdb,   0xdb) \
    X(orr_v,     plain,         0,    0xeb,   0xeb,   0xeb,   0xeb) \
    X(eor_v,     plain,         0,    0xef,   0xef,   0xef,   0xef) \
    X(bic_v,     swapped,       0,    0xdf,   0xdf,   0xdf,   0xdf) \
    X(orn_v,     or_not,        0,    0xeb,   0xeb,   0xeb,   0xeb) \
    X(bsl_v,     select_d,      0,    1,      1,      1,      1) \
    X(bit_v,     insert,        0,    0xdb,   0xdb,   0xdb,   0xdb) \
    X(bif_v,     insert,        0,    0xdf,   0xdf,   0xdf,   0xdf) \
    X(cmeq_v,    plain,         SSE4, 0x74,   0x75,   0x76,   0x3829) \
    X(cmgt_v,    plain,         SSE4, 0x64,   0x65,   0x66,   0x3837) \
    X(cmge_v,    not_swapped,   SSE4, 0x64,   0x65,   0x66,   0x3837) \
    X(cmhi_v,    high,          SSE4, 0xde,   0x383e, 0x383f, 0) \
    X(cmhs_v,    high_same,     SSE4, 0xde,   0x383e, 0x383f, 0) \
    X(cmtst_v,   test,          SSE4, 0x74,   0x75,   0x76,   0x3829) \
    X(cmeq_z,    from_zero,     SSE4, 0x74,   0x75,   0x76,   0x3829) \
    X(cmlt_z,    from_zero,     SSE4, 0x64,   0x65,   0x66,   0x3837) \
    X(cmge_z,    not_from_zero, SSE4, 0x64,   0x65,   0x66,   0x3837) \
    X(cmgt_z,    with_zero,     SSE4, 0x64,   0x65,   0x66,   0x3837) \
    X(cmle_z,    not_with_zero, SSE4, 0x64,   0x65,   0x66,   0x3837) \
    X(smax_v,    plain,         SSE4, 0x383c, 0xee,   0x383d, 0) \
    X(smin_v,    plain,         SSE4, 0x3838, 0xea,   0x3839, 0) \
    X(umax_v,    plain,         SSE4, 0xde,   0x383e, 0x383f, 0) \
    X(umin_v,    plain,         SSE4, 0xda,   0x383a, 0x383b, 0) \
    X(sabd_v,    distance,      SSE4, 0x383c, 0xee,   0x383d, 0) \
    X(uabd_v,    distance,      SSE4, 0xde,   0x383e, 0x383f, 0) \
    X(saba_v,    distance_d,    SSE4, 0x383c, 0xee,   0x383d, 0) \
    X(uaba_v,    distance_d,    SSE4, 0xde,   0x383e, 0x383f, 0) \
    X(mul_v,     plain,         SSE4, 0,      0xd5,   0x3840, 0) \
    X(mla_v,     plus_d,        SSE4, 0,      0xd5,   0x3840, 0) \
    X(mls_v,     minus_d,       SSE4, 0,      0xd5,   0x3840, 0) \
    X(urhadd_v,  plain,         0,    0xe0,   0xe3,   0,      0) \
    X(uhadd_v,   halving,       0,    0xe0,   0xe3,   0,      0) \
    X(neg_v,     from_zero,     0,    0xf8,   0xf9,   0xfa,   0xfb) \
    X(abs_v,     single,        SSE4, 0x381c, 0x381d, 0x381e, 0) \
    X(not_v,     not_from_zero, 0,    0xeb,   0,      0,      0) \
    X(cnt_v,     count_bits,    SSE4, 0x3800, 0,      0,      0) \
    X(rev64_v,   reverse,       SSE4, JC_REV64, 0x1b, 0xb1,   0) \
    X(rev32_v,   reverse,       SSE4, JC_REV32, 0xb1, 0,      0) \
    X(rev16_v,   reverse,       SSE4, JC_REV16, 0,    0,      0) \
    X(addp_v,    pairs,         SSE4, 0xfc,   0xfd,   0xfe,   0xd4) \
    X(smaxp_v,   pairs,         SSE4, 0x383c, 0xee,   0x383d, 0) \
    X(sminp_v,   pairs,         SSE4, 0x3838, 0xea,   0x3839, 0) \
    X(umaxp_v,   pairs,         SSE4, 0xde,   0x383e, 0x383f, 0) \
    X(uminp_v,   pairs,         SSE4, 0xda,   0x383a, 0x383b, 0) \
    X(addp_s,    scalar_pair,   0,    0,      0,      0,      0xd4) \
    X(addv_v,    across,        SSE4, 0xfc,   0xfd,   0xfe,   0) \
    X(smaxv_v,   across,        SSE4, 0x383c, 0xee,   0x383d, 0) \
    X(sminv_v,   across,        SSE4, 0x3838, 0xea,   0x3839, 0) \
    X(umaxv_v,   across,        SSE4, 0xde,   0x383e, 0x383f, 0) \
    X(uminv_v,   across,        SSE4, 0xda,   0x383a, 0x383b, 0) \
    X(uaddlv_v,  across_long,   0,    0xf6,   0,      0,      0) \
    X(uaddlp_v,  pairs_long,    0,    0xfd,   0xfe,   0xd4,   0) \
    X(uadalp_v,  pairs_long_d,  0,    0xfd,   0xfe,   0xd4,   0)

#define LANES_ROW(name, shape, need, b, h, s, d) {a64_dec_##name, shape, need, {b, h, s, d}},
static const struct lanes lanes[] = {LANES(LANES_ROW)};
// clang-format on

static const struct lanes *lanes_of(uint32_t word)
{
    const struct lanes *l = lanes;
    while (l->dec != a64_decode(word)->decode)
        l++;
    return l;
}

static unsigned props_lanes(uint32_t word)
{
    const struct lanes *l = lanes_of(word);
    unsigned size = word >> 22 & 3;
    bool scalar = word >> 28 & 1;
    return !l->ops[size] || (scalar && size < 3) ? ~0u : jit_props_host(l->need);
}

static void emit_lanes(struct jit_unit *u, const struct jit_insn *in)
{
    const struct lanes *l = lanes_of(in->word);
    unsigned size = in->word >> 22 & 3;
    l->shape(u, in, l->ops[size], size);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

/* ---- shifts by immediates: op.imm is the distance ---- */
enum shift { SHIFT_R = 2, SHIFT_RS = 4, SHIFT_L = 6 }; /* /n of psrl, psra, psll */

static unsigned shift_size(uint32_t word)
{
    return 28u - (unsigned)__builtin_clz(word >> 16 & 127);
}

static void psh(struct jit_unit *u, unsigned xmm, enum shift kind, unsigned size, unsigned n)
{
    em_sse_rr(&u->o, 0x66, 0, 0x70 + size, kind, xmm); /* by words, double words, quad words */
    em8(&u->o, n);
}

/* XMM1 = a byte in all bytes */
static void all_bytes(struct jit_unit *u, unsigned byte)
{
    em_imm(&u->o, RAX, (byte & 0xff) * 0x01010101u);
    em_sse_rr(&u->o, 0x66, 0, 0x6e, XMM1, RAX);
    em_sse_rr(&u->o, 0x66, 0, 0x70, XMM1, XMM1);
    em8(&u->o, 0);
}

/* Bytes shift as halves, less what comes in from the neighbour; what then is the sign of a signed
 * one is extended by x ^ sign - sign. */
static void shift_bytes(struct jit_unit *u, enum shift kind, unsigned n)
{
    struct jit_out *o = &u->o;
    psh(u, XMM0, kind == SHIFT_L ? SHIFT_L : SHIFT_R, 1, n);
    all_bytes(u, kind == SHIFT_L ? 0xffu << n : 0xffu >> n);
    em_sse_rr(o, 0x66, 0, 0xdb, XMM0, XMM1);
    if (kind == SHIFT_RS) {
        all_bytes(u, 0x80u >> n);
        em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM1);
        em_sse_rr(o, 0x66, 0, 0xf8, XMM0, XMM1);
    }
}

/* XMM0 = Vn shifted; bytes of a signed shift by 8: as by 7 */
static void shift(struct jit_unit *u, const struct jit_insn *in, enum shift kind, unsigned size)
{
    struct jit_out *o = &u->o;
    unsigned n = (unsigned)in->op.imm;
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    if (!size) {
        shift_bytes(u, kind, kind == SHIFT_RS && n == 8 ? 7 : n);
    } else if (size == 3 && kind == SHIFT_RS) { /* no PSRAQ: inverted while negative */
        zero(u, XMM1);
        em_sse_rr(o, 0x66, 0, 0x3837, XMM1, XMM0); /* pcmpgtq */
        em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM1);
        psh(u, XMM0, SHIFT_R, size, n);
        em_sse_rr(o, 0x66, 0, 0xef, XMM0, XMM1);
    } else {
        psh(u, XMM0, kind, size, n);
    }
}

/* SHL: opcode 01010, SSHR and USHR 00000, SSRA and USRA 00010 */
static void emit_shift(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned size = shift_size(in->word), opcode = in->word >> 11 & 31;
    bool is_unsigned = in->word >> 29 & 1;
    shift(u, in, opcode == 10 ? SHIFT_L : is_unsigned ? SHIFT_R : SHIFT_RS, size);
    if (opcode == 2)
        jit_vop(u, 0x66, adds[size], XMM0, in->op.rd);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

static unsigned props_shift(uint32_t word)
{
    return jit_props_host(shift_size(word) == 3 ? SSE4 : 0);
}

/*
 * SSHL, USHL of words and double words: by the signed low byte of Vm's lane, to the right when that
 * is negative. As an unsigned number it, or its negative, is then too much for one of the two
 * directions, which gives 0; but the sign, for a signed number to the right.
 */
static void emit_shift_reg(struct jit_unit *u, const struct jit_insn *in)
{
    enum { VPSRLV = 0x3845, VPSRAV, VPSLLV };
    struct jit_out *o = &u->o;
    unsigned size = in->word >> 22 & 3, w = size == 3, up = (8u << size) - 8;
    bool is_unsigned = in->word >> 29 & 1;
    jit_vget(u, XMM1, in->op.rm, JV_Q);
    zero(u, XMM2);
    em_sse_rr(o, 0x66, 0, subs[size], XMM2, XMM1);
    psh(u, XMM1, SHIFT_L, size, up);
    psh(u, XMM2, SHIFT_L, size, up);
    copy(u, XMM4, XMM1);
    psh(u, XMM1, SHIFT_R, size, up);
    psh(u, XMM2, SHIFT_R, size, up);
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    em_vex_rr(o, 0x66, w, VPSLLV, XMM3, XMM0, XMM1);
    em_vex_rr(o, 0x66, w, is_unsigned ? VPSRLV : VPSRAV, XMM0, XMM0, XMM2);
    if (!is_unsigned) {
        psh(u, XMM4, SHIFT_RS, size, 31);
        em_sse_rr(o, 0x66, 0, 0xdb, XMM0, XMM4); /* pand */
    }
    em_sse_rr(o, 0x66, 0, 0xeb, XMM0, XMM3);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

/* No VPSRAVQ. */
static unsigned props_shift_reg(uint32_t word)
{
    unsigned size = word >> 22 & 3;
    return size < 2 || (size == 3 && !(word >> 29 & 1)) ? ~0u : jit_props_host(A64_HOST_AVX2);
}

/* SRI, SLI: the bits that the shift does not fill stay. Not of bytes. */
static void emit_shift_insert(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned size = shift_size(in->word);
    enum shift kind = (in->word >> 11 & 31) == 10 ? SHIFT_L : SHIFT_R;
    shift(u, in, kind, size);
    em_sse_rr(&u->o, 0x66, 0, 0x76, XMM1, XMM1);
    psh(u, XMM1, kind, size, (unsigned)in->op.imm);
    jit_vop(u, 0x66, 0xdf, XMM1, in->op.rd); /* pandn */
    em_sse_rr(&u->o, 0x66, 0, 0xeb, XMM0, XMM1);
    jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
}

static unsigned props_shift_insert(uint32_t word)
{
    return shift_size(word) ? JP_EXIT : ~0u;
}

// clang-format off
#define LANES_RULE(name, ...) {a64_dec_##name, NULL, props_lanes, emit_lanes},
const struct jit_rule jit_vec_int_rules[] = {
    LANES(LANES_RULE)
    {a64_dec_shl_i,  NULL, props_shift,        emit_shift},
    {a64_dec_sshr_i, NULL, props_shift,        emit_shift},
    {a64_dec_ushr_i, NULL, props_shift,        emit_shift},
    {a64_dec_ssra_i, NULL, props_shift,        emit_shift},
    {a64_dec_usra_i, NULL, props_shift,        emit_shift},
    {a64_dec_sshl_v, NULL, props_shift_reg,    emit_shift_reg},
    {a64_dec_ushl_v, NULL, props_shift_reg,    emit_shift_reg},
    {a64_dec_sri_i,  NULL, props_shift_insert, emit_shift_insert},
    {a64_dec_sli_i,  NULL, props_shift_insert, emit_shift_insert},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
