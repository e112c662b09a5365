// SPDX-License-Identifier: MIT
/*
 * vm.c - what the vCPUs of one machine share: the memory map, and the list of vCPUs.
 *
 * A region table, once published, is not changed: map and unmap fill in a second one, publish that,
 * and wait until no running vCPU can still use the first (they take ROM away and bring it back
 * while running).
 */
#include "vmm/a64.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "src/a64/a64_internal.h"
#include "vmm/clock.h"

int a64_vm_new(struct a64_vm **out, const struct hv_config *config, struct err *err)
{
    if (!config->cpus || config->cpus > A64_CPUS_MAX)
        return err_set(err, ERR_HOST, EINVAL, "soft: %u CPUs asked for, 1 to %d are possible",
                       config->cpus, A64_CPUS_MAX);
    if (config->soft > HV_SOFT_INTERP && !A64_HAS_JIT)
        return err_set(err, ERR_HOST, ENOTSUP,
                       "soft: the JIT is for x86-64 hosts with Linux; this one has the interpreter "
                       "(--soft interp)");
    if (config->soft == HV_SOFT_SHADOW && config->cpus > 1)
        return err_set(err, ERR_HOST, EINVAL,
                       "soft: --soft shadow runs one CPU (%u asked for): another one could see a "
                       "store that is taken back",
                       config->cpus);
    struct a64_vm *vm = calloc(1, sizeof *vm);
    if (!vm)
        return err_set(err, ERR_HOST, ENOMEM, "soft: out of memory");
    vm->config = *config;
    if (config->soft == HV_SOFT_AUTO)
        vm->config.soft = A64_HAS_JIT ? HV_SOFT_JIT : HV_SOFT_INTERP;
    vm->epoch_ns = clock_mono_ns();
    pthread_mutex_init(&vm->lock, NULL);
    atomic_init(&vm->map, &vm->maps[0]);
    *out = vm;
    return 0;
}

void a64_vm_free(struct a64_vm *vm)
{
    if (!vm)
        return;
    const struct a64_map *m = atomic_load(&vm->map);
    for (unsigned i = 0; i < m->n; i++)
        free((void *)m->r[i].code);
    pthread_mutex_destroy(&vm->lock);
    free(vm);
}

/*
 * Make `m` the map, and wait until no vCPU uses the old one; `drop`: nor anything derived from it.
 * With vm->lock held, which a vCPU in run() never takes.
 */
static void vm_publish(struct a64_vm *vm, const struct a64_map *m, bool drop)
{
    atomic_store(&vm->map, m);
    uint64_t ticket[A64_CPUS_MAX];
    for (unsigned i = 0; i < A64_CPUS_MAX; i++) {
        struct a64_core *core = atomic_load(&vm->cpus[i]);
        if (core)
            ticket[i] = a64_sync_post(core, NULL, drop, drop);
    }
    for (unsigned i = 0; i < A64_CPUS_MAX; i++) {
        struct a64_core *core = atomic_load(&vm->cpus[i]);
        while (core && !a64_sync_is_served(core, ticket[i]))
            sched_yield();
    }
}

int a64_vm_map(struct a64_vm *vm, gpa_t gpa, void *hva, uint64_t size, bool rom, struct err *err)
{
    if (gpa % A64_PAGE || size % A64_PAGE || !size || size > BIT(A64_PA_BITS) ||
        gpa > BIT(A64_PA_BITS) - size)
        return err_set(err, ERR_HOST, EINVAL,
                       "soft: cannot map %#" PRIx64 " bytes at %#" PRIx64
                       ": whole 4 KiB pages below %#" PRIx64 " are possible",
                       size, gpa, BIT(A64_PA_BITS));
    struct a64_region r = {.base = gpa, .size = size, .hva = hva, .rom = rom};
    void *code = calloc(size / A64_CODE_UNIT / 64 + 2, sizeof(uint64_t));
    if (!code)
        return err_set(err, ERR_HOST, ENOMEM, "soft: out of memory");
    r.code = code;

    int rc = 0;
    pthread_mutex_lock(&vm->lock);
    const struct a64_map *old = atomic_load(&vm->map);
    struct a64_map *m = &vm->maps[old == &vm->maps[0]];
    *m = *old;
    for (unsigned i = 0; i < m->n; i++)
        if (gpa < m->r[i].base + m->r[i].size && m->r[i].base < gpa + size)
            rc = err_set(err, ERR_HOST, EEXIST, "soft: %#" PRIx64 "+%#" PRIx64 " is mapped already",
                         gpa, size);
    if (!rc && m->n == A64_REGIONS_MAX)
        rc = err_set(err, ERR_HOST, ENOSPC, "soft: more than %d memory regions", A64_REGIONS_MAX);
    if (rc) {
        free(code);
    } else {
        m->r[m->n++] = r;
        vm_publish(vm, m, false);
    }
    pthread_mutex_unlock(&vm->lock);
    return rc;
}

void a64_vm_unmap(struct a64_vm *vm, gpa_t gpa, uint64_t size)
{
    pthread_mutex_lock(&vm->lock);
    const struct a64_map *old = atomic_load(&vm->map);
    struct a64_map *m = &vm->maps[old == &vm->maps[0]];
    *m = *old;
    for (unsigned i = 0; i < m->n; i++) {
        struct a64_region gone = m->r[i];
        if (gone.base != gpa || gone.size != size)
            continue;
        m->n--;
        for (unsigned k = i; k < m->n; k++)
            m->r[k] = m->r[k + 1];
        vm_publish(vm, m, true);
        free((void *)gone.code);
        break;
    }
    pthread_mutex_unlock(&vm->lock);
}

bool a64_code_in(struct a64_vm *vm, gpa_t gpa, uint64_t len)
{
    const struct a64_map *m = atomic_load_explicit(&vm->map, memory_order_acquire);
    /* Pairs with the set of a bit before the page is read (a64_mirror_of): the writer's bytes or
     * its bit. */
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned i = 0; i < m->n; i++) {
        const struct a64_region *r = &m->r[i];
        uint64_t lo = MAX(gpa, r->base), end = MIN(gpa + len, r->base + r->size);
        if (lo >= end)
            continue;
        for (uint64_t p = (lo - r->base) / A64_CODE_UNIT; p <= (end - 1 - r->base) / A64_CODE_UNIT;
             p++) {
            uint64_t w = atomic_load_explicit(&r->code[p / 64], memory_order_relaxed);
            if (w >> p % 64 & 1)
                return true;
            if (!w)
                p |= 63;
        }
    }
    return false;
}

void a64_vm_ram_written(struct a64_vm *vm, gpa_t gpa, uint64_t len)
{
    if (!len || gpa > UINT64_MAX - len)
        return;
    pthread_mutex_lock(&vm->lock);
    bool code = a64_code_in(vm, gpa, len);
    pthread_mutex_unlock(&vm->lock);
    if (!code)
        return;
    /*
     * Not awaited: a guest that learns of the bytes does so by an interrupt or a load, and looks at
     * cpu->pending before it reaches them.
     */
    for (unsigned i = 0; i < A64_CPUS_MAX; i++) {
        struct a64_core *core = atomic_load(&vm->cpus[i]);
        if (core)
            a64_sync_post(core, &(struct a64_req){A64_REQ_CODE, gpa, len}, false, false);
    }
}
