// SPDX-License-Identifier: MIT
/*
 * library.c - the kit's own functions, as a program with MMU and caches on: strings, numbers, time,
 * the device tree, atomics on every CPU.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

#include <stdatomic.h>

#define ROUNDS 10000

static atomic_uint sum, left;

static void strings(void)
{
    char buf[16] = "abcdefgh";
    memmove(buf + 2, buf, 6);
    check(!memcmp(buf, "ababcdef", 8), "C17 7.24.2.2: memmove to a higher place that overlaps");
    memmove(buf, buf + 2, 6);
    check(!memcmp(buf, "abcdefef", 8), "and to a lower one");
    memset(buf, 'x', 3);
    check(!memcmp(buf, "xxxdefef", 8), "C17 7.24.6.1: memset");
    check(memcmp("a\x01", "a\xff", 2) < 0, "C17 7.24.4: memcmp compares unsigned bytes");
    check(memcmp("b", "a", 0) == 0, "and of none, equal ones");
    check(strcmp("ab", "ab") == 0 && strcmp("a", "ab") < 0 && strcmp("\xff", "a") > 0,
          "C17 7.24.4.2: strcmp");
    check_eq(strlen(""), 0, "C17 7.24.6.3: strlen of nothing");
    check_eq(strlen("abc"), 3, "and of three");
}

static void numbers(void)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t val;
    } rows[] = {
        {"0",                    true,  0         },
        {"18446744073709551615", true,  UINT64_MAX},
        {"18446744073709551616", false, 0         },
        {"99999999999999999999", false, 0         },
        {"",                     false, 0         },
        {"1x",                   false, 0         },
        {"-1",                   false, 0         },
    };
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t val = 0;
        bool good = parse_dec(rows[i].text, &val);
        wrong += good != rows[i].good || (good && val != rows[i].val);
    }
    check_eq(wrong, 0, "parse_dec: 64 bits of decimal digits and nothing else");
}

static void times(void)
{
    uint64_t begun = time_ns();
    sleep_ns(2000000);
    check(time_ns() - begun >= 2000000, "sleep_ns: not shorter than asked for");
    begun = time_ns();
    sleep_ns(0);
    check(time_ns() >= begun, "time does not go back");
}

static void trees(void)
{
    struct tree t;
    tree_read(&t);
    check(t.n_ram >= 1 && t.ram[0].base == RAM_BASE,
          "DTSpec 0.4 §3.4: the first memory is the board's");
    check(t.ram[0].size >= 0x100000, "and a MiB at least");
}

static void add(unsigned n)
{
    (void)n;
    for (unsigned i = 0; i < ROUNDS; i++)
        atomic_fetch_add(&sum, 1);
    atomic_fetch_sub(&left, 1);
    barrier("dsb ish\n\tsev");
}

int main(int argc, char **argv)
{
    strings();
    numbers();
    times();
    trees();
    check(argc == 1 && !strcmp(argv[0], "guest") && !argv[1], "no arguments: the name alone");
    check((read_sysreg(sctlr_el1) & 0x1005) == 0x1005, "SCTLR_EL1: M, C and I are set");
    unsigned cpus = cpu_count();
    check_eq((uint64_t)cpu_start(CPUS_MAX, add), (uint64_t)PSCI_INVALID_PARAMETERS,
             "cpu_start of no CPU");
    atomic_store(&left, cpus);
    int64_t failed = 0;
    for (unsigned n = 1; n < cpus; n++)
        failed |= cpu_start(n, add);
    check_eq((uint64_t)failed, 0, "cpu_start of every other CPU");
    add(0);
    while (!failed && atomic_load(&left))
        barrier("wfe");
    check_eq(atomic_load(&sum), (uint64_t)ROUNDS * cpus, "atomics on all CPUs: none lost");
    return guest_done();
}
