// SPDX-License-Identifier: MIT
/*
 * p9_edit.c - 9P2000.L: what changes a folder. None of it is reached when the folder is read-only.
 *
 * What is made belongs to the user who runs this process, with the modes that the client asks for
 * less the process's umask. The set-uid and set-gid bits of files are refused (EPERM): a guest's
 * root must not make programs of the host's user that others of the host can run. Devices, FIFOs
 * and sockets are not made.
 */
#include "p9_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int p9_rc(int rc)
{
    return rc ? -errno : 0;
}

/* Reply with the qid of what was just made. */
static int p9_made(struct p9 *p, struct p9_call *c, int rc)
{
    struct stat st;
    if (rc || fstatat(c->a[0].fid->fd, c->a[1].s, &st, AT_SYMLINK_NOFOLLOW))
        return -errno;
    p9_put_qid(p, c, &st);
    return 0;
}

int p9_mkdir(struct p9 *p, struct p9_call *c)
{
    return p9_made(p, c, mkdirat(c->a[0].fid->fd, c->a[1].s, (mode_t)c->a[2].n & 07777));
}

int p9_symlink(struct p9 *p, struct p9_call *c)
{
    if (strlen(c->a[2].s) > P9_PATH_MAX)
        return -ENAMETOOLONG;
    return p9_made(p, c, symlinkat(c->a[2].s, c->a[0].fid->fd, c->a[1].s));
}

int p9_mknod(struct p9 *p, struct p9_call *c)
{
    mode_t mode = (mode_t)c->a[2].n;
    if ((mode & S_IFMT && !S_ISREG(mode)) || mode & (S_ISUID | S_ISGID))
        return -EPERM;
    return p9_made(p, c, mknodat(c->a[0].fid->fd, c->a[1].s, S_IFREG | (mode & 01777), 0));
}

int p9_link(struct p9 *p, struct p9_call *c)
{
    const struct p9_fid *dir = c->a[0].fid, *fid = c->a[1].fid;
    char text[P9_FD_TEXT];
    if (!S_ISREG(fid->type) && !S_ISLNK(fid->type))
        return -EPERM;
    return p9_rc(linkat(p->proc, p9_fd_text(fid->fd, text), dir->fd, c->a[2].s, AT_SYMLINK_FOLLOW));
}

int p9_renameat(struct p9 *p, struct p9_call *c)
{
    (void)p;
    return p9_rc(renameat(c->a[0].fid->fd, c->a[1].s, c->a[2].fid->fd, c->a[3].s));
}

int p9_unlinkat(struct p9 *p, struct p9_call *c)
{
    enum { P9_REMOVEDIR = 0x200 };
    (void)p;
    if (c->a[2].n & ~(uint64_t)P9_REMOVEDIR)
        return -EINVAL;
    return p9_rc(unlinkat(c->a[0].fid->fd, c->a[1].s, c->a[2].n ? AT_REMOVEDIR : 0));
}

/* By the file instead of its name: where it was walked to, if it is still there. */
int p9_rename(struct p9 *p, struct p9_call *c)
{
    struct p9_fid *fid = c->a[0].fid, *to = c->a[1].fid;
    const char *name;
    char *path;
    int dir = p9_parent(p, fid, &name);
    if (dir < 0)
        return dir;
    int rc = p9_path_join(to->path, c->a[2].s, &path);
    if (!rc) {
        rc = p9_rc(renameat(dir, name, to->fd, c->a[2].s));
        free(rc ? path : fid->path);
        if (!rc)
            fid->path = path;
    }
    close(dir);
    return rc;
}

/* The file is the client's no more, also when this fails. */
int p9_remove(struct p9 *p, struct p9_call *c)
{
    struct p9_fid *fid = c->a[0].fid;
    const char *name;
    int dir = p9_parent(p, fid, &name), rc = dir;
    if (dir >= 0) {
        rc = p9_rc(unlinkat(dir, name, S_ISDIR(fid->type) ? AT_REMOVEDIR : 0));
        close(dir);
    }
    p9_fid_free(p, fid);
    return rc;
}

/* ---- attributes ---- */

/* valid[4] of Tsetattr; with neither _SET a time is now. */
enum {
    P9_MODE = 1,
    P9_UID = 2,
    P9_GID = 4,
    P9_SIZE = 8,
    P9_ATIME = 0x10,
    P9_MTIME = 0x20,
    P9_ATIME_SET = 0x80,
    P9_MTIME_SET = 0x100,
};

static int p9_set_mode(const struct p9 *p, const struct p9_fid *fid, mode_t mode)
{
    char text[P9_FD_TEXT];
    if (!S_ISREG(fid->type) && !S_ISDIR(fid->type))
        return -EPERM;
    if (S_ISREG(fid->type) && mode & (S_ISUID | S_ISGID))
        return -EPERM;
    return p9_rc(fchmodat(p->proc, p9_fd_text(fid->fd, text), mode & 07777, 0));
}

static int p9_set_size(const struct p9 *p, const struct p9_fid *fid, uint64_t size)
{
    if (!S_ISREG(fid->type))
        return S_ISDIR(fid->type) ? -EISDIR : -EPERM;
    if (size > INT64_MAX)
        return -EFBIG;
    /* What the file was opened for may be more than its mode allows by now. */
    if (fid->open && !ftruncate(fid->fd, (off_t)size))
        return 0;
    int fd = p9_reopen(p, fid->fd, O_WRONLY);
    if (fd < 0)
        return fd;
    int rc = p9_rc(ftruncate(fd, (off_t)size));
    close(fd);
    return rc;
}

static struct timespec p9_time(uint64_t valid, unsigned bit, unsigned set, uint64_t s, uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)s,
                             .tv_nsec = !(valid & bit) ? UTIME_OMIT
                                        : valid & set  ? (long)MIN(ns, 999999999)
                                                       : UTIME_NOW};
}

/* In this order: a change of owner clears bits of the mode, and every change sets times. */
int p9_setattr(struct p9 *p, struct p9_call *c)
{
    const struct p9_fid *fid = c->a[0].fid;
    uint64_t valid = c->a[1].n;
    char text[P9_FD_TEXT];
    int rc = 0;
    if (valid & (P9_UID | P9_GID))
        rc = p9_rc(fchownat(fid->fd, "", valid & P9_UID ? (uid_t)c->a[3].n : (uid_t)-1,
                            valid & P9_GID ? (gid_t)c->a[4].n : (gid_t)-1, AT_EMPTY_PATH));
    if (!rc && valid & P9_MODE)
        rc = p9_set_mode(p, fid, (mode_t)c->a[2].n);
    if (!rc && valid & P9_SIZE)
        rc = p9_set_size(p, fid, c->a[5].n);
    if (!rc && valid & (P9_ATIME | P9_MTIME)) {
        const struct timespec times[2] = {
            p9_time(valid, P9_ATIME, P9_ATIME_SET, c->a[6].n, c->a[7].n),
            p9_time(valid, P9_MTIME, P9_MTIME_SET, c->a[8].n, c->a[9].n),
        };
        rc = p9_rc(utimensat(p->proc, p9_fd_text(fid->fd, text), times, 0));
    }
    return rc;
}
