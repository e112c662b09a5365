// SPDX-License-Identifier: MIT
/*
 * virtio.h - virtio devices: the MMIO transport, the queue walker, and how each device is made.
 *
 * Follows virtio 1.2 (OASIS CS01): §2 (status, features, split virtqueues), §4.2 (MMIO, version 2).
 * Offered by every device: VERSION_1, INDIRECT_DESC, EVENT_IDX. Not there: packed queues, legacy
 * interface, queue reset, in-order use, notification data, shared memory regions.
 *
 * Threads: everything here is called with the device's lock held (vmm/bus.h), except where a
 * comment says otherwise. A device with threads of its own pops a chain under the lock, works on
 * the chain without it, and pushes under it again; its reset() waits until none is in flight.
 */
#ifndef VMM_VIRTIO_H
#define VMM_VIRTIO_H

#include "vmm/bus.h"
#include "vmm/err.h"
#include "vmm/iov.h"
#include "vmm/irq.h"
#include "vmm/mem.h"

#define VQ_SIZE_MAX 256 /* entries of a queue, and so segments of a chain (§2.7.5.3.1) */

/* §5: device types */
enum {
    VIRTIO_ID_NET = 1,
    VIRTIO_ID_BLOCK = 2,
    VIRTIO_ID_CONSOLE = 3,
    VIRTIO_ID_RNG = 4,
    VIRTIO_ID_BALLOON = 5,
    VIRTIO_ID_9P = 9,
    VIRTIO_ID_VSOCK = 19,
};

/* §6: feature bits of the transport and the queues */
#define VIRTIO_F_INDIRECT_DESC BIT(28)
#define VIRTIO_F_EVENT_IDX     BIT(29)
#define VIRTIO_F_VERSION_1     BIT(32)

/* One split virtqueue. The fields above `ready` are the driver's until it sets QueueReady. */
struct vq {
    uint16_t max;            /* QueueNumMax; 0: there is no such queue */
    uint16_t size;           /* a power of two, 1..max, once ready */
    gpa_t desc, avail, used; /* as the driver gave them */
    bool ready;
    /* Host memory of the three parts, checked at QueueReady; the guest writes there at any time. */
    const uint8_t *desc_at;
    uint16_t *avail_at, *used_at;
    uint16_t last_avail; /* how many chains were taken, */
    uint16_t next_used;  /* were given back, */
    uint16_t signalled;  /* and were given back when the driver was last asked whether it cares */
};

/*
 * A chain of descriptors, copied and checked: every segment lies in RAM. iov[0..n_out) is what the
 * device reads, iov[n_out..n_out + n_in) what it writes; none is empty. The guest may write those
 * bytes at any time: copy a header before you validate it. Segments stay valid as long as guest
 * RAM.
 */
struct vq_chain {
    uint16_t head;
    unsigned n_out, n_in;
    uint64_t out_len, in_len; /* bytes; at most VQ_SIZE_MAX * 4 GiB, so sums do not wrap */
    struct iovec iov[VQ_SIZE_MAX];
    gpa_t gpa[VQ_SIZE_MAX]; /* of each segment */
};

struct virtio;

/* A number that a device has for a report. */
#define VIRTIO_STATS_MAX 16u
struct virtio_stat {
    const char *name; /* constant */
    uint64_t val;
};

struct virtio_ops {
    const char *kind;    /* "virtio-blk" */
    uint32_t id;         /* VIRTIO_ID_* */
    uint32_t config_len; /* bytes of the configuration space: reads beyond give 0 */
    /* The device's configuration space (§2.5), off + len <= config_len; write may be NULL. */
    void (*config_read)(struct virtio *v, uint32_t off, void *buf, uint32_t len);
    void (*config_write)(struct virtio *v, uint32_t off, const void *buf, uint32_t len);
    /* The machine is complete and about to run: 0, or -errno with err. May be NULL. */
    int (*begin)(struct virtio *v, struct err *err);
    void (*activate)(struct virtio *v); /* DRIVER_OK: queues and features are frozen; may be NULL */
    void (*notify)(struct virtio *v, unsigned queue); /* a ready queue, after DRIVER_OK */
    /* A live device is about to be reset: chains that wait can still be popped. May be NULL. */
    void (*drain)(struct virtio *v);
    /*
     * The driver resets the device, or disables queues: when this returns no chain is in flight and
     * none is popped before the next activate(). May wait, with pthread_cond_wait() on dev.lock.
     * NULL: nothing of the device's own.
     */
    void (*reset)(struct virtio *v);
    /* Bytes that the guest gave for a stream have not reached the host yet; may be NULL. */
    bool (*busy)(struct virtio *v);
    /* What is known, at most VIRTIO_STATS_MAX; how many. May be NULL. */
    unsigned (*stats)(struct virtio *v, struct virtio_stat *out);
    /* The machine has ended: what must not outlive the process is done with; may be NULL. */
    void (*end)(struct virtio *v);
    void (*free)(struct virtio *v); /* after reset(), without the lock: releases what hangs on the
                                       device, not `v`; may be NULL */
};

