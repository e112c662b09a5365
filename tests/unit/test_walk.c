// SPDX-License-Identifier: MIT
/*
 * test_walk.c - a vCPU's registers and the machine's RAM to an address, with a record of the way.
 */
#include "tests/tap.h"
#include "vmm/walk.h"

static struct guest_mem mem;

static void setup(void)
{
    static const struct mem_region ram = {0x100000, MIB(1), NULL};
    struct err err;
    expect_u64(mem_init(&mem, &ram, 1, &err), 0);
}

static void word(gpa_t gpa, uint64_t val)
{
    expect_true(mem_write(&mem, gpa, &val, sizeof val));
}

static void x86_steps_are_recorded(void) /* SDM vol. 3A §4.5.4 */
{
    setup();
    struct hv_regs r = {
        .x86 = {.cr0 = BIT(31) | 1, .cr3 = 0x100000, .cr4 = BIT(5), .efer = BIT(10)}
    };
    struct walk w;
    word(0x100000, 0x101003);
    word(0x101000, 0x102003);
    word(0x102008, 0x200083);
    expect_true(walk(ARCH_X86_64, &r, &mem, 0x212345, &w));
    expect_u64(w.gpa, 0x212345);
    expect_u64(w.n_steps, 3);
    expect_u64(w.steps[2].at, 0x102008);
    expect_u64(w.steps[2].entry, 0x200083);
    expect_true(!walk(ARCH_X86_64, &r, &mem, 0x412345, &w)); /* not present */
    expect_u64(w.n_steps, 3);
    expect_u64(w.steps[2].entry, 0);
    expect_true(w.steps[2].ram);
    word(0x101000, 0x9000003); /* a table that is nowhere */
    expect_true(!walk(ARCH_X86_64, &r, &mem, 0x212345, &w));
    expect_u64(w.steps[2].at, 0x9000008);
    expect_true(!w.steps[2].ram);
    r.x86.cr0 = 1;
    expect_true(walk(ARCH_X86_64, &r, &mem, 0x1234, &w));
    expect_u64(w.n_steps, 0);
    mem_fini(&mem);
}

static void arm64_steps_are_recorded(void) /* Arm ARM DDI 0487J.a D8.2, D8.3 */
{
    setup();
    /* 39-bit addresses in the lower half, 4 KiB granule: three levels */
    struct hv_regs r = {.sctlr = 1, .tcr = 25 | BIT(23), .ttbr0 = 0x100000};
    struct walk w;
    word(0x100000, 0x101003);
    word(0x101008, 0x40000000 | 0x401);
    expect_true(walk(ARCH_ARM64, &r, &mem, 0x212345, &w));
    expect_u64(w.gpa, 0x40012345);
    expect_u64(w.n_steps, 2);
    expect_true(!walk(ARCH_ARM64, &r, &mem, 0x412345, &w));
    expect_u64(w.n_steps, 2);
    expect_true(!walk(ARCH_ARM64, &r, &mem, BIT(45), &w)); /* outside what the tables cover */
    expect_u64(w.n_steps, 0);
    mem_fini(&mem);
}

static const struct tap_test tests[] = {
    TAP_TEST(x86_steps_are_recorded),
    TAP_TEST(arm64_steps_are_recorded),
};
TAP_MAIN(tests)
