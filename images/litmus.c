// SPDX-License-Identifier: MIT
/*
 * litmus.c - the order in which two CPUs see each other's memory accesses (Arm ARM DDI 0487J.a
 * B2.3): message passing (MP), store buffering (SB), load buffering (LB), with what makes the
 * relaxed outcome impossible: DMB, store-release and load-acquire, dependencies; coherence (CoRR);
 * and MP and SB without any of it, where nothing but a value that nobody stored is impossible.
 *
 * Both CPUs run through arrays of pairs of variables, so that each pair is a race of its own. With
 * one CPU there is nothing to race.
 *
 * Boards: virt
 */
#include "mmu.h"

#define N      4096u
#define ROUNDS 40u

/* A pair's variables are in lines of their own. */
static volatile struct {
    uint64_t v;
    uint64_t pad[7];
} x[N], y[N];
static volatile uint64_t got[2][2][N]; /* by CPU: its first and second load */
static volatile uint32_t arrived;

#define OP(name, text)                                                                             \
    static inline void name(volatile uint64_t *p, uint64_t v)                                      \
    {                                                                                              \
        __asm__ volatile(text ::"r"(p), "r"(v) : "memory");                                        \
    }
OP(st, "str %1, [%0]")
OP(st_rel, "stlr %1, [%0]")

static inline uint64_t ld(volatile uint64_t *p)
{
    uint64_t v;
    __asm__ volatile("ldr %0, [%1]" : "=r"(v) : "r"(p) : "memory");
    return v;
}

static inline uint64_t ld_acq(volatile uint64_t *p)
{
    uint64_t v;
    __asm__ volatile("ldar %0, [%1]" : "=r"(v) : "r"(p) : "memory");
    return v;
}

/* Both CPUs are here. */
static void meet(void)
{
    static volatile uint32_t round[2];
    unsigned n = cpu_index();
    uint32_t want = ++round[n];
    guest_add(&arrived);
    while (arrived < 2 * want)
        barrier("yield");
}

/* One of the tests: what CPU n does with pair i. */
typedef void test_fn(unsigned n, unsigned i);

static void mp_dmb(unsigned n, unsigned i)
{
    if (n) {
        got[1][0][i] = ld(&y[i].v);
        barrier("dmb ishld");
        got[1][1][i] = ld(&x[i].v);
    } else {
        st(&x[i].v, 1);
        barrier("dmb ishst");
        st(&y[i].v, 1);
    }
}

static void mp_rel_acq(unsigned n, unsigned i)
{
    if (n) {
        got[1][0][i] = ld_acq(&y[i].v);
        got[1][1][i] = ld(&x[i].v);
    } else {
        st(&x[i].v, 1);
        st_rel(&y[i].v, 1);
    }
}

static void sb_dmb(unsigned n, unsigned i)
{
    st(n ? &y[i].v : &x[i].v, 1);
    barrier("dmb ish");
    got[n][0][i] = ld(n ? &x[i].v : &y[i].v);
}

/* B2.3.11: a store-release is ordered before a load-acquire that follows it. */
static void sb_rel_acq(unsigned n, unsigned i)
{
    st_rel(n ? &y[i].v : &x[i].v, 1);
    got[n][0][i] = ld_acq(n ? &x[i].v : &y[i].v);
}

static void lb_dmb(unsigned n, unsigned i)
{
    got[n][0][i] = ld(n ? &x[i].v : &y[i].v);
    barrier("dmb ish");
    st(n ? &y[i].v : &x[i].v, 1);
}

/* 0, but the address or the value that it is part of depends on `v` (B2.3.3). */
static inline uint64_t zero_of(uint64_t v)
{
    __asm__("eor %0, %0, %0" : "+r"(v));
    return v;
}

static void mp_address(unsigned n, unsigned i)
{
    if (n) {
        got[1][0][i] = ld(&y[i].v);
        got[1][1][i] = ld(&x[i].v + zero_of(got[1][0][i]));
    } else {
        st(&x[i].v, 1);
        barrier("dmb ishst");
        st(&y[i].v, 1);
    }
}

static void lb_data(unsigned n, unsigned i)
{
    got[n][0][i] = ld(n ? &x[i].v : &y[i].v);
    st(n ? &y[i].v : &x[i].v, 1 + zero_of(got[n][0][i]));
}

static void corr(unsigned n, unsigned i)
{
    if (n) {
        got[1][0][i] = ld(&x[i].v);
        got[1][1][i] = ld(&x[i].v);
    } else {
        st(&x[i].v, 1);
    }
}

static void mp_plain(unsigned n, unsigned i)
{
    if (n) {
        got[1][0][i] = ld(&y[i].v);
        got[1][1][i] = ld(&x[i].v);
    } else {
        st(&x[i].v, 1);
        st(&y[i].v, 1);
    }
}

static void sb_plain(unsigned n, unsigned i)
{
    st(n ? &y[i].v : &x[i].v, 1);
    got[n][0][i] = ld(n ? &x[i].v : &y[i].v);
}

/* What is impossible, of pair i. */
static bool no_message(unsigned i)
{
    return got[1][0][i] && !got[1][1][i];
}

static bool neither(unsigned i)
{
    return !got[0][0][i] && !got[1][0][i];
}

static bool both(unsigned i)
{
    return got[0][0][i] && got[1][0][i];
}

static bool thin_air(unsigned i)
{
    return (got[0][0][i] | got[1][0][i] | got[1][1][i]) > 1;
}

static const struct {
    test_fn *run;
    bool (*impossible)(unsigned i);
    const char *name;
} tests[] = {
    {mp_dmb,     no_message, "MP, DMB ISHST and DMB ISHLD: not the flag without the message"},
    {mp_rel_acq, no_message, "MP, STLR and LDAR: not the flag without the message"          },
    {mp_address, no_message, "MP, DMB ISHST and an address dependency: not without it"      },
    {sb_dmb,     neither,    "SB, DMB ISH: one of the two sees the other's store"           },
    {sb_rel_acq, neither,    "SB, STLR and LDAR: one of the two sees the other's store"     },
    {lb_dmb,     both,       "LB, DMB ISH: not both see the other's store"                  },
    {lb_data,    both,       "LB, data dependencies: not both see the other's store"        },
    {corr,       no_message, "CoRR: what was seen once is not unseen"                       },
    {mp_plain,   thin_air,   "MP with nothing: no value that nobody stored"                 },
    {sb_plain,   thin_air,   "SB with nothing: no value that nobody stored"                 },
};

static unsigned bad[sizeof tests / sizeof tests[0]];

static void work(unsigned n)
{
    mmu_on((uint64_t)mmu_l1, 0);
    for (unsigned t = 0; t < sizeof tests / sizeof tests[0]; t++)
        for (unsigned round = 0; round < ROUNDS; round++) {
            if (!n)
                for (unsigned i = 0; i < N; i++)
                    x[i].v = y[i].v = 0;
            meet();
            for (unsigned i = 0; i < N; i++)
                tests[t].run(n, i);
            meet();
            for (unsigned i = 0; i < N && !n; i++)
                bad[t] += tests[t].impossible(i);
        }
    mmu_off();
}

int guest_main(void)
{
    bool two = psci(PSCI_AFFINITY_INFO, 1, 0, 0) == 1;
    mmu_identity();
    if (two) {
        check_eq((uint64_t)cpu_start(1, work), 0, "the second CPU starts");
        work(0);
    }
    for (unsigned t = 0; t < sizeof tests / sizeof tests[0]; t++)
        check_eq(bad[t], 0, tests[t].name);
    return guest_done();
}
