// SPDX-License-Identifier: MIT
/*
 * kvm_x86_64.c - the KVM engine on x86-64 hosts.
 *
 * Follows Documentation/virt/kvm/api.rst of Linux 6.1. The kernel has the PC's interrupt
 * controllers (two 8259, an I/O APIC, local APICs) and its 8254, at the places every PC has them;
 * vCPUs above 0 wait inside KVM_RUN for INIT and SIPI. The TSC runs at the host's rate.
 *
 * An access to a port may be one of many (REP INS, REP OUTS): the kernel hands over all of them
 * together, and run() returns them one by one.
 */
#include "src/hv/kvm_x86.h"

#include <errno.h>
#include <stdlib.h>

const enum board_arch kvm_arch = ARCH_X86_64;
const char *const kvm_arch_host = "an x86-64 host";

const struct kvm_need kvm_arch_needs[] = {
    {KVM_CAP_IRQCHIP,               "KVM_CAP_IRQCHIP, since Linux 2.6.22"              },
    {KVM_CAP_SET_TSS_ADDR,          "KVM_CAP_SET_TSS_ADDR, since Linux 2.6.24"         },
    {KVM_CAP_EXT_CPUID,             "KVM_CAP_EXT_CPUID, since Linux 2.6.26"            },
    {KVM_CAP_SET_IDENTITY_MAP_ADDR, "KVM_CAP_SET_IDENTITY_MAP_ADDR, since Linux 2.6.32"},
    {KVM_CAP_PIT2,                  "KVM_CAP_PIT2, since Linux 2.6.32"                 },
    {0,                             NULL                                               },
};

/* Four pages below 4 GiB that Intel's CPUs need to run real mode (§4.8, §4.36). */
#define KVM_IDENTITY_MAP UINT64_C(0xfffbc000)
#define KVM_TSS          UINT64_C(0xfffbd000)

unsigned long kvm_arch_vm_type(int dev, bool again)
{
    (void)dev, (void)again;
    return 0;
}

int kvm_arch_probe(int vm, struct hv_caps *caps, struct err *err)
{
    (void)vm, (void)caps, (void)err;
    return 0;
}

static int kvm_x86_vm_set(struct hv_vm *vm, struct err *err)
{
    uint64_t identity = KVM_IDENTITY_MAP;
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    const struct {
        unsigned long request;
        void *arg;
        const char *what;
    } calls[] = {
        {KVM_SET_IDENTITY_MAP_ADDR, &identity,                  "KVM_SET_IDENTITY_MAP_ADDR"},
        {KVM_SET_TSS_ADDR,          (void *)(uintptr_t)KVM_TSS, "KVM_SET_TSS_ADDR"         },
        {KVM_CREATE_IRQCHIP,        NULL,                       "KVM_CREATE_IRQCHIP"       },
        {KVM_CREATE_PIT2,           &pit,                       "KVM_CREATE_PIT2"          },
    };
    for (unsigned i = 0; i < ARRAY_LEN(calls); i++) {
        int rc = kvm_ioctl(vm->fd, calls[i].request, calls[i].arg);
        if (rc)
            return err_sys(err, -rc, "engine kvm: %s", calls[i].what);
    }
    return 0;
}

int kvm_arch_vm_begin(struct hv_vm *vm, const struct hv_config *config, struct err *err)
{
    (void)config;
    int rc = kvm_x86_vm_set(vm, err);
    if (rc)
        return rc;
    vm->arch = malloc(sizeof(struct kvm_x86_cpuid));
    if (!vm->arch)
        return err_sys(err, ENOMEM, "engine kvm");
    return kvm_cpuid_load(vm->dev, vm->arch, err);
}

int kvm_arch_vm_finish(struct hv_vm *vm, struct err *err)
{
    (void)err;
    free(vm->arch);
    vm->arch = NULL;
    return 0;
}

