// SPDX-License-Identifier: MIT
/*
 * selfmod.c - code that writes code, with the cache maintenance the architecture asks for: DC CVAU,
 * DSB, IC IVAU, DSB, ISB (Arm ARM DDI 0487J.a B2.2.5).
 *
 * Boards: virt micro vibe
 */
#include "mmu.h"

static uint32_t code[1024] __attribute__((aligned(4096)));

static void sync_code(const void *at)
{
    __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(at)
                     : "memory");
}

static uint32_t mov_w0(unsigned imm)
{
    return 0x52800000u | imm << 5; /* MOVZ w0, #imm (C6.2.227) */
}

static void rewrite(const char *name)
{
    uint64_t (*fn)(void) = (uint64_t(*)(void))(uint64_t)code;
    unsigned bad = 0;
    code[1] = 0xd65f03c0; /* RET */
    for (unsigned i = 0; i < 1000; i++) {
        code[0] = mov_w0(i);
        sync_code(&code[0]);
        sync_code(&code[1]);
        bad += fn() != i;
    }
    check_eq(bad, 0, name);
}

/* A loop that is patched while it runs: its body adds 1, then 2 from the sixth round on. */
static void patch_the_running_loop(void)
{
    code[0] = 0xd2800000;  /* mov x0, #0 */
    code[1] = 0xd2800141;  /* mov x1, #10 */
    code[2] = 0x91000400;  /* add x0, x0, #1 */
    code[3] = 0xf1000421;  /* subs x1, x1, #1 */
    code[4] = 0xf100143f;  /* cmp x1, #5 */
    code[5] = 0x54000081;  /* b.ne 9f: to code[9] */
    code[6] = 0xb9000062;  /* str w2, [x3] */
    code[7] = 0xd50b7b23;  /* dc cvau, x3 */
    code[8] = 0x14000006;  /* b to code[14] */
    code[9] = 0xf100003f;  /* cmp x1, #0 */
    code[10] = 0x54ffff01; /* b.ne code[2] */
    code[11] = 0xd65f03c0; /* ret */
    code[14] = 0xd5033b9f; /* dsb ish */
    code[15] = 0xd50b7523; /* ic ivau, x3 */
    code[16] = 0xd5033b9f; /* dsb ish */
    code[17] = 0xd5033fdf; /* isb */
    code[18] = 0x17fffff7; /* b code[9] */
    for (unsigned i = 0; i < 20; i++)
        sync_code(&code[i]);
    uint64_t (*fn)(uint64_t, uint64_t, uint32_t, uint32_t *) =
        (uint64_t(*)(uint64_t, uint64_t, uint32_t, uint32_t *))(uint64_t)code;
    check_eq(fn(0, 0, 0x91000800, &code[2]), 15,
             "B2.2.5: a loop patched while it runs: 5 x 1 + 5 x 2");
}

int guest_main(void)
{
    rewrite("B2.2.5: new code runs after IC IVAU, MMU off");
    mmu_identity();
    mmu_on((uint64_t)mmu_l1, 0);
    rewrite("B2.2.5: new code runs after IC IVAU, MMU on");
    patch_the_running_loop();
    code[0] = mov_w0(7);
    code[1] = 0xd65f03c0;
    barrier("dsb ish\n\tic iallu\n\tdsb ish\n\tisb");
    check_eq(((uint64_t(*)(void))(uint64_t)code)(), 7, "B2.2.5: and after IC IALLU");
    mmu_off();
    return guest_done();
}
