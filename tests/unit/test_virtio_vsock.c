// SPDX-License-Identifier: MIT
/*
 * test_virtio_vsock.c - streams through the vsock device: how they begin, go on and end.
 *
 * Rules and values: virtio 1.2 §5.10.
 */
#include "tests/unit/vsock_rig.h"

/* ---- what the device is ---- */

static void the_guests_number_is_in_the_configuration(void) /* §5.10.1, §5.10.3, §5.10.4 */
{
    struct vrig r;
    rig_vsock(&r);
    expect_u32(rd32(&r.r, 0x008), 19);
    expect_u32(rd32(&r.r, 0x100), CID);
    expect_u32(rd32(&r.r, 0x104), 0);                      /* the upper half is reserved and zero */
    expect_u64(vrig_features(&r) & UINT32_C(0xffffff), 1); /* F_STREAM, not F_SEQPACKET */
    wr32(&r.r, 0x100, 99);
    expect_u32(rd32(&r.r, 0x100), CID);
    for (unsigned q = 0; q < 4; q++) {
        wr32(&r.r, 0x030, q);
        expect_u32(rd32(&r.r, 0x034), q < 3 ? 256 : 0);
    }
    vrig_fini(&r);
    expect_true(end.freed);
}

static void events_are_left_alone(void) /* §5.10.6.7: none comes */
{
    struct vrig r;
    uint32_t head, len;
    rig_connected(&r);
    vrig_add(&r, EVENT, &(struct vrig_seg){TX_AT, 4, true}, 1);
    vrig_notify(&r, EVENT);
    expect_true(!vrig_take(&r, EVENT, &head, &len));
    expect_true(!broken(&r));
    vrig_fini(&r);
}

/* ---- connections ---- */

static void the_guest_connects(void) /* §5.10.6.5 */
{
    struct vrig r;
    rig_connected(&r);
    send_bytes(&r, 1000, 7, 10);
    expect_u64(end.sides[0].n_out, 10);
    expect_true(!memcmp(end.sides[0].out, "gggggggggg", 10));
    end_give(0, "hello");
    expect_data(&r, "hello");
    expect_true(vrig_ack(&r) & 1);
    expect_true(end.sides[0].wait_in);
    vrig_fini(&r);
}

static void a_port_that_nobody_has_refuses(void)
{
    struct vrig r;
    rig_vsock(&r);
    say(&r, 1000, 404, REQUEST, 0);
    expect_packet(&r, 1000, 404, RST);
    expect_none(&r);
    vrig_fini(&r);
}

static void a_peer_of_the_host_connects(void)
{
    struct vrig r;
    rig_vsock(&r);
    expect_true(end.wait_peer);
    end.peers = 1;
    end.v.arrived(end.v.arg);
    expect_none(&r); /* it has not said where to */
    expect_true(end.sides[0].open && end.sides[0].wait_in && end.wait_peer);
    end.line = 5000;
    end_ready(0);
    struct packet p = {0};
    const char *data;
    expect_true(next_packet(&r, &p, &data));
    expect_u32(p.op, REQUEST);
    expect_u32(p.dst_port, 5000);
    uint32_t port = p.src_port;
    expect_u32(end.sides[0].port, 0);
    say(&r, 5000, port, RESPONSE, 0);
    expect_u32(end.sides[0].port, port); /* welcome */
    end_give(0, "to the guest");
    expect_data(&r, "to the guest");
    send_bytes(&r, 5000, port, 3);
    expect_u64(end.sides[0].n_out, 3);
    /* The next one has another port. */
    end.peers = 1;
    end.v.arrived(end.v.arg);
    expect_true(next_packet(&r, &p, &data));
    expect_true(p.op == REQUEST && p.src_port != port);
    say(&r, 5000, p.src_port, RST, 0); /* no listener, §5.10.6.5 */
    expect_true(!end.sides[1].open);
    expect_true(end.sides[0].open);
    vrig_fini(&r);
}

