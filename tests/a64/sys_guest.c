// SPDX-License-Identifier: MIT
/*
 * sys_guest.c - the monitor of the differential test of EL1: it starts blocks, takes every
 * exception, and says in a number per block what happened.
 *
 * An exception's syndrome, addresses and registers go into a hash. Then the block goes on: after
 * the instruction, or with it once more when the page that it wanted has been put right. SVC with a
 * small number asks for a change of the tables or of the address space (struct sys_op), with the
 * TLBI that it takes. The end of a block adds all registers to the hash, which is then printed; the
 * end of the program prints a hash of the memory and turns the machine off (PSCI).
 */
#include "sys.h"

#define IMAGE    ((struct sys_image *)(SYS_HIGH + SYS_PART))
#define ENTRY(n) ((volatile uint64_t *)(SYS_HIGH + (SYS_TABLES - SYS_RAM) + (n)*0x1000ul))

#define READ(reg)                                                                                  \
    ({                                                                                             \
        uint64_t read_;                                                                            \
        __asm__ volatile("mrs %0, " reg : "=r"(read_));                                            \
        read_;                                                                                     \
    })
#define WRITE(reg, val) __asm__ volatile("msr " reg ", %0" : : "r"((uint64_t)(val)) : "memory")
#define DO(insn)        __asm__ volatile(insn : : : "memory")
#define TLBI(what, val) __asm__ volatile("tlbi " what ", %0" : : "r"((uint64_t)(val)) : "memory")

enum {
    EC_FP = 0x07,
    EC_ILLEGAL = 0x0e,
    EC_SVC = 0x15,
    EC_IABT_LOWER = 0x20,
    EC_IABT = 0x21,
    EC_PC_ALIGN = 0x22,
    EC_DABT_LOWER = 0x24,
    EC_DABT = 0x25,
};
enum { FSC_ALIGN = 0x21 };

#define SPSR_IL  (1ul << 20)
#define SPSR_PAN (1ul << 22)
#define ESR_WNR  (1ul << 6)
#define ENTRY_PA 0xfffffffff000ul

void sys_first(void);
void sys_taken(struct sys_frame *f);
void sys_vectors_put(const uint64_t v[32][2]);
void sys_vectors_get(uint64_t v[32][2]);

static void fold(uint64_t *h, uint64_t v)
{
    *h = ((*h << 27 | *h >> 37) ^ v) * 0x9e3779b97f4a7c15;
}

static void put(char c)
{
    *(volatile uint32_t *)SYS_UART = (uint32_t)c;
}

static void put_hex(uint64_t v, unsigned digits, char end)
{
    while (digits--)
        put("0123456789abcdef"[v >> 4 * digits & 15]);
    put(end);
}

/* ---- changes of the tables ---- */
static void tlbi(unsigned kind, int broadcast, uint64_t va)
{
    const uint64_t page = va >> 12 & 0xffffffffffful;
    for (unsigned i = 0; i < SYS_ASIDS; i++) {
        const uint64_t asid = (uint64_t)IMAGE->asid[i] << 48;
        switch (kind * 2 + !!broadcast) {
        case SYS_VAE1 * 2:
            TLBI("vae1", asid | page);
            break;
        case SYS_VAE1 * 2 + 1:
            TLBI("vae1is", asid | page);
            break;
        case SYS_VALE1 * 2:
            TLBI("vale1", asid | page);
            break;
        case SYS_VALE1 * 2 + 1:
            TLBI("vale1is", asid | page);
            break;
        case SYS_ASIDE1 * 2:
            TLBI("aside1", asid);
            break;
        case SYS_ASIDE1 * 2 + 1:
            TLBI("aside1is", asid);
            break;
        case SYS_VAAE1 * 2:
            TLBI("vaae1", page);
            return;
        case SYS_VAAE1 * 2 + 1:
            TLBI("vaae1is", page);
            return;
        case SYS_VAALE1 * 2:
            TLBI("vaale1", page);
            return;
        case SYS_VAALE1 * 2 + 1:
            TLBI("vaale1is", page);
            return;
        case SYS_VMALLE1 * 2:
            DO("tlbi vmalle1");
            return;
        default:
            DO("tlbi vmalle1is");
            return;
        }
    }
}

/*
 * Break before make, but for permissions alone (D8.14.1). An entry that leads to a table needs more
 * than a TLBI by VA.
 */
