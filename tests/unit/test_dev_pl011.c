// SPDX-License-Identifier: MIT
/*
 * test_dev_pl011.c - the UART against the PL011 TRM (DDI 0183G), and against what real drivers do
 * to it.
 */
#include "tests/unit/rig.h"

#define DR    0x00
#define RSR   0x04
#define FR    0x18
#define LCR_H 0x2c
#define CR    0x30
#define IFLS  0x34
#define IMSC  0x38
#define RIS   0x3c
#define MIS   0x40
#define ICR   0x44

#define FR_CTS   0x01
#define FR_DSR   0x02
#define FR_DCD   0x04
#define FR_RXFE  0x10
#define FR_TXFF  0x20
#define FR_RXFF  0x40
#define FR_TXFE  0x80
#define FR_RI    0x100
#define INT_DCD  0x04
#define INT_RX   0x10
#define INT_TX   0x20
#define INT_RT   0x40
#define INT_OE   0x400
#define FEN      0x10
#define CR_ON    0x301
#define CR_LBE   0x80
#define CR_RTS   0x800
#define CR_RTSEN 0x4000
#define CR_CTSEN 0x8000

static void uart_init(struct rig *r, const void *in, size_t len)
{
    rig_init(r, in, len);
    expect_u64(pl011_new(&r->dev, "uart0", &r->chr.chr, rig_irq(r)), 0);
    rig_map(r, 0x1000);
}

/* A UART whose guest takes interrupts: FIFOs on, RX and RT unmasked. */
static void uart_open(struct rig *r, const void *in, size_t len)
{
    uart_init(r, in, len);
    wr32(r, LCR_H, FEN | 0x60);
    wr32(r, CR, CR_ON);
    wr32(r, IMSC, INT_RX | INT_RT);
}

/* 100 kB that repeat with no power of two, so that a lost or doubled byte shows. */
static uint8_t big[100 * 1000];

static void big_fill(void)
{
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7 + i / 251);
}

/* ---- registers ---- */

static void registers_have_reset_values_and_masks(void) /* TRM table 3-1 */
{
    static const struct rig_reg regs[] = {
        {0x04, 0,                     0,      "UARTRSR"      },
        {0x20, 0,                     0xff,   "UARTILPR"     },
        {0x24, 0,                     0xffff, "UARTIBRD"     },
        {0x28, 0,                     0x3f,   "UARTFBRD"     },
        {0x2c, 0,                     0xff,   "UARTLCR_H"    },
        {0x30, 0x300,                 0xff87, "UARTCR"       },
        {0x34, 0x12,                  0x3f,   "UARTIFLS"     },
        {0x38, 0,                     0x7ff,  "UARTIMSC"     },
        {0x48, 0,                     7,      "UARTDMACR"    },
        {0x18, FR_TXFE | FR_RXFE | 7, 0,      "UARTFR"       },
        {0x40, 0,                     0,      "UARTMIS"      },
        {0x44, 0,                     0,      "UARTICR"      },
        {0x08, 0,                     0,      "reserved 0x08"},
        {0x1c, 0,                     0,      "reserved 0x1c"},
        {0x4c, 0,                     0,      "reserved 0x4c"},
    };
    struct rig r;
    uart_init(&r, "", 0);
    expect_u32(rd32(&r, RIS), 0);
    rig_check_regs(&r, regs, ARRAY_LEN(regs));
    rig_fini(&r);
}

static void id_registers_say_r1p5(void) /* TRM §3.3.15-16 */
{
    static const uint8_t ids[8] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct rig r;
    uart_init(&r, "", 0);
    rig_check_ids(&r, ids);
    rig_fini(&r);
}

static void odd_accesses_are_harmless(void)
{
    struct rig r;
    uart_init(&r, "some input", 10);
    fake_chr_feed(&r.chr, 10);
    rig_sweep(&r, 0x1000, UINT64_MAX);
    rig_sweep(&r, 0x1000, 0);
    expect_true(r.bus.odd > 0);
    r.dev->ops->reset(r.dev);
    expect_u32(rd32(&r, CR), 0x300);
    rig_fini(&r);
}

