// SPDX-License-Identifier: MIT
/*
 * test_virtio.c - transport and queue walker, by way of an entropy device whose bytes are 1,
 * 2, 3...
 *
 * Rules and values: virtio 1.2 §2.1, §2.2, §2.7, §4.2.2, §5.4.
 */
#include "tests/unit/virtio_rig.h"

#include <stdlib.h>

static uint8_t count;
static bool dry;

static bool fill(void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = ++count;
    return !dry;
}

static void rig_rng(struct vrig *r)
{
    struct virtio_host host = vrig_host(r);
    count = 0;
    dry = false;
    expect_u64(virtio_rng_new(&r->r.dev, "virtio0", &host, fill), 0);
    rig_map(&r->r, 0x200);
}

static bool needs_reset(struct vrig *r)
{
    return rd32(&r->r, 0x070) & 0x40;
}

/* One writable segment, notified; the number of bytes written, or UINT32_MAX. */
static uint32_t ask(struct vrig *r, gpa_t gpa, uint32_t len)
{
    uint32_t head, got;
    vrig_add(r, 0, &(struct vrig_seg){gpa, len, true}, 1);
    vrig_notify(r, 0);
    return vrig_take(r, 0, &head, &got) ? got : UINT32_MAX;
}

static void registers_after_reset(void) /* §4.2.2 */
{
    struct vrig r;
    rig_rng(&r);
    expect_u32(rd32(&r.r, 0x000), 0x74726976);
    expect_u32(rd32(&r.r, 0x004), 2);
    expect_u32(rd32(&r.r, 0x008), VIRTIO_ID_RNG);
    expect_u32(rd32(&r.r, 0x070), 0);
    expect_u32(rd32(&r.r, 0x060), 0);
    expect_u32(rd32(&r.r, 0x034), 64);
    wr32(&r.r, 0x030, 1); /* there is no second queue */
    expect_u32(rd32(&r.r, 0x034), 0);
    expect_u32(rd32(&r.r, 0x0b0), UINT32_MAX); /* no shared memory */
    expect_u64(vrig_features(&r), VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
    wr32(&r.r, 0x014, 2);
    expect_u32(rd32(&r.r, 0x010), 0);
    expect_u64(rig_rd(&r.r, 0x000, 1), 0); /* §4.2.2.2: 32-bit accesses only */
    vrig_fini(&r);
}

static void features_must_be_offered(void) /* §2.2.2, §3.1.1 step 6 */
{
    struct vrig r;
    rig_rng(&r);
    wr32(&r.r, 0x070, 3);
    vrig_accept(&r, VIRTIO_F_VERSION_1 | BIT(5));
    wr32(&r.r, 0x070, 0xb);
    expect_u32(rd32(&r.r, 0x070), 3);
    vrig_accept(&r, VIRTIO_F_EVENT_IDX); /* §6.1: a driver must accept VERSION_1 */
    wr32(&r.r, 0x070, 0xb);
    expect_u32(rd32(&r.r, 0x070), 3);
    vrig_accept(&r, VIRTIO_F_VERSION_1);
    wr32(&r.r, 0x024, 2); /* bits 64 and up */
    wr32(&r.r, 0x020, 1);
    wr32(&r.r, 0x070, 0xb);
    expect_u32(rd32(&r.r, 0x070), 3);
    vrig_accept(&r, VIRTIO_F_VERSION_1);
    wr32(&r.r, 0x070, 0xb);
    expect_u32(rd32(&r.r, 0x070), 0xb);
    vrig_fini(&r);
}

static void driver_ok_needs_features_ok(void) /* §3.1.1 */
{
    struct vrig r;
    rig_rng(&r);
    wr32(&r.r, 0x070, 7);
    expect_true(needs_reset(&r));
    vrig_start(&r, 0, 1, 8); /* a reset makes it good */
    expect_u32(ask(&r, VRIG_DATA, 4), 4);
    vrig_fini(&r);
}

static void a_buffer_comes_back_filled(void) /* §5.4, §2.7.8 */
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, 0, 1, 8);
    const struct vrig_seg segs[] = {
        {VRIG_DATA,       3, true},
        {VRIG_DATA + 100, 2, true}
    };
    uint32_t head, len;
    uint16_t want = vrig_add(&r, 0, segs, 2);
    vrig_notify(&r, 0);
    expect_true(vrig_take(&r, 0, &head, &len));
    expect_u32(head, want);
    expect_u32(len, 5);
    expect_true(!memcmp(vrig_at(&r, VRIG_DATA), "\1\2\3\0", 4));
    expect_true(!memcmp(vrig_at(&r, VRIG_DATA + 100), "\4\5\0", 3));
    expect_true(r.r.irq.level);
    expect_u32(vrig_ack(&r), 1);
    expect_true(!r.r.irq.level);
    vrig_fini(&r);
}

