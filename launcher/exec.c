// SPDX-License-Identifier: MIT
/*
 * exec.c - `vibevmm exec`: one static Linux program in a machine of its own.
 *
 * An initramfs is made of process 1 (images/init), the program, drivers and busybox, and written
 * straight into the machine's RAM. Standard input, output and error are three ports of a virtio
 * console; a fourth one leads signals in and the program's status out (vmm/exec_init.h), and the
 * machine is stopped as soon as that has come. What the kernel prints on the UART is kept, and
 * shown when the program was never started.
 */
#include "exec.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/exec_init.h"
#include "vmm/log.h"

#define EXEC_ARGS_MAX  MIB(2)   /* what Linux takes by default (execve(2)) */
#define EXEC_MEM_SPARE MIB(192) /* beside the initramfs and its unpacked files */
#define EXEC_LAST      KIB(8)   /* of the kernel's messages */
#define EXEC_SPEC      96

/*
 * kernel-parameters.rst: a panic is a reset at once. The self-tests of its cryptography take longer
 * than all the rest of the start, and the files of its tracing a tenth of that.
 */
#define EXEC_APPEND "panic=-1 cryptomgr.notests=1 initcall_blacklist=tracer_init_tracefs"

const char *const exec_phase_names[EXEC_PHASES] = {"init", "program", "program_end"};

struct exec {
    struct run run; /* first: sinks get it */
    bool setup;
    struct attach_list shares;
    struct word_list env;
    const char *append;
    struct text more; /* the command line's */
    const struct exec_arch *arch;
    struct exec_kernel kernel;
    struct cpio *cpio;
    char program[128 + 16]; /* in the machine; "": it is found there by its name */
    char specs[EXEC_PORT_CONTROL][EXEC_SPEC];
    char tags[VM_ATTACH_MAX][VM_SHARE_TAG_MAX + 1];
    bool writes; /* a share is writable */
    bool merge;  /* standard output and error are one file */
    uint64_t phase_ns[EXEC_PHASES];
    bool ended, status_next;
    struct text last; /* what the kernel printed: a ring of EXEC_LAST bytes, */
    uint64_t n_last;  /* of as many */
};

#define O(field)       offsetof(struct exec, field)
#define O2(field, has) offsetof(struct exec, field), offsetof(struct exec, has)

// clang-format off
/* columns: name, letter, kind, value, "was given", argument, help */
const struct opt exec_options[] = {
    {"append",   0,   OPT_TEXT, O(append), 0,          "TEXT",  "more for the kernel command line"},
    {"cpus",     0,   OPT_UINT, O2(run.opts.cpus, run.opts.has_cpus), "N", "number of vCPUs (default 1)"},
    {"engine",   0,   OPT_TEXT, O(run.opts.engine), 0, "NAME",  "auto, kvm, hvf or soft (default auto)"},
    {"env",      0,   OPT_WORDS, O(env), 0,            "NAME[=VALUE]", "an environment variable; without a value, the one it has here"},
    {"kernel",   0,   OPT_TEXT, O(run.opts.kernel), 0, "FILE",  "another kernel than that of --setup"},
    {"mem",      0,   OPT_SIZE, O2(run.opts.mem, run.opts.has_mem), "SIZE", "guest memory (default: 256M, more for a large program)"},
    {"setup",    0,   OPT_FLAG, O(setup), 0,           NULL,    "fetch a kernel and busybox from Debian's archive, once; arm64 or amd64 may follow"},
    {"share",    0,   OPT_ATTACH, O(shares), 0,        "DIR[:TAG]", "a folder, as /mnt/TAG; the first is the working folder. Read-only unless ,rw"},
    {"timeout",  0,   OPT_TIME, O(run.opts.timeout_ns), 0, "TIME", "end the machine after TIME (status 124)"},
    {"report",   0,   OPT_TEXT, O(run.opts.report), 0, "FILE",  "write what happened to FILE, as JSON"},
    {"log",      0,   OPT_UINT, O2(run.opts.log, run.opts.has_log), "0..4", "how much to tell, as for run"},
    {"verbose",  'v', OPT_FLAG, O(run.opts.verbose), 0, NULL,   "the same as --log 2, and the kernel's messages"},
    {"help",     'h', OPT_FLAG, O(run.opts.help), 0,   NULL,    "this text"},
};
// clang-format on
const unsigned n_exec_options = ARRAY_LEN(exec_options);

