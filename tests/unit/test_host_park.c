// SPDX-License-Identifier: MIT
/*
 * test_host_park.c - vmm/park.h, in both of its makings: the host's and the portable one.
 */
#include "tests/tap.h"

#include <pthread.h>
#include <time.h>

#include "vmm/clock.h"
#include "vmm/park.h"

/* The second making under other names, in the same binary. */
#ifndef PARK_PORTABLE
#define PARK_PORTABLE
#endif
#define park_wait park_wait_portable
#define park_wake park_wake_portable
void park_wait_portable(struct park *p, uint64_t deadline_ns);
void park_wake_portable(struct park *p);
#include "src/host/park.c"
#undef park_wait
#undef park_wake

static const struct making {
    void (*wait)(struct park *p, uint64_t deadline_ns);
    void (*wake)(struct park *p);
} makings[] = {
    {park_wait,          park_wake         },
    {park_wait_portable, park_wake_portable}
};

#define MS UINT64_C(1000000)

static void a_wake_before_the_wait_is_kept(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(makings); i++) {
        struct park p = {0};
        makings[i].wake(&p);
        makings[i].wait(&p, UINT64_MAX); /* would hang */
        expect_u32(atomic_load(&p.word), 0);
    }
}

static void two_wakes_are_one(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(makings); i++) {
        struct park p = {0};
        makings[i].wake(&p);
        makings[i].wake(&p);
        makings[i].wait(&p, UINT64_MAX);
        uint64_t deadline = clock_mono_ns() + 2 * MS;
        makings[i].wait(&p, deadline);
        expect_true(clock_mono_ns() >= deadline);
    }
}

static void a_deadline_is_never_early(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(makings); i++)
        for (uint64_t ns = 1; ns < 4 * MS; ns = ns * 7 + 3) {
            struct park p = {0};
            uint64_t deadline = clock_mono_ns() + ns;
            makings[i].wait(&p, deadline);
            expect_true(clock_mono_ns() >= deadline);
        }
}

static void a_deadline_in_the_past_returns(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(makings); i++) {
        struct park p = {0};
        makings[i].wait(&p, 0);
        makings[i].wait(&p, 1);
        expect_u32(atomic_load(&p.word), 0);
    }
}

struct pair {
    const struct making *m;
    struct park there, back;
    unsigned rounds;
};

static void *answer(void *arg)
{
    struct pair *pair = arg;
    for (unsigned i = 0; i < pair->rounds; i++) {
        pair->m->wait(&pair->there, UINT64_MAX);
        pair->m->wake(&pair->back);
    }
    return NULL;
}

/* A lost wake-up would hang this. */
static void no_wake_is_lost(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(makings); i++) {
        static struct pair pairs[ARRAY_LEN(makings)];
        struct pair *pair = &pairs[i];
        *pair = (struct pair){.m = &makings[i], .rounds = 5000};
        pthread_t thread;
        expect_u32(pthread_create(&thread, NULL, answer, pair), 0);
        for (unsigned k = 0; k < pair->rounds; k++) {
            pair->m->wake(&pair->there);
            pair->m->wait(&pair->back, UINT64_MAX);
        }
        pthread_join(thread, NULL);
        expect_u32(atomic_load(&pair->there.word), 0);
        expect_u32(atomic_load(&pair->back.word), 0);
    }
}

static const struct tap_test tests[] = {
    TAP_TEST(a_wake_before_the_wait_is_kept),
    TAP_TEST(two_wakes_are_one),
    TAP_TEST(a_deadline_is_never_early),
    TAP_TEST(a_deadline_in_the_past_returns),
    TAP_TEST(no_wake_is_lost),
};

TAP_MAIN(tests)
