// SPDX-License-Identifier: MIT
/*
 * walk_arm64.c - translate by an ARM64 guest's own stage 1 tables.
 *
 * Follows Arm ARM DDI 0487J.a D8.2 (VMSAv8-64 translation): granules of 4, 16 and 64 KiB, input
 * addresses of up to 48 bits. Not modelled: 52-bit addresses (FEAT_LVA, FEAT_LPA), the permissions,
 * tables in big-endian order, a stage 2.
 */
#include "walk_arm64.h"

#define SCTLR_M   BIT(0)
#define TCR_EPD0  BIT(7)
#define TCR_EPD1  BIT(23)
#define TCR_TBI0  BIT(37)
#define TCR_TBI1  BIT(38)
#define DESC_OA   UINT64_C(0x0000ffffffffffff)
#define TTBR_BASE UINT64_C(0x0000ffffffffffc0) /* without CnP; a small table is aligned to 64 */

/* TCR_EL1.TG0 and TG1 (D17.2.139): log2 of the granule; 0: reserved. */
static const uint8_t walk_tg0[4] = {12, 16, 14, 0};
static const uint8_t walk_tg1[4] = {0, 14, 12, 16};

static uint64_t walk_low(unsigned bits)
{
    return BIT(bits) - 1; /* bits < 64 */
}

/* One half of the address space: granule, size, root. False when it is switched off or too big. */
static bool walk_half(const struct walk_arm64 *w, bool high, unsigned *granule, unsigned *bits,
                      gpa_t *table)
{
    if (w->tcr & (high ? TCR_EPD1 : TCR_EPD0))
        return false;
    *granule = high ? walk_tg1[w->tcr >> 30 & 3] : walk_tg0[w->tcr >> 14 & 3];
    unsigned tsz = (unsigned)(w->tcr >> (high ? 16 : 0)) & 63;
    *bits = 64 - tsz;
    *table = (high ? w->ttbr1 : w->ttbr0) & TTBR_BASE;
    return *granule && tsz >= 16 && *bits > *granule;
}

bool walk_arm64(const struct walk_arm64 *w, uint64_t gva, gpa_t *gpa)
{
    *gpa = gva;
    if (!(w->sctlr & SCTLR_M))
        return !(gva >> 48); /* D8.2.9: the output is the input */
    bool high = gva >> 55 & 1;
    unsigned granule, bits;
    gpa_t table;
    if (!walk_half(w, high, &granule, &bits, &table))
        return false;
    unsigned top = w->tcr & (high ? TCR_TBI1 : TCR_TBI0) ? 56 : 64;
    for (unsigned bit = bits; bit < top; bit++)
        if ((gva >> bit & 1) != high)
            return false;

    unsigned stride = granule - 3, shift = granule;
    while (shift + stride < bits)
        shift += stride;
    unsigned index_bits = bits - shift; /* the root may be smaller than the others */
    for (;; shift -= stride, index_bits = stride) {
        uint64_t desc;
        uint64_t index = gva >> shift & walk_low(index_bits);
        if (!w->read(w->ctx, table + index * 8, &desc) || !(desc & 1))
            return false;
        bool last = shift == granule;
        if (last || !(desc & 2)) { /* D8.3: a page, or a block from level 1 on */
            if (last ? !(desc & 2) : shift >= granule + 3 * stride)
                return false;
            *gpa = (desc & DESC_OA & ~walk_low(shift)) | (gva & walk_low(shift));
            return true;
        }
        table = desc & DESC_OA & ~walk_low(granule);
    }
}
