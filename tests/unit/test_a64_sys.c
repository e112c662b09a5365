// SPDX-License-Identifier: MIT
/*
 * test_a64_sys.c - exceptions, system registers, waiting, timers, software step. Values are those
 * of Arm ARM DDI 0487J.a.
 */
#include <pthread.h>

#include "tests/unit/a64_rig.h"
#include "vmm/clock.h"

/* ---- exceptions ---- */
static void exception_entry_sets_state(void) /* D1.3.1.1 */
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, i_svc(0x1234));
    r.cpu[0]->daif = 0;
    a64_nzcv_set(r.cpu[0], 0x60000000);
    expect_u64(rig_vector(&r, rig_go(&r)), 0x200);
    struct hv_regs regs;
    a64_cpu_get_regs(r.cpu[0], &regs);
    expect_u64(regs.esr, (uint64_t)A64_EC_SVC << 26 | BIT(25) | 0x1234);
    expect_u64(regs.elr, RIG_CODE + 4);
    expect_u64(regs.spsr, 0x60000005);
    expect_u64(regs.pstate, 0x600003c5); /* SPAN is 1 after reset: PAN stays */
    r.cpu[0]->sr.sctlr &= ~(uint64_t)A64_SCTLR_SPAN;
    rig_go(&r);
    a64_cpu_get_regs(r.cpu[0], &regs);
    expect_u64(regs.pstate & BIT(22), BIT(22));
    rig_fini(&r);
}

static void vector_follows_el_and_sp(void) /* D1.3.1.5 */
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, i_svc(0));
    static const struct {
        uint32_t pstate;
        int vector;
    } rows[] = {
        {0x3c5, 0x200},
        {0x3c4, 0x000},
        {0x3c0, 0x400}
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        a64_pstate_set(r.cpu[0], rows[i].pstate);
        expect_u64(rig_vector(&r, rig_go(&r)), rows[i].vector);
        expect_u64(r.cpu[0]->sr.spsr, rows[i].pstate);
    }
    rig_fini(&r);
}

static void sp_follows_spsel(void)
{
    struct rig r;
    rig_init(&r);
    r.cpu[0]->sr.sp_el0 = 0x1110;
    rig_emit(&r, 0xd50040bf);        /* msr spsel, #0 */
    rig_emit(&r, 0x910003e1);        /* mov x1, sp */
    rig_emit(&r, i_add(31, 31, 16)); /* add sp, sp, #16 */
    rig_emit(&r, 0xd50041bf);        /* msr spsel, #1 */
    rig_emit(&r, 0x910003e2);        /* mov x2, sp */
    rig_emit(&r, i_mrs(HV_SYSREG(3, 0, 4, 1, 0), 3));
    rig_emit(&r, i_hvc(0));
    expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
    expect_u64(r.cpu[0]->x[1], 0x1110);
    expect_u64(r.cpu[0]->x[2], RIG_STACK);
    expect_u64(r.cpu[0]->x[3], 0x1120);
    rig_fini(&r);
}

static void eret_restores(void)
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, I_ERET);
    r.cpu[0]->sr.elr = RIG_CODE + 0x100;
    r.cpu[0]->sr.spsr = 0xa0000000; /* N C, EL0t, nothing masked */
    r.cpu[0]->sr.sp_el0 = 0x7770;
    r.at = RIG_CODE + 0x100;
    rig_emit(&r, i_svc(7));
    expect_u64(rig_vector(&r, rig_go(&r)), 0x400);
    expect_u64(r.cpu[0]->sr.spsr, 0xa0000000);
    expect_u64(r.cpu[0]->sr.elr, RIG_CODE + 0x104);
    expect_u64(r.cpu[0]->sr.sp_el0, 0x7770);
    expect_u64(r.cpu[0]->x[A64_SP], RIG_STACK);
    rig_fini(&r);
}

