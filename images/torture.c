// SPDX-License-Identifier: MIT
/*
 * torture.c - translation tables and code that change all the time, on every CPU at once: what a
 * CPU that caches translations, or translated code, has to forget.
 *
 * Each CPU has a window of 2 MiB that it maps as a block or as pages, with and without write
 * permission, global and not, to frames that hold their number, and changes at random, with every
 * kind of TLBI (Arm ARM DDI 0487J.a D8.13) and changes of the ASID. After each change it reads and
 * writes there; a model says what must happen. Then CPU 0 runs more code than any cache of
 * translated code has room for, and changes some of it (B2.2.5).
 *
 * Boards: virt
 */
#include "mmu.h"

#define WINDOW 0x4000000000ull /* of CPU n: + n * 2 MiB */
#define MIB2   0x200000ull
#define PAGES  16u /* of a window, that are used */
#define ROUNDS 6000u
#define CPUS   8u

static table_t l2, l3[CPUS];
/* What a window shows: 16 frames in 2 MiB, so that a block can map them in order, too. */
static volatile uint64_t frames[CPUS][MIB2 / 8] __attribute__((aligned(0x200000)));

static struct page {
    int frame; /* -1: none */
    bool ro;
} model[CPUS][PAGES];
static bool block[CPUS]; /* what the window is mapped as */
static volatile uint64_t faults[CPUS];
static volatile uint32_t wrong[CPUS], ready, done;
static unsigned cpus;

static void on_trap(struct trap *t)
{
    if (ESR_EC(t->esr) == EC_DABT_EL1) {
        faults[t->cpu]++;
        t->elr += 4;
    } else {
        guest_end(98);
    }
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* A load and a store that may fault, and are then left out. */
static uint64_t peek(uint64_t va)
{
    uint64_t v = 0x5a5a;
    __asm__ volatile("ldr %0, [%1]" : "+r"(v) : "r"(va) : "memory");
    return v;
}

static void poke(uint64_t va, uint64_t v)
{
    __asm__ volatile("str %0, [%1]" ::"r"(v), "r"(va) : "memory");
}

/* What was changed is page i of the window, or (i == PAGES) all of it. */
static void forget(unsigned n, unsigned i, uint32_t how, uint64_t asid)
{
    uint64_t va = WINDOW + n * MIB2 + (i < PAGES ? i * 4096ull : 0);
    barrier("dsb ishst");
    if (i == PAGES) /* pages are forgotten all at once, a block by any address of it as well */
        how = block[n] ? 4 + how % 4 : 5 + 2 * (how % 2);
    switch (how % 8) {
    case 0:
        __asm__ volatile("tlbi vaae1is, %0" ::"r"(va >> 12));
        break;
    case 1:
        __asm__ volatile("tlbi vaale1is, %0" ::"r"(va >> 12));
        break;
    case 2:
        __asm__ volatile("tlbi vae1is, %0" ::"r"(va >> 12 | asid << 48));
        break;
    case 3:
        __asm__ volatile("tlbi vaae1, %0" ::"r"(va >> 12));
        break;
    case 4: /* of a block any address in it will do */
        __asm__ volatile("tlbi vaae1is, %0" ::"r"((va + 0x5000) >> 12));
        if (i < PAGES)
            __asm__ volatile("tlbi vaae1is, %0" ::"r"(va >> 12));
        break;
    case 5:
        barrier("tlbi vmalle1");
        break;
    case 6: /* forgets what is not global only, so the rest by address */
        __asm__ volatile("tlbi aside1is, %0\n\ttlbi vaae1is, %1" ::"r"(asid << 48), "r"(va >> 12));
        break;
    default:
        barrier("tlbi vmalle1is");
        break;
    }
    barrier("dsb ish\n\tisb");
}

static uint64_t frame_of(unsigned n, unsigned f)
{
    return (uint64_t)&frames[n][f * (4096 / 8)];
}

/* The window from pages to a block or back, by way of nothing (D8.13.1, break-before-make). */
static void change_size(unsigned n, uint32_t r, uint64_t asid)
{
    l2[n] = 0;
    forget(n, PAGES, r >> 4, asid);
    block[n] = !block[n];
    for (unsigned i = 0; i < PAGES; i++) {
        model[n][i] = (struct page){block[n] ? (int)i : -1, false};
        l3[n][i] = 0;
    }
    l2[n] = block[n] ? frame_of(n, 0) | PTE_BLOCK | PTE_RAM : (uint64_t)l3[n] | PTE_TABLE;
    barrier("dsb ishst\n\tisb");
}

static void change_page(unsigned n, unsigned i, uint32_t r, uint64_t asid)
{
    struct page *p = &model[n][i];
    l3[n][i] = 0;
    forget(n, i, r >> 4, asid);
    if (r % 5 == 0) {
        p->frame = -1;
        return;
    }
    p->frame = (int)(r >> 8 & 15);
    p->ro = r >> 12 & 1;
    l3[n][i] = frame_of(n, (unsigned)p->frame) | PTE_PAGE | PTE_RAM | (p->ro ? PTE_RO : 0) |
               (r >> 13 & 1 ? PTE_NG : 0);
    barrier("dsb ishst\n\tisb");
}

static void look(unsigned n, uint32_t *seed, uint64_t *count)
{
    for (unsigned k = 0; k < 8; k++) {
        uint32_t r = next(seed);
        unsigned i = r % PAGES;
        const struct page *p = &model[n][i];
        uint64_t va = WINDOW + n * MIB2 + i * 4096ull + (r >> 8 & 63) * 8;
        uint64_t before = faults[n], got = peek(va);
        uint64_t want = p->frame < 0 ? 0x5a5a : frames[n][(uint64_t)p->frame * 512 + (r >> 8 & 63)];
        wrong[n] += got != want || faults[n] - before != (p->frame < 0);
        before = faults[n];
        poke(va, ++*count);
        bool may = p->frame >= 0 && !p->ro;
        wrong[n] += faults[n] - before != !may;
        if (may)
            wrong[n] += frames[n][(uint64_t)p->frame * 512 + (r >> 8 & 63)] != *count;
    }
}

static void work(unsigned n)
{
    uint32_t seed = 77 + n;
    uint64_t asid = 0, count = 0;
    mmu_on((uint64_t)mmu_l1, 0);
    change_size(n, 0, 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t r = next(&seed);
        if (r % 16 == 0)
            change_size(n, next(&seed), asid);
        else if (r % 16 < 4) {
            asid = r >> 8 & 7;
            write_sysreg(ttbr0_el1, (uint64_t)mmu_l1 | asid << 48);
            barrier("isb");
        } else if (!block[n])
            change_page(n, next(&seed) % PAGES, next(&seed), asid);
        look(n, &seed, &count);
    }
    write_sysreg(ttbr0_el1, (uint64_t)mmu_l1);
    barrier("isb");
    mmu_off();
    guest_add(&done);
}

static void other(unsigned n)
{
    guest_add(&ready);
    work(n);
}

/* ---- more code than fits ---- */
#define FN_WORDS 64u
#define FNS      16384u /* 4 MiB */

static uint32_t code[FNS][FN_WORDS] __attribute__((aligned(4096)));

static void sync_code(const void *at, uint64_t len)
{
    for (uint64_t off = 0; off < len; off += 64)
        __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0" ::"r"((uint64_t)at + off)
                         : "memory");
    barrier("dsb ish\n\tisb");
}

