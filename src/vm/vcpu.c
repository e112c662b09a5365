// SPDX-License-Identifier: MIT
/*
 * vcpu.c - the exit loop: the only place that acts on what an engine returns.
 */
#include "vm_int.h"

#include <errno.h>
#include <stdio.h>

#include "vmm/clock.h"
#include "vmm/dev.h"
#include "vmm/log.h"

/* A machine that never waits still gets its input: a FIFO-full at this interval. */
#define VCPU_PACE_NS (10 * UINT64_C(1000000))

_Thread_local struct vcpu *vcpu_self;

static const char *const exit_names[HV_EXIT_REASONS] = {
    [HV_EXIT_KICK] = "kick",         [HV_EXIT_MMIO] = "mmio",   [HV_EXIT_PIO] = "pio",
    [HV_EXIT_SYSREG] = "sysreg",     [HV_EXIT_CALL] = "call",   [HV_EXIT_WAIT] = "wait",
    [HV_EXIT_SEMIHOST] = "semihost", [HV_EXIT_OFF] = "off",     [HV_EXIT_RESET] = "reset",
    [HV_EXIT_PANIC] = "panic",       [HV_EXIT_STUCK] = "stuck", [HV_EXIT_FAIL] = "fail",
};

void vcpu_wake(struct vcpu *v)
{
    park_wake(&v->park);
}

void vcpu_kick_out(struct vcpu *v)
{
    struct hv_vcpu *hv = atomic_load(&v->hv);
    if (hv)
        v->vm->cfg.engine->kick(hv);
    vcpu_wake(v);
}

/*
 * The GIC drives a vCPU's input. The engine's vCPU may not exist yet: `lines` remembers, and
 * vcpu_open() applies it after hv is set, so one of the two always delivers.
 */
void vcpu_line(void *ctx, unsigned cpu, bool fiq, bool level)
{
    struct vcpu *v = &((struct vm *)ctx)->vcpus[cpu];
    enum hv_line line = fiq ? HV_LINE_FIQ : HV_LINE_IRQ;
    uint8_t bit = (uint8_t)(1u << line);
    if (level)
        atomic_fetch_or(&v->lines, bit);
    else
        atomic_fetch_and(&v->lines, (uint8_t)~bit);
    struct hv_vcpu *hv = atomic_load(&v->hv);
    if (!hv)
        return;
    v->vm->cfg.engine->set_line(hv, line, level);
    if (level)
        vcpu_wake(v);
}

void vcpu_timer_line(void *ctx, unsigned cpu, unsigned intid, bool level)
{
    gic_set_ppi(((struct vm *)ctx)->gic, cpu, intid, level);
}

static void vcpu_timer_due(void *arg)
{
    struct vcpu *v = arg;
    v->vm->cfg.engine->timer_due(atomic_load(&v->hv));
    vcpu_wake(v);
}

void vcpu_timer_arm(void *ctx, unsigned cpu, uint64_t deadline_ns)
{
    struct vm *vm = ctx;
    struct vcpu *v = &vm->vcpus[cpu];
    v->timer.fn = vcpu_timer_due;
    v->timer.arg = v;
    if (loop_arm(vm->loop, &v->timer, deadline_ns))
        vm_end_by(v, VM_END_FAIL, 0, "the host refuses the thread that timers need");
}

static bool vcpu_stopping(const struct vcpu *v)
{
    return atomic_load_explicit(&v->vm->stop, memory_order_relaxed) != 0;
}

/* ---- console input of a guest without flow control (pl011.c) ---- */

static void vcpu_pace_due(void *arg)
{
    struct vm *vm = arg;
    atomic_store(&vm->pacing, false);
    if (vm->cfg.caps.irqchip) /* this engine does not show when the machine waits */
        vm->uart_idle(vm->uart);
    else
        vm->uart_tick(vm->uart);
}

/* After an access to the UART: if input waits for an idle machine, do not let a busy one starve it.
 */
static void vcpu_pace(struct vm *vm)
{
    if (!vm->uart_waits(vm->uart) || atomic_exchange(&vm->pacing, true))
        return;
    vm->pace.fn = vcpu_pace_due;
    vm->pace.arg = vm;
    if (loop_arm(vm->loop, &vm->pace, clock_mono_ns() + VCPU_PACE_NS))
        atomic_store(&vm->pacing, false);
}

/* ---- one function per exit reason. True: run again. ---- */

static bool vcpu_kick(struct vcpu *v, const struct hv_exit *exit)
{
    (void)exit;
    struct vm *vm = v->vm;
    if (v->index == 0 && atomic_exchange(&vm->want_report, false)) {
        struct vm_result so_far;
        vm_report(vm, &so_far);
        vm->cfg.silent(vm->cfg.ctx, &so_far);
    }
    return true;
}

