// SPDX-License-Identifier: MIT
/*
 * sys_draw.c - random programs for the differential test of EL1: address spaces, changes of their
 * tables, and blocks of instructions (draw.c) between which stands what concerns the system.
 *
 * Nothing in them is CONSTRAINED UNPREDICTABLE: tables change by break before make, or in
 * permissions alone, with a TLBI that reaches what changed (sys_guest.c); what is global is the
 * same in all spaces; code that was written is maintained before it is executed.
 */
#include "tests/a64/sys_draw.h"

#include <string.h>

/* Page and block descriptors (Arm ARM DDI 0487J.a D8.3.2). */
enum {
    VALID = 1 << 0,
    PAGE = 1 << 1, /* or table */
    ATTR_NC = 1 << 2,
    AP_USER = 1 << 6,
    AP_RO = 1 << 7,
    INNER = 3 << 8,
    AF = 1 << 10,
    NG = 1 << 11,
};
#define PXN          BIT(53)
#define UXN          BIT(54)
#define PXN_TABLE    BIT(59)
#define UXN_TABLE    BIT(60)
#define NO_EL0_TABLE BIT(61)
#define RO_TABLE     BIT(62)

static const uint16_t scratch_page[] = {260, 268, 280, 300, 514, 528, 576, 680}; /* of both parts */

static const uint16_t asids[SYS_ASIDS] = {1, 2, 0x101, 11, 12, 0xff0d};

static uint64_t *table_of(struct sys_draw *s, unsigned n)
{
    return (uint64_t *)(void *)(s->ram + (SYS_TABLES - SYS_RAM) + n * A64_PAGE);
}

static uint64_t table_pa(unsigned n)
{
    return SYS_TABLES + n * UINT64_C(4096);
}

static unsigned pick(struct sys_draw *s, unsigned n)
{
    return draw_below(&s->d, n);
}

static bool one_in(struct sys_draw *s, unsigned n)
{
    return draw_one_in(&s->d, n);
}

/* ---- address spaces ---- */
static bool is_code(unsigned page)
{
    return page >= SYS_CODE_PAGE;
}

/* Which memory type is a matter of where, so that no memory has two. */
static uint64_t attr_of(unsigned n)
{
    return n % 4 == 3 ? ATTR_NC : 0;
}

/* What all may do with a page of the part of pages: EL0 as well as EL1, or EL1 only. */
static uint64_t fix_of(struct sys_draw *s, unsigned space, unsigned page, bool el0)
{
    const uint64_t at = SYS_POOL + UINT64_C(4096) * s->pa_of[space][page];
    const uint64_t common =
        at | VALID | PAGE | INNER | AF | attr_of(page) | (s->global[page] ? 0 : NG);
    if (is_code(page))
        return common | AP_RO | AP_USER;
    return common | PXN | UXN | (el0 ? AP_USER : 0);
}

static uint64_t fix_of_block(unsigned space, bool el0)
{
    return (SYS_POOL + (UINT64_C(1) + space) * SYS_PART) | VALID | INNER | AF | NG | PXN | UXN |
           attr_of(space + 1) | (el0 ? AP_USER : 0);
}

/* Some other permissions, or no valid entry at all. */
static uint64_t vary(struct sys_draw *s, uint64_t entry, bool code)
{
    switch (pick(s, code ? 12 : 7)) {
    case 0:
        return entry & ~(uint64_t)VALID;
    case 1:
        return entry & ~(uint64_t)AF;
    case 2:
        return entry | AP_RO;
    case 3:
        return entry ^ AP_USER;
    case 4:
        return code ? entry ^ AP_RO
                    : entry ^ (AP_USER | AP_RO); /* EL1 executes nothing that EL0 can write */
    case 5:
        return code ? entry | UXN : entry;
    case 6:
        return code ? entry | PXN : entry;
    default:
        return entry;
    }
}

static uint64_t vary_table(struct sys_draw *s, uint64_t entry)
{
    static const uint64_t bits[] = {PXN_TABLE, UXN_TABLE, NO_EL0_TABLE, RO_TABLE, 0, 0};
    return entry | bits[pick(s, ARRAY_LEN(bits))] | bits[pick(s, ARRAY_LEN(bits))];
}

