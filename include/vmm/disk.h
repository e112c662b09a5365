// SPDX-License-Identifier: MIT
/*
 * disk.h - the host end of a block device: bytes at offsets, in a file.
 *
 * Operations are of a whole range inside `size`; the caller has checked that. They come from
 * several threads at once; what two of them that overlap leave behind is either's. Each returns 0
 * or -errno.
 */
#ifndef VMM_DISK_H
#define VMM_DISK_H

#include <sys/uio.h>

#include "vmm/base.h"
#include "vmm/err.h"

#define DISK_SECTOR 512u

struct disk;

struct disk_ops {
    /*
     * All bytes of iov[0..n) (at most 256 of them), from `off` on. With `nowait`, -EAGAIN and
     * possibly a part done when the bytes are not in memory: call again without it.
     */
    int (*read)(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n, bool nowait);
    int (*write)(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n);
    /* What was written before is on stable storage then. NULL: nothing here outlives the process.
     */
    int (*flush)(struct disk *d);
    /* The bytes are not needed: they read as zero or as before afterwards. */
    int (*discard)(struct disk *d, uint64_t off, uint64_t len);
    int (*zero)(struct disk *d, uint64_t off, uint64_t len);
    void (*free)(struct disk *d); /* keeps what was written; frees `d` */
    /* The process may exit from now on without a free(): what was written is kept. NULL: it is
     * without this. */
    void (*end)(struct disk *d);
};

struct disk {
    const struct disk_ops *ops;
    uint64_t size; /* bytes, a multiple of DISK_SECTOR, not 0 */
    bool ro;       /* write, discard and zero are not called */
};

struct disk_params {
    const char *path;
    bool ro;
    bool raw;             /* take it as it is, even when it looks like another format */
    bool cow;             /* the file is only read; changes go elsewhere: */
    const char *cow_path; /* to this file, made when it is missing; NULL: away at the end */
};

/*
 * Open a raw image or a block device. A file that is written is locked against other readers and
 * writers of ours, one that is read against writers; both on this host only. -errno with err naming
 * the file and the rule.
 */
int disk_open(struct disk **disk, const struct disk_params *p, struct err *err);

#endif
