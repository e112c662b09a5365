// SPDX-License-Identifier: MIT
/*
 * boot_inspect.c - facts about an image of any kind (appliances: boot_fit_inspect.c).
 *
 * Sources of the layouts: those of the loaders beside this, and Linux
 * Documentation/arch/x86/boot.rst for kernel_version. Every number is bounded by the file before it
 * is used.
 */
#include "boot_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "vmm/app.h"

#define UNPACKED_MAX GIB(2)

void inspect_damage(const struct inspect_out *o, const struct err *err)
{
    o->text(o->ctx, "damage", err->text);
}

static const char *inspect_arch(enum board_arch arch)
{
    return arch == ARCH_X86_64 ? "x86_64" : "arm64";
}

/* ---- ARM64 Image: booting.rst §4 ---- */

/* "Linux version 6.1.0 (...)", which every kernel has in its data. */
static void inspect_linux(const struct boot_file *f, const struct inspect_out *o)
{
    static const char banner[] = "Linux version ";
    uint8_t buf[KIB(64) + 256];
    for (uint64_t off = 0; off < f->len; off += KIB(64)) {
        uint64_t n = MIN(sizeof buf, f->len - off);
        if (boot_file_read(f, off, buf, n, NULL))
            return;
        /* the format string of the same words comes with a %s behind it */
        const uint8_t *at = buf;
        while ((at = memmem(at, (size_t)(n - (uint64_t)(at - buf)), banner, sizeof banner - 1))) {
            const uint8_t *v = at + sizeof banner - 1, *end = v;
            if (at >= buf + KIB(64)) /* the next round has all of it */
                break;
            while (end<buf + n && * end> ' ' && *end < 0x7f)
                end++;
            if (v < buf + n && *v >= '0' && *v <= '9') {
                char version[100];
                snprintf(version, sizeof version, "%.*s", (int)MIN(end - v, 99), (const char *)v);
                o->text(o->ctx, "linux", version);
                return;
            }
            at = v;
        }
    }
}

static void inspect_arm64(const struct boot_file *f, const uint8_t *head, uint64_t n,
                          const struct inspect_out *o)
{
    static const char *const pages[] = {"unspecified", "4 KiB", "16 KiB", "64 KiB"};
    if (n < 64)
        return;
    uint64_t flags = le64_get(head + 24);
    o->address(o->ctx, "text_offset", le64_get(head + 8));
    o->number(o->ctx, "memory", le64_get(head + 16));
    o->text(o->ctx, "pages", pages[bits_get(flags, 1, 2)]);
    o->text(o->ctx, "endian", flags & 1 ? "big" : "little");
    o->flag(o->ctx, "placed_anywhere", flags & BIT(3));
    o->flag(o->ctx, "efi_stub", !memcmp(head, "MZ", 2));
    inspect_linux(f, o);
}

/* ---- bzImage: boot.rst ---- */

static void inspect_bzimage(const struct boot_file *f, const uint8_t *head, uint64_t n,
                            const struct inspect_out *o)
{
    char text[128] = "";
    if (n < 0x264)
        return;
    unsigned version = le16_get(head + 0x206);
    snprintf(text, sizeof text, "%u.%02u", version >> 8, version & 0xff);
    o->text(o->ctx, "boot_protocol", text);
    uint64_t at = le16_get(head + 0x20e) + 0x200u; /* kernel_version: from the second sector */
    memset(text, 0, sizeof text);
    if (at > 0x200 && at < f->len &&
        !boot_file_read(f, at, text, MIN(sizeof text - 1, f->len - at), NULL))
        o->text(o->ctx, "linux", text);
    o->flag(o->ctx, "kernel_64", le16_get(head + 0x236) & 1);
    o->flag(o->ctx, "relocatable", head[0x234]);
    o->address(o->ctx, "preferred_address", le64_get(head + 0x258));
    o->number(o->ctx, "memory", le32_get(head + 0x260));
    o->number(o->ctx, "command_line_max", le32_get(head + 0x238));
}

/* ---- ELF64: gABI ---- */

static void inspect_elf(const struct boot_file *f, const uint8_t *head, const struct inspect_out *o)
{
    uint64_t off = le64_get(head + 32);
    unsigned n = le16_get(head + 56);
    uint8_t ph[56];
    o->text(o->ctx, "type", le16_get(head + 16) == 2 ? "ET_EXEC" : "ET_DYN");
    o->address(o->ctx, "entry", le64_get(head + 24));
    o->flag(o->ctx, "has_sections", le16_get(head + 60));
    o->open(o->ctx, "segments", true);
    for (unsigned i = 0; i < n && i < BOOT_SEGMENTS_MAX && le16_get(head + 54) == sizeof ph; i++) {
        if (boot_file_read(f, off + i * sizeof ph, ph, sizeof ph, NULL))
            break;
        if (le32_get(ph) != 1) /* PT_LOAD */
            continue;
        uint32_t flags = le32_get(ph + 4);
        char rights[] = {flags & 4 ? 'r' : '-', flags & 2 ? 'w' : '-', flags & 1 ? 'x' : '-', 0};
        o->open(o->ctx, NULL, false);
        o->address(o->ctx, "physical", le64_get(ph + 24));
        o->address(o->ctx, "virtual", le64_get(ph + 16));
        o->number(o->ctx, "bytes", le64_get(ph + 32));
        o->number(o->ctx, "memory", le64_get(ph + 40));
        o->text(o->ctx, "rights", rights);
        o->close(o->ctx, false);
    }
    o->close(o->ctx, true);
}

