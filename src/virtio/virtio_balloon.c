// SPDX-License-Identifier: MIT
/*
 * virtio_balloon.c - memory that the guest gives back to the host.
 *
 * Follows virtio 1.2 §5.5: inflate and deflate queues with a target that is fixed for the run,
 * reporting of free pages (§5.5.6.7), for which the driver needs no target, and statistics of the
 * guest's memory (§5.5.6.3), asked for again and again. Given-back memory is the host's again at
 * once (mem_discard) and reads as zero when the guest uses it anew, deflated or not: MUST_TELL_HOST
 * is not offered. Not there: free page hints, page poison.
 *
 * The queue for reports is number 4 (§5.5.2), but drivers number only the queues whose features are
 * there: it is number 3 then, or 2 for one that gives no statistics. All do the same here.
 */
#include "vmm/virtio.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/clock.h"

/* §5.5.3 */
#define VIRTIO_BALLOON_F_STATS_VQ       BIT(1)
#define VIRTIO_BALLOON_F_DEFLATE_ON_OOM BIT(2)
#define VIRTIO_BALLOON_F_REPORTING      BIT(5)

enum { BALLOON_INFLATE, BALLOON_DEFLATE, BALLOON_STATS, BALLOON_QUEUES = 5 };

#define BALLOON_QUEUE 128
#define BALLOON_PAGE  UINT64_C(4096) /* of the page numbers, whatever pages host and guest have */
#define BALLOON_PFNS  256u           /* taken from the guest at a time */

/* §5.5.4: what the host wants, what the driver has given (pages) */
enum { BALLOON_CFG_NUM_PAGES = 0, BALLOON_CFG_ACTUAL = 4, BALLOON_CFG_LEN = 16 };

/* Statistics: struct virtio_balloon_stat is a le16 tag and a le64 value (§5.5.6.3). */
#define BALLOON_STAT      10u
#define BALLOON_STATS_MAX 64u /* that are looked at; there are ten kinds */
#define BALLOON_EVERY_NS  UINT64_C(2000000000)

/* by tag: VIRTIO_BALLOON_S_*, §5.5.6.4; memory is in bytes */
static const char *const balloon_stats[] = {
    "swap_in", "swap_out",  "major_faults", "minor_faults",          "free",
    "total",   "available", "caches",       "huge_page_allocations", "huge_page_failures",
};
_Static_assert(ARRAY_LEN(balloon_stats) + 2 <= VIRTIO_STATS_MAX, "room for each, and two");

