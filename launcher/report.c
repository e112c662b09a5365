// SPDX-License-Identifier: MIT
/*
 * report.c - --report FILE: what happened, as one JSON object (RFC 8259).
 *
 * Times are nanoseconds since the launcher's main() began, or since VIBEVMM_T0. Members that do not
 * apply are left out.
 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/a64.h"

/* ---- members ---- */

static void report_machine(struct json *j, const struct run *run)
{
    const struct vm_config *c = &run->cfg;
    if (c->board)
        json_text(j, "board", c->board->name);
    if (c->engine)
        json_text(j, "engine", c->engine->name);
    if (*run->why)
        json_text(j, "engine_why", run->why);
    if (c->cpus) {
        json_u64(j, "cpus", c->cpus);
        json_u64(j, "mem", c->mem);
        json_text(j, "command_line", diag_command_line(run));
    }
}

static void report_image(struct json *j, const struct run *run)
{
    const struct boot_result *b = run->boot;
    if (!run->path)
        return;
    json_open(j, "image", '{');
    json_text(j, "path", run->path);
    if (b) {
        json_text(j, "kind", b->kind_name);
        json_text(j, "packing", b->packing);
        json_hex(j, "entry", b->start.entry);
        json_hex(j, "load", b->load_gpa);
        json_u64(j, "load_len", b->load_len);
        json_u64(j, "file_len", b->file_len);
        json_u64(j, "mapped", b->mapped_len);
        if (b->has_dtb)
            json_hex(j, "dtb", b->dtb_gpa);
        if (b->initrd_len) {
            json_hex(j, "initrd", b->initrd_gpa);
            json_u64(j, "initrd_len", b->initrd_len);
        }
        json_text(j, "hint", b->hint);
    }
    json_close(j, '}');
}

static void report_phases(struct json *j, const struct run *run)
{
    json_open(j, "phases_ns", '{');
    for (unsigned i = 0; i < VM_PHASES; i++) {
        uint64_t at = run->boots ? run->res.phases[i] : i < 2 ? run->cfg.phases[i] : 0;
        if (at >= launch_ns)
            json_u64(j, vm_phase_names[i], at - launch_ns);
    }
    for (unsigned i = 0; run->exec_ns && i < EXEC_PHASES; i++)
        if (run->exec_ns[i])
            json_u64(j, exec_phase_names[i], run->exec_ns[i] - launch_ns);
    json_close(j, '}');
}

static void report_regs(struct json *j, const struct run *run)
{
    const struct vm_result *r = &run->res;
    if (!r->has_regs)
        return;
    const struct diag_arch *arch = diag_arch(run->cfg.board);
    uint64_t val;
    json_open(j, "vcpu", '{');
    json_u64(j, "index", r->cpu);
    if (*r->symbol)
        json_text(j, "symbol", r->symbol);
    json_open(j, arch->general.name, '[');
    for (unsigned i = 0; i < arch->general.n; i++) {
        memcpy(&val, (const char *)&r->regs + arch->general.off + i * sizeof val, sizeof val);
        json_hex(j, NULL, val);
    }
    json_close(j, ']');
    for (unsigned i = 0; i < arch->n_named; i++) {
        memcpy(&val, (const char *)&r->regs + arch->named[i].off, sizeof val);
        json_hex(j, arch->named[i].name, val);
    }
    struct text exception = {0};
    if (arch == &diag_arm64 && r->regs.esr)
        esr_text(r->regs.esr, &exception);
    json_text(j, "exception", exception.p);
    text_free(&exception);
    json_bool(j, "pc_mapped", r->pc_walk.mapped);
    if (r->pc_walk.mapped)
        json_hex(j, "pc_physical", r->pc_walk.gpa);
    json_open(j, "code", '[');
    for (unsigned i = 0; i + arch->code_unit <= r->n_code; i += arch->code_unit)
        json_hex(j, NULL, arch->code_unit == 4 ? le32_get(r->code_bytes + i) : r->code_bytes[i]);
    json_close(j, ']');
    json_close(j, '}');
}

