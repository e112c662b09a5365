// SPDX-License-Identifier: MIT
/*
 * test_host_disk.c - disks in files: what is opened and what is refused, copy on write.
 *
 * Rules are those of vmm/disk.h; the overlay's format is in src/host/disk_cow.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"
#include "vmm/disk.h"

#define SIZE (64 * 1024)

static char dir[] = "/tmp/vibevmm-test-disk-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[2][128];
    static unsigned turn;
    char *p = path[turn ^= 1];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

/* A file of `len` bytes whose sector n begins with n + 1, or with `magic` at `off`. */
static const char *file_of(const char *name, size_t len, size_t off, const char *magic)
{
    const char *path = path_of(name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool ok = fd >= 0 && ftruncate(fd, (off_t)len) == 0;
    for (size_t at = 0; ok && !magic && at < len; at += DISK_SECTOR)
        ok = pwrite(fd, &(uint8_t){(uint8_t)(at / DISK_SECTOR + 1)}, 1, (off_t)at) == 1;
    if (ok && magic)
        ok = pwrite(fd, magic, strlen(magic), (off_t)off) == (ssize_t)strlen(magic);
    expect_true(ok);
    close(fd);
    return path;
}

static struct disk *opened(const struct disk_params *p)
{
    struct disk *d;
    struct err err = {0};
    if (disk_open(&d, p, &err))
        printf("# %s\n", err.text);
    expect_true(d != NULL);
    if (!d)
        exit(1);
    return d;
}

static void refused(const struct disk_params *p, enum err_kind kind, const char *text)
{
    struct disk *d;
    struct err err = {0};
    expect_true(disk_open(&d, p, &err) < 0);
    expect_true(!d);
    expect_u64(err.kind, kind);
    expect_text(err.text, text);
}

static uint8_t byte_at(struct disk *d, uint64_t off)
{
    uint8_t b = 0xee;
    expect_u64(d->ops->read(d, off, &(struct iovec){&b, 1}, 1, false), 0);
    return b;
}

static void put(struct disk *d, uint64_t off, size_t len, int val)
{
    uint8_t *buf = malloc(len);
    memset(buf, val, len);
    const struct iovec iov[2] = {
        {buf,           len / 3      },
        {buf + len / 3, len - len / 3}
    };
    expect_u64(d->ops->write(d, off, iov, 2), 0);
    free(buf);
}

static void bytes_go_to_the_file_and_come_back(void)
{
    const char *path = file_of("plain", SIZE, 0, NULL);
    struct disk *d = opened(&(struct disk_params){.path = path});
    expect_u64(d->size, SIZE);
    expect_true(!d->ro);
    expect_u64(byte_at(d, 512 * 7), 8);
    put(d, 1000, 3000, 0x55);
    expect_u64(d->ops->flush(d), 0);
    expect_u64(byte_at(d, 999), 0);
    expect_u64(byte_at(d, 1000), 0x55);
    expect_u64(byte_at(d, 3999), 0x55);
    expect_u64(d->ops->zero(d, 1024, 512), 0);
    expect_u64(byte_at(d, 1023), 0x55);
    expect_u64(byte_at(d, 1024), 0);
    expect_u64(byte_at(d, 1536), 0x55);
    expect_u64(d->ops->discard(d, 8192, 4096), 0);
    d->ops->free(d);
    struct stat st;
    expect_true(!stat(path, &st) && st.st_size == SIZE); /* a discard cuts nothing off */
}

/* A file that shrank, or is full, ends a transfer in the middle of a segment. */
static void a_part_of_a_transfer_goes_on_where_it_ended(void)
{
    const char *path = file_of("short", SIZE, 0, NULL);
    struct disk *d = opened(&(struct disk_params){.path = path});
    uint8_t b[3][1000];
    const struct iovec iov[] = {
        {b[0], sizeof b[0]},
        {b[1], sizeof b[1]},
        {b[2], sizeof b[2]}
    };
    put(d, 0, SIZE, 0x77);
    expect_true(!truncate(path, 512 + 1500));
    memset(b, 0xee, sizeof b);
    expect_u64(d->ops->read(d, 512, iov, 3, false), 0);
    for (unsigned i = 0; i < 3000; i++)
        expect_u64(b[i / 1000][i % 1000], i < 1500 ? 0x77 : 0);
    struct rlimit all, little = {512 + 1500, RLIM_INFINITY};
    expect_true(!getrlimit(RLIMIT_FSIZE, &all));
    little.rlim_max = all.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    expect_true(!setrlimit(RLIMIT_FSIZE, &little));
    memset(b, 0x33, sizeof b);
    expect_u64(d->ops->write(d, 512, iov, 3), -EFBIG);
    expect_true(!setrlimit(RLIMIT_FSIZE, &all));
    expect_u64(byte_at(d, 512 + 1499), 0x33);
    expect_u64(byte_at(d, 512 + 1500), 0);
    expect_u64(d->ops->write(d, 512, iov, 0), 0); /* nothing is nothing */
    expect_u64(d->ops->read(d, 512, iov, 0, false), 0);
    d->ops->free(d);
}

static void a_read_that_may_not_wait(void)
{
    struct disk *d = opened(&(struct disk_params){.path = file_of("warm", SIZE, 0, NULL)});
    uint8_t b[8192];
    int rc = d->ops->read(d, 0, &(struct iovec){b, sizeof b}, 1, true);
    expect_true(rc == 0 || rc == -EAGAIN); /* the host may have no such read */
    expect_true(rc || (b[0] == 1 && b[512] == 2));
    d->ops->free(d);
}

static void what_is_no_disk_is_refused(void)
{
    refused(&(struct disk_params){.path = path_of("none")}, ERR_FILE, "none: No such file");
    refused(&(struct disk_params){.path = file_of("odd", 1000, 0, NULL)}, ERR_HOST,
            "is 1000 bytes; a disk has a multiple of 512");
    refused(&(struct disk_params){.path = file_of("empty", 0, 0, NULL)}, ERR_HOST, "is 0 bytes");
    refused(&(struct disk_params){.path = dir}, ERR_HOST, "Is a directory");
    refused(&(struct disk_params){.path = dir, .ro = true}, ERR_HOST, "is no regular file");
    refused(&(struct disk_params){.path = "/dev/null"}, ERR_HOST, "is no regular file");
    expect_true(!mkfifo(path_of("fifo"), 0600)); /* and does not wait for a writer */
    refused(&(struct disk_params){.path = path_of("fifo"), .ro = true}, ERR_HOST,
            "no regular file");
}

static void other_formats_are_named(void)
{
    static const struct {
        const char *name, *magic;
        size_t off;
    } formats[] = {
        {"qcow2", "QFI\xfb",          0   },
        {"vmdk",  "KDMV",             0   },
        {"vpc",   "conectix",         0   },
        {"vhdx",  "vhdxfile",         0   },
        {"vdi",   "\x7f\x10\xda\xbe", 0x40},
    };
    for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
        const char *path = file_of("other", SIZE, formats[i].off, formats[i].magic);
        char want[64];
        snprintf(want, sizeof want, "is a %s image", formats[i].name);
        refused(&(struct disk_params){.path = path}, ERR_HOST, want);
        refused(&(struct disk_params){.path = path}, ERR_HOST, "qemu-img convert -O raw");
        struct disk *d = opened(&(struct disk_params){.path = path, .raw = true});
        d->ops->free(d);
    }
}

