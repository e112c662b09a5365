// SPDX-License-Identifier: MIT
/*
 * test_vm.c - the machine and its exit loop, under an engine that returns a script of exits.
 *
 * Board virt; the image is a few raw bytes that nobody executes. What the loop does with an exit is
 * seen on the console's pipe, in the registers, and in the result.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/tap.h"
#include "vmm/clock.h"
#include "vmm/vm.h"

#define UART    0x09000000u /* boards/virt.c */
#define SYSCTL  0x090c0000u
#define NOTHING 0x30000000u
#define RAM     0x40000000u

struct script {
    struct hv_exit exit;
    uint64_t x[4]; /* x0..x3 before it, for calls */
};

struct fake_vcpu {
    const struct script *script;
    unsigned n, at;
    _Atomic bool kicked, line;
    _Atomic bool inside; /* in run(), for good unless it is kicked */
    _Atomic unsigned runs;
    struct hv_regs regs;
    uint64_t completed[32]; /* by complete(), in order */
    unsigned n_completed;
    uint64_t results[32]; /* x0 after each call */
    unsigned n_results;
    uint64_t entry, arg;
};

static struct fake_vcpu fake[2];

static int fake_probe(enum board_arch arch, struct hv_caps *caps, struct err *err)
{
    (void)arch, (void)err;
    *caps = (struct hv_caps){.cpus_max = 2};
    return 0;
}

static int fake_vm_new(struct hv_vm **vm, const struct hv_config *config, struct err *err)
{
    (void)config, (void)err;
    *vm = (struct hv_vm *)(void *)fake;
    return 0;
}

static void fake_vm_free(struct hv_vm *vm)
{
    (void)vm;
}

static int fake_map(struct hv_vm *vm, gpa_t gpa, void *hva, uint64_t size, bool rom,
                    struct err *err)
{
    (void)vm, (void)gpa, (void)hva, (void)size, (void)rom, (void)err;
    return 0;
}

static void fake_unmap(struct hv_vm *vm, gpa_t gpa, uint64_t size)
{
    (void)vm, (void)gpa, (void)size;
}

/* Levels an engine with an interrupt controller of its own was told, in order. */
static struct {
    unsigned spi;
    bool level;
} spis[8];
static unsigned n_spis;

static void fake_set_irq(struct hv_vm *vm, unsigned spi, bool level)
{
    (void)vm;
    if (n_spis && spis[n_spis - 1].spi == spi && spis[n_spis - 1].level == level)
        return; /* repeats are allowed */
    if (n_spis < ARRAY_LEN(spis)) {
        spis[n_spis].spi = spi;
        spis[n_spis++].level = level;
    }
}

static int fake_vcpu_new(struct hv_vm *vm, unsigned index, struct hv_vcpu **vcpu, struct err *err)
{
    (void)vm, (void)err;
    *vcpu = (struct hv_vcpu *)(void *)&fake[index];
    return 0;
}

static struct fake_vcpu *fake_of(struct hv_vcpu *vcpu)
{
    return (struct fake_vcpu *)(void *)vcpu;
}

static void fake_vcpu_free(struct hv_vcpu *vcpu)
{
    (void)vcpu;
}

/* The script, then a guest that spins. */
static struct hv_exit fake_run(struct hv_vcpu *vcpu)
{
    struct fake_vcpu *f = fake_of(vcpu);
    f->runs++;
    if (f->at && f->script[f->at - 1].exit.reason == HV_EXIT_CALL)
        f->results[f->n_results++] = f->regs.x[0];
    if (f->at < f->n) {
        memcpy(f->regs.x, f->script[f->at].x, sizeof f->script[f->at].x);
        return f->script[f->at++].exit;
    }
    f->inside = true;
    while (!atomic_exchange(&f->kicked, false))
        sched_yield();
    f->inside = false;
    return (struct hv_exit){.reason = HV_EXIT_KICK};
}

static void fake_complete(struct hv_vcpu *vcpu, uint64_t val)
{
    fake_of(vcpu)->completed[fake_of(vcpu)->n_completed++] = val;
}

static void fake_kick(struct hv_vcpu *vcpu)
{
    atomic_store(&fake_of(vcpu)->kicked, true);
}

static void fake_set_line(struct hv_vcpu *vcpu, enum hv_line line, bool level)
{
    if (line == HV_LINE_IRQ)
        atomic_store(&fake_of(vcpu)->line, level);
}

