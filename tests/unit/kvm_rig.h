// SPDX-License-Identifier: MIT
/*
 * kvm_rig.h - a kernel with KVM that does what a test tells it, below the KVM engine.
 *
 * Linked with --wrap for open, close, mmap, munmap, syscall and ioctl (see the Makefile): calls on
 * /dev/kvm and on what it hands out end here, all others pass. Answers are those of
 * Documentation/virt/kvm/api.rst of Linux 6.1; `fake.fails` makes one request fail, and fake.run is
 * what KVM_RUN does after it has looked at immediate_exit.
 *
 * The engine opens the device once per process, so each test runs in a process of its own:
 * KVM_TEST(name) defines the function of the table, and the body follows.
 */
#ifndef TESTS_UNIT_KVM_RIG_H
#define TESTS_UNIT_KVM_RIG_H

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"
#include "vmm/hv.h"

/* clang-format off */
int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *at, size_t len);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *at, size_t len);
long __wrap_syscall(long n, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
/* clang-format on */

/* What the fake hands out: numbers that no open file has. */
enum { FAKE_DEV = 100000, FAKE_VM, FAKE_GIC, FAKE_VCPU = 100010, FAKE_FDS = 100020 };

#define FAKE_RUN_LEN 8192 /* of struct kvm_run's mapping; x86: port data are in its second half */
#define FAKE_LOG     128

struct fake_call {
    int fd;
    uint32_t request;
    uint64_t arg;
};

static struct {
    int open_errno; /* 0: /dev/kvm opens */
    int api;
    uint32_t fails; /* this request fails with fails_errno, from the fails_skip'th on... */
    int fails_errno;
    unsigned fails_skip, fails_once; /* ...or, fails_once, that time only */
    int lacks;                       /* a capability; -1: none */
    int mmap_errno;
    bool open[FAKE_FDS - FAKE_DEV];
    unsigned opens;
    struct fake_call log[FAKE_LOG]; /* calls other than KVM_CHECK_EXTENSION and KVM_RUN */
    unsigned n_log;
    struct kvm_userspace_memory_region slots[32];
    struct kvm_run *run_page[BOARD_CPUS_MAX];
    /* KVM_RUN: 0, or the errno. NULL: KVM_EXIT_INTR. */
    int (*run)(struct kvm_run *r, unsigned cpu);
    unsigned runs;
    struct kvm_irq_level line;
} fake;

static inline const struct fake_call *fake_called(uint32_t request)
{
    for (unsigned i = 0; i < fake.n_log; i++)
        if (fake.log[i].request == request)
            return &fake.log[i];
    return NULL;
}

static unsigned fake_still_open(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ARRAY_LEN(fake.open); i++)
        n += fake.open[i];
    return n;
}

static int fake_fd(int fd)
{
    fake.open[fd - FAKE_DEV] = true;
    fake.opens++;
    return fd;
}

/* Of the architecture's requests; -EINVAL for one that is not known. */
static long fake_arch_ioctl(int fd, uint32_t request, uint64_t arg);

static long fake_ioctl(int fd, uint32_t request, uint64_t arg)
{
    void *p = (void *)(uintptr_t)arg;
    switch (request) {
    case (uint32_t)KVM_GET_API_VERSION:
        return fake.api;
    case (uint32_t)KVM_CHECK_EXTENSION:
        return (int)arg == fake.lacks ? 0 : arg == KVM_CAP_MAX_VCPUS ? 4 : 1;
    case (uint32_t)KVM_CREATE_VM:
        return fake_fd(FAKE_VM);
    case (uint32_t)KVM_GET_VCPU_MMAP_SIZE:
        return FAKE_RUN_LEN;
    case (uint32_t)KVM_CREATE_VCPU:
        return arg < BOARD_CPUS_MAX ? fake_fd(FAKE_VCPU + (int)arg) : -EINVAL;
    case (uint32_t)KVM_SET_USER_MEMORY_REGION: {
        struct kvm_userspace_memory_region *m = p;
        if (m->slot >= ARRAY_LEN(fake.slots))
            return -EINVAL;
        fake.slots[m->slot] = *m;
        return 0;
    }
    case (uint32_t)KVM_IRQ_LINE:
        memcpy(&fake.line, p, sizeof fake.line);
        return 0;
    default:
        return fake_arch_ioctl(fd, request, arg);
    }
}

static long fake_answer(long rc)
{
    if (rc >= 0)
        return rc;
    errno = (int)-rc;
    return -1;
}

/*
 * As the kernel does it: a signal that comes at any time after the check of immediate_exit ends the
 * guest. One that came before has run its handler, and the check sees what kick() stored.
 */
static int fake_run(int fd)
{
    unsigned cpu = (unsigned)(fd - FAKE_VCPU);
    struct kvm_run *r = fake.run_page[cpu];
    fake.runs++;
    r->exit_reason = KVM_EXIT_INTR;
    if (__atomic_load_n(&r->immediate_exit, __ATOMIC_SEQ_CST))
        return (int)fake_answer(-EINTR);
    return (int)fake_answer(fake.run ? -fake.run(r, cpu) : 0);
}

