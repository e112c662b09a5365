// SPDX-License-Identifier: MIT
/*
 * virtio_net.c - network device.
 *
 * Follows virtio 1.2 §5.1: one receive and one transmit queue, MAC address, link status, MTU,
 * mergeable receive buffers, checksum offload both ways; segmentation both ways (TSO) where the
 * host end has it. Not there: a control queue and what needs one, several queue pairs, UFO, USO,
 * RSS.
 *
 * Frames go out on the vCPU's thread, as many at a time as are offered: no other thread is woken
 * for them. Frames come in on the event loop's thread, which
 * reads them without the device's lock. Back-pressure both ways: what the host has no room for
 * stays in the guest's queue, and the host is not read on while the guest has no buffers.
 *
 * Who receives: while `rx_stuck` the holder of the device's lock, else the event loop's thread
 * (vmm/netif.h wants one at a time).
 */
#include "vmm/virtio.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/log.h"
#include "vmm/netif.h"

#define NET_QUEUE  256u
#define NET_BATCH  32u              /* frames sent at a time */
#define NET_TURN   (4u * NET_QUEUE) /* chains taken before another has the lock */
#define NET_ROUNDS 8u /* times that the host is read before others of the loop go on */

enum { NET_RX, NET_TX, NET_QUEUES };

/* §5.1.3 */
#define VIRTIO_NET_F_CSUM       BIT(0)
#define VIRTIO_NET_F_GUEST_CSUM BIT(1)
#define VIRTIO_NET_F_MTU        BIT(3)
#define VIRTIO_NET_F_MAC        BIT(5)
#define VIRTIO_NET_F_GUEST_TSO4 BIT(7)
#define VIRTIO_NET_F_GUEST_TSO6 BIT(8)
#define VIRTIO_NET_F_GUEST_ECN  BIT(9)
#define VIRTIO_NET_F_HOST_TSO4  BIT(11)
#define VIRTIO_NET_F_HOST_TSO6  BIT(12)
#define VIRTIO_NET_F_HOST_ECN   BIT(13)
#define VIRTIO_NET_F_MRG_RXBUF  BIT(15)
#define VIRTIO_NET_F_STATUS     BIT(16)
#define NET_F_GSO                                                                                  \
    (VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN |                  \
     VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN)

/* struct virtio_net_config, §5.1.4: offsets */
enum { NET_CFG_MAC = 0, NET_CFG_STATUS = 6, NET_CFG_PAIRS = 8, NET_CFG_MTU = 10, NET_CFG_LEN = 12 };
#define VIRTIO_NET_S_LINK_UP 1u

struct net_slot {
    struct vq_chain c;
    struct iovec iov[VQ_SIZE_MAX]; /* the frame, without its header */
};

struct virtio_net {
    struct virtio v;
    struct vq vqs[NET_QUEUES];
    struct netif *nif;
    uint8_t config[NET_CFG_LEN];
    bool rx_stuck; /* frames wait for the driver's buffers, or for a driver */
    bool tx_waits; /* frames wait for the host, or for their turn */
    bool told;     /* since the reset: of a frame that was dropped */
    bool down;     /* the host end has ended */
    struct vq_used used[VQ_SIZE_MAX];
    struct vq_chain rx[2]; /* the first of a frame's, and another */
    struct netif_tx tx[NET_BATCH];
    struct net_slot slots[NET_BATCH];
};

static struct virtio_net *net_of(struct virtio *v)
{
    return container_of(v, struct virtio_net, v);
}

static void net_down(struct virtio_net *d)
{
    if (d->down)
        return;
    d->down = true;
    le16_put(d->config + NET_CFG_STATUS, 0);
    virtio_config_changed(&d->v);
}

/* ---- the header ---- */

/* columns: segmentation, its feature for frames to send, and for frames that come */
static const struct {
    uint8_t type;
    uint64_t host, guest;
} net_gso[] = {
    {NETIF_GSO_TCPV4, VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_GUEST_TSO4},
    {NETIF_GSO_TCPV6, VIRTIO_NET_F_HOST_TSO6, VIRTIO_NET_F_GUEST_TSO6},
};

/* Is this a kind of segmentation that was negotiated, for this direction? */
static bool net_gso_ok(const struct virtio_net *d, uint8_t type, bool out)
{
    if (type & NETIF_GSO_ECN &&
        !virtio_has(&d->v, out ? VIRTIO_NET_F_HOST_ECN : VIRTIO_NET_F_GUEST_ECN))
        return false;
    for (unsigned i = 0; i < ARRAY_LEN(net_gso); i++)
        if ((type & ~NETIF_GSO_ECN) == net_gso[i].type)
            return virtio_has(&d->v, out ? net_gso[i].host : net_gso[i].guest);
    return false;
}

