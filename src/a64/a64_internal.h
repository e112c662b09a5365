// SPDX-License-Identifier: MIT
/*
 * a64_internal.h - what the system side of the software CPU shares among its files: the VM, the
 * private half of a vCPU, translation results, requests between vCPUs.
 *
 * A vCPU is one zeroed mapping; pages of it that a guest does not use are never touched.
 */
#ifndef A64_INTERNAL_H
#define A64_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "src/a64/cpu.h"

/* ---- the VM ---- */
#define A64_REGIONS_MAX 8
#define A64_CODE_UNIT   KIB(16)

struct a64_region {
    gpa_t base;
    uint64_t size;
    uint8_t *hva;
    bool rom;
    _Atomic uint64_t *code; /* one bit per A64_CODE_UNIT: some vCPU has a mirror of a page in it */
};

/* Never changed once published: vm_map() fills in the other one of the two. */
struct a64_map {
    unsigned n;
    struct a64_region r[A64_REGIONS_MAX];
};

struct a64_core;

struct a64_vm {
    struct hv_config config;
    _Atomic(const struct a64_map *) map;
    struct a64_map maps[2];
    pthread_mutex_t lock; /* of map changes */
    _Atomic(struct a64_core *) cpus[A64_CPUS_MAX];
    uint64_t epoch_ns; /* the counter reads 0 then */
};

/* The region [gpa, gpa + len) lies in, NULL when a byte is outside. len is not 0. */
static inline const struct a64_region *a64_region_of(struct a64_vm *vm, gpa_t gpa, uint64_t len)
{
    const struct a64_map *m = atomic_load_explicit(&vm->map, memory_order_acquire);
    for (unsigned i = 0; i < m->n; i++) {
        uint64_t off = gpa - m->r[i].base;
        if (off < m->r[i].size)
            return len <= m->r[i].size - off ? &m->r[i] : NULL;
    }
    return NULL;
}

/* ---- requests from other threads (sync.c) ---- */
enum a64_req_kind {
    A64_REQ_TLB_VA,   /* a: VA */
    A64_REQ_TLB_ASID, /* a: ASID */
    A64_REQ_CODE,     /* guest physical [a, a + b) was written */
};

struct a64_req {
    enum a64_req_kind kind;
    uint64_t a, b;
};

#define A64_REQS 32

struct a64_inbox {
    pthread_mutex_t lock;
    unsigned n;              /* in core->req[] */
    bool tlb_all, code_all;  /* also on overflow of core->req[] */
    uint64_t posted;         /* requests so far; under lock */
    _Atomic uint64_t served; /* of those, applied */
};

/* ---- the private half of a vCPU ---- */
#define A64_MIRRORS     2048u /* of a vCPU, at most; see a64_mirror_init() */
#define A64_MIRROR_HASH 4096u
#define A64_SMALL       12u /* the first mirrors: in small pages, found without the hash */
/* 1024 slots, the page end, and three of padding, so that mirrors don't share cache sets. */
#define A64_MIRROR_OPS  (A64_PAGE_OPS + 4)
#define A64_MIRROR_SIZE (A64_MIRROR_OPS * sizeof(struct a64_op))

struct a64_mirror {
    gpa_t page;
    const uint8_t *hva;
    uint16_t next; /* in its hash chain, + 1 */
    bool code;     /* slots of it lead to translated code */
};

/* ---- the JIT (jit.c), on hosts that have one ---- */
#if defined(__x86_64__) && defined(__linux__)
#define A64_HAS_JIT 1
#else
#define A64_HAS_JIT 0
#endif
#define A64_JIT_SIZE MIB(16) /* the most translated code of a vCPU */

#define JIT_THUNKS 32

struct jit_shadow;

struct a64_jit {
    bool on;
    bool shadow; /* check translated code against the interpreter */
    bool eager;  /* translate what was never executed: for tests */
    unsigned warm;
    uint8_t *rw, *rx; /* two views of the cache; NULL: not made */
    uint8_t *to_va;   /* of jit_branch.c, in the writable view */
    /* How C enters code: run() does by the first. */
    const struct a64_op *(*enter)(struct a64_cpu *cpu, const struct a64_op *op);
    const struct a64_op *(*once)(struct a64_cpu *cpu, const struct a64_op *op, a64_fn *code);
    size_t begin; /* of what can be dropped */
    size_t used;
    size_t ready;          /* made present */
    size_t size;           /* of the cache: A64_JIT_SIZE or less */
    struct jit_unit *unit; /* what is being translated; NULL: not made */
    struct jit_shadow *state;
    int map_fd; /* of --perf-map, 0: none */
};

