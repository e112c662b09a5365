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
 *
 * What each file translates its table of rules says; docs/engines.md tells what is not.
 */
#ifndef A64_JIT_H
#define A64_JIT_H

#include "src/a64/a64_internal.h"
#include "src/a64/jit_emit.h"

#define JIT_UNIT  128u            /* instructions in a unit, at most */
#define JIT_ROOM  KIB(256)        /* what a unit's code may take: 2 KiB for each */
#define JIT_STUBS (JIT_UNIT * 16) /* LD3 has 13 */

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
    uint32_t v_uses[32];      /* the same of V registers; XMM registers */
    uint32_t v_written;
    uint8_t v_host[32];
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
/* Go on with a slot of the page (to which a branch was `taken`), or with its interpreter's handler.
 */
void jit_to_slot(struct jit_unit *u, unsigned slot, bool taken);
void jit_to_handler(struct jit_unit *u, const struct jit_insn *in);
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

/* In --soft shadow: back to jit_shadow.c, with the slot and what it means. */
void jit_leave_shadow(struct jit_unit *u, unsigned slot, unsigned how);

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
/* Go on anywhere: the VA is in RAX. */
void jit_to_va(struct jit_unit *u, const struct jit_insn *in);
/* What that jumps to when it does not know the VA. */
void jit_va_thunk(const struct a64_jit *jit, struct jit_out *o);

/* ---- jit_atomic.c ---- */
extern const struct jit_rule jit_atomic_rules[];

/* ---- jit_v.c: the guest's V registers; nobody else knows where they are, but jit_regs.c ---- */
/* What an XMM register takes of one: the low 4 or 8 bytes (the rest becomes 0), or all of it. */
enum jit_vsize { JV_S = 2, JV_D, JV_Q };
void jit_vget(struct jit_unit *u, unsigned xmm, unsigned v, enum jit_vsize size);
/* All of V, or its low 8 bytes and the rest 0. */
void jit_vput(struct jit_unit *u, unsigned xmm, unsigned v, enum jit_vsize size);
/* op xmm, V: an SSE instruction that takes V as its source, all of it or the low bytes. */
void jit_vop(struct jit_unit *u, unsigned prefix, unsigned op, unsigned xmm, unsigned v);
/* XMM0 = Vn (as jit_vget() takes it) op Vm; XMM0 = Va op (Vn, Vm) by FMA3, w and op tell which. All
 * of XMM0 is what it says; XMM1 is used up. */
void jit_vbinary(struct jit_unit *u, unsigned prefix, unsigned op, unsigned n, unsigned m,
                 enum jit_vsize size);
void jit_vfma(struct jit_unit *u, unsigned w, unsigned op, unsigned a, unsigned n, unsigned m,
              enum jit_vsize size);
/* A general register from lane `i` of 1 << log bytes, extended: zeros for sign < 0, the sign to 32
 * bits for 0, to 64 for 1. */
void jit_vlane_get(struct jit_unit *u, unsigned reg, unsigned v, unsigned log, unsigned i,
                   int sign);
/* To a lane, the others stay; XMM0 is used up. */
void jit_vlane_put(struct jit_unit *u, unsigned reg, unsigned v, unsigned log, unsigned i);
/* V = a general register's low 4 or 8 bytes, the rest 0; by way of XMM0. */
void jit_vput_gpr(struct jit_unit *u, unsigned w, unsigned reg, unsigned v);

/* Constants of 16 bytes that instructions need: those at the end of the unit's code. */
enum jit_const {
    JC_ABS_S, /* all but the signs of singles, of doubles */
    JC_ABS_D,
    JC_NEG_S, /* the signs */
    JC_NEG_D,
    JC_NEG_S1, /* that of the first one */
    JC_NEG_D1,
    JC_EXP_S1, /* the exponent of the first one, but for its lowest bit */
    JC_EXP_D1,
    JC_SOUND_S, /* jit_vec.c, check_sound() */
    JC_SOUND_S2,
    JC_SOUND_D,
    JC_SOUND_D2,
    JC_NORMAL2_S, /* twice the smallest normal number */
    JC_NORMAL2_D,
    JC_BELOW_2_31, /* the greatest single below 2^31, 2^23; of doubles, the upper words tell */
    JC_BELOW_2_23,
    JC_BELOW_2_52,
    JC_LOW_B, /* the lower byte of halves, half of words */
    JC_LOW_H,
    JC_NIBBLES, /* the lower ones of bytes; how many bits a nibble has */
    JC_COUNTS,
    JC_REV16, /* PSHUFB */
    JC_REV32,
    JC_REV64,
    JC_BYTES_70, /* this in all bytes */
    JC_BYTES_10,
    JC_TABLE,          /* so many are in a table; these are made: */
    JC_LD3 = JC_TABLE, /* PSHUFB: what register r takes of 16 bytes of memory, by size, r, which */
    JC_ST3 = JC_LD3 + 36, /* and what 16 bytes of memory take of it */
};
/* op xmm, the constant: in a form without an immediate */
void jit_vop_const(struct jit_unit *u, const struct jit_insn *in, unsigned prefix, unsigned op,
                   unsigned xmm, enum jit_const c);
