// SPDX-License-Identifier: MIT
/*
 * virtio_vsock_conn.c - a connection of the vsock device: what the guest's packets and the host
 * end's bytes do to it.
 *
 * Follows virtio 1.2 §5.10.6.3 (credit) and §5.10.6.5 (stream sockets). A packet that has no place
 * in a connection's state, or sends beyond the credit it was given, resets the connection. Bytes of
 * the guest go to the host at once; what the host has no room for is kept, up to VS_BUF, which is
 * the credit that the guest has.
 */
#include "vsock.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/clock.h"
#include "vmm/log.h"

/* ---- places and waiting ---- */

static struct vs_conn *conn_find(struct virtio_vsock *d, uint32_t host_port, uint32_t guest_port)
{
    const unsigned known = BIT(VS_REQUESTED) | BIT(VS_CONNECTED) | BIT(VS_DYING);
    for (unsigned i = 0; i < d->high; i++) {
        struct vs_conn *c = &d->conns[i];
        if (known & BIT(c->state) && c->host_port == host_port && c->guest_port == guest_port)
            return c;
    }
    return NULL;
}

static struct vs_conn *conn_free_slot(struct virtio_vsock *d)
{
    for (unsigned i = 0; i < VSOCK_SLOTS; i++)
        if (d->conns[i].state == VS_FREE)
            return &d->conns[i];
    return NULL;
}

static void conn_begin(struct virtio_vsock *d, struct vs_conn *c, enum vs_state state)
{
    *c = (struct vs_conn){.state = state, .deadline_ns = UINT64_MAX};
    d->high = MAX(d->high, vs_slot(d, c) + 1);
}

static void conn_alarm(struct virtio_vsock *d, uint64_t deadline_ns)
{
    if (deadline_ns >= d->armed_ns)
        return;
    d->armed_ns = deadline_ns;
    d->vs->ops->alarm(d->vs, deadline_ns);
}

static void conn_wait(struct virtio_vsock *d, struct vs_conn *c)
{
    c->deadline_ns = clock_mono_ns() + VS_WAIT_NS;
    conn_alarm(d, c->deadline_ns);
}

static void conn_drop_buf(struct virtio_vsock *d, struct vs_conn *c)
{
    bool had = c->buf_at < c->buf_end;
    free(c->buf);
    c->buf = NULL;
    c->buf_at = c->buf_end = 0;
    if (had && d->idle)
        d->idle(d->arg);
}

static void conn_release(struct virtio_vsock *d, struct vs_conn *c)
{
    d->vs->ops->close(d->vs, vs_slot(d, c));
    conn_drop_buf(d, c);
    *c = (struct vs_conn){.state = VS_FREE, .deadline_ns = UINT64_MAX};
    while (d->high && d->conns[d->high - 1].state == VS_FREE)
        d->high--;
    if (d->peers_wait && virtio_live(&d->v))
        d->peers_wait = d->vs->ops->wait_peer(d->vs) != 0;
}

/* Nothing more of it than a reset for the guest. */
static void conn_die(struct virtio_vsock *d, struct vs_conn *c)
{
    d->vs->ops->close(d->vs, vs_slot(d, c));
    conn_drop_buf(d, c);
    c->state = VS_DYING;
    c->todo = VS_SAY_RST;
    c->deadline_ns = UINT64_MAX;
}

static void conn_wrong(struct virtio_vsock *d, struct vs_conn *c, const char *why)
{
    if (!d->told)
        log_at(LOG_WARN, "%s (virtio-vsock): ports %u of the guest and %u of the host: %s; reset",
               d->v.dev.name, c->guest_port, c->host_port, why);
    d->told = true;
    conn_die(d, c);
}

/* ---- from the guest to the host ---- */

/* Every byte of the guest is written, or nobody takes it. §5.10.6.5: a guest that neither sends nor
 * receives any more is answered by a reset. */
static void conn_flushed(struct virtio_vsock *d, struct vs_conn *c)
{
    if (c->state == VS_LATE)
        conn_release(d, c);
    else if (c->guest_shut == VSOCK_SHUT_BOTH)
        conn_die(d, c);
    else if (c->guest_shut & VSOCK_SHUT_SEND && !c->deaf)
        d->vs->ops->shut(d->vs, vs_slot(d, c), VSOCK_SHUT_SEND);
}

