// SPDX-License-Identifier: MIT
/*
 * jit_int.c - the JIT's integer instructions, and how it keeps NZCV.
 *
 * A setter of NZCV leaves it in the host's flags for the instructions that follow, as long as those
 * leave them alone, and stores it to cpu->hf if anything later may look there (flags_needed).
 */
#include "src/a64/jit.h"
#include "src/a64/sem.h"

/* ---- flags ---- */

/* May anything read cpu->hf before NZCV is written again, after the instruction? */
static bool flags_needed(const struct jit_unit *u, const struct jit_insn *in)
{
    for (const struct jit_insn *j = in + 1; j < u->in + u->n; j++) {
        if (j->target || j->props & JP_EXIT)
            return j->live;
        if (j->props & JP_BRANCH) {
            const struct jit_insn *to = jit_ahead(u, j);
            if (!to || to->live)
                return true;
        }
        if (j->props & (JP_WRITE | JP_END))
            return false;
        if (!(j->props & JP_KEEP))
            return j + 1 == u->in + u->n || j[1].live;
    }
    return true;
}

void jit_flags(struct jit_unit *u, const struct jit_insn *in, enum jit_ef ef)
{
    struct jit_out *o = &u->o;
    u->ef = ef;
    if (!flags_needed(u, in))
        return;
    if (ef == EF_SUB)
        em8(o, 0xf5); /* cmc */
    em8(o, 0x9f);     /* lahf */
    em_rr(o, 0, 0x0f90 | CC_O, 0, RAX);
    em8(o, 0x66);
    em_store(o, 0, RAX, RDI, CPU(hf));
    u->ef = EF_ARM;
}

/* NZCV from cpu->hf to the host's flags. */
static void flags_load(struct jit_unit *u)
{
    struct jit_out *o = &u->o;
    em_rm(o, 0, 0x0fb7, RAX, RDI, CPU(hf));
    em8(o, 0x04); /* add al, 0x7f: overflows when V is set */
    em8(o, 0x7f);
    em8(o, 0x9e); /* sahf */
    u->ef = EF_ARM;
}

unsigned jit_cond(struct jit_unit *u, unsigned cond)
{
    static const uint8_t direct[16] = {CC_E, CC_NE, CC_AE, CC_B, CC_S, CC_NS, CC_O, CC_NO,
                                       CC_A, CC_BE, CC_GE, CC_L, CC_G, CC_LE, 0,    0};
    static const uint8_t bits[8] = {0x40, 0x01, 0x80, 0x01};
    if (u->ef == EF_NONE) {
        if (cond < 8) { /* one bit: Z, C, N of the high byte, V of the low one */
            em_test_m8(&u->o, RDI, CPU(hf) + (cond < 6), bits[cond >> 1]);
            return cond & 1 ? CC_E : CC_NE;
        }
        flags_load(u);
    }
    bool carry = cond >> 1 == 1 || cond >> 1 == 4;
    if (carry && u->ef == EF_ARM) {
        if (cond >> 1 == 1)
            return cond & 1 ? CC_AE : CC_B;
        em8(&u->o, 0xf5); /* cmc */
        u->ef = EF_SUB;
    }
    return direct[cond];
}

/* CF = C, or its inverse. */
static void flags_carry(struct jit_unit *u, bool inverse)
{
    if (u->ef == EF_NONE) {
        em_rm(&u->o, 0, 0x0fba, 4, RDI, CPU(hf)); /* bt */
        em8(&u->o, 8);
    }
    if ((u->ef == EF_SUB) != inverse)
        em8(&u->o, 0xf5); /* cmc */
}

/* ---- add, subtract ---- */
static unsigned w_of(uint32_t word)
{
    return word >> 31;
}

static unsigned props_addsub_imm(uint32_t word)
{
    return word >> 29 & 1 ? JP_WRITE : JP_KEEP;
}

static unsigned props_addsub(uint32_t word)
{
    return word >> 29 & 1 ? JP_WRITE : 0;
}