static void nothing_happens_before_driver_ok(void) /* §3.1.1: the device MUST NOT consume buffers */
{
    struct vrig r;
    rig_rng(&r);
    wr32(&r.r, 0x070, 3);
    vrig_accept(&r, VIRTIO_F_VERSION_1);
    wr32(&r.r, 0x070, 0xb);
    vrig_queue(&r, 0, 8);
    expect_u32(ask(&r, VRIG_DATA, 4), UINT32_MAX);
    wr32(&r.r, 0x070, 0xf);
    vrig_notify(&r, 0);
    uint32_t head, len;
    expect_true(vrig_take(&r, 0, &head, &len));
    vrig_fini(&r);
}

static void a_ready_queue_is_frozen(void) /* §4.2.2.2 */
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, 0, 1, 8);
    wr32(&r.r, 0x030, 0);
    wr32(&r.r, 0x038, 3);
    wr32(&r.r, 0x080, 0x10);
    wr32(&r.r, 0x0a4, 0xffff);
    vrig_accept(&r, 0); /* as are the features */
    expect_u32(ask(&r, VRIG_DATA, 4), 4);
    wr32(&r.r, 0x044, 0);
    expect_u32(rd32(&r.r, 0x044), 0);
    expect_u32(ask(&r, VRIG_DATA, 4), UINT32_MAX);
    expect_true(!needs_reset(&r));
    vrig_fini(&r);
}

static void reset_forgets_everything(void) /* §2.1, §4.2.2.2 */
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, 0, 1, 8);
    expect_u32(ask(&r, VRIG_DATA, 4), 4);
    wr32(&r.r, 0x070, 0);
    expect_u32(rd32(&r.r, 0x070), 0);
    expect_u32(rd32(&r.r, 0x060), 0);
    expect_true(!r.r.irq.level);
    wr32(&r.r, 0x030, 0);
    expect_u32(rd32(&r.r, 0x044), 0);
    vrig_fini(&r);
}

static void queues_that_cannot_be(void) /* §2.7: size, alignment; and they lie in RAM */
{
    static const struct {
        uint32_t size, desc, avail, used;
    } bad[] = {
        {0,         0x40010000, 0x40012000, 0x40013000},
        {3,         0x40010000, 0x40012000, 0x40013000},
        {128,       0x40010000, 0x40012000, 0x40013000}, /* QueueNumMax is 64 */
        {65536 + 8, 0x40010000, 0x40012000, 0x40013000},
        {8,         0x40010008, 0x40012000, 0x40013000},
        {8,         0x40010000, 0x40012001, 0x40013000},
        {8,         0x40010000, 0x40012000, 0x40013002},
        {8,         0x3ffffff0, 0x40012000, 0x40013000},
        {8,         0x403ffff0, 0x40012000, 0x40013000}, /* RAM ends at 0x40400000 */
        {8,         0x40010000, 0x403ffffe, 0x40013000},
        {8,         0x40010000, 0x40012000, 0x403ffffc},
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct vrig r;
        rig_rng(&r);
        vrig_start(&r, 0, 0, 0);
        wr32(&r.r, 0x030, 0);
        wr32(&r.r, 0x038, bad[i].size);
        wr32(&r.r, 0x080, bad[i].desc);
        wr32(&r.r, 0x090, bad[i].avail);
        wr32(&r.r, 0x0a0, bad[i].used);
        wr32(&r.r, 0x044, 1);
        expect_u32(rd32(&r.r, 0x044), 0);
        expect_true(needs_reset(&r));
        vrig_fini(&r);
    }
}

/* Offer what `make` lays out: the device must ask for a reset, give nothing back, and interrupt
 * with a configuration change (§2.1.2). */
static void broken(uint64_t features, void (*make)(struct vrig *r))
{
    struct vrig r;
    uint32_t head, len;
    rig_rng(&r);
    vrig_start(&r, features, 1, 8);
    make(&r);
    vrig_notify(&r, 0);
    expect_true(needs_reset(&r));
    expect_true(!vrig_take(&r, 0, &head, &len));
    expect_u32(vrig_ack(&r), 2);
    expect_u32(ask(&r, VRIG_DATA, 4), UINT32_MAX);
    vrig_start(&r, 0, 1, 8);
    expect_u32(ask(&r, VRIG_DATA, 4), 4);
    vrig_fini(&r);
}

