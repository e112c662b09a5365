// SPDX-License-Identifier: MIT
/*
 * test_a64_int.c - integer instructions, branches, loads and stores, atomics, run from guest RAM
 * with the MMU off. Expected values follow from Arm ARM DDI 0487J.a C6.2; the words are an
 * assembler's.
 */
#include "tests/unit/a64_rig.h"

#define CELL (RIG_DATA + 0x100)

static struct hv_exit run_words(struct rig *r, const uint32_t *words, unsigned n)
{
    r->at = RIG_CODE;
    for (unsigned i = 0; i < n; i++)
        rig_emit(r, words[i]);
    rig_emit(r, i_hvc(0));
    a64_vm_ram_written(r->vm, RIG_CODE, n * 4 + 4);
    return rig_go(r);
}

#define RUN(r, words) run_words(r, words, ARRAY_LEN(words))

static void run_one(struct rig *r, uint32_t insn)
{
    expect_u64(run_words(r, &insn, 1).reason, HV_EXIT_CALL);
    expect_u64(r->cpu[0]->pc, RIG_CODE + 8);
}

static uint64_t cell_get(struct rig *r, int off)
{
    return le64_get((uint8_t *)rig_hva(r, CELL) + off);
}

static void cell_set(struct rig *r, int off, uint64_t v)
{
    le64_put((uint8_t *)rig_hva(r, CELL) + off, v);
}

