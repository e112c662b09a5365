// SPDX-License-Identifier: MIT
/*
 * test_a64_mmu.c - stage 1 translation of the software CPU: walks, permissions, faults and
 * syndromes, TLB maintenance, as Arm ARM DDI 0487J.a D8 and D17.2.37 have them.
 */
#include "tests/unit/a64_rig.h"

#define AF     BIT(10)
#define NG     BIT(11)
#define AP(n)  ((uint64_t)(n) << 6)
#define UXN    BIT(54)
#define PXN    BIT(53)
#define DEVICE (UINT64_C(1) << 2) /* MAIR attribute 1 */
#define BLOCK  UINT64_C(1)
#define PAGE   UINT64_C(3)
#define TABLE  UINT64_C(3)

#define TCR_EPD1 BIT(23)
#define TCR_HA   BIT(39)

/* The nth 64 KiB of the table space, so that every granule is aligned. */
static gpa_t table(unsigned n)
{
    return RIG_TABLES + (gpa_t)n * 0x10000;
}

static void put(struct rig *r, gpa_t at, unsigned index, uint64_t desc)
{
    le64_put(rig_hva(r, at + index * 8ull), desc);
}

static uint64_t get(struct rig *r, gpa_t at, unsigned index)
{
    return le64_get(rig_hva(r, at + index * 8ull));
}

static void mmu_on(struct rig *r, uint64_t tcr)
{
    struct a64_cpu *cpu = r->cpu[0];
    cpu->sr.mair = 0x00ff; /* 0: Normal write-back, 1: Device-nGnRnE */
    cpu->sr.tcr = tcr;
    cpu->sr.ttbr0 = table(0);
    cpu->sr.sctlr |= A64_SCTLR_M;
    a64_tlb_flush_all(cpu);
    a64_context_changed(cpu);
}

/*
 * 39-bit VA space, 4 KiB granule. RAM is mapped flat by a block at its own address; the 2 MiB at VA
 * 0 are pages of the level 3 table table(2).
 */
static void rig_init_mmu(struct rig *r)
{
    rig_init(r);
    put(r, table(0), 1, RIG_RAM | AF | BLOCK);
    put(r, table(0), 0, table(1) | TABLE);
    put(r, table(1), 0, table(2) | TABLE);
    mmu_on(r, 25 | TCR_EPD1);
}

/* The level 3 descriptor of VA page n. */
static void page(struct rig *r, unsigned n, uint64_t desc)
{
    put(r, table(2), n, desc);
    a64_tlb_flush_all(r->cpu[0]);
}

static bool can(struct rig *r, uint64_t va, bool el0, enum a64_access access)
{
    struct a64_tr t;
    return a64_translate(r->cpu[0], va, el0, access, true, &t);
}

/* Fault status of an access, 0xff when it translates. */
static unsigned fsc(struct rig *r, uint64_t va)
{
    struct a64_tr t;
    return a64_translate(r->cpu[0], va, false, A64_READ, true, &t) ? 0xff : t.fsc;
}

static uint64_t pa(struct rig *r, uint64_t va)
{
    struct a64_tr t;
    return a64_translate(r->cpu[0], va, false, A64_READ, true, &t) ? t.pa : ~UINT64_C(0);
}

static const char *rights(struct rig *r, uint64_t va, bool el0)
{
    static char text[4];
    text[0] = can(r, va, el0, A64_READ) ? 'r' : '-';
    text[1] = can(r, va, el0, A64_WRITE) ? 'w' : '-';
    text[2] = can(r, va, el0, A64_EXEC) ? 'x' : '-';
    return text;
}