void kvm_arch_set_irq(struct hv_vm *vm, unsigned gsi, bool level)
{
    uint32_t *word = &vm->lines[gsi / 32], bit = 1u << gsi % 32;
    pthread_mutex_lock(&vm->lock);
    if (level != !!(*word & bit)) {
        *word ^= bit;
        struct kvm_irq_level line = {.irq = gsi, .level = level};
        kvm_ioctl(vm->fd, KVM_IRQ_LINE, &line);
    }
    pthread_mutex_unlock(&vm->lock);
}

/* ---- vCPU ---- */

#define MSR_MISC_ENABLE   0x1a0
#define MSR_MTRR_DEF_TYPE 0x2ff

/* As firmware leaves them: fast string operations; all memory is write-back (SDM vol. 4, vol. 3
 * §12.11.2.1). Without the second, Linux finds its RAM uncacheable. */
static int kvm_x86_set_msrs(struct hv_vcpu *v, struct err *err)
{
    static const struct kvm_msr_entry entries[] = {
        {.index = MSR_MISC_ENABLE,   .data = 1          },
        {.index = MSR_MTRR_DEF_TYPE, .data = BIT(11) | 6},
    };
    union {
        struct kvm_msrs head;
        uint8_t room[sizeof(struct kvm_msrs) + sizeof entries];
    } msrs = {.head = {.nmsrs = ARRAY_LEN(entries)}};
    memcpy(msrs.room + sizeof msrs.head, entries, sizeof entries);
    int rc = kvm_ioctl(v->fd, KVM_SET_MSRS, &msrs); /* how many were set */
    if (rc < 0)
        return err_sys(err, -rc, "engine kvm: vCPU %u refuses its MSRs", v->index);
    if (rc != ARRAY_LEN(entries))
        return err_set(err, ERR_HOST, EIO, "engine kvm: vCPU %u refuses MSR %#x", v->index,
                       entries[rc].index);
    return 0;
}

int kvm_arch_vcpu_init(struct hv_vcpu *v, struct err *err)
{
    int rc = kvm_cpuid_set(v, v->vm->arch, err);
    return rc ? rc : kvm_x86_set_msrs(v, err);
}

/* The order of enum x86_gpr and struct hv_regs: the encoding's. */
static const uint16_t kvm_gprs[16] = {
    offsetof(struct kvm_regs, rax), offsetof(struct kvm_regs, rcx), offsetof(struct kvm_regs, rdx),
    offsetof(struct kvm_regs, rbx), offsetof(struct kvm_regs, rsp), offsetof(struct kvm_regs, rbp),
    offsetof(struct kvm_regs, rsi), offsetof(struct kvm_regs, rdi), offsetof(struct kvm_regs, r8),
    offsetof(struct kvm_regs, r9),  offsetof(struct kvm_regs, r10), offsetof(struct kvm_regs, r11),
    offsetof(struct kvm_regs, r12), offsetof(struct kvm_regs, r13), offsetof(struct kvm_regs, r14),
    offsetof(struct kvm_regs, r15),
};

void kvm_arch_get_regs(struct hv_vcpu *v, struct hv_regs *regs)
{
    struct kvm_regs r = {0};
    struct kvm_sregs s = {0};
    kvm_ioctl(v->fd, KVM_GET_REGS, &r);
    kvm_ioctl(v->fd, KVM_GET_SREGS, &s);
    const struct kvm_segment *const segs[HV_SEGS] = {&s.es, &s.cs, &s.ss, &s.ds, &s.fs, &s.gs};
    memset(regs, 0, sizeof *regs);
    for (unsigned i = 0; i < ARRAY_LEN(kvm_gprs); i++)
        memcpy(&regs->x86.gpr[i], (const char *)&r + kvm_gprs[i], sizeof regs->x86.gpr[i]);
    regs->x86.rip = r.rip;
    regs->x86.rflags = r.rflags;
    regs->x86.cr0 = s.cr0;
    regs->x86.cr2 = s.cr2;
    regs->x86.cr3 = s.cr3;
    regs->x86.cr4 = s.cr4;
    regs->x86.efer = s.efer;
    regs->x86.gdt_base = s.gdt.base;
    regs->x86.gdt_limit = s.gdt.limit;
    regs->x86.idt_base = s.idt.base;
    regs->x86.idt_limit = s.idt.limit;
    regs->x86.tr_base = s.tr.base;
    for (unsigned i = 0; i < HV_SEGS; i++) {
        regs->x86.base[i] = segs[i]->base;
        regs->x86.sel[i] = segs[i]->selector;
    }
    regs->pc = s.cs.l ? r.rip : (uint32_t)(s.cs.base + r.rip);
}

