// SPDX-License-Identifier: MIT
/*
 * test_host_loop.c - the event loop: deadlines, descriptors, and no thread before there is a need.
 *
 * A test waits for a callback by a park, never by a sleep.
 */
#include "tests/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
    struct loop_watch w = {.fn = see, .arg = &s};
    int p[2];
    expect_u32(pipe(p), 0);
    expect_u32(loop_watch(loop, &w, p[0], POLLIN), 0);
    expect_u32(write(p[1], "x", 1), 1);
    park_wait(&s.park, UINT64_MAX);
    park_wait(&s.park, clock_mono_ns() + 2 * MS); /* the byte is still there, and nobody asked */
    expect_u32(atomic_load(&s.n), 1);
    loop_watch(loop, &w, p[0], POLLIN);
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
    struct loop_watch w = {.fn = see, .arg = &s};
    loop_watch(loop, &w, p[0], POLLIN);
    close(p[1]);
    park_wait(&s.park, UINT64_MAX);
    expect_u32(atomic_load(&s.n), 1);
    loop_free(loop);
    close(p[0]);
}

static void room_to_write_is_an_event(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    struct loop_watch w = {.fn = see, .arg = &s};
    int p[2];
    expect_u32(pipe(p), 0);
    fcntl(p[1], F_SETFL, O_NONBLOCK);
    static char page[4096];
    while (write(p[1], page, sizeof page) > 0)
        ;
    loop_watch(loop, &w, p[1], POLLOUT);
    park_wait(&s.park, clock_mono_ns() + 2 * MS);
    expect_u32(atomic_load(&s.n), 0); /* the pipe is full */
    expect_u32(read(p[0], page, sizeof page), sizeof page);
    park_wait(&s.park, UINT64_MAX);
    expect_u32(atomic_load(&s.n), 1);
    loop_free(loop);
    close(p[0]);
    close(p[1]);
}

static void what_is_no_longer_watched_stays_silent(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0}, other = {0};
    struct loop_watch w = {.fn = see, .arg = &s}, v = {.fn = see, .arg = &other};
    int p[2];
    expect_u32(pipe(p), 0);
    loop_watch(loop, &w, p[0], POLLIN);
    loop_unwatch(loop, &w);
    loop_unwatch(loop, &w); /* twice is once */
    loop_watch(loop, &v, p[0], POLLIN);
    expect_u32(write(p[1], "x", 1), 1);
    park_wait(&other.park, UINT64_MAX);
    expect_u32(atomic_load(&other.n), 1);
    expect_u32(atomic_load(&s.n), 0);
    loop_free(loop);
    close(p[0]);
    close(p[1]);
}

/* As a machine ends: the loop first, then the devices, which take back what they asked for. */
static void a_stopped_loop_can_be_asked_to_forget(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    struct loop_watch w = {.fn = see, .arg = &s};
    struct loop_timer t = {.fn = see, .arg = &s};
    int p[2];
    expect_u32(pipe(p), 0);
    loop_watch(loop, &w, p[0], POLLIN);
    loop_arm(loop, &t, UINT64_MAX - 1);
    loop_stop(loop);
    loop_stop(loop);
    expect_u32(write(p[1], "x", 1), 1);
    loop_unwatch(loop, &w);
    loop_arm(loop, &t, UINT64_MAX);
    loop_free(loop);
    expect_u32(atomic_load(&s.n), 0);
    close(p[0]);
    close(p[1]);
}

static void asking_again_replaces_the_question(void)
{
    struct loop *loop = rig_loop();
    struct seen s = {0};
    struct loop_watch w = {.fn = see, .arg = &s};
    int p[2], q[2];
    expect_u32(pipe(p) | pipe(q), 0);
    loop_watch(loop, &w, p[0], POLLIN);
    loop_watch(loop, &w, q[0], POLLIN);
    expect_u32(write(p[1], "x", 1), 1);
    park_wait(&s.park, clock_mono_ns() + 2 * MS);
    expect_u32(atomic_load(&s.n), 0);
    expect_u32(write(q[1], "x", 1), 1);
    park_wait(&s.park, UINT64_MAX);
    expect_u32(atomic_load(&s.n), 1);
    loop_free(loop);
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(q[i]);
    }
}

static void a_full_table_is_refused(void)
{
    enum { MANY = 2000 };
    struct loop *loop = rig_loop();
    struct seen s = {0};
    static struct loop_watch w[MANY];
    int p[2], rc = 0;
    unsigned n = 0;
    expect_u32(pipe(p), 0);
    for (; n < MANY && !rc; n += !rc) {
        w[n] = (struct loop_watch){.fn = see, .arg = &s};
        rc = loop_watch(loop, &w[n], p[0], POLLIN);
    }
    expect_u32(n, 1024);
    expect_true(rc == -ENOSPC);
    loop_unwatch(loop, &w[7]);
    expect_u32(loop_watch(loop, &w[n], p[0], POLLIN), 0);
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
    TAP_TEST(an_unused_loop_has_no_thread),
    TAP_TEST(a_timer_fires_once_and_not_early),
    TAP_TEST(arming_again_moves_a_timer_either_way),
    TAP_TEST(a_disarmed_timer_stays_silent),
    TAP_TEST(a_callback_may_arm_its_own_timer),
    TAP_TEST(a_watch_fires_once_per_asking),
    TAP_TEST(the_end_of_a_pipe_is_an_event),
    TAP_TEST(room_to_write_is_an_event),
    TAP_TEST(what_is_no_longer_watched_stays_silent),
    TAP_TEST(a_stopped_loop_can_be_asked_to_forget),
    TAP_TEST(asking_again_replaces_the_question),
    TAP_TEST(a_full_table_is_refused),
    TAP_TEST(the_loop_thread_takes_no_signals),
};

TAP_MAIN(tests)
