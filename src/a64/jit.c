// SPDX-License-Identifier: MIT
/*
 * jit.c - the JIT's code cache, when it translates, and what a unit is. jit.h tells how translated
 * code and the interpreter live together.
 *
 * Each vCPU has a cache of its own, as it has mirrors of its own: nothing is shared, so nothing is
 * locked, and what changes code on other vCPUs reaches them as requests (sync.c). The cache is one
 * piece of memory mapped twice, writable here and executable there. It is made when slots have
 * been executed again JIT_WARM times (mirror.c), so that short runs have none. A slot's second
 * execution translates the unit that begins there, which takes in what was executed before only.
 * When the cache is full everything in it is dropped.
 */
#include "src/a64/jit.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define JIT_CHUNK KIB(256) /* of the cache, made present at a time */

#ifndef MADV_POPULATE_READ /* Linux 5.14; older kernels refuse both, which costs page faults */
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

static const struct jit_rule *const rule_lists[] = {
    jit_int_rules,     jit_branch_rules,  jit_mem_rules,      jit_fp_rules,       jit_fp_cvt_rules,
    jit_vec_rules,     jit_vec_int_rules, jit_vec_perm_rules, jit_vec_wide_rules, jit_vec_sat_rules,
    jit_vec_mem_rules, jit_sys_rules,     jit_atomic_rules};

/* By row of the table. The same for all vCPUs; whoever comes first fills it in. */
static const struct jit_rule *rules[2048];
static pthread_once_t rules_once = PTHREAD_ONCE_INIT;

static void rules_init(void)
{
    for (unsigned row = 0; row < a64_insns_n; row++)
        for (unsigned i = 0; i < ARRAY_LEN(rule_lists); i++)
            for (const struct jit_rule *r = rule_lists[i]; r->emit; r++)
                if (r->dec ? a64_insns[row].decode == r->dec : a64_insns[row].exec == r->exec)
                    rules[row] = r;
}

static bool jit_has(const struct a64_jit *jit, const void *fn)
{
    return (uintptr_t)fn - (uintptr_t)jit->rx < A64_JIT_SIZE;
}

/* ---- the cache ---- */
/* Room for one unit. */
static void jit_room(struct a64_core *core)
{
    struct a64_jit *jit = &core->jit;
    if (jit->used + JIT_ROOM > A64_JIT_SIZE) {
        a64_mirror_forget_code(core);
        jit->used = jit->begin;
        /*
         * What was executed in the one view is written again through the other, which wants a
         * serializing instruction in between (Intel SDM vol. 3 8.1.3).
         */
        unsigned a = 0, b, c = 0, d;
        __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
    }
    while (jit->ready < jit->used + JIT_ROOM) {
        madvise(jit->rw + jit->ready, JIT_CHUNK, MADV_POPULATE_WRITE);
        madvise(jit->rx + jit->ready, JIT_CHUNK, MADV_POPULATE_READ);
        jit->ready += JIT_CHUNK;
    }
}

