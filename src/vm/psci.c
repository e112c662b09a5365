// SPDX-License-Identifier: MIT
/*
 * psci.c - power state coordination for guests whose engine passes SMC and HVC up.
 *
 * Follows PSCI 1.1 (DEN 0022F) §5 and the SMC Calling Convention (DEN 0028E) §2 and §7. Not
 * offered: migration of a trusted OS, the STAT calls, SYSTEM_SUSPEND; CPU_SUSPEND is a standby
 * whatever it asks for, which §5.4.2 allows.
 */
#include "vm_int.h"

#include "vmm/log.h"

enum {
    PSCI_VERSION = 0x84000000,
    PSCI_CPU_SUSPEND = 0x84000001,
    PSCI_CPU_OFF = 0x84000002,
    PSCI_CPU_ON = 0x84000003,
    PSCI_AFFINITY_INFO = 0x84000004,
    PSCI_MIGRATE_INFO_TYPE = 0x84000006,
    PSCI_SYSTEM_OFF = 0x84000008,
    PSCI_SYSTEM_RESET = 0x84000009,
    PSCI_FEATURES = 0x8400000a,
    PSCI_SYSTEM_RESET2 = 0x84000012,
    SMCCC_VERSION = 0x80000000,
    SMCCC_ARCH_FEATURES = 0x80000001,
    SMCCC_ARCH_WORKAROUND_1 = 0x80008000,
    SMCCC_ARCH_WORKAROUND_2 = 0x80007fff,
    SMCCC_ARCH_WORKAROUND_3 = 0x80003fff,
    SMCCC_64 = 0x40000000, /* the call passes 64-bit arguments (DEN 0028E §2.5) */
};

/* Return codes, §5.2.2. */
enum {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_ALREADY_ON = -4,
    PSCI_ON_PENDING = -5,
    PSCI_INTERNAL_FAILURE = -6,
    PSCI_INVALID_ADDRESS = -9,
};

/* Arguments of a call, x1..x3. */
typedef int64_t psci_fn(struct vcpu *v, const uint64_t *x);

static int64_t psci_version(struct vcpu *v, const uint64_t *x)
{
    (void)v, (void)x;
    return 1 << 16 | 1; /* §5.1.1: major 1, minor 1 */
}

static int64_t smccc_version(struct vcpu *v, const uint64_t *x)
{
    (void)v, (void)x;
    return 1 << 16 | 1; /* DEN 0028E §7.2 */
}

/*
 * DEN 0028E §7.3. Engines that pass calls up run a CPU that speculates nothing: 1 says that the
 * mitigations of Spectre v2, v4 and BHB are not required, which spares the guest a loop at each
 * kernel entry.
 */
