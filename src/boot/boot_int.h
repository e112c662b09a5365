// SPDX-License-Identifier: MIT
/*
 * boot_int.h - what the loaders share: bytes of an image, what they are, where they go.
 */
#ifndef BOOT_INT_H
#define BOOT_INT_H

#include "vmm/boot.h"
#include "vmm/inspect.h"

/*
 * An image's bytes: a regular file read by offset, or memory (what came through a pipe or out of a
 * compressed file). Never mapped while it is read: a file that shrinks meanwhile is a short read,
 * not a SIGBUS.
 */
struct boot_file {
    const char *path; /* for messages; the caller's */
    int fd;           /* -1: in memory */
    uint8_t *data;    /* when in memory: mmap'ed, data_room bytes; or NULL */
    uint64_t data_room;
    uint64_t base; /* where the bytes begin in the file */
    uint64_t len;
    bool map; /* of an appliance, with nothing to check them against: RAM may map them */
};

/* `max`: how much is taken from a pipe. Errors: missing, a directory, empty, unreadable, too much.
 */
int boot_file_open(struct boot_file *f, const char *path, uint64_t max, struct err *err);
void boot_file_close(struct boot_file *f);
/* Exactly len bytes from off, or an error. */
int boot_file_read(const struct boot_file *f, uint64_t off, void *buf, uint64_t len,
                   struct err *err);
/* All of it at `at` of a file that is made; the path is for messages. */
int boot_write(int fd, const char *path, const void *buf, uint64_t len, uint64_t at,
               struct err *err);
/* Anonymous memory of `room` bytes for an unpacked image; f->len is 0. */
int boot_file_alloc(struct boot_file *f, const char *path, uint64_t room, struct err *err);

/* ---- recognition (boot_kind.c) ---- */

#define BOOT_HEAD 4096 /* enough for every magic but ISO 9660's */

enum boot_format {
    BOOT_UNKNOWN,
    BOOT_ELF64,   /* little-endian, ET_EXEC or ET_DYN, of one of our architectures */
    BOOT_ARM64,   /* Linux's boot image */
    BOOT_BZIMAGE, /* Linux's for x86 */
    BOOT_GZIP,
    BOOT_ZBOOT,
    BOOT_TREE,    /* a FIT, or a device tree */
    BOOT_REFUSED, /* known, and not bootable: name and advice say why */
};

struct boot_seen {
    enum boot_format format;
    const char *name;     /* "ELF64", "xz-compressed data": constant */
    const char *advice;   /* what to do; a % stands for the file's path; or NULL */
    bool packed;          /* the advice unpacks it */
    enum board_arch arch; /* of BOOT_ELF64, BOOT_ARM64 and BOOT_BZIMAGE */
};

/* What n bytes at the start of an image are. */
struct boot_seen boot_recognise(const uint8_t *head, uint64_t n);

/* Is it for a CPU, and not for this board's? */
bool boot_foreign(const struct boot_seen *seen, const struct board *board);

/* The message for an image of a format that does not boot; `outer` is "" or "gzip: " and the like.
 */
int boot_refuse(const struct boot_file *f, const struct boot_seen *seen, const char *outer,
                const uint8_t *head, uint64_t n, const struct board *board, struct err *err);

/* ---- placement (boot.c) ---- */

#define BOOT_SEGMENTS_MAX 64

struct boot_span {
    gpa_t base;
    uint64_t len;
};

struct boot_ctx {
    const struct boot_params *p;
    struct guest_mem *mem;
    struct boot_result *res;
    struct err *err;
    struct boot_span used[BOOT_SEGMENTS_MAX + 3]; /* image, initrd, device tree or low memory */
    unsigned n_used;
    gpa_t ram_base; /* of the region that holds the image's entry */
    /* Raw code: where it belongs and begins, as --entry or an appliance says; else the board does.
     */
    bool has_raw;
    bool raw_only; /* it is raw code, whatever it looks like */
    gpa_t raw_load, raw_entry;
};

