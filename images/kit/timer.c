// SPDX-License-Identifier: MIT
/*
 * timer.c - time since the machine began and sleeping, by the CPU's virtual timer (Arm ARM DDI
 * 0487J.a D11.2).
 */
#include "guest.h"

#define NS_PER_SEC 1000000000ull

#define CTL_ENABLE  1ull /* CNTV_CTL_EL0, D19.12.18 */
#define CTL_ISTATUS 4ull

/* n units of which a second has `from`, in units of which it has `to`. */
static uint64_t scale(uint64_t n, uint64_t from, uint64_t to)
{
    return n / from * to + n % from * to / from;
}

static uint64_t ticks(void)
{
    barrier("isb");
    return read_sysreg(cntvct_el0);
}

uint64_t time_ns(void)
{
    return scale(ticks(), read_sysreg(cntfrq_el0), NS_PER_SEC);
}

void sleep_ns(uint64_t ns)
{
    write_sysreg(cntv_cval_el0, ticks() + scale(ns, NS_PER_SEC, read_sysreg(cntfrq_el0)));
    write_sysreg(cntv_ctl_el0, CTL_ENABLE);
    while (!(read_sysreg(cntv_ctl_el0) & CTL_ISTATUS))
        gic_sleep(TIMER_VIRT_INTID);
    write_sysreg(cntv_ctl_el0, 0);
}
