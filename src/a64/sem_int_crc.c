// SPDX-License-Identifier: MIT
/*
 * sem_int_crc.c - A64 CRC32 and CRC32C of bytes, halfwords, words and doublewords.
 *
 * Follows Arm ARM DDI 0487J.a C6.2 (CRC32B...). Both polynomials are used bit-reversed, as the
 * operand is: 0x04C11DB7 reads 0xEDB88320, 0x1EDC6F41 reads 0x82F63B78. A word is folded by four
 * tables, one for each of its bytes; a table's entry is the exclusive or of what the byte's bits
 * contribute. The hex numbers are those contributions: bit i of a word, shifted through 32 steps of
 * the polynomial.
 */
#include "src/a64/sem.h"

// clang-format off
#define BIT_OF(b, i, v) ((b) >> (i) & 1 ? UINT32_C(v) : 0)
#define CRC0(b) ( \
    BIT_OF(b, 0, 0xb8bc6765) ^ BIT_OF(b, 1, 0xaa09c88b) ^ BIT_OF(b, 2, 0x8f629757) ^ BIT_OF(b, 3, 0xc5b428ef) ^ \
    BIT_OF(b, 4, 0x5019579f) ^ BIT_OF(b, 5, 0xa032af3e) ^ BIT_OF(b, 6, 0x9b14583d) ^ BIT_OF(b, 7, 0xed59b63b))
#define CRC1(b) ( \
    BIT_OF(b, 0, 0x01c26a37) ^ BIT_OF(b, 1, 0x0384d46e) ^ BIT_OF(b, 2, 0x0709a8dc) ^ BIT_OF(b, 3, 0x0e1351b8) ^ \
    BIT_OF(b, 4, 0x1c26a370) ^ BIT_OF(b, 5, 0x384d46e0) ^ BIT_OF(b, 6, 0x709a8dc0) ^ BIT_OF(b, 7, 0xe1351b80))
#define CRC2(b) ( \
    BIT_OF(b, 0, 0x191b3141) ^ BIT_OF(b, 1, 0x32366282) ^ BIT_OF(b, 2, 0x646cc504) ^ BIT_OF(b, 3, 0xc8d98a08) ^ \
    BIT_OF(b, 4, 0x4ac21251) ^ BIT_OF(b, 5, 0x958424a2) ^ BIT_OF(b, 6, 0xf0794f05) ^ BIT_OF(b, 7, 0x3b83984b))
#define CRC3(b) ( \
    BIT_OF(b, 0, 0x77073096) ^ BIT_OF(b, 1, 0xee0e612c) ^ BIT_OF(b, 2, 0x076dc419) ^ BIT_OF(b, 3, 0x0edb8832) ^ \
    BIT_OF(b, 4, 0x1db71064) ^ BIT_OF(b, 5, 0x3b6e20c8) ^ BIT_OF(b, 6, 0x76dc4190) ^ BIT_OF(b, 7, 0xedb88320))
#define CRCC0(b) ( \
    BIT_OF(b, 0, 0xdd45aab8) ^ BIT_OF(b, 1, 0xbf672381) ^ BIT_OF(b, 2, 0x7b2231f3) ^ BIT_OF(b, 3, 0xf64463e6) ^ \
    BIT_OF(b, 4, 0xe964b13d) ^ BIT_OF(b, 5, 0xd725148b) ^ BIT_OF(b, 6, 0xaba65fe7) ^ BIT_OF(b, 7, 0x52a0c93f))
#define CRCC1(b) ( \
    BIT_OF(b, 0, 0xa541927e) ^ BIT_OF(b, 1, 0x4f6f520d) ^ BIT_OF(b, 2, 0x9edea41a) ^ BIT_OF(b, 3, 0x38513ec5) ^ \
    BIT_OF(b, 4, 0x70a27d8a) ^ BIT_OF(b, 5, 0xe144fb14) ^ BIT_OF(b, 6, 0xc76580d9) ^ BIT_OF(b, 7, 0x8b277743))
