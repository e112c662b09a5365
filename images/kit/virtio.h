// SPDX-License-Identifier: MIT
/*
 * virtio.h - a driver's side of virtio over MMIO (virtio 1.2 §4.2): find a device, agree on
 * features, pass buffers. Split queues, one descriptor for a buffer, no indirect ones, no
 * EVENT_IDX.
 *
 * The device is believed where the guest cannot do otherwise, and never about where memory is.
 */
#ifndef IMAGES_VIRTIO_H
#define IMAGES_VIRTIO_H

#include "guest.h"

#define VIRTIO_NET 1u /* §5.1 */

#define VIRTIO_F_VERSION_1 (1ull << 32) /* §6 */

struct virtio {
    uint64_t base;
    unsigned intid; /* pending while the device has something to say */
};

#define VIRTQ_SIZE 16u

/* §2.7 */
struct virtq {
    struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags, next;
    } desc[VIRTQ_SIZE] __attribute__((aligned(16)));
    struct {
        uint16_t flags, idx, ring[VIRTQ_SIZE], used_event;
    } avail __attribute__((aligned(2)));
    struct {
        uint16_t flags, idx;
        struct {
            uint32_t id, len;
        } ring[VIRTQ_SIZE];
        uint16_t avail_event;
    } used __attribute__((aligned(4)));
    struct virtio *dev;
    unsigned n;    /* the device's number of it */
    uint16_t seen; /* used.idx up to which the driver has looked */
};

/* The first device of that kind; false when there is none. */
bool virtio_find(uint32_t id, struct virtio *dev);
/* §3.1.1 up to FEATURES_OK: the device's features of `wanted`; VERSION_1 must be one. 0: it
 * refused. */
uint64_t virtio_begin(struct virtio *dev, uint64_t wanted);
/* Between virtio_begin() and virtio_go(). `interrupts`: used buffers raise one. */
bool virtq_init(struct virtq *q, struct virtio *dev, unsigned n, bool interrupts);
void virtio_go(struct virtio *dev);
/* Take back its interrupt: what happened before it is found by looking at the queues after this. */
void virtio_ack(struct virtio *dev);
uint8_t virtio_config8(const struct virtio *dev, unsigned off);

/* Lend buffer `id`, below VIRTQ_SIZE and not lent now, to the device; virtq_notify() after the
 * last. */
void virtq_lend(struct virtq *q, unsigned id, const void *buf, uint32_t len, bool device_writes);
void virtq_notify(struct virtq *q);
/* A buffer that came back, and how much was written to it. */
bool virtq_back(struct virtq *q, unsigned *id, uint32_t *len);

#endif
