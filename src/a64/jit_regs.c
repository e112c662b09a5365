// SPDX-License-Identifier: MIT
/*
 * jit_regs.c - guest registers kept in host registers, general ones here and V registers in
 * jit_v.c.
 *
 * In most units every instruction takes its operands from cpu->x and leaves its result there. A
 * unit that has a loop is translated twice: the first time to count what each register is used for,
 * and how often the unit is left, by how deep in loops that is; then those that gain more than they
 * cost at each way in and out have a host register for the whole unit. There it has the guest's
 * value all the time, while cpu->x is only right outside: ways in load all, ways out store what the
 * unit's code may write at all, so that nobody needs to know what has been written where.
 *
 * RAX, RCX, RDX, RSI and XMM0 to XMM5 are scratch in the code of an instruction; RBP is left out
 * because its low byte needs a prefix of its own.
 */
#include "src/a64/host.h"
#include "src/a64/jit.h"

static const uint8_t homes[] = {RBX, R9, R10, R11, R12, R13, R14, R15};

/* The host register of r, which is used, or 0. */
static unsigned home(struct jit_unit *u, unsigned r)
{
    if (u->regs.counting)
        u->regs.uses[r] += u->regs.weight;
    return u->regs.host[r];
}

static void wrote(struct jit_unit *u, unsigned r)
{
    u->regs.written |= BIT(r);
    if (u->known == (int)r)
        u->known = -1;
}

void jit_get(struct jit_unit *u, unsigned w, unsigned host, unsigned r)
{
    unsigned h = home(u, r);
    if (r == A64_ZR)
        em_imm(&u->o, host, 0);
    else if (!h)
        em_load(&u->o, w, host, RDI, XREG(r));
    else if (h != host)
        em_mov_rr(&u->o, w, host, h);
}

void jit_put(struct jit_unit *u, unsigned host, unsigned r)
{
    if (r == A64_SINK)
        return;
    unsigned h = home(u, r);
    if (!h)
        em_store(&u->o, 1, host, RDI, XREG(r));
    else if (h != host)
        em_mov_rr(&u->o, 1, h, host);
    wrote(u, r);
}

unsigned jit_dst(struct jit_unit *u, unsigned r, unsigned other, unsigned tmp)
{
    unsigned h = u->regs.host[r];
    return h && r != other ? h : tmp;
}

unsigned jit_src(struct jit_unit *u, unsigned r, unsigned tmp)
{
    if (u->regs.host[r])
        return u->regs.host[r];
    jit_get(u, 1, tmp, r);
    return tmp;
}

void jit_op(struct jit_unit *u, unsigned w, unsigned op, unsigned reg, unsigned r)
{
    unsigned h = home(u, r);
    if (h)
        em_rr(&u->o, w, op, reg, h);
    else
        em_rm(&u->o, w, op, reg, RDI, XREG(r));
}

void jit_alu(struct jit_unit *u, unsigned w, enum jit_alu op, unsigned reg, unsigned r)
{
    jit_op(u, w, (unsigned)op << 3 | 3, reg, r);
}

void jit_alu_imm(struct jit_unit *u, unsigned w, enum jit_alu op, unsigned r, int32_t imm)
{
    bool small = imm >= -128 && imm < 128;
    jit_op(u, w, small ? 0x83 : 0x81, op, r);
    if (small)
        em8(&u->o, (unsigned)imm);
    else
        em32(&u->o, (uint32_t)imm);
}

unsigned jit_test_bit(struct jit_unit *u, unsigned r, unsigned bit)
{
    unsigned h = home(u, r);
    if (!h) {
        em_test_m8(&u->o, RDI, XREG(r) + (int32_t)(bit / 8), 1u << bit % 8);
        return CC_NE;
    }
    em_rr(&u->o, 1, 0x0fba, 4, h); /* bt: CF is the bit */
    em8(&u->o, bit);
    return CC_B;
}

void jit_set(struct jit_unit *u, unsigned r, uint64_t v)
{
    if (r == A64_SINK)
        return;
    unsigned h = home(u, r);
    if (h) {
        em_imm(&u->o, h, v);
    } else if ((uint64_t)(int64_t)(int32_t)v == v) {
        em_rm(&u->o, 1, 0xc7, 0, RDI, XREG(r));
        em32(&u->o, (uint32_t)v);
    } else {
        em_imm(&u->o, RAX, v);
        em_store(&u->o, 1, RAX, RDI, XREG(r));
    }
    wrote(u, r);
}

/* ---- which ---- */
void jit_regs_none(struct jit_unit *u)
{
    u->regs = (struct jit_regs){.weight = 1};
}

void jit_regs_count(struct jit_unit *u)
{
    jit_regs_none(u);
    u->regs.counting = true;
}

/* The most used ones, if more than `least`, get a home each, of which there are n. */
static void choose(uint32_t *uses, uint8_t *host, unsigned regs, const uint8_t *where, unsigned n,
                   uint32_t least)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned best = 0;
        for (unsigned r = 1; r < regs; r++)
            if (uses[r] > uses[best])
                best = r;
        if (uses[best] <= least)
            return;
        host[best] = where[i];
        uses[best] = 0;
    }
}

/* A use in a host register saves about one instruction; a way out and in again costs two. */
void jit_regs_choose(struct jit_unit *u)
{
    static const uint8_t v_homes[] = {6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct jit_regs *g = &u->regs;
    uint32_t least = u->core->jit.eager ? 0 : g->exits * 2 + 2;
    g->counting = false;
    choose(g->uses, g->host, A64_ZR, homes, ARRAY_LEN(homes), least);
    if (u->fp && a64_host() & A64_HOST_SSE4) /* lanes are got by PEXTR */
        choose(g->v_uses, g->v_host, 32, v_homes, ARRAY_LEN(v_homes), least);
}

void jit_reload(struct jit_unit *u)
{
    for (unsigned r = 0; r < A64_ZR; r++)
        if (u->regs.host[r])
            em_load(&u->o, 1, u->regs.host[r], RDI, XREG(r));
    for (unsigned v = 0; v < 32; v++)
        if (u->regs.v_host[v])
            em_sse_rm(&u->o, 0, 0, 0x28, u->regs.v_host[v], VREG(v)); /* movaps */
}

void jit_spill(struct jit_unit *u)
{
    u->regs.exits += u->regs.counting ? u->regs.weight : 0;
    for (unsigned r = 0; r < A64_ZR; r++)
        if (u->regs.host[r] && u->regs.written >> r & 1)
            em_store(&u->o, 1, u->regs.host[r], RDI, XREG(r));
    for (unsigned v = 0; v < 32; v++)
        if (u->regs.v_host[v] && u->regs.v_written >> v & 1)
            em_sse_rm(&u->o, 0, 0, 0x29, u->regs.v_host[v], VREG(v));
}
