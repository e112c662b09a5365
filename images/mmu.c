// SPDX-License-Identifier: MIT
/*
 * mmu.c - stage 1 translation: levels, permissions, access flag, both halves, ASIDs, TLB
 * maintenance, AT.
 *
 * Arm ARM DDI 0487J.a: D8.2 translation, D8.3 descriptors, D8.4 permissions, D8.14 TLBs, D17.2.37
 * fault status.
 *
 * Boards: virt micro vibe
 */
#include "mmu.h"

#define WINDOW             0x4000000000ull /* the upper half of the 39-bit range: entry 256 of level 1 */
#define HIGH               0xffffff8000000000ull
#define FAULT(kind, level) ((uint64_t)(kind) | (level)) /* DFSC, IFSC */
#define ADDRESS            0x00
#define TRANSLATION        0x04
#define ACCESS_FLAG        0x08
#define PERMISSION         0x0c
#define WNR                0x40
#define ESR(ec, iss)       ((uint64_t)(ec) << 26 | 1ull << 25 | (iss))

static table_t l2, l3, other_l1, other_l2, other_l3, high_l1, high_l2, high_l3;
static volatile uint64_t page_a[512] __attribute__((aligned(4096)));
static volatile uint64_t page_b[512] __attribute__((aligned(4096)));
static volatile uint8_t block_area[2 << 20] __attribute__((aligned(2 << 20)));

static uint64_t pa(const volatile void *p)
{
    return (uint64_t)p; /* identity */
}

static volatile uint64_t *page(unsigned n)
{
    return (volatile uint64_t *)(WINDOW + n * 4096ull);
}

static void set(unsigned n, uint64_t pte)
{
    l3[n] = pte;
    barrier("dsb ishst\n\tisb");
}

/* D8.14.5: the operand is VA[55:12], ASID in 63:48 */
static void tlbi_va(uint64_t va)
{
    __asm__ volatile(
        "dsb ishst\n\ttlbi vae1is, %0\n\tdsb ish\n\tisb" ::"r"(va >> 12 & 0xfffffffffff)
        : "memory");
}

static bool load_faults(uint64_t va, uint64_t *val)
{
    trap_arm();
    uint64_t v = 0;
    __asm__ volatile("ldr %0, [%1]" : "+r"(v) : "r"(va) : "memory");
    if (val)
        *val = v;
    return trap_count != 0;
}

static bool store_faults(uint64_t va, uint64_t val)
{
    trap_arm();
    __asm__ volatile("str %0, [%1]" ::"r"(val), "r"(va) : "memory");
    return trap_count != 0;
}

static void expect_fault(bool faulted, uint64_t esr, uint64_t va, const char *name)
{
    bool good = faulted && trap_last.esr == esr && trap_last.far_ == va;
    check(good, name);
    if (!good) {
        put_text("# faults ");
        put_dec(trap_count);
        put_text(" esr ");
        put_hex(trap_last.esr);
        put_text(" want ");
        put_hex(esr);
        put_text(" far ");
        put_hex(trap_last.far_);
        put_text(" want ");
        put_hex(va);
        put_char('\n');
    }
}

static void levels(void)
{
    set(0, pa(page_a) | PTE_PAGE | PTE_RAM);
    page_a[0] = 0x1111;
    page(0)[1] = 0x2222;
    check_eq(page(0)[0], 0x1111, "D8.2: a page reads what its frame holds");
    check_eq(page_a[1], 0x2222, "D8.2: and writes go to the frame");
    block_area[0x12345] = 77;
    check_eq(*(volatile uint8_t *)(WINDOW + 0x200000 + 0x12345), 77,
             "D8.3.1: a 2 MiB block at level 2");
    uint64_t va = WINDOW + 5 * 4096;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 3)), va,
                 "level 3 invalid: translation fault");
    expect_fault(store_faults(va + 8, 1), ESR(EC_DABT_EL1, WNR | FAULT(TRANSLATION, 3)), va + 8,
                 "and WnR for a store");
    va = WINDOW + 0x600000;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 2)), va,
                 "level 2 invalid: translation fault");
    va = WINDOW + 0x40000000;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 1)), va,
                 "level 1 invalid: translation fault");
    va = 1ull << 39;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 0)), va,
                 "D8.2.1: above T0SZ's range, level 0");
    va = 0x1000000000000000;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 0)), va,
                 "D8.2.1: not canonical, level 0");
    l2[7] = 0x1; /* level 3 has no blocks: bit 1 clear there is invalid (D8.3.2) */
    set(6, pa(page_a) | PTE_BLOCK | PTE_RAM);
    va = WINDOW + 6 * 4096;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 3)), va,
                 "D8.3.2: a block descriptor at level 3 is invalid");
    l2[7] = 0;
    set(7, (1ull << 45) | PTE_PAGE | PTE_RAM);
    va = WINDOW + 7 * 4096;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(ADDRESS, 3)), va,
                 "D8.2.1: output above IPS: address size fault");
}

