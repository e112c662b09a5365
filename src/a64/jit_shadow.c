// SPDX-License-Identifier: MIT
/*
 * jit_shadow.c - translated code checked against the interpreter while a guest runs (--soft
 * shadow).
 *
 * Units are translated so that every taken branch leaves them, with what they would do next as the
 * result. A unit runs; what it stored is taken back; the interpreter runs the same instructions
 * from the same registers; then registers, flags, floating-point state and every stored byte must
 * be the same, or run() returns HV_EXIT_FAIL. Only what translated code does itself is checked:
 * where it leaves an instruction to its handler, that is the interpreter's own.
 *
 * One vCPU only: another one could see a store that is taken back. Devices may write to memory in
 * between, so a difference counts when it is there three times.
 */
#include <sys/mman.h>

#include "src/a64/fp.h"
#include "src/a64/jit.h"

#define NOTE_MAX 64u /* bytes of a store */
#define TRIES    3u

struct jit_note {
    uint8_t *at;
    unsigned len;
    uint8_t before[NOTE_MAX], after[NOTE_MAX];
};

/* What code may change. */
struct jit_state {
    uint64_t x[A64_SINK]; /* but the sink */
    uint64_t v[32][2];
    uint32_t nzcv, fpsr;
    uint8_t *excl_hva;
    uint64_t excl_val[2];
    uint8_t excl_size;
};

struct jit_shadow {
    uint32_t code[A64_MIRRORS * A64_MIRROR_OPS]; /* of each slot: its offset in the cache */
    struct a64_op ops[A64_MIRROR_OPS];           /* what the interpreter runs from */
    unsigned notes_n;
    struct jit_note notes[JIT_UNIT];
};

/* The handler of all slots but the one that runs. */
static A64_OP(jit_stop)
{
    (void)cpu;
    return op;
}

static struct jit_shadow *shadow_of(struct a64_core *core)
{
    if (core->jit.state)
        return core->jit.state;
    struct jit_shadow *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s == MAP_FAILED)
        return NULL;
    for (unsigned i = 0; i < A64_MIRROR_OPS; i++)
        s->ops[i].fn = a64_op_jit_stop;
    return core->jit.state = s;
}

void jit_shadow_fini(struct a64_core *core)
{
    if (core->jit.state)
        munmap(core->jit.state, sizeof *core->jit.state);
}

static void state_get(struct jit_state *s, const struct a64_cpu *cpu)
{
    memcpy(s->x, cpu->x, sizeof s->x);
    memcpy(s->v, cpu->v, sizeof s->v);
    s->nzcv = a64_nzcv(cpu);
    s->fpsr = a64_fpsr_get(cpu);
    s->excl_hva = cpu->excl_hva;
    s->excl_size = cpu->excl_size;
    memcpy(s->excl_val, cpu->excl_val, sizeof s->excl_val);
}

static void state_set(struct a64_cpu *cpu, const struct jit_state *s)
{
    memcpy(cpu->x, s->x, sizeof s->x);
    memcpy(cpu->v, s->v, sizeof s->v);
    a64_nzcv_set(cpu, s->nzcv);
    a64_fpsr_set(cpu, s->fpsr);
    cpu->excl_hva = s->excl_hva;
    cpu->excl_size = s->excl_size;
    memcpy(cpu->excl_val, s->excl_val, sizeof s->excl_val);
}

static bool state_same(const struct jit_state *a, const struct jit_state *b)
{
    return !memcmp(a->x, b->x, sizeof a->x) && !memcmp(a->v, b->v, sizeof a->v) &&
           a->nzcv == b->nzcv && a->fpsr == b->fpsr && a->excl_hva == b->excl_hva;
}

/*
 * Called from code, whose registers must stay as they are: it saves those that it uses, and uses no
 * vector registers.
 */
__attribute__((no_caller_saved_registers, target("general-regs-only"))) static void
shadow_note(struct a64_cpu *cpu, uint8_t *at, unsigned len)
{
    struct jit_shadow *s = a64_core_of(cpu)->jit.state;
    if (s->notes_n == JIT_UNIT || len > NOTE_MAX)
        __builtin_trap();
    struct jit_note *n = &s->notes[s->notes_n++];
    n->at = at;
    n->len = len;
    uint8_t *to = n->before;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(at), "+c"(len) : : "memory");
}

