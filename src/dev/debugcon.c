// SPDX-License-Identifier: MIT
/*
 * debugcon.c - the debug console of board `vibe`: a store prints a byte.
 *
 * Our own device, no document but this one: offset 0 takes a store of 1, 2, 4 or 8 bytes and sends
 * its low byte; every other offset and every load is RAZ/WI. There is no input and no interrupt.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

struct debugcon {
    struct dev dev;
    struct chr *chr;
};

static uint64_t debugcon_read(struct dev *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0;
}

static void debugcon_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct debugcon *d = container_of(dev, struct debugcon, dev);
    (void)size;
    if (off == 0)
        chr_write(d->chr, &(uint8_t){(uint8_t)val}, 1);
}

static void debugcon_reset(struct dev *dev)
{
    (void)dev; /* nothing is kept */
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

int debugcon_new(struct dev **dev, const char *name, struct chr *chr)
{
    struct debugcon *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    dev_init(&d->dev, &debugcon_ops, name);
    d->chr = chr;
    *dev = &d->dev;
    return 0;
}
