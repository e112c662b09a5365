// SPDX-License-Identifier: MIT
/*
 * uart16550.c - PC16550D UART, as PCs have it at their COM ports.
 *
 * Follows National Semiconductor's PC16550D data sheet (June 1995) chapter 8. Transmission is
 * instantaneous, so THRE and TEMT always read 1. Not modelled: the baud rate (the divisor is kept),
 * line errors, sending a break, DMA mode. As with most PC emulators, MCR's OUT2 does not gate the
 * interrupt.
 *
 * Received bytes: none lost. As in pl011.c, whose file head has the reasons:
 *
 * - A byte is visible, and taken from the host, only while the guest can be told of it (IER's
 *   ERBFI) or looks for it (UART_POLLS reads of LSR in a row that found nothing, with no byte sent
 *   in between). Nor does clearing the receiver FIFO (FCR) lose what came from the host: Linux's
 *   driver does so just after it has enabled the interrupt.
 * - Once the guest has raised RTS, it stops the sender by lowering it.
 * - An interrupt-driven guest gets one FIFO-full, then more when the machine has nothing left to do
 *   (uart16550_guest_idle()) or after some time (uart16550_input_tick()); UART_FLOW_CREDIT bytes
 *   when it watches the modem lines, as Linux does with hardware flow control.
 * - A character time-out is immediate. A reset keeps bytes that were received and not read.
 *
 * Modem lines: CTS and DSR are asserted, DCD until input has ended and was read.
 *
 * Threads: every register access runs with the device lock held; uart16550_ready() and the three
 * input functions take it.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>

/* Registers, §8 table II. 0 and 1 are the divisor while LCR's DLAB is set. */
enum { UART_RBR_THR, UART_IER, UART_IIR_FCR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCR };

enum { IER_ERBFI = 1, IER_ETBEI = 2, IER_ELSI = 4, IER_EDSSI = 8 };
enum { IIR_NONE = 1, IIR_MSI = 0, IIR_THRE = 2, IIR_RDA = 4, IIR_RLS = 6, IIR_CTI = 12 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_TRIGGER = 0xc0 };
enum { LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16 };
enum { LSR_DR = 1, LSR_OE = 2, LSR_THRE = 0x20, LSR_TEMT = 0x40 };
enum { MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80, MSR_DELTAS = 0x0f };

#define UART_DEPTH       16
#define UART_POLLS       32
#define UART_FLOW_CREDIT 4096

struct uart_fifo {
    uint8_t data[UART_DEPTH];
    uint32_t head, len;
};

struct uart16550 {
    struct dev dev;
    struct chr *chr;
    struct irq_line irq;
    struct uart16550_regs {
        uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
        uint8_t lsr; /* OE */
        uint8_t msr; /* lines as last seen, and the deltas */
        bool thre;   /* the transmitter's interrupt is due (§8.5) */
    } regs;
    struct uart_fifo rx, loop;
    unsigned polls;  /* LSR reads in a row that found nothing */
    uint32_t credit; /* bytes that may be taken before the machine idles */
    bool rts_seen;   /* the guest has raised RTS once */
    bool waiting;    /* the host had nothing: uart16550_ready() will be called */
    bool carrier;    /* input has not ended, as far as the guest knows */
    bool settled;    /* the machine was idle after the last byte was read */
};

/* ---- receiver ---- */

static void fifo_push(struct uart_fifo *f, uint8_t byte)
{
    f->data[(f->head + f->len++) % UART_DEPTH] = byte;
}

static uint8_t fifo_pop(struct uart_fifo *f)
{
    uint8_t byte = f->data[f->head];
    f->head = (f->head + 1) % UART_DEPTH;
    f->len--;
    return byte;
}

static uint32_t uart_depth(const struct uart16550 *u)
{
    return u->regs.fcr & FCR_ENABLE ? UART_DEPTH : 1;
}

static bool uart_looping(const struct uart16550 *u)
{
    return u->regs.mcr & MCR_LOOP;
}

static bool uart_visible(const struct uart16550 *u)
{
    return u->regs.ier & IER_ERBFI || u->polls >= UART_POLLS;
}

/* The FIFO the guest reads now, or NULL when there is nothing it may see. */
static struct uart_fifo *uart_rx(struct uart16550 *u)
{
    struct uart_fifo *f = uart_looping(u) ? &u->loop : &u->rx;
    return f->len && (f == &u->loop || uart_visible(u)) ? f : NULL;
}

static bool uart_may_pull(const struct uart16550 *u)
{
    return uart_visible(u) && !uart_looping(u) && (u->regs.mcr & MCR_RTS || !u->rts_seen);
}

