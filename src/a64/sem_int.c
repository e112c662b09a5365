// SPDX-License-Identifier: MIT
/*
 * sem_int.c - A64 integer arithmetic and logic: add and subtract, AND/ORR/EOR and their inverted
 * forms, move wide, PC-relative addresses.
 *
 * Follows Arm ARM DDI 0487J.a C6.2. There is one handler per width, flag setting and kind of second
 * operand; the decode functions at the end of each part pick it.
 */
#include "src/a64/sem.h"

/* ---- add and subtract ----
 * B64 and B32 are the second operand. The table's index is the instruction's bits 31:29: sf, op, S.
 */
#define ADDSUB(kind, B64, B32)                                                                     \
    static A64_OP(add32_##kind)                                                                    \
    {                                                                                              \
        X(rd) = W(rn) + (uint32_t)(B32);                                                           \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(adds32_##kind)                                                                   \
    {                                                                                              \
        X(rd) = a64_adds32(cpu, W(rn), (uint32_t)(B32));                                           \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(sub32_##kind)                                                                    \
    {                                                                                              \
        X(rd) = W(rn) - (uint32_t)(B32);                                                           \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(subs32_##kind)                                                                   \
    {                                                                                              \
        X(rd) = a64_subs32(cpu, W(rn), (uint32_t)(B32));                                           \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(add64_##kind)                                                                    \
    {                                                                                              \
        X(rd) = X(rn) + (uint64_t)(B64);                                                           \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(adds64_##kind)                                                                   \
    {                                                                                              \
        X(rd) = a64_adds64(cpu, X(rn), (uint64_t)(B64));                                           \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(sub64_##kind)                                                                    \
    {                                                                                              \
        X(rd) = X(rn) - (uint64_t)(B64);                                                           \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(subs64_##kind)                                                                   \
    {                                                                                              \
        X(rd) = a64_subs64(cpu, X(rn), (uint64_t)(B64));                                           \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static a64_fn *const addsub_##kind[8] = {                                                      \
        a64_op_add32_##kind, a64_op_adds32_##kind, a64_op_sub32_##kind, a64_op_subs32_##kind,      \
        a64_op_add64_##kind, a64_op_adds64_##kind, a64_op_sub64_##kind, a64_op_subs64_##kind,      \
    };

ADDSUB(imm, (uint32_t)op->imm, op->imm)
ADDSUB(reg, X(rm), W(rm))
ADDSUB(lsl, X(rm) << (op->imm & 63), W(rm) << (op->imm & 31))
ADDSUB(lsr, X(rm) >> (op->imm & 63), W(rm) >> (op->imm & 31))
ADDSUB(asr, SX(rm) >> (op->imm & 63), SW(rm) >> (op->imm & 31))
ADDSUB(uxtb, (uint64_t)(uint8_t)X(rm) << (op->imm & 7), (uint32_t)(uint8_t)X(rm) << (op->imm & 7))
ADDSUB(uxth, (uint64_t)(uint16_t)X(rm) << (op->imm & 7), (uint32_t)(uint16_t)X(rm) << (op->imm & 7))
ADDSUB(uxtw, (uint64_t)W(rm) << (op->imm & 7), W(rm) << (op->imm & 7))
ADDSUB(sxtb, (uint64_t)(int8_t)X(rm) << (op->imm & 7), (uint32_t)(int8_t)X(rm) << (op->imm & 7))
ADDSUB(sxth, (uint64_t)(int16_t)X(rm) << (op->imm & 7), (uint32_t)(int16_t)X(rm) << (op->imm & 7))
ADDSUB(sxtw, (uint64_t)SW(rm) << (op->imm & 7), W(rm) << (op->imm & 7))

void a64_dec_addsub_imm(struct a64_op *op, uint32_t insn)
{
    bool s = insn >> 29 & 1;
    op->rd = s ? a64_dst(a64_rd(insn)) : (uint8_t)a64_rd(insn);
    op->rn = (uint8_t)a64_rn(insn); /* SP */
    op->imm = (int32_t)(a64_bits(insn, 10, 12) << (insn >> 22 & 1 ? 12 : 0));
    op->fn = addsub_imm[insn >> 29];
}

void a64_dec_addsub_shift(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const *const kinds[] = {addsub_lsl, addsub_lsr, addsub_asr};
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->imm = (int32_t)a64_bits(insn, 10, 6);
    op->fn = (op->imm ? kinds[a64_bits(insn, 22, 2)] : addsub_reg)[insn >> 29];
}

void a64_dec_addsub_ext(struct a64_op *op, uint32_t insn)
{
    /* UXTX and SXTX shift the whole register. */
    static a64_fn *const *const kinds[] = {addsub_uxtb, addsub_uxth, addsub_uxtw, addsub_lsl,
                                           addsub_sxtb, addsub_sxth, addsub_sxtw, addsub_lsl};
    bool s = insn >> 29 & 1;
    unsigned option = a64_bits(insn, 13, 3);
    op->rd = s ? a64_dst(a64_rd(insn)) : (uint8_t)a64_rd(insn);
    op->rn = (uint8_t)a64_rn(insn); /* SP */
    op->rm = a64_src(a64_rm(insn));
    op->imm = (int32_t)a64_bits(insn, 10, 3);
    op->fn = (op->imm || (option & 3) != 3 ? kinds[option] : addsub_reg)[insn >> 29];
}

static A64_OP(adc32)
{
    X(rd) = (uint32_t)(W(rn) + W(rm) + a64_carry(cpu));
    A64_NEXT;
}

static A64_OP(adcs32)
{
    X(rd) = a64_adcs32(cpu, W(rn), W(rm));
    A64_NEXT;
}

static A64_OP(sbc32)
{
    X(rd) = (uint32_t)(W(rn) + ~W(rm) + a64_carry(cpu));
    A64_NEXT;
}

static A64_OP(sbcs32)
{
    X(rd) = a64_adcs32(cpu, W(rn), ~W(rm));
    A64_NEXT;
}

static A64_OP(adc64)
{
    X(rd) = X(rn) + X(rm) + a64_carry(cpu);
    A64_NEXT;
}

static A64_OP(adcs64)
{
    X(rd) = a64_adcs64(cpu, X(rn), X(rm));
    A64_NEXT;
}

static A64_OP(sbc64)
{
    X(rd) = X(rn) + ~X(rm) + a64_carry(cpu);
    A64_NEXT;
}

static A64_OP(sbcs64)
{
    X(rd) = a64_adcs64(cpu, X(rn), ~X(rm));
    A64_NEXT;
}

void a64_dec_addsub_carry(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[] = {a64_op_adc32, a64_op_adcs32, a64_op_sbc32, a64_op_sbcs32,
                                  a64_op_adc64, a64_op_adcs64, a64_op_sbc64, a64_op_sbcs64};
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->fn = fns[insn >> 29];
}

/* ---- logic ----
 * The tables' index is sf, opc (bits 31:29), and for the register forms N (bit 21) below that.
 */
#define LOGIC1(name, kind, SYM, INV, B64, B32)                                                     \
    static A64_OP(name##32_##kind)                                                                 \
    {                                                                                              \
        X(rd) = W(rn) SYM INV(uint32_t)(B32);                                                      \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name##64_##kind)                                                                 \
    {                                                                                              \
        X(rd) = X(rn) SYM INV(uint64_t)(B64);                                                      \
        A64_NEXT;                                                                                  \
    }
#define LOGIC1S(name, kind, INV, B64, B32)                                                         \
    static A64_OP(name##32_##kind)                                                                 \
    {                                                                                              \
        uint32_t r = W(rn) & INV(uint32_t)(B32);                                                   \
        a64_flags_logic32(cpu, r);                                                                 \
        X(rd) = r;                                                                                 \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name##64_##kind)                                                                 \
    {                                                                                              \
        uint64_t r = X(rn) & INV(uint64_t)(B64);                                                   \
        a64_flags_logic64(cpu, r);                                                                 \
        X(rd) = r;                                                                                 \
        A64_NEXT;                                                                                  \
    }
#define LOGIC(kind, B64, B32)                                                                      \
    LOGIC1(and, kind, &, , B64, B32)                                                               \
    LOGIC1(bic, kind, &, ~, B64, B32)                                                              \
    LOGIC1(orr, kind, |, , B64, B32)                                                               \
    LOGIC1(orn, kind, |, ~, B64, B32)                                                              \
    LOGIC1(eor, kind, ^, , B64, B32)                                                               \
    LOGIC1(eon, kind, ^, ~, B64, B32)                                                              \
    LOGIC1S(ands, kind, , B64, B32)                                                                \
    LOGIC1S(bics, kind, ~, B64, B32)                                                               \
    static a64_fn *const logic_##kind[16] = {                                                      \
        a64_op_and32_##kind, a64_op_bic32_##kind, a64_op_orr32_##kind,  a64_op_orn32_##kind,       \
        a64_op_eor32_##kind, a64_op_eon32_##kind, a64_op_ands32_##kind, a64_op_bics32_##kind,      \
        a64_op_and64_##kind, a64_op_bic64_##kind, a64_op_orr64_##kind,  a64_op_orn64_##kind,       \
        a64_op_eor64_##kind, a64_op_eon64_##kind, a64_op_ands64_##kind, a64_op_bics64_##kind,      \
    };

LOGIC(reg, X(rm), W(rm))
LOGIC(lsl, X(rm) << (op->imm & 63), W(rm) << (op->imm & 31))
LOGIC(lsr, X(rm) >> (op->imm & 63), W(rm) >> (op->imm & 31))
LOGIC(asr, SX(rm) >> (op->imm & 63), SW(rm) >> (op->imm & 31))
LOGIC(ror, a64_ror64(X(rm), (unsigned)op->imm), a64_ror32(W(rm), (unsigned)op->imm))

static A64_OP(mov32)
{
    X(rd) = W(rm);
    A64_NEXT;
}

static A64_OP(mov64)
{
    X(rd) = X(rm);
    A64_NEXT;
}

void a64_dec_logical_shift(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const *const kinds[] = {logic_lsl, logic_lsr, logic_asr, logic_ror};
    unsigned opc = insn >> 29 << 1 | (insn >> 21 & 1);
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->imm = (int32_t)a64_bits(insn, 10, 6);
    op->fn = (op->imm ? kinds[a64_bits(insn, 22, 2)] : logic_reg)[opc];
    if (op->fn == a64_op_orr64_reg && op->rn == A64_ZR)
        op->fn = a64_op_mov64;
    else if (op->fn == a64_op_orr32_reg && op->rn == A64_ZR)
        op->fn = a64_op_mov32;
}

/*
 * A 64-bit immediate is a sign-extended 32-bit number, or one repeated, or a run of ones (rm + 1 of
 * them) rotated right (by ra).
 */
#define LOGIC_IMM(kind, B64)                                                                       \
    LOGIC1(and, kind, &, , B64, op->imm)                                                           \
    LOGIC1(orr, kind, |, , B64, op->imm)                                                           \
    LOGIC1(eor, kind, ^, , B64, op->imm)                                                           \
    LOGIC1S(ands, kind, , B64, op->imm)                                                            \
    static a64_fn *const logic_##kind[8] = {                                                       \
        a64_op_and32_##kind, a64_op_orr32_##kind, a64_op_eor32_##kind, a64_op_ands32_##kind,       \
        a64_op_and64_##kind, a64_op_orr64_##kind, a64_op_eor64_##kind, a64_op_ands64_##kind,       \
    };

LOGIC_IMM(sext, (int64_t)op->imm)
LOGIC_IMM(rep, (uint32_t)op->imm *UINT64_C(0x100000001))
LOGIC_IMM(run, a64_ror64(~UINT64_C(0) >> (63 - (op->rm & 63)), op->ra))

/* MOV (bitmask immediate): ORR with XZR. `rep` and `run` go the general way. */
static A64_OP(mov64_sext)
{
    X(rd) = (uint64_t)(int64_t)op->imm;
    A64_NEXT;
}

static A64_OP(mov64_u32)
{
    X(rd) = (uint32_t)op->imm;
    A64_NEXT;
}

static unsigned bit_mask_size(uint32_t insn)
{
    unsigned n = insn >> 22 & 1, imms = a64_bits(insn, 10, 6);
    return 1u << (31 - (unsigned)__builtin_clz(n << 6 | (~imms & 63)));
}

/* DecodeBitMasks() (Arm ARM J1.3.3 "shared/functions/..."); the table has no reserved value. */
uint64_t a64_bit_mask(uint32_t insn)
{
    unsigned esize = bit_mask_size(insn);
    unsigned s = a64_bits(insn, 10, 6) & (esize - 1), r = a64_bits(insn, 16, 6) & (esize - 1);
    uint64_t ones = ~UINT64_C(0) >> (63 - s), v = r ? ones >> r | ones << (esize - r) : ones;
    if (esize < 64)
        v &= BIT(esize) - 1;
    for (unsigned w = esize; w < 64; w *= 2)
        v |= v << w;
    return v;
}

void a64_dec_logical_imm(struct a64_op *op, uint32_t insn)
{
    uint64_t v = a64_bit_mask(insn);
    unsigned opc = insn >> 29;
    op->rd = (opc & 3) == 3 ? a64_dst(a64_rd(insn)) : (uint8_t)a64_rd(insn); /* else SP */
    op->rn = a64_src(a64_rn(insn));
    op->imm = (int32_t)(uint32_t)v;
    if (!(opc & 4) || (uint64_t)(int64_t)op->imm == v) {
        op->fn = logic_sext[opc];
    } else if (v >> 32 == (uint32_t)v) {
        op->fn = logic_rep[opc];
    } else {
        unsigned esize = bit_mask_size(insn); /* 64: shorter ones repeat in 32 bits */
        op->rm = (uint8_t)(a64_bits(insn, 10, 6) & (esize - 1));
        op->ra = (uint8_t)(a64_bits(insn, 16, 6) & (esize - 1));
        op->fn = logic_run[opc];
    }
    if (op->fn == a64_op_orr64_sext && op->rn == A64_ZR)
        op->fn = a64_op_mov64_sext;
    else if (op->fn == a64_op_orr32_sext && op->rn == A64_ZR)
        op->fn = a64_op_mov64_u32;
}

/* ---- move wide ---- */
static A64_OP(mov64_n32)
{
    X(rd) = ~(uint64_t)(uint32_t)op->imm;
    A64_NEXT;
}

static A64_OP(mov64_hi)
{
    X(rd) = (uint64_t)(uint32_t)op->imm << 32;
    A64_NEXT;
}

static A64_OP(mov64_nhi)
{
    X(rd) = ~((uint64_t)(uint32_t)op->imm << 32);
    A64_NEXT;
}

#define MOVK(name, shift, keep)                                                                    \
    static A64_OP(name)                                                                            \
    {                                                                                              \
        X(rd) = (X(rd) & (keep) & ~(UINT64_C(0xffff) << (shift))) | (uint64_t)(uint32_t)op->imm    \
                                                                        << (shift);                \
        A64_NEXT;                                                                                  \
    }
MOVK(movk32_0, 0, UINT32_MAX)
MOVK(movk32_16, 16, UINT32_MAX)
MOVK(movk64_0, 0, UINT64_MAX)
MOVK(movk64_16, 16, UINT64_MAX)
MOVK(movk64_32, 32, UINT64_MAX)
MOVK(movk64_48, 48, UINT64_MAX)

void a64_dec_movwide(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const movk[] = {a64_op_movk32_0,  a64_op_movk32_16, a64_undef,
                                   a64_undef,        a64_op_movk64_0,  a64_op_movk64_16,
                                   a64_op_movk64_32, a64_op_movk64_48};
    unsigned opc = a64_bits(insn, 29, 2), hw = a64_bits(insn, 21, 2), sf = insn >> 31;
    uint32_t imm = a64_bits(insn, 5, 16), in_word = imm << hw % 2 * 16;
    op->rd = a64_dst(a64_rd(insn));
    if (opc == 3) {
        op->imm = (int32_t)imm;
        op->fn = movk[sf * 4 + hw];
    } else if (opc == 2) {
        op->imm = (int32_t)in_word;
        op->fn = hw < 2 ? a64_op_mov64_u32 : a64_op_mov64_hi;
    } else {
        op->imm = (int32_t)(sf ? in_word : ~in_word);
        op->fn = !sf ? a64_op_mov64_u32 : hw < 2 ? a64_op_mov64_n32 : a64_op_mov64_nhi;
    }
}

/* ---- PC-relative addresses ---- */
static A64_OP(adr_pc)
{
    X(rd) = a64_pc_of(cpu, op) + (uint64_t)(int64_t)op->imm;
    A64_NEXT;
}

static A64_OP(adrp_pc)
{
    X(rd) = cpu->page_va + (uint64_t)(int64_t)op->imm * 4096;
    A64_NEXT;
}

static int32_t adr_imm(uint32_t insn)
{
    return a64_sbits(insn, 5, 19) * 4 + (int32_t)a64_bits(insn, 29, 2);
}

void a64_dec_adr(struct a64_op *op, uint32_t insn)
{
    op->rd = a64_dst(a64_rd(insn));
    op->imm = adr_imm(insn);
    op->fn = a64_op_adr_pc;
}

void a64_dec_adrp(struct a64_op *op, uint32_t insn)
{
    op->rd = a64_dst(a64_rd(insn));
    op->imm = adr_imm(insn);
    op->fn = a64_op_adrp_pc;
}
