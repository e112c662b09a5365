// SPDX-License-Identifier: MIT
/*
 * a64.h - the software ARM64 CPU: ARMv8-A AArch64, EL0 and EL1, as a library.
 *
 * One struct a64_cpu per vCPU, each run by one thread at a time; struct a64_vm holds what they
 * share. The CPU knows RAM and nothing else: every other access comes back as an exit value, and a
 * load is completed by the caller. src/hv/soft.c makes an engine of it.
 */
#ifndef VMM_A64_H
#define VMM_A64_H

#include "vmm/base.h"
#include "vmm/err.h"
#include "vmm/hv.h"

struct a64_vm;
struct a64_cpu;

#define A64_CPUS_MAX 8

/* `config` as in vmm/hv.h; it is copied. */
int a64_vm_new(struct a64_vm **vm, const struct hv_config *config, struct err *err);
void a64_vm_free(struct a64_vm *vm);
int a64_vm_map(struct a64_vm *vm, gpa_t gpa, void *hva, uint64_t size, bool rom, struct err *err);
void a64_vm_unmap(struct a64_vm *vm, gpa_t gpa, uint64_t size);
void a64_vm_ram_written(struct a64_vm *vm, gpa_t gpa, uint64_t len);

/* The rest as the hv_ops of the same names. */
int a64_cpu_new(struct a64_vm *vm, unsigned index, struct a64_cpu **cpu, struct err *err);
void a64_cpu_free(struct a64_cpu *cpu);
void a64_cpu_reset(struct a64_cpu *cpu, gpa_t entry, uint64_t arg);
struct hv_exit a64_cpu_run(struct a64_cpu *cpu);
void a64_cpu_complete(struct a64_cpu *cpu, uint64_t val);
void a64_cpu_kick(struct a64_cpu *cpu);
void a64_cpu_set_line(struct a64_cpu *cpu, enum hv_line line, bool level);
void a64_cpu_timer_due(struct a64_cpu *cpu);
bool a64_cpu_runnable(struct a64_cpu *cpu);
void a64_cpu_get_regs(struct a64_cpu *cpu, struct hv_regs *regs);
void a64_cpu_set_regs(struct a64_cpu *cpu, const struct hv_regs *regs);
int a64_cpu_get_state(struct a64_cpu *cpu, struct hv_state_reg *out, unsigned max);
unsigned a64_cpu_odd_sysregs(struct a64_cpu *cpu, struct hv_odd_sysreg *out, unsigned max);

/*
 * The name of a system register by its HV_SYSREG() encoding, "S3_0_C15_C2_1" for one without: into
 * buf.
 */
void a64_sysreg_name(uint32_t reg, char *buf, size_t len);

#endif
