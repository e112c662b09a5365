// SPDX-License-Identifier: MIT
/*
 * disk_cow.c - copy on write: a base that is only read, and an overlay with the clusters that were
 * written.
 *
 * Without a path the overlay is an unlinked temporary file, gone with the process. With one it is
 * kept, in a format of our own (numbers little-endian):
 *
 *   0    8   "VIBECOW1"
 *   8    8   bytes of a cluster: 4096
 *   16   8   bytes of the disk
 *   24   8   the base's identity: when it was last changed, ns since the epoch
 *   4096     a bit for each cluster, lowest first: it is in the overlay
 *   data     at the next multiple of 4096: cluster n at n clusters from there (the file is sparse)
 *
 * Bits reach the file at a flush and at the end, after the clusters they speak for: a host that
 * crashes in between loses what was not flushed, and nothing else. Threads: the lock is held for
 * reading by transfers of clusters that are there, and for writing when bits change.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/iov.h"

#define COW_MAGIC   "VIBECOW1"
#define COW_CLUSTER UINT64_C(4096)
#define COW_HEAD    COW_CLUSTER

struct disk_cow {
    struct disk disk;
    struct disk *base;
    int fd;
    bool keep;                        /* bits are written to the file */
    uint64_t clusters, map_len, data; /* data: where cluster 0 is in the file */
    uint8_t *map;                     /* map_len bytes */
    uint64_t dirty_lo, dirty_hi;      /* bytes of the map that the file has not yet: [lo, hi) */
    pthread_rwlock_t lock;
};

static struct disk_cow *cow_of(struct disk *d)
{
    return container_of(d, struct disk_cow, disk);
}

static bool cow_has(const struct disk_cow *c, uint64_t n)
{
    return c->map[n / 8] >> n % 8 & 1;
}

/* Clusters from `n` on, before `end`, that are alike in being there or not. */
static uint64_t cow_run(const struct disk_cow *c, uint64_t n, uint64_t end)
{
    uint64_t at = n + 1;
    while (at < end && cow_has(c, at) == cow_has(c, n))
        at++;
    return at - n;
}

static void cow_mark(struct disk_cow *c, uint64_t n)
{
    c->map[n / 8] |= (uint8_t)(1u << n % 8);
    c->dirty_lo = MIN(c->dirty_lo, n / 8);
    c->dirty_hi = MAX(c->dirty_hi, n / 8 + 1);
}

static int cow_read(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n, bool nowait)
{
    struct disk_cow *c = cow_of(d);
    uint64_t len = iov_len(iov, n), end = (off + len + COW_CLUSTER - 1) / COW_CLUSTER;
    int rc = 0;
    pthread_rwlock_rdlock(&c->lock);
    for (uint64_t done = 0; done < len && !rc;) {
        struct iovec part[DISK_IOV_MAX];
        uint64_t at = off + done, first = at / COW_CLUSTER;
        uint64_t take = MIN((first + cow_run(c, first, end)) * COW_CLUSTER - at, len - done);
        unsigned parts = iov_slice(iov, n, done, take, part);
        rc = cow_has(c, first) ? disk_fd_read(c->fd, c->data + at, part, parts, nowait)
                               : c->base->ops->read(c->base, at, part, parts, nowait);
        done += take;
    }
    pthread_rwlock_unlock(&c->lock);
    return rc;
}

/* What the cluster's other bytes are, before [off, off + len) of it is written. Lock held. */
static int cow_fill(struct disk_cow *c, uint64_t n, uint64_t off, uint64_t len)
{
    uint8_t buf[COW_CLUSTER] = {0};
    uint64_t at = n * COW_CLUSTER, have = MIN(COW_CLUSTER, c->disk.size - at);
    if (cow_has(c, n) || (off <= at && off + len >= at + have))
        return 0;
    struct iovec iov = {buf, have};
    int rc = c->base->ops->read(c->base, at, &iov, 1, false);
    return rc ? rc : disk_fd_write(c->fd, c->data + at, &iov, 1);
}

/* Make the clusters of the range the overlay's, but for the bytes of the range. Lock held. */
static int cow_take(struct disk_cow *c, uint64_t off, uint64_t len)
{
    uint64_t first = off / COW_CLUSTER, last = (off + len - 1) / COW_CLUSTER;
    int rc = cow_fill(c, first, off, len);
    return rc || last == first ? rc : cow_fill(c, last, off, len);
}

static void cow_mark_all(struct disk_cow *c, uint64_t off, uint64_t len)
{
    for (uint64_t n = off / COW_CLUSTER; n <= (off + len - 1) / COW_CLUSTER; n++)
        if (!cow_has(c, n))
            cow_mark(c, n);
}

