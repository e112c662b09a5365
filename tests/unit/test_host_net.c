// SPDX-License-Identifier: MIT
/*
 * test_host_net.c - frames over a stream socket (--net passt=SOCKET), with the test as passt; and
 * --publish.
 *
 * The stream's form: passt(1), "--socket": a length of 4 bytes, big-endian, then the frame.
 * Checksums: RFC 1071, virtio 1.2 §5.1.6.2.
 */
#include "tests/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/host.h"
#include "vmm/netif.h"
#include "vmm/park.h"

#define FRAME_MAX 65535u

static struct rig {
    char path[64];
    struct loop *loop;
    struct netif *nif;
    int listener, peer;
    struct park park;
    _Atomic unsigned readable, writable;
} r;

static void count(_Atomic unsigned *n)
{
    atomic_fetch_add(n, 1);
    park_wake(&r.park);
}

static void on_readable(void *arg)
{
    (void)arg;
    count(&r.readable);
}

static void on_writable(void *arg)
{
    (void)arg;
    count(&r.writable);
}

static void wait_for(_Atomic unsigned *n)
{
    while (!atomic_load(n))
        park_wait(&r.park, UINT64_MAX);
    atomic_store(n, 0);
}

static struct sockaddr_un address(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", r.path);
    return a;
}

static void rig_init(void)
{
    memset(&r, 0, sizeof r);
    signal(SIGPIPE, SIG_IGN); /* as in every run */
    snprintf(r.path, sizeof r.path, "/tmp/vibevmm-net.%d", (int)getpid());
    unlink(r.path);
    struct sockaddr_un a = address();
    r.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_true(!bind(r.listener, (struct sockaddr *)&a, sizeof a) && !listen(r.listener, 1));
    expect_u64(loop_new(&r.loop, NULL), 0);
    struct err err = {0};
    expect_u64(netif_passt_connect(&r.nif, r.loop, r.path, &err), 0);
    r.nif->readable = on_readable;
    r.nif->writable = on_writable;
    r.peer = accept(r.listener, NULL, NULL);
    r.nif->ops->start(r.nif, 0);
}

static void rig_fini(void)
{
    loop_stop(r.loop);
    r.nif->ops->free(r.nif);
    loop_free(r.loop);
    close(r.peer);
    close(r.listener);
    unlink(r.path);
}

/* Read exactly n bytes of what was sent. */
static void peer_read(uint8_t *buf, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = recv(r.peer, buf + at, n - at, 0);
        expect_true(got > 0);
        if (got <= 0)
            return;
        at += (size_t)got;
    }
}

