// SPDX-License-Identifier: MIT
/*
 * jit_unit.c - what a unit of translation is, and its code as a whole.
 *
 * A unit begins at a slot that is executed again and takes in what follows, as far as the page
 * goes, nothing is translated yet, and it can be reached. What was never executed stays out: if
 * branches lead beyond, it is a hole, to be left by. If a branch of the unit goes back to before
 * its begin, the whole loop is translated at once, what there was of it again: so when a loop's
 * last hole was executed, the loop is one unit.
 *
 * Slots lead to ways in, which see to what the code relies on: the bank in R8, SP's alignment,
 * FPCR, guest registers in the host's. Where code is not come to from above the way in is right
 * there; else it is behind the unit. An instruction in the middle of others that nothing leads to
 * has none: when something does, a unit of its own begins there.
 */
#include <assert.h>

#include "src/a64/fp_host.h"
#include "src/a64/jit.h"

#define LOOP_WARM 16

/* ---- ways out ---- */
struct jit_stub *jit_stub(struct jit_unit *u, const struct jit_insn *in, uint8_t *from,
                          void (*emit)(struct jit_unit *u, const struct jit_stub *s))
{
    struct jit_stub *s = &u->stubs[u->stubs_n++];
    assert(u->stubs_n <= JIT_STUBS);
    *s = (struct jit_stub){.emit = emit, .in = in};
    s->from = from;
    return s;
}

/* In --soft shadow: back to jit_shadow.c, with the slot and what it means. */
void jit_leave_shadow(struct jit_unit *u, unsigned slot, unsigned how)
{
    em_lea_rip(&u->o, RAX, (const uint8_t *)(u->ops + slot) + how);
    em8(&u->o, 0xc3); /* ret */
}

/* RSI is the slot: its handler next. */
static void dispatch(struct jit_out *o)
{
    em_rm(o, 0, 0xff, 4, RSI, offsetof(struct a64_op, fn)); /* jmp [rsi] */
}

static void leave_to_slot(struct jit_unit *u, unsigned slot, bool taken)
{
    const uint8_t *fn = (const uint8_t *)(uintptr_t)u->ops[slot].fn;
    jit_spill(u);
    if (u->core->jit.shadow) {
        jit_leave_shadow(u, slot, taken ? JIT_TAKEN : 0);
    } else if (jit_has(&u->core->jit, fn)) {
        em_jmp_to(&u->o, fn - u->o.delta);
    } else {
        em_lea_rip(&u->o, RSI, u->ops + slot);
        dispatch(&u->o);
    }
}

void jit_to_slot(struct jit_unit *u, unsigned slot, bool taken)
{
    const struct jit_insn *in = u->in + slot - u->first;
    if (u->core->jit.shadow || slot < u->first || slot >= u->first + u->n) {
        leave_to_slot(u, slot, taken);
    } else if (in->at) {
        em_jmp_to(&u->o, in->at);
    } else {
        u->jumps[u->jumps_n].at = em_jmp32(&u->o);
        u->jumps[u->jumps_n++].slot = slot;
    }
}

/* Nothing has been loaded yet, or all has been stored. */
static void leave_to_handler(struct jit_unit *u, const struct jit_insn *in)
{
    if (u->core->jit.shadow) {
        jit_leave_shadow(u, jit_slot(u, in), 0);
        return;
    }
    em_lea_rip(&u->o, RSI, u->ops + jit_slot(u, in));
    em_jmp_fn(&u->o, (uintptr_t)in->op.fn);
}

void jit_to_handler(struct jit_unit *u, const struct jit_insn *in)
{
    jit_spill(u);
    leave_to_handler(u, in);
}

void jit_stub_handler(struct jit_unit *u, const struct jit_stub *s)
{
    jit_to_handler(u, s->in);
}