void kvm_arch_set_regs(struct hv_vcpu *v, const struct hv_regs *regs)
{
    struct kvm_regs r = {.rip = regs->x86.rip, .rflags = regs->x86.rflags};
    for (unsigned i = 0; i < ARRAY_LEN(kvm_gprs); i++)
        memcpy((char *)&r + kvm_gprs[i], &regs->x86.gpr[i], sizeof regs->x86.gpr[i]);
    kvm_ioctl(v->fd, KVM_SET_REGS, &r);
}

/* The state of an x86 vCPU is not given register by register. */
int kvm_arch_get_state(struct hv_vcpu *v, struct hv_state_reg *out, unsigned max)
{
    (void)v, (void)out, (void)max;
    return -ENOTSUP;
}

int kvm_arch_set_state(struct hv_vcpu *v, const struct hv_state_reg *regs, unsigned n,
                       struct err *err)
{
    (void)v, (void)regs, (void)n;
    return err_set(err, ERR_HOST, ENOTSUP, "engine kvm: an x86 vCPU's state cannot be set");
}

/* ---- power-on ---- */

#define CR0_PE     BIT(0)
#define CR0_ET     BIT(4)
#define CR0_PG     BIT(31)
#define CR4_PAE    BIT(5)
#define EFER_LME   BIT(8)
#define EFER_LMA   BIT(10)
#define RFLAGS_ONE BIT(1) /* reads as 1 */

#define SEL_CODE 0x10 /* __BOOT_CS, __BOOT_DS: Linux x86/boot.rst, "64-bit boot protocol" */
#define SEL_DATA 0x18
#define SEL_TSS  0x20

/* SDM vol. 3A table 3-1: types of code, data and system segments. */
enum { TYPE_DATA = 3, TYPE_CODE = 11, TYPE_TSS = 11 };

/* A flat segment of 4 GiB, as the boot protocols want them. */
static struct kvm_segment flat(uint16_t selector, uint8_t type, bool is_long)
{
    return (struct kvm_segment){
        .base = 0,
        .limit = UINT32_MAX,
        .selector = selector,
        .type = type,
        .present = 1,
        .db = type == TYPE_CODE ? !is_long : 1,
        .s = 1,
        .l = type == TYPE_CODE && is_long,
        .g = 1,
    };
}

static void sregs_flat(struct kvm_sregs *s, const struct cpu_start *start, bool is_long)
{
    s->cs = flat(SEL_CODE, TYPE_CODE, is_long);
    s->ds = s->es = s->fs = s->gs = s->ss = flat(SEL_DATA, TYPE_DATA, is_long);
    s->tr =
        (struct kvm_segment){.limit = 0x67, .selector = SEL_TSS, .type = TYPE_TSS, .present = 1};
    s->gdt.base = start->gdt;
    s->gdt.limit = 4 * 8 - 1;
    s->cr0 = CR0_PE | CR0_ET;
    if (is_long) {
        s->cr0 |= CR0_PG;
        s->cr3 = start->tables;
        s->cr4 = CR4_PAE;
        s->efer = EFER_LME | EFER_LMA;
    }
}

