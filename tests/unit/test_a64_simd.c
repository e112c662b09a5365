// SPDX-License-Identifier: MIT
/*
 * test_a64_simd.c - Advanced SIMD handlers, one instruction at a time, against values worked out by
 * hand from Arm ARM DDI 0487J.a C7.2; AES against FIPS 197, SHA1 and SHA256 against FIPS 180-4.
 *
 * A handler is called directly: a slot for the instruction and one that ends, one page of memory in
 * the TLB.
 */
#include <stdlib.h>

#include "src/a64/cpu.h"
#include "tests/tap.h"

#define QC          (UINT32_C(1) << 27)
#define PAGE_VA     UINT64_C(0x7000)
#define MEM_FILL(i) ((uint8_t)((i) ^ 0xa0))

static struct a64_cpu cpu;
static struct a64_bank bank;
static uint8_t page[A64_PAGE] __attribute__((aligned(4096)));

static const struct a64_op *stop(struct a64_cpu *c, const struct a64_op *op)
{
    (void)c;
    (void)op;
    return NULL;
}

static void run(uint32_t insn)
{
    struct a64_op ops[2] = {{.fn = stop}, {.fn = stop}};
    a64_predecode(&ops[0], insn);
    const struct a64_op *op = ops;
    if (op->fn == a64_undef) {
        printf("# %#x is UNDEFINED\n", insn);
        tap_failed = true;
        return;
    }
    while (op)
        op = op->fn(&cpu, op);
}

static void reset(void)
{
    memset(&cpu, 0, sizeof cpu);
    memset(&bank, 0, sizeof bank);
    for (unsigned i = 0; i < sizeof page; i++)
        page[i] = MEM_FILL(i);
    cpu.bank = cpu.user = &bank;
    struct a64_dtlb *t = a64_dtlb_of(&bank, PAGE_VA);
    t->tag_r = t->tag_w = PAGE_VA | 0xfff;
    t->addend = (uintptr_t)page - PAGE_VA;
}

static void set(unsigned n, uint64_t hi, uint64_t lo)
{
    cpu.v[n].d[0] = lo;
    cpu.v[n].d[1] = hi;
}

static void expect_v(unsigned n, uint64_t hi, uint64_t lo)
{
    expect_u64(cpu.v[n].d[0], lo);
    expect_u64(cpu.v[n].d[1], hi);
}

struct vec {
    uint64_t hi, lo;
};

struct row {
    const char *text; /* Vd is V0, Vn V1, Vm V2 */
    uint32_t insn;
    struct vec n, m, d, want;
    bool qc;
};

#define V(hi, lo)                                                                                  \
    {                                                                                              \
        UINT64_C(hi), UINT64_C(lo)                                                                 \
    }
#define Z   V(0, 0)
#define X   V(0xdeadbeefdeadbeef, 0xdeadbeefdeadbeef) /* must not matter */
#define ALL V(0xffffffffffffffff, 0xffffffffffffffff)

