// SPDX-License-Identifier: MIT
/*
 * sem_branch.c - A64 branches, conditional compares and selects.
 *
 * Follows Arm ARM DDI 0487J.a C6.2. A direct branch does not know its place when it is decoded. It
 * starts as "first": when that runs, it becomes the `near` handler (target in the same page: slots
 * are 16 bytes for 4-byte instructions, so it is an add to the slot pointer) or the `far` one. The
 * answer depends on the slot's place only, so it holds as long as the slot does.
 */
#include "src/a64/sem.h"

/* The slot or the address that op->imm bytes of guest code lead to. */
#define NEAR_SLOT ((const struct a64_op *)(const void *)((const char *)op + (ptrdiff_t)op->imm * 4))
#define FAR_PC    (a64_pc_of(cpu, op) + (uint64_t)(int64_t)op->imm)

/* What op->ra of a direct branch says until its first run. */
enum kind {
    KIND_B,
    KIND_BL,
    KIND_CBZ32,
    KIND_CBZ64,
    KIND_CBNZ32,
    KIND_CBNZ64,
    KIND_TBZ,
    KIND_TBNZ,
    KIND_COND /* + condition, EQ..LE */
};

#define DIRECT(name, link, condition)                                                              \
    static A64_OP(name##_near)                                                                     \
    {                                                                                              \
        if (condition) {                                                                           \
            link;                                                                                  \
            A64_JUMP(NEAR_SLOT);                                                                   \
        }                                                                                          \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name##_far)                                                                      \
    {                                                                                              \
        if (condition) {                                                                           \
            uint64_t to = FAR_PC;                                                                  \
            link;                                                                                  \
            A64_GOTO(to);                                                                          \
        }                                                                                          \
        A64_NEXT;                                                                                  \
    }

DIRECT(b, (void)0, true)
DIRECT(bl, cpu->x[30] = a64_pc_of(cpu, op) + 4, true)
DIRECT(cbz32, (void)0, W(rn) == 0)
DIRECT(cbz64, (void)0, X(rn) == 0)
DIRECT(cbnz32, (void)0, W(rn) != 0)
DIRECT(cbnz64, (void)0, X(rn) != 0)
DIRECT(tbz, (void)0, !(X(rn) >> (op->rm & 63) & 1))
DIRECT(tbnz, (void)0, X(rn) >> (op->rm & 63) & 1)
#define COND_BRANCH(cc, n) DIRECT(b_##cc, (void)0, a64_cond(cpu, n))
A64_EACH_COND(COND_BRANCH)

static A64_COLD A64_OP(branch_first)
{
#define COND_NEAR(cc, n) [KIND_COND + (n)] = {a64_op_b_##cc##_near, a64_op_b_##cc##_far},
    static const struct {
        a64_fn *near, *far;
    } fns[] = {
        [KIND_B] = {a64_op_b_near,      a64_op_b_far     },
        [KIND_BL] = {a64_op_bl_near,     a64_op_bl_far    },
        [KIND_CBZ32] = {a64_op_cbz32_near,  a64_op_cbz32_far },
        [KIND_CBZ64] = {a64_op_cbz64_near,  a64_op_cbz64_far },
        [KIND_CBNZ32] = {a64_op_cbnz32_near, a64_op_cbnz32_far},
        [KIND_CBNZ64] = {a64_op_cbnz64_near, a64_op_cbnz64_far},
        [KIND_TBZ] = {a64_op_tbz_near,    a64_op_tbz_far   },
        [KIND_TBNZ] = {a64_op_tbnz_near,   a64_op_tbnz_far  },
        A64_EACH_COND(COND_NEAR)
    };
    uint64_t to = FAR_PC;
    a64_fn *fn = to / A64_PAGE == cpu->page_va / A64_PAGE ? fns[op->ra].near : fns[op->ra].far;
    /* Slots are the CPU's own cache; handlers see them const because nothing else may change them.
     * A slot that is to be translated has another handler (mirror.c), which stays. */
    struct a64_op *self = (struct a64_op *)(uintptr_t)op;
    if (self->fn == a64_op_branch_first)
        __atomic_store_n(&self->fn, fn, __ATOMIC_RELAXED);
    return fn(cpu, op);
}

void a64_dec_b(struct a64_op *op, uint32_t insn)
{
    op->ra = (uint8_t)(insn >> 31 ? KIND_BL : KIND_B);
    op->imm = a64_sbits(insn, 0, 26) * 4;
    op->fn = a64_op_branch_first;
}

void a64_dec_b_cond(struct a64_op *op, uint32_t insn)
{
    unsigned cond = insn & 15;
    op->ra = (uint8_t)(cond < 14 ? KIND_COND + cond : KIND_B);
    op->imm = a64_sbits(insn, 5, 19) * 4;
    op->fn = a64_op_branch_first;
}

void a64_dec_cbz(struct a64_op *op, uint32_t insn)
{
    op->rn = a64_src(a64_rd(insn));
    op->ra = (uint8_t)(KIND_CBZ32 + (insn >> 24 & 1) * 2 + (insn >> 31));
    op->imm = a64_sbits(insn, 5, 19) * 4;
    op->fn = a64_op_branch_first;
}

void a64_dec_tbz(struct a64_op *op, uint32_t insn)
{
    op->rn = a64_src(a64_rd(insn));
    op->rm = (uint8_t)(insn >> 31 << 5 | a64_bits(insn, 19, 5));
    op->ra = (uint8_t)(insn >> 24 & 1 ? KIND_TBNZ : KIND_TBZ);
    op->imm = a64_sbits(insn, 5, 14) * 4;
    op->fn = a64_op_branch_first;
}

/* ---- branches to a register ---- */
static A64_OP(br_reg)
{
    A64_GOTO(X(rn));
}

static A64_OP(blr_reg)
{
    uint64_t to = X(rn); /* may be X30 */
    cpu->x[30] = a64_pc_of(cpu, op) + 4;
    A64_GOTO(to);
}

void a64_dec_br(struct a64_op *op, uint32_t insn)
{
    op->rn = a64_src(a64_rn(insn));
    op->fn = a64_bits(insn, 21, 2) == 1 ? a64_op_blr_reg : a64_op_br_reg;
}

/* ---- conditional compare: rd holds the flags of the condition that fails ---- */
#define CCMP(cc, n)                                                                                \
    CCMP1(ccmn32_reg_##cc, n, a64_adds32(cpu, W(rn), W(rm)))                                       \
    CCMP1(ccmn64_reg_##cc, n, a64_adds64(cpu, X(rn), X(rm)))                                       \
    CCMP1(ccmp32_reg_##cc, n, a64_subs32(cpu, W(rn), W(rm)))                                       \
    CCMP1(ccmp64_reg_##cc, n, a64_subs64(cpu, X(rn), X(rm)))                                       \
    CCMP1(ccmn32_imm_##cc, n, a64_adds32(cpu, W(rn), (uint32_t)op->imm))                           \
    CCMP1(ccmn64_imm_##cc, n, a64_adds64(cpu, X(rn), (uint32_t)op->imm))                           \
    CCMP1(ccmp32_imm_##cc, n, a64_subs32(cpu, W(rn), (uint32_t)op->imm))                           \
    CCMP1(ccmp64_imm_##cc, n, a64_subs64(cpu, X(rn), (uint32_t)op->imm))
#define CCMP1(name, n, compare)                                                                    \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        if (a64_cond(cpu, n))                                                                      \
            (void)compare;                                                                         \
        else                                                                                       \
            a64_nzcv_set(cpu, (uint32_t)op->rd << 28);                                             \
        A64_NEXT;                                                                                  \
    }
A64_EACH_COND(CCMP)
CCMP(al, 14)

void a64_dec_ccmp(struct a64_op *op, uint32_t insn)
{
    /* By condition, then immediate, op, sf. */
#define CCMP_ROW(cc, n)                                                                            \
    [n] = {a64_op_ccmn32_reg_##cc, a64_op_ccmn64_reg_##cc, a64_op_ccmp32_reg_##cc,                 \
           a64_op_ccmp64_reg_##cc, a64_op_ccmn32_imm_##cc, a64_op_ccmn64_imm_##cc,                 \
           a64_op_ccmp32_imm_##cc, a64_op_ccmp64_imm_##cc},
    static a64_fn *const fns[16][8] = {A64_EACH_COND(CCMP_ROW) CCMP_ROW(al, 14) CCMP_ROW(al, 15)};
    bool imm = insn >> 11 & 1;
    op->rd = insn & 15;
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->imm = (int32_t)a64_rm(insn);
    op->fn = fns[insn >> 12 & 15][imm * 4 + (insn >> 30 & 1) * 2 + (insn >> 31)];
}

/* ---- conditional select ---- */
#define CSEL(cc, n)                                                                                \
    CSEL1(csel32_##cc, n, W(rn), W(rm))                                                            \
    CSEL1(csel64_##cc, n, X(rn), X(rm))                                                            \
    CSEL1(csinc32_##cc, n, W(rn), (uint32_t)(W(rm) + 1))                                           \
    CSEL1(csinc64_##cc, n, X(rn), X(rm) + 1)                                                       \
    CSEL1(csinv32_##cc, n, W(rn), (uint32_t)~W(rm))                                                \
    CSEL1(csinv64_##cc, n, X(rn), ~X(rm))                                                          \
    CSEL1(csneg32_##cc, n, W(rn), (uint32_t)(0 - W(rm)))                                           \
    CSEL1(csneg64_##cc, n, X(rn), 0 - X(rm))
#define CSEL1(name, n, yes, no)                                                                    \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        uint64_t a = yes, b = no;                                                                  \
        X(rd) = a64_cond(cpu, n) ? a : b;                                                          \
        A64_NEXT;                                                                                  \
    }
A64_EACH_COND(CSEL)
CSEL(al, 14)

void a64_dec_csel(struct a64_op *op, uint32_t insn)
{
    /* By condition, then op (bit 30), op2 (bit 10), sf. */
#define CSEL_ROW(cc, n)                                                                            \
    [n] = {a64_op_csel32_##cc,  a64_op_csel64_##cc,  a64_op_csinc32_##cc, a64_op_csinc64_##cc,     \
           a64_op_csinv32_##cc, a64_op_csinv64_##cc, a64_op_csneg32_##cc, a64_op_csneg64_##cc},
    static a64_fn *const fns[16][8] = {A64_EACH_COND(CSEL_ROW) CSEL_ROW(al, 14) CSEL_ROW(al, 15)};
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->fn = fns[insn >> 12 & 15][(insn >> 30 & 1) * 4 + (insn >> 10 & 1) * 2 + (insn >> 31)];
}
