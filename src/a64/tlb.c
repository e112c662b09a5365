// SPDX-License-Identifier: MIT
/*
 * tlb.c - banks of translations, and the choice among them.
 *
 * A bank serves one context: EL0, EL1, or EL1 with PAN, of one ASID. EL1 with PAN is shared by all
 * ASIDs: what it may hold of a non-global (user) mapping is nothing a kernel normally touches, so
 * such entries are noted and flushed when the ASID changes. A change of ASID or EL switches banks;
 * only TLBI and a change of the translation regime (SCTLR, TCR, MAIR) flush.
 *
 * A TLBI by VA drops the entries of that VA in every bank, whatever the ASID: global entries are in
 * all of them. Blocks larger than 4 KiB leave entries page by page; a TLBI inside such a block
 * flushes the bank.
 */
#include "src/a64/a64_internal.h"

static struct a64_bank_info *bank_info(struct a64_core *core, const struct a64_bank *bank)
{
    return &core->info[bank - core->banks];
}

static void jumps_clear(struct a64_bank *bank)
{
    memset(bank->jumps, 0xff, sizeof bank->jumps);
    bank->jumps[A64_JUMPS - 1].va = 0; /* which all ones lead to */
    memset(bank->jump_pages, 0, sizeof bank->jump_pages);
    bank->jumps_used = false;
}

static void l0_clear(struct a64_bank *bank)
{
    memset(bank->l0, 0xff, sizeof bank->l0);
    bank->l0_used = false;
}

void a64_tlb_jit_init(struct a64_core *core)
{
    for (unsigned i = 0; i < A64_BANKS; i++) {
        l0_clear(&core->banks[i]);
        jumps_clear(&core->banks[i]);
    }
}

static void bank_flush_l0(struct a64_core *core, const struct a64_bank_info *info)
{
    struct a64_bank *bank = &core->banks[info - core->info];
    if (info->used && bank->l0_used)
        l0_clear(bank);
}

static void bank_flush_jumps(struct a64_core *core, const struct a64_bank_info *info)
{
    struct a64_bank *bank = &core->banks[info - core->info];
    if (info->used && bank->jumps_used)
        jumps_clear(bank);
}

void a64_tlb_flush_jumps(struct a64_core *core)
{
    for (unsigned i = 0; i < A64_BANKS; i++)
        bank_flush_jumps(core, &core->info[i]);
}

static void bank_flush(struct a64_core *core, struct a64_bank_info *info)
{
    struct a64_bank *bank = &core->banks[info - core->info];
    bank_flush_l0(core, info);
    bank_flush_jumps(core, info);
    for (; info->dmap; info->dmap &= info->dmap - 1) {
        unsigned n = (unsigned)__builtin_ctz(info->dmap) * (A64_DTLB / 32);
        memset(&bank->d[n], 0, A64_DTLB / 32 * sizeof bank->d[0]);
    }
    for (; info->imap; info->imap &= info->imap - 1) {
        unsigned n = (unsigned)__builtin_ctz(info->imap) * (A64_ITLB / 32);
        memset(&bank->i[n], 0, A64_ITLB / 32 * sizeof bank->i[0]);
    }
    info->ng = false;
    info->large_n = 0;
}

/* The bank of a context in the current ASID: the one that has the key, a free one, or the least
 * used. */
static struct a64_bank *bank_get(struct a64_core *core, unsigned ctx)
{
    uint32_t key = ctx << 16 | (ctx == A64_CTX_EL1_PAN ? 0 : core->asid);
    struct a64_bank_info *best = NULL;
    for (unsigned i = 0; i < A64_BANKS; i++) {
        struct a64_bank_info *info = &core->info[i];
        if (info->used && info->key == key) {
            best = info;
            break;
        }
        bool live = false;
        for (unsigned c = 0; c < A64_CTXS; c++)
            live |= core->ctx[c] == &core->banks[i];
        if (live)
            continue;
        if (!best || (best->used && (!info->used || info->stamp < best->stamp)))
            best = info;
    }
    if (!best->used || best->key != key) {
        bank_flush(core, best);
        best->used = true;
        best->key = key;
    }
    best->stamp = ++core->stamp;
    return core->ctx[ctx] = &core->banks[best - core->info];
}

void a64_bank_pick(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    unsigned ctx = cpu->el == 0 ? A64_CTX_EL0 : cpu->pan ? A64_CTX_EL1_PAN : A64_CTX_EL1;
    struct a64_bank *bank = core->ctx[ctx];
    cpu->bank = likely(bank) ? bank : bank_get(core, ctx);
}

static uint16_t context_asid(const struct a64_cpu *cpu)
{
    uint64_t ttbr = cpu->sr.tcr & BIT(22) ? cpu->sr.ttbr1 : cpu->sr.ttbr0;   /* TCR_EL1.A1 */
    return (uint16_t)(ttbr >> 48 & (cpu->sr.tcr & BIT(36) ? 0xffff : 0xff)); /* TCR_EL1.AS */
}

void a64_context_changed(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    uint16_t asid = context_asid(cpu);
    if (asid == core->asid)
        return;
    core->asid = asid;
    core->ctx[A64_CTX_EL0] = core->ctx[A64_CTX_EL1] = NULL;
    struct a64_bank *pan = core->ctx[A64_CTX_EL1_PAN];
    if (pan && bank_info(core, pan)->ng)
        bank_flush(core, bank_info(core, pan));
    cpu->user = bank_get(core, A64_CTX_EL0);
    a64_bank_pick(cpu);
}

