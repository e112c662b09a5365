// SPDX-License-Identifier: MIT
/*
 * cmos.c - MC146818 real-time clock and its battery-backed RAM, at ports 0x70 and 0x71.
 *
 * Follows Motorola's MC146818 data sheet (ADI-1007), and for the century byte (0x32) and the NMI
 * bit of the index port the IBM PC AT's use of it. The time is the host's in UTC plus the offset
 * the guest makes by setting the clock. The alarm and the update-ended interrupt come at whole
 * seconds. Not modelled: the periodic interrupt and the square wave (the rate bits are kept), daylight
 * saving; the RAM starts as zeroes.
 *
 * Threads: every register access runs with the device lock held; cmos_alarm_due() takes it.
 */
#include "vmm/dev.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "vmm/clock.h"

enum {
    CMOS_SECONDS,
    CMOS_SECONDS_ALARM,
    CMOS_MINUTES,
    CMOS_MINUTES_ALARM,
    CMOS_HOURS,
    CMOS_HOURS_ALARM,
    CMOS_WEEKDAY,
    CMOS_DAY,
    CMOS_MONTH,
    CMOS_YEAR,
    CMOS_A,
    CMOS_B,
    CMOS_C,
    CMOS_D,
    CMOS_CENTURY = 0x32,
    CMOS_LEN = 128
};

enum { A_UIP = 0x80, A_DEFAULT = 0x26 }; /* 32.768 kHz, 1024 Hz: what firmware leaves */
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_DM = 4, B_24 = 2 };
enum { C_IRQF = 0x80, C_AF = 0x20, C_UF = 0x10 };
enum { D_VRT = 0x80 };
#define ALARM_ANY 0xc0 /* an alarm byte of 0xc0 to 0xff matches every value */
#define HOUR_PM   0x80

struct cmos {
    struct dev dev;
    struct irq_line irq;
    void (*arm)(void *ctx, uint64_t deadline_ns);
    void *arm_ctx;
    uint8_t index;
    uint8_t ram[CMOS_LEN]; /* the time's bytes are those of the last read, or what SET holds */
    int64_t offset;        /* guest seconds - host seconds */
    int64_t seen;          /* guest second up to which flags were raised */
};

static int64_t cmos_now(const struct cmos *c)
{
    return (int64_t)(clock_wall_ns() / NS_PER_SEC) + c->offset;
}

/* ---- numbers: binary or BCD, 24 or 12 hours (register B) ---- */

static uint8_t cmos_encode(const struct cmos *c, int v)
{
    return (uint8_t)(c->ram[CMOS_B] & B_DM ? v : v / 10 << 4 | v % 10);
}

