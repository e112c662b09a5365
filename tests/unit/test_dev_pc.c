// SPDX-License-Identifier: MIT
/*
 * test_dev_pc.c - what a PC has at its ports: the 16550 against the PC16550D data sheet and against what
 * Linux's driver does to it, the MC146818 against its data sheet, and the ways to switch off.
 */
#include <time.h>

#include "tests/unit/rig.h"
#include "vmm/clock.h"

/* ---- 16550 ---- */

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR };
enum { THR = RBR, FCR = IIR };

static uint8_t rd(struct rig *r, uint64_t off)
{
    return (uint8_t)rig_rd(r, off, 1);
}

static void wr(struct rig *r, uint64_t off, uint8_t v)
{
    rig_wr(r, off, 1, v);
}

static void com_init(struct rig *r, const void *in, size_t len)
{
    rig_init(r, in, len);
    expect_u64(uart16550_new(&r->dev, "uart0", &r->chr.chr, rig_irq(r)), 0);
    rig_map(r, 8);
}

/* A guest that takes interrupts for received data and for the modem lines. */
static void com_open(struct rig *r, const void *in, size_t len)
{
    com_init(r, in, len);
    wr(r, FCR, 1);
    wr(r, MCR, 0x0b);
    wr(r, IER, 0x09);
}

static void uart_registers_after_reset(void) /* §8 table III */
{
    struct rig r;
    com_init(&r, "", 0);
    expect_u32(rd(&r, IER), 0);
    expect_u32(rd(&r, IIR), 1);
    expect_u32(rd(&r, LCR), 0);
    expect_u32(rd(&r, MCR), 0);
    expect_u32(rd(&r, LSR), 0x60);
    expect_u32(rd(&r, MSR), 0xb0); /* CTS, DSR, DCD, and no change */
    wr(&r, IER, 0xff);
    expect_u32(rd(&r, IER), 0x0f);
    wr(&r, MCR, 0xff);
    expect_u32(rd(&r, MCR), 0x1f);
    wr(&r, SCR, 0x5a);
    expect_u32(rd(&r, SCR), 0x5a);
    wr(&r, LCR, 0x80); /* the divisor's latches */
    wr(&r, 0, 0x34);
    wr(&r, 1, 0x12);
    expect_u32(rd(&r, 0), 0x34);
    expect_u32(rd(&r, 1), 0x12);
    wr(&r, LCR, 3);
    expect_u32(rd(&r, IER), 0x0f);
    expect_u32(r.chr.out_len, 0);
    rig_fini(&r);
}

static void uart_odd_accesses_are_harmless(void)
{
    struct rig r;
    com_init(&r, "some input", 10);
    fake_chr_feed(&r.chr, 10);
    rig_sweep(&r, 8, UINT64_MAX);
    rig_sweep(&r, 8, 0);
    expect_true(r.bus.odd > 0);
    rig_fini(&r);
}

static void uart_sends_and_says_so(void) /* §8.5: THRE's interrupt */
{
    struct rig r;
    com_init(&r, "", 0);
    wr(&r, IER, 2);
    expect_true(r.irq.level);
    expect_u32(rd(&r, IIR), 2);
    expect_u32(rd(&r, IIR), 1); /* reading it was the answer */
    expect_true(!r.irq.level);
    wr(&r, THR, 'a');
    expect_true(r.irq.level);
    expect_u32(r.chr.out[0], 'a');
    expect_u32(rd(&r, IIR), 2);
    wr(&r, IER, 0);
    wr(&r, IER, 2); /* enabled again with an empty THR */
    expect_u32(rd(&r, IIR), 2);
    rig_fini(&r);
}

static void uart_receives_in_order_by_interrupt(void) /* table IV */
{
    struct rig r;
    com_open(&r, "abc", 3);
    fake_chr_feed(&r.chr, 3);
    expect_true(r.irq.level);
    expect_u32(rd(&r, IIR) & 0x0f, 4); /* trigger 1 */
    expect_u32(rd(&r, LSR) & 1, 1);
    expect_u32(rd(&r, RBR), 'a');
    expect_u32(rd(&r, RBR), 'b');
    expect_u32(rd(&r, RBR), 'c');
    expect_u32(rd(&r, LSR) & 1, 0);
    expect_true(!r.irq.level);
    wr(&r, FCR, 0xc1); /* trigger 14: fewer bytes are a time-out */
    fake_chr_feed(&r.chr, 0);
    rig_fini(&r);
    com_open(&r, "abcdefghijklmnop", 16);
    wr(&r, FCR, 0xc1);
    fake_chr_feed(&r.chr, 3);
    expect_u32(rd(&r, IIR), 0xcc);
    fake_chr_feed(&r.chr, 13);
    expect_u32(rd(&r, IIR), 0xc4);
    rig_fini(&r);
}