static bool is_scratch(unsigned page)
{
    for (unsigned i = 0; i < ARRAY_LEN(scratch_page); i++)
        if (page == scratch_page[i] || page + 1 == scratch_page[i])
            return true;
    return false;
}

/* Which page of the first pool each page is: code and its alias the same everywhere, some scratches
 * another one in each space. */
static void draw_pages(struct sys_draw *s)
{
    unsigned pool[512], next = 0;
    for (unsigned i = 0; i < 512; i++)
        pool[i] = i;
    for (unsigned i = 511; i; i--) {
        const unsigned k = pick(s, i + 1), t = pool[i];
        pool[i] = pool[k];
        pool[k] = t;
    }
    for (unsigned i = 256; i < 512; i++) {
        if (i >= SYS_ALIAS_PAGE && i < SYS_ALIAS_PAGE + SYS_CODE_PAGES)
            continue;
        s->global[i] = one_in(s, 2);
        const unsigned first = pool[next++];
        for (unsigned k = 0; k < SYS_SPACES; k++) {
            const bool own = k && is_scratch(i) && !s->global[i];
            s->pa_of[k][i] = own ? pool[next++] : first;
        }
    }
    for (unsigned i = 0; i < SYS_CODE_PAGES; i++)
        for (unsigned k = 0; k < SYS_SPACES; k++) {
            s->pa_of[k][SYS_ALIAS_PAGE + i] = s->pa_of[k][SYS_CODE_PAGE + i];
            s->global[SYS_ALIAS_PAGE + i] = i & 1;
        }
}

static void draw_tables(struct sys_draw *s)
{
    struct sys_image *m = sys_image(s);
    const unsigned low = SYS_LOW / SYS_PART;
    for (unsigned k = 0; k < SYS_SPACES; k++) {
        table_of(s, SYS_L1 + k)[0] = table_pa(SYS_L2 + k) | VALID | PAGE;
        table_of(s, SYS_L2 + k)[low] = table_pa(SYS_L3 + 2 * k) | VALID | PAGE;
        for (unsigned el0 = 0; el0 < 2; el0++) {
            m->fix_block[k][el0] = fix_of_block(k, el0);
            for (unsigned i = 256; i < 512; i++)
                m->fix[k][el0][i] = fix_of(s, k, i, el0);
        }
        for (unsigned i = 0; i < 512; i++) {
            const uint64_t page = fix_of_block(k, true) + UINT64_C(4096) * i;
            table_of(s, SYS_L3 + 2 * k + 1)[i] = vary(s, page | PAGE, false);
        }
        table_of(s, SYS_L2 + k)[low + 1] =
            one_in(s, 2) ? vary(s, fix_of_block(k, true), false)
                         : vary_table(s, table_pa(SYS_L3 + 2 * k + 1) | VALID | PAGE);
    }
    for (unsigned i = 256; i < 512; i++) {
        const unsigned el0 = pick(s, 2);
        const uint64_t mine = m->fix[0][el0][i];
        const uint64_t flip = s->global[i] ? vary(s, mine, is_code(i)) ^ mine : 0;
        for (unsigned k = 0; k < SYS_SPACES; k++)
            table_of(s, SYS_L3 + 2 * k)[i] =
                s->global[i] ? m->fix[k][el0][i] ^ flip : vary(s, m->fix[k][el0][i], is_code(i));
    }
    /* The start, and what the monitor uses. */
    table_of(s, SYS_L1)[SYS_RAM >> 30] =
        (SYS_RAM & ~UINT64_C(0x3fffffff)) | VALID | INNER | AF | AP_RO;
    const uint64_t high = SYS_HIGH & (BIT(39) - 1);
    table_of(s, SYS_L1_HIGH)[high >> 30] = table_pa(SYS_L2_HIGH) | VALID | PAGE;
    uint64_t *l2 = table_of(s, SYS_L2_HIGH) + (high >> 21 & 511);
    for (unsigned i = 0; i < SYS_SIZE / SYS_PART; i++)
        l2[i] = (SYS_RAM + i * UINT64_C(0x200000)) | VALID | INNER | AF | UXN | (i ? PXN : AP_RO);
    l2[(SYS_UART - SYS_HIGH) / SYS_PART] = SYS_UART_PA | VALID | 2 << 2 | AF | UXN | PXN;
}

