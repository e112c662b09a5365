// SPDX-License-Identifier: MIT
/*
 * base.h - the few words every module uses: addresses, bits, byte order, table lengths.
 */
#ifndef VMM_BASE_H
#define VMM_BASE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Guest physical address. Never cast to a pointer: mem_hva() is the door (vmm/mem.h). */
typedef uint64_t gpa_t;

#define ARRAY_LEN(a)                  (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#define MIN(a, b)                     ((a) < (b) ? (a) : (b))
#define MAX(a, b)                     ((a) > (b) ? (a) : (b))
#define BIT(n)                        (UINT64_C(1) << (n))
#define KIB(n)                        ((uint64_t)(n) << 10)
#define MIB(n)                        ((uint64_t)(n) << 20)
#define GIB(n)                        ((uint64_t)(n) << 30)
#define likely(x)                     __builtin_expect(!!(x), 1)
#define unlikely(x)                   __builtin_expect(!!(x), 0)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "hosts are little-endian: guest memory is read and written in place"
#endif

/* Bits [lo, lo + len) of v, shifted down. len is 1..64. */
static inline uint64_t bits_get(uint64_t v, unsigned lo, unsigned len)
{
    return (v >> lo) & (len >= 64 ? ~UINT64_C(0) : BIT(len) - 1);
}

/* The low `len` bits of v as a signed number. len is 1..64. */
static inline int64_t bits_sext(uint64_t v, unsigned len)
{
    return (int64_t)(v << (64 - len)) >> (64 - len);
}

/* `align` is a power of two. align_up() wraps to 0 at the top of the address space: check first. */
static inline uint64_t align_down(uint64_t v, uint64_t align)
{
    return v & ~(align - 1);
}

static inline uint64_t align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

/* Unaligned little- and big-endian reads and writes of file and guest bytes. */
static inline uint16_t le16_get(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t le32_get(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t le64_get(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t be32_get(const void *p)
{
    return __builtin_bswap32(le32_get(p));
}

static inline void be32_put(void *p, uint32_t v)
{
    uint8_t *b = p;
    for (unsigned i = 0; i < 4; i++)
        b[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void le16_put(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void le32_put(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void le64_put(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

#endif
