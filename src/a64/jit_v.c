// SPDX-License-Identifier: MIT
/*
 * jit_v.c - the guest's V registers, as operands of the host's instructions; constants; what rules
 * need.
 */
#include <assert.h>

#include "src/a64/host.h"
#include "src/a64/jit.h"

/* The XMM register that V is kept in, or 0. */
static unsigned home(struct jit_unit *u, unsigned v)
{
    assert(u->fp); /* ways in see that it does not trap */
    if (u->regs.counting)
        u->regs.v_uses[v] += u->regs.weight;
    return u->regs.v_host[v];
}

void jit_vget(struct jit_unit *u, unsigned xmm, unsigned v, enum jit_vsize size)
{
    static const uint8_t forms[][2] = {
        [JV_S] = {0xf3, 0x10}, /* movss */
        [JV_D] = {0xf3, 0x7e}, /* movq */
        [JV_Q] = {0,    0x28}, /* movaps */
    };
    unsigned h = home(u, v);
    if (!h) {
        em_sse_rm(&u->o, forms[size][0], 0, forms[size][1], xmm, VREG(v));
        return;
    }
    if (size == JV_S)                           /* a register to another would not clear the rest */
        em_sse_rr(&u->o, 0, 0, 0x57, xmm, xmm); /* xorps */
    em_sse_rr(&u->o, forms[size][0], 0, forms[size][1], xmm, h);
}

void jit_vput(struct jit_unit *u, unsigned xmm, unsigned v, enum jit_vsize size)
{
    unsigned h = home(u, v);
    u->regs.v_written |= 1u << v;
    if (size == JV_D)
        em_sse_rr(&u->o, 0xf3, 0, 0x7e, h ? h : xmm, xmm); /* movq */
    else if (h)
        em_sse_rr(&u->o, 0, 0, 0x28, h, xmm); /* movaps */
    if (!h)
        em_sse_rm(&u->o, 0, 0, 0x29, xmm, VREG(v)); /* movaps */
}

void jit_vop(struct jit_unit *u, unsigned prefix, unsigned op, unsigned xmm, unsigned v)
{
    unsigned h = home(u, v);
    if (h)
        em_sse_rr(&u->o, prefix, 0, op, xmm, h);
    else
        em_sse_rm(&u->o, prefix, 0, op, xmm, VREG(v));
}

void jit_vbinary(struct jit_unit *u, unsigned prefix, unsigned op, unsigned n, unsigned m,
                 enum jit_vsize size)
{
    jit_vget(u, XMM0, n, size);
    jit_vop(u, prefix, op, XMM0, m);
}

void jit_vfma(struct jit_unit *u, unsigned w, unsigned op, unsigned a, unsigned n, unsigned m,
              enum jit_vsize size)
{
    jit_vget(u, XMM0, a, size);
    jit_vget(u, XMM1, n, size);
    unsigned h = home(u, m);
    if (h)
        em_vex_rr(&u->o, 0x66, w, op, XMM0, XMM1, h);
    else
        em_vex_rm(&u->o, 0x66, w, op, XMM0, XMM1, VREG(m));
}

void jit_vlane_get(struct jit_unit *u, unsigned reg, unsigned v, unsigned log, unsigned i, int sign)
{
    static const uint16_t zero[] = {0x0fb6, 0x0fb7, 0x8b, 0x8b}, /* movzx, mov */
        extend[] = {0x0fbe, 0x0fbf, 0x63, 0x8b},                 /* movsx, movsxd */
        pextr[] = {0x3a14, 0x3a15, 0x3a16, 0x3a16};
    unsigned w = log == 3 || sign > 0, h = home(u, v);
    uint16_t op = (sign < 0 ? zero : extend)[log];
    if (!h) {
        em_rm(&u->o, w, op, reg, RDI, VREG(v) + (int32_t)(i << log));
        return;
    }
    if (i == 0) { /* movd, movq */
        em_sse_rr(&u->o, 0x66, log == 3, 0x7e, h, reg);
    } else { /* with SSE4, or nothing is kept */
        em_sse_rr(&u->o, 0x66, log == 3, pextr[log], h, reg);
        em8(&u->o, i);
    }
    if (log < 2 || (log == 2 && sign > 0))
        em_rr(&u->o, w, op, reg, reg);
}