static bool fake_runnable(struct hv_vcpu *vcpu)
{
    return atomic_load(&fake_of(vcpu)->line) || atomic_load(&fake_of(vcpu)->kicked);
}

static void fake_timer_due(struct hv_vcpu *vcpu)
{
    (void)vcpu;
}

static void fake_get_regs(struct hv_vcpu *vcpu, struct hv_regs *regs)
{
    *regs = fake_of(vcpu)->regs;
}

static void fake_set_regs(struct hv_vcpu *vcpu, const struct hv_regs *regs)
{
    fake_of(vcpu)->regs = *regs;
}

static void fake_reset(struct hv_vcpu *vcpu, const struct cpu_start *start)
{
    fake_of(vcpu)->entry = start->entry;
    fake_of(vcpu)->arg = start->arg;
}

static unsigned fake_odd(struct hv_vcpu *vcpu, struct hv_odd_sysreg *out, unsigned max)
{
    (void)vcpu, (void)out, (void)max;
    return 0;
}

static void fake_ram_written(struct hv_vm *vm, gpa_t gpa, uint64_t len)
{
    (void)vm, (void)gpa, (void)len;
}

static const struct hv_ops fake_ops = {
    .name = "fake",
    .probe = fake_probe,
    .vm_new = fake_vm_new,
    .vm_free = fake_vm_free,
    .map = fake_map,
    .unmap = fake_unmap,
    .ram_written = fake_ram_written,
    .set_irq = fake_set_irq,
    .vcpu_new = fake_vcpu_new,
    .vcpu_free = fake_vcpu_free,
    .run = fake_run,
    .complete = fake_complete,
    .kick = fake_kick,
    .set_line = fake_set_line,
    .timer_due = fake_timer_due,
    .runnable = fake_runnable,
    .get_regs = fake_get_regs,
    .set_regs = fake_set_regs,
    .reset = fake_reset,
    .odd_sysregs = fake_odd,
};

static const char *image_path(void)
{
    static char path[] = "/tmp/vibevmm-test-vm-XXXXXX";
    static bool made;
    if (!made) {
        int fd = mkstemp(path);
        made = fd >= 0 && write(fd, "\x1f\x20\x03\xd5\x1f\x20\x03\xd5", 8) == 8;
        close(fd);
    }
    return path;
}

static struct vm_config config(int out_fd)
{
    struct vm_config c = {
        .board = board_find("virt"),
        .engine = &fake_ops,
        .cpus = 2,
        .mem = MIB(64),
        .binary = image_path(),
        .in_fd = -1,
        .out_fd = out_fd,
    };
    fake_probe(ARCH_ARM64, &c.caps, NULL);
    return c;
}

static void run_config(const struct vm_config *c, const struct script *script, unsigned n,
                       struct vm_result *r)
{
    struct vm *vm;
    struct err err = {0};
    memset(fake, 0, sizeof fake);
    memset(r, 0, sizeof *r);
    fake[0].script = script;
    fake[0].n = n;
    if (vm_new(&vm, c, &err)) {
        printf("# vm_new: %s\n", err.text);
        expect_true(false);
        return;
    }
    vm_run(vm, r);
    vm_free(vm);
}

/* Runs the script on vCPU 0 with the console on a pipe; `out` (64 bytes) receives what it printed.
 */
static void run_script(const struct script *script, unsigned n, struct vm_result *r, char *out)
{
    int fds[2];
    if (pipe(fds)) {
        expect_true(false);
        return;
    }
    struct vm_config c = config(fds[1]);
    run_config(&c, script, n, r);
    close(fds[1]);
    ssize_t got = read(fds[0], out, 63);
    out[got > 0 ? got : 0] = '\0';
    close(fds[0]);
}

#define STORE(a, v, sz)                                                                            \
    {                                                                                              \
        .exit = {                                                                                  \
            .reason = HV_EXIT_MMIO,                                                                \
            .mmio = {.gpa = (a), .val = (v), .size = (sz), .write = true}                          \
        }                                                                                          \
    }
#define LOAD(a, sz)                                                                                \
    {                                                                                              \
        .exit = {                                                                                  \
            .reason = HV_EXIT_MMIO,                                                                \
            .mmio = {.gpa = (a), .size = (sz)}                                                     \
        }                                                                                          \
    }
#define CALL(...)                                                                                  \
    {                                                                                              \
        .exit = {.reason = HV_EXIT_CALL}, .x = { __VA_ARGS__ }                                     \
    }
