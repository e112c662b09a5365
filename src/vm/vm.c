// SPDX-License-Identifier: MIT
/*
 * vm.c - a machine from its parts to its end.
 *
 * The order of making follows what each part needs: RAM, then devices, then the image (its place
 * decides the device tree's), then the device tree, then the engine. Nothing that the run does not
 * use is made: no thread for one vCPU without timers or input, no flash without firmware.
 */
#include "vm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/acpi.h"
#include "vmm/clock.h"
#include "vmm/dev.h"
#include "vmm/dtb.h"
#include "vmm/log.h"

/* Of a device-tree file: more than any real one. */
#define VM_DTB_FILE_MAX MIB(2)
#define VM_POWER_KEY_NS                                                                            \
    (200 * UINT64_C(1000000)) /* how long it is held: longer than a debounce                       \
                               */

/* ---- the end ---- */

static void vm_interrupt(int sig)
{
    (void)sig; /* its only purpose is to end a blocking write with EINTR */
}

/* vCPU threads may sit in a write to a full pipe. Costs nothing before the end. Async-signal-safe.
 */
static void vm_interrupt_writes(struct vm *vm)
{
    struct sigaction sa = {.sa_handler = vm_interrupt};
    sigaction(SIGUSR1, &sa, NULL);
    for (unsigned i = 0; i < vm->cfg.cpus; i++)
        if (atomic_load(&vm->vcpus[i].runs) && !pthread_equal(vm->vcpus[i].thread, pthread_self()))
            pthread_kill(vm->vcpus[i].thread, SIGUSR1);
}

static bool vm_stop_first(struct vm *vm, enum vm_end end, int code)
{
    uint64_t none = 0;
    if (!atomic_compare_exchange_strong(&vm->stop, &none,
                                        (uint64_t)end | (uint64_t)(unsigned)code << 8))
        return false;
    console_stop(&vm->con);
    for (unsigned i = 0; i < vm->cfg.cpus; i++)
        vcpu_kick_out(&vm->vcpus[i]);
    park_wake(&vm->pauser);
    return true;
}

void vm_stop(struct vm *vm, enum vm_end end, int code)
{
    if (vm_stop_first(vm, end, code))
        vm_interrupt_writes(vm);
    else
        atomic_store(&vm->cut, (uint64_t)end | (uint64_t)(unsigned)code << 8);
    park_wake(&vm->drain);
}

void vm_end_by(struct vcpu *v, enum vm_end end, int code, const char *what)
{
    struct vm *vm = v->vm;
    if (!vm_stop_first(vm, end, code))
        return;
    pthread_mutex_lock(&vm->lock);
    vm->end_cpu = v->index;
    if (what)
        snprintf(vm->what, sizeof vm->what, "%s", what);
    pthread_mutex_unlock(&vm->lock);
    vm_interrupt_writes(vm);
}

/* The lock first: vm_report() finds `what` with the end it belongs to. */
void vm_end_host(struct vm *vm, const char *what)
{
    pthread_mutex_lock(&vm->lock);
    if (vm_stop_first(vm, VM_END_HOST, 0)) {
        snprintf(vm->what, sizeof vm->what, "%s", what);
        vm_interrupt_writes(vm);
    }
    pthread_mutex_unlock(&vm->lock);
    park_wake(&vm->drain);
}

/* stdout refused a byte, on the thread of the vCPU that wrote it. */
static void vm_output_gone(void *arg, int code)
{
    vm_stop_first(arg, VM_END_OUTPUT, code);
}

static bool vm_input_filter(void *arg, uint8_t byte)
{
    struct vm *vm = arg;
    return vm->cfg.input_filter(vm->cfg.ctx, byte);
}

static void vm_ram_written(void *ctx, gpa_t gpa, uint64_t len)
{
    struct vm *vm = ctx;
    if (vm->hv)
        vm->cfg.engine->ram_written(vm->hv, gpa, len);
}

/* ---- making ---- */

