// SPDX-License-Identifier: MIT
/*
 * sem_simd_mem.c - loads and stores of SIMD&FP registers: LDR, STR, LDUR, STUR, LDP, STP, LDNP,
 * STNP.
 *
 * Follows Arm ARM DDI 0487J.a C4.1.94 and C7.2. A 16-byte register is two accesses of 8 bytes,
 * which is what single-copy atomicity asks for without FEAT_LSE2 (B2.2.1). Structures are in
 * sem_simd_struct.c.
 */
#include "src/a64/a64_internal.h"
#include "src/a64/simd.h"
#include "src/a64/simd_mem.h"

/* Alignment is checked for elements (C7.2 "LD1" and others), so an access of 8 bytes must not ask
 * for more. */
static unsigned slow_step(uint64_t va, unsigned align)
{
    return va % 8 && align < 8 ? align : 8;
}

/* SCTLR_EL1.A, for the whole of an element, and before any page is looked at. */
static bool slow_aligned(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned align,
                         bool write)
{
    if (va & (align - 1) && cpu->sr.sctlr & A64_SCTLR_A)
        return a64_data_fault(cpu, op, va, A64_FSC_ALIGN, write, false);
    return true;
}

bool simd_load_slow(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned len,
                    unsigned align, void *buf)
{
    const unsigned step = slow_step(va, align);
    if (!slow_aligned(cpu, op, va, align, false))
        return false;
    for (unsigned i = 0; i < len; i += step) {
        uint64_t v;
        if (!a64_load(cpu, op, va + i, step, &v))
            return false;
        memcpy((char *)buf + i, &v, step);
    }
    return true;
}

bool simd_store_slow(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned len,
                     unsigned align, const void *buf)
{
    const unsigned step = slow_step(va, align);
    if (!slow_aligned(cpu, op, va, align, true) || !a64_probe(cpu, op, va, len, 1, true))
        return false;
    for (unsigned i = 0; i < len; i += step) {
        uint64_t v = 0;
        memcpy(&v, (const char *)buf + i, step);
        if (!a64_store(cpu, op, va + i, step, v))
            return false;
    }
    return true;
}

/* One register of 1 << log bytes; loads clear the rest of the register. */
static inline bool load_reg(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned log)
{
    simd_U_d v = {0, 0};
    if (log == 4) {
        if (!simd_load(cpu, op, va, 16, 16, &v))
            return false;
    } else {
        uint64_t d;
        if (!a64_load(cpu, op, va, 1u << log, &d))
            return false;
        v[0] = d;
    }
    simd_put(cpu, op->rd, v);
    return true;
}

static inline bool store_reg(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                             unsigned log)
{
    const union a64_vreg *v = &cpu->v[op->rd];
    if (log == 4)
        return simd_store(cpu, op, va, 16, 16, v);
    return a64_store(cpu, op, va, 1u << log, v->d[0]);
}

/* Two registers, rd and ra. */
static inline bool load_pair(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                             unsigned log)
{
    if (log == 4) {
        simd_U_d v[2];
        if (!simd_load(cpu, op, va, 32, 16, v))
            return false;
        simd_put(cpu, op->rd, v[0]);
        simd_put(cpu, op->ra, v[1]);
    } else if (log == 3) {
        uint64_t v[2];
        if (!simd_load(cpu, op, va, 16, 8, v))
            return false;
        simd_put(cpu, op->rd, (simd_U_d){v[0], 0});
        simd_put(cpu, op->ra, (simd_U_d){v[1], 0});
    } else {
        uint64_t a, b;
        if (!a64_load(cpu, op, va, 4, &a) || !a64_load(cpu, op, va + 4, 4, &b))
            return false;
        simd_put(cpu, op->rd, (simd_U_d){a, 0});
        simd_put(cpu, op->ra, (simd_U_d){b, 0});
    }
    return true;
}

