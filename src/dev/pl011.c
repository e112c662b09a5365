// SPDX-License-Identifier: MIT
/*
 * pl011.c - Arm PrimeCell UART (PL011) as the guest sees it.
 *
 * Follows the PL011 TRM r1p5 (DDI 0183G) chapter 3: 32-deep FIFOs. Transmission is instantaneous,
 * so TXFF and BUSY never read 1, and bytes go out whatever UARTCR says, as guests made for
 * emulators expect. Not modelled: DMA (§3.3.14; the bits are kept), IrDA, baud rate and line
 * errors, sending a break, the test registers (chapter 4), the separate interrupt outputs (only the
 * combined UARTINTR).
 *
 * Received bytes: none lost, and no timer
 * ---------------------------------------
 * A real line loses what comes too early or too fast. Here the sender is a pipe that can wait, so
 * the receiver departs from the TRM where that would lose a byte:
 *
 * - A byte is *visible* (RXFE 0, RX/RT interrupts, DR) only while the guest can be told of it,
 *   or looks for it. Told: IMSC has RXIM or RTIM. Linux's driver discards up to 64 received
 *   bytes as it opens the port, before it unmasks these; they are still hidden then. Looks:
 *   PL011_POLLS reads of FR or RIS in a row that found nothing, with no byte sent in between.
 *   Waiting for room to send is at most two such reads per byte (Linux's earlycon: TXFF, then
 *   BUSY), and U-Boot's commands look for ^C now and then and throw away what they find: while
 *   they print, which is why sending a byte ends it, or work in silence, saveenv a dozen times. 32
 *   is clear of all that, and cheap enough for a reader that polls byte by byte. A program that
 *   never stops printing between two looks is recognised by PL011_SPLIT_POLLS of them (some
 *   seconds at most, and more than a command of U-Boot's makes); that holds until a control
 *   register is written, which every driver does as it takes over. Hidden bytes stay where they
 * are.
 * - FEN 0 makes the FIFO one byte deep for new bytes, but those there stay (TRM §3.3.7: they
 *   go).
 * - RX and RT interrupts are levels: they follow the FIFO, and ICR does not clear them while
 *   bytes are there. RT does not wait for 32 bit periods.
 * - UARTCR.UARTEN and RXE do not stop reception: guests that poll often leave them as reset has
 *   them.
 * - A reset keeps bytes that were received and not read: the line's far end was not reset.
 *
 * Pace: an interrupt-driven guest reads as fast as bytes come and drops what its own buffers
 * cannot hold (Linux's tty without flow control). So after one FIFO-full the next waits until
 * the machine has nothing left to do (pl011_guest_idle()) or, while it stays busy, some time
 * (pl011_input_tick()). With flow control in use (CTSEN) a guest says for itself when to stop,
 * by RTS or by masking RXIM and RTIM, but only after its interrupt handler has returned: then
 * it is PL011_FLOW_CREDIT bytes. A reader that polls takes a byte when it wants one, and is not
 * paced.
 *
 * Modem lines: CTS and DSR are asserted. DCD is asserted until input has ended, all of it was
 * read and the machine has become idle over it: the end of input on a serial line is loss of
 * carrier, and Linux throws away what a tty still holds when that comes.
 *
 * Threads: every register access runs with the device lock held; pl011_ready(),
 * pl011_guest_idle(), pl011_input_tick() and pl011_input_waits() take it.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

#include "src/dev/primecell.h"

#define PL011_DR      0x000
#define PL011_RSR_ECR 0x004
#define PL011_FR      0x018
#define PL011_LCR_H   0x02c
#define PL011_CR      0x030
#define PL011_IFLS    0x034
#define PL011_IMSC    0x038
#define PL011_RIS     0x03c
#define PL011_MIS     0x040
#define PL011_ICR     0x044

#define PL011_DR_OE 0x800

#define PL011_RSR_OE 0x8

#define PL011_FR_CTS  0x001
#define PL011_FR_DSR  0x002
#define PL011_FR_DCD  0x004
#define PL011_FR_RXFE 0x010
#define PL011_FR_RXFF 0x040
#define PL011_FR_TXFE 0x080
#define PL011_FR_RI   0x100

#define PL011_LCR_H_FEN 0x10

#define PL011_CR_LBE   0x0080
#define PL011_CR_DTR   0x0400
#define PL011_CR_RTS   0x0800
#define PL011_CR_OUT1  0x1000
#define PL011_CR_OUT2  0x2000
#define PL011_CR_RTSEN 0x4000
#define PL011_CR_CTSEN 0x8000

#define PL011_INT_RI  0x001
#define PL011_INT_CTS 0x002
#define PL011_INT_DCD 0x004
#define PL011_INT_DSR 0x008
#define PL011_INT_RX  0x010
#define PL011_INT_TX  0x020
#define PL011_INT_RT  0x040
#define PL011_INT_OE  0x400

#define PL011_DEPTH       32
#define PL011_POLLS       32
#define PL011_SPLIT_POLLS (1u << 18)
#define PL011_FLOW_CREDIT 4096

struct pl011_fifo {
    uint8_t data[PL011_DEPTH];
    uint32_t head, len;
};

struct pl011 {
    struct dev dev;
    struct chr *chr;
    struct irq_line irq;
    struct pl011_regs {
        uint32_t rsr, ilpr, ibrd, fbrd, lcr_h, cr, ifls, imsc, dmacr;
        uint32_t latched; /* raw interrupts that hold until ICR: all but RX and RT */
        uint32_t modem;   /* FR's modem bits as last seen */
        bool overrun;     /* §3.3.1: the next character carries OE */
    } regs;
    struct pl011_fifo rx;   /* from the host */
    struct pl011_fifo loop; /* what the guest sent itself (LBE) */
    unsigned polls;         /* FR/RIS reads in a row that found nothing */
    unsigned
        split_polls; /* looks for input that ended in sending a byte, since the last long poll */
    uint32_t credit; /* bytes that may be taken before the next pl011_guest_idle() */
    bool waiting;    /* the host had nothing: pl011_ready() will be called */
    bool carrier;    /* input has not ended, as far as the guest knows */
    bool settled;    /* the machine was idle after the last byte was read */
};