static void illegal_return_sets_il(void) /* D1.4.4.1 */
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, I_ERET);
    static const uint32_t bad[] = {0x8, 0x9, 0xc, 0xd, 0x1, 0x6, 0x10, 0x13};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        r.cpu[0]->sr.elr = RIG_CODE + 0x100;
        r.cpu[0]->sr.spsr = 0x40000000 | bad[i];
        expect_u64(rig_vector(&r, rig_go(&r)), 0x200);
        expect_u64(rig_ec(&r), A64_EC_ILLEGAL);
        expect_u64(r.cpu[0]->sr.elr, RIG_CODE + 0x100);
        expect_u64(r.cpu[0]->sr.spsr, 0x40000000 | BIT(20) | 5);
    }
    /* A fetch that faults comes first, with PSTATE.IL set (D1.3.5.5). */
    r.cpu[0]->sr.elr = RIG_CODE + 0x102;
    expect_u64(rig_vector(&r, rig_go(&r)), 0x200);
    expect_u64(rig_ec(&r), A64_EC_PC_ALIGN);
    expect_u64(r.cpu[0]->sr.elr, RIG_CODE + 0x102);
    expect_u64(r.cpu[0]->sr.spsr, 0x40000000 | BIT(20) | 5);
    rig_fini(&r);
}

static void undefined_and_debug_instructions(void)
{
    // clang-format off
    const struct {
        uint32_t insn;
        uint32_t pstate;
        uint32_t ec, iss;
    } rows[] = {
        {0x00000000, 0x3c5, A64_EC_UNKNOWN, 0},      /* udf #0 */
        {0xd4a00001, 0x3c5, A64_EC_UNKNOWN, 0},      /* dcps1 */
        {i_brk(0xf0f0), 0x3c5, A64_EC_BRK, 0xf0f0},
        {i_brk(1), 0x3c0, A64_EC_BRK, 1},
        {i_hlt(1), 0x3c5, A64_EC_UNKNOWN, 0},
        {i_hlt(0xf000), 0x3c0, A64_EC_UNKNOWN, 0},   /* semihosting is for EL1 */
        {i_hvc(0), 0x3c0, A64_EC_UNKNOWN, 0},
        {0xd4000003, 0x3c0, A64_EC_UNKNOWN, 0},      /* smc #0 */
        {I_ERET, 0x3c0, A64_EC_UNKNOWN, 0},
        {0xd50041bf, 0x3c0, A64_EC_UNKNOWN, 0},      /* msr spsel, #1 */
        {0xd500419f, 0x3c0, A64_EC_UNKNOWN, 0},      /* msr pan, #1 */
        {0xd500417f, 0x3c5, A64_EC_UNKNOWN, 0},      /* msr uao, #1: no FEAT_UAO */
        /* op0 0 op2 6 op1 3 CRn 4 Rt 31 CRm 15, a write */
        {I_DAIFSET_ALL, 0x3c0, A64_EC_SYSREG, 6u << 17 | 3u << 14 | 4u << 10 | 31u << 5 | 15u << 1},
        {I_WFI, 0x3c0, A64_EC_WFX, 1u << 24 | 0xe << 20},
        {I_WFE, 0x3c0, A64_EC_WFX, 1u << 24 | 0xe << 20 | 1},
        {i_sys(0, 8, 7, 0, 31), 0x3c0, A64_EC_UNKNOWN, 0}, /* tlbi vmalle1 */
        {i_sys(3, 7, 4, 1, 0), 0x3c0, A64_EC_SYSREG,
         1u << 20 | 1u << 17 | 3u << 14 | 7u << 10 | 0u << 5 | 4u << 1}, /* dc zva with DZE 0 */
        {i_mrs(HV_SYSREG(3, 3, 0, 0, 1), 9), 0x3c0, A64_EC_SYSREG,
         3u << 20 | 1u << 17 | 3u << 14 | 0u << 10 | 9u << 5 | 0u << 1 | 1}, /* CTR_EL0 with UCT 0 */
        {i_mrs(HV_SYSREG(3, 3, 14, 0, 2), 3), 0x3c0, A64_EC_SYSREG,
         3u << 20 | 2u << 17 | 3u << 14 | 14u << 10 | 3u << 5 | 0u << 1 | 1}, /* CNTVCT_EL0 */
        {i_mrs(HV_SYSREG(3, 0, 0, 0, 0), 3), 0x3c0, A64_EC_UNKNOWN, 0},       /* MIDR_EL1 */
        {i_msr(HV_SYSREG(3, 3, 13, 0, 3), 3), 0x3c0, A64_EC_UNKNOWN, 0},      /* TPIDRRO_EL0 */
        {i_msr(HV_SYSREG(3, 0, 0, 0, 0), 3), 0x3c5, A64_EC_UNKNOWN, 0},       /* MIDR_EL1 */
        {i_mrs(HV_SYSREG(3, 0, 4, 1, 0), 3), 0x3c4, A64_EC_UNKNOWN, 0},       /* SP_EL0 with SPSel 0 */
        {i_mrs(HV_SYSREG(3, 0, 12, 12, 0), 3), 0x3c0, A64_EC_UNKNOWN, 0},     /* ICC_IAR1_EL1 */
    };
    // clang-format on
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        rig_init(&r);
        r.cpu[0]->sr.sctlr &= ~(uint64_t)(A64_SCTLR_NTWE | A64_SCTLR_NTWI);
        rig_emit(&r, rows[i].insn);
        a64_pstate_set(r.cpu[0], rows[i].pstate);
        struct hv_exit e = rig_go(&r);
        int want = rows[i].pstate == 0x3c5 ? 0x200 : rows[i].pstate == 0x3c4 ? 0 : 0x400;
        if (rig_vector(&r, e) != want || rig_ec(&r) != rows[i].ec || rig_iss(&r) != rows[i].iss)
            printf("# row %u: insn %08x\n", i, rows[i].insn);
        expect_u64(rig_vector(&r, e), want);
        expect_u64(rig_ec(&r), rows[i].ec);
        expect_u64(rig_iss(&r), rows[i].iss);
        expect_u64(r.cpu[0]->sr.elr, RIG_CODE);
        rig_fini(&r);
    }
}

