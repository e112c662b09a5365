// SPDX-License-Identifier: MIT
/*
 * net_stream.c - Ethernet frames over a stream socket: a length of 4 bytes, big-endian, then the
 * frame (passt(1), "--socket"; QEMU's -netdev stream).
 *
 * The other side knows no offloads: a checksum that the guest left to us is filled in here, and the
 * frames that come have theirs. Long frames take the place of segmentation: the guest is told an
 * MTU of 65520, passt's own. Frames go out many at a time, and come in as many as there are.
 *
 * A frame of which the socket took a part is copied, so that the guest may be reset or change it
 * meanwhile: the stream stays one of whole frames, and no more than one frame is kept.
 */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/iov.h"

#define NET_STREAM_MTU    65520u
#define NET_STREAM_IOV    1024u /* IOV_MAX of Linux */
#define NET_STREAM_FRAMES 64u
#define NET_STREAM_SNDBUF ((int)MIB(1))

static struct net_stream *stream_of(struct netif *nif)
{
    return container_of(nif, struct net_stream, nif);
}

/* ---- receiving ---- */

/* The length before the next frame, when all of the frame is there; 0: it is not. */
static uint32_t stream_whole(const struct net_stream *s)
{
    uint32_t there = s->rx_end - s->rx_at;
    if (there < NET_STREAM_LEN)
        return 0;
    uint32_t len = be32_get(s->rx + s->rx_at);
    return len <= there - NET_STREAM_LEN ? len : 0;
}

/* The next length is none of a frame: the stream cannot be read on. */
static bool stream_bad(const struct net_stream *s)
{
    if (s->rx_end - s->rx_at < NET_STREAM_LEN)
        return false;
    uint32_t len = be32_get(s->rx + s->rx_at);
    return len < NETIF_FRAME_MIN || len > NET_STREAM_FRAME;
}

int net_stream_recv(struct netif *nif)
{
    struct net_stream *s = stream_of(nif);
    while (!stream_bad(s)) {
        if (stream_whole(s)) {
            atomic_store_explicit(&s->heard, true, memory_order_relaxed);
            return 1;
        }
        memmove(s->rx, s->rx + s->rx_at, s->rx_end - s->rx_at);
        s->rx_end -= s->rx_at;
        s->rx_at = 0;
        ssize_t got = read(s->fd, s->rx + s->rx_end, sizeof s->rx - s->rx_end);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0)
            return got ? -errno : -EPIPE;
        s->rx_end += (uint32_t)got;
    }
    return -EPROTO;
}

bool net_stream_peek(struct netif *nif, struct netif_rx *f)
{
    struct net_stream *s = stream_of(nif);
    uint32_t len = stream_bad(s) ? 0 : stream_whole(s);
    *f = (struct netif_rx){NULL, s->rx + s->rx_at + NET_STREAM_LEN, len};
    return len != 0;
}

void net_stream_skip(struct netif *nif)
{
    struct net_stream *s = stream_of(nif);
    s->rx_at += NET_STREAM_LEN + stream_whole(s);
}

/* ---- sending ---- */

/* The sum of 16-bit words, in the host's order, not folded (RFC 1071 §2). */
static uint64_t stream_sum_piece(const uint8_t *p, size_t len)
{
    uint64_t sum[4] = {0}, last = 0;
    for (; len >= 32; p += 32, len -= 32) {
        uint64_t w[4];
        memcpy(w, p, sizeof w);
        for (unsigned i = 0; i < 4; i++)
            sum[i] += (w[i] & UINT32_MAX) + (w[i] >> 32);
    }
    for (; len >= 4; p += 4, len -= 4) {
        uint32_t w;
        memcpy(&w, p, sizeof w);
        last += w;
    }
    uint8_t tail[4] = {0};
    memcpy(tail, p, len);
    uint32_t w;
    memcpy(&w, tail, sizeof w);
    return sum[0] + sum[1] + sum[2] + sum[3] + last + w;
}

static uint16_t stream_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The checksum of all bytes: a piece that begins at an odd place counts with its bytes swapped. */
static uint16_t stream_checksum(const struct iovec *iov, unsigned n)
{
    uint64_t sum = 0;
    bool odd = false;
    for (unsigned i = 0; i < n; i++) {
        uint32_t part = stream_fold(stream_sum_piece(iov[i].iov_base, iov[i].iov_len));
        sum += odd ? (part << 8 | part >> 8) & 0xffffu : part;
        odd ^= iov[i].iov_len & 1;
    }
    uint16_t folded = (uint16_t)~stream_fold(sum);
    return folded ? folded : 0xffff; /* 0 would be "none" in UDP (RFC 768) */
}

/* What is written before and into a frame. */
struct stream_mark {
    uint8_t len[NET_STREAM_LEN], csum[2];
};