/* Where nothing answers, a PC's bus floats: loads give ones. Elsewhere they give 0. */
static bool vcpu_access(struct vcpu *v, const struct hv_exit *exit, struct bus *bus)
{
    struct vm *vm = v->vm;
    uint64_t val = 0;
    bool known = exit->mmio.write ? bus_write(bus, exit->mmio.gpa, exit->mmio.size, exit->mmio.val)
                                  : bus_read(bus, exit->mmio.gpa, exit->mmio.size, &val);
    if (!known) {
        vm_note_unmapped(v, exit);
        val = vm->cfg.board->arch == ARCH_X86_64 ? UINT64_MAX : 0;
    }
    if (!exit->mmio.write)
        vm->cfg.engine->complete(atomic_load_explicit(&v->hv, memory_order_relaxed), val);
    if (vm->uart_row && bus == vm->uart_bus &&
        exit->mmio.gpa - vm->uart_row->base < vm->uart_row->size)
        vcpu_pace(vm);
    return true;
}

static bool vcpu_mmio(struct vcpu *v, const struct hv_exit *exit)
{
    return vcpu_access(v, exit, &v->vm->bus);
}

static bool vcpu_pio(struct vcpu *v, const struct hv_exit *exit)
{
    return vcpu_access(v, exit, &v->vm->ports);
}

static bool vcpu_sysreg(struct vcpu *v, const struct hv_exit *exit)
{
    struct vm *vm = v->vm;
    struct hv_vcpu *hv = atomic_load_explicit(&v->hv, memory_order_relaxed);
    uint64_t val = 0;
    if (exit->sysreg.write)
        gic_icc_write(vm->gic, v->index, exit->sysreg.reg, exit->sysreg.val);
    else {
        gic_icc_read(vm->gic, v->index, exit->sysreg.reg, &val);
        vm->cfg.engine->complete(hv, val);
    }
    return true;
}

static bool vcpu_call(struct vcpu *v, const struct hv_exit *exit)
{
    (void)exit;
    return psci_call(v);
}

/* WFI: sleep until there is something to do. The last vCPU to fall asleep makes the machine idle.
 */
static bool vcpu_wait(struct vcpu *v, const struct hv_exit *exit)
{
    struct vm *vm = v->vm;
    struct hv_vcpu *hv = atomic_load_explicit(&v->hv, memory_order_relaxed);
    atomic_store(&v->waits, true);
    if (atomic_fetch_add(&vm->n_waiting, 1) + 1 == atomic_load(&vm->n_on) && vm->uart)
        vm->uart_idle(vm->uart);
    while (!vcpu_stopping(v) && !vm->cfg.engine->runnable(hv) && !atomic_load(&vm->want_report) &&
           !atomic_load(&vm->paused) && clock_mono_ns() < exit->wait.deadline_ns)
        park_wait(&v->park, exit->wait.deadline_ns);
    atomic_fetch_sub(&vm->n_waiting, 1);
    atomic_store(&v->waits, false);
    return !atomic_load_explicit(&vm->want_report, memory_order_relaxed) || vcpu_kick(v, exit);
}

static bool vcpu_semihost(struct vcpu *v, const struct hv_exit *exit)
{
    (void)exit;
    semihost_call(v);
    return true;
}

static bool vcpu_off(struct vcpu *v, const struct hv_exit *exit)
{
    (void)exit;
    vm_end_by(v, VM_END_OFF, 0, NULL);
    return false;
}

static bool vcpu_reset(struct vcpu *v, const struct hv_exit *exit)
{
    (void)exit;
    vm_end_by(v, VM_END_RESET, 0, NULL);
    return false;
}

static bool vcpu_panic(struct vcpu *v, const struct hv_exit *exit)
{
    (void)exit;
    vm_end_by(v, VM_END_PANIC, 0, NULL);
    return false;
}

static bool vcpu_stuck(struct vcpu *v, const struct hv_exit *exit)
{
    vm_end_by(v, VM_END_STUCK, 0, exit->stuck.what);
    return false;
}

static bool vcpu_fail(struct vcpu *v, const struct hv_exit *exit)
{
    vm_end_by(v, VM_END_FAIL, 0, exit->fail.what);
    return false;
}

static bool (*const exit_handlers[HV_EXIT_REASONS])(struct vcpu *v, const struct hv_exit *exit) = {
    [HV_EXIT_KICK] = vcpu_kick,         [HV_EXIT_MMIO] = vcpu_mmio,   [HV_EXIT_PIO] = vcpu_pio,
    [HV_EXIT_SYSREG] = vcpu_sysreg,     [HV_EXIT_CALL] = vcpu_call,   [HV_EXIT_WAIT] = vcpu_wait,
    [HV_EXIT_SEMIHOST] = vcpu_semihost, [HV_EXIT_OFF] = vcpu_off,     [HV_EXIT_RESET] = vcpu_reset,
    [HV_EXIT_PANIC] = vcpu_panic,       [HV_EXIT_STUCK] = vcpu_stuck, [HV_EXIT_FAIL] = vcpu_fail,
};

