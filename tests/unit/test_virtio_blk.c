// SPDX-License-Identifier: MIT
/*
 * test_virtio_blk.c - the block device over a disk in memory that can be slow and can fail.
 *
 * Rules and values: virtio 1.2 §5.2.
 */
#include "tests/unit/virtio_rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "vmm/disk.h"

#define SECTORS 64u
#define HEAD    VRIG_DATA
#define DATA    (VRIG_DATA + 0x1000)
#define STATUS  (VRIG_DATA + 0x800)

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13 };
enum { OK, IOERR, UNSUPP };

#define F_RO    BIT(5)
#define F_FLUSH BIT(9)

struct fake_disk {
    struct disk disk;
    uint8_t bytes[SECTORS * DISK_SECTOR];
    bool cold; /* reads that may not wait say so */
    int fail;  /* what every operation returns */
    unsigned flushes, waits;
    bool held; /* operations that may wait do so until release() */
    unsigned arrived;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool freed, ended;
};

static struct fake_disk fake;

static void wait_here(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.waits++;
    fake.arrived++;
    pthread_cond_broadcast(&fake.cond);
    while (fake.held)
        pthread_cond_wait(&fake.cond, &fake.lock);
    pthread_mutex_unlock(&fake.lock);
}

static int fake_io(uint64_t off, const struct iovec *iov, unsigned n, bool in)
{
    for (unsigned i = 0; i < n && !fake.fail; off += iov[i++].iov_len) {
        if (off + iov[i].iov_len > sizeof fake.bytes)
            abort();
        if (in)
            memcpy(iov[i].iov_base, fake.bytes + off, iov[i].iov_len);
        else
            memcpy(fake.bytes + off, iov[i].iov_base, iov[i].iov_len);
    }
    return fake.fail;
}

static int fake_read(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n, bool nowait)
{
    (void)d;
    if (nowait && fake.cold)
        return -EAGAIN;
    if (!nowait)
        wait_here();
    return fake_io(off, iov, n, true);
}

static int fake_write(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n)
{
    (void)d;
    return fake_io(off, iov, n, false);
}

static int fake_flush(struct disk *d)
{
    (void)d;
    wait_here();
    fake.flushes++;
    return fake.fail;
}

static int fake_fill(uint64_t off, uint64_t len, int with)
{
    if (off + len > sizeof fake.bytes)
        abort();
    if (!fake.fail)
        memset(fake.bytes + off, with, len);
    return fake.fail;
}

static int fake_discard(struct disk *d, uint64_t off, uint64_t len)
{
    (void)d;
    return fake_fill(off, len, 0xdd);
}

static int fake_zero(struct disk *d, uint64_t off, uint64_t len)
{
    (void)d;
    return fake_fill(off, len, 0);
}

static void fake_free(struct disk *d)
{
    (void)d;
    fake.freed = true;
}

static void fake_end(struct disk *d)
{
    (void)d;
    fake.ended = true;
}

static const struct disk_ops fake_ops = {fake_read, fake_write, fake_flush, fake_discard,
                                         fake_zero, fake_free,  fake_end};

static void rig_blk(struct vrig *r, bool ro, uint64_t features)
{
    struct virtio_host host = vrig_host(r);
    memset(&fake, 0, sizeof fake);
    pthread_mutex_init(&fake.lock, NULL);
    pthread_cond_init(&fake.cond, NULL);
    fake.disk = (struct disk){&fake_ops, SECTORS * DISK_SECTOR, ro};
    for (unsigned i = 0; i < sizeof fake.bytes; i++)
        fake.bytes[i] = (uint8_t)(i / DISK_SECTOR + i % 251);
    expect_u64(virtio_blk_new(&r->r.dev, "virtio0", &host, &fake.disk, "a serial number of 25"), 0);
    vrig_start(r, features, 1, 128);
}

static void blk_fini(struct vrig *r)
{
    vrig_fini(r);
    expect_true(fake.freed);
}

static void head(struct vrig *r, gpa_t at, uint32_t type, uint64_t sector)
{
    le32_put(vrig_at(r, at), type);
    le32_put(vrig_at(r, at + 4), 0);
    le64_put(vrig_at(r, at + 8), sector);
}