static void emit_addsub_imm(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word), sub = in->word >> 30 & 1, s = in->word >> 29 & 1;
    int32_t imm = in->op.imm;
    unsigned dst = jit_dst(u, in->op.rd, A64_SINK, RAX);
    if (!s) {
        em_lea(o, w, dst, jit_src(u, in->op.rn, RAX), sub ? -imm : imm);
        jit_put(u, dst, in->op.rd);
        jit_sp_moves(u, in->op.rd, in->op.rn == A64_SP && !(imm & 15));
    } else {
        if (sub && in->op.rd == A64_SINK) {
            jit_alu_imm(u, w, ALU_CMP, in->op.rn, imm);
        } else {
            jit_get(u, w, dst, in->op.rn);
            em_alu_ri(o, w, sub ? ALU_SUB : ALU_ADD, dst, imm);
            jit_put(u, dst, in->op.rd);
        }
        jit_flags(u, in, sub ? EF_SUB : EF_ARM);
    }
}

/* RCX = the register shifted as a second operand is; kind: LSL, LSR, ASR, ROR */
static void operand_shifted(struct jit_unit *u, unsigned w, unsigned r, unsigned kind, unsigned n)
{
    static const enum jit_shift ops[] = {SH_SHL, SH_SHR, SH_SAR, SH_ROR};
    jit_get(u, w, RCX, r);
    em_shift(&u->o, w, ops[kind], RCX, n);
}

/* The second operand is rm as it is, or in RCX. */
static void addsub(struct jit_unit *u, const struct jit_insn *in, bool as_it_is)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word), sub = in->word >> 30 & 1, s = in->word >> 29 & 1;
    enum jit_alu alu = sub ? ALU_SUB : ALU_ADD;
    bool compare = sub && s && in->op.rd == A64_SINK;
    unsigned dst = jit_dst(u, in->op.rd, in->op.rm, RAX);
    if (compare)
        alu = ALU_CMP;
    if (compare)
        dst = jit_src(u, in->op.rn, RAX);
    else
        jit_get(u, w, dst, in->op.rn);
    if (as_it_is)
        jit_alu(u, w, alu, dst, in->op.rm);
    else
        em_alu_rr(o, w, alu, dst, RCX);
    jit_put(u, dst, in->op.rd);
    jit_sp_moves(u, in->op.rd, false);
    u->ef = EF_NONE;
    if (s)
        jit_flags(u, in, sub ? EF_SUB : EF_ARM);
}

static void emit_addsub_shift(struct jit_unit *u, const struct jit_insn *in)
{
    if (in->op.imm)
        operand_shifted(u, w_of(in->word), in->op.rm, in->word >> 22 & 3, (unsigned)in->op.imm);
    addsub(u, in, !in->op.imm);
}

static void emit_addsub_ext(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    /* The extension to 64 bits: MOVZX, MOVSX, MOVSXD, MOV. */
    static const struct {
        uint16_t op;
        uint8_t w;
    } ext[8] = {
        {0x0fb6, 0},
        {0x0fb7, 0},
        {0x8b,   0},
        {0x8b,   1},
        {0x0fbe, 1},
        {0x0fbf, 1},
        {0x63,   1},
        {0x8b,   1}
    };
    unsigned option = in->word >> 13 & 7;
    jit_op(u, ext[option].w, ext[option].op, RCX, in->op.rm);
    em_shift(o, 1, SH_SHL, RCX, (unsigned)in->op.imm);
    addsub(u, in, false);
}

static unsigned props_adc(uint32_t word)
{
    return JP_READ | (word >> 29 & 1 ? JP_WRITE : 0);
}

static void emit_adc(struct jit_unit *u, const struct jit_insn *in)
{
    unsigned w = w_of(in->word), sub = in->word >> 30 & 1;
    jit_get(u, w, RAX, in->op.rn);
    flags_carry(u, sub);
    jit_alu(u, w, sub ? ALU_SBB : ALU_ADC, RAX, in->op.rm);
    jit_put(u, RAX, in->op.rd);
    u->ef = EF_NONE;
    if (in->word >> 29 & 1)
        jit_flags(u, in, sub ? EF_SUB : EF_ARM);
}

/* ---- logic ---- */
static bool is_ands(uint32_t word)
{
    return (word >> 29 & 3) == 3;
}

static unsigned props_logic(uint32_t word)
{
    bool mov = (word & 0x7fe0ffe0) == 0x2a0003e0;
    return is_ands(word) ? JP_WRITE : mov ? JP_KEEP : 0;
}

static unsigned props_logic_imm(uint32_t word)
{
    bool mov = (word & 0x7f8003e0) == 0x320003e0;
    return is_ands(word) ? JP_WRITE : mov ? JP_KEEP : 0;
}

