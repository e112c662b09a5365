// SPDX-License-Identifier: MIT
/*
 * diag_arm64.c - the diagnosis of an ARM64 vCPU: state, last exception, registers.
 */
#include "launcher.h"

#define PSTATE_EL(p) ((unsigned)bits_get((p), 2, 2)) /* SPSR layout: Arm ARM C5.2.18 */
#define PSTATE_I     BIT(7)
#define SCTLR_M      BIT(0)

#define R(name)                                                                                    \
    {                                                                                              \
#name, offsetof(struct hv_regs, name)                                                      \
    }

static const struct diag_reg diag_arm64_regs[] = {
    R(sp),    R(pc),   R(pstate), R(sctlr), R(ttbr0),
    R(ttbr1), R(vbar), R(esr),    R(elr),   {"far", offsetof(struct hv_regs, far_)},
    R(spsr),
};

static void diag_arm64_state(const struct hv_regs *r, struct text *t)
{
    text_add(t, ", EL%u, MMU %s, IRQ %s\n", PSTATE_EL(r->pstate), r->sctlr & SCTLR_M ? "on" : "off",
             r->pstate & PSTATE_I ? "masked" : "open");
}

static void diag_arm64_exception(const struct run *run, const struct hv_regs *r, struct text *t)
{
    if (!r->esr && !r->elr && !r->spsr) {
        text_add(t, "  exception none taken so far; VBAR %#" PRIx64 "\n", r->vbar);
        return;
    }
    text_add(t, "  exception ");
    esr_text(r->esr, t);
    text_add(t, "; ESR %#" PRIx64, r->esr);
    if (esr_has_far(r->esr))
        text_add(t, ", FAR %#" PRIx64, r->far_);
    text_add(t, ", ELR %#" PRIx64, r->elr);
    diag_symbol(run, r->elr, t);
    text_add(t, ", SPSR %#" PRIx64 ", VBAR %#" PRIx64 "\n", r->spsr, r->vbar);
}

static void diag_arm64_registers(const struct hv_regs *r, struct text *t)
{
    for (unsigned i = 0; i < 31; i++) {
        if (i % 4 == 0)
            text_add(t, "  %-9s", i ? "" : "registers");
        text_add(t, " x%-2u %016" PRIx64 "%s", i, r->x[i], i % 4 == 3 ? "\n" : "");
    }
    text_add(t, " sp  %016" PRIx64 "\n", r->sp);
    text_add(t,
             "            SCTLR %#" PRIx64 ", TTBR0 %#" PRIx64 ", TTBR1 %#" PRIx64
             ", PSTATE %#" PRIx64 "\n",
             r->sctlr, r->ttbr0, r->ttbr1, r->pstate);
}

const struct diag_arch diag_arm64 = {
    .code_unit = 4,
    .general = {"x", offsetof(struct hv_regs, x), 31},
    .named = diag_arm64_regs,
    .n_named = ARRAY_LEN(diag_arm64_regs),
    .state = diag_arm64_state,
    .exception = diag_arm64_exception,
    .registers = diag_arm64_registers,
};
