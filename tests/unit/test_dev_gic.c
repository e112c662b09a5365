// SPDX-License-Identifier: MIT
/*
 * test_dev_gic.c - the interrupt controller against the GICv3 specification (IHI 0069H).
 */
#include "tests/unit/rig.h"

#include "vmm/hv.h"

#define CPUS          4
#define REDIST(cpu)   (GIC_REDIST_OFF + (cpu)*GIC_REDIST_SIZE)
#define SGI_BASE(cpu) (REDIST(cpu) + 0x10000)

#define GICD_CTLR       0x0
#define GICD_IGROUPR    0x80
#define GICD_ISENABLER  0x100
#define GICD_ICENABLER  0x180
#define GICD_ISPENDR    0x200
#define GICD_ICPENDR    0x280
#define GICD_ISACTIVER  0x300
#define GICD_ICACTIVER  0x380
#define GICD_IPRIORITYR 0x400
#define GICD_ICFGR      0xc00
#define GICD_IROUTER    0x6000

#define PMR     HV_SYSREG(3, 0, 4, 6, 0)
#define IAR0    HV_SYSREG(3, 0, 12, 8, 0)
#define EOIR0   HV_SYSREG(3, 0, 12, 8, 1)
#define HPPIR0  HV_SYSREG(3, 0, 12, 8, 2)
#define BPR0    HV_SYSREG(3, 0, 12, 8, 3)
#define AP0R0   HV_SYSREG(3, 0, 12, 8, 4)
#define AP0R1   HV_SYSREG(3, 0, 12, 8, 5)
#define AP1R0   HV_SYSREG(3, 0, 12, 9, 0)
#define AP1R1   HV_SYSREG(3, 0, 12, 9, 1)
#define DIR     HV_SYSREG(3, 0, 12, 11, 1)
#define RPR     HV_SYSREG(3, 0, 12, 11, 3)
#define SGI1R   HV_SYSREG(3, 0, 12, 11, 5)
#define ASGI1R  HV_SYSREG(3, 0, 12, 11, 6)
#define SGI0R   HV_SYSREG(3, 0, 12, 11, 7)
#define IAR1    HV_SYSREG(3, 0, 12, 12, 0)
#define EOIR1   HV_SYSREG(3, 0, 12, 12, 1)
#define HPPIR1  HV_SYSREG(3, 0, 12, 12, 2)
#define BPR1    HV_SYSREG(3, 0, 12, 12, 3)
#define CTLR    HV_SYSREG(3, 0, 12, 12, 4)
#define SRE     HV_SYSREG(3, 0, 12, 12, 5)
#define IGRPEN0 HV_SYSREG(3, 0, 12, 12, 6)
#define IGRPEN1 HV_SYSREG(3, 0, 12, 12, 7)

#define SPURIOUS 1023

/* The vCPUs' interrupt inputs, and that a line is only driven when it changes. */
static struct {
    bool irq[CPUS], fiq[CPUS];
    unsigned repeats;
} lines;

static void line_set(void *ctx, unsigned cpu, bool fiq, bool level)
{
    bool *line = fiq ? &lines.fiq[cpu] : &lines.irq[cpu];
    (void)ctx;
    lines.repeats += *line == level;
    *line = level;
}

static void gic_init(struct rig *r)
{
    rig_init(r, "", 0);
    memset(&lines, 0, sizeof lines);
    expect_u64(gic_new(&r->dev, "gic", CPUS, 256, line_set, NULL), 0);
    rig_map(r, GIC_REDIST_OFF + CPUS * GIC_REDIST_SIZE);
}

static void gic_fini(struct rig *r)
{
    expect_u64(lines.repeats, 0);
    rig_fini(r);
}

static uint64_t icc(struct rig *r, unsigned cpu, uint32_t reg)
{
    uint64_t val;
    expect_true(gic_icc_read(r->dev, cpu, reg, &val));
    return val;
}

static void icc_set(struct rig *r, unsigned cpu, uint32_t reg, uint64_t val)
{
    expect_true(gic_icc_write(r->dev, cpu, reg, val));
}

/* As a guest sets it up: group 1 everywhere, all priorities let through. Nothing enabled yet. */
static void gic_open(struct rig *r)
{
    gic_init(r);
    wr32(r, GICD_CTLR, 3);
    for (unsigned i = 1; i <= 8; i++)
        wr32(r, GICD_IGROUPR + 4 * i, UINT32_MAX);
    for (unsigned i = 0; i < CPUS; i++) {
        wr32(r, REDIST(i) + 0x14, 0);
        wr32(r, SGI_BASE(i) + GICD_IGROUPR, UINT32_MAX);
        icc_set(r, i, PMR, 0xff);
        icc_set(r, i, IGRPEN0, 1);
        icc_set(r, i, IGRPEN1, 1);
    }
}