/* The result is in dst. */
static void logic_end(struct jit_unit *u, const struct jit_insn *in, unsigned dst)
{
    jit_put(u, dst, in->op.rd);
    jit_sp_moves(u, in->op.rd, false);
    u->ef = EF_NONE;
    if (is_ands(in->word)) /* the host clears CF and OF: C and V */
        jit_flags(u, in, EF_ARM);
}

static void emit_logic(struct jit_unit *u, const struct jit_insn *in)
{
    static const enum jit_alu ops[] = {ALU_AND, ALU_OR, ALU_XOR, ALU_AND};
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word);
    enum jit_alu alu = ops[in->word >> 29 & 3];
    unsigned dst = jit_dst(u, in->op.rd, in->op.rm, RAX);
    if (props_logic(in->word) & JP_KEEP) { /* MOV */
        if (w) {
            jit_put(u, jit_src(u, in->op.rm, RAX), in->op.rd);
        } else {
            jit_op(u, 0, 0x8b, RAX, in->op.rm);
            jit_put(u, RAX, in->op.rd);
        }
        return;
    }
    bool invert = in->word >> 21 & 1;
    if (in->op.imm || invert)
        operand_shifted(u, w, in->op.rm, in->word >> 22 & 3, (unsigned)in->op.imm);
    if (invert)
        em_rr(o, w, 0xf7, 2, RCX); /* not */
    jit_get(u, w, dst, in->op.rn);
    if (in->op.imm || invert)
        em_alu_rr(o, w, alu, dst, RCX);
    else
        jit_alu(u, w, alu, dst, in->op.rm);
    logic_end(u, in, dst);
}

static void emit_logic_imm(struct jit_unit *u, const struct jit_insn *in)
{
    static const enum jit_alu ops[] = {ALU_AND, ALU_OR, ALU_XOR, ALU_AND};
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word);
    uint64_t v = a64_bit_mask(in->word);
    if (props_logic_imm(in->word) & JP_KEEP) {
        jit_set(u, in->op.rd, w ? v : (uint32_t)v);
        jit_sp_moves(u, in->op.rd, false);
        return;
    }
    enum jit_alu alu = ops[in->word >> 29 & 3];
    unsigned dst = jit_dst(u, in->op.rd, A64_SINK, RAX);
    jit_get(u, w, dst, in->op.rn);
    if (!w || (uint64_t)(int64_t)(int32_t)v == v) {
        em_alu_ri(o, w, alu, dst, (int32_t)(uint32_t)v);
    } else {
        em_imm(o, RCX, v);
        em_alu_rr(o, w, alu, dst, RCX);
    }
    logic_end(u, in, dst);
}

/* ---- moves and addresses ---- */
static unsigned props_movwide(uint32_t word)
{
    return (word >> 29 & 3) == 3 ? 0 : JP_KEEP;
}

static void emit_movwide(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word), opc = in->word >> 29 & 3, shift = (in->word >> 21 & 3) * 16;
    uint64_t imm = (uint64_t)(in->word >> 5 & 0xffff) << shift, v = opc ? imm : ~imm;
    unsigned rd = in->op.rd;
    if (opc == 3) { /* MOVK */
        u->ef = EF_NONE;
        if (u->known != (int)rd) {
            jit_get(u, w, RAX, rd);
            em_shift(o, w, SH_ROR, RAX, shift);
            em8(o, 0x66); /* mov ax, imm16 */
            em8(o, 0xb8);
            em8(o, in->word >> 5 & 0xff);
            em8(o, in->word >> 13 & 0xff);
            em_shift(o, w, SH_ROL, RAX, shift);
            jit_put(u, RAX, rd);
            return;
        }
        v = (u->value & ~(UINT64_C(0xffff) << shift)) | imm;
        u->bound = true;
    }
    if (!w)
        v = (uint32_t)v;
    jit_set(u, rd, v);
    u->known = (int)rd;
    u->value = v;
}

static unsigned props_keep(uint32_t word)
{
    (void)word;
    return JP_KEEP;
}

static void emit_adr(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    bool adrp = in->word >> 31;
    int64_t d = adrp ? (int64_t)in->op.imm * 4096
                     : in->op.imm + (int64_t)jit_slot(u, in) * 4; /* from the page's start */
    unsigned dst = jit_dst(u, in->op.rd, A64_SINK, RAX);
    em_load(o, 1, dst, RDI, CPU(page_va));
    if (d == (int32_t)d) {
        em_lea(o, 1, dst, dst, (int32_t)d);
    } else {
        em_imm(o, RCX, (uint64_t)d);
        em_rx(o, 1, 0x8d, dst, dst, RCX, 0, 0);
    }
    jit_put(u, dst, in->op.rd);
}

