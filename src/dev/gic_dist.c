// SPDX-License-Identifier: MIT
/*
 * gic_dist.c - GICv3 distributor registers (IHI 0069H §12.8 map, §12.9 descriptions).
 *
 * With affinity routing always on, words 0 of the bitmaps (SGIs and PPIs), ITARGETSR, SGIR and the
 * SGI pending registers are RES0 (§12.9); with one Security state, IGRPMODR and NSACR are too.
 * GICD_STATUSR is RAZ/WI, which the architecture allows.
 */
#include "src/dev/gic.h"

#define GICD_CTLR        0x0000
#define GICD_TYPER       0x0004
#define GICD_IIDR        0x0008
#define GICD_IGROUPR     0x0080
#define GICD_IPRIORITYR  0x0400
#define GICD_ITARGETSR   0x0800
#define GICD_ICFGR       0x0c00
#define GICD_ICFGR_END   0x0d00
#define GICD_IROUTER     0x6000
#define GICD_IROUTER_END 0x8000
#define GICD_ID          0xffd0

#define GICD_CTLR_ARE BIT(4) /* RAO */
#define GICD_CTLR_DS  BIT(6) /* RAO */

/* GICD_TYPER: no LPIs, MBIs, security; A3V, so that IROUTER.Aff3 counts; IDbits 10 bits */
#define GICD_TYPER_VALUE ((uint32_t)(BIT(24) | 9u << 19))

#define IROUTER_IRM  BIT(31)
#define IROUTER_MASK UINT64_C(0xff80ffffff) /* Aff3, IRM, Aff2..0 */

/* The SPI bank of a bitmap register at `off`, and in *base the offset of its kind's first register.
 */
static struct gic_bank *gicd_bits_bank(struct gic *g, unsigned off, unsigned *base)
{
    unsigned word = off % 0x80 / 4;
    *base = off - off % 0x80;
    return word >= 1 && word < g->intids / 32 ? &g->spi[word - 1] : NULL;
}

/* GICD_IROUTER<n>: where each SPI goes. An affinity that no CPU has sends it nowhere. */
static void gicd_route(struct gic *g, unsigned spi, uint64_t val)
{
    unsigned k = spi / 32;
    uint32_t bit = UINT32_C(1) << spi % 32;
    g->irouter[spi] = val & IROUTER_MASK;
    g->any[k] &= ~bit;
    for (unsigned i = 0; i < g->cpus; i++) {
        g->cpu[i].route[k] &= ~bit;
        if (g->irouter[spi] == i)
            g->cpu[i].route[k] |= bit;
    }
    if (val & IROUTER_IRM)
        g->any[k] |= bit;
}

static uint32_t gicd_read_word(struct gic *g, unsigned off)
{
    if (off >= GICD_ID)
        return gic_id_read(off);
    if (off >= GICD_IGROUPR && off < GICD_IPRIORITYR) {
        unsigned base;
        uint32_t val = 0;
        const struct gic_bank *b = gicd_bits_bank(g, off, &base);
        if (b)
            gic_bits_read(b, base, &val);
        return val;
    }
    if (off >= GICD_ICFGR && off < GICD_ICFGR_END) {
        unsigned first = (off - GICD_ICFGR) * 4; /* 16 interrupts in a word */
        return first >= 32 && first < g->intids
                   ? gic_cfg_read(&g->spi[first / 32 - 1], first / 16 % 2)
                   : 0;
    }
    if (off >= GICD_IROUTER && off < GICD_IROUTER_END) {
        unsigned intid = (off - GICD_IROUTER) / 8;
        if (intid < 32 || intid >= g->intids)
            return 0;
        return (uint32_t)(g->irouter[intid - 32] >> (off % 8 * 8));
    }
    switch (off) {
    case GICD_CTLR:
        return g->ctlr | GICD_CTLR_ARE | GICD_CTLR_DS;
    case GICD_TYPER:
        return GICD_TYPER_VALUE | (g->intids / 32 - 1);
    case GICD_IIDR:
        return GIC_IIDR;
    default:
        return 0;
    }
}

uint32_t gicd_read(struct gic *g, unsigned off, unsigned size)
{
    if (off >= GICD_IPRIORITYR && off < GICD_ITARGETSR) {
        unsigned intid = off - GICD_IPRIORITYR;
        return intid >= 32 && intid < g->intids
                   ? gic_prio_read(&g->spi[intid / 32 - 1], intid % 32, size)
                   : 0;
    }
    return size == 4 ? gicd_read_word(g, off) : 0;
}

static void gicd_write_word(struct gic *g, unsigned off, uint32_t val)
{
    if (off == GICD_CTLR) {
        g->ctlr = val & (GICD_CTLR_GRP0 | GICD_CTLR_GRP1);
    } else if (off >= GICD_IGROUPR && off < GICD_IPRIORITYR) {
        unsigned base;
        struct gic_bank *b = gicd_bits_bank(g, off, &base);
        if (b)
            gic_bits_write(b, base, val);
    } else if (off >= GICD_ICFGR && off < GICD_ICFGR_END) {
        unsigned first = (off - GICD_ICFGR) * 4;
        if (first >= 32 && first < g->intids)
            gic_cfg_write(&g->spi[first / 32 - 1], first / 16 % 2, val);
    } else if (off >= GICD_IROUTER && off < GICD_IROUTER_END) {
        unsigned intid = (off - GICD_IROUTER) / 8;
        if (intid < 32 || intid >= g->intids)
            return;
        unsigned shift = off % 8 * 8;
        uint64_t keep = g->irouter[intid - 32] & ~(UINT64_C(0xffffffff) << shift);
        gicd_route(g, intid - 32, keep | (uint64_t)val << shift);
    }
}

void gicd_write(struct gic *g, unsigned off, unsigned size, uint32_t val)
{
    if (off >= GICD_IPRIORITYR && off < GICD_ITARGETSR) {
        unsigned intid = off - GICD_IPRIORITYR;
        if (intid >= 32 && intid < g->intids)
            gic_prio_write(&g->spi[intid / 32 - 1], intid % 32, size, val);
    } else if (size == 4) {
        gicd_write_word(g, off, val);
    }
    gic_update_all(g);
}
