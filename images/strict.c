// SPDX-License-Identifier: MIT
/*
 * strict.c - rules that QEMU 7.2 leaves out or has otherwise, so that it cannot be the second
 * opinion: alignment of the stack pointer (Arm ARM DDI 0487J.a D1.3.10) and in Device memory, which
 * is all memory while the MMU is off (B2.7.2), and the syndrome of a trapped MSR (immediate)
 * (D17.2.37, EC 0x18).
 *
 * Boards: virt micro vibe
 */
#include "mmu.h"

uint64_t el0_load_sp(uint64_t arg);
uint64_t el0_daifset(uint64_t arg);
__asm__(".pushsection .text\n\t.globl el0_load_sp\nel0_load_sp:\n\tldr x1, [sp]\n\tret\n"
        "\t.globl el0_daifset\nel0_daifset:\n\tmsr daifset, #2\n\tret\n.popsection");

int guest_main(void)
{
    static uint64_t words[8];
    uint64_t at, sctlr = read_sysreg(sctlr_el1);
    write_sysreg(sctlr_el1, sctlr | 1 << 3 | 1 << 4); /* SA, SA0 */
    trap_arm();
    __asm__ volatile(
        "mov x9, sp\n\tsub x9, x9, #248\n\tmsr sp_el0, x9\n\tmsr spsel, #0\n\tadr %0, 1f\n"
        "1:\tldr x10, [sp]\n\tmsr spsel, #1"
        : "=&r"(at)::"x9", "x10", "memory");
    check(trap_count == 1 && trap_last.vector == VECTOR_SP0_SYNC &&
              trap_last.esr == ((uint64_t)EC_SP_ALIGN << 26 | 1 << 25) && trap_last.elr == at,
          "D1.3.10: EL1t load through a misaligned SP, SCTLR.SA 1");
    trap_arm();
    el0_call(el0_load_sp, 0, (uint64_t)el0_stack_top - 8, 0);
    check(trap_count == 1 && trap_last.vector == VECTOR_EL0_SYNC &&
              ESR_EC(trap_last.esr) == EC_SP_ALIGN,
          "D1.3.10: EL0 load through a misaligned SP, SCTLR.SA0 1");
    write_sysreg(sctlr_el1, sctlr & ~(1ull << 3 | 1ull << 4));
    trap_arm();
    el0_call(el0_load_sp, 0, (uint64_t)el0_stack_top - 8, 0);
    check_eq(trap_count, 0, "D1.3.10: and none with SCTLR.SA0 0");

    write_sysreg(sctlr_el1, sctlr & ~(1ull << 9)); /* UMA */
    trap_arm();
    el0_call(el0_daifset, 0, (uint64_t)el0_stack_top, 0);
    /* op0 0, op2 6, op1 3, CRn 4, Rt 31, CRm 2 (the immediate), a write */
    check_eq(trap_last.esr,
             (uint64_t)EC_SYSREG << 26 | 1 << 25 | 6 << 17 | 3 << 14 | 4 << 10 | 31 << 5 | 2 << 1,
             "D17.2.37: EL0 msr daifset, #2 with SCTLR.UMA 0");
    write_sysreg(sctlr_el1, sctlr);

    uint64_t odd = (uint64_t)words + 1;
    trap_arm();
    __asm__ volatile("ldr x9, [%0]" ::"r"(odd) : "x9", "memory");
    check(trap_count == 1 && ESR_EC(trap_last.esr) == EC_DABT_EL1 && (trap_last.esr & 0x3f) == 0x21,
          "B2.7.2: MMU off, an unaligned load is an alignment fault");
    mmu_identity();
    mmu_on((uint64_t)mmu_l1, 0);
    trap_arm();
    __asm__ volatile("ldr x9, [%0]" ::"r"(odd) : "x9", "memory");
    check_eq(trap_count, 0, "B2.5.2: MMU on, Normal memory takes unaligned loads");
    mmu_off();
    return guest_done();
}
