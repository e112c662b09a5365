// SPDX-License-Identifier: MIT
/*
 * test_cpio.c - archives that Linux unpacks as an initramfs.
 *
 * Values from "initramfs buffer format" (Documentation/driver-api/early-userspace/
 * buffer-format.rst).
 */
#include "tests/tap.h"
#include "vmm/cpio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The whole archive, malloc'ed; behind it a byte that must stay. */
static uint8_t *written(const struct cpio *c)
{
    size_t len = (size_t)cpio_len(c);
    uint8_t *p = malloc(len + 1);
    p[len] = 0xa5;
    expect_u64(cpio_write(c, p, NULL), 0);
    expect_u64(p[len], 0xa5);
    return p;
}

/* A header's field by its index: 0 is ino, 5 mtime... */
static uint32_t field(const uint8_t *head, unsigned i)
{
    char hex[9] = "";
    memcpy(hex, head + 6 + 8 * i, 8);
    return (uint32_t)strtoul(hex, NULL, 16);
}

enum { INO, MODE, UID, GID, NLINK, MTIME, FILESIZE, MAJ, MIN_, RMAJ, RMIN, NAMESIZE, CHKSUM };

static void an_archive_of_nothing_is_the_trailer(void)
{
    struct cpio *c = cpio_new();
    expect_u64(cpio_len(c), 124); /* 110 + sizeof "TRAILER!!!", up to a multiple of 4 */
    uint8_t *p = written(c);
    expect_true(!memcmp(p, "070701", 6));
    expect_u64(field(p, FILESIZE), 0);
    expect_u64(field(p, NAMESIZE), 11);
    expect_true(!strcmp((char *)p + 110, "TRAILER!!!"));
    free(p);
    cpio_free(c);
}

static void entries_have_header_name_and_data_at_multiples_of_4(void)
{
    struct cpio *c = cpio_new();
    expect_u64(cpio_add_dir(c, "d", 0755, NULL), 0);
    expect_u64(cpio_add_data(c, "d/abc", 0644, "hello", 5, NULL), 0);
    expect_u64(cpio_add_link(c, "d/l", "abc", NULL), 0);
    uint8_t *p = written(c), *at = p;

    expect_u64(field(at, MODE), 0040755);
    expect_u64(field(at, NLINK), 2);
    expect_u64(field(at, FILESIZE), 0);
    expect_u64(field(at, NAMESIZE), 2);
    at += 112; /* 110 + "d" and NUL */

    expect_true(!memcmp(at, "070701", 6));
    expect_u64(field(at, MODE), 0100644);
    expect_u64(field(at, UID) | field(at, GID) | field(at, MTIME), 0);
    expect_u64(field(at, NLINK), 1);
    expect_u64(field(at, FILESIZE), 5);
    expect_u64(field(at, NAMESIZE), 6);
    expect_u64(field(at, CHKSUM), 0); /* only "070702" has one */
    expect_true(!strcmp((char *)at + 110, "d/abc"));
    expect_true(!memcmp(at + 116, "hello\0\0\0", 8)); /* 110 + 6 is 116 already */
    at += 124;

    expect_true(!memcmp(at, "070701", 6));
    expect_u64(field(at, MODE), 0120777);
    expect_u64(field(at, FILESIZE), 3);                   /* no NUL */
    expect_true(!memcmp(at + 110, "d/l\0\0\0abc\0", 10)); /* the name ends at 114, data at 116 */
    at += 120;

    expect_true(!memcmp(at, "070701", 6));
    expect_true(!strcmp((char *)at + 110, "TRAILER!!!"));
    expect_u64(cpio_len(c), (uint64_t)(at - p) + 124);
    expect_true(field(p, INO) != field(p + 112, INO));
    free(p);
    cpio_free(c);
}

static int file_of(const char *text, size_t len, char *path, size_t size)
{
    int fd = memfd_create("file", 0);
    expect_u64(write(fd, text, len), len);
    snprintf(path, size, "/proc/self/fd/%d", fd);
    return fd;
}

static void files_of_the_host_are_read_between_the_others(void)
{
    struct cpio *c = cpio_new();
    char one[40], two[40];
    int f1 = file_of("1234567", 7, one, sizeof one), f2 = file_of("x", 1, two, sizeof two);
    expect_u64(cpio_add_file(c, "one", 0755, one, NULL), 0);
    expect_u64(cpio_add_data(c, "mid", 0600, "m", 1, NULL), 0);
    expect_u64(cpio_add_file(c, "two", 0755, two, NULL), 0);
    uint8_t *p = written(c);
    /* 110 + 4 is padded to 116, then 7 to 8, then 116 + 4, 116 + 4, 124 */
    expect_u64(cpio_len(c), 124 + 120 + 120 + 124);
    expect_true(!memcmp(p + 116, "1234567\0", 8));
    expect_true(!memcmp(p + 124 + 116, "m\0\0\0", 4));
    expect_true(!memcmp(p + 244 + 116, "x\0\0\0", 4));
    expect_u64(field(p, MODE), 0100755);
    free(p);
    cpio_free(c);
    close(f1);
    close(f2);
}

