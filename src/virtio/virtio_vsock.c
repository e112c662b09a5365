// SPDX-License-Identifier: MIT
/*
 * virtio_vsock.c - socket device: streams between programs of the guest and of the host.
 *
 * Follows virtio 1.2 §5.10, stream sockets. This file moves packets through the queues; what they
 * mean is in virtio_vsock_conn.c. Not there: seqpacket sockets, and the event of a transport that
 * was reset (§5.10.6.7), which only a machine that moves to another host has: buffers of the event
 * queue stay where they are.
 *
 * Packets are taken as long as there is room for what they may be answered by (§5.10.6.1): a
 * connection has room for its own answers, and VS_REPLIES packets of no connection may wait.
 * Bytes for the guest are read from the host straight into its buffers, several at a time.
 *
 * Threads: the vCPU that notifies, and the event loop's; both with the device's lock.
 */
#include "vsock.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/clock.h"
#include "vmm/log.h"

/* §5.10.3 */
#define VIRTIO_VSOCK_F_STREAM BIT(0)

#define VS_QUEUE   256u
#define VS_CONFIG  8u /* §5.10.4: guest_cid */
#define VS_ROUNDS  8u /* times that each connection is read before others have the lock */
#define VS_TURNS   4u /* times VS_PACKETS taken before others have the lock */
#define VS_PACKETS 256u

static struct virtio_vsock *vs_of(struct virtio *v)
{
    return container_of(v, struct virtio_vsock, v);
}

/* ---- to the guest ---- */

/* columns: what is to be said, VIRTIO_VSOCK_OP_*; in the order in which it is */
static const struct {
    unsigned todo;
    uint16_t op;
} vs_words[] = {
    {VS_SAY_REQUEST,  VS_OP_REQUEST       },
    {VS_SAY_RESPONSE, VS_OP_RESPONSE      },
    {VS_SAY_CREDIT,   VS_OP_CREDIT_UPDATE },
    {VS_ASK_CREDIT,   VS_OP_CREDIT_REQUEST},
    {VS_SAY_SHUTDOWN, VS_OP_SHUTDOWN      },
    {VS_SAY_RST,      VS_OP_RST           },
};

/* A buffer of the driver's, with room for more than a header. False: there is none. */
static bool vs_buffer(struct virtio_vsock *d, struct vq_chain *c)
{
    struct vq *q = &d->vqs[VS_RX];
    while (!vq_pop(&d->v, q, c))
        if (!vq_rearm(&d->v, q))
            return false;
    if (c->in_len <= VS_HDR) {
        virtio_break(&d->v, "a buffer to receive into has %" PRIu64 " bytes", c->in_len);
        return false;
    }
    return true;
}

/* The header of a packet of a connection. Whatever it says, it tells the credit (§5.10.6.3). */
static void vs_header(const struct virtio_vsock *d, struct vs_conn *c, uint16_t op, uint32_t len,
                      uint8_t *hdr)
{
    memset(hdr, 0, VS_HDR);
    le64_put(hdr + VS_HDR_SRC_CID, VSOCK_CID_HOST);
    le64_put(hdr + VS_HDR_DST_CID, d->cid);
    le32_put(hdr + VS_HDR_SRC_PORT, c->host_port);
    le32_put(hdr + VS_HDR_DST_PORT, c->guest_port);
    le32_put(hdr + VS_HDR_LEN, len);
    le16_put(hdr + VS_HDR_TYPE, VS_TYPE_STREAM);
    le16_put(hdr + VS_HDR_OP, op);
    le32_put(hdr + VS_HDR_FLAGS, op == VS_OP_SHUTDOWN ? c->host_shut : 0);
    le32_put(hdr + VS_HDR_BUF_ALLOC, VS_BUF);
    le32_put(hdr + VS_HDR_FWD_CNT, c->fwd_cnt);
    c->told_cnt = c->fwd_cnt;
}

static void vs_put(struct virtio_vsock *d, const struct vq_chain *c, const uint8_t *hdr)
{
    vq_copy_in(c, 0, hdr, VS_HDR);
    vq_push(&d->v, &d->vqs[VS_RX], c, VS_HDR);
}

