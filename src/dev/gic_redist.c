// SPDX-License-Identifier: MIT
/*
 * gic_redist.c - GICv3 redistributor registers: RD_base and SGI_base (IHI 0069H §12.10 map,
 * §12.11).
 *
 * There are no LPIs: GICR_CTLR and the LPI registers are RES0. GICR_WAKER reads back as the
 * handshake wants it, ChildrenAsleep following ProcessorSleep at once (GICR_WAKER).
 */
#include "src/dev/gic.h"

#define GICR_SGI_BASE 0x10000

#define GICR_IIDR     0x0004
#define GICR_TYPER    0x0008
#define GICR_TYPER_HI 0x000c
#define GICR_WAKER    0x0014
#define GICR_ID       0xffd0

/* in the SGI_base frame */
#define GICR_IPRIORITYR     0x0400
#define GICR_IPRIORITYR_END 0x0420
#define GICR_ICFGR0         0x0c00
#define GICR_ICFGR1         0x0c04

#define GICR_TYPER_LAST            BIT(4)
#define GICR_WAKER_PROCESSOR_SLEEP BIT(1)

static uint32_t gicr_read_rd(struct gic *g, unsigned cpu, unsigned off)
{
    if (off >= GICR_ID)
        return gic_id_read(off);
    switch (off) {
    case GICR_IIDR:
        return GIC_IIDR;
    case GICR_TYPER: /* Processor_Number, Last */
        return (uint32_t)(cpu << 8 | (cpu + 1 == g->cpus ? GICR_TYPER_LAST : 0));
    case GICR_TYPER_HI: /* Affinity_Value: Aff0 */
        return cpu;
    case GICR_WAKER:
        return g->cpu[cpu].waker;
    default:
        return 0;
    }
}

uint32_t gicr_read(struct gic *g, unsigned cpu, unsigned off, unsigned size)
{
    const struct gic_bank *b = &g->cpu[cpu].priv;
    uint32_t val = 0;
    if (off < GICR_SGI_BASE)
        return size == 4 ? gicr_read_rd(g, cpu, off) : 0;
    off -= GICR_SGI_BASE;
    if (off >= GICR_IPRIORITYR && off < GICR_IPRIORITYR_END)
        return gic_prio_read(b, off - GICR_IPRIORITYR, size);
    if (size != 4)
        return 0;
    if (off == GICR_ICFGR0 || off == GICR_ICFGR1)
        return gic_cfg_read(b, off == GICR_ICFGR1);
    gic_bits_read(b, off, &val);
    return val;
}

void gicr_write(struct gic *g, unsigned cpu, unsigned off, unsigned size, uint32_t val)
{
    struct gic_bank *b = &g->cpu[cpu].priv;
    if (off == GICR_WAKER && size == 4)
        g->cpu[cpu].waker = val & GICR_WAKER_PROCESSOR_SLEEP ? GICR_WAKER_ASLEEP : 0;
    if (off < GICR_SGI_BASE)
        return;
    off -= GICR_SGI_BASE;
    if (off >= GICR_IPRIORITYR && off < GICR_IPRIORITYR_END)
        gic_prio_write(b, off - GICR_IPRIORITYR, size, val);
    else if (size == 4 && off == GICR_ICFGR1) /* ICFGR0 is read-only: SGIs are edges */
        gic_cfg_write(b, 1, val);
    else if (size == 4)
        gic_bits_write(b, off, val);
    gic_update(g, cpu);
}
