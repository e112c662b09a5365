// SPDX-License-Identifier: MIT
/*
 * fuzz_virtio.c - a virtio device under a driver made of the input's bytes (libFuzzer).
 *
 * The first byte chooses the device. Then each step is a register access, bytes written into RAM,
 * or a chain laid out as a driver would and notified, some of it wrong. Beside what the sanitizers
 * see, it checks what must hold whatever the driver does: Status has known bits only, no more
 * chains come back than were offered, the interrupt wire is InterruptStatus, and nothing beyond the
 * disk is touched.
 */
#include "tests/fuzz/fuzz_vsock.h"
#include "vmm/bus.h"
#include "vmm/chr.h"
#include "vmm/disk.h"
#include "vmm/netif.h"
#include "vmm/virtio.h"

#define RAM      UINT64_C(0x10000)
#define RAM_LEN  KIB(32)
#define BASE     UINT64_C(0x1000)
#define SECTORS  16u
#define QUEUE    8u
#define RINGS    RAM /* descriptors, available and used ring: 0x400 bytes for each queue */
#define RING_LEN 0x400u
#define QUEUES   8u

/* ---- a disk in memory ---- */

static uint8_t disk_bytes[SECTORS * DISK_SECTOR];

static int disk_io(uint64_t off, const struct iovec *iov, unsigned n, bool in)
{
    for (unsigned i = 0; i < n; off += iov[i++].iov_len) {
        check(off <= sizeof disk_bytes && iov[i].iov_len <= sizeof disk_bytes - off);
        if (in)
            memcpy(iov[i].iov_base, disk_bytes + off, iov[i].iov_len);
        else
            memcpy(disk_bytes + off, iov[i].iov_base, iov[i].iov_len);
    }
    return 0;
}

static int disk_read(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n, bool nowait)
{
    (void)d, (void)nowait;
    return disk_io(off, iov, n, true);
}

static int disk_write(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n)
{
    check(!d->ro);
    return disk_io(off, iov, n, false);
}

static int disk_range(struct disk *d, uint64_t off, uint64_t len)
{
    check(!d->ro && off <= sizeof disk_bytes && len <= sizeof disk_bytes - off);
    memset(disk_bytes + off, 0, len);
    return 0;
}

static void disk_free(struct disk *d)
{
    (void)d;
}

/* No flush: it would go to a thread, and a thread for each input is slow. */
static const struct disk_ops disk_ops = {
    .read = disk_read,
    .write = disk_write,
    .discard = disk_range,
    .zero = disk_range,
    .free = disk_free,
};

/* ---- the host end of a console and two ports ---- */

struct end {
    struct chr chr;
    unsigned in, room; /* bytes to come and to go */
};

static size_t end_read(struct chr *chr, void *buf, size_t max)
{
    struct end *e = container_of(chr, struct end, chr);
    size_t n = MIN(max, e->in);
    memset(buf, 'x', n);
    e->in -= (unsigned)n;
    return n;
}

static int64_t end_write_some(struct chr *chr, const struct iovec *iov, unsigned n)
{
    struct end *e = container_of(chr, struct end, chr);
    uint8_t bytes[64];
    uint64_t got = iov_get(iov, n, 0, bytes, MIN(e->room, sizeof bytes));
    e->room -= (unsigned)got;
    return e->room == 77 ? -1 : (int64_t)got;
}

static bool end_eof(const struct chr *chr)
{
    return !container_of((struct chr *)(uintptr_t)chr, struct end, chr)->in;
}

static const struct chr_ops end_ops = {
    .read = end_read,
    .write_some = end_write_some,
    .eof = end_eof,
};

static struct end ends[3];

