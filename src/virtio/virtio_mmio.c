// SPDX-License-Identifier: MIT
/*
 * virtio_mmio.c - the MMIO transport of a virtio device, version 2 registers.
 *
 * Follows virtio 1.2 §4.2.2 (register layout), §2.1 (device status), §3.1 (initialisation). Strict:
 * what the driver sets up is frozen once it counts (features at FEATURES_OK, a queue at QueueReady,
 * everything at DRIVER_OK) until it resets the device; a rule it breaks sets DEVICE_NEEDS_RESET.
 * Not there: queue reset (QueueReset reads 0), shared memory regions (SHMLen reads all ones).
 *
 * The interrupt is a level: high while InterruptStatus is not 0. Boards that wire it to an
 * edge-triggered input see an edge for each change from 0.
 */
#include "vmm/virtio.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/log.h"

enum {
    VIRTIO_MMIO_MAGIC_VALUE = 0x000,
    VIRTIO_MMIO_VERSION = 0x004,
    VIRTIO_MMIO_DEVICE_ID = 0x008,
    VIRTIO_MMIO_VENDOR_ID = 0x00c,
    VIRTIO_MMIO_DEVICE_FEATURES = 0x010,
    VIRTIO_MMIO_DEVICE_FEATURES_SEL = 0x014,
    VIRTIO_MMIO_DRIVER_FEATURES = 0x020,
    VIRTIO_MMIO_DRIVER_FEATURES_SEL = 0x024,
    VIRTIO_MMIO_QUEUE_SEL = 0x030,
    VIRTIO_MMIO_QUEUE_NUM_MAX = 0x034,
    VIRTIO_MMIO_QUEUE_NUM = 0x038,
    VIRTIO_MMIO_QUEUE_READY = 0x044,
    VIRTIO_MMIO_QUEUE_NOTIFY = 0x050,
    VIRTIO_MMIO_INTERRUPT_STATUS = 0x060,
    VIRTIO_MMIO_INTERRUPT_ACK = 0x064,
    VIRTIO_MMIO_STATUS = 0x070,
    VIRTIO_MMIO_QUEUE_DESC_LOW = 0x080,
    VIRTIO_MMIO_QUEUE_DESC_HIGH = 0x084,
    VIRTIO_MMIO_QUEUE_DRIVER_LOW = 0x090,
    VIRTIO_MMIO_QUEUE_DRIVER_HIGH = 0x094,
    VIRTIO_MMIO_QUEUE_DEVICE_LOW = 0x0a0,
    VIRTIO_MMIO_QUEUE_DEVICE_HIGH = 0x0a4,
    VIRTIO_MMIO_SHM_LEN_LOW = 0x0b0,
    VIRTIO_MMIO_SHM_BASE_HIGH = 0x0bc,
    VIRTIO_MMIO_CONFIG_GENERATION = 0x0fc,
    VIRTIO_MMIO_CONFIG = 0x100,
};

#define VIRTIO_MMIO_MAGIC  0x74726976 /* "virt" */
#define VIRTIO_MMIO_VENDOR 0x4d4d5656 /* "VVMM"; any number will do (§4.2.2) */

/* §2.1 */
enum {
    VIRTIO_S_ACKNOWLEDGE = 1,
    VIRTIO_S_DRIVER = 2,
    VIRTIO_S_DRIVER_OK = 4,
    VIRTIO_S_FEATURES_OK = 8,
    VIRTIO_S_NEEDS_RESET = 64,
    VIRTIO_S_FAILED = 128,
};
#define VIRTIO_S_DRIVERS                                                                           \
    (VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_DRIVER_OK | VIRTIO_S_FEATURES_OK |          \
     VIRTIO_S_FAILED)

static struct virtio *virtio_of(struct dev *dev)
{
    return container_of(dev, struct virtio, dev);
}

bool virtio_live(const struct virtio *v)
{
    return (v->status & (VIRTIO_S_DRIVER_OK | VIRTIO_S_NEEDS_RESET)) == VIRTIO_S_DRIVER_OK;
}

/* The line is a function of InterruptStatus: recomputed, never toggled. */
static void virtio_update_irq(struct virtio *v)
{
    irq_set(&v->host.irq, v->interrupt != 0);
}

void virtio_interrupt(struct virtio *v, uint32_t bits)
{
    v->interrupt |= bits;
    v->interrupts++;
    virtio_update_irq(v);
}

void virtio_config_changed(struct virtio *v)
{
    v->generation++;
    if (v->status & VIRTIO_S_DRIVER_OK)
        virtio_interrupt(v, VIRTIO_INT_CONFIG);
}

