// SPDX-License-Identifier: MIT
/*
 * test_a64_fp.c - floating-point arithmetic, comparison and estimates of the software CPU.
 *
 * Expected values come from the pseudocode of Arm ARM DDI 0487J.a (shared/functions/float), worked
 * out by hand.
 */
#include "tests/unit/a64_fp_rig.h"

/* ---- Special values: every pair of +0 -0 +1 -1 +inf -inf QNaN SNaN, in both sizes ---- */

static const char classes[] = "ZzPMIiQS";

static uint64_t value_of(const struct fp_fmt *f, char c)
{
    uint64_t one = (BIT(f->e - 1) - 1) << f->f, sign = BIT(f->n - 1);
    switch (c) {
    case 'Z':
        return 0;
    case 'z':
        return sign;
    case 'P':
        return one;
    case 'M':
        return one | sign;
    case '2':
        return BIT(f->n - 2);
    case 't':
        return BIT(f->n - 2) | sign;
    case '3':
        return BIT(f->n - 2) | BIT(f->f - 1);
    case 'h': /* 1.5 */
        return one | BIT(f->f - 1);
    case 'I':
    case 'D':
        return fp_inf(f);
    case 'i':
    case 'd':
        return fp_inf(f) | sign;
    case 'Q':
        return fp_inf(f) | BIT(f->f - 1) | 0x123 | sign;
    case 'S':
        return fp_inf(f) | 0x456;
    case '1':
        return BIT(f->n - 1) | (BIT(f->n - 1) - 1);
    case 'N':
        return fp_inf(f) | BIT(f->f - 1);
    default:
        return 0;
    }
}

/*
 * Rows are the first operand, columns the second, both in the order of `classes`. An entry is a
 * value, or N invalid: the default NaN with IOC; D d division by zero: infinity with DZC; v false
 * with IOC; a b the NaN operand, made quiet; n as a, its sign changed; x y the operand itself.
 */
struct matrix {
    const char *name;
    uint32_t insn;
    const char *rows[8];
};

#define NAN_ROWS "aaaaaaab", "aaaaaaaa"
// clang-format off
static const struct matrix matrices[] = {
    {"fadd",
     FADD,    {"ZZPMIibb", "ZzPMIibb", "PP2ZIibb", "MMZtIibb", "IIIIINbb", "iiiiNibb", NAN_ROWS}},
    {"fsub",
     FSUB,    {"ZZMPiIbb", "zZMPiIbb", "PPZ2iIbb", "MMtZiIbb", "IIIINIbb", "iiiiiNbb", NAN_ROWS}},
    {"fmul",
     FMUL,    {"ZzZzNNbb", "zZzZNNbb", "ZzPMIibb", "zZMPiIbb", "NNIiIibb", "NNiIiIbb", NAN_ROWS}},
    {"fdiv",
     FDIV,    {"NNZzZzbb", "NNzZzZbb", "DdPMZzbb", "dDMPzZbb", "IiIiNNbb", "iIiINNbb", NAN_ROWS}},
    {"fmulx",
     FMULX,   {"ZzZz2tbb", "zZzZt2bb", "ZzPMIibb", "zZMPiIbb", "2tIiIibb", "t2iIiIbb", NAN_ROWS}},
    {"fmax",
     FMAX,    {"ZZPZIZbb", "ZzPzIzbb", "PPPPIPbb", "ZzPMIMbb", "IIIIIIbb", "ZzPMIibb", NAN_ROWS}},
    {"fmin",
     FMIN,    {"ZzZMZibb", "zzzMzibb", "ZzPMPibb", "MMMMMibb", "ZzPMIibb", "iiiiiibb", NAN_ROWS}},
    {"fmaxnm",
     FMAXNM,  {"ZZPZIZxb", "ZzPzIzxb", "PPPPIPxb", "ZzPMIMxb", "IIIIIIxb", "ZzPMIixb", "yyyyyyab",
      "aaaaaaaa"}                                                                   },
    {"fminnm",
     FMINNM,  {"ZzZMZixb", "zzzMzixb", "ZzPMPixb", "MMMMMixb", "ZzPMIixb", "iiiiiixb", "yyyyyyab",
      "aaaaaaaa"}                                                                   },
    {"frecps",
     FRECPS,  {"222222bb", "222222bb", "22P3iIbb", "223PIibb", "22iIiIbb", "22IiIibb", "nnnnnnnb",
      "nnnnnnnn"}                                                                   },
    {"frsqrts",
     FRSQRTS, {"hhhhhhbb", "hhhhhhbb", "hhP2iIbb", "hh2PIibb", "hhiIiIbb", "hhIiIibb", "nnnnnnnb",
      "nnnnnnnn"}                                                                  },
    {"fcmeq",
     FCMEQ,   {"110000-v", "110000-v", "001000-v", "000100-v", "000010-v", "000001-v", "-------v",
      "vvvvvvvv"}                                                                    },
    {"fcmge",
     FCMGE,   {"110101vv", "110101vv", "111101vv", "000101vv", "111111vv", "000001vv", "vvvvvvvv",
      "vvvvvvvv"}                                                                    },
    {"fcmgt",
     FCMGT,   {"000101vv", "000101vv", "110101vv", "000001vv", "111101vv", "000000vv", "vvvvvvvv",
      "vvvvvvvv"}                                                                    },
    {"facge",
     FACGE,   {"110000vv", "110000vv", "111100vv", "111100vv", "111111vv", "111111vv", "vvvvvvvv",
      "vvvvvvvv"}                                                                    },
};
// clang-format on

