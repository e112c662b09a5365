// SPDX-License-Identifier: MIT
/*
 * virtio_blk.c - block device.
 *
 * Follows virtio 1.2 §5.2: one queue; reads, writes, flush, serial number, discard, write zeroes.
 * Not there: several queues, secure erase, lifetime, a writeback bit for the driver to change
 * (CONFIG_WCE): with FLUSH the cache is write-back, without it each write is flushed.
 *
 * A request that the host's page cache can serve is done at once, on the vCPU's thread: handing it
 * to another one costs several times as much. What may wait for a disk goes to BLK_THREADS threads,
 * made when the first such request comes. Requests have no order among each other (§5.2.6.2: the
 * driver waits where it needs one).
 */
#include "vmm/virtio.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "vmm/disk.h"

#define BLK_QUEUE   128
#define BLK_THREADS 16       /* docs/virtio.md has the measurement */
#define BLK_AT_ONCE KIB(256) /* more bytes than that go to a thread, so that the guest runs on */

/* §5.2.3 */
#define VIRTIO_BLK_F_SEG_MAX      BIT(2)
#define VIRTIO_BLK_F_RO           BIT(5)
#define VIRTIO_BLK_F_BLK_SIZE     BIT(6)
#define VIRTIO_BLK_F_FLUSH        BIT(9)
#define VIRTIO_BLK_F_TOPOLOGY     BIT(10)
#define VIRTIO_BLK_F_DISCARD      BIT(13)
#define VIRTIO_BLK_F_WRITE_ZEROES BIT(14)

/* §5.2.6 */
enum {
    VIRTIO_BLK_T_IN = 0,
    VIRTIO_BLK_T_OUT = 1,
    VIRTIO_BLK_T_FLUSH = 4,
    VIRTIO_BLK_T_GET_ID = 8,
    VIRTIO_BLK_T_DISCARD = 11,
    VIRTIO_BLK_T_WRITE_ZEROES = 13,
};

enum { VIRTIO_BLK_S_OK, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_UNSUPP };

#define BLK_HEAD         16u /* type, reserved, sector */
#define BLK_RANGE        16u /* struct virtio_blk_discard_write_zeroes */
#define BLK_RANGES_MAX   16u
#define BLK_RANGE_MAX    ((uint32_t)(GIB(1) / DISK_SECTOR)) /* sectors in one of them */
#define BLK_RANGE_UNMAP  1u
#define BLK_PHYSICAL_LOG 3 /* 4 KiB blocks suit the host's page cache and file systems best */

/* struct virtio_blk_config, §5.2.4: offsets */
enum {
    BLK_CFG_CAPACITY = 0,
    BLK_CFG_SEG_MAX = 12,
    BLK_CFG_BLK_SIZE = 20,
    BLK_CFG_PHYSICAL_LOG = 24,
    BLK_CFG_MIN_IO = 26,
    BLK_CFG_WRITEBACK = 32,
    BLK_CFG_NUM_QUEUES = 34,
    BLK_CFG_MAX_DISCARD = 36,
    BLK_CFG_MAX_DISCARD_SEG = 40,
    BLK_CFG_DISCARD_ALIGN = 44,
    BLK_CFG_MAX_ZEROES = 48,
    BLK_CFG_MAX_ZEROES_SEG = 52,
    BLK_CFG_ZEROES_MAY_UNMAP = 56,
    BLK_CFG_LEN = 60,
};

struct blk_req {
    struct vq_chain c;
    uint32_t type;
    uint64_t off, len; /* of the data, in bytes; of reads and writes */
    struct blk_req *next;
};

struct virtio_blk {
    struct virtio v;
    struct vq vq;
    struct disk *disk;
    char serial[VIRTIO_BLK_SERIAL_LEN];
    uint8_t config[BLK_CFG_LEN];
    struct blk_req *reqs; /* BLK_QUEUE of them; those in use are what is in flight */
    unsigned used;        /* of them, how many were ever in use: the others are untouched */
    struct blk_req *idle; /* of those, not in use now */
    struct blk_req *first, **last; /* wait for a thread */
    unsigned in_flight;            /* with the threads, waiting ones included */
    unsigned threads, sleeping;
    pthread_t thread[BLK_THREADS];
    pthread_cond_t work, done; /* with dev.lock: something waits; nothing is in flight */
    bool quit;
};

