// SPDX-License-Identifier: MIT
/*
 * irq-v2.c - interrupts through a GICv2, which the boards have where an engine has no GICv3: its
 * CPU interface stands where the redistributors are.
 *
 * GICv2 architecture IHI 0048B.b: §3.3 priorities, §4.3 distributor, §4.4 CPU interface; PL011 TRM
 * r1p5 §3.3.10. Everything is in group 0. On a machine with a GICv3, whose GICD_PIDR2 says so (IHI
 * 0069H §12.9.22; a GICv2 has nothing there), the guest ends with status 77.
 *
 * Boards: virt
 */
#include "guest.h"

#define GICD_CTLR       (GICD_BASE + 0x000)
#define GICD_TYPER      (GICD_BASE + 0x004)
#define GICD_ISENABLER  (GICD_BASE + 0x100)
#define GICD_ICENABLER  (GICD_BASE + 0x180)
#define GICD_ISPENDR    (GICD_BASE + 0x200)
#define GICD_ICPENDR    (GICD_BASE + 0x280)
#define GICD_ISACTIVER  (GICD_BASE + 0x300)
#define GICD_IPRIORITYR (GICD_BASE + 0x400)
#define GICD_ITARGETSR  (GICD_BASE + 0x800)
#define GICD_ICFGR      (GICD_BASE + 0xc00)
#define GICD_SGIR       (GICD_BASE + 0xf00)
#define GICC_BASE       GICR_BASE
#define GICC_CTLR       (GICC_BASE + 0x00)
#define GICC_PMR        (GICC_BASE + 0x04)
#define GICC_BPR        (GICC_BASE + 0x08)
#define GICC_IAR        (GICC_BASE + 0x0c)
#define GICC_EOIR       (GICC_BASE + 0x10)
#define GICC_RPR        (GICC_BASE + 0x14)
#define GICC_HPPIR      (GICC_BASE + 0x18)
#define GICC_DIR        (GICC_BASE + 0x1000)

#define UART_IMSC (CONSOLE_BASE + 0x38)
#define UART_ICR  (CONSOLE_BASE + 0x44)
#define INT_TX    (1u << 5)

#define SPI_A 60
#define SPI_B 61

static unsigned order[16];
static volatile unsigned taken;
static uint32_t rpr;
static bool nested;

static void window(void)
{
    barrier("msr daifclr, #2\n\tisb");
    for (unsigned i = 0; i < 100; i++)
        barrier("isb");
    barrier("msr daifset, #2\n\tisb");
}

static void enable(unsigned intid, uint8_t priority)
{
    mmio_w8(GICD_IPRIORITYR + intid, priority);
    if (intid >= 32)
        mmio_w8(GICD_ITARGETSR + intid, 1);
    mmio_w32(GICD_ISENABLER + intid / 32 * 4, 1u << intid % 32);
}

/* §4.3.15: filter 2, this CPU only. */
static void sgi(unsigned n)
{
    barrier("dsb sy");
    mmio_w32(GICD_SGIR, 2u << 24 | n);
}

static void on_trap(struct trap *t)
{
    (void)t;
    uint32_t iar = mmio_r32(GICC_IAR), intid = iar & 0x3ff;
    rpr = mmio_r32(GICC_RPR);
    if (taken < 16)
        order[taken] = intid;
    taken++;
    if (intid == CONSOLE_INTID) {
        mmio_w32(UART_IMSC, 0);
        mmio_w32(UART_ICR, INT_TX);
    } else if (intid == TIMER_VIRT_INTID) {
        write_sysreg(cntv_ctl_el0, 0);
    } else if (intid == 1 && nested) {
        uint64_t elr = read_sysreg(elr_el1), spsr = read_sysreg(spsr_el1);
        sgi(2);
        sgi(3);
        window();
        write_sysreg(elr_el1, elr);
        write_sysreg(spsr_el1, spsr);
        order[taken++] = 99; /* the end of SGI 1's handler */
    }
    if (intid < 1020)
        mmio_w32(GICC_EOIR, iar);
}

static void private_ones(void)
{
    enable(5, 0x80);
    sgi(5);
    window();
    check(taken == 1 && order[0] == 5, "§3.2: an SGI to this CPU is taken");
    check_eq(rpr, 0x80, "§4.4.6: the running priority is its priority");
    check_eq(mmio_r32(GICC_RPR), 0xff, "and idle after the end");
    mmio_w32(GICD_ICENABLER, 1 << 5);
    taken = 0;
    sgi(5);
    window();
    check_eq(taken, 0, "a disabled one stays pending");
    mmio_w32(GICD_ISENABLER, 1 << 5);
    window();
    check_eq(taken, 1, "and is taken when it is enabled");
    check_eq(mmio_r32(GICC_IAR) & 0x3ff, INTID_SPURIOUS,
             "§3.2.5: nothing pending acknowledges as 1023");
    taken = 0;
    enable(TIMER_VIRT_INTID, 0x80);
    write_sysreg(cntv_tval_el0, 0);
    write_sysreg(cntv_ctl_el0, 1);
    for (unsigned i = 0; i < 1000 && !taken; i++)
        window();
    check(taken == 1 && order[0] == TIMER_VIRT_INTID, "the virtual timer is INTID 27");
}

