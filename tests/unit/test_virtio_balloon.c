// SPDX-License-Identifier: MIT
/*
 * test_virtio_balloon.c - memory given back by page numbers and by reports.
 *
 * Rules and values: virtio 1.2 §5.5.
 */
#include "tests/unit/virtio_rig.h"

#include <sys/mman.h>

enum { INFLATE, DEFLATE, STATS, REPORT = 4 };
#define F_STATS     BIT(1)
#define F_REPORTING BIT(5)
#define PAGE        4096u
#define AREA        (VRIG_RAM + MIB(2)) /* 1 MiB that is filled before each test */

static uint64_t written_len;

static void written(void *ctx, gpa_t gpa, uint64_t len)
{
    (void)ctx, (void)gpa;
    written_len += len;
}

static uint64_t armed_ns;

static void arm(void *ctx, uint64_t deadline_ns)
{
    (void)ctx;
    armed_ns = deadline_ns;
}

static void rig_balloon(struct vrig *r, uint64_t features)
{
    struct virtio_host host = vrig_host(r);
    armed_ns = 0;
    expect_u64(virtio_balloon_new(&r->r.dev, "virtio0", &host, MIB(3), arm, r), 0);
    memset(vrig_at(r, AREA), 0xaa, MIB(1));
    written_len = 0;
    r->mem.written = written;
    vrig_start(r, features, 5, 128);
}

/* Pages of the area that are in the host's memory. */
static unsigned resident(struct vrig *r)
{
    unsigned char vec[MIB(1) / PAGE];
    unsigned n = 0;
    expect_true(!mincore(vrig_at(r, AREA), MIB(1), vec));
    for (unsigned i = 0; i < sizeof vec; i++)
        n += vec[i] & 1;
    return n;
}

static void give(struct vrig *r, unsigned queue, const uint32_t *pfns, unsigned n)
{
    uint32_t head, len;
    memcpy(vrig_at(r, VRIG_DATA), pfns, n * sizeof *pfns);
    vrig_add(r, queue, &(struct vrig_seg){VRIG_DATA, n * 4, false}, 1);
    vrig_notify(r, queue);
    expect_true(vrig_take(r, queue, &head, &len));
    expect_u32(len, 0);
}

static uint32_t pfn_of(unsigned page)
{
    return (uint32_t)(AREA / PAGE + page);
}

static void the_target_is_in_the_configuration(void) /* §5.5.4 */
{
    struct vrig r;
    rig_balloon(&r, 0);
    expect_u32(rd32(&r.r, 0x008), 5);
    expect_u32(rd32(&r.r, 0x100), MIB(3) / PAGE);
    wr32(&r.r, 0x100, 1);
    wr32(&r.r, 0x104, 77);
    expect_u32(rd32(&r.r, 0x100), MIB(3) / PAGE);
    expect_u32(rd32(&r.r, 0x104), 77); /* `actual` is the driver's */
    vrig_fini(&r);
}

static void inflated_pages_are_the_hosts(void) /* §5.5.6 */
{
    struct vrig r;
    rig_balloon(&r, 0);
    expect_u32(resident(&r), 256);
    const uint32_t pfns[] = {pfn_of(0), pfn_of(1), pfn_of(2), pfn_of(9), pfn_of(8)};
    give(&r, INFLATE, pfns, 5);
    expect_u32(resident(&r), 251);
    expect_u64(written_len, 5 * PAGE);
    expect_u32(*vrig_at(&r, AREA + 2 * PAGE), 0); /* and read as zero */
    expect_u32(*vrig_at(&r, AREA + 3 * PAGE), 0xaa);
    give(&r, DEFLATE, pfns, 5);
    expect_u32(*vrig_at(&r, AREA + 3 * PAGE), 0xaa);
    vrig_fini(&r);
}

static void more_numbers_than_are_read_at_once(void)
{
    struct vrig r;
    uint32_t pfns[300];
    rig_balloon(&r, 0);
    for (unsigned i = 0; i < 300; i++)
        pfns[i] = i < 256 ? pfn_of(255 - i) : UINT32_MAX - i;
    give(&r, INFLATE, pfns, 300);
    expect_u32(resident(&r), 0);
    vrig_fini(&r);
}

