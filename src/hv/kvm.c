// SPDX-License-Identifier: MIT
/*
 * kvm.c - Linux's KVM as an engine: what does not depend on the CPU.
 *
 * Follows Documentation/virt/kvm/api.rst of Linux 6.1. The kernel models the interrupt controller,
 * the timers and PSCI; exits here are MMIO, the end of the machine, and failures. Not used:
 * coalesced MMIO, ioeventfd, irqfd, dirty logs.
 *
 * Kick: run() has the kernel look at kvm_run.immediate_exit before it enters the guest (§5), and a
 * signal makes a guest that runs exit. kick() sets the first, then sends the second if the vCPU is
 * inside KVM_RUN; whichever way the two race, the ioctl returns EINTR.
 *
 * Threads: vCPUs are created with the VM, for the interrupt controller has to know them all before
 * one runs; each is mapped on the thread that runs it. `lock` guards slots and lines.
 */
#include "src/hv/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hv_engines.h"

#define KVM_DEVICE "/dev/kvm"
#define KVM_KICK   SIGUSR2

/*
 * What probe() has opened: the device, for the life of the process, and a VM that the first
 * vm_new() takes, as only a VM tells what interrupt controllers there are.
 */
static struct {
    int dev, vm;
    struct hv_caps caps; /* once there was a vm */
} kvm_host = {.dev = -1, .vm = -1};

int kvm_ioctl(int fd, unsigned long request, void *arg)
{
    int rc;
    do /* by its number: C libraries disagree on the type of a request */
        rc = (int)syscall(SYS_ioctl, fd, request, arg);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : rc;
}

static void *kvm_num(unsigned long n)
{
    return (void *)(uintptr_t)n; /* an ioctl's argument that is a number */
}

/* ---- is there KVM, and is it good enough ---- */

static int kvm_open_failed(int code, struct err *err)
{
    switch (code) {
    case ENOENT:
        return err_set(err, ERR_HOST, code,
                       "engine kvm: " KVM_DEVICE " is missing: the kernel has no KVM or the CPU no "
                       "virtualization (in a virtual machine: enable nested virtualization; in a "
                       "container: start it with --device " KVM_DEVICE ")");
    case EACCES:
    case EPERM:
        return err_set(err, ERR_HOST, code,
                       "engine kvm: no permission to open " KVM_DEVICE ": join its group (usermod "
                       "-aG kvm $USER) and log in again");
    case ENODEV:
    case ENXIO:
        return err_set(err, ERR_HOST, code,
                       "engine kvm: " KVM_DEVICE " is there but no KVM behind it: load the "
                       "kernel's kvm module, or enable virtualization in the firmware");
    default:
        return err_sys(err, code, "engine kvm: cannot open " KVM_DEVICE);
    }
}

