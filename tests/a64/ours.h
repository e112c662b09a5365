// SPDX-License-Identifier: MIT
/*
 * ours.h - the software CPU's side of the differential tester: a machine that runs blocks at EL0.
 */
#ifndef TESTS_A64_OURS_H
#define TESTS_A64_OURS_H

#include "tests/a64/proto.h"

/* Makes the one machine; false (with a message on stderr) when it cannot. */
int ours_init(void);

/* New code for the area. */
void ours_code(const void *code, uint32_t len);

/* Runs a block from `s`; `s` is then what it left. */
void ours_run(struct state *s);

#endif