static void spi_enable(struct rig *r, unsigned spi, uint8_t prio)
{
    unsigned intid = 32 + spi;
    rig_wr(r, GICD_IPRIORITYR + intid, 1, prio);
    wr32(r, GICD_ISENABLER + 4 * (intid / 32), UINT32_C(1) << intid % 32);
}

/* ---- registers ---- */

static void distributor_registers(void) /* §12.9 */
{
    struct rig r;
    gic_init(&r);
    expect_u32(rd32(&r, GICD_CTLR), 0x50); /* ARE, DS */
    wr32(&r, GICD_CTLR, UINT32_MAX);
    expect_u32(rd32(&r, GICD_CTLR), 0x53);
    wr32(&r, GICD_CTLR, 0);
    expect_u32(rd32(&r, 0x4) & 0x1f, 8); /* TYPER: 288 INTIDs */
    expect_u32(rd32(&r, 0x4) >> 17 & 1, 0);
    expect_u32(rd32(&r, 0x8) & 0xfff, 0x43b);
    expect_u32(rd32(&r, 0xffe8) >> 4, 3); /* PIDR2.ArchRev */
    for (unsigned i = 0; i < 32; i++) {
        uint32_t all = i >= 1 && i <= 8 ? UINT32_MAX : 0; /* word 0 is RES0, as is what is beyond */
        wr32(&r, GICD_IGROUPR + 4 * i, UINT32_MAX);
        expect_u32(rd32(&r, GICD_IGROUPR + 4 * i), all);
        static const uint16_t pairs[][2] = {
            {GICD_ISENABLER, GICD_ICENABLER},
            {GICD_ISPENDR,   GICD_ICPENDR  },
            {GICD_ISACTIVER, GICD_ICACTIVER}
        };
        for (unsigned p = 0; p < 3; p++) {
            unsigned set = pairs[p][0] + 4 * i, clear = pairs[p][1] + 4 * i;
            expect_u32(rd32(&r, set), 0);
            wr32(&r, set, UINT32_MAX);
            wr32(&r, set, 0);
            expect_u32(rd32(&r, set), all);
            expect_u32(rd32(&r, clear), all);
            wr32(&r, clear, 0xffff0000);
            expect_u32(rd32(&r, set), all & 0xffff);
            wr32(&r, clear, UINT32_MAX);
            expect_u32(rd32(&r, clear), 0);
        }
        wr32(&r, 0xd00 + 4 * i, UINT32_MAX); /* IGRPMODR, NSACR: one Security state */
        expect_u32(rd32(&r, 0xd00 + 4 * i), 0);
    }
    gic_fini(&r);
}

static void priorities_have_five_bits_and_take_bytes(void) /* §4.8, GICD_IPRIORITYR */
{
    struct rig r;
    gic_init(&r);
    wr32(&r, GICD_IPRIORITYR + 32, 0xffffffff);
    expect_u32(rd32(&r, GICD_IPRIORITYR + 32), 0xf8f8f8f8);
    rig_wr(&r, GICD_IPRIORITYR + 33, 1, 0x57);
    expect_u32(rig_rd(&r, GICD_IPRIORITYR + 33, 1), 0x50);
    expect_u32(rd32(&r, GICD_IPRIORITYR + 32), 0xf8f850f8);
    wr32(&r, GICD_IPRIORITYR + 28, UINT32_MAX); /* PPIs are in the redistributor */
    expect_u32(rd32(&r, GICD_IPRIORITYR + 28), 0);
    wr32(&r, GICD_IPRIORITYR + 288, UINT32_MAX);
    expect_u32(rd32(&r, GICD_IPRIORITYR + 288), 0);
    rig_wr(&r, SGI_BASE(2) + 0x400 + 31, 1, 0xa0);
    expect_u32(rd32(&r, SGI_BASE(2) + 0x41c), 0xa0000000);
    expect_u32(rd32(&r, SGI_BASE(1) + 0x41c), 0);
    gic_fini(&r);
}

static void redistributors_tell_who_they_are(void) /* GICR_TYPER, GICR_WAKER */
{
    struct rig r;
    gic_init(&r);
    for (unsigned i = 0; i < CPUS; i++) {
        uint64_t typer = rig_rd(&r, REDIST(i) + 8, 8);
        expect_u64(typer >> 32, i);
        expect_u64(typer & 0xffffffff, i << 8 | (i == CPUS - 1 ? 0x10 : 0));
        expect_u32(rd32(&r, REDIST(i) + 0xffe8) >> 4, 3);
        expect_u32(rd32(&r, REDIST(i) + 0x14), 6); /* WAKER */
        wr32(&r, REDIST(i) + 0x14, 0);
        expect_u32(rd32(&r, REDIST(i) + 0x14), 0);
        wr32(&r, REDIST(i) + 0x14, 2);
        expect_u32(rd32(&r, REDIST(i) + 0x14), 6);
    }
    gic_fini(&r);
}

