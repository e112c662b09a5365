// SPDX-License-Identifier: MIT
/*
 * walk_x86.c - translate by an x86 guest's own page tables.
 *
 * Follows Intel SDM vol. 3A chapter 4: 32-bit paging (§4.3), PAE paging (§4.4), 4-level and 5-level
 * paging (§4.5). Not modelled: permissions, protection keys, PSE-36 (§4.3, table 4-4).
 */
#include "walk_x86.h"

#define CR0_PG   BIT(31)
#define CR4_PSE  BIT(4)
#define CR4_PAE  BIT(5)
#define CR4_LA57 BIT(12)
#define EFER_LMA BIT(10)

#define PTE_P  BIT(0)
#define PTE_PS BIT(7) /* the entry maps a large page */
#define PTE_PA UINT64_C(0x000ffffffffff000)

/* One level: index bits are [shift, shift + bits); `large`: PS may be set. */
struct walk_level {
    uint8_t shift, bits;
    bool large;
};

static const struct walk_level walk_legacy[] = {
    {22, 10, true },
    {12, 10, false},
};
static const struct walk_level walk_pae[] = {
    {30, 2, false},
    {21, 9, true },
    {12, 9, false},
};
static const struct walk_level walk_long[] = {
    {48, 9, false},
    {39, 9, false},
    {30, 9, true },
    {21, 9, true },
    {12, 9, false},
};

/* An entry of 4 or 8 bytes; those of 4 are read with the 8 that hold them. */
static bool walk_entry(const struct walk_x86 *w, gpa_t table, uint64_t index, unsigned size,
                       uint64_t *entry)
{
    gpa_t at = table + index * size;
    if (!w->read(w->ctx, at & ~UINT64_C(7), entry))
        return false;
    if (size == 4)
        *entry = (uint32_t)(*entry >> (at & 4) * 8);
    return true;
}

static bool walk_levels(const struct walk_x86 *w, const struct walk_level *level, unsigned n,
                        gpa_t table, unsigned size, bool pse, uint64_t gva, gpa_t *gpa)
{
    for (unsigned i = 0; i < n; i++, level++) {
        uint64_t entry;
        uint64_t index = gva >> level->shift & (BIT(level->bits) - 1);
        if (!walk_entry(w, table, index, size, &entry) || !(entry & PTE_P))
            return false;
        if (i + 1 == n || (level->large && pse && entry & PTE_PS)) {
            uint64_t low = BIT(level->shift) - 1;
            *gpa = (entry & PTE_PA & ~low) | (gva & low);
            return true;
        }
        table = entry & PTE_PA;
    }
    return false;
}

bool walk_x86(const struct walk_x86 *w, uint64_t gva, gpa_t *gpa)
{
    *gpa = gva;
    if (!(w->cr0 & CR0_PG))
        return gva <= UINT32_MAX;
    if (w->efer & EFER_LMA) {
        unsigned skip = w->cr4 & CR4_LA57 ? 0 : 1, top = skip ? 47 : 56;
        if ((uint64_t)bits_sext(gva, top + 1) != gva) /* not canonical: SDM vol. 1 §3.3.7.1 */
            return false;
        return walk_levels(w, walk_long + skip, ARRAY_LEN(walk_long) - skip, w->cr3 & PTE_PA, 8,
                           true, gva, gpa);
    }
    if (gva > UINT32_MAX)
        return false;
    if (w->cr4 & CR4_PAE)
        return walk_levels(w, walk_pae, ARRAY_LEN(walk_pae), w->cr3 & 0xffffffe0, 8, true, gva,
                           gpa);
    return walk_levels(w, walk_legacy, ARRAY_LEN(walk_legacy), w->cr3 & 0xfffff000, 4,
                       w->cr4 & CR4_PSE, gva, gpa);
}
