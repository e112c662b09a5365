// SPDX-License-Identifier: MIT
/*
 * kvm_rig_arm64.h - the fake kernel's requests of ARM64.
 */
#ifndef TESTS_UNIT_KVM_RIG_ARM64_H
#define TESTS_UNIT_KVM_RIG_ARM64_H

#include "kvm_rig.h"

static const int rig_arch_cap = KVM_CAP_ARM_PSCI_0_2;
static const char *const rig_arch_cap_name = "lacks KVM_CAP_ARM_PSCI_0_2, since Linux 3.16";
static const char *const rig_host = "an ARM64 host";

#define RIG_GICD UINT64_C(0x08000000)
#define RIG_GICR UINT64_C(0x080a0000)

static const struct board_dev rig_devs[] = {
    {"gicd", DEV_GICV3_DIST,   RIG_GICD, 0x10000,  BOARD_NO_IRQ, 256},
    {"gicr", DEV_GICV3_REDIST, RIG_GICR, 0x100000, BOARD_NO_IRQ, 0  },
};
const struct board rig_board = {
    .name = "rig",
    .arch = ARCH_ARM64,
    .devs = rig_devs,
    .n_devs = ARRAY_LEN(rig_devs),
};

struct fake_reg {
    uint64_t id;
    uint8_t val[16];
    bool fixed; /* KVM_SET_ONE_REG takes only the value it has */
};

static struct {
    uint64_t lacks; /* BIT(KVM_DEV_TYPE_x): interrupt controllers that this host has not */
    uint32_t created;
    struct fake_reg regs[128]; /* of all vCPUs together; made when first written */
    unsigned n_regs;
    struct kvm_vcpu_init init[BOARD_CPUS_MAX];
    struct {
        uint32_t group;
        uint64_t attr, val;
    } gic[16]; /* KVM_SET_DEVICE_ATTR */
    unsigned n_gic;
    bool says_where; /* KVM_CAP_ARM_NISV_TO_USER was turned on */
} fake_arm;

/* A host without a GICv3 may have a GICv2: the first question may be answered with no. */
static inline bool rig_may_fail(uint32_t request, unsigned before)
{
    return request == (uint32_t)KVM_CREATE_DEVICE && before == 0;
}

static struct fake_reg *fake_reg(uint64_t id, bool make)
{
    for (unsigned i = 0; i < fake_arm.n_regs; i++)
        if (fake_arm.regs[i].id == id)
            return &fake_arm.regs[i];
    if (!make || fake_arm.n_regs == ARRAY_LEN(fake_arm.regs))
        return NULL;
    fake_arm.regs[fake_arm.n_regs].id = id;
    return &fake_arm.regs[fake_arm.n_regs++];
}

static inline uint64_t fake_reg_u64(uint64_t id)
{
    const struct fake_reg *r = fake_reg(id, false);
    return r ? le64_get(r->val) : UINT64_C(0xdeadbeef);
}

static size_t fake_reg_size(uint64_t id)
{
    return (size_t)1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

static long fake_one_reg(uint32_t request, const struct kvm_one_reg *one)
{
    void *at = (void *)(uintptr_t)one->addr;
    size_t size = fake_reg_size(one->id);
    struct fake_reg *r = fake_reg(one->id, request == (uint32_t)KVM_SET_ONE_REG);
    if (request == (uint32_t)KVM_GET_ONE_REG) {
        memset(at, 0, size);
        if (r)
            memcpy(at, r->val, size);
        return 0;
    }
    if (!r || (r->fixed && memcmp(r->val, at, size)))
        return -EINVAL;
    memcpy(r->val, at, size);
    return 0;
}

static long fake_reg_list(struct kvm_reg_list *list) /* §4.81 */
{
    uint64_t room = list->n;
    list->n = fake_arm.n_regs;
    if (room < list->n)
        return -E2BIG;
    for (unsigned i = 0; i < fake_arm.n_regs; i++)
        list->reg[i] = fake_arm.regs[i].id;
    return 0;
}

static long fake_create_device(struct kvm_create_device *d)
{
    if (fake_arm.lacks & BIT(d->type))
        return -ENODEV;
    if (d->flags & KVM_CREATE_DEVICE_TEST)
        return 0;
    fake_arm.created = d->type;
    d->fd = (uint32_t)fake_fd(FAKE_GIC);
    return 0;
}

static long fake_gic_attr(const struct kvm_device_attr *a)
{
    const void *at = (const void *)(uintptr_t)a->addr;
    unsigned i = fake_arm.n_gic++ % ARRAY_LEN(fake_arm.gic);
    fake_arm.gic[i].group = a->group;
    fake_arm.gic[i].attr = a->attr;
    fake_arm.gic[i].val = 0;
    if (a->group == KVM_DEV_ARM_VGIC_GRP_ADDR)
        memcpy(&fake_arm.gic[i].val, at, 8);
    else if (at)
        memcpy(&fake_arm.gic[i].val, at, 4);
    return 0;
}

static long fake_arch_ioctl(int fd, uint32_t request, uint64_t arg)
{
    void *p = (void *)(uintptr_t)arg;
    switch (request) {
    case (uint32_t)KVM_CREATE_DEVICE:
        return fake_create_device(p);
    case (uint32_t)KVM_SET_DEVICE_ATTR:
        return fake_gic_attr(p);
    case (uint32_t)KVM_ARM_PREFERRED_TARGET:
        memset(p, 0xff, sizeof(struct kvm_vcpu_init)); /* all features: the engine chooses */
        ((struct kvm_vcpu_init *)p)->target = KVM_ARM_TARGET_GENERIC_V8;
        return 0;
    case (uint32_t)KVM_ARM_VCPU_INIT:
        memcpy(&fake_arm.init[fd - FAKE_VCPU], p, sizeof fake_arm.init[0]);
        return 0;
    case (uint32_t)KVM_GET_ONE_REG:
    case (uint32_t)KVM_SET_ONE_REG:
        return fake_one_reg(request, p);
    case (uint32_t)KVM_GET_REG_LIST:
        return fake_reg_list(p);
    case (uint32_t)KVM_ENABLE_CAP:
        fake_arm.says_where = ((struct kvm_enable_cap *)p)->cap == KVM_CAP_ARM_NISV_TO_USER;
        return 0;
    default:
        return -EINVAL;
    }
}

#endif
