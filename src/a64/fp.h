// SPDX-License-Identifier: MIT
/*
 * fp.h - floating point of the software ARM64 CPU: FPCR and FPSR, and exact arithmetic on bit
 * patterns.
 *
 * Two ways lead to a result. fp_host.h lets the host's FPU do it, where that gives the same bits
 * and the same flags; the functions here do it in integers, exactly as the pseudocode of Arm ARM
 * DDI 0487J.a (shared/functions/float) says, for all formats, rounding modes and FPCR settings.
 *
 * While a guest runs on an x86-64 host, MXCSR holds the guest's rounding mode, and its sticky flags
 * gather the guest's: FPSR is cpu->fpsr plus those. Exact functions set flags in cpu->fpsr. Between
 * a64_fp_leave() and a64_fp_enter() cpu->fpsr is the whole truth, and both registers may be written
 * as plain fields.
 */
#ifndef A64_FP_H
#define A64_FP_H

#include "src/a64/cpu.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define A64_FP_SSE 1
#else
#define A64_FP_SSE 0
#endif

/* FPSR cumulative exception bits (Arm ARM C5.2.10). */
enum {
    FPSR_IOC = 1 << 0,
    FPSR_DZC = 1 << 1,
    FPSR_OFC = 1 << 2,
    FPSR_UFC = 1 << 3,
    FPSR_IXC = 1 << 4,
    FPSR_IDC = 1 << 7,
};

/* FPCR fields (Arm ARM C5.2.8). */
enum {
    FPCR_RMODE_SHIFT = 22,
    FPCR_RMODE = 3 << 22,
    FPCR_FZ = 1 << 24,
    FPCR_DN = 1 << 25,
    FPCR_AHP = 1 << 26,
};

/* Writable bits: no trapped exceptions, no FP16 arithmetic, no AArch32 (Len, Stride, NZCV). */
#define A64_FPCR_MASK ((uint32_t)(FPCR_RMODE | FPCR_FZ | FPCR_DN | FPCR_AHP))
/* QC and the flags. */
#define A64_FPSR_MASK                                                                              \
    ((uint32_t)(1u << 27 | FPSR_IDC | FPSR_IXC | FPSR_UFC | FPSR_OFC | FPSR_DZC | FPSR_IOC))

/* Rounding modes: the first four as FPCR.RMode has them. */
enum fp_rm { FP_TIEEVEN, FP_POSINF, FP_NEGINF, FP_ZERO, FP_TIEAWAY, FP_ODD };

static inline enum fp_rm fp_rm(const struct a64_cpu *cpu)
{
    return (enum fp_rm)(cpu->fpcr >> FPCR_RMODE_SHIFT & 3);
}

/* ---- FPCR and FPSR: for run() and for MRS/MSR, on the thread that runs the guest ---- */

/* MSR and MRS between a64_fp_enter() and a64_fp_leave(). */
uint32_t a64_fpsr_get(const struct a64_cpu *cpu);
void a64_fpsr_set(struct a64_cpu *cpu, uint32_t fpsr);
void a64_fpcr_set(struct a64_cpu *cpu, uint32_t fpcr);

#if A64_FP_SSE
#define FP_MXCSR_FLAGS 0x3fu   /* Intel SDM vol. 1 10.2.3: IE DE ZE OE UE PE, sticky */
#define FP_MXCSR_MASKS 0x1f80u /* all exceptions masked, no DAZ, no FTZ, round to nearest */

static inline uint32_t fp_mxcsr_get(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v) : : "memory");
    return v;
}

static inline void fp_mxcsr_set(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v) : "memory");
}

/* The guest's rounding mode, no flags. RC counts nearest, down, up, zero; RMode nearest, up, down,
 * zero. */
static inline uint32_t fp_mxcsr_of(uint32_t fpcr)
{
    return FP_MXCSR_MASKS | (fpcr >> 22 & 1) << 14 | (fpcr >> 23 & 1) << 13;
}

/* FPSR flags of an MXCSR: IE ZE OE UE PE are IOC DZC OFC UFC IXC; DE is not Arm's IDC. */
static inline uint32_t fp_mxcsr_fpsr(uint32_t mxcsr)
{
    return (mxcsr & 1) | (mxcsr >> 1 & 0x1e);
}

/*
 * Called when run() starts and before it returns. enter gives back what leave wants: the host's
 * MXCSR. Code in between must not use floating point of its own.
 */
static inline uint32_t a64_fp_enter(const struct a64_cpu *cpu)
{
    uint32_t host = fp_mxcsr_get();
    fp_mxcsr_set(fp_mxcsr_of(cpu->fpcr));
    return host;
}

