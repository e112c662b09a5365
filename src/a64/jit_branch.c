// SPDX-License-Identifier: MIT
/*
 * jit_branch.c - the JIT's branches.
 *
 * cpu->pending is looked at where a branch goes back, leaves the page, or goes to a register, so
 * that no loop can miss it. Branches to another page look the page up in the instruction TLB and
 * jump to the handler of the slot, which is translated code when there is some.
 */
#include "src/a64/jit.h"
#include "src/a64/sem.h"

int32_t jit_branch_imm(uint32_t word)
{
    if ((word >> 26 & 31) == 5) /* B, BL */
        return a64_sbits(word, 0, 26) * 4;
    if ((word >> 25 & 63) == 0x1b) /* TBZ, TBNZ */
        return a64_sbits(word, 5, 14) * 4;
    return a64_sbits(word, 5, 19) * 4;
}

#define JUMP(field) ((int32_t)(offsetof(struct a64_bank, jumps) + offsetof(struct a64_jump, field)))

/*
 * The way of A64_GOTO, by the bank's jumps: the host's branch waits for one load that depends on
 * the VA, not for three.
 */
void jit_to_va(struct jit_unit *u, const struct jit_insn *in)
{
    _Static_assert(sizeof(struct a64_jump) == 32 && A64_JUMPS == 64, "the index is scaled below");
    struct jit_out *o = &u->o;
    jit_spill(u);
    if (u->core->jit.shadow) {
        em_store(o, 1, RAX, RDI, CPU(pc));
        jit_leave_shadow(u, jit_slot(u, in), JIT_GONE);
        return;
    }
    em_mov_rr(o, 0, RCX, RAX);
    em_alu_ri(o, 0, ALU_AND, RCX, 0xfc);
    em_rx(o, 1, ALU_CMP << 3 | 3, RAX, R8, RCX, 3, JUMP(va));
    em_jcc_to(o, CC_NE, u->core->jit.to_va);
    em_rx(o, 1, 0x8b, RDX, R8, RCX, 3, JUMP(ops));
    em_store(o, 1, RDX, RDI, CPU(ops));
    em_alu_ri(o, 1, ALU_AND, RAX, -(int32_t)A64_PAGE);
    em_store(o, 1, RAX, RDI, CPU(page_va));
    em_rx(o, 0, 0xff, 4, R8, RCX, 3, JUMP(code)); /* jmp */
}

/*
 * By the instruction TLB, where a VA whose low two bits are not 0 matches nothing. What leads to
 * code becomes a jump. RCX is its index, scaled. Nothing of the guest's is in registers.
 */
void jit_va_thunk(const struct a64_jit *jit, struct jit_out *o)
{
    _Static_assert(sizeof(struct a64_itlb) == 16 && A64_ITLB == 256, "the index is scaled below");
    em_mov_rr(o, 1, R9, RCX);
    em_mov_rr(o, 1, RCX, RAX);
    em_shift(o, 1, SH_SHR, RCX, 8);
    em_alu_ri(o, 0, ALU_AND, RCX, 0xff0);
    em_mov_rr(o, 1, RDX, RAX);
    em_alu_ri(o, 1, ALU_AND, RDX, ~0xffc);
    em_lea(o, 1, RSI, RDX, 1);
    em_rx(o, 1, ALU_CMP << 3 | 3, RSI, R8, RCX, 0,
          BANK(i) + (int32_t)offsetof(struct a64_itlb, page));
    uint8_t *miss = em_jcc8(o, CC_NE);
    em_rx(o, 1, 0x8b, R10, R8, RCX, 0, BANK(i) + (int32_t)offsetof(struct a64_itlb, ops));
    em_store(o, 1, RDX, RDI, CPU(page_va));
    em_store(o, 1, R10, RDI, CPU(ops));
    em_mov_rr(o, 0, RCX, RAX);
    em_alu_ri(o, 0, ALU_AND, RCX, 0xffc);
    em_rx(o, 1, 0x8d, RSI, R10, RCX, 2, 0);
    em_load(o, 1, R11, RSI, offsetof(struct a64_op, fn));
    em_imm(o, RDX, (uintptr_t)jit->rx);
    em_mov_rr(o, 1, RCX, R11);
    em_alu_rr(o, 1, ALU_SUB, RCX, RDX);
    em_alu_ri(o, 1, ALU_CMP, RCX, A64_JIT_SIZE);
    uint8_t *no_code = em_jcc8(o, CC_AE);
    em_rx(o, 1, 0x89, RAX, R8, R9, 3, JUMP(va));
    em_rx(o, 1, 0x89, R11, R8, R9, 3, JUMP(code));
    em_rx(o, 1, 0x89, R10, R8, R9, 3, JUMP(ops));
    em_rm(o, 0, 0xc6, 0, R8, BANK(jumps_used));
    em8(o, 1);
    em_mov_rr(o, 1, RCX, RAX);
    em_shift(o, 1, SH_SHR, RCX, 12);
    em_alu_ri(o, 0, ALU_AND, RCX, A64_JUMP_PAGES - 1);
    em_rm(o, 1, 0x0fab, RCX, R8, BANK(jump_pages)); /* bts, in any of the words */
    em_here8(o, no_code);
    em_rr(o, 0, 0xff, 4, R11); /* jmp */
    em_here8(o, miss);
    em_mov_rr(o, 1, RSI, RAX);
    em_jmp_fn(o, (uintptr_t)a64_goto_slow);
}

