// SPDX-License-Identifier: MIT
/*
 * irq.c - interrupts through the GIC: private, shared, priorities, masking, preemption, both EOI
 * modes.
 *
 * GICv3 and v4 architecture IHI 0069H: §4.8 priorities, §12.2 CPU interface, §12.9 distributor.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

#define GICD_ISENABLER (GICD_BASE + 0x100)
#define GICD_ISPENDR   (GICD_BASE + 0x200)
#define GICD_ICPENDR   (GICD_BASE + 0x280)
#define GICD_ISACTIVER (GICD_BASE + 0x300)
#define GICD_ICFGR     (GICD_BASE + 0xc00)
#define SGI_FRAME      (GICR_BASE + 0x10000)
#define SPI_A          60
#define SPI_B          61

static unsigned order[16];
static unsigned taken;
static uint64_t rpr;
static bool nested;

static void unmask(void)
{
    barrier("msr daifclr, #2\n\tisb");
}

static void mask(void)
{
    barrier("msr daifset, #2\n\tisb");
}

/* Give pending interrupts the time to come, and close again. */
static void window(void)
{
    unmask();
    for (unsigned i = 0; i < 100; i++)
        barrier("isb");
    mask();
}

static void sgi(unsigned n)
{
    write_sysreg(ICC_SGI1R,
                 (uint64_t)n << 24 | 1); /* §12.2.15: target list bit 0, affinity 0.0.0 */
}

static void on_trap(struct trap *t)
{
    (void)t;
    uint64_t intid = read_sysreg(ICC_IAR1);
    rpr = read_sysreg(ICC_RPR);
    if (taken < 16)
        order[taken++] = (unsigned)intid;
    if (intid == 1 && nested) {
        /* A more urgent one comes in between; EL1's own state is kept by hand. */
        uint64_t elr = read_sysreg(elr_el1), spsr = read_sysreg(spsr_el1);
        sgi(2);
        sgi(3);
        window();
        write_sysreg(elr_el1, elr);
        write_sysreg(spsr_el1, spsr);
        order[taken++] = 99; /* the end of SGI 1's handler */
    }
    if (intid < 1020)
        write_sysreg(ICC_EOIR1, intid);
}

static void private_ones(void)
{
    taken = 0;
    gic_enable(5, 0x80);
    sgi(5);
    window();
    check(taken == 1 && order[0] == 5, "§4.4: an SGI to this CPU is taken");
    check_eq(rpr, 0x80, "§12.2.20: the running priority is its priority");
    check_eq(read_sysreg(ICC_RPR), 0xff, "and idle after the end");
    taken = 0;
    sgi(5);
    sgi(5);
    window();
    check_eq(taken, 1, "§4.4: pending twice is pending once");
    gic_disable(5);
    taken = 0;
    sgi(5);
    window();
    check_eq(taken, 0, "a disabled one stays pending");
    check_eq(mmio_r32(SGI_FRAME + 0x200) & 1 << 5, 1 << 5, "§12.11.29: GICR_ISPENDR0 shows it");
    gic_enable(5, 0x80);
    window();
    check_eq(taken, 1, "and is taken when it is enabled");
    check_eq(read_sysreg(ICC_IAR1), INTID_SPURIOUS,
             "§12.2.14: nothing pending acknowledges as 1023");
    mmio_w32(SGI_FRAME + 0x200, 1 << 5);
    mmio_w32(SGI_FRAME + 0x280, 1 << 5);
    taken = 0;
    window();
    check_eq(taken, 0, "§12.11.20: GICR_ICPENDR0 takes pending back");
}

static void priorities(void)
{
    gic_enable(1, 0xa0);
    gic_enable(2, 0x40);
    gic_enable(3, 0xc0);
    taken = 0;
    sgi(3);
    sgi(1);
    sgi(2);
    check_eq(read_sysreg(ICC_HPPIR1), 2,
             "§12.2.9: the highest pending is the lowest number of priority");
    window();
    check(taken == 3 && order[0] == 2 && order[1] == 1 && order[2] == 3,
          "§4.8: they are taken in order of priority");
    write_sysreg(ICC_PMR, 0xa0);
    taken = 0;
    sgi(1);
    sgi(2);
    window();
    check(taken == 1 && order[0] == 2, "§4.8.6: PMR lets through only what is more urgent than it");
    write_sysreg(ICC_PMR, 0xff);
    window();
    check(taken == 2 && order[1] == 1, "and the rest when it is opened");
    nested = true;
    taken = 0;
    sgi(1);
    window();
    nested = false;
    check(taken == 4 && order[0] == 1 && order[1] == 2 && order[2] == 99 && order[3] == 3,
          "§4.8.5: a more urgent one preempts, a less urgent one waits");
    /* BPR1 7: the group priority is bit 7 alone, so 0x40 and 0x60 share it (§4.8.5, non-secure
     * view: BPR1 - 1). */
    gic_enable(1, 0x60);
    write_sysreg(ICC_BPR1, 7);
    nested = true;
    taken = 0;
    sgi(1);
    window();
    nested = false;
    check(taken == 4 && order[0] == 1 && order[1] == 99 && order[2] == 2 && order[3] == 3,
          "§4.8.5: no preemption inside one priority group (BPR1)");
    write_sysreg(ICC_BPR1, 0);
    write_sysreg(ICC_IGRPEN1, 0);
    taken = 0;
    sgi(2);
    window();
    check_eq(taken, 0, "§12.2.17: nothing comes with the group off");
    write_sysreg(ICC_IGRPEN1, 1);
    window();
    check_eq(taken, 1, "and it does when it is on again");
}