/* ---- bitfields ---- */
static unsigned props_none(uint32_t word)
{
    (void)word;
    return 0;
}

/* RCX is free, the result goes to RAX. */
static void emit_bfm(struct jit_unit *u, const struct jit_insn *in, unsigned w)
{
    struct jit_out *o = &u->o;
    uint64_t ones = w ? UINT64_MAX : UINT32_MAX, top = w ? 63 : 31;
    uint64_t mask = ones >> (top - (unsigned)in->op.imm) << in->op.ra & ones;
    jit_get(u, w, RCX, in->op.rn);
    em_shift(o, w, SH_ROR, RCX, in->op.rm);
    jit_get(u, w, RAX, in->op.rd);
    em_alu_rr(o, w, ALU_XOR, RCX, RAX); /* a ^ ((a ^ b) & mask) */
    if (!w || (uint64_t)(int64_t)(int32_t)mask == mask) {
        em_alu_ri(o, w, ALU_AND, RCX, (int32_t)(uint32_t)mask);
    } else {
        em_imm(o, RDX, mask);
        em_alu_rr(o, w, ALU_AND, RCX, RDX);
    }
    em_alu_rr(o, w, ALU_XOR, RAX, RCX);
}

static void emit_bitfield(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word), opc = in->word >> 29 & 3;
    unsigned left = in->op.rm, right = in->op.ra, top = w ? 64 : 32, keep = top - left;
    bool sign = opc == 0;
    unsigned dst = opc == 1 ? RAX : jit_dst(u, in->op.rd, A64_SINK, RAX);
    u->ef = EF_NONE;
    if (opc == 1) {
        emit_bfm(u, in, w);
    } else if (left == right && (keep == 8 || keep == 16 || (w && keep == 32))) {
        /* an extension */
        if (keep == 32)
            jit_op(u, sign, sign ? 0x63 : 0x8b, dst, in->op.rn);
        else
            jit_op(u, sign ? w : 0, (sign ? 0x0fbeu : 0x0fb6u) + (keep == 16), dst, in->op.rn);
    } else {
        jit_get(u, w, dst, in->op.rn);
        em_shift(o, w, SH_SHL, dst, left);
        em_shift(o, w, sign ? SH_SAR : SH_SHR, dst, right);
        if (!w && !left && !right)
            em_mov_rr(o, 0, dst, dst); /* nothing else clears the upper half */
    }
    jit_put(u, dst, in->op.rd);
}

static void emit_extr(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word);
    unsigned dst = in->op.imm ? jit_dst(u, in->op.rd, in->op.rn, RAX) : RAX;
    if (in->op.rn == in->op.rm)
        dst = jit_dst(u, in->op.rd, A64_SINK, RAX);
    jit_op(u, w, 0x8b, dst, in->op.rm);
    if (in->op.imm) {
        if (in->op.rn == in->op.rm) {
            em_shift(o, w, SH_ROR, dst, (unsigned)in->op.imm);
        } else {
            jit_get(u, w, RCX, in->op.rn);
            em_rr(o, w, 0x0fac, RCX, dst); /* shrd dst, rcx, imm */
            em8(o, (unsigned)in->op.imm);
        }
    }
    jit_put(u, dst, in->op.rd);
    u->ef = EF_NONE;
}

/* ---- one source: REV, CLZ ---- */
static unsigned props_dp1(uint32_t word)
{
    unsigned op = word >> 10 & 63, w = word >> 31;
    bool rev16_w = op == 1 && !w;
    return rev16_w || op == 2 || op == 3 || op == 4 ? 0 : ~0u;
}

static void emit_dp1(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word), op = in->word >> 10 & 63;
    jit_get(u, w, RAX, in->op.rn);
    if (op == 4) { /* BSR sets ZF for 0, and then leaves its destination alone */
        em_imm(o, RCX, w ? 127 : 63);
        em_rr(o, w, 0x0fbd, RDX, RAX);
        em_rr(o, 0, 0x0f40 | CC_E, RDX, RCX);
        em_mov_rr(o, 0, RAX, RDX);
        em_alu_ri(o, 0, ALU_XOR, RAX, w ? 63 : 31);
    } else {
        em_op(o, w, 0x0fc8 | RAX, 0, 0, RAX); /* bswap */
        if (op == 1)
            em_shift(o, 0, SH_ROR, RAX, 16);
        else if (op == 2 && w)
            em_shift(o, 1, SH_ROR, RAX, 32);
    }
    jit_put(u, RAX, in->op.rd);
    u->ef = EF_NONE;
}