static void fp_traps_by_cpacr(void) /* D17.2.30 */
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, I_FMOV_D0_X0);
    rig_emit(&r, i_svc(0));
    static const struct {
        unsigned fpen;
        bool el0_traps, el1_traps;
    } rows[] = {
        {0, true,  true },
        {1, true,  false},
        {2, true,  true },
        {3, false, false}
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned el = 0; el < 2; el++) {
            r.cpu[0]->sr.cpacr = (uint64_t)rows[i].fpen << 20;
            a64_pstate_set(r.cpu[0], el ? 0x3c5 : 0x3c0);
            rig_go(&r);
            bool traps = el ? rows[i].el1_traps : rows[i].el0_traps;
            expect_u64(rig_ec(&r), traps ? A64_EC_FP : A64_EC_SVC);
            if (traps)
                expect_u64(rig_iss(&r), 1u << 24 | 0xe << 20);
        }
    rig_fini(&r);
}

static void vector_that_faults_is_stuck(void)
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, 0);
    r.cpu[0]->sr.vbar = 0x10000000; /* outside RAM */
    struct hv_exit e = rig_go(&r);
    expect_u64(e.reason, HV_EXIT_STUCK);
    expect_text(e.stuck.what, "fetched");
    expect_u64(e.stuck.detail[0], 0x10000200);
    expect_u64(e.stuck.detail[1] >> 26, A64_EC_IABT);
    expect_u64(r.cpu[0]->sr.esr >> 26, A64_EC_UNKNOWN); /* of what began it */
    expect_u64(rig_run(&r).reason, HV_EXIT_STUCK);      /* again when asked again */
    r.cpu[0]->sr.vbar = RIG_DATA;                       /* zeros: UDF */
    e = rig_go(&r);
    expect_u64(e.reason, HV_EXIT_STUCK);
    expect_text(e.stuck.what, "itself");
    rig_fini(&r);
}

