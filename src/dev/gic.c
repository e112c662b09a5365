// SPDX-License-Identifier: MIT
/*
 * gic.c - Arm GICv3: interrupt state, what each CPU sees of it, and the wires in and out.
 *
 * Follows the GICv3 architecture specification (IHI 0069H), one Security state (GICD_CTLR.DS is
 * RAO), affinity routing always on (ARE is RAO), no legacy operation. 256 SPIs, 16 SGIs and 16 PPIs
 * per CPU, five priority bits, one affinity cluster of up to 16 CPUs. Group 0 drives FIQ, group 1
 * drives IRQ. The distributor is in gic_dist.c, redistributors in gic_redist.c, CPU interfaces in
 * gic_icc.c. Not modelled: LPIs and ITS, message-based SPIs, extended SPI/PPI ranges,
 * virtualisation, power management (GICR_WAKER reads back but a sleeping redistributor still
 * forwards, because guests made for emulators often leave it alone).
 *
 * Everything a CPU sees is a function of the state: after each change gic_update() recomputes the
 * highest-priority pending interrupt of the CPUs concerned, nine words at most times, and drives
 * the lines that differ. A 1-of-N SPI goes to the CPU that is the least busy among those that would
 * take it now (§2.3 leaves the choice open). Threads: every entry point runs with the device lock
 * held or takes it.
 */
#include "src/dev/gic.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* ---- which interrupt, and is it urgent enough ---- */

struct gic_pick {
    unsigned intid, prio; /* GIC_SPURIOUS and 0x100: none */
};

/* Bits of a bank that are in a group which both distributor and CPU interface have enabled. */
static uint32_t gic_groups(const struct gic *g, const struct gic_cpu *c, const struct gic_bank *b)
{
    uint32_t mask = 0;
    if ((g->ctlr & GICD_CTLR_GRP0) && c->igrpen[0])
        mask |= ~b->group;
    if ((g->ctlr & GICD_CTLR_GRP1) && c->igrpen[1])
        mask |= b->group;
    return mask;
}

/* Of equal priorities the lowest INTID wins: a choice the architecture leaves open (§4.8). */
static void gic_pick_bank(const struct gic_bank *b, uint32_t mask, unsigned base,
                          struct gic_pick *best)
{
    uint32_t todo = gic_pending(b) & b->enable & ~b->active & mask;
    for (; todo; todo &= todo - 1) {
        unsigned n = (unsigned)__builtin_ctz(todo);
        if (b->prio[n] < best->prio)
            *best = (struct gic_pick){base + n, b->prio[n]};
    }
}

/* §4.8: above the mask, and its group priority above what runs. */
static bool gic_urgent(const struct gic_cpu *c, unsigned prio, unsigned group)
{
    return prio < c->pmr && (prio & gic_group_mask(c, group)) < gic_running(c);
}

static struct gic_pick gic_pick_own(const struct gic *g, unsigned cpu)
{
    const struct gic_cpu *c = &g->cpu[cpu];
    struct gic_pick best = {GIC_SPURIOUS, 0x100};
    gic_pick_bank(&c->priv, gic_groups(g, c, &c->priv), 0, &best);
    for (unsigned i = 0; i < GIC_SPI_BANKS; i++)
        gic_pick_bank(&g->spi[i], gic_groups(g, c, &g->spi[i]) & c->route[i], 32 + 32 * i, &best);
    return best;
}

/* ---- the lines ---- */

static void gic_drive(struct gic *g, unsigned cpu, const struct gic_pick *p)
{
    struct gic_cpu *c = &g->cpu[cpu];
    unsigned group = p->intid == GIC_SPURIOUS ? 0 : gic_group_of(g, cpu, p->intid);
    c->hppi = p->intid;
    c->signal = p->intid != GIC_SPURIOUS && gic_urgent(c, p->prio, group);
    bool irq = c->signal && group == 1, fiq = c->signal && group == 0;
    /* Down before up: a CPU that looks between the two sees no interrupt rather than both. */
    if (c->irq && !irq)
        g->line(g->ctx, cpu, false, false);
    if (c->fiq && !fiq)
        g->line(g->ctx, cpu, true, false);
    if (!c->irq && irq)
        g->line(g->ctx, cpu, false, true);
    if (!c->fiq && fiq)
        g->line(g->ctx, cpu, true, true);
    c->irq = irq;
    c->fiq = fiq;
}

/* Give a 1-of-N interrupt to the least busy CPU that would take it now; nobody: it stays pending.
 */
static void gic_place(const struct gic *g, struct gic_pick *picks, unsigned bank, unsigned n)
{
    const struct gic_bank *b = &g->spi[bank];
    unsigned prio = b->prio[n], group = b->group >> n & 1, best = GIC_CPUS_MAX, best_running = 0;
    for (unsigned i = 0; i < g->cpus; i++) {
        const struct gic_cpu *c = &g->cpu[i];
        if (!(gic_groups(g, c, b) >> n & 1) || prio >= picks[i].prio || !gic_urgent(c, prio, group))
            continue;
        unsigned running = gic_running(c) + (picks[i].intid == GIC_SPURIOUS); /* free before busy */
        if (best == GIC_CPUS_MAX || running > best_running) {
            best = i;
            best_running = running;
        }
    }
    if (best < GIC_CPUS_MAX)
        picks[best] = (struct gic_pick){32 + 32 * bank + n, prio};
}

