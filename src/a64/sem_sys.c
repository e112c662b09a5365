// SPDX-License-Identifier: MIT
/*
 * sem_sys.c - system instructions: exception generation, hints, barriers, PSTATE fields (Arm ARM
 * DDI 0487J.a C6.2). System registers are in sysreg.c, SYS instructions in sys_ops.c.
 *
 * WFE without an event may end at any time (D1.6.1); it yields the host CPU, and after a while
 * sleeps for a bounded time, so that a guest that parks in a WFE loop costs little and one that
 * waits for a store of another vCPU does not wait long.
 */
#include <sched.h>

#include "src/a64/a64_internal.h"
#include "vmm/clock.h"

#include "a64_table.h"

#define HLT_SEMIHOSTING 0xf000 /* Arm semihosting specification, A64 */
#define WFE_YIELDS      64     /* WFEs in a row before they sleep */
#define WFE_SLEEP_NS    (NS_PER_SEC / 10000)

static uint32_t imm16(const struct a64_op *op)
{
    return op->insn >> 5 & 0xffff;
}

A64_OP(svc)
{
    uint64_t pc = a64_pc_of(cpu, op) + 4;
    a64_step_done(cpu); /* SSAdvance() */
    return a64_exception(cpu, pc, A64_EC_SVC, imm16(op));
}

static const struct a64_op *call_out(struct a64_cpu *cpu, const struct a64_op *op, bool smc)
{
    if (!cpu->el)
        return a64_undef(cpu, op);
    cpu->exit = (struct hv_exit){.reason = HV_EXIT_CALL};
    cpu->exit.call.smc = smc;
    return a64_leave(cpu, a64_pc_of(cpu, op) + 4);
}

A64_OP(hvc)
{
    return call_out(cpu, op, false);
}

A64_OP(smc)
{
    return call_out(cpu, op, true);
}

A64_OP(brk)
{
    return a64_exception(cpu, a64_pc_of(cpu, op), A64_EC_BRK, imm16(op));
}

A64_OP(hlt)
{
    if (!cpu->el || imm16(op) != HLT_SEMIHOSTING) /* no Debug state: UNDEFINED */
        return a64_undef(cpu, op);
    cpu->exit = (struct hv_exit){.reason = HV_EXIT_SEMIHOST};
    return a64_leave(cpu, a64_pc_of(cpu, op) + 4);
}

A64_OP(eret)
{
    return cpu->el ? a64_eret(cpu) : a64_undef(cpu, op);
}

/* ---- hints ---- */
A64_OP(hint)
{
    (void)cpu;
    A64_NEXT;
}

A64_OP(yield)
{
    if (cpu->smp)
        sched_yield();
    A64_NEXT;
}

/* SCTLR_EL1.nTWI and nTWE (D17.2.118): from EL0 only. CV 1, COND 0xe; TI 0 WFI, 1 WFE. */
static const struct a64_op *wfx_trap(struct a64_cpu *cpu, const struct a64_op *op, unsigned ti)
{
    return a64_exception(cpu, a64_pc_of(cpu, op), A64_EC_WFX, 1u << 24 | 0xeu << 20 | ti);
}

static const struct a64_op *wait_until(struct a64_cpu *cpu, const struct a64_op *op,
                                       uint64_t deadline_ns)
{
    a64_core_of(cpu)->exited_wait = true;
    cpu->exit = (struct hv_exit){.reason = HV_EXIT_WAIT};
    cpu->exit.wait.deadline_ns = deadline_ns;
    return a64_leave(cpu, a64_pc_of(cpu, op) + 4);
}

static bool something_pends(struct a64_cpu *cpu)
{
    return a64_cpu_runnable(cpu) || atomic_load(&cpu->pending) & A64_PEND_SYNC;
}

A64_OP(wfi)
{
    if (!cpu->el && !(cpu->sr.sctlr & A64_SCTLR_NTWI))
        return wfx_trap(cpu, op, 0);
    if (something_pends(cpu)) /* a masked interrupt ends WFI too (D1.6.2) */
        return a64_resync(cpu, op);
    return wait_until(cpu, op, MIN(a64_timer_deadline(cpu), a64_mirror_wait(a64_core_of(cpu))));
}