static void configuration_of_sgis_is_fixed(void) /* GICR_ICFGR0, GICR_ICFGR1, GICD_ICFGR */
{
    struct rig r;
    gic_init(&r);
    expect_u32(rd32(&r, SGI_BASE(0) + 0xc00), 0xaaaaaaaa);
    wr32(&r, SGI_BASE(0) + 0xc00, 0);
    expect_u32(rd32(&r, SGI_BASE(0) + 0xc00), 0xaaaaaaaa);
    wr32(&r, SGI_BASE(0) + 0xc04, UINT32_MAX);
    expect_u32(rd32(&r, SGI_BASE(0) + 0xc04), 0xaaaaaaaa);
    expect_u32(rd32(&r, GICD_ICFGR), 0);
    wr32(&r, GICD_ICFGR + 8, 0x80000002);
    expect_u32(rd32(&r, GICD_ICFGR + 8), 0x80000002);
    wr32(&r, GICD_ICFGR + 0x44, UINT32_MAX);
    expect_u32(rd32(&r, GICD_ICFGR + 0x44), 0xaaaaaaaa);
    wr32(&r, GICD_ICFGR + 0x48, UINT32_MAX); /* beyond the last */
    expect_u32(rd32(&r, GICD_ICFGR + 0x48), 0);
    gic_fini(&r);
}

static void irouter_takes_both_halves(void) /* GICD_IROUTER */
{
    struct rig r;
    gic_init(&r);
    rig_wr(&r, GICD_IROUTER + 8 * 40, 8, UINT64_MAX);
    expect_u64(rig_rd(&r, GICD_IROUTER + 8 * 40, 8), UINT64_C(0xff80ffffff));
    wr32(&r, GICD_IROUTER + 8 * 40, 3);
    expect_u64(rig_rd(&r, GICD_IROUTER + 8 * 40, 8), UINT64_C(0xff00000003));
    wr32(&r, GICD_IROUTER + 8 * 40 + 4, 0);
    expect_u64(rig_rd(&r, GICD_IROUTER + 8 * 40, 8), 3);
    rig_wr(&r, GICD_IROUTER + 8 * 31, 8, 3);
    expect_u64(rig_rd(&r, GICD_IROUTER + 8 * 31, 8), 0);
    rig_wr(&r, GICD_IROUTER + 8 * 288, 8, 3);
    expect_u64(rig_rd(&r, GICD_IROUTER + 8 * 288, 8), 0);
    gic_fini(&r);
}

static void cpu_interface_registers(void) /* §12.2 */
{
    static const struct {
        uint32_t reg;
        uint64_t reset, ones, zero;
    } regs[] = {
        {PMR,     0,      0xf8,       0     },
        {BPR0,    2,      7,          2     },
        {BPR1,    3,      7,          3     },
        {CTLR,    0x8400, 0x8403,     0x8400},
        {SRE,     7,      7,          7     },
        {IGRPEN0, 0,      1,          0     },
        {IGRPEN1, 0,      1,          0     },
        {AP0R0,   0,      UINT32_MAX, 0     },
        {AP1R0,   0,      UINT32_MAX, 0     },
    };
    struct rig r;
    gic_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
        expect_u64(icc(&r, 1, regs[i].reg), regs[i].reset);
        icc_set(&r, 1, regs[i].reg, UINT64_MAX);
        expect_u64(icc(&r, 1, regs[i].reg), regs[i].ones);
        expect_u64(icc(&r, 0, regs[i].reg), regs[i].reset); /* one CPU's own */
        icc_set(&r, 1, regs[i].reg, 0);
        expect_u64(icc(&r, 1, regs[i].reg), regs[i].zero);
    }
    gic_fini(&r);
}

static void what_is_not_there_is_undefined(void) /* §12.2: access by direction */
{
    static const uint32_t no_read[] = {EOIR0,
                                       EOIR1,
                                       DIR,
                                       SGI0R,
                                       SGI1R,
                                       ASGI1R,
                                       AP0R1,
                                       AP1R1,
                                       HV_SYSREG(3, 0, 0, 0, 0),
                                       HV_SYSREG(3, 4, 12, 12, 5)};
    static const uint32_t no_write[] = {IAR0, IAR1, HPPIR0, HPPIR1, RPR, AP0R1, AP1R1};
    struct rig r;
    uint64_t val;
    gic_init(&r);
    for (unsigned i = 0; i < ARRAY_LEN(no_read); i++)
        expect_true(!gic_icc_read(r.dev, 0, no_read[i], &val));
    for (unsigned i = 0; i < ARRAY_LEN(no_write); i++)
        expect_true(!gic_icc_write(r.dev, 0, no_write[i], 0));
    gic_fini(&r);
}