static bool peer_is_idle(void)
{
    uint8_t b;
    return recv(r.peer, &b, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void peer_send(const void *p, size_t n)
{
    expect_true(send(r.peer, p, n, 0) == (ssize_t)n);
}

static void peer_frame(uint32_t len, uint8_t val)
{
    static uint8_t buf[4 + FRAME_MAX];
    be32_put(buf, len);
    memset(buf + 4, val, len);
    peer_send(buf, 4 + len);
}

static unsigned send_frame(const struct iovec *iov, unsigned n, uint32_t len, const uint8_t *hdr)
{
    struct netif_tx f = {.iov = iov, .n = n, .len = len};
    if (hdr)
        memcpy(f.hdr, hdr, NETIF_HDR);
    return r.nif->ops->send(r.nif, &f, 1);
}

/* ---- connecting ---- */

static void who_is_not_there_is_named(void)
{
    struct err err = {0};
    struct netif *nif = NULL;
    char longer[120];
    rig_init();
    expect_true(r.nif->valid && !r.nif->gso && r.nif->mtu == 65520);
    expect_u64(netif_passt_connect(&nif, r.loop, "/none/passt", &err), -ENOENT);
    expect_text(err.text, "/none/passt");
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    expect_u64(netif_passt_connect(&nif, r.loop, longer, &err), -ENAMETOOLONG);
    expect_text(err.text, "107 bytes");
    close(r.listener);
    r.listener = -1;
    expect_u64(netif_passt_connect(&nif, r.loop, r.path, &err), -ECONNREFUSED);
    expect_text(err.text, "nobody listens");
    rig_fini();
}

/* ---- sending ---- */

static void a_frame_has_its_length_before_it(void)
{
    uint8_t frame[300], got[304];
    rig_init();
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)i;
    const struct iovec iov[] = {
        {frame,       1  },
        {frame + 1,   99 },
        {frame + 100, 200}
    };
    expect_u32(send_frame(iov, 3, 300, NULL), 1);
    peer_read(got, 304);
    expect_u32(be32_get(got), 300);
    expect_true(!memcmp(got + 4, frame, 300));
    expect_true(peer_is_idle());
    rig_fini();
}

static void many_frames_keep_their_order(void)
{
    uint8_t bytes[200][60], got[64];
    struct iovec iov[200];
    struct netif_tx f[200];
    memset(f, 0, sizeof f);
    rig_init();
    for (unsigned i = 0; i < 200; i++) {
        memset(bytes[i], (int)i, sizeof bytes[i]);
        iov[i] = (struct iovec){bytes[i], 14 + i % 46};
        f[i].iov = &iov[i];
        f[i].n = 1;
        f[i].len = 14 + i % 46;
    }
    expect_u32(r.nif->ops->send(r.nif, f, 200), 200);
    for (unsigned i = 0; i < 200; i++) {
        peer_read(got, 4 + f[i].len);
        expect_u32(be32_get(got), f[i].len);
        expect_u32(got[4], i);
        expect_u32(got[3 + f[i].len], i);
    }
    rig_fini();
}

/* What the receiver sums over the bytes from `start` on: 0xffff when the checksum is right. */
static uint32_t sum_of(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* The guest's memory stays as it is; the frame that is sent has the sum in its place. */
static void a_checksum_left_to_us_is_filled_in(void)
{
    enum { START = 34, AT = 16, MAX = 1514 };
    uint8_t frame[MAX], was[MAX], got[4 + MAX], hdr[NETIF_HDR] = {NETIF_F_NEEDS_CSUM};
    le16_put(hdr + NETIF_HDR_CSUM_START, START);
    le16_put(hdr + NETIF_HDR_CSUM_OFFSET, AT);
    rig_init();
    for (unsigned len = START + AT + 2; len <= MAX; len += 73)
        for (unsigned cut = 1; cut < 100; cut += 7) { /* pieces of odd lengths */
            for (unsigned i = 0; i < len; i++)
                frame[i] = (uint8_t)(i * 31 + len);
            memcpy(was, frame, sizeof was);
            struct iovec iov[64];
            unsigned n = 0;
            for (unsigned at = 0; at < len; n++) {
                unsigned part = MIN(len - at, n < 60 ? cut : len);
                iov[n] = (struct iovec){frame + at, part};
                at += part;
            }
            expect_u32(send_frame(iov, n, len, hdr), 1);
            peer_read(got, 4 + len);
            expect_u32(be32_get(got), len);
            expect_true(!memcmp(frame, was, len));
            /* The pseudo header's sum was in the field: it is what the rest must add up to. */
            uint32_t pseudo = (uint32_t)frame[START + AT] << 8 | frame[START + AT + 1];
            uint32_t all = sum_of(got + 4 + START, len - START) + pseudo;
            while (all >> 16)
                all = (all & 0xffff) + (all >> 16);
            expect_u32(all, 0xffff);
            expect_true(!memcmp(got + 4, frame, START + AT));
            expect_true(
                !memcmp(got + 4 + START + AT + 2, frame + START + AT + 2, len - START - AT - 2));
        }
    rig_fini();
}

static void a_checksum_is_never_0(void) /* RFC 768: 0 would be none */
{
    uint8_t frame[60] = {0}, got[64], hdr[NETIF_HDR] = {NETIF_F_NEEDS_CSUM};
    const struct iovec iov = {frame, sizeof frame};
    le16_put(hdr + NETIF_HDR_CSUM_START, 34);
    le16_put(hdr + NETIF_HDR_CSUM_OFFSET, 6);
    frame[34] = frame[35] = 0xff;
    rig_init();
    expect_u32(send_frame(&iov, 1, sizeof frame, hdr), 1);
    peer_read(got, sizeof got);
    expect_u32(got[4 + 40], 0xff);
    expect_u32(got[4 + 41], 0xff);
    rig_fini();
}

/* A full socket takes part of a frame: the rest is ours, whatever the guest does to its own. */
static void a_full_socket_keeps_frames_whole(void)
{
    enum { LEN = 60000 };
    static uint8_t frame[LEN], got[4 + LEN];
    const struct iovec iov = {frame, LEN};
    unsigned sent = 0, came = 0;
    rig_init();
    for (;; sent++) {
        memset(frame, (int)(sent + 1), LEN);
        if (!send_frame(&iov, 1, LEN, NULL))
            break;
        memset(frame, 0xee, LEN);
    }
    expect_true(sent > 1);
    expect_u32(r.nif->ops->send(r.nif, NULL, 0), 0);
    expect_u64(r.nif->ops->wait_out(r.nif), 0);
    while (came < sent) {
        peer_read(got, sizeof got);
        expect_u32(be32_get(got), LEN);
        came++;
        for (unsigned i = 0; i < LEN; i += 999)
            expect_u32(got[4 + i], came & 0xff);
        r.nif->ops->send(r.nif, NULL, 0); /* what is left of one goes on */
    }
    expect_true(peer_is_idle());
    wait_for(&r.writable);
    expect_u32(send_frame(&iov, 1, LEN, NULL), 1);
    rig_fini();
}

static void frames_to_nobody_are_gone(void)
{
    uint8_t frame[60] = {0};
    const struct iovec iov = {frame, sizeof frame};
    rig_init();
    shutdown(r.peer, SHUT_RDWR);
    close(r.peer);
    r.peer = -1;
    expect_u32(send_frame(&iov, 1, sizeof frame, NULL), 1);
    expect_u32(send_frame(&iov, 1, sizeof frame, NULL), 1);
    expect_u64(r.nif->ops->recv(r.nif), -EPIPE);
    rig_fini();
}

/* ---- receiving ---- */

static void frames_come_whole(void)
{
    struct netif_rx f;
    uint8_t head[4];
    rig_init();
    expect_u64(r.nif->ops->recv(r.nif), 0);
    expect_true(!r.nif->ops->peek(r.nif, &f));
    expect_u64(r.nif->ops->wait_in(r.nif), 0);
    be32_put(head, 20);
    peer_send(head, 2);
    wait_for(&r.readable);
    expect_u64(r.nif->ops->recv(r.nif), 0);
    peer_send(head + 2, 2);
    peer_send("0123456789", 10);
    expect_u64(r.nif->ops->recv(r.nif), 0);
    expect_true(!r.nif->ops->peek(r.nif, &f));
    peer_send("abcdefghij", 10);
    peer_frame(14, 1); /* the shortest, and the longest */
    peer_frame(FRAME_MAX, 2);
    expect_u64(r.nif->ops->recv(r.nif), 1);
    expect_true(r.nif->ops->peek(r.nif, &f) && f.len == 20 && !f.hdr);
    expect_true(!memcmp(f.data, "0123456789abcdefghij", 20));
    r.nif->ops->skip(r.nif);
    expect_u64(r.nif->ops->recv(r.nif), 1);
    expect_true(r.nif->ops->peek(r.nif, &f) && f.len == 14 && f.data[13] == 1);
    r.nif->ops->skip(r.nif);
    expect_u64(r.nif->ops->recv(r.nif), 1);
    expect_true(r.nif->ops->peek(r.nif, &f) && f.len == FRAME_MAX && f.data[FRAME_MAX - 1] == 2);
    r.nif->ops->skip(r.nif);
    expect_u64(r.nif->ops->recv(r.nif), 0);
    rig_fini();
}

static void lengths_that_are_none_end_it(void)
{
    static const uint32_t bad[] = {0, 13, FRAME_MAX + 1, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct netif_rx f;
        uint8_t head[4];
        rig_init();
        peer_frame(60, 3);
        be32_put(head, bad[i]);
        peer_send(head, 4);
        expect_u64(r.nif->ops->recv(r.nif), 1); /* what came before it is good */
        expect_true(r.nif->ops->peek(r.nif, &f) && f.len == 60);
        r.nif->ops->skip(r.nif);
        expect_u64(r.nif->ops->recv(r.nif), -EPROTO);
        expect_true(!r.nif->ops->peek(r.nif, &f));
        rig_fini();
    }
}

static void the_end_is_told(void)
{
    rig_init();
    peer_frame(60, 3);
    shutdown(r.peer, SHUT_WR);
    struct netif_rx f;
    expect_u64(r.nif->ops->recv(r.nif), 1);
    expect_true(r.nif->ops->peek(r.nif, &f));
    r.nif->ops->skip(r.nif);
    expect_u64(r.nif->ops->recv(r.nif), -EPIPE);
    rig_fini();
}

/* ---- --publish ---- */

static void ports_are_published(void)
{
    static const struct {
        const char *spec, *addr;
        uint16_t guest;
        bool udp;
    } rows[] = {
        {"%u:80",             "127.0.0.1", 80,    false},
        {"%u:65535/tcp",      "127.0.0.1", 65535, false},
        {"%u:53/udp",         "127.0.0.1", 53,    true },
        {"127.0.0.2:%u:80",   "127.0.0.2", 80,    false},
        {"[127.0.0.2]:%u:80", "127.0.0.2", 80,    false},
        {"0.0.0.0:%u:1",      "0.0.0.0",   1,     false},
    };
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_true(!bind(fd, (struct sockaddr *)&a, len) &&
                !getsockname(fd, (struct sockaddr *)&a, &len));
    close(fd); /* a port that is free, most likely */
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct netif_publish p;
        struct err err = {0};
        char spec[64];
        snprintf(spec, sizeof spec, rows[i].spec, ntohs(a.sin_port));
        int rc = netif_publish_parse(&p, spec, &err);
        if (rc)
            printf("# %s: %s\n", spec, err.text);
        expect_u64(rc, 0);
        expect_true(!strcmp(p.addr, rows[i].addr) && p.guest == rows[i].guest &&
                    p.host == ntohs(a.sin_port) && p.udp == rows[i].udp);
    }
}

static void what_is_no_port_is_refused(void)
{
    static const struct {
        const char *spec, *text;
    } rows[] = {
        {"",                                                      "GUEST"         },
        {"8080",                                                  "GUEST"         },
        {"8080:",                                                 "GUEST"         },
        {"8080:0",                                                "GUEST"         },
        {"8080:65536",                                            "GUEST"         },
        {"8080:-1",                                               "GUEST"         },
        {"8080: 80",                                              "GUEST"         },
        {":80",                                                   "HOST"          },
        {"0:80",                                                  "HOST"          },
        {"99999:80",                                              "HOST"          },
        {"127.0.0.1::80",                                         "HOST"          },
        {"8080:80/sctp",                                          "slash"         },
        {"8080:80/",                                              "slash"         },
        {"::1:8080:80",                                           "needs brackets"},
        {"localhost:8080:80",                                     "its address"   },
        {"1.2.3:8080:80",                                         "its address"   },
        {"[]:8080:80",                                            "its address"   },
        {"[::1:8080:80",                                          "needs brackets"},
        {":8080:80",                                              "its address"   },
        {"[11111111111111111111111111111111111111111111111]:1:1", "too long"      },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct netif_publish p;
        struct err err = {0};
        int rc = netif_publish_parse(&p, rows[i].spec, &err);
        if (rc != -EINVAL)
            printf("# %s\n", rows[i].spec);
        expect_u64(rc, -EINVAL);
        expect_text(err.text, rows[i].text);
        expect_text(err.text, "such as 8080:80");
    }
    char longer[200];
    struct netif_publish p;
    struct err err = {0};
    memset(longer, '1', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    expect_u64(netif_publish_parse(&p, longer, &err), -EINVAL);
    expect_text(err.text, "too long");
}

static void a_port_in_use_is_told_before_the_guest_starts(void)
{
    for (unsigned udp = 0; udp < 2; udp++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof a;
        int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
        expect_true(!bind(fd, (struct sockaddr *)&a, len) && (udp || !listen(fd, 1)) &&
                    !getsockname(fd, (struct sockaddr *)&a, &len));
        struct netif_publish p;
        struct err err = {0};
        char spec[32], text[64];
        snprintf(spec, sizeof spec, "%u:80%s", ntohs(a.sin_port), udp ? "/udp" : "");
        snprintf(text, sizeof text, "%s port %u of 127.0.0.1", udp ? "UDP" : "TCP",
                 ntohs(a.sin_port));
        expect_u64(netif_publish_parse(&p, spec, &err), -EADDRINUSE);
        expect_u32(err.kind, ERR_HOST);
        expect_text(err.text, text);
        close(fd);
    }
}

static const struct tap_test tests[] = {
    TAP_TEST(who_is_not_there_is_named),
    TAP_TEST(a_frame_has_its_length_before_it),
    TAP_TEST(many_frames_keep_their_order),
    TAP_TEST(a_checksum_left_to_us_is_filled_in),
    TAP_TEST(a_checksum_is_never_0),
    TAP_TEST(a_full_socket_keeps_frames_whole),
    TAP_TEST(frames_to_nobody_are_gone),
    TAP_TEST(frames_come_whole),
    TAP_TEST(lengths_that_are_none_end_it),
    TAP_TEST(the_end_is_told),
    TAP_TEST(ports_are_published),
    TAP_TEST(what_is_no_port_is_refused),
    TAP_TEST(a_port_in_use_is_told_before_the_guest_starts),
};

TAP_MAIN(tests)
