// SPDX-License-Identifier: MIT
/*
 * fuzz_bus.c - every device at once under bus accesses, CPU-interface registers and host events
 * made of the input's bytes (libFuzzer).
 *
 * Beside what the sanitizers see, it checks what must hold whatever the guest does: input bytes
 * come out of the UART in order with none lost or invented, a CPU never has IRQ and FIQ up
 * together, and a CPU whose line is up gets an interrupt from the acknowledge register of that
 * line.
 */
#include "tests/fuzz/fuzz_feed.h"
#include "vmm/bus.h"
#include "vmm/chr.h"
#include "vmm/dev.h"
#include "vmm/hv.h"
#include "vmm/virtio.h"

#define CPUS        3
#define FLASH_SIZE  KIB(16)
#define FLASH_BLOCK KIB(1)

#define UART_DR     0x09000000
#define UART_CR     0x09000030
#define UART_CR_LBE 0x80

/* ---- the machine around the devices ---- */

struct machine {
    struct bus bus;
    struct dev *uart, *gic, *flash, *gpio, *rtc, *devs[9];
    unsigned n_devs;
    bool irq[CPUS], fiq[CPUS];
    struct chr chr;
    uint8_t given, got; /* input is 0, 1, 2, ...: the next byte to be taken, and to be read */
    unsigned there;
    bool closed, waiting;
    uint8_t *flash_mem;
};

static void line_set(void *ctx, unsigned cpu, bool fiq, bool level)
{
    struct machine *m = ctx;
    bool *line = fiq ? &m->fiq[cpu] : &m->irq[cpu];
    check(*line != level);
    *line = level;
    check(!(m->irq[cpu] && m->fiq[cpu]));
}

static void out_write(struct chr *chr, const void *buf, size_t len)
{
    (void)chr, (void)buf, (void)len;
}

static size_t in_read(struct chr *chr, void *buf, size_t max)
{
    struct machine *m = container_of(chr, struct machine, chr);
    size_t n = MIN(max, m->there);
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)buf)[i] = m->given++;
    m->there -= (unsigned)n;
    m->waiting = !n;
    return n;
}

static bool in_eof(const struct chr *chr)
{
    const struct machine *m = container_of(chr, struct machine, chr);
    return m->closed && !m->there;
}

static const struct chr_ops chr_ops = {.write = out_write, .read = in_read, .eof = in_eof};

static void in_wake(struct machine *m)
{
    if (m->waiting && m->chr.ready) {
        m->waiting = false;
        m->chr.ready(m->chr.arg);
    }
}

static void on_request(void *ctx, enum sysctl_request request, uint8_t status)
{
    (void)ctx, (void)request, (void)status;
}

static void on_array(void *ctx, bool on)
{
    (void)ctx, (void)on;
}

static void on_dirty(void *ctx, uint64_t off, uint64_t len)
{
    (void)ctx;
    check(off <= FLASH_SIZE && len <= FLASH_SIZE - off);
}

static void machine_add(struct machine *m, struct dev *dev, gpa_t base, uint64_t size)
{
    m->devs[m->n_devs++] = dev;
    bus_map(&m->bus, base, size, dev, 0);
}

/* Windows as on the `virt` board; the bases are what find_window() draws from. */
static void machine_init(struct machine *m)
{
    struct dev *con, *sys, *slot;
    memset(m, 0, sizeof *m);
    m->chr.ops = &chr_ops;
    m->flash_mem = malloc(FLASH_SIZE);
    check(m->flash_mem);
    memset(m->flash_mem, 0xff, FLASH_SIZE);
    check(!gic_new(&m->gic, "gic", CPUS, 256, line_set, m));
    check(!cfi_flash_new(&m->flash, "flash", m->flash_mem, FLASH_SIZE, FLASH_BLOCK, on_array,
                         on_dirty, m));
    check(!pl011_new(&m->uart, "uart", &m->chr, (struct irq_line){gic_set_spi, m->gic, 1}));
    check(!pl031_new(&m->rtc, "rtc", (struct irq_line){gic_set_spi, m->gic, 2}));
    check(!pl061_new(&m->gpio, "gpio", (struct irq_line){gic_set_spi, m->gic, 7}));
    check(!debugcon_new(&con, "con", NULL, (struct irq_line){0}));
    check(!sysctl_new(&sys, "sys", on_request, m));
    check(!virtio_slot_new(&slot, "slot"));
    machine_add(m, m->flash, 0, FLASH_SIZE);
    machine_add(m, m->gic, 0x08000000, 0x10000);
    bus_map(&m->bus, 0x080a0000, CPUS * GIC_REDIST_SIZE, m->gic, GIC_REDIST_OFF);
    machine_add(m, m->uart, 0x09000000, 0x1000);
    machine_add(m, m->rtc, 0x09010000, 0x1000);
    machine_add(m, m->gpio, 0x09030000, 0x1000);
    machine_add(m, sys, 0x09040000, 0x1000);
    machine_add(m, slot, 0x0a000000, 0x200);
    machine_add(m, con, 0x90000000, 0x1000);
}

