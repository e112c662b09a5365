// SPDX-License-Identifier: MIT
/*
 * cpu.h - the state of one software ARM64 CPU, and how its instruction handlers are written.
 *
 * Guest code runs from mirrors: for each 4 KiB page of guest physical memory that executes, an
 * array of 1024 predecoded slots plus one that ends the page. A slot holds its handler and the
 * operands the handler needs; all slots start as "decode me". Handlers tail-call the next slot's
 * handler. The PC is implicit: the slot's place in the mirror. Mirrors, TLBs and everything else
 * derived from guest state are caches that may be dropped whenever no slot pointer is live.
 */
#ifndef A64_CPU_H
#define A64_CPU_H

#include <pthread.h>
#include <stdatomic.h>

#include "vmm/a64.h"
#include "vmm/base.h"

#ifdef A64_STATS
#include "src/a64/stats.h"
#endif

struct a64_op;

/* Executes one instruction; returns the slot to go on with, or NULL when run() has to return. */
typedef const struct a64_op *a64_fn(struct a64_cpu *cpu, const struct a64_op *op);

/* 16 bytes. Register numbers are indices into cpu->x (see A64_ZR), or plain 0..31 for V registers.
 */
struct a64_op {
    a64_fn *fn;
    uint8_t rd, rn, rm, ra;
    union {
        int32_t imm;
        uint32_t insn; /* handlers without a decode function get the instruction itself */
    };
};

/* cpu->x: X0..X30, then the current SP, a zero that nobody writes, and a place for discarded
 * results. */
enum { A64_SP = 31, A64_ZR = 32, A64_SINK = 33, A64_XREGS = 34 };

/* Indices into cpu->x of a 5-bit register field: read as Xn/XZR, written as Xn/XZR, or Xn/SP. */
static inline uint8_t a64_src(unsigned n)
{
    return (uint8_t)(n == 31 ? A64_ZR : n);
}

static inline uint8_t a64_dst(unsigned n)
{
    return (uint8_t)(n == 31 ? A64_SINK : n);
}

/*
 * cpu->hf holds the flags the way LAHF and SETO leave those of an x86-64 host in AX, but C is Arm's
 * (set when a subtraction does not borrow). The other bits mean nothing.
 */
enum { A64_HF_N = 1 << 15, A64_HF_Z = 1 << 14, A64_HF_C = 1 << 8, A64_HF_V = 1 << 0 };

union a64_vreg {
    uint8_t b[16];
    uint16_t h[8];
    uint32_t s[4];
    uint64_t d[2];
    int8_t sb[16];
    int16_t sh[8];
    int32_t ss[4];
    int64_t sd[2];
    float f[4];
    double df[2];
    __uint128_t q;
} __attribute__((aligned(16)));

#define A64_PAGE     4096u
#define A64_PAGE_OPS 1024u

/*
 * Data TLB entry of one 4 KiB page. A tag is (page | 0xfff), so that an empty (zero) entry matches
 * nothing; it is compared with (va + size - 1) | 0xfff, which makes an access that leaves the page
 * miss.
 */
struct a64_dtlb {
    uint64_t tag_r, tag_w; /* 0 when that access must take the slow path */
    uintptr_t addend;      /* host address = va + addend (wrapping) */
    uint64_t amask; /* 0; all ones when accesses must be aligned (Device memory, SCTLR_EL1.A) */
};

/* Instruction TLB entry: the mirror of a page. `page` is the VA page | 1, 0 when empty. */
struct a64_itlb {
    uint64_t page;
    struct a64_op *ops;
};

/*
 * What the JIT looks at first: the page that the last access by a base register (index into
 * cpu->x) went to. Reads, then writes.
 */
struct a64_l0 {
    uint64_t tag; /* the page's VA; all ones, which no VA of a page is, when empty (jit_make()) */
    uintptr_t addend;
};

/*
 * Where the JIT's branches to a register or to another page went: the code for a VA. In an empty
 * entry `va` is one that leads to another entry.
 */
struct a64_jump {
    uint64_t va;
    a64_fn *code;
    struct a64_op *ops; /* of the page */
    uint64_t unused;
};

#define A64_L0         34u
#define A64_JUMPS      64u
#define A64_JUMP_PAGES 512u
#define A64_DTLB       1024u
#define A64_ITLB       256u
#define A64_BANKS      8u

