// SPDX-License-Identifier: MIT
/*
 * run.c - `vibevmm run`: from options to a machine, and from its end to an exit status.
 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/host.h"
#include "vmm/log.h"

#define O(field)       offsetof(struct run_opts, field)
#define O2(field, has) offsetof(struct run_opts, field), offsetof(struct run_opts, has)

// clang-format off
/* columns: name, letter, kind, value, "was given", argument, help */
const struct opt run_options[] = {
    {"board",    0,   OPT_TEXT, O(board), 0,           "NAME",  "the board; vibevmm boards lists them"},
    {"engine",   0,   OPT_TEXT, O(engine), 0,          "NAME",  "auto, kvm, hvf or soft (default auto)"},
    {"mem",      0,   OPT_SIZE, O2(mem, has_mem),      "SIZE",  "guest memory, such as 128M or 2G (default: the board's)"},
    {"cpus",     0,   OPT_UINT, O2(cpus, has_cpus),    "N",     "number of vCPUs (default 1)"},
    {"kernel",   0,   OPT_TEXT, O(kernel), 0,          "FILE",  "the same as IMAGE: ELF64, ARM64 Image, EFI zboot, gzip of one, or an appliance"},
    {"binary",   0,   OPT_TEXT, O(binary), 0,          "FILE",  "boot FILE as raw bytes, whatever they look like"},
    {"entry",    0,   OPT_ADDR, O2(entry, has_entry),  "ADDR",  "where --binary is loaded and started"},
    {"firmware", 0,   OPT_TEXT, O(firmware), 0,        "FILE",  "start FILE from the board's flash"},
    {"flash",    0,   OPT_TEXT, O(flash), 0,           "FILE",  "keep the second flash bank in FILE"},
    {"initrd",   0,   OPT_TEXT, O(initrd), 0,          "FILE",  "initial RAM disk for the kernel"},
    {"append",   0,   OPT_TEXT, O(append), 0,          "TEXT",  "kernel command line instead of the board's"},
    {"dtb",      0,   OPT_TEXT, O(dtb), 0,             "FILE",  "device tree instead of the board's"},
    {"config",   0,   OPT_TEXT, O(config), 0,          "NAME",  "the configuration of an appliance (default: its own)"},
    {"ignore-signature", 0, OPT_FLAG, O(ignore_signature), 0, NULL, "boot a signed appliance although nobody verified it"},
    {"balloon",  0,   OPT_ATTACH, O(attach), 0,        "SIZE",  "let the guest give memory back: SIZE of it at once, and what it frees"},
    {"console",  0,   OPT_TEXT, O(console), 0,         "WHICH", "the guest's device that has standard input and output: uart (default), virtio, stderr, none"},
    {"disk",     0,   OPT_ATTACH, O(attach), 0,        "FILE[,..]", "attach a disk, raw; then ro, cow, cow=FILE, raw, serial=TEXT"},
    {"net",      0,   OPT_ATTACH, O(attach), 0,        "KIND[,..]", "attach a network: user (by passt), passt=SOCKET or tap=INTERFACE; then mac=ADDR"},
    {"perf-map", 0,   OPT_FLAG, O(perf_map), 0,        NULL,    "tell the host's perf what translated guest code is where: /tmp/perf-PID.map"},
    {"port",     0,   OPT_ATTACH, O(attach), 0,        "NAME,..", "attach a named byte stream; in=FILE, out=FILE or both"},
    {"publish",  0,   OPT_ATTACH, O(attach), 0,        "HOST:GUEST", "lead a port of the host to one of the guest, with --net user; [ADDR:]HOST:GUEST[/udp]"},
    {"rng",      0,   OPT_ATTACH, O(attach), 0,        NULL,    "attach an entropy device"},
    {"share",    0,   OPT_ATTACH, O(attach), 0,        "DIR[:TAG]", "share a folder by 9P, read-only; ,rw lets the guest change it"},
    {"soft",     0,   OPT_TEXT, O(soft), 0,            "HOW",   "how --engine soft executes: jit (default on x86-64 hosts), interp, or shadow: checks one by the other"},
    {"timeout",  0,   OPT_TIME, O(timeout_ns), 0,      "TIME",  "end the run after TIME, such as 5s, 500ms or 1m (status 124)"},
    {"reboot",   0,   OPT_FLAG, O(reboot), 0,          NULL,    "start again when the guest asks for a reset"},
    {"report",   0,   OPT_TEXT, O(report), 0,          "FILE",  "write what happened to FILE, as JSON"},
    {"doctor",   0,   OPT_TIME, O(doctor_ns), 0,       "TIME",  "explain the guest's state when it printed nothing for TIME"},
    {"log",      0,   OPT_UINT, O2(log, has_log),      "0..4",  "how much to tell: nothing, oddities (default), set-up, rare exits, every exit"},
    {"verbose",  'v', OPT_FLAG, O(verbose), 0,         NULL,    "the same as --log 2"},
    {"help",     'h', OPT_FLAG, O(help), 0,            NULL,    "this text"},
};
// clang-format on
const unsigned n_run_options = ARRAY_LEN(run_options);
_Static_assert(ARRAY_LEN(run_options) <= 64, "a bit of opt_rest.given for each");

