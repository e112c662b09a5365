// SPDX-License-Identifier: MIT
/*
 * disk.h - what the files of a disk share: whole reads and writes of a descriptor.
 */
#ifndef HOST_DISK_H
#define HOST_DISK_H

#include "vmm/disk.h"

#define DISK_IOV_MAX 256u

/* All of iov[0..n) at off, as disk_ops.read. Bytes past the end of the file read as zero. */
int disk_fd_read(int fd, uint64_t off, const struct iovec *iov, unsigned n, bool nowait);
int disk_fd_write(int fd, uint64_t off, const struct iovec *iov, unsigned n);
/* Give the range back to the host, so that it reads as zero. -EOPNOTSUPP where that cannot be. */
int disk_fd_punch(int fd, uint64_t off, uint64_t len);

/* Write-lock, or read-lock the whole file (F_OFD_SETLK). */
int disk_fd_lock(int fd, bool write, const char *path, struct err *err);

/*
 * Copy on write over `base`, which it frees: disk_cow.c. `path` as disk_params.cow_path; `base_id`
 * tells one base from another.
 */
int disk_cow_new(struct disk **disk, struct disk *base, const char *path, uint64_t base_id,
                 struct err *err);

#endif
