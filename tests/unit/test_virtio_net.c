// SPDX-License-Identifier: MIT
/*
 * test_virtio_net.c - the network device over a host end that keeps what it is sent.
 *
 * Rules and values: virtio 1.2 §5.1.
 */
#include "tests/unit/virtio_rig.h"

#include "vmm/netif.h"

/* §5.1.3 */
enum {
    CSUM = 0,
    GUEST_CSUM = 1,
    MTU = 3,
    MAC = 5,
    GUEST_TSO4 = 7,
    GUEST_TSO6 = 8,
    GUEST_ECN = 9,
    HOST_TSO4 = 11,
    HOST_TSO6 = 12,
    HOST_ECN = 13,
    MRG_RXBUF = 15,
    STATUS = 16,
};
#define GSO                                                                                        \
    (BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(GUEST_ECN) | BIT(HOST_TSO4) | BIT(HOST_TSO6) |        \
     BIT(HOST_ECN))

static struct {
    struct netif nif;
    unsigned sent, room, rx_left, rx; /* rx: of start() */
    uint32_t len, rx_len;
    uint8_t hdr[NETIF_HDR], first[256], frame[2000];
    uint8_t rx_hdr[NETIF_HDR];
    bool has_rx_hdr, freed, waits_in, waits_out;
    int ended, no_wait; /* an error of recv(), of wait_in() and wait_out() */
} fake;

static void fake_start(struct netif *n, unsigned rx)
{
    (void)n;
    fake.rx = rx;
}

static int fake_recv(struct netif *n)
{
    (void)n;
    return fake.rx_left ? 1 : fake.ended;
}

static bool fake_peek(struct netif *n, struct netif_rx *f)
{
    (void)n;
    *f = (struct netif_rx){fake.has_rx_hdr ? fake.rx_hdr : NULL, fake.frame, fake.rx_len};
    return fake.rx_left > 0;
}

static void fake_skip(struct netif *n)
{
    (void)n;
    fake.rx_left--;
}

static unsigned fake_send(struct netif *n, const struct netif_tx *f, unsigned count)
{
    (void)n;
    unsigned taken = MIN(count, fake.room);
    for (unsigned i = 0; i < taken; i++) {
        memcpy(fake.hdr, f[i].hdr, NETIF_HDR);
        fake.len = f[i].len;
        expect_u64(iov_len(f[i].iov, f[i].n), f[i].len);
        if (fake.sent + i < sizeof fake.first)
            iov_get(f[i].iov, f[i].n, 0, &fake.first[fake.sent + i], 1);
    }
    fake.sent += taken;
    fake.room -= taken;
    return taken;
}

static int fake_wait_in(struct netif *n)
{
    (void)n;
    fake.waits_in = true;
    return fake.no_wait;
}

static int fake_wait_out(struct netif *n)
{
    (void)n;
    fake.waits_out = true;
    return fake.no_wait;
}

static void fake_free(struct netif *n)
{
    (void)n;
    fake.freed = true;
}

static const struct netif_ops fake_ops = {fake_start, fake_recv,    fake_peek,     fake_skip,
                                          fake_send,  fake_wait_in, fake_wait_out, fake_free};

/* A host end with an MTU of 1500, or with segmentation (TSO) and none. */
static void rig_net_on(struct vrig *r, uint64_t features, bool gso)
{
    static const uint8_t mac[NETIF_MAC] = {2, 1, 2, 3, 4, 5};
    struct virtio_host host = vrig_host(r);
    memset(&fake, 0, sizeof fake);
    fake.nif = (struct netif){.ops = &fake_ops, .valid = true, .mtu = gso ? 0 : 1500, .gso = gso};
    fake.room = 100;
    fake.rx_len = 100;
    expect_u64(virtio_net_new(&r->r.dev, "virtio0", &host, &fake.nif, mac), 0);
    vrig_start(r, features, 2, 16);
}

static void rig_net(struct vrig *r, uint64_t features)
{
    rig_net_on(r, features, false);
}

