// SPDX-License-Identifier: MIT
/*
 * test_a64_fp_conv.c - conversions of the software CPU: integers, halves, formats.
 *
 * Expected values come from the pseudocode of Arm ARM DDI 0487J.a (shared/functions/float), worked
 * out by hand.
 */
#include "tests/unit/a64_fp_rig.h"

/* ---- Integers ---- */

struct int_case {
    const char *what;
    uint32_t insn;
    uint64_t n;
    uint32_t fpcr;
    uint64_t x;
    uint32_t fpsr;
};

/* FCVT*S W0, S1 is 0x1e200020 with rmode in 20:19 and opcode in 18:16; bit 31 X0, bit 22 D1. */
#define TO_W(rmode, opcode) (0x1e200020u | (rmode) << 19 | (opcode) << 16)
#define SF                  (1u << 31)

static void to_integers(void) /* FPToFixed() */
{
    // clang-format off
    static const struct int_case cases[] = {
        {"fcvtzs",            TO_W(3,            0),                                        0xc0200000,                                                      RN,0xfffffffe,IXC}, /* -2.5 */
        {"fcvtns",                   TO_W(0,                             0),                                              0xc0200000,                                                                               RN,0xfffffffe,IXC},
        {"fcvtas",                TO_W(0,                                 4),                                                                   0xc0200000,                                                                                                             RN,0xfffffffd,                                                        IXC},
        {"fcvtps",         TO_W(1,                       0),                                                                0xc0200000,                                                                                                                        RN,                                0xfffffffe,IXC},
        {"fcvtms",                 TO_W(2,                        0),                                                              0xc0200000,      RN,0xfffffffd,IXC},
        {"fcvtns",         TO_W(0,                        0),0x40600000,                                                 RN,                                                                                  4,                                                                                                                                                                                                                                           IXC}, /* 3.5 */
        {"fcvtas",                 TO_W(0, 4),                                               0x40200000,                                                             RN,3,IXC},
        {"fcvtas",TO_W(0,            4),0x3effffff,RN,                     0,                                                                                                                                                                                                                                                                                                                                                                                                                                                    IXC}, /* below 0.5: no double rounding */
        {"fcvtzu",            TO_W(3,                           1),                                                       0xbf7fffff,                                                                                                                RN,0,IXC}, /* -0.99 truncates to 0 */
        {"fcvtzu",                   TO_W(3,                             1),                                                     0xbf800000,                                                                                        RN,0,IOC},
        {"fcvtnu",                TO_W(0,                                 1),                                                                   0xbf400000,                                                                                                          RN,0,IOC}, /* -0.75 rounds to -1 */
        {"fcvtzs",                  TO_W(3,                                0),                                                                         0x4f000000,                                                                                                                                 RN,                                                                                     0x7fffffff,                                                                                                                                                                                                                                                                                                             IOC},
        {"fcvtzs",                 TO_W(3,                                 0),                                                                       0xcf000000,                             RN,0x80000000,0},
        {"fcvtzs",         TO_W(3,                        0),0xcf000001,RN,0x80000000,IOC},
        {"fcvtzu",                 TO_W(3,1),0x4f7fffff,RN,0xffffff00,0},
        {"fcvtzu",     TO_W(3,1),                                              0x4f800000,                                                                                                                                                                                                 RN,                                                                                                                                                                                                                                                                                                                                                                 0xffffffff,                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           IOC},
        {"fcvtzs",            TO_W(3,       0) | DBL,                                                       0x41dfffffffe00000,                                                                                                                                                    RN, 0x7fffffff,                                                                                                          IXC}, /* 2^31 - 0.5 */
        {"fcvtns",                   TO_W(0,                             0) | DBL,                                                            0x41dfffffffe00000,                                                                                                                             RN,0x7fffffff,IOC},
        {"fcvtzs",                TO_W(3,                                 0) | DBL | SF,                                                                   0xc3e0000000000000,                                                                                                                 RN,0x8000000000000000,0},
        {"fcvtzs",         TO_W(3,                       0) | DBL | SF,                                                                0x43e0000000000000,                                                                                                                        RN,0x7fffffffffffffff,IOC},
        {"fcvtzu",                 TO_W(3,                        1) | DBL | SF,                                                              0x43efffffffffffff, RN,0xfffffffffffff800,                                                                                                                                                                                             0},
        {"fcvtzu", TO_W(3,                1) | DBL | SF,0x43f0000000000000,RN,0xffffffffffffffff,                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          IOC},
        {"fcvtzs",      TO_W(3,0),0x7fc00000,RN,0,IOC},
        {"fcvtzs",TO_W(3,0),0xff800000, RN,0x80000000,IOC},
        {"fcvtzs",            TO_W(3,                       0),                                    0x80000001,                                                                                                             FZ,                         0,                                                                                                                                                                                IDC},
        {"fcvtps",                   TO_W(1,                             0),                                                           0x00000001,                                                                                                                                          RN,          1,                                                                                                                     IXC},
        {"fcvtps",                TO_W(1,                                 0),                                                                   0x00000001,                                                                                                                                FZ,0,                                         IDC},
        /* fixed point: scale 60 is 4 fraction bits, scale 0 is 64 */
        {"fcvtzs #4",         0x1e18f020,                       0xc0200000,                                                                RN,                                                                                                                        0xffffffd8,                                             0                                                                                                                                                                                                                                                                                                                       },
        {"fcvtzu #64",                 0x9e590020,                                 0x3fe0000000000000,                                                                       RN,                          0x8000000000000000,0},
        {"fmov w",         0x1e260020,                        0xdeadbeef87654321,      RN,0x87654321,0},
        {"fmov x",                 0x9e660020,0xdeadbeef87654321,RN,0xdeadbeef87654321,0},
        {"fmov top", 0x9eae0020,0,RN,0x7ff0000000000001,0},
    };
    // clang-format on
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        const struct int_case *c = &cases[i];
        cpu.x[0] = ~UINT64_C(0);
        cpu.v[1] = (union a64_vreg){
            .d = {c->n, 0x7ff0000000000001}
        };
        uint32_t fpsr = run(c->insn, c->fpcr);
        if (cpu.x[0] != c->x || fpsr != c->fpsr)
            printf("# %s %#" PRIx64 "\n", c->what, c->n);
        expect_u64(cpu.x[0], c->x);
        expect_u32(fpsr, c->fpsr);
    }
}

