// SPDX-License-Identifier: MIT
/*
 * test_kvm.c - the KVM engine above a kernel that says no, says little, or is kicked: what does not
 * depend on the CPU.
 *
 * The architecture's own half is in test_kvm_arm64.c and test_kvm_x86_64.c. Expected values are
 * those of Documentation/virt/kvm/api.rst of Linux 6.1 (§4 requests, §5 struct kvm_run).
 */
#include "kvm_rig_arch.h"

/* ---- there is no KVM, or not enough of it ---- */

static void expect_refused(int code, const char *text)
{
    struct kvm_rig r;
    expect_u64(rig_probe(&r), (uint64_t)(int64_t)-code);
    expect_u64(r.err.code, code);
    expect_u64(r.err.kind, ERR_HOST);
    expect_text(r.err.text, "engine kvm: ");
    expect_text(r.err.text, text);
}

KVM_TEST(without_the_device_it_says_what_to_look_at)
{
    fake.open_errno = ENOENT;
    expect_refused(ENOENT, "/dev/kvm is missing");
    expect_refused(ENOENT, "the kernel has no KVM or the CPU no virtualization");
    expect_refused(ENOENT, "enable nested virtualization");
    expect_refused(ENOENT, "--device /dev/kvm");
}

KVM_TEST(without_permission_it_names_the_group)
{
    fake.open_errno = EACCES;
    expect_refused(EACCES, "usermod -aG kvm");
    fake.open_errno = EPERM; /* a container's device rules */
    expect_refused(EPERM, "no permission to open /dev/kvm");
}

KVM_TEST(a_device_without_a_driver_asks_for_the_module)
{
    fake.open_errno = ENODEV;
    expect_refused(ENODEV, "load the kernel's kvm module");
    fake.open_errno = ENXIO;
    expect_refused(ENXIO, "enable virtualization in the firmware");
    fake.open_errno = EMFILE;
    expect_refused(EMFILE, strerror(EMFILE));
}

KVM_TEST(what_failed_once_may_work_later)
{
    struct kvm_rig r;
    fake.open_errno = EACCES;
    expect_refused(EACCES, "usermod");
    fake.open_errno = 0;
    expect_u64(rig_probe(&r), 0);
    expect_u64(fake_still_open(), 2); /* the device and the VM that vm_new() takes */
    expect_u64(rig_probe(&r), 0);
    expect_u64(fake.opens, 2);
}

KVM_TEST(a_device_that_is_not_kvm_is_said)
{
    fake.fails = (uint32_t)KVM_GET_API_VERSION;
    fake.fails_errno = ENOTTY;
    expect_refused(ENOTTY, "/dev/kvm is not KVM");
    expect_u64(fake_still_open(), 0);
}

KVM_TEST(another_api_version_is_said) /* §4.1: "always 12" */
{
    fake.api = 11;
    expect_refused(ENOTSUP, "API version 11; 12 is needed");
    expect_u64(fake_still_open(), 0);
}

KVM_TEST(a_missing_capability_is_named_with_its_linux)
{
    fake.lacks = KVM_CAP_IMMEDIATE_EXIT;
    expect_refused(ENOTSUP, "lacks KVM_CAP_IMMEDIATE_EXIT, since Linux 4.11; update the kernel");
    fake.lacks = KVM_CAP_READONLY_MEM;
    expect_refused(ENOTSUP, "lacks KVM_CAP_READONLY_MEM, since Linux 3.7");
    fake.lacks = rig_arch_cap;
    expect_refused(ENOTSUP, rig_arch_cap_name);
    expect_u64(fake_still_open(), 0);
}

KVM_TEST(a_refused_vm_is_said_and_tried_again)
{
    fake.fails = (uint32_t)KVM_CREATE_VM;
    fake.fails_errno = ENOMEM;
    expect_refused(ENOMEM, "the kernel refuses a new virtual machine");
    expect_u64(fake_still_open(), 1);
    fake.fails = 0;
    struct kvm_rig r;
    expect_u64(rig_probe(&r), 0);
}