#define A64_LARGE 4

/* Contexts: which bank a privilege and PAN use (see tlb.c). */
enum { A64_CTX_EL0, A64_CTX_EL1, A64_CTX_EL1_PAN, A64_CTXS };

struct a64_bank_info {
    uint32_t key; /* context << 16 | ASID */
    bool used;
    bool ng;          /* A64_CTX_EL1_PAN: holds entries of core->asid only */
    uint32_t dmap;    /* a bit per 32 entries of d[] that may be in use */
    uint32_t imap;    /* a bit per 8 entries of i[] */
    uint64_t stamp;   /* of the last use */
    unsigned large_n; /* blocks larger than 4 KiB have left entries within these VAs: */
    struct {
        uint64_t lo, hi; /* inclusive */
    } large[A64_LARGE];
};

#define A64_ODD_MAX 16

struct a64_core {
    struct a64_cpu cpu;

    /* Any thread. */
    _Atomic uint32_t lines; /* 1 << enum hv_line */
    _Atomic bool in_run;
    struct a64_inbox inbox;

    /* The vCPU's thread. */
    uint64_t ticket[A64_CPUS_MAX]; /* what DSB waits for in each inbox */
    bool waits;                    /* some of them are not known to be served */
    bool event;                    /* WFE's event register */
    unsigned wfe_n;                /* WFEs in a row without an event */
    bool exited_wait;              /* the last exit was HV_EXIT_WAIT */
    uint8_t sysreg_rd; /* where the value of HV_EXIT_SYSREG goes, A64_SINK for a write */

    bool mmio_open;   /* HV_EXIT_MMIO was returned, the access is not in the log yet */
    uint64_t mmio_pc; /* of the instruction the log belongs to */

    /* Software step (step.c). */
    bool stepping;  /* step is active in the current state */
    bool ss;        /* PSTATE.SS: active-not-pending */
    bool step_live; /* the instruction at step_pc is being stepped */
    bool step_ready;
    uint64_t step_pc;

    /* Timers (timer.c). */
    uint64_t armed_ns; /* what timer_arm() was last told and has not come; UINT64_MAX: none */
    bool timer_level[2];

    /* Translations (tlb.c). */
    uint16_t asid;
    uint64_t stamp;
    struct a64_bank *ctx[A64_CTXS]; /* of the current ASID; NULL: not looked up yet */
    struct a64_bank_info info[A64_BANKS];

    unsigned odd_n; /* in odd[] */

    struct a64_jit jit;

    /* Mirrors (mirror.c). */
    uint8_t *arena; /* A64_MIRRORS of A64_MIRROR_SIZE */
    void *arena_map;
    size_t arena_len;
    bool arena_huge; /* the advice was given */
    unsigned mirror_n, mirror_max;
    unsigned mirror_hand; /* where the next one to go is looked for */
    uint16_t mirror_free; /* the first of those that went: number + 1; linked by `next` */
    uint64_t code_share;  /* memory for mirrors and translated code that may stay while it waits */
    uint64_t wait_ns;     /* since when it waits with more; 0: it does not */
    struct a64_mirror mirror[A64_MIRRORS]; /* the first of them in the page of all the above */
    uint16_t mirror_head[A64_MIRROR_HASH]; /* of those from A64_SMALL on: number + 1 */

    /* The JIT's, once there is code. */
    uint8_t *jit_thunk[JIT_THUNKS]; /* of jit_mem.c, in the writable view */
    uint8_t jit_heat[256];          /* of parts of loops (jit_unit.c) */

    struct a64_req req[A64_REQS]; /* under inbox.lock */
    struct hv_odd_sysreg odd[A64_ODD_MAX];

    struct a64_op step[A64_MIRROR_OPS];
    struct a64_bank banks[A64_BANKS] __attribute__((aligned(4096)));
};

static inline struct a64_core *a64_core_of(struct a64_cpu *cpu)
{
    return (struct a64_core *)(void *)cpu; /* its first member */
}

/* ---- mirror.c ---- */
/* The mirror of a page of memory at hva; may drop all others. */
struct a64_op *a64_mirror_of(struct a64_core *core, gpa_t page, const uint8_t *hva,
                             const struct a64_region *region);
