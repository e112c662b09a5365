// SPDX-License-Identifier: MIT
/*
 * ends.c - every way to end, by a word on the command line: status=N (sysctl), port=N (debug exit),
 * off, reset, nowhere (a jump into empty memory), triple (a fault without handlers), spin, hlt.
 */
#include "guest.h"

int guest_main(void)
{
    if (arg_number("status") >= 0)
        return (int)arg_number("status");
    if (arg_number("port") >= 0)
        out8(0xf4, (uint8_t)arg_number("port"));
    if (arg_is("reset"))
        out8(0x64, 0xfe);
    if (arg_is("nowhere"))
        ((void (*)(void))0xb0000000ul)();
    if (arg_is("triple")) {
        struct __attribute__((packed)) {
            uint16_t limit;
            uint64_t base;
        } none = {0, 0};
        __asm__ volatile("lidt %0; ud2" ::"m"(none));
    }
    while (arg_is("spin"))
        ;
    while (arg_is("hlt"))
        __asm__ volatile("cli; hlt");
    if (arg_is("off"))
        return 0;
    return 99;
}