static void bytes_and_halfwords_reach_dr(void) /* Linux and U-Boot use both */
{
    struct rig r;
    uart_init(&r, "", 0);
    rig_wr(&r, DR, 1, 'a');
    rig_wr(&r, DR, 2, 'b');
    rig_wr(&r, DR, 4, 'c');
    expect_u64(r.chr.out_len, 3);
    expect_true(!memcmp(r.chr.out, "abc", 3));
    rig_fini(&r);
}

/* ---- transmitter ---- */

static void tx_interrupt_comes_with_a_byte_and_goes_with_icr(void) /* TRM §2.8, §3.3.13 */
{
    struct rig r;
    uart_init(&r, "", 0);
    wr32(&r, IMSC, INT_TX);
    expect_true(!r.irq.level); /* a transition through the level, not the level */
    wr32(&r, DR, 'x');
    expect_u32(rd32(&r, RIS), INT_TX);
    expect_u32(rd32(&r, MIS), INT_TX);
    expect_true(r.irq.level);
    expect_u32(rd32(&r, FR) & (FR_TXFF | FR_TXFE), FR_TXFE);
    wr32(&r, ICR, INT_TX);
    expect_u32(rd32(&r, RIS), 0);
    expect_true(!r.irq.level);
    rig_fini(&r);
}

static void transmission_needs_no_enable(void) /* guests made for emulators leave UARTEN 0 */
{
    struct rig r;
    uart_init(&r, "", 0);
    wr32(&r, CR, 0);
    wr32(&r, DR, 'x');
    expect_u64(r.chr.out_len, 1);
    rig_fini(&r);
}

/* ---- receiver ---- */

static void rx_irq_is_masked_by_imsc(void) /* TRM §3.3.10: MIS = RIS & IMSC */
{
    struct rig r;
    uart_open(&r, "x", 1);
    fake_chr_feed(&r.chr, 1);
    expect_true(r.irq.level);
    expect_u32(rd32(&r, MIS), INT_RT); /* one byte is below the trigger */
    wr32(&r, IMSC, INT_RX);
    expect_u32(rd32(&r, RIS), INT_RT);
    expect_u32(rd32(&r, MIS), 0);
    expect_true(!r.irq.level);
    rig_fini(&r);
}

static void rx_follows_the_trigger_level(void) /* TRM §3.3.9: 1/8, 1/4, 1/2, 3/4, 7/8 */
{
    static const uint8_t level[] = {4, 8, 16, 24, 28};
    for (unsigned i = 0; i < ARRAY_LEN(level); i++) {
        struct rig r;
        big_fill();
        uart_open(&r, big, sizeof big);
        wr32(&r, IFLS, i << 3 | 2);
        fake_chr_feed(&r.chr, level[i] - 1u);
        expect_u32(rd32(&r, RIS), INT_RT);
        fake_chr_feed(&r.chr, 1);
        expect_u32(rd32(&r, RIS), INT_RX | INT_RT);
        rd32(&r, DR);
        expect_u32(rd32(&r, RIS), INT_RT);
        wr32(&r, ICR, 0x7ff); /* a level: not cleared while bytes are there */
        expect_u32(rd32(&r, RIS), INT_RT);
        rig_fini(&r);
    }
}

static void without_fifo_one_byte_is_full(void) /* TRM §3.3.3, §3.3.7 FEN */
{
    struct rig r;
    uart_init(&r, "abc", 3);
    wr32(&r, IMSC, INT_RX);
    expect_u32(rd32(&r, FR) & (FR_RXFE | FR_RXFF), FR_RXFE);
    fake_chr_feed(&r.chr, 3);
    expect_u32(rd32(&r, FR) & (FR_RXFE | FR_RXFF), FR_RXFF);
    expect_u64(r.chr.taken, 1); /* the others wait in the pipe */
    expect_u32(rd32(&r, RIS), INT_RX | INT_RT);
    expect_u32(rd32(&r, DR), 'a');
    expect_u32(rd32(&r, DR), 'b');
    expect_u32(rd32(&r, DR), 'c');
    expect_u32(rd32(&r, FR) & (FR_RXFE | FR_RXFF), FR_RXFE);
    expect_u32(rd32(&r, DR), 0);
    rig_fini(&r);
}

