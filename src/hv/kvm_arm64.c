// SPDX-License-Identifier: MIT
/*
 * kvm_arm64.c - the KVM engine on ARM64 hosts.
 *
 * Follows Documentation/virt/kvm/api.rst and devices/arm-vgic*.rst of Linux 6.1. The vCPU is the
 * host's own kind (KVM_ARM_PREFERRED_TARGET) without SVE, pointer authentication and PMU, which a
 * VM has to ask for. The kernel has the GICv3 at the places of the board's rows (or, on a host that
 * has only that, a GICv2 with its CPU interface where the board has redistributors), the generic
 * timer with its usual PPIs, and PSCI by HVC: vCPUs above 0 start powered off and wait inside
 * KVM_RUN for CPU_ON.
 *
 * The hardware describes a trapped load or store only when it moves one general register without
 * writing the address back (Arm ARM DDI 0487J.a, ESR_ELx.ISS encoding for a Data Abort: ISV). Any
 * other access to a place without memory ends the machine with HV_EXIT_STUCK.
 */
#include "src/hv/kvm.h"

#include <errno.h>

const enum board_arch kvm_arch = ARCH_ARM64;
const char *const kvm_arch_host = "an ARM64 host";

const struct kvm_need kvm_arch_needs[] = {
    {KVM_CAP_ARM_PSCI_0_2, "KVM_CAP_ARM_PSCI_0_2, since Linux 3.16"},
    {0,                    NULL                                    },
};

/* 0 is 40 bits of guest physical address, what every board fits in; some CPUs have less. */
unsigned long kvm_arch_vm_type(int dev, bool again)
{
    if (!again)
        return 0;
    int bits = kvm_ioctl(dev, KVM_CHECK_EXTENSION, (void *)(uintptr_t)KVM_CAP_ARM_VM_IPA_SIZE);
    return bits > 0 ? KVM_VM_TYPE_ARM_IPA_SIZE((unsigned)MIN(bits, 40)) : 0;
}

/* ---- interrupt controller ---- */

static bool kvm_has_gic(int vm, uint32_t type)
{
    struct kvm_create_device gic = {.type = type, .flags = KVM_CREATE_DEVICE_TEST};
    return !kvm_ioctl(vm, KVM_CREATE_DEVICE, &gic);
}

int kvm_arch_probe(int vm, struct hv_caps *caps, struct err *err)
{
    caps->gicv2 = !kvm_has_gic(vm, KVM_DEV_TYPE_ARM_VGIC_V3);
    if (caps->gicv2 && !kvm_has_gic(vm, KVM_DEV_TYPE_ARM_VGIC_V2))
        return err_set(err, ERR_HOST, ENODEV,
                       "engine kvm: this host's interrupt controller gives guests neither a GICv3 "
                       "nor a GICv2; use --engine soft");
    return 0;
}

static int kvm_gic_set(struct hv_vm *vm, uint32_t group, uint64_t attr, void *val, const char *what,
                       struct err *err)
{
    struct kvm_device_attr a = {.group = group, .attr = attr, .addr = (uintptr_t)val};
    int rc = kvm_ioctl(vm->irqchip, KVM_SET_DEVICE_ATTR, &a);
    return rc ? err_sys(err, -rc, "engine kvm: the GICv%d refuses %s", vm->gicv2 ? 2 : 3, what) : 0;
}

/* Where its windows go, by the rows of the board. The GICv2's CPU interface has no row of its own.
 */
static const struct {
    enum dev_kind kind;
    uint64_t attr[2]; /* of the GICv3, and of the GICv2 */
    const char *what;
} kvm_gic_windows[] = {
    {DEV_GICV3_DIST,
     {KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V2_ADDR_TYPE_DIST},
     "the distributor's address"        },
    {DEV_GICV3_REDIST,
     {KVM_VGIC_V3_ADDR_TYPE_REDIST, KVM_VGIC_V2_ADDR_TYPE_CPU},
     "the address of what is each CPU's"},
};

static int kvm_gic_place(struct hv_vm *vm, const struct board_dev *row, struct err *err)
{
    uint64_t base = row->base;
    uint32_t intids = 32 + row->param;
    int rc = 0;
    if (row->kind == DEV_GICV3_DIST)
        rc = kvm_gic_set(vm, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &intids, "its number of interrupts",
                         err);
    for (unsigned i = 0; i < ARRAY_LEN(kvm_gic_windows) && !rc; i++)
        if (row->kind == kvm_gic_windows[i].kind)
            rc = kvm_gic_set(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, kvm_gic_windows[i].attr[vm->gicv2],
                             &base, kvm_gic_windows[i].what, err);
    return rc;
}

