// SPDX-License-Identifier: MIT
/*
 * acpi_int.h - the layout that acpi_make.c writes and acpi_patch.c finds its way in.
 */
#ifndef ACPI_INT_H
#define ACPI_INT_H

#include "vmm/acpi.h"

#define RSDP_XSDT 24 /* offset of the XSDT's address (ACPI 6.4 §5.2.5.3) */
#define RSDP_LEN  36

#define SDT_HEADER   36 /* §5.2.6 */
#define SDT_LEN      4
#define SDT_CHECKSUM 9

#define MADT_LAPIC_LEN 8 /* §5.2.12.2; the MADT's last entries, one for each CPU in order */

/* The byte that makes the sum of all `len` bytes 0, when it stands for the one at `at`. */
static inline uint8_t acpi_checksum(const uint8_t *p, size_t len, size_t at)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + (i == at ? 0 : p[i]));
    return (uint8_t)-sum;
}

#endif