KVM_TEST(a_vm_type_that_is_not_taken_has_a_second_choice) /* §4.2: EINVAL */
{
    struct kvm_rig r;
    fake.fails = (uint32_t)KVM_CREATE_VM;
    fake.fails_errno = EINVAL;
    fake.fails_once = 1;
    expect_u64(rig_probe(&r), 0);
}

KVM_TEST(a_host_of_the_other_architecture_is_said)
{
    struct hv_caps caps;
    struct err err = {0};
    enum board_arch other = kvm_arch == ARCH_ARM64 ? ARCH_X86_64 : ARCH_ARM64;
    expect_u64(hv_kvm.probe(other, &caps, &err), (uint64_t)(int64_t)-ENOTSUP);
    expect_text(err.text, "runs guests of the host's own architecture; this is ");
    expect_text(err.text, rig_host);
    expect_u64(err.code, ENOTSUP);
    expect_u64(fake.opens, 0);
}

KVM_TEST(it_runs_as_many_vcpus_as_the_kernel_says)
{
    struct kvm_rig r;
    expect_u64(rig_probe(&r), 0);
    expect_u64(r.caps.cpus_max, 4);
    expect_true(r.caps.irqchip && r.caps.starts_cpus);
    fake.lacks = KVM_CAP_MAX_VCPUS;
    expect_u64(rig_probe(&r), 0);
    expect_u64(r.caps.cpus_max, 1);
}

/* Every request of vm_new() fails once: said, and nothing stays open. */
KVM_TEST(every_failure_of_a_new_machine_is_said_and_undone)
{
    struct kvm_rig r;
    expect_u64(rig_vm(&r, 2), 0);
    uint32_t requests[FAKE_LOG];
    unsigned n = fake.n_log, tried = 0;
    for (unsigned i = 0; i < n; i++)
        requests[i] = fake.log[i].request;
    rig_fini(&r);
    for (unsigned i = 0; i < n; i++) {
        unsigned before = 0;
        for (unsigned k = 0; k < i; k++)
            before += requests[k] == requests[i];
        if (requests[i] == (uint32_t)KVM_GET_API_VERSION ||
            requests[i] == (uint32_t)KVM_CREATE_VM || rig_may_fail(requests[i], before))
            continue;
        memset(&r, 0, sizeof r);
        fake.n_log = 0;
        fake.fails = requests[i];
        fake.fails_skip = before;
        fake.fails_once = 1;
        fake.fails_errno = ENOMEM;
        int rc = rig_vm(&r, 2);
        tried++;
        if (rc >= 0 || !*r.err.text || r.vm)
            printf("# request %#x, number %u\n", requests[i], before);
        expect_true(rc < 0 && r.err.code == -rc && *r.err.text && !r.vm);
        fake.fails = 0;
        expect_true(fake_still_open() <= 2);
        expect_u64(rig_vm(&r, 2), 0);
        rig_fini(&r);
    }
    expect_true(tried >= 4);
}

KVM_TEST(a_signal_does_not_fail_a_request)
{
    struct kvm_rig r;
    fake.fails = (uint32_t)KVM_CREATE_VCPU;
    fake.fails_errno = EINTR;
    fake.fails_once = 1;
    rig_init(&r);
    rig_fini(&r);
}

KVM_TEST(a_vcpu_that_cannot_be_mapped_is_said)
{
    struct kvm_rig r;
    expect_u64(rig_vm(&r, 1), 0);
    fake.mmap_errno = ENOMEM;
    expect_u64(hv_kvm.vcpu_new(r.vm, 0, &r.cpu, &r.err), (uint64_t)(int64_t)-ENOMEM);
    expect_text(r.err.text, "cannot map the state of vCPU 0");
    rig_fini(&r);
}

/* ---- memory ---- */

