// SPDX-License-Identifier: MIT
/*
 * sysreg.c - MRS and MSR: the table of system registers (Arm ARM DDI 0487J.a D17).
 *
 * The ID registers describe ARMv8.0 with LSE, CRC32, AES and PMULL, SHA1, SHA256, RDM, PAN, E0PD,
 * RNDR and hardware access flags; EL0 and EL1, AArch64 only; 40-bit PAs, 16-bit ASIDs, all three
 * granules. There is no PMU, no RAS, no trace; two breakpoints and two watchpoints, the least that
 * the architecture allows, hold state and never fire. Registers of the GIC CPU interface leave
 * run(). The debug communication channel and the claim tags read as zero and ignore writes.
 *
 * What is in no row is UNDEFINED and remembered (a64_cpu_odd_sysregs).
 */
#include <stdio.h>
#include <sys/random.h>

#include "src/a64/a64_internal.h"
#include "src/a64/fp.h"

#include "a64_table.h"

#define CNTFRQ_HZ 62500000

enum { EL0, EL1, NOBODY };

/* What may trap or refuse an access that the EL allows. */
enum trap { T_NONE, T_UCT, T_UMA, T_FRQ, T_PCT, T_VCT, T_PT, T_VT, T_FP, T_SCXT };

struct sysreg {
    uint16_t reg; /* HV_SYSREG() */
    uint8_t read_el, write_el;
    uint8_t trap;
    bool resync;  /* after a write, look the next instruction up anew */
    uint16_t off; /* of the field in struct a64_cpu; 0: none, reads as `reset`, ignores writes */
    const char *name;
    uint64_t mask, reset; /* writable bits; value after reset */
    uint64_t (*read)(struct a64_cpu *cpu, const struct sysreg *r);
    void (*write)(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val);
};

static uint64_t *field(struct a64_cpu *cpu, const struct sysreg *r)
{
    return (uint64_t *)(void *)((char *)cpu + r->off);
}

/* ---- registers that do something ---- */
static uint64_t mpidr_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return BIT(31) | cpu->index;
}

/* D17.2.25: 32 KiB 4-way data, 32 KiB 2-way instruction, 64-byte lines. Others are UNKNOWN. */
static uint64_t ccsidr_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return cpu->sr.csselr & 1 ? 0x1fe00a : 0xfe01a;
}

static uint64_t dczid_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    bool prohibited = !cpu->el && !(cpu->sr.sctlr & A64_SCTLR_DZE);
    return r->reset | (prohibited ? BIT(4) : 0);
}

/* RES1 without AArch32 and without ExS: ITD SED EOS EIS nTLSMD LSMAOE. */
#define SCTLR_RES1  (BIT(7) | BIT(8) | BIT(11) | BIT(22) | BIT(28) | BIT(29))
#define SCTLR_TSCXT BIT(20)
#define SCTLR_MASK                                                                                 \
    (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(9) | BIT(12) | BIT(14) | BIT(15) | BIT(16) | \
     BIT(18) | BIT(19) | SCTLR_TSCXT | BIT(23) | BIT(26))

static void sctlr_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    uint64_t old = cpu->sr.sctlr;
    cpu->sr.sctlr = (val & r->mask) | SCTLR_RES1;
    if ((old ^ cpu->sr.sctlr) & (A64_SCTLR_M | A64_SCTLR_A | A64_SCTLR_WXN))
        a64_tlb_flush_all(cpu);
}

static void ttbr_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    *field(cpu, r) = val;
    a64_context_changed(cpu);
}

/* TCR_EL1 and MAIR_EL1: what the TLB holds depends on them. */
static void regime_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    uint64_t *f = field(cpu, r);
    if (*f == (val & r->mask))
        return;
    *f = val & r->mask;
    a64_tlb_flush_all(cpu);
    a64_context_changed(cpu);
}

static void cpacr_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    cpu->sr.cpacr = val & r->mask;
    a64_fp_update(cpu);
}

static uint64_t currentel_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return (uint64_t)cpu->el << 2;
}

static uint64_t spsel_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return cpu->spsel;
}

static void spsel_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    (void)r;
    a64_sp_select(cpu, 1, val & 1);
}

static uint64_t pan_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return (uint64_t)cpu->pan << 22;
}

static void pan_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    (void)r;
    cpu->pan = val >> 22 & 1;
    a64_bank_pick(cpu);
}

