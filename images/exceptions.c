// SPDX-License-Identifier: MIT
/*
 * exceptions.c - synchronous exceptions from EL1 and EL0: vector, syndrome, return address, saved
 * state.
 *
 * Arm ARM DDI 0487J.a: D1.3 exceptions, D17.2.37 ESR_EL1 (the ISS encodings by class), C6 for the
 * immediates.
 *
 * Boards: virt micro vibe
 */
#include "guest.h"

#define IL           (1ull << 25)
#define ESR(ec, iss) ((uint64_t)(ec) << 26 | IL | (iss))

/* Do one instruction that traps; its address in `at`. */
#define TRAP(at, insn)                                                                             \
    do {                                                                                           \
        trap_arm();                                                                                \
        __asm__ volatile("adr %0, 1f\n1:\t" insn : "=&r"(at)::"memory", "cc", "x9");               \
    } while (0)

static void expect(uint64_t vector, uint64_t esr, uint64_t elr, const char *name)
{
    struct trap t = trap_last;
    check(trap_count == 1 && t.vector == vector && t.esr == esr && t.elr == elr, name);
    if (trap_count != 1 || t.vector != vector || t.esr != esr || t.elr != elr) {
        put_text("# count ");
        put_dec(trap_count);
        put_text(" vector ");
        put_dec(t.vector);
        put_text(" esr ");
        put_hex(t.esr);
        put_text(" want ");
        put_hex(esr);
        put_text(" elr-want ");
        put_hex(t.elr - elr);
        put_char('\n');
    }
}

static void from_el1(void)
{
    uint64_t at;
    TRAP(at, "svc #0x2bcd");
    expect(VECTOR_SPX_SYNC, ESR(EC_SVC64, 0x2bcd), at + 4, "svc: imm16, returns after it");
    TRAP(at, "brk #0x1234");
    expect(VECTOR_SPX_SYNC, ESR(EC_BRK64, 0x1234), at, "brk: imm16, returns to it");
    TRAP(at, "udf #7");
    expect(VECTOR_SPX_SYNC, ESR(EC_UNKNOWN, 0), at, "udf: unknown reason");
    TRAP(at, ".inst 0xd518ffe9"); /* msr S3_0_C15_C15_7, x9 */
    expect(VECTOR_SPX_SYNC, ESR(EC_UNKNOWN, 0), at, "msr of an unallocated register: undefined");
    TRAP(at, "mrs x9, sp_el2");
    expect(VECTOR_SPX_SYNC, ESR(EC_UNKNOWN, 0), at, "mrs sp_el2 at EL1: undefined");
    TRAP(at, "mrs x9, sp_el1");
    expect(VECTOR_SPX_SYNC, ESR(EC_UNKNOWN, 0), at, "mrs sp_el1 at EL1: undefined");
    TRAP(at, "hlt #1");
    expect(VECTOR_SPX_SYNC, ESR(EC_UNKNOWN, 0), at, "hlt with halting debug off: undefined");
    TRAP(at, "msr sctlr_el2, x9");
    expect(VECTOR_SPX_SYNC, ESR(EC_UNKNOWN, 0), at, "msr of an EL2 register at EL1: undefined");
}

static void alignment(void)
{
    static uint64_t words[4];
    uint64_t at, far_ = (uint64_t)words + 1;
    write_sysreg(sctlr_el1, read_sysreg(sctlr_el1) | 2); /* A */
    trap_arm();
    __asm__ volatile("adr %0, 1f\n1:\tldr x9, [%1]" : "=&r"(at) : "r"(far_) : "x9", "memory");
    expect(VECTOR_SPX_SYNC, ESR(EC_DABT_EL1, 0x21), at, "SCTLR.A: unaligned load, alignment fault");
    check_eq(trap_last.far_, far_, "SCTLR.A: FAR of the load");
    trap_arm();
    __asm__ volatile("adr %0, 1f\n1:\tstr x9, [%1]" : "=&r"(at) : "r"(far_) : "memory");
    expect(VECTOR_SPX_SYNC, ESR(EC_DABT_EL1, 0x61), at, "SCTLR.A: unaligned store, WnR set");
    trap_arm();
    __asm__ volatile("adr %0, 1f\n1:\tldxr x9, [%1]" : "=&r"(at) : "r"(far_) : "x9", "memory");
    expect(VECTOR_SPX_SYNC, ESR(EC_DABT_EL1, 0x21), at,
           "B2.5.2: unaligned exclusive always faults");
    check(words[0] == 0 && words[1] == 0, "a faulting store stores nothing");
    /* Write-back happens only when the access does (D1.3.1: precise). */
    uint64_t base = far_;
    trap_arm();
    __asm__ volatile("ldr x9, [%0], #8" : "+r"(base)::"x9", "memory");
    check_eq(base, far_, "no write-back of the base on a fault");
    write_sysreg(sctlr_el1, read_sysreg(sctlr_el1) & ~2ull);
}

