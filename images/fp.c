// SPDX-License-Identifier: MIT
/*
 * fp.c - scalar and vector floating point by value: rounding modes, flags, NaNs, denormals, fused
 * operations, conversions, and the trap that lets an OS switch FP state lazily.
 *
 * Arm ARM DDI 0487J.a: A1.4 and A1.5 (formats, NaNs, flush to zero), C5.2.8 FPCR, C5.2.10 FPSR,
 * D17.2.30 CPACR_EL1. The patterns are IEEE 754's: 1/3 = 0x3fd5555555555555 with 0x...5 following,
 * and so on.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

#define RN    0ull
#define RP    (1ull << 22)
#define RM    (2ull << 22)
#define RZ    (3ull << 22)
#define FZ    (1ull << 24)
#define DN    (1ull << 25)
#define AHP   (1ull << 26)
#define IOC   0x01
#define DZC   0x02
#define OFC   0x04
#define UFC   0x08
#define IXC   0x10
#define IDC   0x80
#define QC    (1u << 27)
#define ONE   0x3ff0000000000000ull
#define TWO   0x4000000000000000ull
#define THREE 0x4008000000000000ull
#define INF   0x7ff0000000000000ull
#define SIGN  0x8000000000000000ull
#define QNAN  0x7ff8000000000000ull
#define MAX   0x7fefffffffffffffull
#define TINY  1ull /* the smallest denormal */

/* d2 = insn(d0, d1, d3) under FPCR; the result, and FPSR in *flags. */
#define OP(insn, fpcr_, a, b, c, flags)                                                            \
    ({                                                                                             \
        uint64_t r_, f_;                                                                           \
        __asm__ volatile(                                                                          \
            ".arch_extension fp\n\t.arch_extension simd\n\t"                                       \
            "msr fpcr, %2\n\tmsr fpsr, xzr\n\tfmov d0, %3\n\tfmov d1, %4\n\tfmov d3, %5\n\t" insn  \
            "\n\tfmov %0, d2\n\tmrs %1, fpsr\n\tmsr fpcr, xzr"                                     \
            : "=&r"(r_), "=&r"(f_)                                                                 \
            : "r"((uint64_t)(fpcr_)), "r"((uint64_t)(a)), "r"((uint64_t)(b)), "r"((uint64_t)(c))   \
            : "x9", "cc");                                                                         \
        *(flags) = f_;                                                                             \
        r_;                                                                                        \
    })

static void both(uint64_t got, uint64_t flags, uint64_t want, uint64_t want_flags, const char *name)
{
    check(got == want && flags == want_flags, name);
    if (got != want || flags != want_flags) {
        put_text("# got ");
        put_hex(got);
        put_text(" flags ");
        put_hex(flags);
        put_text(", want ");
        put_hex(want);
        put_text(" flags ");
        put_hex(want_flags);
        put_char('\n');
    }
}

static void rounding(void)
{
    uint64_t f, r;
    r = OP("fdiv d2, d0, d1", RN, ONE, THREE, 0, &f);
    both(r, f, 0x3fd5555555555555, IXC, "1/3 to nearest");
    r = OP("fdiv d2, d0, d1", RP, ONE, THREE, 0, &f);
    both(r, f, 0x3fd5555555555556, IXC, "1/3 up");
    r = OP("fdiv d2, d0, d1", RM, ONE, THREE, 0, &f);
    both(r, f, 0x3fd5555555555555, IXC, "1/3 down");
    r = OP("fdiv d2, d0, d1", RM, ONE | SIGN, THREE, 0, &f);
    both(r, f, 0xbfd5555555555556, IXC, "-1/3 down");
    r = OP("fdiv d2, d0, d1", RZ, ONE | SIGN, THREE, 0, &f);
    both(r, f, 0xbfd5555555555555, IXC, "-1/3 to zero");
    r = OP("fadd d2, d0, d1", RN, ONE, ONE, 0, &f);
    both(r, f, TWO, 0, "1 + 1 is exact: no flag");
    r = OP("fsub d2, d0, d1", RM, ONE, ONE, 0, &f);
    both(r, f, SIGN, 0, "1 - 1 is -0 when rounding down");
    r = OP("fadd d2, d0, d1", RN, MAX, MAX, 0, &f);
    both(r, f, INF, OFC | IXC, "overflow to infinity");
    r = OP("fadd d2, d0, d1", RZ, MAX, MAX, 0, &f);
    both(r, f, MAX, OFC | IXC, "overflow to the largest number when rounding to zero");
    r = OP("fdiv d2, d0, d1", RN, ONE, 0, 0, &f);
    both(r, f, INF, DZC, "1/0");
    r = OP("fsqrt d2, d0", RN, TWO, 0, 0, &f);
    both(r, f, 0x3ff6a09e667f3bcd, IXC, "square root of 2");
}