static bool cow_has_all(const struct disk_cow *c, uint64_t off, uint64_t len)
{
    uint64_t n = off / COW_CLUSTER, end = (off + len - 1) / COW_CLUSTER + 1;
    return cow_has(c, n) && cow_run(c, n, end) == end - n;
}

static int cow_write(struct disk *d, uint64_t off, const struct iovec *iov, unsigned n)
{
    struct disk_cow *c = cow_of(d);
    uint64_t len = iov_len(iov, n);
    if (!len)
        return 0;
    pthread_rwlock_rdlock(&c->lock);
    bool all = cow_has_all(c, off, len);
    int rc = all ? disk_fd_write(c->fd, c->data + off, iov, n) : 0;
    pthread_rwlock_unlock(&c->lock);
    if (all)
        return rc;
    pthread_rwlock_wrlock(&c->lock);
    rc = cow_take(c, off, len);
    rc = rc ? rc : disk_fd_write(c->fd, c->data + off, iov, n);
    if (!rc)
        cow_mark_all(c, off, len);
    pthread_rwlock_unlock(&c->lock);
    return rc;
}

/* Clusters that are wholly in the range are zero in the overlay, where a hole is as good. */
static int cow_zero(struct disk *d, uint64_t off, uint64_t len)
{
    struct disk_cow *c = cow_of(d);
    static const uint8_t zeroes[COW_CLUSTER];
    if (!len)
        return 0;
    pthread_rwlock_wrlock(&c->lock);
    int rc = cow_take(c, off, len);
    uint64_t lo = MIN(align_up(off, COW_CLUSTER), off + len);
    uint64_t hi = MAX(align_down(off + len, COW_CLUSTER), lo);
    if (!rc && hi > lo)
        rc = disk_fd_punch(c->fd, c->data + lo, hi - lo);
    const uint64_t ends[2][2] = {
        {off, lo - off      },
        {hi,  off + len - hi}
    };
    for (unsigned i = 0; i < 2 && !rc; i++) {
        struct iovec iov = {(void *)(uintptr_t)zeroes, ends[i][1]};
        rc = iov.iov_len ? disk_fd_write(c->fd, c->data + ends[i][0], &iov, 1) : 0;
    }
    if (!rc)
        cow_mark_all(c, off, len);
    pthread_rwlock_unlock(&c->lock);
    return rc;
}

/* The base cannot give anything back, and of the overlay only whole clusters that are there. */
static int cow_discard(struct disk *d, uint64_t off, uint64_t len)
{
    struct disk_cow *c = cow_of(d);
    int rc = 0;
    pthread_rwlock_rdlock(&c->lock);
    uint64_t end = (off + len) / COW_CLUSTER;
    for (uint64_t n = (off + COW_CLUSTER - 1) / COW_CLUSTER, run; n < end && !rc; n += run) {
        run = cow_run(c, n, end);
        if (cow_has(c, n))
            rc = disk_fd_punch(c->fd, c->data + n * COW_CLUSTER, run * COW_CLUSTER);
    }
    pthread_rwlock_unlock(&c->lock);
    return rc == -EOPNOTSUPP ? 0 : rc;
}

/* Clusters, then the bits for them, each on stable storage before the next step. */
static int cow_sync(struct disk_cow *c)
{
    if (!c->keep)
        return 0;
    pthread_rwlock_wrlock(&c->lock);
    int rc = fdatasync(c->fd) ? -errno : 0;
    if (!rc && c->dirty_lo < c->dirty_hi) {
        struct iovec iov = {c->map + c->dirty_lo, c->dirty_hi - c->dirty_lo};
        rc = disk_fd_write(c->fd, COW_HEAD + c->dirty_lo, &iov, 1);
        if (!rc && fdatasync(c->fd))
            rc = -errno;
        if (!rc) {
            c->dirty_lo = UINT64_MAX;
            c->dirty_hi = 0;
        }
    }
    pthread_rwlock_unlock(&c->lock);
    return rc;
}

static int cow_flush(struct disk *d)
{
    return cow_sync(cow_of(d));
}

static void cow_end(struct disk *d)
{
    cow_sync(cow_of(d));
}

static void cow_free(struct disk *d)
{
    struct disk_cow *c = cow_of(d);
    if (c->map) {
        cow_sync(c);
        munmap(c->map, c->map_len);
    }
    if (c->fd >= 0)
        close(c->fd);
    c->base->ops->free(c->base);
    pthread_rwlock_destroy(&c->lock);
    free(c);
}

#define COW_OPS                                                                                    \
    .read = cow_read, .write = cow_write, .discard = cow_discard, .zero = cow_zero, .free = cow_free

static const struct disk_ops cow_ops = {COW_OPS}; /* gone at the end */
static const struct disk_ops cow_keep_ops = {COW_OPS, .flush = cow_flush,
                                             .end = cow_end}; /* kept in a file */

