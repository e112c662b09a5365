// SPDX-License-Identifier: MIT
/*
 * draw.h - random blocks of instructions for the differential tester, drawn from the instruction
 * table.
 */
#ifndef TESTS_A64_DRAW_H
#define TESTS_A64_DRAW_H

#include <stdbool.h>

#include "src/a64/cpu.h"
#include "tests/a64/proto.h"

#define BLOCK_WORDS 96u /* at most, the last one BRK */

struct draw {
    uint64_t seed;
    unsigned rows_n;
    uint16_t rows[2048];  /* drawn from: indices into a64_insns */
    uint64_t drawn[2048]; /* by row */
    uint64_t insns;
    unsigned
        loops; /* some blocks are loops of up to so many rounds, by way of TPIDR_EL0; 0: none */
};

/* Rows whose name begins with `only` ("" for all). */
void draw_init(struct draw *d, uint64_t seed, const char *only);

/* The state to start with, but for pc. */
void draw_state(struct draw *d, struct state *s);

/*
 * A block that runs at `va`: forward branches only (but for d->loops), memory accesses inside the
 * scratch, BRK at its end; sometimes a word before that which ought to be UNDEFINED. Returns its
 * length in words.
 */
unsigned draw_block(struct draw *d, uint64_t va, uint32_t words[BLOCK_WORDS]);

#endif