static void odd_accesses_are_harmless(void)
{
    struct rig r;
    gic_open(&r);
    for (unsigned i = 0; i < 256; i++)
        gic_set_spi(r.dev, i, true);
    rig_sweep(&r, GIC_REDIST_OFF + CPUS * GIC_REDIST_SIZE, UINT64_MAX);
    r.dev->ops->reset(r.dev);
    for (unsigned i = 0; i < CPUS; i++)
        expect_true(!lines.irq[i] && !lines.fiq[i]);
    expect_u32(rd32(&r, GICD_CTLR), 0x50);
    expect_u32(rd32(&r, GICD_ISENABLER + 4), 0);
    gic_fini(&r);
}

/* ---- the life of an interrupt ---- */

static void each_gate_holds_an_interrupt_back(void) /* §4.8, §4.6 */
{
    struct rig r;
    gic_open(&r);
    spi_enable(&r, 1, 0xa0);
    gic_set_spi(r.dev, 1, true);
    expect_true(lines.irq[0] && !lines.fiq[0]);
    wr32(&r, GICD_ICENABLER + 4, 2);
    expect_true(!lines.irq[0]);
    wr32(&r, GICD_ISENABLER + 4, 2);
    expect_true(lines.irq[0]);
    wr32(&r, GICD_CTLR, 1);
    expect_true(!lines.irq[0]);
    wr32(&r, GICD_CTLR, 2);
    expect_true(lines.irq[0]);
    icc_set(&r, 0, IGRPEN1, 0);
    expect_true(!lines.irq[0]);
    icc_set(&r, 0, IGRPEN1, 1);
    icc_set(&r, 0, PMR, 0xa0); /* not higher than the mask */
    expect_true(!lines.irq[0]);
    expect_u64(icc(&r, 0, IAR1), SPURIOUS);
    expect_u64(icc(&r, 0, HPPIR1), 33); /* but it is pending */
    icc_set(&r, 0, PMR, 0xa8);
    expect_true(lines.irq[0]);
    wr32(&r, GICD_ISACTIVER + 4, 2);
    expect_true(!lines.irq[0]);
    wr32(&r, GICD_ICACTIVER + 4, 2);
    expect_true(lines.irq[0]);
    gic_set_spi(r.dev, 1, false);
    expect_true(!lines.irq[0]);
    expect_u64(icc(&r, 0, IAR1), SPURIOUS);
    gic_fini(&r);
}

static void a_level_comes_back_after_eoi(void) /* §4.1: pending and active */
{
    struct rig r;
    gic_open(&r);
    spi_enable(&r, 5, 0x80);
    gic_set_spi(r.dev, 5, true);
    expect_u64(icc(&r, 0, IAR1), 37);
    expect_true(!lines.irq[0]);
    expect_u64(icc(&r, 0, RPR), 0x80);
    expect_u32(rd32(&r, GICD_ISACTIVER + 4), 1 << 5);
    expect_u32(rd32(&r, GICD_ISPENDR + 4), 1 << 5); /* the wire is still up */
    icc_set(&r, 0, EOIR1, 37);
    expect_u64(icc(&r, 0, RPR), 0xff);
    expect_true(lines.irq[0]);
    expect_u64(icc(&r, 0, IAR1), 37);
    gic_set_spi(r.dev, 5, false);
    icc_set(&r, 0, EOIR1, 37);
    expect_true(!lines.irq[0]);
    wr32(&r, GICD_ISPENDR + 4,
         1 << 5); /* a level interrupt pended by software: until acknowledged */
    expect_u64(icc(&r, 0, IAR1), 37);
    icc_set(&r, 0, EOIR1, 37);
    expect_true(!lines.irq[0]);
    gic_fini(&r);
}

