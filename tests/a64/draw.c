// SPDX-License-Identifier: MIT
/*
 * draw.c - random blocks of instructions: any row of the table, any fields, edge values as
 * operands.
 *
 * An instruction that reads or writes memory is drawn with its base register (any register), then
 * an ADR before it points that base into the scratch, so that base plus offset stays inside. A word
 * that our own decoder calls UNDEFINED is not put in the middle of a block, where it would only end
 * it, but may be its last. Left out of the draw:
 *  - system instructions (rows flagged sys) but for MRS and MSR of NZCV, MRS of FPCR and FPSR, and
 *    MSR of 0 to FPSR;
 *  - what is CONSTRAINED UNPREDICTABLE: writeback to a register that is transferred, load pair to
 * one register, should-be-one bits that are 0, misaligned exclusives and atomics, STXR whose status
 * register is its base or data (Arm ARM DDI 0487J.a K1.2), stores of LDXR/STXR pairs of other
 * sizes.
 */
#include "tests/a64/draw.h"

#define A64_TABLE_BITS
#include "a64_table.h"

uint64_t draw_rnd(struct draw *d)
{
    /* splitmix64 */
    uint64_t z = d->seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

unsigned draw_below(struct draw *d, unsigned n)
{
    return (unsigned)((draw_rnd(d) >> 32) * n >> 32);
}

bool draw_one_in(struct draw *d, unsigned n)
{
    return draw_below(d, n) == 0;
}

static bool name_is(unsigned row, const char *part)
{
    return strstr(a64_insns[row].name, part) != NULL;
}

void draw_init(struct draw *d, uint64_t seed, const char *only)
{
    memset(d, 0, sizeof *d);
    d->seed = seed;
    d->scratch[0] = SCRATCH_VA;
    d->scratch_n = 1;
    for (unsigned i = 0; i < a64_insns_n && i < ARRAY_LEN(d->rows); i++)
        if (!(a64_insns[i].flags & A64_F_SYS) && !strncmp(a64_insns[i].name, only, strlen(only)))
            d->rows[d->rows_n++] = (uint16_t)i;
}

/* ---- operands ---- */
static const uint64_t edges[] = {
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    UINT64_C(0x7fffffffffffffff),
    UINT64_C(0x8000000000000000),
    UINT64_C(0x8000000000000001),
    UINT64_C(0xffffffff80000000),
    UINT64_C(0xffffffffffffffff),
    UINT64_C(0xfffffffffffffffe),
    UINT64_C(0x5555555555555555),
    UINT64_C(0xaaaaaaaaaaaaaaaa),
    UINT64_C(0x0123456789abcdef),
    63,
    64,
    65,
};

/* Zeros, denormals, ends of the range, one and its neighbours, integers' ends, infinities, NaNs. */
static const uint64_t doubles[] = {
    0,
    1,
    UINT64_C(0x000fffffffffffff),
    UINT64_C(0x0010000000000000),
    UINT64_C(0x0010000000000001),
    UINT64_C(0x3fefffffffffffff),
    UINT64_C(0x3ff0000000000000),
    UINT64_C(0x3ff0000000000001),
    UINT64_C(0x3fe0000000000000),
    UINT64_C(0x4000000000000000),
    UINT64_C(0x7fefffffffffffff),
    UINT64_C(0x7ff0000000000000),
    UINT64_C(0x7ff8000000000000),
    UINT64_C(0x7ff0000000000001),
    UINT64_C(0x7fffffffffffffff),
    UINT64_C(0x7ff4000000001234),
    UINT64_C(0x41dfffffffc00000),
    UINT64_C(0x41e0000000000000),
    UINT64_C(0x43e0000000000000),
    UINT64_C(0x43f0000000000000),
    UINT64_C(0x4330000000000001),
    UINT64_C(0x36a0000000000000),
    UINT64_C(0x380fffffe0000000),
    UINT64_C(0x47efffffe0000000),
    UINT64_C(0x47effffff0000000),
    UINT64_C(0x3ff8000000000000),
    UINT64_C(0x40f0000000000000),
    UINT64_C(0x3e60000000000000),
};

static const uint32_t floats[] = {
    0,          1,          0x007fffff, 0x00800000, 0x00800001, 0x3f7fffff, 0x3f800000, 0x3f800001,
    0x3f000000, 0x40000000, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x7f800001, 0x7fffffff, 0x7fa01234,
    0x4effffff, 0x4f000000, 0x4f800000, 0x5f000000, 0x5f800000, 0x4b000001, 0x33800000, 0x33000000,
    0x477fe000, 0x477ff000, 0x38800000, 0x387fc000, 0x3fc00000, 0x00400000,
};

static const uint16_t halves[] = {
    0, 1, 0x03ff, 0x0400, 0x3bff, 0x3c00, 0x3c01, 0x7bff, 0x7c00, 0x7e00, 0x7c01, 0x7fff, 0x7d55,
};

static uint64_t draw_double(struct draw *d)
{
    const uint64_t r = draw_rnd(d), sign = r & UINT64_C(0x8000000000000000);
    switch (draw_below(d, 4)) {
    case 0: /* of moderate size, so that sums and products neither vanish nor overflow */
        return sign | (1023 - 32 + (r >> 52 & 63)) << 52 | (r & UINT64_C(0xfffffffffffff));
    case 1: /* few significant bits: exact results and ties */
        return sign | (1023 - 8 + (r >> 52 & 15)) << 52 | (r & UINT64_C(0xff00000000000));
    default:
        return sign | doubles[draw_below(d, ARRAY_LEN(doubles))];
    }
}

static uint32_t draw_float(struct draw *d)
{
    const uint32_t r = (uint32_t)draw_rnd(d), sign = r & 0x80000000;
    switch (draw_below(d, 4)) {
    case 0:
        return sign | (127u - 16 + (r >> 24 & 31)) << 23 | (r & 0x7fffff);
    case 1:
        return sign | (127u - 8 + (r >> 24 & 15)) << 23 | (r & 0x7f0000);
    default:
        return sign | floats[draw_below(d, ARRAY_LEN(floats))];
    }
}

static uint64_t draw_lanes(struct draw *d)
{
    const uint64_t r = draw_rnd(d), e = edges[draw_below(d, ARRAY_LEN(edges))];
    switch (draw_below(d, 8)) {
    case 0:
        return r;
    case 1: /* one edge in every byte, half or word */
        return (e & 0xff) * UINT64_C(0x0101010101010101) ^
               (r & draw_rnd(d) & draw_rnd(d) & draw_rnd(d));
    case 2:
        return (e & 0xffff) * UINT64_C(0x0001000100010001) ^
               (r & draw_rnd(d) & draw_rnd(d) & draw_rnd(d));
    case 3:
        return e;
    case 4:
    case 5:
        return draw_double(d);
    case 6:
        return (uint64_t)draw_float(d) << 32 | draw_float(d);
    default: {
        uint64_t v = 0;
        for (unsigned i = 0; i < 4; i++)
            v = v << 16 | halves[draw_below(d, ARRAY_LEN(halves))] | (draw_rnd(d) & 0x8000);
        return v;
    }
    }
}

uint64_t draw_word(struct draw *d)
{
    switch (draw_below(d, 4)) {
    case 0:
        return draw_rnd(d);
    case 1:
        return edges[draw_below(d, ARRAY_LEN(edges))] + (draw_rnd(d) & 3);
    case 2:
        return draw_rnd(d) >> draw_below(d, 64);
    default:
        return edges[draw_below(d, ARRAY_LEN(edges))];
    }
}

void draw_state(struct draw *d, struct state *s)
{
    memset(s, 0, sizeof *s);
    for (unsigned i = 0; i < 31; i++)
        s->x[i] = draw_word(d);
    s->sp = d->scratch[draw_below(d, d->scratch_n)];
    /*
     * Sometimes few values in all registers, of either sign: zeros of both signs, equal operands,
     * sums of zero; or 1 plus its last bit and the greatest subnormal, whose product is rounded up
     * to the smallest normal number: tiny before rounding, not after (Arm ARM A1.5.6).
     */
    static const uint64_t tiny[4] = {UINT64_C(0x3ff0000000000001), UINT64_C(0x000fffffffffffff),
                                     UINT64_C(0x3f8000013f800001), UINT64_C(0x007fffff007fffff)};
    uint64_t few[4] = {0, draw_lanes(d), draw_lanes(d), draw_double(d)};
    if (draw_one_in(d, 4))
        memcpy(few, tiny, sizeof few);
    const bool pool = draw_one_in(d, 3);
    for (unsigned i = 0; i < 64; i++)
        s->v[i / 2][i % 2] =
            i % 2 && draw_one_in(d, 4) ? s->v[i / 2][0]
            : pool ? few[draw_below(d, 4)] ^ (draw_rnd(d) & UINT64_C(0x8000000080000000))
                   : draw_lanes(d);
    for (unsigned i = 0; i < SCRATCH_SIZE; i += 8) {
        const uint64_t v = i % 32 ? draw_rnd(d) : draw_lanes(d);
        memcpy(s->scratch + i, &v, 8);
    }
    s->nzcv = (uint32_t)(draw_rnd(d) & 0xf0000000);
    if (draw_one_in(d, 2)) /* RMode; FZ, DN, AHP less often */
        s->fpcr = (uint32_t)(draw_rnd(d) & 0xc00000) |
                  (draw_one_in(d, 3) ? (uint32_t)(draw_rnd(d) & 0x7000000) : 0);
    if (draw_one_in(d, 4))
        s->fpsr = (uint32_t)(draw_rnd(d) & 0x0800009f);
}

/* ---- instructions ---- */
void draw_emit(struct draw_out *b, uint32_t word)
{
    if (b->n < b->room)
        b->w[b->n++] = word;
}

static bool undefined(uint32_t word)
{
    struct a64_op op = {.fn = NULL};
    a64_predecode(&op, word);
    return op.fn == a64_undef;
}

/* Random fields, should-be-one bits set. */
static uint32_t draw_fields(struct draw *d, unsigned row)
{
    const struct a64_insn *in = &a64_insns[row];
    uint32_t word = in->value | ((uint32_t)draw_rnd(d) & ~in->mask);
    for (unsigned i = 0; i < 32; i++)
        if (a64_insn_bits[row][i] == 'x')
            word |= UINT32_C(1) << (31 - i);
    return word;
}

/* A word of the row that is not UNDEFINED and not another row's; 0 when none is found. */
static uint32_t draw_valid(struct draw *d, unsigned row)
{
    for (unsigned i = 0; i < 32; i++) {
        const uint32_t word = draw_fields(d, row);
        if (a64_decode(word) == &a64_insns[row] && !undefined(word))
            return word;
    }
    return 0;
}

static uint32_t adr(uint64_t pc, unsigned rd, uint64_t to)
{
    const uint32_t off = (uint32_t)(to - pc) & 0x1fffff;
    return 0x10000000 | (off & 3) << 29 | (off >> 2) << 5 | rd;
}

static unsigned rt(uint32_t w)
{
    return w & 31;
}

static unsigned rn(uint32_t w)
{
    return w >> 5 & 31;
}

static unsigned rt2(uint32_t w)
{
    return w >> 10 & 31;
}

static unsigned rm(uint32_t w)
{
    return w >> 16 & 31;
}

static bool is_vector(uint32_t w)
{
    return w >> 26 & 1;
}

void draw_point(struct draw_out *b, unsigned rd, uint64_t to, unsigned not1, unsigned not2)
{
    unsigned via = rd;
    if (rd == 31)
        do
            via = draw_below(b->d, 31);
        while (via == not1 || via == not2);
    draw_emit(b, adr(b->va + 4 * b->n, via, to));
    if (rd == 31)
        draw_emit(b, 0x9100001f | via << 5); /* mov sp, xvia */
}

uint64_t draw_target(struct draw *d, unsigned align)
{
    const uint64_t middle = d->scratch[draw_below(d, d->scratch_n)];
    const uint64_t at = middle - SCRATCH_SIZE / 2 + 64 + draw_below(d, SCRATCH_SIZE - 160);
    if (draw_one_in(d, 4)) /* across the page boundary in the middle */
        return align_down(middle - draw_below(d, 16), align);
    return align_down(at, align);
}

/* The immediate offset that is added before the access, in bytes. */
static int64_t offset_of(uint32_t w)
{
    const bool v = is_vector(w);
    const unsigned size = w >> 30;
    if ((w & 0x3a000000) == 0x28000000) { /* pairs: post-index adds it afterwards */
        const unsigned scale = v ? 2 + size : size >= 2 ? 3 : 2;
        return (w & 0x01800000) == 0x00800000
                   ? 0
                   : (int64_t)((uint64_t)bits_sext(w >> 15 & 127, 7) << scale);
    }
    if ((w & 0x3b000000) == 0x39000000) { /* unsigned immediate */
        const unsigned scale = v && w >> 23 & 1 ? 4 : size;
        return (int64_t)(w >> 10 & 0xfff) << scale;
    }
    if ((w & 0x3b200c00) == 0x38000400) /* post-index */
        return 0;
    if ((w & 0x3b200000) == 0x38000000) /* other imm9 */
        return bits_sext(w >> 12 & 0x1ff, 9);
    return 0;
}

/* Does the row want aligned addresses: exclusives, ordered, atomics. */
static bool is_atomic(uint32_t w)
{
    return (w & 0x3f000000) == 0x08000000 || (w & 0x3b200c00) == 0x38200000;
}

static void emit_memory(struct draw_out *b, unsigned row, uint32_t w)
{
    struct draw *d = b->d;
    if (name_is(row, "_lit")) { /* anywhere in the scratch, word aligned */
        const uint64_t pc = b->va + 4 * b->n, to = align_down(draw_target(d, 4), 4);
        draw_emit(b, (w & ~UINT32_C(0xffffe0)) | ((uint32_t)((to - pc) >> 2) & 0x7ffff) << 5);
        return;
    }
    const bool writeback = name_is(row, "_pre") || name_is(row, "_post");
    const bool pair = (w & 0x3a000000) == 0x28000000;
    const bool reg = (w & 0x3b200c00) == 0x38200800;
    const bool structure = (w & 0x3e000000) == 0x0c000000;
    const bool atomic = is_atomic(w);
    for (;;) {
        w = (w & ~UINT32_C(0x3e0)) | draw_below(d, 32) << 5;
        const unsigned n = rn(w);
        if (pair && rt(w) == rt2(w))
            w ^= 1;
        if (!is_vector(w) && writeback && n != 31 && (n == rt(w) || (pair && n == rt2(w))))
            continue;
        if (reg && n == rm(w))
            continue;
        if (structure && writeback && n == rm(w) && n != 31)
            continue;
        break;
    }
    const uint64_t to = draw_target(d, atomic || rn(w) == 31 ? 16 : 1);
    uint64_t base = to - (uint64_t)offset_of(w);
    if (rn(w) == 31)
        base = align_down(base, 16);
    if (reg && rm(w) != 31) {
        /* A small index, that the extension leaves so: above it what UXTW and SXTW ignore. */
        const unsigned option = w >> 13 & 7, small = draw_below(d, 5);
        const bool negative = option != 2 && draw_one_in(d, 3);
        if (rn(w) == 31)
            draw_point(b, 31, base, rm(w), 32);
        draw_emit(b, (negative ? 0x92800000 : 0xd2800000) | small << 5 |
                         rm(w)); /* movn or movz xm, #small */
        if (!(option & 1))
            draw_emit(b, 0xf2e00000 | (uint32_t)(draw_rnd(d) & 0xffff) << 5 |
                             rm(w)); /* movk xm, #, lsl 48 */
        if (rn(w) != 31)
            draw_point(b, rn(w), base, 32, 32);
    } else if (atomic) {
        draw_point(b, rn(w), base, rm(w), 32);
    } else {
        draw_point(b, rn(w), base, 32, 32);
    }
    draw_emit(b, w);
}

/* LDXR and STXR (or pairs) of one size to one place; sometimes a store or CLREX between them. */
static void emit_exclusive(struct draw_out *b)
{
    struct draw *d = b->d;
    const bool pair = draw_one_in(d, 3);
    const unsigned size = pair ? 2 + draw_below(d, 2) : draw_below(d, 4), bits = size << 30;
    const unsigned n = draw_below(d, 31);
    unsigned t[5];
    for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
        bool again;
        do {
            t[i] = draw_below(d, 31);
            again = t[i] == n;
            for (unsigned k = 0; k < i; k++)
                again |= t[i] == t[k];
        } while (again);
    }
    if (d->keep_monitor && (b->va + 4 * b->n) % A64_PAGE > A64_PAGE - 32)
        return; /* the fetch of the next page may fault */
    const uint32_t a = draw_below(d, 2) << 15, r = draw_below(d, 2) << 15;
    draw_point(b, n, draw_target(d, 16), 32, 32);
    draw_emit(b, 0x08400000 | bits | (pair ? 1u << 21 : 0) | 31u << 16 | a |
                     (pair ? t[1] : 31) << 10 | n << 5 | t[0]);
    if (draw_one_in(d, 8) && !d->keep_monitor)
        draw_emit(b, 0xd503305f | 15 << 8); /* clrex */
    else if (draw_one_in(d, 2))
        draw_emit(b, 0x11000400 | t[0] << 5 | t[0]); /* add w, w, #1 */
    draw_emit(b, 0x08000000 | bits | (pair ? 1u << 21 : 0) | t[4] << 16 | r |
                     (pair ? t[2] : 31) << 10 | n << 5 | (draw_one_in(d, 2) ? t[0] : t[3]));
}

