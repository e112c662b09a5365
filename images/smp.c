// SPDX-License-Identifier: MIT
/*
 * smp.c - several CPUs: PSCI, locks, atomics, SGIs to each other, events, broadcast TLB
 * maintenance.
 *
 * PSCI DEN 0022F §5; Arm ARM DDI 0487J.a B2.9 exclusives, D8.14 TLB maintenance, D1.6.1 events.
 * With one CPU, what needs two is left out; the lines do not name their number.
 *
 * Boards: virt micro vibe
 */
#include "mmu.h"

#define ROUNDS 20000
#define WINDOW 0x4000000000ull

static unsigned cpus;
static volatile uint32_t lock_word;
static volatile uint64_t locked_count, atomic_count, max_seen, bits;
static volatile uint32_t ready, phase, done, sgis[CPUS_MAX], wrong;
static table_t l2, l3;
static volatile uint64_t frame[2][512] __attribute__((aligned(4096)));
static bool lse;

static void lock(void)
{
    uint32_t old, one = 1;
    __asm__ volatile(
        "sevl\n1:\twfe\n2:\tldaxr %w0, [%1]\n\tcbnz %w0, 1b\n\tstxr %w0, %w2, [%1]\n\tcbnz %w0, 2b"
        : "=&r"(old)
        : "r"(&lock_word), "r"(one)
        : "memory");
}

static void unlock(void)
{
    __asm__ volatile("stlr wzr, [%0]" ::"r"(&lock_word)
                     : "memory"); /* wakes the waiters' WFE (B2.9.3) */
}

static void add_atomic(volatile uint64_t *p, uint64_t n)
{
    if (lse) {
        __asm__ volatile(".arch_extension lse\n\tldadd %1, xzr, [%0]" ::"r"(p), "r"(n) : "memory");
    } else {
        uint64_t v;
        uint32_t fail;
        __asm__ volatile("1:\tldxr %0, [%2]\n\tadd %0, %0, %3\n\tstxr %w1, %0, [%2]\n\tcbnz %w1, 1b"
                         : "=&r"(v), "=&r"(fail)
                         : "r"(p), "r"(n)
                         : "memory");
    }
}

static void or_atomic(volatile uint64_t *p, uint64_t n)
{
    if (lse) {
        __asm__ volatile(".arch_extension lse\n\tldset %1, xzr, [%0]" ::"r"(p), "r"(n) : "memory");
    } else {
        uint64_t v;
        uint32_t fail;
        __asm__ volatile("1:\tldxr %0, [%2]\n\torr %0, %0, %3\n\tstxr %w1, %0, [%2]\n\tcbnz %w1, 1b"
                         : "=&r"(v), "=&r"(fail)
                         : "r"(p), "r"(n)
                         : "memory");
    }
}

/* All CPUs in a phase before any goes on. */
static void wait_phase(uint32_t n)
{
    while (phase < n)
        barrier("yield");
}

static void meet(uint32_t n)
{
    guest_add(&done);
    if (cpu_index() == 0) {
        while (done < n * cpus)
            barrier("yield");
        phase = n;
    }
    wait_phase(n);
}

static void on_trap(struct trap *t)
{
    uint64_t intid = read_sysreg(ICC_IAR1);
    if (intid < 16)
        sgis[t->cpu]++;
    if (intid < 1020)
        write_sysreg(ICC_EOIR1, intid);
}

static void work(unsigned n)
{
    mmu_on((uint64_t)mmu_l1, 0);
    if (n)
        gic_cpu_init();
    gic_enable(7, 0x80);
    barrier("msr daifclr, #2");
    meet(1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        lock();
        locked_count = locked_count + 1;
        unlock();
        add_atomic(&atomic_count, 3);
    }
    or_atomic(&bits, 1ull << n);
    meet(2);
    /* §12.2.15: IRM 1 sends to all but the sender. */
    write_sysreg(ICC_SGI1R, 1ull << 40 | 7ull << 24);
    /* Asked with I masked, so that none comes between the question and WFI. */
    for (bool more = cpus > 1; more;) {
        barrier("msr daifset, #2");
        more = sgis[n] == 0;
        if (more)
            barrier("wfi");
        barrier("msr daifclr, #2\n\tisb");
    }
    meet(3);
    /* The other CPUs read through a mapping that CPU 0 changes under them. */
    volatile uint64_t *shared = (volatile uint64_t *)WINDOW;
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t val = shared[0];
        if (val != (i & 1 ? 0xbbbbu : 0xaaaau))
            wrong = wrong + 1;
        meet(4 + 2 * i);
        if (n == 0) {
            l3[0] = 0;
            __asm__ volatile("dsb ishst\n\ttlbi vae1is, %0\n\tdsb ish" ::"r"(WINDOW >> 12)
                             : "memory");
            l3[0] = (uint64_t)frame[~i & 1] | PTE_PAGE | PTE_RAM;
            barrier("dsb ishst\n\tisb");
        }
        meet(5 + 2 * i);
    }
    barrier("msr daifset, #2");
}

