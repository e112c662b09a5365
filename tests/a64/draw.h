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

#define DRAW_SCRATCHES 8

struct draw {
    uint64_t seed;
    /* Page boundaries: SCRATCH_SIZE / 2 bytes either way are where memory is accessed. All of them
     * within 1 MiB of any code that is drawn. */
    uint64_t scratch[DRAW_SCRATCHES];
    unsigned scratch_n;
    /* No CLREX or exception before a STXR: whether one that stores nothing may fault is open
     * (C6.2.379). */
    bool keep_monitor;
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

/* ---- the parts of a block ---- */
struct draw_out {
    struct draw *d;
    uint64_t va;
    uint32_t *w;
    unsigned n, room; /* room leaves place for the end */
};

uint64_t draw_rnd(struct draw *d);
unsigned draw_below(struct draw *d, unsigned n);
bool draw_one_in(struct draw *d, unsigned n);
/* A value for a general register. */
uint64_t draw_word(struct draw *d);
void draw_emit(struct draw_out *b, uint32_t word);
/* Where an access may be aimed: so that 64 bytes either way stay in a scratch. */
uint64_t draw_target(struct draw *d, unsigned align);
/* Register `rd` (31: SP) becomes `to`. SP goes by way of a general register that is then lost,
 * none of the two. */
void draw_point(struct draw_out *b, unsigned rd, uint64_t to, unsigned not1, unsigned not2);
/* One instruction and what it needs before it; branches go over some more such. Nothing is emitted
 * when the block has no room for it. */
void draw_group(struct draw_out *b, bool branches);

#endif