KVM_TEST(memory_becomes_slots_that_are_used_again) /* §4.35 */
{
    static uint8_t bytes[2][8192] __attribute__((aligned(4096)));
    struct kvm_rig r;
    rig_init(&r);
    expect_u64(hv_kvm.map(r.vm, 0x40000000, bytes[0], 8192, false, &r.err), 0);
    expect_u64(hv_kvm.map(r.vm, 0, bytes[1], 8192, true, &r.err), 0);
    expect_u64(fake.slots[0].guest_phys_addr, 0x40000000);
    expect_u64(fake.slots[0].memory_size, 8192);
    expect_u64(fake.slots[0].userspace_addr, (uintptr_t)bytes[0]);
    expect_u64(fake.slots[0].flags, 0);
    expect_u64(fake.slots[1].flags, KVM_MEM_READONLY);
    hv_kvm.unmap(r.vm, 0, 4096); /* not a window that was mapped */
    expect_u64(fake.slots[1].memory_size, 8192);
    hv_kvm.unmap(r.vm, 0, 8192);
    expect_u64(fake.slots[1].memory_size, 0);
    expect_u64(hv_kvm.map(r.vm, 0x1000000, bytes[1], 8192, false, &r.err), 0);
    expect_u64(fake.slots[1].guest_phys_addr, 0x1000000);
    rig_fini(&r);
}

KVM_TEST(memory_that_is_refused_is_said)
{
    static uint8_t bytes[4096] __attribute__((aligned(4096)));
    struct kvm_rig r;
    rig_init(&r);
    fake.fails = (uint32_t)KVM_SET_USER_MEMORY_REGION;
    fake.fails_errno = EEXIST;
    expect_u64(hv_kvm.map(r.vm, 0x40000000, bytes, 4096, false, &r.err),
               (uint64_t)(int64_t)-EEXIST);
    expect_text(r.err.text, "cannot map 4 KiB of memory at 0x40000000");
    fake.fails = 0;
    unsigned n = 0;
    while (n < 64 && !hv_kvm.map(r.vm, 0x40000000 + n * 4096ull, bytes, 4096, false, &r.err))
        n++;
    expect_u64(n, 16); /* KVM_SLOTS: the failed one took none */
    expect_u64(r.err.code, ENOSPC);
    rig_fini(&r);
}

/* ---- exits ---- */

static struct kvm_run next; /* what KVM_RUN leaves */

static int run_next(struct kvm_run *r, unsigned cpu)
{
    (void)cpu;
    uint8_t immediate_exit = r->immediate_exit;
    memcpy(r, &next, sizeof next);
    r->immediate_exit = immediate_exit;
    return 0;
}

static struct hv_exit run_exit(struct kvm_rig *r, uint32_t reason)
{
    next.exit_reason = reason;
    fake.run = run_next;
    return hv_kvm.run(r->cpu);
}

KVM_TEST(a_store_is_handed_over_in_its_size)
{
    struct kvm_rig r;
    rig_init(&r);
    for (uint32_t size = 1; size <= 8; size *= 2) {
        memset(&next, 0, sizeof next);
        next.mmio.phys_addr = 0x09000000 + size;
        next.mmio.len = size;
        next.mmio.is_write = 1;
        memcpy(next.mmio.data, "\x11\x22\x33\x44\x55\x66\x77\x88", size);
        struct hv_exit e = run_exit(&r, KVM_EXIT_MMIO);
        expect_u64(e.reason, HV_EXIT_MMIO);
        expect_u64(e.mmio.gpa, 0x09000000 + size);
        expect_u64(e.mmio.size, size);
        expect_true(e.mmio.write);
        expect_u64(e.mmio.val, UINT64_C(0x8877665544332211) & (UINT64_MAX >> (64 - 8 * size)));
    }
    rig_fini(&r);
}