static void from_integers(void) /* FixedToFP() */
{
    // clang-format off
    static const struct int_case cases[] = {
        {"scvtf",     0x1e220020, 0xdeadbeef01000001, RN, 0x4b800000,         IXC}, /* 2^24 + 1 */
        {"scvtf",     0x1e220020, 0x01000001,         RP, 0x4b800001,         IXC},
        {"scvtf",     0x1e220020, 0xffffffff,         RN, 0xbf800000,         0  },
        {"ucvtf",     0x1e230020, 0xffffffff,         RN, 0x4f800000,         IXC},
        {"ucvtf",     0x1e230020, 0xffffffff,         RZ, 0x4f7fffff,         IXC},
        {"ucvtf",     0x9e630020, 0xffffffffffffffff, RN, 0x43f0000000000000, IXC},
        {"ucvtf",     0x9e630020, 0xffffffffffffffff, RM, 0x43efffffffffffff, IXC},
        {"scvtf",     0x9e620020, 0x8000000000000000, RN, 0xc3e0000000000000, 0  },
        {"scvtf",     0x9e620020, 0,                  RM, 0,                  0  },
        {"scvtf #4",  0x1e02f020, 0xffffffd8,         RN, 0xc0200000,         0  },
        {"ucvtf #64", 0x9e430020, 0x8000000000000000, RN, 0x3fe0000000000000, 0  },
        {"fmov s",    0x1e270020, 0xdeadbeef87654321, RN, 0x87654321,         0  },
        {"fmov d",    0x9e670020, 0xdeadbeef87654321, RN, 0xdeadbeef87654321, 0  },
    };
    // clang-format on
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        const struct int_case *c = &cases[i];
        memset(&cpu.v[0], 0xff, sizeof cpu.v[0]);
        cpu.x[1] = c->n;
        uint32_t fpsr = run(c->insn, c->fpcr);
        expect_u64(cpu.v[0].d[0], c->x);
        expect_u64(cpu.v[0].d[1], 0);
        expect_u32(fpsr, c->fpsr);
    }
    cpu.v[0] = (union a64_vreg){
        .d = {1, 2}
    }; /* FMOV V0.D[1], X1 keeps the lower half */
    cpu.x[1] = 3;
    run(0x9eaf0020, RN);
    expect_u64(cpu.v[0].d[0], 1);
    expect_u64(cpu.v[0].d[1], 3);
}

