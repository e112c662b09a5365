// SPDX-License-Identifier: MIT
/*
 * test_kvm_x86_64.c - the x86 half of the KVM engine above a fake kernel: ports, the start of a
 * vCPU, its CPUID, and its ends.
 *
 * Documentation/virt/kvm/api.rst of Linux 6.1; Linux x86/boot.rst for the 64-bit entry state.
 */
#include "kvm_rig_arch.h"

static struct {
    uint8_t size, out;
    uint16_t port;
    uint32_t count;
    uint8_t data[64];
    int rc;
    uint32_t reason;
} next;

static int run_next(struct kvm_run *r, unsigned cpu)
{
    (void)cpu;
    r->exit_reason = next.reason;
    r->io.direction = next.out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
    r->io.size = next.size;
    r->io.port = next.port;
    r->io.count = next.count;
    r->io.data_offset = FAKE_RUN_LEN / 2;
    if (next.out)
        memcpy((uint8_t *)r + r->io.data_offset, next.data, sizeof next.data);
    return next.rc;
}

static struct hv_exit run_io(struct kvm_rig *r)
{
    next.reason = KVM_EXIT_IO;
    fake.run = run_next;
    return hv_kvm.run(r->cpu);
}

KVM_TEST(a_byte_to_a_port)
{
    struct kvm_rig r;
    rig_init(&r);
    next.size = 1, next.out = 1, next.port = 0x3f8, next.count = 1;
    next.data[0] = 'A', next.data[1] = 0xff;
    struct hv_exit e = run_io(&r);
    expect_u64(e.reason, HV_EXIT_PIO);
    expect_u64(e.pio.gpa, 0x3f8);
    expect_u64(e.pio.size, 1);
    expect_true(e.pio.write);
    expect_u64(e.pio.val, 'A');
    expect_u64(run_io(&r).reason, HV_EXIT_PIO);
    expect_u64(fake.runs, 2);
    rig_fini(&r);
}

KVM_TEST(a_load_from_a_port_is_completed_in_its_size)
{
    struct kvm_rig r;
    rig_init(&r);
    next.size = 2, next.out = 0, next.port = 0x60, next.count = 1;
    uint8_t *page = (uint8_t *)fake.run_page[0];
    memset(page + FAKE_RUN_LEN / 2, 0xee, 16);
    struct hv_exit e = run_io(&r);
    expect_true(!e.pio.write);
    expect_u64(e.pio.val, 0);
    hv_kvm.complete(r.cpu, UINT64_C(0x1122334455667788));
    expect_u64(le64_get(page + FAKE_RUN_LEN / 2), UINT64_C(0xeeeeeeeeeeee7788));
    rig_fini(&r);
}

KVM_TEST(a_string_of_ports_comes_one_by_one) /* §5: io.count of them in one exit */
{
    struct kvm_rig r;
    rig_init(&r);
    next.size = 4, next.out = 1, next.port = 0xcf8, next.count = 3;
    for (unsigned i = 0; i < 12; i++)
        next.data[i] = (uint8_t)i;
    static const uint32_t want[] = {0x03020100, 0x07060504, 0x0b0a0908};
    for (unsigned i = 0; i < 3; i++)
        expect_u64(run_io(&r).pio.val, want[i]);
    expect_u64(fake.runs, 1);
    next.out = 0;
    for (unsigned i = 0; i < 3; i++) {
        expect_u64(run_io(&r).reason, HV_EXIT_PIO);
        hv_kvm.complete(r.cpu, 0x50 + i);
    }
    expect_u64(fake.runs, 2);
    expect_u64(le64_get((uint8_t *)fake.run_page[0] + FAKE_RUN_LEN / 2),
               UINT64_C(0x0000005100000050));
    rig_fini(&r);
}

KVM_TEST(a_load_from_memory_after_ports_goes_to_its_own_place)
{
    struct kvm_rig r;
    rig_init(&r);
    next.size = 1, next.out = 1, next.port = 0x80, next.count = 1;
    run_io(&r);
    next.reason = KVM_EXIT_MMIO;
    expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_MMIO);
    memset(fake.run_page[0]->mmio.data, 0, 8);
    hv_kvm.complete(r.cpu, 0xa5);
    expect_u64(fake.run_page[0]->mmio.data[0], 0xa5);
    rig_fini(&r);
}

