// SPDX-License-Identifier: MIT
/*
 * fp.c - FPCR and FPSR, packing and unpacking, and the arithmetic operations in integers.
 *
 * Follows the pseudocode of Arm ARM DDI 0487J.a, shared/functions/float. Tininess is detected
 * before rounding. Not there: trapped exceptions, FEAT_AFP, FEAT_FP16.
 */
#include "src/a64/fp_host.h"

typedef __uint128_t u128;

const struct fp_fmt fp_f16 = {16, 5, 10};
const struct fp_fmt fp_f32 = {32, 8, 23};
const struct fp_fmt fp_f64 = {64, 11, 52};

/* ---- FPCR and FPSR ---- */

uint32_t a64_fpsr_get(const struct a64_cpu *cpu)
{
#if A64_FP_SSE
    return cpu->fpsr | fp_mxcsr_fpsr(fp_mxcsr_get());
#else
    return cpu->fpsr;
#endif
}

void a64_fpsr_set(struct a64_cpu *cpu, uint32_t fpsr)
{
    cpu->fpsr = fpsr & A64_FPSR_MASK;
#if A64_FP_SSE
    fp_mxcsr_set(fp_mxcsr_of(cpu->fpcr));
#endif
}

void a64_fpcr_set(struct a64_cpu *cpu, uint32_t fpcr)
{
    cpu->fpcr = fpcr & A64_FPCR_MASK;
#if A64_FP_SSE
    fp_mxcsr_set(fp_mxcsr_of(cpu->fpcr) | (fp_mxcsr_get() & FP_MXCSR_FLAGS));
#endif
}

/* ---- Unpack, round, NaNs ---- */

/* FPUnpackBase(). A half is only ever a source of FCVT: never flushed, and FPCR.AHP counts. */
struct fp_num fp_unpack(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    uint64_t frac = a & (BIT(f->f) - 1);
    unsigned biased = (unsigned)(a >> f->f) & ((1u << f->e) - 1);
    struct fp_num r = {FP_CLASS_FINITE, a >> (f->n - 1) & 1, 0, 0};
    if (biased == (1u << f->e) - 1 && !(f->n == 16 && cpu->fpcr & FPCR_AHP)) {
        r.cls = !frac ? FP_CLASS_INF : frac >> (f->f - 1) ? FP_CLASS_QNAN : FP_CLASS_SNAN;
        return r;
    }
    int bias = (1 << (f->e - 1)) - 1;
    if (biased) {
        r.exp = (int)biased - bias;
        r.mant = (frac | BIT(f->f)) << (63 - f->f);
        return r;
    }
    if (frac && f->n != 16 && cpu->fpcr & FPCR_FZ) {
        cpu->fpsr |= FPSR_IDC;
        frac = 0;
    }
    if (!frac) {
        r.cls = FP_CLASS_ZERO;
        return r;
    }
    int lz = __builtin_clzll(frac);
    r.mant = frac << lz;
    r.exp = 1 - bias + (63 - (int)f->f) - lz;
    return r;
}

static bool fp_round_up(enum fp_rm rm, bool sign, bool odd, uint64_t rest, uint64_t half)
{
    switch (rm) {
    case FP_TIEEVEN:
        return rest > half || (rest == half && odd);
    case FP_TIEAWAY:
        return rest >= half;
    case FP_POSINF:
        return rest && !sign;
    case FP_NEGINF:
        return rest && sign;
    default:
        return false;
    }
}

uint64_t fp_round(struct a64_cpu *cpu, const struct fp_fmt *f, bool sign, int exp, uint64_t mant,
                  enum fp_rm rm)
{
    uint64_t signbit = sign ? fp_sign(f) : 0;
    int emin = 2 - (1 << (f->e - 1));
    uint64_t below =
        0; /* the biased exponent, less the one that the integer bit will carry into it */
    bool tiny = exp < emin;
    if (tiny) {
        if (f->n != 16 && cpu->fpcr & FPCR_FZ) {
            cpu->fpsr |= FPSR_UFC;
            return signbit;
        }
        unsigned sh = (unsigned)(emin - exp);
        mant = sh > 63 ? 1 : mant >> sh | ((mant << (64 - sh)) != 0);
    } else {
        below = (uint64_t)(exp - emin);
    }
    unsigned drop = 63 - f->f;
    uint64_t rest = mant & (BIT(drop) - 1);
    mant >>= drop;
    if (tiny && rest)
        cpu->fpsr |= FPSR_UFC;
    if (rm == FP_ODD)
        mant |= rest != 0;
    else
        mant += fp_round_up(rm, sign, mant & 1, rest, BIT(drop - 1));
    uint64_t r = (below << f->f) + mant; /* a carry out of the fraction moves the exponent on */

