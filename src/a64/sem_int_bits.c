// SPDX-License-Identifier: MIT
/*
 * sem_int_bits.c - A64 bitfields, shifts, bit counting and reversal, multiply and divide.
 *
 * Follows Arm ARM DDI 0487J.a C6.2. CRC32 is in sem_int_crc.c.
 */
#include "src/a64/sem.h"

#define OP1(name, expr)                                                                            \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        X(rd) = (uint64_t)(expr);                                                                  \
        A64_NEXT;                                                                                  \
    }

/* ---- bitfields ----
 * UBFM and SBFM move a field of s + 1 - r bits down (s >= r), or the low s + 1 bits up by esize -
 * r: a shift left by rm that drops what is above the field, then one right by ra.
 */
OP1(lsl32, (uint32_t)(W(rn) << (op->rm & 31)))
OP1(lsl64, X(rn) << (op->rm & 63))
OP1(lsr32, W(rn) >> (op->ra & 31))
OP1(lsr64, X(rn) >> (op->ra & 63))
OP1(asr32, (uint32_t)(SW(rn) >> (op->ra & 31)))
OP1(asr64, (uint64_t)(SX(rn) >> (op->ra & 63)))
OP1(ubf32, (uint32_t)(W(rn) << (op->rm & 31)) >> (op->ra & 31))
OP1(ubf64, X(rn) << (op->rm & 63) >> (op->ra & 63))
OP1(sbf32, (uint32_t)((int32_t)(W(rn) << (op->rm & 31)) >> (op->ra & 31)))
OP1(sbf64, (uint64_t)((int64_t)(X(rn) << (op->rm & 63)) >> (op->ra & 63)))
OP1(uxtb, (uint8_t)X(rn))
OP1(uxth, (uint16_t)X(rn))
OP1(sxtb32, (uint32_t)(int8_t)X(rn))
OP1(sxth32, (uint32_t)(int16_t)X(rn))
OP1(sxtb64, (uint64_t)(int8_t)X(rn))
OP1(sxth64, (uint64_t)(int16_t)X(rn))
OP1(sxtw64, (uint64_t)SW(rn))

/* BFM: the source rotated right by rm goes into the bits ra..ra+imm of the destination. */
static A64_OP(bfm32)
{
    uint32_t mask = UINT32_MAX >> (31 - (op->imm & 31)) << (op->ra & 31);
    X(rd) = (W(rd) & ~mask) | (a64_ror32(W(rn), op->rm) & mask);
    A64_NEXT;
}

static A64_OP(bfm64)
{
    uint64_t mask = UINT64_MAX >> (63 - (op->imm & 63)) << (op->ra & 63);
    X(rd) = (X(rd) & ~mask) | (a64_ror64(X(rn), op->rm) & mask);
    A64_NEXT;
}

static a64_fn *bitfield_fn(bool sf, bool sign, unsigned left, unsigned right)
{
    /* Without a shift left, or with equal ones, there are shorter ways. */
    static const struct {
        uint8_t left, right;
        bool sf, sign;
        a64_fn *fn;
    } special[] = {
        {24, 24, false, false, a64_op_uxtb  },
        {16, 16, false, false, a64_op_uxth  },
        {24, 24, false, true,  a64_op_sxtb32},
        {16, 16, false, true,  a64_op_sxth32},
        {56, 56, true,  false, a64_op_uxtb  },
        {48, 48, true,  false, a64_op_uxth  },
        {56, 56, true,  true,  a64_op_sxtb64},
        {48, 48, true,  true,  a64_op_sxth64},
        {32, 32, true,  true,  a64_op_sxtw64},
    };
    for (unsigned i = 0; i < ARRAY_LEN(special); i++)
        if (special[i].left == left && special[i].right == right && special[i].sf == sf &&
            special[i].sign == sign)
            return special[i].fn;
    if (!left)
        return sign ? (sf ? a64_op_asr64 : a64_op_asr32) : (sf ? a64_op_lsr64 : a64_op_lsr32);
    if (!right)
        return sf ? a64_op_lsl64 : a64_op_lsl32;
    return sign ? (sf ? a64_op_sbf64 : a64_op_sbf32) : (sf ? a64_op_ubf64 : a64_op_ubf32);
}

