// SPDX-License-Identifier: MIT
/*
 * net.h - what the files of src/host/net_*.c share: frames over a stream socket.
 */
#ifndef HOST_NET_H
#define HOST_NET_H

#include <stdatomic.h>

#include "vmm/host.h"
#include "vmm/netif.h"

#define NET_STREAM_LEN   4u     /* bytes of a frame's length before it, big-endian */
#define NET_STREAM_FRAME 65535u /* passt's longest frame */
#define NET_STREAM_BUF   KIB(256)

struct net_stream {
    struct netif nif;
    struct loop *loop;
    int fd;
    struct loop_watch in, out;
    _Atomic bool heard; /* a frame came, once */
    /* Received: bytes [rx_at, rx_end) of rx. */
    uint32_t rx_at, rx_end;
    /* The rest of a frame of which a part is sent: nothing goes before it. */
    uint32_t rest_at, rest_end;
    bool gone; /* the other side takes no more */
    uint8_t rest[NET_STREAM_LEN + NET_STREAM_FRAME];
    uint8_t rx[NET_STREAM_BUF];
};

/* `fd` is the stream's from here on, non-blocking. */
void net_stream_init(struct net_stream *s, const struct netif_ops *ops, struct loop *loop, int fd);
void net_stream_fini(struct net_stream *s);

/* As in struct netif_ops. */
int net_stream_recv(struct netif *nif);
bool net_stream_peek(struct netif *nif, struct netif_rx *f);
void net_stream_skip(struct netif *nif);
unsigned net_stream_send(struct netif *nif, const struct netif_tx *f, unsigned n);
int net_stream_wait_in(struct netif *nif);
int net_stream_wait_out(struct netif *nif);

#endif
