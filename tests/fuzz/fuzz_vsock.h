// SPDX-License-Identifier: MIT
/*
 * fuzz_vsock.h - for fuzz_virtio.c: the host end of a vsock device, moved by the input's bytes, and
 * packets of the guest. It checks that the device asks for nothing of a stream that is not open.
 */
#ifndef TESTS_FUZZ_FUZZ_VSOCK_H
#define TESTS_FUZZ_FUZZ_VSOCK_H

#include <errno.h>

#include "tests/fuzz/fuzz_feed.h"
#include "vmm/virtio.h"
#include "vmm/vsock.h"

#define FUZZ_VSOCK_HDR   44u
#define FUZZ_VSOCK_CID   3u
#define FUZZ_VSOCK_SIDES 8u /* that move; the device may open more */

static struct {
    struct vsock v;
    struct {
        bool open, asked_in, asked_out, ended, broken;
        unsigned in, room;
    } sides[VSOCK_SLOTS];
    unsigned peers;
    uint32_t port; /* that the next peer wants; above 8: nothing yet, or nonsense */
    bool asked_peer, alarm;
} fuzz_vs;

static int fuzz_vs_listen(struct vsock *v, struct err *err)
{
    (void)v, (void)err;
    return 0;
}

static void fuzz_vs_unlisten(struct vsock *v)
{
    (void)v;
}

static int fuzz_vs_wait_peer(struct vsock *v)
{
    (void)v;
    fuzz_vs.asked_peer = true;
    return 0;
}

static int fuzz_vs_take_peer(struct vsock *v, unsigned slot)
{
    (void)v;
    check(!fuzz_vs.sides[slot].open);
    if (!fuzz_vs.peers)
        return -EAGAIN;
    if (--fuzz_vs.peers == 6)
        return -EMFILE;
    memset(&fuzz_vs.sides[slot], 0, sizeof fuzz_vs.sides[slot]);
    fuzz_vs.sides[slot].open = true;
    return 0;
}

static int fuzz_vs_peer_port(struct vsock *v, unsigned slot, uint32_t *port)
{
    (void)v;
    check(fuzz_vs.sides[slot].open);
    *port = fuzz_vs.port;
    return fuzz_vs.port < 8 ? 1 : fuzz_vs.port < 12 ? 0 : -EPROTO;
}

static int fuzz_vs_welcome(struct vsock *v, unsigned slot, uint32_t port)
{
    (void)v, (void)port;
    check(fuzz_vs.sides[slot].open);
    return fuzz_vs.sides[slot].broken ? -EPIPE : 0;
}

static int fuzz_vs_connect(struct vsock *v, unsigned slot, uint32_t port)
{
    (void)v;
    check(!fuzz_vs.sides[slot].open);
    if (port == 3)
        return -ENOENT;
    memset(&fuzz_vs.sides[slot], 0, sizeof fuzz_vs.sides[slot]);
    fuzz_vs.sides[slot].open = true;
    fuzz_vs.sides[slot].room = 100;
    return 0;
}

static int64_t fuzz_vs_read(struct vsock *v, unsigned slot, const struct iovec *iov, unsigned n)
{
    (void)v;
    check(fuzz_vs.sides[slot].open);
    static const uint8_t bytes[256];
    check(iov_len(iov, n) > 0);
    uint64_t got = iov_put(iov, n, 0, bytes, MIN(fuzz_vs.sides[slot].in, sizeof bytes));
    fuzz_vs.sides[slot].in -= (unsigned)got;
    return got                          ? (int64_t)got
           : fuzz_vs.sides[slot].broken ? -EIO
           : fuzz_vs.sides[slot].ended  ? 0
                                        : -EAGAIN;
}

static int64_t fuzz_vs_write(struct vsock *v, unsigned slot, const struct iovec *iov, unsigned n)
{
    (void)v;
    uint8_t bytes[256];
    check(fuzz_vs.sides[slot].open);
    if (fuzz_vs.sides[slot].broken)
        return -EPIPE;
    uint64_t put = iov_get(iov, n, 0, bytes, MIN(fuzz_vs.sides[slot].room, sizeof bytes));
    fuzz_vs.sides[slot].room -= (unsigned)put;
    return put || !iov_len(iov, n) ? (int64_t)put : -EAGAIN;
}

static void fuzz_vs_shut(struct vsock *v, unsigned slot, unsigned how)
{
    (void)v;
    check(fuzz_vs.sides[slot].open && how && how <= VSOCK_SHUT_BOTH);
}

static bool fuzz_vs_gone(struct vsock *v, unsigned slot)
{
    (void)v;
    check(fuzz_vs.sides[slot].open);
    return fuzz_vs.sides[slot].broken;
}

