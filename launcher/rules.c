// SPDX-License-Identifier: MIT
/*
 * rules.c - from symptoms to likely causes: a table of predicates over what a run left behind.
 *
 * The order is the order of certainty; the first few that hold are shown. A cause is a sentence
 * about the guest, a next step is something to type.
 */
#include "launcher.h"

#include <stdlib.h>

#define VECTORS_LEN 0x800 /* sixteen entries of 0x80 bytes: Arm ARM DDI 0487J.a D1.3.1 */

struct facts {
    const struct run *run;
    const struct boot_result *boot; /* not NULL */
    const struct board *board;
    const struct vm_result *res;
    const struct hv_regs *regs; /* NULL: not known */
};

static bool in_ram(const struct facts *f, gpa_t gpa)
{
    uint64_t left = f->run->cfg.mem;
    for (unsigned i = 0; i < f->board->n_ram && left; i++) {
        uint64_t size = MIN(left, f->board->ram[i].size);
        if (gpa >= f->board->ram[i].base && gpa - f->board->ram[i].base < size)
            return true;
        left -= size;
    }
    return false;
}

/* Inside a RAM window of the board, but past what --mem fills. */
static bool in_absent_ram(const struct facts *f, gpa_t gpa)
{
    for (unsigned i = 0; i < f->board->n_ram; i++)
        if (gpa >= f->board->ram[i].base && gpa - f->board->ram[i].base < f->board->ram[i].size)
            return !in_ram(f, gpa);
    return false;
}

static bool in_image(const struct facts *f, uint64_t pc)
{
    return pc >= f->boot->load_gpa && pc - f->boot->load_gpa < f->boot->load_len;
}

static bool is_triple_fault(const struct facts *f)
{
    return f->board->arch == ARCH_X86_64 && f->regs && !strncmp(f->res->what, "triple fault", 12);
}

/* An AMD CPU keeps nothing over a triple fault: KVM shows the state of a reset (AMD APM vol. 2
 * §15.14.3 and table 14-1). */
static bool state_lost(const struct facts *f)
{
    return is_triple_fault(f) && f->regs->x86.rip == 0xfff0 &&
           f->regs->x86.base[HV_CS] == 0xffff0000;
}

static bool pc_nowhere(const struct facts *f)
{
    return f->regs && !state_lost(f) &&
           (!f->res->pc_walk.mapped ||
            (!in_ram(f, f->res->pc_walk.gpa) && f->boot->kind != IMAGE_FIRMWARE));
}

static bool exception_taken(const struct facts *f)
{
    return f->board->arch == ARCH_ARM64 && f->regs &&
           (f->regs->esr || f->regs->elr || f->regs->spsr);
}

static bool is_linux(const struct facts *f)
{
    return f->boot->kind == IMAGE_ARM64 || f->boot->kind == IMAGE_BZIMAGE;
}

/* Of what kind the board's console is: Linux has a name for each. */
static bool console_is(const struct facts *f, enum dev_kind kind)
{
    const struct board_dev *d = board_dev_find(f->board, f->board->console);
    return d && d->kind == kind;
}

static bool has_word(const struct facts *f, const char *word)
{
    return strstr(diag_command_line(f->run), word);
}

/* ---- predicates ---- */

/* The first fault was taken at EL1 before the guest set VBAR_EL1: the PC is in a table at 0. */
static bool no_vectors(const struct facts *f)
{
    return exception_taken(f) && f->regs->vbar == 0 && f->regs->pc < VECTORS_LEN &&
           !in_image(f, f->regs->pc);
}

/*
 * The guest runs where it was not loaded. When ELR is in the image the fault is that instruction's;
 * an ELR outside, or in the missing vector table by now, comes of a jump to the address it was
 * linked for.
 */
static bool raw_elsewhere(const struct facts *f)
{
    return f->boot->kind == IMAGE_RAW && (pc_nowhere(f) || no_vectors(f)) &&
           !in_image(f, f->regs->pc) &&
           (f->board->arch != ARCH_ARM64 || !in_image(f, f->regs->elr));
}

static bool elf_elsewhere(const struct facts *f)
{
    return f->boot->kind == IMAGE_ELF && pc_nowhere(f);
}

static bool kernel_elsewhere(const struct facts *f)
{
    return (is_linux(f) || f->boot->kind == IMAGE_FIRMWARE) && pc_nowhere(f);
}

/* The first instruction was already none: what runs is not A64 code. */
static bool not_a64(const struct facts *f)
{
    return exception_taken(f) && bits_get(f->regs->esr, 26, 6) == 0 && in_image(f, f->regs->elr) &&
           f->regs->elr - f->boot->load_gpa < 64 && f->boot->kind == IMAGE_RAW;
}

