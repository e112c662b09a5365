// SPDX-License-Identifier: MIT
/*
 * vsock.h - what the files of the vsock device share: virtio_vsock.c moves packets through the
 * queues, virtio_vsock_conn.c is a connection and what its packets mean.
 */
#ifndef VIRTIO_VSOCK_H
#define VIRTIO_VSOCK_H

#include "vmm/virtio.h"
#include "vmm/vsock.h"

/* struct virtio_vsock_hdr, virtio 1.2 §5.10.6: offsets */
#define VS_HDR 44u
enum {
    VS_HDR_SRC_CID = 0,
    VS_HDR_DST_CID = 8,
    VS_HDR_SRC_PORT = 16,
    VS_HDR_DST_PORT = 20,
    VS_HDR_LEN = 24,
    VS_HDR_TYPE = 28,
    VS_HDR_OP = 30,
    VS_HDR_FLAGS = 32,
    VS_HDR_BUF_ALLOC = 36,
    VS_HDR_FWD_CNT = 40,
};
enum { VS_TYPE_STREAM = 1 };
enum {
    VS_OP_REQUEST = 1,
    VS_OP_RESPONSE = 2,
    VS_OP_RST = 3,
    VS_OP_SHUTDOWN = 4,
    VS_OP_RW = 5,
    VS_OP_CREDIT_UPDATE = 6,
    VS_OP_CREDIT_REQUEST = 7,
};

#define VS_PORT_FIRST UINT32_C(0x40000000) /* of the host, by which the guest knows its peers */
#define VS_BUF        ((uint32_t)KIB(256)) /* buf_alloc of each connection */
#define VS_WAIT_NS    UINT64_C(30000000000)
#define VS_REPLIES    64u /* resets that wait for a buffer */
#define VS_BATCH      16u /* buffers filled by one read */
#define VS_IOV        1024u

enum { VS_RX, VS_TX, VS_EVENT, VS_QUEUES };

enum vs_state {
    VS_FREE,
    VS_LINE,      /* a peer of the host that has not said what it wants */
    VS_REQUESTED, /* the guest is asked */
    VS_CONNECTED,
    VS_DYING, /* a reset is to be told, and nothing else */
    VS_LATE,  /* the device was reset: bytes of the guest are still to be written */
};

/* What the device may say of a connection, in the order in which it says it (vs_words). */
enum {
    VS_SAY_REQUEST = 1,
    VS_SAY_RESPONSE = 2,
    VS_SAY_CREDIT = 4,
    VS_ASK_CREDIT = 8,
    VS_SAY_SHUTDOWN = 16,
    VS_SAY_RST = 32,
};

struct vs_conn {
    enum vs_state state;
    uint32_t host_port, guest_port;
    unsigned todo;        /* VS_SAY_* that wait for a buffer */
    unsigned guest_shut;  /* VSOCK_SHUT_* that the guest has said, */
    unsigned host_shut;   /* and that the host's side is to say or has said */
    bool in_wait;         /* ready() will say when there is something to read */
    bool in_end;          /* the other side sends no more */
    bool deaf;            /* it takes no more: what the guest sends is dropped */
    bool asked;           /* for credit, since it was 0 */
    uint64_t deadline_ns; /* when waiting ends; UINT64_MAX: it does not wait */
    /* From the guest (§5.10.6.3): bytes received, forwarded, and forwarded as it was told. */
    uint32_t rx_cnt, fwd_cnt, told_cnt;
    /* To the guest: bytes sent, and what it said of its own buffer. */
    uint32_t tx_cnt, peer_alloc, peer_fwd;
    /* Received and not forwarded: bytes [buf_at, buf_end) of buf, which is VS_BUF long or NULL. */
    uint8_t *buf;
    uint32_t buf_at, buf_end;
};

/* A reset that answers a packet of no connection. */
struct vs_reply {
    uint64_t cid; /* the packet's destination */
    uint32_t src_port, dst_port;
    uint16_t type;
};

struct virtio_vsock {
    struct virtio v;
    struct vq vqs[VS_QUEUES];
    struct vsock *vs;
    uint64_t cid;
    void (*idle)(void *arg);
    void *arg;
    bool told;          /* of an odd packet, since the reset */
    bool peers_wait;    /* peers are not taken: there is no free slot, or no driver */
    uint64_t armed_ns;  /* the alarm; UINT64_MAX: none */
    uint32_t next_port; /* of the host, for peers */
    unsigned high;      /* slots from here on are free */
    unsigned turn;      /* the slot that is served first */
    struct vs_reply replies[VS_REPLIES];
    unsigned reply_at, n_replies;
    struct vs_conn conns[VSOCK_SLOTS];
    struct vq_chain tx, rx[VS_BATCH];
    struct iovec iov[VS_IOV];
};

static inline unsigned vs_slot(const struct virtio_vsock *d, const struct vs_conn *c)
{
    return (unsigned)(c - d->conns);
}

/* A packet of the guest: its header as it was copied, and the chain that it came in. */
struct vs_packet {
    uint8_t hdr[VS_HDR];
    const struct vq_chain *chain;
};

/* ---- virtio_vsock_conn.c; all with the lock held ---- */

/* False: a packet that belongs to no connection, and is to be answered by a reset. */
bool vs_conn_packet(struct virtio_vsock *d, const struct vs_packet *p);
/* The host end may have something: a request, bytes, room, its end. */
void vs_conn_ready(struct virtio_vsock *d, struct vs_conn *c);
/* Peers that have connected, into free slots. */
void vs_conn_arrive(struct virtio_vsock *d);
/* How long waiting lasts is over for some; the next alarm. */
void vs_conn_due(struct virtio_vsock *d, uint64_t now_ns);
/* Bytes that the guest has room for; 0: it is asked for credit. */
uint32_t vs_conn_credit(struct vs_conn *c);
/* read() gave no bytes: -EAGAIN, the end (0), or a failure. */
void vs_conn_no_bytes(struct virtio_vsock *d, struct vs_conn *c, int64_t got);
/* What was said of it: VS_SAY_*. */
void vs_conn_said(struct virtio_vsock *d, struct vs_conn *c, unsigned said);
/* The driver has gone. */
void vs_conn_reset(struct virtio_vsock *d, struct vs_conn *c);

#endif
