// SPDX-License-Identifier: MIT
/*
 * board.c - finding boards and their rows, and where RAM is for a given --mem.
 */
#include "vmm/board.h"

static const char *const board_kind_names[DEV_KINDS] = {
    [DEV_PL011] = "pl011",
    [DEV_PL031] = "pl031",
    [DEV_PL061] = "pl061",
    [DEV_GICV3_DIST] = "gicv3-dist",
    [DEV_GICV3_REDIST] = "gicv3-redist",
    [DEV_CFI_FLASH] = "cfi-flash",
    [DEV_DEBUGCON] = "debugcon",
    [DEV_SYSCTL] = "sysctl",
    [DEV_VIRTIO] = "virtio-mmio",
    [DEV_UART16550] = "16550",
    [DEV_I8042] = "i8042",
    [DEV_CMOS] = "cmos",
    [DEV_ACPI_SLEEP] = "acpi-sleep",
    [DEV_DEBUG_EXIT] = "debug-exit",
    [DEV_I8259] = "i8259",
    [DEV_I8254] = "i8254",
    [DEV_IOAPIC] = "ioapic",
    [DEV_LAPIC] = "lapic",
};

const struct board *board_find(const char *name)
{
    for (unsigned i = 0; boards[i]; i++)
        if (!strcmp(boards[i]->name, name))
            return boards[i];
    return NULL;
}

const struct board_dev *board_dev_find(const struct board *board, const char *name)
{
    for (unsigned i = 0; i < board->n_devs; i++)
        if (!strcmp(board->devs[i].name, name))
            return &board->devs[i];
    return NULL;
}

const char *board_kind_name(enum dev_kind kind)
{
    return board_kind_names[kind];
}

bool board_kind_ports(enum dev_kind kind)
{
    return kind == DEV_UART16550 || kind == DEV_I8042 || kind == DEV_CMOS ||
           kind == DEV_ACPI_SLEEP || kind == DEV_DEBUG_EXIT || kind == DEV_I8259 ||
           kind == DEV_I8254;
}

uint64_t board_mem_max(const struct board *board)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < board->n_ram; i++)
        sum += board->ram[i].size;
    return sum;
}

unsigned board_ram_regions(const struct board *board, uint64_t mem, struct mem_region *out)
{
    unsigned n = 0;
    for (; n < board->n_ram && mem; n++) {
        uint64_t size = MIN(mem, board->ram[n].size);
        out[n] = (struct mem_region){board->ram[n].base, size, NULL};
        mem -= size;
    }
    return n;
}
