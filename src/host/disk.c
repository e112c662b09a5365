// SPDX-License-Identifier: MIT
/*
 * disk.c - a raw image file or a block device as the host end of a disk.
 *
 * Reads and writes go through the host's page cache; flush is fdatasync(2). What is written when
 * the process ends, however it ends, is in that cache. Other formats are recognised by their first
 * bytes and refused: qemu-img converts them.
 * Not there: direct I/O, asynchronous I/O of the kernel.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#endif

#include "vmm/iov.h"

struct disk_file {
    struct disk disk;
    int fd;
};

/* ---- whole transfers ---- */

/* RWF_NOWAIT (Linux 4.14): only what is in the page cache; musl has no function for it. */
static ssize_t disk_preadv(int fd, const struct iovec *iov, unsigned n, uint64_t off, bool nowait)
{
    if (!nowait)
        return preadv(fd, iov, (int)n, (off_t)off);
#ifdef RWF_NOWAIT
    ssize_t rc = syscall(SYS_preadv2, fd, iov, (long)n, (long)off, 0L, RWF_NOWAIT);
    if (rc >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS))
        return rc;
#endif
    errno = EAGAIN;
    return -1;
}

int disk_fd_read(int fd, uint64_t off, const struct iovec *iov, unsigned n, bool nowait)
{
    struct iovec rest[DISK_IOV_MAX];
    const struct iovec *left = iov;
    unsigned n_left = n;
    for (uint64_t done = 0, len = iov_len(iov, n); done < len;) {
        ssize_t got = disk_preadv(fd, left, n_left, off + done, nowait);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (!got) { /* past the end of a sparse file, or of one that shrank */
            for (unsigned i = 0; i < n_left; i++)
                memset(left[i].iov_base, 0, left[i].iov_len);
            return 0;
        }
        done += (uint64_t)got;
        n_left = iov_slice(iov, n, done, len - done, rest);
        left = rest;
    }
    return 0;
}

