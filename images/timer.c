// SPDX-License-Identifier: MIT
/*
 * timer.c - the generic timer: counter, comparator and interrupt, physical and virtual, and
 * sleeping in WFI.
 *
 * Arm ARM DDI 0487J.a D11.2 (CNTx_CTL: ENABLE bit 0, IMASK bit 1, ISTATUS bit 2).
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

#define ENABLE  1
#define IMASK   2
#define ISTATUS 4

static volatile unsigned seen_intid, seen_count;
static volatile uint64_t seen_at;

static void on_trap(struct trap *t)
{
    (void)t;
    uint64_t intid = read_sysreg(ICC_IAR1);
    seen_intid = (unsigned)intid;
    seen_count++;
    barrier("isb");
    seen_at = read_sysreg(cntvct_el0);
    /* Level-sensitive: quiet the timer before the end of the interrupt. */
    write_sysreg(cntv_ctl_el0, 0);
    write_sysreg(cntp_ctl_el0, 0);
    write_sysreg(ICC_EOIR1, intid);
}

static uint64_t now(void)
{
    barrier("isb");
    return read_sysreg(cntvct_el0);
}

int guest_main(void)
{
    uint64_t freq = read_sysreg(cntfrq_el0), ms = freq / 1000;
    check(freq >= 1000000 && freq <= 1000000000, "D11.1.2: CNTFRQ is set");
    uint64_t a = now(), b = now(), start;
    for (unsigned i = 0; i < 1000 && b >= a; i++) {
        a = b;
        b = now();
    }
    check(b >= a, "D11.1.2: the counter never goes back");
    start = now();
    while (now() - start < ms)
        ;
    check(true, "and it goes on");

    trap_hook = on_trap;
    gic_init();
    write_sysreg(cntv_ctl_el0, 0);
    write_sysreg(cntp_ctl_el0, 0);

    write_sysreg(cntv_tval_el0, 1000 * ms);
    uint64_t cval = read_sysreg(cntv_cval_el0), t = now();
    check(cval - t <= 1000 * ms && cval - t > 900 * ms,
          "D11.2.4: TVAL written is CVAL = count + TVAL");
    check(read_sysreg(cntv_tval_el0) <= 1000 * ms, "D11.2.4: TVAL reads as CVAL - count");
    write_sysreg(cntv_ctl_el0, ENABLE | IMASK);
    check_eq(read_sysreg(cntv_ctl_el0), ENABLE | IMASK, "ISTATUS is 0 before the time");
    write_sysreg(cntv_tval_el0, (uint64_t)-1);
    check_eq(read_sysreg(cntv_ctl_el0), ENABLE | IMASK | ISTATUS,
             "ISTATUS is 1 after it, masked or not");
    check_eq(read_sysreg(cntv_tval_el0) >> 31 & 1, 1, "D11.2.4: TVAL is negative then");
    write_sysreg(cntv_ctl_el0, 0);
    check_eq(read_sysreg(cntv_ctl_el0) & ~4ull, 0, "CTL reads back");

    gic_enable(TIMER_VIRT_INTID, 0x80);
    gic_enable(TIMER_PHYS_INTID, 0x80);
    barrier("msr daifclr, #2");
    write_sysreg(cntv_cval_el0, now());
    write_sysreg(cntv_ctl_el0, ENABLE | IMASK);
    for (start = now(); now() - start < ms;)
        ;
    check_eq(seen_count, 0, "IMASK keeps the interrupt back");
    write_sysreg(cntv_ctl_el0, ENABLE);
    for (start = now(); !seen_count && now() - start < 1000 * ms;)
        ;
    check_eq(seen_intid, TIMER_VIRT_INTID, "the virtual timer is INTID 27");
    check_eq(seen_count, 1, "once");

    seen_count = 0;
    write_sysreg(cntp_tval_el0, 2 * ms);
    write_sysreg(cntp_ctl_el0, ENABLE);
    for (start = now(); !seen_count && now() - start < 1000 * ms;)
        ;
    check_eq(seen_intid, TIMER_PHYS_INTID, "the physical timer is INTID 30");

    /* WFI sleeps until the deadline, not before and not for ever. */
    barrier("msr daifset, #2");
    unsigned early = 0, late = 0;
    for (unsigned i = 0; i < 10; i++) {
        seen_count = 0;
        start = now();
        uint64_t due = start + 5 * ms;
        write_sysreg(cntv_cval_el0, due);
        write_sysreg(cntv_ctl_el0, ENABLE);
        barrier("msr daifset, #2");
        while (!seen_count) {
            barrier("wfi");
            barrier("msr daifclr, #2\n\tisb\n\tmsr daifset, #2");
        }
        early += seen_at < due;
        late += seen_at > due + 500 * ms;
    }
    check_eq(early, 0, "ten times 5 ms in WFI: never early");
    check_eq(late, 0, "and never half a second late");

    /* D1.6: a pending interrupt ends WFI also when PSTATE.I masks it. */
    seen_count = 0;
    write_sysreg(cntv_tval_el0, ms);
    write_sysreg(cntv_ctl_el0, ENABLE);
    /* WFI may end for no reason (D1.6), but it is a sleep: not many times. */
    unsigned wakes = 0;
    for (; wakes < 1000 && !(read_sysreg(cntv_ctl_el0) & ISTATUS); wakes++)
        barrier("wfi");
    check(wakes <= 10, "WFI sleeps rather than spins");
    check_eq(seen_count, 0, "D1.6: WFI ends on a masked interrupt without taking it");
    check_eq(read_sysreg(cntv_ctl_el0), ENABLE | ISTATUS, "which is pending");
    barrier("msr daifclr, #2\n\tisb\n\tmsr daifset, #2");
    check_eq(seen_count, 1, "and is taken when I opens");
    return guest_done();
}
