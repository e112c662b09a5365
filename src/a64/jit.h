// SPDX-License-Identifier: MIT
/*
 * jit.h - the x86-64 JIT of the software ARM64 CPU: what its files share.
 *
 * A unit of translation is a stretch of instructions of one mirror. Its code is a handler like
 * those of the interpreter: slots of the mirror point into it, it is entered with (cpu, op) in RDI
 * and RSI, and it leaves by a jump to the handler of the slot that comes next. So translated and
 * interpreted instructions mix freely, and what is not translated, or does not hit the TLB, is the
 * interpreter's. Code jumps straight to code of its own page only; a page whose instructions change
 * loses all of its code at once, and everything else finds that in the slots.
 *
 * Outside a unit registers, flags and all other state are in struct a64_cpu, so the PC of any exit
 * is exact: it is that of the slot. In a unit's code RDI is the CPU and R8 its bank; the host's
 * flags may be those of an instruction that sets NZCV (enum jit_ef); and a unit that has a loop
 * keeps the registers that it uses most in registers of the host (jit_regs.c), which every way out
 * stores. What code relies on is seen to by the way in, which is what slots lead to (jit_unit.c).
 */
#ifndef A64_JIT_H
#define A64_JIT_H

#include "src/a64/a64_internal.h"
#include "src/a64/jit_emit.h"

#define JIT_UNIT  128u     /* instructions in a unit, at most */
#define JIT_ROOM  KIB(128) /* what a unit's code may take */
#define JIT_STUBS (JIT_UNIT * 8)

/* What the host's flags are. */
enum jit_ef {
    EF_NONE, /* nothing: NZCV is in cpu->hf */
    EF_ARM,  /* NZCV, CF as Arm's C */
    EF_SUB   /* NZCV, CF is not C */
};

enum {
    JP_READ = 1 << 0,   /* reads NZCV */
    JP_WRITE = 1 << 1,  /* writes all of NZCV */
    JP_KEEP = 1 << 2,   /* its code leaves the host's flags alone */
    JP_EXIT = 1 << 3,   /* may leave the code before it is done: NZCV must be in cpu->hf */
    JP_BRANCH = 1 << 4, /* a direct branch */
    JP_END = 1 << 5,    /* the next instruction is not reached from it */
    JP_CALL = 1 << 6,   /* it is, but by another branch */
};

/* What the code of an instruction relies on, besides. */
enum {
    SURE_SP = 1 << 0, /* SP is a multiple of 16 */
    SURE_FZ = 1 << 1, /* FPCR.FZ is 0 */
};

struct jit_unit;
struct jit_insn;

/* How the instructions of some rows of the table are translated. */
struct jit_rule {
    void (*dec)(struct a64_op *op, uint32_t insn); /* the rows with this decode function, */
    a64_fn *exec;                                  /* or this handler */
    unsigned (*props)(uint32_t insn);              /* JP_...; ~0u: not translated after all */
    void (*emit)(struct jit_unit *u, const struct jit_insn *in);
};

struct jit_insn {
    uint32_t word;
    struct a64_op op; /* decoded: the interpreter's handler and operands */
    const struct jit_rule *rule;
    uint8_t props;
    bool target; /* of a branch of the unit */
    bool live;   /* NZCV may be read from here on */
    bool hole;   /* never executed: no code */
    bool entry;  /* its slot may lead here */
    uint8_t sure;
    uint8_t depth;   /* of loops around it */
    int16_t to;      /* the slot that a direct branch goes to, -1 when that is in another page */
    uint8_t *at;     /* its code */
    uint8_t *way_in; /* what its slot leads to */
};

/* Code out of the way. */
struct jit_stub {
    void (*emit)(struct jit_unit *u, const struct jit_stub *s);
    const struct jit_insn *in;
    uint8_t *from; /* the jump to it */
    uint8_t *back; /* where it may go on */
    unsigned arg;
};