#define PL011_REG(f) offsetof(struct pl011_regs, f)

// clang-format off
/* columns: offset, access, reset, writable bits, field, name */
static const struct reg_desc pl011_regs[] = {
    {0x004, REG_RO, 0x000, 0x0000, PL011_REG(rsr),   "UARTRSR"},   /* TRM §3.3.2 */
    {0x020, REG_RW, 0x000, 0x00ff, PL011_REG(ilpr),  "UARTILPR"},  /* TRM §3.3.4 */
    {0x024, REG_RW, 0x000, 0xffff, PL011_REG(ibrd),  "UARTIBRD"},  /* TRM §3.3.5 */
    {0x028, REG_RW, 0x000, 0x003f, PL011_REG(fbrd),  "UARTFBRD"},  /* TRM §3.3.6 */
    {0x02c, REG_RW, 0x000, 0x00ff, PL011_REG(lcr_h), "UARTLCR_H"}, /* TRM §3.3.7 */
    {0x030, REG_RW, 0x300, 0xff87, PL011_REG(cr),    "UARTCR"},    /* TRM §3.3.8 */
    {0x034, REG_RW, 0x012, 0x003f, PL011_REG(ifls),  "UARTIFLS"},  /* TRM §3.3.9 */
    {0x038, REG_RW, 0x000, 0x07ff, PL011_REG(imsc),  "UARTIMSC"},  /* TRM §3.3.10 */
    {0x048, REG_RW, 0x000, 0x0007, PL011_REG(dmacr), "UARTDMACR"}, /* TRM §3.3.14 */
};
// clang-format on

/* TRM §3.3.15-16; PeriphID2 revision 3 is r1p5, whose FIFOs are 32 deep */
static const uint8_t pl011_ids[8] = {0x11, 0x10, 0x34, 0x00, PRIMECELL_PCELL_ID};