static void conn_deaf(struct virtio_vsock *d, struct vs_conn *c)
{
    c->deaf = true;
    c->fwd_cnt = c->rx_cnt;
    c->host_shut |= VSOCK_SHUT_RECEIVE;
    c->todo |= VS_SAY_SHUTDOWN;
    conn_drop_buf(d, c);
}

/* Write bytes; how many there was room for now. When nobody takes them, deaf. */
static uint32_t conn_write(struct virtio_vsock *d, struct vs_conn *c, const struct iovec *iov,
                           unsigned n)
{
    int64_t got = d->vs->ops->write(d->vs, vs_slot(d, c), iov, n);
    if (got == -EAGAIN && !d->vs->ops->wait_out(d->vs, vs_slot(d, c)))
        return 0;
    if (got < 0) {
        conn_deaf(d, c);
        return 0;
    }
    c->fwd_cnt += (uint32_t)got;
    if (c->state == VS_CONNECTED && c->fwd_cnt - c->told_cnt >= VS_BUF / 2)
        c->todo |= VS_SAY_CREDIT;
    return (uint32_t)got;
}

static void conn_flush(struct virtio_vsock *d, struct vs_conn *c)
{
    while (c->buf_at < c->buf_end) {
        const struct iovec iov = {c->buf + c->buf_at, c->buf_end - c->buf_at};
        uint32_t got = conn_write(d, c, &iov, 1);
        if (!got && !c->deaf)
            return;
        c->buf_at += got;
    }
    c->buf_at = c->buf_end = 0;
    if (d->idle)
        d->idle(d->arg);
    conn_flushed(d, c);
}

/* Keep the bytes from `off` of the chain on, `len` of them: there is room, by the credit. */
static void conn_keep(struct virtio_vsock *d, struct vs_conn *c, const struct vq_chain *chain,
                      uint32_t off, uint32_t len)
{
    if (!c->buf)
        c->buf = malloc(VS_BUF);
    if (!c->buf) {
        conn_wrong(d, c, "there is no memory for what it sends");
        return;
    }
    if (len > VS_BUF - c->buf_end) {
        memmove(c->buf, c->buf + c->buf_at, c->buf_end - c->buf_at);
        c->buf_end -= c->buf_at;
        c->buf_at = 0;
    }
    vq_copy_out(chain, off, c->buf + c->buf_end, len);
    c->buf_end += len;
}

/* ---- the guest's packets ---- */

static void conn_on_response(struct virtio_vsock *d, struct vs_conn *c, const struct vs_packet *p)
{
    (void)p;
    c->state = VS_CONNECTED;
    c->deadline_ns = UINT64_MAX;
    if (d->vs->ops->welcome(d->vs, vs_slot(d, c), c->host_port))
        conn_die(d, c);
}

static void conn_on_shutdown(struct virtio_vsock *d, struct vs_conn *c, const struct vs_packet *p)
{
    unsigned flags = le32_get(p->hdr + VS_HDR_FLAGS) & VSOCK_SHUT_BOTH & ~c->guest_shut;
    c->guest_shut |= flags;
    if (flags & VSOCK_SHUT_RECEIVE)
        d->vs->ops->shut(d->vs, vs_slot(d, c), VSOCK_SHUT_RECEIVE);
    if (flags && c->buf_at == c->buf_end)
        conn_flushed(d, c);
}

static void conn_on_rw(struct virtio_vsock *d, struct vs_conn *c, const struct vs_packet *p)
{
    uint32_t len = le32_get(p->hdr + VS_HDR_LEN), done = 0;
    if (c->guest_shut & VSOCK_SHUT_SEND) {
        conn_wrong(d, c, "bytes after the end of them");
        return;
    }
    if (len > VS_BUF - (c->rx_cnt - c->fwd_cnt)) {
        conn_wrong(d, c, "more bytes than there is credit for");
        return;
    }
    c->rx_cnt += len;
    while (c->buf_at == c->buf_end && done < len && !c->deaf) {
        struct iovec iov[VQ_SIZE_MAX];
        unsigned n = iov_slice(p->chain->iov, p->chain->n_out, VS_HDR + done, len - done, iov);
        uint32_t got = conn_write(d, c, iov, n);
        if (!got)
            break;
        done += got;
    }
    if (c->deaf)
        c->fwd_cnt = c->rx_cnt;
    else if (done < len)
        conn_keep(d, c, p->chain, VS_HDR + done, len - done);
}