struct virtio_balloon {
    struct virtio v;
    struct vq vqs[BALLOON_QUEUES];
    uint8_t config[BALLOON_CFG_LEN];
    struct vq_chain chain;
    /* The buffer of statistics that the driver gave last: it is given back to ask for the next. */
    bool held;
    struct vq_used stats_buf;
    uint32_t known; /* bit per tag */
    uint64_t stats[ARRAY_LEN(balloon_stats)];
    void (*arm)(void *ctx, uint64_t deadline_ns);
    void *ctx;
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

/* ---- statistics ---- */

/* Give the buffer back: the driver answers by a new one. */
static void balloon_ask(struct virtio_balloon *b)
{
    struct vq *q = &b->vqs[BALLOON_STATS];
    if (!b->held)
        return;
    b->held = false;
    vq_push_used(&b->v, q, &b->stats_buf, 1);
    vq_notify(&b->v, q);
}

static void balloon_take_stats(struct virtio_balloon *b)
{
    uint8_t raw[BALLOON_STAT * BALLOON_STATS_MAX];
    uint64_t got = vq_copy_out(&b->chain, 0, raw, sizeof raw);
    balloon_ask(b); /* one that was held: there is one at a time */
    for (uint64_t i = 0; i + BALLOON_STAT <= got; i += BALLOON_STAT) {
        uint16_t tag = le16_get(raw + i);
        if (tag >= ARRAY_LEN(balloon_stats))
            continue;
        b->stats[tag] = le64_get(raw + i + 2);
        b->known |= (uint32_t)BIT(tag);
    }
    b->stats_buf = (struct vq_used){b->chain.head, 0};
    b->held = true;
    if (b->arm)
        b->arm(b->ctx, clock_mono_ns() + BALLOON_EVERY_NS);
}

void virtio_balloon_due(struct dev *dev)
{
    struct virtio_balloon *b = container_of(dev, struct virtio_balloon, v.dev);
    dev_lock(dev);
    balloon_ask(b);
    dev_unlock(dev);
}

static unsigned balloon_stats_of(struct virtio *v, struct virtio_stat *out)
{
    const struct virtio_balloon *b = balloon_of(v);
    unsigned n = 0;
    out[n++] =
        (struct virtio_stat){"target", le32_get(b->config + BALLOON_CFG_NUM_PAGES) * BALLOON_PAGE};
    out[n++] =
        (struct virtio_stat){"given", le32_get(b->config + BALLOON_CFG_ACTUAL) * BALLOON_PAGE};
    for (unsigned i = 0; i < ARRAY_LEN(balloon_stats); i++)
        if (b->known & BIT(i))
            out[n++] = (struct virtio_stat){balloon_stats[i], b->stats[i]};
    return n;
}

/* ---- life ---- */

/* A list names each page once at most: a longer one would only keep the host busy. */
static bool balloon_list_ok(struct virtio_balloon *b)
{
    uint64_t pages = mem_total(b->v.host.mem) / BALLOON_PAGE, n = b->chain.out_len / 4;
    if (n > pages)
        virtio_break(&b->v, "a list of %" PRIu64 " pages; there are %" PRIu64, n, pages);
    return n <= pages;
}

static void balloon_notify(struct virtio *v, unsigned queue)
{
    struct virtio_balloon *b = balloon_of(v);
    struct vq *q = &b->vqs[queue];
    bool stats = queue == BALLOON_STATS && virtio_has(v, VIRTIO_BALLOON_F_STATS_VQ);
    do {
        while (vq_pop(v, q, &b->chain)) {
            if (stats) {
                balloon_take_stats(b);
                continue;
            }
            if (queue == BALLOON_INFLATE && !balloon_list_ok(b))
                return;
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

/* Linux gives the first statistics before DRIVER_OK, when a notification counts for nothing. */
static void balloon_activate(struct virtio *v)
{
    if (virtio_has(v, VIRTIO_BALLOON_F_STATS_VQ))
        balloon_notify(v, BALLOON_STATS);
}

/* What was known stays known. */
static void balloon_reset(struct virtio *v)
{
    balloon_of(v)->held = false;
}

static const struct virtio_ops balloon_ops = {
    .kind = "virtio-balloon",
    .id = VIRTIO_ID_BALLOON,
    .config_len = BALLOON_CFG_LEN,
    .config_read = balloon_config_read,
    .config_write = balloon_config_write,
    .activate = balloon_activate,
    .notify = balloon_notify,
    .reset = balloon_reset,
    .stats = balloon_stats_of,
};

int virtio_balloon_new(struct dev **dev, const char *name, const struct virtio_host *host,
                       uint64_t target, void (*arm)(void *ctx, uint64_t deadline_ns), void *ctx)
{
    struct virtio_balloon *b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    for (unsigned i = 0; i < BALLOON_QUEUES; i++)
        b->vqs[i].max = BALLOON_QUEUE;
    le32_put(b->config + BALLOON_CFG_NUM_PAGES, (uint32_t)(target / BALLOON_PAGE));
    b->arm = arm;
    b->ctx = ctx;
    virtio_init(&b->v, &balloon_ops, name, host,
                VIRTIO_BALLOON_F_STATS_VQ | VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
                    VIRTIO_BALLOON_F_REPORTING,
                b->vqs, BALLOON_QUEUES);
    *dev = &b->v.dev;
    return 0;
}
