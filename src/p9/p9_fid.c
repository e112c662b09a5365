// SPDX-License-Identifier: MIT
/*
 * p9_fid.c - the files a client holds, and the only ways to come by a descriptor.
 *
 * Confinement: the client's first file is the root, and every other one comes from p9_at(), one
 * name from a folder already held. openat2(2) takes that step without following a link and without
 * leaving the mount; there is no "..". So whatever others rename or exchange meanwhile, a step ends
 * at something that was in that folder. An O_PATH descriptor opens nothing: devices, FIFOs and
 * sockets are looked at but not touched. p9_reopen() goes from the descriptor to the same file and
 * is used after its type, which cannot change, was checked.
 */
#include "p9_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the table ---- */

static unsigned p9_bucket(uint32_t num)
{
    return (num * UINT32_C(2654435769)) >> 22; /* Knuth's multiplicative hashing; 10 bits */
}

struct p9_fid *p9_fid_find(const struct p9 *p, uint32_t num)
{
    struct p9_fid *f = p->fids[p9_bucket(num)];
    while (f && f->num != num)
        f = f->next;
    return f;
}

int p9_fid_new(struct p9 *p, uint32_t num, int fd, mode_t type, const char *path)
{
    struct p9_fid *f = NULL;
    int rc = p9_fid_find(p, num) || num == UINT32_MAX ? -EBADF /* P9_NOFID is no file */
             : p->n_fids == P9_FIDS_MAX               ? -EMFILE
                                                      : 0;
    if (!rc && !(f = calloc(1, sizeof *f)))
        rc = -ENOMEM;
    if (!rc && !(f->path = strdup(path)))
        rc = -ENOMEM;
    if (rc) {
        free(f);
        close(fd);
        return rc;
    }
    f->num = num;
    f->fd = fd;
    f->type = type & S_IFMT;
    struct p9_fid **at = &p->fids[p9_bucket(num)];
    f->next = *at;
    *at = f;
    p->n_fids++;
    return 0;
}

static void p9_fid_release(struct p9_fid *f)
{
    close(f->fd);
    free(f->path);
    free(f);
}

void p9_fid_free(struct p9 *p, struct p9_fid *fid)
{
    struct p9_fid **at = &p->fids[p9_bucket(fid->num)];
    while (*at != fid)
        at = &(*at)->next;
    *at = fid->next;
    p->n_fids--;
    p9_fid_release(fid);
}

void p9_fids_free(struct p9 *p)
{
    for (unsigned i = 0; i < P9_BUCKETS && p->n_fids; i++) {
        for (struct p9_fid *f = p->fids[i], *next; f; f = next, p->n_fids--) {
            next = f->next;
            p9_fid_release(f);
        }
        p->fids[i] = NULL;
    }
}

/* ---- descriptors ---- */

/* The lowest free descriptor is what one gets: near the limit, it is left to the others. */
static int p9_keep(const struct p9 *p, int fd)
{
    if (fd < 0)
        return -errno;
    if (fd < p->fd_limit)
        return fd;
    close(fd);
    return -EMFILE;
}

int p9_at(const struct p9 *p, int dir, const char *name, int flags, mode_t mode)
{
    const struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    return p9_keep(p, (int)syscall(SYS_openat2, dir, name, &how, sizeof how));
}

const char *p9_fd_text(int fd, char text[static P9_FD_TEXT])
{
    snprintf(text, P9_FD_TEXT, "%d", fd);
    return text;
}

int p9_reopen(const struct p9 *p, int fd, int flags)
{
    char text[P9_FD_TEXT];
    return p9_keep(
        p, openat(p->proc, p9_fd_text(fd, text), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

/* ---- paths ---- */

int p9_path_join(const char *path, const char *name, char **out)
{
    size_t a = strlen(path), b = strlen(name);
    if (a + b + 1 > P9_PATH_MAX)
        return -ENAMETOOLONG;
    char *s = *out = malloc(a + b + 2);
    if (!s)
        return -ENOMEM;
    memcpy(s, path, a);
    if (a)
        s[a++] = '/';
    memcpy(s + a, name, b);
    s[a + b] = '\0';
    return 0;
}

int p9_parent(const struct p9 *p, const struct p9_fid *fid, const char **name)
{
    if (!*fid->path)
        return -EBUSY; /* the root has no name here */
    char dir[P9_PATH_MAX + 1] = ".";
    const char *slash = strrchr(fid->path, '/');
    if (slash) {
        memcpy(dir, fid->path, (size_t)(slash - fid->path));
        dir[slash - fid->path] = '\0';
    }
    *name = slash ? slash + 1 : fid->path;
    int fd = p9_at(p, p->root, dir, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    struct stat is, was;
    if (fstatat(fd, *name, &is, AT_SYMLINK_NOFOLLOW) || fstat(fid->fd, &was) ||
        is.st_ino != was.st_ino || is.st_dev != was.st_dev) {
        close(fd);
        return -ESTALE;
    }
    return fd;
}
