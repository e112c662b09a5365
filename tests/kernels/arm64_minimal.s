// SPDX-License-Identifier: MIT
//
// arm64_minimal - prints "Hi" once on board `vibe` and powers off (PSCI DEN 0022F §5.1.9 SYSTEM_OFF, by HVC).
//
// Position-independent, as arm64_hello.s. When this changes, `build.sh --listing` renews arm64_minimal.hex.

        .text
        .globl  _start
_start: movz    x1, #0x9000, lsl #16    // the debug console
        adr     x2, text
next:   ldrb    w3, [x2], #1
        cbz     w3, done
        strb    w3, [x1]
        b       next
done:   movz    w0, #0x8400, lsl #16    // SYSTEM_OFF
        movk    w0, #0x0008
        hvc     #0
stay:   b       stay                    // not reached
text:   .asciz  "Hi\n"
        .balign 4
