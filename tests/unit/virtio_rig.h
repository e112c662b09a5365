// SPDX-License-Identifier: MIT
/*
 * virtio_rig.h - the driver's side of a virtio device under test: RAM, one MMIO window on a bus,
 * queues laid out in RAM, chains of descriptors.
 *
 * A test makes its device with vrig_host(), then vrig_start(), which goes through §3.1.1
 * (virtio 1.2). Layout of RAM: queue n's rings at VRIG_RINGS + n * VRIG_RING_LEN; buffers are the
 * test's from VRIG_DATA on.
 */
#ifndef TESTS_UNIT_VIRTIO_RIG_H
#define TESTS_UNIT_VIRTIO_RIG_H

#include "tests/unit/rig.h"
#include "vmm/virtio.h"

#define VRIG_RAM      UINT64_C(0x40000000)
#define VRIG_RAM_LEN  MIB(4)
#define VRIG_RINGS    (VRIG_RAM + KIB(64))
#define VRIG_RING_LEN KIB(16)
#define VRIG_DATA     (VRIG_RAM + MIB(1))
#define VRIG_QUEUES   16

/* §2.7.5 */
enum { VRIG_NEXT = 1, VRIG_WRITE = 2, VRIG_INDIRECT = 4 };

struct vrig_queue {
    uint16_t size, free, avail, used; /* free: next descriptor, round and round */
};

struct vrig {
    struct rig r;
    struct guest_mem mem;
    struct vrig_queue q[VRIG_QUEUES];
    uint64_t features; /* accepted */
};

struct vrig_seg {
    gpa_t gpa;
    uint32_t len;
    bool write;
};

static inline struct virtio_host vrig_host(struct vrig *r)
{
    struct err err;
    memset(r, 0, sizeof *r);
    rig_init(&r->r, "", 0);
    const struct mem_region ram = {.base = VRIG_RAM, .size = VRIG_RAM_LEN};
    expect_u64(mem_init(&r->mem, &ram, 1, &err), 0);
    return (struct virtio_host){.mem = &r->mem, .irq = rig_irq(&r->r)};
}

static inline void vrig_fini(struct vrig *r)
{
    rig_fini(&r->r);
    mem_fini(&r->mem);
}

static inline uint8_t *vrig_at(struct vrig *r, gpa_t gpa)
{
    return mem_hva(&r->mem, gpa, 1);
}

static inline void vrig_put16(struct vrig *r, gpa_t gpa, uint16_t val)
{
    __atomic_store_n((uint16_t *)(void *)vrig_at(r, gpa), val, __ATOMIC_SEQ_CST);
}

static inline uint16_t vrig_get16(struct vrig *r, gpa_t gpa)
{
    return __atomic_load_n((uint16_t *)(void *)vrig_at(r, gpa), __ATOMIC_SEQ_CST);
}

static inline gpa_t vrig_desc(unsigned q)
{
    return VRIG_RINGS + q * VRIG_RING_LEN;
}

static inline gpa_t vrig_avail(unsigned q)
{
    return vrig_desc(q) + VQ_SIZE_MAX * 16;
}

static inline gpa_t vrig_used(unsigned q)
{
    return vrig_avail(q) + KIB(2);
}

/* Where avail->used_event and used->avail_event are (§2.7.6, §2.7.8). */
static inline gpa_t vrig_used_event(struct vrig *r, unsigned q)
{
    return vrig_avail(q) + 4 + 2u * r->q[q].size;
}

static inline gpa_t vrig_avail_event(struct vrig *r, unsigned q)
{
    return vrig_used(q) + 4 + 8u * r->q[q].size;
}

static inline uint64_t vrig_features(struct vrig *r)
{
    wr32(&r->r, 0x014, 0);
    uint64_t lo = rd32(&r->r, 0x010);
    wr32(&r->r, 0x014, 1);
    return lo | (uint64_t)rd32(&r->r, 0x010) << 32;
}

static inline void vrig_accept(struct vrig *r, uint64_t features)
{
    r->features = features;
    for (uint32_t i = 0; i < 2; i++) {
        wr32(&r->r, 0x024, i);
        wr32(&r->r, 0x020, (uint32_t)(features >> (32 * i)));
    }
}