/* False: there are no buffers. */
static bool vs_say_all(struct virtio_vsock *d, struct vs_conn *c)
{
    uint8_t hdr[VS_HDR];
    for (unsigned i = 0; i < ARRAY_LEN(vs_words) && c->todo; i++) {
        if (!(c->todo & vs_words[i].todo))
            continue;
        if (!vs_buffer(d, &d->rx[0]))
            return false;
        vs_header(d, c, vs_words[i].op, 0, hdr);
        vs_put(d, &d->rx[0], hdr);
        vs_conn_said(d, c, vs_words[i].todo);
    }
    return true;
}

static bool vs_replies(struct virtio_vsock *d)
{
    uint8_t hdr[VS_HDR] = {0};
    for (; d->n_replies; d->n_replies--) {
        const struct vs_reply *r = &d->replies[d->reply_at];
        if (!vs_buffer(d, &d->rx[0]))
            return false;
        le64_put(hdr + VS_HDR_SRC_CID, r->cid);
        le64_put(hdr + VS_HDR_DST_CID, d->cid);
        le32_put(hdr + VS_HDR_SRC_PORT, r->src_port);
        le32_put(hdr + VS_HDR_DST_PORT, r->dst_port);
        le16_put(hdr + VS_HDR_TYPE, r->type);
        le16_put(hdr + VS_HDR_OP, VS_OP_RST);
        vs_put(d, &d->rx[0], hdr);
        d->reply_at = (d->reply_at + 1) % VS_REPLIES;
    }
    return true;
}

enum vs_done { VS_NOTHING, VS_SOME, VS_NO_BUFFERS };

/* Is there, or may there be, something to read? */
static bool vs_reads(const struct vs_conn *c)
{
    return c->state == VS_CONNECTED && !c->in_wait && !c->in_end &&
           !(c->guest_shut & VSOCK_SHUT_RECEIVE);
}

/* `got` bytes lie behind the headers of the first of n buffers, at most lens[i] in each. */
static void vs_fill(struct virtio_vsock *d, struct vs_conn *c, const uint32_t *lens, unsigned n,
                    uint32_t got)
{
    struct vq *q = &d->vqs[VS_RX];
    struct vq_used used[VS_BATCH];
    uint8_t hdr[VS_HDR];
    unsigned i = 0;
    for (; got; i++) {
        uint32_t len = MIN(got, lens[i]);
        vs_header(d, c, VS_OP_RW, len, hdr);
        vq_copy_in(&d->rx[i], 0, hdr, VS_HDR);
        vq_written(&d->v, &d->rx[i], VS_HDR + len);
        used[i] = (struct vq_used){d->rx[i].head, VS_HDR + len};
        c->tx_cnt += len;
        got -= len;
    }
    vq_unpop(q, n - i);
    vq_push_used(&d->v, q, used, i);
}

/* As many bytes of the host as one read gives, into as many buffers as they need. */
static enum vs_done vs_data(struct virtio_vsock *d, struct vs_conn *c)
{
    uint32_t credit = vs_conn_credit(c), lens[VS_BATCH], all = 0;
    unsigned n = 0, pieces = 0;
    if (!credit)
        return VS_NOTHING;
    while (n < VS_BATCH && all < credit && vs_buffer(d, &d->rx[n])) {
        const struct vq_chain *b = &d->rx[n];
        if (pieces + b->n_in > VS_IOV) {
            vq_unpop(&d->vqs[VS_RX], 1);
            break;
        }
        lens[n] = (uint32_t)MIN(credit - all, b->in_len - VS_HDR);
        pieces += iov_slice(b->iov + b->n_out, b->n_in, VS_HDR, lens[n], d->iov + pieces);
        all += lens[n++];
    }
    if (!n || !virtio_live(&d->v))
        return VS_NO_BUFFERS;
    int64_t got = d->vs->ops->read(d->vs, vs_slot(d, c), d->iov, pieces);
    if (got <= 0) {
        vq_unpop(&d->vqs[VS_RX], n);
        vs_conn_no_bytes(d, c, got);
        return VS_NOTHING;
    }
    vs_fill(d, c, lens, n, (uint32_t)got);
    return VS_SOME;
}

static enum vs_done vs_serve(struct virtio_vsock *d, struct vs_conn *c)
{
    enum vs_done done = VS_NOTHING;
    if (!vs_say_all(d, c))
        return VS_NO_BUFFERS;
    if (vs_reads(c))
        done = vs_data(d, c);
    return done == VS_NO_BUFFERS || !vs_say_all(d, c) ? VS_NO_BUFFERS : done;
}

