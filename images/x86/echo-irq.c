// SPDX-License-Identifier: MIT
/*
 * echo-irq.c - repeats its input, which it takes by interrupts, until it ends (the carrier drops).
 */
#include "guest.h"

enum { COM1 = 36 };

static volatile bool over;
static volatile unsigned count;

void interrupt(unsigned vector)
{
    if (vector != COM1)
        guest_end(2);
    while (!(in8(UART + 2) & 1)) {
        while (in8(UART + 5) & 1) {
            put_char((char)in8(UART));
            count++;
        }
        uint8_t modem = in8(UART + 6);
        over |= modem & 8 && !(modem & 0x80);
    }
    lapic_eoi();
}

int guest_main(void)
{
    idt_on();
    lapic_on();
    ioapic_route(4, COM1, true);
    out8(UART + 2, 0x01); /* FIFOs */
    out8(UART + 4, 0x0b); /* DTR, RTS, OUT2 */
    out8(UART + 1, 0x09); /* received data, modem lines */
    while (!over)
        __asm__ volatile("sti; hlt; cli");
    put_dec(count);
    put_text(" bytes\n");
    return 0;
}
