// SPDX-License-Identifier: MIT
/*
 * test_mem.c - guest RAM: the door from gpa to pointer, and what is told of writes.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/tap.h"
#include "vmm/mem.h"

#define LOW  UINT64_C(0x1000)
#define HIGH UINT64_C(0xffffffffffe00000) /* its last page ends 64 bits */

static const struct mem_region two[] = {
    {LOW,  0x3000,   NULL},
    {HIGH, 0x1ff000, NULL}
};

static struct guest_mem two_new(void)
{
    struct guest_mem mem;
    struct err err = {0};
    expect_u64(mem_init(&mem, two, 2, &err), 0);
    return mem;
}

static void memory_is_zero_and_2m_aligned(void)
{
    struct guest_mem mem = two_new();
    uint8_t zero[64] = {0};
    expect_u64(mem.n, 2);
    for (unsigned i = 0; i < mem.n; i++) {
        expect_u64((uintptr_t)mem.regions[i].hva % MIB(2), 0);
        expect_true(!memcmp(mem.regions[i].hva, zero, sizeof zero));
        mem.regions[i].hva[mem.regions[i].size - 1] = 1; /* to its last byte */
    }
    expect_u64(mem_total(&mem), 0x3000 + 0x1ff000);
    mem_fini(&mem);
}

static void hva_needs_every_byte_in_one_region(void)
{
    static const struct {
        gpa_t gpa;
        uint64_t len;
        bool ok;
    } rows[] = {
        {LOW,             0,          true },
        {LOW,             0x3000,     true },
        {LOW,             0x3001,     false},
        {LOW - 1,         1,          false},
        {LOW + 0x2fff,    1,          true },
        {LOW + 0x2fff,    2,          false},
        {LOW + 0x3000,    0,          false},
        {LOW + 8,         UINT64_MAX, false},
        {HIGH,            0x1ff000,   true },
        {HIGH + 0x1fefff, 1,          true },
        {HIGH + 0x1fefff, 0x2000,     false}, /* the sum wraps */
        {0,               UINT64_MAX, false},
    };
    struct guest_mem mem = two_new();
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if ((mem_hva(&mem, rows[i].gpa, rows[i].len) != NULL) != rows[i].ok) {
            printf("# row %u\n", i);
            expect_true(false);
        }
    expect_true((uint8_t *)mem_hva(&mem, LOW + 0x10, 1) == mem.regions[0].hva + 0x10);
    mem_fini(&mem);
}

static void room_reaches_to_the_end_of_the_region(void)
{
    struct guest_mem mem = two_new();
    expect_u64(mem_room(&mem, LOW), 0x3000);
    expect_u64(mem_room(&mem, LOW + 0x2fff), 1);
    expect_u64(mem_room(&mem, LOW + 0x3000), 0);
    expect_u64(mem_room(&mem, 0), 0);
    mem_fini(&mem);
}

struct seen {
    unsigned n;
    gpa_t gpa;
    uint64_t len;
};

static void note(void *ctx, gpa_t gpa, uint64_t len)
{
    struct seen *s = ctx;
    *s = (struct seen){s->n + 1, gpa, len};
}

static void writes_are_reported_and_reads_are_not(void)
{
    struct guest_mem mem = two_new();
    struct seen s = {0};
    uint32_t v = 0x12345678, back = 0;
    mem.written = note;
    mem.written_ctx = &s;
    expect_true(mem_write(&mem, LOW + 4, &v, 4));
    expect_u64(s.n, 1);
    expect_u64(s.gpa, LOW + 4);
    expect_u64(s.len, 4);
    expect_true(mem_read(&mem, LOW + 4, &back, 4));
    expect_u64(back, v);
    expect_u64(s.n, 1);
    expect_true(!mem_write(&mem, LOW + 0x2ffd, &v, 4));
    expect_true(!mem_read(&mem, LOW + 0x2ffd, &back, 4));
    expect_u64(mem.regions[0].hva[0x2ffd], 0);
    expect_u64(s.n, 1);
    mem_fini(&mem);
}

static void more_than_the_host_can_is_an_error(void)
{
    struct guest_mem mem;
    struct err err = {0};
    struct mem_region r[2] = {
        {0,       0x1000,  NULL},
        {BIT(40), BIT(62), NULL}
    };
    expect_true(mem_init(&mem, r, 2, &err) < 0);
    expect_text(err.text, "cannot reserve");
    expect_u64(mem.n, 0);
}

static const struct tap_test tests[] = {
    TAP_TEST(memory_is_zero_and_2m_aligned),
    TAP_TEST(hva_needs_every_byte_in_one_region),
    TAP_TEST(room_reaches_to_the_end_of_the_region),
    TAP_TEST(writes_are_reported_and_reads_are_not),
    TAP_TEST(more_than_the_host_can_is_an_error),
};
TAP_MAIN(tests)