#define CRCC2(b) ( \
    BIT_OF(b, 0, 0x13a29877) ^ BIT_OF(b, 1, 0x274530ee) ^ BIT_OF(b, 2, 0x4e8a61dc) ^ BIT_OF(b, 3, 0x9d14c3b8) ^ \
    BIT_OF(b, 4, 0x3fc5f181) ^ BIT_OF(b, 5, 0x7f8be302) ^ BIT_OF(b, 6, 0xff17c604) ^ BIT_OF(b, 7, 0xfbc3faf9))
#define CRCC3(b) ( \
    BIT_OF(b, 0, 0xf26b8303) ^ BIT_OF(b, 1, 0xe13b70f7) ^ BIT_OF(b, 2, 0xc79a971f) ^ BIT_OF(b, 3, 0x8ad958cf) ^ \
    BIT_OF(b, 4, 0x105ec76f) ^ BIT_OF(b, 5, 0x20bd8ede) ^ BIT_OF(b, 6, 0x417b1dbc) ^ BIT_OF(b, 7, 0x82f63b78))

#define ROW4(M, b)   M(b), M((b) + 1), M((b) + 2), M((b) + 3)
#define ROW16(M, b)  ROW4(M, b), ROW4(M, (b) + 4), ROW4(M, (b) + 8), ROW4(M, (b) + 12)
#define ROW64(M, b)  ROW16(M, b), ROW16(M, (b) + 16), ROW16(M, (b) + 32), ROW16(M, (b) + 48)
#define ROW256(M)    {ROW64(M, 0), ROW64(M, 64), ROW64(M, 128), ROW64(M, 192)}

static const uint32_t crc_tables[2][4][256] = {
    {ROW256(CRC0), ROW256(CRC1), ROW256(CRC2), ROW256(CRC3)},
    {ROW256(CRCC0), ROW256(CRCC1), ROW256(CRCC2), ROW256(CRCC3)},
};
// clang-format on

static inline uint32_t crc_byte(const uint32_t t[4][256], uint32_t crc, uint8_t v)
{
    return crc >> 8 ^ t[3][(crc ^ v) & 0xff];
}

static inline uint32_t crc_half(const uint32_t t[4][256], uint32_t crc, uint16_t v)
{
    return crc >> 16 ^ t[2][(crc ^ v) & 0xff] ^ t[3][(crc ^ v) >> 8 & 0xff];
}

static inline uint32_t crc_word(const uint32_t t[4][256], uint32_t crc, uint32_t v)
{
    v ^= crc;
    return t[0][v & 0xff] ^ t[1][v >> 8 & 0xff] ^ t[2][v >> 16 & 0xff] ^ t[3][v >> 24];
}

static inline uint32_t crc_double(const uint32_t t[4][256], uint32_t crc, uint64_t v)
{
    return crc_word(t, crc_word(t, crc, (uint32_t)v), (uint32_t)(v >> 32));
}

#define CRC_OPS(name, which)                                                                       \
    static A64_OP(name##b)                                                                         \
    {                                                                                              \
        X(rd) = crc_byte(crc_tables[which], W(rn), (uint8_t)X(rm));                                \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name##h)                                                                         \
    {                                                                                              \
        X(rd) = crc_half(crc_tables[which], W(rn), (uint16_t)X(rm));                               \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name##w)                                                                         \
    {                                                                                              \
        X(rd) = crc_word(crc_tables[which], W(rn), W(rm));                                         \
        A64_NEXT;                                                                                  \
    }                                                                                              \
    static A64_OP(name##x)                                                                         \
    {                                                                                              \
        X(rd) = crc_double(crc_tables[which], W(rn), X(rm));                                       \
        A64_NEXT;                                                                                  \
    }

CRC_OPS(crc32, 0)
CRC_OPS(crc32c, 1)

void a64_dec_crc32(struct a64_op *op, uint32_t insn)
{
    static a64_fn *const fns[] = {a64_op_crc32b,  a64_op_crc32h,  a64_op_crc32w,  a64_op_crc32x,
                                  a64_op_crc32cb, a64_op_crc32ch, a64_op_crc32cw, a64_op_crc32cx};
    op->rd = a64_dst(a64_rd(insn));
    op->rn = a64_src(a64_rn(insn));
    op->rm = a64_src(a64_rm(insn));
    op->fn = fns[a64_bits(insn, 10, 3)]; /* C, sz */
}