/* ---- changes ---- */
/* What a page of the part of blocks may become. */
static unsigned other_page(unsigned page)
{
    return page ^ 2;
}

static void draw_op(struct sys_draw *s, struct sys_op *op)
{
    struct sys_image *m = sys_image(s);
    op->tlbi = (uint8_t)pick(s, SYS_TLBIS);
    op->broadcast = one_in(s, 2);
    op->in_place = one_in(s, 3);
    const unsigned what = pick(s, 8), el0 = pick(s, 2);
    const unsigned space = pick(s, SYS_SPACES);
    if (what < 2) {
        op->kind = SYS_OP_SPACE;
        op->spaces = (uint8_t)space;
        op->asid = (uint8_t)(one_in(s, 3) ? SYS_SPACES + space : pick(s, SYS_SPACES));
        return;
    }
    op->spaces = (uint8_t)(one_in(s, 2) ? (1 << SYS_SPACES) - 1 : 1 << space);
    if (what == 2) {
        op->kind = SYS_OP_BLOCK;
        op->part = 1;
        op->page = pick(s, 512);
        const bool table = one_in(s, 2);
        for (unsigned k = 0; k < SYS_SPACES; k++)
            op->entry[k] = table ? vary_table(s, table_pa(SYS_L3 + 2 * k + 1) | VALID | PAGE)
                                 : vary(s, m->fix_block[k][el0], false);
        op->in_place &= !table;
        return;
    }
    op->kind = SYS_OP_PAGE;
    unsigned page = scratch_page[pick(s, ARRAY_LEN(scratch_page))] - pick(s, 2);
    if (what == 3)
        page = SYS_CODE_PAGE + pick(s, SYS_CODE_PAGES);
    op->part = (uint8_t)(page / 512);
    op->page = page % 512;
    if (op->part) {
        for (unsigned k = 0; k < SYS_SPACES; k++) {
            /* Now and then another page of its pool. */
            const unsigned at = (!s->qemu && one_in(s, 4) ? other_page(page) : page) % 512;
            op->entry[k] = vary(s, (m->fix_block[k][el0] + UINT64_C(4096) * at) | PAGE, false);
        }
        return;
    }
    op->global = s->global[page];
    if (op->global)
        op->spaces = (1 << SYS_SPACES) - 1;
    const uint64_t flip = vary(s, m->fix[0][el0][page], is_code(page)) ^ m->fix[0][el0][page];
    for (unsigned k = 0; k < SYS_SPACES; k++)
        op->entry[k] = m->fix[k][el0][page] ^ flip;
}

/* ---- instructions ---- */
static unsigned reg(struct sys_draw *s)
{
    return pick(s, 31);
}

/* Register `rd` becomes a value, by MOVZ and MOVK. */
static void put_value(struct draw_out *b, unsigned rd, uint64_t val)
{
    draw_emit(b, 0xd2800000 | (uint32_t)(val & 0xffff) << 5 | rd);
    for (unsigned i = 1; i < 4; i++)
        if (val >> 16 * i & 0xffff)
            draw_emit(b, 0xf2800000 | i << 21 | (uint32_t)(val >> 16 * i & 0xffff) << 5 | rd);
}

static uint32_t sysreg(uint32_t op0, uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2)
{
    return 0xd5000000 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
}

#define READ_IT (1u << 21)

static void emit_isb(struct draw_out *b)
{
    draw_emit(b, 0xd5033fdf);
}