static void page_numbers_outside_ram_are_passed_over(void)
{
    struct vrig r;
    rig_balloon(&r, 0);
    const uint32_t end = (uint32_t)((VRIG_RAM + VRIG_RAM_LEN) / PAGE);
    const uint32_t pfns[] = {0, UINT32_MAX, end, pfn_of(0), end - 1, end, end + 1, pfn_of(1)};
    give(&r, INFLATE, pfns, ARRAY_LEN(pfns));
    expect_u32(resident(&r), 254);
    expect_true(!(rd32(&r.r, 0x070) & 0x40));
    vrig_fini(&r);
}

static void a_list_longer_than_memory_breaks_the_device(void)
{
    struct vrig r;
    uint32_t head, len;
    const uint32_t pages = (uint32_t)(VRIG_RAM_LEN / PAGE);
    rig_balloon(&r, 0);
    for (uint32_t i = 0; i < 2; i++) {
        const struct vrig_seg list[] = {
            {VRIG_DATA, pages * 4, false},
            {VRIG_DATA, i * 4,     false}
        };
        vrig_add(&r, INFLATE, list, 1 + i);
        vrig_notify(&r, INFLATE);
        expect_u32(vrig_take(&r, INFLATE, &head, &len), !i);
        expect_u32(rd32(&r.r, 0x070) & 0x40, 0x40 * i);
    }
    vrig_fini(&r);
}

static void report(struct vrig *r, unsigned queue)
{
    uint32_t head, len;
    const struct vrig_seg segs[] = {
        {AREA,                  64 * 1024, true},
        {AREA + 128 * 1024 + 1, 3 * PAGE,  true}
    };
    vrig_add(r, queue, segs, 2);
    vrig_notify(r, queue);
    expect_true(vrig_take(r, queue, &head, &len));
}

static void reported_pages_are_given_back(void) /* §5.5.6.7 */
{
    static const struct {
        uint64_t features;
        unsigned queue;
    } rows[] = {
        {F_REPORTING,           2     }, /* see virtio_balloon.c */
        {F_REPORTING,           REPORT},
        {F_REPORTING | F_STATS, 3     },
        {F_REPORTING | F_STATS, REPORT},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct vrig r;
        rig_balloon(&r, rows[i].features);
        report(&r, rows[i].queue);
        expect_u32(resident(&r), 256 - 16 - 2); /* of the second, only whole pages */
        expect_u32(*vrig_at(&r, AREA + 128 * 1024), 0xaa);
        vrig_fini(&r);
    }
}

static void reports_need_their_feature(void)
{
    struct vrig r;
    rig_balloon(&r, 0);
    report(&r, REPORT);
    expect_u32(resident(&r), 256);
    vrig_fini(&r);
}

/* ---- statistics, §5.5.6.3 ---- */

static uint16_t give_stat(struct vrig *r, gpa_t gpa, const uint16_t *tags, unsigned n,
                          uint64_t base)
{
    uint8_t *p = vrig_at(r, gpa);
    for (unsigned i = 0; i < n; i++) {
        le16_put(p + 10 * i, tags[i]);
        le64_put(p + 10 * i + 2, base + tags[i]);
    }
    uint16_t head = vrig_add(r, STATS, &(struct vrig_seg){gpa, 10 * n, false}, 1);
    vrig_notify(r, STATS);
    return head;
}

static uint64_t stat_of(struct vrig *r, const char *name)
{
    struct virtio_stat stats[VIRTIO_STATS_MAX];
    struct virtio *v = container_of(r->r.dev, struct virtio, dev);
    unsigned n = v->ops->stats(v, stats);
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(stats[i].name, name))
            return stats[i].val;
    return UINT64_MAX;
}

