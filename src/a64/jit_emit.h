// SPDX-License-Identifier: MIT
/*
 * jit_emit.h - x86-64 instructions as bytes (Intel SDM vol. 2), as few forms as the JIT needs.
 *
 * Operands in memory are [base + disp] or [base + index * scale + disp]. `w` is 1 for 64-bit, 0 for
 * 32-bit operation. Opcodes above 0xff are those of the 0x0f map, with the 0x0f in bits 15..8; a
 * mandatory prefix is given beside them.
 */
#ifndef A64_JIT_EMIT_H
#define A64_JIT_EMIT_H

#include <assert.h>

#include "vmm/base.h"

enum jit_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Condition codes, as in Jcc, SETcc and CMOVcc. */
enum jit_cc { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP };
enum { CC_L = 12, CC_GE, CC_LE, CC_G };

/* The group 1 operations: op r/m, imm by /n; op r, r/m by the opcode n << 3 | 3. */
enum jit_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum jit_shift { SH_ROL = 0, SH_ROR = 1, SH_SHL = 4, SH_SHR = 5, SH_SAR = 7 };

struct jit_out {
    uint8_t *p;      /* where the next byte goes, in the writable view */
    ptrdiff_t delta; /* from there to the executable one */
};

static inline void em8(struct jit_out *o, unsigned v)
{
    *o->p++ = (uint8_t)v;
}

static inline void em32(struct jit_out *o, uint32_t v)
{
    memcpy(o->p, &v, 4);
    o->p += 4;
}

static inline void em64(struct jit_out *o, uint64_t v)
{
    memcpy(o->p, &v, 8);
    o->p += 8;
}

/* REX (where it is needed) and the opcode. */
static inline void em_op(struct jit_out *o, unsigned w, unsigned op, unsigned reg, unsigned index,
                         unsigned base)
{
    unsigned rex = w << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3;
    if (rex)
        em8(o, 0x40 | rex);
    if (op > 0xffff) /* 0x0f38xx, 0x0f3axx */
        em8(o, op >> 16);
    if (op > 0xff)
        em8(o, op >> 8);
    em8(o, op);
}