/*
 * §5.1.6.2: check what the driver wrote, and leave in `hdr` what is used of it. NULL: the frame can
 * be sent; else why not. Flags of which the device knows nothing are ignored.
 */
static const char *net_check(const struct virtio_net *d, uint8_t *hdr, uint64_t len)
{
    uint8_t type = hdr[NETIF_HDR_GSO_TYPE];
    bool csum = hdr[NETIF_HDR_FLAGS] & NETIF_F_NEEDS_CSUM;
    uint32_t end =
        (uint32_t)le16_get(hdr + NETIF_HDR_CSUM_START) + le16_get(hdr + NETIF_HDR_CSUM_OFFSET) + 2;
    if (len < NETIF_FRAME_MIN)
        return "it is shorter than an Ethernet header";
    if (len > (d->nif->mtu ? d->nif->mtu + NETIF_FRAME_MIN : NETIF_FRAME_MAX))
        return "it is longer than the longest frame";
    if (csum && !virtio_has(&d->v, VIRTIO_NET_F_CSUM))
        return "it needs a checksum, and CSUM was not negotiated";
    if (csum && end > len)
        return "its checksum is beyond its end";
    if (type != NETIF_GSO_NONE && !net_gso_ok(d, type, true))
        return "it needs segmentation that was not negotiated";
    if (type != NETIF_GSO_NONE && (!csum || !le16_get(hdr + NETIF_HDR_GSO_SIZE)))
        return "it needs segmentation without a size or a checksum";
    hdr[NETIF_HDR_FLAGS] = csum ? NETIF_F_NEEDS_CSUM : 0;
    if (!csum)
        memset(hdr + NETIF_HDR_CSUM_START, 0, NETIF_HDR_BUFFERS - NETIF_HDR_CSUM_START);
    if (type == NETIF_GSO_NONE)
        memset(hdr + NETIF_HDR_LEN, 0, NETIF_HDR_CSUM_START - NETIF_HDR_LEN);
    else if (le16_get(hdr + NETIF_HDR_LEN) > len) /* a hint only, and no reason to refuse */
        le16_put(hdr + NETIF_HDR_LEN, 0);
    le16_put(hdr + NETIF_HDR_BUFFERS, 0);
    return NULL;
}

/* ---- sending; with the lock held ---- */

/* The frame in a slot's chain. False: it is dropped. */
static bool net_tx_frame(struct virtio_net *d, struct net_slot *s, struct netif_tx *f)
{
    vq_copy_out(&s->c, 0, f->hdr, NETIF_HDR);
    uint64_t len = s->c.out_len - NETIF_HDR;
    const char *why = net_check(d, f->hdr, len);
    if (why) {
        if (!d->told)
            log_at(LOG_WARN, "%s (virtio-net): a frame of %" PRIu64 " bytes is dropped: %s",
                   d->v.dev.name, len, why);
        d->told = true;
        return false;
    }
    f->len = (uint32_t)len;
    f->n = iov_slice(s->c.iov, s->c.n_out, NETIF_HDR, len, s->iov);
    f->iov = s->iov;
    return true;
}

/* Up to NET_BATCH chains: how many there were; chain i's frame, when it has one, is tx[frame[i]].
 */
static unsigned net_tx_batch(struct virtio_net *d, unsigned *frames, bool *has)
{
    unsigned n = 0;
    *frames = 0;
    while (n < NET_BATCH && vq_pop(&d->v, &d->vqs[NET_TX], &d->slots[n].c)) {
        struct net_slot *s = &d->slots[n];
        if (s->c.out_len < NETIF_HDR) {
            virtio_break(&d->v, "a frame to send of %" PRIu64 " bytes has no header of %u",
                         s->c.out_len, NETIF_HDR);
            return 0;
        }
        has[n] = net_tx_frame(d, s, &d->tx[*frames]);
        *frames += has[n++];
    }
    return n;
}

/* Send what is there. False: the host has no room for all, and the driver is not listened to. */
static bool net_tx_all(struct virtio_net *d)
{
    struct vq *q = &d->vqs[NET_TX];
    bool has[NET_BATCH];
    d->nif->ops->send(d->nif, NULL, 0);
    for (unsigned turn = 0; turn < NET_TURN;) {
        unsigned frames, done = 0, n = net_tx_batch(d, &frames, has);
        if (!n) {
            if (vq_rearm(&d->v, q))
                continue;
            return true;
        }
        unsigned taken = d->nif->ops->send(d->nif, d->tx, frames);
        for (unsigned sent = 0; done < n && (!has[done] || sent < taken); done++) {
            sent += has[done];
            d->used[done] = (struct vq_used){d->slots[done].c.head, 0};
        }
        vq_push_used(&d->v, q, d->used, done);
        vq_unpop(q, n - done);
        if (done < n)
            return false;
        turn += n;
    }
    return false;
}