/* MRS and MSR of what holds any 64-bit value. */
static void group_register(struct sys_draw *s, struct draw_out *b)
{
    const struct {
        uint32_t word;
        bool narrow; /* the upper half is RES0 */
    } regs[] = {
        {sysreg(3, 3, 4,  2, 0), true }, /* NZCV */
        {sysreg(3, 0, 4,  1, 0), false}, /* SP_EL0 */
        {sysreg(3, 3, 13, 0, 2), false}, /* TPIDR_EL0 */
        {sysreg(3, 0, 13, 0, 4), false}, /* TPIDR_EL1 */
        {sysreg(3, 0, 4,  0, 1), false}, /* ELR_EL1 */
        {sysreg(3, 0, 6,  0, 0), false}, /* FAR_EL1 */
        {sysreg(3, 0, 5,  2, 0), true }, /* ESR_EL1 */
        {sysreg(3, 0, 13, 0, 1), true }, /* CONTEXTIDR_EL1 */
    };
    const unsigned i = pick(s, ARRAY_LEN(regs)), t = reg(s);
    const bool read = one_in(s, 2);
    if (!read && regs[i].narrow)
        draw_emit(b, 0x2a0003e0 | t << 16 | t); /* mov wt, wt */
    if (!read && i == 1)
        draw_emit(b, 0x927cec00 | t << 5 | t); /* and xt, xt, #~15 */
    draw_emit(b, regs[i].word | (read ? READ_IT : 0) | t);
}

static void group_read(struct sys_draw *s, struct draw_out *b)
{
    static const uint8_t regs[][5] = {
        {3, 0, 4,  2, 2}, /* CurrentEL */
        {3, 0, 4,  2, 0}, /* SPSel */
        {3, 0, 4,  2, 3}, /* PAN */
        {3, 3, 4,  2, 1}, /* DAIF */
        {3, 3, 13, 0, 3}, /* TPIDRRO_EL0 */
        {3, 0, 4,  0, 0}, /* SPSR_EL1 */
        {3, 0, 12, 0, 0}, /* VBAR_EL1 */
        {3, 0, 2,  0, 0}, /* TTBR0_EL1 */
        {3, 0, 2,  0, 1}, /* TTBR1_EL1 */
        {3, 0, 1,  0, 2}, /* CPACR_EL1 */
        {3, 0, 12, 1, 0}, /* ISR_EL1 */
        {3, 3, 0,  0, 7}, /* DCZID_EL0 */
        {3, 0, 10, 2, 0}, /* MAIR_EL1 */
    };
    const uint8_t *r = regs[pick(s, ARRAY_LEN(regs))];
    draw_emit(b, sysreg(r[0], r[1], r[2], r[3], r[4]) | READ_IT | reg(s));
}

/* MSR (immediate), and the same by register. */
static void group_pstate(struct sys_draw *s, struct draw_out *b)
{
    const uint32_t imm = pick(s, 16) << 8;
    const unsigned t = reg(s);
    switch (pick(s, 7)) {
    case 0:
        draw_emit(b, 0xd50340df | imm); /* msr daifset, #imm */
        break;
    case 1:
        draw_emit(b, 0xd50340ff | imm); /* msr daifclr, #imm */
        break;
    case 2:
        draw_emit(b, 0xd50040bf | (imm & 0x100)); /* msr spsel, #imm */
        break;
    case 3:
        draw_emit(b, 0xd500409f | (imm & 0x100)); /* msr pan, #imm */
        break;
    case 4:
        draw_emit(b, sysreg(3, 3, 4, 2, 1) | t); /* msr daif, xt */
        break;
    case 5:
        draw_emit(b, sysreg(3, 0, 4, 2, 3) | t); /* msr pan, xt */
        break;
    default:
        put_value(b, t, (uint64_t)pick(s, 4) << 20);
        draw_emit(b, sysreg(3, 0, 1, 0, 2) | t); /* msr cpacr_el1, xt */
        emit_isb(b);
        break;
    }
}

/* Are the next `n` instructions in one page? Then no fetch of theirs faults but the first one's. */
static bool one_page(const struct draw_out *b, unsigned n)
{
    return (b->va + 4 * b->n) % A64_PAGE + 4 * n <= A64_PAGE;
}

/* A way on by ERET, to some EL. Where the MSRs are UNDEFINED so is ERET, and the monitor goes over
 * them. */