static void machine_fini(struct machine *m)
{
    for (unsigned i = 0; i < m->n_devs; i++)
        m->devs[i]->ops->free(m->devs[i]);
    free(m->flash_mem);
}

/* ---- what the guest and the host do ---- */

/* An address in a window, often near its start, sometimes just past its end. */
static gpa_t take_gpa(struct machine *m, struct feed *f)
{
    const struct bus_range *w = &m->bus.ranges[take(f, 1) % m->bus.n];
    uint64_t off = take(f, 2);
    if (w->size > 0x10000)
        off = (off & 0xffff) | (take(f, 1) & 7) << 16;
    return w->base + off % (w->size + 8);
}

/* A byte came out of DR: it is the next one of the input. */
static void check_uart_read(struct machine *m, uint64_t val)
{
    check((val & 0xff) == m->got);
    m->got++;
}

static void do_read(struct machine *m, gpa_t gpa, unsigned size)
{
    uint64_t cr, fr, val;
    bool dr = gpa == UART_DR;
    bool known = dr && size <= 4 && bus_read(&m->bus, UART_CR, 4, &cr) && !(cr & UART_CR_LBE) &&
                 bus_read(&m->bus, UART_DR + 0x18, 4, &fr) && !(fr & 0x10);
    if (dr && !known)
        return; /* loopback bytes and empty reads say nothing of the input */
    bus_read(&m->bus, gpa, size, &val);
    check(size == 8 || val >> (8 * size) == 0);
    if (known)
        check_uart_read(m, val);
}

/* The CPU-interface encodings, and some near them. */
static uint32_t take_icc(struct feed *f)
{
    uint64_t v = take(f, 1);
    unsigned op2 = v & 7;
    switch (v >> 3 & 7) {
    case 0:
        return HV_SYSREG(3, 0, 4, 6, op2 & 1);
    case 1:
        return HV_SYSREG(3, 0, 12, 8, op2);
    case 2:
        return HV_SYSREG(3, 0, 12, 9, op2);
    case 3:
    case 4:
        return HV_SYSREG(3, 0, 12, 11, op2);
    default:
        return HV_SYSREG(3, 0, 12, 12, op2);
    }
}

/* Acknowledge by the line that is up: there must be something. */
static void do_take_interrupt(struct machine *m, unsigned cpu, bool eoi)
{
    bool irq = m->irq[cpu], fiq = m->fiq[cpu];
    uint32_t iar = HV_SYSREG(3, 0, 12, irq ? 12u : 8u, 0),
             eoir = HV_SYSREG(3, 0, 12, irq ? 12u : 8u, 1);
    uint64_t intid;
    check(gic_icc_read(m->gic, cpu, iar, &intid));
    check((intid != 1023) == (irq || fiq));
    if (eoi)
        gic_icc_write(m->gic, cpu, eoir, intid);
}

static void do_host_event(struct machine *m, struct feed *f)
{
    unsigned v = (unsigned)take(f, 1);
    switch (v & 7) {
    case 0:
    case 1:
        if (!m->closed)
            m->there += v >> 3;
        in_wake(m);
        break;
    case 2:
        pl011_guest_idle(m->uart);
        break;
    case 3:
        pl061_set_input(m->gpio, v >> 4, v & 8);
        break;
    case 4:
        gic_set_ppi(m->gic, v % CPUS, 16 + (v >> 4), v & 8);
        break;
    case 5:
        gic_set_spi(m->gic, (unsigned)take(f, 1), v & 8);
        break;
    case 6:
        pl031_alarm_due(m->rtc);
        if (pl011_input_waits(m->uart))
            pl011_input_tick(m->uart);
        break;
    default:
        if (v == 0xff)
            m->closed = true;
        else if (v > 0xf0)
            m->devs[(v & 15) % m->n_devs]->ops->reset(m->devs[(v & 15) % m->n_devs]);
        in_wake(m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct feed f = {data, data + len};
    struct machine m;
    machine_init(&m);
    while (f.p < f.end) {
        unsigned op = (unsigned)take(&f, 1), size = 1u << (op >> 3 & 3), cpu = (op >> 5) % CPUS;
        uint64_t val;
        switch (op & 7) {
        case 0:
        case 1:
            do_read(&m, take_gpa(&m, &f), size);
            break;
        case 2:
        case 3: {
            gpa_t gpa = take_gpa(&m, &f);
            bus_write(&m.bus, gpa, size, take(&f, size));
            break;
        }
        case 4:
            gic_icc_read(m.gic, cpu, take_icc(&f), &val);
            break;
        case 5: {
            uint32_t reg = take_icc(&f);
            gic_icc_write(m.gic, cpu, reg, take(&f, size));
            break;
        }
        case 6:
            do_take_interrupt(&m, cpu, op & 8);
            break;
        default:
            do_host_event(&m, &f);
        }
    }
    machine_fini(&m);
    return 0;
}