/* Through XMM0, where that can be: a later load of all of V would have to wait for two stores. */
void jit_vlane_put(struct jit_unit *u, unsigned reg, unsigned v, unsigned log, unsigned i)
{
    static const uint16_t pinsr[] = {0x3a20, 0xc4, 0x3a22, 0x3a22};
    if (log == 1 || a64_host() & A64_HOST_SSE4) {
        jit_vget(u, XMM0, v, JV_Q);
        em_sse_rr(&u->o, 0x66, log == 3, pinsr[log], XMM0, reg);
        em8(&u->o, i);
        jit_vput(u, XMM0, v, JV_Q);
    } else {
        em_rm(&u->o, log == 3, log ? 0x89 : 0x88, reg, RDI, VREG(v) + (int32_t)(i << log));
    }
}

void jit_vput_gpr(struct jit_unit *u, unsigned w, unsigned reg, unsigned v)
{
    em_sse_rr(&u->o, 0x66, w, 0x6e, XMM0, reg); /* movd, movq */
    jit_vput(u, XMM0, v, JV_Q);
}

/* ---- constants ---- */
static const uint64_t consts[][2] = {
    [JC_ABS_S] = {UINT64_C(0x7fffffff7fffffff), UINT64_C(0x7fffffff7fffffff)},
    [JC_ABS_D] = {UINT64_C(0x7fffffffffffffff), UINT64_C(0x7fffffffffffffff)},
    [JC_NEG_S] = {UINT64_C(0x8000000080000000), UINT64_C(0x8000000080000000)},
    [JC_NEG_D] = {UINT64_C(0x8000000000000000), UINT64_C(0x8000000000000000)},
    [JC_NEG_S1] = {UINT64_C(0x0000000080000000), 0                           },
    [JC_NEG_D1] = {UINT64_C(0x8000000000000000), 0                           },
    [JC_EXP_S1] = {UINT64_C(0x000000007f000000), 0                           },
    [JC_EXP_D1] = {UINT64_C(0x7fe0000000000000), 0                           },
    [JC_SOUND_S] = {UINT64_C(0x8100000081000000), UINT64_C(0x8100000081000000)},
    [JC_SOUND_S2] = {UINT64_C(0x7d0000007d000000), UINT64_C(0x7d0000007d000000)},
    [JC_SOUND_D] = {UINT64_C(0x8020000000000000), UINT64_C(0x8020000000000000)},
    [JC_SOUND_D2] = {UINT64_C(0x7fa0000000000000), UINT64_C(0x7fa0000000000000)},
    [JC_NORMAL2_S] = {UINT64_C(0x0100000001000000), UINT64_C(0x0100000001000000)},
    [JC_NORMAL2_D] = {UINT64_C(0x0020000000000000), UINT64_C(0x0020000000000000)},
    [JC_BELOW_2_31] = {UINT64_C(0x4effffff4effffff), UINT64_C(0x4effffff4effffff)},
    [JC_BELOW_2_23] = {UINT64_C(0x4affffff4affffff), UINT64_C(0x4affffff4affffff)},
    [JC_BELOW_2_52] = {UINT64_C(0x432fffff7fffffff), UINT64_C(0x432fffff7fffffff)},
    [JC_LOW_B] = {UINT64_C(0x00ff00ff00ff00ff), UINT64_C(0x00ff00ff00ff00ff)},
    [JC_LOW_H] = {UINT64_C(0x0000ffff0000ffff), UINT64_C(0x0000ffff0000ffff)},
    [JC_NIBBLES] = {UINT64_C(0x0f0f0f0f0f0f0f0f), UINT64_C(0x0f0f0f0f0f0f0f0f)},
    [JC_COUNTS] = {UINT64_C(0x0302020102010100), UINT64_C(0x0403030203020201)},
    [JC_REV16] = {UINT64_C(0x0607040502030001), UINT64_C(0x0e0f0c0d0a0b0809)},
    [JC_REV32] = {UINT64_C(0x0405060700010203), UINT64_C(0x0c0d0e0f08090a0b)},
    [JC_REV64] = {UINT64_C(0x0001020304050607), UINT64_C(0x08090a0b0c0d0e0f)},
    [JC_BYTES_70] = {UINT64_C(0x7070707070707070), UINT64_C(0x7070707070707070)},
    [JC_BYTES_10] = {UINT64_C(0x1010101010101010), UINT64_C(0x1010101010101010)},
};

