// SPDX-License-Identifier: MIT
/*
 * soft.c - the software ARM64 CPU (src/a64/) as an engine.
 *
 * Runs on any host, needs no right and no device. ARM64 guests only. It brings no interrupt
 * controller and no PSCI: the core's models serve it.
 */
#include "hv_engines.h"

#include <errno.h>

#include "vmm/a64.h"

static struct a64_vm *soft_vm(struct hv_vm *vm)
{
    return (struct a64_vm *)(void *)vm;
}

static struct a64_cpu *soft_cpu(struct hv_vcpu *vcpu)
{
    return (struct a64_cpu *)(void *)vcpu;
}

static int soft_probe(enum board_arch arch, struct hv_caps *caps, struct err *err)
{
    if (arch != ARCH_ARM64)
        return err_set(
            err, ERR_HOST, ENOTSUP,
            "engine soft: runs ARM64 boards only; x86-64 ones need KVM on an x86-64 host");
    *caps = (struct hv_caps){.irqchip = false, .starts_cpus = false, .cpus_max = A64_CPUS_MAX};
    return 0;
}

static int soft_vm_new(struct hv_vm **vm, const struct hv_config *config, struct err *err)
{
    struct a64_vm *a64 = NULL;
    int rc = a64_vm_new(&a64, config, err);
    *vm = (struct hv_vm *)(void *)a64;
    return rc;
}

static void soft_vm_free(struct hv_vm *vm)
{
    a64_vm_free(soft_vm(vm));
}

static int soft_map(struct hv_vm *vm, gpa_t gpa, void *hva, uint64_t size, bool rom,
                    struct err *err)
{
    return a64_vm_map(soft_vm(vm), gpa, hva, size, rom, err);
}

static void soft_unmap(struct hv_vm *vm, gpa_t gpa, uint64_t size)
{
    a64_vm_unmap(soft_vm(vm), gpa, size);
}

static void soft_ram_written(struct hv_vm *vm, gpa_t gpa, uint64_t len)
{
    a64_vm_ram_written(soft_vm(vm), gpa, len);
}

static int soft_vcpu_new(struct hv_vm *vm, unsigned index, struct hv_vcpu **vcpu, struct err *err)
{
    struct a64_cpu *cpu = NULL;
    int rc = a64_cpu_new(soft_vm(vm), index, &cpu, err);
    *vcpu = (struct hv_vcpu *)(void *)cpu;
    return rc;
}

static void soft_vcpu_free(struct hv_vcpu *vcpu)
{
    a64_cpu_free(soft_cpu(vcpu));
}

static struct hv_exit soft_run(struct hv_vcpu *vcpu)
{
    return a64_cpu_run(soft_cpu(vcpu));
}

static void soft_complete(struct hv_vcpu *vcpu, uint64_t val)
{
    a64_cpu_complete(soft_cpu(vcpu), val);
}

static void soft_kick(struct hv_vcpu *vcpu)
{
    a64_cpu_kick(soft_cpu(vcpu));
}

static void soft_set_line(struct hv_vcpu *vcpu, enum hv_line line, bool level)
{
    a64_cpu_set_line(soft_cpu(vcpu), line, level);
}

static void soft_timer_due(struct hv_vcpu *vcpu)
{
    a64_cpu_timer_due(soft_cpu(vcpu));
}

static bool soft_runnable(struct hv_vcpu *vcpu)
{
    return a64_cpu_runnable(soft_cpu(vcpu));
}

static void soft_get_regs(struct hv_vcpu *vcpu, struct hv_regs *regs)
{
    a64_cpu_get_regs(soft_cpu(vcpu), regs);
}

static void soft_set_regs(struct hv_vcpu *vcpu, const struct hv_regs *regs)
{
    a64_cpu_set_regs(soft_cpu(vcpu), regs);
}

static int soft_get_state(struct hv_vcpu *vcpu, struct hv_state_reg *out, unsigned max)
{
    return a64_cpu_get_state(soft_cpu(vcpu), out, max);
}

static void soft_reset(struct hv_vcpu *vcpu, const struct cpu_start *start)
{
    a64_cpu_reset(soft_cpu(vcpu), start->entry, start->arg);
}

static unsigned soft_odd_sysregs(struct hv_vcpu *vcpu, struct hv_odd_sysreg *out, unsigned max)
{
    return a64_cpu_odd_sysregs(soft_cpu(vcpu), out, max);
}

const struct hv_ops hv_soft = {
    .name = "soft",
    .probe = soft_probe,
    .vm_new = soft_vm_new,
    .vm_free = soft_vm_free,
    .map = soft_map,
    .unmap = soft_unmap,
    .ram_written = soft_ram_written,
    .vcpu_new = soft_vcpu_new,
    .vcpu_free = soft_vcpu_free,
    .run = soft_run,
    .complete = soft_complete,
    .kick = soft_kick,
    .set_line = soft_set_line,
    .timer_due = soft_timer_due,
    .runnable = soft_runnable,
    .get_regs = soft_get_regs,
    .set_regs = soft_set_regs,
    .get_state = soft_get_state,
    .reset = soft_reset,
    .odd_sysregs = soft_odd_sysregs,
};