static void an_edge_is_remembered_and_comes_once(void) /* §4.1 */
{
    struct rig r;
    gic_open(&r);
    wr32(&r, GICD_ICFGR + 8, 2 << 2); /* SPI 1 */
    spi_enable(&r, 1, 0x80);
    gic_set_spi(r.dev, 1, true);
    gic_set_spi(r.dev, 1, false);
    expect_true(lines.irq[0]);
    expect_u64(icc(&r, 0, IAR1), 33);
    gic_set_spi(r.dev, 1, true); /* another while it is active */
    expect_true(!lines.irq[0]);
    icc_set(&r, 0, EOIR1, 33);
    expect_true(lines.irq[0]);
    expect_u64(icc(&r, 0, IAR1), 33);
    icc_set(&r, 0, EOIR1, 33);
    expect_true(!lines.irq[0]); /* a wire that stays up is no edge */
    gic_set_spi(r.dev, 1, true);
    expect_true(!lines.irq[0]);
    gic_set_spi(r.dev, 1, false);
    gic_set_spi(r.dev, 1, true);
    wr32(&r, GICD_ICPENDR + 4, 2);
    expect_true(!lines.irq[0]);
    gic_fini(&r);
}

static void the_highest_priority_comes_first_and_preempts(void) /* §4.8 */
{
    struct rig r;
    gic_open(&r);
    spi_enable(&r, 1, 0xa0);
    spi_enable(&r, 2, 0x40);
    spi_enable(&r, 3, 0xa0);
    gic_set_spi(r.dev, 3, true);
    gic_set_spi(r.dev, 1, true);
    expect_u64(icc(&r, 0, IAR1), 33);
    expect_true(!lines.irq[0]); /* equal priority does not preempt */
    expect_u64(icc(&r, 0, IAR1), SPURIOUS);
    gic_set_spi(r.dev, 2, true);
    expect_true(lines.irq[0]);
    expect_u64(icc(&r, 0, IAR1), 34);
    expect_u64(icc(&r, 0, RPR), 0x40);
    expect_u64(icc(&r, 0, AP1R0), UINT64_C(1) << 8 | UINT64_C(1) << 20);
    gic_set_spi(r.dev, 2, false);
    icc_set(&r, 0, EOIR1, 34);
    expect_u64(icc(&r, 0, RPR), 0xa0);
    gic_set_spi(r.dev, 1, false);
    icc_set(&r, 0, EOIR1, 33);
    expect_u64(icc(&r, 0, IAR1), 35);
    gic_set_spi(r.dev, 3, false);
    icc_set(&r, 0, EOIR1, 35);
    expect_u64(icc(&r, 0, RPR), 0xff);
    gic_fini(&r);
}

static void the_binary_point_limits_preemption(void) /* §4.8 */
{
    struct rig r;
    gic_open(&r);
    icc_set(&r, 0, BPR1, 6); /* group priority is [7:6] */
    spi_enable(&r, 1, 0xa0);
    spi_enable(&r, 2, 0x88);
    spi_enable(&r, 3, 0x78);
    gic_set_spi(r.dev, 1, true);
    expect_u64(icc(&r, 0, IAR1), 33);
    expect_u64(icc(&r, 0, RPR), 0x80);
    gic_set_spi(r.dev, 2, true);
    expect_true(!lines.irq[0]); /* same group priority */
    expect_u64(icc(&r, 0, HPPIR1), 34);
    gic_set_spi(r.dev, 3, true);
    expect_true(lines.irq[0]);
    icc_set(&r, 0, BPR1, 0); /* below the minimum */
    expect_u64(icc(&r, 0, BPR1), 3);
    icc_set(&r, 0, BPR0, 4);
    icc_set(&r, 0, CTLR, 1); /* CBPR: BPR0 for both */
    expect_u64(icc(&r, 0, BPR1), 5);
    icc_set(&r, 0, BPR1, 7);
    expect_u64(icc(&r, 0, BPR1), 5);
    icc_set(&r, 0, BPR0, 7);
    expect_u64(icc(&r, 0, BPR1), 7);
    icc_set(&r, 0, AP1R0, 0);
    expect_u64(icc(&r, 0, IAR1), 35); /* no group bits at all: */
    expect_u64(icc(&r, 0, RPR), 0);
    spi_enable(&r, 4, 0x08);
    gic_set_spi(r.dev, 4, true);
    expect_true(!lines.irq[0]); /* no preemption */
    gic_fini(&r);
}

static void with_eoimode_1_dir_deactivates(void) /* §4.1, ICC_DIR_EL1 */
{
    struct rig r;
    gic_open(&r);
    icc_set(&r, 0, DIR, 33); /* EOImode 0: ignored */
    icc_set(&r, 0, CTLR, 2);
    spi_enable(&r, 1, 0x80);
    spi_enable(&r, 2, 0x80);
    gic_set_spi(r.dev, 1, true);
    expect_u64(icc(&r, 0, IAR1), 33);
    gic_set_spi(r.dev, 2, true);
    expect_true(!lines.irq[0]);
    icc_set(&r, 0, EOIR1, 33);
    expect_u64(icc(&r, 0, RPR), 0xff);
    expect_u32(rd32(&r, GICD_ISACTIVER + 4), 2); /* priority drop only */
    expect_u64(icc(&r, 0, IAR1), 34);
    icc_set(&r, 0, EOIR1, 34);
    expect_true(!lines.irq[0]);
    icc_set(&r, 0, DIR, 33);
    expect_true(lines.irq[0]);
    expect_u64(icc(&r, 0, IAR1), 33);
    gic_fini(&r);
}

