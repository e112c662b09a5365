// SPDX-License-Identifier: MIT
/*
 * start.h - how a vCPU begins: what a loader decides and an engine sets.
 */
#ifndef VMM_START_H
#define VMM_START_H

#include "vmm/mem.h"

enum cpu_mode {
    CPU_ARM64,    /* EL1h, MMU off, interrupts masked (arm64 booting.rst); `arg` in x0 */
    CPU_X86_REAL, /* 16-bit real mode, entry below 1 MiB: CS is its 64 KiB, IP the rest, the other
                     segments 0; `arg` in EDX */
    CPU_X86_PROT, /* 32-bit, flat segments, paging off (PVH boot protocol); `arg` in EBX */
    CPU_X86_LONG, /* 64-bit, flat segments, paging by `tables` (Linux x86/boot.rst, 64-bit boot
                     protocol); `arg` in RSI */
};

struct cpu_start {
    enum cpu_mode mode;
    gpa_t entry;
    uint64_t arg;
    /* x86, in guest RAM; 0 where the mode has no use for it. */
    gpa_t gdt;    /* null, unused, code (selector 0x10), data (0x18): four descriptors */
    gpa_t tables; /* CR3 */
    gpa_t stack;  /* RSP, or SP in real mode */
};

#endif
