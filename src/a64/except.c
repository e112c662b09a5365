// SPDX-License-Identifier: MIT
/*
 * except.c - exception entry and return, and the process state they move (Arm ARM DDI 0487J.a D1.3,
 * D1.4).
 *
 * All exceptions go to EL1. Breakpoint and watchpoint registers hold their values but never match.
 */
#include "src/a64/a64_internal.h"

enum {
    SPSR_SP = 1 << 0,
    SPSR_EL1 = 1 << 2,
    SPSR_MODE = 0x1f,
    SPSR_DAIF = 0xf << 6,
    SPSR_IL = 1 << 20,
    SPSR_SS = 1 << 21,
    SPSR_PAN = 1 << 22,
};

#define ESR_IL BIT(25) /* a 32-bit instruction, or no instruction at all */

uint32_t a64_pstate_get(const struct a64_cpu *cpu)
{
    const struct a64_core *core = (const struct a64_core *)(const void *)cpu;
    return a64_nzcv(cpu) | (cpu->pan ? SPSR_PAN : 0) | (core->ss ? SPSR_SS : 0) |
           (uint32_t)cpu->daif << 6 | (cpu->el ? SPSR_EL1 | (cpu->spsel ? SPSR_SP : 0) : 0);
}

void a64_fp_update(struct a64_cpu *cpu)
{
    unsigned fpen = cpu->sr.cpacr >> 20 & 3; /* D17.2.30: x0 traps EL0 and EL1, 01 EL0 */
    cpu->fp_trap = cpu->el ? !(fpen & 1) : fpen != 3;
}

void a64_irq_update(struct a64_cpu *cpu)
{
    uint32_t lines = atomic_load(&a64_core_of(cpu)->lines), pend = 0;
    if (lines & 1 << HV_LINE_IRQ && !(cpu->daif & 2))
        pend |= A64_PEND_IRQ;
    if (lines & 1 << HV_LINE_FIQ && !(cpu->daif & 1))
        pend |= A64_PEND_FIQ;
    if (pend)
        a64_pend(cpu, pend);
}

void a64_sp_select(struct a64_cpu *cpu, uint8_t el, bool spsel)
{
    *(cpu->el && cpu->spsel ? &cpu->sr.sp_el1 : &cpu->sr.sp_el0) = cpu->x[A64_SP];
    cpu->el = el;
    cpu->spsel = spsel;
    cpu->x[A64_SP] = el && spsel ? cpu->sr.sp_el1 : cpu->sr.sp_el0;
}

void a64_pstate_set(struct a64_cpu *cpu, uint32_t pstate)
{
    a64_nzcv_set(cpu, pstate);
    cpu->daif = pstate >> 6 & 0xf;
    cpu->pan = pstate & SPSR_PAN;
    a64_core_of(cpu)->ss = pstate & SPSR_SS;
    a64_sp_select(cpu, pstate & SPSR_EL1 ? 1 : 0, pstate & SPSR_EL1 && pstate & SPSR_SP);
    a64_fp_update(cpu);
    a64_bank_pick(cpu);
    a64_irq_update(cpu);
    a64_step_update(cpu);
}

/* Is it a mode that exists here: EL0t, EL1t, EL1h, AArch64? */
static bool pstate_mode_ok(uint32_t pstate)
{
    unsigned mode = pstate & SPSR_MODE;
    return mode == 0 || mode == 4 || mode == 5;
}

const struct a64_op *a64_stuck(struct a64_cpu *cpu, uint64_t pc, const char *what, uint64_t detail0,
                               uint64_t detail1)
{
    cpu->exit = (struct hv_exit){.reason = HV_EXIT_STUCK};
    cpu->exit.stuck.what = what;
    cpu->exit.stuck.detail[0] = detail0;
    cpu->exit.stuck.detail[1] = detail1;
    return a64_leave(cpu, pc);
}

/* D1.3.1.1: the state an exception is taken into. Returns where it goes. */
static uint64_t enter(struct a64_cpu *cpu, uint64_t pc, unsigned vector)
{
    struct a64_core *core = a64_core_of(cpu);
    cpu->sr.spsr = a64_pstate_get(cpu);
    cpu->sr.elr = pc;
    uint64_t to = cpu->sr.vbar + vector + (!cpu->el ? 0x400 : cpu->spsel ? 0x200 : 0);
    a64_sp_select(cpu, 1, true);
    cpu->daif = 0xf;
    if (!(cpu->sr.sctlr & A64_SCTLR_SPAN))
        cpu->pan = true;
    cpu->mmio_n = cpu->mmio_at = 0;
    core->ss = core->step_live = false;
    core->wfe_n = 0;
    if (unlikely(core->stepping))
        a64_step_update(cpu);
    a64_fp_update(cpu);
    a64_bank_pick(cpu);
    return to;
}

