// SPDX-License-Identifier: MIT
/*
 * fp_conv.c - floating point in integers: comparison, minimum and maximum, conversion, rounding to
 * integral, estimates.
 *
 * Follows the pseudocode of Arm ARM DDI 0487J.a, shared/functions/float. Not there: FEAT_FP16
 * arithmetic, FEAT_AFP, FEAT_RPRES, FEAT_FRINTTS.
 */
#include "src/a64/fp.h"

/* ---- Comparison ---- */

/* Two operands as numbers that compare like their values; `nan` when one is a NaN, `snan` a
 * signaling one. */
struct fp_order {
    int64_t a, b;
    bool nan, snan;
};

static int64_t fp_key(const struct fp_fmt *f, uint64_t bits, const struct fp_num *n)
{
    int64_t magnitude = n->cls == FP_CLASS_ZERO ? 0 : (int64_t)(bits & ~fp_sign(f));
    return n->sign ? -magnitude : magnitude;
}

static struct fp_order fp_order_of(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a,
                                   uint64_t b)
{
    struct fp_num x = fp_unpack(cpu, f, a), y = fp_unpack(cpu, f, b);
    return (struct fp_order){
        .a = fp_key(f, a, &x),
        .b = fp_key(f, b, &y),
        .nan = x.cls >= FP_CLASS_QNAN || y.cls >= FP_CLASS_QNAN,
        .snan = x.cls == FP_CLASS_SNAN || y.cls == FP_CLASS_SNAN,
    };
}

static uint64_t fp_truth(const struct fp_fmt *f, bool v)
{
    return v ? ~UINT64_C(0) >> (64 - f->n) : 0;
}

uint64_t fp_cmeq(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    struct fp_order o = fp_order_of(cpu, f, a, b);
    if (o.snan)
        cpu->fpsr |= FPSR_IOC;
    return fp_truth(f, !o.nan && o.a == o.b);
}

uint64_t fp_cmge(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    struct fp_order o = fp_order_of(cpu, f, a, b);
    if (o.nan)
        cpu->fpsr |= FPSR_IOC;
    return fp_truth(f, !o.nan && o.a >= o.b);
}

uint64_t fp_cmgt(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    struct fp_order o = fp_order_of(cpu, f, a, b);
    if (o.nan)
        cpu->fpsr |= FPSR_IOC;
    return fp_truth(f, !o.nan && o.a > o.b);
}

uint64_t fp_acge(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_cmge(cpu, f, fp_abs(cpu, f, a), fp_abs(cpu, f, b));
}

uint64_t fp_acgt(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_cmgt(cpu, f, fp_abs(cpu, f, a), fp_abs(cpu, f, b));
}

uint32_t fp_compare(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b,
                    bool signal_nans)
{
    struct fp_order o = fp_order_of(cpu, f, a, b);
    if (o.snan || (o.nan && signal_nans))
        cpu->fpsr |= FPSR_IOC;
    unsigned nzcv = o.nan ? 3 : o.a == o.b ? 6 : o.a < o.b ? 8 : 2;
    return nzcv << 28;
}

/* ---- Minimum and maximum ---- */

static uint64_t fp_minmax(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b,
                          bool max)
{
    const struct fp_num n[2] = {fp_unpack(cpu, f, a), fp_unpack(cpu, f, b)};
    uint64_t out;
    if (fp_nans(cpu, f, (const uint64_t[]){a, b}, n, 2, &out))
        return out;
    int64_t ka = fp_key(f, a, &n[0]), kb = fp_key(f, b, &n[1]);
    if (!ka && !kb) /* +0 is the larger one */
        return (max ? n[0].sign && n[1].sign : n[0].sign || n[1].sign) ? fp_sign(f) : 0;
    bool first = max ? ka > kb : ka < kb;
    if (!(first ? ka : kb)) /* a flushed denormal is a zero of its sign */
        return n[!first].sign ? fp_sign(f) : 0;
    return first ? a : b;
}

/* A single quiet NaN counts as the infinity that loses. */
static uint64_t fp_minmaxnm(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b,
                            bool max)
{
    uint64_t loser = fp_inf(f) | (max ? fp_sign(f) : 0);
    enum fp_class x = fp_unpack(cpu, f, a).cls, y = fp_unpack(cpu, f, b).cls;
    if (x == FP_CLASS_QNAN && y != FP_CLASS_QNAN)
        a = loser;
    else if (x != FP_CLASS_QNAN && y == FP_CLASS_QNAN)
        b = loser;
    return fp_minmax(cpu, f, a, b, max);
}

uint64_t fp_max(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_minmax(cpu, f, a, b, true);
}

uint64_t fp_min(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_minmax(cpu, f, a, b, false);
}

uint64_t fp_maxnm(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_minmaxnm(cpu, f, a, b, true);
}

uint64_t fp_minnm(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_minmaxnm(cpu, f, a, b, false);
}

/* ---- Conversion between formats ---- */

