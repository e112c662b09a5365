// SPDX-License-Identifier: MIT
/*
 * test_acpi.c - the ACPI tables of board pc, by the numbers of ACPI 6.4. That they are well-formed AML is
 * iasl's to say (tests/all/acpi.t).
 */
#include <stdlib.h>

#include "tests/tap.h"
#include "vmm/acpi.h"

static const struct board *pc;
static uint8_t *tables;

static void setup(unsigned cpus)
{
    pc = board_find("pc");
    size_t len = acpi_len(pc->acpi);
    free(tables);
    tables = malloc(len);
    memcpy(tables, pc->acpi, len);
    acpi_patch(tables, pc->cpus_max, cpus);
}

static unsigned sum(const uint8_t *p, size_t len)
{
    uint8_t s = 0;
    while (len--)
        s = (uint8_t)(s + *p++);
    return s;
}

static uint8_t *at(uint64_t gpa)
{
    expect_true(gpa >= ACPI_GPA && gpa - ACPI_GPA < acpi_len(pc->acpi));
    return tables + (gpa - ACPI_GPA);
}

static uint8_t *find(const char *signature)
{
    uint8_t *xsdt = at(le64_get(tables + 24));
    for (uint32_t i = 36; i < le32_get(xsdt + 4); i += 8)
        if (!memcmp(at(le64_get(xsdt + i)), signature, 4))
            return at(le64_get(xsdt + i));
    expect_true(!"the table is there");
    return NULL;
}

static void the_rsdp_leads_to_whole_tables(void) /* §5.2.5.3, §5.2.6 */
{
    setup(3);
    expect_true(!memcmp(tables, "RSD PTR ", 8));
    expect_u64(sum(tables, 20), 0);
    expect_u64(sum(tables, 36), 0);
    uint8_t *xsdt = at(le64_get(tables + 24));
    expect_u64(sum(xsdt, le32_get(xsdt + 4)), 0);
    expect_true(acpi_len(pc->acpi) <= ACPI_MAX);
    uint8_t *fadt = find("FACP"), *dsdt = at(le64_get(fadt + 140));
    expect_u64(sum(fadt, le32_get(fadt + 4)), 0);
    expect_u64(sum(dsdt, le32_get(dsdt + 4)), 0);
    expect_u64(le32_get(fadt + 40), le64_get(fadt + 140));
}

static void the_fadt_names_the_rows(void) /* §5.2.9, table 5.9 */
{
    setup(1);
    uint8_t *fadt = find("FACP");
    expect_u64(le32_get(fadt + 4), 276);
    expect_u64(le32_get(fadt + 112) >> 20 & 1, 1); /* HW_REDUCED_ACPI */
    expect_u64(le32_get(fadt + 112) >> 10 & 1, 1); /* RESET_REG_SUP */
    expect_u64(le64_get(fadt + 120), board_dev_find(pc, "i8042")->base + 4);
    expect_u64(fadt[128], 0xfe);
    expect_u64(le64_get(fadt + 248), board_dev_find(pc, "power")->base);
    expect_u64(le64_get(fadt + 260), board_dev_find(pc, "power")->base + 1);
}

static void the_madt_has_the_cpus_of_the_run(void) /* §5.2.12 */
{
    for (unsigned cpus = 1; cpus <= 8; cpus++) {
        setup(cpus);
        uint8_t *madt = find("APIC");
        uint32_t len = le32_get(madt + 4);
        expect_u64(sum(madt, len), 0);
        expect_u64(le32_get(madt + 36), board_dev_find(pc, "lapic")->base);
        unsigned n = 0, ioapics = 0;
        for (uint32_t e = 44; e < len; e += madt[e + 1]) {
            if (madt[e] == 1) { /* §5.2.12.3 */
                ioapics++;
                expect_u64(le32_get(madt + e + 4), board_dev_find(pc, "ioapic")->base);
            } else { /* §5.2.12.2 */
                expect_u64(madt[e], 0);
                expect_u64(madt[e + 3], n++); /* APIC ID */
                expect_u64(le32_get(madt + e + 4), 1);
            }
        }
        expect_u64(ioapics, 1);
        expect_u64(n, cpus);
    }
}

static const struct tap_test tests[] = {
    TAP_TEST(the_rsdp_leads_to_whole_tables),
    TAP_TEST(the_fadt_names_the_rows),
    TAP_TEST(the_madt_has_the_cpus_of_the_run),
};
TAP_MAIN(tests)