static void uart_pull(struct uart16550 *u)
{
    while (!u->waiting && uart_may_pull(u) && u->rx.len < uart_depth(u)) {
        uint8_t buf[UART_DEPTH];
        uint32_t room = uart_depth(u) - u->rx.len;
        if (u->regs.ier & IER_ERBFI) /* who polls takes a byte when it wants one */
            room = MIN(room, u->credit);
        if (!room)
            return;
        size_t n = chr_read(u->chr, buf, room);
        u->waiting = !n;
        if (n)
            u->settled = false;
        u->credit -= MIN((uint32_t)n, u->credit);
        for (size_t i = 0; i < n; i++)
            fifo_push(&u->rx, buf[i]);
    }
}

/* ---- what follows from the state ---- */

static uint8_t uart_lines(const struct uart16550 *u)
{
    uint8_t mcr = u->regs.mcr;
    if (!uart_looping(u))
        return (uint8_t)(MSR_CTS | MSR_DSR | (u->carrier ? MSR_DCD : 0));
    /* §8.6.4: the modem outputs are connected to the inputs */
    return (uint8_t)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
                     (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0));
}

/* The interrupt of the highest priority, table IV. */
static uint8_t uart_iir(struct uart16550 *u)
{
    static const uint8_t triggers[4] = {1, 4, 8, 14};
    const struct uart_fifo *f = uart_rx(u);
    uint8_t ier = u->regs.ier;
    if (ier & IER_ELSI && u->regs.lsr & LSR_OE)
        return IIR_RLS;
    if (ier & IER_ERBFI && f) {
        bool full = !(u->regs.fcr & FCR_ENABLE) || f->len >= triggers[u->regs.fcr >> 6];
        return full ? IIR_RDA : IIR_CTI;
    }
    if (ier & IER_ETBEI && u->regs.thre)
        return IIR_THRE;
    if (ier & IER_EDSSI && u->regs.msr & MSR_DELTAS)
        return IIR_MSI;
    return IIR_NONE;
}

/* After any change: take in what there is room for, note modem changes, drive the line. */
static void uart_update(struct uart16550 *u)
{
    uart_pull(u);
    uint8_t lines = uart_lines(u), changed = (uint8_t)((lines ^ u->regs.msr) >> 4);
    if (lines & MSR_RI) /* TERI: the trailing edge only */
        changed &= (uint8_t)~4u;
    u->regs.msr = (uint8_t)(lines | (u->regs.msr & MSR_DELTAS) | changed);
    irq_set(&u->irq, uart_iir(u) != IIR_NONE);
}

/* Input is over and the guest has read all of it: hang up. */
static void uart_check_carrier(struct uart16550 *u)
{
    if (u->carrier && u->settled && uart_visible(u) && !u->rx.len && chr_eof(u->chr)) {
        u->carrier = false;
        uart_update(u);
    }
}

/* ---- registers ---- */

static uint8_t uart_read_rbr(struct uart16550 *u)
{
    struct uart_fifo *f = uart_rx(u);
    return f ? fifo_pop(f) : 0;
}

/* A read of LSR is a look for input, unless it is part of sending. */
static uint8_t uart_read_lsr(struct uart16550 *u)
{
    if (!uart_rx(u) && u->polls < UART_POLLS)
        u->polls++;
    if (!uart_rx(u) && u->polls == UART_POLLS && !(u->regs.ier & IER_ERBFI)) {
        uart_pull(u);
        u->settled = true; /* who polls has read what came before */
        uart_check_carrier(u);
    }
    uint8_t lsr = (uint8_t)(u->regs.lsr | LSR_THRE | LSR_TEMT | (uart_rx(u) ? LSR_DR : 0));
    u->regs.lsr = 0; /* §8.4: the errors are cleared */
    return lsr;
}

static void uart_send(struct uart16550 *u, uint8_t byte)
{
    if (u->polls < UART_POLLS)
        u->polls = 0;
    if (!uart_looping(u))
        chr_write(u->chr, &byte, 1);
    else if (u->loop.len < uart_depth(u))
        fifo_push(&u->loop, byte);
    else
        u->regs.lsr |= LSR_OE;
    u->regs.thre = true;
}

static void uart_write_fcr(struct uart16550 *u, uint8_t val)
{
    /* §8.3: a change of the enable bit clears the FIFOs. What the host sent is not in them yet. */
    if ((val ^ u->regs.fcr) & FCR_ENABLE || val & FCR_CLEAR_RX)
        u->loop.len = 0;
    u->regs.fcr = val & FCR_ENABLE ? val & (FCR_ENABLE | FCR_TRIGGER) : 0;
}

static void uart_write_ier(struct uart16550 *u, uint8_t val)
{
    val &= IER_ERBFI | IER_ETBEI | IER_ELSI | IER_EDSSI;
    if (val & ~u->regs.ier & IER_ETBEI) /* enabled while THR is empty: due at once */
        u->regs.thre = true;
    if (val != u->regs.ier)
        u->polls = 0; /* a driver sets up: who polled before is gone */
    u->regs.ier = val;
}