static int fuzz_vs_wait_in(struct vsock *v, unsigned slot, bool ended)
{
    (void)v, (void)ended;
    check(fuzz_vs.sides[slot].open);
    fuzz_vs.sides[slot].asked_in = true;
    return fuzz_vs.sides[slot].in == 77 ? -ENOSPC : 0;
}

static int fuzz_vs_wait_out(struct vsock *v, unsigned slot)
{
    (void)v;
    check(fuzz_vs.sides[slot].open);
    fuzz_vs.sides[slot].asked_out = true;
    return 0;
}

static void fuzz_vs_close(struct vsock *v, unsigned slot)
{
    (void)v;
    fuzz_vs.sides[slot].open = false;
}

static int fuzz_vs_alarm(struct vsock *v, uint64_t deadline_ns)
{
    (void)v;
    fuzz_vs.alarm = deadline_ns != UINT64_MAX;
    return 0;
}

static const struct vsock_ops fuzz_vs_ops = {
    .listen = fuzz_vs_listen,
    .unlisten = fuzz_vs_unlisten,
    .wait_peer = fuzz_vs_wait_peer,
    .take_peer = fuzz_vs_take_peer,
    .peer_port = fuzz_vs_peer_port,
    .welcome = fuzz_vs_welcome,
    .connect = fuzz_vs_connect,
    .read = fuzz_vs_read,
    .write = fuzz_vs_write,
    .shut = fuzz_vs_shut,
    .gone = fuzz_vs_gone,
    .wait_in = fuzz_vs_wait_in,
    .wait_out = fuzz_vs_wait_out,
    .close = fuzz_vs_close,
    .alarm = fuzz_vs_alarm,
    .free = fuzz_vs_unlisten,
};

static inline int fuzz_vsock_new(struct dev **dev, const struct virtio_host *host)
{
    memset(&fuzz_vs, 0, sizeof fuzz_vs);
    fuzz_vs.v.ops = &fuzz_vs_ops;
    const struct virtio_vsock_params p = {.vs = &fuzz_vs.v, .cid = FUZZ_VSOCK_CID};
    return virtio_vsock_new(dev, "dev", host, &p);
}

/* Somebody connects, writes, reads, or leaves; or time goes by; or the loop calls for nothing. */
static inline void fuzz_vsock_move(uint64_t how)
{
    struct vsock *v = &fuzz_vs.v;
    unsigned slot = how % FUZZ_VSOCK_SIDES, n = (unsigned)(how >> 8);
    switch (how >> 3 & 7) {
    case 0:
        fuzz_vs.peers = n & 7;
        fuzz_vs.port = n >> 3 & 15;
        if (fuzz_vs.asked_peer) {
            fuzz_vs.asked_peer = false;
            v->arrived(v->arg);
        }
        break;
    case 1:
        if (fuzz_vs.alarm) {
            fuzz_vs.alarm = false;
            v->due(v->arg);
        }
        break;
    case 2:
        fuzz_vs.sides[slot].ended = true;
        fuzz_vs.sides[slot].broken = n & 1;
        break;
    default:
        fuzz_vs.sides[slot].in += n;
        fuzz_vs.sides[slot].room += 2 * n;
        fuzz_vs.port = n & 7;
    }
    if (fuzz_vs.sides[slot].asked_in || fuzz_vs.sides[slot].asked_out || n == 99) {
        fuzz_vs.sides[slot].asked_in = fuzz_vs.sides[slot].asked_out = false;
        v->ready(v->arg, slot);
    }
}

/* A header of which most is right: ports of a few, any of the operations, little credit. */
static inline void fuzz_vsock_header(uint8_t *h, uint64_t what, uint32_t len)
{
    memset(h, 0, FUZZ_VSOCK_HDR);
    h[0] = what >> 30 & 1 ? FUZZ_VSOCK_CID : (uint8_t)(FUZZ_VSOCK_CID + (what >> 24 & 1));
    h[8] = (uint8_t)(VSOCK_CID_HOST + (what >> 28 == 15));
    h[16] = what & 3;
    h[20] = what >> 2 & 3;
    h[23] = what >> 31 & 1 ? 0x40 : 0; /* a port that peers of the host get */
    le32_put(h + 24, len % 4000);
    h[28] = (uint8_t)(1 + (what >> 25 == 77));
    h[30] = (uint8_t)(what >> 4 & 15) % 9;
    h[32] = what >> 8 & 3;
    le32_put(h + 36, (uint32_t)(what >> 10 & 1023));
    h[40] = (uint8_t)(what >> 20 & 15);
}

#endif