/* ---- what is inside of another ---- */

static void inspect_gzip(const struct boot_file *f, const struct inspect_out *o, unsigned depth)
{
    struct boot_gz *gz = NULL;
    struct boot_file all = {.fd = -1};
    struct err err = {0};
    uint64_t got = 0;
    int rc = boot_gz_open(&gz, f, &err);
    if (!rc)
        rc = boot_file_alloc(&all, f->path, UNPACKED_MAX, &err);
    while (!rc && all.len < all.data_room) {
        uint64_t step = MIN(all.data_room - all.len, MIB(4));
        rc = boot_gz_read(gz, all.data + all.len, step, &got, &err);
        all.len += got;
        if (got < step)
            break;
    }
    boot_gz_close(gz);
    o->open(o->ctx, "contains", false);
    if (all.data)
        inspect_bytes(&all, o, depth + 1);
    if (rc)
        inspect_damage(o, &err);
    else if (all.len == UNPACKED_MAX)
        o->text(o->ctx, "note", "what is beyond 2 GiB was not looked at");
    o->close(o->ctx, false);
    boot_file_close(&all);
}

static void inspect_zboot(const struct boot_file *f, const uint8_t *head, uint64_t n,
                          const struct inspect_out *o, unsigned depth)
{
    if (n < 64)
        return;
    uint64_t off = le32_get(head + 8), len = le32_get(head + 12);
    char type[33] = "";
    memcpy(type, head + 24, 32);
    o->text(o->ctx, "compression", type);
    o->number(o->ctx, "payload_offset", off);
    o->number(o->ctx, "payload_bytes", len);
    if (off > f->len || len > f->len - off) {
        o->text(o->ctx, "damage", "the payload is outside of the file");
        return;
    }
    struct boot_file payload = *f;
    payload.base += off;
    payload.len = len;
    if (!strcmp(type, "gzip"))
        inspect_gzip(&payload, o, depth);
}

void inspect_bytes(const struct boot_file *f, const struct inspect_out *o, unsigned depth)
{
    uint8_t head[BOOT_HEAD];
    uint64_t n = MIN(f->len, sizeof head);
    struct err err = {0};
    o->number(o->ctx, "bytes", f->len);
    if (boot_file_read(f, 0, head, n, &err)) {
        inspect_damage(o, &err);
        return;
    }
    struct boot_seen s = boot_recognise(head, n);
    bool tree = s.format == BOOT_TREE;
    o->text(o->ctx, "kind", tree ? "a device tree" : s.name);
    if (s.format == BOOT_ELF64 || s.format == BOOT_ARM64 || s.format == BOOT_BZIMAGE)
        o->text(o->ctx, "architecture", inspect_arch(s.arch));
    if (tree)
        inspect_tree(f, o);
    else if (s.format == BOOT_ARM64)
        inspect_arm64(f, head, n, o);
    else if (s.format == BOOT_BZIMAGE)
        inspect_bzimage(f, head, n, o);
    else if (s.format == BOOT_ELF64)
        inspect_elf(f, head, o);
    else if (s.format == BOOT_GZIP && depth < 2)
        inspect_gzip(f, o, depth);
    else if (s.format == BOOT_ZBOOT && depth < 2)
        inspect_zboot(f, head, n, o, depth);
}

int inspect_file(const char *path, const struct inspect_out *o, struct err *err)
{
    struct boot_file f;
    uint64_t base, len;
    int rc = boot_file_open(&f, path, UNPACKED_MAX, err);
    if (rc)
        return rc;
    uint8_t magic[4] = {0};
    bool app = f.fd >= 0 && app_find(f.fd, f.len, &base, &len);
    bool tree = f.len >= 4 && !boot_file_read(&f, 0, magic, 4, NULL) &&
                be32_get(magic) == 0xd00dfeed; /* DTSpec 0.4 §5.2 */
    if (app || (tree && f.fd >= 0 && inspect_is_fit(&f)))
        inspect_fit(path, app, o);
    else
        inspect_bytes(&f, o, 0);
    boot_file_close(&f);
    return 0;
}