static void eoi_of_nothing_changes_nothing(void) /* ICC_EOIR1_EL1 */
{
    struct rig r;
    gic_open(&r);
    spi_enable(&r, 1, 0x80);
    gic_set_spi(r.dev, 1, true);
    expect_u64(icc(&r, 0, IAR1), 33);
    icc_set(&r, 0, EOIR1, 1023);
    icc_set(&r, 0, EOIR1, 1020);
    icc_set(&r, 0, EOIR1, 0xffffff);
    icc_set(&r, 0, EOIR0, 33); /* not this group's */
    icc_set(&r, 1, EOIR1, 33); /* not this CPU's */
    icc_set(&r, 0, DIR, 0xffffff);
    expect_u64(icc(&r, 0, RPR), 0x80);
    expect_u32(rd32(&r, GICD_ISACTIVER + 4), 2);
    gic_fini(&r);
}

static void group_0_is_fiq(void) /* §4.6, one Security state */
{
    struct rig r;
    gic_open(&r);
    wr32(&r, GICD_IGROUPR + 4, ~UINT32_C(2));
    spi_enable(&r, 1, 0x40);
    spi_enable(&r, 2, 0x80);
    gic_set_spi(r.dev, 2, true);
    expect_true(lines.irq[0] && !lines.fiq[0]);
    gic_set_spi(r.dev, 1, true);
    expect_true(!lines.irq[0] && lines.fiq[0]); /* the higher one is signalled */
    expect_u64(icc(&r, 0, IAR1), SPURIOUS);
    expect_u64(icc(&r, 0, HPPIR1), SPURIOUS);
    expect_u64(icc(&r, 0, HPPIR0), 33);
    expect_u64(icc(&r, 0, IAR0), 33);
    expect_u64(icc(&r, 0, AP0R0), 1 << 8);
    expect_u64(icc(&r, 0, AP1R0), 0);
    expect_true(!lines.irq[0] && !lines.fiq[0]);
    gic_set_spi(r.dev, 1, false);
    icc_set(&r, 0, EOIR1, 33); /* the running priority is group 0's */
    expect_u64(icc(&r, 0, RPR), 0x40);
    icc_set(&r, 0, EOIR0, 33);
    expect_true(lines.irq[0]);
    gic_fini(&r);
}

static void private_interrupts_are_private(void) /* §2.2: PPIs */
{
    struct rig r;
    gic_open(&r);
    for (unsigned i = 0; i < CPUS; i++)
        wr32(&r, SGI_BASE(i) + GICD_ISENABLER, UINT32_C(1) << 27);
    gic_set_ppi(r.dev, 2, 27, true);
    expect_true(lines.irq[2]);
    expect_true(!lines.irq[0] && !lines.irq[1] && !lines.irq[3]);
    expect_u32(rd32(&r, SGI_BASE(2) + GICD_ISPENDR), UINT32_C(1) << 27);
    expect_u64(icc(&r, 0, IAR1), SPURIOUS);
    expect_u64(icc(&r, 2, IAR1), 27);
    gic_set_ppi(r.dev, 2, 27, false);
    icc_set(&r, 2, EOIR1, 27);
    expect_true(!lines.irq[2]);
    gic_fini(&r);
}

/* ---- SGIs ---- */

static void sgis_reach_their_targets(void) /* ICC_SGI1R_EL1 */
{
    struct rig r;
    gic_open(&r);
    for (unsigned i = 0; i < CPUS; i++)
        wr32(&r, SGI_BASE(i) + GICD_ISENABLER, 0xffff);
    icc_set(&r, 0, SGI1R, UINT64_C(5) << 24 | 0xa); /* CPUs 1 and 3 */
    expect_true(!lines.irq[0] && lines.irq[1] && !lines.irq[2] && lines.irq[3]);
    expect_u64(icc(&r, 1, IAR1), 5);
    expect_u64(icc(&r, 3, IAR1), 5);
    icc_set(&r, 0, SGI1R, UINT64_C(5) << 24 | 2); /* again while active */
    icc_set(&r, 1, EOIR1, 5);
    expect_u64(icc(&r, 1, IAR1), 5);
    icc_set(&r, 1, EOIR1, 5);
    expect_true(!lines.irq[1]);
    icc_set(&r, 3, EOIR1, 5);
    icc_set(&r, 2, SGI1R, BIT(40) | UINT64_C(7) << 24); /* IRM: all but self */
    expect_true(lines.irq[0] && lines.irq[1] && !lines.irq[2] && lines.irq[3]);
    icc_set(&r, 0, SGI1R, UINT64_C(1) << 24 | 1); /* to self */
    expect_u64(icc(&r, 0, IAR1), 1);
    gic_fini(&r);
}