static int vm_memory(struct vm *vm, struct err *err)
{
    struct mem_region regions[MEM_REGIONS_MAX];
    unsigned n = board_ram_regions(vm->cfg.board, vm->cfg.mem, regions);
    int rc = mem_init(&vm->mem, regions, n, err);
    vm->mem.written = vm_ram_written;
    vm->mem.written_ctx = vm;
    return rc;
}

/* The bytes of --dtb FILE; *data is malloc'ed. */
static int vm_dtb_read(const char *path, void **data, size_t *len, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    int rc = 0;
    size_t n = 0;
    *data = NULL;
    if (fstat(fd, &st))
        rc = err_sys(err, errno, "%s", path);
    else if (!S_ISREG(st.st_mode))
        rc = err_set(err, ERR_HOST, EINVAL, "%s: --dtb takes a regular file", path);
    else if (st.st_size <= 0 || (uint64_t)st.st_size > VM_DTB_FILE_MAX)
        rc = err_set(err, ERR_IMAGE, EFBIG,
                     "%s: is %" PRId64 " bytes; a device tree is 1 to %" PRIu64, path,
                     (int64_t)st.st_size, (uint64_t)VM_DTB_FILE_MAX);
    else if (!(*data = malloc((size_t)st.st_size)))
        rc = err_sys(err, ENOMEM, "%s", path);
    while (!rc && n < (size_t)st.st_size) {
        ssize_t got = read(fd, (char *)*data + n, (size_t)st.st_size - n);
        if (got < 0 && errno != EINTR)
            rc = err_sys(err, errno, "%s", path);
        else if (got == 0)
            break;
        else if (got > 0)
            n += (size_t)got;
    }
    close(fd);
    *len = n;
    return rc;
}

static bool vm_has_flash(const struct board *b)
{
    for (unsigned i = 0; i < b->n_devs; i++)
        if (b->devs[i].kind == DEV_CFI_FLASH)
            return true;
    return false;
}

/* The device tree that the run starts from: the board's or a file's, which *file then holds. */
static int vm_dtb_base(const struct vm *vm, const void **base, size_t *len, void **file,
                       struct err *err)
{
    *base = vm->cfg.board->dtb;
    *file = NULL;
    if (!vm->cfg.dtb && vm->cfg.fit && vm->cfg.fit->parts[FIT_FDT].name) {
        int rc = fit_dtb_read(vm->cfg.fit, VM_DTB_FILE_MAX, file, len, err);
        *base = *file;
        return rc;
    }
    if (!vm->cfg.dtb) {
        *len = board_dtb_len(vm->cfg.board);
        return 0;
    }
    int rc = vm_dtb_read(vm->cfg.dtb, file, len, err);
    *base = *file;
    return rc;
}

static int vm_load_arm64(struct vm *vm, struct boot_params *p, struct err *err)
{
    const struct vm_config *c = &vm->cfg;
    void *file;
    const void *base;
    size_t base_len = 0;
    int rc = vm_dtb_base(vm, &base, &base_len, &file, err);
    struct dtb_run run = {
        .mem = &vm->mem,
        .cpus = c->cpus,
        .bootargs = p->cmdline,
        .flash = vm->n_flash > 0 || !vm_has_flash(c->board),
        .gicv2 = c->caps.gicv2,
    };
    /* A guest without entropy starts slower, not wrong: the property is left out when there is
     * none. */
    uint8_t random[sizeof run.seed + sizeof run.kaslr_seed];
    if (getrandom(random, sizeof random, GRND_NONBLOCK) == (ssize_t)sizeof random) {
        memcpy(run.seed, random, sizeof run.seed);
        run.kaslr_seed = le64_get(random + sizeof run.seed);
    }
    if (!rc) {
        p->dtb_room = dtb_room(base_len, &run);
        rc = boot_load(p, &vm->mem, &vm->boot, err);
        vm->has_boot = !rc;
    }
    vm->phases[VM_PHASE_LOAD] = clock_mono_ns();
    if (!rc && vm->boot.has_dtb) {
        run.initrd_gpa = vm->boot.initrd_gpa;
        run.initrd_len = vm->boot.initrd_len;
        void *at = mem_hva(&vm->mem, vm->boot.dtb_gpa, p->dtb_room);
        rc = at ? dtb_patch(base, base_len, file != NULL, &run, at, p->dtb_room, err)
                : err_set(err, ERR_IMAGE, ENOSPC, "no room for the device tree at %#" PRIx64,
                          vm->boot.dtb_gpa);
    }
    free(file);
    return rc;
}