    if (f->n == 16 && cpu->fpcr & FPCR_AHP) {
        if (r >> 15) {
            cpu->fpsr |= FPSR_IOC;
            return signbit | 0x7fff;
        }
    } else if (r >= fp_inf(f)) {
        bool to_inf = rm == FP_TIEEVEN || rm == FP_TIEAWAY || (rm == FP_POSINF && !sign) ||
                      (rm == FP_NEGINF && sign);
        r = fp_inf(f) - !to_inf;
        rest = 1;
        cpu->fpsr |= FPSR_OFC;
    }
    if (rest)
        cpu->fpsr |= FPSR_IXC;
    return signbit | r;
}

uint64_t fp_nan(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    uint64_t quiet = BIT(f->f - 1);
    if (!(a & quiet))
        cpu->fpsr |= FPSR_IOC;
    return cpu->fpcr & FPCR_DN ? fp_default_nan(f) : a | quiet;
}

bool fp_nans(struct a64_cpu *cpu, const struct fp_fmt *f, const uint64_t *bits,
             const struct fp_num *nums, unsigned n, uint64_t *out)
{
    for (enum fp_class cls = FP_CLASS_SNAN; cls >= FP_CLASS_QNAN; cls--)
        for (unsigned i = 0; i < n; i++)
            if (nums[i].cls == cls) {
                *out = fp_nan(cpu, f, bits[i]);
                return true;
            }
    return false;
}

/* An invalid operation: IOC and the default NaN. */
static uint64_t fp_invalid(struct a64_cpu *cpu, const struct fp_fmt *f)
{
    cpu->fpsr |= FPSR_IOC;
    return fp_default_nan(f);
}

static uint64_t fp_signed(const struct fp_fmt *f, bool sign, uint64_t magnitude)
{
    return (sign ? fp_sign(f) : 0) | magnitude;
}

/* Two operands unpacked, or the NaN that is the result. */
struct fp_pair {
    struct fp_num a, b;
    bool done;
    uint64_t out;
};

static struct fp_pair fp_pair_of(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a,
                                 uint64_t b)
{
    struct fp_num nums[2] = {fp_unpack(cpu, f, a), fp_unpack(cpu, f, b)};
    struct fp_pair p = {nums[0], nums[1], false, 0};
    p.done = fp_nans(cpu, f, (const uint64_t[]){a, b}, nums, 2, &p.out);
    return p;
}

static bool fp_inf_by_zero(const struct fp_num *a, const struct fp_num *b)
{
    return (a->cls == FP_CLASS_INF && b->cls == FP_CLASS_ZERO) ||
           (a->cls == FP_CLASS_ZERO && b->cls == FP_CLASS_INF);
}

/* ---- Sums of products: 128 bits hold a product of two mantissas exactly ---- */

/* mant * 2^(exp - 124); mant is below 2^126 and may be 0. */
struct fp_term {
    bool sign;
    int exp;
    u128 mant;
};

static struct fp_term fp_term_of(const struct fp_num *a)
{
    return (struct fp_term){a->sign, a->exp, (u128)a->mant << 61};
}

/* Exact: mantissas have 53 bits at most, so the product ends in 22 zeros. */
static struct fp_term fp_term_mul(const struct fp_num *a, const struct fp_num *b)
{
    return (struct fp_term){a->sign != b->sign, a->exp + b->exp, (u128)a->mant * b->mant >> 2};
}

static uint64_t fp_round_term(struct a64_cpu *cpu, const struct fp_fmt *f, struct fp_term t)
{
    uint64_t hi = (uint64_t)(t.mant >> 64);
    int lz = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)t.mant);
    t.mant <<= lz;
    uint64_t m = (uint64_t)(t.mant >> 64) | ((uint64_t)t.mant != 0);
    return fp_round(cpu, f, t.sign, t.exp + 3 - lz, m, fp_rm(cpu));
}