static void other(unsigned n)
{
    guest_add(&ready);
    work(n);
    mmu_off();
}

static void quick(unsigned n)
{
    (void)n;
    guest_add(&ready);
}

int guest_main(void)
{
    check(psci(PSCI_VERSION, 0, 0, 0) >> 16 >= 1 || psci(PSCI_VERSION, 0, 0, 0) >= 2,
          "PSCI §5.1.1: version 0.2 or later");
    check_eq(psci(PSCI_AFFINITY_INFO, 0, 0, 0), 0, "PSCI §5.1.5: AFFINITY_INFO of this CPU is ON");
    for (cpus = 1; cpus < CPUS_MAX && psci(PSCI_AFFINITY_INFO, cpus, 0, 0) == 1; cpus++)
        ;
    check_eq((uint64_t)(int32_t)psci(PSCI_CPU_ON, 0x77, (uint64_t)guest_main, 0), (uint64_t)-2,
             "PSCI §5.1.4: CPU_ON of no CPU is INVALID_PARAMETERS");
    check_eq((uint64_t)(int32_t)psci(PSCI_CPU_ON, 0, (uint64_t)guest_main, 0), (uint64_t)-4,
             "PSCI §5.1.4: CPU_ON of this one is ALREADY_ON");
    check_eq((uint64_t)(int32_t)psci(0x8400003f, 0, 0, 0), (uint64_t)-1,
             "SMCCC §5.2: an unknown function is NOT_SUPPORTED");
    lse = (read_sysreg(id_aa64isar0_el1) >> 20 & 15) >= 2;
    mmu_identity();
    mmu_l1[256] = (uint64_t)l2 | PTE_TABLE;
    l2[0] = (uint64_t)l3 | PTE_TABLE;
    l3[0] = (uint64_t)frame[0] | PTE_PAGE | PTE_RAM;
    frame[0][0] = 0xaaaa;
    frame[1][0] = 0xbbbb;
    trap_hook = on_trap;
    gic_init();
    int64_t failed = 0;
    for (unsigned n = 1; n < cpus; n++)
        failed |= cpu_start(n, other);
    check_eq((uint64_t)failed, 0, "PSCI §5.1.4: CPU_ON of every other CPU");
    while (ready < cpus - 1)
        barrier("yield");
    check(true, "and every one of them runs");
    work(0);
    mmu_off();
    check_eq(locked_count, (uint64_t)ROUNDS * cpus,
             "B2.9: a lock of LDAXR and STXR, WFE and STLR: no increment lost");
    check_eq(atomic_count, 3ull * ROUNDS * cpus, "atomic addition: none lost");
    check_eq(bits, (1ull << cpus) - 1, "atomic bit set: none lost");
    unsigned few = 0;
    for (unsigned n = 0; n < cpus; n++)
        few += sgis[n] == 0 && cpus > 1;
    check_eq(few, 0, "GICv3 §12.2.15: an SGI to all but oneself reaches each");
    check_eq(wrong, 0, "D8.14.5: TLBI VAE1IS and DSB reach every CPU before the next read");
    unsigned on = 0;
    for (unsigned n = 1; n < cpus; n++) {
        for (unsigned i = 0; i < 100000000 && psci(PSCI_AFFINITY_INFO, n, 0, 0) != 1; i++)
            ;
        on += psci(PSCI_AFFINITY_INFO, n, 0, 0) != 1;
    }
    check_eq(on, 0, "PSCI §5.1.3: CPU_OFF: AFFINITY_INFO says OFF");
    ready = 0;
    failed = 0;
    for (unsigned n = 1; n < cpus; n++)
        failed |= cpu_start(n, quick);
    while (ready < cpus - 1 && !failed)
        barrier("yield");
    check_eq((uint64_t)failed, 0, "and CPU_ON brings each back");
    return guest_done();
}
