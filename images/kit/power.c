// SPDX-License-Identifier: MIT
/*
 * power.c - the end of the machine: by the sysctl device, else by PSCI (DEN 0022F §5.1.9, §5.1.11).
 */
#include "guest.h"

/*
 * The sysctl device takes the status (SiFive test finisher: status << 16 | 0x3333, 0x5555 for 0).
 * Where there is none (another VMM), the store aborts or does nothing, and PSCI turns the machine
 * off without a status.
 */
static void sysctl(uint32_t word)
{
    trap_arm();
    mmio_w32(SYSCTL_BASE, word);
    barrier("dsb sy");
}

void power_off(unsigned status)
{
    sysctl(status ? status << 16 | 0x3333 : 0x5555);
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        barrier("wfi");
}

void guest_reset(void)
{
    sysctl(0x7777);
    psci(PSCI_SYSTEM_RESET, 0, 0, 0);
    for (;;)
        barrier("wfi");
}
