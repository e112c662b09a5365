// SPDX-License-Identifier: MIT
/*
 * test_host_loop.c - the event loop: deadlines, descriptors, and no thread before there is a need.
 *
 * A test waits for a callback by a park, never by a sleep.
 */
#include "tests/tap.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/host.h"
#include "vmm/park.h"

#define MS UINT64_C(1000000)

struct seen {
    struct park park;
    _Atomic unsigned n;
    _Atomic uint64_t at_ns;
    struct loop *loop;
    struct loop_timer *again;
};

static void see(void *arg)
{
    struct seen *s = arg;
    atomic_store(&s->at_ns, clock_mono_ns());
    atomic_fetch_add(&s->n, 1);
    park_wake(&s->park);
}

static struct loop *rig_loop(void)
{
    struct loop *loop = NULL;
    expect_u32(loop_new(&loop, NULL), 0);
    return loop;
}

static unsigned threads(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void an_unused_loop_has_no_thread(void)
{
    unsigned before = threads();
    struct loop *loop = rig_loop();
    struct loop_timer t = {.deadline_ns = UINT64_MAX};
    expect_u32(loop_arm(loop, &t, UINT64_MAX), 0); /* to disarm is no use */
    expect_u32(threads(), before);
    loop_free(loop);
    loop_free(NULL);
}

static void a_timer_fires_once_and_not_early(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    struct loop_timer t = {.fn = see, .arg = &s};
    uint64_t deadline = clock_mono_ns() + 3 * MS;
    expect_u32(loop_arm(loop, &t, deadline), 0);
    park_wait(&s.park, UINT64_MAX);
    expect_true(atomic_load(&s.at_ns) >= deadline);
    park_wait(&s.park, clock_mono_ns() + 3 * MS);
    expect_u32(atomic_load(&s.n), 1);
    loop_free(loop);
}

static void arming_again_moves_a_timer_either_way(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    struct loop_timer t = {.fn = see, .arg = &s};
    loop_arm(loop, &t, clock_mono_ns() + 3600 * NS_PER_SEC);
    uint64_t deadline = clock_mono_ns() + 2 * MS;
    loop_arm(loop, &t, deadline); /* nearer: the sleeping thread must hear of it */
    park_wait(&s.park, UINT64_MAX);
    expect_true(atomic_load(&s.at_ns) >= deadline);
    loop_arm(loop, &t, clock_mono_ns() + 2 * MS);
    deadline = clock_mono_ns() + 6 * MS;
    loop_arm(loop, &t, deadline); /* later */
    park_wait(&s.park, UINT64_MAX);
    expect_true(atomic_load(&s.at_ns) >= deadline);
    expect_u32(atomic_load(&s.n), 2);
    loop_free(loop);
}

static void a_disarmed_timer_stays_silent(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0}, other = {0};
    struct loop_timer t = {.fn = see, .arg = &s}, u = {.fn = see, .arg = &other};
    uint64_t now = clock_mono_ns();
    loop_arm(loop, &t, now + 20 * MS);
    loop_arm(loop, &t, UINT64_MAX);
    loop_arm(loop, &u, now + 25 * MS);
    park_wait(&other.park, UINT64_MAX);
    expect_u32(atomic_load(&s.n), 0);
    loop_free(loop);
}

static void see_and_arm_again(void *arg)
{
    struct seen *s = arg;
    see(arg);
    if (atomic_load(&s->n) < 5)
        loop_arm(s->loop, s->again, clock_mono_ns());
}

static void a_callback_may_arm_its_own_timer(void)
{
    struct loop *loop = rig_loop();
    struct loop_timer t = {.fn = see_and_arm_again};
    struct seen s = {.loop = loop, .again = &t};
    t.arg = &s;
    loop_arm(loop, &t, clock_mono_ns());
    while (atomic_load(&s.n) < 5)
        park_wait(&s.park, UINT64_MAX);
    loop_free(loop);
    expect_u32(atomic_load(&s.n), 5);
}

static void a_watch_fires_once_per_asking(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    int p[2];
    expect_u32(pipe(p), 0);
    expect_u32(loop_watch(loop, p[0], see, &s), 0);
    expect_u32(write(p[1], "x", 1), 1);
    park_wait(&s.park, UINT64_MAX);
    park_wait(&s.park, clock_mono_ns() + 2 * MS); /* the byte is still there, and nobody asked */
    expect_u32(atomic_load(&s.n), 1);
    loop_watch(loop, p[0], see, &s);
    park_wait(&s.park, UINT64_MAX);
    expect_u32(atomic_load(&s.n), 2);
    loop_free(loop);
    close(p[0]);
    close(p[1]);
}

static void the_end_of_a_pipe_is_an_event(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    int p[2];
    expect_u32(pipe(p), 0);
    loop_watch(loop, p[0], see, &s);
    close(p[1]);
    park_wait(&s.park, UINT64_MAX);
    expect_u32(atomic_load(&s.n), 1);
    loop_free(loop);
    close(p[0]);
}

static void a_full_table_is_refused(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    int p[2], rc = 0;
    unsigned n = 0;
    expect_u32(pipe(p), 0);
    while (n < 100 && !(rc = loop_watch(loop, p[0], see, &s)))
        n++;
    expect_true(n > 0 && rc == -28); /* ENOSPC */
    loop_free(loop);
    close(p[0]);
    close(p[1]);
}

static _Atomic unsigned long handler_thread;

static void note_thread(int sig)
{
    (void)sig;
    atomic_store(&handler_thread, (unsigned long)pthread_self());
}

/* Signals that end a run are for the threads that can act on them. */
static void the_loop_thread_takes_no_signals(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    struct loop_timer t = {.fn = see, .arg = &s};
    loop_arm(loop, &t, clock_mono_ns());
    park_wait(&s.park, UINT64_MAX);
    struct sigaction sa = {.sa_handler = note_thread}, old;
    sigaction(SIGUSR2, &sa, &old);
    kill(getpid(), SIGUSR2);
    expect_u64(atomic_load(&handler_thread), (unsigned long)pthread_self());
    sigaction(SIGUSR2, &old, NULL);
    loop_free(loop);
}

static const struct tap_test tests[] = {
    TAP_TEST(an_unused_loop_has_no_thread),          TAP_TEST(a_timer_fires_once_and_not_early),
    TAP_TEST(arming_again_moves_a_timer_either_way), TAP_TEST(a_disarmed_timer_stays_silent),
    TAP_TEST(a_callback_may_arm_its_own_timer),      TAP_TEST(a_watch_fires_once_per_asking),
    TAP_TEST(the_end_of_a_pipe_is_an_event),         TAP_TEST(a_full_table_is_refused),
    TAP_TEST(the_loop_thread_takes_no_signals),
};

TAP_MAIN(tests)