/*
 * The translations of one (ASID, privilege, PAN) context; switching contexts switches banks. What
 * is known about a bank is kept elsewhere (struct a64_bank_info), so that an unused bank is never
 * touched.
 */
struct a64_bank {
    struct a64_itlb i[A64_ITLB];
    struct a64_dtlb d[A64_DTLB];
    struct a64_l0 l0[2 * A64_L0];
    bool l0_used, jumps_used;
    uint64_t jump_pages[A64_JUMP_PAGES / 64]; /* a bit for each page, modulo, that a jump goes to */
    struct a64_jump jumps[A64_JUMPS];
};

/* cpu->pending: reasons to leave the straight path at the next taken branch. Set by any thread. */
enum {
    A64_PEND_IRQ = 1 << 0, /* HV_LINE_IRQ is up (taken when PSTATE.I is clear) */
    A64_PEND_FIQ = 1 << 1,
    A64_PEND_KICK = 1 << 2,  /* run() returns HV_EXIT_KICK */
    A64_PEND_TIMER = 1 << 3, /* look at the timers */
    A64_PEND_SYNC = 1 << 4,  /* requests of other threads wait (TLBI, IC, ram_written) */
    A64_PEND_REPLAY =
        1 << 5, /* cpu->mmio belongs to an instruction that ends before the next branch */
    A64_PEND_STEP = 1 << 6, /* software step: one instruction, then the step exception */
};

/* One completed access of an instruction that is run again until all its accesses are complete. */
struct a64_mmio {
    gpa_t gpa;
    uint64_t val;
    uint8_t size;
    bool write;
};

#define A64_MMIO_MAX 16 /* LD4/ST4 of 16-byte registers is 8 accesses of 8 bytes */

/* System registers that hold state. Those that are computed are in sysreg.c only. */
struct a64_sysregs {
    uint64_t sctlr, actlr, cpacr, ttbr0, ttbr1, tcr, mair, amair, vbar, contextidr;
    uint64_t tpidr_el0, tpidrro_el0, tpidr_el1, scxtnum_el0, scxtnum_el1;
    uint64_t esr, far_, afsr0, afsr1, elr, spsr, par;
    uint64_t sp_el0, sp_el1; /* the one not in x[A64_SP] */
    uint64_t cntkctl, cntv_ctl, cntv_cval, cntp_ctl, cntp_cval;
    uint64_t mdscr, osdlr, oslsr, csselr;
    uint64_t dbgbvr[16], dbgbcr[16], dbgwvr[16], dbgwcr[16];
};

struct a64_cpu {
    /* Hot: what nearly every handler touches. */
    uint64_t x[A64_XREGS];
    uint16_t hf; /* NZCV, see A64_HF_... */
    _Atomic uint32_t pending;
    bool fp_trap; /* FP/ASIMD instructions trap (CPACR_EL1.FPEN at this EL) */
    uint8_t el;   /* 0 or 1 */
    bool spsel, pan;
    bool smp;              /* more than one vCPU: barriers cost something */
    uint8_t daif;          /* bits 3..0 = D A I F, as in MRS DAIF >> 6 */
    struct a64_op *ops;    /* mirror of the page that runs */
    uint64_t page_va;      /* its VA */
    struct a64_bank *bank; /* translations of the current context */
    struct a64_bank *user; /* those of EL0 in the current ASID (LDTR/STTR) */
    const struct a64_op
        *resume; /* what a handler returns after a helper said "not done": see below */
    uint64_t pc; /* valid outside handlers only */

    union a64_vreg v[32];
    uint32_t fpcr,
        fpsr; /* architectural, except that fpsr lacks what fp.c keeps in the host's flags */

    /* Local exclusive monitor: what was read, for the compare-and-swap of the store (sem_excl.c).
     */
    uint8_t *excl_hva; /* NULL: open */
    uint8_t excl_size;
    uint64_t excl_val[2];

    struct a64_sysregs sr;
    struct a64_vm *vm;
    unsigned index;

    /* Exit under construction, and the accesses of the instruction that is run again. */
    struct hv_exit exit;
    struct a64_mmio mmio[A64_MMIO_MAX];
    unsigned mmio_n;  /* completed accesses of the current instruction */
    unsigned mmio_at; /* of those, consumed in this run of it */
#ifdef A64_STATS
    struct a64_stats stats;
#endif
};