/* ---- receiver ---- */

static void pl011_push(struct pl011_fifo *f, uint8_t byte)
{
    f->data[(f->head + f->len++) % PL011_DEPTH] = byte;
}

static uint8_t pl011_pop(struct pl011_fifo *f)
{
    uint8_t byte = f->data[f->head];
    f->head = (f->head + 1) % PL011_DEPTH;
    f->len--;
    return byte;
}

static uint32_t pl011_depth(const struct pl011 *u)
{
    return u->regs.lcr_h & PL011_LCR_H_FEN ? PL011_DEPTH : 1;
}

static bool pl011_looping(const struct pl011 *u)
{
    return u->regs.cr & PL011_CR_LBE;
}

/* Can the guest be told of input? See the file head. */
static bool pl011_told(const struct pl011 *u)
{
    return u->regs.imsc & (PL011_INT_RX | PL011_INT_RT);
}

/* Or does it look for it by itself? */
static bool pl011_polled(const struct pl011 *u)
{
    return !pl011_told(u) && (u->polls >= PL011_POLLS || u->split_polls >= PL011_SPLIT_POLLS);
}

static bool pl011_visible(const struct pl011 *u)
{
    return pl011_told(u) || pl011_polled(u);
}

/* The FIFO the guest reads now, or NULL when there is nothing it may see. */
static struct pl011_fifo *pl011_rx(struct pl011 *u)
{
    struct pl011_fifo *f = pl011_looping(u) ? &u->loop : &u->rx;
    return f->len && (f == &u->loop || pl011_visible(u)) ? f : NULL;
}

/* CRTSCTS is on: RTS says whether the guest takes more. */
static bool pl011_flow_control(const struct pl011 *u)
{
    return u->regs.cr & PL011_CR_CTSEN;
}

static bool pl011_may_pull(const struct pl011 *u)
{
    if (!pl011_visible(u) || pl011_looping(u))
        return false;
    return !pl011_flow_control(u) || (u->regs.cr & (PL011_CR_RTS | PL011_CR_RTSEN));
}

/* Fill the FIFO as far as it, the pace and the host's input allow. */
static void pl011_pull(struct pl011 *u)
{
    while (!u->waiting && pl011_may_pull(u) && u->rx.len < pl011_depth(u)) {
        uint8_t buf[PL011_DEPTH];
        uint32_t room = pl011_depth(u) - u->rx.len;
        if (!pl011_polled(u))
            room = MIN(room, u->credit);
        if (!room) /* no credit: pl011_guest_idle() goes on */
            return;
        size_t n = chr_read(u->chr, buf, room);
        u->waiting = !n;
        if (n)
            u->settled = false;
        u->credit -= MIN((uint32_t)n, u->credit);
        for (size_t i = 0; i < n; i++)
            pl011_push(&u->rx, buf[i]);
    }
}

/* UARTIFLS (§3.3.9): bytes from which RX is asserted. */
static uint32_t pl011_trigger(const struct pl011 *u)
{
    static const uint8_t eighths[8] = {1, 2, 4, 6, 7, 7, 7, 7}; /* 5..7 are reserved */
    if (!(u->regs.lcr_h & PL011_LCR_H_FEN))
        return 1;
    return PL011_DEPTH / 8 * eighths[u->regs.ifls >> 3];
}

/* ---- what follows from the state ---- */

static uint32_t pl011_modem(const struct pl011 *u)
{
    uint32_t cr = u->regs.cr, fr = PL011_FR_CTS | PL011_FR_DSR;
    if (!pl011_looping(u))
        return fr | (u->carrier ? PL011_FR_DCD : 0);
    /* §3.3.8 LBE: modem outputs are fed to the inputs */
    return (cr & PL011_CR_RTS ? PL011_FR_CTS : 0) | (cr & PL011_CR_DTR ? PL011_FR_DSR : 0) |
           (cr & PL011_CR_OUT1 ? PL011_FR_DCD : 0) | (cr & PL011_CR_OUT2 ? PL011_FR_RI : 0);
}