KVM_TEST(shutdown_is_a_triple_fault)
{
    struct kvm_rig r;
    rig_init(&r);
    next.reason = KVM_EXIT_SHUTDOWN;
    fake.run = run_next;
    struct hv_exit e = hv_kvm.run(r.cpu);
    expect_u64(e.reason, HV_EXIT_STUCK);
    expect_text(e.stuck.what, "triple fault");
    rig_fini(&r);
}

KVM_TEST(a_vcpu_that_waits_for_sipi_is_asked_again)
{
    struct kvm_rig r;
    rig_init(&r);
    fake.run = run_next;
    next.rc = EAGAIN;
    expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_KICK);
    rig_fini(&r);
}

/* ---- power-on ---- */

KVM_TEST(long_mode_starts_as_the_boot_protocol_says) /* boot.rst, "64-bit boot protocol" */
{
    struct kvm_rig r;
    rig_init(&r);
    hv_kvm.reset(r.cpu, &(struct cpu_start){.entry = 0x100200,
                                            .arg = 0x7000,
                                            .mode = CPU_X86_LONG,
                                            .tables = 0x9000,
                                            .gdt = 0x500,
                                            .stack = 0x6ff0});
    expect_u64(fake_x86.regs.rip, 0x100200);
    expect_u64(fake_x86.regs.rsi, 0x7000);
    expect_u64(fake_x86.regs.rsp, 0x6ff0);
    expect_u64(fake_x86.regs.rflags, 2);
    expect_u64(fake_x86.sregs.cs.selector, 0x10);
    expect_u64(fake_x86.sregs.cs.l, 1);
    expect_u64(fake_x86.sregs.ds.selector, 0x18);
    expect_u64(fake_x86.sregs.cr3, 0x9000);
    expect_u64(fake_x86.sregs.cr0 & 0x80000001, 0x80000001);
    expect_u64(fake_x86.sregs.cr4, 1 << 5);
    expect_u64(fake_x86.sregs.efer, 0x500);
    expect_u64(fake_x86.sregs.gdt.base, 0x500);
    struct hv_regs regs;
    hv_kvm.get_regs(r.cpu, &regs);
    expect_u64(regs.pc, 0x100200);
    expect_u64(regs.x86.gpr[6], 0x7000);
    expect_u64(regs.x86.sel[HV_CS], 0x10);
    rig_fini(&r);
}

KVM_TEST(protected_mode_starts_as_pvh_says) /* pvh.rst: ebx is the start info, paging off */
{
    struct kvm_rig r;
    rig_init(&r);
    hv_kvm.reset(r.cpu, &(struct cpu_start){
                            .entry = 0x1000000, .arg = 0x6000, .mode = CPU_X86_PROT, .gdt = 0x500});
    expect_u64(fake_x86.regs.rbx, 0x6000);
    expect_u64(fake_x86.sregs.cs.l, 0);
    expect_u64(fake_x86.sregs.cs.db, 1);
    expect_u64(fake_x86.sregs.cr0 & 0x80000001, 1);
    expect_u64(fake_x86.sregs.efer, 0);
    rig_fini(&r);
}

KVM_TEST(registers_are_written_back_as_they_were_read)
{
    struct kvm_rig r;
    rig_init(&r);
    struct hv_regs regs;
    uint64_t *all = (uint64_t *)(void *)&fake_x86.regs;
    for (unsigned i = 0; i < sizeof fake_x86.regs / 8; i++)
        all[i] = UINT64_C(0x1111111111111111) * (i + 1);
    struct kvm_regs before = fake_x86.regs;
    hv_kvm.get_regs(r.cpu, &regs);
    memset(&fake_x86.regs, 0, sizeof fake_x86.regs);
    hv_kvm.set_regs(r.cpu, &regs);
    expect_true(!memcmp(&before, &fake_x86.regs, sizeof before));
    rig_fini(&r);
}

/* ---- what the kernel has to have ---- */