static long fake_call(int fd, uint32_t request, uint64_t arg)
{
    if (request == (uint32_t)KVM_RUN)
        return fake_run(fd);
    if (request != (uint32_t)KVM_CHECK_EXTENSION && fake.n_log < FAKE_LOG)
        fake.log[fake.n_log++] = (struct fake_call){fd, request, arg};
    if (fake.fails && request == fake.fails) {
        if (fake.fails_skip) {
            fake.fails_skip--;
        } else {
            if (fake.fails_once)
                fake.fails = 0;
            return fake_answer(-fake.fails_errno);
        }
    }
    return fake_answer(fake_ioctl(fd, request, arg));
}

static bool fake_owns(int fd)
{
    return fd >= FAKE_DEV && fd < FAKE_FDS;
}

int __wrap_open(const char *path, int flags, ...)
{
    if (strcmp(path, "/dev/kvm") != 0)
        return __real_open(path, flags);
    return (int)fake_answer(fake.open_errno ? -fake.open_errno : fake_fd(FAKE_DEV));
}

int __wrap_close(int fd)
{
    if (!fake_owns(fd))
        return __real_close(fd);
    expect_true(fake.open[fd - FAKE_DEV]);
    fake.open[fd - FAKE_DEV] = false;
    return 0;
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
    if (!fake_owns(fd))
        return __real_mmap(at, len, prot, flags, fd, off);
    if (fake.mmap_errno) {
        errno = fake.mmap_errno;
        return MAP_FAILED;
    }
    void *p = __real_mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
        fake.run_page[fd - FAKE_VCPU] = p;
    return p;
}

int __wrap_munmap(void *at, size_t len)
{
    for (unsigned i = 0; i < BOARD_CPUS_MAX; i++)
        if (at && fake.run_page[i] == at)
            fake.run_page[i] = NULL;
    return __real_munmap(at, len);
}

/* The only system call that is made by its number in what these tests run. */
long __wrap_syscall(long n, ...)
{
    va_list ap;
    va_start(ap, n);
    int fd = va_arg(ap, int);
    unsigned long request = va_arg(ap, unsigned long);
    uint64_t arg = (uint64_t)(uintptr_t)va_arg(ap, void *);
    va_end(ap);
    if (n != SYS_ioctl || !fake_owns(fd)) {
        errno = ENOSYS;
        return -1;
    }
    return fake_call(fd, (uint32_t)request, arg);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    uint64_t arg = (uint32_t)request == (uint32_t)KVM_RUN ? 0 : (uintptr_t)va_arg(ap, void *);
    va_end(ap);
    return (int)fake_call(fd, (uint32_t)request, arg);
}

/* ---- tests in a process of their own ---- */

static inline void kvm_test_run(void (*body)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        fake.api = KVM_API_VERSION;
        fake.lacks = -1; /* 0 is KVM_CAP_IRQCHIP */
        tap_failed = false;
        alarm(60); /* a kick that gets lost hangs */
        body();
        fflush(stdout);
        _exit(tap_failed);
    }
    int status = -1;
    expect_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    expect_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define KVM_TEST(name)                                                                             \
    static void name##_body(void);                                                                 \
    static void name(void)                                                                         \
    {                                                                                              \
        kvm_test_run(name##_body);                                                                 \
    }                                                                                              \
    static void name##_body(void)

/* ---- the engine on it ---- */

extern const struct hv_ops hv_kvm;
extern const enum board_arch kvm_arch;
extern const struct board rig_board; /* of the architecture's tests */

struct kvm_rig {
    struct hv_vm *vm;
    struct hv_vcpu *cpu;
    struct hv_caps caps;
    struct err err;
};

static inline int rig_probe(struct kvm_rig *r)
{
    memset(r, 0, sizeof *r);
    return hv_kvm.probe(kvm_arch, &r->caps, &r->err);
}

static inline int rig_vm(struct kvm_rig *r, unsigned cpus)
{
    int rc = rig_probe(r);
    struct hv_config config = {.board = &rig_board, .cpus = cpus};
    return rc ? rc : hv_kvm.vm_new(&r->vm, &config, &r->err);
}

/* A machine with one vCPU that is ready to run. */
static inline void rig_init(struct kvm_rig *r)
{
    expect_u64(rig_vm(r, 1), 0);
    expect_u64(hv_kvm.vcpu_new(r->vm, 0, &r->cpu, &r->err), 0);
    hv_kvm.reset(r->cpu, &(struct cpu_start){.entry = 0x40080000, .arg = 0x1234});
}

static inline void rig_fini(struct kvm_rig *r)
{
    if (r->cpu)
        hv_kvm.vcpu_free(r->cpu);
    if (r->vm)
        hv_kvm.vm_free(r->vm);
    expect_u64(fake_still_open(), 1); /* the device, for the life of the process */
}

#include "kvm_rig_arch.h"

#endif
