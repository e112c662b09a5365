// SPDX-License-Identifier: MIT
/*
 * virtio.c - see virtio.h. Sections are those of virtio 1.2.
 */
#include "virtio.h"

/* §4.2.2 */
#define MAGIC             0x000
#define VERSION           0x004
#define DEVICE_ID         0x008
#define DEVICE_FEATURES   0x010
#define DEVICE_FEATURES_N 0x014
#define DRIVER_FEATURES   0x020
#define DRIVER_FEATURES_N 0x024
#define QUEUE_SEL         0x030
#define QUEUE_NUM_MAX     0x034
#define QUEUE_NUM         0x038
#define QUEUE_READY       0x044
#define QUEUE_NOTIFY      0x050
#define INTERRUPT_STATUS  0x060
#define INTERRUPT_ACK     0x064
#define STATUS            0x070
#define QUEUE_DESC        0x080
#define QUEUE_DRIVER      0x090
#define QUEUE_DEVICE      0x0a0
#define CONFIG            0x100

/* §2.1 */
#define ACKNOWLEDGE 1u
#define DRIVER      2u
#define DRIVER_OK   4u
#define FEATURES_OK 8u
#define FAILED      128u

#define DESC_WRITE   2u /* §2.7.5 */
#define NO_INTERRUPT 1u /* §2.7.6 */

static void add_status(struct virtio *dev, uint32_t bit)
{
    mmio_w32(dev->base + STATUS, mmio_r32(dev->base + STATUS) | bit);
}

bool virtio_find(uint32_t id, struct virtio *dev)
{
    for (unsigned i = 0; i < VIRTIO_COUNT; i++) {
        uint64_t base = VIRTIO_BASE + i * VIRTIO_STRIDE;
        if (mmio_r32(base + MAGIC) == 0x74726976 && mmio_r32(base + VERSION) == 2 &&
            mmio_r32(base + DEVICE_ID) == id) {
            *dev = (struct virtio){base, VIRTIO_INTID + i};
            return true;
        }
    }
    return false;
}

uint64_t virtio_begin(struct virtio *dev, uint64_t wanted)
{
    mmio_w32(dev->base + STATUS, 0);
    while (mmio_r32(dev->base + STATUS)) /* §4.2.2.2: reset is complete */
        ;
    add_status(dev, ACKNOWLEDGE);
    add_status(dev, DRIVER);
    uint64_t features = 0;
    for (unsigned half = 0; half < 2; half++) {
        mmio_w32(dev->base + DEVICE_FEATURES_N, half);
        features |= (uint64_t)mmio_r32(dev->base + DEVICE_FEATURES) << 32 * half;
    }
    features &= wanted;
    for (unsigned half = 0; half < 2; half++) {
        mmio_w32(dev->base + DRIVER_FEATURES_N, half);
        mmio_w32(dev->base + DRIVER_FEATURES, (uint32_t)(features >> 32 * half));
    }
    add_status(dev, FEATURES_OK);
    if ((features & VIRTIO_F_VERSION_1) && (mmio_r32(dev->base + STATUS) & FEATURES_OK))
        return features;
    add_status(dev, FAILED);
    return 0;
}

static void set_address(struct virtio *dev, unsigned reg, const volatile void *p)
{
    mmio_w32(dev->base + reg, (uint32_t)(uint64_t)p);
    mmio_w32(dev->base + reg + 4, (uint32_t)((uint64_t)p >> 32));
}

bool virtq_init(struct virtq *q, struct virtio *dev, unsigned n, bool interrupts)
{
    memset(q, 0, sizeof *q);
    q->dev = dev;
    q->n = n;
    q->avail.flags = interrupts ? 0 : NO_INTERRUPT;
    mmio_w32(dev->base + QUEUE_SEL, n);
    if (mmio_r32(dev->base + QUEUE_READY) || mmio_r32(dev->base + QUEUE_NUM_MAX) < VIRTQ_SIZE)
        return false;
    mmio_w32(dev->base + QUEUE_NUM, VIRTQ_SIZE);
    set_address(dev, QUEUE_DESC, q->desc);
    set_address(dev, QUEUE_DRIVER, &q->avail);
    set_address(dev, QUEUE_DEVICE, &q->used);
    barrier("dmb ish");
    mmio_w32(dev->base + QUEUE_READY, 1);
    return true;
}

void virtio_go(struct virtio *dev)
{
    add_status(dev, DRIVER_OK);
}

void virtio_ack(struct virtio *dev)
{
    mmio_w32(dev->base + INTERRUPT_ACK, mmio_r32(dev->base + INTERRUPT_STATUS));
    barrier("dsb sy");
}

uint8_t virtio_config8(const struct virtio *dev, unsigned off)
{
    uint32_t val;
    __asm__ volatile("ldrb %w0, [%1]" : "=r"(val) : "r"(dev->base + CONFIG + off) : "memory");
    return (uint8_t)val;
}

void virtq_lend(struct virtq *q, unsigned id, const void *buf, uint32_t len, bool device_writes)
{
    q->desc[id].addr = (uint64_t)buf;
    q->desc[id].len = len;
    q->desc[id].flags = device_writes ? DESC_WRITE : 0;
    q->avail.ring[q->avail.idx % VIRTQ_SIZE] = (uint16_t)id;
    barrier("dmb ish"); /* §2.7.13: the entry, then the index */
    q->avail.idx++;
}

void virtq_notify(struct virtq *q)
{
    barrier("dsb sy");
    mmio_w32(q->dev->base + QUEUE_NOTIFY, q->n);
}

bool virtq_back(struct virtq *q, unsigned *id, uint32_t *len)
{
    uint16_t idx = *(volatile uint16_t *)&q->used.idx;
    if (idx == q->seen)
        return false;
    barrier("dmb ish"); /* the index, then the entry */
    *id = q->used.ring[q->seen % VIRTQ_SIZE].id % VIRTQ_SIZE;
    *len = q->used.ring[q->seen % VIRTQ_SIZE].len;
    q->seen++;
    return true;
}
