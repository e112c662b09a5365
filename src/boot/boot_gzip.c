// SPDX-License-Identifier: MIT
/*
 * boot_gzip.c - gzip and EFI zboot around an image.
 *
 * Follows RFC 1952 through zlib, which checks each member's CRC-32 and length; and the header that
 * Linux puts on compressed EFI kernels (drivers/firmware/efi/libstub/zboot-header.S). An ARM64
 * Image inflates straight to its place in guest RAM; an ELF goes through memory, since its headers
 * point all over it. Members may follow one another; bytes after the last one are ignored, as
 * gzip(1) does. Not taken: zboot payloads other than gzip.
 */
#include "boot_int.h"

#include <errno.h>
#include <stdlib.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#include "vmm/log.h"

#define BOOT_GZ_IN  KIB(64)
#define BOOT_GZ_OUT MIB(4) /* one step of the progress display */

struct boot_gz {
    z_stream z;
    const struct boot_file *f;
    uint64_t pos; /* next byte to read */
    bool ended;
    bool member; /* the first member is complete */
    uint8_t in[BOOT_GZ_IN];
};

int boot_gz_open(struct boot_gz **out, const struct boot_file *f, struct err *err)
{
    struct boot_gz *gz = malloc(sizeof *gz);
    *out = NULL;
    if (!gz)
        return err_sys(err, ENOMEM, "%s: gzip", f->path);
    memset(&gz->z, 0, sizeof gz->z);
    gz->f = f;
    gz->pos = 0;
    gz->ended = gz->member = false;
    int rc = inflateInit2(&gz->z, 16 + MAX_WBITS); /* 16: a gzip header, nothing else */
    if (rc != Z_OK) {
        free(gz);
        return err_set(err, ERR_HOST, ENOMEM, "%s: gzip: %s", f->path, zError(rc));
    }
    *out = gz;
    return 0;
}

void boot_gz_close(struct boot_gz *gz)
{
    if (!gz)
        return;
    inflateEnd(&gz->z);
    free(gz);
}

uint64_t boot_gz_pos(const struct boot_gz *gz)
{
    return gz->pos - gz->z.avail_in;
}

static int boot_gz_fill(struct boot_gz *gz, struct err *err)
{
    uint64_t n = MIN(sizeof gz->in, gz->f->len - gz->pos);
    int rc = boot_file_read(gz->f, gz->pos, gz->in, n, err);
    if (rc)
        return rc;
    gz->pos += n;
    gz->z.next_in = gz->in;
    gz->z.avail_in = (unsigned)n;
    return 0;
}

/* After a member: another one, or the end. Two bytes decide (RFC 1952 §2.3.1). */
static int boot_gz_next(struct boot_gz *gz, struct err *err)
{
    uint64_t left = gz->f->len - boot_gz_pos(gz);
    uint8_t id[2] = {0};
    int rc = left < 2 ? 0 : boot_file_read(gz->f, boot_gz_pos(gz), id, 2, err);
    if (rc)
        return rc;
    gz->member = true;
    if (id[0] == 0x1f && id[1] == 0x8b)
        return inflateReset(&gz->z) == Z_OK ? 0 : -EINVAL;
    if (left)
        log_at(LOG_INFO, "%s: %" PRIu64 " bytes after the gzip data are ignored", gz->f->path,
               left);
    gz->ended = true;
    return 0;
}

static int boot_gz_bad(const struct boot_gz *gz, int code, struct err *err)
{
    if (code == Z_MEM_ERROR)
        return err_sys(err, ENOMEM, "%s: gzip", gz->f->path);
    if (code == Z_BUF_ERROR)
        return err_set(err, ERR_IMAGE, ENODATA,
                       "%s: the gzip data is truncated: it ends at byte %" PRIu64
                       " in the middle of a member",
                       gz->f->path, gz->f->len);
    return err_set(err, ERR_IMAGE, EILSEQ, "%s: the gzip data is corrupt at byte %" PRIu64 ": %s",
                   gz->f->path, boot_gz_pos(gz), gz->z.msg ? gz->z.msg : zError(code));
}

int boot_gz_read(struct boot_gz *gz, void *buf, uint64_t len, uint64_t *got, struct err *err)
{
    uint64_t done = 0;
    int rc = 0;
    while (!rc && done < len && !gz->ended) {
        if (!gz->z.avail_in && gz->pos < gz->f->len && (rc = boot_gz_fill(gz, err)))
            break;
        unsigned want = (unsigned)MIN(len - done, MIB(512));
        gz->z.next_out = (uint8_t *)buf + done;
        gz->z.avail_out = want;
        int code = inflate(&gz->z, Z_NO_FLUSH);
        done += want - gz->z.avail_out;
        if (code == Z_STREAM_END)
            rc = boot_gz_next(gz, err);
        else if (code != Z_OK || (!gz->z.avail_in && gz->pos == gz->f->len && gz->z.avail_out))
            rc = boot_gz_bad(gz, code == Z_OK ? Z_BUF_ERROR : code, err);
    }
    *got = done;
    return rc;
}

size_t boot_gz_peek(const uint8_t *head, size_t n, uint8_t *out, size_t max)
{
    z_stream z = {.next_in = head, .avail_in = (unsigned)n};
    z.next_out = out;
    z.avail_out = (unsigned)max;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return 0;
    inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    return max - z.avail_out;
}