void virtio_break(struct virtio *v, const char *fmt, ...)
{
    if (v->status & VIRTIO_S_NEEDS_RESET)
        return;
    v->status |= VIRTIO_S_NEEDS_RESET;
    if (log_on(LOG_WARN)) {
        char what[200];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(what, sizeof what, fmt, ap);
        va_end(ap);
        log_at(LOG_WARN, "%s (%s): %s; it stops until the driver resets it", v->dev.name,
               v->ops->kind, what);
    }
    if (v->status & VIRTIO_S_DRIVER_OK) /* §2.1.2 */
        virtio_interrupt(v, VIRTIO_INT_CONFIG);
}

/* ---- status ---- */

static void virtio_reset(struct dev *dev)
{
    struct virtio *v = virtio_of(dev);
    if (v->ops->drain && virtio_live(v))
        v->ops->drain(v);
    v->status &= ~(uint32_t)VIRTIO_S_DRIVER_OK; /* nothing is popped from here on */
    if (v->ops->reset)
        v->ops->reset(v);
    v->status = v->interrupt = 0;
    v->driver_features = 0;
    v->features_sel = v->driver_features_sel = v->queue_sel = 0;
    for (unsigned i = 0; i < v->n_vqs; i++)
        v->vqs[i] = (struct vq){.max = v->vqs[i].max};
    virtio_update_irq(v);
}

static void virtio_set_status(struct virtio *v, uint32_t val)
{
    if (!val) {
        virtio_reset(&v->dev);
        return;
    }
    /* §2.1.1: the driver clears no bit but by a reset. */
    uint32_t set = val & VIRTIO_S_DRIVERS & ~v->status;
    /* §2.2.1, §6.1: features the device did not offer, or no VERSION_1: FEATURES_OK stays clear. */
    if (set & VIRTIO_S_FEATURES_OK &&
        (v->driver_features & ~v->features || !virtio_has(v, VIRTIO_F_VERSION_1)))
        set &= ~(uint32_t)VIRTIO_S_FEATURES_OK;
    v->status |= set & ~(uint32_t)VIRTIO_S_DRIVER_OK;
    if (!(set & VIRTIO_S_DRIVER_OK))
        return;
    if (!(v->status & VIRTIO_S_FEATURES_OK)) { /* §3.1.1 step 6 comes before step 8 */
        virtio_break(v, "DRIVER_OK without FEATURES_OK");
        return;
    }
    v->status |= VIRTIO_S_DRIVER_OK;
    v->driven = true;
    if (virtio_live(v) && v->ops->activate)
        v->ops->activate(v);
}

/* ---- queues ---- */

static struct vq *virtio_queue(struct virtio *v)
{
    return v->queue_sel < v->n_vqs ? &v->vqs[v->queue_sel] : NULL;
}

static void virtio_queue_ready(struct virtio *v, struct vq *q, uint32_t val)
{
    if (val & 1) {
        if (!q->ready && !(v->status & VIRTIO_S_NEEDS_RESET))
            vq_open(v, q);
        return;
    }
    /* A driver that disables one queue is done with all: what is in flight ends first. */
    if (q->ready && virtio_live(v) && v->ops->drain)
        v->ops->drain(v);
    if (q->ready && virtio_live(v) && v->ops->reset)
        v->ops->reset(v);
    q->ready = false;
}

static void virtio_notify(struct virtio *v, uint32_t queue)
{
    if (queue >= v->n_vqs || !v->vqs[queue].ready || !virtio_live(v))
        return;
    v->notifies++;
    v->ops->notify(v, queue);
}

static void set_half(uint64_t *at, bool high, uint32_t val)
{
    unsigned shift = high ? 32 : 0;
    *at = (*at & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)val << shift;
}

static void virtio_queue_write(struct virtio *v, uint64_t off, uint32_t val)
{
    struct vq *q = virtio_queue(v);
    if (!q)
        return;
    if (off == VIRTIO_MMIO_QUEUE_READY) {
        virtio_queue_ready(v, q, val);
        return;
    }
    if (q->ready) /* frozen: §4.2.2.2 */
        return;
    switch (off) {
    case VIRTIO_MMIO_QUEUE_NUM:
        q->size = (uint16_t)MIN(val, UINT16_MAX);
        break;
    case VIRTIO_MMIO_QUEUE_DESC_LOW:
    case VIRTIO_MMIO_QUEUE_DESC_HIGH:
        set_half(&q->desc, off == VIRTIO_MMIO_QUEUE_DESC_HIGH, val);
        break;
    case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
    case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
        set_half(&q->avail, off == VIRTIO_MMIO_QUEUE_DRIVER_HIGH, val);
        break;
    case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
    case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
        set_half(&q->used, off == VIRTIO_MMIO_QUEUE_DEVICE_HIGH, val);
        break;
    }
}