static void fen_toggles_lose_nothing(void)
{
    struct rig r;
    uart_open(&r, "abcdef", 6);
    fake_chr_feed(&r.chr, 6);
    wr32(&r, LCR_H, 0);
    wr32(&r, LCR_H, FEN);
    for (const char *p = "abcdef"; *p; p++)
        expect_u32(rd32(&r, DR), (uint8_t)*p);
    rig_fini(&r);
}

static void a_full_fifo_holds_the_writer_back(void)
{
    struct rig r;
    big_fill();
    uart_open(&r, big, sizeof big);
    fake_chr_feed(&r.chr, 1000);
    expect_u64(r.chr.taken, 32);
    expect_u32(rd32(&r, FR) & FR_RXFF, FR_RXFF);
    rig_fini(&r);
}

static void a_reset_keeps_what_was_not_read(void)
{
    struct rig r;
    uart_open(&r, "abc", 3);
    fake_chr_feed(&r.chr, 3);
    r.dev->ops->reset(r.dev);
    expect_true(!r.irq.level);
    wr32(&r, IMSC, INT_RT);
    expect_u32(rd32(&r, DR), 'a');
    expect_u32(rd32(&r, DR), 'b');
    expect_u32(rd32(&r, DR), 'c');
    rig_fini(&r);
}

static void a_uart_without_host_end_works(void)
{
    struct rig r;
    rig_init(&r, "", 0);
    expect_u64(pl011_new(&r.dev, "uart1", NULL, (struct irq_line){0}), 0);
    rig_map(&r, 0x1000);
    wr32(&r, DR, 'x');
    wr32(&r, IMSC, 0x7ff);
    pl011_guest_idle(r.dev);
    expect_true(!pl011_input_waits(r.dev));
    expect_u32(rd32(&r, FR), FR_TXFE | FR_RXFE | FR_CTS | FR_DSR);
    rig_sweep(&r, 0x1000, UINT64_MAX);
    rig_fini(&r);
}

/* ---- loopback and modem lines ---- */

static void loopback_receives_what_is_sent(void) /* TRM §3.3.8 LBE */
{
    struct rig r;
    uart_open(&r, "host", 4);
    fake_chr_feed(&r.chr, 4);
    wr32(&r, CR, CR_ON | CR_LBE);
    expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE); /* the line is cut */
    wr32(&r, DR, 'l');
    expect_u64(r.chr.out_len, 0);
    expect_u32(rd32(&r, FR) & FR_RXFE, 0);
    expect_u32(rd32(&r, DR), 'l');
    for (unsigned i = 0; i < 33; i++) /* §3.3.1 OE: the 33rd is lost, the 32 stay */
        wr32(&r, DR, 'A' + i);
    expect_u32(rd32(&r, RSR), 8);
    expect_u32(rd32(&r, RIS) & INT_OE, INT_OE);
    wr32(&r, RSR, 0);
    wr32(&r, ICR, INT_OE);
    expect_u32(rd32(&r, RSR), 0);
    expect_u32(rd32(&r, RIS) & INT_OE, 0);
    expect_u32(rd32(&r, DR) & 0xff, 'A');
    wr32(&r, CR, CR_ON);
    expect_u32(rd32(&r, DR), 'h'); /* the host's bytes are still there */
    rig_fini(&r);
}