/* ---- what the machine says ---- */

/* The control port: the guest may write anything. */
static void exec_heard(void *ctx, const void *buf, size_t len)
{
    static const uint8_t events[EXEC_PHASES] = {EXEC_SAYS_INIT, EXEC_SAYS_PROGRAM, EXEC_SAYS_ENDED};
    struct exec *x = ctx;
    const uint8_t *p = buf;
    for (size_t i = 0; i < len && !x->ended; i++) {
        if (x->status_next) {
            x->ended = true;
            vm_stop(x->run.vm, VM_END_OFF, p[i]);
            return;
        }
        for (unsigned e = 0; e < EXEC_PHASES; e++)
            if (p[i] == events[e] && !x->phase_ns[e])
                x->phase_ns[e] = clock_mono_ns();
        x->status_next = p[i] == EXEC_SAYS_ENDED;
    }
}

/* The UART. Nothing is kept in memory beyond the last bytes, whatever a guest prints. */
static void exec_printed(void *ctx, const void *buf, size_t len)
{
    struct exec *x = ctx;
    const char *p = buf;
    if (!x->last.p) {
        static const char none[EXEC_LAST];
        text_bytes(&x->last, none, sizeof none);
    }
    for (size_t i = 0; i < len && x->last.p; i++)
        x->last.p[x->n_last++ % EXEC_LAST] = p[i];
}

/* It as text: whole lines, printable. Frees nothing. */
static void exec_last_words(const struct exec *x, struct text *t)
{
    uint64_t n = MIN(x->n_last, EXEC_LAST);
    bool cut = x->n_last > EXEC_LAST; /* in the middle of a line, which is left out */
    for (uint64_t i = 0; i < n && x->last.p; i++) {
        char c = x->last.p[(x->n_last - n + i) % EXEC_LAST];
        if (!cut && (c == '\n' || isprint((unsigned char)c)))
            text_bytes(t, &c, 1);
        cut = cut && c != '\n';
    }
}

/* ---- the program ---- */

/* A path names a file of the host; a bare name is found in the machine, as a shell would. */
static int exec_find(struct exec *x, const char *name, struct err *err)
{
    const struct run_opts *o = &x->run.opts;
    const char *slash = strrchr(name, '/');
    int rc = 0;
    if (!*name)
        return err_set(err, ERR_FILE, ENOENT, "the name of the program is empty");
    if (slash) {
        rc = exec_program_check(name, &x->arch, err);
        snprintf(x->program, sizeof x->program, "vibevmm/bin/%.120s",
                 slash[1] ? slash + 1 : "program");
    }
    if (rc)
        return rc;
    enum board_arch arch = ARCH_ARM64;
    if (!x->arch && o->kernel)
        boot_peek(o->kernel, &arch);
    for (unsigned i = 0; i < n_exec_archs && !x->arch; i++)
        if (exec_archs[i].arch == arch)
            x->arch = &exec_archs[i];
    return 0;
}

/* Is there an engine for it here? Said in the program's terms, before a kernel is looked for. */
static int exec_engine(const struct exec *x, const char *program, struct err *err)
{
    struct hv_caps caps;
    const struct hv_ops *engine;
    char why[320];
    const char *name = x->run.opts.engine ? x->run.opts.engine : "auto";
    struct err no = {0};
    if (!hv_choose(name, x->arch->arch, &engine, &caps, why, sizeof why, &no))
        return 0;
    return err_set(err, no.kind, no.code, "%.100s: is an %s program: %s", program, x->arch->name,
                   no.text);
}

/* ---- the initramfs ---- */

static void field(struct text *t, char letter, const char *value)
{
    text_bytes(t, &letter, 1);
    text_bytes(t, value, strlen(value) + 1);
}

