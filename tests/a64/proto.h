// SPDX-License-Identifier: MIT
/*
 * proto.h - what the differential tester (diff.c) and the program that executes blocks for it
 * (runner.c) tell each other, and where a block lives: at the same addresses on both sides, because
 * ADR shows them.
 *
 * To the runner: struct batch, its code bytes, its `blocks` states. Back: as many states. Both
 * sides are little-endian.
 */
#ifndef TESTS_A64_PROTO_H
#define TESTS_A64_PROTO_H

#include <stdint.h>

#define CODE_VA   UINT64_C(0x10000000)
#define CODE_SIZE UINT64_C(0x40000)
#define SCRATCH_VA                                                                                 \
    (CODE_VA + UINT64_C(0x60000)) /* a page whose start is in the middle of the scratch */
#define SCRATCH_SIZE 1024u
#define SCRATCH_AT   (SCRATCH_VA - SCRATCH_SIZE / 2)
#define AREA_SIZE    UINT64_C(0x80000) /* from CODE_VA on, readable, writable and executable */

enum { STOP_BRK = 1, STOP_UNDEF, STOP_FAULT };

/* Before: registers to start with; pc is the entry. After: what they are at the stop, pc of the
 * stop. */
struct state {
    uint64_t x[31], sp, pc;
    uint32_t nzcv, fpcr, fpsr, stop;
    uint64_t v[32][2];
    uint8_t scratch[SCRATCH_SIZE];
};

struct batch {
    uint32_t blocks, code_len; /* code_len is in bytes */
};

#endif