static uint64_t daif_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return (uint64_t)cpu->daif << 6;
}

static void daif_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    (void)r;
    cpu->daif = val >> 6 & 0xf;
    a64_irq_update(cpu);
    if (cpu->sr.mdscr & 1)
        a64_step_update(cpu);
}

static uint64_t nzcv_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return a64_nzcv(cpu);
}

static void nzcv_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    (void)r;
    a64_nzcv_set(cpu, (uint32_t)val);
}

static uint64_t fpcr_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return cpu->fpcr;
}

static void fpcr_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    (void)r;
    a64_fpcr_set(cpu, (uint32_t)val);
}

static uint64_t fpsr_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return a64_fpsr_get(cpu);
}

static void fpsr_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    (void)r;
    a64_fpsr_set(cpu, (uint32_t)val);
}

static uint64_t isr_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    uint32_t lines = atomic_load(&a64_core_of(cpu)->lines);
    return (lines & 1 << HV_LINE_IRQ ? BIT(7) : 0) | (lines & 1 << HV_LINE_FIQ ? BIT(6) : 0);
}

/* D17.2.112: NZCV 0000, or 0 and NZCV 0100 when there is no random number in reasonable time. */
static uint64_t rndr_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    uint64_t val = 0;
    bool ok = getrandom(&val, sizeof val, GRND_NONBLOCK) == sizeof val;
    a64_nzcv_set(cpu, ok ? 0 : 1u << 30);
    return ok ? val : 0;
}

static uint64_t count_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    (void)r;
    return a64_timer_count(cpu);
}

/* The control register of timer 0 (virtual) or 1: `mask` says which in bit 63. */
#define TIMER_P BIT(63)

static uint64_t ctl_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    bool met = a64_timer_status(cpu, r->mask & TIMER_P ? 1 : 0);
    if (met) /* who sees ISTATUS may expect the interrupt: its deadline is under way yet */
        a64_timer_update(cpu);
    return *field(cpu, r) | (met ? 4 : 0);
}

static void ctl_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    *field(cpu, r) = val & 3;
    a64_timer_update(cpu);
}

static void cval_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    *field(cpu, r) = val;
    a64_timer_update(cpu);
}

static uint64_t tval_read(struct a64_cpu *cpu, const struct sysreg *r)
{
    return (uint32_t)(*field(cpu, r) - a64_timer_count(cpu));
}

static void tval_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    *field(cpu, r) = a64_timer_count(cpu) + (uint64_t)(int64_t)(int32_t)val;
    a64_timer_update(cpu);
}

static void mdscr_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    cpu->sr.mdscr = val & r->mask;
    a64_step_update(cpu);
}

static void oslar_write(struct a64_cpu *cpu, const struct sysreg *r, uint64_t val)
{
    (void)r;
    cpu->sr.oslsr = (cpu->sr.oslsr & ~BIT(1)) | (val & 1) << 1;
    a64_step_update(cpu);
}

/* ---- the table ---- */
#define REG(op0, op1, crn, crm, op2) (uint16_t) HV_SYSREG(op0, op1, crn, crm, op2)
#define SP_EL0                       REG(3, 0, 4, 1, 0)
#define SR(f)                        offsetof(struct a64_cpu, sr.f)
#define ALL64                        (~UINT64_C(0))
#define ALL32                        UINT64_C(0xffffffff)

#define ID(op1, crm, op2, name, val)                                                               \
    {                                                                                              \
        REG(3, op1, 0, crm, op2), EL1, NOBODY, T_NONE, false, 0, name, 0, val, NULL, NULL          \
    }
/* State without a side effect. */
#define PLAIN(reg, rel, wel, f, name, mask, reset)                                                 \
    {                                                                                              \
        reg, rel, wel, T_NONE, false, SR(f), name, mask, reset, NULL, NULL                         \
    }
/* Reads as zero, ignores writes. */
#define RAZ(reg, name)                                                                             \
    {                                                                                              \
        reg, EL1, EL1, T_NONE, false, 0, name, 0, 0, NULL, NULL                                    \
    }
