// SPDX-License-Identifier: MIT
/*
 * guest.c - see guest.h. References: Xen's hvm_start_info.h, Linux zero-page.rst, Intel SDM vol. 3A
 * §8.4.4 (starting CPUs), §10 (local APIC), 82093AA data sheet (I/O APIC), ACPI 6.4 §4.8.3.7.
 */
#include "guest.h"

int how;
uintptr_t info;
const char *args = "";
uint64_t rsdp;

static uint64_t field(size_t off, size_t size)
{
    uint64_t v = 0;
    __builtin_memcpy(&v, (const char *)info + off, size);
    return v;
}

int guest_setup(int by, uintptr_t from);
int guest_setup(int by, uintptr_t from)
{
    how = by;
    info = from;
    uint64_t text = how == BY_PVH ? field(24, 8) : field(0x228, 4);
    rsdp = how == BY_PVH ? field(32, 8) : field(0x70, 8);
    if (text)
        args = (const char *)text;
    return guest_main();
}

void put_char(char c)
{
    while (!(in8(UART + 5) & 0x20))
        ;
    out8(UART, (uint8_t)c);
}

void put_text(const char *s)
{
    while (*s)
        put_char(*s++);
}

void put_hex(uint64_t v)
{
    put_text("0x");
    int shift = 60;
    while (shift && !(v >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put_char("0123456789abcdef"[v >> shift & 15]);
}

void put_dec(uint64_t v)
{
    char buf[21];
    unsigned n = sizeof buf;
    buf[--n] = 0;
    do
        buf[--n] = (char)('0' + v % 10);
    while (v /= 10);
    put_text(buf + n);
}

bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static const char *arg_find(const char *word)
{
    for (const char *p = args; *p; p++) {
        size_t n = 0;
        while (word[n] && p[n] == word[n])
            n++;
        if (!word[n] && (p == args || p[-1] == ' '))
            return p + n;
    }
    return NULL;
}

bool arg_is(const char *word)
{
    return arg_find(word);
}

long arg_number(const char *word)
{
    const char *p = arg_find(word);
    long v = 0;
    if (!p || *p != '=')
        return -1;
    for (p++; *p >= '0' && *p <= '9'; p++)
        v = v * 10 + *p - '0';
    return v;
}

void guest_end(int status)
{
    if (status)
        wr32(SYSCTL, (uint32_t)status << 16 | 0x3333);
    out8(0x600, 5 << 2 | 0x20);
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* ---- interrupts ---- */

extern const char vectors[];

static struct {
    uint64_t low, high;
} idt[64];

void idt_on(void)
{
    for (unsigned i = 0; i < 64; i++) {
        uint64_t at = (uint64_t)(uintptr_t)vectors + 16 * i;
        idt[i].low = (at & 0xffff) | 0x10 << 16 | UINT64_C(0x8e00) << 32 | (at >> 16 & 0xffff) << 48;
        idt[i].high = at >> 32;
    }
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } ptr = {sizeof idt - 1, (uint64_t)(uintptr_t)idt};
    __asm__ volatile("lidt %0" ::"m"(ptr));
}

void lapic_on(void)
{
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    wr32(LAPIC + 0x80, 0);
    wr32(LAPIC + 0xf0, 0x100 | 63);
}

void lapic_eoi(void)
{
    wr32(LAPIC + 0xb0, 0);
}

void ioapic_route(unsigned input, unsigned vector, bool level)
{
    wr32(IOAPIC, 0x11 + 2 * input);
    wr32(IOAPIC + 0x10, 0);
    wr32(IOAPIC, 0x10 + 2 * input);
    wr32(IOAPIC + 0x10, vector | (level ? 1u << 15 : 0));
}

/* ---- other CPUs ---- */

extern const char ap_begin[], ap_finish[];

#define AP_PAGE 0x1000ul

/* INIT to all but this one, then a SIPI; only that much (no delays: the emulated ones need none). */
void cpus_start(void)
{
    volatile char *page = (volatile char *)AP_PAGE;
    for (long i = 0; i < ap_finish - ap_begin; i++)
        page[i] = ap_begin[i];
    lapic_on();
    wr32(LAPIC + 0x300, 0xc4500);
    wr32(LAPIC + 0x300, 0xc4600 | AP_PAGE >> 12);
}
