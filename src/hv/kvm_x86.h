// SPDX-License-Identifier: MIT
/*
 * kvm_x86.h - what the files of the x86 half of the KVM engine share.
 */
#ifndef HV_KVM_X86_H
#define HV_KVM_X86_H

#include "src/hv/kvm.h"

#define KVM_CPUID_MAX 128

struct kvm_x86_cpuid {
    bool tsc_deadline;
    union {
        struct kvm_cpuid2 head;
        uint8_t room[sizeof(struct kvm_cpuid2) + KVM_CPUID_MAX * sizeof(struct kvm_cpuid_entry2)];
    };
};

/* What this host supports, once per VM; then each vCPU's own. Errors: the ioctl's. */
int kvm_cpuid_load(int dev, struct kvm_x86_cpuid *c, struct err *err);
int kvm_cpuid_set(struct hv_vcpu *v, struct kvm_x86_cpuid *c, struct err *err);

#endif
