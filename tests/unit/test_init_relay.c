// SPDX-License-Identifier: MIT
/*
 * test_init_relay.c - the relay of process 1 (images/init), between pipes of this system.
 *
 * It has its own system calls and constants, with which those of the C library do not go: the test
 * uses them too. pipe(7): one in packet mode gives one write per read, as a port gives one buffer.
 */
#include "images/init/relay.c"

#include "tests/tap.h"

#ifdef __aarch64__
#define PIPE_PACKETS 0200000 /* O_DIRECT */
#else
#define PIPE_PACKETS 040000
#endif

struct rig {
    struct relay r;
    int feed, drain; /* what the test writes and reads */
    struct pollfd p[2];
};

static void rig_init(struct rig *g, int mode)
{
    int in[2], out[2];
    memset(g, 0, sizeof *g);
    expect_u64(sys(pipe2, in, O_NONBLOCK | mode), 0);
    expect_u64(sys(pipe2, out, O_NONBLOCK), 0);
    g->r.in = in[0];
    g->feed = in[1];
    g->r.out = out[1];
    g->drain = out[0];
}

static void rig_fini(struct rig *g)
{
    relay_close(&g->r.in);
    relay_close(&g->r.out);
    relay_close(&g->feed);
    relay_close(&g->drain);
}

/* As process 1 does it, once. False: poll(2) would have waited. */
static bool rig_go(struct rig *g)
{
    long now[2] = {0, 0}; /* struct timespec */
    relay_ask(&g->r, g->p);
    long n = sys(ppoll, g->p, 2, now, NULL, 0);
    if (n > 0)
        relay_go(&g->r, g->p);
    return n > 0;
}

/* All that is there; -1 at the end of the stream, when there is nothing before it. */
static long rig_drain(struct rig *g)
{
    static char buf[65536];
    long sum = 0, n;
    while ((n = sys(read, g->drain, buf, sizeof buf)) > 0)
        sum += n;
    return !sum && !n ? -1 : sum;
}

static void bytes_and_the_end_go_through(void)
{
    struct rig g;
    rig_init(&g, 0);
    expect_true(!rig_go(&g)); /* nothing to do */
    expect_u64(sys(write, g.feed, "hello", 5), 5);
    expect_true(rig_go(&g));
    expect_u64(rig_drain(&g), 5);
    relay_close(&g.feed);
    expect_true(rig_go(&g));
    expect_u64(rig_drain(&g), -1);
    expect_true(g.r.in < 0 && g.r.out < 0);
    expect_true(!rig_go(&g)); /* for good */
    rig_fini(&g);
}

/* The end of the input may be found by any of the steps that a relay makes in a row: also the last.
 */
static void the_end_is_handed_on_from_every_step(void)
{
    for (unsigned buffered = 0; buffered < 2; buffered++)
        for (unsigned packets = 0; packets <= RELAY_ROUNDS; packets++) {
            struct rig g;
            rig_init(&g, PIPE_PACKETS);
            static const char full[4096];
            while (buffered && sys(write, g.r.out, full, sizeof full) > 0)
                ;
            if (buffered) { /* a buffer that was read and could not be written: an odd step */
                expect_u64(sys(write, g.feed, "x", 1), 1);
                expect_true(rig_go(&g));
                expect_u64(g.r.len - g.r.at, 1);
                rig_drain(&g);
            }
            for (unsigned i = 0; i < packets; i++)
                expect_u64(sys(write, g.feed, "y", 1), 1);
            relay_close(&g.feed);
            while (rig_go(&g))
                ;
            expect_u64(rig_drain(&g), buffered + packets ? (long)(buffered + packets) : -1);
            expect_u64(rig_drain(&g), -1);
            rig_fini(&g);
        }
}

static void a_slow_reader_holds_it_back(void)
{
    struct rig g;
    rig_init(&g, 0);
    static const char block[65536];
    long put = 0, got = 0, n;
    for (unsigned i = 0; i < 200; i++) {
        while (put < 1000000 &&
               (n = sys(write, g.feed, block, 1000000 - put < 65536 ? 1000000 - put : 65536)) > 0)
            put += n;
        rig_go(&g);
        if (i % 3 == 0)
            got += rig_drain(&g);
    }
    while (rig_go(&g))
        got += rig_drain(&g);
    expect_u64(put, 1000000);
    expect_u64(got + rig_drain(&g), 1000000);
    rig_fini(&g);
}

static void a_reader_that_leaves_closes_both_ends(void)
{
    struct rig g;
    rig_init(&g, 0);
    relay_close(&g.drain);
    expect_true(rig_go(&g)); /* by POLLERR: nothing had to be written */
    expect_true(g.r.in < 0 && g.r.out < 0);
    rig_fini(&g);
}

static void drain_hands_on_what_is_there_and_waits_for_no_more(void)
{
    struct rig g;
    rig_init(&g, 0); /* its writer stays */
    expect_u64(sys(write, g.feed, "last", 4), 4);
    relay_drain(&g.r);
    expect_u64(rig_drain(&g), 4);
    expect_true(g.r.in >= 0);
    rig_fini(&g);
}

static const struct tap_test tests[] = {
    TAP_TEST(bytes_and_the_end_go_through),
    TAP_TEST(the_end_is_handed_on_from_every_step),
    TAP_TEST(a_slow_reader_holds_it_back),
    TAP_TEST(a_reader_that_leaves_closes_both_ends),
    TAP_TEST(drain_hands_on_what_is_there_and_waits_for_no_more),
};

TAP_MAIN(tests)
