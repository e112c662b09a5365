// SPDX-License-Identifier: MIT
/*
 * sem_mem.c - A64 loads and stores of one general register, in all addressing modes.
 *
 * Follows Arm ARM DDI 0487J.a C4.1.94 and C6.2. Prefetches do nothing, and so take no fault.
 * Choices where the architecture leaves one (K1.2): with write-back to the register that is
 * transferred, a load leaves the written-back address and a store stores the value from before.
 */
#include "src/a64/sem_mem.h"

/* What a slot's mode is: the first index of a kind's table; the second says that the base is SP. */
enum mode {
    MODE_OFF,
    MODE_PRE,
    MODE_POST,
    MODE_USER,
    MODE_REG,    /* [Xn, Xm] */
    MODE_SCALED, /* [Xn, Xm, LSL #log2(size)] */
    MODE_UXTW,   /* [Xn, Wm, UXTW #ra] */
    MODE_SXTW,
    MODES
};

#define AT_REG(b)     ((b) + X(rm))
#define AT_SCALED1(b) ((b) + X(rm))
#define AT_SCALED2(b) ((b) + X(rm) * 2)
#define AT_SCALED4(b) ((b) + X(rm) * 4)
#define AT_SCALED8(b) ((b) + X(rm) * 8)
#define AT_UXTW(b)    ((b) + ((uint64_t)W(rm) << (op->ra & 3)))
#define AT_SXTW(b)    ((b) + ((uint64_t)SW(rm) << (op->ra & 3)))