static void change(const struct sys_op *op, volatile uint64_t *const at[SYS_SPACES])
{
    unsigned kind = op->tlbi;
    int valid = 0, table = 0;
    for (unsigned s = 0; s < SYS_SPACES; s++)
        if (op->spaces >> s & 1) {
            valid |= *at[s] & 1;
            table |= op->kind == SYS_OP_BLOCK && (*at[s] & 3) == 3;
        }
    if (op->global && kind == SYS_ASIDE1)
        kind = SYS_VAAE1;
    if (table)
        kind = op->global || kind & 1 ? SYS_VMALLE1 : SYS_ASIDE1;
    const int in_place = op->in_place && !table;
    const uint64_t va = SYS_LOW + op->part * (uint64_t)SYS_PART + op->page * 0x1000ul;
    for (unsigned s = 0; s < SYS_SPACES; s++)
        if (op->spaces >> s & 1) {
            const uint64_t old = *at[s];
            *at[s] = in_place && old & 1 ? (old & ENTRY_PA) | (op->entry[s] & ~ENTRY_PA) : 0;
        }
    if (valid) { /* what faults is in no TLB (D8.13.1) */
        DO("dsb ish");
        tlbi(kind, op->broadcast, va);
        DO("dsb ish");
    }
    for (unsigned s = 0; s < SYS_SPACES; s++)
        if (op->spaces >> s & 1 && !in_place)
            *at[s] = op->entry[s];
    DO("dsb ish");
    DO("isb");
}

/* The space under an ASID that another one may have had. */
static void enter(unsigned space, unsigned asid)
{
    WRITE("ttbr0_el1",
          (uint64_t)IMAGE->asid[asid] << 48 | (SYS_TABLES + (SYS_L1 + space) * 0x1000));
    DO("isb");
    if (IMAGE->lent[asid] && IMAGE->lent[asid] != space + 1) {
        TLBI("aside1", (uint64_t)IMAGE->asid[asid] << 48);
        DO("dsb nsh\n\tisb");
    }
    IMAGE->lent[asid] = (uint16_t)(space + 1);
}

static void operate(const struct sys_op *op)
{
    volatile uint64_t *at[SYS_SPACES];
    if (op->kind == SYS_OP_SPACE) {
        enter(op->spaces, op->asid);
        return;
    }
    for (unsigned s = 0; s < SYS_SPACES; s++)
        at[s] = op->kind == SYS_OP_PAGE ? ENTRY(SYS_L3 + 2 * s + op->part) + op->page
                                        : ENTRY(SYS_L2 + s) + SYS_LOW / SYS_PART + op->part;
    change(op, at);
}

/* ---- exceptions ---- */
static uint32_t insn_at(uint64_t va)
{
    const uint64_t page = IMAGE->code_pa[(va - SYS_CODE) / 0x1000];
    return *(const uint32_t *)(SYS_HIGH + (page - SYS_RAM) + va % 0x1000);
}

static int is_atomic(uint32_t w) /* exclusives, ordered, CAS; LSE */
{
    return (w & 0x3f000000) == 0x08000000 || (w & 0x3b200c00) == 0x38200000;
}

static int is_unprivileged(uint32_t w) /* LDTR, STTR */
{
    return (w & 0x3b200c00) == 0x38000800;
}

/* The page becomes what the access asks for; 0 when it is none that blocks have. */
static int put_right(struct sys_frame *f, uint64_t va, int el0)
{
    if (va < SYS_LOW || va >= SYS_LOW + 2 * SYS_PART)
        return 0;
    const uint32_t off = (uint32_t)(va - SYS_LOW);
    struct sys_op op = {.kind = off < SYS_PART ? SYS_OP_PAGE : SYS_OP_BLOCK,
                        .tlbi = f->faults & 1 ? SYS_VAAE1 : SYS_VAE1,
                        .spaces = (1 << SYS_SPACES) - 1,
                        .part = off >= SYS_PART,
                        .global = 1,
                        .page = off % SYS_PART / 0x1000};
    for (unsigned s = 0; s < SYS_SPACES; s++) {
        op.entry[s] = op.part ? IMAGE->fix_block[s][el0] : IMAGE->fix[s][el0][op.page];
        if (!op.entry[s])
            return 0;
    }
    operate(&op);
    return 1;
}

static int is_code(uint64_t va)
{
    return va >= SYS_CODE && va < SYS_CODE + SYS_CODE_PAGES * 0x1000ul && !(va & 3);
}

/* 0: the block is over. */
static int go_on(struct sys_frame *f, unsigned ec, uint32_t insn)
{
    struct sys_state *s = &f->s;
    unsigned again = 0; /* how often it was this instruction, one after the other */
    while (again < f->faults && f->log[f->faults - 1 - again].elr == s->elr)
        again++;
    if (ec == EC_SVC) {
        const unsigned n = f->esr & 0xffff;
        if (n < SYS_OPS)
            operate(&IMAGE->ops[n]);
        return n != SYS_SVC_END;
    }
    if (!is_code(s->elr))
        return 0;
    switch (ec) {
    case EC_ILLEGAL:
        s->spsr &= ~SPSR_IL;
        return 1;
    case EC_IABT:
    case EC_IABT_LOWER:
        return put_right(f, s->elr, 0);
    case EC_FP:
        if (again || f->faults & 1)
            break;
        WRITE("cpacr_el1", 3ul << 20);
        DO("isb");
        return 1;
    case EC_DABT:
    case EC_DABT_LOWER: {
        const int el0 = ec == EC_DABT_LOWER || is_unprivileged(insn) ||
                        (!(s->spsr & SPSR_PAN) && f->faults & 1);
        if (again < 3 && (f->esr & 0x3f) != FSC_ALIGN && put_right(f, f->far_, el0))
            return 1;
        break;
    }
    default:
        break;
    }
    s->elr += 4;
    return 1;
}

