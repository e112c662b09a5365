// SPDX-License-Identifier: MIT
/*
 * gic_icc.c - GICv3 CPU interface: the ICC_*_EL1 system registers (IHI 0069H §12.2).
 *
 * One Security state and no EL2/EL3: ICC_SRE_EL1 is RAO/WI, group 0 is FIQ and group 1 IRQ, a
 * spurious read gives 1023. With five priority bits there is one active-priority register per
 * group, and AP<g>R1..3 do not exist (§4.8). ICC_ASGI1R generates SGIs for the other Security
 * state: none here, so none.
 */
#include "src/dev/gic.h"
#include "vmm/hv.h"

#define ICC_REG(crn, crm, op2) HV_SYSREG(3, 0, crn, crm, op2)

/* ICC_CTLR_EL1: PRIbits (one less), A3V: SGIs name an Aff3; 16-bit INTIDs, no SEIs, RSS or extended
 * ranges */
#define ICC_CTLR_RO ((GIC_PRIO_BITS - 1) << 8 | 1 << 15)

#define ICC_SRE_VALUE 7 /* SRE, DFB, DIB: no bypass, no memory-mapped interface */

#define SGI_IRM BIT(40)

/* ---- acknowledge, priority drop, deactivate ---- */

/* ICC_IAR<n>: the pending interrupt becomes active and its priority the running one.
 */
static uint64_t icc_iar_r(struct gic *g, unsigned cpu, unsigned group)
{
    struct gic_cpu *c = &g->cpu[cpu];
    unsigned intid = c->hppi;
    if (!c->signal || gic_group_of(g, cpu, intid) != group)
        return GIC_SPURIOUS;
    struct gic_bank *b = gic_bank(g, cpu, intid);
    uint32_t bit = UINT32_C(1) << intid % 32;
    unsigned prio = b->prio[intid % 32] & gic_group_mask(c, group);
    b->active |= bit;
    b->latch &= ~bit;
    c->apr[group] |= UINT32_C(1) << (prio >> (8 - GIC_PRIO_BITS));
    gic_update(g, cpu);
    return intid;
}

static void icc_deactivate(struct gic *g, unsigned cpu, unsigned intid)
{
    gic_bank(g, cpu, intid)->active &= ~(UINT32_C(1) << intid % 32);
}

/* ICC_EOIR<n>: priority drop, and with EOImode 0 deactivation. */
static void icc_eoir_w(struct gic *g, unsigned cpu, unsigned group, uint64_t val)
{
    struct gic_cpu *c = &g->cpu[cpu];
    unsigned intid = val & 0xffffff;
    uint32_t all = c->apr[0] | c->apr[1], top = all & -all;
    /* Special INTIDs are ignored; ending what is not the running group's is UNPREDICTABLE: ignored.
     */
    if (intid >= g->intids || !(c->apr[group] & top))
        return;
    c->apr[group] &= ~top;
    if (!(c->ctlr & ICC_CTLR_EOIMODE) && gic_group_of(g, cpu, intid) == group)
        icc_deactivate(g, cpu, intid);
    gic_update_all(g); /* an SPI may have been active here and be routed elsewhere by now */
}

/* ICC_HPPIR<n>: what would be acknowledged, whatever PMR and the running priority
 * say. */
static uint64_t icc_hppir_r(struct gic *g, unsigned cpu, unsigned group)
{
    unsigned intid = g->cpu[cpu].hppi;
    return intid != GIC_SPURIOUS && gic_group_of(g, cpu, intid) == group ? intid : GIC_SPURIOUS;
}

/* ---- SGIs ---- */

/* ICC_SGI<n>R: pending at each target where the SGI is configured for this group. */
static void icc_sgir_w(struct gic *g, unsigned cpu, unsigned group, uint64_t val)
{
    uint32_t bit = UINT32_C(1) << bits_get(val, 24, 4);
    bool all_but_self = val & SGI_IRM;
    /* Aff3..Aff1 and the range of Aff0 are 0 for every CPU here. */
    bool here = !bits_get(val, 48, 8) && !bits_get(val, 32, 8) && !bits_get(val, 16, 8) &&
                !bits_get(val, 44, 4);
    for (unsigned i = 0; i < g->cpus; i++) {
        struct gic_bank *b = &g->cpu[i].priv;
        bool target = all_but_self ? i != cpu : here && (val >> i & 1);
        if (!target || !(b->group & bit) != !group)
            continue;
        b->latch |= bit;
        gic_update(g, i);
    }
}