/* A branch over some groups that may or may not be taken. */
static void emit_branch(struct draw_out *b, unsigned row, uint32_t w)
{
    struct draw *d = b->d;
    const bool reg = (w & 0xfe000000) == 0xd6000000;
    const unsigned at = b->n, groups = draw_below(d, 4);
    const unsigned n = draw_below(d, 31);
    if (b->n + 2 > b->room)
        return;
    (void)row;
    if (reg) {
        draw_emit(b, 0); /* adr xn, target */
        w = (w & ~UINT32_C(0x3e0)) | n << 5;
    }
    const unsigned branch = b->n;
    draw_emit(b, w);
    for (unsigned i = 0; i < groups; i++)
        draw_group(b, false);
    const uint32_t over = b->n - branch;
    if (reg)
        b->w[at] = adr(b->va + 4 * at, n, b->va + 4 * b->n);
    else if ((w & 0x7c000000) == 0x14000000)
        b->w[at] = (w & 0xfc000000) | over;
    else if ((w & 0x7e000000) == 0x36000000)
        b->w[at] = (w & ~UINT32_C(0x7ffe0)) | over << 5;
    else
        b->w[at] = (w & ~UINT32_C(0xffffe0)) | over << 5;
}

/* MRS NZCV, FPCR, FPSR and MSR NZCV; or FPSR's flags go to a register and are cleared, so that what
 * comes later can raise them again: the only system registers in the draw. */