static void report_last(struct json *j, const struct vm_result *r)
{
    json_open(j, "last_exits", '[');
    for (unsigned i = 0; i < r->n_last; i++) {
        const struct hv_exit *e = &r->last[i].exit;
        json_open(j, NULL, '{');
        json_text(j, "reason", exit_name(e->reason));
        if (e->reason == HV_EXIT_MMIO || e->reason == HV_EXIT_PIO) {
            json_hex(j, "address", e->mmio.gpa);
            json_u64(j, "size", e->mmio.size);
            json_bool(j, "write", e->mmio.write);
            if (e->mmio.write)
                json_hex(j, "value", e->mmio.val);
        } else if (e->reason == HV_EXIT_SYSREG) {
            char name[32];
            a64_sysreg_name(e->sysreg.reg, name, sizeof name);
            json_text(j, "register", name);
            json_bool(j, "write", e->sysreg.write);
        }
        if (r->last[i].pc)
            json_hex(j, "pc", r->last[i].pc);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void report_devices(struct json *j, const struct vm_result *r)
{
    json_open(j, "devices", '[');
    for (unsigned i = 0; i < r->n_devices; i++) {
        const struct vm_device_note *d = &r->devices[i];
        json_open(j, NULL, '{');
        json_text(j, "window", d->window);
        json_text(j, "option", d->attach.option);
        if (d->attach.spec)
            json_text(j, "value", d->attach.spec);
        json_bool(j, "driven", d->driven);
        json_u64(j, "notifies", d->notifies);
        json_u64(j, "interrupts", d->interrupts);
        if (d->n_stats) {
            json_open(j, "stats", '{');
            for (unsigned s = 0; s < d->n_stats; s++)
                json_u64(j, d->stats[s].name, d->stats[s].val);
            json_close(j, '}');
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void report_oddities(struct json *j, const struct vm_result *r)
{
    json_u64(j, "unmapped_total", r->unmapped_total);
    json_open(j, "unmapped", '[');
    for (unsigned i = 0; i < r->n_unmapped; i++) {
        json_open(j, NULL, '{');
        json_hex(j, "address", r->unmapped[i].gpa);
        json_bool(j, "port", r->unmapped[i].port);
        json_u64(j, "size", r->unmapped[i].size);
        json_bool(j, "write", r->unmapped[i].write);
        json_u64(j, "count", r->unmapped[i].count);
        json_hex(j, "pc", r->unmapped[i].pc);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open(j, "unknown_registers", '[');
    for (unsigned i = 0; i < r->n_odd; i++) {
        char name[32];
        a64_sysreg_name(r->odd[i].reg, name, sizeof name);
        json_open(j, NULL, '{');
        json_text(j, "register", name);
        json_bool(j, "write", r->odd[i].write);
        json_u64(j, "count", r->odd[i].count);
        json_hex(j, "pc", r->odd[i].pc);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_u64(j, "odd_accesses", r->bus_odd);
}

/* Of an end that the guest or its user did not ask for. */
static void report_advice(struct json *j, const struct run *run)
{
    static const bool wanted[] = {
        [VM_END_STUCK] = true,
        [VM_END_PANIC] = true,
        [VM_END_TIMEOUT] = true,
        [VM_END_FAIL] = true,
    };
    if (run->res.end >= ARRAY_LEN(wanted) || !wanted[run->res.end])
        return;
    struct advice advice[RULES_SHOWN];
    unsigned n = rules_find(run, &run->res, advice);
    json_open(j, "advice", '[');
    for (unsigned i = 0; i < n; i++) {
        json_open(j, NULL, '{');
        json_text(j, "cause", advice[i].cause);
        json_text(j, "next", advice[i].next);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void report_result(struct json *j, const struct run *run)
{
    const struct vm_result *r = &run->res;
    json_u64(j, "boots", run->boots);
    json_u64(j, "console_bytes", r->bytes_out);
    json_open(j, "exits", '{');
    for (unsigned i = 0; i < HV_EXIT_REASONS; i++)
        json_u64(j, exit_name((enum hv_exit_reason)i), r->exits[i]);
    json_close(j, '}');
    report_devices(j, r);
    report_oddities(j, r);
    report_regs(j, run);
    report_last(j, r);
    report_advice(j, run);
}

/* ---- the file ---- */

int report_open(struct run *run, struct err *err)
{
    const char *path = run->opts.report;
    if (!strcmp(path, "-"))
        return err_set(err, ERR_HOST, EINVAL,
                       "--report -: standard output is the guest's; name a file");
    run->report_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (run->report_fd < 0) {
        err_sys(err, errno, "--report %.200s", path);
        err->kind = ERR_HOST; /* a file to write is not an image that is missing */
        return -err->code;
    }
    return 0;
}

int report_write(struct run *run)
{
    if (run->report_fd < 0)
        return run->status;
    struct json j = {.first = true};
    const struct vm_result *r = &run->res;
    bool launched = run->boots && !run->err.code;
    json_open(&j, NULL, '{');
    json_text(&j, "end", launched ? end_name(r->end) : "launch");
    json_u64(&j, "status", (uint64_t)run->status);
    if (launched && r->end == VM_END_SIGNAL)
        json_u64(&j, "signal", (uint64_t)r->code);
    if (launched && r->end == VM_END_OUTPUT)
        json_text(&j, "error", strerror(r->code));
    if (launched && *r->what)
        json_text(&j, "what", r->what);
    if (run->err.code)
        json_text(&j, "error", run->err.text);
    report_machine(&j, run);
    report_image(&j, run);
    report_phases(&j, run);
    if (launched)
        report_result(&j, run);
    json_close(&j, '}');
    text_add(&j.t, "\n");

    int rc = text_write(&j.t, run->report_fd);
    if (close(run->report_fd) < 0 && !rc)
        rc = -errno;
    text_free(&j.t);
    if (!rc)
        return run->status;
    say("--report %s: %s", run->opts.report, strerror(-rc));
    return run->status ? run->status : STATUS_HOST;
}
