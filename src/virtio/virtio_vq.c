// SPDX-License-Identifier: MIT
/*
 * virtio_vq.c - split virtqueues as a device sees them.
 *
 * Follows virtio 1.2 §2.7. A guest's ring is hostile: each index and descriptor is read once into
 * our memory and then checked; a chain has at most as many segments as its queue has entries
 * (§2.7.5.3.1), readable ones before writable ones (§2.7.4.2), each in one RAM window. What breaks
 * a rule breaks the device (virtio_break) and changes nothing else. Empty segments are passed over.
 */
#include "vmm/virtio.h"

/* struct virtq_desc, §2.7.5 */
#define VQ_DESC_LEN   16u
#define VQ_F_NEXT     1u
#define VQ_F_WRITE    2u
#define VQ_F_INDIRECT 4u

/* avail->flags, §2.7.6; used->flags, §2.7.8 */
#define VQ_AVAIL_F_NO_INTERRUPT 1u
#define VQ_USED_F_NO_NOTIFY     1u

/* Both rings begin with flags and idx, in units of 16 bits; the last one behind the entries is the
 * event of the other side. */
enum { VQ_FLAGS, VQ_IDX, VQ_RING };

#define VQ_USED_UNITS 4u /* struct virtq_used_elem is 8 bytes */

static uint16_t vq_load(const uint16_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): clang-tidy 14 does not see the atomic store */
static void vq_store(uint16_t *p, uint16_t val)
{
    __atomic_store_n(p, val, __ATOMIC_RELEASE);
}

static uint16_t *vq_used_event(const struct vq *q)
{
    return q->avail_at + VQ_RING + q->size;
}

static uint16_t *vq_avail_event(const struct vq *q)
{
    return q->used_at + VQ_RING + VQ_USED_UNITS * q->size;
}

bool vq_open(struct virtio *v, struct vq *q)
{
    unsigned n = (unsigned)(q - v->vqs);
    q->ready = false;
    if (!q->size || q->size > q->max || (q->size & (q->size - 1))) {
        virtio_break(v, "queue %u: QueueNum is %u; a power of two, 1 to %u, is accepted", n,
                     q->size, q->max);
        return false;
    }
    /* §2.7: alignment of the three parts, and their sizes with the event words. */
    const struct {
        const char *name;
        gpa_t at;
        uint64_t len;
        unsigned align;
    } parts[] = {
        {"descriptor table", q->desc,  (uint64_t)VQ_DESC_LEN * q->size, 16},
        {"available ring",   q->avail, 6 + UINT64_C(2) * q->size,       2 },
        {"used ring",        q->used,  6 + UINT64_C(8) * q->size,       4 },
    };
    void *hva[ARRAY_LEN(parts)];
    for (unsigned i = 0; i < ARRAY_LEN(parts); i++) {
        hva[i] =
            parts[i].at % parts[i].align ? NULL : mem_hva(v->host.mem, parts[i].at, parts[i].len);
        if (!hva[i]) {
            virtio_break(v,
                         "queue %u: its %s at %#" PRIx64 "+%#" PRIx64
                         " is not in RAM or not aligned to %u",
                         n, parts[i].name, parts[i].at, parts[i].len, parts[i].align);
            return false;
        }
    }
    q->desc_at = hva[0];
    q->avail_at = hva[1];
    q->used_at = hva[2];
    q->last_avail = q->next_used = q->signalled = 0;
    q->ready = true;
    return true;
}

/* A descriptor in our own memory. */
struct vq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

static struct vq_desc vq_desc_read(const uint8_t *table, unsigned i)
{
    uint8_t raw[VQ_DESC_LEN];
    memcpy(raw, table + (size_t)i * VQ_DESC_LEN, sizeof raw);
    return (struct vq_desc){le64_get(raw), le32_get(raw + 8), le16_get(raw + 12),
                            le16_get(raw + 14)};
}

/* Append one segment. False: broken. */
static bool vq_segment(struct virtio *v, const struct vq *q, struct vq_chain *c,
                       const struct vq_desc *d)
{
    unsigned n = (unsigned)(q - v->vqs), at = c->n_out + c->n_in;
    bool in = d->flags & VQ_F_WRITE;
    if (!in && c->n_in) {
        virtio_break(v, "queue %u: a readable segment comes after a writable one", n);
        return false;
    }
    if (!d->len)
        return true;
    void *hva = mem_hva(v->host.mem, d->addr, d->len);
    if (!hva) {
        virtio_break(v, "queue %u: segment %#" PRIx64 "+%#" PRIx32 " is not in RAM", n, d->addr,
                     d->len);
        return false;
    }
    c->iov[at] = (struct iovec){hva, d->len};
    c->gpa[at] = d->addr;
    if (in) {
        c->n_in++;
        c->in_len += d->len;
    } else {
        c->n_out++;
        c->out_len += d->len;
    }
    return true;
}

/*
 * Walk a table of n descriptors from `i`. At most `max` are taken, which also ends a loop. An
 * indirect table is walked by calling this once more; there is none inside another (§2.7.5.3.1).
 */