/* Locks of one process do not meet each other's unless they are of open file descriptions. */
static void one_writer_or_many_readers(void)
{
    const char *path = file_of("locked", SIZE, 0, NULL);
    struct disk *w = opened(&(struct disk_params){.path = path});
    refused(&(struct disk_params){.path = path}, ERR_HOST, "another process uses it");
    refused(&(struct disk_params){.path = path, .ro = true}, ERR_HOST, "writes to it");
    refused(&(struct disk_params){.path = path, .cow = true}, ERR_HOST, "writes to it");
    w->ops->free(w);
    struct disk *a = opened(&(struct disk_params){.path = path, .ro = true});
    struct disk *b = opened(&(struct disk_params){.path = path, .cow = true});
    refused(&(struct disk_params){.path = path}, ERR_HOST, "another process uses it");
    a->ops->free(a);
    b->ops->free(b);
    w = opened(&(struct disk_params){.path = path});
    w->ops->free(w);
}

static unsigned long sum_of(const char *path)
{
    unsigned long sum = 0;
    int fd = open(path, O_RDONLY), n;
    uint8_t buf[4096];
    while ((n = (int)read(fd, buf, sizeof buf)) > 0)
        for (int i = 0; i < n; i++)
            sum = sum * 31 + buf[i];
    close(fd);
    return sum;
}

