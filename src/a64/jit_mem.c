// SPDX-License-Identifier: MIT
/*
 * jit_mem.c - the JIT's loads and stores.
 *
 * An access looks at one entry of L0, that of its base register: measured on a boot of Debian's
 * kernel, 93 % of all accesses go to the page that the last one by that register went to, and the
 * host address does not wait for a load that depends on the guest's. What L0 does not have is
 * filled in from the data TLB and left to the interpreter's handler this once (a64_jit_miss).
 * L0 has no entries that want aligned accesses, so there is no check of that.
 */
#include "src/a64/jit.h"
#include "src/a64/sem.h"

/* Fills L0, then runs the instruction by its handler. */
static const struct a64_op *jit_miss(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                                     uint64_t write_rn, a64_fn *fn)
{
    bool write = write_rn >> 8 & 1;
    const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);
    uint64_t tag = write ? t->tag_w : t->tag_r;
    if (tag == (va | 0xfff) && !t->amask)
        a64_tlb_put_l0(cpu, (unsigned)write_rn & 0xff, write, tag, t->addend);
    return fn(cpu, op);
}

static void stub_miss(struct jit_unit *u, const struct jit_stub *s)
{
    struct jit_out *o = &u->o;
    em_lea_rip(o, RSI, u->ops + jit_slot(u, s->in));
    em_mov_rr(o, 1, RDX, RAX);
    em_imm(o, RCX, s->arg);
    em_imm(o, R8, (uintptr_t)(u->core->jit.shadow ? a64_op_jit_stop : s->in->op.fn));
    em_jmp_fn(o, (uintptr_t)jit_miss);
}

/*
 * RAX = va is known: check L0 for `len` bytes, then RCX = addend. `arg` is what jit_miss() wants.
 */
static void l0(struct jit_unit *u, const struct jit_insn *in, unsigned len, bool write)
{
    struct jit_out *o = &u->o;
    unsigned rn = in->op.rn;
    int32_t at = BANK(l0) + (int32_t)(sizeof(struct a64_l0) * (write * A64_L0 + rn));
    em_load(o, 1, R8, RDI, CPU(bank));
    em_lea(o, 1, RDX, RAX, (int32_t)len - 1);
    em_alu_ri(o, 1, ALU_OR, RDX, A64_PAGE - 1);
    em_alu_rm(o, 1, ALU_CMP, RDX, R8, at);
    struct jit_stub *s = jit_stub(u, in, em_jcc32(o, CC_NE), stub_miss);
    s->arg = rn | (unsigned)write << 8;
    if (rn == A64_SP) { /* its alignment may be checked */
        em_test_m8(o, RDI, XREG(A64_SP), 15);
        s->from[1] = em_jcc32(o, CC_NE);
    }
    em_load(o, 1, RCX, R8, at + 8);
    if (write && u->core->jit.shadow)
        jit_shadow_note(o, len);
}

static void base(struct jit_unit *u, const struct jit_insn *in, int32_t off)
{
    em_load(&u->o, 1, RAX, RDI, XREG(in->op.rn));
    if (off)
        em_alu_ri(&u->o, 1, ALU_ADD, RAX, off);
}

/* dst = what is at [RCX + RAX + off], extended as opc says (1: zero, 2: sign to 64, 3: sign to 32
 * bits); size is its log2 */
static void load(struct jit_unit *u, unsigned dst, unsigned size, unsigned opc, int32_t off)
{
    static const uint16_t ops[4][2] = {
        {0x0fb6, 0x0fbe},
        {0x0fb7, 0x0fbf},
        {0x8b,   0x63  },
        {0x8b,   0x8b  }
    };
    unsigned w = size == 3 || opc == 2;
    em_rx(&u->o, w, ops[size][opc > 1], dst, RCX, RAX, 0, off);
}

/* [RCX + RAX + off] = src (RDX) */
static void store(struct jit_unit *u, unsigned src, unsigned size, int32_t off)
{
    if (size == 1)
        em8(&u->o, 0x66);
    em_rx(&u->o, size == 3, size ? 0x89 : 0x88, src, RCX, RAX, 0, off);
}

static void put(struct jit_unit *u, unsigned host, unsigned r)
{
    if (r != A64_SINK)
        em_store(&u->o, 1, host, RDI, XREG(r));
    if (u->known == (int)r)
        u->known = -1;
}