static void call_and_semihost_leave_after_the_instruction(void)
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, i_movz(0, 5));
    rig_emit(&r, i_hvc(0));
    rig_emit(&r, 0xd4000003); /* smc #0 */
    rig_emit(&r, i_hlt(0xf000));
    struct hv_exit e = rig_go(&r);
    expect_u64(e.reason, HV_EXIT_CALL);
    expect_true(!e.call.smc);
    struct hv_regs regs;
    a64_cpu_get_regs(r.cpu[0], &regs);
    expect_u64(regs.x[0], 5);
    expect_u64(regs.pc, RIG_CODE + 8);
    regs.x[0] = 77;
    a64_cpu_set_regs(r.cpu[0], &regs);
    e = rig_run(&r);
    expect_u64(e.reason, HV_EXIT_CALL);
    expect_true(e.call.smc);
    expect_u64(r.cpu[0]->x[0], 77);
    e = rig_run(&r);
    expect_u64(e.reason, HV_EXIT_SEMIHOST);
    expect_u64(r.cpu[0]->pc, RIG_CODE + 16);
    rig_fini(&r);
}

/* ---- system registers ---- */
static uint64_t read_sysreg(struct rig *r, uint32_t reg)
{
    r->at = RIG_CODE;
    rig_emit(r, i_mrs(reg, 7));
    rig_emit(r, i_hvc(0));
    a64_vm_ram_written(r->vm, RIG_CODE, 8);
    struct hv_exit e = rig_go(r);
    return e.reason == HV_EXIT_CALL && r->cpu[0]->pc == RIG_CODE + 8 ? r->cpu[0]->x[7] : 0xdeadbeef;
}

static void id_registers(void)
{
    static const struct {
        uint32_t reg;
        uint64_t want;
    } rows[] = {
        {HV_SYSREG(3, 0, 0,  4, 0), 0x1300000001000011}, /* PFR0 */
        {HV_SYSREG(3, 0, 0,  6, 0), 0x1000000010211120}, /* ISAR0 */
        {HV_SYSREG(3, 0, 0,  6, 1), 0                 },
        {HV_SYSREG(3, 0, 0,  7, 0), 0x100022          },
        {HV_SYSREG(3, 0, 0,  7, 7), 0                 }, /* unallocated: RAZ */
        {HV_SYSREG(3, 0, 0,  1, 0), 0                 }, /* ID_PFR0_EL1 */
        {HV_SYSREG(3, 0, 0,  0, 5), BIT(31)           }, /* MPIDR */
        {HV_SYSREG(3, 3, 0,  0, 1), 0x8444c004        }, /* CTR */
        {HV_SYSREG(3, 3, 0,  0, 7), 4                 }, /* DCZID */
        {HV_SYSREG(3, 3, 14, 0, 0), 62500000          }, /* CNTFRQ */
        {HV_SYSREG(3, 0, 4,  2, 2), 4                 }, /* CurrentEL */
        {HV_SYSREG(3, 0, 4,  2, 0), 1                 }, /* SPSel */
        {HV_SYSREG(3, 3, 4,  2, 1), 0x3c0             }, /* DAIF */
        {HV_SYSREG(3, 0, 1,  0, 0), 0x30d00980        }, /* SCTLR after reset */
        {HV_SYSREG(2, 0, 1,  1, 4), 0xa               }, /* OSLSR */
    };
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        expect_u64(read_sysreg(&r, rows[i].reg), rows[i].want);
    rig_fini(&r);
}