/* Offer a request with `len` bytes of data at DATA, notify. */
static void start(struct vrig *r, uint32_t type, uint64_t sector, uint32_t len)
{
    bool in = type == IN || type == GET_ID;
    const struct vrig_seg segs[] = {
        {HEAD,   16,  false},
        {DATA,   len, in   },
        {STATUS, 1,   true }
    };
    const struct vrig_seg bare[] = {segs[0], segs[2]};
    head(r, HEAD, type, sector);
    *vrig_at(r, STATUS) = 0xff;
    vrig_add(r, 0, len ? segs : bare, len ? 3 : 2);
    vrig_notify(r, 0);
}

/* Wait for the interrupt of a request that a thread serves, then take it. */
static unsigned finish(struct vrig *r, uint32_t *len)
{
    uint32_t h;
    while (!vrig_take(r, 0, &h, len))
        ;
    return *vrig_at(r, STATUS);
}

static unsigned ask(struct vrig *r, uint32_t type, uint64_t sector, uint32_t len)
{
    uint32_t got;
    start(r, type, sector, len);
    return finish(r, &got);
}

static void release(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.held = false;
    pthread_cond_broadcast(&fake.cond);
    pthread_mutex_unlock(&fake.lock);
}

static void arrived(unsigned n)
{
    pthread_mutex_lock(&fake.lock);
    while (fake.arrived < n)
        pthread_cond_wait(&fake.cond, &fake.lock);
    pthread_mutex_unlock(&fake.lock);
}

static bool needs_reset(struct vrig *r)
{
    return rd32(&r->r, 0x070) & 0x40;
}

static void configuration_says_what_it_is(void) /* §5.2.4 */
{
    struct vrig r;
    rig_blk(&r, false, ~UINT64_C(0));
    expect_u32(rd32(&r.r, 0x008), 2);
    expect_u64(rig_rd(&r.r, 0x100, 8), SECTORS);
    expect_u32(rd32(&r.r, 0x100 + 12), 126);
    expect_u32(rd32(&r.r, 0x100 + 20), 512);
    expect_u32((uint32_t)rig_rd(&r.r, 0x100 + 24, 1), 3);
    expect_u32((uint32_t)rig_rd(&r.r, 0x100 + 26, 2), 8);
    expect_u32((uint32_t)rig_rd(&r.r, 0x100 + 32, 1), 1);
    expect_u32((uint32_t)rig_rd(&r.r, 0x100 + 34, 2), 1);
    expect_u32(rd32(&r.r, 0x100 + 36), 0x200000);
    expect_u32(rd32(&r.r, 0x100 + 40), 16);
    expect_u32((uint32_t)rig_rd(&r.r, 0x100 + 56, 1), 1);
    expect_u32(rd32(&r.r, 0x100 + 60), 0);
    wr32(&r.r, 0x100, 7); /* nothing there can be written */
    expect_u64(rig_rd(&r.r, 0x100, 8), SECTORS);
    expect_true(!(r.features & F_RO));
    blk_fini(&r);
    rig_blk(&r, true, ~UINT64_C(0));
    expect_true(r.features & F_RO);
    expect_true(!(r.features & (BIT(13) | BIT(14)))); /* no discard, no write zeroes */
    blk_fini(&r);
}

static void reads_and_writes(void)
{
    struct vrig r;
    uint32_t len;
    rig_blk(&r, false, F_FLUSH);
    start(&r, IN, 3, 1024);
    expect_u32(finish(&r, &len), OK);
    expect_u32(len, 1025);
    expect_true(!memcmp(vrig_at(&r, DATA), fake.bytes + 3 * 512, 1024));
    memset(vrig_at(&r, DATA), 'w', 512);
    expect_u32(ask(&r, OUT, 63, 512), OK);
    expect_true(fake.bytes[63 * 512] == 'w' && fake.bytes[sizeof fake.bytes - 1] == 'w');
    expect_true(fake.bytes[63 * 512 - 1] != 'w');
    expect_u32(fake.waits, 0); /* no thread was needed */
    expect_u32(ask(&r, IN, 0, 0), OK);
    blk_fini(&r);
}

