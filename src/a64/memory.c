// SPDX-License-Identifier: MIT
/*
 * memory.c - the slow path of loads and stores: what the data TLB did not answer.
 *
 * Takes the faults with their syndromes, fills the TLB, splits accesses that cross a page, and
 * turns accesses outside RAM into exits. Such an instruction is run again from its start once per
 * access; the completed accesses of earlier rounds are in cpu->mmio. The log is good until the
 * instruction has ended, which the next taken branch (A64_PEND_REPLAY), another PC or an exception
 * shows.
 *
 * Syndromes: Arm ARM DDI 0487J.a D17.2.37, "ISS encoding for an exception from a Data Abort". ISV
 * is 0.
 */
#include "src/a64/a64_internal.h"

enum { ISS_WNR = 1 << 6, ISS_CM = 1 << 8 };

bool a64_data_fault(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, uint8_t fsc,
                    bool write, bool cache_op)
{
    uint32_t iss = fsc | (write ? ISS_WNR : 0) | (cache_op ? ISS_CM : 0);
    cpu->resume =
        a64_abort(cpu, a64_pc_of(cpu, op), cpu->el ? A64_EC_DABT : A64_EC_DABT_LOWER, iss, va);
    return false;
}

/* One access outside RAM: from the log, or by an exit. */
static bool mmio_access(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, gpa_t gpa,
                        unsigned size, bool write, uint64_t *val)
{
    struct a64_core *core = a64_core_of(cpu);
    uint64_t pc = a64_pc_of(cpu, op);
    if (cpu->mmio_n && core->mmio_pc != pc)
        cpu->mmio_n = cpu->mmio_at = 0;
    if (cpu->mmio_at < cpu->mmio_n) {
        const struct a64_mmio *m = &cpu->mmio[cpu->mmio_at];
        if (m->gpa == gpa && m->size == size && m->write == write) {
            cpu->mmio_at++;
            if (!write)
                *val = m->val;
            return true;
        }
        cpu->mmio_n = cpu->mmio_at = 0; /* the guest changed its mind: start over */
    }
    if (cpu->mmio_n == A64_MMIO_MAX)
        return a64_data_fault(cpu, op, va, A64_FSC_EXT, write, false);
    cpu->exit = (struct hv_exit){.reason = HV_EXIT_MMIO};
    cpu->exit.mmio.gpa = gpa;
    cpu->exit.mmio.size = (uint8_t)size;
    cpu->exit.mmio.write = write;
    cpu->exit.mmio.val = write ? bits_get(*val, 0, size * 8) : 0;
    core->mmio_open = true;
    core->mmio_pc = pc;
    cpu->resume = a64_leave(cpu, pc);
    return false;
}

/* Where [va, va + size), inside one page, is. NULL in *hva: outside RAM, or ROM and a write. */
static bool locate(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank, uint64_t va,
                   enum a64_access access, unsigned align, struct a64_tr *t, uint8_t **hva)
{
    bool write = access == A64_WRITE;
    A64_COUNT(cpu, data_misses);
    if (!a64_translate(cpu, va, bank == cpu->user, access, true, t))
        return a64_data_fault(cpu, op, va, t->fsc, write, false);
    if (t->device && va & (align - 1))
        return a64_data_fault(cpu, op, va, A64_FSC_ALIGN, write, false);
    const struct a64_region *region = a64_region_of(cpu->vm, align_down(t->pa, A64_PAGE), A64_PAGE);
    *hva = NULL;
    if (!region)
        return true;
    a64_tlb_put_data(cpu, bank, va, t, region);
    if (!(write && region->rom))
        *hva = region->hva + (t->pa - region->base);
    return true;
}

