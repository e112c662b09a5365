// SPDX-License-Identifier: MIT
/*
 * write-all.c - stores into every 4 KiB of a 36-bit address space, from the top down: devices,
 * holes, RAM, and at last its own code. What happens then is the guest's own affair; the VMM must
 * stand.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

int guest_main(void)
{
    put_text("writing\n");
    trap_arm();
    for (uint64_t at = 1ull << 36; at > 0;) {
        /* The wide empty space in large steps, the part with the devices and RAM in pages. */
        at -= at > 0x200000000ull ? 0x1000000 : 0x1000;
        __asm__ volatile("str %0, [%1]" ::"r"(~at), "r"(at) : "memory");
    }
    return 0;
}