static void a_request_may_be_laid_out_in_any_way(void) /* §2.7.4.1: no assumption on framing */
{
    struct vrig r;
    uint32_t h, len;
    rig_blk(&r, false, F_FLUSH);
    head(&r, HEAD, IN, 1);
    const struct vrig_seg in[] = {
        {HEAD,       3,   false},
        {HEAD + 3,   13,  false},
        {DATA,       1,   true },
        {DATA + 1,   510, true },
        {DATA + 511, 2,   true }
    }; /* + status */
    vrig_add(&r, 0, in, 5);
    vrig_notify(&r, 0);
    expect_true(vrig_take(&r, 0, &h, &len));
    expect_u32(len, 513);
    expect_true(!memcmp(vrig_at(&r, DATA), fake.bytes + 512, 512));
    expect_u32(*vrig_at(&r, DATA + 512), OK);
    head(&r, DATA, OUT, 2); /* header and data in one segment */
    memset(vrig_at(&r, DATA + 16), 'x', 512);
    const struct vrig_seg out[] = {
        {DATA,   528, false},
        {STATUS, 1,   true }
    };
    vrig_add(&r, 0, out, 2);
    vrig_notify(&r, 0);
    expect_true(vrig_take(&r, 0, &h, &len));
    expect_u32(*vrig_at(&r, STATUS), OK);
    expect_true(fake.bytes[1024] == 'x' && fake.bytes[1535] == 'x' && fake.bytes[1536] != 'x');
    blk_fini(&r);
}

static void what_is_not_on_the_disk_is_an_error(void) /* §5.2.6.2 */
{
    static const struct {
        uint64_t sector;
        uint32_t len;
    } bad[] = {
        {SECTORS,             512 },
        {SECTORS - 1,         1024},
        {UINT64_MAX,          512 },
        {UINT64_MAX / 512,    512 },
        {(UINT64_C(1) << 55), 512 }, /* times 512 it wraps to 0 */
        {0,                   511 },
        {0,                   513 },
    };
    struct vrig r;
    rig_blk(&r, false, F_FLUSH);
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        expect_u32(ask(&r, IN, bad[i].sector, bad[i].len), IOERR);
        expect_u32(ask(&r, OUT, bad[i].sector, bad[i].len), IOERR);
    }
    expect_true(!needs_reset(&r));
    blk_fini(&r);
}

static void a_read_only_disk_takes_no_writes(void) /* §5.2.6.2: VIRTIO_BLK_F_RO */
{
    struct vrig r;
    rig_blk(&r, true, ~UINT64_C(0));
    expect_u32(ask(&r, OUT, 0, 512), IOERR);
    memset(vrig_at(&r, DATA), 0, 16);
    le32_put(vrig_at(&r, DATA) + 8, 1);
    expect_u32(ask(&r, DISCARD, 0, 16), IOERR);
    expect_u32(ask(&r, ZEROES, 0, 16), IOERR);
    expect_u32(ask(&r, IN, 0, 512), OK);
    expect_u32(ask(&r, FLUSH, 0, 0), OK);
    expect_true(fake.bytes[1] == 1);
    blk_fini(&r);
}

static void a_flush_is_the_hosts(void)
{
    struct vrig r;
    rig_blk(&r, false, F_FLUSH);
    expect_u32(ask(&r, OUT, 0, 512), OK);
    expect_u32(fake.flushes, 0);
    expect_u32(ask(&r, FLUSH, 0, 0), OK);
    expect_u32(fake.flushes, 1);
    fake.fail = -EIO;
    expect_u32(ask(&r, FLUSH, 0, 0), IOERR);
    expect_u32(ask(&r, IN, 0, 512), IOERR);
    expect_u32(ask(&r, OUT, 0, 512), IOERR);
    blk_fini(&r);
}

static void without_flush_each_write_is_flushed(void) /* §5.2.6.2 */
{
    struct vrig r;
    rig_blk(&r, false, 0);
    expect_u32(ask(&r, OUT, 0, 512), OK);
    expect_u32(fake.flushes, 1);
    blk_fini(&r);
}