// clang-format off
static const struct row rows[] = {
    {"add v0.16b", 0x4e228420, V(0xff01, 0x80ff), V(0x01ff, 0x8001), X, Z, 0},
    {"add v0.2s", 0x0ea28420, V(5, 0xffffffff00000001), V(6, 0x0000000100000001), X, V(0, 2), 0},
    {"add d0", 0x5ee28420, V(5, 0xffffffffffffffff), V(6, 3), X, V(0, 2), 0},
    {"sub v0.8h", 0x6e628420, V(0x8000, 0), V(1, 1), X, V(0x7fff, 0xffff), 0},
    {"mul v0.4s", 0x4ea29c20, V(0xffffffff, 0x10001), V(0xffffffff, 0x10001), X, V(1, 0x20001), 0},
    /* h[5] is 3: each lane d + 3 a */
    {"mla v0.8h, v2.h[5]", 0x6f520820, V(0, 0x0001000200030004), V(0x30000, 0), V(1, 1), V(1, 0x000300060009000d), 0},
    {"sqadd v0.16b", 0x4e220c20, V(0x7f, 0x80), V(0x01, 0xff), X, V(0x7f, 0x80), 1},
    {"sqadd v0.16b, no saturation", 0x4e220c20, V(0x7e, 0x81), V(0x01, 0xff), X, V(0x7f, 0x80), 0},
    /* Lanes above the scalar saturate nothing. */
    {"sqadd b0", 0x5e220c20, V(0x7f7f, 0x7f01), V(0x7f7f, 0x7f01), X, V(0, 2), 0},
    {"uqsub v0.8b", 0x2e222c20, V(0, 0x0510), V(0x99, 0x0508), X, V(0, 0x0008), 0},
    {"uqsub v0.8b saturates", 0x2e222c20, V(0, 0x0410), V(0x99, 0x0508), X, V(0, 0x0008), 1},
    /* 2 * 0x4000 * 0x4000 >> 16 = 0x2000; -32768 squared saturates */
    {"sqdmulh v0.4h", 0x0e62b420, V(0, 0x80004000), V(0, 0x80004000), X, V(0, 0x7fff2000), 1},
    /* (d << 32) + 2ab + 2^31 >> 32: a = b = 2^16: 2^33 -> 2; d = 5 */
    {"sqrdmlah v0.4s", 0x6e828420, V(0, 0x10000), V(0, 0x10000), V(7, 5), V(7, 7), 0},
    {"sqrdmlah v0.4s saturates", 0x6e828420, V(0, 0x80000000), V(0, 0x80000000), V(0, 1), V(0, 0x7fffffff), 1},
    /* 2 * 2^15 * s[1]=2^15 + 2^31 >> 32: (2^31 + 2^31) >> 32 = 1 */
    {"sqrdmulh s0, v2.s[1]", 0x5fa2d020, V(9, 0x00007fff00008000), V(0, 0x0000800000000000), X, V(0, 1), 0},
    /* -1 + -2 = -3, halved down: -2; 127 + 127 */
    {"shadd v0.16b", 0x4e220420, V(0, 0x7fff), V(0, 0x7ffe), X, V(0, 0x7ffe), 0},
    {"urhadd v0.16b", 0x6e221420, V(0, 0xff01), V(0, 0xff02), X, V(0, 0xff02), 0},
    /* 1 - 2 = -1, halved down: -1 */
    {"uhsub v0.16b", 0x6e222420, V(0, 0xff01), V(0, 0x0102), X, V(0, 0x7fff), 0},
    {"cmhi v0.16b", 0x6e223420, V(0xff, 0x0180), V(0x00, 0x017f), X, V(0xff, 0x00ff), 0},
    {"cmge d0, #0", 0x7ee08820, V(0, 0x8000000000000000), X, X, Z, 0},
    {"cmge d0, #0 of 0", 0x7ee08820, V(0x8000000000000000, 0), X, X, V(0, 0xffffffffffffffff), 0},
    {"cmtst v0.2d", 0x4ee28c20, V(6, 6), V(1, 2), X, V(0, 0xffffffffffffffff), 0},
    /* -64 fills with the sign, 63 leaves the lowest bit */
    {"sshl v0.2d", 0x4ee24420, V(0x8000000000000000, 3), V(0xc0, 63), X, V(0xffffffffffffffff, 0x8000000000000000), 0},
    /* h: 3 >> 1 rounded 2; 0xffff >> 16 rounded 1; 0x8000 << 1 saturates; 5 << 0 */
    {"uqrshl v0.8h", 0x6e625c20, V(0, 0x00058000ffff0003), V(0, 0x0000000100f000ff), X, V(0, 0x0005ffff00010002), 1},
    {"sqshl v0.4s", 0x4ea24c20, V(0x80000001, 0x4000000000000000), V(1, 0x0000000100000080), X, V(0x80000000, 0x7fffffff00000000), 1},
    {"uminp v0.16b", 0x6e22ac20, V(0x0102030405060708, 0x100f0e0d0c0b0a09), V(0xffffffffffffffff, 0xff00ff00ff00ff00), X, V(0xffffffff00000000, 0x010305070f0d0b09), 0},
    {"addp v0.8b", 0x0e22bc20, V(0xffffffffffffffff, 0x0102030405060708), V(0xffffffffffffffff, 0x00000000000000ff), X, V(0, 0x000000ff03070b0f), 0},
    /* (x^7 + 1)(x + 1) = x^8 + x^7 + x + 1, low byte */
    {"pmul v0.8b", 0x2e229c20, V(0, 0x81), V(0, 0x03), X, V(0, 0x83), 0},
    {"pmull v0.1q", 0x0ee2e020, V(7, 0x8000000000000001), V(7, 3), X, V(1, 0x8000000000000003), 0},
    {"pmull2 v0.8h", 0x4e22e020, V(0x81, 7), V(0x03, 7), X, V(0, 0x183), 0},
    {"bsl v0.16b", 0x6e621c20, V(0xaa, 0x0f), V(0x55, 0xf0), V(0xff, 0x33), V(0xaa, 0xc3), 0},
    {"bif v0.16b", 0x6ee21c20, V(0xaa, 0x0f), V(0x00, 0xf0), V(0xff, 0x33), V(0xaa, 0x3f), 0},
    {"uabal v0.8h", 0x2e225020, V(9, 0x00ff), V(9, 0xff00), V(1, 2), V(1, 0x00ff0101), 0},
    {"smull2 v0.2d", 0x4ea2c020, V(0xffffffff80000000, 9), V(0x0000000280000000, 9), X, V(0xfffffffffffffffe, 0x4000000000000000), 0},
    /* 2 * -32768 * -32768 saturates to 2^31 - 1, and adding 1 again */
    {"sqdmlal s0", 0x5e629020, V(0, 0x80008000), V(0, 0x80008000), V(3, 0x900000001), V(0, 0x7fffffff), 1},
    {"sqdmlal s0, no saturation", 0x5e629020, V(0, 0x80000003), V(0, 0x80000005), V(3, 0x900000001), V(0, 31), 0},
    {"sqdmull v0.2d", 0x0ea2d020, V(0, 0x80000000ffffffff), V(0, 0x8000000000000003), X, V(0x7fffffffffffffff, 0xfffffffffffffffa), 1},
    {"raddhn2 v0.8h", 0x6e624020, V(0, 0x0000ffff00018000), V(0, 0x0000000100000000), V(1, 2), V(0x00010002, 2), 0},
    {"xtn v0.8b", 0x0e212820, V(0x1122334455667788, 0x99aabbccddeeff00), X, X, V(0, 0x22446688aaccee00), 0},
    {"sqxtun2 v0.16b", 0x6e212820, V(0, 0xffff010000ff0001), X, V(5, 6), V(0x00ffff01, 6), 1},
    {"uqxtn s0", 0x7ea14820, V(0xffffffffffffffff, 0x1ffffffff), X, X, V(0, 0xffffffff), 1},
    {"uqxtn s0, no saturation", 0x7ea14820, V(0xffffffffffffffff, 0xfffffffe), X, X, V(0, 0xfffffffe), 0},
    {"shll v0.8h, #8", 0x2e213820, V(9, 0x0102030405060780), X, X, V(0x0100020003000400, 0x0500060007008000), 0},
    {"saddlp v0.8h", 0x4e202820, V(0x7f7f, 0x80ff), X, X, V(0x00fe, 0xff7f), 0},
    {"uaddlv h0", 0x6e303820, ALL, X, X, V(0, 0xff0), 0},
    {"addv b0", 0x4e31b820, ALL, X, X, V(0, 0xf0), 0},
    {"smaxv h0", 0x4e70a820, V(0x8000ffffffff8000, 0xfffeffffffffffff), X, X, V(0, 0xffff), 0},
    {"umaxv s0", 0x6eb0a820, V(0x7fffffff, 0x8000000000000001), X, X, V(0, 0x80000000), 0},
    {"cnt v0.16b", 0x4e205820, V(0xff7f3f1f0f070301, 0x80a5c30081422400), X, X, V(0x0807060504030201, 0x0104040002020200), 0},
    {"clz v0.8h", 0x6e604820, V(0, 0x80000001000100ff), X, X, V(0x0010001000100010, 0x0000000f000f0008), 0},
    {"cls v0.4s", 0x4ea04820, V(0xffffffff00000000, 0xc00000007fffffff), X, X, V(0x1f0000001f, 0x100000000), 0},
    {"rbit v0.16b", 0x6e605820, V(0x01, 0x8040201008040201), X, X, V(0x80, 0x0102040810204080), 0},
    {"rev32 v0.8h", 0x6e600820, V(0x1111222233334444, 1), X, X, V(0x2222111144443333, 0x10000), 0},
    {"sqabs v0.16b", 0x4e207820, V(0, 0x80ff01), X, X, V(0, 0x7f0101), 1},
    {"suqadd b0", 0x5e203820, V(0, 0xff), X, V(0xffffffffffffffff, 0x80), V(0, 0x7f), 0},
    {"suqadd b0 saturates", 0x5e203820, V(0, 0xff), X, V(0xffffffffffffffff, 0x81), V(0, 0x7f), 1},
    {"usqadd v0.16b", 0x6e203820, V(0, 0x80ff7f), X, V(0, 0x7f00ff), V(0, 0x0000ff), 1},
    {"sshr v0.2d, #64", 0x4f400420, V(0x8000000000000000, 0x7fffffffffffffff), X, X, V(0xffffffffffffffff, 0), 0},
    {"urshr v0.16b, #8", 0x6f082420, V(0, 0x7f80ff), X, X, V(0, 0x000101), 0},
    /* rounded -3/2 = -1, added to 1; 0x7fff -> 0x4000 */
    {"srsra v0.8h, #1", 0x4f1f3420, V(0, 0x7ffffffd), X, V(0, 0x00000001), V(0, 0x40000000), 0},
    {"sri v0.4s, #8", 0x6f384420, V(0, 0xaabbccdd), X, V(0, 0x11223344), V(0, 0x11aabbcc), 0},
    {"sli d0, #60", 0x7f7c5420, V(9, 0x1f), X, V(9, 0x0123456789abcdef), V(0, 0xf123456789abcdef), 0},
    {"sqshlu v0.16b, #1", 0x6f096420, V(0, 0xff407f), X, X, V(0, 0x0080fe), 1},
    /* 0x0ff8 + 8 >> 4 = 0x100 saturates; 0x0ff7 -> 0xff; -1 + 8 >> 4 = 0; 24 -> 2 */
    {"sqrshrun v0.8b, #4", 0x2f0c8c20, V(0, 0x0018ffff0ff70ff8), X, X, V(0, 0x0200ffff), 1},
    {"uqshrn2 v0.4s, #16", 0x6f309420, V(0x1000000000000, 0xffffffffffff), X, V(7, 8), V(0xffffffffffffffff, 8), 1},
    {"sshll v0.2d, #3", 0x0f23a420, V(9, 0xffffffff00000001), X, X, V(0xfffffffffffffff8, 8), 0},
    {"movi v0.2d", 0x6f05e4c0, X, X, X, V(0xff00ff0000ffff00, 0xff00ff0000ffff00), 0},
    {"movi v0.4s, #0x12, msl #16", 0x4f00d640, X, X, X, V(0x0012ffff0012ffff, 0x0012ffff0012ffff), 0},
    {"mvni v0.8h, #0x80, lsl #8", 0x6f04a400, X, X, X, V(0x7fff7fff7fff7fff, 0x7fff7fff7fff7fff), 0},
    {"orr v0.2s, #0x55, lsl #24", 0x0f0276a0, X, X, V(7, 0xaa00000100000000), V(0, 0xff00000155000000), 0},
    {"bic v0.8h, #0xf0", 0x6f079600, X, X, V(0xffff, 0xffff00ff), V(0xff0f, 0xff0f000f), 0},
    {"fmov v0.2d, #-1.5", 0x6f07f700, X, X, X, V(0xbff8000000000000, 0xbff8000000000000), 0},
    {"fmov v0.4s, #31.0", 0x4f01f7e0, X, X, X, V(0x41f8000041f80000, 0x41f8000041f80000), 0},
    {"dup v0.8h, v1.h[7]", 0x4e1e0420, V(0x1234000000000000, 0), X, X, V(0x1234123412341234, 0x1234123412341234), 0},
    {"dup s0, v1.s[3]", 0x5e1c0420, V(0x8765432100000000, 0), X, X, V(0, 0x87654321), 0},
    {"ins v0.b[15], v1.b[2]", 0x6e1f1420, V(0, 0xab0000), X, V(0x0011223344556677, 1), V(0xab11223344556677, 1), 0},
    {"ext v0.16b, #5", 0x6e022820, V(0x0f0e0d0c0b0a0908, 0x0706050403020100), V(0x1f1e1d1c1b1a1918, 0x1716151413121110), X, V(0x14131211100f0e0d, 0x0c0b0a0908070605), 0},
    {"ext v0.8b, #3", 0x2e021820, V(9, 0x0706050403020100), V(9, 0x1716151413121110), X, V(0, 0x1211100706050403), 0},
    {"zip2 v0.16b", 0x4e027820, V(0x0f0e0d0c0b0a0908, 9), V(0x1f1e1d1c1b1a1918, 9), X, V(0x1f0f1e0e1d0d1c0c, 0x1b0b1a0a19091808), 0},
    {"uzp1 v0.4h", 0x0e421820, V(9, 0x0003000200010000), V(9, 0x0013001200110010), X, V(0, 0x0012001000020000), 0},
    {"trn2 v0.4s", 0x4e826820, V(0x0000000300000002, 0x0000000100000000), V(0x0000001300000012, 0x0000001100000010), X, V(0x0000001300000003, 0x0000001100000001), 0},
    /* Indices come from V2, which is the second table register too. */
    {"tbl two registers", 0x4e022020, V(0x0f0e0d0c0b0a0908, 0xa7a6a5a4a3a2a1a0), V(0xff20100000000000, 0x1f1e0f0807010000), X, V(0x000000a0a0a0a0a0, 0xff200f08a7a1a0a0), 0},
    {"tbx v0.8b", 0x0e021020, V(0xff00000000000000, 0x77), V(9, 0x100f00ff11), V(9, 0x0102030405060708), V(0, 0x77777704ff770708), 0},
};
// clang-format on

