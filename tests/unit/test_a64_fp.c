// SPDX-License-Identifier: MIT
/*
 * test_a64_fp.c - floating point of the software CPU, one instruction at a time.
 *
 * Expected values come from the pseudocode of Arm ARM DDI 0487J.a (shared/functions/float), worked
 * out by hand. Vn, Vm, Va are V1, V2, V3 and Vd is V0; X1 and X0 where a general register is meant.
 */
#include "src/a64/fp.h"
#include "tests/tap.h"

enum {
    IOC = FPSR_IOC,
    DZC = FPSR_DZC,
    OFC = FPSR_OFC,
    UFC = FPSR_UFC,
    IXC = FPSR_IXC,
    IDC = FPSR_IDC
};

/* FPCR: rounding modes and the rest. */
#define RN  0u
#define RP  (1u << 22)
#define RM  (2u << 22)
#define RZ  (3u << 22)
#define FZ  ((uint32_t)FPCR_FZ)
#define DN  ((uint32_t)FPCR_DN)
#define AHP ((uint32_t)FPCR_AHP)

static struct a64_cpu cpu;

static const struct a64_op *stop(struct a64_cpu *c, const struct a64_op *op)
{
    (void)c;
    (void)op;
    return NULL;
}

/* Runs one instruction with FPSR clear; returns FPSR. */
static uint32_t run(uint32_t insn, uint32_t fpcr)
{
    struct a64_op ops[2] = {{.fn = stop}, {.fn = stop}};
    a64_predecode(&ops[0], insn);
    cpu.fpcr = fpcr;
    cpu.fpsr = 0;
    uint32_t host = a64_fp_enter(&cpu);
    ops[0].fn(&cpu, ops);
    a64_fp_leave(&cpu, host);
    return cpu.fpsr;
}

/* A scalar instruction of up to three operands; d is what it leaves in the low lane, upper bits
 * must be 0. */
struct outcome {
    uint64_t d;
    uint32_t fpsr;
};

static struct outcome scalar(uint32_t insn, uint64_t n, uint64_t m, uint64_t a, uint32_t fpcr)
{
    memset(&cpu.v[0], 0xa5, sizeof cpu.v[0]);
    cpu.v[1] = (union a64_vreg){
        .d = {n, 0x7ff0000000000001}
    }; /* upper lanes must not matter */
    cpu.v[2] = (union a64_vreg){
        .d = {m, 0}
    };
    cpu.v[3] = (union a64_vreg){
        .d = {a, 0x7ff0000000000001}
    };
    uint32_t fpsr = run(insn, fpcr);
    expect_u64(cpu.v[0].d[1], 0);
    return (struct outcome){cpu.v[0].d[0], fpsr};
}

struct vector_case {
    const char *what;
    uint32_t insn;
    uint64_t n, m, a;
    uint32_t fpcr;
    uint64_t d;
    uint32_t fpsr;
};

static void check_cases(const struct vector_case *c, unsigned count)
{
    for (; count; c++, count--) {
        struct outcome o = scalar(c->insn, c->n, c->m, c->a, c->fpcr);
        if (o.d != c->d || o.fpsr != c->fpsr)
            printf("# %s %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " fpcr %#x\n", c->what, c->n, c->m,
                   c->a, c->fpcr);
        expect_u64(o.d, c->d);
        expect_u32(o.fpsr, c->fpsr);
    }
}

/* Encodings with d = 0, n = 1, m = 2, a = 3; DBL is added for double precision, VEC for the vector
 * form. */
enum {
    DBL = 1 << 22,
    FMUL = 0x1e220820,
    FDIV = 0x1e221820,
    FADD = 0x1e222820,
    FSUB = 0x1e223820,
    FMAX = 0x1e224820,
    FMIN = 0x1e225820,
    FMAXNM = 0x1e226820,
    FMINNM = 0x1e227820,
    FNMUL = 0x1e228820,
    FMADD = 0x1f020c20,
    FMSUB = 0x1f028c20,
    FNMADD = 0x1f220c20,
    FNMSUB = 0x1f228c20,
    FSQRT = 0x1e21c020,
    FABS = 0x1e20c020,
    FNEG = 0x1e214020,
    FMOV = 0x1e204020,
    FMULX = 0x5e22dc20,
    FRECPS = 0x5e22fc20,
    FRSQRTS = 0x5ea2fc20,
    FCMEQ = 0x5e22e420,
    FCMGE = 0x7e22e420,
    FCMGT = 0x7ea2e420,
    FACGE = 0x7e22ec20,
    FABD = 0x7ea2d420,
    FRECPE = 0x5ea1d820,
    FRSQRTE = 0x7ea1d820,
    FRECPX = 0x5ea1f820,
    FCVT_S_D = 0x1e624020,
    FCVT_D_S = 0x1e22c020,
    FCVT_H_S = 0x1e23c020,
    FCVT_H_D = 0x1e63c020,
    FCVT_S_H = 0x1ee24020,
    FCVT_D_H = 0x1ee2c020,
    FCVTXN = 0x7e616820,
};
_Static_assert(FADD == (0x1e202800 | 2 << 16 | 1 << 5), "as assembled by hand");

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
    check_cases(cases, ARRAY_LEN(cases));
}

