// SPDX-License-Identifier: MIT
/*
 * mmu.c - stage 1 translation of EL1&0 (Arm ARM DDI 0487J.a D8): the table walk and the permission
 * checks.
 *
 * 4, 16 and 64 KiB granules, 48-bit VAs, 40-bit PAs, top-byte-ignore, hierarchical permissions,
 * WXN, PAN, E0PD, hardware update of the access flag. The contiguous hint is ignored, which is
 * allowed. Not advertised and not there: hardware dirty state, HPD, LPA, CnP. Memory attributes
 * matter only as far as Device or Normal goes: Device memory wants aligned accesses.
 */
#include "src/a64/a64_internal.h"

struct granule {
    uint8_t bits;      /* log2 of the page size */
    uint8_t stride;    /* VA bits per level */
    uint8_t block_min; /* first level with block descriptors */
};

enum { GRANULE_4K, GRANULE_16K, GRANULE_64K };

static const struct granule granules[] = {
    [GRANULE_4K] = {12, 9,  1},
    [GRANULE_16K] = {14, 11, 2},
    [GRANULE_64K] = {16, 13, 2},
};

/* TCR_EL1.TG0 and TG1; a reserved value is taken as 4 KiB (D17.2.131 leaves the choice). */
static const uint8_t granule_of[2][4] = {
    {GRANULE_4K, GRANULE_64K, GRANULE_16K, GRANULE_4K },
    {GRANULE_4K, GRANULE_16K, GRANULE_4K,  GRANULE_64K},
};

/* TCR_EL1.IPS, limited to what ID_AA64MMFR0_EL1.PARange says. */
static const uint8_t pa_bits_of[8] = {32, 36, 40, 40, 40, 40, 40, 40};

/* Table and page descriptors (D8.3.1). */
enum {
    DESC_VALID = 1 << 0,
    DESC_TABLE = 1 << 1, /* below level 3; at level 3: a page */
    DESC_AP1 = 1 << 6,   /* EL0 has access */
    DESC_AP2 = 1 << 7,   /* read-only */
    DESC_AF = 1 << 10,
    DESC_NG = 1 << 11,
};
#define DESC_PXN       BIT(53)
#define DESC_UXN       BIT(54)
#define DESC_PXN_TABLE BIT(59)
#define DESC_XN_TABLE  BIT(60)
#define DESC_AP_TABLE0 BIT(61) /* no EL0 access */
#define DESC_AP_TABLE1 BIT(62) /* no writes */

static bool walk_fault(struct a64_tr *t, unsigned fsc, unsigned level)
{
    t->fsc = (uint8_t)(fsc + level);
    return false;
}

static bool walk_mmu_off(uint64_t va, struct a64_tr *t)
{
    if (va >> A64_PA_BITS)
        return walk_fault(t, A64_FSC_SIZE, 0);
    *t = (struct a64_tr){
        .pa = va, .size = A64_PAGE, .device = true, .sh = 2, .perm = {7, 7}
    };
    return true;
}

static void walk_perms(const struct a64_cpu *cpu, uint64_t desc, uint64_t above, struct a64_tr *t)
{
    const uint8_t r = 1 << A64_READ, w = 1 << A64_WRITE, x = 1 << A64_EXEC;
    bool user = desc & DESC_AP1 && !(above & DESC_AP_TABLE0);
    bool ro = desc & DESC_AP2 || above & DESC_AP_TABLE1;
    bool wxn = cpu->sr.sctlr & A64_SCTLR_WXN;
    bool uxn = desc & DESC_UXN || above & DESC_XN_TABLE || (wxn && user && !ro);
    /* What EL0 can write EL1 never executes (D8.4.5). */
    bool pxn = desc & DESC_PXN || above & DESC_PXN_TABLE || (wxn && !ro) || (user && !ro);
    t->user = user;
    t->perm[0] = (uint8_t)((user ? r : 0) | (user && !ro ? w : 0) | (uxn ? 0 : x));
    t->perm[1] = (uint8_t)(r | (ro ? 0 : w) | (pxn ? 0 : x));
}

