// SPDX-License-Identifier: MIT
/*
 * virtio_slot.c - a virtio-mmio window with no device behind it.
 *
 * Follows virtio 1.2 §4.2.2: MagicValue and Version are readable and DeviceID is 0, that of a
 * placeholder that a driver must pass over without an error (§4.2.2.2). All else is RAZ/WI.
 */
#include "vmm/virtio.h"

#include <errno.h>
#include <stdlib.h>

#define VIRTIO_MMIO_MAGIC_VALUE 0x000
#define VIRTIO_MMIO_VERSION     0x004

#define VIRTIO_MMIO_MAGIC 0x74726976 /* "virt" */

static uint64_t virtio_slot_read(struct dev *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)size;
    switch (off) {
    case VIRTIO_MMIO_MAGIC_VALUE:
        return VIRTIO_MMIO_MAGIC;
    case VIRTIO_MMIO_VERSION:
        return 2;
    default:
        return 0;
    }
}

static void virtio_slot_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    (void)dev, (void)off, (void)size, (void)val;
}

static void virtio_slot_reset(struct dev *dev)
{
    (void)dev; /* nothing is kept */
}

static void virtio_slot_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(dev);
}

static const struct dev_ops virtio_slot_ops = {
    .kind = "virtio-mmio",
    .sizes = 4, /* §4.2.2.2: only 32 bit wide and aligned accesses below the configuration space */
    .read = virtio_slot_read,
    .write = virtio_slot_write,
    .reset = virtio_slot_reset,
    .free = virtio_slot_free,
};

int virtio_slot_new(struct dev **dev, const char *name)
{
    struct dev *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    dev_init(d, &virtio_slot_ops, name);
    *dev = d;
    return 0;
}