static void net_tx(struct virtio_net *d)
{
    struct vq *q = &d->vqs[NET_TX];
    if (!virtio_live(&d->v) || !q->ready)
        return;
    d->tx_waits = !net_tx_all(d);
    if (d->tx_waits && d->nif->ops->wait_out(d->nif))
        net_down(d);
    vq_notify(&d->v, q);
}

/* From the event loop's thread: there is room. */
static void net_writable(void *arg)
{
    struct virtio_net *d = arg;
    dev_lock(&d->v.dev);
    net_tx(d);
    dev_unlock(&d->v.dev);
}

/* ---- receiving ---- */

/* The header of a frame that came; false: it asks for more than the driver negotiated. */
static bool net_rx_header(const struct virtio_net *d, const struct netif_rx *f, uint8_t *hdr)
{
    bool takes_csum = virtio_has(&d->v, VIRTIO_NET_F_GUEST_CSUM);
    memset(hdr, 0, NETIF_HDR);
    if (!f->hdr) { /* §5.1.6.4: the checksum was validated */
        hdr[NETIF_HDR_FLAGS] = d->nif->valid && takes_csum ? NETIF_F_DATA_VALID : 0;
        return true;
    }
    memcpy(hdr, f->hdr, NETIF_HDR);
    hdr[NETIF_HDR_FLAGS] &= NETIF_F_NEEDS_CSUM | NETIF_F_DATA_VALID;
    if (!takes_csum && hdr[NETIF_HDR_FLAGS] & NETIF_F_NEEDS_CSUM)
        return false;
    if (!takes_csum)
        hdr[NETIF_HDR_FLAGS] = 0;
    return hdr[NETIF_HDR_GSO_TYPE] == NETIF_GSO_NONE ||
           net_gso_ok(d, hdr[NETIF_HDR_GSO_TYPE], false);
}

/*
 * Copy [off, ...) of header and frame into a chain; how many bytes. The frame lies in the host
 * end's memory, not the guest's.
 */
static uint32_t net_rx_fill(struct virtio_net *d, const struct vq_chain *c, const uint8_t *hdr,
                            const struct netif_rx *f, uint32_t off)
{
    uint64_t n = off ? 0 : vq_copy_in(c, 0, hdr, NETIF_HDR);
    uint32_t from = off ? off - NETIF_HDR : 0;
    n += vq_copy_in(c, n, f->data + from, f->len - from);
    vq_written(&d->v, c, (uint32_t)n);
    return (uint32_t)n;
}

/*
 * One frame into the driver's buffers: with MRG_RXBUF into as many as it takes (§5.1.6.4), which
 * the driver sees all at once. False: there are not enough now. A frame that no buffers of this
 * queue can hold is dropped.
 */
static bool net_rx_frame(struct virtio_net *d, const struct netif_rx *f)
{
    struct vq *q = &d->vqs[NET_RX];
    bool merge = virtio_has(&d->v, VIRTIO_NET_F_MRG_RXBUF);
    uint8_t hdr[NETIF_HDR];
    uint32_t all = NETIF_HDR + f->len;
    unsigned n = 0;
    if (!net_rx_header(d, f, hdr))
        return true;
    for (uint32_t done = 0; done < all;) {
        struct vq_chain *c = &d->rx[n > 0];
        if (n == q->size) { /* all that it can offer is too small */
            vq_unpop(q, n);
            return true;
        }
        while (!vq_pop(&d->v, q, c))
            if (!vq_rearm(&d->v, q)) {
                vq_unpop(q, n);
                return false;
            }
        if (c->in_len < (n ? 1 : NETIF_HDR)) {
            virtio_break(&d->v, "a buffer to receive into has %" PRIu64 " bytes", c->in_len);
            return false;
        }
        if (!merge && c->in_len < all) {
            vq_unpop(q, 1);
            return true;
        }
        uint32_t part = net_rx_fill(d, c, hdr, f, done);
        d->used[n++] = (struct vq_used){c->head, part};
        done += part;
    }
    uint8_t buffers[2];
    le16_put(buffers, (uint16_t)n);
    vq_copy_in(&d->rx[0], NETIF_HDR_BUFFERS, buffers, sizeof buffers);
    vq_push_used(&d->v, q, d->used, n);
    return true;
}