static void emit_sysreg(struct draw_out *b)
{
    static const uint32_t words[] = {0xd53b4200, 0xd53b4400, 0xd53b4420, 0xd51b4200};
    const unsigned which = draw_below(b->d, 2 * ARRAY_LEN(words)), xt = draw_below(b->d, 31);
    draw_emit(b, words[which < ARRAY_LEN(words) ? which : 2] | xt);
    if (which >= ARRAY_LEN(words))
        draw_emit(b, 0xd51b443f); /* msr fpsr, xzr */
}

void draw_group(struct draw_out *b, bool branches)
{
    struct draw *d = b->d;
    const unsigned room = b->room;
    if (b->n + 6 > room)
        return;
    if (draw_one_in(d, 64)) {
        emit_sysreg(b);
        return;
    }
    const unsigned row = d->rows[draw_below(d, d->rows_n)];
    const uint32_t flags = a64_insns[row].flags;
    if (flags & A64_F_EXCL) {
        emit_exclusive(b);
        d->drawn[row]++;
        return;
    }
    if (flags & A64_F_BRANCH && !branches)
        return;
    const uint32_t w = draw_valid(d, row);
    if (!w)
        return;
    d->drawn[row]++;
    if (flags & A64_F_BRANCH && !name_is(row, "isb"))
        emit_branch(b, row, w);
    else if (flags & (A64_F_LOAD | A64_F_STORE))
        emit_memory(b, row, w);
    else
        draw_emit(b, w);
}