static void the_serial_number_has_20_bytes(void) /* §5.2.6: VIRTIO_BLK_T_GET_ID */
{
    struct vrig r;
    rig_blk(&r, false, 0);
    expect_u32(ask(&r, GET_ID, 0, 20), OK);
    expect_true(!memcmp(vrig_at(&r, DATA), "a serial number of 2", 21)); /* and no more written */
    expect_u32(ask(&r, GET_ID, 0, 4), OK);
    blk_fini(&r);
}

static void unknown_requests_are_unsupported(void)
{
    struct vrig r;
    rig_blk(&r, false, 0);
    expect_u32(ask(&r, 2, 0, 512), UNSUPP);
    expect_u32(ask(&r, UINT32_MAX, 0, 0), UNSUPP);
    blk_fini(&r);
}

static void range(struct vrig *r, unsigned i, uint64_t sector, uint32_t n, uint32_t flags)
{
    uint8_t *p = vrig_at(r, DATA + 16 * i);
    le64_put(p, sector);
    le32_put(p + 8, n);
    le32_put(p + 12, flags);
}

static void ranges_are_discarded_and_zeroed(void) /* §5.2.6.2 */
{
    struct vrig r;
    rig_blk(&r, false, ~UINT64_C(0));
    range(&r, 0, 1, 2, 0);
    range(&r, 1, 10, 1, 0);
    expect_u32(ask(&r, DISCARD, 0, 32), OK);
    expect_true(fake.bytes[512] == 0xdd && fake.bytes[1535] == 0xdd && fake.bytes[1536] != 0xdd);
    expect_true(fake.bytes[5120] == 0xdd);
    range(&r, 0, 20, 1, 1); /* unmap */
    expect_u32(ask(&r, ZEROES, 0, 16), OK);
    expect_true(fake.bytes[20 * 512] == 0 && fake.bytes[20 * 512 + 511] == 0);
    range(&r, 0, 5, 1, 1); /* unmap is for zeroes only */
    expect_u32(ask(&r, DISCARD, 0, 16), UNSUPP);
    range(&r, 0, 5, 1, 2);
    expect_u32(ask(&r, ZEROES, 0, 16), UNSUPP);
    range(&r, 0, 5, 1, 0);
    range(&r, 1, SECTORS, 1, 0); /* the second is bad: the first is not done either */
    expect_u32(ask(&r, ZEROES, 0, 32), IOERR);
    expect_true(fake.bytes[5 * 512 + 1] != 0);
    range(&r, 0, UINT64_C(1) << 55, 1, 0);
    expect_u32(ask(&r, ZEROES, 0, 16), IOERR);
    range(&r, 0, 0, UINT32_MAX, 0);
    expect_u32(ask(&r, ZEROES, 0, 16), IOERR);
    expect_u32(ask(&r, ZEROES, 0, 0), IOERR);
    expect_u32(ask(&r, ZEROES, 0, 15), IOERR);
    expect_u32(ask(&r, ZEROES, 0, 17 * 16), IOERR);
    blk_fini(&r);
}

static void no_header_or_no_status_breaks_the_device(void)
{
    const struct vrig_seg no_status[] = {
        {HEAD, 16, false}
    };
    const struct vrig_seg no_head[] = {
        {STATUS, 1, true}
    };
    const struct vrig_seg short_head[] = {
        {HEAD,   15, false},
        {STATUS, 1,  true }
    };
    const struct vrig_seg *segs[] = {no_status, no_head, short_head};
    for (unsigned i = 0; i < 3; i++) {
        struct vrig r;
        rig_blk(&r, false, 0);
        vrig_add(&r, 0, segs[i], i == 2 ? 2 : 1);
        vrig_notify(&r, 0);
        expect_true(needs_reset(&r));
        vrig_start(&r, 0, 1, 128);
        expect_u32(ask(&r, IN, 0, 512), OK);
        blk_fini(&r);
    }
}

