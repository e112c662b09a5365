// SPDX-License-Identifier: MIT
/*
 * sem_simd_struct.c - loads and stores of structures: LD1-LD4, ST1-ST4, LD1R-LD4R.
 *
 * Follows Arm ARM DDI 0487J.a C4.1.94 "Advanced SIMD load/store multiple structures" and "single
 * structure", with their post-indexed forms, and C7.2. Multiple structures are accessed 8 bytes at
 * a time instead of element by element (Device memory may tell the two apart; B2.2.1 leaves
 * elements' order open).
 */
#include "src/a64/simd.h"
#include "src/a64/simd_mem.h"

/* op->rm of a post-indexed form whose offset is the size of what it accesses. */
enum { POST_NONE = 255, POST_LEN = 254 };

static inline void post_index(struct a64_cpu *cpu, const struct a64_op *op, unsigned len)
{
    if (op->rm != POST_NONE)
        cpu->x[op->rn] += op->rm == POST_LEN ? len : cpu->x[op->rm];
}

static void dec_post(struct a64_op *op, uint32_t insn)
{
    const unsigned rm = insn >> 16 & 31;
    op->rn = insn >> 5 & 31; /* A64_SP is 31 */
    op->rm = (uint8_t)(!(insn & BIT(23)) ? POST_NONE : rm == 31 ? POST_LEN : rm);
}