A64_OP(wfe)
{
    struct a64_core *core = a64_core_of(cpu);
    if (core->event) {
        core->event = false;
        core->wfe_n = 0;
        A64_NEXT;
    }
    if (!cpu->el && !(cpu->sr.sctlr & A64_SCTLR_NTWE))
        return wfx_trap(cpu, op, 1);
    if (something_pends(cpu))
        return a64_resync(cpu, op);
    if (cpu->smp && core->wfe_n < WFE_YIELDS) {
        core->wfe_n++;
        sched_yield();
        A64_NEXT;
    }
    return wait_until(cpu, op, MIN(a64_timer_deadline(cpu), clock_mono_ns() + WFE_SLEEP_NS));
}

A64_OP(sevl)
{
    a64_core_of(cpu)->event = true;
    A64_NEXT;
}

/* The others need no event: their WFE ends by itself. */
A64_OP(sev)
{
    a64_core_of(cpu)->event = true;
    A64_NEXT;
}

/* ---- barriers ---- */
A64_OP(clrex)
{
    cpu->excl_hva = NULL;
    A64_NEXT;
}

A64_OP(dsb)
{
    if (unlikely(cpu->smp)) {
        atomic_thread_fence(memory_order_seq_cst);
        if (a64_core_of(cpu)->waits) {
            a64_sync_wait(cpu); /* serves requests to this vCPU meanwhile: mirrors may have gone */
            return a64_resync(cpu, op);
        }
    }
    A64_NEXT;
}

A64_OP(dmb)
{
    if (unlikely(cpu->smp))
        atomic_thread_fence(memory_order_seq_cst);
    A64_NEXT;
}

A64_OP(isb)
{
    A64_GOTO(a64_pc_of(cpu, op) + 4);
}

/* ---- MSR (immediate): op->imm is CRm ---- */
static A64_OP(msr_spsel)
{
    if (unlikely(!cpu->el))
        return a64_undef(cpu, op);
    a64_sp_select(cpu, 1, op->imm & 1);
    A64_NEXT;
}

static A64_OP(msr_pan)
{
    if (unlikely(!cpu->el))
        return a64_undef(cpu, op);
    cpu->pan = op->imm & 1;
    a64_bank_pick(cpu);
    A64_NEXT;
}

static A64_OP(msr_daifset)
{
    if (unlikely(!cpu->el && !(cpu->sr.sctlr & A64_SCTLR_UMA)))
        return a64_sysreg_trap(cpu, op,
                               3u << 16 | 4u << 12 | (uint32_t)op->imm << 8 | 6u << 5 | 31);
    cpu->daif |= (uint8_t)op->imm;
    if (unlikely(a64_core_of(cpu)->stepping)) {
        a64_step_update(cpu);
        return a64_resync(cpu, op);
    }
    A64_NEXT;
}

static A64_OP(msr_daifclr)
{
    if (unlikely(!cpu->el && !(cpu->sr.sctlr & A64_SCTLR_UMA)))
        return a64_sysreg_trap(cpu, op,
                               3u << 16 | 4u << 12 | (uint32_t)op->imm << 8 | 7u << 5 | 31);
    cpu->daif &= (uint8_t)~op->imm;
    a64_irq_update(cpu);
    if (unlikely(cpu->sr.mdscr & 1))
        a64_step_update(cpu);
    if (unlikely(atomic_load_explicit(&cpu->pending, memory_order_relaxed)))
        return a64_resync(cpu, op);
    A64_NEXT;
}

void a64_dec_msr_imm(struct a64_op *op, uint32_t insn)
{
    static const struct {
        uint8_t op1, op2;
        a64_fn *fn;
    } fields[] = {
        {0, 4, a64_op_msr_pan    },
        {0, 5, a64_op_msr_spsel  },
        {3, 6, a64_op_msr_daifset},
        {3, 7, a64_op_msr_daifclr},
    };
    op->fn = a64_undef;
    op->imm = insn >> 8 & 15;
    for (unsigned i = 0; i < ARRAY_LEN(fields); i++)
        if (fields[i].op1 == (insn >> 16 & 7) && fields[i].op2 == (insn >> 5 & 7))
            op->fn = fields[i].fn;
}