/* UARTFR (§3.3.3). In FIFO terms RXFF is about the FIFO as deep as it is set. */
static uint32_t pl011_fr(struct pl011 *u)
{
    const struct pl011_fifo *f = pl011_rx(u);
    uint32_t rx = !f ? PL011_FR_RXFE : f->len >= pl011_depth(u) ? PL011_FR_RXFF : 0;
    return PL011_FR_TXFE | rx | u->regs.modem;
}

static uint32_t pl011_ris(struct pl011 *u)
{
    const struct pl011_fifo *f = pl011_rx(u);
    uint32_t rx = !f ? 0 : PL011_INT_RT | (f->len >= pl011_trigger(u) ? PL011_INT_RX : 0);
    return u->regs.latched | rx;
}

/* After any change: take in what there is room for, latch modem changes, drive the line. */
static void pl011_update(struct pl011 *u)
{
    // clang-format off
    static const struct { uint32_t fr, intr; } lines[] = {
        {PL011_FR_RI, PL011_INT_RI},   {PL011_FR_CTS, PL011_INT_CTS},
        {PL011_FR_DCD, PL011_INT_DCD}, {PL011_FR_DSR, PL011_INT_DSR},
    };
    // clang-format on
    pl011_pull(u);
    uint32_t modem = pl011_modem(u);
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
        if ((modem ^ u->regs.modem) & lines[i].fr)
            u->regs.latched |= lines[i].intr;
    u->regs.modem = modem;
    irq_set(&u->irq, pl011_ris(u) & u->regs.imsc);
}

/* Input is over and the guest has read all of it: hang up. */
static void pl011_check_carrier(struct pl011 *u)
{
    if (u->carrier && u->settled && pl011_visible(u) && !u->rx.len && chr_eof(u->chr)) {
        u->carrier = false;
        pl011_update(u);
    }
}

/* ---- registers ---- */

/* A read of FR or RIS is a look for input, unless it is part of sending. */
static void pl011_look(struct pl011 *u)
{
    if (pl011_rx(u))
        return;
    if (u->polls < PL011_POLLS && ++u->polls == PL011_POLLS)
        u->split_polls = 0;
    if (pl011_polled(u)) {
        pl011_update(u);
        u->settled = true; /* who polls has read what came before */
        pl011_check_carrier(u);
    }
}

/* A byte is sent: a poll that was going on is over. One look before it was for TXFF. */
static void pl011_look_ends(struct pl011 *u)
{
    if (u->polls > 1 && u->polls < PL011_POLLS && u->split_polls < PL011_SPLIT_POLLS)
        u->split_polls++;
    u->polls = 0;
}

/* §3.3.1: the byte, with OE when characters were lost before it (in loopback: nothing else can be
 * lost). */
static uint32_t pl011_read_dr(struct pl011 *u)
{
    struct pl011_fifo *f = pl011_rx(u);
    if (!f)
        return 0;
    uint32_t val = pl011_pop(f);
    if (u->regs.overrun && f == &u->loop)
        val |= PL011_DR_OE;
    pl011_update(u);
    return val;
}

static void pl011_send(struct pl011 *u, uint8_t byte)
{
    pl011_look_ends(u);
    if (!pl011_looping(u)) {
        chr_write(u->chr, &byte, 1);
    } else if (u->loop.len < pl011_depth(u)) {
        u->regs.overrun = false;
        pl011_push(&u->loop, byte);
    } else { /* §3.3.1-2: the FIFO keeps what it has, the new character is lost */
        u->regs.overrun = true;
        u->regs.rsr |= PL011_RSR_OE;
        u->regs.latched |= PL011_INT_OE;
    }
    /* §2.8: the FIFO went down through its trigger level as the byte left */
    u->regs.latched |= PL011_INT_TX;
}