static void loopback_turns_modem_outputs_to_inputs(void) /* TRM §3.3.8 LBE */
{
    static const struct {
        uint32_t cr, fr;
    } lines[] = {
        {0x400,  FR_DSR},
        {0x800,  FR_CTS},
        {0x1000, FR_DCD},
        {0x2000, FR_RI }
    };
    struct rig r;
    uart_open(&r, "", 0);
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        wr32(&r, CR, CR_ON | CR_LBE | lines[i].cr);
        expect_u32(rd32(&r, FR) & 0x107, lines[i].fr);
    }
    wr32(&r, CR, CR_ON);
    expect_u32(rd32(&r, FR) & 0x107, FR_CTS | FR_DSR | FR_DCD);
    rig_fini(&r);
}

static void end_of_input_drops_carrier_after_the_last_byte(void) /* TRM §3.3.11 DCDRMIS */
{
    struct rig r;
    uart_open(&r, "ab", 2);
    wr32(&r, IMSC, INT_RX | INT_RT | INT_DCD);
    fake_chr_feed(&r.chr, 2);
    fake_chr_close(&r.chr);
    pl011_guest_idle(r.dev);
    expect_u32(rd32(&r, FR) & FR_DCD, FR_DCD);
    rd32(&r, DR);
    rd32(&r, DR);
    expect_u32(rd32(&r, FR) & FR_DCD, FR_DCD); /* the guest still works on them */
    expect_true(pl011_input_waits(r.dev));
    pl011_guest_idle(r.dev);
    expect_u32(rd32(&r, FR) & FR_DCD, 0);
    expect_u32(rd32(&r, MIS), INT_DCD);
    expect_true(r.irq.level);
    expect_true(!pl011_input_waits(r.dev));
    wr32(&r, ICR, INT_DCD);
    expect_true(!r.irq.level);
    pl011_guest_idle(r.dev);
    expect_u32(rd32(&r, RIS), 0); /* once */
    rig_fini(&r);
}

static void a_busy_machine_gets_input_but_not_its_end(void)
{
    struct rig r;
    big_fill();
    uart_open(&r, big, 40);
    wr32(&r, IMSC, INT_RX | INT_RT | INT_DCD);
    fake_chr_feed(&r.chr, 40);
    fake_chr_close(&r.chr);
    for (unsigned i = 0; i < 32; i++)
        expect_u32(rd32(&r, DR), big[i]);
    expect_true(pl011_input_waits(r.dev));
    pl011_input_tick(r.dev);
    for (unsigned i = 32; i < 40; i++)
        expect_u32(rd32(&r, DR), big[i]);
    pl011_input_tick(r.dev);
    expect_u32(rd32(&r, FR) & (FR_DCD | FR_RXFE), FR_DCD | FR_RXFE);
    pl011_guest_idle(r.dev);
    expect_u32(rd32(&r, FR) & FR_DCD, 0);
    rig_fini(&r);
}

static void end_of_input_reaches_an_idle_machine(void)
{
    struct rig r;
    uart_open(&r, "", 0);
    wr32(&r, IMSC, INT_RX | INT_RT | INT_DCD);
    pl011_guest_idle(r.dev);
    expect_true(!r.irq.level);
    fake_chr_close(&r.chr); /* nobody calls pl011_guest_idle() again */
    expect_u32(rd32(&r, MIS), INT_DCD);
    expect_true(r.irq.level);
    rig_fini(&r);
}

/* ---- visibility ---- */

static void bytes_are_hidden_until_someone_can_take_them(void)
{
    struct rig r;
    uart_init(&r, "x", 1);
    fake_chr_feed(&r.chr, 1);
    for (unsigned i = 0; i < 31; i++)
        expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE);
    expect_u32(rd32(&r, DR), 0);
    expect_u32(rd32(&r, FR) & FR_RXFE, 0); /* the 32nd look */
    expect_u32(rd32(&r, DR), 'x');
    rig_fini(&r);
}

static void waiting_to_send_is_not_looking_for_input(void) /* Linux's earlycon: TXFF, DR, BUSY */
{
    struct rig r;
    uart_init(&r, "x", 1);
    fake_chr_feed(&r.chr, 1);
    for (unsigned i = 0; i < 200; i++) {
        expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE);
        wr32(&r, DR, '.');
        expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE);
    }
    expect_u32(rd32(&r, DR), 0);
    rig_fini(&r);
}