static void permissions(void) /* D8.4.1.2, D8.4.2 */
{
    static const struct {
        unsigned ap;
        uint64_t xn;
        const char *el1, *el0;
        const char *wxn1, *wxn0; /* with SCTLR_EL1.WXN */
        const char *pan;         /* EL1 with PSTATE.PAN */
    } rows[] = {
        {0, 0,         "rwx", "--x", "rw-", "--x", "rwx"},
        {0, UXN,       "rwx", "---", "rw-", "---", "rwx"},
        {0, PXN,       "rw-", "--x", "rw-", "--x", "rw-"},
        {0, UXN | PXN, "rw-", "---", "rw-", "---", "rw-"},
        {1, 0,         "rw-", "rwx", "rw-", "rw-", "---"},
        {1, UXN,       "rw-", "rw-", "rw-", "rw-", "---"},
        {1, PXN,       "rw-", "rwx", "rw-", "rw-", "---"},
        {1, UXN | PXN, "rw-", "rw-", "rw-", "rw-", "---"},
        {2, 0,         "r-x", "--x", "r-x", "--x", "r-x"},
        {2, UXN,       "r-x", "---", "r-x", "---", "r-x"},
        {2, PXN,       "r--", "--x", "r--", "--x", "r--"},
        {2, UXN | PXN, "r--", "---", "r--", "---", "r--"},
        {3, 0,         "r-x", "r-x", "r-x", "r-x", "--x"},
        {3, UXN,       "r-x", "r--", "r-x", "r--", "--x"},
        {3, PXN,       "r--", "r-x", "r--", "r-x", "---"},
        {3, UXN | PXN, "r--", "r--", "r--", "r--", "---"},
    };
    struct rig r;
    rig_init_mmu(&r);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        page(&r, 5, RIG_DATA | AP(rows[i].ap) | rows[i].xn | AF | PAGE);
        expect_text(rights(&r, 0x5000, false), rows[i].el1);
        expect_text(rights(&r, 0x5000, true), rows[i].el0);
        r.cpu[0]->sr.sctlr |= A64_SCTLR_WXN;
        expect_text(rights(&r, 0x5000, false), rows[i].wxn1);
        expect_text(rights(&r, 0x5000, true), rows[i].wxn0);
        r.cpu[0]->sr.sctlr &= ~(uint64_t)A64_SCTLR_WXN;
        r.cpu[0]->pan = true;
        expect_text(rights(&r, 0x5000, false), rows[i].pan);
        expect_text(rights(&r, 0x5000, true), rows[i].el0);
        r.cpu[0]->pan = false;
    }
    rig_fini(&r);
}

static void permissions_of_tables(void) /* D8.4.3: APTable, XNTable, PXNTable */
{
    static const struct {
        uint64_t table;
        const char *el1, *el0;
    } rows[] = {
        {0,                 "rw-", "rwx"},
        {BIT(61),           "rwx", "--x"}, /* no EL0 access; EL1 may execute then */
        {BIT(62),           "r-x", "r-x"}, /* read-only */
        {BIT(61) | BIT(62), "r-x", "--x"},
        {BIT(60),           "rw-", "rw-"}, /* UXN below */
        {BIT(59) | BIT(62), "r--", "r-x"},
    };
    struct rig r;
    rig_init_mmu(&r);
    page(&r, 5, RIG_DATA | AP(1) | AF | PAGE);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned level = 0; level < 2; level++) {
            put(&r, table(0), 0, table(1) | TABLE | (level ? 0 : rows[i].table));
            put(&r, table(1), 0, table(2) | TABLE | (level ? rows[i].table : 0));
            expect_text(rights(&r, 0x5000, false), rows[i].el1);
            expect_text(rights(&r, 0x5000, true), rows[i].el0);
        }
    rig_fini(&r);
}

static void faults_name_their_level(void)
{
    struct rig r;
    rig_init_mmu(&r);
    put(&r, table(0), 2, 0);
    expect_u64(fsc(&r, 0x80000000), A64_FSC_TRANS + 1);
    expect_u64(fsc(&r, 0x00200000), A64_FSC_TRANS + 2);
    expect_u64(fsc(&r, 0x00005000), A64_FSC_TRANS + 3);
    page(&r, 5, RIG_DATA | AF | BLOCK); /* reserved at level 3 */
    expect_u64(fsc(&r, 0x5000), A64_FSC_TRANS + 3);
    page(&r, 5, RIG_DATA | PAGE);
    expect_u64(fsc(&r, 0x5000), A64_FSC_AF + 3);
    put(&r, table(1), 1, RIG_RAM | BLOCK);
    expect_u64(fsc(&r, 0x200000), A64_FSC_AF + 2);
    put(&r, table(0), 2, 0x10000000 | TABLE); /* a table outside RAM */
    expect_u64(fsc(&r, 0x80000000), A64_FSC_WALK + 2);
    put(&r, table(0), 2, BIT(40) | AF | BLOCK); /* beyond PARange, and beyond IPS 0 (32 bits) */
    expect_u64(fsc(&r, 0x80000000), A64_FSC_SIZE + 1);
    put(&r, table(0), 2, BIT(32) | AF | BLOCK);
    expect_u64(fsc(&r, 0x80000000), A64_FSC_SIZE + 1);
    r.cpu[0]->sr.tcr |= UINT64_C(2) << 32; /* IPS: 40 bits */
    expect_u64(pa(&r, 0x80000000), BIT(32));
    put(&r, table(0), 2, BIT(40) | TABLE);
    expect_u64(fsc(&r, 0x80000000), A64_FSC_SIZE + 1);
    r.cpu[0]->sr.ttbr0 = BIT(41);
    expect_u64(fsc(&r, 0), A64_FSC_SIZE + 0);
    r.cpu[0]->sr.ttbr0 = 0x10000000;
    expect_u64(fsc(&r, 0), A64_FSC_WALK + 1);
    /* MMU off: flat, up to the PA size. */
    r.cpu[0]->sr.sctlr &= ~(uint64_t)A64_SCTLR_M;
    expect_u64(pa(&r, 0x123456789), 0x123456789);
    expect_u64(fsc(&r, BIT(40)), A64_FSC_SIZE + 0);
    rig_fini(&r);
}

