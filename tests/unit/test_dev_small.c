// SPDX-License-Identifier: MIT
/*
 * test_dev_small.c - the debug console, the power device, the empty virtio-mmio slot, the GPIO and
 * the RTC.
 */
#include "tests/unit/rig.h"
#include "vmm/virtio.h"

#include "vmm/clock.h"

/* ---- debugcon ---- */

static void debugcon_prints_the_low_byte(void)
{
    struct rig r;
    rig_init(&r, "", 0);
    expect_u64(debugcon_new(&r.dev, "console0", &r.chr.chr, rig_irq(&r)), 0);
    rig_map(&r, 0x1000);
    rig_wr(&r, 0, 1, 'a');
    rig_wr(&r, 0, 2, 0x6600 | 'b');
    rig_wr(&r, 0, 4, 0xffffff00 | 'c');
    rig_wr(&r, 0, 8, 'd');
    rig_wr(&r, 4, 4, 'x');
    rig_wr(&r, 1, 1, 'x');
    expect_u64(r.chr.out_len, 4);
    expect_true(!memcmp(r.chr.out, "abcd", 4));
    expect_u64(rig_rd(&r, 0, 8), 0);
    rig_fini(&r);
}

static void debugcon_takes_any_access(void)
{
    struct rig r;
    rig_init(&r, "", 0);
    expect_u64(debugcon_new(&r.dev, "console0", NULL, rig_irq(&r)), 0);
    rig_map(&r, 0x200);
    rig_sweep(&r, 0x200, UINT64_MAX);
    rig_fini(&r);
}

/* FR's bits, PL011 TRM r1p5 §3.3.3 */
#define FR      0x18
#define FR_DCD  0x04
#define FR_RXFE 0x10
#define FR_RXFF 0x40
#define FR_TXFE 0x80

static void debugcon_gives_input_in_order_then_the_end(void)
{
    struct rig r;
    rig_init(&r, "ab", 2);
    expect_u64(debugcon_new(&r.dev, "console0", &r.chr.chr, rig_irq(&r)), 0);
    rig_map(&r, 0x1000);
    expect_u32(rd32(&r, FR), FR_TXFE | FR_RXFE | FR_DCD);
    expect_true(!r.irq.level);
    fake_chr_feed(&r.chr, 2);
    expect_true(r.irq.level);
    expect_u32(rd32(&r, FR), FR_TXFE | FR_DCD);
    expect_u64(rig_rd(&r, 0, 1), 'a');
    expect_u64(rig_rd(&r, 0, 8), 'b');
    expect_true(!r.irq.level);
    expect_u32(rd32(&r, 0), 0);
    expect_u32(rd32(&r, FR), FR_TXFE | FR_RXFE | FR_DCD);
    fake_chr_close(&r.chr);
    expect_true(r.irq.level);
    expect_u32(rd32(&r, FR), FR_TXFE | FR_RXFE);
    expect_u32(rd32(&r, 0), 0);
    rig_fini(&r);
}

