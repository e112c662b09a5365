// SPDX-License-Identifier: MIT
/*
 * jit.c - the JIT's code cache, when it translates, and how C enters code. jit.h tells how
 * translated code and the interpreter live together, jit_unit.c what is translated.
 *
 * Each vCPU has a cache of its own, as it has mirrors of its own: nothing is shared, so nothing is
 * locked, and what changes code on other vCPUs reaches them as requests (sync.c). The cache is one
 * piece of memory mapped twice, writable here and executable there. It is made when slots have
 * been executed again JIT_WARM times (mirror.c), so that short runs have none. A slot's second
 * execution translates. When the cache is full everything in it is dropped.
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

const struct jit_rule *jit_rule_of(const struct a64_insn *row)
{
    return rules[row - a64_insns];
}

bool jit_has(const struct a64_jit *jit, const void *fn)
{
    return (uintptr_t)fn - (uintptr_t)jit->rx < A64_JIT_SIZE;
}

/* ---- the cache ---- */
/* Room for one unit. */
static void jit_room(struct a64_core *core)
{
    struct a64_jit *jit = &core->jit;
    if (jit->used + JIT_ROOM > jit->size) {
        a64_mirror_forget_code(core);
        jit->used = jit->begin;
        /*
         * What was executed in the one view is written again through the other, which wants a
         * serializing instruction in between (Intel SDM vol. 3 8.1.3).
         */
        unsigned a = 0, b, c = 0, d;
        __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
    }
    while (jit->ready < jit->used + JIT_CHUNK / 2) {
        madvise(jit->rw + jit->ready, JIT_CHUNK, MADV_POPULATE_WRITE);
        madvise(jit->rx + jit->ready, JIT_CHUNK, MADV_POPULATE_READ);
        jit->ready += JIT_CHUNK;
    }
}

/*
 * How C enters code, which uses registers that C wants kept. enter(cpu, op): the loop of run.c,
 * until a handler returns NULL. once(cpu, op, code): returns what the code does (jit_shadow.c).
 */
static void enter_thunk(struct jit_out *o, bool loop)
{
    static const uint8_t kept[] = {RBX, RBP, R12, R13, R14, R15, RDI}; /* RDI: to have it again */
    for (unsigned i = 0; i < ARRAY_LEN(kept); i++)
        em_op(o, 0, 0x50 | (kept[i] & 7), 0, 0, kept[i]); /* push */
    const uint8_t *again = o->p;
    if (loop) {
        em_rm(o, 0, 0xff, 2, RSI, offsetof(struct a64_op, fn)); /* call [rsi] */
        em_load(o, 1, RDI, RSP, 0);
        em_mov_rr(o, 1, RSI, RAX);
        em_rr(o, 1, 0x85, RAX, RAX);
        em_jcc_to(o, CC_NE, again);
    } else {
        em_rr(o, 0, 0xff, 2, RDX); /* call rdx */
    }
    for (unsigned i = ARRAY_LEN(kept); i-- > 0;)
        em_op(o, 0, 0x58 | (kept[i] & 7), 0, 0, kept[i]); /* pop */
    em8(o, 0xc3);                                         /* ret */
}

/* The address of what is made next, in the executable view. */
static void *next_code(const struct jit_out *o)
{
    return o->p + o->delta;
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
    jit_mem_thunks(&o, core->jit_thunk);
    void *enter = next_code(&o);
    enter_thunk(&o, true);
    void *once = next_code(&o);
    enter_thunk(&o, false);
    memcpy(&jit->enter, &enter, sizeof enter);
    memcpy(&jit->once, &once, sizeof once);
    jit->to_va = o.p;
    jit_va_thunk(jit, &o);
    a64_tlb_jit_init(core);
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

/* A line of /tmp/perf-PID.map: the host's perf looks code up there that no file has. */
static void jit_map(struct jit_unit *u)
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

static void jit_translate(struct a64_core *core, struct a64_op *slot)
{
    struct a64_jit *jit = &core->jit;
    struct jit_unit *u =
        jit->unit; /* no variable of the thread: each would cost a launch its memory */
    jit_room(core);
    u->core = core;
    u->ops = core->cpu.ops;
    u->o.delta = jit->rx - jit->rw;
    jit_unit_make(u, slot);
    assert(u->o.p <= jit->rw + jit->used + JIT_ROOM);
    if (u->o.p == jit->rw + jit->used)
        return;
    if (core->cpu.vm->config.perf_map)
        jit_map(u);
    jit->used = align_up((uint64_t)(u->o.p - jit->rw), 16);
}

const struct a64_op *a64_jit_slot(struct a64_cpu *cpu, struct a64_op *slot)
{
    struct a64_core *core = a64_core_of(cpu);
    if (!core->jit.rw) {
        if (jit_make(core)) /* run.c's loop goes on with the slot, by core->jit.enter */
            return slot;
        core->jit.on = false; /* the host has no memory for it */
        a64_predecode(slot, a64_mirror_insn(core, slot));
        A64_DISPATCH(slot);
    }
    jit_translate(core, slot);
    A64_DISPATCH(slot);
}