static void check_matrix(const struct matrix *t, const struct fp_fmt *f)
{
    uint64_t quiet = BIT(f->f - 1);
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < 8; j++) {
            char c = t->rows[i][j];
            bool snan = classes[i] == 'S' || classes[j] == 'S';
            uint64_t a = value_of(f, classes[i]), b = value_of(f, classes[j]),
                     want = value_of(f, c);
            uint32_t flags = c == 'N' || c == 'v' ? IOC : c == 'D' || c == 'd' ? DZC : 0;
            if (strchr("abn", c)) {
                want = (c == 'b' ? b : a) | quiet;
                want ^= c == 'n' ? fp_sign(f) : 0;
                flags = snan ? IOC : 0;
            } else if (c == 'x' || c == 'y') {
                want = c == 'x' ? a : b;
            }
            uint32_t insn = t->insn | (f->n == 64 ? DBL : 0);
            struct outcome o = scalar(insn, a, b, 0, RN);
            if (o.d != want || o.fpsr != flags)
                printf("# %s.%u %c %c\n", t->name, f->n, classes[i], classes[j]);
            expect_u64(o.d, want);
            expect_u32(o.fpsr, flags);
            /* FPCR.DN: a NaN result is the default NaN, with the same flags (FPProcessNaN()). */
            if (strchr("abn", c)) {
                o = scalar(insn, a, b, 0, DN);
                expect_u64(o.d, fp_default_nan(f));
                expect_u32(o.fpsr, flags);
            }
        }
}

static void special_values(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(matrices); i++) {
        check_matrix(&matrices[i], &fp_f32);
        check_matrix(&matrices[i], &fp_f64);
    }
}

/* ---- Rounding, overflow, underflow ---- */

