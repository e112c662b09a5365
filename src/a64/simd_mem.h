// SPDX-License-Identifier: MIT
/*
 * simd_mem.h - several consecutive accesses as one instruction makes them.
 *
 * When all bytes are in one page of RAM that the TLB knows, they are copied at once. Otherwise they
 * are accessed 8 bytes at a time, in ascending order (see cpu.h on accesses that are run again),
 * stores after a64_probe(), so that a fault finds nothing stored.
 */
#ifndef A64_SIMD_MEM_H
#define A64_SIMD_MEM_H

#include "src/a64/cpu.h"

/* `len` 8..64, a multiple of 8; `align` is what one register or element of it is, a power of two.
 */
bool simd_load_slow(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned len,
                    unsigned align, void *buf);
bool simd_store_slow(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va, unsigned len,
                     unsigned align, const void *buf);

static inline bool simd_load(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                             unsigned len, unsigned align, void *buf)
{
    const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);
    A64_COUNT_ACCESS(cpu, op, va, 0);
    if (likely(t->tag_r == ((va + len - 1) | 0xfff) && !(va & t->amask & (align - 1)))) {
        memcpy(buf, (const void *)(uintptr_t)(va + t->addend), len);
        return true;
    }
    return simd_load_slow(cpu, op, va, len, align, buf);
}

static inline bool simd_store(struct a64_cpu *cpu, const struct a64_op *op, uint64_t va,
                              unsigned len, unsigned align, const void *buf)
{
    const struct a64_dtlb *t = a64_dtlb_of(cpu->bank, va);
    A64_COUNT_ACCESS(cpu, op, va, 1);
    if (likely(t->tag_w == ((va + len - 1) | 0xfff) && !(va & t->amask & (align - 1)))) {
        memcpy((void *)(uintptr_t)(va + t->addend), buf, len);
        return true;
    }
    return simd_store_slow(cpu, op, va, len, align, buf);
}

#endif