static void vcpu_trace(const struct vcpu *v, const struct hv_exit *exit)
{
    if (exit->reason == HV_EXIT_MMIO || exit->reason == HV_EXIT_PIO)
        log_at(LOG_TRACE, "cpu%u: %s %s%u %#" PRIx64 " %#" PRIx64, v->index,
               exit_names[exit->reason], exit->mmio.write ? "w" : "r", exit->mmio.size,
               exit->mmio.gpa, exit->mmio.val);
    else if (exit->reason == HV_EXIT_SYSREG)
        log_at(LOG_TRACE, "cpu%u: %s %s %#x %#" PRIx64, v->index, exit_names[exit->reason],
               exit->sysreg.write ? "w" : "r", exit->sysreg.reg, exit->sysreg.val);
    else
        log_at(LOG_TRACE, "cpu%u: %s", v->index, exit_names[exit->reason]);
}

/*
 * Stay here while the machine is paused. The caller counts as active again before it looks at
 * `paused` once more, as vm_pause_wait() looks at n_active after `paused` was set: one of the two
 * sees the other.
 */
static void vcpu_paused(struct vcpu *v)
{
    struct vm *vm = v->vm;
    atomic_fetch_sub(&vm->n_active, 1);
    park_wake(&vm->pauser);
    while (atomic_load(&vm->paused) && !vcpu_stopping(v))
        park_wait(&v->park, UINT64_MAX);
    atomic_fetch_add(&vm->n_active, 1);
}

/* Run until the machine ends or this vCPU is turned off. */
static void vcpu_loop(struct vcpu *v)
{
    const struct hv_ops *ops = v->vm->cfg.engine;
    struct hv_vcpu *hv = atomic_load(&v->hv);
    bool go = true;
    while (go && !vcpu_stopping(v)) {
        if (unlikely(atomic_load_explicit(&v->vm->paused, memory_order_relaxed))) {
            vcpu_paused(v);
            atomic_thread_fence(memory_order_seq_cst);
            continue;
        }
        struct hv_exit exit = ops->run(hv);
        v->exits[exit.reason]++;
        if (exit.reason != HV_EXIT_KICK)
            v->last[v->n_last++ % VM_LAST_EXITS].exit = exit;
        if (unlikely(log_on(LOG_TRACE)))
            vcpu_trace(v, &exit);
        go = exit_handlers[exit.reason](v, &exit);
    }
}

/* The engine's vCPU is made here, on the thread that runs it. */
static int vcpu_open(struct vcpu *v)
{
    struct vm *vm = v->vm;
    struct hv_vcpu *hv;
    struct err err = {0};
    if (atomic_load(&v->hv))
        return 0;
    int rc = vm->cfg.engine->vcpu_new(vm->hv, v->index, &hv, &err);
    if (rc) {
        vm_end_by(v, VM_END_FAIL, 0, err.text);
        return rc;
    }
    atomic_store(&v->hv, hv);
    /* vm_stop() sets `stop` and then kicks the hv it finds: one of us two sees the other. */
    atomic_thread_fence(memory_order_seq_cst);
    uint8_t lines = atomic_load(&v->lines);
    for (unsigned line = 0; line <= HV_LINE_FIQ; line++)
        if (lines >> line & 1)
            vm->cfg.engine->set_line(hv, line, true);
    return 0;
}

/* A vCPU's life: wait to be turned on, run, until the machine ends. */
void *vcpu_main(void *arg)
{
    struct vcpu *v = arg;
    struct vm *vm = v->vm;
    v->thread = pthread_self();
    vcpu_self = v;
    atomic_store(&v->runs, true);
    while (!vcpu_stopping(v)) {
        pthread_mutex_lock(&vm->lock);
        bool on = v->state == VCPU_ON_PENDING;
        struct cpu_start start = v->start;
        if (on) {
            v->state = VCPU_ON;
            atomic_fetch_add(&vm->n_on, 1);
        }
        pthread_mutex_unlock(&vm->lock);
        if (!on) {
            park_wait(&v->park, UINT64_MAX);
            continue;
        }
        atomic_fetch_add(&vm->n_active, 1);
        if (vcpu_open(v))
            break;
        if (!vm->cfg.caps.starts_cpus || !v->index)
            vm->cfg.engine->reset(atomic_load(&v->hv), &start);
        if (!vm->phases[VM_PHASE_FIRST_INSN])
            vm->phases[VM_PHASE_FIRST_INSN] = clock_mono_ns();
        vcpu_loop(v);
        atomic_fetch_sub(&vm->n_active, 1);
        park_wake(&vm->pauser);
    }
    atomic_store(&v->runs, false);
    return NULL;
}
