// SPDX-License-Identifier: MIT
/*
 * loop.c - the event loop: one thread in poll(2), for descriptors and deadlines.
 *
 * The thread and its wake-up descriptor are made when the first of either arrives, so a guest that
 * reads nothing and sets no timer costs neither. Deadlines and watches sit in short unsorted lists
 * of their owners' structs: there is a deadline per vCPU and a few of the machine's own. Threads:
 * `lock` guards all fields and the lists; callbacks run with no lock held.
 */
#include "vmm/host.h"

#include "vmm/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

#define LOOP_WATCHES_MAX 1024
#define LOOP_STACK       KIB(256)

struct loop {
    pthread_mutex_t lock;
    pthread_t thread;
    bool started, quit;
    int wake_r, wake_w;         /* one eventfd, or the ends of a pipe */
    struct loop_watch *watches; /* armed ones */
    unsigned n_watches;
    struct loop_timer *timers; /* armed ones */
    uint64_t sleep_until; /* the thread comes round by itself at this time; 0: it is not asleep */
};

static int loop_wake_open(struct loop *l)
{
#ifdef __linux__
    l->wake_r = l->wake_w = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return l->wake_r < 0 ? -errno : 0;
#else
    int p[2];
    if (pipe(p) < 0)
        return -errno;
    for (int i = 0; i < 2; i++) {
        fcntl(p[i], F_SETFD, FD_CLOEXEC);
        fcntl(p[i], F_SETFL, O_NONBLOCK);
    }
    l->wake_r = p[0];
    l->wake_w = p[1];
    return 0;
#endif
}

/* A full pipe means that a wake-up is on its way: a failed write is no loss. */
static void loop_kick(const struct loop *l)
{
    uint64_t one = 1;
    ssize_t rc = write(l->wake_w, &one, sizeof one);
    (void)rc;
}

static void loop_drain(const struct loop *l)
{
    uint64_t buf[8];
    while (read(l->wake_r, buf, sizeof buf) == (ssize_t)sizeof buf)
        ;
}

/* Sleep in poll until something is ready or clock_mono_ns() has reached until_ns. */
static int loop_poll(struct pollfd *fds, nfds_t n, uint64_t until_ns)
{
    uint64_t now = clock_mono_ns();
    uint64_t left = until_ns > now ? until_ns - now : 0;
#ifdef __linux__
    struct timespec ts = {.tv_sec = (time_t)(left / NS_PER_SEC),
                          .tv_nsec = (long)(left % NS_PER_SEC)};
    return ppoll(fds, n, until_ns == UINT64_MAX ? NULL : &ts, NULL);
#else
    uint64_t ms = (left + 999999) / 1000000;
    return poll(fds, n, until_ns == UINT64_MAX ? -1 : (int)MIN(ms, UINT64_C(1000000)));
#endif
}

/* The earliest deadline. Lock held. */
static uint64_t loop_next_deadline(const struct loop *l)
{
    uint64_t min = UINT64_MAX;
    for (const struct loop_timer *t = l->timers; t; t = t->next)
        min = MIN(min, t->deadline_ns);
    return min;
}

static void loop_unlink(struct loop *l, const struct loop_timer *t)
{
    for (struct loop_timer **p = &l->timers; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            return;
        }
}

/* Run the timers that are due, one at a time: a callback may arm and disarm any of them. */
static void loop_run_timers(struct loop *l)
{
    for (;;) {
        uint64_t now = clock_mono_ns();
        struct loop_timer *due = NULL;
        pthread_mutex_lock(&l->lock);
        for (struct loop_timer *t = l->timers; t; t = t->next)
            if (t->deadline_ns <= now && (!due || t->deadline_ns < due->deadline_ns))
                due = t;
        void (*fn)(void *) = NULL;
        void *arg = NULL;
        if (due) {
            loop_unlink(l, due);
            due->deadline_ns = UINT64_MAX;
            fn = due->fn;
            arg = due->arg;
        }
        pthread_mutex_unlock(&l->lock);
        if (!fn)
            return;
        fn(arg);
    }
}

/* Where the list points to this watch; where it ends, when it does not. Lock held. */
static struct loop_watch **loop_find_watch(struct loop *l, const struct loop_watch *w)
{
    struct loop_watch **p = &l->watches;
    while (*p && *p != w)
        p = &(*p)->next;
    return p;
}

static void loop_unlink_watch(struct loop *l, const struct loop_watch *w)
{
    struct loop_watch **p = loop_find_watch(l, w);
    if (*p) {
        *p = w->next;
        l->n_watches--;
    }
}

/*
 * Run what was watched for, when it is still asked for: a callback before this one may have taken
 * the watch out, or have put it in again for another descriptor.
 */