KVM_TEST(a_load_is_completed_in_the_shared_page) /* §5: done by the next KVM_RUN */
{
    struct kvm_rig r;
    rig_init(&r);
    memset(&next, 0, sizeof next);
    next.mmio.phys_addr = 0x09000018;
    next.mmio.len = 4;
    struct hv_exit e = run_exit(&r, KVM_EXIT_MMIO);
    expect_u64(e.reason, HV_EXIT_MMIO);
    expect_true(!e.mmio.write);
    expect_u64(e.mmio.val, 0);
    hv_kvm.complete(r.cpu, UINT64_C(0x90));
    expect_u64(le64_get(fake.run_page[0]->mmio.data), 0x90);
    rig_fini(&r);
}

KVM_TEST(a_length_that_no_access_has_stays_in_bounds)
{
    struct kvm_rig r;
    rig_init(&r);
    memset(&next, 0xff, sizeof next);
    next.mmio.len = 200;
    next.mmio.is_write = 1;
    expect_u64(run_exit(&r, KVM_EXIT_MMIO).mmio.val, UINT64_MAX);
    rig_fini(&r);
}

KVM_TEST(system_events_end_the_machine) /* §5: KVM_EXIT_SYSTEM_EVENT */
{
    static const struct {
        uint32_t type;
        enum hv_exit_reason reason;
    } events[] = {
        {KVM_SYSTEM_EVENT_SHUTDOWN, HV_EXIT_OFF  },
        {KVM_SYSTEM_EVENT_RESET,    HV_EXIT_RESET},
        {KVM_SYSTEM_EVENT_CRASH,    HV_EXIT_PANIC},
        {77,                        HV_EXIT_FAIL },
    };
    struct kvm_rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(events); i++) {
        memset(&next, 0, sizeof next);
        next.system_event.type = events[i].type;
        struct hv_exit e = run_exit(&r, KVM_EXIT_SYSTEM_EVENT);
        expect_u64(e.reason, events[i].reason);
        if (e.reason == HV_EXIT_FAIL)
            expect_u64(e.fail.detail[0], 77);
    }
    rig_fini(&r);
}

KVM_TEST(a_failed_entry_keeps_the_hardware_s_reason)
{
    struct kvm_rig r;
    rig_init(&r);
    memset(&next, 0, sizeof next);
    next.fail_entry.hardware_entry_failure_reason = 0x80000021;
    next.fail_entry.cpu = 3;
    struct hv_exit e = run_exit(&r, KVM_EXIT_FAIL_ENTRY);
    expect_u64(e.reason, HV_EXIT_FAIL);
    expect_text(e.fail.what, "the CPU refuses to enter the guest (KVM_EXIT_FAIL_ENTRY)");
    expect_u64(e.fail.detail[0], 0x80000021);
    expect_u64(e.fail.detail[1], 3);
    rig_fini(&r);
}

KVM_TEST(what_kvm_cannot_emulate_is_the_guest_s_end_with_its_bytes)
{
    struct kvm_rig r;
    rig_init(&r);
    memset(&next, 0, sizeof next);
    next.emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
    next.emulation_failure.ndata = 4;
    next.emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
    next.emulation_failure.insn_size = 10;
    memcpy(next.emulation_failure.insn_bytes, "\x0f\x01\xd0\x04\x05\x06\x07\x08\x09\x0a\x0b", 11);
    struct hv_exit e = run_exit(&r, KVM_EXIT_INTERNAL_ERROR);
    expect_u64(e.reason, HV_EXIT_STUCK);
    expect_text(e.stuck.what, "an instruction that KVM cannot emulate");
    expect_u64(e.stuck.detail[0], UINT64_C(0x0f01d00405060708)); /* read as a dump */
    expect_u64(e.stuck.detail[1], UINT64_C(0x090a000000000000)); /* insn_size of them */
    next.emulation_failure.insn_size = 255;                      /* more than there is room for */
    memset(next.emulation_failure.insn_bytes, 0x90, 15);
    e = run_exit(&r, KVM_EXIT_INTERNAL_ERROR);
    expect_u64(e.stuck.detail[1], UINT64_C(0x9090909090909000));
    next.emulation_failure.flags = 0;
    e = run_exit(&r, KVM_EXIT_INTERNAL_ERROR);
    expect_u64(e.reason, HV_EXIT_STUCK);
    expect_u64(e.stuck.detail[0], 0);
    rig_fini(&r);
}

