// SPDX-License-Identifier: MIT
/*
 * test_kvm_arm64.c - the ARM64 half of the KVM engine above a fake kernel: interrupt controllers,
 * vCPUs, registers, accesses that hardware does not describe.
 *
 * Documentation/virt/kvm/api.rst and devices/arm-vgic*.rst of Linux 6.1.
 */
#include "kvm_rig_arch.h"

/* asm/kvm.h of ARM64: KVM_REG_ARM_CORE numbers 32-bit words of struct kvm_regs. */
#define CORE(word) (UINT64_C(0x6030000000100000) | (word))
#define CORE_X(n)  CORE(2 * (n))
#define CORE_SP    CORE(62)
#define CORE_PC    CORE(64)
#define CORE_PST   CORE(66)
#define CORE_SP1   CORE(68)
#define SYS(op0, op1, crn, crm, op2)                                                               \
    (UINT64_C(0x6030000000130000) | HV_SYSREG(op0, op1, crn, crm, op2))

/* ---- interrupt controllers ---- */

KVM_TEST(without_any_gic_it_says_so)
{
    struct kvm_rig r;
    fake_arm.lacks = BIT(KVM_DEV_TYPE_ARM_VGIC_V3) | BIT(KVM_DEV_TYPE_ARM_VGIC_V2);
    expect_u64(rig_probe(&r), (uint64_t)(int64_t)-ENODEV);
    expect_text(r.err.text, "engine kvm: this host's interrupt controller");
    expect_text(r.err.text, "--engine soft");
    expect_u64(fake_still_open(), 1);
}

static uint64_t gic_attr(uint32_t group, uint64_t attr)
{
    for (unsigned i = 0; i < fake_arm.n_gic; i++)
        if (fake_arm.gic[i].group == group && fake_arm.gic[i].attr == attr)
            return fake_arm.gic[i].val;
    return UINT64_MAX;
}

KVM_TEST(the_gicv3_is_at_the_board_s_places) /* devices/arm-vgic-v3.rst */
{
    struct kvm_rig r;
    expect_u64(rig_vm(&r, 2), 0);
    expect_u64(fake_arm.created, KVM_DEV_TYPE_ARM_VGIC_V3);
    expect_u64(gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST), RIG_GICD);
    expect_u64(gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST), RIG_GICR);
    expect_u64(gic_attr(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0), 288);
    expect_u64(gic_attr(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT), 0);
    rig_fini(&r);
}

KVM_TEST(a_host_with_a_gicv2_gives_that) /* devices/arm-vgic.rst */
{
    struct kvm_rig r;
    fake_arm.lacks = BIT(KVM_DEV_TYPE_ARM_VGIC_V3);
    expect_u64(rig_probe(&r), 0);
    expect_true(r.caps.gicv2 && r.caps.irqchip);
    expect_u64(rig_vm(&r, 2), 0);
    expect_true(r.caps.gicv2);
    expect_u64(fake_arm.created, KVM_DEV_TYPE_ARM_VGIC_V2);
    expect_u64(gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_DIST), RIG_GICD);
    expect_u64(gic_attr(KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU), RIG_GICR);
    expect_u64(gic_attr(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0), 288);
    expect_u64(gic_attr(KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT), 0);
    rig_fini(&r);
}

KVM_TEST(an_spi_is_told_by_its_intid) /* api.rst §4.25: type in bits 24.., INTID below */
{
    struct kvm_rig r;
    rig_init(&r);
    hv_kvm.set_irq(r.vm, 16, true);
    expect_u64(fake.line.irq, 1u << 24 | 48);
    expect_u64(fake.line.level, 1);
    unsigned n = fake.n_log;
    hv_kvm.set_irq(r.vm, 16, true);
    expect_u64(fake.n_log, n);
    rig_fini(&r);
}

/* ---- vCPUs ---- */