/* Linux's driver enables the interrupt, then sets up the FIFOs, which clears them: nothing is lost. */
static void uart_keeps_input_over_the_driver_start(void)
{
    struct rig r;
    com_init(&r, "abcdef", 6);
    fake_chr_feed(&r.chr, 6);
    wr(&r, FCR, 1);
    wr(&r, FCR, 7);
    wr(&r, FCR, 0);
    for (unsigned i = 0; i < 3; i++) {
        rd(&r, LSR);
        rd(&r, RBR);
        rd(&r, IIR);
        rd(&r, MSR);
    }
    wr(&r, IER, 5);
    wr(&r, FCR, 1);
    wr(&r, FCR, 7);
    for (const char *s = "abcdef"; *s; s++)
        expect_u32(rd(&r, RBR), *s);
    expect_u32(rd(&r, LSR) & 1, 0);
    rig_fini(&r);
}

static void uart_is_read_by_polling(void)
{
    struct rig r;
    com_init(&r, "xy", 2);
    fake_chr_feed(&r.chr, 2);
    unsigned n = 0;
    while (!(rd(&r, LSR) & 1) && n < 1000)
        n++;
    expect_true(n < 100);
    expect_u32(rd(&r, RBR), 'x');
    expect_u32(rd(&r, RBR), 'y');
    expect_u32(rd(&r, LSR) & 1, 0);
    rig_fini(&r);
}

static void uart_paces_a_guest_without_flow_control(void)
{
    uint8_t in[100];
    for (unsigned i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)i;
    struct rig r;
    com_open(&r, in, sizeof in);
    wr(&r, IER, 1); /* no modem lines: no flow control */
    fake_chr_feed(&r.chr, sizeof in);
    unsigned got = 0;
    while (rd(&r, LSR) & 1)
        expect_u32(rd(&r, RBR), got++);
    expect_u32(got, 16);
    expect_true(uart16550_input_waits(r.dev));
    uart16550_guest_idle(r.dev);
    while (rd(&r, LSR) & 1)
        expect_u32(rd(&r, RBR), got++);
    expect_u32(got, 32);
    uart16550_input_tick(r.dev);
    while (rd(&r, LSR) & 1)
        expect_u32(rd(&r, RBR), got++);
    expect_u32(got, 48);
    wr(&r, MCR, 0x08); /* RTS goes down: the sender stops */
    uart16550_guest_idle(r.dev);
    expect_u32(rd(&r, LSR) & 1, 0);
    expect_true(!uart16550_input_waits(r.dev));
    wr(&r, MCR, 0x0a);
    uart16550_guest_idle(r.dev);
    expect_u32(rd(&r, RBR), 48);
    rig_fini(&r);
}

static void uart_hangs_up_at_the_end_of_input(void) /* §8.8: DDCD and DCD */
{
    struct rig r;
    com_open(&r, "a", 1);
    fake_chr_feed(&r.chr, 1);
    fake_chr_close(&r.chr);
    expect_u32(rd(&r, MSR), 0xb0);
    expect_u32(rd(&r, RBR), 'a');
    expect_u32(rd(&r, MSR) & 0x88, 0x80); /* not before the machine was idle over it */
    uart16550_guest_idle(r.dev);
    expect_true(r.irq.level);
    expect_u32(rd(&r, IIR) & 0x0f, 0);
    expect_u32(rd(&r, MSR) & 0x88, 0x08);
    expect_true(!r.irq.level);
    rig_fini(&r);
}

static void uart_loops_back(void) /* §8.6.4; Linux finds the FIFO's size so */
{
    struct rig r;
    com_init(&r, "input", 5);
    fake_chr_feed(&r.chr, 5);
    wr(&r, FCR, 1);
    wr(&r, MCR, 0x10);
    expect_u32(rd(&r, MSR) & 0xf0, 0);
    wr(&r, MCR, 0x1a);
    expect_u32(rd(&r, MSR) & 0xf0, 0x90);
    for (unsigned i = 0; i < 20; i++)
        wr(&r, THR, (uint8_t)i);
    expect_u32(rd(&r, LSR) & 3, 3); /* 16 fit; the rest is an overrun */
    unsigned n = 0;
    while (rd(&r, LSR) & 1)
        expect_u32(rd(&r, RBR), n++);
    expect_u32(n, 16);
    expect_u32(r.chr.out_len, 0);
    rig_fini(&r);
}