/* The frame's pieces with its length before them; how many. At most 3 more than it has itself. */
static unsigned stream_pieces(const struct netif_tx *f, struct stream_mark *m, struct iovec *out)
{
    be32_put(m->len, f->len);
    out[0] = (struct iovec){m->len, sizeof m->len};
    if (!(f->hdr[NETIF_HDR_FLAGS] & NETIF_F_NEEDS_CSUM))
        return 1 + iov_slice(f->iov, f->n, 0, f->len, out + 1);
    /* The field holds the pseudo header's sum (virtio 1.2 §5.1.6.2) and is part of what is summed.
     * The guest's memory is not ours to write: the frame is sent around it. */
    uint32_t start = le16_get(f->hdr + NETIF_HDR_CSUM_START);
    uint32_t at = start + le16_get(f->hdr + NETIF_HDR_CSUM_OFFSET);
    unsigned n = iov_slice(f->iov, f->n, start, f->len - start, out + 1);
    uint16_t sum = stream_checksum(out + 1, n);
    memcpy(m->csum, &sum, sizeof sum);
    n = 1 + iov_slice(f->iov, f->n, 0, at, out + 1);
    out[n++] = (struct iovec){m->csum, sizeof m->csum};
    return n + iov_slice(f->iov, f->n, at + 2, f->len - at - 2, out + n);
}

/* How many bytes the socket took; all of them once nobody is there. */
static size_t stream_put(struct net_stream *s, const struct iovec *iov, unsigned n, size_t all)
{
    ssize_t put;
    do
        put = writev(s->fd, iov, (int)n); /* SIGPIPE is ignored in every run */
    while (put < 0 && errno == EINTR);
    if (put >= 0)
        return (size_t)put;
    if (errno == EAGAIN)
        return 0;
    s->gone = true; /* the receiving side finds out as well, and tells the guest */
    return all;
}

static bool stream_put_rest(struct net_stream *s)
{
    if (s->rest_at < s->rest_end) {
        size_t left = s->rest_end - s->rest_at;
        struct iovec iov = {s->rest + s->rest_at, left};
        s->rest_at += (uint32_t)stream_put(s, &iov, 1, left);
    }
    return s->rest_at == s->rest_end;
}

unsigned net_stream_send(struct netif *nif, const struct netif_tx *f, unsigned n)
{
    struct net_stream *s = stream_of(nif);
    struct iovec iov[NET_STREAM_IOV];
    struct stream_mark marks[NET_STREAM_FRAMES];
    unsigned taken = 0;
    while (stream_put_rest(s) && taken < n && !s->gone) {
        unsigned used = 0, i = taken;
        size_t all = 0;
        for (; i < n && i - taken < NET_STREAM_FRAMES && used + f[i].n + 3 <= NET_STREAM_IOV; i++) {
            used += stream_pieces(&f[i], &marks[i - taken], iov + used);
            all += NET_STREAM_LEN + f[i].len;
        }
        size_t put = stream_put(s, iov, used, all), end = 0;
        while (taken < i && end + NET_STREAM_LEN + f[taken].len <= put)
            end += NET_STREAM_LEN + f[taken++].len;
        if (put == end && taken < i)
            break; /* full, at the end of a frame */
        if (put > end) {
            s->rest_at = 0;
            s->rest_end = (uint32_t)iov_get(iov, used, put, s->rest,
                                            end + NET_STREAM_LEN + f[taken++].len - put);
        }
    }
    if (s->rest_at < s->rest_end) /* it goes on when there is room, whether more is sent or not */
        net_stream_wait_out(nif);
    return s->gone ? n : taken;
}

/* ---- life ---- */

int net_stream_wait_in(struct netif *nif)
{
    struct net_stream *s = stream_of(nif);
    return loop_watch(s->loop, &s->in, s->fd, POLLIN);
}

int net_stream_wait_out(struct netif *nif)
{
    struct net_stream *s = stream_of(nif);
    return loop_watch(s->loop, &s->out, s->fd, POLLOUT);
}

static void stream_readable(void *arg)
{
    struct net_stream *s = arg;
    s->nif.readable(s->nif.arg);
}

static void stream_writable(void *arg)
{
    struct net_stream *s = arg;
    s->nif.writable(s->nif.arg);
}

void net_stream_init(struct net_stream *s, const struct netif_ops *ops, struct loop *loop, int fd)
{
    s->nif = (struct netif){.ops = ops, .valid = true, .mtu = NET_STREAM_MTU};
    s->loop = loop;
    s->fd = fd;
    s->in = (struct loop_watch){.fn = stream_readable, .arg = s};
    s->out = (struct loop_watch){.fn = stream_writable, .arg = s};
    /* Room for some frames; the host may allow less. */
    int size = NET_STREAM_SNDBUF;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void net_stream_fini(struct net_stream *s)
{
    loop_unwatch(s->loop, &s->in);
    loop_unwatch(s->loop, &s->out);
    close(s->fd);
}
