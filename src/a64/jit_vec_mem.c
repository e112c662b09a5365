// SPDX-License-Identifier: MIT
/*
 * jit_vec_mem.c - the JIT's loads and stores of Advanced SIMD structures: LD1 and ST1 of 1 to 4
 * registers, LD2 to LD4, ST2 to ST4, one lane, LD1R; the literal LDR.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"

#include "a64_table.h"

/* Multiple structures: how many registers, by opcode. */
enum { LANES = 1 << 3 }; /* LD2 to LD4, ST2 to ST4: lanes go to the registers in turn */

static unsigned multi_kind(uint32_t word)
{
    static const uint8_t kinds[16] = {
        [7] = 1, [10] = 2, [6] = 3, [2] = 4, [8] = 2 | LANES, [4] = 3 | LANES, [0] = 4 | LANES};
    return kinds[word >> 12 & 15];
}

static unsigned props_multi(uint32_t word)
{
    unsigned kind = multi_kind(word);
    return !kind ? ~0u : jit_props_host(kind & LANES ? A64_HOST_SSE4 : 0);
}

/* XMM = 16 or 8 bytes of the guest's memory, and back */
static void load(struct jit_unit *u, unsigned xmm, bool q, unsigned off)
{
    em_sse_rx(&u->o, q ? 0 : 0xf3, 0, q ? 0x10 : 0x7e, xmm, (int32_t)off); /* movups, movq */
}

static const uint8_t punpckl[] = {0x60, 0x61, 0x62, 0x6c}, punpckh[] = {0x68, 0x69, 0x6a, 0x6d};

static void store(struct jit_unit *u, unsigned xmm, bool q, unsigned off)
{
    em_sse_rx(&u->o, q ? 0 : 0x66, 0, q ? 0x11 : 0xd6, xmm, (int32_t)off);
}

static unsigned nth(const struct jit_insn *in, unsigned i)
{
    return (in->op.rd + i) % 32;
}

/* XMM1:XMM0 unzipped to registers `even` and `odd`. */
static void unzip_to(struct jit_unit *u, const struct jit_insn *in, enum jit_vsize size,
                     unsigned even, unsigned odd)
{
    jit_unzip_q(u, in, in->word >> 10 & 3);
    jit_vput(u, XMM0, nth(in, even), size);
    jit_vput(u, XMM1, nth(in, odd), size);
}

static void load2(struct jit_unit *u, const struct jit_insn *in, bool q)
{
    load(u, XMM0, true, 0);
    if (q)
        load(u, XMM1, true, 16);
    else
        em_sse_rr(&u->o, 0, 0, 0x28, XMM1, XMM0);
    unzip_to(u, in, q ? JV_Q : JV_D, 0, 1);
}

/* Twice: lanes of even numbers are those of registers 0 and 2 in turn. */
static void load4(struct jit_unit *u, const struct jit_insn *in, bool q)
{
    for (unsigned i = 0; i < (q ? 4u : 2u); i += 2) {
        load(u, XMM0, true, 16 * i);
        load(u, XMM1, true, 16 * i + 16);
        unzip_to(u, in, JV_Q, i, i + 1);
    }
    for (unsigned i = 0; i < 2; i++) {
        jit_vget(u, XMM0, nth(in, i), JV_Q);
        jit_vget(u, XMM1, nth(in, q ? i + 2 : i), JV_Q);
        unzip_to(u, in, q ? JV_Q : JV_D, i, i + 2);
    }
}

/* XMM0 = bytes of XMM3 and those after it, each of which a constant of three selects */
static void select3(struct jit_unit *u, const struct jit_insn *in, unsigned c, unsigned step,
                    unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        unsigned to = k ? XMM1 : XMM0;
        em_sse_rr(&u->o, 0, 0, 0x28, to, XMM3 + k);
        jit_vop_const(u, in, 0x66, 0x3800, to, (enum jit_const)(c + k * step)); /* pshufb */
        if (k)
            em_sse_rr(&u->o, 0x66, 0, 0xeb, XMM0, XMM1);
    }
}