static void send(struct vrig *r, uint8_t flags, uint16_t start, uint32_t len)
{
    const struct vrig_seg seg = {VRIG_DATA, NETIF_HDR + len, false};
    memset(vrig_at(r, VRIG_DATA), 0, NETIF_HDR);
    *vrig_at(r, VRIG_DATA) = flags;
    le16_put(vrig_at(r, VRIG_DATA + NETIF_HDR_CSUM_START), start);
    vrig_add(r, 1, &seg, 1);
    vrig_notify(r, 1);
}

static bool broken(struct vrig *r)
{
    return rd32(&r->r, 0x070) & 0x40;
}

static void bad_headers_are_dropped(void) /* §5.1.6.2 */
{
    struct vrig r;
    uint32_t head, len;
    rig_net(&r, BIT(0));
    send(&r, 0, 0, 60);
    expect_u32(fake.sent, 1);
    expect_u32(fake.len, 60);
    send(&r, 1, 58, 60); /* the checksum's two bytes are the last ones */
    expect_u32(fake.sent, 2);
    send(&r, 1, 59, 60);
    send(&r, 0, 0, 13);
    send(&r, 0, 0, 1515);
    expect_u32(fake.sent, 2);
    for (unsigned i = 0; i < 5; i++)
        expect_true(vrig_take(&r, 1, &head, &len));
    vrig_fini(&r);
    expect_true(fake.freed);
}

static void a_full_host_holds_the_queue(void)
{
    struct vrig r;
    uint32_t head, len;
    rig_net(&r, 0);
    fake.room = 0;
    send(&r, 0, 0, 60);
    expect_true(!vrig_take(&r, 1, &head, &len));
    fake.room = 1;
    fake.nif.writable(fake.nif.arg);
    expect_true(vrig_take(&r, 1, &head, &len));
    expect_u32(fake.sent, 1);
    vrig_fini(&r);
}

static void frames_are_merged_or_wait(void) /* §5.1.6.4: num_buffers */
{
    struct vrig r;
    uint32_t head, len;
    const struct vrig_seg a = {VRIG_DATA, 64, true}, b = {VRIG_DATA + 64, 64, true};
    rig_net(&r, BIT(15));
    fake.rx_left = 1;
    vrig_add(&r, 0, &a, 1);
    fake.nif.readable(fake.nif.arg);
    expect_true(!vrig_take(&r, 0, &head, &len));
    vrig_add(&r, 0, &b, 1);
    vrig_notify(&r, 0);
    expect_true(vrig_take(&r, 0, &head, &len));
    expect_u32(len, 64);
    expect_true(vrig_take(&r, 0, &head, &len));
    expect_u32(len, 48);
    expect_u32(le16_get(vrig_at(&r, VRIG_DATA + NETIF_HDR_BUFFERS)), 2);
    vrig_fini(&r);
}

static void configuration_says_what_it_is(void) /* §5.1.2 to §5.1.4 */
{
    struct vrig r;
    const uint64_t base = BIT(CSUM) | BIT(GUEST_CSUM) | BIT(MAC) | BIT(MRG_RXBUF) | BIT(STATUS);
    rig_net(&r, 0);
    expect_u32(rd32(&r.r, 0x008), 1);
    expect_u64(vrig_features(&r) & (BIT(24) - 1), base | BIT(MTU));
    expect_u32(rd32(&r.r, 0x100), 0x03020102); /* 02:01:02:03:04:05 */
    expect_u64(rig_rd(&r.r, 0x104, 2), 0x0504);
    expect_u64(rig_rd(&r.r, 0x106, 2), 1);    /* VIRTIO_NET_S_LINK_UP */
    expect_u64(rig_rd(&r.r, 0x108, 2), 1);    /* pairs of queues */
    expect_u64(rig_rd(&r.r, 0x10a, 2), 1500); /* mtu */
    vrig_fini(&r);
    rig_net_on(&r, 0, true);
    expect_u64(vrig_features(&r) & (BIT(24) - 1), base | GSO);
    vrig_fini(&r);
}

