// SPDX-License-Identifier: MIT
/*
 * pl031.c - Arm PrimeCell Real Time Clock (PL031).
 *
 * Follows the PL031 TRM (DDI 0224C) chapter 3. The counter is the host's wall clock plus the offset
 * the guest makes by writing RTCLR; it runs from the start, as a battery-backed clock that earlier
 * firmware has enabled (RTCCR reads 1 and cannot be cleared, §3.3.4). A match is noticed at every
 * register access and when pl031_alarm_due() is called; a machine that gives no alarm hook
 * (pl031_set_alarm) gets its match interrupt at the next access only. The hook's deadline is whole
 * seconds from the access that set it, so an alarm may be up to one second late, never early. Not
 * modelled: the test registers (chapter 4).
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

#include "src/dev/primecell.h"
#include "vmm/clock.h"

#define PL031_DR  0x00
#define PL031_MR  0x04
#define PL031_LR  0x08
#define PL031_MIS 0x18
#define PL031_ICR 0x1c

#define PL031_INT 1u

struct pl031 {
    struct dev dev;
    struct irq_line irq;
    void (*arm)(void *ctx, uint64_t deadline_ns);
    void *arm_ctx;
    struct pl031_regs {
        uint32_t mr, lr, cr, imsc, ris;
    } regs;
    uint64_t
        offset; /* counter = wall seconds + offset, modulo 2^64; the register shows 32 bits of it */
    uint64_t match; /* counter value of the next match */
    bool armed;
};

#define PL031_REG(f) offsetof(struct pl031_regs, f)

// clang-format off
/* columns: offset, access, reset, writable bits, field, name */
static const struct reg_desc pl031_regs[] = {
    {0x04, REG_RW, 0, UINT32_MAX, PL031_REG(mr),   "RTCMR"},   /* TRM §3.3.2 */
    {0x08, REG_RW, 0, UINT32_MAX, PL031_REG(lr),   "RTCLR"},   /* TRM §3.3.3 */
    {0x0c, REG_RO, 1, 0,          PL031_REG(cr),   "RTCCR"},   /* TRM §3.3.4 */
    {0x10, REG_RW, 0, PL031_INT,  PL031_REG(imsc), "RTCIMSC"}, /* TRM §3.3.5 */
    {0x14, REG_RO, 0, 0,          PL031_REG(ris),  "RTCRIS"},  /* TRM §3.3.6 */
};
// clang-format on

static const uint8_t pl031_ids[8] = {0x31, 0x10, 0x04, 0x00,
                                     PRIMECELL_PCELL_ID}; /* TRM §3.3.9-10 */

static uint64_t pl031_count(const struct pl031 *c)
{
    return clock_wall_ns() / NS_PER_SEC + c->offset;
}

/* Has the counter come to the match? Then latch it, and drive the line. */
static void pl031_update(struct pl031 *c)
{
    /* A difference, because the host's clock may be set and `offset` may be "negative". */
    if (c->armed && (int64_t)(pl031_count(c) - c->match) >= 0) {
        c->armed = false;
        c->regs.ris |= PL031_INT;
    }
    irq_set(&c->irq, c->regs.ris & c->regs.imsc);
}

/* MR or the counter was written: the match is where the 32-bit counter next equals MR. */
static void pl031_rearm(struct pl031 *c)
{
    uint64_t now = pl031_count(c);
    uint32_t ahead = c->regs.mr - (uint32_t)now;
    c->match = now + ahead;
    c->armed = true;
    if (c->arm)
        c->arm(c->arm_ctx, clock_mono_ns() + ahead * NS_PER_SEC);
}

static uint64_t pl031_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct pl031 *c = container_of(dev, struct pl031, dev);
    (void)size;
    pl031_update(c);
    if (off >= PRIMECELL_ID)
        return primecell_id(pl031_ids, off);
    switch (off) {
    case PL031_DR: /* §3.3.1 */
        return (uint32_t)pl031_count(c);
    case PL031_MIS: /* §3.3.7 */
        return c->regs.ris & c->regs.imsc;
    default:
        return regs_read(pl031_regs, ARRAY_LEN(pl031_regs), &c->regs, off);
    }
}

static void pl031_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct pl031 *c = container_of(dev, struct pl031, dev);
    (void)size;
    regs_write(pl031_regs, ARRAY_LEN(pl031_regs), &c->regs, off, (uint32_t)val);
    switch (off) {
    case PL031_LR:
        c->offset = (uint64_t)c->regs.lr - clock_wall_ns() / NS_PER_SEC;
        if (c->armed)
            pl031_rearm(c);
        break;
    case PL031_MR:
        pl031_rearm(c);
        break;
    case PL031_ICR: /* §3.3.8: write one to clear */
        c->regs.ris &= ~(uint32_t)val;
        break;
    default:
        break;
    }
    pl031_update(c);
}

void pl031_set_alarm(struct dev *dev, void (*arm)(void *ctx, uint64_t deadline_ns), void *ctx)
{
    struct pl031 *c = container_of(dev, struct pl031, dev);
    c->arm = arm;
    c->arm_ctx = ctx;
}

void pl031_alarm_due(struct dev *dev)
{
    struct pl031 *c = container_of(dev, struct pl031, dev);
    dev_lock(dev);
    pl031_update(c);
    if (c->armed) /* the host's clock was set back */
        pl031_rearm(c);
    dev_unlock(dev);
}

/* The time is kept over a reset, as by a battery; the alarm is not. */
static void pl031_reset(struct dev *dev)
{
    struct pl031 *c = container_of(dev, struct pl031, dev);
    regs_reset(pl031_regs, ARRAY_LEN(pl031_regs), &c->regs);
    c->armed = false;
    pl031_update(c);
}

static void pl031_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct pl031, dev));
}

static const struct dev_ops pl031_ops = {
    .kind = "pl031",
    .sizes = 4,
    .read = pl031_read,
    .write = pl031_write,
    .reset = pl031_reset,
    .free = pl031_free,
};

int pl031_new(struct dev **dev, const char *name, struct irq_line irq)
{
    struct pl031 *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    dev_init(&c->dev, &pl031_ops, name);
    c->irq = irq;
    pl031_reset(&c->dev);
    *dev = &c->dev;
    return 0;
}