/* ---- Writing a handler
 * -------------------------------------------------------------------------------
 *
 *   A64_OP(add_imm64)
 *   {
 *       cpu->x[op->rd] = cpu->x[op->rn] + (uint64_t)op->imm;
 *       A64_NEXT;
 *   }
 *
 * A handler ends in A64_NEXT, A64_JUMP(slot), A64_GOTO(va), or `return` of one of the helpers that
 * return a slot (a64_undef, a64_exception...). After a helper that returned false ("not done": an
 * exception was taken or run() must return) it returns cpu->resume and has changed no architectural
 * state.
 */
#define A64_OP(name)                                                                               \
    const struct a64_op *a64_op_##name(struct a64_cpu *cpu, const struct a64_op *op)

#ifdef A64_STATS
#define A64_COUNT(cpu, what) ((void)(cpu)->stats.what++)
#define A64_COUNT_ACCESS(cpu, op, va, write)                                                       \
    a64_stats_access(&(cpu)->stats, (cpu)->el, (op)->rn, va, write)
#else
#define A64_COUNT(cpu, what)                 ((void)0)
#define A64_COUNT_ACCESS(cpu, op, va, write) ((void)0)
#endif

/* Threaded code needs tail calls; builds without them (-O0, sanitizers) return to the loop in
 * run.c. */
#if defined(A64_LOOP)
#define A64_DISPATCH(to)                                                                           \
    do {                                                                                           \
        A64_COUNT(cpu, insns);                                                                     \
        return (to);                                                                               \
    } while (0)
#elif defined(__clang__)
#define A64_DISPATCH(to)                                                                           \
    do {                                                                                           \
        const struct a64_op *to_ = (to);                                                           \
        A64_COUNT(cpu, insns);                                                                     \
        __attribute__((musttail)) return to_->fn(cpu, to_);                                        \
    } while (0)
#else
#define A64_DISPATCH(to)                                                                           \
    do {                                                                                           \
        const struct a64_op *to_ = (to);                                                           \
        A64_COUNT(cpu, insns);                                                                     \
        return to_->fn(cpu, to_);                                                                  \
    } while (0)
#endif

#define A64_NEXT A64_DISPATCH(op + 1)

/*
 * For handlers with a local whose address escapes: compilers do not tail-call from those, and a
 * call per instruction would use up the stack. tests/lint/tailcalls.sh finds handlers that need
 * this.
 */
#define A64_NEXT_LOOP return op + 1

/* A taken branch inside the page; looks at cpu->pending. */
#define A64_JUMP(to)                                                                               \
    do {                                                                                           \
        const struct a64_op *jump_ = (to);                                                         \
        if (unlikely(atomic_load_explicit(&cpu->pending, memory_order_relaxed)))                   \
            return a64_interrupted(cpu, a64_pc_of(cpu, jump_));                                    \
        A64_DISPATCH(jump_);                                                                       \
    } while (0)

/* A branch to any VA; looks at cpu->pending. */
#define A64_GOTO(va)                                                                               \
    do {                                                                                           \
        uint64_t goto_ = (va);                                                                     \
        if (unlikely(atomic_load_explicit(&cpu->pending, memory_order_relaxed)))                   \
            return a64_interrupted(cpu, goto_);                                                    \
        const struct a64_itlb *it_ = &cpu->bank->i[(goto_ / A64_PAGE) % A64_ITLB];                 \
        if (unlikely(it_->page != ((goto_ & ~(uint64_t)(A64_PAGE - 1)) | 1) || (goto_ & 3)))       \
            return a64_goto_slow(cpu, goto_);                                                      \
        cpu->ops = it_->ops;                                                                       \
        cpu->page_va = goto_ & ~(uint64_t)(A64_PAGE - 1);                                          \
        A64_DISPATCH(it_->ops + (goto_ % A64_PAGE) / 4);                                           \
    } while (0)

/* First line of every FP/ASIMD handler. */
#define A64_FP_CHECK                                                                               \
    do {                                                                                           \
        if (unlikely(cpu->fp_trap))                                                                \
            return a64_fp_trap(cpu, op);                                                           \
    } while (0)

/* The PC of a slot in the current mirror. */
static inline uint64_t a64_pc_of(const struct a64_cpu *cpu, const struct a64_op *op)
{
    return cpu->page_va + (uint64_t)((const char *)op - (const char *)cpu->ops) / 4;
}