static void group_eret(struct sys_draw *s, struct draw_out *b)
{
    static const uint32_t modes[] = {0, 0, 4, 5, 5};
    const unsigned at = reg(s);
    uint64_t spsr = modes[pick(s, ARRAY_LEN(modes))] | (uint64_t)pick(s, 16) << 28 |
                    (uint64_t)pick(s, 2) << 22 | (uint64_t)pick(s, 16) << 6;
    if (one_in(s, 12))
        spsr = (spsr & ~UINT64_C(0xf)) | (one_in(s, 2) ? 9 : 1); /* EL2h, EL0h: illegal */
    if (one_in(s, 12))
        spsr |= BIT(20);
    /* An exception in between would change ELR_EL1. */
    if (b->n + 12 > b->room || !one_page(b, 12))
        return;
    put_value(b, at, spsr);
    draw_emit(b, sysreg(3, 0, 4, 0, 0) | at);
    const unsigned adr = b->n, over = pick(s, 3);
    draw_emit(b, 0);
    draw_emit(b, sysreg(3, 0, 4, 0, 1) | at);
    draw_emit(b, 0xd69f03e0); /* eret */
    for (unsigned i = 0; i < over; i++)
        draw_group(b, false);
    b->w[adr] = 0x10000000 | (b->n - adr) << 5 | at; /* adr xt, to here */
}

/* Where blocks access memory, code, or any address. */
static uint64_t address(struct sys_draw *s)
{
    switch (pick(s, 4)) {
    case 0:
        return SYS_CODE + pick(s, SYS_CODE_PAGES * A64_PAGE);
    case 1:
        return draw_word(&s->d);
    default:
        return draw_target(&s->d, 1);
    }
}

/* AT, and what it found; PAR_EL1.NS is UNKNOWN. */
static void group_at(struct sys_draw *s, struct draw_out *b)
{
    const unsigned t = reg(s);
    if (!one_page(b, 8)) /* PAR_EL1 would be seen */
        return;
    put_value(b, t, address(s));
    draw_emit(b, sysreg(1, 0, 7, 8, pick(s, 4)) | t);
    emit_isb(b);
    draw_emit(b, sysreg(3, 0, 7, 4, 0) | READ_IT | t);
    draw_emit(b, 0x9276f800 | t << 5 | t); /* and xt, xt, #~(1 << 9) */
}

/* Any TLBI at all does no harm. */
static void group_tlbi(struct sys_draw *s, struct draw_out *b)
{
    static const uint8_t op2[] = {0, 1, 2, 3, 5, 7};
    const unsigned op = op2[pick(s, ARRAY_LEN(op2))];
    const unsigned t = op ? reg(s) : 31;
    if (op && one_in(s, 2))
        put_value(b, t, (uint64_t)asids[pick(s, SYS_ASIDS)] << 48 | address(s) >> 12);
    draw_emit(b, 0xd5033b9f); /* dsb ish */
    draw_emit(b, sysreg(1, 0, 8, one_in(s, 2) ? 3 : 7, op) | t);
    draw_emit(b, 0xd5033b9f);
    emit_isb(b);
}

static void group_cache(struct sys_draw *s, struct draw_out *b)
{
    static const uint8_t ops[][4] = {
        {3, 7, 4,  1}, /* DC ZVA */
        {3, 7, 10, 1}, /* DC CVAC */
        {3, 7, 11, 1}, /* DC CVAU */
        {3, 7, 14, 1}, /* DC CIVAC */
        {3, 7, 5,  1}, /* IC IVAU */
        {0, 7, 6,  1}, /* DC IVAC */
        {0, 7, 5,  0}, /* IC IALLU */
        {0, 7, 1,  0}, /* IC IALLUIS */
    };
    const uint8_t *op = ops[s->qemu ? 0 : pick(s, ARRAY_LEN(ops))];
    const bool va = op[2] != 1 && (op[2] != 5 || op[3]);
    const unsigned t = va ? reg(s) : 31;
    if (va)
        draw_point(b, t, draw_target(&s->d, 1), 32, 32);
    draw_emit(b, sysreg(1, op[0], op[1], op[2], op[3]) | t);
}

/* Another space under an ASID that is its own. Whether the ISB is fetched from the old space or the
 * new one is open (D17.1.1), and QEMU does otherwise than we. */