/* Interrupted: the PC is in RAX. */
static void stub_interrupted(struct jit_unit *u, const struct jit_stub *s)
{
    struct jit_out *o = &u->o;
    jit_spill(u);
    if (s->in->rule->dec == a64_dec_br) {
        em_mov_rr(o, 1, RSI, RAX);
    } else {
        em_load(o, 1, RSI, RDI, CPU(page_va));
        em_alu_ri(o, 1, ALU_ADD, RSI,
                  (int32_t)jit_slot(u, s->in) * 4 + jit_branch_imm(s->in->word));
    }
    em_jmp_fn(o, (uintptr_t)a64_interrupted);
}

static void check_pending(struct jit_unit *u, const struct jit_insn *in)
{
    if (u->core->jit.shadow)
        return; /* done between units */
    em_alu_mi(&u->o, 0, ALU_CMP, RDI, CPU(pending), 0);
    jit_stub(u, in, em_jcc32(&u->o, CC_NE), stub_interrupted);
}

/* The way of a taken direct branch. */
static void go(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    if (in->to >= 0) {
        if (in->to <= (int)jit_slot(u, in))
            check_pending(u, in);
        jit_to_slot(u, (unsigned)in->to, true);
        return;
    }
    check_pending(u, in);
    em_load(o, 1, RAX, RDI, CPU(page_va));
    em_alu_ri(o, 1, ALU_ADD, RAX, (int32_t)jit_slot(u, in) * 4 + jit_branch_imm(in->word));
    jit_to_va(u, in);
}

static void stub_go(struct jit_unit *u, const struct jit_stub *s)
{
    go(u, s->in);
}

/* Taken if cc: what is in the unit and comes later is jumped to, the rest is out of the way, but
 * for loops. */
static void go_if(struct jit_unit *u, const struct jit_insn *in, unsigned cc)
{
    struct jit_out *o = &u->o;
    if (in->to >= 0 && in->to <= (int)jit_slot(u, in)) {
        uint8_t *no = em_jcc32(o, cc ^ 1);
        go(u, in);
        em_here32(o, no);
    } else if (jit_ahead(u, in)) {
        u->jumps[u->jumps_n].at = em_jcc32(o, cc);
        u->jumps[u->jumps_n++].slot = (unsigned)in->to;
    } else {
        jit_stub(u, in, em_jcc32(o, cc), stub_go);
    }
}

static unsigned props_b(uint32_t word)
{
    return JP_BRANCH | (word >> 31 ? JP_CALL : JP_END);
}

/* X30 = the VA of the next instruction; RCX is used up */
static void link(struct jit_unit *u, const struct jit_insn *in)
{
    em_load(&u->o, 1, RCX, RDI, CPU(page_va));
    em_lea(&u->o, 1, RCX, RCX, (int32_t)jit_slot(u, in) * 4 + 4);
    jit_put(u, RCX, 30);
}

static void emit_b(struct jit_unit *u, const struct jit_insn *in)
{
    if (in->word >> 31)
        link(u, in);
    go(u, in);
}

static unsigned props_b_cond(uint32_t word)
{
    return (word & 15) < 14 ? JP_BRANCH | JP_READ | JP_KEEP : JP_BRANCH | JP_END;
}

static void emit_b_cond(struct jit_unit *u, const struct jit_insn *in)
{
    if ((in->word & 15) < 14)
        go_if(u, in, jit_cond(u, in->word & 15));
    else
        go(u, in);
}

static unsigned props_test(uint32_t word)
{
    (void)word;
    return JP_BRANCH;
}

static void emit_cbz(struct jit_unit *u, const struct jit_insn *in)
{
    jit_alu_imm(u, in->word >> 31, ALU_CMP, in->op.rn, 0);
    u->ef = EF_NONE;
    go_if(u, in, in->word >> 24 & 1 ? CC_NE : CC_E);
}

static void emit_tbz(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned set = jit_test_bit(u, in->op.rn, in->op.rm);
    u->ef = EF_NONE;
    go_if(u, in, in->word >> 24 & 1 ? set : set ^ 1);
}

static unsigned props_br(uint32_t word)
{
    return JP_EXIT | ((word >> 21 & 3) == 1 ? JP_CALL : JP_END);
}

static void emit_br(struct jit_unit *u, const struct jit_insn *in)
{
    jit_get(u, 1, RAX, in->op.rn);
    if ((in->word >> 21 & 3) == 1) /* BLR */
        link(u, in);
    check_pending(u, in);
    jit_to_va(u, in);
}

// clang-format off
const struct jit_rule jit_branch_rules[] = {
    {a64_dec_b,      NULL, props_b,      emit_b},
    {a64_dec_b_cond, NULL, props_b_cond, emit_b_cond},
    {a64_dec_cbz,    NULL, props_test,   emit_cbz},
    {a64_dec_tbz,    NULL, props_test,   emit_tbz},
    {a64_dec_br,     NULL, props_br,     emit_br},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