static int exec_env_add(struct text *t, const char *word, struct err *err)
{
    size_t name = strcspn(word, "=");
    if (!name)
        return err_set(err, ERR_HOST, EINVAL, "--env \"%.80s\": needs NAME=VALUE or NAME", word);
    if (word[name]) {
        field(t, EXEC_RUN_ENV, word);
        return 0;
    }
    const char *value = getenv(word);
    if (!value)
        return 0;
    struct text pair = {0};
    text_add(&pair, "%s=%s", word, value);
    if (pair.p)
        field(t, EXEC_RUN_ENV, pair.p);
    text_free(&pair);
    return 0;
}

/* --env may name one of ours again: then ours is not given. */
static bool env_is_given(const struct exec *x, const char *pair)
{
    size_t n = strcspn(pair, "=");
    for (unsigned i = 0; i < x->env.n; i++)
        if (strcspn(x->env.at[i], "=") == n && !strncmp(x->env.at[i], pair, n))
            return true;
    return false;
}

/* EXEC_RUN_FILE: what process 1 is to do. */
static int exec_orders(const struct exec *x, char *const *argv, int argc, struct text *t,
                       struct err *err)
{
    static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                                      "HOME=/root", "USER=root", "TERM=dumb"};
    char path[64];
    int rc = 0;
    text_bytes(t, EXEC_RUN_MAGIC, sizeof EXEC_RUN_MAGIC);
    for (unsigned i = 0; i < x->kernel.n_modules; i++) {
        snprintf(path, sizeof path, "/vibevmm/modules/%u", i);
        field(t, EXEC_RUN_MODULE, path);
    }
    for (unsigned i = 0; i < x->shares.n; i++)
        field(t, EXEC_RUN_SHARE, x->tags[i]);
    if (x->writes)
        field(t, EXEC_RUN_WRITE, "");
    snprintf(path, sizeof path, x->shares.n ? "/mnt/%s" : "/", x->tags[0]);
    field(t, EXEC_RUN_DIR, path);
    if (x->merge)
        field(t, EXEC_RUN_MERGE, "");
    for (unsigned i = 0; i < ARRAY_LEN(env); i++)
        if (!env_is_given(x, env[i]))
            field(t, EXEC_RUN_ENV, env[i]);
    for (unsigned i = 0; !rc && i < x->env.n; i++)
        rc = exec_env_add(t, x->env.at[i], err);
    if (*x->program) {
        char program[sizeof x->program + 1];
        snprintf(program, sizeof program, "/%s", x->program);
        field(t, EXEC_RUN_PROGRAM, program);
    }
    for (int i = 0; i < argc; i++)
        field(t, EXEC_RUN_ARG, argv[i]);
    if (!rc && t->cut)
        rc = err_sys(err, ENOMEM, "arguments");
    if (!rc && t->len > EXEC_ARGS_MAX)
        rc = err_set(err, ERR_HOST, E2BIG,
                     "arguments and environment have %zu bytes; a program takes at most %" PRIu64,
                     t->len, EXEC_ARGS_MAX);
    return rc;
}

/* columns: name, mode */
static const struct {
    const char *name;
    unsigned mode;
} folders[] = {
    {"bin",             0755 },
    {"dev",             0755 },
    {"etc",             0755 },
    {"mnt",             0755 },
    {"proc",            0755 },
    {"root",            0700 },
    {"sys",             0755 },
    {"tmp",             01777},
    {"usr",             0755 },
    {"usr/bin",         0755 },
    {"var",             0755 },
    {"vibevmm",         0755 },
    {"vibevmm/bin",     0755 },
    {"vibevmm/modules", 0755 },
};