void jit_handler_if(struct jit_unit *u, const struct jit_insn *in, unsigned cc)
{
    jit_stub(u, in, em_jcc32(&u->o, cc), jit_stub_handler);
}

/* ---- what it takes in ---- */
static void decode(struct jit_unit *u, struct jit_insn *in, uint32_t word)
{
    const struct a64_insn *row = a64_decode(word);
    *in = (struct jit_insn){
        .word = word, .to = -1, .op = {.fn = a64_undef, .insn = word}
    };
    in->props = JP_EXIT;
    if (!row)
        return;
    if (row->decode) {
        in->op.insn = 0;
        row->decode(&in->op, word);
    } else {
        in->op.fn = row->exec;
    }
    const struct jit_rule *rule = jit_rule_of(row);
    unsigned props = rule ? rule->props(word) : ~0u;
    if (props == ~0u || in->op.fn == a64_undef)
        return;
    in->rule = rule;
    in->props = (uint8_t)props;
    u->fp |= row->flags & A64_F_FP;
    if (props & JP_BRANCH) {
        int64_t to = (int64_t)jit_slot(u, in) + jit_branch_imm(word) / 4;
        if (to >= 0 && to < (int64_t)A64_PAGE_OPS)
            in->to = (int16_t)to;
    }
}

static bool is_translated(const struct jit_unit *u, unsigned slot)
{
    const struct a64_op *op = &u->ops[slot];
    return jit_has(&u->core->jit, (const void *)(uintptr_t)op->fn) || jit_is_shadow(op);
}

static bool was_executed(const struct jit_unit *u, unsigned slot)
{
    return !a64_mirror_is_first(&u->ops[slot]) || u->core->jit.eager;
}

/* From `first` on; what is translated already ends it, but for slots before `upto`. */
static void scan(struct jit_unit *u, unsigned first, unsigned upto)
{
    unsigned end = 1; /* without the holes at the end */
    int reach = -1;   /* the furthest target of a branch */
    u->first = first;
    u->n = 0;
    u->fp = false;
    while (u->n < JIT_UNIT && first + u->n < A64_PAGE_OPS) {
        unsigned slot = first + u->n;
        if (u->n && slot >= upto && is_translated(u, slot))
            break;
        struct jit_insn *in = &u->in[u->n++];
        bool ends = true;
        if (u->n > 1 && !was_executed(u, slot)) {
            *in = (struct jit_insn){.to = -1, .props = JP_EXIT, .hole = true};
        } else {
            decode(u, in, a64_mirror_insn(u->core, &u->ops[slot]));
            reach = MAX(reach, in->to);
            end = u->n;
            ends = in->props & JP_END;
        }
        if (ends && reach <= (int)slot)
            break;
    }
    u->n = end;
}

/* Where a direct branch without a link goes, as a slot; the branch's own for all else. */
static int branch_to(unsigned slot, uint32_t word)
{
    bool b = (word & 0xfc000000) == 0x14000000, b_cond = (word & 0xff000010) == 0x54000000;
    bool cb_tb = (word & 0x7c000000) == 0x34000000; /* CBZ, CBNZ, TBZ, TBNZ */
    return (int)slot + (b || b_cond || cb_tb ? jit_branch_imm(word) / 4 : 0);
}

/*
 * Takes in the loop that the slot is part of: to the furthest branch back that was executed, from
 * where that goes. False when there is none, it is too long, or it would not have code here.
 */
static bool scan_loop(struct jit_unit *u, unsigned slot)
{
    unsigned from = slot, end = 0;
    for (unsigned at = slot; at < MIN(slot + JIT_UNIT, A64_PAGE_OPS); at++) {
        if (!was_executed(u, at))
            continue;
        int to = branch_to(at, a64_mirror_insn(u->core, &u->ops[at]));
        if (to >= 0 && to < (int)slot && at - (unsigned)to < JIT_UNIT &&
            was_executed(u, (unsigned)to)) {
            from = MIN(from, (unsigned)to);
            end = at + 1;
        }
    }
    if (from == slot || end - from > JIT_UNIT)
        return false;
    scan(u, from, end);
    return u->first + u->n > slot && u->in[0].rule;
}

