// SPDX-License-Identifier: MIT
/*
 * sys_guest.S - the monitor's entries: the start with the MMU off, the vectors, the way back.
 *
 * x0 of the interrupted block is in TPIDRRO_EL0 until it is in the frame; that register belongs to
 * the monitor, and blocks may read it.
 */
#include "sys.h"

    .section .text.start, "ax"
    .global start
start:
    adr     x0, start
    add     x0, x0, #SYS_PART
    ldp     x1, x2, [x0]
    msr     mair_el1, x1
    msr     tcr_el1, x2
    ldp     x1, x2, [x0, #16]
    msr     ttbr0_el1, x1
    msr     ttbr1_el1, x2
    ldp     x1, x2, [x0, #32]
    msr     vbar_el1, x2
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    msr     sctlr_el1, x1
    isb
    msr     spsel, #1
    ldr     x1, =first
    br      x1
first:
    ldr     x0, =SYS_HIGH + SYS_PART + SYS_AT_FRAME
    add     sp, x0, #SYS_AT_STACK - SYS_AT_FRAME
    bl      sys_first
    b       back

    .macro vector
    .balign 0x80
    msr     tpidrro_el0, x0
    ldr     x0, =SYS_HIGH + SYS_PART + SYS_AT_FRAME
    b       taken
    .endm

    .org    SYS_VECTORS
    .rept 16
    vector
    .endr
    .balign 0x80
    .ltorg

taken:
    stp     x1, x2, [x0, #8]
    stp     x3, x4, [x0, #24]
    stp     x5, x6, [x0, #40]
    stp     x7, x8, [x0, #56]
    stp     x9, x10, [x0, #72]
    stp     x11, x12, [x0, #88]
    stp     x13, x14, [x0, #104]
    stp     x15, x16, [x0, #120]
    stp     x17, x18, [x0, #136]
    stp     x19, x20, [x0, #152]
    stp     x21, x22, [x0, #168]
    stp     x23, x24, [x0, #184]
    stp     x25, x26, [x0, #200]
    stp     x27, x28, [x0, #216]
    stp     x29, x30, [x0, #232]
    mrs     x1, tpidrro_el0
    mrs     x2, sp_el0
    mov     x3, sp
    mrs     x4, elr_el1
    mrs     x5, spsr_el1
    str     x1, [x0]
    stp     x2, x3, [x0, #248]
    stp     x4, x5, [x0, #264]
    add     sp, x0, #SYS_AT_STACK - SYS_AT_FRAME
    bl      sys_taken
back:
    ldr     x0, =SYS_HIGH + SYS_PART + SYS_AT_FRAME
    ldp     x2, x3, [x0, #248]
    ldp     x4, x5, [x0, #264]
    msr     sp_el0, x2
    mov     sp, x3
    msr     elr_el1, x4
    msr     spsr_el1, x5
    ldp     x1, x2, [x0, #8]
    ldp     x3, x4, [x0, #24]
    ldp     x5, x6, [x0, #40]
    ldp     x7, x8, [x0, #56]
    ldp     x9, x10, [x0, #72]
    ldp     x11, x12, [x0, #88]
    ldp     x13, x14, [x0, #104]
    ldp     x15, x16, [x0, #120]
    ldp     x17, x18, [x0, #136]
    ldp     x19, x20, [x0, #152]
    ldp     x21, x22, [x0, #168]
    ldp     x23, x24, [x0, #184]
    ldp     x25, x26, [x0, #200]
    ldp     x27, x28, [x0, #216]
    ldp     x29, x30, [x0, #232]
    ldr     x0, [x0]
    eret
    .ltorg

/* sys_vectors_put(v), sys_vectors_get(v): v0 to v31 */
    .macro all_vectors insn
    \insn   q0, q1, [x0]
    \insn   q2, q3, [x0, #32]
    \insn   q4, q5, [x0, #64]
    \insn   q6, q7, [x0, #96]
    \insn   q8, q9, [x0, #128]
    \insn   q10, q11, [x0, #160]
    \insn   q12, q13, [x0, #192]
    \insn   q14, q15, [x0, #224]
    \insn   q16, q17, [x0, #256]
    \insn   q18, q19, [x0, #288]
    \insn   q20, q21, [x0, #320]
    \insn   q22, q23, [x0, #352]
    \insn   q24, q25, [x0, #384]
    \insn   q26, q27, [x0, #416]
    \insn   q28, q29, [x0, #448]
    \insn   q30, q31, [x0, #480]
    ret
    .endm

    .global sys_vectors_put, sys_vectors_get
sys_vectors_put:
    all_vectors ldp
sys_vectors_get:
    all_vectors stp