static inline void a64_fp_leave(struct a64_cpu *cpu, uint32_t host)
{
    cpu->fpsr |= fp_mxcsr_fpsr(fp_mxcsr_get());
    fp_mxcsr_set(host);
}
#else
static inline uint32_t a64_fp_enter(const struct a64_cpu *cpu)
{
    (void)cpu;
    return 0;
}

static inline void a64_fp_leave(struct a64_cpu *cpu, uint32_t host)
{
    (void)cpu;
    (void)host;
}
#endif

/* ---- Exact arithmetic. Values are bit patterns in the low bits; flags are ORed into cpu->fpsr.
 * ---- */

/* A format: total, exponent and fraction bits. */
struct fp_fmt {
    unsigned n, e, f;
};

extern const struct fp_fmt fp_f16, fp_f32, fp_f64; /* half: FCVT only */

static inline uint64_t fp_sign(const struct fp_fmt *f)
{
    return BIT(f->n - 1);
}

/* +infinity: all ones in the exponent. */
static inline uint64_t fp_inf(const struct fp_fmt *f)
{
    return (BIT(f->e) - 1) << f->f;
}

static inline uint64_t fp_default_nan(const struct fp_fmt *f)
{
    return fp_inf(f) | BIT(f->f - 1);
}

static inline bool fp_is_nan(const struct fp_fmt *f, uint64_t a)
{
    return (a & ~fp_sign(f)) > fp_inf(f);
}

enum fp_class { FP_CLASS_ZERO, FP_CLASS_FINITE, FP_CLASS_INF, FP_CLASS_QNAN, FP_CLASS_SNAN };

/* FPUnpack(): a FINITE one is mant * 2^(exp - 63), with bit 63 of mant set. */
struct fp_num {
    enum fp_class cls;
    bool sign;
    int exp;
    uint64_t mant;
};

struct fp_num fp_unpack(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a);

/* FPRoundBase(): packs mant * 2^(exp - 63); bit 63 of mant is set, bit 0 stands for all below it.
 */
uint64_t fp_round(struct a64_cpu *cpu, const struct fp_fmt *f, bool sign, int exp, uint64_t mant,
                  enum fp_rm rm);

/* FPProcessNaN(): what a NaN operand becomes as a result. */
uint64_t fp_nan(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a);

/* FPProcessNaNs(), with the unpacked operands beside the bit patterns: true and *out when one is a
 * NaN. */
bool fp_nans(struct a64_cpu *cpu, const struct fp_fmt *f, const uint64_t *bits,
             const struct fp_num *nums, unsigned n, uint64_t *out);

typedef uint64_t fp_fn1(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a);
typedef uint64_t fp_fn2(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b);

fp_fn2 fp_add, fp_sub, fp_mul, fp_mulx, fp_div, fp_nmul, fp_abd;
fp_fn2 fp_max, fp_min, fp_maxnm, fp_minnm;
fp_fn2 fp_recps, fp_rsqrts; /* FPRecipStepFused(), FPRSqrtStepFused() */
fp_fn1 fp_sqrt, fp_recpe, fp_rsqrte, fp_recpx, fp_abs, fp_neg;

/* addend + a * b, one rounding. */
uint64_t fp_muladd(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t addend, uint64_t a,
                   uint64_t b);

/* FPCompareEQ/GE/GT() and those of absolute values: all ones or 0 in the format's width. */
fp_fn2 fp_cmeq, fp_cmge, fp_cmgt, fp_acge, fp_acgt;

/* FPCompare(): NZCV in bits 31..28. */
uint32_t fp_compare(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, uint64_t b,
                    bool signal_nans);

/* FPConvert(). */
uint64_t fp_convert(struct a64_cpu *cpu, const struct fp_fmt *to, const struct fp_fmt *from,
                    uint64_t a, enum fp_rm rm);

/* FPToFixed(): to `n` bits, the result zero-extended. */
uint64_t fp_to_fixed(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, unsigned n,
                     unsigned fbits, bool is_unsigned, enum fp_rm rm);

/* FixedToFP(): `a` is already extended to 64 bits. */
uint64_t fp_from_fixed(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, unsigned fbits,
                       bool is_unsigned, enum fp_rm rm);

/* FPRoundInt(); `exact`: IXC when the value changes. */
uint64_t fp_round_int(struct a64_cpu *cpu, const struct fp_fmt *f, uint64_t a, enum fp_rm rm,
                      bool exact);

/* UnsignedRecipEstimate(), UnsignedRSqrtEstimate(). */
uint32_t fp_urecpe(uint32_t a);
uint32_t fp_ursqrte(uint32_t a);

#endif