static void permissions(void)
{
    uint64_t va = WINDOW + 8 * 4096;
    set(8, pa(page_a) | PTE_PAGE | PTE_RAM | PTE_RO);
    page_a[3] = 5;
    check(!load_faults(va + 24, 0), "read-only page: loads pass");
    expect_fault(store_faults(va + 24, 6), ESR(EC_DABT_EL1, WNR | FAULT(PERMISSION, 3)), va + 24,
                 "D8.4: a store to it: permission fault, level 3");
    check_eq(page_a[3], 5, "and nothing is stored");
    set(9, pa(page_a) | PTE_PAGE | (PTE_RAM & ~PTE_AF));
    va = WINDOW + 9 * 4096;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(ACCESS_FLAG, 3)), va,
                 "D8.5: AF clear, TCR.HA 0: access flag fault");
    set(9, pa(page_a) | PTE_PAGE | PTE_RAM);
    check(!load_faults(va, 0), "D8.5: an entry that faulted is not cached: AF set works at once");
    l2[3] = pa(block_area) | PTE_BLOCK | PTE_RAM | PTE_RO;
    tlbi_all();
    va = WINDOW + 0x600000 + 0x1000;
    expect_fault(store_faults(va, 1), ESR(EC_DABT_EL1, WNR | FAULT(PERMISSION, 2)), va,
                 "a read-only block: permission fault, level 2");
    l2[3] = 0;
    /* D8.3.3: APTable 0b10 takes the writes away below it. */
    l2[3] = pa(l3) | PTE_TABLE | 2ull << 61;
    tlbi_all();
    va = WINDOW + 0x600000;
    expect_fault(store_faults(va, 1), ESR(EC_DABT_EL1, WNR | FAULT(PERMISSION, 3)), va,
                 "D8.3.3: APTable read-only wins over the page");
    l2[3] = 0;
    tlbi_all();
}

/* Two pages side by side, the second not there (B2.2.1: FAR names the part that faulted). */
static void crossing(void)
{
    set(10, pa(page_a) | PTE_PAGE | PTE_RAM);
    set(11, 0);
    uint64_t va = WINDOW + 10 * 4096 + 4092;
    bool faulted = load_faults(va, 0);
    check(faulted && (trap_last.far_ & ~0xfffull) == WINDOW + 11 * 4096ull &&
              (trap_last.esr & 0x3f) == FAULT(TRANSLATION, 3),
          "an access across pages faults on the one that is missing");
    set(11, pa(page_b) | PTE_PAGE | PTE_RAM);
    page_a[511] = 0x44332211ull << 32;
    page_b[0] = 0x88776655;
    uint64_t v;
    faulted = load_faults(va, &v);
    check_eq(v, 0x8877665544332211, "and with both there it reads both frames");
    check(!faulted, "without a fault");
    trap_arm();
    __asm__ volatile("str %0, [%1]" ::"r"(0x0123456789abcdefull), "r"(va) : "memory");
    check(page_a[511] >> 32 == 0x89abcdef && (uint32_t)page_b[0] == 0x01234567,
          "and so does a store");
}

/* ---- EL0 ---- */

uint64_t el0_read(uint64_t va);
uint64_t el0_write(uint64_t va);
uint64_t el0_nothing(uint64_t va);
__asm__(".pushsection .text\n\t.balign 4096\n"
        "\t.globl el0_read, el0_write, el0_nothing\n"
        "el0_read:\n\tldr x0, [x0]\n\tsvc #0xe1e\n"
        "el0_write:\n\tstr x0, [x0]\n\tsvc #0xe1e\n"
        "el0_nothing:\n\tsvc #0xe1e\n\tret\n\t.balign 4096\n.popsection");

typedef uint64_t (*el0_fn)(uint64_t);

static el0_fn at_page(unsigned n, el0_fn fn)
{
    return (el0_fn)(WINDOW + n * 4096ull + ((uint64_t)fn & 0xfff));
}

