// SPDX-License-Identifier: MIT
/*
 * acpi_make.c - the ACPI tables of a board, at build time.
 *
 * Follows ACPI 6.4: RSDP (§5.2.5), XSDT (§5.2.8), FADT of a hardware-reduced platform (§5.2.9), MADT
 * (§5.2.12), DSDT (§5.2.11.1) in AML (§20.2). The DSDT names the serial port, the clock, `sysctl` and the
 * virtio windows with their resources (§6.4), and how to switch off (\_S5). Nothing else: no PCI,
 * no ACPI timer, no events.
 */
#include "acpi_int.h"

#include <errno.h>
#include <stdio.h>

struct acpi_buf {
    uint8_t *p;
    size_t len, cap;
    bool full;
};

static void put(struct acpi_buf *b, const void *data, size_t len)
{
    if (len > b->cap - b->len) {
        b->full = true;
        return;
    }
    memcpy(b->p + b->len, data, len);
    b->len += len;
}

static void put8(struct acpi_buf *b, unsigned v)
{
    uint8_t byte = (uint8_t)v;
    put(b, &byte, 1);
}

static void put16(struct acpi_buf *b, unsigned v)
{
    put8(b, v);
    put8(b, v >> 8);
}

static void put32(struct acpi_buf *b, uint64_t v)
{
    put16(b, (unsigned)v);
    put16(b, (unsigned)(v >> 16));
}

static void put64(struct acpi_buf *b, uint64_t v)
{
    put32(b, v);
    put32(b, v >> 32);
}

/* ---- tables ---- */

/* A header; the length and the checksum follow in sdt_end(). Returns the table's offset. */
static size_t sdt_begin(struct acpi_buf *b, const char *signature, unsigned revision)
{
    while (b->len % 16 && !b->full)
        put8(b, 0);
    size_t at = b->len;
    put(b, signature, 4);
    put32(b, 0);
    put8(b, revision);
    put8(b, 0);
    put(b, "VIBVMM", 6);
    put(b, "VIBE-VMM", 8);
    put32(b, 1);
    put(b, "VVMM", 4);
    put32(b, 1);
    return at;
}

static gpa_t sdt_end(struct acpi_buf *b, size_t at)
{
    if (!b->full) {
        size_t len = b->len - at;
        le32_put(b->p + at + SDT_LEN, (uint32_t)len);
        b->p[at + SDT_CHECKSUM] = acpi_checksum(b->p + at, len, SDT_CHECKSUM);
    }
    return ACPI_GPA + at;
}

static void rsdp_put(uint8_t p[RSDP_LEN], gpa_t xsdt)
{
    memset(p, 0, RSDP_LEN);
    memcpy(p, "RSD PTR ", 8);
    memcpy(p + 9, "VIBVMM", 6);
    p[15] = 2;
    le32_put(p + 20, RSDP_LEN);
    le64_put(p + RSDP_XSDT, xsdt);
    p[8] = acpi_checksum(p, 20, 8);
    p[32] = acpi_checksum(p, RSDP_LEN, 32);
}

/* ---- AML ---- */

/* §20.2.4, always the form of two bytes. */
static size_t pkg_begin(struct acpi_buf *b)
{
    put16(b, 0);
    return b->len - 2;
}

static void pkg_end(struct acpi_buf *b, size_t at)
{
    size_t len = b->len - at;
    if (len > 0xfff)
        b->full = true;
    if (b->full)
        return;
    b->p[at] = (uint8_t)(0x40 | (len & 15));
    b->p[at + 1] = (uint8_t)(len >> 4);
}

static void aml_name(struct acpi_buf *b, const char *name)
{
    put8(b, 0x08); /* NameOp */
    put(b, name, 4);
}

static void aml_byte(struct acpi_buf *b, unsigned v)
{
    put8(b, 0x0a); /* BytePrefix */
    put8(b, v);
}

static void aml_string(struct acpi_buf *b, const char *s)
{
    put8(b, 0x0d); /* StringPrefix */
    put(b, s, strlen(s) + 1);
}