static void va_ranges(void) /* D8.2.6, D8.9 */
{
    struct rig r;
    rig_init_mmu(&r);
    struct a64_cpu *cpu = r.cpu[0];
    const uint64_t high = ~UINT64_C(0) << 39;
    page(&r, 5, RIG_DATA | AF | PAGE);
    cpu->sr.ttbr1 = table(0);
    expect_u64(fsc(&r, BIT(39) | 0x5000), A64_FSC_TRANS + 0);
    expect_u64(fsc(&r, high | 0x5000), A64_FSC_TRANS + 0); /* EPD1 */
    cpu->sr.tcr = 25 | 25 << 16 | UINT64_C(2) << 30;
    expect_u64(pa(&r, high | 0x5123), RIG_DATA + 0x123);
    expect_u64(fsc(&r, (high & ~BIT(39)) | 0x5000), A64_FSC_TRANS + 0);
    expect_u64(fsc(&r, UINT64_C(0x5a) << 56 | 0x5000), A64_FSC_TRANS + 0);
    cpu->sr.tcr |= BIT(37); /* TBI0 */
    expect_u64(pa(&r, UINT64_C(0x5a) << 56 | 0x5123), RIG_DATA + 0x123);
    expect_u64(fsc(&r, (high & ~(UINT64_C(0xff) << 56)) | 0x5000), A64_FSC_TRANS + 0);
    cpu->sr.tcr |= BIT(38); /* TBI1 */
    expect_u64(pa(&r, (high & ~(UINT64_C(0xff) << 56)) | 0x5123), RIG_DATA + 0x123);
    /* EPD0, E0PD0, E0PD1. */
    struct a64_tr t;
    cpu->sr.tcr |= BIT(7);
    expect_u64(fsc(&r, 0x5000), A64_FSC_TRANS + 0);
    cpu->sr.tcr = 25 | 25 << 16 | UINT64_C(2) << 30 | BIT(56);
    page(&r, 5, RIG_DATA | AP(1) | AF | PAGE);
    expect_true(a64_translate(cpu, 0x5000, true, A64_READ, true, &t));
    expect_true(!a64_translate(cpu, high | 0x5000, true, A64_READ, true, &t));
    expect_u64(t.fsc, A64_FSC_TRANS + 0);
    expect_true(a64_translate(cpu, high | 0x5000, false, A64_READ, true, &t));
    rig_fini(&r);
}

/* One leaf at each level of each granule and several TxSZ. */
static void granules(void)
{
    static const struct {
        uint64_t tg0;
        unsigned page_bits, stride, t0sz,
            start;     /* start: the first level (table D8-4 and following) */
        unsigned leaf; /* level of the leaf */
        bool ok;
    } rows[] = {
        {0, 12, 9,  16, 0, 3, true },
        {0, 12, 9,  16, 0, 2, true },
        {0, 12, 9,  16, 0, 1, true },
        {0, 12, 9,  16, 0, 0, false},
        {0, 12, 9,  24, 0, 3, true },
        {0, 12, 9,  25, 1, 3, true },
        {0, 12, 9,  33, 1, 2, true },
        {0, 12, 9,  34, 2, 3, true },
        {0, 12, 9,  39, 2, 3, true },
        {2, 14, 11, 16, 0, 3, true },
        {2, 14, 11, 17, 1, 3, true },
        {2, 14, 11, 17, 1, 2, true },
        {2, 14, 11, 17, 1, 1, false},
        {2, 14, 11, 28, 2, 3, true },
        {2, 14, 11, 39, 3, 3, true },
        {1, 16, 13, 16, 1, 3, true },
        {1, 16, 13, 16, 1, 2, true },
        {1, 16, 13, 16, 1, 1, false},
        {1, 16, 13, 22, 2, 3, true },
        {1, 16, 13, 35, 3, 3, true },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        rig_init(&r);
        mmu_on(&r, rows[i].t0sz | rows[i].tg0 << 14 | TCR_EPD1 | UINT64_C(2) << 32);
        /* A VA with index 1 at every level that has one, offset 0x123 in the page. */
        unsigned va_bits = 64 - rows[i].t0sz;
        uint64_t va = 0x123;
        for (unsigned level = rows[i].start; level <= 3; level++)
            va |= BIT(rows[i].page_bits + rows[i].stride * (3 - level));
        expect_true(va >> va_bits == 0);
        for (unsigned level = rows[i].start; level < rows[i].leaf; level++)
            put(&r, table(level - rows[i].start), 1, table(level - rows[i].start + 1) | TABLE);
        unsigned shift = rows[i].page_bits + rows[i].stride * (3 - rows[i].leaf);
        uint64_t out = shift < 36 ? BIT(36) : 0;
        put(&r, table(rows[i].leaf - rows[i].start), 1,
            out | AF | (rows[i].leaf == 3 ? PAGE : BLOCK));
        if (rows[i].ok)
            expect_u64(pa(&r, va), out | (va & (BIT(shift) - 1)));
        else
            expect_u64(fsc(&r, va), A64_FSC_TRANS + rows[i].leaf);
        rig_fini(&r);
    }
}