static struct virtio_blk *blk_of(struct virtio *v)
{
    return container_of(v, struct virtio_blk, v);
}

/* ---- a request; these run with and without the lock and touch nothing but it and the disk ---- */

/* Does [off, off + len) lie on the disk? */
static bool blk_inside(const struct virtio_blk *b, uint64_t off, uint64_t len)
{
    return off <= b->disk->size && len <= b->disk->size - off;
}

/* Copy the header and check what it says: VIRTIO_BLK_S_OK, or the status to answer. */
static unsigned blk_parse(const struct virtio_blk *b, struct blk_req *r)
{
    uint8_t head[BLK_HEAD];
    vq_copy_out(&r->c, 0, head, sizeof head);
    r->type = le32_get(head);
    uint64_t sector = le64_get(head + 8);
    if (r->type != VIRTIO_BLK_T_IN && r->type != VIRTIO_BLK_T_OUT)
        return VIRTIO_BLK_S_OK;
    r->len = r->type == VIRTIO_BLK_T_IN ? r->c.in_len - 1 : r->c.out_len - BLK_HEAD;
    if (sector > UINT64_MAX / DISK_SECTOR || r->len % DISK_SECTOR ||
        !blk_inside(b, sector * DISK_SECTOR, r->len) ||
        (r->type == VIRTIO_BLK_T_OUT && b->disk->ro))
        return VIRTIO_BLK_S_IOERR;
    r->off = sector * DISK_SECTOR;
    return VIRTIO_BLK_S_OK;
}

static int blk_flush(struct virtio_blk *b)
{
    return b->disk->ops->flush ? b->disk->ops->flush(b->disk) : 0;
}

static int blk_transfer(struct virtio_blk *b, const struct blk_req *r, bool nowait)
{
    struct iovec iov[VQ_SIZE_MAX];
    bool in = r->type == VIRTIO_BLK_T_IN;
    unsigned n = in ? iov_slice(r->c.iov + r->c.n_out, r->c.n_in, 0, r->len, iov)
                    : iov_slice(r->c.iov, r->c.n_out, BLK_HEAD, r->len, iov);
    if (!n)
        return 0;
    if (in)
        return b->disk->ops->read(b->disk, r->off, iov, n, nowait);
    int rc = b->disk->ops->write(b->disk, r->off, iov, n);
    /* §5.2.6.2: without FLUSH what was written is on stable storage when the request ends. */
    return rc || virtio_has(&b->v, VIRTIO_BLK_F_FLUSH) ? rc : blk_flush(b);
}

/* §5.2.6.2: each range is checked before any is acted on; flags other than unmap are UNSUPP. */
static unsigned blk_ranges(struct virtio_blk *b, const struct blk_req *r)
{
    uint8_t raw[BLK_RANGES_MAX * BLK_RANGE];
    bool zero = r->type == VIRTIO_BLK_T_WRITE_ZEROES;
    uint64_t len = r->c.out_len - BLK_HEAD;
    if (!len || len % BLK_RANGE || len > sizeof raw || b->disk->ro)
        return VIRTIO_BLK_S_IOERR;
    vq_copy_out(&r->c, BLK_HEAD, raw, len);
    for (unsigned pass = 0; pass < 2; pass++)
        for (uint64_t at = 0; at < len; at += BLK_RANGE) {
            uint64_t sector = le64_get(raw + at);
            uint32_t sectors = le32_get(raw + at + 8), flags = le32_get(raw + at + 12);
            uint64_t off = sector * DISK_SECTOR, bytes = (uint64_t)sectors * DISK_SECTOR;
            if (!pass && flags & ~(zero ? BLK_RANGE_UNMAP : 0u))
                return VIRTIO_BLK_S_UNSUPP;
            if (!pass && (sector > UINT64_MAX / DISK_SECTOR || sectors > BLK_RANGE_MAX ||
                          !blk_inside(b, off, bytes)))
                return VIRTIO_BLK_S_IOERR;
            if (pass && bytes &&
                (zero ? b->disk->ops->zero : b->disk->ops->discard)(b->disk, off, bytes))
                return VIRTIO_BLK_S_IOERR;
        }
    return VIRTIO_BLK_S_OK;
}