static void nans(void)
{
    uint64_t f, r;
    r = OP("fsqrt d2, d0", RN, ONE | SIGN, 0, 0, &f);
    both(r, f, QNAN, IOC, "A1.5.2: the square root of -1 is the default NaN, positive");
    r = OP("fdiv d2, d0, d1", RN, 0, 0, 0, &f);
    both(r, f, QNAN, IOC, "0/0 too");
    r = OP("fadd d2, d0, d1", RN, ONE, 0x7ff0000000000123, 0, &f);
    both(r, f, 0x7ff8000000000123, IOC, "A1.5.4: a signaling operand is quieted and wins");
    r = OP("fadd d2, d0, d1", RN, 0xfff8000000000042, 0x7ff8000000000011, 0, &f);
    both(r, f, 0xfff8000000000042, 0, "of two quiet NaNs the first");
    r = OP("fadd d2, d0, d1", RN, 0x7ff8000000000042, 0x7ff0000000000011, 0, &f);
    both(r, f, 0x7ff8000000000011, IOC, "a signaling one before a quiet one");
    r = OP("fadd d2, d0, d1", DN, ONE, 0xfff8000000000042, 0, &f);
    both(r, f, QNAN, 0, "FPCR.DN: the default NaN instead");
    r = OP("fmaxnm d2, d0, d1", RN, ONE, QNAN, 0, &f);
    both(r, f, ONE, 0, "FMAXNM takes the number");
    r = OP("fmax d2, d0, d1", RN, ONE, QNAN, 0, &f);
    both(r, f, QNAN, 0, "FMAX the NaN");
    r = OP("fmin d2, d0, d1", RN, 0, SIGN, 0, &f);
    both(r, f, SIGN, 0, "FMIN of 0 and -0 is -0");
}

static void denormals(void)
{
    uint64_t f, r;
    r = OP("fadd d2, d0, d1", RN, TINY, TINY, 0, &f);
    both(r, f, 2, 0, "denormals add exactly");
    r = OP("fadd d2, d0, d1", FZ, TINY, ONE, 0, &f);
    both(r, f, ONE, IDC, "A1.5.1: FZ takes a denormal operand as 0 and says so");
    r = OP("fmul d2, d0, d1", FZ, 0x0010000000000000, 0x3fe0000000000000, 0, &f);
    both(r, f, 0, UFC, "A1.5.1: FZ flushes a denormal result");
    r = OP("fmul d2, d0, d1", RN, 0x0010000000000001, 0x3fe0000000000000, 0, &f);
    both(r, f, 0x0008000000000000, UFC | IXC, "an inexact denormal underflows");
}

static void fused_and_converted(void)
{
    uint64_t f, r;
    /* (1 + 2^-52)^2 - (1 + 2^-51) = 2^-104, lost when the product is rounded. */
    r = OP("fnmsub d2, d0, d1, d3", RN, ONE + 1, ONE + 1, ONE + 2, &f);
    both(r, f, 0x3970000000000000, 0, "one rounding in a fused multiply and subtract");
    r = OP("fcvtzs x9, d0\n\tfmov d2, x9", RN, 0x43e0000000000000, 0, 0, &f);
    both(r, f, 0x7fffffffffffffff, IOC, "FCVTZS of 2^63 saturates");
    r = OP("fcvtzu x9, d0\n\tfmov d2, x9", RN, ONE | SIGN, 0, 0, &f);
    both(r, f, 0, IOC, "FCVTZU of -1 is 0");
    r = OP("fcvtns x9, d0\n\tfmov d2, x9", RP, 0x4004000000000000, 0, 0, &f);
    both(r, f, 2, IXC, "FCVTNS of 2.5 is 2, whatever FPCR says");
    r = OP("fcvtas x9, d0\n\tfmov d2, x9", RN, 0x4004000000000000, 0, 0, &f);
    both(r, f, 3, IXC, "FCVTAS of 2.5 is 3");
    r = OP("frintx d2, d0", RM, 0x4004000000000000, 0, 0, &f);
    both(r, f, TWO, IXC, "FRINTX of 2.5 down is 2, inexact");
    r = OP("frintn d2, d0", RN, 0x400c000000000000, 0, 0, &f);
    both(r, f, 0x4010000000000000, 0, "FRINTN of 3.5 is 4, no flag");
    r = OP("fcvt h2, d0", RN, 0x40f0000000000000, 0, 0, &f);
    both(r, f, 0x7c00, OFC | IXC, "65536 as a half overflows");
    r = OP("fcvt h2, d0", AHP, 0x40f0000000000000, 0, 0, &f);
    both(r, f, 0x7c00, 0, "A1.4.3: and fits the alternative format");
    r = OP("fcvt s2, d0", RN, 0x3fd5555555555555, 0, 0, &f);
    both(r, f, 0x3eaaaaab, IXC, "1/3 as a single");
    r = OP("frecpe d2, d0", RN, TWO, 0, 0, &f);
    both(r, f, 0x3fdff00000000000, 0, "FRECPE of 2 (J1.1.3: 8 bits)");
    r = OP("frsqrte d2, d0", RN, 0x4010000000000000, 0, 0, &f);
    both(r, f, 0x3fdff00000000000, 0, "FRSQRTE of 4");
}