static void get(struct jit_unit *u, unsigned host, unsigned r)
{
    if (r == A64_ZR)
        em_imm(&u->o, host, 0);
    else
        em_load(&u->o, 1, host, RDI, XREG(r));
}

/* One register: the address is in RAX, the write-back is RAX + wb if `back`. */
static void single(struct jit_unit *u, const struct jit_insn *in, bool back, int32_t wb)
{
    struct jit_out *o = &u->o;
    unsigned size = in->word >> 30, opc = in->word >> 22 & 3;
    l0(u, in, 1u << size, !opc);
    if (opc) {
        load(u, RDX, size, opc, 0);
        put(u, RDX, in->op.rd);
    } else {
        get(u, RDX, in->op.rd);
        store(u, RDX, size, 0);
    }
    if (back) {
        if (wb)
            em_alu_ri(o, 1, ALU_ADD, RAX, wb);
        put(u, RAX, in->op.rn);
    }
    u->ef = EF_NONE;
}

static unsigned props_mem(uint32_t word)
{
    (void)word;
    return JP_EXIT;
}

static void emit_uimm(struct jit_unit *u, const struct jit_insn *in)
{
    base(u, in, in->op.imm);
    single(u, in, false, 0);
}

/* Unprivileged ones are the interpreter's. */
static unsigned props_imm9(uint32_t word)
{
    return (word >> 10 & 3) == 2 ? ~0u : JP_EXIT;
}

static void emit_imm9(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned mode = in->word >> 10 & 3; /* unscaled, post, -, pre */
    base(u, in, mode == 1 ? 0 : in->op.imm);
    single(u, in, mode & 1, mode == 1 ? in->op.imm : 0);
}

static void emit_reg(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned option = in->word >> 13 & 7, scale = in->op.ra;
    bool wide = option & 1, sign = option & 4;
    em_rm(o, wide || sign, wide || !sign ? 0x8b : 0x63, RCX, RDI, XREG(in->op.rm));
    em_load(o, 1, RAX, RDI, XREG(in->op.rn));
    em_rx(o, 1, 0x8d, RAX, RAX, RCX, scale, 0);
    single(u, in, false, 0);
}

static void emit_literal(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned opc = in->word >> 30; /* W, X, SW */
    em_load(&u->o, 1, RAX, RDI, CPU(page_va));
    em_alu_ri(&u->o, 1, ALU_ADD, RAX, (int32_t)jit_slot(u, in) * 4 + in->op.imm);
    l0(u, in, opc == 1 ? 8 : 4, false);
    load(u, RDX, opc == 1 ? 3 : 2, opc == 2 ? 2 : 1, 0);
    put(u, RDX, in->op.rd);
    u->ef = EF_NONE;
}

static void emit_pair(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned mode = in->word >> 23 & 3, opc = in->word >> 30; /* no-allocate, post, offset, pre */
    bool is_load = in->word >> 22 & 1;
    unsigned size = opc == 2 ? 3 : 2;
    int32_t second = opc == 2 ? 8 : 4;
    base(u, in, mode == 1 ? 0 : in->op.imm);
    l0(u, in, (unsigned)second * 2, !is_load);
    if (is_load) {
        load(u, RDX, size, opc == 1 ? 2 : 1, 0);
        load(u, RCX, size, opc == 1 ? 2 : 1, second);
        put(u, RCX, in->op.rm);
        put(u, RDX, in->op.rd);
    } else {
        get(u, RDX, in->op.rd);
        store(u, RDX, size, 0);
        get(u, RDX, in->op.rm);
        store(u, RDX, size, second);
    }
    if (mode & 1) {
        if (mode == 1)
            em_alu_ri(o, 1, ALU_ADD, RAX, in->op.imm);
        put(u, RAX, in->op.rn);
    }
    u->ef = EF_NONE;
}

// clang-format off
const struct jit_rule jit_mem_rules[] = {
    {a64_dec_ldst_uimm, NULL, props_mem,  emit_uimm},
    {a64_dec_ldst_imm9, NULL, props_imm9, emit_imm9},
    {a64_dec_ldst_reg,  NULL, props_mem,  emit_reg},
    {a64_dec_ldst_pair, NULL, props_mem,  emit_pair},
    {a64_dec_ldr_lit,   NULL, props_mem,  emit_literal},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
