// SPDX-License-Identifier: MIT
/*
 * vm.h - a machine: board + image + engine, from its parts to its end.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include "vmm/board.h"
#include "vmm/boot.h"
#include "vmm/err.h"
#include "vmm/hv.h"
#include "vmm/walk.h"

/* Why a machine ended. The launcher makes the exit status of it (DESIGN §6). */
enum vm_end {
    VM_END_NONE,    /* it runs */
    VM_END_OFF,     /* power-off; status is the guest's byte */
    VM_END_RESET,   /* the guest asked for a reset */
    VM_END_PANIC,   /* the guest reported a panic */
    VM_END_STUCK,   /* it cannot go on: what says why */
    VM_END_TIMEOUT, /* --timeout */
    VM_END_SIGNAL,  /* vm_stop() by a signal; code is its number */
    VM_END_OUTPUT,  /* stdout refused a byte; code is the errno */
    VM_END_QUIT,    /* ^A x on the terminal */
    VM_END_FAIL,    /* the engine failed: what says why */
    VM_END_HOST,    /* a program of the host that a device needs failed: what says why */
};

/* Launch phases (DESIGN §7), clock_mono_ns() times; 0: not reached. */
enum vm_phase {
    VM_PHASE_EXEC,   /* the process began (from the host's record of it where there is one) */
    VM_PHASE_PARSE,  /* options read */
    VM_PHASE_BOARD,  /* RAM reserved, devices made */
    VM_PHASE_LOAD,   /* image in memory */
    VM_PHASE_DTB,    /* device tree in memory */
    VM_PHASE_ENGINE, /* VM and first vCPU made */
    VM_PHASE_FIRST_INSN,
    VM_PHASE_FIRST_BYTE,
    VM_PHASE_END,
    VM_PHASES
};

extern const char *const vm_phase_names[VM_PHASES]; /* "exec", "parse", ... */

struct vm_result;

/* One attachment, in the order of the board's virtio windows: option and text as given. */
#define VM_ATTACH_MAX 32

struct vm_attach {
    const char *option; /* "disk", "net", "rng"...: without the dashes */
    const char *spec;   /* NULL for an option that takes no value */
};

struct vm_config {
    const struct board *board;
    const struct hv_ops *engine;
    struct hv_caps caps;
    enum hv_soft soft; /* as in hv_config */
    bool perf_map;
    unsigned cpus; /* 1..board->cpus_max */
    uint64_t mem;  /* bytes, a multiple of 4 KiB, board->mem_min..board_mem_max() */
    /* As in boot_params: */
    const char *image, *binary, *firmware;
    const struct fit *fit; /* must outlive the vm */
    bool has_entry;
    gpa_t entry;
    const char *initrd;
    const char *append;             /* kernel command line; NULL: the board's */
    const char *dtb;                /* device-tree file instead of the board's; NULL: none */
    const struct vm_attach *attach; /* n_attach of them */
    unsigned n_attach;
    const char *flash_file; /* second flash bank, read and written back; NULL: in memory */
    void (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total);
    void *progress_ctx;
    int in_fd, out_fd; /* the console; in_fd -1: no input */
    /* Which of the guest's devices has that console: the board's UART; a virtio console, attached
     * as "console", or nothing. Then the UART's bytes go to aside_fd, or nowhere (-1). */
    bool console_aside;
    int aside_fd;
    /* Terminal input passes here byte by byte (the ^A escape); false swallows the byte. NULL: all
     * pass. */
    bool (*input_filter)(void *arg, uint8_t byte);
    uint64_t timeout_ns; /* 0: none; from vm_run() */
    uint64_t
        silent_ns; /* 0: off; else silent() is called once when no console byte came in that time */
    void (*silent)(void *ctx, const struct vm_result *so_far);
    void *ctx;          /* for input_filter and silent */
    uint64_t phases[2]; /* VM_PHASE_EXEC and VM_PHASE_PARSE, for the report */
};

#define VM_LAST_EXITS   16
#define VM_UNMAPPED_MAX 8
#define VM_ODD_MAX      8

struct vm_unmapped {
    gpa_t gpa; /* of the first access; later ones within the same 4 KiB are counted with it. A
                  port, with `port`; then each is counted apart */
    uint64_t pc;
    uint64_t count;
    uint8_t size;
    bool write, port;
};

/* What was attached, and what became of it. */
struct vm_device_note {
    const char *window; /* "virtio0" */
    struct vm_attach attach;
    bool driven;                   /* the guest's driver has set it up */
    uint64_t notifies, interrupts; /* exits of the guest to it, and back */
};

struct vm_exit_note {
    struct hv_exit exit;
    uint64_t pc; /* 0 when the engine was not asked */
};

/* What happened: the end, and what the diagnosis and --report show. */
struct vm_result {
    enum vm_end end;
    uint8_t status; /* VM_END_OFF */
    int code;       /* VM_END_SIGNAL, VM_END_OUTPUT */
    char what[160]; /* VM_END_STUCK, VM_END_FAIL, VM_END_HOST: one sentence */
    uint64_t phases[VM_PHASES];
    uint64_t bytes_out;
    uint64_t exits[HV_EXIT_REASONS]; /* all vCPUs */
    unsigned cpu;                    /* the vCPU below: the one that ended it, else 0 */
    bool has_regs;
    struct hv_regs regs;
    char symbol[96];                         /* of regs.pc; "" when unknown */
    struct vm_exit_note last[VM_LAST_EXITS]; /* oldest first; n_last of them; of `cpu` */
    unsigned n_last;
    struct vm_unmapped unmapped[VM_UNMAPPED_MAX];
    unsigned n_unmapped;
    uint64_t unmapped_total;
    struct hv_odd_sysreg odd[VM_ODD_MAX];
    unsigned n_odd;
    struct vm_device_note devices[VM_ATTACH_MAX];
    unsigned n_devices;
    uint64_t bus_odd;       /* accesses of a size their device does not take */
    uint8_t code_bytes[16]; /* at regs.pc, when it translates to RAM: n_code of them */
    unsigned n_code;
    struct walk pc_walk; /* where regs.pc leads */
    uint64_t fault;      /* address of the last memory fault (FAR_EL1, CR2); 0: none */
    struct walk fault_walk;
};

struct vm;

/*
 * Build the machine and load the image. On failure 0 is not returned, err says why, *vm is NULL.
 * `config` is copied; the strings and the board it points to must outlive the vm.
 */
int vm_new(struct vm **vm, const struct vm_config *config, struct err *err);
void vm_free(struct vm *vm);

/* Run until the end, with vCPU 0 on the calling thread. Once per vm. */
void vm_run(struct vm *vm, struct vm_result *result);

/* Ask the machine to end, from any thread or a signal handler. The first reason given is the one
 * kept. */
void vm_stop(struct vm *vm, enum vm_end end, int code);

/*
 * Ask every vCPU to stop between two instructions, with its registers complete, or to go on. The
 * guest's timers and --timeout count on, and what arrives for its devices waits. A vCPU that is in
 * a write to a full pipe stops when that ends. Repeats change nothing. Any thread.
 */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
bool vm_is_paused(const struct vm *vm); /* was it asked for? */

/*
 * Wait until every vCPU has stopped after vm_pause(), or the machine has ended: false then. Until
 * vm_resume() nothing changes registers; one caller at a time, never a vCPU's thread.
 */
bool vm_pause_wait(struct vm *vm);

/* Press the power key (a PL061 pin where the board has one); false when it has none. Any thread. */
bool vm_power_key(struct vm *vm);

/* What was loaded, valid until vm_free(). */
const struct boot_result *vm_boot(const struct vm *vm);

#endif
