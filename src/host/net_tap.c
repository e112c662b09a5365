// SPDX-License-Identifier: MIT
/*
 * net_tap.c - Ethernet frames by a tap interface of Linux (Documentation/networking/tuntap.rst).
 *
 * The interface's own header is the guest's (IFF_VNET_HDR, 12 bytes): checksums and segmentation go
 * through to the kernel, which checks the header once more. One system call for each frame: a tap
 * takes no more.
 */
#include "net.h"

#include <errno.h>
#include <stdlib.h>
#ifdef __linux__
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TAP_BUF    KIB(512)
#define TAP_FRAMES 64u /* received at a time */
#define TAP_SPACE  (NETIF_HDR + NETIF_FRAME_MAX)

struct tap {
    struct netif nif;
    struct loop *loop;
    int fd;
    struct loop_watch in, out;
    struct {
        uint32_t at, len; /* of the frame, its header before it */
    } frames[TAP_FRAMES];
    unsigned first, n; /* received and not taken: [first, n) */
    uint8_t buf[TAP_BUF];
};

static struct tap *tap_of(struct netif *nif)
{
    return container_of(nif, struct tap, nif);
}

static void tap_start(struct netif *nif, unsigned rx)
{
    /* columns: the guest's, the kernel's (linux/if_tun.h) */
    static const struct {
        unsigned rx, tun;
    } map[] = {
        {NETIF_RX_CSUM, TUN_F_CSUM   },
        {NETIF_RX_TSO4, TUN_F_TSO4   },
        {NETIF_RX_TSO6, TUN_F_TSO6   },
        {NETIF_RX_ECN,  TUN_F_TSO_ECN},
    };
    unsigned tun = 0;
    for (unsigned i = 0; i < ARRAY_LEN(map); i++)
        tun |= rx & map[i].rx ? map[i].tun : 0;
    /* Refused, frames with offloads go on coming, and the device drops them. */
    ioctl(tap_of(nif)->fd, TUNSETOFFLOAD, (unsigned long)tun);
}

static int tap_recv(struct netif *nif)
{
    struct tap *t = tap_of(nif);
    uint32_t at = 0;
    t->first = t->n = 0;
    while (t->n < TAP_FRAMES && at + TAP_SPACE <= sizeof t->buf) {
        ssize_t got = read(t->fd, t->buf + at, TAP_SPACE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != EAGAIN && errno != EIO) /* EIO: the interface is down */
            return -errno;
        if (got <= 0)
            break;
        if (got < (ssize_t)(NETIF_HDR + NETIF_FRAME_MIN))
            continue;
        t->frames[t->n].at = at + NETIF_HDR;
        t->frames[t->n++].len = (uint32_t)got - NETIF_HDR;
        at += ((uint32_t)got + 7) & ~7u;
    }
    return t->n > 0;
}

static bool tap_peek(struct netif *nif, struct netif_rx *f)
{
    struct tap *t = tap_of(nif);
    if (t->first == t->n)
        return false;
    const uint8_t *data = t->buf + t->frames[t->first].at;
    *f = (struct netif_rx){data - NETIF_HDR, data, t->frames[t->first].len};
    return true;
}

static void tap_skip(struct netif *nif)
{
    tap_of(nif)->first++;
}

static unsigned tap_send(struct netif *nif, const struct netif_tx *f, unsigned n)
{
    struct tap *t = tap_of(nif);
    for (unsigned i = 0; i < n; i++) {
        struct iovec iov[1 + NETIF_IOV_MAX] = {
            {(void *)(uintptr_t)f[i].hdr, NETIF_HDR}
        };
        memcpy(iov + 1, f[i].iov, f[i].n * sizeof iov[0]);
        ssize_t put;
        do
            put = writev(t->fd, iov, (int)f[i].n + 1);
        while (put < 0 && errno == EINTR);
        if (put < 0 && errno == EAGAIN)
            return i;
    }
    return n;
}

static int tap_wait_in(struct netif *nif)
{
    struct tap *t = tap_of(nif);
    return loop_watch(t->loop, &t->in, t->fd, POLLIN);
}

static int tap_wait_out(struct netif *nif)
{
    struct tap *t = tap_of(nif);
    return loop_watch(t->loop, &t->out, t->fd, POLLOUT);
}

static void tap_free(struct netif *nif)
{
    struct tap *t = tap_of(nif);
    loop_unwatch(t->loop, &t->in);
    loop_unwatch(t->loop, &t->out);
    close(t->fd);
    free(t);
}

static const struct netif_ops tap_ops = {
    .start = tap_start,
    .recv = tap_recv,
    .peek = tap_peek,
    .skip = tap_skip,
    .send = tap_send,
    .wait_in = tap_wait_in,
    .wait_out = tap_wait_out,
    .free = tap_free,
};

static void tap_readable(void *arg)
{
    struct tap *t = arg;
    t->nif.readable(t->nif.arg);
}

static void tap_writable(void *arg)
{
    struct tap *t = arg;
    t->nif.writable(t->nif.arg);
}

static int tap_open(const char *name, int *fd, struct err *err)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int hdr = (int)NETIF_HDR, little = 1;
    if (!*name || strlen(name) >= sizeof ifr.ifr_name)
        return err_set(err, ERR_HOST, EINVAL,
                       "--net tap=%s: the name of an interface has 1 to %zu characters", name,
                       sizeof ifr.ifr_name - 1);
    if (!if_nametoindex(name))
        return err_set(err, ERR_HOST, ENODEV,
                       "--net tap=%s: there is no such interface; as root: ip tuntap add %s mode "
                       "tap user NAME && ip link set %s up",
                       name, name, name);
    memcpy(ifr.ifr_name, name, strlen(name));
    *fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0)
        return err_set(err, ERR_HOST, errno, "--net tap=%s: /dev/net/tun: %s", name,
                       strerror(errno));
    if (ioctl(*fd, TUNSETIFF, &ifr) == 0 && ioctl(*fd, TUNSETVNETHDRSZ, &hdr) == 0 &&
        ioctl(*fd, TUNSETVNETLE, &little) == 0 && ioctl(*fd, TUNSETOFFLOAD, 0ul) == 0)
        return 0;
    const char *why = errno == EBUSY    ? " (another process has it)"
                      : errno == EINVAL ? " (it is no tap, or one of several queues)"
                      : errno == EPERM  ? " (it is not of this user: ip tuntap add ... user NAME)"
                                        : "";
    int rc = err_sys(err, errno, "--net tap=%s%s", name, why);
    close(*fd);
    return rc;
}

int netif_tap_new(struct netif **nif, struct loop *loop, const char *name, struct err *err)
{
    int fd = -1;
    int rc = tap_open(name, &fd, err);
    if (rc)
        return rc;
    struct tap *t = calloc(1, sizeof *t);
    if (!t) {
        close(fd);
        return err_sys(err, ENOMEM, "--net tap=%s", name);
    }
    t->nif = (struct netif){.ops = &tap_ops, .gso = true};
    t->loop = loop;
    t->fd = fd;
    t->in = (struct loop_watch){.fn = tap_readable, .arg = t};
    t->out = (struct loop_watch){.fn = tap_writable, .arg = t};
    *nif = &t->nif;
    return 0;
}
#else
int netif_tap_new(struct netif **nif, struct loop *loop, const char *name, struct err *err)
{
    (void)nif, (void)loop;
    return err_set(err, ERR_HOST, ENOTSUP, "--net tap=%s: tap interfaces are Linux's", name);
}
#endif