/* The tables first: raw code may lie over them, and has no use for them then. */
static int vm_load_x86(struct vm *vm, struct boot_params *p, struct err *err)
{
    const struct board *b = vm->cfg.board;
    if (vm->cfg.dtb)
        return err_set(err, ERR_HOST, EINVAL,
                       "--dtb %s: board %s has ACPI tables; device trees are for ARM64 boards",
                       vm->cfg.dtb, b->name);
    if (vm->cfg.fit && vm->cfg.fit->parts[FIT_FDT].name)
        return err_set(err, ERR_IMAGE, EINVAL,
                       "%s: board %s has ACPI tables; device trees are for ARM64 boards",
                       vm->cfg.fit->parts[FIT_FDT].label, b->name);
    size_t len = acpi_len(b->acpi);
    uint8_t *at = mem_hva(&vm->mem, ACPI_GPA, len);
    if (!at)
        return err_set(err, ERR_IMAGE, ENOSPC, "no room for the ACPI tables at %#" PRIx64,
                       ACPI_GPA);
    memcpy(at, b->acpi, len);
    acpi_patch(at, b->cpus_max, vm->cfg.cpus);
    p->rsdp_gpa = ACPI_GPA;
    int rc = boot_load(p, &vm->mem, &vm->boot, err);
    vm->has_boot = !rc;
    vm->phases[VM_PHASE_LOAD] = clock_mono_ns();
    return rc;
}

static int vm_load(struct vm *vm, struct err *err)
{
    const struct vm_config *c = &vm->cfg;
    struct boot_params p = {
        .board = c->board,
        .image = c->image,
        .fit = c->fit,
        .binary = c->binary,
        .firmware = c->firmware,
        .has_entry = c->has_entry,
        .entry = c->entry,
        .initrd = c->initrd,
        .cmdline = c->append ? c->append : c->board->bootargs,
        .progress = c->progress,
        .progress_ctx = c->progress_ctx,
    };
    if (vm->n_flash) {
        p.flash = vm->flash[0].mem;
        p.flash_size = vm->flash[0].row->size;
        p.flash_base = vm->flash[0].row->base;
    }
    int rc = c->board->arch == ARCH_X86_64 ? vm_load_x86(vm, &p, err) : vm_load_arm64(vm, &p, err);
    mem_huge(&vm->mem);
    vm->phases[VM_PHASE_DTB] = clock_mono_ns();
    return rc;
}

static int vm_engine(struct vm *vm, struct err *err)
{
    const struct hv_ops *ops = vm->cfg.engine;
    struct hv_config hc = {
        .board = vm->cfg.board,
        .cpus = vm->cfg.cpus,
        .soft = vm->cfg.soft,
        .perf_map = vm->cfg.perf_map,
        .timer_line = vcpu_timer_line,
        .timer_arm = vcpu_timer_arm,
        .ctx = vm,
    };
    int rc = ops->vm_new(&vm->hv, &hc, err);
    for (unsigned i = 0; !rc && i < vm->mem.n; i++)
        rc = ops->map(vm->hv, vm->mem.regions[i].base, vm->mem.regions[i].hva,
                      vm->mem.regions[i].size, false, err);
    return rc ? rc : vm_flash_map(vm, err);
}