/* ---- run.c: control flow. Each returns the slot to go on with (or NULL), ready to be returned.
 * ---- */
const struct a64_op *a64_goto_slow(struct a64_cpu *cpu, uint64_t va);
/* cpu->pending is not 0: deal with it, then go on at pc. */
const struct a64_op *a64_interrupted(struct a64_cpu *cpu, uint64_t pc);
/* Leave run(): cpu->exit is filled in, the guest resumes at pc. */
const struct a64_op *a64_leave(struct a64_cpu *cpu, uint64_t pc);
/* The op is the current one; the mirror or the translation regime may have changed: look the next
 * PC up anew. */
const struct a64_op *a64_resync(struct a64_cpu *cpu, const struct a64_op *op);

/* ---- except.c ---- */
/* Exception classes (Arm ARM D17.2.37, ESR_EL1.EC). */
enum {
    A64_EC_UNKNOWN = 0x00,
    A64_EC_WFX = 0x01,
    A64_EC_FP = 0x07,
    A64_EC_ILLEGAL = 0x0e,
    A64_EC_SVC = 0x15,
    A64_EC_SYSREG = 0x18,
    A64_EC_IABT_LOWER = 0x20,
    A64_EC_IABT = 0x21,
    A64_EC_PC_ALIGN = 0x22,
    A64_EC_DABT_LOWER = 0x24,
    A64_EC_DABT = 0x25,
    A64_EC_SP_ALIGN = 0x26,
    A64_EC_FPE = 0x2c,
    A64_EC_BKPT_LOWER = 0x30,
    A64_EC_STEP_LOWER = 0x32,
    A64_EC_WATCH_LOWER = 0x34,
    A64_EC_BRK = 0x3c,
};

/* Take a synchronous exception to EL1: return address `pc`, ESR = ec<<26 | IL | iss. far only for
 * aborts. */
const struct a64_op *a64_exception(struct a64_cpu *cpu, uint64_t pc, unsigned ec, uint32_t iss);
const struct a64_op *a64_abort(struct a64_cpu *cpu, uint64_t pc, unsigned ec, uint32_t iss,
                               uint64_t far_);
const struct a64_op *a64_undef(struct a64_cpu *cpu, const struct a64_op *op);
const struct a64_op *a64_fp_trap(struct a64_cpu *cpu, const struct a64_op *op);
uint32_t a64_pstate_get(const struct a64_cpu *cpu); /* SPSR layout */
/* Recomputes what depends on EL, SPSel, PAN, CPACR: banks, fp_trap, x[A64_SP]. */
void a64_pstate_set(struct a64_cpu *cpu, uint32_t pstate);

static inline uint32_t a64_nzcv(const struct a64_cpu *cpu)
{
    uint32_t hf = cpu->hf;
    return (hf & (A64_HF_N | A64_HF_Z)) << 16 | (hf & A64_HF_C) << 21 | (hf & A64_HF_V) << 28;
}

/* The flags of NZCV in bits 31..28. */
static inline uint16_t a64_hf_of(uint32_t nzcv)
{
    return (uint16_t)((nzcv >> 16 & (A64_HF_N | A64_HF_Z)) | (nzcv >> 21 & A64_HF_C) |
                      (nzcv >> 28 & A64_HF_V));
}

static inline void a64_nzcv_set(struct a64_cpu *cpu, uint32_t nzcv)
{
    cpu->hf = a64_hf_of(nzcv);
}

/* ---- mmu.c: memory as instructions see it
 * ------------------------------------------------------------- Little-endian loads and stores of
 * 1, 2, 4, 8 bytes; an access is as atomic as the architecture asks for. False: not done, return
 * cpu->resume. The slow path takes alignment, translation and permission faults with the right
 * syndrome, crosses pages in two checked halves, and turns accesses outside RAM into exits: run()
 * returns, the instruction is then run again from its start and finds its completed accesses in
 * cpu->mmio. So a handler does all its accesses in a fixed order before it changes any state.
 */
bool a64_load_slow(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank, uint64_t va,
                   unsigned size, uint64_t *val);
bool a64_store_slow(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank,
                    uint64_t va, unsigned size, uint64_t val);

static inline struct a64_dtlb *a64_dtlb_of(struct a64_bank *bank, uint64_t va)
{
    return &bank->d[(va / A64_PAGE) % A64_DTLB];
}

