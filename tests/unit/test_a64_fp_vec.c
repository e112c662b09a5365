// SPDX-License-Identifier: MIT
/*
 * test_a64_fp_vec.c - vector floating point of the software CPU, FPSR and FPCR, encodings.
 *
 * Expected values come from the pseudocode of Arm ARM DDI 0487J.a (shared/functions/float), worked
 * out by hand.
 */
#include "tests/unit/a64_fp_rig.h"

/* ---- Vectors ---- */

struct wide_case {
    const char *what;
    uint32_t insn;
    union a64_vreg n, m, d, want;
    uint32_t fpsr;
};

static void vector_forms(void)
{
    const uint32_t one = 0x3f800000, two = 0x40000000, three = 0x40400000, four = 0x40800000;
    const uint32_t nan = 0x7fc00001, snan = 0x7f800001, inf = 0x7f800000;
    const uint64_t d1 = 0x3ff0000000000000, d2 = 0x4000000000000000, d3 = 0x4008000000000000;
    // clang-format off
    const struct wide_case cases[] = {
        /* a lane that needs the exact way must not disturb the others */
        {"fadd 4s", 0x4e22d420, {.s = {one, nan, two, inf}}, {.s = {two, one, one, inf}},
         {.d = {0}}, {.s = {three, nan, three, inf}}, 0},
        /* of a 64-bit form the upper half of the sources does not count, that of the result is 0 */
        {"fadd 2s", 0x0e22d420, {.s = {one, two, snan, inf}}, {.s = {two, one, one, 0xff800000}},
         {.d = {~UINT64_C(0), ~UINT64_C(0)}}, {.s = {three, three, 0, 0}}, 0},
        {"fdiv 2s", 0x2e22fc20, {.s = {four, two, one, 0}}, {.s = {two, two, 0, 0}}, {.d = {0}},
         {.s = {two, one, 0, 0}}, 0},
        {"fmul 2s", 0x2e22dc20, {.s = {one, two, inf, 0}}, {.s = {two, two, 0, inf}}, {.d = {0}},
         {.s = {two, four, 0, 0}}, 0},
        {"fsub 2d", 0x4ee2d420, {.d = {d3, d2}}, {.d = {d1, d2}}, {.d = {0}}, {.d = {d2, 0}}, 0},
        {"fmla 4s", 0x4e22cc20, {.s = {one, two, 0, inf}}, {.s = {two, two, inf, one}},
         {.s = {one, 0, nan, one}}, {.s = {three, four, 0x7fc00000, inf}}, IOC},
        {"fmls 2s", 0x0ea2cc20, {.s = {one, two, snan, inf}}, {.s = {two, two, inf, 0}},
         {.s = {three, 0x40a00000, snan, inf}}, {.s = {one, one, 0, 0}}, 0},
        {"fmla 2d", 0x4e62cc20, {.d = {d1, d2}}, {.d = {d2, d1}}, {.d = {d1, 0}},
         {.d = {d3, d2}}, 0},
        /* by element: S lane 3 (H:L), D lane 1 (H) */
        {"fmul 4s e3", 0x4fa29820, {.s = {one, two, 0, one}}, {.s = {snan, snan, snan, two}},
         {.d = {0}}, {.s = {two, four, 0, two}}, 0},
        {"fmla 2d e1", 0x4fc21820, {.d = {d1, d2}}, {.d = {0x7ff0000000000001, d1}},
         {.d = {d2, 0}}, {.d = {d3, d2}}, 0},
        {"fmls s e1", 0x5fa25020, {.s = {two, snan}}, {.s = {snan, one}},
         {.s = {three, 1, 2, 3}}, {.s = {one, 0, 0, 0}}, 0},
        {"fmulx 4s e0", 0x6f829020, {.s = {0, 0x80000000, one, 0}}, {.s = {inf, 0, 0, 0}},
         {.d = {0}}, {.s = {two, 0xc0000000, inf, two}}, 0},
        /* pairs: those of Vn below those of Vm */
        {"faddp 4s", 0x6e22d420, {.s = {one, two, one, one}}, {.s = {two, two, 0, one}},
         {.d = {0}}, {.s = {three, two, four, one}}, 0},
        {"faddp 2s", 0x2e22d420, {.s = {one, two, snan, snan}}, {.s = {two, two, snan, snan}},
         {.d = {0}}, {.s = {three, four, 0, 0}}, 0},
        {"faddp d", 0x7e70d820, {.d = {d1, d2}}, {.d = {0}}, {.d = {0}}, {.d = {d3, 0}}, 0},
        {"fmaxp 2d", 0x6e62f420, {.d = {d1, d3}}, {.d = {d2, d1}}, {.d = {0}}, {.d = {d3, d2}}, 0},
        {"fminnmp s", 0x7eb0c820, {.s = {nan, two, 0, 0}}, {.d = {0}}, {.d = {0}},
         {.s = {two, 0, 0, 0}}, 0},
        {"fmaxv", 0x6e30f820, {.s = {one, four, three, two}}, {.d = {0}}, {.d = {0}},
         {.s = {four, 0, 0, 0}}, 0},
        {"fmaxv", 0x6e30f820, {.s = {one, nan, snan, two}}, {.d = {0}}, {.d = {0}},
         {.s = {nan, 0, 0, 0}}, IOC},
        /* the quieted one of the upper half equals it */
        {"fminnmv", 0x6eb0c820, {.s = {nan, four, three, nan}}, {.d = {0}}, {.d = {0}},
         {.s = {three, 0, 0, 0}}, 0},
        {"fcmge 4s", 0x6e22e420, {.s = {one, two, nan, 0}}, {.s = {two, one, one, 0x80000000}},
         {.d = {0}}, {.s = {0, ~0u, 0, ~0u}}, IOC},
        {"fcmle 4s 0", 0x6ea0d820, {.s = {0x80000000, one, 0xbf800000, 0}}, {.d = {0}},
         {.d = {0}}, {.s = {~0u, 0, ~0u, ~0u}}, 0},
        {"fcmlt 2d 0", 0x4ee0e820, {.d = {0x8000000000000001, 0x8000000000000000}}, {.d = {0}},
         {.d = {0}}, {.d = {~UINT64_C(0), 0}}, 0},
        {"facgt 2s", 0x2ea2ec20, {.s = {0xc0000000, one}}, {.s = {one, 0xbf800000}}, {.d = {0}},
         {.s = {~0u, 0, 0, 0}}, 0},
        {"fabs 2s", 0x0ea0f820, {.s = {0xc0000000, 0xffc00000, 9, 9}}, {.d = {0}}, {.d = {0}},
         {.s = {two, 0x7fc00000, 0, 0}}, 0},
        {"fneg 2d", 0x6ee0f820, {.d = {d1, 0}}, {.d = {0}}, {.d = {0}},
         {.d = {0xbff0000000000000, 0x8000000000000000}}, 0},
        {"fsqrt 4s", 0x6ea1f820, {.s = {four, one, 0x41100000, 0}}, {.d = {0}}, {.d = {0}},
         {.s = {two, one, three, 0}}, 0},
        {"frinta 2s", 0x2e218820, {.s = {0x3f000000, 0x40200000}}, {.d = {0}}, {.d = {0}},
         {.s = {one, three}}, 0},
        {"fcvtzs 4s", 0x4ea1b820, {.s = {0xbfc00000, 0x4f000000, one, 0}}, {.d = {0}},
         {.d = {0}}, {.s = {~0u, 0x7fffffff, 1, 0}}, IOC | IXC},
        {"fcvtzu 2d #8", 0x6f78fc20, {.d = {d1, 0xbff0000000000000}}, {.d = {0}}, {.d = {0}},
         {.d = {256, 0}}, IOC},
        {"scvtf 4s", 0x4e21d820, {.s = {~0u, 1, 2, 0}}, {.d = {0}}, {.d = {0}},
         {.s = {0xbf800000, one, two, 0}}, 0},
        {"ucvtf 2s #1", 0x2f3fe420, {.s = {2, 4}}, {.d = {0}}, {.d = {0}}, {.s = {one, two}}, 0},
        {"ucvtf d", 0x7e61d820, {.d = {~UINT64_C(0), 5}}, {.d = {0}}, {.d = {0}},
         {.d = {0x43f0000000000000, 0}}, IXC},
        /* narrow and long */
        {"fcvtl 2d", 0x0e617820, {.s = {one, two, snan, 0}}, {.d = {0}}, {.d = {0}},
         {.d = {d1, d2}}, 0},
        {"fcvtl2 2d", 0x4e617820, {.s = {snan, snan, one, two}}, {.d = {0}}, {.d = {0}},
         {.d = {d1, d2}}, 0},
        {"fcvtl 4s", 0x0e217820, {.h = {0x3c00, 0x4000, 0x7c00, 0, 0x7c01}}, {.d = {0}},
         {.d = {0}}, {.s = {one, two, inf, 0}}, 0},
        {"fcvtn 2s", 0x0e616820, {.d = {d1, d2}}, {.d = {0}}, {.d = {7, 7}},
         {.s = {one, two, 0, 0}}, 0},
        {"fcvtn2 4s", 0x4e616820, {.d = {d1, d2}}, {.d = {0}}, {.d = {7, 7}},
         {.s = {7, 0, one, two}}, 0},
        {"fcvtn2 8h", 0x4e216820, {.s = {one, two, inf, 0}}, {.d = {0}}, {.d = {7, 7}},
         {.h = {7, 0, 0, 0, 0x3c00, 0x4000, 0x7c00, 0}}, 0},
        {"fcvtxn2 4s", 0x6e616820, {.d = {0x3ff0000000000001, d2}}, {.d = {0}}, {.d = {7, 7}},
         {.s = {7, 0, 0x3f800001, two}}, IXC},
    };
    // clang-format on
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        const struct wide_case *c = &cases[i];
        cpu.v[0] = c->d;
        cpu.v[1] = c->n;
        cpu.v[2] = c->m;
        uint32_t fpsr = run(c->insn, RN);
        if (cpu.v[0].q != c->want.q || fpsr != c->fpsr)
            printf("# %s\n", c->what);
        expect_u64(cpu.v[0].d[0], c->want.d[0]);
        expect_u64(cpu.v[0].d[1], c->want.d[1]);
        expect_u32(fpsr, c->fpsr);
    }
}