#define SYSTEM_OFF CALL(0x84000008)

static void a_store_to_the_uart_is_printed(void)
{
    static const struct script s[] = {STORE(UART, 'H', 1), STORE(UART, 'i', 4), SYSTEM_OFF};
    struct vm_result r;
    char out[64];
    run_script(s, ARRAY_LEN(s), &r, out);
    expect_u32(r.end, VM_END_OFF);
    expect_u32(r.status, 0);
    expect_true(!strcmp(out, "Hi"));
    expect_u64(r.bytes_out, 2);
    expect_u64(r.exits[HV_EXIT_MMIO], 2);
    expect_u32(r.n_last, 3);
    expect_u64(r.last[1].exit.mmio.val, 'i');
}

static void
sysctl_gives_the_status(void) /* SiFive test finisher: FAIL 0x3333, code in the high half */
{
    static const struct script s[] = {STORE(SYSCTL, 42 << 16 | 0x3333, 4)};
    struct vm_result r;
    char out[64];
    run_script(s, ARRAY_LEN(s), &r, out);
    expect_u32(r.end, VM_END_OFF);
    expect_u32(r.status, 42);
}

static void sysctl_resets(void)
{
    static const struct script s[] = {STORE(SYSCTL, 0x7777, 4)};
    struct vm_result r;
    char out[64];
    run_script(s, ARRAY_LEN(s), &r, out);
    expect_u32(r.end, VM_END_RESET);
}

static void unmapped_accesses_read_zero_and_are_noted(void)
{
    static const struct script s[] = {LOAD(NOTHING, 4), STORE(NOTHING + 8, 1, 8),
                                      LOAD(NOTHING + 0x1000, 1), SYSTEM_OFF};
    struct vm_result r;
    char out[64];
    run_script(s, ARRAY_LEN(s), &r, out);
    expect_u32(fake[0].n_completed, 2);
    expect_u64(fake[0].completed[0], 0);
    expect_u64(r.unmapped_total, 3);
    expect_u32(r.n_unmapped, 2);
    expect_u64(r.unmapped[0].gpa, NOTHING);
    expect_u64(r.unmapped[0].count, 2);
    expect_u32(r.unmapped[1].size, 1);
}

static void psci_answers(void) /* PSCI DEN 0022F §5.1 */
{
    static const struct script s[] = {
        CALL(0x84000000),                /* PSCI_VERSION */
        CALL(0x8400000a, 0xc4000003),    /* FEATURES: CPU_ON, 64-bit */
        CALL(0x8400000a, 0xc4000008),    /* no 64-bit SYSTEM_OFF */
        CALL(0x84000006),                /* MIGRATE_INFO_TYPE */
        CALL(0xc4000004, 0, 0),          /* AFFINITY_INFO: itself, on */
        CALL(0xc4000004, 1, 0),          /* the other: off */
        CALL(0xc4000004, 2, 0),          /* none such */
        CALL(0xc4000003, 0, RAM, 0),     /* CPU_ON: already on */
        CALL(0xc4000003, 7, RAM, 0),     /* no such CPU */
        CALL(0xc4000003, 1, NOTHING, 0), /* entry outside RAM */
        CALL(0x84000003, 0xffffffff00000007, RAM,
             0),          /* 32-bit call: the high half does not count */
        CALL(0x84001234), /* unknown */
        CALL(0x80000000), /* SMCCC_VERSION */
        SYSTEM_OFF,
    };
    static const int64_t want[] = {0x10001, 0, -1, 2, 0, 1, -2, -4, -2, -9, -2, -1, 0x10001};
    struct vm_result r;
    char out[64];
    run_script(s, ARRAY_LEN(s), &r, out);
    expect_u32(fake[0].n_results, ARRAY_LEN(want));
    for (unsigned i = 0; i < ARRAY_LEN(want); i++)
        expect_u64(fake[0].results[i], want[i]);
    expect_u32(r.end, VM_END_OFF);
}

static void cpu_on_runs_the_other_vcpu(void) /* §5.1.4: at the entry, with the context id in x0 */
{
    static const struct script boot[] = {CALL(0xc4000003, 1, RAM + 0x100, 77)};
    static const struct script other[] = {SYSTEM_OFF};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct vm_config c = config(null);
    struct vm *vm;
    struct err err = {0};
    struct vm_result r;
    memset(fake, 0, sizeof fake);
    fake[0] = (struct fake_vcpu){.script = boot, .n = 1};
    fake[1] = (struct fake_vcpu){.script = other, .n = 1};
    expect_u32(vm_new(&vm, &c, &err), 0);
    vm_run(vm, &r);
    vm_free(vm);
    close(null);
    expect_u32(r.end, VM_END_OFF);
    expect_u32(r.cpu, 1);
    expect_u64(fake[1].entry, RAM + 0x100);
    expect_u64(fake[1].arg, 77);
}