#define DBG(n)                                                                                     \
    PLAIN(REG(2, 0, 0, n, 4), EL1, EL1, dbgbvr[n], "DBGBVR" #n "_EL1", ALL64, 0),                  \
        PLAIN(REG(2, 0, 0, n, 5), EL1, EL1, dbgbcr[n], "DBGBCR" #n "_EL1", ALL32, 0),              \
        PLAIN(REG(2, 0, 0, n, 6), EL1, EL1, dbgwvr[n], "DBGWVR" #n "_EL1", ALL64, 0),              \
        PLAIN(REG(2, 0, 0, n, 7), EL1, EL1, dbgwcr[n], "DBGWCR" #n "_EL1", ALL32, 0)

// clang-format off
static const struct sysreg sysregs[] = {
    /* Identification. MIDR: implementer 0 is reserved for software use; architecture 0xf: see the ID registers. */
    ID(0, 0, 0, "MIDR_EL1", 0x000f5640),
    {REG(3, 0, 0, 0, 5), EL1, NOBODY, T_NONE, false, 0, "MPIDR_EL1", 0, 0, mpidr_read, NULL},
    ID(0, 0, 6, "REVIDR_EL1", 0),
    /* EL0 and EL1 AArch64 only; FP and ASIMD; GIC system registers; CSV2_3 CSV3: no speculation to mend. */
    ID(0, 4, 0, "ID_AA64PFR0_EL1", 0x1300000001000011),
    ID(0, 4, 1, "ID_AA64PFR1_EL1", 0),
    /* DebugVer ARMv8.0; BRPs WRPs 2 each. */
    ID(0, 5, 0, "ID_AA64DFR0_EL1", 0x0000000000101006),
    ID(0, 5, 1, "ID_AA64DFR1_EL1", 0),
    /* AES 2 (with PMULL), SHA1, SHA2 (SHA256), CRC32, Atomic 2 (LSE), RDM, RNDR. */
    ID(0, 6, 0, "ID_AA64ISAR0_EL1", 0x1000000010211120),
    ID(0, 6, 1, "ID_AA64ISAR1_EL1", 0),
    /* PARange 40 bits, ASIDBits 16, TGran16 yes, TGran64 yes (0), TGran4 yes (0). */
    ID(0, 7, 0, "ID_AA64MMFR0_EL1", 0x0000000000100022),
    /* HAFDBS 1 (access flag), PAN 1. */
    ID(0, 7, 1, "ID_AA64MMFR1_EL1", 0x0000000000100001),
    /* E0PD. */
    ID(0, 7, 2, "ID_AA64MMFR2_EL1", 0x1000000000000000),
    {REG(3, 1, 0, 0, 0), EL1, NOBODY, T_NONE, false, 0, "CCSIDR_EL1", 0, 0, ccsidr_read, NULL},
    /* One level, separate caches; LoUIS, LoC and LoUU 1. */
    ID(1, 0, 1, "CLIDR_EL1", 0x09200003),
    ID(1, 0, 7, "AIDR_EL1", 0),
    PLAIN(REG(3, 2, 0, 0, 0), EL1, EL1, csselr, "CSSELR_EL1", 0xf, 0),
    /* 64-byte lines, PIPT, ERG and CWG 64 bytes, DIC 0, IDC 0. */
    {REG(3, 3, 0, 0, 1), EL0, NOBODY, T_UCT, false, 0, "CTR_EL0", 0, 0x8444c004, NULL, NULL},
    {REG(3, 3, 0, 0, 7), EL0, NOBODY, T_NONE, false, 0, "DCZID_EL0", 0, 4, dczid_read, NULL},

    /* Translation and control. */
    {REG(3, 0, 1, 0, 0), EL1, EL1, T_NONE, true, SR(sctlr), "SCTLR_EL1", SCTLR_MASK, SCTLR_RES1 | SCTLR_TSCXT | BIT(23), NULL, sctlr_write},
    RAZ(REG(3, 0, 1, 0, 1), "ACTLR_EL1"),
    {REG(3, 0, 1, 0, 2), EL1, EL1, T_NONE, false, SR(cpacr), "CPACR_EL1", 3 << 20, 0, NULL, cpacr_write},
    {REG(3, 0, 2, 0, 0), EL1, EL1, T_NONE, false, SR(ttbr0), "TTBR0_EL1", ALL64, 0, NULL, ttbr_write},
    {REG(3, 0, 2, 0, 1), EL1, EL1, T_NONE, false, SR(ttbr1), "TTBR1_EL1", ALL64, 0, NULL, ttbr_write},
    /* Without HD, HPDn, HWU, TBID, NFD, TCMA, DS. */
    {REG(3, 0, 2, 0, 2), EL1, EL1, T_NONE, true, SR(tcr), "TCR_EL1", 0x018000f7ffffffbf, 0, NULL, regime_write},
    {REG(3, 0, 10, 2, 0), EL1, EL1, T_NONE, false, SR(mair), "MAIR_EL1", ALL64, 0, NULL, regime_write},
    RAZ(REG(3, 0, 10, 3, 0), "AMAIR_EL1"),
    PLAIN(REG(3, 0, 13, 0, 1), EL1, EL1, contextidr, "CONTEXTIDR_EL1", ALL32, 0),
    PLAIN(REG(3, 0, 7, 4, 0), EL1, EL1, par, "PAR_EL1", ALL64, 0),

    /* Exceptions. */
    PLAIN(REG(3, 0, 12, 0, 0), EL1, EL1, vbar, "VBAR_EL1", ~UINT64_C(0x7ff), 0),
    {REG(3, 0, 12, 0, 1), EL1, NOBODY, T_NONE, false, 0, "RVBAR_EL1", 0, 0, NULL, NULL},
    {REG(3, 0, 12, 1, 0), EL1, NOBODY, T_NONE, false, 0, "ISR_EL1", 0, 0, isr_read, NULL},
    PLAIN(REG(3, 0, 5, 2, 0), EL1, EL1, esr, "ESR_EL1", ALL32, 0),
    RAZ(REG(3, 0, 5, 1, 0), "AFSR0_EL1"),
    RAZ(REG(3, 0, 5, 1, 1), "AFSR1_EL1"),
    PLAIN(REG(3, 0, 6, 0, 0), EL1, EL1, far_, "FAR_EL1", ALL64, 0),
    PLAIN(REG(3, 0, 4, 0, 0), EL1, EL1, spsr, "SPSR_EL1", ALL32, 0),
    PLAIN(REG(3, 0, 4, 0, 1), EL1, EL1, elr, "ELR_EL1", ALL64, 0),
    PLAIN(SP_EL0, EL1, EL1, sp_el0, "SP_EL0", ALL64, 0), /* see mrs_sp_el0 */

    /* Process state. */
    {REG(3, 0, 4, 2, 0), EL1, EL1, T_NONE, false, 0, "SPSel", 0, 0, spsel_read, spsel_write},
    {REG(3, 0, 4, 2, 2), EL1, NOBODY, T_NONE, false, 0, "CurrentEL", 0, 0, currentel_read, NULL},
    {REG(3, 0, 4, 2, 3), EL1, EL1, T_NONE, false, 0, "PAN", 0, 0, pan_read, pan_write},
    {REG(3, 3, 4, 2, 0), EL0, EL0, T_NONE, false, 0, "NZCV", 0, 0, nzcv_read, nzcv_write},
    {REG(3, 3, 4, 2, 1), EL0, EL0, T_UMA, true, 0, "DAIF", 0, 0, daif_read, daif_write},
    {REG(3, 3, 4, 4, 0), EL0, EL0, T_FP, false, 0, "FPCR", 0, 0, fpcr_read, fpcr_write},
    {REG(3, 3, 4, 4, 1), EL0, EL0, T_FP, false, 0, "FPSR", 0, 0, fpsr_read, fpsr_write},

    /* Software's own. */
    PLAIN(REG(3, 3, 13, 0, 2), EL0, EL0, tpidr_el0, "TPIDR_EL0", ALL64, 0),
    PLAIN(REG(3, 3, 13, 0, 3), EL0, EL1, tpidrro_el0, "TPIDRRO_EL0", ALL64, 0),
    PLAIN(REG(3, 0, 13, 0, 4), EL1, EL1, tpidr_el1, "TPIDR_EL1", ALL64, 0),
    /* Come with CSV2_3. */
    {REG(3, 3, 13, 0, 7), EL0, EL0, T_SCXT, false, SR(scxtnum_el0), "SCXTNUM_EL0", ALL64, 0, NULL, NULL},
    PLAIN(REG(3, 0, 13, 0, 7), EL1, EL1, scxtnum_el1, "SCXTNUM_EL1", ALL64, 0),
    {REG(3, 3, 2, 4, 0), EL0, NOBODY, T_NONE, false, 0, "RNDR", 0, 0, rndr_read, NULL},
    {REG(3, 3, 2, 4, 1), EL0, NOBODY, T_NONE, false, 0, "RNDRRS", 0, 0, rndr_read, NULL},

    /* Generic timer. CNTFRQ_EL0 is for firmware to write: it tells, it does not set. */
    {REG(3, 3, 14, 0, 0), EL0, EL1, T_FRQ, false, 0, "CNTFRQ_EL0", 0, CNTFRQ_HZ, NULL, NULL},
    {REG(3, 3, 14, 0, 1), EL0, NOBODY, T_PCT, false, 0, "CNTPCT_EL0", 0, 0, count_read, NULL},
    {REG(3, 3, 14, 0, 2), EL0, NOBODY, T_VCT, false, 0, "CNTVCT_EL0", 0, 0, count_read, NULL},
    PLAIN(REG(3, 0, 14, 1, 0), EL1, EL1, cntkctl, "CNTKCTL_EL1", 0x3ff, 0),
    {REG(3, 3, 14, 2, 0), EL0, EL0, T_PT, false, SR(cntp_cval), "CNTP_TVAL_EL0", 0, 0, tval_read, tval_write},
    {REG(3, 3, 14, 2, 1), EL0, EL0, T_PT, false, SR(cntp_ctl), "CNTP_CTL_EL0", TIMER_P, 0, ctl_read, ctl_write},
    {REG(3, 3, 14, 2, 2), EL0, EL0, T_PT, false, SR(cntp_cval), "CNTP_CVAL_EL0", ALL64, 0, NULL, cval_write},
    {REG(3, 3, 14, 3, 0), EL0, EL0, T_VT, false, SR(cntv_cval), "CNTV_TVAL_EL0", 0, 0, tval_read, tval_write},
    {REG(3, 3, 14, 3, 1), EL0, EL0, T_VT, false, SR(cntv_ctl), "CNTV_CTL_EL0", 0, 0, ctl_read, ctl_write},
    {REG(3, 3, 14, 3, 2), EL0, EL0, T_VT, false, SR(cntv_cval), "CNTV_CVAL_EL0", ALL64, 0, NULL, cval_write},

    /* Debug. MDSCR_EL1: SS ERR TDCC KDE HDE MDE. */
    {REG(2, 0, 0, 2, 2), EL1, EL1, T_NONE, true, SR(mdscr), "MDSCR_EL1", 0xf041, 0, NULL, mdscr_write},
    {REG(2, 0, 1, 0, 4), NOBODY, EL1, T_NONE, true, 0, "OSLAR_EL1", 0, 0, NULL, oslar_write},
    /* OSLM 0b10: there is an OS lock; locked. */
    PLAIN(REG(2, 0, 1, 1, 4), EL1, NOBODY, oslsr, "OSLSR_EL1", 0, 0xa),
    PLAIN(REG(2, 0, 1, 3, 4), EL1, EL1, osdlr, "OSDLR_EL1", 1, 0),
    DBG(0),
    DBG(1),
    RAZ(REG(2, 0, 0, 0, 2), "OSDTRRX_EL1"),
    RAZ(REG(2, 0, 0, 2, 0), "MDCCINT_EL1"),
    RAZ(REG(2, 0, 0, 3, 2), "OSDTRTX_EL1"),
    RAZ(REG(2, 0, 0, 6, 2), "OSECCR_EL1"),
    {REG(2, 0, 1, 0, 0), EL1, NOBODY, T_NONE, false, 0, "MDRAR_EL1", 0, 0, NULL, NULL},
    RAZ(REG(2, 0, 1, 4, 4), "DBGPRCR_EL1"),
    RAZ(REG(2, 0, 7, 8, 6), "DBGCLAIMSET_EL1"),
    RAZ(REG(2, 0, 7, 9, 6), "DBGCLAIMCLR_EL1"),
    {REG(2, 0, 7, 14, 6), EL1, NOBODY, T_NONE, false, 0, "DBGAUTHSTATUS_EL1", 0, 0, NULL, NULL},
    {REG(2, 3, 0, 1, 0), EL0, NOBODY, T_NONE, false, 0, "MDCCSR_EL0", 0, 0, NULL, NULL},
    {REG(2, 3, 0, 4, 0), EL0, EL0, T_NONE, false, 0, "DBGDTR_EL0", 0, 0, NULL, NULL},
    {REG(2, 3, 0, 5, 0), EL0, EL0, T_NONE, false, 0, "DBGDTRRX_EL0", 0, 0, NULL, NULL},
};
// clang-format on

/* Unallocated encodings of the ID space read as zero (D17.1.3). */
static const struct sysreg id_raz = {0, EL1, NOBODY, T_NONE, false, 0, "", 0, 0, NULL, NULL};

static const struct sysreg *sysreg_find(uint32_t reg)
{
    for (unsigned i = 0; i < ARRAY_LEN(sysregs); i++)
        if (sysregs[i].reg == reg)
            return &sysregs[i];
    if (reg >> 7 == HV_SYSREG(3, 0, 0, 0, 0) >> 7 && (reg >> 3 & 15) >= 1 && (reg >> 3 & 15) <= 7)
        return &id_raz;
    return NULL;
}

void a64_sysreg_reset(struct a64_cpu *cpu)
{
    memset(&cpu->sr, 0, sizeof cpu->sr);
    for (unsigned i = 0; i < ARRAY_LEN(sysregs); i++)
        if (sysregs[i].off && sysregs[i].reset)
            *field(cpu, &sysregs[i]) = sysregs[i].reset;
}

/* ---- MRS, MSR ---- */
uint32_t a64_sysreg_reg(uint32_t insn)
{
    return insn >> 5 & 0xffff;
}

const struct a64_op *a64_sysreg_trap(struct a64_cpu *cpu, const struct a64_op *op, uint32_t insn)
{
    /* D17.2.37, "ISS encoding for an exception from MSR, MRS, or System instruction execution" */
    uint32_t iss = (insn >> 19 & 3) << 20 | (insn >> 5 & 7) << 17 | (insn >> 16 & 7) << 14 |
                   (insn >> 12 & 15) << 10 | (insn & 31) << 5 | (insn >> 8 & 15) << 1 |
                   (insn >> 21 & 1);
    return a64_exception(cpu, a64_pc_of(cpu, op), A64_EC_SYSREG, iss);
}

void a64_sysreg_odd(struct a64_cpu *cpu, uint32_t reg, uint64_t pc, bool write)
{
    struct a64_core *core = a64_core_of(cpu);
    if (!cpu->el)
        return; /* a kernel may well emulate it */
    for (unsigned i = 0; i < core->odd_n; i++)
        if (core->odd[i].reg == reg && core->odd[i].write == write) {
            core->odd[i].count += core->odd[i].count != UINT32_MAX;
            return;
        }
    if (core->odd_n < A64_ODD_MAX)
        core->odd[core->odd_n++] =
            (struct hv_odd_sysreg){.reg = reg, .count = 1, .pc = pc, .write = write};
}

unsigned a64_cpu_odd_sysregs(struct a64_cpu *cpu, struct hv_odd_sysreg *out, unsigned max)
{
    struct a64_core *core = a64_core_of(cpu);
    unsigned n = MIN(core->odd_n, max);
    memcpy(out, core->odd, n * sizeof *out);
    return n;
}

static bool el0_traps(const struct a64_cpu *cpu, enum trap trap)
{
    switch (trap) {
    case T_UCT:
        return !(cpu->sr.sctlr & A64_SCTLR_UCT);
    case T_UMA:
        return !(cpu->sr.sctlr & A64_SCTLR_UMA);
    case T_FRQ: /* CNTKCTL_EL1 (D17.12.12) */
        return !(cpu->sr.cntkctl & 3);
    case T_PCT:
        return !(cpu->sr.cntkctl & BIT(0));
    case T_VCT:
        return !(cpu->sr.cntkctl & BIT(1));
    case T_VT:
        return !(cpu->sr.cntkctl & BIT(8));
    case T_PT:
        return !(cpu->sr.cntkctl & BIT(9));
    case T_SCXT:
        return cpu->sr.sctlr & SCTLR_TSCXT;
    default:
        return false;
    }
}

/* The word that a slot was decoded from. */
static uint32_t access_insn(const struct sysreg *r, unsigned rt, bool read)
{
    return 0xd5000000u | (uint32_t)read << 21 | (uint32_t)r->reg << 5 | rt;
}

/* Is the access refused? Then cpu->resume is where it goes. */
static bool refused(struct a64_cpu *cpu, const struct a64_op *op, const struct sysreg *r,
                    unsigned rt, bool read)
{
    uint8_t need = read ? r->read_el : r->write_el;
    if (cpu->el < need) {
        if (r->reg)
            a64_sysreg_odd(cpu, r->reg, a64_pc_of(cpu, op), !read);
        cpu->resume = a64_undef(cpu, op);
        return true;
    }
    if (!cpu->el && el0_traps(cpu, (enum trap)r->trap)) {
        cpu->resume = a64_sysreg_trap(cpu, op, access_insn(r, rt, read));
        return true;
    }
    if (r->trap == T_FP && cpu->fp_trap) {
        cpu->resume = a64_fp_trap(cpu, op);
        return true;
    }
    return false;
}

/* op->imm is the row's number, -1 for id_raz. */
static const struct sysreg *row_of(const struct a64_op *op)
{
    return unlikely(op->imm < 0) ? &id_raz : &sysregs[op->imm];
}

static A64_OP(mrs_row)
{
    const struct sysreg *r = row_of(op);
    if (unlikely(cpu->el < r->read_el || r->trap) &&
        refused(cpu, op, r, op->rd == A64_SINK ? 31 : op->rd, true))
        return cpu->resume;
    cpu->x[op->rd] = r->read ? r->read(cpu, r) : r->off ? *field(cpu, r) : r->reset;
    A64_NEXT;
}

static A64_OP(msr_row)
{
    const struct sysreg *r = row_of(op);
    if (unlikely(cpu->el < r->write_el || r->trap) &&
        refused(cpu, op, r, op->rn == A64_ZR ? 31 : op->rn, false))
        return cpu->resume;
    if (r->write)
        r->write(cpu, r, cpu->x[op->rn]);
    else if (r->off)
        *field(cpu, r) = cpu->x[op->rn] & r->mask;
    if (r->resync)
        return a64_resync(cpu, op);
    A64_NEXT;
}

/* UNDEFINED while it is the current SP (C5.2.19). Linux keeps `current` there: a handler of its
 * own. */
static A64_OP(mrs_sp_el0)
{
    if (unlikely(!cpu->el || !cpu->spsel))
        return a64_undef(cpu, op);
    cpu->x[op->rd] = cpu->sr.sp_el0;
    A64_NEXT;
}

static A64_OP(msr_sp_el0)
{
    if (unlikely(!cpu->el || !cpu->spsel))
        return a64_undef(cpu, op);
    cpu->sr.sp_el0 = cpu->x[op->rn];
    A64_NEXT;
}

/* ICC_PMR_EL1 and ICC_*_EL1 of CRn 12 (GICv3 IHI 0069H, 12.2). */
static bool is_gic(uint32_t reg)
{
    unsigned crn = reg >> 7 & 15, crm = reg >> 3 & 15;
    return reg == HV_SYSREG(3, 0, 4, 6, 0) ||
           (reg >> 11 == 0x18 && crn == 12 && crm >= 8 && crm <= 12);
}

static A64_OP(sysreg_gic)
{
    if (!cpu->el)
        return a64_undef(cpu, op);
    bool read = op->insn >> 21 & 1;
    unsigned rt = op->insn & 31;
    cpu->exit = (struct hv_exit){.reason = HV_EXIT_SYSREG};
    cpu->exit.sysreg.reg = a64_sysreg_reg(op->insn);
    cpu->exit.sysreg.write = !read;
    cpu->exit.sysreg.val = read ? 0 : cpu->x[a64_src(rt)];
    a64_core_of(cpu)->sysreg_rd = read ? a64_dst(rt) : A64_SINK;
    return a64_leave(cpu, a64_pc_of(cpu, op) + 4);
}

static A64_OP(sysreg_unknown)
{
    a64_sysreg_odd(cpu, a64_sysreg_reg(op->insn), a64_pc_of(cpu, op), !(op->insn >> 21 & 1));
    return a64_undef(cpu, op);
}

static void decode(struct a64_op *op, uint32_t insn, a64_fn *known, a64_fn *sp_el0)
{
    uint32_t reg = a64_sysreg_reg(insn);
    const struct sysreg *r = sysreg_find(reg);
    op->insn = insn;
    op->fn = is_gic(reg) ? a64_op_sysreg_gic : a64_op_sysreg_unknown;
    if (r) {
        op->imm = r == &id_raz ? -1 : (int32_t)(r - sysregs);
        op->fn = reg == SP_EL0 ? sp_el0 : known;
    }
}

void a64_dec_mrs(struct a64_op *op, uint32_t insn)
{
    op->rd = a64_dst(insn & 31);
    decode(op, insn, a64_op_mrs_row, a64_op_mrs_sp_el0);
}

void a64_dec_msr_reg(struct a64_op *op, uint32_t insn)
{
    op->rn = a64_src(insn & 31);
    decode(op, insn, a64_op_msr_row, a64_op_msr_sp_el0);
}

/* Those that hold a value of their own; ELR, SPSR and SP_EL0 are general state (state.c). */
unsigned a64_sysreg_state(struct a64_cpu *cpu, struct hv_state_reg *out, unsigned max)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ARRAY_LEN(sysregs) && n < max; i++) {
        const struct sysreg *r = &sysregs[i];
        if (!r->off || r->read == tval_read || r->reg == SP_EL0 || r->off == SR(elr) ||
            r->off == SR(spsr))
            continue;
        out[n++] = (struct hv_state_reg){
            .id = (uint64_t)HV_STATE_SYSREG << 32 | r->reg,
            .kind = HV_STATE_SYSREG,
            .num = r->reg,
            .size = 8,
            .val = {r->read ? r->read(cpu, r) : *field(cpu, r)},
        };
    }
    return n;
}

/* ---- names ---- */

/* Registers that guests are known to try and that are not here. */
static const struct {
    uint16_t reg;
    const char *name;
} other_names[] = {
    {REG(3, 0, 2,  1,  0), "APIAKeyLo_EL1"  },
    {REG(3, 0, 4,  6,  0), "ICC_PMR_EL1"    },
    {REG(3, 0, 5,  3,  0), "ERRIDR_EL1"     },
    {REG(3, 0, 9,  14, 1), "PMINTENSET_EL1" },
    {REG(3, 0, 12, 1,  1), "DISR_EL1"       },
    {REG(3, 0, 12, 12, 5), "ICC_SRE_EL1"    },
    {REG(3, 0, 12, 12, 0), "ICC_IAR1_EL1"   },
    {REG(3, 0, 12, 12, 7), "ICC_IGRPEN1_EL1"},
    {REG(3, 3, 4,  2,  6), "SSBS"           },
    {REG(3, 3, 9,  12, 0), "PMCR_EL0"       },
    {REG(3, 3, 9,  12, 1), "PMCNTENSET_EL0" },
    {REG(3, 3, 9,  13, 0), "PMCCNTR_EL0"    },
    {REG(3, 3, 9,  14, 0), "PMUSERENR_EL0"  },
    {REG(3, 3, 14, 15, 7), "PMCCFILTR_EL0"  },
    {REG(3, 3, 13, 2,  3), "AMUSERENR_EL0"  },
    {REG(3, 4, 1,  1,  0), "HCR_EL2"        },
    {REG(3, 4, 12, 0,  0), "VBAR_EL2"       },
    {REG(3, 4, 14, 0,  3), "CNTVOFF_EL2"    },
    {REG(3, 4, 14, 1,  0), "CNTHCTL_EL2"    },
    {REG(3, 4, 4,  0,  0), "SPSR_EL2"       },
    {REG(3, 4, 4,  0,  1), "ELR_EL2"        },
    {REG(3, 4, 4,  1,  0), "SP_EL1"         },
    {REG(3, 4, 12, 9,  5), "ICC_SRE_EL2"    },
    {REG(3, 6, 1,  1,  0), "SCR_EL3"        },
    {REG(3, 6, 12, 0,  0), "VBAR_EL3"       },
    {REG(3, 6, 12, 12, 5), "ICC_SRE_EL3"    },
};

void a64_sysreg_name(uint32_t reg, char *buf, size_t len)
{
    const struct sysreg *r = sysreg_find(reg);
    const char *name = r && r->name[0] ? r->name : NULL;
    for (unsigned i = 0; !name && i < ARRAY_LEN(other_names); i++)
        if (other_names[i].reg == reg)
            name = other_names[i].name;
    if (name)
        snprintf(buf, len, "%s", name);
    else
        snprintf(buf, len, "S%u_%u_C%u_C%u_%u", reg >> 14 & 3, reg >> 11 & 7, reg >> 7 & 15,
                 reg >> 3 & 15, reg & 7);
}
