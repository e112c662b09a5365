// SPDX-License-Identifier: MIT
/*
 * sem_simd_shift.c - Advanced SIMD shifts by immediate that keep the element size.
 *
 * Follows Arm ARM DDI 0487J.a C4.1.96 "Advanced SIMD shift by immediate" and "scalar shift by
 * immediate". The long and narrow ones are in sem_simd_wide.c, conversions to and from fixed point
 * with the FP ones. op->imm is the shift: right shifts 1..ESIZE, left shifts 0..ESIZE - 1.
 */
#include "src/a64/simd.h"

/* immh's highest set bit is the element size; immh:immb is 2 * esize - right shift, or esize + left
 * shift. */
static void dec_shift(struct a64_op *op, uint32_t insn, a64_fn *const fns[4], bool left)
{
    const unsigned imm = insn >> 16 & 127, size = 28u - (unsigned)__builtin_clz(imm);
    const unsigned esize = 8u << size;
    simd_regs(op, insn);
    op->imm = (int32_t)(left ? imm - esize : 2 * esize - imm);
    op->ra = (uint8_t)(simd_scalar(insn) ? SIMD_B + size : simd_q(insn));
    op->fn = fns[size];
    if (size == 3 && !simd_scalar(insn) && !simd_q(insn))
        op->fn = a64_undef;
}

static void dec_right(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    dec_shift(op, insn, fns, false);
}

static void dec_left(struct a64_op *op, uint32_t insn, a64_fn *const fns[4])
{
    dec_shift(op, insn, fns, true);
}

// clang-format off
#define RIGHT(name, M, K, expr) SIMD_BHSD(M, name, K, expr) SIMD_DEC(name, dec_right, name##_fns)
#define LEFT(name, M, K, expr) SIMD_BHSD(M, name, K, expr) SIMD_DEC(name, dec_left, name##_fns)

/* Shifting by sh - 1 first keeps a shift by the whole width defined. */
#define SH1 (op->imm - 1)
#define SHR (a >> SH1 >> 1)
#define ROUNDED (SHR + (a >> SH1 & 1))
RIGHT(sshr_i, SIMD_VEC, S, SHR)
RIGHT(ushr_i, SIMD_VEC, U, SHR)
RIGHT(ssra_i, SIMD_VEC, S, (VU)d + (VU)SHR)
RIGHT(usra_i, SIMD_VEC, U, d + SHR)
RIGHT(srshr_i, SIMD_VEC, S, ROUNDED)
RIGHT(urshr_i, SIMD_VEC, U, ROUNDED)
RIGHT(srsra_i, SIMD_VEC, S, (VU)d + (VU)ROUNDED)
RIGHT(ursra_i, SIMD_VEC, U, d + ROUNDED)
LEFT(shl_i, SIMD_VEC, U, a << op->imm)

/* Insert: the bits that the shift does not fill stay. */
#define ALL_SET ((V){0} - 1)
RIGHT(sri_i, SIMD_VEC, U, SHR | (d & ~(ALL_SET >> SH1 >> 1)))
LEFT(sli_i, SIMD_VEC, U, (a << op->imm) | (d & ~(ALL_SET << op->imm)))

/* Saturating: in 128 bits a shift by 63 loses nothing. */
#define SHIFTED ((__int128)a * ((__int128)1 << op->imm))
LEFT(sqshl_i, SIMD_LANE, S, SIMD_SATS(SHIFTED))
LEFT(uqshl_i, SIMD_LANE, U, SIMD_SATU(SHIFTED))
LEFT(sqshlu_i, SIMD_LANE, S, SIMD_SATU(SHIFTED))
// clang-format on