static void access_flag_is_set_by_hardware(void) /* D8.4.6, TCR_EL1.HA */
{
    struct rig r;
    rig_init_mmu(&r);
    r.cpu[0]->sr.tcr |= TCR_HA;
    page(&r, 5, RIG_DATA | PAGE);
    struct a64_tr t;
    expect_true(a64_walk(r.cpu[0], 0x5000, false, false, &t)); /* only looking */
    expect_u64(get(&r, table(2), 5), RIG_DATA | PAGE);
    expect_u64(pa(&r, 0x5008), RIG_DATA + 8);
    expect_u64(get(&r, table(2), 5), RIG_DATA | AF | PAGE);
    rig_fini(&r);
}

static void memory_type(void)
{
    struct rig r;
    rig_init_mmu(&r);
    struct a64_tr t;
    page(&r, 5, RIG_DATA | DEVICE | AF | PAGE);
    page(&r, 6, RIG_DATA | 3 << 8 | AF | NG | PAGE);
    expect_true(a64_walk(r.cpu[0], 0x5000, false, true, &t));
    expect_true(t.device && !t.ng);
    expect_u64(t.attr, 0);
    expect_true(a64_walk(r.cpu[0], 0x6000, false, true, &t));
    expect_true(!t.device && t.ng);
    expect_u64(t.attr, 0xff);
    expect_u64(t.sh, 3);
    rig_fini(&r);
}

/* ---- by guest instructions ---- */

/* Run one instruction at EL1 or EL0 with x0 = va; returns EC << 26 | ISS of what it took, 0 for
 * none. */
static uint64_t one(struct rig *r, unsigned el, uint32_t insn, uint64_t va)
{
    struct a64_cpu *cpu = r->cpu[0];
    r->at = RIG_CODE;
    rig_emit(r, insn);
    rig_emit(r, i_svc(0));
    a64_vm_ram_written(r->vm, RIG_CODE, 8);
    /* EL0 runs from VA page 1, which maps the code page executable for it. */
    put(r, table(2), 1, RIG_CODE | AP(3) | AF | PAGE);
    cpu->x[0] = va;
    a64_pstate_set(cpu, (el ? 0x3c5 : 0x3c0) | (cpu->pan ? BIT(22) : 0));
    cpu->pc = el ? RIG_CODE : 0x1000;
    cpu->mmio_n = 0;
    struct hv_exit e = rig_run(r);
    if (e.reason != HV_EXIT_CALL)
        return 1;
    uint64_t esr = cpu->sr.esr & ~BIT(25);
    return esr >> 26 == A64_EC_SVC ? 0 : esr;
}

#define ABT(ec, iss) ((uint64_t)(ec) << 26 | (iss))
#define WNR          0x40
#define CM           0x100