static void raw_image_starts_at_its_place_with_the_tree_in_x0(void)
{
    static const struct script s[] = {SYSTEM_OFF};
    struct vm_result r;
    char out[64];
    run_script(s, ARRAY_LEN(s), &r, out);
    expect_u64(fake[0].entry, RAM + 0x80000);
    expect_true(fake[0].arg >= RAM && fake[0].arg % 8 == 0);
}

static void timeout_ends_a_guest_that_spins(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct vm_config c = config(null);
    struct vm_result r;
    c.timeout_ns = 1000000;
    run_config(&c, NULL, 0, &r);
    close(null);
    expect_u32(r.end, VM_END_TIMEOUT);
}

static void timeout_ends_a_guest_that_waits_for_ever(void)
{
    static const struct script s[] = {
        {.exit = {.reason = HV_EXIT_WAIT, .wait = {.deadline_ns = UINT64_MAX}}}};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct vm_config c = config(null);
    struct vm_result r;
    c.timeout_ns = 1000000;
    run_config(&c, s, 1, &r);
    close(null);
    expect_u32(r.end, VM_END_TIMEOUT);
}

static void a_wait_ends_at_its_deadline(void)
{
    struct script s[] = {
        {.exit = {.reason = HV_EXIT_WAIT, .wait = {.deadline_ns = clock_mono_ns() + 1000000}}},
        SYSTEM_OFF};
    struct vm_result r;
    char out[64];
    run_script(s, 2, &r, out);
    expect_u32(r.end, VM_END_OFF);
    expect_true(clock_mono_ns() >= s[0].exit.wait.deadline_ns);
}

static void a_closed_reader_ends_the_machine(void)
{
    static const struct script s[] = {STORE(UART, 'x', 1)};
    int fds[2];
    if (pipe(fds)) {
        expect_true(false);
        return;
    }
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    struct vm_config c = config(fds[1]);
    struct vm_result r;
    run_config(&c, s, 1, &r);
    close(fds[1]);
    expect_u32(r.end, VM_END_OUTPUT);
    expect_u32(r.code, EPIPE);
}

static void a_full_pipe_does_not_hold_the_end_back(void)
{
    static const struct script s[] = {STORE(UART, 'x', 1)};
    int fds[2];
    char block[4096] = {0};
    if (pipe(fds)) {
        expect_true(false);
        return;
    }
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    while (write(fds[1], block, sizeof block) > 0)
        ;
    fcntl(fds[1], F_SETFL, 0);
    struct vm_config c = config(fds[1]);
    struct vm_result r;
    c.timeout_ns = 5000000;
    run_config(&c, s, 1, &r);
    expect_u32(r.end, VM_END_TIMEOUT);
    close(fds[0]);
    close(fds[1]);
}

static void engine_words_reach_the_result(void)
{
    static const struct script s[] = {
        {.exit = {.reason = HV_EXIT_STUCK, .stuck = {.what = "nothing can be fetched"}}}};
    struct vm_result r;
    char out[64];
    run_script(s, 1, &r, out);
    expect_u32(r.end, VM_END_STUCK);
    expect_text(r.what, "nothing can be fetched");
    expect_true(r.has_regs);
}

static unsigned silent_calls;

static void on_silent(void *ctx, const struct vm_result *so_far)
{
    (void)ctx;
    silent_calls += so_far->end == VM_END_NONE && so_far->has_regs;
}

static void silence_is_told_once(void)
{
    static const struct script s[] = {
        {.exit = {.reason = HV_EXIT_WAIT, .wait = {.deadline_ns = UINT64_MAX}}}};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct vm_config c = config(null);
    struct vm_result r;
    silent_calls = 0;
    c.silent = on_silent;
    c.silent_ns = 1000000;
    c.timeout_ns = 30000000;
    run_config(&c, s, 1, &r);
    close(null);
    expect_u32(silent_calls, 1);
}

/* hv.h, caps.starts_cpus: all run from the start, only vCPU 0 is reset, the engine says when it is
 * over.
 */
