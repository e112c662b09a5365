// SPDX-License-Identifier: MIT
/*
 * echo.c - repeats its input, which it polls for, up to a q.
 */
#include "guest.h"

int guest_main(void)
{
    for (;;) {
        while (!(in8(UART + 5) & 1))
            ;
        char c = (char)in8(UART);
        put_char(c);
        if (c == 'q')
            break;
    }
    put_text("\n");
    return 0;
}