static unsigned blk_run(struct virtio_blk *b, const struct blk_req *r)
{
    switch (r->type) {
    case VIRTIO_BLK_T_IN:
    case VIRTIO_BLK_T_OUT:
        return blk_transfer(b, r, false) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
    case VIRTIO_BLK_T_FLUSH:
        return blk_flush(b) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
    case VIRTIO_BLK_T_GET_ID:
        vq_copy_in(&r->c, 0, b->serial, MIN(sizeof b->serial, r->c.in_len - 1));
        return VIRTIO_BLK_S_OK;
    case VIRTIO_BLK_T_DISCARD:
    case VIRTIO_BLK_T_WRITE_ZEROES:
        return blk_ranges(b, r);
    default:
        return VIRTIO_BLK_S_UNSUPP;
    }
}

/* ---- with the lock held ---- */

static void blk_end(struct virtio_blk *b, struct blk_req *r, unsigned status)
{
    vq_copy_in(&r->c, r->c.in_len - 1, &(uint8_t){(uint8_t)status}, 1);
    vq_push(&b->v, &b->vq, &r->c, (uint32_t)MIN(r->c.in_len, UINT32_MAX));
    r->next = b->idle;
    b->idle = r;
}

static void *blk_main(void *arg)
{
    struct virtio_blk *b = arg;
    dev_lock(&b->v.dev);
    while (!b->quit) {
        struct blk_req *r = b->first;
        if (!r) {
            b->sleeping++;
            pthread_cond_wait(&b->work, &b->v.dev.lock);
            b->sleeping--;
            continue;
        }
        b->first = r->next;
        if (!b->first)
            b->last = &b->first;
        dev_unlock(&b->v.dev);
        unsigned status = blk_run(b, r);
        dev_lock(&b->v.dev);
        blk_end(b, r, status);
        vq_notify(&b->v, &b->vq);
        if (!--b->in_flight)
            pthread_cond_broadcast(&b->done);
    }
    dev_unlock(&b->v.dev);
    return NULL;
}

/* To a thread, a new one while all are busy. False when there is none: the host refuses threads. */
static bool blk_hand_over(struct virtio_blk *b, struct blk_req *r)
{
    if (!b->sleeping && b->threads < BLK_THREADS &&
        !pthread_create(&b->thread[b->threads], NULL, blk_main, b))
        b->threads++;
    if (!b->threads)
        return false;
    r->next = NULL;
    *b->last = r;
    b->last = &r->next;
    b->in_flight++;
    pthread_cond_signal(&b->work);
    return true;
}

static void blk_start(struct virtio_blk *b, struct blk_req *r)
{
    unsigned status = blk_parse(b, r);
    bool read = r->type == VIRTIO_BLK_T_IN, write = r->type == VIRTIO_BLK_T_OUT;
    bool quick =
        status != VIRTIO_BLK_S_OK || r->type == VIRTIO_BLK_T_GET_ID ||
        (r->type == VIRTIO_BLK_T_FLUSH && !b->disk->ops->flush) ||
        ((read || (write && virtio_has(&b->v, VIRTIO_BLK_F_FLUSH))) && r->len <= BLK_AT_ONCE);
    int rc = -EAGAIN;
    if (quick && status == VIRTIO_BLK_S_OK && (read || write)) {
        rc = blk_transfer(b, r, true);
        status = rc ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
        quick = rc != -EAGAIN;
    } else if (quick && status == VIRTIO_BLK_S_OK) {
        status = blk_run(b, r);
    }
    if (quick)
        blk_end(b, r, status);
    else if (!blk_hand_over(b, r))
        blk_end(b, r, blk_run(b, r));
}

/* A request that is not in use, left where it is; NULL: all are. */
static struct blk_req *blk_idle(struct virtio_blk *b)
{
    if (!b->idle && b->used < BLK_QUEUE)
        b->idle = &b->reqs[b->used++];
    return b->idle;
}

static void blk_notify(struct virtio *v, unsigned queue)
{
    (void)queue;
    struct virtio_blk *b = blk_of(v);
    do {
        /* There are as many requests as chains fit into the queue: a chain more is the driver's
         * doing, which offers one that it has not got back. */
        while (blk_idle(b) && vq_pop(v, &b->vq, &b->idle->c)) {
            struct blk_req *r = b->idle;
            if (r->c.out_len < BLK_HEAD || !r->c.in_len) {
                virtio_break(v,
                             "a request of %" PRIu64 " bytes with room for %" PRIu64
                             " has no header or no status",
                             r->c.out_len, r->c.in_len);
                return;
            }
            b->idle = r->next;
            blk_start(b, r);
        }
        if (!blk_idle(b) && vq_rearm(v, &b->vq)) {
            virtio_break(v, "more requests than the queue holds");
            return;
        }
    } while (vq_rearm(v, &b->vq));
    vq_notify(v, &b->vq);
}

