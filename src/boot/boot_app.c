// SPDX-License-Identifier: MIT
/*
 * boot_app.c - an appliance inside of an executable: where it is, and how it gets there.
 *
 * Follows the System V gABI (ELF header, section header table, string table). The new file is the
 * launcher's bytes as they are, the appliance at the next page, then a table of sections with one
 * more row and a string table with one more name. What the launcher runs from (program headers and
 * segments) stays where it is. A hostile file can only hide its section from app_find().
 */
#include "boot_int.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/app.h"

#define APP_SECTION  ".vibevmm"
#define APP_ALIGN    4096
#define APP_STEP     KIB(256)
#define EHDR         64
#define E_SHOFF      0x28
#define E_SHENTSIZE  0x3a
#define E_SHNUM      0x3c
#define E_SHSTRNDX   0x3e
#define SHDR         64
#define SH_TYPE      4
#define SH_FLAGS     8
#define SH_OFFSET    24
#define SH_SIZE      32
#define SH_ALIGN     48
#define SHT_PROGBITS 1
#define SHT_STRTAB   3
#define SECTIONS_MAX 256
#define NAMES_MAX    KIB(64)

/* The table of sections and their names. */
struct app_sections {
    uint8_t head[EHDR];
    uint8_t table[(SECTIONS_MAX + 1) * SHDR]; /* room for one more */
    unsigned n, names_at;                     /* rows; the row of the names */
    char *names;                              /* names_len bytes, the last one NUL */
    uint64_t names_len;
};

static bool app_read(int fd, uint64_t file_len, uint64_t off, void *buf, uint64_t len)
{
    const struct boot_file f = {.path = "", .fd = fd, .len = file_len};
    return !boot_file_read(&f, off, buf, len, NULL);
}

/* ELF64, little-endian, with a table of sections that lies in the file. names is malloc'ed. */
static bool app_sections_read(int fd, uint64_t file_len, struct app_sections *s)
{
    s->names = NULL;
    if (!app_read(fd, file_len, 0, s->head, EHDR) || memcmp(s->head, "\177ELF\2\1", 6) != 0 ||
        le16_get(s->head + E_SHENTSIZE) != SHDR)
        return false;
    s->n = le16_get(s->head + E_SHNUM);
    s->names_at = le16_get(s->head + E_SHSTRNDX);
    if (s->n > SECTIONS_MAX || s->names_at >= s->n ||
        !app_read(fd, file_len, le64_get(s->head + E_SHOFF), s->table, (uint64_t)s->n * SHDR))
        return false;
    const uint8_t *row = s->table + s->names_at * SHDR;
    s->names_len = le64_get(row + SH_SIZE);
    if (le32_get(row + SH_TYPE) != SHT_STRTAB || !s->names_len || s->names_len > NAMES_MAX)
        return false;
    s->names = malloc((size_t)s->names_len);
    return s->names && app_read(fd, file_len, le64_get(row + SH_OFFSET), s->names, s->names_len) &&
           !s->names[s->names_len - 1];
}

bool app_find(int fd, uint64_t file_len, uint64_t *base, uint64_t *len)
{
    struct app_sections s;
    bool found = false;
    if (app_sections_read(fd, file_len, &s))
        for (unsigned i = 0; i < s.n && !found; i++) {
            const uint8_t *row = s.table + i * SHDR;
            uint64_t off = le64_get(row + SH_OFFSET), size = le64_get(row + SH_SIZE);
            uint32_t name = le32_get(row);
            found = le32_get(row + SH_TYPE) == SHT_PROGBITS && name < s.names_len &&
                    !strcmp(s.names + name, APP_SECTION) && off <= file_len &&
                    size <= file_len - off;
            if (found) {
                *base = off;
                *len = size;
            }
        }
    free(s.names);
    return found;
}

/* ---- writing one ---- */

struct app_out {
    int fd;
    const char *path;
    uint64_t at;
    struct err *err;
};

static int app_put(struct app_out *o, const void *buf, uint64_t len)
{
    int rc = boot_write(o->fd, o->path, buf, len, o->at, o->err);
    o->at += len;
    return rc;
}