/* What a device of a machine stands on. */
struct virtio_host {
    struct guest_mem *mem;
    struct irq_line irq;
};

/* Embedded first in every device's struct, which is allocated by calloc(). */
struct virtio {
    struct dev dev;
    const struct virtio_ops *ops;
    struct virtio_host host;
    uint64_t features;        /* offered; constant after virtio_init() */
    uint64_t driver_features; /* accepted; valid after FEATURES_OK */
    uint32_t features_sel, driver_features_sel, queue_sel;
    uint32_t status, interrupt, generation;
    struct vq *vqs;
    unsigned n_vqs;
    /* For reports: */
    bool driven; /* a driver has set it up, once */
    uint64_t notifies, interrupts;
};

/*
 * `vqs` (n of them, the caller's, zeroed but for `max`) and `features` (the device's own bits) are
 * fixed for the device's life. Leaves the device reset.
 */
void virtio_init(struct virtio *v, const struct virtio_ops *ops, const char *name,
                 const struct virtio_host *host, uint64_t features, struct vq *vqs, unsigned n);

static inline bool virtio_has(const struct virtio *v, uint64_t feature)
{
    return (v->driver_features & feature) != 0;
}

/* DRIVER_OK is set and nothing broke since: the device may use its queues. */
bool virtio_live(const struct virtio *v);

/* Set bits of InterruptStatus (§4.2.2) and the wire with them. */
enum { VIRTIO_INT_VRING = 1, VIRTIO_INT_CONFIG = 2 };
void virtio_interrupt(struct virtio *v, uint32_t bits);

/* The configuration space changed (§2.5.1): its generation moves on and the driver is told. */
void virtio_config_changed(struct virtio *v);

/*
 * The driver broke a rule of the specification: DEVICE_NEEDS_RESET (§2.1.1), no queue is used until
 * the driver resets the device. Logged once per activation.
 */