static void rounding_modes(void) /* FPRoundBase() */
{
    // clang-format off
    static const struct vector_case cases[] = {
  /* 1 + 2^-24: a tie, to even */
        {"fadd",   FADD,        0x3f800000,         0x33800000,         0,          RN, 0x3f800000,         IXC      },
        {"fadd",   FADD,        0x3f800000,         0x33800000,         0,          RP, 0x3f800001,         IXC      },
        {"fadd",   FADD,        0x3f800000,         0x33800000,         0,          RM, 0x3f800000,         IXC      },
        {"fadd",   FADD,        0x3f800000,         0x33800000,         0,          RZ, 0x3f800000,         IXC      },
        {"fadd",   FADD,        0x3f800001,         0x33800000,         0,          RN, 0x3f800002,         IXC      },
        {"fadd",   FADD,        0xbf800000,         0xb3800000,         0,          RP, 0xbf800000,         IXC      },
        {"fadd",   FADD,        0xbf800000,         0xb3800000,         0,          RM, 0xbf800001,         IXC      },
        {"fdiv",   FDIV,        0x3f800000,         0x40400000,         0,          RN, 0x3eaaaaab,         IXC      },
        {"fdiv",   FDIV,        0x3f800000,         0x40400000,         0,          RZ, 0x3eaaaaaa,         IXC      },
        {"fdiv",   FDIV | DBL,  0x3ff0000000000000, 0x4008000000000000, 0,          RN, 0x3fd5555555555555,
         IXC                                                                                                         },
        {"fdiv",   FDIV | DBL,  0x3ff0000000000000, 0x4008000000000000, 0,          RP, 0x3fd5555555555556,
         IXC                                                                                                         },
        {"fsqrt",  FSQRT,       0x40000000,         0,                  0,          RN, 0x3fb504f3,         IXC      },
        {"fsqrt",  FSQRT,       0x40000000,         0,                  0,          RP, 0x3fb504f4,         IXC      },
        {"fsqrt",  FSQRT | DBL, 0x4000000000000000, 0,                  0,          RN, 0x3ff6a09e667f3bcd, IXC      },
        {"fsqrt",  FSQRT | DBL, 0x4000000000000000, 0,                  0,          RZ, 0x3ff6a09e667f3bcc, IXC      },
        {"fsqrt",  FSQRT,       0x40800000,         0,                  0,          RN, 0x40000000,         0        },
        {"fsqrt",  FSQRT,       0x80000000,         0,                  0,          RN, 0x80000000,         0        },
        {"fsqrt",  FSQRT,       0xbf800000,         0,                  0,          RN, 0x7fc00000,         IOC      },
        {"fsqrt",  FSQRT,       0x00000002,         0,                  0,          RN, 0x1a800000,         0        }, /* 2^-148 */
  /* an exact 0 of unlike signs */
        {"fsub",   FSUB,        0x3f800000,         0x3f800000,         0,          RN, 0,                  0        },
        {"fsub",   FSUB,        0x3f800000,         0x3f800000,         0,          RM, 0x80000000,         0        },
        {"fmadd",  FMADD,       0x3f800000,         0xbf800000,         0x3f800000, RM, 0x80000000,         0        },
        {"frecps", FRECPS,      0x40000000,         0x3f800000,         0,          RM, 0x80000000,         0        },
        /* overflow */
        {"fadd",   FADD,        0x7f7fffff,         0x7f7fffff,         0,          RN, 0x7f800000,         OFC | IXC},
        {"fadd",   FADD,        0x7f7fffff,         0x7f7fffff,         0,          RP, 0x7f800000,         OFC | IXC},
        {"fadd",   FADD,        0x7f7fffff,         0x7f7fffff,         0,          RM, 0x7f7fffff,         OFC | IXC},
        {"fadd",   FADD,        0x7f7fffff,         0x7f7fffff,         0,          RZ, 0x7f7fffff,         OFC | IXC},
        {"fadd",   FADD,        0xff7fffff,         0xff7fffff,         0,          RP, 0xff7fffff,         OFC | IXC},
        {"fadd",   FADD,        0xff7fffff,         0xff7fffff,         0,          RM, 0xff800000,         OFC | IXC},
        {"fadd",   FADD,        0x7f7fffff,         0x73000000,         0,          RN, 0x7f800000,         OFC | IXC}, /* half an ulp */
        {"fadd",   FADD,        0x7f7fffff,         0x72ffffff,         0,          RN, 0x7f7fffff,         IXC      },
        /* underflow: half of the smallest denormal; exact denormals raise nothing */
        {"fmul",   FMUL,        0x00000001,         0x3f000000,         0,          RN, 0,                  UFC | IXC},
        {"fmul",   FMUL,        0x00000001,         0x3f000000,         0,          RP, 1,                  UFC | IXC},
        {"fmul",   FMUL,        0x80000001,         0x3f000000,         0,          RM, 0x80000001,         UFC | IXC},
        {"fmul",   FMUL,        0x00000003,         0x3f000000,         0,          RN, 2,                  UFC | IXC},
        {"fmul",   FMUL,        0x00000002,         0x3f000000,         0,          RN, 1,                  0        },
        {"fadd",   FADD,        0x00000001,         0x007fffff,         0,          RN, 0x00800000,         0        },
    };
    // clang-format on
    check_cases(cases, ARRAY_LEN(cases));
}

