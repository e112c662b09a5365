// SPDX-License-Identifier: MIT
/*
 * hello.c - prints "Hello World!" for ever.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

int guest_main(void)
{
    for (;;)
        put_text("Hello World!\n");
}
