// SPDX-License-Identifier: MIT
/*
 * test_dev_flash.c - the flash against JESD68.01 and Intel's command set, as U-Boot and EDK2 drive
 * it.
 */
#include "tests/unit/rig.h"

#define SIZE  MIB(1)
#define BLOCK KIB(256)

#define BOTH(x) ((uint32_t)(x) << 16 | (uint32_t)(x))

static uint8_t mem[SIZE + 16];

static struct {
    bool array;
    unsigned changes;
    uint64_t dirty_off, dirty_len;
    unsigned dirties;
} seen;

static void on_array(void *ctx, bool on)
{
    (void)ctx;
    seen.changes++;
    seen.array = on;
}

static void on_dirty(void *ctx, uint64_t off, uint64_t len)
{
    (void)ctx;
    seen.dirties++;
    seen.dirty_off = off;
    seen.dirty_len = len;
}

static void flash_init(struct rig *r)
{
    rig_init(r, "", 0);
    memset(mem, 0xff, SIZE);
    memset(mem + SIZE, 0x5a, sizeof mem - SIZE);
    memset(&seen, 0, sizeof seen);
    seen.array = true;
    expect_u64(cfi_flash_new(&r->dev, "flash0", mem, SIZE, BLOCK, on_array, on_dirty, NULL), 0);
    rig_map(r, SIZE);
}

static void flash_fini(struct rig *r)
{
    for (unsigned i = SIZE; i < sizeof mem; i++)
        expect_u32(mem[i], 0x5a); /* nothing behind the bank */
    rig_fini(r);
}

static void cmd(struct rig *r, uint64_t off, uint8_t byte)
{
    wr32(r, off, BOTH(byte));
}

static uint32_t status(struct rig *r)
{
    cmd(r, 0, 0x70);
    uint32_t val = rd32(r, 0);
    expect_u32(val & 0xffff, val >> 16);
    return val & 0xff;
}

/* The query byte at word `at` of each chip, which must agree. */
static uint8_t query(struct rig *r, unsigned at)
{
    uint32_t val = rd32(r, at * 4);
    expect_u32(val, BOTH(val & 0xff));
    return (uint8_t)val;
}

static void it_reads_as_memory_after_reset(void)
{
    struct rig r;
    flash_init(&r);
    memcpy(mem + 0x100, "firmware", 8);
    expect_u32(rd32(&r, 0x100), 0x6d726966);
    expect_u32(rig_rd(&r, 0x101, 1), 'i');
    expect_u64(rig_rd(&r, 0x100, 8), UINT64_C(0x657261776d726966));
    expect_u32(seen.changes, 0);
    flash_fini(&r);
}

static void the_query_table_describes_the_bank(void) /* JESD68.01 §2 */
{
    struct rig r;
    flash_init(&r);
    cmd(&r, 0x55 * 4, 0x98);
    expect_true(!seen.array && seen.changes == 1);
    expect_u32(query(&r, 0x10), 'Q');
    expect_u32(query(&r, 0x11), 'R');
    expect_u32(query(&r, 0x12), 'Y');
    expect_u32(query(&r, 0x13) | query(&r, 0x14) << 8, 1); /* Intel/Sharp extended */
    unsigned pri = query(&r, 0x15);
    expect_u32(query(&r, pri), 'P');
    expect_u32(query(&r, pri + 1), 'R');
    expect_u32(query(&r, pri + 2), 'I');
    uint64_t chip = UINT64_C(1) << query(&r, 0x27);
    expect_u64(chip * 2, SIZE);
    expect_u32(query(&r, 0x28), 1); /* x16 */
    expect_u32(query(&r, 0x2c), 1);
    unsigned blocks = (query(&r, 0x2d) | (unsigned)query(&r, 0x2e) << 8) + 1;
    unsigned bytes = (query(&r, 0x2f) | (unsigned)query(&r, 0x30) << 8) * 256;
    expect_u32(blocks, SIZE / BLOCK);
    expect_u32(bytes * 2, BLOCK);
    expect_u32(rig_rd(&r, 0x40, 1), 'Q'); /* narrow loads see their lane */
    expect_u32(rig_rd(&r, 0x42, 1), 'Q');
    expect_u32(rig_rd(&r, 0x43, 1), 0);
    expect_u32(rd32(&r, 0x1000), 0);
    cmd(&r, 0, 0xff);
    expect_true(seen.array && seen.changes == 2);
    flash_fini(&r);
}