/* ---- data processing: x0 and NZCV from x1, x2, x3 and NZCV ---- */
// clang-format off
static const struct alu {
    uint32_t insn;
    uint64_t x1, x2, x3;
    uint32_t nzcv_in;
    uint64_t x0;
    uint32_t nzcv;
} alu[] = {
    {0x91000420, 0xffffffffffffffff, 0x0, 0x0, 0x0, 0x0, 0x0}, /* add x0, x1, #1 */
    {0xb1000420, 0xffffffffffffffff, 0x0, 0x0, 0x0, 0x0, 0x6}, /* adds x0, x1, #1 */
    {0x31000420, 0x17fffffff, 0x0, 0x0, 0x0, 0x80000000, 0x9}, /* adds w0, w1, #1 */
    {0xeb020020, 0x1, 0x2, 0x0, 0x0, 0xffffffffffffffff, 0x8}, /* subs x0, x1, x2 */
    {0xeb020020, 0x8000000000000000, 0x1, 0x0, 0x0, 0x7fffffffffffffff, 0x3}, /* subs x0, x1, x2 */
    {0x6b020020, 0x5, 0xffffffff00000005, 0x0, 0x0, 0x0, 0x6}, /* subs w0, w1, w2 */
    {0x0b020020, 0xffffffff, 0x1, 0x0, 0x5, 0x0, 0x5}, /* add w0, w1, w2 */
    {0xcb821020, 0x0, 0x8000000000000000, 0x0, 0x0, 0x800000000000000, 0x0}, /* sub x0, x1, x2, asr #4 */
    {0x8b42fc20, 0x1, 0x8000000000000000, 0x0, 0x0, 0x2, 0x0}, /* add x0, x1, x2, lsr #63 */
    {0x0b827c20, 0x5, 0x80000000, 0x0, 0x0, 0x4, 0x0}, /* add w0, w1, w2, asr #31 */
    {0x8b228820, 0x1000, 0x80, 0x0, 0x0, 0xe00, 0x0}, /* add x0, x1, w2, sxtb #2 */
    {0x8b223020, 0x1, 0xdead1234, 0x0, 0x0, 0x12341, 0x0}, /* add x0, x1, w2, uxth #4 */
    {0x8b22c020, 0x1, 0xffffffff, 0x0, 0x0, 0x0, 0x0}, /* add x0, x1, w2, sxtw */
    {0xeb220020, 0x34, 0x1234, 0x0, 0x0, 0x0, 0x6}, /* subs x0, x1, w2, uxtb */
    {0x9a020020, 0xffffffffffffffff, 0x0, 0x0, 0x2, 0x0, 0x2}, /* adc x0, x1, x2 */
    {0xba020020, 0xffffffffffffffff, 0x0, 0x0, 0x2, 0x0, 0x6}, /* adcs x0, x1, x2 */
    {0x3a020020, 0x7fffffff, 0x0, 0x0, 0x2, 0x80000000, 0x9}, /* adcs w0, w1, w2 */
    {0xfa020020, 0x0, 0x0, 0x0, 0x0, 0xffffffffffffffff, 0x8}, /* sbcs x0, x1, x2 */
    {0x5a020020, 0x5, 0x3, 0x0, 0x0, 0x1, 0x0}, /* sbc w0, w1, w2 */
    {0x9200f020, 0xffffffffffffffff, 0x0, 0x0, 0xf, 0x5555555555555555, 0xf}, /* and x0, x1, #0x5555555555555555 */
    {0xf2410020, 0xffffffffffffffff, 0x0, 0x0, 0x7, 0x8000000000000000, 0x8}, /* ands x0, x1, #0x8000000000000000 */
    {0xb2738420, 0x1, 0x0, 0x0, 0x0, 0x7fffffffe001, 0x0}, /* orr x0, x1, #0x00007fffffffe000 */
    {0xd2003c20, 0xffff0000ffff, 0x0, 0x0, 0x0, 0x0, 0x0}, /* eor x0, x1, #0x0000ffff0000ffff */
    {0x721f7820, 0x1, 0x0, 0x0, 0xf, 0x0, 0x4}, /* ands w0, w1, #0xfffffffe */
    {0x8a222020, 0xffffffffffffffff, 0xff, 0x0, 0x0, 0xffffffffffff00ff, 0x0}, /* bic x0, x1, x2, lsl #8 */
    {0x2a220020, 0x0, 0xffff0000, 0x0, 0x0, 0xffff, 0x0}, /* orn w0, w1, w2 */
    {0xcae21020, 0x0, 0xf, 0x0, 0x0, 0xfffffffffffffff, 0x0}, /* eon x0, x1, x2, ror #4 */
    {0xea220020, 0xf, 0xf, 0x0, 0x3, 0x0, 0x4}, /* bics x0, x1, x2 */
    {0xaa0103e0, 0xffffffffffffffff, 0x0, 0x0, 0x0, 0xffffffffffffffff, 0x0}, /* mov x0, x1 */
    {0x2a0103e0, 0xffffffffffffffff, 0x0, 0x0, 0x0, 0xffffffff, 0x0}, /* mov w0, w1 */
    {0x92a24680, 0x0, 0x0, 0x0, 0x0, 0xffffffffedcbffff, 0x0}, /* movn x0, #0x1234, lsl #16 */
    {0x92ffffe0, 0x0, 0x0, 0x0, 0x0, 0xffffffffffff, 0x0}, /* movn x0, #0xffff, lsl #48 */
    {0x12800000, 0x0, 0x0, 0x0, 0x0, 0xffffffff, 0x0}, /* movn w0, #0 */
    {0xd2d579a0, 0x0, 0x0, 0x0, 0x0, 0xabcd00000000, 0x0}, /* movz x0, #0xabcd, lsl #32 */
    {0xd2bfffe0, 0x0, 0x0, 0x0, 0x0, 0xffff0000, 0x0}, /* movz x0, #0xffff, lsl #16 */
    {0xd3483c20, 0x123456, 0x0, 0x0, 0x0, 0x34, 0x0}, /* ubfx x0, x1, #8, #8 */
    {0x93441c20, 0x80, 0x0, 0x0, 0x0, 0xfffffffffffffff8, 0x0}, /* sbfx x0, x1, #4, #4 */
    {0xd3481c20, 0x1ff, 0x0, 0x0, 0x0, 0xff00000000000000, 0x0}, /* ubfiz x0, x1, #56, #8 */
    {0x131c0c20, 0x8, 0x0, 0x0, 0x0, 0xffffff80, 0x0}, /* sbfiz w0, w1, #4, #4 */
    {0x131f7c20, 0x80000000, 0x0, 0x0, 0x0, 0xffffffff, 0x0}, /* asr w0, w1, #31 */
    {0xd3410020, 0x3, 0x0, 0x0, 0x0, 0x8000000000000000, 0x0}, /* lsl x0, x1, #63 */
    {0x53047c20, 0xf000000f0, 0x0, 0x0, 0x0, 0xf, 0x0}, /* lsr w0, w1, #4 */
    {0x93407c20, 0x80000000, 0x0, 0x0, 0x0, 0xffffffff80000000, 0x0}, /* sxtw x0, w1 */
    {0x53001c20, 0x1ff, 0x0, 0x0, 0x0, 0xff, 0x0}, /* uxtb w0, w1 */
    {0x93c22020, 0xab, 0x1200, 0x0, 0x0, 0xab00000000000012, 0x0}, /* extr x0, x1, x2, #8 */
    {0x13821020, 0xf, 0xf0, 0x0, 0x0, 0xf000000f, 0x0}, /* extr w0, w1, w2, #4 */
    {0x13810420, 0x1, 0x0, 0x0, 0x0, 0x80000000, 0x0}, /* ror w0, w1, #1 */
    {0x9a820020, 0x1, 0x2, 0x0, 0x4, 0x1, 0x4}, /* csel x0, x1, x2, eq */
    {0x1a820420, 0x1, 0xffffffff, 0x0, 0x0, 0x0, 0x0}, /* csinc w0, w1, w2, eq */
    {0xda828020, 0x1, 0x0, 0x0, 0x6, 0xffffffffffffffff, 0x6}, /* csinv x0, x1, x2, hi */
    {0x5a82a420, 0x1, 0x1, 0x0, 0x8, 0xffffffff, 0x8}, /* csneg w0, w1, w2, ge */
    {0x9a9f87e0, 0x0, 0x0, 0x0, 0x6, 0x1, 0x6}, /* cset x0, ls */
    {0x9ac20820, 0x7, 0x0, 0x0, 0x0, 0x0, 0x0}, /* udiv x0, x1, x2 */
    {0x9ac20c20, 0x8000000000000000, 0xffffffffffffffff, 0x0, 0x0, 0x8000000000000000, 0x0}, /* sdiv x0, x1, x2 */
    {0x1ac20c20, 0x80000000, 0xffffffff, 0x0, 0x0, 0x80000000, 0x0}, /* sdiv w0, w1, w2 */
    {0x9ac20c20, 0xfffffffffffffff9, 0x2, 0x0, 0x0, 0xfffffffffffffffd, 0x0}, /* sdiv x0, x1, x2 */
    {0x1ac22020, 0x1, 0x21, 0x0, 0x0, 0x2, 0x0}, /* lsl w0, w1, w2 */
    {0x9ac22c20, 0x1, 0x41, 0x0, 0x0, 0x8000000000000000, 0x0}, /* ror x0, x1, x2 */
    {0x9ac22820, 0x8000000000000000, 0x7f, 0x0, 0x0, 0xffffffffffffffff, 0x0}, /* asr x0, x1, x2 */
    {0x5ac00020, 0x1, 0x0, 0x0, 0x0, 0x80000000, 0x0}, /* rbit w0, w1 */
    {0x5ac00420, 0x11223344, 0x0, 0x0, 0x0, 0x22114433, 0x0}, /* rev16 w0, w1 */
    {0xdac00820, 0x1122334455667788, 0x0, 0x0, 0x0, 0x4433221188776655, 0x0}, /* rev32 x0, x1 */
    {0xdac00c20, 0x1122334455667788, 0x0, 0x0, 0x0, 0x8877665544332211, 0x0}, /* rev x0, x1 */
    {0xdac01020, 0x0, 0x0, 0x0, 0x0, 0x40, 0x0}, /* clz x0, x1 */
    {0x5ac01020, 0x100000000, 0x0, 0x0, 0x0, 0x20, 0x0}, /* clz w0, w1 */
    {0xdac01420, 0xffffffffffffffff, 0x0, 0x0, 0x0, 0x3f, 0x0}, /* cls x0, x1 */
    {0x5ac01420, 0x40000000, 0x0, 0x0, 0x0, 0x0, 0x0}, /* cls w0, w1 */
    {0x9b020c20, 0x3, 0x5, 0x7, 0x0, 0x16, 0x0}, /* madd x0, x1, x2, x3 */
    {0x1b028c20, 0x3, 0x5, 0x7, 0x0, 0xfffffff8, 0x0}, /* msub w0, w1, w2, w3 */
    {0x9b220c20, 0xffffffff, 0x2, 0x1, 0x0, 0xffffffffffffffff, 0x0}, /* smaddl x0, w1, w2, x3 */
    {0x9ba20c20, 0xffffffff, 0x2, 0x1, 0x0, 0x1ffffffff, 0x0}, /* umaddl x0, w1, w2, x3 */
    {0x9ba28c20, 0x2, 0x3, 0x6, 0x0, 0x0, 0x0}, /* umsubl x0, w1, w2, x3 */
    {0x9b427c20, 0xffffffffffffffff, 0x1, 0x0, 0x0, 0xffffffffffffffff, 0x0}, /* smulh x0, x1, x2 */
    {0x9bc27c20, 0xffffffffffffffff, 0xffffffffffffffff, 0x0, 0x0, 0xfffffffffffffffe, 0x0}, /* umulh x0, x1, x2 */
    {0x1ac24020, 0xffffffff, 0x31, 0x0, 0x0, 0x7c231048, 0x0}, /* crc32b w0, w1, w2 */
    {0x1ac25420, 0xffffffff, 0x3231, 0x0, 0x0, 0x8caa3b9f, 0x0}, /* crc32ch w0, w1, w2 */
    {0x1ac24820, 0xffffffff, 0x34333231, 0x0, 0x0, 0x641c1f5c, 0x0}, /* crc32w w0, w1, w2 */
    {0x9ac24c20, 0xffffffff, 0x3837363534333231, 0x0, 0x0, 0x651f2550, 0x0}, /* crc32x w0, w1, x2 */
    {0x9ac25c20, 0xffffffff, 0x3837363534333231, 0x0, 0x0, 0x9f787f65, 0x0}, /* crc32cx w0, w1, x2 */
    {0xfa420023, 0x5, 0x5, 0x0, 0x4, 0x0, 0x6}, /* ccmp x1, x2, #3, eq */
    {0xfa420023, 0x5, 0x5, 0x0, 0x0, 0x0, 0x3}, /* ccmp x1, x2, #3, eq */
    {0x3a41e820, 0xffffffff, 0x0, 0x0, 0x0, 0x0, 0x6}, /* ccmn w1, #1, #0, al */
    {0x7a5fb82f, 0x0, 0x0, 0x0, 0x8, 0x0, 0x8}, /* ccmp w1, #31, #15, lt */
    {0xba42602a, 0x1, 0x1, 0x0, 0x0, 0x0, 0xa}, /* ccmn x1, x2, #10, vs */
};
// clang-format on

