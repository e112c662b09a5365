// SPDX-License-Identifier: MIT
/*
 * p9_look.c - 9P2000.L: the session's messages, walking, attributes.
 */
#include "p9_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

int p9_version(struct p9 *p, struct p9_call *c)
{
    static const char ours[] = "9P2000.L", unknown[] = "unknown";
    bool ok = !strcmp(c->a[1].s, ours) && c->a[0].n >= P9_MSIZE_MIN;
    p9_reset(p);
    uint32_t msize = (uint32_t)MIN(c->a[0].n, P9_MSIZE_MAX);
    if (ok)
        p->msize = msize;
    p9_put(p, c, msize, 4);
    p9_put_text(p, c, ok ? ours : unknown, ok ? sizeof ours - 1 : sizeof unknown - 1);
    return 0;
}

int p9_attach(struct p9 *p, struct p9_call *c)
{
    if (c->a[1].n != UINT32_MAX) /* nobody has authenticated */
        return -EOPNOTSUPP;
    const char *tree = c->a[3].s;
    if (*tree && strcmp(tree, "/") != 0) /* there is one tree */
        return -ENOENT;
    int fd = p9_at(p, p->root, ".", O_PATH | O_DIRECTORY, 0);
    struct stat st;
    if (fd < 0)
        return fd;
    fstat(fd, &st);
    int rc = p9_fid_new(p, (uint32_t)c->a[0].n, fd, S_IFDIR, "");
    if (!rc)
        p9_put_qid(p, c, &st);
    return rc;
}

/* One name further from the folder `dir`: its descriptor, and *path becomes its path. */
static int p9_step(const struct p9 *p, int dir, const char *name, char **path, struct stat *st)
{
    char *longer;
    int rc = p9_path_join(*path, name, &longer);
    if (rc)
        return rc;
    int fd = p9_at(p, dir, name, O_PATH, 0);
    if (fd < 0) {
        free(longer);
        return fd;
    }
    fstat(fd, st);
    free(*path);
    *path = longer;
    return fd;
}

/* The file itself once more (no names), or what the names lead to. When only some of them can be
 * walked, those are answered and there is no new file. */
int p9_walk(struct p9 *p, struct p9_call *c)
{
    struct p9_fid *from = c->a[0].fid;
    uint32_t num = (uint32_t)c->a[1].n;
    unsigned n = (unsigned)c->a[2].n, done = 0;
    const char *names[P9_WALK_MAX];
    int rc = n > P9_WALK_MAX ? -EINVAL : num != from->num && p9_fid_find(p, num) ? -EBADF : 0;
    for (unsigned i = 0; i < n && !rc; i++)
        rc = p9_take_name(p, c, &names[i]);
    if (rc)
        return rc;
    struct stat st = {.st_mode = from->type};
    char *path = strdup(from->path);
    if (!path)
        return -ENOMEM;
    p9_put(p, c, n, 2);
    int fd = n ? from->fd : p9_reopen(p, from->fd, O_PATH);
    for (; done < n && fd >= 0; done++) {
        int next = p9_step(p, fd, names[done], &path, &st);
        if (done)
            close(fd);
        fd = next;
        if (fd < 0)
            break;
        p9_put_qid(p, c, &st);
    }
    if (fd >= 0) {
        if (num == from->num)
            p9_fid_free(p, from);
        rc = p9_fid_new(p, num, fd, st.st_mode, path);
    } else {
        rc = done ? 0 : fd;
        le16_put(p->out + P9_HEAD, (uint16_t)done);
    }
    free(path);
    return rc;
}

int p9_clunk(struct p9 *p, struct p9_call *c)
{
    p9_fid_free(p, c->a[0].fid);
    return 0;
}

int p9_getattr(struct p9 *p, struct p9_call *c)
{
    enum { BASIC = 0x7ff }; /* everything but birth time, generation, data version */
    struct stat st;
    if (fstat(c->a[0].fid->fd, &st))
        return -errno;
    p9_put(p, c, BASIC, 8);
    p9_put_qid(p, c, &st);
    p9_put(p, c, st.st_mode, 4);
    p9_put(p, c, st.st_uid, 4);
    p9_put(p, c, st.st_gid, 4);
    const uint64_t rest[] = {
        st.st_nlink,
        st.st_rdev,
        (uint64_t)st.st_size,
        (uint64_t)st.st_blksize,
        (uint64_t)st.st_blocks,
        (uint64_t)st.st_atim.tv_sec,
        (uint64_t)st.st_atim.tv_nsec,
        (uint64_t)st.st_mtim.tv_sec,
        (uint64_t)st.st_mtim.tv_nsec,
        (uint64_t)st.st_ctim.tv_sec,
        (uint64_t)st.st_ctim.tv_nsec,
        0, /* birth time, s and ns */
        0,
        0, /* generation */
        0, /* data version */
    };
    for (unsigned i = 0; i < ARRAY_LEN(rest); i++)
        p9_put(p, c, rest[i], 8);
    return 0;
}

int p9_statfs(struct p9 *p, struct p9_call *c)
{
    struct statfs s;
    if (fstatfs(c->a[0].fid->fd, &s))
        return -errno;
    uint64_t id;
    memcpy(&id, &s.f_fsid, sizeof id);
    p9_put(p, c, (uint64_t)s.f_type, 4);
    p9_put(p, c, (uint64_t)s.f_bsize, 4);
    p9_put(p, c, s.f_blocks, 8);
    p9_put(p, c, s.f_bfree, 8);
    p9_put(p, c, s.f_bavail, 8);
    p9_put(p, c, s.f_files, 8);
    p9_put(p, c, s.f_ffree, 8);
    p9_put(p, c, id, 8);
    p9_put(p, c, P9_NAME_MAX, 4);
    return 0;
}

int p9_readlink(struct p9 *p, struct p9_call *c)
{
    char target[P9_PATH_MAX + 1];
    if (!S_ISLNK(c->a[0].fid->type)) /* an empty name means the link itself only for links */
        return -EINVAL;
    ssize_t n = readlinkat(c->a[0].fid->fd, "", target, sizeof target);
    if (n < 0)
        return -errno;
    if ((size_t)n == sizeof target)
        return -ENAMETOOLONG;
    p9_put_text(p, c, target, (size_t)n);
    return 0;
}
