// SPDX-License-Identifier: MIT
/*
 * kvm_cpuid.c - what CPUID tells an x86 guest: all that KVM and the host can do, on a machine of
 * one package whose cores have one thread each.
 *
 * Follows Intel SDM vol. 2A "CPUID" and AMD's APM vol. 3 appendix E. Starts from
 * KVM_GET_SUPPORTED_CPUID (api.rst §4.46), which knows what the host's CPU and KVM offer; the rules
 * below put in what depends on the machine: its number of vCPUs, and each one's APIC ID, which is
 * its number.
 */
#include "src/hv/kvm_x86.h"

#include <errno.h>

#define ECX1_X2APIC       BIT(21)
#define ECX1_TSC_DEADLINE BIT(24)
#define ECX1_HYPERVISOR   BIT(31)
#define EDX1_HTT          BIT(28)

struct cpuid_cpu {
    unsigned id, cpus;
    unsigned shift; /* bits of the APIC ID that tell cores apart */
    bool tsc_deadline;
};

/* Bits [lo, lo + len) of *reg become val. */
static void cpuid_put(uint32_t *reg, unsigned lo, unsigned len, uint32_t val)
{
    uint32_t mask = (uint32_t)(BIT(len) - 1) << lo;
    *reg = (*reg & ~mask) | (val << lo & mask);
}

static void cpuid_features(struct kvm_cpuid_entry2 *e, const struct cpuid_cpu *c)
{
    cpuid_put(&e->ebx, 24, 8, c->id);
    cpuid_put(&e->ebx, 16, 8, c->cpus);
    cpuid_put(&e->edx, 28, 1, c->cpus > 1);
    e->ecx |= (uint32_t)(ECX1_HYPERVISOR | ECX1_X2APIC);
    if (c->tsc_deadline)
        e->ecx |= (uint32_t)ECX1_TSC_DEADLINE;
}

/* Leaf 4, and AMD's 0x8000001d: the last level is shared by all, the others by none. */
static void cpuid_cache(struct kvm_cpuid_entry2 *e, const struct cpuid_cpu *c)
{
    unsigned level = e->eax >> 5 & 7;
    cpuid_put(&e->eax, 14, 12, level >= 3 ? c->cpus - 1 : 0);
    if (e->function == 4)
        cpuid_put(&e->eax, 26, 6, (uint32_t)BIT(c->shift) - 1);
}

/* Performance counters: none, the same on every host. */
static void cpuid_none(struct kvm_cpuid_entry2 *e, const struct cpuid_cpu *c)
{
    (void)c;
    e->eax = e->ebx = e->ecx = e->edx = 0;
}

/* Extended topology: threads, cores, and the end of the list. */
static void cpuid_topology(struct kvm_cpuid_entry2 *e, const struct cpuid_cpu *c)
{
    e->eax = e->index ? c->shift : 0;
    e->ebx = e->index == 0 ? 1 : e->index == 1 ? c->cpus : 0;
    e->ecx = e->index | (e->index == 0 ? 1u : e->index == 1 ? 2u : 0) << 8;
    e->edx = c->id;
    if (e->index > 1)
        e->eax = 0;
}

static void cpuid_amd_size(struct kvm_cpuid_entry2 *e, const struct cpuid_cpu *c)
{
    cpuid_put(&e->ecx, 0, 8, c->cpus - 1);
    cpuid_put(&e->ecx, 12, 4, c->shift);
}

static void cpuid_amd_ids(struct kvm_cpuid_entry2 *e, const struct cpuid_cpu *c)
{
    e->eax = e->ebx = c->id;
    e->ecx = 0;
}

static const struct {
    uint32_t leaf;
    void (*fn)(struct kvm_cpuid_entry2 *e, const struct cpuid_cpu *c);
} cpuid_rules[] = {
    {0x00000001, cpuid_features},
    {0x00000004, cpuid_cache   },
    {0x0000000a, cpuid_none    },
    {0x0000000b, cpuid_topology},
    {0x0000001f, cpuid_topology},
    {0x80000008, cpuid_amd_size},
    {0x8000001d, cpuid_cache   },
    {0x8000001e, cpuid_amd_ids },
};

/* The topology leaves have three subleaves whatever the host has. */
static void cpuid_complete(struct kvm_cpuid2 *c)
{
    static const uint32_t leaves[] = {0xb, 0x1f};
    for (unsigned l = 0; l < ARRAY_LEN(leaves); l++) {
        unsigned n = 0, had = 0;
        for (unsigned i = 0; i < c->nent; i++) {
            if (c->entries[i].function == leaves[l]) {
                had++;
                continue;
            }
            c->entries[n++] = c->entries[i];
        }
        c->nent = n;
        for (unsigned s = 0; had && s < 3 && c->nent < KVM_CPUID_MAX; s++)
            c->entries[c->nent++] = (struct kvm_cpuid_entry2){
                .function = leaves[l], .index = s, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX};
    }
}

int kvm_cpuid_load(int dev, struct kvm_x86_cpuid *c, struct err *err)
{
    c->head.nent = KVM_CPUID_MAX;
    int rc = kvm_ioctl(dev, KVM_GET_SUPPORTED_CPUID, &c->head);
    if (rc)
        return err_sys(err, -rc, "engine kvm: KVM_GET_SUPPORTED_CPUID");
    cpuid_complete(&c->head);
    rc = kvm_ioctl(dev, KVM_CHECK_EXTENSION, (void *)(uintptr_t)KVM_CAP_TSC_DEADLINE_TIMER);
    c->tsc_deadline = rc > 0;
    return 0;
}

int kvm_cpuid_set(struct hv_vcpu *v, struct kvm_x86_cpuid *c, struct err *err)
{
    struct cpuid_cpu cpu = {.id = v->index, .cpus = v->vm->cpus, .tsc_deadline = c->tsc_deadline};
    while (BIT(cpu.shift) < cpu.cpus)
        cpu.shift++;
    for (unsigned i = 0; i < c->head.nent; i++)
        for (unsigned r = 0; r < ARRAY_LEN(cpuid_rules); r++)
            if (c->head.entries[i].function == cpuid_rules[r].leaf)
                cpuid_rules[r].fn(&c->head.entries[i], &cpu);
    int rc = kvm_ioctl(v->fd, KVM_SET_CPUID2, &c->head);
    return rc ? err_sys(err, -rc, "engine kvm: vCPU %u refuses its CPUID", v->index) : 0;
}
