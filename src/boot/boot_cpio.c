// SPDX-License-Identifier: MIT
/*
 * boot_cpio.c - the writer of cpio archives in the "newc" format, as Linux unpacks its initramfs.
 *
 * Follows "initramfs buffer format" (Documentation/driver-api/early-userspace/buffer-format.rst):
 * a header of 110 characters, the name with its NUL, zeroes up to a multiple of 4, the data, zeroes
 * up to a multiple of 4. All belongs to root and is of the year 1970, so that the same files make
 * the same archive. Left out: hard links, device nodes, the check sums of "crc".
 *
 * Headers, names and small data are kept in memory as they will be; files of the host are parts
 * between them that are read at the end.
 */
#include "boot_int.h"

#include "vmm/cpio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CPIO_HEADER 110u
#define CPIO_ALIGN  4u

/* inode(7): the file type in a mode */
enum { CPIO_TYPE = 0170000, CPIO_DIR = 0040000, CPIO_REG = 0100000, CPIO_LNK = 0120000 };

static const char cpio_end[] = "TRAILER!!!";

struct cpio_part {
    size_t at; /* this file's bytes belong here in `buf` */
    struct boot_file file;
};

struct cpio {
    uint8_t *buf;
    size_t len, cap;
    uint64_t total; /* len and the files */
    uint32_t ino;
    unsigned n;
    struct cpio_part parts[CPIO_FILES_MAX];
};

struct cpio *cpio_new(void)
{
    return calloc(1, sizeof(struct cpio));
}

void cpio_free(struct cpio *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->n; i++)
        boot_file_close(&c->parts[i].file);
    free(c->buf);
    free(c);
}

static uint64_t cpio_pad(uint64_t n)
{
    return align_up(n, CPIO_ALIGN) - n;
}

/* len more bytes of `buf`, zeroed; NULL: no memory. */
static uint8_t *cpio_room(struct cpio *c, size_t len)
{
    if (len > c->cap - c->len) {
        size_t cap = MAX(c->cap * 2, align_up(c->len + len, KIB(16)));
        uint8_t *buf = realloc(c->buf, cap);
        if (!buf)
            return NULL;
        c->buf = buf;
        c->cap = cap;
    }
    uint8_t *at = c->buf + c->len;
    memset(at, 0, len);
    c->len += len;
    c->total += len;
    return at;
}

/* Header, name and the zeroes behind it, for `size` bytes of data to follow. */
static int cpio_head(struct cpio *c, const char *name, unsigned mode, uint64_t size,
                     struct err *err)
{
    size_t name_len = strlen(name) + 1;
    if (name_len == 1 || name_len > CPIO_NAME_MAX || name[0] == '/')
        return err_set(err, ERR_HOST, EINVAL,
                       "initramfs: \"%.80s\": a name has 1 to %u bytes and no / in front", name,
                       CPIO_NAME_MAX - 1);
    if (size > CPIO_FILE_MAX)
        return err_set(err, ERR_IMAGE, EFBIG,
                       "%.200s: has %" PRIu64 " bytes; a file of an initramfs has at most %" PRIu64,
                       name, size, CPIO_FILE_MAX);
    size_t len = CPIO_HEADER + name_len;
    uint8_t *at = cpio_room(c, len + cpio_pad(c->total + len));
    if (!at)
        return err_sys(err, ENOMEM, "initramfs");
    /* magic, ino, mode, uid, gid, nlink, mtime, filesize, maj, min, rmaj, rmin, namesize, check */
    char head[CPIO_HEADER + 1];
    snprintf(head, sizeof head, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
             ++c->ino, mode, 0u, 0u, (mode & CPIO_TYPE) == CPIO_DIR ? 2u : 1u, 0u, (uint32_t)size,
             0u, 0u, 0u, 0u, (uint32_t)name_len, 0u);
    memcpy(at, head, CPIO_HEADER);
    memcpy(at + CPIO_HEADER, name, name_len);
    return 0;
}

static int cpio_add(struct cpio *c, const char *name, unsigned mode, const void *data, size_t len,
                    struct err *err)
{
    int rc = cpio_head(c, name, mode, len, err);
    uint8_t *at = rc ? NULL : cpio_room(c, len + cpio_pad(c->total + len));
    if (!rc && !at)
        rc = err_sys(err, ENOMEM, "initramfs");
    if (!rc && len)
        memcpy(at, data, len);
    return rc;
}

int cpio_add_dir(struct cpio *c, const char *name, unsigned mode, struct err *err)
{
    return cpio_add(c, name, CPIO_DIR | (mode & 07777), NULL, 0, err);
}

int cpio_add_link(struct cpio *c, const char *name, const char *target, struct err *err)
{
    return cpio_add(c, name, CPIO_LNK | 0777, target, strlen(target), err);
}

int cpio_add_data(struct cpio *c, const char *name, unsigned mode, const void *data, size_t len,
                  struct err *err)
{
    return cpio_add(c, name, CPIO_REG | (mode & 07777), data, len, err);
}

int cpio_add_file(struct cpio *c, const char *name, unsigned mode, const char *path,
                  struct err *err)
{
    struct boot_file f;
    if (c->n == CPIO_FILES_MAX)
        return err_set(err, ERR_HOST, ENOSPC, "%.200s: an initramfs is made of at most %u files",
                       path, CPIO_FILES_MAX);
    int rc = boot_file_open(&f, path, CPIO_PIPE_MAX, err);
    if (rc)
        return rc;
    rc = cpio_head(c, name, CPIO_REG | (mode & 07777), f.len, err);
    if (rc) {
        boot_file_close(&f);
        return rc;
    }
    c->parts[c->n++] = (struct cpio_part){c->len, f};
    c->total += f.len;
    if (!cpio_room(c, cpio_pad(c->total)))
        return err_sys(err, ENOMEM, "initramfs");
    return 0;
}

static uint64_t cpio_end_len(const struct cpio *c)
{
    uint64_t len = CPIO_HEADER + sizeof cpio_end;
    return len + cpio_pad(c->total + len);
}

uint64_t cpio_len(const struct cpio *c)
{
    return c->total + cpio_end_len(c);
}

int cpio_write(const struct cpio *c, void *dst, struct err *err)
{
    uint8_t *to = dst;
    size_t from = 0;
    for (unsigned i = 0; i < c->n; i++) {
        const struct cpio_part *p = &c->parts[i];
        memcpy(to, c->buf + from, p->at - from);
        to += p->at - from;
        from = p->at;
        int rc = boot_file_read(&p->file, 0, to, p->file.len, err);
        if (rc)
            return rc;
        to += p->file.len;
    }
    if (c->len > from)
        memcpy(to, c->buf + from, c->len - from);
    to += c->len - from;
    memset(to, 0, (size_t)cpio_end_len(c));
    /* all numbers are 0 but nlink, and the name's length */
    char head[CPIO_HEADER + 1];
    snprintf(head, sizeof head, "070701%032x%08x%048x%08x%08x", 0, 1, 0, (unsigned)sizeof cpio_end,
             0);
    memcpy(to, head, CPIO_HEADER);
    memcpy(to + CPIO_HEADER, cpio_end, sizeof cpio_end);
    return 0;
}
