// SPDX-License-Identifier: MIT
/*
 * hv.h - the contract of an engine: what runs vCPUs.
 *
 * run() returns by value what happened and calls no device; src/vm/vcpu.c is the only loop that
 * acts on it. A vCPU is made, run and asked for registers on one thread, its own
 * (Hypervisor.framework needs that); kick() and set_line() come from any thread.
 */
#ifndef VMM_HV_H
#define VMM_HV_H

#include "vmm/base.h"
#include "vmm/board.h"
#include "vmm/err.h"
#include "vmm/start.h"

struct hv_vm;
struct hv_vcpu;

enum hv_exit_reason {
    HV_EXIT_KICK,   /* kick() was called, or a host signal came: nothing happened to the guest */
    HV_EXIT_MMIO,   /* an access outside RAM; a load waits for complete() */
    HV_EXIT_PIO,    /* x86: an access to an I/O port; a load waits for complete() */
    HV_EXIT_SYSREG, /* ARM64: access to a register of the GIC CPU interface; a read waits for
                       complete() */
    HV_EXIT_CALL, /* ARM64: HVC or SMC by the SMC calling convention; x0..x3 by get_regs, answer by
                     set_regs */
    HV_EXIT_WAIT, /* the vCPU has nothing to do until deadline_ns, an interrupt or a kick */
    HV_EXIT_SEMIHOST, /* ARM64 soft: HLT #0xf000; x0 is the operation, x1 its argument */
    HV_EXIT_OFF, /* the engine's own PSCI: the machine is off, or asks for a reset, or panicked */
    HV_EXIT_RESET,
    HV_EXIT_PANIC,
    HV_EXIT_STUCK, /* the guest cannot go on: see stuck.what */
    HV_EXIT_FAIL,  /* the engine cannot: see fail.what */
    HV_EXIT_REASONS
};

/* ARM64 system register: the MRS/MSR encoding, op0:op1:CRn:CRm:op2 (Arm ARM DDI 0487J.a C5.1.2). */
#define HV_SYSREG(op0, op1, crn, crm, op2)                                                         \
    ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

struct hv_exit {
    enum hv_exit_reason reason;
    union {
        struct {
            gpa_t gpa;
            uint64_t val; /* of a store, in the low `size` bytes */
            uint8_t size; /* 1, 2, 4, 8 */
            bool write;
        } mmio, pio; /* of pio, gpa is the port, and size is at most 4 */
        struct {
            uint32_t reg; /* HV_SYSREG() */
            uint64_t val; /* of a write */
            bool write;
        } sysreg;
        struct {
            bool smc; /* by SMC, else by HVC */
        } call;
        struct {
            uint64_t deadline_ns; /* clock_mono_ns() time of the next timer interrupt; UINT64_MAX:
                                     none */
        } wait;
        struct {
            const char *what; /* constant text: "exception loop at the vector" */
            uint64_t detail[2];
        } stuck, fail;
    };
};

enum hv_line { HV_LINE_IRQ, HV_LINE_FIQ };

/* x86 segment registers, in the order of their encoding (Intel SDM vol. 2, table B-8). */
enum hv_seg { HV_ES, HV_CS, HV_SS, HV_DS, HV_FS, HV_GS, HV_SEGS };

/* Registers that a debugger, a diagnosis and PSCI need; which half, the board's arch says. */
struct hv_regs {
    uint64_t pc; /* a linear address: on x86 CS's base + RIP */
    union {
        struct { /* ARM64 */
            uint64_t x[31];
            uint64_t sp;
            uint64_t pstate; /* SPSR layout (Arm ARM C5.2.18) */
            /* Read-only for set_regs(): exception state for the diagnosis. */
            uint64_t sctlr, tcr, ttbr0, ttbr1, vbar, esr, elr, far_, spsr;
        };
        struct {
            uint64_t gpr[16]; /* in the order of their encoding: rax, rcx, rdx, rbx, rsp, rbp, rsi,
                                 rdi, r8..r15 */
            uint64_t rip, rflags;
            /* Read-only for set_regs(). */
            uint64_t cr0, cr2, cr3, cr4, efer;
            uint64_t gdt_base, idt_base, tr_base;
            uint64_t base[HV_SEGS];
            uint16_t sel[HV_SEGS];
            uint16_t gdt_limit, idt_limit;
        } x86;
    };
};

