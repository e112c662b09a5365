// SPDX-License-Identifier: MIT
/*
 * host.c - asks the host's processor what it has: CPUID leaves 1 and 7 (Intel SDM vol. 2A, CPUID).
 */
#include "src/a64/host.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

_Atomic unsigned a64_host_known;

unsigned a64_host_probe(void)
{
    unsigned has = A64_HOST_KNOWN;
#if defined(__x86_64__) && defined(__GNUC__)
    const unsigned sse4 = bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2, fma = bit_FMA | bit_OSXSAVE;
    unsigned a, b, c, d;
    __cpuid(1, a, b, c, d);
    if ((c & sse4) == sse4)
        has |= A64_HOST_SSE4 | (c & bit_AES ? A64_HOST_AES : 0) |
               (c & bit_PCLMUL ? A64_HOST_CLMUL : 0);
    if ((c & fma) == fma) { /* Intel SDM vol. 1 14.5.3: then XCR0 */
        __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
        has |= (a & 6) == 6 ? A64_HOST_FMA : 0;
    }
    if (has & (A64_HOST_AES | A64_HOST_FMA) && __get_cpuid_count(7, 0, &a, &b, &c, &d))
        has |= (has & A64_HOST_SSE4 && b & bit_SHA ? A64_HOST_SHA : 0) |
               (has & A64_HOST_FMA && b & bit_AVX2 ? A64_HOST_AVX2 : 0);
#endif
    atomic_store_explicit(&a64_host_known, has, memory_order_relaxed);
    return has;
}