static void sgis_to_nobody_are_dropped(void)
{
    static const uint64_t nobody[] = {
        0xfff0,                  /* CPUs that are not there */
        UINT64_C(1) << 16 | 0xf, /* Aff1 */
        UINT64_C(1) << 32 | 0xf, /* Aff2 */
        UINT64_C(1) << 48 | 0xf, /* Aff3 */
        UINT64_C(1) << 44 | 0xf, /* RS: Aff0 16.. */
        0,
    };
    struct rig r;
    gic_open(&r);
    for (unsigned i = 0; i < CPUS; i++)
        wr32(&r, SGI_BASE(i) + GICD_ISENABLER, 0xffff);
    for (unsigned i = 0; i < ARRAY_LEN(nobody); i++)
        icc_set(&r, 0, SGI1R, nobody[i]);
    icc_set(&r, 0, SGI0R, 0xf);  /* configured for group 1 */
    icc_set(&r, 0, ASGI1R, 0xf); /* no other Security state */
    for (unsigned i = 0; i < CPUS; i++) {
        expect_u32(rd32(&r, SGI_BASE(i) + GICD_ISPENDR), 0);
        expect_true(!lines.irq[i] && !lines.fiq[i]);
    }
    wr32(&r, SGI_BASE(1) + GICD_IGROUPR, 0);
    icc_set(&r, 0, SGI1R, 2); /* now it is group 0 there */
    expect_true(!lines.irq[1] && !lines.fiq[1]);
    icc_set(&r, 0, SGI0R, 2);
    expect_true(lines.fiq[1]);
    expect_u64(icc(&r, 1, IAR0), 0);
    gic_fini(&r);
}

/* ---- routing ---- */

static void an_spi_goes_where_irouter_says(void) /* §2.3 */
{
    struct rig r;
    gic_open(&r);
    spi_enable(&r, 40, 0x80);
    rig_wr(&r, GICD_IROUTER + 8 * 72, 8, 2);
    gic_set_spi(r.dev, 40, true);
    expect_true(!lines.irq[0] && lines.irq[2]);
    rig_wr(&r, GICD_IROUTER + 8 * 72, 8, 3); /* moves while pending */
    expect_true(!lines.irq[2] && lines.irq[3]);
    rig_wr(&r, GICD_IROUTER + 8 * 72, 8, 9); /* nobody */
    expect_true(!lines.irq[3]);
    rig_wr(&r, GICD_IROUTER + 8 * 72, 8, UINT64_C(1) << 32 | 1); /* Aff3 1 */
    expect_true(!lines.irq[1]);
    rig_wr(&r, GICD_IROUTER + 8 * 72, 8, 0);
    expect_true(lines.irq[0]);
    gic_fini(&r);
}

static void a_one_of_n_interrupt_goes_to_one_cpu(void) /* §2.3 */
{
    struct rig r;
    gic_open(&r);
    spi_enable(&r, 1, 0x80);
    spi_enable(&r, 2, 0x40);
    rig_wr(&r, GICD_IROUTER + 8 * 33, 8, BIT(31));
    gic_set_spi(r.dev, 1, true);
    unsigned n = 0;
    for (unsigned i = 0; i < CPUS; i++)
        n += lines.irq[i];
    expect_u32(n, 1);
    expect_true(lines.irq[0]);
    gic_set_spi(r.dev, 2, true); /* CPU 0 has something better: another takes the first */
    expect_true(lines.irq[0] && lines.irq[1]);
    expect_u64(icc(&r, 0, IAR1), 34);
    expect_u64(icc(&r, 1, IAR1), 33);
    for (unsigned i = 0; i < CPUS; i++)
        expect_true(!lines.irq[i]);
    icc_set(&r, 1, EOIR1, 33);
    icc_set(&r, 1, IGRPEN1, 0); /* not CPU 1, not busy CPU 0 */
    expect_true(!lines.irq[0] && !lines.irq[1] && lines.irq[2]);
    icc_set(&r, 2, PMR, 0);
    icc_set(&r, 3, PMR, 0);
    expect_true(!lines.irq[2] && !lines.irq[3]); /* nobody would take it: it waits */
    gic_set_spi(r.dev, 2, false);
    icc_set(&r, 0, EOIR1, 34);
    expect_true(lines.irq[0]);
    expect_u64(icc(&r, 0, IAR1), 33);
    gic_set_spi(r.dev, 1, false);
    icc_set(&r, 0, EOIR1, 33);
    expect_true(!lines.irq[0]);
    gic_fini(&r);
}