static void one(struct vrig *r, gpa_t gpa, uint32_t len, uint16_t flags, uint16_t next)
{
    vrig_put_desc(r, vrig_desc(0), 0, gpa, len, flags, next);
    vrig_offer(r, 0, 0);
}

static void head_too_high(struct vrig *r)
{
    vrig_offer(r, 0, 8);
}

static void next_too_high(struct vrig *r)
{
    one(r, VRIG_DATA, 4, VRIG_WRITE | VRIG_NEXT, 8);
}

static void loops(struct vrig *r)
{
    one(r, VRIG_DATA, 4, VRIG_WRITE | VRIG_NEXT, 0);
}

static void loops_of_empty_segments(struct vrig *r)
{
    one(r, VRIG_DATA, 0, VRIG_WRITE | VRIG_NEXT, 0);
}

static void outside_ram(struct vrig *r)
{
    one(r, VRIG_RAM + VRIG_RAM_LEN - 4, 5, VRIG_WRITE, 0);
}

static void wraps(struct vrig *r)
{
    one(r, UINT64_MAX - 2, 8, VRIG_WRITE, 0);
}

static void readable_after_writable(struct vrig *r) /* §2.7.4.2 */
{
    vrig_put_desc(r, vrig_desc(0), 1, VRIG_DATA, 4, 0, 0);
    one(r, VRIG_DATA, 4, VRIG_WRITE | VRIG_NEXT, 1);
}

static void more_than_there_is(struct vrig *r)
{
    vrig_put16(r, vrig_avail(0) + 2, 9);
}

static void indirect(struct vrig *r, uint32_t len, uint16_t more, uint16_t inner)
{
    vrig_put_desc(r, VRIG_DATA, 0, VRIG_DATA + 256, 4, (uint16_t)(VRIG_WRITE | inner), 1);
    vrig_put_desc(r, VRIG_DATA, 1, VRIG_DATA + 512, 4, VRIG_WRITE, 0);
    one(r, VRIG_DATA, len, (uint16_t)(VRIG_INDIRECT | more), 1);
}

static void indirect_plain(struct vrig *r)
{
    indirect(r, 32, 0, VRIG_NEXT);
}

static void indirect_empty(struct vrig *r)
{
    indirect(r, 0, 0, 0);
}

static void indirect_odd_length(struct vrig *r)
{
    indirect(r, 24, 0, 0);
}

static void indirect_too_long(struct vrig *r) /* §2.7.5.3.1: not longer than the queue */
{
    indirect(r, 16 * 9, 0, 0);
}

static void indirect_and_next(struct vrig *r)
{
    indirect(r, 32, VRIG_NEXT, 0);
}

static void indirect_inside(struct vrig *r)
{
    indirect(r, 32, 0, VRIG_INDIRECT);
}

static void indirect_next_too_high(struct vrig *r)
{
    indirect(r, 16, 0, VRIG_NEXT);
}

static void broken_chains_break_the_device(void) /* §2.7 */
{
    broken(0, head_too_high);
    broken(0, next_too_high);
    broken(0, loops);
    broken(0, loops_of_empty_segments);
    broken(0, outside_ram);
    broken(0, wraps);
    broken(0, readable_after_writable);
    broken(0, more_than_there_is);
    broken(0, indirect_plain); /* not negotiated */
    broken(VIRTIO_F_INDIRECT_DESC, indirect_empty);
    broken(VIRTIO_F_INDIRECT_DESC, indirect_odd_length);
    broken(VIRTIO_F_INDIRECT_DESC, indirect_too_long);
    broken(VIRTIO_F_INDIRECT_DESC, indirect_and_next);
    broken(VIRTIO_F_INDIRECT_DESC, indirect_inside);
    broken(VIRTIO_F_INDIRECT_DESC, indirect_next_too_high);
}

static void an_indirect_table_is_a_chain(void) /* §2.7.5.3 */
{
    struct vrig r;
    uint32_t head, len;
    rig_rng(&r);
    vrig_start(&r, VIRTIO_F_INDIRECT_DESC, 1, 8);
    indirect_plain(&r);
    vrig_notify(&r, 0);
    expect_true(vrig_take(&r, 0, &head, &len));
    expect_u32(len, 8);
    expect_true(!memcmp(vrig_at(&r, VRIG_DATA + 256), "\1\2\3\4", 4));
    expect_true(!memcmp(vrig_at(&r, VRIG_DATA + 512), "\5\6\7\10", 4));
    vrig_fini(&r);
}