/*
 * The whole state of an ARM64 vCPU, register by register: for what saves, moves or compares it.
 * `kind` and `num` mean the same on every engine; `id` is the engine's own name for the register.
 */
enum hv_state_kind {
    HV_STATE_CORE,   /* num: 0..30 X, and enum hv_state_core */
    HV_STATE_VECTOR, /* num: 0..31 V (16 bytes), HV_STATE_FPSR, HV_STATE_FPCR */
    HV_STATE_SYSREG, /* num: HV_SYSREG() */
    HV_STATE_ENGINE, /* what only this engine has; num: its order */
};

enum hv_state_core {
    HV_STATE_SP_EL0 = 31,
    HV_STATE_PC,
    HV_STATE_PSTATE,
    HV_STATE_SP_EL1,
    HV_STATE_ELR_EL1,
    HV_STATE_SPSR_EL1, /* and, of AArch32: abt, und, irq, fiq */
};

enum hv_state_vector { HV_STATE_FPSR = 32, HV_STATE_FPCR };

#define HV_STATE_MAX 1024 /* more than any CPU has */

struct hv_state_reg {
    uint64_t id;
    enum hv_state_kind kind;
    uint32_t num;
    uint8_t size;    /* bytes: 4, 8 or 16 */
    uint64_t val[2]; /* of 16 bytes, the low half first */
};

/* What an engine can, asked once. */
struct hv_caps {
    bool irqchip; /* brings its own interrupt controller and timers: no model of them is made */
    bool gicv2; /* that one is a GICv2: its CPU interface is where the board's redistributors are */
    /*
     * Handles PSCI (HV_EXIT_OFF/RESET instead of HV_EXIT_CALL), or INIT and SIPI, itself. Every
     * vCPU is made and run from the start; reset() is for vCPU 0 only, the others wait in run()
     * until the guest starts them.
     */
    bool starts_cpus;
    unsigned cpus_max;
};

/* How the software CPU executes instructions. */
enum hv_soft {
    HV_SOFT_AUTO, /* the JIT where there is one */
    HV_SOFT_INTERP,
    HV_SOFT_JIT,    /* x86-64 hosts */
    HV_SOFT_SHADOW, /* the JIT, each piece of its code checked against the interpreter */
};

struct hv_config {
    const struct board *board;
    unsigned cpus;
    enum hv_soft soft; /* for the engine that has a choice */
    bool perf_map;     /* tell the host's perf about translated code */
    /*
     * Timer outputs of a vCPU whose engine has no irqchip: PPI 11 (virtual) and 14 (physical), i.e.
     * INTID 27 and 30. Called on the vCPU's thread.
     */
    void (*timer_line)(void *ctx, unsigned cpu, unsigned intid, bool level);
    /*
     * Such an engine asks for timer_due() at deadline_ns (clock_mono_ns(); UINT64_MAX: no more), so
     * that a running vCPU sees its timer fire. Called on the vCPU's thread; asking again moves the
     * deadline.
     */
    void (*timer_arm)(void *ctx, unsigned cpu, uint64_t deadline_ns);
    void *ctx;
};

/* Counters an engine keeps for the diagnosis: what it met that it does not know. */
struct hv_odd_sysreg {
    uint32_t reg; /* HV_SYSREG() */
    uint32_t count;
    uint64_t pc; /* of the first access */
    bool write;
};