int kvm_arch_vm_begin(struct hv_vm *vm, const struct hv_config *config, struct err *err)
{
    struct kvm_create_device gic = {
        .type = vm->gicv2 ? KVM_DEV_TYPE_ARM_VGIC_V2 : KVM_DEV_TYPE_ARM_VGIC_V3,
    };
    int rc = kvm_ioctl(vm->fd, KVM_CREATE_DEVICE, &gic);
    if (rc)
        return err_sys(err, -rc, "engine kvm: cannot create the GICv%d", vm->gicv2 ? 2 : 3);
    vm->irqchip = (int)gic.fd;
    for (unsigned i = 0; i < config->board->n_devs && !rc; i++)
        rc = kvm_gic_place(vm, &config->board->devs[i], err);
    return rc;
}

int kvm_arch_vm_finish(struct hv_vm *vm, struct err *err)
{
    return kvm_gic_set(vm, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL,
                       "to be initialised", err);
}

/* KVM_IRQ_LINE (§4.25). A level that the kernel knows already costs no call. */
void kvm_arch_set_irq(struct hv_vm *vm, unsigned spi, bool level)
{
    uint32_t *word = &vm->lines[spi / 32], bit = 1u << spi % 32;
    pthread_mutex_lock(&vm->lock);
    if (level != !!(*word & bit)) {
        *word ^= bit;
        struct kvm_irq_level line = {
            .irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (32 + spi),
            .level = level,
        };
        kvm_ioctl(vm->fd, KVM_IRQ_LINE, &line);
    }
    pthread_mutex_unlock(&vm->lock);
}

/* ---- vCPU ---- */

int kvm_arch_vcpu_init(struct hv_vcpu *v, struct err *err)
{
    struct kvm_vcpu_init init = {0};
    int rc = kvm_ioctl(v->vm->fd, KVM_ARM_PREFERRED_TARGET, &init);
    memset(init.features, 0, sizeof init.features);
    init.features[0] = 1u << KVM_ARM_VCPU_PSCI_0_2;
    if (v->index)
        init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
    if (!rc)
        rc = kvm_ioctl(v->fd, KVM_ARM_VCPU_INIT, &init);
    return rc ? err_sys(err, -rc, "engine kvm: vCPU %u cannot be of the host's kind", v->index) : 0;
}

#define KVM_CORE(field)                                                                            \
    (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))

#define KVM_SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define KVM_TTBR0_EL1 ARM64_SYS_REG(3, 0, 2, 0, 0)
#define KVM_TTBR1_EL1 ARM64_SYS_REG(3, 0, 2, 0, 1)
#define KVM_TCR_EL1   ARM64_SYS_REG(3, 0, 2, 0, 2)
#define KVM_ESR_EL1   ARM64_SYS_REG(3, 0, 5, 2, 0)
#define KVM_FAR_EL1   ARM64_SYS_REG(3, 0, 6, 0, 0)
#define KVM_VBAR_EL1  ARM64_SYS_REG(3, 0, 12, 0, 0)

/* The registers are there on every vCPU, so that a read or write of them has no way to fail. */
static uint64_t kvm_get_reg(struct hv_vcpu *v, uint64_t id)
{
    uint64_t val = 0;
    struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&val};
    kvm_ioctl(v->fd, KVM_GET_ONE_REG, &reg);
    return val;
}

static void kvm_set_reg(struct hv_vcpu *v, uint64_t id, uint64_t val)
{
    struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&val};
    kvm_ioctl(v->fd, KVM_SET_ONE_REG, &reg);
}

static uint64_t kvm_x_id(unsigned n)
{
    return KVM_CORE(regs.regs[0]) + n * (sizeof(uint64_t) / sizeof(uint32_t));
}

/* Which stack pointer SP is: PSTATE.SP and EL (Arm ARM DDI 0487J.a C5.2.18: M[3:0]). */
static uint64_t kvm_sp_id(uint64_t pstate)
{
    return (pstate & 0xf) == 5 ? KVM_CORE(sp_el1) : KVM_CORE(regs.sp);
}