static void registers_keep_their_writable_bits(void)
{
    static const struct {
        uint32_t reg;
        uint64_t want; /* after all ones were written */
    } rows[] = {
        {HV_SYSREG(3, 0, 12, 0, 0), ~UINT64_C(0x7ff)}, /* VBAR */
        {HV_SYSREG(3, 0, 1,  0, 2), 3 << 20         }, /* CPACR */
        {HV_SYSREG(3, 0, 1,  0, 1), 0               }, /* ACTLR */
        {HV_SYSREG(3, 0, 13, 0, 1), 0xffffffff      }, /* CONTEXTIDR */
        {HV_SYSREG(3, 0, 13, 0, 4), ~UINT64_C(0)    }, /* TPIDR_EL1 */
        {HV_SYSREG(3, 3, 13, 0, 2), ~UINT64_C(0)    }, /* TPIDR_EL0 */
        {HV_SYSREG(3, 0, 6,  0, 0), ~UINT64_C(0)    }, /* FAR */
        {HV_SYSREG(3, 0, 4,  0, 1), ~UINT64_C(0)    }, /* ELR */
        {HV_SYSREG(3, 2, 0,  0, 0), 0xf             }, /* CSSELR */
        {HV_SYSREG(3, 0, 14, 1, 0), 0x3ff           }, /* CNTKCTL */
        {HV_SYSREG(2, 0, 0,  1, 5), 0xffffffff      }, /* DBGBCR1 */
        {HV_SYSREG(3, 3, 4,  2, 0), 0xf0000000      }, /* NZCV */
        {HV_SYSREG(3, 3, 4,  4, 1), 0x0800009f      }, /* FPSR */
        {HV_SYSREG(3, 0, 13, 0, 7), ~UINT64_C(0)    }, /* SCXTNUM_EL1 */
        {HV_SYSREG(3, 3, 14, 3, 2), ~UINT64_C(0)    }, /* CNTV_CVAL */
    };
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        r.at = RIG_CODE;
        r.cpu[0]->x[3] = ~UINT64_C(0);
        rig_emit(&r, i_msr(rows[i].reg, 3));
        rig_emit(&r, i_mrs(rows[i].reg, 4));
        rig_emit(&r, i_hvc(0));
        a64_vm_ram_written(r.vm, RIG_CODE, 12);
        expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
        if (r.cpu[0]->x[4] != rows[i].want)
            printf("# row %u\n", i);
        expect_u64(r.cpu[0]->x[4], rows[i].want);
    }
    rig_fini(&r);
}

static void unknown_registers_are_remembered(void)
{
    struct rig r;
    rig_init(&r);
    const uint32_t pmcr = HV_SYSREG(3, 3, 9, 12, 0);
    rig_emit(&r, i_mrs(pmcr, 0));
    for (unsigned i = 0; i < 3; i++)
        expect_u64(rig_vector(&r, rig_go(&r)), 0x200);
    struct hv_odd_sysreg odd[4];
    expect_u64(a64_cpu_odd_sysregs(r.cpu[0], odd, 4), 1);
    expect_u64(odd[0].reg, pmcr);
    expect_u64(odd[0].count, 3);
    expect_u64(odd[0].pc, RIG_CODE);
    expect_true(!odd[0].write);
    char name[32];
    a64_sysreg_name(pmcr, name, sizeof name);
    expect_text(name, "PMCR_EL0");
    a64_sysreg_name(HV_SYSREG(3, 0, 15, 2, 1), name, sizeof name);
    expect_text(name, "S3_0_C15_C2_1");
    a64_sysreg_name(HV_SYSREG(3, 0, 1, 0, 0), name, sizeof name);
    expect_text(name, "SCTLR_EL1");
    rig_fini(&r);
}

static void gic_registers_leave(void)
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, i_mrs(HV_SYSREG(3, 0, 12, 12, 0), 5));
    rig_emit(&r, i_msr(HV_SYSREG(3, 0, 4, 6, 0), 6));
    r.cpu[0]->x[6] = 0xf0;
    struct hv_exit e = rig_go(&r);
    expect_u64(e.reason, HV_EXIT_SYSREG);
    expect_u64(e.sysreg.reg, HV_SYSREG(3, 0, 12, 12, 0));
    expect_true(!e.sysreg.write);
    a64_cpu_complete(r.cpu[0], 1023);
    e = rig_run(&r);
    expect_u64(r.cpu[0]->x[5], 1023);
    expect_u64(e.reason, HV_EXIT_SYSREG);
    expect_true(e.sysreg.write);
    expect_u64(e.sysreg.val, 0xf0);
    expect_u64(r.cpu[0]->pc, RIG_CODE + 8);
    rig_fini(&r);
}