static void syndromes(void)
{
    struct rig r;
    rig_init_mmu(&r);
    page(&r, 5, RIG_DATA | AP(2) | AF | PAGE);          /* EL1 read-only */
    page(&r, 6, RIG_DATA | AP(1) | AF | PAGE);          /* EL0 read-write */
    page(&r, 7, RIG_DATA | AP(1) | DEVICE | AF | PAGE); /* the same as Device */
    page(&r, 8, 0x10000000 | AP(1) | AF | PAGE);        /* outside RAM */
    const struct {
        unsigned el;
        uint32_t insn;
        uint64_t va, esr;
        uint64_t far_;
    } rows[] = {
        {1,                                i_ldr(3,    1,0),      0x4000,ABT(A64_EC_DABT,A64_FSC_TRANS + 3), 0x4000},
        {1,                          i_str(3,                                    1,0),0x4008,ABT(A64_EC_DABT,WNR | (A64_FSC_TRANS + 3)), 0x4008},
        {0,                 i_ldr(3, 1,0),0x4000,                            ABT(A64_EC_DABT_LOWER,                                                                           A64_FSC_TRANS + 3), 0x4000},
        {1,                              i_ldr(3,                                  1,                   0),                                                                          0x5000,                                  0,0},
        {1,i_str(3,1,0),0x5000,ABT(A64_EC_DABT,WNR | (A64_FSC_PERM + 3)), 0x5000},
        {0,                                i_ldr(3,                                        1, 0),                                                                                                                          0x5000,                                                                                                                                                                                                                                                                                                         ABT(A64_EC_DABT_LOWER,                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                           A64_FSC_PERM + 3), 0x5000},
        {1,                          i_ldtr(1,                                    0),0x5000,ABT(A64_EC_DABT,A64_FSC_PERM + 3),0x5000},
        {1,           i_ldtr(1,    0),0x6000,0,0},
        {0,                          i_ldtr(1,                     0),0x6000,                                 0,                                                                                                                                        0                                                                                                                                                                                                                                                       },
        {1,                              i_ldr(3,                               1,                                 0),                                                                                                      UINT64_C(0x8000000000),                                                                                                                                                                                                                                                                                                                                                                                                                                                                             ABT(A64_EC_DABT,                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      A64_FSC_TRANS + 0),
         UINT64_C(0x8000000000)},
 /* alignment: by memory type, and for exclusives and atomics */
        {1,                              i_ldr(3,              1,0),0x6001,0,0},
        {1,                               i_ldr(3,         1,0),0x7001,ABT(A64_EC_DABT,A64_FSC_ALIGN), 0x7001},
        {0,                                i_str(1,      1,0),0x7001,ABT(A64_EC_DABT_LOWER,                                                                                                                                                                               WNR | A64_FSC_ALIGN), 0x7001},
        {1,                                I_LDXR_X1_X0,                                          0x6004,ABT(A64_EC_DABT,A64_FSC_ALIGN),                                        0x6004                                                                                                                                                                                                                                                           },
        {1,                  I_LDADD_X1_X2_X0,                      0x6004,ABT(A64_EC_DABT,WNR | A64_FSC_ALIGN),0x6004},
        {1,                          I_LDADD_X1_X2_X0,               0x5000,ABT(A64_EC_DABT,WNR | (A64_FSC_PERM + 3)),0x5000},
        {1,                          I_LDADD_X1_X2_X0,0x4000,ABT(A64_EC_DABT,                            A64_FSC_TRANS + 3),
         0x4000}, /* a read would too */
        {1,                          I_LDXR_X1_X0,0x8000,ABT(A64_EC_DABT,A64_FSC_EXT),                                                                            0x8000                                                                                                                            },
 /* over a page end: the half that faults gives the address */
        {1,                          i_ldr(3,       1,0),             0x4ffc,                         ABT(A64_EC_DABT,                                                                                                                                                                                                                          A64_FSC_TRANS + 3), 0x4ffc},
        {1,                          i_ldr(3,                                          1,0),0x8ffc,ABT(A64_EC_DABT,                                                                                                                                                                                                                                                      A64_FSC_TRANS + 3), 0x9000},
        {1,                          i_str(3,                      1,0),0x5ffc,ABT(A64_EC_DABT,WNR | (A64_FSC_PERM + 3)), 0x5ffc},
        {1,                               i_ldp(1,                                 2,0),0x8ff8,ABT(A64_EC_DABT,A64_FSC_TRANS + 3), 0x9000},
 /* cache maintenance: CM and WnR */
        {1,                                i_sys(3,          7,10,1,0),0x4010, ABT(A64_EC_DABT, CM | WNR | (A64_FSC_TRANS + 3)),
         0x4010},
        {1,                          i_sys(3,                                    7,10,1,0),0x5010, 0, 0},
        {1,                 i_sys(3,  7,5,1,                        0),                                                                                                                                                                                                              0x4010, ABT(A64_EC_DABT, CM | WNR | (A64_FSC_TRANS + 3)), 0x4010},
        {1,                              i_sys(0,                                  7,6,                 1,                                                                                                     0),                                                                                                                                                                                                                                                                                                                                                                                                                                     0x5010, ABT(A64_EC_DABT, CM | WNR | (A64_FSC_PERM + 3)), 0x5010},
        {1,i_sys(3,7,                         4,                                                                                                                         1,                                                                                                                                                                                                     0),                                                                                                                                                                                                                                                                          0x4013, ABT(A64_EC_DABT, WNR | (A64_FSC_TRANS + 3)), 0x4013},
        {1, i_sys(3,                                       7,4,1,0),0x7013, ABT(A64_EC_DABT, WNR | A64_FSC_ALIGN), 0x7013},
        {1,                               i_sys(3,                                       7,4,                             1,                                                                                                           0),                                                                                                                                                                                   0x6013, 0, 0},
 /* instruction side */
        {1,         i_br(0),                 0x4000,                     ABT(A64_EC_IABT,                                                                                            A64_FSC_TRANS + 3),                                                            0x4000},
        {1, i_br(0),     0x6000,ABT(A64_EC_IABT,A64_FSC_PERM + 3),0x6000}, /* EL0 can write it */
        {0,                               i_br(0),                                       0x4000,ABT(A64_EC_IABT_LOWER,A64_FSC_TRANS + 3),0x4000},
        {1,                                i_br(0),                                          0x8000,ABT(A64_EC_IABT,A64_FSC_PERM + 3),0x8000},
        {0,                 i_br(0), 0x8000,ABT(A64_EC_IABT_LOWER,A64_FSC_EXT),0x8000},
        {0,                               i_br(0),                                        0x6002,ABT(A64_EC_PC_ALIGN,                       0),                                                              0x6002                                                                                                                                          },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t esr = one(&r, rows[i].el, rows[i].insn, rows[i].va);
        if (esr != rows[i].esr)
            printf("# row %u: %08x\n", i, rows[i].insn);
        expect_u64(esr, rows[i].esr);
        if (rows[i].esr)
            expect_u64(r.cpu[0]->sr.far_, rows[i].far_);
    }
    rig_fini(&r);
}