/* The rounded sum; an exact 0 takes its sign from the rounding mode. */
static uint64_t fp_round_sum(struct a64_cpu *cpu, const struct fp_fmt *f, struct fp_term a,
                             struct fp_term b)
{
    if (!b.mant || (a.mant && a.exp < b.exp)) {
        struct fp_term t = a;
        a = b;
        b = t;
    }
    /* Now b is the term that may be shifted down unless a is 0: order by exponent, zeros first. */
    if (a.mant && b.mant) {
        unsigned d = (unsigned)(a.exp - b.exp);
        b.mant = d > 127 ? 1 : d ? b.mant >> d | ((b.mant << (128 - d)) != 0) : b.mant;
        b.exp = a.exp;
    }
    if (a.sign == b.sign) {
        b.mant += a.mant;
    } else if (b.mant >= a.mant) {
        b.mant -= a.mant;
    } else {
        b.mant = a.mant - b.mant;
        b.sign = a.sign;
    }
    if (!b.mant)
        return fp_signed(f, fp_rm(cpu) == FP_NEGINF, 0);
    return fp_round_term(cpu, f, b);
}

static uint64_t fp_addsub(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b,
                          bool sub)
{
    struct fp_pair p = fp_pair_of(cpu, f, a, b);
    if (p.done)
        return p.out;
    p.b.sign ^= sub;
    if (p.a.cls == FP_CLASS_INF && p.b.cls == FP_CLASS_INF && p.a.sign != p.b.sign)
        return fp_invalid(cpu, f);
    if (p.a.cls == FP_CLASS_INF)
        return fp_signed(f, p.a.sign, fp_inf(f));
    if (p.b.cls == FP_CLASS_INF)
        return fp_signed(f, p.b.sign, fp_inf(f));
    if (p.a.cls == FP_CLASS_ZERO && p.b.cls == FP_CLASS_ZERO && p.a.sign == p.b.sign)
        return fp_signed(f, p.a.sign, 0);
    return fp_round_sum(cpu, f, fp_term_of(&p.a), fp_term_of(&p.b));
}

uint64_t fp_add(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_addsub(cpu, f, a, b, false);
}

uint64_t fp_sub(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_addsub(cpu, f, a, b, true);
}

uint64_t fp_abd(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_abs(cpu, f, fp_sub(cpu, f, a, b));
}

static uint64_t fp_product(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b,
                           bool mulx)
{
    struct fp_pair p = fp_pair_of(cpu, f, a, b);
    if (p.done)
        return p.out;
    bool sign = p.a.sign != p.b.sign;
    if (fp_inf_by_zero(&p.a, &p.b)) {
        if (!mulx)
            return fp_invalid(cpu, f);
        return fp_signed(f, sign, BIT(f->n - 2)); /* 2.0: only the top bit of the exponent */
    }
    if (p.a.cls == FP_CLASS_INF || p.b.cls == FP_CLASS_INF)
        return fp_signed(f, sign, fp_inf(f));
    if (p.a.cls == FP_CLASS_ZERO || p.b.cls == FP_CLASS_ZERO)
        return fp_signed(f, sign, 0);
    return fp_round_term(cpu, f, fp_term_mul(&p.a, &p.b));
}

uint64_t fp_mul(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_product(cpu, f, a, b, false);
}

uint64_t fp_mulx(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_product(cpu, f, a, b, true);
}

uint64_t fp_nmul(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_neg(cpu, f, fp_mul(cpu, f, a, b));
}

uint64_t fp_muladd(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t addend, uint64_t a,
                   uint64_t b)
{
    const uint64_t bits[3] = {addend, a, b};
    const struct fp_num n[3] = {fp_unpack(cpu, f, addend), fp_unpack(cpu, f, a),
                                fp_unpack(cpu, f, b)};
    const struct fp_num *c = &n[0];
    uint64_t out;
    bool done = fp_nans(cpu, f, bits, n, 3, &out);
    bool inf_by_zero = fp_inf_by_zero(&n[1], &n[2]);
    if (c->cls == FP_CLASS_QNAN && inf_by_zero)
        return fp_invalid(cpu, f);
    if (done)
        return out;
    bool sign = n[1].sign != n[2].sign;
    bool inf = n[1].cls == FP_CLASS_INF || n[2].cls == FP_CLASS_INF;
    bool zero = n[1].cls == FP_CLASS_ZERO || n[2].cls == FP_CLASS_ZERO;
    if (inf_by_zero || (c->cls == FP_CLASS_INF && inf && c->sign != sign))
        return fp_invalid(cpu, f);
    if (c->cls == FP_CLASS_INF)
        return fp_signed(f, c->sign, fp_inf(f));
    if (inf)
        return fp_signed(f, sign, fp_inf(f));
    if (zero && c->cls == FP_CLASS_ZERO && c->sign == sign)
        return fp_signed(f, sign, 0);
    /* A ZERO has mant 0, so its term and its product are 0. */
    return fp_round_sum(cpu, f, fp_term_of(c), fp_term_mul(&n[1], &n[2]));
}