static void results_are_what_the_manual_says(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        bool failed = tap_failed;
        tap_failed = false;
        reset();
        set(0, r->d.hi, r->d.lo);
        set(1, r->n.hi, r->n.lo);
        set(2, r->m.hi, r->m.lo);
        run(r->insn);
        expect_v(0, r->want.hi, r->want.lo);
        expect_u32(cpu.fpsr, r->qc ? QC : 0);
        if (tap_failed)
            printf("# in row %u: %s\n", i, r->text);
        tap_failed |= failed;
    }
}

/* Sizes and Q that the class tables of C4.1.96 and C4.1.94 leave unallocated. */
static void reserved_forms_are_undefined(void)
{
    static const uint32_t words[] = {
        0x0ee28420, /* add v0.1d */
        0x4ee29c20, /* mul v0.2d */
        0x0e22b420, /* sqdmulh v0.8b */
        0x4ee20420, /* shadd v0.2d */
        0x2e629c20, /* pmul v0.4h */
        0x0e62e020, /* pmull v0.4s, 4h */
        0x4f020420, /* sshr with immh 0000: it is movi; see below */
        0x0f400420, /* sshr v0.1d */
        0x0eb1b820, /* addv s0, v1.2s */
        0x4ef1b820, /* addv of 2d */
        0x4e000420, /* dup, imm5 00000 */
        0x0e080420, /* dup v0.1d */
        0x0e083c20, /* umov w, d */
        0x2e024020, /* ext v0.8b, #8 */
        0x0ec23820, /* zip1 v0.1d */
        0x0ee05820, /* cnt of d */
        0x4e605820, /* cnt of h */
        0x4e601820, /* rev16 of h */
        0x4c401000, /* ld1 opcode 0001 */
        0x0c408c00, /* ld2 v0.1d */
        0x0d404400, /* ld1 lane h with size 01 */
        0x0d009400, /* st1 lane d with S */
        0x0d00c000, /* store with replicate */
        0xfc400000, /* ldur size 11, opc 01 is d; opc 11 below */
        0xfcc00000, /* ldur size 11 opc 11 */
        0xec400000, /* ldnp opc 11 */
        0x3c600800, /* ldr b, option 000 */
    };
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        struct a64_op op = {.fn = NULL};
        a64_predecode(&op, words[i]);
        bool valid =
            words[i] == 0x4f020420 || words[i] == 0xfc400000; /* the allocated neighbours */
        if ((op.fn == a64_undef) == valid) {
            printf("# %#x: undefined is %d\n", words[i], op.fn == a64_undef);
            tap_failed = true;
        }
    }
}

