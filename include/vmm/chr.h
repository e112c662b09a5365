// SPDX-License-Identifier: MIT
/*
 * chr.h - the host end of a byte device: where a console's bytes go to and come from.
 *
 * Output is written at once: a full pipe holds the writing vCPU back, so no byte is lost; or, by
 * write_some(), as far as the host takes it without waiting, so that the device can hold its queue
 * back instead. Input is pulled: nothing is read from the host before the device asks, and never
 * more than it asks for plus one small buffer, so a slow guest holds the writer back and no byte is
 * lost, none invented.
 */
#ifndef VMM_CHR_H
#define VMM_CHR_H

#include <sys/uio.h>

#include "vmm/base.h"

struct chr;

struct chr_ops {
    void (*write)(struct chr *chr, const void *buf, size_t len);
    /*
     * Bytes of iov[0..n) that the host took. 0: none now; `ready` will be called when that changes.
     * -errno: it takes no more, now and for ever. No mixing with write() on one chr.
     */
    int64_t (*write_some)(struct chr *chr, const struct iovec *iov, unsigned n);
    /* Take up to max bytes that are there. 0: none now; `ready` will be called when that changes.
     */
    size_t (*read)(struct chr *chr, void *buf, size_t max);
    bool (*eof)(const struct chr *chr); /* input has ended and every byte of it was read */
};

struct chr {
    const struct chr_ops *ops;
    /*
     * Called from the I/O thread after a read() of 0, once, when bytes or the end have come, and
     * after a write_some() of 0, once, when there is room. The device takes its own lock in there
     * and reads or writes. Set by the device before either.
     */
    void (*ready)(void *arg);
    void *arg;
};

static inline void chr_write(struct chr *chr, const void *buf, size_t len)
{
    if (chr)
        chr->ops->write(chr, buf, len);
}

static inline size_t chr_read(struct chr *chr, void *buf, size_t max)
{
    return chr ? chr->ops->read(chr, buf, max) : 0;
}

static inline bool chr_eof(const struct chr *chr)
{
    return !chr || chr->ops->eof(chr);
}

#endif
