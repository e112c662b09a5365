// SPDX-License-Identifier: MIT
/*
 * host.h - what the host's processor has beyond the base line of its architecture.
 */
#ifndef A64_HOST_H
#define A64_HOST_H

#include <stdatomic.h>

#include "vmm/base.h"

enum {
    A64_HOST_SSE4 = 1 << 0, /* SSSE3, SSE4.1 and SSE4.2: what came by 2008 */
    A64_HOST_FMA = 1 << 1,  /* AVX and FMA3, and the system saves their registers */
    A64_HOST_AES = 1 << 2,  /* AES-NI */
    A64_HOST_CLMUL = 1 << 3,
    A64_HOST_SHA = 1 << 4, /* of SHA-1 and SHA-256 */
    A64_HOST_AVX2 = 1 << 5,
    A64_HOST_KNOWN = 1 << 7, /* the question was asked */
};

extern _Atomic unsigned a64_host_known;
unsigned a64_host_probe(void);

/* Asked when something is first needed: CPUID costs microseconds in a virtual machine. */
static inline unsigned a64_host(void)
{
    unsigned known = atomic_load_explicit(&a64_host_known, memory_order_relaxed);
    return likely(known) ? known : a64_host_probe();
}

#endif