/* UFC is for results tiny before rounding (FPRoundBase()): here they round up to the smallest
 * normal. */
static void tininess_is_before_rounding(void)
{
    // clang-format off
    static const struct vector_case cases[] = {
        {"fmul",  FMUL,        0x3f7ffffe,         0x00800001,         0,                  RN, 0x00800000,
         UFC | IXC                                                                                                          }, /* 2^-126 (1 - 2^-46) */
        {"fmul",  FMUL,        0x3f7ffffe,         0x00800001,         0,                  RZ, 0x007fffff,         UFC | IXC},
        {"fmul",  FMUL | DBL,  0x3feffffffffffffe, 0x0010000000000001, 0,                  RN, 0x0010000000000000,
         UFC | IXC                                                                                                          },
        {"fmul",  FMUL,        0x3f800000,         0x00800000,         0,                  RN, 0x00800000,         0        },
        {"fmadd", FMADD,       0x19800000,         0x99800000,         0x00800000,         RN, 0x00800000,         UFC | IXC},
        {"fmadd", FMADD | DBL, 0x1e50000000000000, 0x9e50000000000000, 0x0010000000000000, RN,
         0x0010000000000000,                                                                                       UFC | IXC},
        /* no quotient is that close: the largest below 2^-126 is just under the middle */
        {"fdiv",  FDIV,        0x00fffffe,         0x3fffffff,         0,                  RN, 0x007fffff,         UFC | IXC},
        {"fcvt",  FCVT_S_D,    0x380fffffffffffff, 0,                  0,                  RN, 0x00800000,         UFC | IXC},
        {"fcvt",  FCVT_H_S,    0x387fffff,         0,                  0,                  RN, 0x0400,             UFC | IXC},
    };
    // clang-format on
    check_cases(cases, ARRAY_LEN(cases));
}

static void flush_to_zero(void) /* FPUnpackBase(), FPRoundBase() with FPCR.FZ */
{
    // clang-format off
    static const struct vector_case cases[] = {
        {"fadd",   FADD,       0x00000001,         0,                  0, FZ, 0,          IDC      },
        {"fadd",   FADD,       0x80000001,         0x80000000,         0, FZ, 0x80000000, IDC      },
        {"fadd",   FADD,       0x00000001,         0x7fc00000,         0, FZ, 0x7fc00000, IDC      },
        {"fmul",   FMUL,       0x00800000,         0x3f000000,         0, FZ, 0,          UFC      },
        {"fmul",   FMUL,       0x80800000,         0x3f000000,         0, FZ, 0x80000000, UFC      },
        {"fmul",   FMUL,       0x3f7ffffe,         0x00800001,         0, FZ, 0,          UFC      },
        {"fsub",   FSUB | DBL, 0x0010000000000001, 0x0010000000000000, 0, FZ, 0,          UFC      },
        {"fdiv",   FDIV,       0x3f800000,         0x00000001,         0, FZ, 0x7f800000, IDC | DZC},
        {"fmax",   FMAX,       0x00000001,         0x80000000,         0, FZ, 0,          IDC      },
        {"fmax",   FMAX,       0x80000001,         0xbf800000,         0, FZ, 0x80000000, IDC      },
        {"fcmeq",  FCMEQ,      0x00000001,         0x80000000,         0, FZ, 0xffffffff, IDC      },
        {"fcvt",   FCVT_S_D,   0x3800000000000000, 0,                  0, FZ, 0,          UFC      },
        {"fcvt",   FCVT_H_S,   0x33800000,         0,                  0, FZ, 1,          0        }, /* halves are never flushed */
        {"fcvt",   FCVT_S_H,   0x0001,             0,                  0, FZ, 0x33800000, 0        },
        {"fcvt",   FCVT_H_S,   0x00000001,         0,                  0, FZ, 0,          IDC      },
        {"fabs",   FABS,       0x80000001,         0,                  0, FZ, 1,          0        }, /* not arithmetic */
        {"frecpe", FRECPE,     0x00000001,         0,                  0, FZ, 0x7f800000, IDC | DZC},
        {"frecpe", FRECPE,     0xfe800000,         0,                  0, FZ, 0x80000000, UFC      }, /* 2^126 */
    };
    // clang-format on
    check_cases(cases, ARRAY_LEN(cases));
}