static void group_space(struct sys_draw *s, struct draw_out *b)
{
    const unsigned t = reg(s), space = pick(s, SYS_SPACES);
    if (s->qemu)
        return;
    put_value(b, t, (uint64_t)asids[SYS_SPACES + space] << 48 | table_pa(SYS_L1 + space));
    draw_emit(b, sysreg(3, 0, 2, 0, 0) | t);
    emit_isb(b);
}

/* A load or store of any kind to nowhere, or misaligned. */
static void group_wild(struct sys_draw *s, struct draw_out *b)
{
    static const uint32_t words[] = {
        0xf9400000, /* ldr xt, [xn, #imm] */
        0xb9000000, /* str wt */
        0x39400000, /* ldrb */
        0xa9400000, /* ldp xt, xt2 */
        0xa9000000, /* stp */
        0x3dc00000, /* ldr qt */
        0xf8400800, /* ldtr */
        0xf8000800, /* sttr */
        0xc85f7c00, /* ldxr */
        0xf8200000, /* ldadd */
        0xc8dffc00, /* ldar */
    };
    const unsigned i = pick(s, ARRAY_LEN(words)), n = reg(s), t = (n + 1 + pick(s, 29)) % 31;
    const bool odd = one_in(s, 2);
    if (odd)
        draw_point(b, n, draw_target(&s->d, 8) + 1 + pick(s, 7), 32, 32);
    else
        put_value(b, n, draw_word(&s->d));
    draw_emit(b, words[i] | n << 5 | t | (words[i] >> 25 == 0x54 ? (t + 1) % 31 << 10 : 0));
}

/* One of the NOPs of a block (see draw_sys_block) becomes something else. */
static void group_modify(struct sys_draw *s, struct draw_out *b)
{
    const unsigned k = pick(s, s->blocks);
    if (!s->length[k] || !s->uci)
        return;
    const uint64_t to = s->entry[k] - SYS_CODE + SYS_ALIAS; /* its first word is such a NOP */
    const unsigned at = reg(s), t = (at + 1 + pick(s, 29)) % 31, d = reg(s);
    const uint32_t words[] = {0xd503201f,
                              0x91000400 | d << 5 | d,
                              0xd2800000 | pick(s, 65536) << 5 | d,
                              0xaa2003e0 | d << 16 | d,
                              0x14000002,
                              0xd4200000 | pick(s, 65536) << 5,
                              0};
    if (b->n + 14 > b->room)
        return;
    put_value(b, at, to);
    put_value(b, t, words[pick(s, ARRAY_LEN(words))]);
    draw_emit(b, 0xb9000000 | at << 5 | t); /* str wt, [xat] */
    put_value(b, at, s->qemu ? to : one_in(s, 2) ? to : s->entry[k]);
    draw_emit(b, sysreg(1, 3, 7, 11, 1) | at); /* dc cvau, xat */
    draw_emit(b, 0xd5033b9f);                  /* dsb ish */
    draw_emit(b, sysreg(1, 3, 7, 5, 1) | at);  /* ic ivau, xat */
    draw_emit(b, 0xd5033b9f);
    emit_isb(b);
}

/* A small loop: a load, a store, a sum. */
static void group_loop(struct sys_draw *s, struct draw_out *b)
{
    const unsigned n = reg(s), at = (n + 1) % 31, t = (n + 2) % 31, sum = (n + 3) % 31;
    if (b->n + 8 > b->room)
        return;
    draw_point(b, at, draw_target(&s->d, 1), 32, 32);
    draw_emit(b, 0xd2800000 | (2 + pick(s, 30)) << 5 | n); /* movz xn, #count */
    draw_emit(b, 0xf8400000 | at << 5 | t);                /* ldur xt, [xat] */
    draw_emit(b, 0xab000000 | t << 16 | sum << 5 | sum);   /* adds xsum, xsum, xt */
    draw_emit(b, 0xf8004000 | at << 5 | sum);              /* stur xsum, [xat, #4] */
    draw_emit(b, 0xd1000400 | n << 5 | n);                 /* sub xn, xn, #1 */
    draw_emit(b, 0xb5000000 | (0x7ffffu & -4u) << 5 | n);  /* cbnz xn, back */
}