static void a_peer_that_talks_nonsense_is_closed(void)
{
    struct vrig r;
    rig_vsock(&r);
    end.peers = 1;
    end.line = -2;
    end.v.arrived(end.v.arg);
    expect_true(!end.sides[0].open);
    expect_none(&r);
    vrig_fini(&r);
}

static void peers_wait_for_the_driver(void)
{
    struct vrig r;
    rig_make(&r);
    end.peers = 1;
    end.line = 5000;
    expect_true(!end.wait_peer); /* nothing is made for a guest without a driver */
    vrig_start(&r, 1, 3, RX_BUFS);
    expect_true(end.sides[0].open);
    rx_buffers(&r, 1);
    struct packet p = {0};
    const char *data;
    expect_true(next_packet(&r, &p, &data));
    expect_u32(p.op, REQUEST);
    wr32(&r.r, 0x070, 0); /* a reset closes them */
    expect_true(!end.sides[0].open);
    end.wait_peer = false;
    end.peers = 1;
    end.v.arrived(end.v.arg);
    expect_true(!end.sides[0].open && !end.wait_peer);
    vrig_fini(&r);
}

static void waiting_ends(void) /* §5.10.6.5: an implementation-specific time */
{
    struct vrig r;
    struct packet p = {0};
    const char *data;
    rig_connected(&r);
    end.peers = 2; /* slots 1 and 2: the first says nothing, the guest says nothing to the second */
    end.v.arrived(end.v.arg);
    end.line = 5000;
    end_ready(2);
    expect_true(next_packet(&r, &p, &data));
    end.sides[0].ended = end.sides[0].gone = true;
    end_ready(0);
    expect_u32(expect_packet(&r, 1000, 7, SHUTDOWN).flags, 3);
    expect_u64(end.alarm_ns, now_ns + WAIT_NS);
    now_ns += WAIT_NS - 1;
    end.v.due(end.v.arg); /* too early: the alarm is set again */
    expect_true(end.sides[0].open && end.sides[1].open && end.sides[2].open);
    expect_u64(end.alarm_ns, now_ns + 1);
    now_ns++;
    end.v.due(end.v.arg);
    expect_true(!end.sides[0].open && !end.sides[1].open && !end.sides[2].open);
    expect_packet(&r, 1000, 7, RST);
    expect_packet(&r, 5000, p.src_port, RST);
    expect_none(&r);
    vrig_fini(&r);
}

static void connections_are_bounded(void)
{
    struct vrig r;
    struct packet p = {0};
    const char *data;
    rig_vsock(&r);
    for (uint32_t i = 0; i < VSOCK_SLOTS; i++) {
        say(&r, i, 7, REQUEST, 0);
        expect_packet(&r, i, 7, RESPONSE);
        rx_buffers(&r, 1);
    }
    say(&r, 5000, 7, REQUEST, 0); /* §5.10.6.5: RST for a lack of resources */
    expect_packet(&r, 5000, 7, RST);
    end.peers = 1;
    end.line = 6000;
    end.wait_peer = false;
    end.v.arrived(end.v.arg);
    expect_u32(end.peers, 1);
    say(&r, 3, 7, RST, 0);
    expect_true(!end.sides[3].open && end.wait_peer); /* a place is free again */
    end.v.arrived(end.v.arg);
    expect_u32(end.peers, 0);
    rx_buffers(&r, 1);
    expect_true(next_packet(&r, &p, &data));
    expect_true(p.op == REQUEST && p.dst_port == 6000);
    vrig_fini(&r);
}

/* ---- credit, §5.10.6.3 ---- */

