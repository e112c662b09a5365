// SPDX-License-Identifier: MIT
/*
 * tick.c - prints a number of lines, a tenth of a second apart, asleep in between.
 *
 * Argument: how many, 3 without one. Ends with status 1 when a sleep was too short.
 */
#include "guest.h"

#define TENTH_NS 100000000ull

int main(int argc, char **argv)
{
    uint64_t n = 3;
    if (argc > 2 || (argc == 2 && !parse_dec(argv[1], &n))) {
        put_text("tick: takes one number\n");
        return 2;
    }
    uint64_t begun = time_ns();
    for (uint64_t i = 1; i <= n; i++) {
        sleep_ns(TENTH_NS);
        if (time_ns() - begun < i * TENTH_NS)
            return 1;
        put_text("tick ");
        put_dec(i);
        put_char('\n');
    }
    return 0;
}
