// SPDX-License-Identifier: MIT
/*
 * p9.h - a folder of the host served by 9P2000.L: a request's bytes in, a reply's bytes out.
 *
 * Follows 9P2000.L as Linux speaks it (Documentation/filesystems/9p.rst, diod's protocol.md). The
 * client is hostile: what it can reach is what lies below the folder, on the folder's file system.
 *
 * Threads: one at a time in each `struct p9`.
 */
#ifndef VMM_P9_H
#define VMM_P9_H

#include "vmm/base.h"
#include "vmm/err.h"
#include "vmm/iov.h"

#define P9_MSIZE_MAX KIB(512) /* bytes of a message, as far as we go along with the client */
#define P9_MSIZE_MIN KIB(4)   /* below it names and link targets would not fit */
#define P9_FIDS_MAX  65536u   /* files a client may hold at a time; less where descriptors end */
#define P9_IOV_MAX   256u     /* pieces of a request, and of a reply */

struct p9;

/*
 * Serve the folder at `path`, which is opened now and held. `rw`: the client may change what is in
 * it. Raises the process's soft limit of descriptors, since each file the client holds is one.
 * 0, or -errno with err: no such folder, a host without openat2(2) (Linux 5.6) or without /proc.
 */
int p9_new(struct p9 **p, const char *path, bool rw, struct err *err);
void p9_free(struct p9 *p);

/* Forget the session: everything the client held is closed. */
void p9_reset(struct p9 *p);

/*
 * Answer one request. Its bytes are copied once, then checked, then used; data to be written go
 * from req[] to the file, and data read from the file to rep[], without a copy between.
 * Returns the bytes of the reply: 0 when req[] holds no message (size, type and tag), or rep[] has
 * not even room for an error (11 bytes); nothing is done then.
 */
uint32_t p9_serve(struct p9 *p, const struct iovec *req, unsigned n_req, const struct iovec *rep,
                  unsigned n_rep);

#endif
