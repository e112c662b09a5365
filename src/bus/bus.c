// SPDX-License-Identifier: MIT
/*
 * bus.c - from a guest physical address to a device's offset.
 */
#include "vmm/bus.h"

#include <assert.h>

void bus_map(struct bus *bus, gpa_t base, uint64_t size, struct dev *dev, uint64_t dev_off)
{
    assert(bus->n < BUS_RANGES_MAX && size);
    unsigned i = bus->n++;
    for (; i && bus->ranges[i - 1].base > base; i--)
        bus->ranges[i] = bus->ranges[i - 1];
    bus->ranges[i] = (struct bus_range){base, size, dev, dev_off};
    assert(!i || base - bus->ranges[i - 1].base >= bus->ranges[i - 1].size);
    assert(i + 1 == bus->n || bus->ranges[i + 1].base - base >= size);
}

const struct bus_range *bus_find(const struct bus *bus, gpa_t gpa)
{
    unsigned lo = 0, hi = bus->n;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (gpa < bus->ranges[mid].base)
            hi = mid;
        else if (gpa - bus->ranges[mid].base >= bus->ranges[mid].size)
            lo = mid + 1;
        else
            return &bus->ranges[mid];
    }
    return NULL;
}

/* The size the device is asked with: `size`, 4 for a split 8, or 0 when it takes neither. */
static unsigned bus_unit(const struct bus_range *r, gpa_t gpa, unsigned size)
{
    if (gpa % size || size > r->size - (gpa - r->base))
        return 0;
    if (r->dev->ops->sizes & size)
        return size;
    return size == 8 && (r->dev->ops->sizes & 4) ? 4 : 0;
}

bool bus_read(struct bus *bus, gpa_t gpa, unsigned size, uint64_t *val)
{
    const struct bus_range *r = bus_find(bus, gpa);
    *val = 0;
    if (!r)
        return false;
    struct dev *dev = r->dev;
    uint64_t off = gpa - r->base + r->dev_off;
    unsigned unit = bus_unit(r, gpa, size);
    if (!unit) {
        bus->odd++;
        return true;
    }
    dev_lock(dev);
    for (unsigned at = 0; at < size; at += unit)
        *val |= (dev->ops->read(dev, off + at, unit) & bits_get(~UINT64_C(0), 0, unit * 8))
                << (at * 8);
    dev_unlock(dev);
    return true;
}

bool bus_write(struct bus *bus, gpa_t gpa, unsigned size, uint64_t val)
{
    const struct bus_range *r = bus_find(bus, gpa);
    if (!r)
        return false;
    struct dev *dev = r->dev;
    uint64_t off = gpa - r->base + r->dev_off;
    unsigned unit = bus_unit(r, gpa, size);
    if (!unit) {
        bus->odd++;
        return true;
    }
    dev_lock(dev);
    for (unsigned at = 0; at < size; at += unit)
        dev->ops->write(dev, off + at, unit, bits_get(val, at * 8, unit * 8));
    dev_unlock(dev);
    return true;
}
