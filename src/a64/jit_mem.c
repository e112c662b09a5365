// SPDX-License-Identifier: MIT
/*
 * jit_mem.c - the JIT's loads and stores.
 *
 * An access looks at one entry of L0, that of its base register: measured on a boot of Debian's
 * kernel, 93 % of all accesses go to the page that the last one by that register went to, and the
 * host address does not wait for a load that depends on the guest's. The page's VA and the bits
 * that alignment wants clear are compared at once. What L0 does not have is filled in from the data
 * TLB; what that does not have either is left to the interpreter's handler. L0 has no entries that
 * want aligned accesses.
 */
#include "src/a64/jit.h"
#include "src/a64/sem.h"

static int32_t l0_at(unsigned rn, bool write)
{
    return BANK(l0) + (int32_t)(sizeof(struct a64_l0) * (write * A64_L0 + rn));
}

/*
 * Out of line, shared by all code of a cache, for 1 << log bytes: L0 does not match RDX, which is
 * what an access to RAX wants there. ECX is where in the bank that entry is. If it is only that the
 * access is not aligned, or the data TLB has the page, RCX becomes the addend and ZF is set.
 */
static void thunk(struct jit_out *o, unsigned kind)
{
    _Static_assert(sizeof(struct a64_dtlb) == 32 && A64_DTLB == 1024, "the index is scaled below");
    int32_t tag = kind & JIT_THUNK_WRITE ? (int32_t)offsetof(struct a64_dtlb, tag_w)
                                         : (int32_t)offsetof(struct a64_dtlb, tag_r);
    unsigned len = 1u << (kind & JIT_THUNK_LOG);
    uint8_t *unaligned = NULL;
    if (!(kind & JIT_THUNK_USER))
        em_mov_rr(o, 1, RSI, R8);
    if (len > 1) {
        em8(o, 0xa8); /* test al, imm */
        em8(o, len - 1);
        unaligned = em_jcc8(o, CC_NE);
    }
    const uint8_t *look_up = o->p;
    em_mov_rr(o, 1, R8, RAX);
    em_shift(o, 1, SH_SHR, R8, 7);
    em_alu_ri(o, 0, ALU_AND, R8, 0x7fe0);
    em_alu_rr(o, 1, ALU_ADD, R8, RSI);
    em_alu_ri(o, 1, ALU_OR, RDX, A64_PAGE - 1);
    em_alu_rm(o, 1, ALU_CMP, RDX, R8, BANK(d) + tag);
    uint8_t *miss = em_jcc8(o, CC_NE);
    em_alu_mi(o, 1, ALU_CMP, R8, BANK(d) + (int32_t)offsetof(struct a64_dtlb, amask), 0);
    uint8_t *device = em_jcc8(o, CC_NE);
    em_load(o, 1, R8, R8, BANK(d) + (int32_t)offsetof(struct a64_dtlb, addend));
    em_alu_ri(o, 1, ALU_AND, RDX, -(int32_t)A64_PAGE);
    em_rx(o, 1, 0x89, RDX, RSI, RCX, 0, 0);
    em_rx(o, 1, 0x89, R8, RSI, RCX, 0, offsetof(struct a64_l0, addend));
    em_rm(o, 0, 0xc6, 0, RSI, BANK(l0_used));
    em8(o, 1);
    em_mov_rr(o, 1, RCX, R8);
    em_rr(o, 0, 0x33, RDX, RDX); /* xor: sets ZF */
    em_here8(o, miss);
    em_here8(o, device);
    const uint8_t *end = o->p;
    em_load(o, 1, R8, RDI, CPU(bank));
    em8(o, 0xc3); /* ret */
    if (!unaligned)
        return;
    em_here8(o, unaligned);
    em_mov_rr(o, 0, R8, RAX);
    em_alu_ri(o, 0, ALU_AND, R8, A64_PAGE - 1);
    em_alu_ri(o, 0, ALU_CMP, R8, (int32_t)(A64_PAGE - len));
    em_jcc_to(o, CC_A, end); /* ZF is clear */
    em_alu_ri(o, 1, ALU_AND, RDX, -(int32_t)A64_PAGE);
    em_rx(o, 1, ALU_CMP << 3 | 3, RDX, RSI, RCX, 0, 0);
    em_jcc_to(o, CC_NE, look_up);
    em_rx(o, 1, 0x8b, RCX, RSI, RCX, 0, offsetof(struct a64_l0, addend));
    em_jmp_to(o, end);
}

