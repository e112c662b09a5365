// SPDX-License-Identifier: MIT
/*
 * fp.c - values in SSE registers live through exits.
 */
#include "guest.h"

int guest_main(void)
{
    uint64_t bits;
    __asm__ volatile("cvtsi2sd %0, %%xmm0; sqrtsd %%xmm0, %%xmm7" ::"r"(2l));
    for (unsigned i = 0; i < 1000; i++)
        in8(UART + 7);
    __asm__ volatile("movq %%xmm7, %0" : "=r"(bits));
    put_hex(bits); /* 0x3ff6a09e667f3bcd: the square root of 2 in IEEE 754 */
    put_text("\n");
    return 0;
}
