// SPDX-License-Identifier: MIT
/*
 * conformance.c - runs a one-vCPU ARM64 guest on an engine and writes down what the engine
 * returned: each access to a device, and the registers that changed since the one before.
 *
 *   conformance [-m] [-s N] ENGINE BOARD ELF >TRACE
 *
 * Two engines conform when their traces are equal. Left out is what only one of them shows: the
 * interrupt controller's registers, PSCI, sleep. -m writes the accesses only, for guests whose
 * registers depend on time or on the CPU's kind. With -s the vCPU is taken apart at every N-th
 * access: its state is read, the vCPU goes back to power-on, and the state is set again; the guest
 * must not notice.
 *
 * SCTLR_EL1 has bits that are the CPU's own choice, set or UNKNOWN after a reset (Arm ARM DDI
 * 0487J.a D19.2.118). Of it, and of a general register that holds one of its values, only the bits
 * M, A, C and I are written, as sctlr:BITS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/a64.h"
#include "vmm/vm.h"

/* What KVM gives registers that are UNKNOWN after a reset (Linux arch/arm64/kvm, reset_unknown). */
#define UNKNOWN UINT64_C(0x1de7ec7edbadc0de)

static struct {
    const struct hv_ops *real;
    const struct board *board;
    bool accesses_only;
    unsigned every; /* -s */
    uint64_t n;     /* accesses so far */
    int failed;
    struct hv_state_reg regs[HV_STATE_MAX], before[HV_STATE_MAX];
    unsigned n_before;
    uint64_t sctlr[16]; /* values of SCTLR_EL1 so far */
    unsigned n_sctlr;
} c;

/* System registers whose value is the guest's alone, on any CPU. */
#define SCTLR      HV_SYSREG(3, 0, 1, 0, 0)
#define SCTLR_MACI UINT64_C(0x1007)

static const uint16_t sysregs[] = {
    SCTLR,
    HV_SYSREG(3, 0, 1, 0, 2),  /* CPACR_EL1 */
    HV_SYSREG(3, 0, 2, 0, 0),  /* TTBR0_EL1 */
    HV_SYSREG(3, 0, 2, 0, 1),  /* TTBR1_EL1 */
    HV_SYSREG(3, 0, 2, 0, 2),  /* TCR_EL1 */
    HV_SYSREG(3, 0, 5, 2, 0),  /* ESR_EL1 */
    HV_SYSREG(3, 0, 6, 0, 0),  /* FAR_EL1 */
    HV_SYSREG(3, 0, 10, 2, 0), /* MAIR_EL1 */
    HV_SYSREG(3, 0, 12, 0, 0), /* VBAR_EL1 */
    HV_SYSREG(3, 0, 13, 0, 1), /* CONTEXTIDR_EL1 */
    HV_SYSREG(3, 0, 13, 0, 4), /* TPIDR_EL1 */
    HV_SYSREG(3, 3, 13, 0, 2), /* TPIDR_EL0 */
    HV_SYSREG(3, 3, 13, 0, 3), /* TPIDRRO_EL0 */
    HV_SYSREG(3, 0, 14, 1, 0), /* CNTKCTL_EL1 */
};

static bool wanted(const struct hv_state_reg *r)
{
    if (r->kind == HV_STATE_CORE)
        return r->num <= HV_STATE_SPSR_EL1;
    for (unsigned i = 0; i < ARRAY_LEN(sysregs); i++)
        if (r->kind == HV_STATE_SYSREG && sysregs[i] == r->num)
            return true;
    return r->kind == HV_STATE_VECTOR;
}

static void name_of(const struct hv_state_reg *r, char *buf, size_t len)
{
    static const char *const core[] = {"sp_el0", "pc", "pstate", "sp_el1", "elr_el1", "spsr_el1"};
    if (r->kind == HV_STATE_SYSREG)
        a64_sysreg_name(r->num, buf, len);
    else if (r->kind == HV_STATE_VECTOR && r->num >= HV_STATE_FPSR)
        snprintf(buf, len, "%s", r->num == HV_STATE_FPSR ? "fpsr" : "fpcr");
    else if (r->num >= 31 && r->kind == HV_STATE_CORE)
        snprintf(buf, len, "%s", core[r->num - 31]);
    else
        snprintf(buf, len, "%c%u", r->kind == HV_STATE_CORE ? 'x' : 'v', r->num);
}

static int by_name(const void *a, const void *b)
{
    const struct hv_state_reg *x = a, *y = b;
    return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind)
                              : (x->num > y->num) - (x->num < y->num);
}

/* The wanted ones of the vCPU's state, in an order that is the same for every engine. */
static unsigned take(struct hv_vcpu *v, struct hv_state_reg *out)
{
    int n = c.real->get_state(v, out, HV_STATE_MAX);
    unsigned kept = 0;
    if (n < 0) {
        fprintf(stderr, "conformance: get_state: %s\n", strerror(-n));
        c.failed = 1;
        return 0;
    }
    for (int i = 0; i < n; i++)
        if (wanted(&out[i])) {
            if (out[i].val[0] == UNKNOWN)
                out[i].val[0] = 0;
            out[kept++] = out[i];
        }
    qsort(out, kept, sizeof *out, by_name);
    return kept;
}

