// SPDX-License-Identifier: MIT
/*
 * jit_sys.c - the JIT's system instructions: the few that kernels and programs execute all the
 * time.
 */
#include "src/a64/jit.h"
#include "src/a64/sem.h"

/* MRS of registers that are plain fields, and from which EL. */
static const struct {
    uint16_t reg;
    uint8_t el;
    bool spsel; /* SP_EL0 is UNDEFINED while it is the current SP (Arm ARM C5.2.19) */
    int32_t at;
} plain[] = {
    {HV_SYSREG(3, 0, 4,  1, 0), 1, true,  CPU(sr.sp_el0)   },
    {HV_SYSREG(3, 0, 13, 0, 4), 1, false, CPU(sr.tpidr_el1)},
    {HV_SYSREG(3, 3, 13, 0, 2), 0, false, CPU(sr.tpidr_el0)},
};

static unsigned mrs_index(uint32_t word)
{
    unsigned i = 0;
    while (i < ARRAY_LEN(plain) && plain[i].reg != a64_sysreg_reg(word))
        i++;
    return i;
}

static unsigned props_mrs(uint32_t word)
{
    return mrs_index(word) < ARRAY_LEN(plain) ? JP_EXIT : ~0u;
}

static void emit_mrs(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned i = mrs_index(in->word);
    if (plain[i].el) {
        em_cmp_m8(o, RDI, CPU(el), 0);
        jit_handler_if(u, in, CC_E);
    }
    if (plain[i].spsel) {
        em_cmp_m8(o, RDI, CPU(spsel), 0);
        jit_handler_if(u, in, CC_E);
    }
    em_load(o, 1, RAX, RDI, plain[i].at);
    jit_put(u, RAX, in->op.rd);
}

static unsigned props_dmb(uint32_t word)
{
    (void)word;
    return 0;
}

/* An x86-64 host orders all but a store before a later load: not needed for DMB LD and ST. */
static void emit_dmb(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    if (!u->core->cpu.smp || (in->word >> 8 & 3) == 1 || (in->word >> 8 & 3) == 2)
        return;
    em8(o, 0xf0); /* lock or dword [rsp], 0 */
    em8(o, 0x83);
    em8(o, 0x0c);
    em8(o, 0x24);
    em8(o, 0);
}

// clang-format off
const struct jit_rule jit_sys_rules[] = {
    {a64_dec_mrs, NULL,       props_mrs, emit_mrs},
    {NULL,        a64_op_dmb, props_dmb, emit_dmb},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