KVM_TEST(vcpus_but_the_first_start_turned_off) /* §4.82 */
{
    struct kvm_rig r;
    expect_u64(rig_vm(&r, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        expect_u64(fake_arm.init[i].target, KVM_ARM_TARGET_GENERIC_V8);
        expect_u64(fake_arm.init[i].features[0],
                   BIT(KVM_ARM_VCPU_PSCI_0_2) | (i ? BIT(KVM_ARM_VCPU_POWER_OFF) : 0));
    }
    rig_fini(&r);
}

KVM_TEST(a_vm_with_fewer_address_bits_is_the_second_choice) /* §4.2: KVM_VM_TYPE_ARM_IPA_SIZE */
{
    struct kvm_rig r;
    fake.fails = (uint32_t)KVM_CREATE_VM;
    fake.fails_errno = EINVAL;
    fake.fails_once = 1;
    expect_u64(rig_probe(&r), 0);
    unsigned seen = 0;
    for (unsigned i = 0; i < fake.n_log; i++)
        if (fake.log[i].request == (uint32_t)KVM_CREATE_VM)
            expect_u64(fake.log[i].arg, seen++ ? 1 : 0); /* what the fake says of the capability */
    expect_u64(seen, 2);
}

KVM_TEST(it_starts_at_its_entry_with_its_argument)
{
    struct kvm_rig r;
    rig_init(&r);
    expect_u64(fake_reg_u64(CORE_PC), 0x40080000);
    expect_u64(fake_reg_u64(CORE_X(0)), 0x1234);
    rig_fini(&r);
}

KVM_TEST(sp_is_the_one_that_pstate_selects) /* Arm ARM C5.2.18 */
{
    struct kvm_rig r;
    struct hv_regs regs = {.pc = 0x40090000, .sp = 0x111, .pstate = 0x3c5};
    rig_init(&r);
    for (unsigned i = 0; i < 31; i++)
        regs.x[i] = 0x100 + i;
    hv_kvm.set_regs(r.cpu, &regs);
    expect_u64(fake_reg_u64(CORE_SP1), 0x111);
    regs.pstate = 0x3c4; /* EL1t */
    regs.sp = 0x222;
    hv_kvm.set_regs(r.cpu, &regs);
    expect_u64(fake_reg_u64(CORE_SP), 0x222);
    expect_u64(fake_reg_u64(CORE_SP1), 0x111);
    expect_u64(fake_reg_u64(CORE_PST), 0x3c4);
    expect_u64(fake_reg_u64(CORE_X(30)), 0x11e);
    struct hv_regs back;
    hv_kvm.get_regs(r.cpu, &back);
    expect_true(!memcmp(regs.x, back.x, sizeof back.x));
    expect_u64(back.sp, 0x222);
    expect_u64(back.pc, 0x40090000);
    rig_fini(&r);
}

/* ---- the whole state ---- */

/* KVM_REG_ARM_CORE with the other sizes: U128 vectors, U32 FPSR and FPCR. */
#define CORE_V(n) (UINT64_C(0x6040000000100000) | (84 + 4 * (n)))
#define CORE_FPSR UINT64_C(0x60200000001000d4)
#define CORE_FPCR UINT64_C(0x60200000001000d5)

static void host_regs(void)
{
    for (unsigned i = 0; i < 31; i++)
        fake_reg(CORE_X(i), true)->val[0] = (uint8_t)i;
    static const uint64_t core[] = {CORE_SP, CORE_PC, CORE_PST, CORE_SP1, CORE(70), CORE(72)};
    for (unsigned i = 0; i < ARRAY_LEN(core); i++)
        fake_reg(core[i], true)->val[0] = (uint8_t)(0x40 + i);
    for (unsigned i = 0; i < 32; i++) {
        fake_reg(CORE_V(i), true)->val[0] = (uint8_t)i;
        fake_reg(CORE_V(i), true)->val[15] = (uint8_t)(i + 1);
    }
    fake_reg(CORE_FPSR, true)->val[0] = 0x1f;
    fake_reg(CORE_FPCR, true)->val[3] = 3;
    fake_reg(SYS(3, 0, 1, 0, 0), true)->val[0] = 0x11; /* SCTLR_EL1 */
    fake_reg(SYS(3, 0, 0, 4, 0), true)->fixed = true;  /* ID_AA64PFR0_EL1 */
    fake_reg(SYS(3, 3, 14, 0, 2), true)->val[0] = 0xc; /* asm/kvm.h: CNTV_CVAL under this number */
    fake_reg(SYS(3, 3, 14, 3, 2), true)->val[0] = 0xd; /* and CNTVCT under that one */
    fake_reg(UINT64_C(0x6020000000110000), true)->val[0] = 0xcc; /* a CCSIDR */
    fake_reg(UINT64_C(0x6030000000140000), true)->val[0] = 0x11; /* KVM_REG_ARM_PSCI_VERSION */
}

static const struct hv_state_reg *find(const struct hv_state_reg *regs, int n,
                                       enum hv_state_kind kind, uint32_t num)
{
    for (int i = 0; i < n; i++)
        if (regs[i].kind == kind && regs[i].num == num)
            return &regs[i];
    static const struct hv_state_reg none = {
        .val = {0xdead, 0xdead}
    };
    return &none;
}

KVM_TEST(the_state_is_all_that_the_kernel_lists) /* §4.81 */
{
    static struct hv_state_reg regs[HV_STATE_MAX];
    struct kvm_rig r;
    rig_init(&r);
    host_regs();
    int n = hv_kvm.get_state(r.cpu, regs, HV_STATE_MAX);
    expect_u64(n, fake_arm.n_regs);
    for (unsigned i = 0; i < 31; i++)
        expect_u64(find(regs, n, HV_STATE_CORE, i)->val[0] & 0xff, i);
    for (unsigned i = 0; i < 6; i++)
        expect_u64(find(regs, n, HV_STATE_CORE, HV_STATE_SP_EL0 + i)->val[0] & 0xff, 0x40 + i);
    for (unsigned i = 0; i < 32; i++) {
        const struct hv_state_reg *v = find(regs, n, HV_STATE_VECTOR, i);
        expect_u64(v->size, 16);
        expect_u64(v->val[0], i);
        expect_u64(v->val[1], (uint64_t)(i + 1) << 56);
    }
    expect_u64(find(regs, n, HV_STATE_VECTOR, HV_STATE_FPSR)->val[0], 0x1f);
    expect_u64(find(regs, n, HV_STATE_VECTOR, HV_STATE_FPCR)->val[0], 0x03000000);
    expect_u64(find(regs, n, HV_STATE_VECTOR, HV_STATE_FPCR)->size, 4);
    expect_u64(find(regs, n, HV_STATE_SYSREG, HV_SYSREG(3, 0, 1, 0, 0))->val[0], 0x11);
    expect_u64(find(regs, n, HV_STATE_SYSREG, HV_SYSREG(3, 3, 14, 3, 2))->val[0], 0xc);
    expect_u64(find(regs, n, HV_STATE_SYSREG, HV_SYSREG(3, 3, 14, 0, 2))->val[0], 0xd);
    unsigned own = 0;
    for (int i = 0; i < n; i++)
        own += regs[i].kind == HV_STATE_ENGINE;
    expect_u64(own, 2);
    expect_u64(hv_kvm.get_state(r.cpu, regs, 5), 5);
    rig_fini(&r);
}

KVM_TEST(the_state_is_set_as_it_was)
{
    static struct hv_state_reg regs[HV_STATE_MAX];
    struct fake_reg before[ARRAY_LEN(fake_arm.regs)];
    struct kvm_rig r;
    rig_init(&r);
    host_regs();
    int n = hv_kvm.get_state(r.cpu, regs, HV_STATE_MAX);
    memcpy(before, fake_arm.regs, sizeof before);
    for (unsigned i = 0; i < fake_arm.n_regs; i++)
        if (!fake_arm.regs[i].fixed)
            memset(fake_arm.regs[i].val, 0x99, fake_reg_size(fake_arm.regs[i].id));
    expect_u64(hv_kvm.set_state(r.cpu, regs, (unsigned)n, &r.err), 0);
    expect_true(!memcmp(before, fake_arm.regs, sizeof before));
    struct hv_state_reg *id = NULL; /* another host's */
    for (int i = 0; i < n; i++)
        if (regs[i].num == HV_SYSREG(3, 0, 0, 4, 0))
            id = &regs[i];
    expect_true(id != NULL);
    if (id) {
        id->val[0] = 0x1234;
        expect_u64(hv_kvm.set_state(r.cpu, regs, (unsigned)n, &r.err), (uint64_t)(int64_t)-EINVAL);
        expect_text(r.err.text, "vCPU 0 refuses register 0x603000000013c020 = 0x1234");
    }
    rig_fini(&r);
}

KVM_TEST(a_list_that_fails_is_said)
{
    static struct hv_state_reg regs[HV_STATE_MAX];
    struct kvm_rig r;
    rig_init(&r);
    fake.fails = (uint32_t)KVM_GET_REG_LIST;
    fake.fails_errno = EPERM;
    expect_u64(hv_kvm.get_state(r.cpu, regs, HV_STATE_MAX), (uint64_t)(int64_t)-EPERM);
    fake.fails = (uint32_t)KVM_GET_ONE_REG;
    expect_u64(hv_kvm.get_state(r.cpu, regs, HV_STATE_MAX), (uint64_t)(int64_t)-EPERM);
    rig_fini(&r);
}

/* ---- accesses that hardware does not describe ---- */

static int no_syndrome(struct kvm_run *r, unsigned cpu)
{
    (void)cpu;
    if (!fake_arm.says_where)
        return ENOSYS;
    r->exit_reason = KVM_EXIT_ARM_NISV;
    r->arm_nisv.fault_ipa = 0x0c000010;
    r->arm_nisv.esr_iss = 0x46;
    return 0;
}

KVM_TEST(an_access_without_syndrome_says_where) /* §7.18: asked for when it happens */
{
    struct kvm_rig r;
    rig_init(&r);
    fake.run = no_syndrome;
    expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_KICK);
    struct hv_exit e = hv_kvm.run(r.cpu);
    expect_u64(e.reason, HV_EXIT_STUCK);
    expect_text(e.stuck.what, "hardware cannot pass it on (--engine soft can)");
    expect_u64(e.stuck.detail[0], 0x0c000010);
    expect_u64(e.stuck.detail[1], 0x46);
    rig_fini(&r);
}