KVM_TEST(capability_number_0_is_asked_for_too) /* KVM_CAP_IRQCHIP */
{
    struct kvm_rig r;
    fake.lacks = KVM_CAP_IRQCHIP;
    expect_u64(rig_probe(&r), (uint64_t)(int64_t)-ENOTSUP);
    expect_text(r.err.text, "lacks KVM_CAP_IRQCHIP, since Linux 2.6.22");
}

/* ---- CPUID ---- */

static const struct kvm_cpuid_entry2 *cpuid(unsigned cpu, uint32_t leaf, uint32_t index)
{
    for (unsigned i = 0; i < fake_x86.n_cpuid[cpu]; i++)
        if (fake_x86.cpuid[cpu][i].function == leaf && fake_x86.cpuid[cpu][i].index == index)
            return &fake_x86.cpuid[cpu][i];
    static const struct kvm_cpuid_entry2 none;
    return &none;
}

KVM_TEST(cpuid_names_each_vcpu) /* SDM vol. 2A, leaf 1 EBX[31:24], leaf 0xb EDX */
{
    struct kvm_rig r;
    fake_x86.supported[0] = (struct kvm_cpuid_entry2){.function = 1, .ebx = 0x1f800, .edx = 1};
    fake_x86.supported[1] = (struct kvm_cpuid_entry2){.function = 0xa, .eax = 0x07300404};
    fake_x86.supported[2] = (struct kvm_cpuid_entry2){.function = 0xb, .flags = 1};
    fake_x86.n_supported = 3;
    expect_u64(rig_vm(&r, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        expect_u64(cpuid(i, 1, 0)->ebx, i << 24 | 3 << 16 | 0xf800);
        expect_u64(cpuid(i, 1, 0)->ecx >> 31, 1);      /* a hypervisor */
        expect_u64(cpuid(i, 1, 0)->edx, 1 | 1u << 28); /* HTT: more than one logical CPU */
        expect_u64(cpuid(i, 0xa, 0)->eax, 0);
        for (uint32_t sub = 0; sub < 3; sub++)
            expect_u64(cpuid(i, 0xb, sub)->edx, i);
        expect_u64(cpuid(i, 0xb, 1)->ebx, 3);
        expect_u64(cpuid(i, 0xb, 1)->eax, 2); /* bits of 0..2 */
    }
    rig_fini(&r);
}

KVM_TEST(an_msr_that_is_refused_is_named)
{
    struct kvm_rig r;
    fake_x86.msrs = 1;
    expect_true(rig_vm(&r, 1) < 0);
    expect_text(r.err.text, "vCPU 0 refuses MSR 0x2ff");
    rig_fini(&r);
}

KVM_TEST(a_line_is_told_once_per_change)
{
    struct kvm_rig r;
    rig_init(&r);
    unsigned n = fake.n_log;
    hv_kvm.set_irq(r.vm, 4, true);
    hv_kvm.set_irq(r.vm, 4, true);
    expect_u64(fake.n_log, n + 1);
    expect_u64(fake.line.irq, 4);
    expect_u64(fake.line.level, 1);
    hv_kvm.set_irq(r.vm, 4, false);
    expect_u64(fake.line.level, 0);
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(a_byte_to_a_port),
    TAP_TEST(a_load_from_a_port_is_completed_in_its_size),
    TAP_TEST(a_string_of_ports_comes_one_by_one),
    TAP_TEST(a_load_from_memory_after_ports_goes_to_its_own_place),
    TAP_TEST(shutdown_is_a_triple_fault),
    TAP_TEST(a_vcpu_that_waits_for_sipi_is_asked_again),
    TAP_TEST(long_mode_starts_as_the_boot_protocol_says),
    TAP_TEST(protected_mode_starts_as_pvh_says),
    TAP_TEST(registers_are_written_back_as_they_were_read),
    TAP_TEST(capability_number_0_is_asked_for_too),
    TAP_TEST(cpuid_names_each_vcpu),
    TAP_TEST(an_msr_that_is_refused_is_named),
    TAP_TEST(a_line_is_told_once_per_change),
};
TAP_MAIN(tests)