static bool vq_walk(struct virtio *v, const struct vq *q, struct vq_chain *c, const uint8_t *table,
                    unsigned n, unsigned i, bool inside)
{
    unsigned queue = (unsigned)(q - v->vqs);
    for (unsigned taken = 0;; taken++) {
        if (i >= n || taken == q->size || c->n_out + c->n_in == q->size) {
            virtio_break(v, "queue %u: %s %u of %u", queue,
                         i >= n ? "descriptor" : "a chain of more than the queue holds, descriptor",
                         i, n);
            return false;
        }
        struct vq_desc d = vq_desc_read(table, i);
        if (d.flags & VQ_F_INDIRECT) {
            bool ok = !inside && virtio_has(v, VIRTIO_F_INDIRECT_DESC) && !(d.flags & VQ_F_NEXT) &&
                      d.len && d.len % VQ_DESC_LEN == 0 && d.len / VQ_DESC_LEN <= q->size;
            const uint8_t *inner = ok ? mem_hva(v->host.mem, d.addr, d.len) : NULL;
            if (!inner) {
                virtio_break(v,
                             "queue %u: indirect table %#" PRIx64 "+%#" PRIx32
                             " is not in RAM or breaks a rule",
                             queue, d.addr, d.len);
                return false;
            }
            return vq_walk(v, q, c, inner, d.len / VQ_DESC_LEN, 0, true);
        }
        if (!vq_segment(v, q, c, &d))
            return false;
        if (!(d.flags & VQ_F_NEXT))
            return true;
        i = d.next;
    }
}

bool vq_pop(struct virtio *v, struct vq *q, struct vq_chain *c)
{
    if (!q->ready || !virtio_live(v))
        return false;
    uint16_t there = (uint16_t)(vq_load(q->avail_at + VQ_IDX) - q->last_avail);
    if (!there)
        return false;
    if (there > q->size) {
        virtio_break(v, "queue %u: %u chains are offered; it holds %u", (unsigned)(q - v->vqs),
                     there, q->size);
        return false;
    }
    c->n_out = c->n_in = 0;
    c->out_len = c->in_len = 0;
    c->head = vq_load(q->avail_at + VQ_RING + (q->last_avail & (q->size - 1)));
    if (!vq_walk(v, q, c, q->desc_at, q->size, c->head, false))
        return false;
    q->last_avail++;
    return true;
}

void vq_unpop(struct vq *q, unsigned n)
{
    q->last_avail = (uint16_t)(q->last_avail - n);
}

void vq_written(struct virtio *v, const struct vq_chain *c, uint32_t written)
{
    uint64_t left = written;
    for (unsigned i = c->n_out; i < c->n_out + c->n_in && left; i++) {
        uint64_t len = MIN(left, c->iov[i].iov_len);
        mem_written(v->host.mem, c->gpa[i], len);
        left -= len;
    }
}

void vq_push_used(struct virtio *v, struct vq *q, const struct vq_used *used, unsigned n)
{
    if (!q->ready || !virtio_live(v))
        return;
    /* struct virtq_used_elem, §2.7.8; the index after the elements. */
    for (unsigned i = 0; i < n; i++) {
        unsigned slot = q->next_used++ & (q->size - 1u);
        const uint32_t e[2] = {used[i].head, used[i].written};
        memcpy(q->used_at + VQ_RING + VQ_USED_UNITS * slot, e, sizeof e);
    }
    vq_store(q->used_at + VQ_IDX, q->next_used);
}

void vq_push(struct virtio *v, struct vq *q, const struct vq_chain *c, uint32_t written)
{
    if (!q->ready || !virtio_live(v))
        return;
    vq_written(v, c, written);
    vq_push_used(v, q, &(struct vq_used){c->head, written}, 1);
}

void vq_notify(struct virtio *v, struct vq *q)
{
    if (!q->ready || !virtio_live(v) || q->signalled == q->next_used)
        return;
    /* The used index is seen before the driver's wish is read (§2.7.7.2). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool want;
    if (virtio_has(v, VIRTIO_F_EVENT_IDX)) { /* §2.7.10.1: was used_event passed? */
        uint16_t event = vq_load(vq_used_event(q));
        want = (uint16_t)(q->next_used - event - 1) < (uint16_t)(q->next_used - q->signalled);
    } else {
        want = !(vq_load(q->avail_at + VQ_FLAGS) & VQ_AVAIL_F_NO_INTERRUPT);
    }
    q->signalled = q->next_used;
    if (want)
        virtio_interrupt(v, VIRTIO_INT_VRING);
}

bool vq_rearm(struct virtio *v, struct vq *q)
{
    if (!q->ready || !virtio_live(v))
        return false;
    if (virtio_has(v, VIRTIO_F_EVENT_IDX))
        vq_store(vq_avail_event(q), q->last_avail);
    else
        vq_store(q->used_at + VQ_FLAGS, 0);
    /* The wish is seen before the driver's index is read once more. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return vq_load(q->avail_at + VQ_IDX) != q->last_avail;
}

void vq_quiet(struct virtio *v, struct vq *q)
{
    /* With EVENT_IDX an event that is not moved on does it (§2.7.10). */
    if (q->ready && !virtio_has(v, VIRTIO_F_EVENT_IDX))
        vq_store(q->used_at + VQ_FLAGS, VQ_USED_F_NO_NOTIFY);
}

uint64_t vq_copy_out(const struct vq_chain *c, uint64_t off, void *buf, uint64_t len)
{
    return iov_get(c->iov, c->n_out, off, buf, len);
}

uint64_t vq_copy_in(const struct vq_chain *c, uint64_t off, const void *buf, uint64_t len)
{
    return iov_put(c->iov + c->n_out, c->n_in, off, buf, len);
}