static void a_program_that_prints_between_looks_gets_input(void)
{
    struct rig r;
    bool got = false;
    uart_init(&r, "x", 1);
    fake_chr_feed(&r.chr, 1);
    for (unsigned i = 0; i < 300000 && !got; i++) {
        got = !(rd32(&r, FR) & FR_RXFE);
        rd32(&r, FR); /* TXFF */
        if (!got)
            wr32(&r, DR, '.');
    }
    expect_true(got);
    expect_u32(rd32(&r, DR), 'x');
    rig_fini(&r);
}

static void a_look_for_control_c_while_printing_finds_nothing(void) /* U-Boot's ctrlc() */
{
    struct rig r;
    uart_init(&r, "script", 6);
    fake_chr_feed(&r.chr, 6);
    for (unsigned i = 0; i < 33; i++)
        rd32(&r, FR);
    expect_u32(rd32(&r, DR), 's'); /* reading a command: byte after byte */
    expect_u32(rd32(&r, FR) & FR_RXFE, 0);
    for (unsigned i = 0; i < 10000; i++) { /* it runs, and prints: flinfo does it 512 times */
        rd32(&r, FR);
        wr32(&r, DR, '#');
        expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE);
    }
    for (unsigned i = 0; i < 33; i++)
        rd32(&r, FR);
    expect_u32(rd32(&r, DR), 'c');
    rig_fini(&r);
}

static void polling_ends_where_a_driver_sets_up(void)
{
    static const uint32_t regs[] = {IMSC, ICR, CR, LCR_H};
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
        struct rig r;
        uart_init(&r, "x", 1);
        fake_chr_feed(&r.chr, 1);
        for (unsigned k = 0; k < 33; k++)
            rd32(&r, FR);
        expect_u32(rd32(&r, FR) & FR_RXFE, 0);
        wr32(&r, regs[i], 0);
        expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE);
        expect_u32(rd32(&r, DR), 0);
        rig_fini(&r);
    }
}

/* ---- pace ---- */

static void the_next_fifo_full_waits_for_an_idle_machine(void)
{
    struct rig r;
    big_fill();
    uart_open(&r, big, sizeof big);
    expect_true(!pl011_input_waits(r.dev));
    fake_chr_feed(&r.chr, 1000);
    for (unsigned i = 0; i < 32; i++)
        expect_u32(rd32(&r, DR), big[i]);
    expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE);
    expect_true(!r.irq.level);
    expect_true(pl011_input_waits(r.dev));
    pl011_guest_idle(r.dev);
    expect_true(r.irq.level);
    expect_u32(rd32(&r, DR), big[32]);
    rig_fini(&r);
}

static void interrupt_handlers_reading_ris_and_fr_are_not_pollers(void)
{
    struct rig r;
    big_fill();
    uart_open(&r, big, sizeof big);
    fake_chr_feed(&r.chr, 1000);
    for (unsigned i = 0; i < 32; i++)
        rd32(&r, DR);
    for (unsigned i = 0; i < 100; i++) {
        rd32(&r, RIS);
        expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE);
    }
    expect_u64(r.chr.taken, 32);
    rig_fini(&r);
}

static void
flow_control_stops_input_while_rts_is_off(void) /* TRM §3.3.8 CTSEN: CRTSCTS, throttled */
{
    struct rig r;
    big_fill();
    uart_open(&r, big, sizeof big);
    wr32(&r, CR, CR_ON | CR_CTSEN);
    fake_chr_feed(&r.chr, 1000);
    pl011_guest_idle(r.dev);
    expect_u64(r.chr.taken, 0);
    wr32(&r, CR, CR_ON | CR_CTSEN | CR_RTS);
    expect_u64(r.chr.taken, 32);
    wr32(&r, CR, CR_ON | CR_CTSEN | CR_RTSEN);
    unsigned got = 0;
    while (!(rd32(&r, FR) & FR_RXFE))
        expect_u32(rd32(&r, DR), big[got++]);
    expect_u32(got, 1000); /* the guest says when to stop, not the pace */
    rig_fini(&r);
}