static int console_new(struct dev **dev, const struct virtio_host *host)
{
    for (unsigned i = 0; i < ARRAY_LEN(ends); i++)
        ends[i] = (struct end){.chr.ops = &end_ops, .in = 300 * i, .room = 200};
    const struct virtio_console_params p = {
        .console = {"console", &ends[0].chr,       true},
        .ports = {{"one", &ends[1].chr, true},         {"two", &ends[2].chr, false}},
        .n_ports = 2,
    };
    return virtio_console_new(dev, "dev", host, &p);
}

/* The host moves: more bytes, more room. */
static void end_move(uint64_t how)
{
    struct end *e = &ends[how % ARRAY_LEN(ends)];
    e->in += how >> 2 & 7;
    e->room += how >> 5;
    if (e->chr.ready)
        e->chr.ready(e->chr.arg);
}

/* ---- the host end of a network ---- */

struct wire {
    struct netif nif;
    uint8_t hdr[NETIF_HDR], data[NETIF_FRAME_MAX];
    uint32_t len;          /* of the frame that waits */
    unsigned frames, room; /* that come, and that are taken */
    bool asked_in, asked_out;
};

static struct wire wire;

static void wire_start(struct netif *nif, unsigned rx)
{
    (void)nif, (void)rx;
}

static int wire_recv(struct netif *nif)
{
    (void)nif;
    return wire.frames == 7 ? -1 : wire.frames != 0;
}

static bool wire_peek(struct netif *nif, struct netif_rx *f)
{
    *f = (struct netif_rx){nif->gso ? wire.hdr : NULL, wire.data, wire.len};
    return wire.frames && wire.len;
}

static void wire_skip(struct netif *nif)
{
    (void)nif;
    wire.frames--;
}

/* What a device sends is whole, and as long as it says. */
static unsigned wire_send(struct netif *nif, const struct netif_tx *f, unsigned n)
{
    (void)nif;
    unsigned took = MIN(n, wire.room);
    for (unsigned i = 0; i < took; i++) {
        check(f[i].n <= NETIF_IOV_MAX && f[i].len <= NETIF_FRAME_MAX);
        check(f[i].len >= NETIF_FRAME_MIN && iov_len(f[i].iov, f[i].n) == f[i].len);
        iov_get(f[i].iov, f[i].n, 0, wire.data, f[i].len);
    }
    wire.room -= took;
    return took;
}

static int wire_wait_in(struct netif *nif)
{
    (void)nif;
    wire.asked_in = true;
    return 0;
}

static int wire_wait_out(struct netif *nif)
{
    (void)nif;
    wire.asked_out = true;
    return 0;
}

static void wire_free(struct netif *nif)
{
    (void)nif;
}

static const struct netif_ops wire_ops = {
    .start = wire_start,
    .recv = wire_recv,
    .peek = wire_peek,
    .skip = wire_skip,
    .send = wire_send,
    .wait_in = wire_wait_in,
    .wait_out = wire_wait_out,
    .free = wire_free,
};

/* Frames come, or there is room again. */
static void wire_move(uint64_t how)
{
    struct netif *nif = &wire.nif;
    wire.frames = how & 7;
    wire.room = how >> 3 & 7;
    wire.len = NETIF_FRAME_MIN + (uint32_t)(how >> 6) * 97 % (NETIF_FRAME_MAX - NETIF_FRAME_MIN);
    wire.hdr[NETIF_HDR_GSO_TYPE] = (uint8_t)(how >> 6 & 1);
    if (wire.asked_in) {
        wire.asked_in = false;
        nif->readable(nif->arg);
    }
    if (wire.asked_out) {
        wire.asked_out = false;
        nif->writable(nif->arg);
    }
}

/* ---- the machine ---- */

static bool line;

static void line_set(void *ctx, unsigned n, bool level)
{
    (void)ctx, (void)n;
    line = level;
}

static bool fill(void *buf, size_t len)
{
    memset(buf, 0x5a, len);
    return true;
}

struct machine {
    struct bus bus;
    struct guest_mem mem;
    struct dev *dev;
    struct disk disk;
    unsigned queues;
    bool vsock, balloon;
    uint16_t avail[QUEUES], free[QUEUES];
};