static void data_processing(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    for (unsigned i = 0; i < ARRAY_LEN(alu); i++) {
        cpu->x[0] = 0;
        cpu->x[1] = alu[i].x1;
        cpu->x[2] = alu[i].x2;
        cpu->x[3] = alu[i].x3;
        a64_nzcv_set(cpu, alu[i].nzcv_in << 28);
        run_one(&r, alu[i].insn);
        if (cpu->x[0] != alu[i].x0 || a64_nzcv(cpu) >> 28 != alu[i].nzcv)
            printf("# %08x:\n", alu[i].insn);
        expect_u64(cpu->x[0], alu[i].x0);
        expect_u64(a64_nzcv(cpu) >> 28, alu[i].nzcv);
        expect_u64(cpu->x[1], alu[i].x1);
        expect_u64(cpu->x[A64_ZR], 0);
    }
    rig_fini(&r);
}

static void register_31_is_zero_or_sp(void) /* C1.2.5 */
{
    static const struct {
        uint32_t insn;
        uint64_t sp;
    } rows[] = {
        {0x910043ff, RIG_STACK + 16}, /* add sp, sp, #16 */
        {0xb10043ff, RIG_STACK     }, /* cmn sp, #16 */
        {0x8b2163ff, RIG_STACK + 1 }, /* add sp, sp, x1 */
        {0x927cec3f, 0             }, /* and sp, x1, #~15 */
        {0x1100403f, 17            }, /* add wsp, w1, #16 */
        {0x8b01001f, RIG_STACK     }, /* add xzr, x0, x1 */
        {0xd280003f, RIG_STACK     }, /* mov xzr, #1 */
        {0xf2400c3f, RIG_STACK     }, /* tst x1, #15 */
    };
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        r.cpu[0]->x[A64_SP] = RIG_STACK;
        r.cpu[0]->x[1] = 1;
        run_one(&r, rows[i].insn);
        expect_u64(r.cpu[0]->x[A64_SP], rows[i].sp);
        expect_u64(r.cpu[0]->x[A64_ZR], 0);
    }
    rig_fini(&r);
}