static void moves_to_and_from_general_registers(void)
{
    reset();
    set(1, 0x8000000000000001, 0xf234000080000000);
    run(0x0e0e3c23); /* umov w3, v1.h[3] */
    expect_u64(cpu.x[3], 0xf234);
    run(0x4e183c23); /* mov x3, v1.d[1] */
    expect_u64(cpu.x[3], 0x8000000000000001);
    run(0x0e1f2c23); /* smov w3, v1.b[15] */
    expect_u64(cpu.x[3], 0xffffff80);
    run(0x4e042c23); /* smov x3, v1.s[0] */
    expect_u64(cpu.x[3], 0xffffffff80000000);
    cpu.x[3] = 0x1234567a;
    run(0x4e010c60); /* dup v0.16b, w3 */
    expect_v(0, 0x7a7a7a7a7a7a7a7a, 0x7a7a7a7a7a7a7a7a);
    run(0x4e141c60); /* mov v0.s[2], w3 */
    expect_v(0, 0x7a7a7a7a1234567a, 0x7a7a7a7a7a7a7a7a);
}

/* n bytes of the filled page from `at`, as a number. */
static uint64_t filled(unsigned at, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = n; i--;)
        v = v << 8 | MEM_FILL(at + i);
    return v;
}

static void loads_and_stores_of_registers(void)
{
    reset();
    cpu.x[5] = PAGE_VA + 64;
    set(0, 1, 2);
    run(0x3dc004a0); /* ldr q0, [x5, #16] */
    expect_v(0, filled(88, 8), filled(80, 8));
    run(0x3c9f04a0); /* str q0, [x5], #-16 */
    expect_u64(cpu.x[5], PAGE_VA + 48);
    expect_u64(le64_get(page + 64), filled(80, 8));
    expect_u64(le64_get(page + 72), filled(88, 8));
    run(0x3c401ca0); /* ldr b0, [x5, #1]! */
    expect_u64(cpu.x[5], PAGE_VA + 49);
    expect_v(0, 0, MEM_FILL(49));
    cpu.x[6] = 0xfffffffe;
    run(0xbc66d8a0); /* ldr s0, [x5, w6, sxtw #2] */
    expect_v(0, 0, filled(41, 4));
    run(0xad7f04a0); /* ldp q0, q1, [x5, #-32] */
    expect_v(0, filled(25, 8), filled(17, 8));
    expect_v(1, filled(41, 8), filled(33, 8));
    run(0x6d8084a0); /* stp d0, d1, [x5, #8]! */
    expect_u64(cpu.x[5], PAGE_VA + 57);
    expect_u64(le64_get(page + 57), filled(17, 8));
    expect_u64(le64_get(page + 65), filled(33, 8));
}