static void statistics_are_asked_for_by_the_buffer(void)
{
    static const uint16_t tags[] = {4, 5, 6, 9, 10, 999}; /* the last two are none */
    struct vrig r;
    uint32_t head, len;
    rig_balloon(&r, F_STATS);
    expect_u64(stat_of(&r, "target"), MIB(3));
    expect_u64(stat_of(&r, "given"), 0);
    expect_u64(stat_of(&r, "free"), UINT64_MAX); /* not known */
    virtio_balloon_due(r.r.dev);                 /* there is no buffer yet */
    uint16_t first = give_stat(&r, VRIG_DATA, tags, ARRAY_LEN(tags), UINT64_C(1) << 40);
    expect_true(!vrig_take(&r, STATS, &head, &len)); /* it is kept, */
    expect_true(armed_ns != 0);
    expect_u64(stat_of(&r, "free"), (UINT64_C(1) << 40) + 4);
    expect_u64(stat_of(&r, "total"), (UINT64_C(1) << 40) + 5);
    expect_u64(stat_of(&r, "available"), (UINT64_C(1) << 40) + 6);
    expect_u64(stat_of(&r, "huge_page_failures"), (UINT64_C(1) << 40) + 9);
    expect_u64(stat_of(&r, "swap_in"), UINT64_MAX);
    vrig_ack(&r);
    virtio_balloon_due(r.r.dev); /* and given back to ask for the next */
    expect_true(vrig_take(&r, STATS, &head, &len));
    expect_u32(head, first);
    expect_u32(len, 0);
    expect_true(vrig_ack(&r) & 1);
    virtio_balloon_due(r.r.dev);
    expect_true(!vrig_take(&r, STATS, &head, &len));
    give_stat(&r, VRIG_DATA, tags, 1, 7);
    expect_u64(stat_of(&r, "free"), 11);
    expect_u64(stat_of(&r, "total"), (UINT64_C(1) << 40) + 5); /* the latest that is known */
    wr32(&r.r, 0x104, 77);
    expect_u64(stat_of(&r, "given"), 77 * PAGE);
    vrig_fini(&r);
}

static void statistics_may_wait_for_driver_ok(void) /* as Linux gives them */
{
    static const uint16_t tags[] = {5};
    struct vrig r;
    rig_balloon(&r, F_STATS);
    wr32(&r.r, 0x070, 0);
    wr32(&r.r, 0x070, 3);
    vrig_accept(&r, F_STATS | VIRTIO_F_VERSION_1);
    wr32(&r.r, 0x070, 0xb);
    vrig_queue(&r, STATS, 16);
    give_stat(&r, VRIG_DATA, tags, 1, 95);
    expect_u64(stat_of(&r, "total"), UINT64_MAX);
    wr32(&r.r, 0x070, 0xf);
    expect_u64(stat_of(&r, "total"), 100);
    vrig_fini(&r);
}

static void a_driver_that_gives_two_buffers_gets_one_back(void)
{
    static const uint16_t tags[] = {7};
    struct vrig r;
    uint32_t head, len;
    rig_balloon(&r, F_STATS);
    uint16_t first = give_stat(&r, VRIG_DATA, tags, 1, 0);
    give_stat(&r, VRIG_DATA + 64, tags, 1, 10);
    expect_true(vrig_take(&r, STATS, &head, &len));
    expect_u32(head, first);
    expect_true(!vrig_take(&r, STATS, &head, &len));
    expect_u64(stat_of(&r, "caches"), 17);
    vrig_fini(&r);
}

static void a_reset_forgets_the_buffer(void)
{
    static const uint16_t tags[] = {7};
    struct vrig r;
    uint32_t head, len;
    rig_balloon(&r, F_STATS);
    give_stat(&r, VRIG_DATA, tags, 1, 0);
    vrig_start(&r, F_STATS, 5, 128);
    virtio_balloon_due(r.r.dev);
    expect_true(!vrig_take(&r, STATS, &head, &len));
    expect_u64(stat_of(&r, "caches"), 7);
    vrig_fini(&r);
}

static void statistics_cut_short_count_as_far_as_they_go(void)
{
    struct vrig r;
    rig_balloon(&r, F_STATS);
    le16_put(vrig_at(&r, VRIG_DATA), 4);
    le64_put(vrig_at(&r, VRIG_DATA + 2), 1);
    le16_put(vrig_at(&r, VRIG_DATA + 10), 5);
    vrig_add(&r, STATS, &(struct vrig_seg){VRIG_DATA, 19, false}, 1);
    vrig_notify(&r, STATS);
    expect_u64(stat_of(&r, "free"), 1);
    expect_u64(stat_of(&r, "total"), UINT64_MAX);
    vrig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(the_target_is_in_the_configuration),
    TAP_TEST(inflated_pages_are_the_hosts),
    TAP_TEST(more_numbers_than_are_read_at_once),
    TAP_TEST(page_numbers_outside_ram_are_passed_over),
    TAP_TEST(a_list_longer_than_memory_breaks_the_device),
    TAP_TEST(reported_pages_are_given_back),
    TAP_TEST(reports_need_their_feature),
    TAP_TEST(statistics_are_asked_for_by_the_buffer),
    TAP_TEST(statistics_may_wait_for_driver_ok),
    TAP_TEST(a_driver_that_gives_two_buffers_gets_one_back),
    TAP_TEST(a_reset_forgets_the_buffer),
    TAP_TEST(statistics_cut_short_count_as_far_as_they_go),
};

TAP_MAIN(tests)