/* ---- control flow ---- */
// clang-format off
static const uint32_t code_conds[] = {
    0xd2800000, 0x9a9f17e1, 0xaa010000, 0x9a9f07e1, 0xaa010400, 0x9a9f37e1, 0xaa010800,
    0x9a9f27e1, 0xaa010c00, 0x9a9f57e1, 0xaa011000, 0x9a9f47e1, 0xaa011400, 0x9a9f77e1,
    0xaa011800, 0x9a9f67e1, 0xaa011c00, 0x9a9f97e1, 0xaa012000, 0x9a9f87e1, 0xaa012400,
    0x9a9fb7e1, 0xaa012800, 0x9a9fa7e1, 0xaa012c00, 0x9a9fd7e1, 0xaa013000, 0x9a9fc7e1,
    0xaa013400, 0xd4000002};
static const uint32_t code_bconds[] = {
    0xd2800000, 0x54000040, 0x14000002, 0xb2400000, 0x54000041, 0x14000002, 0xb27f0000,
    0x54000042, 0x14000002, 0xb27e0000, 0x54000043, 0x14000002, 0xb27d0000, 0x54000044,
    0x14000002, 0xb27c0000, 0x54000045, 0x14000002, 0xb27b0000, 0x54000046, 0x14000002,
    0xb27a0000, 0x54000047, 0x14000002, 0xb2790000, 0x54000048, 0x14000002, 0xb2780000,
    0x54000049, 0x14000002, 0xb2770000, 0x5400004a, 0x14000002, 0xb2760000, 0x5400004b,
    0x14000002, 0xb2750000, 0x5400004c, 0x14000002, 0xb2740000, 0x5400004d, 0x14000002,
    0xb2730000, 0x5400004e, 0x14000002, 0xb2720000, 0xd4000002};
static const uint32_t code_loop[] = {
    0xd2800000, 0xd2807d01, 0x8b010000, 0xf1000421, 0x54ffffc1, 0xd4000002};
static const uint32_t code_fib[] = {
    0xd28001e0, 0x94000002, 0xd4000002, 0xf100081f, 0x54000143, 0xa9be7bfd, 0xf9000bf3,
    0xd1000413, 0xd1000800, 0x97fffffa, 0xaa0003e2, 0xaa1303e0, 0xaa0203f3, 0x14000002,
    0xd65f03c0, 0x97fffff4, 0x8b130000, 0xf9400bf3, 0xa8c27bfd, 0xd65f03c0};
static const uint32_t code_tests[] = {
    0xd2800000, 0xb4000041, 0xb2400000, 0x35000041, 0xb27f0000, 0xb6f80041, 0xb27e0000,
    0x37000041, 0xb27d0000, 0xd4000002};
static const uint32_t code_adr[] = {
    0x10ffffe0, 0xb0000001, 0x58000042, 0xd4000002, 0x55667788, 0x11223344};
static const uint32_t code_blr[] = {
    0x1000007e, 0xd63f03c0, 0xd4000022, 0xaa1e03e0, 0xd4000042};
// clang-format on

/* C1.2.4, bit n for condition n. */
static uint64_t conditions(unsigned nzcv)
{
    bool n = nzcv & 8, z = nzcv & 4, c = nzcv & 2, v = nzcv & 1;
    const bool holds[] = {z, c, n, v, c && !z, n == v, n == v && !z};
    uint64_t bits = 0;
    for (unsigned i = 0; i < 14; i++)
        bits |= (uint64_t)(holds[i / 2] != (i % 2 == 1)) << i;
    return bits;
}

static void conditions_follow_the_flags(void)
{
    struct rig r;
    rig_init(&r);
    for (unsigned nzcv = 0; nzcv < 16; nzcv++) {
        a64_nzcv_set(r.cpu[0], nzcv << 28);
        RUN(&r, code_conds);
        expect_u64(r.cpu[0]->x[0], conditions(nzcv));
        RUN(&r, code_bconds);
        expect_u64(r.cpu[0]->x[0], conditions(nzcv) | 1 << 14);
        expect_u64(a64_nzcv(r.cpu[0]) >> 28, nzcv);
    }
    rig_fini(&r);
}

