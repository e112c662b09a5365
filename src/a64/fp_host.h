// SPDX-License-Identifier: MIT
/*
 * fp_host.h - floating point by the host's FPU (SSE2, FMA3), falling back on the exact functions of
 * fp.h.
 *
 * A host operation gives Arm's bits and Arm's flags (in MXCSR, see fp.h) unless
 * - FPCR.FZ is set: nothing is tried;
 * - the result is a NaN: operand priority, quieting and the default NaN differ;
 * - the result is the smallest normal number: x86 finds tininess after rounding, Arm before (Arm
 * ARM DDI 0487J.a A1.5.6), so UFC may be missing. Any smaller result has the same flags on both.
 * Then the exact function runs; the flags that the host has set are a subset of what it sets.
 * Sums, differences and square roots cannot underflow inexactly.
 *
 * The operations are asm: compilers fold, move and drop floating point without regard to its flags.
 */
#ifndef A64_FP_HOST_H
#define A64_FP_HOST_H

#include "src/a64/fp.h"
#include "src/a64/host.h"

#if A64_FP_SSE
#include <emmintrin.h>
#endif

#define FP_INLINE static inline __attribute__((always_inline))

enum fp_hop { FP_HADD, FP_HSUB, FP_HMUL, FP_HDIV };

/* a*b + c, c - a*b, -(a*b) - c, a*b - c with one rounding: FMADD, FMSUB, FNMADD, FNMSUB. */
enum fp_fop { FP_FMADD, FP_FMSUB, FP_FNMADD, FP_FNMSUB };

/* Tininess before rounding may have been missed. */
FP_INLINE bool fp_may_be_tiny(enum fp_hop op)
{
    return op == FP_HMUL || op == FP_HDIV;
}

FP_INLINE bool fp_host_usable(const struct a64_cpu *cpu)
{
    return A64_FP_SSE && likely(!(cpu->fpcr & FPCR_FZ));
}

FP_INLINE bool fp_fma_usable(const struct a64_cpu *cpu)
{
    return fp_host_usable(cpu) && likely(a64_host() & A64_HOST_FMA);
}

/* The result stands: not a NaN and, with `tiny`, not the smallest normal number. */
FP_INLINE bool fp_sound_s(uint32_t r, bool tiny)
{
    uint32_t m = r << 1;
    return likely(m <= 0xff000000u && !(tiny && m == 0x01000000u));
}

FP_INLINE bool fp_sound_d(uint64_t r, bool tiny)
{
    uint64_t m = r << 1;
    return likely(m <= UINT64_C(0xffe0000000000000) &&
                  !(tiny && m == UINT64_C(0x0020000000000000)));
}

/* A negated addend and product, as the FMA variants negate their operands (NaNs included). */
FP_INLINE uint64_t fp_fused(struct a64_cpu *cpu, const struct fp_fmt *f, enum fp_fop op, uint64_t c,
                            uint64_t a, uint64_t b)
{
    if (op == FP_FNMADD || op == FP_FNMSUB)
        c = fp_neg(cpu, f, c);
    if (op == FP_FMSUB || op == FP_FNMADD)
        a = fp_neg(cpu, f, a);
    return fp_muladd(cpu, f, c, a, b);
}

#if A64_FP_SSE

#define FP_ASM2(insn, a, b)    __asm__ volatile(insn " %1, %0" : "+x"(a) : "x"(b))
#define FP_ASM3(insn, c, a, b) __asm__ volatile(insn " %2, %1, %0" : "+x"(c) : "x"(a), "x"(b))