/* ---- options to a configuration ---- */

/* What to boot: exactly one of four. */
static int run_image(struct run *run, struct opt_rest *rest, struct err *err)
{
    const struct run_opts *o = &run->opts;
    if (rest->n_words == 2 && !strcmp(rest->words[0], "run")) { /* vibevmm -v run IMAGE */
        rest->words++;
        rest->n_words--;
    }
    if (rest->n_words > 1)
        return err_set(
            err, ERR_HOST, EINVAL,
            "%.100s and %.100s: one image at a time; arguments for the guest go after --",
            rest->words[0], rest->words[1]);
    const struct {
        const char *how, *path;
    } ways[] = {
        {"IMAGE",      rest->n_words ? rest->words[0] : NULL},
        {"--kernel",   o->kernel                            },
        {"--binary",   o->binary                            },
        {"--firmware", o->firmware                          },
    };
    const char *first = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(ways); i++) {
        if (!ways[i].path)
            continue;
        if (first)
            return err_set(err, ERR_HOST, EINVAL, "%s and %s: give one of them", first,
                           ways[i].how);
        if (!*ways[i].path)
            return err_set(err, ERR_HOST, EINVAL, "%s: the name is empty", ways[i].how);
        first = ways[i].how;
        run->path = ways[i].path;
    }
    if (!first)
        return err_set(err, ERR_HOST, EINVAL,
                       "no image: give a file, --binary FILE or --firmware FILE");
    if (o->has_entry && !o->binary)
        return err_set(err, ERR_HOST, EINVAL,
                       "--entry %#" PRIx64
                       ": only a raw image needs it; for one, use --binary %.100s",
                       o->entry, run->path);
    return 0;
}

/* An appliance is opened first of all: it says which board. */
static int run_appliance(struct run *run, uint64_t given, struct err *err)
{
    struct run_opts *o = &run->opts;
    if (!o->binary && !o->firmware)
        run->peek = boot_peek(run->path, &run->arch);
    if (run->peek != BOOT_PEEK_TREE) {
        if (o->config || o->ignore_signature)
            return err_set(err, ERR_HOST, EINVAL, "--%s: %.200s is no appliance",
                           o->config ? "config" : "ignore-signature", run->path);
        return 0;
    }
    int rc = fit_open(&run->fit, run->path, o->config, o->ignore_signature, err);
    if (rc)
        return rc;
    log_at(LOG_INFO, "%s: configuration %s", run->path, run->fit->chosen);
    if (run->fit->signature)
        log_at(LOG_WARN, "%s: the signature of %s (%s) was not verified", run->path,
               run->fit->signed_node, run->fit->signature);
    if (fit_arch(&run->fit->parts[FIT_KERNEL], &run->arch))
        run->peek = BOOT_PEEK_ARCH;
    return appliance_apply(run->fit, given, o, err);
}

static bool board_has_ram_at(const struct board *b, gpa_t gpa)
{
    for (unsigned i = 0; i < b->n_ram; i++)
        if (gpa >= b->ram[i].base && gpa - b->ram[i].base < b->ram[i].size)
            return true;
    return false;
}

static const struct board *board_of_arch(enum board_arch arch)
{
    unsigned i = 0;
    while (boards[i] && boards[i]->arch != arch)
        i++;
    return boards[i];
}

/*
 * The board asked for, else the default; but an image for another CPU than the default board's goes
 * to the first board with that one, and a raw image says by --entry where it expects RAM: when the
 * default board has none there, the first board that has is the one it was made for.
 */
