// SPDX-License-Identifier: MIT
/*
 * netif.h - the host end of a network device: whole Ethernet frames, both ways, none waited for.
 *
 * Threads: frames are received by one thread at a time; it alone calls recv(), peek() and skip().
 * All else is called with the device's lock held. Receiving and sending may happen at once.
 */
#ifndef VMM_NETIF_H
#define VMM_NETIF_H

#include <sys/uio.h>

#include "vmm/base.h"
#include "vmm/err.h"

#define NETIF_MAC       6u
#define NETIF_FRAME_MIN 14u                 /* the Ethernet header */
#define NETIF_FRAME_MAX (14u + 4u + 65535u) /* with a VLAN tag and the longest IP packet */
#define NETIF_IOV_MAX   256u                /* pieces of a frame that is sent */

/* struct virtio_net_hdr, virtio 1.2 §5.1.6, as it lies in memory; Linux's tap has the same one. */
#define NETIF_HDR 12u
enum {
    NETIF_HDR_FLAGS = 0,
    NETIF_HDR_GSO_TYPE = 1,
    NETIF_HDR_LEN = 2,
    NETIF_HDR_GSO_SIZE = 4,
    NETIF_HDR_CSUM_START = 6,
    NETIF_HDR_CSUM_OFFSET = 8,
    NETIF_HDR_BUFFERS = 10,
};
enum { NETIF_F_NEEDS_CSUM = 1, NETIF_F_DATA_VALID = 2 };
enum { NETIF_GSO_NONE = 0, NETIF_GSO_TCPV4 = 1, NETIF_GSO_TCPV6 = 4, NETIF_GSO_ECN = 0x80 };

/* A frame to send: the header is checked, and what it does not use is 0. */
struct netif_tx {
    uint8_t hdr[NETIF_HDR];
    const struct iovec *iov; /* n of them, at most NETIF_IOV_MAX, `len` bytes */
    unsigned n;
    uint32_t len; /* NETIF_FRAME_MIN..NETIF_FRAME_MAX */
};

/* A frame that came. */
struct netif_rx {
    const uint8_t *hdr; /* NULL: there is none: no offload is asked for */
    const uint8_t *data;
    uint32_t len; /* NETIF_FRAME_MIN..NETIF_FRAME_MAX */
};

/* What the guest can take, of frames that come (gso) */
enum { NETIF_RX_CSUM = 1, NETIF_RX_TSO4 = 2, NETIF_RX_TSO6 = 4, NETIF_RX_ECN = 8 };

struct netif;

struct netif_ops {
    /* A driver uses the device from now on; NETIF_RX_* says what it takes. Repeats are allowed. */
    void (*start)(struct netif *nif, unsigned rx);
    /* Read what is there, when peek() has nothing: 1: there are frames now; 0: there are none; or
     * -errno: the network has ended, for good. */
    int (*recv)(struct netif *nif);
    /* The next frame, valid until skip(), or false. */
    bool (*peek)(struct netif *nif, struct netif_rx *f);
    void (*skip)(struct netif *nif);
    /* How many of n frames, in their order, were taken; fewer than n: there is no room now. One
     * that the host refuses counts as taken. n may be 0: what is left of one taken before goes on.
     */
    unsigned (*send)(struct netif *nif, const struct netif_tx *f, unsigned n);
    /* Call nif->readable or nif->writable once, on the event loop's thread, when there is something
     * to receive, or room to send. 0 or -errno. */
    int (*wait_in)(struct netif *nif);
    int (*wait_out)(struct netif *nif);
    void (*free)(struct netif *nif);
};

struct netif {
    const struct netif_ops *ops;
    bool gso;     /* takes and gives headers with segments to make (TSO) */
    bool valid;   /* frames that come have right checksums */
    uint16_t mtu; /* 0: the guest decides */
    /* The device's: */
    void (*readable)(void *arg);
    void (*writable)(void *arg);
    void *arg;
};

struct loop;

/* A tap interface that exists. -errno with err naming it. */
int netif_tap_new(struct netif **nif, struct loop *loop, const char *name, struct err *err);

/* A passt that runs already and listens at `path`. */
int netif_passt_connect(struct netif **nif, struct loop *loop, const char *path, struct err *err);

/* A port of the host that passt forwards to the guest. */
#define NETIF_PUBLISH_MAX 64u
struct netif_publish {
    char addr[46]; /* "127.0.0.1" unless it was given; IPv6 without brackets */
    uint16_t host, guest;
    bool udp;
};

/*
 * [ADDR:]HOST:GUEST[/udp], with an IPv6 ADDR in brackets; and is that port of the host free? -errno
 * with err saying what is wrong.
 */
int netif_publish_parse(struct netif_publish *p, const char *spec, struct err *err);

/*
 * A passt of our own: it is found now, and runs from start() on; it ends with this process, however
 * that ends. `failed(arg, text)` is called on the loop's thread when it cannot do what was asked
 * for; once.
 */
struct netif_passt_params {
    const struct netif_publish *publish;
    unsigned n_publish;
    void (*failed)(void *arg, const char *text);
    void *arg;
};
int netif_passt_new(struct netif **nif, struct loop *loop, const struct netif_passt_params *p,
                    struct err *err);

#endif