/* First free place for len bytes at or above `from`, at a multiple of `align` (a power of two). */
bool boot_place(const struct boot_ctx *c, gpa_t from, uint64_t len, uint64_t align, gpa_t *gpa);
void boot_use(struct boot_ctx *c, gpa_t base, uint64_t len);
/* Do these bytes touch a used span? */
bool boot_is_used(const struct boot_ctx *c, gpa_t base, uint64_t len);
/* "0x40000000-0x47ffffff, 0x...": the machine's RAM, into buf, which is returned. */
const char *boot_ram_text(const struct boot_ctx *c, char *buf, size_t len);
void boot_progress(const struct boot_ctx *c, const char *what, uint64_t done, uint64_t total);

/*
 * File bytes [off, off + len) to RAM, which was checked before. A copy, except where f->map allows
 * a mapping and pages meet: see docs/images.md for the measurement.
 */
int boot_copy(struct boot_ctx *c, const struct boot_file *f, uint64_t off, gpa_t gpa, uint64_t len,
              const char *what);

/* ---- loaders: head holds min(BOOT_HEAD, length) bytes ---- */

struct boot_gz;

/* The file stays the caller's, except that elf takes it (sets f->fd and f->data free) to find
 * symbols. */
int boot_elf_load(struct boot_ctx *c, struct boot_file *f, const uint8_t *head);
int boot_arm64_load(struct boot_ctx *c, const struct boot_file *f, const uint8_t *head, uint64_t n,
                    struct boot_gz *gz);
int boot_gzip_load(struct boot_ctx *c, const struct boot_file *f, const char *packing);
int boot_raw_load(struct boot_ctx *c, const struct boot_file *f);
/* Any recognised kind; raw code when c->has_raw. */
int boot_image_load(struct boot_ctx *c, struct boot_file *f);
int boot_zboot_load(struct boot_ctx *c, const struct boot_file *f, const uint8_t *head, uint64_t n);

int boot_bzimage_load(struct boot_ctx *c, const struct boot_file *f, const uint8_t *head,
                      uint64_t n);

/* ---- appliances (boot_fit.c, boot_fit_load.c) ---- */

/* The kernel of c->p->fit. */
int boot_fit_load(struct boot_ctx *c);
/* A part's bytes, their hashes verified; at most `max` of them. `f` is the caller's to close. */
int boot_fit_file(const struct fit *fit, const struct fit_part *part, uint64_t max,
                  struct boot_file *f, struct err *err);
/* A hash as digits, for messages: out has 2 * len + 1 bytes, zeroed. */
void fit_hex(const uint8_t *sum, unsigned len, char *out);

/* ---- facts (boot_inspect.c, boot_fit_inspect.c); depth: of what is inside of another ---- */

void inspect_damage(const struct inspect_out *o, const struct err *err);
void inspect_bytes(const struct boot_file *f, const struct inspect_out *o, unsigned depth);
void inspect_fit(const char *path, bool app, const struct inspect_out *o);
void inspect_tree(const struct boot_file *f, const struct inspect_out *o);
/* A flattened tree: is it an appliance, or else a device tree? */
bool inspect_is_fit(const struct boot_file *f);

/* ---- what an x86 guest finds in low memory (boot_x86.c) ---- */

#define X86_ZERO_PAGE  0x7000
#define X86_LOW_END    MIB(1) /* images begin there */
#define X86_REAL_STACK 0xfff0

/* Before the image is loaded. */
void boot_x86_begin(struct boot_ctx *c);
/* Keep low memory free. Before an image other than raw code is placed. */
void boot_x86_reserve(struct boot_ctx *c);
/* After image and initramfs are loaded: what the start mode in c->res needs. */
int boot_x86_finish(struct boot_ctx *c, const char *path);

/* ---- gzip as a stream (boot_gzip.c) ---- */

int boot_gz_open(struct boot_gz **gz, const struct boot_file *f, struct err *err);
void boot_gz_close(struct boot_gz *gz);
/* Up to len bytes; *got is less only at the end of the data, where checksum and length were right.
 */
int boot_gz_read(struct boot_gz *gz, void *buf, uint64_t len, uint64_t *got, struct err *err);
/* What the first n bytes of a gzip file inflate to, at most max bytes: how many. */
size_t boot_gz_peek(const uint8_t *head, size_t n, uint8_t *out, size_t max);
/* Compressed bytes taken so far, for the progress display. */
uint64_t boot_gz_pos(const struct boot_gz *gz);

#endif