static uint64_t pl011_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct pl011 *u = container_of(dev, struct pl011, dev);
    (void)size;
    if (off >= PRIMECELL_ID)
        return primecell_id(pl011_ids, off);
    switch (off) {
    case PL011_DR:
        return pl011_read_dr(u);
    case PL011_FR:
        pl011_look(u);
        return pl011_fr(u);
    case PL011_RIS: /* §3.3.11 */
        pl011_look(u);
        return pl011_ris(u);
    case PL011_MIS: /* §3.3.12 */
        return pl011_ris(u) & u->regs.imsc;
    default:
        return regs_read(pl011_regs, ARRAY_LEN(pl011_regs), &u->regs, off);
    }
}

static void pl011_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct pl011 *u = container_of(dev, struct pl011, dev);
    (void)size;
    switch (off) {
    case PL011_DR:
        pl011_send(u, (uint8_t)val);
        break;
    case PL011_RSR_ECR: /* §3.3.2: any write clears */
        u->regs.rsr = 0;
        break;
    case PL011_ICR: /* §3.3.13: write one to clear */
        u->regs.latched &= ~(uint32_t)val;
        break;
    default:
        regs_write(pl011_regs, ARRAY_LEN(pl011_regs), &u->regs, off, (uint32_t)val);
    }
    if (off == PL011_IMSC || off == PL011_ICR || off == PL011_CR || off == PL011_LCR_H)
        u->polls = u->split_polls = 0; /* a driver sets up: who polled before is gone */
    if (off == PL011_CR && !pl011_looping(u))
        u->loop.len = 0;
    pl011_update(u);
}

/* ---- the host's side ---- */

static void pl011_ready(void *arg)
{
    struct pl011 *u = arg;
    dev_lock(&u->dev);
    u->waiting = false;
    pl011_update(u);
    pl011_check_carrier(u);
    dev_unlock(&u->dev);
}

/* The guest may have as much again. */
static void pl011_grant(struct pl011 *u)
{
    u->credit = pl011_flow_control(u) ? PL011_FLOW_CREDIT : PL011_DEPTH;
}

void pl011_input_tick(struct dev *dev)
{
    struct pl011 *u = container_of(dev, struct pl011, dev);
    dev_lock(dev);
    pl011_grant(u);
    pl011_update(u);
    dev_unlock(dev);
}

void pl011_guest_idle(struct dev *dev)
{
    struct pl011 *u = container_of(dev, struct pl011, dev);
    dev_lock(dev);
    pl011_grant(u);
    u->settled = !u->rx.len; /* but not when more comes now */
    pl011_update(u);
    pl011_check_carrier(u);
    dev_unlock(dev);
}

bool pl011_input_waits(struct dev *dev)
{
    struct pl011 *u = container_of(dev, struct pl011, dev);
    dev_lock(dev);
    bool waits = pl011_may_pull(u) && (chr_eof(u->chr) ? u->carrier : !u->credit && !u->waiting);
    dev_unlock(dev);
    return waits;
}

static void pl011_reset(struct dev *dev)
{
    struct pl011 *u = container_of(dev, struct pl011, dev);
    memset(&u->regs, 0, sizeof u->regs);
    regs_reset(pl011_regs, ARRAY_LEN(pl011_regs), &u->regs);
    u->loop.len = 0;
    u->polls = u->split_polls = 0;
    u->credit = PL011_DEPTH;
    u->carrier = u->rx.len || !chr_eof(u->chr);
    u->regs.modem = pl011_modem(u); /* not a change */
    pl011_update(u);
}

static void pl011_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct pl011, dev));
}

static const struct dev_ops pl011_ops = {
    .kind = "pl011",
    .sizes = 1 | 2 | 4,
    .read = pl011_read,
    .write = pl011_write,
    .reset = pl011_reset,
    .free = pl011_free,
};

int pl011_new(struct dev **dev, const char *name, struct chr *chr, struct irq_line irq)
{
    struct pl011 *u = calloc(1, sizeof *u);
    if (!u)
        return -ENOMEM;
    dev_init(&u->dev, &pl011_ops, name);
    u->chr = chr;
    u->irq = irq;
    if (chr) {
        chr->ready = pl011_ready;
        chr->arg = u;
    }
    pl011_reset(&u->dev);
    *dev = &u->dev;
    return 0;
}