static int run_board(struct run *run, struct err *err)
{
    const struct run_opts *o = &run->opts;
    if (o->board) {
        run->cfg.board = board_find(o->board);
        if (run->cfg.board)
            return 0;
        const char *names[16];
        struct text list = {0};
        unsigned n = 0;
        for (; n < ARRAY_LEN(names) && boards[n]; n++) {
            names[n] = boards[n]->name;
            text_add(&list, "%s%s", n ? ", " : "", names[n]);
        }
        const char *like = nearest(o->board, names, n, sizeof names[0]);
        int rc = err_set(err, ERR_HOST, EINVAL, "--board %.80s: no such board; %s%s%sthere are %s",
                         o->board, like ? "did you mean " : "", like ? like : "", like ? "? " : "",
                         list.p ? list.p : "none");
        text_free(&list);
        return rc;
    }
    if (run->peek == BOOT_PEEK_ARCH && run->arch != boards[0]->arch &&
        (run->cfg.board = board_of_arch(run->arch))) {
        run->board_of_image = true;
        log_at(LOG_INFO, "board %s: %s is not for the CPU of %s", run->cfg.board->name, run->path,
               boards[0]->name);
        return 0;
    }
    run->cfg.board = boards[0];
    for (unsigned i = 0; o->has_entry && boards[i]; i++)
        if (board_has_ram_at(boards[i], o->entry)) {
            run->cfg.board = boards[i];
            break;
        }
    if (run->cfg.board != boards[0])
        log_at(LOG_INFO, "board %s: %s has no RAM at --entry %#" PRIx64, run->cfg.board->name,
               boards[0]->name, o->entry);
    return 0;
}

static int run_memory(struct run *run, struct err *err)
{
    const struct board *b = run->cfg.board;
    uint64_t mem = run->opts.has_mem ? run->opts.mem : b->mem_default;
    uint64_t max = board_mem_max(b);
    struct text range = {0};
    const char *wrong = mem < b->mem_min ? "too small"
                        : mem > max      ? "too big"
                        : mem % MEM_PAGE ? "not a multiple of 4 KiB"
                                         : NULL;
    if (wrong) {
        text_add(&range, "--mem ");
        text_size(&range, mem);
        text_add(&range, ": %s; board %s takes ", wrong, b->name);
        text_size(&range, b->mem_min);
        text_add(&range, " to ");
        text_size(&range, max);
        if (mem && mem <= 65536)
            text_add(&range, "; did you mean --mem %" PRIu64 "M?", mem);
        err_set(err, ERR_HOST, EINVAL, "%s", range.p ? range.p : wrong);
        text_free(&range);
        return -EINVAL;
    }
    run->cfg.mem = mem;
    return 0;
}

static int run_cpus(struct run *run, struct err *err)
{
    const struct board *b = run->cfg.board;
    uint64_t n = run->opts.has_cpus ? run->opts.cpus : 1;
    unsigned max = MIN(b->cpus_max, run->cfg.caps.cpus_max);
    if (n < 1 || n > max)
        return err_set(err, ERR_HOST, EINVAL,
                       "--cpus %" PRIu64 ": board %s on engine %s takes 1 to %u", n, b->name,
                       run->cfg.engine->name, max);
    run->cfg.cpus = (unsigned)n;
    return 0;
}

/*
 * What --console makes of the board's UART and of the standard streams. A virtio console is the
 * last attachment. Where the board has a command line, Linux is told of it there.
 */
static int run_console(struct run *run, struct err *err)
{
    struct vm_config *c = &run->cfg;
    struct run_opts *o = &run->opts;
    const char *which = o->console ? o->console : "uart";
    c->aside_fd = -1;
    if (!strcmp(which, "uart"))
        return 0;
    c->console_aside = true;
    if (strcmp(which, "none") != 0)
        c->aside_fd = STDERR_FILENO;
    if (!strcmp(which, "none") || !strcmp(which, "stderr")) {
        c->in_fd = c->out_fd = -1;
        return 0;
    }
    if (strcmp(which, "virtio") != 0)
        return err_set(err, ERR_HOST, EINVAL, "--console %.80s: is uart, virtio, stderr or none",
                       which);
    if (o->attach.n == VM_ATTACH_MAX)
        return err_set(err, ERR_HOST, EINVAL, "--console virtio: more than %u devices are attached",
                       VM_ATTACH_MAX);
    o->attach.at[o->attach.n++] = (struct vm_attach){"console", "virtio"};
    return 0;
}

