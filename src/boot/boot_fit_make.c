// SPDX-License-Identifier: MIT
/*
 * boot_fit_make.c - files into an appliance.
 *
 * The nodes are those of U-Boot's doc/usage/fit/source_file_format.rst; data-offset counts from the
 * end of the tree, as mkimage -E has it. gzip is zlib's (RFC 1952).
 */
#include "boot_int.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "vmm/pack.h"

#define PACK_STEP    MIB(1)
#define PACK_TREE    KIB(256) /* room for the tree: the properties come from a command line */
#define PACK_DEFLATE 9

/* columns: the node's name and its type */
static const struct {
    const char *node, *type;
} pack_nodes[FIT_ROLES] = {
    [FIT_KERNEL] = {"kernel",  "kernel_noload"},
    [FIT_RAMDISK] = {"ramdisk", "ramdisk"      },
    [FIT_FDT] = {"fdt",     "flat_dt"      },
};

struct pack_part {
    struct boot_file f; /* fd -1 and data NULL: there is none */
    const char *compression;
    uint64_t off; /* from the end of the tree */
    uint8_t sum[SHA256_LEN];
    unsigned sum_len;
};

struct pack_ctx {
    const struct pack *p;
    int fd;
    const char *path;
    enum board_arch arch;
    struct pack_part parts[FIT_ROLES];
    struct err *err;
};

static bool pack_has(const struct pack_part *part)
{
    return part->f.fd >= 0 || part->f.data;
}

static int pack_open(struct pack_ctx *c, enum fit_role role, const char *path)
{
    struct pack_part *part = &c->parts[role];
    int rc = boot_file_open(&part->f, path, UINT32_MAX, c->err);
    if (!rc && part->f.len > UINT32_MAX) /* data-size is one cell */
        rc = err_set(c->err, ERR_IMAGE, EFBIG,
                     "%s: has %" PRIu64 " bytes; a part of an appliance has less than 4 GiB", path,
                     part->f.len);
    return rc;
}

/* What kind of kernel: its CPU, and whether it is compressed already. */
static int pack_kernel(struct pack_ctx *c)
{
    struct pack_part *part = &c->parts[FIT_KERNEL];
    uint8_t head[BOOT_HEAD], inner[BOOT_HEAD];
    uint64_t n = MIN(part->f.len, sizeof head);
    c->arch = c->p->arch;
    if (c->p->raw)
        return 0;
    int rc = boot_file_read(&part->f, 0, head, n, c->err);
    if (rc)
        return rc;
    struct boot_seen seen = boot_recognise(head, n);
    if (seen.format == BOOT_GZIP) {
        part->compression = "gzip";
        seen = boot_recognise(inner, boot_gz_peek(head, (size_t)n, inner, sizeof inner));
    }
    c->arch = seen.arch;
    if (seen.format == BOOT_ELF64 || seen.format == BOOT_ARM64 || seen.format == BOOT_BZIMAGE ||
        seen.format == BOOT_ZBOOT)
        return 0;
    return err_set(c->err, ERR_IMAGE, ENOEXEC,
                   "%s: is %s; a kernel is an ELF64, an ARM64 Image, an EFI zboot, a bzImage or "
                   "gzip of one; raw code is packed by --binary, with --entry and --board",
                   part->f.path, seen.name);
}

