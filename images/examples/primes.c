// SPDX-License-Identifier: MIT
/*
 * primes.c - how many primes there are below a number, by all CPUs of the machine.
 *
 * Argument: the number, 2 to 1000000000; 1000000 without one. The sieve of Eratosthenes in
 * segments: each CPU takes the next one until none is left.
 */
#include "guest.h"

#include <stdatomic.h>

#define LIMIT_MAX 1000000000ull
#define ROOT_MAX  31623 /* of LIMIT_MAX, rounded up */
#define SEGMENT   32768ull

static uint64_t limit = 1000000;
static uint32_t small[4096]; /* the primes below ROOT_MAX: 3401 */
static unsigned n_small;
static uint8_t composite[CPUS_MAX][SEGMENT];
static atomic_uint_fast64_t next, found;
static atomic_uint at_work;

static void find_small(void)
{
    static uint8_t no[ROOT_MAX + 1];
    for (uint32_t p = 2; p <= ROOT_MAX; p++) {
        if (no[p])
            continue;
        small[n_small++] = p;
        for (uint32_t i = p * p; p < 178 && i <= ROOT_MAX;
             i += p) /* 178 squared is above ROOT_MAX */
            no[i] = 1;
    }
}

/* Primes in [from, to), of which 2 is the least. */
static unsigned count(uint8_t *no, uint64_t from, uint64_t to)
{
    memset(no, 0, to - from);
    for (unsigned i = 0; i < n_small && (uint64_t)small[i] * small[i] < to; i++) {
        uint64_t p = small[i], at = (from + p - 1) / p * p;
        for (at = at < p * p ? p * p : at; at < to; at += p)
            no[at - from] = 1;
    }
    unsigned n = 0;
    for (uint64_t i = from < 2 ? 2 - from : 0; i < to - from; i++)
        n += !no[i];
    return n;
}

static void work(unsigned cpu)
{
    for (uint64_t from; (from = atomic_fetch_add(&next, SEGMENT)) < limit;) {
        uint64_t to = from + SEGMENT < limit ? from + SEGMENT : limit;
        atomic_fetch_add(&found, count(composite[cpu], from, to));
    }
    atomic_fetch_sub(&at_work, 1);
    barrier("dsb ish\n\tsev");
}

int main(int argc, char **argv)
{
    if (argc > 2 || (argc == 2 && !parse_dec(argv[1], &limit)) || limit < 2 || limit > LIMIT_MAX) {
        put_text("primes: takes one number, 2 to ");
        put_dec(LIMIT_MAX);
        put_char('\n');
        return 2;
    }
    find_small();
    unsigned cpus = cpu_count();
    atomic_store(&at_work, cpus);
    for (unsigned n = 1; n < cpus; n++)
        if (cpu_start(n, work)) {
            put_text("primes: a CPU does not start\n");
            return 1;
        }
    work(0);
    while (atomic_load(&at_work)) /* what comes between is kept in the event register (B2.9.3) */
        barrier("wfe");
    put_dec(atomic_load(&found));
    put_char('\n');
    return 0;
}