static void sctlr_a_and_sp_alignment(void)
{
    struct rig r;
    rig_init_mmu(&r);
    struct a64_cpu *cpu = r.cpu[0];
    page(&r, 6, RIG_DATA | AF | PAGE);
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6004), 0);
    cpu->sr.sctlr |= A64_SCTLR_A;
    a64_tlb_flush_all(cpu);
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6004), ABT(A64_EC_DABT, A64_FSC_ALIGN));
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6008), 0);
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6004), ABT(A64_EC_DABT, A64_FSC_ALIGN)); /* TLB hit */
    /* Before any page is looked at (D1.3.5.5): page 7 is none, and page 6 ends there. */
    expect_u64(one(&r, 1, i_stp(1, 2, 0), 0x7004), ABT(A64_EC_DABT, WNR | A64_FSC_ALIGN));
    expect_u64(one(&r, 1, i_ldp(1, 2, 0), 0x6ffc), ABT(A64_EC_DABT, A64_FSC_ALIGN));
    expect_u64(one(&r, 1, 0x6d000801, 0x7004), /* stp d1, d2, [x0] */
               ABT(A64_EC_DABT, WNR | A64_FSC_ALIGN));
    cpu->sr.sctlr &= ~(uint64_t)A64_SCTLR_A;
    a64_tlb_flush_all(cpu);
    cpu->x[A64_SP] = RIG_DATA + 8;
    expect_u64(one(&r, 1, i_ldr(3, 1, 31), 0), 0);
    cpu->sr.sctlr |= A64_SCTLR_SA;
    cpu->x[A64_SP] = RIG_DATA + 8;
    expect_u64(one(&r, 1, i_ldr(3, 1, 31), 0), ABT(A64_EC_SP_ALIGN, 0));
    rig_fini(&r);
}

static void pan_stops_el1_but_not_ldtr(void)
{
    struct rig r;
    rig_init_mmu(&r);
    page(&r, 6, RIG_DATA | AP(1) | AF | NG | PAGE);
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6000), 0);
    r.cpu[0]->pan = true;
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6000), ABT(A64_EC_DABT, A64_FSC_PERM + 3));
    r.cpu[0]->pan = true;
    expect_u64(one(&r, 1, i_ldtr(1, 0), 0x6000), 0);
    r.cpu[0]->pan = false;
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6000), 0);
    rig_fini(&r);
}