static int app_copy(struct app_out *o, int fd, const char *path, uint64_t *len)
{
    uint8_t *buf = malloc(APP_STEP);
    int rc = buf ? 0 : err_sys(o->err, ENOMEM, "%s", path);
    *len = 0;
    while (!rc) {
        ssize_t n = pread(fd, buf, APP_STEP, (off_t)*len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_sys(o->err, errno, "%s", path);
        if (n <= 0)
            break;
        rc = app_put(o, buf, (uint64_t)n);
        *len += (uint64_t)n;
    }
    free(buf);
    return rc;
}

/* Where the launcher's file has the mark; 0: nowhere, or more than once. */
static uint64_t app_mark_at(int fd, uint64_t len, const struct app_mark *mark)
{
    uint64_t at = 0, step = APP_STEP, keep = sizeof mark->magic - 1;
    uint8_t *buf = malloc(APP_STEP);
    bool twice = false;
    for (uint64_t off = 0; buf && off + keep < len; off += step - keep) {
        uint64_t n = MIN(step, len - off);
        if (!app_read(fd, len, off, buf, n))
            break;
        for (const uint8_t *p = buf;; p++) {
            p = memmem(p, (size_t)(n - (uint64_t)(p - buf)), mark->magic, sizeof mark->magic);
            if (!p)
                break;
            uint64_t found = off + (uint64_t)(p - buf);
            twice = twice || (at && at != found);
            at = found;
        }
    }
    free(buf);
    return twice ? 0 : at;
}

/* The row of the appliance, and the tables at the end of the file. */
static int app_tables(struct app_out *o, struct app_sections *s, uint64_t base, uint64_t len)
{
    uint8_t *row = s->table + s->n * SHDR, *names = s->table + s->names_at * SHDR;
    uint64_t names_at = o->at;
    memset(row, 0, SHDR);
    le32_put(row, (uint32_t)s->names_len);
    le32_put(row + SH_TYPE, SHT_PROGBITS);
    le64_put(row + SH_OFFSET, base);
    le64_put(row + SH_SIZE, len);
    le64_put(row + SH_ALIGN, APP_ALIGN);
    le64_put(names + SH_OFFSET, names_at);
    le64_put(names + SH_SIZE, s->names_len + sizeof APP_SECTION);
    int rc = app_put(o, s->names, s->names_len);
    if (!rc)
        rc = app_put(o, APP_SECTION, sizeof APP_SECTION);
    o->at = align_up(o->at, 8);
    le64_put(s->head + E_SHOFF, o->at);
    le16_put(s->head + E_SHNUM, (uint16_t)(s->n + 1));
    if (!rc)
        rc = app_put(o, s->table, (uint64_t)(s->n + 1) * SHDR);
    o->at = 0;
    return rc ? rc : app_put(o, s->head, EHDR);
}

int app_write(int out, const char *out_path, int launcher, const char *launcher_path, int fit,
              const char *fit_path, const struct app_mark *mark, struct err *err)
{
    static const uint8_t one[8] = {1};
    struct app_out o = {.fd = out, .path = out_path, .err = err};
    struct app_sections s = {.names = NULL};
    struct stat st;
    uint64_t len, at = 0, base, had, had_len;
    int rc = fstat(launcher, &st) ? err_sys(err, errno, "%s", launcher_path) : 0;
    if (rc)
        return rc;
    uint64_t size = (uint64_t)st.st_size;
    if (app_find(launcher, size, &had, &had_len))
        rc = err_set(err, ERR_HOST, EINVAL,
                     "%s: has an appliance inside already; a launcher without one is needed",
                     launcher_path);
    else if (!app_sections_read(launcher, size, &s) || s.n == SECTIONS_MAX)
        rc =
            err_set(err, ERR_HOST, ENOEXEC,
                    "%s: is no ELF file with a table of sections, as a launcher is", launcher_path);
    else if (!(at = app_mark_at(launcher, size, mark)))
        rc = err_set(err, ERR_HOST, ENOEXEC, "%s: is no vibevmm of this version", launcher_path);
    if (!rc)
        rc = app_copy(&o, launcher, launcher_path, &len);
    base = o.at = align_up(o.at, APP_ALIGN);
    if (!rc)
        rc = app_copy(&o, fit, fit_path, &len);
    o.at = align_up(o.at, 8);
    if (!rc)
        rc = app_tables(&o, &s, base, len);
    o.at = at + offsetof(struct app_mark, packed);
    if (!rc)
        rc = app_put(&o, one, sizeof one);
    free(s.names);
    return rc;
}
