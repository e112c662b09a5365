// SPDX-License-Identifier: MIT
/*
 * exit-status.c - ends as the line it reads says: a number 0..255 (through sysctl), "reset"
 * (through sysctl), "off" and "restart" (PSCI SYSTEM_OFF and SYSTEM_RESET, DEN 0022F §5.1.9,
 * §5.1.11).
 *
 * Boards: virt
 */
#include "guest.h"

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int guest_main(void)
{
    char line[32];
    unsigned n = 0;
    for (;;) {
        int c = get_char();
        if (c < 0)
            continue;
        if (c == '\n' || n == sizeof(line) - 1)
            break;
        line[n++] = (char)c;
    }
    line[n] = 0;
    if (same(line, "reset"))
        guest_reset();
    if (same(line, "off"))
        psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    if (same(line, "restart"))
        psci(PSCI_SYSTEM_RESET, 0, 0, 0);
    unsigned status = 0;
    for (n = 0; line[n] >= '0' && line[n] <= '9'; n++)
        status = status * 10 + (unsigned)(line[n] - '0');
    return (int)status;
}