static void group_call(struct sys_draw *s, struct draw_out *b)
{
    switch (pick(s, 8)) {
    case 0:
        draw_emit(b, 0xd4000001 | (SYS_OPS + pick(s, 1000)) << 5); /* svc that asks nothing */
        break;
    case 1:
        draw_emit(b, 0xd4200000 | pick(s, 65536) << 5); /* brk */
        break;
    case 2:
        draw_emit(b, pick(s, 65536)); /* udf */
        break;
    case 3:
        draw_emit(b, 0xd4400000 | pick(s, 0xf000) << 5); /* hlt */
        break;
    default:
        draw_emit(b, 0xd4000001 | pick(s, SYS_OPS) << 5);
        break;
    }
}

static void draw_sys_group(struct sys_draw *s, struct draw_out *b)
{
    static void (*const groups[])(struct sys_draw *, struct draw_out *) = {
        group_call, group_call, group_register, group_read,  group_pstate,
        group_eret, group_at,   group_tlbi,     group_cache, group_space,
        group_wild, group_wild, group_modify,   group_loop,  group_eret,
    };
    if (b->n + 10 <= b->room)
        groups[pick(s, ARRAY_LEN(groups))](s, b);
}

/* A block begins with two NOPs, of which blocks may write the first. */
static unsigned draw_sys_block(struct sys_draw *s, uint64_t va, uint32_t words[BLOCK_WORDS])
{
    struct draw_out b = {.d = &s->d, .va = va, .w = words, .room = BLOCK_WORDS - 2};
    draw_emit(&b, 0xd503201f);
    draw_emit(&b, 0xd503201f);
    const unsigned rate = 1 + pick(s, 4);
    for (unsigned tries = 0; b.n + 10 <= b.room && tries < 4 * BLOCK_WORDS; tries++)
        if (one_in(s, rate))
            draw_sys_group(s, &b);
        else
            draw_group(&b, true);
    s->d.insns += b.n * s->passes;
    words[b.n++] = 0xd4000001 | SYS_SVC_END << 5;
    return b.n;
}

static void draw_start(struct sys_draw *s, struct sys_state *st, uint64_t entry)
{
    static const uint8_t modes[] = {0, 0, 4, 5, 5};
    struct state r;
    draw_state(&s->d, &r);
    memcpy(st->x, r.x, sizeof st->x);
    memcpy(st->v, r.v, sizeof st->v);
    st->sp_el0 = r.sp;
    st->sp_el1 = s->d.scratch[pick(s, s->d.scratch_n)];
    st->elr = entry;
    st->spsr = modes[pick(s, ARRAY_LEN(modes))] | r.nzcv | (uint64_t)pick(s, 16) << 6 |
               (uint64_t)one_in(s, 3) << 22;
    st->tpidr_el0 = draw_word(&s->d);
    st->tpidr_el1 = draw_word(&s->d);
    st->cpacr = one_in(s, 4) ? (uint64_t)pick(s, 4) << 20 : 3 << 20;
    st->fpcr = r.fpcr;
    st->fpsr = r.fpsr;
}

static void draw_code(struct sys_draw *s)
{
    struct sys_image *m = sys_image(s);
    uint32_t words[BLOCK_WORDS];
    const unsigned room = SYS_CODE_PAGES * A64_PAGE_OPS / s->blocks - BLOCK_WORDS;
    uint64_t va = SYS_CODE;
    memset(s->length, 0, sizeof s->length);
    for (unsigned i = 0; i < s->blocks; i++) {
        va += 4u * pick(s, room);
        const unsigned n = draw_sys_block(s, va, words);
        s->entry[i] = va;
        s->length[i] = n;
        for (unsigned k = 0; k < n; k++, va += 4)
            memcpy(s->ram + (m->code_pa[(va - SYS_CODE) / A64_PAGE] - SYS_RAM) + va % A64_PAGE,
                   &words[k], 4);
        for (unsigned pass = 0; pass < s->passes; pass++)
            draw_start(s, &m->start[pass * s->blocks + i], s->entry[i]);
    }
}