/* Against a plain copy in memory: writes, zeroes and discards of every alignment. */
static void cow_reads_as_a_copy_would(struct disk *d, uint8_t *copy)
{
    uint32_t x = 1;
    unsigned bad = 0;
    for (unsigned i = 0; i < 3000; i++) {
        x = x * 1664525 + 1013904223;
        uint64_t off = x % d->size;
        x = x * 1664525 + 1013904223;
        uint64_t len = 1 + (x >> 8) % MIN(UINT64_C(20000), d->size - off);
        uint8_t buf[20000], got[20000];
        memset(buf, (int)(i | 1), len);
        if (i % 8 == 7) {
            bad += d->ops->zero(d, off, len) != 0;
            memset(copy + off, 0, len);
        } else if (i % 4 == 3) {
            const struct iovec iov[3] = {
                {buf, len / 2      },
                {buf, 0            },
                {buf, len - len / 2}
            };
            bad += d->ops->write(d, off, iov, 3) != 0;
            memcpy(copy + off, buf, len);
        }
        const struct iovec in[2] = {
            {got,           len / 5      },
            {got + len / 5, len - len / 5}
        };
        bad += d->ops->read(d, off, in, 2, false) != 0 || memcmp(got, copy + off, len) != 0;
    }
    expect_u64(bad, 0);
}

static void cow_leaves_its_base_alone(void)
{
    static uint8_t copy[SIZE - 1024];
    const char *path = file_of("base", sizeof copy, 0, NULL); /* its last cluster is not whole */
    unsigned long before = sum_of(path);
    for (size_t at = 0; at < sizeof copy; at += DISK_SECTOR)
        copy[at] = (uint8_t)(at / DISK_SECTOR + 1);
    struct disk *d = opened(&(struct disk_params){.path = path, .cow = true});
    expect_true(!d->ro);
    cow_reads_as_a_copy_would(d, copy);
    d->ops->free(d);
    expect_u64(sum_of(path), before);
}

static void a_discard_of_an_overlay_shows_no_stranger(void)
{
    const char *path = file_of("base2", SIZE, 0, NULL);
    struct disk *d = opened(&(struct disk_params){.path = path, .cow = true});
    put(d, 4096, 8192, 0x77);
    expect_u64(d->ops->discard(d, 4096, 4096), 0);
    uint8_t b = byte_at(d, 4096);
    expect_true(b == 0 || b == 0x77);
    expect_u64(byte_at(d, 8192), 0x77);
    d->ops->free(d);
}

static void an_overlay_is_kept_in_its_file(void)
{
    const char *base = file_of("base3", SIZE, 0, NULL);
    struct disk_params p = {.path = base, .cow = true, .cow_path = path_of("over")};
    struct disk *d = opened(&p);
    put(d, 5000, 3, 0x11);
    put(d, 40000, 10000, 0x22);
    refused(&p, ERR_HOST, "another process uses it");
    d->ops->free(d);
    d = opened(&p);
    expect_u64(byte_at(d, 5000), 0x11);
    expect_u64(byte_at(d, 5003), 0);
    expect_u64(byte_at(d, 4608), 10);
    expect_u64(byte_at(d, 49999), 0x22);
    d->ops->free(d);
    p.ro = true;
    d = opened(&p);
    expect_true(d->ro);
    d->ops->free(d);
}