/* UFC is for results tiny before rounding (FPRoundBase()): here they round up to the smallest
 * normal. */
static void tininess_is_before_rounding(void)
{
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
    check_cases(cases, ARRAY_LEN(cases));
}

static void flush_to_zero(void) /* FPUnpackBase(), FPRoundBase() with FPCR.FZ */
{
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
    check_cases(cases, ARRAY_LEN(cases));
}

static void fused_multiply_add(void) /* FPMulAdd(); which operands FMSUB, FNMADD, FNMSUB negate */
{
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
    check_cases(cases, ARRAY_LEN(cases));
}

static void estimates(void) /* FPRecipEstimate(), FPRSqrtEstimate(), FPRecpX() */
{
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
    check_cases(cases, ARRAY_LEN(cases));
}

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
    static const struct vector_case same[] = {
        {"frintx", 0x1e274020, 0x4b000001,         0, 0, RN, 0x4b000001,         0  },
        {"frintx", 0x1e274020, 0xff800000,         0, 0, RN, 0xff800000,         0  },
        {"frintx", 0x1e274020, 0x80000000,         0, 0, RP, 0x80000000,         0  },
        {"frintx", 0x1e274020, 0x7f800001,         0, 0, RN, 0x7fc00001,         IOC},
        {"frintx", 0x1e674020, 0x3ff8000000000000, 0, 0, RN, 0x4000000000000000, IXC},
        {"frintx", 0x1e674020, 0x0000000000000001, 0, 0, FZ, 0,                  IDC},
    };
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
    check_cases(cases, ARRAY_LEN(cases));
    a64_nzcv_set(&cpu, 0x40000000);
    expect_u64(scalar(0x1e620c20, 1, 2, 0, RN).d, 1); /* FCSEL D0, D1, D2, EQ */
    expect_u64(scalar(0x1e621c20, 1, 2, 0, RN).d, 2); /* NE */
}

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
    const struct wide_case cases[] = {
  /* a lane that needs the exact way must not disturb the others */
        {"fadd 4s",
         0x4e22d420,                 {.s = {one, nan, two, inf}},
         {.s = {two, one, one, inf}},
         {.d = {0}},
         {.s = {three, nan, three, inf}},
         0                                                                                                                             },
 /* of a 64-bit form the upper half of the sources does not count, that of the result is 0 */
        {"fadd 2s",
         0x0e22d420,                 {.s = {one, two, snan, inf}},
         {.s = {two, one, one, 0xff800000}},
         {.d = {~UINT64_C(0), ~UINT64_C(0)}},
         {.s = {three, three, 0, 0}},
         0                                                                                                                             },
        {"fdiv 2s",
         0x2e22fc20,                 {.s = {four, two, one, 0}},
         {.s = {two, two, 0, 0}},
         {.d = {0}},
         {.s = {two, one, 0, 0}},
         0                                                                                                                             },
        {"fmul 2s",
         0x2e22dc20,                 {.s = {one, two, inf, 0}},
         {.s = {two, two, 0, inf}},
         {.d = {0}},
         {.s = {two, four, 0, 0}},
         0                                                                                                                             },
        {"fsub 2d",      0x4ee2d420, {.d = {d3, d2}},                                 {.d = {d1, d2}}, {.d = {0}}, {.d = {d2, 0}},    0},
        {"fmla 4s",
         0x4e22cc20,                 {.s = {one, two, 0, inf}},
         {.s = {two, two, inf, one}},
         {.s = {one, 0, nan, one}},
         {.s = {three, four, 0x7fc00000, inf}},
         IOC                                                                                                                           },
        {"fmls 2s",
         0x0ea2cc20,                 {.s = {one, two, snan, inf}},
         {.s = {two, two, inf, 0}},
         {.s = {three, 0x40a00000, snan, inf}},
         {.s = {one, one, 0, 0}},
         0                                                                                                                             },
        {"fmla 2d",
         0x4e62cc20,                 {.d = {d1, d2}},
         {.d = {d2, d1}},
         {.d = {d1, 0}},
         {.d = {d3, d2}},
         0                                                                                                                             },
 /* by element: S lane 3 (H:L), D lane 1 (H) */
        {"fmul 4s e3",
         0x4fa29820,                 {.s = {one, two, 0, one}},
         {.s = {snan, snan, snan, two}},
         {.d = {0}},
         {.s = {two, four, 0, two}},
         0                                                                                                                             },
        {"fmla 2d e1",
         0x4fc21820,                 {.d = {d1, d2}},
         {.d = {0x7ff0000000000001, d1}},
         {.d = {d2, 0}},
         {.d = {d3, d2}},
         0                                                                                                                             },
        {"fmls s e1",
         0x5fa25020,                 {.s = {two, snan}},
         {.s = {snan, one}},
         {.s = {three, 1, 2, 3}},
         {.s = {one, 0, 0, 0}},
         0                                                                                                                             },
        {"fmulx 4s e0",
         0x6f829020,                 {.s = {0, 0x80000000, one, 0}},
         {.s = {inf, 0, 0, 0}},
         {.d = {0}},
         {.s = {two, 0xc0000000, inf, two}},
         0                                                                                                                             },
 /* pairs: those of Vn below those of Vm */
        {"faddp 4s",
         0x6e22d420,                 {.s = {one, two, one, one}},
         {.s = {two, two, 0, one}},
         {.d = {0}},
         {.s = {three, two, four, one}},
         0                                                                                                                             },
        {"faddp 2s",
         0x2e22d420,                 {.s = {one, two, snan, snan}},
         {.s = {two, two, snan, snan}},
         {.d = {0}},
         {.s = {three, four, 0, 0}},
         0                                                                                                                             },
        {"faddp d",      0x7e70d820, {.d = {d1, d2}},                                 {.d = {0}},      {.d = {0}}, {.d = {d3, 0}},    0},
        {"fmaxp 2d",     0x6e62f420, {.d = {d1, d3}},                                 {.d = {d2, d1}}, {.d = {0}}, {.d = {d3, d2}},   0},
        {"fminnmp s",
         0x7eb0c820,                 {.s = {nan, two, 0, 0}},
         {.d = {0}},
         {.d = {0}},
         {.s = {two, 0, 0, 0}},
         0                                                                                                                             },
        {"fmaxv",
         0x6e30f820,                 {.s = {one, four, three, two}},
         {.d = {0}},
         {.d = {0}},
         {.s = {four, 0, 0, 0}},
         0                                                                                                                             },
        {"fmaxv",
         0x6e30f820,                 {.s = {one, nan, snan, two}},
         {.d = {0}},
         {.d = {0}},
         {.s = {nan, 0, 0, 0}},
         IOC                                                                                                                           }, /* the quieted one of the upper half equals it */
        {"fminnmv",
         0x6eb0c820,                 {.s = {nan, four, three, nan}},
         {.d = {0}},
         {.d = {0}},
         {.s = {three, 0, 0, 0}},
         0                                                                                                                             },
        {"fcmge 4s",
         0x6e22e420,                 {.s = {one, two, nan, 0}},
         {.s = {two, one, one, 0x80000000}},
         {.d = {0}},
         {.s = {0, ~0u, 0, ~0u}},
         IOC                                                                                                                           },
        {"fcmle 4s 0",
         0x6ea0d820,                 {.s = {0x80000000, one, 0xbf800000, 0}},
         {.d = {0}},
         {.d = {0}},
         {.s = {~0u, 0, ~0u, ~0u}},
         0                                                                                                                             },
        {"fcmlt 2d 0",
         0x4ee0e820,                 {.d = {0x8000000000000001, 0x8000000000000000}},
         {.d = {0}},
         {.d = {0}},
         {.d = {~UINT64_C(0), 0}},
         0                                                                                                                             },
        {"facgt 2s",
         0x2ea2ec20,                 {.s = {0xc0000000, one}},
         {.s = {one, 0xbf800000}},
         {.d = {0}},
         {.s = {~0u, 0, 0, 0}},
         0                                                                                                                             },
        {"fabs 2s",
         0x0ea0f820,                 {.s = {0xc0000000, 0xffc00000, 9, 9}},
         {.d = {0}},
         {.d = {0}},
         {.s = {two, 0x7fc00000, 0, 0}},
         0                                                                                                                             },
        {"fneg 2d",
         0x6ee0f820,                 {.d = {d1, 0}},
         {.d = {0}},
         {.d = {0}},
         {.d = {0xbff0000000000000, 0x8000000000000000}},
         0                                                                                                                             },
        {"fsqrt 4s",
         0x6ea1f820,                 {.s = {four, one, 0x41100000, 0}},
         {.d = {0}},
         {.d = {0}},
         {.s = {two, one, three, 0}},
         0                                                                                                                             },
        {"frinta 2s",
         0x2e218820,                 {.s = {0x3f000000, 0x40200000}},
         {.d = {0}},
         {.d = {0}},
         {.s = {one, three}},
         0                                                                                                                             },
        {"fcvtzs 4s",
         0x4ea1b820,                 {.s = {0xbfc00000, 0x4f000000, one, 0}},
         {.d = {0}},
         {.d = {0}},
         {.s = {~0u, 0x7fffffff, 1, 0}},
         IOC | IXC                                                                                                                     },
        {"fcvtzu 2d #8",
         0x6f78fc20,                 {.d = {d1, 0xbff0000000000000}},
         {.d = {0}},
         {.d = {0}},
         {.d = {256, 0}},
         IOC                                                                                                                           },
        {"scvtf 4s",
         0x4e21d820,                 {.s = {~0u, 1, 2, 0}},
         {.d = {0}},
         {.d = {0}},
         {.s = {0xbf800000, one, two, 0}},
         0                                                                                                                             },
        {"ucvtf 2s #1",  0x2f3fe420, {.s = {2, 4}},                                   {.d = {0}},      {.d = {0}}, {.s = {one, two}}, 0},
        {"ucvtf d",
         0x7e61d820,                 {.d = {~UINT64_C(0), 5}},
         {.d = {0}},
         {.d = {0}},
         {.d = {0x43f0000000000000, 0}},
         IXC                                                                                                                           },
 /* narrow and long */
        {"fcvtl 2d",
         0x0e617820,                 {.s = {one, two, snan, 0}},
         {.d = {0}},
         {.d = {0}},
         {.d = {d1, d2}},
         0                                                                                                                             },
        {"fcvtl2 2d",
         0x4e617820,                 {.s = {snan, snan, one, two}},
         {.d = {0}},
         {.d = {0}},
         {.d = {d1, d2}},
         0                                                                                                                             },
        {"fcvtl 4s",
         0x0e217820,                 {.h = {0x3c00, 0x4000, 0x7c00, 0, 0x7c01}},
         {.d = {0}},
         {.d = {0}},
         {.s = {one, two, inf, 0}},
         0                                                                                                                             },
        {"fcvtn 2s",
         0x0e616820,                 {.d = {d1, d2}},
         {.d = {0}},
         {.d = {7, 7}},
         {.s = {one, two, 0, 0}},
         0                                                                                                                             },
        {"fcvtn2 4s",
         0x4e616820,                 {.d = {d1, d2}},
         {.d = {0}},
         {.d = {7, 7}},
         {.s = {7, 0, one, two}},
         0                                                                                                                             },
        {"fcvtn2 8h",
         0x4e216820,                 {.s = {one, two, inf, 0}},
         {.d = {0}},
         {.d = {7, 7}},
         {.h = {7, 0, 0, 0, 0x3c00, 0x4000, 0x7c00, 0}},
         0                                                                                                                             },
        {"fcvtxn2 4s",
         0x6e616820,                 {.d = {0x3ff0000000000001, d2}},
         {.d = {0}},
         {.d = {7, 7}},
         {.s = {7, 0, 0x3f800001, two}},
         IXC                                                                                                                           },
    };
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

static void traps_when_fp_is_off(void)
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
    TAP_TEST(special_values),
    TAP_TEST(rounding_modes),
    TAP_TEST(tininess_is_before_rounding),
    TAP_TEST(flush_to_zero),
    TAP_TEST(fused_multiply_add),
    TAP_TEST(estimates),
    TAP_TEST(to_integers),
    TAP_TEST(from_integers),
    TAP_TEST(round_to_integral),
    TAP_TEST(every_half),
    TAP_TEST(every_gap_between_halves),
    TAP_TEST(conversions_between_formats),
    TAP_TEST(compares),
    TAP_TEST(select_and_immediate),
    TAP_TEST(vector_forms),
    TAP_TEST(flags_are_sticky_across_runs),
    TAP_TEST(traps_when_fp_is_off),
    TAP_TEST(reserved_encodings),
    TAP_TEST(host_agrees_with_exact),
};

TAP_MAIN(tests)
