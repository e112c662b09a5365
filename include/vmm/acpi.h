// SPDX-License-Identifier: MIT
/*
 * acpi.h - ACPI tables of an x86 board, as far as Linux needs them for several CPUs and interrupts.
 *
 * Made at build time from the board's rows, for ACPI_GPA; each run copies them there and takes out
 * the CPUs it does not have. Reference: ACPI 6.4.
 */
#ifndef VMM_ACPI_H
#define VMM_ACPI_H

#include "vmm/board.h"
#include "vmm/err.h"

/* Where the tables are in guest memory, the RSDP first: in the BIOS area, where a guest without a
 * boot protocol looks for it on a 16-byte boundary (§5.2.5.1). */
#define ACPI_GPA UINT64_C(0xe0000)
#define ACPI_MAX KIB(64)

#define ACPI_SLP_TYP_S5 5 /* what the guest writes to switch the machine off (§7.4.2.6) */

/*
 * The tables of `board`, with cpus_max CPUs, into buf. Build time. -ENOSPC, or -EINVAL for a board
 * without a row that the tables need, with err filled.
 */
int acpi_make(const struct board *board, void *buf, size_t cap, size_t *len, struct err *err);

/* Bytes of the tables. */
size_t acpi_len(const uint8_t *tables);

/* In a copy of the tables: the first `cpus` of cpus_max CPUs. */
void acpi_patch(uint8_t *tables, unsigned cpus_max, unsigned cpus);

#endif