static void the_host_is_told_what_the_guest_takes(void)
{
    static const struct {
        uint64_t features;
        unsigned rx;
    } rows[] = {
        {0,                                 0                                                           },
        {BIT(CSUM) | BIT(HOST_TSO4),        0                                                           },
        {BIT(GUEST_CSUM),                   NETIF_RX_CSUM                                               },
        {BIT(GUEST_TSO4) | BIT(GUEST_TSO6), 0                                                           }, /* §5.1.3.1: they need GUEST_CSUM */
        {BIT(GUEST_CSUM) | BIT(GUEST_TSO6), NETIF_RX_CSUM | NETIF_RX_TSO6                               },
        {~UINT64_C(0),                      NETIF_RX_CSUM | NETIF_RX_TSO4 | NETIF_RX_TSO6 | NETIF_RX_ECN},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct vrig r;
        rig_net_on(&r, rows[i].features, true);
        expect_u32(fake.rx, rows[i].rx);
        vrig_fini(&r);
    }
}

/* flags, gso_type, hdr_len, gso_size, csum_start, csum_offset */
static void put_header(struct vrig *r, gpa_t at, const uint16_t *h)
{
    uint8_t *p = vrig_at(r, at);
    p[NETIF_HDR_FLAGS] = (uint8_t)h[0];
    p[NETIF_HDR_GSO_TYPE] = (uint8_t)h[1];
    for (unsigned i = 2; i < 6; i++)
        le16_put(p + 2 * i - 2, h[i]);
    le16_put(p + NETIF_HDR_BUFFERS, 0x5555); /* §5.1.6.2: not the driver's to use */
}

static void headers_reach_the_host_as_far_as_they_count(void) /* §5.1.6.2.1 */
{
    static const struct {
        uint64_t features;
        uint16_t in[6], out[6];
        bool sent;
    } rows[] = {
  /* no checksum: nothing of it, and unknown flags are ignored */
        {0,                                          {0xfe, 0, 9, 9, 9, 9},                {0, 0, 0, 0, 0, 0},       true },
        {0,                                          {1, 0, 0, 0, 34, 16},                 {0},                      false},
        {BIT(CSUM),                                  {1, 0, 7, 7, 34, 16},                 {1, 0, 0, 0, 34, 16},     true },
        {BIT(CSUM),                                  {1, 0, 0, 0, 34, UINT16_MAX},         {0},                      false},
        {BIT(CSUM),                                  {1, 0, 0, 0, UINT16_MAX, UINT16_MAX}, {0},                      false},
 /* segmentation: of a kind that was negotiated, with a checksum and a size */
        {BIT(CSUM),                                  {1, 1, 54, 1448, 34, 16},             {0},                      false},
        {BIT(CSUM) | BIT(HOST_TSO4),                 {1, 1, 54, 1448, 34, 16},             {1, 1, 54, 1448, 34, 16}, true },
        {BIT(CSUM) | BIT(HOST_TSO4),                 {1, 4, 54, 1448, 34, 16},             {0},                      false},
        {BIT(CSUM) | BIT(HOST_TSO6),                 {1, 4, 54, 1448, 34, 16},             {1, 4, 54, 1448, 34, 16}, true },
        {BIT(CSUM) | BIT(HOST_TSO4),                 {0, 1, 54, 1448, 34, 16},             {0},                      false},
        {BIT(CSUM) | BIT(HOST_TSO4),                 {1, 1, 54, 0, 34, 16},                {0},                      false},
        {BIT(CSUM) | BIT(HOST_TSO4),                 {1, 0x81, 54, 1448, 34, 16},          {0},                      false}, /* ECN */
        {BIT(CSUM) | BIT(HOST_TSO4) | BIT(HOST_ECN),
         {1, 0x81, 54, 1448, 34, 16},
         {1, 0x81, 54, 1448, 34, 16},
         true                                                                                                             },
        {~UINT64_C(0),                               {1, 3, 54, 1448, 34, 16},             {0},                      false}, /* UFO is not offered */
        {~UINT64_C(0),                               {1, 0x80, 54, 1448, 34, 16},          {0},                      false},
 /* hdr_len is a hint */
        {BIT(CSUM) | BIT(HOST_TSO4),
         {1, 1, UINT16_MAX, 1448, 34, 16},
         {1, 1, 0, 1448, 34, 16},
         true                                                                                                             },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct vrig r;
        uint32_t head, len;
        rig_net_on(&r, rows[i].features, true);
        const struct vrig_seg segs[] = {
  /* the header in two pieces, the frame behind it */
            {VRIG_DATA,     5,                    false},
            {VRIG_DATA + 5, NETIF_HDR - 5 + 1000, false}
        };
        put_header(&r, VRIG_DATA, rows[i].in);
        vrig_add(&r, 1, segs, 2);
        vrig_notify(&r, 1);
        if (fake.sent != rows[i].sent)
            printf("# row %u\n", i);
        expect_u32(fake.sent, rows[i].sent);
        expect_true(vrig_take(&r, 1, &head, &len)); /* it comes back either way */
        expect_true(!broken(&r));
        if (rows[i].sent) {
            expect_u32(fake.len, 1000);
            expect_u32(fake.hdr[NETIF_HDR_FLAGS], rows[i].out[0]);
            expect_u32(fake.hdr[NETIF_HDR_GSO_TYPE], rows[i].out[1]);
            for (unsigned n = 2; n < 6; n++)
                expect_u32(le16_get(fake.hdr + 2 * n - 2), rows[i].out[n]);
            expect_u32(le16_get(fake.hdr + NETIF_HDR_BUFFERS), 0);
        }
        vrig_fini(&r);
    }
}