/* A PNP ID of three letters and four digits, packed as §19.3.4 (EISAID) says. */
static void aml_eisaid(struct acpi_buf *b, const char *letters, unsigned digits)
{
    unsigned v = (unsigned)(letters[0] & 31) << 10 | (unsigned)(letters[1] & 31) << 5 |
                 (unsigned)(letters[2] & 31);
    put8(b, 0x0c); /* DWordPrefix */
    put8(b, v >> 8);
    put8(b, v);
    put8(b, digits >> 8);
    put8(b, digits);
}

/* What a device uses, as a resource template in a buffer (§6.4). */
static void aml_resources(struct acpi_buf *b, const struct board_dev *d)
{
    aml_name(b, "_CRS");
    put8(b, 0x11); /* BufferOp */
    size_t at = pkg_begin(b);
    aml_byte(b, 0);
    size_t size = b->len - 1, begin = b->len;
    if (board_kind_ports(d->kind)) {
        put8(b, 0x47); /* I/O ports, §6.4.2.5; 16 bits are decoded */
        put8(b, 1);
        put16(b, (unsigned)d->base);
        put16(b, (unsigned)d->base);
        put8(b, 1);
        put8(b, (unsigned)d->size);
    } else {
        put8(b, 0x86); /* 32-bit fixed memory, §6.4.3.4; read and write */
        put16(b, 9);
        put8(b, 1);
        put32(b, d->base);
        put32(b, d->size);
    }
    if (d->irq != BOARD_NO_IRQ) {
        put8(b, 0x89); /* extended interrupt, §6.4.3.6: consumer, level, active high, exclusive */
        put16(b, 6);
        put8(b, 1);
        put8(b, 1);
        put32(b, (unsigned)d->irq);
    }
    put8(b, 0x79); /* end; a checksum of 0 is not checked */
    put8(b, 0);
    if (!b->full)
        b->p[size] = (uint8_t)(b->len - begin);
    pkg_end(b, at);
}

/* The devices that a guest's drivers find by ID. */
static const struct acpi_id {
    enum dev_kind kind;
    const char *name;   /* %u: number among its kind */
    const char *hid;    /* or NULL: PNP and */
    unsigned pnp;
} acpi_ids[] = {
    {DEV_UART16550, "COM%u", NULL,       0x0501},
    {DEV_CMOS,      "RTC%u", NULL,       0x0b00},
    {DEV_VIRTIO,    "VIR%u", "LNRO0005", 0     },
    {DEV_SYSCTL,    "SYS%u", "VIBE0001", 0     },
};

static void aml_device(struct acpi_buf *b, const struct acpi_id *id, const struct board_dev *d,
                       unsigned number)
{
    char name[8];
    snprintf(name, sizeof name, id->name, number % 10);
    put16(b, 0x825b); /* DeviceOp */
    size_t at = pkg_begin(b);
    put(b, name, 4);
    aml_name(b, "_HID");
    if (id->hid)
        aml_string(b, id->hid);
    else
        aml_eisaid(b, "PNP", id->pnp);
    aml_name(b, "_UID");
    aml_byte(b, number);
    aml_resources(b, d);
    pkg_end(b, at);
}

static gpa_t dsdt_make(struct acpi_buf *b, const struct board *board)
{
    size_t table = sdt_begin(b, "DSDT", 2);
    aml_name(b, "_S5_");
    put8(b, 0x12); /* PackageOp */
    size_t at = pkg_begin(b);
    put8(b, 2);
    aml_byte(b, ACPI_SLP_TYP_S5);
    aml_byte(b, 0);
    pkg_end(b, at);
    put8(b, 0x10); /* ScopeOp */
    at = pkg_begin(b);
    put(b, "\\_SB_", 5);
    for (unsigned k = 0; k < ARRAY_LEN(acpi_ids); k++)
        for (unsigned i = 0, n = 0; i < board->n_devs; i++)
            if (board->devs[i].kind == acpi_ids[k].kind)
                aml_device(b, &acpi_ids[k], &board->devs[i], n++);
    pkg_end(b, at);
    return sdt_end(b, table);
}

/* ---- FADT and MADT ---- */

/* A generic address of one byte at an I/O port (§5.2.3.2). */
static void gas_put(uint8_t *p, uint64_t port)
{
    p[0] = 1; /* system I/O */
    p[1] = 8;
    p[3] = 1; /* accessed as a byte */
    le64_put(p + 4, port);
}

