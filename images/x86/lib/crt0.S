// SPDX-License-Identifier: MIT
//
// crt0.S - from a PVH or a 64-bit entry to guest_main(how, info), in 64-bit mode with the first 4 GiB mapped
// one to one; and where other CPUs begin.
//
// With -DPVH the note names the 32-bit entry (Xen's elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY); without it the image
// is entered at e_entry, as docs/images.md says.

#ifdef PVH
        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18
        .asciz  "Xen"
        .long   pvh_entry
#endif

        .text
        .code32
pvh_entry:
        movl    $stack_end, %esp
        movl    %ebx, %edi              // start-info
        call    long_mode_setup
        ljmp    $0x10, $1f
        .code64
1:      movl    %edi, %esi
        xorl    %edi, %edi
        jmp     common

        .globl  _start
_start: movl    $stack_end, %esp        // RSI: zero page
        movl    $1, %edi
        leaq    gdt_ptr(%rip), %rax
        lgdt    (%rax)
common: movw    $0x18, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $stack_end, %esp
        movq    %cr4, %rax
        orl     $0x600, %eax            // OSFXSR, OSXMMEXCPT
        movq    %rax, %cr4
        call    guest_setup
        movl    %eax, %edi
1:      jmp     guest_end               // with guest_main()'s status

// Page tables, PAE, EFER.LME, paging (SDM vol. 3A §9.8.5). Keeps EDI and ESI.
        .code32
long_mode_setup:
        movl    $pd, %eax
        movl    $0x83, %ecx             // present, writable, 2 MiB
1:      movl    %ecx, (%eax)
        addl    $0x200000, %ecx
        addl    $8, %eax
        cmpl    $pd + 0x4000, %eax
        jne     1b
        movl    $pdpt + 3, pml4
        movl    $pd + 3, pdpt
        movl    $pd + 0x1003, pdpt + 8
        movl    $pd + 0x2003, pdpt + 16
        movl    $pd + 0x3003, pdpt + 24
long_mode_on:
        movl    $pml4, %eax
        movl    %eax, %cr3
        movl    %cr4, %eax
        orl     $0x20, %eax
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000001, %eax
        movl    %eax, %cr0
        lgdt    gdt_ptr
        ret

// Copied below 1 MiB for other CPUs, which begin there in real mode; all of it is relative to CS.
        .globl  ap_begin, ap_finish
        .code16
ap_begin:
        cli
        lgdtl   %cs:(ap_gdt_ptr - ap_begin)
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $0x20, $ap_32
ap_gdt_ptr:
        .word   gdt_end - gdt - 1
        .long   gdt
ap_finish:
        .code32
ap_32:  movw    $0x18, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $1, %eax
        lock xaddl %eax, ap_count
        movl    %eax, %edi
        shll    $12, %eax
        leal    ap_stacks + 0x1000(%eax), %esp
        call    long_mode_on
        ljmp    $0x10, $1f
        .code64
1:      call    cpu_main
2:      hlt
        jmp     2b

// Interrupts: vector in RDI.
        .balign 16
        .globl  vectors
vectors:
        .set    number, 0
        .rept   64
        .balign 16
        pushq   $number
        jmp     vector_common
        .set    number, number + 1
        .endr
vector_common:
        .irp    r, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
        pushq   %\r
        .endr
        movq    72(%rsp), %rdi
        call    interrupt
        .irp    r, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
        popq    %\r
        .endr
        addq    $8, %rsp
        iretq

        .weak   interrupt
interrupt:
        ud2
        .weak   cpu_main
cpu_main:
        ret

        .data
        .balign 16
gdt:    .quad   0, 0
        .quad   0x00af9b000000ffff      // 0x10: 64-bit code
        .quad   0x00cf93000000ffff      // 0x18: data
        .quad   0x00cf9b000000ffff      // 0x20: 32-bit code
gdt_end:
gdt_ptr:
        .word   gdt_end - gdt - 1
        .quad   gdt
        .globl  ap_count
ap_count:
        .long   0

        .bss
        .balign 4096
pml4:   .skip   4096
pdpt:   .skip   4096
pd:     .skip   4 * 4096
stack:  .skip   16384
stack_end:
ap_stacks:
        .skip   8 * 4096
        .section .note.GNU-stack, "", @progbits