/* ---- Registers, encodings ---- */

static void flags_are_sticky_across_runs(void) /* Arm ARM C5.2.10; the fold at a64_fp_leave() */
{
    struct a64_op ops[2] = {{.fn = stop}, {.fn = stop}};
    a64_predecode(&ops[0], FDIV); /* 1 / 3: inexact, by the host where there is one */
    cpu.v[1] = (union a64_vreg){.s = {0x3f800000}};
    cpu.v[2] = (union a64_vreg){.s = {0x40400000}};
    cpu.fpcr = 0;
    cpu.fpsr = 1u << 27; /* QC stays */
    uint32_t host = a64_fp_enter(&cpu);
    ops[0].fn(&cpu, ops);
    expect_u32(a64_fpsr_get(&cpu), 1u << 27 | IXC);
    a64_fpcr_set(&cpu, RP | 0xffffu); /* the flags survive; what is not there reads as 0 */
    expect_u32(a64_fpsr_get(&cpu), 1u << 27 | IXC);
    expect_u32(cpu.fpcr, RP);
    ops[0].fn(&cpu, ops);
    expect_u32(cpu.v[0].s[0], 0x3eaaaaab);
    a64_fpcr_set(&cpu, RM);
    ops[0].fn(&cpu, ops);
    expect_u32(cpu.v[0].s[0], 0x3eaaaaaa);
    a64_fpsr_set(&cpu, 0);
    expect_u32(a64_fpsr_get(&cpu), 0);
    cpu.v[2].s[0] = 0;
    ops[0].fn(&cpu, ops);
    a64_fp_leave(&cpu, host);
    expect_u32(cpu.fpsr, DZC);
    host = a64_fp_enter(&cpu); /* nothing of a run before, or of the host, is seen twice */
    a64_fpsr_set(&cpu, ~0u);
    expect_u32(a64_fpsr_get(&cpu), A64_FPSR_MASK);
    a64_fpsr_set(&cpu, 0);
    a64_fp_leave(&cpu, host);
    expect_u32(cpu.fpsr, 0);
    volatile float three = 3.0f, third = 1.0f / three; /* the host's own mode is back: to nearest */
    uint32_t bits;
    memcpy(&bits, (const void *)&third, sizeof bits);
    expect_u32(bits, 0x3eaaaaab);
}