/* The kernel becomes what it deflates to. */
static int pack_deflate(struct pack_ctx *c)
{
    struct boot_file *f = &c->parts[FIT_KERNEL].f, out;
    uint8_t *in = malloc(PACK_STEP);
    z_stream z = {0};
    bool begun = false;
    int rc = 0, code = Z_OK;
    if (!in)
        return err_sys(c->err, ENOMEM, "%s", f->path);
    if (deflateInit2(&z, PACK_DEFLATE, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK)
        begun = true;
    else
        rc = err_sys(c->err, ENOMEM, "%s: gzip", f->path);
    out.data = NULL;
    if (!rc)
        rc = boot_file_alloc(&out, f->path, deflateBound(&z, (uLong)f->len), c->err);
    for (uint64_t done = 0; !rc && code == Z_OK;) {
        uint64_t n = MIN(PACK_STEP, f->len - done);
        rc = boot_file_read(f, done, in, n, c->err);
        done += n;
        z.next_in = in;
        z.avail_in = (unsigned)n;
        while (!rc && code == Z_OK && (z.avail_in || done == f->len)) {
            z.next_out = out.data + out.len;
            z.avail_out = (unsigned)MIN(out.data_room - out.len, UINT32_MAX);
            code = deflate(&z, done == f->len ? Z_FINISH : Z_NO_FLUSH);
            out.len = (uint64_t)(z.next_out - out.data);
        }
    }
    if (!rc && code != Z_STREAM_END)
        rc = err_set(c->err, ERR_HOST, EIO, "%s: gzip: %s", f->path, zError(code));
    if (begun)
        deflateEnd(&z);
    free(in);
    if (rc && out.data)
        boot_file_close(&out);
    if (rc)
        return rc;
    boot_file_close(f);
    *f = out;
    c->parts[FIT_KERNEL].compression = "gzip";
    return 0;
}

/* A part's bytes to their place, and their sum: of the very bytes that were written. */
static int pack_copy(struct pack_ctx *c, struct pack_part *part, uint64_t tree_len)
{
    uint8_t *buf = malloc(PACK_STEP);
    struct sha256 sha;
    uint32_t crc = 0;
    int rc = buf ? 0 : err_sys(c->err, ENOMEM, "%s", part->f.path);
    sha256_init(&sha);
    for (uint64_t done = 0; !rc && done < part->f.len;) {
        uint64_t n = MIN(PACK_STEP, part->f.len - done);
        rc = boot_file_read(&part->f, done, buf, n, c->err);
        if (!rc)
            rc = boot_write(c->fd, c->path, buf, n, tree_len + part->off + done, c->err);
        if (!rc && c->p->hash == FIT_SHA256)
            sha256_update(&sha, buf, (size_t)n);
        if (!rc && c->p->hash == FIT_CRC32)
            crc = (uint32_t)crc32_z(crc, buf, (size_t)n);
        done += n;
    }
    free(buf);
    if (c->p->hash == FIT_SHA256) {
        sha256_end(&sha, part->sum);
        part->sum_len = SHA256_LEN;
    } else if (c->p->hash == FIT_CRC32) {
        be32_put(part->sum, crc);
        part->sum_len = 4;
    }
    return rc;
}

/* ---- the tree; libfdt remembers nothing, so the first error is kept ---- */

static void tree_do(int *code, int got)
{
    if (!*code)
        *code = got;
}

static void tree_text(void *t, int *code, const char *name, const char *val)
{
    tree_do(code, fdt_property(t, name, val, (int)strlen(val) + 1));
}

static void tree_part(const struct pack_ctx *c, void *t, int *code, enum fit_role role)
{
    const struct pack_part *part = &c->parts[role];
    const struct pack *p = c->p;
    bool kernel = role == FIT_KERNEL, raw = kernel && p->raw;
    tree_do(code, fdt_begin_node(t, pack_nodes[role].node));
    tree_text(t, code, "description", fit_role_names[role]);
    tree_text(t, code, "type", raw ? "standalone" : pack_nodes[role].type);
    tree_text(t, code, "arch", c->arch == ARCH_X86_64 ? "x86_64" : "arm64");
    if (role != FIT_FDT)
        tree_text(t, code, "os", raw ? "u-boot" : "linux");
    tree_text(t, code, "compression", part->compression);
    if (kernel) { /* U-Boot wants both of every kernel; here they count for raw code */
        tree_do(code, fdt_property_u64(t, "load", raw ? p->entry : 0));
        tree_do(code, fdt_property_u64(t, "entry", raw ? p->entry : 0));
    }
    tree_do(code, fdt_property_u32(t, "data-size", (uint32_t)part->f.len));
    tree_do(code, fdt_property_u32(t, "data-offset", (uint32_t)part->off));
    if (part->sum_len) {
        tree_do(code, fdt_begin_node(t, "hash-1"));
        tree_text(t, code, "algo", p->hash == FIT_SHA256 ? "sha256" : "crc32");
        tree_do(code, fdt_property(t, "value", part->sum, (int)part->sum_len));
        tree_do(code, fdt_end_node(t));
    }
    tree_do(code, fdt_end_node(t));
}

/* Rows of one name are one property: their strings, one after the other. */
static void tree_properties(const struct pack *p, void *t, int *code)
{
    for (unsigned i = 0, end; i < p->n_properties; i = end) {
        const char *name = p->properties[i].name;
        char key[64];
        size_t len = 0;
        for (end = i; end < p->n_properties && !strcmp(p->properties[end].name, name); end++)
            len += p->properties[end].val ? strlen(p->properties[end].val) + 1 : 0;
        char *at = NULL;
        snprintf(key, sizeof key, "vibevmm,%s", name);
        tree_do(code, fdt_property_placeholder(t, key, (int)len, (void **)&at));
        for (unsigned k = i; !*code && k < end; k++)
            if (p->properties[k].val)
                at = stpcpy(at, p->properties[k].val) + 1;
    }
}

static int pack_tree(const struct pack_ctx *c, void *t)
{
    int code = fdt_create(t, PACK_TREE);
    tree_do(&code, fdt_finish_reservemap(t));
    tree_do(&code, fdt_begin_node(t, ""));
    tree_do(&code, fdt_property_u32(t, "timestamp", (uint32_t)c->p->timestamp));
    tree_text(t, &code, "description", c->p->description);
    tree_do(&code, fdt_property_u32(t, "#address-cells", 2));
    tree_do(&code, fdt_begin_node(t, "images"));
    for (unsigned role = 0; role < FIT_ROLES; role++)
        if (pack_has(&c->parts[role]))
            tree_part(c, t, &code, (enum fit_role)role);
    tree_do(&code, fdt_end_node(t));
    tree_do(&code, fdt_begin_node(t, "configurations"));
    tree_text(t, &code, "default", "machine");
    tree_do(&code, fdt_begin_node(t, "machine"));
    tree_text(t, &code, "description", c->p->description);
    for (unsigned role = 0; role < FIT_ROLES; role++)
        if (pack_has(&c->parts[role]))
            tree_text(t, &code, fit_role_names[role], pack_nodes[role].node);
    tree_properties(c->p, t, &code);
    tree_do(&code, fdt_end_node(t));
    tree_do(&code, fdt_end_node(t));
    tree_do(&code, fdt_end_node(t));
    tree_do(&code, fdt_finish(t));
    return code;
}

static int pack_all(struct pack_ctx *c, void *tree)
{
    /* Once without sums, for the tree's length: those of the second time are as long. */
    uint64_t at = 0, tree_len;
    for (unsigned role = 0; role < FIT_ROLES; role++) {
        struct pack_part *part = &c->parts[role];
        part->off = at;
        if (pack_has(part))
            at = align_up(at + part->f.len, MEM_PAGE);
        part->sum_len = c->p->hash == FIT_SHA256 ? SHA256_LEN : c->p->hash == FIT_CRC32 ? 4 : 0;
    }
    if (at > UINT32_MAX)
        return err_set(c->err, ERR_IMAGE, EFBIG,
                       "%s: its parts have %" PRIu64 " bytes; an appliance has less than 4 GiB",
                       c->path, at);
    int rc = 0, code = pack_tree(c, tree);
    tree_len = code ? 0 : align_up(fdt_totalsize(tree), MEM_PAGE);
    for (unsigned role = 0; !rc && !code && role < FIT_ROLES; role++)
        if (pack_has(&c->parts[role]))
            rc = pack_copy(c, &c->parts[role], tree_len);
    if (!rc && !code)
        code = pack_tree(c, tree);
    if (code)
        return err_set(c->err, ERR_HOST, EINVAL, "%s: its tree: %s", c->path, fdt_strerror(code));
    if (rc)
        return rc;
    size_t used = fdt_totalsize(tree);
    memset((uint8_t *)tree + used, 0, (size_t)tree_len - used);
    fdt_set_totalsize(tree, (uint32_t)tree_len);
    return boot_write(c->fd, c->path, tree, tree_len, 0, c->err);
}

int pack_write(const struct pack *p, int fd, const char *path, struct err *err)
{
    struct pack_ctx c = {.p = p, .fd = fd, .path = path, .err = err};
    const char *const paths[FIT_ROLES] = {p->kernel, p->initrd, p->dtb};
    void *tree = malloc(PACK_TREE);
    int rc = 0;
    if (!tree)
        return err_sys(err, ENOMEM, "%s", path);
    for (unsigned role = 0; role < FIT_ROLES; role++)
        c.parts[role] = (struct pack_part){.f.fd = -1, .compression = "none"};
    for (unsigned role = 0; !rc && role < FIT_ROLES; role++)
        if (paths[role])
            rc = pack_open(&c, (enum fit_role)role, paths[role]);
    if (!rc)
        rc = pack_kernel(&c);
    if (!rc && p->gzip && !strcmp(c.parts[FIT_KERNEL].compression, "none"))
        rc = pack_deflate(&c);
    if (!rc)
        rc = pack_all(&c, tree);
    for (unsigned role = 0; role < FIT_ROLES; role++)
        boot_file_close(&c.parts[role].f);
    free(tree);
    return rc;
}
