// SPDX-License-Identifier: MIT
/*
 * sys_ops.c - SYS instructions: cache and TLB maintenance, DC ZVA, address translation (Arm ARM DDI
 * 0487J.a C5.3 to C5.5).
 *
 * There is one cache to maintain: the mirrors. Data cache maintenance takes its faults and does
 * nothing. Broadcast forms ask the other vCPUs through sync.c.
 */
#include "src/a64/a64_internal.h"

#include "a64_table.h"

#define LINE 64u /* CTR_EL0 and DCZID_EL0 say so */

static A64_OP(sys_nop)
{
    if (!cpu->el)
        return a64_undef(cpu, op);
    A64_NEXT;
}

static bool el0_may(const struct a64_cpu *cpu, uint64_t sctlr_bit)
{
    return cpu->el || cpu->sr.sctlr & sctlr_bit;
}

/* ---- DC by VA ---- */
static bool dc_checked(struct a64_cpu *cpu, const struct a64_op *op, enum a64_access access,
                       struct a64_tr *t)
{
    uint64_t va = cpu->x[op->rn];
    /* EL1 needs no permission to clean, EL0 needs to read, invalidation to write (D7.5.9.4). */
    bool ok = cpu->el && access == A64_READ ? a64_walk(cpu, va, false, true, t)
                                            : a64_translate(cpu, va, !cpu->el, access, true, t);
    return ok || a64_data_fault(cpu, op, va, t->fsc, true, true);
}

static A64_OP(dc_clean)
{
    uint64_t va = cpu->x[op->rn];
    struct a64_tr t;
    if (unlikely(!el0_may(cpu, A64_SCTLR_UCI)))
        return a64_sysreg_trap(cpu, op, op->insn);
    if (a64_dtlb_of(cpu->bank, va)->tag_r != (va | (A64_PAGE - 1)) &&
        !dc_checked(cpu, op, A64_READ, &t))
        return cpu->resume;
    return op + 1;
}

static A64_OP(dc_ivac)
{
    struct a64_tr t;
    if (!cpu->el)
        return a64_undef(cpu, op);
    if (!dc_checked(cpu, op, A64_WRITE, &t))
        return cpu->resume;
    return op + 1;
}

static const struct a64_op *dc_zva_slow(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va)
{
    struct a64_tr t;
    if (!a64_translate(cpu, va, !cpu->el, A64_WRITE, true, &t)) {
        a64_data_fault(cpu, op, cpu->x[op->rn], t.fsc, true, false);
        return cpu->resume;
    }
    if (t.device) { /* C6.2.84 */
        a64_data_fault(cpu, op, cpu->x[op->rn], A64_FSC_ALIGN, true, false);
        return cpu->resume;
    }
    for (unsigned i = 0; i < LINE; i += 8)
        if (!a64_store(cpu, op, va + i, 8, 0))
            return cpu->resume;
    return op + 1;
}

static A64_OP(dc_zva)
{
    uint64_t va = align_down(cpu->x[op->rn], LINE);
    const struct a64_dtlb *e = a64_dtlb_of(cpu->bank, va);
    if (unlikely(!el0_may(cpu, A64_SCTLR_DZE)))
        return a64_sysreg_trap(cpu, op, op->insn);
    if (unlikely(e->tag_w != (va | (A64_PAGE - 1)) || e->amask))
        return dc_zva_slow(cpu, op, va);
    memset((void *)(uintptr_t)(va + e->addend), 0, LINE);
    A64_NEXT;
}

/* ---- IC ---- */
static A64_OP(ic_ivau)
{
    struct a64_tr t;
    if (unlikely(!el0_may(cpu, A64_SCTLR_UCI)))
        return a64_sysreg_trap(cpu, op, op->insn);
    if (!dc_checked(cpu, op, A64_READ, &t))
        return cpu->resume;
    gpa_t line = align_down(t.pa, LINE);
    if (a64_code_in(cpu->vm, line, LINE)) {
        a64_mirror_written(a64_core_of(cpu), line, LINE);
        a64_sync_others(cpu, &(struct a64_req){A64_REQ_CODE, line, LINE});
    }
    return op + 1;
}

static const struct a64_op *ic_all(struct a64_cpu *cpu, const struct a64_op *op, bool others)
{
    if (!cpu->el)
        return a64_undef(cpu, op);
    uint64_t next = a64_pc_of(cpu, op) + 4;
    a64_mirror_drop_all(a64_core_of(cpu));
    if (others)
        a64_sync_others_code_all(cpu);
    a64_step_done(cpu);
    return a64_lookup(cpu, next);
}

static A64_OP(ic_iallu)
{
    return ic_all(cpu, op, false);
}

static A64_OP(ic_ialluis)
{
    return ic_all(cpu, op, true);
}

/* ---- TLBI. The current mirror stays: an ISB looks its translation up anew. ---- */
static const struct a64_op *tlbi_va(struct a64_cpu *cpu, const struct a64_op *op, bool others)
{
    if (!cpu->el)
        return a64_undef(cpu, op);
    uint64_t va = cpu->x[op->rn] << 12 & (BIT(56) - 1);
    a64_tlb_flush_va(cpu, va);
    if (others)
        a64_sync_others(cpu, &(struct a64_req){A64_REQ_TLB_VA, va, 0});
    return op + 1;
}

static A64_OP(tlbi_va_local)
{
    return tlbi_va(cpu, op, false);
}

static A64_OP(tlbi_va_is)
{
    return tlbi_va(cpu, op, true);
}

