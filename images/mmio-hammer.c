// SPDX-License-Identifier: MIT
/*
 * mmio-hammer.c - loads and stores of every size where no device is, then ends as if nothing had
 * been.
 *
 * Such an access is answered (0, or ignored) or aborts; either way the guest goes on.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

int guest_main(void)
{
    trap_arm();
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t at = HOLE_BASE + (i * 0x11110 & 0xfffff0), x;
        __asm__ volatile(
            "ldrb %w0, [%1, #1]\n\tldrh %w0, [%1, #2]\n\tldr %w0, [%1, #4]\n\tldr %0, [%1, #8]"
            : "=&r"(x)
            : "r"(at)
            : "memory");
        __asm__ volatile(
            "strb %w0, [%1, #1]\n\tstrh %w0, [%1, #2]\n\tstr %w0, [%1, #4]\n\tstr %0, [%1, #8]" ::
                "r"(i),
            "r"(at)
            : "memory");
        __asm__ volatile("ldp %0, xzr, [%1]\n\tstp xzr, %0, [%1]" : "=&r"(x) : "r"(at) : "memory");
    }
    put_text("still here\n");
    return 0;
}
