// SPDX-License-Identifier: MIT
/*
 * run.c - control flow that leaves a mirror: instruction fetch, pending requests, the run loop.
 */
#include "src/a64/a64_internal.h"
#include "src/a64/fp.h"

const struct a64_op *a64_goto_slow(struct a64_cpu *cpu, uint64_t va)
{
    struct a64_core *core = a64_core_of(cpu);
    va = a64_untag(cpu, va); /* a branch drops the tag (D8.9.1) */
    if (va & 3)
        return a64_abort(cpu, va, A64_EC_PC_ALIGN, 0, va);

    struct a64_tr t;
    A64_COUNT(cpu, fetch_misses);
    const struct a64_region *region = NULL;
    if (a64_translate(cpu, va, cpu->el == 0, A64_EXEC, true, &t)) {
        region = a64_region_of(cpu->vm, align_down(t.pa, A64_PAGE), A64_PAGE);
        t.fsc = A64_FSC_EXT;
    }
    if (!region)
        return a64_abort(cpu, va, cpu->el ? A64_EC_IABT : A64_EC_IABT_LOWER, t.fsc, va);

    gpa_t page = align_down(t.pa, A64_PAGE);
    struct a64_op *ops = a64_mirror_of(core, page, region->hva + (page - region->base), region);
    a64_tlb_put_code(cpu, va, &t, ops);
    cpu->ops = ops;
    cpu->page_va = align_down(va, A64_PAGE);
    const struct a64_op *op = ops + va % A64_PAGE / 4;
    return unlikely(core->stepping) ? a64_step_fetched(cpu, op) : op;
}

const struct a64_op *a64_lookup(struct a64_cpu *cpu, uint64_t va)
{
    if (unlikely(a64_core_of(cpu)->stepping))
        return a64_step_lookup(cpu, va);
    const struct a64_itlb *it = &cpu->bank->i[va / A64_PAGE % A64_ITLB];
    if (unlikely(it->page != (align_down(va, A64_PAGE) | 1) || va & 3))
        return a64_goto_slow(cpu, va);
    cpu->ops = it->ops;
    cpu->page_va = align_down(va, A64_PAGE);
    return it->ops + va % A64_PAGE / 4;
}

/* The slot after the last of a page. */
A64_OP(page_end)
{
    (void)op;
    A64_GOTO(cpu->page_va + A64_PAGE);
}

const struct a64_op *a64_resync(struct a64_cpu *cpu, const struct a64_op *op)
{
    uint64_t pc = a64_pc_of(cpu, op) + 4;
    if (unlikely(atomic_load_explicit(&cpu->pending, memory_order_relaxed)))
        return a64_interrupted(cpu, pc);
    return a64_lookup(cpu, pc);
}

const struct a64_op *a64_leave(struct a64_cpu *cpu, uint64_t pc)
{
    struct a64_core *core = a64_core_of(cpu);
    if (core->step_live && pc != core->step_pc)
        a64_step_done(cpu);
    core->step_live = false;
    cpu->pc = pc;
    return NULL;
}

const struct a64_op *a64_interrupted(struct a64_cpu *cpu, uint64_t pc)
{
    struct a64_core *core = a64_core_of(cpu);
    uint32_t pending = atomic_load(&cpu->pending);
    if (pending & A64_PEND_REPLAY) {
        atomic_fetch_and(&cpu->pending, ~(uint32_t)A64_PEND_REPLAY);
        cpu->mmio_n = cpu->mmio_at = 0;
    }
    if (pending & A64_PEND_SYNC)
        a64_sync_serve(core);
    if (pending & A64_PEND_STEP)
        a64_step_done(cpu);
    if (pending & A64_PEND_KICK) {
        atomic_fetch_and(&cpu->pending, ~(uint32_t)A64_PEND_KICK);
        cpu->exit = (struct hv_exit){.reason = HV_EXIT_KICK};
        return a64_leave(cpu, pc);
    }
    if (pending & A64_PEND_TIMER) {
        atomic_fetch_and(&cpu->pending, ~(uint32_t)A64_PEND_TIMER);
        core->armed_ns = UINT64_MAX;
        a64_timer_update(cpu); /* may raise a line */
        pending = atomic_load(&cpu->pending);
    }
    /*
     * A line's bit goes before its level is read, so that a rise in between sets it again. While it
     * is masked the bit stays clear and costs nothing; a64_irq_update() brings it back.
     */
    if (pending & (A64_PEND_FIQ | A64_PEND_IRQ)) {
        atomic_fetch_and(&cpu->pending, ~(uint32_t)(A64_PEND_FIQ | A64_PEND_IRQ));
        uint32_t lines = atomic_load(&core->lines);
        if (lines & 1 << HV_LINE_FIQ && !(cpu->daif & 1))
            return a64_take_irq(cpu, pc, A64_VEC_FIQ);
        if (lines & 1 << HV_LINE_IRQ && !(cpu->daif & 2))
            return a64_take_irq(cpu, pc, A64_VEC_IRQ);
    }
    return a64_lookup(cpu, pc);
}

static void mmio_push(struct a64_cpu *cpu, uint64_t val)
{
    struct a64_core *core = a64_core_of(cpu);
    if (!core->mmio_open || cpu->mmio_n == A64_MMIO_MAX)
        return;
    core->mmio_open = false;
    cpu->mmio[cpu->mmio_n++] = (struct a64_mmio){
        .gpa = cpu->exit.mmio.gpa,
        .val = bits_get(val, 0, cpu->exit.mmio.size * 8u),
        .size = cpu->exit.mmio.size,
        .write = cpu->exit.mmio.write,
    };
}

void a64_cpu_complete(struct a64_cpu *cpu, uint64_t val)
{
    if (cpu->exit.reason == HV_EXIT_MMIO && !cpu->exit.mmio.write)
        mmio_push(cpu, val);
    else if (cpu->exit.reason == HV_EXIT_SYSREG && !cpu->exit.sysreg.write)
        cpu->x[a64_core_of(cpu)->sysreg_rd] = val;
}

struct hv_exit a64_cpu_run(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    const struct a64_op *op;
    /* Before A64_PEND_SYNC is looked at: see sync.c. */
    atomic_store(&core->in_run, true);
    if (core->mmio_open && cpu->exit.mmio.write)
        mmio_push(cpu, cpu->exit.mmio.val);
    core->mmio_open = false;
    cpu->mmio_at = 0;
    if (core->exited_wait) {
        core->exited_wait = false;
        a64_mirror_waited(core);
        a64_timer_update(cpu);
    }
    if (cpu->mmio_n) {
        /* An access was made: its instruction ends before an interrupt is taken, lest it be made
         * twice. */
        a64_pend(cpu, A64_PEND_REPLAY);
        if (atomic_load(&cpu->pending) & A64_PEND_SYNC)
            a64_sync_serve(core);
        op = a64_lookup(cpu, cpu->pc);
    } else if (atomic_load(&cpu->pending)) {
        op = a64_interrupted(cpu, cpu->pc);
    } else {
        op = a64_lookup(cpu, cpu->pc);
    }
    uint32_t host_fp = a64_fp_enter(cpu);
    while (op)
        op = core->jit.enter ? core->jit.enter(cpu, op) : op->fn(cpu, op);
    a64_fp_leave(cpu, host_fp);
    atomic_store(&core->in_run, false);
    return cpu->exit;
}