/* ---- drivers ---- */

/* What Linux's driver does between probe and the tty's first byte (its order of accesses). */
static void linux_open(struct rig *r)
{
    wr32(r, ICR, 0x7d0); /* hwinit: errors, RX, RT */
    uint32_t im = rd32(r, IMSC);
    wr32(r, IMSC, INT_RT | INT_RX); /* for a moment */
    wr32(r, IMSC, im);
    wr32(r, IFLS, 0x12);
    uint32_t cr = rd32(r, CR);
    wr32(r, CR, (cr & 0xc00) | CR_ON);
    rd32(r, FR); /* modem status */
    wr32(r, ICR, INT_RT | INT_RX);
    for (unsigned i = 0; i < 64; i++) { /* throw away what is there */
        if (rd32(r, FR) & FR_RXFE)
            break;
        rd32(r, DR);
    }
    wr32(r, IMSC, INT_RT | INT_RX);
    cr = rd32(r, CR); /* set_termios */
    wr32(r, CR, 0);
    wr32(r, LCR_H, FEN | 0x60);
    wr32(r, CR, cr);
}

/* Its interrupt handler: up to 256 characters a pass, passes while RIS says so. Returns bytes
 * taken. */
static size_t linux_isr(struct rig *r, uint8_t *to, size_t room)
{
    size_t n = 0;
    uint32_t im = rd32(r, IMSC), status = rd32(r, RIS) & im;
    for (unsigned pass = 256; status && pass; pass--) {
        wr32(r, ICR, status & ~(uint32_t)(INT_TX | INT_RT | INT_RX));
        for (unsigned i = 0; status & (INT_RX | INT_RT) && i < 256; i++) {
            if (rd32(r, FR) & FR_RXFE)
                break;
            uint32_t ch = rd32(r, DR);
            expect_true(n < room);
            if (n < room)
                to[n++] = (uint8_t)ch;
        }
        status = rd32(r, RIS) & im;
    }
    return n;
}

static void linux_gets_a_script_piped_at_launch_whole(void)
{
    struct rig r;
    static uint8_t got[sizeof big];
    size_t n = 0, most = 0;
    big_fill();
    uart_init(&r, big, sizeof big);
    fake_chr_feed(&r.chr, 5000);
    for (unsigned i = 0; i < 1000; i++) { /* earlycon, then the console in the middle of the open */
        rd32(&r, FR);
        wr32(&r, DR, '.');
        rd32(&r, FR);
    }
    pl011_guest_idle(r.dev);
    linux_open(&r);
    for (unsigned step = 0; n < sizeof big && step < 100000; step++) {
        fake_chr_feed(&r.chr,
                      step % 3 ? 1 + step * 37 % 900 : 0); /* the writer's pace is its own */
        size_t took = 0;
        if (r.irq.level)
            took = linux_isr(&r, got + n, sizeof big - n);
        else
            pl011_guest_idle(r.dev);
        most = MAX(most, took);
        n += took;
        if (step % 5 == 0) { /* echo */
            rd32(&r, FR);
            wr32(&r, DR, '.');
        }
    }
    expect_u64(n, sizeof big);
    expect_true(!memcmp(got, big, sizeof big));
    expect_true(most <= 64); /* no interrupt takes in more than a tty can hold */
    rig_fini(&r);
}

static int uboot_getc(struct rig *r)
{
    for (unsigned i = 0; i < 1000; i++)
        if (!(rd32(r, FR) & FR_RXFE))
            return (int)(rd32(r, DR) & 0xff);
    return -1;
}

static void uboot_putc(struct rig *r, uint8_t byte)
{
    for (unsigned i = 0; i < 10 && (rd32(r, FR) & FR_TXFF); i++)
        ;
    wr32(r, DR, byte);
}