static void the_guests_buffer_is_never_overrun(void)
{
    struct vrig r;
    struct packet p;
    rig_vsock(&r);
    p = from_guest(1000, 7, REQUEST);
    p.alloc = 6;
    send_raw(&r, &p, 0);
    expect_packet(&r, 1000, 7, RESPONSE);
    end_give(0, "0123456789");
    expect_data(&r, "012345");
    expect_packet(&r, 1000, 7, CREDIT_REQUEST); /* once */
    end_ready(0);
    expect_none(&r);
    p = from_guest(1000, 7, CREDIT_UPDATE);
    p.alloc = 6;
    send_raw(&r, &p, 0); /* still none: it is not asked again */
    expect_none(&r);
    p.fwd = 3;
    send_raw(&r, &p, 0);
    expect_data(&r, "678");
    expect_packet(&r, 1000, 7, CREDIT_REQUEST);
    p.fwd = 9;
    p.alloc = 0; /* it may take its buffer back */
    send_raw(&r, &p, 0);
    expect_none(&r);
    p.alloc = 100;
    send_raw(&r, &p, 0);
    expect_data(&r, "9");
    vrig_fini(&r);
}

static void more_taken_than_was_sent_resets(void)
{
    struct vrig r;
    rig_connected(&r);
    struct packet p = from_guest(1000, 7, CREDIT_UPDATE);
    p.fwd = 1;
    send_raw(&r, &p, 0);
    expect_packet(&r, 1000, 7, RST);
    expect_true(!end.sides[0].open && !broken(&r));
    vrig_fini(&r);
}

static void a_slow_host_holds_the_guest_back(void)
{
    struct vrig r;
    rig_connected(&r);
    end.sides[0].room = 100;
    for (unsigned i = 0; i < BUF / KIB(32); i++) /* all of its credit, 100 of it forwarded */
        send_bytes(&r, 1000, 7, KIB(32));
    expect_u64(end.sides[0].n_out, 100);
    expect_true(end.sides[0].open && end.sides[0].wait_out);
    struct virtio *v = container_of(r.r.dev, struct virtio, dev);
    expect_true(v->ops->busy(v));
    send_bytes(&r, 1000, 7, 100); /* the rest of it */
    expect_none(&r);
    say(&r, 1000, 7, CREDIT_REQUEST, 0);
    expect_u32(expect_packet(&r, 1000, 7, CREDIT_UPDATE).fwd, 100);
    end.sides[0].room = BUF / 2 - 1;
    end_ready(0);
    expect_none(&r);
    end.sides[0].room = 1; /* half of it is free: the guest is told */
    end_ready(0);
    expect_u32(expect_packet(&r, 1000, 7, CREDIT_UPDATE).fwd, 100 + BUF / 2);
    end.sides[0].room = UINT64_MAX;
    end_ready(0);
    expect_u64(end.sides[0].n_out, BUF + 100);
    expect_u32(end.idle, 1);
    expect_true(!v->ops->busy(v));
    vrig_fini(&r);
}

static void more_than_its_credit_resets(void)
{
    struct vrig r;
    rig_connected(&r);
    end.sides[0].room = 0;
    for (unsigned i = 0; i < BUF / KIB(32); i++)
        send_bytes(&r, 1000, 7, KIB(32));
    expect_none(&r);
    send_bytes(&r, 1000, 7, 1);
    expect_packet(&r, 1000, 7, RST);
    expect_true(!end.sides[0].open);
    vrig_fini(&r);
}

static void bytes_come_in_several_buffers(void)
{
    struct vrig r;
    struct packet p = {0};
    const char *data;
    rig_connected(&r);
    for (unsigned i = 0; i < 2500; i++)
        end.sides[0].in[i] = (char)('a' + i % 26);
    end.sides[0].n_in = 2500;
    end_ready(0);
    unsigned at = 0;
    while (next_packet(&r, &p, &data)) {
        expect_u32(p.op, RW);
        for (unsigned i = 0; i < p.len; i++)
            expect_true(data[i] == (char)('a' + (at + i) % 26));
        at += p.len;
    }
    expect_u32(at, 2500);
    vrig_fini(&r);
}