void jit_mem_thunks(struct jit_out *o, uint8_t *at[JIT_THUNKS])
{
    for (unsigned kind = 0; kind < JIT_THUNKS; kind++) {
        at[kind] = o->p;
        thunk(o, kind);
    }
}

/* arg: the kind of thunk */
static void stub_miss(struct jit_unit *u, const struct jit_stub *s)
{
    struct jit_out *o = &u->o;
    em_imm(o, RCX, (unsigned)l0_at(s->in->op.rn, s->arg & JIT_THUNK_WRITE));
    em8(o, 0xe8); /* call */
    em32(o, 0);
    em_target32(o->p - 4, u->core->jit_thunk[s->arg]);
    em_jcc_to(o, CC_E, s->back);
    jit_to_handler(u, s->in);
}

/*
 * RAX = va is known: check L0 for `len` bytes, then RCX = addend. Unlike the data TLB, whose index
 * is that of the first byte's page, L0 would take the last byte's page for all. What is no power of
 * 2 is taken for the next one.
 */
void jit_l0(struct jit_unit *u, const struct jit_insn *in, unsigned len, bool write, unsigned how)
{
    struct jit_out *o = &u->o;
    bool user = how & BANK_OF_USER;
    unsigned bank = user ? RSI : R8;
    unsigned log = len == 1 ? 0 : 32 - (unsigned)__builtin_clz(len - 1);
    int32_t at = l0_at(in->op.rn, write);
    if (in->op.rn == A64_SP && !(u->sure & SURE_SP)) { /* its alignment may be checked */
        jit_op(u, 0, 0xf6, 0, A64_SP);                 /* test r/m8, 15 */
        em8(o, 15);
        jit_handler_if(u, in, CC_NE);
        u->sure |= SURE_SP;
    }
    if (user)
        em_load(o, 1, RSI, RDI, CPU(user));
    em_mov_rr(o, 1, RDX, RAX);
    em_alu_ri(o, 1, ALU_AND, RDX, -(int32_t)A64_PAGE | ((1 << log) - 1));
    em_alu_rm(o, 1, ALU_CMP, RDX, bank, at);
    struct jit_stub *s = jit_stub(u, in, em_jcc32(o, CC_NE), stub_miss);
    s->arg = log | (write ? JIT_THUNK_WRITE : 0u) | (user ? JIT_THUNK_USER : 0u);
    em_load(o, 1, RCX, bank, at + (int32_t)offsetof(struct a64_l0, addend));
    s->back = o->p;
    if (write && u->core->jit.shadow)
        jit_shadow_note(o, len);
}

/* RAX = base register + off */
static void base(struct jit_unit *u, const struct jit_insn *in, int32_t off)
{
    if (!off) {
        jit_get(u, 1, RAX, in->op.rn);
    } else {
        em_lea(&u->o, 1, RAX, jit_src(u, in->op.rn, RAX), off);
    }
}

/* The base register becomes RAX + off. */
static void write_back(struct jit_unit *u, const struct jit_insn *in, int32_t off)
{
    if (off)
        em_alu_ri(&u->o, 1, ALU_ADD, RAX, off);
    jit_put(u, RAX, in->op.rn);
    jit_sp_moves(u, in->op.rn, !(in->op.imm & 15));
}

void jit_sp_moves(struct jit_unit *u, unsigned rd, bool by_16)
{
    if (rd == A64_SP && !by_16)
        u->sure &= ~(unsigned)SURE_SP;
}

/* dst = what is at [RCX + RAX + off], extended as opc says (1: zero, 2: sign to 64, 3: sign to 32
 * bits); size is its log2 */
static void load(struct jit_unit *u, unsigned dst, unsigned size, unsigned opc, int32_t off)
{
    static const uint16_t ops[4][2] = {
        {0x0fb6, 0x0fbe},
        {0x0fb7, 0x0fbf},
        {0x8b,   0x63  },
        {0x8b,   0x8b  }
    };
    unsigned w = size == 3 || opc == 2;
    em_rx(&u->o, w, ops[size][opc > 1], dst, RCX, RAX, 0, off);
}

/* [RCX + RAX + off] = src (RDX) */
static void store(struct jit_unit *u, unsigned src, unsigned size, int32_t off)
{
    if (size == 1)
        em8(&u->o, 0x66);
    em_rx(&u->o, size == 3, size ? 0x89 : 0x88, src, RCX, RAX, 0, off);
}