static void user(void)
{
    uint64_t sp = (uint64_t)el0_stack_top;
    set(16, (pa((void *)(uint64_t)el0_read) & ~0xfffull) | PTE_PAGE | PTE_RAM | PTE_EL0 | PTE_RO);
    set(17, pa(page_a) | PTE_PAGE | PTE_RAM | PTE_EL0);
    set(18, pa(page_a) | PTE_PAGE | PTE_RAM);
    set(19, pa(page_a) | PTE_PAGE | PTE_RAM | PTE_EL0 | PTE_RO);
    set(20, (pa((void *)(uint64_t)el0_read) & ~0xfffull) | PTE_PAGE | PTE_RAM | PTE_EL0 | PTE_RO |
                PTE_UXN);
    set(21, (pa((void *)(uint64_t)el0_read) & ~0xfffull) | PTE_PAGE | PTE_RAM | PTE_PXN);
    set(22, (pa((void *)(uint64_t)el0_read) & ~0xfffull) | PTE_PAGE | PTE_RAM | PTE_EL0);
    page_a[0] = 99;
    trap_arm();
    check_eq(el0_call(at_page(16, el0_read), WINDOW + 17 * 4096, sp, 0), 99,
             "D8.4: EL0 reads its own page");
    uint64_t va = WINDOW + 18 * 4096;
    el0_call(at_page(16, el0_read), va, sp, 0);
    expect_fault(trap_count == 1, ESR(EC_DABT_EL0, FAULT(PERMISSION, 3)), va,
                 "EL0 reads EL1's page: permission fault");
    va = WINDOW + 19 * 4096;
    trap_arm();
    el0_call(at_page(16, el0_write), va, sp, 0);
    expect_fault(trap_count == 1, ESR(EC_DABT_EL0, WNR | FAULT(PERMISSION, 3)), va,
                 "EL0 writes a read-only page: permission fault");
    /* Fetches: go on at a place that EL0 may run. */
    va = (uint64_t)at_page(20, el0_nothing);
    trap_arm();
    trap_resume = (uint64_t)at_page(16, el0_nothing);
    el0_call(at_page(20, el0_nothing), 0, sp, 0);
    expect_fault(trap_count == 1, ESR(EC_IABT_EL0, FAULT(PERMISSION, 3)), va,
                 "D8.4.2: EL0 fetches from UXN: permission fault");
    check_eq(trap_last.elr, va, "ELR of a fetch that faults is its address");
    va = WINDOW + 23 * 4096;
    trap_arm();
    trap_resume = (uint64_t)at_page(16, el0_nothing);
    el0_call((el0_fn)va, 0, sp, 0);
    expect_fault(trap_count == 1, ESR(EC_IABT_EL0, FAULT(TRANSLATION, 3)), va,
                 "EL0 fetches from nowhere: translation fault");
    trap_arm();
    __asm__ volatile("adr x9, 1f\n\tstr x9, [%1]\n\tblr %0\n1:" ::"r"(at_page(21, el0_nothing)),
                     "r"(&trap_resume)
                     : "x9", "x30", "memory");
    expect_fault(trap_count == 1, ESR(EC_IABT_EL1, FAULT(PERMISSION, 3)),
                 (uint64_t)at_page(21, el0_nothing),
                 "D8.4.2: EL1 fetches from PXN: permission fault");
    trap_arm();
    __asm__ volatile("adr x9, 1f\n\tstr x9, [%1]\n\tblr %0\n1:" ::"r"(at_page(22, el0_nothing)),
                     "r"(&trap_resume)
                     : "x9", "x30", "memory");
    expect_fault(trap_count == 1, ESR(EC_IABT_EL1, FAULT(PERMISSION, 3)),
                 (uint64_t)at_page(22, el0_nothing),
                 "D8.4.2: EL1 fetches from what EL0 may write: permission fault");
    /* Unprivileged loads at EL1 take EL0's rights (C3.2.6). */
    trap_arm();
    __asm__ volatile("ldtr x9, [%0]" ::"r"(WINDOW + 18 * 4096ull) : "x9", "memory");
    expect_fault(trap_count == 1, ESR(EC_DABT_EL1, FAULT(PERMISSION, 3)), WINDOW + 18 * 4096ull,
                 "C3.2.6: ldtr at EL1 has EL0's rights");
    trap_arm();
    __asm__ volatile("ldtr x9, [%0]" ::"r"(WINDOW + 17 * 4096ull) : "x9", "memory");
    check_eq(trap_count, 0, "and reads what EL0 may");
}