/* Decode [gpa, gpa + len) anew. */
void a64_mirror_written(struct a64_core *core, gpa_t gpa, uint64_t len);
void a64_mirror_drop_all(struct a64_core *core);
/* The instruction word of a slot in the current mirror. */
uint32_t a64_mirror_insn(struct a64_core *core, const struct a64_op *op);
bool a64_mirror_is_first(const struct a64_op *slot);
/* Where the executable view of the JIT's cache goes: A64_JIT_SIZE near the mirrors. */
void *a64_mirror_jit_area(const struct a64_core *core);
/* Slots of the mirror lead to translated code; those of all mirrors no longer do. */
void a64_mirror_has_code(struct a64_core *core, const struct a64_op *ops);
void a64_mirror_forget_code(struct a64_core *core);
/* Before it waits: until when, UINT64_MAX for ever. And then, before it runs. */
uint64_t a64_mirror_wait(struct a64_core *core);
void a64_mirror_waited(struct a64_core *core);
/* For one of `cpus` vCPUs. */
int a64_mirror_init(struct a64_core *core, unsigned cpus);
void a64_mirror_fini(struct a64_core *core);

/* ---- jit.c ---- */
#if A64_HAS_JIT
/* Translate what begins at the slot, which was decoded at least once, and execute it. */
const struct a64_op *a64_jit_slot(struct a64_cpu *cpu, struct a64_op *slot);
/* All mirrors were dropped. */
void a64_jit_drop_all(struct a64_core *core);
void a64_jit_fini(struct a64_core *core);
#else
static inline const struct a64_op *a64_jit_slot(struct a64_cpu *cpu, struct a64_op *slot)
{
    A64_DISPATCH(slot);
}

static inline void a64_jit_drop_all(struct a64_core *core)
{
    (void)core;
}

static inline void a64_jit_fini(struct a64_core *core)
{
    (void)core;
}
#endif

/* ---- run.c ---- */
/* The slot at va, without a look at cpu->pending. */
const struct a64_op *a64_lookup(struct a64_cpu *cpu, uint64_t va);
A64_OP(page_end);

/* ---- step.c ---- */
/* Recomputes core->stepping; a caller that may have turned it on looks the next PC up anew. */
void a64_step_update(struct a64_cpu *cpu);
const struct a64_op *a64_step_lookup(struct a64_cpu *cpu, uint64_t va);
const struct a64_op *a64_step_fetched(struct a64_cpu *cpu, const struct a64_op *op);
/* If an instruction is being stepped, it has ended. */
void a64_step_done(struct a64_cpu *cpu);

/* ---- mmu.c ---- */
enum a64_access { A64_READ, A64_WRITE, A64_EXEC };

#define A64_PA_BITS 40u

/* Fault status codes (Arm ARM D17.2.37, DFSC), some + level. */
enum {
    A64_FSC_SIZE = 0x00,
    A64_FSC_TRANS = 0x04,
    A64_FSC_AF = 0x08,
    A64_FSC_PERM = 0x0c,
    A64_FSC_EXT = 0x10,
    A64_FSC_WALK = 0x14,
    A64_FSC_ALIGN = 0x21,
    A64_FSC_DEBUG = 0x22,
};

struct a64_tr {
    uint64_t pa;
    uint64_t size; /* of the page or block */
    uint8_t fsc;   /* when it failed */
    uint8_t level;
    uint8_t attr; /* MAIR byte */
    uint8_t sh;
    bool device;
    bool ng;
    uint8_t perm[2]; /* by EL: 1 << enum a64_access */
    bool user;       /* EL0 may read it: what PAN goes by */
};

/* Walk without permission checks. `af`: set the access flag in memory (else only read the tables).
 */
bool a64_walk(struct a64_cpu *cpu, uint64_t va, bool el0, bool af, struct a64_tr *t);
/* Walk and check; el0: as an unprivileged access. */
bool a64_translate(struct a64_cpu *cpu, uint64_t va, bool el0, enum a64_access access, bool af,
                   struct a64_tr *t);
/* A data abort at the current instruction; sets cpu->resume and returns false. */
bool a64_data_fault(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, uint8_t fsc,
                    bool write, bool cache_op);
static inline uint64_t a64_untag(const struct a64_cpu *cpu, uint64_t va)
{
    if (cpu->sr.tcr & (va & BIT(55) ? BIT(38) : BIT(37))) /* TBI1, TBI0 */
        return (uint64_t)bits_sext(va, 56);
    return va;
}

/* ---- tlb.c ---- */
void a64_context_init(struct a64_cpu *cpu);
/* TTBR, TCR changed: the ASID may be another. */
void a64_context_changed(struct a64_cpu *cpu);
/* EL or PAN changed: cpu->bank. */
void a64_bank_pick(struct a64_cpu *cpu);
void a64_tlb_flush_all(struct a64_cpu *cpu);
void a64_tlb_flush_asid(struct a64_cpu *cpu, uint16_t asid);
void a64_tlb_flush_va(struct a64_cpu *cpu, uint64_t va);
/* What the JIT finds by itself. The first time: all banks; code goes away: where branches go. */
void a64_tlb_jit_init(struct a64_core *core);
void a64_tlb_flush_jumps(struct a64_core *core);
/* Forget every instruction translation (mirrors go away). */
void a64_tlb_flush_code(struct a64_cpu *cpu);
void a64_tlb_put_data(struct a64_cpu *cpu, struct a64_bank *bank, uint64_t va,
                      const struct a64_tr *t, const struct a64_region *region);