static void debugcon_says_when_32_bytes_wait(void) /* §3.3.3 RXFF, as deep as r1p5's FIFO */
{
    static const char in[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    struct rig r;
    rig_init(&r, in, 36);
    expect_u64(debugcon_new(&r.dev, "console0", &r.chr.chr, rig_irq(&r)), 0);
    rig_map(&r, 0x1000);
    fake_chr_feed(&r.chr, 36);
    fake_chr_close(&r.chr);
    expect_u32(rd32(&r, FR), FR_TXFE | FR_RXFF | FR_DCD);
    for (unsigned i = 0; i < 36; i++) {
        expect_u32(rd32(&r, FR) & (FR_RXFE | FR_DCD), FR_DCD);
        expect_u32(rd32(&r, 0), (uint8_t)in[i]);
    }
    expect_u32(rd32(&r, FR), FR_TXFE | FR_RXFE);
    rig_fini(&r);
}

/* Of a loop over lines in a shell, the rest of the input is the loop's. */
static void debugcon_leaves_input_alone_until_it_is_asked(void)
{
    struct rig r;
    rig_init(&r, "ab", 2);
    expect_u64(debugcon_new(&r.dev, "console0", &r.chr.chr, rig_irq(&r)), 0);
    rig_map(&r, 0x1000);
    fake_chr_feed(&r.chr, 2);
    rig_wr(&r, 0, 1, 'x');
    expect_u64(r.chr.taken, 0);
    expect_true(!r.irq.level);
    expect_u32(rd32(&r, 0), 'a');
    r.dev->ops->reset(r.dev);
    expect_true(!r.irq.level);
    expect_u32(rd32(&r, 0), 'b'); /* the far end was not reset */
    rig_fini(&r);
}

static void debugcon_without_a_host_end_has_no_input(void)
{
    struct rig r;
    rig_init(&r, "", 0);
    expect_u64(debugcon_new(&r.dev, "console0", NULL, rig_irq(&r)), 0);
    rig_map(&r, 0x1000);
    expect_u32(rd32(&r, FR), FR_TXFE | FR_RXFE);
    expect_true(r.irq.level);
    rig_fini(&r);
}

/* ---- sysctl ---- */

static struct {
    unsigned calls;
    enum sysctl_request request;
    uint8_t status;
} asked;

static void on_request(void *ctx, enum sysctl_request request, uint8_t status)
{
    (void)ctx;
    asked.calls++;
    asked.request = request;
    asked.status = status;
}

static void sysctl_passes_requests_on(void)
{
    static const struct {
        uint32_t val;
        enum sysctl_request request;
        uint8_t status;
    } rows[] = {
        {0x00005555, SYSCTL_OFF,   0  },
        {0x00075555, SYSCTL_OFF,   0  },
        {0x00013333, SYSCTL_OFF,   1  },
        {0x002a3333, SYSCTL_OFF,   42 },
        {0x00ff3333, SYSCTL_OFF,   255},
        {0x01003333, SYSCTL_OFF,   1  }, /* not 0: it failed */
        {0x01073333, SYSCTL_OFF,   7  },
        {0x00003333, SYSCTL_OFF,   0  },
        {0x00007777, SYSCTL_RESET, 0  },
        {0x00097777, SYSCTL_RESET, 0  },
    };
    struct rig r;
    rig_init(&r, "", 0);
    expect_u64(sysctl_new(&r.dev, "sysctl0", on_request, NULL), 0);
    rig_map(&r, 0x1000);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        memset(&asked, 0xee, sizeof asked);
        asked.calls = 0;
        wr32(&r, 0, rows[i].val);
        expect_u32(asked.calls, 1);
        expect_u32(asked.request, rows[i].request);
        expect_u32(asked.status, rows[i].status);
        expect_u32(rd32(&r, 0), 0);
    }
    rig_fini(&r);
}

static void sysctl_ignores_what_is_no_request(void)
{
    struct rig r;
    rig_init(&r, "", 0);
    expect_u64(sysctl_new(&r.dev, "sysctl0", on_request, NULL), 0);
    rig_map(&r, 0x1000);
    asked.calls = 0;
    wr32(&r, 0, 0);
    wr32(&r, 0, 0x55550000);
    wr32(&r, 4, 0x5555);
    rig_wr(&r, 0, 1, 0x55);
    rig_sweep(&r, 0x1000, UINT64_MAX);
    expect_u32(asked.calls, 0);
    rig_fini(&r);
}

/* ---- virtio slot ---- */

static void an_empty_slot_is_a_placeholder(void) /* virtio 1.2 §4.2.2 */
{
    struct rig r;
    rig_init(&r, "", 0);
    expect_u64(virtio_slot_new(&r.dev, "virtio0"), 0);
    rig_map(&r, 0x200);
    rig_sweep(&r, 0x200, UINT64_MAX);
    for (unsigned off = 0; off < 0x200; off += 4)
        expect_u32(rd32(&r, off), off == 0 ? 0x74726976 : off == 4 ? 2 : 0);
    rig_fini(&r);
}

/* ---- PL061 ---- */

static void gpio_init(struct rig *r)
{
    rig_init(r, "", 0);
    expect_u64(pl061_new(&r->dev, "gpio0", rig_irq(r)), 0);
    rig_map(r, 0x1000);
}

static void gpio_registers(void) /* DDI 0190B table 3-1 */
{
    static const struct rig_reg regs[] = {
        {0x3fc, 0, 0,    "GPIODATA" },
        {0x400, 0, 0xff, "GPIODIR"  },
        {0x404, 0, 0xff, "GPIOIS"   },
        {0x408, 0, 0xff, "GPIOIBE"  },
        {0x40c, 0, 0xff, "GPIOIEV"  },
        {0x410, 0, 0xff, "GPIOIE"   },
        {0x420, 0, 0xff, "GPIOAFSEL"},
        {0x414, 0, 0,    "GPIORIS"  },
        {0x418, 0, 0,    "GPIOMIS"  },
        {0x41c, 0, 0,    "GPIOIC"   },
        {0x424, 0, 0,    "reserved" },
    };
    static const uint8_t ids[8] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct rig r;
    gpio_init(&r);
    rig_check_regs(&r, regs, ARRAY_LEN(regs));
    rig_check_ids(&r, ids);
    rig_sweep(&r, 0x1000, UINT64_MAX);
    rig_sweep(&r, 0x1000, 0);
    rig_fini(&r);
}