static void an_spi_ended_on_another_cpu_comes_back_there(void)
{
    struct rig r;
    gic_open(&r);
    spi_enable(&r, 1, 0x80);
    gic_set_spi(r.dev, 1, true);
    expect_u64(icc(&r, 0, IAR1), 33);
    rig_wr(&r, GICD_IROUTER + 8 * 33, 8, 1); /* moved while active, as irqbalance does */
    expect_true(!lines.irq[1]);
    icc_set(&r, 0, EOIR1, 33);
    expect_true(!lines.irq[0] && lines.irq[1]);
    gic_fini(&r);
}

/* Whatever happens, a line is up exactly when the CPU's IAR would give an interrupt of its group.
 */
static void lines_agree_with_iar_under_random_use(void)
{
    struct rig r;
    uint32_t x = 12345;
    gic_open(&r);
    for (unsigned i = 0; i < 8; i++)
        wr32(&r, GICD_ISENABLER + 4 + 4 * i, UINT32_MAX);
    for (unsigned step = 0; step < 20000; step++) {
        x = x * 1664525 + 1013904223;
        unsigned op = x >> 28, spi = x >> 8 & 15, cpu = x >> 16 & 3;
        switch (op) {
        case 0:
        case 1:
        case 2:
            gic_set_spi(r.dev, spi, x >> 20 & 1);
            break;
        case 3:
            rig_wr(&r, GICD_IPRIORITYR + 32 + spi, 1, x >> 12 & 0xff);
            break;
        case 4:
            rig_wr(&r, GICD_IROUTER + 8 * (32 + spi), 8, x >> 20 & 1 ? BIT(31) : cpu);
            break;
        case 5:
            wr32(&r, GICD_IGROUPR + 4, ~(x >> 4 & 0x1111));
            break;
        case 6:
            icc_set(&r, cpu, PMR, x >> 12 & 0xff);
            break;
        case 7:
            icc_set(&r, cpu, SGI1R, UINT64_C(1) << 24 | (x >> 4 & 15));
            break;
        default: {
            bool irq = lines.irq[cpu], fiq = lines.fiq[cpu];
            expect_true(!(irq && fiq));
            uint64_t g1 = icc(&r, cpu, IAR1);
            expect_true((g1 != SPURIOUS) == irq);
            uint64_t g0 = irq ? SPURIOUS : icc(&r, cpu, IAR0);
            expect_true((g0 != SPURIOUS) == fiq);
            if (x >> 20 & 1 && irq)
                icc_set(&r, cpu, EOIR1, g1);
            if (x >> 20 & 1 && fiq)
                icc_set(&r, cpu, EOIR0, g0);
            if (x >> 21 & 1) { /* end all of it */
                icc_set(&r, cpu, AP0R0, 0);
                icc_set(&r, cpu, AP1R0, 0);
                wr32(&r, GICD_ICACTIVER + 4, UINT32_MAX);
            }
        }
        }
    }
    gic_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(distributor_registers),
    TAP_TEST(priorities_have_five_bits_and_take_bytes),
    TAP_TEST(redistributors_tell_who_they_are),
    TAP_TEST(configuration_of_sgis_is_fixed),
    TAP_TEST(irouter_takes_both_halves),
    TAP_TEST(cpu_interface_registers),
    TAP_TEST(what_is_not_there_is_undefined),
    TAP_TEST(odd_accesses_are_harmless),
    TAP_TEST(each_gate_holds_an_interrupt_back),
    TAP_TEST(a_level_comes_back_after_eoi),
    TAP_TEST(an_edge_is_remembered_and_comes_once),
    TAP_TEST(the_highest_priority_comes_first_and_preempts),
    TAP_TEST(the_binary_point_limits_preemption),
    TAP_TEST(with_eoimode_1_dir_deactivates),
    TAP_TEST(eoi_of_nothing_changes_nothing),
    TAP_TEST(group_0_is_fiq),
    TAP_TEST(private_interrupts_are_private),
    TAP_TEST(sgis_reach_their_targets),
    TAP_TEST(sgis_to_nobody_are_dropped),
    TAP_TEST(an_spi_goes_where_irouter_says),
    TAP_TEST(a_one_of_n_interrupt_goes_to_one_cpu),
    TAP_TEST(an_spi_ended_on_another_cpu_comes_back_there),
    TAP_TEST(lines_agree_with_iar_under_random_use),
};

TAP_MAIN(tests)