static inline void vrig_queue(struct vrig *r, unsigned q, uint16_t size)
{
    r->q[q] = (struct vrig_queue){.size = size};
    memset(vrig_at(r, vrig_desc(q)), 0, VRIG_RING_LEN);
    wr32(&r->r, 0x030, q);
    wr32(&r->r, 0x038, size);
    const gpa_t at[3] = {vrig_desc(q), vrig_avail(q), vrig_used(q)};
    const uint64_t reg[3] = {0x080, 0x090, 0x0a0};
    for (unsigned i = 0; i < 3; i++) {
        wr32(&r->r, reg[i], (uint32_t)at[i]);
        wr32(&r->r, reg[i] + 4, (uint32_t)(at[i] >> 32));
    }
    wr32(&r->r, 0x044, 1);
}

/*
 * §3.1.1: reset, acknowledge, driver, features (those of `want` that are offered, and VERSION_1), n
 * queues of `size` entries (or their maximum), DRIVER_OK. The device is mapped by the first call.
 */
static inline void vrig_start(struct vrig *r, uint64_t want, unsigned n, uint16_t size)
{
    if (!r->r.bus.n)
        rig_map(&r->r, 0x200);
    wr32(&r->r, 0x070, 0);
    wr32(&r->r, 0x070, 1);
    wr32(&r->r, 0x070, 3);
    vrig_accept(r, (vrig_features(r) & want) | VIRTIO_F_VERSION_1);
    wr32(&r->r, 0x070, 0xb);
    expect_u32(rd32(&r->r, 0x070), 0xb);
    for (unsigned i = 0; i < n; i++) {
        wr32(&r->r, 0x030, i);
        uint32_t max = rd32(&r->r, 0x034);
        vrig_queue(r, i, (uint16_t)MIN(max, size));
    }
    wr32(&r->r, 0x070, 0xf);
    expect_u32(rd32(&r->r, 0x070), 0xf);
}

static inline void vrig_put_desc(struct vrig *r, gpa_t table, unsigned i, gpa_t gpa, uint32_t len,
                                 uint16_t flags, uint16_t next)
{
    uint8_t *p = vrig_at(r, table + 16u * i);
    le64_put(p, gpa);
    le32_put(p + 8, len);
    le16_put(p + 12, flags);
    le16_put(p + 14, next);
}

/* Offer the chain that starts at descriptor `head`; the device is not notified. */
static inline void vrig_offer(struct vrig *r, unsigned q, uint16_t head)
{
    struct vrig_queue *vq = &r->q[q];
    vrig_put16(r, vrig_avail(q) + 4 + 2u * (vq->avail % vq->size), head);
    vrig_put16(r, vrig_avail(q) + 2, ++vq->avail);
}

/* A chain of n segments in descriptors of the queue, offered; returns its head. */
static inline uint16_t vrig_add(struct vrig *r, unsigned q, const struct vrig_seg *segs, unsigned n)
{
    struct vrig_queue *vq = &r->q[q];
    uint16_t head = vq->free;
    for (unsigned i = 0; i < n; i++) {
        uint16_t at = vq->free, next = (uint16_t)((at + 1) % vq->size);
        uint16_t flags = (uint16_t)((segs[i].write ? VRIG_WRITE : 0) | (i + 1 < n ? VRIG_NEXT : 0));
        vrig_put_desc(r, vrig_desc(q), at, segs[i].gpa, segs[i].len, flags, next);
        vq->free = next;
    }
    vrig_offer(r, q, head);
    return head;
}

static inline void vrig_notify(struct vrig *r, unsigned q)
{
    wr32(&r->r, 0x050, q);
}

/* The next chain that came back: true with its head and the bytes written into it; else all ones.
 */
static inline bool vrig_take(struct vrig *r, unsigned q, uint32_t *head, uint32_t *len)
{
    struct vrig_queue *vq = &r->q[q];
    *head = *len = UINT32_MAX;
    if (vrig_get16(r, vrig_used(q) + 2) == vq->used)
        return false;
    const uint8_t *p = vrig_at(r, vrig_used(q) + 4 + 8u * (vq->used % vq->size));
    *head = le32_get(p);
    *len = le32_get(p + 4);
    vq->used++;
    return true;
}

/* InterruptStatus, acknowledged. */
static inline uint32_t vrig_ack(struct vrig *r)
{
    uint32_t got = rd32(&r->r, 0x060);
    wr32(&r->r, 0x064, got);
    return got;
}

#endif