static void round_to_integral(void) /* FPRoundInt(); only FRINTX raises IXC */
{
    /* opcodes of FRINT* at bit 15: N P M Z A, X and I follow FPCR */
    static const struct {
        uint32_t in, n, p, m, z, a;
    } rows[] = {
        {0x3f000000, 0x00000000, 0x3f800000, 0x00000000, 0x00000000, 0x3f800000}, /* 0.5 */
        {0xbf000000, 0x80000000, 0x80000000, 0xbf800000, 0x80000000, 0xbf800000},
        {0x3fc00000, 0x40000000, 0x40000000, 0x3f800000, 0x3f800000, 0x40000000}, /* 1.5 */
        {0x40200000, 0x40000000, 0x40400000, 0x40000000, 0x40000000, 0x40400000}, /* 2.5 */
        {0xc0200000, 0xc0000000, 0xc0000000, 0xc0400000, 0xc0000000, 0xc0400000},
        {0x00000001, 0x00000000, 0x3f800000, 0x00000000, 0x00000000, 0x00000000},
        {0x4affffff, 0x4b000000, 0x4b000000, 0x4afffffe, 0x4afffffe, 0x4b000000}, /* 2^23 - 0.5 */
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        const uint32_t want[5] = {rows[i].n, rows[i].p, rows[i].m, rows[i].z, rows[i].a};
        for (unsigned k = 0; k < 5; k++) {
            struct outcome o = scalar(0x1e244020u + (k << 15), rows[i].in, 0, 0, RM);
            expect_u64(o.d, want[k]);
            expect_u32(o.fpsr, 0);
        }
        for (uint32_t rm = 0; rm < 4; rm++) { /* FPCR counts N P M Z, too */
            struct outcome o = scalar(0x1e274020, rows[i].in, 0, 0, rm << 22);
            expect_u64(o.d, want[rm]);
            expect_u32(o.fpsr, IXC);
            o = scalar(0x1e27c020, rows[i].in, 0, 0, rm << 22);
            expect_u64(o.d, want[rm]);
            expect_u32(o.fpsr, 0);
        }
    }
    // clang-format off
    static const struct vector_case same[] = {
        {"frintx", 0x1e274020, 0x4b000001,         0, 0, RN, 0x4b000001,         0  },
        {"frintx", 0x1e274020, 0xff800000,         0, 0, RN, 0xff800000,         0  },
        {"frintx", 0x1e274020, 0x80000000,         0, 0, RP, 0x80000000,         0  },
        {"frintx", 0x1e274020, 0x7f800001,         0, 0, RN, 0x7fc00001,         IOC},
        {"frintx", 0x1e674020, 0x3ff8000000000000, 0, 0, RN, 0x4000000000000000, IXC},
        {"frintx", 0x1e674020, 0x0000000000000001, 0, 0, FZ, 0,                  IDC},
    };
    // clang-format on
    check_cases(same, ARRAY_LEN(same));
}

/* ---- Half precision ---- */

/* The value of a half's bits as a single, by arithmetic on fields; `alt`: no infinities and NaNs.
 */
static uint32_t half_as_single(uint32_t h, bool alt)
{
    uint32_t sign = h >> 15 << 31, e = h >> 10 & 31, frac = h & 0x3ff;
    if (e == 31 && !alt)
        return sign | 0x7f800000 | (frac ? 0x400000 : 0) | frac << 13;
    if (e)
        return sign | (e + 112) << 23 | frac << 13;
    float v = (float)frac / 16777216.0f; /* frac * 2^-24: exact */
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return sign | bits;
}

static void every_half(void) /* FPConvert() from half: exact, NaNs made quiet */
{
    for (uint32_t h = 0; h < 0x10000; h++)
        for (unsigned alt = 0; alt < 2; alt++) {
            bool nan = (h & 0x7fff) > 0x7c00 && !alt, snan = nan && !(h & 0x200);
            uint32_t want = half_as_single(h, alt);
            struct outcome o = scalar(FCVT_S_H, 0xffff0000 | h, 0, 0, alt ? AHP : 0);
            struct outcome d = scalar(FCVT_D_H, h, 0, 0, alt ? AHP : 0);
            struct outcome wide = scalar(FCVT_D_S, want, 0, 0, 0);
            if (o.d != want || d.d != wide.d || o.fpsr != (snan ? IOC : 0) || d.fpsr != o.fpsr) {
                printf("# half %#x\n", h);
                expect_true(false);
                return;
            }
            /* and back: the same half (a NaN is quiet now) */
            struct outcome back = scalar(FCVT_H_S, want, 0, 0, alt ? AHP : 0);
            struct outcome back_d = scalar(FCVT_H_D, wide.d, 0, 0, alt ? AHP : 0);
            uint32_t again = nan ? h | 0x200 : h;
            if (back.d != again || back_d.d != again || back.fpsr || back_d.fpsr) {
                printf("# to half %#x\n", h);
                expect_true(false);
                return;
            }
        }
}

