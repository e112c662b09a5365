// SPDX-License-Identifier: MIT
/*
 * a64_fp_rig.h - runs one floating-point instruction of the software CPU, for test_a64_fp*.c.
 *
 * Vn, Vm, Va are V1, V2, V3 and Vd is V0; X1 and X0 where a general register is meant.
 */
#ifndef TESTS_UNIT_A64_FP_RIG_H
#define TESTS_UNIT_A64_FP_RIG_H

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
static inline uint32_t run(uint32_t insn, uint32_t fpcr)
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

static inline struct outcome scalar(uint32_t insn, uint64_t n, uint64_t m, uint64_t a,
                                    uint32_t fpcr)
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

static inline void check_cases(const struct vector_case *c, unsigned count)
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

#endif