void jit_shadow_note(struct jit_out *o, unsigned len)
{
    em8(o, 0x50 + RAX); /* push: three, so that the stack is aligned for the call */
    em8(o, 0x50 + RDI);
    em8(o, 0x50 + RDX);
    em_rx(o, 1, 0x8d, RSI, RCX, RAX, 0, 0);
    em_imm(o, RDX, len);
    em_imm(o, RAX, (uintptr_t)shadow_note);
    em_rr(o, 0, 0xff, 2, RAX); /* call */
    em8(o, 0x58 + RDX);
    em8(o, 0x58 + RDI);
    em8(o, 0x58 + RAX);
}

/* Takes the stores back, the last one first. */
static void shadow_undo(struct jit_shadow *s)
{
    for (unsigned i = 0; i < s->notes_n; i++)
        memcpy(s->notes[i].after, s->notes[i].at, s->notes[i].len);
    for (unsigned i = s->notes_n; i-- > 0;)
        memcpy(s->notes[i].at, s->notes[i].before, s->notes[i].len);
}

/* One instruction by its handler; the slot that it leads to, or something else outside s->ops. */
static const struct a64_op *shadow_step(struct a64_cpu *cpu, struct jit_shadow *s, unsigned slot,
                                        uint32_t word)
{
    struct a64_op *op = &s->ops[slot];
    a64_predecode(op, word);
    cpu->ops = s->ops;
    const struct a64_op *to = op->fn(cpu, op);
    op->fn = a64_op_jit_stop;
    return to;
}

enum shadow_result { SAME, DIFFERENT, UNKNOWN };

/*
 * From slot `from` as far as slot `to`, which the code says comes next, by a branch if `taken`.
 * UNKNOWN: an instruction did something else (its translation had been changed without a TLBI);
 * *next is the way on.
 */
static enum shadow_result shadow_interpret(struct a64_cpu *cpu, struct a64_op *ops, unsigned from,
                                           unsigned to, bool taken, const struct a64_op **next)
{
    struct a64_core *core = a64_core_of(cpu);
    struct jit_shadow *s = core->jit.state;
    unsigned stores = 0, slot = from;
    for (unsigned n = 0; n <= JIT_UNIT; n++) {
        uint32_t word = a64_mirror_insn(core, ops + slot);
        const struct a64_insn *row = a64_decode(word);
        stores += row && row->flags & A64_F_STORE;
        const struct a64_op *r = shadow_step(cpu, s, slot, word);
        if (r < s->ops || r > s->ops + A64_PAGE_OPS) {
            *next = r;
            return UNKNOWN;
        }
        cpu->ops = ops;
        bool straight = r == s->ops + slot + 1;
        bool to_next = row && row->flags & A64_F_BRANCH && jit_branch_imm(word) == 4;
        slot = (unsigned)(r - s->ops);
        if (slot == to && (!taken || !straight || to_next))
            return stores == s->notes_n ? SAME : DIFFERENT;
        if (!straight)
            return DIFFERENT;
    }
    return DIFFERENT;
}

/* The branch at `slot` went to cpu->pc by itself: the same as the architecture says? */
static bool shadow_branch(struct a64_cpu *cpu, struct a64_op *ops, unsigned slot,
                          uint64_t x30_of_code)
{
    uint32_t word = a64_mirror_insn(a64_core_of(cpu), ops + slot);
    uint64_t pc = cpu->page_va + slot * 4ull, to;
    bool link = false;
    if ((word & 0xfe000000) == 0xd6000000) { /* BR, BLR, RET */
        to = cpu->x[a64_src(word >> 5 & 31)];
        link = (word >> 21 & 3) == 1;
    } else {
        to = pc + (uint64_t)(int64_t)jit_branch_imm(word);
        link = (word & 0xfc000000) == 0x94000000;
    }
    if (link)
        cpu->x[30] = pc + 4;
    return to == cpu->pc && cpu->x[30] == x30_of_code;
}