static void conn_on_credit_update(struct virtio_vsock *d, struct vs_conn *c,
                                  const struct vs_packet *p)
{
    (void)d, (void)c, (void)p; /* every packet carries it */
}

static void conn_on_credit_request(struct virtio_vsock *d, struct vs_conn *c,
                                   const struct vs_packet *p)
{
    (void)d, (void)p;
    c->todo |= VS_SAY_CREDIT;
}

/* columns by VIRTIO_VSOCK_OP_*: states of a connection in which it may come, what it does. REQUEST
 * is for none, RST for any. */
static const struct {
    uint64_t states;
    void (*fn)(struct virtio_vsock *d, struct vs_conn *c, const struct vs_packet *p);
} conn_ops[] = {
    [VS_OP_RESPONSE] = {BIT(VS_REQUESTED), conn_on_response      },
    [VS_OP_SHUTDOWN] = {BIT(VS_CONNECTED), conn_on_shutdown      },
    [VS_OP_RW] = {BIT(VS_CONNECTED), conn_on_rw            },
    [VS_OP_CREDIT_UPDATE] = {BIT(VS_CONNECTED), conn_on_credit_update },
    [VS_OP_CREDIT_REQUEST] = {BIT(VS_CONNECTED), conn_on_credit_request},
};

static bool conn_on_request(struct virtio_vsock *d, const struct vs_packet *p)
{
    struct vs_conn *c = conn_free_slot(d);
    uint32_t port = le32_get(p->hdr + VS_HDR_DST_PORT);
    if (!c) {
        if (!d->told)
            log_at(LOG_WARN, "%s (virtio-vsock): the guest has %u connections, and no more",
                   d->v.dev.name, VSOCK_SLOTS);
        d->told = true;
        return false;
    }
    if (d->vs->ops->connect(d->vs, vs_slot(d, c), port))
        return false;
    conn_begin(d, c, VS_CONNECTED);
    c->host_port = port;
    c->guest_port = le32_get(p->hdr + VS_HDR_SRC_PORT);
    c->peer_alloc = le32_get(p->hdr + VS_HDR_BUF_ALLOC);
    c->peer_fwd = le32_get(p->hdr + VS_HDR_FWD_CNT);
    c->tx_cnt = c->peer_fwd;
    c->todo = VS_SAY_RESPONSE;
    return true;
}

/* The guest is done with it; but bytes before an end that it had announced are still the host's. */
static void conn_on_rst(struct virtio_vsock *d, struct vs_conn *c)
{
    if (c->guest_shut & VSOCK_SHUT_SEND && c->buf_at < c->buf_end) {
        c->state = VS_LATE;
        c->todo = 0;
        c->deadline_ns = UINT64_MAX;
    } else {
        conn_release(d, c);
    }
}

bool vs_conn_packet(struct virtio_vsock *d, const struct vs_packet *p)
{
    struct vs_conn *c =
        conn_find(d, le32_get(p->hdr + VS_HDR_DST_PORT), le32_get(p->hdr + VS_HDR_SRC_PORT));
    uint16_t op = le16_get(p->hdr + VS_HDR_OP);
    if (!c)
        return op == VS_OP_RST || (op == VS_OP_REQUEST && conn_on_request(d, p));
    if (op == VS_OP_RST) {
        conn_on_rst(d, c);
        return true;
    }
    if (c->state == VS_DYING) /* its reset is on the way */
        return true;
    c->peer_alloc = le32_get(p->hdr + VS_HDR_BUF_ALLOC);
    c->peer_fwd = le32_get(p->hdr + VS_HDR_FWD_CNT);
    if (op >= ARRAY_LEN(conn_ops) || !(conn_ops[op].states & BIT(c->state)))
        conn_wrong(d, c, "a packet that has no place here");
    else if (c->tx_cnt - c->peer_fwd > INT32_MAX)
        conn_wrong(d, c, "it has taken more bytes than were sent");
    else
        conn_ops[op].fn(d, c, p);
    return true;
}

uint32_t vs_conn_credit(struct vs_conn *c)
{
    /* No more than what vs_conn_packet() can tell from a count that runs ahead of ours. */
    uint32_t alloc = MIN(c->peer_alloc, (uint32_t)INT32_MAX), used = c->tx_cnt - c->peer_fwd;
    uint32_t left = alloc > used ? alloc - used : 0;
    if (!left && !c->asked)
        c->todo |= VS_ASK_CREDIT;
    c->asked = !left;
    return left;
}

/* ---- from the host ---- */

