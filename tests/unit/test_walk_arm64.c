// SPDX-License-Identifier: MIT
/*
 * test_walk_arm64.c - a guest's translation tables, walked from outside (Arm ARM DDI 0487J.a D8.2,
 * D8.3).
 */
#include "src/walk/walk_arm64.h"
#include "tests/tap.h"

#define SCTLR_M 1

/* A little guest memory: words at addresses, all else reads as nothing there. */
static struct {
    gpa_t gpa;
    uint64_t val;
} words[16];
static unsigned n_words;

static void word(gpa_t gpa, uint64_t val)
{
    words[n_words].gpa = gpa;
    words[n_words++].val = val;
}

static bool word_read(void *ctx, gpa_t gpa, uint64_t *val)
{
    (void)ctx;
    for (unsigned i = 0; i < n_words; i++)
        if (words[i].gpa == gpa) {
            *val = words[i].val;
            return true;
        }
    return false;
}

static struct walk_arm64 walk(uint64_t tcr, uint64_t ttbr0, uint64_t ttbr1)
{
    n_words = 0;
    return (struct walk_arm64){SCTLR_M, tcr, ttbr0, ttbr1, word_read, NULL};
}

/* UINT64_MAX: it leads nowhere. */
static uint64_t at(const struct walk_arm64 *w, uint64_t gva)
{
    gpa_t gpa;
    return walk_arm64(w, gva, &gpa) ? gpa : UINT64_MAX;
}

static void with_the_mmu_off_output_is_input(void) /* D8.2.9 */
{
    struct walk_arm64 w = {.read = word_read};
    expect_u64(at(&w, 0x40081234), 0x40081234);
    expect_u64(at(&w, UINT64_C(1) << 48), UINT64_MAX);
}

static void four_kib_of_48_bits(void) /* four levels; Linux's kernel half */
{
    uint64_t va = UINT64_C(0xffff800012345678);
    /* index of each level: 0x100, 0, 0x91, 0x145 */
    struct walk_arm64 w = walk(UINT64_C(2) << 30 | 16 << 16 | 16, 0, 0x1000 | 1 /* CnP */);
    word(0x1000 + 0x100 * 8, 0x2003);
    word(0x2000, 0x3003);
    word(0x3000 + 0x91 * 8, 0x4003);
    word(0x4000 + 0x145 * 8, UINT64_C(0x00600000abcde703)); /* attributes above and below */
    expect_u64(at(&w, va), 0xabcde678);
    words[3].val = 0xabcde701; /* D8.3.1: level 3 has no blocks */
    expect_u64(at(&w, va), UINT64_MAX);
    words[2].val = 0; /* invalid */
    expect_u64(at(&w, va), UINT64_MAX);
    words[2].val = UINT64_C(0x0060000080000701); /* 2 MiB block */
    expect_u64(at(&w, va), 0x80145678);
    words[1].val = 0xc0000001; /* 1 GiB block */
    expect_u64(at(&w, va), 0xd2345678);
    words[0].val = 0x2001; /* no block at level 0 */
    expect_u64(at(&w, va), UINT64_MAX);
    words[0].val = 0x9003; /* a table where there is no memory */
    expect_u64(at(&w, va), UINT64_MAX);
}

static void a_half_ends_where_tsz_says(void)
{
    /* T0SZ 25: 39 bits, three levels; T1SZ 32: 32 bits, three levels with a root of four entries */
    struct walk_arm64 w = walk(UINT64_C(2) << 30 | 32 << 16 | 25, 0x1000, 0x5040);
    word(0x1000 + 0x1ff * 8, 0x40000001);
    word(0x5040 + 3 * 8, 0x80000001);
    expect_u64(at(&w, 0x7fc0000123), 0x40000123);
    expect_u64(at(&w, 0x8000000000 | 0x7fc0000123), UINT64_MAX);
    expect_u64(at(&w, UINT64_C(0xffffffffc0000123)), 0x80000123);
    expect_u64(at(&w, UINT64_C(0xfffffffec0000123)), UINT64_MAX);
}

static void tbi_ignores_the_top_byte(void)
{
    struct walk_arm64 w = walk(25, 0x1000, 0);
    word(0x1000, 0x40000001);
    expect_u64(at(&w, UINT64_C(0xab00000000000123)), UINT64_MAX);
    w.tcr |= BIT(37);
    expect_u64(at(&w, UINT64_C(0xab00000000000123)), 0x40000123);
    expect_u64(at(&w, UINT64_C(0xab40000000000123)), UINT64_MAX);
}

static void epd_switches_a_half_off(void)
{
    struct walk_arm64 w = walk(25 | BIT(7), 0x1000, 0);
    word(0x1000, 0x40000001);
    expect_u64(at(&w, 0x123), UINT64_MAX);
    w.tcr &= ~BIT(7);
    expect_u64(at(&w, 0x123), 0x40000123);
}

static void larger_granules(void)
{
    /* 16 KiB, 36 bits: level 2 is the root with 2048 entries */
    struct walk_arm64 w = walk(2 << 14 | 28, 0x4000, 0);
    word(0x4000 + 1 * 8, 0x8003);
    word(0x8000 + 2 * 8, 0x4c000703);
    word(0x4000 + 2 * 8, 0x60000701); /* 32 MiB block */
    expect_u64(at(&w, 0x2000000 + 2 * 0x4000 + 0x3abc), 0x4c003abc);
    expect_u64(at(&w, 0x4123456), 0x60123456);
    /* 64 KiB, 42 bits: level 2 is the root */
    w = walk(1 << 14 | 22, 0x10000, 0);
    word(0x10000 + 3 * 8, 0x20003);
    word(0x20000 + 5 * 8, 0x123450703);
    word(0x10000 + 4 * 8, 0x1e0000701); /* 512 MiB block */
    expect_u64(at(&w, 3 * UINT64_C(0x20000000) + 5 * 0x10000 + 0xfedc), 0x12345fedc);
    expect_u64(at(&w, 4 * UINT64_C(0x20000000) + 0x1234567), 0x1e1234567);
}

static void what_tcr_reserves_leads_nowhere(void)
{
    struct walk_arm64 w = walk(3 << 14 | 25, 0x1000, 0); /* TG0 3 */
    word(0x1000, 0x40000001);
    expect_u64(at(&w, 0x123), UINT64_MAX);
    w.tcr = 0; /* 64 bits */
    expect_u64(at(&w, 0x123), UINT64_MAX);
    w.tcr = 63; /* one bit: less than a page */
    expect_u64(at(&w, 1), UINT64_MAX);
    w.tcr = 1 << 14 | 52;
    expect_u64(at(&w, 0x123), UINT64_MAX);
}

static const struct tap_test tests[] = {
    TAP_TEST(with_the_mmu_off_output_is_input), TAP_TEST(four_kib_of_48_bits),
    TAP_TEST(a_half_ends_where_tsz_says),       TAP_TEST(tbi_ignores_the_top_byte),
    TAP_TEST(epd_switches_a_half_off),          TAP_TEST(larger_granules),
    TAP_TEST(what_tcr_reserves_leads_nowhere),
};

TAP_MAIN(tests)
