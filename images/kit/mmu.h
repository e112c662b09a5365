// SPDX-License-Identifier: MIT
/*
 * mmu.h - stage 1 translation tables of a guest: 4 KiB granule, 39-bit regions (Arm ARM DDI 0487J.a
 * D8.2, D8.3).
 */
#ifndef IMAGES_MMU_H
#define IMAGES_MMU_H

#include "guest.h"

#define PTE_TABLE 3ull
#define PTE_BLOCK 1ull
#define PTE_PAGE  3ull
#define PTE_NORMAL                                                                                 \
    (0ull << 2) /* AttrIndx into the MAIR of mmu_on(): 0 write-back, 1 device nGnRE */
#define PTE_DEVICE (1ull << 2)
#define PTE_EL0    (1ull << 6) /* AP[1] */
#define PTE_RO     (1ull << 7) /* AP[2] */
#define PTE_ISH    (3ull << 8)
#define PTE_AF     (1ull << 10)
#define PTE_NG     (1ull << 11)
#define PTE_PXN    (1ull << 53)
#define PTE_UXN    (1ull << 54)
#define PTE_RAM    (PTE_NORMAL | PTE_ISH | PTE_AF)

typedef uint64_t table_t[512] __attribute__((aligned(4096)));

/* Level 1 of the identity map: devices as device memory, RAM as normal. */
extern table_t mmu_l1;

/* Fill mmu_l1 and switch the MMU on for this CPU, with mmu_l1 in TTBR0 (ASID 0) and `ttbr1` in
 * TTBR1. */
void mmu_identity(void);
/* Of what mmu_identity() has left out (RAM beyond its first GiB): whole GiBs around the range. */
void mmu_map_ram(uint64_t base, uint64_t size);
void mmu_on(uint64_t ttbr0, uint64_t ttbr1);
void mmu_off(void);
void tlbi_all(void);

#endif