/* ---- two sources: divisions, shifts by a register ---- */
static unsigned props_dp2(uint32_t word)
{
    unsigned op = word >> 10 & 63;
    return op == 2 || op == 3 || (op >= 8 && op <= 11) ? 0 : ~0u;
}

static void emit_div(struct jit_unit *u, const struct jit_insn *in, unsigned w, bool sign)
{
    struct jit_out *o = &u->o;
    uint8_t *minus = NULL;
    jit_get(u, w, RCX, in->op.rm);
    em_imm(o, RAX, 0);
    em_rr(o, w, 0x85, RCX, RCX); /* test: by 0 it is 0 */
    uint8_t *zero = em_jcc8(o, CC_E);
    jit_get(u, w, RAX, in->op.rn);
    if (sign) {
        em_alu_ri(o, w, ALU_CMP, RCX, -1); /* the host's division may trap */
        minus = em_jcc8(o, CC_E);
        em_op(o, w, 0x99, 0, 0, 0); /* cdq, cqo */
        em_rr(o, w, 0xf7, 7, RCX);
        uint8_t *end = em_jmp8(o);
        em_here8(o, minus);
        em_rr(o, w, 0xf7, 3, RAX); /* neg */
        em_here8(o, end);
    } else {
        em_imm(o, RDX, 0);
        em_rr(o, w, 0xf7, 6, RCX);
    }
    em_here8(o, zero);
}

static void emit_dp2(struct jit_unit *u, const struct jit_insn *in)
{
    static const enum jit_shift shifts[] = {SH_SHL, SH_SHR, SH_SAR, SH_ROR};
    unsigned w = w_of(in->word), op = in->word >> 10 & 63;
    if (op < 8) {
        emit_div(u, in, w, op == 3);
    } else {
        jit_get(u, 0, RCX, in->op.rm);
        jit_get(u, w, RAX, in->op.rn);
        em_rr(&u->o, w, 0xd3, shifts[op - 8], RAX); /* by CL, modulo the width */
    }
    jit_put(u, RAX, in->op.rd);
    u->ef = EF_NONE;
}

/* ---- three sources: multiplications ---- */
static void emit_dp3(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word), op31 = in->word >> 21 & 7;
    bool sub = in->word >> 15 & 1;
    unsigned out = RAX;
    if ((op31 & 3) == 2) { /* SMULH, UMULH */
        jit_get(u, 1, RAX, in->op.rn);
        jit_op(u, 1, 0xf7, op31 & 4 ? 4 : 5, in->op.rm);
        out = RDX;
    } else {
        if ((op31 & 3) == 1) { /* 32 by 32 bits to 64 */
            unsigned sx = !(op31 & 4);
            jit_op(u, sx, sx ? 0x63 : 0x8b, RAX, in->op.rn);
            jit_op(u, sx, sx ? 0x63 : 0x8b, RCX, in->op.rm);
            em_rr(o, 1, 0x0faf, RAX, RCX);
        } else {
            jit_get(u, w, RAX, in->op.rn);
            jit_op(u, w, 0x0faf, RAX, in->op.rm);
        }
        if (sub) {
            jit_get(u, w, RCX, in->op.ra);
            em_alu_rr(o, w, ALU_SUB, RCX, RAX);
            out = RCX;
        } else if (in->op.ra != A64_ZR) {
            jit_alu(u, w, ALU_ADD, RAX, in->op.ra);
        }
    }
    jit_put(u, out, in->op.rd);
    u->ef = EF_NONE;
}

/* ---- conditional select and compare ---- */
static unsigned props_csel(uint32_t word)
{
    (void)word;
    return JP_READ | JP_KEEP;
}