static void store_over_a_page_end_is_all_or_nothing(void)
{
    struct rig r;
    rig_init_mmu(&r);
    page(&r, 6, RIG_DATA | AF | PAGE);
    page(&r, 7, (RIG_DATA + 0x3000) | AF | PAGE); /* not the next one in memory */
    uint8_t *a = rig_hva(&r, RIG_DATA + 0xffc), *b = rig_hva(&r, RIG_DATA + 0x3000);
    r.cpu[0]->x[1] = UINT64_C(0x8877665544332211);
    expect_u64(one(&r, 1, i_str(3, 1, 0), 0x6ffc), 0);
    expect_u64(le32_get(a), 0x44332211);
    expect_u64(le32_get(b), 0x88776655);
    r.cpu[0]->x[1] = 0;
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6ffc), 0);
    expect_u64(r.cpu[0]->x[1], UINT64_C(0x8877665544332211));
    /* Read-only second half: the first keeps its bytes. */
    page(&r, 7, (RIG_DATA + 0x3000) | AP(2) | AF | PAGE);
    r.cpu[0]->x[1] = 0;
    expect_u64(one(&r, 1, i_str(3, 1, 0), 0x6ffc), ABT(A64_EC_DABT, WNR | (A64_FSC_PERM + 3)));
    expect_u64(r.cpu[0]->sr.far_, 0x7000);
    expect_u64(le32_get(a), 0x44332211);
    /* Second half outside RAM: four single bytes leave, then the whole is stored. */
    page(&r, 7, 0x10000000 | AF | PAGE);
    r.cpu[0]->x[1] = UINT64_C(0x1122334455667788);
    r.cpu[0]->x[0] = 0x6ffc;
    r.at = RIG_CODE;
    rig_emit(&r, i_str(3, 1, 0));
    rig_emit(&r, i_hvc(0));
    a64_vm_ram_written(r.vm, RIG_CODE, 8);
    a64_pstate_set(r.cpu[0], 0x3c5);
    struct hv_exit e = rig_go(&r);
    for (unsigned i = 0; i < 4; i++) {
        expect_u64(e.reason, HV_EXIT_MMIO);
        expect_u64(e.mmio.gpa, 0x10000000 + i);
        expect_u64(e.mmio.size, 1);
        expect_u64(e.mmio.val, 0x44 - i * 0x11);
        expect_u64(le32_get(a), 0x44332211); /* not yet */
        e = rig_run(&r);
    }
    expect_u64(e.reason, HV_EXIT_CALL);
    expect_u64(le32_get(a), 0x55667788);
    rig_fini(&r);
}

static void tlbi_forgets(void)
{
    static const struct {
        uint32_t op; /* of SYS: op1 0, CRn 8 */
        unsigned crm, op2;
        uint64_t x0;
    } rows[] = {
        {0, 7, 1, 6},
        {0, 3, 1, 6},
        {0, 7, 3, 6},
        {0, 7, 5, 6},
        {0, 7, 7, 6},
        {0, 3, 7, 6},
        {0, 7, 0, 0},
        {0, 3, 0, 0},
        {0, 7, 2, 0}, /* ASID 0 */
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        rig_init_mmu(&r);
        page(&r, 6, RIG_DATA | AF | NG | PAGE);
        le64_put(rig_hva(&r, RIG_DATA), 1);
        le64_put(rig_hva(&r, RIG_DATA + 0x1000), 2);
        expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6000), 0);
        expect_u64(r.cpu[0]->x[1], 1);
        put(&r, table(2), 6, (RIG_DATA + 0x1000) | AF | NG | PAGE);
        expect_u64(one(&r, 1, i_sys(0, 8, rows[i].crm, rows[i].op2, 0), rows[i].x0), 0);
        expect_u64(one(&r, 1, i_ldr(3, 1, 0), 0x6000), 0);
        expect_u64(r.cpu[0]->x[1], 2);
        rig_fini(&r);
    }
}

static void tlbi_inside_a_block_forgets_the_block(void)
{
    struct rig r;
    rig_init_mmu(&r);
    put(&r, table(1), 4, RIG_RAM | AF | BLOCK); /* VA 8 MiB: 2 MiB */
    const uint64_t va = MIB(8) + (RIG_DATA - RIG_RAM);
    le64_put(rig_hva(&r, RIG_DATA), 1);
    le64_put(rig_hva(&r, RIG_DATA + MIB(2)), 2);
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), va), 0);
    expect_u64(r.cpu[0]->x[1], 1);
    put(&r, table(1), 4, (RIG_RAM + MIB(2)) | AF | BLOCK);
    /* By another address in the block. */
    expect_u64(one(&r, 1, i_sys(0, 8, 7, 1, 0), (MIB(10) - 4096) >> 12), 0);
    expect_u64(one(&r, 1, i_ldr(3, 1, 0), va), 0);
    expect_u64(r.cpu[0]->x[1], 2);
    /* Many blocks far apart: more than there are ranges to note. */
    for (unsigned i = 0; i < 12; i++) {
        put(&r, table(1), 8 + i * 16, RIG_RAM | AF | BLOCK);
        one(&r, 1, i_ldr(3, 1, 0), MIB(2) * (8 + i * 16) + (RIG_DATA - RIG_RAM));
        expect_u64(r.cpu[0]->x[1], 1);
    }
    for (unsigned i = 0; i < 12; i++) {
        put(&r, table(1), 8 + i * 16, (RIG_RAM + MIB(2)) | AF | BLOCK);
        one(&r, 1, i_sys(0, 8, 7, 1, 0), MIB(2) * (8 + i * 16) >> 12);
        one(&r, 1, i_ldr(3, 1, 0), MIB(2) * (8 + i * 16) + (RIG_DATA - RIG_RAM));
        expect_u64(r.cpu[0]->x[1], 2);
    }
    rig_fini(&r);
}