static uint64_t daif_in_handler, el_in_handler, spsel_in_handler, spsr_seen, nzcv_seen;

static void look(struct trap *t)
{
    daif_in_handler = read_sysreg(daif);
    el_in_handler = read_sysreg(currentel);
    spsel_in_handler = read_sysreg(spsel);
    nzcv_seen = t->spsr >> 28;
    spsr_seen = t->spsr;
}

static void state(void)
{
    trap_armed = false;
    trap_hook = look;
    __asm__ volatile(
        "msr daifclr, #15\n\tmsr nzcv, %0\n\tsvc #0\n\tmsr daifset, #15" ::"r"(0xaull << 28)
        : "cc");
    check_eq(daif_in_handler, 0x3c0, "D1.3.2: DAIF is set on entry");
    check_eq(el_in_handler, 4, "CurrentEL is EL1");
    check_eq(spsel_in_handler, 1, "D1.3.2: SPSel is 1 on entry");
    check_eq(nzcv_seen, 0xa, "SPSR holds NZCV");
    check_eq(spsr_seen & 0x3ff, 0x005, "SPSR holds DAIF and EL1h");
    uint64_t flags;
    __asm__ volatile("msr nzcv, %1\n\tsvc #0\n\tmrs %0, nzcv"
                     : "=r"(flags)
                     : "r"(5ull << 28)
                     : "cc");
    check_eq(flags >> 28, 5, "eret gives NZCV back");
    trap_hook = 0;
    trap_arm();
    uint64_t at;
    __asm__ volatile(
        "mov x9, sp\n\tmsr sp_el0, x9\n\tmsr spsel, #0\n\tadr %0, 1f\n1:\tbrk #1\n\tmsr spsel, #1"
        : "=&r"(at)::"x9", "memory");
    expect(VECTOR_SP0_SYNC, ESR(EC_BRK64, 1), at, "EL1t: the vector of SP_EL0");
}

static void pc(void)
{
    uint64_t bad, here;
    trap_arm();
    __asm__ volatile(
        "adr %0, 2f\n\tstr %0, [%2]\n\tadr %0, 1f\n\tadd %0, %0, #2\n1:\tbr %0\n2:\tmov %1, %0"
        : "=&r"(bad), "=&r"(here)
        : "r"(&trap_resume)
        : "memory");
    expect(VECTOR_SPX_SYNC, ESR(EC_PC_ALIGN, 0), bad, "D1.3.6: misaligned PC, ELR is that PC");
    check_eq(trap_last.far_, bad, "D1.3.6: and so is FAR");

    /* Illegal exception return: SPSR names EL3 (D1.4.4). PC is ELR, PSTATE.IL set, then the trap.
     */
    trap_arm();
    __asm__ volatile(
        "adr %0, 1f\n\tmsr elr_el1, %0\n\tmsr spsr_el1, %1\n\tstr %2, [%3]\n\teret\n1:\tnop\n\tnop"
        : "=&r"(bad)
        : "r"(0x3cdull), "r"(0ull), "r"(&trap_resume)
        : "memory");
    expect(VECTOR_SPX_SYNC, ESR(EC_ILLEGAL, 0), bad,
           "D1.4.4: illegal return, illegal-state exception at ELR");
    check_eq(trap_last.spsr >> 20 & 1, 1, "SPSR.IL is set by it");
    trap_arm();
}

/* ---- EL0: code without a stack, one instruction each; resumed after it and ended by returning
 * ---- */