int vm_new(struct vm **out, const struct vm_config *config, struct err *err)
{
    *out = NULL;
    if (config->cpus > config->caps.cpus_max)
        return err_set(err, ERR_HOST, EINVAL, "--cpus %u: engine %s runs 1 to %u", config->cpus,
                       config->engine->name, config->caps.cpus_max);
    struct vm *vm = calloc(1, sizeof *vm);
    if (!vm)
        return err_sys(err, ENOMEM, "the machine");
    vm->cfg = *config;
    pthread_mutex_init(&vm->lock, NULL);
    vm->phases[VM_PHASE_EXEC] = config->phases[VM_PHASE_EXEC];
    vm->phases[VM_PHASE_PARSE] = config->phases[VM_PHASE_PARSE];
    for (unsigned i = 0; i < config->cpus; i++) {
        vm->vcpus[i].vm = vm;
        vm->vcpus[i].index = i;
        vm->vcpus[i].state = VCPU_OFF;
        vm->vcpus[i].timer.deadline_ns = UINT64_MAX;
    }
    vm->timeout.deadline_ns = vm->silent.deadline_ns = UINT64_MAX;
    vm->pace.deadline_ns = vm->key.deadline_ns = vm->alarm.deadline_ns = UINT64_MAX;

    int rc = loop_new(&vm->loop, err);
    if (!rc) {
        console_init(&vm->con, vm->loop, config->in_fd, config->out_fd);
        if (config->console_aside)
            console_init(&vm->aside, vm->loop, -1, config->aside_fd);
        vm->con.gone = vm_output_gone;
        vm->con.filter = config->input_filter ? vm_input_filter : NULL;
        vm->con.arg = vm;
        rc = vm_memory(vm, err);
    }
    if (!rc)
        rc = vm_flash_open(vm, err);
    if (!rc)
        rc = vm_devices_new(vm, err);
    vm->phases[VM_PHASE_BOARD] = clock_mono_ns();
    if (!rc)
        rc = vm_load(vm, err);
    if (!rc)
        rc = vm_engine(vm, err);
    if (rc)
        vm_free(vm);
    else
        *out = vm;
    return rc;
}

void vm_free(struct vm *vm)
{
    if (!vm)
        return;
    if (vm->loop)
        loop_stop(vm->loop);
    /* Devices lower their wires as they go, to where nobody is any more. */
    for (unsigned i = 0; i < vm->cfg.cpus; i++) {
        struct hv_vcpu *hv = atomic_exchange(&vm->vcpus[i].hv, NULL);
        if (hv)
            vm->cfg.engine->vcpu_free(hv);
    }
    if (vm->hv)
        vm->cfg.engine->vm_free(vm->hv);
    vm->hv = NULL;
    vm_devices_free(vm);
    vm_ports_free(vm);
    if (vm->loop) {
        console_fini(&vm->con);
        if (vm->cfg.console_aside)
            console_fini(&vm->aside);
        loop_free(vm->loop); /* last: devices take back what they asked it for */
    }
    if (vm->has_boot)
        boot_fini(&vm->boot);
    mem_fini(&vm->mem);
    pthread_mutex_destroy(&vm->lock);
    free(vm);
}

/* ---- running ---- */

static void vm_timeout_due(void *arg)
{
    vm_stop(arg, VM_END_TIMEOUT, 0);
}

static void vm_silent_due(void *arg)
{
    struct vm *vm = arg;
    if (vm_first_byte(vm) || atomic_load(&vm->aside.first_ns) || !atomic_load(&vm->vcpus[0].hv))
        return;
    atomic_store(&vm->want_report, true);
    vcpu_kick_out(&vm->vcpus[0]);
}

static void vm_arm(struct vm *vm, struct loop_timer *t, void (*fn)(void *), uint64_t after_ns)
{
    t->fn = fn;
    t->arg = vm;
    if (after_ns && loop_arm(vm->loop, t, clock_mono_ns() + after_ns))
        vm_end_by(&vm->vcpus[0], VM_END_FAIL, 0, "the host refuses the thread that timers need");
}

/* An engine with a PSCI of its own has every vCPU run from the start; there, they wait for CPU_ON.
 */
static void vm_start_all(struct vm *vm)
{
    bool all = true;
    pthread_mutex_lock(&vm->lock);
    for (unsigned i = 1; i < vm->cfg.cpus; i++) {
        struct vcpu *v = &vm->vcpus[i];
        v->state = VCPU_ON_PENDING;
        v->has_thread = !pthread_create(&v->thread, NULL, vcpu_main, v);
        all = all && v->has_thread;
    }
    pthread_mutex_unlock(&vm->lock);
    if (!all)
        vm_end_by(&vm->vcpus[0], VM_END_FAIL, 0, "the host refuses the threads of the vCPUs");
}

