// SPDX-License-Identifier: MIT
/*
 * rig.h - what a device test stands on: one device at RIG_BASE on a bus, a host end made of two
 * buffers, and a recorder on its interrupt wire. The tests speak to the device through the bus
 * only.
 */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include <stdlib.h>

#include "tests/tap.h"
#include "vmm/bus.h"
#include "vmm/chr.h"
#include "vmm/dev.h"
#include "vmm/irq.h"

#define RIG_BASE UINT64_C(0x09000000)
#define RIG_OUT  4096

/* ---- host end of a byte device ---- */

struct fake_chr {
    struct chr chr;
    const uint8_t *in;
    size_t in_len; /* bytes that the writer has or will have written */
    size_t there;  /* of them, those written by now */
    size_t taken;
    bool closed;  /* the writer has closed its end */
    bool waiting; /* a read gave 0: ready is owed */
    uint8_t out[RIG_OUT];
    size_t out_len; /* counts on when the buffer is full */
};

static inline void fake_chr_write(struct chr *chr, const void *buf, size_t len)
{
    struct fake_chr *f = container_of(chr, struct fake_chr, chr);
    for (size_t i = 0; i < len; i++, f->out_len++)
        if (f->out_len < RIG_OUT)
            f->out[f->out_len] = ((const uint8_t *)buf)[i];
}

static inline size_t fake_chr_read(struct chr *chr, void *buf, size_t max)
{
    struct fake_chr *f = container_of(chr, struct fake_chr, chr);
    size_t n = MIN(max, f->there - f->taken);
    if (n)
        memcpy(buf, f->in + f->taken, n);
    f->taken += n;
    f->waiting = !n;
    return n;
}

static inline bool fake_chr_eof(const struct chr *chr)
{
    const struct fake_chr *f = container_of(chr, struct fake_chr, chr);
    return f->closed && f->taken == f->there;
}

static const struct chr_ops fake_chr_ops = {
    .write = fake_chr_write, .read = fake_chr_read, .eof = fake_chr_eof};

static inline void fake_chr_wake(struct fake_chr *f)
{
    if (f->waiting && f->chr.ready) {
        f->waiting = false;
        f->chr.ready(f->chr.arg);
    }
}

/* The writer writes n more bytes of `in`. */
static inline void fake_chr_feed(struct fake_chr *f, size_t n)
{
    f->there = MIN(f->in_len, f->there + n);
    fake_chr_wake(f);
}

static inline void fake_chr_close(struct fake_chr *f)
{
    f->closed = true;
    fake_chr_wake(f);
}

/* ---- interrupt wire ---- */

struct fake_irq {
    bool level;
    unsigned rises;
};

static inline void fake_irq_set(void *ctx, unsigned n, bool level)
{
    struct fake_irq *q = ctx;
    (void)n;
    q->rises += level && !q->level;
    q->level = level;
}

/* ---- the rig ---- */

struct rig {
    struct bus bus;
    struct dev *dev;
    struct fake_chr chr;
    struct fake_irq irq;
};

static inline struct irq_line rig_irq(struct rig *r)
{
    return (struct irq_line){fake_irq_set, &r->irq, 1};
}

/* Before the device is made: its host end, with `len` bytes to come. */
static inline void rig_init(struct rig *r, const void *in, size_t len)
{
    memset(r, 0, sizeof *r);
    r->chr.chr.ops = &fake_chr_ops;
    r->chr.in = in;
    r->chr.in_len = len;
}

static inline void rig_map(struct rig *r, uint64_t size)
{
    bus_map(&r->bus, RIG_BASE, size, r->dev, 0);
}

static inline void rig_fini(struct rig *r)
{
    r->dev->ops->free(r->dev);
}

static inline uint64_t rig_rd(struct rig *r, uint64_t off, unsigned size)
{
    uint64_t val = 0;
    expect_true(bus_read(&r->bus, RIG_BASE + off, size, &val));
    return val;
}

static inline void rig_wr(struct rig *r, uint64_t off, unsigned size, uint64_t val)
{
    expect_true(bus_write(&r->bus, RIG_BASE + off, size, val));
}

static inline uint32_t rd32(struct rig *r, uint64_t off)
{
    return (uint32_t)rig_rd(r, off, 4);
}

static inline void wr32(struct rig *r, uint64_t off, uint32_t val)
{
    rig_wr(r, off, 4, val);
}

/* ---- every register: reset value, writable bits, the others hold ---- */

struct rig_reg {
    uint32_t off, reset, writable;
    const char *name;
};

static inline void rig_check_regs(struct rig *r, const struct rig_reg *regs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t got = rd32(r, regs[i].off), fixed = regs[i].reset & ~regs[i].writable;
        bool bad = got != regs[i].reset;
        wr32(r, regs[i].off, UINT32_MAX);
        bad |= rd32(r, regs[i].off) != (fixed | regs[i].writable);
        wr32(r, regs[i].off, 0);
        bad |= rd32(r, regs[i].off) != fixed;
        if (bad)
            printf("# %s: reset reads %#x, then %#x\n", regs[i].name, got, rd32(r, regs[i].off));
        expect_true(!bad);
        wr32(r, regs[i].off, regs[i].reset);
    }
}

/* Every offset and size there is: nothing may crash, and nothing wider than asked for may come
 * back. */
static inline void rig_sweep(struct rig *r, uint64_t size, uint64_t val)
{
    for (uint64_t off = 0; off < size; off++)
        for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
            uint64_t got = rig_rd(r, off, bytes);
            expect_true(bytes == 8 || got >> (8 * bytes) == 0);
            rig_wr(r, off, bytes, val);
        }
}

static inline void rig_check_ids(struct rig *r, const uint8_t ids[8])
{
    for (unsigned i = 0; i < 8; i++) {
        expect_u32(rd32(r, 0xfe0 + 4 * i), ids[i]);
        wr32(r, 0xfe0 + 4 * i, 0xff); /* read-only */
        expect_u32(rd32(r, 0xfe0 + 4 * i), ids[i]);
    }
}

#endif
