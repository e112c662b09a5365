// SPDX-License-Identifier: MIT
/*
 * vcpu.c - a vCPU from outside: its memory, registers, reset, lines.
 */
#include <errno.h>
#include <sys/mman.h>

#include "src/a64/a64_internal.h"

int a64_cpu_new(struct a64_vm *vm, unsigned index, struct a64_cpu **cpu, struct err *err)
{
    if (index >= vm->config.cpus || atomic_load(&vm->cpus[index]))
        return err_set(err, ERR_HOST, EINVAL, "soft: there is no CPU %u to make", index);
    struct a64_core *core = mmap(NULL, sizeof *core, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (core == MAP_FAILED)
        return err_sys(err, errno, "soft: cannot reserve memory for a CPU");
    int rc = a64_mirror_init(core, vm->config.cpus);
    if (rc) {
        munmap(core, sizeof *core);
        return err_sys(err, -rc, "soft: cannot reserve memory for decoded code");
    }
    a64_sync_init(core);
    core->cpu.vm = vm;
    core->cpu.index = index;
    core->cpu.smp = vm->config.cpus > 1;
    core->jit.on = vm->config.soft != HV_SOFT_INTERP;
    core->jit.shadow = vm->config.soft == HV_SOFT_SHADOW;
    a64_cpu_reset(&core->cpu, 0, 0);
    atomic_store(&vm->cpus[index], core);
    *cpu = &core->cpu;
    return 0;
}

void a64_cpu_free(struct a64_cpu *cpu)
{
    if (!cpu)
        return;
    struct a64_core *core = a64_core_of(cpu);
    atomic_store(&cpu->vm->cpus[cpu->index], NULL);
    a64_sync_fini(core);
    a64_jit_fini(core);
    a64_mirror_fini(core);
    munmap(core, sizeof *core);
}

void a64_cpu_reset(struct a64_cpu *cpu, gpa_t entry, uint64_t arg)
{
    struct a64_core *core = a64_core_of(cpu);
    memset(cpu->x, 0, sizeof cpu->x);
    memset(cpu->v, 0, sizeof cpu->v);
    cpu->fpcr = cpu->fpsr = 0;
    a64_nzcv_set(cpu, 0);
    a64_sysreg_reset(cpu);
    cpu->el = 1;
    cpu->spsel = true;
    cpu->pan = false;
    cpu->daif = 0xf;
    cpu->excl_hva = NULL;
    cpu->mmio_n = cpu->mmio_at = 0;
    core->mmio_open = core->ss = core->step_live = core->exited_wait = core->event = false;
    core->wfe_n = 0;
    core->armed_ns = UINT64_MAX;
    a64_fp_update(cpu);
    a64_context_init(cpu);
    a64_step_update(cpu);
    a64_timer_update(cpu);
    cpu->x[0] = arg;
    cpu->pc = entry;
}

void a64_cpu_kick(struct a64_cpu *cpu)
{
    a64_pend(cpu, A64_PEND_KICK);
}

void a64_cpu_timer_due(struct a64_cpu *cpu)
{
    a64_pend(cpu, A64_PEND_TIMER);
}

void a64_cpu_set_line(struct a64_cpu *cpu, enum hv_line line, bool level)
{
    struct a64_core *core = a64_core_of(cpu);
    uint32_t bit = 1u << line;
    if (!level) {
        atomic_fetch_and(&core->lines, ~bit);
        return;
    }
    atomic_fetch_or(&core->lines, bit);
    a64_pend(cpu, line == HV_LINE_IRQ ? A64_PEND_IRQ : A64_PEND_FIQ);
}

bool a64_cpu_runnable(struct a64_cpu *cpu)
{
    return atomic_load(&a64_core_of(cpu)->lines) ||
           atomic_load(&cpu->pending) & (A64_PEND_KICK | A64_PEND_TIMER);
}

void a64_cpu_get_regs(struct a64_cpu *cpu, struct hv_regs *regs)
{
    memcpy(regs->x, cpu->x, sizeof regs->x);
    regs->sp = cpu->x[A64_SP];
    regs->pc = cpu->pc;
    regs->pstate = a64_pstate_get(cpu);
    regs->sctlr = cpu->sr.sctlr;
    regs->ttbr0 = cpu->sr.ttbr0;
    regs->tcr = cpu->sr.tcr;
    regs->ttbr1 = cpu->sr.ttbr1;
    regs->vbar = cpu->sr.vbar;
    regs->esr = cpu->sr.esr;
    regs->elr = cpu->sr.elr;
    regs->far_ = cpu->sr.far_;
    regs->spsr = cpu->sr.spsr;
}

void a64_cpu_set_regs(struct a64_cpu *cpu, const struct hv_regs *regs)
{
    struct a64_core *core = a64_core_of(cpu);
    if (regs->pc != cpu->pc) { /* what the instruction at the old PC had under way is void */
        cpu->mmio_n = 0;
        core->mmio_open = false;
    }
    memcpy(cpu->x, regs->x, sizeof regs->x);
    a64_pstate_set(cpu, (uint32_t)regs->pstate);
    cpu->x[A64_SP] = regs->sp;
    cpu->pc = regs->pc;
}

#ifdef A64_STATS
const struct a64_stats *a64_stats_get(const struct a64_cpu *cpu)
{
    return &cpu->stats;
}
#endif
