// SPDX-License-Identifier: MIT
/*
 * vector-loop.c - takes an exception whose vector takes the same exception again. It cannot go on.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

static uint32_t zeros[512] __attribute__((aligned(2048))); /* 0 is UDF #0 */

int guest_main(void)
{
    put_text("looping\n");
    write_sysreg(vbar_el1, (uint64_t)zeros);
    barrier("udf #0");
    return 1;
}