/* Guest registers in host ones (jit_regs.c). */
struct jit_regs {
    bool counting;            /* nothing is kept: code is made to see what it would use */
    unsigned weight;          /* of the current instruction */
    uint32_t uses[A64_XREGS]; /* weighted */
    uint32_t exits;           /* ways out, likewise */
    uint64_t written;         /* bits: cpu->x */
    uint8_t host[A64_XREGS];  /* 0: in cpu->x only */
};

struct jit_unit {
    struct jit_out o;
    struct a64_core *core;
    struct a64_op *ops; /* the mirror */
    unsigned first, n;  /* slots */
    bool fp; /* some instructions may trap with FP and SIMD: ways in see that they don't */
    enum jit_ef ef;
    unsigned sure;
    struct jit_regs regs;
    bool bound; /* the code of the current instruction needs that of the one before */
    int known;  /* a register (index into cpu->x) whose value is `value`, or -1 */
    uint64_t value;
    unsigned stubs_n, jumps_n;
    struct jit_insn in[JIT_UNIT];
    struct jit_stub stubs[JIT_STUBS];
    struct {
        uint8_t *at;
        unsigned slot;
    } jumps[JIT_UNIT]; /* to instructions of the unit that come later */
};

/* Displacements from RDI. */
#define CPU(field)  ((int32_t)offsetof(struct a64_cpu, field))
#define XREG(n)     ((int32_t)(offsetof(struct a64_cpu, x) + 8u * (n)))
#define VREG(n)     ((int32_t)(offsetof(struct a64_cpu, v) + 16u * (n)))
#define BANK(field) ((int32_t)offsetof(struct a64_bank, field))

static inline unsigned jit_slot(const struct jit_unit *u, const struct jit_insn *in)
{
    return u->first + (unsigned)(in - u->in);
}

/* The instruction of the unit, a later one, that a direct branch jumps to within the code; NULL
 * when it leaves the unit or goes back. */
static inline const struct jit_insn *jit_ahead(const struct jit_unit *u, const struct jit_insn *in)
{
    int to = in->to - (int)u->first, at = (int)(in - u->in);
    return in->to >= 0 && to > at && to < (int)u->n && !u->core->jit.shadow ? u->in + to : NULL;
}

/* ---- jit_unit.c ---- */
/* Translates what begins at the slot, or the loop that it is part of, at the end of the cache;
 * there may be nothing to translate, or it is too early. */
void jit_unit_make(struct jit_unit *u, struct a64_op *slot);
struct jit_stub *jit_stub(struct jit_unit *u, const struct jit_insn *in, uint8_t *from,
                          void (*emit)(struct jit_unit *u, const struct jit_stub *s));
/* Go on with a slot of the page (to which a branch was `taken`), with its interpreter's handler, or
 * anywhere (the VA is in RAX). */
void jit_to_slot(struct jit_unit *u, unsigned slot, bool taken);
void jit_to_handler(struct jit_unit *u, const struct jit_insn *in);
void jit_to_va(struct jit_unit *u, const struct jit_insn *in);
/* A stub that interprets the instruction; a jump to it on a condition of the host. */
void jit_stub_handler(struct jit_unit *u, const struct jit_stub *s);
void jit_handler_if(struct jit_unit *u, const struct jit_insn *in, unsigned cc);

/* ---- jit.c ---- */
/* The rule of a row of the table, NULL for none. */
const struct jit_rule *jit_rule_of(const struct a64_insn *row);
/* Is it code? */
bool jit_has(const struct a64_jit *jit, const void *fn);

/* ---- jit_regs.c: registers are indices into cpu->x ---- */
/* A host register from, or to, a guest's. */
void jit_get(struct jit_unit *u, unsigned w, unsigned host, unsigned r);
void jit_put(struct jit_unit *u, unsigned host, unsigned r);
/* Where a result for r is best computed, to be given to jit_put(): a host register that it is kept
 * in, but if that is `other`'s, or tmp. */
