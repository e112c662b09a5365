// SPDX-License-Identifier: MIT
/*
 * boot_file.c - an image's bytes from a file, a pipe or memory.
 *
 * A pipe's bytes (`--initrd <(make-it)`) are taken into anonymous memory up to a bound: all that
 * guest RAM could hold.
 */
#include "boot_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int boot_file_alloc(struct boot_file *f, const char *path, uint64_t room, struct err *err)
{
    *f = (struct boot_file){.path = path, .fd = -1};
    if (room > SIZE_MAX)
        return err_sys(err, ENOMEM, "%s", path);
    void *p = mmap(NULL, (size_t)room, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return err_sys(err, errno, "%s: no memory to unpack %" PRIu64 " MiB", path, room >> 20);
#ifdef MADV_HUGEPAGE
    madvise(p, (size_t)room, MADV_HUGEPAGE);
#endif
    f->data = p;
    f->data_room = room;
    return 0;
}

static int boot_file_slurp(struct boot_file *f, uint64_t max, struct err *err)
{
    const char *path = f->path;
    int fd = f->fd;
    /* one byte more, to see that there is more */
    int rc = boot_file_alloc(f, path, max + 1, err);
    while (!rc && f->len < f->data_room) {
        ssize_t n = read(fd, f->data + f->len, (size_t)MIN(f->data_room - f->len, MIB(1)));
        if (n < 0 && errno != EINTR)
            rc = err_sys(err, errno, "%s", path);
        else if (n == 0)
            break;
        else if (n > 0)
            f->len += (uint64_t)n;
    }
    close(fd);
    if (!rc && f->len > max)
        rc = err_set(err, ERR_IMAGE, EFBIG,
                     "%s: gives more than %" PRIu64 " MiB, which is all the RAM of this machine",
                     path, max >> 20);
    return rc;
}

int boot_file_open(struct boot_file *f, const char *path, uint64_t max, struct err *err)
{
    struct stat st;
    int rc = 0;
    *f = (struct boot_file){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    if (f->fd < 0)
        return err_sys(err, errno, "%s", path);
    if (fstat(f->fd, &st))
        rc = err_sys(err, errno, "%s", path);
    else if (S_ISDIR(st.st_mode))
        rc = err_set(err, ERR_IMAGE, EISDIR, "%s: is a directory, not an image file", path);
    else if (S_ISREG(st.st_mode))
        f->len = (uint64_t)st.st_size;
    else
        rc = boot_file_slurp(f, max, err);
    if (!rc && !f->len)
        rc = err_set(err, ERR_IMAGE, ENODATA, "%s: is empty (0 bytes)", path);
    if (rc)
        boot_file_close(f);
    return rc;
}

void boot_file_close(struct boot_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    if (f->data)
        munmap(f->data, (size_t)f->data_room);
    f->fd = -1;
    f->data = NULL;
}

int boot_file_read(const struct boot_file *f, uint64_t off, void *buf, uint64_t len,
                   struct err *err)
{
    if (off > f->len || len > f->len - off)
        return err_set(err, ERR_IMAGE, ENODATA,
                       "%s: is truncated: has %" PRIu64 " bytes, its headers speak of %" PRIu64
                       " from %" PRIu64,
                       f->path, f->len, len, off);
    if (f->data) {
        memcpy(buf, f->data + f->base + off, (size_t)len);
        return 0;
    }
    for (uint64_t done = 0; done < len;) {
        ssize_t n = pread(f->fd, (uint8_t *)buf + done, (size_t)(len - done),
                          (off_t)(f->base + off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "%s", f->path);
        if (n == 0)
            return err_set(err, ERR_IMAGE, ENODATA, "%s: shrank while it was read", f->path);
        done += (uint64_t)n;
    }
    return 0;
}

int boot_write(int fd, const char *path, const void *buf, uint64_t len, uint64_t at,
               struct err *err)
{
    const uint8_t *p = buf;
    for (uint64_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, p + done, (size_t)(len - done), (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "%s", path);
        done += (uint64_t)n;
    }
    return 0;
}