static void compare_and_test_branches(void)
{
    static const struct {
        uint64_t x1,
            x0; /* x0: bit n when branch n of cbz x, cbnz w, tbz #63, tbnz #0 was not taken */
    } rows[] = {
        {0,       2 + 8        },
        {1,       1            },
        {BIT(63), 1 + 2 + 4 + 8},
        {BIT(32), 1 + 2 + 8    }
    };
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        r.cpu[0]->x[1] = rows[i].x1;
        RUN(&r, code_tests);
        expect_u64(r.cpu[0]->x[0], rows[i].x0);
    }
    rig_fini(&r);
}

static void loops_and_calls(void)
{
    struct rig r;
    rig_init(&r);
    RUN(&r, code_loop);
    expect_u64(r.cpu[0]->x[0], 500500);
    RUN(&r, code_fib);
    expect_u64(r.cpu[0]->x[0], 610);
    expect_u64(r.cpu[0]->x[A64_SP], RIG_STACK);
    RUN(&r, code_blr); /* the target is read before the link is written */
    expect_u64(r.cpu[0]->x[0], RIG_CODE + 8);
    RUN(&r, code_adr);
    expect_u64(r.cpu[0]->x[0], RIG_CODE - 4);
    expect_u64(r.cpu[0]->x[1], RIG_CODE + 0x1000);
    expect_u64(r.cpu[0]->x[2], 0x1122334455667788);
    rig_fini(&r);
}

/* The same direct branch, taken within its page, over its end, backwards over its start. */
static void branches_leave_the_page(void)
{
    struct rig r;
    rig_init(&r);
    static const int words[] = {1023, 1024, 1025, 5000, -1, -2, -1025, 0x2000};
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        gpa_t to = RIG_CODE + (gpa_t)(int64_t)(words[i] * 4);
        r.at = to;
        rig_emit(&r, i_hvc(0));
        r.at = RIG_CODE;
        rig_emit(&r, 0x94000000u | ((uint32_t)words[i] & 0x3ffffff)); /* bl */
        a64_vm_ram_written(r.vm, RIG_RAM, RIG_RAM_SIZE);
        for (unsigned twice = 0; twice < 2; twice++) {
            r.cpu[0]->x[30] = 0;
            expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
            expect_u64(r.cpu[0]->pc, to + 4);
            expect_u64(r.cpu[0]->x[30], RIG_CODE + 4);
        }
    }
    rig_fini(&r);
}

/* 12 million instructions: handlers that did not tail-call would run out of stack. */
static void handlers_keep_the_stack_flat(void)
{
    static const uint32_t code[] = {0xd2a00801,  /* mov x1, #0x400000 */
                                    0xf1000421,  /* subs x1, x1, #1 */
                                    0xf90003e1,  /* str x1, [sp] */
                                    0x54ffffc1}; /* b.ne .-8 */
    struct rig r;
    rig_init(&r);
    expect_u64(RUN(&r, code).reason, HV_EXIT_CALL);
    expect_u64(r.cpu[0]->x[1], 0);
    rig_fini(&r);
}

static void unallocated_words_are_undefined(void)
{
    static const uint32_t words[] = {0x12400000, 0x0bc00000, 0x0b008000, 0x0b201400, 0x13400000,
                                     0x52c00000, 0xb8c00000, 0x38200800, 0x68000000, 0x00000000};
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        expect_u64(rig_vector(&r, run_words(&r, &words[i], 1)), 0x200);
        expect_u64(rig_ec(&r), A64_EC_UNKNOWN);
        expect_u64(r.cpu[0]->sr.elr, RIG_CODE);
    }
    rig_fini(&r);
}

/* ---- memory: the cell holds 80 81 84 85 86 87 88 89, x1 its address ---- */
#define CELL_VALUE UINT64_C(0x8988878685848180)

struct access {
    uint32_t insn;
    uint64_t x2;
    uint64_t want; /* x0 after a load, the cell after a store */
    int x1_moves;
};