static void gpio_data_is_masked_by_the_address(void) /* §3.3.1 */
{
    struct rig r;
    gpio_init(&r);
    wr32(&r, 0x400, 0x0f);
    wr32(&r, 0x3fc, 0xff); /* the upper half is input: not written */
    expect_u32(rd32(&r, 0x3fc), 0x0f);
    wr32(&r, 0x05 << 2, 0);
    expect_u32(rd32(&r, 0x3fc), 0x0a);
    pl061_set_input(r.dev, 7, true);
    pl061_set_input(r.dev, 0, true); /* an output: what the guest drives counts */
    pl061_set_input(r.dev, 8, true); /* no such pin */
    expect_u32(rd32(&r, 0x3fc), 0x8a);
    expect_u32(rd32(&r, 0x80 << 2), 0x80);
    expect_u32(rd32(&r, 0x03 << 2), 0x02);
    rig_fini(&r);
}

static void gpio_edges_latch_until_cleared(void) /* §3.3.3-9 */
{
    struct rig r;
    gpio_init(&r);
    wr32(&r, 0x40c, 8); /* pin 3: rising */
    wr32(&r, 0x410, 8);
    pl061_set_input(r.dev, 3, true); /* the power key */
    expect_true(r.irq.level);
    pl061_set_input(r.dev, 3, false);
    expect_true(r.irq.level);
    expect_u32(rd32(&r, 0x414), 8);
    wr32(&r, 0x41c, 8);
    expect_true(!r.irq.level);
    wr32(&r, 0x40c, 0); /* falling */
    pl061_set_input(r.dev, 3, true);
    expect_true(!r.irq.level);
    pl061_set_input(r.dev, 3, false);
    expect_true(r.irq.level);
    wr32(&r, 0x41c, 8);
    wr32(&r, 0x408, 8); /* both */
    pl061_set_input(r.dev, 3, true);
    expect_true(r.irq.level);
    wr32(&r, 0x41c, 8);
    pl061_set_input(r.dev, 3, false);
    expect_true(r.irq.level);
    wr32(&r, 0x410, 0); /* masked, still raw */
    expect_true(!r.irq.level);
    expect_u32(rd32(&r, 0x414), 8);
    expect_u32(rd32(&r, 0x418), 0);
    rig_fini(&r);
}

static void gpio_levels_follow_the_pin(void) /* §3.3.3, §3.3.9 */
{
    struct rig r;
    gpio_init(&r);
    wr32(&r, 0x40c, 1);
    wr32(&r, 0x410, 1);
    wr32(&r, 0x404, 1);
    expect_true(!r.irq.level);
    pl061_set_input(r.dev, 0, true);
    expect_true(r.irq.level);
    wr32(&r, 0x41c, 1); /* no effect on a level */
    expect_true(r.irq.level);
    pl061_set_input(r.dev, 0, false);
    expect_true(!r.irq.level);
    wr32(&r, 0x40c, 0); /* low level */
    expect_true(r.irq.level);
    rig_fini(&r);
}

static void gpio_reset_keeps_the_pins(void)
{
    struct rig r;
    gpio_init(&r);
    pl061_set_input(r.dev, 3, true);
    wr32(&r, 0x400, 0xf0);
    wr32(&r, 0x3fc, 0xff);
    r.dev->ops->reset(r.dev);
    expect_u32(rd32(&r, 0x3fc), 8);
    expect_u32(rd32(&r, 0x414), 0);
    expect_true(!r.irq.level);
    rig_fini(&r);
}

/* ---- PL031 ---- */

static struct {
    unsigned calls;
    uint64_t deadline_ns;
} alarm_set;

static void on_arm(void *ctx, uint64_t deadline_ns)
{
    (void)ctx;
    alarm_set.calls++;
    alarm_set.deadline_ns = deadline_ns;
}

static void rtc_init(struct rig *r)
{
    rig_init(r, "", 0);
    expect_u64(pl031_new(&r->dev, "rtc0", rig_irq(r)), 0);
    rig_map(r, 0x1000);
}

