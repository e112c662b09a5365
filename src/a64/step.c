// SPDX-License-Identifier: MIT
/*
 * step.c - software step (Arm ARM DDI 0487J.a D2.12), for debuggers inside the guest.
 *
 * While step is active each instruction runs from a mirror of its own: every slot of it but the one
 * of the instruction ends the step, and A64_PEND_STEP makes branches come here too.
 *
 * The syndrome's EX bit (a load-exclusive was stepped) is not reported: it reads as 0 with ISV set.
 */
#include "src/a64/a64_internal.h"

void a64_step_done(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    if (core->step_live)
        core->ss = core->step_live = false;
}

/* A slot that the stepped instruction went on to. */
static A64_OP(step_end)
{
    uint64_t pc = a64_pc_of(cpu, op);
    a64_step_done(cpu);
    return a64_interrupted(cpu, pc);
}

void a64_step_update(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    const uint64_t mdscr = cpu->sr.mdscr;
    /* D2.4: from EL0 always, from EL1 with KDE and PSTATE.D clear; never with the OS lock set. */
    bool on = mdscr & BIT(0) && !(cpu->sr.oslsr & BIT(1)) &&
              (cpu->el == 0 || (mdscr & BIT(13) && !(cpu->daif & 8)));
    core->stepping = on;
    if (on)
        a64_pend(cpu, A64_PEND_STEP);
    else
        atomic_fetch_and(&cpu->pending, ~(uint32_t)A64_PEND_STEP);
}

const struct a64_op *a64_step_lookup(struct a64_cpu *cpu, uint64_t va)
{
    struct a64_core *core = a64_core_of(cpu);
    if (!core->ss) /* active-pending: the exception comes before the instruction */
        return a64_exception(cpu, va, A64_EC_STEP_LOWER + cpu->el, 1u << 24 | A64_FSC_DEBUG);
    return a64_goto_slow(cpu, va);
}

const struct a64_op *a64_step_fetched(struct a64_cpu *cpu, const struct a64_op *op)
{
    struct a64_core *core = a64_core_of(cpu);
    if (!core->step_ready)
        for (unsigned i = 0; i <= A64_PAGE_OPS; i++)
            core->step[i].fn = a64_op_step_end;
    core->step_ready = true;
    core->step[(core->step_pc % A64_PAGE) / 4].fn = a64_op_step_end;

    struct a64_op *slot = &core->step[op - cpu->ops];
    core->step_pc = a64_pc_of(cpu, op);
    core->step_live = true;
    a64_predecode(slot, a64_mirror_insn(core, op));
    cpu->ops = core->step;
    return slot;
}
