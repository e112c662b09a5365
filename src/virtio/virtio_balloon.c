// SPDX-License-Identifier: MIT
/*
 * virtio_balloon.c - memory that the guest gives back to the host.
 *
 * Follows virtio 1.2 §5.5: inflate and deflate queues with a target that is fixed for the run, and
 * reporting of free pages (§5.5.6.7), for which the driver needs no target. Given-back memory is
 * the host's again at once (mem_discard) and reads as zero when the guest uses it anew, deflated or
 * not: MUST_TELL_HOST is not offered. Not there: statistics, free page hints, page poison.
 *
 * The queue for reports is number 4 (§5.5.2), but drivers number only the queues whose features are
 * offered: it is number 2 then. Both do the same here.
 */
#include "vmm/virtio.h"

#include <errno.h>
#include <stdlib.h>

/* §5.5.3 */
#define VIRTIO_BALLOON_F_DEFLATE_ON_OOM BIT(2)
#define VIRTIO_BALLOON_F_REPORTING      BIT(5)

enum { BALLOON_INFLATE, BALLOON_DEFLATE, BALLOON_QUEUES = 5 };

#define BALLOON_QUEUE 128
#define BALLOON_PAGE  UINT64_C(4096) /* of the page numbers, whatever pages host and guest have */
#define BALLOON_PFNS  256u           /* taken from the guest at a time */

/* §5.5.4: what the host wants, what the driver has given (pages) */
enum { BALLOON_CFG_NUM_PAGES = 0, BALLOON_CFG_ACTUAL = 4, BALLOON_CFG_LEN = 16 };

struct virtio_balloon {
    struct virtio v;
    struct vq vqs[BALLOON_QUEUES];
    uint8_t config[BALLOON_CFG_LEN];
    struct vq_chain chain;
};

static struct virtio_balloon *balloon_of(struct virtio *v)
{
    return container_of(v, struct virtio_balloon, v);
}

/* A list of page numbers, runs of which go back together. What is not RAM is passed over. */
static void balloon_inflate(struct virtio_balloon *b)
{
    uint8_t raw[BALLOON_PFNS * 4];
    uint64_t first = 0, n = 0; /* the run so far */
    for (uint64_t at = 0, got; (got = vq_copy_out(&b->chain, at, raw, sizeof raw)) >= 4;
         at += sizeof raw)
        for (uint64_t i = 0; i + 4 <= got; i += 4) {
            uint64_t pfn = le32_get(raw + i);
            if (n && pfn == first + n) {
                n++;
                continue;
            }
            if (n)
                mem_discard(b->v.host.mem, first * BALLOON_PAGE, n * BALLOON_PAGE);
            first = pfn;
            n = 1;
        }
    if (n)
        mem_discard(b->v.host.mem, first * BALLOON_PAGE, n * BALLOON_PAGE);
}

/* The segments themselves are what is free; they are writable, for their bytes are lost. */
static void balloon_report(struct virtio_balloon *b)
{
    const struct vq_chain *c = &b->chain;
    for (unsigned i = c->n_out; i < c->n_out + c->n_in; i++)
        mem_discard(b->v.host.mem, c->gpa[i], c->iov[i].iov_len);
}

static void balloon_notify(struct virtio *v, unsigned queue)
{
    struct virtio_balloon *b = balloon_of(v);
    struct vq *q = &b->vqs[queue];
    do {
        while (vq_pop(v, q, &b->chain)) {
            if (queue == BALLOON_INFLATE)
                balloon_inflate(b);
            else if (queue != BALLOON_DEFLATE && virtio_has(v, VIRTIO_BALLOON_F_REPORTING))
                balloon_report(b);
            vq_push(v, q, &b->chain, 0);
        }
    } while (vq_rearm(v, q));
    vq_notify(v, q);
}

static void balloon_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, balloon_of(v)->config + off, len);
}

/* `actual` is the driver's. */
static void balloon_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (off + i >= BALLOON_CFG_ACTUAL && off + i < BALLOON_CFG_ACTUAL + 4)
            balloon_of(v)->config[off + i] = ((const uint8_t *)buf)[i];
}

static const struct virtio_ops balloon_ops = {
    .kind = "virtio-balloon",
    .id = VIRTIO_ID_BALLOON,
    .config_len = BALLOON_CFG_LEN,
    .config_read = balloon_config_read,
    .config_write = balloon_config_write,
    .notify = balloon_notify,
};

int virtio_balloon_new(struct dev **dev, const char *name, const struct virtio_host *host,
                       uint64_t target)
{
    struct virtio_balloon *b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    for (unsigned i = 0; i < BALLOON_QUEUES; i++)
        b->vqs[i].max = BALLOON_QUEUE;
    le32_put(b->config + BALLOON_CFG_NUM_PAGES, (uint32_t)(target / BALLOON_PAGE));
    virtio_init(&b->v, &balloon_ops, name, host,
                VIRTIO_BALLOON_F_DEFLATE_ON_OOM | VIRTIO_BALLOON_F_REPORTING, b->vqs,
                BALLOON_QUEUES);
    *dev = &b->v.dev;
    return 0;
}