static void an_engine_with_psci_runs_every_vcpu(void)
{
    static const struct {
        enum hv_exit_reason reason;
        enum vm_end end;
    } cases[] = {
        {HV_EXIT_OFF,   VM_END_OFF  },
        {HV_EXIT_RESET, VM_END_RESET},
        {HV_EXIT_PANIC, VM_END_PANIC},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct script s[] = {{.exit = {.reason = cases[i].reason}}};
        struct vm_config c = config(-1);
        struct vm_result r;
        struct vm *vm;
        c.caps.irqchip = c.caps.starts_cpus = true;
        memset(fake, 0, sizeof fake);
        fake[1].script = s;
        fake[1].n = 1;
        expect_u32(vm_new(&vm, &c, NULL), 0);
        vm_run(vm, &r);
        vm_free(vm);
        expect_u32(r.end, cases[i].end);
        expect_u32(r.status, 0);
        expect_u32(r.cpu, 1);
        expect_u64(fake[0].entry, RAM + 0x80000);
        expect_u64(fake[1].entry, 0);
    }
}

/* ---- vm_pause(), vm_resume() ---- */

static struct vm *paused_vm;
static bool pause_seen[3];

static void wait_inside(unsigned cpus)
{
    for (unsigned i = 0; i < cpus; i++)
        while (!fake[i].inside)
            sched_yield();
}

static void *pause_and_go_on(void *arg)
{
    unsigned cpus = *(const unsigned *)arg;
    wait_inside(cpus);
    vm_pause(paused_vm);
    vm_pause(paused_vm);
    pause_seen[0] = vm_pause_wait(paused_vm) && vm_is_paused(paused_vm);
    unsigned runs[2] = {fake[0].runs, fake[1].runs};
    pause_seen[1] = !fake[0].inside && !fake[1].inside;
    for (unsigned i = 0; i < 1000; i++) /* what wakes a vCPU does not end the pause */
        vm_pause(paused_vm), sched_yield();
    pause_seen[1] &= runs[0] == fake[0].runs && runs[1] == fake[1].runs;
    vm_resume(paused_vm);
    wait_inside(cpus);
    vm_pause(paused_vm);
    pause_seen[2] = vm_pause_wait(paused_vm);
    vm_stop(paused_vm, VM_END_QUIT, 0); /* a paused machine ends */
    pause_seen[2] &= !vm_pause_wait(paused_vm);
    return NULL;
}

static void pause_run(unsigned cpus, const struct script *script, unsigned n)
{
    struct vm_config c = config(-1);
    struct vm_result r;
    pthread_t t;
    c.caps.irqchip = c.caps.starts_cpus = cpus > 1;
    memset(fake, 0, sizeof fake);
    memset(pause_seen, 0, sizeof pause_seen);
    fake[0].script = script;
    fake[0].n = n;
    expect_u32(vm_new(&paused_vm, &c, NULL), 0);
    expect_u32(pthread_create(&t, NULL, pause_and_go_on, &cpus), 0);
    vm_run(paused_vm, &r);
    pthread_join(t, NULL);
    vm_free(paused_vm);
    expect_u32(r.end, VM_END_QUIT);
    expect_true(pause_seen[0] && pause_seen[1] && pause_seen[2]);
}

static void a_pause_stops_every_vcpu_and_resume_goes_on(void)
{
    pause_run(2, NULL, 0);
}

static void vcpus_that_are_off_do_not_hold_a_pause_back(void)
{
    pause_run(1, NULL, 0);
}

static void *pause_a_sleeper(void *arg)
{
    (void)arg;
    while (!fake[0].runs)
        sched_yield();
    vm_pause(paused_vm);
    pause_seen[0] = vm_pause_wait(paused_vm);
    unsigned runs = fake[0].runs;
    fake[0].line = true; /* it could go on now */
    vm_resume(paused_vm);
    while (fake[0].runs == runs)
        sched_yield();
    vm_stop(paused_vm, VM_END_QUIT, 0);
    return NULL;
}