static void fused_multiply_add(void) /* FPMulAdd(); which operands FMSUB, FNMADD, FNMSUB negate */
{
    // clang-format off
    static const struct vector_case cases[] = {
        {"fmadd",   FMADD,       0x40000000,         0x40400000,         0x3f800000,         RN, 0x40e00000, 0        }, /* 2*3 + 1 */
        {"fmsub",   FMSUB,       0x40000000,         0x40400000,         0x3f800000,         RN, 0xc0a00000, 0        }, /* 1 - 6 */
        {"fnmadd",  FNMADD,      0x40000000,         0x40400000,         0x3f800000,         RN, 0xc0e00000, 0        }, /* -1 - 6 */
        {"fnmsub",  FNMSUB,      0x40000000,         0x40400000,         0x3f800000,         RN, 0x40a00000, 0        }, /* 6 - 1 */
  /* one rounding: (1 + 2^-23)^2 - (1 + 2^-22) = 2^-46 */
        {"fmadd",   FMADD,       0x3f800001,         0x3f800001,         0xbf800002,         RN, 0x28800000, 0        },
        {"fmadd",   FMADD | DBL, 0x3ff0000000000001, 0x3ff0000000000001, 0xbff0000000000002, RN,
         0x3970000000000000,                                                                                 0        },
        /* infinity by 0 with a quiet NaN to add: the default NaN and IOC */
        {"fmadd",   FMADD,       0x7f800000,         0,                  0xffc12345,         RN, 0x7fc00000, IOC      },
        {"fmadd",   FMADD,       0,                  0xff800000,         0x7fc12345,         RN, 0x7fc00000, IOC      },
        {"fmadd",   FMADD,       0x7f800000,         0,                  0x7f812345,         RN, 0x7fc12345, IOC      },
        {"fmadd",   FMADD,       0x7f800000,         0,                  0x3f800000,         RN, 0x7fc00000, IOC      },
        {"fmadd",   FMADD,       0x7f800000,         0x3f800000,         0xff800000,         RN, 0x7fc00000, IOC      },
        {"fmadd",   FMADD,       0x7f800000,         0x3f800000,         0x7f800000,         RN, 0x7f800000, 0        },
        /* NaN priority: signaling first, then addend, Vn, Vm */
        {"fmadd",   FMADD,       0x7fc00001,         0x7fc00002,         0x7fc00003,         RN, 0x7fc00003, 0        },
        {"fmadd",   FMADD,       0x7fc00001,         0x7fc00002,         0x3f800000,         RN, 0x7fc00001, 0        },
        {"fmadd",   FMADD,       0x7fc00001,         0x7f800002,         0x7fc00003,         RN, 0x7fc00002, IOC      },
        /* negation comes before, so NaNs change their sign */
        {"fmsub",   FMSUB,       0x7fc00001,         0x3f800000,         0x3f800000,         RN, 0xffc00001, 0        },
        {"fmsub",   FMSUB,       0x3f800000,         0x7fc00002,         0x3f800000,         RN, 0x7fc00002, 0        },
        {"fnmadd",  FNMADD,      0x3f800000,         0x3f800000,         0x7fc00003,         RN, 0xffc00003, 0        },
        {"fnmadd",  FNMADD,      0x7fc00001,         0x3f800000,         0x3f800000,         RN, 0xffc00001, 0        },
        {"fnmsub",  FNMSUB,      0x7fc00001,         0x3f800000,         0x3f800000,         RN, 0x7fc00001, 0        },
        {"fnmsub",  FNMSUB,      0x3f800000,         0x3f800000,         0x7fc00003,         RN, 0xffc00003, 0        },
        {"fnmul",   FNMUL,       0x7fc00001,         0x3f800000,         0,                  RN, 0xffc00001, 0        },
        {"fnmul",   FNMUL,       0x7f800000,         0,                  0,                  RN, 0xffc00000, IOC      },
        {"fnmul",   FNMUL,       0x40000000,         0x40400000,         0,                  RN, 0xc0c00000, 0        },
        {"fabd",    FABD,        0xffc00001,         0x3f800000,         0,                  RN, 0x7fc00001, 0        },
        {"fabd",    FABD,        0x3f800000,         0x40400000,         0,                  RN, 0x40000000, 0        },
        {"fmov",    FMOV,        0x7f812345,         0,                  0,                  RN, 0x7f812345, 0        },
        {"fneg",    FNEG,        0x7f812345,         0,                  0,                  DN, 0xff812345, 0        },
        {"frecps",  FRECPS,      0x3f800001,         0x3f7fffff,         0,                  RN, 0x3f7fffff, IXC      }, /* 1 - 2^-24 + 2^-47 */
        {"frsqrts", FRSQRTS,     0x7f000000,         0x7f000000,         0,                  RZ, 0xff7fffff, OFC | IXC},
        {"frsqrts", FRSQRTS,     0x7f000000,         0x40000000,         0,                  RN, 0xff000000,
         IXC                                                                                                          }, /* halved before rounding */
    };
    // clang-format on
    check_cases(cases, ARRAY_LEN(cases));
}