static bool vm_busy(struct vm *vm)
{
    bool busy = false;
    for (unsigned i = 0; i < vm->n_attached; i++) {
        struct virtio *v = vm->attached[i];
        dev_lock(&v->dev);
        busy = busy || (v->ops->busy && v->ops->busy(v));
        dev_unlock(&v->dev);
    }
    return busy;
}

/*
 * A guest that ends may have given bytes for its streams that the host had no room for yet: they
 * belong to its output. A signal or --timeout then cuts that short, and is what ended the machine.
 */
static void vm_drain(struct vm *vm)
{
    enum vm_end end = (enum vm_end)(atomic_load(&vm->stop) & 0xff);
    if (end == VM_END_SIGNAL || end == VM_END_TIMEOUT || end == VM_END_QUIT)
        return;
    while (vm_busy(vm)) {
        uint64_t cut = atomic_load(&vm->cut);
        if (cut) {
            atomic_store(&vm->stop, cut);
            return;
        }
        park_wait(&vm->drain, UINT64_MAX);
    }
}

void vm_run(struct vm *vm, struct vm_result *result)
{
    struct vcpu *boot = &vm->vcpus[0];
    boot->start = vm->boot.start;
    if (vm->boot.arg_dtb && vm->boot.has_dtb)
        boot->start.arg = vm->boot.dtb_gpa;
    boot->state = VCPU_ON_PENDING;
    vm_arm(vm, &vm->timeout, vm_timeout_due, vm->cfg.timeout_ns);
    vm_arm(vm, &vm->silent, vm_silent_due, vm->cfg.silent ? vm->cfg.silent_ns : 0);
    if (console_start(&vm->con))
        vm_end_by(boot, VM_END_FAIL, 0, "the host refuses the thread that waits for input");
    vm->phases[VM_PHASE_ENGINE] = clock_mono_ns();
    if (vm->cfg.caps.starts_cpus)
        vm_start_all(vm);
    vcpu_main(boot);
    for (unsigned i = 1; i < vm->cfg.cpus; i++) {
        pthread_mutex_lock(&vm->lock);
        bool join = vm->vcpus[i].has_thread;
        pthread_mutex_unlock(&vm->lock);
        vcpu_wake(&vm->vcpus[i]);
        if (join)
            pthread_join(vm->vcpus[i].thread, NULL);
    }
    vm_drain(vm);
    vm->phases[VM_PHASE_END] = clock_mono_ns();
    vm_report(vm, result);
}

/* ---- pausing ---- */

void vm_pause(struct vm *vm)
{
    if (atomic_exchange(&vm->paused, true))
        return;
    for (unsigned i = 0; i < vm->cfg.cpus; i++)
        vcpu_kick_out(&vm->vcpus[i]);
}

void vm_resume(struct vm *vm)
{
    if (!atomic_exchange(&vm->paused, false))
        return;
    for (unsigned i = 0; i < vm->cfg.cpus; i++)
        vcpu_wake(&vm->vcpus[i]);
}

bool vm_is_paused(const struct vm *vm)
{
    return atomic_load(&vm->paused);
}

bool vm_pause_wait(struct vm *vm)
{
    while (atomic_load(&vm->n_active) && !atomic_load(&vm->stop))
        park_wait(&vm->pauser, UINT64_MAX);
    return !atomic_load(&vm->stop);
}

static void vm_power_key_up(void *arg)
{
    struct vm *vm = arg;
    vm->gpio_set(vm->gpio, vm->gpio_row->param, false);
}

bool vm_power_key(struct vm *vm)
{
    if (!vm->gpio || vm->gpio_row->param == BOARD_NO_KEY)
        return false;
    vm->gpio_set(vm->gpio, vm->gpio_row->param, true);
    vm_arm(vm, &vm->key, vm_power_key_up, VM_POWER_KEY_NS);
    return true;
}

const struct boot_result *vm_boot(const struct vm *vm)
{
    return &vm->boot;
}