static void bytes_wait_for_buffers(void) /* §5.10.6.1 */
{
    struct vrig r;
    rig_make(&r);
    vrig_start(&r, 1, 3, RX_BUFS);
    rx_buffers(&r, 1);
    say(&r, 1000, 7, REQUEST, 0);
    expect_packet(&r, 1000, 7, RESPONSE);
    end_give(0, "waits");
    expect_none(&r);
    send_bytes(&r, 1000, 7, 10); /* the other direction goes on */
    expect_u64(end.sides[0].n_out, 10);
    rx_buffers(&r, 1);
    expect_data(&r, "waits");
    vrig_fini(&r);
}

static void answers_have_bounded_room(void) /* §5.10.6.1 */
{
    struct vrig r;
    uint32_t head, len;
    unsigned taken = 0, told = 0;
    rig_make(&r);
    vrig_start(&r, 1, 3, 256);
    struct packet p = from_guest(1000, 7, RW);
    for (unsigned i = 0; i < 100; i++) { /* to nobody: a reset for each */
        p.src_port = 1000 + i;
        send_raw(&r, &p, 0);
    }
    taken = r.q[TX].used;
    expect_true(taken > 0 && taken < 100); /* then the queue waits */
    for (unsigned i = 0; i < 100; i++) {
        vrig_add(&r, RX, &(struct vrig_seg){RX_AT, RX_LEN, true}, 1);
        vrig_notify(&r, RX);
        told += vrig_take(&r, RX, &head, &len);
    }
    while (vrig_take(&r, TX, &head, &len))
        taken++;
    expect_u32(taken, 100);
    expect_u32(told, 100);
    vrig_fini(&r);
}

/* ---- the end of a stream, §5.10.6.5 ---- */

static void the_guest_ends_cleanly(void)
{
    struct vrig r;
    rig_connected(&r);
    say(&r, 1000, 7, SHUTDOWN, 2);
    expect_u32(end.sides[0].shut, VSOCK_SHUT_SEND);
    end_give(0, "still");
    expect_data(&r, "still");
    say(&r, 1000, 7, SHUTDOWN, 1); /* the first hint stays */
    expect_packet(&r, 1000, 7, RST);
    expect_true(!end.sides[0].open);
    vrig_fini(&r);
}

static void an_end_waits_for_what_came_before_it(void)
{
    struct vrig r;
    rig_connected(&r);
    end.sides[0].room = 4;
    send_bytes(&r, 1000, 7, 10);
    say(&r, 1000, 7, SHUTDOWN, 3);
    expect_none(&r);
    expect_true(end.sides[0].open);
    end.sides[0].room = 100;
    end_ready(0);
    expect_u64(end.sides[0].n_out, 10);
    expect_packet(&r, 1000, 7, RST);
    expect_true(!end.sides[0].open);
    vrig_fini(&r);
}

static void a_guest_that_gives_up_waiting_loses_nothing(void)
{
    struct vrig r;
    rig_connected(&r);
    end.sides[0].room = 4;
    send_bytes(&r, 1000, 7, 10);
    say(&r, 1000, 7, SHUTDOWN, 3);
    say(&r, 1000, 7, RST, 0);
    expect_true(end.sides[0].open);
    say(&r, 1000, 7, REQUEST, 0); /* its port is free for another */
    expect_packet(&r, 1000, 7, RESPONSE);
    expect_true(end.sides[1].open);
    end.sides[0].room = 100;
    end_ready(0);
    expect_u64(end.sides[0].n_out, 10);
    expect_true(!end.sides[0].open);
    expect_none(&r);
    vrig_fini(&r);
}

static void bytes_outlive_a_reset_of_the_device(void)
{
    struct vrig r;
    rig_connected(&r);
    end.sides[0].room = 4;
    send_bytes(&r, 1000, 7, 10);
    wr32(&r.r, 0x070, 0);
    struct virtio *v = container_of(r.r.dev, struct virtio, dev);
    expect_true(end.sides[0].open && v->ops->busy(v));
    end.sides[0].room = 100;
    end_ready(0);
    expect_u64(end.sides[0].n_out, 10);
    expect_true(!end.sides[0].open && !v->ops->busy(v));
    vrig_fini(&r);
}

