// SPDX-License-Identifier: MIT
/*
 * diag.c - the diagnosis: what was loaded, where the guest is, what it did last
 * (docs/diagnosis.md).
 *
 * One function per line of it, in the order of the `sections` table. All it says comes from struct
 * vm_result, so the same facts stand in --report.
 */
#include "launcher.h"

#include <stdlib.h>

#include "vmm/a64.h"

static const char *const exit_names[HV_EXIT_REASONS] = {
    [HV_EXIT_KICK] = "kick",         [HV_EXIT_MMIO] = "mmio",   [HV_EXIT_PIO] = "pio",
    [HV_EXIT_SYSREG] = "sysreg",     [HV_EXIT_CALL] = "call",   [HV_EXIT_WAIT] = "wait",
    [HV_EXIT_SEMIHOST] = "semihost", [HV_EXIT_OFF] = "off",     [HV_EXIT_RESET] = "reset",
    [HV_EXIT_PANIC] = "panic",       [HV_EXIT_STUCK] = "stuck", [HV_EXIT_FAIL] = "fail",
};

const char *exit_name(enum hv_exit_reason reason)
{
    return reason < HV_EXIT_REASONS && exit_names[reason] ? exit_names[reason] : "unknown";
}

const char *end_name(enum vm_end end)
{
    static const char *const names[] = {
        [VM_END_NONE] = "none",     [VM_END_OFF] = "off",       [VM_END_RESET] = "reset",
        [VM_END_PANIC] = "panic",   [VM_END_STUCK] = "stuck",   [VM_END_TIMEOUT] = "timeout",
        [VM_END_SIGNAL] = "signal", [VM_END_OUTPUT] = "output", [VM_END_QUIT] = "quit",
        [VM_END_FAIL] = "fail",     [VM_END_HOST] = "host",
    };
    return end < ARRAY_LEN(names) ? names[end] : "unknown";
}

const char *diag_command_line(const struct run *run)
{
    const char *s = run->cfg.append ? run->cfg.append : run->cfg.board->bootargs;
    return s ? s : "";
}

const struct board_dev *nearest_device(const struct board *board, gpa_t gpa, bool port)
{
    const struct board_dev *best = NULL;
    uint64_t best_d = UINT64_MAX;
    for (unsigned i = 0; i < board->n_devs; i++) {
        const struct board_dev *d = &board->devs[i];
        uint64_t distance = gpa < d->base             ? d->base - gpa
                            : gpa - d->base < d->size ? 0
                                                      : gpa - d->base - (d->size - 1);
        if (distance < best_d && board_kind_ports(d->kind) == port) {
            best = d;
            best_d = distance;
        }
    }
    return best;
}

const struct diag_arch *diag_arch(const struct board *board)
{
    return board->arch == ARCH_X86_64 ? &diag_x86 : &diag_arm64;
}

void diag_symbol(const struct run *run, uint64_t pc, struct text *t)
{
    char sym[96];
    if (run->boot && boot_symbol(run->boot, pc, sym, sizeof sym))
        text_add(t, " (%s)", sym);
}

/* "uart0+0x18" of a device window, or the number alone. */
static void diag_gpa(const struct run *run, gpa_t gpa, bool port, struct text *t)
{
    const struct board_dev *d = nearest_device(run->cfg.board, gpa, port);
    text_add(t, "%#" PRIx64, gpa);
    if (d && gpa >= d->base && gpa - d->base < d->size)
        text_add(t, " (%s+%#" PRIx64 ")", d->name, gpa - d->base);
}

/* ---- the sections; one that has nothing to say adds nothing ---- */

static const char *const start_modes[] = {
    [CPU_ARM64] = "EL1",
    [CPU_X86_REAL] = "real mode",
    [CPU_X86_PROT] = "32-bit mode, by PVH",
    [CPU_X86_LONG] = "64-bit mode",
};

static void diag_image(const struct run *run, const struct vm_result *res, struct text *t)
{
    const struct boot_result *b = run->boot;
    (void)res;
    if (!b)
        return;
    text_add(t, "  image     %s: %s%s%s, %" PRIu64 " bytes, at %#" PRIx64 " to %#" PRIx64 "\n",
             run->path, b->kind_name, *b->packing ? ", " : "", b->packing, b->file_len, b->load_gpa,
             b->load_gpa + (b->load_len ? b->load_len - 1 : 0));
    text_add(t, "  start     entry %#" PRIx64, b->start.entry);
    if (b->has_dtb)
        text_add(t, ", device tree at %#" PRIx64 "%s", b->dtb_gpa, b->arg_dtb ? " (x0)" : "");
    else if (run->cfg.board->dtb)
        text_add(t, ", no room for a device tree");
    else
        text_add(t, " in %s", start_modes[b->start.mode]);
    if (b->initrd_len)
        text_add(t, ", initrd %" PRIu64 " bytes at %#" PRIx64, b->initrd_len, b->initrd_gpa);
    text_add(t, "\n");
}