static void blk_reset(struct virtio *v)
{
    struct virtio_blk *b = blk_of(v);
    while (b->in_flight)
        pthread_cond_wait(&b->done, &v->dev.lock);
}

/* What the guest was told is written is so, whether or not the process frees anything. */
static void blk_machine_ended(struct virtio *v)
{
    struct virtio_blk *b = blk_of(v);
    blk_reset(v);
    if (b->disk->ops->end)
        b->disk->ops->end(b->disk);
}

static void blk_free(struct virtio *v)
{
    struct virtio_blk *b = blk_of(v);
    dev_lock(&v->dev);
    b->quit = true;
    pthread_cond_broadcast(&b->work);
    dev_unlock(&v->dev);
    for (unsigned i = 0; i < b->threads; i++)
        pthread_join(b->thread[i], NULL);
    b->disk->ops->free(b->disk);
    pthread_cond_destroy(&b->work);
    pthread_cond_destroy(&b->done);
    free(b->reqs);
}

static void blk_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, blk_of(v)->config + off, len);
}

static const struct virtio_ops blk_ops = {
    .kind = "virtio-blk",
    .id = VIRTIO_ID_BLOCK,
    .config_len = BLK_CFG_LEN,
    .config_read = blk_config_read,
    .notify = blk_notify,
    .reset = blk_reset,
    .end = blk_machine_ended,
    .free = blk_free,
};

int virtio_blk_new(struct dev **dev, const char *name, const struct virtio_host *host,
                   struct disk *disk, const char *serial)
{
    struct virtio_blk *b = calloc(1, sizeof *b);
    struct blk_req *reqs = calloc(BLK_QUEUE, sizeof *reqs);
    if (!b || !reqs) {
        free(b);
        free(reqs);
        disk->ops->free(disk);
        return -ENOMEM;
    }
    b->disk = disk;
    b->reqs = reqs;
    b->last = &b->first;
    pthread_cond_init(&b->work, NULL);
    pthread_cond_init(&b->done, NULL);
    for (unsigned i = 0; i < sizeof b->serial && serial[i]; i++)
        b->serial[i] = serial[i];
    uint8_t *c = b->config;
    le64_put(c + BLK_CFG_CAPACITY, disk->size / DISK_SECTOR);
    le32_put(c + BLK_CFG_SEG_MAX, BLK_QUEUE - 2); /* beside the header and the status */
    le32_put(c + BLK_CFG_BLK_SIZE, DISK_SECTOR);
    c[BLK_CFG_PHYSICAL_LOG] = BLK_PHYSICAL_LOG;
    le16_put(c + BLK_CFG_MIN_IO, 1 << BLK_PHYSICAL_LOG);
    c[BLK_CFG_WRITEBACK] = 1;
    le16_put(c + BLK_CFG_NUM_QUEUES, 1);
    uint64_t features =
        VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_TOPOLOGY | VIRTIO_BLK_F_FLUSH;
    if (disk->ro) {
        features |= VIRTIO_BLK_F_RO;
    } else {
        features |= VIRTIO_BLK_F_DISCARD | VIRTIO_BLK_F_WRITE_ZEROES;
        le32_put(c + BLK_CFG_MAX_DISCARD, BLK_RANGE_MAX);
        le32_put(c + BLK_CFG_MAX_DISCARD_SEG, BLK_RANGES_MAX);
        le32_put(c + BLK_CFG_DISCARD_ALIGN, 1 << BLK_PHYSICAL_LOG);
        le32_put(c + BLK_CFG_MAX_ZEROES, BLK_RANGE_MAX);
        le32_put(c + BLK_CFG_MAX_ZEROES_SEG, BLK_RANGES_MAX);
        c[BLK_CFG_ZEROES_MAY_UNMAP] = 1;
    }
    b->vq.max = BLK_QUEUE;
    virtio_init(&b->v, &blk_ops, name, host, features, &b->vq, 1);
    *dev = &b->v.dev;
    return 0;
}