static void uboot_reads_a_script_piped_at_launch_whole(void)
{
    struct rig r;
    size_t n = 0;
    int ch = 0;
    big_fill();
    uart_init(&r, big, sizeof big);
    fake_chr_feed(&r.chr, sizeof big);
    wr32(&r, CR, 0); /* its set-up */
    wr32(&r, LCR_H, FEN | 0x60);
    wr32(&r, CR, CR_ON | CR_RTS);
    for (unsigned i = 0; i < 500; i++) /* banner */
        uboot_putc(&r, '.');
    for (; n < sizeof big && ch >= 0; n++) {
        ch = uboot_getc(&r);
        expect_u32(ch, big[n]);
        uboot_putc(&r, (uint8_t)ch);
        if (n % 80 == 79) /* a command prints, and looks for ^C line by line */
            for (unsigned line = 0; line < 4; line++) {
                for (unsigned i = 0; i < 20; i++)
                    uboot_putc(&r, '#');
                expect_u32(rd32(&r, FR) & FR_RXFE, FR_RXFE);
            }
    }
    expect_u64(n, sizeof big);
    rig_fini(&r);
}

static void linux_after_uboot_loses_nothing(void)
{
    struct rig r;
    uint8_t got[64];
    uart_init(&r, "U-Boot's\nLinux's\n", 17);
    fake_chr_feed(&r.chr, 17);
    wr32(&r, LCR_H, FEN | 0x60);
    wr32(&r, CR, CR_ON);
    for (const char *p = "U-Boot's\n"; *p; p++)
        expect_u32(uboot_getc(&r), (uint8_t)*p);
    linux_open(&r);
    size_t n = linux_isr(&r, got, sizeof got);
    expect_u64(n, 8);
    expect_true(!memcmp(got, "Linux's\n", 8));
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(registers_have_reset_values_and_masks),
    TAP_TEST(id_registers_say_r1p5),
    TAP_TEST(odd_accesses_are_harmless),
    TAP_TEST(bytes_and_halfwords_reach_dr),
    TAP_TEST(tx_interrupt_comes_with_a_byte_and_goes_with_icr),
    TAP_TEST(transmission_needs_no_enable),
    TAP_TEST(rx_irq_is_masked_by_imsc),
    TAP_TEST(rx_follows_the_trigger_level),
    TAP_TEST(without_fifo_one_byte_is_full),
    TAP_TEST(fen_toggles_lose_nothing),
    TAP_TEST(a_full_fifo_holds_the_writer_back),
    TAP_TEST(a_reset_keeps_what_was_not_read),
    TAP_TEST(a_uart_without_host_end_works),
    TAP_TEST(loopback_receives_what_is_sent),
    TAP_TEST(loopback_turns_modem_outputs_to_inputs),
    TAP_TEST(end_of_input_drops_carrier_after_the_last_byte),
    TAP_TEST(a_busy_machine_gets_input_but_not_its_end),
    TAP_TEST(end_of_input_reaches_an_idle_machine),
    TAP_TEST(bytes_are_hidden_until_someone_can_take_them),
    TAP_TEST(waiting_to_send_is_not_looking_for_input),
    TAP_TEST(a_program_that_prints_between_looks_gets_input),
    TAP_TEST(a_look_for_control_c_while_printing_finds_nothing),
    TAP_TEST(polling_ends_where_a_driver_sets_up),
    TAP_TEST(the_next_fifo_full_waits_for_an_idle_machine),
    TAP_TEST(interrupt_handlers_reading_ris_and_fr_are_not_pollers),
    TAP_TEST(flow_control_stops_input_while_rts_is_off),
    TAP_TEST(linux_gets_a_script_piped_at_launch_whole),
    TAP_TEST(uboot_reads_a_script_piped_at_launch_whole),
    TAP_TEST(linux_after_uboot_loses_nothing),
};

TAP_MAIN(tests)
