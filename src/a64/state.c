// SPDX-License-Identifier: MIT
/*
 * state.c - the whole state of a vCPU, register by register (hv_ops.get_state).
 *
 * What an instruction can read back later: general and vector registers, and the system registers
 * that hold a value. Identification registers are constants of this program and are left out. Runs
 * on the vCPU's thread, outside run(): FPSR is whole there (fp.h).
 */
#include "a64_internal.h"
#include "vmm/a64.h"

struct state_out {
    struct hv_state_reg *at;
    unsigned n, max;
};

static void state_put(struct state_out *o, enum hv_state_kind kind, uint32_t num, unsigned size,
                      uint64_t lo, uint64_t hi)
{
    if (o->n < o->max)
        o->at[o->n++] = (struct hv_state_reg){
            .id = (uint64_t)kind << 32 | num,
            .kind = kind,
            .num = num,
            .size = (uint8_t)size,
            .val = {lo, hi},
        };
}

int a64_cpu_get_state(struct a64_cpu *cpu, struct hv_state_reg *out, unsigned max)
{
    struct state_out o = {out, 0, max};
    bool on_el1 = cpu->el && cpu->spsel; /* which of the two is in x[A64_SP] */
    const struct {
        uint32_t num;
        uint64_t val;
    } core[] = {
        {HV_STATE_SP_EL0,   on_el1 ? cpu->sr.sp_el0 : cpu->x[A64_SP]},
        {HV_STATE_PC,       cpu->pc                                 },
        {HV_STATE_PSTATE,   a64_pstate_get(cpu)                     },
        {HV_STATE_SP_EL1,   on_el1 ? cpu->x[A64_SP] : cpu->sr.sp_el1},
        {HV_STATE_ELR_EL1,  cpu->sr.elr                             },
        {HV_STATE_SPSR_EL1, cpu->sr.spsr                            },
    };
    for (unsigned i = 0; i < 31; i++)
        state_put(&o, HV_STATE_CORE, i, 8, cpu->x[i], 0);
    for (unsigned i = 0; i < ARRAY_LEN(core); i++)
        state_put(&o, HV_STATE_CORE, core[i].num, 8, core[i].val, 0);
    for (unsigned i = 0; i < 32; i++)
        state_put(&o, HV_STATE_VECTOR, i, 16, cpu->v[i].d[0], cpu->v[i].d[1]);
    state_put(&o, HV_STATE_VECTOR, HV_STATE_FPSR, 4, cpu->fpsr, 0);
    state_put(&o, HV_STATE_VECTOR, HV_STATE_FPCR, 4, cpu->fpcr, 0);
    return (int)(o.n + a64_sysreg_state(cpu, out + o.n, max - o.n));
}