static inline bool store_pair(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                              unsigned log)
{
    const union a64_vreg *v = &cpu->v[op->rd], *w = &cpu->v[op->ra];
    if (log == 4) {
        const simd_U_d q[2] = {simd_get(cpu, op->rd), simd_get(cpu, op->ra)};
        return simd_store(cpu, op, va, 32, 16, q);
    }
    if (log == 3) {
        const uint64_t d[2] = {v->d[0], w->d[0]};
        return simd_store(cpu, op, va, 16, 8, d);
    }
    return a64_probe(cpu, op, va, 8, 4, true) && a64_store(cpu, op, va, 4, v->s[0]) &&
           a64_store(cpu, op, va + 4, 4, w->s[0]);
}

// clang-format off
/* Handlers by access (load_reg...) and size; op->imm is the offset, op->rn the base. */
#define ADDRESS_imm const uint64_t va = cpu->x[op->rn] + (uint64_t)(int64_t)op->imm, back = 0
#define ADDRESS_pre const uint64_t va = cpu->x[op->rn] + (uint64_t)(int64_t)op->imm, back = va
#define ADDRESS_post const uint64_t va = cpu->x[op->rn], back = va + (uint64_t)(int64_t)op->imm
/* Register offset: the common one, 64-bit, and the extended ones; op->imm is the shift, ra the option. */
#define ADDRESS_reg const uint64_t va = cpu->x[op->rn] + (cpu->x[op->rm] << op->imm), back = 0
#define ADDRESS_ext const uint64_t va = cpu->x[op->rn] + (extended(cpu->x[op->rm], op->ra) << op->imm), back = 0
#define BACK_imm (void)back
#define BACK_reg (void)back
#define BACK_ext (void)back
#define BACK_pre cpu->x[op->rn] = back
#define BACK_post cpu->x[op->rn] = back

