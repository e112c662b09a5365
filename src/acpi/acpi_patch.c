// SPDX-License-Identifier: MIT
/*
 * acpi_patch.c - what a run changes in the board's ACPI tables.
 */
#include "acpi_int.h"

size_t acpi_len(const uint8_t *tables)
{
    size_t xsdt = (size_t)(le64_get(tables + RSDP_XSDT) - ACPI_GPA); /* the last table */
    return xsdt + le32_get(tables + xsdt + SDT_LEN);
}

/* A CPU's entry that the MADT does not reach is no CPU: Linux would keep room for a disabled one. */
void acpi_patch(uint8_t *tables, unsigned cpus_max, unsigned cpus)
{
    size_t xsdt = (size_t)(le64_get(tables + RSDP_XSDT) - ACPI_GPA);
    uint32_t len = le32_get(tables + xsdt + SDT_LEN);
    for (uint32_t at = SDT_HEADER; at + 8 <= len; at += 8) {
        uint8_t *t = tables + (le64_get(tables + xsdt + at) - ACPI_GPA);
        if (memcmp(t, "APIC", 4))
            continue;
        uint32_t cut = le32_get(t + SDT_LEN) - (cpus_max - cpus) * MADT_LAPIC_LEN;
        le32_put(t + SDT_LEN, cut);
        t[SDT_CHECKSUM] = acpi_checksum(t, cut, SDT_CHECKSUM);
    }
}