static uint32_t add_imm(uint32_t k)
{
    return 0x91000000u | (k & 0xfff) << 10; /* add x0, x0, #k */
}

static uint64_t call_all(void)
{
    uint64_t sum = 0, data = 0;
    for (unsigned f = 0; f < FNS; f++)
        sum += ((uint64_t(*)(uint64_t, uint64_t *))(uint64_t)code[f])(f, &data);
    return sum;
}

static void flood(void)
{
    uint64_t want = 0;
    for (uint32_t f = 0; f < FNS; f++) {
        want += f;
        for (uint32_t i = 0; i + 1 < FN_WORDS; i += 2) {
            code[f][i] = add_imm(f * 7 + i);
            code[f][i + 1] = i & 2 ? 0xf9400022u : 0xf9000020u; /* ldr x2, [x1]; str x0, [x1] */
            want += (f * 7 + i) & 0xfff;
        }
        code[f][FN_WORDS - 1] = 0xd65f03c0; /* ret, in place of the last access */
    }
    sync_code(code, sizeof code);
    unsigned bad = 0;
    for (unsigned pass = 0; pass < 4; pass++)
        bad += call_all() != want;
    check_eq(bad, 0, "4 MiB of code, run four times");
    for (uint32_t f = 0; f < FNS; f += 16) {
        want += 1;
        code[f][2] = add_imm(((f * 7 + 2) & 0xfff) + 1);
        want -= ((f * 7 + 2) & 0xfff) == 0xfff ? 0x1000 : 0;
        sync_code(&code[f][2], 4);
    }
    for (unsigned pass = 0; pass < 4; pass++)
        bad += call_all() != want;
    check_eq(bad, 0, "B2.2.5: and again, after every 16th function was changed");
}

int guest_main(void)
{
    for (cpus = 1; cpus < CPUS_MAX && cpus < CPUS && psci(PSCI_AFFINITY_INFO, cpus, 0, 0) == 1;
         cpus++)
        ;
    mmu_identity();
    mmu_l1[256] = (uint64_t)l2 | PTE_TABLE;
    trap_hook = on_trap;
    for (unsigned n = 0; n < cpus; n++)
        for (unsigned i = 0; i < PAGES * 512; i++)
            frames[n][i] = (uint64_t)n << 32 | i;
    int64_t failed = 0;
    for (unsigned n = 1; n < cpus; n++)
        failed |= cpu_start(n, other);
    check_eq((uint64_t)failed, 0, "all CPUs start");
    work(0);
    while (done < cpus)
        barrier("yield");
    unsigned bad = 0;
    uint64_t seen = 0;
    for (unsigned n = 0; n < cpus; n++) {
        bad += wrong[n];
        seen += faults[n] > 100;
    }
    check_eq(bad, 0, "D8.13: loads and stores go by the tables as they are after TLBI");
    check_eq(seen, cpus, "and fault where those say so");
    mmu_on((uint64_t)mmu_l1, 0);
    flood();
    mmu_off();
    return guest_done();
}