static void what_comes_through_a_pipe_is_taken_too(void)
{
    int ends[2];
    expect_u64(pipe(ends), 0);
    expect_u64(write(ends[1], "abc", 3), 3);
    close(ends[1]);
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    struct cpio *c = cpio_new();
    expect_u64(cpio_add_file(c, "p", 0755, path, NULL), 0);
    uint8_t *p = written(c);
    expect_u64(field(p, FILESIZE), 3);
    expect_true(!memcmp(p + 112, "abc", 3));
    free(p);
    cpio_free(c);
    close(ends[0]);
}

static void a_file_that_shrinks_is_an_error(void)
{
    char path[40];
    int fd = file_of("12345678", 8, path, sizeof path);
    struct cpio *c = cpio_new();
    struct err err = {0};
    expect_u64(cpio_add_file(c, "f", 0755, path, &err), 0);
    expect_u64(ftruncate(fd, 3), 0);
    uint8_t *p = malloc((size_t)cpio_len(c));
    expect_true(cpio_write(c, p, &err) < 0);
    expect_text(err.text, "shrank while it was read");
    free(p);
    cpio_free(c);
    close(fd);
}

static void what_cannot_be_in_one_is_refused(void)
{
    struct cpio *c = cpio_new();
    struct err err = {0};
    char name[5000];
    memset(name, 'n', sizeof name);
    name[4094] = '\0';
    expect_u64(cpio_add_dir(c, name, 0755, &err), 0);
    name[4094] = 'n';
    name[4095] = '\0';
    expect_u64(cpio_add_dir(c, name, 0755, &err), -EINVAL);
    expect_text(err.text, "1 to 4094 bytes");
    expect_u64(cpio_add_dir(c, "", 0755, &err), -EINVAL);
    expect_u64(cpio_add_dir(c, "/abs", 0755, &err), -EINVAL);
    expect_text(err.text, "\"/abs\"");
    expect_u64(cpio_add_file(c, "f", 0755, "/no/such", &err), -ENOENT);
    expect_text(err.text, "/no/such");
    expect_true(cpio_add_file(c, "f", 0755, "/", &err) < 0);
    expect_text(err.text, "is a directory");
    cpio_free(c);
}

static void a_file_whose_size_has_more_than_32_bits_is_refused(void)
{
    char path[40];
    int fd = file_of("", 0, path, sizeof path);
    struct cpio *c = cpio_new();
    struct err err = {0};
    expect_u64(ftruncate(fd, INT64_C(0x100000000)), 0);
    expect_u64(cpio_add_file(c, "f", 0755, path, &err), -EFBIG);
    expect_text(err.text, "has 4294967296 bytes");
    expect_u64(ftruncate(fd, INT64_C(0xffffffff)), 0);
    expect_u64(cpio_add_file(c, "f", 0755, path, &err), 0);
    expect_u64(cpio_len(c), UINT64_C(112) + 0x100000000 + 124);
    cpio_free(c);
    close(fd);
}

static void there_is_an_end_to_the_files(void)
{
    char path[40];
    int fd = file_of("x", 1, path, sizeof path);
    struct cpio *c = cpio_new();
    struct err err = {0};
    for (unsigned i = 0; i < CPIO_FILES_MAX; i++)
        expect_u64(cpio_add_file(c, "f", 0755, path, &err), 0);
    expect_u64(cpio_add_file(c, "f", 0755, path, &err), -ENOSPC);
    expect_text(err.text, "at most 64 files");
    cpio_free(c);
    close(fd);
}

static const struct tap_test tests[] = {
    TAP_TEST(an_archive_of_nothing_is_the_trailer),
    TAP_TEST(entries_have_header_name_and_data_at_multiples_of_4),
    TAP_TEST(files_of_the_host_are_read_between_the_others),
    TAP_TEST(what_comes_through_a_pipe_is_taken_too),
    TAP_TEST(a_file_that_shrinks_is_an_error),
    TAP_TEST(what_cannot_be_in_one_is_refused),
    TAP_TEST(a_file_whose_size_has_more_than_32_bits_is_refused),
    TAP_TEST(there_is_an_end_to_the_files),
};

TAP_MAIN(tests)
