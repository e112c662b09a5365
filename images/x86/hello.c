// SPDX-License-Identifier: MIT
/*
 * hello.c - prints how it was entered and its command line, and switches off.
 */
#include "guest.h"

int guest_main(void)
{
    put_text(how == BY_PVH ? "hello by PVH" : "hello by 64-bit entry");
    put_text(": ");
    put_text(args);
    put_text("\n");
    return 0;
}