static bool runs_zeros(const struct facts *f)
{
    for (unsigned i = 0; i < f->res->n_code; i++)
        if (f->res->code_bytes[i])
            return false;
    return f->res->n_code >= 8;
}

static bool more_memory(const struct facts *f)
{
    for (unsigned i = 0; i < f->res->n_unmapped; i++)
        if (in_absent_ram(f, f->res->unmapped[i].gpa))
            return true;
    return exception_taken(f) && esr_has_far(f->regs->esr) && !(f->regs->sctlr & 1) &&
           in_absent_ram(f, f->regs->far_);
}

static bool vector_loop(const struct facts *f)
{
    return exception_taken(f) && f->regs->vbar && f->regs->pc >= f->regs->vbar &&
           f->regs->pc - f->regs->vbar < VECTORS_LEN;
}

static bool sleeps_masked(const struct facts *f)
{
    if (f->board->arch != ARCH_ARM64 || !f->regs || !f->res->n_last ||
        (f->regs->pstate & (BIT(7) | BIT(6))) != (BIT(7) | BIT(6)))
        return false;
    const struct hv_exit *e = &f->res->last[f->res->n_last - 1].exit;
    return (e->reason == HV_EXIT_WAIT && e->wait.deadline_ns == UINT64_MAX) ||
           (f->res->end == VM_END_STUCK && f->res->exits[HV_EXIT_WAIT]);
}

static bool loader_hint(const struct facts *f)
{
    return f->boot->hint;
}

/* Linux knows no driver for the debug console. */
static bool linux_on_debugcon(const struct facts *f)
{
    return is_linux(f) && !f->res->bytes_out && console_is(f, DEV_DEBUGCON);
}

static bool linux_other_console(const struct facts *f)
{
    return is_linux(f) && !f->res->bytes_out && has_word(f, "console=") &&
           !has_word(f, console_is(f, DEV_UART16550) ? "console=ttyS0" : "console=ttyAMA0");
}

static bool linux_not_ttyama0(const struct facts *f)
{
    return linux_other_console(f) && console_is(f, DEV_PL011);
}

static bool linux_not_ttys0(const struct facts *f)
{
    return linux_other_console(f) && console_is(f, DEV_UART16550);
}

/* The device tree's stdout-path names a console too, but one of --dtb need not have it. */
static bool linux_no_console(const struct facts *f)
{
    return is_linux(f) && !f->res->bytes_out && !has_word(f, "console=") &&
           !has_word(f, "earlycon");
}

static bool linux_quiet(const struct facts *f)
{
    return is_linux(f) && !f->res->bytes_out && !has_word(f, "earlycon") && !linux_other_console(f);
}

static bool linux_no_root(const struct facts *f)
{
    return is_linux(f) && f->res->bytes_out && !f->boot->initrd_len && !has_word(f, "root=") &&
           f->res->end != VM_END_NONE;
}

static bool other_board(const struct facts *f)
{
    return f->res->unmapped_total > 0;
}

static bool unknown_registers(const struct facts *f)
{
    return f->res->n_odd > 0;
}

static bool no_device_tree(const struct facts *f)
{
    return f->board->dtb && !f->boot->has_dtb && !f->res->bytes_out;
}

/* Linux runs, and has set up none of what was attached. */
static bool linux_no_virtio(const struct facts *f)
{
    for (unsigned i = 0; i < f->res->n_devices; i++)
        if (f->res->devices[i].driven)
            return false;
    return is_linux(f) && f->res->bytes_out && f->res->n_devices;
}

static bool silent_busy(const struct facts *f)
{
    return f->res->end != VM_END_STUCK && !f->res->bytes_out && !f->res->exits[HV_EXIT_MMIO] &&
           !f->res->exits[HV_EXIT_WAIT] && !f->res->exits[HV_EXIT_PIO];
}

/* x86: an exception that finds no handler becomes a triple fault. */
static bool no_interrupt_table(const struct facts *f)
{
    return is_triple_fault(f) && !state_lost(f) && !pc_nowhere(f) && f->regs->x86.idt_limit < 8;
}

static bool triple_fault(const struct facts *f)
{
    return is_triple_fault(f) && !state_lost(f) && f->regs->x86.idt_limit >= 8;
}