/* One register: the address is in RAX, the write-back is RAX + wb if `back`. */
static void single(struct jit_unit *u, const struct jit_insn *in, unsigned how, bool back,
                   int32_t wb)
{
    unsigned size = in->word >> 30, opc = in->word >> 22 & 3;
    jit_l0(u, in, 1u << size, !opc, how);
    if (opc) {
        unsigned dst = jit_dst(u, in->op.rd, A64_SINK, RDX);
        load(u, dst, size, opc, 0);
        jit_put(u, dst, in->op.rd);
    } else {
        store(u, jit_src(u, in->op.rd, RDX), size, 0);
    }
    if (back)
        write_back(u, in, wb);
    u->ef = EF_NONE;
}

static void emit_uimm(struct jit_unit *u, const struct jit_insn *in)
{
    base(u, in, in->op.imm);
    single(u, in, BANK_OWN, false, 0);
}

static void emit_imm9(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned mode = in->word >> 10 & 3; /* unscaled, post, unprivileged, pre */
    if (mode == 2) {                    /* at EL0 they are ordinary ones: rare */
        em_cmp_m8(&u->o, RDI, CPU(el), 0);
        jit_stub(u, in, em_jcc32(&u->o, CC_E), jit_stub_handler);
    }
    base(u, in, mode == 1 ? 0 : in->op.imm);
    single(u, in, mode == 2 ? BANK_OF_USER : BANK_OWN, mode & 1, mode == 1 ? in->op.imm : 0);
}

/* RAX = base + extended register << scale */
static void address_reg(struct jit_unit *u, const struct jit_insn *in, unsigned scale)
{
    struct jit_out *o = &u->o;
    unsigned option = in->word >> 13 & 7;
    bool wide = option & 1, sign = option & 4;
    unsigned index = wide && scale <= 3 ? jit_src(u, in->op.rm, RCX) : RCX;
    if (index == RCX && (!wide || scale > 3))
        jit_op(u, wide || sign, wide || !sign ? 0x8b : 0x63, RCX, in->op.rm);
    if (scale > 3)
        em_shift(o, 1, SH_SHL, RCX, scale);
    em_rx(o, 1, 0x8d, RAX, jit_src(u, in->op.rn, RAX), index, scale > 3 ? 0 : scale, 0);
}

static void emit_reg(struct jit_unit *u, const struct jit_insn *in)
{
    address_reg(u, in, in->op.ra);
    single(u, in, BANK_OWN, false, 0);
}

static void emit_literal(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned opc = in->word >> 30; /* W, X, SW */
    em_load(&u->o, 1, RAX, RDI, CPU(page_va));
    em_alu_ri(&u->o, 1, ALU_ADD, RAX, (int32_t)jit_slot(u, in) * 4 + in->op.imm);
    jit_l0(u, in, opc == 1 ? 8 : 4, false, BANK_OWN);
    load(u, RDX, opc == 1 ? 3 : 2, opc == 2 ? 2 : 1, 0);
    jit_put(u, RDX, in->op.rd);
    u->ef = EF_NONE;
}

static void emit_pair(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned mode = in->word >> 23 & 3, opc = in->word >> 30; /* no-allocate, post, offset, pre */
    bool is_load = in->word >> 22 & 1;
    unsigned size = opc == 2 ? 3 : 2;
    int32_t second = opc == 2 ? 8 : 4;
    base(u, in, mode == 1 ? 0 : in->op.imm);
    jit_l0(u, in, (unsigned)second * 2, !is_load, BANK_OWN);
    if (is_load) {
        unsigned dst = jit_dst(u, in->op.rm, A64_SINK, RDX);
        load(u, dst, size, opc == 1 ? 2 : 1, second);
        jit_put(u, dst, in->op.rm);
        dst = jit_dst(u, in->op.rd, A64_SINK, RDX);
        load(u, dst, size, opc == 1 ? 2 : 1, 0);
        jit_put(u, dst, in->op.rd);
    } else {
        store(u, jit_src(u, in->op.rd, RDX), size, 0);
        store(u, jit_src(u, in->op.rm, RDX), size, second);
    }
    if (mode & 1)
        write_back(u, in, mode == 1 ? in->op.imm : 0);
    u->ef = EF_NONE;
}

/* ---- SIMD&FP registers: 1 << log bytes; loads clear the rest ---- */
static unsigned v_log(uint32_t word)
{
    return (word >> 23 & 1) << 2 | word >> 30;
}

