// SPDX-License-Identifier: MIT
/*
 * timer.c - ticks of the 8254 by the I/O APIC, of the local APIC's timer, and the clock's update
 * interrupt; each source must tick three times.
 */
#include "guest.h"

enum { PIT = 32, RTC = 33, TIMER = 34 };

static volatile unsigned ticks[64];

void interrupt(unsigned vector)
{
    if (vector < 32) {
        put_text("exception ");
        put_dec(vector);
        guest_end(2);
    }
    ticks[vector]++;
    if (vector == RTC) {
        out8(0x70, 12);
        in8(0x71);
    }
    lapic_eoi();
}

static void wait(unsigned vector, const char *name)
{
    while (ticks[vector] < 3)
        __asm__ volatile("sti; hlt; cli");
    put_text(name);
    put_text(" ticks\n");
}

int guest_main(void)
{
    idt_on();
    lapic_on();
    ioapic_route(0, PIT, false);
    ioapic_route(2, PIT, false);
    out8(0x43, 0x34); /* channel 0, rate generator: 1000 Hz */
    out8(0x40, 1193 & 0xff);
    out8(0x40, 1193 >> 8);
    wait(PIT, "8254");
    wr32(LAPIC + 0x3e0, 3);
    wr32(LAPIC + 0x320, 1u << 17 | TIMER);
    wr32(LAPIC + 0x380, 1000000);
    wait(TIMER, "local APIC");
    wr32(LAPIC + 0x320, 1u << 16);
    ioapic_route(8, RTC, true);
    out8(0x70, 11);
    out8(0x71, 0x12); /* update-ended interrupt, 24 hours */
    wait(RTC, "clock");
    return 0;
}
