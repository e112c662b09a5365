// SPDX-License-Identifier: MIT
/*
 * kvm_rig_x86_64.h - the fake kernel's requests of x86-64.
 */
#ifndef TESTS_UNIT_KVM_RIG_X86_64_H
#define TESTS_UNIT_KVM_RIG_X86_64_H

#include "kvm_rig.h"

static const int rig_arch_cap = KVM_CAP_PIT2;
static const char *const rig_arch_cap_name = "lacks KVM_CAP_PIT2, since Linux 2.6.32";
static const char *const rig_host = "an x86-64 host";

const struct board rig_board = {.name = "rig", .arch = ARCH_X86_64};

static struct {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_cpuid_entry2 supported[8], cpuid[BOARD_CPUS_MAX][32]; /* what was set */
    unsigned n_supported, n_cpuid[BOARD_CPUS_MAX];
    int msrs; /* how many KVM_SET_MSRS takes; 0: all */
} fake_x86;

static inline bool rig_may_fail(uint32_t request, unsigned before)
{
    (void)request, (void)before;
    return false;
}

static long fake_arch_ioctl(int fd, uint32_t request, uint64_t arg)
{
    void *p = (void *)(uintptr_t)arg;
    unsigned cpu = (unsigned)(fd - FAKE_VCPU);
    struct kvm_cpuid2 *cpuid = p;
    switch (request) {
    case (uint32_t)KVM_SET_IDENTITY_MAP_ADDR:
    case (uint32_t)KVM_SET_TSS_ADDR:
    case (uint32_t)KVM_CREATE_IRQCHIP:
    case (uint32_t)KVM_CREATE_PIT2:
        return 0;
    case (uint32_t)KVM_GET_SUPPORTED_CPUID: /* §4.46: nent is the room, then the number */
        if (cpuid->nent < fake_x86.n_supported)
            return -E2BIG;
        cpuid->nent = fake_x86.n_supported;
        memcpy(cpuid->entries, fake_x86.supported, fake_x86.n_supported * sizeof *cpuid->entries);
        return 0;
    case (uint32_t)KVM_SET_CPUID2:
        if (cpuid->nent > ARRAY_LEN(fake_x86.cpuid[0]))
            return -E2BIG;
        fake_x86.n_cpuid[cpu] = cpuid->nent;
        memcpy(fake_x86.cpuid[cpu], cpuid->entries, cpuid->nent * sizeof *cpuid->entries);
        return 0;
    case (uint32_t)KVM_SET_MSRS:
        return fake_x86.msrs ? fake_x86.msrs : (long)((struct kvm_msrs *)p)->nmsrs;
    case (uint32_t)KVM_GET_REGS:
        memcpy(p, &fake_x86.regs, sizeof fake_x86.regs);
        return 0;
    case (uint32_t)KVM_SET_REGS:
        memcpy(&fake_x86.regs, p, sizeof fake_x86.regs);
        return 0;
    case (uint32_t)KVM_GET_SREGS:
        memcpy(p, &fake_x86.sregs, sizeof fake_x86.sregs);
        return 0;
    case (uint32_t)KVM_SET_SREGS:
        memcpy(&fake_x86.sregs, p, sizeof fake_x86.sregs);
        return 0;
    default:
        return -EINVAL;
    }
}

#endif
