// SPDX-License-Identifier: MIT
/*
 * test_virtio_vsock_rules.c - the vsock device under guests that break the rules, and hosts that
 * cannot.
 *
 * Rules and values: virtio 1.2 §5.10.
 */
#include "tests/unit/vsock_rig.h"

static void packets_of_nobody_are_reset(void) /* §5.10.6.5 */
{
    struct vrig r;
    rig_vsock(&r);
    for (uint16_t op = 0; op < 12; op++) {
        say(&r, 1000, 404, op, 0);
        if (op == RST)
            expect_none(&r);
        else
            expect_packet(&r, 1000, 404, RST);
    }
    vrig_fini(&r);
}

static void what_has_no_place_resets(void)
{
    static const uint16_t ops[] = {0, REQUEST, RESPONSE, 8, 99, UINT16_MAX};
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
        struct vrig r;
        rig_connected(&r);
        say(&r, 1000, 7, ops[i], 0);
        expect_packet(&r, 1000, 7, RST);
        expect_true(!end.sides[0].open && !broken(&r));
        say(&r, 1000, 7, REQUEST, 0); /* and it can begin anew */
        expect_packet(&r, 1000, 7, RESPONSE);
        vrig_fini(&r);
    }
}

static void bytes_before_the_answer_reset(void)
{
    struct vrig r;
    struct packet p = {0};
    const char *data;
    rig_vsock(&r);
    end.peers = 1;
    end.line = 5000;
    end.v.arrived(end.v.arg);
    expect_true(next_packet(&r, &p, &data));
    send_bytes(&r, 5000, p.src_port, 5);
    expect_packet(&r, 5000, p.src_port, RST);
    expect_true(!end.sides[0].open);
    vrig_fini(&r);
}

static void bytes_after_the_end_reset(void)
{
    struct vrig r;
    rig_connected(&r);
    say(&r, 1000, 7, SHUTDOWN, 2);
    send_bytes(&r, 1000, 7, 5);
    expect_packet(&r, 1000, 7, RST);
    expect_u64(end.sides[0].n_out, 0);
    vrig_fini(&r);
}

static void an_unknown_type_is_reset(void) /* §5.10.6.4: MUST */
{
    struct vrig r;
    rig_connected(&r);
    struct packet p = from_guest(1000, 7, RW), got = {0};
    const char *data;
    p.type = 2;
    send_raw(&r, &p, 0);
    expect_true(next_packet(&r, &got, &data));
    expect_true(got.op == RST && got.type == 2);
    expect_true(end.sides[0].open); /* it was none of the stream's */
    vrig_fini(&r);
}

static void numbers_are_checked(void) /* §5.10.6.2 */
{
    struct vrig r;
    rig_vsock(&r);
    struct packet p = from_guest(1000, 7, REQUEST), got = {0};
    const char *data;
    p.src = CID + 1;
    send_raw(&r, &p, 0); /* not the guest: nobody to answer */
    expect_none(&r);
    p.src = CID;
    p.dst = 3;
    send_raw(&r, &p, 0); /* another guest */
    expect_true(next_packet(&r, &got, &data));
    expect_true(got.op == RST && got.src == 3);
    p.dst = UINT64_C(0x100000002);
    send_raw(&r, &p, 0);
    expect_true(next_packet(&r, &got, &data));
    expect_true(got.op == RST && got.src == UINT64_C(0x100000002));
    expect_true(!end.sides[0].open);
    vrig_fini(&r);
}

static void lengths_that_lie_break_the_device(void)
{
    for (unsigned i = 0; i < 3; i++) {
        struct vrig r;
        rig_connected(&r);
        struct packet p = from_guest(1000, 7, RW);
        p.len = i == 0 ? 11 : UINT32_MAX;
        if (i < 2) {
            send_raw(&r, &p, 10);
        } else { /* no whole header */
            vrig_add(&r, TX, &(struct vrig_seg){TX_AT, HDR - 1, false}, 1);
            vrig_notify(&r, TX);
        }
        expect_true(broken(&r));
        vrig_fini(&r);
    }
}

static void buffers_too_small_break_the_device(void)
{
    struct vrig r;
    rig_make(&r);
    vrig_start(&r, 1, 3, RX_BUFS);
    vrig_add(&r, RX, &(struct vrig_seg){RX_AT, HDR, true}, 1);
    say(&r, 1000, 7, REQUEST, 0);
    expect_true(broken(&r));
    vrig_fini(&r);
}

static void a_host_without_descriptors_is_asked_again(void)
{
    struct vrig r;
    rig_vsock(&r);
    end.peers = 1;
    end.no_descriptors = true;
    end.v.arrived(end.v.arg);
    expect_true(!end.sides[0].open && end.alarm_ns != UINT64_MAX);
    end.no_descriptors = false;
    end.v.due(end.v.arg);
    expect_true(end.sides[0].open);
    vrig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(packets_of_nobody_are_reset),
    TAP_TEST(what_has_no_place_resets),
    TAP_TEST(bytes_before_the_answer_reset),
    TAP_TEST(bytes_after_the_end_reset),
    TAP_TEST(an_unknown_type_is_reset),
    TAP_TEST(numbers_are_checked),
    TAP_TEST(lengths_that_lie_break_the_device),
    TAP_TEST(buffers_too_small_break_the_device),
    TAP_TEST(a_host_without_descriptors_is_asked_again),
};

TAP_MAIN(tests)