static void rows_ask_for_the_fp_trap(void)
{
    static const uint32_t insns[] = {FADD,       FMADD,      FSQRT,      FMOV,       0x1e222020,
                                     0x1e22e425, 0x1e260020, 0x1e201000, 0x4e22d420, 0x4e22cc20,
                                     0x6e22e420, 0x6f78fc20, 0x0e617820, 0x7e70d820};
    for (unsigned i = 0; i < ARRAY_LEN(insns); i++) {
        const struct a64_insn *row = a64_decode(insns[i]);
        expect_true(row && row->flags & A64_F_FP);
    }
}

static void reserved_encodings(void)
{
    static const uint32_t insns[] = {
        0x1ea22820, /* FADD with ftype 10 */
        0x1ee22820, /* half precision */
        0x1e229820, /* opcode 1001 of two sources */
        0x1e26c020, /* FRINT, 1101 */
        0x1e224020, /* FCVT from single to single */
        0x0e62d420, /* FADD 1D */
        0x0fc29820, /* FMUL 1D by element */
        0x4fe29820, /* D by element with L set */
        0x2e30f820, /* FMAXV 2S */
        0x6e70f820, /* FMAXV 2D */
        0x2e216820, /* FCVTXN from single */
        0x0ee1c820, /* URECPE of doubles */
        0x0f40e420, /* SCVTF 1D, fixed point */
        0x4f1ffc20, /* FCVTZS of halves */
        0x1e187c20, /* FCVTZS W, fixed point, scale below 32 */
        0x9e260020, /* FMOV X, S */
        0x1e7e0020, /* FJCVTZS */
        0x4e420420, /* FMAXNM 8H */
    };
    for (unsigned i = 0; i < ARRAY_LEN(insns); i++) {
        const struct a64_insn *row = a64_decode(insns[i]);
        if (row)
            printf("# %#x is %s\n", insns[i], row->name);
        expect_true(!row);
    }
}

static const struct tap_test tests[] = {
    TAP_TEST(vector_forms),
    TAP_TEST(flags_are_sticky_across_runs),
    TAP_TEST(rows_ask_for_the_fp_trap),
    TAP_TEST(reserved_encodings),
};

TAP_MAIN(tests)
