// SPDX-License-Identifier: MIT
/*
 * park.c - sleeping until a wake or a deadline, with one 32-bit word.
 *
 * Linux: futex(2), whose FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC deadline, so no time
 * is lost between looking at the clock and sleeping. Elsewhere (or with PARK_PORTABLE) each waiting
 * thread owns a pipe: write(2) and poll(2) are all that POSIX lets a signal handler and a deadline
 * share; a deadline is then met to the millisecond, never early.
 */
#include "vmm/park.h"

#include "vmm/base.h"
#include "vmm/clock.h"

#include <errno.h>
#include <time.h>

#define PARK_EMPTY  0u
#define PARK_TOKEN  1u /* a wake that nobody has used */
#define PARK_ASLEEP UINT32_MAX

#if defined(__linux__) && !defined(PARK_PORTABLE)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sleep while the word is PARK_ASLEEP. False when the deadline has come. */
static bool park_sleep(struct park *p, uint64_t deadline_ns)
{
    struct timespec ts = {.tv_sec = (time_t)(deadline_ns / NS_PER_SEC),
                          .tv_nsec = (long)(deadline_ns % NS_PER_SEC)};
    long rc = syscall(SYS_futex, &p->word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, PARK_ASLEEP,
                      deadline_ns == UINT64_MAX ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);
    return !(rc < 0 && errno == ETIMEDOUT);
}

static void park_rouse(struct park *p)
{
    syscall(SYS_futex, &p->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

#else
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define PARK_SLOTS 64

/* A waiter's pipe, found by the address of its park. Slots are claimed once and kept. */
static struct {
    _Atomic(struct park *) owner;
    _Atomic int ready; /* the pipe is open */
    int r, w;
} park_slots[PARK_SLOTS];

static int park_slot(struct park *p, bool claim)
{
    for (int i = 0; i < PARK_SLOTS; i++) {
        struct park *owner = atomic_load(&park_slots[i].owner);
        if (owner == p)
            return i;
        if (owner || !claim || !atomic_compare_exchange_strong(&park_slots[i].owner, &owner, p))
            continue;
        int fds[2];
        if (pipe(fds) == 0) {
            for (int k = 0; k < 2; k++) {
                fcntl(fds[k], F_SETFD, FD_CLOEXEC);
                fcntl(fds[k], F_SETFL, O_NONBLOCK);
            }
            park_slots[i].r = fds[0];
            park_slots[i].w = fds[1];
            atomic_store(&park_slots[i].ready, 1);
        }
        return i;
    }
    return -1;
}

static bool park_sleep(struct park *p, uint64_t deadline_ns)
{
    int i = park_slot(p, true);
    bool pipe_ok = i >= 0 && atomic_load(&park_slots[i].ready);
    struct pollfd pfd = {.fd = pipe_ok ? park_slots[i].r : -1, .events = POLLIN};
    if (atomic_load(&p->word) != PARK_ASLEEP) /* woken before the slot was there to be found */
        return true;
    uint64_t now = clock_mono_ns();
    uint64_t ms = deadline_ns > now ? (deadline_ns - now + 999999) / 1000000 : 0;
    ms = MIN(ms, pipe_ok ? UINT64_C(1000000) : 1); /* no descriptors left: look every millisecond */
    poll(&pfd, 1, pipe_ok && deadline_ns == UINT64_MAX ? -1 : (int)ms);
    char drop[64];
    while (pipe_ok && read(park_slots[i].r, drop, sizeof drop) == (ssize_t)sizeof drop)
        ;
    return clock_mono_ns() < deadline_ns;
}

static void park_rouse(struct park *p)
{
    int i = park_slot(p, false);
    if (i >= 0 && atomic_load(&park_slots[i].ready)) {
        ssize_t rc = write(park_slots[i].w, "", 1);
        (void)rc;
    }
}
#endif

void park_wait(struct park *p, uint64_t deadline_ns)
{
    uint32_t was = PARK_TOKEN;
    if (atomic_compare_exchange_strong(&p->word, &was, PARK_EMPTY))
        return;
    was = PARK_EMPTY;
    if (!atomic_compare_exchange_strong(&p->word, &was, PARK_ASLEEP)) {
        atomic_store(&p->word, PARK_EMPTY); /* a wake came between the two */
        return;
    }
    bool in_time = true;
    while (in_time && atomic_load(&p->word) == PARK_ASLEEP)
        in_time = park_sleep(p, deadline_ns);
    atomic_store(&p->word, PARK_EMPTY); /* the token that woke us, or none when the time ran out */
}

void park_wake(struct park *p)
{
    int saved = errno;
    if (atomic_exchange(&p->word, PARK_TOKEN) == PARK_ASLEEP)
        park_rouse(p);
    errno = saved;
}