/* ---- interrupts, kicks, waiting ---- */
static void irq_is_taken_when_unmasked(void)
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, I_NOP);
    rig_emit(&r, i_b(1));
    rig_emit(&r, I_DAIFCLR_ALL);
    rig_emit(&r, i_b(0)); /* for ever */
    a64_cpu_set_line(r.cpu[0], HV_LINE_IRQ, true);
    expect_true(a64_cpu_runnable(r.cpu[0]));
    expect_u64(rig_vector(&r, rig_go(&r)), 0x280);
    expect_u64(r.cpu[0]->sr.elr, RIG_CODE + 12);
    /* It is still up, and masked: run on until a kick. */
    a64_cpu_kick(r.cpu[0]);
    r.cpu[0]->daif = 0xf;
    r.at = RIG_CODE + 0x40;
    rig_emit(&r, i_b(0));
    r.cpu[0]->pc = RIG_CODE + 0x40;
    expect_u64(rig_run(&r).reason, HV_EXIT_KICK);
    /* FIQ before IRQ. */
    a64_cpu_set_line(r.cpu[0], HV_LINE_FIQ, true);
    a64_pstate_set(r.cpu[0], 5);
    expect_u64(rig_vector(&r, rig_run(&r)), 0x300);
    a64_cpu_set_line(r.cpu[0], HV_LINE_FIQ, false);
    a64_cpu_set_line(r.cpu[0], HV_LINE_IRQ, false);
    expect_true(!a64_cpu_runnable(r.cpu[0]));
    rig_fini(&r);
}

static void *kick_when_it_goes_round(void *arg)
{
    struct a64_cpu *cpu = arg;
    while (*(const volatile uint64_t *)&cpu->x[5] < 1000)
        ;
    a64_cpu_kick(cpu);
    return NULL;
}

/* The vector's second instruction takes an exception: no branch is ever taken. */
static void a_kick_ends_a_guest_that_goes_round_by_exceptions(void)
{
    struct rig r;
    pthread_t t;
    rig_init(&r);
    r.cpu[0]->sr.vbar = RIG_VECTORS;
    le32_put(rig_hva(&r, RIG_VECTORS + 0x200), 0x910004a5); /* add x5, x5, #1 */
    le32_put(rig_hva(&r, RIG_VECTORS + 0x204), 0);          /* udf #0 */
    rig_emit(&r, 0);
    r.cpu[0]->x[5] = 0;
    expect_u64(pthread_create(&t, NULL, kick_when_it_goes_round, r.cpu[0]), 0);
    expect_u64(rig_go(&r).reason, HV_EXIT_KICK);
    pthread_join(t, NULL);
    expect_u64(r.cpu[0]->pc, RIG_VECTORS + 0x200);
    rig_fini(&r);
}

static void kick_before_run_is_kept(void)
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, i_hvc(0));
    a64_cpu_kick(r.cpu[0]);
    expect_u64(rig_go(&r).reason, HV_EXIT_KICK);
    expect_u64(r.cpu[0]->pc, RIG_CODE);
    expect_u64(rig_run(&r).reason, HV_EXIT_CALL);
    rig_fini(&r);
}

static void wfi_waits_for_the_nearest_timer(void)
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, I_WFI);
    rig_emit(&r, i_hvc(0));
    struct hv_exit e = rig_go(&r);
    expect_u64(e.reason, HV_EXIT_WAIT);
    expect_u64(e.wait.deadline_ns, UINT64_MAX);
    expect_u64(rig_run(&r).reason, HV_EXIT_CALL);
    r.cpu[0]->sr.cntv_ctl = 1;
    r.cpu[0]->sr.cntv_cval = a64_timer_count(r.cpu[0]) + 62500000; /* a second */
    r.cpu[0]->sr.cntp_ctl = 1;
    r.cpu[0]->sr.cntp_cval = r.cpu[0]->sr.cntv_cval + 1000;
    e = rig_go(&r);
    expect_u64(e.reason, HV_EXIT_WAIT);
    expect_u64(e.wait.deadline_ns, r.vm->epoch_ns + r.cpu[0]->sr.cntv_cval * 16);
    /* A masked interrupt ends it at once. */
    a64_cpu_set_line(r.cpu[0], HV_LINE_IRQ, true);
    expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
    rig_fini(&r);
}

