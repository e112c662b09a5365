// SPDX-License-Identifier: MIT
/*
 * doctor.c - `vibevmm doctor`: what this host offers a machine, what is missing, and the next step.
 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first line of a small file, without its newline; false when it cannot be read. */
static bool first_line(const char *path, char *buf, size_t len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, buf, len - 1);
    close(fd);
    if (n <= 0)
        return false;
    buf[n] = '\0';
    buf[strcspn(buf, "\n")] = '\0';
    return true;
}

static void doctor_host(struct text *t)
{
    struct utsname u;
    if (!uname(&u))
        text_add(t, "host       %s %s, %s\n", u.sysname, u.release, u.machine);
    text_add(t, "CPUs       %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    text_add(t, "memory     %" PRIu64 " MiB, page size ",
             ((uint64_t)sysconf(_SC_PHYS_PAGES) * page) >> 20);
    text_size(t, page);
    char limit[64];
    if (first_line("/sys/fs/cgroup/memory.max", limit, sizeof limit) && strcmp(limit, "max") != 0)
        text_add(t, ", limited to %" PRIu64 " MiB by the control group",
                 (uint64_t)strtoull(limit, NULL, 10) >> 20);
    text_add(t, "\n");
    char thp[128];
    if (first_line("/sys/kernel/mm/transparent_hugepage/enabled", thp, sizeof thp))
        text_add(t, "huge pages %s\n", thp);
}

static bool in_container(void)
{
    char cgroup[256];
    return !access("/.dockerenv", F_OK) || !access("/run/.containerenv", F_OK) ||
           getenv("container") ||
           (first_line("/proc/1/cgroup", cgroup, sizeof cgroup) &&
            (strstr(cgroup, "docker") || strstr(cgroup, "kubepods")));
}

#ifdef __x86_64__
static bool has_cpu_flag(const char *flag)
{
    char buf[8192];
    int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t n = 0;
    for (ssize_t got; n < sizeof buf - 1 && (got = read(fd, buf + n, sizeof buf - 1 - n)) > 0;)
        n += (size_t)got;
    close(fd);
    buf[n] = '\0';
    return strstr(buf, flag);
}
#endif

static void doctor_kvm(struct text *t)
{
#ifdef __x86_64__
    bool cpu = has_cpu_flag(" vmx") || has_cpu_flag(" svm");
    text_add(t, "CPU        %s\n",
             cpu ? "has virtualization extensions"
                 : "shows no virtualization extensions (vmx, svm)");
#else
    bool cpu = true;
#endif
    struct stat st;
    if (stat("/dev/kvm", &st) < 0) {
        text_add(t, "/dev/kvm   missing: %s\n", strerror(errno));
        text_add(t, "           %s\n",
                 in_container() ? "this is a container: start it with --device /dev/kvm, on a host "
                                  "that has it"
                 : cpu          ? "next: load the kernel's module (modprobe kvm_intel, kvm_amd; on "
                                  "arm64 KVM is built in), or enable virtualization in the firmware"
                                : "next: enable virtualization in the firmware, or nested "
                                  "virtualization in the hypervisor this host runs on");
        return;
    }
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int code = errno;
    if (fd >= 0) {
        close(fd);
        text_add(t, "/dev/kvm   opens\n");
        return;
    }
    text_add(t, "/dev/kvm   does not open: %s\n", strerror(code));
    if (code == EACCES || code == EPERM)
        text_add(t, "           next: %s\n",
                 st.st_mode & 0060 ? "join its group (usermod -aG kvm $USER) and log in again"
                                   : "ask for access to the device (chmod, or a udev rule)");
    else
        text_add(t,
                 "           next: load the module for this CPU (modprobe kvm_intel or kvm_amd)\n");
}

/* Which engine runs the boards of this architecture, and why the others do not. */
static void doctor_engines(struct text *t, enum board_arch arch, const char *arch_name)
{
    const struct hv_ops *ops;
    struct hv_caps caps;
    char why[640];
    struct err err = {0};
    static const char *const names[] = {"kvm", "hvf", "soft"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        memset(&caps, 0, sizeof caps);
        if (hv_choose(names[i], arch, &ops, &caps, why, sizeof why, &err))
            text_add(t, "%-10s no (%s)\n", names[i], err.text);
        else
            text_add(t, "%-10s yes, up to %u vCPUs%s\n", names[i], caps.cpus_max,
                     caps.gicv2 ? ", with a GICv2" : "");
    }
    if (hv_choose("auto", arch, &ops, &caps, why, sizeof why, &err))
        text_add(t, "auto       no engine for %s guests: %s\n", arch_name, err.text);
    else
        text_add(t, "auto       takes %s for %s guests\n", ops->name, arch_name);
}

static void doctor_terminal(struct text *t)
{
    static const char *const names[] = {"standard input", "standard output", "standard error"};
    const char *term = getenv("TERM");
    text_add(t, "terminal   ");
    for (int i = 0; i < 3; i++)
        text_add(t, "%s%s: %s", i ? ", " : "", names[i], isatty(i) ? "yes" : "no");
    text_add(t, "%s%s\n", term ? ", TERM=" : "", term ? term : "");
}

int cmd_doctor(int argc, char **argv)
{
    (void)argv;
    if (argc) {
        say("doctor takes no arguments; to watch a run: vibevmm run --doctor SECONDS IMAGE");
        return STATUS_HOST;
    }
    static const struct {
        enum board_arch arch;
        const char *name;
    } archs[] = {
        {ARCH_ARM64,  "arm64" },
        {ARCH_X86_64, "x86_64"},
    };
    struct text t = {0};
    doctor_host(&t);
    doctor_kvm(&t);
    for (unsigned i = 0; i < ARRAY_LEN(archs); i++)
        for (unsigned k = 0; boards[k]; k++)
            if (boards[k]->arch == archs[i].arch) {
                doctor_engines(&t, archs[i].arch, archs[i].name);
                break;
            }
    doctor_terminal(&t);
    return text_print(&t);
}