static void the_longest_frame_is_the_mtus_or_an_ip_packets(void)
{
    static const struct {
        bool gso;
        uint32_t len, sent;
    } rows[] = {
        {false, 1514,  1},
        {false, 1515,  0},
        {true,  65553, 1}, /* with an Ethernet header and a VLAN tag */
        {true,  65554, 0},
        {true,  14,    1},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct vrig r;
        rig_net_on(&r, 0, rows[i].gso);
        send(&r, 0, 0, rows[i].len);
        expect_u32(fake.sent, rows[i].sent);
        vrig_fini(&r);
    }
}

static void frames_without_a_header_break_the_device(void)
{
    struct vrig r;
    rig_net(&r, 0);
    vrig_add(&r, 1, &(struct vrig_seg){VRIG_DATA, NETIF_HDR - 1, false}, 1);
    vrig_notify(&r, 1);
    expect_true(broken(&r));
    vrig_fini(&r);
    rig_net(&r, 0);
    fake.rx_left = 1;
    vrig_add(&r, 0, &(struct vrig_seg){VRIG_DATA, NETIF_HDR - 1, true}, 1);
    fake.nif.readable(fake.nif.arg);
    expect_true(broken(&r));
    vrig_fini(&r);
}

static void frames_go_out_in_their_order(void)
{
    struct vrig r;
    uint32_t head, len;
    rig_net(&r, 0);
    vrig_start(&r, 0, 2, 256);
    fake.room = 50;
    for (unsigned i = 0; i < 100; i++) {
        const gpa_t at = VRIG_DATA + i * 128;
        memset(vrig_at(&r, at), 0, NETIF_HDR);
        /* every third one is too short, and dropped in its place */
        *vrig_at(&r, at + NETIF_HDR) = (uint8_t)i;
        vrig_add(&r, 1, &(struct vrig_seg){at, NETIF_HDR + (i % 3 == 2 ? 13u : 60u), false}, 1);
    }
    vrig_notify(&r, 1);
    expect_u32(fake.sent, 50);
    expect_true(fake.waits_out);
    fake.room = 100;
    fake.nif.writable(fake.nif.arg);
    expect_u32(fake.sent, 67);
    for (unsigned i = 0, n = 0; i < 100; i++)
        if (i % 3 != 2)
            expect_u32(fake.first[n++], i);
    for (unsigned i = 0; i < 100; i++) {
        expect_true(vrig_take(&r, 1, &head, &len));
        expect_u32(head, i);
    }
    vrig_fini(&r);
}