/* Between each half and the next: just above it, the middle, just below the next, in every mode. */
static void every_gap_between_halves(void)
{
    for (uint32_t h = 0; h < 0x7bff; h++) {
        uint32_t lo = half_as_single(h, false), hi = half_as_single(h + 1, false);
        float a, b, mid;
        memcpy(&a, &lo, sizeof a);
        memcpy(&b, &hi, sizeof b);
        mid = a + (b - a) / 2;
        uint32_t middle;
        memcpy(&middle, &mid, sizeof middle);
        const struct {
            uint32_t in, nearest;
        } points[] = {
            {lo + 1,     h          },
            {middle - 1, h          },
            {middle,     h + (h & 1)},
            {middle + 1, h + 1      },
            {hi - 1,     h + 1      }
        };
        uint32_t flags = IXC | (h < 0x400 ? UFC : 0);
        for (unsigned i = 0; i < ARRAY_LEN(points); i++)
            for (uint32_t neg = 0; neg < 2; neg++)
                for (uint32_t rm = 0; rm < 4; rm++) {
                    uint32_t up = rm == 1 ? !neg : rm == 2 ? neg : 0;
                    uint32_t want = (rm ? h + up : points[i].nearest) | neg << 15;
                    if (h == 0 && i == 0 && lo == 0)
                        continue; /* a denormal single: in flush_to_zero() */
                    struct outcome o = scalar(FCVT_H_S, points[i].in | neg << 31, 0, 0, rm << 22);
                    if (o.d != want || o.fpsr != flags) {
                        printf("# %#x mode %u: %#" PRIx64 " %#x\n", points[i].in, rm, o.d, o.fpsr);
                        expect_true(false);
                        return;
                    }
                }
    }
}

static void conversions_between_formats(void) /* FPConvert() */
{
    // clang-format off
    static const struct vector_case cases[] = {
        {"fcvt",   FCVT_H_S, 0x477fefff,         0, 0, RN,  0x7bff,             IXC      }, /* below 65520 */
        {"fcvt",   FCVT_H_S, 0x477ff000,         0, 0, RN,  0x7c00,             OFC | IXC},
        {"fcvt",   FCVT_H_S, 0x477ff000,         0, 0, RZ,  0x7bff,             IXC      },
        {"fcvt",   FCVT_H_S, 0x47800000,         0, 0, RZ,  0x7bff,             OFC | IXC},
        {"fcvt",   FCVT_H_S, 0x47800000,         0, 0, AHP, 0x7c00,             0        }, /* 65536 is a number there */
        {"fcvt",   FCVT_H_S, 0x47ffe000,         0, 0, AHP, 0x7fff,             0        },
        {"fcvt",   FCVT_H_S, 0xc8000000,         0, 0, AHP, 0xffff,             IOC      }, /* too large: IOC only */
        {"fcvt",   FCVT_H_S, 0xff800000,         0, 0, AHP, 0xffff,             IOC      },
        {"fcvt",   FCVT_H_S, 0xffc00000,         0, 0, AHP, 0x8000,             IOC      },
        {"fcvt",   FCVT_H_S, 0x7f802000,         0, 0, RN,  0x7e01,             IOC      },
        {"fcvt",   FCVT_H_S, 0x7f802000,         0, 0, DN,  0x7e00,             IOC      },
        {"fcvt",   FCVT_S_H, 0xfc01,             0, 0, DN,  0x7fc00000,         IOC      },
        {"fcvt",   FCVT_S_D, 0x7ff0000020000000, 0, 0, RN,  0x7fc00001,         IOC      },
        {"fcvt",   FCVT_D_S, 0xff800001,         0, 0, RN,  0xfff8000020000000, IOC      },
        {"fcvt",   FCVT_D_S, 0x00000001,         0, 0, RN,  0x36a0000000000000, 0        },
        {"fcvt",   FCVT_D_S, 0x00000001,         0, 0, FZ,  0,                  IDC      },
        {"fcvt",   FCVT_S_D, 0x47effffff0000000, 0, 0, RN,  0x7f800000,         OFC | IXC},
        {"fcvt",   FCVT_S_D, 0x47efffffefffffff, 0, 0, RN,  0x7f7fffff,         IXC      },
        {"fcvt",   FCVT_S_D, 0x3690000000000000, 0, 0, RN,  0,                  UFC | IXC},
        /* FCVTXN: to odd, which keeps that something was cut off */
        {"fcvtxn", FCVTXN,   0x3ff0000000000001, 0, 0, RN,  0x3f800001,         IXC      },
        {"fcvtxn", FCVTXN,   0x3ff0000030000000, 0, 0, RN,  0x3f800001,         IXC      },
        {"fcvtxn", FCVTXN,   0x3ff0000020000000, 0, 0, RN,  0x3f800001,         0        },
        {"fcvtxn", FCVTXN,   0x47f0000000000000, 0, 0, RP,  0x7f7fffff,         OFC | IXC},
        {"fcvtxn", FCVTXN,   0x0000000000000001, 0, 0, RN,  0x00000001,         UFC | IXC},
    };
    // clang-format on
    check_cases(cases, ARRAY_LEN(cases));
}

static const struct tap_test tests[] = {
    TAP_TEST(to_integers),
    TAP_TEST(from_integers),
    TAP_TEST(round_to_integral),
    TAP_TEST(every_half),
    TAP_TEST(every_gap_between_halves),
    TAP_TEST(conversions_between_formats),
};

TAP_MAIN(tests)