void gic_update_all(struct gic *g)
{
    struct gic_pick picks[GIC_CPUS_MAX];
    for (unsigned i = 0; i < g->cpus; i++)
        picks[i] = gic_pick_own(g, i);
    for (unsigned k = 0; k < GIC_SPI_BANKS; k++) {
        const struct gic_bank *b = &g->spi[k];
        for (uint32_t todo = g->any[k] & gic_pending(b) & b->enable & ~b->active; todo;
             todo &= todo - 1)
            gic_place(g, picks, k, (unsigned)__builtin_ctz(todo));
    }
    for (unsigned i = 0; i < g->cpus; i++)
        gic_drive(g, i, &picks[i]);
}

void gic_update(struct gic *g, unsigned cpu)
{
    for (unsigned k = 0; k < GIC_SPI_BANKS; k++)
        if (g->any[k] & gic_pending(&g->spi[k]) & g->spi[k].enable) {
            gic_update_all(g); /* what this CPU leaves, another may take */
            return;
        }
    struct gic_pick p = gic_pick_own(g, cpu);
    gic_drive(g, cpu, &p);
}

/* ---- wires in ---- */

/* True when the interrupt's pending state may have changed. */
static bool gic_wire(struct gic_bank *b, unsigned n, bool level)
{
    uint32_t bit = UINT32_C(1) << n;
    if (!(b->level & bit) == !level)
        return false;
    b->level ^= bit;
    if (level &&
        (b->edge & bit)) /* §4.1: a rising edge makes it pending until it is acknowledged */
        b->latch |= bit;
    return true;
}

void gic_set_spi(void *gic, unsigned spi, bool level)
{
    struct gic *g = container_of((struct dev *)gic, struct gic, dev);
    assert(spi + 32 < g->intids); /* the board checks' business, not the guest's */
    unsigned k = spi / 32, n = spi % 32;
    dev_lock(&g->dev);
    if (gic_wire(&g->spi[k], n, level) && (g->spi[k].enable >> n & 1)) {
        if (g->any[k] >> n & 1)
            gic_update_all(g);
        else if (g->irouter[spi] < g->cpus)
            gic_update(g, (unsigned)g->irouter[spi]);
    }
    dev_unlock(&g->dev);
}

void gic_set_ppi(struct dev *gic, unsigned cpu, unsigned intid, bool level)
{
    struct gic *g = container_of(gic, struct gic, dev);
    assert(cpu < g->cpus && intid >= 16 && intid < 32);
    dev_lock(gic);
    if (gic_wire(&g->cpu[cpu].priv, intid, level))
        gic_update(g, cpu);
    dev_unlock(gic);
}

/* ---- registers that distributor and redistributor share ---- */

enum gic_bits_op { GIC_ASSIGN, GIC_SET, GIC_CLEAR };

// clang-format off
/* columns: offset, what a write does, field (IHI 0069H §12.9, by name) */
static const struct gic_bits {
    uint16_t off;
    uint8_t op;
    uint8_t field;
} gic_bits[] = {
    {0x080, GIC_ASSIGN, offsetof(struct gic_bank, group)},  /* IGROUPR */
    {0x100, GIC_SET,    offsetof(struct gic_bank, enable)}, /* ISENABLER */
    {0x180, GIC_CLEAR,  offsetof(struct gic_bank, enable)}, /* ICENABLER */
    {0x200, GIC_SET,    offsetof(struct gic_bank, latch)},  /* ISPENDR */
    {0x280, GIC_CLEAR,  offsetof(struct gic_bank, latch)},  /* ICPENDR */
    {0x300, GIC_SET,    offsetof(struct gic_bank, active)}, /* ISACTIVER */
    {0x380, GIC_CLEAR,  offsetof(struct gic_bank, active)}, /* ICACTIVER */
};
// clang-format on

static const struct gic_bits *gic_bits_find(unsigned off)
{
    for (unsigned i = 0; i < ARRAY_LEN(gic_bits); i++)
        if (gic_bits[i].off == off)
            return &gic_bits[i];
    return NULL;
}

bool gic_bits_read(const struct gic_bank *b, unsigned off, uint32_t *val)
{
    const struct gic_bits *row = gic_bits_find(off);
    if (!row)
        return false;
    if (row->field == offsetof(struct gic_bank, latch))
        *val = gic_pending(b); /* the wire of a level-sensitive interrupt counts too */
    else
        memcpy(val, (const char *)b + row->field, sizeof *val);
    return true;
}

bool gic_bits_write(struct gic_bank *b, unsigned off, uint32_t val)
{
    const struct gic_bits *row = gic_bits_find(off);
    if (!row)
        return false;
    uint32_t *field = (uint32_t *)(void *)((char *)b + row->field);
    *field = row->op == GIC_SET ? *field | val : row->op == GIC_CLEAR ? *field & ~val : val;
    return true;
}

