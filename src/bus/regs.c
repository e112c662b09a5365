// SPDX-License-Identifier: MIT
/*
 * regs.c - registers that only hold bits: a table walked by three functions.
 */
#include "vmm/bus.h"

static uint32_t *regs_field(const struct reg_desc *row, const void *state)
{
    return (uint32_t *)(uintptr_t)((const char *)state + row->field);
}

static const struct reg_desc *regs_find(const struct reg_desc *rows, unsigned n, uint64_t off)
{
    for (unsigned i = 0; i < n; i++)
        if (rows[i].off == off)
            return &rows[i];
    return NULL;
}

uint32_t regs_read(const struct reg_desc *rows, unsigned n, const void *state, uint64_t off)
{
    const struct reg_desc *row = regs_find(rows, n, off);
    return row && row->access != REG_WO ? *regs_field(row, state) : 0;
}

void regs_write(const struct reg_desc *rows, unsigned n, void *state, uint64_t off, uint32_t val)
{
    const struct reg_desc *row = regs_find(rows, n, off);
    if (!row || row->access == REG_RO)
        return;
    uint32_t *field = regs_field(row, state);
    *field = (*field & ~row->writable) | (val & row->writable);
}

void regs_reset(const struct reg_desc *rows, unsigned n, void *state)
{
    for (unsigned i = 0; i < n; i++)
        *regs_field(&rows[i], state) = rows[i].reset;
}