/* One operation each on a float, a double, four floats, two doubles. */
// clang-format off
#define FP_HOST_OPS(sfx, T)                                                                        \
    FP_INLINE T fp_host_##sfx(enum fp_hop op, T a, T b)                                            \
    {                                                                                              \
        switch (op) {                                                                              \
        case FP_HADD: FP_ASM2("add" #sfx, a, b); break;                                            \
        case FP_HSUB: FP_ASM2("sub" #sfx, a, b); break;                                            \
        case FP_HMUL: FP_ASM2("mul" #sfx, a, b); break;                                            \
        case FP_HDIV: FP_ASM2("div" #sfx, a, b); break;                                            \
        }                                                                                          \
        return a;                                                                                  \
    }                                                                                              \
    FP_INLINE T fp_hostf_##sfx(enum fp_fop op, T c, T a, T b)                                      \
    {                                                                                              \
        switch (op) {                                                                              \
        case FP_FMADD: FP_ASM3("vfmadd231" #sfx, c, a, b); break;                                  \
        case FP_FMSUB: FP_ASM3("vfnmadd231" #sfx, c, a, b); break;                                 \
        case FP_FNMADD: FP_ASM3("vfnmsub231" #sfx, c, a, b); break;                                \
        case FP_FNMSUB: FP_ASM3("vfmsub231" #sfx, c, a, b); break;                                 \
        }                                                                                          \
        return c;                                                                                  \
    }                                                                                              \
    FP_INLINE T fp_host_sqrt##sfx(T a)                                                             \
    {                                                                                              \
        __asm__ volatile("sqrt" #sfx " %0, %0" : "+x"(a));                                         \
        return a;                                                                                  \
    }
// clang-format on
FP_HOST_OPS(ss, float)
FP_HOST_OPS(sd, double)
FP_HOST_OPS(ps, __m128)
FP_HOST_OPS(pd, __m128d)

/* Scalars by bit pattern. */
#define FP_HOST_SCALARS(K, sfx, U, T, fmt)                                                         \
    FP_INLINE T fp_val_##K(U a)                                                                    \
    {                                                                                              \
        T v;                                                                                       \
        memcpy(&v, &a, sizeof v);                                                                  \
        return v;                                                                                  \
    }                                                                                              \
    FP_INLINE U fp_bits_##K(T a)                                                                   \
    {                                                                                              \
        U v;                                                                                       \
        memcpy(&v, &a, sizeof v);                                                                  \
        return v;                                                                                  \
    }                                                                                              \
    FP_INLINE U fp_quick2_##K(struct a64_cpu *cpu, enum fp_hop op, fp_fn2 *exact, U a, U b)        \
    {                                                                                              \
        if (fp_host_usable(cpu)) {                                                                 \
            U r = fp_bits_##K(fp_host_##sfx(op, fp_val_##K(a), fp_val_##K(b)));                    \
            if (fp_sound_##K(r, fp_may_be_tiny(op)))                                               \
                return r;                                                                          \
        }                                                                                          \
        return (U)exact(cpu, &fmt, a, b);                                                          \
    }                                                                                              \
    FP_INLINE U fp_quickf_##K(struct a64_cpu *cpu, enum fp_fop op, U c, U a, U b)                  \
    {                                                                                              \
        if (fp_fma_usable(cpu)) {                                                                  \
            U r = fp_bits_##K(fp_hostf_##sfx(op, fp_val_##K(c), fp_val_##K(a), fp_val_##K(b)));    \
            if (fp_sound_##K(r, true))                                                             \
                return r;                                                                          \
        }                                                                                          \
        return (U)fp_fused(cpu, &fmt, op, c, a, b);                                                \
    }                                                                                              \
    FP_INLINE U fp_quick_sqrt_##K(struct a64_cpu *cpu, U a)                                        \
    {                                                                                              \
        if (fp_host_usable(cpu)) {                                                                 \
            U r = fp_bits_##K(fp_host_sqrt##sfx(fp_val_##K(a)));                                   \
            if (fp_sound_##K(r, false))                                                            \
                return r;                                                                          \
        }                                                                                          \
        return (U)fp_sqrt(cpu, &fmt, a);                                                           \
    }                                                                                              \
    /* FCMP, FCMPE: COMIS raises IE for every NaN, UCOMIS for signaling ones. */                   \
    FP_INLINE uint32_t fp_quick_compare_##K(struct a64_cpu *cpu, U a, U b, bool signal_nans)       \
    {                                                                                              \
        if (!fp_host_usable(cpu))                                                                  \
            return fp_compare(cpu, &fmt, a, b, signal_nans);                                       \
        bool below, equal, nan;                                                                    \
        if (signal_nans)                                                                           \
            __asm__ volatile("comi" #sfx " %4, %3"                                                 \
                             : "=@ccb"(below), "=@cce"(equal), "=@ccp"(nan)                        \
                             : "x"(fp_val_##K(a)), "x"(fp_val_##K(b)));                            \
        else                                                                                       \
            __asm__ volatile("ucomi" #sfx " %4, %3"                                                \
                             : "=@ccb"(below), "=@cce"(equal), "=@ccp"(nan)                        \
                             : "x"(fp_val_##K(a)), "x"(fp_val_##K(b)));                            \
        return (nan ? 3u : equal ? 6u : below ? 8u : 2u) << 28;                                    \
    }                                                                                              \
    /* From a signed integer. */                                                                   \
    FP_INLINE U fp_quick_from_int_##K(struct a64_cpu *cpu, int64_t a)                              \
    {                                                                                              \
        (void)cpu;                                                                                 \
        T r;                                                                                       \
        __asm__ volatile("pxor %0, %0\n\tcvtsi2" #sfx "q %1, %0" : "=&x"(r) : "r"(a));             \
        return fp_bits_##K(r);                                                                     \
    }                                                                                              \
    /* To a signed integer, towards zero; the value is in range. */                                \
    FP_INLINE int64_t fp_host_to_int_##K(U a)                                                      \
    {                                                                                              \
        int64_t r;                                                                                 \
        __asm__ volatile("cvtt" #sfx "2siq %1, %0" : "=r"(r) : "x"(fp_val_##K(a)));                \
        return r;                                                                                  \
    }

#else

#define FP_HOST_SCALARS(K, sfx, U, T, fmt)                                                         \
    FP_INLINE U fp_quick2_##K(struct a64_cpu *cpu, enum fp_hop op, fp_fn2 *exact, U a, U b)        \
    {                                                                                              \
        (void)op;                                                                                  \
        return (U)exact(cpu, &fmt, a, b);                                                          \
    }                                                                                              \
    FP_INLINE U fp_quickf_##K(struct a64_cpu *cpu, enum fp_fop op, U c, U a, U b)                  \
    {                                                                                              \
        return (U)fp_fused(cpu, &fmt, op, c, a, b);                                                \
    }                                                                                              \
    FP_INLINE U fp_quick_sqrt_##K(struct a64_cpu *cpu, U a)                                        \
    {                                                                                              \
        return (U)fp_sqrt(cpu, &fmt, a);                                                           \
    }                                                                                              \
    FP_INLINE uint32_t fp_quick_compare_##K(struct a64_cpu *cpu, U a, U b, bool signal_nans)       \
    {                                                                                              \
        return fp_compare(cpu, &fmt, a, b, signal_nans);                                           \
    }                                                                                              \
    FP_INLINE U fp_quick_from_int_##K(struct a64_cpu *cpu, int64_t a)                              \
    {                                                                                              \
        return (U)fp_from_fixed(cpu, &fmt, (uint64_t)a, 0, false, fp_rm(cpu));                     \
    }                                                                                              \
    FP_INLINE int64_t fp_host_to_int_##K(U a)                                                      \
    {                                                                                              \
        (void)a;                                                                                   \
        return 0; /* not reached: fp_host_usable() is false */                                     \
    }

#endif

/* cppcheck takes the 0 of "compare with zero" for another function's pointer: all are on one line.
 */
// cppcheck-suppress ctunullpointer
FP_HOST_SCALARS(s, ss, uint32_t, float, fp_f32)
// cppcheck-suppress ctunullpointer
FP_HOST_SCALARS(d, sd, uint64_t, double, fp_f64)

/*
 * FCVTZS and FCVTZU to n bits. In range means: the magnitude is below 2^(n-1), or 2^n (2^63) for
 * positive ones of the unsigned kind; a NaN's bits are above all.
 */
#define FP_QUICK_TO_INT(K, U, fmt, bias, fbits)                                                    \
    FP_INLINE uint64_t fp_quick_to_int_##K(struct a64_cpu *cpu, U a, unsigned n, bool is_unsigned) \
    {                                                                                              \
        unsigned top = is_unsigned && n == 32 ? 32 : n - 1;                                        \
        U limit = (U)(bias + top) << fbits;                                                        \
        U magnitude = is_unsigned ? a : (U)(a << 1) >> 1;                                          \
        if (fp_host_usable(cpu) && likely(magnitude < limit)) {                                    \
            uint64_t r = (uint64_t)fp_host_to_int_##K(a);                                          \
            return n == 32 ? (uint32_t)r : r;                                                      \
        }                                                                                          \
        return fp_to_fixed(cpu, &fmt, a, n, 0, is_unsigned, FP_ZERO);                              \
    }
FP_QUICK_TO_INT(s, uint32_t, fp_f32, 127u, 23)
FP_QUICK_TO_INT(d, uint64_t, fp_f64, 1023u, 52)

/* FCVT between single and double. */
FP_INLINE uint64_t fp_quick_s_to_d(struct a64_cpu *cpu, uint32_t a)
{
#if A64_FP_SSE
    if (fp_host_usable(cpu) && likely(a << 1 <= 0xff000000u)) {
        double r;
        __asm__ volatile("cvtss2sd %1, %0" : "=x"(r) : "x"(fp_val_s(a)));
        return fp_bits_d(r);
    }
#endif
    return fp_convert(cpu, &fp_f64, &fp_f32, a, FP_TIEEVEN);
}

FP_INLINE uint32_t fp_quick_d_to_s(struct a64_cpu *cpu, uint64_t a)
{
#if A64_FP_SSE
    if (fp_host_usable(cpu)) {
        float v;
        __asm__ volatile("cvtsd2ss %1, %0" : "=x"(v) : "x"(fp_val_d(a)));
        uint32_t r = fp_bits_s(v);
        if (fp_sound_s(r, true))
            return r;
    }
#endif
    return (uint32_t)fp_convert(cpu, &fp_f32, &fp_f64, a, fp_rm(cpu));
}

#endif