static void load3(struct jit_unit *u, const struct jit_insn *in, bool q)
{
    unsigned c = JC_LD3 + 9 * (in->word >> 10 & 3), n = q ? 3 : 2;
    for (unsigned k = 0; k < n; k++)
        load(u, XMM3 + k, q || !k, 16 * k);
    for (unsigned r = 0; r < 3; r++) {
        select3(u, in, c + 3 * r, 1, n);
        jit_vput(u, XMM0, nth(in, r), q ? JV_Q : JV_D);
    }
}

static void store3(struct jit_unit *u, const struct jit_insn *in, bool q)
{
    unsigned c = JC_ST3 + 9 * (in->word >> 10 & 3), n = q ? 3 : 2;
    for (unsigned r = 0; r < 3; r++)
        jit_vget(u, XMM3 + r, nth(in, r), JV_Q);
    for (unsigned k = 0; k < n; k++) {
        select3(u, in, c + k, 3, 3);
        store(u, XMM0, q || !k, 16 * k);
    }
}

static void store2(struct jit_unit *u, const struct jit_insn *in, bool q)
{
    unsigned size = in->word >> 10 & 3;
    jit_vget(u, XMM0, nth(in, 0), JV_Q);
    jit_vop(u, 0x66, punpckl[size], XMM0, nth(in, 1));
    store(u, XMM0, true, 0);
    if (q) {
        jit_vget(u, XMM0, nth(in, 0), JV_Q);
        jit_vop(u, 0x66, punpckh[size], XMM0, nth(in, 1));
        store(u, XMM0, true, 16);
    }
}

static void store4(struct jit_unit *u, const struct jit_insn *in, bool q)
{
    unsigned size = in->word >> 10 & 3;
    for (unsigned half = 0; half < (q ? 2u : 1u); half++) {
        const uint8_t *op = half ? punpckh : punpckl;
        jit_vget(u, XMM0, nth(in, 0), JV_Q);
        jit_vget(u, XMM1, nth(in, 1), JV_Q);
        jit_vop(u, 0x66, op[size], XMM0, nth(in, 2));
        jit_vop(u, 0x66, op[size], XMM1, nth(in, 3));
        em_sse_rr(&u->o, 0, 0, 0x28, XMM2, XMM0);
        em_sse_rr(&u->o, 0x66, 0, punpckl[size], XMM0, XMM1);
        em_sse_rr(&u->o, 0x66, 0, punpckh[size], XMM2, XMM1);
        store(u, XMM0, true, 32 * half);
        store(u, XMM2, true, 32 * half + 16);
    }
}

/* Write-back, by a register or by the bytes that were accessed. RAX is the address. */
static void post_index(struct jit_unit *u, const struct jit_insn *in, unsigned len)
{
    unsigned rm = in->word >> 16 & 31;
    if (!(in->word >> 23 & 1))
        return;
    if (rm == 31) {
        em_alu_ri(&u->o, 1, ALU_ADD, RAX, (int32_t)len);
    } else {
        jit_get(u, 1, RCX, rm);
        em_alu_rr(&u->o, 1, ALU_ADD, RAX, RCX);
    }
    jit_put(u, RAX, in->op.rn);
    jit_sp_moves(u, in->op.rn, false);
}

static void emit_multi(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned kind = multi_kind(in->word), n = kind & ~(unsigned)LANES;
    bool q = in->word >> 30 & 1, is_load = in->word >> 22 & 1;
    unsigned bytes = q ? 16 : 8;
    jit_get(u, 1, RAX, in->op.rn);
    jit_l0(u, in, n * bytes, !is_load, BANK_OWN);
    if (kind & LANES) {
        static void (*const fns[3][2])(struct jit_unit * u, const struct jit_insn *in, bool q) = {
            {store2, load2},
            {store3, load3},
            {store4, load4}
        };
        fns[n - 2][is_load](u, in, q);
    } else {
        for (unsigned i = 0; i < n; i++) {
            unsigned v = nth(in, i);
            if (is_load) {
                load(u, XMM0, q, i * bytes);
                jit_vput(u, XMM0, v, JV_Q);
            } else {
                jit_vget(u, XMM0, v, JV_Q);
                store(u, XMM0, q, i * bytes);
            }
        }
    }
    post_index(u, in, n * bytes);
}