/* ---- registers that hold bits ---- */

static uint64_t icc_bpr_r(struct gic *g, unsigned cpu, unsigned group)
{
    const struct gic_cpu *c = &g->cpu[cpu];
    if (group && (c->ctlr & ICC_CTLR_CBPR)) /* BPR0 plus one, saturated */
        return MIN(c->bpr[0] + 1, 7u);
    return c->bpr[group];
}

static void icc_bpr_w(struct gic *g, unsigned cpu, unsigned group, uint64_t val)
{
    struct gic_cpu *c = &g->cpu[cpu];
    unsigned min = group ? GIC_BPR1_MIN : GIC_BPR0_MIN, bpr = val & 7;
    if (group && (c->ctlr & ICC_CTLR_CBPR))
        return;
    c->bpr[group] = MAX(bpr, min);
    gic_update(g, cpu);
}

static void icc_dir_w(struct gic *g, unsigned cpu, unsigned arg, uint64_t val)
{
    (void)arg;
    unsigned intid = val & 0xffffff;
    if (intid < g->intids && (g->cpu[cpu].ctlr & ICC_CTLR_EOIMODE)) /* else ignored */
        icc_deactivate(g, cpu, intid);
    gic_update_all(g);
}

static uint64_t icc_rpr_r(struct gic *g, unsigned cpu, unsigned arg)
{
    (void)arg;
    return gic_running(&g->cpu[cpu]);
}

static uint64_t icc_pmr_r(struct gic *g, unsigned cpu, unsigned arg)
{
    (void)arg;
    return g->cpu[cpu].pmr;
}

static void icc_pmr_w(struct gic *g, unsigned cpu, unsigned arg, uint64_t val)
{
    (void)arg;
    g->cpu[cpu].pmr = val & GIC_PRIO_MASK;
    gic_update(g, cpu);
}

static uint64_t icc_apr_r(struct gic *g, unsigned cpu, unsigned group)
{
    return g->cpu[cpu].apr[group];
}

static void icc_apr_w(struct gic *g, unsigned cpu, unsigned group, uint64_t val)
{
    g->cpu[cpu].apr[group] = (uint32_t)val;
    gic_update(g, cpu);
}

static uint64_t icc_igrpen_r(struct gic *g, unsigned cpu, unsigned group)
{
    return g->cpu[cpu].igrpen[group];
}

static void icc_igrpen_w(struct gic *g, unsigned cpu, unsigned group, uint64_t val)
{
    g->cpu[cpu].igrpen[group] = val & 1;
    gic_update(g, cpu);
}

static uint64_t icc_ctlr_r(struct gic *g, unsigned cpu, unsigned arg)
{
    (void)arg;
    return g->cpu[cpu].ctlr | ICC_CTLR_RO;
}

static void icc_ctlr_w(struct gic *g, unsigned cpu, unsigned arg, uint64_t val)
{
    (void)arg;
    g->cpu[cpu].ctlr = val & (ICC_CTLR_CBPR | ICC_CTLR_EOIMODE);
    gic_update(g, cpu);
}

static uint64_t icc_sre_r(struct gic *g, unsigned cpu, unsigned arg)
{
    (void)g, (void)cpu, (void)arg;
    return ICC_SRE_VALUE;
}

static void icc_ignore_w(struct gic *g, unsigned cpu, unsigned arg, uint64_t val)
{
    (void)g, (void)cpu, (void)arg, (void)val;
}

/*
 * columns: register, read, write; a NULL one makes that direction UNDEFINED. `arg` is the group, or
 * which of the registers that share a function.
 */