/* columns: name, text: who root is, and localhost */
static const char *const texts[][2] = {
    {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"},
    {"etc/group",  "root:x:0:\n"                    },
    {"etc/hosts",  "127.0.0.1\tlocalhost\n"         },
};

static int exec_pack(struct exec *x, const char *host_path, char *const *argv, int argc,
                     struct err *err)
{
    struct cpio *c = x->cpio = cpio_new();
    struct text orders = {0};
    char name[64];
    bool busybox = false;
    int rc = c ? 0 : err_sys(err, ENOMEM, "initramfs");
    for (unsigned i = 0; !rc && i < ARRAY_LEN(folders); i++)
        rc = cpio_add_dir(c, folders[i].name, folders[i].mode, err);
    for (unsigned i = 0; !rc && i < ARRAY_LEN(texts); i++)
        rc = cpio_add_data(c, texts[i][0], 0644, texts[i][1], strlen(texts[i][1]), err);
    rc = rc ? rc : exec_busybox_add(x->arch, c, &busybox, err);
    if (!rc && !*x->program && !busybox)
        rc = err_set(err, ERR_FILE, ENOENT,
                     "%.200s: without a slash it is a program of the machine, which has none yet: "
                     "vibevmm exec --setup; a file: ./%.200s",
                     argv[0], argv[0]);
    for (unsigned i = 0; !rc && i < x->kernel.n_modules; i++) {
        snprintf(name, sizeof name, "vibevmm/modules/%u", i);
        rc = cpio_add_file(c, name, 0600, x->kernel.modules[i], err);
    }
    if (!rc && *x->program)
        rc = cpio_add_file(c, x->program, 0755, host_path, err);
    rc = rc ? rc : exec_orders(x, argv, argc, &orders, err);
    rc = rc ? rc : cpio_add_data(c, EXEC_RUN_FILE, 0600, orders.p, orders.len, err);
    rc = rc ? rc : cpio_add_data(c, EXEC_INIT_PATH, 0755, x->arch->init, *x->arch->init_len, err);
    text_free(&orders);
    return rc;
}

/* ---- ports and folders ---- */

static bool same_file(int a, int b)
{
    struct stat sa, sb;
    return !fstat(a, &sa) && !fstat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int exec_attach(struct exec *x, struct err *err)
{
    struct attach_list *list = &x->run.opts.attach;
    int flags = fcntl(STDIN_FILENO, F_GETFL), ends[2];
    bool reads = flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
    if (pipe(ends))
        return err_sys(err, errno, "a pipe for signals");
    for (int i = 0; i < 2; i++)
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    signals_forward(ends[1]);
    /* in the order of the ports' numbers */
    snprintf(x->specs[0], EXEC_SPEC, "vibevmm.stdin,in=%s", reads ? "-" : "/dev/null");
    snprintf(x->specs[1], EXEC_SPEC, "vibevmm.stdout,out=-");
    snprintf(x->specs[2], EXEC_SPEC, "vibevmm.stderr,out=fd:2");
    snprintf(x->specs[3], EXEC_SPEC, "vibevmm.control,in=fd:%d", ends[0]);
    for (unsigned i = 0; i < EXEC_PORT_CONTROL; i++)
        list->at[list->n++] = (struct vm_attach){.option = "port", .spec = x->specs[i]};
    list->at[EXEC_PORT_CONTROL - 1].sink = exec_heard;
    x->merge = same_file(STDOUT_FILENO, STDERR_FILENO);
    if (x->shares.n > VM_ATTACH_MAX - list->n)
        return err_set(err, ERR_HOST, ENOSPC, "--share: more than %u folders",
                       VM_ATTACH_MAX - list->n);
    int rc = 0;
    for (unsigned i = 0; !rc && i < x->shares.n; i++) {
        bool rw = false;
        list->at[list->n++] = x->shares.at[i];
        rc = vm_share_tag(x->shares.at[i].spec, x->tags[i], &rw, err);
        x->writes = x->writes || rw;
    }
    return rc;
}

/*
 * Unless --mem says otherwise. The initramfs is there twice while it is unpacked, and the file
 * system that it goes to may take half of what is free then.
 */
static void exec_memory(struct exec *x)
{
    struct run_opts *o = &x->run.opts;
    if (o->has_mem)
        return;
    o->has_mem = true;
    o->mem = MAX(MIB(256), align_up(3 * cpio_len(x->cpio) + EXEC_MEM_SPARE, MIB(64)));
}

/* ---- the run ---- */

static int exec_configure(struct exec *x, int argc, char **argv, struct err *err)
{
    struct run *run = &x->run;
    struct run_opts *o = &run->opts;
    int rc = exec_find(x, argv[0], err);
    rc = rc ? rc : exec_engine(x, argv[0], err);
    if (!rc && !*x->arch->init_len)
        rc = err_set(err, ERR_HOST, ENOSYS,
                     "%.100s: this vibevmm cannot exec %s programs: no compiler for that CPU was "
                     "there when it was built",
                     argv[0], x->arch->name);
    if (!rc)
        rc = o->kernel ? exec_kernel_given(o->kernel, x->shares.n, &x->kernel, err)
                       : exec_kernel_find(x->arch, x->shares.n, &x->kernel, err);
    rc = rc ? rc : exec_attach(x, err);
    rc = rc ? rc : exec_pack(x, argv[0], argv, argc, err);
    if (rc)
        return rc;
    exec_memory(x);
    o->kernel = run->path = x->kernel.path;
    run->peek = boot_peek(run->path, &run->arch);
    run->cfg.initramfs = x->cpio;
    text_add(&x->more, "%s" EXEC_APPEND "%s%s", log_on(LOG_INFO) ? "" : "quiet ",
             x->append ? " " : "", x->append ? x->append : "");
    if (x->more.cut)
        return err_sys(err, ENOMEM, "--append");
    run->append_more = x->more.p;
    if (log_on(LOG_INFO))
        o->console = "stderr";
    else
        o->console = "none";
    if (!log_on(LOG_INFO))
        run->cfg.aside_sink = exec_printed;
    const struct opt_rest none = {0};
    return run_configure(run, &none, err);
}

/* The machine ended before process 1 said how the program did. */
static int exec_end_early(struct exec *x, int status)
{
    const struct vm_result *r = &x->run.res;
    struct text t = {0}, words = {0};
    exec_last_words(x, &words);
    bool panic = words.p && strstr(words.p, "Kernel panic");
    bool started = x->phase_ns[EXEC_PHASE_PROGRAM];
    if (r->end == VM_END_RESET && panic) {
        text_add(&t, "the machine's kernel panicked\n");
        status = STATUS_PANIC;
    } else if (r->end == VM_END_OFF && !started) {
        text_add(&t, "the machine powered off before the program was started\n");
        status = STATUS_HOST;
    } else if (r->end == VM_END_RESET) {
        text_add(&t, "the machine was reset\n");
    }
    if ((panic || !started) && words.len && r->end != VM_END_SIGNAL)
        text_add(&t, "the last messages of its kernel:\n%s", words.p);
    say_text(&t);
    text_free(&words);
    return status;
}

static int exec_end(struct exec *x)
{
    const struct run *run = &x->run;
    bool reset = run->res.end == VM_END_RESET; /* run_end() would speak of --reboot */
    int status = reset ? STATUS_RESET : run_end(run);
    if (!x->ended)
        return exec_end_early(x, status);
    return run->res.lost ? STATUS_HOST : status; /* which port it was, was said */
}

static int exec_help(void)
{
    struct text t = {0};
    text_add(&t, "Usage:\n  vibevmm exec [options] [--] PROGRAM [argument]...\n"
                 "  vibevmm exec --setup [arm64] [amd64]\n\n"
                 "Runs a static Linux program in a machine of its own: a file, when its name has a "
                 "slash, else\none of the machine's, as busybox has them.\n\nOptions:\n");
    opts_help(exec_options, n_exec_options, &t, false);
    return text_print(&t);
}

int cmd_exec(int argc, char **argv)
{
    static struct exec x;
    struct run *run = &x.run;
    struct opt_rest rest = {0};
    run->report_fd = -1;
    run->exec_ns = x.phase_ns;
    int rc = run_streams(run, &run->err);
    if (!rc)
        rc = opts_parse_first(exec_options, n_exec_options, &x, argc, argv, &rest, &run->err);
    if (!rc && run->opts.help)
        return exec_help();
    int n = rest.n_words + rest.n_after; /* one of them is 0 */
    char **words = rest.n_words ? rest.words : rest.after;
    if (!rc && x.setup)
        return exec_setup(n, words);
    if (!rc && !n)
        rc = err_set(&run->err, ERR_HOST, EINVAL,
                     "no program: vibevmm exec [options] [--] PROGRAM [argument]...");
    if (!rc)
        rc = run_log(run, &run->err);
    if (!rc && run->opts.report)
        rc = report_open(run, &run->err);
    if (!rc)
        rc = exec_configure(&x, n, words, &run->err);
    if (!rc)
        rc = run_machine(run);
    run->status = rc ? say_err(&run->err) : exec_end(&x);
    return report_write(run);
}