void a64_context_init(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    a64_tlb_flush_all(cpu);
    memset(core->ctx, 0, sizeof core->ctx);
    core->asid = context_asid(cpu);
    cpu->user = bank_get(core, A64_CTX_EL0);
    a64_bank_pick(cpu);
}

void a64_tlb_flush_all(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    for (unsigned i = 0; i < A64_BANKS; i++)
        bank_flush(core, &core->info[i]);
}

void a64_tlb_flush_asid(struct a64_cpu *cpu, uint16_t asid)
{
    struct a64_core *core = a64_core_of(cpu);
    for (unsigned i = 0; i < A64_BANKS; i++) {
        struct a64_bank_info *info = &core->info[i];
        if (info->key >> 16 == A64_CTX_EL1_PAN ? info->ng : (info->key & 0xffff) == asid)
            bank_flush(core, info);
    }
}

void a64_tlb_flush_va(struct a64_cpu *cpu, uint64_t va)
{
    struct a64_core *core = a64_core_of(cpu);
    unsigned d = (unsigned)(va / A64_PAGE % A64_DTLB), n = (unsigned)(va / A64_PAGE % A64_ITLB);
    unsigned page = (unsigned)(va / A64_PAGE % A64_JUMP_PAGES);
    va = (uint64_t)bits_sext(va, 56); /* TLBI takes bits 55..12 */
    for (unsigned i = 0; i < A64_BANKS; i++) {
        struct a64_bank_info *info = &core->info[i];
        struct a64_bank *bank = &core->banks[i];
        bool large = false;
        for (unsigned k = 0; k < info->large_n; k++)
            large |= va >= info->large[k].lo && va <= info->large[k].hi;
        if (large) {
            bank_flush(core, info);
            continue;
        }
        bank_flush_l0(core, info);
        if (bank->jump_pages[page / 64] >> page % 64 & 1)
            bank_flush_jumps(core, info);
        if (info->dmap >> d / (A64_DTLB / 32) & 1)
            bank->d[d] = (struct a64_dtlb){0};
        if (info->imap >> n / (A64_ITLB / 32) & 1)
            bank->i[n] = (struct a64_itlb){0};
    }
}

void a64_tlb_flush_code(struct a64_cpu *cpu)
{
    struct a64_core *core = a64_core_of(cpu);
    a64_tlb_flush_jumps(core);
    for (unsigned i = 0; i < A64_BANKS; i++)
        if (core->info[i].imap) {
            memset(core->banks[i].i, 0, sizeof core->banks[i].i);
            core->info[i].imap = 0;
        }
}

static uint64_t large_gap(const struct a64_bank_info *info, unsigned k, uint64_t lo, uint64_t hi)
{
    if (lo > info->large[k].hi)
        return lo - info->large[k].hi;
    return info->large[k].lo > hi ? info->large[k].lo - hi : 0;
}

/* Note that entries of the block around va exist: in a free range, or by widening the nearest. */
static void bank_note_large(struct a64_bank_info *info, uint64_t va, uint64_t size)
{
    va = (uint64_t)bits_sext(va, 56);
    uint64_t lo = align_down(va, size), hi = lo + (size - 1);
    unsigned best = 0;
    for (unsigned k = 0; k < info->large_n; k++) {
        if (lo >= info->large[k].lo && hi <= info->large[k].hi)
            return;
        if (large_gap(info, k, lo, hi) < large_gap(info, best, lo, hi))
            best = k;
    }
    if (info->large_n < A64_LARGE && (!info->large_n || large_gap(info, best, lo, hi) > 1)) {
        info->large[info->large_n].lo = lo;
        info->large[info->large_n++].hi = hi;
        return;
    }
    info->large[best].lo = MIN(info->large[best].lo, lo);
    info->large[best].hi = MAX(info->large[best].hi, hi);
}

static void bank_note(struct a64_bank_info *info, uint64_t va, const struct a64_tr *t)
{
    info->ng |= t->ng;
    if (unlikely(t->size > A64_PAGE))
        bank_note_large(info, va, t->size);
}

void a64_tlb_put_data(struct a64_cpu *cpu, struct a64_bank *bank, uint64_t va,
                      const struct a64_tr *t, const struct a64_region *region)
{
    struct a64_bank_info *info = bank_info(a64_core_of(cpu), bank);
    bool el0 = bank == cpu->user;
    uint8_t perm = t->perm[!el0];
    if (t->user && !el0 && cpu->pan)
        perm = 0;
    uint64_t page = align_down(va, A64_PAGE), tag = page | (A64_PAGE - 1);
    struct a64_dtlb *e = a64_dtlb_of(bank, va);
    e->tag_r = perm & 1 << A64_READ ? tag : 0;
    e->tag_w = perm & 1 << A64_WRITE && !region->rom ? tag : 0;
    e->addend = (uintptr_t)(region->hva + (align_down(t->pa, A64_PAGE) - region->base)) - page;
    e->amask = t->device || cpu->sr.sctlr & A64_SCTLR_A ? ~UINT64_C(0) : 0;
    info->dmap |= 1u << va / A64_PAGE % A64_DTLB / (A64_DTLB / 32);
    bank_note(info, va, t);
}

void a64_tlb_put_code(struct a64_cpu *cpu, uint64_t va, const struct a64_tr *t, struct a64_op *ops)
{
    struct a64_bank_info *info = bank_info(a64_core_of(cpu), cpu->bank);
    unsigned n = (unsigned)(va / A64_PAGE % A64_ITLB);
    cpu->bank->i[n] = (struct a64_itlb){align_down(va, A64_PAGE) | 1, ops};
    info->imap |= 1u << n / (A64_ITLB / 32);
    bank_note(info, va, t);
}
