// SPDX-License-Identifier: MIT
/*
 * test_virtio_net.c - the network device over a host end that keeps what it is sent.
 *
 * Rules and values: virtio 1.2 §5.1.
 */
#include "tests/unit/virtio_rig.h"

#include "vmm/netif.h"

static struct {
    struct netif nif;
    unsigned sent, room, rx_left;
    uint32_t len;
    uint8_t hdr[NETIF_HDR], frame[200];
    bool freed;
} fake;

static void fake_start(struct netif *n, unsigned rx)
{
    (void)n, (void)rx;
}

static int fake_recv(struct netif *n)
{
    (void)n;
    return fake.rx_left > 0;
}

static bool fake_peek(struct netif *n, struct netif_rx *f)
{
    (void)n;
    *f = (struct netif_rx){NULL, fake.frame, 100};
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
    }
    fake.sent += taken;
    fake.room -= taken;
    return taken;
}

static int fake_wait(struct netif *n)
{
    (void)n;
    return 0;
}

static void fake_free(struct netif *n)
{
    (void)n;
    fake.freed = true;
}

static const struct netif_ops fake_ops = {fake_start, fake_recv, fake_peek, fake_skip,
                                          fake_send,  fake_wait, fake_wait, fake_free};

static void rig_net(struct vrig *r, uint64_t features)
{
    static const uint8_t mac[NETIF_MAC] = {2, 1, 2, 3, 4, 5};
    struct virtio_host host = vrig_host(r);
    memset(&fake, 0, sizeof fake);
    fake.nif = (struct netif){.ops = &fake_ops, .valid = true, .mtu = 1500};
    fake.room = 100;
    expect_u64(virtio_net_new(&r->r.dev, "virtio0", &host, &fake.nif, mac), 0);
    vrig_start(r, features, 2, 16);
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

static const struct tap_test tests[] = {
    TAP_TEST(bad_headers_are_dropped),
    TAP_TEST(a_full_host_holds_the_queue),
    TAP_TEST(frames_are_merged_or_wait),
};

TAP_MAIN(tests)
