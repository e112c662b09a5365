// SPDX-License-Identifier: MIT
/*
 * vsock_rig.h - the vsock device over a host end that the test holds back, and packets of a guest.
 *
 * Rules and values: virtio 1.2 §5.10.
 */
#ifndef TESTS_UNIT_VSOCK_RIG_H
#define TESTS_UNIT_VSOCK_RIG_H

#include "tests/unit/virtio_rig.h"

#include <errno.h>

#include "vmm/vsock.h"

/* §5.10.6: struct virtio_vsock_hdr */
enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST };
#define HDR 44u
#define CID 5u
#define BUF KIB(256) /* what the device says of its own buffer */

enum { RX, TX, EVENT };
#define RX_LEN  1024u
#define RX_BUFS 32u
#define RX_AT   VRIG_DATA
#define TX_AT   (VRIG_DATA + KIB(64))

/* ---- a host end ---- */

struct side { /* of a slot */
    bool open, wait_in, wait_out, ended, gone, broken;
    uint32_t port; /* that the guest has asked for, or was welcomed by */
    unsigned shut;
    char in[4096];
    uint32_t n_in, max; /* max: bytes of a read; 0: all */
    uint64_t room, n_out;
    char out[64]; /* the first of them */
};

static struct {
    struct vsock v;
    struct side sides[VSOCK_SLOTS];
    unsigned peers, idle; /* peers: who have connected */
    bool listens, wait_peer, freed, no_descriptors;
    int64_t line; /* what a peer says: the port; -1: nothing yet; -2: nonsense */
    uint64_t alarm_ns;
} end;

static inline int end_listen(struct vsock *v, struct err *err)
{
    (void)v, (void)err;
    end.listens = true;
    return 0;
}

static inline void end_unlisten(struct vsock *v)
{
    (void)v;
    end.listens = false;
}

static inline int end_wait_peer(struct vsock *v)
{
    (void)v;
    end.wait_peer = true;
    return 0;
}

static inline void end_open(unsigned slot)
{
    expect_true(!end.sides[slot].open);
    end.sides[slot] = (struct side){.open = true, .room = UINT64_MAX};
}

static inline int end_take_peer(struct vsock *v, unsigned slot)
{
    (void)v;
    if (end.no_descriptors)
        return -EMFILE;
    if (!end.peers)
        return -EAGAIN;
    end.peers--;
    end_open(slot);
    return 0;
}

static inline int end_peer_port(struct vsock *v, unsigned slot, uint32_t *port)
{
    (void)v;
    expect_true(end.sides[slot].open);
    *port = (uint32_t)end.line;
    return end.line == -1 ? 0 : end.line == -2 ? -EPROTO : 1;
}

static inline int end_welcome(struct vsock *v, unsigned slot, uint32_t port)
{
    (void)v;
    expect_true(end.sides[slot].open);
    end.sides[slot].port = port;
    return 0;
}

static inline int end_connect(struct vsock *v, unsigned slot, uint32_t port)
{
    (void)v;
    if (port == 404)
        return -ENOENT;
    end_open(slot);
    end.sides[slot].port = port;
    return 0;
}

static inline int64_t end_read(struct vsock *v, unsigned slot, const struct iovec *iov, unsigned n)
{
    (void)v;
    struct side *s = &end.sides[slot];
    expect_true(s->open);
    uint32_t want = s->max ? MIN(s->n_in, s->max) : s->n_in;
    uint32_t got = (uint32_t)iov_put(iov, n, 0, s->in, want);
    memmove(s->in, s->in + got, s->n_in - got);
    s->n_in -= got;
    return got ? (int64_t)got : s->broken ? -ECONNRESET : s->ended ? 0 : -EAGAIN;
}

static inline int64_t end_write(struct vsock *v, unsigned slot, const struct iovec *iov, unsigned n)
{
    (void)v;
    struct side *s = &end.sides[slot];
    expect_true(s->open);
    if (s->broken)
        return -EPIPE;
    uint64_t all = MIN(iov_len(iov, n), s->room);
    if (s->n_out < sizeof s->out)
        iov_get(iov, n, 0, s->out + s->n_out, MIN(all, sizeof s->out - s->n_out));
    s->room -= all;
    s->n_out += all;
    return all ? (int64_t)all : -EAGAIN;
}

static inline void end_shut(struct vsock *v, unsigned slot, unsigned how)
{
    (void)v;
    expect_true(end.sides[slot].open);
    end.sides[slot].shut |= how;
}

static inline bool end_gone(struct vsock *v, unsigned slot)
{
    (void)v;
    return end.sides[slot].gone;
}

static inline int end_wait_in(struct vsock *v, unsigned slot, bool ended)
{
    (void)v, (void)ended;
    expect_true(end.sides[slot].open);
    end.sides[slot].wait_in = true;
    return 0;
}

static inline int end_wait_out(struct vsock *v, unsigned slot)
{
    (void)v;
    expect_true(end.sides[slot].open);
    end.sides[slot].wait_out = true;
    return 0;
}

static inline void end_close(struct vsock *v, unsigned slot)
{
    (void)v;
    end.sides[slot].open = false;
}

static inline int end_alarm(struct vsock *v, uint64_t deadline_ns)
{
    (void)v;
    end.alarm_ns = deadline_ns;
    return 0;
}

static inline void end_free(struct vsock *v)
{
    (void)v;
    end.freed = true;
}

static const struct vsock_ops end_ops = {end_listen,    end_unlisten, end_wait_peer, end_take_peer,
                                         end_peer_port, end_welcome,  end_connect,   end_read,
                                         end_write,     end_shut,     end_gone,      end_wait_in,
                                         end_wait_out,  end_close,    end_alarm,     end_free};