static uint8_t *at(struct machine *m, uint64_t off)
{
    return m->mem.regions[0].hva + off % RAM_LEN;
}

static void reg(struct machine *m, uint64_t off, uint64_t val)
{
    bus_write(&m->bus, BASE + off, 4, val);
}

static uint32_t get(struct machine *m, uint64_t off)
{
    uint64_t val;
    bus_read(&m->bus, BASE + off, 4, &val);
    return (uint32_t)val;
}

static void start(struct machine *m, uint32_t features)
{
    static const uint32_t status[] = {0, 1, 3};
    for (unsigned i = 0; i < 3; i++)
        reg(m, 0x070, status[i]);
    reg(m, 0x024, 0);
    reg(m, 0x020, features & get(m, 0x010));
    reg(m, 0x024, 1);
    reg(m, 0x020, 1);
    reg(m, 0x070, 0xb);
    for (unsigned q = 0; q < m->queues; q++) {
        uint64_t ring = RINGS + q * RING_LEN;
        memset(at(m, q * RING_LEN), 0, RING_LEN);
        m->avail[q] = m->free[q] = 0;
        reg(m, 0x030, q);
        reg(m, 0x038, QUEUE);
        reg(m, 0x080, ring);
        reg(m, 0x090, ring + 0x100);
        reg(m, 0x0a0, ring + 0x200);
        reg(m, 0x044, 1);
    }
    reg(m, 0x070, 0xf);
}

/* A chain of up to 4 segments in the second half of RAM, most of them good. */
static void chain(struct machine *m, struct feed *f)
{
    unsigned q = (unsigned)take(f, 1) % m->queues, n = 1 + take(f, 1) % 4;
    uint8_t *ring = at(m, q * RING_LEN);
    uint16_t head = m->free[q];
    for (unsigned i = 0; i < n; i++) {
        uint8_t *d = ring + m->free[q] * 16u;
        uint64_t gpa = RAM + RAM_LEN / 2 + take(f, 2) % (RAM_LEN / 2);
        uint8_t odd = (uint8_t)take(f, 1);
        m->free[q] = (uint16_t)((m->free[q] + 1) % QUEUE);
        le64_put(d, odd == 0xff ? gpa << 16 : gpa);
        le32_put(d + 8, (uint32_t)take(f, 2) % 1100);
        le16_put(d + 12, (uint16_t)((odd & 6) | (i + 1 < n)));
        le16_put(d + 14, m->free[q]);
        if (odd & 8 && m->vsock) {
            uint8_t hdr[FUZZ_VSOCK_HDR];
            fuzz_vsock_header(hdr, take(f, 4), (uint32_t)take(f, 2));
            for (unsigned b = 0; b < sizeof hdr; b++)
                *at(m, gpa - RAM + b) = hdr[b];
        } else if (odd &
                   8) { /* a request of the block device, or a control message of the console */
            uint8_t *to = at(m, gpa - RAM);
            if ((uint64_t)(to - at(m, 0)) + 16 <= RAM_LEN) {
                le32_put(to, (uint32_t)take(f, 1) % 16);
                le32_put(to + 4, (uint32_t)take(f, 1) % 8 | 1u << 16);
                le64_put(to + 8, take(f, 1) % (SECTORS + 2));
            }
        }
    }
    le16_put(ring + 0x104 + m->avail[q] % QUEUE * 2u, head);
    le16_put(ring + 0x102, ++m->avail[q]);
    reg(m, 0x050, q);
}

static int make_blk(struct machine *m, const struct virtio_host *host)
{
    return virtio_blk_new(&m->dev, "dev", host, &m->disk, "serial");
}

static int make_rng(struct machine *m, const struct virtio_host *host)
{
    return virtio_rng_new(&m->dev, "dev", host, fill);
}