// clang-format off
static const struct access loads[] = {
    {0x39400020, 0x0, 0x80, 0}, /* ldrb w0, [x1] */
    {0x39c00020, 0x0, 0xffffff80, 0}, /* ldrsb w0, [x1] */
    {0x39800020, 0x0, 0xffffffffffffff80, 0}, /* ldrsb x0, [x1] */
    {0x79400420, 0x0, 0x8584, 0}, /* ldrh w0, [x1, #2] */
    {0x79c00420, 0x0, 0xffff8584, 0}, /* ldrsh w0, [x1, #2] */
    {0x79800420, 0x0, 0xffffffffffff8584, 0}, /* ldrsh x0, [x1, #2] */
    {0xb9400420, 0x0, 0x89888786, 0}, /* ldr w0, [x1, #4] */
    {0xb9800420, 0x0, 0xffffffff89888786, 0}, /* ldrsw x0, [x1, #4] */
    {0xf9400020, 0x0, 0x8988878685848180, 0}, /* ldr x0, [x1] */
    {0xf85f8420, 0x0, 0x8988878685848180, -8}, /* ldr x0, [x1], #-8 */
    {0xf8408c20, 0x0, 0x102030405060708, 8}, /* ldr x0, [x1, #8]! */
    {0xb85fc020, 0x0, 0xa1a2a3a4, 0}, /* ldur w0, [x1, #-4] */
    {0xf8408820, 0x0, 0x102030405060708, 0}, /* ldtr x0, [x1, #8] */
    {0x38801820, 0x0, 0xffffffffffffff81, 0}, /* ldtrsb x0, [x1, #1] */
    {0xf8626820, 0x8, 0x102030405060708, 0}, /* ldr x0, [x1, x2] */
    {0xf8627820, 0x1, 0x102030405060708, 0}, /* ldr x0, [x1, x2, lsl #3] */
    {0xb862d820, 0xffffffff, 0xa1a2a3a4, 0}, /* ldr w0, [x1, w2, sxtw #2] */
    {0x38624820, 0xff00000001, 0x81, 0}, /* ldrb w0, [x1, w2, uxtw] */
    {0x7862f820, 0xffffffffffffffff, 0xa1a2, 0}, /* ldrh w0, [x1, x2, sxtx #1] */
    {0xc8dffc20, 0x0, 0x8988878685848180, 0}, /* ldar x0, [x1] */
    {0x08dffc20, 0x0, 0x80, 0}, /* ldarb w0, [x1] */
    {0x885f7c20, 0x0, 0x85848180, 0}, /* ldxr w0, [x1] */
    {0xa8c10c20, 0x0, 0x8988878685848180, 16}, /* ldp x0, x3, [x1], #16 */
    {0x29408c20, 0x0, 0x89888786, 0}, /* ldp w0, w3, [x1, #4] */
    {0x69c08c20, 0x0, 0xffffffff89888786, 4}, /* ldpsw x0, x3, [x1, #4]! */
    {0xf9800020, 0x0, 0x5a5a, 0}, /* prfm pldl1keep, [x1] */
};
static const struct access stores[] = {
    {0x39000020, 0x0, 0x89888786858481ee, 0}, /* strb w0, [x1] */
    {0x79000420, 0x0, 0x89888786ccee8180, 0}, /* strh w0, [x1, #2] */
    {0xb9000420, 0x0, 0xaabbccee85848180, 0}, /* str w0, [x1, #4] */
    {0xf9000020, 0x0, 0x11223344aabbccee, 0}, /* str x0, [x1] */
    {0xf8008420, 0x0, 0x11223344aabbccee, 8}, /* str x0, [x1], #8 */
    {0x38007c20, 0x0, 0xee88878685848180, 7}, /* strb w0, [x1, #7]! */
    {0x78000820, 0x0, 0x898887868584ccee, 0}, /* sttrh w0, [x1] */
    {0xb8227820, 0x1, 0xaabbccee85848180, 0}, /* str w0, [x1, x2, lsl #2] */
    {0x3822c820, 0x3, 0x89888786ee848180, 0}, /* strb w0, [x1, w2, sxtw] */
    {0x889ffc20, 0x0, 0x89888786aabbccee, 0}, /* stlr w0, [x1] */
    {0xc89ffc20, 0x0, 0x11223344aabbccee, 0}, /* stlr x0, [x1] */
    {0x29000022, 0x9, 0xaabbccee00000009, 0}, /* stp w2, w0, [x1] */
    {0x28817c20, 0x0, 0xaabbccee, 8}, /* stp w0, wzr, [x1], #8 */
    {0xa9810820, 0x0, 0x8988878685848180, 16}, /* stp x0, x2, [x1, #16]! */
    {0x28000020, 0x0, 0xaabbcceeaabbccee, 0}, /* stnp w0, w0, [x1] */
    {0xc8037c20, 0x0, 0x8988878685848180, 0}, /* stxr w3, x0, [x1] */
};
// clang-format on

static void access_one(struct rig *r, const struct access *a, uint64_t x0)
{
    cell_set(r, -16, 0);
    cell_set(r, -8, 0xa1a2a3a400000000);
    cell_set(r, 0, CELL_VALUE);
    cell_set(r, 8, 0x0102030405060708);
    cell_set(r, 16, 0);
    r->cpu[0]->x[0] = x0;
    r->cpu[0]->x[1] = CELL;
    r->cpu[0]->x[2] = a->x2;
    run_one(r, a->insn);
    expect_u64(r->cpu[0]->x[1], CELL + (uint64_t)(int64_t)a->x1_moves);
}

static void loads_extend_and_address(void)
{
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(loads); i++) {
        access_one(&r, &loads[i], 0x5a5a);
        if (r.cpu[0]->x[0] != loads[i].want)
            printf("# %08x:\n", loads[i].insn);
        expect_u64(r.cpu[0]->x[0], loads[i].want);
        expect_u64(cell_get(&r, 0), CELL_VALUE);
    }
    rig_fini(&r);
}

static void stores_address_and_keep_the_rest(void)
{
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(stores); i++) {
        access_one(&r, &stores[i], 0x11223344aabbccee);
        if (cell_get(&r, 0) != stores[i].want)
            printf("# %08x:\n", stores[i].insn);
        expect_u64(cell_get(&r, 0), stores[i].want);
    }
    rig_fini(&r);
}

/* Alignment faults (Device memory, MMU off) change nothing: no write-back, no register, no memory.
 */