/* ---- runs ---- */
static void begin(struct sys_frame *f)
{
    const struct sys_state *s = &IMAGE->start[f->run];
    WRITE("cpacr_el1", 3ul << 20);
    DO("isb");
    sys_vectors_put(s->v);
    WRITE("fpcr", s->fpcr);
    WRITE("fpsr", s->fpsr);
    WRITE("tpidr_el0", s->tpidr_el0);
    WRITE("tpidr_el1", s->tpidr_el1);
    WRITE("cpacr_el1", s->cpacr);
    DO("isb");
    for (unsigned i = 0; i < sizeof *s / 8; i++)
        ((uint64_t *)&f->s)[i] = ((const uint64_t *)s)[i];
    f->faults = 0;
    f->hash = f->run;
}

static uint64_t memory(void)
{
    uint64_t h = 0;
    for (unsigned i = 0; i < IMAGE->hashed_n; i++) {
        const uint64_t *page = (const uint64_t *)(SYS_HIGH + (IMAGE->hashed[i] - SYS_RAM));
        for (unsigned k = 0; k < 512; k++)
            fold(&h, page[k]);
    }
    return h;
}

static void show(const struct sys_frame *f)
{
    for (unsigned i = 0; i < sizeof *f / 8; i++) {
        put('=');
        put_hex(((const uint64_t *)f)[i], 16, '\n');
    }
}

static void end(struct sys_frame *f)
{
    struct sys_state *s = &f->s;
    s->cpacr = READ("cpacr_el1");
    WRITE("cpacr_el1", 3ul << 20);
    DO("isb");
    sys_vectors_get(s->v);
    s->fpcr = READ("fpcr");
    s->fpsr = READ("fpsr");
    s->tpidr_el0 = READ("tpidr_el0");
    s->tpidr_el1 = READ("tpidr_el1");
    f->par = READ("par_el1") & ~(1ul << 9); /* NS: UNKNOWN (D17.2.97) */
    f->contextidr = READ("contextidr_el1");
    for (unsigned i = 0; i < sizeof *s / 8; i++)
        fold(&f->hash, ((const uint64_t *)s)[i]);
    fold(&f->hash, f->par);
    fold(&f->hash, f->contextidr);
    if (IMAGE->every)
        fold(&f->hash, memory());
    put_hex(f->run, 4, ' ');
    put_hex(f->hash, 16, '\n');
    if (f->run == IMAGE->show)
        show(f);
    if (++f->run < IMAGE->blocks * IMAGE->passes) {
        begin(f);
        return;
    }
    put_hex(memory(), 16, '\n');
    register uint64_t x0 __asm__("x0") = 0x84000008; /* PSCI SYSTEM_OFF */
    __asm__ volatile("hvc #0" : "+r"(x0) : : "memory");
}

void sys_first(void)
{
    ENTRY(SYS_L1)[SYS_RAM >> 30] = 0; /* the start ran there */
    DO("dsb ish\n\ttlbi vmalle1\n\tdsb nsh\n\tisb");
    IMAGE->frame.run = 0;
    enter(0, 0);
    begin(&IMAGE->frame);
}

void sys_taken(struct sys_frame *f)
{
    const uint64_t esr = READ("esr_el1");
    const unsigned ec = esr >> 26 & 63;
    const int abort = ec >= EC_IABT_LOWER && ec <= EC_DABT;
    const uint32_t insn = is_code(f->s.elr) ? insn_at(f->s.elr) : 0;
    f->esr = esr;
    f->far_ = abort ? READ("far_el1") : 0;
    if (IMAGE->mask_wnr && (ec == EC_DABT || ec == EC_DABT_LOWER) && is_atomic(insn)) {
        f->esr &= ~ESR_WNR;
        WRITE("esr_el1", f->esr);
    }
    fold(&f->hash, f->esr);
    fold(&f->hash, f->far_);
    for (unsigned i = 0; i < 35; i++) /* to spsr */
        fold(&f->hash, ((const uint64_t *)&f->s)[i]);
    /* Not after half a load or store, of which different machines do different halves. */
    const int half = (ec == EC_DABT || ec == EC_DABT_LOWER) && (esr & 0x3f) != FSC_ALIGN;
    const int more = f->faults + 1 < (half ? SYS_LOG : SYS_FAULTS);
    const uint64_t elr = f->s.elr, spsr = f->s.spsr;
    const int on = go_on(f, ec, insn);
    f->log[f->faults].esr = f->esr;
    f->log[f->faults].far_ = f->far_;
    f->log[f->faults].elr = elr;
    f->log[f->faults].spsr = spsr;
    f->log[f->faults++].hash = f->hash;
    if (on && more)
        return;
    if (on) /* it may have been between a store of code and IC */
        DO("ic iallu\n\tdsb nsh\n\tisb");
    end(f);
}