static void headers_of_frames_that_come(void) /* §5.1.6.4 */
{
    static const struct {
        uint64_t features;
        int flags, type; /* of the host's header; -1: it has none */
        bool comes;
        uint8_t want_flags, want_type;
    } rows[] = {
        {0,                                 -1,   0,    true,  0, 0   },
        {BIT(GUEST_CSUM),                   -1,   0,    true,  2, 0   }, /* DATA_VALID */
        {BIT(GUEST_CSUM),                   1,    0,    true,  1, 0   },
        {BIT(GUEST_CSUM),                   0xff, 0,    true,  3, 0   },
        {0,                                 1,    0,    false, 0, 0   },
        {0,                                 2,    0,    true,  0, 0   },
        {BIT(GUEST_CSUM),                   1,    1,    false, 0, 0   },
        {BIT(GUEST_CSUM) | BIT(GUEST_TSO4), 1,    1,    true,  1, 1   },
        {BIT(GUEST_CSUM) | BIT(GUEST_TSO4), 1,    4,    false, 0, 0   },
        {BIT(GUEST_CSUM) | BIT(GUEST_TSO6), 1,    4,    true,  1, 4   },
        {BIT(GUEST_CSUM) | BIT(GUEST_TSO4), 1,    0x81, false, 0, 0   },
        {~UINT64_C(0),                      1,    0x81, true,  1, 0x81},
        {~UINT64_C(0),                      1,    3,    false, 0, 0   },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct vrig r;
        uint32_t head, len;
        rig_net_on(&r, rows[i].features, true);
        fake.has_rx_hdr = rows[i].flags >= 0;
        fake.rx_hdr[NETIF_HDR_FLAGS] = (uint8_t)rows[i].flags;
        fake.rx_hdr[NETIF_HDR_GSO_TYPE] = (uint8_t)rows[i].type;
        le16_put(fake.rx_hdr + NETIF_HDR_GSO_SIZE, 1448);
        fake.rx_left = 1;
        vrig_add(&r, 0, &(struct vrig_seg){VRIG_DATA, 2048, true}, 1);
        fake.nif.readable(fake.nif.arg);
        if (vrig_take(&r, 0, &head, &len) != rows[i].comes)
            printf("# row %u\n", i);
        expect_u32(len, rows[i].comes ? NETIF_HDR + 100 : UINT32_MAX);
        expect_u32(fake.rx_left, 0); /* one that the guest cannot take is dropped */
        if (rows[i].comes) {
            expect_u32(*vrig_at(&r, VRIG_DATA), rows[i].want_flags);
            expect_u32(*vrig_at(&r, VRIG_DATA + 1), rows[i].want_type);
            expect_u32(le16_get(vrig_at(&r, VRIG_DATA + NETIF_HDR_GSO_SIZE)),
                       fake.has_rx_hdr ? 1448 : 0);
            expect_u32(le16_get(vrig_at(&r, VRIG_DATA + NETIF_HDR_BUFFERS)), 1);
        }
        vrig_fini(&r);
    }
}

