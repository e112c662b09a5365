// SPDX-License-Identifier: MIT
/*
 * boot_arm64.c - Linux's ARM64 boot image ("Image").
 *
 * Follows Linux Documentation/arch/arm64/booting.rst §4, and for the check that a file is whole,
 * the section table that the EFI stub's PE header brings (PE format §3.3, §4).
 */
#include "boot_int.h"

#include <errno.h>

#define ARM64_HEADER      64
#define ARM64_TEXT_OFFSET 0x08
#define ARM64_IMAGE_SIZE  0x10
#define ARM64_FLAGS       0x18
#define ARM64_PE_OFFSET   0x3c
#define ARM64_FLAG_BE     BIT(0)
#define ARM64_OLD_OFFSET  0x80000 /* text_offset when image_size is 0: headers before Linux 3.17 */
#define ARM64_ALIGN       MIB(2)

/* One past the last byte that a PE section takes from the file; 0 without a PE header in the first
 * n bytes. */
static uint64_t boot_pe_end(const uint8_t *head, uint64_t n)
{
    uint64_t pe = le32_get(head + ARM64_PE_OFFSET), end = 0;
    if (memcmp(head, "MZ", 2) || pe > n || n - pe < 24 || memcmp(head + pe, "PE\0\0", 4))
        return 0;
    uint64_t row = pe + 24 + le16_get(head + pe + 20);
    for (unsigned i = le16_get(head + pe + 6); i && row + 40 <= n; i--, row += 40)
        end = MAX(end, (uint64_t)le32_get(head + row + 16) + le32_get(head + row + 20));
    return end;
}

/* From the gzip stream to RAM, to the end of the region at most. *len: bytes, head's n included. */
static int boot_arm64_inflate(struct boot_ctx *c, struct boot_gz *gz, const struct boot_file *f,
                              const uint8_t *head, uint64_t n, gpa_t gpa, uint64_t *len)
{
    uint64_t room = mem_room(c->mem, gpa), got = 0;
    uint8_t *hva = mem_hva(c->mem, gpa, room), one;
    int rc = 0;
    if (n > room)
        return err_set(c->err, ERR_IMAGE, ENOMEM, "%s: does not fit in RAM", f->path);
    mem_huge(c->mem);
    memcpy(hva, head, (size_t)n);
    *len = n;
    while (!rc && *len < room) {
        uint64_t step = MIN(room - *len, MIB(4));
        rc = boot_gz_read(gz, hva + *len, step, &got, c->err);
        *len += got;
        boot_progress(c, "unpacking the kernel", boot_gz_pos(gz), f->len);
        if (got < step)
            return rc;
    }
    if (!rc)
        rc = boot_gz_read(gz, &one, 1, &got, c->err);
    if (!rc && got)
        rc = err_set(c->err, ERR_IMAGE, EFBIG,
                     "%s: inflates to more than the %" PRIu64 " MiB of RAM from %#" PRIx64
                     "; --mem gives more",
                     f->path, room >> 20, gpa);
    return rc;
}

int boot_arm64_load(struct boot_ctx *c, const struct boot_file *f, const uint8_t *head, uint64_t n,
                    struct boot_gz *gz)
{
    struct boot_result *res = c->res;
    char ram[128];
    uint64_t len = gz ? n : f->len, size = 0;
    if (n < ARM64_HEADER)
        return err_set(c->err, ERR_IMAGE, ENODATA,
                       "%s: ARM64 Image: is truncated: has %" PRIu64
                       " bytes, the header alone is %d",
                       f->path, n, ARM64_HEADER);
    uint64_t flags = le64_get(head + ARM64_FLAGS), pe_end = boot_pe_end(head, n);
    uint64_t off = le64_get(head + ARM64_TEXT_OFFSET);
    size = le64_get(head + ARM64_IMAGE_SIZE);
    if (!size) {
        off = ARM64_OLD_OFFSET;
        flags = 0; /* they came with image_size */
    }
    if (flags & ARM64_FLAG_BE)
        return err_set(c->err, ERR_IMAGE, ENOTSUP,
                       "%s: is a big-endian ARM64 Image; little-endian is accepted", f->path);
    if (!gz && pe_end > len)
        return err_set(c->err, ERR_IMAGE, ENODATA,
                       "%s: ARM64 Image: is truncated: has %" PRIu64 " bytes of %" PRIu64, f->path,
                       len, pe_end);
    uint64_t total = mem_total(c->mem), need = MAX(size, len);
    gpa_t base = 0;
    /* A kernel with flag 3 clear wants the lowest 2 MiB boundary of RAM, one with it set takes any.
     */
    if (off > total || need > total || !boot_place(c, 0, off + need, ARM64_ALIGN, &base))
        return err_set(c->err, ERR_IMAGE, ENOMEM,
                       "%s: ARM64 Image: needs %" PRIu64 " KiB at %#" PRIx64
                       " above a 2 MiB boundary of RAM; RAM is %s; --mem gives more",
                       f->path, need >> 10, off, boot_ram_text(c, ram, sizeof ram));
    gpa_t gpa = base + off;
    int rc = gz ? boot_arm64_inflate(c, gz, f, head, n, gpa, &len)
                : boot_copy(c, f, 0, gpa, len, "loading the kernel");
    if (!rc && gz && pe_end > len)
        rc = err_set(c->err, ERR_IMAGE, ENODATA,
                     "%s: the ARM64 Image inside is truncated: has %" PRIu64 " bytes of %" PRIu64,
                     f->path, len, pe_end);
    if (rc)
        return rc;
    if (gz)
        mem_written(c->mem, gpa, len);
    boot_use(c, gpa, MAX(size, len));
    res->kind = IMAGE_ARM64;
    res->kind_name = "ARM64 Image";
    res->start.entry = res->load_gpa = gpa;
    res->load_len = MAX(size, len);
    res->file_len = len;
    res->arg_dtb = true;
    switch (bits_get(flags, 1, 2)) {
    case 2:
        res->hint = "the kernel is built for 16 KiB pages";
        break;
    case 3:
        res->hint = "the kernel is built for 64 KiB pages";
        break;
    }
    return 0;
}