static bool is_sctlr(uint64_t val)
{
    for (unsigned i = 0; i < c.n_sctlr; i++)
        if (c.sctlr[i] == val)
            return true;
    return false;
}

static void trace_value(const struct hv_state_reg *r)
{
    if (r->kind != HV_STATE_VECTOR && is_sctlr(r->val[0]))
        printf("sctlr:%" PRIx64, r->val[0] & SCTLR_MACI);
    else
        printf("%" PRIx64, r->val[0]);
    if (r->size == 16)
        printf(":%" PRIx64, r->val[1]);
}

static void trace_regs(struct hv_vcpu *v)
{
    unsigned n = take(v, c.regs);
    for (unsigned i = 0; i < n; i++)
        if (c.regs[i].kind == HV_STATE_SYSREG && c.regs[i].num == SCTLR) {
            if (!is_sctlr(c.regs[i].val[0]) && c.n_sctlr < ARRAY_LEN(c.sctlr))
                c.sctlr[c.n_sctlr++] = c.regs[i].val[0];
            c.regs[i].val[0] &= SCTLR_MACI;
        }
    for (unsigned i = 0; i < n; i++) {
        const struct hv_state_reg *r = &c.regs[i];
        char name[32];
        if (n == c.n_before && !memcmp(r->val, c.before[i].val, sizeof r->val))
            continue;
        name_of(r, name, sizeof name);
        printf(" %s=", name);
        trace_value(r);
    }
    memcpy(c.before, c.regs, n * sizeof *c.regs);
    c.n_before = n;
}

static bool in_gic(gpa_t gpa)
{
    for (unsigned i = 0; i < c.board->n_devs; i++) {
        const struct board_dev *d = &c.board->devs[i];
        if ((d->kind == DEV_GICV3_DIST || d->kind == DEV_GICV3_REDIST) && gpa >= d->base &&
            gpa - d->base < d->size)
            return true;
    }
    return false;
}

static void trace(struct hv_vcpu *v, const struct hv_exit *e)
{
    if (e->reason == HV_EXIT_MMIO && !in_gic(e->mmio.gpa)) {
        c.n++;
        printf("%s%u %" PRIx64, e->mmio.write ? "store" : "load", e->mmio.size, e->mmio.gpa);
        if (e->mmio.write)
            printf(" = %" PRIx64, e->mmio.val);
    } else if (e->reason == HV_EXIT_STUCK) {
        printf("stuck");
    } else {
        return;
    }
    if (!c.accesses_only)
        trace_regs(v);
    printf("\n");
}

/*
 * Power-on and back. The kick has the engine finish what the last exit left open, and return before
 * the guest's next instruction.
 */
static void take_apart(struct hv_vcpu *v)
{
    static struct hv_state_reg all[HV_STATE_MAX];
    struct err err = {0};
    c.real->kick(v);
    struct hv_exit e = c.real->run(v);
    int n = c.real->get_state(v, all, HV_STATE_MAX);
    c.real->reset(v, &(struct cpu_start){.entry = 0xbad0000, .arg = 0xbad});
    if (e.reason != HV_EXIT_KICK || n < 0) {
        fprintf(stderr, "conformance: no state to take: exit %d, %d\n", (int)e.reason, n);
        c.failed = 1;
    } else if (c.real->set_state(v, all, (unsigned)n, &err)) {
        fprintf(stderr, "conformance: %s\n", err.text);
        c.failed = 1;
    }
}

static struct hv_exit traced_run(struct hv_vcpu *v)
{
    static uint64_t apart;
    if (c.every && c.n / c.every != apart) {
        apart = c.n / c.every;
        take_apart(v);
    }
    struct hv_exit e = c.real->run(v);
    trace(v, &e);
    return e;
}

static int fail(const char *what)
{
    fprintf(stderr, "conformance: %s\n", what);
    return 125;
}

int main(int argc, char **argv)
{
    int opt;
    while ((opt = getopt(argc, argv, "ms:")) != -1)
        if (opt == 'm')
            c.accesses_only = true;
        else if (opt == 's')
            c.every = (unsigned)strtoul(optarg, NULL, 0);
        else
            return 125;
    if (argc - optind != 3)
        return fail("usage: conformance [-m] [-s N] ENGINE BOARD ELF");
    struct vm_config cfg = {.cpus = 1, .image = argv[optind + 2], .in_fd = -1};
    struct vm_result res;
    struct err err = {0};
    struct vm *vm;
    char why[640];
    c.board = cfg.board = board_find(argv[optind + 1]);
    if (!c.board)
        return fail("no such board");
    if (hv_choose(argv[optind], c.board->arch, &c.real, &cfg.caps, why, sizeof why, &err))
        return fail(err.text);
    if (!c.real->get_state || (c.every && !c.real->set_state))
        return fail("this engine does not give a vCPU's state, or does not take it");
    struct hv_ops traced = *c.real;
    traced.run = traced_run;
    cfg.engine = &traced;
    cfg.mem = c.board->mem_default;
    cfg.timeout_ns = 300 * UINT64_C(1000000000);
    cfg.out_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (cfg.out_fd < 0 || vm_new(&vm, &cfg, &err))
        return fail(err.code ? err.text : "/dev/null cannot be opened");
    vm_run(vm, &res);
    printf("end %d status %u\n", (int)res.end, res.status);
    vm_free(vm);
    return c.failed || fflush(stdout) ? 1 : 0;
}