static void asids_are_apart(void)
{
    struct rig r;
    rig_init_mmu(&r);
    struct a64_cpu *cpu = r.cpu[0];
    /* Twenty address spaces, more than there are banks, each with its own page at VA 0x6000. */
    for (unsigned round = 0; round < 2; round++)
        for (unsigned pan = 0; pan < 2; pan++)
            for (unsigned asid = 1; asid <= 20; asid++) {
                uint64_t space = table(3 + asid % 2);
                put(&r, space, 0, table(5 + asid % 2) | TABLE);
                put(&r, space, 1, RIG_RAM | AF | BLOCK);
                put(&r, table(5 + asid % 2), 0, table(7 + asid % 2) | TABLE);
                put(&r, table(7 + asid % 2), 6, (RIG_DATA + asid % 2 * 0x1000u) | AF | NG | PAGE);
                le64_put(rig_hva(&r, RIG_DATA + asid % 2 * 0x1000u), 100 + asid % 2);
                cpu->pan = pan;
                cpu->x[5] = space | (uint64_t)asid << 48;
                expect_u64(one(&r, 1, i_msr(HV_SYSREG(3, 0, 2, 0, 0), 5), 0), 0);
                cpu->pan = pan;
                one(&r, 1, i_ldr(3, 1, 0), 0x6000);
                expect_u64(cpu->x[1], 100 + asid % 2);
            }
    rig_fini(&r);
}

static void at_fills_par(void) /* D17.2.97 */
{
    struct rig r;
    rig_init_mmu(&r);
    struct a64_cpu *cpu = r.cpu[0];
    page(&r, 5, RIG_DATA | AP(2) | 3 << 8 | AF | PAGE);
    const struct {
        unsigned op2;
        uint64_t va, par;
    } rows[] = {
        {0, 0x5123, UINT64_C(0xff) << 56 | RIG_DATA | BIT(11) | 3 << 7},
        {1, 0x5123, BIT(11) | (A64_FSC_PERM + 3) << 1 | 1             }, /* S1E1W of a read-only page */
        {2, 0x5123, BIT(11) | (A64_FSC_PERM + 3) << 1 | 1             }, /* S1E0R */
        {3, 0x5123, BIT(11) | (A64_FSC_PERM + 3) << 1 | 1             },
        {0, 0x4000, BIT(11) | (A64_FSC_TRANS + 3) << 1 | 1            },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        expect_u64(one(&r, 1, i_sys(0, 7, 8, rows[i].op2, 0), rows[i].va), 0);
        expect_u64(cpu->sr.par, rows[i].par);
    }
    rig_fini(&r);
}

static void tagged_addresses_work(void)
{
    struct rig r;
    rig_init_mmu(&r);
    r.cpu[0]->sr.tcr |= BIT(37);
    page(&r, 6, RIG_DATA | AF | PAGE);
    le64_put(rig_hva(&r, RIG_DATA), 0x77);
    const uint64_t tagged = UINT64_C(0xa5) << 56 | 0x6000;
    for (unsigned i = 0; i < 2; i++) {
        expect_u64(one(&r, 1, i_ldr(3, 1, 0), tagged), 0);
        expect_u64(r.cpu[0]->x[1], 0x77);
    }
    /* A branch drops the tag; a data abort reports it. */
    expect_u64(one(&r, 1, i_br(0), UINT64_C(0xa5) << 56 | 0x4000),
               ABT(A64_EC_IABT, A64_FSC_TRANS + 3));
    expect_u64(r.cpu[0]->sr.far_, 0x4000);
    one(&r, 1, i_ldr(3, 1, 0), UINT64_C(0xa5) << 56 | 0x4000);
    expect_u64(r.cpu[0]->sr.far_, UINT64_C(0xa5) << 56 | 0x4000);
    rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(permissions),
    TAP_TEST(permissions_of_tables),
    TAP_TEST(faults_name_their_level),
    TAP_TEST(va_ranges),
    TAP_TEST(granules),
    TAP_TEST(access_flag_is_set_by_hardware),
    TAP_TEST(memory_type),
    TAP_TEST(syndromes),
    TAP_TEST(sctlr_a_and_sp_alignment),
    TAP_TEST(pan_stops_el1_but_not_ldtr),
    TAP_TEST(store_over_a_page_end_is_all_or_nothing),
    TAP_TEST(tlbi_forgets),
    TAP_TEST(tlbi_inside_a_block_forgets_the_block),
    TAP_TEST(asids_are_apart),
    TAP_TEST(at_fills_par),
    TAP_TEST(tagged_addresses_work),
};

TAP_MAIN(tests)