/* op xmm, src, the constant [, imm]: of AVX; imm is -1 when there is none */
void jit_vop3_const(struct jit_unit *u, const struct jit_insn *in, unsigned prefix, unsigned op,
                    unsigned xmm, unsigned src, enum jit_const c, int imm);

/* What a vector form writes: Q is 0 for 8 bytes, like those of integer scalars. */
static inline enum jit_vsize jit_vsize(uint32_t word)
{
    return word >> 30 & 1 && !(word >> 28 & 1) ? JV_Q : JV_D;
}

/* Props of what needs some of the host's features (A64_HOST_...). */
unsigned jit_props_host(unsigned features);
/* Props of many rules: of what may leave its code; that, and it needs SSE4. */
unsigned jit_props_exit(uint32_t word);
unsigned jit_props_sse4(uint32_t word);

/* ---- jit_fp.c ---- */
extern const struct jit_rule jit_fp_rules[];
/* FPCR.FZ is 0, or to the handler: first in the code of an instruction that it matters to. */
void jit_fp_check(struct jit_unit *u, const struct jit_insn *in);
/* The scalar in XMM0 stands: fp_sound_s(), fp_sound_d(). Else to the handler. */
void jit_fp_sound(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, bool tiny);

/* ---- jit_fp_cvt.c: conversions, rounding to integers ---- */
extern const struct jit_rule jit_fp_cvt_rules[];
/* XMM0 = V[rn] rounded to an integer: `mode` is the low 3 bits of FRINT's opcode; quiet: no PE. */
void jit_fp_round(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, unsigned mode,
                  bool quiet);
/*
 * XMM0 = XMM1, whose magnitude is below 2^23 or 2^52, rounded to the nearest integer, ties away
 * from zero: the part after the point (x - trunc(x), exact) is doubled and truncated, and that -1,
 * 0 or 1 is added. The sign is that of x. XMM2 is used up.
 */
void jit_fp_away(struct jit_unit *u, const struct jit_insn *in, unsigned dbl, bool packed);
void jit_roundsd(struct jit_unit *u, unsigned dbl, bool packed, unsigned to, unsigned from,
                 unsigned imm);

/* ---- jit_sys.c ---- */
extern const struct jit_rule jit_sys_rules[];

/* ---- jit_vec.c: floating point; jit_vec_int.c, jit_vec_perm.c, jit_vec_wide.c, jit_vec_mem.c ----
 */
extern const struct jit_rule jit_vec_rules[], jit_vec_int_rules[], jit_vec_perm_rules[],
    jit_vec_wide_rules[], jit_vec_sat_rules[], jit_vec_mem_rules[];
/* V = the low 8 bytes of XMM0: alone, or (Q) above V's own. XMM1 is used up. */
void jit_vput_half(struct jit_unit *u, const struct jit_insn *in);
/* XMM0, XMM1 = the lanes of even and of odd numbers of what two registers in XMM0 and XMM1 have in
 * the instruction's form, or of all 16 bytes of both. XMM2 and XMM3 are used up. */
void jit_unzip(struct jit_unit *u, const struct jit_insn *in, unsigned size);
void jit_unzip_q(struct jit_unit *u, const struct jit_insn *in, unsigned size);
/* XMM = the 1 << log bytes in RDX (zero-extended), or lane `i` of V, in all lanes; RDX is used up.
 */
void jit_vdup(struct jit_unit *u, unsigned xmm, unsigned log);
void jit_vdup_lane(struct jit_unit *u, unsigned xmm, unsigned v, unsigned log, unsigned i);

/* ---- jit_crypto.c ---- */
extern const struct jit_rule jit_crypto_rules[];

/* ---- jit_mem.c ---- */
extern const struct jit_rule jit_mem_rules[];
/* The bank that jit_l0() looks in. */
enum { BANK_OWN, BANK_OF_USER };
/* RAX is the VA: RCX becomes the addend for `len` (up to 64) bytes; RDX and RSI are used up. */
void jit_l0(struct jit_unit *u, const struct jit_insn *in, unsigned len, bool write, unsigned how);
/* What loads and stores call when L0 does not match: by the log2 of their size (to 32 bytes)... */
enum { JIT_THUNK_LOG = 7, JIT_THUNK_WRITE = 8, JIT_THUNK_USER = 16 };
void jit_mem_thunks(struct jit_out *o, uint8_t *at[JIT_THUNKS]);
/* An instruction changes SP: it stays a multiple of 16 if what is added to it is one. */
void jit_sp_moves(struct jit_unit *u, unsigned rd, bool by_16);

#endif
