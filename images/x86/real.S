// SPDX-License-Identifier: MIT
//
// real.S - real-mode code as a boot sector has it: prints its address and switches off. A flat binary that runs
// at any address whose CS the board sets (docs/images.md).

        .section .text, "ax"
        .globl  _start
        .code16
_start: call    1f
1:      popw    %bx
        subw    $(1b - _start), %bx     // where in the segment it is
        movw    %cs, %ax
        movw    %ax, %ds
        leaw    (text - _start)(%bx), %si
        cld
2:      lodsb
        testb   %al, %al
        jz      3f
        movw    $0x3f8, %dx
        outb    %al, %dx
        jmp     2b
3:      movw    %cs, %ax                // the address: CS * 16 + IP, five digits
        movzwl  %ax, %eax
        shll    $4, %eax
        movzwl  %bx, %ebx
        addl    %ebx, %eax
        movw    $5, %cx
        shll    $12, %eax
4:      roll    $4, %eax
        pushl   %eax
        andb    $15, %al
        addb    $'0', %al
        cmpb    $'9', %al
        jbe     5f
        addb    $('a' - '0' - 10), %al
5:      outb    %al, %dx
        popl    %eax
        loop    4b
        movb    $'\n', %al
        outb    %al, %dx
        movw    $0x600, %dx
        movb    $(5 << 2 | 0x20), %al
        outb    %al, %dx
        hlt
text:   .asciz  "hello by real mode at 0x"
        .section .note.GNU-stack, "", @progbits
