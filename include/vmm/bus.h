// SPDX-License-Identifier: MIT
/*
 * bus.h - the address map of devices, and what a device is.
 *
 * Locks: bus_read() and bus_write() hold the device's lock while its read or write runs, so
 * everything in a device that a vCPU calls is single-threaded. A host end that calls into a device
 * (bytes arrived) takes dev_lock() itself. A device may drive its irq_line with its lock held; an
 * interrupt controller never calls a device. The map is fixed before the first vCPU runs.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <pthread.h>

#include "vmm/base.h"
#include "vmm/err.h"

struct dev;

struct dev_ops {
    const char *kind; /* "pl011": for the map, logs and reports */
    /*
     * Access sizes the device takes, a mask of 1|2|4|8. The bus turns an 8-byte access to a device
     * without 8 into two 4-byte ones (low half first); any other unlisted size reads 0, is not
     * written, and is counted as odd. The same goes for a misaligned access.
     */
    unsigned sizes;
    /* off < the window's size, a multiple of size. read returns the value in the low `size` bytes.
     */
    uint64_t (*read)(struct dev *dev, uint64_t off, unsigned size);
    void (*write)(struct dev *dev, uint64_t off, unsigned size, uint64_t val);
    void (*reset)(
        struct dev *dev); /* to the power-on state; also called once by the device's x_new() */
    void (*free)(struct dev *dev); /* releases what x_new() allocated, dev included */
};

/* Embedded first in every device's struct. */
struct dev {
    const struct dev_ops *ops;
    const char *name; /* the board row's: "uart0" */
    pthread_mutex_t lock;
};

static inline void dev_lock(struct dev *dev)
{
    pthread_mutex_lock(&dev->lock);
}

static inline void dev_unlock(struct dev *dev)
{
    pthread_mutex_unlock(&dev->lock);
}

static inline void dev_init(struct dev *dev, const struct dev_ops *ops, const char *name)
{
    dev->ops = ops;
    dev->name = name;
    pthread_mutex_init(&dev->lock, NULL);
}

#define BUS_RANGES_MAX 64

struct bus_range {
    gpa_t base;
    uint64_t size;
    struct dev *dev;
    uint64_t
        dev_off; /* offset inside the device of the window's first byte (a GIC has two windows) */
};

struct bus {
    struct bus_range ranges[BUS_RANGES_MAX]; /* ascending, disjoint */
    unsigned n;
    _Atomic uint64_t odd; /* accesses of a size or alignment their device does not take */
};

/* Adds a window; `dev` stays the caller's. The board checks prove there is room and no overlap:
 * asserted. */
void bus_map(struct bus *bus, gpa_t base, uint64_t size, struct dev *dev, uint64_t dev_off);

/* The window that holds gpa, or NULL. */
const struct bus_range *bus_find(const struct bus *bus, gpa_t gpa);

/*
 * One guest access of 1, 2, 4 or 8 bytes. False when no device is there (then *val is 0): the exit
 * loop counts it and shows it in the diagnosis. An access that starts in a window and ends past it
 * is odd.
 */
bool bus_read(struct bus *bus, gpa_t gpa, unsigned size, uint64_t *val);
bool bus_write(struct bus *bus, gpa_t gpa, unsigned size, uint64_t val);

/*
 * Register rows: the table says what a plain 32-bit register does, code says the rest.
 * `field` is the offset of a uint32_t inside the struct that regs_read/regs_write are given.
 */
enum reg_access { REG_RW, REG_RO, REG_WO };

struct reg_desc {
    uint16_t off;
    enum reg_access access;
    uint32_t reset;
    uint32_t writable; /* bits a write changes; the others keep their value */
    uint16_t field;
    const char *name;
};

/* Unknown offsets and REG_WO read 0; unknown offsets and REG_RO ignore writes. */
uint32_t regs_read(const struct reg_desc *rows, unsigned n, const void *state, uint64_t off);
void regs_write(const struct reg_desc *rows, unsigned n, void *state, uint64_t off, uint32_t val);
void regs_reset(const struct reg_desc *rows, unsigned n, void *state);

#endif