static void a_fault_leaves_no_trace(void)
{
    static const uint32_t words[] = {
        0xf8408420, /* ldr x0, [x1], #8 */
        0xa9c10820, /* ldp x0, x2, [x1, #16]! */
        0xf8008c20, /* str x0, [x1, #8]! */
        0xa9000820, /* stp x0, x2, [x1] */
        0xc85f7c20, /* ldxr x0, [x1] */
        0x88dffc20, /* ldar w0, [x1] */
        0x889ffc20, /* stlr w0, [x1] */
        0xb8200020, /* ldadd w0, w0, [x1] */
        0xc8a07c22, /* cas x0, x2, [x1] */
        0x48247c22, /* casp x4, x5, x2, x3, [x1] */
    };
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        cell_set(&r, 0, CELL_VALUE);
        r.cpu[0]->x[0] = 5;
        r.cpu[0]->x[1] = CELL + 1;
        r.cpu[0]->x[2] = 6;
        expect_u64(rig_vector(&r, run_words(&r, &words[i], 1)), 0x200);
        expect_u64(rig_ec(&r), A64_EC_DABT);
        expect_u64(rig_iss(&r) & 0x3f, 0x21);
        expect_u64(r.cpu[0]->sr.elr, RIG_CODE);
        expect_u64(r.cpu[0]->x[0], 5);
        expect_u64(r.cpu[0]->x[1], CELL + 1);
        expect_u64(r.cpu[0]->x[2], 6);
        expect_u64(cell_get(&r, 0), CELL_VALUE);
    }
    rig_fini(&r);
}

static void sp_as_base_is_checked(void) /* D1.8.2 */
{
    static const uint32_t words[] = {0xf94003e0, 0xf81f0fe0, 0xa9000be0, 0x885f7fe0};
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        r.cpu[0]->sr.sctlr |= 8; /* SA */
        r.cpu[0]->x[A64_SP] = RIG_STACK + 8;
        expect_u64(rig_vector(&r, run_words(&r, &words[i], 1)), 0x200);
        expect_u64(rig_ec(&r), A64_EC_SP_ALIGN);
        expect_u64(r.cpu[0]->x[A64_SP], RIG_STACK + 8);
        r.cpu[0]->sr.sctlr &= ~UINT64_C(8);
        expect_u64(run_words(&r, &words[i], 1).reason, HV_EXIT_CALL);
        expect_u64(r.cpu[0]->pc, RIG_CODE + 8);
    }
    rig_fini(&r);
}

/* ---- exclusives ---- */
static void exclusive_store_needs_its_load(void)
{
    static const uint32_t alone[] = {0xc8037c22};              /* stxr w3, x2, [x1] */
    static const uint32_t paired[] = {0xc85f7c20, 0xc8037c22}; /* ldxr x0, [x1]; stxr */
    static const uint32_t changed[] = {0xc85f7c20, 0xf9000025, 0xc8037c22}; /* str x5 between */
    static const uint32_t elsewhere[] = {0xc85f7c20, 0xc8037c82};           /* stxr w3, x2, [x4] */
    static const uint32_t narrower[] = {0xc85f7c20, 0x88037c22};            /* stxr w3, w2, [x1] */
    static const uint32_t twice[] = {0xc85f7c20, 0xc8037c22, 0xc8037c22};
    static const struct {
        const uint32_t *code;
        unsigned n;
        uint64_t status, cell;
    } rows[] = {
        {alone,     1, 1, CELL_VALUE},
        {paired,    2, 0, 77        },
        {changed,   3, 1, 55        },
        {elsewhere, 2, 1, CELL_VALUE},
        {narrower,  2, 1, CELL_VALUE},
        {twice,     3, 1, 77        },
    };
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct a64_cpu *cpu = r.cpu[0];
        cell_set(&r, 0, CELL_VALUE);
        cpu->excl_hva = NULL;
        cpu->x[1] = CELL;
        cpu->x[2] = 77;
        cpu->x[3] = 99;
        cpu->x[4] = CELL + 8;
        cpu->x[5] = 55;
        run_words(&r, rows[i].code, rows[i].n);
        expect_u64(cpu->x[3], rows[i].status);
        expect_u64(cell_get(&r, 0), rows[i].cell);
    }
    rig_fini(&r);
}

static void exclusive_pairs(void)
{
    static const uint32_t wide[] = {0xc87f1420, 0xc8231022};   /* ldxp x0, x5; stxp w3, x2, x4 */
    static const uint32_t narrow[] = {0x887f1420, 0x88231022}; /* the same of words */
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    for (unsigned i = 0; i < 2; i++) {
        cell_set(&r, 0, CELL_VALUE);
        cell_set(&r, 8, 8);
        cpu->x[1] = CELL;
        cpu->x[2] = 0x1000000002;
        cpu->x[3] = 99;
        cpu->x[4] = 0x3000000004;
        run_words(&r, i ? narrow : wide, 2);
        expect_u64(cpu->x[3], 0);
        expect_u64(cpu->x[0], i ? 0x85848180 : CELL_VALUE);
        expect_u64(cpu->x[5], i ? 0x89888786 : 8);
        expect_u64(cell_get(&r, 0), i ? 0x0000000400000002 : 0x1000000002);
        expect_u64(cell_get(&r, 8), i ? 8 : 0x3000000004);
    }
    rig_fini(&r);
}

/* ---- LSE: x2 is the operand, x0 receives the old value ---- */
#define LSE_CELL UINT64_C(0x89888786858481f0)