static const struct {
    uint64_t id;
    size_t off;
} kvm_more_regs[] = {
    {KVM_CORE(regs.pc),            offsetof(struct hv_regs, pc)   },
    {KVM_SCTLR_EL1,                offsetof(struct hv_regs, sctlr)},
    {KVM_TTBR0_EL1,                offsetof(struct hv_regs, ttbr0)},
    {KVM_TCR_EL1,                  offsetof(struct hv_regs, tcr)  },
    {KVM_TTBR1_EL1,                offsetof(struct hv_regs, ttbr1)},
    {KVM_VBAR_EL1,                 offsetof(struct hv_regs, vbar) },
    {KVM_ESR_EL1,                  offsetof(struct hv_regs, esr)  },
    {KVM_CORE(elr_el1),            offsetof(struct hv_regs, elr)  },
    {KVM_FAR_EL1,                  offsetof(struct hv_regs, far_) },
    {KVM_CORE(spsr[KVM_SPSR_EL1]), offsetof(struct hv_regs, spsr) },
};

void kvm_arch_get_regs(struct hv_vcpu *v, struct hv_regs *regs)
{
    for (unsigned i = 0; i < ARRAY_LEN(regs->x); i++)
        regs->x[i] = kvm_get_reg(v, kvm_x_id(i));
    regs->pstate = kvm_get_reg(v, KVM_CORE(regs.pstate));
    regs->sp = kvm_get_reg(v, kvm_sp_id(regs->pstate));
    for (unsigned i = 0; i < ARRAY_LEN(kvm_more_regs); i++) {
        uint64_t val = kvm_get_reg(v, kvm_more_regs[i].id);
        memcpy((char *)regs + kvm_more_regs[i].off, &val, sizeof val);
    }
}

void kvm_arch_set_regs(struct hv_vcpu *v, const struct hv_regs *regs)
{
    for (unsigned i = 0; i < ARRAY_LEN(regs->x); i++)
        kvm_set_reg(v, kvm_x_id(i), regs->x[i]);
    kvm_set_reg(v, KVM_CORE(regs.pstate), regs->pstate);
    kvm_set_reg(v, kvm_sp_id(regs->pstate), regs->sp);
    kvm_set_reg(v, KVM_CORE(regs.pc), regs->pc);
}

/* KVM_ARM_VCPU_INIT (§4.82) has left it at EL1h, masked, MMU off, all else zero. */
void kvm_arch_reset(struct hv_vcpu *v, const struct cpu_start *start)
{
    if (v->ran)
        kvm_arch_vcpu_init(v, NULL);
    v->ran = false;
    kvm_set_reg(v, kvm_x_id(0), start->arg);
    kvm_set_reg(v, KVM_CORE(regs.pc), start->entry);
}

/* ---- exits ---- */

void kvm_arch_complete(struct hv_vcpu *v, uint64_t val)
{
    memcpy(v->run->mmio.data, &val, sizeof val);
}

/* Every access is an exit of its own. */
bool kvm_arch_next(struct hv_vcpu *v, struct hv_exit *exit)
{
    (void)v, (void)exit;
    return false;
}

static struct hv_exit kvm_no_syndrome(uint64_t gpa, uint64_t iss)
{
    return (struct hv_exit){
        .reason = HV_EXIT_STUCK,
        .stuck = {.what = "a load or store of several registers, or with write-back, to a place "
                          "without memory: hardware cannot pass it on (--engine soft can)", .detail = {gpa, iss}},
    };
}

struct hv_exit kvm_arch_exit(struct hv_vcpu *v)
{
    const struct kvm_run *r = v->run;
    if (r->exit_reason == KVM_EXIT_ARM_NISV)
        return kvm_no_syndrome(r->arm_nisv.fault_ipa, r->arm_nisv.esr_iss);
    return (struct hv_exit){
        .reason = HV_EXIT_FAIL,
        .fail = {.what = "KVM came back for a reason that is not known",
                 .detail = {r->exit_reason, 0}},
    };
}

/*
 * ENOSYS is an access without syndrome. Only once it has happened is KVM asked to say where
 * (KVM_CAP_ARM_NISV_TO_USER, §7.18): the guest then makes the same access again.
 */
struct hv_exit kvm_arch_failed(struct hv_vcpu *v, int code)
{
    if (code == ENOSYS) {
        struct kvm_enable_cap cap = {.cap = KVM_CAP_ARM_NISV_TO_USER};
        if (atomic_exchange(&v->vm->asked_where, true) ||
            kvm_ioctl(v->vm->fd, KVM_ENABLE_CAP, &cap))
            return kvm_no_syndrome(0, 0);
        return (struct hv_exit){.reason = HV_EXIT_KICK};
    }
    return (struct hv_exit){
        .reason = HV_EXIT_FAIL,
        .fail = {.what = code == EFAULT
                             ? "KVM cannot reach the guest's memory on this host (EFAULT)"
                             : "KVM_RUN fails",
                 .detail = {(uint64_t)code, 0}},
    };
}
