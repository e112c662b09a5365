// SPDX-License-Identifier: MIT
/*
 * esr.c - ESR_EL1 in words.
 *
 * Follows Arm ARM DDI 0487J.a D19.2.37 (ESR_EL1): exception classes that reach EL1 from AArch64,
 * and the fault status codes of aborts. Other fields of a syndrome are left to the number.
 */
#include "launcher.h"

#define EC_IABT_LOWER  0x20
#define EC_IABT_SAME   0x21
#define EC_PC_ALIGN    0x22
#define EC_DABT_LOWER  0x24
#define EC_DABT_SAME   0x25
#define EC_WATCH_LOWER 0x34
#define EC_WATCH_SAME  0x35

#define ISS_WNR           BIT(6)
#define ISS_FNV           BIT(10)
#define FSC_SYNC_EXTERNAL 0x10

static const char *const ec_names[64] = {
    [0x00] = "undefined instruction",
    [0x01] = "trapped WFI or WFE",
    [0x07] = "FP or SIMD while CPACR_EL1 traps it",
    [0x0a] = "trapped system instruction",
    [0x0d] = "branch target exception",
    [0x0e] = "illegal execution state",
    [0x15] = "SVC",
    [0x16] = "HVC",
    [0x17] = "SMC",
    [0x18] = "system register access that is not allowed",
    [0x19] = "SVE while CPACR_EL1 traps it",
    [EC_IABT_LOWER] = "instruction abort from EL0",
    [EC_IABT_SAME] = "instruction abort at EL1",
    [EC_PC_ALIGN] = "misaligned PC",
    [EC_DABT_LOWER] = "data abort from EL0",
    [EC_DABT_SAME] = "data abort at EL1",
    [0x26] = "misaligned SP",
    [0x2c] = "floating-point exception",
    [0x2f] = "SError",
    [0x30] = "breakpoint from EL0",
    [0x31] = "breakpoint at EL1",
    [0x32] = "software step from EL0",
    [0x33] = "software step at EL1",
    [EC_WATCH_LOWER] = "watchpoint from EL0",
    [EC_WATCH_SAME] = "watchpoint at EL1",
    [0x3c] = "BRK",
};

/* By the fault status code's bits 5:2, which give the level in bits 1:0. */
static const char *const fsc_levels[16] = {
    [0x0] = "address size fault",
    [0x1] = "translation fault",
    [0x2] = "access flag fault",
    [0x3] = "permission fault",
    [0x5] = "external abort on a table walk",
};

static void fsc_text(unsigned fsc, struct text *t)
{
    if (fsc == FSC_SYNC_EXTERNAL)
        text_add(t, ", external abort (nothing is there)");
    else if (fsc == 0x21)
        text_add(t, ", alignment fault");
    else if (fsc < 64 && fsc_levels[fsc >> 2 & 15] && fsc < 0x18)
        text_add(t, ", %s, level %u", fsc_levels[fsc >> 2], fsc & 3);
    else
        text_add(t, ", fault status %#x", fsc);
}

static bool ec_is_abort(unsigned ec)
{
    return ec == EC_IABT_LOWER || ec == EC_IABT_SAME || ec == EC_DABT_LOWER || ec == EC_DABT_SAME;
}

bool esr_has_far(uint64_t esr)
{
    unsigned ec = (unsigned)bits_get(esr, 26, 6);
    return (ec_is_abort(ec) && !(esr & ISS_FNV)) || ec == EC_PC_ALIGN || ec == EC_WATCH_LOWER ||
           ec == EC_WATCH_SAME;
}

void esr_text(uint64_t esr, struct text *t)
{
    unsigned ec = (unsigned)bits_get(esr, 26, 6);
    if (!esr) /* an undefined instruction sets IL; an interrupt writes no syndrome */
        text_add(t, "interrupts only");
    else if (ec_names[ec])
        text_add(t, "%s", ec_names[ec]);
    else
        text_add(t, "exception class %#x", ec);
    if (ec_is_abort(ec))
        fsc_text((unsigned)(esr & 0x3f), t);
    if (ec == EC_DABT_LOWER || ec == EC_DABT_SAME)
        text_add(t, ", %s", esr & ISS_WNR ? "a store" : "a load");
    if (ec == 0x15 || ec == 0x16 || ec == 0x17 || ec == 0x3c)
        text_add(t, " #%#x", (unsigned)(esr & 0xffff));
}