static const struct kvm_need kvm_needs[] = {
    {KVM_CAP_READONLY_MEM,   "KVM_CAP_READONLY_MEM, since Linux 3.7"   },
    {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT, since Linux 4.11"},
    {0,                      NULL                                      },
};

static int kvm_check_needs(int dev, const struct kvm_need *need, struct err *err)
{
    for (; need->what; need++) /* KVM_CAP_IRQCHIP is 0 */
        if (kvm_ioctl(dev, KVM_CHECK_EXTENSION, kvm_num((unsigned long)need->cap)) <= 0)
            return err_set(err, ERR_HOST, ENOTSUP,
                           "engine kvm: this kernel's KVM is too old, it lacks %s; update the "
                           "kernel",
                           need->what);
    return 0;
}

static int kvm_check_dev(int dev, struct err *err)
{
    int version = kvm_ioctl(dev, KVM_GET_API_VERSION, NULL);
    if (version < 0)
        return err_set(err, ERR_HOST, -version, "engine kvm: the device " KVM_DEVICE " is not KVM");
    if (version != KVM_API_VERSION)
        return err_set(err, ERR_HOST, ENOTSUP,
                       "engine kvm: " KVM_DEVICE " speaks API version %d; 12 is needed (since "
                       "Linux 2.6.22)",
                       version);
    int rc = kvm_check_needs(dev, kvm_needs, err);
    return rc ? rc : kvm_check_needs(dev, kvm_arch_needs, err);
}

static int kvm_create_vm(struct err *err)
{
    int vm = kvm_ioctl(kvm_host.dev, KVM_CREATE_VM, kvm_num(kvm_arch_vm_type(kvm_host.dev, false)));
    if (vm == -EINVAL)
        vm = kvm_ioctl(kvm_host.dev, KVM_CREATE_VM, kvm_num(kvm_arch_vm_type(kvm_host.dev, true)));
    if (vm < 0)
        err_sys(err, -vm, "engine kvm: the kernel refuses a new virtual machine");
    return vm;
}

static int kvm_open(struct err *err)
{
    if (kvm_host.dev >= 0)
        return 0;
    int dev = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
    if (dev < 0)
        return kvm_open_failed(errno, err);
    int rc = kvm_check_dev(dev, err);
    if (rc)
        close(dev);
    else
        kvm_host.dev = dev;
    return rc;
}

static int kvm_probe(enum board_arch arch, struct hv_caps *caps, struct err *err)
{
    if (arch != kvm_arch)
        return err_set(err, ERR_HOST, ENOTSUP,
                       "engine kvm: runs guests of the host's own architecture; this is %s, and "
                       "the board is for %s",
                       kvm_arch_host, arch == ARCH_ARM64 ? "ARM64" : "x86-64");
    int rc = kvm_open(err);
    if (!rc && kvm_host.vm < 0) {
        int vm = kvm_create_vm(err);
        kvm_host.caps = (struct hv_caps){.irqchip = true, .starts_cpus = true};
        rc = vm < 0 ? vm : kvm_arch_probe(vm, &kvm_host.caps, err);
        if (rc && vm >= 0)
            close(vm);
        else if (!rc)
            kvm_host.vm = vm;
    }
    if (rc)
        return rc;
    int cpus = kvm_ioctl(kvm_host.dev, KVM_CHECK_EXTENSION, kvm_num(KVM_CAP_MAX_VCPUS));
    *caps = kvm_host.caps;
    caps->cpus_max = cpus > 0 ? MIN((unsigned)cpus, BOARD_CPUS_MAX) : 1;
    return 0;
}

/* ---- the machine ---- */

static void kvm_kicked(int sig)
{
    (void)sig; /* its only purpose is to end KVM_RUN with EINTR */
}

static void kvm_vm_free(struct hv_vm *vm)
{
    for (unsigned i = 0; i < vm->cpus; i++)
        if (vm->vcpus[i].fd >= 0)
            close(vm->vcpus[i].fd);
    if (vm->irqchip >= 0)
        close(vm->irqchip);
    if (vm->fd >= 0)
        close(vm->fd);
    pthread_mutex_destroy(&vm->lock);
    free(vm->arch);
    free(vm);
}

static int kvm_create_vcpus(struct hv_vm *vm, struct err *err)
{
    for (unsigned i = 0; i < vm->cpus; i++) {
        struct hv_vcpu *v = &vm->vcpus[i];
        v->fd = kvm_ioctl(vm->fd, KVM_CREATE_VCPU, kvm_num(i));
        if (v->fd < 0)
            return err_sys(err, -v->fd, "engine kvm: cannot create vCPU %u of %u", i, vm->cpus);
        int rc = kvm_arch_vcpu_init(v, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int kvm_vm_new(struct hv_vm **out, const struct hv_config *config, struct err *err)
{
    struct hv_vm *vm = calloc(1, sizeof *vm);
    *out = NULL;
    if (!vm)
        return err_sys(err, ENOMEM, "engine kvm");
    pthread_mutex_init(&vm->lock, NULL);
    vm->irqchip = -1;
    vm->dev = kvm_host.dev;
    vm->gicv2 = kvm_host.caps.gicv2;
    vm->cpus = config->cpus;
    for (unsigned i = 0; i < BOARD_CPUS_MAX; i++) {
        vm->vcpus[i].vm = vm;
        vm->vcpus[i].index = i;
        vm->vcpus[i].fd = -1;
    }
    struct sigaction sa = {.sa_handler = kvm_kicked};
    sigaction(KVM_KICK, &sa, NULL);
    vm->fd = kvm_host.vm >= 0 ? kvm_host.vm : kvm_create_vm(err);
    kvm_host.vm = -1;
    int rc = MIN(vm->fd, 0);
    if (!rc) {
        rc = kvm_ioctl(kvm_host.dev, KVM_GET_VCPU_MMAP_SIZE, NULL);
        if (rc < 0)
            err_sys(err, -rc, "engine kvm: KVM_GET_VCPU_MMAP_SIZE");
        vm->run_len = (size_t)rc;
        rc = MIN(rc, 0);
    }
    if (!rc)
        rc = kvm_arch_vm_begin(vm, config, err);
    if (!rc)
        rc = kvm_create_vcpus(vm, err);
    if (!rc)
        rc = kvm_arch_vm_finish(vm, err);
    if (rc)
        kvm_vm_free(vm);
    else
        *out = vm;
    return rc;
}

/* KVM_SET_USER_MEMORY_REGION (§4.35); size 0 deletes the slot. */
static int kvm_set_slot(struct hv_vm *vm, unsigned slot, const struct kvm_slot *s, bool rom)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot,
        .flags = rom ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = s->gpa,
        .memory_size = s->size,
        .userspace_addr = (uintptr_t)s->hva,
    };
    return kvm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static int kvm_map(struct hv_vm *vm, gpa_t gpa, void *hva, uint64_t size, bool rom, struct err *err)
{
    struct kvm_slot new = {gpa, size, hva};
    pthread_mutex_lock(&vm->lock);
    unsigned i = 0;
    while (i < KVM_SLOTS && vm->slots[i].size)
        i++;
    int rc = i < KVM_SLOTS ? kvm_set_slot(vm, i, &new, rom) : -ENOSPC;
    if (!rc)
        vm->slots[i] = new;
    pthread_mutex_unlock(&vm->lock);
    if (rc)
        return err_sys(err, -rc, "engine kvm: cannot map %" PRIu64 " KiB of memory at %#" PRIx64,
                       size >> 10, gpa);
    return 0;
}

static void kvm_unmap(struct hv_vm *vm, gpa_t gpa, uint64_t size)
{
    pthread_mutex_lock(&vm->lock);
    for (unsigned i = 0; i < KVM_SLOTS; i++) {
        struct kvm_slot *s = &vm->slots[i];
        if (!s->size || s->gpa != gpa || s->size != size)
            continue;
        s->size = 0;
        kvm_set_slot(vm, i, s, false);
    }
    pthread_mutex_unlock(&vm->lock);
}

/*
 * Nothing is derived from RAM here. The caches: KVM cleans and invalidates a page when the guest
 * first meets it, and a guest that is given new code later invalidates its own instruction cache.
 */
static void kvm_ram_written(struct hv_vm *vm, gpa_t gpa, uint64_t len)
{
    (void)vm, (void)gpa, (void)len;
}

/* ---- vCPUs ---- */

static int kvm_vcpu_new(struct hv_vm *vm, unsigned index, struct hv_vcpu **vcpu, struct err *err)
{
    struct hv_vcpu *v = &vm->vcpus[index];
    *vcpu = NULL;
    void *run = mmap(NULL, vm->run_len, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (run == MAP_FAILED)
        return err_sys(err, errno, "engine kvm: cannot map the state of vCPU %u", index);
    v->run = run;
    v->thread = pthread_self();
    *vcpu = v;
    return 0;
}

static void kvm_vcpu_free(struct hv_vcpu *v)
{
    munmap(v->run, v->vm->run_len);
    v->run = NULL;
}

static struct hv_exit kvm_fail(const char *what, uint64_t detail0, uint64_t detail1)
{
    return (struct hv_exit){
        .reason = HV_EXIT_FAIL,
        .fail = {.what = what, .detail = {detail0, detail1}},
    };
}

static struct hv_exit kvm_exit_mmio(const struct kvm_run *r)
{
    struct hv_exit e = {
        .reason = HV_EXIT_MMIO,
        .mmio = {.gpa = r->mmio.phys_addr, .size = (uint8_t)r->mmio.len, .write = r->mmio.is_write},
    };
    if (e.mmio.write) /* data[] are the bytes as they lie in memory; hosts are little-endian */
        memcpy(&e.mmio.val, r->mmio.data, MIN(r->mmio.len, sizeof e.mmio.val));
    return e;
}

static struct hv_exit kvm_exit_system(const struct kvm_run *r)
{
    switch (r->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        return (struct hv_exit){.reason = HV_EXIT_OFF};
    case KVM_SYSTEM_EVENT_RESET:
        return (struct hv_exit){.reason = HV_EXIT_RESET};
    case KVM_SYSTEM_EVENT_CRASH:
        return (struct hv_exit){.reason = HV_EXIT_PANIC};
    default:
        return kvm_fail("KVM reports a system event that is not known", r->system_event.type, 0);
    }
}

/*
 * The instruction's bytes, where the kernel has fetched them (§5, emulation_failure), as a dump
 * reads: the first is the most significant of detail[0].
 */
static struct hv_exit kvm_exit_emulation(const struct kvm_run *r)
{
    struct hv_exit e = {
        .reason = HV_EXIT_STUCK,
        .stuck = {.what = "the guest executes an instruction that KVM cannot emulate, at a place "
                          "without memory or in a mode that needs emulation"},
    };
    if (r->emulation_failure.ndata < 3 ||
        !(r->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
        return e;
    unsigned n = MIN((unsigned)r->emulation_failure.insn_size,
                     (unsigned)sizeof r->emulation_failure.insn_bytes);
    for (unsigned i = 0; i < n; i++)
        e.stuck.detail[i / 8] |= (uint64_t)r->emulation_failure.insn_bytes[i] << (56 - i % 8 * 8);
    return e;
}

/* §5, KVM_EXIT_INTERNAL_ERROR: the guest's doing is an instruction that KVM has no emulation for.
 */
static struct hv_exit kvm_exit_internal(const struct kvm_run *r)
{
    static const char *const what[] = {
        [KVM_INTERNAL_ERROR_SIMUL_EX] = "KVM met an exception while it delivered another one",
        [KVM_INTERNAL_ERROR_DELIVERY_EV] = "KVM could not deliver an exception or interrupt",
        [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] =
            "the CPU left the guest for a reason that KVM does not know",
    };
    uint32_t n = r->internal.suberror;
    uint64_t data = r->internal.ndata ? r->internal.data[0] : 0;
    if (n == KVM_INTERNAL_ERROR_EMULATION)
        return kvm_exit_emulation(r);
    return kvm_fail(n < ARRAY_LEN(what) && what[n] ? what[n]
                                                   : "KVM met an error of its own "
                                                     "(KVM_EXIT_INTERNAL_ERROR)",
                    n, data);
}

static struct hv_exit kvm_exit(struct hv_vcpu *v)
{
    const struct kvm_run *r = v->run;
    switch (r->exit_reason) {
    case KVM_EXIT_MMIO:
        return kvm_exit_mmio(r);
    case KVM_EXIT_SYSTEM_EVENT:
        return kvm_exit_system(r);
    case KVM_EXIT_INTR:
        return (struct hv_exit){.reason = HV_EXIT_KICK};
    case KVM_EXIT_FAIL_ENTRY:
        return kvm_fail("the CPU refuses to enter the guest (KVM_EXIT_FAIL_ENTRY)",
                        r->fail_entry.hardware_entry_failure_reason, r->fail_entry.cpu);
    case KVM_EXIT_INTERNAL_ERROR:
        return kvm_exit_internal(r);
    default:
        return kvm_arch_exit(v);
    }
}

static struct hv_exit kvm_run(struct hv_vcpu *v)
{
    struct hv_exit more;
    if (unlikely(v->parts) && kvm_arch_next(v, &more))
        return more;
    v->ran = true;
    atomic_store(&v->inside, true);
    int code = ioctl(v->fd, KVM_RUN, 0) < 0 ? errno : 0;
    atomic_store_explicit(&v->inside, false, memory_order_release);
    if (likely(!code))
        return kvm_exit(v);
    if (code != EINTR)
        return kvm_arch_failed(v, code);
    /* A kick that comes between the ioctl and this is answered by this return. */
    __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    return (struct hv_exit){.reason = HV_EXIT_KICK};
}

/* Only for a load: the kernel takes the bytes, and finishes it, at the next KVM_RUN (§5). */
static void kvm_complete(struct hv_vcpu *v, uint64_t val)
{
    kvm_arch_complete(v, val);
}

/* Async-signal-safe. */
static void kvm_kick(struct hv_vcpu *v)
{
    __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (atomic_load(&v->inside))
        pthread_kill(v->thread, KVM_KICK);
}

/* The kernel's interrupt controller and timers do not pass here. */
static void kvm_set_line(struct hv_vcpu *v, enum hv_line line, bool level)
{
    (void)v, (void)line, (void)level;
}

/* A vCPU that waits does so in the kernel. */
static bool kvm_runnable(struct hv_vcpu *v)
{
    (void)v;
    return true;
}

static unsigned kvm_odd_sysregs(struct hv_vcpu *v, struct hv_odd_sysreg *out, unsigned max)
{
    (void)v, (void)out, (void)max; /* the kernel answers them, and does not tell */
    return 0;
}

const struct hv_ops hv_kvm = {
    .name = "kvm",
    .probe = kvm_probe,
    .vm_new = kvm_vm_new,
    .vm_free = kvm_vm_free,
    .map = kvm_map,
    .unmap = kvm_unmap,
    .ram_written = kvm_ram_written,
    .set_irq = kvm_arch_set_irq,
    .vcpu_new = kvm_vcpu_new,
    .vcpu_free = kvm_vcpu_free,
    .run = kvm_run,
    .complete = kvm_complete,
    .kick = kvm_kick,
    .set_line = kvm_set_line,
    .runnable = kvm_runnable,
    .get_regs = kvm_arch_get_regs,
    .set_regs = kvm_arch_set_regs,
    .get_state = kvm_arch_get_state,
    .set_state = kvm_arch_set_state,
    .reset = kvm_arch_reset,
    .odd_sysregs = kvm_odd_sysregs,
};