static void walk_attr(const struct a64_cpu *cpu, uint64_t desc, struct a64_tr *t)
{
    t->attr = (uint8_t)(cpu->sr.mair >> ((desc >> 2 & 7) * 8));
    t->device = !(t->attr & 0xf0);
    t->sh = t->device ? 2 : desc >> 8 & 3;
    t->ng = desc & DESC_NG;
}

bool a64_walk(struct a64_cpu *cpu, uint64_t va, bool el0, bool af, struct a64_tr *t)
{
    const uint64_t tcr = cpu->sr.tcr;
    va = a64_untag(cpu, va);
    if (!(cpu->sr.sctlr & A64_SCTLR_M))
        return walk_mmu_off(va, t);

    bool high = va & BIT(55);
    uint64_t half = high ? tcr >> 16 : tcr;                  /* TxSZ at 5:0, EPDx at 7 */
    unsigned size = MIN(MAX((unsigned)half & 63, 16u), 39u); /* D8.2.6: out of range is limited */
    unsigned va_bits = 64 - size;
    if ((high ? ~va : va) >> va_bits || half & BIT(7) || (el0 && tcr & (high ? BIT(56) : BIT(55))))
        return walk_fault(t, A64_FSC_TRANS, 0);

    const struct granule *g = &granules[granule_of[high][high ? tcr >> 30 & 3 : tcr >> 14 & 3]];
    unsigned pa_bits = pa_bits_of[tcr >> 32 & 7];
    unsigned level = 4 - (va_bits - g->bits + g->stride - 1u) / g->stride;
    unsigned shift = g->bits + g->stride * (3 - level);
    unsigned index_bits = va_bits - shift;
    /* The first table is aligned to its size, 64 bytes at least (D17.2.144). */
    uint64_t base = (high ? cpu->sr.ttbr1 : cpu->sr.ttbr0) & (BIT(48) - 1);
    base = align_down(base, MAX(BIT(index_bits + 3), 64));
    if (base >> pa_bits)
        return walk_fault(t, A64_FSC_SIZE, 0);

    uint64_t above = 0;
    for (;;) {
        uint64_t at = base + bits_get(va, shift, index_bits) * 8;
        const struct a64_region *region = a64_region_of(cpu->vm, at, 8);
        if (!region)
            return walk_fault(t, A64_FSC_WALK, level);
        _Atomic uint64_t *slot = (_Atomic uint64_t *)(void *)(region->hva + (at - region->base));
        uint64_t desc = atomic_load_explicit(slot, memory_order_acquire);
        if (!(desc & DESC_VALID) || (level == 3 && !(desc & DESC_TABLE)) ||
            (level < g->block_min && !(desc & DESC_TABLE)))
            return walk_fault(t, A64_FSC_TRANS, level);

        if (level < 3 && desc & DESC_TABLE) {
            base = desc & (BIT(48) - BIT(g->bits));
            if (base >> pa_bits)
                return walk_fault(t, A64_FSC_SIZE, level);
            above |= desc;
            level++;
            shift -= g->stride;
            index_bits = g->stride;
            continue;
        }

        uint64_t out = desc & (BIT(48) - BIT(shift));
        if (out >> pa_bits)
            return walk_fault(t, A64_FSC_SIZE, level);
        if (!(desc & DESC_AF)) {
            if (!(tcr & BIT(39)) || region->rom) /* TCR_EL1.HA */
                return walk_fault(t, A64_FSC_AF, level);
            /* By compare and swap: the descriptor may have changed since it was read; then read
             * again. */
            if (af && !atomic_compare_exchange_strong(slot, &desc, desc | DESC_AF))
                continue;
        }
        t->pa = out | (va & (BIT(shift) - 1));
        t->size = BIT(shift);
        t->level = (uint8_t)level;
        walk_attr(cpu, desc, t);
        walk_perms(cpu, desc, above, t);
        return true;
    }
}

bool a64_translate(struct a64_cpu *cpu, uint64_t va, bool el0, enum a64_access access, bool af,
                   struct a64_tr *t)
{
    if (!a64_walk(cpu, va, el0, af, t))
        return false;
    bool pan = !el0 && cpu->pan && t->user && access != A64_EXEC;
    if (pan || !(t->perm[!el0] >> access & 1))
        return walk_fault(t, A64_FSC_PERM, t->level);
    return true;
}