static const struct a64_op *take_sync(struct a64_cpu *cpu, uint64_t pc, unsigned ec, uint64_t esr)
{
    /*
     * The first instruction of the vector for synchronous exceptions of EL1 takes one: nothing
     * changed since it was entered, so this would go on for ever.
     */
    if (cpu->el && cpu->spsel && pc == cpu->sr.vbar + 0x200 && ec != A64_EC_SVC)
        return a64_stuck(cpu, pc,
                         ec == A64_EC_IABT ? "the exception vector cannot be fetched"
                                           : "the exception vector itself takes an exception",
                         pc, esr);
    cpu->sr.esr = esr;
    uint64_t to = enter(cpu, pc, A64_VEC_SYNC);
    /* A guest may go round by its exceptions alone: they are taken branches, too. */
    if (unlikely(atomic_load_explicit(&cpu->pending, memory_order_relaxed) &
                 (A64_PEND_KICK | A64_PEND_SYNC)))
        return a64_interrupted(cpu, to);
    return a64_lookup(cpu, to);
}

const struct a64_op *a64_exception(struct a64_cpu *cpu, uint64_t pc, unsigned ec, uint32_t iss)
{
    /* IL is clear only for 16-bit instructions, of which there are none (D17.2.37). */
    return take_sync(cpu, pc, ec, (uint64_t)ec << 26 | ESR_IL | iss);
}

const struct a64_op *a64_abort(struct a64_cpu *cpu, uint64_t pc, unsigned ec, uint32_t iss,
                               uint64_t far_)
{
    cpu->sr.far_ = far_;
    return a64_exception(cpu, pc, ec, iss);
}

const struct a64_op *a64_undef(struct a64_cpu *cpu, const struct a64_op *op)
{
    return a64_exception(cpu, a64_pc_of(cpu, op), A64_EC_UNKNOWN, 0);
}

const struct a64_op *a64_fp_trap(struct a64_cpu *cpu, const struct a64_op *op)
{
    /* CV 1, COND 0xe */
    return a64_exception(cpu, a64_pc_of(cpu, op), A64_EC_FP, 1u << 24 | 0xeu << 20);
}

const struct a64_op *a64_take_irq(struct a64_cpu *cpu, uint64_t pc, unsigned vector)
{
    return a64_lookup(cpu, enter(cpu, pc, vector));
}

static bool fetch_faults(struct a64_cpu *cpu, uint64_t pc)
{
    struct a64_tr t;
    return pc & 3 || !a64_translate(cpu, a64_untag(cpu, pc), !cpu->el, A64_EXEC, true, &t) ||
           !a64_region_of(cpu->vm, align_down(t.pa, A64_PAGE), A64_PAGE);
}

const struct a64_op *a64_eret(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    uint32_t spsr = (uint32_t)cpu->sr.spsr;
    uint64_t pc = cpu->sr.elr;
    cpu->excl_hva = NULL; /* B2.9.5 */
    core->event = true;   /* D1.6.1.3 */
    core->step_live = false;
    cpu->mmio_n = cpu->mmio_at = 0;
    if (unlikely(!pstate_mode_ok(spsr) || spsr & SPSR_IL)) {
        /*
         * Illegal return (D1.4.4.1): EL and SP stay, PSTATE.IL is set, so the next instruction
         * takes an exception. A legal return that sets IL does the same from its new state. To
         * fetch that instruction comes first (D1.3.5.5).
         */
        bool legal = pstate_mode_ok(spsr);
        uint32_t mode = legal ? spsr & SPSR_MODE : a64_pstate_get(cpu) & SPSR_MODE;
        uint32_t pan = legal ? spsr & SPSR_PAN : cpu->pan ? SPSR_PAN : 0;
        a64_pstate_set(cpu, (spsr & (0xf0000000u | SPSR_DAIF)) | mode | pan);
        const struct a64_op *to = fetch_faults(cpu, pc) ? a64_goto_slow(cpu, pc)
                                                        : a64_exception(cpu, pc, A64_EC_ILLEGAL, 0);
        cpu->sr.spsr |= SPSR_IL;
        return to;
    }
    a64_nzcv_set(cpu, spsr);
    cpu->daif = spsr >> 6 & 0xf;
    cpu->pan = spsr & SPSR_PAN;
    a64_sp_select(cpu, spsr & SPSR_EL1 ? 1 : 0, spsr & SPSR_SP);
    a64_fp_update(cpu);
    a64_bank_pick(cpu);
    a64_irq_update(cpu);
    if (unlikely(core->stepping || cpu->sr.mdscr & 1)) {
        a64_step_update(cpu);
        core->ss = core->stepping && spsr & SPSR_SS; /* D2.12.4 */
    }
    if (unlikely(atomic_load_explicit(&cpu->pending, memory_order_relaxed)))
        return a64_interrupted(cpu, pc);
    return a64_lookup(cpu, pc);
}
