// SPDX-License-Identifier: MIT
/*
 * diag_x86.c - the diagnosis of an x86 vCPU: mode, what stands for an exception, registers.
 *
 * Bits follow the Intel SDM vol. 3, chapters 2 (control registers) and 4 (EFER). The CPU keeps no
 * record of its last exception: CR2 of a page fault and the interrupt table's place are what is
 * left of it.
 */
#include "launcher.h"

#define CR0_PE    BIT(0)
#define CR0_PG    BIT(31)
#define EFER_LMA  BIT(10)
#define RFLAGS_IF BIT(9)

static const char *const diag_x86_gprs[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                              "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                              "r12", "r13", "r14", "r15"};
static const char *const diag_x86_segs[HV_SEGS] = {"es", "cs", "ss", "ds", "fs", "gs"};

#define R(name)                                                                                    \
    {                                                                                              \
#name, offsetof(struct hv_regs, x86.name)                                                  \
    }

static const struct diag_reg diag_x86_regs[] = {
    {"pc", offsetof(struct hv_regs, pc)},
    R(rip),
    R(rflags),
    R(cr0),
    R(cr2),
    R(cr3),
    R(cr4),
    R(efer),
    R(gdt_base),
    R(idt_base),
    R(tr_base),
};

static void diag_x86_state(const struct hv_regs *r, struct text *t)
{
    text_add(t, ", %s, paging %s, interrupts %s\n",
             !(r->x86.cr0 & CR0_PE)   ? "real mode"
             : r->x86.efer & EFER_LMA ? "64-bit"
                                      : "32-bit",
             r->x86.cr0 & CR0_PG ? "on" : "off", r->x86.rflags & RFLAGS_IF ? "open" : "masked");
}

static void diag_x86_exception(const struct run *run, const struct hv_regs *r, struct text *t)
{
    (void)run;
    text_add(t, "  exception ");
    if (!r->x86.idt_limit)
        text_add(t, "there is no interrupt table (IDT limit 0)");
    else
        text_add(t, "interrupt table at %#" PRIx64 ", limit %#x", r->x86.idt_base,
                 r->x86.idt_limit);
    if (r->x86.cr2)
        text_add(t, "; last page fault at CR2 %#" PRIx64, r->x86.cr2);
    text_add(t, "\n");
}

static void diag_x86_registers(const struct hv_regs *r, struct text *t)
{
    for (unsigned i = 0; i < ARRAY_LEN(diag_x86_gprs); i++) {
        if (i % 4 == 0)
            text_add(t, "  %-9s", i ? "" : "registers");
        text_add(t, " %-3s %016" PRIx64 "%s", diag_x86_gprs[i], r->x86.gpr[i],
                 i % 4 == 3 ? "\n" : "");
    }
    text_add(t,
             "            CR0 %#" PRIx64 ", CR3 %#" PRIx64 ", CR4 %#" PRIx64 ", EFER %#" PRIx64
             ", RFLAGS %#" PRIx64 "\n           ",
             r->x86.cr0, r->x86.cr3, r->x86.cr4, r->x86.efer, r->x86.rflags);
    for (unsigned i = 0; i < HV_SEGS; i++)
        text_add(t, " %s %04x base %#" PRIx64 "%s", diag_x86_segs[i], r->x86.sel[i], r->x86.base[i],
                 i + 1 < HV_SEGS ? "," : "\n");
    text_add(t, "            GDT %#" PRIx64 " limit %#x, task register base %#" PRIx64 "\n",
             r->x86.gdt_base, r->x86.gdt_limit, r->x86.tr_base);
}

const struct diag_arch diag_x86 = {
    .code_unit = 1,
    .general = {"gpr", offsetof(struct hv_regs, x86.gpr), 16},
    .named = diag_x86_regs,
    .n_named = ARRAY_LEN(diag_x86_regs),
    .state = diag_x86_state,
    .exception = diag_x86_exception,
    .registers = diag_x86_registers,
};
