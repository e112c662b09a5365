// SPDX-License-Identifier: MIT
/*
 * cpu.c - more CPUs, by PSCI (DEN 0022F §5.1.3 to §5.1.5).
 */
#include "guest.h"

/*
 * What a new CPU begins with; crt0.S reads it with the MMU off. The CPU that starts another may
 * have its caches on: it cleans this to memory. 64 bytes, a whole cache line or several.
 */
struct cpu_start {
    uint64_t n, mair, tcr, ttbr0, ttbr1, sctlr;
    void (*fn)(unsigned n);
    uint64_t pad;
};

static struct cpu_start starts[CPUS_MAX] __attribute__((aligned(64)));
void cpu_main(const struct cpu_start *s);
void cpu_entry(void);

unsigned cpu_index(void)
{
    return (unsigned)(read_sysreg(mpidr_el1) & 0xff);
}

unsigned cpu_count(void)
{
    unsigned n = 1;
    while (n < CPUS_MAX && (int32_t)psci(PSCI_AFFINITY_INFO, n, 0, 0) >= 0)
        n++;
    return n;
}

void cpu_main(const struct cpu_start *s)
{
    s->fn((unsigned)s->n);
    psci(PSCI_CPU_OFF, 0, 0, 0);
}

/* The smallest cache line there can be has 16 bytes (CTR_EL0.DminLine, Arm ARM DDI 0487J.a
 * D19.2.35). */
static void clean(const void *p, unsigned long len)
{
    for (unsigned long i = 0; i < len; i += 16)
        __asm__ volatile("dc cvac, %0" ::"r"((const char *)p + i) : "memory");
    barrier("dsb sy");
}

int64_t cpu_start(unsigned n, void (*fn)(unsigned))
{
    if (n >= CPUS_MAX)
        return PSCI_INVALID_PARAMETERS;
    starts[n] = (struct cpu_start){
        .n = n,
        .mair = read_sysreg(mair_el1),
        .tcr = read_sysreg(tcr_el1),
        .ttbr0 = read_sysreg(ttbr0_el1),
        .ttbr1 = read_sysreg(ttbr1_el1),
        .sctlr = read_sysreg(sctlr_el1),
        .fn = fn,
    };
    clean(&starts[n], sizeof starts[n]);
    /* Invocation results are 32-bit signed in w0 for the errors too (SMCCC DEN 0028 §2.7). */
    return (int32_t)psci(PSCI_CPU_ON, n, (uint64_t)cpu_entry, (uint64_t)&starts[n]);
}
