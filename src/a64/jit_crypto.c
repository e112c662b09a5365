// SPDX-License-Identifier: MIT
/*
 * jit_crypto.c - the JIT's AES, SHA-256, polynomial products and CRC32C, where the host has the
 * like (AES-NI, SHA, PCLMULQDQ, SSE4.2; Intel SDM vol. 2).
 *
 * SHA-1 is the handler's: the host's rounds add the constants, Arm's are given them. So is CRC32,
 * whose polynomial the host does not have.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"
#include "src/a64/sem.h"

static void copy(struct jit_unit *u, unsigned to, unsigned from)
{
    em_sse_rr(&u->o, 0, 0, 0x28, to, from); /* movaps */
}

static void zero(struct jit_unit *u, unsigned xmm)
{
    em_sse_rr(&u->o, 0x66, 0, 0xef, xmm, xmm); /* pxor */
}

static void shufps(struct jit_unit *u, unsigned to, unsigned from, unsigned imm)
{
    em_sse_rr(&u->o, 0, 0, 0xc6, to, from);
    em8(&u->o, imm);
}

/* ---- AES ---- */
enum { AESIMC = 0x38db, AESENC, AESENCLAST, AESDEC, AESDECLAST };

static unsigned props_aes(uint32_t word)
{
    (void)word;
    return jit_props_host(A64_HOST_AES);
}

/* AESE, AESD: the key first, then the bytes' substitution and the rows' shift. */
static void emit_aes_round(struct jit_unit *u, const struct jit_insn *in)
{
    bool dec = in->word >> 12 & 1;
    unsigned rd = a64_rd(in->word);
    jit_vget(u, XMM0, rd, JV_Q);
    jit_vop(u, 0x66, 0xef, XMM0, a64_rn(in->word)); /* pxor */
    zero(u, XMM1);
    em_sse_rr(&u->o, 0x66, 0, dec ? AESDECLAST : AESENCLAST, XMM0, XMM1);
    jit_vput(u, XMM0, rd, JV_Q);
}

/* AESMC: a decryption's last round undone by an encryption's round, which ends with the mix. */
static void emit_aes_mix(struct jit_unit *u, const struct jit_insn *in)
{
    bool dec = in->word >> 12 & 1;
    if (dec) {
        jit_vop(u, 0x66, AESIMC, XMM0, a64_rn(in->word));
    } else {
        jit_vget(u, XMM0, a64_rn(in->word), JV_Q);
        zero(u, XMM1);
        em_sse_rr(&u->o, 0x66, 0, AESDECLAST, XMM0, XMM1);
        em_sse_rr(&u->o, 0x66, 0, AESENC, XMM0, XMM1);
    }
    jit_vput(u, XMM0, a64_rd(in->word), JV_Q);
}

/* ---- PMULL of 64-bit lanes; Q: the upper ones ---- */
static unsigned props_pmull(uint32_t word)
{
    return (word >> 22 & 3) == 3 ? jit_props_host(A64_HOST_CLMUL) : ~0u;
}

static void emit_pmull(struct jit_unit *u, const struct jit_insn *in)
{
    jit_vget(u, XMM0, in->op.rn, JV_Q);
    jit_vop(u, 0x66, 0x3a44, XMM0, in->op.rm); /* pclmulqdq */
    em8(&u->o, in->word >> 30 & 1 ? 0x11 : 0x00);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

/* ---- SHA-256 ---- */
enum { SHA256RNDS2 = 0x38cb, SHA256MSG1, SHA256MSG2 };

static unsigned props_sha256(uint32_t word)
{
    (void)word;
    return jit_props_host(A64_HOST_SHA);
}

/*
 * SHA256H, SHA256H2: four rounds. Arm keeps A..D and E..H in two registers, A and E lowest; the
 * host F E B A and H G D C (lowest first), and does two rounds at a time, that leave the new
 * F E B A in place of the old H G D C, while the old F E B A becomes the new H G D C.
 */
static void emit_sha256h(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    bool second = in->word >> 12 & 1;
    unsigned rd = a64_rd(in->word), rn = a64_rn(in->word);
    jit_vget(u, XMM2, second ? rn : rd, JV_Q); /* A..D */
    jit_vget(u, XMM1, second ? rd : rn, JV_Q);
    copy(u, XMM3, XMM1);
    shufps(u, XMM1, XMM2, 0x11); /* F E B A */
    shufps(u, XMM3, XMM2, 0xbb); /* H G D C */
    jit_vget(u, XMM0, a64_rm(in->word), JV_Q);
    em_sse_rr(o, 0, 0, SHA256RNDS2, XMM3, XMM1);
    em_sse_rr(o, 0x66, 0, 0x70, XMM0, XMM0); /* pshufd: words 2 and 3 of W + K */
    em8(o, 0xee);
    em_sse_rr(o, 0, 0, SHA256RNDS2, XMM1, XMM3);
    shufps(u, XMM1, XMM3, second ? 0x11 : 0xbb);
    jit_vput(u, XMM1, rd, JV_Q);
}

static void emit_sha256su0(struct jit_unit *u, const struct jit_insn *in)
{
    jit_vget(u, XMM0, a64_rd(in->word), JV_Q);
    jit_vop(u, 0, SHA256MSG1, XMM0, a64_rn(in->word));
    jit_vput(u, XMM0, a64_rd(in->word), JV_Q);
}

static void emit_sha256su1(struct jit_unit *u, const struct jit_insn *in)
{
    jit_vget(u, XMM0, a64_rm(in->word), JV_Q);
    jit_vop(u, 0x66, 0x3a0f, XMM0, a64_rn(in->word)); /* palignr: W9 to W12 */
    em8(&u->o, 4);
    jit_vop(u, 0x66, 0xfe, XMM0, a64_rd(in->word)); /* paddd */
    jit_vop(u, 0, SHA256MSG2, XMM0, a64_rm(in->word));
    jit_vput(u, XMM0, a64_rd(in->word), JV_Q);
}

/* ---- CRC32C: the host's CRC32, which leaves the flags alone ---- */
static unsigned props_crc(uint32_t word)
{
    bool castagnoli = word >> 12 & 1;
    return castagnoli && a64_host() & A64_HOST_SSE4 ? JP_KEEP : ~0u;
}

static void emit_crc(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned size = in->word >> 10 & 3;
    jit_get(u, 0, RAX, in->op.rn);
    jit_get(u, size == 3, RCX, in->op.rm);
    if (size == 1)
        em8(&u->o, 0x66);
    em_sse_rr(&u->o, 0xf2, size == 3, size ? 0x38f1 : 0x38f0, RAX, RCX);
    jit_put(u, RAX, in->op.rd);
}

// clang-format off
const struct jit_rule jit_crypto_rules[] = {
    {NULL,  a64_op_aese,      props_aes,    emit_aes_round},
    {NULL,  a64_op_aesd,      props_aes,    emit_aes_round},
    {NULL,  a64_op_aesmc,     props_aes,    emit_aes_mix},
    {NULL,  a64_op_aesimc,    props_aes,    emit_aes_mix},
    {NULL,  a64_op_sha256h,   props_sha256, emit_sha256h},
    {NULL,  a64_op_sha256h2,  props_sha256, emit_sha256h},
    {NULL,  a64_op_sha256su0, props_sha256, emit_sha256su0},
    {NULL,  a64_op_sha256su1, props_sha256, emit_sha256su1},
    {a64_dec_pmull_v, NULL,   props_pmull,  emit_pmull},
    {a64_dec_crc32,   NULL,   props_crc,    emit_crc},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