static void emit_csel(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word), cond = in->word >> 12 & 15;
    bool inv = in->word >> 30 & 1, inc = in->word >> 10 & 1;
    if (cond >= 14) { /* always */
        jit_op(u, w, 0x8b, RAX, in->op.rn);
        jit_put(u, RAX, in->op.rd);
        return;
    }
    unsigned cc = jit_cond(u, cond);
    if (in->op.rn == A64_ZR && in->op.rm == A64_ZR && inc != inv) { /* CSET, CSETM */
        em_rr(o, 0, 0x0f90 | (cc ^ 1), 0, RAX);
        em_rr(o, 0, 0x0fb6, RAX, RAX);
        if (inv) { /* -1 or 0, without a change of the flags */
            em_lea(o, w, RAX, RAX, -1);
            em_rr(o, w, 0xf7, 2, RAX);
        }
        jit_put(u, RAX, in->op.rd);
        return;
    }
    jit_op(u, w, 0x8b, RCX, in->op.rm);
    if (inv)
        em_rr(o, w, 0xf7, 2, RCX); /* not leaves the flags alone, neg would not */
    if (inc)
        em_lea(o, w, RCX, RCX, 1);
    if (in->op.rn == A64_ZR) {
        em_imm(o, RAX, 0);
        em_rr(o, w, 0x0f40 | cc, RCX, RAX);
    } else {
        jit_op(u, w, 0x0f40 | cc, RCX, in->op.rn);
    }
    jit_put(u, RCX, in->op.rd);
}

static unsigned props_ccmp(uint32_t word)
{
    (void)word;
    return JP_READ | JP_WRITE;
}

static void emit_ccmp(struct jit_unit *u, const struct jit_insn *in)
{
    struct jit_out *o = &u->o;
    unsigned w = w_of(in->word), sub = in->word >> 30 & 1, cond = in->word >> 12 & 15;
    uint8_t *no = cond < 14 ? em_jcc8(o, jit_cond(u, cond) ^ 1) : NULL;
    jit_get(u, w, RAX, in->op.rn);
    if (in->word >> 11 & 1)
        em_alu_ri(o, w, sub ? ALU_CMP : ALU_ADD, RAX, in->op.imm);
    else
        jit_alu(u, w, sub ? ALU_CMP : ALU_ADD, RAX, in->op.rm);
    if (sub)
        em8(o, 0xf5); /* cmc: both ways end with Arm's sense */
    uint8_t *end = NULL;
    if (no) {
        end = em_jmp8(o);
        em_here8(o, no);
        em_imm(o, RAX, a64_hf_of((uint32_t)in->op.rd << 28)); /* rd: the other NZCV */
        em8(o, 0x04);                                         /* add al, 0x7f */
        em8(o, 0x7f);
        em8(o, 0x9e); /* sahf */
        em_here8(o, end);
    }
    jit_flags(u, in, EF_ARM);
}

static void emit_nothing(struct jit_unit *u, const struct jit_insn *in)
{
    (void)u;
    (void)in;
}

// clang-format off
const struct jit_rule jit_int_rules[] = {
    {a64_dec_addsub_imm,    NULL, props_addsub_imm, emit_addsub_imm},
    {a64_dec_addsub_shift,  NULL, props_addsub,     emit_addsub_shift},
    {a64_dec_addsub_ext,    NULL, props_addsub,     emit_addsub_ext},
    {a64_dec_addsub_carry,  NULL, props_adc,        emit_adc},
    {a64_dec_logical_shift, NULL, props_logic,      emit_logic},
    {a64_dec_logical_imm,   NULL, props_logic_imm,  emit_logic_imm},
    {a64_dec_movwide,       NULL, props_movwide,    emit_movwide},
    {a64_dec_adr,           NULL, props_keep,       emit_adr},
    {a64_dec_adrp,          NULL, props_keep,       emit_adr},
    {a64_dec_bitfield,      NULL, props_none,       emit_bitfield},
    {a64_dec_extr,          NULL, props_none,       emit_extr},
    {a64_dec_dp1,           NULL, props_dp1,        emit_dp1},
    {a64_dec_dp2,           NULL, props_dp2,        emit_dp2},
    {a64_dec_dp3,           NULL, props_none,       emit_dp3},
    {a64_dec_csel,          NULL, props_csel,       emit_csel},
    {a64_dec_ccmp,          NULL, props_ccmp,       emit_ccmp},
    {a64_dec_prfm,          NULL, props_keep,       emit_nothing},
    {NULL,           a64_op_hint, props_keep,       emit_nothing},
    {NULL, NULL, NULL, NULL},
};
// clang-format on