static int64_t smccc_arch_features(struct vcpu *v, const uint64_t *x)
{
    (void)v;
    switch ((uint32_t)x[0]) {
    case SMCCC_VERSION:
    case SMCCC_ARCH_FEATURES:
        return PSCI_SUCCESS;
    case SMCCC_ARCH_WORKAROUND_1:
    case SMCCC_ARCH_WORKAROUND_2:
    case SMCCC_ARCH_WORKAROUND_3:
        return 1;
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

/* The vCPU an MPIDR names: affinity level 0 only; the other levels and the reserved bits are 0. */
static struct vcpu *psci_target(struct vm *vm, uint64_t mpidr)
{
    return mpidr < vm->cfg.cpus ? &vm->vcpus[mpidr] : NULL;
}

/* §5.1.4 */
static int64_t psci_cpu_on(struct vcpu *v, const uint64_t *x)
{
    struct vm *vm = v->vm;
    struct vcpu *t = psci_target(vm, x[0]);
    if (!t)
        return PSCI_INVALID_PARAMETERS;
    if (!mem_hva(&vm->mem, x[1], 4) || x[1] % 4)
        return PSCI_INVALID_ADDRESS;
    pthread_mutex_lock(&vm->lock);
    /* Once the machine ends no thread may begin: vm_run() is about to join those there are. */
    int64_t rc = atomic_load(&vm->stop)        ? PSCI_INTERNAL_FAILURE
                 : t->state == VCPU_ON         ? PSCI_ALREADY_ON
                 : t->state == VCPU_ON_PENDING ? PSCI_ON_PENDING
                                               : PSCI_SUCCESS;
    if (!rc) {
        t->state = VCPU_ON_PENDING;
        t->start = (struct cpu_start){.mode = CPU_ARM64, .entry = x[1], .arg = x[2]};
        /* Thread 0 is vm_run()'s caller; the others are made when they are first needed. */
        if (t->index && !t->has_thread) {
            if (pthread_create(&t->thread, NULL, vcpu_main, t)) {
                t->state = VCPU_OFF;
                rc = PSCI_INTERNAL_FAILURE;
            } else {
                t->has_thread = true;
            }
        }
    }
    pthread_mutex_unlock(&vm->lock);
    if (!rc)
        vcpu_wake(t);
    return rc;
}

/* §5.1.3. Does not return to the caller: psci_call() sees the state. */
static int64_t psci_cpu_off(struct vcpu *v, const uint64_t *x)
{
    (void)x;
    pthread_mutex_lock(&v->vm->lock);
    v->state = VCPU_OFF;
    atomic_fetch_sub(&v->vm->n_on, 1);
    pthread_mutex_unlock(&v->vm->lock);
    return PSCI_SUCCESS;
}

/* §5.1.2: a standby returns at once or later; returning at once is a wake-up event that came early.
 */
static int64_t psci_cpu_suspend(struct vcpu *v, const uint64_t *x)
{
    (void)v, (void)x;
    return PSCI_SUCCESS;
}

/* §5.1.5: only affinity level 0 exists. */
static int64_t psci_affinity_info(struct vcpu *v, const uint64_t *x)
{
    struct vcpu *t = psci_target(v->vm, x[0]);
    if (!t || x[1])
        return PSCI_INVALID_PARAMETERS;
    pthread_mutex_lock(&v->vm->lock);
    int64_t state = t->state;
    pthread_mutex_unlock(&v->vm->lock);
    return state;
}

static int64_t psci_migrate_info_type(struct vcpu *v, const uint64_t *x)
{
    (void)v, (void)x;
    return 2; /* §5.1.9: no trusted OS */
}

static int64_t psci_system_off(struct vcpu *v, const uint64_t *x)
{
    (void)x;
    vm_end_by(v, VM_END_OFF, 0, NULL);
    return PSCI_SUCCESS;
}

static int64_t psci_system_reset(struct vcpu *v, const uint64_t *x)
{
    (void)x;
    vm_end_by(v, VM_END_RESET, 0, NULL);
    return PSCI_SUCCESS;
}

/* §5.1.12: type 0 is SYSTEM_WARM_RESET; vendor types are above bit 31. */
static int64_t psci_system_reset2(struct vcpu *v, const uint64_t *x)
{
    return (uint32_t)x[0] ? PSCI_INVALID_PARAMETERS : psci_system_reset(v, x);
}

/* §7.5-7.7: a caller that asks for a mitigation all the same gets nothing done. */
static int64_t smccc_arch_workaround(struct vcpu *v, const uint64_t *x)
{
    (void)v, (void)x;
    return PSCI_SUCCESS;
}

static psci_fn psci_features;

static const struct {
    uint32_t id;
    bool has_64; /* exists with SMCCC_64 too */
    psci_fn *fn;
} psci_calls[] = {
    {PSCI_VERSION,            false, psci_version          },
    {PSCI_CPU_SUSPEND,        true,  psci_cpu_suspend      },
    {PSCI_CPU_OFF,            false, psci_cpu_off          },
    {PSCI_CPU_ON,             true,  psci_cpu_on           },
    {PSCI_AFFINITY_INFO,      true,  psci_affinity_info    },
    {PSCI_MIGRATE_INFO_TYPE,  false, psci_migrate_info_type},
    {PSCI_SYSTEM_OFF,         false, psci_system_off       },
    {PSCI_SYSTEM_RESET,       false, psci_system_reset     },
    {PSCI_FEATURES,           false, psci_features         },
    {PSCI_SYSTEM_RESET2,      true,  psci_system_reset2    },
    {SMCCC_VERSION,           false, smccc_version         },
    {SMCCC_ARCH_FEATURES,     false, smccc_arch_features   },
    {SMCCC_ARCH_WORKAROUND_1, false, smccc_arch_workaround },
    {SMCCC_ARCH_WORKAROUND_2, false, smccc_arch_workaround },
    {SMCCC_ARCH_WORKAROUND_3, false, smccc_arch_workaround },
};

static psci_fn *psci_find(uint32_t id)
{
    for (unsigned i = 0; i < ARRAY_LEN(psci_calls); i++)
        if (psci_calls[i].id == id || (psci_calls[i].has_64 && (psci_calls[i].id | SMCCC_64) == id))
            return psci_calls[i].fn;
    return NULL;
}

/* §5.1.11; SMCCC_VERSION is a valid question too. */
static int64_t psci_features(struct vcpu *v, const uint64_t *x)
{
    (void)v;
    return psci_find((uint32_t)x[0]) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
}

bool psci_call(struct vcpu *v)
{
    const struct hv_ops *ops = v->vm->cfg.engine;
    struct hv_vcpu *hv = atomic_load(&v->hv);
    struct hv_regs regs;
    ops->get_regs(hv, &regs);
    uint32_t id = (uint32_t)regs.x[0];
    uint64_t args[3] = {regs.x[1], regs.x[2], regs.x[3]};
    if (!(id & SMCCC_64))
        for (unsigned i = 0; i < ARRAY_LEN(args); i++)
            args[i] = (uint32_t)args[i];
    psci_fn *fn = psci_find(id);
    int64_t rc = fn ? fn(v, args) : PSCI_NOT_SUPPORTED;
    log_at(LOG_DEBUG, "cpu%u: call %#x -> %" PRId64, v->index, id, rc);
    if (fn == psci_cpu_off)
        return false;
    regs.x[0] = (uint64_t)rc;
    ops->set_regs(hv, &regs);
    return true;
}
