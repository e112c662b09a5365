// SPDX-License-Identifier: MIT
/*
 * boot_rig.h - a machine's RAM and a boot_load() on images that the test writes.
 *
 * Images live in memfds, reached as files through /proc/self/fd.
 */
#ifndef TESTS_UNIT_BOOT_RIG_H
#define TESTS_UNIT_BOOT_RIG_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/tap.h"
#include "vmm/boot.h"

#define RIG_RAM  UINT64_C(0x40000000)
#define RIG_DTB  UINT64_C(0x3000) /* dtb_room */
#define RIG_SIZE MIB(16)

struct bytes {
    uint8_t *p;
    size_t len;
};

static inline struct bytes bytes_new(size_t len, int fill)
{
    struct bytes b = {malloc(len ? len : 1), len};
    memset(b.p, fill, len);
    return b;
}

/* A file with these bytes (which it frees); its path is good until rig_fini(). */
struct rig_file {
    int fd;
    char path[32];
};

struct boot_rig {
    struct board board;
    struct board_ram ram[2];
    struct guest_mem mem;
    struct boot_params p;
    struct boot_result res;
    struct err err;
    struct rig_file files[4];
    unsigned n_files;
};

static inline void boot_rig_init(struct boot_rig *r, uint64_t size)
{
    struct mem_region region = {RIG_RAM, size, NULL};
    memset(r, 0, sizeof *r);
    r->ram[0] = (struct board_ram){RIG_RAM, GIB(1)};
    r->board = (struct board){.name = "t", .ram = r->ram, .n_ram = 1, .raw_off = 0x80000};
    r->p.board = &r->board;
    r->p.dtb_room = RIG_DTB;
    expect_u64(mem_init(&r->mem, &region, 1, &r->err), 0);
}

static inline const char *boot_rig_file(struct boot_rig *r, struct bytes b)
{
    struct rig_file *f = &r->files[r->n_files++];
    f->fd = memfd_create("image", 0);
    expect_u64(write(f->fd, b.p, b.len), b.len);
    snprintf(f->path, sizeof f->path, "/proc/self/fd/%d", f->fd);
    free(b.p);
    return f->path;
}

static inline int boot_rig_load(struct boot_rig *r)
{
    r->err = (struct err){0};
    return boot_load(&r->p, &r->mem, &r->res, &r->err);
}

static inline void boot_rig_fini(struct boot_rig *r)
{
    boot_fini(&r->res);
    mem_fini(&r->mem);
    while (r->n_files)
        close(r->files[--r->n_files].fd);
}

/* Loads the bytes as an image: it must be refused with this message, as an image that cannot boot.
 */
static inline void expect_refused(struct bytes b, const char *message)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, b);
    expect_true(boot_rig_load(&r) < 0);
    expect_text(r.err.text, message);
    expect_text(r.err.text, r.p.image); /* names the thing */
    expect_u64(r.err.kind, ERR_IMAGE);
    expect_true(r.res.syms == NULL);
    boot_rig_fini(&r);
}

/* ---- images ---- */

/* arm64 booting.rst §4; the rest of the file counts up, so that a wrong copy shows. */
static inline struct bytes arm64_new(size_t len, uint64_t text_offset, uint64_t image_size,
                                     uint64_t flags)
{
    struct bytes b = bytes_new(len, 0);
    for (size_t i = 64; i < len; i++)
        b.p[i] = (uint8_t)(i * 7 >> 3);
    le32_put(b.p, 0x14000010);
    le64_put(b.p + 8, text_offset);
    le64_put(b.p + 16, image_size);
    le64_put(b.p + 24, flags);
    memcpy(b.p + 0x38, "ARM\x64", 4);
    return b;
}

struct rig_seg {
    uint32_t type;
    uint64_t vaddr, paddr, filesz, memsz;
};

/* ELF64 with these segments' bytes one after another from 0x1000 on, each at the next multiple of
 * 0x1000. */
static inline struct bytes elf_new(uint64_t entry, const struct rig_seg *segs, unsigned n)
{
    size_t len = 0x1000;
    for (unsigned i = 0; i < n; i++)
        len += align_up(segs[i].filesz, 0x1000);
    struct bytes b = bytes_new(len, 0);
    memcpy(b.p, "\177ELF\2\1\1", 7);
    b.p[16] = 2;   /* ET_EXEC */
    b.p[18] = 183; /* EM_AARCH64 */
    b.p[20] = 1;
    le64_put(b.p + 24, entry);
    le64_put(b.p + 32, 64);
    b.p[52] = 64;
    b.p[54] = 56;
    b.p[56] = (uint8_t)n;
    uint64_t off = 0x1000;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *p = b.p + 64 + 56 * i;
        le32_put(p, segs[i].type);
        le32_put(p + 4, 7);
        le64_put(p + 8, off);
        le64_put(p + 16, segs[i].vaddr);
        le64_put(p + 24, segs[i].paddr);
        le64_put(p + 32, segs[i].filesz);
        le64_put(p + 40, segs[i].memsz);
        memset(b.p + off, (int)(0xa0 + i), segs[i].filesz);
        off += align_up(segs[i].filesz, 0x1000);
    }
    return b;
}

#endif
