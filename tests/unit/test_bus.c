// SPDX-License-Identifier: MIT
/*
 * test_bus.c - which device an access reaches, what sizes it arrives in, and register rows.
 */
#include "tests/tap.h"
#include "vmm/bus.h"

struct rec {
    struct dev dev;
    unsigned n;
    struct {
        uint64_t off, val;
        unsigned size;
        bool write;
    } log[4];
};

static struct rec *rec_of(struct dev *dev)
{
    return container_of(dev, struct rec, dev);
}

static uint64_t rec_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct rec *r = rec_of(dev);
    if (r->n < ARRAY_LEN(r->log)) {
        r->log[r->n].off = off;
        r->log[r->n].size = size;
        r->log[r->n++].write = false;
    }
    return 0x1122334455667700 + off;
}

static void rec_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct rec *r = rec_of(dev);
    if (r->n < ARRAY_LEN(r->log)) {
        r->log[r->n].off = off;
        r->log[r->n].size = size;
        r->log[r->n].val = val;
        r->log[r->n++].write = true;
    }
}

static const struct dev_ops words = {.kind = "w", .sizes = 4, .read = rec_read, .write = rec_write};
static const struct dev_ops longs = {
    .kind = "l", .sizes = 1 | 8, .read = rec_read, .write = rec_write};

static struct bus bus;
static struct rec w, l;

static void rig(void)
{
    memset(&bus, 0, sizeof bus);
    memset(&w, 0, sizeof w);
    memset(&l, 0, sizeof l);
    dev_init(&w.dev, &words, "w");
    dev_init(&l.dev, &longs, "l");
    bus_map(&bus, 0x2000, 0x100, &l.dev, 0);
    bus_map(&bus, 0x1000, 0x1000, &w.dev, 0x400);
    bus_map(&bus, 0xfffffffffffff000, 0x1000, &w.dev, 0);
}

static void a_window_is_found_by_any_of_its_bytes(void)
{
    rig();
    expect_true(!bus_find(&bus, 0xfff));
    expect_true(bus_find(&bus, 0x1000)->dev == &w.dev);
    expect_true(bus_find(&bus, 0x1fff)->dev == &w.dev);
    expect_true(bus_find(&bus, 0x2000)->dev == &l.dev);
    expect_true(!bus_find(&bus, 0x2100));
    expect_true(bus_find(&bus, UINT64_MAX)->dev == &w.dev);
    for (unsigned i = 1; i < bus.n; i++)
        expect_true(bus.ranges[i - 1].base < bus.ranges[i].base);
}

static void a_device_sees_its_own_offset(void)
{
    uint64_t val = 0;
    rig();
    expect_true(bus_read(&bus, 0x1010, 4, &val));
    expect_u64(w.log[0].off, 0x410); /* the window's dev_off is added */
    expect_u64(val, 0x55667700 + 0x410);
    expect_true(bus_write(&bus, 0x1020, 4, 0xabcdef0112345678));
    expect_u64(w.log[1].off, 0x420);
    expect_u64(w.log[1].val, 0x12345678);
    expect_u64(bus.odd, 0);
}

static void eight_bytes_come_in_two_halves_low_first(void)
{
    uint64_t val = 0;
    rig();
    expect_true(bus_write(&bus, 0x1008, 8, 0x1111111122222222));
    expect_u64(w.n, 2);
    expect_u64(w.log[0].off, 0x408);
    expect_u64(w.log[0].val, 0x22222222);
    expect_u64(w.log[1].off, 0x40c);
    expect_u64(w.log[1].val, 0x11111111);
    expect_true(bus_read(&bus, 0x1008, 8, &val));
    expect_u64(val, UINT64_C(0x55667b0c55667b08));
    rig();
    expect_true(bus_write(&bus, 0x2008, 8, 5)); /* this one takes 8 */
    expect_u64(l.n, 1);
    expect_u64(l.log[0].size, 8);
}

static void other_sizes_and_alignments_are_odd(void)
{
    uint64_t val = 7;
    rig();
    expect_true(bus_read(&bus, 0x1000, 1, &val)); /* a device without bytes */
    expect_u64(val, 0);
    expect_true(bus_write(&bus, 0x1000, 2, 1));
    val = 7;
    expect_true(bus_read(&bus, 0x1002, 4, &val)); /* not a multiple of its size */
    expect_u64(val, 0);
    expect_true(bus_write(&bus, 0x1ffc, 8, 1)); /* ends past the window */
    expect_u64(w.n, 0);
    expect_u64(l.n, 0);
    expect_u64(bus.odd, 4);
}

static void nothing_there_is_said(void)
{
    uint64_t val = 7;
    rig();
    expect_true(!bus_read(&bus, 0x3000, 4, &val));
    expect_u64(val, 0);
    expect_true(!bus_write(&bus, 0, 4, 1));
    expect_u64(bus.odd, 0);
}

struct regs {
    uint32_t rw, ro, wo;
};

static const struct reg_desc rows[] = {
    {0x0, REG_RW, 0x11, 0xf0, offsetof(struct regs, rw), "RW"},
    {0x4, REG_RO, 0x22, 0,    offsetof(struct regs, ro), "RO"},
    {0x8, REG_WO, 0x33, 0xff, offsetof(struct regs, wo), "WO"},
};

static void register_rows_do_what_they_say(void)
{
    struct regs r = {0};
    regs_reset(rows, 3, &r);
    expect_u64(r.rw, 0x11);
    expect_u64(r.ro, 0x22);
    expect_u64(r.wo, 0x33);
    regs_write(rows, 3, &r, 0x0, 0xffffffff);
    expect_u64(regs_read(rows, 3, &r, 0x0), 0xf1); /* only writable bits change */
    regs_write(rows, 3, &r, 0x4, 0xffffffff);
    expect_u64(regs_read(rows, 3, &r, 0x4), 0x22);
    regs_write(rows, 3, &r, 0x8, 0x44);
    expect_u64(r.wo, 0x44);
    expect_u64(regs_read(rows, 3, &r, 0x8), 0);
    regs_write(rows, 3, &r, 0xc, 1);
    expect_u64(regs_read(rows, 3, &r, 0xc), 0);
}

static const struct tap_test tests[] = {
    TAP_TEST(a_window_is_found_by_any_of_its_bytes),
    TAP_TEST(a_device_sees_its_own_offset),
    TAP_TEST(eight_bytes_come_in_two_halves_low_first),
    TAP_TEST(other_sizes_and_alignments_are_odd),
    TAP_TEST(nothing_there_is_said),
    TAP_TEST(register_rows_do_what_they_say),
};
TAP_MAIN(tests)
