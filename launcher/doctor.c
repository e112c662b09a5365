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

/* What was found. Texts point into this struct, into constants or into the environment. */
struct doctor {
    struct utsname host;
    bool has_host;
    long cpus;
    uint64_t mem, page, cgroup_limit; /* bytes; 0: no limit */
    char huge_pages[128];
    bool extensions;         /* the CPU shows virtualization */
    const char *kvm, *error; /* "opens", "missing", "does not open"; the system's word on it */
    const char *next;        /* what to do about it */
};

struct doctor_opts {
    bool json, help;
};

#define O(field) offsetof(struct doctor_opts, field)

// clang-format off
const struct opt doctor_options[] = {
    {"json", 0,   OPT_FLAG, O(json), 0, NULL, "the same as JSON"},
    {"help", 'h', OPT_FLAG, O(help), 0, NULL, "this text"},
};
// clang-format on
const unsigned n_doctor_options = ARRAY_LEN(doctor_options);

/* ---- finding out ---- */

static void find_host(struct doctor *d)
{
    d->has_host = !uname(&d->host);
    d->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    d->page = (uint64_t)sysconf(_SC_PAGESIZE);
    d->mem = (uint64_t)sysconf(_SC_PHYS_PAGES) * d->page;
    char limit[64];
    if (first_line("/sys/fs/cgroup/memory.max", limit, sizeof limit) && strcmp(limit, "max") != 0)
        d->cgroup_limit = strtoull(limit, NULL, 10);
    first_line("/sys/kernel/mm/transparent_hugepage/enabled", d->huge_pages, sizeof d->huge_pages);
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

static void find_kvm(struct doctor *d)
{
#ifdef __x86_64__
    d->extensions = has_cpu_flag(" vmx") || has_cpu_flag(" svm");
#else
    d->extensions = true;
#endif
    struct stat st;
    if (stat("/dev/kvm", &st) < 0) {
        d->kvm = "missing";
        d->error = strerror(errno);
        d->next = in_container() ? "this is a container: start it with --device /dev/kvm, on a "
                                   "host that has it"
                  : d->extensions
                      ? "load the kernel's module (modprobe kvm_intel, kvm_amd; on arm64 KVM is "
                        "built in), or enable virtualization in the firmware"
                      : "enable virtualization in the firmware, or nested virtualization in the "
                        "hypervisor this host runs on";
        return;
    }
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        d->kvm = "opens";
        return;
    }
    d->kvm = "does not open";
    d->error = strerror(errno);
    if (errno != EACCES && errno != EPERM)
        d->next = "load the module for this CPU (modprobe kvm_intel or kvm_amd)";
    else
        d->next = st.st_mode & 0060 ? "join its group (usermod -aG kvm $USER) and log in again"
                                    : "ask for access to the device (chmod, or a udev rule)";
}

/* Architectures of this launcher's boards. */
static const struct {
    enum board_arch arch;
    const char *name;
} archs[] = {
    {ARCH_ARM64,  "arm64" },
    {ARCH_X86_64, "x86_64"},
};

static bool has_board(enum board_arch arch)
{
    for (unsigned i = 0; boards[i]; i++)
        if (boards[i]->arch == arch)
            return true;
    return false;
}

static const char *const engine_names[] = {"kvm", "hvf", "soft"};

struct engine_found {
    const struct hv_ops *ops; /* NULL: it does not run them, err says why */
    struct hv_caps caps;
    struct err err;
};

static void find_engine(const char *name, enum board_arch arch, struct engine_found *f)
{
    char why[640];
    *f = (struct engine_found){0};
    if (hv_choose(name, arch, &f->ops, &f->caps, why, sizeof why, &f->err))
        f->ops = NULL;
}

static const char *const streams[] = {"standard input", "standard output", "standard error"};

/* ---- as text ---- */

static void text_host(const struct doctor *d, struct text *t)
{
    if (d->has_host)
        text_add(t, "host       %s %s, %s\n", d->host.sysname, d->host.release, d->host.machine);
    text_add(t, "CPUs       %ld\n", d->cpus);
    text_add(t, "memory     %" PRIu64 " MiB, page size ", d->mem >> 20);
    text_size(t, d->page);
    if (d->cgroup_limit)
        text_add(t, ", limited to %" PRIu64 " MiB by the control group", d->cgroup_limit >> 20);
    text_add(t, "\n");
    if (*d->huge_pages)
        text_add(t, "huge pages %s\n", d->huge_pages);
}

static void text_kvm(const struct doctor *d, struct text *t)
{
#ifdef __x86_64__
    text_add(t, "CPU        %s\n",
             d->extensions ? "has virtualization extensions"
                           : "shows no virtualization extensions (vmx, svm)");
#endif
    text_add(t, "/dev/kvm   %s%s%s\n", d->kvm, d->error ? ": " : "", d->error ? d->error : "");
    if (d->next)
        text_add(t, "           next: %s\n", d->next);
}