static int cmos_decode(const struct cmos *c, uint8_t v)
{
    return c->ram[CMOS_B] & B_DM ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t cmos_encode_hour(const struct cmos *c, int hour)
{
    if (c->ram[CMOS_B] & B_24)
        return cmos_encode(c, hour);
    uint8_t v = cmos_encode(c, hour % 12 ? hour % 12 : 12);
    return (uint8_t)(v | (hour >= 12 ? HOUR_PM : 0));
}

static int cmos_decode_hour(const struct cmos *c, uint8_t v)
{
    if (c->ram[CMOS_B] & B_24)
        return cmos_decode(c, v);
    return cmos_decode(c, v & 0x7f) % 12 + (v & HOUR_PM ? 12 : 0);
}

static void cmos_show(struct cmos *c, int64_t now)
{
    struct tm tm;
    time_t t = (time_t)now;
    if (!gmtime_r(&t, &tm))
        return;
    c->ram[CMOS_SECONDS] = cmos_encode(c, tm.tm_sec);
    c->ram[CMOS_MINUTES] = cmos_encode(c, tm.tm_min);
    c->ram[CMOS_HOURS] = cmos_encode_hour(c, tm.tm_hour);
    c->ram[CMOS_WEEKDAY] = cmos_encode(c, tm.tm_wday + 1);
    c->ram[CMOS_DAY] = cmos_encode(c, tm.tm_mday);
    c->ram[CMOS_MONTH] = cmos_encode(c, tm.tm_mon + 1);
    c->ram[CMOS_YEAR] = cmos_encode(c, tm.tm_year % 100);
    c->ram[CMOS_CENTURY] = cmos_encode(c, (tm.tm_year + 1900) / 100);
}

/* The guest has set the clock: what the bytes say is the time from now on. */
static void cmos_take(struct cmos *c)
{
    struct tm tm = {
        .tm_sec = cmos_decode(c, c->ram[CMOS_SECONDS]),
        .tm_min = cmos_decode(c, c->ram[CMOS_MINUTES]),
        .tm_hour = cmos_decode_hour(c, c->ram[CMOS_HOURS]),
        .tm_mday = cmos_decode(c, c->ram[CMOS_DAY]),
        .tm_mon = cmos_decode(c, c->ram[CMOS_MONTH]) - 1,
        .tm_year = cmos_decode(c, c->ram[CMOS_CENTURY]) * 100 +
                   cmos_decode(c, c->ram[CMOS_YEAR]) - 1900,
    };
    c->offset += (int64_t)timegm(&tm) - cmos_now(c);
    c->seen = cmos_now(c);
}

/* ---- interrupts ---- */

static bool alarm_is(uint8_t alarm, uint8_t now)
{
    return alarm >= ALARM_ANY || alarm == now;
}

static void cmos_line(struct cmos *c)
{
    bool on = c->ram[CMOS_C] & c->ram[CMOS_B] & (C_AF | C_UF);
    c->ram[CMOS_C] = (uint8_t)((c->ram[CMOS_C] & ~C_IRQF) | (on ? C_IRQF : 0));
    irq_set(&c->irq, on);
}

/* Raise what the seconds since the last look have brought. Only the last day's are compared. */
static void cmos_update(struct cmos *c)
{
    if (c->ram[CMOS_B] & B_SET)
        return;
    int64_t now = cmos_now(c);
    for (int64_t t = MAX(c->seen + 1, now - 86399); t <= now; t++) {
        cmos_show(c, t);
        c->ram[CMOS_C] |= C_UF;
        if (alarm_is(c->ram[CMOS_SECONDS_ALARM], c->ram[CMOS_SECONDS]) &&
            alarm_is(c->ram[CMOS_MINUTES_ALARM], c->ram[CMOS_MINUTES]) &&
            alarm_is(c->ram[CMOS_HOURS_ALARM], c->ram[CMOS_HOURS]))
            c->ram[CMOS_C] |= C_AF;
    }
    c->seen = now; /* also when the host's clock was set back */
    cmos_line(c);
}

/* While an interrupt may come, look again at the next second. */
static void cmos_rearm(struct cmos *c)
{
    bool wanted = c->ram[CMOS_B] & (B_AIE | B_UIE) && !(c->ram[CMOS_B] & B_SET);
    if (c->arm && wanted)
        c->arm(c->arm_ctx, clock_mono_ns() + NS_PER_SEC - clock_wall_ns() % NS_PER_SEC);
}

/* ---- registers ---- */

static bool is_time(unsigned i)
{
    return i == CMOS_CENTURY ||
           (i <= CMOS_YEAR && !(i & 1 && i <= CMOS_HOURS_ALARM)); /* the odd ones are alarms */
}

static uint64_t cmos_read(struct dev *dev, uint64_t off, unsigned size)
{
    struct cmos *c = container_of(dev, struct cmos, dev);
    (void)size;
    if (off == 0)
        return 0xff; /* the index cannot be read back */
    cmos_update(c);
    if (is_time(c->index) && !(c->ram[CMOS_B] & B_SET))
        cmos_show(c, cmos_now(c));
    uint8_t val = c->ram[c->index];
    if (c->index == CMOS_C) { /* reading it clears it */
        c->ram[CMOS_C] = 0;
        cmos_line(c);
    }
    return val;
}

static void cmos_write(struct dev *dev, uint64_t off, unsigned size, uint64_t val64)
{
    struct cmos *c = container_of(dev, struct cmos, dev);
    uint8_t val = (uint8_t)val64;
    (void)size;
    if (off == 0) {
        c->index = val & (CMOS_LEN - 1); /* bit 7 masks NMI */
        return;
    }
    cmos_update(c);
    bool was_set = c->ram[CMOS_B] & B_SET;
    switch (c->index) {
    case CMOS_A:
        c->ram[CMOS_A] = val & (uint8_t)~A_UIP;
        break;
    case CMOS_B:
        if (val & B_SET && !was_set)
            cmos_show(c, cmos_now(c));
        if (val & B_SET) /* SET clears UIE */
            val &= (uint8_t)~B_UIE;
        c->ram[CMOS_B] = val;
        if (was_set && !(val & B_SET))
            cmos_take(c);
        cmos_line(c);
        break;
    case CMOS_C:
    case CMOS_D:
        break;
    default:
        if (is_time(c->index) && !was_set)
            cmos_show(c, cmos_now(c));
        c->ram[c->index] = val;
        if (is_time(c->index) && !was_set)
            cmos_take(c);
    }
    cmos_rearm(c);
}

void cmos_alarm_due(struct dev *dev)
{
    struct cmos *c = container_of(dev, struct cmos, dev);
    dev_lock(dev);
    cmos_update(c);
    cmos_rearm(c);
    dev_unlock(dev);
}

void cmos_set_alarm(struct dev *dev, void (*arm)(void *ctx, uint64_t deadline_ns), void *ctx)
{
    struct cmos *c = container_of(dev, struct cmos, dev);
    c->arm = arm;
    c->arm_ctx = ctx;
}

/* The battery keeps the time and the RAM; interrupts are off (data sheet, "RESET"). */
static void cmos_reset(struct dev *dev)
{
    struct cmos *c = container_of(dev, struct cmos, dev);
    c->index = 0;
    c->ram[CMOS_B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE);
    c->ram[CMOS_C] = 0;
    cmos_line(c);
}

static void cmos_free(struct dev *dev)
{
    pthread_mutex_destroy(&dev->lock);
    free(container_of(dev, struct cmos, dev));
}

static const struct dev_ops cmos_ops = {
    .kind = "cmos",
    .sizes = 1,
    .read = cmos_read,
    .write = cmos_write,
    .reset = cmos_reset,
    .free = cmos_free,
};

int cmos_new(struct dev **dev, const char *name, struct irq_line irq)
{
    struct cmos *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    dev_init(&c->dev, &cmos_ops, name);
    c->irq = irq;
    c->ram[CMOS_A] = A_DEFAULT;
    c->ram[CMOS_B] = B_24;
    c->ram[CMOS_D] = D_VRT;
    c->seen = cmos_now(c);
    cmos_reset(&c->dev);
    *dev = &c->dev;
    return 0;
}