/* ---- MC146818 ---- */

static uint64_t alarm_ns;
static unsigned alarm_calls;

static void on_arm(void *ctx, uint64_t deadline_ns)
{
    (void)ctx;
    alarm_ns = deadline_ns;
    alarm_calls++;
}

static void clock_init(struct rig *r)
{
    rig_init(r, "", 0);
    expect_u64(cmos_new(&r->dev, "rtc", rig_irq(r)), 0);
    rig_map(r, 2);
    alarm_calls = 0;
}

static uint8_t get(struct rig *r, uint8_t index)
{
    wr(r, 0, index);
    return rd(r, 1);
}

static void put(struct rig *r, uint8_t index, uint8_t v)
{
    wr(r, 0, index);
    wr(r, 1, v);
}

static void set_time(struct rig *r, const uint8_t t[7]) /* century, year, month, day, h, m, s */
{
    static const uint8_t index[7] = {0x32, 9, 8, 7, 4, 2, 0};
    uint8_t b = get(r, 11);
    put(r, 11, b | 0x80);
    for (unsigned i = 0; i < 7; i++)
        put(r, index[i], t[i]);
    put(r, 11, b);
}

static void clock_shows_utc_in_bcd(void)
{
    struct rig r;
    clock_init(&r);
    expect_u32(get(&r, 10), 0x26);
    expect_u32(get(&r, 11), 0x02); /* 24 hours, BCD */
    expect_u32(get(&r, 13), 0x80); /* VRT */
    time_t before = (time_t)(clock_wall_ns() / NS_PER_SEC);
    struct tm tm;
    gmtime_r(&before, &tm);
    unsigned year = (get(&r, 9) >> 4) * 10u + (get(&r, 9) & 15);
    unsigned century = (get(&r, 0x32) >> 4) * 10u + (get(&r, 0x32) & 15);
    expect_u32(century * 100 + year, (unsigned)tm.tm_year + 1900);
    rig_fini(&r);
}

static void clock_can_be_set(void)
{
    struct rig r;
    clock_init(&r);
    set_time(&r, (const uint8_t[]){0x20, 0x24, 0x02, 0x28, 0x23, 0x59, 0x58});
    expect_u32(get(&r, 0x32), 0x20);
    expect_u32(get(&r, 9), 0x24);
    expect_u32(get(&r, 8), 0x02);
    expect_u32(get(&r, 7), 0x28);
    expect_u32(get(&r, 4), 0x23);
    expect_u32(get(&r, 6), 4); /* 28 February 2024 was a Wednesday; Sunday is 1 */
    put(&r, 11, 0x06);         /* binary */
    expect_u32(get(&r, 4), 23);
    expect_u32(get(&r, 2), 59);
    put(&r, 11, 0x04); /* 12 hours */
    expect_u32(get(&r, 4), 0x80 | 11);
    rig_fini(&r);
}

static void clock_ram_keeps_bytes(void)
{
    struct rig r;
    clock_init(&r);
    for (unsigned i = 14; i < 128; i++)
        if (i != 0x32)
            put(&r, (uint8_t)(i | 0x80), (uint8_t)(i * 3)); /* bit 7 is not of the index */
    for (unsigned i = 14; i < 128; i++)
        if (i != 0x32)
            expect_u32(get(&r, (uint8_t)i), (uint8_t)(i * 3));
    expect_u32(rd(&r, 0), 0xff);
    rig_sweep(&r, 2, UINT64_MAX);
    rig_sweep(&r, 2, 0);
    rig_fini(&r);
}

static void clock_interrupts_at_a_new_second(void)
{
    struct rig r;
    clock_init(&r);
    cmos_set_alarm(r.dev, on_arm, NULL);
    put(&r, 11, 0x12); /* UIE */
    expect_u32(alarm_calls, 1);
    uint64_t ahead = alarm_ns - clock_mono_ns();
    expect_true(ahead <= NS_PER_SEC);
    while (clock_mono_ns() < alarm_ns)
        ;
    cmos_alarm_due(r.dev);
    expect_true(r.irq.level);
    expect_u32(alarm_calls, 2); /* the next second */
    expect_u32(get(&r, 12) & 0x90, 0x90);
    expect_true(!r.irq.level); /* reading C was the answer */
    expect_u32(get(&r, 12), 0);
    put(&r, 11, 0x02);
    rig_fini(&r);
}