/* ---- the overlay's file ---- */

static int cow_temporary(struct disk_cow *c, struct err *err)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    dir = dir && *dir ? dir : "/tmp";
#ifdef O_TMPFILE
    c->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (c->fd >= 0)
        return 0;
#endif
    snprintf(path, sizeof path, "%s/vibevmm-cow.XXXXXX", dir);
    c->fd = mkstemp(path);
    if (c->fd < 0)
        return err_sys(err, errno, "%s: no temporary file for ,cow", dir);
    fcntl(c->fd, F_SETFD, FD_CLOEXEC);
    unlink(path);
    return 0;
}

static int cow_create(struct disk_cow *c, const char *path, uint64_t base_id, struct err *err)
{
    uint8_t head[COW_HEAD] = COW_MAGIC;
    le64_put(head + 8, COW_CLUSTER);
    le64_put(head + 16, c->disk.size);
    le64_put(head + 24, base_id);
    struct iovec iov = {head, sizeof head};
    int rc = ftruncate(c->fd, (off_t)(c->data + c->clusters * COW_CLUSTER)) ? -errno : 0;
    rc = rc ? rc : disk_fd_write(c->fd, 0, &iov, 1);
    return rc ? err_sys(err, -rc, "%s", path) : 0;
}

/* A file that is there already: is it an overlay, of this base? */
static int cow_check(struct disk_cow *c, const char *path, uint64_t base_id, uint64_t len,
                     struct err *err)
{
    uint8_t head[COW_HEAD];
    struct iovec iov = {head, sizeof head};
    int rc = disk_fd_read(c->fd, 0, &iov, 1, false);
    if (rc)
        return err_sys(err, -rc, "%s", path);
    if (memcmp(head, COW_MAGIC, strlen(COW_MAGIC)) != 0 || le64_get(head + 8) != COW_CLUSTER)
        return err_set(err, ERR_HOST, EINVAL,
                       "%s: is no overlay of ours (it does not begin with " COW_MAGIC
                       "); a new one is made where there is no file",
                       path);
    if (le64_get(head + 16) != c->disk.size)
        return err_set(err, ERR_HOST, EINVAL,
                       "%s: is an overlay of a disk of %" PRIu64 " bytes; this base has %" PRIu64,
                       path, le64_get(head + 16), c->disk.size);
    if (le64_get(head + 24) != base_id)
        return err_set(err, ERR_HOST, EINVAL,
                       "%s: its base was changed after the overlay was made; together they are "
                       "no disk any more",
                       path);
    if (len < c->data)
        return err_set(err, ERR_HOST, EINVAL, "%s: is truncated: has %" PRIu64 " bytes of %" PRIu64,
                       path, len, c->data + c->clusters * COW_CLUSTER);
    iov = (struct iovec){c->map, c->map_len};
    rc = disk_fd_read(c->fd, COW_HEAD, &iov, 1, false);
    return rc ? err_sys(err, -rc, "%s", path) : 0;
}

static int cow_open(struct disk_cow *c, const char *path, uint64_t base_id, struct err *err)
{
    struct stat st;
    c->keep = true;
    c->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    if (c->fd < 0 || fstat(c->fd, &st))
        return err_sys(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_HOST, EINVAL, "%s: ,cow=FILE takes a regular file", path);
    int rc = disk_fd_lock(c->fd, true, path, err);
    if (rc)
        return rc;
    return st.st_size ? cow_check(c, path, base_id, (uint64_t)st.st_size, err)
                      : cow_create(c, path, base_id, err);
}

int disk_cow_new(struct disk **out, struct disk *base, const char *path, uint64_t base_id,
                 struct err *err)
{
    struct disk_cow *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c) {
        base->ops->free(base);
        return err_sys(err, ENOMEM, "copy on write");
    }
    c->disk = (struct disk){.ops = path ? &cow_keep_ops : &cow_ops, .size = base->size};
    c->base = base;
    c->fd = -1;
    c->dirty_lo = UINT64_MAX;
    pthread_rwlock_init(&c->lock, NULL);
    c->clusters = (base->size + COW_CLUSTER - 1) / COW_CLUSTER;
    c->map_len = align_up((c->clusters + 7) / 8, COW_CLUSTER);
    c->data = COW_HEAD + c->map_len;
    void *map = mmap(NULL, c->map_len, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int rc = map == MAP_FAILED ? err_sys(err, errno, "copy on write: a map of its clusters") : 0;
    c->map = rc ? NULL : map;
    if (!rc)
        rc = path ? cow_open(c, path, base_id, err) : cow_temporary(c, err);
    if (rc) {
        c->keep = false; /* nothing is written to a file that is not ours */
        cow_free(&c->disk);
    } else {
        *out = &c->disk;
    }
    return rc;
}