int disk_fd_write(int fd, uint64_t off, const struct iovec *iov, unsigned n)
{
    struct iovec rest[DISK_IOV_MAX];
    const struct iovec *left = iov;
    unsigned n_left = n;
    for (uint64_t done = 0, len = iov_len(iov, n); done < len;) {
        ssize_t put = pwritev(fd, left, (int)n_left, (off_t)(off + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put ? -errno : -EIO;
        done += (uint64_t)put;
        n_left = iov_slice(iov, n, done, len - done, rest);
        left = rest;
    }
    return 0;
}

int disk_fd_punch(int fd, uint64_t off, uint64_t len)
{
#ifdef FALLOC_FL_PUNCH_HOLE
    int rc;
    do
        rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
    while (rc < 0 && errno == EINTR);
    return rc ? -errno : 0;
#else
    (void)fd, (void)off, (void)len;
    return -EOPNOTSUPP;
#endif
}

int disk_fd_lock(int fd, bool write, const char *path, struct err *err)
{
#ifdef F_OFD_SETLK
    struct flock lock = {.l_type = (short)(write ? F_WRLCK : F_RDLCK), .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return err_set(err, ERR_HOST, EBUSY,
                       "%s: another process %s it; one that writes is alone, add ,ro or ,cow to "
                       "both to share it",
                       path, write ? "uses" : "writes to");
    return err_sys(err, errno, "%s: cannot be locked", path);
#else
    (void)fd, (void)write, (void)path, (void)err;
    return 0;
#endif
}

/* ---- the file as a disk ---- */

static struct disk_file *disk_file_of(struct disk *d)
{
    return container_of(d, struct disk_file, disk);
}

static int disk_file_read(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n,
                          bool nowait)
{
    return disk_fd_read(disk_file_of(d)->fd, off, iov, n, nowait);
}

static int disk_file_write(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n)
{
    return disk_fd_write(disk_file_of(d)->fd, off, iov, n);
}

static int disk_file_flush(struct disk *d)
{
    return fdatasync(disk_file_of(d)->fd) ? -errno : 0;
}

/* A host that cannot leaves the bytes as they are, which is allowed. */
static int disk_file_discard(struct disk *d, uint64_t off, uint64_t len)
{
    int rc = disk_fd_punch(disk_file_of(d)->fd, off, len);
    return rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -ENODEV ? 0 : rc;
}

static int disk_file_zero(struct disk *d, uint64_t off, uint64_t len)
{
    static const uint8_t zeroes[65536];
    int rc = disk_fd_punch(disk_file_of(d)->fd, off, len);
    if (rc != -EOPNOTSUPP && rc != -ENOSYS && rc != -ENODEV)
        return rc;
    for (rc = 0; len && !rc;) {
        struct iovec iov = {(void *)(uintptr_t)zeroes, (size_t)MIN(len, sizeof zeroes)};
        rc = disk_file_write(d, off, &iov, 1);
        off += iov.iov_len;
        len -= iov.iov_len;
    }
    return rc;
}

static void disk_file_free(struct disk *d)
{
    close(disk_file_of(d)->fd);
    free(disk_file_of(d));
}

static const struct disk_ops disk_file_ops = {
    .read = disk_file_read,
    .write = disk_file_write,
    .flush = disk_file_flush,
    .discard = disk_file_discard,
    .zero = disk_file_zero,
    .free = disk_file_free,
};

/* ---- opening ---- */

/* Formats by their first bytes: qcow2 (docs/interop/qcow2.txt), VMDK, VHD, VHDX, VDI. */
static const struct {
    const char *name;
    unsigned off;
    const char *magic;
} disk_formats[] = {
    {"qcow2", 0,    "QFI\xfb"         },
    {"vmdk",  0,    "KDMV"            },
    {"vpc",   0,    "conectix"        },
    {"vhdx",  0,    "vhdxfile"        },
    {"vdi",   0x40, "\x7f\x10\xda\xbe"},
};

static int disk_check_format(int fd, const char *path, struct err *err)
{
    char head[DISK_SECTOR] = {0};
    ssize_t got = pread(fd, head, sizeof head, 0);
    if (got < 0)
        return err_sys(err, errno, "%s", path);
    for (unsigned i = 0; i < ARRAY_LEN(disk_formats); i++)
        if (!memcmp(head + disk_formats[i].off, disk_formats[i].magic,
                    strlen(disk_formats[i].magic)))
            return err_set(err, ERR_HOST, ENOTSUP,
                           "%s: is a %s image, raw ones are taken: qemu-img convert -O raw %s "
                           "NEW.img; or add ,raw to take it as it is",
                           path, disk_formats[i].name, path);
    return 0;
}

static int disk_size(struct disk_file *f, const struct stat *st, const char *path, struct err *err)
{
    f->disk.size = (uint64_t)st->st_size;
    if (S_ISBLK(st->st_mode)) {
#ifdef BLKGETSIZE64
        if (syscall(SYS_ioctl, f->fd, BLKGETSIZE64, &f->disk.size)) /* musl takes an int for it */
            return err_sys(err, errno, "%s", path);
#endif
    } else if (!S_ISREG(st->st_mode)) {
        return err_set(err, ERR_HOST, EINVAL,
                       "%s: is no regular file and no block device; --disk takes one of them",
                       path);
    }
    if (!f->disk.size || f->disk.size % DISK_SECTOR || f->disk.size > INT64_MAX)
        return err_set(err, ERR_HOST, EINVAL,
                       "%s: is %" PRIu64 " bytes; a disk has a multiple of %u, and not 0 (truncate "
                       "-s %%%u makes it one)",
                       path, f->disk.size, DISK_SECTOR, DISK_SECTOR);
    return 0;
}

int disk_open(struct disk **out, const struct disk_params *p, struct err *err)
{
    bool ro = p->ro || p->cow;
    struct stat st = {0};
    struct disk_file *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f)
        return err_sys(err, ENOMEM, "%s", p->path);
    f->disk = (struct disk){.ops = &disk_file_ops, .ro = ro};
    f->fd = open(p->path, (ro ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int rc = f->fd < 0 || fstat(f->fd, &st)
                 ? err_sys(err, errno, "%s%s", p->path,
                           errno == EACCES && !ro ? " (,ro only reads it)" : "")
                 : 0;
    rc = rc ? rc : disk_size(f, &st, p->path, err);
    rc = rc ? rc : disk_fd_lock(f->fd, !ro, p->path, err);
    if (!rc && !p->raw)
        rc = disk_check_format(f->fd, p->path, err);
    if (rc) {
        if (f->fd >= 0)
            close(f->fd);
        free(f);
        return rc;
    }
    *out = &f->disk;
    if (!p->cow)
        return 0;
    /* A base that was changed is another base: its date is part of what it is. */
    uint64_t id = (uint64_t)st.st_mtim.tv_sec * UINT64_C(1000000000) + (uint64_t)st.st_mtim.tv_nsec;
    rc = disk_cow_new(out, &f->disk, p->cow_path, id, err);
    if (!rc)
        (*out)->ro = p->ro;
    return rc;
}
