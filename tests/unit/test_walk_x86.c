// SPDX-License-Identifier: MIT
/*
 * test_walk_x86.c - an x86 guest's page tables, walked from outside (Intel SDM vol. 3A chapter 4).
 */
#include "src/walk/walk_x86.h"
#include "tests/tap.h"

#define PE   BIT(0)
#define PG   BIT(31)
#define PSE  BIT(4)
#define PAE  BIT(5)
#define LA57 BIT(12)
#define LMA  BIT(10)

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

static struct walk_x86 walk(uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    n_words = 0;
    return (struct walk_x86){
        .cr0 = PE | PG, .cr3 = cr3, .cr4 = cr4, .efer = efer, .read = word_read};
}

/* UINT64_MAX: it leads nowhere. */
static uint64_t at(const struct walk_x86 *w, uint64_t gva)
{
    gpa_t gpa;
    return walk_x86(w, gva, &gpa) ? gpa : UINT64_MAX;
}

static void without_paging_linear_is_physical(void) /* §4.1.1 */
{
    struct walk_x86 w = {.cr0 = PE, .read = word_read};
    expect_u64(at(&w, 0xfffffff0), 0xfffffff0);
    expect_u64(at(&w, BIT(32)), UINT64_MAX);
}

static void pages_of_4_kib_in_64_bit_mode(void) /* §4.5.4, figure 4-8 */
{
    uint64_t va = UINT64_C(0xffff888012345678); /* indices 0x111, 0, 0x91, 0x145 */
    struct walk_x86 w = walk(0x1000 | 0x18, PAE, LMA);
    word(0x1000 + 0x111 * 8, 0x2000 | 3);
    word(0x2000, 0x3000 | 3);
    word(0x3000 + 0x91 * 8, 0x4000 | 3);
    word(0x4000 + 0x145 * 8, BIT(63) | 0xabcde000 | 3);
    expect_u64(at(&w, va), 0xabcde678);
    expect_u64(at(&w, va + 0x1000), UINT64_MAX);                  /* not present */
    expect_u64(at(&w, UINT64_C(0x0000888012345678)), UINT64_MAX); /* not canonical */
}

static void large_pages_in_64_bit_mode(void) /* figures 4-9 and 4-10 */
{
    struct walk_x86 w = walk(0x1000, PAE, LMA);
    word(0x1000, 0x2000 | 3);
    word(0x2000, 0x3000 | 3);
    word(0x2000 + 8, UINT64_C(0x140000000) | 0x83);
    word(0x3000 + 8, 0x40200000 | 0x83);
    expect_u64(at(&w, 0x212345), 0x40212345);
    expect_u64(at(&w, 0x40000000 + 0x12345678), UINT64_C(0x140000000) + 0x12345678);
}

static void five_levels(void) /* §4.5.4, CR4.LA57 */
{
    struct walk_x86 w = walk(0x1000, PAE | LA57, LMA);
    word(0x1000 + 1 * 8, 0x2000 | 3); /* bits 56:48 */
    word(0x2000, 0x3000 | 3);
    word(0x3000, 0x40000000 | 0x83);
    expect_u64(at(&w, BIT(48) + 0x1234), 0x40001234);
    w.cr4 = PAE;
    expect_u64(at(&w, BIT(48) + 0x1234), UINT64_MAX);
}

static void pae_outside_64_bit_mode(void) /* §4.4.2, figures 4-5 and 4-6 */
{
    struct walk_x86 w = walk(0x1020, PAE, 0); /* aligned to 32 bytes only */
    word(0x1020 + 3 * 8, 0x2000 | 1);
    word(0x2000, 0x3000 | 3);
    word(0x2000 + 8, 0x200000 | 0x83);
    word(0x3000 + 8, UINT64_C(0x123456000) | 3);
    expect_u64(at(&w, 0xc0001abc), UINT64_C(0x123456abc));
    expect_u64(at(&w, 0xc0200abc), 0x200abc);
    expect_u64(at(&w, BIT(32)), UINT64_MAX);
}

static void two_levels_of_32_bits(void) /* §4.3, figures 4-2 and 4-3 */
{
    struct walk_x86 w = walk(0x1000, PSE, 0);
    word(0x1000, (uint64_t)(0x00400000 | 0x83) << 32 | (0x2000 | 3)); /* entries 0 and 1 */
    word(0x2000 + 8, (uint64_t)(0x77777000 | 3) << 32);               /* entry 3 */
    expect_u64(at(&w, 0x3123), 0x77777123);
    expect_u64(at(&w, 0x2123), UINT64_MAX);
    expect_u64(at(&w, 0x412345), 0x412345);
    w.cr4 = 0; /* without PSE bit 7 has no meaning: a table that is not there */
    expect_u64(at(&w, 0x412345), UINT64_MAX);
}

static const struct tap_test tests[] = {
    TAP_TEST(without_paging_linear_is_physical), TAP_TEST(pages_of_4_kib_in_64_bit_mode),
    TAP_TEST(large_pages_in_64_bit_mode),        TAP_TEST(five_levels),
    TAP_TEST(pae_outside_64_bit_mode),           TAP_TEST(two_levels_of_32_bits),
};
TAP_MAIN(tests)
