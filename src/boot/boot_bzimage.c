// SPDX-License-Identifier: MIT
/*
 * boot_bzimage.c - Linux's x86 boot image, by the 64-bit boot protocol.
 *
 * Follows Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header" and "64-bit Boot
 * Protocol". The real-mode part is not loaded: its header goes into the zero page. How the kernel is
 * compressed inside is its own business.
 */
#include "boot_int.h"

#include <errno.h>

/* Offsets in the file and in the zero page. */
#define HDR_SETUP_SECTS 0x1f1
#define HDR_BOOT_FLAG   0x1fe
#define HDR_JUMP_LEN    0x201 /* the header ends this far after 0x202 */
#define HDR_VERSION     0x206
#define HDR_INITRD_MAX  0x22c
#define HDR_ALIGNMENT   0x230
#define HDR_RELOCATABLE 0x234
#define HDR_XLOADFLAGS  0x236
#define HDR_CMDLINE_LEN 0x238
#define HDR_PREF        0x258
#define HDR_INIT_SIZE   0x260
#define HDR_MIN_END     0x264 /* of a header that has all of these */
#define HDR_MAX_END     0x290 /* the zero page's room for it */

#define PROTOCOL_2_12 0x20c
#define XLF_KERNEL_64 BIT(0)
#define ENTRY_64      0x200 /* from the start of the protected-mode part */

static int bzimage_check(struct boot_ctx *c, const struct boot_file *f, const uint8_t *h,
                         uint64_t n)
{
    if (n < HDR_MAX_END)
        return err_set(c->err, ERR_IMAGE, ENODATA,
                       "%s: bzImage: is truncated: has %" PRIu64
                       " bytes, the header ends at %d",
                       f->path, n, HDR_MAX_END);
    unsigned version = le16_get(h + HDR_VERSION);
    if (le16_get(h + HDR_BOOT_FLAG) != 0xaa55)
        return err_set(c->err, ERR_IMAGE, ENOEXEC,
                       "%s: bzImage: the boot flag is %#x, accepted is 0xaa55", f->path,
                       le16_get(h + HDR_BOOT_FLAG));
    if (version < PROTOCOL_2_12 || 0x202 + h[HDR_JUMP_LEN] < HDR_MIN_END)
        return err_set(c->err, ERR_IMAGE, ENOTSUP,
                       "%s: bzImage: is of boot protocol %u.%02u, accepted is 2.12 (Linux 3.8) and "
                       "later",
                       f->path, version >> 8, version & 0xff);
    if (!(le16_get(h + HDR_XLOADFLAGS) & XLF_KERNEL_64))
        return err_set(c->err, ERR_IMAGE, ENOTSUP,
                       "%s: bzImage: is a 32-bit kernel; 64-bit ones are accepted", f->path);
    return 0;
}

/* Its preferred address when that is free, else, if it can be moved, wherever it fits. */
static bool bzimage_place(struct boot_ctx *c, const uint8_t *h, uint64_t need, gpa_t *gpa)
{
    gpa_t pref = le64_get(h + HDR_PREF);
    uint64_t align = le32_get(h + HDR_ALIGNMENT);
    if (need <= mem_room(c->mem, pref) && !boot_is_used(c, pref, need)) {
        *gpa = pref;
        return true;
    }
    return h[HDR_RELOCATABLE] && align && !(align & (align - 1)) &&
           boot_place(c, X86_LOW_END, need, MAX(align, MEM_PAGE), gpa);
}

static int bzimage_limits(struct boot_ctx *c, const struct boot_file *f, const uint8_t *h)
{
    size_t len = c->p->cmdline ? strlen(c->p->cmdline) : 0;
    uint32_t max = le32_get(h + HDR_CMDLINE_LEN);
    if (len > max)
        return err_set(c->err, ERR_IMAGE, E2BIG,
                       "%s: the kernel command line has %zu bytes, this kernel takes up to %u",
                       f->path, len, max);
    return 0;
}

int boot_bzimage_load(struct boot_ctx *c, const struct boot_file *f, const uint8_t *head,
                      uint64_t n)
{
    struct boot_result *res = c->res;
    char ram[128];
    int rc = bzimage_check(c, f, head, n);
    rc = rc ? rc : bzimage_limits(c, f, head);
    if (rc)
        return rc;
    unsigned sects = head[HDR_SETUP_SECTS] ? head[HDR_SETUP_SECTS] : 4; /* boot.rst: 0 means 4 */
    uint64_t off = (sects + 1) * UINT64_C(512);
    if (off >= f->len || f->len - off <= ENTRY_64)
        return err_set(c->err, ERR_IMAGE, ENODATA,
                       "%s: bzImage: is truncated: has %" PRIu64
                       " bytes, the kernel begins at %" PRIu64,
                       f->path, f->len, off);
    uint64_t len = f->len - off, need = MAX(len, le32_get(head + HDR_INIT_SIZE));
    gpa_t gpa;
    if (need > mem_total(c->mem) || !bzimage_place(c, head, need, &gpa))
        return err_set(c->err, ERR_IMAGE, ENOMEM,
                       "%s: bzImage: needs %" PRIu64 " KiB, if possible at %#" PRIx64
                       "; RAM is %s; --mem gives more",
                       f->path, (need + 1023) >> 10, le64_get(head + HDR_PREF),
                       boot_ram_text(c, ram, sizeof ram));
    rc = boot_copy(c, f, off, gpa, len, "loading the kernel");
    if (rc)
        return rc;
    uint64_t end = MIN(0x202u + head[HDR_JUMP_LEN], HDR_MAX_END);
    mem_write(c->mem, X86_ZERO_PAGE + HDR_SETUP_SECTS, head + HDR_SETUP_SECTS,
              end - HDR_SETUP_SECTS);
    boot_use(c, gpa, need);
    res->kind = IMAGE_BZIMAGE;
    res->kind_name = "bzImage";
    res->start = (struct cpu_start){.mode = CPU_X86_LONG, .entry = gpa + ENTRY_64};
    res->load_gpa = gpa;
    res->load_len = need;
    res->file_len = f->len;
    return 0;
}
