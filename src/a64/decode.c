// SPDX-License-Identifier: MIT
/*
 * decode.c - from an instruction word to its row of the table, and to a slot that can be executed.
 *
 * The table and the lists searched here are made from the .def files by gen.c (a64.def tells the
 * format).
 */
#define A64_TABLE_ROWS
#include "src/a64/cpu.h"

#include "a64_table.h"

const struct a64_insn *a64_decode(uint32_t insn)
{
    unsigned at = a64_top[insn >> 21];
    if (at & 0x8000)
        at = a64_split[(at & 0x7fff) * 64 + (insn >> 10 & 63)];
    for (; a64_lists[at]; at++) {
        const struct a64_candidate *c = &a64_candidates[a64_lists[at] - 1];
        if ((insn & c->mask) == c->value)
            return &a64_insns[c->row];
    }
    return NULL;
}

void a64_predecode(struct a64_op *op, uint32_t insn)
{
    const struct a64_insn *row = a64_decode(insn);
    struct a64_op new = {.fn = a64_undef, .insn = insn};
    if (row && row->decode) {
        new.insn = 0;
        row->decode(&new, insn);
    } else if (row) {
        new.fn = row->exec;
    }
    /* Another CPU may be about to run the slot: it sees the old handler or all of the new slot. */
    op->rd = new.rd;
    op->rn = new.rn;
    op->rm = new.rm;
    op->ra = new.ra;
    op->insn = new.insn;
    __atomic_store_n(&op->fn, new.fn, __ATOMIC_RELEASE);
}

a64_fn *a64_handler(uint32_t insn)
{
    struct a64_op op = {.fn = NULL};
    a64_predecode(&op, insn);
    return op.fn;
}