/* Ask for word of what comes. A host that cannot has no more to say. */
static void conn_listen(struct virtio_vsock *d, struct vs_conn *c)
{
    c->in_wait = true;
    if (!d->vs->ops->wait_in(d->vs, vs_slot(d, c), c->in_end))
        return;
    if (c->state == VS_LINE)
        conn_release(d, c);
    else
        conn_die(d, c);
}

static void conn_gone(struct virtio_vsock *d, struct vs_conn *c)
{
    conn_deaf(d, c);
    conn_flushed(d, c);
}

void vs_conn_no_bytes(struct virtio_vsock *d, struct vs_conn *c, int64_t got)
{
    if (got == -EAGAIN) {
        conn_listen(d, c);
        return;
    }
    c->in_end = true;
    c->host_shut |= VSOCK_SHUT_SEND;
    c->todo |= VS_SAY_SHUTDOWN;
    if (got < 0 || d->vs->ops->gone(d->vs, vs_slot(d, c)))
        conn_gone(d, c);
    else
        conn_listen(d, c);
}

static void conn_line(struct virtio_vsock *d, struct vs_conn *c)
{
    uint32_t port = 0;
    int rc = d->vs->ops->peer_port(d->vs, vs_slot(d, c), &port);
    if (!rc) {
        conn_listen(d, c);
        return;
    }
    if (rc < 0) {
        conn_release(d, c);
        return;
    }
    while (conn_find(d, d->next_port, port))
        d->next_port = (d->next_port + 1) | VS_PORT_FIRST;
    c->state = VS_REQUESTED;
    c->host_port = d->next_port;
    c->guest_port = port;
    c->todo = VS_SAY_REQUEST;
    d->next_port = (d->next_port + 1) | VS_PORT_FIRST;
    conn_wait(d, c);
}

void vs_conn_ready(struct virtio_vsock *d, struct vs_conn *c)
{
    c->in_wait = false;
    if (c->state == VS_LINE)
        conn_line(d, c);
    if (c->buf_at < c->buf_end)
        conn_flush(d, c);
    if (c->state != VS_CONNECTED || !c->in_end || c->deaf)
        return;
    if (d->vs->ops->gone(d->vs, vs_slot(d, c)))
        conn_gone(d, c);
    else
        conn_listen(d, c);
}

void vs_conn_arrive(struct virtio_vsock *d)
{
    struct vs_conn *c;
    int rc = 0;
    while (!rc && (c = conn_free_slot(d))) {
        rc = d->vs->ops->take_peer(d->vs, vs_slot(d, c));
        if (rc)
            continue;
        conn_begin(d, c, VS_LINE);
        conn_wait(d, c);
        conn_line(d, c);
    }
    d->peers_wait = rc != -EAGAIN || d->vs->ops->wait_peer(d->vs);
    if (rc && rc != -EAGAIN) { /* the host has no descriptors left, say: later */
        log_at(LOG_WARN, "%s (virtio-vsock): a peer cannot be taken: %s", d->v.dev.name,
               strerror(-rc));
        conn_alarm(d, clock_mono_ns() + NS_PER_SEC);
    }
}

void vs_conn_due(struct virtio_vsock *d, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    for (unsigned i = 0; i < d->high; i++) {
        struct vs_conn *c = &d->conns[i];
        if (c->state != VS_FREE && c->deadline_ns <= now_ns) {
            if (c->state == VS_LINE)
                conn_release(d, c);
            else
                conn_die(d, c);
        }
        if (c->state != VS_FREE)
            next_ns = MIN(next_ns, c->deadline_ns);
    }
    conn_alarm(d, next_ns);
    if (d->peers_wait)
        vs_conn_arrive(d);
}

void vs_conn_said(struct virtio_vsock *d, struct vs_conn *c, unsigned said)
{
    c->todo &= ~said;
    if (said == VS_SAY_RST)
        conn_release(d, c);
    else if (said == VS_SAY_SHUTDOWN && c->host_shut == VSOCK_SHUT_BOTH)
        conn_wait(d, c); /* for the guest's reset, §5.10.6.5 */
}

void vs_conn_reset(struct virtio_vsock *d, struct vs_conn *c)
{
    if (c->state == VS_FREE)
        return;
    if (c->buf_at == c->buf_end) {
        conn_release(d, c);
        return;
    }
    c->state = VS_LATE;
    c->todo = 0;
    c->deadline_ns = UINT64_MAX;
}