/*
 * Guest arguments follow " -- " on the command line, where Linux hands them to init
 * (kernel-parameters documentation). Its parser knows double quotes and no escape for them.
 */
static int run_append(struct run *run, const struct opt_rest *rest, struct err *err)
{
    const struct run_opts *o = &run->opts;
    const char *fixed = run->cfg.board->bootargs;
    bool hvc = !o->append && o->console && !strcmp(o->console, "virtio");
    run->cfg.append = o->append;
    if (!rest->n_after && !hvc)
        return 0;
    struct text *t = &run->append;
    const char *base = o->append ? o->append : fixed ? fixed : "";
    text_add(t, "%s%s", base, hvc ? " console=hvc0" : "");
    if (rest->n_after)
        text_add(t, "%s--", *base || hvc ? " " : "");
    for (int i = 0; i < rest->n_after; i++) {
        const char *arg = rest->after[i];
        if (strchr(arg, '"'))
            return err_set(err, ERR_HOST, EINVAL,
                           "guest argument %d (%.80s): a kernel command line cannot carry a "
                           "double quote",
                           i + 1, arg);
        bool quote = !*arg || arg[strcspn(arg, " \t\n\v\f\r")];
        text_add(t, quote ? " \"%s\"" : " %s", arg);
    }
    if (t->cut)
        return err_sys(err, ENOMEM, "guest arguments");
    run->cfg.append = t->p;
    return 0;
}

/*
 * Descriptors 0, 1 and 2 may be closed: then they must not become those of files we open, or the
 * guest's bytes would go there.
 */
static int run_streams(struct run *run, struct err *err)
{
    struct pollfd fds[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
    bool closed[3] = {false, false, false};
    if (poll(fds, 3, 0) > 0)
        for (int i = 0; i < 3; i++)
            closed[i] = fds[i].revents & POLLNVAL;
    for (int i = 0; i < 3; i++)
        if (closed[i] && open("/dev/null", O_RDWR) != i)
            return err_set(err, ERR_HOST, EBADF,
                           "descriptor %d is closed, and /dev/null cannot "
                           "stand in for it",
                           i);
    if (closed[1])
        return err_set(err, ERR_HOST, EBADF,
                       "standard output is closed; to drop the guest's output: >/dev/null");
    run->cfg.in_fd = closed[0] ? -1 : STDIN_FILENO;
    run->cfg.out_fd = STDOUT_FILENO;
    return 0;
}

static void log_line(enum log_level level, const char *line)
{
    (void)level;
    say("%s", line);
}

static int run_log(const struct run *run, struct err *err)
{
    const struct run_opts *o = &run->opts;
    if (o->log > LOG_TRACE)
        return err_set(err, ERR_HOST, EINVAL, "--log %" PRIu64 ": levels are 0 to %d", o->log,
                       LOG_TRACE);
    if (o->has_log)
        log_max = (enum log_level)o->log;
    if (o->verbose && log_max < LOG_INFO)
        log_max = LOG_INFO;
    log_sink = log_line;
    return 0;
}

/* ---- progress of a long load, on a terminal only ---- */

#define PROGRESS_AFTER_NS (NS_PER_SEC / 2)
#define PROGRESS_EVERY_NS (NS_PER_SEC / 10)

static struct {
    int terminal; /* 0: not asked yet, 1: yes, -1: no */
    uint64_t next_ns;
    bool shown;
} progress_state;

static void progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    (void)ctx;
    uint64_t now = clock_mono_ns();
    if (!progress_state.next_ns)
        progress_state.next_ns = launch_ns + PROGRESS_AFTER_NS;
    if (now < progress_state.next_ns)
        return;
    if (!progress_state.terminal)
        progress_state.terminal = isatty(STDERR_FILENO) ? 1 : -1;
    if (progress_state.terminal < 0) {
        progress_state.next_ns = UINT64_MAX;
        return;
    }
    progress_state.next_ns = now + PROGRESS_EVERY_NS;
    progress_state.shown = true;
    struct text t = {0};
    text_add(&t, "\r\033[Kvibevmm: %s: %" PRIu64 " MiB", what, done >> 20);
    if (total)
        text_add(&t, " of %" PRIu64 " (%u %%)", total >> 20, (unsigned)(done * 100 / total));
    text_write(&t, STDERR_FILENO);
    text_free(&t);
}