static const struct a64_op *tlbi_asid(struct a64_cpu *cpu, const struct a64_op *op, bool others)
{
    if (!cpu->el)
        return a64_undef(cpu, op);
    uint16_t asid = (uint16_t)(cpu->x[op->rn] >> 48);
    if (!(cpu->sr.tcr & BIT(36))) /* TCR_EL1.AS */
        asid &= 0xff;
    a64_tlb_flush_asid(cpu, asid);
    if (others)
        a64_sync_others(cpu, &(struct a64_req){A64_REQ_TLB_ASID, asid, 0});
    return op + 1;
}

static A64_OP(tlbi_asid_local)
{
    return tlbi_asid(cpu, op, false);
}

static A64_OP(tlbi_asid_is)
{
    return tlbi_asid(cpu, op, true);
}

static const struct a64_op *tlbi_all(struct a64_cpu *cpu, const struct a64_op *op, bool others)
{
    if (!cpu->el)
        return a64_undef(cpu, op);
    a64_tlb_flush_all(cpu);
    if (others)
        a64_sync_others_tlb_all(cpu);
    return op + 1;
}

static A64_OP(tlbi_all_local)
{
    return tlbi_all(cpu, op, false);
}

static A64_OP(tlbi_all_is)
{
    return tlbi_all(cpu, op, true);
}

/* ---- AT S1E*: the result goes to PAR_EL1 (D17.2.97) ---- */
static const struct a64_op *at_s1(struct a64_cpu *cpu, const struct a64_op *op, bool el0,
                                  enum a64_access access)
{
    if (!cpu->el)
        return a64_undef(cpu, op);
    struct a64_tr t;
    bool pan = cpu->pan;
    cpu->pan = false; /* only AT S1E1RP and WP, which are not there, honour it */
    bool ok = a64_translate(cpu, cpu->x[op->rn], el0, access, true, &t);
    cpu->pan = pan;
    cpu->sr.par =
        BIT(11) | (ok ? (uint64_t)t.attr << 56 | align_down(t.pa, A64_PAGE) | (uint64_t)t.sh << 7
                      : (uint64_t)t.fsc << 1 | 1);
    return op + 1;
}

static A64_OP(at_s1e1r)
{
    return at_s1(cpu, op, false, A64_READ);
}

static A64_OP(at_s1e1w)
{
    return at_s1(cpu, op, false, A64_WRITE);
}

static A64_OP(at_s1e0r)
{
    return at_s1(cpu, op, true, A64_READ);
}

static A64_OP(at_s1e0w)
{
    return at_s1(cpu, op, true, A64_WRITE);
}

/* Nothing of this number: UNDEFINED, and remembered for the diagnosis. */
static A64_OP(sys_unknown)
{
    a64_sysreg_odd(cpu, a64_sysreg_reg(op->insn), a64_pc_of(cpu, op), true);
    return a64_undef(cpu, op);
}

#define SYS(op1, crn, crm, op2) (uint16_t) HV_SYSREG(1, op1, crn, crm, op2)

static const struct {
    uint16_t reg;
    a64_fn *fn;
} sys_ops[] = {
    {SYS(0, 7, 1,  0), a64_op_ic_ialluis     },
    {SYS(0, 7, 5,  0), a64_op_ic_iallu       },
    {SYS(3, 7, 5,  1), a64_op_ic_ivau        },
    {SYS(0, 7, 6,  1), a64_op_dc_ivac        },
    {SYS(0, 7, 6,  2), a64_op_sys_nop        }, /* DC ISW */
    {SYS(0, 7, 10, 2), a64_op_sys_nop        }, /* DC CSW */
    {SYS(0, 7, 14, 2), a64_op_sys_nop        }, /* DC CISW */
    {SYS(3, 7, 4,  1), a64_op_dc_zva         },
    {SYS(3, 7, 10, 1), a64_op_dc_clean       }, /* CVAC */
    {SYS(3, 7, 11, 1), a64_op_dc_clean       }, /* CVAU */
    {SYS(3, 7, 14, 1), a64_op_dc_clean       }, /* CIVAC */
    {SYS(0, 7, 8,  0), a64_op_at_s1e1r       },
    {SYS(0, 7, 8,  1), a64_op_at_s1e1w       },
    {SYS(0, 7, 8,  2), a64_op_at_s1e0r       },
    {SYS(0, 7, 8,  3), a64_op_at_s1e0w       },
    {SYS(0, 8, 3,  0), a64_op_tlbi_all_is    },
    {SYS(0, 8, 7,  0), a64_op_tlbi_all_local },
    {SYS(0, 8, 3,  1), a64_op_tlbi_va_is     },
    {SYS(0, 8, 7,  1), a64_op_tlbi_va_local  }, /* VAE1 */
    {SYS(0, 8, 3,  2), a64_op_tlbi_asid_is   },
    {SYS(0, 8, 7,  2), a64_op_tlbi_asid_local},
    {SYS(0, 8, 3,  3), a64_op_tlbi_va_is     },
    {SYS(0, 8, 7,  3), a64_op_tlbi_va_local  }, /* VAAE1 */
    {SYS(0, 8, 3,  5), a64_op_tlbi_va_is     },
    {SYS(0, 8, 7,  5), a64_op_tlbi_va_local  }, /* VALE1 */
    {SYS(0, 8, 3,  7), a64_op_tlbi_va_is     },
    {SYS(0, 8, 7,  7), a64_op_tlbi_va_local  }, /* VAALE1 */
};

void a64_dec_sys(struct a64_op *op, uint32_t insn)
{
    op->fn = a64_op_sys_unknown;
    op->rn = a64_src(insn & 31);
    op->insn = insn;
    for (unsigned i = 0; i < ARRAY_LEN(sys_ops); i++)
        if (sys_ops[i].reg == a64_sysreg_reg(insn))
            op->fn = sys_ops[i].fn;
}