uint64_t fp_convert(struct a64_cpu *cpu, const struct fp_fmt *to, const struct fp_fmt *from,
                    uint64_t a, enum fp_rm rm)
{
    struct fp_num n = fp_unpack(cpu, from, a);
    uint64_t sign = n.sign ? fp_sign(to) : 0;
    bool alt_half = to->n == 16 && cpu->fpcr & FPCR_AHP; /* no NaNs, no infinities */
    switch (n.cls) {
    case FP_CLASS_SNAN:
    case FP_CLASS_QNAN: {
        if (n.cls == FP_CLASS_SNAN || alt_half)
            cpu->fpsr |= FPSR_IOC;
        if (alt_half)
            return sign;
        if (cpu->fpcr & FPCR_DN)
            return fp_default_nan(to);
        /* FPConvertNaN(): the top of the fraction, quiet. */
        uint64_t frac = a & (BIT(from->f) - 1);
        frac = to->f > from->f ? frac << (to->f - from->f) : frac >> (from->f - to->f);
        return sign | fp_default_nan(to) | frac;
    }
    case FP_CLASS_INF:
        if (!alt_half)
            return sign | fp_inf(to);
        cpu->fpsr |= FPSR_IOC;
        return sign | 0x7fff;
    case FP_CLASS_ZERO:
        return sign;
    default:
        return fp_round(cpu, to, n.sign, n.exp, n.mant, rm);
    }
}

/* ---- Integers ---- */

/*
 * The magnitude of mant * 2^(exp - 63), rounded; *inexact when that changed it. False when it does
 * not fit 64 bits.
 */
static bool fp_magnitude(bool sign, int exp, uint64_t mant, enum fp_rm rm, uint64_t *mag,
                         bool *inexact)
{
    uint64_t frac; /* the part after the binary point, scaled by 2^64; 1 for anything tiny */
    *inexact = false;
    if (exp > 63)
        return false;
    if (exp >= 0) {
        *mag = mant >> (63 - exp);
        frac = exp == 63 ? 0 : mant << (exp + 1);
    } else {
        *mag = 0;
        frac = exp == -1 ? mant : 1;
    }
    bool up = false;
    switch (rm) {
    case FP_TIEEVEN:
        up = frac > BIT(63) || (frac == BIT(63) && *mag & 1);
        break;
    case FP_TIEAWAY:
        up = frac >= BIT(63);
        break;
    case FP_POSINF:
        up = frac && !sign;
        break;
    case FP_NEGINF:
        up = frac && sign;
        break;
    default:
        break;
    }
    *inexact = frac != 0;
    *mag += up;
    return *mag || !up;
}

uint64_t fp_to_fixed(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, unsigned n,
                     unsigned fbits, bool is_unsigned, enum fp_rm rm)
{
    struct fp_num v = fp_unpack(cpu, f, a);
    if (v.cls >= FP_CLASS_QNAN) {
        cpu->fpsr |= FPSR_IOC;
        return 0;
    }
    if (v.cls == FP_CLASS_ZERO)
        return 0;
    uint64_t ones = ~UINT64_C(0) >> (64 - n);
    uint64_t limit = is_unsigned ? (v.sign ? 0 : ones) : (ones >> 1) + v.sign;
    uint64_t mag;
    bool inexact;
    if (v.cls == FP_CLASS_INF ||
        !fp_magnitude(v.sign, v.exp + (int)fbits, v.mant, rm, &mag, &inexact) || mag > limit) {
        cpu->fpsr |= FPSR_IOC;
        mag = limit;
    } else if (inexact) {
        cpu->fpsr |= FPSR_IXC;
    }
    return (v.sign ? 0 - mag : mag) & ones;
}

uint64_t fp_from_fixed(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, unsigned fbits,
                       bool is_unsigned, enum fp_rm rm)
{
    bool sign = !is_unsigned && a >> 63;
    uint64_t mag = sign ? 0 - a : a;
    if (!mag)
        return 0;
    int lz = __builtin_clzll(mag);
    return fp_round(cpu, f, sign, 63 - lz - (int)fbits, mag << lz, rm);
}

uint64_t fp_round_int(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, enum fp_rm rm,
                      bool exact)
{
    struct fp_num v = fp_unpack(cpu, f, a);
    uint64_t sign = v.sign ? fp_sign(f) : 0;
    if (v.cls >= FP_CLASS_QNAN)
        return fp_nan(cpu, f, a);
    if (v.cls == FP_CLASS_ZERO)
        return sign;
    if (v.cls == FP_CLASS_INF || v.exp >= (int)f->f)
        return a;
    uint64_t mag = 0;
    bool inexact = false;
    fp_magnitude(v.sign, v.exp, v.mant, rm, &mag, &inexact); /* fits: exp is below 63 */
    if (inexact && exact)
        cpu->fpsr |= FPSR_IXC;
    if (!mag)
        return sign;
    int lz = __builtin_clzll(mag);
    return fp_round(cpu, f, v.sign, 63 - lz, mag << lz, FP_ZERO);
}