/*
 * "Advanced SIMD two-register miscellaneous (FP16)" and its scalar form (C4.1.96): for a reserved
 * opcode in there qemu 7.2 does not raise UNDEFINED but ends itself with "code should not be
 * reached", so none is sent.
 */
static bool ends_qemu(uint32_t word)
{
    return (word & 0x9f7e0c00) == 0x0e780800 || (word & 0xdf7e0c00) == 0x5e780800;
}

/*
 * A word that our decoder rejects: some row's bits with other fields, or those with some bits
 * changed; 0 when the draw did not find one. Not from the system instructions, where the other side
 * has an operating system.
 */
static uint32_t draw_undefined(struct draw *d)
{
    const unsigned row = d->rows[draw_below(d, d->rows_n)];
    for (unsigned i = 0; i < 16; i++) {
        uint32_t w = draw_fields(d, row);
        if (i >= 4)
            w ^= UINT32_C(1) << draw_below(d, 32) | UINT32_C(1) << draw_below(d, 32);
        if (undefined(w) && !ends_qemu(w) && (w & 0xff000000) != 0xd5000000 &&
            (w & 0xff000000) != 0xd4000000)
            return w;
    }
    return 0;
}

unsigned draw_block(struct draw *d, uint64_t va, uint32_t words[BLOCK_WORDS])
{
    struct draw_out b = {.d = d, .va = va, .w = words, .room = BLOCK_WORDS - 6};
    const bool loop = d->loops && draw_one_in(d, 2);
    const uint32_t n = draw_below(d, 31); /* what X registers hold may change, TPIDR_EL0 does not */
    if (loop) {
        draw_emit(&b, 0xd2800000 | (1 + draw_below(d, d->loops)) << 5 | n); /* movz xn, #rounds */
        draw_emit(&b, 0xd51bd040 | n);                                      /* msr tpidr_el0, xn */
    }
    const uint32_t begin = b.n;
    for (unsigned tries = 0; b.n + 6 <= b.room && tries < 4 * BLOCK_WORDS; tries++)
        draw_group(&b, true);
    b.room += 4;
    if (loop) {
        draw_emit(&b, 0xd53bd040 | n);                                  /* mrs xn, tpidr_el0 */
        draw_emit(&b, 0xd1000400 | n << 5 | n);                         /* sub xn, xn, #1 */
        draw_emit(&b, 0xd51bd040 | n);                                  /* msr tpidr_el0, xn */
        draw_emit(&b, 0xb5000000 | n | ((begin - b.n) & 0x7ffff) << 5); /* cbnz xn, begin */
    }
    d->insns += b.n;
    if (draw_one_in(d, 4)) {
        const uint32_t w = draw_undefined(d);
        if (w)
            words[b.n++] = w;
    }
    words[b.n++] = 0xd4200000; /* brk #0 */
    return b.n;
}
