// SPDX-License-Identifier: MIT
/*
 * echo.c - gives back what it reads from the UART, polled, until a 'q'.
 *
 * Boards: virt
 */
#include "guest.h"

int guest_main(void)
{
    int c;
    do {
        while ((c = get_char()) < 0)
            ;
        put_char((char)c);
    } while (c != 'q');
    put_char('\n');
    return 0;
}