KVM_TEST(an_old_kernel_does_not_say_where)
{
    struct kvm_rig r;
    rig_init(&r);
    fake.run = no_syndrome;
    fake.fails = (uint32_t)KVM_ENABLE_CAP;
    fake.fails_errno = EINVAL;
    struct hv_exit e = hv_kvm.run(r.cpu);
    expect_u64(e.reason, HV_EXIT_STUCK);
    expect_text(e.stuck.what, "a load or store of several registers");
    expect_u64(e.stuck.detail[0], 0);
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(without_any_gic_it_says_so),
    TAP_TEST(the_gicv3_is_at_the_board_s_places),
    TAP_TEST(a_host_with_a_gicv2_gives_that),
    TAP_TEST(an_spi_is_told_by_its_intid),
    TAP_TEST(vcpus_but_the_first_start_turned_off),
    TAP_TEST(a_vm_with_fewer_address_bits_is_the_second_choice),
    TAP_TEST(it_starts_at_its_entry_with_its_argument),
    TAP_TEST(sp_is_the_one_that_pstate_selects),
    TAP_TEST(the_state_is_all_that_the_kernel_lists),
    TAP_TEST(the_state_is_set_as_it_was),
    TAP_TEST(a_list_that_fails_is_said),
    TAP_TEST(an_access_without_syndrome_says_where),
    TAP_TEST(an_old_kernel_does_not_say_where),
};
TAP_MAIN(tests)