static bool jit_make(struct a64_core *core)
{
    struct a64_jit *jit = &core->jit;
    jit->unit = malloc(sizeof *jit->unit);
    if (!jit->unit)
        return false;
    void *rw = mmap(NULL, A64_JIT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (rw == MAP_FAILED)
        return false;
    /* An old size of 0 makes a second mapping of shared memory (mremap(2)). */
    void *rx =
        mremap(rw, 0, A64_JIT_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, a64_mirror_jit_area(core));
    if (rx == MAP_FAILED || mprotect(rx, A64_JIT_SIZE, PROT_READ | PROT_EXEC)) {
        munmap(rw, A64_JIT_SIZE);
        return false;
    }
    pthread_once(&rules_once, rules_init);
    jit->rw = rw;
    jit->rx = rx;
    jit_room(core);
    struct jit_out o = {.p = jit->rw, .delta = jit->rx - jit->rw};
    jit_mem_thunks(&o, jit->thunk);
    jit->begin = jit->used = align_up((uint64_t)(o.p - jit->rw), 16);
    return true;
}

void a64_jit_fini(struct a64_core *core)
{
    jit_shadow_fini(core);
    free(core->jit.unit);
    if (core->jit.map_fd > 0)
        close(core->jit.map_fd);
    if (core->jit.rw)
        munmap(core->jit.rw, A64_JIT_SIZE); /* the other view is in the mirrors' mapping */
}

void a64_jit_drop_all(struct a64_core *core)
{
    core->jit.used = core->jit.begin;
}

/* ---- ways out of a unit ---- */
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
static void jit_return(struct jit_unit *u, unsigned slot, unsigned how)
{
    em_lea_rip(&u->o, RAX, (const uint8_t *)(u->ops + slot) + how);
    em8(&u->o, 0xc3); /* ret */
}

/* RSI is the slot: its handler next. */
static void jit_dispatch(struct jit_out *o)
{
    em_rm(o, 0, 0xff, 4, RSI, offsetof(struct a64_op, fn)); /* jmp [rsi] */
}

void jit_to_slot(struct jit_unit *u, unsigned slot, bool taken)
{
    struct jit_out *o = &u->o;
    const struct jit_insn *in = u->in + slot - u->first;
    const uint8_t *fn = (const uint8_t *)(uintptr_t)u->ops[slot].fn;
    if (u->core->jit.shadow) {
        jit_return(u, slot, taken ? JIT_TAKEN : 0);
    } else if (slot >= u->first && slot < u->first + u->n) {
        if (in->at) {
            em_jmp_to(o, in->at);
        } else {
            u->jumps[u->jumps_n].at = em_jmp32(o);
            u->jumps[u->jumps_n++].slot = slot;
        }
    } else if (jit_has(&u->core->jit, fn)) {
        em_jmp_to(o, fn - o->delta);
    } else {
        em_lea_rip(o, RSI, u->ops + slot);
        jit_dispatch(o);
    }
}

void jit_to_handler(struct jit_unit *u, const struct jit_insn *in)
{
    if (u->core->jit.shadow) {
        jit_return(u, jit_slot(u, in), 0);
        return;
    }
    em_lea_rip(&u->o, RSI, u->ops + jit_slot(u, in));
    em_jmp_fn(&u->o, (uintptr_t)in->op.fn);
}

void jit_stub_handler(struct jit_unit *u, const struct jit_stub *s)
{
    jit_to_handler(u, s->in);
}

/* The way of A64_GOTO. A VA whose low two bits are not 0 does not match the entry. */
void jit_to_va(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    if (u->core->jit.shadow) {
        em_store(o, 1, RAX, RDI, CPU(pc));
        jit_return(u, jit_slot(u, in), JIT_GONE);
        return;
    }
    _Static_assert(sizeof(struct a64_itlb) == 16 && A64_ITLB == 256, "the index is scaled below");
    em_mov_rr(o, 1, RCX, RAX);
    em_shift(o, 1, SH_SHR, RCX, 8);
    em_alu_ri(o, 0, ALU_AND, RCX, 0xff0);
    em_alu_rm(o, 1, ALU_ADD, RCX, RDI, CPU(bank));
    em_mov_rr(o, 1, RDX, RAX);
    em_alu_ri(o, 1, ALU_AND, RDX, ~0xffc);
    em_lea(o, 1, R8, RDX, 1);
    em_alu_rm(o, 1, ALU_CMP, R8, RCX, BANK(i) + (int32_t)offsetof(struct a64_itlb, page));
    uint8_t *miss = em_jcc8(o, CC_NE);
    em_load(o, 1, RSI, RCX, BANK(i) + (int32_t)offsetof(struct a64_itlb, ops));
    em_store(o, 1, RDX, RDI, CPU(page_va));
    em_store(o, 1, RSI, RDI, CPU(ops));
    em_alu_ri(o, 0, ALU_AND, RAX, 0xffc);
    em_rx(o, 1, 0x8d, RSI, RSI, RAX, 2, 0);
    jit_dispatch(o);
    em_here8(o, miss);
    em_mov_rr(o, 1, RSI, RAX);
    em_jmp_fn(o, (uintptr_t)a64_goto_slow);
}

/* ---- a unit ---- */
static void unit_decode(struct jit_unit *u, struct jit_insn *in, uint32_t word)
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
    const struct jit_rule *rule = rules[row - a64_insns];
    unsigned props = rule ? rule->props(word) : ~0u;
    if (props == ~0u || in->op.fn == a64_undef)
        return;
    in->rule = rule;
    in->props = (uint8_t)props;
    if (props & JP_BRANCH) {
        int64_t to = (int64_t)jit_slot(u, in) + jit_branch_imm(word) / 4;
        if (to >= 0 && to < (int64_t)A64_PAGE_OPS)
            in->to = (int16_t)to;
    }
}

/* The instructions from u->first on: not past the page, nor into what is translated or was never
 * executed. */
static void unit_scan(struct jit_unit *u)
{
    const struct a64_jit *jit = &u->core->jit;
    int reach = -1; /* the furthest target of a branch */
    while (u->n < JIT_UNIT && u->first + u->n < A64_PAGE_OPS) {
        struct a64_op *slot = &u->ops[u->first + u->n];
        if (u->n && ((a64_mirror_is_first(slot) && !jit->eager) || jit_has(jit, slot->fn) ||
                     jit_is_shadow(slot)))
            break;
        struct jit_insn *in = &u->in[u->n++];
        unit_decode(u, in, a64_mirror_insn(u->core, slot));
        reach = MAX(reach, in->to);
        if (in->props & JP_END && reach < (int)(u->first + u->n))
            break;
    }
    for (unsigned i = 0; i < u->n; i++)
        if (u->in[i].to >= (int)u->first && u->in[i].to < (int)(u->first + u->n))
            u->in[u->in[i].to - (int)u->first].target = true;
}