static void loop_run_watch(struct loop *l, const struct loop_watch *w, const struct pollfd *pfd)
{
    void (*fn)(void *) = NULL;
    void *arg = NULL;
    pthread_mutex_lock(&l->lock);
    if (*loop_find_watch(l, w) && w->fd == pfd->fd && w->events == pfd->events) {
        loop_unlink_watch(l, w);
        fn = w->fn;
        arg = w->arg;
    }
    pthread_mutex_unlock(&l->lock);
    if (fn)
        fn(arg);
}

static void *loop_main(void *arg)
{
    struct loop *l = arg;
    for (;;) {
        struct pollfd fds[1 + LOOP_WATCHES_MAX];
        struct loop_watch *watches[1 + LOOP_WATCHES_MAX];
        pthread_mutex_lock(&l->lock);
        if (l->quit) {
            pthread_mutex_unlock(&l->lock);
            return NULL;
        }
        unsigned n = 0;
        fds[n++] = (struct pollfd){.fd = l->wake_r, .events = POLLIN};
        for (struct loop_watch *w = l->watches; w; w = w->next) {
            watches[n] = w;
            fds[n++] = (struct pollfd){.fd = w->fd, .events = w->events};
        }
        uint64_t until = loop_next_deadline(l);
        l->sleep_until = until;
        pthread_mutex_unlock(&l->lock);

        int rc = loop_poll(fds, n, until);

        pthread_mutex_lock(&l->lock);
        l->sleep_until = 0;
        pthread_mutex_unlock(&l->lock);
        if (rc > 0 && fds[0].revents)
            loop_drain(l);
        for (unsigned i = 1; rc > 0 && i < n; i++)
            if (fds[i].revents) /* POLLHUP, POLLERR and POLLNVAL too: the reader finds out which */
                loop_run_watch(l, watches[i], &fds[i]);
        loop_run_timers(l);
    }
}

/* Lock held. Signals go to the other threads, save those that a terminal stops a reader with. */
static int loop_start(struct loop *l)
{
    if (l->started)
        return 0;
    int rc = loop_wake_open(l);
    if (rc)
        return rc;
    static const int unblocked[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE, SIGABRT,
                                    SIGTRAP, SIGTTIN, SIGTTOU, SIGTSTP};
    sigset_t set, old;
    sigfillset(&set);
    for (unsigned i = 0; i < ARRAY_LEN(unblocked); i++)
        sigdelset(&set, unblocked[i]);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, LOOP_STACK);
    pthread_sigmask(SIG_SETMASK, &set, &old);
    rc = -pthread_create(&l->thread, &attr, loop_main, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc) {
        close(l->wake_r);
        if (l->wake_w != l->wake_r)
            close(l->wake_w);
        return rc;
    }
    l->started = true;
    return 0;
}

int loop_new(struct loop **loop, struct err *err)
{
    *loop = calloc(1, sizeof **loop);
    if (!*loop)
        return err_sys(err, ENOMEM, "event loop");
    pthread_mutex_init(&(*loop)->lock, NULL);
    return 0;
}

void loop_stop(struct loop *l)
{
    if (!l->started)
        return;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    loop_kick(l);
    pthread_mutex_unlock(&l->lock);
    assert(!pthread_equal(pthread_self(), l->thread));
    pthread_join(l->thread, NULL);
    l->started = l->quit = false;
    close(l->wake_r);
    if (l->wake_w != l->wake_r)
        close(l->wake_w);
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    loop_stop(l);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

int loop_watch(struct loop *l, struct loop_watch *w, int fd, short events)
{
    pthread_mutex_lock(&l->lock);
    loop_unlink_watch(l, w);
    int rc = l->n_watches < LOOP_WATCHES_MAX ? 0 : -ENOSPC;
    if (!rc) {
        w->fd = fd;
        w->events = events;
        w->next = l->watches;
        l->watches = w;
        l->n_watches++;
        if (!l->started) {
            rc = loop_start(l);
            if (rc)
                loop_unlink_watch(l, w);
        } else if (l->sleep_until) {
            loop_kick(l);
        }
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
    pthread_mutex_lock(&l->lock);
    loop_unlink_watch(l, w);
    pthread_mutex_unlock(&l->lock);
}

int loop_arm(struct loop *l, struct loop_timer *t, uint64_t deadline_ns)
{
    int rc = 0;
    pthread_mutex_lock(&l->lock);
    loop_unlink(l, t);
    t->deadline_ns = deadline_ns;
    if (deadline_ns != UINT64_MAX) {
        t->next = l->timers;
        l->timers = t;
        if (!l->started) {
            rc = loop_start(l);
            if (rc) {
                loop_unlink(l, t);
                t->deadline_ns = UINT64_MAX;
            }
        } else if (deadline_ns < l->sleep_until) {
            l->sleep_until = deadline_ns; /* the next one that is later needs no second kick */
            loop_kick(l);
        }
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}
