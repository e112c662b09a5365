// SPDX-License-Identifier: MIT
/*
 * boot.c - what goes where: the image, the initramfs, the device tree.
 *
 * Placement follows what guests made for QEMU's `virt` meet (QEMU docs/system/arm/virt.rst,
 * "Hardware configuration information for bare-metal programming") and arm64 booting.rst §2: the
 * initramfs at half of RAM or 128 MiB, whichever is lower, if the image leaves that free; the
 * device tree after it. An ELF, a firmware and a raw image find it at the start of RAM when that is
 * free.
 */
#include "boot_int.h"

#include <errno.h>
#include <stdio.h>

#include "vmm/cpio.h"
#include "vmm/log.h"

#define BOOT_INITRD_MAX_OFF MIB(128)
#define BOOT_STEP           MIB(8)   /* between calls of the progress display */
#define BOOT_MAP_UNIT       KIB(64)  /* a multiple of every host's page */
#define BOOT_SMALL          KIB(256) /* less than this is loaded faster into 4 KiB pages */

/* ---- places ---- */

void boot_use(struct boot_ctx *c, gpa_t base, uint64_t len)
{
    if (len && c->n_used < ARRAY_LEN(c->used))
        c->used[c->n_used++] = (struct boot_span){base, len};
}

static const struct boot_span *boot_used(const struct boot_ctx *c, gpa_t base, uint64_t len)
{
    /* all are inside RAM regions, which end below 2^64: no sum wraps */
    for (unsigned i = 0; i < c->n_used; i++)
        if (base < c->used[i].base + c->used[i].len && c->used[i].base < base + len)
            return &c->used[i];
    return NULL;
}

bool boot_is_used(const struct boot_ctx *c, gpa_t base, uint64_t len)
{
    return boot_used(c, base, len) != NULL;
}

bool boot_place(const struct boot_ctx *c, gpa_t from, uint64_t len, uint64_t align, gpa_t *gpa)
{
    for (unsigned i = 0; i < c->mem->n; i++) {
        const struct mem_region *r = &c->mem->regions[i];
        gpa_t at = align_up(MAX(r->base, from), align);
        while (at >= r->base && at - r->base <= r->size && len <= r->size - (at - r->base)) {
            const struct boot_span *s = boot_used(c, at, len);
            if (!s) {
                *gpa = at;
                return true;
            }
            at = align_up(s->base + s->len, align);
        }
    }
    return false;
}