/* *next becomes NULL when the code left the first instruction to its handler. */
static enum shadow_result shadow_try(struct a64_cpu *cpu, const struct a64_op *op,
                                     const struct a64_op **next, bool *gone)
{
    struct a64_core *core = a64_core_of(cpu);
    struct jit_shadow *s = core->jit.state;
    struct a64_op *ops = cpu->ops;
    struct jit_state before, mine, theirs;
    const uint8_t *code = core->jit.rx + s->code[op - (const struct a64_op *)(void *)core->arena];
    a64_fn *fn;
    memcpy(&fn, &code, sizeof fn);

    s->notes_n = 0;
    state_get(&before, cpu);
    uintptr_t r = (uintptr_t)core->jit.once(cpu, op, fn);
    state_get(&mine, cpu);
    *gone = r & JIT_GONE;
    bool taken = r & JIT_TAKEN;
    const struct a64_op *to = (const struct a64_op *)(r & ~(uintptr_t)(JIT_GONE | JIT_TAKEN));
    *next = taken || to != op || *gone ? to : NULL;
    if (!*next)
        return SAME;
    shadow_undo(s);
    state_set(cpu, &before);

    enum shadow_result result = SAME;
    if (to != op || !*gone)
        result =
            shadow_interpret(cpu, ops, (unsigned)(op - ops), (unsigned)(to - ops), taken, next);
    if (result == UNKNOWN)
        return result;
    if (result == SAME && *gone && !shadow_branch(cpu, ops, (unsigned)(to - ops), mine.x[30]))
        result = DIFFERENT;
    state_get(&theirs, cpu);
    /* Floating point that is left to its handler may have raised some of that one's flags. */
    const struct a64_insn *row = taken ? NULL : a64_decode(a64_mirror_insn(core, to));
    if (row && row->flags & A64_F_FP && !(theirs.fpsr & ~mine.fpsr))
        mine.fpsr = theirs.fpsr;
    if (!state_same(&mine, &theirs))
        result = DIFFERENT;
    for (unsigned i = 0; i < s->notes_n; i++)
        if (memcmp(s->notes[i].at, s->notes[i].after, s->notes[i].len) != 0)
            result = DIFFERENT;
    if (result == DIFFERENT)
        state_set(cpu, &before);
    return result;
}

static A64_OP(jit_shadow)
{
    const struct a64_op *next;
    bool gone;
    uint64_t pc = a64_pc_of(cpu, op);
    enum shadow_result result = DIFFERENT;
    for (unsigned i = 0; i < TRIES && result == DIFFERENT; i++)
        result = shadow_try(cpu, op, &next, &gone);
    if (result == DIFFERENT) {
        cpu->exit = (struct hv_exit){.reason = HV_EXIT_FAIL};
        cpu->exit.fail.what = "translated code does not do what the interpreter does";
        cpu->exit.fail.detail[0] = pc;
        cpu->exit.fail.detail[1] = a64_mirror_insn(a64_core_of(cpu), op);
        return a64_leave(cpu, pc);
    }
    if (result == UNKNOWN)
        return next;
    if (!next) /* not even the first instruction: as it is interpreted */
        return a64_handler(a64_mirror_insn(a64_core_of(cpu), op))(cpu, op);
    if (!gone)
        cpu->pc = a64_pc_of(cpu, next);
    if (atomic_load_explicit(&cpu->pending, memory_order_relaxed))
        return a64_interrupted(cpu, cpu->pc);
    if (!gone)
        return next;
    return a64_lookup(cpu, cpu->pc);
}

bool jit_is_shadow(const struct a64_op *slot)
{
    return slot->fn == a64_op_jit_shadow;
}

void jit_enter(struct jit_unit *u, struct a64_op *slot, const uint8_t *code)
{
    struct a64_core *core = u->core;
    struct jit_shadow *s;
    if (!core->jit.shadow) {
        memcpy(&slot->fn, &code, sizeof slot->fn);
    } else if ((s = shadow_of(core))) {
        s->code[slot - (const struct a64_op *)(void *)core->arena] =
            (uint32_t)(code - core->jit.rx);
        slot->fn = a64_op_jit_shadow;
    } else {
        a64_predecode(slot, a64_mirror_insn(core, slot));
    }
}