/* One turn of all connections, beginning with the one that was left without buffers. */
static enum vs_done vs_serve_all(struct virtio_vsock *d)
{
    enum vs_done all = VS_NOTHING;
    unsigned n = d->high;
    for (unsigned i = 0; i < n; i++) {
        unsigned slot = (d->turn + i) % n;
        enum vs_done done = vs_serve(d, &d->conns[slot]);
        if (done == VS_NO_BUFFERS) {
            d->turn = slot;
            return done;
        }
        all = done ? done : all;
    }
    return all;
}

static void vs_rx(struct virtio_vsock *d)
{
    enum vs_done done = vs_replies(d) ? VS_SOME : VS_NO_BUFFERS;
    for (unsigned round = 0; round < VS_ROUNDS && done == VS_SOME; round++)
        done = vs_serve_all(d);
    for (unsigned i = 0; i < d->high && done == VS_SOME; i++)
        if (vs_reads(&d->conns[i]) && vs_conn_credit(&d->conns[i]))
            vs_conn_no_bytes(d, &d->conns[i], -EAGAIN); /* the loop says at once that there are */
}

/* ---- from the guest ---- */

static void vs_odd(struct virtio_vsock *d, const struct vs_packet *p, const char *what)
{
    if (!d->told)
        log_at(LOG_WARN, "%s (virtio-vsock): a packet from %" PRIu64 " to %" PRIu64 ": %s",
               d->v.dev.name, le64_get(p->hdr + VS_HDR_SRC_CID), le64_get(p->hdr + VS_HDR_DST_CID),
               what);
    d->told = true;
}

/* There is room: vs_tx() has looked. */
static void vs_reply(struct virtio_vsock *d, const struct vs_packet *p)
{
    if (le16_get(p->hdr + VS_HDR_OP) == VS_OP_RST)
        return;
    d->replies[(d->reply_at + d->n_replies++) % VS_REPLIES] =
        (struct vs_reply){le64_get(p->hdr + VS_HDR_DST_CID), le32_get(p->hdr + VS_HDR_DST_PORT),
                          le32_get(p->hdr + VS_HDR_SRC_PORT), le16_get(p->hdr + VS_HDR_TYPE)};
}

/* §5.10.6.2, §5.10.6.4. False: the driver broke a rule, and the device with it. */
static bool vs_packet(struct virtio_vsock *d)
{
    struct vs_packet p = {.chain = &d->tx};
    uint64_t there = d->tx.out_len;
    if (vq_copy_out(&d->tx, 0, p.hdr, VS_HDR) < VS_HDR) {
        virtio_break(&d->v, "a packet of %" PRIu64 " bytes has no header of %u", there, VS_HDR);
        return false;
    }
    uint32_t len = le32_get(p.hdr + VS_HDR_LEN);
    if (len > there - VS_HDR) {
        virtio_break(&d->v, "a packet says it has %u bytes, and has %" PRIu64, len, there - VS_HDR);
        return false;
    }
    if (le64_get(p.hdr + VS_HDR_SRC_CID) != d->cid) {
        vs_odd(d, &p, "its source is not the guest; dropped");
    } else if (le64_get(p.hdr + VS_HDR_DST_CID) != VSOCK_CID_HOST) {
        vs_odd(d, &p, "there is only the host to talk to; reset");
        vs_reply(d, &p);
    } else if (le16_get(p.hdr + VS_HDR_TYPE) != VS_TYPE_STREAM) {
        vs_odd(d, &p, "it is of no stream; reset");
        vs_reply(d, &p);
    } else if (!vs_conn_packet(d, &p)) {
        vs_reply(d, &p);
    }
    return true;
}

/* Packets, as long as answers have room. False: there are no more. */
static bool vs_tx(struct virtio_vsock *d)
{
    struct vq *q = &d->vqs[VS_TX];
    for (unsigned n = 0; n < VS_PACKETS && d->n_replies < VS_REPLIES;) {
        if (!vq_pop(&d->v, q, &d->tx)) {
            if (vq_rearm(&d->v, q))
                continue;
            return false;
        }
        if (!vs_packet(d))
            return false;
        vq_push(&d->v, q, &d->tx, 0);
        n++;
    }
    return true;
}