/* Whether NZCV may be read before it is written again, backwards. */
static void unit_live(struct jit_unit *u)
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

static void unit_emit(struct jit_unit *u)
{
    struct jit_out *o = &u->o;
    bool through = false; /* the code before goes on here */
    for (unsigned i = 0; i < u->n; i++) {
        struct jit_insn *in = &u->in[i];
        if (in->target || !through) {
            u->ef = EF_NONE;
            u->known = -1;
        }
        in->at = o->p;
        in->entry = u->ef == EF_NONE || !(in->props & (JP_READ | JP_KEEP));
        if (!in->rule) {
            if (through || in->target)
                jit_to_handler(u, in);
            through = false;
            continue;
        }
        u->bound = false;
        in->rule->emit(u, in);
        in->entry &= !u->bound;
        if (!(in->props & (JP_KEEP | JP_WRITE)))
            u->ef = EF_NONE;
        through = !(in->props & (JP_END | JP_CALL));
    }
    if (through)
        jit_to_slot(u, u->first + u->n, false);
    for (unsigned i = 0; i < u->stubs_n; i++) { /* they may add others */
        const struct jit_stub s = u->stubs[i];
        em_here32(o, s.from);
        s.emit(u, &s);
    }
    for (unsigned i = 0; i < u->jumps_n; i++)
        em_target32(u->jumps[i].at, u->in[u->jumps[i].slot - u->first].at);
}

/* A line of /tmp/perf-PID.map: the host's perf looks code up there that no file has. */
static void unit_map(struct jit_unit *u)
{
    struct a64_core *core = u->core;
    struct a64_jit *jit = &core->jit;
    char line[80];
    if (!jit->map_fd) {
        snprintf(line, sizeof line, "/tmp/perf-%ld.map", (long)getpid());
        jit->map_fd = open(line, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    int n = snprintf(line, sizeof line, "%" PRIxPTR " %tx a64_%" PRIx64 "_%u\n",
                     (uintptr_t)jit->rx + jit->used, u->o.p - (jit->rw + jit->used),
                     core->cpu.page_va + UINT64_C(4) * u->first, u->n);
    /* Without the file there are no names, which is no reason to stop. */
    if (jit->map_fd > 0 && write(jit->map_fd, line, (size_t)n) < 0) {
        close(jit->map_fd);
        jit->map_fd = -1;
    }
}

/* From now on slots lead to the code. */
static void unit_publish(struct jit_unit *u)
{
    struct a64_jit *jit = &u->core->jit;
    if (u->core->cpu.vm->config.perf_map)
        unit_map(u);
    for (unsigned i = 0; i < u->n; i++) {
        const struct jit_insn *in = &u->in[i];
        struct a64_op *slot = &u->ops[u->first + i];
        if (a64_mirror_is_first(slot))
            a64_predecode(slot, in->word);
        if (!in->rule)
            slot->fn = in->op.fn;
        else if (in->entry)
            jit_enter(u, slot, in->at + u->o.delta);
    }
    a64_mirror_has_code(u->core, u->ops);
    jit->used = align_up((uint64_t)(u->o.p - jit->rw), 16);
}

static void jit_translate(struct a64_core *core, struct a64_op *slot)
{
    struct jit_unit *u =
        core->jit.unit; /* no variable of the thread: each would cost a launch its memory */
    jit_room(core);
    u->core = core;
    u->ops = core->cpu.ops;
    u->first = (unsigned)(slot - u->ops);
    u->n = u->stubs_n = u->jumps_n = 0;
    u->o.p = core->jit.rw + core->jit.used;
    u->o.delta = core->jit.rx - core->jit.rw;
    unit_scan(u);
    unit_live(u);
    if (u->in[0].rule)
        unit_emit(u);
    else
        u->n = 1;
    unit_publish(u);
}

const struct a64_op *a64_jit_slot(struct a64_cpu *cpu, struct a64_op *slot)
{
    struct a64_core *core = a64_core_of(cpu);
    if (core->jit.rw || jit_make(core)) {
        jit_translate(core, slot);
    } else { /* the host has no memory for it */
        core->jit.on = false;
        a64_predecode(slot, a64_mirror_insn(core, slot));
    }
    A64_DISPATCH(slot);
}