static void wfe_takes_the_event_and_never_waits_long(void)
{
    struct rig r;
    rig_init(&r);
    rig_emit(&r, I_SEVL);
    rig_emit(&r, I_WFE);
    rig_emit(&r, i_hvc(0));
    expect_u64(rig_go(&r).reason, HV_EXIT_CALL);
    r.cpu[0]->pc = RIG_CODE + 4;
    struct hv_exit e = rig_run(&r);
    expect_u64(e.reason, HV_EXIT_WAIT);
    expect_true(e.wait.deadline_ns < clock_mono_ns() + NS_PER_SEC / 100);
    expect_u64(rig_run(&r).reason, HV_EXIT_CALL);
    rig_fini(&r);
}

static void timer_raises_its_line(void)
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    const uint32_t ctl = HV_SYSREG(3, 3, 14, 3, 1), tval = HV_SYSREG(3, 3, 14, 3, 0);
    rig_emit(&r, i_msr(tval, 1));
    rig_emit(&r, i_msr(ctl, 2));
    rig_emit(&r, i_mrs(ctl, 3));
    rig_emit(&r, i_mrs(tval, 4));
    rig_emit(&r, i_hvc(0));
    /* A minute ahead: armed, not raised. */
    cpu->x[1] = 62500000 * UINT64_C(30);
    cpu->x[2] = 1;
    rig_go(&r);
    expect_true(!r.line[27]);
    expect_u64(cpu->x[3], 1);
    expect_true(cpu->x[4] <= cpu->x[1] && cpu->x[4] > cpu->x[1] - 62500000);
    expect_u64(r.armed, r.vm->epoch_ns + cpu->sr.cntv_cval * 16);
    expect_u64(r.arms, 1);
    rig_go(&r); /* later than the one armed: left alone */
    expect_u64(r.arms, 1);
    /* In the past (TVAL is signed): ISTATUS and the line. */
    cpu->x[1] = UINT64_C(0xffffffff);
    rig_go(&r);
    expect_true(r.line[27]);
    expect_u64(cpu->x[3], 5);
    expect_true((int32_t)cpu->x[4] < 0);
    /* Masked: ISTATUS without the line. */
    cpu->x[2] = 3;
    rig_go(&r);
    expect_true(!r.line[27]);
    expect_u64(cpu->x[3], 7);
    /* Disabled: neither. */
    cpu->x[2] = 0;
    rig_go(&r);
    expect_u64(cpu->x[3], 0);
    /* The deadline comes while running. */
    cpu->sr.cntp_ctl = 1;
    cpu->sr.cntp_cval = 0;
    a64_cpu_timer_due(cpu);
    expect_true(a64_cpu_runnable(cpu));
    rig_go(&r);
    expect_true(r.line[30]);
    rig_fini(&r);
}

/* The guest may look before the host tells that the deadline has come. */
static void istatus_and_the_line_come_together(void)
{
    struct rig r;
    rig_init(&r);
    r.cpu[0]->sr.cntv_ctl = 1;
    r.cpu[0]->sr.cntv_cval = 0;
    expect_u64(read_sysreg(&r, HV_SYSREG(3, 3, 14, 3, 1)), 5);
    expect_true(r.line[27]);
    rig_fini(&r);
}