/* With the lock held, by who receives: hand over what has come. False: some is left. */
static bool net_rx(struct virtio_net *d)
{
    struct netif_rx f;
    bool left;
    while ((left = d->nif->ops->peek(d->nif, &f)) && virtio_live(&d->v) && d->vqs[NET_RX].ready &&
           net_rx_frame(d, &f))
        d->nif->ops->skip(d->nif);
    vq_notify(&d->v, &d->vqs[NET_RX]);
    return !left;
}

/* From the event loop's thread: the host has frames, or has ended. */
static void net_readable(void *arg)
{
    struct virtio_net *d = arg;
    for (unsigned round = 0;; round++) {
        int got = d->nif->ops->recv(d->nif);
        dev_lock(&d->v.dev);
        d->rx_stuck = !net_rx(d);
        bool stuck = d->rx_stuck;
        bool rest = !stuck && (!got || round == NET_ROUNDS);
        if (got < 0 || (rest && d->nif->ops->wait_in(d->nif)))
            net_down(d);
        dev_unlock(&d->v.dev);
        if (stuck || got <= 0 || round == NET_ROUNDS)
            return;
    }
}

/* The driver has given buffers, or is there: with the lock held. */
static void net_rx_resume(struct virtio_net *d)
{
    if (!d->rx_stuck)
        return;
    d->rx_stuck = !net_rx(d);
    if (!d->rx_stuck && !d->down && d->nif->ops->wait_in(d->nif))
        net_down(d);
}

/* ---- life ---- */

static void net_notify(struct virtio *v, unsigned queue)
{
    struct virtio_net *d = net_of(v);
    if (queue == NET_RX)
        net_rx_resume(d);
    else if (!d->tx_waits)
        net_tx(d);
}

static void net_activate(struct virtio *v)
{
    struct virtio_net *d = net_of(v);
    /* columns: feature, what the host end may then give */
    static const struct {
        uint64_t feature;
        unsigned rx;
    } rx[] = {
        {VIRTIO_NET_F_GUEST_CSUM, NETIF_RX_CSUM},
        {VIRTIO_NET_F_GUEST_TSO4, NETIF_RX_TSO4},
        {VIRTIO_NET_F_GUEST_TSO6, NETIF_RX_TSO6},
        {VIRTIO_NET_F_GUEST_ECN,  NETIF_RX_ECN },
    };
    unsigned takes = 0;
    for (unsigned i = 0; i < ARRAY_LEN(rx) && virtio_has(v, VIRTIO_NET_F_GUEST_CSUM); i++)
        takes |= virtio_has(v, rx[i].feature) ? rx[i].rx : 0;
    d->nif->ops->start(d->nif, takes);
    net_rx_resume(d);
    net_tx(d);
}

/* No chain is held between calls: what waits is in the queues, or the host end's own copy. */
static void net_reset(struct virtio *v)
{
    struct virtio_net *d = net_of(v);
    d->tx_waits = d->told = false;
}

static void net_free(struct virtio *v)
{
    net_of(v)->nif->ops->free(net_of(v)->nif);
}

static void net_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, net_of(v)->config + off, len);
}

static const struct virtio_ops net_ops = {
    .kind = "virtio-net",
    .id = VIRTIO_ID_NET,
    .config_len = NET_CFG_LEN,
    .config_read = net_config_read,
    .activate = net_activate,
    .notify = net_notify,
    .reset = net_reset,
    .free = net_free,
};

int virtio_net_new(struct dev **dev, const char *name, const struct virtio_host *host,
                   struct netif *nif, const uint8_t *mac)
{
    struct virtio_net *d = calloc(1, sizeof *d);
    if (!d) {
        nif->ops->free(nif);
        return -ENOMEM;
    }
    uint64_t features = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MAC |
                        VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS;
    features |= nif->gso ? NET_F_GSO : 0;
    features |= nif->mtu ? VIRTIO_NET_F_MTU : 0;
    memcpy(d->config + NET_CFG_MAC, mac, NETIF_MAC);
    le16_put(d->config + NET_CFG_STATUS, VIRTIO_NET_S_LINK_UP);
    le16_put(d->config + NET_CFG_PAIRS, 1);
    le16_put(d->config + NET_CFG_MTU, nif->mtu);
    d->nif = nif;
    d->rx_stuck = true;
    nif->readable = net_readable;
    nif->writable = net_writable;
    nif->arg = d;
    for (unsigned i = 0; i < NET_QUEUES; i++)
        d->vqs[i].max = NET_QUEUE;
    virtio_init(&d->v, &net_ops, name, host, features, d->vqs, NET_QUEUES);
    *dev = &d->v.dev;
    return 0;
}