/* Everything into memory, at most `room` bytes; the first n are in head already. */
static int boot_gz_all(struct boot_ctx *c, struct boot_gz *gz, const uint8_t *head, uint64_t n,
                       struct boot_file *out)
{
    uint64_t room = mem_total(c->mem), got = 0;
    int rc = boot_file_alloc(out, gz->f->path, room + 1, c->err);
    if (rc)
        return rc;
    memcpy(out->data, head, (size_t)n);
    for (out->len = n; !rc; out->len += got) {
        uint64_t step = MIN(out->data_room - out->len, BOOT_GZ_OUT);
        rc = boot_gz_read(gz, out->data + out->len, step, &got, c->err);
        if (!rc && got < step) {
            out->len += got;
            break;
        }
        if (!rc && out->len + got > room)
            rc = err_set(c->err, ERR_IMAGE, EFBIG,
                         "%s: inflates to more than %" PRIu64
                         " MiB, all the RAM of this machine; --mem gives more",
                         gz->f->path, room >> 20);
        boot_progress(c, "unpacking", boot_gz_pos(gz), gz->f->len);
    }
    return rc;
}

int boot_gzip_load(struct boot_ctx *c, const struct boot_file *f, const char *packing)
{
    uint8_t head[BOOT_HEAD];
    struct boot_gz *gz;
    struct boot_file all = {.fd = -1};
    uint64_t n = 0;
    int rc = boot_gz_open(&gz, f, c->err);
    if (!gz)
        return rc;
    rc = rc ? rc : boot_gz_read(gz, head, sizeof head, &n, c->err);
    if (rc)
        goto out;
    if (!n) {
        rc = err_set(c->err, ERR_IMAGE, ENODATA, "%s: the gzip data is empty", f->path);
        goto out;
    }
    struct boot_seen seen = boot_recognise(head, n);
    c->res->packing = packing;
    if (c->raw_only || (c->has_raw && seen.format == BOOT_UNKNOWN)) {
        rc = boot_gz_all(c, gz, head, n, &all);
        if (!rc)
            rc = boot_raw_load(c, &all);
    } else if (boot_foreign(&seen, c->p->board)) {
        rc = boot_refuse(f, &seen, "inside its gzip data ", head, n, c->p->board, c->err);
    } else if (seen.format == BOOT_ARM64) {
        rc = boot_arm64_load(c, f, head, n, gz);
    } else if (seen.format == BOOT_ELF64 || seen.format == BOOT_BZIMAGE) {
        rc = boot_gz_all(c, gz, head, n, &all);
        if (!rc)
            rc = seen.format == BOOT_ELF64 ? boot_elf_load(c, &all, head)
                                           : boot_bzimage_load(c, &all, head, n);
    } else {
        if (seen.format == BOOT_GZIP || seen.format == BOOT_ZBOOT)
            seen = (struct boot_seen){.format = BOOT_REFUSED,
                                      .name = "compressed once more",
                                      .advice = "gzip -dc % > kernel",
                                      .packed = true};
        rc = boot_refuse(f, &seen, "inside its gzip data ", head, n, c->p->board, c->err);
    }
out:
    boot_file_close(&all);
    boot_gz_close(gz);
    return rc;
}

/*
 * zboot-header.S: 0 "MZ", 4 "zimg", 8 payload offset, 12 payload size, 24 compression's name, which
 * ends with a NUL before 56.
 */
static const struct boot_zboot_type {
    const char *name, *tool;
} boot_zboot_types[] = {
    {"lz4",    "lz4 -dc"             },
    {"lzma",   "xz -dc --format=lzma"},
    {"lzo",    "lzop -dc"            },
    {"xzkern", "xz -dc"              },
    {"xz",     "xz -dc"              },
    {"zstd22", "zstd -dc"            },
    {"zstd",   "zstd -dc"            },
};

int boot_zboot_load(struct boot_ctx *c, const struct boot_file *f, const uint8_t *head, uint64_t n)
{
    if (n < 64)
        return err_set(c->err, ERR_IMAGE, ENODATA,
                       "%s: EFI zboot: is truncated: has %" PRIu64 " bytes, the header alone is 64",
                       f->path, n);
    uint64_t off = le32_get(head + 8), len = le32_get(head + 12);
    char type[33] = "";
    memcpy(type, head + 24, 32);
    if (off < 64 || off > f->len || len > f->len - off || !len)
        return err_set(c->err, ERR_IMAGE, ENODATA,
                       "%s: EFI zboot: the payload of %" PRIu64 " bytes at %" PRIu64
                       " is outside the file of %" PRIu64 " bytes",
                       f->path, len, off, f->len);
    for (unsigned i = 0; i < ARRAY_LEN(boot_zboot_types); i++)
        if (!strcmp(type, boot_zboot_types[i].name))
            return err_set(c->err, ERR_IMAGE, ENOTSUP,
                           "%s: EFI zboot with %s inside; gzip is accepted. Unpack it: tail -c "
                           "+%" PRIu64 " %s | head -c %" PRIu64 " | %s > kernel",
                           f->path, type, off + 1, f->path, len, boot_zboot_types[i].tool);
    for (char *t = type; *t; t++)
        if (*t < ' ' || *t > '~')
            *t = '?';
    if (strcmp(type, "gzip"))
        return err_set(c->err, ERR_IMAGE, ENOTSUP,
                       "%s: EFI zboot with \"%s\" inside; gzip is accepted", f->path, type);
    struct boot_file payload = *f;
    payload.base += off;
    payload.len = len;
    uint8_t id[2] = {0};
    int rc = len < 2 ? 0 : boot_file_read(&payload, 0, id, 2, c->err);
    if (rc)
        return rc;
    if (id[0] != 0x1f || id[1] != 0x8b)
        return err_set(c->err, ERR_IMAGE, EILSEQ,
                       "%s: EFI zboot: the payload at %" PRIu64 " begins with %02x %02x, gzip "
                       "data with 1f 8b",
                       f->path, off, id[0], id[1]);
    return boot_gzip_load(c, &payload, "EFI zboot (gzip)");
}