/*
 * (constant + (-a) * b) >> halve: the Newton steps of division (2.0) and of the square root (3.0,
 * halved). The negation comes first, so a NaN in `a` comes out with its sign changed.
 */
static uint64_t fp_step(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b,
                        bool rsqrt)
{
    struct fp_pair p = fp_pair_of(cpu, f, fp_neg(cpu, f, a), b);
    if (p.done)
        return p.out;
    if (fp_inf_by_zero(&p.a, &p.b)) /* 2.0 or 1.5 */
        return rsqrt ? (BIT(f->e - 1) - 1) << f->f | BIT(f->f - 1) : BIT(f->n - 2);
    if (p.a.cls == FP_CLASS_INF || p.b.cls == FP_CLASS_INF)
        return fp_signed(f, p.a.sign != p.b.sign, fp_inf(f));
    struct fp_term k = {false, 1, (u128)(rsqrt ? 3 : 2) << 123};
    struct fp_term t = fp_term_mul(&p.a, &p.b);
    k.exp -= rsqrt;
    t.exp -= rsqrt;
    return fp_round_sum(cpu, f, k, t);
}

uint64_t fp_recps(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_step(cpu, f, a, b, false);
}

uint64_t fp_rsqrts(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    return fp_step(cpu, f, a, b, true);
}

/* ---- Division and square root ---- */

uint64_t fp_div(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b)
{
    struct fp_pair p = fp_pair_of(cpu, f, a, b);
    if (p.done)
        return p.out;
    bool sign = p.a.sign != p.b.sign;
    if (p.a.cls == p.b.cls && p.a.cls != FP_CLASS_FINITE)
        return fp_invalid(cpu, f);
    if (p.a.cls == FP_CLASS_INF || p.b.cls == FP_CLASS_ZERO) {
        if (p.a.cls != FP_CLASS_INF)
            cpu->fpsr |= FPSR_DZC;
        return fp_signed(f, sign, fp_inf(f));
    }
    if (p.a.cls == FP_CLASS_ZERO || p.b.cls == FP_CLASS_INF)
        return fp_signed(f, sign, 0);
    /* Mantissas in [2^63, 2^64): the quotient, scaled by 2^63, has 63 or 64 bits. */
    u128 n = (u128)p.a.mant << 63;
    uint64_t q = (uint64_t)(n / p.b.mant);
    bool sticky = n % p.b.mant != 0;
    int exp = p.a.exp - p.b.exp;
    if (!(q >> 63)) {
        q <<= 1;
        exp--;
    }
    return fp_round(cpu, f, sign, exp, q | sticky, fp_rm(cpu));
}

uint64_t fp_sqrt(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    struct fp_num n = fp_unpack(cpu, f, a);
    if (n.cls >= FP_CLASS_QNAN)
        return fp_nan(cpu, f, a);
    if (n.cls == FP_CLASS_ZERO)
        return fp_signed(f, n.sign, 0);
    if (n.sign)
        return fp_invalid(cpu, f);
    if (n.cls == FP_CLASS_INF)
        return fp_inf(f);
    /* An even exponent, and a radicand in [2^126, 2^128): the root has 64 bits. One bit at a time.
     */
    int odd = n.exp & 1;
    u128 rest = (u128)n.mant << (63 + odd);
    u128 root = 0;
    for (u128 bit = (u128)1 << 126; bit; bit >>= 2) {
        u128 trial = root + bit;
        root >>= 1;
        if (rest >= trial) {
            rest -= trial;
            root += bit;
        }
    }
    return fp_round(cpu, f, false, (n.exp - odd) / 2, (uint64_t)root | (rest != 0), fp_rm(cpu));
}

/* ---- Sign ---- */

uint64_t fp_abs(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    (void)cpu;
    return a & ~fp_sign(f);
}

uint64_t fp_neg(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a)
{
    (void)cpu;
    return a ^ fp_sign(f);
}