static void loads_and_stores_of_structures(void)
{
    reset();
    cpu.x[5] = PAGE_VA + 128;
    run(0x4cdf60be); /* ld1 {v30.16b, v31.16b, v0.16b}, [x5], #48 */
    expect_u64(cpu.x[5], PAGE_VA + 176);
    expect_v(30, filled(136, 8), filled(128, 8));
    expect_v(31, filled(152, 8), filled(144, 8));
    expect_v(0, filled(168, 8), filled(160, 8));
    run(0x4c4044a0); /* ld3 {v0.8h, v1.8h, v2.8h}, [x5] */
    for (unsigned e = 0; e < 8; e++)
        for (unsigned r = 0; r < 3; r++)
            expect_u64(cpu.v[r].h[e], filled(176 + 2 * (3 * e + r), 2));
    cpu.x[6] = 8;
    set(31, 0x0000000400000003, 0x0000000200000001);
    set(0, 0x0000001400000013, 0x0000001200000011);
    run(0x4c8688bf); /* st2 {v31.4s, v0.4s}, [x5], x6 */
    expect_u64(cpu.x[5], PAGE_VA + 184);
    expect_u64(le64_get(page + 176), 0x0000001100000001);
    expect_u64(le64_get(page + 200), 0x0000001400000004);
    for (unsigned r = 0; r < 4; r++)
        cpu.v[r].b[9] = (uint8_t)(r + 1);
    run(0x4d2024a0); /* st4 {v0.b, v1.b, v2.b, v3.b}[9], [x5] */
    expect_u32(le32_get(page + 184), 0x04030201);
    run(0x0dffc4a0); /* ld2r {v0.4h, v1.4h}, [x5], #4 */
    expect_v(0, 0, 0x0201020102010201);
    expect_v(1, 0, 0x0403040304030403);
    expect_u64(cpu.x[5], PAGE_VA + 188);
}

