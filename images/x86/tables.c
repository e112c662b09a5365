// SPDX-License-Identifier: MIT
/*
 * tables.c - prints the memory map and the ACPI tables it was given, with the sums of their bytes
 * (0 when they are right), and the number of CPUs in the MADT. References as in guest.c.
 */
#include "guest.h"

static uint64_t get(uintptr_t at, size_t size)
{
    uint64_t v = 0;
    __builtin_memcpy(&v, (const void *)at, size);
    return v;
}

static void put_map(void)
{
    bool pvh = how == BY_PVH;
    uintptr_t at = pvh ? get(info + 40, 8) : info + 0x2d0;
    unsigned n = (unsigned)(pvh ? get(info + 48, 4) : get(info + 0x1e8, 1));
    for (unsigned i = 0; i < n; i++, at += pvh ? 24 : 20) {
        put_hex(get(at, 8));
        put_text("+");
        put_hex(get(at + 8, 8));
        put_text(get(at + 16, 4) == 1 ? " ram\n" : " reserved\n");
    }
}

static unsigned sum(uintptr_t at, size_t len)
{
    uint8_t s = 0;
    while (len--)
        s = (uint8_t)(s + get(at++, 1));
    return s;
}

static void put_table(uintptr_t at)
{
    uint32_t len = (uint32_t)get(at + 4, 4);
    for (unsigned i = 0; i < 4; i++)
        put_char((char)get(at + i, 1));
    put_text(" sum ");
    put_dec(sum(at, len));
    if (get(at, 4) == 0x43495041) { /* "APIC" */
        unsigned cpus = 0;
        for (uintptr_t e = at + 44; e < at + len; e += get(e + 1, 1))
            cpus += get(e, 1) == 0 && get(e + 4, 4) & 1;
        put_text(" cpus ");
        put_dec(cpus);
    }
    put_text("\n");
    if (get(at, 4) == 0x50434146) /* "FACP" */
        put_table(get(at + 140, 8));
}

int guest_main(void)
{
    put_map();
    if (!rsdp)
        return 1;
    uintptr_t xsdt = get(rsdp + 24, 8);
    put_text("RSDP sum ");
    put_dec(sum(rsdp, 20) + sum(rsdp, 36));
    put_text("\n");
    put_table(xsdt);
    for (uintptr_t e = xsdt + 36; e < xsdt + get(xsdt + 4, 4); e += 8)
        put_table(get(e, 8));
    return 0;
}