static void vs_pump(struct virtio_vsock *d)
{
    bool more = true;
    if (!virtio_live(&d->v))
        return;
    for (unsigned turn = 0; turn < VS_TURNS && more; turn++) {
        more = vs_tx(d);
        vs_rx(d);
    }
    /* With all answers waiting, the driver's next buffers go on with it. */
    if (more && d->n_replies < VS_REPLIES && d->armed_ns) {
        d->armed_ns = 0;
        d->vs->ops->alarm(d->vs, 0);
    }
    vq_notify(&d->v, &d->vqs[VS_TX]);
    vq_notify(&d->v, &d->vqs[VS_RX]);
}

static void vs_notify(struct virtio *v, unsigned queue)
{
    if (queue != VS_EVENT)
        vs_pump(vs_of(v));
}

/* ---- from the event loop's thread ---- */

static void vs_arrived(void *arg)
{
    struct virtio_vsock *d = arg;
    dev_lock(&d->v.dev);
    d->peers_wait = true;
    if (virtio_live(&d->v))
        vs_conn_arrive(d);
    vs_pump(d);
    dev_unlock(&d->v.dev);
}

static void vs_ready(void *arg, unsigned slot)
{
    struct virtio_vsock *d = arg;
    dev_lock(&d->v.dev);
    vs_conn_ready(d, &d->conns[slot]);
    vs_pump(d);
    dev_unlock(&d->v.dev);
}

static void vs_due(void *arg)
{
    struct virtio_vsock *d = arg;
    dev_lock(&d->v.dev);
    d->armed_ns = UINT64_MAX;
    if (virtio_live(&d->v))
        vs_conn_due(d, clock_mono_ns());
    vs_pump(d);
    dev_unlock(&d->v.dev);
}

/* ---- life ---- */

static int vs_begin(struct virtio *v, struct err *err)
{
    return vs_of(v)->vs->ops->listen(vs_of(v)->vs, err);
}

static void vs_end(struct virtio *v)
{
    vs_of(v)->vs->ops->unlisten(vs_of(v)->vs);
}

/* Peers that came before the driver have waited. */
static void vs_activate(struct virtio *v)
{
    vs_conn_arrive(vs_of(v));
    vs_pump(vs_of(v));
}

static void vs_reset(struct virtio *v)
{
    struct virtio_vsock *d = vs_of(v);
    d->told = false;
    d->n_replies = 0;
    d->peers_wait = false;
    for (unsigned i = d->high; i-- > 0;)
        vs_conn_reset(d, &d->conns[i]);
}

static bool vs_busy(struct virtio *v)
{
    const struct virtio_vsock *d = vs_of(v);
    bool busy = false;
    for (unsigned i = 0; i < d->high; i++)
        busy = busy || d->conns[i].buf_at < d->conns[i].buf_end;
    return busy;
}

static void vs_free(struct virtio *v)
{
    struct virtio_vsock *d = vs_of(v);
    for (unsigned i = 0; i < d->high; i++)
        free(d->conns[i].buf);
    d->vs->ops->free(d->vs);
}

static void vs_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
    uint8_t config[VS_CONFIG];
    le64_put(config, vs_of(v)->cid);
    memcpy(buf, config + off, len);
}

static const struct virtio_ops vs_ops = {
    .kind = "virtio-vsock",
    .id = VIRTIO_ID_VSOCK,
    .config_len = VS_CONFIG,
    .config_read = vs_config_read,
    .begin = vs_begin,
    .activate = vs_activate,
    .notify = vs_notify,
    .reset = vs_reset,
    .busy = vs_busy,
    .end = vs_end,
    .free = vs_free,
};

int virtio_vsock_new(struct dev **dev, const char *name, const struct virtio_host *host,
                     const struct virtio_vsock_params *params)
{
    struct virtio_vsock *d = calloc(1, sizeof *d);
    if (!d) {
        params->vs->ops->free(params->vs);
        return -ENOMEM;
    }
    d->vs = params->vs;
    d->cid = params->cid;
    d->idle = params->idle;
    d->arg = params->arg;
    d->armed_ns = UINT64_MAX;
    d->next_port = VS_PORT_FIRST;
    d->vs->arrived = vs_arrived;
    d->vs->ready = vs_ready;
    d->vs->due = vs_due;
    d->vs->arg = d;
    for (unsigned i = 0; i < VS_QUEUES; i++)
        d->vqs[i].max = VS_QUEUE;
    virtio_init(&d->v, &vs_ops, name, host, VIRTIO_VSOCK_F_STREAM, d->vqs, VS_QUEUES);
    *dev = &d->v.dev;
    return 0;
}