static void shared_ones(void)
{
    taken = 0;
    mmio_w32(GICD_ICFGR + SPI_A / 16 * 4, 0xaaaaaaaa); /* edge */
    gic_enable(SPI_A, 0x90);
    gic_enable(SPI_B, 0x50);
    mmio_w32(GICD_ISPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    mmio_w32(GICD_ISPENDR + SPI_B / 32 * 4, 1u << SPI_B % 32);
    check_eq(mmio_r32(GICD_ISPENDR + SPI_A / 32 * 4) >> SPI_A % 32 & 3, 3,
             "§12.9.34: SPIs set pending by software");
    window();
    check(taken == 2 && order[0] == SPI_B && order[1] == SPI_A,
          "they are taken in order of priority");
    check_eq(mmio_r32(GICD_ISPENDR + SPI_A / 32 * 4) >> SPI_A % 32 & 3, 0,
             "and not pending any more");
    check_eq(mmio_r32(GICD_ISENABLER + SPI_A / 32 * 4) >> SPI_A % 32 & 3, 3,
             "§12.9.27: GICD_ISENABLER reads back");
    mmio_w32(GICD_ISPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    mmio_w32(GICD_ICPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    taken = 0;
    window();
    check_eq(taken, 0, "§12.9.12: GICD_ICPENDR takes pending back");
    check(((mmio_r32(GICD_BASE + 4) & 0x1f) + 1) * 32 > SPI_B,
          "§12.9.38: GICD_TYPER says there are as many SPIs");
    check_eq(mmio_r32(GICD_BASE + 0xffe8) >> 4 & 15, 3, "§12.9.22: GICD_PIDR2.ArchRev is 3");
    check_eq(mmio_r32(GICR_BASE + 8) >> 4 & 1, 1,
             "§12.11.35: GICR_TYPER.Last of the only redistributor");
}

/* EOImode 1: EOIR drops the priority, DIR ends the activity (§4.1.1). */
static void two_steps(void)
{
    write_sysreg(ICC_CTLR, 2);
    gic_enable(SPI_A, 0x90);
    mmio_w32(GICD_ISPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    for (unsigned i = 0; i < 100 && read_sysreg(ICC_HPPIR1) != SPI_A; i++)
        barrier("isb");
    uint64_t intid = read_sysreg(ICC_IAR1);
    check_eq(intid, SPI_A, "polled: IAR1 gives the SPI with I masked");
    check_eq(mmio_r32(GICD_ISACTIVER + SPI_A / 32 * 4) >> SPI_A % 32 & 1, 1,
             "§12.9.24: it is active");
    write_sysreg(ICC_EOIR1, intid);
    check_eq(read_sysreg(ICC_RPR), 0xff, "EOImode 1: EOIR1 drops the priority");
    check_eq(mmio_r32(GICD_ISACTIVER + SPI_A / 32 * 4) >> SPI_A % 32 & 1, 1,
             "and leaves it active");
    mmio_w32(GICD_ISPENDR + SPI_A / 32 * 4, 1u << SPI_A % 32);
    check_eq(read_sysreg(ICC_IAR1), INTID_SPURIOUS, "active and pending is not signalled");
    write_sysreg(ICC_DIR, intid);
    for (unsigned i = 0; i < 100 && read_sysreg(ICC_HPPIR1) != SPI_A; i++)
        barrier("isb");
    check_eq(read_sysreg(ICC_IAR1), SPI_A, "DIR ends it, and the pending one comes");
    write_sysreg(ICC_EOIR1, SPI_A);
    write_sysreg(ICC_DIR, SPI_A);
    check_eq(mmio_r32(GICD_ISACTIVER + SPI_A / 32 * 4) >> SPI_A % 32 & 1, 0,
             "and nothing is active at the end");
    write_sysreg(ICC_CTLR, 0);
}

int guest_main(void)
{
    trap_hook = on_trap;
    gic_init();
    private_ones();
    priorities();
    shared_ones();
    two_steps();
    return guest_done();
}
