// SPDX-License-Identifier: MIT
/*
 * hello-once.c - prints one line and powers off with status 0: what the start-up benchmark runs.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

int guest_main(void)
{
    put_text("Hello World!\n");
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    return 0;
}