static void progress_end(void)
{
    static const struct text erase = {.p = (char *)(uintptr_t) "\r\033[K", .len = 4};
    if (progress_state.shown)
        text_write(&erase, STDERR_FILENO);
    progress_state.shown = false;
    progress_state.next_ns = 0;
}

/* ---- the run ---- */

static void run_silent(void *ctx, const struct vm_result *so_far)
{
    const struct run *run = ctx;
    struct text t = {0}, heading = {0};
    text_add(&heading, "no console output after %" PRIu64 " ms; the guest goes on",
             run->opts.doctor_ns / 1000000);
    diag_text(run, so_far, heading.p ? heading.p : "no console output", &t);
    text_free(&heading);
    say_text(&t);
}

static int run_engine(struct run *run, struct err *err)
{
    struct vm_config *c = &run->cfg;
    const char *name = run->opts.engine ? run->opts.engine : "auto";
    int rc = hv_choose(name, c->board->arch, &c->engine, &c->caps, run->why, sizeof run->why, err);
    if (rc && run->board_of_image) { /* the user did not ask for that board */
        struct err why = *err;
        err_set(err, why.kind, why.code, "%.100s: is for board %s: %s", run->path, c->board->name,
                why.text);
    }
    return rc;
}

/* How the software CPU executes. */
static int run_soft(struct run *run, struct err *err)
{
    static const struct {
        const char *name;
        enum hv_soft soft;
    } hows[] = {
        {"interp", HV_SOFT_INTERP},
        {"jit",    HV_SOFT_JIT   },
        {"shadow", HV_SOFT_SHADOW}
    };
    struct vm_config *c = &run->cfg;
    const char *how = run->opts.soft, *option = how ? "--soft" : "--perf-map";
    c->perf_map = run->opts.perf_map;
    if (!how && !c->perf_map)
        return 0;
    if (strcmp(c->engine->name, "soft") != 0)
        return err_set(err, ERR_HOST, EINVAL, "%s: is for --engine soft; this guest runs on %s",
                       option, c->engine->name);
    for (unsigned i = 0; how && i < ARRAY_LEN(hows); i++)
        if (!strcmp(how, hows[i].name)) {
            c->soft = hows[i].soft;
            return 0;
        }
    if (!how)
        return 0;
    return err_set(err, ERR_HOST, EINVAL, "--soft %.40s: jit, interp and shadow are possible", how);
}

static int run_configure(struct run *run, const struct opt_rest *rest, struct err *err)
{
    struct vm_config *c = &run->cfg;
    const struct run_opts *o = &run->opts;
    int rc = run_board(run, err);
    if (!rc)
        rc = run_engine(run, err);
    if (!rc)
        rc = run_soft(run, err);
    if (!rc)
        rc = run_memory(run, err);
    if (!rc)
        rc = run_cpus(run, err);
    if (!rc)
        rc = run_console(run, err);
    if (!rc)
        rc = run_append(run, rest, err);
    if (rc)
        return rc;
    log_at(LOG_INFO, "%s", run->why);
    c->image = !o->binary && !o->firmware ? run->path : NULL;
    c->fit = run->fit;
    c->binary = o->binary;
    c->firmware = o->firmware;
    c->has_entry = o->has_entry;
    c->entry = o->entry;
    c->initrd = o->initrd;
    c->dtb = o->dtb;
    c->flash_file = o->flash;
    c->attach = o->attach.at;
    c->n_attach = o->attach.n;
    c->progress = progress;
    c->timeout_ns = o->timeout_ns;
    c->silent_ns = o->doctor_ns;
    c->silent = run_silent;
    c->ctx = run;
    c->phases[0] = launch_ns;
    c->phases[1] = clock_mono_ns();
    return 0;
}

