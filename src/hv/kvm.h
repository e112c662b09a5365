// SPDX-License-Identifier: MIT
/*
 * kvm.h - what the halves of the KVM engine share: kvm.c, the same on every host, and kvm_ARCH.c.
 *
 * Follows Documentation/virt/kvm/api.rst of Linux 6.1; sections are cited by their numbers there.
 */
#ifndef HV_KVM_H
#define HV_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>

#include "vmm/hv.h"

/* RAM regions and flash banks; a slot is used again once its window was unmapped. */
#define KVM_SLOTS 16

struct kvm_slot {
    gpa_t gpa;
    uint64_t size; /* 0: free */
    uint8_t *hva;
};

struct hv_vcpu {
    struct hv_vm *vm;
    unsigned index;
    int fd;
    struct kvm_run *run; /* shared with the kernel; NULL before vcpu_new() */
    pthread_t thread;    /* that runs it, once `run` is set */
    _Atomic bool inside; /* in the ioctl KVM_RUN, or about to be */
    bool ran;            /* its registers are no longer those of power-on */
    /* x86: an access to ports of which `parts` elements are handed out one by one; 0: none. */
    uint32_t part, parts;
};

struct hv_vm {
    int dev; /* /dev/kvm */
    int fd;
    void *arch;  /* between kvm_arch_vm_begin() and kvm_arch_vm_finish(): theirs; malloc'ed */
    int irqchip; /* the in-kernel interrupt controller's device */
    bool gicv2;  /* ARM64: the host gives no GICv3 */
    unsigned cpus;
    size_t run_len; /* of struct kvm_run's mapping */
    struct hv_vcpu vcpus[BOARD_CPUS_MAX];
    pthread_mutex_t lock; /* slots and lines */
    struct kvm_slot slots[KVM_SLOTS];
    _Atomic bool asked_where; /* ARM64: KVM_CAP_ARM_NISV_TO_USER is on */
    uint32_t lines[32];       /* a bit per SPI: the level KVM was told last */
};

/* kvm.c */

/* ioctl() that goes on after a signal: the result, or -errno. */
int kvm_ioctl(int fd, unsigned long request, void *arg);

/* kvm_ARCH.c */

extern const enum board_arch kvm_arch;
extern const char *const kvm_arch_host; /* "an ARM64 host" */

struct kvm_need {
    int cap;
    const char *what; /* its name, and the first Linux that has it */
};
extern const struct kvm_need kvm_arch_needs[]; /* beyond those of kvm.c; what NULL at the end */

/* Argument of KVM_CREATE_VM (§4.2): `again` when the kernel refused the first one. */
unsigned long kvm_arch_vm_type(int dev, bool again);
/* Can `vm` (just created, and left as it is) have an interrupt controller that boards have? Which,
 * in caps. */
int kvm_arch_probe(int vm, struct hv_caps *caps, struct err *err);
/* Before the vCPUs are created, and when all are. */
int kvm_arch_vm_begin(struct hv_vm *vm, const struct hv_config *config, struct err *err);
int kvm_arch_vm_finish(struct hv_vm *vm, struct err *err);
/* Registers as at power-on. */
int kvm_arch_vcpu_init(struct hv_vcpu *vcpu, struct err *err);
/* A load's value. */
void kvm_arch_complete(struct hv_vcpu *vcpu, uint64_t val);
/* Is there more of the last exit, before the kernel goes on? */
bool kvm_arch_next(struct hv_vcpu *vcpu, struct hv_exit *exit);
/* KVM_RUN came back with an exit that only this architecture has, or with -code. */
struct hv_exit kvm_arch_exit(struct hv_vcpu *vcpu);
struct hv_exit kvm_arch_failed(struct hv_vcpu *vcpu, int code);

void kvm_arch_set_irq(struct hv_vm *vm, unsigned spi, bool level);
void kvm_arch_get_regs(struct hv_vcpu *vcpu, struct hv_regs *regs);
void kvm_arch_set_regs(struct hv_vcpu *vcpu, const struct hv_regs *regs);
int kvm_arch_get_state(struct hv_vcpu *vcpu, struct hv_state_reg *out, unsigned max);
int kvm_arch_set_state(struct hv_vcpu *vcpu, const struct hv_state_reg *regs, unsigned n,
                       struct err *err);
void kvm_arch_reset(struct hv_vcpu *vcpu, const struct cpu_start *start);

#endif
