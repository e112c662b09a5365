// SPDX-License-Identifier: MIT
/*
 * report.c - what happened in a machine: the facts behind the diagnosis and --report.
 */
#include "vm_int.h"

#include <stdio.h>

#include "vmm/clock.h"

const char *const vm_phase_names[VM_PHASES] = {
    [VM_PHASE_EXEC] = "exec",
    [VM_PHASE_PARSE] = "parse",
    [VM_PHASE_BOARD] = "board",
    [VM_PHASE_LOAD] = "load",
    [VM_PHASE_DTB] = "device_tree",
    [VM_PHASE_ENGINE] = "engine",
    [VM_PHASE_FIRST_INSN] = "first_instruction",
    [VM_PHASE_FIRST_BYTE] = "first_console_byte",
    [VM_PHASE_END] = "end",
};

void vm_note_unmapped(struct vcpu *v, const struct hv_exit *exit)
{
    struct vm *vm = v->vm;
    bool port = exit->reason == HV_EXIT_PIO;
    uint64_t unit = port ? 1 : MEM_PAGE;
    pthread_mutex_lock(&vm->lock);
    vm->unmapped_total++;
    unsigned i = 0;
    while (i < vm->n_unmapped &&
           (vm->unmapped[i].port != port || vm->unmapped[i].gpa / unit != exit->mmio.gpa / unit))
        i++;
    if (i < vm->n_unmapped) {
        vm->unmapped[i].count++;
    } else if (i < VM_UNMAPPED_MAX) {
        struct hv_regs regs;
        vm->cfg.engine->get_regs(atomic_load(&v->hv), &regs);
        vm->unmapped[vm->n_unmapped++] = (struct vm_unmapped){
            exit->mmio.gpa, regs.pc, 1, exit->mmio.size, exit->mmio.write, port,
        };
    }
    pthread_mutex_unlock(&vm->lock);
}

static void vm_report_exits(const struct vcpu *v, struct vm_result *out)
{
    uint64_t n = MIN(v->n_last, VM_LAST_EXITS);
    for (uint64_t i = 0; i < n; i++)
        out->last[i] = v->last[(v->n_last - n + i) % VM_LAST_EXITS];
    out->n_last = (unsigned)n;
}

static void vm_report_code(struct vm *vm, struct vcpu *v, struct vm_result *out)
{
    const struct hv_ops *ops = vm->cfg.engine;
    struct hv_vcpu *hv = atomic_load(&v->hv);
    ops->get_regs(hv, &out->regs);
    out->has_regs = true;
    enum board_arch arch = vm->cfg.board->arch;
    out->fault = arch == ARCH_X86_64 ? out->regs.x86.cr2 : out->regs.far_;
    walk(arch, &out->regs, &vm->mem, out->fault, &out->fault_walk);
    if (walk(arch, &out->regs, &vm->mem, out->regs.pc, &out->pc_walk)) {
        uint64_t room = MEM_PAGE - out->pc_walk.gpa % MEM_PAGE;
        unsigned n = (unsigned)MIN(room, sizeof out->code_bytes);
        if (mem_read(&vm->mem, out->pc_walk.gpa, out->code_bytes, n))
            out->n_code = n;
    }
    if (vm->has_boot && !boot_symbol(&vm->boot, out->regs.pc, out->symbol, sizeof out->symbol))
        out->symbol[0] = '\0';
    out->n_odd = ops->odd_sysregs(hv, out->odd, VM_ODD_MAX);
}

void vm_report(struct vm *vm, struct vm_result *out)
{
    memset(out, 0, sizeof *out);
    uint64_t stop = atomic_load(&vm->stop);
    out->end = (enum vm_end)(stop & 0xff);
    out->code = (int)(stop >> 8);
    if (out->end == VM_END_OFF)
        out->status = (uint8_t)out->code;
    vm->phases[VM_PHASE_FIRST_BYTE] = vm_first_byte(vm);
    memcpy(out->phases, vm->phases, sizeof out->phases);
    out->bytes_out = vm_bytes_out(vm);
    out->lost = atomic_load(&vm->lost);
    for (unsigned i = 0; i < vm->cfg.cpus; i++)
        for (unsigned r = 0; r < HV_EXIT_REASONS; r++)
            out->exits[r] += vm->vcpus[i].exits[r];
    out->bus_odd = vm->bus.odd;

    for (; out->n_devices < vm->n_attached; out->n_devices++) {
        struct virtio *v = vm->attached[out->n_devices];
        struct vm_device_note *note = &out->devices[out->n_devices];
        dev_lock(&v->dev);
        *note = (struct vm_device_note){
            .window = v->dev.name,
            .attach = vm->cfg.attach[vm->attached_as[out->n_devices]],
            .driven = v->driven,
            .notifies = v->notifies,
            .interrupts = v->interrupts,
        };
        note->n_stats = v->ops->stats ? v->ops->stats(v, note->stats) : 0;
        dev_unlock(&v->dev);
    }

    pthread_mutex_lock(&vm->lock);
    out->cpu = out->end ? vm->end_cpu : 0;
    memcpy(out->what, vm->what, sizeof out->what);
    memcpy(out->unmapped, vm->unmapped, sizeof out->unmapped);
    out->n_unmapped = vm->n_unmapped;
    out->unmapped_total = vm->unmapped_total;
    pthread_mutex_unlock(&vm->lock);

    struct vcpu *v = &vm->vcpus[out->cpu];
    vm_report_exits(v, out);
    if (atomic_load(&v->hv))
        vm_report_code(vm, v, out);
}