enum {
    BOOT_LEGACY_DEVICES = BIT(0), /* IAPC_BOOT_ARCH, §5.2.9.3: a serial port and a clock */
    BOOT_NO_VGA = BIT(2),
    BOOT_NO_MSI = BIT(3),
    FADT_WBINVD = BIT(0), /* flags, table 5.10 */
    FADT_NO_PWR_BUTTON = BIT(4),
    FADT_NO_SLP_BUTTON = BIT(5),
    FADT_RESET_REG = BIT(10),
    FADT_HW_REDUCED = BIT(20)
};

#define FADT_LEN 276

static gpa_t fadt_make(struct acpi_buf *b, gpa_t dsdt, const struct board_dev *sleep,
                       const struct board_dev *i8042)
{
    uint8_t p[FADT_LEN] = {0};
    size_t at = sdt_begin(b, "FACP", 6);
    le32_put(p + 40, (uint32_t)dsdt);
    le16_put(p + 109, BOOT_LEGACY_DEVICES | BOOT_NO_VGA | BOOT_NO_MSI);
    le32_put(p + 112, FADT_WBINVD | FADT_NO_PWR_BUTTON | FADT_NO_SLP_BUTTON | FADT_RESET_REG |
                          FADT_HW_REDUCED);
    gas_put(p + 116, i8042->base + 4);
    p[128] = 0xfe; /* pulse the reset line */
    p[131] = 4;    /* minor version */
    le64_put(p + 140, dsdt);
    gas_put(p + 244, sleep->base);
    gas_put(p + 256, sleep->base + 1);
    memcpy(p + 268, "VIBEVMM", 7);
    put(b, p + SDT_HEADER, sizeof p - SDT_HEADER);
    return sdt_end(b, at);
}

static gpa_t madt_make(struct acpi_buf *b, const struct board *board, gpa_t lapic, gpa_t ioapic)
{
    size_t at = sdt_begin(b, "APIC", 5);
    put32(b, lapic);
    put32(b, 1); /* PCAT_COMPAT: two 8259 too */
    put16(b, 12 << 8 | 1); /* I/O APIC, §5.2.12.3 */
    put16(b, 0);
    put32(b, ioapic);
    put32(b, 0); /* its first GSI */
    for (unsigned i = 0; i < board->cpus_max; i++) {
        put16(b, MADT_LAPIC_LEN << 8);
        put8(b, i);
        put8(b, i);
        put32(b, 1); /* enabled */
    }
    return sdt_end(b, at);
}

static const struct board_dev *acpi_row(const struct board *board, enum dev_kind kind,
                                        struct err *err)
{
    for (unsigned i = 0; i < board->n_devs; i++)
        if (board->devs[i].kind == kind)
            return &board->devs[i];
    err_set(err, ERR_HOST, EINVAL, "board %s: its ACPI tables need a row of kind %s", board->name,
            board_kind_name(kind));
    return NULL;
}

int acpi_make(const struct board *board, void *buf, size_t cap, size_t *len, struct err *err)
{
    struct acpi_buf b = {.p = buf, .cap = cap};
    uint8_t rsdp[RSDP_LEN] = {0};
    const struct board_dev *sleep = acpi_row(board, DEV_ACPI_SLEEP, err);
    const struct board_dev *i8042 = acpi_row(board, DEV_I8042, err);
    const struct board_dev *ioapic = acpi_row(board, DEV_IOAPIC, err);
    const struct board_dev *lapic = acpi_row(board, DEV_LAPIC, err);
    if (!sleep || !i8042 || !ioapic || !lapic)
        return -EINVAL;
    put(&b, rsdp, sizeof rsdp);
    gpa_t dsdt = dsdt_make(&b, board);
    gpa_t tables[] = {
        fadt_make(&b, dsdt, sleep, i8042),
        madt_make(&b, board, lapic->base, ioapic->base),
    };
    size_t xsdt = sdt_begin(&b, "XSDT", 1);
    for (unsigned i = 0; i < ARRAY_LEN(tables); i++)
        put64(&b, tables[i]);
    gpa_t at = sdt_end(&b, xsdt);
    if (b.full)
        return err_set(err, ERR_HOST, ENOSPC, "board %s: its ACPI tables take more than %zu bytes",
                       board->name, cap);
    rsdp_put(buf, at);
    *len = b.len;
    return 0;
}