static inline void count_idle(void *arg)
{
    (void)arg;
    end.idle++;
}

static inline void end_ready(unsigned slot)
{
    end.v.ready(end.v.arg, slot);
}

static inline void end_give(unsigned slot, const char *text)
{
    struct side *s = &end.sides[slot];
    memcpy(s->in + s->n_in, text, strlen(text));
    s->n_in += (uint32_t)strlen(text);
    end_ready(slot);
}

/* The device's clock; linked in place of vmm/clock.h's. */
#define WAIT_NS UINT64_C(30000000000) /* what is waited for anybody */
static uint64_t now_ns = 1000;

uint64_t __wrap_clock_mono_ns(void);
uint64_t __wrap_clock_mono_ns(void)
{
    return now_ns;
}

/* ---- the guest ---- */

static inline void rx_buffers(struct vrig *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        vrig_add(r, RX, &(struct vrig_seg){RX_AT + r->q[RX].free * RX_LEN, RX_LEN, true}, 1);
    vrig_notify(r, RX);
}

static inline void rig_make(struct vrig *r)
{
    struct virtio_host host = vrig_host(r);
    memset(&end, 0, sizeof end);
    end.v.ops = &end_ops;
    end.line = -1;
    end.alarm_ns = UINT64_MAX;
    const struct virtio_vsock_params p = {&end.v, CID, count_idle, NULL};
    expect_u64(virtio_vsock_new(&r->r.dev, "virtio0", &host, &p), 0);
}

static inline void rig_vsock(struct vrig *r)
{
    rig_make(r);
    vrig_start(r, 1, 3, RX_BUFS);
    rx_buffers(r, RX_BUFS);
}

struct packet {
    uint64_t src, dst;
    uint32_t src_port, dst_port, len, flags, alloc, fwd;
    uint16_t type, op;
};

static inline struct packet from_guest(uint32_t port, uint32_t host_port, uint16_t op)
{
    return (struct packet){CID, 2, port, host_port, 0, 0, 65536, 0, 1, op};
}

/* A packet with `there` bytes behind its header. */
static inline void send_raw(struct vrig *r, const struct packet *p, uint32_t there)
{
    uint32_t head, len;
    uint8_t *h = vrig_at(r, TX_AT);
    le64_put(h, p->src);
    le64_put(h + 8, p->dst);
    le32_put(h + 16, p->src_port);
    le32_put(h + 20, p->dst_port);
    le32_put(h + 24, p->len);
    le16_put(h + 28, p->type);
    le16_put(h + 30, p->op);
    le32_put(h + 32, p->flags);
    le32_put(h + 36, p->alloc);
    le32_put(h + 40, p->fwd);
    const struct vrig_seg segs[] = {
        {TX_AT,       HDR,   false},
        {TX_AT + HDR, there, false}
    };
    vrig_add(r, TX, segs, there ? 2 : 1);
    vrig_notify(r, TX);
    vrig_take(r, TX, &head, &len);
}

static inline void say(struct vrig *r, uint32_t port, uint32_t host_port, uint16_t op,
                       uint32_t flags)
{
    struct packet p = from_guest(port, host_port, op);
    p.flags = flags;
    send_raw(r, &p, 0);
}

static inline void send_bytes(struct vrig *r, uint32_t port, uint32_t host_port, uint32_t len)
{
    struct packet p = from_guest(port, host_port, RW);
    p.len = len;
    memset(vrig_at(r, TX_AT + HDR), 'g', len);
    send_raw(r, &p, len);
}

/* The next packet for the guest; false: there is none. `data`: where its bytes are. */
static inline bool next_packet(struct vrig *r, struct packet *p, const char **data)
{
    uint32_t head, len;
    if (!vrig_take(r, RX, &head, &len))
        return false;
    const uint8_t *h = vrig_at(r, RX_AT + head % RX_BUFS * RX_LEN);
    *p = (struct packet){le64_get(h),      le64_get(h + 8),  le32_get(h + 16), le32_get(h + 20),
                         le32_get(h + 24), le32_get(h + 32), le32_get(h + 36), le32_get(h + 40),
                         le16_get(h + 28), le16_get(h + 30)};
    *data = (const char *)h + HDR;
    expect_u32(len, HDR + p->len);
    expect_u64(p->dst, CID);
    return true;
}

/* The next one is this, of a connection. */
static inline struct packet expect_packet(struct vrig *r, uint32_t port, uint32_t host_port,
                                          uint16_t op)
{
    struct packet p = {0};
    const char *data;
    expect_true(next_packet(r, &p, &data));
    expect_u32(p.op, op);
    expect_u32(p.dst_port, port);
    expect_u32(p.src_port, host_port);
    expect_u64(p.src, 2);
    expect_u32(p.type, 1);
    return p;
}

static inline void expect_none(struct vrig *r)
{
    struct packet p;
    const char *data;
    expect_true(!next_packet(r, &p, &data));
}

static inline void expect_data(struct vrig *r, const char *text)
{
    struct packet p = {0};
    const char *data = "";
    expect_true(next_packet(r, &p, &data));
    expect_u32(p.op, RW);
    expect_u32(p.len, (uint32_t)strlen(text));
    expect_true(!memcmp(data, text, strlen(text)));
}

static inline bool broken(struct vrig *r)
{
    return rd32(&r->r, 0x070) & 0x40;
}

/* The guest's port 1000 to the host's 7: slot 0. */
static inline void rig_connected(struct vrig *r)
{
    rig_vsock(r);
    say(r, 1000, 7, REQUEST, 0);
    struct packet p = expect_packet(r, 1000, 7, RESPONSE);
    expect_u32(p.alloc, BUF);
    expect_u32(p.fwd, 0);
    expect_u32(end.sides[0].port, 7);
}

#endif