/* U-Boot tries each bus and chip width, and resets by both vendors' commands before and after. */
static void other_widths_do_not_find_it(void)
{
    struct rig r;
    flash_init(&r);
    for (unsigned size = 1; size <= 2; size *= 2)
        for (unsigned off = 0; off < 4; off += size) {
            rig_wr(&r, off, size, 0xf0);
            rig_wr(&r, off, size, 0xff);
            rig_wr(&r, 0x54 + off, size, 0x98);
        }
    wr32(&r, 0x154, 0x98); /* one lane only */
    wr32(&r, 0x154, 0x980000);
    expect_true(seen.array && seen.changes == 0);
    cmd(&r, 0, 0xf0);
    cmd(&r, 0, 0xff);
    wr32(&r, 0x154, 0x98989898); /* four 8-bit chips: each of ours takes its low byte */
    expect_u32(rd32(&r, 0x40), BOTH('Q'));
    cmd(&r, 0, 0xff);
    flash_fini(&r);
}

static void identification_names_chip_and_lock(void) /* read identifier, 0x90 */
{
    struct rig r;
    flash_init(&r);
    cmd(&r, 0, 0x90);
    expect_u32(rd32(&r, 0), BOTH(0x89));
    expect_u32(rd32(&r, 4), BOTH(0x18));
    expect_u32(rd32(&r, BLOCK + 8), 0);
    cmd(&r, BLOCK, 0x60);
    cmd(&r, BLOCK, 0x01);
    cmd(&r, 0, 0x90);
    expect_u32(rd32(&r, 8), 0);
    expect_u32(rd32(&r, BLOCK + 8), BOTH(1));
    flash_fini(&r);
}

static void programming_clears_bits_only(void) /* 0x40, 0x10 */
{
    struct rig r;
    flash_init(&r);
    cmd(&r, 0x200, 0x40);
    wr32(&r, 0x200, 0x12345678);
    expect_u32(status(&r), 0x80);
    expect_u64(seen.dirty_off, 0x200);
    expect_u64(seen.dirty_len, 4);
    cmd(&r, 0x200, 0x10);
    wr32(&r, 0x200, 0xff00ffff);
    cmd(&r, 0, 0xff);
    expect_u32(rd32(&r, 0x200), 0x12005678);
    cmd(&r, SIZE - 4, 0x40);
    rig_wr(&r, SIZE - 1, 1, 0);
    cmd(&r, 0, 0xff);
    expect_u32(rd32(&r, SIZE - 4), 0x00ffffff);
    flash_fini(&r);
}

static void erasing_fills_one_block(void) /* 0x20 0xd0 */
{
    struct rig r;
    flash_init(&r);
    memset(mem, 0, SIZE);
    cmd(&r, BLOCK + 0x44, 0x20);
    cmd(&r, BLOCK + 0x44, 0xd0);
    expect_u32(status(&r), 0x80);
    expect_u64(seen.dirty_off, BLOCK);
    expect_u64(seen.dirty_len, BLOCK);
    expect_u32(mem[BLOCK - 1], 0);
    expect_u32(mem[BLOCK], 0xff);
    expect_u32(mem[2 * BLOCK - 1], 0xff);
    expect_u32(mem[2 * BLOCK], 0);
    cmd(&r, 0, 0x20); /* not confirmed */
    cmd(&r, 0, 0xff);
    expect_u32(status(&r), 0xb0);
    expect_u32(mem[0], 0);
    cmd(&r, 0, 0x50);
    expect_u32(status(&r), 0x80);
    flash_fini(&r);
}

static void buffered_writes_take_a_count_and_a_confirmation(void) /* 0xe8 */
{
    struct rig r;
    flash_init(&r);
    cmd(&r, BLOCK, 0xe8);
    expect_u32(rd32(&r, BLOCK) & BOTH(0x80), BOTH(0x80)); /* a buffer is there */
    cmd(&r, BLOCK, 255);
    for (uint32_t i = 0; i < 256; i++)
        wr32(&r, BLOCK + 0x100 + 4 * i, i * 0x01010101);
    expect_u32(seen.dirties, 0);
    cmd(&r, BLOCK, 0xd0);
    expect_u32(status(&r), 0x80);
    expect_u64(seen.dirty_off, BLOCK + 0x100);
    expect_u64(seen.dirty_len, 1024);
    cmd(&r, 0, 0xff);
    for (uint32_t i = 0; i < 256; i++)
        expect_u32(rd32(&r, BLOCK + 0x100 + 4 * i), i * 0x01010101);
    flash_fini(&r);
}

