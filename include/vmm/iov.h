// SPDX-License-Identifier: MIT
/*
 * iov.h - bytes that lie in several pieces of memory: struct iovec, as readv(2) takes them.
 *
 * Sums of lengths must not wrap; those of a descriptor chain do not (vmm/virtio.h).
 */
#ifndef VMM_IOV_H
#define VMM_IOV_H

#include <sys/uio.h>

#include "vmm/base.h"

/* All bytes of iov[0..n). */
uint64_t iov_len(const struct iovec *iov, unsigned n);

/* Copy bytes [off, off + len) out of or into iov[0..n); returns how many there were. */
uint64_t iov_get(const struct iovec *iov, unsigned n, uint64_t off, void *buf, uint64_t len);
uint64_t iov_put(const struct iovec *iov, unsigned n, uint64_t off, const void *buf, uint64_t len);

/*
 * The part [off, off + len) of iov[0..n) as segments of its own: at most n of them are stored in
 * out; returns their number. What lies beyond the end is left out.
 */
unsigned iov_slice(const struct iovec *iov, unsigned n, uint64_t off, uint64_t len,
                   struct iovec *out);

#endif