static void estimates(void) /* FPRecipEstimate(), FPRSqrtEstimate(), FPRecpX() */
{
    // clang-format off
    static const struct vector_case cases[] = {
        {"frecpe",  FRECPE,        0x3f800000,         0, 0, RN, 0x3f7f8000,         0        },
        {"frecpe",  FRECPE,        0xc0000000,         0, 0, RN, 0xbeff8000,         0        },
        {"frecpe",  FRECPE | DBL,  0x3ff0000000000000, 0, 0, RN, 0x3feff00000000000, 0        },
        {"frecpe",  FRECPE,        0x00200000,         0, 0, RN, 0x7f7f8000,         0        }, /* 2^-128 */
        {"frecpe",  FRECPE,        0x001fffff,         0, 0, RN, 0x7f800000,         OFC | IXC},
        {"frecpe",  FRECPE,        0x801fffff,         0, 0, RP, 0xff7fffff,         OFC | IXC},
        {"frecpe",  FRECPE,        0x001fffff,         0, 0, RZ, 0x7f7fffff,         OFC | IXC},
        {"frecpe",  FRECPE,        0x7e800000,         0, 0, RN, 0x007fc000,         0        }, /* 2^126: exponent 0 */
        {"frecpe",  FRECPE,        0x7f000000,         0, 0, RN, 0x003fe000,         0        }, /* 2^127: exponent -1 */
        {"frecpe",  FRECPE,        0x80000000,         0, 0, RN, 0xff800000,         DZC      },
        {"frecpe",  FRECPE,        0xff800000,         0, 0, RN, 0x80000000,         0        },
        {"frecpe",  FRECPE,        0x7f800001,         0, 0, RN, 0x7fc00001,         IOC      },
        {"frsqrte", FRSQRTE,       0x3f800000,         0, 0, RN, 0x3f7f8000,         0        },
        {"frsqrte", FRSQRTE | DBL, 0x3ff0000000000000, 0, 0, RN, 0x3feff00000000000, 0        },
        {"frsqrte", FRSQRTE,       0x40800000,         0, 0, RN, 0x3eff8000,         0        },
        {"frsqrte", FRSQRTE,       0x80000000,         0, 0, RN, 0xff800000,         DZC      },
        {"frsqrte", FRSQRTE,       0xbf800000,         0, 0, RN, 0x7fc00000,         IOC      },
        {"frsqrte", FRSQRTE,       0xff800000,         0, 0, RN, 0x7fc00000,         IOC      },
        {"frsqrte", FRSQRTE,       0x7f800000,         0, 0, RN, 0,                  0        },
        {"frecpx",  FRECPX,        0x3f812345,         0, 0, RN, 0x40000000,         0        }, /* exponent 127 inverted: 128 */
        {"frecpx",  FRECPX,        0x80000001,         0, 0, RN, 0xff000000,         0        },
        {"frecpx",  FRECPX,        0xff800000,         0, 0, RN, 0x80000000,         0        },
        {"frecpx",  FRECPX | DBL,  0,                  0, 0, RN, 0x7fe0000000000000, 0        },
        {"urecpe",  0x0ea1c820,    0x7fffffff80000000, 0, 0, RN, 0xffffffffff800000, 0        },
        {"ursqrte", 0x2ea1c820,    0x3fffffff40000000, 0, 0, RN, 0xffffffffff800000, 0        },
    };
    // clang-format on
    check_cases(cases, ARRAY_LEN(cases));
}

