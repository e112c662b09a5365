// SPDX-License-Identifier: MIT
/*
 * gic.c - interrupts by GICv3 (IHI 0069H), and sleeping until one comes.
 */
#include "guest.h"

#define GICD_CTLR       (GICD_BASE + 0x000)
#define GICD_ISENABLER  (GICD_BASE + 0x100)
#define GICD_ICENABLER  (GICD_BASE + 0x180)
#define GICD_IGROUPR    (GICD_BASE + 0x080)
#define GICD_IPRIORITYR (GICD_BASE + 0x400)
#define GICD_IROUTER    (GICD_BASE + 0x6000)
#define GICR_WAKER      0x14
#define GICR_SGI        0x10000

static uint64_t redist(void)
{
    return GICR_BASE + cpu_index() * 0x20000ul;
}

void gic_init(void)
{
    /* ARE_NS, EnableGrp1 as a single security state has them (§12.9.4) */
    mmio_w32(GICD_CTLR, 0x12);
    while (mmio_r32(GICD_CTLR) & 1u << 31)
        ;
    gic_cpu_init();
}

void gic_cpu_init(void)
{
    uint64_t r = redist();
    mmio_w32(r + GICR_WAKER, 0); /* ProcessorSleep off; ChildrenAsleep follows (§12.11.42) */
    while (mmio_r32(r + GICR_WAKER) & 1 << 2)
        ;
    mmio_w32(r + GICR_SGI + 0x080, 0xffffffff); /* GICR_IGROUPR0: group 1 */
    write_sysreg(ICC_SRE, 7);                   /* SRE, DFB, DIB */
    write_sysreg(ICC_PMR, 0xff);
    write_sysreg(ICC_BPR1, 0);
    write_sysreg(ICC_CTLR, 0); /* EOImode 0 */
    write_sysreg(ICC_IGRPEN1, 1);
}

void gic_enable(unsigned intid, unsigned priority)
{
    uint64_t base = intid < 32 ? redist() + GICR_SGI - GICD_BASE : 0;
    mmio_w8(GICD_IPRIORITYR + base + intid, (uint8_t)priority);
    if (intid >= 32) {
        uint64_t group = GICD_IGROUPR + intid / 32 * 4;
        mmio_w32(group, mmio_r32(group) | 1u << intid % 32);
        mmio_w32(GICD_IROUTER + intid * 8ul, cpu_index()); /* affinity 0.0.0.cpu */
        mmio_w32(GICD_IROUTER + intid * 8ul + 4, 0);
    }
    mmio_w32(GICD_ISENABLER + base + intid / 32 * 4, 1u << intid % 32);
}

void gic_disable(unsigned intid)
{
    uint64_t base = intid < 32 ? redist() + GICR_SGI - GICD_BASE : 0;
    mmio_w32(GICD_ICENABLER + base + intid / 32 * 4, 1u << intid % 32);
}

/* ID_AA64PFR0_EL1.GIC (Arm ARM DDI 0487J.a D19.2.65): are there ICC_ registers? */
static bool gic_v3(void)
{
    return read_sysreg(id_aa64pfr0_el1) >> 24 & 15;
}

void gic_watch(unsigned intid)
{
    static bool begun[CPUS_MAX];
    if (!gic_v3())
        return;
    if (!begun[cpu_index()]) {
        begun[cpu_index()] = true;
        gic_init();
    }
    gic_enable(intid, 0x80);
}

void cpu_idle(void)
{
    if (gic_v3())
        barrier("dsb sy\n\twfi");
    else
        barrier("yield");
}

void gic_sleep(unsigned intid)
{
    gic_watch(intid);
    cpu_idle();
    if (gic_v3())
        gic_disable(intid);
}
