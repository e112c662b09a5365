// SPDX-License-Identifier: MIT
/*
 * ports.c - port accesses of every kind: strings of bytes out, reads of where nothing is, sizes that
 * a device does not take, a register that keeps a byte; and memory where nothing is.
 */
#include "guest.h"

int guest_main(void)
{
    static const char text[] = "a string of bytes by one instruction\n";
    const char *from = text;
    unsigned long n = sizeof text - 1;
    __asm__ volatile("cld; rep outsb" : "+S"(from), "+c"(n) : "d"((uint16_t)UART) : "memory");
    put_text("nothing there: ");
    put_hex(in8(0x500));
    put_text(" ");
    put_hex(in32(0x500));
    put_text(" ");
    put_hex(rd32(0xd8000000));
    put_text("\nscratch: ");
    out8(UART + 7, 0x5a);
    put_hex(in8(UART + 7));
    out16(UART + 7, 0x1234); /* not of its size: nothing changes */
    put_text(" ");
    put_hex(in8(UART + 7));
    uint8_t got[4] = {0};
    uint8_t *to = got;
    n = sizeof got;
    __asm__ volatile("cld; rep insb" : "+D"(to), "+c"(n) : "d"((uint16_t)(UART + 7)) : "memory");
    put_text(" ");
    for (unsigned i = 0; i < sizeof got; i++)
        put_hex(got[i]);
    put_text("\n");
    return 0;
}