static void sregs_real(struct kvm_sregs *s, const struct cpu_start *start)
{
    struct kvm_segment *const segs[] = {&s->ds, &s->es, &s->fs, &s->gs, &s->ss, &s->cs};
    for (unsigned i = 0; i < ARRAY_LEN(segs); i++)
        segs[i]->base = segs[i]->selector = 0;
    s->cs.base = start->entry & ~UINT64_C(0xffff);
    s->cs.selector = (uint16_t)(s->cs.base >> 4);
}

/* The state that KVM gives a new vCPU is the architecture's after a reset. */
void kvm_arch_reset(struct hv_vcpu *v, const struct cpu_start *start)
{
    struct kvm_sregs s;
    struct kvm_regs r = {.rflags = RFLAGS_ONE, .rip = start->entry, .rsp = start->stack};
    if (kvm_ioctl(v->fd, KVM_GET_SREGS, &s))
        return;
    switch (start->mode) {
    case CPU_X86_LONG:
        sregs_flat(&s, start, true);
        r.rsi = start->arg;
        break;
    case CPU_X86_PROT:
        sregs_flat(&s, start, false);
        r.rbx = start->arg;
        break;
    default:
        sregs_real(&s, start);
        r.rip = start->entry & 0xffff;
        r.rdx = start->arg;
    }
    kvm_ioctl(v->fd, KVM_SET_SREGS, &s);
    kvm_ioctl(v->fd, KVM_SET_REGS, &r);
    v->ran = false;
}

/* ---- exits ---- */

static uint8_t *pio_data(struct hv_vcpu *v)
{
    struct kvm_run *r = v->run;
    return (uint8_t *)r + r->io.data_offset + (size_t)v->part * r->io.size;
}

/* Element `part` of the access; the kernel goes on after the last one. */
static struct hv_exit pio_exit(struct hv_vcpu *v)
{
    const struct kvm_run *r = v->run;
    struct hv_exit e = {
        .reason = HV_EXIT_PIO,
        .pio = {.gpa = r->io.port, .size = r->io.size, .write = r->io.direction == KVM_EXIT_IO_OUT},
    };
    if (e.pio.write)
        memcpy(&e.pio.val, pio_data(v), MIN(r->io.size, sizeof(uint32_t)));
    return e;
}

bool kvm_arch_next(struct hv_vcpu *v, struct hv_exit *exit)
{
    if (v->parts && ++v->part < v->parts) {
        *exit = pio_exit(v);
        return true;
    }
    v->parts = 0;
    return false;
}

void kvm_arch_complete(struct hv_vcpu *v, uint64_t val)
{
    if (v->parts)
        memcpy(pio_data(v), &val, MIN(v->run->io.size, sizeof(uint32_t)));
    else
        memcpy(v->run->mmio.data, &val, sizeof val);
}

struct hv_exit kvm_arch_exit(struct hv_vcpu *v)
{
    const struct kvm_run *r = v->run;
    switch (r->exit_reason) {
    case KVM_EXIT_IO:
        v->part = 0;
        v->parts = r->io.count;
        return pio_exit(v);
    case KVM_EXIT_SHUTDOWN:
        return (struct hv_exit){
            .reason = HV_EXIT_STUCK,
            .stuck = {.what = "triple fault: an exception came while the CPU could not deliver "
                              "the one before"},
        };
    default:
        return (struct hv_exit){
            .reason = HV_EXIT_FAIL,
            .fail = {.what = "KVM came back for a reason that is not known",
                     .detail = {r->exit_reason, 0}},
        };
    }
}

/* EAGAIN: a vCPU that waits for SIPI was woken for another reason. */
struct hv_exit kvm_arch_failed(struct hv_vcpu *v, int code)
{
    (void)v;
    if (code == EAGAIN)
        return (struct hv_exit){.reason = HV_EXIT_KICK};
    return (struct hv_exit){
        .reason = HV_EXIT_FAIL,
        .fail = {.what = code == EFAULT
                             ? "KVM cannot reach the guest's memory on this host (EFAULT)"
                             : "KVM_RUN fails",
                 .detail = {(uint64_t)code, 0}},
    };
}