/* Build the machine and run it, again after each reset that --reboot allows. */
static int run_machine(struct run *run)
{
    bool terminal = run->cfg.in_fd >= 0 && isatty(run->cfg.in_fd);
    if (terminal)
        run->cfg.input_filter = escape_filter;
    struct vm *vm = NULL;
    uint64_t deadline_ns = 0; /* --timeout counts from the first start, over all reboots */
    for (;;) {
        int rc = vm_new(&vm, &run->cfg, &run->err);
        progress_end();
        if (rc)
            return rc;
        run->boot = vm_boot(vm);
        run->boots++;
        if (run->boots == 1) /* until here a signal ends the process, as it would any loader */
            signals_install();
        signals_vm(vm);
        if (terminal && run->boots == 1 && term_raw(run->cfg.in_fd))
            signals_terminal();
        if (run->cfg.timeout_ns && !deadline_ns)
            deadline_ns = clock_mono_ns() + run->cfg.timeout_ns;
        vm_run(vm, &run->res);
        signals_vm(NULL);
        if (run->res.end != VM_END_RESET || !run->opts.reboot)
            break;
        log_at(LOG_INFO, "reset %" PRIu64, run->boots);
        run->boot = NULL;
        vm_free(vm);
        uint64_t now = clock_mono_ns();
        if (deadline_ns)
            run->cfg.timeout_ns = deadline_ns > now ? deadline_ns - now : 1;
    }
    term_restore();
    return 0;
}

/* What each end means to the shell; status -1: from the result. `explain`: at length. */
static const struct end {
    int status;
    const char *message; /* one line; NULL: none */
    bool explain;
} ends[] = {
    [VM_END_NONE] = {STATUS_HOST,    "the machine stopped without a reason",                  true },
    [VM_END_OFF] = {-1,             NULL,                                                    false},
    [VM_END_RESET] = {STATUS_RESET,   "the guest asked for a reset; --reboot starts it again", false},
    [VM_END_PANIC] = {STATUS_PANIC,   "the guest reported a panic",                            true },
    [VM_END_STUCK] = {STATUS_STUCK,   "the guest cannot go on",                                true },
    [VM_END_TIMEOUT] = {STATUS_TIMEOUT, "the guest did not end within --timeout",                false},
    [VM_END_SIGNAL] = {-1,             NULL,                                                    false},
    [VM_END_OUTPUT] = {-1,             NULL,                                                    false},
    [VM_END_QUIT] = {0,              NULL,                                                    false},
    [VM_END_FAIL] = {STATUS_HOST,    "the engine failed",                                     true },
    [VM_END_HOST] = {STATUS_HOST,    "a device's host end failed",                            false},
};

static int run_end(const struct run *run)
{
    const struct vm_result *r = &run->res;
    const struct end *e = &ends[r->end];
    if (e->message) {
        struct text t = {0};
        char heading[256];
        snprintf(heading, sizeof heading, "%s%s%s", e->message, *r->what ? ": " : "", r->what);
        if (e->explain || (r->end == VM_END_TIMEOUT && log_on(LOG_INFO)))
            diag_text(run, r, heading, &t);
        else
            text_add(&t, "%s", heading);
        say_text(&t);
    }
    switch (r->end) {
    case VM_END_OFF:
        return r->status;
    case VM_END_SIGNAL:
        return STATUS_SIGNAL + r->code;
    case VM_END_OUTPUT:
        if (r->code != EPIPE)
            say("standard output: %s", strerror(r->code));
        return r->code == EPIPE ? STATUS_SIGNAL + SIGPIPE : STATUS_HOST;
    default:
        return e->status;
    }
}

int cmd_run(int argc, char **argv)
{
    static struct run run; /* 4 KiB and more: not on the stack */
    struct opt_rest rest;
    run.report_fd = -1;
    int rc = run_streams(&run, &run.err);
    if (!rc)
        rc = opts_parse(run_options, n_run_options, &run.opts, argc, argv, &rest, &run.err);
    if (!rc && run.opts.help)
        return cmd_help(0, NULL);
    if (!rc)
        rc = run_log(&run, &run.err);
    if (!rc && run.opts.report)
        rc = report_open(&run, &run.err);
    if (!rc)
        rc = run_image(&run, &rest, &run.err);
    if (!rc)
        rc = run_appliance(&run, rest.given, &run.err);
    if (!rc)
        rc = run_configure(&run, &rest, &run.err);
    if (!rc) {
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a guest that writes past `ulimit -f` gets the error */
        rc = run_machine(&run);
    }
    term_restore();
    run.status = rc ? say_err(&run.err) : run_end(&run);
    return report_write(&run);
}