/* ---- Compare, select, immediate ---- */

static void compares(void) /* FPCompare(): NZCV and when a quiet NaN is invalid */
{
    static const struct {
        uint32_t n, m, nzcv, fcmp, fcmpe;
    } rows[] = {
        {0x3f800000, 0x3f800000, 0x60000000, 0,   0  },
        {0,          0x80000000, 0x60000000, 0,   0  },
        {0x3f800000, 0x40000000, 0x80000000, 0,   0  },
        {0x40000000, 0x3f800000, 0x20000000, 0,   0  },
        {0xff800000, 0x7f800000, 0x80000000, 0,   0  },
        {0xbf800000, 0xc0000000, 0x20000000, 0,   0  },
        {0x7fc00000, 0x3f800000, 0x30000000, 0,   IOC},
        {0x3f800000, 0x7fc00000, 0x30000000, 0,   IOC},
        {0x7f800001, 0x3f800000, 0x30000000, IOC, IOC},
        {1,          0x80000001, 0x20000000, 0,   0  },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (uint32_t e = 0; e < 2; e++) {
            cpu.v[1] = (union a64_vreg){.s = {rows[i].n}};
            cpu.v[2] = (union a64_vreg){.s = {rows[i].m}};
            uint32_t want = e ? rows[i].fcmpe : rows[i].fcmp;
            expect_u32(run(0x1e222020 | e << 4, RN), want); /* FCMP, FCMPE S1, S2 */
            expect_u32(a64_nzcv(&cpu), rows[i].nzcv);
            /* FCCMP, FCCMPE S1, S2, #5, AL and NV always compare */
            a64_nzcv_set(&cpu, 0);
            expect_u32(run(0x1e22e425 | e << 4, RN), want);
            expect_u32(a64_nzcv(&cpu), rows[i].nzcv);
            /* with a condition that fails (EQ, Z clear): the immediate, and no flags */
            a64_nzcv_set(&cpu, 0);
            expect_u32(run(0x1e220425 | e << 4, RN), 0);
            expect_u32(a64_nzcv(&cpu), 0x50000000);
        }
    cpu.v[1] = (union a64_vreg){
        .d = {0x8000000000000000, 1}
    };
    expect_u32(run(0x1e602028, RN), 0); /* FCMP D1, #0.0 */
    expect_u32(a64_nzcv(&cpu), 0x60000000);
    cpu.v[1].d[0] = 0x7ff8000000000000;
    expect_u32(run(0x1e602038, RN), IOC); /* FCMPE D1, #0.0 */
    expect_u32(a64_nzcv(&cpu), 0x30000000);
    cpu.v[1].d[0] = 1;
    expect_u32(run(0x1e602028, FZ), IDC);
    expect_u32(a64_nzcv(&cpu), 0x60000000);
}

static void select_and_immediate(void) /* FCSEL; VFPExpandImm() */
{
    // clang-format off
    static const struct vector_case cases[] = {
        {"fmov 2.0",     0x1e201000, 0, 0, 0, RN, 0x40000000,         0},
        {"fmov 1.0",     0x1e2e1000, 0, 0, 0, RN, 0x3f800000,         0},
        {"fmov -1.9375", 0x1e3ff000, 0, 0, 0, RN, 0xbff80000,         0},
        {"fmov 0.125",   0x1e281000, 0, 0, 0, RN, 0x3e000000,         0},
        {"fmov 31.0",    0x1e67f000, 0, 0, 0, RN, 0x403f000000000000, 0},
        {"fmov 1.0",     0x1e6e1000, 0, 0, 0, RN, 0x3ff0000000000000, 0},
        {"fcsel al",     0x1e62ec20, 1, 2, 0, RN, 1,                  0},
        {"fcsel nv",     0x1e62fc20, 1, 2, 0, RN, 1,                  0},
    };
    // clang-format on
    check_cases(cases, ARRAY_LEN(cases));
    a64_nzcv_set(&cpu, 0x40000000);
    expect_u64(scalar(0x1e620c20, 1, 2, 0, RN).d, 1); /* FCSEL D0, D1, D2, EQ */
    expect_u64(scalar(0x1e621c20, 1, 2, 0, RN).d, 2); /* NE */
}

/* ---- The host's arithmetic against the exact functions ---- */

static uint64_t seed = 88172645463325252u;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Numbers near what matters: bounds of the exponent, short fractions, specials. */
static uint64_t operand(const struct fp_fmt *f)
{
    uint64_t r = next(), frac = next() & (BIT(f->f) - 1), sign = r & 1 ? fp_sign(f) : 0;
    uint64_t top = BIT(f->e) - 1, bias = top / 2;
    if (r & 2)
        frac &= ~UINT64_C(0) << (r >> 8) % f->f;
    switch (r >> 2 & 3) {
    case 0:
        return sign | frac | (r >> 16) % 4 << f->f;
    case 1:
        return sign | frac | (top - (r >> 16) % 3) << f->f;
    case 2:
        return sign | frac | (bias - 3 + (r >> 16) % 7) << f->f;
    default:
        return sign | frac | (bias / 2 + (r >> 16) % 4 * (f->f / 2)) << f->f;
    }
}

static void host_agrees_with_exact(void)
{
    static const struct {
        uint32_t insn;
        fp_fn2 *exact;
    } two[] = {
        {FADD,  fp_add },
        {FSUB,  fp_sub },
        {FMUL,  fp_mul },
        {FDIV,  fp_div },
        {FNMUL, fp_nmul}
    };
    for (unsigned i = 0; i < 20000; i++) {
        bool dbl = i & 1;
        const struct fp_fmt *f = dbl ? &fp_f64 : &fp_f32;
        uint32_t fpcr =
            (uint32_t)(next() & 3) << 22 | (next() & 7 ? 0 : FZ) | (next() & 7 ? 0 : DN);
        uint64_t a = operand(f), b = operand(f), c = operand(f);
        struct outcome o;
        for (unsigned k = 0; k < ARRAY_LEN(two); k++) {
            o = scalar(two[k].insn | (dbl ? DBL : 0), a, b, 0, fpcr);
            cpu.fpsr = 0;
            expect_u64(o.d, two[k].exact(&cpu, f, a, b));
            expect_u32(o.fpsr, cpu.fpsr);
        }
        o = scalar(FMADD | (dbl ? DBL : 0), a, b, c, fpcr);
        cpu.fpsr = 0;
        expect_u64(o.d, fp_muladd(&cpu, f, c, a, b));
        expect_u32(o.fpsr, cpu.fpsr);
        o = scalar(FSQRT | (dbl ? DBL : 0), a, 0, 0, fpcr);
        cpu.fpsr = 0;
        expect_u64(o.d, fp_sqrt(&cpu, f, a));
        expect_u32(o.fpsr, cpu.fpsr);
        o = scalar(dbl ? FCVT_S_D : FCVT_D_S, a, 0, 0, fpcr);
        cpu.fpsr = 0;
        expect_u64(o.d, fp_convert(&cpu, dbl ? &fp_f32 : &fp_f64, f, a, fp_rm(&cpu)));
        expect_u32(o.fpsr, cpu.fpsr);
        if (tap_failed) {
            printf("# %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " fpcr %#x\n", a, b, c, fpcr);
            return;
        }
    }
}

static const struct tap_test tests[] = {
    TAP_TEST(special_values), TAP_TEST(rounding_modes),       TAP_TEST(tininess_is_before_rounding),
    TAP_TEST(flush_to_zero),  TAP_TEST(fused_multiply_add),   TAP_TEST(estimates),
    TAP_TEST(compares),       TAP_TEST(select_and_immediate), TAP_TEST(host_agrees_with_exact),
};

TAP_MAIN(tests)