static void rtc_registers(void) /* DDI 0224C table 3-1 */
{
    static const struct rig_reg regs[] = {
        {0x0c, 1, 0,          "RTCCR"   },
        {0x10, 0, 1,          "RTCIMSC" },
        {0x14, 0, 0,          "RTCRIS"  },
        {0x18, 0, 0,          "RTCMIS"  },
        {0x1c, 0, 0,          "RTCICR"  },
        {0x20, 0, 0,          "reserved"},
        {0x08, 0, UINT32_MAX, "RTCLR"   },
    };
    static const uint8_t ids[8] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct rig r;
    rtc_init(&r);
    rig_check_regs(&r, regs, ARRAY_LEN(regs));
    rig_check_ids(&r, ids);
    rig_sweep(&r, 0x1000, UINT64_MAX);
    rig_sweep(&r, 0x1000, 0);
    rig_fini(&r);
}

static void rtc_counts_wall_seconds(void) /* §3.3.1, §3.3.3 */
{
    struct rig r;
    rtc_init(&r);
    uint64_t before = (clock_wall_ns() / NS_PER_SEC);
    uint32_t now = rd32(&r, 0x00);
    expect_true(now >= (uint32_t)before && now <= (uint32_t)(clock_wall_ns() / NS_PER_SEC));
    wr32(&r, 0x08, 1000000);
    now = rd32(&r, 0x00);
    expect_true(now == 1000000 || now == 1000001);
    expect_u32(rd32(&r, 0x08), 1000000);
    wr32(&r, 0x00, 5); /* read-only */
    expect_true(rd32(&r, 0x00) >= 1000000);
    r.dev->ops->reset(r.dev); /* the battery keeps the time */
    expect_true(rd32(&r, 0x00) - 1000000 < 5);
    rig_fini(&r);
}

static void rtc_matches_when_the_counter_is_there(void) /* §3.3.2, §3.3.5-8 */
{
    struct rig r;
    rtc_init(&r);
    wr32(&r, 0x10, 1);
    wr32(&r, 0x08, 5000);
    wr32(&r, 0x04, 6000);
    expect_u32(rd32(&r, 0x14), 0);
    expect_true(!r.irq.level);
    wr32(&r, 0x08, 6000); /* the clock is set onto the match */
    expect_u32(rd32(&r, 0x14), 1);
    expect_u32(rd32(&r, 0x18), 1);
    expect_true(r.irq.level);
    wr32(&r, 0x10, 0);
    expect_true(!r.irq.level);
    expect_u32(rd32(&r, 0x18), 0);
    wr32(&r, 0x10, 1);
    wr32(&r, 0x1c, 1);
    expect_true(!r.irq.level);
    expect_u32(rd32(&r, 0x14), 0); /* once */
    wr32(&r, 0x04, 100);           /* gone by: the counter has to wrap first */
    expect_true(!r.irq.level);
    rig_fini(&r);
}

static void rtc_asks_to_be_woken(void)
{
    struct rig r;
    rtc_init(&r);
    memset(&alarm_set, 0, sizeof alarm_set);
    pl031_set_alarm(r.dev, on_arm, NULL);
    wr32(&r, 0x08, UINT32_MAX - 10); /* across the wrap of the counter */
    uint64_t now = clock_mono_ns();
    wr32(&r, 0x04, 20);
    expect_u32(alarm_set.calls, 1);
    uint64_t ahead = (alarm_set.deadline_ns - now + NS_PER_SEC / 2) / NS_PER_SEC;
    expect_true(ahead >= 29 && ahead <= 31);
    pl031_alarm_due(r.dev); /* too early: asks again */
    expect_u32(alarm_set.calls, 2);
    expect_true(!r.irq.level);
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(debugcon_prints_the_low_byte),
    TAP_TEST(debugcon_takes_any_access),
    TAP_TEST(debugcon_gives_input_in_order_then_the_end),
    TAP_TEST(debugcon_says_when_32_bytes_wait),
    TAP_TEST(debugcon_leaves_input_alone_until_it_is_asked),
    TAP_TEST(debugcon_without_a_host_end_has_no_input),
    TAP_TEST(sysctl_passes_requests_on),
    TAP_TEST(sysctl_ignores_what_is_no_request),
    TAP_TEST(an_empty_slot_is_a_placeholder),
    TAP_TEST(gpio_registers),
    TAP_TEST(gpio_data_is_masked_by_the_address),
    TAP_TEST(gpio_edges_latch_until_cleared),
    TAP_TEST(gpio_levels_follow_the_pin),
    TAP_TEST(gpio_reset_keeps_the_pins),
    TAP_TEST(rtc_registers),
    TAP_TEST(rtc_counts_wall_seconds),
    TAP_TEST(rtc_matches_when_the_counter_is_there),
    TAP_TEST(rtc_asks_to_be_woken),
};

TAP_MAIN(tests)