static void draw_page(struct sys_draw *s, uint64_t pa)
{
    struct sys_image *m = sys_image(s);
    m->hashed[m->hashed_n++] = pa;
    for (unsigned off = 0; off < A64_PAGE; off += 8) {
        const uint64_t v = draw_rnd(&s->d);
        memcpy(s->ram + (pa - SYS_RAM) + off, &v, 8);
    }
}

/* Random bytes in the pages that scratches may be; they and the tables are what the memory's hash
 * is of. */
static void draw_memory(struct sys_draw *s)
{
    struct sys_image *m = sys_image(s);
    for (unsigned i = 0; i < ARRAY_LEN(scratch_page); i++)
        for (unsigned k = 0; k < SYS_SPACES; k++)
            for (unsigned side = 0; side < 2; side++) {
                const unsigned page = scratch_page[i] - side;
                if (page < 512) {
                    draw_page(s, SYS_POOL + s->pa_of[k][page] * UINT64_C(4096));
                    continue;
                }
                const uint64_t pool = SYS_POOL + (1u + k) * UINT64_C(0x200000);
                draw_page(s, pool + page % 512 * A64_PAGE);
                draw_page(s, pool + other_page(page) % 512 * A64_PAGE);
            }
    for (unsigned i = SYS_L2; i < SYS_TABLES_N; i++)
        m->hashed[m->hashed_n++] = table_pa(i);
}

void sys_draw(struct sys_draw *s, const void *monitor, size_t len)
{
    struct sys_image *m = sys_image(s);
    memset(s->ram, 0, SYS_SIZE);
    memcpy(s->ram, monitor, len);
    for (unsigned i = 0; i < ARRAY_LEN(scratch_page); i++)
        s->d.scratch[i] = SYS_LOW + scratch_page[i] * UINT64_C(4096);
    s->d.scratch_n = ARRAY_LEN(scratch_page);
    s->d.keep_monitor = s->qemu;
    s->uci = !one_in(s, 4);

    m->mair = 0x0044ff; /* 0 write-back, 1 non-cacheable, 2 Device-nGnRnE */
    /* 39 bits and 4 KiB both ways, inner shareable write-back, 40-bit PAs, 16-bit ASIDs; HA. */
    m->tcr = 25 | 1 << 8 | 1 << 10 | 3 << 12 | 25 << 16 | 1 << 24 | 1 << 26 | 3 << 28 |
             UINT64_C(2) << 30 | UINT64_C(2) << 32 | BIT(36);
    if (!s->qemu && one_in(s, 2))
        m->tcr |= BIT(39);
    m->ttbr0 = table_pa(SYS_L1);
    m->ttbr1 = table_pa(SYS_L1_HIGH);
    m->vbar = SYS_HIGH + SYS_VECTORS;
    /* RES1 (D17.2.118); M, C, I; A, SA, SA0, UMA, DZE, SPAN, WXN as it comes. */
    const uint64_t any =
        BIT(1) | (s->qemu ? 0 : BIT(3) | BIT(4)) | BIT(9) | BIT(14) | BIT(23) | BIT(19);
    m->sctlr = 0x30500980 | BIT(0) | BIT(2) | BIT(12) | (draw_rnd(&s->d) & draw_rnd(&s->d) & any) |
               (s->uci ? BIT(26) : 0);
    if (s->qemu)
        m->sctlr |= BIT(9);
    m->blocks = s->blocks;
    m->passes = s->passes;
    m->mask_wnr = s->qemu;
    m->show = ~UINT64_C(0);
    memcpy(m->asid, asids, sizeof asids);
    draw_pages(s);
    draw_tables(s);
    for (unsigned i = 0; i < SYS_CODE_PAGES; i++)
        m->code_pa[i] = SYS_POOL + UINT64_C(4096) * s->pa_of[0][SYS_CODE_PAGE + i];
    for (unsigned i = 0; i < SYS_OPS; i++)
        draw_op(s, &m->ops[i]);
    draw_memory(s);
    draw_code(s);
}