/* ---- Estimates ---- */

/* RecipEstimate(): of 256..511 (0.5 to 1.0), to 256..511 (1.0 to 2.0). */
static unsigned fp_recip_estimate(unsigned a)
{
    a = a * 2 + 1;
    unsigned b = (1u << 19) / a;
    return (b + 1) / 2;
}

/* RecipSqrtEstimate(): of 128..511 (0.25 to 1.0), to 256..511 (1.0 to 2.0). */
static unsigned fp_rsqrt_estimate(unsigned a)
{
    if (a < 256)
        a = a * 2 + 1;
    else
        a = ((a >> 1 << 1) + 1) * 2;
    unsigned b = 512;
    while (a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

/* The exponent field and the fraction, scaled to 52 bits, of a nonzero finite number. */
static uint64_t fp_fields(const struct fp_fmt *f, uint64_t a, int *exp)
{
    *exp = (int)(a >> f->f) & ((1 << f->e) - 1);
    return (a & (BIT(f->f) - 1)) << (52 - f->f);
}

uint64_t fp_recpe(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    struct fp_num v = fp_unpack(cpu, f, a);
    uint64_t sign = v.sign ? fp_sign(f) : 0;
    if (v.cls >= FP_CLASS_QNAN)
        return fp_nan(cpu, f, a);
    if (v.cls == FP_CLASS_INF)
        return sign;
    if (v.cls == FP_CLASS_ZERO) {
        cpu->fpsr |= FPSR_DZC;
        return sign | fp_inf(f);
    }
    int bias = (1 << (f->e - 1)) - 1;
    if (v.exp < -bias - 1) { /* below 2^-128 or 2^-1024: the reciprocal overflows */
        enum fp_rm rm = fp_rm(cpu);
        bool to_inf =
            rm == FP_TIEEVEN || (rm == FP_POSINF && !v.sign) || (rm == FP_NEGINF && v.sign);
        cpu->fpsr |= FPSR_OFC | FPSR_IXC;
        return sign | (fp_inf(f) - !to_inf);
    }
    if (cpu->fpcr & FPCR_FZ &&
        v.exp >= bias - 1) { /* from 2^126 or 2^1022: the reciprocal is denormal */
        cpu->fpsr |= FPSR_UFC;
        return sign;
    }
    int exp;
    uint64_t frac = fp_fields(f, a, &exp);
    if (!exp) {
        exp = frac >> 51 ? 0 : -1;
        frac = frac << (exp ? 2 : 1) & (BIT(52) - 1);
    }
    unsigned est = fp_recip_estimate(256 | (unsigned)(frac >> 44));
    int rexp = 2 * bias - 1 - exp; /* 253 - exp, 2045 - exp */
    frac = (uint64_t)(est & 255) << 44;
    if (rexp <= 0) { /* a denormal result */
        frac = (frac | BIT(52)) >> (1 - rexp);
        rexp = 0;
    }
    return sign | (uint64_t)rexp << f->f | frac >> (52 - f->f);
}

uint64_t fp_rsqrte(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    struct fp_num v = fp_unpack(cpu, f, a);
    if (v.cls >= FP_CLASS_QNAN)
        return fp_nan(cpu, f, a);
    if (v.cls == FP_CLASS_ZERO) {
        cpu->fpsr |= FPSR_DZC;
        return (v.sign ? fp_sign(f) : 0) | fp_inf(f);
    }
    if (v.sign) {
        cpu->fpsr |= FPSR_IOC;
        return fp_default_nan(f);
    }
    if (v.cls == FP_CLASS_INF)
        return 0;
    /* With a biased exponent that is odd (the bias is, too) the scaled operand is below one half.
     */
    int bias = (1 << (f->e - 1)) - 1;
    int exp = v.exp + bias;
    unsigned scaled = exp & 1 ? (unsigned)(v.mant >> 56) : (unsigned)(v.mant >> 55);
    unsigned est = fp_rsqrt_estimate(scaled);
    int rexp = (3 * bias - 1 - exp) / 2; /* (380 - exp) / 2, (3068 - exp) / 2: positive */
    return (uint64_t)rexp << f->f | (uint64_t)(est & 255) << (f->f - 8);
}

uint64_t fp_recpx(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    struct fp_num v = fp_unpack(cpu, f, a);
    if (v.cls >= FP_CLASS_QNAN)
        return fp_nan(cpu, f, a);
    uint64_t ones = BIT(f->e) - 1, exp = a >> f->f & ones;
    return (a & fp_sign(f)) | (exp ? ~exp & ones : ones - 1) << f->f;
}

uint32_t fp_urecpe(uint32_t a)
{
    return a >> 31 ? fp_recip_estimate(a >> 23) << 23 : UINT32_MAX;
}

uint32_t fp_ursqrte(uint32_t a)
{
    return a >> 30 ? fp_rsqrt_estimate(a >> 23) << 23 : UINT32_MAX;
}