/* ---- LD1, ST1 of whole registers: op->ra is Q, n a constant ---- */
// clang-format off
#define WHOLE(n) \
    static A64_OP(ld1_##n) \
    { \
        A64_FP_CHECK; \
        simd_U_d v[n]; \
        if (!a64_sp_ok(cpu, op) || !simd_load(cpu, op, cpu->x[op->rn], 16 * (n), 1u << op->imm, v)) \
            return cpu->resume; \
        for (unsigned i = 0; i < (n); i++) \
            simd_put(cpu, (op->rd + i) % 32, v[i]); \
        post_index(cpu, op, 16 * (n)); \
        A64_NEXT_LOOP; \
    } \
    static A64_OP(st1_##n) \
    { \
        A64_FP_CHECK; \
        simd_U_d v[n]; \
        for (unsigned i = 0; i < (n); i++) \
            v[i] = simd_get(cpu, (op->rd + i) % 32); \
        if (!a64_sp_ok(cpu, op) || !simd_store(cpu, op, cpu->x[op->rn], 16 * (n), 1u << op->imm, v)) \
            return cpu->resume; \
        post_index(cpu, op, 16 * (n)); \
        A64_NEXT_LOOP; \
    }
WHOLE(1)
WHOLE(2)
WHOLE(3)
WHOLE(4)
// clang-format on

/*
 * ---- The others ----
 * op->imm is the element size (log2); op->ra is MULTI_Q (128-bit), MULTI_ONE (registers one after
 * another: LD1), and the number of registers. Structures interleave: element e of register r is
 * number e * n + r.
 */
enum { MULTI_Q = 1 << 4, MULTI_ONE = 1 << 5, MULTI_REGS = 7 };

static inline unsigned multi_place(const struct a64_op *op, unsigned reg, unsigned byte)
{
    const unsigned log = (unsigned)op->imm, n = op->ra & MULTI_REGS;
    if (op->ra & MULTI_ONE)
        return reg * (op->ra & MULTI_Q ? 16 : 8) + byte;
    return (((byte >> log) * n + reg) << log) + (byte & ((1u << log) - 1));
}

static A64_OP(ld_multi_any)
{
    A64_FP_CHECK;
    const unsigned n = op->ra & MULTI_REGS, bytes = op->ra & MULTI_Q ? 16 : 8;
    uint8_t buf[64];
    if (!a64_sp_ok(cpu, op) || !simd_load(cpu, op, cpu->x[op->rn], n * bytes, 1u << op->imm, buf))
        return cpu->resume;
    for (unsigned r = 0; r < n; r++) {
        union a64_vreg v = {
            .d = {0, 0}
        };
        for (unsigned i = 0; i < bytes; i++)
            v.b[i] = buf[multi_place(op, r, i)];
        cpu->v[(op->rd + r) % 32] = v;
    }
    post_index(cpu, op, n * bytes);
    A64_NEXT_LOOP;
}

static A64_OP(st_multi_any)
{
    A64_FP_CHECK;
    const unsigned n = op->ra & MULTI_REGS, bytes = op->ra & MULTI_Q ? 16 : 8;
    uint8_t buf[64];
    for (unsigned r = 0; r < n; r++)
        for (unsigned i = 0; i < bytes; i++)
            buf[multi_place(op, r, i)] = cpu->v[(op->rd + r) % 32].b[i];
    if (!a64_sp_ok(cpu, op) || !simd_store(cpu, op, cpu->x[op->rn], n * bytes, 1u << op->imm, buf))
        return cpu->resume;
    post_index(cpu, op, n * bytes);
    A64_NEXT_LOOP;
}

static void dec_multi(struct a64_op *op, uint32_t insn, a64_fn *any, a64_fn *const whole[5])
{
    /* Registers by opcode, 0 when it is unallocated; those of LD1/ST1 are MULTI_ONE. */
    static const uint8_t kinds[16] = {[0] = 4,
                                      [4] = 3,
                                      [8] = 2,
                                      [2] = MULTI_ONE | 4,
                                      [6] = MULTI_ONE | 3,
                                      [10] = MULTI_ONE | 2,
                                      [7] = MULTI_ONE | 1};
    const unsigned kind = kinds[insn >> 12 & 15], log = insn >> 10 & 3;
    dec_post(op, insn);
    op->rd = insn & 31;
    op->imm = (int32_t)log;
    op->ra = (uint8_t)(kind | (simd_q(insn) ? MULTI_Q : 0));
    op->fn = kind & MULTI_ONE && simd_q(insn) ? whole[kind & MULTI_REGS] : any;
    /* A structure of one 64-bit element per register is LD1's business. */
    if (!kind || (!(kind & MULTI_ONE) && log == 3 && !simd_q(insn)))
        op->fn = a64_undef;
}

static a64_fn *const ld1_fns[5] = {NULL, a64_op_ld1_1, a64_op_ld1_2, a64_op_ld1_3, a64_op_ld1_4};
static a64_fn *const st1_fns[5] = {NULL, a64_op_st1_1, a64_op_st1_2, a64_op_st1_3, a64_op_st1_4};
SIMD_DEC(ld_multi, dec_multi, a64_op_ld_multi_any, ld1_fns)
SIMD_DEC(ld_multi_post, dec_multi, a64_op_ld_multi_any, ld1_fns)
SIMD_DEC(st_multi, dec_multi, a64_op_st_multi_any, st1_fns)
SIMD_DEC(st_multi_post, dec_multi, a64_op_st_multi_any, st1_fns)

/*
 * ---- Single structure: one lane of 1..4 registers, or one element replicated to all lanes ----
 * op->ra is the number of registers, op->imm the element size (log2) and above it the lane, or Q.
 */
static inline bool lane_load(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                             unsigned log, uint64_t *v)
{
    switch (log) {
    case 0:
        return a64_load(cpu, op, va, 1, v);
    case 1:
        return a64_load(cpu, op, va, 2, v);
    case 2:
        return a64_load(cpu, op, va, 4, v);
    default:
        return a64_load(cpu, op, va, 8, v);
    }
}

static inline bool lane_store(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                              unsigned log, uint64_t v)
{
    switch (log) {
    case 0:
        return a64_store(cpu, op, va, 1, v);
    case 1:
        return a64_store(cpu, op, va, 2, v);
    case 2:
        return a64_store(cpu, op, va, 4, v);
    default:
        return a64_store(cpu, op, va, 8, v);
    }
}

static bool lanes_load(struct a64_cpu *cpu, const struct a64_op *op, uint64_t v[4])
{
    const unsigned log = op->imm & 3;
    for (unsigned r = 0; r < op->ra; r++)
        if (!lane_load(cpu, op, cpu->x[op->rn] + (r << log), log, &v[r]))
            return false;
    return true;
}

static A64_OP(ld_lane_any)
{
    A64_FP_CHECK;
    const unsigned log = op->imm & 3, at = (unsigned)op->imm >> 2 << log;
    uint64_t v[4];
    if (!a64_sp_ok(cpu, op) || !lanes_load(cpu, op, v))
        return cpu->resume;
    for (unsigned r = 0; r < op->ra; r++)
        memcpy(&cpu->v[(op->rd + r) % 32].b[at], &v[r], 1u << log);
    post_index(cpu, op, (unsigned)op->ra << log);
    A64_NEXT_LOOP;
}

static A64_OP(st_lane_any)
{
    A64_FP_CHECK;
    const unsigned log = op->imm & 3, at = (unsigned)op->imm >> 2 << log;
    const uint64_t va = cpu->x[op->rn];
    if (!a64_sp_ok(cpu, op) ||
        (op->ra > 1 && !a64_probe(cpu, op, va, (unsigned)op->ra << log, 1u << log, true)))
        return cpu->resume;
    for (unsigned r = 0; r < op->ra; r++) {
        uint64_t v = 0;
        memcpy(&v, &cpu->v[(op->rd + r) % 32].b[at], 1u << log);
        if (!lane_store(cpu, op, va + (r << log), log, v))
            return cpu->resume;
    }
    post_index(cpu, op, (unsigned)op->ra << log);
    A64_NEXT_LOOP;
}

static A64_OP(ld_rep)
{
    A64_FP_CHECK;
    /* Times one of these, an element fills 64 bits. */
    static const uint64_t ones[4] = {UINT64_C(0x0101010101010101), UINT64_C(0x0001000100010001),
                                     UINT64_C(0x0000000100000001), 1};
    const unsigned log = op->imm & 3;
    uint64_t v[4];
    if (!a64_sp_ok(cpu, op) || !lanes_load(cpu, op, v))
        return cpu->resume;
    for (unsigned r = 0; r < op->ra; r++) {
        const uint64_t all = v[r] * ones[log];
        simd_put(cpu, (op->rd + r) % 32u, (simd_U_d){all, op->imm & 4 ? all : 0});
    }
    post_index(cpu, op, (unsigned)op->ra << log);
    A64_NEXT_LOOP;
}

/*
 * opcode<2:1> is the element size, or 3 for replication; opcode<0>:R is the number of registers
 * less 1. The lane is Q:S:size less the bits that say the size (C7.2 "LD1 (single structure)").
 */
static void dec_lane(struct a64_op *op, uint32_t insn, a64_fn *lane, a64_fn *rep)
{
    const unsigned size = insn >> 10 & 3, s = insn >> 12 & 1, scale = insn >> 14 & 3;
    const unsigned index = simd_q(insn) << 3 | s << 2 | size;
    dec_post(op, insn);
    op->rd = insn & 31;
    op->ra = (uint8_t)(((insn >> 13 & 1) << 1 | (insn >> 21 & 1)) + 1);
    op->fn = lane;
    switch (scale) {
    case 0:
        op->imm = (int32_t)(index << 2);
        break;
    case 1:
        op->imm = (int32_t)(index >> 1 << 2 | 1);
        if (size & 1)
            op->fn = a64_undef;
        break;
    case 2:
        op->imm = (int32_t)(size & 1 ? index >> 3 << 2 | 3 : index >> 2 << 2 | 2);
        if (size & 2 || (size & 1 && s))
            op->fn = a64_undef;
        break;
    default:
        op->imm = (int32_t)(simd_q(insn) << 2 | size);
        op->fn = rep && !s ? rep : a64_undef;
    }
}

SIMD_DEC(ld_lane, dec_lane, a64_op_ld_lane_any, a64_op_ld_rep)
SIMD_DEC(ld_lane_post, dec_lane, a64_op_ld_lane_any, a64_op_ld_rep)
SIMD_DEC(st_lane, dec_lane, a64_op_st_lane_any, NULL)
SIMD_DEC(st_lane_post, dec_lane, a64_op_st_lane_any, NULL)