// clang-format off
static const struct lse {
    uint32_t insn;
    uint64_t x2, cell, x0;
} lse[] = {
    {0x38220020, 0x20, 0x8988878685848110, 0xf0}, /* ldaddb w2, w0, [x1] */
    {0x78e20020, 0x1, 0x89888786858481f1, 0x81f0}, /* ldaddalh w2, w0, [x1] */
    {0xb8a20020, 0x80000000, 0x89888786058481f0, 0x858481f0}, /* ldadda w2, w0, [x1] */
    {0xf8620020, 0xffffffffffffffff, 0x89888786858481ef, 0x89888786858481f0}, /* ldaddl x2, x0, [x1] */
    {0xf8221020, 0xff, 0x8988878685848100, 0x89888786858481f0}, /* ldclr x2, x0, [x1] */
    {0xb8222020, 0xffffffffffffffff, 0x898887867a7b7e0f, 0x858481f0}, /* ldeor w2, w0, [x1] */
    {0x78223020, 0xf, 0x89888786858481ff, 0x81f0}, /* ldseth w2, w0, [x1] */
    {0x38224020, 0x1, 0x8988878685848101, 0xf0}, /* ldsmaxb w2, w0, [x1] */
    {0x38225020, 0x1, 0x89888786858481f0, 0xf0}, /* ldsminb w2, w0, [x1] */
    {0x38226020, 0x1, 0x89888786858481f0, 0xf0}, /* ldumaxb w2, w0, [x1] */
    {0x38227020, 0x1, 0x8988878685848101, 0xf0}, /* lduminb w2, w0, [x1] */
    {0xf8224020, 0x0, 0x0, 0x89888786858481f0}, /* ldsmax x2, x0, [x1] */
    {0xb8227020, 0x5, 0x8988878600000005, 0x858481f0}, /* ldumin w2, w0, [x1] */
    {0x78228020, 0x1234567, 0x8988878685844567, 0x81f0}, /* swph w2, w0, [x1] */
    {0xf8e28020, 0x7, 0x7, 0x89888786858481f0}, /* swpal x2, x0, [x1] */
    {0xf822003f, 0x1, 0x89888786858481f1, 0x5a5a}, /* stadd x2, [x1] */
};
// clang-format on

static void atomic_operations(void)
{
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(lse); i++) {
        cell_set(&r, 0, LSE_CELL);
        r.cpu[0]->x[0] = 0x5a5a;
        r.cpu[0]->x[1] = CELL;
        r.cpu[0]->x[2] = lse[i].x2;
        run_one(&r, lse[i].insn);
        if (r.cpu[0]->x[0] != lse[i].x0 || cell_get(&r, 0) != lse[i].cell)
            printf("# %08x:\n", lse[i].insn);
        expect_u64(r.cpu[0]->x[0], lse[i].x0);
        expect_u64(cell_get(&r, 0), lse[i].cell);
        expect_u64(r.cpu[0]->x[A64_ZR], 0);
    }
    rig_fini(&r);
}

static void compare_and_swap(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    for (unsigned same = 0; same < 2; same++) {
        cell_set(&r, 0, CELL_VALUE);
        cell_set(&r, 8, 8);
        cpu->x[1] = CELL;
        cpu->x[2] = 77;
        cpu->x[3] = 78;

        cpu->x[0] = CELL_VALUE ^ !same;
        run_one(&r, 0xc8a07c22); /* cas x0, x2, [x1] */
        expect_u64(cpu->x[0], CELL_VALUE);
        expect_u64(cell_get(&r, 0), same ? 77 : CELL_VALUE);

        cpu->x[0] = 0x100 + (cell_get(&r, 0) & 0xff) + !same; /* only the byte counts */
        run_one(&r, 0x08a07c22);                              /* casb w0, w2, [x1] */
        expect_u64(cpu->x[0], same ? 77 : 0x80);

        cell_set(&r, 0, CELL_VALUE);
        cpu->x[4] = CELL_VALUE;
        cpu->x[5] = 8 + !same;
        run_one(&r, 0x48247c22); /* casp x4, x5, x2, x3, [x1] */
        expect_u64(cpu->x[4], CELL_VALUE);
        expect_u64(cpu->x[5], 8);
        expect_u64(cell_get(&r, 0), same ? 77 : CELL_VALUE);
        expect_u64(cell_get(&r, 8), same ? 78 : 8);

        cell_set(&r, 0, CELL_VALUE);
        cpu->x[4] = 0xffffffff85848180;
        cpu->x[5] = 0x89888786u + !same;
        run_one(&r, 0x08247c22); /* casp w4, w5, w2, w3, [x1] */
        expect_u64(cpu->x[4], 0x85848180);
        expect_u64(cpu->x[5], 0x89888786);
        expect_u64(cell_get(&r, 0), same ? UINT64_C(78) << 32 | 77 : CELL_VALUE);
    }
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(data_processing),
    TAP_TEST(register_31_is_zero_or_sp),
    TAP_TEST(conditions_follow_the_flags),
    TAP_TEST(compare_and_test_branches),
    TAP_TEST(loops_and_calls),
    TAP_TEST(branches_leave_the_page),
    TAP_TEST(handlers_keep_the_stack_flat),
    TAP_TEST(unallocated_words_are_undefined),
    TAP_TEST(loads_extend_and_address),
    TAP_TEST(stores_address_and_keep_the_rest),
    TAP_TEST(a_fault_leaves_no_trace),
    TAP_TEST(sp_as_base_is_checked),
    TAP_TEST(exclusive_store_needs_its_load),
    TAP_TEST(exclusive_pairs),
    TAP_TEST(atomic_operations),
    TAP_TEST(compare_and_swap),
};

TAP_MAIN(tests)