/* ---- registers ---- */

static uint64_t virtio_config_read(struct virtio *v, uint64_t off, unsigned size)
{
    uint64_t val = 0;
    if (off < v->ops->config_len)
        v->ops->config_read(v, (uint32_t)off, &val, (uint32_t)MIN(size, v->ops->config_len - off));
    return val;
}

static uint64_t virtio_mmio_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct virtio *v = virtio_of(dev);
    if (off >= VIRTIO_MMIO_CONFIG)
        return virtio_config_read(v, off - VIRTIO_MMIO_CONFIG, size);
    if (size != 4) /* §4.2.2.2 */
        return 0;
    const struct vq *q = virtio_queue(v);
    switch (off) {
    case VIRTIO_MMIO_MAGIC_VALUE:
        return VIRTIO_MMIO_MAGIC;
    case VIRTIO_MMIO_VERSION:
        return 2;
    case VIRTIO_MMIO_DEVICE_ID:
        return v->ops->id;
    case VIRTIO_MMIO_VENDOR_ID:
        return VIRTIO_MMIO_VENDOR;
    case VIRTIO_MMIO_DEVICE_FEATURES:
        return v->features_sel < 2 ? v->features >> (32 * v->features_sel) : 0;
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return q ? q->max : 0;
    case VIRTIO_MMIO_QUEUE_READY:
        return q && q->ready;
    case VIRTIO_MMIO_INTERRUPT_STATUS:
        return v->interrupt;
    case VIRTIO_MMIO_STATUS:
        return v->status;
    case VIRTIO_MMIO_CONFIG_GENERATION:
        return v->generation;
    default: /* a region that is not there has length and base -1 (§4.2.2) */
        return off >= VIRTIO_MMIO_SHM_LEN_LOW && off <= VIRTIO_MMIO_SHM_BASE_HIGH ? UINT32_MAX : 0;
    }
}

static void virtio_mmio_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val64)
{
    struct virtio *v = virtio_of(dev);
    uint32_t val = (uint32_t)val64;
    if (off >= VIRTIO_MMIO_CONFIG) {
        uint64_t at = off - VIRTIO_MMIO_CONFIG;
        if (v->ops->config_write && at < v->ops->config_len)
            v->ops->config_write(v, (uint32_t)at, &val64,
                                 (uint32_t)MIN(size, v->ops->config_len - at));
        return;
    }
    if (size != 4)
        return;
    switch (off) {
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
        v->features_sel = val;
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES:
        if (!(v->status & VIRTIO_S_FEATURES_OK)) {
            if (v->driver_features_sel < 2)
                set_half(&v->driver_features, v->driver_features_sel == 1, val);
            else if (val) /* no such bits are offered: never equal to what is */
                v->driver_features |= ~v->features;
        }
        break;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
        v->driver_features_sel = val;
        break;
    case VIRTIO_MMIO_QUEUE_SEL:
        v->queue_sel = val;
        break;
    case VIRTIO_MMIO_QUEUE_NOTIFY:
        virtio_notify(v, val);
        break;
    case VIRTIO_MMIO_INTERRUPT_ACK:
        v->interrupt &= ~val;
        virtio_update_irq(v);
        break;
    case VIRTIO_MMIO_STATUS:
        virtio_set_status(v, val);
        break;
    default:
        virtio_queue_write(v, off, val);
    }
}

static void virtio_free(struct dev *dev)
{
    struct virtio *v = virtio_of(dev);
    dev_lock(dev);
    virtio_reset(dev);
    dev_unlock(dev);
    if (v->ops->free)
        v->ops->free(v);
    pthread_mutex_destroy(&dev->lock);
    free(v); /* the first member of what its x_new() allocated */
}

static const struct dev_ops virtio_dev_ops = {
    .kind = "virtio-mmio",
    .sizes = 1 | 2 | 4, /* below the configuration space only 4, see virtio_mmio_read() */
    .read = virtio_mmio_read,
    .write = virtio_mmio_write,
    .reset = virtio_reset,
    .free = virtio_free,
};

void virtio_init(struct virtio *v, const struct virtio_ops *ops, const char *name,
                 const struct virtio_host *host, uint64_t features, struct vq *vqs, unsigned n)
{
    dev_init(&v->dev, &virtio_dev_ops, name);
    v->ops = ops;
    v->host = *host;
    v->features = features | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX;
    v->vqs = vqs;
    v->n_vqs = n;
}