/* One register: op.imm is the element's size and above it the lane; opcode 11x replicates it. */
static unsigned props_lane(uint32_t word)
{
    return (word & 0x00202000) == 0 ? JP_EXIT : ~0u;
}

/* XMM0 = 1 << log bytes of the guest's memory in all lanes */
static void load_all(struct jit_unit *u, unsigned log)
{
    struct jit_out *o = &u->o;
    if (log < 2) {
        em_rx(o, 0, 0x0fb6 + log, RDX, RCX, RAX, 0, 0); /* movzx */
        jit_vdup(u, XMM0, log);
    } else if (log == 3 && a64_host() & A64_HOST_SSE4) {
        em_sse_rx(o, 0xf2, 0, 0x12, XMM0, 0); /* movddup, of SSE3 */
    } else {
        em_sse_rx(o, 0x66, log == 3, 0x6e, XMM0, 0); /* movd, movq */
        em_sse_rr(o, 0x66, 0, 0x70, XMM0, XMM0);     /* pshufd */
        em8(o, log == 3 ? 0x44 : 0x00);
    }
}

static void emit_ld_lane(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned log = in->op.imm & 3;
    jit_get(u, 1, RAX, in->op.rn);
    jit_l0(u, in, 1u << log, false, BANK_OWN);
    if ((in->word >> 14 & 3) == 3) {
        load_all(u, log);
        jit_vput(u, XMM0, in->op.rd, jit_vsize(in->word));
    } else {
        em_rx(&u->o, log == 3, log < 2 ? 0x0fb6 + log : 0x8b, RDX, RCX, RAX, 0, 0);
        jit_vlane_put(u, RDX, in->op.rd, log, (unsigned)in->op.imm >> 2);
    }
    post_index(u, in, 1u << log);
}

static void emit_st_lane(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned log = in->op.imm & 3;
    jit_get(u, 1, RAX, in->op.rn);
    jit_l0(u, in, 1u << log, true, BANK_OWN);
    jit_vlane_get(u, RDX, in->op.rd, log, (unsigned)in->op.imm >> 2, -1);
    if (log == 1)
        em8(&u->o, 0x66);
    em_rx(&u->o, log == 3, log ? 0x89 : 0x88, RDX, RCX, RAX, 0, 0);
    post_index(u, in, 1u << log);
}

/* LDR of a literal, of 4, 8 or 16 bytes */
static void emit_literal(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned log = 2 + (in->word >> 30);
    em_load(&u->o, 1, RAX, RDI, CPU(page_va));
    em_alu_ri(&u->o, 1, ALU_ADD, RAX, (int32_t)jit_slot(u, in) * 4 + in->op.imm);
    jit_l0(u, in, 1u << log, false, BANK_OWN);
    if (log == 2)
        em_sse_rx(&u->o, 0x66, 0, 0x6e, XMM0, 0); /* movd */
    else
        load(u, XMM0, log == 4, 0);
    jit_vput(u, XMM0, in->op.rd, JV_Q);
}

// clang-format off
const struct jit_rule jit_vec_mem_rules[] = {
    {a64_dec_ldr_v_lit,     NULL, jit_props_exit,  emit_literal},
    {a64_dec_ld_multi,      NULL, props_multi, emit_multi},
    {a64_dec_ld_multi_post, NULL, props_multi, emit_multi},
    {a64_dec_st_multi,      NULL, props_multi, emit_multi},
    {a64_dec_st_multi_post, NULL, props_multi, emit_multi},
    {a64_dec_ld_lane,       NULL, props_lane,  emit_ld_lane},
    {a64_dec_ld_lane_post,  NULL, props_lane,  emit_ld_lane},
    {a64_dec_st_lane,       NULL, props_lane,  emit_st_lane},
    {a64_dec_st_lane_post,  NULL, props_lane,  emit_st_lane},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