/* Targets of branches and depths of loops; is there a loop? */
static bool find_targets(struct jit_unit *u)
{
    bool loop = false;
    for (unsigned i = 0; i < u->n; i++) {
        int to = u->in[i].to - (int)u->first;
        if (u->in[i].to < 0 || to < 0 || to >= (int)u->n)
            continue;
        u->in[to].target = true;
        for (unsigned k = (unsigned)to; k <= i; k++)
            u->in[k].depth++;
        loop |= to <= (int)i;
    }
    return loop;
}

/* Whether NZCV may be read before it is written again, backwards. */
static void find_live(struct jit_unit *u)
{
    for (unsigned i = u->n; i-- > 0;) {
        struct jit_insn *in = &u->in[i];
        bool out = !(in->props & JP_END) && (i + 1 == u->n || u->in[i + 1].live);
        if (in->props & JP_BRANCH) {
            const struct jit_insn *to = jit_ahead(u, in);
            out |= !to || to->live;
        }
        in->live = in->props & (JP_EXIT | JP_READ) || (out && !(in->props & JP_WRITE));
    }
}

/* ---- its code ---- */
static void stub_not_sure(struct jit_unit *u, const struct jit_stub *s)
{
    leave_to_handler(u, s->in);
}

/* Sees to what the code of the instruction relies on; goes on there, or to what comes next. */
static void way_in(struct jit_unit *u, struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    in->way_in = o->p;
    if (u->fp) {
        em_cmp_m8(o, RDI, CPU(fp_trap), 0);
        jit_stub(u, in, em_jcc32(o, CC_NE), stub_not_sure);
    }
    if (in->sure & SURE_SP) {
        em_test_m8(o, RDI, XREG(A64_SP), 15);
        jit_stub(u, in, em_jcc32(o, CC_NE), stub_not_sure);
    }
    if (in->sure & SURE_FZ) {
        em_test_m8(o, RDI, CPU(fpcr) + 3, FPCR_FZ >> 24);
        jit_stub(u, in, em_jcc32(o, CC_NE), stub_not_sure);
    }
    em_load(o, 1, R8, RDI, CPU(bank));
    jit_reload(u);
    if (in->at)
        em_jmp_to(o, in->at);
}

static bool wants_way_in(const struct jit_unit *u, unsigned i)
{
    const struct jit_insn *in = &u->in[i];
    return i == 0 || in->target || in->props & JP_EXIT ||
           u->in[i - 1].props & (JP_EXIT | JP_CALL | JP_END);
}

