// SPDX-License-Identifier: MIT
/*
 * sync.c - what vCPUs and other threads ask of a vCPU: drop translations, decode code anew.
 *
 * Each vCPU has an inbox. A request is appended under its lock, then A64_PEND_SYNC is set; the vCPU
 * serves its inbox at the next taken branch, or before it enters the guest again. The one who asked
 * may wait (Arm ARM D8.13.5: a broadcast TLBI is complete for all PEs when the DSB is) until the
 * vCPU has served the request or is outside run(). Both sides use sequentially consistent atomics:
 * either the vCPU sees the request when it enters, or the asker sees it inside. A waiting vCPU
 * serves its own inbox meanwhile.
 */
#include <sched.h>

#include "src/a64/a64_internal.h"

int a64_sync_init(struct a64_core *core)
{
    return pthread_mutex_init(&core->inbox.lock, NULL);
}

void a64_sync_fini(struct a64_core *core)
{
    pthread_mutex_destroy(&core->inbox.lock);
}

/* Lines of a page come one by one (IC IVAU): let them become one range. */
static bool sync_merge(struct a64_core *core, const struct a64_req *req)
{
    const struct a64_inbox *in = &core->inbox;
    if (req->kind != A64_REQ_CODE || !in->n)
        return false;
    struct a64_req *last = &core->req[in->n - 1];
    if (last->kind != A64_REQ_CODE || req->a < last->a || req->a > last->a + last->b)
        return false;
    last->b = MAX(last->b, req->a - last->a + req->b);
    return true;
}

uint64_t a64_sync_post(struct a64_core *core, const struct a64_req *req, bool tlb_all,
                       bool code_all)
{
    struct a64_inbox *in = &core->inbox;
    pthread_mutex_lock(&in->lock);
    in->tlb_all |= tlb_all;
    in->code_all |= code_all;
    if (req && !sync_merge(core, req)) {
        if (in->n < A64_REQS)
            core->req[in->n++] = *req;
        else if (req->kind == A64_REQ_CODE)
            in->code_all = true;
        else
            in->tlb_all = true;
    }
    uint64_t ticket = ++in->posted;
    pthread_mutex_unlock(&in->lock);
    a64_pend(&core->cpu, A64_PEND_SYNC);
    return ticket;
}

bool a64_sync_is_served(const struct a64_core *core, uint64_t ticket)
{
    return atomic_load(&core->inbox.served) >= ticket || !atomic_load(&core->in_run);
}

void a64_sync_serve(struct a64_core *core)
{
    struct a64_inbox *in = &core->inbox;
    struct a64_cpu *cpu = &core->cpu;
    struct a64_req req[A64_REQS];

    atomic_fetch_and(&cpu->pending, ~(uint32_t)A64_PEND_SYNC);
    pthread_mutex_lock(&in->lock);
    unsigned n = in->n;
    memcpy(req, core->req, n * sizeof req[0]);
    bool tlb_all = in->tlb_all, code_all = in->code_all;
    uint64_t ticket = in->posted;
    in->n = 0;
    in->tlb_all = in->code_all = false;
    pthread_mutex_unlock(&in->lock);

    if (tlb_all)
        a64_tlb_flush_all(cpu);
    if (code_all)
        a64_mirror_drop_all(core);
    for (unsigned i = 0; i < n; i++) {
        if (req[i].kind == A64_REQ_CODE)
            a64_mirror_written(core, req[i].a, req[i].b);
        else if (req[i].kind == A64_REQ_TLB_VA)
            a64_tlb_flush_va(cpu, req[i].a);
        else
            a64_tlb_flush_asid(cpu, (uint16_t)req[i].a);
    }
    atomic_store(&in->served, ticket);
}

static void sync_others(struct a64_cpu *cpu, const struct a64_req *req, bool tlb_all, bool code_all)
{
    struct a64_core *me = a64_core_of(cpu);
    if (!cpu->smp)
        return;
    /* The tables or code bytes the guest wrote must be visible before the others look at them
     * again. */
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned i = 0; i < A64_CPUS_MAX; i++) {
        struct a64_core *core = atomic_load_explicit(&cpu->vm->cpus[i], memory_order_acquire);
        if (core && core != me) {
            me->ticket[i] = a64_sync_post(core, req, tlb_all, code_all);
            me->waits = true;
        }
    }
}

void a64_sync_others(struct a64_cpu *cpu, const struct a64_req *req)
{
    sync_others(cpu, req, false, false);
}

void a64_sync_others_tlb_all(struct a64_cpu *cpu)
{
    sync_others(cpu, NULL, true, false);
}

void a64_sync_others_code_all(struct a64_cpu *cpu)
{
    sync_others(cpu, NULL, false, true);
}

void a64_sync_wait(struct a64_cpu *cpu)
{
    struct a64_core *me = a64_core_of(cpu);
    for (unsigned i = 0; i < A64_CPUS_MAX; i++) {
        struct a64_core *core = atomic_load_explicit(&cpu->vm->cpus[i], memory_order_acquire);
        if (!core || core == me)
            continue;
        for (unsigned spin = 0; !a64_sync_is_served(core, me->ticket[i]); spin++) {
            if (atomic_load_explicit(&cpu->pending, memory_order_relaxed) & A64_PEND_SYNC)
                a64_sync_serve(me);
            if (spin > 200)
                sched_yield(); /* its thread may want this host CPU */
        }
    }
    me->waits = false;
}