static void counter_runs_at_cntfrq(void)
{
    struct rig r;
    rig_init(&r);
    uint64_t before = clock_mono_ns();
    uint64_t count = read_sysreg(&r, HV_SYSREG(3, 3, 14, 0, 2));
    uint64_t after = clock_mono_ns();
    expect_true(count >= (before - r.vm->epoch_ns) / 16 && count <= (after - r.vm->epoch_ns) / 16);
    rig_fini(&r);
}

/* ---- software step ---- */
static void step_takes_one_instruction(void) /* D2.12 */
{
    struct rig r;
    rig_init(&r);
    struct a64_cpu *cpu = r.cpu[0];
    rig_emit(&r, I_ERET);
    r.at = RIG_CODE + 0x100;
    rig_emit(&r, i_add(1, 1, 1));
    rig_emit(&r, i_add(1, 1, 1));
    rig_emit(&r, i_b(0));
    rig_emit(&r, i_svc(0));
    cpu->sr.mdscr = 1;
    cpu->sr.oslsr &= ~UINT64_C(2);
    cpu->sr.elr = RIG_CODE + 0x100;
    cpu->sr.spsr = 0x3c0 | BIT(21);
    expect_u64(rig_vector(&r, rig_go(&r)), 0x400);
    expect_u64(rig_ec(&r), A64_EC_STEP_LOWER);
    expect_u64(rig_iss(&r), 1u << 24 | 0x22);
    expect_u64(cpu->x[1], 1);
    expect_u64(cpu->sr.elr, RIG_CODE + 0x104);
    expect_u64(cpu->sr.spsr, 0x3c0); /* SS is 0 */
    /* SS 0: the exception comes before the instruction. */
    expect_u64(rig_vector(&r, rig_go(&r)), 0x400);
    expect_u64(cpu->x[1], 1);
    /* A branch to itself is one step. */
    cpu->sr.elr = RIG_CODE + 0x108;
    cpu->sr.spsr = 0x3c0 | BIT(21);
    expect_u64(rig_vector(&r, rig_go(&r)), 0x400);
    expect_u64(rig_ec(&r), A64_EC_STEP_LOWER);
    expect_u64(cpu->sr.elr, RIG_CODE + 0x108);
    /* SVC: its own exception first, with SS 0. */
    cpu->sr.elr = RIG_CODE + 0x10c;
    cpu->sr.spsr = 0x3c0 | BIT(21);
    rig_go(&r);
    expect_u64(rig_ec(&r), A64_EC_SVC);
    expect_u64(cpu->sr.spsr, 0x3c0);
    /* Off: the code runs through. */
    cpu->sr.mdscr = 0;
    cpu->sr.elr = RIG_CODE + 0x10c;
    cpu->sr.spsr = 0x3c0 | BIT(21);
    rig_go(&r);
    expect_u64(rig_ec(&r), A64_EC_SVC);
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(exception_entry_sets_state),
    TAP_TEST(vector_follows_el_and_sp),
    TAP_TEST(sp_follows_spsel),
    TAP_TEST(eret_restores),
    TAP_TEST(illegal_return_sets_il),
    TAP_TEST(undefined_and_debug_instructions),
    TAP_TEST(fp_traps_by_cpacr),
    TAP_TEST(vector_that_faults_is_stuck),
    TAP_TEST(call_and_semihost_leave_after_the_instruction),
    TAP_TEST(id_registers),
    TAP_TEST(registers_keep_their_writable_bits),
    TAP_TEST(unknown_registers_are_remembered),
    TAP_TEST(gic_registers_leave),
    TAP_TEST(irq_is_taken_when_unmasked),
    TAP_TEST(a_kick_ends_a_guest_that_goes_round_by_exceptions),
    TAP_TEST(kick_before_run_is_kept),
    TAP_TEST(wfi_waits_for_the_nearest_timer),
    TAP_TEST(wfe_takes_the_event_and_never_waits_long),
    TAP_TEST(timer_raises_its_line),
    TAP_TEST(istatus_and_the_line_come_together),
    TAP_TEST(counter_runs_at_cntfrq),
    TAP_TEST(step_takes_one_instruction),
};

TAP_MAIN(tests)
