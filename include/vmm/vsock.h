// SPDX-License-Identifier: MIT
/*
 * vsock.h - the host end of a vsock device: byte streams by number, none waited for.
 *
 * A slot is a stream's place, 0..VSOCK_SLOTS - 1; who has which, the device says. It finds a free
 * one for each peer that connects to the host end, and for each port of the host that the guest
 * connects to.
 *
 * Threads: all operations are called with the device's lock held. The host end calls the device on
 * the event loop's thread with no lock held, and may do so once more for a slot that was closed
 * meanwhile: a call means that something may be there.
 */
#ifndef VMM_VSOCK_H
#define VMM_VSOCK_H

#include <sys/uio.h>

#include "vmm/base.h"
#include "vmm/err.h"

#define VSOCK_SLOTS 256u

/* Context identifiers, virtio 1.2 §5.10.4: 0, 1 and 2^32 - 1 are reserved, 2 is the host's. */
#define VSOCK_CID_HOST 2u
#define VSOCK_CID_MIN  3u
#define VSOCK_CID_MAX  UINT32_C(0xfffffffe)

/* flags of VIRTIO_VSOCK_OP_SHUTDOWN, §5.10.6.5: who says it will not receive, or not send */
enum { VSOCK_SHUT_RECEIVE = 1, VSOCK_SHUT_SEND = 2, VSOCK_SHUT_BOTH = 3 };

struct vsock;

struct vsock_ops {
    int (*listen)(struct vsock *v, struct err *err); /* peers may connect from now on, */
    void (*unlisten)(struct vsock *v);               /* until here. Repeats are no-ops */
    /* Call v->arrived() once when a peer has connected. 0 or -errno. */
    int (*wait_peer)(struct vsock *v);
    /* Put a peer that has connected into a free slot. 0; -EAGAIN: there is none; or -errno. */
    int (*take_peer)(struct vsock *v, unsigned slot);
    /* Which port of the guest does it want? 1: *port; 0: it has not said yet, wait_in(); -errno:
     * what it says is no request. */
    int (*peer_port)(struct vsock *v, unsigned slot, uint32_t *port);
    /* Tell it that the guest accepts, and by which port of the host the guest knows it. 0 or
     * -errno. */
    int (*welcome)(struct vsock *v, unsigned slot, uint32_t port);
    /* Connect to whom listens at a port of the host, into a free slot. 0 or -errno. */
    int (*connect)(struct vsock *v, unsigned slot, uint32_t port);
    /* Bytes; 0: the other side sends no more; -EAGAIN: there are none now; -errno: it has failed.
     */
    int64_t (*read)(struct vsock *v, unsigned slot, const struct iovec *iov, unsigned n);
    /* Bytes; -EAGAIN: no room now; -errno: it takes no more. */
    int64_t (*write)(struct vsock *v, unsigned slot, const struct iovec *iov, unsigned n);
    /* VSOCK_SHUT_*: the guest will not receive or send any more. */
    void (*shut)(struct vsock *v, unsigned slot, unsigned how);
    /* Does the other side neither send nor take any more? */
    bool (*gone)(struct vsock *v, unsigned slot);
    /* Call v->ready() once when there is something to read; with `ended`, when it is gone. */
    int (*wait_in)(struct vsock *v, unsigned slot, bool ended);
    int (*wait_out)(struct vsock *v, unsigned slot); /* when there is room to write */
    void (*close)(struct vsock *v, unsigned slot);   /* the slot is free */
    /* Call v->due() once at that clock_mono_ns() time; another call moves it. 0 or -errno. */
    int (*alarm)(struct vsock *v, uint64_t deadline_ns);
    void (*free)(struct vsock *v); /* as unlisten(); every stream is closed */
};

struct vsock {
    const struct vsock_ops *ops;
    /* The device's: */
    void (*arrived)(void *arg);
    void (*ready)(void *arg, unsigned slot);
    void (*due)(void *arg);
    void *arg;
};

/*
 * Unix sockets, as Firecracker names them: a peer connects to `path`, writes "CONNECT PORT\n" with
 * a port of the guest, and reads "OK PORT\n" before the stream; port P of the host is the socket
 * `path`_P. `path` is copied. -errno with err naming it.
 */
struct loop;
int vsock_unix_new(struct vsock **v, struct loop *loop, const char *path, struct err *err);

#endif