#define TABLE(k)                                                                                   \
    static a64_fn *const k##_fns[MODES][2] = {                                                     \
        [MODE_OFF] = {a64_op_##k##_off,    a64_op_##k##_off_sp   },                                      \
        [MODE_PRE] = {a64_op_##k##_preix,  a64_op_##k##_preix_sp },                                  \
        [MODE_POST] = {a64_op_##k##_postix, a64_op_##k##_postix_sp},                               \
        [MODE_USER] = {a64_op_##k##_user,   a64_op_##k##_user_sp  },                                   \
        [MODE_REG] = {a64_op_##k##_idx,    a64_op_##k##_idx_sp   },                                      \
        [MODE_SCALED] = {a64_op_##k##_scaled, a64_op_##k##_scaled_sp},                             \
        [MODE_UXTW] = {a64_op_##k##_uxtw,   a64_op_##k##_uxtw_sp  },                                   \
        [MODE_SXTW] = {a64_op_##k##_sxtw,   a64_op_##k##_sxtw_sp  },                                   \
    };

#define LOADS(k, size, CONV)                                                                       \
    LOAD(k##_off, size, CONV, AT_OFF, WB_NONE, BANK_CUR)                                           \
    LOAD(k##_preix, size, CONV, AT_OFF, WB_PRE, BANK_CUR)                                          \
    LOAD(k##_postix, size, CONV, AT_BASE, WB_POST, BANK_CUR)                                       \
    LOAD(k##_user, size, CONV, AT_OFF, WB_NONE, BANK_USER)                                         \
    LOAD(k##_idx, size, CONV, AT_REG, WB_NONE, BANK_CUR)                                           \
    LOAD(k##_scaled, size, CONV, AT_SCALED##size, WB_NONE, BANK_CUR)                               \
    LOAD(k##_uxtw, size, CONV, AT_UXTW, WB_NONE, BANK_CUR)                                         \
    LOAD(k##_sxtw, size, CONV, AT_SXTW, WB_NONE, BANK_CUR)                                         \
    TABLE(k)

#define STORES(k, size)                                                                            \
    STORE(k##_off, size, AT_OFF, WB_NONE, BANK_CUR)                                                \
    STORE(k##_preix, size, AT_OFF, WB_PRE, BANK_CUR)                                               \
    STORE(k##_postix, size, AT_BASE, WB_POST, BANK_CUR)                                            \
    STORE(k##_user, size, AT_OFF, WB_NONE, BANK_USER)                                              \
    STORE(k##_idx, size, AT_REG, WB_NONE, BANK_CUR)                                                \
    STORE(k##_scaled, size, AT_SCALED##size, WB_NONE, BANK_CUR)                                    \
    STORE(k##_uxtw, size, AT_UXTW, WB_NONE, BANK_CUR)                                              \
    STORE(k##_sxtw, size, AT_SXTW, WB_NONE, BANK_CUR)                                              \
    TABLE(k)

STORES(st8, 1)
STORES(st16, 2)
STORES(st32, 4)
STORES(st64, 8)
LOADS(ld8, 1, TO_U)
LOADS(ld16, 2, TO_U)
LOADS(ld32, 4, TO_U)
LOADS(ld64, 8, TO_U)
LOADS(lds8x, 1, TO_SB64)
LOADS(lds8w, 1, TO_SB32)
LOADS(lds16x, 2, TO_SH64)
LOADS(lds16w, 2, TO_SH32)
LOADS(lds32x, 4, TO_SW64)

/* Fills in what all modes share: the registers, and the handler by size and opc. */
static void dec_single(struct a64_op *op, uint32_t insn, enum mode mode)
{
    static a64_fn *const(*const kinds[16])[2] = {
        st8_fns,  ld8_fns,  lds8x_fns,  lds8w_fns,  /* size 0, opc 0..3 */
        st16_fns, ld16_fns, lds16x_fns, lds16w_fns, /* 1 */
        st32_fns, ld32_fns, lds32x_fns, NULL,       /* 2 */
        st64_fns, ld64_fns, NULL,       NULL,       /* 3; prefetches are rows of their own */
    };
    unsigned opc = a64_bits(insn, 22, 2), rt = a64_rd(insn);
    op->rd = opc ? a64_dst(rt) : a64_src(rt);
    op->rn = (uint8_t)a64_rn(insn);
    op->fn = kinds[(insn >> 30) * 4 + opc][mode][op->rn == A64_SP];
}

void a64_dec_ldst_uimm(struct a64_op *op, uint32_t insn)
{
    op->imm = (int32_t)(a64_bits(insn, 10, 12) << (insn >> 30));
    dec_single(op, insn, MODE_OFF);
}

void a64_dec_ldst_imm9(struct a64_op *op, uint32_t insn)
{
    static const enum mode modes[] = {MODE_OFF, MODE_POST, MODE_USER, MODE_PRE};
    op->imm = a64_sbits(insn, 12, 9);
    dec_single(op, insn, modes[a64_bits(insn, 10, 2)]);
}

void a64_dec_ldst_reg(struct a64_op *op, uint32_t insn)
{
    unsigned option = a64_bits(insn, 13, 3);
    bool scaled = insn >> 12 & 1;
    op->rm = a64_src(a64_rm(insn));
    op->ra = (uint8_t)(scaled ? insn >> 30 : 0);
    if (option & 1) /* LSL, and SXTX is the same */
        dec_single(op, insn, scaled ? MODE_SCALED : MODE_REG);
    else
        dec_single(op, insn, option & 4 ? MODE_SXTW : MODE_UXTW);
}

/* ---- literals: rn is no register that is checked ---- */
#define AT_PC(b) (a64_pc_of(cpu, op) + IMM64)
#define LITERAL(name, size, CONV)                                                                  \
    static A64_COLD A64_OP(name##_slow)                                                            \
    {                                                                                              \
        uint64_t v;                                                                                \
        if (!a64_load_slow(cpu, op, cpu->bank, AT_PC(), size, &v))                                 \
            return cpu->resume;                                                                    \
        X(rd) = CONV(v);                                                                           \
        A64_NEXT_LOOP;                                                                             \
    }                                                                                              \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        uint64_t va = AT_PC();                                                                     \
        const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);                                     \
        if (!a64_hit(t->tag_r, t, va, 1, size))                                                    \
            return a64_op_##name##_slow(cpu, op);                                                  \
        X(rd) = CONV(a64_host_load(a64_hva(t, va), size));                                         \
        A64_NEXT;                                                                                  \
    }
LITERAL(lit32, 4, TO_U)
LITERAL(lit64, 8, TO_U)
LITERAL(lits32, 4, TO_SW64)

void a64_dec_ldr_lit(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[] = {a64_op_lit32, a64_op_lit64, a64_op_lits32};
    op->rd = a64_dst(a64_rd(insn));
    op->rn = A64_ZR;
    op->imm = a64_sbits(insn, 5, 19) * 4;
    op->fn = fns[insn >> 30];
}

static A64_OP(prefetch)
{
    (void)cpu;
    A64_NEXT;
}

void a64_dec_prfm(struct a64_op *op, uint32_t insn)
{
    (void)insn;
    op->fn = a64_op_prefetch;
}