struct icc_row {
    uint32_t reg;
    uint64_t (*read)(struct gic *g, unsigned cpu, unsigned arg);
    void (*write)(struct gic *g, unsigned cpu, unsigned arg, uint64_t val);
    unsigned arg;
};

// clang-format off
static const struct icc_row icc_rows[] = {
    {ICC_REG(12, 12, 0), icc_iar_r,    NULL,         1}, /* ICC_IAR1_EL1: the busiest first */
    {ICC_REG(12, 12, 1), NULL,         icc_eoir_w,   1}, /* ICC_EOIR1_EL1 */
    {ICC_REG(4, 6, 0),   icc_pmr_r,    icc_pmr_w,    0}, /* ICC_PMR_EL1 */
    {ICC_REG(12, 11, 5), NULL,         icc_sgir_w,   1}, /* ICC_SGI1R_EL1 */
    {ICC_REG(12, 11, 1), NULL,         icc_dir_w,    0}, /* ICC_DIR_EL1 */
    {ICC_REG(12, 11, 3), icc_rpr_r,    NULL,         0}, /* ICC_RPR_EL1 */
    {ICC_REG(12, 8, 0),  icc_iar_r,    NULL,         0}, /* ICC_IAR0_EL1 */
    {ICC_REG(12, 8, 1),  NULL,         icc_eoir_w,   0}, /* ICC_EOIR0_EL1 */
    {ICC_REG(12, 8, 2),  icc_hppir_r,  NULL,         0}, /* ICC_HPPIR0_EL1 */
    {ICC_REG(12, 8, 3),  icc_bpr_r,    icc_bpr_w,    0}, /* ICC_BPR0_EL1 */
    {ICC_REG(12, 8, 4),  icc_apr_r,    icc_apr_w,    0}, /* ICC_AP0R0_EL1 */
    {ICC_REG(12, 9, 0),  icc_apr_r,    icc_apr_w,    1}, /* ICC_AP1R0_EL1 */
    {ICC_REG(12, 11, 6), NULL,         icc_ignore_w, 0}, /* ICC_ASGI1R_EL1 */
    {ICC_REG(12, 11, 7), NULL,         icc_sgir_w,   0}, /* ICC_SGI0R_EL1 */
    {ICC_REG(12, 12, 2), icc_hppir_r,  NULL,         1}, /* ICC_HPPIR1_EL1 */
    {ICC_REG(12, 12, 3), icc_bpr_r,    icc_bpr_w,    1}, /* ICC_BPR1_EL1 */
    {ICC_REG(12, 12, 4), icc_ctlr_r,   icc_ctlr_w,   0}, /* ICC_CTLR_EL1 */
    {ICC_REG(12, 12, 5), icc_sre_r,    icc_ignore_w, 0}, /* ICC_SRE_EL1 */
    {ICC_REG(12, 12, 6), icc_igrpen_r, icc_igrpen_w, 0}, /* ICC_IGRPEN0_EL1 */
    {ICC_REG(12, 12, 7), icc_igrpen_r, icc_igrpen_w, 1}, /* ICC_IGRPEN1_EL1 */
};
// clang-format on

static const struct icc_row *icc_find(uint32_t reg)
{
    for (unsigned i = 0; i < ARRAY_LEN(icc_rows); i++)
        if (icc_rows[i].reg == reg)
            return &icc_rows[i];
    return NULL;
}

bool gic_icc_read(struct dev *gic, unsigned cpu, uint32_t reg, uint64_t *val)
{
    struct gic *g = container_of(gic, struct gic, dev);
    const struct icc_row *row = icc_find(reg);
    *val = 0;
    if (!row || !row->read)
        return false;
    dev_lock(gic);
    *val = row->read(g, cpu, row->arg);
    dev_unlock(gic);
    return true;
}

bool gic_icc_write(struct dev *gic, unsigned cpu, uint32_t reg, uint64_t val)
{
    struct gic *g = container_of(gic, struct gic, dev);
    const struct icc_row *row = icc_find(reg);
    if (!row || !row->write)
        return false;
    dev_lock(gic);
    row->write(g, cpu, row->arg, val);
    dev_unlock(gic);
    return true;
}