/* An access of up to 8 bytes over a page boundary, byte by byte after both halves were checked. */
static bool access_split(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank,
                         uint64_t va, unsigned size, enum a64_access access, uint64_t *val)
{
    unsigned first = (unsigned)(A64_PAGE - va % A64_PAGE);
    struct a64_tr t[2];
    uint8_t *hva[2];
    if (!locate(cpu, op, bank, va, access, size, &t[0], &hva[0]))
        return false;
    /* The second half faults with the address of its first byte. */
    if (!locate(cpu, op, bank, va + first, access, 1, &t[1], &hva[1]))
        return false;
    if (t[1].device)
        return a64_data_fault(cpu, op, va, A64_FSC_ALIGN, access == A64_WRITE, false);

    uint64_t out = 0;
    /* What is outside RAM first: no byte of RAM changes before all of these are complete. */
    for (unsigned i = 0; i < size; i++) {
        unsigned k = i >= first, off = k ? i - first : i;
        uint64_t byte = *val >> i * 8 & 0xff;
        if (hva[k])
            continue;
        if (!mmio_access(cpu, op, va + i, t[k].pa + off, 1, access == A64_WRITE, &byte))
            return false;
        out |= (byte & 0xff) << i * 8;
    }
    for (unsigned i = 0; i < size; i++) {
        unsigned k = i >= first, off = k ? i - first : i;
        if (!hva[k])
            continue;
        if (access == A64_WRITE)
            hva[k][off] = (uint8_t)(*val >> i * 8);
        else
            out |= (uint64_t)hva[k][off] << i * 8;
    }
    if (access == A64_READ)
        *val = out;
    return true;
}

static bool access_slow(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank,
                        uint64_t va, unsigned size, enum a64_access access, uint64_t *val)
{
    if (va & (size - 1)) {
        /* Before any translation (D1.3.5.5: prioritised above MMU faults). */
        if (cpu->sr.sctlr & A64_SCTLR_A)
            return a64_data_fault(cpu, op, va, A64_FSC_ALIGN, access == A64_WRITE, false);
        if (va % A64_PAGE + size > A64_PAGE)
            return access_split(cpu, op, bank, va, size, access, val);
    }
    struct a64_tr t;
    uint8_t *hva;
    if (!locate(cpu, op, bank, va, access, size, &t, &hva))
        return false;
    if (!hva)
        return mmio_access(cpu, op, va, t.pa, size, access == A64_WRITE, val);
    if (access == A64_WRITE)
        a64_host_store(hva, size, *val);
    else
        *val = a64_host_load(hva, size);
    return true;
}

bool a64_load_slow(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank, uint64_t va,
                   unsigned size, uint64_t *val)
{
    *val = 0;
    return access_slow(cpu, op, bank, va, size, A64_READ, val);
}

bool a64_store_slow(struct a64_cpu *cpu, const struct a64_op *op, struct a64_bank *bank,
                    uint64_t va, unsigned size, uint64_t val)
{
    return access_slow(cpu, op, bank, va, size, A64_WRITE, &val);
}

bool a64_probe(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned len,
               unsigned align, bool write)
{
    if (va & (align - 1) && cpu->sr.sctlr & A64_SCTLR_A) /* first, as in access_slow() */
        return a64_data_fault(cpu, op, va, A64_FSC_ALIGN, write, false);
    for (uint64_t at = va;; at = align_down(at, A64_PAGE) + A64_PAGE) {
        const struct a64_dtlb *e = a64_dtlb_of(cpu->bank, at);
        struct a64_tr t;
        uint8_t *hva;
        if ((write ? e->tag_w : e->tag_r) != (at | (A64_PAGE - 1)) &&
            !locate(cpu, op, cpu->bank, at, write ? A64_WRITE : A64_READ, 1, &t, &hva))
            return false;
        if (at - va + (A64_PAGE - at % A64_PAGE) >= len)
            return true;
    }
}

uint8_t *a64_atomic_hva(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned size,
                        bool write)
{
    if (va & (size - 1)) {
        a64_data_fault(cpu, op, va, A64_FSC_ALIGN, write, false);
        return NULL;
    }
    const struct a64_dtlb *e = a64_dtlb_of(cpu->bank, va);
    uint64_t tag = va | (A64_PAGE - 1);
    if (likely(e->tag_r == tag && (!write || e->tag_w == tag)))
        return (uint8_t *)(uintptr_t)(va + e->addend);

    struct a64_tr t;
    uint8_t *hva;
    /* WnR is 0 when a read would have faulted too. */
    if (!locate(cpu, op, cpu->bank, va, A64_READ, 1, &t, &hva))
        return NULL;
    if (write && !locate(cpu, op, cpu->bank, va, A64_WRITE, 1, &t, &hva))
        return NULL;
    if (!hva)
        a64_data_fault(cpu, op, va, A64_FSC_EXT, write, false);
    return hva;
}

bool a64_sp_check_slow(struct a64_cpu *cpu, const struct a64_op *op)
{
    if (!(cpu->sr.sctlr & (cpu->el ? A64_SCTLR_SA : A64_SCTLR_SA0)))
        return true;
    cpu->resume = a64_exception(cpu, a64_pc_of(cpu, op), A64_EC_SP_ALIGN, 0);
    return false;
}