const char *boot_ram_text(const struct boot_ctx *c, char *buf, size_t len)
{
    size_t at = 0;
    buf[0] = 0;
    for (unsigned i = 0; i < c->mem->n && at < len; i++) {
        const struct mem_region *r = &c->mem->regions[i];
        int n = snprintf(buf + at, len - at, "%s%#" PRIx64 "-%#" PRIx64, i ? ", " : "", r->base,
                         r->base + (r->size - 1));
        at += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

void boot_progress(const struct boot_ctx *c, const char *what, uint64_t done, uint64_t total)
{
    if (c->p->progress)
        c->p->progress(c->p->progress_ctx, what, done, total);
}

int boot_copy(struct boot_ctx *c, const struct boot_file *f, uint64_t off, gpa_t gpa, uint64_t len,
              const char *what)
{
    uint8_t *hva = mem_hva(c->mem, gpa, len);
    uint64_t from = 0; /* what is mapped before it */
    int rc = 0;
    if (f->map && f->fd >= 0 && len > BOOT_SMALL) {
        uint64_t whole = align_down(len, BOOT_MAP_UNIT);
        if (mem_map_file(c->mem, gpa, whole, f->fd, f->base + off)) {
            c->res->mapped_len += whole;
            from = whole;
        }
    }
    if (len - from > BOOT_SMALL)
        mem_huge(c->mem);
    for (uint64_t done = from; !rc && done < len;) {
        uint64_t step = MIN(len - done, BOOT_STEP);
        rc = boot_file_read(f, off + done, hva + done, step, c->err);
        done += step;
        if (len > BOOT_STEP)
            boot_progress(c, what, done, len);
    }
    mem_written(c->mem, gpa + from, len - from);
    return rc;
}

/* ---- raw and firmware ---- */

int boot_raw_load(struct boot_ctx *c, const struct boot_file *f)
{
    const struct boot_params *p = c->p;
    struct boot_result *res = c->res;
    gpa_t at = c->has_raw ? c->raw_load : c->mem->regions[0].base + p->board->raw_off;
    gpa_t entry = c->has_raw ? c->raw_entry : at;
    const char *said = p->fit ? "load address" : "--entry";
    uint64_t room = mem_room(c->mem, at);
    char ram[128];
    if (!room)
        return err_set(c->err, ERR_IMAGE, ERANGE, "%s: %s %#" PRIx64 " is outside RAM, which is %s",
                       f->path, c->has_raw ? said : "its place", at,
                       boot_ram_text(c, ram, sizeof ram));
    bool x86 = p->board->arch == ARCH_X86_64;
    if (x86 && at >= X86_LOW_END)
        return err_set(c->err, ERR_IMAGE, ERANGE,
                       "%s: %s %#" PRIx64 " is not below %#" PRIx64 ", where real-mode code begins",
                       f->path, said, at, X86_LOW_END);
    if (x86 && (p->initrd || (p->fit && p->fit->parts[FIT_RAMDISK].name)))
        return err_set(c->err, ERR_IMAGE, EINVAL,
                       "%s: nothing tells real-mode code of an initramfs; --initrd goes with a "
                       "bzImage or an ELF",
                       f->path);
    if (!x86 && entry % 4)
        return err_set(c->err, ERR_IMAGE, EINVAL,
                       "%s: %s %#" PRIx64 " is no multiple of 4, which ARM64 code needs", f->path,
                       p->fit ? "entry" : said, entry);
    if (entry < at || entry - at >= f->len)
        return err_set(c->err, ERR_IMAGE, ERANGE,
                       "%s: entry %#" PRIx64 " is not in the %" PRIu64 " bytes from %#" PRIx64,
                       f->path, entry, f->len, at);
    if (f->len > room)
        return err_set(c->err, ERR_IMAGE, EFBIG,
                       "%s: has %" PRIu64 " bytes, RAM from %#" PRIx64 " has %" PRIu64
                       "; --mem gives more",
                       f->path, f->len, at, room);
    int rc = boot_copy(c, f, 0, at, f->len, "loading the binary");
    boot_use(c, at, f->len);
    res->kind = IMAGE_RAW;
    res->kind_name = "raw";
    res->start.entry = entry;
    res->load_gpa = at;
    res->load_len = res->file_len = f->len;
    res->arg_dtb = !x86;
    res->start.mode = x86 ? CPU_X86_REAL : CPU_ARM64;
    return rc;
}

static int boot_firmware_load(struct boot_ctx *c, const struct boot_file *f)
{
    const struct boot_params *p = c->p;
    struct boot_result *res = c->res;
    uint8_t head[BOOT_HEAD];
    uint64_t n = MIN(f->len, sizeof head);
    if (!p->flash)
        return err_set(c->err, ERR_IMAGE, ENODEV, "%s: board %s has no flash for a firmware",
                       f->path, p->board->name);
    if (f->len > p->flash_size)
        return err_set(c->err, ERR_IMAGE, EFBIG,
                       "%s: has %" PRIu64 " bytes, the flash of board %s has %" PRIu64, f->path,
                       f->len, p->board->name, p->flash_size);
    int rc = boot_file_read(f, 0, head, n, c->err);
    if (rc)
        return rc;
    struct boot_seen seen = boot_recognise(head, n);
    if (seen.format == BOOT_ELF64 || seen.format == BOOT_GZIP || seen.packed)
        return err_set(c->err, ERR_IMAGE, ENOEXEC,
                       "%s: is %s; --firmware takes the flash's own bytes, such as u-boot.bin",
                       f->path, seen.name);
    rc = boot_file_read(f, 0, p->flash, f->len, c->err);
    res->kind = IMAGE_FIRMWARE;
    res->kind_name = "firmware";
    res->start.entry = res->load_gpa = p->flash_base;
    res->load_len = res->file_len = f->len;
    return rc;
}

/* ---- an image of any recognised kind ---- */

int boot_image_load(struct boot_ctx *c, struct boot_file *f)
{
    uint8_t head[BOOT_HEAD];
    uint64_t n = MIN(f->len, sizeof head);
    int rc = boot_file_read(f, 0, head, n, c->err);
    if (rc)
        return rc;
    struct boot_seen seen = boot_recognise(head, n);
    bool unknown = seen.format == BOOT_UNKNOWN || (seen.format == BOOT_REFUSED && !c->p->fit);
    if (c->has_raw && unknown)
        return seen.packed ? boot_refuse(f, &seen, "", head, n, c->p->board, c->err)
                           : boot_raw_load(c, f);
    if (c->p->has_entry)
        return err_set(c->err, ERR_IMAGE, EINVAL,
                       "%s: is %s, which has its own entry point; --entry goes with raw code, "
                       "given as --binary %s",
                       f->path, seen.name, f->path);
    if (boot_foreign(&seen, c->p->board))
        return boot_refuse(f, &seen, "", head, n, c->p->board, c->err);
    if (c->p->board->arch == ARCH_X86_64)
        boot_x86_reserve(c);
    switch (seen.format) {
    case BOOT_ELF64:
        return boot_elf_load(c, f, head);
    case BOOT_ARM64:
        return boot_arm64_load(c, f, head, n, NULL);
    case BOOT_BZIMAGE:
        return boot_bzimage_load(c, f, head, n);
    case BOOT_GZIP:
        return boot_gzip_load(c, f, "gzip");
    case BOOT_ZBOOT:
        return boot_zboot_load(c, f, head, n);
    case BOOT_UNKNOWN:
    case BOOT_TREE:
    case BOOT_REFUSED:
        break;
    }
    return boot_refuse(f, &seen, "", head, n, c->p->board, c->err);
}

/* ---- initramfs and device tree ---- */

/* Where an initramfs likes to be: in the image's RAM region, well above a kernel that grows. */
static gpa_t boot_initrd_from(const struct boot_ctx *c)
{
    const struct mem_region *r = &c->mem->regions[0];
    for (unsigned i = 0; i < c->mem->n; i++)
        if (c->res->start.entry >= c->mem->regions[i].base)
            r = &c->mem->regions[i];
    if (c->res->kind == IMAGE_FIRMWARE)
        r = &c->mem->regions[0];
    return r->base + MIN(r->size / 2, BOOT_INITRD_MAX_OFF);
}

/* Room for it, which is used from then on. */
static int boot_initrd_place(struct boot_ctx *c, const char *path, uint64_t len)
{
    gpa_t gpa = 0;
    if (!boot_place(c, boot_initrd_from(c), len, MEM_PAGE, &gpa) &&
        !boot_place(c, 0, len, MEM_PAGE, &gpa))
        return err_set(c->err, ERR_IMAGE, ENOMEM,
                       "%s: the initramfs of %" PRIu64 " KiB does not fit in the %" PRIu64
                       " MiB of RAM beside the image of %" PRIu64 " KiB; --mem gives more",
                       path, (len + 1023) >> 10, mem_total(c->mem) >> 20,
                       (c->res->load_len + 1023) >> 10);
    boot_use(c, gpa, len);
    c->res->initrd_gpa = gpa;
    c->res->initrd_len = len;
    return 0;
}

/* One that is made now, straight into RAM. */
static int boot_initramfs_make(struct boot_ctx *c)
{
    uint64_t len = cpio_len(c->p->initramfs);
    int rc = boot_initrd_place(c, c->p->image, len);
    if (rc)
        return rc;
    if (len > BOOT_SMALL)
        mem_huge(c->mem);
    gpa_t gpa = c->res->initrd_gpa;
    rc = cpio_write(c->p->initramfs, mem_hva(c->mem, gpa, len), c->err);
    mem_written(c->mem, gpa, len);
    return rc;
}

/* The one of --initrd, else the appliance's. */
static int boot_initrd_load(struct boot_ctx *c)
{
    if (c->p->initramfs)
        return boot_initramfs_make(c);
    const struct fit *fit = c->p->fit;
    struct boot_file f;
    uint64_t max = mem_total(c->mem);
    int rc = c->p->initrd ? boot_file_open(&f, c->p->initrd, max, c->err)
                          : boot_fit_file(fit, &fit->parts[FIT_RAMDISK], max, &f, c->err);
    if (rc)
        return rc;
    rc = boot_initrd_place(c, f.path, f.len);
    if (!rc)
        rc = boot_copy(c, &f, 0, c->res->initrd_gpa, f.len, "loading the initramfs");
    boot_file_close(&f);
    return rc;
}

static int boot_dtb_place(struct boot_ctx *c, const char *path)
{
    struct boot_result *res = c->res;
    uint64_t room = c->p->dtb_room;
    gpa_t start = c->mem->regions[0].base;
    if (!room)
        return 0;
    bool low =
        res->kind != IMAGE_ARM64 && mem_hva(c->mem, start, room) && !boot_is_used(c, start, room);
    if (low) {
        res->dtb_gpa = start;
    } else if (!res->arg_dtb) {
        /* nobody could find it elsewhere */
        res->hint = "there is no device tree: the image lies at the start of RAM, its place";
        return 0;
    } else if (!boot_place(
                   c, res->initrd_len ? res->initrd_gpa + res->initrd_len : boot_initrd_from(c),
                   room, MEM_PAGE, &res->dtb_gpa) &&
               !boot_place(c, 0, room, MEM_PAGE, &res->dtb_gpa)) {
        return err_set(c->err, ERR_IMAGE, ENOMEM,
                       "%s: the device tree of %" PRIu64 " bytes does not fit in the %" PRIu64
                       " MiB of RAM beside the image of %" PRIu64 " KiB; --mem gives more",
                       path, room, mem_total(c->mem) >> 20, (res->load_len + 1023) >> 10);
    }
    res->has_dtb = true;
    boot_use(c, res->dtb_gpa, room);
    return 0;
}

static void boot_log(const struct boot_result *res, const char *path)
{
    log_at(LOG_INFO, "%s: %s%s%s at %#" PRIx64 "+%#" PRIx64 ", entry %#" PRIx64, path,
           res->kind_name, *res->packing ? " in " : "", res->packing, res->load_gpa, res->load_len,
           res->start.entry);
    if (res->initrd_len)
        log_at(LOG_INFO, "initramfs at %#" PRIx64 "+%#" PRIx64, res->initrd_gpa, res->initrd_len);
    if (res->has_dtb)
        log_at(LOG_INFO, "device tree at %#" PRIx64, res->dtb_gpa);
}

int boot_load(const struct boot_params *p, struct guest_mem *mem, struct boot_result *res,
              struct err *err)
{
    struct boot_ctx c = {.p = p, .mem = mem, .res = res, .err = err};
    const char *path = p->firmware ? p->firmware : p->binary ? p->binary : p->image;
    struct boot_file f = {.fd = -1};
    *res = (struct boot_result){.kind_name = "", .packing = ""};
    if (!path)
        return err_set(err, ERR_HOST, EINVAL, "no image was given");
    if (p->firmware && (p->binary || p->image))
        return err_set(err, ERR_HOST, EINVAL, "--firmware %s and %s: one of them can be booted",
                       p->firmware, p->binary ? p->binary : p->image);
    c.has_raw = p->has_entry;
    c.raw_load = c.raw_entry = p->entry;
    int rc = p->fit ? 0 : boot_file_open(&f, path, mem_total(mem), err);
    if (rc)
        return rc;
    if (p->board->arch == ARCH_X86_64)
        boot_x86_begin(&c);
    rc = p->fit        ? boot_fit_load(&c)
         : p->firmware ? boot_firmware_load(&c, &f)
         : p->binary   ? boot_raw_load(&c, &f)
                       : boot_image_load(&c, &f);
    boot_file_close(&f);
    if (!rc && (p->initrd || p->initramfs || (p->fit && p->fit->parts[FIT_RAMDISK].name)))
        rc = boot_initrd_load(&c);
    if (!rc)
        rc = p->board->arch == ARCH_X86_64 ? boot_x86_finish(&c, path) : boot_dtb_place(&c, path);
    if (rc)
        boot_fini(res);
    else
        boot_log(res, path);
    return rc;
}