static void emit(struct jit_unit *u)
{
    struct jit_out *o = &u->o;
    bool through = false; /* the code before goes on here */
    o->p = u->core->jit.rw + u->core->jit.used;
    u->stubs_n = u->jumps_n = 0;
    for (unsigned i = 0; i < u->n; i++)
        u->in[i].at = u->in[i].way_in = NULL;
    for (unsigned i = 0; i < u->n; i++) {
        struct jit_insn *in = &u->in[i];
        u->regs.weight = 1u << 3 * MIN(in->depth, 3);
        if (in->target || !through) {
            u->ef = EF_NONE;
            u->known = -1;
            u->sure = 0;
        }
        in->sure = (uint8_t)u->sure;
        if (!in->rule) {
            in->at = o->p;
            if ((through || in->target) && in->hole)
                leave_to_slot(u, jit_slot(u, in), false);
            else if (through || in->target)
                jit_to_handler(u, in);
            through = in->entry = false;
            continue;
        }
        in->entry = (u->ef == EF_NONE || !(in->props & (JP_READ | JP_KEEP))) && wants_way_in(u, i);
        if (!through && in->entry)
            way_in(u, in);
        in->at = o->p;
        u->bound = false;
        in->rule->emit(u, in);
        in->entry &= !u->bound;
        if (!(in->props & (JP_KEEP | JP_WRITE)))
            u->ef = EF_NONE;
        through = !(in->props & (JP_END | JP_CALL));
    }
    u->regs.weight = 1;
    if (through && u->first + u->n == A64_PAGE_OPS && !u->core->jit.shadow) {
        em_load(o, 1, RAX, RDI, CPU(page_va));
        em_alu_ri(o, 1, ALU_ADD, RAX, A64_PAGE);
        jit_to_va(u, &u->in[u->n - 1]);
    } else if (through) {
        jit_to_slot(u, u->first + u->n, false);
    }
    u->regs.weight = 0; /* what follows is rare */
    for (unsigned i = 0; i < u->n; i++)
        if (u->in[i].entry && !u->in[i].way_in)
            way_in(u, &u->in[i]);
    for (unsigned i = 0; i < u->stubs_n; i++) { /* they may add others */
        const struct jit_stub s = u->stubs[i];
        em_here32(o, s.from);
        s.emit(u, &s);
    }
    for (unsigned i = 0; i < u->jumps_n; i++)
        em_target32(u->jumps[i].at, u->in[u->jumps[i].slot - u->first].at);
}

/* ---- how slots come to lead to it ---- */
/* The handler of slots within a unit that nothing leads to so far. */
static A64_OP(jit_late)
{
    return a64_jit_slot(cpu, (struct a64_op *)(uintptr_t)op);
}

/* What is part of a loop that is there already is worth translating all of that again when it was
 * executed LOOP_WARM times. */
static A64_OP(loop_part)
{
    struct a64_core *core = a64_core_of(cpu);
    uint8_t *heat = &core->jit_heat[(uintptr_t)op / sizeof *op % ARRAY_LEN(core->jit_heat)];
    if (++*heat < LOOP_WARM)
        return a64_handler(a64_mirror_insn(core, op))(cpu, op);
    *heat = 0;
    return a64_jit_slot(cpu, (struct a64_op *)(uintptr_t)op);
}

static void publish(struct jit_unit *u)
{
    bool again = false; /* branches know older code */
    for (unsigned i = 0; i < u->n; i++) {
        const struct jit_insn *in = &u->in[i];
        struct a64_op *slot = &u->ops[u->first + i];
        if (in->hole)
            continue;
        again |= is_translated(u, u->first + i);
        if (a64_mirror_is_first(slot))
            a64_predecode(slot, in->word);
        if (!in->rule)
            slot->fn = in->op.fn;
        else if (in->entry)
            jit_enter(u, slot, in->way_in + u->o.delta);
        else if (!is_translated(u, u->first + i))
            slot->fn = a64_op_jit_late;
    }
    a64_mirror_has_code(u->core, u->ops);
    if (again)
        a64_tlb_flush_jumps(u->core);
}

void jit_unit_make(struct jit_unit *u, struct a64_op *slot)
{
    unsigned at = (unsigned)(slot - u->ops);
    bool warm = slot->fn == a64_op_loop_part || u->core->jit.eager;
    u->o.p = u->core->jit.rw + u->core->jit.used;
    if (slot->fn == a64_op_jit_late || !scan_loop(u, at)) {
        scan(u, at, 0);
    } else if (!warm) {
        a64_predecode(slot, a64_mirror_insn(u->core, slot));
        slot->fn = a64_op_loop_part;
        return;
    }
    bool loop = find_targets(u);
    find_live(u);
    jit_regs_none(u);
    if (!u->in[0].rule) {
        u->n = 1;
    } else if (loop || (u->core->jit.eager && at & 1)) {
        jit_regs_count(u);
        emit(u);
        jit_regs_choose(u);
        emit(u);
    } else {
        emit(u);
    }
    publish(u);
}
