// SPDX-License-Identifier: MIT
/*
 * litmus.c - the order in which two CPUs see each other's memory accesses (Arm ARM DDI 0487J.a
 * B2.3): message passing (MP), store buffering (SB), load buffering (LB), with what makes the
 * relaxed outcome impossible: DMB, store-release and load-acquire.
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

static test_fn *const tests[] = {mp_dmb, mp_rel_acq, sb_dmb, sb_rel_acq, lb_dmb};
static const char *const names[] = {
    "MP, DMB ISHST and DMB ISHLD: not the flag without the message",
    "MP, STLR and LDAR: not the flag without the message",
    "SB, DMB ISH: one of the two sees the other's store",
    "SB, STLR and LDAR: one of the two sees the other's store",
    "LB, DMB ISH: not both see the other's store",
};

static bool forbidden(unsigned test, unsigned i)
{
    if (test < 2)
        return got[1][0][i] && !got[1][1][i];
    if (test < 4)
        return !got[0][0][i] && !got[1][0][i];
    return got[0][0][i] && got[1][0][i];
}

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
                tests[t](n, i);
            meet();
            for (unsigned i = 0; i < N && !n; i++)
                bad[t] += forbidden(t, i);
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
        check_eq(bad[t], 0, names[t]);
    return guest_done();
}