void virtio_break(struct virtio *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- virtio_vq.c: the queue walker; vmm/virtio.h is its only interface ---- */

/* Check and freeze a queue as the driver described it. False: it breaks a rule (virtio_break). */
bool vq_open(struct virtio *v, struct vq *q);

/*
 * Take the next chain. False: there is none, or the driver broke a rule (virtio_break, and the
 * queue is empty from then on).
 */
bool vq_pop(struct virtio *v, struct vq *q, struct vq_chain *c);

/* Put back the chains that the last n vq_pop() took, as if they had not been: the next pop gives
 * the first of them. */
void vq_unpop(struct vq *q, unsigned n);

/* Give a chain back with `written` bytes written into its first writable segments. */
void vq_push(struct virtio *v, struct vq *q, const struct vq_chain *c, uint32_t written);

/* The two halves of it, for several chains of which the driver is to see all or none. */
struct vq_used {
    uint16_t head;
    uint32_t written;
};
void vq_written(struct virtio *v, const struct vq_chain *c, uint32_t written);
void vq_push_used(struct virtio *v, struct vq *q, const struct vq_used *used, unsigned n);

/* After one or more vq_push(): interrupt the driver unless it said it does not care (§2.7.7). */
void vq_notify(struct virtio *v, struct vq *q);

/*
 * Ask to be notified of further chains, from now on; true when there already is one, which the
 * driver may not notify: pop again. vq_quiet() asks not to be notified. (§2.7.10)
 */
bool vq_rearm(struct virtio *v, struct vq *q);
void vq_quiet(struct virtio *v, struct vq *q);

/* Bytes [off, off + len) of a chain's readable or writable part; how many there were. */
uint64_t vq_copy_out(const struct vq_chain *c, uint64_t off, void *buf, uint64_t len);
uint64_t vq_copy_in(const struct vq_chain *c, uint64_t off, const void *buf, uint64_t len);

/* ---- how each device is made; 0 or -errno (ENOMEM unless it says otherwise) ---- */

/* A window with nothing behind it: MagicValue, Version, DeviceID 0 (§4.2.2). */
int virtio_slot_new(struct dev **dev, const char *name);

/*
 * A block device (§5.2) on `disk`, which is the device's from here on, also when this fails.
 * `serial` is cut to VIRTIO_BLK_SERIAL_LEN bytes.
 */
#define VIRTIO_BLK_SERIAL_LEN 20u
struct disk;
int virtio_blk_new(struct dev **dev, const char *name, const struct virtio_host *host,
                   struct disk *disk, const char *serial);

/*
 * A network device (§5.1) on `nif`, which is the device's from here on, also when this fails.
 * `mac`: 6 bytes, unicast.
 */
struct netif;
int virtio_net_new(struct dev **dev, const char *name, const struct virtio_host *host,
                   struct netif *nif, const uint8_t *mac);

/* Entropy (§5.4): `fill` makes len random bytes, on the vCPU's thread; false: it cannot. */
int virtio_rng_new(struct dev **dev, const char *name, const struct virtio_host *host,
                   bool (*fill)(void *buf, size_t len));

/*
 * A folder of the host (§5, device 9), served by `p9`, which is the device's from here on, also
 * when this fails. `tag`: up to VIRTIO_9P_TAG_MAX bytes, by which the guest mounts it; else
 * -EINVAL.
 */
#define VIRTIO_9P_TAG_MAX 32u
struct p9;
int virtio_9p_new(struct dev **dev, const char *name, const struct virtio_host *host, struct p9 *p9,
                  const char *tag);

/*
 * A console and named streams (§5.3). Each port is a chr whose `ready` the device sets, and which
 * outlives it, as do the names. `output`: the guest may write; a port that is read only ends with
 * its input. cols, rows: of the console, 0 when unknown. `idle` (or NULL) is called with the
 * device's lock when a port that the host had held back is no longer busy.
 */
#define VIRTIO_CONSOLE_PORTS_MAX 16u
struct chr;
struct virtio_port {
    const char *name;
    struct chr *chr;
    bool output;
};
struct virtio_console_params {
    struct virtio_port console; /* chr NULL: none */
    struct virtio_port ports[VIRTIO_CONSOLE_PORTS_MAX];
    unsigned n_ports;
    uint16_t cols, rows;
    void (*idle)(void *arg);
    void *arg;
};
int virtio_console_new(struct dev **dev, const char *name, const struct virtio_host *host,
                       const struct virtio_console_params *params);

/*
 * Streams between programs of the guest, which is `cid`, and of the host (§5.10), by `vs`, which is
 * the device's from here on, also when this fails. `idle` (or NULL) is called with the device's
 * lock when a stream that the host had held back has written all.
 */
struct vsock;
struct virtio_vsock_params {
    struct vsock *vs;
    uint32_t cid;
    void (*idle)(void *arg);
    void *arg;
};
int virtio_vsock_new(struct dev **dev, const char *name, const struct virtio_host *host,
                     const struct virtio_vsock_params *params);

/*
 * Memory given back (§5.5): the guest is asked for `target` bytes, up to 16 TiB, and may report
 * what it does not use beside that. Its statistics are asked for anew at the times that
 * `arm(ctx, deadline_ns)`, called with the device's lock, has virtio_balloon_due() called; without
 * one (NULL), those it first gave stay.
 */
int virtio_balloon_new(struct dev **dev, const char *name, const struct virtio_host *host,
                       uint64_t target, void (*arm)(void *ctx, uint64_t deadline_ns), void *ctx);
void virtio_balloon_due(struct dev *dev); /* any thread */

#endif
