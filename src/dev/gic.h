// SPDX-License-Identifier: MIT
/*
 * gic.h - the GICv3's state, shared by gic.c, gic_dist.c, gic_redist.c and gic_icc.c.
 */
#ifndef DEV_GIC_H
#define DEV_GIC_H

#include "vmm/dev.h"

#define GIC_CPUS_MAX  16 /* one affinity cluster: Aff0 is the CPU's index, Aff1..3 are 0 */
#define GIC_SPI_BANKS 8
#define GIC_SPIS      (32 * GIC_SPI_BANKS)

#define GIC_SPURIOUS      1023 /* §2.2: no interrupt */
#define GICR_WAKER_ASLEEP 6    /* ProcessorSleep, ChildrenAsleep */
#define GIC_IDLE          0xff /* running priority when nothing is active */
/* Five implemented priority bits, all of them group priority: 32 levels, one 32-bit APR (§4.8). */
#define GIC_PRIO_BITS 5
#define GIC_PRIO_MASK 0xf8
#define GIC_BPR0_MIN  2 /* ICC_BPR0: group priority is [7:3] */
#define GIC_BPR1_MIN  3 /* ICC_BPR1 counts from one more (§4.8) */

#define ICC_CTLR_CBPR    BIT(0)
#define ICC_CTLR_EOIMODE BIT(1)

#define GICD_CTLR_GRP0 BIT(0)
#define GICD_CTLR_GRP1 BIT(1)

/* 32 interrupts: one of the distributor's words, or the private ones of a CPU. Bit n is INTID 32k +
 * n. */
struct gic_bank {
    uint32_t group; /* 1: group 1 */
    uint32_t enable;
    uint32_t latch; /* pending by an edge, an SGI or ISPENDR */
    uint32_t level; /* the wire */
    uint32_t edge;  /* 1: edge-triggered; of the PPIs and SPIs, and always of the SGIs */
    uint32_t active;
    uint8_t prio[32];
};

struct gic_cpu {
    struct gic_bank priv;            /* SGIs and PPIs */
    uint32_t route[GIC_SPI_BANKS];   /* SPIs whose IROUTER names this CPU */
    uint32_t waker;                  /* GICR_WAKER */
    uint32_t pmr, bpr[2], igrpen[2]; /* CPU interface; [0] group 0, [1] group 1 */
    uint32_t ctlr;                   /* EOImode, CBPR */
    uint32_t apr[2];                 /* active priorities: bit n is priority 8n */
    /* What follows from all the above: the highest-priority pending interrupt, and the outputs. */
    unsigned hppi; /* GIC_SPURIOUS: none */
    bool signal;   /* it is urgent enough to be taken now */
    bool irq, fiq;
};

struct gic {
    struct dev dev;
    unsigned cpus;
    unsigned intids; /* 32 and its SPIs: 64, 96..32 + GIC_SPIS */
    void (*line)(void *ctx, unsigned cpu, bool fiq, bool level);
    void *ctx;
    uint32_t ctlr; /* GICD_CTLR: the group enables */
    struct gic_bank spi[GIC_SPI_BANKS];
    uint64_t irouter[GIC_SPIS];
    uint32_t
        any[GIC_SPI_BANKS]; /* SPIs with IROUTER.Interrupt_Routing_Mode: any CPU may take them */
    struct gic_cpu cpu[GIC_CPUS_MAX];
};

/* gic.c: recompute what CPU `cpu` sees, or all of them, and drive the lines that changed. */
void gic_update(struct gic *g, unsigned cpu);
void gic_update_all(struct gic *g);

/* The bank that holds an INTID as `cpu` sees it; intid < g->intids. */
static inline struct gic_bank *gic_bank(struct gic *g, unsigned cpu, unsigned intid)
{
    return intid < 32 ? &g->cpu[cpu].priv : &g->spi[intid / 32 - 1];
}

static inline uint32_t gic_pending(const struct gic_bank *b)
{
    return b->latch | (b->level & ~b->edge);
}

static inline unsigned gic_running(const struct gic_cpu *c)
{
    uint32_t active = c->apr[0] | c->apr[1];
    return active ? (unsigned)__builtin_ctz(active) << (8 - GIC_PRIO_BITS) : GIC_IDLE;
}

/* §4.8: the bits of a priority that decide preemption. */
static inline unsigned gic_group_mask(const struct gic_cpu *c, unsigned group)
{
    if (group && !(c->ctlr & ICC_CTLR_CBPR)) /* its own binary point, counted from one more */
        return 0xffu << c->bpr[1] & 0xff;
    return 0xffu << (c->bpr[0] + 1) & 0xff;
}

static inline unsigned gic_group_of(struct gic *g, unsigned cpu, unsigned intid)
{
    return gic_bank(g, cpu, intid)->group >> (intid % 32) & 1;
}

/*
 * The registers that a distributor and a redistributor have alike, 32 bits at a time: IGROUPR to
 * ICACTIVER, and IPRIORITYR, ICFGR. `off` is the offset of the bank's first register of its kind:
 * 0x80, 0x100, ... for the bitmaps. False: not one of them.
 */
bool gic_bits_read(const struct gic_bank *b, unsigned off, uint32_t *val);
bool gic_bits_write(struct gic_bank *b, unsigned off, uint32_t val);

uint32_t gic_prio_read(const struct gic_bank *b, unsigned first, unsigned size);
void gic_prio_write(struct gic_bank *b, unsigned first, unsigned size, uint32_t val);

/* `half`: interrupts 16 * half .. of the bank, two bits each, bit 1 of the two is "edge". */
uint32_t gic_cfg_read(const struct gic_bank *b, unsigned half);
void gic_cfg_write(struct gic_bank *b, unsigned half, uint32_t val);

/* GICD_PIDR0.. and CIDR0.. at 0xffd0..0xffff of a frame (§12.1). */
uint32_t gic_id_read(unsigned off);

#define GIC_IIDR                                                                                   \
    0x5600043b /* ProductID "V", implementer Arm: what runs on Arm's own GIC runs here */

uint32_t gicd_read(struct gic *g, unsigned off, unsigned size);
void gicd_write(struct gic *g, unsigned off, unsigned size, uint32_t val);
uint32_t gicr_read(struct gic *g, unsigned cpu, unsigned off, unsigned size);
void gicr_write(struct gic *g, unsigned cpu, unsigned off, unsigned size, uint32_t val);

#endif
