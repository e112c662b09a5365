// SPDX-License-Identifier: MIT
/*
 * jump-nowhere.c - jumps to where there is no memory, with its vectors there too. It cannot go on.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

int guest_main(void)
{
    put_text("jumping\n");
    write_sysreg(vbar_el1, HOLE_BASE);
    ((void (*)(void))HOLE_BASE)();
    return 1;
}