/* The launcher exits without freeing its machine. */
static void what_was_written_is_kept_by_the_end(void)
{
    const char *base = file_of("base6", SIZE, 0, NULL);
    struct disk_params p = {.path = base, .cow = true, .cow_path = path_of("over6")};
    pid_t pid = fork();
    if (!pid) {
        struct disk *d = opened(&p);
        put(d, 40000, 10000, 0x22);
        d->ops->end(d);
        _exit(0);
    }
    expect_true(waitpid(pid, NULL, 0) == pid);
    struct disk *d = opened(&p);
    expect_u64(byte_at(d, 49999), 0x22);
    d->ops->free(d);
}

/* A process that is killed has lost no more than what it did not flush. */
static void what_was_flushed_survives_a_kill(void)
{
    const char *base = file_of("base4", SIZE, 0, NULL);
    struct disk_params p = {.path = base, .cow = true, .cow_path = path_of("over4")};
    pid_t pid = fork();
    if (!pid) {
        struct disk *d = opened(&p);
        put(d, 5000, 300, 0x33);
        d->ops->flush(d);
        put(d, 60000, 300, 0x44);
        kill(getpid(), SIGKILL);
    }
    int status;
    expect_true(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    struct disk *d = opened(&p);
    expect_u64(byte_at(d, 5000), 0x33);
    uint8_t b = byte_at(d, 60000);
    expect_true(b == 0x44 || b == 0);
    d->ops->free(d);
}

static void overlays_that_cannot_be(void)
{
    const char *base = file_of("base5", SIZE, 0, NULL);
    struct disk_params p = {.path = base, .cow = true, .cow_path = path_of("over5")};
    struct disk *d = opened(&p);
    put(d, 0, 512, 1);
    d->ops->free(d);

    int fd = open(p.cow_path, O_RDWR);
    expect_true(ftruncate(fd, 5000) == 0);
    refused(&p, ERR_HOST, "is truncated: has 5000 bytes of");
    uint64_t other = SIZE * 2;
    expect_true(pwrite(fd, &other, 8, 16) == 8);
    refused(&p, ERR_HOST, "is an overlay of a disk of 131072 bytes; this base has 65536");
    other = SIZE;
    expect_true(pwrite(fd, &other, 8, 16) == 8 && pwrite(fd, &other, 8, 24) == 8);
    refused(&p, ERR_HOST, "its base was changed after the overlay was made");
    expect_true(pwrite(fd, "X", 1, 0) == 1);
    refused(&p, ERR_HOST, "is no overlay of ours");
    close(fd);
    p.cow_path = dir;
    refused(&p, ERR_HOST, "Is a directory");
    p.cow_path = "/dev/null";
    refused(&p, ERR_HOST, "takes a regular file");
    p.cow_path = p.path;
    refused(&p, ERR_HOST, "another process uses it"); /* the base as its own overlay */
}

static const struct tap_test tests[] = {
    TAP_TEST(bytes_go_to_the_file_and_come_back),
    TAP_TEST(a_part_of_a_transfer_goes_on_where_it_ended),
    TAP_TEST(a_read_that_may_not_wait),
    TAP_TEST(what_is_no_disk_is_refused),
    TAP_TEST(other_formats_are_named),
    TAP_TEST(one_writer_or_many_readers),
    TAP_TEST(cow_leaves_its_base_alone),
    TAP_TEST(a_discard_of_an_overlay_shows_no_stranger),
    TAP_TEST(an_overlay_is_kept_in_its_file),
    TAP_TEST(what_was_written_is_kept_by_the_end),
    TAP_TEST(what_was_flushed_survives_a_kill),
    TAP_TEST(overlays_that_cannot_be),
};

int main(void)
{
    if (!mkdtemp(dir))
        return 1;
    int rc = tap_run(tests, ARRAY_LEN(tests));
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) ? 1 : rc;
}