static void clock_alarm_matches_or_does_not_care(void)
{
    struct rig r;
    clock_init(&r);
    cmos_set_alarm(r.dev, on_arm, NULL);
    put(&r, 1, 0xc0); /* any second */
    put(&r, 3, 0x30);
    put(&r, 5, 0xff); /* any hour */
    set_time(&r, (const uint8_t[]){0x20, 0x26, 0x11, 0x23, 0x08, 0x10, 0x00});
    put(&r, 11, 0x22); /* AIE */
    uint64_t until = clock_mono_ns() + NS_PER_SEC * 11 / 10;
    while (clock_mono_ns() < until)
        ;
    cmos_alarm_due(r.dev);
    expect_u32(get(&r, 12) & 0x20, 0); /* 08:10 is not xx:30 */
    set_time(&r, (const uint8_t[]){0x20, 0x26, 0x11, 0x23, 0x08, 0x29, 0x59});
    until = clock_mono_ns() + NS_PER_SEC * 11 / 10;
    while (clock_mono_ns() < until)
        ;
    cmos_alarm_due(r.dev);
    expect_true(r.irq.level);
    expect_u32(get(&r, 12) & 0xa0, 0xa0);
    rig_fini(&r);
}

/* ---- off and reset ---- */

static int asked = -1;
static uint8_t asked_status;

static void on_power(void *ctx, enum sysctl_request request, uint8_t status)
{
    (void)ctx;
    asked = (int)request;
    asked_status = status;
}

static void power_init(struct rig *r, enum pc_power_kind kind, uint64_t size)
{
    rig_init(r, "", 0);
    expect_u64(pc_power_new(&r->dev, "power", kind, on_power, NULL), 0);
    rig_map(r, size);
    asked = -1;
}

static void sleep_control_knows_s5_only(void) /* ACPI 6.4 §4.8.3.7.1 */
{
    struct rig r;
    power_init(&r, PC_ACPI_SLEEP, 2);
    wr(&r, 0, 5 << 2); /* no SLP_EN */
    wr(&r, 0, 3 << 2 | 0x20);
    wr(&r, 1, 5 << 2 | 0x20);
    expect_u32((unsigned)asked, (unsigned)-1);
    expect_u32(rd(&r, 0), 0);
    wr(&r, 0, 5 << 2 | 0x20);
    expect_u32((unsigned)asked, SYSCTL_OFF);
    expect_u32(asked_status, 0);
    rig_fini(&r);
}

static void the_8042_resets(void)
{
    struct rig r;
    power_init(&r, PC_I8042, 5);
    expect_u32(rd(&r, 4) & 3, 0); /* takes a command, has no byte */
    wr(&r, 0, 0xfe);
    wr(&r, 4, 0xd1);
    expect_u32((unsigned)asked, (unsigned)-1);
    wr(&r, 4, 0xfe);
    expect_u32((unsigned)asked, SYSCTL_RESET);
    rig_fini(&r);
}

static void debug_exit_hands_a_status_back(void)
{
    struct rig r;
    power_init(&r, PC_DEBUG_EXIT, 4);
    wr32(&r, 0, 0x10);
    expect_u32((unsigned)asked, SYSCTL_OFF);
    expect_u32(asked_status, 0x21);
    wr(&r, 0, 0);
    expect_u32(asked_status, 1);
    rig_sweep(&r, 4, 0);
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(uart_registers_after_reset),
    TAP_TEST(uart_odd_accesses_are_harmless),
    TAP_TEST(uart_sends_and_says_so),
    TAP_TEST(uart_receives_in_order_by_interrupt),
    TAP_TEST(uart_keeps_input_over_the_driver_start),
    TAP_TEST(uart_is_read_by_polling),
    TAP_TEST(uart_paces_a_guest_without_flow_control),
    TAP_TEST(uart_hangs_up_at_the_end_of_input),
    TAP_TEST(uart_loops_back),
    TAP_TEST(clock_shows_utc_in_bcd),
    TAP_TEST(clock_can_be_set),
    TAP_TEST(clock_ram_keeps_bytes),
    TAP_TEST(clock_interrupts_at_a_new_second),
    TAP_TEST(clock_alarm_matches_or_does_not_care),
    TAP_TEST(sleep_control_knows_s5_only),
    TAP_TEST(the_8042_resets),
    TAP_TEST(debug_exit_hands_a_status_back),
};
TAP_MAIN(tests)