KVM_TEST(errors_of_kvm_itself_are_the_engine_s)
{
    static const struct {
        uint32_t suberror;
        const char *what;
    } errors[] = {
        {KVM_INTERNAL_ERROR_SIMUL_EX,               "while it delivered another one"          },
        {KVM_INTERNAL_ERROR_DELIVERY_EV,            "could not deliver an exception"          },
        {KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, "for a reason that KVM does not know"     },
        {99,                                        "an error of its own (KVM_EXIT_INTERNAL_E"},
    };
    struct kvm_rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(errors); i++) {
        memset(&next, 0, sizeof next);
        next.internal.suberror = errors[i].suberror;
        next.internal.ndata = 1;
        next.internal.data[0] = 0x55;
        struct hv_exit e = run_exit(&r, KVM_EXIT_INTERNAL_ERROR);
        expect_u64(e.reason, HV_EXIT_FAIL);
        expect_text(e.fail.what, errors[i].what);
        expect_u64(e.fail.detail[0], errors[i].suberror);
        expect_u64(e.fail.detail[1], 0x55);
    }
    rig_fini(&r);
}

KVM_TEST(an_exit_that_is_not_known_is_a_failure_with_its_number)
{
    struct kvm_rig r;
    rig_init(&r);
    memset(&next, 0, sizeof next);
    struct hv_exit e = run_exit(&r, 4711);
    expect_u64(e.reason, HV_EXIT_FAIL);
    expect_text(e.fail.what, "for a reason that is not known");
    expect_u64(e.fail.detail[0], 4711);
    rig_fini(&r);
}

static int run_errno;

static int run_fails(struct kvm_run *r, unsigned cpu)
{
    (void)r, (void)cpu;
    return run_errno;
}

KVM_TEST(a_failing_run_says_what_the_kernel_said)
{
    struct kvm_rig r;
    rig_init(&r);
    fake.run = run_fails;
    run_errno = EFAULT;
    struct hv_exit e = hv_kvm.run(r.cpu);
    expect_u64(e.reason, HV_EXIT_FAIL);
    expect_text(e.fail.what, "cannot reach the guest's memory on this host (EFAULT)");
    run_errno = ENOEXEC;
    e = hv_kvm.run(r.cpu);
    expect_text(e.fail.what, "KVM_RUN fails");
    expect_u64(e.fail.detail[0], ENOEXEC);
    rig_fini(&r);
}

/* ---- kick ---- */

KVM_TEST(a_signal_is_a_kick)
{
    struct kvm_rig r;
    rig_init(&r);
    fake.run = run_fails;
    run_errno = EINTR;
    expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_KICK);
    fake.run = NULL; /* KVM_EXIT_INTR */
    expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_KICK);
    rig_fini(&r);
}

KVM_TEST(a_kick_before_run_keeps_the_guest_out_once)
{
    struct kvm_rig r;
    rig_init(&r);
    memset(&next, 0, sizeof next);
    next.mmio.len = 4;
    hv_kvm.kick(r.cpu);
    hv_kvm.kick(r.cpu); /* two are one */
    expect_u64(run_exit(&r, KVM_EXIT_MMIO).reason, HV_EXIT_KICK);
    expect_u64(run_exit(&r, KVM_EXIT_MMIO).reason, HV_EXIT_MMIO);
    rig_fini(&r);
}

static struct kvm_rig *kicked;
static bool kick_first;

/* The kick comes with the guest about to leave for another reason: that one is not lost. */
static int run_kicked_at_the_end(struct kvm_run *r, unsigned cpu)
{
    run_next(r, cpu);
    if (kick_first)
        hv_kvm.kick(kicked->cpu);
    kick_first = false;
    return 0;
}