unsigned jit_dst(struct jit_unit *u, unsigned r, unsigned other, unsigned tmp);
/* The host register that has r's value: one that it is kept in, or tmp, which it is brought to. */
unsigned jit_src(struct jit_unit *u, unsigned r, unsigned tmp);
/* op reg, r: the guest register as the r/m operand; with an immediate: op r, imm. */
void jit_op(struct jit_unit *u, unsigned w, unsigned op, unsigned reg, unsigned r);
void jit_alu(struct jit_unit *u, unsigned w, enum jit_alu op, unsigned reg, unsigned r);
void jit_alu_imm(struct jit_unit *u, unsigned w, enum jit_alu op, unsigned r, int32_t imm);
/* Tests one bit; returns the host's condition for "set". */
unsigned jit_test_bit(struct jit_unit *u, unsigned r, unsigned bit);
/* r = v */
void jit_set(struct jit_unit *u, unsigned r, uint64_t v);
/* Nothing is kept, and what code uses is counted; then what is worth it is kept; or nothing is. */
void jit_regs_count(struct jit_unit *u);
void jit_regs_choose(struct jit_unit *u);
void jit_regs_none(struct jit_unit *u);
/* On a way in, and out. */
void jit_reload(struct jit_unit *u);
void jit_spill(struct jit_unit *u);

/* ---- jit_shadow.c ---- */
/* What code returns there: the slot that comes next, plus one of these when a branch was taken to
 * it, or when the slot is a branch that went to cpu->pc. */
enum { JIT_TAKEN = 1, JIT_GONE = 2 };
/* `slot` leads to `code` from now on. */
void jit_enter(struct jit_unit *u, struct a64_op *slot, const uint8_t *code);
bool jit_is_shadow(const struct a64_op *slot);
/* Emits: RCX + RAX is where `len` bytes will be stored. */
void jit_shadow_note(struct jit_out *o, unsigned len);
void jit_shadow_fini(struct a64_core *core);

/* ---- jit_int.c: integer instructions and flags ---- */
extern const struct jit_rule jit_int_rules[];
/* The host's flags are the result of an instruction that writes NZCV; RAX is free. */
void jit_flags(struct jit_unit *u, const struct jit_insn *in, enum jit_ef ef);
/* The host's condition that is this one of Arm's. */
unsigned jit_cond(struct jit_unit *u, unsigned cond);

/* ---- jit_branch.c ---- */
extern const struct jit_rule jit_branch_rules[];
/* Where a direct branch goes: the distance in bytes; 0 is possible. */
int32_t jit_branch_imm(uint32_t word);

/* ---- jit_atomic.c ---- */
extern const struct jit_rule jit_atomic_rules[];

/* ---- jit_fp.c ---- */
extern const struct jit_rule jit_fp_rules[];
/* First in the code of an instruction with such registers; the second one sees to FPCR.FZ. */
void jit_fp_check(struct jit_unit *u, const struct jit_insn *in);
void jit_fp_check_fz(struct jit_unit *u, const struct jit_insn *in);
/* Of what needs FMA3. */
unsigned jit_fp_props_fma(uint32_t word);

/* ---- jit_sys.c ---- */
extern const struct jit_rule jit_sys_rules[];

/* ---- jit_vec.c ---- */
extern const struct jit_rule jit_vec_rules[];

/* ---- jit_mem.c ---- */
extern const struct jit_rule jit_mem_rules[];
/* The bank that jit_l0() looks in. */
enum { BANK_OWN, BANK_OF_USER };
/* RAX is the VA: RCX becomes the addend for `len` (a power of 2) bytes; RDX and RSI are used up. */
void jit_l0(struct jit_unit *u, const struct jit_insn *in, unsigned len, bool write, unsigned how);
/* What loads and stores call when L0 does not match: by the log2 of their size (to 32 bytes)... */
enum { JIT_THUNK_LOG = 7, JIT_THUNK_WRITE = 8, JIT_THUNK_USER = 16 };
void jit_mem_thunks(struct jit_out *o, uint8_t *at[JIT_THUNKS]);
/* An instruction changes SP: it stays a multiple of 16 if what is added to it is one. */
void jit_sp_moves(struct jit_unit *u, unsigned rd, bool by_16);

#endif