static void frames_too_long_for_the_buffers_are_dropped(void)
{
    struct vrig r;
    uint32_t head, len;
    rig_net(&r, 0); /* without MRG_RXBUF a frame is in one buffer */
    fake.rx_left = 1;
    fake.rx_len = 1000;
    vrig_add(&r, 0, &(struct vrig_seg){VRIG_DATA, 1011, true}, 1);
    fake.nif.readable(fake.nif.arg);
    expect_u32(fake.rx_left, 0);
    expect_true(!vrig_take(&r, 0, &head, &len)); /* the buffer stays for the next, */
    fake.rx_left = 1;
    fake.rx_len = 999; /* which fits */
    fake.nif.readable(fake.nif.arg);
    expect_true(vrig_take(&r, 0, &head, &len));
    expect_u32(len, 1011);
    vrig_fini(&r);
    rig_net(&r, BIT(MRG_RXBUF)); /* with it, in all that the queue holds: 16 */
    fake.rx_left = 1;
    fake.rx_len = 16 * 64 - NETIF_HDR + 1;
    for (unsigned i = 0; i < 16; i++)
        vrig_add(&r, 0, &(struct vrig_seg){VRIG_DATA + i * 64, 64, true}, 1);
    fake.nif.readable(fake.nif.arg);
    expect_u32(fake.rx_left, 0);
    expect_true(!vrig_take(&r, 0, &head, &len));
    fake.rx_left = 1;
    fake.rx_len--;
    for (unsigned i = 0; i < fake.rx_len; i++)
        fake.frame[i] = (uint8_t)(i / 8);
    fake.nif.readable(fake.nif.arg);
    for (unsigned i = 0; i < 16; i++)
        expect_true(vrig_take(&r, 0, &head, &len) && len == 64);
    expect_u32(le16_get(vrig_at(&r, VRIG_DATA + NETIF_HDR_BUFFERS)), 16);
    expect_true(!memcmp(vrig_at(&r, VRIG_DATA + NETIF_HDR), fake.frame, fake.rx_len));
    vrig_fini(&r);
}

static void a_network_that_ends_is_a_link_that_goes_down(void) /* §5.1.4, §2.5.1 */
{
    for (unsigned way = 0; way < 3; way++) {
        struct vrig r;
        rig_net(&r, BIT(STATUS));
        uint32_t generation = rd32(&r.r, 0x0fc);
        expect_u64(rig_rd(&r.r, 0x106, 2), 1);
        if (way == 0)
            fake.ended = -5;
        else
            fake.no_wait = -28; /* the host cannot wait */
        fake.room = 0;
        if (way < 2)
            fake.nif.readable(fake.nif.arg);
        else
            send(&r, 0, 0, 60);
        expect_u64(rig_rd(&r.r, 0x106, 2), 0);
        expect_true(rd32(&r.r, 0x0fc) != generation);
        expect_u32(vrig_ack(&r) & 2, 2);
        fake.nif.readable(fake.nif.arg);
        expect_u32(vrig_ack(&r) & 2, 0); /* told once */
        expect_true(!broken(&r));
        vrig_fini(&r);
    }
}

static void a_reset_begins_anew(void)
{
    struct vrig r;
    uint32_t head, len;
    rig_net(&r, 0);
    fake.room = 0;
    send(&r, 0, 0, 60);
    fake.rx_left = 1;
    fake.nif.readable(fake.nif.arg); /* no buffers */
    vrig_start(&r, 0, 2, 16);
    fake.nif.writable(fake.nif.arg); /* what waited for room is no more */
    fake.room = 9;
    send(&r, 0, 0, 70);
    expect_u32(fake.sent, 1);
    expect_u32(fake.len, 70);
    vrig_add(&r, 0, &(struct vrig_seg){VRIG_DATA, 2048, true}, 1);
    vrig_notify(&r, 0);
    expect_true(vrig_take(&r, 0, &head, &len)); /* what had come is not lost */
    wr32(&r.r, 0x070, 0);
    fake.rx_left = 1;
    fake.nif.readable(fake.nif.arg); /* without a driver it waits */
    expect_u32(fake.rx_left, 1);
    vrig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(bad_headers_are_dropped),
    TAP_TEST(a_full_host_holds_the_queue),
    TAP_TEST(frames_are_merged_or_wait),
    TAP_TEST(configuration_says_what_it_is),
    TAP_TEST(the_host_is_told_what_the_guest_takes),
    TAP_TEST(headers_reach_the_host_as_far_as_they_count),
    TAP_TEST(the_longest_frame_is_the_mtus_or_an_ip_packets),
    TAP_TEST(frames_without_a_header_break_the_device),
    TAP_TEST(frames_go_out_in_their_order),
    TAP_TEST(headers_of_frames_that_come),
    TAP_TEST(frames_too_long_for_the_buffers_are_dropped),
    TAP_TEST(a_network_that_ends_is_a_link_that_goes_down),
    TAP_TEST(a_reset_begins_anew),
};

TAP_MAIN(tests)
