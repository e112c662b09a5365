// SPDX-License-Identifier: MIT
/*
 * test_boot_fail.c - the host says no: the n-th allocation or file call of a load fails, for n = 1,
 * 2, 3...
 *
 * Linked with --wrap for the calls below (see the Makefile). Every failure is an error with a text,
 * nothing leaks, and the load that meets no failure succeeds.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include "boot_rig.h"

/* clang-format off */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
ssize_t __real_pread(int fd, void *buf, size_t n, off_t off);
int __real_open(const char *path, int flags, ...);
int __real_fstat(int fd, struct stat *st);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
ssize_t __wrap_pread(int fd, void *buf, size_t n, off_t off);
int __wrap_open(const char *path, int flags, ...);
int __wrap_fstat(int fd, struct stat *st);
/* clang-format on */

static int countdown; /* the call that fails; 0: none */
static bool hit;

static bool fails(int code)
{
    if (!countdown || --countdown)
        return false;
    hit = true;
    errno = code;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails(ENOMEM) ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails(ENOMEM) ? NULL : __real_calloc(n, size);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
    return fails(ENOMEM) ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, off);
}

ssize_t __wrap_pread(int fd, void *buf, size_t n, off_t off)
{
    return fails(EIO) ? -1 : __real_pread(fd, buf, n, off);
}

int __wrap_open(const char *path, int flags, ...)
{
    return fails(EMFILE) ? -1 : __real_open(path, flags);
}

int __wrap_fstat(int fd, struct stat *st)
{
    return fails(EIO) ? -1 : __real_fstat(fd, st);
}

static unsigned open_fds(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/*
 * Loads r's image again and again, each time with a later call failing. `lenient`: without memory
 * for its symbols it loads all the same.
 */
static void expect_every_failure_said(struct boot_rig *r, bool lenient)
{
    unsigned fds = open_fds(), unseen = 0;
    for (int n = 1;; n++) {
        countdown = n;
        hit = false;
        int rc = boot_rig_load(r);
        countdown = 0;
        if (!hit) {
            expect_u64(rc, 0);
            expect_true(n > 3);
            break;
        }
        if (rc == 0) {
            unseen++;
            expect_true(r->res.syms == NULL);
        } else {
            expect_true(rc < 0 && r->err.code == -rc && *r->err.text);
            expect_u64(r->err.kind, ERR_HOST);
            expect_true(r->res.syms == NULL);
        }
        boot_fini(&r->res);
        expect_u64(open_fds(), fds);
    }
    expect_u64(unseen > 0, lenient);
}

static void raw_with_initramfs(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.binary = boot_rig_file(&r, bytes_new(100, 1));
    r.p.initrd = boot_rig_file(&r, bytes_new(100, 1));
    expect_every_failure_said(&r, false);
    boot_rig_fini(&r);
}

static const struct rig_seg seg = {1, RIG_RAM + 0x10000, RIG_RAM + 0x10000, 0x100, 0x100};

static struct bytes elf(void)
{
    struct bytes b = elf_new(RIG_RAM + 0x10000, &seg, 1);
    b.p[58] = 64; /* a section table, so that symbols are kept */
    b.p[60] = 1;
    return b;
}

static void elf_with_symbols(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, elf());
    expect_every_failure_said(&r, true); /* without memory for them, a machine without symbols */
    boot_rig_fini(&r);
}

static struct bytes gz_new(struct bytes b)
{
    z_stream z = {0};
    struct bytes out = bytes_new(b.len + 256, 0);
    deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    z.next_in = b.p;
    z.avail_in = (unsigned)b.len;
    z.next_out = out.p;
    z.avail_out = (unsigned)out.len;
    expect_u64(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    deflateEnd(&z);
    free(b.p);
    return out;
}

static void gzip_of_an_elf(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, gz_new(elf()));
    expect_every_failure_said(&r, true);
    boot_rig_fini(&r);
}

static void gzip_of_an_image(void)
{
    struct boot_rig r;
    boot_rig_init(&r, RIG_SIZE);
    r.p.image = boot_rig_file(&r, gz_new(arm64_new(MIB(1), 0, MIB(2), 0xa)));
    expect_every_failure_said(&r, false);
    boot_rig_fini(&r);
}

static const struct tap_test tests[] = {
    TAP_TEST(raw_with_initramfs),
    TAP_TEST(elf_with_symbols),
    TAP_TEST(gzip_of_an_elf),
    TAP_TEST(gzip_of_an_image),
};
TAP_MAIN(tests)