/* op reg, rm: both registers */
static inline void em_rr(struct jit_out *o, unsigned w, unsigned op, unsigned reg, unsigned rm)
{
    em_op(o, w, op, reg, 0, rm);
    em8(o, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* op reg, [base + disp] */
static inline void em_rm(struct jit_out *o, unsigned w, unsigned op, unsigned reg, unsigned base,
                         int32_t disp)
{
    bool none = !disp && (base & 7) != RBP, small = disp >= -128 && disp < 128;
    em_op(o, w, op, reg, 0, base);
    em8(o, (none ? 0u : small ? 0x40u : 0x80u) | (reg & 7) << 3 | (base & 7));
    if ((base & 7) == RSP)
        em8(o, 0x24); /* SIB: no index */
    if (!none && small)
        em8(o, (unsigned)disp);
    else if (!none)
        em32(o, (uint32_t)disp);
}

/* op reg, [base + index * (1 << scale) + disp] */
static inline void em_rx(struct jit_out *o, unsigned w, unsigned op, unsigned reg, unsigned base,
                         unsigned index, unsigned scale, int32_t disp)
{
    em_op(o, w, op, reg, index, base);
    bool small = disp >= -128 && disp < 128;
    em8(o, (small ? 0x44u : 0x84u) | (reg & 7) << 3);
    em8(o, scale << 6 | (index & 7) << 3 | (base & 7));
    if (small)
        em8(o, (unsigned)disp);
    else
        em32(o, (uint32_t)disp);
}

static inline void em_mov_rr(struct jit_out *o, unsigned w, unsigned to, unsigned from)
{
    em_rr(o, w, 0x8b, to, from);
}

static inline void em_load(struct jit_out *o, unsigned w, unsigned reg, unsigned base, int32_t disp)
{
    em_rm(o, w, 0x8b, reg, base, disp);
}

static inline void em_store(struct jit_out *o, unsigned w, unsigned reg, unsigned base,
                            int32_t disp)
{
    em_rm(o, w, 0x89, reg, base, disp);
}

static inline void em_lea(struct jit_out *o, unsigned w, unsigned reg, unsigned base, int32_t disp)
{
    em_rm(o, w, 0x8d, reg, base, disp);
}

/* reg = v, in the shortest form; the flags stay */
static inline void em_imm(struct jit_out *o, unsigned reg, uint64_t v)
{
    if (v <= UINT32_MAX) {
        em_op(o, 0, 0xb8 | (reg & 7), 0, 0, reg);
        em32(o, (uint32_t)v);
    } else if ((uint64_t)(int64_t)(int32_t)v == v) {
        em_rr(o, 1, 0xc7, 0, reg);
        em32(o, (uint32_t)v);
    } else {
        em_op(o, 1, 0xb8 | (reg & 7), 0, 0, reg);
        em64(o, v);
    }
}

/* op reg, imm (sign-extended to 64 bits when w) */
static inline void em_alu_ri(struct jit_out *o, unsigned w, enum jit_alu op, unsigned reg,
                             int32_t imm)
{
    if (imm >= -128 && imm < 128) {
        em_rr(o, w, 0x83, op, reg);
        em8(o, (unsigned)imm);
    } else {
        em_rr(o, w, 0x81, op, reg);
        em32(o, (uint32_t)imm);
    }
}

/* op [base + disp], imm */
static inline void em_alu_mi(struct jit_out *o, unsigned w, enum jit_alu op, unsigned base,
                             int32_t disp, int32_t imm)
{
    bool small = imm >= -128 && imm < 128;
    em_rm(o, w, small ? 0x83 : 0x81, op, base, disp);
    if (small)
        em8(o, (unsigned)imm);
    else
        em32(o, (uint32_t)imm);
}

static inline void em_alu_rr(struct jit_out *o, unsigned w, enum jit_alu op, unsigned reg,
                             unsigned rm)
{
    em_rr(o, w, (unsigned)op << 3 | 3, reg, rm);
}

static inline void em_alu_rm(struct jit_out *o, unsigned w, enum jit_alu op, unsigned reg,
                             unsigned base, int32_t disp)
{
    em_rm(o, w, (unsigned)op << 3 | 3, reg, base, disp);
}

static inline void em_shift(struct jit_out *o, unsigned w, enum jit_shift op, unsigned reg,
                            unsigned n)
{
    if (!n)
        return;
    em_rr(o, w, 0xc1, op, reg);
    em8(o, n);
}

/* test byte [base + disp], imm */
static inline void em_test_m8(struct jit_out *o, unsigned base, int32_t disp, unsigned imm)
{
    em_rm(o, 0, 0xf6, 0, base, disp);
    em8(o, imm);
}

/* cmp byte [base + disp], imm */
static inline void em_cmp_m8(struct jit_out *o, unsigned base, int32_t disp, unsigned imm)
{
    em_rm(o, 0, 0x80, 7, base, disp);
    em8(o, imm);
}

/* Jumps forward by 8 or 32 bits: the place to give em_here8() or em_here32() when it is known. */
static inline uint8_t *em_jcc8(struct jit_out *o, unsigned cc)
{
    em8(o, 0x70 | cc);
    em8(o, 0);
    return o->p - 1;
}

static inline uint8_t *em_jmp8(struct jit_out *o)
{
    em8(o, 0xeb);
    em8(o, 0);
    return o->p - 1;
}

static inline void em_here8(struct jit_out *o, uint8_t *at)
{
    assert(o->p - at <= 128);
    *at = (uint8_t)(o->p - at - 1);
}

static inline uint8_t *em_jcc32(struct jit_out *o, unsigned cc)
{
    em8(o, 0x0f);
    em8(o, 0x80 | cc);
    em32(o, 0);
    return o->p - 4;
}

static inline uint8_t *em_jmp32(struct jit_out *o)
{
    em8(o, 0xe9);
    em32(o, 0);
    return o->p - 4;
}

static inline void em_target32(uint8_t *at, const uint8_t *to)
{
    int32_t rel = (int32_t)(to - at - 4);
    memcpy(at, &rel, 4);
}

static inline void em_here32(struct jit_out *o, uint8_t *at)
{
    em_target32(at, o->p);
}

/* A jump to `to`, in the writable view. */
static inline void em_jmp_to(struct jit_out *o, const uint8_t *to)
{
    em_target32(em_jmp32(o), to);
}

static inline void em_jcc_to(struct jit_out *o, unsigned cc, const uint8_t *to)
{
    em_target32(em_jcc32(o, cc), to);
}

/* jmp fn, by way of RAX */
static inline void em_jmp_fn(struct jit_out *o, uintptr_t fn)
{
    em_imm(o, RAX, fn);
    em_rr(o, 0, 0xff, 4, RAX);
}

/* reg = the address of something within 2 GiB of the code */
static inline void em_lea_rip(struct jit_out *o, unsigned reg, const void *at)
{
    em_op(o, 1, 0x8d, reg, 0, 0);
    em8(o, 0x05 | (reg & 7) << 3);
    em32(o, (uint32_t)((uintptr_t)at - (uintptr_t)(o->p + 4 + o->delta)));
}

/*
 * SSE: a mandatory prefix (0: none) before the opcode, which is that of the 0x0f map, or 0x38xx and
 * 0x3axx for the longer ones. Of the arithmetic ones SD and SS have 0xf2 and 0xf3, PD and PS, like
 * the compares, 0x66 and none.
 */
enum jit_xmm { XMM0, XMM1, XMM2, XMM3, XMM4, XMM5 };

#define SSE_F(dbl) ((dbl) ? 0xf2u : 0xf3u)
#define SSE_P(dbl) ((dbl) ? 0x66u : 0u)

static inline unsigned em_sse(struct jit_out *o, unsigned prefix, unsigned op)
{
    if (prefix)
        em8(o, prefix);
    return op > 0xff ? 0x0f0000 | op : 0x0f00 | op;
}

static inline void em_sse_rr(struct jit_out *o, unsigned prefix, unsigned w, unsigned op,
                             unsigned reg, unsigned rm)
{
    op = em_sse(o, prefix, op);
    em_rr(o, w, op, reg, rm);
}

/* Memory at RDI + disp: the CPU. */
static inline void em_sse_rm(struct jit_out *o, unsigned prefix, unsigned w, unsigned op,
                             unsigned reg, int32_t disp)
{
    op = em_sse(o, prefix, op);
    em_rm(o, w, op, reg, RDI, disp);
}

/* Memory at RCX + RAX + disp: the guest's, after jit_l0(). */
static inline void em_sse_rx(struct jit_out *o, unsigned prefix, unsigned w, unsigned op,
                             unsigned reg, int32_t disp)
{
    op = em_sse(o, prefix, op);
    em_rx(o, w, op, reg, RCX, RAX, 0, disp);
}

/* Memory in the code, up to 2 GiB away: the place to give em_target32() is the last 4 bytes. */
static inline uint8_t *em_sse_rip(struct jit_out *o, unsigned prefix, unsigned op, unsigned reg)
{
    op = em_sse(o, prefix, op);
    em_op(o, 0, op, reg, 0, 0);
    em8(o, 0x05 | (reg & 7) << 3);
    em32(o, 0);
    return o->p - 4;
}

/* AVX, 128 bits: op reg, src, ... with the opcode and prefix of its SSE form (Intel SDM vol. 2 2.3)
 */
static inline void em_vex(struct jit_out *o, unsigned prefix, unsigned w, unsigned op, unsigned reg,
                          unsigned src, unsigned rm)
{
    unsigned map = op >> 8 == 0x38 ? 2 : op >> 8 == 0x3a ? 3 : 1;
    unsigned pp = prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
    em8(o, 0xc4);
    em8(o, (~reg >> 3 & 1) << 7 | 1 << 6 | (~rm >> 3 & 1) << 5 | map);
    em8(o, w << 7 | (~src & 15) << 3 | pp);
    em8(o, op);
}

static inline void em_vex_rr(struct jit_out *o, unsigned prefix, unsigned w, unsigned op,
                             unsigned reg, unsigned src, unsigned rm)
{
    em_vex(o, prefix, w, op, reg, src, rm);
    em8(o, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* As em_sse_rm() and em_sse_rip(). */
static inline void em_vex_rm(struct jit_out *o, unsigned prefix, unsigned w, unsigned op,
                             unsigned reg, unsigned src, int32_t disp)
{
    em_vex(o, prefix, w, op, reg, src, RDI);
    em8(o, 0x80 | (reg & 7) << 3 | RDI);
    em32(o, (uint32_t)disp);
}

static inline uint8_t *em_vex_rip(struct jit_out *o, unsigned prefix, unsigned op, unsigned reg,
                                  unsigned src)
{
    em_vex(o, prefix, 0, op, reg, src, 0);
    em8(o, 0x05 | (reg & 7) << 3);
    em32(o, 0);
    return o->p - 4;
}

#endif
