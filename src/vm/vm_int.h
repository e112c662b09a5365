// SPDX-License-Identifier: MIT
/*
 * vm_int.h - what the files of src/vm/ share: the machine and its vCPUs.
 *
 * Threads: vCPU n runs on its own thread (vCPU 0 on the caller of vm_run); the I/O thread of
 * vmm/host.h exists once something is watched. `lock` guards the PSCI states and the diagnosis
 * tables.
 */
#ifndef VM_INT_H
#define VM_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "vmm/bus.h"
#include "vmm/host.h"
#include "vmm/hv.h"
#include "vmm/irq.h"
#include "vmm/mem.h"
#include "vmm/park.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

#define VM_DEVS_MAX    64
#define VM_CPUS_MAX    8
#define VM_FLASH_BANKS 2

/* PSCI affinity states, with the values AFFINITY_INFO returns (PSCI DEN 0022F §5.1.5). */
enum vcpu_state { VCPU_ON = 0, VCPU_OFF = 1, VCPU_ON_PENDING = 2 };

struct vcpu {
    struct vm *vm;
    unsigned index;
    struct hv_vcpu *_Atomic hv; /* made on the vCPU's thread; NULL before */
    pthread_t thread;
    bool has_thread;        /* under vm->lock; vCPU 0 never has one */
    _Atomic bool runs;      /* `thread` is alive, in vcpu_main() */
    enum vcpu_state state;  /* under vm->lock */
    struct cpu_start start; /* where it begins; under vm->lock */
    struct park park;       /* while it waits for an interrupt or for CPU_ON */
    _Atomic bool waits;     /* in HV_EXIT_WAIT */
    _Atomic uint8_t lines;  /* bit per enum hv_line: what was driven, also before hv exists */
    struct loop_timer timer;
    uint64_t exits[HV_EXIT_REASONS];
    struct vm_exit_note last[VM_LAST_EXITS]; /* ring; the newest is at n_last - 1, modulo */
    uint64_t n_last;
};

/* A flash bank's host memory, made only when something fills it. */
struct vm_flash {
    struct vm *vm;
    const struct board_dev *row;
    uint8_t *mem;
    int fd; /* of the file behind it; -1: none */
};

struct vm_alarm {
    struct loop *loop;
    struct loop_timer timer;
};

/* In an order in which what every launch writes lies on few pages: each costs a fault. */
struct vm {
    struct console con; /* the machine's: standard input and output */
    struct vm_config cfg;
    struct guest_mem mem;
    struct bus bus;
    struct dev *devs[VM_DEVS_MAX];
    unsigned n_devs;
    struct dev *gic; /* NULL when the engine brings its own */
    /* The console when it is a PL011, and the PL061 of the power key; their functions are here so
     * that a build for one board links no device the board does not name. */
    struct dev *uart;
    const struct board_dev *uart_row;
    struct bus *uart_bus;
    void (*uart_idle)(struct dev *uart);
    void (*uart_tick)(struct dev *uart);
    bool (*uart_waits)(struct dev *uart);
    struct dev *gpio;
    const struct board_dev *gpio_row;
    void (*gpio_set)(struct dev *gpio, unsigned pin, bool level);
    struct vm_flash flash[VM_FLASH_BANKS];
    unsigned n_flash;
    struct virtio *attached[VM_ATTACH_MAX]; /* in virtio windows, in their order, */
    unsigned attached_as[VM_ATTACH_MAX];    /* and which of config's each was asked for by */
    unsigned n_attached, next_attach;       /* next_attach: of config's */
    struct vm_port *streams[VM_ATTACH_MAX]; /* the host ends of named streams */
    unsigned n_streams;
    _Atomic int lost; /* see vm_result */
    struct dev *slot; /* behind every virtio window that is left empty */
    struct loop *loop;
    struct hv_vm *hv;
    struct boot_result boot;
    bool has_boot;
    uint64_t phases[VM_PHASES];
    pthread_mutex_t lock;
    _Atomic uint64_t stop;      /* enum vm_end in bits 7..0, code above; 0 while it runs */
    _Atomic bool paused;        /* vCPUs are to stay out of run() */
    _Atomic unsigned n_active;  /* vCPUs that are on and not stopped by a pause */
    struct park pauser;         /* who waits for n_active to be 0 */
    struct park drain;          /* who waits for the guest's last bytes to be written, */
    _Atomic uint64_t cut;       /* and why that is not waited for, as `stop` */
    _Atomic unsigned n_on;      /* vCPUs that are on */
    _Atomic unsigned n_waiting; /* of those, in HV_EXIT_WAIT */
    _Atomic bool want_report;   /* silent() waits to be called on vCPU 0's thread */
    unsigned end_cpu;           /* who ended it; under lock, as are the rest */
    char what[160];
    unsigned n_unmapped;
    uint64_t unmapped_total;
    struct loop_timer timeout, silent, pace, key, alarm;
    _Atomic bool pacing;
    struct vcpu vcpus[VM_CPUS_MAX];
    struct bus ports;                      /* x86 */
    struct vm_alarm alarms[VM_ATTACH_MAX]; /* of the attached that want one */
    struct vm_unmapped unmapped[VM_UNMAPPED_MAX];
    struct console aside; /* of the board's UART when a virtio console is the machine's */
};

/* devices.c: make and map every device of the board; release them. */
int vm_devices_new(struct vm *vm, struct err *err);
void vm_devices_free(struct vm *vm);
/* Give the flash banks their memory, for --firmware and --flash; no-op when neither is used. */
int vm_flash_open(struct vm *vm, struct err *err);
int vm_flash_map(struct vm *vm, struct err *err);

/* attach.c: are there windows enough? Then, window by window, by address. */
int attach_check(const struct vm_config *c, struct err *err);
int attach_new(struct vm *vm, const struct board_dev *row, struct irq_line irq, struct dev **dev,
               struct err *err);

/* attach_console.c: the console and the named streams: bytes that the host has had, and when it had
 * the first (0: none yet). Close the host ends; after the devices. */
uint64_t vm_bytes_out(struct vm *vm);
uint64_t vm_first_byte(struct vm *vm);
void vm_ports_free(struct vm *vm);

/* vcpu.c */
extern _Thread_local struct vcpu *vcpu_self; /* whose thread this is; NULL on other threads */
void *vcpu_main(void *vcpu);
void vcpu_line(void *vm, unsigned cpu, bool fiq, bool level);
void vcpu_timer_line(void *vm, unsigned cpu, unsigned intid, bool level);
void vcpu_timer_arm(void *vm, unsigned cpu, uint64_t deadline_ns);
void vcpu_wake(struct vcpu *v);
/* Make it look at `stop`, `paused` and `want_report`, whether it runs or sleeps. Async-signal-safe.
 */
void vcpu_kick_out(struct vcpu *v);

/* psci.c: serve an SMC/HVC call of `v`. False: the vCPU is off now (CPU_OFF). */
bool psci_call(struct vcpu *v);
/* semihost.c: serve HLT #0xf000. */
void semihost_call(struct vcpu *v);

/* The machine ends because of what vCPU `v` did or met; status is the guest's byte for VM_END_OFF.
 */
void vm_end_by(struct vcpu *v, enum vm_end end, int code, const char *what);

/* The machine ends because a part of the host that it needs failed (VM_END_HOST). Any thread. */
void vm_end_host(struct vm *vm, const char *what);

/* report.c: what happened so far, from vCPU 0's thread while it is not in run(), or after the end.
 */
void vm_report(struct vm *vm, struct vm_result *out);
void vm_note_unmapped(struct vcpu *v, const struct hv_exit *exit);

#endif