static inline uint64_t a64_host_load(const void *p, unsigned size)
{
    switch (size) {
    case 1:
        return *(const volatile uint8_t *)p;
    case 2: {
        uint16_t v;
        memcpy(&v, p, 2);
        return v;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, p, 4);
        return v;
    }
    default: {
        uint64_t v;
        memcpy(&v, p, 8);
        return v;
    }
    }
}

static inline void a64_host_store(void *p, unsigned size, uint64_t val)
{
    memcpy(p, &val, size);
}

/* `size` must be a constant, so that this becomes one compare and one host instruction. */
static inline bool a64_load_in(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank,
                               uint64_t va, unsigned size, uint64_t *val)
{
    const struct a64_dtlb *t = a64_dtlb_of(bank, va);
    A64_COUNT_ACCESS(cpu, op, va, 0);
    if (likely(t->tag_r == ((va + size - 1) | 0xfff) && !(va & t->amask & (size - 1)))) {
        *val = a64_host_load((const void *)(uintptr_t)(va + t->addend), size);
        return true;
    }
    return a64_load_slow(cpu, op, bank, va, size, val);
}

static inline bool a64_store_in(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank,
                                uint64_t va, unsigned size, uint64_t val)
{
    const struct a64_dtlb *t = a64_dtlb_of(bank, va);
    A64_COUNT_ACCESS(cpu, op, va, 1);
    if (likely(t->tag_w == ((va + size - 1) | 0xfff) && !(va & t->amask & (size - 1)))) {
        a64_host_store((void *)(uintptr_t)(va + t->addend), size, val);
        return true;
    }
    return a64_store_slow(cpu, op, bank, va, size, val);
}

static inline bool a64_load(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                            unsigned size, uint64_t *val)
{
    return a64_load_in(cpu, op, cpu->bank, va, size, val);
}

static inline bool a64_store(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                             unsigned size, uint64_t val)
{
    return a64_store_in(cpu, op, cpu->bank, va, size, val);
}

/*
 * Check that [va, va + len) (len 1..64) can be read (or written) before an instruction does the
 * first of several accesses, each of `align` bytes, so that it faults with no access done. False:
 * not done, return cpu->resume.
 */
bool a64_probe(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned len,
               unsigned align, bool write);

/*
 * The host address of an aligned `size` (1..16) at va, for exclusives and atomics; `write` asks for
 * write permission too. NULL: not done, return cpu->resume (an access outside RAM takes an external
 * abort, a misaligned one an alignment fault).
 */
uint8_t *a64_atomic_hva(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned size,
                        bool write);

/* SP as a base register: SP alignment check when SCTLR_EL1.SA/SA0 asks (Arm ARM D1.8.2). */
bool a64_sp_check_slow(struct a64_cpu *cpu, const struct a64_op *op);
static inline bool a64_sp_ok(struct a64_cpu *cpu, const struct a64_op *op)
{
    if (likely(op->rn != A64_SP || !(cpu->x[A64_SP] & 15)))
        return true;
    return a64_sp_check_slow(cpu, op);
}

/* ---- decode.c ---- */
/* One row of the instruction table (generated from a64.def). */
struct a64_insn {
    uint32_t mask, value;
    const char *name;
    a64_fn *exec;                                     /* when decode is NULL */
    void (*decode)(struct a64_op *op, uint32_t insn); /* fills in the slot; may pick a handler */
    uint32_t flags;                                   /* A64_F_... */
};

enum {
    A64_F_FP = 1 << 0,     /* FP/ASIMD: traps by CPACR_EL1.FPEN */
    A64_F_LOAD = 1 << 1,   /* reads memory */
    A64_F_STORE = 1 << 2,  /* writes memory */
    A64_F_BRANCH = 1 << 3, /* may change the PC */
    A64_F_SYS = 1 << 4,    /* system state: not for the random user-level tester */
    A64_F_EXCL = 1 << 5,   /* exclusives: paired, not for single random draws */
};

/* The row of an instruction, NULL when it is unallocated. */
const struct a64_insn *a64_decode(uint32_t insn);
/* The whole table, for the tester. */
extern const struct a64_insn a64_insns[];
extern const unsigned a64_insns_n;

/* Fills a slot for good (unallocated words get the UNDEFINED handler) . */
void a64_predecode(struct a64_op *op, uint32_t insn);
/* The handler that this gives a slot. */
a64_fn *a64_handler(uint32_t insn);

#endif