/* [RCX + RAX + off] to a register, by way of XMM0, and back. */
static void v_load(struct jit_unit *u, unsigned v, unsigned log, int32_t off)
{
    struct jit_out *o = &u->o;
    if (log == 4) {
        em_sse_rx(o, 0, 0, 0x10, XMM0, off); /* movups */
    } else if (log == 3) {
        em_sse_rx(o, 0xf3, 0, 0x7e, XMM0, off); /* movq */
    } else if (log == 2) {
        em_sse_rx(o, 0x66, 0, 0x6e, XMM0, off); /* movd */
    } else {
        load(u, RDX, log, 1, off);
        em_sse_rr(o, 0x66, 0, 0x6e, XMM0, RDX);
    }
    jit_vput(u, XMM0, v, JV_Q);
}

static void v_store(struct jit_unit *u, unsigned v, unsigned log, int32_t off)
{
    if (log == 4) {
        jit_vget(u, XMM0, v, JV_Q);
        em_sse_rx(&u->o, 0, 0, 0x11, XMM0, off);
    } else {
        jit_vlane_get(u, RDX, v, log, 0, -1);
        store(u, RDX, log, off);
    }
}

static void v_single(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned log = v_log(in->word);
    bool is_load = in->word >> 22 & 1;
    jit_l0(u, in, 1u << log, !is_load, BANK_OWN);
    if (is_load)
        v_load(u, in->op.rd, log, 0);
    else
        v_store(u, in->op.rd, log, 0);
}

static void emit_v_imm(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned mode = in->word >> 24 & 1 ? 0 : in->word >> 10 & 3; /* -, post, -, pre */
    base(u, in, mode == 1 ? 0 : in->op.imm);
    v_single(u, in);
    if (mode & 1)
        write_back(u, in, mode == 1 ? in->op.imm : 0);
}

static void emit_v_reg(struct jit_unit *u, const struct jit_insn *in)
{
    address_reg(u, in, (unsigned)in->op.imm);
    v_single(u, in);
}

static void emit_v_pair(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned mode = in->word >> 23 & 3, log = 2 + (in->word >> 30);
    bool is_load = in->word >> 22 & 1;
    int32_t second = 1 << log;
    base(u, in, mode == 1 ? 0 : in->op.imm);
    jit_l0(u, in, 2u << log, !is_load, BANK_OWN);
    if (is_load) {
        v_load(u, in->op.rd, log, 0);
        v_load(u, in->op.ra, log, second);
    } else {
        v_store(u, in->op.rd, log, 0);
        v_store(u, in->op.ra, log, second);
    }
    if (mode & 1)
        write_back(u, in, mode == 1 ? in->op.imm : 0);
}

// clang-format off
const struct jit_rule jit_mem_rules[] = {
    {a64_dec_ldst_uimm, NULL, jit_props_exit,  emit_uimm},
    {a64_dec_ldst_imm9, NULL, jit_props_exit,  emit_imm9},
    {a64_dec_ldst_reg,  NULL, jit_props_exit,  emit_reg},
    {a64_dec_ldst_pair, NULL, jit_props_exit,  emit_pair},
    {a64_dec_ldr_lit,   NULL, jit_props_exit,  emit_literal},
    {a64_dec_ldr_v_imm,  NULL, jit_props_exit, emit_v_imm},
    {a64_dec_str_v_imm,  NULL, jit_props_exit, emit_v_imm},
    {a64_dec_ldur_v,     NULL, jit_props_exit, emit_v_imm},
    {a64_dec_stur_v,     NULL, jit_props_exit, emit_v_imm},
    {a64_dec_ldr_v_pre,  NULL, jit_props_exit, emit_v_imm},
    {a64_dec_str_v_pre,  NULL, jit_props_exit, emit_v_imm},
    {a64_dec_ldr_v_post, NULL, jit_props_exit, emit_v_imm},
    {a64_dec_str_v_post, NULL, jit_props_exit, emit_v_imm},
    {a64_dec_ldr_v_reg,  NULL, jit_props_exit, emit_v_reg},
    {a64_dec_str_v_reg,  NULL, jit_props_exit, emit_v_reg},
    {a64_dec_ldp_v,      NULL, jit_props_exit, emit_v_pair},
    {a64_dec_stp_v,      NULL, jit_props_exit, emit_v_pair},
    {a64_dec_ldnp_v,     NULL, jit_props_exit, emit_v_pair},
    {a64_dec_stnp_v,     NULL, jit_props_exit, emit_v_pair},
    {a64_dec_ldp_v_pre,  NULL, jit_props_exit, emit_v_pair},
    {a64_dec_stp_v_pre,  NULL, jit_props_exit, emit_v_pair},
    {a64_dec_ldp_v_post, NULL, jit_props_exit, emit_v_pair},
    {a64_dec_stp_v_post, NULL, jit_props_exit, emit_v_pair},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