void a64_dec_bitfield(struct a64_op *op, uint32_t insn)
{
    bool sf = insn >> 31;
    unsigned opc = a64_bits(insn, 29, 2), top = sf ? 63 : 31;
    unsigned r = a64_bits(insn, 16, 6), s = a64_bits(insn, 10, 6);
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    if (opc == 1) { /* BFM reads its destination: XZR stays zero by way of the sink */
        op->rm = (uint8_t)r;
        op->ra = (uint8_t)(s >= r ? 0 : top + 1 - r);
        op->imm = (int32_t)(s >= r ? s - r : s);
        op->fn = sf ? a64_op_bfm64 : a64_op_bfm32;
        return;
    }
    op->rm = (uint8_t)(top - s);
    op->ra = (uint8_t)(s >= r ? top - s + r : r - s - 1);
    op->fn = bitfield_fn(sf, opc == 0, op->rm, op->ra);
}

OP1(extr32, (uint32_t)((X(rn) << 32 | W(rm)) >> (op->imm & 31)))
OP1(ror32, a64_ror32(W(rm), (unsigned)op->imm))
OP1(ror64, a64_ror64(X(rm), (unsigned)op->imm))
OP1(extr64, X(rm) >> (op->imm & 63) | X(rn) << (-op->imm & 63)) /* imm is not 0 */

void a64_dec_extr(struct a64_op *op, uint32_t insn)
{
    bool sf = insn >> 31;
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->imm = (int32_t)a64_bits(insn, 10, 6);
    if (op->rn == op->rm ||
        !op->imm) /* ROR (immediate); by 0 it is the low register whatever the high */
        op->fn = sf ? a64_op_ror64 : a64_op_ror32;
    else
        op->fn = sf ? a64_op_extr64 : a64_op_extr32;
}

/* ---- one source ---- */
static inline uint64_t rev16_64(uint64_t v)
{
    return (v >> 8 & UINT64_C(0x00ff00ff00ff00ff)) | (v & UINT64_C(0x00ff00ff00ff00ff)) << 8;
}

