// SPDX-License-Identifier: MIT
/*
 * smp.c - starts all CPUs (as many as cpus=N says), has each add to a sum in turn, and prints it.
 */
#include "guest.h"

static volatile uint32_t turn, sum;

void cpu_main(unsigned number)
{
    while (turn != number)
        __asm__ volatile("pause");
    sum += (number + 1) * 10;
    turn = number + 1;
}

int guest_main(void)
{
    long others = arg_number("cpus") - 1;
    cpus_start();
    while (turn != (uint32_t)others)
        __asm__ volatile("pause");
    put_text("others ");
    put_dec(ap_count);
    put_text(", sum ");
    put_dec(sum);
    put_text("\n");
    return 0;
}
