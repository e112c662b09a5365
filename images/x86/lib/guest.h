// SPDX-License-Identifier: MIT
/*
 * guest.h - what the x86-64 guests share: ports, the serial port, the ways to end, interrupts.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART   0x3f8
#define SYSCTL 0xd0010000ul
#define IOAPIC 0xfec00000ul
#define LAPIC  0xfee00000ul

/* The two ways in. */
enum { BY_PVH, BY_LONG };
extern int how;          /* one of them */
extern uintptr_t info;   /* start-info or zero page */
extern const char *args; /* kernel command line, "" when there is none */
extern uint64_t rsdp;    /* 0: none */

/* Its return value is the exit status. */
int guest_main(void);

static inline void out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t in32(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t rd32(uintptr_t at)
{
    return *(volatile uint32_t *)at;
}

static inline void wr32(uintptr_t at, uint32_t v)
{
    *(volatile uint32_t *)at = v;
}

void put_char(char c);
void put_text(const char *s);
void put_hex(uint64_t v);
void put_dec(uint64_t v);
bool same(const char *a, const char *b);
/* The number after `word` in the command line ("exit=7"), or -1. */
long arg_number(const char *word);
bool arg_is(const char *word);
__attribute__((noreturn)) void guest_end(int status);

/* Fill the interrupt table; then interrupt(vector) is called for vectors 0..63. */
void idt_on(void);
void interrupt(unsigned vector);
/* Local APIC on, 8259 off; an I/O APIC input, level or edge, to `vector` of CPU 0. */
void lapic_on(void);
void lapic_eoi(void);
void ioapic_route(unsigned input, unsigned vector, bool level);

/* What another CPU begins with, and how it is made to. */
void cpu_main(unsigned number);
void cpus_start(void);
extern volatile uint32_t ap_count;

#endif
