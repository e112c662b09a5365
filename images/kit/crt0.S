// SPDX-License-Identifier: MIT
//
// crt0.S - from the first instruction to guest_main(), and the exception vectors.
//
// Runs at any 4 KiB-aligned address: everything is reached relative to the PC. Entry state is what the boards
// give (EL1, MMU off, exceptions masked); of the registers x0 alone is kept, for who looks for a device tree.

        .section .text.start, "ax"
        .globl  _start
_start: mov     x19, x0
        msr     daifset, #15
        adrp    x0, vectors
        add     x0, x0, :lo12:vectors
        msr     vbar_el1, x0
        mov     x0, #3 << 20                    // CPACR_EL1.FPEN: no trap of FP
        msr     cpacr_el1, x0
        isb
        msr     spsel, #1
        adrp    x0, __stacks_end                // CPU 0 has the highest one
        add     x0, x0, :lo12:__stacks_end
        mov     sp, x0
        adrp    x0, __bss_start
        add     x0, x0, :lo12:__bss_start
        adrp    x1, __bss_end
        add     x1, x1, :lo12:__bss_end
1:      cmp     x0, x1
        b.hs    2f
        stp     xzr, xzr, [x0], #16
        b       1b
2:      adrp    x0, boot_x0
        str     x19, [x0, :lo12:boot_x0]
        bl      console_init
        bl      guest_main
        bl      guest_end

// A CPU that PSCI CPU_ON started: x0 points to its struct cpu_start (cpu.c). Its MMU is off and its caches may
// hold nothing of that memory; the stack is touched only when both are as its starter has them.
        .text
        .globl  cpu_entry
cpu_entry:
        msr     daifset, #15
        adrp    x1, vectors
        add     x1, x1, :lo12:vectors
        msr     vbar_el1, x1
        mov     x1, #3 << 20
        msr     cpacr_el1, x1
        msr     spsel, #1
        ldp     x1, x2, [x0, #0]                // n, MAIR
        ldp     x3, x4, [x0, #16]               // TCR, TTBR0
        ldp     x5, x6, [x0, #32]               // TTBR1, SCTLR
        msr     mair_el1, x2
        msr     tcr_el1, x3
        msr     ttbr0_el1, x4
        msr     ttbr1_el1, x5
        isb
        tlbi    vmalle1
        dsb     nsh
        isb
        msr     sctlr_el1, x6
        isb
        adrp    x2, __stacks_end
        add     x2, x2, :lo12:__stacks_end
        sub     x2, x2, x1, lsl #14             // STACK_SIZE each
        mov     sp, x2
        bl      cpu_main
1:      wfi
        b       1b

// The trap frame of guest.h: x0..x30, SP_EL0, ELR, SPSR, ESR, FAR, vector, CPU.
#define FRAME 304

        .macro  vector n
        .balign 0x80
        sub     sp, sp, #FRAME
        stp     x0, x1, [sp, #0]
        mov     x0, #\n
        b       trap_common
        .endm

        .balign 0x800
        .globl  vectors
vectors:
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vector  \n
        .endr

        .balign 0x80
trap_common:
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x18, x19, [sp, #144]
        stp     x20, x21, [sp, #160]
        stp     x22, x23, [sp, #176]
        stp     x24, x25, [sp, #192]
        stp     x26, x27, [sp, #208]
        stp     x28, x29, [sp, #224]
        mrs     x1, sp_el0
        stp     x30, x1, [sp, #240]
        mrs     x1, elr_el1
        mrs     x2, spsr_el1
        stp     x1, x2, [sp, #256]
        mrs     x1, esr_el1
        mrs     x2, far_el1
        stp     x1, x2, [sp, #272]
        mrs     x1, mpidr_el1
        and     x1, x1, #0xff
        stp     x0, x1, [sp, #288]
        mov     x0, sp
        bl      trap_enter
        ldp     x1, x2, [sp, #256]
        msr     elr_el1, x1
        msr     spsr_el1, x2
        ldp     x30, x1, [sp, #240]
        msr     sp_el0, x1
        ldp     x28, x29, [sp, #224]
        ldp     x26, x27, [sp, #208]
        ldp     x24, x25, [sp, #192]
        ldp     x22, x23, [sp, #176]
        ldp     x20, x21, [sp, #160]
        ldp     x18, x19, [sp, #144]
        ldp     x16, x17, [sp, #128]
        ldp     x14, x15, [sp, #112]
        ldp     x12, x13, [sp, #96]
        ldp     x10, x11, [sp, #80]
        ldp     x8, x9, [sp, #64]
        ldp     x6, x7, [sp, #48]
        ldp     x4, x5, [sp, #32]
        ldp     x2, x3, [sp, #16]
        ldp     x0, x1, [sp, #0]
        add     sp, sp, #FRAME
        eret

// uint64_t el0_call(fn, arg, sp, spsr): down to EL0; el0_return is where the trap handler sends it back to,
// at EL1 with SP_EL1 as it was.
        .globl  el0_call
el0_call:
        stp     x29, x30, [sp, #-96]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        msr     sp_el0, x2
        msr     elr_el1, x0
        msr     spsr_el1, x3
        mov     x0, x1
        adr     x30, el0_exit
        eret
        .globl  el0_return
el0_return:
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     x29, x30, [sp], #96
        ret
el0_exit:
        svc     #0xe1e
        b       el0_exit

        .globl  psci
psci:   hvc     #0
        ret

        .bss
        .balign 16
        .skip   4096
        .globl  el0_stack_top
el0_stack_top:

        .balign 8
        .globl  boot_x0
boot_x0:
        .skip   8
