// SPDX-License-Identifier: MIT
/*
 * timer.c - time since the machine began and sleeping, by the CPU's virtual timer (Arm ARM DDI
 * 0487J.a D11.2).
 */
#include "guest.h"

#define NS_PER_SEC 1000000000ull

#define CTL_ENABLE 1ull /* CNTV_CTL_EL0, D19.12.18 */

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

void timer_at_ns(uint64_t at_ns)
{
    write_sysreg(cntv_ctl_el0, 0);
    if (at_ns == UINT64_MAX)
        return;
    write_sysreg(cntv_cval_el0, scale(at_ns, NS_PER_SEC, read_sysreg(cntfrq_el0)) + 1);
    write_sysreg(cntv_ctl_el0, CTL_ENABLE);
}

void sleep_ns(uint64_t ns)
{
    uint64_t at = time_ns() + ns;
    timer_at_ns(at);
    while (time_ns() < at)
        gic_sleep(TIMER_VIRT_INTID);
    timer_at_ns(UINT64_MAX);
}
