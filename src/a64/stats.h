// SPDX-License-Identifier: MIT
/*
 * stats.h - counters of a build with -DA64_STATS (make STATS=1): how a guest uses base registers,
 * and what the TLBs miss. Not part of normal builds.
 *
 * "L0" asks what a cache of one page per base register, kind of access and EL would answer: an
 * access counts as a hit when the last one of that kind through that register was to the same page.
 */
#ifndef A64_STATS_H
#define A64_STATS_H

#include <stdint.h>

struct a64_cpu;

enum a64_stats_class {
    A64_ST_X0_X3,
    A64_ST_X4_X18,
    A64_ST_X19_X28,
    A64_ST_X29_X30,
    A64_ST_SP,
    A64_ST_CLASSES
};

struct a64_stats {
    uint64_t insns;
    uint64_t data_misses,
        fetch_misses; /* of the 4 KiB TLBs, walks that went on to fault included */
    struct {
        uint64_t accesses, hits;
    } l0[2][A64_ST_CLASSES]; /* loads, stores */
    uint64_t last[2][2][40]; /* by EL, kind, base register: page | 1 */
};

static inline unsigned a64_stats_class(unsigned rn)
{
    return rn < 4    ? A64_ST_X0_X3
           : rn < 19 ? A64_ST_X4_X18
           : rn < 29 ? A64_ST_X19_X28
           : rn < 31 ? A64_ST_X29_X30
                     : A64_ST_SP;
}

static inline void a64_stats_access(struct a64_stats *s, unsigned el, unsigned rn, uint64_t va,
                                    unsigned write)
{
    uint64_t page = (va & ~UINT64_C(0xfff)) | 1, *last = &s->last[el][write][rn % 40];
    unsigned c = a64_stats_class(rn);
    s->l0[write][c].accesses++;
    s->l0[write][c].hits += *last == page;
    *last = page;
}

/* The counters of a vCPU, which must not be running. */
const struct a64_stats *a64_stats_get(const struct a64_cpu *cpu);

#endif