KVM_TEST(a_kick_beside_an_exit_is_answered_after_it)
{
    struct kvm_rig r;
    rig_init(&r);
    kicked = &r;
    kick_first = true;
    memset(&next, 0, sizeof next);
    next.exit_reason = KVM_EXIT_MMIO;
    next.mmio.len = 4;
    fake.run = run_kicked_at_the_end;
    expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_MMIO);
    expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_KICK);
    expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_MMIO);
    rig_fini(&r);
}

/* A guest that spins: only a signal ends it. */
static int run_spin(struct kvm_run *r, unsigned cpu)
{
    (void)cpu;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    if (!__atomic_load_n(&r->immediate_exit, __ATOMIC_SEQ_CST))
        sigsuspend(&old);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return EINTR;
}

#define KICKS 3000
static _Atomic unsigned kicks_seen;

static void *kicker(void *arg)
{
    const struct kvm_rig *r = arg;
    for (unsigned i = 0; i < KICKS; i++) {
        for (unsigned k = 0; k < i % 64; k++) /* now early, now late */
            __asm__ volatile("" ::: "memory");
        hv_kvm.kick(r->cpu);
        while (atomic_load(&kicks_seen) <= i)
            ;
    }
    return NULL;
}

KVM_TEST(no_kick_is_lost_whenever_it_comes)
{
    struct kvm_rig r;
    pthread_t thread;
    rig_init(&r);
    fake.run = run_spin;
    expect_u64(pthread_create(&thread, NULL, kicker, &r), 0);
    while (atomic_load(&kicks_seen) < KICKS) {
        expect_u64(hv_kvm.run(r.cpu).reason, HV_EXIT_KICK);
        atomic_fetch_add(&kicks_seen, 1);
    }
    pthread_join(thread, NULL);
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(without_the_device_it_says_what_to_look_at),
    TAP_TEST(without_permission_it_names_the_group),
    TAP_TEST(a_device_without_a_driver_asks_for_the_module),
    TAP_TEST(what_failed_once_may_work_later),
    TAP_TEST(a_device_that_is_not_kvm_is_said),
    TAP_TEST(another_api_version_is_said),
    TAP_TEST(a_missing_capability_is_named_with_its_linux),
    TAP_TEST(a_refused_vm_is_said_and_tried_again),
    TAP_TEST(a_vm_type_that_is_not_taken_has_a_second_choice),
    TAP_TEST(a_host_of_the_other_architecture_is_said),
    TAP_TEST(it_runs_as_many_vcpus_as_the_kernel_says),
    TAP_TEST(every_failure_of_a_new_machine_is_said_and_undone),
    TAP_TEST(a_signal_does_not_fail_a_request),
    TAP_TEST(a_vcpu_that_cannot_be_mapped_is_said),
    TAP_TEST(memory_becomes_slots_that_are_used_again),
    TAP_TEST(memory_that_is_refused_is_said),
    TAP_TEST(a_store_is_handed_over_in_its_size),
    TAP_TEST(a_load_is_completed_in_the_shared_page),
    TAP_TEST(a_length_that_no_access_has_stays_in_bounds),
    TAP_TEST(system_events_end_the_machine),
    TAP_TEST(a_failed_entry_keeps_the_hardware_s_reason),
    TAP_TEST(what_kvm_cannot_emulate_is_the_guest_s_end_with_its_bytes),
    TAP_TEST(errors_of_kvm_itself_are_the_engine_s),
    TAP_TEST(an_exit_that_is_not_known_is_a_failure_with_its_number),
    TAP_TEST(a_failing_run_says_what_the_kernel_said),
    TAP_TEST(a_signal_is_a_kick),
    TAP_TEST(a_kick_before_run_keeps_the_guest_out_once),
    TAP_TEST(a_kick_beside_an_exit_is_answered_after_it),
    TAP_TEST(no_kick_is_lost_whenever_it_comes),
};
TAP_MAIN(tests)
