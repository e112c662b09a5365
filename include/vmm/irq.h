// SPDX-License-Identifier: MIT
/*
 * irq.h - one interrupt wire, from a device to whatever listens (an interrupt controller's input).
 */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include <stdbool.h>

/* The far end: input `n` of an interrupt controller, or a test's recorder. An unset line goes
 * nowhere. */
struct irq_line {
    void (*set)(void *ctx, unsigned n, bool level);
    void *ctx;
    unsigned n; /* what `set` calls it: an SPI number for a GIC */
};

/* Drive the wire. Level, not edge: repeat freely. Any thread; the receiver locks. */
static inline void irq_set(const struct irq_line *line, bool level)
{
    if (line->set)
        line->set(line->ctx, line->n, level);
}

#endif