#define EL0_CODE(name, insn)                                                                       \
    uint64_t name(uint64_t arg);                                                                   \
    __asm__(".pushsection .text\n.globl " #name "\n" #name ":\n\t" insn "\n\tret\n.popsection");

EL0_CODE(el0_svc, "svc #0x77")
EL0_CODE(el0_brk, "brk #0xffff")
EL0_CODE(el0_udf, "udf #0")
EL0_CODE(el0_sctlr, "mrs x0, sctlr_el1")
EL0_CODE(el0_daif_read, "mrs x3, daif")
EL0_CODE(el0_ctr, "mrs x7, ctr_el0")
EL0_CODE(el0_zva, "dc zva, x0")
EL0_CODE(el0_cvau, "dc cvau, x0")
EL0_CODE(el0_cntv, "mrs x5, cntvct_el0")
EL0_CODE(el0_wfi, "wfi")
EL0_CODE(el0_eret, "eret")
EL0_CODE(el0_hvc, "hvc #0")
EL0_CODE(el0_tlbi, "tlbi vmalle1")
EL0_CODE(el0_tpidr, "msr tpidr_el0, x0\n\tmrs x0, tpidr_el0\n\tadd x0, x0, #1")
EL0_CODE(el0_id, "mrs x0, midr_el1")

/* ISS of a trapped MSR, MRS or system instruction (D17.2.37, EC 0x18) */
#define SYS_ISS(op0, op1, crn, crm, op2, rt, read)                                                 \
    ((uint64_t)(op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (rt) << 5 | (crm) << 1 |    \
     (read))

static const struct {
    uint64_t (*fn)(uint64_t);
    uint64_t esr;
    unsigned after; /* 4: the return address is after the instruction */
    const char *name;
} el0_cases[] = {
    {el0_svc,       ESR(EC_SVC64,        0x77),                                  4,                                                                 "EL0 svc"                                                                                                                        },
    {el0_brk,       ESR(EC_BRK64,        0xffff),                                0,                                                                 "EL0 brk"                                                                                                                        },
    {el0_udf,       ESR(EC_UNKNOWN,      0),                                     0,                                                                 "EL0 udf"                                                                                                                        },
    {el0_sctlr,     ESR(EC_UNKNOWN,      0),                                     0,                                                                 "EL0 mrs sctlr_el1: undefined"                                                                                                   },
    {el0_daif_read, ESR(EC_SYSREG,       SYS_ISS(3,                              3,                                                                 4,                                                                                                                                 2, 1, 3, 1)), 0,
     "EL0 mrs daif with SCTLR.UMA 0: trapped"},
    {el0_ctr,            ESR(EC_SYSREG,                              SYS_ISS(3,                                                                 3,                                                                                                                                 0,                                                                                                                                                                                                                                         0, 1, 7, 1)), 0,
     "EL0 mrs ctr_el0 with SCTLR.UCT 0: trapped"},
    {el0_zva,       ESR(EC_SYSREG,  SYS_ISS(1,  3,  7,  4, 1, 0, 0)), 0,
     "EL0 dc zva with SCTLR.DZE 0: trapped"},
    {el0_cvau,            ESR(EC_SYSREG,                              SYS_ISS(1,                                                                 3,                                                                                                                                 7,                                                                                                                                                                                                                                      11, 1, 0, 0)), 0,
     "EL0 dc cvau with SCTLR.UCI 0: trapped"},
    {el0_cntv,       ESR(EC_SYSREG,       SYS_ISS(3,                                   3,                                                                                                  14,                                                                                                                                                                                                                                 0, 2, 5, 1)), 0,
     "EL0 mrs cntvct_el0 with CNTKCTL.EL0VCTEN 0: trapped"},
    {el0_wfi,            ESR(EC_WFX,                              1ull << 24 | 0xeull << 20),                                                                 0,                                                                                                                                 "EL0 wfi with SCTLR.nTWI 0: trapped"                                                                                                                                                                                                                                          },
    {el0_eret,      ESR(EC_UNKNOWN, 0), 0, "EL0 eret: undefined"},
    {el0_hvc,            ESR(EC_UNKNOWN,                              0),                                                                 0,                                                                                                                                 "EL0 hvc: undefined"                                                                                                                                                                                                                                         },
    {el0_tlbi,      ESR(EC_UNKNOWN,      0),                             0,                                                           "EL0 tlbi: undefined"                                                                                        },
    {el0_id,            ESR(EC_UNKNOWN,                              0),                                                                 0,                                                                                                                                 "EL0 mrs midr_el1: undefined"                                                                                                                                                                                                                           },
};

static void from_el0(void)
{
    static uint64_t zva_target[512] __attribute__((aligned(4096)));
    uint64_t sp = (uint64_t)el0_stack_top;
    /* UMA, UCT, DZE, UCI, nTWI off; CNTKCTL: no counter at EL0. */
    uint64_t sctlr = read_sysreg(sctlr_el1);
    write_sysreg(sctlr_el1,
                 sctlr & ~(1ull << 9 | 1ull << 14 | 1ull << 15 | 1ull << 16 | 1ull << 26));
    write_sysreg(cntkctl_el1, 0);
    for (unsigned i = 0; i < sizeof(el0_cases) / sizeof(el0_cases[0]); i++) {
        uint64_t fn = (uint64_t)el0_cases[i].fn;
        trap_arm();
        el0_call(el0_cases[i].fn, (uint64_t)zva_target, sp, 0);
        expect(VECTOR_EL0_SYNC, el0_cases[i].esr, fn + el0_cases[i].after, el0_cases[i].name);
    }
    trap_arm();
    check_eq(el0_call(el0_tpidr, 41, sp, 0), 42, "EL0 runs and returns a value");
    el0_call(el0_svc, 0, sp, 0x60000000);
    check_eq(trap_last.spsr, 0x60000000, "SPSR of an exception from EL0: its flags, EL0t");
    check_eq(trap_last.sp_el0, sp, "SP_EL0 is EL0's stack pointer");
    write_sysreg(sctlr_el1, sctlr);
}

int guest_main(void)
{
    check_eq(read_sysreg(currentel) >> 2, 1, "the guest begins at EL1");
    from_el1();
    alignment();
    state();
    pc();
    from_el0();
    return guest_done();
}
