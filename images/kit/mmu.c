// SPDX-License-Identifier: MIT
/*
 * mmu.c - see mmu.h.
 */
#include "mmu.h"

table_t mmu_l1;

#define PTE_MMIO (PTE_DEVICE | PTE_AF | PTE_UXN | PTE_PXN)
#define MIB2     0x200000ull

void mmu_identity(void)
{
#ifdef BOARD_vibe
    /*
     * RAM below 192 MiB, with the virtio windows as a hole of some pages in it, the interrupt
     * controller right above it, the console in the third GiB.
     */
    static table_t low, around;
    for (unsigned i = 0; i < 512; i++)
        low[i] = i * MIB2 | PTE_BLOCK | (i * MIB2 < GICD_BASE ? PTE_RAM : PTE_MMIO);
    for (unsigned i = 0; i < 512; i++)
        around[i] = (VIRTIO_BASE + i * 4096ull) | PTE_PAGE |
                    (i < VIRTIO_COUNT * VIRTIO_STRIDE / 4096 ? PTE_MMIO : PTE_RAM);
    _Static_assert(VIRTIO_BASE % MIB2 == 0, "the table begins with the windows");
    low[VIRTIO_BASE / MIB2] = (uint64_t)around | PTE_TABLE;
    mmu_l1[0] = (uint64_t)low | PTE_TABLE;
    mmu_l1[2] = 0x80000000ull | PTE_BLOCK | PTE_MMIO;
#else
    mmu_l1[0] = PTE_BLOCK | PTE_MMIO;
    mmu_l1[1] = RAM_BASE | PTE_BLOCK | PTE_RAM;
#endif
    barrier("dsb ish");
}

void mmu_map_ram(uint64_t base, uint64_t size)
{
    for (uint64_t i = base >> 30; i < 512 && i << 30 < base + size; i++)
        if (!mmu_l1[i])
            mmu_l1[i] = i << 30 | PTE_BLOCK | PTE_RAM;
    barrier("dsb ishst\n\tisb");
}

void mmu_on(uint64_t ttbr0, uint64_t ttbr1)
{
    write_sysreg(mair_el1, 0x04ff);
    /* T0SZ = T1SZ = 25, inner shareable write-back walks, TG1 4 KiB (0b10), IPS 40 bits, 16-bit
     * ASIDs. */
    write_sysreg(tcr_el1, 25ull | 25ull << 16 | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 24 |
                              1ull << 26 | 3ull << 28 | 2ull << 30 | 2ull << 32 | 1ull << 36);
    write_sysreg(ttbr0_el1, ttbr0);
    write_sysreg(ttbr1_el1, ttbr1);
    tlbi_all();
    write_sysreg(sctlr_el1, read_sysreg(sctlr_el1) | 1ull | 1ull << 2 | 1ull << 12);
}

void mmu_off(void)
{
    write_sysreg(sctlr_el1, read_sysreg(sctlr_el1) & ~1ull);
    tlbi_all();
}

void tlbi_all(void)
{
    __asm__ volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
}