static void bad_buffered_writes_change_nothing(void)
{
    static const struct {
        uint64_t start, first, second, confirm_at;
        uint8_t confirm;
    } bad[] = {
        {0,            0,         4,        0,        0xff}, /* not confirmed */
        {0,            0,         4,        BLOCK,    0xd0}, /* confirmed in another block */
        {0,            0,         BLOCK,    0,        0xd0}, /* a word outside the block */
        {0,            BLOCK - 4, BLOCK,    0,        0xd0}, /* over its end */
        {0,            0x100,     0x80,     0,        0xd0}, /* below the first word */
        {0,            0,         1024,     0,        0xd0}, /* further than the buffer */
        {SIZE - BLOCK, 0,         SIZE - 4, SIZE - 4, 0xd0}, /* the first word elsewhere */
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct rig r;
        flash_init(&r);
        cmd(&r, bad[i].start, 0xe8);
        cmd(&r, bad[i].start, 1);
        wr32(&r, bad[i].first, 0);
        wr32(&r, bad[i].second, 0);
        cmd(&r, bad[i].confirm_at, bad[i].confirm);
        expect_u32(status(&r), 0xb0);
        expect_u32(seen.dirties, 0);
        for (unsigned k = 0; k < SIZE; k++)
            if (mem[k] != 0xff) {
                expect_u32(k, UINT32_MAX);
                break;
            }
        flash_fini(&r);
    }
    struct rig r;
    flash_init(&r);
    cmd(&r, 0, 0xe8);
    wr32(&r, 0, 0x00010002); /* the lanes' counts differ */
    expect_u32(status(&r), 0xb0);
    flash_fini(&r);
}

static void locked_blocks_stay_as_they_are(void) /* 0x60 0x01, 0x60 0xd0 */
{
    struct rig r;
    flash_init(&r);
    mem[BLOCK] = 0x0f;
    cmd(&r, BLOCK, 0x60);
    cmd(&r, BLOCK, 0x01);
    cmd(&r, BLOCK, 0x20);
    cmd(&r, BLOCK, 0xd0);
    expect_u32(status(&r), 0xa2);
    cmd(&r, 0, 0x50);
    cmd(&r, BLOCK, 0x40);
    wr32(&r, BLOCK, 0);
    expect_u32(status(&r), 0x92);
    expect_u32(mem[BLOCK], 0x0f);
    cmd(&r, 0, 0x50);
    cmd(&r, BLOCK, 0x60);
    cmd(&r, BLOCK, 0xd0);
    cmd(&r, BLOCK, 0x20);
    cmd(&r, BLOCK, 0xd0);
    expect_u32(status(&r), 0x80);
    expect_u32(mem[BLOCK], 0xff);
    cmd(&r, BLOCK, 0x60);
    cmd(&r, BLOCK, 0x77);
    expect_u32(status(&r), 0xb0);
    flash_fini(&r);
}

static void a_reset_ends_what_was_begun(void)
{
    struct rig r;
    flash_init(&r);
    cmd(&r, 0, 0x20);
    expect_true(!seen.array);
    r.dev->ops->reset(r.dev);
    expect_true(seen.array);
    cmd(&r, 0, 0xd0); /* would have been the confirmation */
    expect_u32(seen.dirties, 0);
    flash_fini(&r);
}

static void impossible_geometries_are_refused(void)
{
    static const struct {
        uint64_t size;
        uint32_t block;
    } bad[] = {
        {0,          BLOCK  },
        {MIB(1) + 4, BLOCK  },
        {MIB(1),     0      },
        {MIB(1),     256    },
        {MIB(1),     1000   },
        {KIB(128),   BLOCK  },
        {GIB(1),     512    },
        {MIB(64),    MIB(32)}
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct dev *dev = NULL;
        int rc = cfi_flash_new(&dev, "f", mem, bad[i].size, bad[i].block, NULL, NULL, NULL);
        expect_true(rc < 0 && !dev);
    }
}

static void random_stores_stay_inside(void)
{
    struct rig r;
    uint32_t x = 1;
    static const uint8_t bytes[] = {0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98,
                                    0xd0, 0xe8, 0xff, 0x01, 0x2f, 0x00, 0x05, 0xf0};
    flash_init(&r);
    for (unsigned i = 0; i < 100000; i++) {
        x = x * 1664525 + 1013904223;
        uint64_t off = (x >> 4 & (SIZE - 1)) & ~UINT64_C(3);
        if (x >> 31)
            off = (x >> 30 & 1) ? SIZE - 4 - (off & 0xfc) : off & 0xfc;
        if (x >> 29 & 1)
            cmd(&r, off, bytes[x >> 25 & 15]);
        else
            rd32(&r, off);
    }
    flash_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(it_reads_as_memory_after_reset),
    TAP_TEST(the_query_table_describes_the_bank),
    TAP_TEST(other_widths_do_not_find_it),
    TAP_TEST(identification_names_chip_and_lock),
    TAP_TEST(programming_clears_bits_only),
    TAP_TEST(erasing_fills_one_block),
    TAP_TEST(buffered_writes_take_a_count_and_a_confirmation),
    TAP_TEST(bad_buffered_writes_change_nothing),
    TAP_TEST(locked_blocks_stay_as_they_are),
    TAP_TEST(a_reset_ends_what_was_begun),
    TAP_TEST(impossible_geometries_are_refused),
    TAP_TEST(random_stores_stay_inside),
};

TAP_MAIN(tests)
