// SPDX-License-Identifier: MIT
/*
 * debugcon.c - the debug console of boards `vibe` and `micro`: two registers of a PL011, and
 * nothing to set up.
 *
 * Our own device, no document but this one. Its registers are at the offsets, and its bits at the
 * places, of the PL011 (TRM r1p5, DDI 0183G), so that a guest that polls one can poll the other:
 *
 *   DR, offset 0x00 (§3.3.1): a store of 1, 2, 4 or 8 bytes prints its low byte; a load takes the
 *       next byte of the input, and gives 0 when there is none.
 *   FR, offset 0x18 (§3.3.3): TXFE always; RXFE while no byte waits; RXFF while 32 do; DCD until
 *       the input has ended and every byte of it was read.
 *
 * Every other offset is RAZ/WI. The interrupt line is high while a byte waits, and after the end;
 * there is no mask, the interrupt controller has one. Nothing is read from the host before the
 * guest loads FR or DR for the first time, so a guest that only prints leaves its input to others.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

#define DEBUGCON_DR 0x00
#define DEBUGCON_FR 0x18

#define DEBUGCON_FR_DCD  0x04
#define DEBUGCON_FR_RXFE 0x10
#define DEBUGCON_FR_RXFF 0x40
#define DEBUGCON_FR_TXFE 0x80

#define DEBUGCON_DEPTH 32

struct debugcon {
    struct dev dev;
    struct chr *chr;
    struct irq_line irq;
    uint8_t in[DEBUGCON_DEPTH];
    unsigned head, len;
    bool looked;  /* the guest has asked for input */
    bool waiting; /* the host had nothing: debugcon_ready() will be called */
};

/* Take in what there is room for, and drive the line. */
static void debugcon_update(struct debugcon *d)
{
    if (d->looked && !d->waiting && !d->len) {
        d->head = 0;
        d->len = (unsigned)chr_read(d->chr, d->in, DEBUGCON_DEPTH);
        d->waiting = !d->len;
    }
    irq_set(&d->irq, d->looked && (d->len || chr_eof(d->chr)));
}

static void debugcon_look(struct debugcon *d)
{
    if (d->looked)
        return;
    d->looked = true;
    debugcon_update(d);
}

static uint64_t debugcon_fr(struct debugcon *d)
{
    uint64_t fr = DEBUGCON_FR_TXFE;
    debugcon_look(d);
    if (!d->len)
        return fr | DEBUGCON_FR_RXFE | (chr_eof(d->chr) ? 0 : DEBUGCON_FR_DCD);
    return fr | DEBUGCON_FR_DCD | (d->len == DEBUGCON_DEPTH ? DEBUGCON_FR_RXFF : 0);
}

static uint64_t debugcon_take(struct debugcon *d)
{
    debugcon_look(d);
    if (!d->len)
        return 0;
    uint8_t byte = d->in[d->head++];
    d->len--;
    debugcon_update(d);
    return byte;
}

static uint64_t debugcon_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct debugcon *d = container_of(dev, struct debugcon, dev);
    (void)size;
    return off == DEBUGCON_DR ? debugcon_take(d) : off == DEBUGCON_FR ? debugcon_fr(d) : 0;
}

static void debugcon_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct debugcon *d = container_of(dev, struct debugcon, dev);
    (void)size;
    if (off == DEBUGCON_DR)
        chr_write(d->chr, &(uint8_t){(uint8_t)val}, 1);
}

/* From the host: there are bytes, or the end. */
static void debugcon_ready(void *arg)
{
    struct debugcon *d = arg;
    dev_lock(&d->dev);
    d->waiting = false;
    debugcon_update(d);
    dev_unlock(&d->dev);
}

/* Bytes that were received stay: the far end was not reset. */
static void debugcon_reset(struct dev *dev)
{
    struct debugcon *d = container_of(dev, struct debugcon, dev);
    d->looked = false;
    debugcon_update(d);
}

static void debugcon_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct debugcon, dev));
}

static const struct dev_ops debugcon_ops = {
    .kind = "debugcon",
    .sizes = 1 | 2 | 4 | 8,
    .read = debugcon_read,
    .write = debugcon_write,
    .reset = debugcon_reset,
    .free = debugcon_free,
};

int debugcon_new(struct dev **dev, const char *name, struct chr *chr, struct irq_line irq)
{
    struct debugcon *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    dev_init(&d->dev, &debugcon_ops, name);
    d->chr = chr;
    d->irq = irq;
    if (chr) {
        chr->ready = debugcon_ready;
        chr->arg = d;
    }
    *dev = &d->dev;
    return 0;
}