static void uart_write_mcr(struct uart16550 *u, uint8_t val)
{
    u->regs.mcr = val & 0x1f;
    u->rts_seen |= !uart_looping(u) && val & MCR_RTS;
    if (!uart_looping(u))
        u->loop.len = 0;
}

static uint64_t uart16550_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct uart16550 *u = container_of(dev, struct uart16550, dev);
    bool dlab = u->regs.lcr & LCR_DLAB;
    uint8_t val = 0;
    (void)size;
    switch (off) {
    case UART_RBR_THR:
        val = dlab ? u->regs.dll : uart_read_rbr(u);
        break;
    case UART_IER:
        val = dlab ? u->regs.dlm : u->regs.ier;
        break;
    case UART_IIR_FCR:
        val = uart_iir(u);
        if (val == IIR_THRE) /* §8.5: reading it is the answer */
            u->regs.thre = false;
        val |= u->regs.fcr & FCR_ENABLE ? 0xc0 : 0;
        break;
    case UART_LCR:
        val = u->regs.lcr;
        break;
    case UART_MCR:
        val = u->regs.mcr;
        break;
    case UART_LSR:
        val = uart_read_lsr(u);
        break;
    case UART_MSR:
        val = u->regs.msr;
        u->regs.msr &= (uint8_t)~MSR_DELTAS; /* §8.8 */
        break;
    case UART_SCR:
        val = u->regs.scr;
        break;
    }
    uart_update(u);
    return val;
}

static void uart16550_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val64)
{
    struct uart16550 *u = container_of(dev, struct uart16550, dev);
    bool dlab = u->regs.lcr & LCR_DLAB;
    uint8_t val = (uint8_t)val64;
    (void)size;
    switch (off) {
    case UART_RBR_THR:
        if (dlab)
            u->regs.dll = val;
        else
            uart_send(u, val);
        break;
    case UART_IER:
        if (dlab)
            u->regs.dlm = val;
        else
            uart_write_ier(u, val);
        break;
    case UART_IIR_FCR:
        uart_write_fcr(u, val);
        break;
    case UART_LCR:
        u->regs.lcr = val;
        break;
    case UART_MCR:
        uart_write_mcr(u, val);
        break;
    case UART_SCR:
        u->regs.scr = val;
        break;
    default: /* LSR and MSR: factory testing (§8.4), ignored */
        break;
    }
    uart_update(u);
}

/* ---- the host's side ---- */

static void uart16550_ready(void *arg)
{
    struct uart16550 *u = arg;
    dev_lock(&u->dev);
    u->waiting = false;
    uart_update(u);
    uart_check_carrier(u);
    dev_unlock(&u->dev);
}

static void uart_grant(struct uart16550 *u)
{
    u->credit = u->rts_seen && u->regs.ier & IER_EDSSI ? UART_FLOW_CREDIT : UART_DEPTH;
}

void uart16550_input_tick(struct dev *dev)
{
    struct uart16550 *u = container_of(dev, struct uart16550, dev);
    dev_lock(dev);
    uart_grant(u);
    uart_update(u);
    dev_unlock(dev);
}

void uart16550_guest_idle(struct dev *dev)
{
    struct uart16550 *u = container_of(dev, struct uart16550, dev);
    dev_lock(dev);
    uart_grant(u);
    u->settled = !u->rx.len;
    uart_update(u);
    uart_check_carrier(u);
    dev_unlock(dev);
}

bool uart16550_input_waits(struct dev *dev)
{
    struct uart16550 *u = container_of(dev, struct uart16550, dev);
    dev_lock(dev);
    bool waits = uart_may_pull(u) && (chr_eof(u->chr) ? u->carrier : !u->credit && !u->waiting);
    dev_unlock(dev);
    return waits;
}

/* §8 table III. */
static void uart16550_reset(struct dev *dev)
{
    struct uart16550 *u = container_of(dev, struct uart16550, dev);
    u->regs = (struct uart16550_regs){.dll = 1};
    u->loop.len = 0;
    u->polls = 0;
    u->credit = UART_DEPTH;
    u->rts_seen = false;
    u->carrier = u->rx.len || !chr_eof(u->chr);
    u->regs.msr = uart_lines(u); /* not a change */
    uart_update(u);
}

static void uart16550_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct uart16550, dev));
}

static const struct dev_ops uart16550_ops = {
    .kind = "16550",
    .sizes = 1,
    .read = uart16550_read,
    .write = uart16550_write,
    .reset = uart16550_reset,
    .free = uart16550_free,
};

int uart16550_new(struct dev **dev, const char *name, struct chr *chr, struct irq_line irq)
{
    struct uart16550 *u = calloc(1, sizeof *u);
    if (!u)
        return -ENOMEM;
    dev_init(&u->dev, &uart16550_ops, name);
    u->chr = chr;
    u->irq = irq;
    if (chr) {
        chr->ready = uart16550_ready;
        chr->arg = u;
    }
    uart16550_reset(&u->dev);
    *dev = &u->dev;
    return 0;
}