void a64_tlb_put_code(struct a64_cpu *cpu, uint64_t va, const struct a64_tr *t, struct a64_op *ops);

/* ---- except.c ---- */
enum { A64_VEC_SYNC = 0x000, A64_VEC_IRQ = 0x080, A64_VEC_FIQ = 0x100 };
const struct a64_op *a64_take_irq(struct a64_cpu *cpu, uint64_t pc, unsigned vector);
const struct a64_op *a64_eret(struct a64_cpu *cpu);
/* CPACR or EL changed. */
void a64_fp_update(struct a64_cpu *cpu);
/* DAIF changed: lines that were left alone while masked come back to cpu->pending. */
void a64_irq_update(struct a64_cpu *cpu);
void a64_sp_select(struct a64_cpu *cpu, uint8_t el, bool spsel);
const struct a64_op *a64_stuck(struct a64_cpu *cpu, uint64_t pc, const char *what, uint64_t detail0,
                               uint64_t detail1);

/* ---- timer.c ---- */
uint64_t a64_timer_count(const struct a64_cpu *cpu);
/* A timer register changed or time has passed: drive the lines, arm the next deadline. */
void a64_timer_update(struct a64_cpu *cpu);
/* clock_mono_ns() time of the next timer interrupt, UINT64_MAX for none. */
uint64_t a64_timer_deadline(const struct a64_cpu *cpu);
bool a64_timer_status(const struct a64_cpu *cpu, unsigned timer);

/* ---- sysreg.c ---- */
void a64_sysreg_reset(struct a64_cpu *cpu);
unsigned a64_sysreg_state(struct a64_cpu *cpu, struct hv_state_reg *out, unsigned max);
/* SCTLR_EL1 bits. */
enum {
    A64_SCTLR_M = 1 << 0,
    A64_SCTLR_A = 1 << 1,
    A64_SCTLR_SA = 1 << 3,
    A64_SCTLR_SA0 = 1 << 4,
    A64_SCTLR_UMA = 1 << 9,
    A64_SCTLR_DZE = 1 << 14,
    A64_SCTLR_UCT = 1 << 15,
    A64_SCTLR_NTWI = 1 << 16,
    A64_SCTLR_NTWE = 1 << 18,
    A64_SCTLR_WXN = 1 << 19,
    A64_SCTLR_SPAN = 1 << 23,
    A64_SCTLR_UCI = 1 << 26,
};
/* The trap of an EL0 access to a system register or SYS instruction (EC 0x18). */
const struct a64_op *a64_sysreg_trap(struct a64_cpu *cpu, const struct a64_op *op, uint32_t insn);
uint32_t a64_sysreg_reg(uint32_t insn);
void a64_sysreg_odd(struct a64_cpu *cpu, uint32_t reg, uint64_t pc, bool write);

/* ---- sys_ops.c: SYS instructions ---- */
void a64_dec_sys(struct a64_op *op, uint32_t insn);

/* ---- sync.c ---- */
int a64_sync_init(struct a64_core *core);
void a64_sync_fini(struct a64_core *core);
/* Apply what waits in this vCPU's inbox. Its thread; no slot of a mirror may be used after. */
void a64_sync_serve(struct a64_core *core);
/* Ask all other vCPUs; DSB waits for them. */
void a64_sync_others(struct a64_cpu *cpu, const struct a64_req *req);
void a64_sync_others_tlb_all(struct a64_cpu *cpu);
void a64_sync_others_code_all(struct a64_cpu *cpu);
void a64_sync_wait(struct a64_cpu *cpu);
/* Any thread: ask one; returns the ticket. */
uint64_t a64_sync_post(struct a64_core *core, const struct a64_req *req, bool tlb_all,
                       bool code_all);
bool a64_sync_is_served(const struct a64_core *core, uint64_t ticket);
/* Does any vCPU have a mirror of a page in [gpa, gpa + len)? */
bool a64_code_in(struct a64_vm *vm, gpa_t gpa, uint64_t len);

static inline void a64_pend(struct a64_cpu *cpu, uint32_t bits)
{
    atomic_fetch_or(&cpu->pending, bits);
}

#endif