static const struct rule {
    bool (*holds)(const struct facts *f);
    const char *cause, *next; /* NULL: the loader's hint */
} rules[] = {
    {loader_hint,        NULL,                                                                    NULL                                                                                       },
    {raw_elsewhere,
     "the code jumped to an address where it is not loaded: a raw image that is not position "
     "independent was put at another address than it was linked for",                             "give its link address as --entry, or boot its ELF file, which says where it belongs"      },
    {not_a64,
     "the first instructions are no A64 code: the image is for another architecture, "
     "is packed, or begins with data",                                                            "look at it with file(1) and objdump -D -b binary -m aarch64"                              },
    {no_vectors,
     "an exception came before the guest had set a vector table (VBAR_EL1 is 0); the exception "
     "line above says which, at ELR",                                                             "look at the instruction at ELR: FP needs CPACR_EL1.FPEN, devices must be this board's "
     "(vibevmm boards NAME --map)"                                                                                                                      },
    {elf_elsewhere,
     "the guest jumped to an address with no memory: a null function pointer, or an ELF linked for "
     "another board",                                                                             "compare readelf -l with vibevmm boards NAME --map"                                        },
    {kernel_elsewhere,   "the guest jumped to an address with no memory behind it",
     "look at x30, the last return address, in the registers above"                                                                                                                          },
    {more_memory,        "the guest uses memory beyond what this run gives it",                   "raise --mem"                                                                              },
    {runs_zeros,
     "the PC is in memory that is all zeros: the guest jumped past its code, or the image is cut "
     "short or at a wrong address",                                                               "check the file's size and --entry"                                                        },
    {vector_loop,
     "the guest's own exception handler faults, or it waits there on purpose after an error; ESR "
     "and ELR above tell the last fault",                                                         "look up ELR in the guest's symbols"                                                       },
    {sleeps_masked,
     "the guest waits for an interrupt with interrupts masked and no timer set: "
     "nothing can wake it",                                                                       "if this is its way to end, let it power off by PSCI or the sysctl device instead"         },
    {linux_on_debugcon,  "Linux has no driver for this board's console",                          "use --board virt"                                                                         },
    {state_lost,
     "an exception came while the CPU could not deliver the one before. This host's CPU forgets "
     "the registers then: those above are the ones of a reset",                                   "print from the guest's handlers, or look at the last device accesses: --log 4"            },
    {no_interrupt_table, "an exception came before the guest had an interrupt table (IDT)",
     "look at the instruction at the PC: a page not mapped, or SSE before CR4.OSFXSR"                                                                                                        },
    {triple_fault,
     "an exception whose handler faults too: the handler, its stack or the interrupt table is not "
     "mapped",                                                                                    "compare the interrupt table's address and CR2 with the guest's page tables"               },
    {linux_not_ttys0,    "the kernel command line names a console that this board does not have",
     "its 16550 is console=ttyS0"                                                                                                                                                            },
    {linux_not_ttyama0,  "the kernel command line names a console that this board does not have",
     "its PL011 is console=ttyAMA0"                                                                                                                                                          },
    {linux_no_console,   "the kernel command line names no console, so Linux may print nothing",
     "add console=ttyAMA0 (board pc: ttyS0), and earlycon to see the first lines, by --append"                                                                                               },
    {no_device_tree,     "the image fills the start of RAM, so the guest got no device tree",
     "link the image higher in RAM"                                                                                                                                                          },
    {linux_quiet,        "Linux stopped before its console was up",                               "add earlycon by --append"                                                                 },
    {other_board,
     "the guest uses addresses where this board has nothing: it is made for another board",       "compare the unmapped addresses with vibevmm boards NAME --map, and choose another --board"},
    {unknown_registers,  "the guest uses system registers that this CPU does not have",
     "build the guest for ARMv8.0-A"                                                                                                                                                         },
    {linux_no_virtio,
     "the kernel has set up none of the devices that were attached: it has no driver for "
     "virtio-mmio, or has not loaded it",                                                         "build it with CONFIG_VIRTIO_MMIO and the devices' drivers, or load them in the initramfs: "
     "modprobe virtio_mmio"                                                                                                                         },
    {linux_no_root,      "Linux got no root file system: neither --initrd nor root= was given",
     "give an initramfs by --initrd"                                                                                                                                                         },
    {silent_busy,        "the guest computes without touching a device: a long start, or a loop",
     "run it with --log 4, or look up the PC in its symbols"                                                                                                                                 },
};

unsigned rules_find(const struct run *run, const struct vm_result *res, struct advice *out)
{
    struct facts f = {
        .run = run,
        .boot = run->boot,
        .board = run->cfg.board,
        .res = res,
        .regs = res->has_regs ? &res->regs : NULL,
    };
    unsigned n = 0;
    for (unsigned i = 0; i < ARRAY_LEN(rules) && f.boot && n < RULES_SHOWN; i++)
        if (rules[i].holds(&f))
            out[n++] =
                (struct advice){rules[i].cause ? rules[i].cause : f.boot->hint, rules[i].next};
    return n;
}