/* ---- FIPS 197: cipher and inverse cipher of appendix C.1 ---- */
static uint8_t times(uint8_t a, uint8_t b)
{
    unsigned r = 0;
    for (unsigned i = 0, x = a; i < 8; i++, x = x << 1 ^ (x & 0x80 ? 0x11b : 0))
        r ^= b >> i & 1 ? x : 0;
    return (uint8_t)r;
}

/* SubWord through AESE with a zero key: ShiftRows of four equal columns changes nothing. */
static uint32_t sub_word(uint32_t w)
{
    cpu.v[0] = (union a64_vreg){
        .s = {w, w, w, w}
    };
    set(1, 0, 0);
    run(0x4e284820); /* aese v0.16b, v1.16b */
    return cpu.v[0].s[0];
}

static void aes_is_fips_197(void)
{
    static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static const uint8_t plain[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    static const uint8_t cipher[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                       0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
    union a64_vreg keys[11];
    reset();
    memcpy(keys[0].b, key, 16);
    uint8_t rcon = 1;
    for (unsigned i = 1; i < 11; i++, rcon = times(rcon, 2)) {
        uint32_t w = keys[i - 1].s[3];
        w = sub_word(w >> 8 | w << 24) ^ rcon;
        for (unsigned k = 0; k < 4; k++)
            keys[i].s[k] = w ^= keys[i - 1].s[k];
    }
    memcpy(cpu.v[0].b, plain, 16);
    for (unsigned i = 0; i < 10; i++) {
        cpu.v[1] = keys[i];
        run(0x4e284820); /* aese v0.16b, v1.16b */
        if (i < 9)
            run(0x4e286800); /* aesmc v0.16b, v0.16b */
    }
    cpu.v[0].q ^= keys[10].q;
    expect_true(!memcmp(cpu.v[0].b, cipher, 16));

    /* Equivalent inverse cipher (5.3.5): round keys through InvMixColumns. */
    for (unsigned i = 10; i > 0; i--) {
        cpu.v[1] = keys[i];
        if (i < 10) {
            union a64_vreg state = cpu.v[0];
            cpu.v[0] = keys[i];
            run(0x4e287800); /* aesimc v0.16b, v0.16b */
            cpu.v[1] = cpu.v[0];
            cpu.v[0] = state;
        }
        run(0x4e285820); /* aesd v0.16b, v1.16b */
        if (i > 1)
            run(0x4e287800); /* aesimc v0.16b, v0.16b */
    }
    cpu.v[0].q ^= keys[0].q;
    expect_true(!memcmp(cpu.v[0].b, plain, 16));
}

/* The one block of "abc" (FIPS 180-4 5.1.1), as the words of the schedule. */
static void block_abc(uint32_t w[16])
{
    memset(w, 0, 64);
    w[0] = 0x61626380;
    w[15] = 24;
}

static uint32_t root_bits(unsigned p, bool cube)
{
    /* First 32 fraction bits of the square or cube root of a prime, by bisection in integers. */
    uint64_t lo = 0, hi = UINT64_C(1) << 37;
    while (hi - lo > 1) {
        uint64_t mid = (lo + hi) / 2;
        __uint128_t sq = (__uint128_t)mid * mid;
        /* mid / 2^32 squared or cubed, compared with p; the cube is cut to 2^32 places on the way.
         */
        bool less;
        if (cube) {
            /* mid^3 <= p * 2^96, with mid^3 < 2^111 */
            less = sq * mid <= (__uint128_t)p << 96;
        } else {
            less = sq <= (__uint128_t)p << 64;
        }
        *(less ? &lo : &hi) = mid;
    }
    return (uint32_t)lo;
}

static void sha256_is_fips_180(void)
{
    static const uint32_t want[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                     0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    uint32_t k[64], h[8];
    unsigned n = 0;
    for (unsigned p = 2; n < 64; p++) {
        bool prime = true;
        for (unsigned q = 2; q * q <= p; q++)
            prime &= p % q != 0;
        if (!prime)
            continue;
        if (n < 8)
            h[n] = root_bits(p, false); /* 5.3.3 */
        k[n++] = root_bits(p, true);    /* 4.2.2 */
    }
    reset();
    block_abc(&cpu.v[4].s[0]);
    memcpy(cpu.v[0].s, h, 16);
    memcpy(cpu.v[1].s, h + 4, 16);
    for (unsigned t = 0; t < 64; t += 4) {
        for (unsigned i = 0; i < 4; i++)
            cpu.v[2].s[i] = cpu.v[4].s[i] + k[t + i];
        cpu.v[3] = cpu.v[0];
        run(0x5e024020); /* sha256h q0, q1, v2.4s */
        run(0x5e025061); /* sha256h2 q1, q3, v2.4s */
        run(0x5e2828a4); /* sha256su0 v4.4s, v5.4s */
        run(0x5e0760c4); /* sha256su1 v4.4s, v6.4s, v7.4s */
        union a64_vreg next = cpu.v[4];
        memmove(&cpu.v[4], &cpu.v[5], 3 * sizeof next);
        cpu.v[7] = next;
    }
    for (unsigned i = 0; i < 8; i++)
        expect_u32(cpu.v[i / 4].s[i % 4] + h[i], want[i]);
}

static void sha1_is_fips_180(void)
{
    static const uint32_t want[5] = {0xa9993e36, 0x4706816a, 0xba3e2571, 0x7850c26c, 0x9cd0d89d};
    static const uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    static const uint32_t rounds[4] = {0x5e020020, 0x5e021020, 0x5e022020,
                                       0x5e021020}; /* c, p, m, p */
    union a64_vreg w[4];
    reset();
    block_abc(&w[0].s[0]);
    memcpy(cpu.v[0].s, h, 16);
    uint32_t e = h[4];
    for (unsigned t = 0; t < 80; t += 4) {
        uint32_t a = cpu.v[0].s[0];
        set(1, 0, e);
        for (unsigned i = 0; i < 4; i++)
            cpu.v[2].s[i] = w[0].s[i] + k[t / 20];
        run(rounds[t / 20]);
        union a64_vreg abcd = cpu.v[0];
        set(1, 9, a);
        run(0x5e280820); /* sha1h s0, s1 */
        expect_u64(cpu.v[0].d[1], 0);
        e = cpu.v[0].s[0];
        cpu.v[0] = w[0];
        cpu.v[1] = w[1];
        cpu.v[2] = w[2];
        run(0x5e023020); /* sha1su0 v0.4s, v1.4s, v2.4s */
        cpu.v[1] = w[3];
        run(0x5e281820); /* sha1su1 v0.4s, v1.4s */
        memmove(&w[0], &w[1], 3 * sizeof w[0]);
        w[3] = cpu.v[0];
        cpu.v[0] = abcd;
    }
    for (unsigned i = 0; i < 4; i++)
        expect_u32(cpu.v[0].s[i] + h[i], want[i]);
    expect_u32(e + h[4], want[4]);
}

static const struct tap_test tests[] = {
    TAP_TEST(results_are_what_the_manual_says),
    TAP_TEST(reserved_forms_are_undefined),
    TAP_TEST(moves_to_and_from_general_registers),
    TAP_TEST(loads_and_stores_of_registers),
    TAP_TEST(loads_and_stores_of_structures),
    TAP_TEST(aes_is_fips_197),
    TAP_TEST(sha256_is_fips_180),
    TAP_TEST(sha1_is_fips_180),
};

TAP_MAIN(tests)