static void empty_segments_are_passed_over(void)
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, 0, 1, 8);
    expect_u32(ask(&r, 0, 0), 0);
    expect_true(!needs_reset(&r));
    vrig_fini(&r);
}

static void no_interrupt_when_the_driver_says_so(void) /* §2.7.7 */
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, 0, 1, 8);
    vrig_put16(&r, vrig_avail(0), 1);
    expect_u32(ask(&r, VRIG_DATA, 4), 4);
    expect_u32(vrig_ack(&r), 0);
    vrig_put16(&r, vrig_avail(0), 0);
    expect_u32(ask(&r, VRIG_DATA, 4), 4);
    expect_u32(vrig_ack(&r), 1);
    vrig_fini(&r);
}

static void used_event_says_when_to_interrupt(void) /* §2.7.7, §2.7.10 */
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, VIRTIO_F_EVENT_IDX, 1, 8);
    vrig_put16(&r, vrig_used_event(&r, 0), 2); /* after the third */
    for (unsigned i = 0; i < 5; i++) {
        expect_u32(ask(&r, VRIG_DATA, 4), 4);
        expect_u32(vrig_ack(&r), i == 2);
        expect_u32(vrig_get16(&r, vrig_avail_event(&r, 0)), i + 1); /* notify of the next one */
    }
    vrig_fini(&r);
}

static void rings_wrap_at_65536(void)
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, VIRTIO_F_EVENT_IDX, 1, 8);
    unsigned bad = 0;
    for (unsigned i = 0; i < 66000; i++) {
        vrig_put16(&r, vrig_used_event(&r, 0), (uint16_t)i);
        bad += ask(&r, VRIG_DATA, 4) != 4 || vrig_ack(&r) != 1;
    }
    expect_u32(bad, 0);
    vrig_fini(&r);
}

static gpa_t written_gpa;
static uint64_t written_len;

static void written(void *ctx, gpa_t gpa, uint64_t len)
{
    (void)ctx;
    written_gpa = gpa;
    written_len += len;
}

static void engines_hear_of_what_was_written(void) /* vmm/mem.h, mem_written() */
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, 0, 1, 8);
    r.mem.written = written;
    written_len = 0;
    expect_u32(ask(&r, VRIG_DATA, 12), 12);
    expect_u64(written_gpa, VRIG_DATA);
    expect_u64(written_len, 12);
    vrig_fini(&r);
}

static void a_host_without_entropy_breaks_it(void)
{
    struct vrig r;
    rig_rng(&r);
    vrig_start(&r, 0, 1, 8);
    dry = true;
    expect_u32(ask(&r, VRIG_DATA, 12), UINT32_MAX);
    expect_true(needs_reset(&r));
    vrig_fini(&r);
}

static void slices_of_segments(void)
{
    char a[10], b[5], c[20];
    const struct iovec iov[] = {
        {a, sizeof a},
        {b, sizeof b},
        {c, sizeof c}
    };
    struct iovec out[3];
    expect_u32(iov_slice(iov, 3, 12, 10, out), 2);
    expect_true(out[0].iov_base == b + 2 && out[0].iov_len == 3);
    expect_true(out[1].iov_base == c && out[1].iov_len == 7);
    expect_u32(iov_slice(iov, 3, 35, 1, out), 0);
    expect_u32(iov_slice(iov, 3, 0, 100, out), 3);
    expect_u32(iov_slice(iov, 3, 10, 5, out), 1);
}

static const struct tap_test tests[] = {
    TAP_TEST(registers_after_reset),
    TAP_TEST(features_must_be_offered),
    TAP_TEST(driver_ok_needs_features_ok),
    TAP_TEST(a_buffer_comes_back_filled),
    TAP_TEST(nothing_happens_before_driver_ok),
    TAP_TEST(a_ready_queue_is_frozen),
    TAP_TEST(reset_forgets_everything),
    TAP_TEST(queues_that_cannot_be),
    TAP_TEST(broken_chains_break_the_device),
    TAP_TEST(an_indirect_table_is_a_chain),
    TAP_TEST(empty_segments_are_passed_over),
    TAP_TEST(no_interrupt_when_the_driver_says_so),
    TAP_TEST(used_event_says_when_to_interrupt),
    TAP_TEST(rings_wrap_at_65536),
    TAP_TEST(engines_hear_of_what_was_written),
    TAP_TEST(a_host_without_entropy_breaks_it),
    TAP_TEST(slices_of_segments),
};

TAP_MAIN(tests)