static void compare(uint64_t a, uint64_t b, bool signaling, uint64_t nzcv, uint64_t flags,
                    const char *name)
{
    uint64_t f, r;
    if (signaling)
        r = OP("fcmpe d0, d1\n\tmrs x9, nzcv\n\tfmov d2, x9", RN, a, b, 0, &f);
    else
        r = OP("fcmp d0, d1\n\tmrs x9, nzcv\n\tfmov d2, x9", RN, a, b, 0, &f);
    both(r >> 28, f, nzcv, flags, name);
}

static void vectors(void)
{
    uint64_t f, r;
    r = OP("fadd v2.2s, v0.2s, v1.2s", RN, 0x3f80000040000000, 0x3f8000003f800000, 0, &f);
    both(r, f, 0x4000000040400000, 0, "two lanes: {2, 1} + {1, 1}");
    r = OP("sqadd v2.4h, v0.4h, v1.4h", RN, 0x7fff000180000005, 0x00010001ffff0003, 0, &f);
    both(r, f, 0x7fff000280000008, QC, "SQADD saturates and sets FPSR.QC");
    r = OP("tbl v2.8b, {v0.16b}, v1.8b", RN, 0x8877665544332211, 0xff00070610020001, 0, &f);
    both(r, f, 0x0011887700331122, 0, "TBL: out of range gives 0");
    r = OP("cnt v2.8b, v0.8b", RN, 0xff80010f00aa5533, 0, 0, &f);
    both(r, f, 0x0801010400040404, 0, "CNT counts bits by bytes");
    r = OP("uaddlv h2, v0.8b", RN, 0xffffffffffffffff, 0, 0, &f);
    both(r, f, 0x7f8, 0, "UADDLV: eight times 255");
    r = OP("rev64 v2.8b, v0.8b", RN, 0x0102030405060708, 0, 0, &f);
    both(r, f, 0x0807060504030201, 0, "REV64");
    r = OP("pmul v2.8b, v0.8b, v1.8b", RN, 0x03, 0x07, 0, &f);
    both(r, f, 0x09, 0, "PMUL: 3 by 7 without carries is 9");
}

static void lazy_trap(void)
{
    write_sysreg(cpacr_el1, 0);
    uint64_t at;
    trap_arm();
    __asm__ volatile(".arch_extension fp\n\tadr %0, 1f\n1:\tfmov d0, xzr" : "=&r"(at));
    /* COND is 0b1110 and CV is 1 for A64 */
    check_eq(trap_last.esr, (uint64_t)EC_FP << 26 | 1 << 25 | 1 << 24 | 0xe << 20,
             "D17.2.37: FP with CPACR.FPEN 0: EC 0x07");
    check_eq(trap_last.elr, at, "and ELR is the instruction");
    trap_arm();
    __asm__ volatile("mrs x9, fpcr" ::: "x9");
    check_eq(trap_count, 1, "FPCR traps with it");
    write_sysreg(cpacr_el1, 1ull << 20); /* EL0 only traps */
    trap_arm();
    __asm__ volatile(".arch_extension fp\n\tfmov d0, xzr");
    check_eq(trap_count, 0, "FPEN 0b01: EL1 does not trap");
    write_sysreg(cpacr_el1, 3ull << 20);
}

int guest_main(void)
{
    rounding();
    nans();
    denormals();
    fused_and_converted();
    compare(ONE, TWO, false, 8, 0, "FCMP less: N");
    compare(ONE, ONE, false, 6, 0, "FCMP equal: Z and C");
    compare(TWO, ONE, false, 2, 0, "FCMP greater: C");
    compare(ONE, QNAN, false, 3, 0, "FCMP unordered: C and V, a quiet NaN raises nothing");
    compare(ONE, QNAN, true, 3, IOC, "FCMPE of a quiet NaN raises IOC");
    vectors();
    lazy_trap();
    return guest_done();
}