struct hv_ops {
    const char *name; /* "kvm", "hvf", "soft" */
    /* Can it run guests of this architecture here? 0, or -errno with the reason and the next step
     * in err. */
    int (*probe)(enum board_arch arch, struct hv_caps *caps, struct err *err);

    int (*vm_new)(struct hv_vm **vm, const struct hv_config *config, struct err *err);
    void (*vm_free)(struct hv_vm *vm); /* every vCPU was freed before */
    /*
     * Make host memory visible to the guest: RAM, or with `rom` memory that reads and executes
     * directly while a store exits as MMIO. unmap() takes away a whole window that map() made;
     * accesses then exit. RAM is mapped before the first vCPU runs; a ROM comes and goes at any
     * time, from any thread.
     */
    int (*map)(struct hv_vm *vm, gpa_t gpa, void *hva, uint64_t size, bool rom, struct err *err);
    void (*unmap)(struct hv_vm *vm, gpa_t gpa, uint64_t size);
    /* The host wrote RAM: drop what was derived from the bytes (mem_written). Any thread. */
    void (*ram_written)(struct hv_vm *vm, gpa_t gpa, uint64_t len);
    /* Drive an input of the engine's own interrupt controller, by the number that board rows have
     * (SPI, GSI); repeat freely. Any thread. NULL without irqchip. */
    void (*set_irq)(struct hv_vm *vm, unsigned irq, bool level);

    int (*vcpu_new)(struct hv_vm *vm, unsigned index, struct hv_vcpu **vcpu, struct err *err);
    void (*vcpu_free)(struct hv_vcpu *vcpu);
    struct hv_exit (*run)(struct hv_vcpu *vcpu);
    void (*complete)(struct hv_vcpu *vcpu,
                     uint64_t val);     /* the value of an MMIO load or sysreg read */
    void (*kick)(struct hv_vcpu *vcpu); /* the next or running run() returns HV_EXIT_KICK */
    void (*set_line)(struct hv_vcpu *vcpu, enum hv_line line, bool level);
    void (*timer_due)(
        struct hv_vcpu *vcpu); /* timer_arm()'s deadline has come; any thread. NULL with irqchip */
    /* Would run() go on: an interrupt line is up or a timer has fired? For a vCPU in HV_EXIT_WAIT;
     * any thread. */
    bool (*runnable)(struct hv_vcpu *vcpu);
    void (*get_regs)(struct hv_vcpu *vcpu, struct hv_regs *regs);
    void (*set_regs)(struct hv_vcpu *vcpu, const struct hv_regs *regs);
    /*
     * Every register of the vCPU, at most `max`, in an order that set_state() takes: how many were
     * stored, or -errno. While a load waits for complete(), the state is that before the load.
     * NULL: this engine has not that.
     */
    int (*get_state)(struct hv_vcpu *vcpu, struct hv_state_reg *out, unsigned max);
    /*
     * What get_state() gave, here or on another vCPU of the same engine and host: 0, or -errno with
     * err naming the first register that is refused, those before it set. NULL: not that.
     */
    int (*set_state)(struct hv_vcpu *vcpu, const struct hv_state_reg *regs, unsigned n,
                     struct err *err);
    /* Power-on state, and then as `start` says. */
    void (*reset)(struct hv_vcpu *vcpu, const struct cpu_start *start);
    /* Unknown system registers met so far, at most `max`; returns how many were stored. */
    unsigned (*odd_sysregs)(struct hv_vcpu *vcpu, struct hv_odd_sysreg *out, unsigned max);
};

extern const struct hv_ops
    *const hv_engines[]; /* in the order `auto` tries them, NULL at the end */

/*
 * The engine for `name` ("auto" or one of the table). `why` (of `why_len` bytes) receives one line:
 * which was taken and why not the ones before it. A named engine never falls back: -errno with err
 * filled.
 */
int hv_choose(const char *name, enum board_arch arch, const struct hv_ops **ops,
              struct hv_caps *caps, char *why, size_t why_len, struct err *err);

#endif