static void diag_machine(const struct run *run, const struct vm_result *res, struct text *t)
{
    const struct vm_config *c = &run->cfg;
    text_add(t, "  machine   board %s, engine %s, ", c->board->name, c->engine->name);
    text_size(t, c->mem);
    text_add(t, ", %u vCPU%s\n", c->cpus, c->cpus == 1 ? "" : "s");
    text_add(t, "  command   %s\n", *diag_command_line(run) ? diag_command_line(run) : "(none)");
    text_add(t, "  console   %s, %" PRIu64 " bytes printed\n", c->board->console, res->bytes_out);
}

static void diag_pc(const struct run *run, const struct vm_result *res, struct text *t)
{
    const struct hv_regs *r = &res->regs;
    if (!res->has_regs)
        return;
    text_add(t, "  vCPU %u    PC %#" PRIx64, res->cpu, r->pc);
    if (*res->symbol)
        text_add(t, " (%s)", res->symbol);
    else
        diag_symbol(run, r->pc, t);
    if (!res->pc_walk.mapped)
        text_add(t, ", not mapped");
    else if (res->pc_walk.gpa != r->pc)
        text_add(t, ", physical %#" PRIx64, res->pc_walk.gpa);
    if (res->pc_walk.mapped && !res->n_code)
        text_add(t, ", no memory there");
    const struct diag_arch *arch = diag_arch(run->cfg.board);
    arch->state(r, t);
    if (!res->n_code)
        return;
    text_add(t, "  code     ");
    for (unsigned i = 0; i + arch->code_unit <= res->n_code; i += arch->code_unit)
        if (arch->code_unit == 4)
            text_add(t, " %08" PRIx32, le32_get(res->code_bytes + i));
        else
            text_add(t, " %02x", res->code_bytes[i]);
    text_add(t, "\n");
}

/* An address that leads nowhere, and the entries on its way, the last one of which says why. */
static void diag_walk(const char *what, uint64_t gva, const struct walk *w, struct text *t)
{
    if (w->mapped)
        return;
    text_add(t, "  walk      %s %#" PRIx64 ":", what, gva);
    for (unsigned i = 0; i < w->n_steps; i++) {
        const struct walk_step *s = &w->steps[i];
        if (s->ram)
            text_add(t, " [%#" PRIx64 "] = %#" PRIx64, s->at, s->entry);
        else
            text_add(t, " [%#" PRIx64 "] is not RAM", s->at);
    }
    text_add(t, w->n_steps ? "\n" : " is no address that the page tables cover\n");
}

static void diag_walks(const struct run *run, const struct vm_result *res, struct text *t)
{
    (void)run;
    if (!res->has_regs)
        return;
    diag_walk("PC", res->regs.pc, &res->pc_walk, t);
    if (res->fault && res->fault != res->regs.pc)
        diag_walk("fault", res->fault, &res->fault_walk, t);
}

static void diag_exception(const struct run *run, const struct vm_result *res, struct text *t)
{
    if (res->has_regs)
        diag_arch(run->cfg.board)->exception(run, &res->regs, t);
}

static void diag_registers(const struct run *run, const struct vm_result *res, struct text *t)
{
    if (res->has_regs)
        diag_arch(run->cfg.board)->registers(&res->regs, t);
}

static void diag_counts(const struct run *run, const struct vm_result *res, struct text *t)
{
    const char *sep = "  exits     ";
    (void)run;
    for (unsigned i = 0; i < HV_EXIT_REASONS; i++)
        if (res->exits[i]) {
            text_add(t, "%s%s %" PRIu64, sep, exit_names[i], res->exits[i]);
            sep = ", ";
        }
    if (res->bus_odd)
        text_add(t, "%s%" PRIu64 " of a size or alignment the device does not take", sep,
                 res->bus_odd);
    if (*sep == ',' || res->bus_odd)
        text_add(t, "\n");
}