/* Structures of three elements: element e of register r is number 3 * e + r in memory. */
static void const_3(uint8_t b[16], unsigned c)
{
    bool store = c >= JC_ST3;
    unsigned n = c - (store ? JC_ST3 : JC_LD3), size = n / 9, r = n / 3 % 3, which = n % 3;
    for (unsigned i = 0; i < 16; i++) {
        unsigned in = i & ((1u << size) - 1), e = (store ? 16 * which + i : i) >> size;
        unsigned from = store ? e / 3 << size | in : ((3 * e + r) << size | in);
        bool here = store ? e % 3 == r : from / 16 == which;
        b[i] = here ? from % 16 : 0x80;
    }
}

enum { CONST_IMM = 1 << 8 }; /* in a stub's arg: an immediate byte follows the displacement */

static void const_at(const struct jit_stub *s, const uint8_t *at)
{
    em_target32(s->from, at - (s->arg & CONST_IMM ? 1 : 0));
}

/* Puts the constant there, for all that want it; the others find its address in `back`. */
static void stub_const(struct jit_unit *u, const struct jit_stub *s)
{
    struct jit_out *o = &u->o;
    unsigned c = s->arg & ~(unsigned)CONST_IMM;
    if (s->back) {
        const_at(s, s->back);
        return;
    }
    o->p += -(uintptr_t)o->p & 15; /* the two views are pages apart */
    for (unsigned i = 0; i < u->stubs_n; i++)
        if (u->stubs[i].emit == stub_const && !((u->stubs[i].arg ^ s->arg) & ~(unsigned)CONST_IMM))
            u->stubs[i].back = o->p;
    const_at(s, o->p);
    if (c < JC_TABLE)
        memcpy(o->p, consts[c], 16);
    else
        const_3(o->p, c);
    o->p += 16;
}

void jit_vop_const(struct jit_unit *u, const struct jit_insn *in, unsigned prefix, unsigned op,
                   unsigned xmm, enum jit_const c)
{
    jit_stub(u, in, em_sse_rip(&u->o, prefix, op, xmm), stub_const)->arg = c;
}

void jit_vop3_const(struct jit_unit *u, const struct jit_insn *in, unsigned prefix, unsigned op,
                    unsigned xmm, unsigned src, enum jit_const c, int imm)
{
    uint8_t *from = em_vex_rip(&u->o, prefix, op, xmm, src);
    jit_stub(u, in, from, stub_const)->arg = c | (imm >= 0 ? CONST_IMM : 0u);
    if (imm >= 0)
        em8(&u->o, (unsigned)imm);
}

unsigned jit_props_host(unsigned features)
{
    return (a64_host() & features) == features ? JP_EXIT : ~0u;
}

unsigned jit_props_exit(uint32_t word)
{
    (void)word;
    return JP_EXIT;
}

unsigned jit_props_sse4(uint32_t word)
{
    (void)word;
    return jit_props_host(A64_HOST_SSE4);
}