static int make_balloon(struct machine *m, const struct virtio_host *host)
{
    m->balloon = true;
    return virtio_balloon_new(&m->dev, "dev", host, KIB(16), NULL, NULL);
}

static int make_console(struct machine *m, const struct virtio_host *host)
{
    return console_new(&m->dev, host);
}

static int make_net(struct machine *m, const struct virtio_host *host)
{
    static const uint8_t mac[NETIF_MAC] = {2, 0, 0, 0, 0, 1};
    memset(&wire, 0, offsetof(struct wire, data));
    wire.len = wire.frames = wire.room = 0;
    wire.nif = (struct netif){.ops = &wire_ops, .gso = m->disk.ro, .mtu = 1500};
    return virtio_net_new(&m->dev, "dev", host, &wire.nif, mac);
}

static int make_vsock(struct machine *m, const struct virtio_host *host)
{
    m->vsock = true;
    return fuzz_vsock_new(&m->dev, host);
}

/* columns: queues that are set up, maker */
static const struct {
    unsigned queues;
    int (*make)(struct machine *m, const struct virtio_host *host);
} kinds[] = {
    {2, make_blk    },
    {2, make_rng    },
    {5, make_balloon},
    {8, make_console},
    {2, make_net    },
    {3, make_vsock  },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct guest_mem mem;
    struct feed f = {data, data + len};
    const struct mem_region ram = {.base = RAM, .size = RAM_LEN};
    check(mem.n || !mem_init(&mem, &ram, 1, NULL));
    memset(mem.regions[0].hva, 0, RAM_LEN);
    memset(ends, 0, sizeof ends);
    wire.asked_in = wire.asked_out = false;
    struct machine m = {.mem = mem};
    const struct virtio_host host = {
        .mem = &m.mem, .irq = {line_set, NULL, 0}
    };
    unsigned kind = (unsigned)take(&f, 1);
    m.disk = (struct disk){&disk_ops, sizeof disk_bytes, (kind & 0x80) != 0};
    m.queues = kinds[kind % ARRAY_LEN(kinds)].queues;
    check(!kinds[kind % ARRAY_LEN(kinds)].make(&m, &host));
    bus_map(&m.bus, BASE, 0x200, m.dev, 0);
    start(&m, (uint32_t)take(&f, 4));
    while (f.p < f.end) {
        switch (take(&f, 1) % 8) {
        case 0:
            bus_write(&m.bus, BASE + take(&f, 2) % 0x200, 1u << take(&f, 1) % 4, take(&f, 4));
            break;
        case 1: {
            uint64_t val;
            bus_read(&m.bus, BASE + take(&f, 2) % 0x200, 1u << take(&f, 1) % 4, &val);
            break;
        }
        case 2: { /* anywhere in RAM, the rings among it */
            uint64_t off = take(&f, 2), n = take(&f, 1) % 32;
            for (uint64_t i = 0; i < n; i++)
                *at(&m, off + i) = (uint8_t)take(&f, 1);
            break;
        }
        case 3:
            start(&m, (uint32_t)take(&f, 4));
            break;
        case 4:
            reg(&m, 0x064, take(&f, 1));
            break;
        case 5:
            end_move(take(&f, 1));
            wire_move(take(&f, 2));
            if (m.balloon)
                virtio_balloon_due(m.dev);
            if (m.vsock)
                fuzz_vsock_move(take(&f, 2));
            break;
        default:
            chain(&m, &f);
        }
        check(!(get(&m, 0x070) & ~0xcfu));
        /* under the lock: a transfer of many bytes ends on a thread of the device */
        pthread_mutex_lock(&m.dev->lock);
        bool same = line == (container_of(m.dev, struct virtio, dev)->interrupt != 0);
        pthread_mutex_unlock(&m.dev->lock);
        check(same);
    }
    m.dev->ops->free(m.dev);
    check(!line);
    return 0;
}
