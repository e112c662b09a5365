// SPDX-License-Identifier: MIT
/*
 * jit_atomic.c - the JIT's ordered accesses, exclusives and atomic instructions of one register; as
 * sem_atomic.c has them, which tells about the monitor and about order. LDXP, STXP, CASP and the
 * minima and maxima are the interpreter's.
 */
#include "src/a64/jit.h"
#include "src/a64/sem.h"

static unsigned size_of(uint32_t word)
{
    return word >> 30;
}

/* RSI = the host address; misaligned ones are the handler's. */
static void address(struct jit_unit *u, const struct jit_insn *in, bool write)
{
    struct jit_out *o = &u->o;
    unsigned len = 1u << size_of(in->word);
    jit_get(u, 1, RAX, in->op.rn);
    if (len > 1) {
        em8(o, 0xa8); /* test al, imm */
        em8(o, len - 1);
        jit_handler_if(u, in, CC_NE);
    }
    jit_l0(u, in, len, write, BANK_OWN);
    em_rx(o, 1, 0x8d, RSI, RCX, RAX, 0, 0);
}

/* An instruction on [RSI] and a register: its opcode for bytes, the one above it for the rest. */
static void at_rsi(struct jit_out *o, bool lock, unsigned size, unsigned op, unsigned reg)
{
    if (lock)
        em8(o, 0xf0);
    if (size == 1)
        em8(o, 0x66);
    em_rm(o, size == 3, op + (size != 0), reg, RSI, 0);
}

static void zero_extend(struct jit_out *o, unsigned size, unsigned reg)
{
    if (size < 2)
        em_rr(o, 0, 0x0fb6 + size, reg, reg);
    else if (size == 2)
        em_mov_rr(o, 0, reg, reg);
}

static void load(struct jit_out *o, unsigned size, unsigned reg)
{
    em_rm(o, size == 3, size < 2 ? 0x0fb6 + size : 0x8b, reg, RSI, 0);
}

enum { MOV_STORE = 0x88, XCHG = 0x86, XADD = 0x0fc0, CMPXCHG = 0x0fb0 };

static void emit_ldar(struct jit_unit *u, const struct jit_insn *in)
{
    address(u, in, false);
    load(&u->o, size_of(in->word), RDX);
    jit_put(u, RDX, in->op.rd);
}

/* XCHG: before any later load, LDAR's among them. */
static void emit_stlr(struct jit_unit *u, const struct jit_insn *in)
{
    address(u, in, true);
    jit_get(u, 1, RDX, in->op.rd);
    at_rsi(&u->o, false, size_of(in->word), u->core->cpu.smp ? XCHG : MOV_STORE, RDX);
}

static void emit_ldxr(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned size = size_of(in->word);
    address(u, in, false);
    load(o, size, RDX);
    em_store(o, 1, RSI, RDI, CPU(excl_hva));
    em_rm(o, 0, 0xc6, 0, RDI, CPU(excl_size)); /* mov byte, imm */
    em8(o, 1u << size);
    em_store(o, 1, RDX, RDI, CPU(excl_val));
    jit_put(u, RDX, in->op.rd);
}

static void emit_stxr(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned size = size_of(in->word);
    address(u, in, true);
    em_imm(o, RCX, 1);
    em_alu_rm(o, 1, ALU_CMP, RSI, RDI, CPU(excl_hva));
    uint8_t *other = em_jcc8(o, CC_NE);
    em_cmp_m8(o, RDI, CPU(excl_size), 1u << size);
    uint8_t *shorter = em_jcc8(o, CC_NE);
    em_load(o, 1, RAX, RDI, CPU(excl_val));
    jit_get(u, 1, RDX, in->op.rd);
    at_rsi(o, true, size, CMPXCHG, RDX);
    em_rr(o, 0, 0x0f90 | CC_NE, 0, RCX);
    em_here8(o, other);
    em_here8(o, shorter);
    em_rm(o, 1, 0xc7, 0, RDI, CPU(excl_hva)); /* mov qword, 0 */
    em32(o, 0);
    jit_put(u, RCX, in->op.rm);
}

static void emit_cas(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned size = size_of(in->word);
    address(u, in, true);
    jit_get(u, 1, RAX, in->op.ra);
    jit_get(u, 1, RDX, in->op.rd);
    at_rsi(o, true, size, CMPXCHG, RDX);
    zero_extend(o, size, RAX);
    jit_put(u, RAX, in->op.rm);
}

enum { LD_ADD, LD_CLR, LD_EOR, LD_SET, SWP = 8 };

static unsigned props_atomic(uint32_t word)
{
    unsigned op = word >> 12 & 15;
    return op <= LD_SET || op == SWP ? JP_EXIT : ~0u;
}

static void emit_atomic(struct jit_unit *u, const struct jit_insn *in)
{
    static const enum jit_alu alus[] = {ALU_ADD, ALU_AND, ALU_XOR, ALU_OR};
    struct jit_out *o = &u->o;
    unsigned size = size_of(in->word), op = in->word >> 12 & 15;
    address(u, in, true);
    jit_get(u, 1, RDX, in->op.rm);
    if (op == LD_CLR)
        em_rr(o, 1, 0xf7, 2, RDX); /* not */
    if (op == SWP) {
        at_rsi(o, false, size, XCHG, RDX);
    } else if (op == LD_ADD) {
        at_rsi(o, true, size, XADD, RDX);
    } else if (in->op.rd == A64_SINK) {
        at_rsi(o, true, size, (unsigned)alus[op] << 3, RDX);
    } else {
        load(o, size, RAX);
        const uint8_t *again = o->p;
        em_mov_rr(o, 1, RCX, RAX);
        em_alu_rr(o, 1, alus[op], RCX, RDX);
        at_rsi(o, true, size, CMPXCHG, RCX);
        em_jcc_to(o, CC_NE, again);
        em_mov_rr(o, 1, RDX, RAX);
    }
    zero_extend(o, size, RDX);
    jit_put(u, RDX, in->op.rd);
}

// clang-format off
const struct jit_rule jit_atomic_rules[] = {
    {a64_dec_ldar,   NULL, jit_props_exit,   emit_ldar},
    {a64_dec_stlr,   NULL, jit_props_exit,   emit_stlr},
    {a64_dec_ldxr,   NULL, jit_props_exit,   emit_ldxr},
    {a64_dec_stxr,   NULL, jit_props_exit,   emit_stxr},
    {a64_dec_cas,    NULL, jit_props_exit,   emit_cas},
    {a64_dec_atomic, NULL, props_atomic, emit_atomic},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