/* Which engine runs the boards of this architecture, and why the others do not. */
static void text_engines(enum board_arch arch, const char *arch_name, struct text *t)
{
    struct engine_found f;
    for (unsigned i = 0; i < ARRAY_LEN(engine_names); i++) {
        find_engine(engine_names[i], arch, &f);
        if (!f.ops)
            text_add(t, "%-10s no (%s)\n", engine_names[i], f.err.text);
        else
            text_add(t, "%-10s yes, up to %u vCPUs%s\n", engine_names[i], f.caps.cpus_max,
                     f.caps.gicv2 ? ", with a GICv2" : "");
    }
    find_engine("auto", arch, &f);
    if (!f.ops)
        text_add(t, "auto       no engine for %s guests: %s\n", arch_name, f.err.text);
    else
        text_add(t, "auto       takes %s for %s guests\n", f.ops->name, arch_name);
}

static void text_terminal(struct text *t)
{
    const char *term = getenv("TERM");
    text_add(t, "terminal   ");
    for (int i = 0; i < 3; i++)
        text_add(t, "%s%s: %s", i ? ", " : "", streams[i], isatty(i) ? "yes" : "no");
    text_add(t, "%s%s\n", term ? ", TERM=" : "", term ? term : "");
}

static int doctor_text(const struct doctor *d)
{
    struct text t = {0};
    text_host(d, &t);
    text_kvm(d, &t);
    for (unsigned i = 0; i < ARRAY_LEN(archs); i++)
        if (has_board(archs[i].arch))
            text_engines(archs[i].arch, archs[i].name, &t);
    text_terminal(&t);
    return text_print(&t);
}

/* ---- as JSON ---- */

static void json_host(const struct doctor *d, struct json *j)
{
    json_open(j, "host", '{');
    if (d->has_host) {
        json_text(j, "system", d->host.sysname);
        json_text(j, "release", d->host.release);
        json_text(j, "machine", d->host.machine);
    }
    json_u64(j, "cpus", (uint64_t)d->cpus);
    json_u64(j, "mem", d->mem);
    json_u64(j, "page_size", d->page);
    if (d->cgroup_limit)
        json_u64(j, "mem_limit", d->cgroup_limit);
    json_text(j, "huge_pages", *d->huge_pages ? d->huge_pages : NULL);
    json_bool(j, "virtualization_extensions", d->extensions);
    json_close(j, '}');
    json_open(j, "kvm", '{');
    json_bool(j, "opens", !d->error);
    json_text(j, "state", d->kvm);
    json_text(j, "error", d->error);
    json_text(j, "next", d->next);
    json_close(j, '}');
}

static void json_engines(enum board_arch arch, const char *arch_name, struct json *j)
{
    struct engine_found f;
    json_open(j, arch_name, '{');
    find_engine("auto", arch, &f);
    json_text(j, "auto", f.ops ? f.ops->name : NULL);
    for (unsigned i = 0; i < ARRAY_LEN(engine_names); i++) {
        find_engine(engine_names[i], arch, &f);
        json_open(j, engine_names[i], '{');
        json_bool(j, "runs", f.ops);
        if (f.ops) {
            json_u64(j, "cpus_max", f.caps.cpus_max);
            json_bool(j, "gicv2", f.caps.gicv2);
        } else {
            json_text(j, "error", f.err.text);
        }
        json_close(j, '}');
    }
    json_close(j, '}');
}

static int doctor_json(const struct doctor *d)
{
    struct json j = {.first = true};
    json_open(&j, NULL, '{');
    json_host(d, &j);
    json_open(&j, "engines", '{');
    for (unsigned i = 0; i < ARRAY_LEN(archs); i++)
        if (has_board(archs[i].arch))
            json_engines(archs[i].arch, archs[i].name, &j);
    json_close(&j, '}');
    json_open(&j, "terminals", '[');
    for (int i = 0; i < 3; i++)
        if (isatty(i))
            json_text(&j, NULL, streams[i]);
    json_close(&j, ']');
    json_text(&j, "term", getenv("TERM"));
    json_close(&j, '}');
    return json_print(&j);
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor_opts o = {0};
    struct opt_rest rest;
    struct err err = {0};
    int rc = opts_parse(doctor_options, n_doctor_options, &o, argc, argv, &rest, &err);
    if (!rc && (rest.n_words || rest.n_after))
        rc = err_set(&err, ERR_HOST, EINVAL,
                     "doctor takes no arguments; to watch a run: vibevmm run --doctor SECONDS "
                     "IMAGE");
    if (rc)
        return say_err(&err);
    if (o.help)
        return cmd_usage("doctor");
    struct doctor d = {0};
    find_host(&d);
    find_kvm(&d);
    return o.json ? doctor_json(&d) : doctor_text(&d);
}
