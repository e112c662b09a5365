// SPDX-License-Identifier: MIT
//
// bzimage.S - the smallest image that the 64-bit boot protocol accepts (Linux x86/boot.rst): prints its command
// line and the first line of its initramfs, and switches off. A flat binary.

        .section .text, "ax"
        .globl  _start
_start: .org    0x1f1
        .byte   1                       // setup_sects
        .org    0x1f4
        .long   (end - kernel) / 16     // syssize
        .org    0x1fe
        .word   0xaa55
        .byte   0xeb, header_end - 0x202 - _start // jump; its length says where the header ends
        .ascii  "HdrS"
        .word   0x20f                   // protocol 2.15
        .org    0x22c
        .long   0x7fffffff              // initrd_addr_max
        .long   0x1000                  // kernel_alignment
        .byte   1                       // relocatable
        .org    0x236
        .word   1                       // XLF_KERNEL_64
        .long   255                     // cmdline_size
        .org    0x258
        .quad   0x200000                // pref_address
        .long   0x2000                  // init_size
        .org    0x268
header_end:
        .org    0x400                   // after setup_sects + 1 sectors
kernel: .org    0x600                   // the 64-bit entry
        .code64
        movq    %rsi, %rbx              // zero page
        leaq    greeting(%rip), %rsi
        call    print
        movl    0x228(%rbx), %esi       // cmd_line_ptr
        call    print
        leaq    newline(%rip), %rsi
        call    print
        movl    0x218(%rbx), %esi       // ramdisk_image
        movl    0x21c(%rbx), %ecx
        testl   %ecx, %ecx
        jz      2f
1:      lodsb
        movw    $0x3f8, %dx
        outb    %al, %dx
        cmpb    $'\n', %al
        jne     1b
2:      movw    $0x600, %dx
        movb    $(5 << 2 | 0x20), %al
        outb    %al, %dx
        hlt
print:  lodsb
        testb   %al, %al
        jz      1f
        movw    $0x3f8, %dx
        outb    %al, %dx
        jmp     print
1:      ret
greeting:
        .asciz  "hello by bzImage: "
newline:
        .asciz  "\n"
        .balign 16
end:
        .section .note.GNU-stack, "", @progbits