uint32_t gic_prio_read(const struct gic_bank *b, unsigned first, unsigned size)
{
    uint32_t val = 0;
    memcpy(&val, &b->prio[first], size);
    return val;
}

void gic_prio_write(struct gic_bank *b, unsigned first, unsigned size, uint32_t val)
{
    for (unsigned i = 0; i < size; i++)
        b->prio[first + i] = (uint8_t)(val >> (8 * i)) & GIC_PRIO_MASK;
}

uint32_t gic_cfg_read(const struct gic_bank *b, unsigned half)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < 16; i++)
        val |= (b->edge >> (16 * half + i) & 1) << (2 * i + 1);
    return val;
}

void gic_cfg_write(struct gic_bank *b, unsigned half, uint32_t val)
{
    uint32_t edge = 0;
    for (unsigned i = 0; i < 16; i++)
        edge |= (val >> (2 * i + 1) & 1) << i;
    b->edge = (b->edge & ~(UINT32_C(0xffff) << (16 * half))) | edge << (16 * half);
}

uint32_t gic_id_read(unsigned off)
{
    /* PIDR4..7, PIDR0..3, CIDR0..3 (§12.1): DES_1/DES_0/DES_2 Arm, PIDR2.ArchRev 3 */
    static const uint8_t ids[] = {0x04, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    return off >= 0xffd0 && off % 4 == 0 && off < 0x10000 ? ids[(off - 0xffd0) / 4] : 0;
}

/* ---- the device ---- */

/* The CPU whose redistributor holds device offset `off`; the number of CPUs or more: nobody's. */
static uint64_t gic_redist_cpu(uint64_t off)
{
    return (off - GIC_REDIST_OFF) / GIC_REDIST_SIZE;
}

static uint64_t gic_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct gic *g = container_of(dev, struct gic, dev);
    if (off < GIC_REDIST_OFF)
        return gicd_read(g, (unsigned)off, size);
    uint64_t cpu = gic_redist_cpu(off);
    if (cpu >= g->cpus)
        return 0;
    return gicr_read(g, (unsigned)cpu, (off - GIC_REDIST_OFF) % GIC_REDIST_SIZE, size);
}

static void gic_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct gic *g = container_of(dev, struct gic, dev);
    uint64_t cpu = gic_redist_cpu(off);
    if (off < GIC_REDIST_OFF)
        gicd_write(g, (unsigned)off, size, (uint32_t)val);
    else if (cpu < g->cpus)
        gicr_write(g, (unsigned)cpu, (off - GIC_REDIST_OFF) % GIC_REDIST_SIZE, size, (uint32_t)val);
}

/* Power-on state; what the machine drives on the wires stays as it is. */
static void gic_reset(struct dev *dev)
{
    struct gic *g = container_of(dev, struct gic, dev);
    g->ctlr = 0;
    memset(g->irouter, 0, sizeof g->irouter);
    memset(g->any, 0, sizeof g->any);
    for (unsigned i = 0; i < GIC_SPI_BANKS; i++)
        g->spi[i] = (struct gic_bank){.level = g->spi[i].level};
    for (unsigned i = 0; i < g->cpus; i++) {
        struct gic_cpu *c = &g->cpu[i];
        bool irq = c->irq, fiq = c->fiq;
        uint32_t level = c->priv.level;
        memset(c, 0, sizeof *c);
        c->irq = irq;
        c->fiq = fiq;
        c->hppi = GIC_SPURIOUS;
        c->priv.level = level;
        c->priv.edge = 0xffff; /* SGIs are edge-triggered (GICR_ICFGR0) */
        c->waker = GICR_WAKER_ASLEEP;
        c->bpr[0] = GIC_BPR0_MIN;
        c->bpr[1] = GIC_BPR1_MIN;
        for (unsigned k = 0; k < GIC_SPI_BANKS; k++)
            c->route[k] = i == 0 ? UINT32_MAX : 0; /* as IROUTER 0 says */
    }
    gic_update_all(g);
}

static void gic_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct gic, dev));
}

static const struct dev_ops gic_ops = {
    .kind = "gicv3",
    .sizes = 1 | 4, /* bytes for IPRIORITYR (§12.1); the 64-bit registers take halves */
    .read = gic_read,
    .write = gic_write,
    .reset = gic_reset,
    .free = gic_free,
};

int gic_new(struct dev **dev, const char *name, unsigned cpus, unsigned spis,
            void (*line)(void *ctx, unsigned cpu, bool fiq, bool level), void *ctx)
{
    assert(cpus && cpus <= GIC_CPUS_MAX && spis && spis <= GIC_SPIS && spis % 32 == 0);
    struct gic *g = calloc(1, sizeof *g);
    if (!g)
        return -ENOMEM;
    dev_init(&g->dev, &gic_ops, name);
    g->cpus = cpus;
    g->intids = 32 + spis;
    g->line = line;
    g->ctx = ctx;
    gic_reset(&g->dev);
    *dev = &g->dev;
    return 0;
}