static void a_reset_of_the_guest_is_final(void)
{
    struct vrig r;
    rig_connected(&r);
    end.sides[0].room = 4;
    send_bytes(&r, 1000, 7, 10);
    say(&r, 1000, 7, RST, 0);
    expect_true(!end.sides[0].open);
    expect_none(&r); /* no answer to a reset */
    say(&r, 1000, 7, RW, 0);
    expect_packet(&r, 1000, 7, RST);
    vrig_fini(&r);
}

static void the_host_ends(void)
{
    struct vrig r;
    rig_connected(&r);
    end.sides[0].ended = true;
    end_give(0, "last");
    expect_data(&r, "last");
    expect_u32(expect_packet(&r, 1000, 7, SHUTDOWN).flags, 2); /* it sends no more, */
    expect_true(end.sides[0].wait_in);
    send_bytes(&r, 1000, 7, 10);
    expect_u64(end.sides[0].n_out, 10); /* and takes */
    end.sides[0].gone = true;
    end.alarm_ns = UINT64_MAX;
    end_ready(0);
    expect_u32(expect_packet(&r, 1000, 7, SHUTDOWN).flags, 3);
    expect_true(end.alarm_ns != UINT64_MAX); /* for the guest's answer there is a time */
    send_bytes(&r, 1000, 7, 10);             /* that was on its way */
    expect_true(end.sides[0].open);
    expect_none(&r);
    say(&r, 1000, 7, RST, 0);
    expect_true(!end.sides[0].open);
    expect_none(&r);
    vrig_fini(&r);
}

static void a_host_that_takes_no_more_is_told(void)
{
    struct vrig r;
    rig_connected(&r);
    end.sides[0].broken = true;
    send_bytes(&r, 1000, 7, 10);
    const struct packet p = expect_packet(&r, 1000, 7, SHUTDOWN);
    expect_u32(p.flags & 1, 1);
    expect_u32(p.fwd, 10); /* dropped, and no credit is lost */
    vrig_fini(&r);
}

static void a_guest_that_receives_no_more_is_not_read_for(void)
{
    struct vrig r;
    rig_connected(&r);
    say(&r, 1000, 7, SHUTDOWN, 1);
    expect_u32(end.sides[0].shut, VSOCK_SHUT_RECEIVE);
    end_give(0, "not wanted");
    expect_none(&r);
    expect_u32(end.sides[0].n_in, 10);
    vrig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(the_guests_number_is_in_the_configuration),
    TAP_TEST(events_are_left_alone),
    TAP_TEST(the_guest_connects),
    TAP_TEST(a_port_that_nobody_has_refuses),
    TAP_TEST(a_peer_of_the_host_connects),
    TAP_TEST(a_peer_that_talks_nonsense_is_closed),
    TAP_TEST(peers_wait_for_the_driver),
    TAP_TEST(waiting_ends),
    TAP_TEST(connections_are_bounded),
    TAP_TEST(the_guests_buffer_is_never_overrun),
    TAP_TEST(more_taken_than_was_sent_resets),
    TAP_TEST(a_slow_host_holds_the_guest_back),
    TAP_TEST(more_than_its_credit_resets),
    TAP_TEST(bytes_come_in_several_buffers),
    TAP_TEST(bytes_wait_for_buffers),
    TAP_TEST(answers_have_bounded_room),
    TAP_TEST(the_guest_ends_cleanly),
    TAP_TEST(an_end_waits_for_what_came_before_it),
    TAP_TEST(a_guest_that_gives_up_waiting_loses_nothing),
    TAP_TEST(bytes_outlive_a_reset_of_the_device),
    TAP_TEST(a_reset_of_the_guest_is_final),
    TAP_TEST(the_host_ends),
    TAP_TEST(a_host_that_takes_no_more_is_told),
    TAP_TEST(a_guest_that_receives_no_more_is_not_read_for),
};

TAP_MAIN(tests)
