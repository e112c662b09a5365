// SPDX-License-Identifier: MIT
/*
 * launcher.h - what the files of the command share. Nothing outside launcher/ sees it.
 */
#ifndef LAUNCHER_LAUNCHER_H
#define LAUNCHER_LAUNCHER_H

#include "vmm/vm.h"

#define VIBEVMM_VERSION "0.1.0"

/* Exit statuses (docs/command.md); the guest's own status byte may be any number. */
enum {
    STATUS_RESET = 121,
    STATUS_PANIC = 122,
    STATUS_STUCK = 123,
    STATUS_TIMEOUT = 124,
    STATUS_HOST = 125,
    STATUS_IMAGE = 126,
    STATUS_FILE = 127,
    STATUS_SIGNAL = 128, /* + the signal's number */
};

/* ---- text.c: bytes to descriptors without stdio ---- */

/* A growing buffer; when memory runs out the rest is dropped and `cut` set. Zero-initialised. */
struct text {
    char *p; /* NUL-terminated once something was added */
    size_t len, cap;
    bool cut;
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_bytes(struct text *t, const char *p, size_t len);
void text_size(struct text *t,
               uint64_t bytes); /* "128 MiB"; six digits and more become "252.18 GiB" */
void text_free(struct text *t);
/* All of it to fd. 0 or -errno. */
int text_write(const struct text *t, int fd);
/* To standard output: 0, or STATUS_HOST after a message. Frees it. */
int text_print(struct text *t);

/* One line "vibevmm: ..." on standard error; the newline is added. Any thread. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Each line of t as say() would. Frees it. */
void say_text(struct text *t);
/* The message of a failed set-up; returns its exit status. */
int say_err(const struct err *err);

/* ---- opts.c: option tables ---- */

enum opt_kind {
    OPT_FLAG,   /* bool */
    OPT_TEXT,   /* const char * */
    OPT_SIZE,   /* uint64_t: bytes, or with K, M, G, T */
    OPT_ADDR,   /* uint64_t */
    OPT_UINT,   /* uint64_t */
    OPT_ATTACH, /* struct attach_list: each one given is added, with its value if it takes one */
    OPT_TIME,   /* uint64_t ns: 5s, 500ms, 1.5m; a bare number is seconds */
};

/* Options that may be given several times, in their order. */
struct attach_list {
    struct vm_attach at[VM_ATTACH_MAX];
    unsigned n;
};

struct opt {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum opt_kind kind;
    uint16_t off;    /* of the value in the caller's struct */
    uint16_t has;    /* of a bool that says it was given; 0: none */
    const char *arg; /* NULL: it takes no value */
    const char *help;
};

/* What is no option: argv entries, and those after "--". */
struct opt_rest {
    char **words;
    int n_words;
    char **after;
    int n_after;
    bool dashes;    /* "--" was there */
    uint64_t given; /* bit i: row i of the table was */
};

/*
 * Read argv[0..argc) by the table into `dst`. Words are moved to the front of argv. 0, or -EINVAL
 * with err filled.
 */
int opts_parse(const struct opt *opts, unsigned n, void *dst, int argc, char **argv,
               struct opt_rest *rest, struct err *err);

/* One option, as if the command line had it; val NULL: it has no value. */
int opt_give(const struct opt *opts, unsigned n, void *dst, const char *name, const char *val,
             struct err *err);

/* "  --mem SIZE   guest memory: ..." per row; with `man`, as roff. */
void opts_help(const struct opt *opts, unsigned n, struct text *t, bool man);

/* The word of `words` (n of them, `stride` bytes apart) nearest to `bad`, or NULL when none is
 * near. */
const char *nearest(const char *bad, const char *const *first, unsigned n, size_t stride);

/* ---- commands: argv without the command's name; each returns the exit status ---- */

struct command {
    const char *name;
    const char *args;
    const char *help;
    int (*fn)(int argc, char **argv);
};

extern const struct command commands[];
extern const unsigned n_commands;

int cmd_run(int argc, char **argv);
int cmd_boards(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* clock_mono_ns() when main() began. */
extern uint64_t launch_ns;

extern const struct opt run_options[];
extern const unsigned n_run_options;

/* man.c */
int man_print(void);
void usage_statuses(struct text *t, bool man);

/* ---- a run ---- */

struct run_opts {
    uint64_t zero; /* so that no option has offset 0: opt.has says "none" with it */
    const char *board, *engine, *soft;
    uint64_t mem, cpus;
    bool has_mem, has_cpus;
    const char *kernel, *binary, *firmware, *flash, *initrd, *append, *console, *dtb;
    uint64_t entry;
    bool has_entry;
    struct attach_list attach;
    uint64_t timeout_ns, doctor_ns;
    bool reboot, perf_map;
    uint64_t log;
    bool has_log, verbose;
    const char *report;
    const char *config;
    bool ignore_signature;
    bool help;
};

/* Everything about one run that the diagnosis and the report show. */
struct run {
    struct run_opts opts;
    const char *path;     /* of the image, however it was given */
    struct fit *fit;      /* it is an appliance */
    enum boot_peek peek;  /* what the image's first bytes say, */
    enum board_arch arch; /* and its architecture */
    struct vm_config cfg;
    char why[320];                  /* hv_choose()'s line */
    bool board_of_image;            /* it was chosen by what the image is */
    struct text append;             /* the kernel command line, when it is not the board's own */
    const struct boot_result *boot; /* NULL: not loaded */
    struct vm_result res;
    int report_fd;  /* -1: none */
    uint64_t boots; /* times the machine was started */
    struct err err; /* of a launch that failed */
    int status;
};

/* appliance.c: what an appliance says of its machine, where the command line does not. */
int appliance_apply(const struct fit *fit, uint64_t given, struct run_opts *o, struct err *err);

/* signals.c */
void signals_install(void);
/* Where a signal stops the machine; NULL: it is remembered, and stops the next one that is set. */
void signals_vm(struct vm *vm);
void signals_terminal(void); /* the terminal is raw: restore it when we crash or are stopped */
bool escape_filter(void *arg, uint8_t byte);

/* diag.c: what the guest was doing; `heading` is the first line. */
void diag_text(const struct run *run, const struct vm_result *res, const char *heading,
               struct text *t);
const char *diag_command_line(const struct run *run);
const char *exit_name(enum hv_exit_reason reason);
const char *end_name(enum vm_end end);

/* rules.c: likely causes and next steps, most certain first; constant texts, next may be NULL. */
#define RULES_SHOWN 3

struct advice {
    const char *cause, *next;
};

/* Fills out[0..RULES_SHOWN) and returns how many. */
unsigned rules_find(const struct run *run, const struct vm_result *res, struct advice *out);

/* The board's device window nearest to gpa, or to a port. */
const struct board_dev *nearest_device(const struct board *board, gpa_t gpa, bool port);
/* " (name+0x1c)" when the address has a symbol. */
void diag_symbol(const struct run *run, uint64_t pc, struct text *t);

/* What of it depends on the guest's CPU: diag_arm64.c, diag_x86.c. Registers are uint64_t at
 * offsets in struct hv_regs. */
struct diag_reg {
    const char *name;
    uint16_t off;
};

struct diag_arch {
    unsigned code_unit; /* bytes that are shown as one number: 4 or 1 */
    struct {
        const char *name;
        uint16_t off;
        unsigned n;
    } general;                    /* the general registers, an array */
    const struct diag_reg *named; /* the others that --report has */
    unsigned n_named;
    void (*state)(const struct hv_regs *regs, struct text *t); /* ends the line of the PC */
    void (*exception)(const struct run *run, const struct hv_regs *regs, struct text *t);
    void (*registers)(const struct hv_regs *regs, struct text *t);
};

extern const struct diag_arch diag_arm64, diag_x86;
const struct diag_arch *diag_arch(const struct board *board);

/* esr.c: ESR_EL1 in words. */
void esr_text(uint64_t esr, struct text *t);
bool esr_has_far(uint64_t esr);

/* report.c */
int report_open(struct run *run, struct err *err);
/* Writes run->res, run->status and the rest; returns the status, worse when the file cannot be
 * written. */
int report_write(struct run *run);

#endif