static void priorities(void)
{
    enable(1, 0xa0);
    enable(2, 0x40);
    enable(3, 0xc0);
    taken = 0;
    sgi(3);
    sgi(1);
    sgi(2);
    for (unsigned i = 0; i < 1000 && (mmio_r32(GICC_HPPIR) & 0x3ff) != 2; i++)
        ;
    check_eq(mmio_r32(GICC_HPPIR) & 0x3ff, 2, "§4.4.7: the highest pending is the most urgent");
    window();
    check(taken == 3 && order[0] == 2 && order[1] == 1 && order[2] == 3,
          "§3.3: they are taken in order of priority");
    mmio_w32(GICC_PMR, 0xa0);
    taken = 0;
    sgi(1);
    sgi(2);
    window();
    check(taken == 1 && order[0] == 2, "§4.4.2: PMR lets through only what is more urgent than it");
    mmio_w32(GICC_PMR, 0xf8);
    window();
    check(taken == 2 && order[1] == 1, "and the rest when it is opened");
    nested = true;
    taken = 0;
    sgi(1);
    window();
    nested = false;
    check(taken == 4 && order[0] == 1 && order[1] == 2 && order[2] == 99 && order[3] == 3,
          "§3.3.2: a more urgent one preempts, a less urgent one waits");
}

static void shared_ones(void)
{
    check(((mmio_r32(GICD_TYPER) & 0x1f) + 1) * 32 > SPI_B,
          "§4.3.2: GICD_TYPER says there are as many SPIs");
    mmio_w32(GICD_ICFGR + SPI_A / 16 * 4, 0xaaaaaaaa); /* edge */
    enable(SPI_A, 0x90);
    enable(SPI_B, 0x50);
    check_eq(mmio_r32(GICD_ITARGETSR + SPI_A) & 0xff, 1, "§4.3.12: the target reads back");
    taken = 0;
    mmio_w32(GICD_ISPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    mmio_w32(GICD_ISPENDR + SPI_B / 32 * 4, 1u << SPI_B % 32);
    window();
    check(taken == 2 && order[0] == SPI_B && order[1] == SPI_A,
          "§4.3.7: SPIs set pending by software are taken in order of priority");
    mmio_w32(GICD_ISPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    mmio_w32(GICD_ICPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    taken = 0;
    window();
    check_eq(taken, 0, "§4.3.8: GICD_ICPENDR takes pending back");
    enable(CONSOLE_INTID, 0x80);
    mmio_w32(UART_IMSC, INT_TX);
    put_text("# a byte sent is an interrupt\n");
    for (unsigned i = 0; i < 1000 && !taken; i++)
        window();
    check(taken == 1 && order[0] == CONSOLE_INTID, "a device's wire: the UART's SPI");
    taken = 0;
    window();
    check_eq(taken, 0, "and its level is low again");
}

/* EOImode 1: EOIR drops the priority, DIR ends the activity (§4.4.1). */
static void two_steps(void)
{
    mmio_w32(GICC_CTLR, 1 | 1 << 9);
    mmio_w32(GICD_ISPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    for (unsigned i = 0; i < 1000 && (mmio_r32(GICC_HPPIR) & 0x3ff) != SPI_A; i++)
        ;
    uint32_t iar = mmio_r32(GICC_IAR);
    check_eq(iar & 0x3ff, SPI_A, "polled: IAR gives the SPI with I masked");
    mmio_w32(GICC_EOIR, iar);
    check_eq(mmio_r32(GICC_RPR), 0xff, "EOImode 1: EOIR drops the priority");
    check_eq(mmio_r32(GICD_ISACTIVER + SPI_A / 32 * 4) >> SPI_A % 32 & 1, 1,
             "and leaves it active");
    mmio_w32(GICC_DIR, iar);
    check_eq(mmio_r32(GICD_ISACTIVER + SPI_A / 32 * 4) >> SPI_A % 32 & 1, 0, "DIR ends it");
}

int guest_main(void)
{
    if ((mmio_r32(GICD_BASE + 0xffe8) >> 4 & 15) == 3)
        return 77;
    trap_hook = on_trap;
    mmio_w32(GICD_CTLR, 1);
    mmio_w32(GICC_PMR, 0xf8);
    mmio_w32(GICC_BPR, 0);
    mmio_w32(GICC_CTLR, 1);
    private_ones();
    priorities();
    shared_ones();
    two_steps();
    return guest_done();
}