static void diag_exit(const struct run *run, const struct vm_exit_note *n, struct text *t)
{
    const struct hv_exit *e = &n->exit;
    char name[32];
    text_add(t, "%s", exit_name(e->reason));
    switch (e->reason) {
    case HV_EXIT_MMIO:
    case HV_EXIT_PIO:
        text_add(t, " %s %u at ", e->mmio.write ? "store" : "load", e->mmio.size);
        diag_gpa(run, e->mmio.gpa, e->reason == HV_EXIT_PIO, t);
        if (e->mmio.write)
            text_add(t, " = %#" PRIx64, e->mmio.val);
        break;
    case HV_EXIT_SYSREG:
        a64_sysreg_name(e->sysreg.reg, name, sizeof name);
        text_add(t, " %s %s", e->sysreg.write ? "write" : "read", name);
        if (e->sysreg.write)
            text_add(t, " = %#" PRIx64, e->sysreg.val);
        break;
    case HV_EXIT_CALL:
        text_add(t, " by %s", e->call.smc ? "SMC" : "HVC");
        break;
    case HV_EXIT_WAIT:
        text_add(t, e->wait.deadline_ns == UINT64_MAX ? " for an interrupt, no timer set"
                                                      : " for an interrupt or the timer");
        break;
    case HV_EXIT_STUCK:
        text_add(t, ": %s", e->stuck.what);
        break;
    case HV_EXIT_FAIL:
        text_add(t, ": %s (%#" PRIx64 ", %#" PRIx64 ")", e->fail.what, e->fail.detail[0],
                 e->fail.detail[1]);
        break;
    default:
        break;
    }
    if (n->pc)
        text_add(t, ", PC %#" PRIx64, n->pc);
}

/* Equal lines in a row are one line with their number: a guest that waits does little else. */
static void diag_last(const struct run *run, const struct vm_result *res, struct text *t)
{
    struct text line = {0}, before = {0};
    unsigned same = 0;
    for (unsigned i = 0; i <= res->n_last; i++) {
        text_free(&line);
        if (i < res->n_last)
            diag_exit(run, &res->last[i], &line);
        if (line.p && before.p && !strcmp(line.p, before.p)) {
            same++;
            continue;
        }
        if (before.p) {
            text_add(t, "  %-9s %s", i == same ? "last" : "", before.p);
            text_add(t, same > 1 ? ", %u times\n" : "\n", same);
        }
        text_free(&before);
        before = line;
        line = (struct text){0};
        same = 1;
    }
    text_free(&before);
}

static void diag_unmapped(const struct run *run, const struct vm_result *res, struct text *t)
{
    for (unsigned i = 0; i < res->n_unmapped; i++) {
        const struct vm_unmapped *u = &res->unmapped[i];
        const struct board_dev *d = nearest_device(run->cfg.board, u->gpa, u->port);
        text_add(t, "  %-9s %s %u at %s%#" PRIx64 ", %" PRIu64 " times, first from PC %#" PRIx64,
                 i ? "" : "unmapped", u->write ? "store" : "load", u->size, u->port ? "port " : "",
                 u->gpa, u->count, u->pc);
        diag_symbol(run, u->pc, t);
        if (d)
            text_add(t, "; nearest device %s at %#" PRIx64, d->name, d->base);
        text_add(t, "\n");
    }
}

static void diag_odd(const struct run *run, const struct vm_result *res, struct text *t)
{
    for (unsigned i = 0; i < res->n_odd; i++) {
        char name[32];
        a64_sysreg_name(res->odd[i].reg, name, sizeof name);
        text_add(t, "  %-9s %s of %s, %u times, first from PC %#" PRIx64, i ? "" : "unknown",
                 res->odd[i].write ? "write" : "read", name, res->odd[i].count, res->odd[i].pc);
        diag_symbol(run, res->odd[i].pc, t);
        text_add(t, "\n");
    }
}

static void diag_advice(const struct run *run, const struct vm_result *res, struct text *t)
{
    struct advice advice[RULES_SHOWN];
    unsigned n = rules_find(run, res, advice);
    for (unsigned i = 0; i < n; i++) {
        text_add(t, "  %-9s %s\n", i ? "or" : "likely", advice[i].cause);
        if (advice[i].next)
            text_add(t, "  next      %s\n", advice[i].next);
    }
}

static void (*const sections[])(const struct run *run, const struct vm_result *res,
                                struct text *t) = {
    diag_image,  diag_machine, diag_pc,       diag_walks, diag_exception, diag_registers,
    diag_counts, diag_last,    diag_unmapped, diag_odd,   diag_advice,
};

void diag_text(const struct run *run, const struct vm_result *res, const char *heading,
               struct text *t)
{
    text_add(t, "%s\n", heading);
    for (unsigned i = 0; i < ARRAY_LEN(sections); i++)
        sections[i](run, res, t);
}
