// SPDX-License-Identifier: MIT
//
// arm64_hello - prints "Hello World!" for ever on board `vibe`.
//
// A byte store to 0x90000000 prints it (board vibe, row debugcon0). Position-independent: load it anywhere,
// start at its first byte. It needs no stack, no memory of its own and nothing in x0.
// When this changes, `build.sh --listing` renews arm64_hello.hex.

        .text
        .globl  _start
_start: movz    x1, #0x9000, lsl #16    // the debug console
again:  adr     x2, text
next:   ldrb    w3, [x2], #1
        cbz     w3, again
        strb    w3, [x1]
        b       next
text:   .asciz  "Hello World!\n"
        .balign 4