#define MEM(access, log, mode) \
    static A64_OP(access##_##log##_##mode) \
    { \
        A64_FP_CHECK; \
        if (!a64_sp_ok(cpu, op)) \
            return cpu->resume; \
        ADDRESS_##mode; \
        if (!access(cpu, op, va, log)) \
            return cpu->resume; \
        BACK_##mode; \
        A64_NEXT; \
    }
#define MEM_REG(access, mode) \
    MEM(access, 0, mode) MEM(access, 1, mode) MEM(access, 2, mode) MEM(access, 3, mode) MEM(access, 4, mode) \
    static a64_fn *const access##_##mode##_fns[8] = { \
        a64_op_##access##_0_##mode, a64_op_##access##_1_##mode, a64_op_##access##_2_##mode, \
        a64_op_##access##_3_##mode, a64_op_##access##_4_##mode};
#define MEM_PAIR(access, mode) \
    MEM(access, 2, mode) MEM(access, 3, mode) MEM(access, 4, mode) \
    static a64_fn *const access##_##mode##_fns[4] = { \
        a64_op_##access##_2_##mode, a64_op_##access##_3_##mode, a64_op_##access##_4_##mode};
// clang-format on

/* ExtendReg() of a register offset: UXTW, LSL, SXTW, SXTX. */
static inline uint64_t extended(uint64_t x, unsigned option)
{
    return option == 2 ? (uint32_t)x : option == 6 ? (uint64_t)(int64_t)(int32_t)x : x;
}

MEM_REG(load_reg, imm)
MEM_REG(load_reg, pre)
MEM_REG(load_reg, post)
MEM_REG(load_reg, reg)
MEM_REG(load_reg, ext)
MEM_REG(store_reg, imm)
MEM_REG(store_reg, pre)
MEM_REG(store_reg, post)
MEM_REG(store_reg, reg)
MEM_REG(store_reg, ext)
MEM_PAIR(load_pair, imm)
MEM_PAIR(load_pair, pre)
MEM_PAIR(load_pair, post)
MEM_PAIR(store_pair, imm)
MEM_PAIR(store_pair, pre)
MEM_PAIR(store_pair, post)

/* ---- Literal: PC-relative, so op->imm is an offset from the slot's own place ---- */
// clang-format off
#define LITERAL(log) \
    static A64_OP(load_lit_##log) \
    { \
        A64_FP_CHECK; \
        if (!load_reg(cpu, op, a64_pc_of(cpu, op) + (uint64_t)(int64_t)op->imm, log)) \
            return cpu->resume; \
        A64_NEXT; \
    }
// clang-format on
LITERAL(2)
LITERAL(3)
LITERAL(4)

void a64_dec_ldr_v_lit(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[4] = {a64_op_load_lit_2, a64_op_load_lit_3, a64_op_load_lit_4,
                                   a64_undef};
    op->rd = insn & 31;
    op->imm = (int32_t)bits_sext(insn >> 5 & 0x7ffff, 19) * 4;
    op->fn = fns[insn >> 30];
}

/* ---- Decoding: size is opc<1>:size, 4 (16 bytes) at most ---- */
static unsigned log_of(uint32_t insn)
{
    return (insn >> 23 & 1) << 2 | insn >> 30;
}

static void dec_reg(struct a64_op *op, uint32_t insn, a64_fn *const fns[8], int64_t offset)
{
    op->rd = insn & 31;
    op->rn = insn >> 5 & 31; /* A64_SP is 31 */
    op->rm = a64_src(insn >> 16 & 31);
    op->imm = (int32_t)offset;
    op->fn = fns[log_of(insn)] ? fns[log_of(insn)] : a64_undef;
}

static int64_t imm9_of(uint32_t insn)
{
    return bits_sext(insn >> 12 & 0x1ff, 9);
}

static int64_t imm12_of(uint32_t insn)
{
    return (int64_t)(insn >> 10 & 0xfff) << log_of(insn);
}

SIMD_DEC(ldr_v_imm, dec_reg, load_reg_imm_fns, imm12_of(insn))
SIMD_DEC(str_v_imm, dec_reg, store_reg_imm_fns, imm12_of(insn))
SIMD_DEC(ldur_v, dec_reg, load_reg_imm_fns, imm9_of(insn))
SIMD_DEC(stur_v, dec_reg, store_reg_imm_fns, imm9_of(insn))
SIMD_DEC(ldr_v_pre, dec_reg, load_reg_pre_fns, imm9_of(insn))
SIMD_DEC(str_v_pre, dec_reg, store_reg_pre_fns, imm9_of(insn))
SIMD_DEC(ldr_v_post, dec_reg, load_reg_post_fns, imm9_of(insn))
SIMD_DEC(str_v_post, dec_reg, store_reg_post_fns, imm9_of(insn))

static void dec_reg_off(struct a64_op *op, uint32_t insn, a64_fn *const lsl[8],
                        a64_fn *const ext[8])
{
    const unsigned option = insn >> 13 & 7;
    dec_reg(op, insn, option & 1 ? lsl : ext, insn & BIT(12) ? log_of(insn) : 0);
    op->ra = (uint8_t)option;
    if (!(option & 2))
        op->fn = a64_undef;
}

SIMD_DEC(ldr_v_reg, dec_reg_off, load_reg_reg_fns, load_reg_ext_fns)
SIMD_DEC(str_v_reg, dec_reg_off, store_reg_reg_fns, store_reg_ext_fns)

static void dec_pair(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    const unsigned opc = insn >> 30;
    op->rd = insn & 31;
    op->rn = insn >> 5 & 31;
    op->ra = insn >> 10 & 31;
    op->imm = (int32_t)bits_sext(insn >> 15 & 127, 7) * (4 << opc);
    op->fn = fns[opc] ? fns[opc] : a64_undef;
}

SIMD_DEC(ldp_v, dec_pair, load_pair_imm_fns)
SIMD_DEC(ldnp_v, dec_pair, load_pair_imm_fns)
SIMD_DEC(ldp_v_pre, dec_pair, load_pair_pre_fns)
SIMD_DEC(ldp_v_post, dec_pair, load_pair_post_fns)
SIMD_DEC(stp_v, dec_pair, store_pair_imm_fns)
SIMD_DEC(stnp_v, dec_pair, store_pair_imm_fns)
SIMD_DEC(stp_v_pre, dec_pair, store_pair_pre_fns)
SIMD_DEC(stp_v_post, dec_pair, store_pair_post_fns)