static inline uint64_t rbit_64(uint64_t v)
{
    v = (v >> 1 & UINT64_C(0x5555555555555555)) | (v & UINT64_C(0x5555555555555555)) << 1;
    v = (v >> 2 & UINT64_C(0x3333333333333333)) | (v & UINT64_C(0x3333333333333333)) << 2;
    v = (v >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (v & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
    return __builtin_bswap64(v);
}

static inline uint64_t clz_64(uint64_t v)
{
    return v ? (uint64_t)__builtin_clzll(v) : 64;
}

static inline uint64_t clz_32(uint32_t v)
{
    return v ? (uint64_t)__builtin_clz(v) : 32;
}

OP1(rbit32, rbit_64(W(rn)) >> 32)
OP1(rbit64, rbit_64(X(rn)))
OP1(rev16_32, rev16_64(W(rn)))
OP1(rev16_64, rev16_64(X(rn)))
OP1(rev32, __builtin_bswap32(W(rn)))
OP1(rev32_64, (uint64_t)__builtin_bswap32((uint32_t)(X(rn) >> 32)) << 32 | __builtin_bswap32(W(rn)))
OP1(rev64, __builtin_bswap64(X(rn)))
OP1(clz32, clz_32(W(rn)))
OP1(clz64, clz_64(X(rn)))
/* CLS: the bits below the top one that are equal to it. */
OP1(cls32, clz_32(W(rn) ^ (uint32_t)(SW(rn) >> 31)) - 1)
OP1(cls64, clz_64(X(rn) ^ (uint64_t)(SX(rn) >> 63)) - 1)

void a64_dec_dp1(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[2][6] = {
        {a64_op_rbit32, a64_op_rev16_32, a64_op_rev32,    a64_undef,    a64_op_clz32, a64_op_cls32},
        {a64_op_rbit64, a64_op_rev16_64, a64_op_rev32_64, a64_op_rev64, a64_op_clz64, a64_op_cls64},
    };
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->fn = fns[insn >> 31][a64_bits(insn, 10, 3)];
}

/* ---- two sources ---- */
OP1(udiv32, W(rm) ? W(rn) / W(rm) : 0)
OP1(udiv64, X(rm) ? X(rn) / X(rm) : 0)
OP1(lslv32, (uint32_t)(W(rn) << (X(rm) & 31)))
OP1(lslv64, X(rn) << (X(rm) & 63))
OP1(lsrv32, W(rn) >> (X(rm) & 31))
OP1(lsrv64, X(rn) >> (X(rm) & 63))
OP1(asrv32, (uint32_t)(SW(rn) >> (X(rm) & 31)))
OP1(asrv64, (uint64_t)(SX(rn) >> (X(rm) & 63)))
OP1(rorv32, a64_ror32(W(rn), W(rm)))
OP1(rorv64, a64_ror64(X(rn), W(rm)))

/* Division by zero gives 0, the smallest number divided by -1 itself (Arm ARM C6.2 SDIV). */
static A64_OP(sdiv32)
{
    int32_t d = SW(rm);
    X(rd) = d == 0 ? 0 : d == -1 ? 0 - W(rn) : (uint32_t)(SW(rn) / d);
    A64_NEXT;
}

static A64_OP(sdiv64)
{
    int64_t d = SX(rm);
    X(rd) = d == 0 ? 0 : d == -1 ? 0 - X(rn) : (uint64_t)(SX(rn) / d);
    A64_NEXT;
}

void a64_dec_dp2(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[2][12] = {
        {[2] = a64_op_udiv32,
         a64_op_sdiv32, [8] = a64_op_lslv32,
         a64_op_lsrv32, a64_op_asrv32,
         a64_op_rorv32},
        {[2] = a64_op_udiv64,
         a64_op_sdiv64, [8] = a64_op_lslv64,
         a64_op_lsrv64, a64_op_asrv64,
         a64_op_rorv64},
    };
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->fn = fns[insn >> 31][a64_bits(insn, 10, 4)];
}

/* ---- three sources ---- */
OP1(mul32, W(rn) * W(rm))
OP1(mul64, X(rn) * X(rm))
OP1(madd32, (uint32_t)(W(ra) + W(rn) * W(rm)))
OP1(madd64, X(ra) + X(rn) * X(rm))
OP1(msub32, (uint32_t)(W(ra) - W(rn) * W(rm)))
OP1(msub64, X(ra) - X(rn) * X(rm))
OP1(smaddl, X(ra) + (uint64_t)((int64_t)SW(rn) * SW(rm)))
OP1(smsubl, X(ra) - (uint64_t)((int64_t)SW(rn) * SW(rm)))
OP1(umaddl, X(ra) + (uint64_t)W(rn) * W(rm))
OP1(umsubl, X(ra) - (uint64_t)W(rn) * W(rm))
OP1(smulh, (uint64_t)((__int128)SX(rn) * SX(rm) >> 64))
OP1(umulh, (uint64_t)((unsigned __int128)X(rn) * X(rm) >> 64))

void a64_dec_dp3(struct a64_op *op, uint32_t insn)
{
    /* By op31 (bits 23:21) and o0 (bit 15). */
    static a64_fn *const long_fns[] = {
        [2] = a64_op_smaddl,  a64_op_smsubl, [4] = a64_op_smulh,
        [10] = a64_op_umaddl, a64_op_umsubl, [12] = a64_op_umulh,
    };
    unsigned sel = a64_bits(insn, 21, 3) << 1 | (insn >> 15 & 1);
    bool sf = insn >> 31;
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->ra = a64_src(a64_ra(insn));
    if (sel > 1)
        op->fn = long_fns[sel];
    else if (sel)
        op->fn = sf ? a64_op_msub64 : a64_op_msub32;
    else if (op->ra == A64_ZR)
        op->fn = sf ? a64_op_mul64 : a64_op_mul32;
    else
        op->fn = sf ? a64_op_madd64 : a64_op_madd32;
}