static void a_vcpu_that_waits_is_paused_too(void)
{
    static const struct script s[] = {
        {.exit = {.reason = HV_EXIT_WAIT, .wait.deadline_ns = UINT64_MAX}}};
    struct vm_config c = config(-1);
    struct vm_result r;
    pthread_t t;
    memset(fake, 0, sizeof fake);
    pause_seen[0] = false;
    fake[0].script = s;
    fake[0].n = 1;
    expect_u32(vm_new(&paused_vm, &c, NULL), 0);
    expect_u32(pthread_create(&t, NULL, pause_a_sleeper, NULL), 0);
    vm_run(paused_vm, &r);
    pthread_join(t, NULL);
    vm_free(paused_vm);
    expect_u32(r.end, VM_END_QUIT);
    expect_true(pause_seen[0]);
}

/* PL011 TRM r1p5 §3.3.10, §3.3.13: sent is TXRIS, masked by IMSC, cleared by ICR; boards/virt.c:
 * SPI 1 */
static void a_device_drives_the_engines_spi(void)
{
    static const struct script s[] = {
        STORE(UART, 'x', 1),
        STORE(UART + 0x38, 0x20, 4),
        STORE(UART + 0x44, 0x20, 4),
        {.exit = {.reason = HV_EXIT_OFF}},
    };
    int fds[2];
    struct vm_config c;
    struct vm_result r;
    expect_u32(pipe(fds), 0);
    c = config(fds[1]);
    c.caps.irqchip = c.caps.starts_cpus = true;
    c.cpus = 1;
    n_spis = 0;
    run_config(&c, s, ARRAY_LEN(s), &r);
    close(fds[0]);
    close(fds[1]);
    unsigned first = n_spis && !spis[0].level; /* low may be said again at the beginning */
    expect_u32(n_spis, first + 2);
    for (unsigned i = 0; i < n_spis; i++)
        expect_u32(spis[i].spi, 1);
    expect_true(spis[first].level);
    expect_true(!spis[first + 1].level);
}

static void too_many_cpus_for_the_engine_is_an_error(void)
{
    struct vm_config c = config(1);
    struct vm *vm;
    struct err err = {0};
    c.cpus = 3;
    expect_u32(vm_new(&vm, &c, &err), -EINVAL);
    expect_text(err.text, "--cpus 3: engine fake runs 1 to 2");
}

static void a_missing_image_is_an_error(void)
{
    struct vm_config c = config(1);
    struct vm *vm;
    struct err err = {0};
    c.binary = "/nonexistent/image";
    expect_u32(vm_new(&vm, &c, &err), -ENOENT);
    expect_u32(err.kind, ERR_FILE);
    expect_text(err.text, "/nonexistent/image");
}

static void a_bad_tree_file_is_an_error(void)
{
    struct vm_config c = config(1);
    struct vm *vm;
    struct err err = {0};
    c.dtb = image_path();
    expect_true(vm_new(&vm, &c, &err) < 0);
    expect_u32(err.kind, ERR_IMAGE);
    c.dtb = "/";
    expect_true(vm_new(&vm, &c, &err) < 0);
    expect_text(err.text, "regular file");
}

static const struct tap_test tests[] = {
    TAP_TEST(a_store_to_the_uart_is_printed),
    TAP_TEST(sysctl_gives_the_status),
    TAP_TEST(sysctl_resets),
    TAP_TEST(unmapped_accesses_read_zero_and_are_noted),
    TAP_TEST(psci_answers),
    TAP_TEST(cpu_on_runs_the_other_vcpu),
    TAP_TEST(raw_image_starts_at_its_place_with_the_tree_in_x0),
    TAP_TEST(timeout_ends_a_guest_that_spins),
    TAP_TEST(timeout_ends_a_guest_that_waits_for_ever),
    TAP_TEST(a_wait_ends_at_its_deadline),
    TAP_TEST(a_closed_reader_ends_the_machine),
    TAP_TEST(a_full_pipe_does_not_hold_the_end_back),
    TAP_TEST(engine_words_reach_the_result),
    TAP_TEST(silence_is_told_once),
    TAP_TEST(an_engine_with_psci_runs_every_vcpu),
    TAP_TEST(a_pause_stops_every_vcpu_and_resume_goes_on),
    TAP_TEST(vcpus_that_are_off_do_not_hold_a_pause_back),
    TAP_TEST(a_vcpu_that_waits_is_paused_too),
    TAP_TEST(a_device_drives_the_engines_spi),
    TAP_TEST(too_many_cpus_for_the_engine_is_an_error),
    TAP_TEST(a_missing_image_is_an_error),
    TAP_TEST(a_bad_tree_file_is_an_error),
};

int main(void)
{
    int rc = tap_run(tests, ARRAY_LEN(tests));
    unlink(image_path());
    return rc;
}
