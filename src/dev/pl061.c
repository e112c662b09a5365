// SPDX-License-Identifier: MIT
/*
 * pl061.c - Arm PrimeCell GPIO (PL061): eight pins, of which the machine drives the inputs.
 *
 * Follows the PL061 TRM (DDI 0190B) chapter 3. A pin that the guest makes an output holds what was
 * written and goes nowhere. Not modelled: hardware control of pins by AFSEL (the bits are kept),
 * the test registers (chapter 4), the per-pin interrupt outputs GPIOMIS[7:0] (only the combined
 * GPIOINTR). Threads: every register access runs with the device lock held; pl061_set_input() takes
 * it.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

#include "src/dev/primecell.h"

#define PL061_DATA_END 0x400
#define PL061_DIR      0x400
#define PL061_RIS      0x414
#define PL061_MIS      0x418
#define PL061_IC       0x41c

struct pl061 {
    struct dev dev;
    struct irq_line irq;
    struct pl061_regs {
        uint32_t data; /* what was written for output pins */
        uint32_t in;   /* what the machine drives on the pins */
        uint32_t dir, is, ibe, iev, ie, afsel;
        uint32_t edges; /* edge interrupts seen and not cleared */
    } regs;
};

#define PL061_REG(f) offsetof(struct pl061_regs, f)

// clang-format off
/* columns: offset, access, reset, writable bits, field, name */
static const struct reg_desc pl061_regs[] = {
    {0x400, REG_RW, 0x00, 0xff, PL061_REG(dir),   "GPIODIR"},   /* TRM §3.3.2 */
    {0x404, REG_RW, 0x00, 0xff, PL061_REG(is),    "GPIOIS"},    /* TRM §3.3.3 */
    {0x408, REG_RW, 0x00, 0xff, PL061_REG(ibe),   "GPIOIBE"},   /* TRM §3.3.4 */
    {0x40c, REG_RW, 0x00, 0xff, PL061_REG(iev),   "GPIOIEV"},   /* TRM §3.3.5 */
    {0x410, REG_RW, 0x00, 0xff, PL061_REG(ie),    "GPIOIE"},    /* TRM §3.3.6 */
    {0x420, REG_RW, 0x00, 0xff, PL061_REG(afsel), "GPIOAFSEL"}, /* TRM §3.3.10 */
};
// clang-format on

static const uint8_t pl061_ids[8] = {0x61, 0x10, 0x04, 0x00,
                                     PRIMECELL_PCELL_ID}; /* TRM §3.3.11-12 */

/* The level on each pin: what is driven in, or what the guest drives out. */
static uint32_t pl061_pins(const struct pl061_regs *r)
{
    return (r->data & r->dir) | (r->in & ~r->dir);
}

/* TRM §3.3.7: latched edges of the edge-sensitive pins, the pin itself against IEV for the others.
 */
static uint32_t pl061_ris(const struct pl061_regs *r)
{
    uint32_t level = ~(pl061_pins(r) ^ r->iev);
    return ((level & r->is) | (r->edges & ~r->is)) & 0xff;
}

/* After any change: latch the edges between `before` and the pins now, and drive the line. */
static void pl061_update(struct pl061 *g, uint32_t before)
{
    struct pl061_regs *r = &g->regs;
    uint32_t now = pl061_pins(r), changed = before ^ now;
    r->edges |= changed & ~r->is & (r->ibe | ~(now ^ r->iev)) & 0xff;
    irq_set(&g->irq, pl061_ris(r) & r->ie);
}

static uint64_t pl061_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct pl061 *g = container_of(dev, struct pl061, dev);
    (void)size;
    if (off < PL061_DATA_END) /* §3.3.1: address bits [9:2] are the mask */
        return off % 4 ? 0 : pl061_pins(&g->regs) & (off >> 2);
    if (off >= PRIMECELL_ID)
        return primecell_id(pl061_ids, off);
    switch (off) {
    case PL061_RIS:
        return pl061_ris(&g->regs);
    case PL061_MIS: /* §3.3.8 */
        return pl061_ris(&g->regs) & g->regs.ie;
    default:
        return regs_read(pl061_regs, ARRAY_LEN(pl061_regs), &g->regs, off);
    }
}

static void pl061_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct pl061 *g = container_of(dev, struct pl061, dev);
    struct pl061_regs *r = &g->regs;
    uint32_t before = pl061_pins(r);
    (void)size;
    if (off < PL061_DATA_END) {
        uint32_t mask = off % 4 ? 0 : (uint32_t)(off >> 2) & r->dir;
        r->data = (r->data & ~mask) | ((uint32_t)val & mask);
    } else if (off == PL061_IC) { /* §3.3.9: clears the edge detector, leaves levels alone */
        r->edges &= ~(uint32_t)val;
    } else {
        regs_write(pl061_regs, ARRAY_LEN(pl061_regs), r, off, (uint32_t)val);
        if (off == PL061_DIR)
            before = pl061_pins(r); /* turning a pin round is not an edge on it */
    }
    pl061_update(g, before);
}

void pl061_set_input(struct dev *dev, unsigned pin, bool level)
{
    struct pl061 *g = container_of(dev, struct pl061, dev);
    if (pin > 7)
        return;
    dev_lock(dev);
    uint32_t before = pl061_pins(&g->regs);
    g->regs.in = (g->regs.in & ~(UINT32_C(1) << pin)) | ((uint32_t)level << pin);
    pl061_update(g, before);
    dev_unlock(dev);
}

/* The guest's side goes back to power-on; what the machine drives stays. */
static void pl061_reset(struct dev *dev)
{
    struct pl061 *g = container_of(dev, struct pl061, dev);
    uint32_t in = g->regs.in;
    memset(&g->regs, 0, sizeof g->regs);
    regs_reset(pl061_regs, ARRAY_LEN(pl061_regs), &g->regs);
    g->regs.in = in;
    pl061_update(g, pl061_pins(&g->regs));
}

static void pl061_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct pl061, dev));
}

static const struct dev_ops pl061_ops = {
    .kind = "pl061",
    .sizes = 1 | 2 | 4,
    .read = pl061_read,
    .write = pl061_write,
    .reset = pl061_reset,
    .free = pl061_free,
};

int pl061_new(struct dev **dev, const char *name, struct irq_line irq)
{
    struct pl061 *g = calloc(1, sizeof *g);
    if (!g)
        return -ENOMEM;
    dev_init(&g->dev, &pl061_ops, name);
    g->irq = irq;
    pl061_reset(&g->dev);
    *dev = &g->dev;
    return 0;
}
