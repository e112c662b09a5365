// SPDX-License-Identifier: MIT
/*
 * ours.h - the software CPU's side of the differential testers: machines that run blocks at EL0.
 */
#ifndef TESTS_A64_OURS_H
#define TESTS_A64_OURS_H

#include "tests/a64/proto.h"

#include "vmm/hv.h"

struct ours;

/*
 * Makes a machine; NULL (with a message on stderr) when it cannot. Where there is a JIT, an `eager`
 * one translates every instruction before it is executed, and keeps registers in the host's in
 * every other unit; else it does what it does for guests.
 */
struct ours *ours_new(enum hv_soft soft, bool eager);

/* New code for the area. */
void ours_code(struct ours *m, const void *code, uint32_t len);

/* Runs a block from `s`; `s` is then what it left. */
void ours_run(struct ours *m, struct state *s);

#endif