static void what_may_wait_goes_to_threads(void)
{
    struct vrig r;
    uint32_t len;
    rig_blk(&r, false, F_FLUSH);
    fake.cold = fake.held = true;
    start(&r, IN, 0, 512);
    arrived(1);
    start(&r, IN, 1, 512);
    start(&r, FLUSH, 0, 0);
    arrived(3); /* at the same time */
    expect_u32(vrig_get16(&r, vrig_used(0) + 2), 0);
    start(&r, OUT, 5, 512); /* and this one does not wait for them */
    expect_u32(finish(&r, &len), OK);
    release();
    for (unsigned i = 0; i < 3; i++)
        expect_u32(finish(&r, &len), OK);
    blk_fini(&r);
}

struct resetter {
    struct vrig *r;
    _Atomic bool done;
};

static void *reset_it(void *arg)
{
    struct resetter *x = arg;
    wr32(&x->r->r, 0x070, 0);
    x->done = true;
    return NULL;
}

static void reset_waits_for_what_is_in_flight(void) /* virtio.h: virtio_ops.reset */
{
    struct vrig r;
    pthread_t t;
    rig_blk(&r, false, F_FLUSH);
    fake.cold = fake.held = true;
    start(&r, IN, 0, 512);
    start(&r, IN, 1, 512);
    arrived(2);
    struct resetter x = {&r, false};
    expect_u32(pthread_create(&t, NULL, reset_it, &x), 0);
    while (rd32(&r.r, 0x070) == 0xf) /* until it has begun: DRIVER_OK goes first */
        ;
    expect_true(!x.done);
    release();
    pthread_join(t, NULL);
    expect_u32(rd32(&r.r, 0x070), 0);
    uint16_t used = vrig_get16(&r, vrig_used(0) + 2);
    fake.cold = false;
    expect_u32(used, 0); /* the driver has taken its queue back: it is not written any more */
    vrig_start(&r, F_FLUSH, 1, 128);
    expect_u32(ask(&r, IN, 0, 512), OK);
    blk_fini(&r);
}

static void more_requests_than_the_queue_holds(void) /* a chain offered twice */
{
    struct vrig r;
    rig_blk(&r, false, F_FLUSH);
    fake.cold = fake.held = true;
    head(&r, HEAD, IN, 0);
    const struct vrig_seg segs[] = {
        {HEAD,   16,  false},
        {DATA,   512, true },
        {STATUS, 1,   true }
    };
    uint16_t h = vrig_add(&r, 0, segs, 3);
    for (unsigned i = 1; i < 128; i++)
        vrig_offer(&r, 0, h);
    vrig_notify(&r, 0);
    expect_true(!needs_reset(&r));
    vrig_offer(&r, 0, h);
    vrig_notify(&r, 0);
    expect_true(needs_reset(&r));
    release();
    blk_fini(&r);
}

static void the_end_of_the_machine_is_the_disks(void)
{
    struct vrig r;
    rig_blk(&r, false, 0);
    struct virtio *v = container_of(r.r.dev, struct virtio, dev);
    dev_lock(&v->dev);
    v->ops->end(v);
    dev_unlock(&v->dev);
    expect_true(fake.ended && !fake.freed);
    blk_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(configuration_says_what_it_is),
    TAP_TEST(reads_and_writes),
    TAP_TEST(a_request_may_be_laid_out_in_any_way),
    TAP_TEST(what_is_not_on_the_disk_is_an_error),
    TAP_TEST(a_read_only_disk_takes_no_writes),
    TAP_TEST(a_flush_is_the_hosts),
    TAP_TEST(without_flush_each_write_is_flushed),
    TAP_TEST(the_serial_number_has_20_bytes),
    TAP_TEST(unknown_requests_are_unsupported),
    TAP_TEST(ranges_are_discarded_and_zeroed),
    TAP_TEST(no_header_or_no_status_breaks_the_device),
    TAP_TEST(what_may_wait_goes_to_threads),
    TAP_TEST(reset_waits_for_what_is_in_flight),
    TAP_TEST(more_requests_than_the_queue_holds),
    TAP_TEST(the_end_of_the_machine_is_the_disks),
};

TAP_MAIN(tests)