static void upper_half(void)
{
    high_l1[0] = pa(high_l2) | PTE_TABLE;
    high_l2[0] = pa(high_l3) | PTE_TABLE;
    high_l3[4] = pa(page_b) | PTE_PAGE | PTE_RAM;
    write_sysreg(ttbr1_el1, pa(high_l1));
    tlbi_all();
    page_b[9] = 0x9999;
    check_eq(*(volatile uint64_t *)(HIGH + 4 * 4096 + 72), 0x9999,
             "D8.2.1: the upper range is TTBR1's");
    uint64_t va = HIGH + 5 * 4096;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 3)), va,
                 "and faults there as below");
    va = HIGH - 4096;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 0)), va,
                 "below T1SZ's range: level 0");
    write_sysreg(tcr_el1, read_sysreg(tcr_el1) | 1ull << 23); /* EPD1 */
    tlbi_all();
    va = HIGH + 4 * 4096;
    expect_fault(load_faults(va, 0), ESR(EC_DABT_EL1, FAULT(TRANSLATION, 0)), va,
                 "TCR.EPD1: no walk of TTBR1, level 0");
    write_sysreg(tcr_el1, read_sysreg(tcr_el1) & ~(1ull << 23));
    tlbi_all();
    /* TBI1: the top byte is ignored (D8.8). */
    write_sysreg(tcr_el1, read_sysreg(tcr_el1) | 1ull << 37);
    check_eq(*(volatile uint64_t *)(WINDOW + 0x2a00000000000000ull + 4096 * 11), page_b[0],
             "D8.8: TBI0 ignores the top byte");
    write_sysreg(tcr_el1, read_sysreg(tcr_el1) & ~(1ull << 37));
}

static void tlb(void)
{
    set(30, pa(page_a) | PTE_PAGE | PTE_RAM);
    page_a[0] = 1;
    page_b[0] = 2;
    check_eq(page(30)[0], 1, "a mapping");
    set(30, 0);
    tlbi_va((uint64_t)page(30));
    check(load_faults((uint64_t)page(30), 0), "D8.14: after TLBI VAE1 it is gone");
    set(30, pa(page_b) | PTE_PAGE | PTE_RAM);
    check_eq(page(30)[0], 2, "and a new one is found without more");

    /* The same address in two address spaces: nG pages with an ASID each (D8.14.3). */
    for (unsigned i = 0; i < 512; i++)
        other_l1[i] = mmu_l1[i];
    other_l1[256] = pa(other_l2) | PTE_TABLE;
    other_l2[0] = pa(other_l3) | PTE_TABLE;
    other_l3[40] = pa(page_b) | PTE_PAGE | PTE_RAM | PTE_NG;
    set(40, pa(page_a) | PTE_PAGE | PTE_RAM | PTE_NG);
    uint64_t space[2] = {pa(mmu_l1) | 1ull << 48, pa(other_l1) | 2ull << 48};
    unsigned bad = 0;
    for (unsigned i = 0; i < 1000; i++) {
        write_sysreg(ttbr0_el1, space[i & 1]);
        bad += page(40)[0] != 1 + (i & 1);
    }
    check_eq(bad, 0, "D8.14.3: two ASIDs, 1000 switches, no maintenance");
    write_sysreg(ttbr0_el1, space[0]);
    (void)page(40)[0];
    set(40, pa(page_b) | PTE_PAGE | PTE_RAM | PTE_NG);
    __asm__ volatile("dsb ishst\n\ttlbi aside1is, %0\n\tdsb ish\n\tisb" ::"r"(1ull << 48)
                     : "memory");
    check_eq(page(40)[0], 2, "D8.14.5: TLBI ASIDE1IS drops the ASID's entries");
    write_sysreg(ttbr0_el1, pa(mmu_l1));
    tlbi_all();
}

static void at(void)
{
    set(50, pa(page_a) | PTE_PAGE | PTE_RAM | PTE_RO);
    uint64_t va = WINDOW + 50 * 4096 + 0x123;
    __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(va));
    uint64_t par = read_sysreg(par_el1);
    check_eq(par & 0xfffffffff001, pa(page_a), "D8.14.11: AT S1E1R gives the frame");
    __asm__ volatile("at s1e1w, %0\n\tisb" ::"r"(va));
    par = read_sysreg(par_el1);
    check_eq(par & 0x7f, 1 | FAULT(PERMISSION, 3) << 1,
             "AT S1E1W of a read-only page: F, permission, level 3");
    __asm__ volatile("at s1e0r, %0\n\tisb" ::"r"(va));
    check_eq(read_sysreg(par_el1) & 0x7f, 1 | FAULT(PERMISSION, 3) << 1,
             "AT S1E0R of EL1's page: F");
    __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(WINDOW + 0x40000000));
    check_eq(read_sysreg(par_el1) & 0x7f, 1 | FAULT(TRANSLATION, 1) << 1,
             "AT of nothing: F, translation, level 1");
    trap_arm();
    check_eq(trap_count, 0, "AT takes no exception");
}

int guest_main(void)
{
    mmu_identity();
    mmu_l1[256] = pa(l2) | PTE_TABLE;
    l2[0] = pa(l3) | PTE_TABLE;
    l2[1] = pa(block_area) | PTE_BLOCK | PTE_RAM;
    mmu_on(pa(mmu_l1), pa(high_l1));
    check_eq(read_sysreg(sctlr_el1) & 1, 1, "the MMU is on");
    levels();
    permissions();
    crossing();
    user();
    upper_half();
    tlb();
    at();
    mmu_off();
    return guest_done();
}
